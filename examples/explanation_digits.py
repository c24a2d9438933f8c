"""Why a hidden neuron fired when it did: its potential, the inputs that moved it, and what they add up to."""

from pathlib import Path

import eventsim
from eventsim import models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "explanation_digits.png"
SAMPLE, NEURON = 3, 19


def main() -> None:
    """Convert, simulate one image, explain one neuron."""
    calibration, _ = digits.calibration_images()
    images, _ = digits.test_images()
    net = models.to_ttfs(digits.dense_network(), calibration)
    run = eventsim.simulate(net, images[SAMPLE : SAMPLE + 1])
    axes = viz.explanation(eventsim.explain(net, run, "dense2", NEURON))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    axes[0].figure.savefig(PICTURE, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
