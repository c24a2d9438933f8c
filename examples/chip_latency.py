"""The digits' network on a mesh, in windows so short that spikes queue: what comes too late, and where it waits."""

from pathlib import Path

from matplotlib.figure import Figure

import eventsim
from eventsim import hardware, models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "chip_latency.png"


def main() -> None:
    """Place, simulate, and draw layers against their windows, the load of links and cores, and how packets wait."""
    images, _ = digits.test_images()
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0], windows="certified", time_unit=3e-6)
    chip = hardware.chip("mesh").replace({"limits.neurons_per_core": 144})
    run = eventsim.simulate(net, images[:20], transport=chip.place(net, "greedy"))

    figure = Figure(figsize=(11.5, 8.0), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2.0, 1.0))
    left, right = above.subplots(1, 2)
    viz.timeline(run, ax=left)
    viz.station_load(run, right, which="waiting")
    viz.waiting_histogram(run, below.subplots(1, 5, sharey=True))
    figure.savefig(PICTURE, dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    main()
