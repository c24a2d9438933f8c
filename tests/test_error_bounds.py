"""Rounding bounds of spike times: never below the true error, which exact arithmetic gives, and seldom far above it."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import planted
import pytest

import eventsim
from eventsim import models
from eventsim.models.relu.relu_network import ReluNetwork
from eventsim.network.network import Network, Source

N_NETWORKS = 1_000
SIZES = (8, 6, 5, 2)


def in_fractions(net: Network) -> Network:
    """The same network with every number the Fraction that its float64 is."""
    exact = Network(net.time_unit)
    for node in net.nodes:
        window = tuple(Fraction(t) if t < math.inf else t for t in node.window or ())
        if isinstance(node, Source):
            low, high = map(Fraction, node.value_range)
            exact.source(node.shape, node.name, (window[0], window[1]), (low, high))
        else:
            values = {name: fractions(array) for name, array in node.parameters.items()}
            exact.population(node.model, node.shape, node.name, window, **values)
    for projection in net.projections:
        matrix = fractions(projection.kind.arrays()["weights"])
        exact.connect(projection.pre.name, projection.post.name, eventsim.Dense(matrix), Fraction(projection.delay))
    return exact


def fractions(array: Any) -> Any:
    held = [Fraction(value) if value < math.inf else math.inf for value in array.ravel().tolist()]
    return np.array([*held, None], dtype=object)[:-1].reshape(array.shape)


def random_case(seed: int) -> tuple[Network, Any]:
    """Networks of either slope, of windows from 0.1 to 1,000, some too short, so that spikes are premature."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-1, 3)
    shapes = list(zip(SIZES[1:], SIZES[:-1], strict=True))
    relu = ReluNetwork.from_weights(
        [rng.normal(0.1, 1.2 / math.sqrt(s[1]), s) * (scale if k == 0 else 1) for k, s in enumerate(shapes)],
        [rng.normal(0.1, 0.2, s[0]) for s in shapes],
    )
    x = rng.uniform(0, 1, (1, SIZES[0]))
    margin = float(rng.choice([0.5, 0.0, -0.4]))
    return models.to_ttfs(relu, x, ("b1", "alpha1")[seed % 2], margin=margin, windows="published"), x


@pytest.mark.slow
def test_bounds_hold_for_a_thousand_networks_and_are_tight() -> None:
    ratios: dict[str, list[float]] = {"own": [], "network": []}
    premature = 0
    for seed in range(N_NETWORKS):
        net, x = random_case(seed)
        run = planted.simulated(net, x)
        premature += run.counters["premature"]
        stimulus = eventsim.SpikeTimes(fractions(run.spike_times("input")))
        truth = eventsim.simulate(in_fractions(net), stimulus, engine="reference", record="first_spikes")
        for projection in net.projections[:-1]:
            name = projection.post.name
            times, exact = run.spike_times(name)[0], truth.spike_times(name)[0]
            own, whole = run.spike_errors(name)[0], run.spike_errors(name, propagated=True)[0]
            arrivals = run.spike_times(projection.pre.name)[0].tolist()
            for i in np.flatnonzero(times < math.inf).tolist():
                alone = planted.exact_times(projection, i, arrivals)[0]
                errors = {"own": error_of(times[i], alone), "network": error_of(times[i], exact[i])}
                for kind, bound in (("own", own[i]), ("network", whole[i])):
                    assert errors[kind] <= Fraction(bound), (seed, name, i, kind)
                    if errors[kind]:
                        ratios[kind].append(bound / float(errors[kind]))
            assert (np.isinf(times) == np.array([t == math.inf for t in exact])).all(), (seed, name)
    assert premature >= 50
    for kind, found in ratios.items():
        assert len(found) >= 1_000
        assert np.median(found) <= 20, kind  # measured: 10 for the neuron's own, 15 with what it inherits


def error_of(time: float, exact: Any) -> Fraction:
    assert exact < math.inf
    return abs(Fraction(time) - Fraction(exact))


@pytest.mark.engine_small
def test_silent_neurons_have_no_bound() -> None:
    relu = ReluNetwork.from_weights([[[1.0], [-1.0]], [[1.0, 1.0]]])
    run = planted.simulated(models.to_ttfs(relu, [[1.0]]), [[0.3]])
    errors = run.spike_errors("dense1")[0]
    assert errors[0] > 0
    assert np.isnan(errors[1])


@pytest.mark.engine_small
def test_exact_arithmetic_of_short_binary_numbers_is_bounded_by_little_more_than_an_ulp() -> None:
    relu = ReluNetwork.from_weights([[[0.5, 0.25]], [[1.0]]], [[0.125], [0.0]])
    run = planted.simulated(models.to_ttfs(relu, [[1.0, 1.0]], windows=[2.0]), [[0.5, 0.25]])
    assert run.spike_times("dense1").tolist() == [[3 - 0.4375]]
    assert run.spike_errors("dense1")[0, 0] <= 4 * 2.0**-52
