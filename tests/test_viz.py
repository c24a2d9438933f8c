"""Figures, judged by the artists they are made of: no pixel is looked at, and no time is measured."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from figures_by_hand import differing_report, membrane_run, one, png_size, random_run, small_run
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import eventsim
from eventsim import viz
from eventsim.errors import InputError
from eventsim.viz import palette

ROOT = Path(__file__).resolve().parents[1]


def all_figures() -> dict[str, Any]:
    report = differing_report()
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
def test_a_figure_opens_no_window_and_leaves_rcparams_alone(name: str, monkeypatch: Any) -> None:
    def shown(*_: Any, **__: Any) -> None:
        raise AssertionError("show() was called")

    monkeypatch.setattr(plt, "show", shown)
    monkeypatch.setattr(Figure, "show", shown)
    draw, before = all_figures()[name], dict(mpl.rcParams)
    draw()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", FIGURES)
def test_where_pyplot_was_imported_it_knows_the_figure(name: str) -> None:
    drawn = np.atleast_1d(np.asarray(all_figures()[name](), dtype=object))
    assert [plt.figure(number) for number in plt.get_fignums()] == [drawn.flat[0].figure]


def test_figures_in_given_axes_are_no_figures_of_pyplot() -> None:
    viz.raster(small_run(), ax=Figure().subplots())
    assert not plt.get_fignums()


# A script of its own, since pyplot stays imported in the process of these tests.
SCRIPT = """
import sys
{first}
import numpy as np
import eventsim, eventsim.models
from eventsim import viz
net = eventsim.Network()
net.source(2, "input")
net.population("lif_delta", 2, "cell", tau_mem=1.0)
net.connect("input", "cell", eventsim.OneToOne([2.0, 2.0]))
run = eventsim.simulate(net, eventsim.SpikeTimes([[[1.0], [2.0]]]), engine="reference")
viz.raster(run)
viz.spike_histogram(run)
{then}
"""


@pytest.mark.parametrize(
    ("first", "then", "printed"),
    [
        ("", "print('matplotlib.pyplot' in sys.modules)", "False"),
        ("from matplotlib import pyplot as plt", "print(plt.get_fignums()); plt.show()", "[1, 2]"),
        ("", "from matplotlib import pyplot as plt; print(plt.get_fignums())", "[]"),
    ],
)
def test_a_script_has_figures_in_pyplot_where_it_imports_it_first(first: str, then: str, printed: str) -> None:
    script = SCRIPT.format(first=first, then=then)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert (run.stdout.strip(), run.stderr) == (printed, "")


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
    assert viz.raster(small_run(time_unit=2e-3)).get_xlabel() == "time (units of 2 ms)"
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


# -- pictures of the docs ---------------------------------------------------------------------------------------------


def test_each_picture_is_small_and_has_the_script_that_makes_it() -> None:
    scripts = {script.stem for room in ("examples", "benchmarks") for script in (ROOT / room).glob("*.py")}
    for picture in (ROOT / "docs" / "images").glob("*.png"):
        assert picture.stem in scripts
        assert picture.stat().st_size < 150_000
