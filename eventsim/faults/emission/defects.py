"""Defects of single neurons, the same for all samples: those that never fire, and those that always do at once."""

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
def die(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """Never, of the share p[0] of all neurons, whatever the sample; else t."""
    if t < math.inf and uniforms(key, 0, neuron, 0)[0] < p[0]:
        return math.inf
    return t


@jitable
def fire_first(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """t_min, of the share p[0] of all neurons, whatever the sample; else t."""
    if t > window[0] and uniforms(key, 0, neuron, 0)[0] < p[0]:
        return window[0]
    return t


@dataclass(frozen=True, repr=False)
class Defect(EmissionFault):
    """Base of the faults that some neurons have: which ones is drawn once, one draw a neuron."""

    fraction: float
    populations: Sequence[str] | str | None = None

    def __post_init__(self) -> None:
        remedy = "It is a share of the neurons."
        number(self.name, "fraction", self.fraction, FaultError, low=0, high=1, remedy=remedy)
        check_populations(self)

    def numbers(self) -> tuple[float, ...]:
        """(fraction,)."""
        return (float(self.fraction),)


class Dead(Defect):
    """Some neurons never fire: which ones is drawn once, for all samples (a fixed pattern).

    Parameters
    ----------
    fraction
        The probability that a neuron is dead, from 0 to 1.
    populations
        Names of the populations, and sources, that it acts on; None takes all spiking populations, "all" the sources,
        too.

    Raises
    ------
    FaultError
        A fraction that is none, populations that are no names.
    """

    name = "dead"
    equation = "lost, for all spikes of a neuron: one draw a neuron, whatever the sample"
    source = "fixed-pattern defects of arrays of neurons"
    causal = True
    perturb = staticmethod(die)


class AlwaysOn(Defect):
    """Some neurons fire at their t_min, the largest value there is: which ones is drawn once, for all samples.

    In a network of first spikes that is the worst that a neuron can do. One that crosses its threshold before t_min
    fires then.

    Parameters
    ----------
    fraction
        The probability that a neuron is always on, from 0 to 1.
    populations
        Names of the windowed populations, and sources, that it acts on; None takes all spiking populations, "all" the
        sources, too.

    Raises
    ------
    FaultError
        A fraction that is none, populations that are no names.
    """

    name = "always_on"
    equation = "t -> t_min, silent neurons included: one draw a neuron, whatever the sample"
    source = "fixed-pattern defects of arrays of neurons"
    causal = False
    perturb = staticmethod(fire_first)

    @property
    def wakes(self) -> bool:  # type: ignore[override]
        """Whether silent neurons fire."""
        return self.fraction > 0
