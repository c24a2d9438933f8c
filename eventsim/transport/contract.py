"""Transports: how an emitted spike travels to where the projections' delays begin.

Relies on nothing. A transport is a value: its numbers, a small state (float64 array, one a sample), and one scalar
function

    ``carry(p, state, t)`` -> the time at which the spike that was emitted at t comes out, >= t,

called once a spike, in the order of emission, so departures never overtake each other. A new transport is one file; no
engine is touched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Transport:
    """Base of all transports; `n_state` floats of state, all zero at the beginning of a sample."""

    name: ClassVar[str]
    n_state: ClassVar[int]
    carry: ClassVar[Callable[..., Any]]

    def numbers(self) -> tuple[float, ...]:
        """The numbers that `carry` sees as ``p``."""
        raise NotImplementedError

    def report(self, states: "np.ndarray[Any, Any]") -> dict[str, float]:
        """Counters over samples from the final states (n_samples, n_state)."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What the provenance of a run holds about this transport."""
        return {"transport": self.name, **vars(self)}
