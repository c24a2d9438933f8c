"""A fabric on the reference engine: plain Python, one packet at a time, on any kind of number.

Relies on the plan of the fabric and on the arbiters' scalar functions. Used by `sample`; and where the way of spikes is
worked out again without an engine (`replay`). All happens in the order that docs/event-order.md publishes.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from sortedcontainers import SortedList

from eventsim.engines.fabric_plan import NO_LIMIT, NO_ROUTE, FabricPlan
from eventsim.engines.fabric_records import (
    AREA,
    ARRIVED,
    BLOCKED,
    BLOCKINGS,
    BUSY,
    DEEPEST,
    DELIVERED,
    DROPPED,
    FABRIC_COUNTERS,
    LATE,
    LONGEST,
    LOST,
    LOST_LATE,
    NO_ROOM,
    PACKETS,
    PASSED_ON,
    SERVED,
    SINCE,
    SPIKES,
    STATION_COUNTERS,
    TOO_LATE,
    WAITED,
    WAITING_NOW,
)
from eventsim.engines.packet_way import Visit
from eventsim.fabric.contract import DROP, NOWHERE
from eventsim.fabric.ticks import next_tick
from eventsim.randomness import uniforms

LANDING, END = 0, 1  # kinds of what is to come; in this order at one time
NO_PORT = -1


@dataclass
class Packet:
    """A spike, or a copy of it, at one hop of its route."""

    hop: int
    neuron: int  # over all sources and populations
    number: int
    emitted: Any
    sent: Any = None  # when it left the station before
    entered: Any = None
    started: Any = None


class Flight(NamedTuple):
    """A packet under way behind a station: to child `child` of its hop, or, at the end of its route, to its targets."""

    t: Any
    child: int
    packet: Packet


class Delivery(NamedTuple):
    """A packet that has come to the end of its route, from which its spike leaves for the synapses at `left`."""

    packet: Packet
    lanes: tuple[int, ...]
    left: Any


@dataclass
class StationState:
    """Where one station stands."""

    counters: list[Any]
    arbiter: list[Any]
    packet: Packet | None = None  # being served, or held since its service ended
    ends: Any = None
    child: int = 0  # to which the packet is passed on next
    blocked_at: int = NO_PORT
    blocked_since: Any = None
    flights: deque[Flight] = field(default_factory=deque)


class CircleError(Exception):
    """Stations that wait for each other, in order; ends the sample."""

    def __init__(self, stations: list[int]) -> None:
        super().__init__(stations)
        self.stations = stations


class FabricState:
    """Where the packets of one sample are.

    Parameters
    ----------
    plan
        The fabric as numbers.
    number
        The type of the run's numbers.
    key, sample_id
        The stream of random arbitration, and the sample.
    logs
        Whether each hop of each packet is recorded; None: as the fabric says.
    """

    def __init__(self, plan: FabricPlan, number: Any, key: int, sample_id: Any, logs: bool | None = None) -> None:
        self.logs = plan.fabric.log if logs is None else logs
        self.plan, self.number, self.key, self.sample_id = plan, number, np.uint64(key), sample_id
        self.zero = number(0)
        self.service = [number(station.service) for station in plan.stations]
        self.latency = [number(station.latency) for station in plan.stations]
        self.work = [number(value) for value in plan.work]
        self.tick = number(plan.fabric.tick)
        self.deadline = None if plan.fabric.deadline is None else number(plan.fabric.deadline)
        self.numbers = [one.arbiter.numbers(plan.n_ports(k)) for k, one in enumerate(plan.stations)]
        self.stations = [
            StationState([self.zero] * len(STATION_COUNTERS), [0.0] * one.arbiter.n_state(plan.n_ports(k)))
            for k, one in enumerate(plan.stations)
        ]
        self.ports: list[deque[Packet]] = [deque() for _ in plan.ports]
        self.taken = [0] * len(plan.ports)
        self.ready: set[int] = set()  # stations that may be free and have a packet waiting
        self.to_come = SortedList()  # (t, LANDING or END, station, a number that keeps the order of flights)
        self.flown = 0
        self.counters = [0] * len(FABRIC_COUNTERS)
        self.delivered: list[Delivery] = []
        self.log: list[Visit] = []
        self.served = 0  # services so far

    # -- what an engine calls ----------------------------------------------------------------------------------------

    def inject(self, t: Any, neuron: int, number: int) -> None:
        """A neuron sends a spike."""
        route = int(self.plan.route_of[neuron])
        if route == NO_ROUTE:
            return
        self.counters[SPIKES] += 1
        self.counters[PACKETS] += self.plan.leaves(route)
        for root in self.plan.roots[route]:
            packet = Packet(root, neuron, number, t)
            if self.plan.hops[root].station == NOWHERE:
                self._deliver(packet, t)
            else:
                self._send(packet, root, self.zero, t)

    def settle(self, t: Any) -> list[Delivery]:
        """All that happens at t, round after round; return what was delivered."""
        while True:
            due = []
            while self.to_come and self.to_come[0][0] == t:
                due.append(self.to_come.pop(0))
            for _, kind, station, _ in due:
                if kind == LANDING:
                    self._land(station)
            for _, kind, station, _ in due:
                if kind == END:
                    self._pass_on(station, t)
            free = sorted(k for k in self.ready if self.stations[k].packet is None)
            self.ready.clear()
            for station in free:
                self._start(station, t)
            if not due and not free:
                break
        delivered, self.delivered = self.delivered, []
        return delivered

    def next_time(self) -> Any:
        """When something happens next; None: nothing will."""
        return self.to_come[0][0] if self.to_come else None

    def under_way(self) -> int:
        """How many ends of routes the packets that are in the fabric have still before them."""
        hops = self.plan.hops
        found = 0
        for state in self.stations:
            if state.packet is not None:
                hop = hops[state.packet.hop]
                children = range(hop.first_child + state.child, hop.first_child + hop.n_children)
                found += sum(hops[child].leaves for child in children) if hop.n_children else 1
            for flight in state.flights:
                found += self._behind(flight)
        return found + sum(hops[packet.hop].leaves for port in self.ports for packet in port)

    def _behind(self, flight: Flight) -> int:
        hop = self.plan.hops[flight.packet.hop]
        return self.plan.hops[hop.first_child + flight.child].leaves if hop.n_children else 1

    # -- from station to station -------------------------------------------------------------------------------------

    def _start(self, k: int, t: Any) -> None:
        """A free station takes the packet that its arbiter chooses."""
        state, first = self.stations[k], self.plan.first_port[k]
        waiting = [port for port in range(first, self.plan.first_port[k + 1]) if self.ports[port]]
        if not waiting:
            return
        arbiter = self.plan.stations[k].arbiter
        port = waiting[0] if len(waiting) == 1 else min((self._rank(k, arbiter, port), port) for port in waiting)[1]
        arbiter.served(self.numbers[k], state.arbiter, port - first)
        packet = self.ports[port].popleft()
        self.taken[port] -= 1
        self._count_waiting(k, -1, t)
        waited = t - packet.entered
        service = self._service(k, packet)
        counters = state.counters
        counters[SERVED] += 1
        counters[BUSY] += service
        counters[WAITED] += waited
        counters[LONGEST] = max(counters[LONGEST], waited)
        packet.started = t
        state.packet, state.ends, state.child = packet, t + service, 0
        self.to_come.add((state.ends, END, k, 0))
        self.served += 1
        sender = self.plan.ports[port].sender
        if sender >= 0 and self.stations[sender].blocked_at == port:
            blocked = self.stations[sender]
            blocked.counters[BLOCKED] += t - blocked.blocked_since
            blocked.blocked_at = NO_PORT
            self._pass_on(sender, t)

    def _rank(self, k: int, arbiter: Any, port: int) -> Any:
        head = self.ports[port][0]
        who = head.neuron + (self.plan.hops[head.hop].root << 32)
        draw = uniforms(np.uint64(int(self.key) + k & (2**64 - 1)), self.sample_id, who, head.number)[0]
        return arbiter.rank(
            self.numbers[k], self.stations[k].arbiter, port - self.plan.first_port[k], head.entered, draw
        )

    def _service(self, k: int, packet: Packet) -> Any:
        work = self.plan.hops[packet.hop].work
        if work == NOWHERE:
            return self.service[k]
        node = int(np.searchsorted(self.plan.first, packet.neuron, side="right")) - 1
        return self.work[work + packet.neuron - int(self.plan.first[node])]

    def _pass_on(self, k: int, t: Any) -> None:
        """The packet of a station leaves it: copy after copy, until one finds no room."""
        state, plan = self.stations[k], self.plan
        packet = state.packet
        assert packet is not None
        hop = plan.hops[packet.hop]
        if hop.n_children == 0:
            self._leave_for_targets(k, packet, t)
        while state.child < hop.n_children:
            child = hop.first_child + state.child
            port = plan.hops[child].port
            if self._is_full(port) and not plan.ports[port].drops:
                state.blocked_at, state.blocked_since = port, t
                state.counters[BLOCKINGS] += 1
                self._look_for_a_deadlock(k)
                return
            copy = Packet(packet.hop, packet.neuron, packet.number, packet.emitted)
            state.child += 1
            if state.child == hop.n_children:
                self._record(packet, PASSED_ON, state.ends, t)
            self._send(copy, child, self.latency[k], t, k)
        state.packet = None
        self.ready.add(k)

    def _send(self, packet: Packet, hop: int, latency: Any, t: Any, sender: int = -1) -> None:
        """A packet goes to the port of a hop: it takes a place there now, and is there after the latency."""
        port = self.plan.hops[hop].port
        packet.sent = t
        if self._is_full(port):
            self.stations[self.plan.ports[port].station].counters[DROPPED] += 1
            self.counters[LOST] += self.plan.hops[hop].leaves
            packet.hop, packet.entered = hop, t
            self._record(packet, NO_ROOM, None, None)
            return
        self.taken[port] += 1
        if latency > 0:
            self._fly(sender, Flight(t + latency, hop - self.plan.hops[packet.hop].first_child, packet))
        else:
            packet.hop = hop
            self._enter(port, packet, t)

    def _fly(self, sender: int, flight: Flight) -> None:
        self.stations[sender].flights.append(flight)
        self.to_come.add((flight.t, LANDING, sender, self.flown))
        self.flown += 1

    def _land(self, sender: int) -> None:
        """The first packet under way behind a station is there."""
        t, child, packet = self.stations[sender].flights.popleft()
        hop = self.plan.hops[packet.hop]
        if hop.n_children == 0:
            self._deliver(packet, t)
            return
        packet.hop = hop.first_child + child
        self._enter(self.plan.hops[packet.hop].port, packet, t)

    def _enter(self, port: int, packet: Packet, t: Any) -> None:
        station = self.plan.ports[port].station
        packet.entered = t
        self.ports[port].append(packet)
        self._count_waiting(station, 1, t)
        self.ready.add(station)

    def _leave_for_targets(self, k: int, packet: Packet, t: Any) -> None:
        """The end of a route: is the packet in time?"""
        state = self.stations[k]
        latency, counters = self.latency[k], self.stations[k].counters
        if self.deadline is not None and t + latency - packet.emitted > self.deadline:
            counters[LATE] += 1
            if self.plan.fabric.late == DROP:
                counters[LOST_LATE] += 1
                self.counters[LOST] += 1
                self._record(packet, TOO_LATE, state.ends, t)
                return
        self._record(packet, ARRIVED, state.ends, t)
        if latency > 0:
            copy = Packet(packet.hop, packet.neuron, packet.number, packet.emitted)
            self._fly(k, Flight(t + latency, 0, copy))
        else:
            self._deliver(packet, t)

    def _deliver(self, packet: Packet, t: Any) -> None:
        self.counters[DELIVERED] += 1
        self.delivered.append(Delivery(packet, self.plan.hops[packet.hop].lanes, next_tick(t, self.tick)))

    def _is_full(self, port: int) -> bool:
        places = self.plan.ports[port].places
        return places != NO_LIMIT and self.taken[port] >= places

    def _look_for_a_deadlock(self, k: int) -> None:
        """Each blocked station waits for one other: does that lead back?"""
        chain, station = [k], k
        while self.stations[station].blocked_at != NO_PORT:
            station = self.plan.ports[self.stations[station].blocked_at].station
            if station == k:
                raise CircleError(chain)
            if station in chain:
                return  # a cycle that was there before
            chain.append(station)

    # -- what is counted and recorded --------------------------------------------------------------------------------

    def _count_waiting(self, k: int, change: int, t: Any) -> None:
        counters = self.stations[k].counters
        counters[AREA] += counters[WAITING_NOW] * (t - counters[SINCE])
        counters[SINCE] = t
        counters[WAITING_NOW] += change
        counters[DEEPEST] = max(counters[DEEPEST], counters[WAITING_NOW])

    def _record(self, packet: Packet, outcome: int, ended: Any, left: Any) -> None:
        if self.logs:
            times = packet.emitted, packet.sent, packet.entered, packet.started, ended, left
            self.log.append(Visit(packet.hop, packet.neuron, packet.number, outcome, *times))
