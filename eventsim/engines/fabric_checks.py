"""What a fabric that a transport has made must be, before it becomes numbers: stations, capacities, times, routes.

Relies on the contract of fabrics. Used by `fabric_plan`, which asks further whether every spike comes to its targets.
"""

from typing import Any

import numpy as np

from eventsim.checks import choice, flag, integer, integer_array, number, shown
from eventsim.errors import FaultError, listed, nearest
from eventsim.fabric.arbiter import Arbiter
from eventsim.fabric.contract import CLAMP, FULL, LATE, NO_CLAMP, NOWHERE, PARTS, Fabric, Hop, Station
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]
LONGEST = 1e100  # of what takes time: sums of longer times could be infinite, and packets never come
MOST_PLACES = 2**53
IN_UNITS = "Give it in units of time of the network."


def check_fabric(net: Network, fabric: Any) -> None:
    """Refuse what is no fabric.

    Raises
    ------
    FaultError
        No stations, names that are there twice, times and capacities that are none; routes of anything but hops; cores
        and routes of neurons that are no integers, or not one for each.
    """
    if not isinstance(fabric, Fabric):
        raise FaultError(f"fabric: {shown(fabric)}; must be a Fabric. Let Transport.fabric return one.")
    seen: set[str] = set()
    for station in fabric.stations:
        if not isinstance(station, Station) or not isinstance(station.name, str):
            raise FaultError(f"fabric: station {shown(station)}; must be a Station with a name. Make one.")
        if station.name in seen:
            raise FaultError(
                f"fabric: station {station.name!r}: there are two of this name; must be unique. Rename one."
            )
        seen.add(station.name)
        _check_station(f"fabric: station {station.name!r}", station)
    if fabric.late == CLAMP:
        raise FaultError(f"fabric: late = {fabric.late!r}; must be one of {listed(LATE)}: {NO_CLAMP}.")
    choice("fabric", "late", fabric.late, LATE, FaultError)
    flag("fabric", "log", fabric.log, FaultError)
    number("fabric", "tick", fabric.tick, FaultError, low=0, high=LONGEST, remedy="0 is none.")
    if fabric.deadline is not None:
        number("fabric", "deadline", fabric.deadline, FaultError, low=0, remedy="None is no age.")
    for route in fabric.routes:
        _check_route(fabric, route)
    senders = {node.name: node.size for node in net.nodes}
    populations = {node.name: node.size for node in net.populations}
    for what, given, sizes in (("cores", fabric.cores, populations), ("route_of", fabric.route_of, senders)):
        for name, values in given.items():
            if name not in sizes:
                raise FaultError(
                    f"fabric: {what} of unknown {shown(name)}{nearest(name, sizes)}; must be of {listed(sizes)}. "
                    "Rename it, or leave it out."
                )
            _check_one_each("fabric", f"{what}[{name!r}]", values, sizes[name])


def _check_station(where: str, station: Station) -> None:
    for name in ("service", "latency", "per_synapse", "per_neuron"):
        number(where, name, getattr(station, name), FaultError, low=0, high=LONGEST, remedy=IN_UNITS)
    for name, least in (("buffer", 1), ("intake", 0)):
        given = getattr(station, name)
        if given is not None:
            integer(where, name, given, FaultError, low=least, high=MOST_PLACES, remedy="None is no limit.")
    choice(where, "full", station.full, FULL, FaultError)
    choice(where, "part", station.part, ("", *PARTS), FaultError)
    if not isinstance(station.arbiter, Arbiter):
        raise FaultError(
            f"{where}: arbiter = {shown(station.arbiter)}; must be an Arbiter. Give e.g. fabric.arbiters.RoundRobin()."
        )


def _check_route(fabric: Fabric, route: Any) -> None:
    """Hops over stations that there are, which go on or end."""
    n = len(fabric.stations)
    ahead: list[tuple[Any, bool]] = [(hop, True) for hop in route]
    while ahead:
        hop, first = ahead.pop()
        integers = isinstance(hop, Hop) and all(
            isinstance(one, int | np.integer) and not isinstance(one, bool) for one in (hop.station, hop.core)
        )
        if not integers:
            raise FaultError(f"fabric: a route has {shown(hop)}; must have hops of numbers. Give Hop(station, core=…).")
        if hop.station == NOWHERE and first and not hop.children:
            continue
        if not 0 <= hop.station < n:
            raise FaultError(
                f"fabric: a route leads over station {hop.station} of {n}; must be one of them, numbered from 0. Only "
                "a route that is a core alone has none."
            )
        if hop.children and hop.core != NOWHERE:
            raise FaultError(
                f"fabric: a route goes on behind station {fabric.stations[hop.station].name!r}, where it ends at core "
                f"{hop.core}; must do one of both. Give the core a hop of its own."
            )
        ahead += [(child, False) for child in hop.children]


def _check_one_each(where: str, name: str, given: Any, size: int) -> None:
    """An integer for each neuron."""
    found = integer_array(where, name, given, FaultError, low=NOWHERE, remedy="Give one for each neuron.")
    if found.shape != (size,):
        raise FaultError(f"{where}: {name} has shape {found.shape}; must be ({size},). Give one for each neuron.")
