"""Seconds and memory that networks by rules take: 10^7 synapses of each rule between 10^5 neurons.

Degrees and totals are counted before a figure is printed. Memory is the largest that was in use while the rule ran
(tracemalloc, in a run of its own), in multiples of the arrays that it leaves. Relies on eventsim and numpy.
"""

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from report import Row, run_script

from eventsim import Normal, Sparse, profiles

DEGREE = 100
SIZES = {"quick": 300, "usual": 100_000, "large": 100_000}
LEFT_OUT = 5  # standard deviations of a binomial number of synapses
MOST_SECONDS = "<= 10"


def rules(n: int) -> dict[str, Callable[[], Sparse]]:
    """Each rule with n neurons on both sides, some DEGREE synapses a neuron."""
    drawn: dict[str, Any] = {"weights": Normal(0.5, 0.1), "delays": Normal(1.5, 0.5, low=0.1, outside="redraw")}
    rows = int(np.sqrt(n // 10))
    sheet = (rows, rows)  # its pairs are as many as a tenth of the others' squared: each is looked at
    f = profiles.gaussian(0.8, sd=max(1.0, rows / 25))
    return {
        "fixed_indegree": lambda: Sparse.fixed_indegree(DEGREE, n, n, weights=0.5, seed=1),
        "fixed_indegree, multapses": lambda: Sparse.fixed_indegree(DEGREE, n, n, weights=0.5, seed=1, multapses=True),
        "fixed_indegree, drawn weights and delays": lambda: Sparse.fixed_indegree(DEGREE, n, n, **drawn, seed=1),
        "fixed_outdegree": lambda: Sparse.fixed_outdegree(DEGREE, n, n, weights=0.5, seed=1),
        "fixed_total": lambda: Sparse.fixed_total(DEGREE * n, n, n, weights=0.5, seed=1),
        "bernoulli": lambda: Sparse.bernoulli(DEGREE / n, n, n, weights=0.5, seed=1),
        f"by_distance, {rows * rows:,} neurons": lambda: Sparse.by_distance(f, sheet, sheet, weights=0.5, seed=1),
    }


def check(name: str, made: Sparse, n: int) -> None:
    """Assert that a rule made what it promises."""
    rule = name.partition(",")[0]
    if rule == "fixed_indegree":
        assert (np.bincount(made.targets, minlength=n) == DEGREE).all()
    elif rule == "fixed_outdegree":
        assert (np.bincount(made.sources, minlength=n) == DEGREE).all()
    elif rule == "fixed_total":
        assert made.n_synapses == DEGREE * n
    elif rule == "bernoulli":
        assert abs(made.n_synapses - DEGREE * n) < LEFT_OUT * np.sqrt(DEGREE * n)
    else:
        assert made.n_synapses > 0
    if "multapses" not in name:
        assert not made.parallel


def memory(make: Callable[[], Any]) -> float:
    """The largest memory in use while something is made, in multiples of the arrays that it leaves."""
    tracemalloc.start()
    made = make()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / sum(array.nbytes for array in made.arrays().values())


def measure(size: str) -> list[Row]:
    """Seconds and memory of each rule."""
    n = SIZES[size]
    rows = []
    for name, make in rules(n).items():
        start = time.process_time()
        made = make()
        seconds = time.process_time() - start
        check(name, made, n)
        title = f"{name}, {made.n_synapses:,} synapses"
        rows.append(Row(title, "made and in order", seconds, "s", MOST_SECONDS))
        del made
        rows.append(Row(title, "memory / arrays", memory(make), "x"))
    return rows


if __name__ == "__main__":
    run_script(measure, __doc__)
