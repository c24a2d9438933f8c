"""What faults do: spike times before and after on the left, weights before and after on the right."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eventsim import Dense, Network, faults, simulate

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "fault_strips.png"
DAY = 86_400.0  # seconds
OF_TIMES = {
    "jitter, gaussian": faults.Jitter(0.15), "jitter, uniform": faults.Jitter(0.15, "uniform"),
    "clock, ceil": faults.Clock(0.4), "clock, half_even": faults.Clock(0.4, rounding="half_even"),
    "time_bits": faults.TimeBits(3), "spike_loss": faults.SpikeLoss(0.2), "always_on": faults.AlwaysOn(0.1),
    "leak": faults.Leak(4.0),
}  # fmt: skip
OF_WEIGHTS = {
    "weight_quantization": faults.WeightQuantization(4), "fake_quantization": faults.FakeQuantization(3),
    "power_of_two": faults.PowerOfTwo(4), "weight_noise": faults.WeightNoise(relative=0.1, absolute=0.02),
    "stuck_at": faults.StuckAt(0.1), "pcm, a day": faults.PCM(t_inf=DAY), "reram, a day": faults.ReRAM(t_inf=DAY),
    "cmo_reram, a day": faults.CmoReRAM(t_inf=DAY),
}  # fmt: skip
N = 200


def layer() -> tuple[Network, Any]:
    """Neurons that fire at all times of their window, from 1 to 4, each driven by an input of its own."""
    net = Network()
    net.source(1, "input")
    net.population("ttfs_b1", N, "layer", window=(0.0, 1.0, 4.0), threshold=np.linspace(0.5, 3.4, N))
    net.connect("input", "layer", Dense(np.full((N, 1), 0.5)))
    return net, [[1.0]]


def times(fault: Any) -> Any:
    """First spikes of the layer with a fault."""
    net, x = layer()
    return simulate(net, x, faults=fault, engine="reference", seed=1).spike_times("layer")[0]


def weights(fault: Any) -> tuple[Any, Any]:
    """Weights from -1 to 1, and what a fault makes of them."""
    given = np.linspace(-1.0, 1.0, N)
    net = Network()
    net.source(N, "input")
    net.population("integrator", 1, "out", window=(0.0, 1.0))
    net.connect("input", "out", Dense(given[None]))
    return given, faults.manufacture(net, fault, seed=1).projections[0].kind.weights[0]


def main() -> None:
    """Draw a square for each fault."""
    figure = Figure(figsize=(9.0, 9.4), layout="constrained")
    axes = figure.subplots(4, 4)
    ideal = times(())
    for k, (name, fault) in enumerate(OF_TIMES.items()):
        ax, found = axes[k // 2, k % 2], times(fault)
        fired = found < math.inf
        ax.plot([1.0, 4.0], [1.0, 4.0], color="0.8", linewidth=1.0)
        ax.plot(ideal[fired], found[fired], ".", markersize=3.0, color="C0")
        ax.plot(ideal[~fired], np.full((~fired).sum(), 4.35), "|", markersize=5.0, color="C3")
        ax.set(title=name, xlim=(0.9, 4.1), ylim=(0.9, 4.6))
    for k, (name, fault) in enumerate(OF_WEIGHTS.items()):
        ax, (before, after) = axes[k // 2, 2 + k % 2], weights(fault)
        ax.plot([-1.0, 1.0], [-1.0, 1.0], color="0.8", linewidth=1.0)
        ax.plot(before, after, ".", markersize=3.0, color="C1")
        ax.set(title=name)
    figure.supxlabel("spike time without the fault; red: lost    |    weight without the fault", fontsize="medium")
    figure.supylabel("with the fault", fontsize="medium")
    figure.savefig(PICTURE, dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    main()
