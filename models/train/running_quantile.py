"""A quantile of numbers that come batch by batch, exactly, without keeping all of them.

Used by the rules of windows, for data that are larger than memory.
"""

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class RunningQuantile:
    """The `q` quantile, as `numpy.quantile` has it, of numbers that are added in parts.

    Only those that may still be it are kept: of n numbers, at most some min(q, 1 - q) n on that side.

    Parameters
    ----------
    q
        From 0 to 1.
    most
        How many numbers may come.

    Attributes
    ----------
    n
        How many have come.
    """

    def __init__(self, q: float, most: int) -> None:
        self.q, self.n = q, 0
        self._largest = q >= 0.5
        share = 1 - q if self._largest else q
        self._room = math.ceil(share * most) + 2
        self._parts: list[Array] = []
        self._waiting = 0

    def add(self, values: Array) -> None:
        """Add numbers, (k,)."""
        self.n += values.size
        self._parts.append(values.ravel())
        self._waiting += values.size
        if self._waiting > 2 * self._room:
            self._parts = [self._kept()]
            self._waiting = self._parts[0].size

    def value(self) -> float:
        """Return the quantile of the numbers that have come, of which there must be one."""
        kept = np.sort(self._kept())
        place = self.q * (self.n - 1)
        below = math.floor(place)
        begins = self.n - kept.size if self._largest else 0  # the rank of the first of those that are kept
        low, high = (float(kept[min(rank - begins, kept.size - 1)]) for rank in (below, below + 1))
        share, gap = place - below, high - low
        # In the order of numpy, so that the bits are its own.
        return low + gap * share if share < 0.5 else high - gap * (1 - share)

    def _kept(self) -> Array:
        values = np.concatenate(self._parts)
        if values.size <= self._room:
            return values
        if self._largest:
            return np.partition(values, values.size - self._room)[values.size - self._room :]
        return np.partition(values, self._room - 1)[: self._room]
