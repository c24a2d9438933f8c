"""Symmetric uniform quantization of weights, per projection or per output channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import choice, flag, integer, number
from eventsim.errors import FaultError
from eventsim.faults.contract import check_projections, keep
from eventsim.faults.device.weights import (
    WeightFault,
    exact_of,
    in_floats,
    largest_by_channel,
    largest_of,
    weights_of,
)
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Projection
from eventsim.rounding import QUANTIZERS, rounded

Array = np.ndarray[Any, Any]
MOST_BITS = 52
ARITHMETIC = ("float64", "float32", "float32_reciprocal")


@dataclass(frozen=True, repr=False)
class WeightQuantization(WeightFault):
    """Weights become integer multiples of a step, 2^bits - 1 of them, as many above as below 0.

    The quotient W / step is rounded to float64 before it is rounded to an integer (in a network of Fractions it is
    exact), so that a tie is one of the quotient. Other arithmetic is that of other programs, tie by tie: ONNX Runtime
    divides in float32, PyTorch multiplies with the float32 reciprocal of the step, which takes some ties elsewhere.

    Parameters
    ----------
    bits
        The sign among them, from 2 to 52.
    per_channel
        Whether each output channel (row, filter, target neuron) has a step of its own; else a projection has one.
    largest
        The size of weight that the last level stands for, in the unit of the weights; None: the largest weight there
        is. Weights beyond it are clipped to it.
    rounding
        Where a tie goes: "half_even", "half_away" from 0, or "half_up".
    arithmetic
        "float64", "float32" (as ONNX Runtime), or "float32_reciprocal" (as PyTorch).
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        Bits, sizes or choices out of range, projections that are no pairs of names, weights beyond float32 where that
        is asked for.
    """

    bits: int
    per_channel: bool = False
    largest: float | None = None
    rounding: str = "half_even"
    arithmetic: str = "float64"
    projections: Sequence[tuple[str, str]] | None = None

    name = "weight_quantization"
    equation = "n = 2^(bits - 1) - 1, step = max|W| / n, or largest / n\nW <- step * clip(round(W / step), -n, n)"
    source = "the symmetric scheme of integer inference engines (ONNX Runtime's int8 weights: step = max / 127)"

    def __post_init__(self) -> None:
        remedy = "It is the width of a weight, with its sign."
        keep(
            self,
            bits=integer(self.name, "bits", self.bits, FaultError, low=2, high=MOST_BITS, remedy=remedy),
            per_channel=flag(self.name, "per_channel", self.per_channel, FaultError),
            rounding=choice(self.name, "rounding", self.rounding, QUANTIZERS, FaultError),
            arithmetic=choice(self.name, "arithmetic", self.arithmetic, ARITHMETIC, FaultError),
        )
        if self.largest is not None:
            remedy = "None takes the largest weight there is."
            keep(
                self,
                largest=number(self.name, "largest", self.largest, FaultError, low=0, open_low=True, remedy=remedy),
            )
            if self.per_channel:
                raise FaultError(
                    f"{self.name}: largest = {self.largest} with per_channel; must be one of both, since it is the "
                    "same for all channels. Leave one out."
                )
        check_projections(self)

    def remade(self, part: Projection, draws: Draws) -> Array:
        """The nearest levels."""
        weights, n = weights_of(part), 2 ** (self.bits - 1) - 1
        largest = largest_by_channel(part) if self.per_channel else self.largest or largest_of(part)
        if weights.dtype == object and self.arithmetic == "float64":
            return _exactly(weights, largest, n, self.rounding)
        kind: Any = np.float64 if self.arithmetic == "float64" else np.float32
        with np.errstate(over="ignore"):
            given = in_floats(weights).astype(kind)
            step = np.asarray(largest, dtype=kind) / kind(n)
        if not np.isfinite(given).all():
            raise FaultError(
                f"{self.name} on {part!r}: weights beyond the range of float32; must be within 3.4e38. Choose "
                'arithmetic="float64".'
            )
        step = np.where(step == 0, kind(1), step)  # where all weights are 0, or next to it
        reciprocal = self.arithmetic == "float32_reciprocal"
        quotient = given * (kind(1) / step) if reciprocal else given / step
        levels = np.clip(rounded(quotient, self.rounding), -n, n)
        return np.asarray(levels * step).astype(np.float64) + 0.0  # no -0.0


def _exactly(weights: Array, largest: Any, n: int, rule: str) -> Array:
    """The same in Fractions; a largest weight that is given as a float is the Fraction that it is."""
    step = exact_of(largest) / n
    step = np.where(step == 0, exact_of(1), step)
    levels = np.clip(rounded(np.asarray(weights / step, dtype=object), rule), -n, n)
    return np.asarray(levels * step, dtype=object)
