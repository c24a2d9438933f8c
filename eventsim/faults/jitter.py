"""Spike-time jitter: each spike is shifted by a Gaussian draw (Stanojevic et al. 2024: t <- t + N(0, sigma^2))."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import EmissionFault, check_populations
from eventsim.randomness import normal


@jitable
def shift(p: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """The crossing time t plus p[0] standard deviations of noise; p[0] = 0 leaves t as it is, bit for bit."""
    return t + p[0] * normal(key, sample, neuron, number)


@dataclass(frozen=True, repr=False)
class Jitter(EmissionFault):
    """Gaussian jitter of standard deviation `sigma` (units of time) on the spikes of windowed populations.

    A draw that would let a spike leave before it is certain (before t_min, or before a premature crossing) is clipped
    and counted (``run.counters["clipped"]``). Silent neurons stay silent.

    Raises
    ------
    FaultError
        A sigma that is negative or not finite, populations that are no names.
    """

    sigma: float
    populations: Sequence[str] | None = None

    name = "jitter"
    causal = False
    perturb = staticmethod(shift)

    def __post_init__(self) -> None:
        number("jitter", "sigma", self.sigma, FaultError, low=0, remedy="Give it in units of time.")
        check_populations(self)

    def numbers(self) -> tuple[float, ...]:
        """(sigma,)."""
        return (float(self.sigma),)
