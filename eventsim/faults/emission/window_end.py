"""What becomes of a spike that a fault moves to the end of its window, or past it.

Relies on nothing. Used by the emission faults that move spikes to later times. At t_max the layer behind has taken what
it takes: a value of 0 is no event.
"""

import math
from typing import Any

from eventsim._jit import jitable

PAST = ("carry", "clip", "drop")
CARRY, CLIP, DROP = 0.0, 1.0, 2.0
# The last float64 before t > 0 is t times this, rounded.
JUST_BELOW = 1.0 - 2.0**-53
NEVER = math.inf


@jitable
def within(past: Any, window: Any, t: Any) -> Any:
    """The time t as it is before t_max; else as it is (carry), the last before t_max (clip), or never (drop)."""
    if t < window[1] or past == CARRY:
        return t
    if past == CLIP and t < NEVER:
        return window[1] * JUST_BELOW
    return NEVER
