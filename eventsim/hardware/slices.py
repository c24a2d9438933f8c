"""From slices to the core of every neuron: each neuron exactly once, on a core that there is.

Relies on the network. Used where a placement is made, whoever says it.
"""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from eventsim.checks import integer, shown
from eventsim.errors import PlacementError, listed, nearest
from eventsim.hardware.placement import Slice
from eventsim.hardware.relay_cores import OFF_CHIP
from eventsim.network.network import Network, Source
from eventsim.wording import neuron_text

Array = np.ndarray[Any, Any]
UNPLACED = -2


def cores_of(net: Network, slices: Iterable[Slice], n_cores: int, free: Collection[str]) -> dict[str, Array]:
    """Return the core of each neuron of every source and population, arrays (size,); -1: off the chip.

    Parameters
    ----------
    net
        The network.
    slices
        Where its neurons are; sources that have none are off the chip.
    n_cores
        How many cores there are.
    free
        Populations of which not every neuron must have a slice; those without one are at -2.

    Raises
    ------
    PlacementError
        Unknown names or cores, indices that are none, neurons with no core or two.
    """
    nodes = {node.name: node for node in net.nodes}
    cores = {name: np.full(node.size, UNPLACED, dtype=np.int64) for name, node in nodes.items()}
    for one in slices:
        if not isinstance(one.population, str) or one.population not in nodes:
            raise PlacementError(
                f"placement: unknown population {shown(one.population)}{nearest(one.population, nodes)}; must be one "
                f"of {listed(nodes)}. Name one of them."
            )
        node = nodes[one.population]
        where = f"placement: {one.population!r}"
        first = integer(where, "first", one.first, PlacementError, low=0, high=node.size - 1)
        last = integer(where, "last", one.last, PlacementError, low=first, high=node.size - 1)
        off = isinstance(node, Source)
        core = integer(
            where, "core", one.core, PlacementError, low=OFF_CHIP if off else 0, high=n_cores - 1,
            remedy=f"There are {n_cores} cores{', and -1 is off the chip' if off else ''}.",
        )  # fmt: skip
        part = cores[node.name][first : last + 1]
        twice = np.flatnonzero(part != UNPLACED)
        if twice.size:
            raise PlacementError(
                f"{where}: {neuron_text(first + int(twice[0]), node.shape)} is on core {part[twice[0]]} and on core "
                f"{core}; must be on one. Let slices not overlap."
            )
        part[:] = core
    for name, node in nodes.items():
        missing = cores[name] == UNPLACED
        if isinstance(node, Source) and missing.all():
            cores[name][:] = OFF_CHIP
        elif missing.any() and name not in free:
            neuron = int(np.argmax(missing))
            raise PlacementError(
                f"placement: {name!r}: {neuron_text(neuron, node.shape)} has no core ({int(missing.sum()):,} of "
                f"{node.size:,} have none); each must have one. Add a slice."
            )
    return cores
