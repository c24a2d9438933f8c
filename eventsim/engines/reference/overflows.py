"""Additions that left the range of a register, counted when a sample ends.

Relies on the dynamics that count them. Used by `sample`.
"""

from typing import Any

from eventsim.engines import problems
from eventsim.engines.tables import BETWEEN_TICKS
from eventsim.errors import SimulationError


def count_overflows(sample: Any, end: Any) -> None:
    """Count those of a `Sample` that ends.

    Raises
    ------
    SimulationError
        One where none is allowed, or a neuron that an input reached between its ticks.
    """
    for node, layer in sample.plan.layers.items():
        if layer.dynamics.overflows is not None:
            last = min(end, layer.t_max if layer.model.spiking else layer.t_min)
            found = [layer.dynamics.overflows(one.p, one.s, last - one.t) for one in sample.members[node]]
            astray = any(count != count for count in found)
            sample.counts[node]["overflows"] = BETWEEN_TICKS if astray else int(sum(found))
    for node, layer in sample.plan.layers.items():
        count = sample.counts[node]["overflows"]
        if count < 0 or (count and layer.model.exact(layer.population.parameters)):
            raise SimulationError(problems.overflowed(sample.row, sample.plan.net.nodes[node], count))
