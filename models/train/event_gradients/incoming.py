"""What reached a neuron: synapses by target, and the spikes that came over them.

Relies on projections and on the recorded spikes. Used by the walk backwards. A convolution is never unrolled: the
synapses of one target are worked out when they are asked for. All weights of a network, shared ones once, have a place
in one flat array, and so have all delays.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim.models.train.event_gradients.numbers import Arithmetic
from eventsim.models.train.event_gradients.recorded import RecordedSpikes
from eventsim.network.convolution import Conv, Pool
from eventsim.network.network import Network
from eventsim.network.nodes import Population, Projection
from eventsim.network.projections import Dense, OneToOne, own_delays

Array = np.ndarray[Any, Any]


class Arrivals(NamedTuple):
    """Spikes at the synapses of one neuron, by time.

    Attributes
    ----------
    time, weight : array (n,)
        When each arrived, and with what weight.
    spike : array (n,)
        Place of the spike in the sample.
    weight_place, delay_place : array (n,)
        Places of the weight and of the delay among all of the network.
    receptor : array (n,)
        The receptor that it reached.
    """

    time: Array
    weight: Array
    spike: Array
    weight_place: Array
    delay_place: Array
    receptor: Array


class Synapses(NamedTuple):
    """The synapses of one projection that lead to one neuron, arrays (n,): senders, and which weight each has."""

    senders: Array
    weights: Array


class Wiring:
    """The synapses of a network by target.

    Attributes
    ----------
    first_weight, first_delay
        The place of the first weight, and of the first delay, of each projection; one more entry counts all.
    """

    def __init__(self, net: Network, arithmetic: Arithmetic) -> None:
        self.arithmetic = arithmetic
        projections = net.projections
        self.weights = [arithmetic.array(one.kind.weights) for one in projections]
        owned = [own_delays(one.kind) for one in projections]
        self.delays = [
            arithmetic.number(one.delay) if own is None else arithmetic.array(own)
            for one, own in zip(projections, owned, strict=True)
        ]
        self.first_weight = np.cumsum([0, *(weights.size for weights in self.weights)])
        self.first_delay = np.cumsum([0, *(1 if own is None else own.size for own in owned)])
        self._to: dict[int, list[Projection]] = {node.order: [] for node in net.nodes}
        for one in projections:
            self._to[one.post.order].append(one)
        self._by_target = {one.order: _by_target(one) for one in projections}

    def arrivals(self, population: Population, neuron: int, spikes: RecordedSpikes) -> Arrivals:
        """Return all spikes that reached a neuron, by time; those of one time by projection. O(n log n)."""
        parts = [self._over(one, neuron, spikes) for one in self._to[population.order]]
        if not parts:
            nothing = np.empty(0, dtype=np.int64)
            return Arrivals(self.arithmetic.zeros(0), self.arithmetic.zeros(0), nothing, nothing, nothing, nothing)
        whole = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
        order = np.argsort(whole[0], kind="stable")
        return Arrivals(*(column[order] for column in whole))

    def _over(self, projection: Projection, neuron: int, spikes: RecordedSpikes) -> Arrivals:
        """The arrivals over one projection."""
        k, node = projection.order, projection.pre.order
        found = self._synapses(projection, neuron, spikes)
        which, places = spikes.of(node, found.senders)
        synapses = found.weights[which]
        delays, delay_places = self.delays[k], np.full(len(which), self.first_delay[k])
        if isinstance(delays, np.ndarray):
            delays, delay_places = delays[synapses], delay_places + synapses
        weights = self.weights[k].reshape(-1)[synapses]
        receptors = np.full(len(which), projection.receptor_number)
        return Arrivals(
            spikes.time[places] + delays, weights, places, self.first_weight[k] + synapses, delay_places, receptors
        )

    def _synapses(self, projection: Projection, neuron: int, spikes: RecordedSpikes) -> Synapses:
        """The synapses to a neuron; of a dense projection those of neurons that spiked alone."""
        kind = projection.kind
        if isinstance(kind, Dense):
            senders = spikes.active(projection.pre.order)
            return Synapses(senders, neuron * kind.weights.shape[1] + senders)
        if isinstance(kind, OneToOne):
            return Synapses(np.array([neuron]), np.array([neuron]))
        order, start = self._by_target[projection.order]
        if isinstance(kind, Conv | Pool):
            return _of_kernel(kind, neuron, order, start)
        mine = order[start[neuron] : start[neuron + 1]]
        return Synapses(kind.sources[mine].astype(np.int64), mine)

    def spread(self, population: Population, values: Array, weights: Array) -> None:
        """Add a value of each neuron to the entry of every weight that leads to it; of kernels those of padding, too.

        `weights` (n_weights,) has an entry for each weight of the network.
        """
        for projection in self._to[population.order]:
            kind, low, high = projection.kind, *self.first_weight[projection.order : projection.order + 2]
            mine = weights[low:high]
            if isinstance(kind, Dense):
                mine.reshape(kind.weights.shape)[...] += values[:, np.newaxis]
            elif isinstance(kind, OneToOne):
                mine += values
            elif isinstance(kind, Conv | Pool):
                channels = values.reshape(kind.weights.shape[0], -1).sum(axis=1)
                mine.reshape(len(channels), -1)[...] += channels[:, np.newaxis]
            else:
                mine += values[kind.targets]


def _by_target(projection: Projection) -> tuple[Array, Array]:
    """(Synapses or taps in the order of their targets, where those of each target begin); empty where not listed."""
    kind = projection.kind
    if isinstance(kind, Dense | OneToOne):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    if isinstance(kind, Conv | Pool):
        target, n = kind.taps.target, math.prod(kind.output_shape(kind.shape)[1:])
    else:
        target, n = kind.targets, projection.post.size
    order = np.argsort(target, kind="stable")
    return order, np.searchsorted(target[order], np.arange(n + 1))


def _of_kernel(kind: Conv | Pool, neuron: int, order: Array, start: Array) -> Synapses:
    """The synapses to one position of one channel: those of the kernel that do not lie in the padding."""
    channel, position = divmod(neuron, len(start) - 1)
    entries = order[start[position] : start[position + 1]]
    sender = np.searchsorted(kind.taps.start, entries, side="right") - 1
    tap = kind.taps.tap[entries]
    c_in, c_out = (n // kind.groups for n in kind.channels)
    group = channel // c_out
    within = np.arange(c_in)[:, np.newaxis]
    senders = (group * c_in + within) * math.prod(kind.shape[1:]) + sender
    weights = (channel * c_in + within) * math.prod(kind.kernel) + tap
    return Synapses(senders.ravel(), weights.ravel())
