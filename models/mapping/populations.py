"""The parameters of populations that compute coded layers: weights, thresholds, slopes and drifts, each rounded once.

B1 (Stanojevic et al. 2024, eqs. 2.1-2.3) keeps the weights and rises with slope 1 from t_min on; alpha1 (Stanojevic et
al. 2023, eqs. 1-4) has the weights J = W / (1 - S). Relies on the coded layers. Used by `to_ttfs` and for safe windows.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.models.relu.coded_layers import HIGHEST_SUM, CodedLayer
from eventsim.models.relu.real_numbers import EXACT, as_fraction, as_numbers

Array = np.ndarray[Any, Any]

SLOPES = {"b1": "ttfs_b1", "alpha1": "ttfs_alpha1"}
ALPHA = 1


def neurons(
    layer: CodedLayer, slope: str, window: tuple[Any, ...], number: type
) -> tuple[list[Array], dict[str, Array]]:
    """The synaptic weights, a matrix a source, and the parameters of a population that computes `layer`."""
    shape = (layer.shape[0], *[1] * (len(layer.shape) - 1))
    alpha: Any = None
    if layer.divisor is not None:  # plain sums that a steeper slope divides
        weights = [rounded(term.weight, number) for term in layer.terms]
        steepness = rounded(layer.divisor, number)[None]
        if slope == "alpha1":
            alpha = _exactly(lambda d: d * (1 / HIGHEST_SUM - 1), number, steepness)
            steepness = alpha + steepness
    elif slope == "alpha1":
        weights = _alpha1_weights(layer, number)
        alpha = np.full(shape, number(ALPHA))
        steepness = _slopes(weights).reshape(shape)
    else:
        weights = [rounded(term.weight, number) for term in layer.terms]
        steepness = np.full(shape, number(1))
    assert layer.bias is not None
    bias = layer.bias.reshape(*layer.bias.shape, *[1] * (len(layer.shape) - layer.bias.ndim))
    threshold = _thresholds(alpha, steepness, bias, window, number)
    parameters = {"slope": steepness, "threshold": threshold} | ({} if alpha is None else {"alpha": alpha})
    return weights, {name: layer.full(values) for name, values in parameters.items()}


def drifts(layer: CodedLayer, window: tuple[Any, ...], number: type) -> Array:
    """The slopes that make biases of a read-out by its end."""
    duration = as_fraction(window[1]) - as_fraction(window[0])
    return _exactly(lambda b: b / duration, number, layer.bias)


def _thresholds(alpha: Any, slopes: Array, bias: Array, window: tuple[Any, ...], number: type) -> Array:
    """The potential that a neuron has at t_max - b when it received nothing: alpha L + slope (t_max - t_min - b).

    For B1 this is B - b (Stanojevic et al. 2024, eq. 2.3), for alpha1 it equals eq. 4 of Stanojevic et al. 2023.
    """
    t_start, t_min, t_max = map(as_fraction, window)
    if alpha is None:
        return _exactly(lambda slope, b: slope * (t_max - t_min - b), number, slopes, bias)
    return _exactly(
        lambda a, slope, b: a * (t_min - t_start) + slope * (t_max - t_min - b), number, alpha, slopes, bias
    )


def _alpha1_weights(layer: CodedLayer, number: type) -> list[Array]:
    """J = alpha W / (1 - S) (Stanojevic et al. 2023, eq. 3)."""
    left = 1 - layer.sums()
    return [
        rounded(ALPHA * term.weight / left.reshape(-1, *[1] * (term.weight.ndim - 1)), number) for term in layer.terms
    ]


def _slopes(weights: Sequence[Array]) -> Array:
    """Alpha + sum J of each neuron, padding included: correctly rounded in float64."""
    rows = np.concatenate([weight.reshape(len(weight), -1) for weight in weights], axis=1)
    if rows.dtype == EXACT:
        exact: Array = ALPHA + rows.sum(axis=1)
        return exact
    return np.array([math.fsum([ALPHA, *row]) for row in rows])


def _exactly(formula: Callable[..., Fraction], number: type, *arrays: Any) -> Array:
    """The formula on each element of the arrays, broadcast, in exact arithmetic and rounded once."""
    together = np.broadcast_arrays(*arrays)
    rows = zip(*(array.ravel() for array in together), strict=True)
    return _array([formula(*map(as_fraction, row)) for row in rows], number).reshape(together[0].shape)


def rounded(values: Any, number: type) -> Array:
    """Return numbers of any type as those of a network: float64, or Fractions."""
    return as_numbers(values, EXACT if number is Fraction else np.dtype(np.float64))


def _array(values: Sequence[Fraction], number: type) -> Array:
    """Fractions as an array of `number`, each rounded to nearest."""
    return as_numbers(
        np.array([*values, None], dtype=EXACT)[:-1], EXACT if number is Fraction else np.dtype(np.float64)
    )
