"""Membranes, held against closed forms."""

import numpy as np
import pytest
from figures_by_hand import membrane_run, one, with_gid

import eventsim
from eventsim import viz
from eventsim.errors import InputError
from eventsim.viz.membrane import dashes


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


@pytest.mark.parametrize("neurons", ["all", slice(None), range(2)])
def test_neurons_are_named_as_they_are_recorded(neurons: object) -> None:
    ax = viz.membrane(membrane_run(), "cell", neurons)  # type: ignore[arg-type]
    assert one(ax, "membrane 0")
    assert one(ax, "membrane 1")
    with pytest.raises(InputError, match="membrane: neurons holds 1 twice"):
        viz.membrane(membrane_run(), "cell", [1, 1])


def test_the_star_is_at_the_crossing_and_silence_has_none() -> None:
    ax = viz.membrane(membrane_run(), "cell", [0, 1])
    star = one(ax, "spike 0")
    assert star.get_xydata().tolist() == [[2.375, 1.875]]
    assert (2.375, 1.875) in set(map(tuple, one(ax, "membrane 0").get_xydata().tolist()))
    assert one(ax, "spike 1").get_xydata().size == 0
    labels = [text.get_text() for text in ax.get_legend().get_texts()]  # type: ignore[union-attr]
    assert labels == ["neuron 0: 2.375", "neuron 1: silent", "threshold", "spike", "silent at $t_\\mathrm{max}$"]


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


def test_a_stretch_of_a_membrane_is_the_closed_form_in_it() -> None:
    ax = viz.membrane(membrane_run(), "cell", [0, 1], time=(1.25, 2.0))
    t, v = one(ax, "membrane 0").get_data()
    assert (t[0], t[-1], ax.get_xlim()) == (1.25, 2.0, (1.25, 2.0))
    assert v == pytest.approx(0.5 + (t - 1.0), abs=1e-14)
    assert t.size >= 600  # as fine as the whole would be
    # What lies outside is not spoken of: the spike at 2.375, silence at t_max = 3, borders of the window.
    labels = [text.get_text() for text in ax.get_legend().get_texts()]  # type: ignore[union-attr]
    assert labels == ["neuron 0", "neuron 1", "threshold"]
    assert not with_gid(ax, "border")
    assert one(ax, "threshold 0").get_xdata().tolist() == [1.25, 2.0]


def test_a_stretch_ends_before_its_end() -> None:
    for time, n in (((2.0, 2.375), 0), ((2.0, 2.5), 1), ((2.375, 2.5), 1)):
        assert one(viz.membrane(membrane_run(), "cell", 0, time=time), "spike 0").get_xdata().size == n


def test_a_stretch_without_a_recording_is_refused() -> None:
    expected = (
        r"membrane: time = \(3\.5, 4\.0\), but neuron 0 of 'cell' was recorded from 0 to 3 in sample 0; must have"
    )
    with pytest.raises(InputError, match=expected):
        viz.membrane(membrane_run(), "cell", 0, time=(3.5, 4.0))
