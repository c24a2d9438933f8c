"""A converted network on a chip: weights of 4 bits, a clock, one bus for all spikes; what is left of its answers."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import eventsim
from eventsim import Conv, Dense, faults, models, transport, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "bus_and_clock.png"
CLOCK, SERVICE = 0.1, 0.005  # in units of the input window
LARGEST = 7  # of 4 bits with a sign


def main() -> None:
    """Convert, round the weights of each projection, simulate without and with clock and bus, draw."""
    images, labels = digits.test_images()
    ideal = chip = models.to_ttfs(digits.network(), digits.calibration_images()[0], windows="certified")
    for projection in ideal.projections:
        if isinstance(projection.kind, Conv | Dense):
            step = np.abs(projection.kind.weights).max() / LARGEST
            weights = np.rint(projection.kind.weights / step) * step
            chip = chip.replace(f"{projection.pre.name} -> {projection.post.name}", weights=weights)
    runs = {"as it was trained": eventsim.simulate(ideal, images), "weights of 4 bits": eventsim.simulate(chip, images)}
    stages = {"faults": faults.Clock(CLOCK), "transport": transport.AerBus(SERVICE)}
    runs["weights of 4 bits, a clock and a bus"] = eventsim.simulate(chip, images, **stages)
    figure = Figure(figsize=(9.0, 8.0), layout="constrained")
    for (name, run), ax in zip(runs.items(), figure.subplots(3, 1, sharex=True), strict=True):
        right = np.mean(run.predictions == labels)
        viz.raster(run, 3, ax, title=f"{name}: {right:.1%} of {run.n_samples} images right").set_xlabel("")
    ax.set_xlabel("time (input windows)")
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
