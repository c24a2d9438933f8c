"""Inputs to train on, in memory or not: anything with a length that gives the inputs at some places.

So data may be larger than memory: an array, a `numpy.memmap`, a dataset of an HDF5 file, or pictures that are read when
they are taken (`LabelledValues.view`). No more than a batch is asked for at once. What is no number in [0, 1] is
refused when it comes, since no spike can stand for it. Used by the training loop, the rules of windows and the judge.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from eventsim.checks import plain_array, real_array, shown
from eventsim.errors import InputError
from eventsim.models.relu.input_order import flat_hint, shape_hint

Array = np.ndarray[Any, Any]
BATCH = 512  # inputs that are looked at together where nobody says how many


class Inputs(Protocol):
    """Inputs in [0, 1]."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, chosen: Any, /) -> Array:
        """Return the inputs at these places, increasing integers (k,), as an array (k, *shape)."""


def as_inputs(where: str, x: Any) -> Inputs:
    """Return what gives inputs at places, a list as an array.

    Raises
    ------
    InputError
        It gives none, or there are none.
    """
    found = real_array(where, "x", x) if isinstance(x, list | tuple | np.ma.MaskedArray) else x
    several = hasattr(found, "__len__") and hasattr(found, "__getitem__") and getattr(found, "shape", None) != ()
    if not several or isinstance(found, str | bytes | Mapping):
        raise InputError(
            f"{where}: x = {shown(x)}; must be an array (n, *shape), or what gives one at some places. Load the data "
            "first."
        )
    if not len(found):
        raise InputError(f"{where}: there are no inputs in x; must be one at least. Give some.")
    given: Inputs = found
    return given


def checked_shape(where: str, x: Any, shape: tuple[int, ...]) -> Array:
    """Return inputs (n, *shape) or (n, n_in) as an array (n, *shape); axes of length 1 may be elsewhere.

    Raises
    ------
    InputError
        No real numbers; another shape: the message says how it becomes right.
    """
    array = real_array(where, "x", x)
    given, size = array.shape[1:], math.prod(shape)
    if array.ndim and (given == (size,) or [n for n in given if n != 1] == [n for n in shape if n != 1]):
        return array.reshape(len(array), *shape)
    hint = shape_hint(array.shape, shape) or "; reshape the data, or make a network of this shape"
    raise InputError(
        f"{where}: x has shape {array.shape}; must be (n, {', '.join(map(str, shape))}){flat_hint(shape)}{hint}"
    )


def checked_range(where: str, given: Any, places: Array | None = None) -> Array:
    """Return inputs (n, …) in [0, 1] as an array; `places` (n,) are their own among all.

    Raises
    ------
    InputError
        A value that is outside, or NaN: the message says which; what is no real number.
    """
    x = real_array(where, "x", given)
    if not x.size or (x.min() >= 0 and x.max() <= 1):  # of NaN neither
        return x
    outside = np.argwhere(~((x >= 0) & (x <= 1)))[0]
    value = x[tuple(outside)]
    first = outside[0] if places is None else places[outside[0]]
    index = ", ".join(map(str, (first, *outside[1:])))
    remedy = "Divide bytes by 255." if x.dtype == np.uint8 else "Scale the data: (x - low) / (high - low)."
    if value != value:
        remedy = "Replace it, or leave the input out."
    raise InputError(
        f"{where}: x[{index}] = {value}; must be in [0, 1], where 1 spikes first and 0 not at all. {remedy}"
    )


def taken(x: Inputs, chosen: Array) -> Array:
    """Return the inputs at these places, (k,) in any order without repeats, as an array (k, *shape)."""
    if type(x) is np.ndarray:
        return np.asarray(x[chosen])
    order = np.argsort(chosen, kind="stable")
    given = plain_array("inputs: x", x[chosen[order]], InputError)  # a mask would be lost
    found = np.empty_like(given)
    found[order] = given
    return found


def check_some(x: Inputs, where: str = "inputs") -> None:
    """Refuse no inputs with an InputError."""
    if not len(x):
        raise InputError(f"{where}: there is none; must be 1 or more. Give some.")


def first(x: Inputs, n: int) -> Array:
    """Return the first `n` inputs, or all that there are.

    Raises
    ------
    InputError
        There is none.
    """
    check_some(x)
    return taken(x, np.arange(min(n, len(x))))


def in_batches(x: Inputs, batch: int = BATCH) -> Iterator[tuple[Array, Array]]:
    """Yield the inputs in order, batch by batch: their places, (k,), and the inputs there."""
    for begin in range(0, len(x), batch):
        places = np.arange(begin, min(begin + batch, len(x)))
        yield places, taken(x, places)
