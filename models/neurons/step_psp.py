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
from eventsim.network.neuron_model import Array, Model, Numbers, Parameter, register

ROWS = ("v_threshold", "v_reset", "v_init", "soft", "strict")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init."""
    return (p[2],)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """Nothing happens between inputs."""
    return (dt,)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """Nothing happens between inputs."""
    return s


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input moves V by its weight."""
    return (s[0] + w,)


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """The comparator: V >= v_threshold, or V > v_threshold where strict."""
    return s[0] > p[0] or (s[0] == p[0] and p[4] == 0)


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
    return (p[1] if p[3] == 0 else s[0] - p[0],)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("step_psp", parameters)
    return [parameters[name] for name in ("v_threshold", "v_reset", "v_init", "reset", "comparator")]


COMPARATOR = Parameter("comparator", "choice", "V >= or V >", default="inclusive", choices=("inclusive", "strict"))

STEP_PSP = register(
    Model(
        name="step_psp",
        family="steps",
        parameters=(
            THRESHOLD,
            RESET,
            REFRACTORY,
            START,
            SPIKES,
            RESETS,
            COMPARATOR,
        ),
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
        on_fractions=True,
        threshold="v_threshold",
    )
)
