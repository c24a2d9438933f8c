"""The simpy fabric of the tests, held against examples worked by hand."""

import ast
import sys
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import fabric_data
import instants
import naive_fabric
import pytest
from fabric_data import Delivery, Fabric, Injection, Record, Result, Station, Stop
from naive_fabric import Draw, simulate

F = Fraction
Spike = tuple[Any, int]  # (time, source)


def way(*stations: int, leaf: int = 0, work: Any = None) -> Stop:
    """A route without branches."""
    stop = Stop(stations[-1], leaf=leaf, work=work)
    for station in reversed(stations[:-1]):
        stop = Stop(station, (stop,))
    return stop


def run(
    stations: list[Station], roots: Iterable[Stop], spikes: list[Spike], draw: Draw | None = None, **options: Any
) -> Result:
    """Source k has the k-th root; its spikes, in order, are numbered from 0 and come in phase 0."""
    routes = [(root,) for root in roots]
    numbers = dict.fromkeys(range(len(routes)), -1)
    injections = []
    for time, source in spikes:
        numbers[source] += 1
        injections.append(Injection(time, 0, source, numbers[source]))
    return simulate(Fabric(stations, routes, injections, **options), draw)


def visits(result: Result, station: int) -> list[tuple]:
    """(source, entered, started, ended, left) of what a station has served, in order."""
    served = [record for record in result.log if record.station == station and record.started is not None]
    served.sort(key=lambda record: record.started)
    return [(r.source, r.entered, r.started, r.ended, r.left) for r in served]


def delivered(result: Result) -> list[tuple]:
    return [(delivery.time, delivery.source, delivery.leaf) for delivery in result.deliveries]


def test_the_twin_imports_simpy_and_the_standard_library_alone():
    own, names = {"naive_fabric", "instants", "fabric_data"}, set()
    for module in (naive_fabric, instants, fabric_data):
        tree = ast.parse(Path(str(module.__file__)).read_text())
        names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names - own - {"simpy"} <= sys.stdlib_module_names | {"collections.abc"}


# -- one station -----------------------------------------------------------------------------------------------------


def test_two_packets_at_one_station_at_one_time_are_served_in_the_order_of_their_sources():
    result = run([Station(service=2, latency=1)], [way(0), way(0)], [(1, 1), (1, 0)])
    assert visits(result, 0) == [(0, 1, 1, 3, 3), (1, 1, 3, 5, 5)]
    assert delivered(result) == [(4, 0, 0), (6, 1, 0)]
    counters = result.counters[0]
    assert (counters.served, counters.busy, counters.waited, counters.longest_wait) == (2, 4, 2, 2)
    assert (counters.deepest, counters.area) == (2, 2)  # both were in the port before the first start


def test_of_two_ports_with_heads_of_one_time_the_lower_number_goes_first():
    stations = [Station(service=1), Station(), Station()]
    result = run(stations, [way(2, 0), way(1, 0)], [(0, 0), (0, 1)])
    assert visits(result, 0) == [(1, 0, 0, 1, 1), (0, 0, 1, 2, 2)]


def test_what_enters_in_an_earlier_round_may_start_before_a_lower_port_has_its_packet():
    # At 1 the packet from station 2 lands and starts in round 1; station 1 starts in round 1, and ends in round 2.
    stations = [Station(service=1), Station(), Station(latency=1)]
    result = run(stations, [way(2, 0), way(1, 0)], [(0, 0), (1, 1)])
    assert visits(result, 0) == [(0, 1, 1, 2, 2), (1, 1, 2, 3, 3)]


def test_what_lands_as_a_service_ends_is_there_for_the_next_choice():
    # Station 0 ends at 3. From station 2 a packet has waited since 2; that from station 1 lands at 3 and is preferred.
    stations = [Station(service=2, arbiter="fixed_priority"), Station(latency=1), Station(latency=1)]
    result = run(stations, [way(2, 0), way(1, 0)], [(0, 0), (1, 0), (2, 1)])
    assert visits(result, 0) == [(0, 1, 1, 3, 3), (1, 3, 3, 5, 5), (0, 2, 5, 7, 7)]


def test_a_source_spike_at_the_end_of_a_service_finds_the_intake_as_it_was_before():
    spikes = [(0, 0), (1, 0), (2, 1), (F(5, 2), 1)]
    result = run([Station(service=2, intake=1)], [way(0), way(0)], spikes)
    assert visits(result, 0) == [(0, 0, 0, 2, 2), (0, 1, 2, 4, 4), (1, F(5, 2), 4, 6, 6)]
    lost = Record(1, 0, 0, 2, 2, None, None, None, "dropped")
    assert [record for record in result.log if record.outcome == "dropped"] == [lost]
    assert (result.injected, result.dropped, result.counters[0].dropped) == (4, 1, 1)


def test_what_is_emitted_in_a_micro_step_finds_the_intake_as_the_services_that_ended_have_left_it():
    fabric = Fabric(
        [Station(service=2, intake=1)],
        [(way(0),)] * 3,
        [Injection(0, 0, 0, 0), Injection(1, 0, 1, 0), Injection(2, 1, 2, 0)],
    )
    result = simulate(fabric)
    assert visits(result, 0) == [(0, 0, 0, 2, 2), (1, 1, 2, 4, 4), (2, 2, 4, 6, 6)]
    assert result.dropped == 0


def test_two_spikes_of_one_time_need_two_places_of_an_intake_although_the_station_is_free():
    result = run([Station(service=1, intake=1)], [way(0), way(0)], [(0, 0), (0, 1)])
    assert visits(result, 0) == [(0, 0, 0, 1, 1)]
    assert result.dropped == 1


def test_the_work_of_a_leaf_takes_the_place_of_the_service():
    result = run([Station(service=5), Station(service=5)], [way(0, 1, work=F(1, 3))], [(0, 0)])
    assert visits(result, 0) == [(0, 0, 0, 5, 5)]
    assert visits(result, 1) == [(0, 5, 5, F(16, 3), F(16, 3))]


def test_stations_of_no_service_and_no_latency_deliver_in_the_phase_of_the_injection():
    for phase in (0, 1, 3):
        fabric = Fabric([Station()] * 3, [(way(2, 0, 1),)], [Injection(1, phase, 0, 0)])
        result = simulate(fabric)
        assert result.deliveries == [Delivery(1, phase, 0, 0, 0)]
        assert [visits(result, k) for k in range(3)] == [[(0, 1, 1, 1, 1)]] * 3


def test_a_latency_of_no_service_is_a_delay_and_many_packets_are_in_flight():
    result = run([Station(latency=10)], [way(0)] * 3, [(0, 0), (0, 1), (F(1, 2), 2)])
    assert delivered(result) == [(10, 0, 0), (10, 1, 0), (F(21, 2), 2, 0)]
    assert result.deliveries[0].phase == 0


def test_a_root_without_a_station_is_delivered_as_it_is_emitted():
    fabric = Fabric([], [(Stop(None, leaf=3), Stop(None, leaf=1))], [Injection(2, 1, 0, 0)])
    result = simulate(fabric)
    assert result.deliveries == [Delivery(2, 1, 0, 0, 3), Delivery(2, 1, 0, 0, 1)]
    assert (result.injected, result.log) == (2, [])


def test_deliveries_of_one_time_go_by_the_station_that_they_left_not_by_when_they_left_it():
    result = run([Station(latency=1), Station(latency=2)], [way(1), way(0)], [(0, 0), (1, 1)])
    assert [delivery.source for delivery in result.deliveries] == [1, 0]
    assert {delivery.time for delivery in result.deliveries} == {2}


def test_a_service_or_latency_that_rounding_loses_ends_in_the_next_round():
    now = 2.0**53
    result = run([Station(service=0.5, latency=0.5), Station(latency=0.5)], [way(0, 1)], [(now, 0)])
    assert delivered(result) == [(now, 0, 0)]


# -- back-pressure ---------------------------------------------------------------------------------------------------


def test_a_blocked_sender_passes_its_packet_on_when_the_next_station_starts():
    stations = [Station(service=1), Station(service=3, buffer=1)]
    result = run(stations, [way(0, 1)] * 4, [(0, source) for source in range(4)])
    assert visits(result, 0) == [(0, 0, 0, 1, 1), (1, 0, 1, 2, 2), (2, 0, 2, 3, 4), (3, 0, 4, 5, 7)]
    assert visits(result, 1) == [(0, 1, 1, 4, 4), (1, 2, 4, 7, 7), (2, 4, 7, 10, 10), (3, 7, 10, 13, 13)]
    counters = result.counters[0]
    assert (counters.blockings, counters.blocked, counters.busy) == (2, 1 + 2, 4)
    assert (counters.deepest, counters.waited, counters.area) == (4, 0 + 1 + 2 + 4, 7)
    assert result.counters[1].blockings == 0


def test_a_packet_in_flight_holds_its_place():
    # At 2 the first lands, the second finds its place taken and is passed on in the start of the same round.
    stations = [Station(service=1, latency=1), Station(service=3, buffer=1)]
    result = run(stations, [way(0, 1)] * 3, [(0, source) for source in range(3)])
    assert visits(result, 0) == [(0, 0, 0, 1, 1), (1, 0, 1, 2, 2), (2, 0, 2, 3, 5)]
    assert visits(result, 1) == [(0, 2, 2, 5, 5), (1, 3, 5, 8, 8), (2, 6, 8, 11, 11)]
    counters = result.counters[0]
    assert (counters.blockings, counters.blocked) == (2, 0 + 2)


def test_who_is_released_starts_in_the_next_round_and_so_sees_what_comes_until_then():
    # At 5 station 0 ends and starts again in round 1, which frees station 2. Station 1 starts in round 1, too, ends in
    # round 2, and its packet enters station 2, which starts in round 2 and prefers it to what has waited since 3.
    stations = [Station(service=4, buffer=1), Station(), Station(service=1, arbiter="fixed_priority"), Station()]
    spikes = [(0, 0), (1, 0), (2, 0), (3, 0), (5, 1)]
    result = run(stations, [way(3, 2, 0), way(1, 2, 0)], spikes)
    assert visits(result, 0)[:2] == [(0, 1, 1, 5, 5), (0, 2, 5, 9, 9)]
    assert visits(result, 2)[2:] == [(0, 2, 2, 3, 5), (1, 5, 5, 6, 9), (0, 3, 9, 10, 13)]


@pytest.mark.parametrize("numbers", [(0, 1, 2, 3), (1, 2, 3, 0)])
def test_who_gets_its_first_packet_in_a_step_of_starts_starts_in_the_next_round(numbers: Any) -> None:
    # At 4 the slow station starts, so that the sender passes its copies to it and to the idle station, in the step of
    # starts of round 1. The idle station starts in round 2, where it prefers the packet of the other: that has started
    # in round 1, too, and ends in round 2. Whether the idle station's number is higher or lower changes nothing.
    other, sender, slow, idle = numbers
    stations = [Station()] * 4
    stations[slow] = Station(service=4, buffer=1)
    stations[idle] = Station(service=1, arbiter="fixed_priority")
    both = Stop(sender, (Stop(slow, leaf=0), Stop(idle, leaf=1)))
    result = run(stations, [both, way(other, idle)], [(0, 0), (1, 0), (2, 0), (4, 1)])
    assert visits(result, sender)[2] == (0, 2, 2, 2, 4)
    assert visits(result, idle)[2:] == [(1, 4, 4, 5, 5), (0, 4, 5, 6, 6)]


def test_a_release_runs_back_through_a_chain_in_one_instant():
    stations = [Station(service=1, buffer=1)] * 3 + [Station(service=10, buffer=1)]
    result = run(stations, [way(0, 1, 2, 3)] * 6, [(0, source) for source in range(6)])
    # until 13, packet 1 waits at station 3, 2 is held by station 2, 3 waits there, 4 is held by station 1, 5 waits
    assert visits(result, 3)[:3] == [(0, 3, 3, 13, 13), (1, 4, 13, 23, 23), (2, 13, 23, 33, 33)]
    assert visits(result, 2)[2:4] == [(2, 4, 4, 5, 13), (3, 5, 13, 14, 23)]
    assert visits(result, 1)[3:5] == [(3, 4, 4, 5, 5), (4, 5, 5, 6, 13)]
    assert visits(result, 0)[5:] == [(5, 0, 5, 6, 6)]


@pytest.mark.parametrize(
    ("order", "times"),
    [((1, 2), [1, 2, 5]), ((2, 1), [1, 2, 3])],
)
def test_a_copy_waits_for_the_first_full_child_and_the_others_wait_behind_it(order: Any, times: Any) -> None:
    stations = [Station(service=1), Station(service=4, buffer=1), Station()]
    root = Stop(0, tuple(Stop(station, leaf=station) for station in order))
    result = run(stations, [root], [(0, 0), (1, 0), (2, 0)])
    assert visits(result, 0) == [(0, 0, 0, 1, 1), (0, 1, 1, 2, 2), (0, 2, 2, 3, 5)]
    assert visits(result, 1) == [(0, 1, 1, 5, 5), (0, 2, 5, 9, 9), (0, 5, 9, 13, 13)]
    assert [time for time, _, leaf in delivered(result) if leaf == 2] == times
    assert result.injected == len(result.deliveries) == 6


def test_a_full_port_that_drops_loses_the_packet_with_all_leaves_behind_it_and_the_sender_goes_on():
    stations = [Station(service=1), Station(service=4, buffer=1, full="drop"), Station(), Station(), Station()]
    root = Stop(0, (Stop(1, (Stop(2, leaf=2), Stop(3, leaf=3))), Stop(4, leaf=4)))
    result = run(stations, [root], [(0, 0), (1, 0), (2, 0)])
    assert visits(result, 0) == [(0, 0, 0, 1, 1), (0, 1, 1, 2, 2), (0, 2, 2, 3, 3)]
    lost = Record(0, 2, 1, 2, 3, None, None, None, "dropped")
    assert [record for record in result.log if record.outcome == "dropped"] == [lost]
    assert delivered(result) == [(1, 0, 4), (2, 0, 4), (3, 0, 4), (5, 0, 2), (5, 0, 3), (9, 0, 2), (9, 0, 3)]
    assert (result.injected, result.dropped, result.counters[1].dropped) == (9, 2, 1)
    assert result.counters[0].blockings == 0


def test_the_place_of_a_packet_in_flight_counts_where_packets_are_dropped():
    stations = [Station(latency=4), Station(buffer=1, full="drop")]
    result = run(stations, [way(0, 1)], [(0, 0), (1, 0), (4, 0)])
    # at 4 the first lands in step 1; the third, injected before, is served from round 1 to round 2, when 1 has started
    assert delivered(result) == [(4, 0, 0), (8, 0, 0)]
    assert [record.entered for record in result.log if record.outcome == "dropped"] == [1]


# -- deadlocks -------------------------------------------------------------------------------------------------------


def test_a_ring_of_full_buffers_is_a_deadlock_of_its_stations():
    stations = [Station(service=1, buffer=1, arbiter="fixed_priority")] * 3
    roots = [way(0, 1, 2), way(1, 2, 0), way(2, 0, 1)] * 2
    result = run(stations, roots, [(0, source) for source in range(6)])
    assert (result.deadlock, result.end) == ((2, 0, 1), 2)  # each waits for the next; station 2 has closed the ring
    assert (result.injected, result.under_way, result.deliveries) == (6, 6, [])
    assert [counters.blocked for counters in result.counters] == [0, 0, 0]


def test_who_is_blocked_by_a_cycle_without_being_part_of_it_is_not_named():
    # At 2 all three are blocked, by number: 0 at 1, then 1 at 2, then 2 at 1.
    stations = [Station(service=1, buffer=1, arbiter="fixed_priority")] * 3
    roots = [way(0, 1), way(1, 2), way(2, 1)] * 2
    result = run(stations, roots, [(0, source) for source in range(6)])
    assert (result.deadlock, result.end) == ((2, 1), 2)
    assert [counters.blockings for counters in result.counters] == [1, 1, 1]


def test_without_the_last_packet_the_ring_goes_on():
    stations = [Station(service=1, buffer=1, arbiter="fixed_priority")] * 3
    roots = [way(0, 1, 2), way(1, 2, 0), way(2, 0, 1)] * 2
    result = run(stations, roots, [(0, source) for source in range(5)])
    assert not result.deadlock
    assert len(result.deliveries) == 5


# -- arbiters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arbiter", "order"),
    [
        ("first_come", [3, 3, 1, 1, 2, 0]),
        ("fixed_priority", [0, 1, 1, 2, 3, 3]),
        ("round_robin", [1, 2, 3, 0, 1, 3]),
        ("binary_tree", [2, 1, 3, 0, 3, 1]),
        ("random", [2, 3, 3, 1, 1, 0]),
    ],
)
def test_each_arbiter_has_its_order(arbiter: str, order: list[int]) -> None:
    """Port 0 is served from 0 to 10; packets enter at 1, 2, ..., 6, at the ports 3, 3, 1, 1, 2, 0."""
    draws = {0: [0.4, 0.9], 1: [0.7, 0.3], 2: [0.1], 3: [0.5, 0.2]}
    stations = [Station(service=1, arbiter=arbiter), *[Station()] * 4]
    roots = [way(1, 0, work=10), way(2, 0), way(3, 0), way(4, 0), way(1, 0)]
    spikes = [(0, 0), (1, 3), (2, 3), (3, 1), (4, 1), (5, 2), (6, 4)]
    result = run(stations, roots, spikes, lambda source, number, *_: draws[source % 4][number + source // 4])
    assert [source % 4 for source, *_ in visits(result, 0)] == [0, *order]


def test_a_round_begins_with_port_0_and_goes_on_behind_the_port_served_last():
    stations = [Station(service=1, arbiter="round_robin"), Station(), Station(), Station()]
    roots = [way(1, 0), way(2, 0), way(3, 0)] * 2
    spikes = [(0, source) for source in (0, 1, 2, 4, 5)]
    result = run(stations, roots, spikes)
    assert [source % 3 for source, *_ in visits(result, 0)] == [0, 1, 2, 1, 2]


def test_the_odd_port_of_a_tree_of_three_has_half_of_the_turns():
    stations = [Station(service=1, arbiter="binary_tree"), Station(), Station(), Station()]
    roots = [way(1, 0), way(2, 0), way(3, 0)]
    spikes = [(time, source) for time in range(4) for source in range(3)]
    result = run(stations, roots, spikes)
    assert [source for source, *_ in visits(result, 0)] == [0, 2, 1, 2, 0, 2, 1, 2, 0, 1, 0, 1]


def test_an_injection_port_has_the_lowest_number():
    stations = [Station(), Station(service=1, arbiter="fixed_priority")]
    result = run(stations, [way(0, 1), way(1)], [(0, 0), (F(1, 2), 0), (F(1, 2), 1)])
    assert [source for source, *_ in visits(result, 1)] == [0, 1, 0]


# -- what comes behind the leaves ------------------------------------------------------------------------------------


def test_a_packet_that_comes_at_its_deadline_is_in_time():
    for policy, outcomes, n_delivered in (("deliver", ["delivered"] * 2, 2), ("drop", ["delivered", "late"], 1)):
        result = run([Station(service=2)], [way(0)] * 2, [(0, 0), (0, 1)], deadline=2, late=policy)
        assert [record.outcome for record in result.log] == outcomes
        assert (len(result.deliveries), result.late, result.dropped) == (n_delivered, 1, 2 - n_delivered)


def test_what_is_delivered_goes_on_at_the_next_tick_and_its_age_is_that_at_the_leaf():
    spikes = [(0, 0), (0, 1), (3, 0)]
    result = run([Station(service=1)], [way(0)] * 2, spikes, tick=F(3, 2), deadline=2)
    assert [delivery.time for delivery in result.deliveries] == [F(3, 2), 3, F(9, 2)]
    assert (result.late, result.log[0].left) == (0, 1)


def test_a_tick_is_a_whole_number_of_periods_as_these_numbers_are_multiplied():
    times = [0.1, 0.30000000000000004, 0.3, 0.7, 0.7000000000000001]
    assert [naive_fabric.next_tick(time, 0.1) for time in times] == [0.1, 3 * 0.1, 3 * 0.1, 7 * 0.1, 7 * 0.1]
    assert [naive_fabric.next_tick(F(k, 7), F(2, 7)) for k in range(4)] == [0, F(2, 7), F(2, 7), F(4, 7)]


def test_relays_spike_in_the_micro_step_in_which_they_are_reached_and_once():
    fabric = Fabric(
        [Station(), Station(service=1)],
        [(way(0, leaf=0),), (way(0, leaf=1),), (way(1, leaf=2),)],
        [Injection(1, 0, 0, 0), Injection(2, 0, 0, 1)],
        relays={0: (1,), 1: (2,)},
    )
    assert simulate(fabric).deliveries == [
        Delivery(1, 0, 0, 0, 0), Delivery(1, 1, 1, 0, 1), Delivery(2, 0, 2, 0, 2), Delivery(2, 0, 0, 1, 0),
    ]  # fmt: skip
    fabric.tick = F(3, 4)  # micro-steps begin anew at the tick
    assert simulate(fabric).deliveries[:2] == [Delivery(F(3, 2), 0, 0, 0, 0), Delivery(F(3, 2), 1, 1, 0, 1)]


def test_a_run_ends_before_until_and_counts_what_is_under_way():
    stations = [Station(service=1, latency=2), Station(service=3)]
    fabric = Fabric(stations, [(way(0, 1), way(0, 1))], [Injection(0, 0, 0, 0), Injection(4, 0, 0, 1)])
    result = simulate(fabric, until=4)
    # one root is served at 1 since 3, the other lands there at 4; the second spike isn't injected yet
    assert (result.injected, result.under_way, result.end) == (2, 2, 4)
    assert (result.counters[1].busy, result.counters[1].served, result.counters[0].waited) == (1, 0, 1)


def test_numbers_are_never_converted():
    thirds = [Station(service=F(1, 3), latency=F(1, 7)), Station(service=F(2, 5), buffer=1)]
    result = run(thirds, [way(0, 1)] * 3, [(F(0), source) for source in range(3)])
    times = [time for record in result.log for time in record[3:8]] + [delivery.time for delivery in result.deliveries]
    assert all(isinstance(time, Fraction) for time in times)
    ends = [F(1, 3) + F(1, 7) + (k + 1) * F(2, 5) for k in range(3)]
    assert [delivery.time for delivery in result.deliveries] == ends
    assert all(b - a == F(2, 5) for a, b in pairwise(ends))
