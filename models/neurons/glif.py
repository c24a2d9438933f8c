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
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Free

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
    v_threshold, v_init = p[9], p[19]
    return (v_init, v_threshold, 0.0, 0.0, 0.0, 0.0)


@separate
def propagator(p: Numbers, dt: Any) -> Numbers:
    """Dt, and the parameters: neurons are updated one by one."""
    tau_mem, tau_threshold, tau_syn, tau_1, tau_2, v_inf, h_inf, gain, coupling, v_threshold, v_leak = p[:11]
    return (dt, tau_mem, tau_threshold, tau_syn, tau_1, tau_2, v_inf, h_inf, gain, coupling, v_threshold, v_leak)


@separate
def held(p: Numbers, s: Numbers, dt: float) -> Numbers:
    """State dt later while V is held; p from tau_mem to v_leak."""
    tau_threshold, tau_syn, tau_1, tau_2, _, _, _, coupling, v_threshold, v_leak = p[1:11]
    v, threshold, i, j1, j2, hold = s
    limit = v_threshold + coupling * (v - v_leak)
    return (
        v, threshold + (limit - threshold) * -math.expm1(-dt / tau_threshold), i * math.exp(-dt / tau_syn),
        j1 * math.exp(-dt / tau_1), j2 * math.exp(-dt / tau_2), hold - dt,
    )  # fmt: skip


@separate
def free(p: Numbers, s: Numbers, dt: float) -> Numbers:
    """State dt later while V is not held; p from tau_mem to v_leak."""
    tau_mem, tau_threshold, tau_syn, tau_1, tau_2, v_inf, h_inf, gain, coupling = p[:9]
    v, threshold, i, j1, j2 = s[:5]
    push, u = coupling / tau_threshold, v - v_inf
    one, two, three = gain * i, gain * j1, gain * j2
    v = v - u * -math.expm1(-dt / tau_mem)
    driven = one * response(tau_mem, tau_syn, dt) + two * response(tau_mem, tau_1, dt)
    v += driven + three * response(tau_mem, tau_2, dt)
    h = threshold + (h_inf - threshold) * -math.expm1(-dt / tau_threshold)
    if push != 0.0:
        driven = one * double_response(tau_mem, tau_threshold, tau_syn, dt)
        driven += two * double_response(tau_mem, tau_threshold, tau_1, dt)
        last = three * double_response(tau_mem, tau_threshold, tau_2, dt)
        h += push * (u * response(tau_mem, tau_threshold, dt) + driven + last)
    return (
        v, h, i * math.exp(-dt / tau_syn), j1 * math.exp(-dt / tau_1), j2 * math.exp(-dt / tau_2), 0.0,
    )  # fmt: skip


@separate
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V and the threshold follow the currents; while V is held, all else goes on."""
    dt, p, hold = c[0], c[1:], s[5]
    if hold <= 0.0:
        return free(p, s, dt)
    if hold >= dt:
        return held(p, s, dt)
    return free(p, held(p, s, hold), dt - hold)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input moves I by its weight."""
    v, threshold, i, j1, j2, hold = s
    return (v, threshold, i + w, j1, j2, hold)


@separate
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """Bounds: V stays between max(V, v_inf) plus what positive currents add and the like below; H follows V."""
    tau_mem, _, tau_syn, tau_1, tau_2, v_inf, _, gain, coupling, v_threshold, v_leak = p[:11]
    v, threshold, i, j1, j2, hold = s
    if hold == math.inf:
        return False
    one, two, three = gain * i * min(tau_mem, tau_syn), gain * j1 * min(tau_mem, tau_1), gain * j2 * min(tau_mem, tau_2)
    high = max(v, v_inf) + max(one, 0.0) + max(two, 0.0) + max(three, 0.0)
    low = min(v, v_inf) + min(one, 0.0) + min(two, 0.0) + min(three, 0.0)
    least = min(threshold, v_threshold + min(coupling * (high - v_leak), coupling * (low - v_leak)))
    size = abs(high) + abs(low) + abs(least) + abs(threshold) + abs(v_threshold)
    size += abs(coupling) * (abs(high) + abs(v_leak))
    return high >= least - MARGIN * size


@separate
def released(p: Numbers, s: Numbers) -> Numbers:
    """V - H as a form of `exponentials`, from the end of the time in which V is held."""
    tau_mem, tau_threshold, tau_syn, tau_1, tau_2, v_inf, h_inf, gain, coupling = p[:9]
    now, hold = s, s[5]
    if hold > 0.0:
        now = held(p, s, hold)
    v, threshold, i, j1, j2 = now[:5]
    return (
        v_inf - h_inf, 1.0, -1.0, 0.0, 0.0, 0.0, v - v_inf, threshold - h_inf, i, j1, j2,
        tau_mem, tau_threshold, tau_syn, tau_1, tau_2, gain, coupling, abs(v_inf) + abs(h_inf), v - threshold,
    )  # fmt: skip


@jitable
def last_rise(q: Numbers, low: float) -> float:
    """The crossing after the last turn, from where on V - H rises to its limit."""
    tau_mem, tau_threshold, tau_1, tau_2, tau_3 = q[11:16]
    if q[0] <= 0.0:  # the limit of V - H
        return math.inf
    step = min(tau_mem, tau_threshold, tau_1, tau_2, tau_3)
    last = OVER * max(tau_mem, tau_threshold, tau_1, tau_2, tau_3)
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
    hold = s[5]
    if hold == math.inf or not may_spike(p, s, math.inf):
        return math.inf
    q = released(p, s)
    if hold > 0.0 and value(q, 0.0)[0] >= 0.0:
        return hold
    return hold + first_rise(q)[0]


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
    v, threshold = s[:2]
    return v >= threshold


@separate
def reset(p: Numbers, s: Numbers) -> Numbers:
    """V := v_reset, held from now on; the threshold and the currents of spikes move, that of inputs goes on."""
    v_reset, threshold_reset, threshold_jump, after_1, kept_1, after_2, kept_2, t_hold = p[11:19]
    threshold, i, j1, j2 = s[1:5]
    raised = max(threshold, threshold_reset) + threshold_jump
    return (v_reset, raised, i, kept_1 * j1 + after_1, kept_2 * j2 + after_2, t_hold)


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

DYNAMICS = Dynamics(
    ("v", "threshold", "i", "j1", "j2", "hold"), ROWS, initial, propagator, advance, receive, time_to_spike, above,
    reset, may_spike=may_spike, touching=touching,
)  # fmt: skip
GLIF = register(
    Model(
        "glif", PARAMETERS, _rows, DYNAMICS, Free(keeps_refractoriness=True), shared=("tau_mem", "tau_syn"),
        threshold="v_threshold",
        equation="tau_mem dV/dt = v_leak + current - V + r (I + J1 + J2); an input of weight w moves I by w\n"
        "tau_syn dI/dt = -I, tau_1 dJ1/dt = -J1, tau_2 dJ2/dt = -J2\n"
        "tau_threshold dH/dt = v_threshold + coupling (V - v_leak) - H\n"
        "V >= H fires; V := v_reset, held there for t_ref, H := max(H, threshold_reset) + threshold_jump,\n"
        "J1 := kept_1 J1 + after_1, J2 := kept_2 J2 + after_2",
        source="S. Mihalas and E. Niebur 2009, with a synaptic current; C. Teeter et al. 2018",
    )
)  # fmt: skip
