"""Jacobians of trainable networks at their beginning, and their spectra against the theory."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from starts import SIGMAS, started

from eventsim.errors import InputError
from eventsim.models.train.initialise import row_variance
from eventsim.models.train.jacobians import jacobians, network_jacobian
from eventsim.models.train.naive_start import NaiveStart
from eventsim.models.train.row_spectrum import largest_singular_value, share_within

Array = np.ndarray[Any, Any]


def naive_weights(variance: float, n: int, seed: int) -> tuple[Array, Array]:
    """Slopes and effective weights of n naive alpha neurons, rows of 0 where they do not climb."""
    weight = np.random.default_rng(seed).normal(0, math.sqrt(variance / n), (n, n))
    slopes = 1 + weight.sum(axis=1)
    return slopes, np.where(slopes[:, None] > 0, weight / slopes[:, None], 0)


# --- Jacobians


@pytest.mark.parametrize("slope", ["b1", "b0.5", "alpha1", "relu"])
def test_the_jacobian_of_a_dense_layer_is_its_weights_by_its_slopes_where_neurons_spike(slope: str) -> None:
    network = started("30-20-4", (10,), slope, seed=3, start="naive")
    x = np.random.default_rng(0).random(10)
    found = jacobians(network, x)
    sent = dict(network.sent(x[None]))
    for name in ("dense1", "dense2"):
        weight, _ = network.code.to_relu(network.parameters[f"{name}.weight"], network.parameters[f"{name}.bias"])
        # One product by a slope, rounded once or twice.
        assert np.allclose(found[name], weight * (sent[name][0] != 0)[:, None], rtol=1e-15, atol=0), name
    assert np.array_equal(found["output"], network.code.sign * network.parameters["output.weight"])
    assert np.array_equal(network_jacobian(network, x), found["output"] @ (found["dense2"] @ found["dense1"]))


def test_the_jacobian_of_pools_convolutions_and_batch_norms_is_a_difference() -> None:
    """Piecewise linear: a central difference is right away from kinks, to its own rounding."""
    network = started("conv3x3-bn-relu-pool2-conv2x3-avg2-4", (1, 8, 8), "b1", seed=2)
    draws = np.random.default_rng(1)
    for name, values in network.state.items():
        values[...] = draws.uniform(0.5, 1.5, values.shape) if name.endswith("variance") else draws.normal(size=3) / 9
    network.parameters["conv1.gamma"][...] = 0.7, -1.3, 2.0
    x, step = draws.random((1, 8, 8)), 1e-6
    found = network_jacobian(network, x)
    for pixel in np.ndindex(x.shape):
        shift = np.zeros(x.shape)
        shift[pixel] = step
        # A later time is a smaller value.
        difference = (network.outputs((x - shift)[None]) - network.outputs((x + shift)[None]))[0] / (2 * step)
        assert np.allclose(found[:, np.ravel_multi_index(pixel, x.shape)], difference, rtol=0, atol=1e-9)


def test_a_spike_at_the_edge_of_a_window_that_saturates_depends_on_nothing() -> None:
    network = started("6-2", (4,), "b1", seed=1)
    network.saturates = True
    x = np.full(4, 0.7)
    sent = next(network.sent(x[None]))[1][0]
    network.windows["dense1"] = float(np.sort(-sent)[-2])
    found = jacobians(network, x)["dense1"]
    assert not found[sent.argmin()].any()
    assert found[np.argsort(sent)[1]].any()


def test_a_jacobian_is_of_one_sample() -> None:
    with pytest.raises(InputError, match=r"x of shape \(2, 4\); must be one input, of 4 values; pass x"):
        jacobians(started("3-2", (4,), "b1"), np.zeros((2, 4)))


# --- slopes of naive alpha neurons


@pytest.mark.parametrize("rule", ["he_normal", "glorot_normal", "torch"])
def test_the_slopes_of_naive_alpha_neurons_are_normal_and_a_share_never_climbs(rule: str) -> None:
    n_out, n_in = 4000, 200
    network = started(f"{n_out}-2", (n_in,), "alpha1", rule=rule, start="naive", seed=7)
    variance = row_variance(rule, (n_out, n_in))
    theory = NaiveStart(variance)
    slopes = network.code.slopes(network.parameters["dense1.weight"])  # type: ignore[attr-defined]
    assert abs(slopes.mean() - 1) < SIGMAS * math.sqrt(variance / n_out)
    assert abs(slopes.var() / variance - 1) < SIGMAS * math.sqrt(2 / n_out)
    share = theory.never_climbs
    assert abs((slopes <= 0).mean() - share) < SIGMAS * math.sqrt(share * (1 - share) / n_out)
    # The density at 0, counted within 0.1 of it, where it changes by a few percent to both sides alike.
    expected = 0.2 * theory.density
    assert abs((abs(slopes) < 0.1).mean() - expected) < SIGMAS * math.sqrt(expected / n_out)


def test_a_quarter_of_he_neurons_never_climbs() -> None:
    """The numbers that the page states."""
    assert round(NaiveStart(2.0).never_climbs, 3) == 0.24
    assert round(NaiveStart(2.0).density, 3) == 0.22
    assert round(NaiveStart(1.0).never_climbs, 3) == 0.159
    assert round(NaiveStart(1 / 3).never_climbs, 3) == 0.042


def test_row_sums_of_effective_weights_are_one_minus_one_by_the_slope() -> None:
    slopes, weights = naive_weights(2.0, 300, 0)
    climbs = slopes > 0
    # Sums of 300 numbers of the size of 1 / S.
    assert np.allclose(weights.sum(axis=1)[climbs], (1 - 1 / slopes)[climbs], rtol=1e-12, atol=1e-13)
    # What is orthogonal to the sum has variance v / S² over n, whatever S is: a chi square by its mean.
    rest = (weights - weights.mean(axis=1, keepdims=True))[climbs]
    scaled = (rest**2).sum(axis=1) * slopes[climbs] ** 2 / 2.0
    assert abs(scaled.mean() - 299 / 300) < SIGMAS * math.sqrt(2 / 299 / climbs.sum())
    assert abs(np.corrcoef(scaled, slopes[climbs])[0, 1]) < SIGMAS / math.sqrt(climbs.sum())


# --- spectra


def test_equal_rows_have_the_circular_law() -> None:
    radii = np.array([0.0, 0.5, 1.0, 1.4, 2.0])
    assert np.allclose(share_within(radii, [2.0]), np.minimum(radii**2 / 2, 1), atol=1e-12)
    # Half of the rows silent, as at a sample: half of the eigenvalues 0, the others in a disc of the radius 1.
    assert np.allclose(share_within(radii, [2.0, 0.0]), np.minimum(0.5 + radii**2 / 2, 1), atol=1e-12)


def test_rows_of_two_sizes_have_the_derived_law() -> None:
    n, sizes = 500, np.array([0.2, 3.0])
    variances = np.repeat(sizes, n // 2)
    matrix = np.random.default_rng(0).normal(size=(n, n)) * np.sqrt(variances / n)[:, None]
    found = abs(np.linalg.eigvals(matrix))
    radii = np.linspace(0.1, 1.5, 15)
    counted = (found[:, None] <= radii).mean(axis=0)
    # Eigenvalues repel: their counts scatter by far less than those of independent points, edges by n^(-1/2).
    assert abs(counted - share_within(radii, variances)).max() < 0.5 / math.sqrt(n)


@pytest.mark.parametrize("variance", [2.0, 1.0, 1 / 3])
def test_eigenvalues_of_naive_weights_have_the_derived_law_without_an_edge(variance: float) -> None:
    n = 400
    theory, radii = NaiveStart(variance), np.array([0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0])
    counted = np.mean(
        [(abs(np.linalg.eigvals(naive_weights(variance, n, seed)[1]))[:, None] <= radii).mean(0) for seed in range(3)],
        axis=0,
    )
    # The shares of rows of each slope are themselves drawn: n independent draws, three times.
    assert abs(counted - theory.share_within(radii)).max() < SIGMAS * 0.5 / math.sqrt(3 * n)


def test_the_law_has_the_tail_that_is_stated() -> None:
    for theory in (NaiveStart(2.0), NaiveStart(1 / 3), NaiveStart(2.0, coherence=0.3)):
        far = np.array([30.0, 100.0])
        # The next term of the expansion is smaller by the ratio of the peak's width, 1 / r.
        assert np.allclose((1 - theory.share_within(far)) * far**2, theory.tail, rtol=0.05)


@pytest.mark.parametrize(("variance", "alpha", "coherence"), [(2.0, 1.0, 0.5), (0.5, 2.0, 0.8), (1.0, 1.0, 0.0)])
def test_neurons_of_small_slope_spike_as_seldom_as_is_derived(variance: float, alpha: float, coherence: float) -> None:
    """Given S = 0, J x is N(-alpha m, v (q - m²)), with m² = coherence q: above 0 with this probability."""
    q = 0.7
    m = math.sqrt(coherence * q)
    given_no_slope = NormalDist(-alpha * m, math.sqrt(variance * (q - m * m)))
    expected = 1 - given_no_slope.cdf(0.0)
    assert NaiveStart(variance, alpha, coherence).takes_part == pytest.approx(expected, rel=1e-9)


def test_the_law_of_random_rows_is_that_of_many_drawn_ones() -> None:
    """Two ways to one mean: a quadrature over slopes, and two hundred thousand drawn slopes."""
    slopes = np.random.default_rng(0).normal(1, math.sqrt(2), 200_000)
    variances = np.where(slopes > 0, 2 / np.maximum(slopes, 1e-9) ** 2, 0)
    radii = np.array([0.3, 1.0, 2.0])
    assert np.allclose(share_within(radii, variances), NaiveStart(2.0).share_within(radii), atol=0.004)


def test_the_squared_norm_of_naive_weights_follows_a_levy_law() -> None:
    n, draws = 300, 400
    rng = np.random.default_rng(0)
    slopes = rng.normal(1, math.sqrt(2), (draws, n))
    rest = 2 * rng.chisquare(n - 1, (draws, n)) / n
    sums = np.where(slopes > 0, ((slopes - 1) ** 2 / n + rest) / slopes**2, 0).sum(axis=1)
    theory = NaiveStart(2.0)
    for quantile in (0.1, 0.25, 0.5, 0.75, 0.9):
        below = (sums <= theory.squared_norm(quantile, n)).mean()
        # A count of 400 draws; the law holds for wide layers, and n = 300 moves it by less than 0.03.
        assert abs(below - quantile) < SIGMAS * math.sqrt(quantile * (1 - quantile) / draws) + 0.03
    with pytest.raises(InputError, match="quantile"):
        theory.squared_norm(0.0, n)


def test_eigenvalues_of_a_jacobian_of_naive_neurons_have_the_law_of_its_input() -> None:
    """Which neurons spike depends on their slopes, the more the more the mean of the input is of its size."""
    n, radii = 400, np.array([0.2, 0.5, 1.0, 2.0, 3.0])
    x = abs(np.random.default_rng(1).normal(size=n)) / 5
    theory = NaiveStart(2.0, coherence=float(x.mean() ** 2 / (x**2).mean()))
    counted = []
    for seed in range(3):
        network = started(f"{n}-2", (n,), "alpha1", seed=seed, start="naive")
        counted.append((abs(np.linalg.eigvals(jacobians(network, x)["dense1"]))[:, None] <= radii).mean(axis=0))
    assert abs(np.mean(counted, axis=0) - theory.share_within(radii)).max() < SIGMAS * 0.5 / math.sqrt(3 * n)


@pytest.mark.parametrize("slope", ["b1", "b0.5", "alpha1"])
def test_smart_starts_have_the_spectrum_of_their_relu_network(slope: str) -> None:
    """Eigenvalues within the unit circle, half of them 0; singular values up to 1 + sqrt(2)."""
    n = 400
    network = started(f"{n}-2", (n,), slope, seed=4)
    x = abs(np.random.default_rng(1).normal(size=n)) / 5
    matrix = jacobians(network, x)["dense1"]
    spiking = (matrix != 0).any(axis=1).mean()
    values = abs(np.linalg.eigvals(matrix))
    radii = np.array([0.2, 0.5, 0.8])
    expected = share_within(radii, np.where((matrix != 0).any(axis=1), 2.0, 0.0))
    assert abs((values[:, None] <= radii).mean(axis=0) - expected).max() < 0.5 / math.sqrt(n)
    # Edges of both laws move by about n^(-2/3) to n^(-1/2).
    assert values.max() < math.sqrt(2 * spiking) * (1 + 2 / math.sqrt(n))
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    assert abs(largest / largest_singular_value(2.0, round(spiking * n), n) - 1) < 2 / math.sqrt(n)


def test_the_rank_one_part_of_naive_weights_is_not_what_lies_far_out() -> None:
    """Row sums by n in each entry: without them the eigenvalues are as far out as with them."""
    n, radii = 300, np.linspace(0.1, 5, 50)
    _, weights = naive_weights(2.0, n, 1)
    rest = weights - weights.mean(axis=1, keepdims=True)
    with_, without = (abs(np.linalg.eigvals(one)) for one in (weights, rest))
    # Eigenvalues interlace loosely around a rank-one change: few of them cross any circle.
    assert abs((with_[:, None] <= radii).mean(axis=0) - (without[:, None] <= radii).mean(axis=0)).max() < 0.05
    assert with_.max() == pytest.approx(without.max(), rel=0.2)
    # Its own eigenvalue, the mean of the row sums, is smaller than the largest ones.
    assert abs(weights.sum(axis=1).mean()) < 0.5 * with_.max()
