"""How values are said in one short line: ranges of arrays, shapes, lists, places of neurons.

Relies on numpy. Used by the reprs, by reports and by messages.
"""

import itertools
import math
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

LONGEST = 240  # characters of a list
LONGEST_NAME = 60
IMAGE = ("c", "y", "x")  # the axes of a shape (channels, height, width)


def place(neuron: int, shape: Sequence[int]) -> str:
    """Return where a neuron stands in a population of several axes: "c 0, y 2, x 3" of three, else "1, 4"; "" of one.

    >>> place(11, (2, 3, 4)), place(11, (3, 4)), place(11, (24,))
    ('c 0, y 2, x 3', '2, 3', '')
    """
    if len(shape) < 2:
        return ""
    index = np.unravel_index(int(neuron), tuple(shape))
    letters = [f"{axis} " for axis in IMAGE] if len(shape) == len(IMAGE) else [""] * len(shape)
    return ", ".join(f"{letter}{int(i)}" for letter, i in zip(letters, index, strict=True))


def places(neurons: Any, shape: Sequence[int]) -> list[str]:
    """Return the place of each of these neurons, an array (n,). O(n) and a text for each neuron that occurs."""
    found, number = np.unique(neurons, return_inverse=True)
    texts = [place(neuron, shape) for neuron in found.tolist()]
    return [texts[k] for k in number.tolist()]


def longest_place(shapes: Iterable[Sequence[int]]) -> int:
    """Return how many characters the places in populations of these shapes take at most, and 1 at least."""
    return max([1, *(len(place(math.prod(shape) - 1, shape)) for shape in shapes)])


def numbered(neuron: int, shape: Sequence[int]) -> str:
    """Return a neuron's index and, in a population of several axes, its place.

    >>> numbered(11, (2, 3, 4)), numbered(11, (24,))
    ('11 (c 0, y 2, x 3)', '11')
    """
    where = place(neuron, shape)
    return f"{int(neuron)} ({where})" if where else str(int(neuron))


def neuron_text(neuron: int, shape: Sequence[int]) -> str:
    """Return "neuron 11 (c 0, y 2, x 3)", as all reports and messages have it."""
    return f"neuron {numbered(neuron, shape)}"


def size_text(shape: Sequence[int]) -> str:
    """Return "8x8" of (8, 8).

    >>> size_text((2, 8, 8)), size_text((10,))
    ('2x8x8', '10')
    """
    return _cut("x".join(map(str, shape)))


def window_text(window: Sequence[Any]) -> str:
    """Return the part of a window in which a layer's spikes fall; of a read-out the time at which it is read.

    >>> window_text((0.0, 1.0, 2.5)), window_text((0.0, 1.0, math.inf))
    ('[1, 2.5)', 'read at 1')
    """
    if len(window) == 3 and float(window[2]) == math.inf:
        return f"read at {float(window[1]):.4g}"
    return f"[{float(window[-2]):.4g}, {float(window[-1]):.4g})"


def name_text(name: str) -> str:
    """Return a name in quotation marks, cut where it is long."""
    short = reprlib.Repr()
    short.maxstring = LONGEST_NAME
    return short.repr(str(name))


def span(values: Any) -> str:
    """Return the range of an array: "0.5 to 2", "2" where all are equal, "none" where it is empty.

    >>> span(np.array([2.0, 0.5])), span(3.0), span([])
    ('0.5 to 2', '3', 'none')
    """
    array = np.asarray(values)
    if not array.size:
        return "none"
    low, high = array.min(), array.max()
    return _short(low) if low == high else f"{_short(low)} to {_short(high)}"


def several(parts: Iterable[str]) -> str:
    """Return parts joined by commas; those that one line has no room for are counted.

    >>> several(["a", "b"]), several(map(str, range(1000)))[-17:]
    ('a, b', '61 and 938 others')
    """
    given = list(parts)
    lengths = itertools.accumulate(len(part) + 2 for part in given)
    n = sum(length <= LONGEST for length in lengths)
    if n == len(given):
        return ", ".join(given)
    return f"{', '.join(given[:n])} and {len(given) - n} others" if n else f"{len(given)} in all"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def _short(number: Any) -> str:
    near = float(number)
    return f"{near:g}" if math.isfinite(near) else str(near)
