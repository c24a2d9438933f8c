"""The canonical order of synapses: by source, then delay, target, weight.

Relies on numpy. Used by `projections`. What is in order already, as rules make it, is not sorted again.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
TOGETHER = 2**14  # synapses that are sorted together: they stay in a processor's cache


def canonical_order(sources: Array, delays: Array | None, targets: Array, weights: Array) -> Any:
    """The places of synapses in the order (source, delay, target, weight), arrays (n,); None where they are in it."""
    keys = [key for key in (sources, delays, targets, weights) if key is not None]
    if _sorted(keys):
        return None
    if any(key.dtype == object for key in keys):  # Fractions are compared as they are
        rows = list(zip(*(key.tolist() for key in keys), strict=True))
        return sorted(range(len(rows)), key=rows.__getitem__)
    order = np.argsort(sources, kind="stable")
    low, n = 0, order.size
    while low < n:
        last = order[min(low + TOGETHER, n) - 1]
        high = int(np.searchsorted(sources, sources[last], side="right", sorter=order))
        some = order[low:high]
        order[low:high] = some[_order_of_few([key[some] for key in keys])]
        low = high
    return order


def _sorted(keys: list[Array]) -> bool:
    """Are rows in the order of the first key, where that is equal in the order of the second, and so on? O(n)."""
    equal: Any = np.ones(max(keys[0].size - 1, 0), dtype=bool)
    for key in keys:
        if (equal & (key[1:] < key[:-1])).any():
            return False
        equal &= (key[1:] == key[:-1]).astype(bool)
        if not equal.any():
            return True
    return True


def _order_of_few(keys: list[Array]) -> Array:
    """The same for synapses of a few sources, which are in the order of their sources already.

    As a rule the second key decides, and one quick sort by it and one by counting do: a fifth of what numpy's sort by
    four keys takes.
    """
    source, second = keys[0], keys[1]
    row = np.cumsum(np.diff(source, prepend=source[0]) != 0).astype(np.uint16)  # TOGETHER of them at most
    order = np.argsort(second)
    order = order[np.argsort(row[order], kind="stable")]
    row, second = row[order], second[order]
    if ((row[1:] == row[:-1]) & (second[1:] == second[:-1])).any():
        return np.lexsort(keys[::-1])
    return order
