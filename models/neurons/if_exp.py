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
from eventsim.network.neuron_model import Array, Model, Numbers, register

ROWS = ("tau_syn", "v_threshold", "v_reset", "hold", "v_init")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init, no current, not held."""
    return (p[4], 0.0, 0.0)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """(V per I, decay of I, dt, tau_syn)."""
    return (-math.expm1(-dt / p[0]) * p[0], math.exp(-dt / p[0]), dt, p[0])


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V integrates I, which decays; while V is held, only I does."""
    v, i, hold = s
    if hold <= 0.0:
        return (v + i * c[0], i * c[1], hold)
    if hold >= c[2]:
        return (v, i * c[1], hold - c[2])
    rest = c[2] - hold
    at_end = i * math.exp(-hold / c[3])
    return (v - at_end * math.expm1(-rest / c[3]) * c[3], at_end * math.exp(-rest / c[3]), 0.0)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """The test of `time_to_spike`, but for the decay of I while V is held."""
    return s[2] < math.inf and s[1] > 0.0 and s[1] * p[0] > p[1] - s[0]


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Closed form; inf where I is too weak."""
    v, i, hold = s
    if hold == math.inf:
        return math.inf
    if hold > 0.0:
        i = i * math.exp(-hold / p[0])
    distance, total = p[1] - v, i * p[0]
    if not (i > 0.0 and total > distance):
        return math.inf
    if distance <= 0.0:
        return hold
    share = distance / total
    return hold - p[0] * (math.log1p(-share) if share < 0.5 else math.log((total - distance) / total))


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= v_threshold, inclusive."""
    return s[0] >= p[1]


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """V := v_reset, held from now on; I goes on."""
    return (p[2], s[1], p[3])


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("if_exp", parameters)
    names = ("tau_syn", "v_threshold", "v_reset")
    return [*(parameters[name] for name in names), holding(parameters), parameters["v_init"]]


IF_EXP = register(
    Model(
        name="if_exp",
        family="currents",
        parameters=(TAU_SYN, THRESHOLD, RESET, HELD, START, SPIKES),
        state=("v", "i", "hold"),
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
        keeps_refractoriness=True,
        shared=("tau_syn",),
        threshold="v_threshold",
    )
)
