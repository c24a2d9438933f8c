"""Verification: what happened against what was expected, cause by cause."""

import math

import numpy as np
import pytest
from figures_by_hand import differing_report, one, png_size, report_of, texts
from matplotlib.figure import Figure

from eventsim import models, viz
from eventsim.errors import InputError


def test_verification_has_two_panels_a_layer_and_points_by_cause() -> None:
    axes = viz.verification(differing_report())
    assert axes.shape == (2, 2)
    assert one(axes[0, 0], "ok").get_xydata().tolist() == [[1.5, 1.5], [2.0 + 2.0**-50, 2.0]]
    assert one(axes[0, 0], "premature").get_xydata().tolist() == [[1.75, 0.5]]
    assert one(axes[0, 0], "identity").get_xydata()[0].tolist() == [0.5, 0.5]
    assert axes[0, 0].get_title(loc="left") == "one\n1 silent in both"
    labels = [text.get_text() for text in axes[0, 0].figure.legends[0].get_texts()]
    assert labels == ["ok: 9", "premature: 1", "late: 1", "clamped: 1"]


def test_differences_are_in_units_of_the_bound() -> None:
    below = viz.verification(differing_report())[1]
    assert one(below[0], "ok").get_ydata().tolist() == [0.0, -0.5]  # equal times agree even with a bound of 0
    edge = one(below[0], "premature").get_ydata()[0]  # -1.25 * 2**49 bounds: off the scale
    assert edge == below[0].get_yticks()[-2]
    assert [label.get_text() for label in below[0].get_yticklabels()] == ["−1", "0", "1", "< −2", "> 2"]
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


def test_against_the_ideal_network_are_its_times_and_their_bounds() -> None:
    relu = models.read_relu({"weights": [[[1.0, -0.5], [0.5, 1.0]], [[1.0, -1.0]]], "biases": [[0.1, 0.0], [0.0]]})
    x = np.random.default_rng(0).random((6, 2))
    report = models.verify(models.to_ttfs(relu, x, windows=[0.9]), relu, x)
    assert not report.ok
    received = viz.verification(report, populations="dense1")
    ideal = viz.verification(report, populations="dense1", against="ideal")
    for axes, times in ((received, report.expected_times), (ideal, report.ideal_times)):
        drawn = np.concatenate([line.get_xdata() for line in axes[0, 0].lines if line.get_gid() in report.CAUSES])
        finite = {float(t) for t in drawn if t in times["dense1"]}
        assert finite == {float(t) for t in times["dense1"].ravel() if t < math.inf}
    assert [axes[1, 0].get_xlabel() for axes in (received, ideal)] == ["expected time", "ideal time"]
    # A premature neuron does what its inputs ask for, at another time than the ideal one: only this shows how far.
    gap = report.ideal_differences["dense1"]
    both = np.minimum(report.event_times["dense1"], 1.9) - np.minimum(report.ideal_times["dense1"], 1.9)
    assert gap == pytest.approx(both, abs=1e-12)


def test_a_report_without_ideal_times_is_not_held_against_them() -> None:
    with pytest.raises(InputError, match="a ReportOfHand, which has no ideal_times; must be a verification report"):
        viz.verification(differing_report(), against="ideal")
    with pytest.raises(InputError, match=r"against = 'ideals', did you mean 'ideal'.*must be one of received, ideal"):
        viz.verification(differing_report(), against="ideals")


def test_the_legend_is_below_the_panels_of_a_new_figure_and_inside_given_ones() -> None:
    axes = viz.verification(differing_report())
    figure = axes[0, 0].figure
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.y1 <= min(ax.get_tightbbox().y0 for ax in axes[1])
    assert figure.bbox.x0 <= box.x0
    assert box.x1 <= figure.bbox.x1
    given = viz.verification(differing_report(), ax=Figure(figsize=(7, 4)).subplots(2, 2))
    given[0, 1].figure.draw_without_rendering()
    inside, panel = given[0, 1].get_legend().get_window_extent(), given[0, 1].get_window_extent()
    assert panel.x0 <= inside.x0 < inside.x1 <= panel.x1
    assert panel.y0 <= inside.y0 < inside.y1 <= panel.y1
