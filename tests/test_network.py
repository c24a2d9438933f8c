"""Networks: what they hold, their hash, saving and loading, recordings that spill, compiled loops on disk."""

import copy
import os
import pickle  # noqa: TID251 - what another process is sent
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import eventsim
from eventsim.engines.recording import Recorder


def mixed(time_unit=None, weights=((0.5, 0.25), (1.0, -0.5))):
    net = eventsim.Network(time_unit)
    source = net.source((2,), name="input", value_range=(-1.0, 1.0))
    noise = net.source(2, name="noise", generator=eventsim.Poisson([1.0, 2.0]))
    hidden = net.population("ttfs_b1", (1, 2), name="hidden", window=(0.0, 1.0, 3.0), threshold=[1.0, 1.5])
    cells = net.population("lif_delta", 2, name="cells", tau_mem=5.0, t_ref=0.5)
    out = net.population("integrator", 1, name="output", window=(1.0, 3.0), drift=0.5)
    ticking = net.population("lif_clocked", 2, name="ticking", period=0.5, decay=0.5, reset="hard")
    net.connect(source, hidden, eventsim.Dense(weights))
    net.connect(noise, cells, eventsim.OneToOne([0.5, 0.75]), delay=0.25)
    net.connect(cells, cells, eventsim.Sparse([0, 1, 0], [1, 0, 1], [0.25, -0.5, 0.5]), delay=1.5)
    net.connect(hidden, out, eventsim.Dense([[1.0, -1.0]]))
    net.connect(hidden, ticking, eventsim.Dense(np.eye(2)), delay=0.5)
    return net


def test_the_hash_depends_on_content_and_creation_order_not_on_storage():
    assert mixed().hash() == mixed().hash()
    fortran = np.asfortranarray(((0.5, 0.25), (1.0, -0.5)))
    assert mixed(weights=fortran).hash() == mixed().hash()
    assert mixed(weights=((0.5, 0.25), (1.0, -0.25))).hash() != mixed().hash()
    assert mixed(time_unit=1e-3).hash() != mixed().hash()


def test_a_network_saved_and_loaded_is_the_same_network(tmp_path):
    net = mixed(time_unit=1e-3)
    net.provenance["note"] = "kept"
    net.save(tmp_path / "net.npz")
    loaded = eventsim.load_network(tmp_path / "net.npz")
    assert loaded.hash() == net.hash()
    assert loaded.provenance == {"note": "kept"}
    assert repr(loaded) == repr(net)
    runs = [eventsim.simulate(n, [[0.5, -0.5]], until=9.0, engine="reference") for n in (net, loaded)]
    assert (runs[0].spikes == runs[1].spikes).all()


def test_a_network_of_fractions_survives_saving(tmp_path):
    net = eventsim.Network()
    source = net.source(1, window=(Fraction(0), Fraction(1)))
    cell = net.population("linear_psp", 1, name="cell", threshold=np.array([Fraction(1, 3)]))
    net.connect(source, cell, eventsim.Dense(np.array([[Fraction(2, 7)]])), delay=Fraction(1, 3))
    net.save(tmp_path / "net.npz")
    loaded = eventsim.load_network(tmp_path / "net.npz")
    assert loaded.hash() == net.hash()
    assert loaded.projections[0].kind.weights[0, 0] == Fraction(2, 7)
    assert loaded.projections[0].delay == Fraction(1, 3)


def test_repr_shows_sizes():
    text = repr(mixed())
    assert "7 neurons in 4 populations" in text
    assert "cells -> cells (Sparse): 3 synapses, delay 1.5" in text


def test_a_run_saved_and_loaded_holds_the_same(tmp_path):
    run = eventsim.simulate(mixed(), [[0.5, -0.5]], until=9.0, engine="reference")
    run.save(tmp_path / "run.npz")
    loaded = eventsim.load_run(tmp_path / "run.npz")
    assert (loaded.spikes == run.spikes).all()
    assert (loaded.readout == run.readout).all()
    assert loaded.counters == run.counters
    assert loaded.provenance["network_hash"] == run.provenance["network_hash"]
    assert loaded.sources == run.sources == [source.name for source in mixed().sources]
    assert repr(loaded) == repr(run)


def test_a_network_keeps_what_it_was_given():
    threshold, weights, rate = np.ones(2), np.eye(2), np.ones(2)
    net = eventsim.Network()
    source = net.source(2, name="input")
    noise = net.source(2, name="noise", generator=eventsim.Poisson(rate))
    cells = net.population("linear_psp", 2, name="cells", threshold=threshold)
    net.connect(source, cells, eventsim.Dense(weights))
    net.connect(noise, cells, eventsim.OneToOne(rate))
    before = net.hash()
    times = eventsim.simulate(net, [[1.0, 1.0]], until=4.0, engine="reference").spikes
    threshold[:], weights[:], rate[:] = np.nan, 7.0, 0.25
    again = eventsim.simulate(net, [[1.0, 1.0]], until=4.0, engine="reference").spikes
    assert net.hash() == before
    assert (again == times).all()


@pytest.mark.parametrize("of", [lambda net: net, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_what_a_network_holds_cannot_be_written_to_nor_what_a_copy_holds(of):
    net = of(mixed())
    assert net.hash() == mixed().hash()
    with pytest.raises(TypeError, match="does not support item assignment"):
        net.node("cells").parameters["tau_mem"] = np.ones(2)
    for population in net.populations:
        for array in population.parameters.values():
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0.0
    for projection in net.projections:
        for array in projection.kind.arrays().values():
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        net.node("noise").generator.rate[0] = 0.0
    assert isinstance(net.nodes, tuple)
    assert isinstance(net.projections, tuple)
    with pytest.raises(AttributeError):
        net.time_unit = 1.0


def test_spike_times_are_copied():
    times = np.array([[0.5, 0.25]])
    given = eventsim.SpikeTimes(times).checked("here", (2,))
    times[:] = 9.0
    assert np.asarray(given).tolist() == [[0.5, 0.25]]


def test_a_recording_past_its_bound_goes_to_disk_and_loses_nothing():
    dtype = np.dtype([("k", "i8")])
    chunks = [np.arange(10 * k, 10 * k + 10).astype(dtype) for k in range(6)]
    memory, disk = Recorder(dtype, 10**6), Recorder(dtype, 100)
    for recorder in (memory, disk):
        for batch in (2, 0, 1):
            recorder.add(batch, chunks[2 * batch])
            recorder.add(batch, chunks[2 * batch + 1])
    kept, spilled = memory.collect(), disk.collect()
    assert isinstance(spilled, np.memmap)
    assert not isinstance(kept, np.memmap)
    assert kept["k"].tolist() == spilled["k"].tolist() == list(range(60))


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_run_whose_spikes_spill_is_the_same_run(engine):
    small = eventsim.simulate(mixed(), np.zeros((5, 2)), until=30.0, engine=engine)
    spilled = eventsim.simulate(mixed(), np.zeros((5, 2)), until=30.0, engine=engine, memory=64)
    assert isinstance(spilled.spikes, np.memmap)
    assert isinstance(spilled.records.first, np.memmap)
    assert (small.spikes == spilled.spikes).all()
    assert np.array_equal(small.spike_times("cells"), spilled.spike_times("cells"))


SCRIPT = """
import numpy as np, eventsim
from eventsim import _jit
net = eventsim.Network()
source = net.source(2)
net.connect(source, net.population("linear_psp", 2, name="cells", threshold=1.0), eventsim.Dense(np.ones((2, 2))))
print(eventsim.simulate(net, [[0.5, 0.25]]).spike_times("cells").tolist())
from eventsim.engines.compiled.event_loop import event_loop
import gc
from numba.core.dispatcher import Dispatcher
loops = [d for d in gc.get_objects() if isinstance(d, Dispatcher) and d.py_func.__name__ == "run"]
print(sum(sum(d.stats.cache_hits.values()) for d in loops), sum(sum(d.stats.cache_misses.values()) for d in loops))
"""


def test_a_second_process_finds_the_compiled_loop_on_disk(tmp_path):
    environment = os.environ | {"EVENTSIM_CACHE": "1", "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    environment["EVENTSIM_LOOPS"] = "narrow"  # compiled in half the time
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        ).stdout.split("\n")
        for _ in range(2)
    ]
    assert outputs[0][0] == outputs[1][0]
    assert outputs[0][1] == "0 1"
    assert outputs[1][1] == "1 0"
