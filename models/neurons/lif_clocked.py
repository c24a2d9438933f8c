"""Leaky integrate-and-fire neuron in discrete time, as step-based trainers have it.

At tick k (t = k period, k = 0, 1, …), in this order:

1. with ``resets="before_leak"``, where the neuron fired at the last tick: the reset, which is V := V - v_threshold
   (``reset="soft"``) or V := v_reset (``reset="hard"``), as snnTorch has its reset to zero. Spikes are those of
   ``resets="at_spike"``; V shows what fired until this tick;
2. synapse: I := decay_syn I + (x + bias); with decay_syn = 0, which is the default, I is x + bias alone;
3. leak and input: V := decay V + I, or decay (V + I) with ``leaks="after_input"``;
4. with ``resets="next_tick"``, where the neuron fired at the last tick: the reset (a hard one loses the input of this
   tick), as trainers have it that compute the reset of a step from the spikes of the step before;
5. the test: the neuron fires where V >= v_threshold (V > v_threshold with ``comparator="strict"``), with
   ``spikes="once"`` only if it never did;
6. with ``resets="at_spike"``, where it fires: the reset.

x is what arrived since the last tick, added up in the order of arrival; with ``sees="same_step"`` also what upstream
clocked populations emitted in the same step, with ``sees="next_step"`` only what arrived before the tick. Every
function works on `fractions.Fraction` too; in floats each sum and product is rounded once, in the order written.
"""

import math
from collections.abc import Mapping
from typing import Any

from eventsim._jit import jitable
from eventsim.models.neurons.options import SPIKES
from eventsim.network.dynamics import Dynamics, Numbers, elapsed, still
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Clocked

ROWS = ("decay", "v_threshold", "v_reset", "bias", "hard", "strict", "resets", "after_input", "once", "decay_syn")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = 0, nothing buffered, no spike yet (1: fired at the last tick; 2: before it), I = 0."""
    decay = p[0]
    return (0 * decay, 0 * decay, 0 * decay, 0 * decay)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input waits in the buffer for the next tick."""
    v, buffer, fired, i = s
    return (v, buffer + w, fired, i)


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
    """The comparator: V >= v_threshold, or V > v_threshold where strict; never again where it fires once."""
    v_threshold, strict, once = p[1], p[5], p[8]
    v, _, fired = s[:3]
    if once == 1 and fired > 0:
        return False
    return v > v_threshold or (v == v_threshold and strict == 0)


@jitable
def lowered(p: Numbers, v: Any) -> Any:
    """V after a reset."""
    v_threshold, v_reset, _, hard = p[1:5]
    return v - v_threshold if hard == 0 else v_reset


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """Soft: V - v_threshold. Hard: v_reset. Or later, at the next tick."""
    resets = p[6]
    v, buffer, fired, i = s
    fired = 1 + 0 * fired
    if resets > 0:
        return (v, buffer, fired, i)
    return (lowered(p, v), buffer, fired, i)


@jitable
def tick(p: Numbers, s: Numbers) -> Numbers:
    """Synapse, leak, input and bias in the order chosen, and a reset that is due; the buffer is empty again."""
    decay, _, _, bias, _, _, resets, after_input, _, decay_syn = p
    v, buffer, fired, i = s
    v = lowered(p, v) if resets == 2 and fired == 1 else v
    x = buffer + bias
    i = x if decay_syn == 0 else decay_syn * i + x
    v = decay * (v + i) if after_input == 1 else decay * v + i
    if resets == 1 and fired == 1:
        v = lowered(p, v)
    return (v, 0 * buffer, 2 + 0 * fired if fired > 0 else fired, i)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    names = ("decay", "v_threshold", "v_reset", "bias", "reset", "comparator", "resets", "leaks", "spikes", "decay_syn")
    return [parameters[name] for name in names]


DYNAMICS = Dynamics(
    ("v", "buffer", "fired", "i"), ROWS, initial, elapsed, still, receive, time_to_spike, above, reset,
    may_spike=never, tick=tick, on_fractions=True,
)  # fmt: skip
PARAMETERS = (
    Parameter("period", "time", "clock period", low=0.0, open_low=True),
    Parameter("decay", "1", "factor on V from tick to tick", low=0.0, high=1.0),
    Parameter("v_threshold", "V", "firing threshold", default=1.0),
    Parameter("v_reset", "V", "potential after a hard reset", default=0.0),
    Parameter("bias", "V", "added at each tick", default=0.0),
    Parameter("reset", "choice", "what a spike does to V", default="soft", choices=("soft", "hard")),
    Parameter("comparator", "choice", "V >= or V >", default="inclusive", choices=("inclusive", "strict")),
    Parameter(
        "resets",
        "choice",
        "when the reset happens",
        default="at_spike",
        choices=("at_spike", "next_tick", "before_leak"),
    ),
    Parameter("leaks", "choice", "when V leaks", default="before_input", choices=("before_input", "after_input")),
    SPIKES,
    Parameter("decay_syn", "1", "factor on I from tick to tick; 0: no synapse", default=0.0, low=0.0, high=1.0),
    Parameter("sees", "choice", "which input a tick sees", default="same_step", choices=("same_step", "next_step")),
)

LIF_CLOCKED = register(
    Model(
        "lif_clocked", PARAMETERS, _rows, DYNAMICS, Clocked(), threshold="v_threshold",
        equation="at each tick t = k period: I := decay_syn I + inputs + bias, V := decay V + I or decay (V + I)\n"
        "V >= v_threshold fires; V := V - v_threshold or v_reset, at once, before the next leak or after it",
        source="step-based trainers, snnTorch's Leaky and Synaptic among them",
    )
)  # fmt: skip
