"""What the samples of a task share in the reference engine: numbers in the type of the run, and synapses.

Relies on the network, the order and the layers of neurons. Used by `engine` and `standing`.
"""

from typing import Any

import numpy as np

from eventsim.engines.reference.neuron import new_layers
from eventsim.engines.task import Task
from eventsim.faults.acting import Deliveries
from eventsim.network import order
from eventsim.network.network import Network
from eventsim.network.projections import Sparse, own_delays
from eventsim.network.sources import exactly


class Plan:
    """What the samples of one network share: numbers in the type of the run, and the synapses of each spike."""

    def __init__(self, task: Task, sample: int) -> None:
        self.acting = task.acting_of(sample)
        self.net: Network = self.acting if task.devices.several else task.net
        self.number: Any = exactly if task.exact else float
        self.layers = new_layers(self.acting, task.options.error_bounds, self.number)
        self.first = np.cumsum([0] + [node.size for node in self.net.nodes]).tolist()
        self.outgoing = [[p for p in self.net.projections if p.pre is node] for node in self.net.nodes]
        delays = [own_delays(projection.kind) for projection in self.net.projections]
        self.delayed = [
            projection.delay > 0 if own is None else bool((own > 0).any())
            for projection, own in zip(self.net.projections, delays, strict=True)
        ]
        self.ticks = [order.delay_in_ticks(projection) for projection in self.net.projections]
        self.faults = [tuple(map(self.number, fault.numbers())) for fault in task.options.faults]
        self.transport = tuple(map(self.number, task.options.transport.numbers())) if task.options.transport else ()
        self.stations = [tuple(map(self.number, station.numbers())) for station in task.options.stations]
        self.early = task.options.early
        self.deliveries = Deliveries(self.net, task.options.faults, task.options.fault_keys, self.number)
        self._synapses: dict[tuple[int, int], list[tuple[int, Any]]] = {}

    def synapses(self, projection: int, neuron: int) -> list[tuple[int, Any]]:
        """(target, weight) of one source neuron, in canonical order."""
        if (projection, neuron) not in self._synapses:
            targets, weights = self.net.projections[projection].kind.synapses(neuron)
            pairs = zip(targets.tolist(), map(self.number, weights.tolist()), strict=True)
            self._synapses[projection, neuron] = list(pairs)
        return self._synapses[projection, neuron]

    def delays(self, projection: int, neuron: int) -> list[Any]:
        """The delay of each of its synapses, in the same order; of a projection with one delay this alone."""
        kind = self.net.projections[projection].kind
        own = kind.delays_of(neuron).tolist() if isinstance(kind, Sparse) and kind.delays is not None else None
        return list(map(self.number, [self.net.projections[projection].delay] if own is None else own))
