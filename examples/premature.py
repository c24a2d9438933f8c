"""How a neuron comes to fire prematurely: its potential, its inputs, and the way on that the closed form assumes."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import eventsim
from eventsim import models, viz
from eventsim.viz.palette import FALLING, INK, RISING, SILENT

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "premature.png"
# Inputs of value 0.9, 0.3 and 0, which arrive at 0.1, 0.7 and never; the ReLU gives 0.6, the window is 0.9 long.
X = [[0.9, 0.3, 0.0]]
ARRIVALS = (0.1, 0.7)
WEIGHTS = [[[10.0, -28.0, 18.9]], [[1.0]]]
T_MIN, DUE = 1.0, 1.3  # when the window begins, and when the closed form has the neuron fire
TITLES = {"b1": "B1: the slope is what has arrived, and 1 from $t_{min}$ on", "alpha1": "alpha1: one slope throughout"}


def main() -> None:
    """Convert, simulate with a recorded membrane, draw it and the way on that the closed form assumes."""
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    for ax, slope in zip(figure.subplots(1, 2), TITLES, strict=True):
        net = models.to_ttfs(models.read_relu({"weights": WEIGHTS}), X, slope, windows=[0.9])
        run = eventsim.simulate(net, X, record={"dense1": [0]}, engine="reference")
        viz.membrane(run, "dense1", 0, ax=ax, title=TITLES[slope])
        weights = net.projections[0].kind.arrays()["weights"][0]
        start, after = (1.0, 1.0 + weights.sum()) if slope == "alpha1" else (0.0, 1.0)
        spike = float(run.spike_times("dense1")[0, 0])
        draw_assumed(ax, spike, run.threshold("dense1", 0), weights, (start, after))
        draw_inputs(ax, weights)
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def draw_assumed(ax: Axes, spike: float, threshold: float, weights: Any, slopes: tuple[float, float]) -> None:
    """The potential as it would go on if the neuron waited, to where the closed form has the spike."""
    start, after = slopes
    times = np.array([spike, ARRIVALS[1], T_MIN])
    values = np.maximum(times[:, None] - ARRIVALS, 0.0) @ weights[:2] + start * times
    ax.plot(
        [*times, DUE], [*values, values[-1] + after * (DUE - T_MIN)], color=SILENT, linestyle=(0, (2, 2)),
        linewidth=1.3, zorder=1,
    )  # fmt: skip
    ax.plot(DUE, threshold, marker="*", markersize=11, markerfacecolor="white", color=SILENT, zorder=4)
    top = values.max()
    ax.set_ylim(-0.28 * top, 1.08 * top)
    words = (
        ((spike, threshold), (-0.06, 0.42), "the spike:\npremature", RISING),
        ((DUE, threshold), (DUE - 0.2, 0.42), "where the closed form\nhas the spike", INK),
        ((0.47, np.interp(0.47, times, values)), (-0.02, 0.83), "what the\nclosed form\ntakes it for", INK),
    )
    for at, (left, height), text, colour in words:
        ax.annotate(
            text, at, xytext=(left + 0.08, height * top), fontsize="small", color=colour, va="center",
            arrowprops={"arrowstyle": "-", "color": SILENT, "linewidth": 0.7, "shrinkB": 5, "shrinkA": 1},
        )  # fmt: skip
    ax.annotate(
        "threshold", (1.88, threshold), xytext=(0, 3), textcoords="offset points", ha="right", va="bottom",
        fontsize="small", color=INK,
    )  # fmt: skip


def draw_inputs(ax: Axes, weights: Any) -> None:
    """An arrow for each input that arrives, up or down as it moves the potential."""
    low = ax.get_ylim()[0]
    for number, (time, weight) in enumerate(zip(ARRIVALS, weights, strict=False)):
        colour = RISING if weight > 0 else FALLING
        ends = (0.85 * low, 0.2 * low) if weight > 0 else (0.2 * low, 0.85 * low)
        ax.annotate(
            "", (time, ends[1]), xytext=(time, ends[0]),
            arrowprops={"arrowstyle": "simple", "color": colour, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 12},
        )  # fmt: skip
        ax.annotate(
            f"input {number}\n$w = {weight:+.3g}$", (time, 0.55 * low), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize="small", color=colour,
        )  # fmt: skip


if __name__ == "__main__":
    main()
