"""The values that a spiking network ought to carry, and how far its parameters are from carrying them.

Where a ReLU network is given, the values are its activations and outputs in extended precision, and each parameter of
the spiking network is held against the mapping (`eventsim.models.mapping.ttfs`) done again in that precision. Where
none is given, they are what the spiking network's own closed form gives on the coded inputs.

Relies on `coded_layers`, `fields` and `expected_times`. Used by `verify`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.checking.expected_times import (
    EXTENDED,
    EXTENDED_UNIT,
    UNIT,
    Neurons,
    complete_potential,
    complete_sum,
    extended,
)
from eventsim.models.checking.fields import Field, fields_of, pooled, projections_to
from eventsim.models.relu.coded_layers import INPUTS, CodedLayer, coded_layers
from eventsim.models.relu.real_numbers import EXACT, as_numbers
from eventsim.models.relu.relu_network import BatchNorm, Layer, ReluNetwork
from eventsim.network.network import Network, Population, Source

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Ideal:
    """What one source or population ought to carry.

    Attributes
    ----------
    values : array (n_samples, size)
        What it carries, in extended precision: times before the end of the window, >= 0; for a read-out the potentials.
    weight_error, bias_error
        How far the effective weights (an array for each projection, in the shape of its weights; of a field one, (n,
        n_inputs)) and biases (size,) are from the ReLU network's, as far as rounding explains it, or None.
    wrong : array (size,)
        Whether rounding explains less than all of that, neuron by neuron.
    noise : array (n_samples, size)
        Bound on the rounding of `values` themselves where it does not scale with the coded inputs and `values`, or
        None.
    """

    values: Array
    weight_error: Any = None
    bias_error: Array | None = None
    wrong: Array | None = None
    noise: Array | None = None

    def of(self, field: Field) -> "Ideal":
        """What the neurons of a field ought to carry: `values` are then (n_samples, n)."""
        if self.weight_error is None or self.bias_error is None or self.wrong is None:
            return Ideal(self.values[:, field.neurons])
        return Ideal(
            self.values[:, field.neurons],
            field.gather(self.weight_error),
            self.bias_error[field.neurons],
            self.wrong[field.neurons],
            None if self.noise is None else self.noise[:, field.neurons],
        )


def coded_values(source: Source, given: Array | None, times: Array) -> Array:
    """The values of a source in units of time, from 0 to the length of its window; extended precision.

    They come from what the user gave, which may lie outside, or else from the spike times; all are (n_samples, size).
    """
    t_min, t_max = (extended(t) for t in source.window)
    if given is not None:
        low, high = (extended(value) for value in source.value_range)
        values: Array = (as_numbers(given, EXTENDED) - low) / (high - low) * (t_max - t_min)
        return values
    coded: Array = t_max - np.minimum(times.astype(EXTENDED), t_max)
    return coded


def own_values(net: Network, population: Population, neurons: Neurons | None, inputs: Array) -> Ideal:
    """What the closed form gives for ideal values of the inputs, the network's own parameters taken as right.

    `neurons` is None for relays; `inputs` are the ideal values, (n_samples, n_inputs).
    """
    if neurons is None:
        return Ideal(-relayed(net, population, -inputs, 0))
    values = np.empty((len(inputs), population.size), EXTENDED)
    for field in fields_of(net, population):
        some, seen = neurons.some(field.neurons), inputs[:, field.inputs]
        if neurons.spiking:
            values[:, field.neurons] = np.maximum(neurons.t_max - complete_sum(some, field.weights, seen), 0)
        else:
            values[:, field.neurons] = complete_potential(some, field.weights, seen)
    return Ideal(values)


def relayed(net: Network, population: Population, inputs: Array, missing: Any) -> Array:
    """The input that makes each relay spike, (n_samples, size): in increasing order that of the number `count`.

    `missing` where there are not so many inputs.
    """
    table = pooled(net, population)
    place = np.asarray(population.parameters["count"]).astype(np.int64) - 1
    found = np.full((len(inputs), population.size), missing, inputs.dtype)
    there = place < np.count_nonzero(table >= 0, axis=1)
    for sample, row in enumerate(inputs):
        heard = np.sort(np.where(table >= 0, row[table], np.inf), axis=1)
        found[sample, there] = np.take_along_axis(heard, np.where(there, place, 0)[:, None], 1)[there, 0]
    return found


def largest_input(net: Network, population: Population, inputs: Array) -> Array:
    """The largest of each relay's inputs >= 0, (n_samples, size), whether it passes that one on or not."""
    table = pooled(net, population)
    found: Array = np.stack([np.where(table >= 0, row[table], 0).max(axis=1) for row in inputs])
    return found


def heard_by_relays(net: Network, population: Population, inputs: Array) -> Array:
    """How many of the marked inputs (n_samples, n_inputs) each relay pools, (n_samples, size)."""
    table = pooled(net, population)
    found: Array = np.stack([np.count_nonzero((table >= 0) & row[table], axis=1) for row in inputs]).astype(np.int32)
    return found


def relu_values(
    net: Network, relu: ReluNetwork, neurons: Mapping[str, Neurons | None], coded: Array
) -> dict[str, Ideal]:
    """What `relu` gives for inputs that are coded as the times before the end of the source's window, by population.

    Parameters
    ----------
    net, relu, neurons
        The network, what it was made from, and the numbers of each population, None for relays.
    coded : array (n_samples, n_in)
        How long before the end of the window each input fires.

    Raises
    ------
    InputError
        A network of another structure than `to_ttfs` gives `relu`.
    """
    source = net.sources[0]
    low, high = source.value_range
    scaling = bool((net.provenance.get("mapping") or {}).get("scaling"))
    layers = coded_layers(relu.streams(), EXACT if net.exact else EXTENDED, (low, high), scaling)
    _check_structure(net, relu, layers)
    absolute = _absolute_layers(relu, (low, high), layers)
    sizes = _bias_sizes(absolute, layers)
    length = extended(source.window[1]) - extended(source.window[0])
    unit = coded / length
    x = extended(low) + unit * (extended(high) - extended(low))
    carried, spans = {INPUTS: unit.reshape(len(unit), *source.shape)}, {INPUTS: length}
    ideals = {}
    for i, (layer, population, size) in enumerate(zip(layers, net.populations, sizes, strict=True)):
        own = neurons[population.name]
        carried[i] = layer.apply(carried)
        flat = carried[i].reshape(len(unit), -1)
        if own is None:
            spans[i] = spans[layer.sources[0]]
            ideals[population.name] = Ideal(flat * spans[i])
            continue
        values = flat if own.spiking else relu.forward(x.reshape(len(x), *relu.input_shape), EXTENDED)
        heard = [spans[k] for k in layer.sources]
        ideal = _with_errors(net, population, own, layer, size, values, heard)
        ideals[population.name] = (
            ideal if own.spiking else replace(ideal, noise=_noise(absolute, carried[INPUTS], values.shape))
        )
        spans[i] = 1
    return ideals


def _with_errors(
    net: Network, population: Population, neurons: Neurons, layer: CodedLayer, size: Array, values: Array,
    spans: Sequence[Any],
) -> Ideal:  # fmt: skip
    """The ideal of a population, with how far its parameters are from those of `layer`.

    Effective weights are J / slope; where a slope divides a sum, it is that of the sum. Effective biases invert
    threshold = slope_start (t_min - t_start) + slope (t_max - t_min - b). Values of a source whose window is longer
    than 1, `spans`, are that much larger. `size` is what was added up to the biases, (size,), `values` what the ReLU
    network gives, (n_samples, size).
    """
    assert layer.bias is not None
    bias = layer.full(as_numbers(layer.bias, EXTENDED))
    weights = [as_numbers(term.weight, EXTENDED) for term in layer.terms]
    given = [as_numbers(p.kind.arrays()["weights"], EXTENDED) for p in projections_to(net, population)]
    received = neurons.slope_start * (neurons.t_min - neurons.t_start)
    slope = neurons.slope_fire if neurons.spiking else np.ones(population.size, EXTENDED)
    effective_bias = neurons.length - (neurons.threshold - received) / slope if neurons.spiking else received
    if layer.divisor is not None:
        slope = slope * as_numbers(np.array(layer.gain), EXTENDED) / layer.full(layer.divisor[None])
    # Neurons of one channel have one slope; where they have not, the extremes are the farthest off.
    channels = layer.shape[0]
    by_channel = slope.reshape(channels, -1)
    ends = [by_channel.min(axis=1), by_channel.max(axis=1)]
    weight_errors = [
        np.maximum(*(np.abs(value / end.reshape(-1, *[1] * (value.ndim - 1)) * span - weight) for end in ends))
        for value, weight, span in zip(given, weights, spans, strict=True)
    ]
    bias_error = np.abs(effective_bias - bias)
    allowed, allowed_bias = _allowed(net, population, neurons, weights, bias, size)
    pairs = list(zip(weight_errors, allowed, spans, strict=True))
    wrong = np.any([(error > most).reshape(channels, -1).any(axis=1) for error, most, _ in pairs], axis=0)
    return Ideal(
        values=values,
        weight_error=[(np.minimum(error, most) / span).astype(np.float64) for error, most, span in pairs],
        bias_error=np.minimum(bias_error, allowed_bias).astype(np.float64),
        wrong=wrong.repeat(population.size // channels) | (bias_error > allowed_bias),
    )


def _allowed(
    net: Network, population: Population, neurons: Neurons, given: Sequence[Array], bias: Array, size: Array
) -> tuple[list[Array], Array]:
    """How far rounding may take effective weights and biases from those of a layer.

    Each parameter is rounded once, by half an ulp; alpha1's slope is the sum of rounded weights. The rest covers
    extended precision, in which layers and effective values are computed. Both have the shapes of the weights of each
    projection, and of the biases, (size,).
    """
    unit = 0.0 if net.exact else UNIT
    weights = [np.abs(weight.astype(np.float64)) for weight in given]
    rows = np.concatenate([weight.reshape(len(weight), -1) for weight in weights], axis=1)
    total_weight = rows.sum(axis=1)
    allowed = []
    for weight, magnitude in zip(given, weights, strict=True):
        sums = total_weight.reshape(-1, *[1] * (weight.ndim - 1))
        noise = 2 * EXTENDED_UNIT * (16 + rows.shape[1]) * (1 + sums)
        if population.model.name == "ttfs_alpha1":
            relative = unit * (2 + sums) + noise
        else:
            relative = np.where(weight == weight.astype(np.float64), 0.0, unit + noise)  # what float64 holds is copied
        allowed.append(relative * magnitude)
    total = np.abs(bias.astype(np.float64))
    if neurons.spiking:
        parts = np.abs(neurons.threshold) + neurons.slope_start * (neurons.t_min - neurons.t_start)
        total = total + (parts / neurons.slope_fire + neurons.length).astype(np.float64)
    return allowed, unit * total + 2 * EXTENDED_UNIT * (16 + rows.shape[1]) * (total + size)


def _absolute_layers(
    relu: ReluNetwork, value_range: tuple[Any, Any], layers: Sequence[CodedLayer]
) -> dict[str, CodedLayer]:
    """The coded layers, by name, of the network of absolute values, in which nothing cancels; they are not scaled.

    Inputs are coded in a range that makes absolute values of them which are not smaller.
    """
    low, high = (abs(float(value)) for value in value_range)
    carried = relu.streams()
    absolute = replace(carried, layers=[_absolute(layer) for layer in carried.layers])
    plain = (0.0, 1.0) if tuple(value_range) == (0, 1) else (low, low + low + high)
    levels = {layer.level for layer in layers}
    return {layer.name: layer for layer in coded_layers(absolute, np.float64, plain, levels=levels)}


def _noise(absolute: Mapping[str, CodedLayer], unit: Array, shape: tuple[int, ...]) -> Array:
    """Bound on the rounding of the outputs of a ReLU network in extended precision, for inputs that were coded.

    Inputs are rounded on their own scale, not on that of the window, and what is added up may cancel: every sum is off
    by at most half an ulp of the sum of absolute values, times the number of its terms and the roundings of each.
    `unit` has the coded inputs, from 0 to 1, (n_samples, *shape); the bound has the given shape, (n_samples, n_out).
    """
    sizes: dict[int, Array] = {INPUTS: np.abs(unit).astype(np.float64)}
    roundings = 8
    for i, layer in enumerate(absolute.values()):
        sizes[i] = _without_cancelling(layer).apply(sizes)
        roundings += 8 + sum(term.n_weights for term in layer.terms)
    bound: Array = EXTENDED_UNIT * roundings * sizes[len(absolute) - 1].reshape(shape)
    return bound


def _without_cancelling(layer: CodedLayer) -> CodedLayer:
    """The layer with absolute values for its weights, which negative streams negate; a pool passes on the largest."""
    if layer.pool is not None:
        pool, source, shape = layer.pool
        return replace(layer, pool=(replace(pool, smallest=()), source, shape))
    assert layer.bias is not None
    terms = tuple(replace(term, weight=np.abs(term.weight)) for term in layer.terms)
    return replace(layer, terms=terms, bias=np.abs(layer.bias))


def _bias_sizes(absolute: Mapping[str, CodedLayer], layers: Sequence[CodedLayer]) -> list[Array]:
    """For each layer, (size,): the sum of the absolute values of all that was added up to its biases."""
    sizes = []
    for layer in layers:
        size = None if layer.pools else absolute[layer.name].bias
        sizes.append(np.zeros(1) if size is None else layer.full(size) * layer.full(layer.factor.astype(np.float64)))
    return sizes


def _absolute(layer: Layer) -> Layer:
    """The layer with absolute values for all its numbers, so that nothing cancels."""
    numbers = {name: np.abs(array) for name, array in vars(layer).items() if isinstance(array, np.ndarray)}
    if isinstance(layer, BatchNorm):
        numbers["mean"] = -numbers["mean"]
    return type(layer)(**{**vars(layer), **numbers})


def _check_structure(net: Network, relu: ReluNetwork, layers: Sequence[CodedLayer]) -> None:
    """Refuse a network that is not of the structure that `to_ttfs` gives `relu`."""
    nodes: list[Any] = [*net.sources, *net.populations]
    fits = len(net.sources) == 1 and len(nodes) == len(layers) + 1 and net.sources[0].size == relu.n_in
    if fits:
        for layer, after in zip(layers, net.populations, strict=True):
            last = layer is layers[-1]
            models = ("relay",) if layer.pools else ("integrator",) if last else ("ttfs_b1", "ttfs_alpha1")
            fits &= after.size == math.prod(layer.shape) and after.model.name in models
            fits &= layer.relu or layer.pools or last
            heard = projections_to(net, after)
            fits &= [projection.pre for projection in heard] == [nodes[1 + k] for k in layer.sources] and all(
                _alike(projection.kind, kind) for projection, kind in zip(heard, layer.projections(), strict=True)
            )
    if not fits:
        wanted, given = (
            ", ".join(f"{one.name} {'×'.join(map(str, one.shape))}" for one in part) for part in (layers, nodes)
        )
        raise InputError(
            f"verify: relu has layers input {'×'.join(map(str, relu.input_shape))}, {wanted}; the network has {given}; "
            "must be one source and a population for each layer, with projections of the same kinds between the same "
            "ones; give the relu that net was made from"
        )


def _alike(kind: Any, wanted: Any) -> bool:
    """Are two projections of one kind and geometry, with weights of one shape?"""
    if kind.kind != wanted.kind:
        return False
    pairs = [(mine, wanted.arrays()[name], name) for name, mine in kind.arrays().items()]
    return all(a.shape == b.shape and (name == "weights" or np.array_equal(a, b)) for a, b, name in pairs)
