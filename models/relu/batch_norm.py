"""Batch normalisation in its evaluation form, as a layer of a ReLU network.

Relies on `eventsim.models.relu.relu_layers`. Used by `eventsim.models.relu.relu_network` and the readers; `fused` folds
it into the layers around it.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.checks import number
from eventsim.errors import NetworkError
from eventsim.models.relu.real_numbers import EXACT, as_fraction, as_numbers
from eventsim.models.relu.relu_layers import Layer, checked_relu, parameter


@dataclass(frozen=True, eq=False, repr=False)
class BatchNorm(Layer):
    """``gamma (x - mean) / root + beta`` in each channel, with root = sqrt(variance + epsilon).

    The root is rounded to float64 in every number type (unless variances are Fractions with a rational root), so that
    the layer is one and the same function on floats and on Fractions.

    Parameters
    ----------
    name
        Name of the layer; "" leaves it to the network.
    gamma, variance
        Shape (c,), for inputs of shape (c,) or (c, *positions). Numbers as in `Dense`.
    beta, mean
        Shape (c,), or that of the inputs where each position has its own, such as a mean image.
    epsilon
        What is added to the variance, >= 0.
    relu
        Whether negative outputs are cut to 0.

    Raises
    ------
    NetworkError
        NaN or infinite values, shapes that differ, variance + epsilon <= 0.
    """

    kind: ClassVar[str] = "batch_norm"
    makes_population: ClassVar[bool] = False

    name: str
    gamma: NDArray[Any]
    beta: NDArray[Any]
    mean: NDArray[Any]
    variance: NDArray[Any]
    epsilon: float = 1e-5
    relu: bool = False

    def __post_init__(self) -> None:
        place = f"layer {self.name!r}"
        checked_relu(place, self.relu)
        for field in ("gamma", "beta", "mean", "variance"):
            by_value = field in ("beta", "mean")
            axes = "(channels,) or (channels, *positions)" if by_value else "(channels,)"
            values = parameter(f"{place}: {field}", getattr(self, field), axes, (1, 2, 3) if by_value else (1,))
            object.__setattr__(self, field, values)
            if len(values) != len(self.gamma):
                raise NetworkError(
                    f"{place}: {field} of shape {values.shape} for a gamma of shape {self.gamma.shape}; must be equal"
                )
        epsilon = float(number(place, "epsilon", self.epsilon, NetworkError, low=0))
        object.__setattr__(self, "epsilon", epsilon)
        exact = self.variance.dtype == EXACT
        for c, value in enumerate(self.variance):
            if value < 0 or not value + (Fraction(epsilon) if exact else epsilon) > 0:
                raise NetworkError(
                    f"{place}: variance[{c}] = {value} with epsilon = {epsilon}; the sum must be > 0 and the variance "
                    ">= 0; replace it"
                )

    def __repr__(self) -> str:
        return f"BatchNorm({self.name!r}, {len(self.gamma)} channels{', relu' if self.relu else ''})"

    @property
    def by_value(self) -> bool:
        """Does each position have a beta or a mean of its own?"""
        return max(self.beta.ndim, self.mean.ndim) > 1

    @property
    def root(self) -> NDArray[Any]:
        """The square root of variance + epsilon, shape (c,): float64, or Fractions where the variances are."""
        if self.variance.dtype != EXACT:
            return np.sqrt(self.variance + self.epsilon)
        return np.array([_root(value + Fraction(self.epsilon)) for value in self.variance], EXACT)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the input, (c,) or (c, *positions)."""
        if input_shape[0] != len(self.gamma):
            raise NetworkError(
                f"layer {self.name!r}: {len(self.gamma)} channels are normalised, but what precedes it has shape "
                f"{input_shape}; layers must chain, as (channels, *positions)"
            )
        for field in ("beta", "mean"):
            own = getattr(self, field).shape
            if len(own) > 1 and own != input_shape:
                raise NetworkError(
                    f"layer {self.name!r}: {field} of shape {own}, but what precedes it has shape {input_shape}; must "
                    "be equal, or one number a channel"
                )
        return input_shape

    def scale(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return kappa = gamma / root, shape (c,), in the number type `dtype`."""
        kappa: NDArray[Any] = as_numbers(self.gamma, dtype) / as_numbers(self.root, dtype)
        return kappa

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the normalised inputs, shape (n, *input)."""
        kappa, mean, beta = (
            values if values.ndim > 1 else values.reshape(-1, *[1] * (x.ndim - 2))
            for values in (self.scale(x.dtype), as_numbers(self.mean, x.dtype), as_numbers(self.beta, x.dtype))
        )
        normalised: NDArray[Any] = kappa * (x - mean) + beta
        return normalised


def _root(value: Fraction) -> Fraction:
    """The square root: exact where it is rational, else that of float64."""
    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    return root if root * root == value else as_fraction(math.sqrt(value))
