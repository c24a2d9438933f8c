"""How far gradient descent on spiking weights moves the ReLU weights that they stand for.

A step on the parameters p of a neuron moves its ReLU weights w, and its bias, by A Aᵀ times what a step on w itself
would: A = dw / dp. For a constant slope B, A is the identity by B. For alpha neurons, with S = alpha + sum_j J_ij and
w = J / S,

    dw_j / dJ_k = (1 if j = k, else 0) / S - J_j / S²,    A Aᵀ = (I - w 1ᵀ) (I - 1 wᵀ) / S²,

whose eigenvalues are 1 / S², n - 1 times with the bias, and by S² the roots of z² - T z + (1 - s)² = 0, on the plane of
w and 1, with s = sum w and T = 2 - 2 s + n (|w|² + b²); the bias b counts as one more weight that is no part of the sum
(derived here; `tests/test_train_start.py` holds it). Relies on the parameterisations. Used by the theory page.
"""

from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.constant_slope import ConstantSlope
from eventsim.models.train.linear_maps import row_sums
from eventsim.models.train.parameterisation import Parameterisation
from eventsim.models.train.relu_twin import ReluTwin

Array = np.ndarray[Any, Any]


def step_factors(code: Parameterisation, weight: Array, bias: Array) -> tuple[Array, Array]:
    """Return the least and the largest factor, over directions, on a step of the ReLU weights of each unit, (n_units,).

    Parameters
    ----------
    code
        The parameterisation.
    weight, bias
        Those of the spiking neurons, (n_units, …) and (n_units,).

    Raises
    ------
    InputError
        Another parameterisation than those of this package.

    Notes
    -----
    Both are 1 for B1 and for the ReLU network: one path of training. Where they differ, no learning rate makes one path
    of the two, and one that is safe for the ReLU network must be divided by the largest to be as safe here. Neurons
    that do not climb stay as they are: 0.
    """
    if isinstance(code, ReluTwin):
        return np.ones(len(weight)), np.ones(len(weight))
    if isinstance(code, ConstantSlope):
        factor = np.full(len(weight), float(code.slope) ** -2)
        return factor, factor.copy()
    if not isinstance(code, AlphaSlope):
        raise InputError(
            f"step_factors: parameterisation {code.name!r}; must be a constant slope, alpha neurons, or 'relu'; derive "
            "its own, dw / dp times its transpose"
        )
    inverse = code.inverse_slopes(weight)
    w, b = code.to_relu(weight, bias)
    n_in, s = weight.size // len(weight), row_sums(w)
    half = 1 - s + n_in * (row_sums(w * w) + b * b) / 2
    # The product of the roots is (1 - s)², so the smaller one comes without cancellation.
    larger = half + np.sqrt(np.maximum(half * half - (1 - s) ** 2, 0))
    smaller = (1 - s) ** 2 / larger
    others = 1.0 if n_in > 1 else larger
    return np.minimum(smaller, others) * inverse**2, np.maximum(larger, others) * inverse**2
