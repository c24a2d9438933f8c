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

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable, separate
from eventsim.errors import ModelError
from eventsim.models.neurons.exponentials import crossing, direction, double_response, turns, value
from eventsim.models.neurons.lif_exp import MARGIN, OVER, response
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
    check_potentials,
    holding,
    time_constant,
)
from eventsim.network.neuron_model import Array, Model, Numbers, Parameter, register

ROWS = (
    "tau_mem", "tau_threshold", "tau_syn", "tau_1", "tau_2", "v_inf", "h_inf", "gain", "coupling", "v_threshold",
    "v_leak", "v_reset", "threshold_reset", "threshold_jump", "after_1", "kept_1", "after_2", "kept_2", "hold",
    "v_init",
)  # fmt: skip
# A maximum that is below the threshold by less than its own rounding touches it: 64 roundings of its terms.
TOUCH = 2.0**-47


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init, the threshold as it is far from all spikes, no currents, not held."""
    return (p[19], p[9], 0.0, 0.0, 0.0, 0.0)


@separate
def propagator(p: Numbers, dt: Any) -> Numbers:
    """Dt, and the parameters: neurons are updated one by one."""
    return (dt, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10])


@separate
def held(p: Numbers, s: Numbers, dt: float) -> Numbers:
    """State dt later while V is held; p from tau_mem to v_leak."""
    limit = p[9] + p[8] * (s[0] - p[10])
    return (
        s[0], s[1] + (limit - s[1]) * -math.expm1(-dt / p[1]), s[2] * math.exp(-dt / p[2]),
        s[3] * math.exp(-dt / p[3]), s[4] * math.exp(-dt / p[4]), s[5] - dt,
    )  # fmt: skip


@separate
def free(p: Numbers, s: Numbers, dt: float) -> Numbers:
    """State dt later while V is not held; p from tau_mem to v_leak."""
    push, u = p[8] / p[1], s[0] - p[5]
    one, two, three = p[7] * s[2], p[7] * s[3], p[7] * s[4]
    v = s[0] - u * -math.expm1(-dt / p[0])
    v += one * response(p[0], p[2], dt) + two * response(p[0], p[3], dt) + three * response(p[0], p[4], dt)
    h = s[1] + (p[6] - s[1]) * -math.expm1(-dt / p[1])
    if push != 0.0:
        driven = one * double_response(p[0], p[1], p[2], dt) + two * double_response(p[0], p[1], p[3], dt)
        h += push * (u * response(p[0], p[1], dt) + driven + three * double_response(p[0], p[1], p[4], dt))
    return (
        v, h, s[2] * math.exp(-dt / p[2]), s[3] * math.exp(-dt / p[3]), s[4] * math.exp(-dt / p[4]), 0.0,
    )  # fmt: skip


@separate
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V and the threshold follow the currents; while V is held, all else goes on."""
    p = c[1:]
    if s[5] <= 0.0:
        return free(p, s, c[0])
    if s[5] >= c[0]:
        return held(p, s, c[0])
    return free(p, held(p, s, s[5]), c[0] - s[5])


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input moves I by its weight."""
    return (s[0], s[1], s[2] + w, s[3], s[4], s[5])


@separate
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """Bounds: V stays between max(V, v_inf) plus what positive currents add and the like below; H follows V."""
    if s[5] == math.inf:
        return False
    one, two, three = p[7] * s[2] * min(p[0], p[2]), p[7] * s[3] * min(p[0], p[3]), p[7] * s[4] * min(p[0], p[4])
    high = max(s[0], p[5]) + max(one, 0.0) + max(two, 0.0) + max(three, 0.0)
    low = min(s[0], p[5]) + min(one, 0.0) + min(two, 0.0) + min(three, 0.0)
    threshold = min(s[1], p[9] + min(p[8] * (high - p[10]), p[8] * (low - p[10])))
    size = abs(high) + abs(low) + abs(threshold) + abs(s[1]) + abs(p[9]) + abs(p[8]) * (abs(high) + abs(p[10]))
    return high >= threshold - MARGIN * size


@separate
def released(p: Numbers, s: Numbers) -> Numbers:
    """V - H as a form of `exponentials`, from the end of the time in which V is held."""
    if s[5] > 0.0:
        s = held(p, s, s[5])
    return (
        p[5] - p[6], 1.0, -1.0, 0.0, 0.0, 0.0, s[0] - p[5], s[1] - p[6], s[2], s[3], s[4],
        p[0], p[1], p[2], p[3], p[4], p[7], p[8], abs(p[5]) + abs(p[6]), s[0] - s[1],
    )  # fmt: skip


@jitable
def last_rise(q: Numbers, low: float) -> float:
    """The crossing after the last turn, from where on V - H rises to its limit."""
    if q[0] <= 0.0:
        return math.inf
    step = min(q[11], q[12], q[13], q[14], q[15])
    last = OVER * max(q[11], q[12], q[13], q[14], q[15])
    while step <= last:
        if value(q, low + step)[0] >= 0.0:
            return crossing(q, low, low + step)
        step = 2.0 * step
    return math.inf


@separate
def first_rise(q: Numbers) -> Numbers:
    """(Time of the first upward crossing, the maximum at its end and the size of its terms, inf and 0 without one)."""
    ends = turns(q)
    rising, low = direction(q) > 0.0, 0.0
    for k in range(6):
        high = ends[k] if k < 5 else math.inf
        if rising:
            if value(q, low)[0] >= 0.0:
                return (low, math.inf, 0.0)
            if high == math.inf:
                return (last_rise(q, low), math.inf, 0.0)
            highest, _, size = value(q, high)
            if highest >= 0.0:
                return (crossing(q, low, high), highest, size)
            if highest >= -TOUCH * size:
                return (high, highest, size)
        if high == math.inf:
            break
        low, rising = high, not rising
    return (math.inf, math.inf, 0.0)


@separate
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """The end of the time in which V is held, then the first upward crossing."""
    if s[5] == math.inf or not may_spike(p, s, math.inf):
        return math.inf
    q = released(p, s)
    if s[5] > 0.0 and value(q, 0.0)[0] >= 0.0:
        return s[5]
    return s[5] + first_rise(q)[0]


@separate
def touching(p: Numbers, s: Numbers) -> bool:
    """Is the maximum of V - H, of a state that is about to fire, zero but for rounding?"""
    q = released(p, s)
    if value(q, 0.0)[0] >= 0.0:
        return False
    _, highest, size = first_rise(q)
    return abs(highest) <= TOUCH * size


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V at or above its threshold."""
    return s[0] >= s[1]


@separate
def reset(p: Numbers, s: Numbers) -> Numbers:
    """V := v_reset, held from now on; the threshold and the currents of spikes move, that of inputs goes on."""
    return (p[11], max(s[1], p[12]) + p[13], s[2], p[15] * s[3] + p[14], p[17] * s[4] + p[16], p[18])


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
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
    return [given[name] for name in ROWS]


PARAMETERS = (
    TAU_MEM, TAU_SYN, RESISTANCE,
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

GLIF = register(
    Model(
        name="glif",
        parameters=PARAMETERS,
        state=("v", "threshold", "i", "j1", "j2", "hold"),
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
        shared=("tau_mem", "tau_syn"),
        threshold="v_threshold",
    )
)
