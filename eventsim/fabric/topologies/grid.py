"""Grids: a mesh, and a torus, whose edges are joined. Packets go along one axis first, then along the other."""

import functools
from dataclasses import dataclass
from typing import ClassVar

from eventsim.fabric.topology import OUTSIDE, Link, Topology

Tile = tuple[int, int]


@dataclass(frozen=True)
class Mesh(Topology):
    """Tiles in a rectangle, each with a link to each of its neighbours.

    Attributes
    ----------
    width, height
        Tiles along x and along y.
    numbering
        "rows": tile 1 is (1, 0); "columns": it is (0, 1).
    routing
        "xy": along x first; "yx": along y first. Such routes lead round in no circle on a mesh.
    gate
        The tile at which the outside is.
    """

    width: int
    height: int
    numbering: str = "rows"
    routing: str = "xy"
    gate: int = 0

    name: ClassVar[str] = "mesh"
    wraps: ClassVar[bool] = False

    @property
    def n_places(self) -> int:
        """Tiles."""
        return self.width * self.height

    def tile(self, place: int) -> Tile:
        """Where a place is, (x, y)."""
        if self.numbering == "rows":
            y, x = divmod(place, self.width)
        else:
            x, y = divmod(place, self.height)
        return x, y

    def place(self, tile: Tile) -> int:
        """The place at (x, y): what `tile` turns round."""
        x, y = tile
        return y * self.width + x if self.numbering == "rows" else x * self.height + y

    def links(self) -> tuple[Link, ...]:
        """Tile by tile those to its neighbours: along x upwards and downwards, then along y."""
        place = {self.tile(place): place for place in range(self.n_places)}
        return tuple(
            Link(f"{_text(start)} to {_text(end)}", axis, (place[start], place[end]))
            for start, end, axis in _numbers(self)
        )

    def step(self, tile: Tile, axis: str, by: int) -> Tile | None:
        """The next tile; None beyond the edge of a mesh."""
        x, y = tile[0] + (by if axis == "x" else 0), tile[1] + (by if axis == "y" else 0)
        if self.wraps:
            return x % self.width, y % self.height
        return (x, y) if 0 <= x < self.width and 0 <= y < self.height else None

    def path(self, start: int, end: int) -> tuple[int, ...]:
        """Along one axis, then along the other."""
        numbers = _numbers(self)
        here, there = (self.tile(self.gate if place == OUTSIDE else place) for place in (start, end))
        found = []
        for axis in self.routing:
            k = "xy".index(axis)
            by = self._direction(there[k] - here[k], self.width if axis == "x" else self.height)
            while here[k] != there[k]:
                following = self.step(here, axis, by)
                assert following is not None
                found.append(numbers[here, following, axis])
                here = following
        return tuple(found)

    def _direction(self, distance: int, size: int) -> int:
        """Upwards or downwards; on a torus the shorter way, of two equally short ones upwards."""
        if not self.wraps:
            return 1 if distance > 0 else -1
        return 1 if distance % size <= size - distance % size else -1


@dataclass(frozen=True)
class Torus(Mesh):
    """A mesh whose edges are joined; the shorter way is taken. Full buffers may wait for each other in a circle."""

    name: ClassVar[str] = "torus"
    wraps: ClassVar[bool] = True


@functools.cache
def _numbers(mesh: Mesh) -> dict[tuple[Tile, Tile, str], int]:
    """The number of each link, by the tiles at its ends and its axis. On a torus of two, both ways are one link."""
    found: dict[tuple[Tile, Tile, str], int] = {}
    for start in map(mesh.tile, range(mesh.n_places)):
        for axis, by in (("x", 1), ("x", -1), ("y", 1), ("y", -1)):
            end = mesh.step(start, axis, by)
            if end is not None and end != start:
                found.setdefault((start, end, axis), len(found))
    return found


def _text(tile: Tile) -> str:
    return f"({tile[0]}, {tile[1]})"
