"""Real numbers in arrays: checked for NaN and infinities, and exact where they are given as Fractions.

Relies on nothing of eventsim but its checks and errors. Used by the ReLU networks and by what is made from them.
"""

import numbers
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.checks import NEAR, held_in_float64, plain_array
from eventsim.errors import EventsimError, InputError

EXACT = np.dtype(object)


def real_array(place: str, values: ArrayLike, error: type[EventsimError]) -> NDArray[Any]:
    """Return `values` as an array of finite real numbers: of a numpy type, or of `Fraction` where given as objects.

    Raises `error` with `place` and the first bad value, among numbers that are no objects also an integer that float64
    does not hold. The array may share memory with `values`.
    """
    array = plain_array(place, values, error)
    if array.dtype == EXACT:
        exact = np.empty(array.shape, EXACT)
        for index, value in np.ndenumerate(array):
            try:
                exact[index] = as_fraction(value)
            except (TypeError, ValueError, OverflowError) as reason:
                raise error(f"{place}{list(index)} = {value!r}; must be a finite real number; replace it") from reason
        return exact
    if array.dtype.kind not in "biuf":
        raise error(f"{place} has dtype {array.dtype}; must be real numbers; convert it first")
    finite = np.isfinite(array)
    if not finite.all():
        index = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise error(
            f"{place}{list(index)} = {array[index]} ({np.sum(~finite)} such values); must be finite; replace it"
        )
    where, _, name = place.rpartition(": ")
    held_in_float64(where, name, array, f"{NEAR[:-1]}, or a Fraction.", values, error)
    return array


def as_fraction(value: Any) -> Fraction:
    """Return the exact value of a Fraction, an int, a float or a numpy scalar."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, numbers.Integral):
        return Fraction(int(value))
    if not hasattr(value, "as_integer_ratio"):
        raise TypeError(f"{type(value).__name__} is not a real number")
    return Fraction(*value.as_integer_ratio())


def as_numbers(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return `array` in another number type: exactly into Fractions, rounded to nearest out of them.

    The same array where nothing is to do. Fractions go to extended precision as the sum of two float64.
    """
    if dtype == array.dtype:
        return array
    if dtype == EXACT:
        return np.array([as_fraction(value) for value in array.ravel()], EXACT).reshape(array.shape)
    if array.dtype != EXACT:
        return array.astype(dtype)
    try:
        high = np.array([float(value) for value in array.ravel()])
    except OverflowError as reason:
        raise InputError(f"a Fraction is too large for {dtype} ({reason}); compute with dtype=object") from reason
    rest = [float(value - Fraction(near)) for value, near in zip(array.ravel(), high.tolist(), strict=True)]
    total: NDArray[Any] = high.astype(dtype) + np.array(rest).astype(dtype)
    return total.reshape(array.shape)
