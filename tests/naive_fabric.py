"""A simulator of fabrics written with simpy: what the tests hold the fabric of both engines against.

It relies on simpy and the standard library and imports nothing of eventsim, so that no mistake can be shared. Every
station is a process that waits for a packet, serves it and passes its copies on; there is no loop over rounds. What
happens at one time is put in order by simpy's own queue, since every event has a slot there:

    (phase, round, step, station): phase 0 is before micro-step 0, phase n + 1 after stage 5 of micro-step n;
    round 0 are the injections; in the rounds 1, 2, ... the steps are 1 landings, 2 ends of service, 3 starts.

A station that is called on in a slot starts in the next slot of starts that is its own; a service of 0 ends in the next
round; what has taken time comes in round 1 of phase 0. What a station does to another one at once (a blocked sender
passes its packet on when a place becomes free) comes before any further slot.

Numbers may be ``float`` or ``Fraction``, none is converted. Phase is also the micro-step in which what is delivered
then arrives. ``test_naive_fabric.py`` holds this file against examples by hand and queueing theory.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import simpy

Number = Any  # float or Fraction; None where there is none


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
    outcome: str  # passed, delivered, dropped, late


class Delivery(NamedTuple):
    """A spike that goes on to its targets at a leaf: at `time`, in micro-step `phase`."""

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


# -- time ------------------------------------------------------------------------------------------------------------

INJECTIONS, LANDINGS, ENDS, STARTS = range(4)


class Slot(NamedTuple):
    """Where something stands among all that happens at one time; `nth` orders what one station does in one step."""

    phase: int
    round: int
    step: int
    station: int = 0
    nth: int = 0

    def start(self, station: int) -> "Slot":
        """The next slot in which a station that has become free, or has got a packet, in this slot can start."""
        gone = self.step == STARTS and station <= self.station
        return Slot(self.phase, max(self.round, 1) + gone, STARTS, station)

    def next_round(self, step: int, station: int, nth: int = 0) -> "Slot":
        return Slot(self.phase, self.round + 1, step, station, nth)


AT_ONCE = Slot(-1, 0, 0)  # of what simpy schedules for itself: it goes before all slots, and is in none


class At:
    """A delay that ends at a given time to the bit: simpy adds it to its clock."""

    def __init__(self, time: Number) -> None:
        self.time = time

    def __radd__(self, now: Number) -> Number:
        return self.time


class Instants(simpy.Environment):
    """A clock whose simultaneous events happen in the order of their slots; `slot` is the one that it is in."""

    slot = AT_ONCE

    def schedule(self, event: simpy.Event, priority: Any = AT_ONCE, delay: Any = 0) -> None:
        """Schedule an event in a slot."""
        slot = priority if isinstance(priority, Slot) else AT_ONCE
        if slot != AT_ONCE:
            event.callbacks.insert(0, lambda _: setattr(self, "slot", slot))
        super().schedule(event, slot, delay)  # type: ignore[arg-type]  # any order will do for the queue

    def after(self, delay: Number, step: int, station: int, nth: int = 0) -> "Moment":
        """A moment `delay` from now, or in the next round where that is now."""
        time = self.now + delay
        slot = Slot(0, 1, step, station, nth) if time > self.now else self.slot.next_round(step, station, nth)
        return Moment(self, time, slot)


class Moment(simpy.Event):
    """What happens by itself in a slot of a time (a simpy.Timeout knows no slots)."""

    def __init__(self, env: Instants, time: Number, slot: Slot) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        env.schedule(self, slot, At(time))

    def then(self, action: Callable[[], Any]) -> "Moment":
        self.callbacks.append(lambda _: action())
        return self


class DeadlockError(Exception):
    """Stations of which each is blocked at a port of the next, the last at one of the first."""


# -- arbiters: from the heads {port: (entered, draw)} to the port that is served next ----------------------------------

Heads = dict[int, tuple[Number, float]]


class FirstCome:
    def __init__(self, n_ports: int) -> None:
        self.n_ports = n_ports

    def choose(self, heads: Heads) -> int:
        return min(heads, key=lambda port: (heads[port][0], port))


class FixedPriority(FirstCome):
    def choose(self, heads: Heads) -> int:
        return min(heads)


class Random(FirstCome):
    def choose(self, heads: Heads) -> int:
        return min(heads, key=lambda port: (heads[port][1], port))


class RoundRobin(FirstCome):
    """The next port in turn behind the one served last; port 0 at the beginning."""

    last = -1

    def choose(self, heads: Heads) -> int:
        turns = [(self.last + k) % self.n_ports for k in range(1, self.n_ports + 1)]
        self.last = next(port for port in turns if port in heads)
        return self.last


class BinaryTree(FirstCome):
    """At every node from the root on the side that was not served last, if anything waits there."""

    def __init__(self, n_ports: int) -> None:
        super().__init__(n_ports)
        self.lower_is_next: dict[tuple[int, int], bool] = {}

    def choose(self, heads: Heads) -> int:
        low, size = 0, 1
        while size < self.n_ports:
            size *= 2
        while size > 1:
            node, size = (low, size), size // 2
            lower = any(low <= port < low + size for port in heads)
            upper = any(low + size <= port < low + 2 * size for port in heads)
            goes_low = lower and (self.lower_is_next.get(node, True) or not upper)
            self.lower_is_next[node] = not goes_low
            low += 0 if goes_low else size
        return low


ARBITERS: dict[str, type[FirstCome]] = {
    "first_come": FirstCome, "fixed_priority": FixedPriority, "round_robin": RoundRobin, "binary_tree": BinaryTree,
    "random": Random,
}  # fmt: skip

Draw = Callable[[int, int, int, int], float]  # (source, number, root, station) -> [0, 1)


# -- packets and stations --------------------------------------------------------------------------------------------


class Packet(NamedTuple):
    source: int
    number: int
    root: int
    emitted: Number


class Waiting(NamedTuple):
    packet: Packet
    stop: Stop
    entered: Number
    draw: float


class Port:
    """A queue before a station; what is in flight to it holds its place already."""

    def __init__(self, owner: "Server", sender: int | None) -> None:
        self.owner, self.sender = owner, sender
        self.limit = owner.station.intake if sender is None else owner.station.buffer
        self.queue: deque[Waiting] = deque()
        self.in_flight = 0
        self.room: simpy.Event | None = None  # what a blocked sender waits for

    def is_full(self) -> bool:
        return self.limit is not None and len(self.queue) + self.in_flight >= self.limit


class Server:
    """The process of one station."""

    def __init__(self, run: "Run", number: int, senders: list[int | None]) -> None:
        self.run, self.env, self.number = run, run.env, number
        self.station, self.counters = run.fabric.stations[number], run.result.counters[number]
        self.ports = {sender: Port(self, sender) for sender in senders}
        self.in_order = list(self.ports.values())
        self.arbiter = ARBITERS[self.station.arbiter](len(senders))
        self.bell: simpy.Event | None = None  # rung by a packet that enters while nothing waits and nothing is served
        self.not_before: tuple[Number, Slot] = (run.env.now, AT_ONCE)
        self.serving_since: Number = None
        self.blocked_at: Port | None = None
        self.blocked_since: Number = 0
        self.holds: deque[Stop] = deque()  # copies still to be passed on, in order
        self.n_left, self.changed = 0, run.env.now

    def life(self) -> Generator[simpy.Event, Any, None]:
        """Wait for a packet and for the turn, serve, pass on, be free."""
        while True:
            if not self.n_waiting():
                self.bell = self.env.event()
                yield self.bell
                self.bell = None
            yield Moment(self.env, *max(self.not_before, (self.env.now, self.env.slot.start(self.number))))
            packet, stop, entered, _ = self.take()
            started = self.serving_since = self.env.now
            self.holds = deque(stop.children or [stop])
            service = self.station.service if stop.work is None else stop.work
            yield self.env.after(service, ENDS, self.number)
            ended = self.env.now
            self.served(started)
            record = Record(
                packet.source, packet.number, self.number, packet.emitted, entered, started, ended, ended, ""
            )
            if stop.children:
                yield from self.pass_on(packet)
                self.run.result.log.append(record._replace(left=self.env.now, outcome="passed"))
            else:
                self.leave(self.holds.popleft(), partial(self.run.deliver, packet, stop, record))
            # Who becomes free in a step of starts was not free at its beginning.
            slot = self.env.slot
            self.not_before = self.env.now, slot.next_round(STARTS, self.number) if slot.step == STARTS else AT_ONCE

    def n_waiting(self) -> int:
        return sum(len(port.queue) for port in self.in_order)

    def depth_changes(self) -> None:
        """Called before a packet enters or is taken, and at the end of the run."""
        self.counters.area += self.n_waiting() * (self.env.now - self.changed)
        self.changed = self.env.now

    def take(self) -> Waiting:
        """The head that the arbiter wants; a sender that is blocked at its port goes on at once."""
        heads = {k: (port.queue[0].entered, port.queue[0].draw) for k, port in enumerate(self.in_order) if port.queue}
        port = self.in_order[self.arbiter.choose(heads)]
        self.depth_changes()
        head = port.queue.popleft()
        waited = self.env.now - head.entered
        self.counters.waited += waited
        self.counters.longest_wait = max(self.counters.longest_wait, waited)
        if port.room is not None:
            port.room.succeed()
        return head

    def served(self, started: Number) -> None:
        self.counters.served += 1
        self.counters.busy += self.env.now - started
        self.serving_since = None

    def enter(self, port: Port, packet: Packet, stop: Stop) -> None:
        self.depth_changes()
        draws = self.station.arbiter == "random"
        draw = self.run.draw(packet.source, packet.number, packet.root, self.number) if draws else 0.0
        port.queue.append(Waiting(packet, stop, self.env.now, draw))
        self.counters.deepest = max(self.counters.deepest, self.n_waiting())
        if self.bell is not None and not self.bell.triggered:
            self.bell.succeed()

    def refuse(self, packet: Packet, stop: Stop) -> None:
        """A packet that is lost at a full port of this station, with all that it would have reached."""
        self.counters.dropped += 1
        self.run.result.dropped += stop.leaves()
        now = self.env.now
        lost = Record(packet.source, packet.number, self.number, packet.emitted, now, None, None, None, "dropped")
        self.run.result.log.append(lost)

    def pass_on(self, packet: Packet) -> Generator[simpy.Event, Any, None]:
        """Give its copy to each of the stops that are held, in order, waiting where there is no room."""
        while self.holds:
            stop = self.holds[0]
            server = self.run.server(stop)
            port = server.ports[self.number]
            if port.is_full() and server.station.full == "stall":
                yield from self.wait_for_room(port)
            self.holds.popleft()
            if port.is_full():
                server.refuse(packet, stop)
            else:
                port.in_flight += 1
                self.leave(stop, partial(server.land, port, packet, stop))

    def leave(self, stop: Stop, arrive: Callable[[], None]) -> None:
        """A copy is on its way: it arrives after the latency, or now."""
        if self.station.latency == 0:
            arrive()
            return
        self.n_left += 1
        flight = self.number, self.n_left
        self.run.flights[flight] = stop
        landing = self.env.after(self.station.latency, LANDINGS, *flight)
        landing.then(partial(self.run.flights.pop, flight)).then(arrive)

    def land(self, port: Port, packet: Packet, stop: Stop) -> None:
        port.in_flight -= 1
        self.enter(port, packet, stop)

    def wait_for_room(self, port: Port) -> Generator[simpy.Event, Any, None]:
        self.blocked_at, self.blocked_since = port, self.env.now
        self.counters.blockings += 1
        cycle, at = [self.number], port.owner
        while at is not self and at.blocked_at is not None:
            cycle.append(at.number)
            at = at.blocked_at.owner
        if at is self:
            raise DeadlockError(tuple(cycle))
        port.room = self.env.event()
        yield port.room
        port.room = self.blocked_at = None
        self.counters.blocked += self.env.now - self.blocked_since

    def under_way(self) -> int:
        """Leaves of all that waits here, is served, or is held by a sender that is blocked."""
        return sum(stop.leaves() for stop in self.holds) + sum(
            waiting.stop.leaves() for port in self.in_order for waiting in port.queue
        )

    def finish(self) -> None:
        """Count what is not over at the end of the run up to there."""
        self.depth_changes()
        if self.serving_since is not None:
            self.counters.busy += self.env.now - self.serving_since
        if self.blocked_at is not None:
            self.counters.blocked += self.env.now - self.blocked_since


# -- a run -----------------------------------------------------------------------------------------------------------


class Run:
    """The stations of a fabric, what comes in, and what comes out."""

    def __init__(self, fabric: Fabric, draw: Draw) -> None:
        self.fabric, self.draw, self.env = fabric, draw, Instants()
        self.result = Result([Counters() for _ in fabric.stations])
        self.flights: dict[tuple[int, int], Stop] = {}  # by the station that they left, and which of its copies it is
        self.relayed: set[int] = set()
        self.servers = [Server(self, number, senders) for number, senders in enumerate(fabric.senders())]
        for server in self.servers:
            self.env.process(server.life())
        for time, phase, source, number in fabric.injections:
            self.spike_at(time, phase, source, number)

    def server(self, stop: Stop) -> Server:
        return self.servers[stop.station]  # type: ignore[index]  # only roots have none

    def spike_at(self, time: Number, phase: int, source: int, number: int) -> None:
        slot = Slot(phase, 0, INJECTIONS, source, number)
        Moment(self.env, time, slot).then(partial(self.inject, source, number))

    def inject(self, source: int, number: int) -> None:
        for k, root in enumerate(self.fabric.routes[source]):
            packet = Packet(source, number, k, self.env.now)
            self.result.injected += root.leaves()
            if root.station is None:
                self.deliver(packet, root)
                continue
            server = self.server(root)
            port = server.ports[None]
            if port.is_full():
                server.refuse(packet, root)
            else:
                server.enter(port, packet, root)

    def deliver(self, packet: Packet, stop: Stop, record: Record | None = None) -> None:
        """A packet is at the leaf now; it goes on at the next tick."""
        now, fabric, result = self.env.now, self.fabric, self.result
        late = fabric.deadline is not None and now - packet.emitted > fabric.deadline
        lost = late and fabric.late == "drop"
        result.late += late
        result.dropped += lost
        if record is not None:
            result.log.append(record._replace(outcome="late" if lost else "delivered"))
        if lost:
            return
        time = next_tick(now, fabric.tick) if fabric.tick else now
        phase = self.env.slot.phase if time == now else 0
        result.deliveries.append(Delivery(time, phase, packet.source, packet.number, stop.leaf))  # type: ignore[arg-type]
        for source in fabric.relays.get(stop.leaf, ()):  # type: ignore[arg-type]
            if source not in self.relayed:
                self.relayed.add(source)
                self.spike_at(time, phase + 1, source, 0)

    def under_way(self) -> int:
        return sum(server.under_way() for server in self.servers) + sum(stop.leaves() for stop in self.flights.values())


def next_tick(time: Number, tick: Number) -> Number:
    """The least k * tick, as these numbers are multiplied, that isn't before `time`."""
    k = int(time // tick)
    while k * tick < time:
        k += 1
    return k * tick


def simulate(fabric: Fabric, draw: Draw | None = None, until: Number = None) -> Result:
    """Run a fabric until nothing is under way, until it is stuck, or up to what happens before `until`.

    `draw` gives random arbiters the number of a packet at a station, `(source, number, root, station) -> [0, 1)`.
    """
    run = Run(fabric, draw or (lambda source, number, root, station: 0.0))
    try:
        run.env.run(None if until is None else Moment(run.env, until, AT_ONCE))
    except DeadlockError as found:
        run.result.deadlock = found.args[0]
    for server in run.servers:
        server.finish()
    run.result.end = run.env.now
    run.result.under_way = run.under_way()
    return run.result
