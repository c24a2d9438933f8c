"""Poisson trains: what is drawn is a function of (seed, name, sample, neuron, number) alone, sorted, and Poisson."""

import math

import numpy as np
import pytest

from eventsim.network import generators
from eventsim.network.generators import Poisson
from eventsim.randomness import stream_key, uniforms

pytestmark = pytest.mark.engine_small

RATES = np.array([0.5, 0.0, 2.0, 0.03, 1.0])


def drawn_one_by_one(rates, until: float, seed: int, sample: int, name: str) -> list[tuple[float, int]]:
    """The documented draws without slices or buckets: interval k of a neuron is half k % 2 of its pair k // 2."""
    key = stream_key(seed, "poisson", name)
    spikes = []
    for neuron, rate in enumerate(rates.tolist()):
        t, k = 0.0, 0
        while rate > 0.0:
            pair = uniforms(np.uint64(key), np.uint64(sample), np.uint64(neuron), np.uint64(k // 2))
            t += -math.log(pair[k % 2]) / rate
            k += 1
            if t >= until:
                break
            spikes.append((t, neuron))
    return sorted(spikes)


def trains(rates, until: float, seed: int = 3, sample: int = 5, name: str = "noise") -> list[tuple[float, int]]:
    times, neurons = Poisson(rates).trains(name, len(rates), until, seed, sample)
    return list(zip(times.tolist(), neurons.tolist(), strict=True))


@pytest.mark.parametrize("slice_size", [1, 7, 8192])
def test_trains_are_the_documented_draws_in_order_of_time(slice_size, monkeypatch) -> None:
    monkeypatch.setattr(generators, "SLICE", slice_size)
    assert trains(RATES, 100.0) == drawn_one_by_one(RATES, 100.0, seed=3, sample=5, name="noise")


def test_more_spikes_than_there_is_room_for_are_not_dropped(monkeypatch) -> None:
    expected = trains(RATES, 100.0)
    monkeypatch.setattr(generators, "_room", lambda expected: 4)
    monkeypatch.setattr(generators, "SLICE", 50)
    assert trains(RATES, 100.0) == expected


def test_a_shorter_run_hears_the_beginning_of_the_same_trains() -> None:
    long = trains(RATES, 100.0)
    assert trains(RATES, 40.0) == [spike for spike in long if spike[0] < 40.0]


def test_a_neuron_hears_the_same_train_whatever_the_others_hear() -> None:
    alone = trains(np.where(np.arange(5) == 2, RATES, 0.0), 100.0)
    assert alone == [spike for spike in trains(RATES, 100.0) if spike[1] == 2]


@pytest.mark.parametrize("changed", [{"seed": 4}, {"sample": 6}, {"name": "other"}])
def test_another_seed_sample_or_source_hears_other_trains(changed) -> None:
    assert not {t for t, _ in trains(RATES, 100.0)} & {t for t, _ in trains(RATES, 100.0, **changed)}


def test_silent_sources_make_no_spikes() -> None:
    assert trains(np.zeros(3), 100.0) == []


def test_counts_and_intervals_are_poisson() -> None:
    # 400 neurons with 20 spikes expected: mean and variance of the counts, and mean and variance of the intervals, of
    # which all that begin in the first half are looked at (none is cut off). Bounds are 4 standard errors.
    n, rate, until = 400, 0.5, 40.0
    times, neurons = Poisson(rate).trains("noise", n, until, 1, 0)
    counts = np.bincount(neurons, minlength=n)
    mean = rate * until
    assert abs(counts.mean() - mean) < 4 * math.sqrt(mean / n)
    assert abs(counts.var() / mean - 1) < 4 * math.sqrt(2 / n)
    intervals = []
    for neuron in range(n):
        train = times[neurons == neuron]
        intervals += np.diff(train)[train[:-1] < until / 2].tolist()
    scaled = np.array(intervals) * rate
    assert abs(scaled.mean() - 1) < 4 / math.sqrt(scaled.size)
    assert abs(scaled.var() - 1) < 4 * math.sqrt(8 / scaled.size)
