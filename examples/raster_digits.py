"""Raster of one handwritten digit travelling through the converted network, layer after layer."""

from pathlib import Path

import eventsim
from eventsim import models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "raster_digits.png"
SAMPLE = 3


def main() -> None:
    """Convert, simulate, draw."""
    calibration, _ = digits.calibration_images()
    images, labels = digits.test_images()
    net = models.to_ttfs(digits.network(), calibration)
    run = eventsim.simulate(net, images[SAMPLE : SAMPLE + 1])
    ax = viz.raster(run, title=f"a handwritten {labels[SAMPLE]}, read in {run.n_spikes()} spikes")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    ax.figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
