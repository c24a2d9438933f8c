"""Quantizers: the values between layers as a quantised network has them, integers times a scale.

Relies on `real_numbers`. A `ReluNetwork` has one for some of its layers, as files of QDQ-quantised networks say; its
forward pass goes through them, and spikes by `eventsim.models.quantization_of`.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.checks import integer, number
from eventsim.errors import NetworkError
from eventsim.models.relu.real_numbers import EXACT

WIDEST: dict[str, Any] = {"low": -(2**31), "high": 2**31, "remedy": "It is an integer of 32 bits at most."}


@dataclass(frozen=True)
class Quantizer:
    """Values x as ``scale (q - zero_point)``, q = x / scale rounded, half to even, + zero_point, in its range.

    As ONNX's QuantizeLinear and DequantizeLinear compute it, of one scale for all values.

    Parameters
    ----------
    scale
        > 0; a float32 of a file is exact here.
    zero_point
        The integer that stands for 0.
    lowest, highest
        The range of the integers: what is beyond saturates.

    Raises
    ------
    NetworkError
        A scale that is not positive, integers that are none or leave no range.
    """

    scale: float
    zero_point: int
    lowest: int
    highest: int

    def __post_init__(self) -> None:
        scale = number("quantizer", "scale", self.scale, NetworkError, low=0, open_low=True)
        object.__setattr__(self, "scale", float(scale))
        for name in ("zero_point", "lowest", "highest"):
            object.__setattr__(self, name, integer("quantizer", name, getattr(self, name), NetworkError, **WIDEST))
        if not self.lowest <= self.zero_point <= self.highest or self.lowest == self.highest:
            raise NetworkError(
                f"quantizer: integers from {self.lowest} to {self.highest} with zero_point = {self.zero_point}; must "
                "be a range with the zero point in it. Read the network again."
            )

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value, what is beyond saturates."""
        return (self.lowest - self.zero_point) * self.scale, (self.highest - self.zero_point) * self.scale

    @property
    def cuts(self) -> bool:
        """Does it cut negative values, as a ReLU does?"""
        return self.lowest == self.zero_point

    def codes(self, x: ArrayLike) -> NDArray[Any]:
        """Return the integers of values of any shape: int64."""
        values = np.asarray(x)
        if values.dtype == EXACT:
            scale = Fraction(self.scale)
            whole = np.frompyfunc(lambda value: round(Fraction(value) / scale), 1, 1)(values)
        else:
            whole = np.rint(values / self.scale)
        return np.asarray(np.clip(whole + self.zero_point, self.lowest, self.highest)).astype(np.int64)

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the values of these integers, in the number type of `x`."""
        steps = self.codes(x) - self.zero_point
        if x.dtype == EXACT:
            return np.asarray(steps.astype(EXACT) * Fraction(self.scale))
        return np.asarray(steps.astype(x.dtype) * x.dtype.type(self.scale))

    def positive(self) -> "Quantizer":
        """Return what it does to values from 0 on."""
        return Quantizer(self.scale, self.zero_point, self.zero_point, self.highest)

    def describe(self) -> list[Any]:
        """Its numbers, as JSON holds them."""
        return [self.scale, self.zero_point, self.lowest, self.highest]


def same_steps(one: Quantizer, other: Quantizer) -> bool:
    """Do both round to the same values from 0 on?"""
    return one.scale == other.scale and one.range[1] == other.range[1]
