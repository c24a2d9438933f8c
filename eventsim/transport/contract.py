"""Transports: how an emitted spike travels to where the projections' delays begin.

Relies on nothing. A transport is a value: its numbers, a small state (float64 array, one a sample), and one scalar
function

    ``carry(p, state, t)`` -> the time at which the spike that was emitted at t comes out, >= t,

called once a spike, in the order of emission, so departures never overtake each other. Parts of a transport that have
times of their own are its `Station`s. A new transport, with its stations, is one file; no engine is touched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Station:
    """Base of what wakes itself: a stage of the engines beside neurons and packets. Marked `jitable`, `math` only:

    ``first(p, k)`` -> when its key number k is due first; inf: never ·
    ``wake(p, state, k, t)`` -> key k is due at t: change the state; return when it is due next, > t, or inf: never

    Attributes
    ----------
    n_state
        Number of floats of state, all zero at the beginning of a sample.
    n_keys
        How many things of it can be due, each at a time of its own.
    """

    name: ClassVar[str]
    n_state: ClassVar[int]
    first: ClassVar[Callable[..., Any]]
    wake: ClassVar[Callable[..., Any]]

    @property
    def n_keys(self) -> int:
        """One, unless a station says otherwise."""
        return 1

    def numbers(self) -> tuple[float, ...]:
        """The numbers that `first` and `wake` see as ``p``."""
        raise NotImplementedError


@dataclass(frozen=True)
class Transport:
    """Base of all transports; `n_state` floats of state, all zero at the beginning of a sample."""

    name: ClassVar[str]
    n_state: ClassVar[int]
    carry: ClassVar[Callable[..., Any]]

    def numbers(self) -> tuple[float, ...]:
        """The numbers that `carry` sees as ``p``."""
        raise NotImplementedError

    def stations(self) -> tuple[Station, ...]:
        """Its parts that wake themselves, in the order of simultaneous events; then `simulate` needs ``until``."""
        return ()

    def report(self, states: "np.ndarray[Any, Any]") -> dict[str, float]:
        """Counters over samples from the final states, (n_samples, n_state and what its stations have, in order)."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What the provenance of a run holds about this transport."""
        return {"transport": self.name, **vars(self)}
