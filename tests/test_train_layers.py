"""The trainer's layers: spike times against the papers' equations in absolute time, gradients against exact
differences."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import spike_time_layers as oracle

from eventsim.errors import MappingError, NetworkError
from eventsim.models.relu.sliding import Sliding
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.constant_slope import ConstantSlope
from eventsim.models.train.initialise import initialise
from eventsim.models.train.linear_maps import ConvMap
from eventsim.models.train.losses import CrossEntropy, MeanSquare, checked_labels
from eventsim.models.train.network import TrainableNetwork, trainable
from eventsim.models.train.parameterisations import parameterisation
from eventsim.models.train.spiking import relu_network

Array = np.ndarray[Any, Any]
LENGTH = Fraction(3)  # of each window


class Weighted:
    """A loss that is linear in the outputs, so that all derivatives are rational."""

    def __init__(self, factors: Array) -> None:
        self.factors = factors

    def __call__(self, outputs: Array, targets: Array) -> tuple[Any, Array]:
        """Return the weighted sum of outputs, and the weights."""
        return (outputs * self.factors).sum(), self.factors + 0 * outputs


def exact_network(architecture: str, shape: tuple[int, ...], slope: str, seed: int) -> TrainableNetwork:
    """A network in Fractions of which no two sums are equal by chance; slopes of alpha neurons are above 0."""
    code: Any = AlphaSlope(Fraction(1)) if slope == "alpha1" else ConstantSlope(Fraction(slope[1:]))
    network = trainable(architecture, shape, code)
    draws = np.random.default_rng(seed)
    for name, values in network.parameters.items():
        hidden_alpha = slope == "alpha1" and not name.startswith("output")
        most = 996 // (values.size // len(values)) if hidden_alpha and values.ndim > 1 else 996
        network.parameters[name] = as_fractions(draws.integers(-most, most + 1, values.shape), 997)
    network.dtype = np.dtype(object)
    return network


def as_fractions(whole: Any, divisor: int) -> Array:
    """Whole numbers by a divisor, as an array of Fractions."""
    return np.array([Fraction(int(n), divisor) for n in whole.ravel()], object).reshape(whole.shape)


def expected(network: TrainableNetwork, x: Array, slope: str) -> list[Any]:
    """The outputs of one sample, by the papers' equations in absolute time."""
    t_start, t_min = Fraction(0), Fraction(1)
    times = [t_min - v for v in x.ravel()]
    for layer in network.layers[:-1]:
        p = network.of(layer)
        rows, biases = p["weight"].reshape(len(p["weight"]), -1).tolist(), p["bias"].tolist()
        t_max = t_min + LENGTH
        inputs = [times]
        if p["weight"].ndim == 4:
            planes = np.array(times, object).reshape(network.input_shape).tolist()
            inputs = oracle.patches(planes, 3, 1, 1, t_min)
        answers = [
            oracle.b1_times(given, rows, biases, t_min, t_max, Fraction(slope[1:]))
            if slope.startswith("b")
            else oracle.alpha_times(given, rows, biases, t_start, t_min, t_max)
            for given in inputs
        ]
        times = [answer[unit] for unit in range(len(rows)) for answer in answers]
        t_start, t_min = t_min, t_max
    p = network.of(network.layers[-1])
    return oracle.outputs(times, p["weight"].tolist(), p["bias"].tolist(), t_min)


@pytest.mark.parametrize("slope", ["b1", "b0.5", "alpha1"])
@pytest.mark.parametrize(("architecture", "shape"), [("5-4-3", (6,)), ("conv2x3-3", (1, 3, 3))])
def test_outputs_are_those_of_the_papers_equations_in_fractions(
    slope: str, architecture: str, shape: tuple[int, ...]
) -> None:
    """Exactly, sample by sample."""
    for seed in range(10):
        network = exact_network(architecture, shape, slope, seed)
        x = as_fractions(np.random.default_rng(100 + seed).integers(0, 9, (4, *shape)), 8)
        found = network.outputs(x)
        assert found.tolist() == [expected(network, sample, slope) for sample in x]


@pytest.mark.parametrize("slope", ["b1", "b0.5"])
@pytest.mark.parametrize(("architecture", "shape"), [("5-4-3", (6,)), ("conv2x3-pool2s1-3", (1, 3, 3))])
def test_gradients_are_exact_differences(slope: str, architecture: str, shape: tuple[int, ...]) -> None:
    """Outputs are piecewise linear in each parameter: away from a kink a small central difference is the derivative."""
    step, checked = Fraction(1, 10**6), 0
    for seed in range(6):
        network = exact_network(architecture, shape, slope, seed)
        draws = np.random.default_rng(200 + seed)
        # Sevenths and thirteenths, so that no sum lies on a kink.
        x = as_fractions(draws.integers(1, 90, (2, *shape)), 91)
        loss = Weighted(as_fractions(draws.integers(-5, 6, network.n_out), 4))
        found = network.gradients(x, loss, x).gradients
        for name, values in network.parameters.items():
            for place in np.ndindex(values.shape):
                kept, sides = values[place], []
                for sign in (1, -1):
                    values[place] = kept + sign * step
                    sides.append(loss(network.outputs(x), x)[0])
                values[place] = kept
                assert found[name][place] == (sides[0] - sides[1]) / (2 * step), (name, place)
                checked += 1
    assert checked > 100


def test_gradients_of_alpha_neurons_are_differences_in_fractions() -> None:
    """Rational in each weight, so a central difference is near: within the square of its step."""
    step = Fraction(1, 10**8)
    for seed in range(6):
        network = exact_network("5-4-3", (6,), "alpha1", seed)
        draws = np.random.default_rng(300 + seed)
        x = as_fractions(draws.integers(1, 90, (2, 6)), 91)
        loss = Weighted(as_fractions(draws.integers(-5, 6, 3), 4))
        found = network.gradients(x, loss, x).gradients
        for name, values in network.parameters.items():
            for place in np.ndindex(values.shape):
                kept, sides = values[place], []
                for sign in (1, -1):
                    values[place] = kept + sign * step
                    sides.append(loss(network.outputs(x), x)[0])
                values[place] = kept
                difference = (sides[0] - sides[1]) / (2 * step)
                assert abs(found[name][place] - difference) <= Fraction(1, 10**10), (name, place)


@pytest.mark.parametrize("architecture", ["9-7-4", "conv3x3-bn-relu-pool2-conv2x3-avg2-4", "conv3x3s2-bn-relu-6-4"])
def test_b1_and_its_relu_twin_have_the_same_gradients_bit_for_bit(architecture: str) -> None:
    """Only signs differ between times and values, and rounding knows no sign."""
    shape = (2, 8, 8) if "conv" in architecture else (12,)
    draws = np.random.default_rng(0)
    x, labels = draws.random((16, *shape)), draws.integers(0, 4, 16)
    passes = []
    for slope in ("b1", "relu"):
        network = trainable(architecture, shape, parameterisation(slope))
        initialise(network, seed=5)
        passes.append(network.gradients(x, CrossEntropy(), labels))
    times, values = passes
    assert times.loss == values.loss
    assert times.gradients.keys() == values.gradients.keys()
    for name, found in times.gradients.items():
        assert np.array_equal(found, values.gradients[name]), name


def test_batch_norm_against_differences() -> None:
    """Its statistics depend on every sample: held against central differences in float64."""
    network = trainable("conv2x3-bn-relu-pool2-3", (1, 4, 4), parameterisation("b1"))
    initialise(network, seed=1)
    draws = np.random.default_rng(1)
    x, labels, step = draws.random((5, 1, 4, 4)), draws.integers(0, 3, 5), 1e-6
    found = network.gradients(x, CrossEntropy(), labels).gradients
    for name, values in network.parameters.items():
        for place in np.ndindex(values.shape):
            kept, sides = values[place], []
            for sign in (1, -1):
                values[place] = kept + sign * step
                sides.append(network.gradients(x, CrossEntropy(), labels).loss)
            values[place] = kept
            # Rounding of the loss, 1e-16, over twice the step, and the curvature.
            assert found[name][place] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=2e-9), (name, place)


def test_a_naive_alpha_neuron_that_does_not_climb_is_silent() -> None:
    """Its slope behind t_min is not above 0."""
    network = trainable("1-1", (1,), AlphaSlope())
    network.parameters["dense1.weight"][...] = -2.0
    network.parameters["dense1.bias"][...] = 5.0
    assert next(network.sent(np.array([[0.5]])))[1].tolist() == [[0.0]]
    found = network.gradients(np.array([[0.5]]), MeanSquare(), np.array([[1.0]])).gradients
    assert not found["dense1.weight"].any()
    assert not found["dense1.bias"].any()


def test_from_relu_and_back() -> None:
    """Weights of spiking neurons that do the same, and the ReLU weights again."""
    draws = np.random.default_rng(2)
    weight, bias = draws.normal(size=(4, 3)) / 4, draws.normal(size=4)
    for code in (ConstantSlope(0.5), AlphaSlope(), AlphaSlope(2.0)):
        again = code.to_relu(*code.from_relu(weight, bias))
        assert np.allclose(again[0], weight, rtol=1e-13)
        assert np.allclose(again[1], bias, rtol=1e-13)
    with pytest.raises(MappingError, match=r"the weights of unit 1 sum to 1\.5; must be below 1"):
        AlphaSlope().from_relu(np.array([[0.1, 0.2], [1.0, 0.5]]), np.zeros(2))


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("", "must be text"),
        ("conv8x3-pool2", "the last part must be the number of outputs, or a conv"),
        ("bn-10", "part 1, 'bn': stands behind no conv"),
        ("conv8x3-bn-pool2-10", "'bn': is followed by no relu; write bn-relu"),
        ("conv8x4-10", "needs channels, and a kernel that is odd"),
        ("20-conv8x3-10", r"follows an input of shape \(20,\)"),
        ("30-drop-10", "part 2, 'drop': is unknown"),
        ("relu-10", "'relu': stands behind no conv"),
        ("0-10", "has no neurons"),
        ("30-bn-bn-relu-10", "part 3, 'bn': stands behind no conv"),
    ],
)
def test_architectures_that_are_none(architecture: str, message: str) -> None:
    """The part is named, and what may stand there."""
    with pytest.raises(NetworkError, match=message):
        trainable(architecture, (1, 8, 8), parameterisation("b1"))


@pytest.mark.parametrize(
    ("architecture", "shapes", "n_taps"),
    [
        ("conv2x3-3", [(2, 9, 8)], 9),
        ("conv2x3p0-3", [(2, 7, 6)], 9),
        ("conv2x5s2-3", [(2, 5, 4)], 25),
        ("conv2x4s3p1-3", [(2, 3, 3)], 16),
        ("pool3-3", [(1, 3, 2)], 9),
        ("pool3s2-3", [(1, 4, 3)], 9),
        ("avg2s1-3", [(1, 8, 7)], 4),
        ("pool-3", [(1, 1, 1)], 72),
    ],
)
def test_kernels_strides_and_paddings_are_those_of_the_line(architecture: str, shapes: Any, n_taps: int) -> None:
    """On 9 × 8 positions, counted by hand."""
    layers: Any = trainable(architecture, (1, 9, 8)).layers
    assert [layer.shape for layer in layers[:-1]] == shapes
    sliding = layers[0].linear.sliding if architecture.startswith("conv") else layers[0].sliding
    assert sliding.n_taps == n_taps


@pytest.mark.parametrize("slope", ["b1", "relu"])
def test_running_statistics_follow_those_of_the_values(slope: str) -> None:
    """Of values also where sums are those of spike times, which are minus these: a tenth of the way each batch, with
    the unbiased variance; what is evaluated, and folded into the ReLU network, uses them."""
    network = trainable("3-bn-relu-2", (4,), slope)
    initialise(network, seed=1)
    draws = np.random.default_rng(2)
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(3):
        x = draws.random((6, 4))
        network.gradients(x, CrossEntropy(), np.arange(6) % 2)
        sums = x @ network.parameters["dense1.weight"].T
        mean, variance = 0.9 * mean + 0.1 * sums.mean(axis=0), 0.9 * variance + 0.1 * sums.var(axis=0, ddof=1)
    assert np.allclose(network.state["dense1.mean"], mean, rtol=0, atol=1e-14)
    assert np.allclose(network.state["dense1.variance"], variance, rtol=0, atol=1e-14)
    network.parameters["dense1.gamma"][...] = 0.5, 2.0, -1.0
    network.parameters["dense1.bias"][...] = 0.1, 0.2, 0.3
    p = network.parameters
    normed = p["dense1.gamma"] * (sums - mean) / np.sqrt(variance + 1e-5) + p["dense1.bias"]
    wanted = np.maximum(normed, 0) @ p["output.weight"].T + p["output.bias"]
    assert np.allclose(network.outputs(x), wanted, rtol=0, atol=1e-13)
    assert np.allclose(relu_network(network).forward(x), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("slope", ["b1", "alpha1", "relu"])
def test_the_cost_of_activity_is_the_sum_of_what_hidden_neurons_send_a_sample(slope: str) -> None:
    """Its gradient is that of cost × sum of |sent| / n, by differences; outputs that do not fire cost nothing."""
    network = trainable("5-4-3", (6,), slope)
    initialise(network, seed=1)
    draws, cost, step = np.random.default_rng(4), 0.3, 1e-6
    x, labels = draws.random((7, 6)), draws.integers(0, 3, 7)

    def spent() -> float:
        return cost * sum(float(np.abs(sent).sum()) for name, sent in network.sent(x) if name != "output") / len(x)

    free = network.gradients(x, CrossEntropy(), labels).gradients
    paid = network.gradients(x, CrossEntropy(), labels, cost).gradients
    for name, values in network.parameters.items():
        for place in list(np.ndindex(values.shape))[::3]:
            kept, sides = values[place], []
            for sign in (1, -1):
                values[place] = kept + sign * step
                sides.append(spent())
            values[place] = kept
            difference = (sides[0] - sides[1]) / (2 * step)
            assert (paid[name] - free[name])[place] == pytest.approx(difference, rel=1e-6, abs=1e-7), (name, place)


def test_an_average_pool_gives_means() -> None:
    network = trainable("avg2-2", (1, 2, 4))
    network.parameters["output.weight"][...] = np.eye(2)
    x = np.arange(8).reshape(1, 1, 2, 4) / 8
    assert network.outputs(x).tolist() == [[(0 + 1 + 4 + 5) / 32, (2 + 3 + 6 + 7) / 32]]


def test_weights_of_groups_have_the_channels_of_their_group() -> None:
    assert ConvMap(6, 4, Sliding("here", (3, 5)), groups=2).weight_shape == (6, 2, 3, 5)


def test_the_mean_square_and_its_gradient_by_hand() -> None:
    """Of numbers, and of labels, which stand for 1 and 0."""
    outputs = np.array([[1.0, 0.0], [0.5, -1.0]])
    loss, gradient = MeanSquare()(outputs, np.array([[0.0, 0.0], [0.5, 1.0]]))
    assert loss == 5 / 4
    assert gradient.tolist() == [[0.5, 0.0], [0.0, -1.0]]
    loss, gradient = MeanSquare()(outputs, np.array([0, 1]))
    assert loss == 4.25 / 4
    assert gradient.tolist() == [[0.0, 0.0], [0.25, -1.0]]


def test_weights_that_sum_to_one_have_no_alpha_neuron() -> None:
    """Exactly one, too: the slope would be without bound."""
    with pytest.raises(MappingError, match="the weights of unit 1 sum to 1; must be below 1"):
        AlphaSlope(1.0).from_relu(np.array([[0.25, 0.5], [0.25, 0.75]]), np.zeros(2))


def test_labels_out_of_range() -> None:
    """The first wrong one is named."""
    with pytest.raises(Exception, match=r"labels\[1\] = 3; must be from 0 to 2"):
        checked_labels("training", [0, 3, 1], 3, 3)
    with pytest.raises(Exception, match=r"labels\[0\] = -1; must be from 0 to 2"):
        checked_labels("training", [-1, 2, 1], 3, 3)
    with pytest.raises(Exception, match="must be whole numbers"):
        checked_labels("training", [0.5, 1, 1], 3, 3)


def test_alpha_neurons_have_no_batch_norm() -> None:
    """It would change their weights, and so their slope."""
    with pytest.raises(NetworkError, match="layer 'dense1': a batch norm before neurons of slope 'alpha1'"):
        trainable("4-bn-relu-2", (3,), AlphaSlope())


def test_inputs_are_not_written() -> None:
    """Papers write 784-340-10; here that is three layers, which is said."""
    with pytest.warns(UserWarning, match="begins with a layer of 6 neurons, as many as there are inputs"):
        trainable("6-4-3", (6,))
    assert [layer.shape for layer in trainable("4-3", (6,)).layers] == [(4,), (3,)]
