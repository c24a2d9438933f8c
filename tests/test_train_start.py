"""Where training begins: initial weights, and what a step on spiking weights moves."""

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from matplotlib import image
from starts import SIGMAS, started

from eventsim.errors import InputError, NetworkError
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.constant_slope import ConstantSlope
from eventsim.models.train.initialise import LARGEST_SUM, RULES, initialise, row_variance
from eventsim.models.train.losses import CrossEntropy, MeanSquare
from eventsim.models.train.naive_start import NORMAL
from eventsim.models.train.network import TrainableNetwork, trainable
from eventsim.models.train.optimizers import Adam
from eventsim.models.train.relu_twin import ReluTwin
from eventsim.models.train.sharpness import sharpness
from eventsim.models.train.weight_metric import step_factors

Array = np.ndarray[Any, Any]


# --- what a step moves


def moved_weights(code: Any, weight: Array, bias: Array) -> Array:
    """d(w, b) / d(parameters) of one neuron by central differences, (n + 1, n + 1)."""
    size, columns = 1e-6, []
    for place in range(weight.size + 1):
        sides = []
        for sign in (1, -1):
            shifted, shifted_bias = weight.copy(), bias.copy()
            if place < weight.size:
                shifted[0, place] += sign * size
            else:
                shifted_bias += sign * size
            w, b = code.to_relu(shifted, shifted_bias)
            sides.append(np.append(w.ravel(), b))
        columns.append((sides[0] - sides[1]) / (2 * size))
    return np.array(columns).T


@pytest.mark.parametrize("code", [ConstantSlope(1.0), ConstantSlope(0.5), AlphaSlope(), AlphaSlope(2.0), ReluTwin()])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_step_factors_are_the_eigenvalues_of_the_metric(code: Any, n: int) -> None:
    draws = np.random.default_rng(n)
    for _ in range(5):
        w = draws.normal(size=(1, n)) / n
        weight, bias = code.from_relu(w - max(w.sum() - 0.5, 0) / n, draws.normal(size=1))
        a = moved_weights(code, weight, bias)
        expected = np.linalg.eigvalsh(a @ a.T)
        least, largest = step_factors(code, weight, bias)
        # Central differences of step 1e-6 in float64 are good to about 1e-9 of the largest entries.
        assert largest[0] == pytest.approx(expected[-1], rel=1e-7)
        assert least[0] == pytest.approx(expected[0], rel=1e-6, abs=1e-8 * expected[-1])


def test_a_neuron_that_does_not_climb_is_moved_by_no_step() -> None:
    least, largest = step_factors(AlphaSlope(), np.array([[-1.0, -0.5]]), np.zeros(1))
    assert least.tolist() == largest.tolist() == [0.0]


def test_step_factors_of_unknown_neurons_are_refused() -> None:
    class Other:
        name = "own"

    with pytest.raises(InputError, match="parameterisation 'own'; must be a constant slope"):
        step_factors(Other(), np.zeros((1, 1)), np.zeros(1))  # type: ignore[arg-type]


def test_smart_alpha_neurons_are_stretched_in_proportion_to_their_inputs() -> None:
    """Where s = 0 and |w|² = 2, T = 2 + 2 n: the largest factor is about twice the fan-in."""
    for n in (50, 200):
        w = np.random.default_rng(n).normal(0, math.sqrt(2 / n), (1, n))
        w -= w.mean()
        largest = float(step_factors(AlphaSlope(), w, np.zeros(1))[1][0])
        assert largest == pytest.approx(n * float((w**2).sum()) + 2, rel=1e-3)


def test_sharpness_is_the_largest_eigenvalue_of_the_hessian() -> None:
    """Of linear outputs under a mean square: 2 X'X / (n n_out), X with a column of ones for the biases."""
    network = started("3", (5,), "b1", seed=1)
    x, targets = np.random.default_rng(0).random((40, 5)), np.random.default_rng(1).random((40, 3))
    design = np.column_stack([x, np.ones(40)])
    expected = np.linalg.eigvalsh(2 * design.T @ design / (40 * 3))[-1]
    # Quadratic, so that differences are good to rounding; the second eigenvalue is far below, and is forgotten.
    assert sharpness(network, x, MeanSquare(), targets) == pytest.approx(expected, rel=1e-7)
    assert 0 < sharpness(network, x, MeanSquare(), targets, rounds=1) < expected  # a mean of eigenvalues
    rounded = network.copy()
    rounded.dtype = np.dtype(np.float32)
    rounded.parameters = {name: values.astype(np.float32) for name, values in network.parameters.items()}
    before = {name: values.copy() for name, values in rounded.parameters.items()}
    # The second derivative of what is quadratic is the same everywhere, and float64 finds it.
    assert sharpness(rounded, x, MeanSquare(), targets) == pytest.approx(expected, rel=1e-7)
    assert all((values == before[name]).all() for name, values in rounded.parameters.items())


def second_derivative(network: TrainableNetwork, x: Array, targets: Array) -> Array:
    """Of the mean square in all parameters, by central differences of gradients, in the order of the parameters."""
    columns, step = [], 1e-5
    for values in network.parameters.values():
        for place in np.ndindex(values.shape):
            kept, sides = values[place], []
            for sign in (1, -1):
                values[place] = kept + sign * step
                found = network.gradients(x, MeanSquare(), targets).gradients
                sides.append(np.concatenate([found[name].ravel() for name in network.parameters]))
            values[place] = kept
            columns.append((sides[0] - sides[1]) / (2 * step))
    return np.array(columns)


def test_the_curvature_in_spiking_weights_is_that_in_relu_weights_between_two_maps() -> None:
    """A'HA, where targets are met; so at most the largest step factor times that in ReLU weights."""
    x = np.random.default_rng(0).random((60, 6))
    spiking, twin = started("5-2", (6,), "alpha1", seed=2), started("5-2", (6,), "b1", seed=2)
    weight, bias = spiking.parameters["dense1.weight"], spiking.parameters["dense1.bias"]
    twin.parameters["dense1.weight"][...] = spiking.code.to_relu(weight, bias)[0]
    targets = spiking.outputs(x)
    curved = second_derivative(twin, x, targets)
    a = np.eye(len(curved))
    for unit in range(5):
        places = [*range(6 * unit, 6 * unit + 6), 30 + unit]
        a[np.ix_(places, places)] = moved_weights(spiking.code, weight[unit : unit + 1], bias[unit : unit + 1])
    expected = np.linalg.eigvalsh(a.T @ curved @ a)[-1]
    found = sharpness(spiking, x, MeanSquare(), targets, rounds=300)
    # Differences of step 1e-5 to 1e-6; power iteration forgets the second eigenvalue by its ratio to the 600th power.
    assert found == pytest.approx(expected, rel=1e-5)
    largest = max(1.0, float(step_factors(spiking.code, weight, bias)[1].max()))
    assert found <= largest * np.linalg.eigvalsh(curved)[-1]


# --- initial weights


@pytest.mark.parametrize("slope", ["b1", "b0.5", "alpha1", "alpha2"])
@pytest.mark.parametrize("rule", RULES)
def test_effective_weights_of_any_slope_are_those_of_the_rule(slope: str, rule: str) -> None:
    n_out, n_in = 300, 200
    twin = started(f"{n_out}-2", (n_in,), "relu", seed=9, rule=rule).parameters["dense1.weight"]
    network = trainable(f"{n_out}-2", (n_in,), "relu")
    n_lowered = initialise(network, seed=9, rule=rule, slope=slope)["dense1"]
    assert network.code.name == slope
    w, b = network.code.to_relu(network.parameters["dense1.weight"], network.parameters["dense1.bias"])
    assert not b.any()
    above = twin.sum(axis=1) > LARGEST_SUM
    assert n_lowered == (above.sum() if slope.startswith("alpha") else 0)
    kept = ~above if n_lowered else np.ones(n_out, bool)
    # One division by 1 - sum, up to 100, and back.
    assert np.allclose(w[kept], twin[kept], rtol=1e-11, atol=1e-14)
    assert np.allclose(w[~kept].sum(axis=1), LARGEST_SUM, rtol=1e-11)
    variance, size = row_variance(rule, (n_out, n_in)), w.size
    # Lowering moves the variance by less than 1 / n_in of it.
    assert abs(w.var() * n_in / variance - 1) < SIGMAS * math.sqrt(2 / size) + 1 / n_in
    lowered = lowered_mean(variance) if slope.startswith("alpha") else 0.0
    assert abs(w.sum(axis=1).mean() + lowered) < SIGMAS * math.sqrt(variance / n_out)
    if n_lowered:
        expected = 1 - NORMAL.cdf(LARGEST_SUM / math.sqrt(variance))
        assert abs(n_lowered / n_out - expected) < SIGMAS * math.sqrt(expected / n_out)


def lowered_mean(variance: float) -> float:
    """How much lower the mean of sums N(0, variance) is once they are cut at the largest sum."""
    sigma = math.sqrt(variance)
    z = LARGEST_SUM / sigma
    return sigma * NORMAL.pdf(z) - LARGEST_SUM * (1 - NORMAL.cdf(z))


@pytest.mark.parametrize(
    ("rule", "variance", "largest"),
    [
        ("he_normal", 2 / 300, None),
        ("he_uniform", 2 / 300, math.sqrt(6 / 300)),
        ("glorot_normal", 2 / 500, None),
        ("glorot_uniform", 2 / 500, math.sqrt(6 / 500)),
        ("torch", 1 / 900, math.sqrt(1 / 300)),
    ],
)
def test_rules_are_those_of_their_authors(rule: str, variance: float, largest: float | None) -> None:
    """Of 200 neurons with 300 inputs, by hand: 60,000 draws know their variance to 0.6 % (normal), mean to 0.4 %."""
    network = trainable("200-200-200-3", (300,))
    initialise(network, 3, rule)
    weight = network.parameters["dense1.weight"]
    assert weight.var() == pytest.approx(variance, rel=0.03)
    assert abs(weight.mean()) < 0.02 * math.sqrt(variance)
    if largest is not None:
        assert 0.999 * largest < np.abs(weight).max() <= largest
    assert (network.parameters["dense2.weight"] != network.parameters["dense3.weight"]).all()  # draws of their own


def test_a_network_that_was_trained_begins_anew() -> None:
    """Biases and gammas too: the same seed gives the same network, whatever it was."""
    network = trainable("conv4x3-bn-relu-5-3", (1, 4, 4))
    initialise(network, 2)
    first = {name: values.copy() for name, values in network.parameters.items()}
    assert (first["conv1.gamma"] == 1).all()
    assert not first["conv1.bias"].any()
    for values in network.parameters.values():
        values[...] = 0.5
    initialise(network, 2)
    assert all((network.parameters[name] == values).all() for name, values in first.items())


def test_the_kernels_of_a_convolution_are_drawn_and_lowered_as_rows() -> None:
    network = started("conv64x3-2", (4, 6, 6), "alpha1", seed=1)
    w, _ = network.code.to_relu(network.parameters["conv1.weight"], network.parameters["conv1.bias"])
    sums = w.reshape(64, -1).sum(axis=1)
    assert sums.max() == pytest.approx(LARGEST_SUM, rel=1e-11)
    assert abs(w.var() * 36 / 2 - 1) < SIGMAS * math.sqrt(2 / w.size) + 1 / 36


def test_naive_weights_are_the_relu_weights_as_they_are() -> None:
    twin, naive = (started("9-2", (5,), slope, seed=2, start="naive") for slope in ("relu", "alpha1"))
    for name, values in twin.parameters.items():
        assert np.array_equal(values, naive.parameters[name])


def test_a_slope_that_a_layer_does_not_take_leaves_the_network_as_it_was() -> None:
    network = trainable("4-bn-relu-2", (3,), "b1")
    with pytest.raises(NetworkError, match="a batch norm before neurons of slope 'alpha1'"):
        initialise(network, slope="alpha1")
    assert network.code.name == "b1"


def test_at_a_positive_input_lowered_sums_send_less() -> None:
    """For He's weights and inputs that are values of ReLUs, 0.75 of the mean square a layer, as the page says."""
    n = 2000
    x = np.maximum(np.random.default_rng(0).normal(size=n), 0) / 4
    sent = []
    for slope in ("b1", "alpha1"):
        network = started(f"{n}-2", (n,), slope, seed=3)
        sent.append(float((next(network.sent(x[None]))[1] ** 2).mean()))
    # Derived: z = s m + N(0, v (q - m²)), s ~ N(0, v) cut at 0.99 or not, m² = q / pi.
    sums = np.random.default_rng(1).normal(0, math.sqrt(2), 400_000)
    rest = np.random.default_rng(2).normal(0, math.sqrt(2 * (1 - 1 / math.pi)), sums.size)
    lowered, free = (
        float((np.maximum(one / math.sqrt(math.pi) + rest, 0) ** 2).mean())
        for one in (np.minimum(sums, LARGEST_SUM), sums)
    )
    assert round(lowered / free, 2) == 0.75
    # Means of n squares of rectified normal numbers, twice; the same draws in part.
    assert abs(sent[1] / sent[0] - lowered / free) < SIGMAS * math.sqrt(5 / n)


def slopes_after_a_step(rate: float, n: int) -> tuple[float, float]:
    """How far one step of Adam moves the slopes of alpha neurons, and their weights: the largest change of each."""
    network = started(f"{n}-3", (n,), "alpha1", seed=1)
    before = network.parameters["dense1.weight"].copy()
    x, labels = np.random.default_rng(0).random((32, n)), np.random.default_rng(1).integers(0, 3, 32)
    found = network.gradients(x, CrossEntropy(), labels)
    Adam(rate).step(network.parameters, found.gradients, {}, 1, rate)
    moved = network.parameters["dense1.weight"] - before
    return float(abs(moved.sum(axis=1)).max()), float(abs(moved).max())


def test_one_step_of_adam_moves_a_slope_as_far_as_it_has_inputs() -> None:
    """All weights of a neuron whose value is beyond its inputs are pushed alike, each by the rate."""
    for n in (50, 200):
        slope, weight = slopes_after_a_step(1e-3, n)
        assert weight == pytest.approx(1e-3, rel=1e-3)
        assert 0.8 * n * 1e-3 < slope <= n * 1e-3 * (1 + 1e-9)


# --- the scripts


def script(path: str) -> ModuleType:
    """A script of the repository as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, Path(__file__).parents[1] / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def test_the_example_of_trajectories_draws_its_picture(tmp_path: Path) -> None:
    module: Any = script("examples/trajectories.py")
    kept, module.PICTURE, module.EPOCHS, module.WIDE = module.PICTURE, tmp_path / "drawn.png", 2, 50
    module.main()  # it asserts that B1 and the ReLU network have the same weights
    assert image.imread(module.PICTURE).shape == image.imread(kept).shape


def test_the_sweep_of_starts_says_what_fails(tmp_path: Path) -> None:
    module: Any = script("benchmarks/initial_weights.py")
    rows = module.all_starts(2, 1e-2, 0, 3)
    assert {one.start: one.failed for one in rows} == {
        "ReLU": False, "B1": False, "alpha1 smart": True, "alpha1 naive": True,
    }  # fmt: skip
    assert 0.24 < rows[-1].never_climb < 1
    module.write(tmp_path / "rows.csv", rows)
    assert len((tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()) == 5
    assert module.read(tmp_path / "rows.csv") == rows
    module.draw(rows, tmp_path / "drawn.png")
    assert image.imread(tmp_path / "drawn.png").size
