"""The values that a spiking network ought to carry, and how far its parameters are from carrying them.

Where a ReLU network is given, the values are its activations and outputs in extended precision, and each parameter of
the spiking network is held against the mapping (`eventsim.models.ttfs`) done again in that precision. Where none is
given, they are what the spiking network's own closed form gives on the coded inputs.

Relies on `weight_scaling` and `expected_times`. Used by `verify`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.expected_times import EXTENDED, UNIT, Neurons, complete_potential, complete_sum, extended
from eventsim.models.real_numbers import as_numbers
from eventsim.models.relu_layers import Dense
from eventsim.models.relu_network import ReluNetwork
from eventsim.models.weight_scaling import ScaledLayers, scaled_layers
from eventsim.network import Network, Population, Source

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Ideal:
    """What one source or population ought to carry.

    Attributes
    ----------
    values : (n_samples, size), extended precision, >= 0; for a read-out the potentials.
    weight_error, bias_error : distance of the effective weights (size, n_inputs) and biases (size,) from the ReLU
        network's, as far as rounding explains it, or None. wrong : (size,), neurons where it explains less than all.
    """

    values: Array
    weight_error: Array | None = None
    bias_error: Array | None = None
    wrong: Array | None = None


def coded_values(source: Source, given: Array | None, times: Array) -> Array:
    """The values of a source in units of time, from 0 to the length of its window; extended precision.

    From what the user gave, which may lie outside, or else from the spike times.
    """
    t_min, t_max = (extended(t) for t in source.window)
    if given is not None:
        low, high = (extended(value) for value in source.value_range)
        values: Array = (as_numbers(given, EXTENDED) - low) / (high - low) * (t_max - t_min)
        return values
    coded: Array = t_max - np.minimum(times.astype(EXTENDED), t_max)
    return coded


def own_values(neurons: Neurons, weights: Array, inputs: Array) -> Ideal:
    """What the closed form gives for ideal values of the inputs, the network's own parameters taken as right."""
    if not neurons.spiking:
        return Ideal(complete_potential(neurons, weights, inputs))
    return Ideal(np.maximum(neurons.t_max - complete_sum(neurons, weights, inputs), 0))


def relu_values(net: Network, relu: ReluNetwork, neurons: Mapping[str, Neurons], coded: Array) -> dict[str, Ideal]:
    """What `relu` gives for inputs that are coded as the times before the end of the source's window, by population.

    Raises
    ------
    InputError
        A network that is no chain of dense projections, or one of other sizes than `relu`.
    """
    chain = _chain(net, relu)
    source = net.sources[0]
    low, high = source.value_range
    length = extended(source.window[1]) - extended(source.window[0])
    x = extended(low) + coded / length * (extended(high) - extended(low))
    scaling = bool((net.provenance.get("mapping") or {}).get("scaling"))
    layers = [layer for layer in relu.layers if isinstance(layer, Dense)]
    scaled = scaled_layers(layers, EXTENDED, (low, high), scaling)
    activations = [held for _, held in relu.activations(x, EXTENDED)]
    activations.append(relu.forward(x, EXTENDED))
    ideals = {}
    for n, population in enumerate(chain):
        weight, bias = _effective(net, population, neurons[population.name])
        span = length if n == 0 else 1
        weight_error = np.abs(weight * span - scaled.weights[n])
        bias_error = np.abs(bias - scaled.biases[n])
        allowed = _allowed(net, population, neurons[population.name], layers, scaled, n)
        ideals[population.name] = Ideal(
            values=activations[n] * scaled.factors[n],
            weight_error=(np.minimum(weight_error, allowed[0]) / span).astype(np.float64),
            bias_error=np.minimum(bias_error, allowed[1]).astype(np.float64),
            wrong=(weight_error > allowed[0]).any(axis=1) | (bias_error > allowed[1]),
        )
    return ideals


def _chain(net: Network, relu: ReluNetwork) -> list[Population]:
    """The populations in order, where the network has the structure of `relu`."""
    bad = [layer.name for layer in relu.layers if not isinstance(layer, Dense)]
    hidden = [layer.relu for layer in relu.layers[:-1]]
    if bad or not all(hidden) or relu.layers[-1].relu:
        raise InputError(
            "verify: relu must be dense layers with a ReLU behind each but the last, as to_ttfs maps them; it is "
            f"{relu!r}"
        )
    wanted = [relu.n_in, *(len(layer.bias) for layer in relu.layers if isinstance(layer, Dense))]
    nodes = net.nodes
    chained = len(net.projections) == len(nodes) - 1 and all(
        projection.pre is before and projection.post is after and projection.kind.kind == "dense"
        for projection, before, after in zip(net.projections, nodes, nodes[1:], strict=False)
    )
    sizes = [node.size for node in nodes]
    populations = [node for node in nodes if isinstance(node, Population)]
    spiking = [population.model.spiking for population in populations]
    if not chained or sizes != wanted or spiking != [True] * (len(spiking) - 1) + [False]:
        raise InputError(
            f"verify: relu has layers of {', '.join(map(str, wanted))} neurons, the network nodes "
            f"{', '.join(f'{node.name} {node.size}' for node in nodes)}; must be one source, a population for each "
            "hidden layer and a read-out, in a chain of dense projections; give the relu that net was made from"
        )
    return populations


def _effective(net: Network, population: Population, neurons: Neurons) -> tuple[Array, Array]:
    """The ReLU weights and biases that a population's parameters stand for.

    Inverts threshold = slope_start (t_min - t_start) + slope (t_max - t_min - b) and J = slope W.
    """
    (projection,) = (projection for projection in net.projections if projection.post is population)
    weights = as_numbers(projection.kind.arrays()["weights"], EXTENDED)
    received = neurons.slope_start * (neurons.t_min - neurons.t_start)
    if not neurons.spiking:
        return weights, received
    bias: Array = neurons.length - (neurons.threshold - received) / neurons.slope_fire
    return weights / neurons.slope_fire[:, None], bias


def _allowed(
    net: Network, population: Population, neurons: Neurons, layers: list[Dense], scaled: ScaledLayers, n: int
) -> tuple[Array, Array]:
    """How far rounding may take effective weights and biases from `scaled`: counts of roundings times their size.

    B1 weights for inputs in [0, 1] are copied: nothing is allowed. Sums of weights enter where they decide a factor,
    the row's own (S, J) and, through the columns, those of the layer before.
    """
    unit = float(np.finfo(EXTENDED).eps) if net.exact else UNIT
    weights, biases = (array[n].astype(np.float64) for array in (scaled.weights, scaled.biases))
    sums = np.abs(weights).sum(axis=1)
    relative = np.zeros(weights.shape)
    folded = n == 0 and tuple(net.sources[0].value_range) != (0, 1)
    if folded:
        relative += 3 * unit
    if population.model.name == "ttfs_alpha1":
        relative += (6 + 2 * sums[:, None]) * unit
    if (net.provenance.get("mapping") or {}).get("scaling"):
        before = np.abs(scaled.weights[n - 1].astype(np.float64)).sum(axis=1) if n else np.zeros(1)
        relative += (8 + 4 * sums[:, None] + 4 * before) * unit
    total = np.abs(biases) * (4 + relative.max(axis=1) / unit)
    if folded:
        low = abs(float(net.sources[0].value_range[0]))
        factors = scaled.factors[0].astype(np.float64)
        total += 4 * low * factors * np.abs(layers[0].weight.astype(np.float64)).sum(axis=1)
    if neurons.spiking:
        terms = np.abs(neurons.threshold) + neurons.slope_start * (neurons.t_min - neurons.t_start)
        total += (terms / neurons.slope_fire + neurons.length).astype(np.float64)
    extra = 4 * float(np.finfo(EXTENDED).eps) * (np.abs(weights) + 1)
    return relative * np.abs(weights) + (extra if relative.any() else 0), total * unit + extra.max(axis=1)
