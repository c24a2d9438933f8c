"""The digits' network on a mesh, in windows so short that spikes queue: the journeys of two layers' spikes, and one."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import eventsim
from eventsim import hardware, models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "chip_journeys.png"


def main() -> None:
    """Place, simulate, and draw when spikes are delivered, and the way of the one that was longest under way."""
    images, _ = digits.test_images()
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0], windows="certified", time_unit=3e-6)
    chip = hardware.chip("mesh").replace({"limits.neurons_per_core": 144})
    run = eventsim.simulate(net, images[:1], transport=chip.place(net, "greedy"))
    came = run.records.hops[run.records.hops["core"] >= 0]
    last = came[np.argmax(came["left"] - came["emitted"])]

    figure = Figure(figsize=(11.5, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    viz.delivered_raster(run, ax=left, time=(5.5, 11.5), populations=["conv1", "pool1"])
    viz.packet_path(run, 0, run.populations[last["population"]], int(last["neuron"]), right)
    figure.savefig(PICTURE, dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    main()
