"""Where pools live: a relay has no neuron circuit and may stand at the input of the core that it relays to.

Relies on `reach`. Used by placements. A relay all of whose targets are on one core is there, and its spikes need no
packets. Where its targets are on several cores it is where its input comes from, as a neuron there would be.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.errors import PlacementError, listed
from eventsim.hardware.reach import first_input, reached
from eventsim.network.network import Network
from eventsim.network.nodes import Population

Array = np.ndarray[Any, Any]
OFF_CHIP = -1  # in place of a core: behind the chip's input link


def relays_of(net: Network) -> list[Population]:
    """Return the populations that are pools, in creation order."""
    return [population for population in net.populations if population.model.relay]


def at_receivers(net: Network, cores: Mapping[str, Array]) -> dict[str, Array]:
    """Return the core of each relay, by the cores of all that is no relay.

    A relay whose targets are all on one core is on that one. Of any other, inputs are followed back, first to first (in
    the order of projections and indices), through relays, to the first that is on a core: it is there. One that only
    off-chip sources feed is at its first target; without one, it is with the first neuron that is on any core.

    Parameters
    ----------
    net
        The network.
    cores : dict of arrays (size,)
        The core of each neuron of every source and population but relays; -1: off the chip.

    Raises
    ------
    PlacementError
        Relays that feed each other in a circle: none of them has a receiver of its own.
    """
    order = _upstream_first(net)
    origins = dict(cores)
    for relay in order:
        origin = np.full(relay.size, OFF_CHIP)
        for projection in net.projections:
            if projection.post is relay:
                behind = origins[projection.pre.name]
                first = first_input(projection, behind >= 0)
                found = np.append(behind, OFF_CHIP)[first]
                origin = np.where(origin == OFF_CHIP, found, origin)
        origins[relay.name] = origin
    known = dict(cores)
    somewhere = _first_core(net, cores)
    for relay in reversed(order):
        low, high = _range_of_targets(net, relay, known)
        core = np.where(low == high, low, origins[relay.name])
        for neuron in np.flatnonzero(core == OFF_CHIP).tolist():
            target = _core_of_first_target(net, relay, neuron, known)
            core[neuron] = somewhere if target is None else target
        known[relay.name] = core
    return {relay.name: known[relay.name] for relay in order}


def packet_senders(net: Network, cores: Mapping[str, Array]) -> dict[str, Array]:
    """Return for each source and population which of its neurons have a target on another core, (size,) bools."""
    found = {node.name: np.zeros(node.size, dtype=bool) for node in net.nodes}
    for projection in net.projections:
        pairs = reached(projection, cores[projection.post.name])
        away = pairs.core != cores[projection.pre.name][pairs.source]
        found[projection.pre.name][pairs.source[away]] = True
    return found


def _range_of_targets(net: Network, relay: Population, cores: Mapping[str, Array]) -> tuple[Array, Array]:
    """Lowest and highest core that each relay neuron has targets on, (size,); 0 and -1 of one without."""
    low, high = np.full(relay.size, np.iinfo(np.int64).max), np.full(relay.size, -1)
    for projection in net.projections:
        if projection.pre is relay:
            pairs = reached(projection, cores[projection.post.name])
            np.minimum.at(low, pairs.source, pairs.core)
            np.maximum.at(high, pairs.source, pairs.core)
    return np.where(high < 0, 0, low), high


def _core_of_first_target(net: Network, relay: Population, neuron: int, cores: Mapping[str, Array]) -> int | None:
    for projection in net.projections:
        if projection.pre is relay:
            targets, _ = projection.kind.synapses(neuron)
            if targets.size:
                return int(cores[projection.post.name][targets.min()])
    return None


def _first_core(net: Network, cores: Mapping[str, Array]) -> int:
    """The core of the first neuron that is on one; 0 where none is."""
    placed = [cores[node.name] for node in net.nodes if node.name in cores]
    on = np.concatenate([*placed, [0]])
    return int(on[np.argmax(on >= 0)])


def _upstream_first(net: Network) -> list[Population]:
    """Relays so that each comes after those that feed it."""
    relays = relays_of(net)
    feeds = [(one.pre, one.post) for one in net.projections if one.pre in relays and one.post in relays]
    order: list[Population] = []
    while len(order) < len(relays):
        ready = [
            relay
            for relay in relays
            if relay not in order and all(pre in order for pre, post in feeds if post is relay)
        ]
        if not ready:
            left = [relay.name for relay in relays if relay not in order]
            raise PlacementError(
                f"place: relays {listed(left)} feed each other in a circle; must lead to neurons for "
                "pools='receiver', as each is at its receivers. Choose pools='neurons'."
            )
        order += ready
    return order
