"""What a transport makes of a network is checked before anything runs: each refusal says what, where and what to do."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from fabric_networks import Given

from eventsim import Dense, FaultError, Network, SpikeTimes, fabric, simulate
from eventsim.fabric import Fabric, Hop, Station

STATION = Station("link", service=0.5)
MADE = Fabric(
    stations=(STATION, Station("core")),
    routes=((Hop(0, (Hop(1, core=0),)),),),
    route_of={"input": np.zeros(2, dtype=int)},
)


def two_layers() -> Network:
    net = Network()
    net.source(2, "input")
    net.population("if_delta", 3, "cells", v_threshold=1.0)
    net.connect("input", "cells", Dense(np.ones((3, 2))))
    return net


def on(**changes: Any) -> Any:
    made = dataclasses.replace(MADE, **changes)
    return simulate(two_layers(), SpikeTimes([[[0.0], [0.0]]]), transport=Given(made), engine="reference", until=9.0)


def station(**changes: Any) -> dict[str, Any]:
    return {"stations": (dataclasses.replace(STATION, **changes), MADE.stations[1])}


def test_what_is_changed_below_is_carried_out_as_it_is() -> None:
    assert on().counters["transport"]["delivered"] == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (station(name="core"), "station 'core': there are two of this name; must be unique. Rename one."),
        (station(service=-1), "station 'link': service = -1; must be >= 0, a finite number. Give it in units of time."),
        (station(latency=float("nan")), "station 'link': latency = nan; must be >= 0, a finite number."),
        (station(buffer=0), "station 'link': buffer = 0; must be an integer >= 1, or None. Leave it out for no limit."),
        (station(intake=1.5), "station 'link': intake = 1.5; must be an integer >= 0, or None. Leave it out for no li"),
        (station(full="wait"), "station 'link': full = 'wait'; must be one of stall, drop"),
        (
            {"late": "clamp"},
            "late = 'clamp'; must be one of deliver, drop: what is late cannot count as if it",
        ),
        ({"late": "dorp"}, "late = 'dorp', did you mean 'drop'?"),
        ({"tick": -1.0}, "tick = -1.0; must be >= 0, a finite number. 0 is none."),
        ({"deadline": -1.0}, "deadline = -1.0; must be >= 0, a finite number. None is no age."),
        ({"routes": ((Hop(2, core=0),),)}, "a route leads over station 2 of 2; must be one of them, numbered from 0."),
        (
            {"routes": ((Hop(0, (Hop(1, core=0),), core=0),),)},
            "a route goes on behind station 'link', where it ends at core 0; must do one of both. Give the core a hop",
        ),
        (
            {"routes": ((Hop(0, core=0), Hop(1, core=0)),)},
            "source 'input' has a route that ends twice at core 0; must end once at each. Take one end out.",
        ),
        ({"route_of": {}}, "source 'input' has no route; must have one for each neuron. Give them in route_of."),
        (
            {"route_of": {"input": [0, 1]}},
            "route_of['input'][1] = 1; must be in -1..0. Of 1 routes",
        ),
        (
            {"route_of": {"input": [-2, 0]}},
            "route_of['input'][0] = -2; must be in -1..0. Of 1 routes",
        ),
        (
            {"route_of": {"input": [0]}},
            "route_of['input'] has shape (1,); must be (2,): one a neuron. Of 1 routes",
        ),
        (
            {"route_of": {"input": [0.5, 0]}},
            "route_of['input'] has type float64; must be integers. Of 1 routes",
        ),
        (
            {"route_of": {"input": [0, -1]}},
            "source 'input' has a neuron, 1, with targets on core 0, to which its route does not lead; must lead",
        ),
        (
            {"route_of": {**MADE.route_of, "imput": [0, 0]}},
            "route_of of unknown 'imput', did you mean 'input'?; must be of input, cells. Rename it, or leave it out.",
        ),
        ({"cores": {"input": [0, 0]}}, "cores of unknown 'input'; must be of cells. Rename it, or leave it out."),
        ({"cores": {"cells": [0, -1, 0]}}, "cores['cells'][1] = -1; must be >= 0. Cores are numbered from 0."),
        ({"cores": {"cells": [0, 0]}}, "cores['cells'] has shape (2,); must be (3,): one a neuron. Cores are numbered"),
        ({"cores": {"cells": [0, 0, 1]}}, "source 'input' has a neuron, 0, with targets on core 1, to which its route"),
    ],
    ids=lambda part: str(part)[:60],
)
def test_a_fabric_that_cannot_be_carried_out_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FaultError) as error:
        on(**changes)
    assert str(error.value).startswith(f"fabric: {message}")


def test_the_bus_refuses_a_time_that_is_none() -> None:
    with pytest.raises(FaultError, match=r"aer_bus: service_time = -1; must be >= 0, a finite number\. Give it"):
        fabric.AerBus(-1)
