"""Non-leaky integrate-and-fire neuron with exponentially decaying currents (H. Mostafa 2017, arXiv 1606.08165).

dV/dt = I and tau_syn dI/dt = -I; an input of weight w moves I by w, and so V by w tau_syn in the end. V >= v_threshold
fires, V := v_reset and is held there for t_ref, while I goes on decaying and receiving; ``spikes="once"``, as in the
paper, holds it for ever. V tends to V + I tau_syn, so that the crossing is -tau_syn ln(1 - (v_threshold - V) /
(I tau_syn)) away, and there is none where V would reach the threshold only in the limit. Which of the two it is,
rounding decides where I tau_syn and v_threshold - V differ by no more than 2 u of them, u = 2^-53.
"""

import math
from collections.abc import Mapping
from typing import Any

from eventsim._jit import jitable
from eventsim.models.neurons.lif_exp import receive
from eventsim.models.neurons.options import HELD, RESET, SPIKES, START, TAU_SYN, THRESHOLD, check_potentials, holding
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import Array, Model, register
from eventsim.network.regimes import Free

ROWS = ("tau_syn", "v_threshold", "v_reset", "hold", "v_init")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init, no current, not held."""
    v_init = p[4]
    return (v_init, 0.0, 0.0)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """(V per I, decay of I, dt, tau_syn)."""
    tau_syn = p[0]
    return (-math.expm1(-dt / tau_syn) * tau_syn, math.exp(-dt / tau_syn), dt, tau_syn)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V integrates I, which decays; while V is held, only I does."""
    per_i, decay, dt, tau_syn = c
    v, i, hold = s
    if hold <= 0.0:
        return (v + i * per_i, i * decay, hold)
    if hold >= dt:
        return (v, i * decay, hold - dt)
    rest = dt - hold
    at_end = i * math.exp(-hold / tau_syn)
    return (v - at_end * math.expm1(-rest / tau_syn) * tau_syn, at_end * math.exp(-rest / tau_syn), 0.0)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """The test of `time_to_spike`, but for the decay of I while V is held."""
    tau_syn, v_threshold = p[:2]
    v, i, hold = s
    return hold < math.inf and i > 0.0 and i * tau_syn > v_threshold - v


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Closed form; inf where I is too weak."""
    tau_syn, v_threshold = p[:2]
    v, i, hold = s
    if hold == math.inf:
        return math.inf
    if hold > 0.0:
        i = i * math.exp(-hold / tau_syn)
    distance, total = v_threshold - v, i * tau_syn
    if not (i > 0.0 and total > distance):
        return math.inf
    if distance <= 0.0:
        return hold
    share = distance / total
    return hold - tau_syn * (math.log1p(-share) if share < 0.5 else math.log((total - distance) / total))


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= v_threshold, inclusive."""
    v_threshold = p[1]
    v = s[0]
    return v >= v_threshold


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """V := v_reset, held from now on; I goes on."""
    v_reset, t_hold = p[2:4]
    i = s[1]
    return (v_reset, i, t_hold)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("if_exp", parameters)
    names = ("tau_syn", "v_threshold", "v_reset")
    return [*(parameters[name] for name in names), holding(parameters), parameters["v_init"]]


PARAMETERS = (TAU_SYN, THRESHOLD, RESET, HELD, START, SPIKES)
DYNAMICS = Dynamics(
    ("v", "i", "hold"), ROWS, initial, propagator, advance, receive, time_to_spike, above, reset,
    may_spike=may_spike,
)  # fmt: skip

IF_EXP = register(
    Model(
        "if_exp", PARAMETERS, _rows, DYNAMICS, Free(keeps_refractoriness=True), family="currents", shared=("tau_syn",),
        threshold="v_threshold",
        equation="dV/dt = I, tau_syn dI/dt = -I; an input of weight w moves I by w\n"
        "V >= v_threshold fires; V := v_reset, held there for t_ref while I goes on",
        source="H. Mostafa 2017, arXiv 1606.08165",
    )
)  # fmt: skip
