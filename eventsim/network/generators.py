"""Sources that need no data: Poisson and regular spike trains.

Relies on the counter-based randomness. Used by the network, which keeps them, and by `simulate`, before either engine
starts. What a neuron sends is a function of (seed, source, sample id, neuron) alone, and of `until` only its length.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from eventsim._jit import jitable, kernel
from eventsim.checks import finite_array, held_in_float64, read_only, real_array, shown
from eventsim.connectivity.draws import uniforms as uniforms_of
from eventsim.errors import InputError, NetworkError
from eventsim.randomness import stream_key, uniforms
from eventsim.wording import span

Array = np.ndarray[Any, Any]


class Generator(ABC):
    """What every generator of spikes offers to the network and to `simulate`.

    Attributes
    ----------
    kind
        Its name in files.
    settings
        Names of its numbers, each of which is one number or one a neuron.
    ends
        Whether it falls silent by itself, so that a run needs no ``until``.
    """

    kind: ClassVar[str]
    settings: ClassVar[tuple[str, ...]]
    ends: ClassVar[bool] = False

    def __repr__(self) -> str:
        said = [f"{name} {span(getattr(self, name))}" for name in self.settings]
        n = max(np.size(getattr(self, name)) for name in self.settings)
        return f"{type(self).__name__}: {', '.join(said)}" + (f" of {n:,} neurons" if n > 1 else "")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.settings)

    def spread(self, name: str, size: int) -> Array:
        """One of its settings as a new array (size,); raise NetworkError where there are not so many numbers."""
        given = np.asarray(getattr(self, name))
        if given.size not in (1, size):
            raise NetworkError(
                f"{type(self).__name__}: {name} has shape {given.shape}; must be one number or {size} of them. Give "
                f"one {name} a neuron."
            )
        return np.array(np.broadcast_to(given.reshape(-1), (size,)))

    def arrays(self, size: int) -> dict[str, Array]:
        """All settings by name, one number a neuron: what files hold."""
        return {name: self.spread(name, size) for name in self.settings}

    @abstractmethod
    def trains(self, name: str, size: int, until: float, seed: int, sample: int) -> tuple[Array, Array]:
        """Times in [0, until) and neurons of one sample of source `name`, in order of (time, neuron)."""


@dataclass(frozen=True, eq=False, repr=False)
class Poisson(Generator):
    """Independent Poisson trains, reproducible for each neuron whatever the number of threads or samples.

    Parameters
    ----------
    rate : scalar or array (size,)
        Spikes per unit of time, one number or one a neuron; >= 0. An array is copied.

    Raises
    ------
    NetworkError
        Rates that are negative, not finite, or no numbers.
    """

    rate: Any
    kind: ClassVar[str] = "poisson"
    settings: ClassVar[tuple[str, ...]] = ("rate",)

    def __post_init__(self) -> None:
        remedy = "Give spikes per unit of time."
        rates = finite_array("Poisson", "rate", self.rate, NetworkError, kinds="fiu", remedy=remedy).astype(np.float64)
        if (rates < 0).any():
            raise NetworkError(f"Poisson: rate = {shown(self.rate)}; must be >= 0 and finite. {remedy}")
        object.__setattr__(self, "rate", read_only(rates) if rates.ndim else float(rates))

    def trains(self, name: str, size: int, until: float, seed: int, sample: int) -> tuple[Array, Array]:
        """Times in [0, until) and neurons of one sample, in order of (time, neuron).

        They are drawn and sorted one slice of time after another, so that both happen in the processor's cache.
        """
        rates = self.spread("rate", size)
        key = np.uint64(stream_key(seed, "poisson", name))
        with np.errstate(over="ignore"):
            expected = float(rates.sum()) * until
        if expected > MOST_SPIKES:
            raise InputError(
                f"simulate: source {name!r} would send some {expected:.3g} spikes before until = {until:g}; must be at "
                f"most {MOST_SPIKES:,} a sample. Give lower rates or a shorter until."
            )
        n_slices = 1 + int(expected / max(SLICE, 4 * size))
        trains = np.zeros(size, dtype=TRAIN).view(np.recarray)
        trains.t[rates == 0.0] = math.inf
        spikes = np.empty(_room(expected / n_slices), dtype=PACKET).view(np.recarray)
        buckets = np.empty(1 + spikes.size, dtype=np.int64)
        times: Array = np.empty(_room(expected))
        neurons: Array = np.empty(_room(expected), dtype=np.int64)
        done = 0
        for low, high in itertools.pairwise(np.linspace(0.0, until, n_slices + 1).tolist()):
            before = trains.copy()
            count = draw_trains(rates, high, key, np.uint64(sample), trains, spikes)
            if count > spikes.size:
                trains, spikes = before, np.empty(count, dtype=PACKET).view(np.recarray)
                count = draw_trains(rates, high, key, np.uint64(sample), trains, spikes)
            if done + count > times.size:
                times, neurons = np.resize(times, done + count), np.resize(neurons, done + count)
            sort_slice(spikes[:count], low, high, buckets, times[done:], neurons[done:])
            done += count
        return times[:done], neurons[:done]


@dataclass(frozen=True, eq=False, repr=False)
class Regular(Generator):
    """Trains of equal intervals: spike k of a neuron at ``start + k period``, k = 0, 1, …, never accumulated.

    Parameters
    ----------
    period : scalar or array (size,)
        Interval between two spikes, > 0, in units of time; inf for one spike alone. One number or one a neuron; an
        array is copied.
    start : scalar or array (size,)
        Time of the first spike, >= 0; inf for none. One number or one a neuron.

    Raises
    ------
    NetworkError
        Numbers that are none, or out of range.
    InputError
        (when simulated) Times so late that two spikes of a neuron round to one.

    Notes
    -----
    Times are those of float64, in which three periods of 0.1 end behind 0.3. What is compared with decimals, such as a
    refractory period of 0.3, meets some of these times and misses others; whole numbers and powers of two are exact,
    and `SpikeTimes` of Fractions give what decimals mean (docs/event-order.md, "Decimal grids").
    """

    period: Any
    start: Any = 0.0
    kind: ClassVar[str] = "regular"
    settings: ClassVar[tuple[str, ...]] = ("period", "start")

    def __post_init__(self) -> None:
        for name, words, low in (("period", "> 0", False), ("start", ">= 0", True)):
            remedy = "Give times in the network's unit."
            raw = getattr(self, name)
            given = real_array("Regular", name, raw, NetworkError, kinds="fiu")
            given = held_in_float64("Regular", name, given, remedy, raw, NetworkError)
            if not ((given >= 0) if low else (given > 0)).all():
                raise NetworkError(f"Regular: {name} = {shown(getattr(self, name))}; must be {words}. {remedy}")
            object.__setattr__(self, name, read_only(given) if given.ndim else float(given))

    def trains(self, name: str, size: int, until: float, seed: int, sample: int) -> tuple[Array, Array]:  # noqa: ARG002
        """Times in [0, until) and neurons, in order of (time, neuron); the same for every seed and sample."""
        period, start = self.spread("period", size), self.spread("start", size)
        with np.errstate(invalid="ignore", over="ignore"):
            counts = np.where(start < until, np.ceil((until - start) / period) + 1, 0)
        if counts.sum() > MOST_SPIKES:
            raise InputError(
                f"simulate: source {name!r} would send {counts.sum():.3g} spikes before until = {until:g}; must be at "
                f"most {MOST_SPIKES:,} a sample. Give a longer period or a shorter until."
            )
        counts = counts.astype(np.int64)
        neurons = np.repeat(np.arange(size), counts)
        number = np.arange(len(neurons)) - np.repeat(np.cumsum(counts) - counts, counts)
        with np.errstate(invalid="ignore"):  # 0 * inf: the first spike of a neuron that sends no other
            times = start[neurons] + np.where(number > 0, number * period[neurons], 0.0)
        keep = times < until
        times, neurons = times[keep], neurons[keep]
        same = np.flatnonzero((times[1:] <= times[:-1]) & (neurons[1:] == neurons[:-1]))
        if same.size:
            late = same[0]
            raise InputError(
                f"simulate: source {name!r}: two spikes of neuron {neurons[late]} round to one time, "
                f"{times[late]:.17g}, since its period {period[neurons[late]]:g} is lost there; must be resolved. Give "
                "a longer period or a shorter until."
            )
        order = np.argsort(times, kind="stable")
        return times[order], neurons[order]


@dataclass(frozen=True, eq=False, repr=False)
class OnceAtMost(Generator):
    """Each neuron sends one spike with some probability, at a time that is uniform in an interval.

    Parameters
    ----------
    probability : scalar or array (size,)
        From 0 to 1; one number or one a neuron.
    begin, end : scalar or array (size,)
        Times of the interval [begin, end), 0 <= begin < end.

    Raises
    ------
    NetworkError
        Numbers that are none, or out of range.
    """

    probability: Any
    begin: Any
    end: Any
    kind: ClassVar[str] = "once_at_most"
    settings: ClassVar[tuple[str, ...]] = ("probability", "begin", "end")
    ends: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in self.settings:
            raw = getattr(self, name)
            remedy = "Give a share of neurons." if name == "probability" else "Give times in the network's unit."
            given = finite_array("OnceAtMost", name, raw, NetworkError, kinds="fiu", remedy=remedy).astype(np.float64)
            if (given < 0).any() or (name == "probability" and (given > 1).any()):
                words = "in 0..1" if name == "probability" else ">= 0"
                raise NetworkError(f"OnceAtMost: {name} = {shown(raw)}; must be {words}. {remedy}")
            object.__setattr__(self, name, read_only(given) if given.ndim else float(given))
        if not np.all(np.asarray(self.begin) < np.asarray(self.end)):
            raise NetworkError(
                f"OnceAtMost: begin = {shown(self.begin)}, end = {shown(self.end)}; must be begin < end. Exchange them."
            )

    def trains(self, name: str, size: int, until: float, seed: int, sample: int) -> tuple[Array, Array]:
        """Times in [begin, end) and before `until`, and neurons, in order of (time, neuron)."""
        key = stream_key(seed, "once_at_most", name)
        chance, place = uniforms_of(key, sample, np.arange(size), np.zeros(size))
        begin, end = self.spread("begin", size), self.spread("end", size)
        times = np.minimum(begin + place * (end - begin), np.nextafter(end, 0.0))
        sent = np.flatnonzero((chance < self.spread("probability", size)) & (times < until))
        order = sent[np.argsort(times[sent], kind="stable")]
        return times[order], order


# Of one source and sample: some 10 GB while they are made and sorted.
MOST_SPIKES = 2**28
# Spikes that are drawn and sorted together.
SLICE = 8192
# Of each neuron: its next spike, the interval that follows an odd number of intervals, and how many were drawn.
TRAIN = np.dtype([("t", "f8"), ("spare", "f8"), ("number", "i8")], align=True)
PACKET = np.dtype([("t", "f8"), ("neuron", "i8")], align=True)


def _room(expected: float) -> int:
    """Room that a Poisson number practically never exceeds."""
    return int(expected + 12.0 * math.sqrt(expected) + 12.0)


@jitable
def _next_spike(train: Any, rate: float, key: Any, sample: Any, neuron: int) -> None:
    """Go to a neuron's next spike. Its intervals 2k and 2k + 1 come from its k-th pair of uniforms."""
    if train.number & 1 == 0:
        first, second = uniforms(key, sample, neuron, train.number >> 1)
        train.t += -math.log(first) / rate
        train.spare = -math.log(second)
    else:
        train.t += train.spare / rate
    train.number += 1


@kernel
def draw_trains(rates: Array, high: float, key: Any, sample: Any, trains: Any, spikes: Any) -> int:
    """Move all trains on to `high` and write the spikes before it, neuron by neuron.

    Returns how many there are, which may be more than there is room for.
    """
    count = 0
    for neuron in range(rates.size):
        train = trains[neuron]
        if train.number == 0 and rates[neuron] > 0.0:
            _next_spike(train, rates[neuron], key, sample, neuron)
        while train.t < high:
            if count < spikes.size:
                spikes[count].t = train.t
                spikes[count].neuron = neuron
            count += 1
            _next_spike(train, rates[neuron], key, sample, neuron)
    return count


@kernel
def sort_slice(spikes: Any, low: float, high: float, buckets: Array, times: Array, neurons: Array) -> None:
    """Sort spikes in [low, high) by time, those of one time left in their order.

    Buckets of equal length, then insertion: O(n), since Poisson spikes are spread evenly.
    """
    n = buckets.size - 1
    scale = n / (high - low)
    for b in range(n + 1):
        buckets[b] = 0
    for k in range(spikes.size):
        buckets[min(int((spikes[k].t - low) * scale), n - 1)] += 1
    end = 0
    for b in range(n):
        end += buckets[b]
        buckets[b] = end
    for k in range(spikes.size - 1, -1, -1):
        b = min(int((spikes[k].t - low) * scale), n - 1)
        buckets[b] -= 1
        times[buckets[b]] = spikes[k].t
        neurons[buckets[b]] = spikes[k].neuron
    for k in range(1, spikes.size):
        t, neuron = times[k], neurons[k]
        j = k
        while j > 0 and times[j - 1] > t:
            times[j] = times[j - 1]
            neurons[j] = neurons[j - 1]
            j -= 1
        times[j] = t
        neurons[j] = neuron


GENERATORS: Mapping[str, type[Generator]] = MappingProxyType({one.kind: one for one in (Poisson, Regular, OnceAtMost)})
