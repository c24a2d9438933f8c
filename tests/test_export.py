"""Runs in the formats of other programs hold the same spikes, to the last bit."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import Run, SpikeTimes, simulate
from eventsim.errors import InputError

pandas = pytest.importorskip("pandas")
neo = pytest.importorskip("neo")
nir = pytest.importorskip("nir")
pytest.importorskip("pyarrow")

pytestmark = [pytest.mark.references, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def a_run(time_unit: float | None = 1e-3, **options: Any) -> Run:
    net = eventsim.Network(time_unit)
    source = net.source(3, "input")
    cells = net.population("lif_delta", 3, "cells", tau_mem=10.0)
    net.connect(source, cells, eventsim.OneToOne(np.full(3, 2.0)))
    net.connect(cells, cells, eventsim.Sparse([0, 1], [1, 0], [2.0, 2.0]), delay=1 / 3)
    x = SpikeTimes([[[0.1, 0.7], [], []], [[], [], []], [[], [], [0.3]]])
    return simulate(net, x, until=3.0, **options)


@pytest.fixture(scope="module")
def run() -> Run:
    return a_run()


def same_spikes(frame: Any, run: Run) -> bool:
    names = np.array(run.populations)[run.spikes["population"]].tolist()
    return (
        frame["sample"].tolist() == run.spikes["sample"].tolist()
        and frame["population"].tolist() == names
        and frame["neuron"].tolist() == run.spikes["neuron"].tolist()
        and frame["time"].to_numpy().tobytes() == run.spikes["time"].tobytes()
    )


def test_a_data_frame_a_text_and_a_parquet_file_hold_the_spikes(run: Run, tmp_path: Path) -> None:
    assert len(run.spikes) > 10
    frame = run.to_pandas()
    assert same_spikes(frame, run)
    assert list(frame["population"].cat.categories) == ["input", "cells"]
    assert frame.attrs["eventsim"]["network_hash"] == run.provenance["network_hash"]
    run.to_csv(tmp_path / "run.csv")
    assert same_spikes(pandas.read_csv(tmp_path / "run.csv", float_precision="round_trip"), run)
    run.to_parquet(tmp_path / "run.parquet")
    assert same_spikes(pandas.read_parquet(tmp_path / "run.parquet"), run)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.csv", "run.parquet"]


def test_nir_data_hold_the_spikes_of_a_population_padded_as_the_format_says(run: Run) -> None:
    data = run.to_nirdata("cells")
    assert isinstance(data, nir.data_ir.EventData)
    assert (data.n_neurons, data.t_max, data.n_samples) == (3, 3.0, 3)
    for sample in range(3):
        mine = run.spikes[(run.spikes["sample"] == sample) & (run.spikes["population"] == 1)]
        n = len(mine)
        assert data.time[sample, :n].tolist() == mine["time"].tolist()
        assert data.idx[sample, :n].tolist() == mine["neuron"].tolist()
        assert (data.idx[sample, n:] == -1).all()
        assert (data.time[sample, n:] == math.inf).all()
    gridded = data.to_time_gridded(0.25)
    assert gridded.data[0, 0, 0]  # 0.1 is in the first step
    with pytest.raises(InputError, match=r"t_max = 0\.5, but there is a spike at"):
        run.to_nirdata("cells", 0.5)


def test_neo_has_a_train_for_each_neuron_in_the_unit_of_the_network(run: Run) -> None:
    block = run.to_neo()
    assert [len(segment.spiketrains) for segment in block.segments] == [6, 6, 6]
    for sample, segment in enumerate(block.segments):
        for train in segment.spiketrains:
            index = run.populations.index(train.annotations["population"])
            mine = run.spikes[(run.spikes["sample"] == sample) & (run.spikes["population"] == index)]
            times = mine["time"][mine["neuron"] == train.annotations["neuron"]]
            assert train.magnitude.tolist() == times.tolist()
            assert str(train.units.dimensionality) == "ms"
            assert float(train.t_stop) == 3.0


def test_neo_takes_membranes_some_populations_and_another_unit() -> None:
    run = a_run(None, record={"cells": [1]})
    with pytest.raises(InputError, match=r"time_unit = None; must be > 0.*Give time_unit= in seconds"):
        run.to_neo()
    block = run.to_neo(["cells"], time_unit=2e-3)
    trains = block.segments[0].spiketrains
    assert len(trains) == 3
    assert trains[0].magnitude.tolist() == [
        t * 2e-3
        for t in run.spikes["time"][
            (run.spikes["sample"] == 0) & (run.spikes["population"] == 1) & (run.spikes["neuron"] == 0)
        ].tolist()
    ]
    (signal,) = block.segments[0].irregularlysampledsignals
    times, values = run.membrane("cells", 1, 0)
    assert signal.times.magnitude.tolist() == (times * 2e-3).tolist()
    assert signal.magnitude.ravel().tolist() == values.tolist()


def test_what_cannot_be_written_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="does not exist; create it first"):
        run.to_csv(tmp_path / "none" / "run.csv")
    with pytest.raises(InputError, match="path = 3; must be the path of a file"):
        run.to_csv(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown population 'cell'"):
        run.to_nirdata("cell")
    first = a_run(record="first_spikes")
    with pytest.raises(InputError, match="spikes not recorded"):
        first.to_pandas()
    monkeypatch.setitem(__import__("sys").modules, "neo", None)
    with pytest.raises(InputError, match=r"run.to_neo needs neo, which is not installed .*eventsim\[neo\]"):
        run.to_neo()


# -- spans -------------------------------------------------------------------------------------------------------------


def four_spikes(n: int = 2, **options: Any) -> Run:
    """A neuron that fires at 1, 2, 3, 4; in a second sample at 1.5; in a third never."""
    net = eventsim.Network(options.pop("time_unit", 1e-3))
    net.source(1, "input")
    net.population("if_delta", 1, "n", v_threshold=1.0)
    net.connect("input", "n", eventsim.OneToOne([2.0]))
    trains = [[[1.0, 2.0, 3.0, 4.0]], [[1.5]], [[]]]
    return simulate(net, SpikeTimes(trains[:n]), engine="reference", **options)


def ended(**options: Any) -> Run:
    with pytest.raises(eventsim.BudgetError) as caught:
        four_spikes(3, until=1000.0, max_events=9, **options)
    run: Run = caught.value.run
    return run


def stops(run: Run, **options: Any) -> list[float]:
    return [float(segment.spiketrains[0].t_stop) for segment in run.to_neo(["n"], **options).segments]


def test_neo_trains_end_where_each_sample_did() -> None:
    stopped = four_spikes(until=1000.0, stop={"n": 2})
    assert stops(stopped) == [math.nextafter(2.0, 3), 1000.0]
    (train,) = stopped.to_neo(["n"]).segments[0].spiketrains
    assert train.magnitude.tolist() == [1.0, 2.0]
    assert stops(four_spikes(3)) == [4.1, 1.6, 1.0]  # behind the last spike, and more than nothing
    assert stops(four_spikes(until=10.0)) == [10.0, 10.0]
    assert stops(four_spikes(), t_stop=4.5) == [4.5, 4.5]
    with pytest.raises(InputError, match=r"run.to_neo: t_stop = 4.0, but there is a spike at 4.0 in sample 0"):
        four_spikes().to_neo(t_stop=4.0)
    with pytest.raises(InputError, match=r"run.to_neo: t_stop = 1.5, but there is a spike at 2.0 in sample 0"):
        stopped.to_neo(t_stop=1.5)
    with pytest.raises(InputError, match="t_stop = nan; must be > 0"):
        four_spikes().to_neo(t_stop=math.nan)


def test_samples_that_never_began_are_not_silent() -> None:
    run = ended()
    assert np.isnan(run.reached).tolist() == [False, False, True]
    block = run.to_neo()
    assert not block.annotations["complete"]
    assert [segment.annotations["simulated"] for segment in block.segments] == [True, True, False]
    assert [len(segment.spiketrains) for segment in block.segments] == [2, 2, 0]
    assert run.to_pandas().attrs["eventsim"]["reached"] == [1000.0, run.reached[1], None]
    with pytest.raises(InputError, match=r"sample 2 was never simulated \(1 of 3 were not\).*Give samples="):
        run.to_nirdata("n")
    assert run.to_nirdata("n", samples=[0]).t_max == 1000.0


def test_a_unit_of_time_that_is_not_the_networks_is_refused() -> None:
    with pytest.raises(InputError, match=r"time_unit = 1e-06, but a unit of time of this network is 0.001 seconds"):
        four_spikes().to_neo(time_unit=1e-6)
    assert stops(four_spikes(), time_unit=1e-3) == [4.1, 1.6]


def test_nir_data_have_one_end_behind_the_last_spike_and_can_be_gridded() -> None:
    whole = four_spikes()
    data = whole.to_nirdata("n")
    assert data.t_max == 4.1
    for dt in (0.25, 0.1, 1 / 3, 1.0, 3.0, 1e-3):
        data = whole.to_nirdata("n", dt=dt)
        assert data.t_max >= 4.1
        assert int(data.to_time_gridded(dt).data.sum()) == (5 if dt < 3 else 3)  # none is beyond the last step
    silent = four_spikes(3).to_nirdata("n", samples=[2])
    assert (silent.t_max, silent.n_samples) == (1.0, 1)
    stopped = four_spikes(until=1000.0, stop={"n": 2})
    with pytest.raises(InputError, match=r"ended at different times, from 2 to 1000; must have one end"):
        stopped.to_nirdata("n")
    one = stopped.to_nirdata("n", samples=[0])
    assert one.t_max == math.nextafter(2.0, 3)
    assert one.time.tolist() == [[1.0, 2.0]]
    for dt in (0.25, 0.1, 1.0):
        assert int(stopped.to_nirdata("n", samples=[0], dt=dt).to_time_gridded(dt).data.sum()) == 2
    assert int(stopped.to_nirdata("n", 2.25, [0]).to_time_gridded(0.25).data.sum()) == 2
    assert stopped.to_nirdata("n", samples=[1]).time.tolist() == [[1.5]]
    assert stopped.to_nirdata("n", t_max=3.0).time.tolist() == [[1.0, 2.0], [1.5, math.inf]]
    with pytest.raises(InputError, match=r"run.to_nirdata: t_max = 4.0, but there is a spike at 4.0 in sample 0"):
        whole.to_nirdata("n", t_max=4.0)
    with pytest.raises(InputError, match=r"dt = 1e-17 is 4.1e\+17 steps until t_max = 4.1; must be 2\*\*53 at most"):
        whole.to_nirdata("n", dt=1e-17)
    with pytest.raises(InputError, match=r"is inf steps"):
        whole.to_nirdata("n", dt=5e-324)
    with pytest.raises(InputError, match=r"samples = \[\]; must be one at least"):
        whole.to_nirdata("n", samples=[])
    with pytest.raises(InputError, match=r"samples\[0\] = 7; must be in 0\.\.1"):
        whole.to_nirdata("n", samples=[7])


def test_spans_of_time_to_first_spike_networks_end_with_the_last_window() -> None:
    from eventsim import models

    net = models.to_ttfs({"weights": [[[1.0, 0.5]], [[1.0]]]}, [[0.5, 0.5]], windows=[2.5], time_unit=1e-3)
    run = simulate(net, [[0.5, 0.5], [0.0, 0.0]], engine="reference")
    assert run.to_nirdata("dense1").t_max == 3.5
    assert {float(train.t_stop) for segment in run.to_neo().segments for train in segment.spiketrains} == {3.5}
