"""Inputs to train on, in memory or not: anything with a length that gives the inputs at some places.

So data may be larger than memory: an array, a `numpy.memmap`, a dataset of an HDF5 file, or pictures that are read when
they are taken (`LabelledValues.view`). No more than a batch is asked for at once. Used by the training loop, the rules
of windows and the judge.
"""

import math
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from eventsim.errors import InputError

Array = np.ndarray[Any, Any]
BATCH = 512  # inputs that are looked at together where nobody says how many


class Inputs(Protocol):
    """Inputs in [0, 1]."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, chosen: Any, /) -> Array:
        """Return the inputs at these places, increasing integers (k,), as an array (k, *shape)."""


def taken(x: Inputs, chosen: Array) -> Array:
    """Return the inputs at these places, (k,) in any order without repeats, as an array (k, *shape)."""
    if type(x) is np.ndarray:
        return np.asarray(x[chosen])
    order = np.argsort(chosen, kind="stable")
    given = np.asarray(x[chosen[order]])
    found = np.empty_like(given)
    found[order] = given
    return found


def checked_inputs(x: Any, shape: tuple[int, ...]) -> Array:
    """Return inputs as an array, (n, *shape) or (n, n_in), when all are from 0 to 1.

    Raises
    ------
    InputError
        Another shape, no numbers, or one outside of [0, 1]: such an input has no spike time.
    """
    given, n_in = np.asarray(x), math.prod(shape)
    if given.ndim < 2 or math.prod(given.shape[1:]) != n_in:
        forms = " or ".join(dict.fromkeys((f"(n, {', '.join(map(str, shape))})", f"(n, {n_in})")))
        raise InputError(
            f"inputs of shape {given.shape}; must be {forms}, as the network takes them. Reshape them; one input alone "
            "needs an axis of length 1 before its own."
        )
    if given.dtype.kind not in "fiubO":
        raise InputError(f"inputs of dtype {given.dtype}; must be numbers in [0, 1]. Convert them.")
    if given.size and not (given.min() >= 0 and given.max() <= 1):  # NaN, too
        place = tuple(int(k) for k in np.argwhere(~((given >= 0) & (given <= 1)))[0])
        raise InputError(
            f"inputs: x[{', '.join(map(str, place))}] = {given[place]}; must be in [0, 1], or no time in the window of "
            "the input stands for it. Scale the data, as (x - low) / (high - low)."
        )
    return given


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
