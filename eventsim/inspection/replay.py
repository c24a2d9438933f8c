"""One neuron of a recorded run, once more: from what it received to its crossings, and what each input did to its V.

Relies on the reference engine's `neuron`, and so on the scalar functions of the neuron model alone: no model is named
here. Used by `explain`. `follow` lives the neuron through its inputs as the reference engine does and notes each step
that changed its state; `potential_after` goes through such steps again with only some of the inputs.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from eventsim.engines.reference.neuron import Layer, Neuron
from eventsim.inspection.incoming import Arrival

ARRIVE, OPEN, TICK, FIRE, CHANGE = range(5)
# Two sums of potentials that differ by more than this share of the larger one do not differ by rounding alone.
ROUNDING = 1e-9


class Step(NamedTuple):
    """What changed the neuron's state at t; `arrival` is the place of an input, `piece` of its drive; else -1."""

    t: Any
    what: int
    arrival: int = -1
    piece: int = -1


def potential_after(
    steps: Iterable[Step], arrivals: Sequence[Arrival], layer: Layer, index: int, number: Any, at: Any
) -> Any:
    """V at `at` after these steps, in which the neuron crosses where they say and nowhere else.

    `number` converts times and weights to the arithmetic of `layer`.
    """
    neuron, model = Neuron(layer, index), layer.model
    for step in steps:
        t = number(step.t)
        if step.what == ARRIVE:
            arrival = arrivals[step.arrival]
            neuron.receive(t, number(arrival.weight), 0, arrival.receptor)
        elif step.what == OPEN:
            neuron.open_window(t)
        elif step.what == CHANGE:
            neuron.change(t, step.piece)
        elif step.what == TICK:
            neuron.s = model.dynamics.tick(neuron.p, neuron.s)
        elif model.clocked:
            neuron.s = model.dynamics.reset(neuron.p, neuron.s)
        else:
            neuron.fire(t)
    if not model.clocked:
        neuron.move(number(at))
    return neuron.s[0]


class Replay:
    """One neuron, lived through what reached it.

    Parameters
    ----------
    layer
        What its population shares, in the arithmetic of the run.
    index
        Which neuron of the population it is.
    arrivals
        What reached it, in the order of events.
    end
        Crossings at or after it are not looked for.
    last
        Number of the crossing at which to stop.

    Attributes
    ----------
    steps
        What changed its state, in order; the crossing at which it stops leaves no step.
    crossings
        The times of its crossings.
    path
        Tuples (t, state after t, time from which it moves on, parameters), for the potential in between.
    taken
        Which arrivals changed its state, by their places.
    decisive
        The place of the arrival that lifted V to the threshold, or None.
    """

    def __init__(self, layer: Layer, index: int, arrivals: Sequence[Arrival], end: Any, last: int = 0) -> None:
        self.layer, self.index, self.arrivals, self.end, self.last = layer, index, arrivals, end, last
        self.number: Any = type(layer.t_start)
        self.steps: list[Step] = []
        self.crossings: list[Any] = []
        self.taken: set[int] = set()
        self.decisive: int | None = None
        self._neuron = Neuron(layer, index)
        self.path: list[tuple[Any, tuple[Any, ...], Any, tuple[Any, ...]]] = []
        self._note(min(layer.t_start, 0 * layer.t_start))
        if layer.model.clocked:
            self._live_clocked()
        else:
            self._live()

    @property
    def stopped(self) -> bool:
        """Has it made the crossing at which to stop?"""
        return len(self.crossings) > self.last

    @property
    def earlier(self) -> Any:
        """The time of the crossing before the one at which to stop; before all times where there is none."""
        return self.crossings[self.last - 1] if 0 < self.last <= len(self.crossings) else -math.inf

    # -- living -----------------------------------------------------------------------------------------------------

    def _live(self) -> None:
        layer, neuron, place = self.layer, self._neuron, 0
        windows = [(t, start) for t, start in ((layer.t_start, True), (layer.t_min, False)) if layer.model.windowed]
        changes = [t for t, _ in layer.pieces]
        crossing: Any = math.inf if layer.model.windowed else self._predicted(layer.t_start)
        release: Any = math.inf
        while True:
            due = self.arrivals[place].time if place < len(self.arrivals) else math.inf
            t = min(due, crossing, release, windows[0][0] if windows else math.inf, min(changes, default=math.inf))
            if t >= self.end:
                return
            if crossing == t:
                crossing, release = self._cross(t)
                if self.stopped or neuron.done:
                    return
                continue
            touched, initialised = release == t, False
            release = math.inf if touched else release
            while windows and windows[0][0] == t:
                initialised |= windows[0][1]
                touched = True
                if not windows.pop(0)[1]:
                    neuron.open_window(t)
                    self._step(t, OPEN)
            if changes and changes[0] == t:
                touched |= neuron.change(t, len(layer.pieces) - len(changes))
                self._step(t, CHANGE, piece=len(layer.pieces) - len(changes))
                changes.pop(0)
            micro = self.arrivals[place].micro if due == t and not touched else 0
            while place < len(self.arrivals) and self.arrivals[place][:2] == (t, micro):
                touched |= self._receive(t, place)
                place += 1
            if not touched or t < neuron.t or not layer.model.spiking:
                continue
            crossing = neuron.predict(t, initialised)
            if crossing <= t:
                crossing, release = self._cross(t)
                if self.stopped or neuron.done:
                    return
            else:
                self.decisive = None

    def _predicted(self, t: Any) -> Any:
        return self._neuron.predict(t) if self.layer.model.spiking else math.inf

    def _cross(self, t: Any) -> tuple[Any, Any]:
        """Cross the threshold at t; return the next crossing and the end of refractoriness."""
        neuron = self._neuron
        self.crossings.append(t)
        if self.stopped:
            return math.inf, math.inf
        neuron.fire(t)
        self.decisive = None
        self._step(t, FIRE)
        if neuron.t > t:
            return math.inf, neuron.t
        return self._predicted(t), math.inf

    def _receive(self, t: Any, place: int) -> bool:
        """Take an arrival; must the neuron be tested?"""
        neuron, layer = self._neuron, self.layer
        below = layer.model.jumps and not layer.model.dynamics.above(neuron.p, neuron.s)
        arrival = self.arrivals[place]
        tested = neuron.receive(t, arrival.weight, 0, arrival.receptor)
        if tested or layer.model.clocked or t < layer.t_start:
            self.taken.add(place)
            self._step(t, ARRIVE, place)
            if below and layer.model.dynamics.above(neuron.p, neuron.s):
                self.decisive = place
        return tested

    def _live_clocked(self) -> None:
        """Tick by tick; what arrives at the time of a tick is seen by it up to the micro-step of its rank."""
        layer, neuron, place, tick = self.layer, self._neuron, 0, 0
        while tick * layer.period < self.end:
            t = tick * layer.period
            while place < len(self.arrivals) and self.arrivals[place][:2] <= (t, layer.rank):
                self._receive(self.arrivals[place].time, place)
                place += 1
            neuron.s = layer.model.dynamics.tick(neuron.p, neuron.s)
            self._step(t, TICK)
            if layer.model.dynamics.above(neuron.p, neuron.s):
                self.crossings.append(t)
                if self.stopped:
                    return
                neuron.s = layer.model.dynamics.reset(neuron.p, neuron.s)
                self._step(t, FIRE)
            tick += 1

    def _step(self, t: Any, what: int, arrival: int = -1, piece: int = -1) -> None:
        self.steps.append(Step(t, what, arrival, piece))
        self._note(t)

    def _note(self, t: Any) -> None:
        self.path.append((t, self._neuron.s, self._neuron.t, self._neuron.p))

    # -- looking back -----------------------------------------------------------------------------------------------

    def potential_at(self, t: Any) -> Any:
        """V at t as it was, with all that reached it; NaN before it was there."""
        place = bisect_right(self.path, t, key=lambda entry: entry[0]) - 1
        if place < 0:
            return math.nan
        _, s, since, p = self.path[place]
        model = self.layer.model
        return model.dynamics.advance(model.dynamics.propagator(p, t - since), s)[0] if t > since else s[0]

    def contributions(self, layer: Layer, number: Any, at: Any) -> tuple[Any, Any, dict[int, Any]]:
        """(V at `at`, V without any input, what each arrival that was taken contributes to V).

        A contribution is V with the input minus V without it. Where the contributions of inputs alone add up to V,
        which they do for every model that is linear between its resets, they are taken: O(steps without inputs) each.
        Else each input is left out in turn. `number` converts times and weights to the arithmetic of `layer`.
        """

        def potential(steps: Iterable[Step]) -> Any:
            return potential_after(steps, self.arrivals, layer, self.index, number, at)

        fixed, alone = self._one_by_one()
        whole, base = potential(self.steps), potential(fixed)
        parts = {k: potential(steps) - base for k, steps in alone}
        missing = whole - base - sum(parts.values())
        if abs(missing) > ROUNDING * max(map(abs, (whole, base, *parts.values()))):
            parts = {k: whole - potential([step for step in self.steps if step.arrival != k]) for k in parts}
        return whole, base, parts

    def _one_by_one(self) -> tuple[list[Step], Iterator[tuple[int, list[Step]]]]:
        """The steps without inputs, and with each input alone."""
        fixed = [step for step in self.steps if step.what != ARRIVE]

        def alone() -> Iterator[tuple[int, list[Step]]]:
            before = 0
            for step in self.steps:
                if step.what == ARRIVE:
                    yield step.arrival, [*fixed[:before], step, *fixed[before:]]
                else:
                    before += 1

        return fixed, alone()
