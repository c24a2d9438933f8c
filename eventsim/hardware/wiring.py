"""The fabric of a network on a chip: which stations there are, and over which of them the spikes of each neuron go.

Relies on the chip, the placement and the topologies. Used by `placed_chip`. Seconds become units of the network here.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from eventsim.engines.destinations import reached_by
from eventsim.fabric import arbiters
from eventsim.fabric.contract import NOWHERE, Fabric, Hop, Route, Station
from eventsim.fabric.topologies import Bus, Mesh, Star, Torus, Tree
from eventsim.fabric.topology import OUTSIDE, Topology
from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.model_steps import BARRIER
from eventsim.hardware.physical_time import in_units
from eventsim.hardware.placement import Placement
from eventsim.hardware.quantities import decimal
from eventsim.network.network import Network, Population, Source

Array = np.ndarray[Any, Any]
ARBITERS = {
    "first come": arbiters.FirstCome(), "fixed priority": arbiters.FixedPriority(),
    "round robin": arbiters.RoundRobin(),
    "tree": arbiters.BinaryTree(), "random": arbiters.AtRandom(),
}  # fmt: skip
# Parts of a chip, in the order in which their stations are numbered: those of one time act in this order.
INPUT, AXON_OUT, LINK, CORE, OUTPUT = range(5)


def topology_of(chip: ChipDescription) -> Topology:
    """Return the links of a chip between its tiles.

    Raises
    ------
    InputError
        What it needs of the chip is unknown.
    """
    kind = chip.need("topology.kind")
    if kind in ("mesh", "torus"):
        width, height = chip.need("topology.size")
        grid = Mesh if kind == "mesh" else Torus
        # Where positions say which tile is where, numbers say nothing; those of places are then the topology's own.
        numbering = "rows" if "topology.positions" in chip.facts else chip.need("topology.numbering")
        made = grid(int(width), int(height), numbering, chip.need("topology.routing"))
        x, y = chip.known("topology.gate", (0, 0))
        return dataclasses.replace(made, gate=made.place((int(x), int(y))))
    if kind == "tree":
        return Tree(chip.n_tiles, int(chip.need("topology.branching")))
    return Bus(chip.n_tiles) if kind == "bus" else Star(chip.n_tiles)


class Wiring:
    """Stations and routes, made as they are asked for, numbered in the end.

    Parameters
    ----------
    net, chip, placement
        The network, the chip, and where the neurons live on it.
    """

    def __init__(self, net: Network, chip: ChipDescription, placement: Placement) -> None:
        self.net, self.chip, self.placement = net, chip, placement
        self.topology = topology_of(chip)
        self.links = self.topology.links()
        self.at_receivers = {one.name for one in placement.nodes if one.kind == "relay"}
        self.multicast = chip.need("topology.packets") == "multicast"
        self.speedup = decimal(chip.known("time.speedup", 1.0))
        self.in_steps = chip.need("time.discipline") == BARRIER
        self.used: list[tuple[int, int]] = []  # stations, by their numbers: part, and number of it
        self.places: dict[tuple[int, int], int] = {}  # … and back
        self.kinds: dict[str, Station] = {}  # by part, without a name
        self.routes: dict[tuple[int, tuple[int, ...]], int] = {}  # by the sender's core and its targets'
        self.paths: list[list[tuple[list[tuple[int, int]], int]]] = []

    def fabric(self, log: bool) -> Fabric:
        """Return the fabric; `log`: each hop of each packet is recorded."""
        chip, route_of = self.chip, {}
        for node in self.net.nodes:
            chosen = self._routes_of(node)
            if chosen is not None:
                route_of[node.name] = chosen
        self.used = sorted({station for paths in self.paths for path, _ in paths for station in path})
        self.places = {station: k for k, station in enumerate(self.used)}
        deadline = chip.known("time.deadline")
        tick = chip.need("time.tick") if chip.need("time.discipline") == "tick" else chip.known("time.tick", 0.0)
        return Fabric(
            stations=tuple(self._station(*station) for station in self.used),
            routes=tuple(self._route(paths) for paths in self.paths),
            route_of=route_of,
            cores={population.name: self.placement.cores(population.name) for population in self.net.populations},
            deadline=None if deadline is None else self.units(deadline),
            late=chip.known("time.late", "deliver"),
            tick=self.units(tick),
            log=log,
        )

    def units(self, seconds: float) -> float:
        """Seconds of the chip as the network's units of time; where its steps end at a barrier, seconds as they are."""
        return float(seconds) if self.in_steps else in_units(self.net, decimal(seconds) * self.speedup)

    def first_cores(self) -> dict[int, int]:
        """The first core at each place of the topology that has one."""
        found: dict[int, int] = {}
        for core in range(self.chip.n_cores):
            found.setdefault(self._place(core), core)
        return found

    # -- stations ----------------------------------------------------------------------------------------------------

    def part(self, station: int) -> tuple[str, int]:
        """Which part of the chip a station of the fabric is, as the chip calls it, and which of these."""
        part, k = self.used[station]
        return self._part(part, k), k

    def _part(self, part: int, k: int) -> str:
        names = {INPUT: "input", AXON_OUT: "axon_out", CORE: "core", OUTPUT: "output"}
        axis = self.links[k].axis if part == LINK else ""
        return names.get(part) or (f"link_{axis}" if axis else "link")

    def _station(self, part: int, k: int) -> Station:
        names = {
            INPUT: "input", AXON_OUT: f"core {k} out", LINK: self.links[k].name if part == LINK else "",
            CORE: f"core {k}", OUTPUT: "output",
        }  # fmt: skip
        kind = self._part(part, k)
        if kind not in self.kinds:
            self.kinds[kind] = self._station_of(kind)
        return dataclasses.replace(self.kinds[kind], name=names[part])

    def _station_of(self, kind: str) -> Station:
        """What all stations that are such a part of the chip have in common."""
        given = self.chip.station(kind)
        work = (self.chip.need("core.per_synapse"), self.chip.need("core.per_neuron")) if kind == "core" else (0.0, 0.0)
        buffer, intake = (None if places == math.inf else int(places) for places in (given.buffer, given.intake))
        return Station(
            "", self.units(given.service), self.units(given.latency), ARBITERS[given.arbiter], buffer, intake,
            given.full, self.units(work[0]), self.units(work[1]), kind,
        )  # fmt: skip

    # -- routes ------------------------------------------------------------------------------------------------------

    def _routes_of(self, node: Source | Population) -> Array | None:
        """The route of each neuron, (n_neurons,); -1 where its spikes go nowhere. None: no neuron sends."""
        if isinstance(node, Population) and not node.model.spiking:
            return None
        start = self.placement.cores(node.name)
        outgoing = [projection for projection in self.net.projections if projection.pre is node]
        reached: dict[int, Array] = {}
        for projection in outgoing:
            core = self.placement.cores(projection.post.name)
            cores = np.unique(core).tolist()
            synapses, _ = reached_by(projection, core, cores)
            for k, c in enumerate(cores):
                reached[c] = reached.get(c, False) | (synapses[:, k] > 0)
        cores = sorted(reached)
        ends = np.array([reached[c] for c in cores]).reshape(len(cores), node.size)
        local = np.zeros(node.size, dtype=bool)
        if node.name in self.at_receivers:
            local = ends.any(axis=0) & ~self.placement.packets(node.name)
        outside = not outgoing and bool((start >= 0).all())
        found = np.full(node.size, -1, dtype=np.int64)
        rows, which = np.unique(np.vstack([ends, start[None, :], local[None, :]]).T, axis=0, return_inverse=True)
        for k, row in enumerate(rows):
            targets = tuple(c for c, there in zip(cores, row, strict=False) if there)
            if targets or outside:
                found[which.ravel() == k] = self._number(int(row[-2]), targets, bool(row[-1]))
        return found if (found >= 0).any() else None

    def _number(self, start: int, targets: tuple[int, ...], local: bool) -> int:
        """The number of a route from a core to cores; `local`: its one target is there, and needs no packet."""
        key = (start if not local else -2 - start, targets)
        if key not in self.routes:
            self.routes[key] = len(self.paths)
            if local:
                self.paths.append([([], target) for target in targets])
            else:
                self.paths.append([self._path(start, target) for target in targets or (NOWHERE,)])
        return self.routes[key]

    def _path(self, start: int, end: int) -> tuple[list[tuple[int, int]], int]:
        """The stations from a core, or the input link, to a core, or the output link."""
        begin = [(INPUT, 0)] if start < 0 else [(AXON_OUT, start)]
        links = [(LINK, k) for k in self.topology.path(self._place(start), self._place(end))]
        return [*begin, *links, (OUTPUT, 0) if end == NOWHERE else (CORE, end)], end

    def _place(self, core: int) -> int:
        """Where a core hangs on the topology."""
        if core < 0:
            return OUTSIDE
        return (
            self.topology.place(self.chip.position(core)) if isinstance(self.topology, Mesh) else self.chip.tile(core)
        )

    def _route(self, paths: list[tuple[list[tuple[int, int]], int]]) -> Route:
        """One packet for each path, or one that is copied where paths part."""
        ends = [([self.places[station] for station in path], core) for path, core in paths]
        return _merged(ends) if self.multicast else tuple(hop for end in ends for hop in _merged([end]))


def _merged(ends: list[tuple[list[int], int]]) -> Route:
    """Paths with equal beginnings as a tree. O(all their stations): a path may be as long as a chip has links."""
    stations, cores = [NOWHERE], [NOWHERE]
    behind: list[dict[int, int]] = [{}]  # of the beginning, and of each place: the place of each station behind it
    for path, core in ends:
        at = 0
        for station in path:
            if station not in behind[at]:
                behind[at][station] = len(behind)
                behind.append({})
                stations.append(station)
                cores.append(NOWHERE)
            at = behind[at][station]
        if path:
            cores[at] = core
    hops: dict[int, Hop] = {}
    for place in range(len(behind) - 1, 0, -1):  # what is behind a place has a larger number
        hops[place] = Hop(stations[place], tuple(hops.pop(one) for one in behind[place].values()), cores[place])
    local = (Hop(NOWHERE, core=core) for path, core in ends if not path)
    return (*local, *(hops[one] for one in behind[0].values()))
