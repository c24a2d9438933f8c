"""The worked examples of docs/event-order.md, each on both engines and on the independent simulator."""

import math

import numpy as np
import pytest
from adapters import assert_equals_oracle, assert_near_oracle, both_engines

import eventsim
from eventsim import Dense, Network, OneToOne, SimulationError, Sparse, SpikeTimes, simulate
from eventsim.fabric import AerBus
from eventsim.faults import Clock

INF = math.inf


def on_all(net, x, until=None):
    """The run of the compiled engine, after all three simulators agreed."""
    outcomes = both_engines(net, x, until=until)
    assert_equals_oracle(outcomes, net, x, until)
    return simulate(net, x, until=until)


def one_cell(model, weights, delay=0.0, **parameters):
    net = Network()
    source = net.source(len(weights), name="input")
    cell = net.population(model, 1, name="cell", **parameters)
    net.connect(source, cell, Dense([weights]), delay=delay)
    return net


def test_simultaneous_inputs_are_summed_before_threshold():
    net = one_cell("lif_delta", [2.0, -1.5], tau_mem=10.0)
    assert on_all(net, SpikeTimes([[1.0, 1.0]])).spike_times("cell")[0, 0] == INF
    net = one_cell("lif_delta", [0.5, 0.5], tau_mem=10.0)
    assert on_all(net, SpikeTimes([[1.0, 1.0]])).spike_times("cell")[0, 0] == 1.0  # inclusive


def test_inputs_of_different_projections_and_delays_that_meet_are_summed():
    net = Network()
    near, far = net.source(1, name="near"), net.source(1, name="far")
    cell = net.population("lif_delta", 1, name="cell", tau_mem=10.0)
    net.connect(far, cell, Dense([[-1.5]]), delay=0.5)
    net.connect(near, cell, Dense([[2.0]]))
    x = {"near": SpikeTimes([[1.0]]), "far": SpikeTimes([[0.5]])}
    assert on_all(net, x).spike_times("cell")[0, 0] == INF


def test_a_crossing_stored_for_t_fires_before_what_arrives_at_t():
    net = one_cell("linear_psp", [1.0, -5.0], threshold=1.0)
    assert on_all(net, SpikeTimes([[0.0, 1.0]])).spike_times("cell")[0, 0] == 1.0
    early = np.nextafter(1.0, 0.0)
    assert on_all(net, SpikeTimes([[0.0, early]])).spike_times("cell")[0, 0] == INF


@pytest.mark.parametrize(("model", "extra", "expected"), [("ttfs_b1", {}, 3.0), ("ttfs_alpha1", {"slope": 1.0}, 2.0)])
def test_an_arrival_at_t_min_is_late(model, extra, expected):
    threshold = 2.0 if model == "ttfs_b1" else 3.0
    net = one_cell(model, [1.0], window=(0.0, 1.0, 9.0), threshold=threshold, **extra)
    run = on_all(net, SpikeTimes([[1.0]]))
    assert run.counters["late"] == 1
    assert run.spike_times("cell")[0, 0] == expected


def test_a_crossing_at_t_max_is_silence():
    for threshold, expected in ((2.0, INF), (np.nextafter(2.0, 0.0), INF), (2.0 - 2.0**-51, 3.0 - 2.0**-51)):
        net = one_cell("ttfs_b1", [0.0], window=(0.0, 1.0, 3.0), threshold=threshold)
        assert on_all(net, SpikeTimes([[0.5]])).spike_times("cell")[0, 0] == expected
    run = on_all(one_cell("ttfs_b1", [1.0], window=(0.0, 1.0, 3.0), threshold=9.0), SpikeTimes([[3.0]]))
    assert run.counters["late"] == 1


def test_a_value_of_zero_is_no_event():
    run = on_all(one_cell("ttfs_b1", [1.0, 1.0], window=(0.0, 1.0, 3.0), threshold=1.0), [[0.0, 0.5]])
    assert run.spike_times("input").tolist() == [[INF, 0.5]]
    assert run.counters["visited"] == 1


@pytest.mark.parametrize(("second", "spikes"), [(1.25, 1), (np.nextafter(1.5, 0), 1), (1.5, 2)])
def test_the_end_of_refractoriness_receives(second, spikes):
    net = one_cell("lif_delta", [2.0, 2.0], tau_mem=10.0, t_ref=0.5)
    assert on_all(net, SpikeTimes([[1.0, second]])).counters["spikes"] == spikes


def test_currents_take_inputs_during_refractoriness():
    net = one_cell("lif_exp", [2.0, 2.0], tau_mem=1.0, tau_syn=1.0, v_threshold=0.25, t_ref=1.5)
    for second, expected in ((2.0, [1.1444, 2.8605]), (INF, [1.1444])):
        x = SpikeTimes([[1.0, second]])
        done = both_engines(net, x, until=20.0)
        assert_near_oracle(done, net, x, 20.0)
        fired = done.run.spikes["population"] == 1
        assert done.run.spikes["time"][fired].tolist() == pytest.approx(expected, abs=1e-4)


def chain(n, **parameters):
    net = Network()
    previous: eventsim.Source | eventsim.Population = net.source(1, name="input")
    for k in range(n):
        cell = net.population("lif_delta", 1, name="abc"[k], tau_mem=10.0, **parameters)
        net.connect(previous, cell, OneToOne([2.0]))
        previous = cell
    return net


def test_a_chain_without_delay_fires_in_one_time_in_order():
    run = on_all(chain(3), SpikeTimes([[1.0]]))
    assert run.spikes["time"].tolist() == [1.0] * 4
    assert [run.populations[p] for p in run.spikes["population"]] == ["input", "a", "b", "c"]


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_cycle_without_delay_and_without_rest_is_an_error_that_names_the_neuron(engine):
    net = chain(2)
    net.connect("b", "a", OneToOne([2.0]))
    with pytest.raises(SimulationError, match=r"neuron 0 of 'a' fires twice at t = 1.0"):
        simulate(net, SpikeTimes([[1.0]]), engine=engine)


def test_a_cycle_without_delay_is_legal_where_the_neurons_rest():
    net = chain(2, t_ref=0.5)
    net.connect("b", "a", OneToOne([2.0]))
    assert on_all(net, SpikeTimes([[1.0]])).counters["spikes"] == 2


@pytest.mark.parametrize(("sees", "expected"), [("same_step", 2.0), ("next_step", 3.0)])
def test_clocked_layers_see_what_was_emitted_in_the_same_step(sees, expected):
    net = Network()
    source = net.source(1, name="input")
    clock = {"period": 1.0, "decay": 0.5}
    first = net.population("lif_clocked", 1, name="first", **clock)
    second = net.population("lif_clocked", 1, name="second", sees=sees, **clock)
    net.connect(source, first, Dense([[1.0]]))
    net.connect(first, second, Dense([[1.0]]))
    run = on_all(net, SpikeTimes([[2.0]]), until=6.0)
    assert run.spike_times("first")[0, 0] == 2.0
    assert run.spike_times("second")[0, 0] == expected


def test_recurrent_input_of_a_clocked_layer_is_seen_at_the_next_tick_and_delays_count_in_ticks():
    net = Network()
    source = net.source(1, name="input")
    cells = net.population("lif_clocked", 1, name="cells", period=0.1, decay=0.0)
    net.connect(source, cells, Dense([[1.0]]))
    net.connect(cells, cells, Dense([[1.0]]), delay=0.1)
    run = on_all(net, SpikeTimes([[0.1]]), until=2.05)
    times = run.spikes["time"][run.spikes["population"] == 1].tolist()
    assert times == [k * 0.1 for k in range(1, 21)]


@pytest.mark.parametrize("delay", [1e60, 1e300, 2.0**53, 2.0**54])
@pytest.mark.parametrize("period", [1.0, 0.5, 1e-300])
def test_delays_of_more_ticks_than_can_be_counted_never_arrive(delay, period):
    net = Network()
    source = net.source(1, name="input")
    cells = net.population("lif_clocked", 1, name="cells", period=period, decay=0.0)
    net.connect(source, cells, Dense([[1.0]]))
    net.connect(cells, cells, Dense([[1.0]]), delay=delay)
    run = on_all(net, SpikeTimes([[period]]), until=5.5 * period)
    assert run.spikes["time"][run.spikes["population"] == 1].tolist() == [period]


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_positive_delay_lost_by_rounding_is_an_error(engine):
    net = one_cell("lif_delta", [2.0], delay=1e-20, tau_mem=10.0)
    with pytest.raises(SimulationError, match="lost by rounding"):
        simulate(net, SpikeTimes([[1.0]]), engine=engine)


def test_a_threshold_not_above_zero_fires_at_t_start_and_counts_as_premature():
    for threshold in (0.0, -1.0):
        net = one_cell("ttfs_b1", [-3.0], window=(1.0, 2.0, 3.0), threshold=threshold)
        run = on_all(net, SpikeTimes([[0.5]]))
        assert run.spike_times("cell")[0, 0] == 1.0
        assert run.counters["premature"] == 1


def test_the_published_counterexamples_fire_prematurely():
    b1 = one_cell("ttfs_b1", [10.0, -28.0], window=(0.0, 1.0, 1.9), threshold=0.9)
    run = on_all(b1, [[0.9, 0.3]])
    assert run.spike_times("cell")[0, 0] == pytest.approx(0.19, abs=1e-15)
    alpha1 = one_cell("ttfs_alpha1", [100.0, -280.0, 189.0], window=(0.0, 1.0, 1.9), threshold=10.0, slope=10.0)
    run = on_all(alpha1, [[0.9, 0.3, 0.0]])
    assert run.spike_times("cell")[0, 0] == pytest.approx(20 / 101, abs=1e-15)
    assert run.counters["premature"] == 1


def test_events_end_before_until():
    net = one_cell("lif_delta", [2.0], delay=1.0, tau_mem=10.0)
    for until, (visited, nominal) in ((3.0, (1, 1)), (2.0, (0, 1)), (1.0, (0, 0))):
        run = eventsim.simulate(net, SpikeTimes([[1.0]]), until=until)
        assert (run.counters["visited"], run.counters["synaptic_events"]) == (visited, nominal)


# -- emission and transport --------------------------------------------------------------------------------------------


@pytest.mark.engine_small
@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_spike_that_is_held_back_leaves_in_the_order_of_its_neuron(engine: str) -> None:
    net = Network()
    net.source(3, "input")
    net.population("linear_psp", 3, "cell", threshold=1.0)
    net.connect("input", "cell", OneToOne([1.0, 1.0, 1.0]))
    # A bus that takes no time, for the same reason as below.
    run = simulate(net, SpikeTimes([[0.2, 0.0, 1.0]]), faults=[Clock(1.0)], transport=AerBus(0.0), engine=engine)
    cells = run.spikes[run.spikes["population"] == 1]
    assert list(zip(cells["time"].tolist(), cells["neuron"].tolist(), strict=True)) == [(1.0, 1), (2.0, 0), (2.0, 2)]
    assert run.counters["by_population"]["cell"]["delayed"] == 1


def test_two_spikes_of_a_neuron_on_one_tick_are_an_error() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=1.0)
    net.connect("input", "cell", OneToOne([2.0]))
    with pytest.raises(SimulationError, match=r"neuron 0 of 'cell' fires twice at t = 1\.0"):
        simulate(net, SpikeTimes([[[0.1, 0.2]]]), faults=[Clock(1.0)], engine="reference")


@pytest.mark.engine_small
@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_source_spikes_take_the_bus_before_those_that_are_fired_at_the_same_time(engine: str) -> None:
    net = Network()
    net.source(1, "first")
    net.source(2, "second")
    net.population("linear_psp", 2, "cell", threshold=1.0)
    net.population("linear_psp", 4, "heard", threshold=0.5)
    net.connect("first", "cell", Dense([[1.0], [1.0]]))
    net.connect("second", "heard", Sparse([0, 1], [2, 3], [1.0, 1.0]))
    net.connect("cell", "heard", Sparse([0, 1], [0, 1], [1.0, 1.0]))
    x = {"first": SpikeTimes([[0.0]]), "second": SpikeTimes([[1.25, 1.25]])}
    # A clock of period 0 holds nothing back: with it, the loop is one that other tests have, too.
    run = simulate(net, x, transport=AerBus(0.25), faults=[Clock(0.0)], engine=engine)
    assert run.spike_times("cell").tolist() == [[1.25, 1.25]]  # the first spike comes out at 0.25
    assert (run.spike_times("heard") - 0.5).tolist() == [[2.0, 2.25, 1.5, 1.75]]
