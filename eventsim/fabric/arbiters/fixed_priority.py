"""Fixed priority: the lower port is always served first."""

from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.fabric.arbiter import Arbiter
from eventsim.fabric.arbiters.first_come import forgotten


@jitable
def by_port(p: Any, state: Any, port: Any, entered: Any, draw: Any) -> Any:
    """The lower port is first."""
    return float(port)


@dataclass(frozen=True)
class FixedPriority(Arbiter):
    """Neurons' own packets are served before those of stations, and these by the number of the station."""

    name = "fixed_priority"
    rank = staticmethod(by_port)
    served = staticmethod(forgotten)
