"""What the samples of a task share in the reference engine: numbers in the type of the run, and synapses.

Relies on the network, the order and the layers of neurons. Used by `engine` and `standing`.
"""

from typing import Any

import numpy as np

from eventsim.engines.destinations import EVERYWHERE, core_of
from eventsim.engines.reference.neuron import new_layers
from eventsim.engines.task import Task
from eventsim.faults.acting import Deliveries
from eventsim.network import order
from eventsim.network.network import Network
from eventsim.network.nodes import Projection
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
        self.fabric = task.options.fabric
        self.lanes = task.options.lanes
        self.outgoing: list[list[int]] = [[] for _ in self.net.nodes]
        for k, lane in enumerate(self.lanes):
            self.outgoing[self.net.projections[lane.projection].pre.order].append(k)
        delays = [own_delays(projection.kind) for projection in self.net.projections]
        self.delayed = [
            projection.delay > 0 if own is None else bool((own > 0).any())
            for projection, own in zip(self.net.projections, delays, strict=True)
        ]
        self.ticks = [order.delay_in_ticks(projection) for projection in self.net.projections]
        self.faults = [tuple(map(self.number, fault.numbers())) for fault in task.options.faults]
        self.early = task.options.early
        self.deliveries = Deliveries(self.net, task.options.faults, task.options.fault_keys, self.number)
        self._synapses: dict[tuple[int, int], list[tuple[int, int, Any]]] = {}

    def projection(self, lane: int) -> Projection:
        """The projection that a lane is of."""
        return self.net.projections[self.lanes[lane].projection]

    def synapses(self, lane: int, neuron: int) -> list[tuple[int, int, Any]]:
        """(place, target, weight) of what one source neuron reaches in a lane; places are those in canonical order."""
        if (lane, neuron) not in self._synapses:
            projection, core = self.projection(lane), self.lanes[lane].core
            targets, weights = projection.kind.synapses(neuron)
            found = zip(range(len(targets)), targets.tolist(), map(self.number, weights.tolist()), strict=True)
            every = list(found)
            if core != EVERYWHERE:
                assert self.fabric is not None
                there = core_of(self.net, self.fabric.fabric.cores, projection.post.order) == core
                every = [one for one in every if there[one[1]]]
            self._synapses[lane, neuron] = every
        return self._synapses[lane, neuron]

    def delays(self, lane: int, neuron: int) -> list[Any]:
        """The delay of each of these synapses, in the same order; of a projection with one delay this alone."""
        projection = self.projection(lane)
        kind = projection.kind
        if isinstance(kind, Sparse) and kind.delays is not None:
            own = kind.delays_of(neuron).tolist()
            return [self.number(own[place]) for place, _, _ in self.synapses(lane, neuron)]
        return [self.number(projection.delay)]
