"""Rates and histograms: what they count, and what decides their scales."""

import io
from typing import Any

import numpy as np
import pytest
from figures_by_hand import SPIKES, one, png_size, run_of, small_run, with_gid
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import eventsim
from eventsim import viz
from eventsim.errors import InputError
from eventsim.run.run import Run


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
    assert ax.get_ylabel() == "rate (Hz)"


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


def driven_run() -> Run:
    """A source at 100 spikes a unit of time, and two populations at 1 and 3."""
    spikes = [(0, 0, 0, k / 100) for k in range(400)]
    spikes += [(0, 1, 0, k + 0.5) for k in range(4)] + [(0, 2, 0, (k + 0.5) / 3) for k in range(12)]
    spikes.sort(key=lambda spike: spike[3])
    return run_of(spikes, {"noise": 1, "slow": 1, "fast": 1}, sources=("noise",))


def key_of(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def test_a_source_does_not_decide_the_scale_and_the_key_says_that_it_leaves_it() -> None:
    ax = viz.rates(driven_run(), bins=4)
    assert 3.0 < ax.get_ylim()[1] < 4.0
    assert [label.partition(", ")[2] for label in key_of(ax)] == ["off scale", "", ""]
    assert viz.rates(driven_run(), bins=4, populations="noise").get_ylim()[1] > 90.0


@pytest.mark.parametrize("size", [(7.0, 2.4), (3.4, 2.4), (6.4, 4.8)])
@pytest.mark.parametrize("layout", [None, "constrained"])
def test_the_key_of_rates_is_above_the_curves(size: tuple[float, float], layout: Any) -> None:
    figure = Figure(figsize=size, layout=layout)
    _, ax = figure.subplots(1, 2)
    viz.rates(driven_run(), ax=ax)
    for resized in (1.0, 1.5):
        figure.set_size_inches(resized * size[0], resized * size[1])
        figure.draw_without_rendering()
        key, curves, title = ax.get_legend(), ax.get_window_extent(), ax._left_title
        assert key.get_window_extent().y0 >= curves.y1
        assert title.get_window_extent().y0 >= key.get_window_extent().y1 - 1.0
        assert title.get_window_extent().y1 <= figure.bbox.y1 + 1.0


@pytest.mark.parametrize("finish", ["tight_layout", "tight box", "drawn twice"])
def test_the_key_keeps_off_the_curves_whatever_lays_the_figure_out(finish: str) -> None:
    figure = Figure(figsize=(7.0, 2.4))
    _, ax = figure.subplots(1, 2)
    viz.rates(driven_run(), ax=ax)
    figure.draw_without_rendering()
    once = ax.get_window_extent().height
    if finish == "tight_layout":
        figure.tight_layout()
    if finish == "tight box":
        figure.savefig(io.BytesIO(), bbox_inches="tight")
    if finish == "drawn twice":
        viz.rates(driven_run(), ax=ax)
    figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1
    # Drawn twice, the key has twice the entries and smaller letters; `tight_layout` makes room for the time axis.
    assert ax.get_window_extent().height > 0.6 * once


def test_where_the_user_takes_the_key_away_the_curves_have_its_room() -> None:
    figure = Figure(figsize=(3.4, 2.4))
    ax = figure.subplots()
    whole = ax.get_position(original=True).height
    viz.rates(driven_run(), ax=ax)
    figure.draw_without_rendering()
    assert ax.get_position().height < whole
    key = ax.get_legend()
    assert key is not None
    key.remove()
    figure.draw_without_rendering()
    assert ax.get_position().height == pytest.approx(whole)


def test_a_stretch_of_rates_is_binned_and_averaged_by_itself() -> None:
    ax = viz.rates(driven_run(), bins=2, time=(1.0, 3.0), populations=["slow", "fast"])
    values, edges, _ = one(ax, "rate fast").get_data()
    assert (values.tolist(), edges.tolist(), ax.get_xlim()) == ([3.0, 3.0], [1.0, 2.0, 3.0], (1.0, 3.0))
    assert key_of(ax) == ["slow: 1", "fast: 3"]


@pytest.mark.parametrize("time", [(-1.0, 2.0), (1.0, 99.0)])
def test_rates_of_what_was_not_simulated_are_refused(time: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"sample 0 was recorded from 0 to 4; must lie within, since what was not"):
        viz.rates(driven_run(), time=time)


# -- histogram ---------------------------------------------------------------------------------------------------------


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
    assert ax.get_title(loc="left") == "pixels\n50.0% fire, at 16 times"
    assert ax.get_ylabel() == "spikes per bin"


def test_the_share_of_neurons_that_fire_counts_each_neuron_and_sample_once() -> None:
    spikes = [(0, 0, 0, 1.0), (0, 0, 0, 2.0), (0, 0, 1, 3.0), (1, 0, 0, 1.0)]
    (ax,) = viz.spike_histogram(run_of(spikes, {"cells": 4}))
    assert ax.get_title(loc="left") == "cells\n37.5% fire"


def test_a_silent_layer_has_a_panel() -> None:
    (ax,) = viz.spike_histogram(run_of([], {"cells": 4}))
    assert ax.get_title(loc="left") == "cells\n0.0% fire"
    assert png_size(ax) > 0


def test_panels_and_axes_must_be_as_many() -> None:
    with pytest.raises(InputError, match="spike_histogram: ax holds 3 axes; must be 2"):
        viz.spike_histogram(small_run(), ax=Figure().subplots(3))
    with pytest.raises(InputError, match="bins = 0; must be an integer in 1"):
        viz.spike_histogram(small_run(), bins=0)


def test_a_stretch_of_a_histogram_has_the_spikes_in_it() -> None:
    input_, hidden = viz.spike_histogram(small_run(), bins=4, time=(0.5, 1.5))
    for ax, times in ((input_, [0.5, 0.5]), (hidden, [0.75])):
        steps = one(ax, "histogram").get_data()
        assert steps.values.tolist() == np.histogram(times, [0.5, 0.75, 1.0, 1.25, 1.5])[0].tolist()
        assert ax.get_xlim() == (0.5, 1.5)
    assert [line.get_xdata()[0] for line in with_gid(hidden, "border")] == [1.0]


@pytest.mark.parametrize("name", ["$\\frac$", "a_$x$ b$", "$_$"])
def test_a_name_with_dollars_is_no_formula(name: str) -> None:
    run = run_of([(0, 0, 0, 0.5)], {name: 1})
    assert png_size(viz.rates(run)) > 0
    (ax,) = viz.spike_histogram(run)
    assert png_size(ax) > 0
    assert not ax._left_title.get_parse_math()
