"""Batch norms folded into the convolutions and dense layers around them: same function, other weights.

Preprocessing of Stanojevic et al. 2023. A batch norm before a ReLU goes into the layer before it. One behind a ReLU
waits, through pools and flattening, for the next layer: its scale multiplies that layer's weights, and its shift, which
zero padding does not have, becomes a bias for each position. ReLUs behind max pools and flattening move before them.

Computes on Fractions exactly, else in extended precision and rounds once. Relies on `eventsim.models.relu_network`.
Used by the mapping to spikes.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.errors import InputError, MappingError
from eventsim.models.real_numbers import EXACT, as_numbers
from eventsim.models.relu_network import (
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    ReluNetwork,
)

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Affine:
    """What batch norms still have to do to the next layer's inputs: ``scale x + shift``.

    Attributes
    ----------
    name : of the batch norm that it comes from.
    scale : (channels,). shift : shape of a sample, since means over padding make it differ between positions.
    """

    name: str
    scale: Array
    shift: Array


@dataclass(eq=False)
class Fused:
    """A layer in the making. `layer` gives its settings and, where it has them, not its weights, biases and ReLU."""

    layer: Layer
    relu: bool
    weight: Array | None = None
    bias: Array | None = None


def fused(network: ReluNetwork, number: type = float) -> ReluNetwork:
    """Return a network of `Conv`, `Dense`, `MaxPool`, `AveragePool` and `Flatten` that computes the same.

    Its layers keep their names; a batch norm that has no layer to go into becomes one of its own, a convolution of
    kernel 1 with a group for each channel (after dense layers, a diagonal dense layer).

    Parameters
    ----------
    network
        Any ReLU network; returned as it is where there is nothing to do.
    number
        float, which rounds each new weight once from extended precision, or Fraction, which is exact and turns all
        weights into Fractions.

    Raises
    ------
    InputError
        Another `number`.
    MappingError
        A negative scale of a batch norm before a max pool, which would have to become a min pool.
    """
    if number not in (float, Fraction):
        raise InputError(f"fused: number = {number!r}; must be float or Fraction")
    layers = _with_relus_moved(network)
    if number is float and layers == list(network.layers) and not any(isinstance(one, BatchNorm) for one in layers):
        return network
    fusion = _Fusion(network.input_shape, EXACT if number is Fraction else np.dtype(np.longdouble))
    for layer in layers:
        fusion.add(layer)
    return ReluNetwork(fusion.finished(), network.input_shape, network.provenance)


def _with_relus_moved(network: ReluNetwork) -> list[Layer]:
    """Each ReLU at the layer whose values it cuts: a max and a ReLU commute, and means of positive values are positive.

    A ReLU on the input itself stays where it is.
    """
    layers = list(network.layers)
    for i in range(len(layers) - 1, 0, -1):
        if layers[i].relu and isinstance(layers[i], MaxPool | Flatten):
            layers[i - 1], layers[i] = _with_relu(layers[i - 1], True), _with_relu(layers[i], False)
    positive = False
    for i, layer in enumerate(layers):
        if positive and layer.relu and isinstance(layer, AveragePool):
            layers[i] = _with_relu(layer, False)
        positive = layer.relu or (positive and isinstance(layer, MaxPool | AveragePool | Flatten))
    return layers


def _with_relu(layer: Layer, relu: bool) -> Layer:
    return layer if layer.relu is relu else type(layer)(**{**vars(layer), "relu": relu})


class _Fusion:
    """The layers so far, the shapes before and behind each, and what is still to be done to what the last one gives."""

    def __init__(self, input_shape: Shape, dtype: np.dtype[Any]) -> None:
        self.layers: list[Fused] = []
        self.shapes = [input_shape]
        self.dtype = dtype
        self.pending: Affine | None = None

    def add(self, layer: Layer) -> None:
        if isinstance(layer, BatchNorm):
            self._add_batch_norm(layer)
            return
        fresh = Fused(layer, layer.relu)
        if isinstance(layer, Conv | Dense):
            fresh.weight, fresh.bias = self._numbers(layer.weight), self._numbers(layer.bias)
            self._absorb(layer, fresh)
        elif self.pending is not None:
            self._pass(layer, self.pending)
        self._append(fresh)

    def finished(self) -> list[Layer]:
        if self.pending is not None:
            self._append_own_layer(self.pending, relu=False)
            if len(self.layers) > 1:  # its neurons are the output now
                last, own = self.layers[-2:]
                own.layer, last.layer = own.layer.named(last.layer.name), last.layer.named("")
        return [self._made(held) for held in self.layers]

    def _append(self, held: Fused) -> None:
        self.layers.append(held)
        self.shapes.append(held.layer.output_shape(self.shapes[-1]))

    def _numbers(self, array: Array) -> Array:
        return as_numbers(array, self.dtype)

    def _made(self, held: Fused) -> Layer:
        """The layer in its final numbers; biases that are the same at all positions are one for each channel."""
        if held.weight is None or held.bias is None:
            return _with_relu(held.layer, held.relu)
        number = EXACT if self.dtype == EXACT else np.dtype(np.float64)
        with np.errstate(over="ignore"):  # the layer refuses infinities by name
            weight, bias = as_numbers(held.weight, number), as_numbers(held.bias, number)
        by_channel = bias.reshape(len(bias), -1)
        if (by_channel == by_channel[:, :1]).all():
            bias = by_channel[:, 0]
        return type(held.layer)(**{**vars(held.layer), "weight": weight, "bias": bias, "relu": held.relu})

    def _add_batch_norm(self, norm: BatchNorm) -> None:
        scale, mean, beta = norm.scale(self.dtype), self._numbers(norm.mean), self._numbers(norm.beta)
        held = self._linear_before(norm) if self.pending is None else None
        if held is not None and held.weight is not None and held.bias is not None:
            held.weight = _by_channel(scale, held.weight) * held.weight
            held.bias = _by_channel(scale, held.bias) * (held.bias - _by_channel(mean, held.bias))
            held.bias = held.bias + _by_channel(beta, held.bias)
            held.relu = norm.relu
            return
        shape = self.shapes[-1]
        zero, one = (np.broadcast_to(self._numbers(np.array([value])), shape) for value in (0, 1))
        old = self.pending or Affine(norm.name, one.reshape(len(one), -1)[:, 0], zero)
        shift = _by_channel(scale, zero) * (old.shift - _by_channel(mean, zero)) + _by_channel(beta, zero)
        self.pending = Affine(old.name, scale * old.scale, shift)
        if norm.relu:
            self._append_own_layer(self.pending, relu=True)

    def _linear_before(self, norm: BatchNorm) -> Fused | None:
        """The layer without a ReLU that a batch norm can scale, right before it or with pools between."""
        pools: list[Layer] = []
        for i in range(len(self.layers) - 1, -1, -1):
            held, layer = self.layers[i], self.layers[i].layer
            if held.relu:
                return None
            if isinstance(layer, Conv | Dense):
                if pools:
                    _check_signs(norm.name, norm.gamma, pools[0])
                return held
            if isinstance(layer, MaxPool):
                pools.append(layer)
            elif isinstance(layer, AveragePool):
                if layer.count_include_pad and any(map(any, layer.padding)):
                    return None
            elif self.shapes[i][0] != self.shapes[i + 1][0]:  # a flattening of more than one position
                return None
        return None

    def _absorb(self, layer: Conv | Dense, fresh: Fused) -> None:
        """Let a layer do what is pending: W' = W scale, b' = b + W * shift over the inputs that there are."""
        if self.pending is None or fresh.weight is None or fresh.bias is None:
            return
        scale, shift = self.pending.scale, self.pending.shift
        if isinstance(layer, Conv):
            moved = layer.linear(shift[None])[0]
            width = layer.c_out // layer.groups
            seen = scale.reshape(layer.groups, 1, -1).repeat(width, axis=1).reshape(layer.weight.shape[:2])
            fresh.weight = seen.reshape(*seen.shape, *[1] * len(layer.kernel)) * fresh.weight
            fresh.bias = _by_channel(fresh.bias, moved) + moved if fresh.bias.ndim == 1 else fresh.bias + moved
        else:
            fresh.bias = fresh.bias + fresh.weight @ shift.ravel()
            fresh.weight = fresh.weight * np.broadcast_to(_by_channel(scale, shift), shift.shape).ravel()
        self.pending = None

    def _pass(self, layer: Layer, pending: Affine) -> None:
        """Take what is pending through a pool or a flattening, which come before it then; or do it first."""
        scale, shift = pending.scale, pending.shift
        if isinstance(layer, MaxPool):
            _check_signs(pending.name, scale, layer)
            same = (shift == shift[:, *[slice(0, 1)] * (shift.ndim - 1)]).all()
            if not same:
                self._append_own_layer(pending, relu=False)
                return
            positions = layer.output_shape(shift.shape)
            shift = np.broadcast_to(shift[:, *[slice(0, 1)] * (shift.ndim - 1)], positions)
        elif layer.relu:
            self._append_own_layer(pending, relu=False)
            return
        else:
            if isinstance(layer, Flatten):
                scale = np.broadcast_to(_by_channel(scale, shift), shift.shape).ravel()
            shift = layer.apply(shift[None])[0]
        self.pending = Affine(pending.name, scale, shift)

    def _append_own_layer(self, pending: Affine, relu: bool) -> None:
        """Do what is pending by a layer of its own, one weight for each channel."""
        scale, shift = pending.scale, pending.shift
        n, n_axes = len(scale), shift.ndim - 1
        made: Layer
        if n_axes:
            weight = scale.reshape(n, *[1] * (n_axes + 1))
            made = Conv(pending.name, np.ones(weight.shape), np.zeros(n), relu, groups=n)
        else:
            weight = self._numbers(np.zeros((n, n)))
            weight[np.arange(n), np.arange(n)] = scale
            made = Dense(pending.name, np.ones(weight.shape), np.zeros(n), relu)
        self._append(Fused(made, relu, weight, shift))
        self.pending = None


def _by_channel(values: Array, like: Array) -> Array:
    """One value a channel, (c,), with axes for the positions of `like`."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _check_signs(name: str, scale: Array, pool: Layer) -> None:
    """Raise MappingError where a scale is negative: the largest input is not the largest output then."""
    negative = scale < 0
    if negative.any():
        raise MappingError(
            f"layer {name!r}: the scale of channel {int(np.argmax(negative))} is negative, "
            f"and {pool.name!r} is a max pool, which would have to become a min pool; this release does not map it: "
            "put the batch norm before the ReLU, or train it with positive gamma"
        )
