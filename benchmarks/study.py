"""How fast a study is: 200 points of 300 digits each on the demo network, by one process and by two.

    python benchmarks/study.py [POINTS]

Prints wall time and processor time of each, the speed-up, how often data travelled to a worker, and how much of a point
is simulation. Where other programs use the machine, wall time says nothing. Then look at processor time: that of one
process, by half of what two workers need in all, their start included, is the speed-up on two free cores. Asserts that
both have the same rows.
"""

import os
import resource
import sys
import time

from eventsim import models
from eventsim.models import digits
from eventsim.study import Results, Study

POINTS = 200
IMAGES = 300


def study(points: int) -> Study:
    """Jitter on the demo network, a seed for each fifth point."""
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0])
    images, labels = digits.test_images()
    sigmas = [0.001 * 2**k for k in range(10)]
    return Study(
        net, images[:IMAGES], {"jitter.sigma": sigmas}, labels[:IMAGES], faults=[{"fault": "jitter"}],
        seeds=max(points // len(sigmas), 1),
    )  # fmt: skip


def timed(one: Study, jobs: int) -> tuple[Results, float]:
    """Run a study from an empty file; return its results and seconds of wall time."""
    began = time.perf_counter()
    results = one.run(jobs=jobs, progress=False)
    return results, time.perf_counter() - began


def told(results: Results) -> list[object]:
    """What must be the same whoever computed it."""
    return [
        (entry.point, entry.result and entry.result["correct"], entry.result and entry.result["spikes"])
        for entry in results.entries
    ]


def main() -> None:
    """Run, compare, print."""
    points = int(sys.argv[1]) if len(sys.argv) > 1 else POINTS
    one = study(points)
    timed(study(10), 1)  # compiles
    load = os.getloadavg()[0]
    before = time.process_time()
    alone, alone_seconds = timed(one, 1)
    needed = time.process_time() - before
    pair, pair_seconds = timed(one, 2)
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    half = (workers.ru_utime + workers.ru_stime) / 2
    assert told(alone) == told(pair)
    assert alone.complete
    n = len(alone.entries)
    simulated = sum(entry.result["run_seconds"] for entry in alone.entries if entry.result)
    in_all = sum(entry.result["seconds"] for entry in alone.entries if entry.result)
    print(f"{n} points of {IMAGES} digits, load of the machine before: {load:.1f}")
    for name, results, seconds in (("one process", alone, alone_seconds), ("two processes", pair, pair_seconds)):
        busy = results.tally.busy
        print(
            f"{name:<14} {seconds:6.1f} s wall, {busy:6.1f} s of processor, {1e3 * busy / n:5.1f} ms a point, data "
            f"sent {results.tally.sent} times"
        )
    print(f"two processes are {alone_seconds / pair_seconds:.2f} x as fast; {simulated / in_all:.0%} is simulation")
    print(f"processor time: {needed:.1f} s of one process, {half:.1f} s of each of two workers: {needed / half:.2f} x")


if __name__ == "__main__":
    main()
