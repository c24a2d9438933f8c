"""The re-keyable queue against SortedList, driven by hypothesis; its invariants are checked after each step."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sortedcontainers import SortedList

from eventsim.engines.compiled import queue

N = 12
KEYS = st.one_of(st.sampled_from([0.0, 1.0, 1.0, 2.0, math.inf]), st.floats(0, 4))


class Queue(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.q = queue.new_queue(N)
        self.model = {}

    @rule(node=st.integers(0, N - 1), key=KEYS)
    def requeue(self, node, key):
        queue.requeue(self.q, node, key)
        self.model.pop(node, None)
        if key < math.inf:
            self.model[node] = key

    @rule()
    def clear(self):
        queue.clear(self.q)
        self.model.clear()

    @invariant()
    def root_is_the_earliest_and_invariants_hold(self):
        queue.check(self.q)
        ordered = SortedList((key, node) for node, key in self.model.items())
        assert self.q[0].key == (ordered[0][0] if ordered else math.inf)
        assert {(float(self.q[k].key), int(self.q[k].node)) for k in range(len(ordered))} == set(ordered)


TestQueue = Queue.TestCase


@pytest.mark.engine_small
def test_the_invariant_check_can_fail():
    q = queue.new_queue(3)
    for node, key in enumerate((3.0, 2.0, 1.0)):
        queue.requeue(q, node, key)
    q[0].key = 9.0
    with pytest.raises(AssertionError):
        queue.check(q)


def test_the_pending_heap_pops_in_order_of_time_then_neuron():
    rng = np.random.default_rng(1)
    heap = np.empty(200, dtype=queue.WAITING).view(np.recarray)
    items = [(float(rng.integers(0, 5)), int(who)) for who in rng.permutation(150)]
    size = 0
    for t, who in items:
        size = queue.push(heap, 20, size, t, who)
    popped = []
    while size:
        popped.append((float(heap[20].t), int(heap[20].who)))
        size = queue.pop(heap, 20, size)
    assert popped == sorted(items)


@pytest.mark.parametrize("kind", ["sorted", "reversed", "random", "equal"])
def test_numbers_are_sorted_whatever_their_order(kind):
    values = {
        "sorted": np.arange(300), "reversed": np.arange(300)[::-1].copy(), "equal": np.zeros(300, dtype=np.int64),
        "random": np.random.default_rng(2).integers(0, 99, 300),
    }[kind].astype(np.int64)  # fmt: skip
    expected = np.sort(values)
    queue.sort_numbers(values, len(values))
    assert (values == expected).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40))
def test_pairs_are_sorted_by_both_numbers(pairs):
    values, along = (np.array(column, dtype=np.int64) for column in (zip(*pairs, strict=True) if pairs else ((), ())))
    queue.sort_pairs(values, along, len(pairs))
    assert list(zip(values.tolist(), along.tolist(), strict=True)) == sorted(pairs)
