"""Who reaches whom, counted neuron by neuron and core by core, without listing the synapses of dense layers or kernels.

Relies on the projections. Used by placements and by the traffic between cores; routes ask `engines.destinations`.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from eventsim.network.convolution import Conv, Pool
from eventsim.network.nodes import Projection
from eventsim.network.projections import Dense, OneToOne

Array = np.ndarray[Any, Any]


class Reached(NamedTuple):
    """Which cores the neurons of a projection's source reach: one entry a neuron and core, in this order.

    Attributes
    ----------
    source : array (n,)
        Indices of source neurons.
    core : array (n,)
        A core on which the neuron has targets.
    synapses : array (n,)
        Synapses of the neuron there.
    neurons : array (n,)
        Different targets of the neuron there.
    """

    source: Array
    core: Array
    synapses: Array
    neurons: Array


def fan_in(projection: Projection) -> Array:
    """Return how many synapses lead to each target neuron, (n_targets,)."""
    kind, n_sources, n_targets = projection.kind, projection.pre.size, projection.post.size
    if isinstance(kind, Dense):
        return np.full(n_targets, n_sources)
    if isinstance(kind, OneToOne):
        return np.ones(n_targets, dtype=np.int64)
    if isinstance(kind, Conv | Pool):
        c_in, c_out = kind.channels
        seen = np.bincount(kind.taps.target, minlength=n_targets // c_out)
        return np.tile(seen * (c_in // kind.groups), c_out)
    return np.bincount(kind.targets, minlength=n_targets)


def kernel_size(projection: Projection) -> int | None:
    """Return how many weights the kernel of one output channel has; None where no weights are shared."""
    kind = projection.kind
    if not isinstance(kind, Conv | Pool):
        return None
    return kind.channels[0] // kind.groups * math.prod(kind.kernel)


class Inputs:
    """Which sources reach a stretch of target neurons, asked again and again; made for one projection."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        kind: Any = projection.kind
        if isinstance(kind, Dense | OneToOne):
            return
        source, target = kind.sources if not isinstance(kind, Conv | Pool) else _positions(kind), _targets(kind)
        order = np.argsort(target, kind="stable")
        self._sources, self._targets = source[order], target[order]

    def of(self, first: int, last: int) -> Array:
        """The sources, each once, that have a synapse onto a target in first..last, both included."""
        kind, n_sources = self._projection.kind, self._projection.pre.size
        if isinstance(kind, Dense):
            return np.arange(n_sources)
        if isinstance(kind, OneToOne):
            return np.arange(first, last + 1)
        if not isinstance(kind, Conv | Pool):
            return np.unique(self._seen(first, last))
        return np.flatnonzero(np.repeat(self._fields(first, last), kind.channels[0] // kind.groups, axis=0))

    def count(self, first: int, last: int) -> int:
        """How many they are; of a convolution they are not listed."""
        kind = self._projection.kind
        if isinstance(kind, Dense):
            return self._projection.pre.size
        if isinstance(kind, Conv | Pool):
            return int(np.count_nonzero(self._fields(first, last))) * (kind.channels[0] // kind.groups)
        return int(self.of(first, last).size)

    def _fields(self, first: int, last: int) -> Array:
        """Which source positions the targets see, of each group, (groups, n_positions) bools."""
        kind: Any = self._projection.kind
        c_in, c_out = kind.channels
        n_out, n_in = self._projection.post.size // c_out, self._projection.pre.size // c_in
        found = np.zeros((kind.groups, n_in), dtype=bool)
        seen: dict[tuple[int, int, int], None] = {}  # group and stretch of positions, which many channels share
        for channel in range(first // n_out, last // n_out + 1):
            begin, end = max(first - channel * n_out, 0), min(last - channel * n_out, n_out - 1)
            seen[channel // (c_out // kind.groups), begin, end] = None
        for group, begin, end in seen:
            found[group, self._seen(begin, end)] = True
        return found

    def _seen(self, first: int, last: int) -> Array:
        """Sources, or source positions, that reach the targets; one may repeat."""
        low, high = np.searchsorted(self._targets, [first, last + 1])
        found: Array = self._sources[low:high]
        return found


def _positions(kind: Conv | Pool) -> Array:
    """The source position of each tap."""
    return np.repeat(np.arange(kind.taps.start.size - 1), np.diff(kind.taps.start))


def _targets(kind: Any) -> Array:
    found: Array = kind.taps.target if isinstance(kind, Conv | Pool) else kind.targets
    return found


def reached_cores(projections: Iterable[Projection], cores: Mapping[str, Array], n_cores: int) -> tuple[Array, Array]:
    """Return which cores the neurons of one source or population reach by any of its projections.

    Parameters
    ----------
    projections
        All of them, from the same source or population.
    cores : dict of arrays (size,)
        The core of each neuron, by population, >= 0.
    n_cores
        How many cores there are.

    Returns
    -------
    source, core : array (n,)
        Each pair of a neuron and a core on which it has targets once, in order.
    """
    found = [reached(one, cores[one.post.name]) for one in projections]
    if len(found) == 1:
        return found[0].source, found[0].core
    pairs = np.concatenate([np.empty(0, dtype=np.int64), *(one.source * n_cores + one.core for one in found)])
    pairs.sort()  # faster than numpy.unique where they are millions
    different = np.append(True, pairs[1:] != pairs[:-1])[: pairs.size]
    source, core = np.divmod(pairs[different], n_cores)
    return source, core


def reached(projection: Projection, cores: Array) -> Reached:
    """Return on which cores each source neuron has targets, and how many.

    Parameters
    ----------
    projection
        Of a network.
    cores : array (n_targets,)
        The core of each target neuron, >= 0.

    Notes
    -----
    O(source neurons x cores) for a dense projection, O(synapses) for a sparse one; of a convolution O(taps x channels
    that lie on different cores).
    """
    kind, n_sources = projection.kind, projection.pre.size
    n_cores = int(cores.max(initial=-1)) + 1
    if isinstance(kind, Dense):
        there, count = np.unique(cores, return_counts=True)
        counts = np.tile(count, n_sources)
        return Reached(np.repeat(np.arange(n_sources), there.size), np.tile(there, n_sources), counts, counts)
    if isinstance(kind, OneToOne):
        ones = np.ones(n_sources, dtype=np.int64)
        return Reached(np.arange(n_sources), cores.astype(np.int64), ones, ones)
    if isinstance(kind, Conv | Pool):
        return _reached_by_kernel(projection, cores.astype(np.int64), n_cores)
    pair = kind.sources.astype(np.int64) * n_cores + cores[kind.targets]
    found, synapses = np.unique(pair, return_counts=True)
    ends = np.unique(kind.sources.astype(np.int64) * projection.post.size + kind.targets)
    source, target = np.divmod(ends, projection.post.size)
    neurons = np.unique(source * n_cores + cores[target], return_counts=True)[1]
    return Reached(*np.divmod(found, max(n_cores, 1)), synapses, neurons)


def _reached_by_kernel(projection: Projection, cores: Array, n_cores: int) -> Reached:
    """The same of a convolution or pool: channels whose positions lie on the same cores are counted together."""
    kind: Any = projection.kind
    c_in, c_out = kind.channels
    n_in = projection.pre.size // c_in
    wide, narrow = c_out // kind.groups, c_in // kind.groups
    position = _positions(kind)
    source, core, synapses = [], [], []
    for group in range(kind.groups):
        channels = cores.reshape(c_out, -1)[group * wide : (group + 1) * wide]
        different, how_many = np.unique(channels, axis=0, return_counts=True)
        pairs = position * n_cores + different[:, kind.taps.target]
        found, place = np.unique(pairs, return_inverse=True)
        counted = np.bincount(place.ravel(), np.repeat(how_many, position.size), minlength=found.size).astype(np.int64)
        at, there = np.divmod(found, n_cores)
        first = (group * narrow + np.arange(narrow)[:, None]) * n_in
        source.append((first + at).ravel())
        core.append(np.tile(there, narrow))
        synapses.append(np.tile(counted, narrow))
    counts = np.concatenate(synapses)
    return Reached(np.concatenate(source), np.concatenate(core), counts, counts)


def first_input(projection: Projection, allowed: Array) -> Array:
    """Return the lowest of the allowed sources that has a synapse onto each target neuron.

    Parameters
    ----------
    projection
        Of a network.
    allowed : array (n_sources,)
        Which sources count.

    Returns
    -------
    array (n_targets,)
        Indices of source neurons, n_sources where there is none.
    """
    kind, n_sources, n_targets = projection.kind, projection.pre.size, projection.post.size
    numbers = np.where(allowed, np.arange(n_sources), n_sources)
    if isinstance(kind, Dense):
        return np.full(n_targets, numbers.min())
    if isinstance(kind, OneToOne):
        return numbers
    if not isinstance(kind, Conv | Pool):
        found = np.full(n_targets, n_sources)
        np.minimum.at(found, kind.targets, numbers[kind.sources])
        return found
    c_in, c_out = kind.channels
    n_in = n_sources // c_in
    position = _positions(kind)
    of_group = numbers.reshape(kind.groups, c_in // kind.groups, n_in).min(axis=1)  # one a group and position
    fields = np.full((kind.groups, n_targets // c_out), n_sources)
    for group in range(kind.groups):
        np.minimum.at(fields[group], kind.taps.target, of_group[group][position])
    return np.repeat(fields, c_out // kind.groups, axis=0).ravel()
