"""Ramps, backwards: `linear_psp`, `ttfs_b1`, `ttfs_alpha1` and the read-out `integrator`.

V rises in straight lines. With the spike at t, V' the slope there, and x the derivative of the loss by t: V(t) is the
threshold, so that dt = (dthreshold - dV) / V', dV being what moves V at t. An input of weight w that arrived at s moves
it by dw (e - max(s, t_start)) - w ds, where e is t or, of a neuron whose slope changes at t_min, t_min if that was
before. What arrives before t_start counts as from t_start on, whatever its time.

Relies on what reached the neuron. Used by the walk backwards. Every line works on Fractions.
"""

from typing import Any

import numpy as np

from eventsim.models.train.event_gradients.crossings import Crossing, check_rising
from eventsim.models.train.event_gradients.effects import Effect, some
from eventsim.models.train.event_gradients.incoming import Arrivals
from eventsim.models.train.event_gradients.numbers import Arithmetic
from eventsim.network.nodes import Population

Array = np.ndarray[Any, Any]


class Ramps:
    """The neurons of one population."""

    def __init__(self, population: Population, arithmetic: Arithmetic) -> None:
        given = population.parameters
        self.population, self.number = population, arithmetic.number
        rows = population.model.prepare(given, population.window)
        self.threshold, self.start, self.fire = (arithmetic.array(row) for row in rows)
        window = population.window or (0, np.inf, np.inf)
        self.t_start, self.t_min = (arithmetic.number(t) for t in window[:2])
        self.deaf = population.model.deaf

    def forced(self, neuron: int, t: Any) -> bool:
        """Is it a spike whose time is that of the window, since the threshold was at or below 0 when it began?"""
        return self.population.model.windowed and bool(t == self.t_start and self.threshold[neuron] <= 0)

    def of_spike(self, crossing: Crossing, arrivals: Arrivals, by_time: Any) -> Effect | None:
        """What a spike passes back; `by_time` is the derivative of the loss by its time. None where it is forced."""
        if self.forced(crossing.neuron, crossing.time):
            return None
        t = crossing.time
        n_before, opened, slope = self._slope(crossing, arrivals)
        before = some(arrivals, 0, n_before)
        of_potential = -by_time / slope
        moved = self._moved(before, self.t_min if opened else t)
        counts = before.time >= self.t_start
        if opened:
            late = before.time >= self.t_min
            moved[late] = 0 * t if self.deaf else t - before.time[late]
            counts &= ~(late & self.deaf)
        return Effect(
            before,
            of_potential * moved,
            -of_potential * np.where(counts, before.weight, 0 * before.weight),
            threshold=-of_potential,
            slope=of_potential * (t - self.t_min) if opened else 0 * by_time,
        )

    def of_potential(self, arrivals: Arrivals, by_potential: Any) -> Effect:
        """What the potential of a read-out at its t_min passes back."""
        n_before = int(np.searchsorted(arrivals.time, self.t_min, side="left"))
        before = some(arrivals, 0, n_before)
        by_time = np.where(before.time >= self.t_start, -by_potential * before.weight, 0 * before.weight)
        to_weight = by_potential * self._moved(before, self.t_min)
        return Effect(before, to_weight, by_time, drift=by_potential * (self.t_min - self.t_start))

    def _moved(self, arrivals: Arrivals, end: Any) -> Array:
        """How much V at `end` rises with each weight."""
        since = np.where(arrivals.time >= self.t_start, arrivals.time, self.t_start)
        moved: Array = end - since
        return moved

    def _slope(self, crossing: Crossing, arrivals: Arrivals) -> tuple[int, bool, Any]:
        """(How many inputs came before the spike, is it on the slope from t_min on, that slope)."""
        times, t = arrivals.time, crossing.time
        n_before, opened = int(np.searchsorted(times, t, side="left")), bool(t > self.t_min)
        slope, size = self._sum(crossing.neuron, arrivals, n_before, opened)
        if slope <= 0:  # V did not rise before what came at this very time
            n_before += crossing.at_once(arrivals, n_before)
            opened = bool(t >= self.t_min)
            slope, size = self._sum(crossing.neuron, arrivals, n_before, opened)
        check_rising(crossing, self.population, slope, size)
        return n_before, opened, slope

    def _sum(self, neuron: int, arrivals: Arrivals, n_before: int, opened: bool) -> tuple[Any, Any]:
        """The slope behind the first inputs, and the sizes of its terms; from t_min on where `opened`."""
        base, first = self.start[neuron], 0
        if opened:
            base = self.fire[neuron]
            first = n_before if self.deaf else int(np.searchsorted(arrivals.time, self.t_min, side="left"))
        weights = arrivals.weight[first:n_before]
        return base + weights.sum(), abs(base) + abs(weights).sum()
