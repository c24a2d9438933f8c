"""Non-leaky integrate-and-fire neuron with step potentials (S4NN: S. R. Kheradpisheh and T. Masquelier 2020).

An input of weight w moves V by w; nothing else does. V >= v_threshold fires, or V > v_threshold with
``comparator="strict"``, as S4NN has it; then V := v_reset (hard) or V - v_threshold (soft), held for t_ref while inputs
are discarded. ``spikes="once"`` for networks that fire once. Inputs of one time are added up before the test.

S4NN lives in steps: spike times are whole numbers, each projection has a delay of 1, and a neuron that did not fire is
taken as firing at the last step, which here is silence. Every function works on `fractions.Fraction` too.
"""

import math
from collections.abc import Mapping
from typing import Any

from eventsim._jit import jitable
from eventsim.models.neurons.options import REFRACTORY, RESET, RESETS, SPIKES, START, THRESHOLD, check_potentials
from eventsim.network.dynamics import Dynamics, Numbers, elapsed, still
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Free

ROWS = ("v_threshold", "v_reset", "v_init", "soft", "strict")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init."""
    v_init = p[2]
    return (v_init,)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input moves V by its weight."""
    v = s[0]
    return (v + w,)


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """The comparator: V >= v_threshold, or V > v_threshold where strict."""
    v_threshold, strict = p[0], p[4]
    v = s[0]
    return v > v_threshold or (v == v_threshold and strict == 0)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """Without input only a V that a soft reset has left above the threshold makes a spike."""
    return above(p, s)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """At once, or never."""
    return 0 if above(p, s) else math.inf


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """Hard: v_reset. Soft: V - v_threshold."""
    v_threshold, v_reset, _, soft = p[:4]
    v = s[0]
    return (v_reset if soft == 0 else v - v_threshold,)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("step_psp", parameters)
    return [parameters[name] for name in ("v_threshold", "v_reset", "v_init", "reset", "comparator")]


COMPARATOR = Parameter("comparator", "choice", "V >= or V >", default="inclusive", choices=("inclusive", "strict"))

DYNAMICS = Dynamics(
    ("v",), ROWS, initial, elapsed, still, receive, time_to_spike, above, reset,
    may_spike=may_spike, on_fractions=True,
)  # fmt: skip
PARAMETERS = (THRESHOLD, RESET, REFRACTORY, START, SPIKES, RESETS, COMPARATOR)

STEP_PSP = register(
    Model(
        "step_psp", PARAMETERS, _rows, DYNAMICS, Free(jumps=True), family="steps", threshold="v_threshold",
        equation="an input of weight w moves V by w, nothing else does\n"
        "V >= v_threshold fires; V := v_reset or V - v_threshold, held for t_ref while inputs are discarded",
        source="S4NN: S. R. Kheradpisheh and T. Masquelier 2020",
    )
)  # fmt: skip
