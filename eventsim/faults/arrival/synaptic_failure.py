"""Synaptic failure: a spike reaches a synapse, and nothing comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import ArrivalFault, check_projections
from eventsim.randomness import uniforms


@jitable
def fail(p: Any, key: Any, sample: Any, synapse: Any, number: Any, w: Any) -> Any:
    """0 with probability p[0], else w."""
    if p[0] > 0.0 and uniforms(key, sample, synapse, number)[0] < p[0]:
        return 0 * w
    return w


@dataclass(frozen=True, repr=False)
class SynapticFailure(ArrivalFault):
    """Each delivery of a spike fails with a probability, by itself: it arrives with weight 0.

    Parameters
    ----------
    probability
        From 0 to 1.
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        A probability that is none, projections that are no pairs of names.
    """

    probability: float
    projections: Sequence[tuple[str, str]] | None = None

    name = "synaptic_failure"
    equation = "w -> 0 with the probability, one draw a delivery"
    source = "unreliable synapses"
    deliver = staticmethod(fail)

    def __post_init__(self) -> None:
        remedy = "It is the share of deliveries that fail."
        number(self.name, "probability", self.probability, FaultError, low=0, high=1, remedy=remedy)
        check_projections(self)

    def numbers(self) -> tuple[float, ...]:
        """(probability,)."""
        return (float(self.probability),)
