"""A recurrent network of 1,000 neurons, whose excitation and inhibition decay differently: raster and rates."""

from pathlib import Path

from matplotlib.figure import Figure

import eventsim
from eventsim import Sparse, viz

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "recurrent_network.png"
SYNAPSES = {"excitatory": 2.0, "inhibitory": 8.0}  # ms


def main() -> None:
    """Build, simulate 400 ms, draw."""
    net, delays = eventsim.Network(time_unit=1e-3), eventsim.Uniform(0.5, 2.5)
    cells = {"tau_mem": 20.0, "tau_syn": SYNAPSES, "t_ref": 2.0, "v_threshold": 15.0, "v_reset": 0.0}
    excitatory = net.population("lif_exp", 800, "excitatory", **cells)
    inhibitory = net.population("lif_exp", 200, "inhibitory", **cells)
    for post in (excitatory, inhibitory):
        drive = net.source(post.size, f"drive of {post.name}", generator=eventsim.Poisson(rate=1.2))
        net.connect(drive, post, eventsim.OneToOne(6.0), receptor="excitatory")
        for pre, degree, weight in ((excitatory, 80, 1.0), (inhibitory, 20, -2.0)):
            synapses = Sparse.fixed_indegree(
                degree, pre, post, weights=weight, delays=delays, seed=1, autapses=pre is not post
            )
            net.connect(pre, post, synapses, receptor=pre.name)
    run = eventsim.simulate(net, until=400.0, record=["excitatory", "inhibitory"])
    print(run.summary())
    figure = Figure(figsize=(8.0, 6.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    viz.raster(run, ax=above, title="", populations=["excitatory", "inhibitory"]).set_xlabel("")
    viz.rates(run, ax=below, bins=200, title="")
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
