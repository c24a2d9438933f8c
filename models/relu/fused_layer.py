"""The layers in the making, of which the fusion consists: what they add up, and what is still to be done to them.

All of these are values. Relies on the kinds of layers and on `carriers`. Used by `fusion`, its steps, and those who
take what it makes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.errors import MappingError
from eventsim.models.relu.carriers import Called, Carrier
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.pool_layers import Flatten, MaxPool
from eventsim.models.relu.real_numbers import as_numbers
from eventsim.models.relu.relu_layers import Dense, Layer

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
MOST_IDENTITY = 1 << 25  # weights of a matrix that passes values on; 256 MiB


@dataclass(frozen=True, eq=False)
class Affine:
    """What batch norms still have to do to the next layer's inputs: ``scale x + shift``.

    Attributes
    ----------
    called
        What neurons that did it would be called after, the batch norm that it comes from.
    scale : array (channels,)
        One number a channel.
    shift
        Of the shape of a sample, since means over padding make it differ between positions.
    """

    called: Called
    scale: Array
    shift: Array


@dataclass(frozen=True, eq=False)
class Term:
    """A linear function of the values of one source: ``weight x``.

    Attributes
    ----------
    layer
        Its geometry; not its weights, biases and ReLU.
    weight
        Of the shape of the layer's, in the number type of the fusion.
    source
        Whose values these are; None for the inputs.
    source_shape
        The shape of these values.
    """

    layer: Conv | Dense
    weight: Array
    source: "FusedLayer | None"
    source_shape: Shape

    def apply(self, x: Array) -> Array:
        """The values that those of the source make."""
        if isinstance(self.layer, Conv):
            return self.layer.linear(x.reshape(len(x), *self.source_shape), self.weight)
        made: Array = x.reshape(len(x), -1) @ self.weight.T
        return made


@dataclass(frozen=True, eq=False)
class Diagonal:
    """A linear function of the values of one source that keeps channels apart: ``weight x``, one number a channel.

    Attributes
    ----------
    weight : array (channels,)
        One number a channel.
    source
        Whose values these are; None for the inputs.
    source_shape
        The shape of these, and of the outputs.
    """

    weight: Array
    source: "FusedLayer | None"
    source_shape: Shape

    def apply(self, x: Array) -> Array:
        """The values that those of the source make."""
        made: Array = x.reshape(len(x), *self.source_shape) * by_channel(self.weight, np.empty(self.source_shape))
        return made

    def expanded(self, name: str) -> Term:
        """Return it as a convolution of kernel 1 with a group for each channel; of values in one axis, as a matrix."""
        n, n_axes = self.source_shape[0], len(self.source_shape) - 1
        if n_axes:
            weight = self.weight.reshape(n, *[1] * (n_axes + 1))
            conv = Conv(name, np.ones(weight.shape), np.zeros(n), False, groups=n)
            return Term(conv, weight, self.source, self.source_shape)
        check_identity(name, n, n)
        weight = as_numbers(np.zeros((n, n)), self.weight.dtype)
        np.fill_diagonal(weight, self.weight)
        return Term(Dense(name, np.ones((n, n)), np.zeros(n), False), weight, self.source, self.source_shape)


@dataclass(frozen=True, eq=False)
class FusedLayer:
    """A layer in the making. `layer` gives its kind and, to pools, their settings.

    Attributes
    ----------
    called
        What it is called after; () for its kind alone.
    shape
        The shape of its output.
    terms
        What it adds up, with `bias`, (channels,) or `shape`; none for pools and flattening, which have one `source`, of
        `source_shape`.
    smallest
        Channels whose smallest input a max pool passes on.
    carries
        Whose values it gives; None where no layer gives them, as before a batch norm that has gone into it.
    level
        The place in the network of a max pool with neurons before it that level what differs between positions.
    """

    layer: Layer
    called: Called
    relu: bool
    shape: Shape
    terms: tuple[Term | Diagonal, ...] = ()
    bias: Array | None = None
    source: "FusedLayer | None" = None
    source_shape: Shape = ()
    smallest: frozenset[int] = frozenset()
    carries: Carrier | None = None
    level: str = ""

    @property
    def sources(self) -> "list[FusedLayer | None]":
        """Whose values it takes; None for the inputs."""
        return [term.source for term in self.terms] if self.terms else [self.source]

    @property
    def uncut(self) -> "FusedLayer | None":
        """The layer without a ReLU that gives its values, with pools and flattenings between; None where one is cut."""
        giver: FusedLayer | None = self
        while giver is not None and not giver.relu and not giver.terms:
            giver = giver.source
        return None if giver is None or giver.relu else giver

    def matrices(self, name: str) -> list[Term]:
        """The terms, each with weights as a layer has them; `name` is for messages."""
        return [term.expanded(name) if isinstance(term, Diagonal) else term for term in self.terms]

    @property
    def is_population(self) -> bool:
        """Has it a ReLU, or is it a pool of what went through one?"""
        return self.relu or (not self.terms and not isinstance(self.layer, Flatten))

    def apply(self, values: "Mapping[FusedLayer | None, Array]") -> Array:
        """What it makes of the values of its sources, (n, *shape) each, in the number type of the fusion."""
        if self.terms:
            assert self.bias is not None
            zero = np.zeros_like(self.bias.ravel()[:1])
            total = sum((term.apply(values[term.source]) for term in self.terms), zero)
            total = total.reshape(len(total), *self.shape) + by_channel(self.bias, np.empty(self.shape))
            return np.maximum(total, zero) if self.relu else total
        layer = self.layer
        if isinstance(layer, MaxPool):
            layer = MaxPool(**{**vars(layer), "smallest": tuple(self.smallest)})
        return layer.apply(values[self.source])

    @property
    def is_sum(self) -> bool:
        """Does it add up what populations carry, channel by channel, and nothing else? Then it need be none itself."""
        return not self.relu and bool(self.terms) and all(isinstance(term, Diagonal) for term in self.terms)


@dataclass(frozen=True, eq=False)
class Part:
    """Channels of a layer's outputs that one layer in the making gives, and what is still to be done to them.

    Attributes
    ----------
    giver
        The layer in the making that gives them; None for the inputs.
    shape
        The shape of these values.
    """

    giver: FusedLayer | None
    shape: Shape
    pending: Affine | None = None


def check_identity(name: str, n_out: int, n_in: int) -> None:
    """Refuse a matrix that passes values on where it would not fit into memory."""
    if n_out * n_in > MOST_IDENTITY:
        raise MappingError(
            f"to_ttfs: {name or 'the last layer'!r} takes {n_in:,} values as they are by {n_out:,} x {n_in:,} weights; "
            f"must be at most {MOST_IDENTITY:,}; flatten behind it, so that it sees (channels, *positions)"
        )


def by_channel(values: Array, like: Array) -> Array:
    """One value a channel, (c,), with axes for the positions of `like`; or values that have these."""
    return values.reshape(-1, *[1] * (like.ndim - 1)) if values.ndim == 1 else values
