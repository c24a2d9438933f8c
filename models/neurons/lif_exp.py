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
from eventsim.models.neurons.crossing import make_crossing
from eventsim.models.neurons.options import (
    CURRENT,
    HELD,
    LEAK,
    RESET,
    RESISTANCE,
    SPIKES,
    START,
    TAU_MEM,
    TAU_SYN,
    THRESHOLD,
    check_potentials,
    holding,
)
from eventsim.network.neuron_model import Array, Model, Numbers, Parameter, register

ROWS = ("tau_mem", "tau_syn", "v_threshold", "v_reset", "v_inf", "gain", "peak", "hold", "v_init", "i_init")
# A maximum that is below the threshold by less than its own rounding touches it: 16 roundings of its terms.
TOUCH = 2.0**-49
# May only err towards "may spike": more than all roundings on the way to a crossing.
MARGIN = 2.0**-46
# Time constants after which nothing is left of an exponential.
OVER = 800.0


@jitable
def response(tau_mem: float, tau_syn: float, s: float) -> float:
    """g(s): V at s where I = tau_mem / r and V = v_inf at 0. The forms avoid differences of equal exponentials."""
    delta = (tau_mem - tau_syn) / tau_mem / tau_syn
    if delta > 0.0:
        return math.exp(-s / tau_mem) * (-math.expm1(-delta * s) / delta)
    if delta < 0.0:
        return math.exp(-s / tau_syn) * (math.expm1(delta * s) / delta)
    return s * math.exp(-s / tau_mem)


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init, I = i_init, not held."""
    return (p[8], p[9], 0.0)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """(1 - e^(-dt / tau_mem), v_inf, V per I, decay of I, and what a state that is held needs)."""
    rise = -math.expm1(-dt / p[0])
    return (rise, p[4], p[5] * response(p[0], p[1], dt), math.exp(-dt / p[1]), dt, p[0], p[1], p[5])


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V relaxes towards v_inf, driven by I, which decays; while V is held, only I does."""
    v, i, hold = s
    if hold <= 0.0:
        return (v + (c[1] - v) * c[0] + c[2] * i, i * c[3], hold)
    if hold >= c[4]:
        return (v, i * c[3], hold - c[4])
    rest = c[4] - hold
    at_end = i * math.exp(-hold / c[6])
    v = v + (c[1] - v) * -math.expm1(-rest / c[5]) + c[7] * response(c[5], c[6], rest) * at_end
    return (v, at_end * math.exp(-rest / c[6]), 0.0)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input moves I by its weight."""
    return (s[0], s[1] + w, s[2])


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """V stays below max(V, v_inf) plus the largest that a positive r I ever adds."""
    drive = max(p[6] * s[1], 0.0)
    bound = max(s[0], p[4]) + drive
    return s[2] < math.inf and bound >= p[2] - MARGIN * (abs(p[2]) + abs(s[0]) + abs(p[4]) + drive)


@jitable
def excess(q: Numbers, s: Any) -> Numbers:
    """(V - v_threshold, its slope) at s, and the size of its terms: rounding is worth at most `TOUCH` of that.

    q = (V - v_threshold, v_inf - V, a, tau_mem, tau_syn, v_inf - v_threshold). Counted from V, or from v_inf where
    that is nearer to the threshold, so that nothing large is subtracted.
    """
    left, added = math.exp(-s / q[3]), q[2] * response(q[3], q[4], s)
    slope = (q[1] * left - added) / q[3] + q[2] * math.exp(-s / q[4])
    base, moved, size = q[5], -q[1] * left, abs(q[1] * left) * (1.0 + s / q[3])
    if abs(q[0]) <= abs(q[5]):
        base, moved = q[0], -q[1] * math.expm1(-s / q[3])
        size = abs(moved)
    size += abs(base) + abs(added) * (1.0 + s / max(q[3], q[4]))
    return (base + (moved + added), slope, size)


crossing = make_crossing(excess)


@jitable
def turn(q: Numbers, slope: float) -> float:
    """When V turns, from rising to falling or back; inf where it does not. `slope` is that at 0, of the sign of a."""
    x = q[4] * slope / q[2]
    delta = (q[3] - q[4]) / q[3] / q[4]
    if delta == 0.0 or delta * x == 0.0:
        return x
    if abs(delta * x) < 0.5:
        return -math.log1p(-delta * x) / delta
    left = (q[2] * (q[4] / q[3]) - q[1] / q[3] * ((q[3] - q[4]) / q[3])) / q[2]
    return -math.log(left) / delta if left > 0.0 else math.inf


@jitable
def beyond(q: Numbers, low: float) -> float:
    """The crossing after `low`, from where on V rises towards v_inf."""
    if q[5] <= 0.0:
        return math.inf
    step, last = q[3], OVER * max(q[3], q[4])
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
    slope = q[2] + q[1] / q[3]
    if slope > 0.0:
        if q[0] >= 0.0:
            return 0.0
        top = turn(q, slope) if q[2] > 0.0 else math.inf
        if top == math.inf:
            return beyond(q, 0.0)
        highest, _, size = excess(q, top)
        if highest >= 0.0:
            return crossing(q, 0.0, top)
        return top if highest >= -TOUCH * size else math.inf
    if q[2] >= 0.0:
        return math.inf
    bottom = turn(q, slope)
    if bottom == math.inf or excess(q, bottom)[0] >= 0.0:
        return bottom
    return beyond(q, bottom)


@jitable
def released(p: Numbers, s: Numbers) -> Numbers:
    """What `excess` sees of a state, from the end of the time in which V is held."""
    v, i, hold = s
    if hold > 0.0:
        i = i * math.exp(-hold / p[1])
    return (v - p[2], p[4] - v, p[5] * i, p[0], p[1], p[4] - p[2])


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """The end of the time in which V is held, then the first upward crossing."""
    return math.inf if s[2] == math.inf else s[2] + first_crossing(released(p, s))


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
    return s[0] >= p[2]


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """V := v_reset, held from now on; I goes on."""
    return (p[3], s[1], p[7])


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
    TAU_MEM, TAU_SYN, RESISTANCE,
    THRESHOLD, RESET, LEAK, CURRENT, HELD, START, SPIKES,
)  # fmt: skip
PARAMETERS = (*COMMON, Parameter("i_init", "1", "I at the beginning", default=0.0))

LIF_EXP = register(
    Model(
        name="lif_exp",
        family="currents",
        parameters=PARAMETERS,
        state=("v", "i", "hold"),
        rows=ROWS,
        prepare=_rows,
        initial=initial,
        propagator=propagator,
        advance=advance,
        receive=receive,
        may_spike=may_spike,
        time_to_spike=time_to_spike,
        above=above,
        reset=reset,
        touching=touching,
        keeps_refractoriness=True,
        shared=("tau_mem", "tau_syn", "r", "v_leak", "current"),
        threshold="v_threshold",
    )
)
