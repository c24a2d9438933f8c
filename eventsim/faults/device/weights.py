"""What all faults of weights share: on which projections they act, which output each weight belongs to, number types.

Relies on the contract. Used by the device faults of weights.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.faults.contract import DeviceFault, has_weights
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Projection
from eventsim.network.projections import OneToOne, Sparse

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, repr=False)
class WeightFault(DeviceFault):
    """Base of the faults that give projections other weights; pools have none."""

    def acts_on(self, part: Any) -> bool:
        """Projections with weights."""
        return has_weights(part)

    def alter(self, part: Any, draws: Draws) -> dict[str, Any]:
        """The other weights, where any differs."""
        weights = part.kind.weights
        made = self.remade(part, draws)
        if made is None or np.array_equal(made, weights):
            return {}
        return {"weights": in_numbers_of(weights, made)}

    def remade(self, part: Projection, draws: Draws) -> Array | None:
        """Return the weights that a projection gets, in the shape that it has; None leaves them as they are."""
        raise NotImplementedError

    def nothing_in(self, net: Any) -> str:
        """It looks for weights."""
        return "it has no weights; must have a projection that is no pool. Leave the fault out."


def weights_of(part: Projection) -> Array:
    """The weights of a projection, as it shows them: float64, or Fractions."""
    kind: Any = part.kind
    weights: Array = kind.weights
    return weights


def in_floats(weights: Array) -> Array:
    """Weights as float64; Fractions are rounded to it."""
    return np.asarray(weights, dtype=np.float64)


def in_numbers_of(given: Array, values: Array) -> Array:
    """Values as numbers of the type of `given`: floats become the Fractions that they are in an exact network."""
    if given.dtype != object or values.dtype == object:
        return values
    return exact_of(values)


def exact_of(values: Any) -> Array:
    """The Fractions that floats are."""
    return np.asarray(np.frompyfunc(Fraction, 1, 1)(values), dtype=object)


def output_channels(part: Projection) -> tuple[Array, int]:
    """Which output channel each weight belongs to, in the shape of the weights, and how many there are.

    A row of a dense projection, a filter of a convolution, the synapses of a target neuron elsewhere.
    """
    weights, kind = weights_of(part), part.kind
    if isinstance(kind, Sparse):
        return np.asarray(kind.targets), part.post.size
    if isinstance(kind, OneToOne):
        return np.arange(weights.size), weights.size
    rows = np.arange(len(weights)).reshape(-1, *[1] * (weights.ndim - 1))
    return np.broadcast_to(rows, weights.shape), len(weights)


def largest_of(part: Projection) -> Any:
    """The size of the largest weight of a projection; 0 where it has none."""
    weights = weights_of(part)
    return np.abs(weights).max() if weights.size else 0.0


def largest_by_channel(part: Projection) -> Array:
    """For each weight the size of the largest one of its output channel, in the shape of the weights."""
    weights = weights_of(part)
    channels, n = output_channels(part)
    largest = np.zeros(n, dtype=weights.dtype)
    np.maximum.at(largest, channels, np.abs(weights))
    return largest[channels]
