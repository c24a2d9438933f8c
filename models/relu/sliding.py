"""Kernels that slide over the positions of a layer: checked settings, output sizes, and the windows themselves.

Conventions and sizes are those of `eventsim.convolution`, so that a layer here and a projection there mean the same.
Used by the convolution and pooling layers of ReLU networks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.checks import shown
from eventsim.errors import NetworkError
from eventsim.network.convolution import LARGEST, Axes, output_size


@dataclass(frozen=True)
class Sliding:
    """How a kernel slides over one or two axes of positions; `place` begins the messages, "layer 'conv1'".

    Parameters
    ----------
    kernel
        Extent of the kernel, one number an axis.
    stride, dilation
        Whole numbers >= 1, one or one an axis.
    padding
        Whole number >= 0, one, one an axis, or one pair (before, after) an axis.

    Raises
    ------
    NetworkError
        What is no such number, with `place`.
    """

    place: str
    kernel: Any
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1

    def __post_init__(self) -> None:
        kernel = self.kernel if _listed(self.kernel) else ()
        if len(kernel) not in (1, 2):
            raise NetworkError(f"{self.place}: kernel = {shown(self.kernel)}; must be one number an axis, as (2, 2)")
        n = len(kernel)
        object.__setattr__(self, "kernel", self._numbers("kernel", kernel, n, 1))
        object.__setattr__(self, "stride", self._numbers("stride", self.stride, n, 1))
        object.__setattr__(self, "dilation", self._numbers("dilation", self.dilation, n, 1))
        if _listed(self.padding) and len(self.padding) == n and all(_listed(pair) for pair in self.padding):
            pairs = tuple(self._numbers("padding", pair, 2, 0) for pair in self.padding)
        else:
            pairs = tuple((p, p) for p in self._numbers("padding", self.padding, n, 0))
        object.__setattr__(self, "padding", pairs)

    def _numbers(self, what: str, value: Any, n: int, low: int) -> Axes:
        """`n` whole numbers >= low, from one or from n."""
        given = list(value) if _listed(value) else [value] * n
        whole = [isinstance(v, int | np.integer) and not isinstance(v, bool) and low <= v <= LARGEST for v in given]
        if len(given) != n or not all(whole):
            raise NetworkError(f"{self.place}: {what} = {shown(value)}; must be a whole number >= {low}, or {n} such")
        return tuple(int(v) for v in given)

    @property
    def extent(self) -> Axes:
        """Positions from the first tap of the kernel to the last, one number an axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def positions(self, shape: Axes) -> Axes:
        """Where the kernel fits on `shape`, (channels, *positions): the positions of the output.

        Raises NetworkError for another number of axes, or where the kernel fits nowhere.
        """
        if len(shape) != 1 + len(self.kernel):
            axes = "length" if len(self.kernel) == 1 else "height, width"
            raise NetworkError(
                f"{self.place}: kernel {self.kernel} needs an input of shape (channels, {axes}), but what precedes it "
                f"has shape {shape}; layers must chain"
            )
        found = tuple(output_size(*axis) for axis in self._axes(shape))
        if (
            math.prod(found) * shape[0] > LARGEST
            or math.prod(n + sum(p) for n, p in zip(shape[1:], self.padding, strict=True)) > LARGEST
        ):
            raise NetworkError(
                f"{self.place}: {found} positions, padding {self.padding}; must be at most {LARGEST:,} values; use a "
                "smaller padding or a larger stride"
            )
        if min(found) < 1:
            raise NetworkError(
                f"{self.place}: kernel {self.kernel}, {self.extent} positions wide, fits nowhere on positions "
                f"{shape[1:]} with padding {self.padding}; use a smaller kernel or more padding"
            )
        return found

    def inside(self, shape: Axes) -> NDArray[np.int64]:
        """How many real inputs the kernel covers at each position of the output; the rest is padding."""
        counts = np.ones((), dtype=np.int64)
        for along in self._inside_along(shape):
            counts = np.multiply.outer(counts, along)
        return counts

    def fewest_inside(self, shape: Axes) -> int:
        """Return the smallest of the numbers of `inside`, without making them all."""
        return math.prod(int(along.min()) for along in self._inside_along(shape))

    def _inside_along(self, shape: Axes) -> list[NDArray[np.int64]]:
        """Of each axis by itself, how many taps are inside at each position: from the first to the last such tap."""
        found = []
        for size, kernel, stride, padding, dilation in self._axes(shape):
            start = np.arange(output_size(size, kernel, stride, padding, dilation)) * stride - padding[0]
            first = np.maximum(-(start // dilation), 0)
            last = np.minimum((size - 1 - start) // dilation, kernel - 1)
            found.append(np.maximum(last - first + 1, 0))
        return found

    def windows(self, x: NDArray[Any], fill: Any) -> NDArray[Any]:
        """View (n, channels, *output positions, *kernel) of (n, channels, *positions), padded with `fill`."""
        axes = tuple(range(2, x.ndim))
        if any(map(any, self.padding)):
            grown = (*x.shape[:2], *(n + sum(pair) for n, pair in zip(x.shape[2:], self.padding, strict=True)))
            padded = np.full(grown, fill, dtype=x.dtype)
            middle = [slice(pair[0], pair[0] + n) for n, pair in zip(x.shape[2:], self.padding, strict=True)]
            padded[(slice(None), slice(None), *middle)] = x
            x = padded
        view = np.lib.stride_tricks.sliding_window_view(x, self.extent, axis=axes)
        steps = [slice(None, None, step) for step in (*self.stride, *self.dilation)]
        return view[(slice(None), slice(None), *steps)]

    def _axes(self, shape: Axes) -> list[tuple[int, int, int, tuple[int, int], int]]:
        return list(zip(shape[1:], self.kernel, self.stride, self.padding, self.dilation, strict=True))

    @property
    def n_taps(self) -> int:
        """How many weights a kernel of one channel has."""
        return math.prod(self.kernel)


def _listed(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
