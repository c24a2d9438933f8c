"""Make the files of `eventsim.models.digits`: the split of the images and the network of dense layers.

``python -m eventsim.models.digits.train [FOLDER]`` takes about a minute and needs scikit-learn. Seeds are fixed
and linear algebra runs on one thread, so that a repetition with the same libraries gives the same files. The weight
decay is chosen by cross-validation inside the training images; the test images are looked at once, at the end.

Nothing uses it at run time.
"""

import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from eventsim.files.archive import write_archive
from eventsim.models.digits import DENSE_NETWORK_FILE, FOLDER, FORMAT, IMAGES_FILE, VERSION, WHITE
from eventsim.models.readers.read_relu import read_relu
from eventsim.models.relu.relu_network import ReluNetwork

CREDIT = "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Repository, 1998, CC BY 4.0"
SEED = 0
N_TEST = 400
N_CALIBRATION = 300
HIDDEN = (96, 64)
WEIGHT_DECAYS = (0.003, 0.01, 0.03, 0.1)
N_FOLDS = 5
# Adam at its usual rate leaves the weights rattling; a short run at a tenth of it lets them settle.
PHASES = ((1e-3, 60), (1e-4, 20))
BATCH = 32


def split(labels: NDArray[Any]) -> dict[str, NDArray[np.int64]]:
    """Return sorted indices of the parts: test apart from training, calibration inside it, digits in proportion."""
    every = np.arange(len(labels))
    training, test = train_test_split(every, test_size=N_TEST, stratify=labels, random_state=SEED)
    _, calibration = train_test_split(training, test_size=N_CALIBRATION, stratify=labels[training], random_state=SEED)
    return {"training": np.sort(training), "calibration": np.sort(calibration), "test": np.sort(test)}


def trained(x: NDArray[np.float64], labels: NDArray[Any], weight_decay: float, seed: int) -> MLPClassifier:
    """Return the classifier trained on `x`, (n, 64), and `labels`, (n,)."""
    classifier = MLPClassifier(
        HIDDEN, alpha=weight_decay, batch_size=BATCH, random_state=seed, tol=0.0, n_iter_no_change=1000, warm_start=True
    )
    for rate, n_epochs in PHASES:
        classifier.set_params(learning_rate_init=rate, max_iter=n_epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is chosen, not found
            classifier.fit(x, labels)
    return classifier


def validation_accuracy(x: NDArray[np.float64], labels: NDArray[Any], weight_decay: float) -> float:
    """Return the mean accuracy over the folds of a cross-validation."""
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=SEED).split(x, labels)
    scores = [trained(x[a], labels[a], weight_decay, SEED + k).score(x[b], labels[b]) for k, (a, b) in enumerate(folds)]
    return float(np.mean(scores))


def accuracy(network: ReluNetwork, x: NDArray[np.float64], labels: NDArray[Any]) -> float:
    """Return the share of images whose largest logit is that of their label."""
    return float(np.mean(network.forward(x).argmax(axis=1) == labels))


def main(folder: Path = FOLDER) -> None:
    """Train, and write both files into `folder`."""
    pixels, labels = load_digits(return_X_y=True)
    parts = split(labels)
    x, known = pixels[parts["training"]] / WHITE, labels[parts["training"]]
    validated = {decay: validation_accuracy(x, known, decay) for decay in WEIGHT_DECAYS}
    weight_decay = max(validated, key=lambda decay: validated[decay])
    network = read_relu(trained(x, known, weight_decay, SEED))
    sizes = {f"n_{part}": len(chosen) for part, chosen in parts.items()}
    provenance = {
        "script": "python -m eventsim.models.digits.train",
        "data": "sklearn.datasets.load_digits, values / 16",
        "seed": SEED,
        "scikit_learn": version("scikit-learn"),
        "numpy": version("numpy"),
        "weight_decay": weight_decay,
        "validation_accuracy": validated[weight_decay],
        "test_accuracy": accuracy(network, pixels[parts["test"]] / WHITE, labels[parts["test"]]),
    }
    ReluNetwork(network.layers, network.input_shape, provenance | sizes).save(folder / DENSE_NETWORK_FILE)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "source": provenance["data"],
        "credit": CREDIT,
        "seed": SEED,
    } | sizes
    arrays = {part: chosen.astype(np.uint16) for part, chosen in parts.items()}
    arrays |= {"images": pixels.astype(np.uint8), "labels": labels.astype(np.uint8)}
    write_archive(folder / IMAGES_FILE, header, arrays)
    for decay, value in validated.items():
        sys.stdout.write(f"weight decay {decay}: validation accuracy {value:.4f}\n")
    sys.stdout.write(f"chosen {weight_decay}: test accuracy {provenance['test_accuracy']:.4f}\n")


if __name__ == "__main__":
    with threadpool_limits(1):
        main(*map(Path, sys.argv[1:]))
