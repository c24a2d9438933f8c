"""Spikes that were given, as flat arrays: what a trainer or another simulator says of the neurons of a run.

Relies on the run and on `SpikeTimes`, which checks them. Used by `compare`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.errors import InputError, listed
from eventsim.inspection.trains import Array, Trains, first_neurons
from eventsim.network.sources import SpikeTimes
from eventsim.run.run import Run


def given_trains(where: str, given: Mapping[str, SpikeTimes], run: Run, all_spikes: bool) -> Trains:
    """Return given spikes, or the first of each neuron, by (sample, population, time, neuron) of the run.

    Raises
    ------
    InputError
        Names that the run has not, what is no `SpikeTimes`, other samples or sizes, times that no neuron can have.
    """
    if not given:
        raise InputError(f"{where}: run_b is empty; must name a source or population. Give one of: {_names(run)}.")
    first = first_neurons(run)
    parts = []
    for name, spikes in given.items():
        if name not in run.populations:
            raise InputError(
                f"{where}: run_b names {name!r}; must be a source or population of run_a. Give one of: {_names(run)}."
            )
        index = run.populations.index(name)
        if not isinstance(spikes, SpikeTimes):
            raise InputError(
                f"{where}: run_b[{name!r}] is a {type(spikes).__name__}; must be SpikeTimes. Give "
                "eventsim.SpikeTimes(times) of times (n_samples, *shape), or of a list of trains for each sample."
            )
        samples = _by_sample(spikes.checked(f"{where}: run_b[{name!r}]", run.shapes[index]))
        if len(samples) != run.n_samples:
            raise InputError(
                f"{where}: run_b[{name!r}] has {len(samples)} samples, run_a has {run.n_samples}; must have as many. "
                "Give the spikes of the samples that were simulated."
            )
        parts += [
            (np.full(len(times), sample), neurons + first[index], times)
            for sample, (times, neurons) in enumerate(samples)
        ]
    sample, neuron, time = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(sample, kind="stable")
    found = Trains(sample[order], neuron[order].astype(np.int64), time[order])
    return found if all_spikes else _first_of_each(found)


def _by_sample(spikes: Any) -> list[tuple[Array, Array]]:
    """Times and neurons of each sample, in order of time."""
    if not isinstance(spikes, np.ndarray):
        return list(spikes)
    found = []
    for row in spikes:
        neurons = np.flatnonzero(np.isfinite(row))
        neurons = neurons[np.argsort(row[neurons], kind="stable")]
        found.append((row[neurons], neurons))
    return found


def _first_of_each(spikes: Trains) -> Trains:
    """The first spike of each neuron and sample, in the same order."""
    keys = np.stack((spikes.sample, spikes.neuron), axis=1)
    kept = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    return Trains(spikes.sample[kept], spikes.neuron[kept], spikes.time[kept])


def _names(run: Run) -> str:
    return listed(run.populations)
