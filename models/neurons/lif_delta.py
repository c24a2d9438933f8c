"""Leaky integrate-and-fire neuron with delta synapses and a constant drive.

tau_mem dV/dt = v_leak + current - V; an input of weight w moves V by w; V >= v_threshold fires; then V := v_reset
(hard) or V - v_threshold (soft) and is held there for t_ref, while inputs are discarded. ``spikes="once"`` holds it for
ever. Between inputs V relaxes to v_inf = v_leak + current, so the crossing is tau_mem ln((v_inf - V) / (v_inf -
v_threshold)) away, and never where v_inf <= v_threshold.

A soft reset may leave V at or above the threshold, where an input lifted it to twice that. The neuron then fires again
as soon as it may: at the end of t_ref, or at once, which is an error, since no neuron fires twice at one time.

Errors. A crossing is right to a few roundings of its distance, of V and of v_inf over V', and of its own time
(`tests/test_neuron_options.py`).
"""

import math
from collections.abc import Mapping
from typing import Any

from eventsim._jit import jitable
from eventsim.models.neurons.options import (
    CURRENT,
    LEAK,
    REFRACTORY,
    RESET,
    RESETS,
    SPIKES,
    START,
    TAU_MEM,
    THRESHOLD,
    check_potentials,
)
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import Array, Model, register
from eventsim.network.regimes import Free

ROWS = ("tau_mem", "v_threshold", "v_reset", "v_inf", "v_init", "soft")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init."""
    v_init = p[4]
    return (v_init,)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """(1 - e^(-dt / tau_mem), right also where dt is short, and v_inf)."""
    tau_mem, _, _, v_inf = p[:4]
    return (-math.expm1(-dt / tau_mem), v_inf)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V relaxes towards v_inf."""
    rise, v_inf = c
    v = s[0]
    return (v + (v_inf - v) * rise,)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input moves V by its weight."""
    v = s[0]
    return (v + w,)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """Without input only a drive above the threshold makes a spike, or what a soft reset has left."""
    v_threshold, _, v_inf = p[1:4]
    v = s[0]
    return v_inf > v_threshold or v >= v_threshold


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Closed form; inf where the drive stays at or below the threshold, 0 where V is there already."""
    tau_mem, v_threshold, _, v_inf = p[:4]
    v = s[0]
    if v >= v_threshold:
        return 0
    if v_inf <= v_threshold:
        return math.inf
    # The logarithm of a ratio near 1 has few digits.
    return tau_mem * math.log1p((v_threshold - v) / (v_inf - v_threshold))


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= v_threshold, inclusive."""
    v_threshold = p[1]
    v = s[0]
    return v >= v_threshold


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """Hard: v_reset. Soft: V - v_threshold."""
    v_threshold, v_reset, _, _, soft = p[1:6]
    v = s[0]
    return (v_reset if soft == 0.0 else v - v_threshold,)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("lif_delta", parameters)
    given = {**parameters, "v_inf": parameters["v_leak"] + parameters["current"], "soft": parameters["reset"]}
    return [given[name] for name in ROWS]


PARAMETERS = (TAU_MEM, THRESHOLD, RESET, LEAK, CURRENT, REFRACTORY, START, SPIKES, RESETS)

DYNAMICS = Dynamics(
    ("v",), ROWS, initial, propagator, advance, receive, time_to_spike, above, reset,
    may_spike=may_spike,
)  # fmt: skip
LIF_DELTA = register(
    Model(
        "lif_delta", PARAMETERS, _rows, DYNAMICS, Free(jumps=True), family="deltas",
        shared=("tau_mem", "v_leak", "current"), threshold="v_threshold",
        equation="tau_mem dV/dt = v_leak + current - V; an input of weight w moves V by w\n"
        "V >= v_threshold fires; V := v_reset or V - v_threshold, held for t_ref while inputs are discarded",
        source="NIR's LIF, NEST's iaf_psc_delta",
    )
)  # fmt: skip
