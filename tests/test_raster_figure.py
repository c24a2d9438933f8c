"""The raster: each spike has its mark or its shade, each silent neuron its place."""

import numpy as np
import pytest
from figures_by_hand import (
    SIZES,
    SPIKES,
    note_of,
    one,
    png_size,
    random_run,
    rows_of,
    run_of,
    small_run,
    with_gid,
)  # fmt: skip
from matplotlib.collections import QuadMesh

from eventsim import viz
from eventsim.errors import InputError


@pytest.mark.parametrize("sample", [0, 1])
def test_a_raster_has_one_mark_for_each_spike_of_its_sample(sample: int) -> None:
    ax = viz.raster(small_run(), sample=sample)
    for order, layer in enumerate(("input", "hidden")):
        drawn = one(ax, f"spikes {layer}")
        top, bottom = rows_of(ax, layer)
        neurons = (drawn.get_ydata() - top) / (bottom - top) * SIZES[layer] - 0.5
        expected = [(neuron, t) for s, p, neuron, t in SPIKES if (s, p) == (sample, order)]
        assert neurons == pytest.approx([neuron for neuron, _ in expected])
        assert drawn.get_xdata().tolist() == [t for _, t in expected]
    assert ax.get_title(loc="left") == f"sample {sample}: {5 if sample == 0 else 3} spikes"


def test_layers_are_stacked_from_top_to_bottom_each_below_its_name() -> None:
    ax = viz.raster(small_run(), populations=["input", "hidden"])
    (top, end_of_input), (start_of_hidden, bottom) = rows_of(ax, "input"), rows_of(ax, "hidden")
    assert 0.0 < top < end_of_input < start_of_hidden < bottom == pytest.approx(1.0)
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    for layer, height in (("input", top), ("hidden", start_of_hidden)):
        assert one(ax, f"name {layer}").get_text() == layer
        assert one(ax, f"name {layer}").get_position() == (0.0, height)
    assert not ax.get_yticks().size


def test_a_small_layer_is_visible_beside_a_huge_one() -> None:
    run = random_run(100, sizes=(65_536, 10))
    top, bottom = rows_of(viz.raster(run), "layer1")
    assert bottom - top > 0.1


def test_the_fire_window_is_shaded_over_the_rows_of_its_layer() -> None:
    ax = viz.raster(small_run())
    for layer, (t_min, t_max) in {"input": (0.0, 1.0), "hidden": (1.0, 3.0)}.items():
        shade = one(ax, f"window {layer}")
        assert (shade.get_x(), shade.get_x() + shade.get_width()) == (t_min, t_max)
        assert (shade.get_y(), shade.get_y() + shade.get_height()) == pytest.approx(rows_of(ax, layer))
    assert not with_gid(ax, "window output")


def test_the_window_of_a_source_is_not_shaded_where_its_spikes_do_not_keep_to_it() -> None:
    run = run_of([(0, 0, 0, 0.5), (0, 0, 1, 7.0)], {"drive": 2}, {"drive": (0.0, 1.0)})
    ax = viz.raster(run)
    assert not with_gid(ax, "window drive")
    assert ax.get_xlim()[1] > 7.0


def test_silent_neurons_are_counted_and_placed() -> None:
    ax = viz.raster(small_run())
    assert note_of(ax, "input") == "2 of 4 silent"
    assert note_of(ax, "hidden") == "5 of 8 silent, 1 premature"
    strip = one(ax, "silent hidden")
    assert isinstance(strip, QuadMesh)
    assert np.flatnonzero(np.asarray(strip.get_array()).ravel() == 0.0).tolist() == [0, 5, 7]


def test_a_premature_spike_has_a_ring() -> None:
    ax = viz.raster(small_run())
    top, bottom = rows_of(ax, "hidden")
    assert one(ax, "premature hidden").get_xydata().tolist() == [[0.75, pytest.approx(top + 5.5 / 8 * (bottom - top))]]
    assert not with_gid(ax, "premature input")
    assert not with_gid(viz.raster(small_run(), sample=1), "premature hidden")


def test_one_silent_neuron_among_many_is_placed() -> None:
    spikes = [(0, 0, neuron, 1.0) for neuron in range(10_000) if neuron != 5_000]
    ax = viz.raster(run_of(spikes, {"many": 10_000}))
    assert note_of(ax, "many") == "1 of 10,000 silent"
    shade = np.asarray(one(ax, "silent many").get_array()).ravel()
    assert np.flatnonzero(shade).tolist() == [shade.size // 2]


def test_a_read_out_is_a_line_at_its_time_and_a_star_at_its_largest_potential() -> None:
    ax = viz.raster(small_run(), sample=1)
    assert one(ax, "read-out output").get_xdata().tolist() == [3.0, 3.0]
    assert note_of(ax, "output") == "read-out: neuron 0"
    top, bottom = one(ax, "name output").get_position()[1], 1.0
    assert one(ax, "largest output").get_xydata() == pytest.approx(np.array([[3.0, top + 0.25 * (bottom - top)]]))
    assert not with_gid(ax, "silent output")


@pytest.mark.parametrize("n_spikes", [10, 1_000_000])
def test_ten_and_a_million_spikes_are_drawn_with_bounded_effort(n_spikes: int) -> None:
    ax = viz.raster(random_run(n_spikes))
    marks = sum(np.asarray(line.get_xdata()).size for line in ax.lines)
    assert marks == (n_spikes if n_spikes == 10 else 0)
    assert len(ax.images) == (0 if n_spikes == 10 else 4)
    assert sum(image.get_size()[0] * image.get_size()[1] for image in ax.images) < 200_000
    assert png_size(ax) < 150_000


def test_an_image_has_a_shade_wherever_there_is_a_spike_and_nowhere_else() -> None:
    spikes = [(0, 0, 0, 0.0), (0, 0, 3, 2.0), (0, 0, 3, 2.0001), (0, 0, 9, 4.0)]
    ax = viz.raster(run_of(spikes, {"cells": 10}), max_points=0)
    (image,) = ax.images
    rows, columns = np.nonzero(~np.ma.getmaskarray(np.ma.asarray(image.get_array())))
    width = image.get_size()[1]
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (3, width // 2), (9, width - 1)]


def test_shades_are_rates_on_one_scale_that_a_source_does_not_decide() -> None:
    spikes = [(0, 0, k % 2, 0.01 * k) for k in range(400)] + [(0, 1, 0, 0.5), (0, 1, 1, 3.0), (0, 2, 0, 2.0)]
    spikes.sort(key=lambda spike: spike[3])
    run = run_of(spikes, {"noise": 2, "one": 2, "two": 1}, time_unit=1e-3, sources=("noise",))
    ax = viz.raster(run, max_points=0, time=(0.0, 4.8))
    noise, first, second = ax.images
    cell = 4.8 / 480 * 1e-3  # of a single neuron, in seconds
    assert np.unique(np.ma.compressed(np.ma.asarray(first.get_array()))).tolist() == pytest.approx([1 / cell])
    assert np.ma.compressed(np.ma.asarray(second.get_array())).tolist() == pytest.approx([1 / cell])
    assert noise.norm is first.norm is second.norm
    assert first.norm.vmin == pytest.approx(1 / cell)
    (bar,) = [inset for inset in ax.child_axes if inset.get_gid() == "scale"]
    assert bar.get_xlim() == pytest.approx((first.norm.vmin, first.norm.vmax))
    assert one(ax, "scale label").get_text() == "rate (Hz)"
    assert not viz.raster(run).child_axes


def test_only_the_layers_with_most_spikes_become_images() -> None:
    spikes = [(0, 0, k % 5, 0.1 * k) for k in range(50)] + [(0, 1, 0, 1.0), (0, 1, 1, 2.0)]
    ax = viz.raster(run_of(spikes, {"drive": 5, "cells": 5}), max_points=10)
    assert [image.get_gid() for image in ax.images] == ["spikes drive"]
    assert one(ax, "spikes cells").get_xdata().tolist() == [1.0, 2.0]


def test_without_recorded_spikes_the_first_spikes_are_drawn() -> None:
    first, every = viz.raster(small_run(keep="first")), viz.raster(small_run())
    for layer in ("input", "hidden"):
        pairs = [np.sort(one(ax, f"spikes {layer}").get_xydata(), axis=0).tolist() for ax in (first, every)]
        assert pairs[0] == pairs[1]
    run = small_run()
    run.records.spikes = run.records.first = None
    with pytest.raises(InputError, match="first spikes not recorded"):
        viz.raster(run)


def test_a_sample_without_any_spike_is_drawn() -> None:
    ax = viz.raster(run_of([], {"cells": 3}))
    assert note_of(ax, "cells") == "3 of 3 silent"
    assert png_size(ax) > 0


def test_a_negative_number_of_points_is_refused() -> None:
    with pytest.raises(InputError, match="max_points = -1; must be an integer >= 0"):
        viz.raster(small_run(), max_points=-1)


def test_under_the_pointer_stand_layer_neuron_and_time() -> None:
    ax = viz.raster(small_run())
    top, bottom = rows_of(ax, "hidden")
    assert ax.format_coord(1.5, top + 5.5 / 8 * (bottom - top)) == "hidden, neuron 5, t = 1.5"
    assert ax.format_coord(1.5, top - 1e-6) == "t = 1.5"


def test_a_source_is_no_higher_than_populations_are() -> None:
    spikes = [(0, 0, 0, 1.0), (0, 1, 0, 2.0)]
    for sources, higher in ((("drive",), False), ((), True)):
        ax = viz.raster(run_of(spikes, {"drive": 10_000, "cells": 100}, sources=sources))
        (top, bottom), (start, end) = rows_of(ax, "drive"), rows_of(ax, "cells")
        assert (bottom - top > 1.01 * (end - start)) is higher
