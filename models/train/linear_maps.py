"""The weighted sums of a trainable layer, dense and convolutional, and their transposes.

Relies on the operations of a backend. Used by the layers of neurons and by the parameterisations.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from eventsim.checks import integer
from eventsim.errors import NetworkError
from eventsim.models.relu.sliding import Sliding
from eventsim.models.train.operations import Array, Operations


class LinearMap(Protocol):
    """A weighted sum of inputs, without bias. Values of one unit are those of a neuron, or of a channel."""

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weights: units first."""

    def forward(self, ops: Operations, weight: Array, x: Array) -> tuple[Array, Any]:
        """Return the weighted sums of `x`, and what `to_weight` needs of it."""

    def to_input(self, ops: Operations, weight: Array, grad: Array, shape: Any) -> Array:
        """Return the gradient with respect to the inputs, of `shape`."""

    def to_weight(self, ops: Operations, weight: Array, kept: Any, grad: Array) -> Array:
        """Return the gradient with respect to the weights."""

    def spread(self, values: Array) -> Array:
        """Return values of units, (n_units,) or of each neuron, such that they broadcast over outputs."""

    def total(self, ops: Operations, grad: Array, like: Array) -> Array:
        """Return the sum of `grad` over samples, and over positions where `like` has one value a unit."""


@dataclass(frozen=True)
class DenseMap:
    """Each output is a sum over all inputs, which are taken in C order; weights (n_out, n_in)."""

    n_out: int
    n_in: int

    def __post_init__(self) -> None:
        for name in ("n_out", "n_in"):
            integer("weighted sum", name, getattr(self, name), NetworkError, low=1)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(n_out, n_in)."""
        return (self.n_out, self.n_in)

    def forward(self, ops: Operations, weight: Array, x: Array) -> tuple[Array, Any]:
        """Return (n, n_out), and the flat inputs."""
        flat = x.reshape(len(x), self.n_in)
        return ops.matmul(flat, weight.T), flat

    def to_input(self, ops: Operations, weight: Array, grad: Array, shape: Any) -> Array:
        """Return the gradient with respect to the inputs, of `shape`."""
        return ops.matmul(grad, weight).reshape(shape)

    def to_weight(self, ops: Operations, weight: Array, kept: Any, grad: Array) -> Array:  # noqa: ARG002
        """Return (n_out, n_in)."""
        return ops.matmul(grad.T, kept)

    def spread(self, values: Array) -> Array:
        """Return them as they are."""
        return values

    def total(self, ops: Operations, grad: Array, like: Array) -> Array:  # noqa: ARG002
        """Return (n_out,)."""
        return grad.sum(0)


@dataclass(frozen=True)
class ConvMap:
    """A cross-correlation with zeros outside; weights (c_out, c_in / groups, *kernel)."""

    c_out: int
    c_in: int
    sliding: Sliding
    groups: int = 1

    def __post_init__(self) -> None:
        for name in ("c_out", "c_in", "groups"):
            integer("convolution", name, getattr(self, name), NetworkError, low=1)
        if self.c_in % self.groups or self.c_out % self.groups:
            raise NetworkError(
                f"convolution: groups = {self.groups} of {self.c_in} channels in and {self.c_out} out; must divide "
                "both. Take another number of groups."
            )

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(c_out, c_in / groups, *kernel)."""
        return (self.c_out, self.c_in // self.groups, *self.sliding.kernel)

    def forward(self, ops: Operations, weight: Array, x: Array) -> tuple[Array, Any]:
        """Return (n, c_out, *positions), and what the backend keeps of the inputs."""
        return ops.conv(x, weight, self.sliding, self.groups)

    def to_input(self, ops: Operations, weight: Array, grad: Array, shape: Any) -> Array:
        """Return the gradient with respect to the inputs, of `shape`."""
        return ops.conv_to_input(grad, weight, self.sliding, self.groups, shape)

    def to_weight(self, ops: Operations, weight: Array, kept: Any, grad: Array) -> Array:
        """Return (c_out, c_in / groups, *kernel)."""
        return ops.conv_to_weight(kept, grad, weight, self.sliding, self.groups)

    def spread(self, values: Array) -> Array:
        """Return one value a channel as (c_out, 1, …), and one a neuron, (c_out, *positions), as it is."""
        return values if values.ndim > 1 else values.reshape(-1, *[1] * len(self.sliding.kernel))

    def total(self, ops: Operations, grad: Array, like: Array) -> Array:
        """Return (c_out,), or (c_out, *positions) where `like` has one value a neuron."""
        return grad.sum(0) if like.ndim > 1 else ops.totals(grad)


def per_row(values: Array, weight: Array) -> Array:
    """Return one value a unit such that it broadcasts over the weights, (n_units, …)."""
    return values.reshape(-1, *[1] * (weight.ndim - 1))


def row_sums(weight: Array) -> Array:
    """Return the sum of the weights of each unit, (n_units,)."""
    return weight.reshape(len(weight), -1).sum(1)
