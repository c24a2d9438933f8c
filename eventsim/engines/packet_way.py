"""The way of a packet: the stations that it came to, one after another, and how long each of them kept it.

Relies on the plan of a fabric. Ways are made of what a log says: of a run (`inspection.logged_way`), or of the fabric
that carries its spikes once more (`reference.fabric_replay`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from eventsim.engines.fabric_plan import FROM_NEURONS, NO_ROUTE, FabricPlan
from eventsim.engines.fabric_records import ARRIVED, NO_ROOM, PASSED_ON
from eventsim.fabric.contract import NOWHERE
from eventsim.fabric.ticks import next_tick


class Visit(NamedTuple):
    """A packet at one hop of its route: an entry of a log, as `fabric_records.HOP_RECORD` has it."""

    hop: int
    neuron: int  # in the log of an engine over all sources and populations
    number: int
    outcome: int
    emitted: Any
    sent: Any
    entered: Any
    started: Any
    ended: Any
    left: Any


class Leg(NamedTuple):
    """A packet at one station; times as the run has them.

    Attributes
    ----------
    station
        Its name.
    sent
        When the packet left the station before; at the first one that of its emission.
    entered, started, ended
        When it came to a port, when its service began, and when that ended; the last two are None where it found no
        room.
    left
        When this copy of it went on: later where the next station had no room, or where other copies went before it.
        None where it found no room.
    """

    station: str
    sent: Any
    entered: Any
    started: Any
    ended: Any
    left: Any

    @property
    def under_way(self) -> Any:
        """Time from the station before."""
        return self.entered - self.sent

    @property
    def waited(self) -> Any:
        """Time from when it came until its service began; 0 where it found no room."""
        return 0 if self.started is None else self.started - self.entered

    @property
    def served(self) -> Any:
        """Time of its service."""
        return 0 if self.started is None else self.ended - self.started

    @property
    def blocked(self) -> Any:
        """Time from the end of its service until it went on."""
        return 0 if self.started is None else self.left - self.ended


class Way(NamedTuple):
    """The way of one packet.

    Attributes
    ----------
    emitted
        When its spike was emitted.
    legs
        The stations that it came to, in order. One that still held another copy when the run ended is left out; () of
        a spike that needed no packet.
    outcome
        Of `fabric_records`: delivered, why it was lost at the last station, or passed on, to where nobody knows.
    core
        The core that it came to; -1: off the chip, or none.
    arrived, delivered
        When it was behind the latency of its last station, and when its spike went on to its synapses, at a tick if
        there are ticks; None where it was not delivered.
    """

    emitted: Any
    legs: tuple[Leg, ...]
    outcome: int
    core: int
    arrived: Any = None
    delivered: Any = None


def legs_to(plan: FabricPlan, visits: Mapping[int, Visit], hop: int) -> tuple[Leg, ...]:
    """Return the stations up to that of a hop; `visits` has what the log says of one spike's packets, by hop."""
    found: list[Leg] = []
    behind = None
    while hop != FROM_NEURONS:
        one = visits.get(hop)
        if one is not None:
            name, left = plan.stations[plan.hops[hop].station].name, one.left if behind is None else behind.sent
            times = (None, None, None) if one.outcome == NO_ROOM else (one.started, one.ended, left)
            found.append(Leg(name, one.sent, one.entered, *times))
        hop, behind = plan.hops[hop].before, one
    return tuple(reversed(found))


def ways_of(
    plan: FabricPlan, log: Iterable[Visit], latencies: Sequence[Any], tick: Any
) -> dict[tuple[int, int, int], Way]:
    """Return the ways that a log tells to their ends, delivered or lost, by neuron, number of the spike and core.

    Neurons are counted over all sources and populations. `latencies` are those of the stations, in the numbers of the
    log, as `tick` is.
    """
    visits: dict[tuple[int, int], dict[int, Visit]] = defaultdict(dict)
    for one in log:
        visits[one.neuron, one.number][one.hop] = one
    found: dict[tuple[int, int, int], Way] = {}
    for who, there in visits.items():
        for one in there.values():
            hop = plan.hops[one.hop]
            if one.outcome == PASSED_ON:
                continue
            way = Way(one.emitted, legs_to(plan, there, one.hop), one.outcome, hop.core)
            if one.outcome != ARRIVED:
                found |= {(*who, core): way for core in plan.cores_behind(one.hop)}
                continue
            arrived = one.left + latencies[hop.station]
            found[*who, hop.core] = way._replace(arrived=arrived, delivered=next_tick(arrived, tick))
    return found


def ways_without_stations(
    plan: FabricPlan, emissions: Iterable[tuple[Any, int, int]], tick: Any
) -> dict[tuple[int, int, int], Way]:
    """Return the ways of spikes to where they need no packet; `emissions` has when, neuron and number of each."""
    found: dict[tuple[int, int, int], Way] = {}
    for t, neuron, number in emissions:
        route = int(plan.route_of[neuron])
        for root in () if route == NO_ROUTE else plan.roots[route]:
            if plan.hops[root].station == NOWHERE:
                core = plan.hops[root].core
                found[neuron, number, core] = Way(t, (), ARRIVED, core, t, next_tick(t, tick))
    return found


def legs_text(legs: Sequence[Leg]) -> str:
    """Return stations and how long each kept the packet, in order; what took no time is left out.

    >>> legs_text([Leg("input", 0.0, 0.0, 0.0, 0.5, 0.5), Leg("core 2", 0.5, 0.75, 1.0, 1.25, 1.5)])
    'input served 0.5; under way 0.25; core 2 waited 0.25, served 0.25, blocked 0.25'
    """
    parts = []
    for one in legs:
        if one.under_way:
            parts.append(f"under way {float(one.under_way):.4g}")
        times = {"waited": one.waited, "served": one.served, "blocked": one.blocked}
        said = [f"{what} {float(time):.4g}" for what, time in times.items() if time]
        parts.append(f"{one.station} {', '.join(said) or 'at once'}")
    return "; ".join(parts)
