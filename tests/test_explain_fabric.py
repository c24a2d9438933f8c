"""`explain` through a fabric: each input's way over stations, held against the log that the engines kept."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from fabric_data import Fabric, Injection, Station, Stop
from fabric_networks import Given, as_network
from random_fabrics import case

from eventsim import Dense, Network, SimulationError, SpikeTimes, explain, hardware, simulate
from eventsim.engines.fabric_records import ARRIVED, NO_ROOM, TOO_LATE
from eventsim.engines.packet_way import Leg, legs_text
from eventsim.inspection.incoming import Heard
from eventsim.inspection.logged_way import logged_way
from eventsim.inspection.packets import carried


def check_ways(number: int) -> int:
    """The ways of a run with a log, and those that are worked out again without, are those of the log.

    Return how many were blocked on.
    """
    drawn = case(number)
    net, x, made, _ = as_network(drawn.fabric, float, drawn.load)
    try:
        run, without = (
            simulate(net, x, transport=Given(dataclasses.replace(made, log=log)), until=1e6, engine="reference")
            for log in (True, False)
        )
    except SimulationError:
        return 0
    log: Any = run.records.hops
    first = np.cumsum([0, *run.sizes])
    who = first[log["population"]] + log["neuron"]
    columns = [who, *(log[name] for name in ("number", "station", "entered", "started", "ended"))]
    served = {
        row
        for row, outcome in zip(zip(*(c.tolist() for c in columns), strict=True), log["outcome"], strict=True)
        if outcome != NO_ROOM
    }
    last = log[log["outcome"] == ARRIVED]
    ends = {
        (int(first[one["population"]] + one["neuron"]), int(one["number"]), int(one["core"])): float(one["left"])
        for one in last
    }
    ways = Heard(net, run, 0)._carried
    if not drawn.fabric.relays:  # neurons without windows may fire in several micro-steps of one time
        assert Heard(net, without, 0)._carried == ways
    assert {key for key, way in ways.items() if way.legs and way.delivered is not None} == ends.keys()
    gone = [way for way in ways.values() if way.delivered is None]
    assert len(gone) == run.counters["transport"]["lost"]
    lost = log[np.isin(log["outcome"], (NO_ROOM, TOO_LATE))]
    names = [station.name for station in made.stations]
    latencies = {station.name: station.latency for station in made.stations}
    assert {(way.outcome, way.legs[-1].station) for way in gone} == {
        (int(one["outcome"]), names[one["station"]]) for one in lost
    }
    on, blocked = carried("test", run), 0
    for one in last:
        neuron, number, core = (int(one[name]) for name in ("neuron", "number", "core"))
        way = ways[int(first[one["population"]]) + neuron, number, core]
        assert way == logged_way("test", run, on, 0, run.populations[one["population"]], neuron, number, core)
    for key, way in ways.items():
        *came, end = way.legs or (None,)
        for leg, behind in zip(way.legs, way.legs[1:], strict=False):
            found_room = behind is not end or way.outcome != NO_ROOM
            assert leg.ended <= leg.left == behind.sent
            assert behind.entered == leg.left + (latencies[leg.station] if found_room else 0.0)
            blocked += leg.left > leg.ended
        for leg in way.legs if way.outcome != NO_ROOM else came:
            assert (*key[:2], names.index(leg.station), leg.entered, leg.started, leg.ended) in served
        if way.legs and way.delivered is not None:
            assert way.legs[-1].left == ends[key]
    return blocked


def test_the_ways_of_inputs_are_those_of_the_log() -> None:
    assert sum(check_ways(number) for number in range(400)) > 100


@pytest.mark.parametrize("log", [True, False])
def test_spikes_of_one_time_take_the_link_in_the_order_of_their_micro_steps(log: bool) -> None:
    """ "first" is behind "second" in the network, whose spike it answers at once: it has to wait for that one."""
    net = Network(time_unit=1e-6)
    net.source(1, "input")
    for name in ("second", "first", "target"):
        net.population("lif_delta", 1, name, tau_mem=10.0)
    net.connect("input", "first", Dense([[2.0]]))
    net.connect("first", "second", Dense([[2.0]]))
    net.connect("first", "target", Dense([[0.125]]))
    net.connect("second", "target", Dense([[0.125]]))
    none = {f"{part}.{time}": "0 ns" for part in ("input", "axon_out", "link") for time in ("service", "latency")}
    none |= {f"core.{time}": "0 ns" for time in ("axon_in", "per_synapse", "per_neuron", "latency")}
    chip = hardware.chip("mesh").replace(none | {"topology.size": [2, 1], "link.service": "250 ns"})
    placed = hardware.place_by_hand(
        net, [("second", 0, 0, 0), ("first", 0, 0, 0), ("target", 0, 0, 1)], [[0, 0], [1, 0]]
    )
    transport = hardware.PlacedChip(chip, placed, log)
    run = simulate(net, SpikeTimes([[[1.0]]]), transport=transport, engine="reference")
    found = {one.sender: one for one in explain(net, run, "target", 0).inputs}
    assert {name: one.arrived for name, one in found.items()} == {"first 0": 1.25, "second 0": 1.5}
    assert found["second 0"].stops[1] == Leg("(0, 0) to (1, 0)", 1.0, 1.0, 1.25, 1.5, 1.5)


def test_an_explanation_names_the_stations_that_an_input_went_through() -> None:
    """The link is blocked from 3 to 3 and from 4 to 5: docs/event-order.md has it."""
    route = (Stop(0, (Stop(1, leaf=0),)),)
    stations = [Station(service=1.0), Station(service=2.0, buffer=1, latency=0.5)]
    plain = Fabric(stations, [route] * 4, [Injection(0.0, 0, k, 0) for k in range(4)])
    net, x, made, _ = as_network(plain, float)
    found = explain(net, simulate(net, x, transport=Given(made), until=100.0, engine="reference"), "sink", 0)
    by_sender = {one.neuron: one for one in found.inputs}
    assert by_sender[3].stops == (Leg("station 0", 0.0, 0.0, 3.0, 4.0, 5.0), Leg("station 1", 5.0, 5.0, 7.0, 9.0, 9.0))
    assert (by_sender[3].emitted, by_sender[3].arrived) == (0.0, 9.5)
    assert (
        "    input 3, 0 to 9.5: station 0 waited 3, served 1, blocked 1; station 1 waited 2, served 2"
        in str(found).splitlines()
    )
    assert "    input 0, 0 to 3.5: station 0 served 1; station 1 served 2" in str(found).splitlines()


def test_late_inputs_say_where_they_were_held_up() -> None:
    net = Network(time_unit=1e-6)
    net.source(2, "input")
    net.population("ttfs_b1", 1, "layer", window=(0.0, 1.0, 4.0), threshold=0.5)
    net.connect("input", "layer", Dense([[0.25, 0.25]]))
    chip = hardware.chip("mesh").replace(
        {"core.axon_in": "600 ns", "core.per_synapse": "0 ns", "input.service": "0 ns"}
    )
    run = simulate(net, SpikeTimes([[[0.0], [0.0]]]), transport=chip.place(net), engine="reference")
    found = explain(net, run, "layer", 0)
    assert [one.reason for one in found.late] == ["late"]
    assert found.late[0].stops[-1] == Leg("core 0", 0.0, 0.0, 0.6, 1.2, 1.2)
    assert "    input 1, 0 to 1.2: input at once; core 0 waited 0.6, served 0.6" in str(found).splitlines()


def test_lost_inputs_say_where_and_why() -> None:
    net = Network(time_unit=1e-6)
    net.source(3, "input")
    net.population("ttfs_b1", 1, "layer", window=(0.0, 1.0, 4.0), threshold=0.5)
    net.connect("input", "layer", Dense([[0.25, 0.25, 0.25]]))
    chip = hardware.chip("mesh").replace({"input.intake": 1, "time.deadline": "10 ns", "time.late": "drop"})
    times = SpikeTimes([[[0.0], [0.0], [0.5]]])
    run = simulate(net, times, transport=chip.place(net), engine="reference")
    found = explain(net, run, "layer", 0)
    assert found.notes == (
        "lost on the way: input 0 at core 0 (too late), input 1 at input (no room), input 2 at core 0 (too late)",
    )
    assert (found.inputs, found.late) == ((), ())


def test_without_a_fabric_nothing_is_said_of_stations() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=10.0)
    net.connect("input", "cell", Dense([[2.0]]))
    found = explain(net, simulate(net, SpikeTimes([[[1.0]]]), engine="reference"), "cell", 0)
    assert [one.stops for one in found.inputs] == [()]
    assert "over the fabric" not in found.table()


@pytest.mark.parametrize(
    ("legs", "text"),
    [
        ([], ""),
        ([Leg("a", 1.0, 1.0, 1.0, 1.0, 1.0)], "a at once"),
        ([Leg("a", 0.0, 0.0, 1.0, 1.0, 1.0), Leg("b", 1.0, 1.5, 1.5, 2.0, 4.0)],
         "a waited 1; under way 0.5; b served 0.5, blocked 2"),
    ],
)  # fmt: skip
def test_stations_in_words(legs: list[Leg], text: str) -> None:
    assert legs_text(legs) == text
