"""When a spike that a fault moves is decided on: the one rule that both engines follow.

Relies on nothing. Used by the emission stage of both engines.
"""

import math
from typing import Any

from eventsim._jit import jitable

JUST_BELOW = 1.0 - 2.0**-53  # the last float64 before t > 0 is t times this, rounded


@jitable
def departs_before(t_cross: Any, departs: Any, t_max: Any) -> Any:
    """When the neuron must be looked at: at its crossing, or where its spike leaves before it.

    A silent neuron (t_cross = inf) that a fault lets fire at `departs`, perhaps behind its window, is looked at in it.
    """
    if t_cross == math.inf and departs < math.inf:
        return min(t_max * JUST_BELOW, departs)
    return min(t_cross, departs)
