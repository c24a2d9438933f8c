"""Studies from Python: what a row says, which knobs there are, what is refused before anything runs."""

# mypy: disable-error-code="arg-type, attr-defined, index, union-attr"

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from small_studies import N_SAMPLES, data, needs_margin, network, study, told

import eventsim
from eventsim import EventsimError, FaultError, InputError, NetworkError, faults
from eventsim.study import Grid, Points, Study
from eventsim.study.bench import Bench
from eventsim.study.evaluate import evaluate
from eventsim.study.fault_trial import MOST_LISTS, fault_lists
from eventsim.study.knobs import available
from eventsim.study.point import Point

REFERENCE: Any = {"engine": "reference"}


def rows(results: Any) -> list[dict[str, Any]]:
    return [entry.result for entry in results.entries]


# -- rows --------------------------------------------------------------------------------------------------------------


def test_a_fault_of_no_strength_leaves_every_row_as_in_the_ideal_run():
    for row in rows(study({"jitter.sigma": [0.0]}).run(jobs=1)):
        assert row["agreement"] == 1.0
        assert (row["changed"], row["right_to_wrong"], row["wrong_to_right"]) == (0, 0, 0)
        assert row["correct"] == row["ideal_correct"] == N_SAMPLES - 1
        assert row["first_moved"] is None
        assert all(layer["max"] in (0.0, None) and layer["differing"] == 0 for layer in row["layers"])


def test_a_row_says_what_a_run_and_the_ideal_run_of_ones_own_say():
    x, labels = data()
    net = network()
    results = study({"jitter.sigma": [0.4]}, seeds=[5]).run(jobs=1)
    (row,) = rows(results)
    ideal = eventsim.simulate(net, x, **REFERENCE)
    run = eventsim.simulate(net, x, faults=faults.Jitter(0.4), seed=5, **REFERENCE)
    assert results.entries[0].decisions.tolist() == run.predictions.tolist()
    assert row["correct"] == int((run.predictions == labels).sum())
    assert row["changed"] == int((run.predictions != ideal.predictions).sum()) > 0
    wrong, was_wrong = run.predictions != labels, ideal.predictions != labels
    assert row["right_to_wrong"] == int((wrong & ~was_wrong).sum())
    assert row["wrong_to_right"] == int((was_wrong & ~wrong).sum())
    assert row["spikes"] == run.counters["spikes"]
    assert row["late"] == run.counters["late"]
    for layer in row["layers"]:
        before, after = ideal.spike_times(layer["layer"]), run.spike_times(layer["layer"])
        both = np.isfinite(before) & np.isfinite(after)
        assert layer["compared"] == both.sum()
        assert layer["vanished"] == (np.isfinite(before) & ~np.isfinite(after)).sum()
        assert layer["new"] == (~np.isfinite(before) & np.isfinite(after)).sum()
        assert layer["differing"] == (before != after).any(axis=1).sum()
        if both.any():
            error = after[both] - before[both]
            assert layer["mean"] == pytest.approx(error.mean(), abs=1e-15)
            assert layer["max"] == np.abs(error).max()


def test_the_decision_is_made_at_the_read_out_and_the_last_spike_before_it():
    (row,) = rows(study({"jitter.sigma": [0.0]}, seeds=1).run(jobs=1))
    end = network().node("output").window[1]
    assert row["decided_median"] == row["decided_max"] == end
    run = eventsim.simulate(network(), data()[0], **REFERENCE)
    fired = np.concatenate([run.spike_times(name) for name in run.populations if name != "input"], axis=1)
    last = np.where(np.isfinite(fired), fired, -math.inf).max(axis=1)
    assert row["last_spike_max"] == last.max()


def test_a_fault_of_one_layer_moves_that_layer_first():
    second = [p.name for p in network().populations][1]
    results = study({"jitter.sigma": [0.5]}, faults=[{"fault": "jitter", "populations": [second]}], seeds=1).run(jobs=1)
    (row,) = rows(results)
    assert row["first_moved"] == second
    assert sum(layer["flips_begun"] for layer in row["layers"]) == row["changed"]
    assert row["first_moved_flipped"] in (None, second)
    assert next(iter(results.table()))["moved in flips"] == (row["first_moved_flipped"] or "")


def test_where_flips_begin_is_the_first_layer_with_any_difference_in_a_flipped_sample():
    """Of the samples whose decision did not flip nothing counts, and of a difference not its size."""
    results = study({"jitter.sigma": [0.4]}, seeds=[5]).run(jobs=1)
    (row,) = rows(results)
    ideal = eventsim.simulate(network(), data()[0], **REFERENCE)
    run = eventsim.simulate(network(), data()[0], faults=faults.Jitter(0.4), seed=5, **REFERENCE)
    flipped = run.predictions != ideal.predictions
    assert flipped.any()
    differing = [name for name in run.populations if (run.spike_times(name) != ideal.spike_times(name))[flipped].any()]
    assert row["first_moved_flipped"] == differing[0]


def test_layers_that_both_runs_have_are_compared_where_a_fault_adds_a_source():
    (row,) = rows(study({"spurious.probability": [0.3]}, faults=[{"fault": "spurious"}], seeds=1).run(jobs=1))
    assert any(name.endswith("(spurious)") for name in row["by_population"])
    names = [node.name for node in network().nodes]
    assert [layer["layer"] for layer in row["layers"]] == names[:-1]  # the last one is the read-out
    assert row["first_moved"] == names[2]  # behind the first layer to which spikes are added


def test_points_of_one_seed_have_their_draws_in_common():
    """The same draw, scaled: errors of the first layer are proportional to sigma, to rounding."""
    name = network().populations[0].name
    design = {"jitter.sigma": [0.001, 0.002]}
    given = [{"fault": "jitter", "populations": [name]}]
    small, large = rows(study(design, faults=given, seeds=1).run(jobs=1))
    one, other = (next(layer for layer in row["layers"] if layer["layer"] == name) for row in (small, large))
    assert one["vanished"] == other["vanished"] == 0
    assert other["deviation"] == pytest.approx(2 * one["deviation"], rel=1e-9)


def test_evaluation_is_pure():
    point = Point((("jitter.sigma", 0.3),), 1)
    one, other = (evaluate(Bench(study().setup), point) for _ in range(2))
    assert one.decisions.tolist() == other.decisions.tolist()
    assert {k: v for k, v in one.values.items() if "seconds" not in k} == {
        k: v for k, v in other.values.items() if "seconds" not in k
    }


def test_the_ideal_run_is_computed_once():
    bench = Bench(study().setup)
    for seed in range(3):
        evaluate(bench, Point((("jitter.sigma", 0.3),), seed))
    assert bench.ideal_runs == 1


def test_the_first_spike_of_a_population_may_decide():
    x, _ = data()
    name = network().populations[0].name
    results = study({"jitter.sigma": [0.2]}, output=name, labels=None, seeds=1).run(jobs=1)
    times = eventsim.simulate(network(), x, faults=faults.Jitter(0.2), **REFERENCE).spike_times(name)
    first = np.where(np.isfinite(times).any(axis=1), times.argmin(axis=1), -1)
    assert results.entries[0].decisions.tolist() == first.tolist()
    assert rows(results)[0]["accuracy"] is None


def test_what_neither_run_decides_is_no_agreement():
    """Nobody fires that early."""
    name = network().populations[0].name
    given = {"output": name, "labels": None, "seeds": 1, "until": 0.01, "faults": ()}
    (row,) = rows(study({f"{name}.threshold": [1.0]}, **given).run(jobs=1))
    assert row["undecided"] == N_SAMPLES
    assert (row["agree"], row["agreement"], row["changed"]) == (0, 0.0, 0)


def test_labels_need_something_that_decides():
    with pytest.raises(InputError, match="nothing of the network decides"):
        Study(driven(), None, {"until": [3.0]}, [0], **REFERENCE)


def test_labels_of_signs_are_those_of_each_output():
    net = network()
    net.provenance["decision"] = "sign"
    right = eventsim.simulate(net, data()[0], **REFERENCE).predictions
    (row,) = rows(study({"jitter.sigma": [0.0]}, network=net, labels=right, seeds=1).run(jobs=1))
    assert row["accuracy"] == 1.0
    for labels, message in ((right[:, 0], r"must be \(12, 3\)"), (right * 2, "have 2; must be 0 to 1")):
        with pytest.raises(InputError, match=message):
            study({"jitter.sigma": [0.0]}, network=net, labels=labels)


def test_without_labels_agreement_alone_is_known():
    (row,) = rows(study({"jitter.sigma": [0.5]}, labels=None, seeds=1).run(jobs=1))
    assert row["correct"] is None
    assert row["agree"] + row["changed"] == N_SAMPLES


def test_windows_of_another_length_are_compared_by_what_they_code():
    """A longer window delays every later spike; the values are the same, to rounding."""
    results = study({"network.margin": [0.5, 1.0]}, network=network_by_name(), faults=(), seeds=1).run(jobs=1)
    for layer in rows(results)[1]["layers"]:
        assert layer["vanished"] == layer["new"] == 0
        assert (layer["max"] or 0.0) < 1e-12


def network_by_name() -> str:
    return "small_studies:network"


def driven() -> eventsim.Network:
    """Ten neurons that noise drives, and that inhibit each other."""
    net = eventsim.Network()
    noise = net.source(20, "noise", generator=eventsim.Poisson(1.0))
    cells = net.population("lif_delta", 10, "cells", tau_mem=10.0, v_threshold=1.0)
    net.connect(noise, cells, eventsim.Dense(np.full((10, 20), 0.1)))
    net.connect(cells, cells, eventsim.Dense(np.full((10, 10), -0.05)), delay=1.5)
    return net


def test_a_recurrent_network_with_noise_is_held_against_the_same_noise():
    """The ideal run has the generator's draws of the point's seed: without a fault nothing differs, in any seed."""
    given = {"faults": [{"fault": "dead"}], "seeds": 3, "output": "cells", "until": 12.0, **REFERENCE}
    results = Study(driven(), None, {"dead.fraction": [0.0, 0.5]}, **given).run(jobs=1)
    entries = results.entries
    assert [entry.result["agreement"] for entry in entries[:3]] == [1.0] * 3
    assert len({entry.result["spikes"] for entry in entries[:3]}) > 1
    for entry in entries[3:]:
        layer = next(layer for layer in entry.result["layers"] if layer["layer"] == "cells")
        assert layer["vanished"] > 0
        noise = next(layer for layer in entry.result["layers"] if layer["layer"] == "noise")
        assert noise["differing"] == 0


def test_a_network_that_needs_an_end_may_get_it_from_a_knob():
    results = Study(driven(), None, {"until": [3.0, 6.0]}, output="cells", **REFERENCE).run(jobs=1)
    short, long = rows(results)
    assert 0 < short["spikes"] < long["spikes"]
    assert (short["agreement"], long["agreement"]) == (1.0, 1.0)


# -- knobs -------------------------------------------------------------------------------------------------------------


def one_row(design: Any, **more: Any) -> dict[str, Any]:
    (row,) = rows(study(design, seeds=[3], **more).run(jobs=1))
    return row


def spikes(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["spikes"], row["late"], row["premature"], row["correct"]


def counted(run: eventsim.Run) -> tuple[Any, ...]:
    right = int((run.predictions == data()[1]).sum())
    return run.counters["spikes"], run.counters["late"], run.counters["premature"], right


def simulated(net: eventsim.Network | None = None, **more: Any) -> tuple[Any, ...]:
    return counted(eventsim.simulate(net or network(), data()[0], seed=3, **REFERENCE, **more))


def test_a_knob_sets_a_fault_and_of_two_the_one_that_is_meant():
    given = [{"fault": "jitter", "sigma": 0.1}, {"fault": "clock", "period": 0.25}, {"fault": "jitter"}]
    row = one_row({"jitter[1].sigma": [0.5]}, faults=given)
    acting = [faults.Jitter(0.1), faults.Clock(0.25), faults.Jitter(0.5)]
    assert spikes(row) == simulated(faults=acting)


def test_a_knob_sets_a_preset():
    row = one_row({"stanojevic2023.sigma": [0.2]}, faults=["stanojevic2023"])
    assert spikes(row) == simulated(faults=faults.preset("stanojevic2023", sigma=0.2))


def test_a_knob_sets_the_time_of_the_end():
    end = float(network().populations[0].window[1]) + 0.1
    row = one_row({"until": [end]}, faults=())
    assert row["undecided"] == N_SAMPLES
    assert row["spikes"] == eventsim.simulate(network(), data()[0], until=end, **REFERENCE).counters["spikes"]


@pytest.mark.parametrize("name", ["bus.service_time", "transport.service_time", "aer_bus.service_time"])
def test_a_knob_sets_the_transport(name: str):
    row = one_row({name: [0.2]}, faults=(), transport={"transport": "aer_bus"})
    assert spikes(row) == simulated(transport=eventsim.fabric.AerBus(0.2))
    assert row["counters"]["transport"]["max_waiting"] > 0


def test_a_knob_sets_a_parameter_and_a_delay():
    net = network()
    name = net.populations[0].name
    row = one_row({f"{name}.threshold": [1.0], f"input -> {name}.delay": [0.05]}, faults=())
    other = net.replace(name, threshold=1.0).replace(f"input -> {name}", delay=0.05)
    assert spikes(row) == simulated(other)


def test_a_knob_sets_a_recipe_also_one_that_makes_nothing_without_it():
    for recipe in ("small_studies:network", network, "small_studies:needs_margin", needs_margin):
        row = one_row({"network.margin": [-0.5]}, network=recipe, faults=())
        assert spikes(row) == simulated(network(-0.5))


def test_every_knob_that_is_offered_is_one():
    """A value that is refused is refused by what the knob sets, never as an unknown knob."""
    one = study(transport=eventsim.fabric.AerBus(0.1), network="small_studies:network")
    names = available(one.setup, one._bench.base, one._bench.recipe_settings)
    assert {"jitter.sigma", "bus.service_time", "network.margin", "until", "input.window"} <= set(names)
    resolved = one._bench.knobs(names)
    assert [knob.name for knob in resolved] == names


@pytest.mark.parametrize("word", ["jitter:sigma=0.1,past=drop", "synchronised", "stanojevic2023:sigma=0.1"])
def test_a_fault_may_be_a_word(word: str):
    row = one_row({"until": [99.0]}, faults=[word])
    assert spikes(row) == simulated(faults=word, until=99.0)


def test_a_knob_sets_a_fault_that_is_a_word():
    row = one_row({"jitter.sigma": [0.2]}, faults="jitter:past=drop")
    assert spikes(row) == simulated(faults=faults.Jitter(0.2, past="drop"))


@pytest.mark.parametrize("number", [np.float32(0.5), Fraction(1, 2), np.float64(0.5), 0.5])
def test_settings_of_any_number_type_make_one_study(number: Any):
    one = study({"jitter.sigma": [number]}, faults=[faults.Jitter(number), faults.Clock(number)], until=4 * number)
    other = study({"jitter.sigma": [0.5]}, faults=[faults.Jitter(0.5), faults.Clock(0.5)], until=2)
    assert one.hash() == other.hash()
    assert one.setup.parts() == other.setup.parts()


def test_a_setting_that_no_hash_holds_is_refused():
    with pytest.raises(InputError, match=r"jitter: sigma = .*must be a number, a string"):
        study(faults=[{"fault": "jitter", "sigma": {1}}])
    with pytest.raises(InputError, match=r"until = .*must be a number, a string"):
        study(until=1j)


# -- refused before anything runs --------------------------------------------------------------------------------------

# Whose policy refuses what it cannot hold.
FIXED_POINT = {"fault": "fixed_point", "membrane": [32, 20], "time": 12, "overflow": "error"}
REFUSED = {
    "a typo in a setting": ({"jitter.sgima": [0.1]}, {}, InputError, "did you mean 'sigma'"),
    "a typo in a fault": ({"jiter.sigma": [0.1]}, {}, InputError, "did you mean 'jitter.sigma'"),
    "a fault that the study has not": ({"clock.period": [0.1]}, {}, InputError, "Add the fault 'clock'"),
    "a transport that the study has not": ({"bus.service_time": [0.1]}, {}, InputError, "Give the study a transport"),
    "a population that there is not": ({"nobody.threshold": [0.1]}, {}, InputError, "unknown knob 'nobody.threshold'"),
    "a parameter that there is not": ({"input.treshold": [0.1]}, {}, InputError, "unknown setting 'treshold'"),
    "which of two faults": (
        {"jitter.sigma": [0.1]},
        {"faults": [{"fault": "jitter", "sigma": 0.1}] * 2},
        InputError,
        r"jitter\[0\].sigma to jitter\[1\].sigma",
    ),
    "a strength out of range": ({"jitter.sigma": [0.1, -1.0]}, {}, FaultError, "sigma = -1; must be >= 0"),
    "a setting that nobody gives": ({"until": [100.0]}, {}, FaultError, "jitter: sigma missing"),
    "an unknown fault": ({"until": [9.0]}, {"faults": [{"fault": "jiter"}]}, FaultError, "did you mean 'jitter'"),
    "a fault on a population that there is not": (
        {"jitter.sigma": [0.1]}, {"faults": [{"fault": "jitter", "populations": ["nobody"]}]}, NetworkError, "nobody",
    ),
    "a parameter that no neuron has": (
        {"mismatch.sigma": [0.1]}, {"faults": [{"fault": "mismatch", "parameter": "alhpa"}]}, EventsimError, "alhpa",
    ),
    "refractoriness of neurons that fire once": (
        {"refractory.t_ref": [0.0, 0.1]}, {"faults": [{"fault": "refractory"}]}, FaultError, "never refractory",
    ),
    "a preset of other neurons": (
        {"jitter.sigma": [0.1]}, {"faults": ["goltz_hwaware", {"fault": "jitter"}]}, FaultError,
        "no population has a parameter",
    ),
    "weights that no format holds, of a recipe that needs a knob": (
        {"fixed_point.weights": [[16, 8], [4, 3]], "network.margin": [0.1]},
        {"network": "small_studies:needs_margin", "faults": [FIXED_POINT]}, FaultError, "out of the range -1 to 0.875",
    ),
    "an unknown preset": ({"until": [9.0]}, {"faults": ["stanojevic2032"]}, FaultError, "did you mean 'stanojevic20"),
    "no value": ({"jitter.sigma": []}, {}, InputError, "one at least"),
    "an empty grid": ({}, {}, InputError, "one at least"),
    "NaN": ({"jitter.sigma": [math.nan]}, {}, InputError, "must be finite, since a grid"),
    "infinity": ({"jitter.sigma": [0.1, math.inf]}, {}, InputError, "must be finite, since a grid"),
    "an endless grid": ({"jitter.sigma": [0.1], "until": range(10**7)}, {}, InputError, "1,000,000 at most"),
    "too many combinations": (
        {"jitter.sigma": list(range(1001)), "until": list(range(1, 1001))}, {}, InputError, "1,001,000 settings",
    ),
    "a value twice": ({"jitter.sigma": [0.1, 0.1]}, {}, InputError, "there twice"),
    "a value that no file holds": ({"jitter.sigma": [object()]}, {}, InputError, "what a file can hold"),
    "a threshold that the network refuses": ({"input.window": [[1.0, 0.0]]}, {"faults": ()}, NetworkError, "window"),
    "an unknown option": ({"jitter.sigma": [0.1]}, {"untl": 5.0}, InputError, "did you mean 'until'"),
    "an unknown engine": ({"jitter.sigma": [0.1]}, {"engine": "fast"}, InputError, "engine = 'fast'"),
    "labels of another length": ({"jitter.sigma": [0.1]}, {"labels": [0, 1]}, InputError, "2 labels, but 12 samples"),
    "labels that are none": ({"jitter.sigma": [0.1]}, {"labels": [0.5] * 12}, InputError, "whole numbers"),
    "no seeds": ({"jitter.sigma": [0.1]}, {"seeds": 0}, InputError, "seeds = 0"),
    "a seed twice": ({"jitter.sigma": [0.1]}, {"seeds": [1, 1]}, InputError, "there twice"),
    "an output that there is not": ({"jitter.sigma": [0.1]}, {"output": "outptu"}, InputError, "did you mean 'output'"),
    "an output that never fires": (
        {"jitter.sigma": [0.1]}, {"output": "output", "labels": None}, InputError, "a read-out, which never fires",
    ),
    "a read-out as output, of a recipe that needs a knob": (
        {"network.margin": [0.1]}, {"network": "small_studies:needs_margin", "faults": (), "output": "output"},
        InputError, "a read-out, which never fires",
    ),
    "labels of another shape": (
        {"jitter.sigma": [0.1]}, {"labels": [[0, 1, 0]] * 12}, InputError, r"shape \(12, 3\); must be \(12,\)",
    ),
    "labels that no output has": ({"jitter.sigma": [0.1]}, {"labels": [3] * 12}, InputError, "have 3; must be 0 to 2"),
    "labels below 0": ({"jitter.sigma": [0.1]}, {"labels": [-1] * 12}, InputError, "have -1; must be 0 to 2"),
    "a recipe that there is not": (
        {"network.margin": [0.1]}, {"network": "small_studies:netwrok", "faults": ()}, InputError,
        "did you mean 'network'",
    ),
    "a module that there is not": (
        {"network.margin": [0.1]}, {"network": "no_such_module:network"}, InputError, "cannot be imported",
    ),
    "a setting that the recipe has not": (
        {"network.margn": [0.1]}, {"network": "small_studies:network", "faults": ()}, InputError,
        "did you mean 'margin'",
    ),
    "a recipe that no worker could find": (
        {"network.margin": [0.1]}, {"network": lambda margin: network(margin=margin)}, InputError, "top of a module",
    ),
    "settings without a recipe": ({"jitter.sigma": [0.1]}, {"settings": {"margin": 0.1}}, InputError, "a recipe"),
    "an unknown transport": (
        {"until": [9.0]}, {"transport": {"transport": "bsu"}, "faults": ()}, FaultError, "must be a transport",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused_before_anything_runs(what: str):
    design, more, error, message = REFUSED[what]
    if not design:
        with pytest.raises(error, match=message):
            Grid(design)
        return
    with pytest.raises(error, match=message):
        study(design, **more)


def test_a_fault_is_tried_on_the_network_of_the_first_setting():
    """The network without knobs has no slope of its own, those of the points have."""
    given = {"network": "small_studies:sloped", "faults": [{"fault": "mismatch", "parameter": "alpha"}], "seeds": 1}
    (entry,) = study({"network.slope": ["alpha1"], "mismatch.sigma": [0.1]}, **given).run(jobs=1).entries
    assert entry.error is None
    with pytest.raises(FaultError, match="mismatch"):
        study({"network.slope": ["b1"], "mismatch.sigma": [0.1]}, **given)


def test_of_a_large_design_the_first_faults_and_the_ends_of_each_knob_are_tried():
    values = [0.001 * k for k in range(1, 400)]
    random = np.random.default_rng(3).permutation(values).tolist()
    one = study({"jitter.sigma": random, "jitter.past": ["drop", "carry"]})
    tried = list(fault_lists(one._bench, one.design))
    assert MOST_LISTS <= len(tried) <= MOST_LISTS + 4
    assert {min(values), max(values)} < {one.describe()["sigma"] for (one,) in tried}


def test_data_that_do_not_fit_are_refused_before_anything_runs():
    with pytest.raises(InputError, match="shape"):
        Study(network(), np.zeros((3, 7)), {"jitter.sigma": [0.1]}, faults=[{"fault": "jitter"}], **REFERENCE)


def test_settings_of_different_knobs_are_refused():
    with pytest.raises(InputError, match="must have the knobs of the first"):
        Points([{"jitter.sigma": 0.1}, {"clock.period": 0.1}])


def test_two_runs_of_a_study_say_the_same():
    assert told(study().run(jobs=1)) == told(study().run(jobs=1))


def test_a_study_knows_itself():
    one = study()
    assert one.hash() == study().hash()
    others = (study({"jitter.sigma": [0.1]}), study(seeds=3), study(labels=None), study(times=False))
    assert len({one.hash(), *(other.hash() for other in others)}) == 5
    assert repr(one) == "Study: grid, 3 settings of jitter.sigma, 2 seeds"


def test_data_that_change_behind_a_study_change_nothing():
    x = data()[0].copy()
    given: Any = {"faults": [{"fault": "jitter", "sigma": 0.0}], "engine": "reference"}
    mine = Study(network(), x, {"jitter.sigma": [0.0]}, **given)
    before = mine.hash()
    x[:] = 0.0
    assert mine.hash() == before
    assert (np.asarray(mine.setup.x) != 0.0).any()


@pytest.mark.parametrize(("knobs", "said"), [
    ({"jitter.sigma": [0.0, 0.1], "jitter[0].sigma": [2.0]}, "set the same"),
])  # fmt: skip
def test_two_knobs_that_set_the_same_are_refused(knobs, said):
    with pytest.raises(InputError, match=said):
        study(knobs)


def test_threads_and_flags_of_a_run_are_checked_first():
    one = study({"jitter.sigma": [0.0]})
    for given in ({"threads": 0}, {"resume": "no"}, {"retry_failed": "no"}):
        with pytest.raises(InputError):
            one.run(jobs=1, **given)
