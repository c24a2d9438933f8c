"""Which spiking networks train like their ReLU network: eight dense layers on the digits, from the same weights.

B1 follows the ReLU network bit for bit. Alpha neurons that begin as the same network ("smart") do so on paths of their
own, those that take ReLU weights as spiking weights ("naive") begin elsewhere. Below, the beginning: eigenvalues of one
layer, and how strongly spike times depend on the input times, layer by layer. After Stanojevic et al. 2024, figure 3,
at a size that takes a minute.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eventsim.models import digits
from eventsim.models.train import Adam, TrainableNetwork, Training, accuracy, initialise, relu_network, trainable
from eventsim.models.train.jacobians import jacobians
from eventsim.models.train.naive_start import NaiveStart
from eventsim.viz.palette import GRID, INK, LAYERS

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "trajectories.png"
ARCHITECTURE = "64-64-64-64-64-64-64-10"
EPOCHS, BATCH, SEED = 150, 64, 0
WIDE = 400  # neurons of the layer whose eigenvalues are shown
Array = np.ndarray[Any, Any]
# label: slope, start, learning rate of Adam, colour, line; the first is what the others are compared with.
NETWORKS: dict[str, tuple[str, str, float, str, Any]] = {
    "ReLU": ("relu", "smart", 1e-3, GRID, "-"),
    "B1": ("b1", "smart", 1e-3, LAYERS[1], (0, (1, 2))),
    "alpha1 smart, rate 0.001": ("alpha1", "smart", 1e-3, LAYERS[4], "-"),
    "alpha1 smart, rate 0.0001": ("alpha1", "smart", 1e-4, LAYERS[3], "--"),
    "alpha1 naive, rate 0.001": ("alpha1", "naive", 1e-3, LAYERS[2], "-."),
}


def start(slope: str, how: str, architecture: str = ARCHITECTURE, n_in: int = 64) -> TrainableNetwork:
    """A network at its beginning."""
    network = trainable(architecture, (n_in,), slope)
    initialise(network, SEED, start=how)
    return network


def weights(network: TrainableNetwork) -> Array:
    """All weights of the ReLU network that computes the same, in one row."""
    return np.concatenate([layer.weight.ravel() for layer in relu_network(network).layers])


def trained(slope: str, how: str, rate: float, epochs: int) -> Iterator[tuple[float, Array]]:
    """Training accuracy and effective weights at the beginning and after each epoch."""
    images, labels = digits.training_images()
    training = Training(start(slope, how), Adam(rate), batch=BATCH, seed=SEED)
    yield accuracy(training.network, images, labels), weights(training.network)
    for _ in range(epochs):
        epoch = training.epoch(images, labels)
        yield epoch.accuracy, weights(training.network)


def draw_training(left: Axes, right: Axes) -> None:
    """Training accuracies, and cosines between effective weights and those of the ReLU network."""
    twin: list[Array] = []
    for label, (slope, how, rate, colour, line) in NETWORKS.items():
        accuracies, paths = zip(*trained(slope, how, rate, EPOCHS), strict=True)
        twin = twin or list(paths)
        assert slope != "b1" or np.array_equal(paths, twin), "B1 leaves the path of the ReLU network"
        cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(paths, twin, strict=True)]
        style: Any = {"color": colour, "linestyle": line, "linewidth": 5 if slope == "relu" else 1.8, "label": label}
        left.plot(accuracies, **style)
        right.plot(cosines, **style)
        print(f"{label}: accuracy {accuracies[-1]:.4f}, cosine {cosines[-1]:.4f}, at first {cosines[0]:.4f}")
    left.set(xlabel="epoch", ylabel="training accuracy", ylim=(0, 1.04))
    left.set_title("Training", loc="left", fontsize="medium")
    right.set_title("The way through weight space", loc="left", fontsize="medium")
    left.legend(frameon=False, fontsize="small", loc="lower right", handlelength=3)
    right.set(xlabel="epoch", ylabel="cosine to the ReLU network's weights", ylim=(-0.02, 1.04))


def draw_eigenvalues(ax: Axes) -> None:
    """Of the Jacobian of one wide layer, at an input of positive values."""
    x = abs(np.random.default_rng(SEED).normal(size=WIDE)) / 5
    for label in ("B1", "alpha1 naive, rate 0.001"):
        slope, how, _, colour, _ = NETWORKS[label]
        found = jacobians(start(slope, how, f"{WIDE}-10", WIDE), x)["dense1"]
        values = np.linalg.eigvals(found)
        marker = "o" if slope == "b1" else "x"
        ax.plot(values.real, values.imag, marker, color=colour, markersize=3, label=label.partition(",")[0])
        print(
            f"{label}: {np.mean(abs(values) > 1):.3f} of the eigenvalues beyond 1, the largest {abs(values).max():.2f}"
        )
    law = NaiveStart(2.0, coherence=float(x.mean() ** 2 / (x**2).mean()))
    print(f"theory of naive: {1 - float(law.share_within(1.0)):.3f} beyond 1")
    turn = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(turn), np.sin(turn), color=INK, linewidth=1)
    ax.set(xlabel="real part of eigenvalues", ylabel="imaginary part", aspect="equal")
    ax.set_title(f"The Jacobian of one layer of {WIDE} at the beginning", loc="left", fontsize="medium")
    ax.legend(frameon=False, fontsize="small", loc="upper right")


def draw_depth(ax: Axes) -> None:
    """How strongly the spike times of each layer depend on the input times: singular values, first and tenth."""
    for label in ("ReLU", "B1", "alpha1 smart, rate 0.001", "alpha1 naive, rate 0.001"):
        slope, how, _, colour, line = NETWORKS[label]
        layers = [*jacobians(start(slope, how), digits.training_images()[0][0]).values()][:-1]
        products = itertools.accumulate(layers, lambda one, later: later @ one)
        found = np.array([np.linalg.svd(one, compute_uv=False)[[0, 9]] for one in products])
        depths, below = range(1, len(layers) + 1), slope == "relu"
        ax.semilogy(depths, found[:, 0], color=colour, linestyle=line, linewidth=5 if below else 1.8)
        ax.semilogy(depths, found[:, 1], "s" if below else "o", color=colour, markersize=9 if below else 5)
        print(f"{label}: behind {len(layers)} layers {found[-1, 0]:.3g} and {found[-1, 1]:.3g}")
    ax.annotate("lines: the largest\npoints: the tenth", (0.03, 0.88), xycoords="axes fraction", fontsize="small")
    ax.set(xlabel="layer", ylabel="singular values")
    ax.set_title("Times of a layer by those of the input", loc="left", fontsize="medium")


def main() -> None:
    """Train, draw."""
    figure = Figure(figsize=(9.6, 7.6), layout="constrained")
    (left, right), (disc, depth) = figure.subplots(2, 2)
    draw_training(left, right)
    draw_eigenvalues(disc)
    draw_depth(depth)
    figure.savefig(PICTURE, dpi=92, metadata={"Software": None})


if __name__ == "__main__":
    main()
