"""A folder for temporary files without room: the run ends as with a budget, keeps what was done, and says what helps.

A full disk is what a limit on the sizes of files makes of one, in a process of its own, or a write that raises.
"""

import errno
import gc
import os
import pickle  # noqa: TID251 - that such an error travels is tested
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapters import assert_same_run

import eventsim
from eventsim import BudgetError, SpikeTimes, StorageError, simulate
from eventsim.engines import recording
from eventsim.engines.recording import Recorder, matrix
from eventsim.engines.tables import SPIKE

REFERENCE: Any = {"engine": "reference"}
ADVICE = (
    r"has no room for .* \(.*\)\. Free some, set the environment variable TMPDIR .*, or (record less|simulate fewer)"
)


def many(n_samples: int = 4, spikes: int = 60) -> tuple[eventsim.Network, SpikeTimes]:
    """Neurons that answer each input with a spike."""
    net = eventsim.Network()
    net.source(2, "input")
    net.population("if_delta", 5, "cells")
    net.connect("input", "cells", eventsim.Dense(np.full((5, 2), 2.0)))
    return net, SpikeTimes([[list(np.arange(1.0, spikes + 1)), [0.5]]] * n_samples)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which is this test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def full_after(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """From now on the disk takes so many bytes in all, wherever they are written."""
    held = [0]
    write = recording._write

    def limited(stream: Any, array: np.ndarray) -> None:
        if held[0] + array.nbytes > room:
            stream.write(bytes(min(array.nbytes, 100)))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        held[0] += array.nbytes
        write(stream, array)

    monkeypatch.setattr(recording, "_write", limited)


@pytest.mark.parametrize("room", [0, 3000, 6000])
def test_a_run_whose_recording_finds_no_room_keeps_what_was_done(
    room: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, x = many(n_samples=40)
    whole = simulate(net, x, **REFERENCE)
    full_after(monkeypatch, room)
    with pytest.raises(StorageError, match=ADVICE) as caught:
        simulate(net, x, memory=8000, **REFERENCE)
    error = caught.value
    assert isinstance(error, BudgetError)
    assert str(folder) in str(error)
    run, count = error.run, len(error.run.spikes)
    assert len(whole.spikes) / 40 <= count < len(whole.spikes)
    assert not run.complete
    assert run.spikes.tobytes() == whole.spikes[:count].tobytes()  # the sample at work ends at an event, as ever
    assert run.counters["spikes"] + run.counters["by_population"]["input"]["spikes"] == count
    assert pickle.loads(pickle.dumps(error)).run.spikes.tobytes() == run.spikes.tobytes()


def test_what_ended_without_room_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = many(n_samples=12)
    whole = simulate(net, x, **REFERENCE)
    full_after(monkeypatch, 3000)
    with pytest.raises(StorageError) as caught:
        simulate(net, x, memory=3000, keep_state=True, **REFERENCE)
    monkeypatch.undo()
    assert_same_run(simulate(net, x, resume=caught.value.run, **REFERENCE), whole)


def test_a_whole_that_finds_no_room_stays_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = many(n_samples=6)
    whole = simulate(net, x, **REFERENCE)
    part = whole.spikes[whole.spikes["sample"] == 0].nbytes
    for pieces in (5.5, 6.5, 7.5, 9, 11):  # what was done is written once, all or almost all; then some of it again
        full_after(monkeypatch, int(pieces * part))
        with pytest.warns(RuntimeWarning, match=f"{ADVICE}.*All of this run is in memory now"):
            run = simulate(net, x, memory=0, **REFERENCE)
        monkeypatch.undo()
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        assert run.complete
        assert not isinstance(run.records.spikes, np.memmap)
        assert_same_run(run, whole)


@pytest.mark.parametrize("options", [{}, {"error_bounds": True}])
def test_a_matrix_that_finds_no_room_is_refused_before_the_run(
    options: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = eventsim.Network()
    net.source(3, "input")
    net.population("linear_psp", 20, "cells", threshold=1.0)
    net.connect("input", "cells", eventsim.Dense(np.ones((20, 3))))
    full_after(monkeypatch, 7000)
    with pytest.raises(StorageError, match=f"simulate: .*{ADVICE}") as caught:
        simulate(net, np.ones((40 if not options else 30, 3)), memory=100, **options, **REFERENCE)
    assert caught.value.run is None
    del caught  # with the frames of the call
    gc.collect()
    assert not list(folder.iterdir())


def test_no_folder_for_temporary_files_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(**_: Any) -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.mkdtemp", none)
    with pytest.raises(StorageError, match=r"has no room for .* of first spikes"):
        simulate(*many(), memory=0, **REFERENCE)


LIMITED = """
import resource, sys, tempfile
sys.path.insert(0, {tests!r})
from test_full_disk import *
tempfile.tempdir = {folder!r}
net, x = many(n_samples={samples})
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
try:
    simulate(net, x, memory={memory}, **REFERENCE)
except StorageError as error:
    print(error.run and len(error.run.spikes), error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the sizes of files")
@pytest.mark.parametrize(("memory", "samples", "kept"), [(3000, 40, True), (6000, 40, True), (800, 100, False)])
def test_a_file_that_may_not_grow_ends_no_process(memory: int, samples: int, kept: bool, tmp_path: Path) -> None:
    """Of 6000 bytes the room cannot even be reserved; with 800 in memory the first spikes have no place."""
    program = LIMITED.format(tests=str(Path(__file__).parent), folder=str(tmp_path), memory=memory, samples=samples)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    count, message = done.stdout.split(maxsplit=1)
    assert "has no room for" in message
    assert (count != "None") == kept
    if kept:
        assert int(count) >= 361  # the first sample, and the first events of the next
    assert not list(tmp_path.iterdir())


def test_chunks_of_batches_come_back_in_order_from_disk(folder: Path) -> None:
    rng = np.random.default_rng(2)
    for limit in (0, 200, 1000, 10**6):
        recorder, expected = Recorder(SPIKE, limit), {}
        for batch in rng.permutation(6).tolist():
            chunks = [np.zeros(int(rng.integers(0, 9)), SPIKE) for _ in range(4)]
            for chunk in chunks:
                chunk["time"] = rng.random(len(chunk))
                recorder.add(batch, chunk)
            expected[batch] = np.concatenate(chunks)
        recorder.forget_after(4)
        found = recorder.collect()
        assert found.tobytes() == np.concatenate([expected[batch] for batch in range(5)]).tobytes()
        assert isinstance(found, np.memmap) == (limit < 10**6)
        del found, recorder
        assert not list(folder.iterdir())


def test_a_matrix_on_disk_is_full_of_its_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "BLOCK", 64)
    for shape in ((3, 7), (1, 8), (5, 3, 2)):
        held = matrix("first spikes", shape, np.inf, np.float64, 0)
        assert isinstance(held, np.memmap)
        assert (held.shape, held.dtype) == (shape, np.float64)
        assert (held == np.inf).all()
        held[-1] = 3.0
        assert (held[-1] == 3.0).all()
        del held
        assert not list(folder.iterdir())
