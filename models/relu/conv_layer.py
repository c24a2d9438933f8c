"""The convolution of a ReLU network, over one or two axes of positions.

Relies on `eventsim.models.relu.sliding` for its geometry. Used by `eventsim.models.relu.relu_network` and the readers.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.checks import integer
from eventsim.errors import NetworkError
from eventsim.models.relu.real_numbers import EXACT, as_numbers
from eventsim.models.relu.relu_layers import Layer, checked_relu, parameter
from eventsim.models.relu.sliding import Sliding

# Values of the unfolded inputs that are held at a time: 64 MiB of float64.
UNFOLDED = 1 << 23


@dataclass(frozen=True, eq=False, repr=False)
class Conv(Layer):
    """A convolution as deep-learning frameworks define it (a cross-correlation), with a ReLU behind it or not.

    Inputs and outputs have shapes (channels, *positions); what lies outside the positions is 0.

    Parameters
    ----------
    name
        Name of the population that the layer becomes; "" leaves it to the network.
    weight
        Shape (c_out, c_in / groups, *kernel), of one or two axes. Numbers as in `Dense`.
    bias
        Shape (c_out,), or (c_out, *output positions) where each position has its own.
    relu
        Whether negative outputs are cut to 0.
    stride, padding, dilation
        Whole numbers, one or one an axis; the padding also one pair (before, after) an axis.
    groups
        Channels are split into so many groups that do not see each other.

    Raises
    ------
    NetworkError
        NaN or infinite values, empty or mismatching shapes, settings that are no such numbers.
    """

    kind: ClassVar[str] = "conv"

    name: str
    weight: NDArray[Any]
    bias: NDArray[Any]
    relu: bool
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1

    def __post_init__(self) -> None:
        place = f"layer {self.name!r}"
        checked_relu(place, self.relu)
        weight = parameter(f"{place}: weight", self.weight, "(c_out, c_in / groups, *kernel)", (3, 4))
        bias = parameter(f"{place}: bias", self.bias, "(c_out,) or (c_out, *positions)", (1, weight.ndim - 1))
        if len(bias) != len(weight):
            raise NetworkError(
                f"{place}: bias of shape {bias.shape} for a weight of shape {weight.shape}; must be (c_out,) or "
                "(c_out, *positions); give one bias for each output channel"
            )
        groups = integer(place, "groups", self.groups, NetworkError, low=1, remedy="1 is a usual convolution.")
        if len(weight) % groups:
            raise NetworkError(f"{place}: {len(weight)} output channels in {groups} groups; must divide evenly")
        sliding = Sliding(place, weight.shape[2:], self.stride, self.padding, self.dilation)
        for field in ("stride", "padding", "dilation"):
            object.__setattr__(self, field, getattr(sliding, field))
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)
        object.__setattr__(self, "groups", groups)

    def __repr__(self) -> str:
        kernel = "×".join(map(str, self.kernel))
        return f"Conv({self.name!r}, {self.c_in} to {self.c_out}, kernel {kernel}{', relu' if self.relu else ''})"

    @property
    def kernel(self) -> tuple[int, ...]:
        """Extent of the kernel, one number an axis."""
        return self.weight.shape[2:]

    @property
    def c_in(self) -> int:
        """How many channels the input has."""
        return self.weight.shape[1] * self.groups

    @property
    def c_out(self) -> int:
        """How many channels the output has."""
        return len(self.weight)

    @property
    def sliding(self) -> Sliding:
        """How the kernel slides."""
        return Sliding(f"layer {self.name!r}", self.kernel, self.stride, self.padding, self.dilation)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (c_out, *positions) for (c_in, *positions)."""
        positions = self.sliding.positions(input_shape)
        if input_shape[0] != self.c_in:
            grouped = f" in {self.groups} groups" if self.groups > 1 else ""
            raise NetworkError(
                f"layer {self.name!r}: weight of shape {self.weight.shape}{grouped} needs {self.c_in} channels, but "
                f"what precedes it has shape {input_shape}; layers must chain, as (channels, *positions)"
            )
        if self.bias.ndim > 1 and self.bias.shape[1:] != positions:
            raise NetworkError(
                f"layer {self.name!r}: bias of shape {self.bias.shape} for outputs of shape "
                f"{(self.c_out, *positions)}; must be equal, or (c_out,)"
            )
        return (self.c_out, *positions)

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the convolution plus the bias for each sample, shape (n, c_out, *positions)."""
        bias = as_numbers(self.bias, x.dtype)
        output = self.linear(x)
        output += bias if bias.ndim > 1 else bias.reshape(-1, *[1] * len(self.kernel))
        return output

    def linear(self, x: NDArray[Any], weight: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the convolution without the bias: unfolded inputs, one matrix product a sample and group.

        `weight` takes the place of the layer's own, in its shape and the number type of `x`.
        """
        weight = as_numbers(self.weight, x.dtype) if weight is None else weight
        weight = weight.reshape(self.groups, self.c_out // self.groups, -1)
        shape = self.output_shape(x.shape[1:])
        unfolded = self.c_in * math.prod(self.kernel) * math.prod(shape[1:])
        n_together = max(1, UNFOLDED // unfolded)
        output = np.empty((len(x), *shape), dtype=x.dtype)
        for start in range(0, len(x), n_together):
            part = slice(start, start + n_together)
            output[part] = self._products(weight, x[part]).reshape(-1, *shape)
        return output

    def _products(self, weight: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
        """(groups, c_out / groups, c_in / groups * taps) with x to (n, groups, c_out / groups, positions)."""
        n_axes = len(self.kernel)
        windows = self.sliding.windows(x, Fraction(0) if x.dtype == EXACT else 0)
        taps_first = windows.transpose(0, 1, *range(2 + n_axes, 2 + 2 * n_axes), *range(2, 2 + n_axes))
        n_positions = math.prod(windows.shape[2 : 2 + n_axes])
        return weight @ taps_first.reshape(len(x), self.groups, weight.shape[2], n_positions)
