"""What is written and marked is fitted to its axes, whatever becomes of them after a figure was made."""

from typing import Any

import matplotlib as mpl
import pytest
from figures_by_hand import one, random_run, run_of, small_run
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eventsim import viz
from eventsim.viz.raster_marks import INKED


def boxes_of_texts(ax: Axes) -> list[Any]:
    return [text.get_window_extent() for text in [*ax.artists, *ax.texts] if getattr(text, "get_text", str)()]


def figure_of(ax: Axes) -> Any:
    """The figure of axes, of which nothing needs to be known here."""
    return ax.figure


def title_of(ax: Axes) -> Any:
    """The title that figures have: matplotlib gives only its words."""
    return ax._left_title  # type: ignore[attr-defined]


def overlap(a: Any, b: Any) -> float:
    """The less of the width and the height, in pixels, that two boxes have in common."""
    return min(min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0))


def drawn(figure: Any) -> None:
    figure.draw_without_rendering()


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("size", [(7.0, 2.4), (3.4, 2.4), (12.0, 8.0)])
def test_what_a_raster_says_stays_inside_its_axes(size: tuple[float, float], layout: Any) -> None:
    run = run_of([(0, 0, 0, 1.0)], {"a_rather_long_name_of_neurons": 65_536, "b": 10, "c": 3})
    figure = Figure(figsize=size, layout=layout)
    left, right = figure.subplots(1, 2)
    viz.raster(run, ax=left)
    viz.raster(run, ax=right)
    for factor in (1.0, 0.6, 2.0):
        figure.set_size_inches(factor * size[0], factor * size[1])
        drawn(figure)
        for ax in (left, right):
            inside = ax.get_window_extent()
            for box in boxes_of_texts(ax):
                assert inside.x0 - 1.0 <= box.x0 <= box.x1 <= inside.x1 + 1.0
                assert inside.y0 - 1.0 <= box.y0 <= box.y1 <= inside.y1 + 1.0
            boxes = boxes_of_texts(ax)
            assert not [1 for k, a in enumerate(boxes) for b in boxes[:k] if overlap(a, b) > 1.0]
        if figure.get_size_inches()[0] > 4.0:  # two panels of less than an inch have no room for a title
            assert left.get_tightbbox().x1 < right.get_tightbbox().x0


def test_the_texts_of_a_raster_keep_off_its_rows() -> None:
    ax = viz.raster(small_run(), ax=Figure(figsize=(3.4, 2.4)).subplots())
    drawn(ax.figure)
    for layer in ("input", "hidden"):
        rows = one(ax, f"window {layer}").get_window_extent()
        assert one(ax, f"note {layer}").get_window_extent().y0 >= rows.y1 - 0.5


def test_marks_grow_and_shrink_with_their_axes() -> None:
    ax = viz.raster(random_run(40, sizes=(4,)), ax=Figure(figsize=(6.4, 4.8)).subplots())
    marks, sizes = one(ax, "spikes layer0"), []
    for height in (1.0, 2.0, 4.0):
        figure_of(ax).set_size_inches(6.4, height)
        drawn(ax.figure)
        sizes.append(marks.get_markersize())
    assert sizes[0] < sizes[1] <= sizes[2] <= 14.0
    rows = 4.0 * 72 * (ax.get_position().height / 4)
    assert sizes[2] <= rows


def test_marks_are_the_same_at_any_resolution() -> None:
    ax = viz.raster(random_run(400))
    sizes = []
    for dpi in (50, 100, 400):
        ax.figure.set_dpi(dpi)
        drawn(ax.figure)
        sizes.append(one(ax, "spikes layer1").get_markersize())
    assert sizes == pytest.approx([sizes[0]] * 3, rel=0.05)


@pytest.mark.parametrize("n_spikes", [100, 20_000])
@pytest.mark.parametrize("width", [1.5, 3.4, 7.0])
def test_strokes_do_not_run_together(n_spikes: int, width: float) -> None:
    ax = viz.raster(random_run(n_spikes, sizes=(1000,)), ax=Figure(figsize=(width, 2.0)).subplots())
    drawn(ax.figure)
    marks = one(ax, "spikes layer0")
    area = ax.bbox.width * ax.bbox.height * (72 / ax.figure.dpi) ** 2
    assert n_spikes * marks.get_markersize() * marks.get_markeredgewidth() <= max(INKED, 0.2 * n_spikes / area) * area


def test_size_and_fonts_are_those_of_the_user() -> None:
    with mpl.rc_context({"figure.figsize": (3.4, 5.0), "xtick.labelsize": 6.0, "axes.titlesize": 7.0}):
        for draw in (viz.raster, viz.rates):
            ax = draw(small_run())
            assert figure_of(ax).get_size_inches().tolist() == [3.4, 5.0]
            assert title_of(ax).get_fontsize() == 7.0
        name = one(viz.raster(small_run()), "name hidden")
        drawn(name.axes.figure)
        assert name.get_fontsize() == 6.0
        assert viz.spike_histogram(small_run())[0].figure.get_size_inches()[0] == 3.4


def test_many_layers_make_a_new_figure_higher() -> None:
    run = run_of([], {f"layer{k}": 100 for k in range(30)})
    assert figure_of(viz.raster(run)).get_size_inches()[1] > 12.0
