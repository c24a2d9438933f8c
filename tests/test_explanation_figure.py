"""The figure of an explanation, judged by the artists it is made of."""

import io
import math
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eventsim import Dense, Explanation, Network, SpikeTimes, explain, simulate, viz
from eventsim.errors import InputError
from eventsim.models import neurons as _registered  # noqa: F401 — the models of the networks below
from eventsim.viz.explanation import levels_of


def explained(population: str = "cell", neuron: int = 0, x: Any = (1.0, 0.5, 0.25), **options: Any) -> Explanation:
    """Three inputs, one cell of threshold 1.875 with the window (0, 1, 3), one read-out."""
    net = Network()
    net.source(3, "input")
    net.population("ttfs_b1", 1, "cell", (0.0, 1.0, 3.0), threshold=1.875)
    net.population("integrator", 1, "output", (1.0, 3.0))
    net.connect("input", "cell", Dense([[0.5, 0.25, -0.5]]))
    net.connect("cell", "output", Dense([[2.0]]))
    return explain(net, simulate(net, [x], engine="reference"), population, neuron, **options)


def premature() -> Explanation:
    net = Network()
    net.source(3, "input")
    net.population("ttfs_b1", 1, "cell", (0.0, 1.0, 1.9), threshold=0.9)
    net.connect("input", "cell", Dense([[10.0, -28.0, 1.0]]))
    return explain(net, simulate(net, [[0.9, 0.3, 0.1]], engine="reference"), "cell", 0)


def leaky(spike: int) -> Explanation:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=2.0)
    net.connect("input", "cell", Dense([[0.8]]))
    run = simulate(net, SpikeTimes([[[0.0, 0.5, 2.0, 2.5]]]), engine="reference", until=4.0)
    return explain(net, run, "cell", 0, spike=spike)


def with_gid(ax: Axes, gid: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def one(ax: Axes, gid: str) -> Any:
    (artist,) = with_gid(ax, gid)
    return artist


def gids(ax: Axes, word: str) -> list[str]:
    return [str(a.get_gid()) for a in ax.get_children() if str(a.get_gid()).startswith(word)]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_a_figure_has_three_panels_and_opens_no_window(monkeypatch: Any) -> None:
    def shown(*_: Any, **__: Any) -> None:
        raise AssertionError("show() was called")

    monkeypatch.setattr(plt, "show", shown)
    before = dict(mpl.rcParams)
    axes = viz.explanation(explained())
    file = io.BytesIO()
    axes[0].figure.savefig(file)
    assert axes.shape == (3,)
    assert file.tell() > 0
    assert dict(mpl.rcParams) == before


def test_the_potential_rises_to_the_threshold_at_the_spike() -> None:
    above = viz.explanation(explained())[0]
    times, values = one(above, "membrane").get_data()
    assert (times[0], times[-1], values[-1]) == (0.0, 2.375, 1.875)
    assert np.interp([0.5, 1.0], times, values).tolist() == [0.25, 0.5]
    assert one(above, "threshold").get_ydata()[0] == 1.875
    assert one(above, "end").get_marker() == "*"
    assert len(with_gid(above, "border")) == 3
    assert above.get_title(loc="left") == "cell 0, sample 0: fired at 2.375"
    assert [one(above, f"arrival {k}").get_data()[1].item() for k in (1, 2, 3)] == [0.0, 0.25, 0.4375]


def test_each_important_input_is_an_arrow_that_points_where_it_moves_the_potential() -> None:
    middle = viz.explanation(explained())[1]
    arrows = [one(middle, f"input {k}") for k in (1, 2, 3)]
    assert [arrow.xy[0] for arrow in arrows] == [0.0, 0.5, 0.75]
    up = [arrow.xy[1] > arrow.xyann[1] for arrow in arrows]
    assert up == [True, True, False]
    widths = [arrow.arrow_patch.get_linewidth() for arrow in arrows]
    assert widths[0] == widths[2] > widths[1]
    assert [text for text in texts(middle) if text.isdigit()] == ["1", "2", "3"]


def test_inputs_that_have_no_arrow_are_ticks_and_one_bar() -> None:
    _, middle, below = viz.explanation(explained(), inputs=1)
    assert gids(middle, "input ") == ["input 1"]
    assert one(middle, "other inputs").get_xdata().tolist() == [0.5, 0.75]
    assert gids(below, "contribution ") == ["contribution 1"]
    assert one(below, "rest").get_width() == 0.0
    assert [label.get_text() for label in below.get_yticklabels()] == [
        "without inputs", "1   input 0", "2 more inputs", "potential",
    ]  # fmt: skip


def test_the_bars_add_up_to_the_potential() -> None:
    below = viz.explanation(explained())[2]
    bars = [one(below, gid) for gid in ("base", "contribution 1", "contribution 2", "contribution 3")]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [
        (0.0, 1.375), (1.375, 0.5), (1.875, 0.125), (2.0, -0.125),
    ]  # fmt: skip
    assert one(below, "potential").get_data()[0].item() == 1.875
    assert "-0.125" in texts(below)


def test_silence_and_readouts_end_in_a_circle() -> None:
    above = viz.explanation(explained(x=(0.0, 0.0, 1.0)))[0]
    assert one(above, "end").get_marker() == "o"
    assert one(above, "end").get_xdata()[0] == 3.0
    above, _, below = viz.explanation(explained("output"))
    assert one(above, "end").get_marker() == "o"
    assert not with_gid(above, "threshold")
    assert not with_gid(below, "threshold sum")


def test_a_premature_spike_shows_what_it_did_not_wait_for() -> None:
    above, middle, _ = viz.explanation(premature())
    assert one(above, "premature").get_text() == "0.81 too early"
    assert one(middle, "missing input 1").xy[0] == 0.7
    assert {"input 1", "input 2"} <= set(texts(middle))
    assert not one(middle, "late inputs").get_xdata().tolist()


def test_earlier_spikes_are_shown_at_the_threshold() -> None:
    above = viz.explanation(leaky(1))[0]
    assert one(above, "earlier spikes").get_xdata().tolist() == [0.5]
    assert not len(one(viz.explanation(leaky(0))[0], "earlier spikes").get_xdata())


def test_arrows_that_would_touch_stand_on_different_levels() -> None:
    assert levels_of([0.0, 0.0, 0.0, 1.0, 0.95], 0.1) == [0, 1, 2, 0, 1]
    _, middle, _ = viz.explanation(explained(x=(1.0, 1.0, 1.0)))
    heights = sorted(min(one(middle, f"input {k}").xy[1], one(middle, f"input {k}").xyann[1]) for k in (1, 2, 3))
    assert [math.floor(height) for height in heights] == [0, 1, 2]


def test_it_draws_into_the_axes_it_is_given() -> None:
    figure = Figure()
    panels = figure.subplots(3)
    assert list(viz.explanation(explained(), ax=panels)) == list(panels)
    assert len(figure.axes) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"explained": "hidden"}, r"explanation: explained is a str; must be an Explanation\. Give what eventsim.exp"),
        ({"explained": explained("input")}, r"explanation: 'input' is a source, which has no potential; must be a pop"),
        ({"explained": explained(), "inputs": 0}, r"explanation: inputs = 0; must be an integer >= 1"),
        (
            {"explained": explained(), "ax": Figure().subplots(2)},
            r"explanation: ax holds 2 axes; must be 3, one a panel",
        ),
        ({"explained": explained(), "ax": 3}, r"explanation: ax is a int; must be matplotlib Axes"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        viz.explanation(**arguments)
