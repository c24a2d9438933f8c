"""Times of few bits: each window is a grid of 2^bits times (Stanojevic et al. 2024, `time_bits`)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.checks import integer
from eventsim.errors import FaultError
from eventsim.faults.contract import EmissionFault, check_populations

MOST_BITS = 52


@jitable
def to_level(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """The nearest of 2^bits times from t_min to t_max, of two the later one; t_max is a value of 0, and no event."""
    intervals = p[0]
    t_min, t_max = window[0], window[1]
    if t == math.inf or not t_max < math.inf:
        return t
    length = t_max - t_min
    level = math.floor((t - t_min) / length * intervals + 0.5)
    if level >= intervals:
        return math.inf
    return t_min + max(level, 0) * (length / intervals)


@dataclass(frozen=True, repr=False)
class TimeBits(EmissionFault):
    """Spike times are rounded to 2^bits levels of their window, as the published fake-quantization does.

    Rounding is to nearest, a half to the later time, clipped to the window [t_min, t_max].
    A spike that is rounded to t_max codes the value 0: it is lost, and counted so. A premature one leaves at t_min. The
    published code rounds the times of the input, too: ``populations="all"``.

    Parameters
    ----------
    bits
        At least 1; 2^bits times, 2^bits - 1 intervals.
    populations
        Names of the populations with windows, and sources, that it acts on; None takes all spiking populations, "all"
        the sources, too.

    Raises
    ------
    FaultError
        Bits that are no integer from 1 to 52, populations that are no names.
    """

    bits: int
    populations: Sequence[str] | str | None = None

    name = "time_bits"
    equation = (
        "t -> t_min + k L / (2^bits - 1), L = t_max - t_min\n"
        "k = floor((t - t_min) / L (2^bits - 1) + 1/2), clipped to the window; lost where that is t_max"
    )
    source = "A. Stanojevic et al. 2024, time_bits"
    causal = False
    perturb = staticmethod(to_level)

    def __post_init__(self) -> None:
        remedy = "2^bits times are told apart in a window."
        integer("time_bits", "bits", self.bits, FaultError, low=1, high=MOST_BITS, remedy=remedy)
        check_populations(self)

    def numbers(self) -> tuple[float, ...]:
        """(number of intervals,)."""
        return (float(2**self.bits - 1),)
