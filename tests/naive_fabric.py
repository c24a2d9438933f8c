"""A simulator of fabrics written with simpy: what the tests hold the fabric of both engines against.

It relies on simpy and the standard library and imports nothing of eventsim, so that no mistake can be shared. Every
station is a process that waits for a packet and for its turn, serves it and passes its copies on. There is no loop over
rounds: each event has a slot in the order of its time (`instants`), and simpy's queue does the rest. What one station
does to another at once (who is blocked passes its packet on when a place becomes free) comes before any further slot.

Numbers may be ``float`` or ``Fraction``, none is converted. ``test_naive_fabric.py`` holds this file against examples
by hand, ``test_fabric_theory.py`` against queueing theory, ``test_random_fabrics.py`` against laws.
"""

from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, NamedTuple

import simpy
from fabric_data import Counters, Delivery, Fabric, Number, Record, Result, Stop
from instants import AT_ONCE, ENDS, INJECTIONS, LANDINGS, Instants, Moment, Slot

Process = Generator[simpy.Event, Any, None]


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


BY_NAME: dict[str, type[FirstCome]] = {
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
        self.arbiter = BY_NAME[self.station.arbiter](len(senders))
        self.bell: simpy.Event | None = None  # rung by a packet that enters while nothing waits and nothing is served
        self.serving_since: Number = None
        self.blocked_at: Port | None = None
        self.blocked_since: Number = 0
        self.holds: deque[Stop] = deque()  # copies still to be passed on, in order
        self.n_left, self.changed = 0, run.env.now

    def life(self) -> Process:
        """Wait for a packet and for the turn, serve, pass on, be free."""
        while True:
            if not self.n_waiting():
                self.bell = self.env.event()
                yield self.bell
                self.bell = None
            yield Moment(self.env, self.env.now, self.env.slot.start(self.number))
            packet, stop, entered, _ = self.take()
            started = self.serving_since = self.env.now
            self.holds = deque(stop.children or [stop])
            service = self.station.service if stop.work is None else stop.work
            yield self.env.after(service, ENDS, self.number)
            ended = self.env.now
            self.served(started)
            visit = packet.emitted, entered, started, ended
            record = Record(packet.source, packet.number, self.number, *visit, left=ended, outcome="passed on")
            if stop.children:
                yield from self.pass_on(packet)
                self.run.result.log.append(record._replace(left=self.env.now))
            else:
                self.leave(self.holds.popleft(), partial(self.run.deliver, packet, stop, record))

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

    def pass_on(self, packet: Packet) -> Process:
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

    def wait_for_room(self, port: Port) -> Process:
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
