"""The walk backwards through the spikes of one sample, in the published event order.

Each spike has the derivative of the loss by its time: what the loss says, and what later spikes pass back to it. When
the walk comes to a spike, all that it caused has been visited, since effects come later in event order. It then passes
back what it has: to the inputs that its neuron had received, their weights and delays, and the threshold.

Relies on the adjoints of the models. Used by `gradients`.
"""

from typing import Any

import numpy as np

from eventsim.models.train.event_gradients.crossings import Crossing
from eventsim.models.train.event_gradients.currents import Currents, Lived
from eventsim.models.train.event_gradients.incoming import Wiring
from eventsim.models.train.event_gradients.numbers import Arithmetic
from eventsim.models.train.event_gradients.ramps import Ramps
from eventsim.models.train.event_gradients.recorded import RecordedSpikes
from eventsim.models.train.event_gradients.relays import Relays
from eventsim.models.train.event_gradients.sums import Sums
from eventsim.network.network import Network
from eventsim.network.nodes import Population

Array = np.ndarray[Any, Any]
ADJOINTS: dict[str, Any] = {
    "ttfs_b1": Ramps, "ttfs_alpha1": Ramps, "linear_psp": Ramps, "integrator": Ramps, "relay": Relays,
    "lif_exp": Currents, "if_exp": Currents,
}  # fmt: skip


class Walk:
    """Walks through one sample after another, and adds up what it finds.

    Attributes
    ----------
    forced
        How many spikes passed nothing back, since their time is that of a window.
    """

    def __init__(self, net: Network, arithmetic: Arithmetic) -> None:
        self.net = net
        self.wiring = Wiring(net, arithmetic)
        self.sums = Sums(net, self.wiring, arithmetic)
        self.forced = 0
        self._adjoints = {one.order: ADJOINTS[one.model.name](one, arithmetic) for one in net.populations}

    def back(self, sample: int, spikes: RecordedSpikes, by_time: Array, by_potential: Array) -> None:
        """Walk through a sample.

        Parameters
        ----------
        sample
            Its number, for messages.
        spikes
            Its spikes.
        by_time : array (n_spikes,)
            The derivative of the loss by the time of each spike, as the loss has it; what follows is added to it.
        by_potential : array (n_out,)
            The derivative of the loss by the potential of each read-out.
        """
        self._read_outs(spikes, by_time, by_potential)
        living: dict[tuple[int, int], Lived] = {}
        for place in range(len(spikes) - 1, -1, -1):
            node = self.net.nodes[int(spikes.node[place])]
            key = node.order, int(spikes.neuron[place])
            if not isinstance(node, Population) or (by_time[place] == 0 and key not in living):
                continue
            adjoint = self._adjoints[node.order]
            crossing = Crossing(spikes.time[place], key[1], place, sample, int(spikes.number[place]))
            if isinstance(adjoint, Currents):
                self._with_currents(node, adjoint, crossing, spikes, by_time, living)
                continue
            arrivals = self.wiring.arrivals(node, key[1], spikes)
            if isinstance(adjoint, Relays):
                effect = adjoint.of_spike(crossing, arrivals, by_time[place], spikes)
            else:
                effect = adjoint.of_spike(crossing, arrivals, by_time[place])
            if effect is None:
                self.forced += 1
            else:
                self.sums.add(node, key[1], effect, by_time)

    def _read_outs(self, spikes: RecordedSpikes, by_time: Array, by_potential: Array) -> None:
        column = 0
        for population in self.net.populations:
            if population.model.spiking:
                continue
            mine = by_potential[column : column + population.size]
            column += population.size
            for neuron in np.flatnonzero((mine != 0).astype(bool)).tolist():
                arrivals = self.wiring.arrivals(population, neuron, spikes)
                effect = self._adjoints[population.order].of_potential(arrivals, mine[neuron])
                self.sums.add(population, neuron, effect, by_time)

    def _with_currents(
        self, node: Population, adjoint: Currents, crossing: Crossing, spikes: RecordedSpikes, by_time: Array,
        living: dict[tuple[int, int], Lived],
    ) -> None:  # fmt: skip
        """One spike of a neuron that may spike again; what it must know of its past is kept from its last spike on."""
        key = node.order, crossing.neuron
        train = spikes.train(*key)
        if key not in living:
            past = [
                Crossing(spikes.time[place], crossing.neuron, int(place), crossing.sample, number)
                for number, place in enumerate(train[: crossing.number + 1].tolist())
            ]
            living[key] = adjoint.live(past, self.wiring.arrivals(node, crossing.neuron, spikes))
        effect, of_earlier = adjoint.of_spike(living[key], crossing, float(by_time[crossing.place]))
        self.sums.add(node, crossing.neuron, effect, by_time)
        if crossing.number:
            by_time[train[crossing.number - 1]] += of_earlier
        else:
            del living[key]
