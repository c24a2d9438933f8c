"""Arithmetic of a run: float64, or Fractions where the run is exact.

Relies on numpy. Used by all of this folder: what stands here is the same line of code for both.
"""

from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.network.sources import exactly

Array = np.ndarray[Any, Any]
_EXACTLY = np.frompyfunc(exactly, 1, 1)


class Arithmetic:
    """Converts numbers and arrays to the arithmetic of a run.

    Parameters
    ----------
    exact
        Whether the run computed with Fractions.
    """

    def __init__(self, exact: bool) -> None:
        self.exact = exact

    def number(self, value: Any) -> Any:
        """Return a number as a float or, of an exact run, as the Fraction that it is; infinities stay floats."""
        return exactly(value.item() if isinstance(value, np.generic) else value) if self.exact else float(value)

    def array(self, values: Any) -> Array:
        """Return an array as float64 or, of an exact run, as objects that are Fractions."""
        given = np.asarray(values)
        if not self.exact:
            return given.astype(np.float64)
        made = np.empty(given.shape, dtype=object)
        made[...] = _EXACTLY(given.astype(object))
        return made

    def zeros(self, shape: Any) -> Array:
        """Return zeros of a shape."""
        return np.full(shape, Fraction(0), dtype=object) if self.exact else np.zeros(shape)
