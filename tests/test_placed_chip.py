"""Networks on chips: without latencies the ideal run, with fixed ones a shifted one, whatever chip and placement."""

from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import (
    Conv,
    Dense,
    InputError,
    Network,
    PlacementError,
    Pool,
    Sparse,
    SpikeTimes,
    hardware,
    models,
    simulate,
)
from eventsim.fabric.contract import NOWHERE, Hop
from eventsim.hardware import Chip
from eventsim.hardware.keys import KEYS
from eventsim.hardware.physical_time import with_time_unit
from eventsim.hardware.placed_chip import PlacedChip
from eventsim.inspection.packets import carried
from eventsim.run.run import Run
from eventsim.viz.chip_parts import parts_of

TIMES = ("service", "latency")
PARTS = ("input", "output", "axon_out", "link")
POOLS = ("receiver", "neurons")
STRATEGIES = ("linear", "by_layer", "spiral", "greedy", "spread")


def timeless(name: str = "mesh", **values: Any) -> Chip:
    """A chip on which nothing takes time, in as much as nothing else is said."""
    none = {f"{part}.{time}": "0 ns" for part in PARTS for time in TIMES}
    none |= {f"core.{time}": "0 ns" for time in ("axon_in", "per_synapse", "per_neuron", "latency")}
    chip = hardware.chip(name)
    given = {key.replace("__", "."): value for key, value in values.items()}
    return chip.replace({"topology.kind": "mesh"} | none | given if name == "mesh" else none | given)


def layers(seed: int = 0) -> tuple[Network, Any]:
    """Convolution, max pool, two dense layers, on several cores each."""
    rng = np.random.default_rng(seed)
    net = Network(time_unit=1e-3)
    net.source((1, 6, 6), "input")
    net.population("ttfs_b1", (4, 6, 6), "conv", (0.0, 1.0, 4.0), threshold=3.0)
    net.population("relay", (4, 3, 3), "pool", (0.0, 1.0, 4.0))
    net.population("ttfs_b1", 30, "dense", (1.0, 4.0, 9.0), threshold=5.0)
    net.population("integrator", 5, "output", (4.0, 9.0))
    net.connect("input", "conv", Conv(rng.normal(0, 0.2, (4, 1, 3, 3)), padding=1))
    net.connect("conv", "pool", Pool((2, 2)))
    net.connect("pool", "dense", Dense(rng.normal(0.1, 0.3, (30, 36))))
    net.connect("dense", "output", Dense(rng.normal(0, 1, (5, 30))))
    return net, rng.uniform(0, 1, (4, 1, 6, 6))


def recurrent(seed: int = 0) -> tuple[Network, Any]:
    """Neurons with delays of their own, parallel synapses, and connections back."""
    rng = np.random.default_rng(seed)
    net = Network(time_unit=1e-3)
    net.source(5, "input")
    net.population("lif_exp", 40, "cells", tau_mem=10.0, tau_syn=2.0, t_ref=1.0)
    net.connect("input", "cells", Dense(rng.normal(2.0, 1.0, (40, 5))), delay=0.5)
    ends = rng.integers(0, 40, (2, 300))
    net.connect("cells", "cells", Sparse(ends[0], ends[1], rng.normal(0, 0.8, 300), rng.uniform(0.5, 3.0, 300)))
    trains = [[np.sort(rng.uniform(0, 25, 8)).tolist() for _ in range(5)] for _ in range(2)]
    return net, SpikeTimes(trains)


def small(chip: Chip, neurons: int) -> Chip:
    return chip.replace({"limits.neurons_per_core": neurons})


def same(a: Run, b: Run) -> None:
    assert a.spikes.tolist() == b.spikes.tolist()
    if a.records.readout is not None:
        np.testing.assert_array_equal(a.readout, b.readout)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("made", [layers, recurrent])
def test_a_chip_on_which_nothing_takes_time_is_the_ideal_run(made: Any, engine: str) -> None:
    net, x = made()
    until = 30.0 if made is recurrent else None
    ideal = simulate(net, x, engine=engine, until=until)
    cases = [("mesh", "multicast", strategy) for strategy in STRATEGIES]
    for name, packets, strategy in (*cases, ("mesh", "unicast", "linear"), ("aer_bus", "multicast", "linear")):
        placed = small(timeless(name, topology__packets=packets), 20).place(net, strategy)
        run = simulate(net, x, engine=engine, until=until, transport=placed)
        same(run, ideal)
        assert run.counters["transport"]["lost"] == 0
        cores = [np.unique(placed.placement.cores(p.name)).size for p in net.populations]  # type: ignore[union-attr]
        assert max(cores) > 1


def test_a_chip_is_described_and_made_again() -> None:
    net, x = layers()
    placed = small(hardware.chip("mesh"), 20).place(net)
    run = simulate(net, x, transport=placed, engine="reference")
    described = run.provenance["transport"]
    again = PlacedChip(described["chip"], described["placement"], described["log"])
    same(run, simulate(net, x, transport=again, engine="reference"))
    assert again.describe() == placed.describe()


def test_runs_on_a_chip_are_saved_explained_and_verified(tmp_path: Any) -> None:
    net, x = layers()
    placed = small(hardware.chip("mesh"), 20).place(net)
    run = simulate(net, x, transport=placed, engine="reference")
    run.save(tmp_path / "run.npz")
    same(run, eventsim.load_run(tmp_path / "run.npz"))
    who = int(np.flatnonzero(np.isfinite(run.spike_times("dense")[0]))[0])
    found = eventsim.explain(net, run, "dense", who, sample=0)
    assert found.time == run.spike_times("dense")[0, who]
    report = models.verify(net, run=simulate(net, x, transport=placed))
    assert report.counts.get("structural", 0) == 0


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_fixed_latency_shifts_windows_exactly(engine: str) -> None:
    """Of links without services: as if the delays of projections were longer by the latencies of the way."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-8, 9, (12, 6)) / 16, rng.integers(-8, 9, (4, 12)) / 16
    hop = 0.125

    def network(first: float, second: float) -> Network:
        """The windows are those of neurons whose inputs come by one link, and then by two."""
        net = Network(time_unit=1.0)
        net.source(6, "input")
        net.population("ttfs_b1", 12, "hidden", (hop, 1 + hop, 4 + hop), threshold=2.0)
        net.population("integrator", 4, "output", (1 + 3 * hop, 4 + 3 * hop))
        net.connect("input", "hidden", Dense(weights[0]), delay=first)
        net.connect("hidden", "output", Dense(weights[1]), delay=second)
        return net

    x = rng.integers(0, 17, (8, 6)) / 16
    latency = f"{hop} s"
    placed = timeless(axon_out__latency=latency, link__latency=latency, input__latency=latency).place(
        network(0.0, 0.0), "by_layer"
    )
    run = simulate(network(0.0, 0.0), x, transport=placed, engine=engine)
    assert run.n_spikes("hidden") > 0
    same(run, simulate(network(hop, 2 * hop), x, engine=engine))


def test_each_neuron_has_a_route_to_the_cores_of_its_targets_and_to_no_other() -> None:
    net, _ = layers()
    for strategy in STRATEGIES:
        for packets in ("multicast", "unicast"):
            placed = small(timeless(topology__packets=packets), 20).place(net, strategy)
            fabric = placed.fabric(net)
            for node in net.nodes:
                for neuron in range(node.size):
                    wanted = {
                        int(fabric.cores[p.post.name][target])
                        for p in net.projections
                        if p.pre is node
                        for target in p.kind.synapses(neuron)[0].tolist()
                    }
                    route = fabric.route_of.get(node.name)
                    hops = () if route is None or route[neuron] < 0 else fabric.routes[route[neuron]]
                    found = [core for hop in hops for core in leaves(hop) if core != NOWHERE]
                    assert sorted(found) == sorted(wanted)


def test_packets_go_to_where_the_positions_of_tiles_are() -> None:
    """Core 0 at the far corner, core 1 at the gate: links and distances are those of these places."""
    net, x = layers()
    small: dict[str, Any] = {"topology__size": [3, 3], "limits__neurons_per_core": 400}
    moved = timeless(**small, topology__positions=[[2, 1], [0, 0]], topology__numbering=None)
    placed = moved.place(net)
    assert placed.placement.positions == ((2.0, 1.0), (0.0, 0.0))  # type: ignore[union-attr]
    one = moved.replace({"topology.positions": [[2, 1]]}).place(net)
    assert [station.name for station in one.fabric(net).stations] == [
        "input", "core 0 out", "(0, 0) to (1, 0)", "(1, 0) to (2, 0)", "(2, 0) to (2, 1)", "core 0",
    ]  # fmt: skip
    usual = timeless(**small)
    same_places = usual.replace({"topology.positions": [usual.position(core) for core in range(9)]})
    found, expected = (chip.replace({"limits.neurons_per_core": 30}).place(net) for chip in (same_places, usual))
    assert found.fabric(net).stations == expected.fabric(net).stations
    assert found.fabric(net).routes == expected.fabric(net).routes
    run = simulate(net, x, engine="reference", transport=moved.replace({"limits.neurons_per_core": 180}).place(net))
    on = carried("test", run)
    links = {part.name: part.cores for part in parts_of(on) if part.kind.startswith("link")}
    assert links
    assert not any(links.values())  # no link joins the two tiles, which are no neighbours
    beside = moved.replace({"topology.positions": [[1, 0], [0, 0]], "limits.neurons_per_core": 180}).place(net)
    parts = parts_of(carried("test", simulate(net, x, engine="reference", transport=beside)))
    assert {part.name: part.cores for part in parts if part.kind == "link_x"}["(0, 0) to (1, 0)"] == (1, 0)


def test_what_a_grid_needs_is_not_made_up() -> None:
    net, _ = layers()
    for key in ("topology.numbering", "topology.routing"):
        with pytest.raises(InputError, match=rf"{key} is unknown; must be known here"):
            hardware.chip("mesh").replace({key: None}).place(net).fabric(net)


def leaves(hop: Hop) -> list[int]:
    return [core for child in hop.children for core in leaves(child)] if hop.children else [hop.core]


def test_a_pool_at_its_receivers_sends_no_packets() -> None:
    net, x = layers()
    placed = timeless().place(net, "by_layer")
    at_receivers = simulate(net, x, transport=placed, engine="reference").counters
    apart = simulate(net, x, transport=timeless().place(net, "by_layer", pools="neurons"), engine="reference").counters
    pooled = at_receivers["by_population"]["pool"]["spikes"]
    assert pooled > 0
    assert apart["transport"]["packets"] == at_receivers["transport"]["packets"]  # those without a station count, too
    hops = [simulate(net, x, transport=one, engine="reference").records.hops for one in (
        PlacedChip(timeless(), timeless().place(net, "by_layer").placement),
        PlacedChip(timeless(), timeless().place(net, "by_layer", pools="neurons").placement),
    )]  # fmt: skip
    senders = [set(one["population"].tolist()) for one in hops if one is not None]
    assert net.node("pool").order not in senders[0]
    assert net.node("pool").order in senders[1]


def test_the_times_of_a_fast_chip_are_rounded_once() -> None:
    """8 ns a thousand times over are 8 us, which float64 says of no product of both."""
    net = with_time_unit(layers()[0], 1e-6)
    fast = hardware.chip("mesh").replace({
        "time.speedup": 1000, "time.discipline": "tick", "time.tick": "8 ns", "time.deadline": "4.1 ns",
        "link.service": "16.4 ns", "core.per_synapse": "2.3 ns",
    })  # fmt: skip
    made = fast.place(net).fabric(net)
    assert (made.tick, made.deadline) == (8.0, 4.1)
    by_part = {station.part: station for station in made.stations}
    assert (by_part["input"].service, by_part["core"].per_synapse) == (5.0, 2.3)


@pytest.mark.parametrize("discipline", ["tick", "real-time"])
def test_packets_go_on_at_the_ticks_of_a_chip_that_has_some(discipline: str) -> None:
    net, x = layers()
    ticking = small(hardware.chip("mesh"), 20).replace({"time.discipline": discipline, "time.tick": "250 us"})
    run = simulate(net, x, engine="reference", transport=ticking.place(net))
    came = run.latency().deliveries
    assert (came["delivered"] % 0.25 == 0.0).all()
    assert (came["emitted"] % 0.25 != 0.0).any()


@pytest.mark.parametrize("pools", ["receiver", "neurons"])
def test_spikes_of_a_pool_that_nothing_hears_leave_the_chip_as_those_of_neurons_do(pools: str) -> None:
    net, x = pooled()
    run = simulate(net, x, engine="reference", transport=timeless().place(net, pools=pools))
    ledger, n = hardware.counted(run), run.n_spikes("pool")
    assert n > 0
    assert (ledger.output_packets, ledger.axon_out) == (n, n + run.n_spikes("conv"))
    assert run.latency().layer("pool").packets == n


def test_a_pool_that_is_placed_as_a_neuron_needs_packets_to_its_own_core_as_a_neuron_does() -> None:
    net, x = pooled()
    net.connect("pool", net.population("lif_delta", 2, "cells", tau_mem=10.0), Dense(np.ones((2, 4))))
    runs = [simulate(net, x, engine="reference", transport=timeless().place(net, pools=pools)) for pools in POOLS]
    n_pool, sent = runs[0].n_spikes("pool"), [hardware.counted(run).axon_out or 0 for run in runs]
    assert n_pool > 0
    assert sent == [sum(runs[0].n_spikes(name) for name in ("conv", "cells")), sent[0] + n_pool]
    assert runs[0].spikes.tolist() == runs[1].spikes.tolist()


def pooled() -> tuple[Network, Any]:
    """Neurons and a pool of theirs, all on one core."""
    net = Network(time_unit=1e-3)
    net.source((1, 4, 4), "input")
    net.population("ttfs_b1", (1, 4, 4), "conv", (0.0, 1.0, 4.0), threshold=0.5)
    net.population("relay", (1, 2, 2), "pool", (0.0, 1.0, 4.0))
    net.connect("input", "conv", Conv(np.ones((1, 1, 1, 1))))
    net.connect("conv", "pool", Pool((2, 2)))
    return net, np.random.default_rng(1).uniform(0, 1, (2, 1, 4, 4))


def test_a_network_of_pools_alone_is_placed() -> None:
    net = Network(time_unit=1e-3)
    net.source((1, 4, 4), "input")
    net.population("relay", (1, 2, 2), "pool")
    net.connect("input", "pool", Pool((2, 2)))
    known = {f"{part}.{name}": "0 ns" for part in ("input", "output") for name in TIMES}
    known |= {"output.buffer": "unlimited", "output.full": "stall", "output.arbiter": "first come"}
    stepped = hardware.chip("loihi_sanafe").replace(known)
    for strategy in STRATEGIES:
        for chip, step in ((timeless(), None), (stepped, 0.25)):
            placed = chip.place(net, strategy, step=step)
            run = simulate(net, SpikeTimes(np.arange(16.0)[None]), until=20.0, engine="reference", transport=placed)
            assert run.n_spikes("pool") > 0
            assert hardware.counted(run).spikes == run.n_spikes("pool")


def test_what_a_chip_lacks_is_said() -> None:
    net, x = layers()
    bare = Network()
    bare.source(1, "input")
    bare.population("lif_delta", 1, "cell", tau_mem=1.0)
    bare.connect("input", "cell", Dense([[1.0]]))
    placed = hardware.chip("mesh").place(bare)
    with pytest.raises(InputError, match="time_unit is None; must be the seconds"):
        simulate(bare, SpikeTimes([[[0.0]]]), transport=placed)
    with pytest.raises(InputError, match=r"loihi has steps that end at a barrier, and step is None"):
        hardware.chip("loihi").place(net)
    lacking = hardware.chip("aer_bus").replace({"link.service": None}).place(net)
    with pytest.raises(InputError, match=r"link.service is unknown; must be known here"):
        simulate(net, x, transport=lacking)


def test_every_limit_of_a_chip_limits() -> None:
    """One value too few of each, with which everything else would fit."""
    net, _ = layers()
    roomy = timeless(topology__size=[1, 1], limits__weight_bits=8)
    loads = roomy.place(net).placement.loads  # type: ignore[union-attr]
    per_core = {name: int(getattr(loads, name)[0]) for name in ("neurons", "synapses", "axons")}
    enough = {
        "limits.neurons_per_core": per_core["neurons"], "limits.fan_in": 36, "limits.axons_per_core": per_core["axons"],
        "limits.synapses_per_core": per_core["synapses"],
    }  # fmt: skip
    known = {key for key in KEYS if key.startswith("limits.") and "delay" not in key}
    assert {*enough, "limits.synapse_memory_per_core", "limits.weight_bits"} == known
    roomy.replace(enough).place(net)
    for key, most in enough.items():
        with pytest.raises(PlacementError, match=f"{most - 1:,}"):
            roomy.replace({key: most - 1}).place(net)
    bits = 8 * per_core["synapses"]
    roomy.replace({"limits.synapse_memory_per_core": f"{bits} bit"}).place(net)
    with pytest.raises(PlacementError, match=f"{bits - 1:,} bits of weights"):
        roomy.replace({"limits.synapse_memory_per_core": f"{bits - 1} bit"}).place(net)


def test_studies_turn_the_values_of_a_chip() -> None:
    net, x = layers()
    placed = hardware.chip("mesh").place(net, "by_layer", log=False)
    design = {"chip.link.service[us]": [5.0, 500.0], "chip.core.arbiter": ["round robin", "fixed priority"]}
    rows = eventsim.study.Study(net, x, design, transport=placed, engine="reference").run(jobs=1).table()
    for row in rows:
        values = {"link.service": f"{row['chip.link.service[us]']} us", "core.arbiter": row["chip.core.arbiter"]}
        chip = hardware.chip("mesh").replace(values)
        run = simulate(net, x, transport=chip.place(net, "by_layer"), engine="reference")
        assert row["late"] == run.counters["late"]
    assert len({row["late"] for row in rows}) > 1
    with pytest.raises(InputError, match=r"unknown setting 'link.servce', did you mean 'link.service'"):
        eventsim.study.Study(net, x, {"chip.link.servce": ["5 ns"]}, transport=placed)
