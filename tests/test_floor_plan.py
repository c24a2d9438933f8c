"""Floor plans, judged by the artists they are made of: each core where it is, as full as it is, with its numbers."""

# mypy: disable-error-code="union-attr"

from typing import Any

import numpy as np
import pytest
from figures_by_hand import png_size
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from placed_networks import line, random_network

import eventsim
from eventsim import InputError, viz
from eventsim.hardware.distances import mesh
from eventsim.hardware.limits import CoreLimits
from eventsim.hardware.placement import Placement
from eventsim.hardware.placing import place, place_by_hand
from eventsim.viz.floor_plan import FOOT, HEAD, NARROW_SIDE, SIDE, STRIP
from eventsim.viz.palette import layer_colour


def small() -> Placement:
    """Four cores, of which the first is full, the second holds two populations, and the last two are free."""
    return place(line(3, 5, 2), mesh(2, 2), CoreLimits(neurons=4))


def with_gid(ax: Any, gid: str) -> list[Any]:
    return [artist for artist in ax.findobj() if artist.get_gid() == gid]


def boxes(ax: Any, gid: str) -> list[tuple[float, float, float, float]]:
    """Left, low, width and height of each rectangle of a collection."""
    (found,) = with_gid(ax, gid)
    corners = [path.vertices[:4] for path in found.get_paths()]
    return [(*c.min(axis=0).tolist(), *np.ptp(c, axis=0).tolist()) for c in corners]


def written(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.findobj(lambda one: type(one).__name__ == "_Number")]


def test_a_square_is_filled_as_far_as_its_core_is():
    ax = viz.floor_plan(small())
    low, full = -SIDE / 2, (1 - HEAD) * SIDE
    assert boxes(ax, "population layer1") == [
        pytest.approx((-SIDE / 2, low, SIDE, full)),
        pytest.approx((1 - SIDE / 2, low, SIDE, full / 4)),
    ]
    assert boxes(ax, "population layer2") == [pytest.approx((1 - SIDE / 2, low + full / 4, SIDE, full / 2))]
    assert len(boxes(ax, "cores")) == 4
    assert written(ax) == ["0", "4", "1", "3", "2", "", "3", ""]
    (layer,) = with_gid(ax, "population layer1")
    assert to_hex(layer.get_facecolor()[0]).upper() == layer_colour(1)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["layer1", "layer2"]
    assert ax.get_title(loc="left") == "7 neurons on 2 of 4 cores (linear)"
    assert ax.get_xlabel() == "off the chip: input"
    assert ax.format_coord(0.9, 0.2) == "core 1: layer1 4..4, layer2 0..1"
    assert ax.format_coord(0.0, 1.0) == "core 2: free"


def test_without_a_limit_the_fullest_core_is_full():
    ax = viz.floor_plan(place_by_hand(line(1, 5), [("layer1", 0, 0, 0), ("layer1", 1, 4, 1)], mesh(2, 1)))
    heights = [height for *_, height in boxes(ax, "population layer1")]
    assert heights == pytest.approx([(1 - HEAD) * SIDE / 4, (1 - HEAD) * SIDE])


def test_pools_at_their_receivers_are_a_strip_at_the_right():
    net = eventsim.Network()
    net.population("lif_delta", (1, 4), "cells", tau_mem=10.0)
    net.population("relay", (1, 2), "pool")
    net.population("lif_delta", 1, "output", tau_mem=10.0)
    net.connect("cells", "pool", eventsim.Pool(2))
    net.connect("pool", "output", eventsim.Dense(np.ones((1, 2))))
    ax = viz.floor_plan(place(net, mesh(2, 1), CoreLimits(neurons=4)))
    ((left, low, width, height),) = boxes(ax, "population pool")
    assert (left + width, low) == pytest.approx((1 + SIDE / 2, -SIDE / 2))
    assert (width, height) == pytest.approx((STRIP * SIDE, (1 - HEAD) * SIDE))
    (strip,) = with_gid(ax, "population pool")
    assert strip.get_hatch() is not None
    assert "pool (pool)" in [text.get_text() for text in ax.get_legend().get_texts()]
    ax = viz.floor_plan(place(net, mesh(2, 1), CoreLimits(neurons=4), pools="neurons"))
    assert boxes(ax, "population pool") == [pytest.approx((1 - SIDE / 2, -SIDE / 2, SIDE, (1 - HEAD) * SIDE / 2))]


def test_values_are_shades_with_their_scale_and_populations_a_strip_at_the_foot():
    placement = small()
    ax = viz.floor_plan(placement, values=[0.5, 1234.0, np.nan, 0.0], label="use of $x")
    (shades,) = with_gid(ax, "values")
    assert shades.get_array().tolist() == [0.5, 1234.0, 0.0]
    assert written(ax) == ["0", "0.5", "1", "1,234", "2", "", "3", "0"]
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == r"use of \$x"
    heights = [height for *_, height in boxes(ax, "population layer1")]
    assert heights == pytest.approx([0.9 * FOOT, 0.9 * FOOT / 3])


def test_a_link_is_an_arrow_as_wide_as_its_number_and_round_a_torus_two():
    placement = place(line(2, 9), mesh(3, 3), CoreLimits(neurons=1))
    links = [(0, 1), (1, 0), (0, 2), (0, 8), (3, 3), (6, 7)]
    ax = viz.floor_plan(placement, links=links, link_values=[1.0, 2.0, 0.5, 4.0, 1.0, np.nan], link_label="packets")
    there, back = (with_gid(ax, gid)[0] for gid in ("link 0 1", "link 1 0"))
    assert there.get_linewidth() < back.get_linewidth() < with_gid(ax, "link 0 8")[0].get_linewidth()
    assert len(with_gid(ax, "link 0 2")) == 2  # out at the left border, in at the right one
    assert len(with_gid(ax, "link 0 8")) == 1
    assert not with_gid(ax, "link 3 3")
    assert not with_gid(ax, "link 6 7")
    assert ax.figure.axes[1].get_ylabel() == "packets"
    tails = [arrow.get_path().vertices[0] for arrow in (there, back)]
    assert tails[0][1] != tails[1][1]  # beside each other


def test_numbers_that_could_not_be_read_are_left_out():
    large = viz.floor_plan(small())
    assert len(written(large)) == 8
    assert not written(viz.floor_plan(place(line(1, 2), mesh(21, 20))))
    figure = Figure(figsize=(0.6, 0.6))
    ax = viz.floor_plan(place(line(1, 2), mesh(15, 15)), ax=figure.subplots())
    assert png_size(ax) > 0


def test_cores_of_a_tile_stand_beside_each_other_in_it():
    tiles = [[0, 0], [1, 0], [0, 0], [0, 0], [1, 0], [0, 0]]
    ax = viz.floor_plan(place(line(1, 6), tiles, CoreLimits(neurons=1)), links=[(0, 1)])
    found = boxes(ax, "cores")
    room = NARROW_SIDE / 2
    middles = [(left + width / 2, low + height / 2) for left, low, width, height in found]
    off = [(-room / 2, -room / 2), (room / 2, -room / 2), (-room / 2, room / 2), (room / 2, room / 2)]
    expected = [off[0], (1 + off[0][0], off[0][1]), off[1], off[2], (1 + off[1][0], off[1][1]), off[3]]
    assert np.array(middles) == pytest.approx(np.array(expected))
    assert all(width < room for _, _, width, _ in found)
    (link,) = with_gid(ax, "link 0 1")
    assert link.get_path().vertices[0][0] == pytest.approx(NARROW_SIDE / 2)  # from the tile, not from a core in it


@pytest.mark.parametrize("seed", range(4))
def test_random_placements_are_drawn(seed):
    net = random_network(seed)
    for pools in ("receiver", "neurons"):
        placement = place(net, mesh(9, 9), CoreLimits(neurons=5), pools=pools, sources="cores")
        values = np.random.default_rng(seed).random(81)
        assert png_size(viz.floor_plan(placement)) > 0
        assert png_size(viz.floor_plan(placement, values=values, links=[(0, 9)], link_values=[values[0]])) > 0


def test_what_cannot_be_drawn_is_refused():
    placement = small()
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (3, {}, "placement is a int; must be what place returned"),
        (placement, {"values": [1.0]}, r"values have shape \(1,\); must be \(4,\) numbers"),
        (placement, {"values": [1.0, np.inf, 0, 0]}, r"must be \(4,\) numbers, NaN where none is known"),
        (placement, {"links": [(0, 4)]}, r"links\[0, 1\] = 4; must be in 0..3. There are 4 cores"),
        (placement, {"links": [0, 1]}, r"links have shape \(2,\); must be \(n_links, 2\)"),
        (placement, {"links": [(0, 1)], "link_values": [1, 2]}, r"link_values have shape \(2,\); must be \(1,\)"),
        (placement, {"link_values": [1]}, "link_values without links; must have both"),
        (placement, {"ax": 3}, "ax is a int; must be matplotlib Axes"),
    ]
    for given, options, message in cases:
        with pytest.raises(InputError, match=message):
            viz.floor_plan(given, **options)
