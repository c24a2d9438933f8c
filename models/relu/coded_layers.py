"""The layers of a ReLU network, rewritten so that spike times can carry their values: same function, other weights.

Preparation of Stanojevic et al. 2023, section "exact mapping", in its order: batch norms and the range of the inputs
go into the weights (`fusion`); for alpha1, the weights of each hidden neuron or filter are scaled so that their sums
S_i lie in [-10, 0.99], and the next layer's weights make up for it (a ReLU is positively homogeneous, and pools pass
positive factors on).

Works on float64, extended precision and `Fraction` alike: the mapping and the checks use the latter two. Relies on
`eventsim.models.relu.fusion`. Used by `to_ttfs`, `verify` and ``eventsim convert``.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.models.relu.carriers import Carrier
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.fused_layer import Diagonal, FusedLayer, Term
from eventsim.models.relu.fusion import fuse
from eventsim.models.relu.layer_names import INPUT
from eventsim.models.relu.pool_layers import AveragePool, Flatten, MaxPool
from eventsim.models.relu.real_numbers import EXACT, as_numbers
from eventsim.models.relu.relu_layers import Dense
from eventsim.models.relu.streams import Streams
from eventsim.network.convolution import Conv as ConvProjection
from eventsim.network.convolution import Pool as PoolProjection
from eventsim.network.projections import Dense as DenseProjection
from eventsim.network.projections import OneToOne as OneToOneProjection

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Kind = ConvProjection | DenseProjection | OneToOneProjection | PoolProjection
_Given = tuple[int, Array]  # number of a population, and the factors of the values that are taken from it
INPUTS = -1  # the number of the source
EXTENDED = np.dtype(np.longdouble)

# S_i above 1 has no alpha1 neuron, S_i near 1 has huge weights; S_i far below 0 gives a shallow slope, which magnifies
# noise (Stanojevic et al. 2023).
LOWEST_SUM, HIGHEST_SUM = -10, Fraction(99, 100)


@dataclass(frozen=True, eq=False)
class CodedTerm:
    """A linear function of the coded values of one source.

    Attributes
    ----------
    layer
        The convolution or dense layer whose geometry this has; not its weights. None where values in one axis are taken
        each by the neuron in its own place.
    weight
        Of the shape of the layer's, or (n,).
    source
        Number of a population, or `INPUTS`.
    source_shape
        The shape in which its values are taken.
    """

    layer: Conv | Dense | None
    weight: Array
    source: int
    source_shape: Shape

    @property
    def n_weights(self) -> int:
        """How many weights each neuron or filter has."""
        return math.prod(self.weight.shape[1:])

    def apply(self, x: Array) -> Array:
        """Values (n, *shape) that those of the source make, in the number type of `x`."""
        weight = as_numbers(self.weight, x.dtype)
        if isinstance(self.layer, Conv):
            return self.layer.linear(x.reshape(len(x), *self.source_shape), weight)
        flat = x.reshape(len(x), -1)
        fused_layer: Array = flat * weight if self.layer is None else flat @ weight.T
        return fused_layer

    def projection(self, weight: Array) -> Kind:
        """The synapses, with `weight` in place of its own."""
        layer = self.layer
        if isinstance(layer, Conv):
            return ConvProjection(weight, layer.stride, layer.padding, layer.dilation, layer.groups)
        return OneToOneProjection(weight) if layer is None else DenseProjection(weight)


@dataclass(frozen=True, eq=False)
class CodedLayer:
    """A population to be: ``relu(gain / divisor * (sum of its terms) + bias)``, or a max or min pool of its source.

    Attributes
    ----------
    name, shape
        Those of the population.
    after
        The layer of the network that it is called after; "" for none.
    carries
        Whose values these are; None where no layer gives them.
    relu
        Whether negative values are cut.
    factor : array (channels,)
        Coded values are those of the ReLU network times this.
    terms
        What it adds up, one projection each; none for pools.
    bias
        Of shape (channels,) or `shape`; None for pools.
    pool
        The max pool whose geometry this has, with its source and that one's shape; None for what computes.
    level
        That of a max pool, as `FusedLayer` has it.
    divisor
        Whole numbers (*positions,) where an average pool divides its sums, else None.
    gain
        One number.
    """

    name: str
    shape: Shape
    relu: bool
    factor: Array
    terms: tuple[CodedTerm, ...] = ()
    bias: Array | None = None
    pool: tuple[MaxPool, int, Shape] | None = None
    divisor: Array | None = None
    gain: Any = 1
    level: str = ""
    after: str = ""
    carries: Carrier | None = None

    @property
    def pools(self) -> bool:
        """Does it pass on one of its inputs, and compute nothing?"""
        return self.pool is not None

    @property
    def sources(self) -> tuple[int, ...]:
        """Numbers of the populations that it gets values from, one a projection; `INPUTS` is the source."""
        return tuple(term.source for term in self.terms) if self.pool is None else (self.pool[1],)

    def apply(self, values: Mapping[int, Array]) -> Array:
        """Values (n, *shape) that those of its sources make, in their number type."""
        if self.pool is not None:
            pool, source, shape = self.pool
            return pool.apply(values[source].reshape(-1, *shape))
        assert self.bias is not None
        fused_layer = self.terms[0].apply(values[self.terms[0].source])
        for term in self.terms[1:]:
            fused_layer = fused_layer + term.apply(values[term.source])
        number = fused_layer.dtype
        if self.divisor is not None:
            fused_layer = fused_layer * as_numbers(np.array(self.gain), number) / as_numbers(self.divisor, number)
        bias = as_numbers(self.bias, number)
        fused_layer = fused_layer + bias.reshape(*bias.shape, *[1] * (len(self.shape) - bias.ndim))
        zero = np.array(Fraction(0) if fused_layer.dtype == EXACT else 0, fused_layer.dtype)
        return np.maximum(fused_layer, zero) if self.relu else fused_layer

    def sums(self) -> Array:
        """S_i, the sum of the weights of each neuron or filter, padding included."""
        if self.divisor is not None:
            return np.full(self.shape[0], self.gain, dtype=self.factor.dtype)
        return row_sums([term.weight for term in self.terms])

    def counts(self) -> Array:
        """How many spikes make each neuron of a pool spike, in C order: one, or all of a min pool's real inputs."""
        assert self.pool is not None
        pool, _, shape = self.pool
        counts = np.ones(self.shape)
        if pool.smallest:
            counts[list(pool.smallest)] = pool.sliding.inside(shape)
        return counts.ravel()

    def full(self, values: Array) -> Array:
        """Values by channel, or with axes of positions, as one for each neuron in C order."""
        spread = values.reshape(*values.shape, *[1] * (len(self.shape) - values.ndim))
        return np.broadcast_to(spread, self.shape).ravel()

    def projections(self, weights: Sequence[Array] | None = None) -> list[Kind]:
        """The synapses of the population, a kind for each source, with `weights` in place of those of the terms."""
        if self.pool is not None:
            pool = self.pool[0]
            return [PoolProjection(pool.kernel, pool.stride, pool.padding, pool.dilation)]
        weights = [term.weight for term in self.terms] if weights is None else weights
        return [term.projection(weight) for term, weight in zip(self.terms, weights, strict=True)]


def coded_layers(
    carried: Streams,
    dtype: Any,
    value_range: tuple[Any, Any] = (0, 1),
    scaling: bool = False,
    levels: Collection[str] | None = None,
) -> list[CodedLayer]:
    """Return the populations to be, for inputs in [0, 1], each behind its sources.

    `scaling` brings S_i of all but the last into [-10, 0.99].

    Parameters
    ----------
    dtype
        Numbers to compute with: float64, longdouble, or object for Fractions.
    value_range, levels
        As `fuse` has them.
    """
    number = np.dtype(dtype)
    fused = fuse(carried, number, value_range, levels)
    last = max((i for i, fused_layer in enumerate(fused.values()) if fused_layer.layer.makes_population), default=-1)
    given: dict[Any, _Given] = {None: (INPUTS, np.full(carried.shapes[INPUT][0], _one(number), dtype=number))}
    coded: list[CodedLayer] = []
    for i, (name, fused_layer) in enumerate(fused.items()):
        if isinstance(fused_layer.layer, Flatten):
            source, factor = given[fused_layer.source]
            given[fused_layer] = source, _spread(factor, math.prod(fused_layer.shape))
            if (
                fused_layer.carries is not None
            ):  # one position, so that these are the values of the population before it
                coded[source] = replace(coded[source], carries=fused_layer.carries)
        else:
            made = _coded(name, fused_layer, given, number, scaling and i != last, i == last)
            given[fused_layer] = len(coded), made.factor
            coded.append(
                replace(made, after=fused_layer.called[0] if fused_layer.called else "", carries=fused_layer.carries)
            )
    return coded


def _coded(
    name: str, fused_layer: FusedLayer, given: Mapping[Any, _Given], number: np.dtype[Any], scaling: bool, is_last: bool
) -> CodedLayer:
    """One population to be. `given` has the number and the factors of each of its sources."""
    layer = fused_layer.layer
    if isinstance(layer, MaxPool):
        pool = MaxPool(**{**vars(layer), "name": name, "relu": False, "smallest": tuple(fused_layer.smallest)})
        source, factor = given[fused_layer.source]
        return CodedLayer(
            name,
            fused_layer.shape,
            fused_layer.relu,
            factor,
            pool=(pool, source, fused_layer.source_shape),
            level=fused_layer.level,
        )
    if isinstance(layer, AveragePool):
        return _coded_average(name, fused_layer, layer, given[fused_layer.source], number, scaling, is_last)
    assert fused_layer.bias is not None
    each = [_placed(term) for term in fused_layer.terms]
    weights = [
        weight / _inputs(given[term.source][1], layer, weight)
        for term, (layer, weight) in zip(fused_layer.terms, each, strict=True)
    ]
    bias = fused_layer.bias
    own = np.full(fused_layer.shape[0], _one(number), dtype=number)
    if scaling:
        own = _factors(row_sums(weights))
        weights = [weight * own.reshape(-1, *[1] * (weight.ndim - 1)) for weight in weights]
        bias = bias * own.reshape(-1, *[1] * (bias.ndim - 1))
    terms = tuple(
        CodedTerm(layer, weight, given[term.source][0], term.source_shape)
        for term, (layer, _), weight in zip(fused_layer.terms, each, weights, strict=True)
    )
    return CodedLayer(name, fused_layer.shape, fused_layer.relu, own, terms, _shared(bias))


def _coded_average(
    name: str,
    fused_layer: FusedLayer,
    layer: AveragePool,
    given: _Given,
    number: np.dtype[Any],
    scaling: bool,
    is_last: bool,
) -> CodedLayer:
    """Sums of a convolution that sees each channel by itself, divided; at the read-out, weights that divide.

    There all windows hold as many inputs: `streams` sees to that.
    """
    source, factor = given
    shape = fused_layer.source_shape
    channels = shape[0]
    ones = np.ones((channels, 1, *layer.kernel))
    bias = as_numbers(np.zeros(channels), number)
    conv = Conv(name, ones, np.zeros(channels), True, layer.stride, layer.padding, groups=channels)
    divisor, weight = layer.divisor(shape), as_numbers(ones, number)
    if not is_last:
        gain = _number(HIGHEST_SUM, number) if scaling else _one(number)
        terms = (CodedTerm(conv, weight, source, shape),)
        return CodedLayer(name, fused_layer.shape, True, factor * gain, terms, bias, divisor=divisor, gain=gain)
    weight = weight / as_numbers(divisor.ravel()[:1], number) / _inputs(factor, conv, weight)
    own = np.full(channels, _one(number), dtype=number)
    return CodedLayer(name, fused_layer.shape, fused_layer.relu, own, (CodedTerm(conv, weight, source, shape),), bias)


def row_sums(weights: Sequence[Array]) -> Array:
    """Return S_i, the sum of all arrays but for the first axis: correctly rounded in float64, exact in Fractions."""
    rows = np.concatenate([weight.reshape(len(weight), -1) for weight in weights], axis=1)
    if rows.dtype == np.float64:
        return np.array([math.fsum(row) for row in rows])
    total: Array = rows.sum(axis=1)
    return total


def _placed(term: Term | Diagonal) -> tuple[Conv | Dense | None, Array]:
    """Geometry and weights of a term; each value by itself is a convolution where there are positions."""
    if isinstance(term, Diagonal) and len(term.source_shape) == 1:
        return None, term.weight
    whole = term.expanded("") if isinstance(term, Diagonal) else term
    return whole.layer, whole.weight


def _inputs(factor: Array, layer: Conv | Dense | None, weight: Array) -> Array:
    """The factor of each input channel, in the shape of the layer's weights."""
    if not isinstance(layer, Conv):
        return _spread(factor, weight.shape[-1])
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
