"""A stage that wakes itself is one file and touches no engine: a counter on a chip, that ticks and leaks a little."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from adapters import both_engines, outcome

import eventsim
from eventsim import SpikeTimes, simulate
from eventsim._jit import jitable
from eventsim.errors import NetworkError
from eventsim.transport.contract import Station, Transport


@jitable
def first_wake(p: Any, k: int) -> Any:
    """Key k begins k + 1 periods after the beginning; periods of 0 never come."""
    return p[0] * (k + 1) if p[0] > 0.0 else math.inf


@jitable
def count(p: Any, state: Any, k: int, t: Any) -> Any:
    """Count, remember the time, come again a period later."""
    state[0] += 1.0
    state[1] += t
    state[2 + k] += 1.0
    return t + p[0]


@jitable
def insist(p: Any, state: Any, k: int, t: Any) -> Any:
    """Come again at once, from the third time on."""
    state[0] += 1.0
    return t + p[0] if state[0] < 3.0 else t


@dataclass(frozen=True)
class Counter(Station):
    """Counts its own wakes."""

    period: float
    name: ClassVar[str] = "counter"
    n_state: ClassVar[int] = 4
    first: ClassVar[Any] = staticmethod(first_wake)
    wake: ClassVar[Any] = staticmethod(count)

    @property
    def n_keys(self) -> int:
        return 2

    def numbers(self) -> tuple[float, ...]:
        return (self.period,)


@dataclass(frozen=True)
class Insisting(Station):
    """Wants to wake at the time at which it wakes."""

    period: float
    name: ClassVar[str] = "insisting"
    n_state: ClassVar[int] = 1
    first: ClassVar[Any] = staticmethod(first_wake)
    wake: ClassVar[Any] = staticmethod(insist)

    def numbers(self) -> tuple[float, ...]:
        return (self.period,)


@jitable
def at_once(p: Any, state: Any, t: Any) -> Any:
    """Spikes are counted on their way."""
    state[0] += 1.0
    return t


@dataclass(frozen=True)
class Board(Transport):
    """Spikes pass at once; what is on the board has times of its own."""

    parts: tuple[Station, ...]
    name: ClassVar[str] = "board"
    n_state: ClassVar[int] = 1
    carry: ClassVar[Any] = staticmethod(at_once)

    def numbers(self) -> tuple[float, ...]:
        return (0.0,)

    def stations(self) -> tuple[Station, ...]:
        return self.parts

    def report(self, states: "np.ndarray[Any, Any]") -> dict[str, float]:
        return {f"sum {k}": float(column) for k, column in enumerate(states.sum(axis=0))}

    def describe(self) -> dict[str, Any]:
        return {"transport": self.name, "parts": [part.numbers() for part in self.parts]}


def cells() -> tuple[eventsim.Network, SpikeTimes]:
    net = eventsim.Network()
    net.source(2, "input")
    net.population("lif_delta", 3, "cells", tau_mem=2.0, current=1.2, t_ref=0.2)
    net.connect("input", "cells", eventsim.Dense(np.full((3, 2), 0.4)))
    net.connect("cells", "cells", eventsim.Dense(np.full((3, 3), 0.1)), delay=0.3)
    return net, SpikeTimes([[[0.5], [1.0, 2.5]], [[], [0.25]]])


def test_a_station_wakes_itself_and_changes_nothing_else() -> None:
    net, x = cells()
    board = Board((Counter(0.5), Counter(0.0), Counter(2.0), Insisting(0.0)))  # one loop for all stations
    done = both_engines(net, x, until=9.9, transport=board)
    plain = simulate(net, x, until=9.9)
    assert done.run.spikes.tobytes() == plain.spikes.tobytes()
    # Two keys: at 0.5, 1.0, … and at 1.0, 1.5, …, before 9.9; at 2, 4, … and at 4, 6, …
    halves, twos = [0.5 * k for k in range(1, 20)], [2.0 * k for k in range(1, 5)]
    found = done.run.counters["transport"]
    for first, times in ((1, halves), (5, []), (9, twos)):
        expected = [2 * len(times[1:]) + len(times[:1]), sum(times) + sum(times[1:]), len(times), len(times[1:])]
        assert [found[f"sum {first + k}"] for k in range(4)] == [2 * value for value in expected]  # two samples
    assert done.run.counters["events"] == plain.counters["events"] + 2 * (2 * 19 - 1 + 2 * 4 - 1)


@pytest.mark.parametrize("engines", [("compiled", "reference"), ("reference", "compiled")])
def test_a_station_goes_on_where_it_was_on_either_engine(engines: tuple[str, str], tmp_path: Path) -> None:
    net, x = cells()
    options: dict[str, Any] = {"transport": Board((Counter(0.7), Counter(0.3), Insisting(0.0)))}
    whole = simulate(net, x, until=9.9, **options)
    part = simulate(net, x, until=4.2, engine=engines[0], keep_state=True, **options)
    part.save(tmp_path / "part.npz")
    rest = simulate(net, x, until=9.9, engine=engines[1], resume=eventsim.load_run(tmp_path / "part.npz"), **options)
    assert rest.spikes.tobytes() == whole.spikes.tobytes()
    assert rest.counters["transport"] == whole.counters["transport"]


def test_a_station_that_wakes_at_once_again_ends_the_run() -> None:
    net, x = cells()
    done = both_engines(net, x, until=9.9, transport=Board((Counter(0.7), Insisting(0.5))))
    assert done.error is not None
    assert "sample 0: station 'insisting' woke at t = 1.5 and is to wake at that time again" in done.error


def test_a_budget_counts_wakes_and_until_is_needed() -> None:
    net, x = cells()
    board = Board((Counter(1e-6), Insisting(0.0)))
    ended = both_engines(net, x, until=9.9, transport=board, max_events=5000)
    assert ended.error is not None
    assert "max_events = 5,000 reached" in ended.error
    with pytest.raises(NetworkError, match="until=None, but station 'counter' of the transport wakes itself"):
        outcome(net, x, transport=board)
