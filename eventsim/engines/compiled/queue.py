"""The re-keyable priority queue of the compiled engine: a binary heap with one live entry per source of events.

Relies on `_jit`. A node is a small integer (a cohort, a lane, the window changes, a clock); its key is the time of its
next event. `requeue` inserts, moves or (key = inf) removes it in O(log n); the earliest is at the root in O(1). Nodes
with nothing to come are not in the heap, so its size follows the activity, not the network. Which of several equal
keys is at the root does not matter: the engine takes all of them before it acts (docs/event-order.md).

An array of n + 1 records holds it: entry k of the heap is ``q[k].key, q[k].node``; ``q[node].place`` is the position
of a node, or -1; ``q[n].place`` is the length of the heap.
"""

import math
from typing import Any

import numpy as np

from eventsim._jit import jitable, whole

Array = Any  # a record array: fields are read as attributes
QUEUE = np.dtype([("key", "f8"), ("node", "i4"), ("place", "i4")], align=True)
WAITING = np.dtype([("t", "f8"), ("who", "i8")], align=True)


def new_queue(n_nodes: int) -> Array:
    """Return an empty queue, (n_nodes + 1,) records, for nodes 0..n_nodes-1."""
    q = np.zeros(n_nodes + 1, dtype=QUEUE).view(np.recarray)
    q.key = math.inf
    q.place[:-1] = -1
    return q


@jitable
def clear(q: Array) -> None:
    """Empty the queue in O(entries)."""
    for k in range(q[q.size - 1].place):
        q[q[k].node].place = -1
        q[k].key = math.inf
    q[q.size - 1].place = 0


@jitable
def requeue(q: Array, node: int, key: float) -> None:
    """Set the key of `node`: inserted, moved, or removed where the key is inf. O(log n)."""
    k, size = whole(q[node].place), whole(q[q.size - 1].place)  # one type: a part is compiled for each
    if k < 0:
        if key == math.inf:
            return
        q[q.size - 1].place = size + 1
        _up(q, size, node, key)
    elif key == math.inf:
        size -= 1
        q[q.size - 1].place = size
        q[node].place = -1
        moved, last = whole(q[size].node), q[size].key
        q[size].key = math.inf
        if k < size:
            if k > 0 and last < q[(k - 1) >> 1].key:
                _up(q, k, moved, last)
            else:
                _down(q, k, moved, last)
    elif key < q[k].key:
        _up(q, k, node, key)
    elif key > q[k].key:
        _down(q, k, node, key)


@jitable
def second_key(q: Array) -> float:
    """The earliest key behind the root's; inf where there is none."""
    return min(q[1].key, q[2].key) if q.size > 2 else math.inf


@jitable
def _up(q: Array, k: int, node: int, key: float) -> None:
    """Let (node, key) rise from position k to where its parent is not later."""
    while k > 0:
        parent = (k - 1) >> 1
        if q[parent].key <= key:
            break
        q[k].key = q[parent].key
        q[k].node = q[parent].node
        q[q[k].node].place = k
        k = parent
    q[k].key = key
    q[k].node = node
    q[node].place = k


@jitable
def _down(q: Array, k: int, node: int, key: float) -> None:
    """Let (node, key) sink from position k to where no child is earlier."""
    size = q[q.size - 1].place
    child = 2 * k + 1
    while child < size:
        if child + 1 < size and q[child + 1].key < q[child].key:
            child += 1
        if q[child].key >= key:
            break
        q[k].key = q[child].key
        q[k].node = q[child].node
        q[q[k].node].place = k
        k = child
        child = 2 * k + 1
    q[k].key = key
    q[k].node = node
    q[node].place = k


def check(q: Array) -> None:
    """Raise AssertionError where an invariant of the queue does not hold (used by tests, O(n))."""
    size = int(q.place[-1])
    for k in range(size):
        assert q.key[k] < math.inf, (k, q.key[k])
        assert q.place[q.node[k]] == k, (k, q.node[k])
        if k:
            assert q.key[(k - 1) >> 1] <= q.key[k], (k, q.key[:size])
    assert (q.place[:-1] >= 0).sum() == size
    assert q.key[size] == math.inf


# Pending items: a plain heap of (time, neuron), for spikes that have crossed but not left, and for the members of a
# cohort that may fire. Ties in time are ordered by neuron.


@jitable
def push(heap: Array, base: int, size: int, t: float, item: int) -> int:
    """Add (t, item) to the heap in heap[base:base + size]; return the new size."""
    k = size
    while k > 0:
        parent = base + ((k - 1) >> 1)
        if heap[parent].t < t or (heap[parent].t == t and heap[parent].who <= item):
            break
        heap[base + k].t = heap[parent].t
        heap[base + k].who = heap[parent].who
        k = (k - 1) >> 1
    heap[base + k].t = t
    heap[base + k].who = item
    return size + 1


@jitable
def pop(heap: Array, base: int, size: int) -> int:
    """Remove the root of the heap in heap[base:base + size]; return the new size."""
    size -= 1
    t, item = heap[base + size].t, heap[base + size].who
    k = 0
    child = 1
    while child < size:
        here, right = base + child, base + child + 1
        if child + 1 < size and (
            heap[right].t < heap[here].t or (heap[right].t == heap[here].t and heap[right].who < heap[here].who)
        ):
            child += 1
            here = right
        if t < heap[here].t or (t == heap[here].t and item <= heap[here].who):
            break
        heap[base + k].t = heap[here].t
        heap[base + k].who = heap[here].who
        k = child
        child = 2 * k + 1
    heap[base + k].t = t
    heap[base + k].who = item
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


@jitable
def sort_pairs(values: Array, along: Array, n: int) -> None:
    """Sort values[:n] upwards in place, equal ones by along[:n], which moves with them: a heap, O(n log n)."""
    for start in range(n // 2 - 1, -1, -1):
        _sink_pair(values, along, start, n)
    for end in range(n - 1, 0, -1):
        values[0], values[end] = values[end], values[0]
        along[0], along[end] = along[end], along[0]
        _sink_pair(values, along, 0, end)


@jitable
def _sink_pair(values: Array, along: Array, k: int, n: int) -> None:
    value, other = values[k], along[k]
    child = 2 * k + 1
    while child < n:
        right = child + 1
        if right < n and (
            values[right] > values[child] or (values[right] == values[child] and along[right] > along[child])
        ):
            child = right
        if values[child] < value or (values[child] == value and along[child] <= other):
            break
        values[k], along[k] = values[child], along[child]
        k = child
        child = 2 * k + 1
    values[k], along[k] = value, other
