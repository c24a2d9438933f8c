"""Draws by number, many at once: the Philox of `eventsim.randomness`, whose functions take one at a time.

Relies on `eventsim.randomness`, whose `philox` takes arrays as it takes numbers. Used by the rules and by the
distributions. What is drawn is a function of (key, row, number); how many are drawn together changes nothing.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from eventsim.randomness import philox

Array = np.ndarray[Any, Any]
# Numbers that are worked on together: their intermediate results stay in a processor's cache.
PIECE = 2**14

_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


def pieces(n: int, size: int = PIECE) -> Iterator[slice]:
    """The numbers 0..n-1, so many at a time."""
    for low in range(0, n, size):
        yield slice(low, min(low + size, n))


def words(key: int, rows: Any, numbers: Any) -> tuple[Array, Array, Array, Array]:
    """Four independent words of 32 bits, as uint64, for each row and number (arrays that numpy broadcasts)."""
    row, number = np.asarray(rows).astype(np.uint64), np.asarray(numbers).astype(np.uint64)
    key64 = np.uint64(key)
    return philox(row & _LOW, number & _LOW, number >> _HALF, row >> _HALF, key64 & _LOW, key64 >> _HALF)


def below(n: int, key: int, rows: Array, numbers: Array) -> tuple[Array, Array]:
    """Integers in 0..n-1 for each row and number, and which of them count; n <= 2**63.

    Of the 2**64 values of a word the last few, which would make small integers likelier, do not count: the others are
    exactly uniform.
    """
    first, second, _, _ = words(key, rows, numbers)
    word = first << _HALF | second
    last = np.uint64(2**64 // n * n - 1)
    return (word % np.uint64(n)).astype(np.int64), word <= last


def uniforms(key: int, attempt: int, synapses: Array, numbers: Array) -> tuple[Array, Array]:
    """Two independent uniforms in (0, 1) for each synapse and number: `randomness.uniforms`, bit for bit."""
    synapse = synapses.astype(np.uint64)
    key64, attempt64 = np.uint64(key) ^ (synapse >> _HALF), np.uint64(attempt)
    a, b, c, d = philox(
        synapse & _LOW,
        numbers.astype(np.uint64) & _LOW,
        attempt64 & _LOW,
        attempt64 >> _HALF,
        key64 & _LOW,
        key64 >> _HALF,
    )
    return _uniform(a, b), _uniform(c, d)


def _uniform(high: Array, low: Array) -> Array:
    """53 bits of two words, as a number in the middle of its interval; never 1, to which the last one would round."""
    bits = (high >> np.uint64(5)).astype(np.float64) * 2.0**26 + (low >> np.uint64(6)).astype(np.float64)
    return np.minimum((bits + 0.5) / 2.0**53, 1.0 - 2.0**-53)
