"""`models.sensitivity`: first-order predictions, held against runs with one spike moved and against simulated jitter.

A threshold that is higher by slope times d makes a neuron fire later by d: so one spike is moved in a simulation.
"""

# mypy: disable-error-code="index, arg-type"

import math

import numpy as np
import pytest

import eventsim
from eventsim import InputError, SpikeTimes, faults, models
from eventsim.models import digits

STEP = 1e-6
# First order is exact but for corners, since times and potentials are linear between them: what is left is rounding of
# potentials of some tens of volts, divided by the step.
TOLERANCE = 1e-7


def random_relu(seed: int = 3) -> models.ReluNetwork:
    random = np.random.default_rng(seed)
    weights = [random.normal(size=(8, 5)) / 2, random.normal(size=(7, 8)) / 2, random.normal(size=(4, 7))]
    return models.read_relu({"weights": weights, "biases": [random.normal(size=len(w)) / 10 for w in weights]})


def readout(net: eventsim.Network, x: object) -> np.ndarray:
    return eventsim.simulate(net, x, engine="reference", record="readout", progress=False).readout


def margin(net: eventsim.Network, x: object, potentials: np.ndarray) -> np.ndarray:
    """The margin between the two outputs that are the largest without the change."""
    order = np.argsort(potentials, axis=1)
    now = readout(net, x)
    rows = np.arange(len(now))
    return now[rows, order[:, -1]] - now[rows, order[:, -2]]


@pytest.mark.parametrize("windows", [("calibrated", 0.5), ("published", -0.55)], ids=["safe", "premature"])
@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_gradients_are_those_of_runs_with_one_spike_moved(slope, windows):
    random = np.random.default_rng(5)
    x = random.uniform(0.05, 0.95, (6, 5))
    net = models.to_ttfs(random_relu(), random.random((50, 5)), slope=slope, windows=windows[0], margin=windows[1])
    found = models.sensitivity(net, x)
    potentials = readout(net, x)
    before = margin(net, x, potentials)
    assert found.margins == pytest.approx(before, abs=1e-12)
    run = eventsim.simulate(net, x, engine="reference", progress=False)
    assert (run.counters["premature"] > 0) == (windows[0] == "published")
    compared = 0
    for population in [p for p in net.populations if p.model.spiking]:
        t_min = population.window[1]
        for neuron in range(population.size):
            threshold = population.parameters["threshold"].copy()
            threshold.flat[neuron] += STEP * population.parameters["slope"].flat[neuron]
            moved = margin(net.replace(population.name, threshold=threshold), x, potentials)
            fired = run.spike_times(population.name)[:, neuron]
            clear = np.isfinite(fired) & (fired > t_min + 1e-4) & (fired < population.window[2] - 1e-4)
            slopes = (moved - before) / STEP
            assert slopes[clear] == pytest.approx(found.gradients[population.name][clear, neuron], abs=TOLERANCE)
            compared += int(clear.sum())
    assert compared > 30


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_gradients_of_inputs_are_those_of_inputs_moved(slope):
    random = np.random.default_rng(6)
    x = random.uniform(0.05, 0.95, (4, 5))
    net = models.to_ttfs(random_relu(), random.random((50, 5)), slope=slope)
    found, potentials, times = models.sensitivity(net, x), readout(net, x), 1.0 - x
    for neuron in range(5):
        later = times.copy()
        later[:, neuron] += STEP
        slopes = (margin(net, SpikeTimes(later), potentials) - margin(net, SpikeTimes(times), potentials)) / STEP
        assert slopes == pytest.approx(found.gradients["input"][:, neuron], abs=TOLERANCE)


def test_gradients_pass_through_convolutions_and_pools():
    """The digits network of convolutions: inputs moved one by one, against its gradient."""
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0])
    x = np.clip(digits.test_images()[0][:2], 0.02, 0.98)
    found, times = models.sensitivity(net, x), 1.0 - x
    moved = np.repeat(times[:1], 65, axis=0)
    moved[np.arange(1, 65), np.arange(64)] += STEP
    potentials = readout(net, x)
    order = np.argsort(potentials[0])
    now = eventsim.simulate(net, SpikeTimes(moved.reshape(65, 1, 8, 8)), record="readout", progress=False).readout
    margins = now[:, order[-1]] - now[:, order[-2]]
    assert (margins[1:] - margins[0]) / STEP == pytest.approx(found.gradients["input"][0], abs=TOLERANCE)
    assert (found.gradients["input"][0] != 0).any()


def test_the_output_layer_adds_the_squares_of_its_weights():
    """Methods of Stanojevic et al. 2024: with B1 the last layer's part is sigma^2 sum of W_ij^2, of those that fire."""
    x = np.random.default_rng(7).random((10, 5))
    net = models.to_ttfs(random_relu(), x)
    last = next(p for p in reversed(net.populations) if p.model.spiking)
    found = models.sensitivity(net, x, output=2)
    (projection,) = (p for p in net.projections if p.post.name == "output")
    fired = np.isfinite(eventsim.simulate(net, x, engine="reference", progress=False).spike_times(last.name))
    expected = 0.01**2 * (fired * projection.kind.weights[2] ** 2).sum(axis=1)
    assert found.variance(0.01, last.name) == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("relu", "n_images"), [(digits.dense_network, 3), (digits.network, 1)], ids=["dense", "conv"])
def test_the_variance_under_small_jitter_is_predicted_within_five_percent(relu, n_images):
    """20,000 trials: a sample variance is off by 1 % (standard deviation), so five are a wide margin."""
    net = models.to_ttfs(relu(), digits.calibration_images()[0])
    x = digits.test_images()[0][:n_images]
    found = models.sensitivity(net, x)
    sigma, n = 1e-4, 20_000
    for sample in range(n_images):
        run = eventsim.simulate(
            net, x[sample : sample + 1], record="readout", faults=faults.Jitter(sigma), trials=n, progress=False
        )
        order = np.argsort(eventsim.simulate(net, x[sample : sample + 1], record="readout", progress=False).readout[0])
        margins = run.readout[:, order[-1]] - run.readout[:, order[-2]]
        assert margins.var() == pytest.approx(found.variance(sigma)[sample], rel=0.05)


@pytest.mark.slow
def test_decisions_flip_in_the_order_that_is_predicted():
    """Of 400 digits under jitter, those that are said to flip more often do; their number is right within a third."""
    net = models.to_ttfs(digits.dense_network(), digits.calibration_images()[0])
    x, _ = digits.test_images()
    sigma, trials = 0.1, 60
    ideal = eventsim.simulate(net, x, record="readout", progress=False).predictions
    flips = np.zeros(len(x))
    for seed in range(trials):
        run = eventsim.simulate(net, x, record="readout", faults=faults.Jitter(sigma), seed=seed, progress=False)
        flips += run.predictions != ideal
    predicted = models.sensitivity(net, x).flip_probability(sigma)
    assert flips.sum() / trials == pytest.approx(predicted.sum(), rel=1 / 3)
    order = np.argsort(-predicted)
    assert flips[order[:20]].sum() > 0.8 * flips.sum()


def test_the_layer_that_is_said_to_matter_more_flips_more():
    """Jitter of one layer at a time, as strong in each."""
    net = models.to_ttfs(digits.dense_network(), digits.calibration_images()[0])
    x, _ = digits.test_images()
    found = models.sensitivity(net, x)
    ideal = eventsim.simulate(net, x, record="readout", progress=False).predictions
    predicted, flipped = {}, {}
    for name in found.noisy:
        predicted[name] = found.flip_probability(0.5, name).sum()
        flipped[name] = sum(
            (
                eventsim.simulate(
                    net, x, record="readout", faults=faults.Jitter(0.5, populations=[name]), seed=seed, progress=False
                ).predictions
                != ideal
            ).sum()
            for seed in range(10)
        )
    assert sorted(predicted, key=predicted.get) == sorted(flipped, key=flipped.get)


def test_the_table_has_a_row_for_each_layer_that_fires_and_shares_add_up():
    x = np.random.default_rng(7).random((10, 5))
    net = models.to_ttfs(random_relu(), x)
    found = models.sensitivity(net, x)
    rows = list(found.table())
    assert [row["layer"] for row in rows] == ["input", *found.noisy]
    assert math.fsum(row["share"] for row in rows if row["share"] is not None) == pytest.approx(1)
    assert found.ranking(rows[1]["layer"])[0] == int(rows[1]["largest neuron"].split()[1])
    assert "smallest margin" in found.table()
    assert found.flip_probability(0.0).tolist() == [0.0] * 10


def test_what_has_no_sensitivity_is_refused():
    x = np.random.default_rng(7).random((10, 5))
    net = models.to_ttfs(random_relu(), x)
    found = models.sensitivity(net, x)
    with pytest.raises(InputError, match="did you mean 'input'"):
        found.variance(0.1, "inptu")
    with pytest.raises(InputError, match="sigma = -1"):
        found.variance(-1)
    with pytest.raises(InputError, match="output = 4"):
        models.sensitivity(net, x, output=4)
    noisy = eventsim.simulate(net, x, engine="reference", faults=faults.Jitter(0.1), progress=False)
    with pytest.raises(InputError, match="has faults or a transport"):
        models.sensitivity(net, x, run=noisy)
