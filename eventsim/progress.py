"""What a long simulation shows while it runs: how much is done, events per second, remaining time.

Relies on tqdm for the line itself, and on the compiler's report: time spent compiling says nothing about the rest.
Used by `simulate`; no result depends on it.
"""

import shutil
import sys
import time

from tqdm import tqdm

from eventsim._jit import compile_report

FIRST_SHOWN = 0.5  # seconds; work that is over sooner shows nothing
INTERVAL = 0.1
CLEAR_LINE = "\r\x1b[K"


class Progress:
    """A line on stderr: samples done or, of a single sample whose end is known, simulated time.

    Parameters
    ----------
    n_samples
        Number of samples to simulate.
    end
        Time at which a sample ends; None where it is not known.
    shown
        Whether the line is shown at all.
    """

    def __init__(self, n_samples: int, end: float | None, shown: bool) -> None:
        self._in_time = end is not None and n_samples == 1
        self._total = float(end) if end is not None and self._in_time else n_samples
        self._done = 0.0
        self._events = 0
        self._shown = shown and sys.stderr is not None  # None where a program has no terminal and no file for it
        self._started = time.perf_counter()
        self._ready_before = compile_report().ready_seconds
        self._next = self._started + FIRST_SHOWN
        self._on_screen = False

    def update(self, n_samples: int) -> None:
        """So many more samples are done."""
        if not self._in_time:
            self._done += n_samples
            self._show()

    def reached(self, events: int, t: float) -> None:
        """So many events are done in all; the sample at work is at time t."""
        self._events = events
        if self._in_time:
            self._done = min(t, self._total)
        self._show()

    def line(self, seconds: float, width: int | None = None) -> str:
        """Return what is shown after so many seconds."""
        unit = "time" if self._in_time else "samples"
        return tqdm.format_meter(
            self._done,
            self._total,
            seconds,
            ncols=width,
            postfix=f"{self._events / max(seconds, 1e-9):.3g} events/s",
            bar_format="{percentage:3.0f} %|{bar}| {n:.5g} of {total:.5g} "
            + unit
            + "{postfix}, {elapsed} elapsed, {remaining} remaining",
        )

    def close(self) -> None:
        """Take the line away."""
        if self._on_screen:
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()
            self._on_screen = False

    def _show(self) -> None:
        if not self._shown:
            return
        now = time.perf_counter()
        if now >= self._next:
            width = shutil.get_terminal_size().columns
            waited = compile_report().ready_seconds - self._ready_before
            sys.stderr.write(CLEAR_LINE + self.line(now - self._started - waited, width))
            sys.stderr.flush()
            self._next = now + INTERVAL
            self._on_screen = True
