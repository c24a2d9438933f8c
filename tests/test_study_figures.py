"""Figures of studies: every point is drawn where it belongs, bands are the intervals, what is no figure is refused."""

# mypy: disable-error-code="arg-type, index, union-attr"

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from small_studies import data, network, study

import eventsim
from eventsim import InputError, faults, viz
from eventsim.study import Results, wilson
from eventsim.viz.palette import SILENT

TWO = {"jitter.sigma": [0.0, 0.5], "clock.period": [0.0, 0.1, 0.4]}
BOTH = [{"fault": "jitter"}, {"fault": "clock"}]


@pytest.fixture(scope="module")
def one() -> Results:
    return study({"jitter.sigma": [0.5, 0.0, 0.001]}, seeds=2).run(jobs=1)


@pytest.fixture(scope="module")
def two() -> Results:
    return study(TWO, faults=BOTH, seeds=2).run(jobs=1)


def with_gid(ax: Any, gid: str) -> Any:
    (found,) = (artist for artist in ax.findobj() if artist.get_gid() == gid)
    return found


def mean(results: Results, settings: dict[str, Any]) -> float:
    (entries,) = [found for one, found in results.by_settings() if one == settings]
    return float(np.mean([entry.result["accuracy"] for entry in entries]))


def test_a_curve_has_the_mean_of_each_value_in_order_and_the_ideal_run(one):
    ax = viz.study_curve(one)
    x, y = with_gid(ax, "line 0").get_data()
    assert x.tolist() == [0.0, 0.001, 0.5]
    assert y.tolist() == [mean(one, {"jitter.sigma": value}) for value in (0.0, 0.001, 0.5)]
    assert with_gid(ax, "ideal").get_ydata()[0] == 11 / 12
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("jitter.sigma", "accuracy", "symlog")
    assert ax.get_title(loc="left") == "accuracy, 2 seeds; band: 95 % interval (Wilson)"


def test_bands_are_intervals_or_span_the_seeds(one):
    low, high = wilson(11, 12)
    band = with_gid(viz.study_curve(one), "band 0").get_paths()[0].vertices
    at_zero = band[band[:, 0] == 0.0][:, 1]
    assert (at_zero.min(), at_zero.max()) == (low, high)
    band = with_gid(viz.study_curve(one, spread="seeds"), "band 0").get_paths()[0].vertices
    values = [entry.result["accuracy"] for entry in one.entries if entry.point.settings["jitter.sigma"] == 0.5]
    last = band[band[:, 0] == 0.5][:, 1]
    assert (last.min(), last.max()) == (min(values), max(values))
    assert not [artist for artist in viz.study_curve(one, spread="none").findobj() if artist.get_gid() == "band 0"]


def test_each_setting_of_the_other_knob_is_a_line_unless_it_counts_as_a_seed(two):
    ax = viz.study_curve(two, "jitter.sigma")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        f"clock.period = {p}" for p in ("0", "0.1", "0.4")
    ]
    assert with_gid(ax, "line 2").get_ydata()[1] == mean(two, {"jitter.sigma": 0.5, "clock.period": 0.4})
    ax = viz.study_curve(two, "jitter.sigma", over="clock.period")
    expected = [mean(two, {"jitter.sigma": 0.5, "clock.period": period}) for period in (0.0, 0.1, 0.4)]
    assert with_gid(ax, "line 0").get_ydata()[1] == pytest.approx(np.mean(expected))


def test_knobs_of_words_stand_side_by_side():
    results = study({"jitter.past": ["carry", "drop", "clip"]}, faults=[{"fault": "jitter", "sigma": 0.5}]).run(jobs=1)
    ax = viz.study_curve(results)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["carry", "drop", "clip"]


def test_a_map_has_a_cell_for_each_pair_with_its_number(two):
    ax = viz.study_map(two)
    cells = with_gid(ax, "cells").get_array()
    for row, sigma in enumerate(TWO["jitter.sigma"]):
        for column, period in enumerate(TWO["clock.period"]):
            assert cells[row, column] == mean(two, {"jitter.sigma": sigma, "clock.period": period})
    assert len(ax.texts) == 6
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("clock.period", "jitter.sigma")
    turned = viz.study_map(two, x="jitter.sigma", y="clock.period")
    assert np.array_equal(with_gid(turned, "cells").get_array(), cells.T)


def test_flips_stand_in_the_colour_of_the_layer_that_moved_first():
    names = [p.name for p in network().populations if p.model.spiking]
    results = study({"jitter.populations": [[name] for name in names]}, faults=[{"fault": "jitter", "sigma": 2.0}]).run(
        jobs=1
    )
    ax = viz.flips_by_layer(results)
    for k, (name, (_, entries)) in enumerate(zip(names, results.by_settings(), strict=True)):
        share = sum(entry.result["changed"] for entry in entries) / (2 * 12)
        heights = [bars[k].get_height() for bars in ax.containers if bars.get_label() == name]
        assert sum(heights) == pytest.approx(share)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == names


def test_spikes_that_moved_are_drawn_over_the_ideal_ones():
    x, _ = data()
    ideal = eventsim.simulate(network(), x, engine="reference")
    run = eventsim.simulate(network(), x, engine="reference", faults=faults.Jitter(0.5))
    ax = viz.moved_spikes(ideal, run, sample=3)
    name = network().populations[0].name
    grey = with_gid(ax, f"ideal {name}")
    fired = ideal.spike_times(name)[3]
    assert sorted(grey.get_xdata()) == sorted(fired[np.isfinite(fired)])
    assert to_hex(grey.get_color()).upper() == SILENT
    moved = run.spike_times(name)[3]
    assert sorted(with_gid(ax, f"spikes {name}").get_xdata()) == sorted(moved[np.isfinite(moved)])
    same = viz.moved_spikes(ideal, ideal, sample=3)
    assert same.get_title(loc="left") == "sample 3: 0 neurons differ from the ideal run (grey)"


def test_what_cannot_be_drawn_is_refused(one, two):
    with pytest.raises(InputError, match=r"did you mean 'jitter\.sigma'"):
        viz.study_curve(two, "jitter.sgima")
    with pytest.raises(InputError, match="did you mean 'accuracy'"):
        viz.study_curve(one, of="acuracy")
    with pytest.raises(InputError, match="results is a list"):
        viz.study_curve([])
    with pytest.raises(InputError, match="the study has one knob; must have two"):
        viz.study_map(one)
    with pytest.raises(InputError, match="times=True"):
        viz.flips_by_layer(study({"jitter.sigma": [0.1]}, times=False).run(jobs=1))
    ideal = eventsim.simulate(network(), data()[0], engine="reference")
    with pytest.raises(InputError, match="run is a str"):
        viz.moved_spikes(ideal, "run")
    other = eventsim.Network()
    other.source(2, "input")
    other.population("lif_delta", 2, "cells", tau_mem=10.0, v_threshold=1.0)
    other.connect("input", "cells", eventsim.Dense(np.eye(2)))
    with pytest.raises(InputError, match="must have the same populations"):
        viz.moved_spikes(
            ideal, eventsim.simulate(other, eventsim.SpikeTimes(np.zeros((1, 2))), engine="reference", until=5.0)
        )
