"""Rows of a structure of arrays as tuples: reading, writing and slicing the state of one neuron.

Relies on `_jit`. Used by the compiled loop, which is specialised for the number of rows of each model. Written out,
since a loop over a tuple of arrays cannot be compiled; what has more rows than that is put together.
"""

import functools
from typing import Any

from eventsim._jit import jitable


@jitable
def slices1(flat: Any, start: int, size: int) -> Any:
    """1 row(s) of `size` values, one after another from `start`."""
    return (flat[start : start + size],)


@jitable
def load1(rows: Any, i: int) -> Any:
    """Column i as a tuple."""
    return (rows[0][i],)


@jitable
def store1(rows: Any, i: int, values: Any) -> None:
    """Write a tuple into column i."""
    rows[0][i] = values[0]


@jitable
def slices2(flat: Any, start: int, size: int) -> Any:
    """2 row(s) of `size` values, one after another from `start`."""
    return (
        flat[start : start + size],
        flat[start + 1 * size : start + 2 * size],
    )


@jitable
def load2(rows: Any, i: int) -> Any:
    """Column i as a tuple."""
    return (
        rows[0][i],
        rows[1][i],
    )


@jitable
def store2(rows: Any, i: int, values: Any) -> None:
    """Write a tuple into column i."""
    rows[0][i] = values[0]
    rows[1][i] = values[1]


@jitable
def slices3(flat: Any, start: int, size: int) -> Any:
    """3 row(s) of `size` values, one after another from `start`."""
    return (
        flat[start : start + size],
        flat[start + 1 * size : start + 2 * size],
        flat[start + 2 * size : start + 3 * size],
    )


@jitable
def load3(rows: Any, i: int) -> Any:
    """Column i as a tuple."""
    return (
        rows[0][i],
        rows[1][i],
        rows[2][i],
    )


@jitable
def store3(rows: Any, i: int, values: Any) -> None:
    """Write a tuple into column i."""
    rows[0][i] = values[0]
    rows[1][i] = values[1]
    rows[2][i] = values[2]


@jitable
def slices4(flat: Any, start: int, size: int) -> Any:
    """4 row(s) of `size` values, one after another from `start`."""
    return (
        flat[start : start + size],
        flat[start + 1 * size : start + 2 * size],
        flat[start + 2 * size : start + 3 * size],
        flat[start + 3 * size : start + 4 * size],
    )


@jitable
def load4(rows: Any, i: int) -> Any:
    """Column i as a tuple."""
    return (
        rows[0][i],
        rows[1][i],
        rows[2][i],
        rows[3][i],
    )


@jitable
def store4(rows: Any, i: int, values: Any) -> None:
    """Write a tuple into column i."""
    rows[0][i] = values[0]
    rows[1][i] = values[1]
    rows[2][i] = values[2]
    rows[3][i] = values[3]


@jitable
def slices5(flat: Any, start: int, size: int) -> Any:
    """5 row(s) of `size` values, one after another from `start`."""
    return (
        flat[start : start + size],
        flat[start + 1 * size : start + 2 * size],
        flat[start + 2 * size : start + 3 * size],
        flat[start + 3 * size : start + 4 * size],
        flat[start + 4 * size : start + 5 * size],
    )


@jitable
def load5(rows: Any, i: int) -> Any:
    """Column i as a tuple."""
    return (
        rows[0][i],
        rows[1][i],
        rows[2][i],
        rows[3][i],
        rows[4][i],
    )


@jitable
def store5(rows: Any, i: int, values: Any) -> None:
    """Write a tuple into column i."""
    rows[0][i] = values[0]
    rows[1][i] = values[1]
    rows[2][i] = values[2]
    rows[3][i] = values[3]
    rows[4][i] = values[4]


@jitable
def slices6(flat: Any, start: int, size: int) -> Any:
    """6 row(s) of `size` values, one after another from `start`."""
    return (
        flat[start : start + size],
        flat[start + 1 * size : start + 2 * size],
        flat[start + 2 * size : start + 3 * size],
        flat[start + 3 * size : start + 4 * size],
        flat[start + 4 * size : start + 5 * size],
        flat[start + 5 * size : start + 6 * size],
    )


@jitable
def load6(rows: Any, i: int) -> Any:
    """Column i as a tuple."""
    return (
        rows[0][i],
        rows[1][i],
        rows[2][i],
        rows[3][i],
        rows[4][i],
        rows[5][i],
    )


@jitable
def store6(rows: Any, i: int, values: Any) -> None:
    """Write a tuple into column i."""
    rows[0][i] = values[0]
    rows[1][i] = values[1]
    rows[2][i] = values[2]
    rows[3][i] = values[3]
    rows[4][i] = values[4]
    rows[5][i] = values[5]


@jitable
def block1(rows: Any, low: int, size: int) -> Any:
    """Columns low..low + size - 1 of every row."""
    return (rows[0][low : low + size],)


@jitable
def block2(rows: Any, low: int, size: int) -> Any:
    """Columns low..low + size - 1 of every row."""
    return (
        rows[0][low : low + size],
        rows[1][low : low + size],
    )


@jitable
def block3(rows: Any, low: int, size: int) -> Any:
    """Columns low..low + size - 1 of every row."""
    return (
        rows[0][low : low + size],
        rows[1][low : low + size],
        rows[2][low : low + size],
    )


@jitable
def block4(rows: Any, low: int, size: int) -> Any:
    """Columns low..low + size - 1 of every row."""
    return (
        rows[0][low : low + size],
        rows[1][low : low + size],
        rows[2][low : low + size],
        rows[3][low : low + size],
    )


@jitable
def block5(rows: Any, low: int, size: int) -> Any:
    """Columns low..low + size - 1 of every row."""
    return (
        rows[0][low : low + size],
        rows[1][low : low + size],
        rows[2][low : low + size],
        rows[3][low : low + size],
        rows[4][low : low + size],
    )


@jitable
def block6(rows: Any, low: int, size: int) -> Any:
    """Columns low..low + size - 1 of every row."""
    return (
        rows[0][low : low + size],
        rows[1][low : low + size],
        rows[2][low : low + size],
        rows[3][low : low + size],
        rows[4][low : low + size],
        rows[5][low : low + size],
    )


@functools.cache
def functions(n: int) -> tuple[Any, Any, Any, Any]:
    """(slices, load, store, block) of n rows: those above, or the first six rows and the rest."""
    if n <= WRITTEN:
        return _SLICES[n - 1], _LOAD[n - 1], _STORE[n - 1], _BLOCK[n - 1]
    rest_slices, rest_load, rest_store, rest_block = functions(n - WRITTEN)

    @jitable
    def slices(flat: Any, start: int, size: int) -> Any:
        return slices6(flat, start, size) + rest_slices(flat, start + WRITTEN * size, size)

    @jitable
    def load(rows: Any, i: int) -> Any:
        return load6(rows[:WRITTEN], i) + rest_load(rows[WRITTEN:], i)

    @jitable
    def store(rows: Any, i: int, values: Any) -> None:
        store6(rows[:WRITTEN], i, values[:WRITTEN])
        rest_store(rows[WRITTEN:], i, values[WRITTEN:])

    @jitable
    def block(rows: Any, low: int, size: int) -> Any:
        return block6(rows[:WRITTEN], low, size) + rest_block(rows[WRITTEN:], low, size)

    return slices, load, store, block


class _ByRows(dict[int, Any]):
    """One of the four functions by the number of rows, made when it is asked for."""

    def __init__(self, which: int) -> None:
        super().__init__()
        self.which = which

    def __missing__(self, n: int) -> Any:
        return functions(n)[self.which]


WRITTEN = 6
_SLICES = (slices1, slices2, slices3, slices4, slices5, slices6)
_LOAD = (load1, load2, load3, load4, load5, load6)
_STORE = (store1, store2, store3, store4, store5, store6)
_BLOCK = (block1, block2, block3, block4, block5, block6)
SLICES, LOAD, STORE, BLOCKS = (_ByRows(which) for which in range(4))
