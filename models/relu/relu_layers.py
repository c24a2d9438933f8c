"""The layers of a trained ReLU network: what a kind of layer must offer, and the fully connected one.

Relies on `eventsim.models.relu.real_numbers`. Used by the other kinds of layers and by
`eventsim.models.relu.relu_network`, where networks are made of them; `eventsim.models.relu.layer_kinds` lists them.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import NetworkError
from eventsim.models.relu.real_numbers import EXACT, as_numbers, real_array


class Layer(ABC):
    """What a layer of a `ReluNetwork` offers. A kind of layer is a frozen dataclass that derives from this.

    A file holds its fields: arrays as arrays, the others as JSON. Shapes are without the sample axis.

    Attributes
    ----------
    kind
        What files call it.
    stem
        What its usual name begins with, "" for the kind.
    makes_population
        Whether its outputs are those of neurons, or only numbers on their way to the next layer.
    """

    kind: ClassVar[str]
    stem: ClassVar[str] = ""
    makes_population: ClassVar[bool] = True
    name: str
    relu: bool

    @property
    def n_parameters(self) -> int:
        """How many numbers the layer's arrays hold."""
        return sum(value.size for value in vars(self).values() if isinstance(value, np.ndarray))

    def named(self, name: str) -> Self:
        """Return the same layer under another name."""
        return type(self)(**{**vars(self), "name": name})

    @abstractmethod
    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the output; NetworkError where the layer cannot follow `input_shape`."""

    @abstractmethod
    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the output before the ReLU, (n, *input) to (n, *output), in the number type of `x`."""


@dataclass(frozen=True, eq=False, repr=False)
class Dense(Layer):
    """A fully connected layer, ``W x + b``, with a ReLU behind it or not.

    Parameters
    ----------
    name
        Name of the population that the layer becomes; "" leaves it to the network.
    weight
        Shape (n_out, n_in). Numbers of up to 64 bits become float64; an object array becomes `Fraction` exactly.
    bias
        Shape (n_out,), as `weight`.
    relu
        Whether negative outputs are cut to 0.

    Raises
    ------
    NetworkError
        NaN or infinite values, empty or mismatching shapes, values that are not real numbers.
    """

    kind: ClassVar[str] = "dense"

    name: str
    weight: NDArray[Any]
    bias: NDArray[Any]
    relu: bool

    def __post_init__(self) -> None:
        place = f"layer {self.name!r}"
        checked_relu(place, self.relu)
        weight = parameter(f"{place}: weight", self.weight, "(n_out, n_in)")
        bias = parameter(f"{place}: bias", self.bias, "(n_out,)")
        if bias.shape != weight.shape[:1]:
            hint = "; transpose the weight, which is (n_in, n_out)" if bias.shape == weight.shape[1:] else ""
            raise NetworkError(
                f"{place}: bias of shape {bias.shape} for a weight of shape {weight.shape}; "
                f"must be (n_out,) and (n_out, n_in){hint}"
            )
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    def __repr__(self) -> str:
        n_out, n_in = self.weight.shape
        return f"Dense({self.name!r}, {n_in} to {n_out}{', relu' if self.relu else ''})"

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (n_out,). Inputs of any shape with n_in values are taken in C order."""
        n_out, n_in = self.weight.shape
        n_given = math.prod(input_shape)
        if n_given != n_in:
            hint = "; transpose it if it is (n_in, n_out)" if n_given == n_out else ""
            raise NetworkError(
                f"layer {self.name!r}: weight of shape {self.weight.shape} needs {n_in} inputs, but what precedes "
                f"it has shape {input_shape}, {n_given} values; layers must chain{hint}"
            )
        return (n_out,)

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return ``W x + b`` for each sample, shape (n, n_out)."""
        flat = x.reshape(len(x), self.weight.shape[1])
        output: NDArray[Any] = flat @ as_numbers(self.weight, x.dtype).T + as_numbers(self.bias, x.dtype)
        return output


def checked_relu(place: str, relu: Any) -> None:
    """Raise NetworkError with `place` where `relu` is no bool."""
    if not isinstance(relu, bool):
        raise NetworkError(f"{place}: relu = {relu!r}; must be True or False")


def parameter(place: str, values: ArrayLike, axes: str, n_axes: tuple[int, ...] = ()) -> NDArray[Any]:
    """Return a read-only copy in float64 or Fractions, with as many axes as `axes` names, "(n_out, n_in)", not empty.

    `n_axes` are the numbers of axes where `axes` does not say them. Raises NetworkError with `place` otherwise.
    """
    array = real_array(place, values, NetworkError)
    if array.ndim not in (n_axes or (axes.count("n_"),)):
        raise NetworkError(f"{place} has shape {array.shape}; must be {axes}")
    if array.size == 0:
        raise NetworkError(f"{place} has shape {array.shape}; must not be empty; remove the layer or give it neurons")
    if array.dtype.itemsize > np.dtype(np.float64).itemsize:
        raise NetworkError(f"{place} has dtype {array.dtype}, which float64 would round; give float64 or Fractions")
    array = np.array(array, dtype=EXACT if array.dtype == EXACT else np.float64, order="C")
    array.flags.writeable = False
    return array
