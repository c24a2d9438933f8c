"""The spikes of a run as flat arrays: all of them where they were recorded, else the first of each neuron.

Relies on the run. Used by `compare`, of all samples at once, and by `explain`, of one. Times are those of the run's own
arithmetic: Fractions stay Fractions.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import InputError
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


class Trains(NamedTuple):
    """Spikes in parallel arrays, by sample, each sample in event order where all spikes were recorded.

    Attributes
    ----------
    sample, neuron, time : array (n_spikes,)
        Place of the sample in the run, index of the neuron over all sources and populations of the run, and time.
    """

    sample: Array
    neuron: Array
    time: Array


def first_neurons(run: Run) -> Array:
    """Return the index over all sources and populations of the first neuron of each; one more entry counts them all."""
    return np.cumsum([0, *run.sizes])


def has_all_spikes(run: Run) -> bool:
    """Were all spikes recorded, of all sources and populations?"""
    return run.records.spikes is not None and run.recorded_populations == run.populations


def trains(where: str, name: str, run: Run, all_spikes: bool, sample: int | None = None) -> Trains:
    """Return all spikes of a run or, unless `all_spikes`, first spikes; of one sample or of all.

    First spikes are ordered by (sample, population, neuron).

    Raises
    ------
    InputError
        A run that recorded no spikes.
    """
    if run.records.first is None:
        raise InputError(
            f"{where}: {name} recorded no spikes (record={run.provenance.get('record')!r}); must hold spikes or first "
            'spikes. Simulate with record="spikes" or "first_spikes".'
        )
    if not all_spikes:
        first = run.records.first if sample is None else run.records.first[sample : sample + 1]
        rows, neurons = np.nonzero((first < math.inf).astype(bool))
        return Trains(rows + (sample or 0), neurons, first[rows, neurons])
    spikes = run.spikes
    low, high = 0, len(spikes)
    if sample is not None:
        low, high = np.searchsorted(spikes["sample"], [sample, sample + 1])
    mine = spikes[low:high]
    neurons = first_neurons(run)[mine["population"].astype(np.int64)] + mine["neuron"]
    times = mine["time"] if run.records.exact_times is None else _objects(run.records.exact_times[low:high])
    return Trains(mine["sample"].astype(np.int64), neurons, np.asarray(times))


def numbers_of(keys: Array) -> Array:
    """Return for each entry how many before it are equal to it: spike numbers, where the keys are neurons. O(n log n).

    >>> numbers_of(np.array([3, 1, 3, 3])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(keys, kind="stable")
    numbers = np.empty(len(keys), dtype=np.int64)
    numbers[order] = positions_in_groups(keys[order])
    return numbers


def positions_in_groups(sorted_keys: Array) -> Array:
    """Return the place of each entry among those that are equal to it, of sorted keys."""
    n = len(sorted_keys)
    begins = np.ones(n, dtype=bool)
    begins[1:] = sorted_keys[1:] != sorted_keys[:-1]
    place = np.arange(n)
    return place - np.maximum.accumulate(np.where(begins, place, 0))


def _objects(values: list[Any]) -> Array:
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects
