"""Where points are computed: this process, processes of this machine, or whatever `Executor` the user gives.

Relies on `concurrent.futures`. Used by `runner`, which asks a pool for no more than ``submit``, and for another one
where it broke.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import connection
from typing import Any

from eventsim.checks import integer, shown
from eventsim.errors import InputError

GIVEN_JOBS = 16  # of an executor that does not say how many workers it has


class Here(Executor):
    """Computes in this process, at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return the future of a call that is over."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future holds whatever the call raised
            future.set_exception(error)
        return future


class Pool:
    """Workers, and a way to others where they broke.

    Parameters
    ----------
    executor
        Given by the user: it is used and left open; a function that returns one is asked again where one broke.
    jobs
        How many points are computed at a time; None: all cores, or what the executor says. One job without an executor
        is this process.

    Raises
    ------
    InputError
        No executor, jobs < 1.
    """

    def __init__(self, executor: Any = None, jobs: int | None = None) -> None:
        if jobs is not None:
            jobs = integer("study", "jobs", jobs, low=1, remedy="None takes all cores.")
        self._make: Callable[[], Executor] | None = None
        self._mine = executor is None
        if executor is None:
            self.jobs = cores() if jobs is None else jobs
            self._make = Here if self.jobs == 1 else self._processes
            self.place = "this process" if self.jobs == 1 else f"{self.jobs} processes"
            self._executor = self._make()
            return
        if not hasattr(executor, "submit") and callable(executor):
            self._make, self._mine = executor, True
            executor = executor()
        if not callable(getattr(executor, "submit", None)):
            raise InputError(
                f"study: executor = {shown(executor)}; must be a concurrent.futures.Executor, or a function that "
                "returns one. With Dask, give client.get_executor()."
            )
        self._executor = executor
        self.jobs = jobs or int(getattr(executor, "_max_workers", 0) or GIVEN_JOBS)
        self.place = type(executor).__name__

    def _processes(self) -> Executor:
        # Spawned: a fork of a process with threads may hang, and compiled loops use some.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.jobs, mp_context=context, initializer=_begin_worker)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand out a call."""
        return self._executor.submit(function, *arguments)

    def renew(self) -> bool:
        """Take another executor in place of a broken one; False where there is no way to one."""
        if self._make is None:
            return False
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make()
        return True

    def close(self, at_once: bool) -> None:
        """Let own workers go; `at_once` those that still work, too."""
        if not self._mine:
            return
        processes = list((getattr(self._executor, "_processes", None) or {}).values()) if at_once else []
        self._executor.shutdown(wait=not at_once, cancel_futures=True)
        for process in processes:
            process.terminate()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin_worker() -> None:
    """Leave Ctrl-C, which reaches all processes of a terminal, to the one that waits; end where that one is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker of a killed process would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
