"""First come, first served, over all ports of a station."""

from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.fabric.arbiter import Arbiter


@jitable
def by_time(p: Any, state: Any, port: Any, entered: Any, draw: Any) -> Any:
    """Who has waited longest is first."""
    return entered


@jitable
def forgotten(p: Any, state: Any, port: Any) -> None:
    """Nothing is kept of a choice."""


@dataclass(frozen=True)
class FirstCome(Arbiter):
    """The packet that came in first is served; of those that came at one time, that of the lower port."""

    name = "first_come"
    rank = staticmethod(by_time)
    served = staticmethod(forgotten)
