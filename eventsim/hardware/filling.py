"""Cutting the populations of a network into what one core after another can hold.

Neurons are taken in order. The whole channels of a population stay together: one that has no room on a core begins on
the next, unless no core could hold it; then it is cut wherever a core is full. Which core is which is left to the
strategies. Relies on the demands of populations.
"""

import bisect
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from eventsim.hardware.demand import Demand
from eventsim.hardware.limits import RESOURCES, CoreLimits

Array = np.ndarray[Any, Any]


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
        self.axons: Array | None = None  # which of all neurons reach it, where that is limited

    def amounts(self, demand: Demand, first: int, last: int) -> dict[str, int]:
        """What it would hold with the neurons first..last of another population, but for its axons."""
        synapses = self.synapses + demand.synapses(first, last)
        found = {"neurons": self.neurons + last - first + 1, "synapses": synapses}
        if self.limits.weight_bits is not None:
            found["memory"] = synapses * self.limits.weight_bits
        return found

    def axons_with(self, demand: Demand, first: int, last: int) -> Array:
        """Which of all neurons would reach it then, (n_all,) bools."""
        with_these = np.zeros(demand.n_all, dtype=bool) if self.axons is None else self.axons.copy()
        with_these[demand.inputs(first, last)] = True
        return with_these

    def has_places(self, demand: Demand, first: int, last: int) -> bool:
        """Would it be within the limits, but for its axons?"""
        return not exceeded(self.limits, self.amounts(demand, first, last))

    def has_axons(self, demand: Demand, first: int, last: int) -> bool:
        """Would it be within the limit of its axons? They take the longest to count."""
        most = self.limits.axons
        if most is None:
            return True
        if self.axons is None:
            return demand.n_inputs(first, last) <= most
        return int(np.count_nonzero(self.axons_with(demand, first, last))) <= most

    def take(self, demand: Demand, first: int, last: int) -> None:
        """Hold these neurons for good."""
        self.pieces.append(Piece(demand.name, first, last))
        self.neurons += last - first + 1
        self.synapses += demand.synapses(first, last)
        if self.limits.axons is not None:
            self.axons = self.axons_with(demand, first, last)


def amounts_of(pieces: Sequence[Piece], demands: Sequence[Demand], limits: CoreLimits) -> dict[str, int]:
    """Return how much of each limited resource these pieces, on one core, ask for."""
    by_name = {demand.name: demand for demand in demands}
    core = _Core(limits)
    for name, first, last in pieces[:-1]:
        core.take(by_name[name], first, last)
    name, first, last = pieces[-1]
    axons = 0 if limits.axons is None else int(np.count_nonzero(core.axons_with(by_name[name], first, last)))
    return core.amounts(by_name[name], first, last) | {"axons": axons}


def cut(
    demands: Sequence[Demand], limits: CoreLimits, by_layer: bool = False, most: float = math.inf
) -> list[list[Piece]]:
    """Return what one core after another holds, as many as are needed; each neuron alone must fit on one.

    Parameters
    ----------
    demands
        What each population asks for, in the order in which they are placed.
    limits
        Of each core.
    by_layer
        Whether each population begins on a core of its own.
    most
        Of how many cores it is enough to know that more are needed: one more is then returned.
    """
    core = _Core(limits)
    filled = [core.pieces]
    for demand in demands:
        if by_layer and core.pieces:
            core = _Core(limits)
            filled.append(core.pieces)
        since = begin = 0  # the core has since..begin - 1 of this population
        while begin < demand.node.size and len(filled) <= most:
            last = _last_with_room(core, demand, since, begin)
            if last >= begin:
                begin = last + 1
                continue
            if begin > since:
                core.take(demand, since, begin - 1)
            core, since = _Core(limits), begin
            filled.append(core.pieces)
        if begin > since:
            core.take(demand, since, begin - 1)
    return filled


def _last_with_room(core: _Core, demand: Demand, since: int, begin: int) -> int:
    """The last neuron that the core has room for if it has since..begin - 1 already; begin - 1 where for none.

    As many whole channels as there is room for; of a channel that no core holds, or that is cut already, as many
    neurons. More neurons never ask for less, so it is found by halving.
    """
    unit, size = demand.unit, demand.node.size
    end = (begin // unit + 1) * unit  # of the channel
    empty = _Core(core.limits)
    whole = begin % unit == 0 and empty.has_places(demand, begin, end - 1) and empty.has_axons(demand, begin, end - 1)
    ends = range(end, size + 1, unit) if whole else range(begin + 1, end + 1)
    n = bisect.bisect_left(ends, True, key=lambda upto: not core.has_places(demand, since, upto - 1))
    if n and not core.has_axons(demand, since, ends[n - 1] - 1):
        n = bisect.bisect_left(ends[: n - 1], True, key=lambda upto: not core.has_axons(demand, since, upto - 1))
    return ends[n - 1] - 1 if n else begin - 1
