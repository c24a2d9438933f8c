"""`hardware.report` and the ledger of a run on a chip, against plain loops over the log and the spikes."""

import itertools
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fabric_networks import Given

import eventsim
from eventsim import Dense, InputError, Network, SpikeTimes, fabric, hardware, models, simulate
from eventsim.engines.fabric_records import ARRIVED, NO_ROOM
from eventsim.fabric import AerBus
from eventsim.hardware import report
from eventsim.hardware.throughput import Throughput
from eventsim.run.run import Run

LAYERS = ["input", "dense1", "dense2", "output"]


def network(time_unit: float | None) -> tuple[Network, Any]:
    """A small dense TTFS network, and data."""
    rng = np.random.default_rng(5)
    weights = [rng.normal(size=(12, 6)) / 2, rng.normal(size=(10, 12)) / 2, rng.normal(size=(3, 10))]
    relu = models.read_relu({"weights": weights, "biases": [rng.normal(size=len(w)) / 10 for w in weights]})
    x = rng.random((30, 6))
    return models.to_ttfs(relu, x, time_unit=time_unit), x


def chip(**more: Any) -> hardware.Chip:
    return hardware.chip("mesh").replace({"limits.neurons_per_core": 4, **more})


@pytest.fixture(scope="module")
def runs() -> tuple[Network, Run, Run]:
    """On a chip that is too slow for the network, so that decisions flip; and ideal."""
    net, x = network(1e-7)
    placed = chip().place(net, "linear")
    return net, simulate(net, x, engine="reference", transport=placed), simulate(net, x, engine="reference")


# -- the ledger --------------------------------------------------------------------------------------------------------


def test_a_ledger_counts_what_the_log_has(runs: tuple[Network, Run, Run]) -> None:
    net, run, _ = runs
    names, log = run.provenance["stations"], run.records.hops
    assert log is not None
    found: dict[str, int] = dict.fromkeys(("hops_x", "hops_y", "axon_in", "axon_out", "input_packets"), 0)
    for one in log:
        assert one["outcome"] != NO_ROOM
        name = names[one["station"]]
        if name == "input":
            found["input_packets"] += 1
        elif name.endswith(" out"):
            found["axon_out"] += 1
        elif name.startswith("core"):
            found["axon_in"] += 1
        else:
            (ax, ay), (bx, by) = (eval(end) for end in name.split(" to ")[:2])  # noqa: S307 - "(0, 0) to (1, 0)"
            found["hops_x" if ay == by and ax != bx else "hops_y"] += 1
    ledger = hardware.counted(run)
    counted = ledger.counts()
    assert {name: counted[name] for name in found} == found
    assert min(found.values()) > 0
    assert ledger.packets == found["axon_out"] + found["input_packets"]
    assert (ledger.hops, ledger.output_packets) == (0, 0)
    updates = 0  # a packet updates each neuron that it reaches
    for one in log[log["outcome"] == ARRIVED]:
        name = run.populations[one["population"]]
        for projection in net.projections:
            if projection.pre.name == name:
                targets, _ = projection.kind.synapses(int(one["neuron"]))
                cores = run.provenance["transport"]["placement"]["populations"][projection.post.name]
                on = {k: core for first, last, core in cores for k in range(first, last + 1)}
                updates += sum(on[int(target)] == one["core"] for target in targets)
    assert ledger.neuron_updates_driven == ledger.synaptic_operations == updates
    latest = run.latency().deliveries
    last = [max(latest["delivered"][latest["sample"] == k]) for k in range(run.n_samples)]
    end = max(t for window in run.windows.values() if window for t in window if t < math.inf)
    assert ledger.seconds == pytest.approx(1e-7 * math.fsum(max(end, t) for t in last), rel=1e-14)


def test_the_energy_of_a_run_is_its_ledger_times_prices(runs: tuple[Network, Run, Run]) -> None:
    loihi = hardware.chip("loihi")
    assert runs[1].energy(loihi) == hardware.price(hardware.counted(runs[1]), loihi) == loihi.bill(runs[1])
    with pytest.raises(InputError, match=r"run.energy: prices is a str; must be a chip, which has prices. Give"):
        runs[1].energy("loihi")


def test_what_a_bus_does_not_tell_is_unknown() -> None:
    net, x = network(1e-6)
    ledger = hardware.counted(simulate(net, x[:2], engine="reference", transport=AerBus(0.001)))
    assert ledger.hops is not None
    assert ledger.hops > 0
    assert (ledger.packets, ledger.hops_x, ledger.axon_in) == (None, None, None)
    assert hardware.counted(simulate(net, x[:2], engine="reference")).hops is None


def test_updates_are_unknown_where_a_packet_may_have_two_synapses_at_a_neuron_or_steps_decide() -> None:
    def updates(net: Network, one: hardware.Chip) -> int | None:
        run = simulate(net, SpikeTimes([[[0.0]]]), engine="reference", until=9.0, transport=one.place(net))
        return hardware.counted(run).neuron_updates_driven

    def twice(n: int) -> Network:
        net = Network(time_unit=1e-6)
        net.source(1, "input")
        net.population("lif_delta", 2, "cells", tau_mem=10.0)
        for _ in range(n):
            net.connect("input", "cells", Dense([[0.5], [0.5]]))
        return net

    assert updates(twice(1), chip()) == 2
    assert updates(twice(2), chip()) is None
    assert updates(twice(1), chip(**{"time.discipline": "tick", "time.tick": "1 us"})) is None


def test_a_second_of_a_fast_chip_is_shorter() -> None:
    net, x = network(1e-3)
    slow, fast = (
        simulate(net, x[:1], engine="reference", transport=one.place(net))
        for one in (chip(), chip(**{"time.speedup": 1000}))
    )
    assert report(fast).seconds_a_unit == 1e-6
    for run, second in ((slow, 1e-3), (fast, 1e-6)):
        assert hardware.counted(run).seconds == run.latency().durations[0] * second


# -- decisions ---------------------------------------------------------------------------------------------------------


def test_flips_and_their_first_layers_are_those_of_plain_loops(runs: tuple[Network, Run, Run]) -> None:
    net, run, ideal = runs
    found = report(run, ideal).flips
    assert found is not None
    flipped = [k for k in range(run.n_samples) if run.predictions[k] != ideal.predictions[k]]
    assert 0 < len(flipped) < run.n_samples
    assert found.samples.tolist() == flipped
    assert found.share == len(flipped) / run.n_samples
    due = {one.name: one.window[1] for one in net.populations if one.window is not None}
    late: dict[str, int] = {}
    changed: dict[str, int] = {}
    time: dict[str, float] = defaultdict(float)
    came = run.latency().deliveries
    for k in flipped:
        mine = came[came["sample"] == k]
        for pre, post in itertools.pairwise(LAYERS):
            if (mine["delivered"][mine["population"] == run.populations.index(pre)] >= due[post]).any():
                late[pre] = late.get(pre, 0) + 1
                break
        for name in LAYERS:
            if (run.spike_times(name)[k] != ideal.spike_times(name)[k]).any():
                changed[name] = changed.get(name, 0) + 1
                before = {run.populations.index(one) for one in LAYERS[: LAYERS.index(name)]}
                for hop in run.records.hops:  # type: ignore[union-attr]
                    if hop["sample"] == k and hop["population"] in before and hop["outcome"] != NO_ROOM:
                        time[run.provenance["stations"][hop["station"]]] += float(hop["left"] - hop["entered"])
                break
    assert (found.late, found.changed) == (late, changed)
    assert list(found.stations) == sorted(found.stations, key=lambda name: -found.stations[name])
    assert found.stations == pytest.approx({name: one / sum(time.values()) for name, one in time.items() if one})
    assert found.first == next(name for name in LAYERS if name in late)


def test_a_read_out_decides_at_its_t_min_and_needs_all_packets(runs: tuple[Network, Run, Run]) -> None:
    net, run, ideal = runs
    found = report(run, ideal).decision
    assert found is not None
    window = net.node("output").window
    assert window is not None
    assert found.decided.tolist() == [window[1]] * run.n_samples
    came = run.latency().deliveries
    last = [
        max(came["delivered"][(came["sample"] == k) & (came["population"] == run.populations.index("dense2"))])
        for k in range(run.n_samples)
    ]
    assert found.needed is not None
    assert found.needed.tolist() == last
    assert found.margin is not None
    assert found.margin.tolist() == [window[1] - t for t in last]
    assert found.least_margin == window[1] - max(last)


def test_a_spike_decides_and_needs_what_came_until_then() -> None:
    net = Network(time_unit=1e-6)
    net.source(3, "input")
    net.population("if_delta", 2, "output", v_threshold=1.0)
    net.connect("input", "output", Dense([[0.6, 0.6, 0.1], [0.3, 0.3, 1.0]]))
    one = hardware.chip("mesh").replace({"core.per_synapse": "0 ns", "core.axon_in": "100 ns", "input.service": "0 ns"})
    x = SpikeTimes([[[0.0], [1.0], [2.0]], [[0.0], [math.inf], [5.0]], [[math.inf]] * 3])
    ideal, run = (
        simulate(net, x, engine="reference", transport=transport) for transport in (None, one.place(net, "linear"))
    )
    found = report(run, ideal, output="output")
    assert found.decision is not None
    # Nothing but the core takes time: 0.1 for each packet. The third packet of sample 0 comes after the decision.
    assert found.decision.decided.tolist() == [1.1, 5.1, math.inf]
    assert found.decision.needed is not None
    assert found.decision.needed.tolist() == [1.1, 5.1, -math.inf]
    assert found.decision.least_margin == 0.0
    assert found.flips is not None
    assert (found.flips.n_samples, found.flips.samples.tolist(), found.flips.first) == (3, [], None)
    assert found.statement == "On mesh, with 1 us a unit of time, no decision of 3 flips and no layer is late."


def test_a_read_out_that_delays_alone_change_is_the_first_that_differs() -> None:
    """No neuron fires, and every packet is in time; the second one waits half a unit for the first."""
    net = Network(time_unit=1e-6)
    net.source(2, "input")
    net.population("integrator", 2, "output", window=(0.0, 4.0))
    net.connect("input", "output", eventsim.OneToOne([1.0, 1.125]))
    one = hardware.chip("mesh").replace({"core.per_synapse": "0 ns", "core.axon_in": "500 ns", "input.service": "0 ns"})
    x = SpikeTimes([[[1.0], [1.0]], [[1.0], [2.0]]])
    ideal, run = (simulate(net, x, engine="reference", transport=to) for to in (None, one.place(net, "linear")))
    found = report(run, ideal)
    assert found.flips is not None
    assert (found.flips.late, found.flips.changed, found.flips.first) == ({}, {"output": 1}, "output")
    assert found.flips.stations == {"core 0": 1.0}
    assert found.statement.endswith("(1 of 2); no layer of these is late, the first one that differs is output.")


def test_what_is_not_known_is_not_said(runs: tuple[Network, Run, Run], tmp_path: Path) -> None:
    """Of a run from a file without its network nobody knows whom packets are late for."""
    _, run, ideal = runs
    run.save(tmp_path / "run.npz")
    alone = eventsim.load_run(tmp_path / "run.npz")
    assert report(alone, ideal).statement.endswith("; the first layer that differs is dense1.")
    assert report(alone).statement.endswith(f"{run.latency().counted['delivered']:,} packets were delivered.")
    net, x = network(1e-3)
    quick, same = (simulate(net, x, engine="reference", transport=one) for one in (chip().place(net, "linear"), None))
    quick.save(tmp_path / "quick.npz")
    assert report(quick, same).statement.endswith("no decision of 30 flips and no layer is late.")
    assert report(eventsim.load_run(tmp_path / "quick.npz"), same).statement.endswith("no decision of 30 flips.")


def test_packets_that_are_lost_are_said_where_no_decision_flips() -> None:
    net = Network(time_unit=1e-3)
    net.source(2, "input")
    net.population("integrator", 2, "output", window=(0.0, 1.0))
    net.connect("input", "output", eventsim.OneToOne([0.5, 0.25]))
    x = SpikeTimes([[[0.25], [0.25]]])
    lossy = chip(**{"input.intake": 1})
    run, ideal = (simulate(net, x, engine="reference", transport=one) for one in (lossy.place(net, "linear"), None))
    assert report(run, ideal).statement.endswith("no decision of 1 flips, although 1 packet is lost.")
    assert report(run).statement.endswith("no layer is late and 1 packet is lost.")


def test_what_comes_to_a_pool_that_leads_to_the_read_out_is_needed() -> None:
    net = Network(time_unit=1e-6)
    net.source(2, "input")
    net.population("ttfs_b1", 2, "layer", window=(0.0, 1.0, 4.0), threshold=[0.5, 1.0])
    net.population("relay", 2, "inner", (0.0, 1.0, 4.0))
    net.population("relay", 1, "pool", (0.0, 1.0, 4.0))
    net.population("integrator", 2, "output", window=(1.0, 4.0))
    net.connect("input", "layer", Dense([[0.5, 0.25], [1.0, 1.0]]))
    net.connect("layer", "inner", eventsim.OneToOne([1.0, 1.0]))
    net.connect("inner", "pool", Dense([[1.0, 1.0]]))
    net.connect("pool", "output", Dense([[1.0], [0.5]]))
    run = simulate(net, SpikeTimes([[[0.0], [0.25]]]), engine="reference", transport=chip().place(net, "by_layer"))
    found = report(run).decision
    assert found is not None
    assert run.latency().layer("inner").packets == run.latency().layer("pool").packets == 0  # at the read-out's core
    came = run.latency().deliveries
    assert found.needed is not None
    assert found.needed.tolist() == [max(came["delivered"][came["population"] == run.populations.index("layer")])]
    assert found.needed[0] < 4.0


# -- throughput --------------------------------------------------------------------------------------------------------


def test_a_new_sample_can_begin_when_every_stage_is_free(runs: tuple[Network, Run, Run]) -> None:
    _, run, _ = runs
    found = report(run).throughput
    assert found is not None
    came, log = run.latency().deliveries, run.records.hops
    assert log is not None
    for k, name in enumerate(run.populations):
        window = [t for t in run.windows[name] or () if t < math.inf]
        ends = [window[-1], *came["delivered"][came["population"] == k].tolist()]
        assert found.stages[name] == max(ends) - window[0]
    for k, name in enumerate(run.provenance["stations"]):
        held = [
            math.fsum((one["left"] - one["started"]) for one in log[(log["station"] == k) & (log["sample"] == sample)])
            for sample in range(run.n_samples)
        ]
        assert found.stages[f"station {name}"] == pytest.approx(max(held), rel=1e-9)
    assert found.period == max(found.stages.values())
    assert found.stages[found.bottleneck] == found.period
    assert found.per_second(1e-7) == 1 / (found.period * 1e-7)
    assert Throughput({"a": 0.0}).per_second(1.0) is None


def test_a_station_is_occupied_while_it_is_blocked() -> None:
    net = Network()
    net.source(4, "input")
    net.population("if_delta", 1, "sink", v_threshold=9.0)
    net.connect("input", "sink", Dense([[1.0] * 4]))
    stations = fabric.Station("link", service=1.0), fabric.Station("core", service=2.0, buffer=1)
    route = fabric.Hop(0, (fabric.Hop(1, core=0),))
    made = fabric.Fabric(stations, ((route,),), {"input": np.zeros(4, dtype=np.int64)}, log=True)
    run = simulate(net, SpikeTimes([[[0.0]] * 4]), engine="reference", transport=Given(made), until=20.0)
    found = report(run).throughput
    assert found is not None
    assert found.stages == {"input": 9.0, "sink": 20.0, "station link": 5.0, "station core": 8.0}


def test_a_layer_without_a_window_is_occupied_as_long_as_the_sample_takes() -> None:
    net = Network(time_unit=1e-6)
    net.source(1, "input")
    net.population("lif_delta", 1, "cells", tau_mem=10.0)
    net.connect("input", "cells", Dense([[2.0]]))
    run = simulate(net, SpikeTimes([[[0.5]]]), engine="reference", transport=chip().place(net), until=8.0)
    found = report(run)
    assert found.throughput is not None
    assert found.throughput.stages["cells"] == 8.0
    assert found.flips is None
    assert found.decision is None


def test_both_engines_make_one_report(runs: tuple[Network, Run, Run]) -> None:
    net, run, ideal = runs
    x = network(1e-7)[1]
    same = simulate(net, x, transport=chip().place(net, "linear"))
    assert report(same, ideal).to_json() == report(run, ideal).to_json()


# -- as a value --------------------------------------------------------------------------------------------------------


def test_the_report_says_it_in_a_sentence_a_table_and_json(runs: tuple[Network, Run, Run]) -> None:
    _, run, ideal = runs
    found = report(run, ideal)
    assert found.flips is not None
    n = len(found.flips.samples)
    sentence = f"On mesh, with 100 ns a unit of time, {100 * n / 30:.3g} % of decisions flip ({n} of 30); "
    assert found.statement == f"{sentence}the first layer that is late is {found.flips.first}."
    assert found.statement in found.table()
    assert "pools are: at their receivers" in found.table()
    assert repr(found) == f"Report: {found.statement}"
    shown = str(found)
    assert "a new sample can begin every" in shown
    assert "total on mesh: unknown" in shown
    content = json.loads(found.to_json())
    assert content["flips"]["flipped"] == found.flips.samples.tolist()
    assert content["latency"]["layers"][1]["late"] == found.latency.layer("dense1").late
    assert content["energy"]["total"] is None
    assert content["ledger"]["hops_x"] == found.ledger.hops_x
    assert report(run).flips is None
    assert report(run).statement.endswith(f"the first layer that is late is {found.latency.first_late}.")


def test_the_report_says_where_pools_are(runs: tuple[Network, Run, Run]) -> None:
    net, x = network(1e-6)
    run = simulate(net, x[:1], engine="reference", transport=chip().place(net, pools="neurons"))
    assert (report(run).pools, report(runs[1]).pools) == ("neurons", "receiver")
    assert "pools are: placed as neurons" in report(run).table()


def test_prices_may_be_those_of_another_chip(runs: tuple[Network, Run, Run]) -> None:
    found = report(runs[1], prices=hardware.chip("loihi"))
    assert found.bill == runs[1].energy(hardware.chip("loihi"))
    assert str(found.energy()) == str(found.bill)
    assert json.loads(found.to_json())["energy"]["grade"] == "pre-silicon"


class LoggedBus(AerBus):
    """A bus with a log."""

    name = "report_bus"

    def fabric(self, net: Network) -> Any:
        made = super().fabric(net)
        return type(made)(made.stations, made.routes, made.route_of, log=True)


def test_a_transport_that_is_no_chip_has_no_prices() -> None:
    net, x = network(None)
    run = simulate(net, x[:2], engine="reference", transport=LoggedBus(0.001))
    found = report(run)
    assert (found.target, found.bill, found.seconds_a_unit, found.pools) == ("report_bus", None, None, "")
    assert found.statement == "On report_bus, no layer is late."
    assert "times in units of the network" in found.table()
    with pytest.raises(InputError, match="report: report_bus has no prices; must have some for an energy"):
        found.energy()


@dataclass(frozen=True)
class Chipped(LoggedBus):
    """A transport of one's own, whose arguments are called as those of a placed chip are."""

    chip: str = "silicon"
    placement: str = "central"
    step: float = 2.0

    name = "chipped"


def test_only_a_placed_chip_is_taken_for_one() -> None:
    net = Network(time_unit=1e-6)
    net.connect(net.source(1, "input"), net.population("lif_delta", 1, "cells", tau_mem=10.0), Dense([[0.5]]))
    x = SpikeTimes([[[0.0, 1.0]]])
    run = simulate(net, x, engine="reference", transport=Chipped(0.125))
    found, ledger = hardware.report(run, prices=hardware.chip("loihi")), hardware.counted(run)
    assert (found.target, found.pools, found.steps) == ("chipped", "", None)
    assert ledger.seconds == 1.125e-6
    with pytest.raises(InputError, match="step_times: the run was not on a chip whose steps end at a barrier"):
        hardware.step_times(run)


@pytest.mark.parametrize(
    ("chip", "placement", "message"),
    [
        ("mesh", None, r"PlacedChip: chip = 'mesh'; must be a Chip\. Give e\.g\. hardware\.chip"),
        (hardware.chip("mesh"), 3, r"PlacedChip: placement = 3; must be a Placement\. Let chip\.place"),
        ({"name": "x", "title": "", "note": "", "facts": {}, "sources": ["ab", "c"]}, {}, "of a chip is damaged"),
    ],
)
def test_what_is_no_placed_chip_is_refused(chip: Any, placement: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        hardware.PlacedChip(chip, placement)


def test_lost_packets_are_responsible_too() -> None:
    net, x = network(1e-6)
    lossy = chip(**{"input.intake": 1, "input.service": "400 ns"})
    run, ideal = (simulate(net, x, engine="reference", transport=one) for one in (lossy.place(net, "linear"), None))
    found = report(run, ideal)
    assert found.flips is not None
    assert found.flips.late["input"] == len(found.flips.samples) > 0
    assert found.statement.endswith("the first layer that is late or loses packets is input.")
    assert run.latency().layer("input").lost > 0


def test_packets_that_are_lost_are_responsible_where_none_is_late() -> None:
    net = Network(time_unit=1e-3)
    net.source(2, "input")
    net.population("integrator", 2, "output", window=(0.0, 1.0))
    net.connect("input", "output", eventsim.OneToOne([0.5, 1.0]))
    x = SpikeTimes([[[0.25], [0.25]], [[0.25], [0.75]]])
    lossy = chip(**{"input.intake": 1})  # of inputs at one time one finds room
    run, ideal = (simulate(net, x, engine="reference", transport=one) for one in (lossy.place(net, "linear"), None))
    found = report(run, ideal)
    assert found.flips is not None
    assert (found.flips.samples.tolist(), found.flips.late) == ([0], {"input": 1})
    layer = run.latency().layer("input")
    assert (layer.packets, layer.lost, layer.late) == (3, 1, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ideal": "data"}, "report: ideal is a run of other samples; must differ from the run in nothing but"),
        ({"ideal": "network"}, "report: ideal is a run of another network; must differ from the run in nothing but"),
        ({"ideal": "seed"}, "report: ideal is a run of another seed; must differ from the run in nothing but"),
        ({"ideal": "faults"}, "report: ideal is a run of other faults; must differ from the run in nothing but"),
        ({"ideal": "pixels"}, "report: ideal is a run of other data: 'input' sent other spikes; must differ from"),
        ({"ideal": "chip"}, "report: ideal is a run with a transport, too; must be one without"),
        ({"ideal": 3}, "report: ideal is a int; must be a Run"),
        ({"run": 3}, "report: run is a int; must be a Run"),
        ({"run": "ideal"}, "run.latency: the run has no transport"),
        ({"prices": "loihi"}, "report: prices = 'loihi'; must be a Chip"),
        ({"output": "dens2"}, "report: output = 'dens2', did you mean 'dense2'"),
        ({"output": "input"}, "report: output = 'input'; must be one of dense1, dense2, output"),
        ({"output": "output"}, "report: output = 'output', a read-out, which never fires"),
    ],
)
def test_what_cannot_be_reported_on_is_refused(runs: tuple[Network, Run, Run], change: Any, message: str) -> None:
    _, run, ideal = runs
    other, x = network(1e-6)
    given = {"run": run, "ideal": ideal} | change
    if given["ideal"] == "data":
        given["ideal"] = simulate(runs[0], x[:29], engine="reference")
    if given["ideal"] == "pixels":
        given["ideal"] = simulate(runs[0], x[::-1], engine="reference")
    if given["ideal"] == "chip":
        given["ideal"] = run
    if given["ideal"] == "network":
        given["ideal"] = simulate(other, x, engine="reference")
    if given["ideal"] == "seed":
        given["ideal"] = simulate(runs[0], network(1e-7)[1], engine="reference", seed=1)
    if given["ideal"] == "faults":
        given["ideal"] = simulate(runs[0], network(1e-7)[1], engine="reference", faults=eventsim.faults.SpikeLoss(0.5))
    if given["run"] == "ideal":
        given["run"] = ideal
    with pytest.raises(InputError, match=message):
        report(given.pop("run"), given.pop("ideal"), **given)


def test_what_cannot_be_counted_is_refused(runs: tuple[Network, Run, Run]) -> None:
    with pytest.raises(InputError, match=r"counted: run is a int; must be a Run\. Give what simulate returned"):
        hardware.counted(3)  # type: ignore[arg-type]
    for steps in (3, "x"):
        with pytest.raises(InputError, match=r"counted: steps = .*; must be the StepTimes of a run whose steps"):
            hardware.counted(runs[1], steps)  # type: ignore[arg-type]


def test_a_run_that_ended_early_is_refused() -> None:
    net, x = network(1e-6)
    with pytest.raises(eventsim.BudgetError) as problem:
        simulate(net, x, engine="reference", transport=chip().place(net), max_events=50)
    assert problem.value.run is not None
    with pytest.raises(InputError, match=r"counted: run ended early; must be complete"):
        report(problem.value.run)
