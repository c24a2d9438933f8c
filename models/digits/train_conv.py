"""Make the convolutional network of `eventsim.models.digits`.

``python -m eventsim.models.digits.train_conv [FOLDER]`` takes a minute or two and needs PyTorch and scikit-learn. It
trains on the training images of the fixed split, which it does not change. Seeds are fixed and everything runs on one
thread, so that a repetition with the same libraries on the same machine gives the same file. The constants below were
chosen by cross-validation inside the training images; the test images are looked at once, at the end.

Nothing uses it at run time.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from eventsim.models.digits import FOLDER, NETWORK_FILE, test_images, training_images
from eventsim.models.digits.train import N_FOLDS, SEED, accuracy
from eventsim.models.readers.read_relu import read_relu
from eventsim.models.relu.relu_network import ReluNetwork

INPUT_SHAPE = (1, 8, 8)
N_DIGITS = 10
CHANNELS = (16, 40)
N_EPOCHS = 200
BATCH = 64
LEARNING_RATE = 1e-2
WARM_UP = 0.2
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.05
# Share of the old weights in their running mean after one step.
AVERAGING = 0.995
# Weight of the activity in the loss: nearly halves the active neurons; twice as much costs a third of a point.
SPARSITY = 0.1
# Extents of the random distortions: degrees, share, share, pixels, pixels.
ROTATION = 10
SCALING = 0.1
SHEAR = 0.1
SHIFT = 0.6
BENDING = 0.25
# Bends are drawn at so many places an axis and smoothed between them.
N_BENDS = 4


def untrained() -> Any:
    """Return a `torch.nn.Sequential` of convolutions, batch norms, ReLUs and pools, and a dense layer behind them."""
    modules = []
    before, *positions = INPUT_SHAPE
    for channels in CHANNELS:
        # No bias: the batch norm subtracts it again.
        modules += [
            nn.Conv2d(before, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        before, positions = channels, [n // 2 for n in positions]
    return nn.Sequential(*modules, nn.Flatten(), nn.Linear(before * math.prod(positions), N_DIGITS))


def distorted(images: Any) -> Any:
    """Return the images, a tensor (n, 1, 8, 8), each a little turned, scaled, sheared, shifted and bent at random."""
    n = len(images)
    pixel = 2 / images.shape[-1]  # in the coordinates of grids, from -1 to 1
    angle, shear = _uniform(n) * math.radians(ROTATION), _uniform(n) * SHEAR
    across, along = torch.exp(_uniform(2, n) * SCALING)
    first = torch.stack([angle.cos() * across, (shear - angle.sin()) * along, _uniform(n) * SHIFT * pixel], dim=1)
    second = torch.stack([angle.sin() * across, angle.cos() * along, _uniform(n) * SHIFT * pixel], dim=1)
    grid = functional.affine_grid(torch.stack([first, second], dim=1), list(images.shape), align_corners=False)
    bends = torch.randn(n, 2, N_BENDS, N_BENDS) * BENDING * pixel
    smooth = functional.interpolate(bends, images.shape[-2:], mode="bilinear", align_corners=True)
    return functional.grid_sample(images, grid + smooth.permute(0, 2, 3, 1), align_corners=False)


def logits_and_activity(module: Any, images: Any) -> tuple[Any, Any]:
    """Return the logits, (n, 10), and how many neurons are active, a number for each ReLU layer, summed.

    The number is the participation ratio, ``(sum a)² / (n sum a²)`` of the n activations a of one image, averaged over
    images: the share of active neurons where these are equal. Unlike a sum of activations it cannot be made small by
    scaling a layer down, which the next batch norm would undo.
    """
    held, activity = images, torch.zeros(())
    for one in module:
        held = one(held)
        if isinstance(one, nn.ReLU):
            values = held.flatten(1)
            share = values.sum(1) ** 2 / (values.shape[1] * (values**2).sum(1)).clamp_min(1e-9)
            activity = activity + share.mean()
    return held, activity


def trained(x: NDArray[np.float64], labels: NDArray[np.int64], seed: int, n_epochs: int = N_EPOCHS) -> ReluNetwork:
    """Return the network trained on `x`, (n, 64) in [0, 1], and `labels`, (n,): the running mean of its weights."""
    images = torch.tensor(x, dtype=torch.float32).reshape(-1, *INPUT_SHAPE)
    known = torch.tensor(labels)
    with _reproducible(seed):
        module = untrained()
        averaged = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING), use_buffers=True)
        optimizer = torch.optim.AdamW(module.parameters(), weight_decay=WEIGHT_DECAY)
        n_steps = len(images) // BATCH * n_epochs
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, n_steps, pct_start=WARM_UP)
        for _ in range(n_epochs):
            # What does not fill a batch waits for the next epoch.
            for chosen in torch.randperm(len(images)).split(BATCH)[: len(images) // BATCH]:
                logits, activity = logits_and_activity(module, distorted(images[chosen]))
                loss = functional.cross_entropy(logits, known[chosen], label_smoothing=LABEL_SMOOTHING)
                optimizer.zero_grad()
                (loss + SPARSITY * activity).backward()
                optimizer.step()
                schedule.step()
                averaged.update_parameters(module)
    return read_relu(averaged.module, INPUT_SHAPE)


def validation_accuracy(x: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the mean accuracy over the folds of a cross-validation."""
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=SEED).split(x, labels)
    return float(
        np.mean([accuracy(trained(x[a], labels[a], SEED + k), x[b], labels[b]) for k, (a, b) in enumerate(folds)])
    )


def active_shares(network: ReluNetwork, x: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean share of outputs above 0 of each ReLU and each pool, by the layer's name."""
    return {name: float(np.mean(values > 0)) for name, values in network.activations(x)}


def main(folder: Path = FOLDER) -> None:
    """Train, and write the network into `folder`."""
    x, labels = training_images()
    validated = validation_accuracy(x, labels)
    network = trained(x, labels, SEED)
    test, test_labels = test_images()
    provenance = {
        "script": "python -m eventsim.models.digits.train_conv",
        "data": "sklearn.datasets.load_digits, values / 16",
        "seed": SEED,
        "torch": version("torch"),
        "scikit_learn": version("scikit-learn"),
        "numpy": version("numpy"),
        "n_epochs": N_EPOCHS,
        "weight_decay": WEIGHT_DECAY,
        "label_smoothing": LABEL_SMOOTHING,
        "sparsity": SPARSITY,
        "n_parameters": network.n_parameters,
        "n_training": len(x),
        "n_test": len(test),
        "validation_accuracy": validated,
        "test_accuracy": accuracy(network, test, test_labels),
    }
    ReluNetwork(network.layers, network.input_shape, provenance).save(folder / NETWORK_FILE)
    sys.stdout.write(f"{network}\n")
    for name, share in active_shares(network, x).items():
        sys.stdout.write(f"{name}: {share:.3f} of the outputs above 0\n")
    sys.stdout.write(f"validation accuracy {validated:.4f}, test accuracy {provenance['test_accuracy']:.4f}\n")


def _uniform(*shape: int) -> Any:
    """Random numbers in [-1, 1)."""
    return 2 * torch.rand(*shape) - 1


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """One thread, deterministic operations and random numbers from `seed`; afterwards all is as it was."""
    n_threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(n_threads)
        torch.use_deterministic_algorithms(deterministic)


if __name__ == "__main__":
    with threadpool_limits(1):
        main(*map(Path, sys.argv[1:]))
