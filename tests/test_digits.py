"""The demo's data: a fixed split of real images, and networks as good on the held-out ones as their files say."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from eventsim.models import digits
from eventsim.models.digits import train
from eventsim.models.readers.read_relu import read_relu
from eventsim.models.relu.folded import fused
from eventsim.models.relu.relu_network import BatchNorm, Conv, MaxPool, ReluNetwork, parameter_hash

PARTS = ("training", "calibration", "test")


@pytest.fixture
def train_conv() -> ModuleType:
    """The script of the convolutional network, where PyTorch is installed."""
    pytest.importorskip("torch")
    from eventsim.models.digits import train_conv

    return train_conv


@pytest.mark.parametrize(("network", "least"), [(digits.dense_network, 0.97), (digits.network, 0.985)])
def test_the_stored_networks_reach_the_accuracy_they_state(network: Callable[[], ReluNetwork], least: float) -> None:
    images, labels = digits.test_images()
    accuracy = np.mean(network().forward(images).argmax(axis=1) == labels)
    assert accuracy == network().provenance["test_accuracy"]
    assert accuracy >= least


def test_test_images_were_neither_trained_nor_calibrated_on() -> None:
    parts = {part: set(digits.indices(part).tolist()) for part in PARTS}
    assert not parts["test"] & (parts["training"] | parts["calibration"])
    assert parts["calibration"] < parts["training"]
    assert parts["training"] | parts["test"] == set(range(1797))


def test_parts_have_the_stated_sizes_and_every_digit_in_proportion() -> None:
    given = zip(PARTS, (digits.training_images, digits.calibration_images, digits.test_images), strict=True)
    for part, images_of in given:
        images, labels = images_of()
        assert len(images) == len(labels) == digits.dense_network().provenance[f"n_{part}"]
        assert images.shape[1:] == digits.dense_network().input_shape == (64,)
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
    network = digits.dense_network()
    assert [layer.name for layer in network.layers] == ["dense1", "dense2", "output"]
    assert network.n_parameters == 64 * 96 + 96 + 96 * 64 + 64 + 64 * 10 + 10


def test_the_convolutional_network_has_batch_norms_before_its_relus_and_max_pools() -> None:
    network = digits.network()
    assert network.input_shape == (1, 8, 8)
    assert [(layer.kind, layer.relu) for layer in network.layers] == [
        *[("conv", False), ("batch_norm", True), ("max_pool", False)] * 2,
        ("flatten", False),
        ("dense", False),
    ]
    for layer in network.layers:
        if isinstance(layer, Conv):
            assert (layer.kernel, layer.padding) == ((3, 3), ((1, 1), (1, 1)))
        if isinstance(layer, MaxPool):
            assert layer.kernel == (2, 2)
    assert network.n_parameters == network.provenance["n_parameters"]


def test_the_batch_norms_of_the_convolutional_network_can_be_folded() -> None:
    images, _ = digits.test_images()
    network = digits.network()
    folded = fused(network)
    assert not any(isinstance(layer, BatchNorm) for layer in folded.layers)
    logits = network.forward(images)
    # Folding rounds each weight once; sums of some hundred products round to 1e-14 of the largest.
    assert np.abs(folded.forward(images) - logits).max() <= 1e-12 * np.abs(logits).max()


def test_the_convolutional_network_was_trained_without_the_test_images() -> None:
    provenance = digits.network().provenance
    assert (provenance["n_training"], provenance["n_test"]) == (1397, 400)
    assert provenance["validation_accuracy"] >= 0.99


def test_changing_what_is_returned_changes_nothing() -> None:
    digits.test_images()[0][:] = 7
    assert digits.test_images()[0].max() == 1
    digits.indices("test")[:] = 0
    assert digits.indices("test").max() > 0


def test_the_files_are_small() -> None:
    assert (digits.FOLDER / digits.NETWORK_FILE).stat().st_size <= 100_000
    assert sum(path.stat().st_size for path in digits.FOLDER.glob("*.npz")) < 300_000


@pytest.mark.slow
def test_training_is_reproducible_and_as_good_as_stated() -> None:
    x, labels = digits.training_images()
    decay = digits.dense_network().provenance["weight_decay"]
    with threadpool_limits(1):
        first, second = (read_relu(train.trained(x, labels, decay, train.SEED)) for _ in range(2))
    assert np.array_equal(first.forward(x), second.forward(x))
    # Other libraries round otherwise and end elsewhere; a point of accuracy is four images.
    assert train.accuracy(first, *digits.test_images()) == pytest.approx(
        digits.dense_network().provenance["test_accuracy"], abs=0.01
    )


@pytest.mark.references
def test_distorted_digits_are_still_images_and_no_two_distortions_are_alike(train_conv: ModuleType) -> None:
    import torch

    images = torch.tensor(digits.training_images()[0][:50], dtype=torch.float32).reshape(-1, 1, 8, 8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, second = train_conv.distorted(images), train_conv.distorted(images)
    assert first.shape == images.shape
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1 + 1e-6  # means of pixels, in float32
    assert float((first - second).abs().amax(dim=(1, 2, 3)).min()) > 0.01
    # Most of the ink stays where it was: a distortion is small.
    kept = torch.nn.functional.cosine_similarity(first.flatten(1), images.flatten(1))
    assert float(kept.min()) > 0.5


@pytest.mark.references
def test_without_distortions_the_images_stay_as_they_are(
    train_conv: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    for extent in ("ROTATION", "SCALING", "SHEAR", "SHIFT", "BENDING"):
        monkeypatch.setattr(train_conv, extent, 0)
    images = torch.rand(3, 1, 8, 8)
    assert torch.allclose(train_conv.distorted(images), images, atol=1e-5)  # float32


@pytest.mark.references
def test_activity_is_the_share_of_equally_active_neurons_whatever_their_scale(train_conv: ModuleType) -> None:
    import torch

    relus = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.ReLU())
    values = torch.tensor([[1.0, 1.0, -1.0, -2.0], [30.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    for images, share in zip(values.split(1), (0.5, 0.25, 0.0), strict=True):
        held, activity = train_conv.logits_and_activity(relus, images)
        assert torch.equal(held, images.clamp_min(0))
        assert float(activity) == 2 * share


@pytest.mark.references
def test_the_convolutional_training_is_reproducible_and_leaves_the_settings_of_torch(train_conv: ModuleType) -> None:
    import torch

    x, labels = digits.training_images()
    settings = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state().tolist())
    first, second = (train_conv.trained(x[:200], labels[:200], train_conv.SEED, n_epochs=5) for _ in range(2))
    assert parameter_hash(first) == parameter_hash(second)
    assert parameter_hash(first) != parameter_hash(train_conv.trained(x[:200], labels[:200], 1, n_epochs=5))
    assert settings == (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_rng_state().tolist(),
    )


@pytest.mark.references
@pytest.mark.slow
def test_the_script_trains_a_convolutional_network_as_good_as_the_stored_one(train_conv: ModuleType) -> None:
    network = train_conv.trained(*digits.training_images(), train_conv.SEED)
    assert repr(network) == repr(digits.network())
    # Other libraries round otherwise and end elsewhere; a point of accuracy is four images.
    assert train.accuracy(network, *digits.test_images()) == pytest.approx(
        digits.network().provenance["test_accuracy"], abs=0.01
    )
