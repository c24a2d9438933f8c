"""Both engines against the fabric that is written with simpy: packet for packet, on random fabrics."""

from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fabric_networks import Given, as_network, counters, records
from naive_fabric import simulate as naive
from random_fabrics import Case, case

import eventsim
from eventsim import SpikeTimes, fabric
from eventsim.engines.fabric_records import HOP_RECORD
from eventsim.engines.options import ARBITRATION
from eventsim.errors import SimulationError
from eventsim.randomness import stream_key, uniforms
from eventsim.run.run import Run

N_CASES = 300
FOR_EVER = 1e6


def draw(source: int, number: int, root: int, station: int) -> float:
    """The number that belongs to a packet at a station, of sources that are numbered as neurons are."""
    key = np.uint64(stream_key(0, ARBITRATION) + station & (2**64 - 1))
    return uniforms(key, np.uint64(0), source + (root << 32), number)[0]


def run_of(net: eventsim.Network, x: SpikeTimes, made: fabric.Fabric, engine: str) -> tuple[Run, str]:
    try:
        return eventsim.simulate(net, x, transport=Given(made), until=FOR_EVER, engine=engine), ""
    except SimulationError as problem:
        return problem.run, str(problem)


def plain_number(value: Any) -> Any:
    return None if value is None else float(value)


def check(drawn: Case, engines: tuple[str, ...]) -> str:
    """One case on some engines; return what it shows."""
    plain = drawn.fabric
    exact = any(isinstance(station.service, Fraction) for station in plain.stations)
    net, x, made, n_inputs = as_network(plain, Fraction if exact else float, drawn.load)
    # Relays are neurons behind those of the sinks, over all populations.
    shift = len(made.cores["sink"])
    expected = naive(plain, lambda source, *rest: draw(source + (shift if source >= n_inputs else 0), *rest))
    for engine in ("reference",) if exact else engines:
        run, problem = run_of(net, x, made, engine)
        assert bool(expected.deadlock) == ("deadlocked" in problem), problem
        if expected.deadlock:
            circle = [f"'station {k}'" for k in expected.deadlock]
            assert " waits for ".join([*circle, circle[0]]) in problem
        packets, _, lost, under_way = np.asarray(run.records.fabric)[0, 1:].tolist()
        assert packets == expected.injected
        if not (expected.deadlock and plain.late == "drop"):  # the twin loses a late packet when it lands
            assert (lost, under_way) == (expected.dropped, expected.under_way)
        wanted = Counter((*one[:3], *map(plain_number, one[3:8]), one.outcome) for one in expected.log)
        found = Counter(map(tuple, records(run, n_inputs)))
        if expected.deadlock:  # the twin records a packet in flight when it lands
            assert not wanted - found
            later = found - wanted
            assert all(key[-1] in ("delivered", "late") and made.stations[key[2]].latency > 0 for key in later)
            continue
        assert found == wanted
        for seen, counted in zip(counters(run), expected.counters, strict=True):
            assert seen.served == counted.served
            assert (seen.dropped, seen.blockings) == (counted.dropped, counted.blockings)
            assert (seen.deepest, seen.longest_wait) == (counted.deepest, float(counted.longest_wait))
            for name in ("busy", "waited", "blocked", "area"):
                assert getattr(seen, name) == pytest.approx(float(getattr(counted, name)), rel=1e-12), name
    return "exact" if exact else "deadlock" if expected.deadlock else "float"


def test_both_engines_are_the_fabric_that_is_written_with_simpy() -> None:
    shown = Counter(check(case(k, exact=k % 6 == 0), ("reference", "compiled")) for k in range(N_CASES))
    assert shown["exact"] >= N_CASES // 7
    assert shown["deadlock"] >= 20
    assert shown["float"] >= 150


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_sample_knows_nothing_of_those_before_it(engine: str) -> None:
    """Whose turn it is, what is blocked, in flight, counted: three equal samples on one thread are three times one."""
    n_stateful = 0
    for number in range(50):
        drawn = case(number)
        net, x, made, _ = as_network(drawn.fabric, float, drawn.load)
        if "random" in {one.arbiter for one in drawn.fabric.stations}:
            continue  # draws belong to samples
        n_stateful += bool({one.arbiter for one in drawn.fabric.stations} & {"round_robin", "binary_tree"})
        for until in (FOR_EVER, 2.25):
            given: Any = {"transport": Given(made), "until": until, "engine": engine, "threads": 1}
            try:
                once = eventsim.simulate(net, x, **given)
            except SimulationError:
                break
            thrice = eventsim.simulate(net, SpikeTimes([*x.times] * 3), **given)
            alone, several = once.records, thrice.records
            assert alone.hops is not None
            assert several.hops is not None
            fields = [name for name in HOP_RECORD.names or () if name != "sample"]
            for sample in range(3):
                mine = several.hops[several.hops["sample"] == sample]
                assert str(mine[fields].tolist()) == str(alone.hops[fields].tolist())  # NaN is itself, too
            for name in ("stations", "fabric"):
                np.testing.assert_array_equal(getattr(several, name), np.repeat(getattr(alone, name), 3, axis=0))
    assert n_stateful >= 12


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("arbiter", [fabric.arbiters.RoundRobin(), fabric.arbiters.BinaryTree()], ids=repr)
def test_the_turn_of_one_sample_is_not_that_of_the_next(arbiter: fabric.Arbiter, engine: str) -> None:
    """In the first one the lower port alone was served; in the second both have a packet at one time."""
    net = eventsim.Network()
    net.source(2, "input")
    net.population("if_delta", 1, "sink", v_threshold=9.0)
    net.connect("input", "sink", eventsim.Sparse([0, 1], [0, 0], np.ones(2)))
    stations = fabric.Station("a"), fabric.Station("b"), fabric.Station("shared", service=1.0, arbiter=arbiter)
    routes = tuple((fabric.Hop(k, (fabric.Hop(2, core=0),)),) for k in (0, 1))
    made = fabric.Fabric(stations, routes, {"input": np.array([0, 1])}, log=True)
    x = SpikeTimes([[[0.0], []], [[0.0], [0.0]]])
    run = eventsim.simulate(net, x, transport=Given(made), until=9.0, engine=engine, threads=1)
    hops = run.records.hops
    assert hops is not None
    served = hops[hops["station"] == 2]
    assert served[["sample", "neuron", "started"]].tolist() == [(0, 0, 0.0), (1, 0, 0.0), (1, 1, 1.0)]
