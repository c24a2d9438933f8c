"""The oracle of the tests, held against closed forms, hand calculations and an independent stepwise loop."""

import ast
import itertools
import math
import operator
import random
import sys
from fractions import Fraction
from pathlib import Path

import naive
import numpy as np
import pytest
from naive import Node, Projection, simulate

F = Fraction
INF = math.inf


def source(n, name="input"):
    return Node(name, n, "source")


def population(name, model, n, window=None, **parameters):
    """Scalars are given to every neuron."""
    spread = {key: value if isinstance(value, list) else [value] * n for key, value in parameters.items()}
    return Node(name, n, "population", model, spread, window)


def lif(name="lif", n=1, **changed):
    values = {"tau_mem": 10.0, "v_threshold": 1.0, "v_reset": 0.0, "v_leak": 0.0}
    values |= {"current": 0.0, "t_ref": 0.0, "v_init": 0.0}
    return population(name, "lif_delta", n, **(values | changed))


def clocked(name, n=1, **changed):
    values = {"period": 1.0, "decay": 0.5, "v_threshold": 1.0, "v_reset": 0.0, "bias": 0.0}
    choices = {"reset": "hard", "strict": False, "sees": "same_step"}
    return population(name, "lif_clocked", n, **(values | choices | changed))


def dense(pre, post, weights, delay=0):
    """``weights[j][i]`` from source i to target j."""
    return Projection(pre, post, delay, [(i, j, w) for j, row in enumerate(weights) for i, w in enumerate(row)])


def one(pre, post, weight, delay=0):
    return Projection(pre, post, delay, [(0, 0, weight)])


def one_neuron(neuron, weights, times, until=None, delay=0):
    """Run one neuron on one source whose neuron i spikes at ``times[i]`` (a number or a list)."""
    trains = [t if isinstance(t, list) else [t] for t in times]
    nodes = [source(len(times)), neuron]
    return simulate(nodes, [dense("input", neuron.name, [weights], delay)], {"input": trains}, until)


def test_the_oracle_imports_only_the_standard_library():
    tree = ast.parse(Path(naive.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= {"math", "fractions", "dataclasses"} <= set(sys.stdlib_module_names)


def test_linear_psp_crosses_at_the_exact_rational_time():
    # slope 1 from 1/3, slope 1/3 from 4/3: V(4/3) = 1, V = 2 at 4/3 + 1 / (1/3) = 13/3
    neuron, times = population("p", "linear_psp", 1, threshold=F(2)), [F(1, 3), F(4, 3)]
    run = one_neuron(neuron, [F(1), F(-2, 3)], times, delay=0.0)
    assert run.spikes == [(times[0], "input", 0), (times[1], "input", 1), (F(13, 3), "p", 0)]
    assert isinstance(run.first("p")[0], F)
    assert (run.visited, run.nominal, run.premature, run.late) == (2, 2, {"p": 0}, {"p": 0})


def test_linear_psp_with_a_falling_or_flat_potential_is_silent():
    for weights in ([F(1), F(-1)], [F(1), F(-2)]):
        run = one_neuron(population("p", "linear_psp", 1, threshold=F(2)), weights, [F(1), F(2)])
        assert run.first("p") == [INF]


def test_a_stored_crossing_fires_before_a_simultaneous_inhibitory_arrival():
    run = one_neuron(population("p", "linear_psp", 1, threshold=F(1)), [F(1), F(-100)], [F(0), F(1)])
    assert run.first("p") == [F(1)]
    assert run.visited == 2


def test_b1_counterexample_crosses_prematurely_at_0_19():
    for number in (F, float):
        window = (number(0), number(1), number("1.9"))
        neuron = population("p", "ttfs_b1", 1, window, threshold=number("0.9"))
        run = one_neuron(neuron, [number(10), number(-28)], [number("0.1"), number("0.7")])
        assert run.premature == {"p": 1}
        assert run.first("p")[0] == pytest.approx(0.19, abs=1e-16)
        assert number is float or run.first("p") == [F(19, 100)]


def test_alpha1_counterexample_crosses_prematurely_at_20_over_101():
    for number in (F, float):
        window = (number(0), number(1), number("1.9"))
        neuron = population("p", "ttfs_alpha1", 1, window, threshold=number(10), alpha=number(1), slope=number(10))
        weights = [number(100), number(-280), number(189)]
        run = one_neuron(neuron, weights, [number("0.1"), number("0.7"), INF])
        assert run.premature == {"p": 1}
        assert run.first("p")[0] == pytest.approx(0.198019801980198, abs=1e-15)
        assert number is float or run.first("p") == [F(20, 101)]


def columns(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def three_three_two(model):
    """ReLU net x -> h(3) -> y(2) with W1, W2 (rows are inputs), b1, b2 and windows [0, 1], [1, 3]."""
    w1 = [[F(1, 2), F(-1, 4), F(1)], [F(1, 4), F(1, 2), F(-3, 4)], [F(-1, 2), F(1, 2), F(1, 4)]]
    j1 = [[F(2, 3), F(-1), F(2)], [F(1, 3), F(2), F(-3, 2)], [F(-2, 3), F(2), F(1, 2)]]
    thresholds = [F(15, 8), F(9, 4), F(31, 16)]
    if model == "ttfs_alpha1":
        w1, thresholds = j1, [F(7, 2), F(10), F(39, 8)]
    w2 = [[F(1), F(-1, 2)], [F(-1, 4), F(3, 4)], [F(1, 2), F(1, 4)]]
    drift = [F(1, 10) / 2, F(-2, 10) / 2]
    slopes = [1 + sum(column) for column in columns(w1)] if model == "ttfs_alpha1" else [F(1)] * 3
    nodes = [
        source(3),
        population("hidden", model, 3, (F(0), F(1), F(3)), threshold=thresholds, slope=slopes),
        population("output", "integrator", 2, (F(1), F(3), None), drift=drift),
    ]
    return nodes, [dense("input", "hidden", columns(w1)), dense("hidden", "output", columns(w2))]


@pytest.mark.parametrize("model", ["ttfs_b1", "ttfs_alpha1"])
@pytest.mark.parametrize(
    ("x", "hidden", "logits"),
    [
        ((F(1), F(1, 2), F(1, 4)), [F(19, 8), INF, F(9, 4)], [F(11, 10), F(-13, 40)]),
        ((F(0), F(3, 4), F(1, 2)), [F(47, 16), F(21, 8), INF], [F(11, 160), F(1, 20)]),
    ],
)
def test_oracle_net_is_exact_in_rationals(model, x, hidden, logits):
    nodes, projections = three_three_two(model)
    run = simulate(nodes, projections, {"input": [[1 - value] if value > 0 else [] for value in x]})
    assert run.first("hidden") == hidden
    assert run.readout == {"output": logits}
    assert all(isinstance(value, F) for value in run.readout["output"] + [t for t, _, _ in run.spikes])
    assert run.premature == {"hidden": 0, "output": 0}
    assert run.late == {"hidden": 0, "output": 0}
    n_inputs, n_hidden = sum(value > 0 for value in x), sum(t < INF for t in hidden)
    assert run.visited == run.nominal == 3 * n_inputs + 2 * n_hidden


def test_readout_is_none_if_the_run_ends_at_the_readout_time():
    nodes, projections = three_three_two("ttfs_b1")
    run = simulate(nodes, projections, {"input": [[F(0)], [], []]}, until=F(3))
    assert run.readout == {"output": [None, None]}


def random_relu_neurons(n_samples):
    """Weights, inputs x in [0, 1], bias, and the length of the window."""
    rng = random.Random(1)
    for _ in range(n_samples):
        n = rng.randint(1, 4)
        weights = [F(rng.randint(-12, 12), rng.randint(1, 4)) for _ in range(n)]
        yield weights, [F(rng.randint(0, 8), 8) for _ in range(n)], F(rng.randint(-8, 8), 8), F(rng.randint(1, 16), 8)


def dot(weights, x):
    return sum(map(operator.mul, weights, x))


def b1_potential(weights, x, bias):
    return lambda u: dot(weights, [max(v - u, 0) for v in x]) + bias


def alpha1_potential(weights, x, bias):
    return lambda u: dot(weights, [max(v, u) for v in x]) + bias - u


def is_premature(potential, x, length):
    """Whether the piecewise linear ``potential(u)`` reaches ``length`` at some u = t_min - t in (0, 1]."""
    return any(potential(u) >= length for u in [*x, F(1)] if u > 0) or potential(F(0)) > length


@pytest.mark.parametrize("slope", [F(1), F(1, 3)])
def test_b1_agrees_with_the_premature_certificate_and_the_closed_form(slope):
    n_premature = 0
    for weights, x, bias, length in random_relu_neurons(300):
        window = (F(0), F(1), 1 + length / slope)
        neuron = population("p", "ttfs_b1", 1, window, threshold=length - bias, slope=slope)
        run = one_neuron(neuron, weights, [1 - v if v > 0 else INF for v in x])
        z = dot(weights, x) + bias
        premature = is_premature(b1_potential(weights, x, bias), x, length)
        assert run.premature == {"p": premature}
        assert premature or run.first("p") == [1 + (length - z) / slope if z > 0 else INF]
        n_premature += premature
    assert 50 < n_premature < 250


def test_alpha1_agrees_with_the_premature_certificate_and_the_closed_form():
    n_premature = n_samples = 0
    for weights, x, bias, length in random_relu_neurons(600):
        if sum(weights) >= 1:
            continue
        j = [w / (1 - sum(weights)) for w in weights]
        threshold = 1 + length + length * sum(j) - (1 + sum(j)) * bias
        neuron = population("p", "ttfs_alpha1", 1, (F(0), F(1), 1 + length), threshold=threshold, slope=1 + sum(j))
        run = one_neuron(neuron, j, [1 - v if v else INF for v in x])  # an input 0 is silent
        z = dot(weights, x) + bias
        premature = is_premature(alpha1_potential(weights, x, bias), x, length)
        assert run.premature == {"p": premature}
        assert premature or run.first("p") == [1 + length - z if z > 0 else INF]
        n_samples += 1
        n_premature += premature
    assert 15 < n_premature < n_samples - 100


def test_threshold_not_above_zero_fires_at_t_start_whatever_the_slope():
    for model, threshold, weight in itertools.product(["ttfs_b1", "ttfs_alpha1"], [F(0), F(-1)], [F(3), F(-3)]):
        neuron = population("p", model, 1, (F(1), F(2), F(3)), threshold=threshold, slope=F(1))
        for t in (F(1, 2), F(1)):
            run = one_neuron(neuron, [weight], [t])
            assert run.first("p") == [F(1)]
            assert run.premature == {"p": 1}


def test_arrivals_before_t_start_only_add_their_slope():
    neuron = population("p", "ttfs_b1", 1, (F(1), F(2), F(9)), threshold=F(4))
    assert one_neuron(neuron, [F(2)], [F(-5)]).first("p") == [F(4)]  # V(2) = 2, then slope 1
    assert one_neuron(neuron, [F(2), F(2)], [F(0), F(1)]).first("p") == [F(2)]
    integrator = population("p", "integrator", 1, (F(1), F(3), None), drift=F(1, 2))
    assert one_neuron(integrator, [F(2)], [F(0)]).readout == {"p": [F(5)]}


def test_late_arrivals_are_counted_ignored_by_b1_and_integrated_by_alpha1():
    window, times = (F(0), F(1), F(5)), [F(1), F(2), F(4), F(5), F(6)]
    b1 = one_neuron(population("p", "ttfs_b1", 1, window, threshold=F(3)), [F(1)] * 5, times)
    assert b1.first("p") == [F(4)]
    assert b1.late == {"p": 5}
    assert b1.visited == 5
    alpha1 = one_neuron(population("p", "ttfs_alpha1", 1, window, threshold=F(4), slope=F(1)), [F(1)] * 5, times)
    assert alpha1.first("p") == [F(7, 3)]
    assert alpha1.late == {"p": 5}
    readout = one_neuron(population("p", "integrator", 1, (F(0), F(1), None), drift=F(3)), [F(1)] * 5, times)
    assert readout.readout == {"p": [F(3)]}
    assert readout.late == {"p": 5}


def test_a_crossing_at_t_max_is_silence_and_one_just_before_is_a_spike():
    for t_max, expected in ((F(3), INF), (F(3) + F(1, 10**30), F(3))):
        neuron = population("p", "ttfs_b1", 1, (F(0), F(1), t_max), threshold=F(2))
        assert one_neuron(neuron, [], []).first("p") == [expected]


def test_b1_at_threshold_at_t_min_fires_there_and_is_not_premature():
    neuron = population("p", "ttfs_b1", 1, (F(0), F(1), F(9)), threshold=F(1))
    run = one_neuron(neuron, [F(1), F(-5)], [F(0), F(1)])
    assert run.first("p") == [F(1)]
    assert run.premature == {"p": 0}
    assert run.late == {"p": 1}
    assert one_neuron(neuron, [F(1), F(-5)], [F(0), F(1, 2)]).first("p") == [F(7, 2)]  # V(1) = 1/2 - 2


def relay(name, **changed):
    """A population that fires on any arrival of weight 1."""
    return lif(name, t_ref=100.0, **changed)


def test_zero_delay_chain_is_recorded_in_micro_step_order_and_sources_come_first():
    nodes = [relay("c"), relay("b"), relay("a"), source(1)]
    hops = [one("input", "a", 1.0), one("a", "b", 1.0), one("b", "c", 1.0)]
    run = simulate(nodes, hops, {"input": [[2.0]]})
    assert run.spikes == [(2.0, "input", 0), (2.0, "a", 0), (2.0, "b", 0), (2.0, "c", 0)]
    assert run.visited == run.nominal == 3


def test_spikes_of_one_micro_step_are_in_node_and_neuron_order():
    nodes = [source(1, "s2"), relay("b", n=2), source(2, "s1"), relay("a")]
    projections = [dense("s1", "a", [[1.0, 0.0]]), dense("s1", "b", [[1.0, 0.0], [0.0, 1.0]])]
    run = simulate(nodes, projections, {"s1": [[1.0], [1.0]], "s2": [[1.0]]})
    assert [spike[1:] for spike in run.spikes] == [("s2", 0), ("s1", 0), ("s1", 1), ("b", 0), ("b", 1), ("a", 0)]


def test_arrivals_are_summed_in_source_index_projection_and_weight_order():
    # threshold crossing depends on the order of the float additions: 1e16 + 1 - 1e16 is 0, 1e16 - 1e16 + 1 is 1
    for weights, fires in (([1e16, -1e16, 1.0], True), ([1e16, 1.0, -1e16], False)):
        run = one_neuron(lif(v_threshold=0.5, t_ref=9.0), weights, [1.0, 1.0, 1.0])
        assert (run.first("lif") == [1.0]) == fires
    synapses: list = [(0, 0, 1e16), (0, 0, -1e16), (0, 0, 1.0)]  # folded as -1e16 + 1 + 1e16 = 0
    run = simulate([source(1), lif(v_threshold=0.5)], [Projection("input", "lif", 0, synapses)], {"input": [[1.0]]})
    assert run.first("lif") == [INF]


def test_arrivals_come_in_the_order_of_the_source_nodes_before_that_of_the_projections():
    weights = {"a": 1e16, "b": -1e16, "c": 1.0}
    for order, expected in (("abc", 1.0), ("acb", INF), ("cab", INF), ("bac", 1.0)):
        nodes = [*(source(1, name) for name in order), lif(v_threshold=0.5)]
        for projections in itertools.permutations([one(name, "lif", weights[name]) for name in order]):
            run = simulate(nodes, list(projections), {name: [[1.0]] for name in order})
            assert run.first("lif") == [expected]
    for weights_in_order, expected in (([1e16, -1e16, 1.0], 1.0), ([1e16, 1.0, -1e16], INF)):
        hops = [one("input", "lif", weight) for weight in weights_in_order]  # one source: projections as created
        assert simulate([source(1), lif(v_threshold=0.5)], hops, {"input": [[1.0]]}).first("lif") == [expected]


def test_an_arrival_in_a_later_micro_step_of_t_start_is_predicted_again():
    for weight, expected in ((0.25, 3.0), (0.0, INF)):
        p = population("p", "ttfs_alpha1", 1, (1.0, 3.0, 5.0), threshold=1.0, alpha=0.25, slope=0.25 + weight)
        nodes = [source(1), relay("a"), p]
        run = simulate(nodes, [one("input", "a", 1.0), one("a", "p", weight)], {"input": [[1.0]]})
        assert run.first("p") == [expected]


def test_a_crossing_not_later_than_its_prediction_fires_in_the_same_micro_step():
    nodes = [source(1), population("p", "linear_psp", 1, threshold=0.0), relay("a")]
    run = simulate(nodes, [one("input", "p", 1.0), one("input", "a", 1.0)], {"input": [[1.0]]})
    assert run.spikes == [(1.0, "input", 0), (1.0, "p", 0), (1.0, "a", 0)]


def test_simultaneous_inputs_are_summed_before_threshold():
    assert one_neuron(lif(), [2.0, -1.5], [1.0, 1.0]).first("lif") == [INF]
    assert one_neuron(lif(), [0.5, 0.5], [1.0, 1.0]).first("lif") == [1.0]  # inclusive


def test_until_is_exclusive_and_delays_count_what_arrived():
    for until, expected in ((None, (2, 2)), (3.0, (1, 2)), (1.5, (0, 1))):
        run = one_neuron(lif(), [0.1], [[1.0, 2.0]], until, delay=1.0)
        assert (run.visited, run.nominal) == expected
    assert one_neuron(lif(), [0.1], [[1.0, 2.0]], 2.0).spikes == [(1.0, "input", 0)]


def test_errors_name_the_neuron():
    with pytest.raises(ValueError, match=r"lif\[0\] emits twice at t = 1.0"):
        simulate([source(1), lif()], [one("input", "lif", 1.0), one("lif", "lif", 1.0)], {"input": [[1.0]]})
    with pytest.raises(ValueError, match=r"input\[0\]: its delay 1e-30 is lost"):
        one_neuron(lif(), [1.0], [1.0], delay=1e-30)
    with pytest.raises(ValueError, match=r"input\[0\] emits twice"):
        one_neuron(lif(), [1.0], [[1.0, 1.0]])
    with pytest.raises(ValueError, match="until"):
        one_neuron(clocked("c"), [1.0], [1.0])


@pytest.mark.parametrize("t_ref", [2.0, 50.0])
def test_delta_lif_under_a_steady_drive_fires_at_the_closed_form_intervals(t_ref):
    tau, v_inf = 20.0, 1.5
    run = one_neuron(lif(tau_mem=tau, current=v_inf, t_ref=t_ref, v_init=0.25, v_reset=-0.5), [], [], until=200.0)
    first = tau * math.log((v_inf - 0.25) / (v_inf - 1.0))
    period = t_ref + tau * math.log((v_inf + 0.5) / (v_inf - 1.0))
    times = [t for t, _, _ in run.spikes]
    assert len(times) == 1 + int((200.0 - first) / period)
    # each of the few steps rounds to half an ulp of t < 256, and the logarithm adds one
    assert times == pytest.approx([first + k * period for k in range(len(times))], abs=1e-12)


def test_delta_lif_without_refractoriness_predicts_right_after_its_reset():
    run = one_neuron(lif(current=2.0), [], [], until=30.0)
    assert [t for t, _, _ in run.spikes] == pytest.approx([10 * math.log(2) * k for k in range(1, 5)], abs=1e-13)


def test_a_drive_that_only_reaches_the_threshold_in_the_limit_never_fires():
    assert one_neuron(lif(current=1.0), [0.5], [3.0]).first("lif") == [INF]
    assert one_neuron(lif(v_leak=0.5, current=0.5), [0.0], [3.0]).first("lif") == [INF]


def test_delta_lif_decays_between_arrivals():
    weight = 1.0 - math.exp(-0.3) * 0.9  # v(3) = 0.9 exp(-3 / 10)
    for missing, fires in ((-1e-15, True), (1e-15, False)):
        run = one_neuron(lif(), [0.9, weight - missing], [0.0, 3.0])
        assert run.first("lif") == [3.0 if fires else INF]


def test_arrivals_while_refractory_are_discarded_and_at_its_end_received():
    neuron = lif(t_ref=2.0, v_reset=0.25)
    times = [[1.0, 1.5, 2.999, 3.0]]
    run = one_neuron(neuron, [1.0], times)
    assert [t for t, name, _ in run.spikes if name == "lif"] == [1.0, 3.0]
    assert run.visited == 4
    # released at v_reset = 0.25 at t = 3: a weight of 0.75 is enough there, and nothing received before counts
    for weight, expected in ((0.75, [1.0, 3.0]), (0.74, [1.0])):
        run = one_neuron(neuron, [1.0, weight, 0.7], [1.0, 3.0, 2.5])
        assert [t for t, name, _ in run.spikes if name == "lif"] == expected


def test_a_stored_lif_crossing_fires_before_a_simultaneous_arrival_which_meets_the_reset_state():
    tc = 0 + 10.0 * math.log(2.0)
    run = one_neuron(lif(current=2.0, t_ref=1.0), [-5.0], [tc], until=8.0 + 1.0)
    assert run.first("lif") == [tc]  # refractory: the inhibition is discarded
    run = one_neuron(lif(current=2.0), [0.5], [tc], until=15.0)
    later = tc + 10.0 * math.log(1.5)
    assert [t for t, name, _ in run.spikes if name == "lif"] == pytest.approx([tc, later], abs=1e-14)


def stepwise_clocked_lif(n_steps, inputs, w_in, w_rec, w_out, first, second):
    """The loop of a step-based trainer: layer 1 (recurrent, next step), layer 2 sees layer 1 in the same step."""
    v = [np.zeros(len(w_rec)), np.zeros(len(w_out))]
    spikes = [np.zeros(len(w_rec), bool), np.zeros(len(w_out), bool)]
    rasters: list[list] = [[], []]
    for k in range(n_steps):
        for layer, p in enumerate((first, second)):
            buffer = np.zeros(len(v[layer]))
            # the sums in the event order: recurrent spikes came during the previous tick, then this tick's sources
            terms = [(w_rec, spikes[0]), (w_in, inputs[k])] if layer == 0 else [(w_out, spikes[0])]
            for weights, active in terms:
                for i in np.flatnonzero(active):
                    buffer = buffer + weights[:, i]
            v[layer] = p["decay"] * v[layer] + (buffer + p["bias"])
            above = v[layer] > p["v_threshold"] if p["strict"] else v[layer] >= p["v_threshold"]
            reset = v[layer] - p["v_threshold"] if p["reset"] == "soft" else np.full_like(v[layer], p["v_reset"])
            v[layer] = np.where(above, reset, v[layer])
            spikes[layer] = above
            rasters[layer].append(above)
    return [np.array(raster) for raster in rasters]


@pytest.mark.parametrize(
    ("reset", "strict", "period"), [("soft", False, 1.0), ("hard", True, 0.1), ("soft", True, 0.3)]
)
def test_clocked_lif_equals_a_stepwise_numpy_loop(reset, strict, period):
    rng = np.random.default_rng(3)
    n_steps, n_in, n1, n2 = 60, 5, 4, 3
    w_in, w_rec, w_out = (rng.normal(0.2, 0.5, shape) for shape in ((n1, n_in), (n1, n1), (n2, n1)))
    inputs = rng.random((n_steps, n_in)) < 0.3
    first = {"decay": 0.9, "v_threshold": 1.0, "v_reset": -0.1, "bias": 0.03, "reset": reset, "strict": strict}
    second = {"decay": 0.7, "v_threshold": 0.6, "v_reset": 0.0, "bias": -0.01, "reset": "hard", "strict": False}
    expected = stepwise_clocked_lif(n_steps, inputs, w_in, w_rec, w_out, first, second)
    nodes = [source(n_in), clocked("one", n1, period=period, **first), clocked("two", n2, period=period, **second)]
    projections = [dense("input", "one", w_in), dense("one", "two", w_out), dense("one", "one", w_rec)]
    trains = [[k * period for k in np.flatnonzero(inputs[:, i]).tolist()] for i in range(n_in)]
    run = simulate(nodes, projections, {"input": trains}, until=(n_steps - 0.5) * period)
    for name, raster in zip(("one", "two"), expected, strict=True):
        assert 10 < raster.sum() < raster.size - 10
        assert [(t, i) for t, where, i in run.spikes if where == name] == [
            (k * period, i) for k, i in np.argwhere(raster).tolist()
        ]


def test_clocks_tick_from_zero_on_at_multiples_of_the_period():
    run = simulate([clocked("c", period=0.1, bias=1.0, decay=0.0)], [], {}, until=1.0)
    assert [t for t, _, _ in run.spikes] == [k * 0.1 for k in range(10)]


def test_next_step_clocks_see_arrivals_at_the_tick_one_tick_later():
    for sees, expected in (("same_step", 3.0), ("next_step", 4.0)):
        assert one_neuron(clocked("c", sees=sees), [1.0], [3.0], until=9.0).first("c") == [expected]
        assert one_neuron(clocked("c", sees=sees), [1.0], [2.5], until=9.0).first("c") == [3.0]


def test_next_step_clocks_tick_in_micro_step_zero_wherever_they_are():
    nodes = [source(1), clocked("b", sees="next_step"), clocked("a")]
    run = simulate(nodes, [one("input", "a", 1.0), one("a", "b", 1.0)], {"input": [[1.0, 2.0]]}, until=3.5)
    assert run.spikes[1:3] == [(1.0, "a", 0), (2.0, "input", 0)]
    assert run.spikes[3:] == [(2.0, "b", 0), (2.0, "a", 0), (3.0, "b", 0)]


def test_a_tick_adds_buffer_and_bias_before_it_adds_them_to_the_membrane():
    # at tick 1 the membrane has decayed to 1: (1e16 - 1e16) + 1 fires, (1 + 1e16) - 1e16 = 0 would not
    neuron = clocked("c", bias=-1e16, decay=-1e-16, v_threshold=0.5)
    assert one_neuron(neuron, [1e16], [1.0], until=2.0).first("c") == [1.0]


def test_ranks_are_longest_paths_from_clocked_populations_without_the_ways_back():
    def node(name):
        return relay(name) if name == "x" else source(1, name) if name == "s" else clocked(name)

    nodes = [node(name) for name in "esabxcd"]
    # s -> a -> b -> x -> c, a -> c, c -> a (way back), b -> b (loop), c -> e (no way back), d apart behind a delay
    paths = ["sa", "ab", "bx", "xc", "ac", "ca", "bb", "ce"]
    projections = [one(path[0], path[1], 1.0) for path in paths] + [one("c", "d", 1.0, delay=0.25)]
    assert naive.clock_ranks(nodes, projections) == {"a": 0, "b": 1, "c": 3, "d": 0, "e": 4}
    nodes[6] = clocked("d", v_threshold=0.9)
    run = simulate(nodes, projections[:4] + projections[-1:], {"s": [[2.0]]}, until=4.0)
    assert run.spikes == [(2.0, name, 0) for name in "sabxc"] + [(3.0, "d", 0)]


def test_recurrent_input_is_seen_at_the_next_tick():
    nodes = [source(1), clocked("a", v_threshold=2.0), clocked("b")]
    projections = [one("input", "a", 2.0), one("a", "b", 1.0), one("b", "a", 2.0)]
    run = simulate(nodes, projections, {"input": [[1.0]]}, until=3.5)
    assert run.spikes[1:] == [(t, name, 0) for t in (1.0, 2.0, 3.0) for name in "ab"]


def test_delays_of_whole_periods_are_counted_in_ticks():
    period, m = 0.1, 3
    assert any(k * period + m * period > (k + m) * period for k in range(40))  # such a spike would miss its tick
    nodes = [source(1), clocked("a", period=period), clocked("b", period=period)]
    for k in range(40):
        projections = [one("input", "a", 1.0), one("a", "b", 1.0, delay=m * period)]
        run = simulate(nodes, projections, {"input": [[k * period]]}, until=(k + m + 3) * period)
        assert run.first("a") == [k * period]
        assert run.first("b") == [(k + m) * period]


def test_clocked_lif_is_exact_in_rationals():
    neuron = clocked("c", period=F(1, 3), decay=F(1, 2), v_threshold=F(1), bias=F(3, 5), reset="soft")
    run = simulate([neuron], [], {}, until=F(3))
    v = F(0)
    expected: list = []
    for k in range(9):
        v = v / 2 + F(3, 5)
        if v >= 1:
            v, expected = v - 1, [*expected, (F(k, 3), "c", 0)]
    assert run.spikes == expected
    assert len(expected) > 1
