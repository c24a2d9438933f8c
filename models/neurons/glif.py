"""Generalised leaky integrate-and-fire neuron: currents of its own spikes, and a threshold that adapts.

S. Mihalas and E. Niebur 2009, with a decaying synaptic current; C. Teeter et al. 2018 (GLIF) for the family.

    tau_mem dV/dt = v_leak + current - V + r (I + J1 + J2),
    tau_syn dI/dt = -I,   tau_1 dJ1/dt = -J1,   tau_2 dJ2/dt = -J2,
    tau_threshold dH/dt = v_threshold + coupling (V - v_leak) - H.

An input of weight w moves I by w. V >= H fires. Then V := v_reset, held there for t_ref while all else goes on,
H := max(H, threshold_reset) + threshold_jump, J1 := kept_1 J1 + after_1 and J2 := kept_2 J2 + after_2. In the letters
of Mihalas and Niebur: G / C = 1 / tau_mem, b = 1 / tau_threshold, a = coupling / tau_threshold, R and A of each current
are kept and after. Any time constants > 0, equal or nearly equal ones too.

V - H is a constant and five exponentials; `exponentials` finds all its turns, and so the rise in which it is first 0.
Errors. With u = 2^-53, rounding is worth at most 64 u of the terms of V - H, each times 1 + s / tau. As in `lif_exp`, a
maximum below the threshold by no more than that fires, and a spike whose maximum is that near to it, on either side, is
counted (``run.counters["tangent"]``). A neuron that is above its threshold when it is released fires then.
"""

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable, separate
from eventsim.errors import ModelError
from eventsim.models.neurons.exponentials import make_each, make_forms
from eventsim.models.neurons.options import (
    CURRENT,
    HELD,
    LEAK,
    MARGIN,
    OF_RECEPTORS,
    RESET,
    RESISTANCE,
    SPIKES,
    START,
    TAU_MEM,
    check_potentials,
    holding,
    time_constant,
)
from eventsim.models.neurons.receptors import currents_of, each_of, receiving
from eventsim.models.neurons.responses import double_response, response
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Free

# Behind them the time constants of all currents: of inputs, then those of its own spikes.
ROWS = (
    "tau_mem", "tau_threshold", "v_inf", "h_inf", "gain", "coupling", "v_threshold", "v_leak", "v_reset",
    "threshold_reset", "threshold_jump", "after_1", "kept_1", "after_2", "kept_2", "hold", "v_init",
)  # fmt: skip
TAUS = len(ROWS)
# A maximum that is below the threshold by less than its own rounding touches it: 64 roundings of its terms.
TOUCH = 2.0**-47


@jitable
def initial_of_spikes(p: Numbers) -> Numbers:
    """V = v_init, and the threshold as it is far from all spikes."""
    v_threshold, v_init = p[6], p[16]
    return (v_init, v_threshold)


@jitable
def left_of(currents: Any, s: float, j: int) -> float:
    """What is left of the j-th of some currents s later; `currents` are they and their time constants."""
    i, tau = currents
    return i[j] * math.exp(-s / tau[j])


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V at or above its threshold."""
    v, threshold = s[:2]
    return v >= threshold


def _make_motion(n: int) -> tuple[Any, Any, Any]:
    """(propagator, advance, held); ``held(p, s, dt)`` is the state dt later while V is held."""
    m, last, last_tau = n + 2, n + 4, TAUS + n + 2  # numba slices tuples between names alone
    each_left = make_each(m, left_of)

    @jitable
    def propagator(p: Numbers, dt: Any) -> Numbers:
        """Dt, and the parameters: neurons are updated one by one."""
        return (dt, p)

    @separate
    def held(p: Numbers, s: Numbers, dt: float) -> Numbers:
        """State dt later while V is held."""
        tau_threshold, coupling, v_threshold, v_leak = p[1], p[5], p[6], p[7]
        v, threshold, hold = s[0], s[1], s[last]
        limit = v_threshold + coupling * (v - v_leak)
        followed = threshold + (limit - threshold) * -math.expm1(-dt / tau_threshold)
        return (v, followed) + each_left((s[2:last], p[TAUS:last_tau]), dt) + (hold - dt,)  # noqa: RUF005

    @separate
    def free(p: Numbers, s: Numbers, dt: float) -> Numbers:
        """State dt later while V is not held."""
        tau_mem, tau_threshold, v_inf, h_inf, gain, coupling = p[:6]
        v, threshold, currents, tau = s[0], s[1], s[2:last], p[TAUS:last_tau]
        push, u = coupling / tau_threshold, v - v_inf
        v = v - u * -math.expm1(-dt / tau_mem)
        h = threshold + (h_inf - threshold) * -math.expm1(-dt / tau_threshold)
        driven, follows = 0.0, 0.0
        for j in range(m):
            driven += gain * currents[j] * response(tau_mem, tau[j], dt)
            if push != 0.0:
                follows += gain * currents[j] * double_response(tau_mem, tau_threshold, tau[j], dt)
        if push != 0.0:
            h += push * (u * response(tau_mem, tau_threshold, dt) + follows)
        return (v + driven, h) + each_left((currents, tau), dt) + (0.0,)  # noqa: RUF005

    @separate
    def advance(c: Any, s: Numbers) -> Numbers:
        """V and the threshold follow the currents; while V is held, all else goes on."""
        dt, p = c
        hold = s[last]
        if hold <= 0.0:
            return free(p, s, dt)
        if hold >= dt:
            return held(p, s, dt)
        return free(p, held(p, s, hold), dt - hold)

    return propagator, advance, held


def _make_prediction(n: int, held: Any) -> tuple[Any, Any, Any]:
    """(may_spike, time_to_spike, touching)."""
    m, last, last_tau, none = n + 2, n + 4, TAUS + n + 2, (0.0,) * (n + 2)
    forms = make_forms(m, adapts=True)
    value, first_rise, touches = forms.value, forms.first_rise, forms.touches

    @separate
    def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
        """Bounds: V stays between max(V, v_inf) plus what positive currents add and the like below; H follows V."""
        tau_mem, _, v_inf, _, gain, coupling, v_threshold, v_leak = p[:8]
        v, threshold, hold = s[0], s[1], s[last]
        if hold == math.inf:
            return False
        high, low = max(v, v_inf), min(v, v_inf)
        for j in range(m):
            most = gain * s[2 + j] * min(tau_mem, p[TAUS + j])
            high, low = high + max(most, 0.0), low + min(most, 0.0)
        least = min(threshold, v_threshold + min(coupling * (high - v_leak), coupling * (low - v_leak)))
        size = abs(high) + abs(low) + abs(least) + abs(threshold) + abs(v_threshold)
        size += abs(coupling) * (abs(high) + abs(v_leak))
        return high >= least - MARGIN * size

    @separate
    def released(p: Numbers, s: Numbers) -> Any:
        """V - H as a form of `exponentials`, from the end of the time in which V is held."""
        tau_mem, tau_threshold, v_inf, h_inf, gain, coupling = p[:6]
        now, hold = s, s[last]
        if hold > 0.0:
            now = held(p, s, hold)
        v, threshold, currents, tau = now[0], now[1], now[2:last], p[TAUS:last_tau]
        return (
            v_inf - h_inf, 1.0, -1.0, none, none, v - v_inf, threshold - h_inf, currents, none,
            tau_mem, tau_threshold, tau, gain, coupling, abs(v_inf) + abs(h_inf), v - threshold,
        )  # fmt: skip

    @separate
    def time_to_spike(p: Numbers, s: Numbers) -> Any:
        """The end of the time in which V is held, then the first upward crossing."""
        hold = s[last]
        if hold == math.inf or not may_spike(p, s, math.inf):
            return math.inf
        q = released(p, s)
        if hold > 0.0 and value(q, 0.0)[0] >= 0.0:
            return hold
        return hold + first_rise(q, TOUCH)[0]

    @separate
    def touching(p: Numbers, s: Numbers) -> bool:
        """Is the maximum of V - H, of a state that is about to fire, zero but for rounding?"""
        return touches(released(p, s), TOUCH)

    return may_spike, time_to_spike, touching


@functools.cache
def make_dynamics(n: int) -> Dynamics:
    """Return the dynamics of neurons with `n` receptors; the state holds V, the threshold, currents, and the hold."""
    propagator, advance, held = _make_motion(n)
    may_spike, time_to_spike, touching = _make_prediction(n, held)
    none, last_input, last = (0.0,) * (n + 2), n + 2, n + 4

    @jitable
    def initial(p: Numbers) -> Numbers:
        return initial_of_spikes(p) + none + (0.0,)

    @separate
    def reset(p: Numbers, s: Numbers) -> Numbers:
        """V := v_reset, held from now on; the threshold and the currents of spikes move, those of inputs go on."""
        v_reset, threshold_reset, threshold_jump, after_1, kept_1, after_2, kept_2, t_hold = p[8:16]
        j1, j2 = s[last_input:last]
        raised = max(s[1], threshold_reset) + threshold_jump
        moved = (kept_1 * j1 + after_1, kept_2 * j2 + after_2, t_hold)
        return (v_reset, raised) + s[2:last_input] + moved  # noqa: RUF005

    state = ("v", "threshold", *currents_of("i", n), "j1", "j2", "hold")
    return Dynamics(
        state, (*ROWS, *currents_of("tau_syn", n), "tau_1", "tau_2"),
        initial, propagator, advance, receiving(n, 2, n + 5), time_to_spike, above, reset,
        may_spike=may_spike, touching=touching, n_receptors=n,
    )  # fmt: skip


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    return _receptor_rows((), parameters, window)


def _receptor_rows(receptors: tuple[str, ...], parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("glif", parameters)
    bad = np.flatnonzero(parameters["v_reset"] >= parameters["threshold_reset"])
    if bad.size:
        raise ModelError(
            f"glif: v_reset[{bad[0]}] = {parameters['v_reset'][bad[0]]}; must be below threshold_reset = "
            f"{parameters['threshold_reset'][bad[0]]}, the least threshold after a spike. Lower v_reset or raise it."
        )
    given = dict(parameters)
    v_inf = given["v_leak"] + given["current"]
    given |= {"v_inf": v_inf, "h_inf": given["v_threshold"] + given["coupling"] * (v_inf - given["v_leak"])}
    given |= {"gain": given["r"] / given["tau_mem"], "hold": holding(parameters)}
    taus = [*each_of("tau_syn", receptors, parameters), parameters["tau_1"], parameters["tau_2"]]
    return [*(given[name] for name in ROWS), *taus]


PARAMETERS = (
    TAU_MEM, OF_RECEPTORS, RESISTANCE,
    Parameter("v_threshold", "V", "threshold far from all spikes, at V = v_leak", default=1.0),
    RESET, LEAK, CURRENT, HELD, START, SPIKES,
    time_constant("tau_threshold", "time constant of the threshold", 1.0),
    Parameter("coupling", "1", "how far the threshold follows V - v_leak", default=0.0),
    Parameter("threshold_reset", "V", "least threshold after a spike", default=1.0),
    Parameter("threshold_jump", "V", "what a spike adds to the threshold", default=0.0, low=0.0),
    time_constant("tau_1", "time constant of the first current of spikes", 1.0),
    Parameter("after_1", "1", "what a spike adds to that current", default=0.0),
    Parameter("kept_1", "1", "what a spike leaves of that current", default=1.0, low=-1.0, high=1.0),
    time_constant("tau_2", "time constant of the second current of spikes", 1.0),
    Parameter("after_2", "1", "what a spike adds to that current", default=0.0),
    Parameter("kept_2", "1", "what a spike leaves of that current", default=1.0, low=-1.0, high=1.0),
)  # fmt: skip


@functools.cache
def _with_receptors(receptors: tuple[str, ...]) -> tuple[Any, Dynamics]:
    return functools.partial(_receptor_rows, receptors), make_dynamics(len(receptors))


GLIF = register(
    Model(
        "glif", PARAMETERS, _rows, make_dynamics(1), Free(keeps_refractoriness=True),
        shared=("tau_mem", "tau_syn"), threshold="v_threshold", by_receptors=_with_receptors,
        equation="tau_mem dV/dt = v_leak + current - V + r (I + J1 + J2); an input of weight w moves I by w;\n"
        "with receptors, I1 + I2 + … in place of I, each with its own tau_syn\n"
        "tau_syn dI/dt = -I, tau_1 dJ1/dt = -J1, tau_2 dJ2/dt = -J2\n"
        "tau_threshold dH/dt = v_threshold + coupling (V - v_leak) - H\n"
        "V >= H fires; V := v_reset, held there for t_ref, H := max(H, threshold_reset) + threshold_jump,\n"
        "J1 := kept_1 J1 + after_1, J2 := kept_2 J2 + after_2",
        source="S. Mihalas and E. Niebur 2009, with a synaptic current; C. Teeter et al. 2018",
    )
)  # fmt: skip
