"""`compare`: which neurons of two runs spike at different times, where that begins, and by how much.

Relies on the spike trains of runs. Used by people who changed one thing (an engine, a fault, a weight, a version) and
want to know what it did, and by those who hold what a trainer or another simulator says against a run. Which spikes of
two sides are one is in `pairs`, what is returned in `comparison`.
"""

import math
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.checks import real, shown
from eventsim.errors import InputError, listed
from eventsim.inspection.comparison import Comparison, difference_dtype, neuron_dtype
from eventsim.inspection.given_trains import given_trains
from eventsim.inspection.pairs import Pairs, Side
from eventsim.inspection.trains import Array, Trains, first_neurons, has_all_spikes, trains
from eventsim.network.sources import SpikeTimes, exactly
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


def compare(run_a: Run, run_b: Run | Mapping[str, SpikeTimes], *, within: float | None = None) -> Comparison:
    """Hold the spikes of two runs, or of a run and given ones, against each other, to the last bit.

    The runs may be of different networks, as long as these have the same populations. Where one of them recorded first
    spikes only, first spikes are compared. Samples are matched by their ids; a sample is called by its place in
    `run_a`. Fractions are compared exactly, also with floats.

    Parameters
    ----------
    run_a
        A run recorded with "spikes" or "first_spikes", complete.
    run_b
        Another one, simulated up to the same `until`; or the spikes that a trainer or another simulator found, by the
        names of sources and populations. Those that are not named are left out. Of a run of first spikes, first ones
        are compared.
    within
        None: spike number n of a neuron is held against spike number n. Else two spikes of a neuron are one if they are
        at most so far apart, in order, as many as possible: a spike that is missing does not shift those behind it.

    Raises
    ------
    InputError
        Other populations or sizes, other samples, a run without spikes, a run that ended earlier than the other, given
        times that `SpikeTimes` refuses, a negative `within`.

    Notes
    -----
    Cost: O(n log n) in the number of spikes; about half a second for a million in each run, some seconds with `within`.
    Held by tests/test_compare.py and tests/test_compare_given.py.
    """
    if within is not None and (real(within) is None or not 0 <= within < math.inf):
        raise InputError(
            f"compare: within = {shown(within)}; must be None or a finite time of at least 0. Give the distance up to "
            "which two spikes of a neuron are one."
        )
    differing, readout = None, None
    if isinstance(run_b, Mapping):
        _check(run_a, run_a)
        pairs, every, compared, notes = _of_given(run_a, run_b, within)
    else:
        _check(run_a, run_b)
        pairs, every, compared, notes = _of_runs(run_a, run_b, within)
        differing, readout = _readouts(run_a, run_b, _matched(run_a, run_b), notes)
    return Comparison(
        n_samples=run_a.n_samples,
        n_spikes=(int(np.count_nonzero(pairs.in_a)), int(np.count_nonzero(pairs.in_b))),
        all_spikes=every,
        differences=_differences(run_a, pairs),
        neurons=_neurons(run_a, pairs, compared),
        shapes=dict(zip(run_a.populations, run_a.shapes, strict=True)),
        by_population=_by_population(run_a, pairs, compared),
        differing_predictions=differing,
        readout_difference=readout,
        notes=tuple(notes),
        within=within,
    )


def _of_runs(run_a: Run, run_b: Run, within: float | None) -> tuple[Pairs, bool, list[str], list[str]]:
    """The spikes of two runs, whether all of them, the names of the populations, and notes."""
    rows = _matched(run_a, run_b)
    for name, run in (("run_a", run_a), ("run_b", run_b)):
        _check_recorded(name, run)
    every = has_all_spikes(run_a) and has_all_spikes(run_b)
    spikes_a, spikes_b = _alike(trains("compare", "run_a", run_a, every), trains("compare", "run_b", run_b, every))
    n_neurons = int(first_neurons(run_a)[-1])
    a, b = Side(spikes_a, np.arange(run_a.n_samples), n_neurons, every), Side(spikes_b, rows, n_neurons, every)
    return Pairs(a, b, within), every, run_a.populations, _notes(run_a, run_b, every, rows)


def _of_given(
    run: Run, given: Mapping[str, SpikeTimes], within: float | None
) -> tuple[Pairs, bool, list[str], list[str]]:
    """The same of a run and of spikes that were given; only of populations that these name."""
    _check_recorded("run_a", run)
    every = has_all_spikes(run)
    spikes_b = given_trains("compare", given, run, every)
    spikes_a, first = trains("compare", "run_a", run, every), first_neurons(run)
    named = np.isin(run.populations, list(given))
    mine = named[np.searchsorted(first, spikes_a.neuron, side="right") - 1]
    spikes_a, spikes_b = _alike(Trains(*(column[mine] for column in spikes_a)), spikes_b)
    rows, n_neurons = np.arange(run.n_samples), int(first[-1])
    # What was given has no event order: that of a alone would compare with nothing.
    pairs = Pairs(Side(spikes_a, rows, n_neurons, False), Side(spikes_b, rows, n_neurons, False), within)
    notes = [] if every else ["first spikes are compared; later ones were not recorded"]
    return pairs, every, [name for name in run.populations if name in given], notes


def _check_recorded(name: str, run: Run) -> None:
    """Refuse a run that recorded all spikes of some populations alone."""
    if 0 < len(run.recorded_populations) < len(run.populations):
        raise InputError(
            f"compare: {name} recorded all spikes of {listed(run.recorded_populations)} alone; must hold those "
            'of all, or first spikes. Simulate with record="spikes" or "first_spikes".'
        )


def _alike(*sides: Trains) -> list[Trains]:
    """Both with Fractions where one has them: a Fraction minus a float would be a rounded float."""
    if all(one.time.dtype != object for one in sides):
        return list(sides)
    return [one._replace(time=_exact(one.time)) for one in sides]


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


def _differences(run: Run, pairs: Pairs) -> Array:
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


def _by_population(run: Run, pairs: Pairs, compared: list[str]) -> dict[str, dict[str, Any]]:
    found = np.flatnonzero(pairs.differ)
    first = first_neurons(run)
    population = np.searchsorted(first, pairs.slot % first[-1], side="right") - 1
    both = pairs.in_a & pairs.in_b
    gap = np.zeros(len(both), dtype=pairs.time_a.dtype)
    gap[both] = pairs.time_b[both] - pairs.time_a[both]
    counts = {}
    for order, (name, size) in enumerate(zip(run.populations, run.sizes, strict=True)):
        if name not in compared:
            continue
        here = population == order
        mine = sorted(abs(gap[here & both]).tolist())
        counts[name] = {
            "compared": run.n_samples * size,
            "different": len(np.unique(pairs.slot[found[here[found]]])),
            "only_a": int(np.count_nonzero(here & ~pairs.in_b)),
            "only_b": int(np.count_nonzero(here & ~pairs.in_a)),
            "earlier": int(np.count_nonzero(gap[here] < 0)),
            "later": int(np.count_nonzero(gap[here] > 0)),
            "largest": mine[-1] if mine else 0.0,
            "median": statistics.median(mine) if mine else 0.0,
        }
    return counts


def _neurons(run: Run, pairs: Pairs, compared: list[str]) -> Array:
    """One record for each neuron of the populations that were compared, over all samples."""
    first = first_neurons(run)
    shapes = dict(zip(run.populations, run.shapes, strict=True))
    neuron, both = pairs.slot % first[-1], pairs.in_a & pairs.in_b
    gap = np.zeros(len(both))
    gap[both] = (pairs.time_b[both] - pairs.time_a[both]).astype(np.float64)
    records = np.zeros(first[-1], dtype=neuron_dtype(shapes))
    cases = {"both": both, "only_a": ~pairs.in_b, "only_b": ~pairs.in_a, "earlier": gap < 0, "later": gap > 0}
    for field, case in cases.items():
        records[field] = np.bincount(neuron[case], minlength=first[-1])
    np.maximum.at(records["largest"], neuron, np.abs(gap))
    for order, (name, shape) in enumerate(shapes.items()):
        here = records[first[order] : first[order + 1]]
        here["population"], here["neuron"] = name, np.arange(len(here))
        here["place"] = places(here["neuron"], shape)
    return records[np.isin(records["population"], compared)]


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
