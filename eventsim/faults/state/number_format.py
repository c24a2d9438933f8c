"""Fixed-point formats: numbers of some bits, of which some are behind the point, in two's complement.

Relies on numpy. Used by the fixed-point fault. A format holds the multiples of 2^-fraction from -2^(bits - 1) to
2^(bits - 1) - 1 of them; all are exact in float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import integer, shown
from eventsim.errors import FaultError
from eventsim.rounding import rounded

Array = np.ndarray[Any, Any]
WIDEST, DEEPEST = 32, 64


@dataclass(frozen=True)
class NumberFormat:
    """Numbers of `bits` bits, `fraction` of them behind the point (which may lie outside of them)."""

    bits: int
    fraction: int

    @property
    def quantum(self) -> float:
        """The difference between neighbours."""
        return float(2.0**-self.fraction)

    @property
    def low(self) -> float:
        """The lowest number."""
        return -(2.0 ** (self.bits - 1)) * self.quantum

    @property
    def high(self) -> float:
        """The highest number."""
        return (2.0 ** (self.bits - 1) - 1) * self.quantum

    def held(self, where: str, values: Any, rounding: str, overflow: str) -> Array:
        """Return numbers of any shape as this format holds them.

        Raises
        ------
        FaultError
            A number that is out of range once it is rounded, where overflow is "error".
        """
        made = to_quanta(values, self.quantum, rounding)
        outside = (made < self.low) | (made > self.high)
        if not outside.any():
            return made
        if overflow == "error":
            place = int(np.argmax(outside))
            raise FaultError(
                f"{where}: {np.asarray(values).flat[place]} is out of the range {self.low:g} to {self.high:g} of "
                f"{self.bits} bits, {self.fraction} behind the point ({int(outside.sum()):,} of {outside.size:,} are). "
                'Give more bits, fewer behind the point, or overflow="saturate" or "wrap".'
            )
        if overflow == "wrap":
            span = 2.0**self.bits * self.quantum
            return np.asarray(made - span * np.floor((made - self.low) / span))
        return np.clip(made, self.low, self.high)


def to_quanta(values: Any, quantum: float, rounding: str) -> Array:
    """Multiples of the quantum, a power of two, to which numbers of any shape are rounded."""
    whole = rounded(np.asarray(values, dtype=np.float64) / quantum, rounding)
    return np.asarray(whole * quantum + 0.0)  # no -0.0


def number_format(where: str, name: str, given: Any) -> NumberFormat:
    """A format of a pair (bits, bits behind the point), checked."""
    if not isinstance(given, Sequence) or len(given) != 2:
        raise FaultError(
            f"{where}: {name} = {shown(given)}; must be (bits, bits behind the point). Give e.g. {name}=(8, 6)."
        )
    remedy = f"{name} is (bits, bits behind the point)."
    bits = integer(where, f"bits of {name}", given[0], FaultError, low=2, high=WIDEST, remedy=remedy)
    fraction = integer(where, f"fraction of {name}", given[1], FaultError, low=-DEEPEST, high=DEEPEST, remedy=remedy)
    return NumberFormat(bits, fraction)
