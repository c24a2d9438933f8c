"""Topologies: every path is one along links that are there, as short as it can be where the topology has a choice."""

import ast
from collections import deque
from typing import Any

import pytest

from eventsim import InputError
from eventsim.fabric.topologies import Bus, Mesh, Star, Torus, Tree
from eventsim.fabric.topology import OUTSIDE, Topology

GRIDS = [
    kind(width, height, numbering, routing)
    for kind in (Mesh, Torus)
    for width, height in ((1, 1), (4, 1), (2, 2), (3, 4), (5, 3))
    for numbering in ("rows", "columns")
    for routing in ("xy", "yx")
]


def ends(grid: Mesh) -> list[tuple[Any, Any]]:
    """The tiles at the ends of each link, read from its name."""
    return [tuple(ast.literal_eval(part) for part in link.name.split(" to ")) for link in grid.links()]


@pytest.mark.parametrize("grid", GRIDS, ids=repr)
def test_a_path_on_a_grid_leads_from_tile_to_tile_along_one_axis_and_then_the_other(grid: Mesh) -> None:
    links, steps = grid.links(), ends(grid)
    for start in range(grid.n_places):
        for end in range(grid.n_places):
            here, axes = grid.tile(start), ""
            for k in grid.path(start, end):
                assert steps[k][0] == here
                here = steps[k][1]
                axes += links[k].axis
            assert here == grid.tile(end)
            assert axes == "".join(sorted(axes, key=grid.routing.index))
            assert len(axes) == shortest(grid, start)[end]


def shortest(grid: Mesh, start: int) -> dict[int, int]:
    """Links to every tile, found by going through all that are there."""
    place = {grid.tile(k): k for k in range(grid.n_places)}
    found, ahead = {start: 0}, deque([start])
    while ahead:
        here = ahead.popleft()
        for a, b in ends(grid):
            if place[a] == here and place[b] not in found:
                found[place[b]] = found[here] + 1
                ahead.append(place[b])
    return found


def test_neighbours_and_nobody_else_have_links() -> None:
    for a, b in ends(Mesh(4, 3)):
        assert abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1
    assert len(Mesh(4, 3).links()) == 2 * (3 * 3 + 4 * 2)
    assert len(Torus(4, 3).links()) == 4 * 12
    assert len(Torus(2, 1).links()) == 2  # both ways round are one


def test_of_two_equal_ways_round_a_torus_the_upward_one_is_taken() -> None:
    ring = Torus(4, 1)
    names = [link.name for link in ring.links()]
    assert [names[k] for k in ring.path(0, 2)] == ["(0, 0) to (1, 0)", "(1, 0) to (2, 0)"]
    assert [names[k] for k in ring.path(0, 3)] == ["(0, 0) to (3, 0)"]


def test_numbers_of_tiles() -> None:
    assert [Mesh(3, 2).tile(k) for k in range(4)] == [(0, 0), (1, 0), (2, 0), (0, 1)]
    assert [Mesh(3, 2, "columns").tile(k) for k in range(4)] == [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize("tree", [Tree(1), Tree(2), Tree(5), Tree(8), Tree(9, 3), Tree(10, 4)], ids=repr)
def test_a_path_in_a_tree_goes_up_to_the_first_router_that_is_above_both_and_down(tree: Tree) -> None:
    names = [link.name for link in tree.links()]
    for start in range(tree.n_places):
        for end in range(tree.n_places):
            up = [name for name in (names[k] for k in tree.path(start, end)) if name.startswith("up")]
            level = 0
            a, b = start, end
            while a != b:
                level, a, b = level + 1, a // tree.branching, b // tree.branching
            expected = [f"up {k}.{start // tree.branching**k}" for k in range(level)]
            expected += [f"down {k}.{end // tree.branching**k}" for k in reversed(range(level))]
            assert [names[k] for k in tree.path(start, end)] == expected
            assert len(up) == level


def test_a_tree_that_comes_to_no_root_is_refused() -> None:
    with pytest.raises(InputError, match=r"Tree: branching = 1; must be an integer >= 2\. Of routers with one child"):
        Tree(4, 1)


OUTSIDE_IS: list[tuple[Topology, Any]] = [
    (Mesh(3, 2), 0),  # at the tile of place 0
    (Mesh(3, 2, gate=4), 4),
    (Torus(3, 3), 0),
    (Torus(4, 3, "columns", "yx", gate=5), 5),
]


@pytest.mark.parametrize(("grid", "gate"), OUTSIDE_IS, ids=repr)
def test_the_outside_of_a_grid_is_at_its_gate(grid: Topology, gate: int) -> None:
    for place in range(grid.n_places):
        assert grid.path(OUTSIDE, place) == grid.path(gate, place)
        assert grid.path(place, OUTSIDE) == grid.path(place, gate)


@pytest.mark.parametrize(
    ("topology", "into", "out"),
    [
        (Tree(5), ["down 2.1", "down 1.2", "down 0.4"], ["up 0.4", "up 1.2", "up 2.1"]),
        (Tree(5, 3), ["down 1.1", "down 0.4"], ["up 0.4", "up 1.1"]),
        (Star(5), ["down 4"], ["up 4"]),
        (Bus(5), ["bus"], ["bus"]),
    ],
    ids=repr,
)
def test_the_outside_is_at_the_root_and_at_the_hub(topology: Topology, into: list[str], out: list[str]) -> None:
    names = [link.name for link in topology.links()]
    assert len(set(names)) == len(names)
    assert [names[k] for k in topology.path(OUTSIDE, 4)] == into
    assert [names[k] for k in topology.path(4, OUTSIDE)] == out


def test_a_star_has_a_link_up_and_one_down() -> None:
    star = Star(3)
    names = [link.name for link in star.links()]
    assert [names[k] for k in star.path(0, 2)] == ["up 0", "down 2"]
    assert [names[k] for k in star.path(OUTSIDE, 1)] == ["down 1"]
    assert star.path(1, 1) == ()


def test_every_packet_takes_the_bus() -> None:
    assert [Bus(3).path(*ends) for ends in ((0, 0), (0, 2), (OUTSIDE, 1))] == [(0,)] * 3
