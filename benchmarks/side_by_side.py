"""The working tree against another commit, side by side: ``.venv/bin/python benchmarks/side_by_side.py c16eeb5``.

A process for each of the two stays alive and runs one workload after another, in turn with the other one, so that both
see the same machine: the same processor, on which they take turns. The ratio is that of processor times within a round,
which is above 1 where the working tree is slower. Workloads are those of W1, W2, W4 and the demo, and two in which
source spikes are sent at their time: through a bus, and to synapses with delays of their own. What they count must be
equal. Last come the demo with faults, and on a mesh of 4 × 4 cores, held against the ideal demo of the other commit.

The other commit is checked out below a temporary folder and removed again; compiled loops go there, too.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HERE, THERE = "here", "there"
FAULTY = "jitter, clock, 6 bits: ideal there"
ON_MESH = "demo on a mesh: ideal there"
UNEQUAL = (FAULTY, ON_MESH)  # in what they count


def jobs() -> dict[str, Callable[[], Any]]:
    """What is timed, by name; each returns a run. The benchmarks are those of the commit that is measured."""
    import numpy as np
    import w1
    import w2
    import w4
    import workloads

    import eventsim
    from eventsim import models
    from eventsim.models import digits

    bus = getattr(eventsim, "fabric", None) or eventsim.transport  # type: ignore[attr-defined]  # other commits
    dense, times = workloads.w1_network(), workloads.w1_inputs()
    recurrent = workloads.w2_network(workloads.w2_synapses(1000))
    found: dict[str, Callable[[], Any]] = {
        "W1": lambda: w1.simulate(dense, times),
        "W2": lambda: w2.cells_alone(recurrent),
    }
    for layer in w4.LAYERS:
        net, x = w4.network(*layer)[0], w4.images(*layer)
        name = f"W4, {layer[0]} channels of {layer[1]} × {layer[1]}"
        found[name] = functools.partial(eventsim.simulate, net, x, record="first_spikes", threads=1)
    mapped = models.to_ttfs(digits.network(), digits.calibration_images()[0], windows=[8.0, 8.0])
    found["demo"] = lambda: eventsim.simulate(mapped, digits.test_images()[0], threads=1)
    given = [{"fault": "jitter", "sigma": 1e-3}, {"fault": "clock", "period": 1e-2}]
    given += [{"fault": "weight_quantization", "bits": 6}]
    options_of_faults: Any = {"faults": given} if hasattr(eventsim.faults, "WeightQuantization") else {}
    faulty = functools.partial(eventsim.simulate, mapped, digits.test_images()[0], threads=1, **options_of_faults)
    rng, n = np.random.default_rng(0), 400
    spread = eventsim.Sparse(
        np.repeat(np.arange(200), 20), rng.integers(0, n, 4000), rng.normal(0.1, 0.1, 4000),
        delays=rng.uniform(0.1, 2.0, 4000),
    )  # fmt: skip
    through: dict[str, Any] = {"a bus": eventsim.Dense(rng.normal(0.02, 0.05, (n, 200))), "delays of synapses": spread}
    for name, projection in through.items():
        net = eventsim.Network()
        net.source(200, "input", generator=eventsim.Poisson(2.0))
        net.population("lif_delta", n, "cells", tau_mem=10.0, t_ref=0.5)
        net.connect("input", "cells", projection)
        options: Any = {"until": 40.0, "transport": bus.AerBus(1e-5) if name == "a bus" else None, "threads": 1}
        found[name] = functools.partial(eventsim.simulate, net, **options)
    on_chip: dict[str, Any] = {}
    if hasattr(eventsim, "hardware"):
        mapped = models.to_ttfs(digits.network(), digits.calibration_images()[0], windows=[8.0, 8.0], time_unit=5e-6)
        on_chip = {"transport": eventsim.hardware.chip("mesh").place(mapped, "by_layer")}
    mesh = functools.partial(eventsim.simulate, mapped, digits.test_images()[0], threads=1, **on_chip)
    return found | {FAULTY: faulty, ON_MESH: mesh}


def work() -> None:
    """Answer each name on stdin with processor seconds and what was counted."""
    made = jobs()
    print("\t".join(made), flush=True)
    for line in sys.stdin:
        call = made[line.rstrip("\n")]
        started = time.process_time()
        run = call()
        spent = time.process_time() - started
        print(spent, run.counters["spikes"], run.counters["visited"], flush=True)


def worker(root: Path, cache: Path) -> "subprocess.Popen[str]":
    """A process that measures the checkout in `root`."""
    paths = f"{root}{os.pathsep}{root / 'benchmarks'}"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # inherited
    environment = {**os.environ, "PYTHONPATH": paths, "EVENTSIM_CACHE": str(cache)}
    return subprocess.Popen(
        [sys.executable, __file__, "--work"], cwd=root, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def asked(process: "subprocess.Popen[str]", name: str) -> list[float]:
    """Seconds, spikes and visited synapses of one call."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{name}\n")
    process.stdin.flush()
    return [float(word) for word in process.stdout.readline().split()]


def compare(commit: str, rounds: int, only: str) -> None:
    """Print a line for each workload whose name contains `only`."""
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", other, commit], cwd=ROOT, check=True)
        processes: dict[str, subprocess.Popen[str]] = {}
        try:
            roots = {HERE: ROOT, THERE: other}
            processes = {name: worker(root, Path(folder) / f"loops-{name}") for name, root in roots.items()}
            names = [process.stdout.readline().rstrip("\n").split("\t") for process in processes.values()]  # type: ignore[union-attr]
            for name in (one for one in names[0] if one in names[1] and only in one):
                first = {side: asked(process, name) for side, process in processes.items()}
                assert name in UNEQUAL or first[HERE][1:] == first[THERE][1:], f"{name} counts {first}"
                seconds: dict[str, list[float]] = {HERE: [], THERE: []}
                for k in range(rounds):
                    for side in (HERE, THERE) if k % 2 else (THERE, HERE):
                        seconds[side].append(asked(processes[side], name)[0])
                ratios = [one / two for one, two in zip(seconds[HERE], seconds[THERE], strict=True)]
                best = min(seconds[HERE]) / min(seconds[THERE])
                print(
                    f"{name:36} {statistics.median(ratios):6.3f}  (best {best:.3f}, {min(seconds[HERE]):.4f} s)",
                    flush=True,
                )
        finally:
            for process in processes.values():
                process.kill()
                process.wait()
            subprocess.run(["git", "worktree", "remove", "--force", other], cwd=ROOT, check=True)


def main() -> None:
    """Parse the command line, and go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", nargs="?", help="what to compare with")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads whose name contains this")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work()
    elif given.commit is None:
        parser.error("name a commit")
    else:
        compare(given.commit, given.rounds, given.only)


if __name__ == "__main__":
    main()
