"""The row of a point: simulate it, and hold it against the ideal run and the labels. Pure: a point, its row.

Relies on the bench. Used in workers, by `work`.
"""

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import InputError
from eventsim.study.bench import Bench
from eventsim.study.observation import Observation
from eventsim.study.point import Point
from eventsim.study.time_errors import first_moved, layer_errors

Array = np.ndarray[Any, Any]
LABELLED = ("correct", "ideal_correct", "right_to_wrong", "wrong_to_right", "accuracy")  # numbers that need labels
DECIDED = (*LABELLED, "agree", "changed", "undecided", "agreement")  # and those that need decisions
TOTALS = ("spikes", "premature", "late", "clipped", "lost", "events", "visited")

LATENCIES = ("decided_median", "decided_max", "last_spike_median", "last_spike_max")
NUMBERS = ("samples", *DECIDED, *TOTALS, *LATENCIES, "run_seconds", "seconds")


class Row(NamedTuple):
    """What is known of a point.

    Attributes
    ----------
    values
        Of what JSON knows, by name: docs/reference/studies.md has them all.
    decisions : array (n_samples,) or (n_samples, n_out)
        Int64; None where nothing decides.
    """

    values: dict[str, Any]
    decisions: Array | None


def evaluate(bench: Bench, point: Point) -> Row:
    """Return the row of a point.

    Raises
    ------
    EventsimError
        What `simulate` refuses, or stops at.
    """
    began = time.perf_counter()
    case = bench.case([name for name, _ in point.values], point.settings)
    ideal = bench.ideal(case, point.seed)
    run = bench.observed(bench.run(case, point.seed))
    if run.n_samples != ideal.n_samples:
        raise InputError(f"study: {run.n_samples} samples, but {ideal.n_samples} in the ideal run; must be as many.")
    decided = decisions(ideal, run, bench.setup.labels)
    flipped = None if run.decisions is None else _wrong(run.decisions, ideal.decisions)
    layers = layer_errors(ideal, run, flipped)
    counters = {name: value for name, value in run.counters.items() if name != "by_population"}
    values = {
        "samples": run.n_samples,
        **decided,
        **{name: run.counters[name] for name in TOTALS if name in run.counters},
        **latencies(run),
        "first_moved": first_moved(layers, "begun"),
        "first_moved_flipped": None if flipped is None else first_moved(layers, "flips_begun"),
        "layers": layers,
        "counters": counters,
        "by_population": run.counters["by_population"],
        "run_seconds": run.seconds,
        "seconds": time.perf_counter() - began,
    }
    return Row(finite(values), run.decisions)


def decisions(ideal: Observation, run: Observation, labels: Array | None) -> dict[str, Any]:
    """Return how many samples are decided rightly, as the ideal run does, and what changed which way.

    A sample that both runs leave undecided is neither agreed on nor changed.
    """
    found: dict[str, Any] = dict.fromkeys(DECIDED)
    if run.decisions is None or ideal.decisions is None:
        return found
    changed = _wrong(run.decisions, ideal.decisions)
    n = len(changed)
    undecided = (run.decisions.reshape(n, -1) < 0).any(axis=1)
    agree = int((~changed & ~undecided).sum())
    found |= {"agree": agree, "changed": int(changed.sum()), "undecided": int(undecided.sum()), "agreement": agree / n}
    if labels is not None:
        if labels.shape != run.decisions.shape:
            raise InputError(
                f"study: labels have shape {labels.shape}, decisions {run.decisions.shape}; must be equal. Give the "
                "right decision of each sample."
            )
        wrong, was_wrong = _wrong(run.decisions, labels), _wrong(ideal.decisions, labels)
        found |= {
            "correct": n - int(wrong.sum()), "ideal_correct": n - int(was_wrong.sum()),
            "right_to_wrong": int((wrong & ~was_wrong).sum()), "wrong_to_right": int((was_wrong & ~wrong).sum()),
            "accuracy": (n - int(wrong.sum())) / n,
        }  # fmt: skip
    return found


def latencies(run: Observation) -> dict[str, float]:
    """Return median and largest time of the decision and of the last neuron that fires, over the samples.

    A decision is made at the read-out time, or by the first spike of the deciding population; infinite where it is not.
    """
    found: dict[str, float] = {}
    for name, times in (("decided", run.decided), ("last_spike", run.last)):
        found |= {f"{name}_median": _middle(times), f"{name}_max": float(times.max())}
    return found


def finite(value: Any) -> Any:
    """Return what JSON knows: numbers that are not finite are None."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _middle(times: Array) -> float:
    """The median; the upper one of two in the middle, since one of them may be infinite."""
    return float(np.sort(times)[len(times) // 2])


def _wrong(decisions: Array, right: Array | None) -> Array:
    """Which samples are decided otherwise, in any output."""
    assert right is not None
    other: Array = (decisions != right).reshape(len(decisions), -1).any(axis=1)
    return other


def rows_paired(a: Array, b: Array, labels: Sequence[int] | Array) -> tuple[int, int]:
    """Return how many samples a alone, and b alone, decides rightly."""
    right = np.asarray(labels)
    wrong_a, wrong_b = _wrong(a, right), _wrong(b, right)
    return int((~wrong_a & wrong_b).sum()), int((wrong_a & ~wrong_b).sum())
