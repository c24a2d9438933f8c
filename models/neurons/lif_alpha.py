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

import numpy as np

from eventsim._jit import jitable, separate
from eventsim.models.neurons.crossing import make_crossing
from eventsim.models.neurons.lif_exp import COMMON, LIF_EXP
from eventsim.models.neurons.options import MARGIN, check_potentials, holding
from eventsim.models.neurons.receptors import by_receptors
from eventsim.models.neurons.responses import OVER, alpha_response, decayed, remainder, response, second
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import Array, register

ROWS = ("tau_mem", "tau_syn", "v_threshold", "v_reset", "v_inf", "gain", "hold", "v_init")
# A maximum that is below the threshold by less than its own rounding touches it: 32 roundings of its terms.
TOUCH = 2.0**-48


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init, no current, not held."""
    v_init = p[7]
    return (v_init, 0.0, 0.0, 0.0)


@separate
def later(v: float, i: float, a: float, dt: float, p: Numbers) -> Numbers:
    """(V, I, a) after dt, not held; p = (tau_mem, tau_syn, v_inf, gain)."""
    tau_mem, tau_syn, v_inf, gain = p
    rise, j = -math.expm1(-dt / tau_mem), a * (math.e / tau_syn)
    v = v + (v_inf - v) * rise + gain * (i * response(tau_mem, tau_syn, dt) + j * alpha_response(tau_mem, tau_syn, dt))
    left, i = decayed(i, j, dt, tau_syn)
    return (v, i, a * left)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """(rise of V, v_inf, V per I, V per a, decay, I per a, and what a state that is held needs)."""
    tau_mem, tau_syn, _, _, v_inf, gain = p[:6]
    per_weight = math.e / tau_syn
    left, per_a = decayed(0.0, per_weight, dt, tau_syn)
    return (
        -math.expm1(-dt / tau_mem), v_inf, gain * response(tau_mem, tau_syn, dt),
        gain * (per_weight * alpha_response(tau_mem, tau_syn, dt)), left, per_a, dt, tau_mem, tau_syn, gain,
    )  # fmt: skip


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V relaxes towards v_inf, driven by I; while V is held, only the currents change."""
    rise, v_inf, per_i, per_a, decay, i_per_a, dt, tau_mem, tau_syn, gain = c
    v, i, a, hold = s
    if hold > 0.0:
        until = min(hold, dt)
        left, i = decayed(i, a * (math.e / tau_syn), until, tau_syn)
        a = a * left
        if hold >= dt:
            return (v, i, a, hold - dt)
        v, i, a = later(v, i, a, dt - hold, (tau_mem, tau_syn, v_inf, gain))
        return (v, i, a, 0.0)
    v = v + (v_inf - v) * rise + (per_i * i + per_a * a)
    return (v, i * decay + a * i_per_a, a * decay, hold)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input begins to raise I."""
    v, i, a, hold = s
    return (v, i, a + w, hold)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """V stays below max(V, v_inf) plus the most that positive r I and r a ever add (1 and e, tau_syn < tau_mem)."""
    tau_mem, tau_syn, v_threshold, _, v_inf, gain = p[:6]
    v, i, a, hold = s
    if hold == math.inf:
        return False
    r = gain * tau_mem
    drive = max(r * i, 0.0) * min(1.0, tau_syn / tau_mem) + max(r * a, 0.0) * min(1.0, 2.72 * tau_syn / tau_mem)
    bound = max(v, v_inf) + drive
    return bound >= v_threshold - MARGIN * (abs(v_threshold) + abs(v) + abs(v_inf) + drive)


@jitable
def excess(q: Numbers, s: Any) -> Numbers:
    """(V - v_threshold, its slope) at s, and the size of its terms: rounding is worth at most `TOUCH` of that.

    q = (V - v_threshold, v_inf - V, x, y, tau_mem, tau_syn, v_inf - v_threshold, …), counted as in `lif_exp`.
    """
    gap, rest, x, y, tau_mem, tau_syn, ahead = q[:7]
    left = math.exp(-s / tau_mem)
    one, two = x * response(tau_mem, tau_syn, s), y * alpha_response(tau_mem, tau_syn, s)
    slope = (rest * left - (one + two)) / tau_mem + (x + y * s) * math.exp(-s / tau_syn)
    base, moved, size = ahead, -rest * left, abs(rest * left) * (1.0 + s / tau_mem)
    if abs(gap) <= abs(ahead):
        base, moved = gap, -rest * math.expm1(-s / tau_mem)
        size = abs(moved)
    size += abs(base) + (abs(one) + abs(two)) * (1.0 + s / max(tau_mem, tau_syn))
    return (base + (moved + (one + two)), slope, size)


@jitable
def scaled_slope(q: Numbers, s: Any) -> Numbers:
    """V' times e^(s / tau) for the slower tau, and times q[7] = ±1, so that it goes upwards; with its own slope."""
    rest, x, y, tau_mem, tau_syn, _, sign = q[1:8]
    delta = (tau_mem - tau_syn) / tau_mem / tau_syn
    z, steep = delta * s, y - (x + y * s) / tau_syn
    at_0 = rest / tau_mem + x
    if delta == 0.0 or z >= 0.0:  # also of an s that is infinite
        one, two = (s if delta == 0.0 or z == 0.0 else -math.expm1(-z) / delta), s * remainder(z) * s
        value = at_0 - x / tau_syn * one + y * (one - two / tau_syn)
        return (sign * value, sign * (steep * math.exp(-z)), 0.0)
    one, two = math.expm1(z) / delta, s * second(z) * s
    value = at_0 * math.exp(z) - x / tau_syn * one + y * (one - two / tau_syn)
    return (sign * value, sign * (steep + delta * value), 0.0)


crossing = make_crossing(excess)
turning = make_crossing(scaled_slope)


@jitable
def directed(q: Numbers, sign: float) -> Numbers:
    """The same q with another q[7]."""
    gap, rest, x, y, tau_mem, tau_syn, ahead = q[:7]
    return (gap, rest, x, y, tau_mem, tau_syn, ahead, sign)


@jitable
def turn(q: Numbers, low: float, high: float) -> float:
    """When V turns between `low` and `high`, where V' has one zero at most; inf where it does not.

    A zero at either end is no turn: there V' touches zero, or leaves it.
    """
    tau_mem, tau_syn = q[4:6]
    if high <= low:
        return math.inf
    first = scaled_slope(directed(q, 1.0), low)[0]
    if first == 0.0:
        return math.inf
    forward = directed(q, -1.0 if first > 0.0 else 1.0)
    if high < math.inf and scaled_slope(forward, high)[0] > 0.0:
        return turning(forward, low, high)
    # Far away V' is what rounding leaves of it, also where a turn lies long before.
    step, last = min(tau_mem, tau_syn), min(OVER * max(tau_mem, tau_syn), high - low)
    while step <= last:
        high = low + step
        if scaled_slope(forward, high)[0] > 0.0:
            return turning(forward, low, high)
        step = 2.0 * step
    return math.inf


@jitable
def rise(q: Numbers, low: float, high: float) -> float:
    """The crossing in [low, high], where V rises; inf where its end does not reach the threshold."""
    tau_mem, tau_syn, ahead = q[4:7]
    if excess(q, low)[0] >= 0.0:
        return low
    if high < math.inf:
        highest, _, size = excess(q, high)
        if highest >= 0.0:
            return crossing(q, low, high)
        return high if highest >= -TOUCH * size else math.inf
    if ahead <= 0.0:
        return math.inf
    step, last = tau_mem, OVER * max(tau_mem, tau_syn)
    while step <= last:
        high = low + step
        if excess(q, high)[0] >= 0.0:
            return crossing(q, low, high)
        step = 2.0 * step
    return math.inf


@jitable
def turns(q: Numbers) -> Numbers:
    """(Sign of V' just after 0, first time at which V turns, second time), inf where it does not."""
    rest, x, y, tau_mem, tau_syn = q[1:6]
    steepest = 0.0
    if y != 0.0:
        steepest = max(tau_syn - x / y, 0.0)
    one = turn(q, 0.0, steepest)
    two = turn(q, steepest, math.inf)
    if one == math.inf:
        one, two = two, math.inf
    slope = rest / tau_mem + x
    if slope == 0.0:
        slope = y - x / tau_syn
    return (slope if slope != 0.0 else -y, one, two)


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
    tau_mem, tau_syn, v_threshold, _, v_inf, gain = p[:6]
    v, i, a, hold = s
    j = a * (math.e / tau_syn)
    if hold > 0.0:
        left, i = decayed(i, j, hold, tau_syn)
        j = j * left
    return (v - v_threshold, v_inf - v, gain * i, gain * j, tau_mem, tau_syn, v_inf - v_threshold, 1.0)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """The end of the time in which V is held, then the first upward crossing."""
    hold = s[3]
    return math.inf if hold == math.inf else hold + first_crossing(released(p, s))


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
    v_reset, _, _, t_hold = p[3:7]
    i, a = s[1:3]
    return (v_reset, i, a, t_hold)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("lif_alpha", parameters)
    names = ("tau_mem", "tau_syn", "v_threshold", "v_reset")
    drive, gain = parameters["v_leak"] + parameters["current"], parameters["r"] / parameters["tau_mem"]
    return [*(parameters[name] for name in names), drive, gain, holding(parameters), parameters["v_init"]]


DYNAMICS = Dynamics(
    ("v", "i", "a", "hold"), ROWS, initial, propagator, advance, receive, time_to_spike,
    LIF_EXP.dynamics.above, reset, may_spike=may_spike, touching=touching,
)  # fmt: skip


def _peaks(tau_mem: Array, tau_syn: Array) -> tuple[Array, ...]:
    """Bounds on the most that r I and r a add to V, as in `may_spike`."""
    ratio = tau_syn / tau_mem
    return np.minimum(1.0, ratio), np.minimum(1.0, 2.72 * ratio)


PLAIN = replace(
    LIF_EXP, name="lif_alpha", parameters=COMMON, prepare=_rows, dynamics=DYNAMICS, by_receptors=None,
    equation="tau_mem dV/dt = v_leak + current - V + r I; with receptors I1 + I2 + … in place of I\n"
    "an input of weight w adds w (s / tau_syn) e^(1 - s / tau_syn), s after it came, to I\n"
    "V >= v_threshold fires; V := v_reset, held there for t_ref while I goes on",
    source="NEST's iaf_psc_alpha; crossings after R. Brette 2007",
)  # fmt: skip
LIF_ALPHA = register(by_receptors(PLAIN, True, _peaks))
