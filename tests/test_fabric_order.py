"""The examples of docs/event-order.md that are about fabrics, on both engines and on the fabric written with simpy."""

from typing import Any

import numpy as np
import pytest
from fabric_data import Fabric, Injection, Station, Stop
from fabric_networks import Given, as_network
from naive_fabric import simulate as naive

import eventsim
from eventsim import DeadlockError, Dense, FaultError, SpikeTimes, simulate
from eventsim.fabric import Hop

ENGINES = pytest.mark.parametrize("engine", ["compiled", "reference", "simpy"])


def spikes(*times: float) -> list[Injection]:
    """One spike of each source, in the order of time."""
    return sorted(Injection(t, 0, source, 0) for source, t in enumerate(times))


def comes_out(plain: Fabric, engine: str) -> dict[int, float]:
    """When the packet of each source is delivered."""
    if engine == "simpy":
        return {one.source: float(one.time) for one in naive(plain).deliveries}
    net, x, made, _ = as_network(plain, float)
    run = simulate(net, x, transport=Given(made), until=100.0, engine=engine)
    hops: Any = run.records.hops
    last = hops[hops["outcome"] == 1]
    latency = [station.latency for station in made.stations]
    return {int(one["neuron"]): float(one["left"] + latency[one["station"]]) for one in last}


def blocked(plain: Fabric, engine: str) -> tuple[float, float]:
    """For how long station 0 was blocked, and how often."""
    if engine == "simpy":
        counters = naive(plain).counters[0]
        return float(counters.blocked), counters.blockings
    net, x, made, _ = as_network(plain, float)
    run = simulate(net, x, transport=Given(made), until=100.0, engine=engine)
    counted: Any = run.records.stations
    return float(counted[0, 0, 4]), float(counted[0, 0, 5])


@pytest.mark.engine_small
@ENGINES
@pytest.mark.parametrize("arbiter", ["first_come", "random"])
def test_two_packets_at_one_station_at_one_time(engine: str, arbiter: str) -> None:
    link = Stop(0, leaf=0)
    plain = Fabric([Station(service=0.5, arbiter=arbiter)], [(link,)] * 3, spikes(1.0, 5.0, 1.0))
    assert comes_out(plain, engine) == {0: 1.5, 2: 2.0, 1: 5.5}


@pytest.mark.engine_small
@ENGINES
def test_a_service_that_ends_when_another_packet_comes(engine: str) -> None:
    link, behind = Stop(1, leaf=0), Stop(0, (Stop(1, leaf=0),))
    stations = [Station(service=0.0), Station(service=1.0, arbiter="fixed_priority")]
    plain = Fabric(stations, [(behind,), (behind,), (link,)], spikes(1.0, 1.5, 2.0))
    assert comes_out(plain, engine) == {0: 2.0, 2: 3.0, 1: 4.0}


@pytest.mark.engine_small
@ENGINES
def test_a_blocked_link_is_released(engine: str) -> None:
    route = (Stop(0, (Stop(1, leaf=0),)),)
    plain = Fabric([Station(service=1.0), Station(service=2.0, buffer=1)], [route] * 4, spikes(0.0, 0.0, 0.0, 0.0))
    assert comes_out(plain, engine) == {0: 3.0, 1: 5.0, 2: 7.0, 3: 9.0}
    assert blocked(plain, engine) == (1.0, 2)


@pytest.mark.engine_small
@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_hops_without_latency_add_no_micro_steps(engine: str) -> None:
    chain = Hop(0, (Hop(1, (Hop(2, core=0),)),))
    stations = tuple(eventsim.fabric.Station(f"hop {k}") for k in range(3))
    net = eventsim.Network()
    net.source(1, "input")
    for name in ("a", "b", "c"):
        net.population("lif_delta", 1, name, tau_mem=2.0, t_ref=1.0)
    for pre, post in (("input", "a"), ("a", "b"), ("b", "c")):
        net.connect(pre, post, Dense([[2.0]]))
    made = eventsim.fabric.Fabric(
        stations, ((chain,),), dict.fromkeys(("input", "a", "b"), np.zeros(1, dtype=np.int64)), log=True
    )
    run = simulate(net, SpikeTimes([[[1.0]]]), transport=Given(made), engine=engine)
    ideal = simulate(net, SpikeTimes([[[1.0]]]), engine=engine)
    assert run.spikes.tolist() == ideal.spikes.tolist()
    assert run.spike_times("c").tolist() == [[1.0]]
    hops: Any = run.records.hops
    assert set(hops["left"].tolist()) == {1.0}


@pytest.mark.engine_small
@ENGINES
def test_a_ring_of_full_buffers_is_a_deadlock_that_names_its_stations(engine: str) -> None:
    around = [Stop(k, (Stop((k + 1) % 3, (Stop((k + 2) % 3, leaf=0),)),)) for k in range(3)]
    plain = Fabric([Station(service=1.0, buffer=1)] * 3, [(around[k % 3],) for k in range(9)], spikes(*[0.0] * 9))
    if engine == "simpy":
        assert sorted(naive(plain).deadlock) == [0, 1, 2]
        return
    net, x, made, _ = as_network(plain, float)
    said = (
        r"the fabric is deadlocked at t = [\d.]+: 'station \d' waits for 'station \d' waits for 'station \d' waits for"
    )
    with pytest.raises(DeadlockError, match=said) as problem:
        simulate(net, x, transport=Given(made), until=100.0, engine=engine)
    assert problem.value.run is not None
    assert not problem.value.run.complete


@ENGINES
@pytest.mark.parametrize(("late", "out"), [("deliver", {0: 1.5, 1: 2.5}), ("drop", {0: 1.5})])
def test_what_is_late_is_delivered_when_it_comes_or_lost(late: str, out: dict[int, float], engine: str) -> None:
    link = Station(service=1.0, latency=0.5)
    plain = Fabric([link], [(Stop(0, leaf=0),)] * 2, spikes(0.0, 0.0), deadline=1.5, late=late)
    assert comes_out(plain, engine) == out


def test_there_is_no_clamp_of_what_is_late() -> None:
    net = eventsim.Network()
    net.connect(net.source(1, "input"), net.population("if_delta", 1, "cell"), Dense([[1.0]]))
    made = eventsim.fabric.Fabric((), ((Hop(-1, core=0),),), {"input": np.zeros(1, dtype=np.int64)}, late="clamp")
    with pytest.raises(FaultError, match=r"late = 'clamp'; must be one of deliver, drop: .* which has passed. Use"):
        simulate(net, SpikeTimes([[[1.0]]]), transport=Given(made))
