"""Relays, backwards: all that the spike of a pool gets goes to the spike that it passed on.

That is the one that made the count full: with count 1 the earliest. Of several that arrived at one time it is the first
in the published event order that made it full, and it gets all.

Relies on what reached the relay. Used by the walk backwards.
"""

from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.train.event_gradients.crossings import Crossing
from eventsim.models.train.event_gradients.effects import Effect, some
from eventsim.models.train.event_gradients.incoming import Arrivals
from eventsim.models.train.event_gradients.numbers import Arithmetic
from eventsim.models.train.event_gradients.recorded import RecordedSpikes
from eventsim.network.nodes import Population
from eventsim.wording import neuron_text


class Relays:
    """The relays of one population."""

    def __init__(self, population: Population, arithmetic: Arithmetic) -> None:
        self.population, self.zeros = population, arithmetic.zeros
        self.count = arithmetic.array(population.parameters["count"])

    def of_spike(self, crossing: Crossing, arrivals: Arrivals, by_time: Any, spikes: RecordedSpikes) -> Effect:
        """What a spike passes back: `by_time`, to one arrival."""
        place = self._decisive(crossing, arrivals, spikes)
        passed = self.zeros(1)
        passed[0] = by_time
        return Effect(some(arrivals, place, place + 1), self.zeros(1), passed)

    def _decisive(self, crossing: Crossing, arrivals: Arrivals, spikes: RecordedSpikes) -> int:
        """The place of the arrival that made the count full."""
        low = int(np.searchsorted(arrivals.time, crossing.time, side="left"))
        high = int(np.searchsorted(arrivals.time, crossing.time, side="right"))
        here = [k for k in range(low, high) if arrivals.spike[k] < crossing.place]
        heard, count, found = arrivals.weight[:low].sum(), self.count[crossing.neuron], -1
        for k in sorted(here, key=lambda k: self._order(k, arrivals, spikes)):
            if heard < count <= heard + arrivals.weight[k]:
                found = k
            heard += arrivals.weight[k]
        if found < 0:
            raise InputError(
                f"gradients: {self.population.name} {neuron_text(crossing.neuron, self.population.shape)}, sample "
                f"{crossing.sample}: no recorded spike arrives at t = {float(crossing.time):.9g}, when it fired; must "
                "be there. The run is damaged: simulate it again."
            )
        return found

    def _order(self, k: int, arrivals: Arrivals, spikes: RecordedSpikes) -> tuple[int, ...]:
        """What sorts arrivals of one time into the published event order.

        Those from outside and over a delay come first, by sender; then, as they were sent, those without a delay.
        """
        spike = int(arrivals.spike[k])
        node, behind = int(spikes.node[spike]), int(arrivals.delay_place[k])
        if spikes.outside[node] or spikes.time[spike] < arrivals.time[k]:
            return 0, node, int(spikes.neuron[spike]), behind, k
        return 1, spike, 0, behind, k
