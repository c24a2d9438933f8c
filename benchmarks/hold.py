"""W3: hold model of the event queue, against C++'s std::priority_queue.

Take the earliest entry, put it back later by an exponentially distributed time: one pop and one push, or for a queue
that can move an entry, one move. hold.cpp is compiled here with ``g++ -O3 -march=native`` where there is a g++. Both
must end at the same bits of time. (Not called queue.py: the standard library has a module of that name.)
"""

import functools
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import workloads
from report import Row, ratio, run_script

from eventsim._jit import kernel
from eventsim.engines.compiled.queue import new_queue, requeue

Array = np.ndarray[Any, Any]
Measured = tuple[float, float]  # seconds, last time taken
SOURCE = Path(__file__).with_name("hold.cpp")
TARGETS = dict.fromkeys(workloads.W3_SIZES, "<= 1.2") | {1_000_000: "<= 1.0"}


@functools.cache
def kernels() -> tuple[Any, Any]:
    """The loops (fill, hold)."""

    @kernel
    def fill(q: Any, times: Array) -> None:
        """Put every node into the queue."""
        for node in range(times.size):
            requeue(q, node, times[node])

    @kernel
    def hold(q: Any, increments: Array, n_operations: int) -> float:
        """Move the earliest node later, n_operations times; return the time of the last one."""
        mask = increments.size - 1
        t = 0.0
        for k in range(n_operations):
            t = q[0].key
            requeue(q, q[0].node, t + increments[k & mask])
        return t

    return fill, hold


def hold_eventsim(times: Array, increments: Array, n_operations: int) -> Measured:
    """The hold model on eventsim's queue."""
    fill, hold = kernels()
    q = new_queue(times.size)
    fill(q, times)
    start = time.process_time()
    last = hold(q, increments, n_operations)
    return time.process_time() - start, last


def compiler() -> str | None:
    """The C++ compiler, if there is one."""
    return shutil.which("g++")


def hold_cpp(folder: Path) -> Callable[[Array, Array, int], Measured]:
    """The hold model on std::priority_queue, compiled into `folder`."""
    program = folder / "hold"
    subprocess.run([str(compiler()), "-O3", "-march=native", "-o", str(program), str(SOURCE)], check=True)

    def run(times: Array, increments: Array, n_operations: int) -> Measured:
        for name, numbers in (("times", times), ("increments", increments)):
            numbers.tofile(folder / name)
        command = [str(program), str(folder / "times"), str(folder / "increments"), str(n_operations)]
        seconds, last = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        return float(seconds), float.fromhex(last)

    return run


def measure_size(size: int, n_operations: int, rounds: int, peer: Callable[..., Measured] | None) -> list[Row]:
    """Nanoseconds of one hold at one size, and the ratio to C++."""
    times, increments = workloads.w3_times(size)
    ours: list[float] = []
    theirs: list[float] = []
    hold_eventsim(times[:10], increments, 10)
    for _ in range(rounds):
        seconds, last = hold_eventsim(times, increments, n_operations)
        ours.append(seconds)
        if peer is not None:
            seconds, expected = peer(times, increments, n_operations)
            assert last == expected, f"the last of {n_operations} holds is at {last!r}, in C++ at {expected!r}"
            theirs.append(seconds)
    name = f"W3 queue, {size:,} entries"
    rows = [Row(name, "one hold", statistics.median(ours) / n_operations * 1e9, "ns")]
    if theirs:
        rows.append(Row(name, "time / std::priority_queue", ratio(ours, theirs), "x", TARGETS[size]))
    return rows


def measure(size: str = "usual") -> list[Row]:
    """Hold models of 10^2 to 10^6 entries; if quick, two sizes."""
    quick = size == "quick"
    with tempfile.TemporaryDirectory() as folder:
        peer = hold_cpp(Path(folder)) if compiler() else None
        n_operations, rounds = (100_000, 2) if quick else (1_000_000, 7)
        sizes = workloads.W3_SIZES[:2] if quick else workloads.W3_SIZES
        return [row for n in sizes for row in measure_size(n, n_operations, rounds, peer)]


if __name__ == "__main__":
    run_script(measure, __doc__)
