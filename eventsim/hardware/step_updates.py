"""Which neurons a chip updates in each of its steps, for how long, and when the spikes of a step leave their cores.

Relies on the placement and on the synapses of the network. Used by `step_times`. Once a step a core visits its neurons,
in the order of populations and indices; a spike leaves when its neuron has been visited.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.model_steps import steps_at
from eventsim.hardware.placement import Placement
from eventsim.network.network import Network
from eventsim.network.nodes import Projection

Array = np.ndarray[Any, Any]


class Sent(NamedTuple):
    """Spikes of one sample that came out of their step, in parallel arrays (n,)."""

    population: Array  # its order among the sources and populations
    neuron: Array
    step: Array


class Updates(NamedTuple):
    """What a sample's steps do to neurons.

    Attributes
    ----------
    lengths : array (n_steps,)
        How long the core that takes longest visits its neurons, in seconds.
    driven
        Updates of neurons that received something.
    leaving : array (n_spikes,)
        When each spike leaves its core, in seconds since the step began; 0 for those from off the chip.
    """

    lengths: Array
    driven: int
    leaving: Array


class Visits:
    """The order in which cores visit their neurons, and what a visit takes.

    Parameters
    ----------
    net, chip, placement
        The network, the chip, and where the neurons live on it.
    step
        The length of a step in the unit of the network.
    """

    def __init__(self, net: Network, chip: ChipDescription, placement: Placement, step: float) -> None:
        self.net, self.step = net, step
        self.idle, self.of_driven, self.of_spike = (
            float(chip.need(f"core.{name}")) for name in ("update_idle", "update_driven", "spike")
        )
        kinds = {node.name: node.kind for node in placement.nodes}
        self.visited = [one for one in net.populations if kinds[one.name] != "relay"]
        sizes = [one.size for one in self.visited]
        first = dict(zip((one.order for one in self.visited), np.cumsum([0, *sizes]).tolist(), strict=False))
        core = np.concatenate([np.empty(0, np.int64), *(placement.cores(one.name) for one in self.visited)])
        order = np.argsort(core, kind="stable")
        rank = np.empty(core.size, dtype=np.int64)
        rank[order] = np.arange(core.size)
        # Of each population the places of its neurons among all, core behind core.
        self.places = {one.order: rank[first[one.order] : first[one.order] + one.size] for one in self.visited}
        self.begins = np.flatnonzero(np.append(True, np.diff(core[order]) != 0))  # of each core, its first place
        self.n = core.size
        self.before = self.begins[np.searchsorted(self.begins, np.arange(self.n), side="right") - 1]
        self._targets: dict[tuple[int, int], tuple[Array, Array | None]] = {}

    def of_sample(self, sent: Sent, n_steps: int) -> Updates:
        """Return the updates of one sample, whose spikes came out of these steps."""
        driven, fired = self._received(sent, n_steps), np.zeros((n_steps, self.n), dtype=np.int64)
        inside = np.isin(sent.population, list(self.places))
        at = [self.places[p][neuron] for p, neuron in zip(sent.population[inside], sent.neuron[inside], strict=True)]
        place = np.array(at, dtype=np.int64)
        fired[sent.step[inside], place] = 1
        # A visit and what comes before it on its core, of each step and place.
        running = [np.cumsum(np.pad(flags, ((0, 0), (1, 0))), axis=1) for flags in (driven, fired)]
        n_driven, n_fired = (
            total[sent.step[inside], place + 1] - total[sent.step[inside], self.before[place]] for total in running
        )
        leaving = np.zeros(len(sent.step))
        leaving[inside] = self._length(place + 1 - self.before[place], n_driven, n_fired)
        ends = np.append(self.begins[1:], self.n)
        of_cores = [total[:, ends] - total[:, self.begins] for total in running]
        return Updates(self._length(ends - self.begins, *of_cores).max(axis=1, initial=0.0), int(driven.sum()), leaving)

    def _length(self, visits: Array, driven: Array, fired: Array) -> Array:
        """So many visits, of which so many find something received, with so many spikes."""
        found: Array = (visits - driven) * self.idle + driven * self.of_driven + fired * self.of_spike
        return found

    def _received(self, sent: Sent, n_steps: int) -> Array:
        """Which neurons receive something in which step, (n_steps, n_visited) bools."""
        found = np.zeros((n_steps, self.n), dtype=bool)
        for projection in self.net.projections:
            places = self.places.get(projection.post.order)
            if places is None:
                continue
            mine = np.flatnonzero(sent.population == projection.pre.order)
            for neuron, step in zip(sent.neuron[mine].tolist(), sent.step[mine].tolist(), strict=True):
                targets, delays = self._synapses(projection, neuron)
                delay = float(projection.delay) if delays is None else delays
                at = steps_at("step_times", np.atleast_1d(step * self.step + delay), self.step)
                there = np.broadcast_to(at, targets.shape)
                in_time = there < n_steps
                found[there[in_time], places[targets[in_time]]] = True
        return found

    def _synapses(self, projection: Projection, neuron: int) -> tuple[Array, Array | None]:
        """Targets of a neuron, and their delays where they have their own."""
        key = projection.order, neuron
        if key not in self._targets:
            kind: Any = projection.kind
            delays_of: Callable[[int], Array] | None = getattr(kind, "delays_of", None)
            own = getattr(kind, "delays", None) is not None and delays_of is not None
            self._targets[key] = (
                np.asarray(kind.synapses(neuron)[0]),
                np.asarray(delays_of(neuron), dtype=np.float64) if own and delays_of is not None else None,
            )
        return self._targets[key]
