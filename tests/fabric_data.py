"""A fabric, what comes into it, and what a run says of it, as plain data: nothing here knows how a fabric works.

Random fabrics are drawn in this form, and `naive_fabric` runs it. Stations, sources and leaves are numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Number = Any  # float or Fraction; None where there is none
ARBITERS = ("first_come", "fixed_priority", "round_robin", "binary_tree", "random")


@dataclass(frozen=True)
class Station:
    """`buffer` and `intake` count the waiting packets of one port: from another station, from neurons."""

    service: Number = 0
    latency: Number = 0
    buffer: int | None = None  # None: unlimited
    intake: int | None = None
    full: str = "stall"  # or "drop": what a sender meets at a full port of this station
    arbiter: str = "first_come"


@dataclass(frozen=True)
class Stop:
    """A place of a route: a station and the stops behind it, or the last station and the leaf that it delivers to."""

    station: int | None  # None: a root that is a leaf at once
    children: tuple["Stop", ...] = ()
    leaf: int | None = None
    work: Number = None  # how long a last station serves; None: as long as any packet

    def leaves(self) -> int:
        return sum(child.leaves() for child in self.children) if self.children else 1

    def stops(self) -> Iterator["Stop"]:
        yield self
        for child in self.children:
            yield from child.stops()


class Injection(NamedTuple):
    """A spike that comes from outside: it is injected in a phase of a time, in the order of the sources."""

    time: Number
    phase: int
    source: int
    number: int  # which spike of its source


@dataclass
class Fabric:
    """Plain data. `routes` : of each source, its roots. `relays` : sources that spike once, at a leaf's first delivery.

    A relay spikes in the micro-step in which it is reached, as a neuron without a membrane does, so its packets are
    injected in the phase behind that micro-step. It has no injections of its own.
    """

    stations: list[Station]
    routes: Sequence[tuple[Stop, ...]]
    injections: list[Injection]
    relays: dict[int, tuple[int, ...]] = field(default_factory=dict)
    deadline: Number = None
    late: str = "deliver"  # or "drop"
    tick: Number = 0

    def senders(self) -> list[list[int | None]]:
        """Of each station, what its ports come from, in their order: neurons (None), and stations by number."""
        found: list[set[int]] = [set() for _ in self.stations]
        roots = [root for roots in self.routes for root in roots]
        for stop in (stop for root in roots for stop in root.stops()):
            for child in stop.children:
                found[child.station].add(stop.station)  # type: ignore[index, arg-type]  # only roots have none
        injected = {root.station for root in roots}
        return [[*([None] if k in injected else []), *sorted(stations)] for k, stations in enumerate(found)]


class Record(NamedTuple):
    """What one packet met at one station; None for times that a dropped one does not have."""

    source: int
    number: int
    station: int
    emitted: Number
    entered: Number
    started: Number
    ended: Number
    left: Number
    outcome: str  # passed on, delivered, dropped, late


class Delivery(NamedTuple):
    """A spike that goes on to its targets at a leaf: at `time`, arriving in micro-step `phase`."""

    time: Number
    phase: int
    source: int
    number: int
    leaf: int


@dataclass
class Counters:
    """Of one station; times up to the end of the run."""

    served: int = 0
    busy: Number = 0
    waited: Number = 0
    longest_wait: Number = 0
    blocked: Number = 0
    blockings: int = 0
    dropped: int = 0
    deepest: int = 0
    area: Number = 0


@dataclass
class Result:
    """What a run did; leaves: how many were injected, delivered, dropped (late ones too), and are still under way."""

    counters: list[Counters]
    log: list[Record] = field(default_factory=list)  # in the order in which packets leave stations or are dropped
    deliveries: list[Delivery] = field(default_factory=list)
    injected: int = 0
    dropped: int = 0
    late: int = 0
    under_way: int = 0
    deadlock: tuple[int, ...] = ()  # from the station that became blocked last, each waits for the next
    end: Number = 0
