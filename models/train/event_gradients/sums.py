"""The sums of what spikes pass back: one entry for each weight, delay and threshold of a network.

Relies on the wiring. Used by the walk backwards.
"""

from typing import Any

import numpy as np

from eventsim.models.train.event_gradients.effects import Effect
from eventsim.models.train.event_gradients.incoming import Wiring
from eventsim.models.train.event_gradients.numbers import Arithmetic
from eventsim.network.network import Network
from eventsim.network.nodes import Population
from eventsim.network.projections import own_delays

Array = np.ndarray[Any, Any]


class Sums:
    """Derivatives of a loss by the parameters of a network, added up over spikes and samples.

    Attributes
    ----------
    thresholds, drifts, slopes : dict of arrays (size,)
        By the order of their population.
    """

    def __init__(self, net: Network, wiring: Wiring, arithmetic: Arithmetic) -> None:
        self.net, self.wiring = net, wiring
        self._weights = arithmetic.zeros(wiring.first_weight[-1])
        self._delays = arithmetic.zeros(wiring.first_delay[-1])
        orders = {one.order: one.size for one in net.populations}
        self.thresholds = {order: arithmetic.zeros(size) for order, size in orders.items()}
        self.drifts = {order: arithmetic.zeros(size) for order, size in orders.items()}
        self.slopes = {order: arithmetic.zeros(size) for order, size in orders.items()}

    def add(self, population: Population, neuron: int, effect: Effect, by_spike: Array) -> None:
        """Add what one spike passes back; `by_spike` (n_spikes,) gets what is owed to the spikes that arrived."""
        np.add.at(self._weights, effect.arrivals.weight_place, effect.by_weight)
        np.add.at(self._delays, effect.arrivals.delay_place, effect.by_time)
        np.add.at(by_spike, effect.arrivals.spike, effect.by_time)
        self.thresholds[population.order][neuron] += effect.threshold
        self.drifts[population.order][neuron] += effect.drift
        self.slopes[population.order][neuron] += effect.slope

    def follow(self) -> None:
        """Let slopes that are sums of weights pass what they got to these weights, once, at the end."""
        for population in self.net.populations:
            if any(parameter.incoming for parameter in population.model.parameters):
                self.wiring.spread(population, self.slopes[population.order], self._weights)

    def weights(self, order: int) -> Array:
        """Return the derivatives by the weights of a projection, in their shape."""
        low, high = self.wiring.first_weight[order : order + 2]
        found: Array = self._weights[low:high].reshape(self.net.projections[order].kind.weights.shape)
        return found

    def delays(self, order: int) -> Any:
        """Return the derivative by the delay of a projection, or (n_synapses,) by those that synapses have."""
        low, high = self.wiring.first_delay[order : order + 2]
        mine = self._delays[low:high]
        if own_delays(self.net.projections[order].kind) is not None:
            return mine
        return mine[0] if mine.dtype == object else float(mine[0])
