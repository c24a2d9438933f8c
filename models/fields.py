"""Which inputs each neuron of a population sees: neurons that see the same ones, with their weights, together.

A convolution is never unrolled: its neurons are taken position by position, with the kernel as one matrix for the
inputs that there are. Relies on the network. Used by the checks, which go through a population field by field.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.convolution import Conv, Pool
from eventsim.models.real_numbers import as_numbers
from eventsim.network import Network, Population, Projection
from eventsim.projections import Dense

Array = np.ndarray[Any, Any]
EXTENDED = np.dtype(np.longdouble)


@dataclass(frozen=True, eq=False)
class Field:
    """Neurons of one population that see the same inputs.

    Attributes
    ----------
    neurons : (n,), indices in the population.
    inputs : (n_inputs,), indices into the source neurons of all projections to the population, one after another.
    weights : (n, n_inputs), extended precision.
    gather : takes an array in the shape of a single projection's weights to the shape of `weights`.
    """

    neurons: Array
    inputs: Array
    weights: Array
    gather: Callable[[Array], Array]


def projections_to(net: Network, population: Population) -> list[Projection]:
    """The projections that end at a population, in order."""
    return [projection for projection in net.projections if projection.post is population]


def fields_of(net: Network, population: Population) -> Iterator[Field]:
    """The fields of a population; each neuron is in one of them."""
    projections = projections_to(net, population)
    if len(projections) == 1 and isinstance(projections[0].kind, Conv):
        yield from _windows(projections[0].kind, population)
        return
    if len(projections) == 1 and isinstance(projections[0].kind, Dense):
        weights = as_numbers(projections[0].kind.weights, EXTENDED)
    else:
        parts = [_matrix(projection) for projection in projections]
        weights = np.concatenate(parts, axis=1) if parts else np.zeros((population.size, 0), EXTENDED)
    yield Field(np.arange(population.size), np.arange(weights.shape[1]), weights, lambda array: array)


def sources_of_positions(kind: Conv | Pool) -> Array:
    """(target positions, taps): the source position that each tap sees, -1 for padding."""
    n_targets = math.prod(kind.output_shape(kind.shape)[1:])
    taps = kind.taps
    found = np.full((n_targets, math.prod(kind.kernel)), -1)
    found[taps.target, taps.tap] = np.repeat(np.arange(len(taps.start) - 1), np.diff(taps.start))
    return found


def pooled(net: Network, population: Population) -> Array:
    """(target neurons, taps): the source neuron that each tap of a pool of relays sees, -1 for padding."""
    (projection,) = projections_to(net, population)
    kind = projection.kind
    assert isinstance(kind, Pool)
    table = sources_of_positions(kind)
    first = np.arange(kind.shape[0])[:, None, None] * math.prod(kind.shape[1:])
    found: Array = np.where(table < 0, -1, first + table)
    return found.reshape(-1, table.shape[1])


def _windows(kind: Conv, population: Population) -> Iterator[Field]:
    """A field for each position and group of a convolution."""
    kernel = as_numbers(kind.weights, EXTENDED)
    n_positions, n_targets = math.prod(kind.shape[1:]), population.size // kind.channels[1]
    seen, made = kernel.shape[1], kernel.shape[0] // kind.groups
    for target, row in enumerate(sources_of_positions(kind)):
        (taps,) = np.nonzero(row >= 0)
        for group in range(kind.groups):
            outs = slice(group * made, (group + 1) * made)

            def gather(array: Array, outs: slice = outs, taps: Array = taps) -> Array:
                return array.reshape(len(array), seen, -1)[outs][:, :, taps].reshape(made, -1)

            channels = np.arange(group * seen, (group + 1) * seen)
            inputs = (channels[:, None] * n_positions + row[taps]).ravel()
            neurons = np.arange(outs.start, outs.stop) * n_targets + target
            yield Field(neurons, inputs, gather(kernel), gather)


def _matrix(projection: Projection) -> Array:
    """Weights (n_out, n_in) of any kind of projection; synapses between the same two neurons add up."""
    matrix = np.zeros((projection.post.size, projection.pre.size), dtype=EXTENDED)
    for neuron in range(projection.pre.size):
        targets, weights = projection.kind.synapses(neuron)
        np.add.at(matrix[:, neuron], targets, as_numbers(np.asarray(weights), EXTENDED))
    return matrix
