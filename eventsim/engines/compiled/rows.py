"""Rows of a structure of arrays as tuples: reading, writing and slicing the state of one neuron.

Relies on `_jit`. Used by the compiled loop, which is specialised for the number of rows of each model. A loop over a
tuple of arrays cannot be compiled, so that functions of n rows are put together of those of half as many.
"""

import functools
from typing import Any

from eventsim._jit import jitable


@jitable
def _slices(flat: Any, start: int, size: int) -> Any:
    return (flat[start : start + size],)


@jitable
def _load(rows: Any, i: int) -> Any:
    return (rows[0][i],)


@jitable
def _store(rows: Any, i: int, values: Any) -> None:
    rows[0][i] = values[0]


@jitable
def _block(rows: Any, low: int, size: int) -> Any:
    return (rows[0][low : low + size],)


@functools.cache
def functions(n: int) -> tuple[Any, Any, Any, Any]:
    """(slices, load, store, block) of n rows.

    ``slices(flat, start, size)``: n rows of `size` values, one after another from `start` · ``load(rows, i)``: column i
    as a tuple · ``store(rows, i, values)``: write a tuple into column i · ``block(rows, low, size)``: columns low… of
    every row.
    """
    if n == 1:
        return _slices, _load, _store, _block
    half = n // 2
    slices_1, load_1, store_1, block_1 = functions(half)
    slices_2, load_2, store_2, block_2 = functions(n - half)

    @jitable
    def slices(flat: Any, start: int, size: int) -> Any:
        return slices_1(flat, start, size) + slices_2(flat, start + half * size, size)

    @jitable
    def load(rows: Any, i: int) -> Any:
        return load_1(rows[:half], i) + load_2(rows[half:], i)

    @jitable
    def store(rows: Any, i: int, values: Any) -> None:
        store_1(rows[:half], i, values[:half])
        store_2(rows[half:], i, values[half:])

    @jitable
    def block(rows: Any, low: int, size: int) -> Any:
        return block_1(rows[:half], low, size) + block_2(rows[half:], low, size)

    return slices, load, store, block


class _ByRows(dict[int, Any]):
    """One of the four functions by the number of rows, made when it is asked for."""

    def __init__(self, which: int) -> None:
        super().__init__()
        self.which = which

    def __missing__(self, n: int) -> Any:
        return functions(n)[self.which]


SLICES, LOAD, STORE, BLOCKS = (_ByRows(which) for which in range(4))
