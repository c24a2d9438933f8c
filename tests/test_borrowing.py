"""What a loop lends to its parts: read through a pointer, never written, the same bits as the tuple itself."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from eventsim import Dense, Network, SpikeTimes, simulate
from eventsim._jit import INTERPRETED, borrowed, kernel, kernel_part
from eventsim.engines.compiled import engine
from eventsim.engines.tables import PLAN

RECORD = np.dtype([("a", "i8"), ("b", "f8")], align=True)


class Lent(NamedTuple):
    """Arrays of every form that a machine has."""

    records: Any
    numbers: Any
    table: Any
    plain: int


@kernel_part
def part(m: Lent, k: int) -> float:
    """Read every field, write into two."""
    m.numbers[k] += m.records[k].b + m.plain
    m.records[k].a = m.table.shape[0] * 10 + m.table.shape[1]
    return float(m.numbers[k] * m.table[1, k] + m.numbers.size)


@kernel
def through_a_pointer(lent: Lent) -> float:
    m = borrowed(lent)
    total = 0.0
    for k in range(2):
        total += part(m, k)
    return total


@kernel
def of_a_field_that_is_none(lent: Lent) -> float:
    m = borrowed(lent)
    return float(m.number[0])


def lent() -> Lent:
    records = np.array([(1, 0.5), (2, 0.25)], dtype=RECORD).view(np.recarray)
    table = np.arange(12.0).reshape(4, 3)[::2]  # neither contiguous nor of one dimension
    return Lent(records, np.array([1.0, 2.0, 3.0]), table, 7)


def test_parts_read_and_write_what_is_borrowed() -> None:
    given = lent()
    assert through_a_pointer(given) == (1.5 + 7) * 6.0 + 3 + (2.25 + 7) * 7.0 + 3
    assert given.numbers.tolist() == [8.5, 9.25, 3.0]
    assert given.records.a.tolist() == [23, 23]


@pytest.mark.skipif(INTERPRETED, reason="the compiler says it, Python says it in its own words")
def test_a_field_that_is_none_does_not_compile() -> None:
    with pytest.raises(Exception, match="number"):
        of_a_field_that_is_none(lent())


@pytest.mark.engine_small
@pytest.mark.skipif(not INTERPRETED, reason="a read-only array is another type to the compiler: make interpreted")
def test_the_plan_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = []

    class Frozen(engine.Worker):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            for name in PLAN:
                getattr(self.machine, name).flags.writeable = False
                frozen.append(name)

    monkeypatch.setattr(engine, "Worker", Frozen)
    net = Network()
    net.source(2, "input")
    net.population("lif_delta", 2, "cells", tau_mem=2.0, t_ref=0.1)
    net.population("lif_clocked", 2, "clocked", period=0.5, decay=0.9)
    net.connect("input", "cells", Dense([[0.7, 0.6], [0.5, 0.9]]))
    net.connect("cells", "clocked", Dense([[0.7, 0.6], [0.5, 0.9]]), delay=0.25)
    run = simulate(net, SpikeTimes([[[0.5, 1.0], [0.5]], [[1.0], []]]), until=4.0, record={"cells": [0]})
    assert frozen
    assert run.n_spikes("cells") > 1
