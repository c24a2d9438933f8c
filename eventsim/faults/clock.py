"""Emission clock: a spike leaves at the next tick, as clocked hardware sends it (time grid, rounding up)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import EmissionFault, check_populations

# From here on neighbouring whole numbers cannot be told apart in float64.
COUNTABLE = 2.0**53


@jitable
def next_tick(p: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """The first tick k period + phase at or after t; period 0 leaves t as it is.

    So does a period so short that no number lies between the ticks next to t. The two loops mend the rounding of the
    division: the tick is the smallest k with k period + phase >= t as computed.
    """
    period, phase = p[0], p[1]
    if period == 0.0:
        return t
    ticks = (t - phase) / period
    if not abs(ticks) < COUNTABLE:
        return t
    k = math.ceil(ticks)
    while k * period + phase < t:
        k += 1
    while (k - 1) * period + phase >= t:
        k -= 1
    return k * period + phase


@dataclass(frozen=True, repr=False)
class Clock(EmissionFault):
    """Spikes leave at the next tick of a clock.

    Parameters
    ----------
    period, phase
        In units of time; ticks are at k period + phase for every integer k. Period 0 means no clock.
    populations
        Names of the populations that it acts on; None takes all spiking ones.

    Raises
    ------
    FaultError
        Numbers that are not finite, a negative period, populations that are no names.
    """

    period: float
    phase: float = 0.0
    populations: Sequence[str] | None = None

    name = "clock"
    causal = True
    perturb = staticmethod(next_tick)

    def __post_init__(self) -> None:
        remedy = "Give it in units of time."
        number("clock", "period", self.period, FaultError, low=0, remedy=remedy)
        number("clock", "phase", self.phase, FaultError, remedy=remedy)
        check_populations(self)

    def numbers(self) -> tuple[float, ...]:
        """(period, phase)."""
        return (float(self.period), float(self.phase))
