"""How many spikes each neuron is expected to send: as in a run, as somebody says, or one each.

Relies on runs. Used by strategies that look at traffic.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.checks import finite_array, shown
from eventsim.errors import PlacementError, listed, nearest
from eventsim.network.network import Network
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]
REMEDY = "Give a run of this network, a dict of numbers by population, or None for one spike a neuron."


def expected_spikes(net: Network, traffic: Run | Mapping[str, Any] | None) -> dict[str, Array]:
    """Return the expected spikes of each neuron of every source and population, arrays (size,).

    Parameters
    ----------
    net
        The network.
    traffic
        A run: what its neurons sent, a mean over samples; where single spikes were not recorded, the mean of the
        population. A dict from names to one number or one a neuron; who is not named sends one spike. None: all send
        one.

    Raises
    ------
    PlacementError
        A run of another network, unknown names, numbers that are negative or not finite.
    """
    if traffic is None:
        return {node.name: np.ones(node.size) for node in net.nodes}
    if isinstance(traffic, Run):
        return _of_run(net, traffic)
    if not isinstance(traffic, Mapping):
        raise PlacementError(f"place: traffic is a {type(traffic).__name__}; must be a Run or a dict. {REMEDY}")
    names = [node.name for node in net.nodes]
    for name in traffic:
        if name not in names:
            raise PlacementError(
                f"place: traffic of unknown {shown(name)}{nearest(name, names)}; must be one of {listed(names)}. "
                f"{REMEDY}"
            )
    found = {}
    for node in net.nodes:
        given = finite_array("place", f"traffic[{node.name!r}]", traffic.get(node.name, 1.0), PlacementError)
        if given.shape not in ((), (node.size,)) or (given < 0).any():
            raise PlacementError(
                f"place: traffic[{node.name!r}] has shape {given.shape}, lowest {given.min(initial=0)}; must be one "
                f"number >= 0, or {node.size} of them. {REMEDY}"
            )
        found[node.name] = np.broadcast_to(np.asarray(given, dtype=np.float64), (node.size,))
    return found


def _of_run(net: Network, run: Run) -> dict[str, Array]:
    ours = [(node.name, node.shape) for node in net.nodes]
    theirs = list(zip(run.populations, map(tuple, run.shapes), strict=True))
    if ours != theirs:
        raise PlacementError(
            f"place: traffic is a run of another network, with {listed(name for name, _ in theirs)}; its sources and "
            f"populations must be those of the network. {REMEDY}"
        )
    samples = max(run.n_samples, 1)
    found = {}
    for number, node in enumerate(net.nodes):
        if node.name in run.recorded_populations:
            spikes = run.spikes
            mine = spikes["neuron"][spikes["population"] == number]
            found[node.name] = np.bincount(mine, minlength=node.size) / samples
        else:
            found[node.name] = np.full(node.size, run.n_spikes(node.name) / (samples * node.size))
    return found
