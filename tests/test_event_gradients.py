"""`train.gradients` of neurons with currents, held against differences of exact runs of the oracle.

The oracle's runs are right to 60 digits and the step is 2^-55, so that a central difference is right to 30 digits or
more: all that is left is the rounding of the float64 run and of its gradient. Each rounding of a spike time, a few
2^-53, moves the gradient by its second derivatives, which grow as V' falls: with V' above a hundredth of its terms
they are some 10^4 at most, and 10^-10 of the sizes of all terms is never reached. Most networks are at 10^-15.
"""

from typing import Any

import mpmath
import naive
import numpy as np
import pytest
from moved_networks import Direction, difference, given, population

import eventsim
from eventsim import Dense, Network, OneToOne, Run, Sparse, Steps
from eventsim.models import train

TOLERANCE = 1e-12
UNTIL = 6.5
N_NETWORKS = 100


def some_delays(random: np.random.Generator, n: int) -> np.ndarray:
    return random.uniform(0.2, 2.0, n)


def random_network(seed: int) -> tuple[Network, list[list[float]]]:
    """Sources, two populations one behind the other, and recurrent synapses of every kind."""
    random = np.random.default_rng(seed)
    net = Network()
    n_in, n, m = 3, int(random.integers(2, 5)), int(random.integers(2, 4))
    source = net.source(n_in, "in")
    model = ("lif_exp", "if_exp")[seed % 2]
    options: dict[str, Any] = {"tau_syn": random.uniform(1.0, 4.0), "v_threshold": random.uniform(0.5, 1.0, n + m)}
    options["t_ref"] = (0.0, 0.5, 1.25)[seed % 3]
    if model == "lif_exp":
        options |= {"tau_mem": random.choice([2.0, 5.0, 10.0]), "r": random.uniform(0.5, 2.0)}
        options |= {"v_reset": random.choice([0.0, -0.5]), "current": random.choice([0.0, 0.25])}
        options["i_init"] = random.choice([0.0, 0.5])
    first, second = ({name: v[part] if np.ndim(v) else v for name, v in options.items()}
                     for part in (slice(0, n), slice(n, None)))  # fmt: skip
    if seed % 5 == 0:
        second["spikes"] = "once"
    scale = 1.0 if model == "lif_exp" else 0.3
    hidden, last = net.population(model, n, "hidden", **first), net.population(model, m, "last", **second)
    net.connect(source, hidden, Dense(random.normal(2.0, 1.5, (n, n_in)) * scale), delay=random.choice([0.0, 0.5]))
    net.connect(hidden, last, Dense(random.normal(1.5, 1.5, (m, n)) * scale), delay=random.uniform(0.1, 1.0))
    k = 4
    ends = random.integers(0, n, (2, k))
    net.connect(hidden, hidden, Sparse(ends[0], ends[1], random.normal(0.0, 1.0, k) * scale, some_delays(random, k)))
    net.connect(last, last, OneToOne(random.normal(-0.5, 0.5, m) * scale), delay=random.uniform(0.2, 1.0))
    net.connect(last, hidden, Dense(random.normal(0.0, 1.0, (n, m)) * scale), delay=random.uniform(0.2, 1.0))
    return net, [np.sort(random.uniform(0.0, 4.0, size)).tolist() for size in (1, 2, 1)]


class Weighted:
    """A loss that is a sum of spike times times given numbers, of a run and of the oracle."""

    def __init__(self, run: Run, seed: int) -> None:
        inside = run.spikes["population"] > 0
        self.names = [run.populations[k] for k in run.spikes["population"][inside]]
        self.neurons = run.spikes["neuron"][inside].tolist()
        self.factors = np.random.default_rng(seed).normal(size=len(self.names))

    def __call__(self, run: Run) -> train.Cotangents:
        by = {name: self.factors[[k for k, other in enumerate(self.names) if other == name]] for name in {*self.names}}
        times = run.spikes["time"][run.spikes["population"] > 0]
        return train.Cotangents(float(self.factors @ times), by)

    def of_oracle(self, result: naive.Result) -> mpmath.mpf:
        spikes = [spike for spike in result.spikes if spike[1] != "in"]
        assert [(name, j) for _, name, j in spikes] == list(zip(self.names, self.neurons, strict=True))
        return mpmath.fsum(mpmath.mpf(w) * t for w, (t, _, _) in zip(self.factors.tolist(), spikes, strict=True))


def simulated(net: Network, times: list[list[float]], **options: Any) -> Run:
    all_options: dict[str, Any] = {"engine": "reference", "until": UNTIL, "progress": False} | options
    return eventsim.simulate(net, given(times), **all_options)


def error(net: Network, times: list[list[float]], seed: int, run: Run | None = None) -> float:
    """How far the gradient in a random direction is from that of the oracle, as a share of its terms."""
    run = run or simulated(net, times)
    loss, direction = Weighted(run, seed), Direction(net, times, seed)
    direction.read(run)
    got, size = direction.derivative(train.gradients(run, loss))
    missing = abs(got - difference(net, times, UNTIL, direction, loss.of_oracle))
    return float(missing / size) if missing else 0.0  # nothing moves where all are silent


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(N_NETWORKS))
def test_the_gradient_of_a_recurrent_network_is_that_of_exact_runs(seed):
    assert error(*random_network(seed), seed) < TOLERANCE


def test_the_random_networks_have_neurons_that_spike_often_once_and_never():
    counts = np.concatenate(
        [[len(train) for name in ("hidden", "last") for train in simulated(*random_network(seed)).trains(name)]
         for seed in range(N_NETWORKS)]
    )  # fmt: skip
    assert (np.bincount(np.minimum(counts, 2), minlength=3) > 0.08 * len(counts)).all()


def with_receptors(seed: int) -> tuple[Network, list[list[float]]]:
    random = np.random.default_rng(seed)
    net = Network()
    source = net.source(3, "in")
    tau = {"excitatory": 2.0, "inhibitory": 5.0}
    cells = net.population("lif_exp", 2, "cells", tau_mem=5.0, tau_syn=tau, v_threshold=0.5, t_ref=0.75)
    net.connect(source, cells, Dense(random.uniform(0.5, 2.5, (2, 3))), receptor="excitatory")
    net.connect(cells, cells, Dense(-random.uniform(0.1, 1.0, (2, 2))), delay=0.5, receptor="inhibitory")
    return net, [[0.5], [1.0, 3.0], [2.0]]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_of_neurons_with_receptors_is_that_of_exact_runs(seed):
    assert error(*with_receptors(seed), seed) < TOLERANCE


@pytest.mark.parametrize("ratio", [1.0, 1.0 + 2.0**-40, 1.0 + 2.0**-20, 0.5, 1e-3, 1e3])
def test_equal_and_very_different_time_constants_need_no_case_of_their_own(ratio):
    net = Network()
    source = net.source(2, "in")
    cells = net.population("lif_exp", 2, "cells", tau_mem=4.0, tau_syn=4.0 * ratio, v_threshold=0.25)
    weights = np.array([[1.5, 0.5], [0.75, 2.0]]) * max(1.0, 0.5 / ratio)
    net.connect(source, cells, Dense(weights), delay=0.5)
    assert error(net, [[0.0], [1.0]], 1) < TOLERANCE


def test_a_drive_that_changes_moves_no_time_by_itself_and_bends_what_comes_behind():
    """Two networks whose only difference lies in when the drive is known: constant, or in equal pieces."""
    gradients = []
    for current in (0.5, Steps([0.0, 1.0, 3.0], [0.5, 0.5, 0.5])):
        net = Network()
        source = net.source(1, "in")
        cells = net.population("lif_exp", 2, "cells", tau_mem=5.0, tau_syn=2.0, v_threshold=0.4, current=current)
        net.connect(source, cells, Dense([[1.0], [0.5]]))
        run = simulated(net, [[0.5]])
        gradients.append(train.gradients(run, Weighted(run, 1)))
    one, two = gradients
    assert one.weights["in -> cells"] == pytest.approx(two.weights["in -> cells"], rel=1e-12)
    assert one.thresholds["cells"] == pytest.approx(two.thresholds["cells"], rel=1e-12)


def test_with_a_drive_in_steps_thresholds_move_spikes_as_runs_do():
    """A drive has no exact oracle: differences of float64 runs, right to the square root of their rounding."""
    net = Network()
    source = net.source(1, "in")
    drive = Steps([0.0, 1.5, 4.0], [0.2, 0.9, 0.3])
    net.population("lif_exp", 2, "cells", tau_mem=3.0, tau_syn=2.0, v_threshold=0.4, current=drive, t_ref=0.5)
    net.connect(source, "cells", Dense([[1.0], [0.5]]))
    run = simulated(net, [[0.5]])
    loss = Weighted(run, 2)
    found, step = train.gradients(run, loss), 1e-6
    for neuron in range(2):
        ends = []
        for sign in (1, -1):
            threshold = population(net, "cells").parameters["v_threshold"].copy()
            threshold[neuron] += sign * step
            ends.append(loss(simulated(net.replace("cells", v_threshold=threshold), [[0.5]])).value)
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(found.thresholds["cells"][neuron], rel=1e-7)


@pytest.mark.engine_small
@pytest.mark.parametrize("seed", [2, 3])
def test_both_engines_have_the_same_gradients_bit_for_bit(seed):
    net, times = random_network(seed)
    runs = [simulated(net, times, engine=engine) for engine in ("reference", "compiled")]
    one, two = (train.gradients(run, Weighted(run, seed)) for run in runs)
    for what in ("weights", "thresholds", "inputs"):
        for name, values in getattr(one, what).items():
            assert values.tobytes() == getattr(two, what)[name].tobytes()
    assert all(np.asarray(one.delays[name]).tobytes() == np.asarray(two.delays[name]).tobytes() for name in one.delays)


def test_shifting_all_inputs_shifts_all_spikes():
    """sum_j dt/dt_j = 1 of models without a clock or a window: no drive, so that nothing else begins at 0."""
    net = Network()
    source = net.source(3, "in")
    cells = net.population("lif_exp", 3, "cells", tau_mem=5.0, tau_syn=2.0, v_threshold=0.4)
    random = np.random.default_rng(3)
    net.connect(source, cells, Dense(random.uniform(0.5, 1.5, (3, 3))))
    net.connect(cells, cells, Dense(random.uniform(-0.5, 0.5, (3, 3))), delay=0.5)
    run = simulated(net, [[0.5], [1.0], [2.0]])
    loss = Weighted(run, 4)
    assert train.gradients(run, loss).inputs["in"].sum() == pytest.approx(loss.factors.sum(), rel=1e-12)


def test_scaling_weights_and_thresholds_together_moves_nothing():
    """sum w dL/dw + sum threshold dL/dthreshold = 0, the resets at 0."""
    net, times = random_network(1)
    run = simulated(net, times)
    found = train.gradients(run, Weighted(run, 5))
    weights = {f"{one.pre.name} -> {one.post.name}": one.kind.weights for one in net.projections}
    terms = [(found.weights[name] * values).sum() for name, values in weights.items()]
    terms += [
        (values * population(net, name).parameters["v_threshold"]).sum() for name, values in found.thresholds.items()
    ]
    assert sum(terms) == pytest.approx(0.0, abs=1e-12 * sum(map(abs, terms)))


def test_samples_add_up_and_each_is_as_if_alone():
    net, _ = random_network(1)
    inputs = [[[0.5], [1.0, 2.0], [0.25]], [[1.5], [0.5], [3.0, 3.5]]]
    run = eventsim.simulate(net, eventsim.SpikeTimes(inputs), engine="reference", until=UNTIL, progress=False)

    def loss(run: Run) -> train.Cotangents:
        fired = np.isfinite(run.spike_times("last"))
        return train.Cotangents(float(run.spike_times("last")[fired].sum()), {"last": fired * 1.0})

    both = train.gradients(run, loss)
    alone = [train.gradients(simulated(net, times), loss) for times in inputs]
    for name, values in both.weights.items():
        assert values == pytest.approx(sum(one.weights[name] for one in alone), rel=1e-13, abs=1e-15)
    assert both.inputs["in"].tobytes() == np.concatenate([one.inputs["in"] for one in alone]).tobytes()
    assert both.first_inputs("in")[1].tobytes() == alone[1].first_inputs("in")[0].tobytes()


def test_first_spikes_are_enough_where_each_neuron_spikes_once():
    net, times = random_network(4)
    net = net.replace("hidden", spikes="once").replace("last", spikes="once")
    times = [[2.0], [1.0], [0.5]]

    def loss(run: Run) -> train.Cotangents:
        fired = np.isfinite(run.spike_times("last"))
        return train.Cotangents(float(run.spike_times("last")[fired].sum()), {"last": fired * 1.0})

    one, two = (train.gradients(simulated(net, times, record=record), loss) for record in ("spikes", "first_spikes"))
    assert (one.weights["in -> hidden"] != 0).any()
    for name, values in one.weights.items():
        assert values.tobytes() == two.weights[name].tobytes()
    assert two.inputs["in"].tobytes() == one.first_inputs("in").tobytes()


FOUR = [[0.1], [0.4], [0.7], [1.5]]


def first_of_four(model: str, weights: np.ndarray, **parameters: float) -> tuple[float, train.Gradients]:
    """Time of the first spike of one neuron with four inputs, and its gradient."""
    net = Network()
    source, cell = net.source(4, "in"), net.population(model, 1, "cell", spikes="once", **parameters)
    net.connect(source, cell, Dense(weights[np.newaxis]))
    run = simulated(net, FOUR)

    def loss(run: Run) -> train.Cotangents:
        return train.Cotangents(run.spike_times("cell").item(), {"cell": [[1.0]]})

    return run.spike_times("cell").item(), train.gradients(run, loss)


def test_gradients_of_if_exp_are_those_of_mostafa_2017():
    """z = e^(t / tau): dz/dw_j = (z_j - z) / (sum w - threshold), dz/dz_j = w_j / (sum w - threshold)."""
    weights, tau = np.array([1.2, -0.5, 0.9, 0.8]), 1.0
    t, found = first_of_four("if_exp", weights, tau_syn=tau)
    inputs = np.array(FOUR)[:, 0]
    before = inputs < t
    z, z_in, missing = np.exp(t / tau), np.exp(inputs / tau), weights[before].sum() - 1.0
    assert found.weights["in -> cell"][0] == pytest.approx(before * (z_in - z) / missing * tau / z, rel=1e-13)
    assert found.inputs["in"] == pytest.approx(before * weights * z_in / missing / z, rel=1e-13)


def test_gradients_of_lif_exp_with_equal_time_constants_are_those_of_goeltz_2021():
    """dt/dw = -e^(t_j / tau) (t - t_j) / (a (1 + W)), a = sum w e^(t_j / tau), W = b / a - t / tau as t says."""
    weights, tau, inputs = np.array([1.2, -0.5, 0.9, 0.8]), 1.0, np.array(FOUR)[:, 0]
    t, found = first_of_four("lif_exp", weights, tau_mem=tau, tau_syn=tau, v_threshold=0.3)
    before = inputs < t
    grown = np.where(before, np.exp(inputs / tau), 0.0)
    a, b = (weights * grown).sum(), (weights * grown * inputs / tau).sum()
    scale = a * (1 + b / a - t / tau)
    assert found.weights["in -> cell"][0] == pytest.approx(-grown * (t - inputs) / scale, rel=1e-12)
    assert found.inputs["in"] == pytest.approx(-weights * grown * (t - inputs - tau) / (tau * scale), rel=1e-12)


def test_gradients_of_lif_exp_with_time_constants_two_to_one_are_those_of_goeltz_2021():
    """x = e^(t / tau_mem) is a root of a_1 - a_2 x + c x^2, and so dx = (dw e_1 - dw e_2 x) / (a_2 - 2 c x)."""
    weights, tau, inputs = np.array([2.4, -0.5, 1.8, 0.8]), 2.0, np.array(FOUR)[:, 0]
    t, found = first_of_four("lif_exp", weights, tau_mem=tau, tau_syn=tau / 2, v_threshold=0.3)
    before = inputs < t
    x, one, two = np.exp(t / tau), before * np.exp(2 * inputs / tau), before * np.exp(inputs / tau)
    scale = (weights * two).sum() - 2 * 0.3 * x
    assert found.weights["in -> cell"][0] == pytest.approx(tau / x * (one - two * x) / scale, rel=1e-12)
