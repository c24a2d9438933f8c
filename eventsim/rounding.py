"""Rounding to integers by a stated rule of ties, of float64, float32 and Fractions.

Relies on numpy. Used by quantizations and by fixed point; `models.neurons.fixed_numbers` has the same as a scalar
function of the engines.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
QUANTIZERS = ("half_even", "half_away", "half_up")  # what quantizers of weights do
REGISTER_RULES = ("half_even", "floor", "half_up", "toward_zero")  # what registers of chips do
OVERFLOW = ("saturate", "wrap", "error")  # … where a number leaves their range
PLAIN: dict[str, Callable[..., Any]] = {"half_even": np.rint, "floor": np.floor, "toward_zero": np.trunc}


def rounded(x: Array, rule: str) -> Array:
    """Integers of the type of `x`, by one of the rules.

    half_even, half_away, half_up: the nearest; of two the even one, the one away from 0, or the larger one. floor: the
    one below. toward_zero: without what is behind the point. Exact for every float: what is added to decide a tie is
    the comparison of an exact difference, not 0.5.
    """
    if x.dtype == object:
        return np.asarray(np.frompyfunc(_ROUNDED[rule], 1, 1)(x), dtype=object)
    if rule in PLAIN:
        return np.asarray(PLAIN[rule](x))
    if rule == "half_up":
        below = np.floor(x)
        return np.asarray(below + (x - below >= 0.5))
    size = np.abs(x)
    below = np.floor(size)
    return np.asarray(np.copysign(below + (size - below >= 0.5), x))


def _half_up(x: Any) -> int:
    return math.floor(2 * x + 1) // 2


def _half_away(x: Any) -> int:
    return _half_up(x) if x >= 0 else -_half_up(-x)


_ROUNDED: dict[str, Callable[[Any], int]] = {
    "half_even": round, "half_up": _half_up, "half_away": _half_away, "floor": math.floor, "toward_zero": math.trunc,
}  # fmt: skip
