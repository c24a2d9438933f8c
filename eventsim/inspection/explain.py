"""`explain`: the causal chain of inputs that made a neuron fire when it did.

Relies on what reached the neuron (`incoming`) and on its replay (`replay`), and so on the contract of neuron models: no
model is named here. What it returns is in `explanation`.
"""

import itertools
import math
from typing import Any

import numpy as np

from eventsim.checks import integer
from eventsim.engines.reference.neuron import Layer, new_layer
from eventsim.errors import InputError, listed
from eventsim.inspection.explanation import Explanation, Input
from eventsim.inspection.incoming import Arrival, Heard
from eventsim.inspection.replay import ARRIVE, Replay, Step, potential_after
from eventsim.network.convolution import Pool
from eventsim.network.network import Network, Population, Source
from eventsim.network.sources import exactly
from eventsim.run.provenance import simulated
from eventsim.run.run import Run


def explain(
    net: Network,
    run: Run,
    population: str,
    neuron: int,
    sample: int = 0,
    depth: int = 3,
    breadth: int = 3,
    spike: int = 0,
) -> Explanation:
    """Say why a neuron fired when it did, or why it was silent: its inputs, what each did to its potential, and theirs.

    The neuron is replayed from what the run says it received, with the functions of its own model. An input's
    contribution is the potential at the time of the crossing with this input minus that without it, the neuron's
    earlier spikes staying where they were; for models that are linear between resets, contributions and the potential
    without inputs add up to the potential. A silent neuron is explained at the end of its window, a read-out at the
    time at which it is read; one without a window where the sample ended (`Run.reached`) or, where nothing ended it, at
    its last input. Of a run with a transport, each input has the stations that it went through, and how long each kept
    it; inputs that were lost are named with the place and the cause.

    Parameters
    ----------
    net
        The network that was simulated.
    run
        A run recorded with "spikes", or with "first_spikes" where all neurons that reach this one fire once.
    population, neuron, sample
        Which neuron, of which sample.
    depth
        How many levels of inputs are explained in turn, down to the sources; 0 explains the neuron alone.
    breadth
        How many of its inputs are explained, those with the largest contributions; of a relay the one that decided.
    spike
        Which of the neuron's spikes, counted from 0.

    Raises
    ------
    InputError
        Not a network or run; a run of another network; spikes that were not recorded; no such neuron, sample or spike;
        a transport whose class is not loaded.

    Notes
    -----
    Models that work on Fractions are replayed exactly, so that what is missing to the threshold is the rounding of the
    spike time. Cost: about 20 µs an input. Held by tests/test_explain.py.
    """
    _check(net, run, population)
    remedy = f"The run has {run.n_samples} samples."
    sample = integer("explain", "sample", sample, low=0, high=run.n_samples - 1, remedy=remedy)
    net = simulated(run.provenance, net, sample)
    node = net.node(population)
    remedy = f"{node.name!r} has {node.size} neurons."
    neuron = integer("explain", "neuron", neuron, low=0, high=node.size - 1, remedy=remedy)
    depth = integer("explain", "depth", depth, low=0, remedy="It counts levels of inputs.")
    breadth = integer("explain", "breadth", breadth, low=1, remedy="It counts inputs of a neuron.")
    heard = Heard(net, run, sample)
    fired = len(heard.train(node.order, neuron))
    remedy = f"{fired} of its spikes are recorded; 0 is the first."
    spike = integer("explain", "spike", spike, low=0, high=max(fired - 1, 0), remedy=remedy)
    return _Explainer(heard, breadth).of(node, neuron, spike, depth)


def _check(net: Any, run: Any, population: Any) -> None:
    """Is it the network of the run, or the one that faults made it of, and does it have this population?"""
    if not isinstance(net, Network):
        raise InputError(
            f"explain: net is a {type(net).__name__}; must be the Network that was simulated. Load it with "
            "load_network."
        )
    if not isinstance(run, Run):
        raise InputError(
            f"explain: run is a {type(run).__name__}; must be a Run. Give what eventsim.simulate or load_run returned."
        )
    if net.hash() not in (run.provenance.get("network_hash"), run.provenance.get("made_from")):
        raise InputError(
            f"explain: this is a run of another network ({run.network_difference(net)}); must be of net. Give the "
            "network that was simulated."
        )
    run.check_one_network("explain")
    run._index(population)
    net.node(population)


class _Explainer:
    """Explains neurons of one sample."""

    def __init__(self, heard: Heard, breadth: int) -> None:
        self.heard, self.breadth = heard, breadth
        self._layers: dict[tuple[int, bool], Layer] = {}
        self._known: dict[tuple[int, int, int, int], Explanation] = {}

    def of(self, node: Source | Population, neuron: int, number: int, depth: int) -> Explanation:
        """The explanation of one spike, or of silence."""
        key = node.order, neuron, number, depth
        if key not in self._known:
            if isinstance(node, Source):
                self._known[key] = self._of_source(node, neuron, number)
            else:
                self._known[key] = self._of_population(node, neuron, number, depth)
        return self._known[key]

    def _of_source(self, source: Source, neuron: int, number: int) -> Explanation:
        train = self.heard.train(source.order, neuron)
        time = self.heard.times[train[number]] if train else math.inf
        value = _value(source, time, self.heard.number) if len(train) == 1 else None
        return Explanation(
            population=source.name, neuron=neuron, sample=self.heard.sample, number=number, model="source",
            run=self.heard.run, time=time, crossing=time, at=time, value=value, spikes=len(train),
        )  # fmt: skip

    def _plain(self, value: Any) -> Any:
        """A potential as the run has its numbers."""
        return float(value) if self.heard.run.records.exact_times is None else value

    def _arithmetic(self, population: Population) -> tuple[Layer, Any]:
        """The layer in the arithmetic of contributions, and what converts numbers to it: exact where that is possible.

        Ticks of a clock are products that the run has rounded: clocked models stay in the arithmetic of the run.
        """
        exact = population.model.dynamics.on_fractions and not population.model.clocked
        return self._layer(population, exact), exactly if exact else self.heard.number

    def _layer(self, population: Population, exact: bool) -> Layer:
        key = population.order, exact
        if key not in self._layers:
            number = exactly if exact else self.heard.number
            rank = self.heard.ranks.get(population.name, 0)
            self._layers[key] = new_layer(population, number, rank=rank)
        return self._layers[key]

    def _of_population(self, population: Population, neuron: int, number: int, depth: int) -> Explanation:
        heard, model = self.heard, population.model
        train = heard.train(population.order, neuron)
        place = train[number] if train else None
        time = math.inf if place is None else heard.times[place]
        arrivals = heard.arrivals(population, neuron)
        before = arrivals if place is None else [one for one in arrivals if (one.time, one.place) < (time, place)]
        layer = self._layer(population, exact=False)
        end = heard.until if model.clocked or place is None else math.inf
        replay = Replay(layer, neuron, before, min(end, _last_time(population)), number)
        at, notes = self._when(population, replay, time, arrivals)
        lost = dict.fromkeys(heard.lost(population, neuron))
        if lost:
            notes.append(f"lost on the way: {listed(lost, 6)}")
        layer_then, number_type = self._arithmetic(population)
        potential, base, parts = replay.contributions(layer_then, number_type, at)
        plain = self._plain
        inputs = [
            self._input(before[k], plain(part), k == replay.decisive)
            for k, part in parts.items()
            if part or before[k].time > replay.earlier  # else its spike before this one wiped the input out
        ]
        inputs.sort(key=lambda one: (not one.decisive, -abs(one.contribution)))
        return Explanation(
            population=population.name, neuron=neuron, sample=heard.sample, number=number, model=model.name,
            run=heard.run, time=time, crossing=at if replay.stopped else math.inf, at=at,
            window=population.window, threshold=_threshold(population, neuron), potential=plain(potential),
            base=plain(base), inputs=tuple(inputs), late=tuple(self._late(layer, replay, before, arrivals, time)),
            at_opening=self._at_opening(population, neuron, arrivals, time), spikes=len(train),
            fan_in=_fan_in(heard.net, population, neuron) if model.relay else None,
            upstream=tuple(self._upstream(model.relay, inputs, depth)), notes=tuple(notes), _replay=replay,
        )  # fmt: skip

    def _when(
        self, population: Population, replay: Replay, time: Any, arrivals: list[Arrival]
    ) -> tuple[Any, list[str]]:
        """The time at which the potential is looked at, and what a reader should know about it."""
        heard, notes = self.heard, []
        if not heard.run.complete:
            notes.append("the run ended early: what came later is not known")
        moved = any(heard.run.provenance.get("faults") or ())
        if time < math.inf:
            if replay.stopped and (moved or replay.crossings[-1] == time):
                return replay.crossings[-1], notes
            found = f"crosses at {float(replay.crossings[-1]):.6g}" if replay.stopped else "does not cross"
            notes.append(
                f"replayed alone, the neuron {found}: simultaneous events decided, whose order the run does not tell"
            )
            return time, notes
        if replay.stopped:
            notes.append("it crossed its threshold, but its spike did not leave before the run ended")
            return replay.crossings[-1], notes
        ends = [heard.end, _last_time(population)]
        if min(ends) < math.inf:
            return min(ends), notes
        return max((one.time for one in arrivals), default=heard.number(0)), notes

    def _input(self, one: Arrival, contribution: Any, decisive: bool = False, reason: str = "") -> Input:
        sender, receptor = self.heard.net.nodes[one.node], self.heard.net.projections[one.projection].receptor
        return Input(
            sender.name, one.neuron, one.number, one.emitted, one.time, one.weight, contribution, decisive, reason,
            sender.shape, receptor, self.heard.stops(one),
        )  # fmt: skip

    def _late(
        self, layer: Layer, replay: Replay, before: list[Arrival], arrivals: list[Arrival], time: Any
    ) -> list[Input]:
        """Inputs that changed nothing: those that the neuron no longer heard, or not at that time."""
        found = []
        for k, one in enumerate(before):
            if k not in replay.taken and one.time > replay.earlier:
                reason = "late" if one.time >= layer.closed_from else "refractory"
                if layer.model.single_spike and reason == "refractory":
                    reason = "after"
                found.append(self._input(one, 0, reason=reason))
        if time < math.inf and (layer.model.single_spike or not layer.model.spiking):
            known = set(before)
            found += [
                self._input(one, 0, reason="late" if one.time >= layer.closed_from else "after")
                for one in arrivals
                if one not in known
            ]
        return found

    def _at_opening(self, population: Population, neuron: int, arrivals: list[Arrival], time: Any) -> Any:
        """V at t_min of a neuron that fired before it, had it waited."""
        if not population.model.windowed or population.window is None or time >= population.window[1]:
            return None
        t_min = population.window[1]
        steps = [Step(one.time, ARRIVE, k) for k, one in enumerate(arrivals) if one.time < t_min]
        layer, number = self._arithmetic(population)
        return self._plain(potential_after(steps, arrivals, layer, neuron, number, t_min))

    def _upstream(self, relay: bool, inputs: list[Input], depth: int) -> list[tuple[Input, Explanation]]:
        """The inputs that matter most, explained in turn; each spike once, although it may have several synapses."""
        if depth == 0:
            return []
        chosen = [one for one in inputs if (one.decisive if relay else one.contribution != 0)]
        found: dict[tuple[str, int, int], Input] = {}
        for one in chosen:
            found.setdefault((one.population, one.neuron, one.number), one)
        return [
            (one, self.of(self.heard.net.node(one.population), one.neuron, one.number, depth - 1))
            for one in itertools.islice(found.values(), min(self.breadth, len(found)))
        ]


def _value(source: Source, time: Any, number: Any) -> Any:
    """The value that a spike stands for, or None where it stands for none: of a generator, outside the window."""
    t_min, t_max = map(number, source.window)
    if source.generator is not None or not t_min <= time <= t_max:
        return None
    low, high = map(number, source.value_range)
    return low + (t_max - time) * (high - low) / (t_max - t_min)


def _fan_in(net: Network, population: Population, neuron: int) -> int | None:
    """How many inputs a relay counts; None where one of them counts as more or less than one."""
    found = 0
    for projection in net.projections:
        if projection.post is population and isinstance(projection.kind, Pool):
            positions = math.prod(population.shape[1:])
            found += int(np.count_nonzero(projection.kind.taps.target == neuron % positions))
        elif projection.post is population:
            for sender in range(projection.pre.size):
                targets, weights = projection.kind.synapses(sender)
                mine = weights[targets == neuron].tolist()
                if any(weight != 1 for weight in mine):
                    return None
                found += len(mine)
    return found


def _last_time(population: Population) -> Any:
    """When a neuron that has not fired is done: at t_max, a read-out at t_min."""
    if population.window is None:
        return math.inf
    return population.window[2] if population.model.spiking else population.window[1]


def _threshold(population: Population, neuron: int) -> Any:
    """The threshold, or inf where there is none, as a plain number."""
    name = population.model.threshold
    return population.parameters[name][neuron : neuron + 1].tolist()[0] if name in population.parameters else math.inf
