"""A tree of routers, with the places as its leaves."""

from dataclasses import dataclass

from eventsim.checks import integer
from eventsim.fabric.topology import OUTSIDE, Link, Topology


@dataclass(frozen=True)
class Tree(Topology):
    """Packets go up to the router that both ends are below, and down; the outside is at the root.

    Attributes
    ----------
    places
        Leaves, `branching` below each router of the lowest level, as many of these below each of the next, and so on.

    Raises
    ------
    InputError
        A branching below 2.
    """

    places: int
    branching: int = 2

    name = "tree"

    def __post_init__(self) -> None:
        integer("Tree", "branching", self.branching, low=2, remedy="Of routers with one child there is no root.")

    @property
    def n_places(self) -> int:
        """As many as were given."""
        return self.places

    @property
    def depth(self) -> int:
        """How many links lead from a leaf to the root."""
        depth, width = 0, self.places
        while width > 1:
            width = -(-width // self.branching)
            depth += 1
        return depth

    def links(self) -> tuple[Link, ...]:
        """Up from each node of each level, the leaves first, then down to each."""
        nodes = [(level, node) for level in range(self.depth) for node in range(self._width(level))]
        return tuple(Link(f"{way} {level}.{node}") for way in ("up", "down") for level, node in nodes)

    def _width(self, level: int) -> int:
        width = self.places
        for _ in range(level):
            width = -(-width // self.branching)
        return width

    def path(self, start: int, end: int) -> tuple[int, ...]:
        """Up as far as need be, and down."""
        if start == end:
            return ()
        first = [sum(self._width(below) for below in range(level)) for level in range(self.depth + 1)]
        up, down, a, b = [], [], start, end
        for level in range(self.depth):
            if a == b:
                break
            if start != OUTSIDE:
                up.append(first[level] + a)
                a //= self.branching
            if end != OUTSIDE:
                down.append(first[-1] + first[level] + b)
                b //= self.branching
        return (*up, *reversed(down))
