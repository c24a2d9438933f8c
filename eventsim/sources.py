"""From data to spike times: coded values, given spike times, and Poisson generators.

Relies on the counter-based randomness. Used by `simulate`, before either engine starts: both get the same stimulus,
a list of (time, neuron) in order of time for each source and sample.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim._jit import kernel
from eventsim.errors import InputError, NetworkError
from eventsim.randomness import exponential, stream_key

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SpikeTimes:
    """Spike times given by the user, in the network's unit of time.

    Parameters
    ----------
    times : array (n_samples, *shape): one time a neuron, inf = silent; or a ragged list: for each sample a list with
        one sorted sequence of times for each neuron.

    Raises
    ------
    InputError
        (when simulated) NaN or negative times, times that are not sorted, wrong sizes.
    """

    times: Any

    def __len__(self) -> int:
        return len(self.times)

    def trains(self, where: str, sample: int, size: int) -> tuple[Array, Array]:
        """Times and neurons of one sample, unsorted across neurons, checked."""
        one = self.times[sample]
        if isinstance(one, np.ndarray) or not any(isinstance(train, Sequence | np.ndarray) for train in one):
            flat = np.asarray(one).ravel()
            if flat.size != size:
                raise InputError(
                    f"{where}: {flat.size} spike times for {size} neurons; must be one a neuron (inf = silent) or one "
                    "list of times a neuron."
                )
            return _check_times(where, sample, flat, np.arange(size))
        if len(one) != size:
            raise InputError(
                f"{where}: {len(one)} spike trains for {size} neurons; must be one list of times a neuron."
            )
        for neuron, train in enumerate(one):
            if any(b <= a for a, b in zip(train, list(train)[1:], strict=False)):
                raise InputError(
                    f"{where}: spike times of sample {sample}, neuron {neuron} are not increasing. Sort them; a neuron "
                    "cannot fire twice at one time."
                )
        values = [t for train in one for t in train]
        exact = any(not isinstance(t, float | int | np.floating | np.integer) for t in values)
        times = np.array(values, dtype=object if exact else np.float64)
        return _check_times(where, sample, times, np.repeat(np.arange(size), [len(train) for train in one]))


def _check_times(where: str, sample: int, times: Array, neurons: Array) -> tuple[Array, Array]:
    if times.dtype != object:
        times = times.astype(np.float64)
    bad = [k for k, t in enumerate(times.tolist()) if not t >= 0]
    if bad:
        raise InputError(
            f"{where}: spike time {times[bad[0]]} of sample {sample}, neuron {neurons[bad[0]]}; must be >= 0 "
            "(inf = silent). Shift the times so that the run begins at 0."
        )
    keep = times < math.inf
    return times[keep], neurons[keep]


@dataclass(frozen=True, eq=False)
class Poisson:
    """Independent Poisson trains, reproducible for each neuron whatever the number of threads or samples.

    Parameters
    ----------
    rate : spikes per unit of time, one number or one a neuron; >= 0.
    """

    rate: Any

    def rates(self, size: int) -> Array:
        """Rates as an array (size,), checked."""
        rates = np.asarray(self.rate, dtype=np.float64)
        if rates.size not in (1, size) or not np.isfinite(rates).all() or (rates < 0).any():
            raise NetworkError(
                f"Poisson: rate = {self.rate!r}; must be one finite number >= 0 or {size} of them. "
                "Give spikes per unit of time."
            )
        return np.ascontiguousarray(np.broadcast_to(rates.reshape(-1) if rates.ndim else rates, (size,)))

    def trains(self, name: str, size: int, until: float, seed: int, sample: int) -> tuple[Array, Array]:
        """Times in [0, until) and neurons of one sample, unsorted across neurons."""
        rates = self.rates(size)
        key = np.uint64(stream_key(seed, "poisson", name))
        expected = rates * until
        capacity = int(np.sum(expected + 12.0 * np.sqrt(expected) + 12.0))
        while True:
            times, neurons = np.empty(capacity), np.empty(capacity, dtype=np.int64)
            count = draw_trains(rates, until, key, np.uint64(sample), times, neurons)
            if count <= capacity:
                return times[:count], neurons[:count]
            capacity = count


@kernel
def draw_trains(rates: Array, until: float, key: Any, sample: Any, times: Array, neurons: Array) -> int:
    """Fill times and neurons; return how many spikes there are, which may be more than there is room for."""
    count = 0
    for neuron in range(rates.size):
        if rates[neuron] > 0.0:
            number = 0
            t = exponential(key, sample, neuron, number) / rates[neuron]
            while t < until:
                if count < times.size:
                    times[count] = t
                    neurons[count] = neuron
                count += 1
                number += 1
                t += exponential(key, sample, neuron, number) / rates[neuron]
    return count


def encode(
    where: str, x: Array, window: tuple[Any, Any], value_range: tuple[Any, Any], clip: bool
) -> tuple[Array, int]:
    """Times (n, size) of values (n, size): t_max - (x - low) / (high - low) (t_max - t_min), inf for low.

    Returns also how many values were clipped into the range.

    Raises
    ------
    InputError
        NaN, or values outside the range where `clip` is False.
    """
    low, high = value_range
    nan = np.argwhere(x != x)
    if nan.size:
        raise InputError(
            f"{where}: x[{nan[0][0]}] holds NaN at neuron {nan[0][1]}; must be numbers. Look for missing data."
        )
    outside = (x < low) | (x > high)
    count = int(np.count_nonzero(outside))
    if count:
        if not clip:
            worst = np.argwhere(outside)[0]
            raise InputError(
                f"{where}: {count} values outside the coded range [{float(low):g}, {float(high):g}], the first is "
                f"x[{worst[0]}] neuron {worst[1]} = {float(x[tuple(worst)]):g}; the data span "
                f"[{float(x.min()):g}, {float(x.max()):g}]. "
                "Convert with input_range= that covers the data, or pass clip=True to clip and count them."
            )
        x = np.where(x < low, low, np.where(x > high, high, x))
    t_min, t_max = window
    unit = (low, high) == (0, 1) and (t_min, t_max) == (0, 1)
    times = t_max - (x if unit else (x - low) / (high - low) * (t_max - t_min))
    return np.where(times < t_max, times, math.inf), count
