"""Projections: how the spikes of one population reach the neurons of another.

Relies on the checks. Used by the network; the engines lower them to one row of weights per source neuron. The canonical
order of a projection's synapses is (source, delay, target, weight): how the user stored them never matters.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from eventsim.checks import finite_array, integer, integer_array, shown, weights_array
from eventsim.errors import NetworkError
from eventsim.network.by_rule import ByRule
from eventsim.network.convolution import Conv, Pool
from eventsim.network.synapse_order import canonical_order
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
    weights : scalar or array (n,)
        Float64 or Fractions, one a neuron, or one for all.
    """

    weights: Any
    kind: ClassVar[str] = "one_to_one"

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", weights_array("OneToOne", self.weights, 0, 1))

    def fitted(self, where: str, pre: Shape, post: Shape) -> "OneToOne":
        """Itself, if the sizes are equal; else raise `NetworkError`."""
        n_in, n_out = math.prod(pre), math.prod(post)
        if not self.weights.ndim and n_in == n_out:
            return OneToOne(np.broadcast_to(self.weights, (n_in,)))
        if not n_in == n_out == self.weights.size:
            raise NetworkError(
                f"{where}: OneToOne has {self.weights.size} weights for {n_in} sources and {n_out} targets; all three "
                "must be equal. Give one weight a neuron, or one for all, or use Sparse."
            )
        return self

    def synapses(self, source: int) -> tuple[Array, Array]:
        """(targets, weights) of one source neuron."""
        return np.array([source]), self.weights[source : source + 1]


@dataclass(frozen=True, eq=False, repr=False)
class Sparse(_Listed, ByRule):
    """A list of synapses; several between the same two neurons are allowed.

    `Sparse.fixed_indegree`, `fixed_outdegree`, `fixed_total`, `bernoulli` and `by_distance` draw one by a rule,
    `Sparse.from_scipy` takes one from a matrix.

    Parameters
    ----------
    sources, targets : arrays (n_synapses,)
        Neuron indices.
    weights : array (n_synapses,)
        Float64 or Fractions.
    delays : array (n_synapses,)
        Float64 or Fractions >= 0, each synapse's own; None: all have that of the projection.
    shape
        The sizes (n_out, n_in) of the populations that it is for, which are compared when it connects two; None: any
        that have such neurons.

    Raises
    ------
    NetworkError
        Arrays of different lengths, indices that are none, weights or delays that are not finite, negative delays.

    Notes
    -----
    Synapses are kept in the order (source, delay, target, weight), whatever the order in which they are given.
    """

    sources: Any
    targets: Any
    weights: Any
    delays: Any = None
    shape: Any = None
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
        if self.shape is not None:
            object.__setattr__(self, "shape", _sizes(self.shape))
        order = canonical_order(ends[0], delays, ends[1], weights)
        kept = {"sources": ends[0], "targets": ends[1], "weights": weights, "delays": delays}
        for name, array in kept.items():
            if array is not None:
                array = array if order is None else array[order]  # noqa: PLW2901 - each is a copy of its own by now
                array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def from_scipy(cls, matrix: Any, delays: Any = None) -> "Sparse":
        """Take the synapses of a sparse matrix of SciPy, of any format.

        Parameters
        ----------
        matrix : array (n_out, n_in)
            Weights. Entries that are stored twice are added up, as SciPy does; zeros that are stored are synapses of
            weight 0.
        delays : array (n_out, n_in)
            Delays, another sparse matrix with the same entries; None: all have that of the projection.

        Raises
        ------
        NetworkError
            No two-dimensional sparse matrix of SciPy, delays of other entries.

        Examples
        --------
        >>> import eventsim, scipy.sparse
        >>> matrix = scipy.sparse.csr_array([[0.0, 1.5, 0.0], [2.0, 0.0, -0.5]])
        >>> synapses = eventsim.Sparse.from_scipy(matrix)
        >>> synapses.sources.tolist(), synapses.targets.tolist(), synapses.weights.tolist()
        ([0, 1, 2], [1, 0, 1], [2.0, 1.5, -0.5])
        """
        targets, sources, weights, shape = coordinates("Sparse.from_scipy", "matrix", matrix)
        if delays is not None:
            rows, columns, times, other = coordinates("Sparse.from_scipy", "delays", delays)
            if other != shape or not (np.array_equal(rows, targets) and np.array_equal(columns, sources)):
                raise NetworkError(
                    f"Sparse.from_scipy: delays of shape {other} with {times.size} entries, for weights of shape "
                    f"{shape} with {weights.size}; must have the same entries. Store a delay, 0 too, where a weight is."
                )
            delays = times
        return cls(sources, targets, weights, delays, shape)

    def __repr__(self) -> str:
        delays = "" if self.delays is None else f"; delays {span(self.delays)}"
        return f"{super().__repr__()}{delays}"

    def fitted(self, where: str, pre: Shape, post: Shape) -> "Sparse":
        """Itself, if every index lies inside its population; else raise `NetworkError`."""
        n_in, n_out = math.prod(pre), math.prod(post)
        if self.shape not in (None, (n_out, n_in)):
            raise NetworkError(
                f"{where}: Sparse is for (n_out, n_in) = {self.shape}; must be ({n_out}, {n_in}). "
                "Check which populations are connected, or in which direction."
            )
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


def _sizes(shape: Any) -> Shape:
    """The sizes (n_out, n_in), checked."""
    given = tuple(shape) if isinstance(shape, Sequence | np.ndarray) else ()
    if len(given) != 2:
        raise NetworkError(
            f"Sparse: shape = {shown(shape)}; must be (n_out, n_in), or None. Give the sizes of both populations."
        )
    return tuple(integer("Sparse", f"shape[{k}]", n, NetworkError, low=0) for k, n in enumerate(given))


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


def coordinates(where: str, name: str, matrix: Any) -> tuple[Array, Array, Array, Shape]:
    """Rows, columns, values and shape of a sparse matrix of SciPy, what is stored twice added up."""
    if not hasattr(matrix, "tocoo") or len(matrix.shape) != 2:
        raise NetworkError(
            f"{where}: {name} = {shown(matrix)}; must be a sparse matrix (n_out, n_in) of SciPy. Give e.g. "
            "scipy.sparse.csr_array(weights)."
        )
    try:
        if hasattr(matrix, "check_format"):
            matrix.check_format(full_check=True)  # compiled code of SciPy reads wherever damaged indices point
        listed = matrix.tocoo(copy=True)
    except ValueError as reason:
        raise NetworkError(
            f"{where}: {name} is a damaged {type(matrix).__name__} ({reason}); must have indices within its shape. "
            "Make it anew."
        ) from reason
    listed.sum_duplicates()
    return listed.row, listed.col, listed.data, tuple(map(int, listed.shape))


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
