"""Non-leaky integrate-and-fire neuron with delta synapses and a constant current (NIR's IF with a bias).

dV/dt = current; an input of weight w moves V by w; V >= v_threshold fires, or V > v_threshold with
``comparator="strict"``, which differs where an input leaves V on the threshold and the current is not positive. Then
V := v_reset (hard) or V - v_threshold (soft), held for t_ref while inputs are discarded; ``spikes="once"`` holds it for
ever. The crossing is (v_threshold - V) / current away. Without a current this is `step_psp`. Every function works on
`fractions.Fraction` too; a crossing is right to a few roundings of V over the current, and of its own time.
"""

import math
from collections.abc import Mapping
from typing import Any

from eventsim._jit import jitable
from eventsim.models.neurons.options import REFRACTORY, RESET, RESETS, SPIKES, START, THRESHOLD, check_potentials
from eventsim.models.neurons.step_psp import COMPARATOR, receive
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Free

ROWS = ("v_threshold", "v_reset", "current", "v_init", "soft", "strict")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init."""
    v_init = p[3]
    return (v_init,)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """What the current adds to V."""
    current = p[2]
    return (current * dt,)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V moves in a straight line."""
    moved = c[0]
    v = s[0]
    return (v + moved,)


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """The comparator: V >= v_threshold, or V > v_threshold where strict."""
    v_threshold, strict = p[0], p[5]
    v = s[0]
    return v > v_threshold or (v == v_threshold and strict == 0)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """Without input only a current makes a spike, or what a soft reset has left."""
    current = p[2]
    return current > 0 or above(p, s)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Closed form; 0 where V is there already, inf where it does not rise."""
    v_threshold, _, current = p[:3]
    v = s[0]
    if above(p, s):
        return 0
    if current <= 0:
        return math.inf
    return (v_threshold - v) / current


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """Hard: v_reset. Soft: V - v_threshold."""
    v_threshold, v_reset, _, _, soft = p[:5]
    v = s[0]
    return (v_reset if soft == 0 else v - v_threshold,)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("if_delta", parameters)
    return [parameters[name] for name in ("v_threshold", "v_reset", "current", "v_init", "reset", "comparator")]


CURRENT = Parameter(
    "current", "V/time", "current, as the slope of V; constant, or Steps in time", default=0.0, steps=True
)

DYNAMICS = Dynamics(
    ("v",), ROWS, initial, propagator, advance, receive, time_to_spike, above, reset,
    may_spike=may_spike, on_fractions=True,
)  # fmt: skip
PARAMETERS = (THRESHOLD, RESET, CURRENT, REFRACTORY, START, SPIKES, RESETS, COMPARATOR)

IF_DELTA = register(
    Model(
        "if_delta", PARAMETERS, _rows, DYNAMICS, Free(jumps=True), family="steps", shared=("current",),
        threshold="v_threshold",
        equation="dV/dt = current; an input of weight w moves V by w\n"
        "V >= v_threshold fires; V := v_reset or V - v_threshold, held for t_ref while inputs are discarded",
        source="NIR's IF, with a bias",
    )
)  # fmt: skip
