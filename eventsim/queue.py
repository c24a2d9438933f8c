"""The re-keyable priority queue of the compiled engine: a binary heap with one live entry per source of events.

Relies on `_jit`. A node is a small integer (a cohort, a lane, the window changes, a clock); its key is the time of its
next event. `requeue` inserts, moves or (key = inf) removes it in O(log n); the earliest is at the root in O(1). Nodes
with nothing to come are not in the heap, so its size follows the activity, not the network. Which of several equal
keys is at the root does not matter: the engine takes all of them before it acts (docs/event-order.md).

Arrays: ``keys[k]`` and ``nodes[k]`` the heap itself, ``place[node]`` its position or -1, ``size[0]`` the length.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim._jit import jitable

Array = np.ndarray[Any, Any]


class Queue(NamedTuple):
    """The four arrays of a queue; see the module's first lines."""

    keys: Array
    nodes: Array
    place: Array
    size: Array


def new_queue(n_nodes: int) -> Queue:
    """Return an empty queue for nodes 0..n_nodes-1."""
    return Queue(
        np.full(n_nodes + 1, math.inf),
        np.zeros(n_nodes + 1, dtype=np.int32),
        np.full(n_nodes, -1, dtype=np.int32),
        np.zeros(1, dtype=np.int64),
    )


@jitable
def clear(q: Queue) -> None:
    """Empty the queue in O(entries)."""
    for k in range(q.size[0]):
        q.place[q.nodes[k]] = -1
        q.keys[k] = math.inf
    q.size[0] = 0


@jitable
def requeue(q: Queue, node: int, key: float) -> None:
    """Set the key of `node`: inserted, moved, or removed where the key is inf. O(log n)."""
    k = q.place[node]
    size = q.size[0]
    if k < 0:
        if key == math.inf:
            return
        q.size[0] = size + 1
        _up(q, size, node, key)
    elif key == math.inf:
        size -= 1
        q.size[0] = size
        q.place[node] = -1
        moved, last = q.nodes[size], q.keys[size]
        q.keys[size] = math.inf
        if k < size:
            if k > 0 and last < q.keys[(k - 1) >> 1]:
                _up(q, k, moved, last)
            else:
                _down(q, k, moved, last)
    elif key < q.keys[k]:
        _up(q, k, node, key)
    elif key > q.keys[k]:
        _down(q, k, node, key)


@jitable
def _up(q: Queue, k: int, node: int, key: float) -> None:
    """Let (node, key) rise from position k to where its parent is not later."""
    while k > 0:
        parent = (k - 1) >> 1
        if q.keys[parent] <= key:
            break
        q.keys[k] = q.keys[parent]
        q.nodes[k] = q.nodes[parent]
        q.place[q.nodes[k]] = k
        k = parent
    q.keys[k] = key
    q.nodes[k] = node
    q.place[node] = k


@jitable
def _down(q: Queue, k: int, node: int, key: float) -> None:
    """Let (node, key) sink from position k to where no child is earlier."""
    size = q.size[0]
    child = 2 * k + 1
    while child < size:
        if child + 1 < size and q.keys[child + 1] < q.keys[child]:
            child += 1
        if q.keys[child] >= key:
            break
        q.keys[k] = q.keys[child]
        q.nodes[k] = q.nodes[child]
        q.place[q.nodes[k]] = k
        k = child
        child = 2 * k + 1
    q.keys[k] = key
    q.nodes[k] = node
    q.place[node] = k


def check(q: Queue) -> None:
    """Raise AssertionError where an invariant of the queue does not hold (used by tests, O(n))."""
    size = int(q.size[0])
    for k in range(size):
        assert q.keys[k] < math.inf, (k, q.keys[k])
        assert q.place[q.nodes[k]] == k, (k, q.nodes[k], q.place[q.nodes[k]])
        if k:
            assert q.keys[(k - 1) >> 1] <= q.keys[k], (k, q.keys[:size])
    assert (q.place >= 0).sum() == size
    assert q.keys[size] == math.inf


# Pending items: a plain heap of (time, neuron), for spikes that have crossed but not left, and for the members of a
# cohort that may fire. Ties in time are ordered by neuron.


@jitable
def push(times: Array, items: Array, size: int, t: float, item: int) -> int:
    """Add (t, item) to the heap in times[:size], items[:size]; return the new size."""
    k = size
    while k > 0:
        parent = (k - 1) >> 1
        if times[parent] < t or (times[parent] == t and items[parent] <= item):
            break
        times[k] = times[parent]
        items[k] = items[parent]
        k = parent
    times[k] = t
    items[k] = item
    return size + 1


@jitable
def pop(times: Array, items: Array, size: int) -> int:
    """Remove the root of the heap in times[:size], items[:size]; return the new size."""
    size -= 1
    t, item = times[size], items[size]
    k = 0
    child = 1
    while child < size:
        right = child + 1
        if right < size and (
            times[right] < times[child] or (times[right] == times[child] and items[right] < items[child])
        ):
            child = right
        if t < times[child] or (t == times[child] and item <= items[child]):
            break
        times[k] = times[child]
        items[k] = items[child]
        k = child
        child = 2 * k + 1
    times[k] = t
    items[k] = item
    return size


@jitable
def sort_numbers(values: Array, n: int) -> None:
    """Sort values[:n] upwards in place: insertion for the nearly sorted, a heap for the rest; O(n log n)."""
    moves = 0
    for k in range(1, n):
        value = values[k]
        j = k
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
            moves += 1
        values[j] = value
        if moves > 8 * n:
            _heap_sort(values, n)
            return


@jitable
def _heap_sort(values: Array, n: int) -> None:
    for start in range(n // 2 - 1, -1, -1):
        _sink(values, start, n)
    for end in range(n - 1, 0, -1):
        values[0], values[end] = values[end], values[0]
        _sink(values, 0, end)


@jitable
def _sink(values: Array, k: int, n: int) -> None:
    value = values[k]
    child = 2 * k + 1
    while child < n:
        if child + 1 < n and values[child + 1] > values[child]:
            child += 1
        if values[child] <= value:
            break
        values[k] = values[child]
        k = child
        child = 2 * k + 1
    values[k] = value
