"""What a worker does: one point a call, with a setup that it was sent once.

Relies on `evaluate`. A call names the setup by its token. A worker that lacks it says so, and the next call brings it:
whatever the pool, data travel to each worker once or twice, not once a point. Used by `runner`, in any
`concurrent.futures.Executor`.
"""

import os
import socket
import threading
import time
from typing import NamedTuple

from eventsim.engines.interruption import Interrupted, asked
from eventsim.study.bench import Bench
from eventsim.study.evaluate import Row, evaluate
from eventsim.study.point import Point
from eventsim.study.setup import Setup

# Of this process: the last setups that it was sent, by token and threads of each simulation.
_BENCHES: dict[tuple[str, int | None], Bench] = {}
_LOCK = threading.Lock()  # an executor's workers may be threads
MOST_BENCHES = 2


class Answer(NamedTuple):
    """What a worker says of a call.

    Attributes
    ----------
    worker
        Host and process.
    row
        That of the point, or None.
    error
        Why there is none; "" where the worker lacks the setup.
    seconds
        Of processor time.
    """

    worker: str
    row: Row | None
    error: str
    seconds: float

    @property
    def missing(self) -> bool:
        """Does the worker lack the setup?"""
        return self.row is None and not self.error


def this_worker() -> str:
    """Return the name of this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def forget(token: str) -> None:
    """Drop what this process has worked out for a setup."""
    with _LOCK:
        for key in [key for key in _BENCHES if key[0] == token]:
            del _BENCHES[key]


def _bench(token: str, threads: int | None, setup: Setup | None) -> Bench | None:
    """The bench of a setup; None where this process was not sent it."""
    key = token, threads
    with _LOCK:
        if setup is not None and key not in _BENCHES:
            while len(_BENCHES) >= MOST_BENCHES:
                del _BENCHES[next(iter(_BENCHES))]
            _BENCHES[key] = Bench(setup, threads)
        return _BENCHES.get(key)


def work(token: str, point: Point, threads: int | None, setup: Setup | None, call: int) -> Answer:
    """Evaluate one point.

    Parameters
    ----------
    token
        That of the setup.
    threads
        Of each simulation.
    setup
        Where the worker may lack it.
    call
        Its number, by which pools that keep results tell it from others.
    """
    del call
    bench = _bench(token, threads, setup)
    if bench is None:
        return Answer(this_worker(), None, "", 0.0)
    began = time.process_time()
    try:
        row = evaluate(bench, point)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a point does, the study goes on and says what
        if (number := asked()) is not None:
            raise Interrupted(number) from None
        return Answer(this_worker(), None, _said(error), time.process_time() - began)
    return Answer(this_worker(), row, "", time.process_time() - began)


def _said(error: BaseException) -> str:
    """An error in words, of whatever class."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - its own text may be what is wrong
        return f"{type(error).__name__}, whose text cannot be shown"
