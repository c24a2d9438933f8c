"""A network that takes the place of another while a sample is on its way: whose parameters change, and when.

Relies on the parts of a network. Made by `resumable` for a call that goes on with another network; both engines change
the parameters at the time at which a sample stands, exactly, as they change currents that are `Steps`.
"""

import copy
import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from eventsim.network.network import Network, Population
from eventsim.network.neuron_model import Array

Times = list[tuple[Any, int]]


class Standing(NamedTuple):
    """Where a sample stands: the time of its last event, and the time from which a new network holds."""

    now: Any
    since: Any


BEGINNING = Standing(-math.inf, -math.inf)


@dataclass(frozen=True, eq=False)
class Succeeded(Population):
    """A population that goes on with the parameters of another one, `later`."""

    later: Population = field(kw_only=True)

    def pieces(self) -> list[tuple[Any, dict[str, Array]]]:
        """Its own pieces, all parameters of the later one, and its pieces; `timeline` says when each begins."""
        return [*super().pieces(), (0.0, dict(self.later.parameters)), *self.later.pieces()]


def timeline(population: Population, standing: Standing) -> tuple[Times, Times]:
    """When the parameters of a population change, and which of its pieces begins: (those that have, those to come)."""
    pieces = [(t, k) for k, (t, _) in enumerate(population.pieces())]
    if not isinstance(population, Succeeded):
        return [one for one in pieces if one[0] <= standing.now], [one for one in pieces if one[0] > standing.now]
    n_own = len(pieces) - len(population.later.pieces()) - 1
    begun = [n_own, *(k for t, k in pieces[n_own + 1 :] if t <= standing.since)]
    to_come = [one for one in pieces[n_own + 1 :] if one[0] > standing.since]
    return [one for one in pieces[:n_own] if one[0] <= standing.now], [(standing.since, begun[-1]), *to_come]


def succession(before: Network, net: Network, names: set[str]) -> Network:
    """Return `net` with the parameters that `before` has, of the populations `names`, until they are changed."""
    nodes: tuple[Any, ...] = tuple(
        _succeeded(before.node(node.name), node) if node.name in names and isinstance(node, Population) else node
        for node in net.nodes
    )
    merged = copy.copy(net)
    merged._nodes = nodes
    merged._projections = [
        replace(one, pre=nodes[one.pre.order], post=nodes[one.post.order]) for one in net.projections
    ]
    merged._shown_projections = ()
    return merged


def _succeeded(before: Any, later: Population) -> Succeeded:
    own = {one.name: getattr(before, one.name) for one in fields(Population)}
    return Succeeded(**own, later=later)
