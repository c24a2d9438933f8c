"""What one spike, or one potential, passes back: to what had reached its neuron, and to the neuron's own parameters.

Relies on numpy. Made by the adjoints of the models, added up by `sums`.
"""

from typing import Any, NamedTuple

import numpy as np

from eventsim.models.train.event_gradients.incoming import Arrivals

Array = np.ndarray[Any, Any]


class Effect(NamedTuple):
    """Derivatives of the loss through one spike of a neuron, or through the potential of a read-out.

    Attributes
    ----------
    arrivals
        What had reached the neuron, as far as it matters.
    by_weight, by_time : array (n_arrivals,)
        With respect to the weight, and to the time, of each arrival.
    threshold, slope, drift
        With respect to the neuron's threshold, to its slope from t_min on, to its slope before any input.
    """

    arrivals: Arrivals
    by_weight: Array
    by_time: Array
    threshold: Any = 0
    slope: Any = 0
    drift: Any = 0


def some(arrivals: Arrivals, low: int, high: int) -> Arrivals:
    """Return the arrivals from place `low` up to `high`."""
    return Arrivals(*(column[low:high] for column in arrivals))
