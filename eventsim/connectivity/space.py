"""Where neurons are, and how far from each other: grids and given positions, with borders or without.

Relies on the checks. Public as `eventsim.Space`; used by the rule of distances, and by weights and delays that are
functions of distance.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import finite_array, flag, n_axes, read_only, shown
from eventsim.connectivity.ends import End, Ends
from eventsim.errors import NetworkError

Array = np.ndarray[Any, Any]
ROUNDING = 1e-12  # of an extent, by which a position may be beyond it


@dataclass(frozen=True, eq=False, repr=False)
class Space:
    """The space in which two populations lie, which gives the distances between their neurons.

    Without positions, a population of shape (n_1, n_2, …) is a grid over the whole extent, a neuron in the middle of
    each of its cells: along an axis, neuron k of n is at (k + 1/2) extent / n. Each axis of the shape is one of space,
    channels too.

    Parameters
    ----------
    extent
        Length of the space, one number or one an axis, > 0. None is the shape of both populations, if they have the
        same: neighbours are at distance 1.
    periodic
        Whether what leaves the space at one side comes in at the other, so that a distance along an axis is at most
        half of its extent.
    positions : array (n, d)
        Where the neurons of both populations are, which have n each; or a pair of arrays (n_pre, d), (n_post, d) where
        they are different ones. None for grids.

    Raises
    ------
    NetworkError
        No such numbers; when it is used: positions of another number, or, if it is periodic, beyond the extent.

    Examples
    --------
    >>> import eventsim
    >>> ring = eventsim.Space(periodic=True)
    >>> near = eventsim.Sparse.by_distance(lambda d: d == 1, 5, 5, weights=1.0, seed=0, space=ring)
    >>> near.targets.reshape(5, 2).tolist()
    [[1, 4], [0, 2], [1, 3], [2, 4], [0, 3]]
    """

    extent: Any = None
    periodic: bool = False
    positions: Any = None

    def __post_init__(self) -> None:
        flag("Space", "periodic", self.periodic, NetworkError)
        if self.extent is not None:
            lengths = finite_array("Space", "extent", self.extent, NetworkError, remedy="Give lengths > 0.")
            if lengths.ndim > 1 or not lengths.size or not (lengths > 0).all():
                raise NetworkError(
                    f"Space: extent = {shown(self.extent)}; must be a length > 0, or one an axis. Give e.g. (1.0, 1.0)."
                )
            object.__setattr__(self, "extent", read_only(lengths.astype(np.float64)))
        if self.positions is not None:
            pair = self.positions if isinstance(self.positions, tuple) else (self.positions, self.positions)
            object.__setattr__(self, "positions", tuple(map(_coordinates, pair)))
            if len(self.positions) != 2 or self.positions[0].shape[1] != self.positions[1].shape[1]:
                shapes = ", ".join(str(one.shape) for one in self.positions)
                raise NetworkError(
                    f"Space: positions have shapes {shapes}; must be (n, d), or a pair (n_pre, d), (n_post, d). Give "
                    "both the same number of coordinates."
                )
        if self.periodic and self.positions is not None and self.extent is None:
            raise NetworkError(
                "Space: extent = None, and positions are periodic; must be known. Give the length after which space "
                "repeats."
            )

    def __repr__(self) -> str:
        said = [] if self.extent is None else [f"extent {'x'.join(f'{length:g}' for length in self.extent.ravel())}"]
        said += ["periodic"] if self.periodic else []
        if self.positions is None:
            said.append("grids")
        else:
            pre, post = self.positions
            n = f"{len(pre):,}" if len(pre) == len(post) else f"{len(pre):,} and {len(post):,}"
            said.append(f"{n} positions of {pre.shape[1]} coordinates")
        return f"Space: {', '.join(said)}"

    # What another process is sent is as read-only as what is sent.
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.extent, self.periodic, self.positions)

    def metric(self, where: str, ends: Ends) -> "Metric":
        """Distances between these populations, which must fit."""
        n_axes_of = len(ends.pre.shape) if self.positions is None else self.positions[0].shape[1]
        extent = self._extent(where, ends, n_axes_of)
        if self.positions is None:
            pre, post = _grid(ends.pre, extent), _grid(ends.post, extent)
        else:
            for name, end, given in zip(("pre", "post"), (ends.pre, ends.post), self.positions, strict=True):
                if len(given) != end.size:
                    raise NetworkError(
                        f"{where}: Space has {len(given):,} positions for {name} of {end.size:,} neurons; must be one "
                        "each. Give them in the order of the neurons."
                    )
            pre, post = ([*one.T] for one in self.positions)
        if self.periodic:
            for length, x, y in zip(extent, pre, post, strict=True):
                span = max(x.max(), y.max()) - min(x.min(), y.min())
                if span > length * (1 + ROUNDING):
                    raise NetworkError(
                        f"{where}: Space: positions span {span:g} along an axis of extent {length:g}, which is "
                        "periodic; must be within it. Give a longer extent, or bring the positions into it."
                    )
        return Metric(pre, post, [float(length) for length in extent] if self.periodic else None)

    def _extent(self, where: str, ends: Ends, n_axes_of: int) -> Array:
        """The extent, one length an axis; (0, …) where nobody needs it."""
        if self.positions is None and len(ends.pre.shape) != len(ends.post.shape):
            raise NetworkError(
                f"{where}: shapes {ends.pre.shape} and {ends.post.shape} have different axes; must lie in one space. "
                "Give space=eventsim.Space(positions=(of_pre, of_post))."
            )
        if self.extent is not None:
            if self.extent.size not in (1, n_axes_of):
                raise NetworkError(
                    f"{where}: Space: extent has {self.extent.size} lengths for {n_axes_of} axes; must be one, or one "
                    "an axis. Give as many."
                )
            return np.broadcast_to(self.extent, (n_axes_of,))
        if self.positions is not None:
            return np.zeros(n_axes_of)
        if ends.pre.shape != ends.post.shape:
            raise NetworkError(
                f"{where}: grids of shapes {ends.pre.shape} and {ends.post.shape} without an extent; must be known "
                "how they lie over each other. Give space=eventsim.Space(extent=…), which both fill."
            )
        return np.array(ends.pre.shape, dtype=np.float64)


@dataclass(frozen=True)
class Metric:
    """Distances between neurons: coordinates by axis, and the lengths of axes that are periodic."""

    pre: list[Array]
    post: list[Array]
    lengths: list[float] | None

    def distances(self, sources: Array, targets: Array) -> Array:
        """Distances of each source from each target, arrays of one shape or of shapes that numpy broadcasts."""
        squares: Array = np.zeros(np.broadcast_shapes(sources.shape, targets.shape))
        for axis, (x, y) in enumerate(zip(self.pre, self.post, strict=True)):
            along = np.abs(x[sources] - y[targets])
            if self.lengths is not None:
                along = np.minimum(along, np.abs(self.lengths[axis] - along))
            squares += along * along
        return np.sqrt(squares)


def _coordinates(given: Any) -> Array:
    """Positions (n, d), checked."""
    remedy = "Give one row of coordinates a neuron."
    if n_axes(given) != 2:
        raise NetworkError(f"Space: positions = {shown(given)}; must be arrays (n, d). {remedy}")
    return read_only(finite_array("Space", "positions", given, NetworkError, remedy=remedy).astype(np.float64))


def _grid(end: End, extent: Array) -> list[Array]:
    """The coordinates of a grid's neurons by axis, each in the middle of its cell."""
    axes = [(np.arange(n) + 0.5) * (length / n) for n, length in zip(end.shape, extent, strict=True)]
    return [axis.ravel() for axis in np.broadcast_arrays(*np.ix_(*axes))]
