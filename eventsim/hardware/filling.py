"""Cutting the populations of a network into what one core after another can hold.

Neurons are taken in order. The whole channels of a population stay together: one that has no room on a core begins on
the next, unless no core could hold it; then it is cut wherever a core is full. Which core is which is left to the
strategies. Relies on the demands of populations.
"""

import bisect
from collections.abc import Sequence
from typing import NamedTuple

from eventsim.hardware.demand import Demand
from eventsim.hardware.limits import RESOURCES, CoreLimits


class Piece(NamedTuple):
    """Neurons first..last, both included, of a population: some of what one core holds."""

    population: str
    first: int
    last: int


def exceeded(limits: CoreLimits, amounts: dict[str, int]) -> list[str]:
    """Return the resources of which more is asked for than a core has."""
    given = [(name, getattr(limits, name)) for name in RESOURCES]
    return [name for name, most in given if most is not None and amounts.get(name, 0) > most]


class _Core:
    """A core that is being filled: what it holds for good, and the one population that may still grow on it."""

    def __init__(self, limits: CoreLimits) -> None:
        self.limits = limits
        self.pieces: list[Piece] = []
        self.neurons = self.synapses = 0
        self.axons: set[int] = set()

    def amounts(self, demand: Demand, first: int, last: int) -> dict[str, int]:
        """What it would hold of each limited resource with the neurons first..last of another population."""
        synapses = self.synapses + demand.synapses(first, last)
        found = {"neurons": self.neurons + last - first + 1, "synapses": synapses}
        if self.limits.weight_bits is not None:
            found["memory"] = synapses * self.limits.weight_bits
        if self.limits.axons is not None:  # which take the longest to count
            found["axons"] = len(self.axons.union(demand.inputs(first, last).tolist()))
        return found

    def has_room(self, demand: Demand, first: int, last: int) -> bool:
        """Would it be within the limits?"""
        return not exceeded(self.limits, self.amounts(demand, first, last))

    def take(self, demand: Demand, first: int, last: int) -> None:
        """Hold these neurons for good."""
        self.pieces.append(Piece(demand.name, first, last))
        self.neurons += last - first + 1
        self.synapses += demand.synapses(first, last)
        if self.limits.axons is not None:
            self.axons.update(demand.inputs(first, last).tolist())


def amounts_of(pieces: Sequence[Piece], demands: Sequence[Demand], limits: CoreLimits) -> dict[str, int]:
    """Return how much of each limited resource these pieces, on one core, ask for."""
    by_name = {demand.name: demand for demand in demands}
    core = _Core(limits)
    for name, first, last in pieces[:-1]:
        core.take(by_name[name], first, last)
    name, first, last = pieces[-1]
    return core.amounts(by_name[name], first, last)


def cut(demands: Sequence[Demand], limits: CoreLimits, by_layer: bool = False) -> list[list[Piece]]:
    """Return what one core after another holds, as many as are needed; each neuron alone must fit on one.

    Parameters
    ----------
    demands
        What each population asks for, in the order in which they are placed.
    limits
        Of each core.
    by_layer
        Whether each population begins on a core of its own.
    """
    cores = [_Core(limits)]
    for demand in demands:
        if by_layer and cores[-1].pieces:
            cores.append(_Core(limits))
        _fill(cores, demand, limits)
    return [core.pieces for core in cores if core.pieces]


def _fill(cores: list[_Core], demand: Demand, limits: CoreLimits) -> None:
    """Put the neurons of one population on the last core and on those that are opened behind it."""
    since = begin = 0  # the core has since..begin - 1 of them
    while begin < demand.node.size:
        last = _last_with_room(cores[-1], demand, since, begin)
        if last >= begin:
            begin = last + 1
            continue
        if begin > since:
            cores[-1].take(demand, since, begin - 1)
        cores.append(_Core(limits))
        since = begin
    cores[-1].take(demand, since, begin - 1)


def _last_with_room(core: _Core, demand: Demand, since: int, begin: int) -> int:
    """The last neuron that the core has room for if it has since..begin - 1 already; begin - 1 where for none.

    As many whole channels as there is room for; of a channel that no core holds, or that is cut already, as many
    neurons. More neurons never ask for less, so it is found by halving.
    """
    unit, size = demand.unit, demand.node.size
    end = (begin // unit + 1) * unit  # of the channel
    whole = begin % unit == 0 and _Core(core.limits).has_room(demand, begin, end - 1)
    ends = range(end, size + 1, unit) if whole else range(begin + 1, end + 1)
    n = bisect.bisect_left(ends, True, key=lambda upto: not core.has_room(demand, since, upto - 1))
    return ends[n - 1] - 1 if n else begin - 1
