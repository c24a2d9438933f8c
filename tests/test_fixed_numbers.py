"""Registers of a digital chip: closed forms against counting, and against whole numbers of any size."""

from fractions import Fraction

import numpy as np
import pytest
from integer_chip import round_fraction

from eventsim.faults.state.number_format import NumberFormat, to_quanta
from eventsim.models.neurons import fixed_numbers
from eventsim.models.neurons.fixed_numbers import first_within, laps_of, plus_often

ROUNDING = ("half_even", "floor", "half_up", "toward_zero")


def test_the_first_multiple_in_an_interval_is_that_of_a_search() -> None:
    draws = np.random.default_rng(1)
    for span in [*range(2, 40), 64, 97, 256]:
        for _ in range(400):
            step, low = int(draws.integers(0, 3 * span)), int(draws.integers(1, span))
            high = int(draws.integers(low, span))
            expected = next((k for k in range(span + 1) if low <= step * k % span <= high), -1)
            assert first_within(step, span, low, high) == expected


def test_the_first_multiple_of_wide_registers_is_the_first() -> None:
    """32 bits: it lies in the interval, and no step before it does (checked near it, and by the sizes of its laps)."""
    draws = np.random.default_rng(2)
    span = 2**32
    for _ in range(200):
        step, low = int(draws.integers(1, span)), int(draws.integers(1, span))
        high = min(span - 1, low + int(draws.integers(0, 2**16)))
        k = first_within(step, span, low, high)
        if k < 0:
            assert not any(low <= x <= high for x in range(0, span, np.gcd(step, span)) if step % 2 == 0)
            continue
        assert low <= k * step % span <= high
        earlier = np.arange(max(0, k - 100_000), k, dtype=np.uint64) * np.uint64(step) % np.uint64(span)
        assert not ((earlier >= low) & (earlier <= high)).any()


@pytest.mark.parametrize("wraps", [False, True])
def test_many_additions_at_once_are_one_after_another(wraps: bool) -> None:
    draws = np.random.default_rng(3)
    for _ in range(8000):
        bits = int(draws.integers(2, 7))
        low, high, span = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 2**bits
        x, step = int(draws.integers(low, high + 1)), int(draws.integers(-3 * span, 3 * span + 1))
        k = int(draws.integers(0, 40))
        v, count = x, 0
        for _ in range(k):
            total = v + step
            if not low <= total <= high:
                count += 1
                total = (total - low) % span + low if wraps else max(low, min(high, total))
            v = total
        found = plus_often(*(float(n) for n in (x, step, k, low, high, span if wraps else 0)))
        assert found == (v, count)


def test_laps_of_wide_registers_are_exact() -> None:
    """Against whole numbers of any size: 32 bits, up to 2^50 additions."""
    draws = np.random.default_rng(4)
    span = 2**32
    for _ in range(2000):
        start, step = int(draws.integers(0, span)), int(draws.integers(0, span))
        k = int(draws.integers(0, 2 ** int(draws.integers(1, 51))))
        total = start + k * step
        laps, end = laps_of(float(start), float(step), float(k), float(span))
        assert end == total % span
        if total // span < 2**53:
            assert laps == total // span


@pytest.mark.parametrize("rounding", ROUNDING)
def test_rounding_is_that_of_fractions_ties_included(rounding: str) -> None:
    values = np.concatenate([np.arange(-40, 41) / 16, np.random.default_rng(5).normal(0, 3, 200)])
    values = np.append(values, [0.49999999999999994, -0.49999999999999994, 2.0**51 + 0.5])
    for fraction in (0, 1, 3):
        expected = [round_fraction(Fraction(float(v)) * 2**fraction, rounding) for v in values]
        assert (to_quanta(values, 2.0**-fraction, rounding) * 2**fraction).tolist() == expected
        number = float(ROUNDING.index(rounding))
        found = [fixed_numbers.rounded(v, 2.0**-fraction, number) * 2**fraction for v in values.tolist()]
        assert found == expected


def test_a_format_saturates_or_wraps() -> None:
    three = NumberFormat(3, 1)  # -2, -1.5, …, 1.5
    given = [-9.0, -2.0, 1.5, 1.6, 1.76, 9.0]
    assert three.held("here", given, "half_even", "saturate").tolist() == [-2.0, -2.0, 1.5, 1.5, 1.5, 1.5]
    assert three.held("here", given, "half_even", "wrap").tolist() == [-1.0, -2.0, 1.5, 1.5, -2.0, 1.0]
