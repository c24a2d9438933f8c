"""A star: a link from each place to the middle, and one back."""

from dataclasses import dataclass

from eventsim.fabric.topology import OUTSIDE, Link, Topology


@dataclass(frozen=True)
class Star(Topology):
    """Packets go up to the hub and down to their target; the outside is at the hub."""

    places: int

    name = "star"

    @property
    def n_places(self) -> int:
        """As many as were given."""
        return self.places

    def links(self) -> tuple[Link, ...]:
        """First those to the hub, then those from it."""
        return tuple(Link(f"{way} {place}") for way in ("up", "down") for place in range(self.places))

    def path(self, start: int, end: int) -> tuple[int, ...]:
        """Up and down; to its own place a packet needs no link."""
        if start == end:
            return ()
        up = () if start == OUTSIDE else (start,)
        down = () if end == OUTSIDE else (self.places + end,)
        return up + down
