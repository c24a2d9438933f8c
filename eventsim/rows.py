"""Rows of a structure of arrays as tuples: reading, writing and slicing the state of one neuron.

Relies on `_jit`. Used by the compiled loop, which is specialised for the number of rows of each model. Written out,
since a loop over a tuple of arrays cannot be compiled.
"""

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
def slices7(flat: Any, start: int, size: int) -> Any:
    """7 row(s) of `size` values, one after another from `start`."""
    return (
        flat[start : start + size],
        flat[start + 1 * size : start + 2 * size],
        flat[start + 2 * size : start + 3 * size],
        flat[start + 3 * size : start + 4 * size],
        flat[start + 4 * size : start + 5 * size],
        flat[start + 5 * size : start + 6 * size],
        flat[start + 6 * size : start + 7 * size],
    )


@jitable
def load7(rows: Any, i: int) -> Any:
    """Column i as a tuple."""
    return (
        rows[0][i],
        rows[1][i],
        rows[2][i],
        rows[3][i],
        rows[4][i],
        rows[5][i],
        rows[6][i],
    )


@jitable
def store7(rows: Any, i: int, values: Any) -> None:
    """Write a tuple into column i."""
    rows[0][i] = values[0]
    rows[1][i] = values[1]
    rows[2][i] = values[2]
    rows[3][i] = values[3]
    rows[4][i] = values[4]
    rows[5][i] = values[5]
    rows[6][i] = values[6]


@jitable
def slices8(flat: Any, start: int, size: int) -> Any:
    """8 row(s) of `size` values, one after another from `start`."""
    return (
        flat[start : start + size],
        flat[start + 1 * size : start + 2 * size],
        flat[start + 2 * size : start + 3 * size],
        flat[start + 3 * size : start + 4 * size],
        flat[start + 4 * size : start + 5 * size],
        flat[start + 5 * size : start + 6 * size],
        flat[start + 6 * size : start + 7 * size],
        flat[start + 7 * size : start + 8 * size],
    )


@jitable
def load8(rows: Any, i: int) -> Any:
    """Column i as a tuple."""
    return (
        rows[0][i],
        rows[1][i],
        rows[2][i],
        rows[3][i],
        rows[4][i],
        rows[5][i],
        rows[6][i],
        rows[7][i],
    )


@jitable
def store8(rows: Any, i: int, values: Any) -> None:
    """Write a tuple into column i."""
    rows[0][i] = values[0]
    rows[1][i] = values[1]
    rows[2][i] = values[2]
    rows[3][i] = values[3]
    rows[4][i] = values[4]
    rows[5][i] = values[5]
    rows[6][i] = values[6]
    rows[7][i] = values[7]


@jitable
def slices9(flat: Any, start: int, size: int) -> Any:
    """9 row(s) of `size` values, one after another from `start`."""
    return (
        flat[start : start + size],
        flat[start + 1 * size : start + 2 * size],
        flat[start + 2 * size : start + 3 * size],
        flat[start + 3 * size : start + 4 * size],
        flat[start + 4 * size : start + 5 * size],
        flat[start + 5 * size : start + 6 * size],
        flat[start + 6 * size : start + 7 * size],
        flat[start + 7 * size : start + 8 * size],
        flat[start + 8 * size : start + 9 * size],
    )


@jitable
def load9(rows: Any, i: int) -> Any:
    """Column i as a tuple."""
    return (
        rows[0][i],
        rows[1][i],
        rows[2][i],
        rows[3][i],
        rows[4][i],
        rows[5][i],
        rows[6][i],
        rows[7][i],
        rows[8][i],
    )


@jitable
def store9(rows: Any, i: int, values: Any) -> None:
    """Write a tuple into column i."""
    rows[0][i] = values[0]
    rows[1][i] = values[1]
    rows[2][i] = values[2]
    rows[3][i] = values[3]
    rows[4][i] = values[4]
    rows[5][i] = values[5]
    rows[6][i] = values[6]
    rows[7][i] = values[7]
    rows[8][i] = values[8]


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


@jitable
def block7(rows: Any, low: int, size: int) -> Any:
    """Columns low..low + size - 1 of every row."""
    return (
        rows[0][low : low + size],
        rows[1][low : low + size],
        rows[2][low : low + size],
        rows[3][low : low + size],
        rows[4][low : low + size],
        rows[5][low : low + size],
        rows[6][low : low + size],
    )


@jitable
def block8(rows: Any, low: int, size: int) -> Any:
    """Columns low..low + size - 1 of every row."""
    return (
        rows[0][low : low + size],
        rows[1][low : low + size],
        rows[2][low : low + size],
        rows[3][low : low + size],
        rows[4][low : low + size],
        rows[5][low : low + size],
        rows[6][low : low + size],
        rows[7][low : low + size],
    )


@jitable
def block9(rows: Any, low: int, size: int) -> Any:
    """Columns low..low + size - 1 of every row."""
    return (
        rows[0][low : low + size],
        rows[1][low : low + size],
        rows[2][low : low + size],
        rows[3][low : low + size],
        rows[4][low : low + size],
        rows[5][low : low + size],
        rows[6][low : low + size],
        rows[7][low : low + size],
        rows[8][low : low + size],
    )


SLICES = dict(enumerate((slices1, slices2, slices3, slices4, slices5, slices6, slices7, slices8, slices9), start=1))
LOAD = dict(enumerate((load1, load2, load3, load4, load5, load6, load7, load8, load9), start=1))
STORE = dict(enumerate((store1, store2, store3, store4, store5, store6, store7, store8, store9), start=1))
BLOCKS = dict(enumerate((block1, block2, block3, block4, block5, block6, block7, block8, block9), start=1))
