"""Both engines against the fabric that is written with simpy: packet for packet, on random fabrics."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import fabric_data
import numpy as np
import pytest
from naive_fabric import simulate as naive
from random_fabrics import Case, case

import eventsim
from eventsim import Sparse, SpikeTimes, fabric
from eventsim.engines.options import ARBITRATION
from eventsim.errors import SimulationError
from eventsim.fabric import Hop, Station, arbiters
from eventsim.fabric.contract import NOWHERE
from eventsim.randomness import stream_key, uniforms
from eventsim.run.run import Run

ARBITERS = {
    "first_come": arbiters.FirstCome(), "fixed_priority": arbiters.FixedPriority(), "round_robin": arbiters.RoundRobin(),
    "binary_tree": arbiters.BinaryTree(), "random": arbiters.AtRandom(),
}  # fmt: skip
OUTCOMES = ("passed on", "delivered", "dropped", "late")
N_CASES = 300
FOR_EVER = 1e6


@dataclass(frozen=True, eq=False)
class Given(fabric.Transport):
    """A fabric that somebody has made."""

    made: fabric.Fabric
    name: ClassVar[str] = "given"

    def fabric(self, net: eventsim.Network) -> fabric.Fabric:
        del net
        return self.made


def hop(stop: fabric_data.Stop) -> Hop:
    return Hop(
        NOWHERE if stop.station is None else stop.station, tuple(map(hop, stop.children)),
        NOWHERE if stop.leaf is None else stop.leaf,
    )  # fmt: skip


def with_work(plain: fabric_data.Fabric) -> fabric_data.Fabric:
    """The same without work that belongs to a route: stations of eventsim have it by what is reached there."""
    def bare(stop: fabric_data.Stop) -> fabric_data.Stop:
        return fabric_data.Stop(stop.station, tuple(map(bare, stop.children)), stop.leaf)

    routes = [tuple(map(bare, route)) for route in plain.routes]
    return fabric_data.Fabric(
        plain.stations, routes, plain.injections, plain.relays, plain.deadline, plain.late, plain.tick
    )


def as_network(plain: fabric_data.Fabric, number: Any) -> tuple[eventsim.Network, SpikeTimes, fabric.Fabric, int]:
    """Sources of plain data are source neurons and, where they relay, neurons that fire once; leaves are cores."""
    relays = sorted(source for found in plain.relays.values() for source in found)
    n_inputs = len(plain.routes) - len(relays)
    leaves = 1 + max([leaf for route in plain.routes for root in route for leaf in ends(root)], default=0)
    net = eventsim.Network()
    net.source(n_inputs, "input")
    net.population("if_delta", leaves, "sink", v_threshold=number(10**9), v_reset=number(0))
    reached = {"input": range(n_inputs)}
    if relays:
        reached["relay"] = range(n_inputs, len(plain.routes))
        net.population(
            "if_delta", len(relays), "relay", v_threshold=number(1) / 2, v_reset=number(0), t_ref=number(10**9)
        )
    at = {source: leaf for leaf, found in plain.relays.items() for source in found}
    for name, sources in reached.items():
        pairs = [(k, leaf) for k, source in enumerate(sources) for root in plain.routes[source] for leaf in ends(root)]
        connect(net, name, "sink", pairs, number)
        if relays:
            there = [(k, j) for k, leaf in pairs for j, relay in enumerate(relays) if at[relay] == leaf]
            connect(net, name, "relay", there, number)
    made = fabric.Fabric(
        stations=tuple(
            Station(f"station {k}", one.service, one.latency, ARBITERS[one.arbiter], one.buffer, one.intake, one.full)
            for k, one in enumerate(plain.stations)
        ),
        routes=tuple(tuple(map(hop, route)) for route in plain.routes),
        route_of={name: np.array(list(sources)) for name, sources in reached.items()},
        cores={"sink": np.arange(leaves), "relay": np.array([at[relay] for relay in relays], dtype=np.int64)},
        deadline=plain.deadline, late=plain.late, tick=plain.tick, log=True,
    )  # fmt: skip
    times: list[list[Any]] = [[] for _ in range(n_inputs)]
    for spike in plain.injections:
        times[spike.source].append(spike.time)
    return net, SpikeTimes([times]), made, n_inputs


def connect(net: eventsim.Network, pre: str, post: str, pairs: list[tuple[int, int]], number: Any) -> None:
    if pairs:
        weights = np.array([number(1)] * len(pairs), dtype=object if number is Fraction else np.float64)
        net.connect(pre, post, Sparse(*map(list, zip(*pairs, strict=True)), weights))


def ends(stop: fabric_data.Stop) -> list[int]:
    return [leaf for child in stop.children for leaf in ends(child)] if stop.children else [stop.leaf]  # type: ignore[list-item]


def draw(source: int, number: int, root: int, station: int) -> float:
    """The number that belongs to a packet at a station, of sources that are numbered as neurons are."""
    key = np.uint64(stream_key(0, ARBITRATION) + station & (2**64 - 1))
    return uniforms(key, np.uint64(0), source + (root << 32), number)[0]


def run_of(net: eventsim.Network, x: SpikeTimes, made: fabric.Fabric, engine: str) -> tuple[Run, str]:
    try:
        return eventsim.simulate(net, x, transport=Given(made), until=FOR_EVER, engine=engine), ""
    except SimulationError as problem:
        assert problem.run is not None
        return problem.run, str(problem)


def records(run: Run, net: eventsim.Network, n_inputs: int) -> Counter[Any]:
    """The log as the twin has it; a relay's number among the sources follows those that come from outside."""
    hops: Any = run.records.hops
    names = [node.name for node in net.nodes]
    found: Counter[Any] = Counter()
    for one in hops:
        first = n_inputs if names[one["population"]] == "relay" else 0
        times = (None if np.isnan(t) else t for t in (one[name] for name in ("started", "ended", "left")))
        found[
            first + int(one["neuron"]), int(one["number"]), int(one["station"]), float(one["emitted"]),
            float(one["entered"]), *times, OUTCOMES[one["outcome"]],
        ] += 1  # fmt: skip
    return found


def plain_number(value: Any) -> Any:
    return None if value is None else float(value)


def check(drawn: Case, engines: tuple[str, ...]) -> str:
    """One case on some engines; return what it shows."""
    plain = with_work(drawn.fabric)
    exact = any(isinstance(station.service, Fraction) for station in plain.stations)
    net, x, made, n_inputs = as_network(plain, Fraction if exact else float)
    # Relays are neurons behind those of the sinks, over all populations.
    shift = len(made.cores["sink"])
    expected = naive(plain, lambda source, *rest: draw(source + (shift if source >= n_inputs else 0), *rest))
    for engine in ("reference",) if exact else engines:
        run, problem = run_of(net, x, made, engine)
        assert bool(expected.deadlock) == ("deadlocked" in problem), problem
        if expected.deadlock:
            circle = [f"'station {k}'" for k in expected.deadlock]
            assert " waits for ".join([*circle, circle[0]]) in problem
        wanted = Counter(
            (
                one.source, one.number, one.station, *map(plain_number, one[3:8]), one.outcome,
            )
            for one in expected.log
        )  # fmt: skip
        found = records(run, net, n_inputs)
        if expected.deadlock:  # the twin records a packet in flight when it lands
            assert not wanted - found
            later = found - wanted
            assert all(key[-1] in ("delivered", "late") and made.stations[key[2]].latency > 0 for key in later)
            continue
        assert found == wanted
        stations: Any = run.records.stations
        for k, counters in enumerate(expected.counters):
            seen = dict(zip(eventsim.engines.fabric_records.STATION_COUNTERS, stations[0, k].tolist(), strict=True))
            assert seen["served"] == counters.served
            assert (seen["dropped"], seen["blockings"]) == (counters.dropped, counters.blockings)
            assert (seen["deepest"], seen["longest"]) == (counters.deepest, float(counters.longest_wait))
            for name in ("busy", "waited", "blocked", "area"):
                assert seen[name] == pytest.approx(float(getattr(counters, name)), rel=1e-12), name
        packets, delivered, lost = np.asarray(run.records.fabric)[0, 1:].tolist()
        assert packets == delivered + lost
        assert (packets, lost) == (expected.injected, expected.dropped)
    return "exact" if exact else "deadlock" if expected.deadlock else "float"


def test_both_engines_are_the_fabric_that_is_written_with_simpy() -> None:
    shown = Counter(check(case(k, exact=k % 6 == 0), ("reference", "compiled")) for k in range(N_CASES))
    assert shown["exact"] >= N_CASES // 7
    assert shown["deadlock"] >= 20
    assert shown["float"] >= 150
