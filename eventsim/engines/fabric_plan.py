"""A fabric as numbers: stations with their ports, and a tree of hops for each population and route.

Relies on the contract, the network and the lanes. Made once a run, and read by both engines. What a transport has made
is checked here: every spike comes to all its targets, each once, over stations that exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import choice, integer_array, number, shown
from eventsim.engines.destinations import EVERYWHERE, Lane, core_of, lanes_of, reached_by
from eventsim.errors import FaultError, listed, nearest
from eventsim.fabric.contract import CLAMP, FULL, LATE, NO_CLAMP, NOWHERE, PARTS, Fabric, Hop, Route, Station
from eventsim.network.network import Network, Population, Source

Array = np.ndarray[Any, Any]
FROM_NEURONS = -1  # in place of the station that sends to a port
NO_LIMIT = -1  # of the places of a port
NO_ROUTE = -1


class Port(NamedTuple):
    """A queue in front of a station: for packets of one other station, or of neurons."""

    station: int
    sender: int
    places: int
    drops: bool


@dataclass
class PlannedHop:
    """A place in the route of one population's spikes; its children are numbered one after another."""

    station: int
    port: int
    route: int
    root: int  # which of the packets of its spike comes here, counted from 0
    core: int
    before: int = FROM_NEURONS  # the hop that its packets come from
    first_child: int = 0
    n_children: int = 0
    lanes: tuple[int, ...] = ()
    leaves: int = 1
    work: int = NOWHERE  # where the services of its packets begin, one a neuron of the population; else NOWHERE


@dataclass(eq=False)
class FabricPlan:
    """What engines carry out.

    Attributes
    ----------
    ports
        By station, that of neurons first, then by the station that sends; those of station k are
        ``first_port[k]:first_port[k + 1]``.
    roots
        Of each route of a population the hops at which its packets begin.
    route_of : array (n_neurons,)
        The place in `roots` of each neuron, over all sources and populations; `NO_ROUTE`: it sends none.
    work
        Services at the end of routes.
    lanes
        What packets are delivered to, by number.
    """

    fabric: Fabric
    lanes: tuple[Lane, ...]
    first: Array
    ports: list[Port] = field(default_factory=list)
    first_port: list[int] = field(default_factory=list)
    hops: list[PlannedHop] = field(default_factory=list)
    roots: list[tuple[int, ...]] = field(default_factory=list)
    route_of: Array = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    work: list[Any] = field(default_factory=list)

    @property
    def stations(self) -> tuple[Station, ...]:
        """The stations of the fabric."""
        return self.fabric.stations

    def describe(self) -> dict[str, Any]:
        """What a provenance says of the fabric beside the names of its stations, to read its log by."""
        one = self.fabric
        return {
            "parts": [station.part for station in one.stations],
            "latencies": [float(station.latency) for station in one.stations],
            "deadline": None if one.deadline is None else float(one.deadline),
            "tick": float(one.tick),
            "log": one.log,
        }

    def n_ports(self, station: int) -> int:
        """How many ports a station has."""
        return self.first_port[station + 1] - self.first_port[station]

    def leaves(self, route: int) -> int:
        """How many packets a spike may become at most: the ends of its route."""
        return sum(self.hops[root].leaves for root in self.roots[route])

    def cores_behind(self, hop: int) -> list[int]:
        """The cores at which the routes through a hop end."""
        one = self.hops[hop]
        children = range(one.first_child, one.first_child + one.n_children)
        return [core for child in children for core in self.cores_behind(child)] if one.n_children else [one.core]


def plan_fabric(net: Network, fabric: Fabric) -> FabricPlan:
    """Return a fabric as numbers.

    Raises
    ------
    FaultError
        Stations with times that are none, routes over stations that do not exist, targets that no route reaches; cores
        and routes of neurons that there are not.
    """
    _check_stations(fabric)
    _check_by_name(net, fabric)
    first = np.cumsum([0, *(node.size for node in net.nodes)])
    plan = FabricPlan(fabric, lanes_of(net, fabric.cores), first)
    _make_ports(plan)
    plan.route_of = np.full(int(first[-1]), NO_ROUTE, dtype=np.int64)
    for node in net.nodes:
        _Node(net, plan, node).make()
    return plan


def _check_stations(fabric: Fabric) -> None:
    names = [station.name for station in fabric.stations]
    for k, station in enumerate(fabric.stations):
        where = f"fabric: station {station.name!r}"
        if station.name in names[:k]:
            raise FaultError(f"{where}: there are two of this name; must be unique. Rename one.")
        for name in ("service", "latency", "per_synapse", "per_neuron"):
            number(where, name, getattr(station, name), FaultError, low=0, remedy="Give it in units of time.")
        for name, least in (("buffer", 1), ("intake", 0)):
            given = getattr(station, name)
            if given is not None and not (isinstance(given, int | np.integer) and given >= least):
                raise FaultError(
                    f"{where}: {name} = {given!r}; must be an integer >= {least}, or None. Leave it out for no limit."
                )
        choice(where, "full", station.full, FULL, FaultError)
        choice(where, "part", station.part, ("", *PARTS), FaultError)
    if fabric.late == CLAMP:
        raise FaultError(f"fabric: late = {fabric.late!r}; must be one of {listed(LATE)}: {NO_CLAMP}.")
    choice("fabric", "late", fabric.late, LATE, FaultError)
    number("fabric", "tick", fabric.tick, FaultError, low=0, remedy="0 is none.")
    if fabric.deadline is not None:
        number("fabric", "deadline", fabric.deadline, FaultError, low=0, remedy="None is no age.")


def _check_by_name(net: Network, fabric: Fabric) -> None:
    """Are what is said of neurons numbers, one a neuron of a source or population that there is?"""
    populations = {one.name: one.size for one in net.populations}
    senders = {one.name: one.size for one in net.nodes}
    routes = f"Of {len(fabric.routes)} routes, numbered from 0; {NO_ROUTE} is none."
    for what, given, sizes, low, high, remedy in (
        ("cores", fabric.cores, populations, 0, None, "Cores are numbered from 0."),
        ("route_of", fabric.route_of, senders, NO_ROUTE, len(fabric.routes) - 1, routes),
    ):
        for name, values in given.items():
            if name not in sizes:
                raise FaultError(
                    f"fabric: {what} of unknown {shown(name)}{nearest(name, sizes)}; must be of {listed(sizes)}. "
                    "Rename it, or leave it out."
                )
            array = integer_array("fabric", f"{what}[{name!r}]", values, FaultError, low=low, high=high, remedy=remedy)
            if array.shape != (sizes[name],):
                raise FaultError(
                    f"fabric: {what}[{name!r}] has shape {array.shape}; must be ({sizes[name]},): one a neuron. "
                    f"{remedy}"
                )


def _make_ports(plan: FabricPlan) -> None:
    """A port for each pair of stations that a route leads over, and for neurons where one begins."""
    senders: list[set[int]] = [set() for _ in plan.stations]
    for route in plan.fabric.routes:
        for hop in route:
            _note_senders(plan, hop, FROM_NEURONS, senders)
    for k, (station, found) in enumerate(zip(plan.stations, senders, strict=True)):
        plan.first_port.append(len(plan.ports))
        for sender in sorted(found):
            given = station.intake if sender == FROM_NEURONS else station.buffer
            drops = sender == FROM_NEURONS or station.full == "drop"
            plan.ports.append(Port(k, sender, NO_LIMIT if given is None else int(given), drops))
    plan.first_port.append(len(plan.ports))


def _note_senders(plan: FabricPlan, hop: Hop, sender: int, senders: list[set[int]]) -> None:
    n = len(plan.stations)
    if hop.station == NOWHERE and sender == FROM_NEURONS and not hop.children:
        return
    if not 0 <= hop.station < n:
        raise FaultError(
            f"fabric: a route leads over station {hop.station} of {n}; must be one of them, numbered from 0. Only a "
            "route that is a core alone has none."
        )
    if hop.children and hop.core != NOWHERE:
        raise FaultError(
            f"fabric: a route goes on behind station {plan.stations[hop.station].name!r}, where it ends at core "
            f"{hop.core}; must do one of both. Give the core a hop of its own."
        )
    senders[hop.station].add(sender)
    for child in hop.children:
        _note_senders(plan, child, hop.station, senders)


class _Node:
    """The routes of one source or population."""

    def __init__(self, net: Network, plan: FabricPlan, node: Source | Population) -> None:
        self.net, self.plan, self.node = net, plan, node
        self.outgoing = [projection for projection in net.projections if projection.pre is node]
        self.lanes: dict[int, list[int]] = {}  # by core
        self.counts: dict[int, tuple[Array, Array]] = {}  # synapses and neurons reached, by core
        self.work: dict[tuple[int, int], int] = {}  # by station and core
        numbers = {lane: k for k, lane in enumerate(plan.lanes)}
        for projection in self.outgoing:
            core = core_of(net, plan.fabric.cores, projection.post.order)
            reached = np.unique(core).tolist()
            counted = reached_by(projection, core, reached)
            for k, c in enumerate(reached):
                lane = Lane(projection.order, c if len(reached) > 1 else EVERYWHERE)
                self.lanes.setdefault(c, []).append(numbers[lane])
                before = self.counts.get(c, (0, 0))
                self.counts[c] = before[0] + counted[0][:, k], before[1] + counted[1][:, k]

    def make(self) -> None:
        """Note the hops of the node's routes, and which of them each neuron takes."""
        plan, node = self.plan, self.node
        given: Mapping[str, Array] = plan.fabric.route_of
        if node.name not in given:
            if self.outgoing:
                self._refuse("no route; must have one for each neuron. Give them in route_of")
            return
        chosen = np.asarray(given[node.name])
        used = np.unique(chosen[chosen != NO_ROUTE]).tolist()
        mine = plan.route_of[int(plan.first[node.order]) : int(plan.first[node.order + 1])]
        for route in [*used, *([NO_ROUTE] if (chosen == NO_ROUTE).any() else [])]:
            who = chosen == route
            self._check_reached(who, () if route == NO_ROUTE else plan.fabric.routes[route])
            if route != NO_ROUTE:
                mine[who] = len(plan.roots)
                plan.roots.append(self._add(plan.fabric.routes[route], FROM_NEURONS, None))

    def _add(self, hops: tuple[Hop, ...], sender: int, root: int | None) -> tuple[int, ...]:
        """Number hops that begin at one place, and all behind them; `root` is that of all of them, None: their own."""
        plan, begin = self.plan, len(self.plan.hops)
        for place, hop in enumerate(hops):
            port = NOWHERE
            if hop.station != NOWHERE:
                ports = range(plan.first_port[hop.station], plan.first_port[hop.station + 1])
                port = next(k for k in ports if plan.ports[k].sender == sender)
            made = PlannedHop(hop.station, port, len(plan.roots), place if root is None else root, hop.core)
            if not hop.children:
                made.lanes = tuple(self.lanes.get(hop.core, ()))
                made.work = self._work(hop.station, hop.core)
            plan.hops.append(made)
        for k, hop in enumerate(hops, begin):
            if hop.children:
                children = self._add(hop.children, hop.station, plan.hops[k].root)
                one = plan.hops[k]
                one.first_child, one.n_children = children[0], len(children)
                for child in children:
                    plan.hops[child].before = k
                one.leaves = sum(plan.hops[child].leaves for child in children)
        return tuple(range(begin, begin + len(hops)))

    def _work(self, station: int, core: int) -> int:
        """Where the services of this population's packets at the end of a route begin."""
        if station == NOWHERE:
            return NOWHERE
        one = self.plan.stations[station]
        if not (one.per_synapse or one.per_neuron) or core not in self.counts:
            return NOWHERE
        if (station, core) not in self.work:
            self.work[station, core] = len(self.plan.work)
            synapses, neurons = (counted.tolist() for counted in self.counts[core])
            self.plan.work += [
                one.service + s * one.per_synapse + n * one.per_neuron for s, n in zip(synapses, neurons, strict=True)
            ]
        return self.work[station, core]

    def _check_reached(self, who: Array, route: Route) -> None:
        """Do these neurons' spikes come to every core with synapses of theirs, and to none twice?"""
        ends = _ends(route)
        for core in ends:
            if ends.count(core) > 1 and core != NOWHERE:
                self._refuse(f"a route that ends twice at core {core}; must end once at each. Take one end out")
        for core, (synapses, _) in self.counts.items():
            if core not in ends and synapses[who].any():
                lost = int(np.flatnonzero(who & (synapses > 0))[0])
                self._refuse(
                    f"a neuron, {lost}, with targets on core {core}, to which its route does not lead; must lead to "
                    "all of its targets. Add an end to the route, or give the neuron another in route_of"
                )

    def _refuse(self, what: str) -> None:
        kind = "source" if isinstance(self.node, Source) else "population"
        raise FaultError(f"fabric: {kind} {self.node.name!r} has {what}.")


def _ends(hops: tuple[Hop, ...]) -> list[int]:
    """The cores at which a route ends."""
    found: list[int] = []
    for hop in hops:
        found += _ends(hop.children) if hop.children else [hop.core]
    return found
