"""Batches: the order is the documented function of seed and epoch, computed here a second time in Python's integers."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsim.errors import InputError
from eventsim.models import data
from eventsim.models.data.labelled_values import labelled

MASK = 2**64 - 1


def philox_4x64(counter: list[int], key: list[int]) -> list[int]:
    """Ten rounds of Philox4x64 (Salmon et al. 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(second >> 64) ^ c[1] ^ k[0], second & MASK, (first >> 64) ^ c[3] ^ k[1], first & MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return c


def documented_order(n: int, seed: int, epoch: int) -> list[int]:
    text = f"{seed}\x1fbatches".encode()
    key = [int.from_bytes(hashlib.sha256(text).digest()[:8], "little"), epoch]
    draws = [word for block in range(-(-n // 4)) for word in philox_4x64([block + 1, 0, 0, 0], key)][:n]
    return sorted(range(n), key=lambda i: (draws[i], i))


def joined(batches: list[Any]) -> list[int]:
    return [int(i) for chosen in batches for i in chosen]


def test_the_second_philox_has_the_known_answers_of_its_authors() -> None:
    assert [f"{word:016x}" for word in philox_4x64([0] * 4, [0] * 2)] == [
        "16554d9eca36314c", "db20fe9d672d0fdc", "d7e772cee186176b", "7e68b68aec7ba23b",
    ]  # fmt: skip


@given(st.integers(1, 300), st.integers(0, MASK), st.integers(0, MASK), st.integers(1, 400))
def test_the_order_is_the_documented_one_whatever_the_size_of_batches(n: int, seed: int, epoch: int, size: int) -> None:
    found = data.batches(n, size, seed, epoch)
    assert joined(found) == documented_order(n, seed, epoch)
    assert [len(chosen) for chosen in found] == [size] * (n // size) + [n % size] * (n % size > 0)
    assert found[0].dtype == np.int64
    if size <= n:
        dropped = data.batches(n, size, seed, epoch, last="drop")
        assert joined(dropped) == joined(found)[: n - n % size]
        assert {len(chosen) for chosen in dropped} == {size}


def test_one_order_is_fixed_for_all_time() -> None:
    assert joined(data.batches(8, 3, seed=1, epoch=2)) == [1, 6, 7, 5, 0, 2, 4, 3]


def orders(n_epochs: int, n: int) -> Iterator[list[int]]:
    for epoch in range(n_epochs):
        yield joined(data.batches(n, n, seed=5, epoch=epoch))


def test_every_input_is_everywhere_equally_often() -> None:
    """4,000 epochs of 6 inputs: 36 counts around 666.7; chi² of 25 degrees of freedom below 72, p = 2e-6."""
    counts = np.zeros((6, 6))
    for order in orders(4_000, 6):
        counts[np.arange(6), order] += 1
    assert ((counts - 4_000 / 6) ** 2 / (4_000 / 6)).sum() < 72


def test_a_part_yields_the_values_and_labels_of_its_batches() -> None:
    part = labelled("part", np.arange(10, dtype=np.uint8).reshape(5, 2), np.arange(5), 255.0)
    for (x, y), chosen in zip(part.batches(2, 3, 4, dtype=np.float32), data.batches(5, 2, 3, 4), strict=True):
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, part.values(chosen, np.float32))
        np.testing.assert_array_equal(y, chosen)
    assert len(list(part.batches(2, last="drop"))) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "n = 0; must be an integer in 1.."),
        ({"size": 0}, "size = 0; must be an integer >= 1"),
        ({"size": 2.0}, "size = 2.0; must be an integer"),
        ({"seed": -1}, "seed = -1; must be an integer in 0.."),
        ({"epoch": 2**64}, "epoch = 18446744073709551616"),
        ({"last": "Drop"}, "last = 'Drop', did you mean 'drop'?"),
        ({"size": 6, "last": "drop"}, "size = 6 of 5 inputs with last = 'drop'; must leave a batch"),
    ],
)
def test_numbers_that_make_no_batches_are_refused(options: dict, words: str) -> None:
    with pytest.raises(InputError) as caught:
        data.batches(**({"n": 5, "size": 2} | options))
    assert words in str(caught.value)
