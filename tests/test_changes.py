"""A run that goes on with other parameters, weights, input or recording: `simulate(resume=, changes=)`.

What the second part does is held against runs in one piece (`Steps`, a joined input, a shorter recording), against
neurons worked out by hand, and engine against engine, to the last bit.
"""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strategies
from adapters import assert_same_run, outcome, spike_list, state_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import Case

import eventsim
from eventsim import BudgetError, Dense, Network, OneToOne, Poisson, Regular, Sparse, SpikeTimes, Steps, simulate
from eventsim.errors import FileFormatError, InputError
from eventsim.files.archive import read_archive, write_archive
from eventsim.network.replacement import part_names

ENGINES = ("compiled", "reference")
FEW = settings(max_examples=25)  # each runs several times on both engines
SEEDS = st.integers(0, 2**32 - 1)
# Parameters that may be others in the second part; thresholds are raised, so that nobody stands above.
FREE = ("v_threshold", "threshold", "tau_mem", "v_leak", "v_reset", "current", "bias", "decay", "slope", "r", "decline")


def other_parameters(net: Network, rng: np.random.Generator) -> Network:
    """The network with another number here and there, as neurons that are on their way may have them."""
    for population in net.populations:
        known = [one.name for one in population.model.parameters if one.name in FREE and not one.choices]
        for name in known:
            parameter, values = population.model.parameter(name), population.parameters[name]
            if rng.random() < 0.4 or (population.model.name == "glif" and name == "v_threshold"):
                continue
            grown = values * rng.choice([1.25, 1.5], values.shape) if rng.random() < 0.5 else values * 1.25
            if "threshold" in name:
                grown = np.where(values < 0, values, grown)
            try:
                net = net.replace(population.name, **{name: np.minimum(grown, parameter.high)})
            except eventsim.errors.EventsimError:
                continue
    return net


def other_weights(net: Network, rng: np.random.Generator) -> Network:
    """The network with weights that are others, where a projection has some."""
    for number in range(len(net.projections)):
        part, called = [pair for pair in part_names(net) if pair[0] in net.projections][number]
        if getattr(part.kind, "kind", "") != "pool" and rng.random() < 0.6:
            net = net.replace(called, weights=part.kind.weights * rng.choice([0.0, -0.5, 0.5, 1.25]))
    return net


def cut_of(case: Case, seed: int) -> float:
    """A time to go on at: any, or that of a spike."""
    rng = np.random.default_rng(seed)
    # The reference engine takes events one by one, and a random network may have millions.
    whole = outcome(case.net, case.x, until=case.until, max_events=5_000)
    assume(whole.error is None)
    times = whole.run.spikes["time"]
    last = max(1.0, float(times.max(initial=1.0)))
    cut = float(rng.choice(times)) if len(times) and rng.random() < 0.4 else float(rng.uniform(0.0, 1.1 * last))
    assume(cut > 0 and (case.until is None or cut < case.until))
    return cut


def gone_on(case: Case, net: Network, part: Any, **options: Any) -> Any:
    """The second part on both engines, which must agree; None where both refuse it in the same words."""
    done: list[Any] = []
    for engine in ENGINES:
        try:
            done.append(outcome(net, case.x, until=case.until, engine=engine, resume=part, **options))
        except InputError as error:
            done.append(str(error))
    if isinstance(done[0], str):
        assert done[0] == done[1]
        return None
    assert done[0].error == done[1].error
    assert_same_run(done[0].run, done[1].run)
    return done[0]


@FEW
@given(strategies.ANY, SEEDS, st.sampled_from(ENGINES), st.sampled_from(["until", "stop", "budget"]))
def test_engines_go_on_alike_with_another_network(case: Case, seed: int, first: str, ends: str) -> None:
    """However the first part ended, whoever simulated it; also with membranes."""
    rng = np.random.default_rng(seed)
    cut = cut_of(case, seed)
    probed = {case.net.populations[-1].name: [0]} if seed % 2 else "spikes"
    spiking = next(one.name for one in case.net.populations if one.model.spiking)
    options: dict[str, Any] = {"until": case.until, "engine": first, "keep_state": True, "record": probed}
    ways: dict[str, Any] = {
        "until": {"until": cut},
        "stop": {"stop": {spiking: 1 + seed % 3}},
        "budget": {"max_events": 9},
    }
    options |= ways[ends]
    part = outcome(case.net, case.x, **options).run
    net = other_weights(other_parameters(case.net, rng), rng)
    gone_on(case, net, part, changes="net", record=probed)


@FEW
@given(strategies.ANY, SEEDS)
def test_a_network_that_is_the_same_goes_on_as_without_changes(case: Case, seed: int) -> None:
    part = simulate(case.net, case.x, until=cut_of(case, seed), keep_state=True)
    plain = outcome(case.net, case.x, until=case.until, resume=part)
    again = case.net.replace(case.net.populations[0].name, window=case.net.populations[0].window)
    done = outcome(again, case.x, until=case.until, resume=part, changes=["record", "net", "x"])
    assert done.error == plain.error
    assert_same_run(done.run, plain.run)
    assert "earlier_networks" not in done.run.provenance


def driven(model: str, current: Any, **parameters: Any) -> Network:
    """Neurons with a drive, regular input and each other's spikes."""
    rng = np.random.default_rng(4)
    net = Network()
    net.source(3, "input", generator=Regular(1.7, [0.25, 0.9, 1.4]))
    net.population(model, 4, "cells", t_ref=0.5, current=current, **parameters)
    net.connect("input", "cells", Dense(rng.normal(0.2, 0.2, (4, 3))))
    net.connect("cells", "cells", Dense(rng.normal(0.1, 0.2, (4, 4))), delay=0.8)
    return net


MODELS = {
    "lif_delta": {"tau_mem": 7.0},
    "if_delta": {},
    "lif_exp": {"tau_mem": 7.0, "tau_syn": 2.0},
    "lif_alpha": {"tau_mem": 7.0, "tau_syn": 2.0},
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("cut", [10.0, 10.45])
def test_another_current_is_what_steps_are_to_the_bit(model: str, engine: str, cut: float) -> None:
    """10.45 is the time of an input."""
    options: dict[str, Any] = {"engine": engine, "record": {"cells": [0, 2]}}
    low, high, later = 0.3, [0.9, 1.1, 0.2, 0.5], 0.6
    values = np.array([np.full(4, low), high, np.full(4, later)])
    whole = simulate(driven(model, Steps([0.0, cut, 17.0], values), **MODELS[model]), until=30.0, **options)
    part = simulate(driven(model, low, **MODELS[model]), until=cut, keep_state=True, **options)
    second = driven(model, Steps([0.0, 17.0], values[1:]), **MODELS[model])
    done = simulate(second, until=30.0, resume=part, changes="net", **options)
    assert whole.n_spikes() > 5
    assert_same_run(done, whole)
    times = np.linspace(0.5, 29.5, 40)
    assert same(done.membrane("cells", 2, 0, times)[1], whole.membrane("cells", 2, 0, times)[1])
    constant = driven(model, high, **MODELS[model])
    middle = simulate(constant, until=17.0, resume=part, changes="net", keep_state=True, **options)
    third = driven(model, later, **MODELS[model])
    assert_same_run(simulate(third, until=30.0, resume=middle, changes="net", **options), whole)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.tobytes() == b.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_packets_under_way_arrive_with_the_new_weights(engine: str) -> None:
    """One neuron by hand: an input of weight w at every second, 0.5 on its way; V decays in between."""
    net = Network()
    net.source(1, "input", generator=Regular(1.0))
    net.population("lif_delta", 1, "cell", tau_mem=3.0, v_threshold=1.0)
    net.connect("input", "cell", Dense([[0.25]]), delay=0.5)
    lesioned = net.replace("input -> cell", weights=0.0)
    stronger = net.replace("input -> cell", weights=0.6)
    for later, weight in ((lesioned, 0.0), (stronger, 0.6)):
        part = simulate(net, until=6.25, engine=engine, keep_state=True)
        run = simulate(later, until=20.0, engine=engine, resume=part, changes="net")
        v, t, expected = 0.0, 0.0, []
        for k in range(20):
            at = k + 0.5
            v, t = v * math.exp(-(at - t) / 3.0) + (0.25 if at < 6.25 else weight), at
            if v >= 1.0:
                v = 0.0
                expected.append(at)
        assert [time for time, name, _ in spike_list(run) if name == "cell"] == expected
        assert bool(expected) == (weight > 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_neuron_comes_to_the_change_with_the_parameters_it_had(engine: str) -> None:
    """V = I (1 - e^(-t / tau)) up to the change, then towards the new current with the new time constant."""
    net = Network()
    net.population("lif_delta", 1, "cell", tau_mem=10.0, current=0.9)
    part = simulate(net, until=5.0, engine=engine, keep_state=True, record={"cell": [0]})
    later = net.replace("cell", tau_mem=4.0, current=2.0, v_threshold=1.5)
    run = simulate(later, until=25.0, engine=engine, resume=part, changes="net", record={"cell": [0]})
    v = 0.9 * (1 - math.exp(-0.5))
    first = 5.0 + 4.0 * math.log((2.0 - v) / 0.5)
    again = 4.0 * math.log(2.0 / 0.5)
    assert run.spikes["time"].tolist() == pytest.approx([first, first + again, first + 2 * again], rel=1e-14)
    assert run.membrane("cell", 0, 0, [2.0, 5.0])[1] == pytest.approx([0.9 * (1 - math.exp(-0.2)), v], rel=1e-14)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_sample_changes_where_it_stands(engine: str) -> None:
    """Samples that a spike ended stand at different times."""
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=10.0, current=0.5)
    net.connect("input", "cell", Dense([[0.9]]))
    x = SpikeTimes([[[4.0]], [[7.0]], [[]]])
    part = simulate(net, x, until=12.0, engine=engine, stop={"cell": 1}, keep_state=True)
    assert part.reached.tolist() == [4.0, 7.0, 12.0]
    run = simulate(net.replace("cell", current=2.0), x, until=20.0, engine=engine, resume=part, changes="net")
    interval, v = 10.0 * math.log(2.0), 0.5 * (1 - math.exp(-1.2))
    spikes = [[t for t, name, _ in spike_list(run, k) if name == "cell"] for k in range(3)]
    assert spikes[0] == pytest.approx([4.0, 4.0 + interval, 4.0 + 2 * interval], rel=1e-14)
    assert spikes[1] == pytest.approx([7.0, 7.0 + interval], rel=1e-14)
    assert spikes[2] == pytest.approx([12.0 + 10.0 * math.log(2.0 - v)], rel=1e-14)
    assert run.provenance["earlier_networks"][0]["until"] == [4.0, 7.0, 12.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_ends_before_the_change_is_not_taken_for_changed(engine: str) -> None:
    """A third part would let the new parameters hold from each neuron's last event on."""
    net = driven("lif_delta", 0.9, tau_mem=7.0)
    later = net.replace("cells", current=1.2)
    options: dict[str, Any] = {"keep_state": True, "engine": engine, "sample_ids": [0, 1]}
    part = simulate(net, until=10.0, **options)
    options |= {"resume": part, "changes": "net"}
    with pytest.raises(InputError, match=r"sample 0 is at its end at t = 10\.0 \(until = 10\.0, .*must go on"):
        simulate(later, until=10.0, **options)
    stopped = simulate(net, until=10.0, stop={"cells": 2}, **options | {"resume": None, "changes": ()})
    with pytest.raises(InputError, match=r"sample 0 is at its end .*stop = \{'cells': 2\}\); must go on"):
        simulate(later, until=20.0, stop={"cells": 2}, **options | {"resume": stopped})
    with pytest.raises(BudgetError) as caught:
        simulate(later, until=20.0, max_events=3, **options)
    with pytest.raises(InputError, match="ended early while parameters of its network changed"):
        simulate(later, until=20.0, engine=engine, sample_ids=[0, 1], resume=caught.value.run)
    weights = net.replace("cells -> cells", weights=0.5)
    with pytest.raises(BudgetError) as caught:
        simulate(weights, until=20.0, max_events=3, **options)
    done = simulate(weights, until=20.0, engine=engine, sample_ids=[0, 1], resume=caught.value.run)
    assert_same_run(done, simulate(weights, until=20.0, **options))


def many(threshold: float = 1.0) -> tuple[Network, np.ndarray]:
    """Dense layers whose packets come one after another, which the compiled engine takes several at a time."""
    rng = np.random.default_rng(4)
    net = Network()
    net.source(48, "input")
    thresholds = rng.uniform(2.0, 12.0, 20)
    net.population("ttfs_b1", 20, "hidden", (0.0, 1.0, 3.0), threshold=thresholds * threshold)
    net.population("linear_psp", 10, "other", threshold=rng.uniform(1.0, 6.0, 10) * threshold)
    net.connect("input", "hidden", Dense(rng.normal(0.1, 0.2, (20, 48))))
    net.connect("input", "other", Dense(rng.normal(0.1, 0.2, (10, 48))), delay=0.125)
    net.connect("hidden", "other", Dense(rng.normal(0.1, 0.2, (10, 20))))
    return net, rng.random((3, 48))


def test_neurons_that_are_updated_together_go_on_with_other_thresholds() -> None:
    net, x = many()
    later = many(threshold=1.3)[0]
    for cut in (0.2, 0.55, 1.0, 1.7):
        parts = [simulate(net, x, until=cut, keep_state=True, engine=engine) for engine in ENGINES]
        for part in parts:
            done = gone_on(Case(net, x), later, part, changes=["net"])
            assert done is not None


def test_each_channel_of_each_position_has_its_own_new_threshold() -> None:
    """The compiled engine keeps the channels of a position next to each other, and parameters like states."""
    net = Network()
    net.source((1, 4), "input")
    net.population("ttfs_b1", (2, 3), "conv", (0.0, 1.0, 9.0), threshold=np.linspace(3.0, 4.0, 6))
    net.connect("input", "conv", eventsim.Conv(np.array([[[0.5, 0.25]], [[0.75, -0.25]]])))
    x = np.array([[[0.1, 0.6, 0.9, 0.3]]])
    later = net.replace("conv", threshold=[3.5, 6.0, 4.5, 4.0, 5.0, 5.5])
    part = simulate(net, x, until=0.95, keep_state=True)
    done = gone_on(Case(net, x), later, part, changes="net")
    assert same(done.run.spike_times("conv"), simulate(later, x).spike_times("conv"))  # no threshold was near before


# -- what may not be another -------------------------------------------------------------------------------------------


def cells(**given: Any) -> Network:
    """Two populations with all that may not be another."""
    net = Network()
    net.source(2, "input", generator=given.get("generator", Regular(1.0, [0.5, 0.75])))
    net.source(2, "values", window=given.get("coded", (0.0, 1.0)))
    net.population("lif_delta", 2, "cells", tau_mem=5.0, **{"v_threshold": 1.0, **given.get("cells", {})})
    net.population("lif_clocked", 2, "ticks", **{"period": 0.5, "decay": 0.5, **given.get("ticks", {})})
    net.population("ttfs_b1", 2, "layer", window=given.get("window", (0.0, 1.0, 3.0)), threshold=0.5)
    net.population(
        "ttfs_alpha1", 2, "alpha", window=(0.0, 1.0, 3.0), threshold=0.5, **{"slope": 1.0, **given.get("alpha", {})}
    )
    net.connect("input", "cells", Dense(np.full((2, 2), given.get("weight", 0.4))), delay=given.get("delay", 0.0))
    net.connect("cells", "ticks", given.get("ring", Sparse([0, 1], [1, 0], [0.5, 0.5])), delay=0.25)
    net.connect("cells", "cells", given.get("spread", Sparse([0, 1], [1, 0], [0.5, 0.5], delays=[0.5, 1.5])))
    net.connect("values", "layer", given.get("kind", OneToOne([1.0, 1.0])))
    net.connect("values", "alpha", OneToOne([1.0, 1.0]))
    return net


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"delay": 0.5}, r"delay of input -> cells \('0\.0', not '0\.5'\): it decides when spikes arrive"),
        ({"window": (0.0, 1.0, 4.0)}, "window of 'layer'.*its neurons are on their way"),
        ({"coded": (0.0, 2.0)}, "window of 'values'.*it decides what has been sent"),
        ({"cells": {"t_ref": 1.0}}, "t_ref of 'cells'.*when neurons that have spiked are free again"),
        ({"cells": {"spikes": "once"}}, "spikes of 'cells'.*which neurons are done"),
        ({"cells": {"v_init": 0.5}}, "v_init of 'cells' decides how neurons began"),
        ({"alpha": {"alpha": 2.0}}, "alpha of 'alpha' decides how neurons began"),
        ({"ticks": {"period": 0.25}}, "period of 'ticks'.*times that are under way"),
        ({"ticks": {"sees": "next_step"}}, "sees of 'ticks'.*times that are under way"),
        ({"ticks": {"resets": "next_tick"}}, "resets of 'ticks'.*resets that are due"),
        ({"kind": Dense(np.eye(2))}, r"kind of values -> layer.*the synapses that it has"),
        ({"spread": Sparse([0, 1], [0, 1], [0.5, 0.5], delays=[0.5, 1.5])}, "targets of cells -> cells.*of their own"),
        ({"spread": Sparse([0, 1], [1, 0], [0.5, 0.5], delays=[0.5, 2.5])}, "delays of cells -> cells"),
        ({"ring": Sparse([0, 1], [1, 0], [0.5, 0.5], delays=[0.25, 0.5])}, "delay.* of cells -> ticks"),
        ({"generator": Poisson(0.5)}, "generator of 'input'.*what has been sent"),
        ({"generator": Regular(1.25, [0.5, 0.75])}, r"'net', but settings of a generator that give sample 0 other"),
        ({"cells": {"v_threshold": 0.3}}, r"neuron 0 of 'cells', sample 0, stands at V = 0\.\d+ at t = 2\.0, and its "),
    ],
)
def test_what_decided_what_is_under_way_may_not_be_another(given: Any, message: str) -> None:
    x = np.full((1, 2), 0.5)
    part = simulate(cells(), x, until=2.0, keep_state=True, engine="reference")
    with pytest.raises(InputError, match=f"^simulate: changes = 'net', but {message}|{message}"):
        simulate(cells(**given), x, until=4.0, resume=part, changes="net", engine="reference")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "given",
    [
        {"cells": {"v_threshold": 2.0}},
        {"cells": {"current": Steps([0.0, 1.0, 3.0], [0.0, 5.0, 1.5])}},
        {"ticks": {"decay": 0.25, "bias": 0.5}},
        {"alpha": {"slope": 3.0}},
        {"ring": Sparse([0, 0, 1], [1, 0, 0], [0.5, 0.75, 2.0])},
        {"spread": Sparse([0, 1], [1, 0], [2.5, 0.0], delays=[0.5, 1.5])},
        {"generator": Regular(1.0, [0.5, 0.75]), "weight": 0.0},
        {"generator": Regular([1.0, 1.0], [0.5, 0.75])},
    ],
)
def test_what_may_be_another_is(given: Any, engine: str) -> None:
    x = np.full((1, 2), 0.5)
    part = simulate(cells(), x, until=2.0, keep_state=True, engine="reference")
    done = gone_on(Case(cells(), x, 6.0), cells(**given), part, changes=("net",))
    assert done is not None


def test_the_shape_model_and_names_may_not_be_others() -> None:
    def net_of(model: str = "lif_delta", n: int = 2, name: str = "cells", **more: Any) -> Network:
        net = Network(**more)
        net.population(model, n, name, current=0.5, **({"tau_mem": 3.0} if model == "lif_delta" else {}))
        return net

    part = simulate(net_of(), until=2.0, keep_state=True, engine="reference")
    for other in (net_of("if_delta"), net_of(n=3), net_of(name="others"), net_of(time_unit=1e-3)):
        with pytest.raises(InputError, match=r"changes = 'net', but it differs in .*must be the same where a run"):
            simulate(other, until=4.0, resume=part, changes="net", engine="reference")


def test_bounds_fractions_and_samples_that_have_not_begun_go_on_with_their_network() -> None:
    net, x = many()
    later = net.replace("other", threshold=9.0)
    other = Network()
    other.source(1, "input")
    other.population("linear_psp", 1, "cell", threshold=1.0)
    other.connect("input", "cell", Dense([[2.0]]))
    part = simulate(other, [[0.5]], until=0.25, keep_state=True, error_bounds=True, engine="reference")
    with pytest.raises(InputError, match=r"threshold of 'cell'.*bounds the rounding of one network"):
        simulate(other.replace("cell", threshold=2.0), [[0.5]], resume=part, changes="net", error_bounds=True)
    with pytest.raises(BudgetError) as caught:
        simulate(net, x, keep_state=True, max_events=5, engine="reference")
    with pytest.raises(InputError, match="parameters of other are others, but sample 1 has not begun"):
        simulate(later, x, resume=caught.value.run, changes="net", engine="reference")


def test_a_run_from_a_file_goes_on_with_other_weights_alone_and_with_its_network_with_all(tmp_path: Path) -> None:
    net = driven("lif_delta", 0.9, tau_mem=7.0)
    part = simulate(net, until=10.0, keep_state=True, engine="reference")
    part.save(tmp_path / "part.npz")
    alone, known = eventsim.load_run(tmp_path / "part.npz"), eventsim.load_run(tmp_path / "part.npz", net)
    weights = net.replace("input -> cells", weights=0.05)
    both = weights.replace("cells", current=1.3)
    options: dict[str, Any] = {"until": 20.0, "changes": "net", "engine": "reference"}
    done = simulate(weights, resume=alone, **options)
    assert_same_run(done, simulate(weights, resume=part, **options))
    assert_same_run(simulate(both, resume=known, **options), simulate(both, resume=part, **options))
    with pytest.raises(InputError, match=r"parameters of cells are others, but resume = a run from a file"):
        simulate(both, resume=alone, **options)
    with pytest.raises(InputError, match=r"explain: the network of this run was another until t = 10\.0"):
        eventsim.explain(weights, done, "cells", 0)
    done.save(tmp_path / "done.npz")
    loaded = eventsim.load_run(tmp_path / "done.npz", weights)
    assert loaded.provenance["earlier_networks"] == done.provenance["earlier_networks"]
    header, arrays = read_archive(tmp_path / "done.npz", "eventsim-run", 1)
    header["provenance"]["earlier_networks"][0]["until"] = ["x"]
    write_archive(tmp_path / "done.npz", header, arrays)
    with pytest.raises(FileFormatError, match="earlier_networks"):
        eventsim.load_run(tmp_path / "done.npz")


# -- another input -----------------------------------------------------------------------------------------------------


@FEW
@given(strategies.ANY, SEEDS, st.sampled_from(ENGINES))
def test_input_that_is_another_later_gives_the_run_of_the_whole_input(case: Case, seed: int, engine: str) -> None:
    """The first part sees the input up to a time between two spikes, or nothing else there; the second all of it."""
    assume(isinstance(case.x, SpikeTimes))
    cut = cut_of(case, seed)
    begun = SpikeTimes([[[t for t in _train(train) if t < cut] for train in sample] for sample in case.x.times])
    part = simulate(case.net, begun, until=cut, keep_state=True, engine=engine)
    whole = outcome(case.net, case.x, until=case.until, engine=engine)
    assert_same_run(gone_on(case, case.net, part, changes="x").run, whole.run)


def _train(train: Any) -> list[float]:
    return [t for t in np.atleast_1d(train).tolist() if t < math.inf]


@pytest.mark.parametrize("engine", ENGINES)
def test_new_input_comes_where_nothing_was_left_to_happen(engine: str) -> None:
    """Without until a sample stands at its last event: whatever is later may be added."""
    net = driven_by_spikes()
    joined = SpikeTimes([[[0.5, 3.0], [1.0]], [[0.25], [2.0]]])
    part = simulate(net, SpikeTimes([[[0.5], [1.0]], [[0.25], []]]), keep_state=True, engine=engine)
    assert part.reached.tolist() == [math.inf, math.inf]
    assert_same_run(simulate(net, joined, resume=part, changes="x", engine=engine), simulate(net, joined))
    with pytest.raises(InputError, match=r"gives? sample 1 other spikes|an input that gives sample 1 other spikes"):
        simulate(net, SpikeTimes([[[0.5], [1.0]], [[0.125], []]]), resume=part, changes="x", engine=engine)


def driven_by_spikes() -> Network:
    net = Network()
    net.source(2, "input")
    net.population("lif_delta", 2, "cells", tau_mem=10.0)
    net.connect("input", "cells", OneToOne([2.0, 0.5]), delay=0.25)
    return net


def test_input_that_was_another_is_refused_with_sample_and_time(tmp_path: Path) -> None:
    net = driven_by_spikes()
    first = SpikeTimes([[[0.5], [1.0]], [[0.25], [1.5]]])
    part = simulate(net, first, until=2.0, keep_state=True, engine="reference")
    options: dict[str, Any] = {"until": 9.0, "resume": part, "engine": "reference"}
    with pytest.raises(InputError, match=r"on other data; .*or changes='x' where it is another only from where"):
        simulate(net, SpikeTimes([[[0.5], [1.0]], [[0.25], [1.5, 5.0]]]), **options)
    for trains in (
        [[[0.5], [1.0]], [[0.25, 1.75], [1.5]]],
        [[[0.5], [1.0]], [[0.25], [1.75]]],
        [[[0.5], [1.0]], [[0.25], []]],
    ):
        with pytest.raises(
            InputError, match=r"that gives sample 1 other spikes before t = 2\.0.*another is at 1\.(5|75)\); must"
        ):
            simulate(net, SpikeTimes(trains), changes="x", **options)
    with pytest.raises(InputError, match="another sample_ids"):
        simulate(net, SpikeTimes([[[0.5], [1.0]]]), changes="x", **options)
    part.save(tmp_path / "part.npz")
    loaded = eventsim.load_run(tmp_path / "part.npz")
    x = SpikeTimes([[[0.5, 2.0], [1.0]], [[0.25], [1.5, 5.0]]])
    done = simulate(net, x, changes="x", **options | {"resume": loaded})
    assert_same_run(done, simulate(net, x, until=9.0, engine="reference"))
    header, arrays = read_archive(tmp_path / "part.npz", "eventsim-run", 1)
    del header["state"]["sent"]
    write_archive(tmp_path / "part.npz", header, arrays)
    with pytest.raises(InputError, match="what its samples were sent, since it is of an earlier eventsim"):
        simulate(net, x, changes="x", **options | {"resume": eventsim.load_run(tmp_path / "part.npz")})


# -- another recording -------------------------------------------------------------------------------------------------


def recorded_spikes(run: Any, names: list[str]) -> list[Any]:
    return [(k, *spike) for k in range(run.n_samples) for spike in spike_list(run, k) if spike[1] in names]


@FEW
@given(strategies.ANY, SEEDS, st.sampled_from(ENGINES))
def test_other_membranes_are_recorded_from_here_on(case: Case, seed: int, engine: str) -> None:
    """What is recorded later is what a whole run with that recording has there; nothing is invented before."""
    cut = cut_of(case, seed)
    names = [one.name for one in case.net.populations]
    old, new = {names[0]: [0]}, {name: "all" for name in names if name != names[0]} or {names[0]: "all"}
    whole = outcome(case.net, case.x, until=case.until, record=new)
    assume(whole.error is None)
    part = simulate(case.net, case.x, until=cut, keep_state=True, record=old, engine=engine)
    now = [state_of(part, k).now[0] for k in range(part.n_samples)]
    done = gone_on(case, case.net, part, changes="record", record=new).run
    for population in case.net.populations:
        if population.name not in new or not population.model.spiking:
            continue
        for neuron, sample in itertools.product(range(population.size), range(whole.run.n_samples)):
            mine, expected = (_traces(run, population.name, neuron, sample) for run in (done, whole.run))
            later = [row for row in expected if row[0] > now[sample]]
            if population.name not in old:
                assert [row for row in mine if row[0] > now[sample]] == later
                assert len(mine) <= len(later) + 1


def _traces(run: Any, name: str, neuron: int, sample: int) -> list[Any]:
    g = sum(run.sizes[: run.populations.index(name)]) + neuron
    mine = run.records.traces
    mine = mine[(mine["neuron"] == g) & (mine["sample"] == sample)]
    return list(zip(mine["time"].tolist(), mine["state"].tolist(), strict=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_less_is_recorded_of_both_parts(engine: str) -> None:
    net = driven("lif_delta", 0.9, tau_mem=7.0)
    part = simulate(net, until=10.0, keep_state=True, engine=engine, record={"cells": [0, 2]})
    rest: dict[str, Any] = {"until": 30.0, "engine": engine}
    for record in ("readout", "first_spikes", "spikes", "cells", ["cells"], {"cells": [2]}, ["cells", {"cells": [0]}]):
        whole = simulate(net, record=record, **rest)
        done = simulate(net, record=record, resume=part, changes="record", **rest)
        assert_same_run(done, whole)
        assert done.recorded_populations == whole.recorded_populations
    silent = simulate(net, record={"cells": [1]}, resume=part, changes="record", **rest)
    times, v = silent.membrane("cells", 1, 0, np.linspace(0.0, 30.0, 50))
    expected = simulate(net, record={"cells": [1]}, **rest).membrane("cells", 1, 0, times)[1]
    assert np.isnan(v[times < 8.0]).all()
    assert same(v[times >= 10.0], expected[times >= 10.0])


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        ("first_spikes", "spikes", "the call records spikes, but the run to go on with has record='first_spikes'"),
        ("readout", "first_spikes", "the call records first_spikes, but the run .* record='readout'"),
        ("first_spikes", {"cells": [0]}, "the call records spikes, but"),
        ("cells", "spikes", "the call records spikes of input, but the run recorded those of cells alone"),
        ("input", {"cells": [0]}, "the call records spikes of cells|the call records spikes of input, cells"),
    ],
)
def test_nothing_looks_silent_that_was_not_recorded(first: Any, then: Any, message: str) -> None:
    net = driven("lif_delta", 0.9, tau_mem=7.0)
    part = simulate(net, until=10.0, keep_state=True, engine="reference", record=first)
    options: dict[str, Any] = {"until": 12.0, "resume": part, "engine": "reference"}
    with pytest.raises(InputError, match=f"changes = 'record', and ({message})"):
        simulate(net, record=then, changes="record", **options)
    with pytest.raises(InputError, match=r"another record .*, or changes='record' where it is to be another"):
        simulate(net, record=then, **options)


# -- the argument ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("nett", r"changes = 'nett', did you mean 'net'.*; may name net, x, record"),
        (["x", "seed"], r"changes = \['x', 'seed'\].*; may name net, x, record"),
        (3, "changes = 3; must be a name or a list of names"),
    ],
)
def test_changes_that_are_none_are_refused(changes: Any, message: str) -> None:
    net = driven("lif_delta", 0.9, tau_mem=7.0)
    part = simulate(net, until=2.0, keep_state=True, engine="reference")
    with pytest.raises(InputError, match=message):
        simulate(net, until=4.0, resume=part, changes=changes, engine="reference")


def test_changes_without_a_run_to_go_on_with_are_refused() -> None:
    net = driven("lif_delta", 0.9, tau_mem=7.0)
    with pytest.raises(InputError, match=r"changes = 'net' without resume; .*Give resume="):
        simulate(net, until=4.0, changes="net")


def test_states_that_are_damaged_are_refused_with_changes_too() -> None:
    net = driven("lif_delta", 0.9, tau_mem=7.0)
    for name in ("values", "since", "noted"):
        part = simulate(net, until=4.0, keep_state=True, engine="reference", record={"cells": [0]})
        setattr(state_of(part), name, np.zeros(1, getattr(state_of(part), name).dtype)[:0])
        with pytest.raises(InputError, match="it is damaged"):
            simulate(
                net.replace("cells", current=1.5), until=6.0, resume=part, changes=["net", "record"],
                record={"cells": [1]}, engine="reference",
            )  # fmt: skip
