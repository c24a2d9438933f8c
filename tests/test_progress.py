"""What a long run shows: nothing where it is short or nobody watches, and else where it stands, each second."""

import io
import sys
import threading
import types
import warnings
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import _jit, progress
from eventsim.progress import COMPILING, FIRST_SHOWN, INTERVAL, PREPARING, Progress


class Terminal(io.StringIO):
    """A stderr that somebody watches, and that says when something was written."""

    def __init__(self, terminal: bool = True) -> None:
        super().__init__()
        self.terminal, self.written = terminal, threading.Event()

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)

    def last(self) -> str:
        """The line as it is seen now."""
        return self.getvalue().rpartition("\r")[2]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    found = Terminal()
    # Not sys.stderr itself, which pytest puts back behind each fixture.
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=found, modules=sys.modules))
    monkeypatch.setenv("COLUMNS", "120")
    return found


def at(bar: Progress, seconds: float) -> float:
    """The time so many seconds after the call began."""
    return bar._started + seconds


def driven() -> eventsim.Network:
    net = eventsim.Network()
    noise = net.source(20, "noise", generator=eventsim.Poisson(1.0))
    cells = net.population("lif_delta", 10, "cells", tau_mem=10.0, v_threshold=1.0)
    net.connect(noise, cells, eventsim.Dense(np.full((10, 20), 0.1)))
    net.connect(cells, cells, eventsim.Dense(np.full((10, 10), -0.05)), delay=1.5)
    return net


# -- what is said ------------------------------------------------------------------------------------------------------


def test_a_second_of_waiting_shows_something_and_less_than_half_of_one_nothing(terminal: Terminal) -> None:
    assert FIRST_SHOWN <= 1.0
    assert INTERVAL <= 1.0
    bar = Progress(True)
    bar.expect(10, None, int)
    bar.draw(at(bar, 0.49))
    assert terminal.getvalue() == ""
    bar.draw(at(bar, 0.51))
    assert PREPARING in terminal.last()


def test_samples_are_counted_with_what_is_done_of_those_at_work(terminal: Terminal) -> None:
    bar = Progress(True)
    counted = iter([0])
    bar.expect(100, 4.0, lambda: next(counted, 4_000))
    bar.finished(0, 20)
    bar.watch(20, lambda: (24, 3.0, 1_000))
    assert bar.text(10.0) == ("24 of 100 samples, 500 events/s", 24.75, 100.0)
    bar.draw(at(bar, 10.0))
    assert terminal.last().startswith(" 25 %|")
    assert terminal.last().endswith("24 of 100 samples, 500 events/s, 00:10 elapsed, 00:30 remaining")
    bar.finished(20, 20)
    bar.watch(40, lambda: (41, -np.inf, 10))
    assert bar.text(10.0)[:2] == ("41 of 100 samples, 401 events/s", 41.0)
    bar.finished(40, 60)
    bar.watch(40, lambda: (100, 4.0, 0))  # of a worker that is not done with saying so
    assert bar.text(10.0)[1] == 100.0


def test_a_study_counts_points(terminal: Terminal) -> None:
    bar = Progress(True, "study", "points", "points")
    done = iter([0])
    bar.expect(40, None, lambda: next(done, 10))
    bar.finished(0, 10)
    bar.draw(at(bar, 5.0))
    assert terminal.last().endswith("10 of 40 points, 2 points/s, 00:05 elapsed, 00:15 remaining")


def test_a_training_counts_epochs_and_steps(terminal: Terminal) -> None:
    bar = Progress(True, "fit", "epochs", "steps")
    steps = iter([0])
    bar.expect(8, 50, lambda: next(steps, 125))
    bar.finished(0, 1)
    bar.finished(1, 1)
    bar.watch(2, lambda: (2, 25, 0))
    bar.draw(at(bar, 5.0))
    assert terminal.last().endswith("2 of 8 epochs, 25 steps/s, 00:05 elapsed, 00:11 remaining")


def test_what_is_printed_meanwhile_takes_the_place_of_the_line(terminal: Terminal) -> None:
    bar = Progress(True)
    bar.expect(10, None, int)
    with bar.aside():  # before anything is shown
        assert terminal.getvalue() == ""
    bar.draw(at(bar, 1.0))
    with bar.aside():
        assert terminal.last() == ""
        terminal.write("epoch 1\n")
    bar.draw(at(bar, 2.0))
    assert "epoch 1\n" in terminal.getvalue()
    assert PREPARING in terminal.last()


def test_one_sample_is_shown_by_its_simulated_time(terminal: Terminal) -> None:
    bar = Progress(True)
    bar.expect(1, 50.0, int)
    bar.watch(0, lambda: (0, 10.0, 1_000))
    bar.draw(at(bar, 1.0))
    assert terminal.last().endswith("10 of 50 time, 1e+03 events/s, 00:01 elapsed, 00:04 remaining")
    bar.finished(0, 1)
    assert bar.text(1.0)[1:] == (50.0, 50.0)


def test_one_sample_without_a_known_end_shows_time_events_and_their_rate(terminal: Terminal) -> None:
    bar = Progress(True)
    bar.expect(1, None, int)
    bar.watch(0, lambda: (0, 12.5, 3_000_000))
    bar.draw(at(bar, 3.0))
    assert terminal.last() == "time 12.5, 3e+06 events, 1e+06 events/s, 00:03 elapsed"


def test_a_run_that_goes_on_counts_from_where_it_began() -> None:
    bar = Progress(False)
    bar.expect(1, 100.0, lambda: 5_000, begun=60.0)
    bar.watch(0, lambda: (0, 70.0, 1_000))
    assert bar.text(2.0) == ("70 of 100 time, 500 events/s", 10.0, 40.0)


def test_what_is_compiled_is_said_and_its_time_does_not_count(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = _jit.CompileReport()
    monkeypatch.setattr(progress, "compile_report", lambda: report)
    bar = Progress(True)
    bar.expect(1, 50.0, int)
    report.active = True
    bar.draw(at(bar, 7.0))
    assert terminal.last() == f"{COMPILING}, 00:07 elapsed"
    assert "kept for later runs" in COMPILING or not _jit.CACHE
    assert len(COMPILING) < 80 - len(", 00:07 elapsed")
    report.active, report.ready_seconds = False, 18.0
    bar.watch(0, lambda: (0, 10.0, 1_000))
    bar.draw(at(bar, 20.0))
    assert terminal.last().endswith("10 of 50 time, 500 events/s, 00:02 elapsed, 00:08 remaining")
    bar.__exit__()
    assert terminal.last().strip() == ""  # the line is taken away


# -- who sees it -------------------------------------------------------------------------------------------------------


def test_it_is_shown_in_terminals_and_notebooks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for stderr, seen in ((Terminal(), True), (Terminal(terminal=False), False), (None, False)):
        monkeypatch.setattr(sys, "stderr", stderr)
        assert progress.is_watched() is seen
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert not progress.is_watched()
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert progress.is_watched()
    shell.kernel = None  # IPython in a terminal, which is none here
    assert not progress.is_watched()


def test_worker_processes_show_nothing_unless_told(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    import multiprocessing.process

    assert progress.is_watched()
    monkeypatch.setattr(multiprocessing.process, "parent_process", object)
    assert not progress.is_watched()


def test_a_notebook_without_widgets_gets_the_line_of_text_and_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = types.SimpleNamespace(kernel=object())
    module: Any = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", module)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    for name in ("tqdm.auto", "tqdm.autonotebook", "tqdm.notebook"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    progress.bar_kind.cache_clear()
    with warnings.catch_warnings(action="error"):
        kind = progress.bar_kind()
    progress.bar_kind.cache_clear()
    assert "notebook" not in {base.__module__.rpartition(".")[2] for base in kind.__mro__}


# -- runs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_both_engines_are_seen_to_move_within_a_sample(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled loop returns once, at the end: what is seen before that is read out of its arrays."""
    seen: list[tuple[str, float, float | None]] = []
    watch = Progress.watch

    def look_meanwhile(bar: Progress, first: int, standing: Any) -> None:
        watch(bar, first, standing)
        threading.Thread(target=look_until_over, args=(bar, seen)).start()

    monkeypatch.setattr(sys.modules["eventsim.engines.compiled.engine"], "PAUSE_EVENTS", 10**12)
    monkeypatch.setattr(Progress, "watch", look_meanwhile)
    until = 50_000.0 if engine == "compiled" else 50.0
    run = eventsim.simulate(driven(), until=until, engine=engine, threads=1, record="first_spikes")
    done = [done for _, done, total in seen if total == until]
    assert len({*done}) > 3
    assert done == sorted(done)
    events = [float(said.split(", ")[1].split()[0]) for said, _, total in seen if total == until]
    assert 0 < max(events) <= 1.01 * run.counters["events"]  # in one second, as is said here


def look_until_over(bar: Progress, seen: list[Any]) -> None:
    while not bar._over.wait(0.001):
        seen.append(bar.text(1.0))


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_run_is_drawn_while_it_goes_on_and_no_result_depends_on_it(
    engine: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = eventsim.simulate(driven(), until=5.0, engine=engine, progress=False)
    assert terminal.getvalue() == ""
    monkeypatch.setattr(progress, "FIRST_SHOWN", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.001)
    finished = Progress.finished

    def wait_until_drawn(bar: Progress, first: int, n_samples: int) -> None:
        assert terminal.written.wait(30)
        finished(bar, first, n_samples)

    monkeypatch.setattr(Progress, "finished", wait_until_drawn)
    shown = eventsim.simulate(driven(), until=5.0, engine=engine)  # in a terminal
    assert shown.spikes.tobytes() == plain.spikes.tobytes()
    assert "of 5 time" in terminal.getvalue() or PREPARING in terminal.getvalue()
    assert terminal.last().strip() == ""


def fail_when(written: threading.Event) -> None:
    assert written.wait(30)
    raise KeyError


def test_an_error_takes_the_line_away_and_ends_its_thread(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_SHOWN", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.001)
    before = threading.active_count()
    with pytest.raises(KeyError), Progress(True):
        fail_when(terminal.written)
    assert terminal.last().strip() == ""
    assert threading.active_count() == before
    with pytest.raises(eventsim.InputError, match="simulate: seed = -1"):
        eventsim.simulate(driven(), until=5.0, seed=-1, progress=True)
    assert threading.active_count() == before


def test_a_stderr_that_is_gone_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            super().write(text)
            raise OSError("gone")

    gone = Gone()
    monkeypatch.setattr(sys, "stderr", gone)
    monkeypatch.setattr(progress, "FIRST_SHOWN", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.001)
    with Progress(True) as bar:
        assert gone.written.wait(30)
    assert bar._thread is not None
    assert not bar._thread.is_alive()


def test_an_import_of_eventsim_leaves_tqdm_alone() -> None:
    import subprocess

    code = "import sys, eventsim; print([name for name in sys.modules if name.startswith('tqdm')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == "[]"
