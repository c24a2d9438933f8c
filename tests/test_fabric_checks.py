"""Fabrics that are none are refused, with the station, the route or the neuron; those that are long are carried out."""

from typing import Any

import numpy as np
import pytest
from fabric_networks import Given

import eventsim
from eventsim import Dense, FaultError, Network, SpikeTimes, hardware, simulate
from eventsim.engines.fabric_plan import plan_fabric
from eventsim.fabric import Fabric, Hop, Station, arbiters

ONE_CORE = (Hop(0, core=0),)


def network() -> Network:
    net = Network(time_unit=1e-6)
    net.connect(net.source(2, "input"), net.population("lif_delta", 3, "cells", tau_mem=10.0), Dense(np.ones((3, 2))))
    return net


def fabric(station: Any = None, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "stations": (Station("bus") if station is None else station,), "routes": (ONE_CORE,),
        "route_of": {"input": np.zeros(2, dtype=np.int64)},
    }  # fmt: skip
    return Fabric(**given | changes)


REFUSED: list[tuple[Any, str]] = [
    (None, r"fabric: None; must be a Fabric\. Let Transport\.fabric return one"),
    (fabric("bus"), r"fabric: station 'bus'; must be a Station with a name\. Make one"),
    (fabric(Station(3)), r"must be a Station with a name"),  # type: ignore[arg-type]
    (fabric(stations=(Station("bus"),) * 2), r"station 'bus': there are two of this name; must be unique\. Rename"),
    (
        fabric(Station("bus", service=1e101)),
        r"station 'bus': service = 1e\+101; must be >= 0, <= 1e\+100, .*Give it in",
    ),
    (fabric(Station("bus", latency=float("inf"))), r"station 'bus': latency = inf; must be >= 0, <= 1e\+100"),
    (fabric(Station("bus", per_synapse=-1.0)), r"station 'bus': per_synapse = -1\.0; must be >= 0"),
    (fabric(Station("bus", service=True)), r"station 'bus': service = True; must be >= 0"),
    (
        fabric(Station("bus", buffer=True)),
        r"station 'bus': buffer = True; must be an integer in 1\.\..*None is no limit",
    ),
    (fabric(Station("bus", intake=2**70)), r"station 'bus': intake = 1\d+; must be an integer in 0\.\."),
    (fabric(Station("bus", full="wait")), r"station 'bus': full = 'wait'; must be one of stall, drop"),
    (fabric(Station("bus", part="wire")), r"station 'bus': part = 'wire'; must be one of"),
    (
        fabric(Station("bus", arbiter=arbiters.RoundRobin)),  # type: ignore[arg-type]
        r"station 'bus': arbiter = <class .*; must be an Arbiter\. Give e\.g\. fabric\.arbiters\.RoundRobin\(\)",
    ),
    (fabric(late="later"), r"fabric: late = 'later'; must be one of deliver, drop"),
    (fabric(log=1), r"fabric: log = 1; must be True or False"),
    (fabric(tick=1e101), r"fabric: tick = 1e\+101; must be >= 0, <= 1e\+100"),
    (fabric(deadline=float("nan")), r"fabric: deadline = nan; must be >= 0"),
    (fabric(routes=(((0, (), 0),),)), r"fabric: a route has \(0, \(\), 0\); must have hops of numbers\. Give Hop"),
    (fabric(routes=((Hop(0.0, core=0),),)), r"a route has Hop\(station=0\.0.*must have hops"),  # type: ignore[arg-type]
    (fabric(routes=((Hop(1, core=0),),)), r"a route leads over station 1 of 1; must be one of them, numbered from 0"),
    (fabric(routes=((Hop(0, (Hop(-1, core=0),)),),)), r"a route leads over station -1 of 1"),
    (fabric(routes=((Hop(0, ONE_CORE, core=0),),)), r"a route goes on behind station 'bus', where it ends at core 0"),
    (fabric(routes=(ONE_CORE * 2,)), r"source 'input' has a route that ends twice at core 0"),
    (fabric(route_of={}), r"source 'input' has no route"),
    (fabric(route_of={"input": [0.0, 0.0]}), r"route_of\['input'\] has type float64; must be integers\. Give one"),
    (fabric(route_of={"input": [0]}), r"route_of\['input'\] has shape \(1,\); must be \(2,\)"),
    (fabric(route_of={"input": [0, 1]}), r"source 'input' has route 1 of 1"),
    (
        fabric(route_of={"input": [0, 0], "imput": [0, 0]}),
        r"fabric: route_of of unknown 'imput', did you mean 'input'\?; must be of input, cells\. Rename",
    ),
    (fabric(cores={"input": [0, 0]}), r"fabric: cores of unknown 'input'; must be of cells\. Rename it"),
    (fabric(cores={"cells": [0]}), r"cores\['cells'\] has shape \(1,\); must be \(3,\)"),
    (fabric(cores={"cells": [0.0, float("nan"), 0.0]}), r"cores\['cells'\] has type float64; must be integers"),
    (fabric(cores={"cells": [0, 1, 0]}), r"a neuron, 0, with targets on core 1, to which its route does not lead"),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_what_is_no_fabric_is_refused(case: int) -> None:
    made, message = REFUSED[case]
    x = SpikeTimes([[[0.0], [1.0]]])
    with pytest.raises(FaultError, match=message):
        simulate(network(), x, transport=Given(made), engine="reference")


def test_a_chip_whose_times_are_beyond_all_sums_is_refused() -> None:
    """Sums of longer times could be infinite: packets would wait for ever without a word."""
    net = network()
    placed = hardware.chip("mesh").replace({"core.per_synapse": "1e302 s"}).place(net)
    with pytest.raises(FaultError, match=r"station 'core 0': per_synapse = 1e\+308; must be >= 0, <= 1e\+100"):
        simulate(net, SpikeTimes([[[0.0], [1.0]]]), transport=placed, engine="reference")


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_route_is_as_long_as_it_is(engine: str) -> None:
    """Longer than Python recurses; a packet's way is the sum of its latencies."""
    n = 2_000
    hop = Hop(n - 1, core=0)
    for k in reversed(range(n - 1)):
        hop = Hop(k, (hop,))
    stations = tuple(Station(f"link {k}", latency=0.5) for k in range(n))
    made = fabric(stations=stations, routes=((hop,),), log=True)
    run = simulate(network(), SpikeTimes([[[0.0], []]]), transport=Given(made), engine=engine)
    assert run.records.hops is not None
    assert len(run.records.hops) == n
    assert run.latency().layer("input").delivered.last == 0.5 * n  # type: ignore[union-attr]


@pytest.mark.parametrize("packets", ["multicast", "unicast"])
def test_a_chip_may_be_long(packets: str) -> None:
    size = 1_100
    chip = hardware.chip("mesh").replace({"topology.size": [1, size], "topology.packets": packets})
    net = network()
    cores = [("cells", k, k, core) for k, core in enumerate((0, 1, size - 1))]
    placed = hardware.PlacedChip(chip, hardware.place_by_hand(net, cores, [(0, y) for y in range(size)]))
    plan = plan_fabric(net, placed.fabric(net))
    assert max(len(plan.cores_behind(root)) for roots in plan.roots for root in roots) == (
        3 if packets[0] == "m" else 1
    )
    assert sorted(plan.cores_behind(plan.roots[0][0]) if packets[0] == "m" else [
        plan.cores_behind(root)[0] for root in plan.roots[0]
    ]) == [0, 1, size - 1]  # fmt: skip
    assert eventsim.fabric.contract.ends_of(placed.fabric(net).routes[0])[-1].core == size - 1
