"""`compare`: which neurons of two runs spike at different times, where that begins, and by how much.

Relies on the spike trains of runs. Used by people who changed one thing (an engine, a fault, a weight, a version) and
want to know what it did. What it returns is in `comparison`.
"""

import math
from typing import Any

import numpy as np

from eventsim.errors import InputError, listed
from eventsim.inspection.comparison import Comparison, difference_dtype
from eventsim.inspection.trains import Array, Trains, first_neurons, has_all_spikes, positions_in_groups, trains
from eventsim.network.sources import exactly
from eventsim.run.run import Run
from eventsim.wording import places

# Entries of the provenance that say how a run was made, and what to call them.
CIRCUMSTANCES = {
    "network_hash": "networks",
    "seed": "seeds",
    "faults": "faults",
    "transport": "transports",
    "time_unit": "time units",
}


def compare(run_a: Run, run_b: Run) -> Comparison:
    """Hold the spikes of two runs against each other, spike number by spike number, to the last bit.

    The runs may be of different networks, as long as these have the same populations. Where one of them recorded first
    spikes only, first spikes are compared. Samples are matched by their ids; a sample is called by its place in
    `run_a`. Fractions are compared exactly, also with floats.

    Parameters
    ----------
    run_a, run_b
        Runs recorded with "spikes" or "first_spikes"; both complete, and simulated up to the same `until`.

    Raises
    ------
    InputError
        Other populations or sizes, other samples, a run without spikes, a run that ended earlier than the other.

    Notes
    -----
    Cost: O(n log n) in the number of spikes; about half a second for a million in each run. Held by
    tests/test_compare.py.
    """
    _check(run_a, run_b)
    rows = _matched(run_a, run_b)
    for name, run in (("run_a", run_a), ("run_b", run_b)):
        if 0 < len(run.recorded_populations) < len(run.populations):
            raise InputError(
                f"compare: {name} recorded all spikes of {listed(run.recorded_populations)} alone; must hold those "
                'of all, or first spikes. Simulate with record="spikes" or "first_spikes".'
            )
    every = has_all_spikes(run_a) and has_all_spikes(run_b)
    spikes_a, spikes_b = trains("compare", "run_a", run_a, every), trains("compare", "run_b", run_b, every)
    if object in (spikes_a.time.dtype, spikes_b.time.dtype):  # a Fraction minus a float would be a rounded float
        spikes_a, spikes_b = (one._replace(time=_exact(one.time)) for one in (spikes_a, spikes_b))
    a = _Sorted(run_a, spikes_a, np.arange(run_a.n_samples), every)
    b = _Sorted(run_b, spikes_b, rows, every)
    pairs = _Pairs(a, b)
    notes = _notes(run_a, run_b, every, rows)
    differing, readout = _readouts(run_a, run_b, rows, notes)
    return Comparison(
        n_samples=run_a.n_samples,
        n_spikes=(len(a.time), len(b.time)),
        all_spikes=every,
        differences=_differences(run_a, pairs),
        shapes=dict(zip(run_a.populations, run_a.shapes, strict=True)),
        by_population=_by_population(run_a, pairs),
        differing_predictions=differing,
        readout_difference=readout,
        notes=tuple(notes),
    )


def _exact(times: Array) -> Array:
    return np.array([*map(exactly, times.tolist()), None], dtype=object)[:-1]


def _check(run_a: Any, run_b: Any) -> None:
    """Refuse what cannot be compared."""
    for name, run in (("run_a", run_a), ("run_b", run_b)):
        if not isinstance(run, Run):
            raise InputError(
                f"compare: {name} is a {type(run).__name__}; must be a Run. Give what eventsim.simulate or load_run "
                "returned."
            )
    have = [dict(zip(run.populations, run.sizes, strict=True)) for run in (run_a, run_b)]
    if list(have[0].items()) != list(have[1].items()):
        first, second = (", ".join(f"{name} {size}" for name, size in each.items()) for each in have)
        raise InputError(
            f"compare: run_a has {first}; run_b has {second}; must have the same populations of the same sizes. "
            "Compare runs of one network, or of networks that differ in weights and parameters only."
        )
    if run_a.n_samples != run_b.n_samples:
        raise InputError(
            f"compare: run_a has {run_a.n_samples} samples, run_b has {run_b.n_samples}; must have as many. Simulate "
            "the same samples."
        )
    for name, run in (("run_a", run_a), ("run_b", run_b)):
        if not run.complete:
            raise InputError(
                f"compare: {name} ended early (an error or a budget), so that spikes may be missing; must be complete. "
                "Simulate it to its end: raise max_events or max_time."
            )
    stops = [run.provenance.get("stop") for run in (run_a, run_b)]
    if stops[0] != stops[1] and sorted(run_a.reached.tolist()) != sorted(run_b.reached.tolist()):
        raise InputError(
            f"compare: run_a was simulated with stop = {stops[0]}, run_b with stop = {stops[1]}; must be the same, "
            "since one of them ended earlier. Simulate both with the same stop."
        )
    ends = [run.provenance.get("until") for run in (run_a, run_b)]
    if ends[0] != ends[1]:
        raise InputError(
            f"compare: run_a was simulated with until = {ends[0]}, run_b with until = {ends[1]}; must be the same, "
            "since one of them ended earlier. Simulate both with the same until."
        )


def _matched(run_a: Run, run_b: Run) -> Array:
    """The place in `run_a` of each sample of `run_b`: that of the same id; of equal ids in their order."""
    ids_a, ids_b = (
        np.asarray(run.provenance.get("sample_ids", range(run.n_samples)), dtype=np.uint64) for run in (run_a, run_b)
    )
    order_a, order_b = np.argsort(ids_a, kind="stable"), np.argsort(ids_b, kind="stable")
    unequal = np.flatnonzero(ids_a[order_a] != ids_b[order_b])
    if unequal.size:
        k = unequal[0]
        raise InputError(
            f"compare: sample ids differ (in order, {ids_a[order_a][k]} in run_a, {ids_b[order_b][k]} in run_b); must "
            "be the same set. Give both runs the same sample_ids."
        )
    rows = np.empty(run_a.n_samples, dtype=np.int64)
    rows[order_b] = order_a
    return rows


class _Sorted:
    """Spikes by slot (sample in run_a, neuron) and number.

    Attributes
    ----------
    slot, time, number : array (n_spikes,)
        Slot, time, and number among the spikes of that slot.
    place : array (n_spikes,)
        Position among the spikes of the sample, in event order; 0 where that was not recorded.
    """

    def __init__(self, run: Run, spikes: Trains, rows: Array, ordered: bool) -> None:
        slot = rows[spikes.sample] * int(first_neurons(run)[-1]) + spikes.neuron
        order = np.argsort(slot, kind="stable")
        begins = np.searchsorted(spikes.sample, np.arange(run.n_samples))
        place = np.arange(len(slot)) - begins[spikes.sample] if ordered else np.zeros(len(slot), dtype=np.int64)
        self.slot, self.time, self.place = slot[order], spikes.time[order], place[order]
        self.number = positions_in_groups(self.slot)


class _Pairs:
    """The spikes of both runs side by side, by slot and number; inf where a run has no such spike."""

    def __init__(self, a: _Sorted, b: _Sorted) -> None:
        if np.array_equal(a.slot, b.slot):
            self.slot, self.number = a.slot, a.number
            self.time_a, self.time_b, self.place_a, self.place_b = a.time, b.time, a.place, b.place
        else:
            width = 1 + int(max(a.number.max(initial=0), b.number.max(initial=0)))
            slot, number = np.concatenate((a.slot, b.slot)), np.concatenate((a.number, b.number))
            if int(slot.max()) * width < 2**62:
                order = np.argsort(slot * width + number, kind="stable")  # of two sorted parts: they are merged
            else:
                order = np.lexsort((number, slot))
            slot, number = slot[order], number[order]
            begins = np.ones(len(order), dtype=bool)
            begins[1:] = (slot[1:] != slot[:-1]) | (number[1:] != number[:-1])
            row = np.empty(len(order), dtype=np.int64)
            row[order] = np.cumsum(begins) - 1
            self.slot, self.number = slot[begins], number[begins]
            self.time_a, self.place_a = _spread(len(self.slot), row[: len(a.slot)], a)
            self.time_b, self.place_b = _spread(len(self.slot), row[len(a.slot) :], b)
        self.differ = np.asarray(self.time_a != self.time_b, dtype=bool)


def _spread(n: int, rows: Array, spikes: _Sorted) -> tuple[Array, Array]:
    """Times and places of the spikes in n rows."""
    time = np.full(n, math.inf, dtype=spikes.time.dtype)
    place = np.zeros(n, dtype=np.int64)
    time[rows], place[rows] = spikes.time, spikes.place
    return time, place


def _differences(run: Run, pairs: _Pairs) -> Array:
    """One record for each neuron and sample that differ, at the first spike that does; by sample, in event order."""
    found = np.flatnonzero(pairs.differ)
    found = found[np.unique(pairs.slot[found], return_index=True)[1]]
    first = first_neurons(run)
    sample, neuron = np.divmod(pairs.slot[found], first[-1])
    population = np.searchsorted(first, neuron, side="right") - 1
    time_a, time_b = pairs.time_a[found], pairs.time_b[found]
    earlier_in_a = np.asarray(time_a < time_b, dtype=bool)
    time = np.where(earlier_in_a, time_a, time_b)
    # Up to their first difference the runs are one sequence, so that places in either of them compare.
    place = np.where(earlier_in_a, pairs.place_a[found], pairs.place_b[found])
    if time.dtype == object:
        columns = zip(sample.tolist(), time.tolist(), place.tolist(), neuron.tolist(), strict=True)
        order = np.array([k for k, _ in sorted(enumerate(columns), key=lambda entry: entry[1])], dtype=np.int64)
    else:
        order = np.lexsort((neuron, place, time, sample))
    shapes = dict(zip(run.populations, run.shapes, strict=True))
    records = np.zeros(len(found), dtype=difference_dtype(shapes, time.dtype == object))
    records["population"] = np.array(run.populations)[population]
    records["neuron"], records["sample"] = neuron - first[population], sample
    for index in np.unique(population).tolist():
        here = population == index
        records["place"][here] = places(records["neuron"][here], run.shapes[index])
    records["number"] = pairs.number[found]
    records["time_a"], records["time_b"] = time_a, time_b
    return records[order]


def _by_population(run: Run, pairs: _Pairs) -> dict[str, dict[str, Any]]:
    found = np.flatnonzero(pairs.differ)
    first = first_neurons(run)
    population = np.searchsorted(first, pairs.slot[found] % first[-1], side="right") - 1
    missing_a = np.asarray(pairs.time_a[found] == math.inf, dtype=bool)
    missing_b = np.asarray(pairs.time_b[found] == math.inf, dtype=bool)
    both = ~missing_a & ~missing_b
    gap = np.abs(pairs.time_a[found[both]] - pairs.time_b[found[both]])
    counts = {}
    for order, (name, size) in enumerate(zip(run.populations, run.sizes, strict=True)):
        here = population == order
        mine = gap[here[both]]
        counts[name] = {
            "compared": run.n_samples * size,
            "different": len(np.unique(pairs.slot[found[here]])),
            "only_a": int(np.count_nonzero(here & missing_b)),
            "only_b": int(np.count_nonzero(here & missing_a)),
            "largest": max(mine.tolist(), default=0.0),
        }
    return counts


def _readouts(run_a: Run, run_b: Run, rows: Array, notes: list[str]) -> tuple[Array | None, Any]:
    """Samples whose predictions differ, and the largest difference of a potential; None where nothing is said."""
    if run_a.records.readout is None or run_b.records.readout is None or run_a.readout.shape != run_b.readout.shape:
        return None, None
    back = np.argsort(rows)  # the sample of run_b for each of run_a
    gap = np.abs(run_a.readout - run_b.readout[back]).astype(np.float64)
    missing_a, missing_b = run_a.readout != run_a.readout, (run_b.readout != run_b.readout)[back]
    gap[(missing_a & missing_b).astype(bool)] = 0.0
    gap[(missing_a ^ missing_b).astype(bool)] = math.inf
    largest = float(gap.max(initial=0.0))
    try:
        said_a, said_b = run_a.predictions, run_b.predictions[back]
    except InputError:
        notes.append("predictions are not compared: a run does not say how to decide, or was not read out")
        return None, largest
    if said_a.shape != said_b.shape:
        notes.append("predictions are not compared: the runs decide in different ways")
        return None, largest
    return np.flatnonzero((said_a != said_b).reshape(len(said_a), -1).any(axis=1)), largest


def _notes(run_a: Run, run_b: Run, every: bool, rows: Array) -> list[str]:
    """What else a reader should know."""
    found = []
    if not every:
        found.append("first spikes are compared; later ones were not recorded")
    elif (run_a.records.exact_times is None) != (run_b.records.exact_times is None):
        found.append("one run is of Fractions, the other of floats")
    if (rows != np.arange(len(rows))).any():
        found.append("samples are in another order in b; they are matched by id and called by their place in a")
    both = run_a.provenance, run_b.provenance
    changed = [word for key, word in CIRCUMSTANCES.items() if both[0].get(key) != both[1].get(key)]
    if changed:
        found.append(f"the runs have different {', '.join(changed)}")
    return found
