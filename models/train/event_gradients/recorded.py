"""The spikes of one sample of a run, in event order, and by neuron.

Relies on the recorded trains. Used by the walk backwards.
"""

from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.inspection.trains import first_neurons, has_all_spikes, numbers_of, trains
from eventsim.network.network import Network
from eventsim.network.nodes import Population
from eventsim.network.projections import own_delays
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


class RecordedSpikes:
    """The spikes of one sample.

    Attributes
    ----------
    time, node, neuron, number : array (n_spikes,)
        In event order: when, of which source or population, of which of its neurons, and which of its spikes.
    first : array (n_nodes + 1,)
        Index over all sources and populations of the first neuron of each.
    outside : array (n_nodes,)
        Which of them are sources.
    """

    def __init__(self, net: Network, run: Run, sample: int) -> None:
        self.first = first_neurons(run)
        self.outside = np.array([not isinstance(node, Population) for node in net.nodes])
        every = has_all_spikes(run)
        found = trains("gradients", "run", run, every, sample)
        node = np.searchsorted(self.first, found.neuron, side="right") - 1
        order = slice(None) if every else _in_time(found.time, zero_delay_ranks(net)[node])
        self.time, self.node, key = found.time[order], node[order], found.neuron[order]
        self.neuron = key - self.first[self.node]
        self.number = numbers_of(key)
        self._by_neuron = np.argsort(key, kind="stable")
        self._start = np.searchsorted(key[self._by_neuron], np.arange(self.first[-1] + 1))
        self._active: dict[int, Array] = {}

    def __len__(self) -> int:
        return len(self.time)

    def train(self, node: int, neuron: int) -> Array:
        """Places of a neuron's spikes, in order."""
        g = self.first[node] + neuron
        return self._by_neuron[self._start[g] : self._start[g + 1]]

    def active(self, node: int) -> Array:
        """The neurons of a node that spiked, in order."""
        if node not in self._active:
            low, high = self.first[node : node + 2]
            self._active[node] = np.flatnonzero(np.diff(self._start[low : high + 1]))
        return self._active[node]

    def of(self, node: int, neurons: Array) -> tuple[Array, Array]:
        """Return, of some neurons, (which of them, place of the spike) for each of their spikes."""
        g = self.first[node] + neurons
        begin = self._start[g]
        counts = self._start[g + 1] - begin
        which = np.repeat(np.arange(len(neurons)), counts)
        inside = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return which, self._by_neuron[begin[which] + inside]


def _in_time(time: Array, rank: Array) -> Array:
    """The order of first spikes: by time, then from senders to receivers without delay, then by neuron."""
    by_rank = np.argsort(rank, kind="stable")
    return by_rank[np.argsort(time[by_rank], kind="stable")]


def zero_delay_ranks(net: Network) -> Array:
    """Return for each population how long the longest chain without delay is that leads to it, and -1 for sources.

    Raises
    ------
    InputError
        Where such projections lead in a circle: first spikes do not tell the order of events of one time there.
    """
    ahead = [
        (one.pre.order, one.post.order)
        for one in net.projections
        if isinstance(one.pre, Population) and _without_delay(one)
    ]
    ranks = np.zeros(len(net.nodes), dtype=np.int64)
    for _ in range(len(net.nodes) + 1):
        before = ranks.copy()
        for pre, post in ahead:
            ranks[post] = max(ranks[post], ranks[pre] + 1)
        if (ranks == before).all():
            ranks[[source.order for source in net.sources]] = -1
            return ranks
    name = net.nodes[int(np.argmax(ranks))].name
    raise InputError(
        f"gradients: run recorded first spikes, and projections without delay lead in a circle through {name!r}; the "
        'order of events of one time must be known there. Simulate with record="spikes".'
    )


def _without_delay(projection: Any) -> bool:
    own = own_delays(projection.kind)
    return not projection.delay if own is None else bool((own == 0).any())
