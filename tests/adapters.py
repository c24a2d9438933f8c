"""Bridges for the tests of the engines: from an eventsim network to the naive oracle's, and exact comparisons.

Nothing is converted on the way: floats stay floats, Fractions stay Fractions. Values are coded and synapses are listed
here a second time, from their definitions; only Poisson trains are the engines' own (`test_poisson.py` judges those).
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import naive
import numpy as np
import pytest

from eventsim import (
    Conv,
    Dense,
    Network,
    OneToOne,
    Pool,
    Population,
    Run,
    SimulationError,
    Sparse,
    SpikeTimes,
    simulate,
)
from eventsim.engines.sample_state import SampleState
from eventsim.network.projections import own_delays


class Outcome(NamedTuple):
    """A run, and the message of the error that ended it early, if any."""

    run: Run
    error: str | None


def oracle_nodes(net: Network) -> list[naive.Node]:
    """The nodes of `net` for the oracle: choices by their words, one list a parameter."""
    nodes = []
    for node in net.nodes:
        if not isinstance(node, Population):
            nodes.append(naive.Node(node.name, node.size, "source"))
            continue
        parameters: dict[str, list] = {}
        for parameter in node.model.parameters:
            values = node.parameters[parameter.name].tolist()
            if parameter.choices:
                values = [parameter.choices[int(value)] for value in values]
            parameters[parameter.name] = values
        if "comparator" in parameters:
            parameters["strict"] = [word == "strict" for word in parameters.pop("comparator")]
        changes = [(t, later["current"].tolist()) for t, later in node.pieces()]
        nodes.append(naive.Node(node.name, node.size, "population", node.model.name, parameters, node.window, changes))
    return nodes


def oracle_projections(net: Network) -> list[naive.Projection]:
    """The projections of `net` for the oracle, each as a list of synapses."""
    return [
        naive.Projection(p.pre.name, p.post.name, p.delay, synapses_of(p.kind), own_delays(p.kind) is not None)
        for p in net.projections
    ]


def synapses_of(kind: Any) -> list[tuple[int, int, Any]]:
    """(source, target, weight) of every synapse, by definition, and its delay if it has its own; in no order."""
    if isinstance(kind, Dense):
        return [(i, j, weight) for j, row in enumerate(kind.weights.tolist()) for i, weight in enumerate(row)]
    if isinstance(kind, OneToOne):
        return [(i, i, weight) for i, weight in enumerate(kind.weights.tolist())]
    if isinstance(kind, Conv | Pool):
        return list(convolution_synapses(kind))
    assert isinstance(kind, Sparse)
    columns = [kind.sources, kind.targets, kind.weights, *([] if kind.delays is None else [kind.delays])]
    return list(zip(*(column.tolist() for column in columns), strict=True))


def convolution_synapses(kind: Conv | Pool) -> Iterator[tuple[int, int, Any]]:
    """By definition: out[o, y] = sum over c, k of weights[o, c, k] in[c, y stride - padding + k dilation].

    A pool has a weight of 1 for each tap of its own channel.
    """
    positions, into = kind.shape[1:], kind.output_shape(kind.shape)
    pools = isinstance(kind, Pool)
    weights = np.ones((kind.shape[0], 1, *kind.kernel)) if pools else kind.weights
    groups = kind.shape[0] if pools else kind.groups
    n_out, width, *kernel = weights.shape
    for o, c in itertools.product(range(n_out), range(width)):
        channel = o // (n_out // groups) * width + c
        for place in itertools.product(*map(range, into[1:])):
            for tap in itertools.product(*map(range, kernel)):
                axes = zip(place, tap, kind.stride, kind.padding, kind.dilation, strict=True)
                seen = [y * stride - before + k * dilation for y, k, stride, (before, _), dilation in axes]
                if all(0 <= x < n for x, n in zip(seen, positions, strict=True)):
                    source = np.ravel_multi_index((channel, *seen), kind.shape)
                    target = np.ravel_multi_index((o, *place), into)
                    yield int(source), int(target), weights.item(o, c, *tap)


def oracle_stimulus(net: Network, x: Any, sample: int = 0, until: Any = None, seed: int = 0) -> dict[str, list]:
    """Spike trains by source and neuron of one sample, as both engines should get them."""
    driven = [source for source in net.sources if source.generator is None]
    given = x if isinstance(x, dict) else {source.name: x for source in driven}
    trains: dict[str, list] = {}
    for source in net.sources:
        if source.generator is not None:
            times, neurons = source.generator.trains(source.name, source.size, float(until), seed, sample)
            trains[source.name] = [times[neurons == i].tolist() for i in range(source.size)]
        elif isinstance(given[source.name], SpikeTimes):
            trains[source.name] = [given_train(train) for train in _flat(given[source.name].times[sample])]
        else:
            values = _flat(np.asarray(given[source.name])[sample])
            trains[source.name] = [coded_train(value, source.window, source.value_range) for value in values]
    return trains


def given_train(train: Any) -> list:
    """The spikes of a list of times, or of one time, inf = silent."""
    return [t for t in (train if isinstance(train, list | np.ndarray) else [train]) if t < math.inf]


def coded_train(value: Any, window: tuple, value_range: tuple) -> list:
    """The spike that codes a value: at t_min for the high end of the range, none (t_max) for the low end."""
    (t_min, t_max), (low, high) = window, value_range
    t = t_max - (value - low) / (high - low) * (t_max - t_min)
    return [t] if t < t_max else []


def _flat(sample: Any) -> list:
    return sample.ravel().tolist() if isinstance(sample, np.ndarray) else list(sample)


def oracle_run(net: Network, x: Any = None, sample: int = 0, until: Any = None, seed: int = 0) -> naive.Result:
    """What the naive oracle makes of one sample."""
    stimulus = oracle_stimulus(net, x, sample, until, seed)
    return naive.simulate(oracle_nodes(net), oracle_projections(net), stimulus, until)


def spike_list(run: Run, sample: int = 0) -> list[tuple[float, str, int]]:
    """(time, name, neuron) of one sample, in event order."""
    mine = run.spikes[run.spikes["sample"] == sample]
    names = [run.populations[k] for k in mine["population"].tolist()]
    return list(zip(mine["time"].tolist(), names, mine["neuron"].tolist(), strict=True))


def assert_equals_oracle(done: Outcome, net: Network, x: Any = None, until: Any = None, seed: int = 0) -> None:
    """A run did exactly what the oracle does: spikes in event order, counters, read-out, or an error."""
    run = done.run
    if done.error is not None:
        sample = int(done.error.partition("sample ")[2].partition(":")[0])
        with pytest.raises(ValueError, match=r"twice|rounding"):
            oracle_run(net, x, sample, until, seed)
        return
    results = [oracle_run(net, x, sample, until, seed) for sample in range(run.n_samples)]
    for sample, result in enumerate(results):
        assert spike_list(run, sample) == [(float(t), name, i) for t, name, i in result.spikes]
        for node in net.nodes:
            assert run.spike_times(node.name)[sample].tolist() == result.first(node.name)
        potentials = [v for p in net.populations if not p.model.spiking for v in result.readout[p.name]]
        if potentials:
            assert_same_numbers(run.readout[sample].tolist(), [math.nan if v is None else v for v in potentials])
    assert run.counters["visited"] == sum(result.visited for result in results)
    assert run.counters["synaptic_events"] == sum(result.nominal for result in results)
    by_population = run.counters["by_population"]
    for population in net.populations:
        name = population.name
        assert by_population[name]["premature"] == sum(result.premature[name] for result in results)
        assert by_population[name]["late"] == sum(result.late[name] for result in results)


def assert_near_oracle(done: Outcome, net: Network, x: Any = None, until: Any = None, seed: int = 0) -> None:
    """Every neuron fired as often as the oracle's, at the same times to nine digits (`lif_exp` is integrated there)."""
    assert done.error is None
    for sample in range(done.run.n_samples):
        result = oracle_run(net, x, sample, until, seed)
        assert sorted(_trains(spike_list(done.run, sample))) == sorted(_trains(result.spikes))
        expected = _trains(result.spikes)
        for neuron, times in _trains(spike_list(done.run, sample)).items():
            assert times == pytest.approx(expected[neuron], rel=1e-9, abs=1e-9)


def _trains(spikes: list[tuple[Any, str, int]]) -> dict[tuple[str, int], list[float]]:
    trains: dict[tuple[str, int], list[float]] = {}
    for t, name, i in spikes:
        trains.setdefault((name, i), []).append(float(t))
    return trains


def assert_same_numbers(a: list, b: list) -> None:
    """Equal, where nan equals nan."""
    assert [None if x != x else x for x in a] == [None if x != x else x for x in b]


def assert_same_run(a: Run, b: Run) -> None:
    """Both runs left the same bits: spikes in order, first spikes, read-out, error bounds, counters."""
    if a.records.spikes is not None:
        assert a.spikes.tolist() == b.spikes.tolist()  # says where they differ; the bits are compared below
    for name in ("spikes", "first", "readout", "errors", "traces"):
        one, two = getattr(a.records, name), getattr(b.records, name)
        assert (one is None) == (two is None)
        if one is not None:
            assert one.dtype == two.dtype
            assert_same_numbers(one.ravel().tolist(), two.ravel().tolist()) if one.dtype == object else None
            assert one.dtype == object or one.tobytes() == two.tobytes(), name
    assert counters(a) == counters(b)
    assert a.complete == b.complete


def state_of(run: Run, sample: int = 0) -> SampleState:
    """Where a sample of a run stands, of which that was kept."""
    assert run.records.state is not None
    found = run.records.state.samples[sample]
    assert found is not None
    return found


def counters(run: Run) -> dict[str, Any]:
    """The counters without those that tell engines apart."""
    return {name: value for name, value in run.counters.items() if name != "queue_operations"}


def outcome(net: Network, x: Any = None, **options: Any) -> Outcome:
    """Simulate; an error of the simulation is part of the outcome."""
    try:
        return Outcome(simulate(net, x, **options), None)
    except SimulationError as error:
        return Outcome(error.run, str(error))


def both_engines(net: Network, x: Any = None, **options: Any) -> Outcome:
    """Run both engines and insist on the same bits, also of what is left where an error or a budget ended the run."""
    compiled = outcome(net, x, **options)
    options.pop("threads", None)
    reference = outcome(net, x, engine="reference", **options)
    assert compiled.error == reference.error
    assert_same_run(compiled.run, reference.run)
    return compiled


def stored_otherwise(net: Network, shuffle: np.random.Generator) -> Network:
    """The same network: dense weights in Fortran order, synapses in random order."""

    def kind_of(kind: Any) -> Any:
        if isinstance(kind, Dense):
            return Dense(np.asfortranarray(kind.weights))
        if isinstance(kind, Sparse):
            order = shuffle.permutation(kind.n_synapses)
            delays = None if kind.delays is None else kind.delays[order]
            return Sparse(kind.sources[order], kind.targets[order], kind.weights[order], delays=delays)
        return kind

    return _copied(net, kind_of, lambda number: number)


def in_fractions(net: Network, fraction: Callable[[Any], Any] = Fraction) -> Network:
    """The same network with every finite number made a Fraction."""

    def exact(number: Any) -> Any:
        return fraction(number) if math.isfinite(number) else number

    def kind_of(kind: Any) -> Any:
        arrays = {
            name: _objects(map(exact, array.ravel().tolist()), array.shape) if name == "weights" else array
            for name, array in kind.arrays().items()
        }
        return type(kind)(**arrays)

    return _copied(net, kind_of, exact)


def _copied(net: Network, kind_of: Callable[[Any], Any], number: Callable[[Any], Any]) -> Network:
    copy = Network(net.time_unit)
    for node in net.nodes:
        if not isinstance(node, Population):
            window, value_range = tuple(map(number, node.window)), tuple(map(number, node.value_range))
            copy.source(node.shape, node.name, window, value_range, node.generator)
            continue
        given: dict[str, Any] = {}
        for parameter in node.model.parameters:
            values = node.parameters[parameter.name]
            numbers = list(map(number, values.tolist()))
            given[parameter.name] = _objects(numbers, values.shape) if isinstance(numbers[0], Fraction) else values
            if parameter.choices:
                given[parameter.name] = parameter.choices[int(values[0])]
        given |= node.steps
        copy.population(node.model, node.shape, node.name, node.window and tuple(map(number, node.window)), **given)
    for projection in net.projections:
        pre, post = projection.pre.name, projection.post.name
        copy.connect(pre, post, kind_of(projection.kind), number(projection.delay))
    return copy


def _objects(values: Iterable[Any], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(shape, dtype=object)
    array.ravel()[:] = list(values)
    return array
