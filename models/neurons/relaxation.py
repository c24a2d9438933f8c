"""1 - e^-x, for x >= 0, by table and polynomial: what every leaky neuron needs at every input.

Used by neuron models in place of `math.expm1`: a few nanoseconds instead of ten, since it is folded into the loop
around it, and the same bits on every machine, whatever its C library. The table is worked out in integers.

x = n / 32 + r with |r| <= 1/64, which is exact, and 1 - e^-x = (1 - e^(-n/32)) + e^(-n/32) (1 - e^-r), where the last
factor is its Taylor polynomial of degree 7 (the eighth term is below 6e-18 of the first). The error is below 2 roundings
of the result (`tests/test_relaxation.py`).
"""

from typing import Any

import numpy as np

from eventsim._jit import jitable

PER_UNIT = 32
# From here on the nearest double is 1: e^-38 < 2^-54.
END = 38
_BITS = 256


def _table() -> tuple[Any, Any]:
    """(1 - e^(-n/32), e^(-n/32)) for n = 0..32 * 38, each the nearest double; fixed-point numbers of 256 bits."""
    one = 1 << _BITS
    growth = term = one
    for k in range(1, _BITS):
        term //= PER_UNIT * k
        growth += term
    left, values = one, []
    for _ in range(PER_UNIT * END + 1):
        values.append(left)
        left = left * one // growth
    return np.array([(one - v) / one for v in values]), np.array([v / one for v in values])


GONE, LEFT = _table()


@jitable
def relaxed(x: float) -> float:
    """1 - e^-x: the share of the way to rest that is gone after x time constants."""
    if not x < END:
        return 1.0
    n = int(x * PER_UNIT + 0.5)
    r = x - n / PER_UNIT
    part = r * (
        1.0 - r * (1 / 2 - r * (1 / 6 - r * (1 / 24 - r * (1 / 120 - r * (1 / 720 - r * (1 / 5040))))))
    )
    return float(GONE[n] + LEFT[n] * part)
