"""Fabrics that are plain data (`fabric_data`) as networks with a transport, and what engines did with them as results.

For tests of both engines.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import fabric_data
import numpy as np

import eventsim
from eventsim import Sparse, SpikeTimes, fabric
from eventsim.engines.fabric_records import FABRIC_COUNTERS, STATION_COUNTERS
from eventsim.fabric import Hop, Station, arbiters
from eventsim.fabric.contract import NOWHERE
from eventsim.run.run import Run

OUTCOMES = ("passed on", "delivered", "dropped", "late")

ARBITERS = {
    "first_come": arbiters.FirstCome(), "fixed_priority": arbiters.FixedPriority(),
    "round_robin": arbiters.RoundRobin(),
    "binary_tree": arbiters.BinaryTree(), "random": arbiters.AtRandom(),
}  # fmt: skip


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


def as_network(
    plain: fabric_data.Fabric, number: Any, load: Any = None
) -> tuple[eventsim.Network, SpikeTimes, fabric.Fabric, int]:
    """Sources of plain data are source neurons and, where they relay, neurons that fire once; leaves are cores.

    `load` (`random_fabrics.Load`) says how many synapses lie behind a leaf; those to the silent neuron there make up
    for what relays do not have.
    """
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
        many = [
            (load.reached[sources[k], leaf][0] if load else 1) - (len(plain.relays.get(leaf, ())) if load else 0)
            for k, leaf in pairs
        ]
        connect(net, name, "sink", [pair for pair, n in zip(pairs, many, strict=True) for _ in range(n)], number)
        if relays:
            there = [(k, j) for k, leaf in pairs for j, relay in enumerate(relays) if at[relay] == leaf]
            connect(net, name, "relay", there, number)
    made = fabric.Fabric(
        stations=tuple(
            Station(
                f"station {k}", one.service, one.latency, ARBITERS[one.arbiter], one.buffer, one.intake, one.full,
                load.per_synapse[k] if load else 0, load.per_neuron[k] if load else 0,
            )
            for k, one in enumerate(plain.stations)
        ),
        routes=tuple(tuple(map(hop, route)) for route in plain.routes),
        route_of={name: np.array(list(sources)) for name, sources in reached.items()},
        cores={"sink": np.arange(leaves)} | ({"relay": np.array([at[relay] for relay in relays])} if relays else {}),
        deadline=plain.deadline, late=plain.late, tick=plain.tick, log=True,
    )  # fmt: skip
    times: list[list[Any]] = [[] for _ in range(n_inputs)]
    for spike in plain.injections:
        times[spike.source].append(spike.time)
    return net, SpikeTimes([times]), made, n_inputs


def connect(net: eventsim.Network, pre: str, post: str, pairs: list[tuple[int, int]], number: Any) -> None:
    if pairs:
        weights = np.array([number(1)] * len(pairs), dtype=object if number is Fraction else np.float64)
        sources, targets = (list(column) for column in zip(*pairs, strict=True))
        net.connect(pre, post, Sparse(sources, targets, weights))


def ends(stop: fabric_data.Stop) -> list[int]:
    return [leaf for child in stop.children for leaf in ends(child)] if stop.children else [stop.leaf]  # type: ignore[list-item]


def records(run: Run, n_inputs: int) -> list[fabric_data.Record]:
    """The log as plain data has it; a relay's number among the sources follows those that come from outside."""
    columns: list[Any] = [run.records.hops[name].tolist() for name in run.records.hops.dtype.names]  # type: ignore[index, union-attr]
    found = []
    for _, station, node, neuron, number, outcome, _, _, emitted, _, *times in zip(*columns, strict=True):
        source = neuron + (n_inputs if run.populations[node] == "relay" else 0)
        entered, started, ended, left = (None if t != t else t for t in times)
        found.append(
            fabric_data.Record(source, number, station, emitted, entered, started, ended, left, OUTCOMES[outcome])
        )
    return found


def counters(run: Run) -> list[fabric_data.Counters]:
    """What was counted at each station."""
    rows: Any = run.records.stations
    names = {"longest_wait": "longest"}
    seen = [dict(zip(STATION_COUNTERS, row, strict=True)) for row in rows[0].tolist()]
    fields = fabric_data.Counters.__dataclass_fields__
    return [fabric_data.Counters(**{name: one[names.get(name, name)] for name in fields}) for one in seen]


def simulate_on(engine: str, plain: fabric_data.Fabric, load: Any = None) -> fabric_data.Result:
    """What an engine makes of a fabric in floats, without ticks and latencies at its leaves, once all has come out."""
    net, x, made, n_inputs = as_network(plain, float, load)
    run = eventsim.simulate(net, x, transport=Given(made), until=1e9, engine=engine)
    log, packets = records(run, n_inputs), dict(zip(FABRIC_COUNTERS, run.records.fabric[0].tolist(), strict=True))  # type: ignore[index]
    cores = run.records.hops["core"].tolist()  # type: ignore[index]
    return fabric_data.Result(
        counters=counters(run), log=log, injected=packets["packets"], dropped=packets["lost"],
        deliveries=[
            fabric_data.Delivery(one.left, 0, one.source, one.number, core)
            for one, core in zip(log, cores, strict=True) if one.outcome == "delivered"
        ],
    )  # fmt: skip
