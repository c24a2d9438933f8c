"""Greedy placement: parts that talk to each other are put near each other, one after another.

Relies on the strategies and on `reach`. The traffic from core to core is counted once, so that a step looks at numbers
of cores, not of neurons.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.hardware.distances import Distance
from eventsim.hardware.filling import Piece
from eventsim.hardware.placement import Slice
from eventsim.hardware.reach import reached_cores
from eventsim.hardware.relay_cores import OFF_CHIP, at_receivers
from eventsim.hardware.strategies import Job, assigned, spiral_order, strategy
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]


@strategy("greedy")
def greedy(job: Job) -> list[Slice]:
    """Place what `linear` puts on one core, one core after another, where expected spikes have the fewest hops.

    The part with the most traffic is in the middle; the next is always the one with the most traffic with those that
    are placed, on the free core that makes it the cheapest, of several the first of the spiral. Where `linear` itself
    costs less than what was found, it is taken: greedy is never worse.
    """
    loads = job.loads()
    traffic = _traffic_of_loads(job, loads)
    cores = _arranged(traffic, job.positions, job.distance)
    in_order = list(range(len(loads)))
    if _cost(traffic, in_order, job) <= _cost(traffic, cores, job):
        cores = in_order
    return assigned(loads, cores)


def core_traffic(net: Network, cores: Mapping[str, Array], spikes: Mapping[str, Array], n_cores: int) -> Array:
    """Return the expected packets from each core to each other one, (n_cores, n_cores); 0 on the diagonal.

    A spike is one packet for each core on which the neuron has targets, its own core excepted. Spikes of sources off
    the chip are not counted: where they come in is the chip's affair.

    Parameters
    ----------
    net
        The network.
    cores : dict of arrays (size,)
        The core of each neuron of every source and population, -1: off the chip.
    spikes : dict of arrays (size,)
        Expected spikes of each of them.
    n_cores
        How many cores there are.
    """
    traffic = np.zeros((n_cores, n_cores))
    for node in net.nodes:
        source, target = reached_cores([one for one in net.projections if one.pre is node], cores, n_cores)
        own = cores[node.name][source]
        away = (own != OFF_CHIP) & (own != target)
        np.add.at(traffic, (own[away], target[away]), spikes[node.name][source[away]])
    return traffic


def expected_hops(
    net: Network, cores: Mapping[str, Array], spikes: Mapping[str, Array], positions: Array, distance: Distance
) -> float:
    """Return what `greedy` makes small: the hops of all expected packets, spikes times distance.

    Parameters
    ----------
    net
        The network.
    cores, spikes : dict of arrays (size,)
        As `core_traffic` takes them.
    positions : array (n_cores, 2)
        Where the cores are.
    distance
        Hops from one position to others.
    """
    traffic = core_traffic(net, cores, spikes, len(positions))
    busy = np.flatnonzero(traffic.any(axis=1))
    return float(sum(traffic[core] @ distance(positions[core], positions) for core in busy))


def _traffic_of_loads(job: Job, loads: list[list[Piece]]) -> Array:
    """Packets between loads, both ways, (n, n): as if load k were on core k, since only being together matters."""
    cores = {node.name: np.full(node.size, OFF_CHIP, dtype=np.int64) for node in job.net.nodes}
    for number, load in enumerate(loads):
        for name, first, last in load:
            cores[name][first : last + 1] = number
    if job.pools == "receiver":
        cores |= at_receivers(job.net, cores)
    traffic = core_traffic(job.net, cores, job.spikes, len(loads))
    return traffic + traffic.T


def _arranged(traffic: Array, positions: Array, distance: Distance) -> list[int]:
    """The core of each load."""
    n = len(traffic)
    rank = np.empty(len(positions))
    rank[spiral_order(positions)] = np.arange(len(positions))
    hops = np.zeros((n, len(positions)))  # of each load on each core, to and from those that are placed
    cores, linked = np.full(n, -1), np.zeros(n)
    free = np.ones(len(positions), dtype=bool)
    for step in range(n):
        waiting = np.flatnonzero(cores < 0)
        strength = linked if step else traffic.sum(axis=1)
        load = waiting[np.argmax(strength[waiting])]
        options = np.flatnonzero(free)
        core = options[np.lexsort((rank[options], hops[load, options]))[0]]
        cores[load], free[core] = core, False
        hops += traffic[:, load, None] * distance(positions[core], positions)
        linked += traffic[:, load]
    found: list[int] = cores.tolist()
    return found


def _cost(traffic: Array, cores: list[int], job: Job) -> float:
    """Hops of all packets where load k is on cores[k]; each pair is counted twice."""
    places = job.positions[cores]
    return float(sum(row @ job.distance(place, places) for row, place in zip(traffic, places, strict=True)))
