"""What the benchmarks share: interleaved timing, rows of figures with their targets, and what machine this is.

A figure is a ratio of two things measured in turn in one run, since absolute times move with the machine and its load.
Used by every script here; each prints its table, or with ``--json`` hands its rows to run.py.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

MARK = "rows as json: "


@dataclass(frozen=True)
class Row:
    """One figure. `target` is text such as "<= 2.8"; figures without one are there to be compared over time."""

    benchmark: str
    quantity: str
    value: float
    unit: str = ""
    target: str = ""

    @property
    def met(self) -> bool | None:
        """Is the target reached? None where there is none."""
        if not self.target:
            return None
        sign, bound = self.target.split()
        return self.value <= float(bound) if sign == "<=" else self.value >= float(bound)


def in_turn(
    calls: Sequence[Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    pause: float = 0.0,
) -> list[list[float]]:
    """Seconds of each call in every round; a round makes each call once. One more round, the first, does not count.

    What runs on one thread is measured in seconds of processor time, from which the waiting for other programs is
    missing; what runs on several needs ``clock=time.perf_counter`` and an idle machine. Before each call there are
    `pause` seconds: threads that have worked for one library go on looking for work for a while, on processors that the
    next call needs.
    """
    seconds: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for call, mine in zip(calls, seconds, strict=True):
            time.sleep(pause)
            start = clock()
            call()
            if number:
                mine.append(clock() - start)
    return seconds


def ratio(seconds: list[float], reference: list[float]) -> float:
    """Median over the rounds of the ratio within a round: what slows down a whole round cancels."""
    return statistics.median(a / b for a, b in zip(seconds, reference, strict=True))


def table(rows: list[Row]) -> str:
    """Rows as text: benchmark, quantity, value, target, whether it is met."""
    cells = [("benchmark", "quantity", "value", "target", "")]
    for row in rows:
        verdict = {None: "", True: "met", False: "NOT MET"}[row.met]
        cells.append((row.benchmark, row.quantity, f"{row.value:.3g} {row.unit}".strip(), row.target, verdict))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def add_size(parser: argparse.ArgumentParser) -> None:
    """Add --quick and --large: `size` is "quick", "usual" or "large"."""
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        "--quick", dest="size", action="store_const", const="quick", default="usual",
        help="small sizes and few rounds: does everything run?",
    )  # fmt: skip
    sizes.add_argument("--large", dest="size", action="store_const", const="large", help="also sizes that take minutes")


def run_script(measure: Callable[[str], list[Row]], description: str | None) -> None:
    """Command line of a benchmark: measure(size) and print the table; --json is for run.py."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_size(parser)
    parser.add_argument("--json", action="store_true", help="print the rows for another program")
    options = parser.parse_args()
    rows = measure(options.size)
    if options.json:
        print(MARK + json.dumps([asdict(row) for row in rows]))
    else:
        print(table(rows))


def rows_of(script: Path, *options: str) -> list[Row]:
    """Run a benchmark in a process of its own, so that none warms another's caches, and return its rows."""
    command = [sys.executable, str(script), "--json", *options]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    (line,) = [line for line in output.splitlines() if line.startswith(MARK)]
    return [Row(**fields) for fields in json.loads(line.removeprefix(MARK))]


def machine() -> str:
    """Processor, caches, and the versions that matter, as the diary wants them."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    facts = [*_processor(), f"Python {platform.python_version()}", versions]
    return "; ".join(facts)


def _processor() -> Iterator[str]:
    """What Linux tells of the processor; elsewhere the little that Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        yield platform.processor() or platform.machine()
        return
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    yield f"{names[0] if names else platform.machine()}, {max(1, len(names))} cores"
    for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((cache / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            yield f"L{level} {size}"
