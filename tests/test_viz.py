"""Figures, judged by the artists they are made of: no pixel is looked at, and no time is measured."""

import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import eventsim
import eventsim.models  # registers the neuron models
from eventsim import viz
from eventsim.engines.records import RunRecords
from eventsim.errors import InputError
from eventsim.run.run import Run
from eventsim.viz import palette
from eventsim.viz.membrane import dashes

SPIKE = np.dtype([("sample", "i4"), ("population", "u2"), ("neuron", "i4"), ("time", "f8")])
WINDOWS = {"input": (0.0, 1.0), "hidden": (0.0, 1.0, 3.0), "output": (1.0, 3.0, math.inf)}
SIZES = {"input": 4, "hidden": 8, "output": 2}
# (sample, population, neuron, time); hidden neuron 5 of sample 0 is premature.
SPIKES = [
    *((0, 0, 2, 0.0), (0, 0, 0, 0.5), (0, 1, 5, 0.75), (0, 1, 0, 1.5), (0, 1, 7, 2.25)),
    *((1, 0, 1, 0.25), (1, 0, 3, 0.5), (1, 1, 2, 2.5)),
]


def run_of(
    spikes: Any,
    sizes: dict[str, int],
    windows: dict[str, Any] | None = None,
    readout: Any = None,
    time_unit: float | None = None,
    keep: str = "spikes",
) -> Run:
    """A run made by hand, of spikes sorted by sample and time."""
    records = np.array(spikes, dtype=SPIKE)
    n_samples = int(records["sample"].max(initial=0)) + 1
    first = np.full((n_samples, sum(sizes.values())), math.inf)
    start = np.concatenate([[0], np.cumsum([*sizes.values()])])
    column = start[records["population"].astype(np.int64)] + records["neuron"]
    np.minimum.at(first, (records["sample"], column), records["time"])
    return Run(
        populations=[*sizes],
        shapes=[(n,) for n in sizes.values()],
        n_samples=n_samples,
        counters={},
        provenance={"time_unit": time_unit, "until": None},
        windows=windows if windows is not None else dict.fromkeys(sizes),
        records=RunRecords(spikes=records if keep == "spikes" else None, first=first, readout=readout),
    )


def small_run(**changes: Any) -> Run:
    return run_of(SPIKES, SIZES, WINDOWS, np.array([[0.5, 2.0], [1.0, -1.0]]), **changes)


def random_run(n_spikes: int, sizes: tuple[int, ...] = (784, 512, 512, 10)) -> Run:
    """Spike trains of a network without windows."""
    rng = np.random.default_rng(0)
    records = np.zeros(n_spikes, dtype=SPIKE)
    records["population"] = rng.integers(0, len(sizes), n_spikes)
    records["neuron"] = rng.random(n_spikes) * np.array(sizes)[records["population"]]
    records["time"] = np.sort(rng.gamma(4.0, 10.0, n_spikes))
    return run_of(records, {f"layer{k}": n for k, n in enumerate(sizes)})


def with_gid(ax: Axes, gid: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def one(ax: Axes, gid: str) -> Any:
    (artist,) = with_gid(ax, gid)
    return artist


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def rows_of(ax: Axes, layer: str) -> tuple[float, float]:
    """Top and bottom of a layer's rows, from its strip of silent neurons; y grows downwards."""
    y = one(ax, f"silent {layer}").get_coordinates()[..., 1]
    return float(y.min()), float(y.max())


def png_size(ax: Axes) -> int:
    file = io.BytesIO()
    figure = ax.figure
    assert isinstance(figure, Figure)
    figure.savefig(file, dpi=120)
    return file.tell()


# -- all figures ------------------------------------------------------------------------------------------------------


def all_figures() -> dict[str, Any]:
    report = report_of({"hidden": ([[1.0, math.inf]], [[1.0, math.inf]], [[1e-15, 1e-15]], [[0, 0]])})
    run = membrane_run()
    return {
        "raster": lambda: viz.raster(small_run()),
        "image": lambda: viz.raster(small_run(), max_points=0),
        "membrane": lambda: viz.membrane(run, "cell", [0, 1]),
        "histogram": lambda: viz.spike_histogram(small_run()),
        "rates": lambda: viz.rates(small_run()),
        "verification": lambda: viz.verification(report),
    }


FIGURES = ("raster", "image", "membrane", "histogram", "rates", "verification")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_returns_axes_and_can_be_saved(name: str) -> None:
    drawn = np.atleast_1d(np.asarray(all_figures()[name](), dtype=object))
    assert drawn.size
    assert all(isinstance(ax, Axes) for ax in drawn.flat)
    assert png_size(drawn.flat[0]) > 0


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_shows_nothing_and_leaves_pyplot_and_rcparams_alone(name: str, monkeypatch: Any) -> None:
    def shown(*_: Any, **__: Any) -> None:
        raise AssertionError("show() was called")

    monkeypatch.setattr(plt, "show", shown)
    monkeypatch.setattr(Figure, "show", shown)
    draw, before, figures = all_figures()[name], dict(mpl.rcParams), plt.get_fignums()
    draw()
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == figures


def test_figures_draw_into_the_axes_they_are_given() -> None:
    run, figure = small_run(), Figure()
    axes = figure.subplots(2, 2)
    assert viz.raster(run, ax=axes[0, 0]) is axes[0, 0]
    assert viz.membrane(membrane_run(), "cell", 0, ax=axes[0, 1]) is axes[0, 1]
    assert list(viz.spike_histogram(run, ax=axes[1])) == list(axes[1])
    assert len(figure.axes) == 4


def test_the_time_axis_names_its_unit() -> None:
    assert viz.raster(small_run()).get_xlabel() == "time (window units)"
    assert viz.raster(small_run(time_unit=1e-3)).get_xlabel() == "time (ms)"
    assert viz.raster(small_run(time_unit=2e-3)).get_xlabel() == "time (0.002 s)"
    assert viz.raster(random_run(10)).get_xlabel() == "time (network units)"


@pytest.mark.parametrize("draw", [viz.raster, viz.spike_histogram, viz.rates])
def test_an_unknown_population_is_answered_with_the_nearest_name(draw: Any) -> None:
    with pytest.raises(InputError, match="unknown population 'hiden', did you mean 'hidden'"):
        draw(small_run(), populations=["hiden"])
    with pytest.raises(InputError, match=r"populations = \[\]; must name one or more of input, hidden, output"):
        draw(small_run(), populations=[])


@pytest.mark.parametrize("sample", [-1, 2])
def test_a_sample_that_was_not_simulated_is_refused(sample: int) -> None:
    with pytest.raises(InputError, match=rf"raster: sample = {sample}; must be an integer in 0\.\.1"):
        viz.raster(small_run(), sample=sample)


# -- colours ----------------------------------------------------------------------------------------------------------

# What an eye that lacks one kind of cone sees, linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.0.
EYES = {
    "full": np.eye(3),
    "no red cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green cones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "no blue cones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(colour: str, eye: str) -> Any:
    """CIELAB coordinates of what an eye sees of a colour; a distance of 2.3 is just noticeable."""
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = np.asarray(TO_XYZ) @ np.clip(np.asarray(EYES[eye]) @ linear, 0.0, 1.0) / WHITE
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    return np.array([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)])


@pytest.mark.parametrize("eye", EYES)
def test_every_eye_tells_the_layers_apart(eye: str) -> None:
    seen = [lab(colour, eye) for colour in palette.LAYERS]
    assert min(np.linalg.norm(a - b) for k, a in enumerate(seen) for b in seen[:k]) > 15.0
    assert min(np.linalg.norm(a - b) for a, b in zip(seen, [*seen[1:], seen[0]], strict=True)) > 20.0


def test_a_layer_has_the_same_colour_whatever_else_is_drawn() -> None:
    alone = one(viz.raster(small_run(), populations=["hidden"]), "spikes hidden")
    among = one(viz.raster(small_run()), "spikes hidden")
    assert alone.get_color() == among.get_color() == palette.layer_colour(1)


def test_every_cause_has_a_look_of_its_own() -> None:
    looks = [palette.cause_style(cause) for cause in (*eventsim.models.VerificationReport.CAUSES, "another")]
    assert len(set(looks)) == len(looks)
    markers = [marker for _, marker in looks[2:]]  # what differs by more than rounding is told apart without colour
    assert len(set(markers)) == len(markers)


# -- raster -----------------------------------------------------------------------------------------------------------


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


def test_layers_are_stacked_from_top_to_bottom_with_gaps_and_named() -> None:
    ax = viz.raster(small_run(), populations=["input", "hidden"])
    (top, end_of_input), (start_of_hidden, bottom) = rows_of(ax, "input"), rows_of(ax, "hidden")
    assert top == 0.0
    assert end_of_input < start_of_hidden
    assert bottom == 1.0
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["input", "hidden"]
    assert ax.get_yticks().tolist() == pytest.approx([end_of_input / 2, (start_of_hidden + bottom) / 2])


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
    assert texts(ax)[:2] == ["2 of 4 silent", "5 of 8 silent\n1 premature"]
    assert one(ax, "caption").get_text() == "grey: silent"
    strip = one(ax, "silent hidden")
    assert isinstance(strip, QuadMesh)
    assert np.flatnonzero(np.asarray(strip.get_array()).ravel() == 0.0).tolist() == [0, 5, 7]


def test_a_premature_spike_has_a_ring() -> None:
    ax = viz.raster(small_run())
    top, bottom = rows_of(ax, "hidden")
    assert one(ax, "premature hidden").get_xydata().tolist() == [[0.75, top + 5.5 / 8 * (bottom - top)]]
    assert not with_gid(ax, "premature input")
    assert not with_gid(viz.raster(small_run(), sample=1), "premature hidden")


def test_one_silent_neuron_among_many_is_placed() -> None:
    spikes = [(0, 0, neuron, 1.0) for neuron in range(10_000) if neuron != 5_000]
    ax = viz.raster(run_of(spikes, {"many": 10_000}))
    assert texts(ax) == ["1 of 10,000 silent", "grey: silent"]
    shade = np.asarray(one(ax, "silent many").get_array()).ravel()
    assert np.flatnonzero(shade).tolist() == [shade.size // 2]


def test_a_read_out_is_a_line_at_its_time_and_a_star_at_its_largest_potential() -> None:
    ax = viz.raster(small_run(), sample=1)
    assert one(ax, "read-out output").get_xdata().tolist() == [3.0, 3.0]
    assert texts(ax)[-2] == "read-out: neuron 0"
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
    rows, columns = np.nonzero(np.asarray(image.get_array())[..., 3])
    width = image.get_size()[1]
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (3, width // 2), (9, width - 1)]


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
    assert texts(ax) == ["3 of 3 silent", "grey: silent"]
    assert png_size(ax) > 0


def test_a_negative_number_of_points_is_refused() -> None:
    with pytest.raises(InputError, match="max_points = -1; must be an integer >= 0"):
        viz.raster(small_run(), max_points=-1)


def test_under_the_pointer_stand_layer_neuron_and_time() -> None:
    ax = viz.raster(small_run())
    top, bottom = rows_of(ax, "hidden")
    assert ax.format_coord(1.5, top + 5.5 / 8 * (bottom - top)) == "hidden, neuron 5, t = 1.5"
    assert ax.format_coord(1.5, top - 1e-6) == "t = 1.5"


# -- membrane ---------------------------------------------------------------------------------------------------------


def membrane_run() -> Run:
    """Two B1 neurons in the window [0, 1] -> [1, 3]: one fires at 2.375, the other is silent (closed form)."""
    net = eventsim.Network()
    pixels = net.source(3, name="input")
    weights = eventsim.Dense([[0.5, 0.25, -0.5], [-0.25, 0.5, 0.5]])
    cell = net.population("ttfs_b1", 2, name="cell", window=(0.0, 1.0, 3.0), threshold=[1.875, 2.25])
    net.connect(pixels, cell, weights)
    return eventsim.simulate(net, np.array([[1.0, 0.5, 0.25]]), record={"cell": [0, 1]})


def test_a_membrane_is_the_closed_form_up_to_its_spike() -> None:
    ax = viz.membrane(membrane_run(), "cell", [0, 1])
    line = one(ax, "membrane 0")
    t, v = line.get_xdata(), line.get_ydata()
    # Inputs at 0, 0.5, 0.75 change the slope by 0.5, 0.25, -0.5; from t_min = 1 on it is 1. All numbers are dyadic.
    inputs = 0.5 * t + 0.25 * np.maximum(t - 0.5, 0.0) - 0.5 * np.maximum(t - 0.75, 0.0)
    expected = np.where(t <= 1.0, inputs, 0.5 + (t - 1.0))
    drawn = np.isfinite(v)
    assert drawn[t < 2.375].all()
    assert not drawn[t > 2.375].any()
    assert v[drawn] == pytest.approx(expected[drawn], abs=1e-14)  # the grid's times are rounded
    assert {0.0, 0.5, 0.75, 1.0, 2.375} <= set(t.tolist())


def test_the_star_is_at_the_crossing_and_silence_has_none() -> None:
    ax = viz.membrane(membrane_run(), "cell", [0, 1])
    star = one(ax, "spike 0")
    assert star.get_xydata().tolist() == [[2.375, 1.875]]
    assert (2.375, 1.875) in set(map(tuple, one(ax, "membrane 0").get_xydata().tolist()))
    assert one(ax, "spike 1").get_xydata().size == 0
    labels = [text.get_text() for text in ax.get_legend().get_texts()]  # type: ignore[union-attr]
    assert labels == ["neuron 0, t = 2.375", "neuron 1, silent", "threshold", "spike", "silent at $t_\\mathrm{max}$"]


def test_a_neuron_that_stays_silent_ends_in_an_open_circle() -> None:
    ax = viz.membrane(membrane_run(), "cell", [0, 1])
    line = one(ax, "membrane 1").get_xydata()
    assert one(ax, "silent 1").get_xydata().tolist() == [line[-1].tolist()]
    assert not with_gid(ax, "silent 0")


def test_thresholds_on_each_other_show_every_colour() -> None:
    # Dashes of 4 begin at 0, 4, 8, … of a period that holds one of each line.
    for n in (2, 3, 5):
        patterns = [dashes(place, n) for place in range(n)]
        assert {on + off for _, (on, off) in patterns} == {4.0 * n}
        assert [offset for offset, _ in patterns] == [4.0 * place for place in range(n)]


def test_thresholds_and_borders_of_the_window_are_drawn() -> None:
    ax = viz.membrane(membrane_run(), "cell", [0, 1])
    for neuron, threshold in enumerate((1.875, 2.25)):
        assert set(one(ax, f"threshold {neuron}").get_ydata()) == {threshold}
    assert [line.get_xdata()[0] for line in with_gid(ax, "border")] == [0.0, 1.0, 3.0]
    shade = one(ax, "window")
    assert (shade.get_x(), shade.get_width()) == (1.0, 2.0)


def test_a_silent_membrane_is_drawn_to_the_end_of_its_window_and_stays_below_the_threshold() -> None:
    line = one(viz.membrane(membrane_run(), "cell", 1), "membrane 1")
    assert line.get_xdata()[-1] == 3.0
    assert np.max(line.get_ydata()) <= 2.25


def test_a_neuron_that_resets_falls_from_its_threshold_at_each_spike() -> None:
    net = eventsim.Network()
    drive = net.source(1, name="drive")
    cell = net.population("lif_delta", 1, name="cell", tau_mem=1.0, v_threshold=1.0, v_reset=-0.5, t_ref=0.25)
    net.connect(drive, cell, eventsim.OneToOne([0.75]))
    arrivals = eventsim.SpikeTimes([[[0.5, 0.625, 0.75, 2.0, 2.125]]])
    run = eventsim.simulate(net, arrivals, until=4.0, record={"cell": [0]})
    spikes = run.spikes["time"][run.spikes["population"] == 1]
    assert spikes.tolist() == [0.625, 2.125]  # held at -0.5 until 0.875: the input at 0.75 is lost
    ax = viz.membrane(run, "cell", 0)
    points = one(ax, "membrane 0").get_xydata()
    for t in spikes:
        assert points[points[:, 0] == t].tolist() == [[t, 1.0], [t, -0.5]]
    assert one(ax, "spike 0").get_xydata().tolist() == [[t, 1.0] for t in spikes]
    assert points[-1, 0] == 4.0
    held = (points[:, 0] > 0.625) & (points[:, 0] < 0.875)
    assert set(points[held, 1]) == {-0.5}


# -- rates ------------------------------------------------------------------------------------------------------------


def test_rates_are_counts_over_neurons_and_time() -> None:
    ax = viz.rates(small_run(time_unit=1e-3), bins=7)
    lines = [line for line in ax.patches if str(line.get_gid()).startswith("rate ")]
    assert [line.get_gid() for line in lines] == ["rate input", "rate hidden"]  # the read-out never fires
    for order, line in enumerate(lines):
        values, edges, _ = line.get_data()  # type: ignore[attr-defined]
        times = [t for sample, population, _, t in SPIKES if (sample, population) == (0, order)]
        size = small_run().sizes[order]
        assert values == pytest.approx(np.histogram(times, edges)[0] / (size * np.diff(edges) * 1e-3))
        assert (values * np.diff(edges)).sum() * size * 1e-3 == pytest.approx(len(times))
    assert ax.get_ylabel() == "rate (1/s)"


def test_rates_need_all_spikes() -> None:
    net = eventsim.Network()
    net.population("lif_delta", 1, "cell", tau_mem=1.0, current=2.0)
    with pytest.raises(InputError, match="not recorded"):
        viz.rates(eventsim.simulate(net, until=5.0, engine="reference", record="first_spikes"))


@pytest.mark.parametrize("draw", [viz.raster, viz.rates, viz.spike_histogram])
def test_of_a_run_that_recorded_some_populations_only_these_are_drawn(draw: Any) -> None:
    net = eventsim.Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=1.0)
    net.connect("input", "cell", eventsim.OneToOne([2.0]))
    run = eventsim.simulate(net, eventsim.SpikeTimes([[[1.0, 3.0]]]), engine="reference", record=["cell"])
    assert run.spikes["population"].tolist() == [1, 1]
    draw(run)
    with pytest.raises(InputError, match="were recorded, of 'input' only the first"):
        draw(run, populations=["input"])


# -- histogram --------------------------------------------------------------------------------------------------------


def test_a_histogram_counts_every_spike_of_all_samples() -> None:
    axes = viz.spike_histogram(small_run(), bins=10)
    assert axes.shape == (2,)  # the read-out never fires
    for order, ax in enumerate(axes):
        steps = one(ax, "histogram")
        times = [t for _, population, _, t in SPIKES if population == order]
        edges = steps.get_data().edges
        assert edges.size == 11
        assert steps.get_data().values.tolist() == np.histogram(times, edges)[0].tolist()
        assert steps.get_data().values.sum() == len(times)
        assert ax.get_yscale() == "log"


def test_a_histogram_reaches_over_the_window_and_to_spikes_before_it() -> None:
    _, hidden = viz.spike_histogram(small_run())
    edges = one(hidden, "histogram").get_data().edges
    assert (edges[0], edges[-1]) == (0.75, 3.0)
    assert [line.get_xdata()[0] for line in with_gid(hidden, "border")] == [1.0, 3.0]


def test_a_comb_is_explained() -> None:
    spikes = [(0, 0, neuron, (neuron % 16) / 16) for neuron in range(128)]
    (ax,) = viz.spike_histogram(run_of(sorted(spikes, key=lambda spike: spike[3]), {"pixels": 256}))
    assert ax.get_title(loc="left") == "pixels: 50.0% fire, at 16 times"
    assert ax.get_ylabel() == "spikes per bin (log scale)"


def test_the_share_of_neurons_that_fire_counts_each_neuron_and_sample_once() -> None:
    spikes = [(0, 0, 0, 1.0), (0, 0, 0, 2.0), (0, 0, 1, 3.0), (1, 0, 0, 1.0)]
    (ax,) = viz.spike_histogram(run_of(spikes, {"cells": 4}))
    assert ax.get_title(loc="left") == "cells: 37.5% fire"


def test_a_silent_layer_has_a_panel() -> None:
    (ax,) = viz.spike_histogram(run_of([], {"cells": 4}))
    assert ax.get_title(loc="left") == "cells: 0.0% fire"
    assert png_size(ax) > 0


def test_panels_and_axes_must_be_as_many() -> None:
    with pytest.raises(InputError, match="spike_histogram: ax holds 3 axes; must be 2"):
        viz.spike_histogram(small_run(), ax=Figure().subplots(3))
    with pytest.raises(InputError, match="bins = 0; must be an integer in 1"):
        viz.spike_histogram(small_run(), bins=0)


# -- verification -----------------------------------------------------------------------------------------------------


@dataclass
class ReportOfHand:
    """What `viz.verification` reads of a report."""

    populations: list[str]
    readouts: list[str] = field(default_factory=list)
    potentials: dict[str, Any] = field(default_factory=dict)
    expected_potentials: dict[str, Any] = field(default_factory=dict)
    event_times: dict[str, Any] = field(default_factory=dict)
    expected_times: dict[str, Any] = field(default_factory=dict)
    bounds: dict[str, Any] = field(default_factory=dict)
    causes: dict[str, Any] = field(default_factory=dict)
    CAUSES: tuple[str, ...] = ("ok", "premature", "late", "clamped")

    @property
    def differences(self) -> dict[str, Any]:
        """Silence is at the end of a window that is at 3."""
        pairs = [(self.event_times, self.expected_times), (self.potentials, self.expected_potentials)]
        return {
            name: np.minimum(event[name], 3.0) - np.minimum(expected[name], 3.0)
            for event, expected in pairs
            for name in event
        }


def report_of(layers: dict[str, Any]) -> ReportOfHand:
    """Of (event times, expected times, bounds, causes) by population."""
    report = ReportOfHand([*layers])
    for name, arrays in layers.items():
        for values, array in zip(
            (report.event_times, report.expected_times, report.bounds, report.causes), arrays, strict=True
        ):
            values[name] = np.array(array)
    return report


def differing_report() -> ReportOfHand:
    inf, nan = math.inf, math.nan
    event = [[1.5, 2.0, inf, 0.5, inf, 2.5]]
    expected = [[1.5, 2.0 + 2.0**-50, inf, 1.75, 2.25, inf]]
    bound = [[0.0, 2.0**-49, nan, 2.0**-49, nan, 2.0**-49]]
    return report_of({"one": (event, expected, bound, [[0, 0, 0, 1, 3, 2]]), "two": (event, event, bound, [[0] * 6])})


def test_verification_has_two_panels_a_layer_and_points_by_cause() -> None:
    axes = viz.verification(differing_report())
    assert axes.shape == (2, 2)
    assert one(axes[0, 0], "ok").get_xydata().tolist() == [[1.5, 1.5], [2.0 + 2.0**-50, 2.0]]
    assert one(axes[0, 0], "premature").get_xydata().tolist() == [[1.75, 0.5]]
    assert one(axes[0, 0], "identity").get_xydata()[0].tolist() == [0.5, 0.5]
    assert axes[0, 0].get_title(loc="left") == "one\n1 silent in both"
    labels = [text.get_text() for text in axes[0, 1].get_legend().get_texts()]
    assert labels == ["ok: 9", "premature: 1", "late: 1", "clamped: 1"]


def test_differences_are_in_units_of_the_bound() -> None:
    below = viz.verification(differing_report())[1]
    assert one(below[0], "ok").get_ydata().tolist() == [0.0, -0.5]  # equal times agree even with a bound of 0
    edge = one(below[0], "premature").get_ydata()[0]  # -1.25 * 2**49 bounds: off the scale
    assert edge == below[0].get_yticks()[-2]
    assert [label.get_text() for label in below[0].get_yticklabels()] == ["−1", "0", "1", "off scale", "off scale"]
    assert [label.get_text() for label in below[1].get_yticklabels()] == ["−1", "0", "1"]
    assert below[0].get_ylim()[0] < edge < -1.0
    band = one(below[0], "bound")
    assert (band.get_y(), band.get_height()) == (-1.0, 2.0)


def test_a_neuron_that_is_silent_in_one_of_two_is_drawn_at_the_border() -> None:
    above, below = viz.verification(differing_report(), populations="one")[:, 0]
    edge = one(above, "clamped").get_ydata()[0]
    assert edge > 2.5
    assert one(above, "clamped").get_xydata().tolist() == [[2.25, edge]]
    assert one(above, "late").get_xydata().tolist() == [[edge, 2.5]]
    limit = one(below, "clamped").get_ydata()[0]
    assert one(below, "late").get_ydata()[0] == -limit
    assert below.get_ylim()[1] > limit > 2.0
    assert "silent" in texts(above)


def test_potentials_of_read_outs_are_drawn_after_the_spikes() -> None:
    report = differing_report()
    report.readouts, report.potentials["out"] = ["out"], np.array([[0.5, -1.0]])
    report.expected_potentials["out"] = np.array([[0.5, -1.0 - 2.0**-52]])
    report.bounds["out"], report.causes["out"] = np.full((1, 2), 2.0**-51), np.zeros((1, 2), dtype=int)
    axes = viz.verification(report)
    assert axes.shape == (2, 3)
    assert axes[0, 2].get_title(loc="left") == "out\npotentials"
    assert [ax.get_xlabel() for ax in axes[1]] == ["expected time", "expected time", "expected potential"]
    assert sorted(one(axes[1, 2], "ok").get_ydata()) == [0.0, 0.5]


def test_a_million_points_are_drawn_with_bounded_effort_and_no_cause_is_lost() -> None:
    rng = np.random.default_rng(0)
    expected = rng.uniform(1.0, 3.0, (1_000, 1_000))
    event, cause = expected + rng.normal(0.0, 1e-16, expected.shape), np.zeros(expected.shape, dtype=np.int8)
    event[3, 4], cause[3, 4] = 0.5, 1
    axes = viz.verification(report_of({"layer": (event, expected, np.full(expected.shape, 1e-15), cause)}))[:, 0]
    for ax in axes:
        assert one(ax, "ok").get_xdata().size < 100_000
        assert one(ax, "premature").get_xdata().tolist() == [expected[3, 4]]
    assert png_size(axes[0]) < 150_000


def test_a_layer_that_never_fires_is_verified_too() -> None:
    silent = [[math.inf, math.inf]]
    axes = viz.verification(report_of({"layer": (silent, silent, [[0.0, 0.0]], [[0, 0]])}))
    assert axes[0, 0].get_title(loc="left") == "layer\n2 silent in both"
    assert png_size(axes[0, 0]) > 0


def test_verification_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(InputError, match="verification: unknown population 'ones', did you mean 'one'"):
        viz.verification(differing_report(), populations="ones")
    with pytest.raises(InputError, match="verification: ax holds 2 axes; must be 2 x 2"):
        viz.verification(differing_report(), ax=Figure().subplots(2))


# -- pictures of the docs ---------------------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[1]


def test_each_picture_is_small_and_has_the_script_that_makes_it() -> None:
    scripts = {script.stem for script in (ROOT / "examples").glob("*.py")}
    for picture in (ROOT / "docs" / "images").glob("*.png"):
        assert picture.stem in scripts
        assert picture.stat().st_size < 150_000
