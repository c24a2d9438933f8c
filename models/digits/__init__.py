"""A small trained network and its data, so that the demo and the tests need no download and no other package.

Handwritten digits of 8 × 8 pixels (E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI
Machine Learning Repository, 1998, CC BY 4.0), as scikit-learn's ``load_digits`` has them, in one fixed split, and
a network 64-96-64-10 trained on its training part. `eventsim.models.digits.train` makes both files.

Relies on `eventsim.models.relu_network` and `eventsim.archive`. Used by the command line's demo, examples, tests.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.archive import read_archive
from eventsim.models.relu_network import ReluNetwork

FORMAT = "eventsim-digits"
VERSION = 1
IMAGES_FILE = "images.npz"
NETWORK_FILE = "network.npz"
FOLDER = Path(__file__).parent
WHITE = 16


@cache
def network() -> ReluNetwork:
    """Return the trained network 64-96-64-10; its ``provenance`` says how it was made and how good it is."""
    return ReluNetwork.load(FOLDER / NETWORK_FILE)


def training_images() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the 1,397 images that the network was trained on, shape (n, 64) in [0, 1], and their digits (n,)."""
    return _part("training")


def calibration_images() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return 300 of the training images, to set spike-time windows by, shape (n, 64) in [0, 1], and digits (n,)."""
    return _part("calibration")


def test_images() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the 400 images kept out of training and calibration, shape (n, 64) in [0, 1], and digits (n,)."""
    return _part("test")


def indices(part: str) -> NDArray[np.int64]:
    """Return the places in scikit-learn's ``load_digits`` of one part: "training", "calibration" or "test"."""
    return _arrays()[part].astype(np.int64)


def _part(part: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    chosen = indices(part)
    return _arrays()["images"][chosen] / WHITE, _arrays()["labels"][chosen].astype(np.int64)


@cache
def _arrays() -> dict[str, NDArray[Any]]:
    return read_archive(FOLDER / IMAGES_FILE, FORMAT, VERSION)[1]
