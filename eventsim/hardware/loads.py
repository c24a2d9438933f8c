"""What each core of a finished placement holds, counted anew from the core of every neuron.

Relies on `reach`; shares nothing with the filling of cores, whose result it judges. Used by placements.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.hardware.limits import CoreLimits
from eventsim.hardware.reach import fan_in, kernel_size, reached_cores
from eventsim.network.network import Network
from eventsim.network.nodes import Projection

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Loads:
    """Counts by core, arrays (n_cores,).

    Attributes
    ----------
    neurons : array (n_cores,)
        Neurons that take a place there, without pools at their receivers.
    relays : array (n_cores,)
        Pools at their receivers that are there.
    synapses : array (n_cores,)
        Synapses onto these neurons, or where kernels are shared the weights that are kept for them.
    memory : array (n_cores,)
        Bits of these weights; None where the bits of a weight are unknown.
    axons : array (n_cores,)
        Different neurons whose spikes reach neurons or relays there, off-chip sources and neurons of the same core
        among them; a pool at its receivers does not count on its own core, where what feeds it does.
    """

    neurons: Array
    relays: Array
    synapses: Array
    memory: Array | None
    axons: Array


def loads(net: Network, cores: Mapping[str, Array], inside: Collection[str], limits: CoreLimits, n_cores: int) -> Loads:
    """Count what each core holds.

    Parameters
    ----------
    net
        The network.
    cores : dict of arrays (size,)
        The core of each neuron of every source and population; -1: off the chip.
    inside
        Populations of pools that take no place, since they are at their receivers.
    limits
        Say how weights are kept.
    n_cores
        How many cores there are.
    """
    counts = {name: np.zeros(n_cores, dtype=np.int64) for name in ("neurons", "relays", "synapses")}
    for node in net.nodes:
        on = cores[node.name]
        counts["relays" if node.name in inside else "neurons"] += np.bincount(on[on >= 0], minlength=n_cores)
    for projection in net.projections:
        if projection.post.name not in inside:
            counts["synapses"] += _weights(projection, cores[projection.post.name], limits.shared_kernels, n_cores)
    bits = limits.weight_bits
    memory = None if bits is None else counts["synapses"] * bits
    return Loads(memory=memory, axons=_axons(net, cores, inside, n_cores), **counts)


def _weights(projection: Projection, cores: Array, shared: bool, n_cores: int) -> Array:
    """Weights that each core keeps for a projection, (n_cores,)."""
    kernel = kernel_size(projection) if shared else None
    if kernel is None:
        return np.bincount(cores, fan_in(projection), minlength=n_cores).astype(np.int64)
    channel = np.arange(cores.size) // (cores.size // projection.post.shape[0])
    different = np.unique(channel * n_cores + cores)
    return np.bincount(different % n_cores, minlength=n_cores) * kernel


def _axons(net: Network, cores: Mapping[str, Array], inside: Collection[str], n_cores: int) -> Array:
    found = np.zeros(n_cores, dtype=np.int64)
    for node in net.nodes:
        source, core = reached_cores([one for one in net.projections if one.pre is node], cores, n_cores)
        if node.name in inside:
            core = core[core != cores[node.name][source]]
        found += np.bincount(core, minlength=n_cores)
    return found
