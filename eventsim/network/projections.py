"""Projections: how the spikes of one population reach the neurons of another.

Relies on the checks. Used by the network; the engines lower them to one row of weights per source neuron. The canonical
order of a projection's synapses is (source, delay, target, weight): how the user stored them never matters.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from eventsim.checks import finite_array, integer_array, read_only, weights_array
from eventsim.errors import NetworkError
from eventsim.network.convolution import Conv, Pool
from eventsim.wording import size_text, span

Array = np.ndarray[Any, Any]
LARGEST_INDEX = 2**31 - 1  # of a neuron: half the memory of what numpy takes by itself
Shape = tuple[int, ...]


class _Listed:
    """What holds a weight for each of its synapses."""

    weights: Any

    def __repr__(self) -> str:
        shape = f"{size_text(self.weights.shape)}, " if self.weights.ndim > 1 else ""
        return f"{type(self).__name__}: {shape}{self.n_synapses:,} weights, {span(self.weights)}"

    def arrays(self) -> dict[str, Array]:
        """The arrays that define the projection, by name (for hashing and saving)."""
        return {"weights": self.weights}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.arrays().values())

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return int(self.weights.size)


@dataclass(frozen=True, eq=False, repr=False)
class Dense(_Listed):
    """Every source neuron reaches every target neuron.

    Parameters
    ----------
    weights : array (n_out, n_in)
        Float64 or Fractions.

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


@dataclass(frozen=True, eq=False, repr=False)
class OneToOne(_Listed):
    """Source neuron i reaches target neuron i.

    Parameters
    ----------
    weights : array (n,)
        Float64 or Fractions, one a neuron.
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


@dataclass(frozen=True, eq=False, repr=False)
class Sparse(_Listed):
    """A list of synapses; several between the same two neurons are allowed.

    Parameters
    ----------
    sources, targets : arrays (n_synapses,)
        Neuron indices.
    weights : array (n_synapses,)
        Float64 or Fractions.
    delays : array (n_synapses,)
        Float64 or Fractions >= 0, each synapse's own; None: all have that of the projection.

    Raises
    ------
    NetworkError
        Arrays of different lengths, indices that are none, weights or delays that are not finite, negative delays.
    """

    sources: Any
    targets: Any
    weights: Any
    delays: Any = None
    kind: ClassVar[str] = "sparse"

    def __post_init__(self) -> None:
        weights = weights_array("Sparse", self.weights, 1)
        remedy = "Give equally long index and weight arrays."
        ends = []
        for name, given in (("sources", self.sources), ("targets", self.targets)):
            index = integer_array("Sparse", name, given, NetworkError, low=0, high=LARGEST_INDEX, remedy=remedy)
            if index.shape != weights.shape:
                raise NetworkError(
                    f"Sparse: {name} has shape {index.shape}; must be integers, one for each of the {weights.size} "
                    f"weights. {remedy}"
                )
            ends.append(index.astype(np.int32))
        delays = None if self.delays is None else _delays(self.delays, weights.shape)
        order = _canonical(ends[0], delays, ends[1], weights)
        kept = {"sources": ends[0], "targets": ends[1], "weights": weights, "delays": delays}
        for name, array in kept.items():
            object.__setattr__(self, name, None if array is None else read_only(array[order]))

    def __repr__(self) -> str:
        delays = "" if self.delays is None else f"; delays {span(self.delays)}"
        return f"{super().__repr__()}{delays}"

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

    def delays_of(self, source: int) -> Array:
        """Delays of one source neuron's synapses, in canonical order, where synapses have their own."""
        low, high = np.searchsorted(self.sources, [source, source + 1])
        mine: Array = self.delays[low:high]
        return mine

    @functools.cached_property
    def parallel(self) -> bool:
        """Do several synapses lead from one neuron to another? O(n_synapses), sorted where they have delays."""
        ends = self.sources.astype(np.int64) << 31 | self.targets
        if self.delays is not None:
            ends.sort()
        return bool((ends[1:] == ends[:-1]).any())

    def arrays(self) -> dict[str, Array]:
        """The arrays that define the projection, by name."""
        arrays = {"sources": self.sources, "targets": self.targets, "weights": self.weights}
        return arrays if self.delays is None else arrays | {"delays": self.delays}


def _delays(delays: Any, shape: Shape) -> Array:
    """Delays, one a synapse, copied and checked."""
    remedy = "Give one delay >= 0 a synapse."
    found = finite_array("Sparse", "delays", delays, NetworkError, remedy=remedy)
    found = found.copy() if found.dtype == object else found.astype(np.float64) + 0.0  # no -0.0
    if found.shape != shape:
        raise NetworkError(f"Sparse: delays have shape {found.shape}, for {shape[0]} weights. {remedy}")
    bad = np.flatnonzero((found < 0).astype(bool))
    if bad.size:
        raise NetworkError(f"Sparse: delays[{bad[0]}] = {found[bad[0]]}; must be >= 0. {remedy}")
    return found


def _canonical(sources: Array, delays: Array | None, targets: Array, weights: Array) -> Any:
    """The places of synapses in the order (source, delay, target, weight)."""
    if delays is None:
        return np.lexsort((weights.astype(np.float64), targets, sources))
    if delays.dtype == object:  # Fractions are compared as they are
        rows = list(zip(sources.tolist(), delays.tolist(), targets.tolist(), weights.tolist(), strict=True))
        return sorted(range(len(rows)), key=rows.__getitem__)
    return np.lexsort((weights.astype(np.float64), targets, delays, sources))


def own_delays(kind: Any) -> Any:
    """The delays of a projection's synapses where each has its own, else None."""
    return kind.delays if isinstance(kind, Sparse) else None


def synapse_numbers(kind: Any, source: int, n_sources: int, n_targets: int) -> Array:
    """A number for each synapse of one source neuron, in canonical order, however the projection stores them.

    source * n_targets + target; where several synapses lead from one neuron to another, n_sources * n_targets + place,
    which is counted over all synapses of the projection.
    """
    if isinstance(kind, Sparse) and kind.parallel:
        low, high = np.searchsorted(kind.sources, [source, source + 1])
        return n_sources * n_targets + np.arange(low, high)
    targets, _ = kind.synapses(source)
    return source * n_targets + targets.astype(np.int64)


ProjectionKind = Dense | OneToOne | Sparse | Conv | Pool
KINDS: Mapping[str, Any] = {kind.kind: kind for kind in (Dense, OneToOne, Sparse, Conv, Pool)}
