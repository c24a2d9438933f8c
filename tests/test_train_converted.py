"""A trainable network of a converted one computes what the trained network does; what is no chain is refused."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from eventsim.errors import MappingError, NetworkError
from eventsim.models import digits, to_ttfs
from eventsim.models.relu.relu_network import (
    Add,
    AveragePool,
    BatchNorm,
    Clip,
    Conv,
    Dense,
    Flatten,
    Layer,
    LeakyReLU,
    MaxPool,
    Quantizer,
    ReluNetwork,
)
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.constant_slope import ConstantSlope
from eventsim.models.train.converted import chained, trainable_from
from eventsim.models.train.layers import EarliestPool, Neurons
from eventsim.models.train.losses import CrossEntropy
from eventsim.models.train.network import TrainableNetwork
from eventsim.models.train.spiking import relu_network, spiking_network
from eventsim.simulate import simulate

Array = np.ndarray[Any, Any]
SLOPES = ["b1", "b0.5", "alpha1", "relu"]


def norm(draws: Any, name: str, n: int, relu: bool = False) -> BatchNorm:
    """A batch norm, some of whose scales are negative."""
    gamma = draws.uniform(0.5, 1.5, n) * draws.choice([-1, 1, 1], n)
    beta, mean = draws.normal(0, 0.5, (2, n))
    return BatchNorm(name, gamma, beta, mean, draws.uniform(0.5, 2, n), 1e-3, relu)


def random_chain(seed: int) -> ReluNetwork:
    """Convolutions and dense layers with batch norms before or behind their ReLUs, pools, padding, strides, groups."""
    draws = np.random.default_rng(seed)
    shape: tuple[int, ...] = (2, 9, 8)
    c = shape[0]
    layers: list[Layer] = []
    for k in range(1, 3):
        out, groups = int(draws.integers(2, 5)) * 2, int(draws.choice([1, 2]))
        size, where = int(draws.choice([1, 2, 3])), draws.choice(["none", "before", "behind"])
        weight = draws.normal(0, 1 / size, (out, c // groups, size, size))
        padding = [(0, size - 1), (size // 2, size // 2)]
        layers += [Conv(f"conv{k}", weight, draws.normal(0, 0.3, out), where != "before", 1, padding, groups=groups)]
        if where != "none":
            layers.append(norm(draws, f"norm{k}", out, relu=where == "before"))
        if k == 1 or draws.random() < 0.5:
            pool = [MaxPool(f"pool{k}", (2, 2), int(draws.choice([1, 2])), 1), AveragePool(f"pool{k}", (2, 3), 2, 1)]
            layers.append(pool[int(draws.integers(2))])
        c = out
    for layer in layers:
        shape = layer.output_shape(shape)
    n = int(np.prod(shape))
    layers += [Flatten("flat"), Dense("dense", draws.normal(0, n**-0.5, (7, n)), draws.normal(0, 0.3, 7), True)]
    if draws.random() < 0.5:
        layers.append(norm(draws, "norm", 7))
    layers.append(Dense("last", draws.normal(0, 0.5, (4, 7)), draws.normal(0, 0.3, 4), False))
    return ReluNetwork(layers, (2, 9, 8))


@pytest.mark.parametrize("slope", SLOPES)
def test_outputs_are_those_of_the_trained_network(slope: str) -> None:
    """To rounding, for chains of all layers, in both directions."""
    kinds = set()
    for seed in range(25):
        relu = random_chain(seed)
        x = np.random.default_rng(seed).random((6, 2, 9, 8))
        network = trainable_from(relu, slope)
        wanted = relu.forward(x)
        tolerance = 1e-12 * max(1.0, float(np.abs(wanted).max()))
        assert np.abs(network.outputs(x) - wanted).max() < tolerance, seed
        back = relu_network(network)
        assert np.abs(back.forward(x) - wanted).max() < tolerance, seed
        kinds |= {type(layer).__name__ for layer in network.layers}
        kinds |= {"smallest"} if any(getattr(layer, "smallest", ()) for layer in network.layers) else set()
        kinds |= {"everywhere"} if any(getattr(layer, "everywhere", False) for layer in network.layers) else set()
    assert kinds == {"Neurons", "ReadOut", "EarliestPool", "MeanPool", "smallest", "everywhere"}


@pytest.mark.parametrize("code", [ConstantSlope(Fraction(1)), ConstantSlope(Fraction(1, 2)), AlphaSlope(Fraction(1))])
def test_outputs_are_those_of_the_trained_network_exactly_in_fractions(code: Any) -> None:
    """Whatever is folded and scaled; average pools apart, whose means the trainer takes in floats."""
    tried = 0
    for seed in range(25):
        relu = random_chain(seed)
        if any(isinstance(layer, AveragePool) for layer in relu.layers):
            continue
        layers, arrays = chained(relu, code, object, (Fraction(0), Fraction(1)))
        network = TrainableNetwork(layers, relu.input_shape, code, object)
        network.parameters = {name: arrays[name] for name in network.parameters}
        x = np.array([Fraction(int(n), 8) for n in np.random.default_rng(seed).integers(0, 9, 144)], object)
        assert network.outputs(x[None]).tolist() == relu.forward(x[None], object).tolist()
        tried += 1
        if tried == 3:
            break
    assert tried == 3


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_a_range_of_inputs_is_folded(slope: str) -> None:
    for seed in range(6):
        relu = random_chain(seed)
        x = np.random.default_rng(seed).uniform(-3, 3, (4, 2, 9, 8))
        try:
            network = trainable_from(relu, slope, input_range=(-3, 3))
        except MappingError as refused:  # pools of what is not cut yet
            assert "that two populations carry" in str(refused)  # noqa: PT017
            continue
        wanted = relu.forward(x)
        assert np.abs(network.outputs((x + 3) / 6) - wanted).max() < 1e-11 * max(1.0, float(np.abs(wanted).max()))


@pytest.mark.parametrize("relu", [digits.network(), digits.dense_network()], ids=["conv", "dense"])
def test_layers_are_called_as_the_populations_of_the_mapping(relu: ReluNetwork) -> None:
    network = trainable_from(relu)
    net = to_ttfs(relu, digits.calibration_images()[0])
    assert [layer.name for layer in network.layers] == [node.name for node in net.populations]
    assert [layer.shape for layer in network.layers] == [node.shape for node in net.populations]


def test_sums_of_alpha_neurons_are_scaled() -> None:
    network = trainable_from(digits.dense_network(), "alpha1")
    for layer in network.layers[:-1]:
        j = network.of(layer)["weight"]
        sums = (j / (1 + j.sum(axis=1, keepdims=True))).sum(axis=1)
        assert (sums <= 0.99 + 1e-12).all()
        assert (sums >= -10 - 1e-12).all()


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_the_event_simulator_computes_it(slope: str) -> None:
    """Min pools and biases of single neurons among it."""
    seed = next(s for s in range(25) if "smallest" in kinds_of(s) and "everywhere" in kinds_of(s))
    relu = random_chain(seed)
    x = np.random.default_rng(1).random((2, 2, 9, 8))
    network = trainable_from(relu, slope)
    network.windows = dict.fromkeys(network.windows, 300.0)
    run = simulate(spiking_network(network), x, engine="reference")
    assert np.abs(run.readout - relu.forward(x)).max() < 1e-10


def kinds_of(seed: int) -> set[str]:
    """Which of the rarer layers the network of a seed has."""
    layers = trainable_from(random_chain(seed)).layers
    found = {"smallest"} if any(isinstance(one, EarliestPool) and one.smallest for one in layers) else set()
    return found | ({"everywhere"} if any(isinstance(one, Neurons) and one.everywhere for one in layers) else set())


def test_gradients_of_min_pools_and_of_biases_everywhere_are_differences() -> None:
    seed = next(s for s in range(25) if {"smallest", "everywhere"} <= kinds_of(s))
    network = trainable_from(random_chain(seed))
    draws = np.random.default_rng(3)
    x, labels, loss = draws.random((3, 2, 9, 8)), draws.integers(0, 4, 3), CrossEntropy()
    found = network.gradients(x, loss, labels).gradients
    for name, values in network.parameters.items():
        for place in [tuple(draws.integers(0, n) for n in values.shape) for _ in range(4)]:
            kept, sides = values[place], []
            for step in (1e-6, -1e-6):
                values[place] = kept + step
                sides.append(loss(network.outputs(x), labels)[0])
            values[place] = kept
            assert found[name][place] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=2e-8), (name, place)


def test_float32_is_near() -> None:
    network = trainable_from(digits.network(), dtype=np.float32)
    x = digits.test_images()[0][:50]
    assert network.outputs(x).dtype == np.float32
    assert np.abs(network.outputs(x) - digits.network().forward(x)).max() < 1e-4


def dense(name: str, n_out: int, n_in: int, relu: bool = True) -> Dense:
    return Dense(name, np.ones((n_out, n_in)), np.zeros(n_out), relu)


LAST = dense("last", 2, 3, relu=False)
ADDED = ReluNetwork([dense("a", 3, 3), Add("sum"), LAST], (3,), inputs={"sum": ("a", "input")})
REFUSED = {
    "a sum": (ADDED, "layer 'sum' is of kind 'add'"),
    "leaky": (ReluNetwork([dense("a", 3, 3, False), LeakyReLU("leak", 0.1 * np.ones(3)), LAST]), "layer 'leak' is"),
    "clip": (
        ReluNetwork([dense("a", 3, 3, relu=False), Clip("cut", 0.0, 6.0), LAST]),
        "layer 'cut' is of kind",
    ),
    "no relu": (ReluNetwork([dense("a", 3, 3, relu=False), LAST]), "layer 'a' takes|which no ReLU has cut"),
    "quantizer": (
        ReluNetwork([dense("a", 3, 3), LAST], quantizers={"a": Quantizer(0.1, 0, 0, 255)}),
        "layer 'a' has a quantizer",
    ),
    "padding out of a mean": (
        ReluNetwork(
            [
                Conv("c", np.ones((1, 1, 1, 1)), np.zeros(1), True),
                AveragePool("mean", (2, 2), 1, 1, count_include_pad=False),
                Flatten("flat"),
                dense("last", 2, 9, relu=False),
            ],
            (1, 2, 2),
        ),
        "layer 'mean' is an average pool that leaves its padding out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_chain_is_refused_with_its_layer(what: str) -> None:
    relu, message = REFUSED[what]
    with pytest.raises(MappingError, match=message) as refused:
        trainable_from(relu)
    assert "must be a chain of dense layers and convolutions" in str(refused.value)


def test_other_dtypes_are_refused() -> None:
    with pytest.raises(NetworkError, match="must be float64 or float32"):
        trainable_from(digits.dense_network(), dtype=np.int32)
