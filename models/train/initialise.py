"""Where training begins: weights of a ReLU network drawn by the usual rules, carried over to spiking neurons.

A spiking network begins where its ReLU network would: weights w are drawn for ReLUs, and become those spiking weights
that do the same (`Parameterisation.from_relu`), W = B w for a constant slope, J = alpha w / (1 - sum w) for alpha
neurons ("smart"). Drawn as if they were ReLU weights ("naive"), alpha neurons compute with w = J / (alpha + sum J), of
other statistics from unit to unit. Relies on the trainable network and on counter-based draws.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eventsim.checks import choice, integer
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.layers import ReadOut
from eventsim.models.train.linear_maps import per_row, row_sums
from eventsim.models.train.network import Array, TrainableNetwork

RULES = ("he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "torch")
STARTS = ("smart", "naive")
LARGEST_SUM = 0.99  # of the weights of one alpha neuron, as in the published mapping


def initialise(
    network: TrainableNetwork, seed: int = 0, rule: str = "he_normal", start: str = "smart", slope: Any = None
) -> dict[str, int]:
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
    slope
        Another parameterisation for all neurons of the network from now on, such as "alpha1"; None keeps the one that
        it has.

    Returns
    -------
    dict
        How many units of each layer of neurons had their sum of weights lowered, by its name: 0 but for "smart" alpha
        neurons.

    Raises
    ------
    InputError
        An unknown rule or start, a seed out of range.
    NetworkError
        A slope that is none, or that a layer does not take.

    Notes
    -----
    Where the ReLU weights of an alpha neuron sum to more than 0.99, the sum is brought there by the same amount off
    each weight, since no such neuron has a sum of 1 or more: Phi(-0.99 / sqrt(v)) of the units of a wide layer, v being
    `row_variance`, 24 % for "he_normal". Their slope is then 100 alpha, as in the published mapping. Each weight
    changes by about 1 / n_in, which is little beside its 1 / sqrt(n_in); what a layer sends becomes less, since the
    mean over units of the sums is below 0.
    """
    choice("initialise", "rule", rule, RULES)
    choice("initialise", "start", start, STARTS)
    integer("initialise", "seed", seed, low=0, high=2**64 - 1)
    if slope is not None:
        network.take_slope(slope)
    n_lowered = {}
    for place, layer in enumerate(network.layers):
        shapes = layer.parameter_shapes()
        if "weight" not in shapes:
            continue
        weight = _drawn(shapes["weight"], seed, place, rule).astype(network.dtype)
        bias = np.zeros(shapes["bias"], network.dtype)
        if not isinstance(layer, ReadOut):
            n_lowered[layer.name] = 0
            if start == "smart":
                if isinstance(network.code, AlphaSlope):
                    weight, n_lowered[layer.name] = _lowered(weight)
                weight, bias = network.code.from_relu(weight, bias)
        network.parameters[f"{layer.name}.weight"][...] = weight
        network.parameters[f"{layer.name}.bias"][...] = bias
        if "gamma" in shapes:
            network.parameters[f"{layer.name}.gamma"][...] = 1
    return n_lowered


def row_variance(rule: str, shape: Sequence[int]) -> float:
    """Return n_in times the variance of one weight: 2 for "he_normal" and "he_uniform", 1 / 3 for "torch".

    Parameters
    ----------
    rule
        As for `initialise`.
    shape
        Of the weights, (n_out, n_in) or (c_out, c_in / groups, *kernel).

    Raises
    ------
    InputError
        An unknown rule.
    """
    choice("row_variance", "rule", rule, RULES)
    n_out, n_in = shape[:2]  # the taps of a kernel cancel
    return {"he": 2.0, "glorot": 2 * n_in / (n_in + n_out), "torch": 1 / 3}[rule.partition("_")[0]]


def _drawn(shape: tuple[int, ...], seed: int, place: int, rule: str) -> Array:
    """The ReLU weights of one layer in float64."""
    variance = row_variance(rule, shape) / math.prod(shape[1:])
    draws = np.random.Generator(np.random.Philox(key=[seed, place]))
    if rule.endswith("normal"):
        return draws.standard_normal(shape) * math.sqrt(variance)
    return draws.uniform(-1, 1, shape) * math.sqrt(3 * variance)


def _lowered(weight: Array) -> tuple[Array, int]:
    """Weights whose sum over each unit is `LARGEST_SUM` at most, and how many units that changed."""
    sums = row_sums(weight)
    excess = np.maximum(sums - LARGEST_SUM, 0)
    lowered = weight - per_row(excess, weight) / (weight.size // len(weight))
    return lowered.astype(weight.dtype), int(np.count_nonzero(excess))
