"""Batch norms folded into the convolutions and dense layers around them: same function, other weights.

Preprocessing of Stanojevic et al. 2023. A batch norm before a ReLU goes into the layer before it. One behind a ReLU
waits, through pools and flattening, for the next layer: its scale multiplies that layer's weights, and its shift, which
zero padding does not have, becomes a bias for each position. A max pool becomes a min pool where a negative scale moves
past it. The range of the inputs is a batch norm on them. ReLUs behind max pools and flattening move before them. An
average pool behind a convolution without a ReLU is one convolution with it.

Relies on `eventsim.models.relu_network`. Used by `coded_layers`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.pool_layers import relus_before_pools
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
    layer_names,
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
    """A layer in the making. `layer` gives its settings and, where it has them, not its weights, biases and ReLU.

    Attributes
    ----------
    shape : of its output. weight, bias : in the number type of the fusion; None where the layer has none.
    smallest : channels whose smallest input a max pool passes on.
    """

    layer: Layer
    relu: bool
    shape: Shape
    weight: Array | None = None
    bias: Array | None = None
    smallest: frozenset[int] = frozenset()


def fuse(network: ReluNetwork, dtype: np.dtype[Any], value_range: tuple[Any, Any] = (0, 1)) -> list[Fused]:
    """Return `Conv`, `Dense`, `MaxPool`, `AveragePool` and `Flatten` that compute the same from inputs in [0, 1].

    They keep their names; a batch norm that has no layer to go into becomes one of its own, a convolution of kernel 1
    with a group for each channel (after dense layers, a diagonal dense layer).

    Parameters
    ----------
    dtype : numbers to compute with; float64 and extended precision round on the way, object for Fractions does not.
    value_range : (low, high) of the inputs of `network`, that 0 and 1 stand for.
    """
    fusion = _Fusion(network.input_shape, dtype)
    if tuple(value_range) != (0, 1):
        low, high = (as_numbers(np.array([value]), dtype) for value in value_range)
        shape = network.input_shape
        fusion.pending = Affine(
            "input_range", np.broadcast_to(high - low, shape[:1]).copy(), np.broadcast_to(low, shape).copy()
        )
    for layer in relus_before_pools(network.layers):
        fusion.add(layer)
    fusion.finish()
    layers = [held.layer for held in fusion.layers]
    for held, name in zip(fusion.layers, layer_names(layers, [layer.name for layer in layers]), strict=True):
        held.layer = held.layer.named(name)
    return fusion.layers


def fused(network: ReluNetwork, number: type = float) -> ReluNetwork:
    """Return a network without batch norms that computes the same: the layers of `fuse`.

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
    """
    if number not in (float, Fraction):
        raise InputError(f"fused: number = {number!r}; must be float or Fraction")
    layers = relus_before_pools(network.layers)
    if number is float and layers == list(network.layers) and not _anything_to_fuse(layers):
        return network
    held = fuse(network, EXACT if number is Fraction else np.dtype(np.longdouble))
    return ReluNetwork([_made(one, number) for one in held], network.input_shape, network.provenance)


def _made(held: Fused, number: type) -> Layer:
    """The layer in its final numbers; biases that are the same at all positions are one for each channel."""
    fields = {**vars(held.layer), "relu": held.relu}
    if isinstance(held.layer, MaxPool):
        return MaxPool(**{**fields, "smallest": tuple(held.smallest)})
    if held.weight is None or held.bias is None:
        return type(held.layer)(**fields)
    dtype = EXACT if number is Fraction else np.dtype(np.float64)
    with np.errstate(over="ignore"):  # the layer refuses infinities by name
        weight, bias = as_numbers(held.weight, dtype), as_numbers(held.bias, dtype)
    by_channel = bias.reshape(len(bias), -1)
    if (by_channel == by_channel[:, :1]).all():
        bias = by_channel[:, 0]
    return type(held.layer)(**{**fields, "weight": weight, "bias": bias})


def _anything_to_fuse(layers: Sequence[Layer]) -> bool:
    averaged = any(
        isinstance(layer, Conv) and not layer.relu and isinstance(behind, AveragePool)
        for layer, behind in pairwise(layers)
    )
    return averaged or any(isinstance(layer, BatchNorm) for layer in layers)


class _Fusion:
    """The layers so far, the shapes before and behind each, and what is still to be done to what the last one gives."""

    def __init__(self, input_shape: Shape, dtype: np.dtype[Any]) -> None:
        self.layers: list[Fused] = []
        self.shapes = [input_shape]
        self.dtype = dtype
        self.pending: Affine | None = None
        self.turned: frozenset[int] = frozenset()  # channels with a negative scale that went past the next max pool

    def add(self, layer: Layer) -> None:
        if isinstance(layer, BatchNorm):
            self._add_batch_norm(layer)
            return
        if self.pending is not None and not isinstance(layer, Conv | Dense):
            self._pass(layer, self.pending)
        if isinstance(layer, AveragePool) and self.pending is None and self._average(layer):
            return
        self._append(layer, layer.relu)
        held = self.layers[-1]
        if isinstance(layer, Conv | Dense):
            held.weight, held.bias = self._numbers(layer.weight), self._numbers(layer.bias)
            self._absorb(layer, held)
        elif isinstance(layer, MaxPool):
            held.smallest = frozenset(layer.smallest) ^ self.turned
        self.turned = frozenset()

    def finish(self) -> None:
        """Do what is still pending, by neurons that are the output then."""
        if self.pending is not None:
            self._append_own_layer(self.pending, relu=False)
            if len(self.layers) > 1:
                last, own = self.layers[-2:]
                own.layer, last.layer = own.layer.named(last.layer.name), last.layer.named("")

    def _append(self, layer: Layer, relu: bool) -> None:
        self.shapes.append(layer.output_shape(self.shapes[-1]))
        self.layers.append(Fused(layer, relu, self.shapes[-1]))

    def _average(self, pool: AveragePool) -> bool:
        """Make one convolution of the last one and a pool behind it: means of sums are sums. False where it is none.

        Not with padding in the pool, which is no value of the convolution: windows at the border would need kernels of
        their own.
        """
        held = self.layers[-1] if self.layers else None
        if held is None or held.relu or held.weight is None or held.bias is None or any(map(any, pool.padding)):
            return False
        conv = held.layer
        if not isinstance(conv, Conv):
            return False
        apart = [  # steps between taps that are seen, which the new kernel need not look between
            math.gcd(stride if n > 1 else 0, dilation if k > 1 else 0) or 1
            for n, k, stride, dilation in zip(pool.kernel, conv.kernel, conv.stride, conv.dilation, strict=True)
        ]
        starts = [stride // step for stride, step in zip(conv.stride, apart, strict=True)]
        steps = [dilation // step or 1 for dilation, step in zip(conv.dilation, apart, strict=True)]
        ends = [(k - 1) * step + 1 for k, step in zip(conv.kernel, steps, strict=True)]
        kernel = [(n - 1) * start + end for n, start, end in zip(pool.kernel, starts, ends, strict=True)]
        weight = self._numbers(np.zeros((*held.weight.shape[:2], *kernel)))
        for tap in np.ndindex(*pool.kernel):
            first = [i * start for i, start in zip(tap, starts, strict=True)]
            seen = [slice(i, i + end, step) for i, end, step in zip(first, ends, steps, strict=True)]
            weight[:, :, *seen] += held.weight
        stride = [a * b for a, b in zip(conv.stride, pool.stride, strict=True)]
        bias = held.bias if held.bias.ndim == 1 else pool.apply(held.bias[None])[0]
        joined = Conv(
            pool.name, np.ones(weight.shape), np.zeros(len(weight)), pool.relu, stride, conv.padding, apart, conv.groups
        )
        self.shapes[-1] = pool.output_shape(self.shapes[-1])
        divisor = self._numbers(np.array(pool.sliding.n_taps))
        self.layers[-1] = Fused(joined, pool.relu, self.shapes[-1], weight / divisor, bias)
        return True

    def _numbers(self, array: Array) -> Array:
        return as_numbers(array, self.dtype)

    def _add_batch_norm(self, norm: BatchNorm) -> None:
        scale, mean, beta = norm.scale(self.dtype), self._numbers(norm.mean), self._numbers(norm.beta)
        held = self._linear_before(norm.relu) if self.pending is None else None
        if held is not None and held.weight is not None and held.bias is not None:
            for later in self.layers[self.layers.index(held) + 1 :]:
                if isinstance(later.layer, MaxPool):
                    later.smallest ^= _negative(scale)
            held.weight = _by_channel(scale, held.weight) * held.weight
            held.bias = _by_channel(scale, held.bias) * (held.bias - _by_channel(mean, held.bias))
            held.bias = held.bias + _by_channel(beta, held.bias)
            held.relu = norm.relu
            return
        shape = self.shapes[-1]
        zero, one = (np.broadcast_to(self._numbers(np.array([value])), shape) for value in (0, 1))
        old = self.pending or Affine(norm.name, one.reshape(len(one), -1)[:, 0], zero)
        shift = _by_channel(scale, zero) * (old.shift - _by_channel(mean, zero)) + _by_channel(beta, zero)
        self.pending = Affine(norm.name, scale * old.scale, shift)
        if norm.relu:
            self._append_own_layer(self.pending, relu=True)

    def _linear_before(self, relu: bool) -> Fused | None:
        """The layer without a ReLU that a batch norm can scale, and whose ReLU its own can be: with pools between."""
        for i in range(len(self.layers) - 1, -1, -1):
            held, layer = self.layers[i], self.layers[i].layer
            if held.relu:
                return None
            if isinstance(layer, Conv | Dense):
                return held
            if isinstance(layer, AveragePool):
                if relu or (layer.count_include_pad and any(map(any, layer.padding))):
                    return None  # no ReLU and no shift can go past a mean, or past zeros that join it
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
        scale, shift, name = pending.scale, pending.shift, pending.name
        if isinstance(layer, MaxPool):
            scale, shift, name = self._level(pending)
            self.turned = _negative(scale)
            shift = np.broadcast_to(shift, layer.output_shape(self.shapes[-1]))
        elif layer.relu:
            self._append_own_layer(pending, relu=False)
            return
        else:
            if isinstance(layer, Flatten):
                scale = np.broadcast_to(_by_channel(scale, shift), shift.shape).ravel()
            shift = layer.apply(shift[None])[0]
        self.pending = Affine(name, scale, shift)

    def _level(self, pending: Affine) -> tuple[Array, Array, str]:
        """Scale, shift (channels, 1, …) and name for a max pool: what differs between positions neurons before it do.

        These hold values >= 0, the distances from the smallest shift of a channel, or from the largest where the scale
        is negative.
        """
        scale, shift = pending.scale, pending.shift
        by_channel = shift.reshape(len(scale), -1)
        base = np.where(scale < 0, by_channel.max(axis=1), by_channel.min(axis=1))
        level = _by_channel(base, shift)
        if (shift != level).any():
            sign = self._numbers(np.where(scale < 0, -1.0, 1.0))
            moved = _by_channel(sign, shift) * (shift - level)
            self._append_own_layer(Affine(pending.name, scale * sign, moved), relu=True)
            return sign, level, ""
        return scale, level, pending.name

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
        self._append(made, relu)
        self.layers[-1].weight, self.layers[-1].bias = weight, shift
        self.pending = None


def _by_channel(values: Array, like: Array) -> Array:
    """One value a channel, (c,), with axes for the positions of `like`."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _negative(scale: Array) -> frozenset[int]:
    """Channels with a negative scale: the largest input is the smallest output there."""
    return frozenset(np.flatnonzero(scale < 0).tolist())
