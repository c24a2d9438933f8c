"""How long machine code has been made in this process, and who waits for it.

Relies on numba's events. Used by what reports a run's seconds, by progress shown to the user and by the tests.
"""

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numba.core import event as numba_event


@dataclass
class CompileReport:
    """What was compiled in this process: number of loops and seconds (nested compilations counted once).

    ``active``: is something being compiled now? ``ready_loops``, ``ready_seconds``: loops that were compiled or loaded
    from disk, and seconds in which somebody waited for one.
    """

    loops: int = 0
    seconds: float = 0.0
    ready_loops: int = 0
    ready_seconds: float = 0.0
    active: bool = False


_REPORT = CompileReport()


class _Waiting:
    """Adds up the time in which at least one thread waits for machine code.

    Garbage is not collected meanwhile: a compiler makes millions of objects and keeps them, and looking through these
    again and again took a quarter of the time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._since = 0.0
        self._collects = False

    def enter(self) -> None:
        with self._lock:
            self._threads += 1
            if self._threads == 1:
                self._since = time.perf_counter()
                self._collects = gc.isenabled()
                gc.disable()

    def leave(self) -> None:
        with self._lock:
            self._threads -= 1
            _REPORT.ready_loops += 1
            if self._threads == 0:
                _REPORT.ready_seconds += time.perf_counter() - self._since
                if self._collects:
                    gc.enable()


_WAITING = _Waiting()


class _Stopwatch(numba_event.Listener):
    """Adds up the time of outermost compilations."""

    def __init__(self) -> None:
        self._depth = 0
        self._recorder = numba_event.TimingListener()

    def on_start(self, event: Any) -> None:
        self._depth += 1
        _REPORT.active = True
        if self._depth == 1:
            self._recorder = numba_event.TimingListener()
        self._recorder.on_start(event)

    def on_end(self, event: Any) -> None:
        self._depth -= 1
        self._recorder.on_end(event)
        if self._depth == 0:
            _REPORT.active = False
            _REPORT.loops += 1
            _REPORT.seconds += self._recorder.duration


numba_event.register("numba:compile", _Stopwatch())


def compile_report() -> CompileReport:
    """Return how many loops this process has compiled and how long that took, in seconds."""
    return _REPORT


def made_ready(get_code: Callable[..., Any]) -> Callable[..., Any]:
    """Return `get_code` so that it reports how long a loop takes until it can run, compiled or loaded from disk."""

    def timed(*arguments: Any, **named: Any) -> Any:
        _WAITING.enter()
        try:
            return get_code(*arguments, **named)
        finally:
            _WAITING.leave()

    return timed
