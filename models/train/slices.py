"""Work on a batch in slices of samples: each stays in the cache, and threads share them.

Which slices there are depends on shapes alone, and what they give is put together in their order, so that results do
not depend on the number of threads, bit for bit. There are as many threads as BLAS has: so many as
``OPENBLAS_NUM_THREADS`` or else ``OMP_NUM_THREADS`` says when this module is imported, otherwise one a processor. numpy
lets go of the interpreter's lock in its loops, so threads are all it takes. Used by the operations on numpy's arrays
and by Adam.
"""

import contextvars
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
VALUES = 1 << 17  # of a slice at most: a few such arrays stay in a second-level cache


def _number_of_threads() -> int:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        first = os.environ.get(name, "").partition(",")[0].strip()  # OpenMP has a number a level
        if first.isdecimal() and int(first):
            return int(first)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


THREADS = _number_of_threads()


def in_slices(work: Callable[[slice], T], n: int, size: int) -> list[T]:
    """Return what `work` gives for each slice, in their order; it must write to places of that slice alone.

    Parameters
    ----------
    work
        Called with each slice, on several threads at once.
    n
        How many samples there are.
    size
        How many values of one sample `work` goes over.
    """
    slices = _slices(n, size)
    n_threads = min(THREADS, len(slices))
    if n_threads < 2:
        return [work(one) for one in slices]
    shares = [slices[k * len(slices) // n_threads : (k + 1) * len(slices) // n_threads] for k in range(n_threads)]

    def share(some: list[slice]) -> list[T]:
        return [work(one) for one in some]

    # In a copy of the context: numpy's `errstate` is part of it. The first share is this thread's own.
    others = [_pool(os.getpid()).submit(contextvars.copy_context().run, share, some) for some in shares[1:]]
    try:
        found = share(shares[0])
    finally:
        wait(others)  # nobody writes to an array behind the back of whoever handles an interruption
    return sum((other.result() for other in others), found)


@functools.lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:  # noqa: ARG001 - a forked process has none of its parent's threads
    return ThreadPoolExecutor(THREADS - 1, thread_name_prefix="eventsim-slices")


@functools.lru_cache(maxsize=256)
def _slices(n: int, size: int) -> list[slice]:
    """A power of two of them, which threads can share evenly, as far as there are samples; of `VALUES` at most."""
    wanted = max(-(-n * size // VALUES), 1)
    number = min(1 << (wanted - 1).bit_length(), max(n, 1))
    return [slice(k * n // number, (k + 1) * n // number) for k in range(number)]
