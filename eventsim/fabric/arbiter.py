"""Arbiters: which of the packets that wait at a station is served next. A new one is one file with two functions.

Relies on nothing. Stations have one each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Arbiter:
    """Which of the packets at the heads of a station's ports is served next: two scalar functions, `jitable`.

    ``rank(p, state, port, entered, draw)`` -> a number; the head with the smallest is served, of equal ones that of the
    lower port · ``served(p, state, port)`` changes the state after each choice.

    ``p`` is what `numbers` gives; ``port`` counts the ports of the station, that of
    injections first; ``entered`` is when the head came in; ``draw`` is a number in (0, 1) that belongs to the packet
    and the station.
    """

    name: ClassVar[str]
    rank: ClassVar[Callable[..., Any]]
    served: ClassVar[Callable[..., Any]]

    def numbers(self, n_ports: int) -> tuple[float, ...]:
        """What the functions see as ``p`` at a station with so many ports; at least one number."""
        return (float(n_ports),)

    def n_state(self, n_ports: int) -> int:
        """How many floats of state a station with so many ports has, all 0 at the beginning of a sample."""
        del n_ports
        return 0
