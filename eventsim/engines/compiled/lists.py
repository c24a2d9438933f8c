"""The lists that a micro-step appends to: no append without a look at the room that is left.

Relies on the machine's arrays. Used by every part of the loop that notes something for later. How much a micro-step
can append is known beforehand, and the loop returns for more room (`GROW`, `SPIKES_FULL`) before it may be needed; so a
list that is full all the same is a fault of the engine. It must end the run with an error, and never write beyond its
array: what does not fit is left out, ``control.full`` is set, and the loop returns `OUT_OF_ROOM`.
"""

import math
from typing import Any

import numpy as np

from eventsim._jit import kernel_part
from eventsim.engines.compiled.queue import push
from eventsim.engines.tables import DECISION, Machine


def undecided(n: int) -> Any:
    """Decisions on the spikes of n neurons, none of which is made: an array (n,)."""
    decisions = np.zeros(n, dtype=DECISION).view(np.recarray)
    decisions.now = math.nan
    return decisions


@kernel_part
def append(m: Machine, begin: int, end: int, length: int, value: int) -> int:
    """Append to the list of `length` entries in ``work[begin:end]``; return its new length."""
    if begin + length < end:
        m.work[begin + length] = value
        return length + 1
    m.control[0].full = 1
    return length


@kernel_part
def push_waiting(m: Machine, begin: int, end: int, length: int, t: float, who: int) -> int:
    """Push (t, who) onto the heap of `length` entries in ``waiting[begin:end]``; return its new length."""
    if begin + length < end:
        return push(m.waiting, begin, length, t, who)
    m.control[0].full = 1
    return length
