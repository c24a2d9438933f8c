"""A digit under spike-time noise, over the same digit without: which spikes moved, vanished, or are new."""

from pathlib import Path

import eventsim
from eventsim import faults, models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "moved_spikes_digits.png"


def main() -> None:
    """Simulate twice, and draw the two over each other."""
    net = models.to_ttfs(digits.dense_network(), digits.calibration_images()[0])
    x, _ = digits.test_images()
    ideal = eventsim.simulate(net, x[:1])
    run = eventsim.simulate(net, x[:1], faults=faults.Jitter(0.3))
    ax = viz.moved_spikes(ideal, run, populations=["dense1", "dense2", "output"])
    ax.figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
