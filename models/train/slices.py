"""Work on a batch in slices of samples, each of which stays in the cache between one pass over it and the next.

Which slices there are depends on shapes and numbers alone. They are taken one after another: numpy's passes over a
slice are so short that threads spend more time on handing over the interpreter's lock than they gain. Used by the
operations on numpy's arrays.
"""

import math
from typing import Any

BYTES = 1 << 20  # of a slice at most: two such arrays stay in a second-level cache


def slices(n: int, shape: tuple[int, ...], dtype: Any) -> list[slice]:
    """Return slices of `n` samples, all of about the same length; an array of each is (n, *shape)."""
    wanted = -(-n * math.prod(shape) * dtype.itemsize // BYTES)
    number = max(1, min(wanted, n))
    return [slice(k * n // number, (k + 1) * n // number) for k in range(number)]


def slices_of(x: Any) -> list[slice]:
    """Return slices of the samples of `x`, (n, ...)."""
    return slices(len(x), x.shape[1:], x.dtype)
