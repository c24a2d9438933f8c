"""The dense layers of a ReLU network, rewritten so that spike times can carry them: same function, other weights.

Preparation of Stanojevic et al. 2023, section "exact mapping", in its order: inputs of a range [low, high] are taken
to [0, 1]; for alpha1, the rows of each hidden layer are scaled so that their sums S_i lie in [-10, 0.99], and the
next layer's columns make up for it (a ReLU is positively homogeneous).

Works on float64, extended precision and `Fraction` alike: the mapping uses the first or the last, the checks hold it
against the second. Relies on `eventsim.models.relu_layers`. Used by `to_ttfs` and `verify`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.models.real_numbers import EXACT, as_numbers
from eventsim.models.relu_layers import Dense

Array = np.ndarray[Any, Any]

# S_i above 1 has no alpha1 neuron, S_i near 1 has huge weights; S_i far below 0 gives a shallow slope, which magnifies
# noise (Stanojevic et al. 2023).
LOWEST_SUM, HIGHEST_SUM = -10, Fraction(99, 100)


@dataclass(frozen=True, eq=False)
class ScaledLayers:
    """Dense layers and what they were scaled by.

    Attributes
    ----------
    weights : one array (n_out, n_in) a layer. biases : one array (n_out,) a layer.
    factors : one array (n_out,) a layer; the outputs of a neuron are those of the ReLU network times its factor.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    factors: tuple[Array, ...]


def scaled_layers(layers: Sequence[Dense], dtype: Any, value_range: tuple[Any, Any], scaling: bool) -> ScaledLayers:
    """Return `layers` for inputs in [0, 1] and, where `scaling`, with row sums in [-10, 0.99] but for the last.

    Parameters
    ----------
    layers : dense layers in order, a ReLU behind each but the last.
    dtype : numbers to compute with: float64, longdouble, or object for Fractions.
    value_range : (low, high) of the inputs that the layers were trained for.
    """
    number = np.dtype(dtype)
    weights = [as_numbers(layer.weight, number) for layer in layers]
    biases = [as_numbers(layer.bias, number) for layer in layers]
    if tuple(value_range) != (0, 1):
        low, high = (_number(Fraction(value), number) for value in value_range)
        biases[0] = biases[0] + low * row_sums(weights[0])
        weights[0] = weights[0] * (high - low)
    factors = [np.full(len(bias), _one(number), dtype=number) for bias in biases]
    if scaling:
        for n in range(len(weights) - 1):
            factors[n] = _factors(row_sums(weights[n]))
            weights[n] = weights[n] * factors[n][:, None]
            biases[n] = biases[n] * factors[n]
            weights[n + 1] = weights[n + 1] / factors[n]
    return ScaledLayers(tuple(weights), tuple(biases), tuple(factors))


def row_sums(weights: Array) -> Array:
    """Return S_i, the sum of each row: correctly rounded in float64, exact in Fractions."""
    if weights.dtype == np.float64:
        return np.array([math.fsum(row) for row in weights])
    total: Array = weights.sum(axis=1)
    return total


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
    return Fraction(1) if number == EXACT else 1.0
