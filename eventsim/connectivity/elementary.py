"""Exponentials, logarithms and cosines with the same bits on every machine.

numpy and the C library round theirs in other ways on other processors, and one bit can decide whether two neurons are
connected. Here they are series of additions, multiplications and divisions, which IEEE 754 fixes; within 2 units of the
last place (tests/test_draws.py holds them against 50 digits). Relies on numpy. Used by the rules, the distributions and
the profiles.
"""

import math
from decimal import Decimal
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# ln 2 in two parts: times the exponent of any float64, the first has no rounding.
_LN2 = Decimal(2).ln()
_LN2_HIGH = math.floor(_LN2 * 2**32) / 2**32
_LN2_LOW = float(_LN2 - Decimal(_LN2_HIGH))
_ROOT_HALF = math.sqrt(0.5)
# Terms of the series, up to what is below half a unit of the last place at the border of each interval.
_OF_LOG = [1 / (2 * k + 1) for k in range(11)]
_OF_EXP = [1 / math.factorial(k) for k in range(15)]
_OF_COS = [(-1) ** k / math.factorial(2 * k) for k in range(9)]
_OF_SIN = [(-1) ** k / math.factorial(2 * k + 1) for k in range(9)]


def _series(coefficients: list[float], x: Array) -> Array:
    """The polynomial with these coefficients, the constant one first (Horner)."""
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total *= x
        total += coefficient
    return total


def log(x: Array) -> Array:
    """Natural logarithms of positive, normal numbers of any shape."""
    fraction, exponent = np.frexp(x)
    low = fraction < _ROOT_HALF
    fraction = np.where(low, 2.0 * fraction, fraction)
    exponent = exponent - low
    # ln m = 2 artanh s, |s| < 0.172
    s = (fraction - 1.0) / (fraction + 1.0)
    square = s * s
    rest = 2.0 * s * square * _series(_OF_LOG[1:], square)
    found: Array = exponent * _LN2_HIGH + (2.0 * s + (rest + exponent * _LN2_LOW))
    return found


def exp(x: Array) -> Array:
    """Exponentials of numbers of any shape; 0 or inf where float64 has none."""
    near = np.minimum(np.maximum(x, -1000.0), 1000.0)
    exponent = np.rint(near / _LN2_HIGH)
    rest = (near - exponent * _LN2_HIGH) - exponent * _LN2_LOW  # within 0.35
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(_series(_OF_EXP, rest), exponent.astype(np.int32))


def cosine_of_turns(turns: Array) -> Array:
    """cos(2 pi x) of numbers in [0, 1], of any shape."""
    quarter = np.rint(4.0 * turns)
    angle = 2.0 * math.pi * (turns - 0.25 * quarter)  # within pi / 4; the difference has no rounding
    square = angle * angle
    even, odd = _series(_OF_COS, square), angle * _series(_OF_SIN, square)
    found: Array = np.where(quarter % 2 == 0, even, odd)
    return np.where((quarter == 1) | (quarter == 2), -found, found)
