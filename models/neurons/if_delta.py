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
from eventsim.network.neuron_model import Array, Model, Numbers, Parameter, register

ROWS = ("v_threshold", "v_reset", "current", "v_init", "soft", "strict")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init."""
    return (p[3],)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """What the current adds to V."""
    return (p[2] * dt,)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V moves in a straight line."""
    return (s[0] + c[0],)


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """The comparator: V >= v_threshold, or V > v_threshold where strict."""
    return s[0] > p[0] or (s[0] == p[0] and p[5] == 0)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """Without input only a current makes a spike, or what a soft reset has left."""
    return p[2] > 0 or above(p, s)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Closed form; 0 where V is there already, inf where it does not rise."""
    if above(p, s):
        return 0
    if p[2] <= 0:
        return math.inf
    return (p[0] - s[0]) / p[2]


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """Hard: v_reset. Soft: V - v_threshold."""
    return (p[1] if p[4] == 0 else s[0] - p[0],)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("if_delta", parameters)
    return [parameters[name] for name in ("v_threshold", "v_reset", "current", "v_init", "reset", "comparator")]


CURRENT = Parameter(
    "current", "V/time", "current, as the slope of V; constant, or Steps in time", default=0.0, steps=True
)

IF_DELTA = register(
    Model(
        name="if_delta",
        family="steps",
        parameters=(THRESHOLD, RESET, CURRENT, REFRACTORY, START, SPIKES, RESETS, COMPARATOR),
        state=("v",),
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
        jumps=True,
        shared=("current",),
        on_fractions=True,
        threshold="v_threshold",
    )
)
