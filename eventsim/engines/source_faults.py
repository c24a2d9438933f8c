"""Emission faults on sources: what data send is moved, or lost, before either engine sees it.

Relies on the scalar functions of faults. Used by `stimulus`. A source knows its spikes beforehand, so that none needs
to be certain first; no spike leaves before the beginning of its source's window.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim._jit import kernel
from eventsim.engines.options import Options
from eventsim.errors import InputError
from eventsim.faults.acting import EMISSION
from eventsim.network.nodes import Source

Array = np.ndarray[Any, Any]


def moved(source: Source, data: Any, sample_ids: Array, options: Options) -> Any:
    """Spikes of one source as faults leave them.

    Parameters
    ----------
    data
        Times (n_samples, size), inf = silent; or for each sample times and neurons, in order of (time, neuron).

    Raises
    ------
    InputError
        Two spikes of a neuron that are moved to one time.
    """
    stages = [
        (fault.function, fault.numbers(), np.uint64(options.fault_keys[k, source.order, 0]))
        for k, fault in enumerate(options.faults)
        if options.fault_keys[k, source.order, 1] == EMISSION
    ]
    if not stages:
        return data
    if isinstance(data, np.ndarray):
        neurons = np.broadcast_to(np.arange(source.size), data.shape)
        return _through(stages, source, data, neurons, np.zeros(data.shape, dtype=np.int64), sample_ids)
    found = []
    for (times, neurons), sample in zip(data, sample_ids, strict=True):
        row = _through(stages, source, times[None], neurons[None], _counts(neurons)[None], sample[None])[0]
        order = np.lexsort((neurons, row))
        order = order[: np.count_nonzero(row < math.inf)]
        t, i = row[order], np.asarray(neurons)[order]
        twice = np.flatnonzero((t[1:] == t[:-1]) & (i[1:] == i[:-1]))
        if twice.size:
            raise InputError(
                f"simulate: source {source.name!r}: faults let two spikes of neuron {i[twice[0]]} leave at t = "
                f"{t[twice[0]]}; must be one at a time. Give spikes farther apart, or name other populations."
            )
        found.append((t, i))
    return found


def _counts(neurons: Array) -> Array:
    """How many spikes of its neuron come before each spike, (n_spikes,)."""
    order = np.argsort(neurons, kind="stable")
    inside = np.asarray(neurons)[order]
    first = np.flatnonzero(np.concatenate(([True], inside[1:] != inside[:-1]))) if inside.size else np.empty(0, int)
    found = np.empty(inside.size, dtype=np.int64)
    found[order] = np.arange(inside.size) - np.repeat(first, np.diff(np.append(first, inside.size)))
    return found


def _through(stages: list[Any], source: Source, times: Array, neurons: Array, numbers: Array, ids: Array) -> Array:
    """Times (n_rows, n), one fault after the other; exact numbers as Python makes them."""
    low, high = source.window
    for function, p, key in stages:
        if times.dtype == object:
            made = [
                [
                    max(low, function(p, (low, high), key, sample, i, k, t)) if t < math.inf else t
                    for t, i, k in zip(*row, strict=True)
                ]
                for *row, sample in zip(times.tolist(), neurons.tolist(), numbers.tolist(), ids, strict=True)
            ]
            times = _objects(made, times.shape)
            continue
        window = (float(low), float(high))
        out = np.empty(times.shape)
        _sweep(function)(tuple(map(float, p)) or (0.0,), window, key, ids, times, neurons, numbers, out)
        times = out
    return times


def _objects(rows: list[list[Any]], shape: tuple[int, ...]) -> Array:
    """Numbers of any type as an array (n_rows, n)."""
    found = np.empty(shape, dtype=object)
    for k, row in enumerate(rows):
        found[k] = row
    return found


@functools.cache
def _sweep(perturb: Callable[..., Any]) -> Any:
    """A loop over spikes: where each of them goes; silence stays silence."""

    @kernel
    def sweep(p: Any, window: Any, key: Any, ids: Any, times: Any, neurons: Any, numbers: Any, out: Any) -> None:
        for row in range(times.shape[0]):
            for j in range(times.shape[1]):
                t = times[row, j]
                if t < math.inf:
                    t = max(window[0], perturb(p, window, key, ids[row], neurons[row, j], numbers[row, j], t))
                out[row, j] = t

    return sweep
