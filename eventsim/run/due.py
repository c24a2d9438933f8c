"""What packets reach, when, and until when that is in time: the t_min of the layers that hear it.

Relies on the network that was simulated and on the fabric that its transport makes of it. Used by `latency`, by reports
and by figures.
"""

import math
from collections.abc import Iterable
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
    """Deliveries that reach a population over one projection.

    Attributes
    ----------
    which : array (n,)
        Places among the deliveries.
    times : array (n,)
        When the last of their spikes' synapses there is reached: the delivery and the longest delay.
    synapses : array (n,)
        How many these are.
    due
        The t_min before which it must be, of a pool the one of the layers behind it; inf without one.
    target
        The name of the population that they reach.
    """

    which: Array
    times: Array
    synapses: Array
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

    for population in reversed(net.populations):  # those behind a pool first, so that no chain of pools is gone down
        due(population)
    return found


def arrivals(net: Network, fabric: Fabric, came: Array, projections: Iterable[Projection]) -> list[Arrivals]:
    """Return what deliveries reach over each of some projections; without those of which none has a sender there.

    Parameters
    ----------
    came : array (n_packets,)
        Records of `packets.DELIVERY`.
    """
    due = due_times(net)
    found: list[Arrivals] = []
    for projection in projections:
        mine = np.flatnonzero(came["population"] == projection.pre.order)
        if not len(mine):
            continue
        core = core_of(net, fabric.cores, projection.post.order)
        cores, place = np.unique(came["core"][mine], return_inverse=True)
        synapses, _ = reached_by(projection, core, cores.tolist())
        who = came["neuron"][mine], place.ravel()
        there = synapses[who] > 0
        which, who = mine[there], (who[0][there], who[1][there])
        times = came["delivered"][which] + longest_delays(projection, core, cores)[who]
        found.append(Arrivals(which, times, synapses[who], due[projection.post.name], projection.post.name))
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
