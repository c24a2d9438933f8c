"""The source spikes of a batch of samples, sorted by (time, neuron): the same for both engines.

Relies on the network and its sources. Used by `simulate`. Encoding and sorting are part of a run's cost.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import NEAR, channels_last, held_in_float64, integer_array, real_array
from eventsim.engines.options import Options
from eventsim.engines.source_faults import moved
from eventsim.errors import InputError, listed
from eventsim.network.network import Network, Source
from eventsim.network.sources import SpikeTimes, encode, exactly, holds_exact, spikes_of_steps

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
    x
        Values, an array (n_samples, *shape); or `SpikeTimes`; or a dict of either by source name; or None where all
        sources have generators.
    trials
        How many samples there are, each with the draws of its own id; data are of one sample, which all have. None
        takes as many as the data have.

    Raises
    ------
    InputError
        Missing or unknown sources, shapes that do not fit, values outside the coded range (unless `clip`), NaN; trials
        of several samples.
    """

    def __init__(
        self, net: Network, x: Any, until: Any, seed: int, sample_ids: Any, clip: bool, trials: int | None = None
    ) -> None:
        self.net, self.until, self.seed = net, until, seed
        self.clipped = {source.name: 0 for source in net.sources}
        self.lost = dict(self.clipped)  # by faults
        self._data: dict[str, Any] = {}
        self._first = {node.name: 0 for node in net.nodes}
        total = 0
        for node in net.nodes:
            self._first[node.name] = total
            total += node.size
        given = self._by_source(x)
        for source in net.sources:
            if source.generator is None:
                self._data[source.name] = self._checked(source, given[source.name], clip)
        counts = {name: len(values) for name, values in self._data.items()}
        if len(set(counts.values())) > 1:
            raise InputError(
                f"simulate: sources have different numbers of samples ({counts}); must be equal. Give each source the "
                "same samples."
            )
        ids = None if sample_ids is None else _ids(sample_ids)
        self.n_samples = next(iter(counts.values()), 1 if ids is None else len(ids))
        if trials is not None:
            self._repeat(trials, counts)
        if self.n_samples == 0:
            raise InputError("simulate: x has no samples; must be (n, *input shape) with n >= 1. Give at least one.")
        self.sample_ids = np.arange(self.n_samples, dtype=np.uint64) if ids is None else ids
        if len(self.sample_ids) != self.n_samples:
            raise InputError(
                f"simulate: sample_ids has {len(self.sample_ids)} numbers for {self.n_samples} samples; must be one a "
                "sample. Give as many."
            )

    def move(self, options: Options) -> None:
        """Let emission faults act on what sources send."""
        for source in self.net.sources if options.faults else ():
            if source.name in self._data:
                now = moved(source, self._data[source.name], self.sample_ids, options)
                self._data[source.name] = now.data
                self.clipped[source.name] += now.clipped
                self.lost[source.name] += now.lost

    def _repeat(self, trials: int, counts: dict[str, int]) -> None:
        """Give all trials the data of the one sample."""
        for name, count in counts.items():
            if count != 1:
                raise InputError(
                    f"simulate: trials = {trials}, but source {name!r} has {count} samples; must be one, which all "
                    "trials have, or none. Leave trials out, or give one sample at a time."
                )
            data = self._data[name]
            self._data[name] = (
                np.broadcast_to(data, (trials, *data.shape[1:])) if isinstance(data, np.ndarray) else data * trials
            )
            self.clipped[name] *= trials
        self.n_samples = trials

    def _by_source(self, x: Any) -> dict[str, Any]:
        driven = [source for source in self.net.sources if source.generator is None]
        if isinstance(x, Mapping):
            given: dict[str, Any] = {}
            for name, values in x.items():
                node = self.net.node(name)
                if node not in driven:
                    raise InputError(
                        f"simulate: {node.name!r} takes no data; data go to "
                        f"{listed(s.name for s in driven) or 'no source'}. Leave it out."
                    )
                if node.name in given:
                    raise InputError(f"simulate: data for source {node.name!r} twice, by name and by node. Give one.")
                given[node.name] = values
        elif x is None:
            given = {}
        elif len(driven) == 1:
            given = {driven[0].name: x}
        else:
            raise InputError(
                f"simulate: one array for {len(driven)} sources; must be a dict by source name. Give data for "
                f"{listed(source.name for source in driven) or 'no source: leave x out'}."
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
            return values.checked(where, source.shape)
        array = real_array(where, "x", values)
        array = held_in_float64(where, "x", array, NEAR, values)
        if array.shape[1:] != source.shape and (array.ndim != 2 or array.shape[1] != source.size):
            last = channels_last(array.shape, source.shape)
            remedy = f"The {last}." if last else spikes_of_steps("x", array.shape, source.shape)
            raise InputError(
                f"{where}: x has shape {array.shape}; must be (n, {', '.join(map(str, source.shape))}). "
                f"{remedy or 'Reshape the data; one sample needs a leading axis of length 1.'}"
            )
        window, value_range = source.window, source.value_range
        if self.net.exact:  # a float is a rational too: nothing is rounded on its way into an exact network
            array = np.array([exactly(value) for value in array.ravel().tolist()], dtype=object).reshape(array.shape)
            window = exactly(window[0]), exactly(window[1])
            value_range = exactly(value_range[0]), exactly(value_range[1])
        flat = array.reshape(len(array), source.size)
        times, clipped = encode(where, flat, source.shape, window, value_range, clip)
        self.clipped[source.name] = clipped
        return times

    @property
    def exact(self) -> bool:
        """Does any source get numbers that float64 cannot hold, such as Fractions?"""
        return any(holds_exact(data) for data in self._data.values())

    @property
    def data(self) -> dict[str, Any]:
        """What each source without a generator was given: times (n_samples, size), or a train for each sample."""
        return dict(self._data)

    def one_each(self) -> dict[str, Array]:
        """Spike times (n_samples, size) by source, inf = silent.

        Raises
        ------
        InputError
            A source with a generator, or whose neurons spike more than once.
        """
        found = {}
        for source in self.net.sources:
            data = self._data.get(source.name)
            if not isinstance(data, np.ndarray):
                what = "a generator" if data is None else "trains of spikes"
                raise InputError(
                    f"source {source.name!r} has {what}; must have one spike a neuron at most. Give values, or "
                    "SpikeTimes of an array."
                )
            found[source.name] = data
        return found

    # -- batches ----------------------------------------------------------------------------------------------------

    def batch(self, low: int, high: int) -> Stimulus:
        """Source spikes of samples low..high-1 at t < until."""
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
        if high - low == 1:  # as many spikes as a long run has are not copied
            return Stimulus(times[0], neurons[0], np.array(start), self.sample_ids[low:high])
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
            until = math.inf if self.until is None else self.until
            t, i = source.generator.trains(source.name, source.size, until, *ids)
        elif isinstance(data, list):
            t, i = data[sample]
        else:
            assert data is not None
            i = np.argsort(data[sample], kind="stable")[: np.count_nonzero(data[sample] < math.inf)]
            t = data[sample][i]
        first = self._first[source.name]
        return t, i + first if first else i

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


def _ids(sample_ids: Any) -> Array:
    """Sample ids as given, one axis of integers >= 0."""
    remedy = "Give one integer a sample."
    ids = integer_array("simulate", "sample_ids", sample_ids, low=0, remedy=remedy)
    if ids.ndim != 1:
        raise InputError(f"simulate: sample_ids has shape {ids.shape}; must have one axis. {remedy}")
    return ids.astype(np.uint64)
