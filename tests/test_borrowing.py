"""What a loop lends to its parts: read through a pointer, never written, the same bits as the tuple itself."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from eventsim import Dense, Network, SpikeTimes, simulate
from eventsim._jit import INTERPRETED, borrowed, kernel, kernel_part
from eventsim.engines.compiled import engine
from eventsim.engines.tables import PLAN

RECORD = np.dtype([("a", "i8"), ("b", "f8")], align=True)


class Within(NamedTuple):
    """A tuple in a tuple, as a machine has its fabric."""

    counts: Any
    table: Any


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


class Parts(NamedTuple):
    """What the kernels below work on."""

    records: Any
    kept: Any
    numbers: Any
    small: Any
    within: Within


@kernel_part
def add_up(values: Any, n: int) -> float:
    """Of a slice, which begins at its own first item."""
    total = 0.0
    for i in range(n):
        total += values[i] * (i + 1)
    return float(total)


@kernel_part
def work(m: Parts) -> float:
    """Slices, records copied whole, numbers of other types, a tuple in the tuple, all forms of loops."""
    for k in range(m.records.size):
        m.records[k] = m.kept[m.kept.size - 1 - k]
    m.records[0].a = 11  # a copy: what was copied stays
    part = m.numbers[2:5]
    part[0] = 7  # a whole number into an array of others
    inner = part[1:3]
    inner[1] += m.small[1]
    total = add_up(inner, inner.size) + add_up(m.numbers[m.small[0] : 3], 1)
    for k in range(3, -1, -2):
        total = total * 3.0 + m.numbers[k]
    for k in range(2, 4):
        total = total * 5.0 + k
    for _ in range(4, 4):
        total = -1.0
    first, second = 1.0, 2.0
    for k in range(m.within.counts.size):
        first, second = second, first + second
        if k == 1:
            last = first
        elif k == 2:
            last = second
        else:
            last = 0.0
        if last > 4.0:
            break
        m.within.counts[k] += int(last)
        m.within.table[k, 1] = second
    while first < 100.0:
        if first > 50.0:
            first = 2.0 * first
            continue
        first = first + 10.0
    return float(total + first + last)


@kernel
def worked(lent: Parts) -> float:
    return float(work(borrowed(lent)))


def parts() -> Parts:
    records = np.zeros(3, dtype=RECORD).view(np.recarray)
    kept = np.array([(1, 0.5), (2, 0.25), (3, 0.125)], dtype=RECORD).view(np.recarray)
    packed = np.array([(1, 2)], dtype=np.dtype([("none", "u1"), ("small", "i4", (2,))]))["small"][0].copy()
    within = Within(np.arange(3), np.zeros((4, 2))[::1])
    return Parts(records, kept, np.arange(6.0), packed, within)


def test_parts_do_what_python_does() -> None:
    here, there = parts(), parts()
    assert worked(here) == work(there)
    for mine, other in zip([*here[:4], *here.within], [*there[:4], *there.within], strict=True):
        assert mine.tobytes() == other.tobytes()
    assert here.records.a.tolist() == [11, 2, 1]
    assert here.kept.a.tolist() == [1, 2, 3]
    assert here.numbers[2] == 7.0


@pytest.mark.skipif(INTERPRETED, reason="the compiler says it, Python says it in its own words")
def test_a_field_that_is_none_does_not_compile() -> None:
    with pytest.raises(Exception, match="number"):
        of_a_field_that_is_none(lent())


OUT_OF_BOUNDS = """
from typing import Any, NamedTuple
import numpy as np
from eventsim._jit import borrowed, kernel, kernel_part

class Lent(NamedTuple):
    numbers: Any

@kernel_part
def item(m: Lent, k: int) -> float:
    return m.numbers[k]

@kernel_part
def size(m: Lent, begin: int, end: int) -> int:
    return m.numbers[begin:end].size

@kernel
def look(lent: Lent, begin: int, end: int) -> float:
    m = borrowed(lent)
    return float(item(m, begin) if end == -2 else size(m, begin, end))

found = []
for begin, end in ((2, -2), (3, -2), (-1, -2), (0, 3), (3, 3), (2, 4), (2, 1), (-1, 2)):
    try:
        found.append(look(Lent(np.arange(3.0)), begin, end))
    except IndexError:
        found.append(None)
print(found)
"""


@pytest.mark.skipif(INTERPRETED, reason="numba checks bounds, where it is told to")
def test_items_and_slices_that_leave_a_lent_array_are_found_where_bounds_are_checked(tmp_path: Path) -> None:
    program = tmp_path / "out_of_bounds.py"  # numba reads the source of a function
    program.write_text(OUT_OF_BOUNDS)
    checking = os.environ | {"NUMBA_BOUNDSCHECK": "1", "EVENTSIM_CACHE": "0"}
    done = subprocess.run([sys.executable, program], env=checking, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[2.0, None, None, 3.0, 0.0, None, None, None]"


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
