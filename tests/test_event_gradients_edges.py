"""Where `train.gradients` has two derivatives to choose from, or none; and what it refuses."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import Dense, InputError, Network, OneToOne, Pool, Run, Sparse, SpikeTimes
from eventsim.fabric import AerBus
from eventsim.models import train
from eventsim.models.train.losses import CrossEntropy, MeanSquare


def simulated(net: Network, times: Any, **options: Any) -> Run:
    given: dict[str, Any] = {"engine": "reference", "progress": False} | options
    return eventsim.simulate(net, SpikeTimes(times), **given)


def sum_of(name: str) -> Callable[[Run], train.Cotangents]:
    """The sum of the first spike times of a population."""

    def loss(run: Run) -> train.Cotangents:
        times = run.spike_times(name).astype(float)
        fired = np.isfinite(times)
        return train.Cotangents(float(times[fired].sum()), {name: fired * 1.0})

    return loss


def one_layer(model: str, weights: Any, **parameters: Any) -> Network:
    net = Network()
    weights = np.atleast_2d(weights)
    given = net.source(weights.shape[1], "given")
    net.population(model, len(weights), "cells", **parameters)
    net.connect(given, "cells", Dense(weights))
    return net


# -- two derivatives ------------------------------------------------------------------------------------------------


def test_an_input_at_the_very_time_of_a_spike_comes_after_it():
    """The example of docs/event-order.md: the crossing was certain before t = 1."""
    net = one_layer("linear_psp", [[1.0, -5.0]], threshold=1.0)
    found = train.gradients(simulated(net, [[0.0, 1.0]]), sum_of("cells"))
    assert found.value == 1.0
    assert found.inputs["given"].tolist() == [1.0, 0.0]
    assert found.weights["given -> cells"].tolist() == [[-1.0, 0.0]]


@pytest.mark.parametrize("model", ["linear_psp", "ttfs_b1"])
def test_an_input_without_which_v_did_not_rise_counts_at_the_very_time_of_a_spike(model):
    """V stays one rounding below the threshold until the last input, which takes it there at once."""
    window = {"window": (0, 8, 9)} if model == "ttfs_b1" else {}
    net = one_layer(model, [[1.0, -1.0, 2.0**53]], threshold=1.0, **window)
    run = simulated(net, [[0.0, 1.0 - 2.0**-53, 5.0]])
    assert run.spike_times("cells").tolist() == [[5.0]]
    found = train.gradients(run, sum_of("cells"))
    assert found.thresholds["cells"].tolist() == [2.0**-53]
    assert found.inputs["given"].tolist() == [2.0**-53, -(2.0**-53), 1.0]


def test_a_current_without_which_v_did_not_rise_counts_at_the_very_time_of_a_spike():
    net = one_layer("lif_exp", [[1e20]], tau_mem=1.0, tau_syn=1.0, v_init=0.5, t_ref=1.0)
    run = simulated(net, [[1.0]], until=2.0)
    assert run.spike_times("cells").tolist() == [[1.0]]
    assert train.gradients(run, sum_of("cells")).inputs["given"].tolist() == pytest.approx([1.0])


def test_an_input_at_the_beginning_of_a_window_is_one_that_moves_later():
    net = one_layer("ttfs_b1", [[0.5, 0.25]], threshold=1.0, window=(0, 1, 4))
    found = train.gradients(simulated(net, [[0.0, 0.5]]), sum_of("cells"))
    assert found.inputs["given"].tolist() == [0.5, 0.25]


def test_an_input_before_a_window_counts_as_from_its_beginning_on_whenever_it_came():
    net = Network()
    given = net.source(2, "given")
    cells = net.population("ttfs_b1", 1, "cells", threshold=1.0, window=(1, 2, 5))
    net.connect(given, cells, Dense([[0.5, 0.25]]))
    found = train.gradients(simulated(net, [[0.5, 1.5]]), sum_of("cells"))
    assert found.inputs["given"].tolist() == [0.0, 0.25]
    assert found.weights["given -> cells"].tolist() == [[-1.0, -0.5]]


def test_a_spike_at_t_min_that_was_certain_before_lies_on_the_slope_before():
    net = one_layer("ttfs_b1", [[4.0]], threshold=2.0, window=(0, 1, 3), slope=1.0)
    run = simulated(net, [[0.5]])
    assert run.spike_times("cells").tolist() == [[1.0]]
    assert train.gradients(run, sum_of("cells")).thresholds["cells"].tolist() == [0.25]


def test_a_pool_passes_all_to_the_first_of_equal_inputs_in_event_order():
    """Of several at one time, those that came over a delay are first, then by sender."""
    net = Network()
    early, late = net.source(2, "early"), net.source(2, "late")
    pool = net.population("relay", 1, "pool")
    net.connect(late, pool, Dense([[1.0, 1.0]]))
    net.connect(early, pool, Dense([[1.0, 1.0]]), delay=1.0)
    x = {"early": SpikeTimes([[1.0, 1.0]]), "late": SpikeTimes([[2.0, 2.0]])}
    run = eventsim.simulate(net, x, engine="reference", progress=False)
    found = train.gradients(run, sum_of("pool"))
    assert found.inputs["early"].tolist() == [1.0, 0.0]
    assert found.inputs["late"].tolist() == [0.0, 0.0]
    assert (found.delays["early -> pool"], found.delays["late -> pool"]) == (1.0, 0.0)


@pytest.mark.parametrize("record", ["spikes", "first_spikes"])
def test_a_chain_of_pools_without_delays_passes_on_at_one_time(record):
    """All spikes fall on one time; the order of events tells which caused which, whatever the order of creation."""
    net = Network()
    last, middle = net.population("relay", 1, "last"), net.population("relay", 2, "middle")
    given = net.source(2, "given")
    net.connect(given, middle, OneToOne(1.0))
    net.connect(middle, last, Dense([[1.0, 1.0]]))
    run = simulated(net, [[2.0, 1.0]], record=record)
    found = train.gradients(run, sum_of("last"))
    assert found.first_inputs("given").tolist() == [[0.0, 1.0]]


def test_a_pool_of_all_inputs_passes_all_to_the_last():
    net = Network()
    given = net.source((1, 2, 2), "given")
    pool = net.population("relay", (1, 1, 1), "pool", count=4)
    net.connect(given, pool, Pool((2, 2)))
    found = train.gradients(simulated(net, [[0.5, 2.0, 1.0, 0.25]]), sum_of("pool"))
    assert found.first_inputs("given").tolist() == [[0.0, 1.0, 0.0, 0.0]]
    assert found.weights == {}


def test_a_spike_that_is_forced_at_the_beginning_of_its_window_passes_nothing_back():
    net = one_layer("ttfs_b1", [[0.5]], threshold=-1.0, window=(0, 1, 3))
    found = train.gradients(simulated(net, [[0.5]]), sum_of("cells"))
    assert found.forced == 1
    assert (found.value, found.thresholds["cells"].tolist(), found.inputs["given"].tolist()) == (0.0, [0.0], [0.0])
    assert "1 spikes at the beginning of a window" in str(found)


def test_parallel_synapses_and_shared_delays_add_up():
    net = Network()
    given, cell = net.source(1, "given"), net.population("linear_psp", 1, "cell", threshold=2.0)
    net.connect(given, cell, Sparse([0, 0], [0, 0], [1.0, 3.0], [0.25, 0.25]))
    net.connect(given, cell, OneToOne(4.0), delay=0.25)
    found = train.gradients(simulated(net, [[1.0]]), sum_of("cell"))
    assert found.delays["given -> cell #1"].tolist() == [0.125, 0.375]
    assert found.delays["given -> cell #2"] == 0.5
    assert found.inputs["given"].tolist() == [1.0]


def test_the_slope_of_alpha1_follows_each_weight_that_it_adds_up():
    """A silent input has no spike, and counts all the same: t = t_min + (threshold - V) / slope."""
    net = one_layer("ttfs_alpha1", [[0.5, 0.5]], threshold=3.0, alpha=1.0, slope=2.0, window=(0, 1, 4))
    run = simulated(net, [[0.5, math.inf]])
    assert run.spike_times("cells").tolist() == [[1.875]]
    assert train.gradients(run, sum_of("cells")).weights["given -> cells"].tolist() == [[-0.6875, -0.4375]]


# -- none -----------------------------------------------------------------------------------------------------------


def refused(run: Any, loss: Any, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        train.gradients(run, loss)
    text = str(caught.value)
    assert text.startswith("gradients: ")
    assert all(word in text for word in ("must", *words)), text


def test_a_crossing_that_grazes_the_threshold_is_refused():
    net = one_layer("lif_exp", [[1.0]], tau_mem=1.0, tau_syn=1.0, v_threshold=math.exp(-1.0))
    run = simulated(net, [[0.5]], until=5.0)
    assert run.counters["tangent"] == 1
    refused(run, sum_of("cells"), "cells neuron 0, spike 0 of sample 0 at t = 1.4999", "grazes", "move a weight")


def test_a_grazing_spike_that_the_loss_does_not_look_at_is_no_matter():
    net = one_layer("lif_exp", [[1.0], [2.0]], tau_mem=1.0, tau_syn=1.0, v_threshold=math.exp(-1.0))
    run = simulated(net, [[0.5]], until=5.0)
    found = train.gradients(run, lambda _: train.Cotangents(0.0, {"cells": [[0.0, 1.0]]}))
    assert found.weights["given -> cells"][0].tolist() == [0.0]


def test_a_slope_that_is_what_rounding_left_of_large_weights_is_refused():
    net = one_layer("linear_psp", [[1e16, -1e16, 1.0]], threshold=1.0)
    run = simulated(net, [[0.0, 1e-17, 1e-17]])
    assert run.spike_times("cells").tolist() == [[0.9]]
    refused(run, sum_of("cells"), "grazes", "V' = 1 ")


def plain(**options: Any) -> Run:
    return simulated(one_layer("lif_exp", [[9.0]], tau_mem=5.0, tau_syn=2.0), [[0.5]], until=5.0, **options)


def test_runs_of_which_no_gradient_is_known_are_refused():
    loss = sum_of("cells")
    refused("a run", loss, "a str", "simulate")
    refused(plain(faults=eventsim.faults.SpikeLoss(0.5)), loss, "faults", "Simulate without")
    refused(plain(transport=AerBus(0.1)), loss, "transport", "wait for each other")
    refused(plain(record="readout"), loss, "recorded no spikes", "first_spikes")
    refused(plain(record="first_spikes"), loss, "1 first spikes of 'cells'", 'record="spikes"')


def test_a_run_that_ended_early_is_refused():
    with pytest.raises(eventsim.BudgetError) as caught:
        plain(max_events=1)
    refused(caught.value.run, sum_of("cells"), "ended early", "resume")


def test_a_run_from_a_file_needs_its_network(tmp_path):
    net = one_layer("lif_exp", [[9.0]], tau_mem=5.0, tau_syn=2.0)
    run = simulated(net, [[0.5]], until=5.0)
    run.save(tmp_path / "run.npz")
    refused(eventsim.load_run(tmp_path / "run.npz"), sum_of("cells"), "load_run(path, net)")
    found = train.gradients(eventsim.load_run(tmp_path / "run.npz", net), sum_of("cells"))
    wanted = train.gradients(run, sum_of("cells"))
    assert found.weights["given -> cells"].tobytes() == wanted.weights["given -> cells"].tobytes()


@pytest.mark.parametrize(
    ("model", "parameters", "words"),
    [("lif_delta", {"tau_mem": 5.0}, "not known"), ("lif_clocked", {"period": 1.0, "decay": 0.5}, "steps of a clock")],
)
def test_neurons_of_other_models_are_refused(model, parameters, words):
    run = simulated(one_layer(model, [[5.0]], **parameters), [[0.5]], until=3.0)
    refused(run, sum_of("cells"), f"neurons of {model}", words, "lif_exp")


def test_fractions_among_neurons_that_have_none_are_refused():
    weights = np.array([[Fraction(9)]], dtype=object)
    run = simulated(one_layer("lif_exp", weights, tau_mem=5.0, tau_syn=2.0), [[0.5]], until=3.0)
    refused(run, sum_of("cells"), "'cells' neurons of lif_exp", "in floats")


def test_first_spikes_of_exact_runs_have_exact_gradients():
    net = one_layer("linear_psp", np.array([[Fraction(1, 3)]], dtype=object), threshold=Fraction(1, 7))
    run = simulated(net, [[Fraction(1, 2)]], record="first_spikes")
    assert train.gradients(run, sum_of("cells")).weights["given -> cells"].tolist() == [[Fraction(-9, 7)]]


def test_first_spikes_do_not_tell_the_order_in_a_circle_without_delays():
    net = one_layer("linear_psp", [[1.0], [0.5]], threshold=1.0)
    net.connect("cells", "cells", Dense([[0.0, 0.5], [0.0, 0.0]]))
    run = simulated(net, [[0.5]], record="first_spikes")
    refused(run, sum_of("cells"), "circle", 'record="spikes"')
    assert train.gradients(simulated(net, [[0.5]]), sum_of("cells")).inputs["given"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ((1.0, {}), ("a tuple", "Cotangents")),
        (train.Cotangents(math.nan), ("the loss is nan",)),
        (train.Cotangents(1.0, {"cell": [[1.0]]}), ("'cell', did you mean 'cells'?",)),
        (train.Cotangents(1.0, {"cells": [1.0]}), ("shape (1,)", "(1, 2) or (2,)")),
        (train.Cotangents(1.0, {"cells": [[math.inf, 0.0]]}), ("not finite", "'cells'")),
        (train.Cotangents(1.0, {"cells": [[1.0, 1.0]]}), ("cells neuron 1 in sample 0", "silent")),
    ],
)
def test_losses_that_do_not_fit_the_run_are_refused(found, words):
    net = one_layer("lif_exp", [[9.0], [-1.0]], tau_mem=5.0, tau_syn=2.0)
    run = simulated(net, [[0.5]], until=5.0)
    assert run.n_spikes("cells") == 2
    refused(run, lambda _: found, *words)


def read_out(until: float | None = None) -> Run:
    net = one_layer("integrator", [[1.0], [2.0]], window=(0, 1), drift=0.5)
    return simulated(net, [[0.25]], until=until)


def test_derivatives_by_the_read_out_must_fit():
    refused(read_out(), lambda _: train.Cotangents(1.0, readout=np.ones((1, 3))), "shape (1, 3)", "(1, 2)")
    refused(read_out(0.5), lambda _: train.Cotangents(1.0, readout=np.ones((1, 2))), "output 0 of sample 0", "reached")
    found = train.gradients(read_out(), lambda _: train.Cotangents(1.0, readout=[[1.0, 0.0]]))
    assert found.drifts["cells"].tolist() == [1.0, 0.0]
    assert found.inputs["given"].tolist() == [-1.0]
    with pytest.raises(InputError, match="unknown source 'givn', did you mean 'given'"):
        found.first_inputs("givn")


# -- losses ---------------------------------------------------------------------------------------------------------


def test_losses_of_the_read_out_are_those_of_the_trainer():
    run = read_out()
    for loss, targets in ((CrossEntropy(), [1]), (MeanSquare(), [[0.5, 1.0]]), (MeanSquare(), [0])):
        value, gradient = loss(run.readout, np.array(targets))
        found = train.OnReadout(loss, targets)(run)
        assert (found.value, found.readout.tolist()) == (value, gradient.tolist())


def test_the_earliest_wins_is_a_softmax_of_times():
    net = one_layer("lif_exp", [[9.0], [8.0], [-1.0]], tau_mem=5.0, tau_syn=2.0)
    run = simulated(net, [[0.5]], until=5.0)
    t = run.spike_times("cells")[0]
    weights = np.exp(-t / 0.5)
    found = train.OnFirstSpikes("cells", train.EarliestWins(0.5), [1])(run)
    assert found.value == pytest.approx(-math.log(weights[1] / weights.sum()), rel=1e-12)
    wanted = -(weights / weights.sum() - [0.0, 1.0, 0.0]) / 0.5
    assert found.spikes["cells"][0] == pytest.approx(wanted, rel=1e-12)
    late = train.OnFirstSpikes("cells", train.EarliestWins(0.5), [2], silent_at=6.0)(run)
    assert late.spikes["cells"][0, 2] == 0.0
    assert late.value > found.value


def test_losses_refuse_what_does_not_fit():
    run = simulated(one_layer("lif_exp", [[9.0], [-1.0]], tau_mem=5.0, tau_syn=2.0), [[0.5]], until=5.0)
    with pytest.raises(InputError, match=r"neuron 1, which shall fire first in sample 0, is silent.*silent_at"):
        train.OnFirstSpikes("cells", train.EarliestWins(), [1])(run)
    with pytest.raises(InputError, match="labels"):
        train.OnFirstSpikes("cells", train.EarliestWins(), [2])(run)
    with pytest.raises(InputError, match=r"targets of shape \(1, 3\); must be \(1, 2\)"):
        train.OnFirstSpikes("cells", MeanSquare(), [[1.0, 2.0, 3.0]])(run)
    with pytest.raises(InputError, match="tau = 0; must be > 0"):
        train.EarliestWins(0)


def test_the_table_names_every_part():
    found = train.gradients(plain(), sum_of("cells"))
    rows = {(row["by"], row["of"]): row for row in found.table()}
    assert rows.keys() == {("weights", "given -> cells"), ("delays", "given -> cells"), ("thresholds", "cells"),
                           ("inputs", "given")}  # fmt: skip
    row = rows["weights", "given -> cells"]
    assert row["length"] == abs(row["largest"]) == abs(found.weights["given -> cells"][0, 0])
    assert "loss" in str(found)
    assert repr(found).startswith("Gradients: loss ")
