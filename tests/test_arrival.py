"""A fault at arrival is one file (`toy_faults.py`) and touches no engine: each delivery has a weight of its own."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest
import random_networks
import torture
from adapters import assert_same_run, both_engines, outcome, state_of, synapses_of
from toy_faults import Lost, Tired, both, halve, lose

import eventsim
from eventsim import Conv, Dense, Network, OneToOne, Run, Sparse, SpikeTimes, models, simulate
from eventsim._jit import jitable
from eventsim.engines.compiled import alternatives, engine, event_loop
from eventsim.engines.compiled.delivery import make_spike
from eventsim.errors import FaultError, InputError
from eventsim.fabric import AerBus
from eventsim.faults import ArrivalFault, Clock, EmissionFault, Jitter
from eventsim.network.projections import synapse_numbers
from eventsim.randomness import normal, stream_key, uniforms


def potentials(kind: Any, times: Any, n: int, delay: float = 0.0, **options: Any) -> Any:
    """What integrators of unit slope have gathered at t = 10 of spikes over one projection."""
    net = Network()
    net.source(len(times), "input")
    net.population("integrator", n, "out", window=(0.0, 10.0))
    net.connect("input", "out", kind, delay=delay)
    return both_engines(net, SpikeTimes([times]), until=11.0, **options).run.readout[0]


@pytest.mark.engine_small
def test_each_third_spike_arrives_with_half_its_weight() -> None:
    times = [[0.5, 1.0, 3.0, 3.5, 4.0, 5.0], [2.0]]
    factors = [1, 1, 0.5, 1, 1, 0.5]
    expected = [
        4.0 * sum(f * (10 - t) for f, t in zip(factors, times[0], strict=True)) + 1.5 * 8.0,
        -2.0 * sum(f * (10 - t) for f, t in zip(factors, times[0], strict=True)) + 0.5 * 8.0,
    ]
    weights = [[4.0, 1.5], [-2.0, 0.5]]
    assert potentials(Dense(weights), times, 2, faults=both(tired=None)).tolist() == expected
    sparse = Sparse([0, 1, 1, 0], [1, 0, 1, 0], [-2.0, 1.5, 0.5, 4.0])
    assert potentials(sparse, times, 2, faults=both(tired=None)).tolist() == expected
    assert potentials(Dense(weights), times, 2, faults=both(tired=[("input", "out")])).tolist() == expected
    assert potentials(OneToOne([4.0, 1.5]), times, 2, faults=both(tired=None))[0] == expected[0] - 12.0


@pytest.mark.engine_small
def test_two_spikes_of_a_neuron_that_rounding_lets_arrive_together_keep_their_numbers() -> None:
    late = 2.0**53  # 0.25 and 0.5 are lost in it: three spikes of one neuron arrive at one time, in one lane
    for kind in (Dense([[1.0]]), Sparse([0], [0], [1.0], [late])):
        net = Network()
        net.source(1, "input")
        net.population("lif_delta", 1, "cell", tau_mem=1e9, v_threshold=2.75)
        net.connect("input", "cell", kind, delay=0.0 if isinstance(kind, Sparse) else late)
        x = SpikeTimes([[[0.25, 0.5, 0.75]]])
        plain = both_engines(net, x, until=4 * late, faults=both(tired=[("input", "cell")]))
        assert plain.run.n_spikes("cell") == 0  # 1 + 1 + 1/2, and no fourth
        assert both_engines(net, x, until=4 * late).run.n_spikes("cell") == 1


@pytest.mark.engine_small
def test_noise_belongs_to_synapses_however_they_are_stored() -> None:
    rng = np.random.default_rng(3)
    weights, times = rng.normal(size=(3, 4)), [sorted(rng.uniform(0, 9, 5).tolist()) for _ in range(4)]
    faults, seed = both(0.3), 11
    targets, sources = (index.ravel() for index in np.indices(weights.shape))
    shuffled = rng.permutation(12)
    shuffled_ends = sources[shuffled], targets[shuffled], weights.ravel()[shuffled]
    as_sparse, own = Sparse(*shuffled_ends), Sparse(*shuffled_ends, delays=rng.permutation(12) / 64)
    dense = potentials(Dense(weights), times, 3, faults=faults, seed=seed)
    assert potentials(as_sparse, times, 3, faults=faults, seed=seed).tobytes() == dense.tobytes()
    key = stream_key(seed, "toy read noise", 0, "input", "out", 0)
    for kind in (Dense(weights), own):
        found = potentials(kind, times, 3, faults=faults, seed=seed)
        for j in range(3):
            expected = 0.0
            for i, train in enumerate(times):
                targets_of_i, weights_of_i = kind.synapses(i)
                place = targets_of_i.tolist().index(j)
                delay = 0.0 if kind is not own else float(own.delays_of(i)[place])
                for number, t in enumerate(train):
                    draw = normal(key, 0, i * 3 + j, number)
                    expected += weights_of_i[place] * (1.0 + 0.3 * draw) * (10.0 - (t + delay))
            assert found[j] == pytest.approx(expected, rel=1e-12)


@pytest.mark.engine_small
def test_synapses_between_the_same_neurons_draw_on_their_own() -> None:
    kind = Sparse([0, 0, 0], [0, 0, 1], [1.0, 1.0, 1.0])
    assert kind.parallel
    assert synapse_numbers(kind, 0, 1, 2).tolist() == [2, 3, 4]
    assert Sparse([0, 0], [0, 0], [1.0, 2.0], [0.5, 0.25]).parallel
    assert not Sparse([0, 1], [0, 0], [1.0, 2.0]).parallel
    found = potentials(kind, [[1.0]], 2, faults=both(0.5))
    key = stream_key(0, "toy read noise", 0, "input", "out", 0)
    draws = [1.0 + 0.5 * normal(key, 0, 2 + place, 0) for place in range(3)]
    assert found.tolist() == pytest.approx([9.0 * (draws[0] + draws[1]), 9.0 * draws[2]], rel=1e-14)


@pytest.mark.engine_small
def test_noise_of_a_convolution_is_that_of_the_same_synapses_in_a_list() -> None:
    rng = np.random.default_rng(9)
    kind = Conv(rng.normal(size=(4, 1, 3, 2)), stride=(2, 1), padding=(1, 1), groups=2)
    times = [sorted(rng.uniform(0, 9, 3).tolist()) for _ in range(2 * 5 * 3)]
    found = []
    for listed in (False, True):
        net = Network()
        net.source((2, 5, 3), "input")
        shape = (4, 3, 4)
        net.population("integrator", shape, "out", window=(0.0, 10.0))
        net.connect("input", "out", kind)
        if listed:
            columns = zip(*synapses_of(net.projections[0].kind), strict=True)
            net = Network()
            net.source((2, 5, 3), "input")
            net.population("integrator", shape, "out", window=(0.0, 10.0))
            net.connect("input", "out", Sparse(*map(np.array, columns)))
        found.append(both_engines(net, SpikeTimes([times]), until=11.0, faults=both(0.5)).run.readout)
    assert found[0].tobytes() == found[1].tobytes()


@pytest.mark.engine_small
def test_numbers_of_spikes_begin_again_behind_two_to_the_32() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=2.0)
    net.connect("input", "cell", Dense([[1.5]]))
    net.population("lif_delta", 1, "next", tau_mem=1e9, v_threshold=1e3)
    net.connect("cell", "next", Dense([[1.0]]), delay=0.125)
    x = SpikeTimes([[[0.5, 1.0, 1.5, 2.0, 2.5, 3.0]]])
    options: dict[str, Any] = {"record": {"next": [0]}, "faults": both(tired=[("cell", "next")])}
    part = simulate(net, x, until=0.4, keep_state=True, engine="reference", **options)
    state_of(part).sent[1] = 2**32 - 2
    done = both_engines(net, x, until=9.0, resume=part, **options)
    _, v = done.run.membrane("next", 0)
    # Numbers 2**32 - 2 (left over 3: 2), 2**32 - 1 (0), 0, 1, 2, 3
    assert float(v.max()) == pytest.approx(0.5 + 1 + 1 + 1 + 0.5 + 1, rel=1e-6)


def test_without_a_fault_at_arrival_nothing_is_compiled_for_it_and_sources_fill_their_lanes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []
    workers: list[engine.Worker] = []
    compiled = event_loop.event_loop

    class Watched(engine.Worker):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            workers.append(self)

    def watched(stages: event_loop.Stages) -> Any:
        made.append(stages)
        return compiled(stages)

    monkeypatch.setattr(event_loop, "event_loop", watched)
    monkeypatch.setattr(engine, "Worker", Watched)
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=2.0)
    net.connect("input", "cell", Dense([[1.5]]))
    x = SpikeTimes([[[0.5]]])
    simulate(net, x, until=1.0)
    simulate(net, x, until=1.0, faults=both(0.3))
    assert made[0].delivers == ()
    assert {fault.deliver for fault in both(0.3)} <= {*made[1].delivers}  # broad loops have the shipped ones, too
    assert [int(worker.machine.control.lookahead[0]) for worker in workers] == [1, 0]
    assert [worker.task.fed for worker in workers] == [True, False]
    assert make_spike((), False).__name__ == "nothing"
    assert make_spike((), False)(None, 0, 0, 0) == 0


def test_arrival_faults_do_not_depend_on_threads() -> None:
    rng = np.random.default_rng(2)
    net = Network()
    net.source(4, "input")
    net.population("lif_delta", 6, "cells", tau_mem=2.0, t_ref=0.1)
    net.connect("input", "cells", Dense(rng.normal(0.5, 0.3, (6, 4))))
    net.connect("cells", "cells", Dense(rng.normal(0.2, 0.2, (6, 6))), delay=0.3)
    x = SpikeTimes([[sorted(rng.uniform(0, 8, 6).tolist()) for _ in range(4)] for _ in range(20)])
    runs = [simulate(net, x, until=9.0, faults=both(0.4, None), threads=threads) for threads in (1, 3)]
    assert runs[0].n_spikes() > 100
    assert_same_run(*runs)
    alone = simulate(net, SpikeTimes(x.times[7:8]), until=9.0, faults=both(0.4, None), sample_ids=[7])
    assert alone.spikes["time"].tolist() == runs[0].spikes["time"][runs[0].spikes["sample"] == 7].tolist()


def test_a_synapse_may_have_a_number_of_more_than_32_bits() -> None:
    draws = {uniforms(5, 1, synapse, 2)[0] for synapse in (7, 7 + 2**32, 7 + 2**33, 7 + 2**61)}
    assert len(draws) == 4
    assert all(0.0 < draw < 1.0 for draw in draws)


def _told(run: Run) -> list[bytes]:
    """First spikes, all spikes and read-out, as far as they were recorded."""
    records = run.records
    return [array.tobytes() for array in (records.first, records.spikes, records.readout) if array is not None]


class Faulty(random_networks.Case):
    """A random network with faults at arrival."""

    def simulate_options(self) -> dict[str, Any]:
        options = super().simulate_options()
        return {**options, "faults": [*options["faults"], *both(0.4, None)]}


@pytest.mark.parametrize("family", ["ramps", "leaky", "clocked"])
def test_random_networks_do_the_same_on_both_engines_and_in_pieces(family: str) -> None:
    spikes = changed = spoken = 0
    for number in range(40):
        plain = random_networks.case(number, family, stages=False)
        case = Faulty(**vars(plain))
        whole = both_engines(case.net, case.x, **case.simulate_options())
        spikes += whole.run.n_spikes()
        plainly = outcome(case.net, case.x, engine="reference", **plain.simulate_options())
        changed += bool(_told(plainly.run) != _told(whole.run))
        spoken += bool(plainly.run.n_spikes() + whole.run.n_spikes())
        if case.cuts:
            for engines in (("compiled", "reference"), ("reference", "compiled")):
                torture.assert_same_outcome(torture.in_pieces(case, engines), whole)
    assert spikes > 200
    assert spoken > 15
    assert changed > 5  # where inputs move V itself, a spike comes with an input, whatever that weighs


def test_arrival_faults_act_behind_jitter_and_a_bus() -> None:
    rng = np.random.default_rng(5)
    relu = models.read_relu({"weights": [rng.normal(size=(6, 4)), rng.normal(size=(3, 6))]})
    x = rng.uniform(size=(8, 4))
    net = models.to_ttfs(relu, x)
    options: dict[str, Any] = {"transport": AerBus(0.01), "seed": 3, "error_bounds": True}
    noise, tired = both(0.05, [("input", "dense1")])
    faults = [noise, Jitter(0.02), tired, Clock(0.01)]
    noisy = both_engines(net, x, faults=faults, **options).run
    # Only with all of these stages is anything compiled: without some, the other engine says what is to come out.
    without = simulate(net, x, faults=faults[1::2], engine="reference", **options)
    assert noisy.readout.tobytes() != without.readout.tobytes()
    silent = both_engines(net, x, faults=[*both(0.0), Jitter(0.0)], **options).run
    assert silent.readout.tobytes() == simulate(net, x, engine="reference", **options).readout.tobytes()
    refused = "the run has the arrival fault 'toy read noise', which gives each delivery a weight of its own"
    with pytest.raises(InputError, match=f"verify: {refused}"):
        models.verify(net, relu, x, run=noisy)
    with pytest.raises(InputError, match=f"certify: {refused}"):
        models.certify(net, run=noisy)


def ramp() -> tuple[Network, SpikeTimes]:
    """A cell that the third of three inputs lifts over its threshold."""
    net = Network()
    net.source(1, "input")
    net.population("linear_psp", 1, "cell", threshold=2.5)
    net.connect("input", "cell", Dense([[1.0]]))
    return net, SpikeTimes([[[0.0, 0.0625, 0.125]]])


def test_explain_tells_the_weight_with_which_a_spike_arrived() -> None:
    net, x = ramp()
    run = simulate(net, x, faults=both(0.5), sample_ids=[7])
    found = eventsim.explain(net, run, "cell", 0)
    key = stream_key(0, "toy read noise", 0, "input", "cell", 0)
    weights = {one.number: one.weight for one in found.inputs}
    assert weights == {number: 1.0 + 0.5 * normal(key, 7, 0, number) for number in range(3)}


@jitable
def late(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    return t + p[0]


@dataclass(frozen=True)
class Late(EmissionFault):
    """A user's own fault, which describes itself in its own words."""

    lag: float
    name: ClassVar[str] = "late by a lag"
    causal: ClassVar[bool] = True
    perturb: ClassVar[Any] = staticmethod(late)

    def numbers(self) -> tuple[float, ...]:
        return (self.lag,)

    def describe(self) -> dict[str, Any]:
        return {"fault": self.name, "setting": self.lag}


@dataclass(frozen=True)
class Odd(Tired):
    """Describes itself by what its class does not take."""

    name: ClassVar[str] = "odd"

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "setting": 1}


def test_explain_needs_no_more_of_a_run_than_its_faults_at_arrival() -> None:
    net, x = ramp()
    run = simulate(net, x, faults=[Late(0.25)], engine="reference")
    assert eventsim.explain(net, run, "cell", 0).time == run.spike_times("cell")[0, 0]
    run.provenance["faults"][0]["fault"] = "of a class that is not loaded"
    assert eventsim.explain(net, run, "cell", 0).fired
    with pytest.raises(InputError, match=r"explain: the run has fault 'odd', whose class does not take .*describe\(\)"):
        eventsim.explain(net, simulate(net, x, faults=[Odd()], engine="reference"), "cell", 0)


@dataclass(frozen=True)
class Stronger(ArrivalFault):
    """Of the same name as the next one."""

    name: ClassVar[str] = "of one name"
    deliver: ClassVar[Any] = staticmethod(halve)

    def numbers(self) -> tuple[float, ...]:
        return (2.0**32,)


@dataclass(frozen=True)
class Weaker(Stronger):
    """Of the same name as the last one."""

    deliver: ClassVar[Any] = staticmethod(lose)

    def numbers(self) -> tuple[float, ...]:
        return (1.0, 0.25, 0.0)


def test_two_faults_of_one_name_are_told_apart_by_their_functions() -> None:
    net, x = ramp()
    options: dict[str, Any] = {"engine": "reference", "until": 9.0}
    for fault, third in ((Stronger(), 0.5), (Weaker(), 0.25)):
        found = eventsim.explain(net, simulate(net, x, faults=[fault], **options), "cell", 0)
        assert {one.number: one.weight for one in found.inputs}[2] == third
    part = simulate(net, x, faults=[Stronger()], engine="reference", until=0.1, keep_state=True)
    with pytest.raises(InputError, match="another faults"):
        simulate(net, x, faults=[Weaker()], resume=part, **options)


def _fault(**changes: Any) -> Any:
    return type("Odd", (Stronger,), changes)()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (ArrivalFault, r"fault ArrivalFault: name = None; must be a string"),
        (lambda: _fault(name=3), "name = 3; must be a string"),
        (lambda: _fault(deliver=5), r"deliver = 5; must be a scalar function"),
        (lambda: _fault(numbers=lambda _: None), r"numbers\(\) = None; must be a tuple of numbers"),
        (lambda: _fault(numbers=lambda _: 3.0), "must be a tuple of numbers"),
        (lambda: _fault(numbers=lambda _: ("1", "2")), "must be a tuple of numbers"),
        (lambda: _fault(numbers=lambda _: (math.nan,)), "must be a tuple of numbers"),
        (lambda: _fault(numbers=lambda _: (1j,)), "must be a tuple of numbers"),
    ],
)
def test_classes_that_are_no_faults_are_refused_in_words(fault: Any, message: str) -> None:
    with pytest.raises(FaultError, match=message):
        potentials(Dense([[1.0]]), [[1.0]], 1, faults=[fault()])


def test_fractions_are_halved_exactly() -> None:
    third = Fraction(1, 3)
    net = Network()
    net.source(1, "input")
    net.population("linear_psp", 1, "cell", threshold=np.array([Fraction(1)], dtype=object))
    net.connect("input", "cell", Dense(np.array([[third]], dtype=object)))
    times = SpikeTimes([[[Fraction(0), Fraction(1), Fraction(2)]]])
    run = simulate(net, times, engine="reference", faults=both(tired=None))
    # V = t/3 + (t - 1)/3 + (t - 2)/6 = 1 at t = 2, behind the third spike
    assert run.spike_times("cell").tolist() == [[2]]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda: Tired("input"), r"projections = 'input'; must be pairs of names"),  # type: ignore[arg-type]
        (lambda: Tired(["input", "out", "out"]), "must be pairs of names"),  # type: ignore[list-item]
        (lambda: Tired([("input", "nowhere")]), "nowhere"),
        (lambda: Tired([("out", "input")]), r"no projection leads from 'out' to 'input'.*\('input', 'out'\)"),
    ],
)
def test_projections_that_are_none_are_refused(fault: Any, message: str) -> None:
    with pytest.raises(eventsim.errors.EventsimError, match=message):
        potentials(Dense([[1.0]]), [[1.0]], 1, faults=[fault()])


@pytest.mark.engine_small
@pytest.mark.parametrize("weight", [(math.inf, math.inf), (math.inf, 0.0), (-math.inf, 0.0), (1.1e100, 0.0)])
def test_a_weight_that_is_none_ends_the_run_on_both_engines(
    weight: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alternatives, "BROAD", False)  # no other test has this loop
    net = Network()
    net.source(2, "input")
    net.population("lif_delta", 3, "cells", tau_mem=2.0)
    net.connect("input", "cells", Dense(np.full((3, 2), 0.7)), delay=0.5)
    net.connect("cells", "cells", Dense(np.full((3, 3), 0.1)), delay=0.25)
    x = SpikeTimes([[[0.5, 1.0, 2.0], [1.0]], [[0.25], []]])
    done = both_engines(net, x, until=9.0, faults=[Lost(2, *weight)])
    assert done.error is not None
    assert "sample 0: at t = 2.5 the faults at arrival gave a spike over input -> cells (Dense) a weight" in done.error
    assert done.run.n_spikes("cells") > 0


def test_what_is_no_fault_is_refused() -> None:
    with pytest.raises(FaultError, match="is no fault and no preset"):
        potentials(Dense([[1.0]]), [[1.0]], 1, faults=["noise"])


def test_provenance_names_the_fault_and_a_resumed_run_must_have_it() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=2.0)
    net.connect("input", "cell", Dense([[0.6]]), delay=0.5)
    x = SpikeTimes([[[float(k) / 4 for k in range(20)]]])
    whole = simulate(net, x, until=9.0, faults=both(0.3))
    assert whole.provenance["faults"] == [
        {"fault": "toy read noise", "sigma": 0.3, "projections": None, "acts": "at arrival", "function": "read"},
        {"fault": "tired", "projections": None, "first": 0, "acts": "at arrival", "function": "halve"},
    ]
    part = simulate(net, x, until=2.1, faults=both(0.3), keep_state=True)
    assert_same_run(simulate(net, x, until=9.0, faults=both(0.3), resume=part), whole)
    with pytest.raises(InputError, match="faults"):
        simulate(net, x, until=9.0, resume=part)
    state = state_of(part)
    state.packet_number = state.packet_number - 1 - 2**33
    with pytest.raises(InputError, match="damaged"):
        simulate(net, x, until=9.0, faults=both(0.3), resume=part)
