"""The draws of one device or state fault: by neuron and synapse, whatever the storage, the batch or the thread.

Relies on the counter-based randomness, many draws at once. Handed to `NetworkFault.alter`.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from eventsim.connectivity.draws import uniforms
from eventsim.connectivity.elementary import cosine_of_turns, log
from eventsim.network.nodes import Population, Projection, Source
from eventsim.network.projections import OneToOne, Sparse
from eventsim.randomness import stream_key

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Draws:
    """Streams of draws, one for each part of a network.

    A draw is a function of (seed, fault, which of its name, part, sample, neuron or synapse, number), so that points of
    a study that share a seed share all draws that they both need.

    Parameters
    ----------
    seed
        That of the run.
    fault, occurrence
        The fault's stream, which is its name if it does not say otherwise, and how many of that came before it.
    sample
        The sample or batch that it is drawn for; 0 for all of a chip.
    which
        Of each projection (by order): which it is between its ends.
    notes
        What a reader of the network should know of what was drawn; faults append to it.
    """

    seed: int
    fault: str
    occurrence: int
    sample: int
    which: dict[int, int]
    notes: list[str] = field(default_factory=list)

    def of_chip(self) -> "Draws":
        """The draws that all samples share, of a fault of which only a part is drawn anew."""
        return replace(self, sample=0)

    def uniform(self, part: Source | Population | Projection, number: int = 0) -> Array:
        """Uniforms in (0, 1): one a neuron (size,), or one a weight, in the shape of the projection's weights."""
        return self._pair(part, number)[0]

    def normal(self, part: Source | Population | Projection, number: int = 0) -> Array:
        """Standard normal numbers in the same shapes (Box and Muller 1958); `number` tells several of a part apart."""
        return _normal(*self._pair(part, number))

    def normal_of_all(self, part: Source | Population | Projection, number: int = 0) -> float:
        """One standard normal number for the whole part: of a wire, say, that its synapses share."""
        key, one = self._key(part, "all"), np.zeros(1, dtype=np.int64)
        return float(_normal(*uniforms(key, self.sample, one, one + number))[0])

    def _pair(self, part: Source | Population | Projection, number: int) -> tuple[Array, Array]:
        numbers = weight_numbers(part)
        places = number + (_among_parallel(part, numbers) << 16)
        first, second = uniforms(self._key(part), self.sample, numbers.ravel(), places)
        return first.reshape(numbers.shape), second.reshape(numbers.shape)

    def _key(self, part: Source | Population | Projection, *purpose: str) -> int:
        ends: tuple[Any, ...] = (part.name,) if not isinstance(part, Projection) else (
            part.pre.name, part.post.name, self.which[part.order],
        )  # fmt: skip
        return stream_key(self.seed, self.fault, self.occurrence, *ends, *purpose)


def _normal(first: Array, second: Array) -> Array:
    """Normal numbers of two uniforms, with the same bits on every machine, so that a device has the same hash."""
    found: Array = np.sqrt(-2.0 * log(first)) * cosine_of_turns(second)
    return found


def weight_numbers(part: Source | Population | Projection) -> Array:
    """By what number each neuron or weight is drawn, in the shape of its storage, integers >= 0.

    Synapses are numbered source * n_targets + target, dense or sparse. A weight of a convolution is one device, shared
    by all positions, and is numbered as the kernel is stored.
    """
    if not isinstance(part, Projection):
        return np.arange(part.size)
    kind, n_targets = part.kind, part.post.size
    if isinstance(kind, Sparse):
        return np.asarray(kind.sources, dtype=np.int64) * n_targets + np.asarray(kind.targets)
    weights = np.asarray(getattr(kind, "weights", np.empty(0)))
    if isinstance(kind, OneToOne):
        return np.arange(part.pre.size) * (n_targets + 1)
    if weights.ndim == 2:
        targets, sources = np.indices(weights.shape)
        return np.add(sources * n_targets, targets)
    return np.arange(weights.size).reshape(weights.shape)


def _among_parallel(part: Source | Population | Projection, numbers: Array) -> Array:
    """How many synapses between the same two neurons come before each, in canonical order."""
    before = np.zeros(numbers.size, dtype=np.int64)
    if isinstance(part, Projection) and isinstance(part.kind, Sparse) and part.kind.parallel:
        order = np.argsort(numbers, kind="stable")
        inside = numbers[order]
        first = np.flatnonzero(np.concatenate(([True], inside[1:] != inside[:-1])))
        before[order] = np.arange(numbers.size) - np.repeat(first, np.diff(np.append(first, numbers.size)))
    return before
