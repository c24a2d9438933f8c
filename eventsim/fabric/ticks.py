"""The ticks of a chip on which delivered packets go on."""

import math
from typing import Any

from eventsim._jit import jitable

COUNTABLE = 2.0**53


@jitable
def next_tick(t: Any, tick: Any) -> Any:
    """The first multiple of a tick that is not before t; t itself where the tick is 0, or too short to be told apart.

    The two loops mend the rounding of the division: k is then the smallest with k tick >= t as computed.
    """
    if tick == 0.0 or not t / tick < COUNTABLE:
        return t
    k = math.ceil(t / tick)
    while k * tick < t:
        k += 1
    while (k - 1) * tick >= t:
        k -= 1
    return k * tick
