"""Layers of a ReLU network that cut values in another way than a ReLU: leaky ReLUs, and clips.

Relies on `eventsim.models.relu.relu_layers`. Used by `eventsim.models.relu.relu_network` and the readers; spikes carry
its values as two streams, those above and those below 0 (`eventsim.models.relu.streams`).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.checks import number
from eventsim.errors import NetworkError
from eventsim.models.relu.real_numbers import as_numbers
from eventsim.models.relu.relu_layers import Layer, checked_relu, parameter


@dataclass(frozen=True, eq=False, repr=False)
class LeakyReLU(Layer):
    """``x`` where it is positive, ``slope x`` where it is negative, which is ``relu(x) - slope relu(-x)``.

    Parameters
    ----------
    name
        Name of the layer; "" leaves it to the network.
    slope
        Shape (c,), one number a channel as a PReLU has them, of any sign: -1 is the absolute value. Numbers as in
        `Dense`.
    relu
        Whether negative outputs are cut to 0.

    Raises
    ------
    NetworkError
        NaN or infinite slopes, another shape.
    """

    kind: ClassVar[str] = "leaky_relu"
    stem: ClassVar[str] = "leaky"

    name: str
    slope: NDArray[Any]
    relu: bool = False

    def __post_init__(self) -> None:
        place = f"layer {self.name!r}"
        checked_relu(place, self.relu)
        object.__setattr__(self, "slope", parameter(f"{place}: slope", self.slope, "(channels,)", (1,)))

    def __repr__(self) -> str:
        return f"LeakyReLU({self.name!r}, {len(self.slope)} channels{', relu' if self.relu else ''})"

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the input, (c,) or (c, *positions)."""
        if input_shape[0] != len(self.slope):
            raise NetworkError(
                f"layer {self.name!r}: {len(self.slope)} slopes, but what precedes it has shape {input_shape}; must be "
                "one for each channel, (channels, *positions)"
            )
        return input_shape

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the values, shape (n, *input)."""
        slope = as_numbers(self.slope, x.dtype).reshape(-1, *[1] * (x.ndim - 2))
        return np.where(x < 0, slope * x, x)


@dataclass(frozen=True, eq=False, repr=False)
class Clip(Layer):
    """Values cut at one end or both, as by ReLU6: ``min(max(x, low), high)``.

    Spikes carry it as ``low + relu(x - low) - relu(x - high)``.

    Parameters
    ----------
    name
        Name of the layer; "" leaves it to the network.
    low, high
        Numbers with low < high; None for no bound.
    relu
        Whether negative outputs are cut to 0.

    Raises
    ------
    NetworkError
        Bounds that are no finite numbers, or in another order.
    """

    kind: ClassVar[str] = "clip"

    name: str
    low: float | None = None
    high: float | None = None
    relu: bool = False

    def __post_init__(self) -> None:
        place = f"layer {self.name!r}"
        checked_relu(place, self.relu)
        for field in ("low", "high"):
            bound = getattr(self, field)
            if bound is not None:
                object.__setattr__(self, field, float(number(place, field, bound, NetworkError)))
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise NetworkError(f"{place}: low = {self.low}, high = {self.high}; must be low < high")

    def __repr__(self) -> str:
        return f"Clip({self.name!r}, {self.low} to {self.high}{', relu' if self.relu else ''})"

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the input."""
        return input_shape

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the values, shape (n, *input)."""
        for cut, bound in ((np.maximum, self.low), (np.minimum, self.high)):
            if bound is not None:
                x = cut(x, as_numbers(np.array([bound]), x.dtype))
        return x
