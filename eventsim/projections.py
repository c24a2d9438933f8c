"""Projections: how the spikes of one population reach the neurons of another.

Relies on the checks. Used by the network; the engines lower them to one row of weights per source neuron. The canonical
order of a projection's synapses is (source, target, weight): how the user stored them never matters.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from eventsim.checks import integer_array, weights_array
from eventsim.convolution import Conv, Pool
from eventsim.errors import NetworkError

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Dense:
    """Every source neuron reaches every target neuron.

    Parameters
    ----------
    weights : array (n_out, n_in), float64 or Fractions.

    Raises
    ------
    NetworkError
        Weights that are not finite or not two-dimensional.
    """

    weights: Any
    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", weights_array("Dense", self.weights, 2))

    def fitted(self, where: str, pre: Shape, post: Shape) -> "Dense":
        """Itself, if its weights fit sources and targets of these shapes; else raise `NetworkError`."""
        n_in, n_out = math.prod(pre), math.prod(post)
        if self.weights.shape != (n_out, n_in):
            raise NetworkError(
                f"{where}: Dense weights have shape {self.weights.shape}; must be (n_out, n_in) = ({n_out}, {n_in}). "
                "Transpose them, or check which populations are connected."
            )
        return self

    def synapses(self, source: int) -> tuple[Array, Array]:
        """(targets, weights) of one source neuron, in canonical order."""
        return np.arange(self.weights.shape[0]), self.weights[:, source]

    def arrays(self) -> dict[str, Array]:
        """The arrays that define the projection, by name (for hashing and saving)."""
        return {"weights": self.weights}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.arrays().values())

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return int(self.weights.size)


@dataclass(frozen=True, eq=False)
class OneToOne:
    """Source neuron i reaches target neuron i.

    Parameters
    ----------
    weights : array (n,), float64 or Fractions.
    """

    weights: Any
    kind: ClassVar[str] = "one_to_one"

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", weights_array("OneToOne", self.weights, 1))

    def fitted(self, where: str, pre: Shape, post: Shape) -> "OneToOne":
        """Itself, if the sizes are equal; else raise `NetworkError`."""
        n_in, n_out = math.prod(pre), math.prod(post)
        if not n_in == n_out == self.weights.size:
            raise NetworkError(
                f"{where}: OneToOne has {self.weights.size} weights for {n_in} sources and {n_out} targets; all three "
                "must be equal. Give one weight a neuron, or use Sparse."
            )
        return self

    def synapses(self, source: int) -> tuple[Array, Array]:
        """(targets, weights) of one source neuron."""
        return np.array([source]), self.weights[source : source + 1]

    def arrays(self) -> dict[str, Array]:
        """The arrays that define the projection, by name."""
        return {"weights": self.weights}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.arrays().values())

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return int(self.weights.size)


@dataclass(frozen=True, eq=False)
class Sparse:
    """A list of synapses; several between the same two neurons are allowed.

    Parameters
    ----------
    sources, targets : arrays (n_synapses,), neuron indices.
    weights : array (n_synapses,), float64 or Fractions.
    """

    sources: Any
    targets: Any
    weights: Any
    kind: ClassVar[str] = "sparse"

    def __post_init__(self) -> None:
        weights = weights_array("Sparse", self.weights, 1)
        remedy = "Give equally long index and weight arrays."
        ends = []
        for name, given in (("sources", self.sources), ("targets", self.targets)):
            index = integer_array("Sparse", name, given, NetworkError, low=0, remedy=remedy)
            if index.shape != weights.shape:
                raise NetworkError(
                    f"Sparse: {name} has shape {index.shape}; must be integers, one for each of the {weights.size} "
                    f"weights. {remedy}"
                )
            ends.append(index.astype(np.int64))
        order = np.lexsort((weights.astype(np.float64), ends[1], ends[0]))
        for name, array in (("sources", ends[0][order]), ("targets", ends[1][order]), ("weights", weights[order])):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def fitted(self, where: str, pre: Shape, post: Shape) -> "Sparse":
        """Itself, if every index lies inside its population; else raise `NetworkError`."""
        n_in, n_out = math.prod(pre), math.prod(post)
        for name, index, size in (("sources", self.sources, n_in), ("targets", self.targets, n_out)):
            bad = np.flatnonzero((index < 0) | (index >= size))
            if bad.size:
                raise NetworkError(
                    f"{where}: Sparse {name}[{bad[0]}] = {index[bad[0]]}; must be in 0..{size - 1}. "
                    "Check which populations are connected."
                )
        return self

    def synapses(self, source: int) -> tuple[Array, Array]:
        """(targets, weights) of one source neuron, in canonical order."""
        low, high = np.searchsorted(self.sources, [source, source + 1])
        return self.targets[low:high], self.weights[low:high]

    def arrays(self) -> dict[str, Array]:
        """The arrays that define the projection, by name."""
        return {"sources": self.sources, "targets": self.targets, "weights": self.weights}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.arrays().values())

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return int(self.weights.size)


ProjectionKind = Dense | OneToOne | Sparse | Conv | Pool
KINDS: Mapping[str, Any] = {kind.kind: kind for kind in (Dense, OneToOne, Sparse, Conv, Pool)}
