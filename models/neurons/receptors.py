"""Several synaptic currents in one neuron: `lif_exp` and `lif_alpha` with receptors, and what `glif` shares with them.

tau_mem dV/dt = v_leak + current - V + r (I1 + … + In). Each Ij decays with its own tau_syn; of `lif_alpha`, it rises
first. V - v_threshold is a constant and 1 + n exponentials (1 + 2 n of `lif_alpha`): `exponentials` finds all its
turns, and so the rise in which it is first 0. Any time constants > 0, equal or nearly equal ones too.

Errors. With u = 2^-53, rounding is worth at most 64 u of the terms of V - v_threshold, each times 1 + s / tau. As with
one current, a maximum below the threshold by no more than that fires, and a spike whose maximum is that near to it, on
either side, is counted (``run.counters["tangent"]``; `tests/test_receptors.py`).
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim._jit import jitable, separate
from eventsim.models.neurons.exponentials import make_each, make_forms
from eventsim.models.neurons.options import MARGIN, check_potentials, holding
from eventsim.models.neurons.responses import alpha_response, decayed, response
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import Array, Model, receptor_parameter

# Behind them, each n times: the time constants, the peaks of V per current, and the currents at the beginning.
ROWS = ("tau_mem", "v_threshold", "v_reset", "v_inf", "gain", "hold", "v_init")
TAUS = len(ROWS)
# A maximum that is below the threshold by less than its own rounding touches it: 64 roundings of its terms.
TOUCH = 2.0**-47


def currents_of(name: str, n: int) -> tuple[str, ...]:
    """Names of n of a kind: one has no number."""
    return (name,) if n == 1 else tuple(f"{name}_{j}" for j in range(n))


def each_of(name: str, receptors: Sequence[str], parameters: Mapping[str, Array]) -> list[Array]:
    """The parameter called `name` of each receptor, (size,) each; of a neuron without receptors it alone."""
    return [parameters[receptor_parameter(name, receptor)] for receptor in receptors] or [parameters[name]]


@jitable
def moved(of: Any, w: Any, j: int) -> float:
    """The j-th of some numbers; that of the receptor goes up by w. `of` are they and the receptor."""
    numbers, receptor = of
    return numbers[j] + w if j == receptor else numbers[j]


def receiving(n: int, first: int, size: int) -> Callable[..., Numbers]:
    """``receive(s, w, receptor)``: an input moves one of n numbers, from `first` on, of a state of `size` numbers.

    Of one receptor it is ``receive(s, w)``.
    """
    if n == 1:
        behind = first + 1

        @jitable
        def receive_one(s: Numbers, w: Any) -> Numbers:
            return s[:first] + (s[first] + w,) + s[behind:size]  # noqa: RUF005 - numba unpacks no tuples

        return receive_one
    each, end = make_each(n, moved), first + n

    @jitable
    def receive(s: Numbers, w: Any, receptor: int) -> Numbers:
        return s[:first] + each((s[first:end], receptor), w) + s[end:size]

    return receive


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= v_threshold, inclusive."""
    return s[0] >= p[1]


@jitable
def decay(tau: Numbers, dt: float, j: int) -> float:
    """What is left of the j-th current."""
    return math.exp(-dt / tau[j])


@jitable
def per_current(of: Any, dt: float, j: int) -> float:
    """V per I of the j-th current; `of` = (tau_mem, gain, tau)."""
    tau_mem, gain, tau = of
    return gain * response(tau_mem, tau[j], dt)


@jitable
def per_weight(of: Any, dt: float, j: int) -> float:
    """V per weight that has decayed, of the j-th current that rises."""
    tau_mem, gain, tau = of
    return gain * (math.e / tau[j] * alpha_response(tau_mem, tau[j], dt))


@jitable
def current_per_weight(tau: Numbers, dt: float, j: int) -> float:
    """I per weight that has decayed, of the j-th current that rises."""
    return decayed(0.0, math.e / tau[j], dt, tau[j])[1]


@jitable
def product(x: Any, y: Any, j: int) -> float:
    """The product of the j-th numbers."""
    return x[j] * y[j]


@jitable
def rise_of(a: Numbers, tau: Numbers, j: int) -> float:
    """J of the j-th current."""
    return a[j] * (math.e / tau[j])


@jitable
def advanced(x: Any, y: Any, j: int) -> float:
    """The j-th current: what is left of it, and what has risen; x = (I, A), y = (decay, I per A)."""
    return x[0][j] * y[0][j] + x[1][j] * y[1][j]


def _make_state(n: int, rises: bool) -> tuple[Any, Any]:
    """``split(s)`` = (V, I, A, hold) of a state, and its inverse ``joined``; without a rise A is 0."""
    end, last, none = 1 + n, 1 + n * (1 + rises), (0.0,) * n
    if rises:

        @jitable
        def split_risen(s: Numbers) -> Any:
            return s[0], s[1:end], s[end:last], s[last]

        @jitable
        def joined_risen(v: float, i: Any, a: Any, hold: float) -> Numbers:
            return (v,) + i + a + (hold,)  # noqa: RUF005 - numba unpacks no tuples

        return split_risen, joined_risen

    @jitable
    def split(s: Numbers) -> Any:
        return s[0], s[1:end], none, s[last]

    @jitable
    def joined(v: float, i: Any, a: Any, hold: float) -> Numbers:
        return (v,) + i + (hold,)  # noqa: RUF005

    return split, joined


def _make_motion(n: int, rises: bool, split: Any, joined: Any) -> tuple[Any, Any]:
    """(propagator, advance): V relaxes towards v_inf, driven by the currents; while it is held, only these change."""
    each_decay, each_left, each_gone = make_each(n, decay), make_each(n, product), make_each(n, advanced)
    each_current, each_weight = make_each(n, per_current), make_each(n, per_weight)
    each_risen, last_tau, none = make_each(n, current_per_weight), TAUS + n, (0.0,) * n

    @jitable
    def coefficients(of: Any, dt: Any) -> Any:
        """What takes a state that is not held dt further; `of` = (tau_mem, v_inf, gain, tau)."""
        tau_mem, v_inf, gain, tau = of
        given, risen, weights = (tau_mem, gain, tau), none, none
        if rises:
            risen, weights = each_risen(tau, dt), each_weight(given, dt)
        return (-math.expm1(-dt / tau_mem), v_inf, each_current(given, dt), weights, each_decay(tau, dt), risen)

    @jitable
    def propagator(p: Numbers, dt: Any) -> Any:
        tau_mem, _, _, v_inf, gain = p[:5]
        of = (tau_mem, v_inf, gain, p[TAUS:last_tau])
        return (coefficients(of, dt), dt, of)

    @jitable
    def free(c: Any, v: float, i: Any, a: Any) -> Any:
        """(V, I, A) of a state that is not held."""
        rise, v_inf, per_i, per_a, left, risen = c
        driven = 0.0
        for j in range(n):
            driven += per_i[j] * i[j]
            if rises:
                driven += per_a[j] * a[j]
        v = v + (v_inf - v) * rise + driven
        if rises:
            return v, each_gone((i, a), (left, risen)), each_left(a, left)
        return v, each_left(i, left), a

    @separate
    def held(c: Any, s: Numbers) -> Any:
        """State of a neuron that is held at first."""
        _, dt, of = c
        tau = of[3]
        v, i, a, hold = split(s)
        until = min(hold, dt)
        left, risen = each_decay(tau, until), none
        if rises:
            risen = each_risen(tau, until)
        i, a = each_gone((i, a), (left, risen)), each_left(a, left)
        if hold < dt:
            v, i, a = free(coefficients(of, dt - hold), v, i, a)
        return joined(v, i, a, hold - until)

    @jitable
    def advance(c: Any, s: Numbers) -> Any:
        v, i, a, hold = split(s)
        if hold > 0.0:
            return held(c, s)
        v, i, a = free(c[0], v, i, a)
        return joined(v, i, a, hold)

    return propagator, advance


def _make_prediction(n: int, rises: bool, split: Any) -> tuple[Any, Any, Any]:
    """(may_spike, time_to_spike, touching)."""
    forms, last_tau, last_peak, none = make_forms(n, rises), TAUS + n, TAUS + 2 * n, (0.0,) * n
    each_left, each_gone, each_rise = make_each(n, decay), make_each(n, advanced), make_each(n, rise_of)
    each_risen, first_rise, touches = make_each(n, current_per_weight), forms.first_rise, forms.touches

    @jitable
    def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
        """V stays below max(V, v_inf) plus the most that each positive r I and r A ever adds."""
        v_threshold, v_inf = p[1], p[3]
        v, i, a, hold = split(s)
        drive = 0.0
        for j in range(n):
            drive += max(p[last_tau + j] * i[j], 0.0)
            if rises:
                drive += max(p[last_peak + j] * a[j], 0.0)
        bound = max(v, v_inf) + drive
        return hold < math.inf and bound >= v_threshold - MARGIN * (abs(v_threshold) + abs(v) + abs(v_inf) + drive)

    @separate
    def released(p: Numbers, s: Numbers) -> Any:
        """V - v_threshold as a form of `exponentials`, from the end of the time in which V is held."""
        tau_mem, v_threshold, _, v_inf, gain = p[:5]
        tau = p[TAUS:last_tau]
        v, i, a, hold = split(s)
        if hold > 0.0:
            left, risen = each_left(tau, hold), none
            if rises:
                risen = each_risen(tau, hold)
            i, a = each_gone((i, a), (left, risen)), each_gone((a, none), (left, none))
        return (
            v_inf - v_threshold, 1.0, 0.0, none, none, v - v_inf, 0.0, i, each_rise(a, tau), tau_mem, tau_mem, tau,
            gain, 0.0, abs(v_inf - v_threshold), v - v_threshold,
        )  # fmt: skip

    @separate
    def time_to_spike(p: Numbers, s: Numbers) -> Any:
        """The end of the time in which V is held, then the first upward crossing."""
        hold = split(s)[3]
        if hold == math.inf or not may_spike(p, s, math.inf):
            return math.inf
        return hold + first_rise(released(p, s), TOUCH)[0]

    @separate
    def touching(p: Numbers, s: Numbers) -> bool:
        """Is the maximum of V, of a state that is about to fire, the threshold but for rounding?"""
        return touches(released(p, s), TOUCH)

    return may_spike, time_to_spike, touching


@functools.cache
def make_dynamics(n: int, rises: bool) -> Dynamics:
    """Return the dynamics of neurons with `n` currents.

    The state holds V, the currents I, where they rise the weights A that have decayed (J = A e / tau_syn), and for how
    long V is held.
    """
    split, joined = _make_state(n, rises)
    propagator, advance = _make_motion(n, rises, split, joined)
    may_spike, time_to_spike, touching = _make_prediction(n, rises, split)
    first_current, none, size = TAUS + n * (2 + rises), (0.0,) * n, 2 + n * (1 + rises)
    last_current = first_current + n  # numba slices tuples between names alone

    @jitable
    def initial(p: Numbers) -> Numbers:
        """V = v_init, currents as they are given, not held."""
        v_init = p[6]
        return joined(v_init, p[first_current:last_current], none, 0.0)

    @jitable
    def reset(p: Numbers, s: Numbers) -> Numbers:
        """V := v_reset, held from now on; the currents go on."""
        _, i, a, _ = split(s)
        return joined(p[2], i, a, p[5])

    names = [currents_of(name, n) for name in ("tau_syn", "peak", *(("peak_a",) if rises else ()), "i_init")]
    state = ("v", *currents_of("i", n), *(currents_of("a", n) if rises else ()), "hold")
    return Dynamics(
        state, (*ROWS, *itertools.chain(*names)), initial, propagator, advance,
        receiving(n, 1 + n * rises, size), time_to_spike, above, reset, may_spike=may_spike, touching=touching,
        n_receptors=n,
    )  # fmt: skip


def by_receptors(model: Model, rises: bool, peaks: Callable[[Array, Array], tuple[Array, ...]]) -> Model:
    """Return the model, which has one current, as one that takes receptors.

    Parameters
    ----------
    model
        Its parameters that have one value for each receptor say so.
    rises
        Whether its currents rise first.
    peaks
        Of (tau_mem, tau_syn) the most that a current adds to V, per r I and, of one that rises, per r A.
    """

    @functools.cache
    def several(receptors: tuple[str, ...]) -> tuple[Any, Dynamics]:
        if len(receptors) == 1:
            return functools.partial(_one, model, receptors[0]), model.dynamics
        return functools.partial(_rows, model.name, receptors, peaks), make_dynamics(len(receptors), rises)

    return replace(model, by_receptors=several)


def _one(model: Model, receptor: str, parameters: Mapping[str, Array], window: Any) -> Sequence[Array]:
    """The rows of a neuron with one receptor that has a name."""
    names = {parameter.of(receptor).name: parameter.name for parameter in model.parameters if parameter.each_receptor}
    return model.prepare({names.get(name, name): value for name, value in parameters.items()}, window)


def _rows(name: str, receptors: Sequence[str], peaks: Any, parameters: Mapping[str, Array], window: Any) -> list[Array]:
    """The rows of a neuron called `name` with several receptors."""
    check_potentials(name, parameters)
    tau_mem, r = parameters["tau_mem"], parameters["r"]
    taus = each_of("tau_syn", receptors, parameters)
    currents = [np.zeros(len(tau_mem))] * len(taus)
    if name == "lif_exp":
        currents = each_of("i_init", receptors, parameters)
    highest = zip(*(peaks(tau_mem, tau) for tau in taus), strict=True)
    return [
        tau_mem, parameters["v_threshold"], parameters["v_reset"], parameters["v_leak"] + parameters["current"],
        r / tau_mem, holding(parameters), parameters["v_init"], *taus, *(r * peak for kind in highest for peak in kind),
        *currents,
    ]  # fmt: skip
