"""Topologies: the links between places of a chip, and which of them lead from one place to another.

Relies on nothing. A new topology is one file with a subclass; chips name it, and nothing else knows it.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

OUTSIDE = -1  # in place of a place: what lies off the chip


class Link(NamedTuple):
    """A way for packets in one direction.

    Attributes
    ----------
    name
        By which reports know it.
    axis
        "x" or "y" on a grid, where links of both may differ; else "".
    ends
        The places that it leads from and to; None where one end at least is no place, as that of a bus or a hub.
    """

    name: str
    axis: str = ""
    ends: tuple[int, int] | None = None


@dataclass(frozen=True)
class Topology:
    """Base of all topologies. Places, on which cores hang, are numbered from 0; inputs come from `OUTSIDE`."""

    name: ClassVar[str]

    @property
    def n_places(self) -> int:
        """How many places there are."""
        raise NotImplementedError

    def links(self) -> tuple[Link, ...]:
        """All links, in the order of their numbers; no two have one name."""
        raise NotImplementedError

    def path(self, start: int, end: int) -> tuple[int, ...]:
        """The numbers of the links from one place to another, in order; () where a packet needs none."""
        raise NotImplementedError
