"""A convolutional network, trained with PyTorch here, as spikes: does each neuron fire when its activation says?"""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from eventsim import models, simulate, viz

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "pytorch_network.png"


def main() -> None:
    """Train, read, convert, simulate, verify, draw."""
    torch.manual_seed(0)
    data, labels = load_digits(return_X_y=True)
    images = data.reshape(-1, 1, 8, 8) / 16.0
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    x, y = torch.tensor(images[:1200], dtype=torch.float32), torch.tensor(labels[:1200])
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    relu = models.read_relu(network.eval(), input_shape=(1, 8, 8))
    net = models.to_ttfs(relu, images[:1200])
    run = simulate(net, images[1200:1400])
    print(f"{np.mean(run.predictions == labels[1200:1400]):.1%} right", run.summary(), sep="\n")
    print(models.verify(net, relu, images[1200:1400]).table())
    viz.raster(run, title="").figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
