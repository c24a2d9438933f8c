"""Neurons that fire again at once, lists that fill, numbers at the edges of float64: both engines end alike, in words.

The networks of `random_networks` are held on both engines against each other, the oracle, and themselves in pieces, as
`torture` does for hours. ``EDGE_NETWORKS`` says how many of each family.
"""

import os
from collections import Counter
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torture
from adapters import both_engines, counters, outcome
from random_networks import FAMILIES, Case, case

from eventsim import Dense, ModelError, Network, NetworkError, SimulationError, Sparse, SpikeTimes, Steps, simulate
from eventsim.engines.compiled import engine, lanes, lists, machine
from eventsim.faults import Clock, Jitter

N_NETWORKS = int(os.environ.get("EDGE_NETWORKS", "100"))


def neuron(model: str = "lif_delta", weight: float | None = None, **parameters: Any) -> Network:
    """One neuron, with one input where it has a weight."""
    net = Network()
    net.population(model, 1, "cell", **parameters)
    if weight is not None:
        net.source(1, "input")
        net.connect("input", "cell", Dense([[weight]]))
    return net


ONE_INPUT = SpikeTimes([[[1.0]]])


# -- again at once ---------------------------------------------------------------------------------------------------


@pytest.mark.engine_small
@pytest.mark.parametrize("weight", [3.0, 4e3, 1e4, 1e18])
def test_a_soft_reset_that_leaves_the_threshold_reached_is_an_error_at_its_time(weight: float) -> None:
    net = neuron(weight=weight, tau_mem=10.0, reset="soft")
    done = both_engines(net, ONE_INPUT)
    assert "neuron 0 of 'cell' fires twice at t = 1.0" in str(done.error)
    assert done.run.spikes["time"].tolist() == [1.0, 1.0]  # the input's, and the first of the two
    assert done.run.counters["visited"] == 1


@pytest.mark.engine_small
def test_a_current_that_crosses_again_within_a_rounding_of_t_is_an_error_at_its_time() -> None:
    done = both_engines(neuron("lif_exp", 1e18, tau_mem=10.0, tau_syn=5.0), ONE_INPUT, until=3.0)
    assert "neuron 0 of 'cell' fires twice at t = 1.0" in str(done.error)


@pytest.mark.engine_small
@pytest.mark.parametrize("model", ["lif_delta", "if_delta"])
def test_intervals_below_the_rounding_of_t_end_where_they_are_lost(model: str) -> None:
    """A drive that makes an interval of 1e-4 at t = 2^40, where a step of float64 is 2.4e-4."""
    given = {"tau_mem": 1.0} if model == "lif_delta" else {}
    late = Steps([0.0, 2.0**40], [0.0, 1e4])
    done = both_engines(neuron(model, current=late, **given), until=2.0**41)
    assert f"neuron 0 of 'cell' fires twice at t = {2.0**40 + 2.0**-13 * 0}" in str(done.error)


@pytest.mark.engine_small
def test_a_budget_ends_a_neuron_that_fires_faster_than_anyone_can_wait_for() -> None:
    """6.7e12 spikes until 1e-3: intervals of 1.5e-16, each right to its last digits."""
    net = neuron(tau_mem=10.0, v_threshold=15.0, current=1e18)
    done = both_engines(net, until=1e-3, max_events=1_000)
    assert "max_events = 1,000 reached" in str(done.error)
    times = done.run.spikes["time"]
    assert len(times) == 1_000
    assert np.diff(times) == pytest.approx(np.full(999, 1.5e-16), rel=1e-9)


@pytest.mark.engine_small
def test_the_first_crossing_may_round_to_the_very_beginning() -> None:
    """A spike of 2^-53 / 1.5 after the start, and one that is exactly at it, are the first of the train."""
    almost = neuron(tau_mem=1.0, v_threshold=0.5 + 2.0**-53, v_init=0.5, current=2.0)
    times = both_engines(almost, until=2.0).run.spikes["time"].tolist()
    interval = float(mpmath.log(mpmath.mpf(2) / (mpmath.mpf(2) - (mpmath.mpf(0.5) + mpmath.mpf(2) ** -53))))
    assert times[0] == pytest.approx(2.0**-53 / 1.5, rel=1e-15)
    assert times[1] == pytest.approx(times[0] + interval, rel=1e-15)
    at_once = neuron("if_delta", v_threshold=5e-324, current=1e300)
    assert "neuron 0 of 'cell' fires twice at t = 0" in str(both_engines(at_once, until=1.0).error)


@pytest.mark.engine_small
def test_a_crossing_at_the_beginning_comes_before_what_arrives_there() -> None:
    """A cohort of linear neurons whose crossing is stored at 0 meets inputs at 0 after its spikes."""
    net = Network()
    net.source(1, "input")
    net.population("if_delta", 70, "cells", v_threshold=5e-324, current=[1e3] + [0.0] * 69, t_ref=1.0)
    net.connect("input", "cells", Dense(np.full((70, 1), -1.0)))
    spikes = both_engines(net, SpikeTimes([[[0.0]]]), until=0.5).run.spikes
    assert [tuple(spike)[1:] for spike in spikes.tolist()] == [(0, 0, 0.0), (1, 0, 0.0)]


# -- lists that are full --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", range(4))
def test_an_append_beyond_the_end_of_a_list_writes_nothing_and_says_so(room: int) -> None:
    net = neuron(weight=1.0, tau_mem=1.0)
    lowered = machine.lower(net, False, 1, {}).machine
    control = lowered.control[0]
    lowered.work[:] = -7
    length = 0
    for value in range(6):
        length = lists.append(lowered, 1, 1 + room, length, value)
    assert length == room
    assert lowered.work[1 : 1 + room].tolist() == list(range(room))
    assert set(lowered.work[1 + room :].tolist()) == {-7}
    assert control.full == 1


def test_a_ring_that_is_full_keeps_what_it_has() -> None:
    lowered = machine.lower(neuron(weight=1.0, tau_mem=1.0), False, 1, {}).machine
    size = int(lowered.lane_states.mask[0]) + 1
    for k in range(size + 3):
        lanes.push_packet(lowered, 0, float(k), 0, 0)
    assert int(lowered.lane_states.tail[0]) == size
    assert lowered.ring.t.tolist()[:size] == list(map(float, range(size)))
    assert lowered.control[0].full == 1


def test_a_full_list_ends_the_run_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cramped(engine.Worker):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.machine.control.fired_at = 0  # where the list of touched cohorts ends

    monkeypatch.setattr(engine, "Worker", Cramped)
    with pytest.raises(SimulationError, match=r"more to note than it has room for.*reference.*report the network"):
        simulate(neuron(weight=1.0, tau_mem=1.0), ONE_INPUT)


# -- which spike of a source is lost --------------------------------------------------------------------------------


@pytest.mark.engine_small
def test_the_first_lost_delay_by_time_and_neuron_ends_the_run_whatever_the_order_of_projections() -> None:
    net = Network()
    net.source(3, "input")
    net.population("lif_delta", 1, "cell", tau_mem=10.0)
    net.connect("input", "cell", Sparse([2], [0], [0.1]), delay=1.0)
    net.connect("input", "cell", Sparse([0, 1], [0, 0], [0.1, 0.1]), delay=2.0)
    done = both_engines(net, SpikeTimes([[[1.0], [5.0, 1e20], [3.0, 1e20]]]))
    assert "neuron 1 of 'input' at t = 1e+20" in str(done.error)
    assert done.run.counters["by_population"]["input"]["spikes"] == 4


# -- numbers that float64 does not hold -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("lif_delta", {"tau_mem": 1.0, "v_leak": 1e308, "current": 1e308}),
        ("lif_exp", {"tau_mem": 1.0, "tau_syn": 1.0, "v_leak": 1e308, "current": 1e308}),
        ("glif", {"tau_mem": 1.0, "tau_syn": 1.0, "v_leak": 1e308, "current": 1e308}),
        ("glif", {"tau_mem": 1.0, "tau_syn": 1.0, "coupling": 1e300, "current": 1e300}),
    ],
)
def test_parameters_from_which_no_number_follows_are_refused(model: str, given: dict[str, Any]) -> None:
    message = rf"'cell': {model}: numbers that follow from its parameters leave the range of float64 \(overflow"
    with pytest.raises(ModelError, match=message):
        neuron(model, **given)
    if "current" in given:
        stepped: dict[str, Any] = {**given, "current": Steps([0.0, 3.0], [0.0, given["current"]])}
        with pytest.raises(ModelError, match=r"from t = 3 on: .*Bring the sizes of the parameters closer together"):
            neuron(model, **stepped)


@pytest.mark.parametrize("weight", [1.1e100, -1e300, Fraction(10) ** 101])
def test_weights_whose_sums_may_leave_float64_are_refused(weight: Any) -> None:
    weights = np.array([[0.5, weight]], dtype=object if isinstance(weight, Fraction) else float)
    with pytest.raises(NetworkError, match=r"Dense: weight\[0, 1\] = .*; must lie between -1e\+100 and 1e\+100"):
        Dense(weights)


def test_what_a_glif_neuron_keeps_of_its_currents_cannot_grow_from_spike_to_spike() -> None:
    with pytest.raises(ModelError, match=r"kept_1\[0\] = 1.5; must be >= -1 and <= 1"):
        neuron("glif", tau_mem=1.0, tau_syn=1.0, kept_1=1.5)


# -- nasty networks -------------------------------------------------------------------------------------------------


# Neurons with receptors look for many zeros: seconds a network, as plain Python.
@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=() if name == "receptors" else pytest.mark.engine_small) for name in FAMILIES]
)
def test_nasty_networks_end_alike_on_both_engines_in_pieces_and_on_the_oracle(family: str) -> None:
    happened: Counter[str] = Counter()
    n_networks = N_NETWORKS // 4 if family == "receptors" else N_NETWORKS
    for number in range(n_networks):
        one = case(number, family, stages=family in ("ramps", "leaky"))  # fewer loops to compile
        happened += torture.check(one)  # a failure shows `one`, every number of it
    few = n_networks // 50
    assert happened["a population spiked"] >= n_networks // 2
    assert happened["cut and taken up"] >= 10 * few
    assert happened["budgets"] >= few
    if family in ("steps", "leaky", "clocked"):
        assert happened["held against the oracle"] >= 4 * few
    if family != "glif":
        assert happened["63 neurons or more"] >= few


def test_kept_cases_are_the_same_when_they_are_loaded(tmp_path: Any) -> None:
    for number in range(20):
        one = case(number)
        one.save(tmp_path / str(number))
        two = Case.load(tmp_path / str(number))
        assert two.net.hash() == one.net.hash()
        assert repr(two) == repr(one)


def test_torture_keeps_a_failure_and_replays_it(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fails(one: Any) -> Any:
        raise AssertionError("planted")

    with monkeypatch.context() as planted:
        planted.setattr(torture, "check", fails)
        assert torture.run_all(range(3, 5), tmp_path, "leaky", 60.0) == 2
        kept = sorted(path.name for path in tmp_path.iterdir())
        assert kept == ["3.json", "3.npz", "3.txt", "4.json", "4.npz", "4.txt"]
        monkeypatch.setattr("sys.argv", ["torture", "--replay", str(tmp_path / "3")])
        with pytest.raises(AssertionError, match="planted"):
            torture.main()
    assert torture.main() == 0
    assert "networks" in capsys.readouterr().out


@pytest.mark.engine_small
def test_a_budget_ends_a_neuron_whose_spikes_all_wait_for_a_clock() -> None:
    """1e15 crossings before the first tick of the clock, at which the second of its spikes would be an error."""
    done = both_engines(neuron(tau_mem=10.0, current=1e16), until=2.0, faults=[Clock(1.0)], max_events=500)
    assert "max_events = 500 reached" in str(done.error)
    assert done.run.counters["delayed"] == 500


@pytest.mark.parametrize("failing", [0, 3])
def test_what_is_counted_of_a_run_that_an_error_ended_does_not_depend_on_threads(failing: int) -> None:
    """Samples behind the one that failed may have run on other threads; nothing of them is kept, no events either."""
    net = Network()
    net.source(2, "input")
    net.population("lif_delta", 1, "cell", tau_mem=10.0, reset="soft")
    net.connect("input", "cell", Dense([[0.25, 3.0]]))  # an input of 3 leaves the threshold reached
    many = [0.25 * j for j in range(1, 400)]
    x = SpikeTimes([[many, [50.0] if sample == failing else []] for sample in range(9)])
    runs = [outcome(net, x, threads=threads).run for threads in (1, 2, 4, 2, 2)]
    reference = outcome(net, x, engine="reference")
    assert f"sample {failing}: neuron 0 of 'cell' fires twice at t = 50.0" in str(reference.error)
    for run in runs:
        assert counters(run) == counters(reference.run)


def test_budgets_and_faults_leave_the_same_partial_runs() -> None:
    """What a budget left of a run with jitter: the reference engine had once counted one event less."""
    net = Network()
    net.source(2, "input", window=(0.0, 1.0))
    net.population("ttfs_b1", 3, "layer", (0.0, 1.0, 3.0), threshold=1.0)
    net.connect("input", "layer", Dense(np.full((3, 2), 0.4)))
    x = np.array([[0.5, 0.25], [0.75, 1.0]])
    for budget in range(1, 12):
        done = both_engines(net, x, max_events=budget, faults=[Jitter(0.1)], record={"layer": [0, 2]})
        assert (done.error is None) == done.run.complete
