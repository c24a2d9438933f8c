"""Neurons with synaptic currents, backwards: `lif_exp`, with receptors or one current, and `if_exp`.

Between events V' = rate (v_inf - V) + gain (I1 + … + In) and Ij' = -Ij / tau_j, with rate = 1 / tau_mem, or 0 without a
leak. The adjoint (m, n1, …) of (V, I1, …) obeys m' = rate m, nj' = nj / tau_j - gain m, and backwards from a spike at t

    m(t - s) = m e^(-rate s),   nj(t - s) = nj e^(-s / tau_j) + gain m g(s),

g the response of V to a current of 1. An input of weight w at time u gives dloss/dw = nj(u) and
dloss/du = w (nj(u) / tau_j - gain m(u)). At a spike at t, whose time has the derivative x, dt = (dthreshold - dV) / V':
m becomes -x / V', and the threshold gets x / V'. Behind the spike V is v_reset for t_ref, so that of the m there only
what the end of this time does is left: it comes with the spike, and the spike's x gets -m V' of that moment. The
currents go on through the reset, and so do the nj (T. Wunderlich and C. Pehle 2021 for the case without t_ref).

Relies on what reached the neuron. Used by the walk backwards.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from eventsim.models.neurons.options import holding
from eventsim.models.neurons.receptors import each_of
from eventsim.models.train.event_gradients.crossings import Crossing, check_rising, grazing
from eventsim.models.train.event_gradients.effects import Effect, some
from eventsim.models.train.event_gradients.incoming import Arrivals
from eventsim.models.train.event_gradients.numbers import Arithmetic
from eventsim.network.nodes import Population

Array = np.ndarray[Any, Any]
# V' squared is twice the distance to the maximum times how fast V' falls. Where that distance is some roundings of V,
# rounding has decided that there is a spike, and left two digits of V' at most. As a share of the size of V:
TOUCH = 2.0**-46


def response(rate_mem: Any, rate_syn: Any, s: Any) -> Any:
    """g(s): V at s where the current is 1 / gain at 0 and V at rest; rates >= 0, equal ones too. Elementwise."""
    z = np.abs(rate_syn - rate_mem) * s
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_decay = np.where(z == 0.0, 1.0, -np.expm1(-z) / z)
    return np.exp(-np.minimum(rate_mem, rate_syn) * s) * s * mean_decay


class Moment(NamedTuple):
    """A spike, or the end of the refractory period behind it.

    Attributes
    ----------
    time
        When.
    n_before
        How many arrivals came before it.
    slope
        V' just before the spike, or just after the release.
    bend
        How fast the decay of the currents lowers V' at a spike.
    """

    time: float
    n_before: int
    slope: float
    bend: float


@dataclass
class Lived:
    """What the adjoint of a neuron that spiked must know of its past.

    Attributes
    ----------
    arrivals
        What reached it.
    spikes, releases
        Its spikes, and the ends of the refractory periods between them.
    carried : array (n_receptors,)
        The adjoint of the currents just after the spike at which the walk backwards has arrived.
    """

    arrivals: Arrivals
    spikes: list[Moment]
    releases: list[Moment]
    carried: Array


class Currents:
    """The neurons of one population."""

    def __init__(self, population: Population, arithmetic: Arithmetic) -> None:  # noqa: ARG002 - as all adjoints
        given, model = population.parameters, population.model
        leaks = "tau_mem" in given
        self.population = population
        zero = np.zeros(population.size)
        self.rates = 1.0 / np.stack(each_of("tau_syn", model.receptors, given))
        self.begin = np.stack(each_of("i_init", model.receptors, given)) if leaks else 0.0 * self.rates
        self.rate, self.gain = (1.0 / given["tau_mem"], given["r"] / given["tau_mem"]) if leaks else (zero, zero + 1.0)
        self.threshold, self.v_reset, self.hold = given["v_threshold"], given["v_reset"], holding(given)
        pieces = [(-np.inf, given), *population.pieces()]
        self.changes = np.array([t for t, _ in pieces])
        self.limits = [one["v_leak"] + one["current"] if leaks else zero for _, one in pieces]

    def live(self, crossings: list[Crossing], arrivals: Arrivals) -> Lived:
        """The currents of a neuron at its spikes and at the ends of its refractory periods, and so V' there."""
        neuron = crossings[0].neuron
        lived = Lived(arrivals, [], [], np.zeros(len(self.rates)))
        hold, current, since, n = float(self.hold[neuron]), self.begin[:, neuron], 0.0, 0
        for crossing in crossings:
            t = float(crossing.time)
            n, current = self._moved(neuron, current, (since, t), n, arrivals)
            slope, more = self._slope(neuron, self.threshold, t, current, "left"), 0
            if slope <= 0.0:  # V did not rise before what came, or changed, at this very time
                more = crossing.at_once(arrivals, n)
                np.add.at(current, arrivals.receptor[n : n + more], arrivals.weight[n : n + more])
                slope = self._slope(neuron, self.threshold, t, current, "right")
            n += more
            lived.spikes.append(Moment(t, n, slope, self._bend(neuron, current)))
            if crossing is not crossings[-1]:
                since = t + hold
                n, current = self._moved(neuron, current, (t, since), n, arrivals)
                slope = self._slope(neuron, self.v_reset, since, current, "right")
                lived.releases.append(Moment(since, n, slope, 0.0))
        return lived

    def of_spike(self, lived: Lived, crossing: Crossing, by_time: float) -> tuple[Effect, float]:
        """What a spike and the currents behind it pass back, up to the spike before, and what that spike gets of it.

        `by_time` is the derivative of the loss by the time of the spike.
        """
        neuron, k = crossing.neuron, crossing.number
        spike, earlier = lived.spikes[k], lived.releases[k - 1] if k else None
        of_potential = 0.0
        if by_time != 0.0:
            self._check(crossing, spike)
            of_potential = -by_time / spike.slope
        first = lived.spikes[k - 1].n_before if k else 0
        held = earlier.n_before if earlier else 0
        free, kept = some(lived.arrivals, held, spike.n_before), some(lived.arrivals, first, held)
        by_weight, by_arrival = self._free(neuron, of_potential, lived.carried, spike.time - free.time, free)
        of_earlier = 0.0
        if earlier:
            at_end = np.arange(len(self.rates))
            back = spike.time - earlier.time
            currents, potential = self._adjoint(neuron, of_potential, lived.carried, back, at_end)
            of_earlier = -float(potential) * earlier.slope
            rate = self.rates[kept.receptor, neuron]
            of_kept = currents[kept.receptor] * np.exp(-(earlier.time - kept.time) * rate)
            by_weight = np.concatenate([of_kept, by_weight])
            by_arrival = np.concatenate([kept.weight * rate * of_kept, by_arrival])
            lived.carried = currents * np.exp(-float(self.hold[neuron]) * self.rates[:, neuron])
        mine = some(lived.arrivals, first, spike.n_before)
        return Effect(mine, by_weight, by_arrival, threshold=-of_potential), of_earlier

    def _free(self, neuron: int, potential: float, carried: Array, s: Array, free: Arrivals) -> tuple[Array, Array]:
        """Derivatives by weights and times of arrivals while V was free, s before the spike."""
        currents, m = self._adjoint(neuron, potential, carried, s, free.receptor)
        rate = self.rates[free.receptor, neuron]
        return currents, free.weight * (rate * currents - self.gain[neuron] * m)

    def _adjoint(self, neuron: int, potential: float, carried: Array, s: Any, receptor: Array) -> tuple[Array, Array]:
        """(The adjoint of the current of each receptor, that of V) s before a spike at which they are as given."""
        rate, rates = self.rate[neuron], self.rates[receptor, neuron]
        driven = self.gain[neuron] * potential * response(rate, rates, s)
        return carried[receptor] * np.exp(-s * rates) + driven, potential * np.exp(-s * rate)

    def _moved(
        self, neuron: int, current: Array, times: tuple[float, float], n: int, arrivals: Arrivals
    ) -> tuple[int, Array]:
        """(How many arrivals came before the second time, the currents then), from those at the first, behind n."""
        since, t = times
        until = max(int(np.searchsorted(arrivals.time, t, side="left")), n)
        came = some(arrivals, n, until)
        moved = current * np.exp(-(t - since) * self.rates[:, neuron])
        left = came.weight * np.exp(-(t - came.time) * self.rates[came.receptor, neuron])
        return until, moved + np.bincount(came.receptor, left, len(moved))

    def _slope(self, neuron: int, potential: Array, t: float, current: Array, side: Literal["left", "right"]) -> float:
        """V' where V is at this potential, before or after a change of its drive at t."""
        limit = self.limits[int(np.searchsorted(self.changes, t, side=side)) - 1][neuron]
        return float((limit - potential[neuron]) * self.rate[neuron] + self.gain[neuron] * current.sum())

    def _bend(self, neuron: int, current: Array) -> float:
        return float(abs(self.gain[neuron] * (current * self.rates[:, neuron]).sum()))

    def _check(self, crossing: Crossing, spike: Moment) -> None:
        """Refuse a spike at a maximum that is the threshold but for rounding."""
        neuron = crossing.neuron
        limits = [abs(float(limit[neuron])) for limit in self.limits]
        size = abs(float(self.threshold[neuron])) + max(limits)
        check_rising(crossing, self.population, spike.slope, size * float(self.rate[neuron]))
        if spike.slope * spike.slope <= TOUCH * size * spike.bend:
            raise grazing(crossing, self.population, spike.slope)
