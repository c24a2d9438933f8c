"""What became of the packets of a run: which spikes came to which cores, when, also those that need no packet.

Relies on the log of a run and on the fabric, which its transport makes once more of its network. Used by figures.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engines.fabric_plan import FabricPlan, plan_fabric
from eventsim.errors import InputError
from eventsim.fabric.contract import NOWHERE, Fabric, Transport
from eventsim.inspection.trains import numbers_of
from eventsim.network.network import Network
from eventsim.run import packets
from eventsim.run.due import transport_of
from eventsim.run.packets import DELIVERY, log_of, on_ticks
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Carried:
    """The network of a run, what carried its spikes, and the fabric that this made of it, as numbers."""

    net: Network
    transport: Transport
    plan: FabricPlan

    @property
    def fabric(self) -> Fabric:
        """The stations and routes."""
        return self.plan.fabric


def carried(where: str, run: Run) -> Carried:
    """Return the fabric of a run, made once more from its provenance and its network.

    Raises
    ------
    InputError
        A run without packets in its log (`run.packets.log_of`), that does not have its network, as one from a file, or
        whose log is not one of this network and transport.
    """
    hops = log_of(where, run, some=True)
    run.check_one_network(where)
    net = run._network
    if net is None:
        raise InputError(
            f"{where}: run does not have its network, of which the fabric is made once more; must have it. Load it "
            "with load_run(path, net)."
        )
    transport = transport_of(run, where)
    plan = plan_fabric(net, transport.fabric(net))
    check_log(where, hops, plan)
    return Carried(net, transport, plan)


def check_log(where: str, hops: Array, plan: FabricPlan) -> None:
    """Refuse records, (n_hops,), of packets that are on no route of a fabric."""
    stations = np.array([hop.station for hop in plan.hops] or [NOWHERE])
    if (hops["hop"] >= stations.size).any() or (stations[hops["hop"]] != hops["station"]).any():
        raise InputError(
            f"{where}: run has packets where no route of its network leads; must be a log of this network and "
            "transport. It is damaged, or its transport makes another fabric now: simulate it again."
        )


def hops_of(where: str, run: Run, sample: int) -> Array:
    """Return the records of one sample, in the order in which packets left stations. O(log n) in all records."""
    hops = log_of(where, run, some=True)
    first, last = np.searchsorted(hops["sample"], [sample, sample + 1])
    return hops[first:last]


def deliveries(where: str, run: Run, sample: int, on: Carried) -> Array:
    """Return what came to cores in a sample, records of `run.packets.DELIVERY`, also where no packet was needed.

    Spikes that need no packet are those of a core to itself; they are known where spikes were recorded.
    """
    return np.concatenate(
        [packets.deliveries(run, hops_of(where, run, sample)), *_spikes_without_packets(run, sample, on)]
    )


def _spikes_without_packets(run: Run, sample: int, on: Carried) -> list[Array]:
    """Of each population and core the spikes that are delivered there as they are emitted."""
    local = [{hop.core for hop in route if hop.station == NOWHERE} for route in on.fabric.routes]
    found: list[Array] = []
    for name, routes in on.fabric.route_of.items():
        cores = {core for route in np.unique(routes[routes >= 0]).tolist() for core in local[route]}
        if not cores:
            continue
        neuron, time = emissions(run, sample, name)
        for core in sorted(cores):
            there = np.array([route >= 0 and core in local[route] for route in np.asarray(routes)[neuron].tolist()])
            there = np.flatnonzero(there)
            came = np.zeros(there.size, dtype=DELIVERY)
            came["sample"], came["population"], came["core"] = sample, run.populations.index(name), core
            came["neuron"], came["number"], came["emitted"] = neuron[there], numbers_of(neuron)[there], time[there]
            came["delivered"] = on_ticks(time[there], float(on.fabric.tick))
            found.append(came)
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
