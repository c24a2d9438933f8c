"""Crossings of a threshold that have no derivative, and the inputs that decide at the very time of a crossing.

Relies on what reached the neuron. Used by the adjoints of the models.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.train.event_gradients.incoming import Arrivals
from eventsim.network.nodes import Population
from eventsim.wording import neuron_text

# A slope of no more than this share of its terms is what rounding left of them.
ROUNDED = 2.0**-50


@dataclass(frozen=True)
class Crossing:
    """A recorded spike: when, of which neuron, its place in the sample, the sample, and which of its spikes."""

    time: Any
    neuron: int
    place: int
    sample: int
    number: int

    def at_once(self, arrivals: Arrivals, n_before: int) -> int:
        """How many inputs arrived at its very time, of spikes that were there before it."""
        same = arrivals.time[n_before:] == self.time
        return int(np.count_nonzero(same & (arrivals.spike[n_before:] < self.place)))


def check_rising(crossing: Crossing, population: Population, slope: Any, size: Any) -> None:
    """Refuse a slope that is 0, or no more than the rounding of its terms, whose sizes add up to `size`.

    Raises
    ------
    InputError
        Such a crossing, whose time has no derivative.
    """
    share = 0 if not isinstance(slope, float) else ROUNDED
    if not slope > share * size:
        raise grazing(crossing, population, slope)


def grazing(crossing: Crossing, population: Population, slope: Any) -> InputError:
    """The error of a crossing at which V does not rise."""
    return InputError(
        f"gradients: {population.name} {neuron_text(crossing.neuron, population.shape)}, spike {crossing.number} of "
        f"sample {crossing.sample} at t = {float(crossing.time):.9g}: V grazes its threshold there, V' = "
        f"{float(slope):.3g} but for rounding; must rise through it, for its time has no derivative else. Leave the "
        "sample out, or move a weight or the threshold a little."
    )
