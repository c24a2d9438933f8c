"""Convolutions that are read out at each position, and pools over all positions, which come before a read-out."""

from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import models
from eventsim.errors import InputError, NetworkError
from eventsim.models import train
from eventsim.models.train.decisions import decided

Array = np.ndarray[Any, Any]
ARCHITECTURE = "conv3x3-relu-conv2x3s2"


def begun(slope: str = "b1", architecture: str = ARCHITECTURE) -> train.TrainableNetwork:
    network = train.trainable(architecture, (1, 4, 4), slope)
    train.initialise(network, 5)
    draws = np.random.default_rng(1)
    for name, values in network.parameters.items():
        if name.endswith("bias"):
            values[...] = draws.normal(size=values.shape) / 2
    return network


def test_a_convolution_is_read_out_at_each_position() -> None:
    """Trainer, ReLU network and event simulator have the same potentials there; `trainable_from` reads it back."""
    network, x = begun(), np.random.default_rng(3).random((4, 1, 4, 4))
    outputs = network.outputs(x)
    assert outputs.shape == (4, 2, 2, 2)
    relu, net = train.relu_network(network), train.spiking_network(network)
    assert np.abs(relu.forward(x).reshape(outputs.shape) - outputs).max() < 1e-14
    run = eventsim.simulate(net, x, engine="reference", record="first_spikes", error_bounds=True)
    assert np.abs(run.readout.reshape(outputs.shape) - outputs).max() < 1e-10
    assert models.verify(net, relu, x, run=run, engine="reference").ok
    again = train.trainable_from(relu)
    assert np.abs(again.outputs(x) - outputs).max() < 1e-14
    assert train.Judge(engine="reference")(network, x).agreement == 1.0


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_labels_of_positions_have_a_cross_entropy_as_torch_has_it(slope: str) -> None:
    """Mean over samples and positions, by hand; gradients against differences."""
    network, draws = begun(slope), np.random.default_rng(3)
    x, labels = draws.random((3, 1, 4, 4)), draws.integers(0, 2, (3, 2, 2))
    found = network.gradients(x, train.CrossEntropy(), labels)
    by_hand = [
        np.log(np.exp(potentials).sum()) - potentials[label]
        for sample, wanted in zip(network.outputs(x), labels, strict=True)
        for potentials, label in zip(sample.reshape(2, 4).T, wanted.ravel(), strict=True)
    ]
    assert found.loss == pytest.approx(np.mean(by_hand), rel=1e-13)
    for name in ("output.weight", "output.bias", "conv1.weight"):
        values, sides = network.parameters[name], []
        for step in (1e-6, -2e-6):
            values.ravel()[1] += step
            sides.append(network.gradients(x, train.CrossEntropy(), labels).loss)
        values.ravel()[1] += 1e-6
        assert found.gradients[name].ravel()[1] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_positions_are_trained_and_counted() -> None:
    """A network learns which pixels are bright; one label a sample is refused, with what to write for it."""
    draws = np.random.default_rng(3)
    x = draws.random((60, 1, 4, 4))
    labels = (x[:, 0] > 0.5).astype(int)
    network = begun(architecture="conv4x1-relu-conv2x1")
    training = train.Training(network, train.Adam(0.03), batch=20)
    done = train.fit(training, x, labels, 30, validation=(x[:7], labels[:7]))
    assert done[-1].accuracy > 0.95
    assert done[-1].validation == np.mean(decided(network, network.outputs(x[:7])) == labels[:7])
    with pytest.raises(InputError, match=r"labels of shape \(60,\) for outputs at each of \(4, 4\) .*'avg' and a"):
        training.epoch(x, labels[:, 0, 0])
    with pytest.raises(InputError, match=r"labels\[0, 0, 1\] = 2; must be from 0 to 1"):
        training.epoch(x, np.arange(60 * 16).reshape(60, 4, 4) + 1)
    squares = train.MeanSquare()
    assert squares(network.outputs(x), labels)[0] == squares(network.outputs(x), np.stack([1 - labels, labels], 1))[0]


def test_a_pool_without_a_size_is_over_all_positions() -> None:
    """Average and maximum; not with a stride alone."""
    x = np.random.default_rng(3).random((2, 1, 4, 6))
    for part, whole in (("avg", np.mean), ("pool", np.max)):
        network = train.trainable(f"conv3x3-{part}-2", (1, 4, 6))
        train.initialise(network, 2)
        sent = dict(network.sent(x))
        assert network.layers[1].shape == (3, 1, 1)
        assert np.allclose(-sent["pool1"][:, :, 0, 0], whole(-sent["conv1"], axis=(2, 3)))
    with pytest.raises(NetworkError, match="'avgs2': is unknown"):
        train.trainable("conv3x3-avgs2-2", (1, 4, 6))
    with pytest.raises(NetworkError, match="'pool0': needs an input"):
        train.trainable("conv3x3-pool0-2", (1, 4, 6))
