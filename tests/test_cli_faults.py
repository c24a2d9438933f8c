"""What the command line does when the machine fails it: signals, closed streams, full disks, damaged files."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import cli
from eventsim._jit import compile_report
from eventsim.cli.command import FAILED, OK, REFUSED, Command
from eventsim.cli.files import read_data
from eventsim.engines import interruption
from eventsim.engines.task import Task
from eventsim.errors import FileFormatError
from eventsim.files.arrays import arrays_of

REFERENCE = ("--engine", "reference")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands write into the current folder: give each test its own, with a network that spikes for ever."""
    monkeypatch.chdir(tmp_path)
    net = eventsim.Network()
    net.source(1, "input")
    net.population("lif_delta", 3, "cells", tau_mem=10.0, current=[1.5, 2.0, 3.0])
    net.connect("input", "cells", eventsim.Dense(np.full((3, 1), 0.25)))
    net.save("net.npz")
    np.savez("x.npz", spike_times=np.array([[0.5], [1.5], [2.5], [np.inf]]))
    return tmp_path


@pytest.fixture(autouse=True)
def signals_act_as_in_a_terminal() -> Iterator[None]:
    """Whoever starts the tests may have had signals ignored, as nohup and a shell's ``&`` do."""
    usual: dict[signal.Signals, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def called(capsys: Any, *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line."""
    code = cli.main([str(word) for word in words])
    return (code, *capsys.readouterr())


def process(*words: str, before: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    """One command line in a process of its own."""
    program = f"import sys\n{before}\nfrom eventsim.cli import main\nsys.exit(main())"
    given: dict[str, Any] = {"capture_output": True, "text": True} | options
    return subprocess.run([sys.executable, "-c", program, *words], check=False, **given)


# -- signals ------------------------------------------------------------------------------------------------------


def sent_at(monkeypatch: pytest.MonkeyPatch, *signals: tuple[int, signal.Signals]) -> None:
    """Signals come when the engine looks at its budget for the n-th time."""
    looked, check = [0], Task.check_budget

    def with_signal(task: Task, events: int) -> str | None:
        looked[0] += 1
        for count, number in signals:
            if looked[0] == count:
                os.kill(os.getpid(), number)
        return check(task, events)

    monkeypatch.setattr(Task, "check_budget", with_signal)


RUN = ("run", "net.npz", "x.npz", "--until", "40", *REFERENCE)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_a_signal_ends_keeps_what_was_done(
    number: signal.Signals, code: int, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = eventsim.load_network("net.npz")
    whole = eventsim.simulate(net, read_data(Path("x.npz")), until=40.0, engine="reference")
    handler, check = signal.getsignal(number), Task.check_budget
    sent_at(monkeypatch, (70, number))
    found, out, err = called(capsys, *RUN, "--out", "run.npz")
    assert found == code
    assert "saved to run.npz" in out
    assert "interrupted. What was done until then is counted above." in err
    run = eventsim.load_run("run.npz", net)
    assert not run.complete
    assert 0 < len(run.spikes) < len(whole.spikes)
    assert run.spikes.tobytes() == whole.spikes[: len(run.spikes)].tobytes()
    assert signal.getsignal(number) is handler
    monkeypatch.setattr(Task, "check_budget", check)  # what comes later in this process is not asked to stop
    assert eventsim.simulate(net, read_data(Path("x.npz")), until=4.0, engine="reference").complete


def test_json_of_an_interrupted_run_says_so(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent_at(monkeypatch, (70, signal.SIGINT))
    code, out, _ = called(capsys, *RUN, "--json")
    content = json.loads(out)
    assert (code, content["complete"]) == (130, False)
    assert "interrupted" in content["error"]
    assert content["counters"]["spikes"] > 0


def test_the_second_signal_ends_it_at_once(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check = Task.check_budget

    def twice(task: Task, events: int) -> str | None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        return check(task, events)

    monkeypatch.setattr(Task, "check_budget", twice)
    code, out, err = called(capsys, *RUN, "--out", "run.npz", "--json")
    assert code == 143
    assert json.loads(out) == {"error": "interrupted"}
    assert err.endswith("eventsim: interrupted\n")
    assert not Path("run.npz").exists()


def test_a_signal_while_a_file_is_written_leaves_the_old_one(
    capsys: Any, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("run.npz").write_bytes(b"old")
    monkeypatch.setattr("eventsim.files.archive._write_member", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert called(capsys, *RUN, "--out", "run.npz")[0] == 143
    assert Path("run.npz").read_bytes() == b"old"
    assert sorted(path.name for path in here.iterdir()) == ["net.npz", "run.npz", "x.npz"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_outside_of_a_run_ends_the_command(
    number: signal.Signals, code: int, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Any) -> int:
        os.kill(os.getpid(), number)
        return OK

    changed = Command("info", "interrupt", (), cli.COMMANDS["info"].add_arguments, interrupt)
    monkeypatch.setitem(cli.COMMANDS, "info", changed)
    assert called(capsys, "info") == (code, "", "\neventsim: interrupted\n")


def test_a_signal_while_a_loop_is_compiled_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_report(), "active", True)
    with interruption.orderly(), interruption.at_work(), pytest.raises(interruption.Interrupted):
        os.kill(os.getpid(), signal.SIGTERM)
    assert interruption.asked() is None


def test_ignored_signals_stay_ignored_and_programs_that_do_not_ask_are_not_touched() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption.orderly(), interruption.at_work():
            os.kill(os.getpid(), signal.SIGHUP)
            assert interruption.asked() is None
    finally:
        signal.signal(signal.SIGHUP, before)
    with pytest.raises(KeyboardInterrupt), interruption.at_work():
        os.kill(os.getpid(), signal.SIGINT)


# -- streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 1>&- 2>&-"])
@pytest.mark.parametrize("words", ["info", " ".join((*RUN, "--out", "run.npz", "--json"))])
def test_closed_streams_are_no_fault(closed: str, words: str, here: Path) -> None:
    line = f"exec {sys.executable} -m eventsim {words} {closed}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (OK, "")
    assert bool(done.stdout) == ("1>&-" not in closed)
    if "run.npz" in words:
        assert eventsim.load_run("run.npz").complete


LIMIT = "import resource, eventsim.cli, eventsim.models\nresource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))"


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the sizes of files")
def test_a_full_disk_behind_standard_output_is_said(here: Path) -> None:
    with Path("out.txt").open("w") as out:
        done = process("info", "--json", before=LIMIT, capture_output=False, stdout=out, stderr=subprocess.PIPE)
    assert done.returncode == REFUSED
    assert done.stderr == "eventsim: error: standard output: File too large\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the sizes of files")
def test_a_full_disk_is_said_of_the_file(here: Path) -> None:
    done = process(*RUN, "--out", "run.npz", "--json", before=LIMIT)
    assert done.returncode == REFUSED
    assert done.stderr == "eventsim: error: run.npz: File too large; nothing was written\n"
    assert json.loads(done.stdout) == {"error": "run.npz: File too large; nothing was written"}
    assert sorted(path.name for path in here.iterdir()) == ["net.npz", "x.npz"]


# -- refusals in JSON ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("run net.npz none.npy", REFUSED, "none.npy: there is no such file; check the path"),
        ("run net.npz x.npz --out none/run.npz", REFUSED, "none/run.npz: the folder"),
        ("run net.npz x.npz --threads 0", REFUSED, "argument --threads: '0' is not a whole number >= 1; see eventsim"),
        ("run", REFUSED, "the following arguments are required: NET.npz; see eventsim run --help"),
        ("runn", REFUSED, "unknown command 'runn', did you mean 'run'?"),
        ("verify net.npz none.npy", REFUSED, "none.npy: there is no such file"),
        ("convert none.npz --calibrate x.npz", REFUSED, "none.npz: there is no such file"),
        ("info none.npz", REFUSED, "none.npz: there is no such file"),
        ("demo --images 100000", REFUSED, "demo: --images 100000; must be 1 to 400"),
        ("goldset show none", REFUSED, "none"),
        ("goldset check none.json", REFUSED, "none.json"),
        ("run twice.npz --until 3", FAILED, "fires twice at t = 1.0"),
    ],
)
def test_with_json_a_refusal_is_an_object_too(words: str, code: int, message: str, capsys: Any) -> None:
    if "twice" in words:
        net = eventsim.Network()
        net.source(1, "input", generator=eventsim.Regular(1.0, start=1.0))
        net.population("if_delta", 1, "cells")
        net.connect("input", "cells", eventsim.Dense([[2.0]]))
        net.connect("cells", "cells", eventsim.Dense([[2.0]]))
        net.save("twice.npz")
        words += " --engine reference"
    found, out, err = called(capsys, *words.split(), "--json")
    assert found == code
    content = json.loads(out)
    assert message in content["error"]
    assert err.startswith("eventsim: error: ")
    if code == REFUSED:
        assert {*content} == {"error"}
        assert err == f"eventsim: error: {content['error']}\n"
        assert called(capsys, *words.split())[:2] == (code, "")


# -- damaged files ---------------------------------------------------------------------------------------------------


def tried(path: Path, read: Callable[[Path], Any]) -> bool:
    """Is a file read, or refused as one that is damaged?"""
    with warnings.catch_warnings(), contextlib.suppress(FileFormatError):
        warnings.simplefilter("ignore")  # of numpy and Python, about texts that are almost right
        read(path)
        return True
    return False


@pytest.mark.parametrize("read", [read_data, arrays_of])
def test_every_byte_of_a_npy_header_may_be_wrong(read: Callable[[Path], Any], here: Path) -> None:
    rng = np.random.default_rng(1)
    np.save("x.npy", rng.random((3, 4)))
    path, content = Path("x.npy"), Path("x.npy").read_bytes()
    n = content.index(b"\n") + 1
    for place in range(n):
        for byte in {0, 10, 32, 39, 40, 41, 92, 123, 255, *rng.integers(0, 256, 3).tolist()}:
            path.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
            tried(path, read)
        path.write_bytes(content[:place])
        assert not tried(path, read)


@pytest.mark.parametrize(
    "header", ["{'descr': '<f8', 'shape': (", "'''", "{'descr': '<f8',\n  'a\n", "(" * 3000, "\0\0"]
)
def test_headers_that_python_cannot_even_split_are_refused(header: str, capsys: Any, here: Path) -> None:
    """Such a header raises a TokenError, which is no SyntaxError."""
    text = (header + "\n").encode()
    Path("x.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(80))
    code, out, err = called(capsys, "run", "net.npz", "x.npy")
    assert (code, out) == (REFUSED, "")
    assert "x.npy: this is no .npy or .npz file of numbers, or it is damaged" in err
    assert called(capsys, "info", "x.npy")[0] == REFUSED
