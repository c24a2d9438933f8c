"""The published fake quantization of weights: a fixed range, moved so that 0 is one of its levels (asymmetric)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.checks import choice, integer, number, shown
from eventsim.errors import FaultError
from eventsim.faults.contract import check_projections, keep
from eventsim.faults.device.weight_quantization import MOST_BITS
from eventsim.faults.device.weights import WeightFault, in_floats, weights_of
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Projection
from eventsim.rounding import rounded

Array = np.ndarray[Any, Any]
NUDGES = ("float32", "exact")


@dataclass(frozen=True, repr=False)
class FakeQuantization(WeightFault):
    """Weights become one of 2^bits levels of a fixed range, which is moved by up to half a step so that it has the 0.

    Weights outside are clipped to the ends. A tie goes to the larger level. From -1 to 1 the 0 lies in the middle of
    two levels, so rounding decides to which side the range is moved: in float32, as TensorFlow computes it, to -127 …
    128 steps for 8 bits, and to -128 … 127 in exact arithmetic. (Which of two levels TensorFlow takes within float32's
    rounding of a tie differs from machine to machine.)

    Parameters
    ----------
    bits
        From 1 to 52; TensorFlow has 2 to 16.
    low, high
        The range, in the unit of the weights, low < high; one that does not contain 0 is moved until it does.
    nudge
        How the level of 0 is found: "float32", as TensorFlow computes it, or "exact".
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        Bits, a range or a choice that is none, projections that are no pairs of names.
    """

    bits: int
    low: float = -1.0
    high: float = 1.0
    nudge: str = "float32"
    projections: Sequence[tuple[str, str]] | None = None

    name = "fake_quantization"
    equation = (
        "step = (high - low) / (2^bits - 1), z = round(-low / step) in 0 … 2^bits - 1, a half upwards\n"
        "W <- step * clip(floor(W / step + 1/2), -z, 2^bits - 1 - z)"
    )
    source = "A. Stanojevic et al., Nature Communications 15:6793 (2024), weight_bits; TensorFlow's fake_quant"

    def __post_init__(self) -> None:
        remedy = "2^bits levels are told apart."
        keep(
            self,
            bits=integer(self.name, "bits", self.bits, FaultError, low=1, high=MOST_BITS, remedy=remedy),
            low=number(self.name, "low", self.low, FaultError),
            high=number(self.name, "high", self.high, FaultError),
            nudge=choice(self.name, "nudge", self.nudge, NUDGES, FaultError),
        )
        if not self.low < self.high:
            raise FaultError(
                f"{self.name}: low = {shown(self.low)}, high = {shown(self.high)}; must be low < high. Give e.g. "
                "-1.0 and 1.0."
            )
        check_projections(self)

    @property
    def zero_point(self) -> int:
        """Which level, counted from the lowest, is the 0."""
        most = 2**self.bits - 1
        if self.nudge == "exact":
            place: Any = -Fraction(self.low) * most / (Fraction(self.high) - Fraction(self.low))
        else:
            low, high = np.float32(self.low), np.float32(self.high)
            place = Fraction(float(-low / ((high - low) / np.float32(most))))
        return min(max(math.floor(place + Fraction(1, 2)), 0), most)

    def remade(self, part: Projection, draws: Draws) -> Array:
        """The nearest levels; in a network of Fractions exactly."""
        weights, most, z = weights_of(part), 2**self.bits - 1, self.zero_point
        exact = weights.dtype == object
        step: Any = (Fraction(self.high) - Fraction(self.low)) / most
        step = step if exact else float(step)
        quotient = np.asarray(weights / step, dtype=object) if exact else in_floats(weights) / step
        levels = np.clip(rounded(quotient, "half_up"), -z, most - z)
        made: Array = levels * step
        return made
