"""Lost spikes: each spike is lost with a probability."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import EmissionFault, check_populations
from eventsim.randomness import uniforms


@jitable
def lose(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """Never, with probability p[0]; else t."""
    if t < math.inf and uniforms(key, sample, neuron, number)[0] < p[0]:
        return math.inf
    return t


@dataclass(frozen=True, repr=False)
class SpikeLoss(EmissionFault):
    """Each spike is lost with a probability; the neuron that fired it is reset all the same.

    Lost spikes are counted (``run.counters["lost"]``).

    Parameters
    ----------
    probability
        From 0 to 1.
    populations
        Names of the populations, and sources, that it acts on; None takes all spiking populations, "all" the sources,
        too.

    Raises
    ------
    FaultError
        A probability that is none, populations that are no names.
    """

    probability: float
    populations: Sequence[str] | str | None = None

    name = "spike_loss"
    equation = "lost with the probability, one draw a spike"
    source = "deletion noise, as in S. Park et al. 2021, arXiv 2104.11169"
    causal = True
    perturb = staticmethod(lose)

    def __post_init__(self) -> None:
        remedy = "It is the share of spikes that are lost."
        number(self.name, "probability", self.probability, FaultError, low=0, high=1, remedy=remedy)
        check_populations(self)

    def numbers(self) -> tuple[float, ...]:
        """(probability,)."""
        return (float(self.probability),)
