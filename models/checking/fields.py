"""Which inputs each neuron of a population sees: neurons that see the same ones, with their weights, together.

A convolution is never unrolled: its neurons are taken position by position, with the kernel as one matrix for the
inputs that there are, also where other projections end at the same neurons. Relies on the network. Used by the checks,
which go through a population field by field.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from eventsim.models.relu.real_numbers import as_numbers
from eventsim.network.convolution import Conv, Pool
from eventsim.network.network import Network, Population, Projection
from eventsim.network.projections import Dense, OneToOne

Array = np.ndarray[Any, Any]
Gather = Callable[[Array], Array]
Something = TypeVar("Something")
EXTENDED = np.dtype(np.longdouble)
# Neurons of single synapses that are taken together.
TOGETHER = 256


@dataclass(frozen=True, eq=False)
class Field:
    """Neurons of one population that see the same inputs.

    Attributes
    ----------
    neurons : array (n,)
        Indices in the population.
    inputs : array (n_inputs,)
        Indices into the source neurons of all projections to the population, one after another.
    weights : array (n, n_inputs)
        Weights in extended precision; 0 where there is no synapse.
    gather
        Takes arrays in the shapes of the weights of dense and convolutional projections, one each, to the shape of
        `weights`.
    """

    neurons: Array
    inputs: Array
    weights: Array
    gather: Callable[[Sequence[Array]], Array]

    def of(self, chosen: Array) -> "Field":
        """The field of some of its neurons, (n,) whether each is one."""
        if chosen.all():
            return self
        return Field(
            self.neurons[chosen], self.inputs, self.weights[chosen], lambda arrays: self.gather(arrays)[chosen]
        )


def projections_to(net: Network, population: Population) -> list[Projection]:
    """The projections that end at a population, in order."""
    return [projection for projection in net.projections if projection.post is population]


def fields_of(net: Network, population: Population) -> Iterator[Field]:
    """The fields of a population; each neuron is in one of them."""
    projections = projections_to(net, population)
    if all(isinstance(projection.kind, Dense) for projection in projections):
        parts = [as_numbers(np.asarray(projection.kind.weights), EXTENDED) for projection in projections]
        matrix: Array = np.concatenate([np.zeros((population.size, 0), EXTENDED), *parts], axis=1)
        yield Field(np.arange(population.size), np.arange(matrix.shape[1]), matrix, _side_by_side)
    else:
        yield from _joined(population, projections)


def on_cores(
    fields: Iterable[Field], there: Array, by_core: Mapping[int, Something]
) -> Iterator[tuple[Field, Something]]:
    """Each field with what its core has in `by_core`; one whose neurons are on several cores core by core.

    `there` (size,) has the core of each neuron of the population.
    """
    for field in fields:
        for core in np.unique(there[field.neurons]).tolist():
            yield field.of(there[field.neurons] == core), by_core[core]


def sources_of_positions(kind: Conv | Pool) -> Array:
    """The source position that each tap sees, (n_target_positions, n_taps); -1 for padding."""
    n_targets = math.prod(kind.output_shape(kind.shape)[1:])
    taps = kind.taps
    found = np.full((n_targets, math.prod(kind.kernel)), -1)
    found[taps.target, taps.tap] = np.repeat(np.arange(len(taps.start) - 1), np.diff(taps.start))
    return found


def pooled(net: Network, population: Population) -> Array:
    """The source neuron that each tap of a pool of relays sees, (n_target_neurons, n_taps); -1 for padding."""
    (projection,) = projections_to(net, population)
    kind = projection.kind
    assert isinstance(kind, Pool)
    table = sources_of_positions(kind)
    first = np.arange(kind.shape[0])[:, None, None] * math.prod(kind.shape[1:])
    found: Array = np.where(table < 0, -1, first + table)
    return found.reshape(-1, table.shape[1])


def _joined(population: Population, projections: Sequence[Projection]) -> Iterator[Field]:
    """Fields of convolutions, of several projections, or of single synapses: the inputs of some neurons at a time."""
    first = np.cumsum([0, *(projection.pre.size for projection in projections)])
    rows = [_rows(projection) for projection in projections]
    for neurons in _blocks(population, projections):
        seen = [of(neurons) for of in rows]
        inputs = np.concatenate([start + found[0] for start, found in zip(first[:-1], seen, strict=True)])
        gather = _joined_gather([found[2] for found in seen])
        yield Field(neurons, inputs, _side_by_side([found[1] for found in seen]), gather)


def _blocks(population: Population, projections: Sequence[Projection]) -> Iterator[Array]:
    """Neurons to take together, (n,) indices in the population.

    At each position of convolutions these are the channels that see the same inputs, else the next neurons.
    """
    convolutions = [
        projection.kind
        for projection in projections
        if isinstance(projection.kind, Conv) and not _passes_on(projection.kind)
    ]
    if not convolutions:
        yield from np.split(np.arange(population.size), range(TOGETHER, population.size, TOGETHER))
        return
    channels = convolutions[0].channels[1]
    borders = sorted({g * channels // kind.groups for kind in convolutions for g in range(kind.groups + 1)})
    n_targets = population.size // channels
    for target in range(n_targets):
        for low, high in pairwise(borders):
            yield np.arange(low, high) * n_targets + target


def _rows(projection: Projection) -> Callable[[Array], tuple[Array, Array, Gather]]:
    """What takes neurons to (source neurons that they see, weights (n, n_sources), what gathers such weights)."""
    kind = projection.kind
    if isinstance(kind, Conv):
        return _Diagonal(kind).of if _passes_on(kind) else _Window(kind).of
    if isinstance(kind, Dense):
        matrix = as_numbers(kind.weights, EXTENDED)
        return lambda neurons: (np.arange(matrix.shape[1]), matrix[neurons], lambda array: array[neurons])
    if isinstance(kind, OneToOne):
        return _Diagonal(kind).of
    return _Synapses(projection).of


def _passes_on(kind: Conv) -> bool:
    """Has each neuron the source neuron in its own place as its only input, as in a residual sum?"""
    alone = kind.groups == kind.shape[0] == len(kind.weights) and math.prod(kind.kernel) == 1
    return alone and set(kind.stride) == {1} and not any(map(any, kind.padding))


class _Diagonal:
    """The inputs and weights of neurons that have one input each, that in their own place."""

    def __init__(self, kind: Conv | OneToOne) -> None:
        self.weights = as_numbers(kind.weights, EXTENDED)
        self.n_positions = math.prod(kind.shape[1:]) if isinstance(kind, Conv) else 1

    def of(self, neurons: Array) -> tuple[Array, Array, Gather]:
        """Source neurons, weights (n, n_sources), and what takes arrays in the shape of all weights to theirs."""
        channels = neurons // self.n_positions

        def gather(array: Array) -> Array:
            return np.diag(array.reshape(len(array))[channels])

        return neurons, gather(self.weights), gather


class _Window:
    """The inputs and weights of a convolution's neurons at one position and in one group."""

    def __init__(self, kind: Conv) -> None:
        self.kernel = as_numbers(kind.weights, EXTENDED)
        self.positions = sources_of_positions(kind)
        self.n_sources = math.prod(kind.shape[1:])
        self.width = len(self.kernel) // kind.groups

    def of(self, neurons: Array) -> tuple[Array, Array, Gather]:
        """Source neurons, weights (n, n_sources), and what takes arrays in the shape of all weights to theirs."""
        outs, target = np.divmod(neurons, len(self.positions))
        row, seen = self.positions[target[0]], self.kernel.shape[1]
        (taps,) = np.nonzero(row >= 0)
        channels = outs[0] // self.width * seen + np.arange(seen)

        def gather(array: Array) -> Array:
            return array.reshape(len(array), seen, -1)[outs][:, :, taps].reshape(len(outs), -1)

        return (channels[:, None] * self.n_sources + row[taps]).ravel(), gather(self.kernel), gather


class _Synapses:
    """Single synapses, sorted by their targets; those between the same two neurons add up."""

    def __init__(self, projection: Projection) -> None:
        found = [projection.kind.synapses(neuron) for neuron in range(projection.pre.size)]
        targets = np.concatenate([np.asarray(to, dtype=np.int64) for to, _ in found])
        order = np.argsort(targets, kind="stable")
        self.targets = targets[order]
        self.sources = np.repeat(np.arange(projection.pre.size), [len(to) for to, _ in found])[order]
        self.weights = np.concatenate([as_numbers(np.asarray(weights), EXTENDED) for _, weights in found])[order]

    def of(self, neurons: Array) -> tuple[Array, Array, Gather]:
        """Source neurons, weights (n, n_sources), and what would gather them: the mapping makes no single synapses."""
        ranges = [slice(*np.searchsorted(self.targets, (neuron, neuron + 1))) for neuron in neurons]
        inputs = np.unique(np.concatenate([self.sources[some] for some in ranges]))
        weights = np.zeros((len(neurons), len(inputs)), dtype=EXTENDED)
        for row, some in zip(weights, ranges, strict=True):
            np.add.at(row, np.searchsorted(inputs, self.sources[some]), self.weights[some])
        return inputs, weights, lambda array: array


def _joined_gather(gathers: Sequence[Gather]) -> Callable[[Sequence[Array]], Array]:
    return lambda arrays: _side_by_side([gather(array) for gather, array in zip(gathers, arrays, strict=True)])


def _side_by_side(arrays: Sequence[Array]) -> Array:
    return np.concatenate(arrays, axis=1)
