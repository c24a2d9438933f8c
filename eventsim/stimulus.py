"""The source spikes of a batch of samples, sorted by (time, neuron): the same for both engines.

Relies on the network and its sources. Used by `simulate`. Encoding and sorting are part of a run's cost.
"""

import math
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import InputError
from eventsim.network import Network, Source
from eventsim.sources import SpikeTimes, encode, exactly, holds_exact

Array = np.ndarray[Any, Any]


class Stimulus(NamedTuple):
    """Source spikes of a batch: sample k holds entries start[k]:start[k + 1], sorted by (time, global neuron)."""

    time: Array
    neuron: Array
    start: Array
    sample_id: Array


class Inputs:
    """The user's data, checked once, and turned into spikes batch by batch.

    Parameters
    ----------
    x : array (n, *shape) of values, `SpikeTimes`, a dict of either by source name, or None where all sources have
        generators.

    Raises
    ------
    InputError
        Missing or unknown sources, shapes that do not fit, values outside the coded range (unless `clip`), NaN.
    """

    def __init__(self, net: Network, x: Any, until: Any, seed: int, sample_ids: Any, clip: bool) -> None:
        self.net, self.until, self.seed = net, until, seed
        self.clipped = {source.name: 0 for source in net.sources}
        self.emitted = np.zeros(len(net.nodes), dtype=np.int64)
        self._node_of = np.repeat(np.arange(len(net.nodes)), [node.size for node in net.nodes])
        self._lock = threading.Lock()
        self._data: dict[str, Any] = {}
        self._first = {node.name: 0 for node in net.nodes}
        total = 0
        for node in net.nodes:
            self._first[node.name] = total
            total += node.size
        given = self._by_source(x)
        counts = {name: len(values) for name, values in given.items()}
        if len(set(counts.values())) > 1:
            raise InputError(
                f"simulate: sources have different numbers of samples ({counts}); must be equal. Give each source the "
                "same samples."
            )
        self.n_samples = next(iter(counts.values()), 1 if sample_ids is None else len(sample_ids))
        if self.n_samples == 0:
            raise InputError("simulate: x has no samples; must be (n, *input shape) with n >= 1. Give at least one.")
        for source in net.sources:
            if source.generator is None:
                self._data[source.name] = self._checked(source, given[source.name], clip)
        self.sample_ids = self._ids(sample_ids)

    def _by_source(self, x: Any) -> dict[str, Any]:
        driven = [source for source in self.net.sources if source.generator is None]
        if isinstance(x, Mapping):
            for name in x:
                node = self.net.node(name)
                if node not in driven:
                    raise InputError(
                        f"simulate: {name!r} takes no data; data go to "
                        f"{', '.join(s.name for s in driven) or 'no source'}. Leave it out."
                    )
            given = dict(x)
        elif x is None:
            given = {}
        elif len(driven) == 1:
            given = {driven[0].name: x}
        else:
            raise InputError(
                f"simulate: one array for {len(driven)} sources; must be a dict by source name. Give data for "
                f"{', '.join(source.name for source in driven) or 'no source: leave x out'}."
            )
        for source in driven:
            if source.name not in given:
                raise InputError(
                    f"simulate: no data for source {source.name!r}. Give values "
                    f"(n, {', '.join(map(str, source.shape))}) or eventsim.SpikeTimes."
                )
        return given

    def _checked(self, source: Source, values: Any, clip: bool) -> Any:
        where = f"simulate: source {source.name!r}"
        if isinstance(values, SpikeTimes):
            times = values.times
            if isinstance(times, np.ndarray) and times.dtype != object:
                flat = times.reshape(len(times), -1).astype(np.float64)
                if flat.shape[1] != source.size:
                    raise InputError(
                        f"{where}: SpikeTimes has shape {times.shape}; must be "
                        f"(n, {', '.join(map(str, source.shape))}). Give one time a neuron, inf = silent."
                    )
                bad = np.argwhere(~(flat >= 0))
                if bad.size:
                    raise InputError(
                        f"{where}: spike time {flat[tuple(bad[0])]} of sample {bad[0][0]}, neuron {bad[0][1]}; must be "
                        ">= 0 (inf = silent). Shift the times so that the run begins at 0."
                    )
                return flat
            return values
        array = np.asarray(values)
        array = array if array.dtype == object else self._real(where, array)
        if array.shape[1:] != source.shape and (array.ndim != 2 or array.shape[1] != source.size):
            raise InputError(
                f"{where}: x has shape {array.shape}; must be (n, {', '.join(map(str, source.shape))}). "
                "Reshape the data; one sample needs a leading axis of length 1."
            )
        window, value_range = source.window, source.value_range
        if self.net.exact:  # a float is a rational too: nothing is rounded on its way into an exact network
            array = np.array([exactly(value) for value in array.ravel().tolist()], dtype=object).reshape(array.shape)
            window = exactly(window[0]), exactly(window[1])
            value_range = exactly(value_range[0]), exactly(value_range[1])
        times, clipped = encode(where, array.reshape(len(array), -1), window, value_range, clip)
        self.clipped[source.name] = clipped
        return times

    @staticmethod
    def _real(where: str, array: Array) -> Array:
        if array.dtype.kind not in "fiub":
            raise InputError(f"{where}: x has type {array.dtype}; must be real numbers. Convert it to float64.")
        return array.astype(np.float64)

    def _ids(self, sample_ids: Any) -> Array:
        if sample_ids is None:
            return np.arange(self.n_samples, dtype=np.uint64)
        ids = np.asarray(sample_ids)
        if ids.shape != (self.n_samples,) or ids.dtype.kind not in "iu" or (ids < 0).any():
            raise InputError(
                f"simulate: sample_ids has shape {ids.shape} and type {ids.dtype}; must be {self.n_samples} integers "
                ">= 0, one a sample."
            )
        return ids.astype(np.uint64)

    @property
    def exact(self) -> bool:
        """Does any source get numbers that float64 cannot hold, such as Fractions?"""
        return any(holds_exact(data) for data in self._data.values())

    # -- batches ----------------------------------------------------------------------------------------------------

    def batch(self, low: int, high: int) -> Stimulus:
        """Source spikes of samples low..high-1 at t < until; counted in `emitted`."""
        stimulus = self._batch(low, high)
        counts = np.bincount(self._node_of[stimulus.neuron], minlength=len(self.net.nodes))
        with self._lock:
            self.emitted += counts
        return stimulus

    def _batch(self, low: int, high: int) -> Stimulus:
        if len(self._data) == 1 == len(self.net.sources):
            ((name, values),) = self._data.items()
            if isinstance(values, np.ndarray) and values.dtype != object:
                return self._matrix_batch(values[low:high], self._first[name], low, high)
        times, neurons, start = [], [], [0]
        for sample in range(low, high):
            t, g = self.sample(sample)
            times.append(t)
            neurons.append(g)
            start.append(start[-1] + len(t))
        return Stimulus(np.concatenate(times), np.concatenate(neurons), np.array(start), self.sample_ids[low:high])

    def sample(self, sample: int) -> tuple[Array, Array]:
        """Times and global neurons of one sample's source spikes at t < until, sorted."""
        trains = [self._trains(source, sample) for source in self.net.sources]
        if not trains:
            return np.empty(0), np.empty(0, dtype=np.int64)
        if len(trains) == 1:
            ((t, g),) = trains
        else:
            # Each source is in order and they are in the order of their neurons: a stable sort by time merges them.
            t, g = (np.concatenate(parts) for parts in zip(*trains, strict=True))
            order = np.argsort(t, kind="stable")
            t, g = t[order], g[order]
        end = len(t) if self.until is None else int(np.searchsorted(t, self.until))
        return t[:end], g[:end]

    def _trains(self, source: Source, sample: int) -> tuple[Array, Array]:
        """Times and global neurons of one source, in order of (time, neuron)."""
        data = self._data.get(source.name)
        if source.generator is not None:
            ids = self.seed, int(self.sample_ids[sample])
            t, i = source.generator.trains(source.name, source.size, self.until, *ids)
        elif isinstance(data, SpikeTimes):
            t, i = data.trains(f"simulate: source {source.name!r}", sample, source.size)
        else:
            assert data is not None
            i = np.argsort(data[sample], kind="stable")[: np.count_nonzero(data[sample] < math.inf)]
            t = data[sample][i]
        return t, i + self._first[source.name]

    def _matrix_batch(self, times: Array, first: int, low: int, high: int) -> Stimulus:
        """One dense source: sort all rows at once, equal times by neuron."""
        order = np.argsort(times, axis=1)
        t = np.take_along_axis(times, order, axis=1)
        tied = np.flatnonzero(((t[:, 1:] == t[:, :-1]) & (t[:, 1:] < math.inf)).any(axis=1))
        for row in tied:
            order[row] = np.argsort(times[row], kind="stable")
        keep = t < (math.inf if self.until is None else self.until)
        counts = keep.sum(axis=1)
        return Stimulus(
            t[keep], order[keep] + first, np.concatenate(([0], np.cumsum(counts))), self.sample_ids[low:high]
        )

    def room(self) -> int:
        """An upper bound on the source spikes of one sample, where it is known without making them; else 0."""
        sizes = [
            source.size if isinstance(self._data.get(source.name), np.ndarray) else None for source in self.net.sources
        ]
        return 0 if None in sizes else sum(size for size in sizes if size is not None)
