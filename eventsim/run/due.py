"""Until when what a packet brings is in time: the t_min of the layers that hear it.

Relies on the network that was simulated and on the fabric that its transport makes of it. Used by `layer_latency` and
by reports.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim.engines.destinations import core_of, reached_by
from eventsim.fabric.contract import Fabric, Transport
from eventsim.network.network import Network
from eventsim.network.nodes import Population, Projection
from eventsim.run.provenance import stage_described
from eventsim.run.recorded import RecordedRun

Array = np.ndarray[Any, Any]


class Arrivals(NamedTuple):
    """The packets of one population that reach another over one projection.

    Attributes
    ----------
    which : array (n,)
        Places among the deliveries.
    times : array (n,)
        When the last of their spikes' synapses there is reached: the delivery and the longest delay.
    due
        The t_min before which it must be, of a pool the one of the layers behind it; inf without one.
    target
        The name of the population that they reach.
    """

    which: Array
    times: Array
    due: float
    target: str


def transport_of(run: RecordedRun, where: str) -> Transport:
    """Return the transport of a run, made again.

    Raises
    ------
    InputError
        Its class is not loaded; `where` begins the message.
    """
    made: Transport = stage_described(where, Transport, "transport", run.provenance["transport"])
    return made


def fabric_of(run: RecordedRun, net: Network, where: str) -> Fabric:
    """Return the fabric of a run, made again.

    Raises
    ------
    InputError
        A transport whose class is not loaded; `where` begins the message.
    """
    return transport_of(run, where).fabric(net)


def due_times(net: Network) -> dict[str, float]:
    """Return by population until when an input is in time; inf where no layer has a window.

    That is its t_min (of a read-out when it is read); of a pool, which passes on what comes, the least of those behind
    it, less the longest delays between.
    """
    found: dict[str, float] = {}

    def due(population: Population) -> float:
        if population.name not in found:
            found[population.name] = math.inf  # of pools in a circle
            if population.model.relay:
                behind = (one for one in net.projections if one.pre is population)
                found[population.name] = min((due(one.post) - _longest(one) for one in behind), default=math.inf)
            elif population.window is not None:
                found[population.name] = float(population.window[1])
        return found[population.name]

    for population in net.populations:
        due(population)
    return found


def arrivals(net: Network, fabric: Fabric, came: Array, population: int) -> list[Arrivals]:
    """Return what the packets of one source or population reach, of the deliveries `came`, projection by projection.

    Parameters
    ----------
    population
        Its number among the sources and populations.
    """
    mine = np.flatnonzero(came["population"] == population)
    cores, place = np.unique(came["core"][mine], return_inverse=True)
    due = due_times(net)
    found: list[Arrivals] = []
    if not len(mine):
        return found
    for projection in net.projections:
        if projection.pre.order != population:
            continue
        core = core_of(net, fabric.cores, projection.post.order)
        reached, _ = reached_by(projection, core, cores.tolist())
        there = np.flatnonzero(reached[came["neuron"][mine], place.ravel()] > 0)
        delay = longest_delays(projection, core, cores)[came["neuron"][mine[there]], place.ravel()[there]]
        which = mine[there]
        found.append(Arrivals(which, came["delivered"][which] + delay, due[projection.post.name], projection.post.name))
    return found


def _longest(projection: Projection) -> float:
    own = getattr(projection.kind, "delays", None)
    return float(projection.delay) if own is None else max(map(float, own), default=0.0)


def longest_delays(projection: Projection, core: Array, cores: Array) -> Array:
    """Return the longest delay from each neuron to its synapses on each core, (n_sources, n_cores).

    `core` (n_targets,) has the core of each target, `cores` those that are asked for, sorted.
    """
    found = np.full((projection.pre.size, len(cores)), float(projection.delay))
    kind: Any = projection.kind
    own = getattr(kind, "delays", None)
    if own is not None:
        found[:] = 0.0
        at = core[kind.targets]
        column = np.minimum(np.searchsorted(cores, at), len(cores) - 1)
        inside = np.flatnonzero(cores[column] == at)
        np.maximum.at(found, (kind.sources[inside], column[inside]), np.asarray(own, dtype=np.float64)[inside])
    return found
