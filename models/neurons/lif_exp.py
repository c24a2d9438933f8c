"""Leaky integrate-and-fire neuron with exponentially decaying currents (NIR's CubaLIF).

tau_mem dV/dt = v_leak + current - V + r I and tau_syn dI/dt = -I; an input of weight w moves I by w (NIR's, with
w_in, by w_in w / tau_syn). V >= v_threshold fires, V := v_reset and is held there for t_ref, while I goes on decaying
and receiving. Any tau_mem, tau_syn > 0, equal or nearly equal ones too.

With a = r I / tau_mem, v_inf = v_leak + current and delta = 1 / tau_syn - 1 / tau_mem, the potential s later is

    V + (v_inf - V) (1 - e^(-s / tau_mem)) + a g(s),   g(s) = (e^(-s / tau_mem) - e^(-s / tau_syn)) / delta,

and its slope has the sign of slope(0) - (a / tau_syn) (1 - e^(-delta s)) / delta, which changes once at most. So V
rises, falls, or does one after the other, and the first upward crossing lies in the one stretch in which it rises
(R. Brette 2007 for the question; J. Krishnan et al. 2018 for how threshold crossings are missed).

Errors. With u = 2^-53, rounding is worth at most 16 u of the terms of V - v_threshold, each times 1 + s / tau for the
exponentials in it. A maximum that is below the threshold by no more than that fires: no crossing is missed, and where
V touches the threshold or stays below it by up to 32 u of these terms, a neuron may fire that need not. A spike whose
maximum is so near to the threshold, above or below, is counted (``run.counters["tangent"]``). Crossings are bracketed
to the last bit of the computed V, hence right to a few roundings of V over V', and of the time itself
(`tests/test_exponential_models.py`).
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable, separate
from eventsim.checks import HEAVIEST
from eventsim.models.neurons.crossing import make_crossing
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
    THRESHOLD,
    check_potentials,
    holding,
)
from eventsim.models.neurons.receptors import by_receptors
from eventsim.models.neurons.responses import OVER, response
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Free

ROWS = ("tau_mem", "tau_syn", "v_threshold", "v_reset", "v_inf", "gain", "peak", "hold", "v_init", "i_init")
# A maximum that is below the threshold by less than its own rounding touches it: 16 roundings of its terms.
TOUCH = 2.0**-49


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init, I = i_init, not held."""
    v_init, i_init = p[8:10]
    return (v_init, i_init, 0.0)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """(1 - e^(-dt / tau_mem), v_inf, V per I, decay of I, and what a state that is held needs)."""
    tau_mem, tau_syn, _, _, v_inf, gain = p[:6]
    rise = -math.expm1(-dt / tau_mem)
    return (rise, v_inf, gain * response(tau_mem, tau_syn, dt), math.exp(-dt / tau_syn), dt, tau_mem, tau_syn, gain)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V relaxes towards v_inf, driven by I, which decays; while V is held, only I does."""
    rise, v_inf, per_i, decay, dt, tau_mem, tau_syn, gain = c
    v, i, hold = s
    if hold <= 0.0:
        return (v + (v_inf - v) * rise + per_i * i, i * decay, hold)
    if hold >= dt:
        return (v, i * decay, hold - dt)
    rest = dt - hold
    at_end = i * math.exp(-hold / tau_syn)
    v = v + (v_inf - v) * -math.expm1(-rest / tau_mem) + gain * response(tau_mem, tau_syn, rest) * at_end
    return (v, at_end * math.exp(-rest / tau_syn), 0.0)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input moves I by its weight."""
    v, i, hold = s
    return (v, i + w, hold)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """V stays below max(V, v_inf) plus the largest that a positive r I ever adds."""
    v_threshold, _, v_inf, _, peak = p[2:7]
    v, i, hold = s
    drive = max(peak * i, 0.0)
    bound = max(v, v_inf) + drive
    return hold < math.inf and bound >= v_threshold - MARGIN * (abs(v_threshold) + abs(v) + abs(v_inf) + drive)


@jitable
def excess(q: Numbers, s: Any) -> Numbers:
    """(V - v_threshold, its slope) at s, and the size of its terms: rounding is worth at most `TOUCH` of that.

    q = (V - v_threshold, v_inf - V, a, tau_mem, tau_syn, v_inf - v_threshold). Counted from V, or from v_inf where
    that is nearer to the threshold, so that nothing large is subtracted.
    """
    gap, rest, push, tau_mem, tau_syn, ahead = q
    left, added = math.exp(-s / tau_mem), push * response(tau_mem, tau_syn, s)
    slope = (rest * left - added) / tau_mem + push * math.exp(-s / tau_syn)
    base, moved, size = ahead, -rest * left, abs(rest * left) * (1.0 + s / tau_mem)
    if abs(gap) <= abs(ahead):
        base, moved = gap, -rest * math.expm1(-s / tau_mem)
        size = abs(moved)
    size += abs(base) + abs(added) * (1.0 + s / max(tau_mem, tau_syn))
    return (base + (moved + added), slope, size)


crossing = make_crossing(excess)


@jitable
def turn(q: Numbers, slope: float) -> float:
    """When V turns, from rising to falling or back; inf where it does not. `slope` is that at 0, of the sign of a."""
    rest, push, tau_mem, tau_syn = q[1:5]
    x = tau_syn * slope / push
    delta = (tau_mem - tau_syn) / tau_mem / tau_syn
    if delta == 0.0 or delta * x == 0.0:
        return x
    if abs(delta * x) < 0.5:
        return -math.log1p(-delta * x) / delta
    left = (push * (tau_syn / tau_mem) - rest / tau_mem * ((tau_mem - tau_syn) / tau_mem)) / push
    return -math.log(left) / delta if left > 0.0 else math.inf


@jitable
def beyond(q: Numbers, low: float) -> float:
    """The crossing after `low`, from where on V rises towards v_inf."""
    tau_mem, tau_syn, ahead = q[3:6]
    if ahead <= 0.0:
        return math.inf
    step, last = tau_mem, OVER * max(tau_mem, tau_syn)
    high = low + step
    while not excess(q, high)[0] >= 0.0:
        if step > last:
            return math.inf
        step = 2.0 * step
        high = low + step
    return crossing(q, low, high)


@separate
def first_crossing(q: Numbers) -> float:
    """Time to the first upward crossing of a state that is not held."""
    gap, rest, push, tau_mem = q[:4]
    slope = push + rest / tau_mem
    if slope > 0.0:
        if gap >= 0.0:
            return 0.0
        top = turn(q, slope) if push > 0.0 else math.inf
        if top == math.inf:
            return beyond(q, 0.0)
        highest, _, size = excess(q, top)
        if highest >= 0.0:
            return crossing(q, 0.0, top)
        return top if highest >= -TOUCH * size else math.inf
    if push >= 0.0:
        return math.inf
    bottom = turn(q, slope)
    if bottom == math.inf or excess(q, bottom)[0] >= 0.0:
        return bottom
    return beyond(q, bottom)


@jitable
def released(p: Numbers, s: Numbers) -> Numbers:
    """What `excess` sees of a state, from the end of the time in which V is held."""
    tau_mem, tau_syn, v_threshold, _, v_inf, gain = p[:6]
    v, i, hold = s
    if hold > 0.0:
        i = i * math.exp(-hold / tau_syn)
    return (v - v_threshold, v_inf - v, gain * i, tau_mem, tau_syn, v_inf - v_threshold)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """The end of the time in which V is held, then the first upward crossing."""
    hold = s[2]
    return math.inf if hold == math.inf else hold + first_crossing(released(p, s))


@separate
def touching(p: Numbers, s: Numbers) -> bool:
    """Is the maximum of V, of a state that is about to fire, the threshold but for rounding?"""
    q = released(p, s)
    slope = q[2] + q[1] / q[3]
    if not (q[0] < 0.0 < slope and q[2] > 0.0):
        return False
    top = turn(q, slope)
    if top == math.inf:
        return False
    highest, _, size = excess(q, top)
    return abs(highest) <= TOUCH * size


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= v_threshold, inclusive."""
    v_threshold = p[2]
    v = s[0]
    return v >= v_threshold


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """V := v_reset, held from now on; I goes on."""
    v_reset, t_hold = p[3], p[7]
    i = s[1]
    return (v_reset, i, t_hold)


def largest_response(tau_mem: Array, tau_syn: Array) -> Array:
    """The largest g / tau_mem = ratio^(1 / (1 - ratio)), ratio = tau_syn / tau_mem; 1 / e where they are equal."""
    ratio, above_one = (part.astype(np.float64) for part in (tau_syn / tau_mem, (tau_syn - tau_mem) / tau_mem))
    near = np.abs(above_one) < 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where(near, -np.log1p(above_one) / above_one, np.log(ratio) / (1.0 - ratio))
    return np.exp(np.where(above_one == 0.0, -1.0, power))


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("lif_exp", parameters)
    tau_mem, tau_syn, r = parameters["tau_mem"], parameters["tau_syn"], parameters["r"]
    return [
        tau_mem, tau_syn, parameters["v_threshold"], parameters["v_reset"],
        parameters["v_leak"] + parameters["current"], r / tau_mem, r * largest_response(tau_mem, tau_syn),
        holding(parameters), parameters["v_init"], parameters["i_init"],
    ]  # fmt: skip


COMMON = (
    TAU_MEM, OF_RECEPTORS, RESISTANCE,
    THRESHOLD, RESET, LEAK, CURRENT, HELD, START, SPIKES,
)  # fmt: skip
I_INIT = Parameter(
    "i_init", "1", "I at the beginning", default=0.0, low=-HEAVIEST, high=HEAVIEST, each_receptor=True
)  # as far as weights reach
PARAMETERS = (*COMMON, I_INIT)

DYNAMICS = Dynamics(
    ("v", "i", "hold"), ROWS, initial, propagator, advance, receive, time_to_spike, above, reset,
    may_spike=may_spike, touching=touching,
)  # fmt: skip
PLAIN = Model(
    "lif_exp", PARAMETERS, _rows, DYNAMICS, Free(keeps_refractoriness=True), family="currents",
    shared=("tau_mem", "tau_syn", "r", "v_leak", "current"), threshold="v_threshold",
    equation="tau_mem dV/dt = v_leak + current - V + r I, tau_syn dI/dt = -I; an input of weight w moves I by w;\n"
    "with receptors, I1 + I2 + … in place of I, each with its own tau_syn\n"
    "V >= v_threshold fires; V := v_reset, held there for t_ref while I goes on",
    source="NIR's CubaLIF, NEST's iaf_psc_exp; crossings after R. Brette 2007 and J. Krishnan et al. 2018",
)  # fmt: skip
LIF_EXP = register(by_receptors(PLAIN, False, lambda tau_mem, tau_syn: (largest_response(tau_mem, tau_syn),)))
