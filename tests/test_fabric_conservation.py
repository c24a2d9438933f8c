"""Packets are conserved: what spikes became is delivered, lost or under way, however a run ends."""

from typing import Any

import numpy as np
import pytest
from fabric_data import Fabric, Injection, Station, Stop
from fabric_networks import Given, as_network
from random_fabrics import case

import eventsim
from eventsim import Dense, InputError, SimulationError, simulate
from eventsim.engines.compiled.engine import Worker
from eventsim.engines.fabric_records import DELIVERED, LOST, PACKETS, UNDER_WAY
from eventsim.engines.reference.fabric import FabricState
from eventsim.fabric import Hop
from eventsim.fabric.contract import NOWHERE

ENGINES = ("reference", "compiled")
WRONG = "do not add up to that, which is a fault of eventsim"


def counted(run: Any) -> list[int]:
    packets: list[int] = run.records.fabric[0].tolist()
    return packets


@pytest.mark.parametrize("engine", ENGINES)
def test_packets_add_up_at_each_end_of_a_run(engine: str) -> None:
    """Runs that end by themselves, at `until`, by a budget, in a deadlock: what is missing is under way."""
    ends = dict.fromkeys(("done", "until", "budget", "deadlock"), 0)
    for number in range(60):
        drawn = case(number)
        net, x, made, _ = as_network(drawn.fabric, float, drawn.load)
        for given in ({"until": 60.0}, {"until": 2.25}, {"until": 60.0, "max_events": 20}):
            try:
                run, end = simulate(net, x, transport=Given(made), engine=engine, **given), "done"  # type: ignore[arg-type]
            except SimulationError as problem:
                run, end = problem.run, "deadlock" if "deadlocked" in str(problem) else "budget"
            packets = counted(run)
            assert packets[PACKETS] == packets[DELIVERED] + packets[LOST] + packets[UNDER_WAY]
            assert run.counters["transport"]["under_way"] == packets[UNDER_WAY]
            if packets[UNDER_WAY]:
                ends["until" if end == "done" else end] += 1
            else:
                ends[end] += 1
    assert min(ends.values()) >= 5


def branching() -> tuple[Any, Any, Any]:
    """Three spikes to three leaves behind one link: at 2.5 one has left for the first, where it is in flight."""
    stations = [Station(service=1.0, latency=1.0), Station(service=2.0, buffer=1), Station(service=2.0, buffer=1)]
    root = Stop(0, (Stop(1, leaf=0), Stop(2, (Stop(1, leaf=1), Stop(1, leaf=2)))))
    plain = Fabric(stations, [(root,)], [Injection(0.5 * k, 0, 0, k) for k in range(3)])
    net, x, made, _ = as_network(plain, float)
    return net, x, Given(made)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("until", "delivered"), [(0.25, 0), (3.75, 0), (4.25, 1), (60.0, 9)])
def test_under_way_are_the_ends_of_routes_that_packets_have_before_them(
    engine: Any, until: float, delivered: int
) -> None:
    net, x, transport = branching()
    run = simulate(net, x, transport=transport, engine=engine, until=until)
    sent = 3 * min(3, len([k for k in range(3) if 0.5 * k < until]))
    assert counted(run)[PACKETS:] == [sent, delivered, 0, sent - delivered]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("way", ["served", "in flight", "at once"])
def test_packets_add_up_where_a_delay_is_lost_by_rounding(engine: Any, way: str) -> None:
    """The run ends while spikes leave the fabric, some of them for more than one core."""
    net = eventsim.Network()
    net.source(2, "input")
    net.population("if_delta", 3, "cells", v_threshold=9.0)
    net.connect("input", "cells", Dense(np.ones((3, 2))), delay=1e-9)
    link = eventsim.fabric.Station("link", service=float(way != "at once"), latency=float(way == "in flight"))
    route = tuple(Hop(NOWHERE if way == "at once" else 0, core=core) for core in range(3))
    made = eventsim.fabric.Fabric(
        (link,), (route,), {"input": np.zeros(2, dtype=np.int64)}, {"cells": np.arange(3)}, log=True
    )
    spikes = eventsim.SpikeTimes([[[2.0**40], [2.0**40]]])
    with pytest.raises(SimulationError, match="in spite of its positive delay") as problem:
        simulate(net, spikes, transport=Given(made), engine=engine)
    packets = counted(problem.value.run)
    assert packets[PACKETS] == packets[DELIVERED] + packets[LOST] + packets[UNDER_WAY] > 0


def test_packets_that_do_not_add_up_end_the_run_of_the_reference_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, transport = branching()
    monkeypatch.setattr(FabricState, "under_way", lambda self: 2)
    with pytest.raises(SimulationError, match="took in 9 packets, but 9 delivered, 0 lost and 2 under way") as problem:
        simulate(net, x, transport=transport, engine="reference", until=60.0)
    assert WRONG in str(problem.value)
    assert not problem.value.run.complete


def test_packets_that_do_not_add_up_end_the_run_of_the_compiled_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, transport = branching()
    run = Worker.run

    def losing_count(self: Worker, low: int, high: int) -> Any:
        problem = run(self, low, high)
        self.task.outputs.fabric[low, LOST] += 1
        return problem

    monkeypatch.setattr(Worker, "run", losing_count)
    with pytest.raises(SimulationError, match="took in 9 packets, but 1 delivered, 1 lost and 8 under way") as problem:
        simulate(net, x, transport=transport, engine="compiled", until=4.25)
    assert WRONG in str(problem.value)


def test_packets_that_do_not_add_up_are_told_of_before_a_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    stations = [Station(service=1.0, buffer=1), Station(service=1.0, buffer=1)]
    roots = [(Stop(0, (Stop(1, (Stop(0, leaf=0),)),)),), (Stop(1, (Stop(0, (Stop(1, leaf=1),)),)),)]
    injections = [Injection(0.125 * k, 0, source, k) for k in range(8) for source in range(2)]
    net, x, made, _ = as_network(Fabric(stations, roots, injections), float)
    with pytest.raises(SimulationError, match="deadlocked"):
        simulate(net, x, transport=Given(made), engine="reference", until=60.0)
    monkeypatch.setattr(FabricState, "under_way", lambda self: 0)
    with pytest.raises(SimulationError, match=WRONG):
        simulate(net, x, transport=Given(made), engine="reference", until=60.0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("which", [PACKETS, DELIVERED, LOST, UNDER_WAY])
def test_a_state_of_packets_that_do_not_add_up_is_refused(engine: Any, which: int) -> None:
    net, x, transport = branching()
    begun = simulate(net, x, transport=transport, engine="reference", until=3.75, keep_state=True)
    begun.records.state.samples[0].fabric[which] += 1  # type: ignore[union-attr]
    with pytest.raises(InputError, match="it is damaged"):
        simulate(net, x, transport=transport, engine=engine, until=60.0, resume=begun)


def test_a_file_of_packets_that_do_not_add_up_is_refused(tmp_path: Any) -> None:
    net, x, transport = branching()
    run = simulate(net, x, transport=transport, engine="reference", until=3.75)
    run.records.fabric[0, DELIVERED] += 1  # type: ignore[index]
    run.save(tmp_path / "run.npz")
    with pytest.raises(eventsim.FileFormatError, match="those delivered, those lost and those under way"):
        eventsim.load_run(tmp_path / "run.npz")
