"""The fabric of a network on a chip: stations as the chip describes them, ways as its topology has them."""

from typing import Any

import numpy as np
import pytest

from eventsim import Dense, Network, OneToOne, SpikeTimes, fabric, hardware, simulate
from eventsim.fabric.contract import NOWHERE, Hop
from eventsim.hardware import Chip, CoreLimits, place
from eventsim.hardware.distances import torus
from eventsim.hardware.keys import ARBITERS, STATIONS

KINDS = {
    "first come": fabric.arbiters.FirstCome, "fixed priority": fabric.arbiters.FixedPriority,
    "round robin": fabric.arbiters.RoundRobin, "tree": fabric.arbiters.BinaryTree, "random": fabric.arbiters.AtRandom,
}  # fmt: skip
GIVEN = {"topology.kind": "mesh", "topology.size": [2, 2], "limits.neurons_per_core": 2}


def chain(n: int = 4, **options: Any) -> Network:
    """A source, and layers of two neurons each, one behind another."""
    net = Network(time_unit=options.get("time_unit", 1e-9))
    before: Any = net.source(2, "input")
    for k in range(n):
        layer = net.population("if_delta", 2, f"layer{k}", v_threshold=0.5)
        net.connect(before, layer, OneToOne([1.0, 1.0]))
        before = layer
    return net


@pytest.mark.parametrize("arbiter", ARBITERS)
@pytest.mark.parametrize("full", ["stall", "drop"])
def test_a_station_is_what_the_chip_says_of_its_part(arbiter: str, full: str) -> None:
    assert {*KINDS} == {*ARBITERS}
    values: dict[str, Any] = {}
    for n, (part, keys) in enumerate(STATIONS.items(), 1):
        own = {
            "service": f"{n} ns", "latency": f"{n}.5 ns", "buffer": n, "intake": 10 * n, "full": full,
            "arbiter": arbiter,
        }  # fmt: skip
        values |= {f"{part}.{name}": own[name] for name in keys if part != "link"}
    values |= {"core.axon_in": "0.25 ns", "core.per_synapse": "0.5 ns", "core.per_neuron": "0.75 ns"}
    made = hardware.chip("mesh").replace(GIVEN | values).place(chain()).fabric(chain())
    places = {part: n for n, part in enumerate(STATIONS, 1)}
    assert {station.part for station in made.stations} == {*STATIONS} - {"link"}
    for station in made.stations:
        n, begins = places[station.part], station.part in ("input", "axon_out")
        assert (station.service, station.latency) == (0.25 if station.part == "core" else float(n), n + 0.5)
        assert (station.buffer, station.intake) == ((None, 10 * n) if begins else (n, None))
        assert (station.full, type(station.arbiter)) == (
            ("stall", KINDS["first come"]) if begins else (full, KINDS[arbiter])
        )
        assert (station.per_synapse, station.per_neuron) == ((0.5, 0.75) if station.part == "core" else (0, 0))


def ways(chip: Chip, net: Network) -> dict[tuple[str, int], list[list[str]]]:
    """Of each neuron the stations to each end of its route, by name."""
    made = chip.place(net, "by_layer").fabric(net)

    def paths(hop: Hop) -> list[list[str]]:
        here = [] if hop.station == NOWHERE else [made.stations[hop.station].name]
        return [here + rest for child in hop.children for rest in paths(child)] if hop.children else [here]

    return {
        (name, neuron): [path for hop in made.routes[route] for path in paths(hop)]
        for name, routes in made.route_of.items()
        for neuron, route in enumerate(routes.tolist())
    }


@pytest.mark.parametrize(
    ("kind", "more", "into", "between", "round_", "out"),
    [
        ("mesh", {"topology.size": [4, 1]}, [], ["(0, 0) to (1, 0)"],
         ["(3, 0) to (2, 0)", "(2, 0) to (1, 0)", "(1, 0) to (0, 0)"],
         ["(3, 0) to (2, 0)", "(2, 0) to (1, 0)", "(1, 0) to (0, 0)"]),
        ("torus", {"topology.size": [4, 1]}, [], ["(0, 0) to (1, 0)"], ["(3, 0) to (0, 0)"], ["(3, 0) to (0, 0)"]),
        ("bus", {"topology.cores": 4}, ["bus"], ["bus"], ["bus"], ["bus"]),
        ("star", {"topology.cores": 4}, ["down 0"], ["up 0", "down 1"], ["up 3", "down 0"], ["up 3"]),
        ("tree", {"topology.cores": 4, "topology.branching": 2}, ["down 1.0", "down 0.0"], ["up 0.0", "down 0.1"],
         ["up 0.3", "up 1.1", "down 1.0", "down 0.0"], ["up 0.3", "up 1.1"]),
    ],
)  # fmt: skip
def test_packets_take_the_links_of_the_topology(
    kind: str, more: dict[str, Any], into: list[str], between: list[str], round_: list[str], out: list[str]
) -> None:
    """Four layers on four cores in a row, a connection from the last to the first, and a neuron that nobody hears."""
    start = hardware.chip("mesh" if kind in ("mesh", "torus") else "aer_bus")
    chip = start.replace({"topology.kind": kind, "limits.neurons_per_core": 2, **more})
    net = chain()
    net.connect("layer3", "layer0", OneToOne([1.0, 1.0]))
    found = ways(chip, net)
    assert found["input", 0] == [["input", *into, "core 0"]]
    assert found["layer0", 1] == [["core 0 out", *between, "core 1"]]
    assert found["layer3", 0] == [["core 3 out", *round_, "core 0"]]
    assert ways(chip, chain())["layer3", 1] == [["core 3 out", *out, "output"]]


@pytest.mark.parametrize("numbering", ["rows", "columns"])
def test_input_and_output_are_at_the_gate(numbering: str) -> None:
    small = {"topology.size": [3, 2], "topology.gate": [2, 1], "topology.numbering": numbering}
    chip = hardware.chip("mesh").replace({"limits.neurons_per_core": 2, **small})
    found = ways(chip, chain(1))
    assert found["input", 0] == [
        ["input", "(2, 1) to (1, 1)", "(1, 1) to (0, 1)", "(0, 1) to (0, 0)", "core 0"]
    ]  # fmt: skip
    assert found["layer0", 0] == [
        ["core 0 out", "(0, 0) to (1, 0)", "(1, 0) to (2, 0)", "(2, 0) to (2, 1)", "output"]
    ]  # fmt: skip


def test_what_nobody_on_the_chip_hears_leaves_it() -> None:
    net = chain(2)
    run = simulate(
        net, SpikeTimes([[[1.0], [2.0]]]), engine="reference", until=900.0,
        transport=hardware.chip("mesh").place(net, "by_layer"),
    )  # fmt: skip
    assert run.n_spikes("layer1") == 2
    ledger = hardware.counted(run)
    assert (ledger.output_packets, ledger.axon_out, ledger.axon_in, ledger.input_packets) == (2, 4, 4, 2)
    came = run.latency().deliveries
    assert came["core"][came["population"] == net.node("layer1").order].tolist() == [-1, -1]


def test_on_a_torus_greedy_counts_hops_round_it() -> None:
    """The ends of a line are neighbours on a torus, and the farthest on a mesh."""
    net = Network(time_unit=1e-6)
    net.source(1, "input")
    for k in range(6):
        net.population("if_delta", 1, f"layer{k}", v_threshold=0.5)
    reached = {0: (1, 2, 4, 5), 1: (5,), 2: (1, 3, 4, 5), 3: (5,), 5: (0, 4)}
    for a, others in reached.items():
        for b in others:
            net.connect(f"layer{a}", f"layer{b}", Dense(np.ones((1, 1))))
    size = {"topology.size": [6, 1], "limits.neurons_per_core": 1}
    round_it, along = (
        hardware.chip("mesh").replace(size | {"topology.kind": kind}).place(net, "greedy").placement
        for kind in ("torus", "mesh")
    )
    positions = [(k, 0) for k in range(6)]
    assert round_it == place(net, positions, CoreLimits(neurons=1, weight_bits=8), "greedy", distance=torus(6, 1))
    assert along == place(net, positions, CoreLimits(neurons=1, weight_bits=8), "greedy")
    assert round_it != along
