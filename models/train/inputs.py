"""Inputs to train on, in memory or not: anything with a length that gives the inputs at some places.

So data may be larger than memory: an array, a `numpy.memmap`, a dataset of an HDF5 file, or pictures that are read when
they are taken (`LabelledValues.view`). No more than a batch is asked for at once. Used by the training loop, the rules
of windows and the judge.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]
BATCH = 512  # inputs that are looked at together where nobody says how many


class Inputs(Protocol):
    """Inputs in [0, 1]."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, chosen: Any, /) -> Array:
        """Return the inputs at these places, increasing integers (k,), as an array (k, *shape)."""


def taken(x: Inputs, chosen: Array) -> Array:
    """Return the inputs at these places, (k,) in any order without repeats, as an array (k, *shape)."""
    if type(x) is np.ndarray:
        return np.asarray(x[chosen])
    order = np.argsort(chosen, kind="stable")
    given = np.asarray(x[chosen[order]])
    found = np.empty_like(given)
    found[order] = given
    return found


def first(x: Inputs, n: int) -> Array:
    """Return the first `n` inputs, or all that there are."""
    return taken(x, np.arange(min(n, len(x))))


def in_batches(x: Inputs, batch: int = BATCH) -> Iterator[tuple[Array, Array]]:
    """Yield the inputs in order, batch by batch: their places, (k,), and the inputs there."""
    for begin in range(0, len(x), batch):
        places = np.arange(begin, min(begin + batch, len(x)))
        yield places, taken(x, places)
