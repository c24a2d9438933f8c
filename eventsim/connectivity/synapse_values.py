"""Weights and delays of synapses that a rule has made: one number for all, a distribution, or a function of distance.

Relies on the distributions and on the space. Used by `eventsim.network.by_rule`. What a synapse gets is a function of
the seed, its two neurons and, where several lead from one neuron to another, of its number among those: it keeps its
weight whichever other synapses there are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.checks import n_axes, number, shown
from eventsim.connectivity.distance_rule import of_distances
from eventsim.connectivity.distributions import Distribution
from eventsim.connectivity.draws import pieces
from eventsim.connectivity.space import Metric
from eventsim.errors import NetworkError

Array = np.ndarray[Any, Any]


def check_values(where: str, name: str, given: Any) -> None:
    """Refuse what gives no weights or delays, before any synapse is made."""
    if isinstance(given, Distribution) or callable(given):
        return
    if n_axes(given):
        raise NetworkError(
            f"{where}: {name} = {shown(given)}; must be one number, a distribution, or a function of distances: of "
            "synapses that are not made yet nobody knows the order. Make them with any weights, then give "
            f"eventsim.Sparse(made.sources, made.targets, your_weights)."
        )
    number(where, name, given, NetworkError, remedy="Give a number, a distribution, or a function of distances.")


def values_of(
    where: str, name: str, given: Any, key: int, sources: Array, targets: Array, n_post: int,
    metric: Callable[[], Metric],
) -> Array:  # fmt: skip
    """A weight or delay for each synapse, in their order, which is (source, target)."""
    if not isinstance(given, Distribution) and not callable(given):
        plain = number(where, name, given, NetworkError)
        return np.full(sources.size, plain, dtype=np.float64 if isinstance(plain, float | int) else object)
    made = np.empty(sources.size)
    distances = metric().distances if callable(given) else None
    ranks = _ranks(sources, targets)
    for some in pieces(sources.size):
        if distances is not None:
            made[some] = of_distances(where, name, given, distances(sources[some], targets[some]))
        else:
            pairs = sources[some].astype(np.int64) * n_post + targets[some]
            rank = np.zeros(pairs.size, dtype=np.int64) if ranks is None else ranks[some]
            made[some] = given.values(key, pairs, rank)
    return made


def _ranks(sources: Array, targets: Array) -> Array | None:
    """The number of each synapse among those of the same two neurons; None where all are 0."""
    same = (sources[1:] == sources[:-1]) & (targets[1:] == targets[:-1])
    if not same.any():
        return None
    places = np.arange(sources.size, dtype=np.int64)
    first = places.copy()
    first[1:][same] = 0
    np.maximum.accumulate(first, out=first)
    return places - first
