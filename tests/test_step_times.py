"""Chips whose steps end at a barrier: the network counts steps, and how long these take is accounted beside it."""

import json
from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from placed_networks import random_network, synapses

import eventsim
from eventsim import Dense, InputError, Network, SpikeTimes, hardware, simulate
from eventsim.cli import main
from eventsim.hardware import Chip, PlacedChip, place_by_hand
from eventsim.hardware.quantities import text_of

LOIHI = hardware.chip("loihi_sanafe")
BUS = {
    "time.discipline": "barrier", "time.barrier": "100 ns", "link.buffer": "unlimited", "link.arbiter": "first come",
    "core.update_idle": "1 ns", "core.update_driven": "3 ns", "core.spike": "7 ns",
}  # fmt: skip


def bus(**values: Any) -> Chip:
    """A bus with a barrier on which everything waits for as long as it must."""
    chip = hardware.chip("aer_bus").replace(BUS)
    open_ended = {f"{part}.buffer": "unlimited" for part in ("output", "core")}
    return chip.replace(open_ended | {key.replace("__", "."): value for key, value in values.items()})


def pair(core: int = 1) -> tuple[Network, Any]:
    """A source on core 0 and a neuron on another that hears it and does not fire; the latter is heard by nobody."""
    net = Network()
    net.source(1, "a")
    net.population("lif_delta", 1, "b", tau_mem=10.0)
    net.connect("a", "b", Dense([[0.25]]), delay=1.0)
    positions = [LOIHI.position(k) for k in range(LOIHI.n_cores)]
    return net, place_by_hand(net, [("a", 0, 0, 0), ("b", 0, 0, core)], positions)


def outside(chip: Chip) -> Chip:
    """The chip with links to the outside that take no time."""
    times = {f"{part}.{time}": "0 ns" for part in ("input", "output") for time in ("service", "latency")}
    return chip.replace(times | {"output.buffer": "unlimited", "output.full": "stall", "output.arbiter": "first come"})


@pytest.mark.parametrize(("core", "hop", "barrier"), [(0, 0, 600), (1, 0, 600), (4, 6.5, 1000), (16, 4.1, 1000)])
def test_one_message_on_loihi(core: int, hop: float, barrier: float) -> None:
    """5.1 ns out, the hop, 16 ns in and 3.8 ns at the synapse: more than the visit of 6 ns; and the barrier."""
    net, placement = pair(core)
    run = simulate(
        net, SpikeTimes([[[2.0]]]), until=5.0, transport=PlacedChip(outside(LOIHI), placement, step=1.0),
        engine="reference",
    )  # fmt: skip
    found = hardware.step_times(run, engine="reference")
    ns = Fraction(1, 10**9)
    # Steps 0 to 5: the message is sent in step 2, and its neuron is driven in step 3.
    update: list[Any] = [6, 6, 6, Fraction("9.7"), 6, 6]
    packets: list[Any] = [0, 0, Fraction("5.1") + Fraction(str(hop)) + Fraction("19.8"), 0, 0, 0]
    np.testing.assert_allclose(found.updates[0], [float(t * ns) for t in update], rtol=1e-14)
    np.testing.assert_allclose(found.traffic[0], [float(t * ns) for t in packets], rtol=1e-14)
    lengths = [max(a, b) + Fraction(barrier) for a, b in zip(update, packets, strict=True)]
    np.testing.assert_allclose(found.lengths[0], [float(t * ns) for t in lengths], rtol=1e-14)
    assert found.barrier == float(barrier * ns)
    assert (found.driven, found.idle, found.n_steps) == (1, 5, 6)
    assert found.seconds[0] == pytest.approx(float(sum(lengths) * ns), rel=1e-14)
    assert found.until([2.5])[0] == pytest.approx(float(sum(lengths[:4]) * ns), rel=1e-14)
    assert found.until([np.inf])[0] == found.seconds[0]


def firing(seed: int) -> tuple[Network, Any]:
    """A random network of every kind of projection, whose neurons fire once or not at all, and what comes in."""
    rng = np.random.default_rng(seed)
    net = random_network(seed, pools=seed % 2 == 0)
    for population in net.populations:
        if not population.model.relay:
            net = net.replace(population.name, t_ref=1e6, tau_mem=4.0)
    shape = (3, *net.sources[0].shape)
    return net, SpikeTimes(np.where(rng.uniform(size=shape) < 0.7, rng.uniform(0, 6, shape), np.inf))


def by_hand(run: Any, chip: Chip, net: Network, placement: Any, step: float, sample: int) -> Any:
    """Updates, packets and how long both take, step by step, with a list of neurons and queues of a bus."""
    ns = {name: chip.need(f"core.{name}") for name in ("update_idle", "update_driven", "spike")}
    order = {node.name: k for k, node in enumerate(net.nodes)}
    core = {(name, k): c for name in order for k, c in enumerate(placement.cores(name).tolist())}
    at = lambda t: int(np.ceil(t / step - 1e-12))  # noqa: E731
    fired, heard = defaultdict(list), defaultdict(set)
    kinds = {node.name: node.kind for node in placement.nodes}
    ends = defaultdict(list)
    for one in synapses(net):
        ends[one.pre].append(one)
    for _, name, neuron, time in sorted((sample, str(n), i, t) for n, i, t in spikes(run, sample)):
        k = at(time)
        fired[k].append((order[name], neuron, name))
        for one in ends[name, neuron]:
            projection = net.projections[one.projection]
            assert getattr(projection.kind, "delays", None) is None
            heard[at(k * step + float(projection.delay))].add(one.post)
    return core, fired, heard, kinds, ns, ends


def spikes(run: Any, sample: int) -> list[tuple[str, int, float]]:
    mine = run.spikes[run.spikes["sample"] == sample]
    columns = (mine[name].tolist() for name in ("population", "neuron", "time"))
    return [(run.populations[p], i, t) for p, i, t in zip(*columns, strict=True)]


@pytest.mark.parametrize("seed", range(12))
def test_steps_are_as_long_as_plain_queues_say(seed: int) -> None:
    net, x = firing(seed)
    chip = bus(
        limits__neurons_per_core=14, topology__packets=("unicast", "multicast")[seed % 3 == 0],
        axon_out__service="2 ns", input__service="3 ns", output__service="11 ns", core__axon_in="4 ns",
        core__per_synapse="1.5 ns", core__latency="6 ns", link__latency="0.7 ns",
    )  # fmt: skip
    placed = chip.place(net, step=0.25, pools=("receiver", "neurons")[seed % 4 == 1])
    run = simulate(net, x, until=9.0, transport=placed, engine="reference")
    found = hardware.step_times(run, engine="reference")
    placement: Any = placed.placement
    assert found.lengths.shape == (3, 37)
    n_driven = 0
    for sample in range(3):
        core, fired, heard, kinds, ns, ends = by_hand(run, chip, net, placement, 0.25, sample)
        for k in range(37):
            visited = dict.fromkeys(core.values(), 0.0)
            leaves = {}
            for (name, neuron), c in core.items():  # in the order of populations and indices
                if c >= 0 and kinds[name] in ("neurons", "pool"):
                    driven = (name, neuron) in heard[k]
                    n_driven += driven
                    visited[c] += ns["update_driven" if driven else "update_idle"]
                    if any((name, neuron) == (n, i) for _, i, n in fired[k]):
                        visited[c] += ns["spike"]
                        leaves[name, neuron] = visited[c]
            assert found.updates[sample, k] == pytest.approx(max(visited.values()), rel=1e-12)
            packets = [
                (leaves.get((name, i), 0.0), p, i, name)
                for p, i, name in fired[k]
                if not (kinds[name] == "relay" and not placement.packets(name)[i])
            ]
            last = last_packet(packets, core, ends, net, chip)
            assert found.traffic[sample, k] == pytest.approx(last, rel=1e-9, abs=1e-18)
            whole = max(*visited.values(), last) + 100e-9
            assert found.lengths[sample, k] == pytest.approx(whole, rel=1e-12)
    assert found.driven == n_driven
    neurons = sum(int((placement.cores(n.name) >= 0).sum()) for n in placement.nodes if n.kind in ("neurons", "pool"))
    assert found.idle == 3 * 37 * neurons - n_driven


def last_packet(packets: Any, core: Any, ends: Any, net: Network, chip: Chip) -> float:
    """When the last of these is served: first come, first served, out of cores, over the bus, into cores."""
    multicast = chip.need("topology.packets") == "multicast"
    free: dict[Any, float] = defaultdict(float)

    def serve(station: Any, jobs: list[tuple[float, Any, float]]) -> list[tuple[float, Any]]:
        done = []
        for arrived, what, service in sorted(jobs, key=lambda job: job[0]):
            free[station] = max(free[station], arrived) + service
            done.append((free[station], what))
        return done

    heard = {one.pre.name for one in net.projections}  # others send off the chip
    out: dict[Any, list[Any]] = defaultdict(list)
    for leaves, _, neuron, name in sorted(packets):
        reached: dict[int, int] = defaultdict(int)
        for one in ends[name, neuron]:
            reached[core[one.post]] += 1
        here = core[name, neuron]
        targets = sorted(reached) or ([-1] if name not in heard else [])
        copies = [targets] if multicast and targets else [[target] for target in targets]
        out[here] += [(leaves, [(target, reached.get(target, 0)) for target in copy], (here, name)) for copy in copies]
    on_bus: list[Any] = []
    into: dict[int, list[Any]] = defaultdict(list)
    for here, jobs in out.items():
        part = "input" if here < 0 else "axon_out"
        for t, copy in serve(("out", here), [(t, copy, chip.need(f"{part}.service")) for t, copy, _ in jobs]):
            on_bus.append((t + chip.need(f"{part}.latency"), copy, chip.need("link.service")))
    last = 0.0
    for t, copy in serve("bus", on_bus):
        for target, n in copy:
            work = chip.work(n, n) if target >= 0 else chip.need("output.service")
            into[target].append((t + chip.need("link.latency"), "core" if target >= 0 else "output", work))
    for target, jobs in into.items():
        for t, part in serve(("in", target), jobs):
            last = max(last, t + chip.need(f"{part}.latency"))
    return last


# -- what the network sees --------------------------------------------------------------------------------------------


def test_a_chip_that_takes_longer_stretches_no_membrane() -> None:
    net, x = firing(3)
    runs = []
    for chip in (bus(), bus(link__service="1 s", core__per_synapse="1 s", time__barrier="1 s")):
        placed = chip.replace({"limits.neurons_per_core": 14}).place(net, step=0.25)
        runs.append(simulate(net, x, until=9.0, transport=placed, engine="reference"))
    assert runs[0].spikes.tobytes() == runs[1].spikes.tobytes()
    quick, slow = (hardware.step_times(run, engine="reference").seconds for run in runs)
    assert (slow > 1000 * quick).all()


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_spikes_go_on_at_steps(engine: str) -> None:
    net, placement = pair()
    placed = PlacedChip(outside(LOIHI), placement, step=0.5)
    x = SpikeTimes([[[0.0, 0.5, 0.6, 1.7, 2.0]]])
    run = simulate(net, x, until=5.0, transport=placed, record={"b": [0]}, engine=engine)
    times, _ = run.membrane("b", 0)
    assert [t for t in times.tolist() if t > 0] == [1.0, 1.5, 2.0, 3.0]  # and a delay of 1 behind; two come together
    latency = run.latency()
    assert latency.layer("a").delay.last == pytest.approx(0.4)  # type: ignore[union-attr]
    assert latency.layer("a").packets == 5


def test_both_engines_account_alike() -> None:
    net, x = firing(2)
    placed = bus(limits__neurons_per_core=14).place(net, step=0.25)
    run = simulate(net, x, until=9.0, transport=placed)
    one, other = (hardware.step_times(run, engine=engine) for engine in ("reference", "compiled"))
    for name in ("lengths", "updates", "traffic"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert one.stations == other.stations
    assert one.delays == other.delays


def test_a_sample_that_ends_early_has_fewer_steps_and_none_is_shorter_than_the_least() -> None:
    net = Network()
    net.source(1, "a")
    net.population("lif_delta", 1, "b", tau_mem=10.0)
    net.connect("a", "b", Dense([[2.0]]))
    placed = bus(time__step_min="5 us").place(net, step=1.0)
    run = simulate(
        net, SpikeTimes([[[2.0]], [[7.0]], [[]]]), until=9.0, stop={"b": 1}, transport=placed, engine="reference"
    )
    found = hardware.step_times(run, engine="reference")
    assert (~np.isnan(found.lengths)).sum(axis=1).tolist() == [3, 8, 10]
    assert np.unique(found.lengths[~np.isnan(found.lengths)]).tolist() == [5e-6]
    assert "the shortest step 21" in str(found)
    assert hardware.counted(run).barriers == 21
    assert hardware.counted(run).seconds == pytest.approx(21 * 5e-6)


# -- what is refused --------------------------------------------------------------------------------------------------


def test_what_steps_cannot_be_is_said() -> None:
    net, placement = pair()
    with pytest.raises(InputError, match=r"step is None; must be the length of a step in the network's unit"):
        outside(LOIHI).place(net)
    with pytest.raises(InputError, match=r"step = 0.5; must be None, since mesh has no steps"):
        hardware.chip("mesh").place(net, step=0.5)
    wrong: list[Any] = [0.0, -1.0, np.nan, "long"]
    for step in wrong:
        with pytest.raises(InputError, match=r"PlacedChip: step = .*; must be > 0, a finite number"):
            outside(LOIHI).place(net, step=step)
    for key, value in (("link_x.full", "drop"), ("axon_out.intake", 4), ("time.deadline", "1 us")):
        with pytest.raises(InputError, match=rf"{key}; must lose no packet"):
            outside(LOIHI).replace({key: value}).place(net, step=1.0)
    lacking = PlacedChip(outside(LOIHI).replace({"core.update_idle": None}), placement, step=1.0)
    run = simulate(net, SpikeTimes([[[2.0]]]), until=5.0, transport=lacking, engine="reference")
    with pytest.raises(InputError, match=r"core.update_idle is unknown"):
        hardware.step_times(run)
    on_loihi = PlacedChip(outside(LOIHI), placement, step=1.0)
    twice = simulate(net, SpikeTimes([[[2.1, 2.2]]]), until=5.0, transport=on_loihi, engine="reference")
    with pytest.raises(InputError, match=r"neuron 0 of 'a' fires 2 times in step 3 of sample 0; must fire once"):
        hardware.step_times(twice)
    with pytest.raises(InputError, match=r"not on a chip whose steps end at a barrier"):
        hardware.step_times(simulate(net, SpikeTimes([[[2.0]]]), engine="reference"))
    without = PlacedChip(outside(LOIHI), placement, log=False, step=1.0)
    with pytest.raises(InputError, match=r"nothing says when a sample ends"):
        hardware.step_times(simulate(net, SpikeTimes([[[2.0]]]), transport=without, engine="reference"))
    with pytest.raises(InputError, match=r"spikes of 'a' were not recorded"):
        hardware.step_times(
            simulate(
                net, SpikeTimes([[[2.0]]]), until=5.0, transport=on_loihi, record="first_spikes", engine="reference"
            )
        )
    with pytest.raises(InputError, match=r"run is a int; must be a Run"):
        hardware.step_times(3)  # type: ignore[arg-type]


# -- reports ----------------------------------------------------------------------------------------------------------


def test_a_report_has_both_times(tmp_path: Any, capsys: Any) -> None:
    net = Network()
    net.source(2, "a", value_range=(0.0, 1.0), window=(0.0, 1.0))
    net.population("ttfs_b1", 2, "b", (0.0, 1.0, 3.0), threshold=2.0)
    net.population("integrator", 2, "c", (1.0, 3.0))
    net.connect("a", "b", Dense([[0.9, 0.4], [0.2, 0.8]]))
    net.connect("b", "c", Dense([[1.0, -1.0], [-1.0, 1.0]]))
    x = np.array([[0.2, 0.7], [0.9, 0.0]])
    chip = outside(LOIHI)
    placed = chip.place(net, "by_layer", step=0.125)
    ideal, run = (simulate(net, x, transport=how, engine="reference") for how in (None, placed))
    report = hardware.report(run, ideal)
    steps = report.steps
    assert steps is not None
    assert steps.lengths.shape == (2, 25)
    assert "On loihi_sanafe, in steps of 0.125, " in report.statement
    said = str(report)
    until = steps.until(np.array([3.0, 3.0]))  # the read-out's t_min
    assert until[0] != until[1]
    assert f"decided after: {text_of(max(until), 's')} at most" in said
    for behind in (3.5, 1e6, np.inf):  # of the last step
        assert steps.until(np.array([behind, behind])).tolist() == pytest.approx(steps.seconds.tolist(), rel=1e-15)
    first = steps.lengths[:, 0].tolist()
    assert steps.until(np.array([0.0, 0.0])).tolist() == first
    mean = float(np.nansum(steps.lengths)) / 2
    assert f"a sample takes: {text_of(mean, 's')}, {1 / mean:.4g} a second, one behind the other" in said
    assert f"the longest step takes: {text_of(float(np.nanmax(steps.lengths)), 's')}" in said
    assert "of each step" in said
    assert "core 0 out" in said
    content = json.loads(report.to_json())
    assert content["steps"]["seconds"] == steps.seconds.tolist()
    assert content["ledger"]["barriers"] == 50
    assert content["throughput"] is None
    ledger = report.ledger
    assert ledger.neuron_updates_idle == 50 * 4 - (ledger.neuron_updates_driven or 0)
    assert ledger.packets == sum(one.packets for one in steps.stations if one.part in ("input", "axon_out"))
    net.save(tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", x)
    command = ["hardware", str(tmp_path / "net.npz"), str(tmp_path / "x.npy"), "--target", "loihi_sanafe"]
    free = [f"--set={part}.{name}=0 ns" for part in ("input", "output") for name in ("service", "latency")]
    free += [f"--set=output.{given}" for given in ("buffer=unlimited", "full=stall", "arbiter=first come")]
    assert main([*command, *free, "--step", "0.125", "--engine", "reference", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == content["steps"]
    assert main([*command, *free, "--engine", "reference"]) == 2
    assert "step is None; must be the length of a step" in capsys.readouterr().err


def test_a_run_from_a_file_needs_its_network(tmp_path: Any) -> None:
    net, placement = pair()
    run = simulate(net, SpikeTimes([[[2.0]]]), until=5.0, transport=PlacedChip(outside(LOIHI), placement, step=1.0))
    run.save(tmp_path / "run.npz")
    again = eventsim.load_run(tmp_path / "run.npz", net)
    assert hardware.step_times(again).lengths.tobytes() == hardware.step_times(run).lengths.tobytes()
    with pytest.raises(InputError, match=r"run does not have its network, whose neurons are updated"):
        hardware.step_times(eventsim.load_run(tmp_path / "run.npz"))


def test_a_step_may_be_given_as_a_fraction(tmp_path: Any) -> None:
    net = Network()
    net.connect(net.source(1, "input"), net.population("lif_delta", 1, "cells", tau_mem=10.0), Dense([[2.0]]))
    placed = outside(LOIHI).place(net, step=Fraction(1, 3))
    run = simulate(net, SpikeTimes([[[0.5]]]), until=2.0, transport=placed, engine="reference")
    assert placed.step == 1 / 3
    assert hardware.step_times(run, "reference").step == 1 / 3
    run.save(tmp_path / "run.npz")
    assert eventsim.load_run(tmp_path / "run.npz").provenance["transport"]["step"] == 1 / 3


def test_a_run_on_fractions_is_reported_on_by_the_engine_that_it_was_on() -> None:
    net = Network()
    net.source(1, "input")
    net.population("integrator", 1, "output", window=(Fraction(1), Fraction(2)))
    net.connect("input", "output", Dense(np.array([[Fraction(1, 3)]])))
    placed = outside(LOIHI).place(net, step=0.25)
    run = simulate(net, SpikeTimes(np.array([[Fraction(1, 7)]])), transport=placed, engine="reference")
    assert hardware.report(run).steps.n_steps == hardware.counted(run).barriers == 9  # type: ignore[union-attr]


def test_steps_that_cannot_be_worked_out_are_refused() -> None:
    net = Network()
    net.connect(net.source(1, "input"), net.population("lif_delta", 4, "cells", tau_mem=10.0), Dense([[2.0]] * 4))
    x, slow = SpikeTimes([[[0.5]]]), outside(LOIHI).slower(1e20)
    short = simulate(net, x, until=2.0, transport=outside(LOIHI).place(net, step=1e-9), engine="reference")
    with pytest.raises(InputError, match=r"step_times: 2,000,000,001 steps of 1e-09 with 4 neurons; must be at most"):
        hardware.step_times(short)
    long = simulate(net, x, until=2.0, transport=slow.place(net, step=1.0), engine="reference")
    with pytest.raises(InputError, match=r"step_times: packets of a step take longer than 5\.5e\+11 s; must be there"):
        hardware.step_times(long)
