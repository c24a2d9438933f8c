"""A fabric as numbers: stations with their ports, and a tree of hops for each population and route.

Relies on the contract, the network and the lanes. Made once a run, and read by both engines. What a transport has made
is checked here: every spike comes to all its targets, each once, over stations that exist.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from eventsim.engines.destinations import EVERYWHERE, Lane, core_of, lanes_of, reached_by
from eventsim.engines.fabric_checks import check_fabric
from eventsim.errors import FaultError
from eventsim.fabric.contract import NOWHERE, Fabric, Hop, Route, Station, ends_of
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
        found, ahead = [], [hop]
        while ahead:
            one = self.hops[ahead.pop()]
            if one.n_children:
                ahead += reversed(range(one.first_child, one.first_child + one.n_children))
            else:
                found.append(one.core)
        return found


def plan_fabric(net: Network, fabric: Fabric) -> FabricPlan:
    """Return a fabric as numbers.

    Raises
    ------
    FaultError
        Stations with times that are none, routes over stations that do not exist, targets that no route reaches; cores
        and routes of neurons that there are not.
    """
    check_fabric(net, fabric)
    first = np.cumsum([0, *(node.size for node in net.nodes)])
    plan = FabricPlan(fabric, lanes_of(net, fabric.cores), first)
    _make_ports(plan)
    plan.route_of = np.full(int(first[-1]), NO_ROUTE, dtype=np.int64)
    for node in net.nodes:
        _Node(net, plan, node).make()
    return plan


def _make_ports(plan: FabricPlan) -> None:
    """A port for each pair of stations that a route leads over, and for neurons where one begins."""
    senders: list[set[int]] = [set() for _ in plan.stations]
    for route in plan.fabric.routes:
        ahead = [(hop, FROM_NEURONS) for hop in route]
        while ahead:
            hop, sender = ahead.pop()
            if hop.station != NOWHERE:
                senders[hop.station].add(sender)
            ahead += [(child, hop.station) for child in hop.children]
    for k, (station, found) in enumerate(zip(plan.stations, senders, strict=True)):
        plan.first_port.append(len(plan.ports))
        for sender in sorted(found):
            given = station.intake if sender == FROM_NEURONS else station.buffer
            drops = sender == FROM_NEURONS or station.full == "drop"
            plan.ports.append(Port(k, sender, NO_LIMIT if given is None else int(given), drops))
    plan.first_port.append(len(plan.ports))


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
        if used and not 0 <= used[0] <= used[-1] < len(plan.fabric.routes):
            self._refuse(f"route {used[-1]} of {len(plan.fabric.routes)}; must be one of them, numbered from 0")
        mine = plan.route_of[int(plan.first[node.order]) : int(plan.first[node.order + 1])]
        for route in [*used, *([NO_ROUTE] if (chosen == NO_ROUTE).any() else [])]:
            who = chosen == route
            self._check_reached(who, () if route == NO_ROUTE else plan.fabric.routes[route])
            if route != NO_ROUTE:
                mine[who] = len(plan.roots)
                plan.roots.append(self._add(plan.fabric.routes[route]))

    def _add(self, route: Route) -> tuple[int, ...]:
        """Number the hops of a route: those that begin at one place, then what is behind each; return the first ones.

        Without recursion, since a route may be as long as a chip has links.
        """
        plan, begin = self.plan, len(self.plan.hops)
        groups: list[tuple[tuple[Hop, ...], int]] = [(route, FROM_NEURONS)]  # hops, and the number of that before them
        while groups:
            hops, before = groups.pop()
            first = len(plan.hops)
            if before != FROM_NEURONS:
                plan.hops[before].first_child, plan.hops[before].n_children = first, len(hops)
            for place, hop in enumerate(hops):
                plan.hops.append(self._planned(hop, before, place))
            behind = [(hop.children, first + place) for place, hop in enumerate(hops) if hop.children]
            groups += reversed(behind)
        for one in reversed(plan.hops[begin:]):  # each comes after that before it
            if one.n_children:
                children = plan.hops[one.first_child : one.first_child + one.n_children]
                one.leaves = sum(child.leaves for child in children)
        return tuple(range(begin, begin + len(route)))

    def _planned(self, hop: Hop, before: int, place: int) -> PlannedHop:
        """A hop with its port; `place` is its number among the roots, if none is before it."""
        plan, port = self.plan, NOWHERE
        root = place if before == FROM_NEURONS else plan.hops[before].root
        if hop.station != NOWHERE:
            sender = FROM_NEURONS if before == FROM_NEURONS else plan.hops[before].station
            ports = range(plan.first_port[hop.station], plan.first_port[hop.station + 1])
            port = next(k for k in ports if plan.ports[k].sender == sender)
        made = PlannedHop(hop.station, port, len(plan.roots), root, hop.core, before)
        if not hop.children:
            made.lanes = tuple(self.lanes.get(hop.core, ()))
            made.work = self._work(hop.station, hop.core)
        return made

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
        ends = [hop.core for hop in ends_of(route)]
        for core, n in Counter(ends).items():
            if n > 1 and core != NOWHERE:
                self._refuse(f"a route that ends twice at core {core}; must end once at each. Take one end out")
        reached = {*ends}
        for core, (synapses, _) in self.counts.items():
            if core not in reached and synapses[who].any():
                lost = int(np.flatnonzero(who & (synapses > 0))[0])
                self._refuse(
                    f"a neuron, {lost}, with targets on core {core}, to which its route does not lead; must lead to "
                    "all of its targets. Add an end to the route, or give the neuron another in route_of"
                )

    def _refuse(self, what: str) -> None:
        kind = "source" if isinstance(self.node, Source) else "population"
        raise FaultError(f"fabric: {kind} {self.node.name!r} has {what}.")
