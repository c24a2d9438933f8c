"""Emission clock: a spike leaves at a tick of a clock, as clocked hardware sends it (a time grid)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.checks import choice, number
from eventsim.errors import FaultError
from eventsim.faults.contract import EmissionFault, check_populations
from eventsim.faults.emission.window_end import PAST, within

ROUNDING = ("ceil", "floor", "half_up", "half_even")
CEIL, FLOOR, HALF_UP = 0.0, 1.0, 2.0
COMPARATOR = ("inclusive", "strict")
STRICT = 1.0
ORIGIN = ("zero", "t_min", "t_max")
FROM_OPENING, FROM_END = 1.0, 2.0
# From here on neighbouring whole numbers cannot be told apart in float64.
COUNTABLE = 2.0**53


@jitable
def to_tick(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """The tick k period + phase, counted from an origin, to which t is rounded; period 0 leaves t as it is.

    So does a period so short that no number lies between the ticks next to t. The two loops mend the rounding of the
    division: k is then the smallest with k period + phase >= t as computed, and the tick before it the last below t.
    """
    period, phase, rounding, strict, origin, past = p[0], p[1], p[2], p[3], p[4], p[5]
    if period == 0.0 or t == math.inf:
        return t
    if origin == FROM_OPENING:
        phase += window[0]
    elif origin == FROM_END:
        phase += window[1]
    ticks = (t - phase) / period
    if not abs(ticks) < COUNTABLE:
        return t
    k = math.ceil(ticks)
    while k * period + phase < t:
        k += 1
    while (k - 1) * period + phase >= t:
        k -= 1
    after = k * period + phase
    if rounding == CEIL:
        if strict == STRICT and after == t:
            after = (k + 1) * period + phase
        return within(past, window, after)
    if after == t:
        return within(past, window, t)
    before = (k - 1) * period + phase
    chosen = before
    if rounding != FLOOR:
        nearer = (after - t) - (t - before)
        if nearer < 0.0 or (nearer == 0.0 and (rounding == HALF_UP or k % 2 == 0)):
            chosen = after
    return within(past, window, chosen)


@dataclass(frozen=True, repr=False)
class Clock(EmissionFault):
    """Spikes leave at the ticks of a clock.

    Parameters
    ----------
    period, phase
        In units of time; ticks are at origin + k period + phase for every integer k. Period 0 means no clock.
    rounding
        "ceil": at the next tick, as hardware does it; "floor": at the tick before; "half_up", "half_even": at the
        nearest one, of two that are equally near the later one, or that of even k. Where the clock rounds down, a spike
        still never leaves before it is certain, so that these are for populations with a window.
    comparator
        Whether a crossing at a tick leaves then ("inclusive"), or at the next one ("strict", for "ceil" alone).
    origin
        From where ticks are counted: "zero", or the "t_min" or "t_max" of each population's window.
    past
        What becomes of a spike whose tick is at t_max or later: "carry" lets it go then, and arrive late; "clip" sends
        it at the last time before t_max; "drop" loses it.
    populations
        Names of the populations, and sources, that it acts on; None takes all spiking populations, "all" the sources,
        too.

    Raises
    ------
    FaultError
        Numbers that are not finite, a negative period, a phase of 2^53 periods or more, choices that are none,
        populations that are no names.
    """

    period: float
    phase: float = 0.0
    rounding: str = "ceil"
    comparator: str = "inclusive"
    origin: str = "zero"
    past: str = "carry"
    populations: Sequence[str] | str | None = None

    name = "clock"
    equation = "t -> origin + phase + k period\nk = ceil, floor or the nearest integer to (t - origin - phase) / period"
    source = "clocked hardware: a spike waits for the next tick"
    perturb = staticmethod(to_tick)

    def __post_init__(self) -> None:
        remedy = "Give it in units of time."
        number("clock", "period", self.period, FaultError, low=0, remedy=remedy)
        number("clock", "phase", self.phase, FaultError, remedy=remedy)
        choice("clock", "rounding", self.rounding, ROUNDING, FaultError)
        choice("clock", "comparator", self.comparator, COMPARATOR, FaultError)
        choice("clock", "origin", self.origin, ORIGIN, FaultError)
        choice("clock", "past", self.past, PAST, FaultError)
        if self.comparator == "strict" and self.rounding != "ceil":
            raise FaultError(
                f"clock: comparator = 'strict' with rounding = {self.rounding!r}; must be with 'ceil', where a "
                "crossing at a tick may be too late for it. Leave comparator out."
            )
        if self.period > 0 and abs(self.phase) >= COUNTABLE * self.period:
            phase, periods = float(self.phase), float(abs(self.phase) / self.period)
            raise FaultError(
                f"clock: phase = {phase:g} is {periods:g} periods; must be below 2^53 of them, beyond which "
                "ticks cannot be told apart. Give the phase modulo the period."
            )
        check_populations(self)

    @property
    def causal(self) -> bool:  # type: ignore[override]
        """Whether no spike leaves before its crossing."""
        return self.rounding == "ceil"

    def numbers(self) -> tuple[float, ...]:
        """(period, phase, rounding, comparator, origin, past)."""
        return (
            float(self.period), float(self.phase), float(ROUNDING.index(self.rounding)),
            float(COMPARATOR.index(self.comparator)), float(ORIGIN.index(self.origin)), float(PAST.index(self.past)),
        )  # fmt: skip
