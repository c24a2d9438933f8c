"""Random arbitration: every packet draws a number at each station, and the smallest is served."""

from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.fabric.arbiter import Arbiter
from eventsim.fabric.arbiters.first_come import forgotten


@jitable
def by_draw(p: Any, state: Any, port: Any, entered: Any, draw: Any) -> Any:
    """The smallest draw is first; a packet keeps its own as long as it waits."""
    return draw


@dataclass(frozen=True)
class AtRandom(Arbiter):
    """Draws belong to (seed, sample, packet, station): what else is under way changes none."""

    name = "at_random"
    rank = staticmethod(by_draw)
    served = staticmethod(forgotten)
