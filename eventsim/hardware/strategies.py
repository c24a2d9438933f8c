"""Strategies: which core gets which part of a network. Each is one function from a `Job` to slices, with a name.

A strategy of your own is registered by ``@strategy("name")``; what it returns is checked like any other placement.
Relies on the filling of cores. `greedy` is in a file of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.hardware.demand import Demand
from eventsim.hardware.distances import Distance
from eventsim.hardware.filling import Piece, cut
from eventsim.hardware.limits import CoreLimits
from eventsim.hardware.placement import Slice
from eventsim.hardware.refusal import check_each_neuron, check_enough_cores
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Job:
    """What a strategy is given.

    Attributes
    ----------
    net
        The network.
    demands
        What is to be placed, in the order of the network, and what each of it asks of a core.
    limits
        What each core can hold.
    positions : array (n_cores, 2)
        Where the cores are.
    distance
        Hops from one position to others, as `distances.manhattan`.
    spikes : dict of arrays (size,)
        Expected spikes of each neuron of every source and population.
    pools
        "receiver" or "neurons", as `placing.place` has it.
    """

    net: Network
    demands: tuple[Demand, ...]
    limits: CoreLimits
    positions: Array
    distance: Distance
    spikes: Mapping[str, Array]
    pools: str

    def loads(self, by_layer: bool = False) -> list[list[Piece]]:
        """Return what one core after another holds, in the order of the network; no more than there are cores.

        Parameters
        ----------
        by_layer
            Whether each population begins on a core of its own.

        Raises
        ------
        PlacementError
            What does not fit: with the limit, the population, and the smallest change that would fit.
        """
        check_each_neuron(self.demands, self.limits)
        found = cut(self.demands, self.limits, by_layer)
        check_enough_cores(self.demands, self.limits, len(self.positions), found, by_layer)
        return found


Strategy = Callable[[Job], list[Slice]]
STRATEGIES: dict[str, Strategy] = {}


def strategy(name: str) -> Callable[[Strategy], Strategy]:
    """Register a strategy under a name, which `placing.place` then takes; of two of one name the later one."""

    def registered(function: Strategy) -> Strategy:
        STRATEGIES[name] = function
        return function

    return registered


@strategy("linear")
def linear(job: Job) -> list[Slice]:
    """Fill the cores in the order of their numbers."""
    return assigned(job.loads(), range(len(job.positions)))


@strategy("by_layer")
def by_layer(job: Job) -> list[Slice]:
    """Fill the cores in the order of their numbers; each population begins on a core of its own."""
    return assigned(job.loads(by_layer=True), range(len(job.positions)))


@strategy("spiral")
def spiral(job: Job) -> list[Slice]:
    """Fill the cores in a spiral from the middle."""
    return assigned(job.loads(), spiral_order(job.positions))


@strategy("spread")
def spread(job: Job) -> list[Slice]:
    """Give every core an equal part of each population: whole channels where there are as many as cores."""
    n, found = len(job.positions), []
    check_each_neuron(job.demands, job.limits)
    for demand in job.demands:
        unit = demand.unit if demand.node.size // demand.unit >= n else 1
        whole = demand.node.size // unit
        for core in range(n):
            first, end = unit * (core * whole // n), unit * ((core + 1) * whole // n)
            if end > first:
                found.append(Slice(demand.name, first, end - 1, core))
    return found


def assigned(loads: Sequence[Sequence[Piece]], cores: Sequence[int]) -> list[Slice]:
    """Return slices: the first of the loads is on the first of the cores, and so on."""
    return [Slice(*piece, int(core)) for load, core in zip(loads, cores, strict=False) for piece in load]


def spiral_order(positions: Array) -> list[int]:
    """Return the numbers of cores in a spiral: from the one in the middle, ring by ring, counterclockwise.

    The middle is the core nearest to the mean position, of several the one with the smallest y, then x. On a full mesh
    of odd width each core is a neighbour of the one before.

    Parameters
    ----------
    positions : array (n_cores, 2)
        Where the cores are.

    Examples
    --------
    >>> from eventsim.hardware.distances import mesh
    >>> spiral_order(mesh(3, 3))
    [4, 5, 8, 7, 6, 3, 0, 1, 2]
    """
    x, y = positions.T
    off = np.hypot(x - x.mean(), y - y.mean()).round(9)
    middle = np.lexsort((x, y, off))[0]
    x, y = x - x[middle], y - y[middle]
    ring = np.maximum(np.abs(x), np.abs(y))
    # How far along its ring a core is: up the right side from above the lower right corner, left, down, right.
    sides = [(x == ring) & (y > -ring), y == ring, x == -ring]
    along = np.select(sides, [y + ring, 3 * ring - x, 5 * ring - y], 7 * ring + x)
    order: list[int] = np.lexsort((along, ring)).tolist()
    return order
