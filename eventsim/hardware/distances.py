"""How far cores are from each other, in hops: a function of their positions, which a topology passes on.

Relies on numpy. ``distance(a, b)`` takes positions, (2,) and (n, 2), and returns (n,).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.checks import integer, number
from eventsim.errors import PlacementError

Array = np.ndarray[Any, Any]
Distance = Callable[[Array, Array], Array]


def manhattan(a: Array, b: Array) -> Array:
    """Hops on a mesh: |dx| + |dy|.

    >>> manhattan(np.array([0.0, 0.0]), np.array([[3.0, 4.0]])).tolist()
    [7.0]
    """
    return np.abs(np.asarray(a) - np.asarray(b)).sum(axis=-1)


def torus(width: float, height: float) -> Distance:
    """Return the hops on a mesh of this size whose borders are joined: the shorter way round, along each axis.

    >>> torus(4, 5)(np.array([0.0, 0.0]), np.array([[3.0, 4.0]])).tolist()
    [2.0]
    """
    size = [
        float(number("torus", name, value, PlacementError, low=0, open_low=True))
        for name, value in (("width", width), ("height", height))
    ]

    def hops(a: Array, b: Array) -> Array:
        apart = np.abs(np.asarray(a) - np.asarray(b)) % size
        return np.minimum(apart, np.array(size) - apart).sum(axis=-1)

    return hops


def mesh(width: int, height: int) -> Array:
    """Return the positions of the cores of a mesh, (width * height, 2): row by row, x first.

    >>> mesh(2, 2).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    for name, value in (("width", width), ("height", height)):
        integer("mesh", name, value, PlacementError, low=1)
    y, x = np.divmod(np.arange(width * height), width)
    return np.stack([x, y], axis=1).astype(np.float64)
