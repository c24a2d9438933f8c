"""The layers of a ReLU network without weights: max and average pooling, and flattening.

Relies on `eventsim.models.relu.sliding` for the geometry. Used by `eventsim.models.relu.relu_network` and the readers.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.checks import flag, integer
from eventsim.errors import NetworkError
from eventsim.models.relu.real_numbers import EXACT, as_numbers
from eventsim.models.relu.relu_layers import Layer, checked_relu
from eventsim.models.relu.sliding import Sliding


class Pool(Layer):
    """What max and average pools share: windows that slide over the positions of each channel by itself."""

    stem = "pool"
    kernel: Any
    stride: Any
    padding: Any

    def _set_sliding(self, dilation: Any = 1) -> None:
        place = f"layer {self.name!r}"
        checked_relu(place, self.relu)
        stride = self.kernel if self.stride is None else self.stride
        sliding = Sliding(place, self.kernel, stride, self.padding, dilation)
        for pair, extent in zip(sliding.padding, sliding.extent, strict=True):
            if max(pair) >= extent:
                raise NetworkError(
                    f"{place}: padding = {sliding.padding} for a kernel {sliding.extent} positions wide; must be "
                    "smaller, or windows would hold no input"
                )
        for field in ("kernel", "stride", "padding"):
            object.__setattr__(self, field, getattr(sliding, field))

    def __repr__(self) -> str:
        kernel = "×".join(map(str, self.kernel))
        return f"{type(self).__name__}({self.name!r}, kernel {kernel}{', relu' if self.relu else ''})"

    @property
    def sliding(self) -> Sliding:
        """How the windows slide."""
        return Sliding(f"layer {self.name!r}", self.kernel, self.stride, self.padding)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (channels, *positions); each window must hold at least one input."""
        shape = (input_shape[0], *self.sliding.positions(input_shape))
        if self.sliding.fewest_inside(input_shape) < 1:
            raise NetworkError(
                f"layer {self.name!r}: with kernel {self.kernel}, stride {self.stride} and padding {self.padding} some "
                f"windows on positions {input_shape[1:]} hold no input; use less padding"
            )
        return shape


@dataclass(frozen=True, eq=False, repr=False)
class MaxPool(Pool):
    """The largest input of each window, channel by channel; padding is ignored.

    Parameters
    ----------
    name
        Name of the population that the layer becomes; "" leaves it to the network.
    kernel
        Extent of a window, one number an axis.
    stride, padding, dilation
        Whole numbers, one or one an axis; the padding also one pair (before, after) an axis, smaller than the window;
        a stride of None is the kernel.
    relu
        Whether negative outputs are cut to 0.
    smallest
        Channels of which the smallest input is passed on instead. A max pool behind a negative scale is a min pool
        before it.

    Raises
    ------
    NetworkError
        Settings that are no such numbers, windows without any input.
    """

    kind: ClassVar[str] = "max_pool"

    name: str
    kernel: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    relu: bool = False
    smallest: Any = ()

    def __post_init__(self) -> None:
        self._set_sliding(self.dilation)
        place = f"layer {self.name!r}"
        object.__setattr__(self, "dilation", Sliding(place, self.kernel, dilation=self.dilation).dilation)
        given = self.smallest if isinstance(self.smallest, Iterable) else (self.smallest,)
        remedy = "Give the channels that pass on their smallest input."
        found = {integer(place, "smallest", c, NetworkError, low=0, remedy=remedy) for c in given}
        object.__setattr__(self, "smallest", tuple(sorted(found)))

    @property
    def sliding(self) -> Sliding:
        """How the windows slide."""
        return Sliding(f"layer {self.name!r}", self.kernel, self.stride, self.padding, self.dilation)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (channels, *positions); each window must hold at least one input."""
        if self.smallest and self.smallest[-1] >= input_shape[0]:
            raise NetworkError(
                f"layer {self.name!r}: smallest names channel {self.smallest[-1]}, but what precedes it has shape "
                f"{input_shape}; name channels that there are"
            )
        return super().output_shape(input_shape)

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the maxima, shape (n, channels, *positions)."""
        found = _over_taps(np.maximum, self.sliding, x, -math.inf)
        if self.smallest:
            chosen = list(self.smallest)
            found[:, chosen] = -_over_taps(np.maximum, self.sliding, -x[:, chosen], -math.inf)
        return found


@dataclass(frozen=True, eq=False, repr=False)
class AveragePool(Pool):
    """The mean of each window, channel by channel; global pooling has a kernel of the whole extent.

    Parameters
    ----------
    name, kernel, stride, padding, relu
        As for `MaxPool`.
    count_include_pad
        Whether padding counts as zeros; if not, the mean is of the inputs in the window.

    Raises
    ------
    NetworkError
        As for `MaxPool`.
    """

    kind: ClassVar[str] = "average_pool"

    name: str
    kernel: Any
    stride: Any = None
    padding: Any = 0
    count_include_pad: bool = True
    relu: bool = False

    def __post_init__(self) -> None:
        self._set_sliding()
        flag(f"layer {self.name!r}", "count_include_pad", self.count_include_pad, NetworkError)

    def divisor(self, input_shape: tuple[int, ...]) -> NDArray[np.int64]:
        """By what the sum of each window is divided, one number an output position."""
        inside = self.sliding.inside(input_shape)
        return np.full_like(inside, self.sliding.n_taps) if self.count_include_pad else inside

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the means, shape (n, channels, *positions)."""
        total = _over_taps(np.add, self.sliding, x, Fraction(0) if x.dtype == EXACT else 0)
        mean: NDArray[Any] = total / as_numbers(self.divisor(x.shape[1:]), x.dtype)
        return mean


@dataclass(frozen=True, eq=False, repr=False)
class Flatten(Layer):
    """All values of a sample in one axis, in C order: (channels, *positions) to (n,)."""

    kind: ClassVar[str] = "flatten"
    makes_population: ClassVar[bool] = False

    name: str = ""
    relu: bool = False

    def __post_init__(self) -> None:
        checked_relu(f"layer {self.name!r}", self.relu)

    def __repr__(self) -> str:
        return f"Flatten({self.name!r}{', relu' if self.relu else ''})"

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (n,), whatever the input is."""
        return (math.prod(input_shape),)

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the same values, shape (n, values)."""
        return x.reshape(len(x), math.prod(x.shape[1:]))


def _over_taps(operation: Callable[[Any, Any], Any], sliding: Sliding, x: NDArray[Any], fill: Any) -> NDArray[Any]:
    """The windows' values joined by `operation`, tap by tap in C order; Fractions stay Fractions."""
    windows = sliding.windows(x, fill)
    first, *others = np.ndindex(*sliding.kernel)
    found = windows[(..., *first)].copy()
    for tap in others:
        found = operation(found, windows[(..., *tap)])
    return found
