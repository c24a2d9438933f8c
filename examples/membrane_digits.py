"""Membrane potentials of a hidden layer, whose neurons race to their thresholds, and of the read-out."""

from pathlib import Path

from matplotlib.figure import Figure

import eventsim
from eventsim import models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "membrane_digits.png"
SAMPLE = 3
HIDDEN = [433, 385, 225, 17]


def main() -> None:
    """Convert, simulate with recorded membranes, draw two layers."""
    calibration, _ = digits.calibration_images()
    images, _ = digits.test_images()
    net = models.to_ttfs(digits.network(), calibration)
    run = eventsim.simulate(net, images[SAMPLE : SAMPLE + 1], record={"conv2": HIDDEN, "output": range(10)})
    figure = Figure(figsize=(8.0, 6.6), layout="constrained")
    above, below = figure.subplots(2)
    viz.membrane(run, "conv2", HIDDEN, ax=above)
    viz.membrane(run, "output", range(4, 9), ax=below)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
