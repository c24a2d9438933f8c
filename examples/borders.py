"""What a shift before zero padding costs: the bias that each position needs, and logits where all get the same one."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import eventsim
from eventsim import models
from eventsim.models.relu import BatchNorm, Conv, Dense, Flatten, ReluNetwork
from eventsim.models.relu.folded import fused
from eventsim.viz.palette import FALLING, RISING, SILENT

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "borders.png"
Array = np.ndarray[Any, Any]
EXTENT, CHANNELS, N_OUT, N_SAMPLES = 12, 3, 5, 60


def main() -> None:
    """Draw both panels."""
    figure = Figure(figsize=(9.0, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    network = example()
    draw_biases(figure, left, network)
    draw_logits(right, network)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def example() -> ReluNetwork:
    """A batch norm behind a ReLU, and a dilated convolution whose padding is not symmetric."""
    rng = np.random.default_rng(7)
    norm = BatchNorm(
        "norm", rng.uniform(0.5, 1.5, CHANNELS), rng.uniform(0.5, 1.0, CHANNELS), rng.uniform(0, 0.3, CHANNELS),
        rng.uniform(0.2, 1.0, CHANNELS),
    )  # fmt: skip
    second = Conv(
        "second", rng.normal(0.1, 0.3, (CHANNELS, CHANNELS, 3, 3)), np.zeros(CHANNELS), True,
        padding=((2, 2), (1, 3)), dilation=2,
    )  # fmt: skip
    n = CHANNELS * EXTENT * EXTENT
    layers = [
        Conv("first", rng.normal(0.2, 0.4, (CHANNELS, 1, 3, 3)), np.zeros(CHANNELS), True, padding=1), norm, second,
        Flatten("flat"), Dense("output", rng.normal(0, 1 / np.sqrt(n), (N_OUT, n)), np.zeros(N_OUT), False),
    ]  # fmt: skip
    return ReluNetwork(layers, (1, EXTENT, EXTENT))


def carelessly_folded(network: ReluNetwork) -> ReluNetwork:
    """The network with one bias a channel, that of the positions whose kernel sees no padding."""
    layers = list(fused(network).layers)
    second = layers[1]
    assert isinstance(second, Conv)
    inside = second.bias[:, EXTENT // 2, EXTENT // 2]
    layers[1] = Conv(**{**vars(second), "bias": inside})
    return ReluNetwork(layers, network.input_shape)


def draw_biases(figure: Figure, ax: Axes, network: ReluNetwork) -> None:
    """The bias of one channel by position."""
    second = fused(network).layers[1]
    assert isinstance(second, Conv)
    image = ax.imshow(second.bias[0], cmap="viridis")
    figure.colorbar(image, ax=ax, shrink=0.85)
    ax.set_title("bias of one channel of the second convolution", fontsize="medium")
    ax.set_xlabel("position")
    ax.set_ylabel("position")


def draw_logits(ax: Axes, network: ReluNetwork) -> None:
    """Logits of the spiking network and of the carelessly folded one, against the trained network's."""
    x = np.random.default_rng(8).random((N_SAMPLES, 1, EXTENT, EXTENT))
    expected = network.forward(x)
    net = models.to_ttfs(network, x, margin=2.0)
    spiking = eventsim.simulate(net, x, record="readout", engine="reference").readout
    careless = carelessly_folded(network).forward(x)
    assert np.abs(spiking - expected).max() < 1e-11
    ends = [float(expected.min()), float(expected.max())]
    ax.plot(ends, ends, color=SILENT, linewidth=1.0, zorder=0)
    ax.plot(expected.ravel(), careless.ravel(), ".", color=FALLING, markersize=4, label="one bias a channel")
    ax.plot(expected.ravel(), spiking.ravel(), ".", color=RISING, markersize=4, label="spiking network, exact")
    wrong = int((careless.argmax(axis=1) != expected.argmax(axis=1)).sum())
    ax.set_title(f"one bias a channel: {wrong} of {N_SAMPLES} decisions differ", fontsize="medium")
    ax.set_xlabel("logits of the trained network")
    ax.set_ylabel("logits")
    ax.legend(frameon=False, fontsize="small")


if __name__ == "__main__":
    main()
