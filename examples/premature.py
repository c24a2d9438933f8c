"""How a neuron comes to fire prematurely: its potential, for both slopes, and what the closed form takes it to be."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import eventsim
from eventsim import models, viz

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "premature.png"
# Inputs of value 0.9, 0.3 and 0, which arrive at 0.1, 0.7 and never; the ReLU gives 0.6, the window is 0.9 long.
X = [[0.9, 0.3, 0.0]]
WEIGHTS = [[[10.0, -28.0, 18.9]], [[1.0]]]
TITLES = {"b1": "B1: the slope is what has arrived, and 1 from $t_{min}$ on", "alpha1": "alpha1: one slope throughout"}


def main() -> None:
    """Convert, simulate with a recorded membrane, draw it and the way on that the closed form assumes."""
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    for ax, slope in zip(figure.subplots(1, 2), TITLES, strict=True):
        net = models.to_ttfs(models.read_relu({"weights": WEIGHTS}), X, slope, windows=[0.9])
        run = eventsim.simulate(net, X, record={"dense1": [0]}, engine="reference")
        viz.membrane(run, "dense1", 0, ax=ax)
        weights = net.projections[0].kind.arrays()["weights"][0]
        start = 1.0 if slope == "alpha1" else 0.0
        after = start + weights.sum() if slope == "alpha1" else 1.0
        times = np.array([run.spike_times("dense1")[0, 0], 0.7, 1.0, 1.3])
        arrived = np.maximum(times[:3, None] - [0.1, 0.7], 0.0) @ weights[:2] + start * times[:3]
        assumed = [*arrived, arrived[2] + after * 0.3]
        ax.plot(times, assumed, color="#8C8C8C", linestyle=(0, (2, 2)), linewidth=1.3, zorder=1)
        ax.annotate("what the closed form takes it for", (times[1], arrived[1]), xytext=(6, 2), fontsize="small",
                    textcoords="offset points", color="#333333")  # fmt: skip
        ax.set_title(TITLES[slope], loc="left", fontsize="medium", pad=17.0)
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
