"""Spike-time histograms of the converted network over 400 handwritten digits, with the window of each layer."""

from pathlib import Path

import eventsim
from eventsim import models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "histogram_digits.png"


def main() -> None:
    """Convert, simulate, draw."""
    calibration, _ = digits.calibration_images()
    images, _ = digits.test_images()
    net = models.to_ttfs(digits.network(), calibration)
    run = eventsim.simulate(net, images, record="first_spikes")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    viz.spike_histogram(run)[0].figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
