"""What a long call shows while it works: what it is at, how much is done, events per second, remaining time.

Relies on tqdm for the line in a terminal and the bar in a notebook, and on the compiler's report. A thread of its own
looks and draws, so that it goes on while a loop is compiled or runs, and costs the loop nothing. Used by `simulate`,
`warm_up`, studies and trainings; no result depends on it.
"""

import contextlib
import contextvars
import functools
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Self

from eventsim._jit import CACHE, compile_report
from eventsim.checks import flag

FIRST_SHOWN = 0.5  # seconds; work that is over sooner shows nothing
INTERVAL = 0.25
KEPT = "kept for later runs" if CACHE else "not kept: EVENTSIM_CACHE=0"
COMPILING = f"compiling an event loop (10 to 30 s, {KEPT})"
PREPARING = "preparing the run"
WITH_END = "{percentage:3.0f} %|{bar}| {desc}, {elapsed} elapsed, {remaining} remaining"
WITHOUT_END = "{desc}, {elapsed} elapsed"


class Progress:
    """A line on stderr, or a bar in a notebook, as long as it is entered.

    It shows samples done; of a single sample simulated time, with an end where that is known. Before that, that the run
    is prepared, and meanwhile, that a loop is compiled. A study shows points in place of samples, and counts
    them; a training shows epochs, and counts steps.

    Parameters
    ----------
    shown
        Whether anything is shown; None: where somebody watches (`is_watched`).
    where
        The function that asks, for messages.
    unit, counted
        What is done one after the other, and of what the rate is.
    """

    def __init__(
        self, shown: bool | None, where: str = "simulate", unit: str = "samples", counted: str = "events"
    ) -> None:
        self._unit, self._counted = unit, counted
        self._shown = is_watched() if shown is None else flag(where, "progress", shown, also=" or None")
        self._shown = self._shown and sys.stderr is not None  # None where a program has no terminal and no file for it
        self._n_samples, self._done = 0, 0
        self._end: float | None = None
        self._begun = 0.0
        self._events: Callable[[], int] = int
        self._events_before = 0
        self._at_work: dict[int, Callable[[], tuple[int, Any, int]]] = {}  # batches, by their first sample
        self._started = time.perf_counter()
        self._ready_before = compile_report().ready_seconds
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._bar: Any = None
        self._drawing = threading.Lock()

    def __enter__(self) -> Self:
        if self._shown:
            if in_notebook():
                bar_kind()  # it changes the filters of warnings for a moment, which no thread should
            draw = contextvars.copy_context().run  # by which a notebook knows the cell
            self._thread = threading.Thread(target=draw, args=(self._draw_until_over,), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):  # stderr is gone
                self._bar.close()

    # -- what those who work say --------------------------------------------------------------------------------------

    def expect(self, n_samples: int, end: Any, events: Callable[[], int], begun: float = 0.0) -> None:
        """So many samples are to come, from `begun` on, each until `end`, where that is known; what counts events."""
        self._n_samples, self._end, self._begun = n_samples, None if end is None else float(end), begun
        self._done = 0
        self._events, self._events_before = events, events()

    def watch(self, first: int, standing: Callable[[], tuple[int, Any, int]]) -> None:
        """Look from now on where the batch that begins with sample `first` stands: sample, time, events not counted."""
        self._at_work[first] = standing

    def finished(self, first: int, n_samples: int) -> None:
        """The batch that begins with sample `first` is done, so many samples."""
        self._at_work.pop(first, None)
        self._done += n_samples

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Nothing is shown meanwhile: something else is printed, in the place of the line."""
        with self._drawing:
            if self._bar is not None:
                with contextlib.suppress(OSError, ValueError):  # stderr is gone
                    self._bar.clear()
            yield

    # -- what is shown ------------------------------------------------------------------------------------------------

    def text(self, seconds: float) -> tuple[str, float, float | None]:
        """What is said after so many seconds of simulation, how much is done, and of how much, where that is known."""
        if compile_report().active:
            return COMPILING, 0.0, None
        at = [(first, *standing()) for first, standing in list(self._at_work.items())]
        if not at and not self._done:
            return PREPARING, 0.0, None
        events = self._events() - self._events_before + sum(more for *_, more in at)
        rate = f"{events / max(seconds, 1e-9):.3g} {self._counted}/s"
        if self._n_samples > 1 or self._unit != "samples":
            done = self._done + sum(sample - first + self._share(float(t)) for first, sample, t, _ in at)
            done = min(done, self._n_samples)
            return f"{int(done)} of {self._n_samples} {self._unit}, {rate}", done, float(self._n_samples)
        t = max(float(at[0][2]), self._begun) if at else self._end or self._begun
        if self._end is None:
            return f"time {t:.5g}, {events:.3g} events, {rate}", 0.0, None
        t = min(t, self._end)
        return f"{t:.5g} of {self._end:.5g} time, {rate}", t - self._begun, self._end - self._begun

    def draw(self, now: float) -> None:
        """Show where things stand at this time of `time.perf_counter`, once enough of it has passed."""
        if now - self._started < FIRST_SHOWN:
            return
        said, done, total = self.text(self._seconds(now))
        # A wait for the compiler says nothing about the rest; while it lasts, it is what counts.
        seconds = now - self._started if total is None else self._seconds(now)
        form = WITHOUT_END if total is None else WITH_END
        if self._bar is None:
            first = {"desc": said, "total": total or 1.0, "bar_format": form}
            self._bar = bar_kind()(**first, file=sys.stderr, leave=False, dynamic_ncols=True)
        bar = self._bar
        bar.desc, bar.bar_format = said, form
        if total is not None and bar.total != total:
            bar.reset(total)
        bar.n, bar.start_t, bar.last_print_t = done, time.time() - seconds, time.time()
        bar.refresh()

    def _draw_until_over(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # stderr is gone: nobody watches
            while not self._over.wait(INTERVAL):
                with self._drawing:
                    self.draw(time.perf_counter())

    def _seconds(self, now: float) -> float:
        """Seconds of simulation until now: without those in which a loop was compiled or loaded."""
        return now - self._started - (compile_report().ready_seconds - self._ready_before)

    def _share(self, t: float) -> float:
        """How much of its sample is done at time t."""
        return 0.0 if self._end is None else min(max(t, 0.0) / self._end, 1.0)


def is_watched() -> bool:
    """Does somebody see stderr? In a terminal or a notebook, and not of a worker process."""
    if (processes := sys.modules.get("multiprocessing.process")) and processes.parent_process() is not None:
        return False
    if in_notebook():
        return True
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # none, or closed
        return False


def in_notebook() -> bool:
    """Does a kernel of Jupyter run this process?"""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


@functools.cache
def bar_kind() -> Any:
    """The class of tqdm for a terminal or, where ipywidgets is there, for a notebook; without threads of its own."""
    if in_notebook():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm warns where ipywidgets is missing; its line of text then serves
            from tqdm.auto import tqdm
    else:
        from tqdm import tqdm
    return type("Bar", (tqdm,), {"monitor_interval": 0})
