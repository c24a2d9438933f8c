"""Where training begins: weights of a ReLU network drawn by the usual rules, carried over to spiking neurons.

A spiking network begins where its ReLU network would: weights w are drawn for ReLUs, and become those spiking weights
that do the same (`Parameterisation.from_relu`), W = B w for a constant slope, J = alpha w / (1 - sum w) for alpha
neurons ("smart"). Drawn as if they were ReLU weights ("naive"), alpha neurons compute with w = J / (alpha + sum J), of
other statistics from unit to unit. Relies on the trainable network and on counter-based draws.
"""

import math

import numpy as np

from eventsim.checks import choice, integer
from eventsim.errors import MappingError
from eventsim.models.train.layers import ReadOut
from eventsim.models.train.network import Array, TrainableNetwork

RULES = ("he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "torch")
STARTS = ("smart", "naive")
LARGEST_SUM = 0.99  # of the weights of one alpha neuron, as in the published mapping


def initialise(network: TrainableNetwork, seed: int = 0, rule: str = "he_normal", start: str = "smart") -> None:
    """Draw the weights of a network; biases become 0, gammas 1.

    Parameters
    ----------
    network
        Changed in place.
    seed
        From 0 to 2**64 - 1. A layer's draws depend on the seed, its place and its shape alone, so that networks of one
        architecture begin with the same ReLU weights whatever their neurons are.
    rule
        Of the ReLU weights: "he_normal", N(0, 2 / n_in); "he_uniform", U(-a, a) with a² = 6 / n_in; "glorot_normal" and
        "glorot_uniform", with (n_in + n_out) / 2 in place of n_in and half the variance; "torch", U(-a, a) with
        a² = 1 / n_in, PyTorch's default.
    start
        "smart": spiking weights that do what these ReLU weights do. "naive": the same numbers taken as spiking weights.

    Raises
    ------
    InputError
        An unknown rule or start, a seed out of range.

    Notes
    -----
    Where the ReLU weights of an alpha neuron sum to more than 0.99, the sum is brought there by the same amount off
    each weight, since no such neuron has a sum of 1 or more.
    """
    choice("initialise", "rule", rule, RULES)
    choice("initialise", "start", start, STARTS)
    integer("initialise", "seed", seed, low=0, high=2**64 - 1)
    for place, layer in enumerate(network.layers):
        shapes = layer.parameter_shapes()
        if "weight" not in shapes:
            continue
        weight = _drawn(shapes["weight"], seed, place, rule).astype(network.dtype)
        bias = np.zeros(shapes["bias"], network.dtype)
        if start == "smart" and not isinstance(layer, ReadOut):
            try:
                weight, bias = network.code.from_relu(weight, bias)
            except MappingError:
                weight, bias = network.code.from_relu(_lowered(weight), bias)
        network.parameters[f"{layer.name}.weight"][...] = weight
        network.parameters[f"{layer.name}.bias"][...] = bias
        if "gamma" in shapes:
            network.parameters[f"{layer.name}.gamma"][...] = 1


def _drawn(shape: tuple[int, ...], seed: int, place: int, rule: str) -> Array:
    """The ReLU weights of one layer in float64."""
    taps = math.prod(shape[2:])
    n_in, n_out = shape[1] * taps, shape[0] * taps
    variance = {"he": 2 / n_in, "glorot": 2 / (n_in + n_out), "torch": 1 / (3 * n_in)}[rule.partition("_")[0]]
    draws = np.random.Generator(np.random.Philox(key=[seed, place]))
    if rule.endswith("normal"):
        return draws.standard_normal(shape) * math.sqrt(variance)
    return draws.uniform(-1, 1, shape) * math.sqrt(3 * variance)


def _lowered(weight: Array) -> Array:
    """Weights whose sum over each unit is `LARGEST_SUM` at most."""
    sums = weight.reshape(len(weight), -1).sum(axis=1)
    excess = np.maximum(sums - LARGEST_SUM, 0) / (weight.size // len(weight))
    return weight - excess.reshape(-1, *[1] * (weight.ndim - 1)).astype(weight.dtype)
