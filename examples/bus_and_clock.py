"""A converted network on a chip: weights of 4 bits, a clock, one bus for all spikes; what is left of its answers."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import eventsim
from eventsim import fabric, faults, models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "bus_and_clock.png"
CLOCK, SERVICE = 0.1, 0.005  # in units of the input window
BITS = faults.WeightQuantization(4)


def main() -> None:
    """Convert, simulate with weights of few bits, then with clock and bus as well, draw."""
    images, labels = digits.test_images()
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0], windows="certified")
    runs = {
        "as it was trained": eventsim.simulate(net, images),
        "weights of 4 bits": eventsim.simulate(net, images, faults=BITS),
        "weights of 4 bits, a clock and a bus": eventsim.simulate(
            net, images, faults=[BITS, faults.Clock(CLOCK)], transport=fabric.AerBus(SERVICE)
        ),
    }
    figure = Figure(figsize=(9.0, 8.0), layout="constrained")
    for (name, run), ax in zip(runs.items(), figure.subplots(3, 1, sharex=True), strict=True):
        right = np.mean(run.predictions == labels)
        viz.raster(run, 3, ax, title=f"{name}: {right:.1%} of {run.n_samples} images right").set_xlabel("")
    ax.set_xlabel("time (input windows)")
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
