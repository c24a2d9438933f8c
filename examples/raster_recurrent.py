"""Raster and rates of a recurrent network of 200 leaky integrate-and-fire neurons, driven by Poisson spikes."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import eventsim
import eventsim.models  # registers the neuron models, also where eventsim is not installed
from eventsim import viz

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "raster_recurrent.png"
DELAY = 1.5


def random_synapses(rng: np.random.Generator, n_pre: int, n_post: int, p: float, weight: float) -> eventsim.Sparse:
    """Return synapses of one weight, each pair of neurons connected with probability p."""
    sources, targets = np.nonzero(rng.random((n_pre, n_post)) < p)
    return eventsim.Sparse(sources, targets, np.full(sources.size, weight))


def main() -> None:
    """Build, simulate 400 ms, draw."""
    rng = np.random.default_rng(0)
    net = eventsim.Network(time_unit=1e-3)
    drive = net.source(60, name="drive", generator=eventsim.Poisson(rate=0.02))
    excitatory = net.population("lif_delta", 160, name="excitatory", tau_mem=20.0, t_ref=2.0)
    inhibitory = net.population("lif_delta", 40, name="inhibitory", tau_mem=10.0, t_ref=1.0)
    for post in (excitatory, inhibitory):
        net.connect(drive, post, random_synapses(rng, 60, post.size, 0.15, 0.3), delay=DELAY)
        net.connect(excitatory, post, random_synapses(rng, 160, post.size, 0.1, 0.12), delay=DELAY)
        net.connect(inhibitory, post, random_synapses(rng, 40, post.size, 0.1, -0.6), delay=DELAY)
    run = eventsim.simulate(net, until=400.0)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(8.0, 6.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    viz.raster(run, ax=above).set_xlabel("")
    viz.rates(run, ax=below, populations=["excitatory", "inhibitory"], bins=80)
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
