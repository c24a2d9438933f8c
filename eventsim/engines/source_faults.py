"""Emission faults on sources: what data send is moved, or lost, before either engine sees it.

Relies on the scalar functions of faults. Used by `stimulus`. A source knows its spikes beforehand, so that none needs
to be certain first; no spike leaves before the beginning of its source's window.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim.engines.options import Options
from eventsim.errors import InputError
from eventsim.faults.acting import EMISSION
from eventsim.faults.sweep import sweep_of
from eventsim.network.nodes import Source

Array = np.ndarray[Any, Any]


class Moved(NamedTuple):
    """What faults made of the spikes of a source, and how many of them they clipped and lost."""

    data: Any
    clipped: int
    lost: int


class _Stage(NamedTuple):
    """One fault where it acts on one source."""

    function: Any
    p: tuple[float, ...]
    key: np.uint64
    wakes: bool


def moved(source: Source, data: Any, sample_ids: Array, options: Options) -> Moved:
    """Spikes of one source as faults leave them.

    Parameters
    ----------
    data
        Times (n_samples, size), inf = silent, which faults may wake; or for each sample times and neurons, in order of
        (time, neuron).

    Raises
    ------
    InputError
        Two spikes of a neuron that are moved to one time.
    """
    stages = [
        _Stage(fault.function, fault.numbers(), np.uint64(options.fault_keys[k, source.order, 0]), _wakes(fault))
        for k, fault in enumerate(options.faults)
        if options.fault_keys[k, source.order, 1] == EMISSION
    ]
    if not stages:
        return Moved(data, 0, 0)
    if isinstance(data, np.ndarray):
        neurons = np.broadcast_to(np.arange(source.size), data.shape)
        times, clipped = _through(stages, source, data, neurons, np.zeros(data.shape, dtype=np.int64), sample_ids)
        return Moved(times, clipped, int(((data < math.inf) & ~(times < math.inf)).sum()))
    found, all_clipped, lost = [], 0, 0
    for (times, neurons), sample in zip(data, sample_ids, strict=True):
        rows, clipped = _through(stages, source, times[None], neurons[None], _counts(neurons)[None], sample[None])
        row = rows[0]
        order = np.lexsort((neurons, row))[: np.count_nonzero(row < math.inf)]
        all_clipped, lost = all_clipped + clipped, lost + len(row) - len(order)
        t, i = row[order], np.asarray(neurons)[order]
        twice = np.flatnonzero((t[1:] == t[:-1]) & (i[1:] == i[:-1]))
        if twice.size:
            raise InputError(
                f"simulate: source {source.name!r}: faults let two spikes of neuron {i[twice[0]]} leave at t = "
                f"{t[twice[0]]}; must be one at a time. Give spikes farther apart, or name other populations."
            )
        found.append((t, i))
    return Moved(found, all_clipped, lost)


def _wakes(fault: Any) -> bool:
    return bool(getattr(fault, "wakes", False))


def _counts(neurons: Array) -> Array:
    """How many spikes of its neuron come before each spike, (n_spikes,)."""
    order = np.argsort(neurons, kind="stable")
    inside = np.asarray(neurons)[order]
    first = np.flatnonzero(np.concatenate(([True], inside[1:] != inside[:-1]))) if inside.size else np.empty(0, int)
    found = np.empty(inside.size, dtype=np.int64)
    found[order] = np.arange(inside.size) - np.repeat(first, np.diff(np.append(first, inside.size)))
    return found


def _through(
    stages: list[_Stage], source: Source, times: Array, neurons: Array, numbers: Array, ids: Array
) -> tuple[Array, int]:
    """Times (n_rows, n), one fault after the other, and how many were clipped; exact numbers as Python makes them."""
    low, high = source.window
    clipped = 0
    for stage in stages:
        if times.dtype == object:
            made = [
                [
                    stage.function(stage.p, (low, high), stage.key, sample, i, k, t) if t < math.inf else t
                    for t, i, k in zip(*row, strict=True)
                ]
                for *row, sample in zip(times.tolist(), neurons.tolist(), numbers.tolist(), ids, strict=True)
            ]
            clipped += sum(t < low for row in made for t in row)
            times = _objects([[max(low, t) for t in row] for row in made], times.shape)
            continue
        window, out = (float(low), float(high)), np.empty(times.shape)
        numbers_of = tuple(map(float, stage.p)) or (0.0,)
        sweep = sweep_of(stage.function)
        clipped += int(sweep(numbers_of, window, stage.key, ids, times, neurons, numbers, stage.wakes, out))
        times = out
    return times, clipped


def _objects(rows: list[list[Any]], shape: tuple[int, ...]) -> Array:
    """Numbers of any type as an array (n_rows, n)."""
    found = np.empty(shape, dtype=object)
    for k, row in enumerate(rows):
        found[k] = row
    return found
