"""Runs the points of a store that nobody has computed: claims them, hands them out, keeps what comes back.

Relies on the store and on pools. Used by `Study.run`. No result depends on how many workers there are, on which point
is computed where, or on who is killed meanwhile.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field

from eventsim.errors import SimulationError
from eventsim.progress import Progress
from eventsim.study.pools import Pool
from eventsim.study.setup import Setup
from eventsim.study.store import CLAIMED, OPEN, Claimed, Store
from eventsim.study.work import Answer, work

BEATS = 4.0  # signs of life in a lease
AHEAD = 2  # points that are handed out for each worker, so that none waits for the file
POLL = 0.2  # seconds between looks at what another writer does


@dataclass
class Tally:
    """What a call of `Study.run` did.

    Attributes
    ----------
    computed, failed
        Points that it computed, and those of them that have an error in place of a result.
    deaths
        Of workers.
    sent
        How often data travelled to a worker.
    workers
        Names of those that answered.
    busy
        Seconds of processor time of the workers, on points.
    seconds
        Of wall time.
    place
        Where points were computed.
    """

    place: str
    computed: int = 0
    failed: int = 0
    deaths: int = 0
    sent: int = 0
    workers: set[str] = field(default_factory=set)
    busy: float = 0.0
    seconds: float = 0.0

    def __str__(self) -> str:
        rate = f", {self.computed / self.seconds:.3g} points/s" if self.seconds and self.computed else ""
        died = f", {self.deaths} workers died" if self.deaths else ""
        failed = f", {self.failed} of them failed" if self.failed else ""
        return f"{self.computed} points computed in {self.seconds:.1f} s by {self.place}{rate}{failed}{died}"


class Runner:
    """One writer at work on a store.

    Parameters
    ----------
    token
        By which workers know the setup: the hash of the study.
    threads
        Of each simulation.
    most_deaths
        Workers that may die of one point before it counts as failed.
    """

    def __init__(
        self, store: Store, setup: Setup, token: str, pool: Pool, bar: Progress, threads: int | None, most_deaths: int,
        tally: Tally,
    ) -> None:  # fmt: skip
        self._store, self._setup, self._pool, self._bar = store, setup, pool, bar
        self._threads, self._most_deaths, self.tally = threads, most_deaths, tally
        self._token = token
        self._ready: deque[Claimed] = deque()
        self._suspects: deque[Claimed] = (
            deque()
        )  # in flight when a worker died: run one by one, so that the cause shows
        self._flying: dict[Future[Answer], Claimed] = {}
        self._calls, self._alone = 0, False
        self._reason: BaseException | None = None  # why the last call had no answer

    def run(self) -> None:
        """Compute until every point of the store is done or failed, also those that other writers work on."""
        began = time.perf_counter()
        before = self._store.counts()
        self._bar.expect(before[OPEN] + before[CLAIMED], None, lambda: self.tally.computed)
        try:
            with heartbeat(self._store):
                while self._fill() or self._flying or self._others_work():
                    self._take_in()
        finally:
            for future in self._flying:  # none, but where the study is stopped: an executor of the user goes on
                future.cancel()
            self.tally.seconds += time.perf_counter() - began

    # -- hand out -----------------------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Hand out as many points as the workers have use for; True where something was or is to be done."""
        most = self._pool.jobs if self._pool.jobs == 1 else AHEAD * self._pool.jobs
        if self._suspects:
            if not self._flying:
                self._hand_out(self._suspects.popleft(), alone=True)
            return True
        if len(self._ready) + len(self._flying) < most:
            self._ready += self._store.claim(most - len(self._ready) - len(self._flying))
        while self._ready and len(self._flying) < most and not self._suspects:
            self._hand_out(self._ready.popleft())
        return bool(self._flying or self._ready or self._suspects)

    def _hand_out(self, claimed: Claimed, alone: bool = False, bring: bool = False) -> None:
        self._calls += 1
        setup = self._setup if bring else None
        self.tally.sent += bring
        try:
            future = self._pool.submit(work, self._token, claimed.point, self._threads, setup, self._calls)
        except RuntimeError as error:  # the pool is broken, or shut down
            future = Future()
            future.set_exception(error)
        self._flying[future] = claimed
        self._alone = alone

    def _others_work(self) -> bool:
        """Does another writer work on the last points? Then wait for it, or for its death."""
        counts = self._store.counts()
        if counts[CLAIMED] + counts[OPEN] == 0:
            return False
        time.sleep(POLL)
        return True

    # -- take in ------------------------------------------------------------------------------------------------------

    def _take_in(self) -> None:
        if not self._flying:
            return
        wait(self._flying, timeout=1.0, return_when=FIRST_COMPLETED)
        broken = False
        for future in [one for one in self._flying if one.done()]:  # of one that was cancelled, wait may not know
            claimed = self._flying.pop(future)
            error = _problem(future)
            if error is None:
                self._answered(claimed, future.result())
            elif isinstance(error, KeyboardInterrupt):
                raise error
            else:
                broken = True
                self._suspects.append(claimed)
                self._reason = error
        if broken:
            self._worker_died()

    def _answered(self, claimed: Claimed, answer: Answer) -> None:
        self.tally.workers.add(answer.worker)
        if answer.missing:
            self._hand_out(claimed, self._alone, bring=True)
            return
        self.tally.busy += answer.seconds
        self.tally.computed += 1
        if answer.row is not None:
            self._store.finish(claimed.number, answer.row)
        else:
            self.tally.failed += 1
            self._store.fail(claimed.number, answer.error)
        self._bar.finished(claimed.number, 1)

    def _worker_died(self) -> None:
        """Everything in flight is lost with a process pool; who was alone with the worker is what it died of."""
        while not all(future.done() for future in self._flying):  # a broken pool ends all of its futures
            wait([future for future in self._flying if not future.done()], timeout=1.0)
        for future, claimed in list(self._flying.items()):
            del self._flying[future]
            if _problem(future) is None:
                self._answered(claimed, future.result())
            else:
                self._suspects.append(claimed)
        self.tally.deaths += 1
        if not self.tally.workers and self.tally.deaths >= self._most_deaths:
            raise SimulationError(
                f"study: {self.tally.deaths} workers died before they answered ({self._reason}); must be processes "
                'that can import the main module. In a script, call run below `if __name__ == "__main__":`, or give '
                "jobs=1."
            ) from self._reason
        if self._alone:
            claimed = self._suspects.pop()
            deaths = self._store.died(claimed.number)
            if deaths >= self._most_deaths:
                self.tally.computed += 1
                self.tally.failed += 1
                said = f"{deaths} workers died of it ({type(self._reason).__name__}: {self._reason})"
                self._store.fail(claimed.number, said)
                self._bar.finished(claimed.number, 1)
            else:
                self._suspects.append(claimed)
        if not self._pool.renew() and self._reason is not None and _is_broken(self._reason):
            raise SimulationError(
                f"study: the executor broke ({type(self._reason).__name__}: {self._reason}); what was computed is kept "
                "in the file. Go on with resume=True and a new executor, or give a function that returns one."
            ) from self._reason


def _problem(future: Future[Answer]) -> BaseException | None:
    """Why a call that is over has no answer: one that was cancelled, as by a cluster that is gone, lost its worker."""
    if future.cancelled():
        return CancelledError("the call was cancelled")
    return future.exception()


def _is_broken(error: BaseException) -> bool:
    """Does nothing more run in an executor that raised this?"""
    from concurrent.futures import BrokenExecutor

    return isinstance(error, BrokenExecutor) or "shutdown" in str(error)


@contextlib.contextmanager
def heartbeat(store: Store) -> Iterator[None]:
    """Keep the claims of a writer meanwhile, from a thread: a point may take longer than a lease."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(store.lease / BEATS):
            with contextlib.suppress(
                Exception
            ):  # the next beat tries again; a claim that is lost costs time, no result
                store.keep()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
