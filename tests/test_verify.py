"""Verification: every planted defect is found where it is and called by its name, and nothing else is."""

import collections
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import planted
import pytest

import eventsim
from eventsim import models
from eventsim.errors import EventsimError, FileFormatError, InputError
from eventsim.models.checking.report import CAUSES
from eventsim.models.relu.relu_network import AveragePool, Conv, Dense, Flatten, ReluNetwork
from eventsim.network.network import Network

SEEDS = 64  # of 22 cases each
AGREES = ("ok", "rounding")


def sample(seed: int = 0, slope: str = "b1") -> tuple[Network, ReluNetwork, Any]:
    rng = np.random.default_rng(seed)
    relu = planted.random_relu(rng)
    x = rng.uniform(0.05, 1.0, (6, planted.SIZES[0]))
    return models.to_ttfs(relu, x, slope), relu, x


def without_bounds(run: Any) -> Any:
    """As if it had been simulated with error_bounds=False, without compiling another loop for it."""
    return replace(run, provenance=run.provenance | {"error_bounds": False}, records=replace(run.records, errors=None))


def cause_of(report: models.VerificationReport, name: str, neuron: int, sample: int = 0) -> str:
    return CAUSES[report.causes[name][sample, neuron]]


# -- planted against reported ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_planted_defect_is_reported_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Every neuron of over 1,000 perturbed runs, against an exact opinion that shares no code with `verify`.

    A defect has consequences that are defects of their own: behind a shrunken window or a changed weight a neuron may
    be premature, clamped or late, which the opinion works out from what the neuron received.
    """
    matrix: collections.Counter[tuple[str, str]] = collections.Counter()
    by_plant: dict[str, set[str]] = collections.defaultdict(set)
    runs = 0
    odd = []
    for seed in range(SEEDS):
        for case in planted.cases(seed):
            report = models.verify(case.net, case.relu, case.x, case.run)
            runs += 1
            for name, rows in planted.opinion(case).items():
                for place, allowed in np.ndenumerate(np.array(rows, dtype=object)):
                    reported = CAUSES[report.causes[name][place]]
                    reported = planted.NONE if reported in AGREES else reported
                    expected = reported if reported in allowed else min(allowed)
                    matrix[expected, reported] += 1
                    by_plant[case.plant] |= {reported}
                    if expected != reported:
                        odd.append((seed, case.plant, name, place, expected, reported))
    with capsys.disabled():
        show(matrix, runs)
    assert runs >= 1_000
    assert not odd, odd[:10]
    assert {cause for cause, _ in matrix} == {planted.NONE, *CAUSES[2:]}
    assert min(count for (cause, reported), count in matrix.items() if cause == reported) >= 50
    for plant, causes in {
        "shrunken window": {"clamped", "inherited"},
        "special weights": {"premature", "clamped"},
        "clipped inputs": {"clamped", "inherited"},
        "delay": {"late", "inherited"},
        "jitter": {"fault"},
        "clock": {"fault"},
        "bus": {"transport"},
        "slow bus": {"transport"},
        "all stages": {"fault", "transport"},
        "weight": {"structural", "inherited"},
        "threshold": {"structural", "inherited"},
        "swapped rows": {"structural", "inherited"},
        "drift": {"structural"},
        "another network": {"structural", "inherited"},
        "shrunken window, on a bus": {"clamped", "transport"},
        "special weights, on a bus": {"premature", "clamped", "transport"},
        "weight, on a bus": {"structural", "transport"},
        "threshold, on a bus": {"structural", "transport"},
        "another network, on a bus": {"structural", "transport"},
        "another network, behind jitter": {"structural", "fault"},
        "tie": {"tie"},
    }.items():
        assert causes <= by_plant[plant], plant


def show(matrix: collections.Counter[tuple[str, str]], runs: int) -> None:
    names = [planted.NONE, *CAUSES[2:]]
    lines = [f"\nplanted (rows) and reported causes of the neurons of {runs:,} runs"]
    lines.append(" " * 12 + "".join(f"{name:>11}" for name in names))
    lines += [f"{row:12}" + "".join(f"{matrix[row, reported]:11,}" for reported in names) for row in names]
    sys.stdout.write("\n".join([*lines, ""]))


@pytest.mark.parametrize("seed", range(4))
def test_without_the_relu_network_causes_that_do_not_need_it_are_the_same(seed: int) -> None:
    for case in planted.cases(seed):
        plant = case.plant.removesuffix(", on a bus")
        if plant in ("clipped inputs", "weight", "threshold", "swapped rows", "drift", "tie"):
            continue
        full = models.verify(case.net, case.relu, case.x, case.run)
        alone = models.verify(case.net, run=case.run)
        assert full.ok == alone.ok
        for name, causes in full.causes.items():
            told = np.where(causes > 1, causes, 0)
            assert np.array_equal(told, np.where(alone.causes[name] > 1, alone.causes[name], 0)), (case.plant, name)


# -- what each cause is ------------------------------------------------------------------------------------------------


@pytest.mark.engine_small
@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_an_unharmed_network_is_ok_within_its_bounds(slope: str) -> None:
    for seed in range(8):
        net, relu, x = sample(seed, slope)
        report = models.verify(net, relu, x)
        assert report.ok
        assert {cause for cause, count in report.summary.items() if count} <= set(AGREES)
        assert report.agreement == 1.0
        assert report.logit_error is not None
        assert report.logit_error <= 1e-14
        for name in report.populations:
            assert (np.abs(report.differences[name]) <= report.bounds[name]).all()
            ideal = np.minimum(report.event_times[name], 1e9) - np.minimum(report.ideal_times[name], 1e9)
            assert (np.abs(ideal) <= report.ideal_bounds[name])[np.abs(ideal) < 1e8].all()


def tiny(seed: int) -> tuple[Any, Any, Any]:
    """Decimal weights and inputs, zeros among these, one to three neurons a layer; average pools in a fourth."""
    rng = np.random.default_rng(seed)
    digits = int(rng.integers(1, 4))
    if seed % 8 not in (2, 3):
        sizes = [int(n) for n in rng.integers(1, 4, int(rng.integers(2, 5)))]
        pairs = zip(sizes[1:], sizes[:-1], strict=True)
        weights = [np.round(rng.normal(0, 1, pair), digits) for pair in pairs]
        relu = ReluNetwork.from_weights(weights, [np.round(rng.normal(0, 0.2, n), 1) for n in sizes[1:]])
    else:
        channels = int(rng.integers(1, 3))
        conv = Conv("", np.round(rng.normal(0, 0.5, (channels, 1, 2, 2)), 2), np.zeros(channels), True, padding=1)
        last = Dense("", rng.normal(0, 1, (2, 4 * channels)), np.zeros(2), False)
        relu = ReluNetwork([conv, AveragePool("", (2, 2)), Flatten(""), last], (1, 3, 3))
    shape = (2, *relu.input_shape)
    x = np.round(rng.random(shape) * (rng.random(shape) < 0.8), digits)
    return models.to_ttfs(relu, x, ("b1", "alpha1")[seed % 2]), relu, x


def test_what_is_printed_of_a_difference_is_what_decided_that_it_is_rounding() -> None:
    relu = models.read_relu({"weights": [[[0.2]], [[1.0]]]})
    report = models.verify(models.to_ttfs(relu, [[0.6]]), relu, [[0.6]])
    (row,) = [line.split() for line in str(report.table()).splitlines() if line.startswith("dense1")]
    assert row[3] == "1"  # rounding
    assert 0 < float(row[4]) <= 1
    assert json.loads(report.to_json())["populations"][1]["worst_over_bound"] <= 1


@pytest.mark.slow
def test_no_difference_of_3000_tiny_networks_is_above_its_bound_and_none_within_it_is_anything_but_rounding() -> None:
    differing = ties = checked = 0
    for seed in range(3000):
        report = models.verify(*tiny(seed))
        assert report.ok, seed
        for entry in json.loads(report.to_json())["populations"]:
            assert entry["worst_over_bound"] <= 1, (seed, entry)
        for name, causes in report.causes.items():
            agrees = np.isin(causes, (report.CAUSES.index("ok"), report.CAUSES.index("rounding")))
            within = np.abs(report.differences[name]) <= report.bounds[name]
            assert (within | ~agrees).all(), (seed, name)
            assert ((causes == report.CAUSES.index("tie")) | (within == agrees)).all(), (seed, name)
            differing += int((agrees & (report.differences[name] != 0)).sum())
            ties, checked = ties + int((~agrees).sum()), checked + causes.size
    assert differing > 10_000
    assert ties <= checked / 2_000  # values that cancel to 0, or fill a window, to the last bit


def test_an_average_of_nothing_is_no_tie_in_alpha1() -> None:
    """Nothing arrives, and the potential reaches its threshold at the end of the window, give or take an ulp."""
    nets = [tiny(seed) for seed in range(3, 403, 8)]
    assert all(net.node("pool1").model.name == "ttfs_alpha1" for net, _, _ in nets)
    assert sum(models.verify(*one).counts["pool1"]["tie"] for one in nets) == 0


def test_a_value_of_zero_or_of_the_whole_window_is_a_tie() -> None:
    for bias, silent in ((-0.75, True), (2.0 - 0.75, False)):
        relu = ReluNetwork.from_weights([[[0.5, 0.5]], [[1.0]]], [[bias], [0.0]])
        net = models.to_ttfs(relu, [[1.0, 0.5]], windows=[2.0])
        report = models.verify(net, relu, [[1.0, 0.5]])
        assert cause_of(report, "dense1", 0) == "tie"
        assert report.ok
        assert math.isinf(report.event_times["dense1"][0, 0]) == silent


def test_a_neuron_without_input_and_bias_is_no_tie() -> None:
    relu = ReluNetwork.from_weights([[[0.5, 0.5]], [[1.0]]])
    net = models.to_ttfs(relu, [[1.0, 0.5]])
    assert cause_of(models.verify(net, relu, [[0.0, 0.0]]), "dense1", 0) == "ok"


def test_a_threshold_at_or_below_zero_is_clamped() -> None:
    relu = ReluNetwork.from_weights([[[0.5]], [[1.0]]], [[3.0], [0.0]])
    net = models.to_ttfs(relu, [[0.5]], windows=[2.0])
    report = models.verify(net, relu, [[0.5]])
    assert report.event_times["dense1"].tolist() == [[0.0]]
    assert cause_of(report, "dense1", 0) == "clamped"
    assert cause_of(report, "output", 0) == "inherited"


def test_a_spike_that_jitter_delays_beyond_its_window_reaches_the_next_layer_late() -> None:
    relu = ReluNetwork.from_weights([[[1.0]], [[1.0]]])
    net = models.to_ttfs(relu, [[1.0]], windows=[1.0])
    x = np.full((64, 1), 2.0**-10)
    run = planted.simulated(net, x, sigma=0.01)
    report = models.verify(net, relu, x, run)
    past = run.spike_times("dense1") >= 2.0
    assert past.any()
    assert (report.causes["dense1"] == CAUSES.index("fault")).all()
    assert np.array_equal(report.causes["output"] == CAUSES.index("late"), past)
    assert report.summary["late"] == run.counters["late"]


def test_a_defect_is_blamed_on_its_own_neuron_and_inherited_behind_it() -> None:
    net, relu, x = sample(3)
    bent = np.array(net.projections[0].kind.arrays()["weights"])
    bent[1] *= 1.02
    report = models.verify(planted.rebuilt(net, weights={0: bent}), relu, x)
    first = report.divergences[0]
    assert (first["population"], first["neuron"], first["cause"]) == ("dense1", 1, "structural")
    assert set(report.divergences["cause"]) == {"structural", "inherited"}
    assert not (report.causes["dense1"][:, [0, 2, 3]] > 1).any()


def test_a_wrong_parameter_is_found_even_where_no_sample_shows_it() -> None:
    relu = ReluNetwork.from_weights([[[0.5, 0.5]], [[1.0]]])
    net = models.to_ttfs(relu, [[1.0, 1.0]])
    bent = planted.rebuilt(net, weights={0: [[0.5, 0.25]]})
    report = models.verify(bent, relu, [[1.0, 0.0]])
    assert cause_of(report, "dense1", 0) == "structural"
    assert models.verify(bent, None, [[1.0, 0.0]]).ok


def test_a_change_of_one_ulp_in_a_copied_weight_is_found() -> None:
    net, relu, x = sample(5)
    bent = np.array(net.projections[1].kind.arrays()["weights"])
    bent[2, 0] = np.nextafter(bent[2, 0], 9)
    report = models.verify(planted.rebuilt(net, weights={1: bent}), relu, x)
    assert set(report.divergences["neuron"]) == {2}
    assert set(report.divergences["cause"]) == {"structural"}


def test_windows_that_leave_a_gap_are_structural() -> None:
    net = eventsim.Network()
    source = net.source(1)
    cell = net.population("ttfs_b1", 1, "cell", (0.0, 1.25, 3.0), threshold=1.0)
    net.connect(source, cell, eventsim.Dense([[1.0]]))
    assert cause_of(models.verify(net, x=[[0.5]]), "cell", 0) == "structural"
    assert cause_of(models.verify(net, x=[[0.0]]), "cell", 0) == "ok"


def test_several_projections_and_kinds_of_them_are_added_up() -> None:
    net = eventsim.Network()
    left, right = net.source(2, "left"), net.source(2, "right")
    cell = net.population("ttfs_b1", 2, "cell", (0.0, 1.0, 4.0), threshold=[2.0, 2.5])
    net.connect(left, cell, eventsim.Sparse([0, 0, 1], [0, 0, 1], [0.25, 0.5, 1.0]))
    net.connect(right, cell, eventsim.OneToOne([0.5, -0.75]))
    report = models.verify(net, x={"left": [[1.0, 0.5]], "right": [[0.5, 0.25]]})
    assert report.ok
    assert report.event_times["cell"].tolist() == [[1 + 2.0 - 0.75 - 0.25, 1 + 2.5 - 0.5 + 0.1875]]
    assert report.agreement is None


# -- runs --------------------------------------------------------------------------------------------------------------


def test_a_run_without_bounds_is_simulated_again() -> None:
    net, relu, x = sample(1)
    run = without_bounds(planted.simulated(net, x))
    with_bounds = models.verify(net, relu, x)
    report = models.verify(net, relu, x, run)
    assert report.ok
    assert all(np.array_equal(report.bounds[name], with_bounds.bounds[name]) for name in report.bounds)
    assert not report.notes


def test_faults_transport_seed_and_ids_are_those_of_the_run_also_when_it_is_simulated_again(tmp_path: Path) -> None:
    net, relu, x = sample(2)
    ids = np.array([5, 3, 1, 9, 8, 2])
    run = without_bounds(planted.simulated(net, x, 0.02, 1 / 64, 1e-3, seed=7, sample_ids=ids))
    run.save(tmp_path / "run.npz")
    for given in (run, eventsim.load_run(tmp_path / "run.npz")):
        report = models.verify(net, relu, x, given)
        assert not report.notes
        assert report.summary["structural"] == 0
        assert report.summary["fault"] > 0
        assert report.summary["transport"] > 0
    altered = eventsim.load_run(tmp_path / "run.npz")
    altered.provenance["seed"] = 8
    assert models.verify(net, relu, x, altered).summary["structural"] > 0


def test_a_spike_that_is_not_what_the_network_fires_is_structural_even_within_its_bound() -> None:
    net, relu, x = sample(1)
    run = without_bounds(planted.simulated(net, x))
    times = run.spike_times("dense1")
    place = tuple(np.argwhere(np.isfinite(times))[0])
    times[place] = np.nextafter(times[place], 9)
    report = models.verify(net, relu, x, run)
    assert report.causes["dense1"][place] == CAUSES.index("structural")
    assert report.notes == ["simulated again, 1 spikes of 'dense1' differ"]
    assert "note: simulated again" in report.table()


def test_a_run_of_another_network_is_noted() -> None:
    net, relu, x = sample(1)
    other, _, _ = sample(2)
    report = models.verify(net, relu, x, planted.simulated(other, x))
    assert not report.ok
    [note] = report.notes
    assert note.startswith("the run was made with another network (it differs in ")


def test_the_stimulus_stands_for_the_inputs_where_these_are_not_given() -> None:
    net, relu, x = sample(4)
    run = planted.simulated(net, x)
    assert models.verify(net, relu, run=run).ok
    assert models.verify(net, relu, eventsim.SpikeTimes(run.spike_times("input"))).ok


def test_a_stimulus_that_is_not_the_code_of_the_inputs_is_structural() -> None:
    net, relu, x = sample(4)
    report = models.verify(net, relu, x[::-1], planted.simulated(net, x))
    assert cause_of(report, "input", 0) == "structural"
    assert set(report.divergences["cause"]) == {"structural", "inherited"}


def test_inputs_of_another_range_are_verified() -> None:
    _, relu, x = sample(6)
    x = x * 6 - 3
    for slope in ("b1", "alpha1"):
        net = models.to_ttfs(relu, x, slope, input_range=(-3, 3))
        assert models.verify(net, relu, x).ok
        assert models.verify(net, relu, run=planted.simulated(net, x)).ok


def test_a_network_of_fractions_agrees_to_the_last_bit() -> None:
    relu = ReluNetwork.from_weights([[[0.5, -0.25], [0.75, 0.5]], [[1.0, 0.1]]], [[0.1, 0.0], [0.2]])
    x = np.array([[Fraction(1, 3), Fraction(1, 7)]], dtype=object)
    for slope in ("b1", "alpha1"):
        net = models.to_ttfs(relu, [[0.5, 0.5]], slope, number=Fraction)
        report = models.verify(net, relu, x)
        assert report.ok
        assert report.summary["ok"] == sum(report.summary.values())


def of_fractions(weights: Any, biases: Any, calibration: Any, x: Any, slope: str = "b1") -> tuple[Any, ...]:
    relu = models.read_relu({"weights": weights, "biases": biases} if biases else {"weights": weights})
    net = models.to_ttfs(relu, calibration, slope, number=Fraction)
    return net, relu, x, eventsim.simulate(net, x, engine="reference")


def test_times_of_fractions_that_extended_precision_rounds_are_no_defect() -> None:
    """t_min - t cancels, so that half an ulp of both is more than the rounding of what is left."""
    third = Fraction(1, 3)
    cases = []
    for a in range(13):
        x = [[Fraction(a, 12), Fraction(1, 4)]]
        cases.append(of_fractions([[[third, 2 * third]], [[Fraction(1)]]], None, [[1, 1]], x))
    cases += [of_fractions([[[third]], [[1]]], None, [[1]], [[Fraction(k, 7)]]) for k in range(8)]
    for seed in range(30):
        rng = np.random.default_rng(seed)
        sizes = (*rng.integers(1, 5, 3), 2)

        def some(n: int, parts: int) -> list[Fraction]:
            return [Fraction(int(top), parts) for top in rng.integers(-parts, parts + 1, n)]  # noqa: B023

        weights = [[some(a, 61) for _ in range(b)] for a, b in pairwise(sizes)]
        biases = [some(b, 244) for b in sizes[1:]]
        x = [[abs(value) for value in some(sizes[0], 13)] for _ in range(3)]
        cases.append(of_fractions(weights, biases, x, x, ("b1", "alpha1")[seed % 2]))
    for net, relu, x, held in cases:
        assert models.verify(net, relu, x, run=held).ok
        assert models.certify(net, run=held).ok


def test_an_exact_potential_that_is_off_by_2_to_the_minus_58_is_structural() -> None:
    net, relu, x, held = of_fractions([[[Fraction(1, 3)]], [[1]]], None, [[1]], [[Fraction(1, 7)]])
    held.records.readout[0, 0] += Fraction(1, 1 << 58)
    assert not models.verify(net, relu, x, run=held).ok
    assert not models.certify(net, run=held).ok


@pytest.mark.parametrize("hidden", [[], [[[0.5, -0.5, 0.25], [-1.0, 0.75, 0.25]]]])
def test_sums_of_inputs_far_from_zero_that_cancel_are_no_defect(hidden: Any) -> None:
    """The rounding of the ideal, in extended precision, is that of |W| |x|, which is far above the window's scale."""
    last = [[0.3, -0.1]] if hidden else [[0.3, -0.1, -0.2]]
    relu = models.read_relu({"weights": [*hidden, last]})
    for offset in np.linspace(0.05, 0.95, 10):
        x = [[1e6 + offset] * 3]
        net = models.to_ttfs(relu, x, input_range=(1e6, 1e6 + 1))
        held = eventsim.simulate(net, x, error_bounds=True, engine="reference")
        report = models.verify(net, relu, x, run=held)
        assert report.ok
        assert report.summary["structural"] == 0
        assert held.records.readout is not None
        held.records.readout[0, 0] += 1e-8
        assert not models.verify(net, relu, x, run=held).ok


# -- times of another program ------------------------------------------------------------------------------------------


def trained_times(net: Network, x: Any, dtype: Any = np.float64) -> dict[str, Any]:
    """Spike times as a trainer's formula gives them: all inputs at once, silence as the end of the window."""
    times = {"input": (1 - x).astype(dtype)}
    before = times["input"]
    for projection in net.projections[:-1]:
        post = projection.post
        _, t_min, t_max = planted.window_of(net, post.name)
        weights = projection.kind.arrays()["weights"].astype(dtype)
        ti = (before - dtype(t_min)) @ weights.T + post.parameters["threshold"].astype(dtype) + dtype(t_min)
        before = times[post.name] = np.where(ti < dtype(t_max), ti, dtype(t_max))
    return times


def test_times_of_an_analytic_trainer_agree(tmp_path: Path) -> None:
    net, relu, x = sample(7)
    times = trained_times(net, x)
    np.savez(tmp_path / "times.npz", **times)
    for given in (times, tmp_path / "times.npz", {k: v for k, v in times.items() if k != "input"}):
        report = models.verify(net, relu, x, times=given)
        assert report.ok
        assert report.agreement == 1.0
        assert sum(report.summary.values()) == sum(report.summary[cause] for cause in AGREES)
    assert models.verify(net, relu, times=times).ok
    assert models.verify(net, relu, run=planted.simulated(net, x), times=times).ok


def test_times_in_single_precision_have_wider_bounds() -> None:
    net, _, x = sample(7)
    times = trained_times(net, x.astype(np.float32), np.float32)
    report = models.verify(net, x=x.astype(np.float32), times=times)
    assert max(bound.max() for bound in report.bounds.values()) > 1e-7
    assert report.ok


def test_a_trainer_does_not_see_premature_and_clamped_neurons_but_verify_does() -> None:
    relu = ReluNetwork.from_weights([[[10, -28.0], [2.0, 0.5]], [[1.0, 1.0]]])
    x = np.array([[0.9, 0.3]])
    net = models.to_ttfs(relu, x, windows=[0.9])
    report = models.verify(net, relu, x, times=trained_times(net, x))
    assert report.event_times["dense1"].round(12).tolist() == [[1.3, -0.05]]
    assert [cause_of(report, "dense1", i) for i in (0, 1)] == ["premature", "clamped"]


def test_a_wrong_time_of_a_trainer_is_structural() -> None:
    net, relu, x = sample(7)
    times = trained_times(net, x)
    place = tuple(np.argwhere(times["dense1"] < planted.window_of(net, "dense1")[-1])[0])
    times["dense1"][place] += 1e-9
    report = models.verify(net, relu, x, times=times)
    assert report.causes["dense1"][place] == CAUSES.index("structural")


# -- the report --------------------------------------------------------------------------------------------------------


def test_the_report_is_readable_by_people_and_programs() -> None:
    relu = ReluNetwork.from_weights([[[10, -28.0], [0.5, 0.5]], [[1.0, 1.0], [0.5, -1.0]]])
    x = [[0.9, 0.3], [0.5, 0.5]]
    net = models.to_ttfs(relu, x, windows=[0.9])
    report = models.verify(net, relu, x)
    lines = str(report.table()).splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["input", "dense1", "output"]
    assert lines[2].split()[1] == "4"
    assert lines[-1].startswith("NOT OK: 2 samples, ")
    assert "first: neuron 0 of 'dense1', sample 0, premature" in lines[-1]
    assert repr(report).startswith("VerificationReport: NOT OK")
    read = json.loads(report.to_json())
    assert read["ok"] is False
    assert read["summary"] == report.summary
    assert read["n_divergences"] == len(report.divergences) == len(read["divergences"])
    assert read["divergences"][0] == {
        "population": "dense1", "neuron": 0, "place": "", "sample": 0, "time": report.event_times["dense1"][0, 0],
        "size": report.divergences["size"][0], "cause": "premature",
    }  # fmt: skip
    assert len(json.loads(report.to_json(limit=1))["divergences"]) == 1
    assert report.populations == ["input", "dense1"]
    assert report.readouts == ["output"]
    assert report.CAUSES[0] == "ok"


def test_the_table_has_a_column_for_each_cause_that_occurs_and_names_the_others() -> None:
    _, relu, x = sample(3)
    short = models.verify(models.to_ttfs(relu, x, margin=-0.5, windows="published"), relu, x)
    for report in (models.verify(models.to_ttfs(relu, x), relu, x), short):
        head, _, *rows = str(report.table()).splitlines()
        shown = head.split()[2:-2]
        absent = next(line for line in rows if line.startswith("none: ")).removeprefix("none: ").split(", ")
        assert sorted(shown + absent) == sorted(CAUSES)
        assert {cause for cause in absent if report.summary[cause]} == set()
        assert all(report.summary[cause] for cause in shown[1:])
        assert len(head) <= 100
    assert "clamped" in str(short.table()).splitlines()[0]


def test_of_a_single_output_the_report_claims_no_agreement_but_of_a_classifier() -> None:
    rng = np.random.default_rng(0)
    weights, x = [rng.normal(size=(6, 4)), rng.normal(size=(1, 6))], rng.random((20, 4))
    value, binary = (ReluNetwork.from_weights(weights, provenance=made) for made in ({}, {"output": "logistic"}))
    report = models.verify(models.to_ttfs(value, x), value, x)
    assert report.agreement is None
    assert "agree" not in report.table()
    assert "\noutputs differ by at most" in report.table()
    report = models.verify(models.to_ttfs(binary, x), binary, x)
    assert report.agreement == 1.0
    # The same spikes against a network that decides otherwise in some samples, and against one that always does.
    shift = np.median(binary.forward(x))
    for bias, agreement in ((-shift, np.mean((binary.forward(x) > 0) == (binary.forward(x) > shift))), (None, 0.0)):
        last = [weights[1] if bias is not None else -weights[1]]
        other = ReluNetwork.from_weights([weights[0], *last], [None, None if bias is None else [bias]])
        assert models.verify(models.to_ttfs(binary, x), other, x).agreement == agreement


def test_a_silent_neuron_that_diverges_is_null_in_json() -> None:
    net, relu, x = sample(3)
    threshold = np.array(net.populations[0].parameters["threshold"]) + 100.0
    report = models.verify(planted.rebuilt(net, parameters={"dense1": {"threshold": threshold}}), relu, x)
    assert math.isinf(report.divergences["time"][0])
    assert json.loads(report.to_json())["divergences"][0]["time"] is None


# -- refusals ----------------------------------------------------------------------------------------------------------


ONE = eventsim.Dense([[1.0]])


def with_provenance(run: Any, **changes: Any) -> Any:
    return replace(run, provenance=run.provenance | changes)


def lif() -> Network:
    net = eventsim.Network()
    net.connect(
        net.source(1), net.population("lif_delta", 1, "cell", tau_mem=1.0, v_threshold=1.0), eventsim.Dense([[1.0]])
    )
    return net


def recurrent() -> Network:
    net = eventsim.Network()
    net.source(1)
    cell = net.population("ttfs_b1", 1, "cell", (0.0, 1.0, 2.0), threshold=1.0)
    net.connect(cell, cell, ONE, delay=0.5)
    return net


def noisy() -> Network:
    net = eventsim.Network()
    source = net.source(1, generator=eventsim.Poisson(1.0))
    net.connect(source, net.population("ttfs_b1", 1, "cell", (0.0, 1.0, 2.0), threshold=1.0), ONE)
    return net


def npz(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


verify: Any = models.verify  # also takes what its annotations forbid
NET, RELU, INPUTS = sample(1)
TIMES = trained_times(NET, INPUTS)
REFUSALS: dict[str, tuple[Callable[[Any, Path], Any], type[EventsimError], str]] = {
    "nothing to verify": (lambda run, _: verify(NET, RELU), InputError, "neither x nor run"),
    "no network": (lambda run, _: verify(RELU, RELU, INPUTS), InputError, "net is a ReluNetwork"),
    "no run": (lambda run, _: verify(NET, RELU, run=INPUTS), InputError, "run is a ndarray"),
    "other sizes": (
        lambda run, _: verify(one_cell(), x=[[0.5]], run=run),
        InputError,
        r"the run has input 5, dense1 4, .* the network input 1, cell 1; give the run of this network",
    ),
    "ended early": (
        lambda run, _: verify(NET, RELU, run=with_provenance(run, until=1.5)),
        InputError,
        r"ended early \(until = 1.5\)",
    ),
    "incomplete": (
        lambda run, _: verify(NET, RELU, run=replace(run, complete=False)),
        InputError,
        "ended early",
    ),
    "other samples": (
        lambda run, _: verify(NET, RELU, INPUTS[:2], run),
        InputError,
        "the run has 6 samples, x has",
    ),
    "clipped": (
        lambda run, _: verify(NET, RELU, run=planted.simulated(NET, INPUTS * 3, clip=True)),
        InputError,
        "clipped values of source 'input', and which ones only x can tell",
    ),
    "outside": (lambda run, _: verify(NET, RELU, INPUTS * 3), InputError, "values outside the coded range"),
    "shape": (lambda run, _: verify(NET, RELU, INPUTS[:, :2]), InputError, r"shape \(6, 2\); must be \(n, 5\)"),
    "nan": (lambda run, _: verify(NET, RELU, INPUTS * math.nan), InputError, "must be finite"),
    "other model": (
        lambda run, _: verify(lif(), x=[[0.5]]),
        InputError,
        "'cell' is of model lif_delta; verified are",
    ),
    "recurrent": (
        lambda run, _: verify(recurrent(), x=[[0.5]]),
        InputError,
        r"cell -> cell \(Dense\) leads back",
    ),
    "generator": (lambda run, _: verify(noisy(), x=[[0.5]]), InputError, "source 'input' has a generator"),
    "unknown stage": (
        lambda run, _: verify(NET, RELU, run=with_provenance(run, faults=[{"fault": "unheard"}])),
        InputError,
        "the run has fault 'unheard', which is not loaded",
    ),
    "relu of other sizes": (
        lambda run, _: verify(NET, planted.random_relu(np.random.default_rng(0), (5, 4, 2)), INPUTS),
        InputError,
        "relu has layers input 5, dense1 4, output 2; the network has input 5, dense1 4, dense2 3, output 2",
    ),
    "two sources": (
        lambda run, _: verify(two_sources(), x=[[0.5]]),
        InputError,
        "one array for 2 sources; give a dict",
    ),
    "data for a population": (
        lambda run, _: verify(NET, RELU, {"dense1": INPUTS}),
        InputError,
        "data go to sources",
    ),
    "times of nobody": (lambda run, _: verify(NET, x=INPUTS, times=3), InputError, "times is a int"),
    "times misspelt": (
        lambda run, _: verify(NET, x=INPUTS, times=TIMES | {"dens1": TIMES["dense1"]}),
        InputError,
        "times has 'dens1', did you mean 'dense1'",
    ),
    "times missing": (
        lambda run, _: verify(NET, x=INPUTS, times={"dense1": TIMES["dense1"]}),
        InputError,
        "times lacks 'dense2'",
    ),
    "times without source": (
        lambda run, _: verify(NET, x=eventsim.SpikeTimes(TIMES["input"]), times=without_input()),
        InputError,
        "neither times nor x has values for source 'input'",
    ),
    "times of a shape": (
        lambda run, _: verify(NET, x=INPUTS, times=TIMES | {"dense1": TIMES["dense2"]}),
        InputError,
        r"times of 'dense1' have shape \(6, 3\)",
    ),
    "times nan": (
        lambda run, _: verify(NET, x=INPUTS, times=TIMES | {"dense1": TIMES["dense1"] * math.nan}),
        InputError,
        r"times of 'dense1'\[0, 0\] = nan; silence is inf",
    ),
    "times of other samples": (
        lambda run, _: verify(NET, x=INPUTS, times=TIMES | {"dense1": TIMES["dense1"][:2]}),
        InputError,
        "different numbers of samples",
    ),
    "no file": (
        lambda run, p: verify(NET, x=INPUTS, times=p / "no.npz"),
        FileFormatError,
        "there is no such file",
    ),
    "no archive": (
        lambda run, p: verify(NET, x=INPUTS, times=npz(p / "a.npz", b"PK\x03\x04 and nothing")),
        FileFormatError,
        "truncated or damaged",
    ),
    "a pickle": (
        lambda run, p: verify(NET, x=INPUTS, times=npz(p / "b.npz", b"\x80\x04N.")),
        FileFormatError,
        "this is a pickle, which eventsim never loads",
    ),
    "one array": (lambda run, p: verify(NET, x=INPUTS, times=npy(p)), FileFormatError, "this is a single .npy array"),
}


def one_cell() -> Network:
    net = eventsim.Network()
    net.connect(net.source(1), net.population("ttfs_b1", 1, "cell", (0.0, 1.0, 2.0), threshold=1.0), ONE)
    return net


def two_sources() -> Network:
    net = eventsim.Network()
    net.source(1, "left")
    net.source(1, "right")
    net.population("ttfs_b1", 1, "cell", (0.0, 1.0, 2.0), threshold=1.0)
    return net


def without_input() -> dict[str, Any]:
    return {name: times for name, times in TIMES.items() if name != "input"}


def npy(folder: Path) -> Path:
    np.save(folder / "c.npy", np.zeros(3))
    return folder / "c.npy"


@pytest.fixture(scope="module")
def run() -> Any:
    return planted.simulated(NET, INPUTS)


@pytest.mark.parametrize("what", REFUSALS)
def test_what_cannot_be_verified_is_refused_with_its_reason(what: str, run: Any, tmp_path: Path) -> None:
    act, error, message = REFUSALS[what]
    with pytest.raises(error, match=message):
        act(run, tmp_path)
