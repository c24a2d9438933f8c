"""A word to whoever waits: the first run with a set of models and stages compiles its event loop.

Relies on the compiler's own report. Used by the commands that simulate.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from eventsim._jit import compile_report

LONGEST_SILENCE = 2.0
TEXT = "  (compiling an event loop for this kind of run, once for this machine: 10 to 20 s)"


@contextmanager
def patience(quiet: bool = False) -> Iterator[None]:
    """Say on stderr why nothing happens, where something is still being compiled after `LONGEST_SILENCE` seconds."""

    def say() -> None:
        if compile_report().active:
            print(TEXT, file=sys.stderr, flush=True)

    waiting = threading.Timer(LONGEST_SILENCE, say)
    waiting.daemon = True
    if not quiet:
        waiting.start()
    try:
        yield
    finally:
        waiting.cancel()
