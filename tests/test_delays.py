"""Delays of single synapses: when each spike arrives, in which order, and what is refused."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from adapters import assert_equals_oracle, both_engines, state_of

import eventsim
from eventsim import models
from eventsim.errors import InputError, NetworkError


def counting_network(synapses: Any, n: int = 2, delay: float = 0.0) -> eventsim.Network:
    """A source of n neurons, and n neurons that fire at every arrival, since every weight reaches the threshold."""
    net = eventsim.Network()
    net.source(n, "input")
    net.population("lif_delta", n, "cells", tau_mem=10.0, v_threshold=1.0)
    net.connect("input", "cells", synapses, delay)
    return net


def trains(run: eventsim.Run, population: int, n: int) -> list[list[float]]:
    mine = run.spikes[run.spikes["population"] == population]
    return [mine["time"][mine["neuron"] == i].tolist() for i in range(n)]


@pytest.mark.engine_small
def test_each_synapse_delivers_after_its_own_delay() -> None:
    synapses = eventsim.Sparse([0, 0, 0, 1], [0, 1, 1, 0], np.ones(4), [0.5, 0.25, 3.0, 0.0])
    run = both_engines(counting_network(synapses), eventsim.SpikeTimes([[[0.0, 1.0], [2.0]]]), until=10.0).run
    assert trains(run, 1, 2) == [[0.5, 1.5, 2.0], [0.25, 1.25, 3.0, 4.0]]
    assert run.counters["synaptic_events"] == run.counters["visited"] == 7


@pytest.mark.engine_small
def test_a_random_network_delivers_every_spike_after_the_delay_of_each_synapse() -> None:
    """Against a list of all arrivals: sums of times and delays, no queue."""
    random = np.random.default_rng(3)
    n, m = 20, 400
    sources, targets, delays = random.integers(0, n, m), random.integers(0, n, m), random.exponential(5.0, m)
    times = [np.sort(random.uniform(0.0, 20.0, 5)).tolist() for _ in range(n)]
    net = counting_network(eventsim.Sparse(sources, targets, np.ones(m), delays), n)
    run = both_engines(net, eventsim.SpikeTimes([times])).run
    expected: list[list[float]] = [[] for _ in range(n)]
    for source, target, delay in zip(sources, targets, delays, strict=True):
        expected[target] += [t + delay for t in times[source]]
    assert trains(run, 1, n) == [sorted(arrivals) for arrivals in expected]


@pytest.mark.engine_small
def test_recurrent_delays_of_their_own_beside_sources_without() -> None:
    """A ring in which each hop takes longer: the round trip is the sum of the delays."""
    n, delays = 5, np.array([0.5, 0.75, 1.0, 1.25, 1.5])
    net = eventsim.Network()
    net.source(1, "input")
    net.population("lif_delta", n, "ring", tau_mem=10.0, v_threshold=1.0)
    net.connect("input", "ring", eventsim.Sparse([0], [0], [1.0]))
    net.connect("ring", "ring", eventsim.Sparse(range(n), [(i + 1) % n for i in range(n)], np.ones(n), delays))
    run = both_engines(net, eventsim.SpikeTimes([[[1.0]]]), until=100.0).run
    assert trains(run, 1, n)[0] == [1.0 + 5.0 * k for k in range(20)]


@pytest.mark.engine_small
def test_arrivals_at_one_time_are_taken_in_the_order_of_source_delay_target_weight() -> None:
    """Two spikes of one neuron meet at one target: of 2^60, 1 and -2^60 in this order 0 is left, else 1 would be."""
    big = 2.0**60
    synapses = eventsim.Sparse([0, 0, 0], [0, 0, 0], [-big, 1.0, big], [3.0, 2.0, 1.0])
    net = counting_network(synapses, 1)
    x = eventsim.SpikeTimes([[[0.0, 1.0, 2.0]]])
    run = both_engines(net, x, until=3.5, record={"cells": [0]}).run
    big_alone = run.membrane("cells", 0, times=[3.0])[1][0]
    assert big_alone == (big + 1.0) - big == 0.0


@pytest.mark.engine_small
def test_more_spikes_under_way_than_the_lane_was_made_for() -> None:
    synapses = eventsim.Sparse([0, 0], [0, 1], [1.0, 1.0], [500.0, 0.5])
    times = np.arange(1.0, 301.0)
    run = both_engines(counting_network(synapses), eventsim.SpikeTimes([[times.tolist(), []]])).run
    assert trains(run, 1, 2) == [(times + 500.0).tolist(), (times + 0.5).tolist()]


@pytest.mark.engine_small
def test_spikes_under_way_go_on_in_another_call() -> None:
    synapses = eventsim.Sparse([0, 0, 1], [0, 1, 1], np.ones(3), [2.0, 0.1, 5.0])
    net, x = counting_network(synapses), eventsim.SpikeTimes([[[0.0, 1.0], [0.5]]])
    whole = eventsim.simulate(net, x, until=9.0)
    part = eventsim.simulate(net, x, until=1.05, keep_state=True)
    rest = eventsim.simulate(net, x, until=9.0, resume=part)
    assert rest.spikes.tobytes() == whole.spikes.tobytes()


def test_a_damaged_state_of_spikes_under_way_is_refused() -> None:
    synapses = eventsim.Sparse([0, 0], [0, 1], [1.0, 1.0], [2.0, 0.1])
    net, x = counting_network(synapses), eventsim.SpikeTimes([[[0.0], []]])
    for name, value in (("place", 7), ("lane", 3), ("neuron", 1), ("sent", -2.5), ("sent", math.nan)):
        part = eventsim.simulate(net, x, until=1.0, keep_state=True)
        getattr(state_of(part, 0), f"travel_{name}")[:] = value
        with pytest.raises(InputError, match="damaged"):
            eventsim.simulate(net, x, until=9.0, resume=part)


def test_fractions_travel_exactly() -> None:
    third = Fraction(1, 3)
    net = eventsim.Network()
    net.source(1, "input", window=(Fraction(0), Fraction(1)))
    net.population("linear_psp", 2, "cells", threshold=np.array([Fraction(1), Fraction(1)], dtype=object))
    weights = np.array([Fraction(1), Fraction(2)], dtype=object)
    delays = np.array([third, 2 * third], dtype=object)
    net.connect("input", "cells", eventsim.Sparse([0, 0], [0, 1], weights, delays))
    x = eventsim.SpikeTimes([np.array([Fraction(1, 7)], dtype=object)])
    run = eventsim.simulate(net, x, engine="reference")
    assert run.spike_times("cells")[0].tolist() == [
        Fraction(1, 7) + third + 1,
        Fraction(1, 7) + 2 * third + Fraction(1, 2),
    ]


def test_delays_are_saved_hashed_and_shown(tmp_path: Any) -> None:
    def network(delay: float) -> eventsim.Network:
        return counting_network(eventsim.Sparse([0, 1], [0, 1], [1.0, 1.0], [0.5, delay]))

    net = network(2.0)
    assert "delays 0.5 to 2" in repr(net)
    net.save(tmp_path / "net.npz")
    loaded = eventsim.load_network(tmp_path / "net.npz")
    assert loaded.hash() == net.hash() != network(2.5).hash()
    assert net.hash() != counting_network(eventsim.Sparse([0, 1], [0, 1], [1.0, 1.0]), delay=0.5).hash()


def test_explain_knows_when_each_spike_arrived() -> None:
    synapses = eventsim.Sparse([0, 1], [0, 0], [0.75, 0.75], [1.5, 0.25])
    net, x = counting_network(synapses), eventsim.SpikeTimes([[[0.0], [1.0]]])
    run = eventsim.simulate(net, x)
    told = eventsim.explain(net, run, "cells", 0)
    assert sorted(float(one.arrived) for one in told.inputs) == [1.25, 1.5]


@pytest.mark.parametrize(
    ("delays", "message"),
    [([0.5], "shape"), ([0.5, -1.0], r"delays\[1\] = -1"), ([0.5, math.nan], "delays"), ([0.5, math.inf], "delays")],
)
def test_delays_that_are_none_are_refused(delays: list[float], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        eventsim.Sparse([0, 1], [0, 1], [1.0, 1.0], delays)


def test_delays_are_given_once_and_not_to_clocks() -> None:
    synapses = eventsim.Sparse([0], [0], [1.0], [0.5])
    with pytest.raises(NetworkError, match="must be given once"):
        counting_network(synapses, delay=1.0)
    net = eventsim.Network()
    net.population("lif_clocked", 1, "clock", period=1.0, decay=0.5)
    with pytest.raises(NetworkError, match="clocked"):
        net.connect("clock", "clock", synapses)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_delay_that_rounding_loses_is_an_error(engine: str) -> None:
    synapses = eventsim.Sparse([0, 0], [0, 1], [1.0, 1.0], [1.0, 1e-20])
    with pytest.raises(eventsim.SimulationError, match=r"neuron 0 of 'input' at t = 4.0 .*lost by rounding"):
        eventsim.simulate(counting_network(synapses), eventsim.SpikeTimes([[[4.0], []]]), engine=engine)


def test_a_spike_without_synapses_loses_no_delay() -> None:
    net = counting_network(eventsim.Sparse([0, 0], [0, 1], [1.0, 1.0], [1.0, 1e-20]))
    x = eventsim.SpikeTimes([[[0.0], [4.0]]])
    outcome = both_engines(net, x)
    assert_equals_oracle(outcome, net, x)
    assert outcome.run.spikes["time"].tolist() == [0.0, 1e-20, 1.0, 4.0]


def test_verify_refuses_delays_of_single_synapses() -> None:
    net = eventsim.Network()
    net.source(1, "input")
    net.population("ttfs_b1", 1, "hidden", (0.0, 1.0, 2.0), threshold=1.0)
    net.connect("input", "hidden", eventsim.Sparse([0], [0], [0.5], [0.0]))
    with pytest.raises(InputError, match="delays of their own"):
        models.verify(net, x=np.array([[0.5]]))


@pytest.mark.engine_small
def test_delays_that_round_to_one_arrival_are_one_packet() -> None:
    """At 2^52 a unit is the least step of time: 3,000 delays have two arrivals."""
    n, t = 3000, 2.0**52
    delays = np.linspace(0.6, 1.9, n)
    zeros = np.zeros(n, dtype=int)
    net = eventsim.Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=1e50, v_threshold=1e9)
    net.connect("input", "cell", eventsim.Sparse(zeros, zeros, np.ones(n), delays))
    run = both_engines(net, eventsim.SpikeTimes(np.array([[t]])), record={"cell": [0]}).run
    assert run.counters["visited"] == n
    arrivals = {t + 1.0: np.count_nonzero(delays < 1.5), t + 2.0: n}
    assert {at: run.membrane("cell", 0, times=[at])[1][0] for at in arrivals} == arrivals


@pytest.mark.engine_small
def test_error_bounds_count_the_rounding_of_every_delay_that_is_not_zero() -> None:
    net = eventsim.Network()
    net.source(2, "input")
    net.population("linear_psp", 2, "cells", threshold=0.5)
    net.connect("input", "cells", eventsim.Sparse([0, 1], [0, 1], [1.0, 1.0], [0.0, 0.3]))
    run = both_engines(net, np.array([[0.3, 0.6]]), error_bounds=True).run
    assert (run.spike_errors("cells", propagated=True) > 0).all()


def test_a_spike_whose_delay_is_lost_is_an_error_when_it_is_sent() -> None:
    """Both engines end there with the same spikes, and neither where the sample has ended before."""
    net = eventsim.Network()
    net.source(2, "input")
    net.population("lif_delta", 1, "cell", tau_mem=10.0, v_threshold=0.5)
    net.connect("input", "cell", eventsim.Dense([[1.0, 0.25]]), delay=1.0)
    x = eventsim.SpikeTimes([[[1.0, 3.0, 1e20], [2.0, 1e20, 2e20]]])
    ended = both_engines(net, x)
    assert "neuron 0 of 'input' at t = 1e+20" in str(ended.error)
    assert ended.run.spikes["time"].tolist() == [1.0, 2.0, 2.0, 3.0, 4.0, 1e20]
    assert both_engines(net, x, stop={"cell": 2}).error is None


@pytest.mark.parametrize("delay", [1e-3, 1e-12, 1e-300])
def test_a_short_delay_is_no_step_of_time(delay: float) -> None:
    """What waits for spikes with a short delay is not looked at once a delay while none comes."""
    net = eventsim.Network()
    net.source(1, "input")
    for name, begin in (("first", 0.0), ("second", 1.0)):
        net.population("ttfs_b1", 130, name, (begin, begin + 1.0, begin + 2.0), threshold=1.0)
    net.connect("input", "first", eventsim.Dense(np.full((130, 1), 1.5)))
    net.connect("first", "second", eventsim.Dense(np.full((130, 130), 0.01)), delay=delay)
    done = both_engines(net, np.array([[0.5]]), max_time=60.0)
    assert done.run.counters["queue_operations"] < 100 + 2 * math.log2(1 / delay)
    assert (done.error is None) == (delay > 1e-16)


@pytest.mark.parametrize("model", ["lif_delta", "linear_psp"])
def test_a_lost_delay_is_met_by_a_lane_that_is_filled_again_on_the_way(model: str) -> None:
    """After 5,000 packets that are taken one behind the other, or four together, without any other event."""
    net = eventsim.Network()
    net.source(1, "input")
    given = {"tau_mem": 1.0, "v_threshold": 9.0} if model == "lif_delta" else {"threshold": 1e9}
    net.population(model, 1, "cell", **given)
    net.connect("input", "cell", eventsim.Dense([[1e-6]]), delay=1.0)
    times = [float(t) for t in range(1, 5001)]
    for engine in ("compiled", "reference"):
        with pytest.raises(eventsim.SimulationError, match=r"neuron 0 of 'input' at t = 1e\+20 ") as error:
            eventsim.simulate(net, eventsim.SpikeTimes([[[*times, 1e20, 2e20, 3e20, 4e20, 5e20]]]), engine=engine)
        assert error.value.run is not None
        spikes = error.value.run.spikes
        assert spikes["time"][spikes["population"] == 0].tolist() == [*times, 1e20]
