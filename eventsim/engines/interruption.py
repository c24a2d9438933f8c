"""Signals that end a run in order: between two events, so that what was done can be kept.

Where a program asks for it (`orderly`; the command line does), the first Ctrl-C, SIGTERM or SIGHUP while an engine is
at work makes it stop as at the end of a budget. Before and after that, while a loop is being compiled, and the second
time, it raises `Interrupted` at once. Used by `simulate`, `task` and the command line; programs that do not ask are not
touched. Signals are state of the process, and so is this.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from eventsim._jit import compile_report

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
NOTE = "\neventsim: stopping, what was done is kept; once more to stop at once\n"


class Interrupted(KeyboardInterrupt):
    """A signal ended the program; `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.number,), vars(self)


class _State:
    """How many engines are at work, and the signal that asked them to stop."""

    working = 0
    asked: int | None = None


_LOCK = threading.Lock()


def asked() -> int | None:
    """The signal that asked the run to stop, or None."""
    return _State.asked


@contextlib.contextmanager
def at_work() -> Iterator[None]:
    """An engine is at work meanwhile, and looks at `asked` again and again."""
    with _LOCK:
        _State.working += 1
    try:
        yield
    finally:
        with _LOCK:
            _State.working -= 1


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """Let signals end runs in order meanwhile; those that are ignored stay so. Only the main thread can ask."""
    before: dict[int, Any] = {}
    with contextlib.suppress(ValueError):  # not the main thread
        for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
            handler = signal.getsignal(number)
            if handler is not signal.SIG_IGN and handler is not None:
                signal.signal(number, _taken)
                before[number] = handler
    try:
        yield
    finally:
        _State.asked = None
        for number, handler in before.items():
            signal.signal(number, handler)


def _taken(number: int, _frame: FrameType | None) -> None:
    if _State.asked is None and _State.working and not compile_report().active:
        _State.asked = number
        with contextlib.suppress(OSError, AttributeError, ValueError):  # no stderr, or one that is gone
            os.write(sys.stderr.fileno(), NOTE.encode())  # printing might interrupt printing
        return
    raise Interrupted(number)
