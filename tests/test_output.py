"""One writer for all files: nothing but a file is replaced, a full disk is named, and what was killed is cleared."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import SpikeTimes, simulate
from eventsim.cli.files import save_array, save_figure
from eventsim.errors import InputError
from eventsim.files import leftovers, output
from eventsim.files.archive import write_archive
from eventsim.models import goldset

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel when a process was started")


def small_run() -> eventsim.Run:
    net = eventsim.Network()
    net.source(2, "input")
    net.population("if_delta", 2, "cells")
    net.connect("input", "cells", eventsim.Dense(np.full((2, 2), 0.7)))
    return simulate(net, SpikeTimes([[[0.5], [1.0]]]), engine="reference")


def picture(path: Path) -> None:
    from matplotlib.figure import Figure

    save_figure(Figure(), path)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "archive": lambda path: write_archive(path, {"format": "x", "version": 1}, {"a": np.zeros(200_000)}),
    "run": lambda path: small_run().save(path),
    "array": lambda path: save_array(np.zeros(200_000), path),
    "picture": picture,
    "results": lambda path: goldset.save_results(goldset.simulate(goldset.cases()[:3], "reference"), path),
    "any": lambda path: output.replaced("run", path, lambda place: save_array(np.zeros(200_000), Path(place))),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_no_regular_file_is_never_replaced(writer: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for name in ("pipe.png", "link.png", "folder.png"):
        with pytest.raises(InputError, match="not a regular file; give the name of a file to write"):
            WRITERS[writer](tmp_path / name)
    with pytest.raises(InputError, match=r"the folder .*none' does not exist; create it first"):
        WRITERS[writer](tmp_path / "none" / "file.png")
    assert (tmp_path / "pipe.png").is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.png", "link.png", "pipe.png"]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_link_stays_and_what_it_leads_to_is_replaced(writer: str, tmp_path: Path) -> None:
    (tmp_path / "file.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "file.png")
    WRITERS[writer](tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "file.png").read_bytes() != b"old"
    assert len(list(tmp_path.iterdir())) == 2


def test_long_names_of_any_letters_are_written(tmp_path: Path) -> None:
    for name in ("é" * 120, "語" * 80, "a" * 255):
        save_array(np.zeros(3), tmp_path / name)
        assert (tmp_path / name).is_file()
    with pytest.raises((InputError, OSError), match="name too long"):
        save_array(np.zeros(3), tmp_path / ("a" * 300))


def test_a_loop_of_links_is_no_place_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.npy").symlink_to(tmp_path / "b.npy")
    (tmp_path / "b.npy").symlink_to(tmp_path / "a.npy")
    with pytest.raises((InputError, OSError), match=r"a\.npy"):
        save_array(np.zeros(3), tmp_path / "a.npy")
    assert len(list(tmp_path.iterdir())) == 2


FULL = """
import resource, sys
sys.path.insert(0, {tests!r})
from test_output import *
small_run(), WRITERS["picture"](Path({folder!r}) / "warm.png")
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
try:
    WRITERS[{writer!r}](Path({folder!r}) / "file.png")
except OSError as error:
    print(type(error).__name__, error.errno == errno.EFBIG or error.errno == errno.ENOSPC, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the sizes of files")
@pytest.mark.parametrize("writer", ["archive", "array", "picture", "results", "any"])
def test_a_full_disk_is_said_of_the_file_that_was_asked_for(writer: str, tmp_path: Path) -> None:
    (tmp_path / "file.png").write_bytes(b"old")
    program = FULL.format(tests=str(Path(__file__).parent), folder=str(tmp_path), writer=writer)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("OSError True")
    assert "nothing was written" in done.stdout
    assert f"{str(tmp_path / 'file.png')!r}" in done.stdout
    assert (tmp_path / "file.png").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.png", "warm.png"]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("Unable to synchronously write (errno = 28, error message = 'No space left on device')", errno.ENOSPC),
        ("200 requested and 37 written", errno.ENOSPC),
        ("something of a library", errno.EIO),
    ],
)
def test_errors_of_libraries_get_a_number_and_the_path(words: str, number: int, tmp_path: Path) -> None:
    def write(_: str) -> None:
        raise OSError(words)

    with pytest.raises(OSError, match="nothing was written") as caught:
        output.replaced("run", tmp_path / "run.csv", write)
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / "run.csv"))


# -- what a killed process leaves ------------------------------------------------------------------------------------

KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from test_output import *
import tempfile
tempfile.tempdir = {folder!r}
from eventsim.engines.recording import Recorder, matrix
from eventsim.engines.tables import SPIKE
recorder = Recorder(SPIKE, 0)
recorder.add(0, np.zeros(5, SPIKE))
first = matrix("first spikes", (100, 10), np.inf, np.float64, 0)
with output.replacing("", Path({folder!r}) / "run.npz") as temporary:
    temporary.write_bytes(b"half")
    print("ready", flush=True)
    time.sleep(600)
"""


def killed(folder: Path) -> None:
    """Let a process be killed in the middle of its work."""
    program = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)


@linux
def test_a_later_save_clears_what_a_killed_process_left(tmp_path: Path) -> None:
    killed(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) == 3  # a file, and two folders of recordings
    (tmp_path / ".run.npz.other.tmp").touch()
    small_run().save(tmp_path / "run.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".run.npz.other.tmp", "run.npz"]


@linux
def test_a_later_run_clears_folders_of_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    small_run()
    assert not list(tmp_path.iterdir())


def test_what_a_living_process_has_stays(tmp_path: Path) -> None:
    mine = [tmp_path / f".a.npz.{leftovers.mark()}.tmp", tmp_path / f"{leftovers.FOLDER}{leftovers.mark()}x"]
    mine[0].touch()
    mine[1].mkdir()
    leftovers.clear(tmp_path)
    assert all(path.exists() for path in mine)


@linux
def test_only_what_is_surely_a_leftover_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, process, started, end = leftovers.mark().split("-")
    gone = f"{machine}-{process}-{int(started) - 1}-{end}"  # a process of the same number, long ago
    elsewhere = f"{'0' * 8}-{process}-{int(started) - 1}-{end}"
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").touch()
    (tmp_path / f".a.npz.{elsewhere}.tmp").touch()
    (tmp_path / f"a.npz.{gone}.tmp").touch()  # not hidden, so none of ours
    (tmp_path / f".a.npz.{gone}.npz").touch()
    (tmp_path / f".b.npz.{gone}.tmp").symlink_to(target / "kept")
    (tmp_path / f"{leftovers.FOLDER}{gone}").symlink_to(target)
    (tmp_path / f".c.npz.{gone}.tmp").mkdir()
    before = sorted(tmp_path.rglob("*"))
    ours = [tmp_path / f".a.npz.{gone}.tmp", tmp_path / f".語.{gone}.tmp.csv"]
    for path in ours:
        path.touch()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    leftovers.clear(tmp_path)
    assert all(path.exists() for path in ours)  # they are another user's
    monkeypatch.undo()
    monkeypatch.setattr(leftovers, "_CLEARED", set())
    leftovers.clear(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_is_looked_through_once_a_process(tmp_path: Path) -> None:
    leftovers.clear(tmp_path)
    leftovers.clear(tmp_path / "none")
    stale = tmp_path / f".a.npz.{leftovers._machine()}-4194304999-1-{'0' * 12}.tmp"
    stale.touch()
    leftovers.clear(tmp_path)
    assert stale.exists()


def test_a_child_does_not_remove_the_folders_of_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eventsim.engines.recording import matrix

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mapped = matrix("first spikes", (50, 3), np.inf, np.float64, 0)
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            del mapped
        os._exit(0)
    os.waitpid(child, 0)
    time.sleep(0)
    assert len(list(tmp_path.iterdir())) == 1
    assert mapped[49, 2] == np.inf
    del mapped
    assert not list(tmp_path.iterdir())
