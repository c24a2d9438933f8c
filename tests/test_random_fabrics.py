"""Random fabrics: they show what they are for, and the simpy fabric keeps laws in them that need no order of events."""

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise
from typing import Any

import instants
import naive_fabric
import pytest
from fabric_data import ARBITERS, Fabric, Record, Result, Stop
from instants import Slot
from naive_fabric import FirstCome, Heads, Port, simulate
from random_fabrics import TOPOLOGIES, Case, case, sights

N_CASES = 300
# How many of the cases show it; drawn are about a fifth more.
LEAST = {
    "waiting": 260, "tie": 220, "entry at an end": 200, "overtaking": 110, "branching": 120,
    "blocking": 120, "blocking for no time": 40, "copies apart in time": 100, "deadlock": 30,
    "drop of a copy": 40, "drop at an intake": 130, "late": 60, "tick": 40, "later micro-step": 35,
}  # fmt: skip


def cases(n: int = N_CASES, first: int = 0) -> list[Case]:
    """Of all topologies in turn; every third with Fractions."""
    return [case(number, exact=number % 3 == 0) for number in range(first, first + n)]


def run(drawn: Case, until: Any = None) -> Result:
    return simulate(drawn.fabric, drawn.draw, until)


@pytest.fixture(scope="module")
def runs() -> list[tuple[Case, Result]]:
    return [(drawn, run(drawn)) for drawn in cases()]


# -- what the cases are ----------------------------------------------------------------------------------------------


def test_a_case_is_a_function_of_its_number() -> None:
    for number in range(20):
        assert case(number) == case(number)
        assert case(number).draw(0, 1, 2, 3) == case(number).draw(0, 1, 2, 3)
    assert len({repr(case(number).fabric) for number in range(200)}) == 200


def test_the_cases_show_what_they_are_drawn_for(runs: list[tuple[Case, Result]]) -> None:
    shown = Counter(sight for drawn, result in runs for sight in sights(drawn.fabric, result))
    assert shown.keys() == LEAST.keys()
    assert {sight: shown[sight] for sight in LEAST if shown[sight] < LEAST[sight]} == {}
    stuck = Counter(drawn.topology for drawn, result in runs if result.deadlock)
    assert min(stuck[topology] for topology in TOPOLOGIES) >= 2


def test_the_cases_have_every_kind_of_station_with_contention(runs: list[tuple[Case, Result]]) -> None:
    kinds = Counter(
        f"{name} {getattr(station, name)}"
        for drawn, result in runs
        for station, counters in zip(drawn.fabric.stations, result.counters, strict=True)
        for name in ("arbiter", "buffer", "intake", "full")
        if counters.deepest > 1
    )
    assert min(kinds[f"arbiter {arbiter}"] for arbiter in ARBITERS) >= 80
    assert min(kinds[f"{name} {places}"] for name in ("buffer", "intake") for places in (1, 2, 3, None)) >= 20
    assert min(kinds[f"full {policy}"] for policy in ("stall", "drop")) >= 150


def test_services_and_latencies_of_zero_are_as_common_as_others(runs: list[tuple[Case, Result]]) -> None:
    stations = [station for drawn, _ in runs for station in drawn.fabric.stations]
    kinds = Counter((station.service == 0, station.latency == 0) for station in stations)
    assert min(kinds.values()) > 0.05 * kinds.total()
    assert len(kinds) == 4


def test_the_work_of_a_last_stop_is_that_of_what_its_source_reaches_there(runs: list[tuple[Case, Result]]) -> None:
    n_longer = 0
    for drawn, _ in runs:
        fabric, load = drawn.fabric, drawn.load
        ends: list[tuple[int, Any]] = [
            (source, stop)
            for source, roots in enumerate(fabric.routes)
            for root in roots
            for stop in root.stops()
            if not stop.children
        ]
        assert len({(source, stop.leaf) for source, stop in ends}) == len(ends) == len(load.reached)
        for source, stop in ends:
            synapses, neurons = load.reached[source, stop.leaf]
            assert synapses >= neurons == 1 + len(fabric.relays.get(stop.leaf, ()))
            if stop.station is not None:
                service = fabric.stations[stop.station].service
                added = synapses * load.per_synapse[stop.station] + neurons * load.per_neuron[stop.station]
                assert (service if stop.work is None else stop.work) == close(service + added)
                n_longer += added > 0
    assert n_longer > 500


# -- laws ------------------------------------------------------------------------------------------------------------


def test_every_leaf_is_delivered_dropped_or_under_way(runs: list[tuple[Case, Result]]) -> None:
    for drawn, result in runs:
        assert result.injected == len(result.deliveries) + result.dropped + result.under_way
        assert bool(result.under_way) == bool(result.deadlock)
        cut = run(drawn, until=2)
        assert cut.injected == len(cut.deliveries) + cut.dropped + cut.under_way


def test_a_run_that_is_cut_is_the_beginning_of_one_that_is_not(runs: list[tuple[Case, Result]]) -> None:
    n_cut = 0
    for drawn, result in runs[::3]:
        cut = run(drawn, until=2)
        assert cut.log == result.log[: len(cut.log)]
        assert cut.deliveries == result.deliveries[: len(cut.deliveries)]
        n_cut += bool(cut.under_way)
    assert n_cut > 50


def test_counters_are_the_sums_of_the_log(runs: list[tuple[Case, Result]]) -> None:
    """The integral of what waits is the sum of waiting (Little's law, on each path)."""
    for drawn, result in runs:
        if result.deadlock:
            continue
        for station, counters in enumerate(result.counters):
            served = [r for r in result.log if r.station == station and r.started is not None]
            waits = [record.started - record.entered for record in served]
            assert counters.served == len(served)
            assert counters.longest_wait == max(waits, default=0)
            assert counters.busy == close(sum(record.ended - record.started for record in served))
            assert counters.waited == close(sum(waits))
            assert counters.area == close(counters.waited)
            assert counters.blocked == close(sum(record.left - record.ended for record in served))
            assert counters.dropped == sum(r.station == station and r.outcome == "dropped" for r in result.log)
        assert drawn.fabric.late == "deliver" or result.late == sum(r.outcome == "late" for r in result.log)


def close(value: Any) -> Any:
    """Sums of floats depend on their order, those of Fractions do not."""
    return value if isinstance(value, Fraction) else pytest.approx(value, abs=1e-9)


def test_a_station_serves_one_packet_at_a_time_and_never_rests_while_one_waits(runs: list[tuple[Case, Result]]) -> None:
    n_waited = 0
    for _, result in runs:
        served = defaultdict(list)
        for record in result.log:
            if record.started is not None and not result.deadlock:
                assert record.emitted <= record.entered <= record.started <= record.ended <= record.left
                served[record.station].append(record)
        for records in served.values():
            records.sort(key=lambda record: (record.started, record.left))
            for before, record in pairwise(records):
                assert before.left <= record.started
                assert record.started in (before.left, record.entered)
                n_waited += record.started > record.entered
    assert n_waited > 2_500


def once(fabric: Fabric) -> dict[tuple[int, int], tuple[int | None, Stop]]:
    """Where a source's packets come from, and their stop, at each station at which each of its spikes is seen once."""
    found: dict[Any, list[tuple[int | None, Stop]]] = defaultdict(list)
    for source, roots in enumerate(fabric.routes):
        for root in roots:
            if root.station is not None:
                found[source, root.station].append((None, root))
            for stop in root.stops():
                for child in stop.children:
                    found[source, child.station].append((stop.station, child))
    return {(source, station): stops[0] for (source, station), stops in found.items() if len(stops) == 1}


def test_a_copy_enters_a_latency_after_it_could_leave_the_station_before(runs: list[tuple[Case, Result]]) -> None:
    """The last copy leaves with `left`, those before it from `ended` on; roots enter as they are emitted."""
    n_seen = n_leaves = 0
    for drawn, result in runs:
        fabric, known = drawn.fabric, once(drawn.fabric)
        served: dict[Any, Record] = {(r.source, r.number, r.station): r for r in result.log if r.started is not None}
        delivered: dict[Any, Any] = {(d.source, d.number, d.leaf): d.time for d in result.deliveries}
        for (source, number, station), record in served.items():
            before, stop = known.get((source, station), (None, None))
            if stop is None:
                continue
            service, latency = fabric.stations[station].service, fabric.stations[station].latency
            assert record.ended == record.started + (service if stop.work is None else stop.work)
            if before is None:
                assert record.entered == record.emitted
            elif (source, before) in known and (source, number, before) in served:
                sender = served[source, number, before]
                latency_before = fabric.stations[before].latency
                assert sender.ended + latency_before <= record.entered <= sender.left + latency_before
                n_seen += 1
            if record.outcome == "delivered" and not fabric.tick:
                assert delivered[source, number, stop.leaf] == record.left + latency
                n_leaves += 1
    assert min(n_seen, n_leaves) > 2_000


def test_a_port_is_first_in_first_out_and_never_holds_more_than_its_places(runs: list[tuple[Case, Result]]) -> None:
    n_full = n_ordered = 0
    for drawn, result in runs[::3]:  # with Fractions, where a copy left a latency before it entered
        fabric, known = drawn.fabric, once(drawn.fabric)
        ports = defaultdict(list)
        for record in result.log:
            before, stop = known.get((record.source, record.station), (None, None))
            if record.started is not None and stop is not None:
                latency = 0 if before is None else fabric.stations[before].latency
                ports[before, record.station].append((record.entered - latency, record.entered, record.started))
        for (before, station), found in ports.items():
            found.sort()
            ordered = [(a, b) for a, b in pairwise(found) if a[1] < b[1]]
            assert all(a[2] <= b[2] for a, b in ordered)
            n_ordered += len(ordered)
            places = fabric.stations[station].intake if before is None else fabric.stations[station].buffer
            held = max(sum(left <= time < started for left, _, started in found) for time, _, _ in found)
            assert places is None or held <= places
            n_full += held == places
    assert n_full > 150
    assert n_ordered > 1_000


def test_all_stops_are_visited_where_nothing_is_lost(runs: list[tuple[Case, Result]]) -> None:
    n_seen = 0
    for drawn, result in runs:
        expected: Counter = Counter()
        for source, number in {(record.source, record.number) for record in result.log}:
            stops = [stop for root in drawn.fabric.routes[source] for stop in root.stops()]
            expected.update((source, number, stop.station) for stop in stops if stop.station is not None)
        visits = Counter((record.source, record.number, record.station) for record in result.log)
        assert visits <= expected
        if not result.deadlock and not any(record.outcome == "dropped" for record in result.log):
            assert visits == expected
            n_seen += 1
    assert n_seen > 50


def test_deliveries_are_in_the_order_of_time(runs: list[tuple[Case, Result]]) -> None:
    for _, result in runs:
        times = [delivery.time for delivery in result.deliveries]
        assert times == sorted(times)


# -- do the cases see a wrong order? -----------------------------------------------------------------------------------


def start_by_number(self: Slot, station: int) -> Slot:
    gone = self.step == instants.STARTS and station <= self.station
    return Slot(self.phase, max(self.round, 1) + gone, instants.STARTS, station)


def higher_port_first(self: FirstCome, heads: Heads) -> int:
    return min(heads, key=lambda port: (heads[port][0], -port))


def without_flights(self: Port) -> bool:
    return self.limit is not None and len(self.queue) >= self.limit


WRONG: dict[str, tuple[Any, str, Any, int]] = {
    "a station released or reached in a step of starts may start in it": (Slot, "start", start_by_number, 10),
    "ends before landings": (naive_fabric, "LANDINGS", 2.5, 20),
    "starts before ends": (instants, "STARTS", 1.5, 20),
    "of equal ranks the higher port": (FirstCome, "choose", higher_port_first, 30),
    "a round that begins with port 1": (naive_fabric.RoundRobin, "last", 0, 5),
    "flights take no place": (Port, "is_full", without_flights, 30),
}


@pytest.mark.parametrize("rule", WRONG)
def test_the_cases_tell_a_wrong_order_from_the_published_one(
    rule: str, runs: list[tuple[Case, Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, wrong, least = WRONG[rule]
    monkeypatch.setattr(owner, name, wrong)
    assert sum(run(drawn) != result for drawn, result in runs) >= least


def test_a_tick_or_deadline_of_another_kind_would_be_seen(runs: list[tuple[Case, Result]]) -> None:
    """Ages that are the deadline to the bit, and deliveries at a tick to the bit, are among the cases."""
    at_deadline = at_tick = 0
    for drawn, result in runs:
        fabric = drawn.fabric
        latencies = [station.latency for station in fabric.stations]
        arrived = {(r.source, r.number, r.left + latencies[r.station]) for r in result.log if r.outcome == "delivered"}
        ages = [r.left + latencies[r.station] - r.emitted for r in result.log if r.outcome == "delivered"]
        at_deadline += fabric.deadline is not None and fabric.deadline in ages
        at_tick += bool(fabric.tick) and any((d.source, d.number, d.time) in arrived for d in result.deliveries)
    assert min(at_deadline, at_tick) >= 15
