"""What became of the packets of a run: the log of their hops, and which spikes came to whom, when.

Relies on the log of a run and on the fabric, which its transport makes once more of its network. Used by figures.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from eventsim.engines.destinations import core_of, reached_by
from eventsim.engines.fabric_records import ARRIVED
from eventsim.errors import InputError
from eventsim.fabric.contract import NOWHERE, Fabric, Transport
from eventsim.network.network import Network
from eventsim.run.due import longest_delays, transport_of
from eventsim.run.packets import on_ticks
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Carried:
    """The network of a run, what carried its spikes, and the fabric that this made of it."""

    net: Network
    transport: Transport
    fabric: Fabric

    @property
    def latencies(self) -> Array:
        """The latency of each station, (n_stations,)."""
        return np.array([float(station.latency) for station in self.fabric.stations])


class Deliveries(NamedTuple):
    """Spikes that came to cores in one sample, in parallel arrays: one entry a spike and core.

    Attributes
    ----------
    population, neuron : array (n,)
        Who sent it; a population is its place in `run.populations`.
    core : array (n,)
        Where it came to.
    emitted, time : array (n,)
        When it was emitted, and when it left the fabric for the synapses on that core.
    """

    population: Array
    neuron: Array
    core: Array
    emitted: Array
    time: Array


class Received(NamedTuple):
    """Spikes that came to the neurons of one population, in parallel arrays: one entry a spike, core and projection.

    Attributes
    ----------
    population, neuron : array (n,)
        Who sent it; a population is its place in `run.populations`.
    time : array (n,)
        When it reached the last of its synapses there.
    synapses : array (n,)
        How many these are.
    """

    population: Array
    neuron: Array
    time: Array
    synapses: Array


# -- the log ----------------------------------------------------------------------------------------------------------


def check_log(where: str, run: Any) -> Array:
    """Return the log of a run, all records of `HOP_RECORD`.

    Raises
    ------
    InputError
        Not a run, a run without a fabric, one whose packets were not recorded, or that has none.
    """
    if not isinstance(run, Run):
        raise InputError(
            f"{where}: run is a {type(run).__name__}; must be a Run. Give what eventsim.simulate returned."
        )
    if run.records.stations is None:
        raise InputError(
            f"{where}: run has no fabric, over which no packet went; must be a run on a chip. Simulate with "
            'transport=hardware.chip("mesh").place(net).'
        )
    if run.records.hops is None:
        raise InputError(
            f"{where}: run recorded no packets; must have the log of their hops. Simulate with "
            "transport=chip.place(net, log=True), or a transport whose Fabric has log=True."
        )
    if not len(run.records.hops):
        raise InputError(
            f"{where}: no packet of the run has left a station; must have some. Give inputs that spike, and simulate "
            "until they have come somewhere."
        )
    return run.records.hops


def hops_of(where: str, run: Run, sample: int) -> Array:
    """Return the records of one sample, in the order in which packets left stations. O(log n) in all records."""
    hops = check_log(where, run)
    first, last = np.searchsorted(hops["sample"], [sample, sample + 1])
    return hops[first:last]


def carried(where: str, run: Run) -> Carried:
    """Return the fabric of a run, made once more from its provenance and its network.

    Raises
    ------
    InputError
        A run that does not have its network, as one from a file.
    """
    check_log(where, run)
    run.check_one_network(where)
    net = run._network
    if net is None:
        raise InputError(
            f"{where}: run does not have its network, of which the fabric is made once more; must have it. Load it "
            "with load_run(path, net)."
        )
    transport = transport_of(run, where)
    return Carried(net, transport, transport.fabric(net))


# -- what was delivered -----------------------------------------------------------------------------------------------


def deliveries(where: str, run: Run, sample: int, on: Carried) -> Deliveries:
    """Return what came to cores in a sample, also where no packet was needed; of what came nowhere there is nothing.

    Spikes that need no packet are those of a core to itself; they are known where spikes were recorded.
    """
    hops = hops_of(where, run, sample)
    arrived = hops[hops["outcome"] == ARRIVED]
    left = arrived["left"] + on.latencies[arrived["station"]]
    found: list[tuple[Array, ...]] = [
        (arrived["population"], arrived["neuron"], arrived["core"], arrived["emitted"], left)
    ]
    found += _spikes_without_packets(run, sample, on)
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    columns[-1] = on_ticks(columns[-1], float(on.fabric.tick))
    return Deliveries(*columns)


def _spikes_without_packets(run: Run, sample: int, on: Carried) -> list[tuple[Array, ...]]:
    """Of each population and core the spikes that are delivered there as they are emitted."""
    local = [{hop.core for hop in route if hop.station == NOWHERE} for route in on.fabric.routes]
    found: list[tuple[Array, ...]] = []
    for name, routes in on.fabric.route_of.items():
        cores = {core for route in np.unique(routes[routes >= 0]).tolist() for core in local[route]}
        if not cores:
            continue
        order = run.populations.index(name)
        neuron, time = emissions(run, sample, name)
        for core in sorted(cores):
            there = np.array([route >= 0 and core in local[route] for route in np.asarray(routes)[neuron].tolist()])
            mine, at = neuron[there.astype(bool)], time[there.astype(bool)]
            found.append((np.full(mine.size, order), mine, np.full(mine.size, core), at, at))
    return found


def emissions(run: Run, sample: int, name: str) -> tuple[Array, Array]:
    """Return neurons and times of all spikes of a population or, where these were not recorded, of the first ones."""
    if name in run.recorded_populations:
        order = run.populations.index(name)
        spikes = run.spikes
        first, last = np.searchsorted(spikes["sample"], [sample, sample + 1])
        mine = spikes[first:last][spikes["population"][first:last] == order]
        return mine["neuron"], mine["time"]
    times = run.spike_times(name)[sample].astype(np.float64)
    fired = np.flatnonzero(np.isfinite(times))
    return fired, times[fired]


def received(on: Carried, delivered: Deliveries, population: str) -> Received:
    """Return what of these deliveries reached the neurons of a population, through each of its projections."""
    order = on.net.node(population).order
    core = core_of(on.net, on.fabric.cores, order)
    cores = np.unique(core)
    found = []
    for projection in on.net.projections:
        if projection.post.order != order:
            continue
        synapses, _ = reached_by(projection, core, cores.tolist())
        sent = np.flatnonzero((delivered.population == projection.pre.order) & np.isin(delivered.core, cores))
        neuron, column = delivered.neuron[sent], np.searchsorted(cores, delivered.core[sent])
        sent, neuron, column = (part[synapses[neuron, column] > 0] for part in (sent, neuron, column))
        time = delivered.time[sent] + longest_delays(projection, core, cores)[neuron, column]
        found.append((delivered.population[sent], neuron, time, synapses[neuron, column]))
    if not found:
        return Received(*(np.empty(0, dtype=kind) for kind in (np.int64, np.int64, np.float64, np.int64)))
    return Received(*(np.concatenate(column) for column in zip(*found, strict=True)))
