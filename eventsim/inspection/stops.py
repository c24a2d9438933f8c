"""The stations that a spike went through on its way to a neuron, and how long each of them kept it.

Relies on nothing. Used by `incoming`, which knows the ways, and by `explanation`, which says them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Stop(NamedTuple):
    """A spike's packet at one station of a fabric; times as the run has them.

    Attributes
    ----------
    station
        Its name.
    entered, started, ended
        When the packet came to it, when its service began, and when that ended.
    left
        When it went on: later where the next station had no room, or where copies for others went before it.
    """

    station: str
    entered: Any
    started: Any
    ended: Any
    left: Any

    @property
    def waited(self) -> Any:
        """Time from when it came until its service began."""
        return self.started - self.entered

    @property
    def served(self) -> Any:
        """Time of its service."""
        return self.ended - self.started

    @property
    def blocked(self) -> Any:
        """Time from the end of its service until it went on."""
        return self.left - self.ended


def stops_text(stops: Sequence[Stop]) -> str:
    """Return stations and how long each kept the packet, in order; what took no time is left out.

    >>> stops_text([Stop("input", 0.0, 0.0, 0.5, 0.5), Stop("core 2", 0.75, 1.0, 1.25, 1.5)])
    'input served 0.5; under way 0.25; core 2 waited 0.25, served 0.25, blocked 0.25'
    """
    parts, before = [], None
    for one in stops:
        if before is not None and one.entered > before.left:
            parts.append(f"under way {float(one.entered - before.left):.4g}")
        times = {"waited": one.waited, "served": one.served, "blocked": one.blocked}
        said = [f"{what} {float(time):.4g}" for what, time in times.items() if time]
        parts.append(f"{one.station} {', '.join(said) or 'at once'}")
        before = one
    return "; ".join(parts)
