"""What is said of the time that was simulated is what happened: ends of samples, not plans."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import BudgetError, Run, SimulationError, SpikeTimes, models, simulate, viz
from eventsim.cli.results import run_content, run_table
from eventsim.errors import FileFormatError, InputError
from eventsim.run.spans import checked_end, recording_end

ENGINES = ("reference", "compiled")


def relayed(**options: Any) -> Run:
    """Four inputs at 1, 2, 3, 4, each of which makes the neuron fire; a second sample a tenth later, a third silent."""
    net = eventsim.Network(options.pop("time_unit", None))
    net.source(1, "input")
    net.population("if_delta", 1, "n", v_threshold=1.0)
    net.connect("input", "n", eventsim.OneToOne([2.0]))
    trains = [[[1.0, 2.0, 3.0, 4.0]], [[1.1, 2.1, 3.1, 4.1]], [[]]]
    return simulate(net, SpikeTimes(trains[: options.pop("n", 3)]), **options)


def partial(error: type[SimulationError] = BudgetError, **options: Any) -> Run:
    with pytest.raises(error) as caught:
        relayed(**options)
    run: Run = caught.value.run
    return run


@pytest.mark.parametrize("engine", ENGINES)
def test_reached_is_where_each_sample_ended(engine: str, tmp_path: Path) -> None:
    assert relayed(until=10.0, engine=engine).reached.tolist() == [10.0] * 3
    assert relayed(engine=engine).reached.tolist() == [math.inf] * 3
    stopped = relayed(until=1000.0, stop={"n": 2}, engine=engine)
    assert stopped.reached.tolist() == [2.0, 2.1, 1000.0]
    spent = partial(until=1000.0, max_events=9, engine=engine)
    assert spent.reached[:2].tolist() == [1000.0, 1.1]
    assert np.isnan(spent.reached[2])
    spent.save(tmp_path / "run.npz")
    assert np.array_equal(eventsim.load_run(tmp_path / "run.npz").reached, spent.reached, equal_nan=True)
    spent.reached[0] = 7.0  # a copy
    assert spent.reached[0] == 1000.0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_an_error_ended_says_where(engine: str) -> None:
    net = eventsim.Network()
    net.source(1, "input")
    net.population("if_delta", 1, "n", v_threshold=1.0)
    net.connect("input", "n", eventsim.OneToOne([2.0]))
    net.connect("n", "n", eventsim.OneToOne([2.0]))  # fires again at the same time
    with pytest.raises(SimulationError, match=r"fires twice at t = 0\.5") as caught:
        simulate(net, SpikeTimes([[[]], [[0.5]], [[0.25]]]), until=3.0, engine=engine)
    assert caught.value.run.reached[:2].tolist() == [3.0, 0.5]
    assert np.isnan(caught.value.run.reached[2])


def test_a_recording_ends_behind_its_last_spike_and_nowhere_that_was_not_simulated() -> None:
    stopped = relayed(until=1000.0, stop={"n": 2}, engine="reference")
    assert [recording_end(stopped, k) for k in range(3)] == [math.nextafter(2.0, 3), math.nextafter(2.1, 3), 1000.0]
    whole = relayed(engine="reference")
    assert [recording_end(whole, k) for k in range(3)] == [4.1, 4.2, 1.0]
    spent = partial(until=1000.0, max_events=9, engine="reference")
    assert recording_end(spent, 0) == 1000.0
    assert 1.1 <= recording_end(spent, 1) <= math.nextafter(1.1, 2)
    assert math.isnan(recording_end(spent, 2))
    assert checked_end("x", whole, 0, 4.5) == 4.5
    assert checked_end("x", whole, 0, 1e6) == 1e6
    with pytest.raises(InputError, match=r"x = 4.0, but there is a spike at 4.0 in sample 0; must be later"):
        checked_end("x", whole, 0, 4.0)
    assert checked_end("x", stopped, 0, 3.0) == 3.0


@pytest.mark.parametrize(("scale", "end"), [(1.0, 4.1), (1e-3, 4.1e-3), (1e-9, 4.1e-9), (2.5e5, 1.1e6)])
def test_a_recording_that_nothing_ended_ends_behind_its_last_spike_in_any_unit(scale: float, end: float) -> None:
    net = eventsim.Network()
    net.source(1, "n")
    net.population("if_delta", 1, "silent")
    run = simulate(net, SpikeTimes([[[k * scale for k in (1, 2, 3, 4)]]]), engine="reference")
    assert recording_end(run, 0) == end


def test_of_time_to_first_spike_networks_a_recording_ends_with_the_last_window() -> None:
    net = models.to_ttfs({"weights": [[[1.0, 0.5]], [[1.0]]]}, [[0.5, 0.5]], windows=[2.5])
    run = simulate(net, [[0.5, 0.5], [0.0, 0.0]], engine="reference")
    assert [recording_end(run, k) for k in range(2)] == [3.5, 3.5]  # read at 3.5


def test_a_file_without_ends_is_read_where_they_follow_from_the_plan(tmp_path: Path) -> None:
    stopped = relayed(until=1000.0, stop={"n": 2}, engine="reference")
    stopped.records.reached = None
    assert stopped.reached.tolist() == [2.0, 2.1, 1000.0]
    spent = partial(until=1000.0, max_events=9, engine="reference")
    spent.records.reached = None
    with pytest.raises(InputError, match="ended early and was saved by an eventsim that did not say where"):
        _ = spent.reached
    stopped.records.reached = np.array([1.0, -1.0, 2.0])
    stopped.save(tmp_path / "run.npz")
    with pytest.raises(FileFormatError, match="array 'reached' holds negative times"):
        eventsim.load_run(tmp_path / "run.npz")


# -- figures -----------------------------------------------------------------------------------------------------------


def mean_rate(ax: Any, name: str) -> float:
    (text,) = [entry.get_text() for entry in ax.get_legend().get_texts() if entry.get_text().startswith(name)]
    return float(text.split(": ")[1])


def test_rates_are_those_of_the_time_that_was_simulated_from_0_on() -> None:
    ax = viz.rates(relayed(until=1000.0, stop={"n": 2}, engine="reference"))
    assert ax.get_xlim() == (0.0, math.nextafter(2.0, 3))
    assert mean_rate(ax, "n") == 1.0
    assert ax.get_title(loc="left") == "sample 0: rates in 100 bins, ended at 2"
    ax = viz.rates(relayed(engine="reference", n=1))
    assert ax.get_xlim() == (0.0, 4.1)
    spent = partial(until=1000.0, max_events=9, engine="reference")
    assert viz.rates(spent, sample=1).get_xlim()[1] < 1.2
    with pytest.raises(InputError, match=r"rates: sample 2 was never simulated, since the run ended before"):
        viz.rates(spent, sample=2)


def test_shares_are_those_of_the_samples_that_were_simulated(tmp_path: Path) -> None:
    spent = partial(until=1000.0, max_events=8, engine="reference")
    assert np.isnan(spent.reached).tolist() == [False, True, True]
    (row,) = [line.split() for line in str(run_table(spent)).splitlines() if line.split()[:1] == ["n"]]
    assert row[1:4] == ["1", "4", "4.000"]
    assert run_content(spent)["reached"].tolist()[0] == spent.reached[0]
    titles = [ax.get_title(loc="left") for ax in viz.spike_histogram(spent)]
    assert titles == ["input\n100.0% fire", "n\n100.0% fire"]
    spent.records.reached = None  # as in a file that was saved before it was said
    assert "reached" not in run_content(spent)
    assert " 1.333" in run_table(spent)


def test_explanations_and_comparisons_know_where_a_sample_ended() -> None:
    net = eventsim.Network()
    net.source(1, "input")
    net.population("if_delta", 2, "n", v_threshold=[1.0, 100.0])
    net.connect("input", "n", eventsim.Dense([[2.0], [2.0]]))
    x = SpikeTimes([[[1.0, 2.0, 3.0, 4.0]], [[5.0]]])
    stopped = simulate(net, x, until=1000.0, stop={"n": 2}, engine="reference")
    silent = eventsim.explain(net, stopped, "n", 1)
    assert (silent.at, silent.potential) == (2.0, 4.0)  # what arrived at 2 is among it, what would come is not
    assert eventsim.explain(net, stopped, "n", 1, sample=1).at == 1000.0
    whole = simulate(net, x, until=1000.0, engine="reference")
    with pytest.raises(
        InputError, match=r"run_a was simulated with stop = \{'n': 2\}, run_b with stop = None; must be"
    ):
        eventsim.compare(stopped, whole)
    assert eventsim.compare(simulate(net, x, until=1000.0, stop={"n": 50}, engine="reference"), whole).same
    with pytest.raises(BudgetError) as caught:
        simulate(net, x, until=1000.0, max_events=2, engine="reference")
    with pytest.raises(InputError, match="explain: sample 1 was never simulated, since the run ended before"):
        eventsim.explain(net, caught.value.run, "n", 1, sample=1)


def test_rasters_and_membranes_end_where_the_simulation_did() -> None:
    stopped = relayed(until=1000.0, stop={"n": 2}, record={"n": [0]}, engine="reference")
    raster = viz.raster(stopped)
    assert raster.get_title(loc="left").endswith(" spikes, ended at 2")
    assert raster.get_xlim()[1] < 3
    membrane = viz.membrane(stopped, "n", [0])
    assert max(np.max(line.get_xdata()) for line in membrane.lines if np.size(line.get_xdata())) <= 2.0
    spent = partial(until=1000.0, max_events=9, engine="reference")
    assert viz.raster(spent, sample=2).get_title(loc="left") == "sample 2: 0 spikes, never simulated"
    net = models.to_ttfs({"weights": [[[1.0, 0.5]], [[1.0]]]}, [[0.5, 0.5]], windows=[2.5])
    early = simulate(net, [[0.5, 0.5]], until=1.5, record={"dense1": [0]}, engine="reference")
    drawn = viz.membrane(early, "dense1", [0])
    curve = max((np.asarray(line.get_xdata()) for line in drawn.lines), key=np.size)
    assert curve.max() <= 1.5
