"""The layers of a ReLU network that have several inputs: residual sums and concatenations.

Relies on `eventsim.models.relu.relu_layers`. Used by `eventsim.models.relu.relu_network` and the readers; `fuse` makes
several projections to one population of them.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import NetworkError
from eventsim.models.relu.relu_layers import Layer, checked_relu

Shape = tuple[int, ...]


class Join(Layer):
    """What layers of several inputs share; `inputs` of the network says which these are."""

    def __post_init__(self) -> None:
        checked_relu(f"layer {self.name!r}", self.relu)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}{', relu' if self.relu else ''})"

    @abstractmethod
    def joined_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the output; NetworkError where the inputs do not fit together."""

    @abstractmethod
    def join(self, values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return the output before the ReLU, of inputs (n, *shape) each."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for one input."""
        return self.joined_shape([input_shape])

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the output for one input."""
        return self.join([x])


@dataclass(frozen=True, eq=False, repr=False)
class Add(Join):
    """The sum of values of equal shapes, as at the end of a residual block, with a ReLU behind it or not.

    Parameters
    ----------
    name
        Name of the population that the sum becomes; "" leaves it to the network.
    relu
        Whether negative sums are cut to 0.

    Raises
    ------
    NetworkError
        A ReLU that is no bool; inputs of different shapes.
    """

    kind: ClassVar[str] = "add"

    name: str = ""
    relu: bool = False

    def joined_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape that all inputs have."""
        if any(shape != shapes[0] for shape in shapes):
            raise NetworkError(
                f"layer {self.name!r}: adds values of shapes {', '.join(map(str, shapes))}; must be equal; put a "
                "convolution or dense layer before those that differ"
            )
        return shapes[0]

    def join(self, values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return the sum, from the first input on."""
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total


@dataclass(frozen=True, eq=False, repr=False)
class Concat(Join):
    """The channels of several values, one input behind the other; of values in one axis, all of them.

    Parameters
    ----------
    name
        Name of the layer; "" leaves it to the network.
    relu
        Whether negative values are cut to 0.

    Raises
    ------
    NetworkError
        A ReLU that is no bool; inputs whose positions differ.
    """

    kind: ClassVar[str] = "concat"
    makes_population: ClassVar[bool] = False

    name: str = ""
    relu: bool = False

    def joined_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return (channels of all inputs, *positions)."""
        if any(shape[1:] != shapes[0][1:] for shape in shapes):
            raise NetworkError(
                f"layer {self.name!r}: joins values of shapes {', '.join(map(str, shapes))}; all but the first axis "
                "must be equal; crop or pool those that differ"
            )
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])

    def join(self, values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return the inputs, one behind the other."""
        return np.concatenate(values, axis=1)
