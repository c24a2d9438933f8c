"""The demo's data: a fixed split of real images, and a network as good on the held-out ones as its file says."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from eventsim.models import digits
from eventsim.models.digits import train
from eventsim.models.read_relu import read_relu

PARTS = ("training", "calibration", "test")


def test_the_stored_network_reaches_the_accuracy_it_states() -> None:
    images, labels = digits.test_images()
    accuracy = np.mean(digits.network().forward(images).argmax(axis=1) == labels)
    assert accuracy == digits.network().provenance["test_accuracy"]
    assert accuracy >= 0.97


def test_test_images_were_neither_trained_nor_calibrated_on() -> None:
    parts = {part: set(digits.indices(part).tolist()) for part in PARTS}
    assert not parts["test"] & (parts["training"] | parts["calibration"])
    assert parts["calibration"] < parts["training"]
    assert parts["training"] | parts["test"] == set(range(1797))


def test_parts_have_the_stated_sizes_and_every_digit_in_proportion() -> None:
    given = zip(PARTS, (digits.training_images, digits.calibration_images, digits.test_images), strict=True)
    for part, images_of in given:
        images, labels = images_of()
        assert len(images) == len(labels) == digits.network().provenance[f"n_{part}"]
        assert images.shape[1:] == digits.network().input_shape == (64,)
        assert np.bincount(labels, minlength=10).min() >= 0.09 * len(labels)
    assert len(digits.test_images()[0]) >= 360


def test_images_are_those_of_scikit_learn_over_16() -> None:
    pixels, labels = load_digits(return_X_y=True)
    images, known = digits.test_images()
    assert images.dtype == np.float64
    assert (images.min(), images.max()) == (0.0, 1.0)
    assert np.array_equal(images * 16, pixels[digits.indices("test")])
    assert np.array_equal(known, labels[digits.indices("test")])


def test_the_split_is_the_one_the_script_makes() -> None:
    parts = train.split(load_digits(return_X_y=True)[1])
    assert all(np.array_equal(parts[part], digits.indices(part)) for part in PARTS)


def test_the_network_has_two_hidden_layers() -> None:
    network = digits.network()
    assert [layer.name for layer in network.layers] == ["dense1", "dense2", "output"]
    assert network.n_parameters == 64 * 96 + 96 + 96 * 64 + 64 + 64 * 10 + 10


def test_changing_what_is_returned_changes_nothing() -> None:
    digits.test_images()[0][:] = 7
    assert digits.test_images()[0].max() == 1
    digits.indices("test")[:] = 0
    assert digits.indices("test").max() > 0


def test_the_files_are_small() -> None:
    assert sum(path.stat().st_size for path in digits.FOLDER.glob("*.npz")) < 300_000


@pytest.mark.slow
def test_training_is_reproducible_and_as_good_as_stated() -> None:
    x, labels = digits.training_images()
    decay = digits.network().provenance["weight_decay"]
    with threadpool_limits(1):
        first, second = (read_relu(train.trained(x, labels, decay, train.SEED)) for _ in range(2))
    assert np.array_equal(first.forward(x), second.forward(x))
    # Other libraries round otherwise and end elsewhere; a point of accuracy is four images.
    assert train.accuracy(first, *digits.test_images()) == pytest.approx(
        digits.network().provenance["test_accuracy"], abs=0.01
    )
