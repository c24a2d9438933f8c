"""Convolutions: projections whose weights are shared over positions, never unrolled into synapses.

Relies on the checks. Used by `projections`; the compiled engine lowers a
convolution to one table of (target position, kernel tap) for each source position, and to weights in which the channels
of a tap lie next to each other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from eventsim.checks import n_axes, shown, weights_array
from eventsim.errors import NetworkError
from eventsim.wording import several, size_text, span

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]
LARGEST = 2**31 - 1  # of strides, paddings, dilations, kernels


class Taps(NamedTuple):
    """Where the spikes of each source position go.

    Attributes
    ----------
    start : array (n_positions + 1,)
        Entries start[k]:start[k + 1] belong to source position k.
    target : array (n_entries,)
        The position that an entry reaches, in C order.
    tap : array (n_entries,)
        Which weight of the kernel it reaches it by, in C order.
    """

    start: Array
    target: Array
    tap: Array


def output_size(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """Positions of an axis of `size` at which a kernel fits (<= 0 where it fits nowhere)."""
    return (size + sum(padding) - dilation * (kernel - 1) - 1) // stride + 1


def taps_of(shape: Axes, kernel: Axes, stride: Axes, padding: Sequence[tuple[int, int]], dilation: Axes) -> Taps:
    """The table of a kernel that slides over positions of `shape`; as large as there are entries, axis by axis."""
    source, target, tap = (np.zeros(1, dtype=np.int64) for _ in range(3))
    for size, k, step, pads, spread in zip(shape, kernel, stride, padding, dilation, strict=True):
        n = output_size(size, k, step, pads, spread)
        y, j = np.divmod(np.arange(n * k), k)
        x = y * step + j * spread - pads[0]
        inside = (x >= 0) & (x < size)
        source = (source[:, None] * size + x[inside]).ravel()
        target = (target[:, None] * n + y[inside]).ravel()
        tap = (tap[:, None] * k + j[inside]).ravel()
    order = np.lexsort((target, source))
    start = np.concatenate(([0], np.cumsum(np.bincount(source, minlength=math.prod(shape)))))
    return Taps(start, target[order], tap[order])


class _Sliding:
    """A kernel that slides over positions: what is known of it once it connects two populations."""

    def _settings(self, *names: str) -> str:
        """Those of its settings that are not the usual ones, in words, behind a comma."""
        plain = {"stride": 1, "dilation": 1, "padding": (0, 0), "groups": 1}
        said = []
        for name in names:
            value = getattr(self, name)
            each = value if isinstance(value, tuple) else (value,)
            if any(one != plain[name] for one in each):
                said.append(f"{name} {value[0] if len({*each}) == 1 and each is value else value}")
        return several(["", *said])

    @property
    def shape(self) -> Axes:
        """Shape of the source; only of what connects two populations."""
        found: Axes = self._known("_shape")
        return found

    @property
    def taps(self) -> Taps:
        """Where each source position's spikes go; only of what connects two populations."""
        found: Taps = self._known("_taps")
        return found

    def _known(self, what: str) -> Any:
        if what not in vars(self):
            raise NetworkError(
                f"{type(self).__name__}: its synapses depend on the shape of its source; connect it first, and look at "
                "network.projections[k].kind."
            )
        return vars(self)[what]


@dataclass(frozen=True, eq=False, repr=False)
class Conv(_Sliding):
    """A convolution over one or two axes of positions, as deep-learning frameworks define it (a cross-correlation).

    Sources and targets have shapes (channels, *positions). Positions outside the source are silent.

    Parameters
    ----------
    weights : array (c_out, c_in / groups, *kernel)
        Float64 or Fractions.
    stride, dilation
        Whole numbers >= 1, one or one an axis.
    padding
        Whole number >= 0, one, one an axis, or one pair (before, after) an axis.
    groups
        Channels are split into so many groups that do not see each other.

    Raises
    ------
    NetworkError
        Weights that are not finite or not three- or four-dimensional, a stride, padding, dilation or number of groups
        that is no such number. Shapes are checked when populations are connected.
    """

    weights: Any
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1
    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        weights = weights_array("Conv", self.weights, 3, 4)
        n = weights.ndim - 2
        if min(weights.shape) < 1:
            raise NetworkError(f"Conv: weights have shape {weights.shape}; no axis may be empty. Leave the layer out.")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "stride", _axes("stride", self.stride, n, 1))
        object.__setattr__(self, "dilation", _axes("dilation", self.dilation, n, 1))
        object.__setattr__(self, "padding", _paddings(self.padding, n))
        (groups,) = _axes("groups", self.groups, 1, 1)
        if weights.shape[0] % groups:
            raise NetworkError(
                f"Conv: {weights.shape[0]} output channels in {groups} groups; must divide evenly. Check groups."
            )
        object.__setattr__(self, "groups", groups)

    def __repr__(self) -> str:
        settings = self._settings("stride", "padding", "dilation", "groups")
        c_in, c_out = self.channels
        weights = f"{self.weights.size:,} weights, {span(self.weights)}"
        return f"Conv: {c_in} to {c_out} channels, kernel {size_text(self.kernel)}{settings}; {weights}"

    @property
    def kernel(self) -> Axes:
        """Extent of the kernel, one number an axis."""
        return tuple(self.weights.shape[2:])

    @property
    def channels(self) -> tuple[int, int]:
        """(c_in, c_out)."""
        return self.weights.shape[1] * self.groups, self.weights.shape[0]

    def output_shape(self, shape: Axes) -> Axes:
        """Shape (c_out, *positions) of what this makes of (c_in, *positions)."""
        return self.channels[1], *_sizes("Conv", self, shape)

    def fitted(self, where: str, pre: Axes, post: Axes) -> "Conv":
        """The same convolution, bound to the shape of its source."""
        if len(pre) != self.weights.ndim - 1 or pre[0] != self.channels[0]:
            expected = f"({self.channels[0]}, {', '.join(['n'] * len(self.kernel))})"
            raise NetworkError(
                f"{where}: Conv weights of shape {self.weights.shape} in {self.groups} group(s) take a source of shape "
                f"{expected}, this one has {pre}. Give the source its shape (channels, *positions)."
            )
        return _bound(self, where, pre, post)

    def synapses(self, source: int) -> tuple[Array, Array]:
        """(targets, weights) of one source neuron, in canonical order."""
        positions = math.prod(self.shape[1:])
        out = math.prod(self.output_shape(self.shape)[1:])
        channel, position = divmod(source, positions)
        group, within = divmod(channel, self.weights.shape[1])
        width = self.weights.shape[0] // self.groups
        low, high = self.taps.start[position : position + 2]
        channels = np.arange(group * width, (group + 1) * width)
        kernels = self.weights[channels, within].reshape(width, -1)[:, self.taps.tap[low:high]]
        targets = channels[:, None] * out + self.taps.target[low:high]
        return targets.ravel(), kernels.ravel()

    def arrays(self) -> dict[str, Array]:
        """The arrays that define the projection, by name."""
        whole = {"stride": self.stride, "dilation": self.dilation, "padding": self.padding, "groups": [self.groups]}
        return {"weights": self.weights} | {name: np.array(value, dtype=np.int64) for name, value in whole.items()}

    @property
    def n_synapses(self) -> int:
        """Number of synapses that it stands for."""
        return int(self.taps.target.size * self.weights.shape[1] * self.weights.shape[0])


@dataclass(frozen=True, eq=False, repr=False)
class Pool(_Sliding):
    """Every source neuron reaches the target positions whose field it lies in, channel by channel, with weight 1.

    Between a population and relays (``"relay"``) it makes a max pool or a min pool: the earliest spike of a field is
    its largest value. Positions outside the source are silent.

    Parameters
    ----------
    kernel
        Extent of a field, one whole number an axis of positions (one or two).
    stride
        As for `Conv`; None is the kernel: fields that do not overlap.
    padding, dilation
        As for `Conv`.

    Raises
    ------
    NetworkError
        No such numbers. Shapes are checked when populations are connected.
    """

    kernel: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    kind: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        listed = isinstance(self.kernel, Sequence | np.ndarray) and n_axes(self.kernel) != 0
        n = len(self.kernel) if listed and not isinstance(self.kernel, str | bytes) else 1
        if n not in (1, 2):
            raise NetworkError(f"Pool: kernel = {shown(self.kernel)}; must be one whole number >= 1, or two of them.")
        kernel = _axes("kernel", self.kernel, n, 1, "Pool")
        object.__setattr__(self, "kernel", kernel)
        stride = kernel if self.stride is None else self.stride
        object.__setattr__(self, "stride", _axes("stride", stride, n, 1, "Pool"))
        object.__setattr__(self, "dilation", _axes("dilation", self.dilation, n, 1, "Pool"))
        object.__setattr__(self, "padding", _paddings(self.padding, n, "Pool"))

    def __repr__(self) -> str:
        apart = f", stride {size_text(self.stride)}" if self.stride != self.kernel else ""
        return f"Pool: kernel {size_text(self.kernel)}{apart}{self._settings('padding', 'dilation')}"

    def output_shape(self, shape: Axes) -> Axes:
        """Shape (channels, *positions) of what this makes of (channels, *positions)."""
        return shape[0], *_sizes("Pool", self, shape)

    def fitted(self, where: str, pre: Axes, post: Axes) -> "Pool":
        """The same pool, bound to the shape of its source."""
        if len(pre) != 1 + len(self.kernel):
            raise NetworkError(
                f"{where}: Pool of kernel {self.kernel} takes a source of {1 + len(self.kernel)} axes, this one has "
                f"shape {pre}. Give the source its shape (channels, *positions)."
            )
        return _bound(self, where, pre, post)

    @property
    def groups(self) -> int:
        """Channels do not see each other."""
        return self.shape[0]

    @property
    def channels(self) -> tuple[int, int]:
        """(c_in, c_out)."""
        return self.shape[0], self.shape[0]

    @property
    def weights(self) -> Array:
        """As those of a convolution: (channels, 1, *kernel), all 1."""
        return np.ones((self.shape[0], 1, *self.kernel))

    def synapses(self, source: int) -> tuple[Array, Array]:
        """(targets, weights) of one source neuron, in canonical order."""
        channel, position = divmod(source, math.prod(self.shape[1:]))
        low, high = self.taps.start[position : position + 2]
        targets = channel * math.prod(self.output_shape(self.shape)[1:]) + self.taps.target[low:high]
        return targets, np.ones(high - low, dtype=np.int64)

    def arrays(self) -> dict[str, Array]:
        """The arrays that define the projection, by name."""
        whole = {"kernel": self.kernel, "stride": self.stride, "dilation": self.dilation, "padding": self.padding}
        return {name: np.array(value, dtype=np.int64) for name, value in whole.items()}

    @property
    def n_synapses(self) -> int:
        """Number of synapses that it stands for."""
        return int(self.taps.target.size * self.shape[0])


_Kind = TypeVar("_Kind", Conv, Pool)


def _sizes(where: str, kind: "Conv | Pool", shape: Axes) -> list[int]:
    """Positions of each axis of what a kernel makes of (channels, *positions)."""
    if len(shape) != 1 + len(kind.kernel):
        raise NetworkError(
            f"{where}: kernel {kind.kernel} needs a source of shape (channels, {', '.join(['n'] * len(kind.kernel))}), "
            f"this is {shape}. Give the source its shape."
        )
    return [
        output_size(*axis)
        for axis in zip(shape[1:], kind.kernel, kind.stride, kind.padding, kind.dilation, strict=True)
    ]


def _bound(kind: _Kind, where: str, pre: Axes, post: Axes) -> _Kind:
    """The same kernel, bound to the shape of its source; refuse a population of another shape than it makes of that."""
    found = kind.output_shape(pre)
    if found != post:
        raise NetworkError(
            f"{where}: {type(kind).__name__} makes {found} of {pre}, the population has shape {post}; must be equal. "
            f"Check kernel {kind.kernel}, stride {kind.stride}, padding {kind.padding}, dilation {kind.dilation}."
        )
    bound = replace(kind)
    object.__setattr__(bound, "_shape", tuple(pre))
    object.__setattr__(bound, "_taps", taps_of(pre[1:], kind.kernel, kind.stride, kind.padding, kind.dilation))
    return bound


def _axes(what: str, value: Any, n: int, low: int, where: str = "Conv") -> Axes:
    """`n` whole numbers >= low, from one or from n."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    given = list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value] * n
    whole = [isinstance(v, int | np.integer) and not isinstance(v, bool) and low <= v <= LARGEST for v in given]
    if len(given) != n or not all(whole):
        raise NetworkError(f"{where}: {what} = {shown(value)}; must be a whole number >= {low}, or {n} of them.")
    return tuple(int(v) for v in given)


def _paddings(value: Any, n: int, where: str = "Conv") -> tuple[tuple[int, int], ...]:
    """(before, after) of each axis, from one number, one an axis, or one pair an axis."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    pairs = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if pairs and len(value) == n and all(isinstance(v, Sequence | np.ndarray) and n_axes(v) == 1 for v in value):
        first, second = zip(*(_axes("padding", pair, 2, 0, where) for pair in value), strict=True)
        return tuple(zip(first, second, strict=True))
    return tuple((v, v) for v in _axes("padding", value, n, 0, where))
