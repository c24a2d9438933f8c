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
