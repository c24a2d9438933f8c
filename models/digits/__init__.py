"""Two small trained networks and their data, so that the demo and the tests need no download and no other package.

Handwritten digits of 8 × 8 pixels (E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI
Machine Learning Repository, 1998, CC BY 4.0), as scikit-learn's ``load_digits`` has them, in one fixed split, and two
networks trained on its training part: one of convolutions, batch norms and max pools, and one of dense layers,
64-96-64-10. `eventsim.models.digits.train_conv` makes the first, `eventsim.models.digits.train` the split and the
second.

Relies on `eventsim.models.relu.relu_network` and `eventsim.archive`. Used by the command line's demo, examples, tests.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.files.archive import read_archive
from eventsim.models.relu.relu_network import ReluNetwork

FORMAT = "eventsim-digits"
VERSION = 1
IMAGES_FILE = "images.npz"
NETWORK_FILE = "network.npz"
DENSE_NETWORK_FILE = "dense_network.npz"
FOLDER = Path(__file__).parent
WHITE = 16


@cache
def network() -> ReluNetwork:
    """Return the trained network of two convolutions, inputs (1, 8, 8); each has a batch norm, a ReLU and a max pool.

    The batch norms are layers of their own, as they were trained. Its ``provenance`` says how it was made and how good
    it is.
    """
    return ReluNetwork.load(FOLDER / NETWORK_FILE)


@cache
def dense_network() -> ReluNetwork:
    """Return the trained network of dense layers, 64-96-64-10; its ``provenance`` is like that of `network`."""
    return ReluNetwork.load(FOLDER / DENSE_NETWORK_FILE)


def training_images() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the 1,397 images that the networks were trained on, shape (n, 64) in [0, 1], and their digits (n,)."""
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
