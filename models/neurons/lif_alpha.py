"""Leaky integrate-and-fire neuron with alpha-shaped currents.

tau_mem dV/dt = v_leak + current - V + r I, dI/dt = -I / tau_syn + J and dJ/dt = -J / tau_syn; an input of weight w
moves J by w e / tau_syn, so that its current w (s / tau_syn) e^(1 - s / tau_syn) is at most w, tau_syn after it came
(NEST's normalisation). V >= v_threshold fires, V := v_reset and is held there for t_ref, while I and J go on decaying
and receiving. Any tau_mem, tau_syn > 0. The state holds a = J tau_syn / e, the weights that have decayed.

With x = r I / tau_mem, y = r J / tau_mem and delta = 1 / tau_syn - 1 / tau_mem, the potential s later is

    V + (v_inf - V) (1 - e^(-s / tau_mem)) + x g(s) + y h(s),
    g(s) = (e^(-s / tau_mem) - e^(-s / tau_syn)) / delta,   h(s) = (g(s) - s e^(-s / tau_syn)) / delta.

V' e^(s / tau_mem) has the slope e^(-delta s) (y - (x + y s) / tau_syn), so it changes its sign twice at most, before
and after s = tau_syn - x / y. Between these times V rises or falls, and the first rise that reaches the threshold has
the crossing (the recursion for sums of exponentials after R. Brette 2007, on terms of equal rates). Errors are as in
`lif_exp`, with twice the band, 32 roundings, around tangency.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eventsim._jit import jitable, separate
from eventsim.models.neurons.crossing import make_crossing
from eventsim.models.neurons.lif_exp import COMMON, LIF_EXP, MARGIN, OVER, response
from eventsim.models.neurons.options import check_potentials, holding
from eventsim.network.neuron_model import Array, Numbers, register

ROWS = ("tau_mem", "tau_syn", "v_threshold", "v_reset", "v_inf", "gain", "hold", "v_init")
# A maximum that is below the threshold by less than its own rounding touches it: 32 roundings of its terms.
TOUCH = 2.0**-48
# Terms of a series near 1 below this change nothing.
LAST = 2.0**-56


@jitable
def second(z: float) -> float:
    """(e^z - 1 - z) / z^2, for any z < 1; 1 / 2 at 0."""
    if z < -1.0:
        return (math.expm1(z) - z) / z / z
    total, term, n = 0.5, 0.5, 3
    while abs(term) > LAST:
        term = term * z / n
        total += term
        n += 1
    return total


@jitable
def remainder(z: float) -> float:
    """(1 - (1 + z) e^(-z)) / z^2, for z >= 0: as above, times e^(-z)."""
    if z < 1.0:
        return second(z) * math.exp(-z)
    return (1.0 - (1.0 + z) * math.exp(-z)) / z / z


@jitable
def alpha_response(tau_mem: float, tau_syn: float, s: float) -> float:
    """h(s): V at s where J = tau_mem / r, I = 0 and V = v_inf at 0."""
    if s >= OVER * max(tau_mem, tau_syn):
        return 0.0  # s * s may be no number any more
    z = (tau_mem - tau_syn) / tau_mem / tau_syn * s
    if z >= 0.0:
        return math.exp(-s / tau_mem) * (s * remainder(z) * s)
    return math.exp(-s / tau_syn) * (s * second(z) * s)


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init, no current, not held."""
    return (p[7], 0.0, 0.0, 0.0)


@jitable
def decayed(i: float, j: float, s: Any, tau_syn: float) -> Numbers:
    """(What is left of J, I) s later; an s after which nothing is left may be so long that J s is no number."""
    left = math.exp(-s / tau_syn)
    return (left, (i + j * min(s, OVER * tau_syn)) * left)


@separate
def later(v: float, i: float, a: float, dt: float, p: Numbers) -> Numbers:
    """(V, I, a) after dt, not held; p = (tau_mem, tau_syn, v_inf, gain)."""
    rise, j = -math.expm1(-dt / p[0]), a * (math.e / p[1])
    v = v + (p[2] - v) * rise + p[3] * (i * response(p[0], p[1], dt) + j * alpha_response(p[0], p[1], dt))
    left, i = decayed(i, j, dt, p[1])
    return (v, i, a * left)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """(rise of V, v_inf, V per I, V per a, decay, I per a, and what a state that is held needs)."""
    per_weight = math.e / p[1]
    left, per_a = decayed(0.0, per_weight, dt, p[1])
    return (
        -math.expm1(-dt / p[0]), p[4], p[5] * response(p[0], p[1], dt),
        p[5] * (per_weight * alpha_response(p[0], p[1], dt)), left, per_a, dt, p[0], p[1], p[5],
    )  # fmt: skip


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V relaxes towards v_inf, driven by I; while V is held, only the currents change."""
    v, i, a, hold = s
    if hold > 0.0:
        until = min(hold, c[6])
        left, i = decayed(i, a * (math.e / c[8]), until, c[8])
        a = a * left
        if hold >= c[6]:
            return (v, i, a, hold - c[6])
        v, i, a = later(v, i, a, c[6] - hold, (c[7], c[8], c[1], c[9]))
        return (v, i, a, 0.0)
    v = v + (c[1] - v) * c[0] + (c[2] * i + c[3] * a)
    return (v, i * c[4] + a * c[5], a * c[4], hold)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input begins to raise I."""
    return (s[0], s[1], s[2] + w, s[3])


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """V stays below max(V, v_inf) plus the most that positive r I and r a ever add (1 and e, tau_syn < tau_mem)."""
    if s[3] == math.inf:
        return False
    r = p[5] * p[0]
    drive = max(r * s[1], 0.0) * min(1.0, p[1] / p[0]) + max(r * s[2], 0.0) * min(1.0, 2.72 * p[1] / p[0])
    bound = max(s[0], p[4]) + drive
    return bound >= p[2] - MARGIN * (abs(p[2]) + abs(s[0]) + abs(p[4]) + drive)


@jitable
def excess(q: Numbers, s: Any) -> Numbers:
    """(V - v_threshold, its slope) at s, and the size of its terms: rounding is worth at most `TOUCH` of that.

    q = (V - v_threshold, v_inf - V, x, y, tau_mem, tau_syn, v_inf - v_threshold, …), counted as in `lif_exp`.
    """
    left = math.exp(-s / q[4])
    one, two = q[2] * response(q[4], q[5], s), q[3] * alpha_response(q[4], q[5], s)
    slope = (q[1] * left - (one + two)) / q[4] + (q[2] + q[3] * s) * math.exp(-s / q[5])
    base, moved, size = q[6], -q[1] * left, abs(q[1] * left) * (1.0 + s / q[4])
    if abs(q[0]) <= abs(q[6]):
        base, moved = q[0], -q[1] * math.expm1(-s / q[4])
        size = abs(moved)
    size += abs(base) + (abs(one) + abs(two)) * (1.0 + s / max(q[4], q[5]))
    return (base + (moved + (one + two)), slope, size)


@jitable
def scaled_slope(q: Numbers, s: Any) -> Numbers:
    """V' times e^(s / tau) for the slower tau, and times q[7] = ±1, so that it goes upwards; with its own slope."""
    delta = (q[4] - q[5]) / q[4] / q[5]
    z, steep = delta * s, q[3] - (q[2] + q[3] * s) / q[5]
    at_0 = q[1] / q[4] + q[2]
    if delta == 0.0 or z >= 0.0:  # also of an s that is infinite
        one, two = (s if delta == 0.0 or z == 0.0 else -math.expm1(-z) / delta), s * remainder(z) * s
        value = at_0 - q[2] / q[5] * one + q[3] * (one - two / q[5])
        return (q[7] * value, q[7] * (steep * math.exp(-z)), 0.0)
    one, two = math.expm1(z) / delta, s * second(z) * s
    value = at_0 * math.exp(z) - q[2] / q[5] * one + q[3] * (one - two / q[5])
    return (q[7] * value, q[7] * (steep + delta * value), 0.0)


crossing = make_crossing(excess)
turning = make_crossing(scaled_slope)


@jitable
def directed(q: Numbers, sign: float) -> Numbers:
    """The same q with another q[7]."""
    return (q[0], q[1], q[2], q[3], q[4], q[5], q[6], sign)


@jitable
def turn(q: Numbers, low: float, high: float) -> float:
    """When V turns between `low` and `high`, where V' has one zero at most; inf where it does not.

    A zero at either end is no turn: there V' touches zero, or leaves it.
    """
    if high <= low:
        return math.inf
    first = scaled_slope(directed(q, 1.0), low)[0]
    if first == 0.0:
        return math.inf
    forward = directed(q, -1.0 if first > 0.0 else 1.0)
    if high < math.inf and scaled_slope(forward, high)[0] > 0.0:
        return turning(forward, low, high)
    # Far away V' is what rounding leaves of it, also where a turn lies long before.
    step, last = min(q[4], q[5]), min(OVER * max(q[4], q[5]), high - low)
    while step <= last:
        high = low + step
        if scaled_slope(forward, high)[0] > 0.0:
            return turning(forward, low, high)
        step = 2.0 * step
    return math.inf


@jitable
def rise(q: Numbers, low: float, high: float) -> float:
    """The crossing in [low, high], where V rises; inf where its end does not reach the threshold."""
    if excess(q, low)[0] >= 0.0:
        return low
    if high < math.inf:
        highest, _, size = excess(q, high)
        if highest >= 0.0:
            return crossing(q, low, high)
        return high if highest >= -TOUCH * size else math.inf
    if q[6] <= 0.0:
        return math.inf
    step, last = q[4], OVER * max(q[4], q[5])
    while step <= last:
        high = low + step
        if excess(q, high)[0] >= 0.0:
            return crossing(q, low, high)
        step = 2.0 * step
    return math.inf


@jitable
def turns(q: Numbers) -> Numbers:
    """(Sign of V' just after 0, first time at which V turns, second time), inf where it does not."""
    steepest = 0.0
    if q[3] != 0.0:
        steepest = max(q[5] - q[2] / q[3], 0.0)
    one = turn(q, 0.0, steepest)
    two = turn(q, steepest, math.inf)
    if one == math.inf:
        one, two = two, math.inf
    slope = q[1] / q[4] + q[2]
    if slope == 0.0:
        slope = q[3] - q[2] / q[5]
    return (slope if slope != 0.0 else -q[3], one, two)


@separate
def first_crossing(q: Numbers) -> float:
    """Time to the first upward crossing of a state that is not held."""
    slope, one, two = turns(q)
    if slope > 0.0:
        found = rise(q, 0.0, one)
        return rise(q, two, math.inf) if found == math.inf and two < math.inf else found
    if one == math.inf or slope == 0.0:
        return math.inf
    return rise(q, one, two)


@jitable
def released(p: Numbers, s: Numbers) -> Numbers:
    """What `excess` sees of a state, from the end of the time in which V is held."""
    v, i, a, hold = s
    j = a * (math.e / p[1])
    if hold > 0.0:
        left, i = decayed(i, j, hold, p[1])
        j = j * left
    return (v - p[2], p[4] - v, p[5] * i, p[5] * j, p[0], p[1], p[4] - p[2], 1.0)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """The end of the time in which V is held, then the first upward crossing."""
    return math.inf if s[3] == math.inf else s[3] + first_crossing(released(p, s))


@separate
def touching(p: Numbers, s: Numbers) -> bool:
    """Is the maximum of V, of a state that is about to fire, the threshold but for rounding?"""
    q = released(p, s)
    slope, one, two = turns(q)
    top = one if slope > 0.0 else two
    if top == math.inf or q[0] >= 0.0:
        return False
    highest, _, size = excess(q, top)
    return abs(highest) <= TOUCH * size


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """V := v_reset, held from now on; the currents go on."""
    return (p[3], s[1], s[2], p[6])


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("lif_alpha", parameters)
    names = ("tau_mem", "tau_syn", "v_threshold", "v_reset")
    drive, gain = parameters["v_leak"] + parameters["current"], parameters["r"] / parameters["tau_mem"]
    return [*(parameters[name] for name in names), drive, gain, holding(parameters), parameters["v_init"]]


LIF_ALPHA = register(
    replace(
        LIF_EXP,
        name="lif_alpha",
        parameters=COMMON,
        state=("v", "i", "a", "hold"),
        rows=ROWS,
        prepare=_rows,
        initial=initial,
        propagator=propagator,
        advance=advance,
        receive=receive,
        may_spike=may_spike,
        time_to_spike=time_to_spike,
        reset=reset,
        touching=touching,
    )
)
