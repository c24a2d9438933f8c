"""Neurons that always fire at the beginning of their window, whatever they receive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import EmissionFault, check_populations
from eventsim.randomness import uniforms


@jitable
def fire_first(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """t_min, of the share p[0] of all neurons, whatever the sample; else t."""
    if t > window[0] and uniforms(key, 0, neuron, 0)[0] < p[0]:
        return window[0]
    return t


@dataclass(frozen=True, repr=False)
class AlwaysOn(EmissionFault):
    """Some neurons fire at their t_min, the largest value there is: which ones is drawn once, for all samples.

    In a network of first spikes that is the worst that a neuron can do. One that crosses its threshold before t_min
    fires then.

    Parameters
    ----------
    fraction
        The probability that a neuron is always on, from 0 to 1.
    populations
        Names of the windowed populations that it acts on; None takes all spiking populations.

    Raises
    ------
    FaultError
        A fraction that is none, populations that are no names.
    """

    fraction: float
    populations: Sequence[str] | str | None = None

    name = "always_on"
    equation = "t -> t_min, silent neurons included: one draw a neuron, whatever the sample"
    source = "fixed-pattern defects of arrays of neurons"
    causal = False
    perturb = staticmethod(fire_first)

    def __post_init__(self) -> None:
        remedy = "It is the share of neurons that are always on."
        number(self.name, "fraction", self.fraction, FaultError, low=0, high=1, remedy=remedy)
        check_populations(self)

    @property
    def wakes(self) -> bool:  # type: ignore[override]
        """Whether silent neurons fire."""
        return self.fraction > 0

    def numbers(self) -> tuple[float, ...]:
        """(fraction,)."""
        return (float(self.fraction),)
