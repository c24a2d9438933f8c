"""The first values of a stream of draws, all of them or those that differ: for many rows at once.

The first k different values of independent uniform draws are a uniform subset of k: whichever value comes next, all
that were not drawn yet are equally likely to. No permutation and no table of what was drawn is needed: a row that lacks
values draws as many again, so that it never has too many. Relies on `draws`. Used by the rules.
"""

from typing import Any

import numpy as np

from eventsim.connectivity.draws import PIECE, below

Array = np.ndarray[Any, Any]


def first_values(key: int, rows: range, n: int, n_choices: int, distinct: bool) -> Array:
    """The first `n` values in 0..n_choices-1 of each row's stream, or its first different ones, in ascending order.

    Returned is (row - rows.start) * n_choices + value, which must be below 2**63. The expected number of draws is at
    most 1.4 n a row: of more than half of all values, those that are left out are drawn.
    """
    if distinct and n > n_choices - n:
        kept = np.ones(len(rows) * n_choices, dtype=bool)
        kept[first_values(key, rows, n_choices - n, n_choices, distinct)] = False
        return np.flatnonzero(kept)
    found = np.empty(0, dtype=np.int64)
    lacking = np.full(len(rows), n, dtype=np.int64)
    drawn = np.zeros(len(rows), dtype=np.int64)
    while lacking.any():
        new = _draw(key, rows, drawn, lacking, n_choices)
        if distinct:
            new = new[np.diff(new, prepend=-1) != 0]
            new = new[~_among(new, found)]
        drawn += lacking
        lacking = lacking - np.bincount(new // n_choices, minlength=len(rows))
        found = np.sort(np.concatenate((found, new)), kind="stable")  # two sorted halves: O(n)
    return found


def _draw(key: int, rows: range, drawn: Array, wanted: Array, n_choices: int) -> Array:
    """Sorted draws of each row, as many as are wanted after those that were drawn; without those that do not count."""
    ends = np.cumsum(wanted)
    kept = []
    for low in range(0, int(ends[-1]), PIECE):
        place = np.arange(low, min(low + PIECE, int(ends[-1])))
        row = np.searchsorted(ends, place, side="right")
        number = drawn[row] + place - (ends[row] - wanted[row])
        value, counts = below(n_choices, key, row + rows.start, number)
        kept.append((row * n_choices + value)[counts])
    new = np.concatenate(kept)
    new.sort()
    return new


def _among(values: Array, sorted_ones: Array) -> Array:
    """Which values are among sorted ones."""
    if not sorted_ones.size:
        return np.zeros(values.shape, dtype=bool)
    place = np.minimum(np.searchsorted(sorted_ones, values), sorted_ones.size - 1)
    found: Array = sorted_ones[place] == values
    return found
