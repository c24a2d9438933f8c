"""Small random fabrics as plain data: topologies, multicast, arbiters, buffers, ties, relays, and some that get stuck.

A case is a function of one integer. Injections come from sources (phase 0), and relays spike where a leaf reaches them,
so every case is a network that an engine can run too. Half of the cases have times on a coarse grid, where much happens
at one time; decimal grids tie almost; the rest is fine. Stations are numbered at random, since order goes by numbers.
"""

import random
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from fabric_data import ARBITERS, Fabric, Injection, Result, Station, Stop

Node = Any  # of a graph: a number or coordinates
Path = tuple[Hashable, ...]  # of stations that have no numbers yet
TOPOLOGIES = ("chain", "star", "tree", "ring", "mesh", "torus", "graph")
SHARE = 1 << 30  # of random numbers between 0 and 1


@dataclass
class Case:
    """A fabric; `topology` : how it was drawn; `seed` : of `draw`; `load` : what is behind its leaves."""

    fabric: Fabric
    topology: str
    seed: int
    load: "Load"

    def draw(self, source: int, number: int, root: int, station: int) -> float:
        """What random arbiters draw for one packet at one station."""
        return random.Random(f"{self.seed} {source} {number} {root} {station}").random()


def case(number: int, exact: bool = False, topology: str | None = None) -> Case:
    """Case `number`, of a topology or of all in turn; `exact` : its times are Fractions."""
    topology = topology or TOPOLOGIES[number % len(TOPOLOGIES)]
    draws = _Draws(random.Random(number), topology, exact)
    return Case(draws.fabric(), topology, number, draws.load)


@dataclass
class Load:
    """Where the work of a stop comes from: service + synapses * per_synapse + neurons * per_neuron, in this order.

    `reached` : how many synapses and neurons a source has at a leaf: those of its relays, and of one silent neuron.
    """

    per_synapse: list[Any] = field(default_factory=list)  # of each station
    per_neuron: list[Any] = field(default_factory=list)
    reached: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)  # by source and leaf

    def work(self, source: int, station: int, leaf: int, service: Any) -> Any:
        """What a packet of a source takes at its last station; None: no more than any other."""
        per_synapse, per_neuron = self.per_synapse[station], self.per_neuron[station]
        if not (per_synapse or per_neuron):
            return None
        synapses, neurons = self.reached[source, leaf]
        return service + synapses * per_synapse + neurons * per_neuron


# -- topologies: between which nodes there are links, and the way of a packet ------------------------------------------


def xy_path(start: Node, end: Node, size: tuple[int, int], wraps: bool) -> list[Node]:
    """First along x, then along y; around the edge where that's shorter and the mesh is a torus."""
    at, path = list(start), [start]
    for axis in (0, 1):
        while at[axis] != end[axis]:
            ahead = (end[axis] - at[axis]) % size[axis]
            shorter = 1 if ahead <= size[axis] - ahead else -1
            at[axis] += shorter if wraps else (1 if end[axis] > at[axis] else -1)
            at[axis] %= size[axis]
            path.append(tuple(at))
    return path


def tree_path(start: int, end: int) -> list[int]:
    """In a heap-ordered binary tree: up to the common ancestor and down."""
    up, down = [start], [end]
    while up[-1] != down[-1]:
        if up[-1] > down[-1]:
            up.append((up[-1] - 1) // 2)
        else:
            down.append((down[-1] - 1) // 2)
    return [*up, *reversed(down[:-1])]


def shortest_path(links: dict[int, list[int]], start: int, end: int) -> list[int]:
    """Breadth first, so that all ways to one end from one start make a tree."""
    before, ring = {start: start}, [start]
    while end not in before:
        ahead = [(node, target) for node in ring for target in links[node] if target not in before]
        ring = []
        for node, target in ahead:
            if target not in before:
                before[target] = node
                ring.append(target)
    path = [end]
    while path[-1] != start:
        path.append(before[path[-1]])
    return path[::-1]


def merged(ends: list[tuple[list[int], Stop]]) -> tuple[Stop, ...]:
    """The trees that paths make, each of stations before a last stop; stops in the order in which they are met."""
    behind: dict[Any, list[tuple[list[int], Stop]]] = defaultdict(list)
    for path, last in ends:
        behind[path[0] if path else last].append((path[1:], last))
    return tuple(first if isinstance(first, Stop) else Stop(first, merged(rest)) for first, rest in behind.items())


class _Graph:
    """The nodes of a topology and the way between two of them."""

    def __init__(self, draw: random.Random, topology: str) -> None:
        self.topology, n = topology, draw.randint(3, 6)
        self.size = draw.choice([(2, 2), (3, 2), (2, 3), (3, 3)] if topology == "mesh" else [(3, 3), (4, 2), (3, 2)])
        self.nodes: list[Node] = list(range(n))
        if topology in ("mesh", "torus"):
            self.nodes = [(x, y) for x in range(self.size[0]) for y in range(self.size[1])]
        around = draw.sample(range(n), n)  # a circle through all nodes, so that each reaches each
        self.links = {node: [around[(k + 1) % n]] for k, node in enumerate(around)}
        for _ in range(draw.randint(0, n)):
            self.links[draw.randrange(n)].append(draw.randrange(n))

    def path(self, start: Node, end: Node) -> list[Node]:
        if self.topology in ("mesh", "torus"):
            return xy_path(start, end, self.size, self.topology == "torus")
        if self.topology == "chain":
            return list(range(start, end + 1)) if start <= end else list(range(start, end - 1, -1))
        if self.topology == "star":
            return [start] if start == end else [start, end] if 0 in (start, end) else [start, 0, end]
        if self.topology == "tree":
            return tree_path(start, end)
        if self.topology == "ring":
            return [(start + k) % len(self.nodes) for k in range((end - start) % len(self.nodes) + 1)]
        return shortest_path(self.links, start, end)


# -- one case --------------------------------------------------------------------------------------------------------


class _Draws:
    """One case's draws: first the paths, then numbers for the stations on them, then what comes in."""

    def __init__(self, draw: random.Random, topology: str, exact: bool) -> None:
        self.draw, self.exact, self.graph = draw, exact, _Graph(draw, topology)
        self.multicast = draw.random() < 0.5
        self.bare = not self.multicast and draw.random() < 0.3  # routers deliver; else each node has a core behind it
        self.linked = draw.random() < 0.25  # a link is a station of its own
        self.grid = draw.choice(["coarse", "coarse", "coarse", "decimal", "fine"])
        self.crowded = draw.random() < 0.6
        self.works = draw.random() < 0.4
        self.load = Load()
        self.tight = draw.random() < 0.25  # one place, no latency, some services of 0: rounds decide
        if self.tight:
            self.grid, self.crowded = "coarse", True

    def time(self, most: int, zero: float = 0.0) -> Any:
        """A number in [0, most] of the grid, exactly 0 with probability `zero`."""
        if self.draw.random() < zero:
            return Fraction(0) if self.exact else 0.0
        if self.grid == "fine":
            share = self.draw.randrange(1, SHARE)
            return Fraction(most * share, SHARE) if self.exact else most * self.draw.uniform(0.001, 1.0)
        k, parts = self.draw.randint(1, 2 * most), 2 if self.grid == "coarse" else 10
        if self.exact:
            return Fraction(k, 3 if self.grid == "coarse" else 10)
        return k / 2 if parts == 2 else k * 0.1

    def fabric(self) -> Fabric:
        nodes = self.graph.nodes
        n_inputs = self.draw.randint(2, 6)
        paths = [self.paths(self.draw.choice(nodes)) for _ in range(n_inputs)]
        reached = sorted({leaf for found in paths for _, leaf in found})
        relays = defaultdict(list)
        for source in range(n_inputs, n_inputs + self.draw.choice([0, 1, 2, 3]) if reached else n_inputs):
            leaf = self.draw.choice(reached)
            relays[leaf].append(source)
            paths.append(self.paths(nodes[leaf]))
        numbers = self.numbers([path for found in paths for path, _ in found])
        for source, leaf in ((source, leaf) for source, found in enumerate(paths) for _, leaf in found):
            neurons = 1 + len(relays[leaf])
            self.load.reached[source, leaf] = neurons + self.draw.randint(0, 2), neurons
        stations = self.stations(len(numbers))
        return Fabric(
            stations=stations,
            routes=[self.route(source, found, numbers, stations) for source, found in enumerate(paths)],
            injections=sorted(spike for source in range(n_inputs) for spike in self.spikes(source)),
            relays={leaf: tuple(sources) for leaf, sources in relays.items() if sources},
            deadline=self.time(6) if self.draw.random() < 0.3 else None,
            late=self.draw.choice(["deliver", "drop"]),
            tick=self.time(2) if self.draw.random() < 0.2 else 0,
        )

    def paths(self, entry: Node) -> list[tuple[Path, int]]:
        """To each of some ends: the stations on the way (none, now and then), and the leaf."""
        nodes = self.graph.nodes
        if self.draw.random() < 0.03:
            return []
        found = []
        for end in self.draw.sample(nodes, self.draw.randint(1, min(4, len(nodes)))):
            way = self.graph.path(entry, end)
            stations: list[Hashable] = [way[0]]
            for link in pairwise(way):
                stations += [("link", link), link[1]] if self.linked else [link[1]]
            stations += [] if self.bare else [("core", end)]
            found.append((() if self.draw.random() < 0.03 else tuple(stations), nodes.index(end)))
        return found

    def numbers(self, paths: list[Path]) -> dict[Hashable, int]:
        """Of all stations on a path; upstream and downstream ones in any order."""
        names = list(dict.fromkeys(name for path in paths for name in path))
        return dict(zip(names, self.draw.sample(range(len(names)), len(names)), strict=True))

    def route(
        self, source: int, paths: list[tuple[Path, int]], numbers: dict[Hashable, int], stations: list[Station]
    ) -> tuple[Stop, ...]:
        """One root for each path, or the tree that they make."""
        ends = []
        for path, leaf in paths:
            on_the_way = [numbers[name] for name in path]
            last = Stop(None, leaf=leaf)
            if on_the_way:
                station = on_the_way[-1]
                work = self.load.work(source, station, leaf, stations[station].service)
                last = Stop(station, leaf=leaf, work=work)
            ends.append((on_the_way[:-1], last))
        if self.multicast:
            return merged(ends)
        return tuple(root for end in ends for root in merged([end]))

    def stations(self, n: int) -> list[Station]:
        alike: bool = self.draw.random() < 0.4
        arbiters = self.draw.choices(list(ARBITERS), k=self.draw.choice([1, 1, 5]))
        buffers: list[int | None] = self.draw.choice([[1], [1], [2], [1, 2, 3, None], [None]])
        intakes: list[int | None] = self.draw.choice([[1], [2], [1, 2, 3, None], [None], [None]])
        full = self.draw.choice([["stall"], ["stall"], ["drop"], ["stall", "drop"]])
        zero_service, zero_latency = self.draw.choice([0.0, 0.3, 0.3, 1.0]), self.draw.choice([0.2, 0.6, 1.0])
        if self.tight:
            alike, buffers, intakes, full, zero_service, zero_latency = False, [1], [None, 2], ["stall"], 0.5, 1.0
        for prices in (self.load.per_synapse, self.load.per_neuron):
            prices += [self.time(1, 0.5) if self.works else 0 for _ in range(n)]
        shared = self.time(2, zero_service), self.time(2, zero_latency)
        return [
            Station(
                service=shared[0] if alike else self.time(2, zero_service),
                latency=shared[1] if alike else self.time(2, zero_latency),
                buffer=self.draw.choice(buffers),
                intake=self.draw.choice(intakes),
                full=self.draw.choice(full),
                arbiter=self.draw.choice(arbiters),
            )
            for _ in range(n)
        ]

    def spikes(self, source: int) -> list[Injection]:
        """At different times: one neuron spikes once at a time."""
        span = 4 if self.crowded else 20
        times = sorted({self.time(span, zero=0.1) for _ in range(self.draw.randint(1, 10))})
        return [Injection(time, 0, source, number) for number, time in enumerate(times)]


# -- what a case shows -------------------------------------------------------------------------------------------------


def sights(fabric: Fabric, result: Result) -> set[str]:
    """What happened in a run, so that a test can say how many of its cases could have shown a mistake."""
    served = [record for record in result.log if record.started is not None]
    dropped = [record for record in result.log if record.outcome == "dropped"]
    entries = [(record.station, record.entered) for record in served]
    took_time = {(record.station, record.ended) for record in served if record.ended > record.started}
    roots = [root for roots in fabric.routes for root in roots]
    in_turn = pairwise(sorted(served, key=lambda record: (record.station, record.started)))
    found = {
        "waiting": any(counters.waited for counters in result.counters),
        "blocking": any(counters.blocked for counters in result.counters),
        "blocking for no time": any(counters.blockings and not counters.blocked for counters in result.counters),
        "copies apart in time": any(record.left > record.ended for record in served),
        "drop of a copy": any(record.entered > record.emitted for record in dropped),
        "drop at an intake": any(record.entered == record.emitted for record in dropped),
        "late": bool(result.late),
        "deadlock": bool(result.deadlock),
        "tie": len(set(entries)) < len(entries),
        "entry at an end": any(entry in took_time for entry in entries),
        "overtaking": any(a.station == b.station and a.entered > b.entered for a, b in in_turn),
        "branching": any(len(stop.children) > 1 for root in roots for stop in root.stops()),
        "later micro-step": any(delivery.phase for delivery in result.deliveries),
        "tick": bool(fabric.tick),
    }
    return {name for name, is_seen in found.items() if is_seen}
