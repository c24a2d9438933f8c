"""Leaky integrate-and-fire neuron in discrete time, as step-based trainers have it.

At tick k (t = k period, k = 0, 1, …): V := decay V + (buffered input + bias); the neuron fires where V >= v_threshold
(V > v_threshold with ``comparator="strict"``); then V := V - v_threshold (soft reset) or v_reset (hard reset). The
input of a tick is what arrived since the last one, added in the order of arrival; with ``sees="same_step"`` also what
upstream clocked populations emitted in the same step, with ``sees="next_step"`` only what arrived before the tick.
"""

import math
from collections.abc import Mapping
from typing import Any

from eventsim._jit import jitable
from eventsim.neuron_model import Array, Model, Numbers, Parameter, register

ROWS = ("decay", "v_threshold", "v_reset", "bias", "hard", "strict")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = 0, nothing buffered."""
    return (0 * p[0], 0 * p[0])


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """Nothing happens between ticks."""
    return (dt,)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """Nothing happens between ticks."""
    return s


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input waits in the buffer for the next tick."""
    return (s[0], s[1] + w)


@jitable
def never(p: Numbers, s: Numbers, dt: Any) -> bool:
    """Between ticks nothing fires."""
    return False


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Spikes come from ticks alone."""
    return math.inf


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """The comparator: V >= v_threshold, or V > v_threshold where strict."""
    return s[0] > p[1] or (s[0] == p[1] and p[5] == 0)


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """Soft: V - v_threshold. Hard: v_reset."""
    if p[4] == 0:
        return (s[0] - p[1], s[1])
    return (p[2], s[1])


@jitable
def unchanged(p: Numbers, s: Numbers) -> Numbers:
    """Not windowed: never called."""
    return s


@jitable
def tick(p: Numbers, s: Numbers) -> Numbers:
    """Leak, then the buffered input and the bias; the buffer is empty again."""
    return (p[0] * s[0] + (s[1] + p[3]), 0 * s[1])


@jitable
def retire(s: Numbers) -> Numbers:
    """Not a single-spike model: never called."""
    return s


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    names = ("decay", "v_threshold", "v_reset", "bias", "reset", "comparator")
    return [parameters[name] for name in names]


LIF_CLOCKED = register(
    Model(
        name="lif_clocked",
        parameters=(
            Parameter("period", "time", "clock period", low=0.0, open_low=True),
            Parameter("decay", "1", "factor on V from tick to tick", low=0.0, high=1.0),
            Parameter("v_threshold", "V", "firing threshold", default=1.0),
            Parameter("v_reset", "V", "potential after a hard reset", default=0.0),
            Parameter("bias", "V", "added at each tick", default=0.0),
            Parameter("reset", "choice", "what a spike does to V", default="soft", choices=("soft", "hard")),
            Parameter("comparator", "choice", "V >= or V >", default="inclusive", choices=("inclusive", "strict")),
            Parameter(
                "sees", "choice", "which input a tick sees", default="same_step", choices=("same_step", "next_step")
            ),
        ),
        state=("v", "buffer"),
        rows=ROWS,
        prepare=_rows,
        initial=initial,
        propagator=propagator,
        advance=advance,
        receive=receive,
        may_spike=never,
        time_to_spike=time_to_spike,
        above=above,
        reset=reset,
        open_window=unchanged,
        tick=tick,
        retire=retire,
        clocked=True,
        generic=True,
        threshold="v_threshold",
    )
)
