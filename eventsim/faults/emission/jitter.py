"""Spike-time jitter: each spike is shifted by a draw (Stanojevic et al. 2024: t <- t + N(0, sigma^2))."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.checks import choice, flag, number
from eventsim.errors import FaultError
from eventsim.faults.contract import EmissionFault, check_populations
from eventsim.faults.emission.window_end import PAST, within
from eventsim.randomness import normal, uniforms

DISTRIBUTIONS = ("gaussian", "uniform")
UNIFORM = 1.0
SQRT_12 = math.sqrt(12.0)  # how wide the uniform distribution of standard deviation 1 is


@jitable
def shift(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """The crossing time t plus p[0] standard deviations of noise; p[0] = 0 leaves t as it is, bit for bit."""
    sigma, distribution, past, wakes = p[0], p[1], p[2], p[3]
    if t == math.inf:
        if wakes == 0.0:
            return t
        t = window[1]
    if distribution == UNIFORM:
        first, _second = uniforms(key, sample, neuron, number)
        noise = SQRT_12 * (first - 0.5)
    else:
        noise = normal(key, sample, neuron, number)
    return within(past, window, t + sigma * noise)


@dataclass(frozen=True, repr=False)
class Jitter(EmissionFault):
    """Jitter of standard deviation `sigma` on the spikes of windowed populations.

    A draw that would let a spike leave before it is certain (before t_min, or before a premature crossing) is clipped
    and counted (``run.counters["clipped"]``). Silent neurons stay silent.

    Parameters
    ----------
    sigma
        Standard deviation, in units of time; 0 changes nothing.
    distribution
        "gaussian" or "uniform" (between -sqrt(3) sigma and sqrt(3) sigma).
    past
        What becomes of a spike that would leave at t_max or later: "carry" lets it go then, and arrive late; "clip"
        sends it at the last time before t_max; "drop" loses it.
    paper_compat
        Whether silent neurons are jittered as well, as in the published code, where they spike at t_max: those that
        are drawn to earlier times fire. Of the published draws, one that would move a spike before it is certain is
        clipped, since no event can precede its cause, and one behind t_max arrives late.
    populations
        Names of the populations, and sources, that it acts on; None takes all spiking populations, "all" the sources,
        too.

    Raises
    ------
    FaultError
        A sigma that is negative or not finite, choices that are none, populations that are no names.
    """

    sigma: float
    distribution: str = "gaussian"
    past: str = "carry"
    paper_compat: bool = False
    populations: Sequence[str] | str | None = None

    name = "jitter"
    equation = "t -> t + sigma xi, xi of mean 0 and variance 1, one draw a spike"
    source = "methods of A. Stanojevic et al. 2023 and 2024"
    causal = False
    perturb = staticmethod(shift)

    def __post_init__(self) -> None:
        number("jitter", "sigma", self.sigma, FaultError, low=0, remedy="Give it in units of time.")
        choice("jitter", "distribution", self.distribution, DISTRIBUTIONS, FaultError)
        choice("jitter", "past", self.past, PAST, FaultError)
        flag("jitter", "paper_compat", self.paper_compat, FaultError)
        check_populations(self)

    @property
    def wakes(self) -> bool:  # type: ignore[override]
        """Whether silent neurons are jittered, too; jitter of no strength wakes nobody."""
        return self.paper_compat and self.sigma > 0

    def numbers(self) -> tuple[float, ...]:
        """(sigma, distribution, past, wakes)."""
        return (
            float(self.sigma), float(DISTRIBUTIONS.index(self.distribution)), float(PAST.index(self.past)),
            float(self.wakes),
        )  # fmt: skip
