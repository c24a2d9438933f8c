"""Draws of many numbers at once: the bits of the draws one by one, and functions that every machine computes alike."""

import math

import mpmath
import numpy as np
import pytest

from eventsim.connectivity import chosen
from eventsim.connectivity.chosen import first_values
from eventsim.connectivity.draws import below, uniforms
from eventsim.connectivity.elementary import cosine_of_turns, exp, log
from eventsim.randomness import normal, philox, stream_key
from eventsim.randomness import uniforms as uniforms_one_by_one

KEY = stream_key(3, "draws")
RNG = np.random.default_rng(5)


def word_of(row: int, number: int) -> int:
    """The 64 bits of a row and a number, by the Philox of one number."""
    low = 0xFFFFFFFF
    counter = (row & low, number & low, number >> 32, row >> 32, KEY & low, KEY >> 32)
    first, second, _, _ = philox(*map(np.uint64, counter))
    return int(first) << 32 | int(second)


def test_uniforms_are_those_of_randomness_bit_for_bit():
    synapses = np.concatenate([RNG.integers(0, 2**62, 200), [0, 1, 2**32 - 1, 2**32, 2**62 - 1]])
    numbers = RNG.integers(0, 5, synapses.size)
    for attempt in (0, 1, 2**40):
        first, second = uniforms(KEY, attempt, synapses, numbers)
        one_by_one = [
            uniforms_one_by_one(np.uint64(KEY), np.uint64(attempt), np.uint64(synapse), np.uint64(number))
            for synapse, number in zip(synapses.tolist(), numbers.tolist(), strict=True)
        ]
        assert list(zip(first.tolist(), second.tolist(), strict=True)) == one_by_one


@pytest.mark.parametrize("n", [1, 2, 10, 2**31 - 1, 3 * 2**61, 2**62, 2**63])
def test_integers_are_the_rest_of_a_word_without_the_last_words(n):
    rows, numbers = np.arange(40) % 7, np.arange(40) * 2**30
    values, counts = below(n, KEY, rows, numbers)
    words = [word_of(row, number) for row, number in zip(rows.tolist(), numbers.tolist(), strict=True)]
    assert values.tolist() == [word % n for word in words]
    assert counts.tolist() == [word < 2**64 - 2**64 % n for word in words]
    assert counts.all() != (n == 3 * 2**61)


@pytest.mark.parametrize("piece", [1, 3, 2**14])
@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize(("n", "n_choices"), [(0, 5), (1, 1), (3, 10), (5, 10), (6, 10), (10, 10), (40, 1000)])
def test_the_first_values_of_a_stream_whatever_is_drawn_together(monkeypatch, piece, distinct, n, n_choices):
    monkeypatch.setattr(chosen, "PIECE", piece)
    expected = []
    for row in range(4, 9):
        wanted = n_choices - n if distinct and n > n_choices / 2 else n
        values: list[int] = []
        number = 0
        while len(values) < wanted:
            value = word_of(row, number) % n_choices
            values += [value] if not (distinct and value in values) else []
            number += 1
        values = sorted(values if wanted == n else set(range(n_choices)) - set(values))
        expected += [(row - 4) * n_choices + value for value in values]
    assert first_values(KEY, range(4, 9), n, n_choices, distinct).tolist() == expected


def units_off(found, exact) -> float:
    return max(
        abs(mpmath.mpf(f) - e) / mpmath.mpf(math.ulp(float(e))) for f, e in zip(found.tolist(), exact, strict=True)
    )


def test_elementary_functions_are_within_two_units_of_the_last_place():
    u = np.concatenate([RNG.random(3000), 10.0 ** RNG.uniform(-16, 0, 1000), [2.0**-54, 1 - 2.0**-53, 0.5, 2.0**-0.5]])
    x = np.concatenate([RNG.uniform(-700, 700, 3000), RNG.uniform(-1, 1, 1000), [0.0, 1.0, 0.5 * math.log(2)]])
    with mpmath.workdps(50):
        assert units_off(log(u), [mpmath.log(mpmath.mpf(one)) for one in u.tolist()]) <= 2
        assert units_off(exp(x), [mpmath.exp(mpmath.mpf(one)) for one in x.tolist()]) <= 2
        # Near its zeros a cosine is as far off as its argument is rounded.
        turned = [mpmath.cospi(2 * mpmath.mpf(one)) for one in u.tolist()]
        assert max(abs(mpmath.mpf(f) - e) for f, e in zip(cosine_of_turns(u).tolist(), turned, strict=True)) < 2**-52


def test_exponentials_beyond_float64_are_its_ends():
    assert exp(np.array([-1e6, -math.inf, 1e6, math.inf])).tolist() == [0.0, 0.0, math.inf, math.inf]


def test_normal_numbers_are_those_of_randomness_up_to_rounding():
    synapses = np.arange(300)
    first, second = uniforms(KEY, 0, synapses, np.zeros(300))
    many = np.sqrt(-2.0 * log(first)) * cosine_of_turns(second)
    one_by_one = [normal(np.uint64(KEY), np.uint64(0), k, 0) for k in range(300)]
    np.testing.assert_allclose(many, one_by_one, rtol=0, atol=1e-14)
