"""What each source and population of a run did, in a row each: how many spikes, how fast, how regular, when.

Relies on what was recorded. `Run.summary` is its public face. A cell is empty where the run does not know.
"""

import contextlib
import math
from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import InputError
from eventsim.run.recorded import RecordedRun
from eventsim.table import Column, Table, dotted

Array = np.ndarray[Any, Any]


class Trains(NamedTuple):
    """The spikes of one population in some samples.

    Attributes
    ----------
    times : array (n_spikes,)
        By neuron and sample, increasing in each.
    train : array (n_spikes,)
        A number for each neuron and sample.
    every
        Whether these are all spikes; else they are the first of each train.
    """

    times: Array
    train: Array
    every: bool


class Span(NamedTuple):
    """The samples that a summary is over, and how many of them were simulated for how long in all.

    Attributes
    ----------
    samples
        All of the run, or one.
    n
        How many of these were simulated; None where a file does not say.
    time
        Simulated time, in the unit of the run, over these samples; None where nothing but the lack of events ended one.
    """

    samples: slice
    n: int | None
    time: float | None


def summary(run: RecordedRun, sample: int | None = None) -> Table:
    """Return what each source and population did; `Run.summary` says what the columns are."""
    if sample is not None:
        sample = run._sample("summary", sample)
    over = _span(run, sample)
    recorded = _sorted_spikes(run, over.samples)
    unit = run.provenance.get("time_unit")
    rows = tuple(_row(run, index, over, recorded.get(name), unit) for index, name in enumerate(run.populations))
    return Table(_columns(unit), rows, below=_below(run, sample, over, unit))


def _columns(unit: float | None) -> tuple[Column, ...]:
    rate = "rate (Hz)" if unit is not None else "rate (per unit of time)"
    columns = [Column("population", text=True), Column("neurons", ","), Column("spikes", ",", missing="-")]
    columns += [Column(name, ".4g", missing="-") for name in ("spikes a neuron", rate, "CV")]
    columns += [Column(name, ".6g", missing="-") for name in ("first", "median", "last", "latency")]
    return (*columns, *(Column(name, dotted, missing="-") for name in ("premature", "late")))


def _below(run: RecordedRun, sample: int | None, over: Span, unit: float | None) -> tuple[str, ...]:
    """Which samples, in which unit of time, and whether there should have been more."""
    of = f"sample {sample}" if sample is not None else f"{run.n_samples} sample{'s' if run.n_samples != 1 else ''}"
    lines = [f"{of}; times in units of {unit:g} s" if unit is not None else f"{of}; times in units of the network"]
    if not run.complete:
        done = "" if over.n is None or sample is not None else f"; {over.n} of {run.n_samples} samples were begun"
        lines.append(f"INCOMPLETE: the run ended early{done}")
    return tuple(lines)


def _span(run: RecordedRun, sample: int | None) -> Span:
    samples = slice(0, run.n_samples) if sample is None else slice(sample, sample + 1)
    with contextlib.suppress(InputError):  # of a file that does not say
        reached = run.reached[samples]
        began = reached[~np.isnan(reached)]
        time = float(began.sum())
        return Span(samples, began.size, time if 0.0 < time < math.inf else None)
    return Span(samples, None, None)


def _sorted_spikes(run: RecordedRun, samples: slice) -> dict[str, Trains]:
    """All spikes of the populations of which all were recorded. One stable sort by train: O(n log n) in the spikes."""
    if run.records.spikes is None:
        return {}
    low, high = np.searchsorted(run.spikes["sample"], [samples.start, samples.stop])
    spikes = run.spikes[low:high]
    n = run.n_samples
    first = np.cumsum([0, *run.sizes])
    kind = np.int32 if first[-1] * n < 2**31 else np.int64
    train = first.astype(kind)[spikes["population"]]
    train += spikes["neuron"]
    train *= n
    train += spikes["sample"]
    order = np.argsort(train, kind="stable")
    train, times = train[order], spikes["time"][order]
    borders = np.searchsorted(train, first * n).tolist()
    return {
        name: Trains(times[borders[k] : borders[k + 1]], train[borders[k] : borders[k + 1]], True)
        for k, name in enumerate(run.populations)
        if name in run.recorded_populations
    }


def _first_spikes(run: RecordedRun, name: str, samples: slice) -> Trains | None:
    """The first spikes of a population, which are all of them where as many were counted."""
    counted = run.counters["by_population"][name]["spikes"]
    if run.records.first is None:
        return None if counted else Trains(np.empty(0), np.empty(0, dtype=np.int64), True)
    columns = run._columns(name)
    fired = (run.records.first[:, columns] < math.inf).astype(bool)
    every = int(np.count_nonzero(fired)) == counted
    mine = np.flatnonzero(fired[samples])
    times = run.records.first[samples, columns].ravel()[mine].astype(np.float64)
    return Trains(times, mine, every or not mine.size)


def _row(run: RecordedRun, index: int, over: Span, trains: Trains | None, unit: float | None) -> tuple[Any, ...]:
    name, size = run.populations[index], run.sizes[index]
    counted = run.counters["by_population"][name]
    whole = over.samples == slice(0, run.n_samples)
    if over.n == 0:  # none of these samples was begun: they are not silent
        return (name, size, *[None] * 10)
    trains = _first_spikes(run, name, over.samples) if trains is None else trains
    every = trains is not None and trains.every
    times = np.empty(0) if trains is None else trains.times
    spikes = counted["spikes"] if whole else len(times) if every else None
    share = None if spikes is None or over.n is None else spikes / (size * over.n)
    rate = None
    if spikes is not None and over.time is not None:
        rate = spikes / (size * over.time) / (1.0 if unit is None else unit)
    cv = _irregularity(trains) if trains is not None and every else None
    first = float(times.min()) if times.size else None
    window = run.windows.get(name)
    latency = None if first is None or window is None else first - float(window[-2])
    median, last = (float(np.median(times)), float(times.max())) if times.size and every else (None, None)
    premature = counted["premature"] if whole or not counted["premature"] else _premature(run, name, over.samples)
    late = counted["late"] if whole or not counted["late"] else None
    return (name, size, spikes, share, rate, cv, first, median, last, latency, premature, late)


def _premature(run: RecordedRun, name: str, samples: slice) -> int | None:
    """How many neurons fired before t_min, in some samples: those of populations with a window fire once at most."""
    window = run.windows.get(name)
    if run.records.first is None or window is None:
        return None
    early = (run.records.first[samples, run._columns(name)] < window[-2]).astype(bool)
    return int(np.count_nonzero(early))


def _irregularity(trains: Trains) -> float | None:
    """Mean coefficient of variation of the intervals, over trains of two intervals or more; None without one."""
    begins = np.flatnonzero(np.append(True, trains.train[1:] != trains.train[:-1])[: len(trains.train)])
    n_intervals = np.diff(np.append(begins, len(trains.train))) - 1
    enough = n_intervals >= 2
    if not enough.any():
        return None
    within = trains.train[1:] == trains.train[:-1]
    intervals = np.diff(trains.times)[within][np.repeat(enough, n_intervals)]
    n = n_intervals[enough]
    at = np.cumsum(n) - n
    mean = np.add.reduceat(intervals, at) / n
    variance = np.add.reduceat((intervals - np.repeat(mean, n)) ** 2, at) / n
    resolved = mean > 0  # of Fractions, several may round to one float64
    return float(np.mean(np.sqrt(variance[resolved]) / mean[resolved])) if resolved.any() else None
