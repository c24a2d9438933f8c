"""Where spikes go: of each projection one lane to each core that it reaches, and how many synapses lie behind it.

Relies on the network and on the cores of a fabric. Used by both engines: a lane is what a packet is delivered to, all
at once. Without a fabric all neurons are on one core, and lanes are projections.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eventsim.network.convolution import Conv, Pool
from eventsim.network.network import Network
from eventsim.network.nodes import Projection
from eventsim.network.projections import Dense, OneToOne, Sparse

Array = np.ndarray[Any, Any]
EVERYWHERE = -1  # in place of a core: the lane reaches all targets of its projection


class Lane(NamedTuple):
    """A projection, or what of it leads to the neurons of one core."""

    projection: int
    core: int


def core_of(net: Network, cores: Mapping[str, Array], population: int) -> Array:
    """The core of each neuron of a population, (n_neurons,); 0 where nothing else is said."""
    node = net.nodes[population]
    given = cores.get(node.name)
    return np.zeros(node.size, dtype=np.int64) if given is None else np.asarray(given)


def lanes_of(net: Network, cores: Mapping[str, Array]) -> tuple[Lane, ...]:
    """All lanes of a network, by projection, then by core: the order in which they are numbered."""
    found: list[Lane] = []
    for projection in net.projections:
        reached = np.unique(core_of(net, cores, projection.post.order)).tolist()
        several = len(reached) > 1
        found += [Lane(projection.order, core if several else EVERYWHERE) for core in reached]
    return tuple(found)


def reached_by(projection: Projection, core: Array, wanted: Sequence[int]) -> tuple[Array, Array]:
    """How many synapses, and how many neurons, each source neuron has on each core.

    Two arrays (n_sources, n_cores) of the columns `wanted`; `core` (n_targets,) has the core of each target.
    """
    kind: Any = projection.kind
    place = {c: k for k, c in enumerate(wanted)}
    column = np.array([place.get(c, -1) for c in core.tolist()])
    n, width = projection.pre.size, len(wanted)
    if isinstance(kind, Dense):
        synapses = np.tile(np.bincount(column[column >= 0], minlength=width), (n, 1))
        return synapses, synapses
    if isinstance(kind, OneToOne):
        synapses = np.zeros((n, width), dtype=np.int64)
        inside = np.flatnonzero(column >= 0)
        synapses[inside, column[inside]] = 1
        return synapses, synapses
    if isinstance(kind, Conv | Pool):
        synapses = _of_kernels(kind, column, width)
        return synapses, synapses
    hits = column[kind.targets] >= 0
    code = np.asarray(kind.sources)[hits] * width + column[kind.targets[hits]]
    synapses = np.bincount(code, minlength=n * width).reshape(n, width)
    if not kind.parallel:
        return synapses, synapses
    pairs = np.unique(np.stack([kind.sources[hits], kind.targets[hits]]), axis=1)
    code = pairs[0] * width + column[pairs[1]]
    return synapses, np.bincount(code, minlength=n * width).reshape(n, width)


def _of_kernels(kind: Any, column: Array, width: int) -> Array:
    """The same of a convolution or a pool, (n_sources, width): nothing is unrolled."""
    groups, channels = kind.groups, kind.channels
    column = column.reshape(groups, channels[1] // groups, -1)
    on_core = np.zeros((groups, column.shape[2], width), dtype=np.int64)  # channels of a group at a position
    for k in range(width):
        on_core[:, :, k] = (column == k).sum(axis=1)
    start, target = kind.taps.start, kind.taps.target
    running = np.concatenate([np.zeros((groups, 1, width), dtype=np.int64), on_core[:, target].cumsum(axis=1)], axis=1)
    by_position = running[:, start[1:]] - running[:, start[:-1]]  # (groups, source positions, width)
    return np.repeat(by_position, channels[0] // groups, axis=0).reshape(-1, width)


def part_of(projection: Projection, there: Array) -> tuple[Sparse, Array]:
    """The synapses of a projection that lead to some of its targets, as a list of their own.

    Also the place of each among all synapses of the projection in canonical order, (n_synapses,). `there` (n_targets,)
    has whether a target is one of these.
    """
    kind: Any = projection.kind
    if isinstance(kind, Sparse):
        kept = there[kind.targets]
        delays = None if kind.delays is None else kind.delays[kept]
        return Sparse(kind.sources[kept], kind.targets[kept], kind.weights[kept], delays), np.flatnonzero(kept)
    rows, before = [], 0
    for source in range(projection.pre.size):
        targets, weights = kind.synapses(source)
        kept = np.flatnonzero(there[targets])
        rows.append((np.full(kept.size, source), targets[kept], weights[kept], before + kept))
        before += targets.size
    sources, targets, weights, places = (np.concatenate(columns) for columns in zip(*rows, strict=True))
    return Sparse(sources, targets, weights), places
