"""The smallest version of every benchmark runs and does all of its work: none can get fast by doing less."""

import math
import os

import by_rule
import hold
import numpy as np
import pytest
import report
import safe_windows
import start_up
import trainer
import w1
import w2
import w4
import workloads

import eventsim
from eventsim import models

# -- W1 ---------------------------------------------------------------------------------------------------------------


def test_every_neuron_of_w1_spikes_so_every_weight_is_visited() -> None:
    inputs = workloads.w1_inputs()[0]
    layers = workloads.w1_reference(inputs)
    assert all((times < math.inf).all() for times in layers)
    assert workloads.w1_counts(inputs, layers) == (668_672, 668_672)


def test_the_closed_form_of_w1_is_the_first_root_of_the_potential() -> None:
    weights, arrivals = np.array([[2.0, -2.0, 1.0], [2.0, 4.0, 0.0], [-1.0, 0.0, 0.0]]), np.array([0.5, 0.75, math.inf])
    # Row 0: 2 (t - 0.5) is 0.5 at 0.75 and stays there. Row 1: 0.5 + 6 (t - 0.75) = 1. Row 2 falls.
    assert workloads.first_crossings(weights, arrivals).tolist() == [math.inf, 0.75 + 0.5 / 6, math.inf]


def test_w1_visits_every_synaptic_event_and_finds_every_spike_time() -> None:
    inputs = workloads.w1_inputs()[:2]
    net = workloads.w1_network()
    assert w1.check(w1.simulate(net, inputs), inputs) == 2 * 668_672
    both = np.tile(inputs, (2, 1))
    assert w1.check(w1.simulate(net, both, threads=2), inputs, copies=2) == 4 * 668_672


def test_w1_notices_a_run_of_another_input() -> None:
    inputs = workloads.w1_inputs()[:2]
    with pytest.raises(AssertionError, match="sample 0, layer 1"):
        w1.check(w1.simulate(workloads.w1_network(), inputs[1:]), inputs[:1])


# -- W2 ---------------------------------------------------------------------------------------------------------------


def test_every_neuron_of_w2_has_its_in_degree() -> None:
    synapses = workloads.w2_synapses(50)
    assert (np.bincount(synapses.targets) == 100).all()
    assert (synapses.sources < 40).sum() == 50 * 80
    assert synapses.weights.sum() == 50 * (80 * 0.5 - 20 * 2.5)


@pytest.mark.parametrize("poisson", [True, False], ids=["generator", "trains"])
def test_w2_visits_every_synaptic_event_of_the_spikes_it_records(poisson) -> None:
    duration = 60.0
    synapses = workloads.w2_synapses(40)
    net = workloads.w2_network(synapses, poisson)
    data = None if poisson else eventsim.SpikeTimes([workloads.w2_trains(40, duration)])
    run = eventsim.simulate(net, data, until=duration, threads=1)
    visited = w2.check(run, synapses, duration)
    noise = int((run.spikes["population"] == 0).sum())
    assert run.n_spikes("cells") > 0
    assert visited > noise > 0.8 * 40 * 0.6 * duration


def test_rate_and_variation_of_regular_and_of_doubled_intervals() -> None:
    regular, doubled = np.arange(10.0), np.cumsum([1.0, 3.0] * 5)
    neurons, times = np.repeat([0, 1], 10), np.concatenate([regular, doubled])
    rate, variation = workloads.rate_and_variation(neurons, times, 2, 1_000.0)
    assert rate == 10.0
    intervals = np.diff(doubled)
    assert variation == pytest.approx(intervals.std() / intervals.mean() / 2)


@pytest.mark.peers
@pytest.mark.parametrize("resolution", [0.5, 1.5])
def test_the_shared_replay_equals_nest_spike_for_spike(resolution) -> None:
    pytest.importorskip("nest")
    spikes, difference = w2.replay(1_000, resolution, duration=300.0)
    assert spikes > 5_000
    assert difference <= 1e-9


# -- W3 ---------------------------------------------------------------------------------------------------------------


def earliest_moved_by_hand(times: list[float], increments: list[float], n_operations: int) -> float:
    last = 0.0
    for k in range(n_operations):
        last = min(times)
        times[times.index(last)] = last + increments[k % len(increments)]
    return last


def test_the_hold_model_takes_the_earliest_every_time() -> None:
    times, increments = workloads.w3_times(30)
    expected = earliest_moved_by_hand(times.tolist(), increments.tolist(), 200)
    assert hold.hold_eventsim(times, increments, 200)[1] == expected


@pytest.mark.slow
@pytest.mark.skipif(hold.compiler() is None, reason="there is no g++")
def test_the_hold_model_in_cpp_ends_at_the_same_time(tmp_path) -> None:
    times, increments = workloads.w3_times(30)
    expected = earliest_moved_by_hand(times.tolist(), increments.tolist(), 200)
    assert hold.hold_cpp(tmp_path)(times, increments, 200)[1] == expected


# -- start-up and report ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_start_up_benchmark_draws_its_figure(tmp_path) -> None:
    # With the caches that the other tests use: what an empty one costs is for the benchmark.
    caches = {name: os.environ[name] for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR") if name in os.environ}
    assert start_up.seconds_to_figure(tmp_path / "figure.png", caches) > 0


def test_a_target_is_met_from_its_own_side() -> None:
    verdicts = [report.Row("a", "b", value, target=target).met for target in ("<= 2", ">= 2") for value in (1, 2, 3)]
    assert verdicts == [True, True, False, False, True, True]
    assert report.Row("a", "b", 1.0).met is None
    assert "NOT MET" in report.table([report.Row("a", "b", 3.0, "x", "<= 2")])


def test_calls_are_made_in_turn_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    seconds = report.in_turn([lambda: order.append("a"), lambda: order.append("b")], rounds=2)
    assert order == ["a", "b"] * 3
    assert [len(each) for each in seconds] == [2, 2]


def test_a_slow_round_does_not_change_the_ratio() -> None:
    assert report.ratio([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == 2.0


@pytest.mark.slow
def test_a_script_hands_its_rows_to_the_table_of_all() -> None:
    rows = report.rows_of(hold.SOURCE.with_suffix(".py"), "--quick")
    assert {row.benchmark for row in rows} == {"W3 queue, 100 entries", "W3 queue, 1,000 entries"}
    assert all(row.value > 0 for row in rows)


# -- W4 ---------------------------------------------------------------------------------------------------------------


def test_w4_visits_every_tap_of_every_spike_and_finds_every_spike_time() -> None:
    (net, weights), x = w4.network(8, 4), w4.images(8, 4)
    run = eventsim.simulate(net, x, record="first_spikes")
    assert w4.check(run, x, weights) > 0
    with pytest.raises(AssertionError, match="other neurons fire"):
        w4.check(run, x[:, ::-1], weights)


# -- safe windows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slope", safe_windows.SLOPES)
def test_safe_windows_are_held_against_certify_before_they_are_timed(slope, monkeypatch) -> None:
    relu, x = safe_windows.dense(20, 8, samples=10)
    assert safe_windows.check(relu, x, slope, 0.0) == 10 * 20 * 8
    assert safe_windows.cost(relu, x, slope, 0.0, rounds=1) < math.inf
    usual = models.to_ttfs

    def lavish(relu, x, slope, margin, windows="certified"):
        return usual(relu, x, slope, margin, windows=windows)

    monkeypatch.setattr(models, "to_ttfs", lavish)
    with pytest.raises(AssertionError):
        safe_windows.check(relu, x, slope, 0.5)


# -- networks by rules -------------------------------------------------------------------------------------------------


def test_every_rule_is_measured_and_held_to_what_it_promises() -> None:
    rows = by_rule.measure("quick")
    assert len(rows) == 2 * len(by_rule.rules(300))
    assert sum("30,000 synapses" in row.benchmark for row in rows) >= 2 * 5
    with pytest.raises(AssertionError):
        by_rule.check("fixed_indegree", eventsim.Sparse([0], [0], [1.0]), 300)


# -- the trainer -------------------------------------------------------------------------------------------------------


def test_a_pass_is_held_against_all_of_its_matrix_products(monkeypatch) -> None:
    made: list[tuple[tuple[int, ...], ...]] = []
    ours = trainer.network(trainer.DEEP, np.float32)
    monkeypatch.setattr(np, "matmul", lambda a, b, out: made.append((a.shape, b.shape, out.shape)))
    trainer.products(ours, 4)()
    # Forward, to the weights, to the inputs: but for those of the first layer.
    wanted = []
    for n_in, n_out in ((784, 512), (512, 512), (512, 10)):
        wanted += [((4, n_in), (n_in, n_out), (4, n_out)), ((n_out, 4), (4, n_in), (n_out, n_in))]
        wanted += [((4, n_out), (n_out, n_in), (4, n_in))] if n_in < 784 else []
    assert made == wanted
