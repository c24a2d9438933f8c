"""Mismatch of parameters and delays, and slopes that follow the weights that they add up."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from made_devices import WEIGHTS, N, assert_moments, manufacture, net_of

import eventsim
from eventsim import faults, models
from eventsim.errors import FaultError
from eventsim.faults.contract import StateFault, has_weights

RNG = np.random.default_rng(62)
X = RNG.random((3, 6))


def population(model: str = "linear_psp", size: int = N, **parameters: object) -> Any:
    net: Any = eventsim.Network()
    net.source(1, "input")
    net.population(model, size, "cells", **parameters)
    return net


def parameter(net: Any, name: str) -> np.ndarray:
    return net.node("cells").parameters[name]


# -- mismatch ----------------------------------------------------------------------------------------------------------


def test_errors_have_the_moments_of_their_formula():
    net = population(threshold=np.full(N, 2.0))
    absolute = faults.Mismatch("threshold", 0.1, mean=0.05)
    assert_moments(parameter(manufacture(net, absolute, 1), "threshold"), 2.05, 0.1)
    relative = faults.Mismatch("threshold", 0.1, mean=0.05, relative=True)
    assert_moments(parameter(manufacture(net, relative, 1), "threshold"), 2.1, 0.2)
    shifted = manufacture(net, faults.Mismatch("threshold", mean=0.5), 1)
    assert (parameter(shifted, "threshold") == 2.5).all()


@pytest.mark.parametrize(
    ("model", "name", "given"),
    [
        ("lif_exp", "tau_mem", {"tau_mem": 20.0, "tau_syn": 5.0}),
        ("lif_exp", "v_threshold", {"tau_mem": 20.0, "tau_syn": 5.0}),
        ("lif_delta", "v_leak", {"tau_mem": 20.0}),
    ],
)
def test_any_parameter_of_any_model(model, name, given):
    net = population(model, 500, **given)
    made = manufacture(net, faults.Mismatch(name, 0.01), 1)
    errors = parameter(made, name) - parameter(net, name)
    assert len(np.unique(errors)) == 500
    assert_moments(errors, 0.0, 0.01)
    others = [one for one in net.node("cells").parameters if one != name]
    assert all(np.array_equal(parameter(made, one), parameter(net, one)) for one in others)


def test_parameters_have_draws_of_their_own_whatever_else_is_mismatched():
    net = net_of()
    slope, threshold = faults.Mismatch("slope", 0.1), faults.Mismatch("threshold", 0.1)
    both, alone = manufacture(net, [threshold, slope], 1), manufacture(net, slope, 1)
    found = both.node("late").parameters
    assert np.array_equal(found["slope"], alone.node("late").parameters["slope"])
    assert not np.array_equal(found["slope"], found["threshold"])
    twice = manufacture(net, [threshold, threshold], 1).node("late").parameters["threshold"]
    assert not np.allclose(twice - 1, 2 * (found["threshold"] - 1))


def test_a_current_in_steps_has_one_error_at_all_times():
    steps = eventsim.Steps([0.0, 5.0, 9.0], [0.5, 2.0, 1.0])
    net = population("lif_delta", 4, tau_mem=20.0, current=steps)
    made = manufacture(net, faults.Mismatch("current", 0.1, relative=True), 1).node("cells")
    found = made.steps["current"]
    assert found.times.tolist() == [0.0, 5.0, 9.0]
    np.testing.assert_allclose(found.values / steps.values[:, None], np.tile(found.values[1] / 2.0, (3, 1)))
    assert len(np.unique(found.values[1])) == 4


def test_a_value_that_a_neuron_cannot_have_is_an_error_that_names_it():
    net = population("lif_delta", 50, tau_mem=1.0)
    with pytest.raises(FaultError) as error:
        manufacture(net, faults.Mismatch("tau_mem", 1.0), 3)
    said = str(error.value)
    slow = manufacture(population("lif_delta", 50, tau_mem=100.0), faults.Mismatch("tau_mem", 1.0), 3)
    drawn = parameter(slow, "tau_mem") - 100
    neuron = int(np.flatnonzero(drawn <= -1)[0])
    assert f"mismatch: tau_mem[{neuron}] of 'cells' would be {1 + drawn[neuron]:.6g}" in said
    assert f"a draw of {drawn[neuron]:+.3f} standard deviations" in said
    assert f"for {(drawn <= -1).sum()} of 50 neurons; must be >= 1e-50" in said


def test_drawn_again_until_a_neuron_can_have_it():
    """A normal distribution cut at 0: its mean and standard deviation in closed form, at one sigma below the mean."""
    net = population("lif_delta", tau_mem=np.full(N, 1.0))
    found = parameter(manufacture(net, faults.Mismatch("tau_mem", 1.0, outside="redraw"), 3), "tau_mem")
    assert (found > 0).all()
    density, above = math.exp(-0.5) / math.sqrt(2 * math.pi), 0.5 * math.erfc(-1 / math.sqrt(2))
    ratio = density / above
    mean, variance = 1 + ratio, 1 - ratio - ratio * ratio
    assert abs(found.mean() - mean) < 4 * math.sqrt(variance / N)
    assert abs(found.var() - variance) < 4 * variance * math.sqrt(2 / N)
    hopeless = faults.Mismatch("tau_mem", 1e-9, mean=-2.0, outside="redraw")
    with pytest.raises(FaultError, match=r"for 5 of 5 neurons; must be >= 1e-50"):
        manufacture(population("lif_delta", 5, tau_mem=1.0), hopeless)


def test_thresholds_of_b1_may_fall_below_zero():
    """There it is no error: such a neuron fires at t_start and counts as premature."""
    made = manufacture(net_of(), faults.Mismatch("threshold", mean=-3.0, populations="late"))
    assert (made.node("late").parameters["threshold"] == -2.0).all()


def test_slope_mismatch_of_b1_moves_late_spikes_most():
    """B -> B (1 + d): the time after t_min becomes (t - t_min) / (1 + d) exactly."""
    net: Any = models.to_ttfs(models.read_relu({"weights": [RNG.random((40, 6)), np.ones((2, 40))]}), X)
    fault = faults.Mismatch("slope", 1e-3, relative=True, populations="dense1")
    ideal, run = (eventsim.simulate(net, X, faults=given, seed=4, engine="reference") for given in ((), fault))
    slopes = manufacture(net, fault, 4).node("dense1").parameters["slope"]
    t_min = net.node("dense1").window[1]
    expected = t_min + (ideal.spike_times("dense1") - t_min) / slopes
    np.testing.assert_allclose(run.spike_times("dense1"), expected, rtol=0, atol=1e-14)


# -- slopes that follow ------------------------------------------------------------------------------------------------


def by_definition(net: Any, name: str) -> np.ndarray:
    """Alpha and the sum of all incoming weights, padding included, of each neuron."""
    node, total = net.node(name), []
    for neuron in range(node.size):
        terms = [float(node.parameters["alpha"][neuron])]
        for projection in net.projections:
            kind = projection.kind
            if projection.post.name == name and isinstance(kind, eventsim.Sparse):
                terms += kind.weights[kind.targets == neuron].tolist()
            elif projection.post.name == name:
                terms += np.ravel(kind.weights[neuron * len(kind.weights) // node.size]).tolist()
        total.append(math.fsum(terms))
    return np.array(total)


def alpha1_networks() -> dict[str, Any]:
    dense = {"weights": [RNG.normal(size=(8, 6)) / 4, RNG.normal(size=(3, 8)) / 4]}
    found: dict[str, Any] = {"dense": models.to_ttfs(models.read_relu(dense), X, slope="alpha1")}
    net: Any = eventsim.Network()
    net.source((2, 4, 4), "input")
    net.source(18, "other")
    net.population("ttfs_alpha1", (2, 3, 3), "cells", (0.0, 1.0, 3.0), threshold=2.0, slope=1.0)
    net.connect("input", "cells", eventsim.Conv(RNG.normal(size=(2, 2, 2, 2)) / 20))
    net.connect("other", "cells", eventsim.OneToOne(RNG.normal(size=18) / 20))
    ends = RNG.integers(0, 18, (2, 40))
    net.connect("other", "cells", eventsim.Sparse(ends[0], ends[1], RNG.normal(size=40) / 20), 0.25)
    slope = []
    for neuron in range(18):
        sparse = net.projections[2].kind
        slope.append(math.fsum([1.0, *net.projections[0].kind.weights[neuron // 9].ravel().tolist(),
                                net.projections[1].kind.weights[neuron],
                                *sparse.weights[sparse.targets == neuron].tolist()]))  # fmt: skip
    return found | {"mixed": net.replace("cells", slope=np.array(slope))}


ALPHA1 = alpha1_networks()
CHANGING = [
    faults.WeightQuantization(3), faults.WeightNoise(0.3), faults.StuckAt(0.3), faults.PCM(86400.0),
    faults.Mismatch("alpha", 0.2), [faults.PowerOfTwo(3), faults.WeightNoise(0.1), faults.Mismatch("alpha", 0.1)],
]  # fmt: skip


@pytest.mark.parametrize("name", ALPHA1)
@pytest.mark.parametrize("fault", CHANGING, ids=lambda fault: repr(fault)[:50])
def test_the_slope_of_alpha1_is_alpha_and_the_sum_of_the_weights_that_are_there(name, fault):
    net = ALPHA1[name]
    made = manufacture(net, fault, 3)
    populations = [node.name for node in net.populations if node.model.name == "ttfs_alpha1"]
    assert populations
    for one in populations:
        slope, expected = made.node(one).parameters["slope"], by_definition(made, one)
        sizes = np.abs(slope) + sum(np.abs(p.kind.weights).sum() for p in made.projections if p.post.name == one)
        assert (np.abs(slope - expected) <= 8 * 2.0**-53 * sizes).all()
        assert not np.array_equal(slope, net.node(one).parameters["slope"])


def test_a_slope_that_is_no_such_sum_keeps_what_it_is_off_by():
    net = ALPHA1["dense"]
    steep = net.replace("dense1", slope=net.node("dense1").parameters["slope"] + 0.5)
    fault = faults.WeightNoise(0.1)
    made, plain = (manufacture(one, fault, 3).node("dense1").parameters["slope"] for one in (steep, net))
    np.testing.assert_allclose(made - plain, 0.5, rtol=0, atol=1e-14)


def test_a_mismatch_of_the_slope_itself_stands():
    net = ALPHA1["dense"]
    made = manufacture(net, faults.Mismatch("slope", mean=0.25))
    expected = net.node("dense1").parameters["slope"] + 0.25
    assert np.array_equal(made.node("dense1").parameters["slope"], expected)


@dataclass(frozen=True, repr=False)
class OtherModel(StateFault):
    """Doubles weights, and gives alpha1 populations a model that has no slope."""

    name = "toy other model"

    def acts_on(self, part: Any) -> bool:
        return has_weights(part) or getattr(getattr(part, "model", None), "name", "") == "ttfs_alpha1"

    def alter(self, part: Any, draws: Any) -> dict[str, Any]:
        if has_weights(part):
            return {"weights": 2 * part.kind.weights}
        return {"model": "linear_psp", "window": None}


def test_a_model_without_such_a_slope_gets_none():
    made = manufacture(ALPHA1["mixed"], OtherModel())
    assert made.node("cells").model.name == "linear_psp"
    assert "slope" not in made.node("cells").parameters


def test_alpha1_of_fractions_follows_exactly():
    relu = models.read_relu({"weights": [RNG.integers(-9, 9, (4, 6)) / 64, np.ones((2, 4)) / 8]})
    net: Any = models.to_ttfs(relu, X, slope="alpha1", number=Fraction)
    made = manufacture(net, faults.WeightNoise(0.3), 2)
    node = made.node("dense1")
    rows = made.projections[0].kind.weights
    assert node.parameters["slope"].tolist() == [
        alpha + sum(row.tolist()) for alpha, row in zip(node.parameters["alpha"], rows, strict=True)
    ]


def test_a_network_with_other_weights_computes_what_alpha1_says():
    """A spike of alpha1 behind its window's start is where alpha, all weights and the input times say."""
    net, fault = ALPHA1["dense"], faults.WeightNoise(0.05)
    made = manufacture(net, fault, 3)
    run = eventsim.simulate(net, X, faults=fault, seed=3, engine="reference")
    node, kind = made.node("dense1"), made.projections[0].kind
    t_start, t_min, t_max = node.window
    arrivals = np.where(X > 0, 1 - X, t_min)
    potential = node.parameters["alpha"] * (t_min - t_start) + (t_min - arrivals) @ kind.weights.T
    expected = t_min + (node.parameters["threshold"] - potential) / by_definition(made, "dense1")
    found = run.spike_times("dense1")
    seen = (found < np.inf) & (found > t_min)
    assert seen.sum() > 5
    np.testing.assert_allclose(found[seen], expected[seen], rtol=0, atol=1e-12)
    assert (expected[found == np.inf] >= t_max - 1e-12).all()


# -- delays ------------------------------------------------------------------------------------------------------------


def synapses(delays: np.ndarray) -> Any:
    net: Any = eventsim.Network()
    net.source(len(delays), "input")
    net.population("linear_psp", 1, "cell", threshold=1.0)
    net.connect(
        "input", "cell", eventsim.Sparse(np.arange(len(delays)), 0 * np.arange(len(delays)), 0 * delays, delays)
    )
    return net


def test_delays_have_the_moments_of_their_formula():
    net = synapses(np.full(N, 2.0))
    for fault, sd in ((faults.DelayVariation(0.1), 0.1), (faults.DelayVariation(0.1, relative=True), 0.2)):
        assert_moments(manufacture(net, fault, 1).projections[0].kind.delays, 2.0, sd)


def test_one_delay_is_one_wire():
    fault = faults.DelayVariation(0.1, relative=True)
    found = [manufacture(net_of(), fault, seed).projections[0].delay for seed in range(400)]
    assert_moments(np.array(found), 0.5, 0.05)
    made = manufacture(net_of(), fault, 1)
    assert isinstance(made.projections[0].kind, eventsim.Dense)
    assert made.projections[0].delay != made.projections[1].delay


def test_each_synapse_gets_a_delay_where_that_is_asked_for():
    fault = faults.DelayVariation(0.05, per_synapse=True)
    made = manufacture(net_of(), fault, 1).projections[0]
    kind = made.kind
    assert np.array_equal(WEIGHTS[kind.targets, kind.sources], kind.weights)
    assert len(np.unique(kind.delays)) == WEIGHTS.size


def test_a_delay_below_zero_is_an_error_zero_or_drawn_again():
    net = synapses(np.full(2000, 0.1))
    below = faults.DelayVariation(0.1, negative="zero")
    made = manufacture(net, below, 1)
    found = made.projections[0].kind.delays
    n = int((found == 0).sum())
    assert abs(n / 2000 - 0.1587) < 4 * math.sqrt(0.16 * 0.84 / 2000)
    note = f"delay_variation: {n} of 2000 delays of input -> cell (Sparse) were drawn below 0, and are 0"
    assert note in made.provenance["notes"]
    with pytest.raises(
        FaultError, match=rf"{n} of 2000 delays of input -> cell \(Sparse\) would be below 0, down to -"
    ):
        manufacture(net, faults.DelayVariation(0.1), 1)
    again = manufacture(net, faults.DelayVariation(0.1, negative="redraw"), 1).projections[0].kind.delays
    assert (again >= 0).all()
    assert np.isin(found[found > 0], again).all()


def test_convolutions_and_clocks_keep_what_they_need():
    net: Any = eventsim.Network()
    net.source((1, 3, 3), "input")
    net.population("lif_clocked", (1, 2, 2), "ticking", decay=0.5, period=1.0)
    net.population("linear_psp", 1, "cell", threshold=1.0)
    net.connect("input", "ticking", eventsim.Conv(np.ones((1, 1, 2, 2))), 0.5)
    net.connect("ticking", "cell", eventsim.Dense(np.ones((1, 4))), 2.0)
    made = manufacture(net, faults.DelayVariation(0.1), 1)
    assert made.projections[0].delay != 0.5
    assert made.projections[1].delay == 2.0
    with pytest.raises(FaultError, match=r"Conv.*per_synapse = True; a convolution is never unrolled"):
        manufacture(net, faults.DelayVariation(0.1, per_synapse=True), 1)
    with pytest.raises(FaultError, match=r"'ticking' -> 'cell'.* has nothing that it acts on"):
        manufacture(net, faults.DelayVariation(0.1, projections=[("ticking", "cell")]), 1)


def test_a_one_to_one_projection_gets_delays_of_its_own():
    net: Any = eventsim.Network()
    net.source(5, "input")
    net.population("linear_psp", 5, "cells", threshold=1.0)
    net.connect("input", "cells", eventsim.OneToOne(np.arange(5.0)), 0.5)
    kind = manufacture(net, faults.DelayVariation(0.05, per_synapse=True), 1).projections[0].kind
    assert kind.sources.tolist() == kind.targets.tolist() == kind.weights.tolist() == [0, 1, 2, 3, 4]
    assert len(np.unique(kind.delays)) == 5
