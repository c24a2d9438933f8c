"""The digits' network on the cores of a mesh: filled in order, and so that spikes have short ways."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import eventsim
from eventsim import models, viz
from eventsim.hardware.distances import manhattan, mesh
from eventsim.hardware.expected_spikes import expected_spikes
from eventsim.hardware.greedy import core_traffic, expected_hops
from eventsim.hardware.limits import CoreLimits
from eventsim.hardware.placing import place
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "floor_plan.png"
CORES = mesh(4, 4)


def main() -> None:
    """Simulate some images, place the network by their spikes, draw; below, the packets that each core sends."""
    images, _ = digits.test_images()
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0])
    run = eventsim.simulate(net, images[:100])
    spikes = expected_spikes(net, run)
    figure = Figure(figsize=(9.0, 9.6), layout="constrained")
    for strategy, (above, below) in zip(("linear", "greedy"), figure.subplots(2, 2).T, strict=True):
        placement = place(net, CORES, CoreLimits(neurons=144), strategy, traffic=run)
        cores = {node.name: placement.cores(node.name) for node in net.nodes}
        hops = expected_hops(net, cores, spikes, CORES, manhattan)
        sent = core_traffic(net, cores, spikes, len(CORES)).sum(axis=1)
        viz.floor_plan(placement, above, title=f"{strategy}: {hops:,.0f} hops an image")
        viz.floor_plan(placement, below, values=np.where(sent > 0, sent, np.nan), label="packets an image", title="")
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
