"""`train.gradients` of mapped networks: those of the trainer, of the ReLU network and of PyTorch's autograd, to 1e-12.

A trainer computes spike times layer by layer in closed form, and differentiates these formulas; the event simulator's
gradients walk back over the spikes that there were. Where no neuron fires early both are derivatives of one function.
The trained numbers of a layer are W and D: its threshold is what the window makes of them, by the chain rule.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import Network, Run, models
from eventsim.models import digits, train
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.constant_slope import ConstantSlope
from eventsim.models.train.layers import EarliestPool, Neurons
from eventsim.models.train.linear_maps import ConvMap
from eventsim.models.train.losses import CrossEntropy
from eventsim.models.train.network import TrainableNetwork, trainable

# Terms of both signs are added up in another order, of times that have lost four bits to a window of 16: a few 1e-15.
NORMWISE = 1e-12
WINDOW = 16.0
CASES = [
    ("12-8-4", (9,)),
    ("conv4x3-pool2-6-3", (2, 6, 6)),
    ("conv4x3s2-conv3x2p1-4", (1, 7, 7)),
    ("conv4x3p0-5-3", (2, 8)),
]  # fmt: skip


def trained(architecture: str, shape: tuple[int, ...], code: Any, seed: int) -> TrainableNetwork:
    """Weights and biases of a ReLU network, those of each unit with a sum below 1, as parameters of `code`."""
    random = np.random.default_rng(seed)
    network = trainable(architecture, shape, code)
    for layer in network.layers:
        if isinstance(layer, EarliestPool):
            continue
        weight, bias = network.of(layer).values()
        rows = random.normal(0.0, 1.0 / np.sqrt(weight[0].size), weight.shape).reshape(len(weight), -1)
        rows /= np.maximum(1.0, 2.0 * rows.sum(axis=1, keepdims=True))
        given = rows.reshape(weight.shape), random.normal(0.0, 0.3, bias.shape)
        weight[...], bias[...] = code.from_relu(*given) if isinstance(layer, Neurons) else given
    return network


def windows(network: TrainableNetwork) -> Iterator[tuple[Any, float, float, float]]:
    """(layer, t_start, t_min, t_max) of each layer but the pools."""
    t_start, t_min = 0.0, 1.0
    for layer in network.layers:
        if not isinstance(layer, EarliestPool):
            yield layer, t_start, t_min, t_min + WINDOW
            t_start, t_min = t_min, t_min + WINDOW


def spiking(network: TrainableNetwork) -> Network:
    """The network of these parameters."""
    given = {layer.name: (t_start, t_min, t_max) for layer, t_start, t_min, t_max in windows(network)}
    fields = []
    for layer in network.layers:
        if isinstance(layer, EarliestPool):
            fields.append({"name": layer.name, "pool": layer.sliding.kernel, "stride": layer.sliding.stride})
            continue
        own, (t_start, t_min, t_max) = network.of(layer), given[layer.name]
        if not isinstance(layer, Neurons):
            fields.append({"name": layer.name, "W": own["weight"], "D": own["bias"]})
            continue
        field: dict[str, Any] = {"name": layer.name, "t_min": t_min, "t_max": t_max}
        if isinstance(layer.linear, ConvMap):
            field |= {"stride": layer.linear.sliding.stride, "padding": layer.linear.sliding.padding}
        if isinstance(network.code, AlphaSlope):
            slopes = network.code.slopes(own["weight"])
            field |= {"J": own["weight"], "threshold": (t_min - t_start) + slopes * WINDOW - own["bias"]}
        else:
            field |= {"W": own["weight"], "D": own["bias"]}
        fields.append(field)
    return models.ttfs_network(fields, network.input_shape)


def by_trained(network: TrainableNetwork, found: train.Gradients) -> dict[str, np.ndarray]:
    """Gradients of a run by the trained W and D."""
    weights = {name.split(" -> ")[1]: values for name, values in found.weights.items()}
    made: dict[str, np.ndarray] = {}
    for layer, t_start, t_min, _ in windows(network):
        name, weight = layer.name, weights[layer.name]
        if not isinstance(layer, Neurons):
            made |= {f"{name}.weight": weight, f"{name}.bias": found.drifts[name] / (t_min - t_start)}
            continue
        by_unit = found.thresholds[name].reshape(len(weight), -1).sum(axis=1)
        if isinstance(network.code, AlphaSlope):  # the threshold holds the slope, and so each weight, times the window
            weight = weight + WINDOW * by_unit.reshape(-1, *[1] * (weight.ndim - 1))
        made |= {f"{name}.weight": weight, f"{name}.bias": -by_unit}
    return made


def simulated(network: TrainableNetwork, x: np.ndarray) -> Run:
    run = eventsim.simulate(spiking(network), x, engine="reference", progress=False)
    assert run.counters["premature"] == 0
    assert run.readout == pytest.approx(network.outputs(x), rel=1e-10, abs=1e-10)
    return run


def batch(shape: tuple[int, ...], n_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs off the edges 0 and 1, at which derivatives differ by side."""
    random = np.random.default_rng(seed)
    return random.uniform(0.05, 0.95, (3, *shape)), random.integers(0, n_classes, 3)


def off(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> float:
    assert found.keys() == wanted.keys()
    return max(float(np.linalg.norm(found[name] - wanted[name]) / np.linalg.norm(wanted[name])) for name in wanted)


@pytest.mark.parametrize("code", [ConstantSlope(1.0), AlphaSlope(1.0)], ids=["b1", "alpha1"])
@pytest.mark.parametrize(("architecture", "shape"), CASES, ids=[name for name, _ in CASES])
def test_gradients_are_those_of_the_trainer(architecture, shape, code):
    network = trained(architecture, shape, code, seed=3)
    x, labels = batch(shape, network.n_out, seed=4)
    run = simulated(network, x)
    silent = np.concatenate([np.isinf(run.spike_times(name)).ravel() for name in run.populations[1:-1]])
    assert 0.05 < silent.mean() < 0.95
    found = train.gradients(run, train.OnReadout(CrossEntropy(), labels))
    wanted = network.gradients(x, CrossEntropy(), labels)
    assert found.value == pytest.approx(wanted.loss, rel=1e-10)
    assert off(by_trained(network, found), wanted.gradients) < NORMWISE


@pytest.mark.references
@pytest.mark.parametrize(("architecture", "shape"), CASES, ids=[name for name, _ in CASES])
def test_gradients_of_b1_are_those_of_autograd_on_the_relu_network(architecture, shape):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    network = trained(architecture, shape, ConstantSlope(1.0), seed=5)
    x, labels = batch(shape, network.n_out, seed=6)
    given = {name: torch.tensor(values, requires_grad=True) for name, values in network.parameters.items()}
    values = inputs = torch.tensor(x, requires_grad=True)
    layer: Any
    for layer in network.layers:
        if isinstance(layer, EarliestPool):
            pool = {1: functional.max_pool1d, 2: functional.max_pool2d}[len(layer.shape) - 1]
            values = pool(values, layer.sliding.kernel, layer.sliding.stride)
            continue
        weight, bias = given[f"{layer.name}.weight"], given[f"{layer.name}.bias"]
        if isinstance(layer.linear, ConvMap):
            conv = {1: functional.conv1d, 2: functional.conv2d}[len(layer.shape) - 1]
            values = conv(values, weight, bias, layer.linear.sliding.stride, layer.linear.sliding.padding[0][0])
        else:
            values = values.reshape(len(x), -1) @ weight.T + bias
        values = torch.relu(values) if isinstance(layer, Neurons) else values
    loss = functional.cross_entropy(values, torch.tensor(labels))
    loss.backward()
    found = train.gradients(simulated(network, x), train.OnReadout(CrossEntropy(), labels))
    assert found.value == pytest.approx(loss.item(), rel=1e-10)
    wanted = {name: one.grad.numpy() for name, one in given.items()}
    assert off(by_trained(network, found), wanted) < NORMWISE
    # A larger value is an earlier spike.
    assert off({"x": -found.first_inputs("input").reshape(x.shape)}, {"x": inputs.grad.numpy()}) < NORMWISE


def test_gradients_by_inputs_of_the_digits_network_are_its_sensitivity():
    """Two convolutions, two pools and some 300 spikes: another code, which goes layer by layer."""
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0])
    x = np.clip(digits.test_images()[0][:1], 0.02, 0.98)
    run = eventsim.simulate(net, x, progress=False)
    wanted = models.sensitivity(net, x, output=3, run=run).gradients["input"]
    found = train.gradients(run, lambda _: train.Cotangents(0.0, readout=np.eye(10)[[3]]))
    assert found.first_inputs("input") == pytest.approx(wanted, rel=1e-11, abs=1e-11 * np.abs(wanted).max())
