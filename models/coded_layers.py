"""The layers of a ReLU network, rewritten so that spike times can carry their values: same function, other weights.

Preparation of Stanojevic et al. 2023, section "exact mapping", in its order: batch norms and the range of the inputs
go into the weights (`fusion`); for alpha1, the weights of each hidden neuron or filter are scaled so that their sums
S_i lie in [-10, 0.99], and the next layer's weights make up for it (a ReLU is positively homogeneous, and pools pass
positive factors on).

Works on float64, extended precision and `Fraction` alike: the mapping and the checks use the latter two. Relies on
`eventsim.models.fusion`. Used by `to_ttfs` and `verify`.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.convolution import Conv as ConvProjection
from eventsim.convolution import Pool as PoolProjection
from eventsim.errors import MappingError
from eventsim.models.fusion import Fused, fuse
from eventsim.models.real_numbers import EXACT, as_numbers
from eventsim.models.relu_network import AveragePool, Conv, Dense, Flatten, MaxPool, ReluNetwork
from eventsim.projections import Dense as DenseProjection

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
EXTENDED = np.dtype(np.longdouble)

# S_i above 1 has no alpha1 neuron, S_i near 1 has huge weights; S_i far below 0 gives a shallow slope, which magnifies
# noise (Stanojevic et al. 2023).
LOWEST_SUM, HIGHEST_SUM = -10, Fraction(99, 100)


@dataclass(frozen=True, eq=False)
class CodedLayer:
    """A population to be: ``relu(gain / divisor * (weight x) + bias)`` of coded inputs, or a max or min pool of them.

    Attributes
    ----------
    name, shape : of the population; source_shape : of what it gets. relu : whether negative values are cut.
    layer : the convolution, dense layer or max pool whose geometry this has; not its weights.
    factor : (channels,); coded values are those of the ReLU network times this.
    weight : as the layer's; None for pools. bias : (channels,) or `shape`; None for pools.
    divisor : (*positions,) whole numbers where an average pool divides its sums, else None. gain : one number.
    """

    name: str
    source_shape: Shape
    shape: Shape
    relu: bool
    layer: Conv | Dense | MaxPool
    factor: Array
    weight: Array | None = None
    bias: Array | None = None
    divisor: Array | None = None
    gain: Any = 1

    @property
    def pools(self) -> bool:
        """Does it pass on one of its inputs, and compute nothing?"""
        return self.weight is None

    def apply(self, x: Array) -> Array:
        """Values (n, *shape) that inputs (n, *source shape) make, in the number type of `x`."""
        if isinstance(self.layer, MaxPool):
            return self.layer.apply(x)
        assert self.weight is not None
        assert self.bias is not None
        weight, bias = as_numbers(self.weight, x.dtype), as_numbers(self.bias, x.dtype)
        if isinstance(self.layer, Conv):
            held = self.layer.linear(x, weight)
        else:
            held = x.reshape(len(x), -1) @ weight.T
        if self.divisor is not None:
            held = held * as_numbers(np.array(self.gain), x.dtype) / as_numbers(self.divisor, x.dtype)
        held = held + bias.reshape(*bias.shape, *[1] * (len(self.shape) - bias.ndim))
        zero = np.array(Fraction(0) if held.dtype == EXACT else 0, held.dtype)
        return np.maximum(held, zero) if self.relu else held

    def sums(self) -> Array:
        """S_i, the sum of the weights of each neuron or filter, padding included."""
        assert self.weight is not None
        if self.divisor is not None:
            return np.full(self.shape[0], self.gain, dtype=self.weight.dtype)
        return row_sums(self.weight)

    def counts(self) -> Array:
        """How many spikes make each neuron of a pool spike, in C order: one, or all of a min pool's real inputs."""
        assert isinstance(self.layer, MaxPool)
        counts = np.ones(self.shape)
        if self.layer.smallest:
            counts[list(self.layer.smallest)] = self.layer.sliding.inside(self.source_shape)
        return counts.ravel()

    def projection(self, weight: Array | None = None) -> ConvProjection | DenseProjection | PoolProjection:
        """The synapses of the population, with `weight` in place of its own."""
        layer = self.layer
        if isinstance(layer, MaxPool):
            return PoolProjection(layer.kernel, layer.stride, layer.padding, layer.dilation)
        if isinstance(layer, Conv):
            return ConvProjection(weight, layer.stride, layer.padding, layer.dilation, layer.groups)
        return DenseProjection(weight)


def coded_layers(
    network: ReluNetwork, dtype: Any, value_range: tuple[Any, Any] = (0, 1), scaling: bool = False
) -> list[CodedLayer]:
    """Return the populations to be, for inputs in [0, 1]; `scaling` brings S_i of all but the last into [-10, 0.99].

    Parameters
    ----------
    dtype : numbers to compute with: float64, longdouble, or object for Fractions.
    value_range : (low, high) of the inputs of `network`, that 0 and 1 stand for.

    Raises
    ------
    MappingError
        A last layer that is an average pool whose windows hold different numbers of inputs.
    """
    number = np.dtype(dtype)
    fused = fuse(network, number, value_range)
    last = max((i for i, held in enumerate(fused) if held.layer.makes_population), default=-1)
    factor = np.full(network.input_shape[0], _one(number), dtype=number)
    source: Shape = network.input_shape
    coded: list[CodedLayer] = []
    for i, held in enumerate(fused):
        if isinstance(held.layer, Flatten):
            factor = _spread(factor, math.prod(held.shape))
        else:
            made = _coded(held, source, factor, number, scaling and i != last, i == last)
            factor = made.factor
            coded.append(made)
        source = held.shape
    return coded


def _coded(
    held: Fused, source: Shape, factor: Array, number: np.dtype[Any], scaling: bool, is_last: bool
) -> CodedLayer:
    """One population to be. `source` and `factor` are the shape and the factors of what it gets."""
    layer, name = held.layer, held.layer.name
    if isinstance(layer, MaxPool):
        pool = MaxPool(**{**vars(layer), "relu": False, "smallest": tuple(held.smallest)})
        return CodedLayer(name, source, held.shape, held.relu, pool, factor)
    if isinstance(layer, AveragePool):
        return _coded_average(held, layer, source, factor, number, scaling, is_last)
    assert isinstance(layer, Conv | Dense)
    assert held.weight is not None
    assert held.bias is not None
    weight, bias = held.weight / _inputs(factor, layer), held.bias
    own = np.full(len(weight), _one(number), dtype=number)
    if scaling:
        own = _factors(row_sums(weight))
        weight = weight * own.reshape(-1, *[1] * (weight.ndim - 1))
        bias = bias * own.reshape(-1, *[1] * (bias.ndim - 1))
    return CodedLayer(name, source, held.shape, held.relu, layer, own, weight, _shared(bias))


def _coded_average(
    held: Fused, layer: AveragePool, source: Shape, factor: Array, number: np.dtype[Any], scaling: bool, is_last: bool
) -> CodedLayer:
    """Sums of a convolution that sees each channel by itself, divided; at the read-out, weights that divide."""
    channels = source[0]
    ones = np.ones((channels, 1, *layer.kernel))
    bias = as_numbers(np.zeros(channels), number)
    conv = Conv(layer.name, ones, np.zeros(channels), True, layer.stride, layer.padding, groups=channels)
    divisor, weight = layer.divisor(source), as_numbers(ones, number)
    if not is_last:
        gain = _number(HIGHEST_SUM, number) if scaling else _one(number)
        return CodedLayer(layer.name, source, held.shape, True, conv, factor * gain, weight, bias, divisor, gain)
    if (divisor != divisor.flat[0]).any():
        raise MappingError(
            f"to_ttfs: the last layer, {layer.name!r}, is an average pool whose windows hold different numbers of "
            "inputs, and a read-out has one weight for all; count the padding in, or pad nothing"
        )
    weight = weight / as_numbers(divisor.ravel()[:1], number) / _inputs(factor, conv)
    own = np.full(channels, _one(number), dtype=number)
    return CodedLayer(layer.name, source, held.shape, held.relu, conv, own, weight, bias)


def row_sums(weights: Array) -> Array:
    """Return S_i, the sum over all but the first axis: correctly rounded in float64, exact in Fractions."""
    rows = weights.reshape(len(weights), -1)
    if rows.dtype == np.float64:
        return np.array([math.fsum(row) for row in rows])
    total: Array = rows.sum(axis=1)
    return total


def _inputs(factor: Array, layer: Conv | Dense) -> Array:
    """The factor of each input channel, in the shape of the layer's weights."""
    if isinstance(layer, Dense):
        return _spread(factor, layer.weight.shape[1])
    by_group = factor.reshape(layer.groups, 1, -1).repeat(layer.c_out // layer.groups, axis=1)
    return by_group.reshape(*layer.weight.shape[:2], *[1] * len(layer.kernel))


def _spread(factor: Array, n: int) -> Array:
    """One factor for each of `n` values, channel after channel."""
    return factor.repeat(n // len(factor))


def _shared(bias: Array) -> Array:
    """Biases that are the same at all positions as one for each channel."""
    by_channel = bias.reshape(len(bias), -1)
    return by_channel[:, 0] if (by_channel == by_channel[:, :1]).all() else bias


def _factors(sums: Array) -> Array:
    """0.99 / S where S > 0.99, -10 / S where S < -10, else 1."""
    number = sums.dtype
    lowest, highest = _number(Fraction(LOWEST_SUM), number), _number(HIGHEST_SUM, number)
    factors = np.full(len(sums), _one(number), dtype=number)
    for limit, beyond in ((highest, sums > highest), (lowest, sums < lowest)):
        factors[beyond] = limit / sums[beyond]
    return factors


def _number(value: Fraction, number: np.dtype[Any]) -> Any:
    """The value in another number type, rounded to nearest."""
    return as_numbers(np.array(value, dtype=EXACT), number)[()]


def _one(number: np.dtype[Any]) -> Any:
    return Fraction(1) if number == EXACT else number.type(1)
