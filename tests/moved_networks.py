"""A network moved a little in all that gradients are by, and simulated exactly: for differences of runs.

The runs are those of the oracle: `naive` for the event order, Fractions where all models are rational, else the mpmath
neurons of `golden.exact_neurons`, right to 60 digits. Used by the tests of gradients.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import adapters
import mpmath
import naive
import numpy as np
from golden.exact_neurons import MODELS, RATIONAL, WITH_RECEPTORS

from eventsim import Network, Population, Run, SpikeTimes
from eventsim.network.projections import own_delays
from eventsim.network.replacement import part_names

DIGITS = 100  # of which crossings keep 60
# Small enough for the square of it to be nothing beside a float64, large enough to leave 40 of 60 digits.
STEP = Fraction(1, 2**55)
Array = np.ndarray[Any, Any]
Trains = Sequence[Sequence[Any]]  # spike times by neuron


class Direction:
    """How much each number moves: whole numbers over 8, drawn anew for each kind that is not held."""

    def __init__(self, net: Network, times: Trains, seed: int, held: tuple[str, ...] = ()) -> None:
        random = np.random.default_rng(seed)

        def draw(what: str, size: int) -> Array:
            found = random.integers(-8, 9, size) * (what not in held)
            return np.array([Fraction(int(k), 8) for k in found], dtype=object)

        names = dict(part_names(net))
        # A relay counts what comes: any less than 1 is too little.
        self.weights = {names[one]: draw("weights", one.kind.weights.size).reshape(one.kind.weights.shape)
                        for one in net.projections if not one.post.model.relay}  # fmt: skip
        self.delays: dict[str, Any] = {}
        for one in net.projections:
            own = own_delays(one.kind)
            moved = draw("delays", 1 if own is None else own.size)
            # A delay of 0 is the edge of what there is, and no micro-step is to become another time.
            self.delays[names[one]] = moved[0] * (one.delay > 0) if own is None else moved * (own > 0)
        spiking = [one for one in net.populations if one.model.spiking and not one.model.relay]
        self.thresholds = {one.name: draw("thresholds", one.size) for one in spiking}
        self.drifts = {one.name: draw("drifts", one.size) for one in net.populations if not one.model.spiking}
        self.inputs = [draw("inputs", len(train)) for train in times]

    def derivative(self, found: Any) -> tuple[float, float]:
        """(The derivative of the loss in this direction by gradients, the sum of the sizes of its terms)."""
        total = size = 0
        pairs = [(getattr(found, what)[name], moved) for what in ("weights", "delays", "thresholds", "drifts")
                 for name, moved in getattr(self, what).items()]  # fmt: skip
        (inputs,) = found.inputs.values()
        for gradient, moved in [*pairs, (inputs, self.recorded)]:
            terms = np.asarray(gradient, dtype=object) * moved
            total, size = total + np.sum(terms), size + np.sum(abs(terms))
        return total, size

    def read(self, run: Run) -> None:
        """Put the moves of inputs in the order in which the run recorded them."""
        spikes = run.spikes[run.spikes["population"] == 0]
        count = [0] * len(self.inputs)
        self.recorded = np.zeros(len(spikes), dtype=object)
        for k, neuron in enumerate(spikes["neuron"].tolist()):
            self.recorded[k] = self.inputs[neuron][count[neuron]]
            count[neuron] += 1


def moved(net: Network, direction: Direction, step: Fraction) -> Network:
    """The network, moved so far."""

    def exact(values: Any) -> Array:
        given = np.asarray(values)
        return np.array([Fraction(v) for v in given.ravel().tolist()], dtype=object).reshape(given.shape)

    for name, by in direction.weights.items():
        kind = next(part for part, called in part_names(net) if called == name).kind
        net = net.replace(name, weights=exact(kind.weights) + step * by)
    for name, by in direction.delays.items():
        projection = next(part for part, called in part_names(net) if called == name)
        own = own_delays(projection.kind)
        if own is None:
            net = net.replace(name, delay=Fraction(projection.delay) + step * by)
        else:
            net = net.replace(name, delays=exact(own) + step * by)
    for name, by in direction.thresholds.items():
        called = population(net, name).model.threshold
        net = net.replace(name, **{called: exact(population(net, name).parameters[called]) + step * by})
    for name, by in direction.drifts.items():
        net = net.replace(name, drift=exact(population(net, name).parameters["drift"]) + step * by)
    for one in net.populations:  # the slope of alpha1 follows the weights that it adds up
        if one.model.name == "ttfs_alpha1":
            slope = exact(one.parameters["slope"])
            for projection, name in part_names(net):
                if name in direction.weights and projection.post.name == one.name:
                    slope = slope + step * incoming(projection.kind, direction.weights[name], one.size)
            net = net.replace(one.name, slope=slope)
    return net


def population(net: Network, name: str) -> Population:
    """The population of this name."""
    found = net.node(name)
    assert isinstance(found, Population)
    return found


def incoming(kind: Any, by: Array, size: int) -> Array:
    """What each target's incoming weights move by, those of padding included."""
    found = np.full(size, Fraction(0), dtype=object)
    if kind.kind == "sparse":
        for target, moves in zip(kind.targets.tolist(), by, strict=True):
            found[target] += moves
        return found
    if kind.kind == "one_to_one":
        return by
    rows = by.reshape(len(by), -1).sum(axis=1)
    return np.repeat(rows, size // len(rows))


def trains(net: Network, times: Trains, until: float) -> naive.Result:
    """The exact run of a network of one source, whose neurons spike at these times."""
    rational = all(one.model.name in RATIONAL for one in net.populations)
    mpmath.mp.dps = DIGITS

    def number(value: Any) -> Any:
        if isinstance(value, str) or value == np.inf:
            return value
        whole = Fraction(value)
        return whole if rational else mpmath.mpf(whole.numerator) / whole.denominator

    nodes = adapters.oracle_nodes(net)
    for node in nodes:
        node.parameters = {name: [number(v) for v in values] for name, values in node.parameters.items()}
        node.window = node.window and tuple(number(t) for t in node.window)
        receptors = population(net, node.name).model.receptors if node.kind == "population" else ()
        if receptors:
            node.model = f"{node.model}{WITH_RECEPTORS}"
            for name in ("tau_syn", "i_init"):
                each = [node.parameters.pop(f"{name}_{receptor}") for receptor in receptors]
                node.parameters[name] = [dict(zip(receptors, one, strict=True)) for one in zip(*each, strict=True)]
    projections = adapters.oracle_projections(net)
    for one, mine in zip(projections, net.projections, strict=True):
        one.delay = number(one.delay)
        one.synapses = [(i, j, *map(number, rest)) for i, j, *rest in one.synapses]
        if mine.post.model.receptors:
            one.receptor = mine.receptor
    stimulus = {net.sources[0].name: [[number(t) for t in train] for train in times]}
    return naive.simulate(nodes, projections, stimulus, number(until), MODELS)


def difference(net: Network, times: Trains, until: float, direction: Direction, loss: Any) -> Any:
    """The derivative of a loss of the oracle's run, by a central difference."""
    ends = []
    for step in (STEP, -STEP):
        inputs = [[Fraction(t) + step * by for t, by in zip(train, moves, strict=True)]
                  for train, moves in zip(times, direction.inputs, strict=True)]  # fmt: skip
        ends.append(loss(trains(moved(net, direction, step), inputs, until)))
    scale = 2 * STEP
    return (ends[0] - ends[1]) * scale.denominator / scale.numerator


def given(times: Trains) -> SpikeTimes:
    """One sample of these trains."""
    return SpikeTimes([times])
