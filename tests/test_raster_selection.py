"""What a raster shows of a run: samples, neurons, a stretch of time; and what it is called."""

from typing import Any

import numpy as np
import pytest
from figures_by_hand import SPIKES, note_of, one, rows_of, run_of, small_run, with_gid

from eventsim import viz
from eventsim.errors import InputError


def rows_drawn(ax: Any, layer: str, n_rows: int) -> list[float]:
    """The rows of a layer's spikes, in the order of the spikes."""
    top, bottom = rows_of(ax, layer)
    return ((one(ax, f"spikes {layer}").get_ydata() - top) / (bottom - top) * n_rows - 0.5).round(9).tolist()


# -- samples -----------------------------------------------------------------------------------------------------------


def test_each_sample_is_a_block_of_rows_in_the_order_asked_for() -> None:
    ax = viz.raster(small_run(), samples=[1, 0])
    expected = [neuron for s, p, neuron, _ in SPIKES if (s, p) == (1, 1)]
    expected += [8 + neuron for s, p, neuron, _ in SPIKES if (s, p) == (0, 1)]
    assert rows_drawn(ax, "hidden", 16) == expected
    assert note_of(ax, "hidden") == "12 of 2 × 8 silent, 1 premature"
    assert ax.get_title(loc="left") == "samples 1, 0: 8 spikes"
    top, bottom = rows_of(ax, "hidden")
    middles = [top + share * (bottom - top) for share in (0.25, 0.75)]
    ticks = dict(zip(ax.get_yticks(), ax.get_yticklabels(), strict=True))
    assert [label.get_text() for height, label in ticks.items() if top < height < bottom] == ["1", "0"]
    assert [height for height in ticks if top < height < bottom] == pytest.approx(middles)
    assert ax.get_ylabel() == "sample"
    assert ax.format_coord(1.5, top + 13.5 / 16 * (bottom - top)) == "hidden, neuron 5, sample 0, t = 1.5"


def test_trials_of_one_neuron_are_rows() -> None:
    spikes = [(k, 0, 2, 1.0 + k) for k in range(20) if k != 7]
    ax = viz.raster(run_of(spikes, {"cells": 3}), samples=slice(None), neurons=2)
    assert rows_drawn(ax, "cells", 20) == [k for k in range(20) if k != 7]
    assert note_of(ax, "cells") == "neuron 2, silent in 1 of 20"
    assert ax.get_title(loc="left") == "samples 0–19: 19 spikes"


def test_each_sample_has_its_own_star_at_a_read_out() -> None:
    ax = viz.raster(small_run(), samples=range(2))
    assert note_of(ax, "output") == "read-out: neurons 1, 0"
    assert len(with_gid(ax, "largest output")) == 2


# -- neurons -----------------------------------------------------------------------------------------------------------


def test_chosen_neurons_have_the_rows_in_the_order_asked_for() -> None:
    ax = viz.raster(small_run(), neurons={"hidden": [7, 5, 2]})
    assert rows_drawn(ax, "hidden", 3) == [1.0, 0.0]  # 5 at 0.75, 7 at 2.25; 0 is not shown
    assert note_of(ax, "hidden") == "3 of 8 neurons, 1 of 3 silent, 1 premature"
    assert note_of(ax, "input") == "2 of 4 silent"
    assert ax.get_title(loc="left") == "sample 0: 4 spikes"
    top, bottom = rows_of(ax, "hidden")
    assert ax.format_coord(0.0, top + 0.5 / 3 * (bottom - top)) == "hidden, neuron 7, t = 0"


@pytest.mark.parametrize("neurons", [slice(4, None), range(4, 8), np.arange(4, 8), {"hidden": slice(4, 8)}])
def test_neurons_are_indices_or_a_slice(neurons: Any) -> None:
    ax = viz.raster(small_run(), populations="hidden", neurons=neurons)
    assert rows_drawn(ax, "hidden", 4) == [1.0, 3.0]
    assert note_of(ax, "hidden") == "neurons 4–7, 2 of 4 silent, 1 premature"


# -- time, silent, title -----------------------------------------------------------------------------------------------


def test_a_stretch_of_time_has_its_begin_and_not_its_end() -> None:
    ax = viz.raster(small_run(), time=(0.75, 2.25))
    assert ax.get_xlim() == (0.75, 2.25)
    assert one(ax, "spikes hidden").get_xdata().tolist() == [0.75, 1.5]
    assert note_of(ax, "hidden") == "6 of 8 silent, 1 premature"  # 7 fires at 2.25
    assert ax.get_title(loc="left") == "sample 0: 2 spikes"
    shade = one(ax, "window hidden")
    assert (shade.get_x(), shade.get_width()) == (1.0, 1.25)


def test_the_strip_of_the_silent_can_be_left_out() -> None:
    ax = viz.raster(small_run(), silent=False)
    assert not [artist for artist in ax.collections if str(artist.get_gid()).startswith("silent")]
    assert note_of(ax, "hidden") == "1 premature"
    assert note_of(ax, "input") == ""


def test_a_title_is_the_users_or_none() -> None:
    assert viz.raster(small_run(), title="A digit").get_title(loc="left") == "A digit"
    for ax in (
        viz.raster(small_run(), title=""),
        viz.rates(small_run(), title=""),
        *viz.spike_histogram(small_run(), title=""),
    ):
        assert ax.get_title(loc="left") == ""
    titles = [ax.get_title(loc="left") for ax in viz.spike_histogram(small_run(), title=["A", None])]
    assert titles[0] == "A"
    assert titles[1].startswith("hidden\n")


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": [0, 2]}, r"raster: samples\[1\] = 2; must be in 0\.\.1\. This run has samples 0\.\.1; give"),
        ({"samples": []}, r"raster: samples = \[\]; must be one at least"),
        ({"samples": [1, 1]}, r"raster: samples holds 1 twice; must be different ones\. Leave one out"),
        ({"samples": "every"}, "raster: samples = 'every'; must be integers, a slice"),
        ({"samples": [0.5]}, r"raster: samples has type float64; must be integers"),
        ({"samples": slice(0.5)}, r"raster: samples = slice\(None, 0\.5, None\); must be a slice of integers"),
        ({"sample": 1, "samples": [0]}, r"raster: sample = 1 and samples = \[0\]; must be one of the two\. Leave"),
        ({"neurons": [0]}, r"neurons = \[0\], but 3 populations are drawn; must be a dict.*populations="),
        ({"neurons": {"hiden": [0]}}, r"neurons names 'hiden', did you mean 'hidden'.*must be among input"),
        ({"neurons": {"hidden": [8]}}, r"neurons\['hidden'\]\[0\] = 8; must be in 0\.\.7\. Give indices or a slice"),
        ({"neurons": {"hidden": slice(9, 12)}}, r"neurons\['hidden'\] = .*; must be one at least"),
        ({"neurons": {1: [0]}}, r"neurons names 1; must be among"),
        ({"time": (2.0, 2.0)}, r"raster: time = \(2\.0, 2\.0\); must be two finite numbers \(begin, end\)"),
        ({"time": (0.0, np.inf)}, r"time = .*; must be two finite numbers.*Leave it out to show all"),
        ({"time": 3.0}, r"time = 3\.0; must be two finite numbers"),
        ({"time": "ab"}, r"time = 'ab'; must be two finite numbers"),
        ({"silent": 1}, r"raster: silent = 1; must be True or False"),
        ({"title": 5}, r"raster: title = 5; must be a string"),
        ({"title": ["a", "b"]}, r"title = \['a', 'b'\], but there are 1 panels; must be a list with a title for each"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        viz.raster(small_run(), **arguments)
