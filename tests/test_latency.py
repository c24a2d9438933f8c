"""`Run.latency` against an example by hand, the fabric that is written with simpy, and plain loops over the log."""

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fabric_data import Fabric, Injection, Station, Stop
from fabric_networks import Given, as_network
from naive_fabric import simulate as naive
from random_fabrics import case
from test_fabric_engines import draw

import eventsim
from eventsim import Dense, InputError, Network, OneToOne, Sparse, SpikeTimes, simulate
from eventsim.engines.fabric_records import HOP_RECORD
from eventsim.errors import FileFormatError, SimulationError
from eventsim.fabric import AerBus, Hop
from eventsim.fabric.ticks import next_tick
from eventsim.run.due import due_times, longest_delays
from eventsim.run.packets import depth_times, inversions, on_ticks
from eventsim.run.run import Run

UNTIL = 100.0


def run_of(plain: Fabric, until: float = UNTIL, load: Any = None) -> Run:
    net, x, made, _ = as_network(plain, float, load)
    try:
        return simulate(net, x, transport=Given(made), until=until, engine="reference")
    except SimulationError as problem:
        return problem.run


# -- by hand -----------------------------------------------------------------------------------------------------------


def two_stations(**options: Any) -> Run:
    """Four spikes at t = 0 over a link of service 1 and a core of service 2 with one place: event-order.md has it."""
    route = (Stop(0, (Stop(1, leaf=0),)),)
    stations = [Station(service=1.0), Station(service=2.0, buffer=1, latency=0.5)]
    return run_of(Fabric(stations, [route] * 4, [Injection(0.0, 0, k, 0) for k in range(4)], **options))


def test_two_stations_by_hand() -> None:
    found = two_stations(deadline=5.0).latency()
    layer = found.layer("input")
    assert (layer.spikes, layer.packets, layer.lost, layer.missed, layer.late) == (4, 4, 0, 3, None)
    assert layer.emitted == (0.0, 0.0, 0.0, 0.0, 0.0)
    # The link ends at 1, 2, 3, 4 and passes on at 1, 2, 3, 5; the core takes 2 each from 1, 3, 5, 7 on, and 0.5 behind.
    assert layer.delivered == pytest.approx((3.5, 6.5, 9.2, 9.44, 9.5), rel=1e-15)
    assert found.deliveries["delivered"].tolist() == [3.5, 5.5, 7.5, 9.5]
    assert layer.delay == layer.delivered
    assert layer.hops == 8
    # At the link they wait 0, 1, 2 and, since it is blocked from 3 to 3 and from 4 to 5, 3; at the core 0, 1, 2 and 2.
    assert layer.waiting == (0 + 1 + 2 + 3 + 0 + 1 + 2 + 2) / 4
    assert layer.longest == 3.0
    assert layer.blocked == 1.0
    link, core = found.stations
    assert (link.packets, link.busy, link.utilisation) == (4, 4.0, 0.04)
    assert (link.waiting, link.longest, link.deepest) == (1.5, 3.0, 4)
    assert (link.blocked, link.blockings, link.dropped, link.late) == (1.0, 2, 0, 0)
    assert link.depths == (0.97, 0.01, 0.01, 0.01)
    assert link.depth == 0.06
    assert (core.packets, core.busy, core.waiting, core.longest) == (4, 8.0, 1.25, 2.0)
    assert core.depths == (0.95, 0.05)
    assert core.late == 3
    assert (found.inversions, found.pairs) == (0, 6)
    assert found.counted == {"spikes": 4, "packets": 4, "delivered": 4, "lost": 0, "under_way": 0}


def test_packets_that_come_too_late_and_are_lost_are_told_apart() -> None:
    found = two_stations(deadline=5.0, late="drop").latency().layer("input")
    assert (found.packets, found.lost, found.missed) == (1, 3, 3)


def test_a_packet_that_overtakes_is_an_inversion() -> None:
    slow, fast = (Stop(0, leaf=0),), (Stop(1, leaf=0),)
    plain = Fabric([Station(service=4.0), Station(service=1.0)], [slow, fast, fast], [
        Injection(0.0, 0, 0, 0), Injection(1.0, 0, 1, 0), Injection(3.0, 0, 2, 0),
    ])  # fmt: skip
    found = run_of(plain).latency()  # delivered at 4, 2 and 4, in the order of emission
    assert (found.inversions, found.pairs) == (1, 3)
    assert found.layer("input").inversions == 1


# -- against what shares nothing with it -------------------------------------------------------------------------------


def naive_inversions(rows: list[tuple[Any, float, float]]) -> int:
    return sum(a[0] == b[0] and (a[1] - b[1]) * (a[2] - b[2]) < 0 for a, b in itertools.combinations(rows, 2))


def test_inversions_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(1)
    for n in (0, 1, 2, 3, 7, 60):
        for values in (2, 5, 1000):
            group, first, second = rng.integers(3, size=n), rng.integers(values, size=n), rng.integers(values, size=n)
            rows = list(zip(group.tolist(), first.tolist(), second.tolist(), strict=True))
            assert inversions(group, first * 0.5, second * 0.1) == naive_inversions(rows)
    n = 100_000
    assert inversions(np.zeros(n, dtype=int), np.arange(n), -np.arange(n)) == n * (n - 1) // 2


def test_deliveries_are_at_the_ticks_of_the_engine() -> None:
    rng = np.random.default_rng(2)
    for tick in (0.0, 0.1, 0.25, 1.0, 1 / 3, 1e-300):
        times = np.concatenate([rng.uniform(0, 50, 500), np.arange(100) * tick, [0.0, 1e30]])
        assert on_ticks(times, tick).tolist() == [next_tick(t, tick) for t in times.tolist()]


def check_against_the_twin(number: int) -> bool:
    """One random fabric; return whether it lost or overtook anything."""
    drawn = case(number)
    plain = drawn.fabric
    net, x, made, n_inputs = as_network(plain, float, drawn.load)
    shift = len(made.cores["sink"])
    twin = naive(plain, lambda source, *rest: draw(source + (shift if source >= n_inputs else 0), *rest))
    if twin.deadlock:
        return False
    run = simulate(net, x, transport=Given(made), until=1e6, engine="reference")
    found = run.latency()
    names = [node.name for node in net.nodes]
    mine = found.deliveries
    first = np.array([n_inputs if name == "relay" else 0 for name in names])[mine["population"]]
    stationless = {
        (source, stop.leaf) for source, roots in enumerate(plain.routes) for stop in roots if stop.station is None
    }
    expected = sorted(
        (one.source, one.number, one.leaf, float(one.time))
        for one in twin.deliveries
        if (one.source, one.leaf) not in stationless
    )
    columns = (first + mine["neuron"], mine["number"], mine["core"], mine["delivered"])
    assert sorted(zip(*(column.tolist() for column in columns), strict=True)) == expected
    for layer in found.layers:
        sources = range(n_inputs) if layer.population == "input" else range(n_inputs, len(plain.routes))
        log = [one for one in twin.log if one.source in sources and layer.population in ("input", "relay")]
        served = [one for one in log if one.started is not None]
        assert layer.hops == len(served)
        assert layer.lost == sum(one.outcome in ("dropped", "late") for one in log)
        assert layer.longest == max((one.started - one.entered for one in served), default=0)
        assert layer.blocked == pytest.approx(sum(one.left - one.ended for one in served), rel=1e-12, abs=1e-12)
        assert layer.spikes == len({(one.source, one.number) for one in log})
        if plain.deadline is not None:
            last = [one for one in served if one.outcome in ("delivered", "late")]
            ages = [one.left + plain.stations[one.station].latency - one.emitted for one in last]
            assert layer.missed == sum(age > plain.deadline for age in ages)
        came = mine[mine["population"] == names.index(layer.population)]
        rows = list(zip(came["core"].tolist(), came["emitted"].tolist(), came["delivered"].tolist(), strict=True))
        assert layer.inversions == naive_inversions(rows)
        assert layer.pairs == sum(a[0] == b[0] for a, b in itertools.combinations(rows, 2))
    for k, (station, counters) in enumerate(zip(found.stations, twin.counters, strict=True)):
        assert (station.packets, station.dropped, station.blockings) == (
            counters.served, counters.dropped, counters.blockings,
        )  # fmt: skip
        waited = sorted(
            float(one.started - one.entered) for one in twin.log if one.station == k and one.started is not None
        )
        assert station.waiting == pytest.approx(sum(waited) / len(waited) if waited else 0.0, rel=1e-12)
        assert station.waiting_p95 == pytest.approx(np.percentile(waited, 95) if waited else 0.0, rel=1e-12)
        assert station.depth == pytest.approx(float(counters.area) / 1e6, rel=1e-12)
        # The share of time at each depth, weighted, is the mean that the engine has counted in another way.
        mean = math.fsum(depth * share for depth, share in enumerate(station.depths))
        assert mean == pytest.approx(station.depth, rel=1e-9)
        assert math.fsum(station.depths) == pytest.approx(1.0, rel=1e-12)
    return bool(found.counted["lost"] or found.inversions)


def test_random_fabrics_are_measured_as_the_twin_has_them() -> None:
    shown = sum(check_against_the_twin(number) for number in range(150))
    assert shown > 50


def test_depths_are_those_of_a_clock_that_looks_all_the_time() -> None:
    rng = np.random.default_rng(3)
    log = np.zeros(60, dtype=HOP_RECORD)
    log["sample"], log["station"] = np.sort(rng.integers(2, size=60)), rng.integers(3, size=60)
    log["entered"] = rng.integers(20, size=60)
    log["started"] = log["entered"] + rng.integers(6, size=60)
    found = depth_times(log, 3, np.array([40.0, 40.0]))
    for station in range(3):
        counted = np.zeros(61)
        for sample, step in itertools.product(range(2), range(40)):
            mine = log[(log["station"] == station) & (log["sample"] == sample)]
            counted[int(((mine["entered"] <= step) & (step < mine["started"])).sum())] += 1
        assert found[station].tolist() == counted[: len(found[station])].tolist()
        assert not counted[len(found[station]) :].any()


def test_a_station_without_packets_had_none_waiting_all_the_time() -> None:
    found = depth_times(np.zeros(0, dtype=HOP_RECORD), 2, np.array([0.25, 3.5]))
    assert [times.tolist() for times in found] == [[3.75], [3.75]]


def test_a_chain_of_pools_may_be_long() -> None:
    net = Network()
    net.source(1, "pool 0")
    for k in range(1, 1_200):
        net.population("relay", 1, f"pool {k}")
        net.connect(f"pool {k - 1}", f"pool {k}", eventsim.OneToOne([1.0]), delay=0.5)
    net.population("integrator", 1, "output", window=(0.0, 1000.0))
    net.connect("pool 1199", "output", Dense([[1.0]]))
    due = due_times(net)
    assert (due["output"], due["pool 1199"], due["pool 1"]) == (1000.0, 1000.0, 1000.0 - 1198 * 0.5)


# -- what arrives too late ---------------------------------------------------------------------------------------------


def layered(until_t_min: float = 1.0) -> Network:
    """Two inputs, a layer with a window, a pool without a place of its own, and a read-out."""
    net = Network(time_unit=1e-6)
    net.source(2, "input")
    net.population("ttfs_b1", 2, "layer", window=(0.0, until_t_min, 4.0), threshold=[0.5, 1.0])
    net.population("relay", 1, "pool", (0.0, until_t_min, 4.0))
    net.population("integrator", 1, "output", window=(until_t_min, 4.0))
    net.connect("input", "layer", Dense([[0.5, 0.25], [1.0, 1.0]]))
    net.connect("layer", "pool", Dense([[1.0, 1.0]]))
    net.connect("pool", "output", Dense([[1.0]]))
    net.connect("layer", "output", Dense([[0.5, 0.5]]), delay=0.25)
    return net


def test_an_input_of_a_pool_is_due_when_what_is_behind_it_is() -> None:
    net = layered()
    assert due_times(net) == {"layer": 1.0, "pool": 4.0, "output": 4.0}
    net = Network()
    net.source(2, "input")
    for name in ("first", "second"):
        net.population("relay", 2, name)
    net.population("integrator", 2, "output", window=(0.0, 4.0))
    net.population("integrator", 2, "later", window=(0.0, 5.0))
    net.connect("input", "first", OneToOne([1.0, 1.0]))
    net.connect("first", "second", OneToOne([1.0, 1.0]), delay=0.25)
    net.connect("second", "output", OneToOne([1.0, 1.0]), delay=0.5)
    net.connect("second", "later", OneToOne([1.0, 1.0]), delay=1.25)
    assert due_times(net) == {"first": 3.25, "second": 3.5, "output": 4.0, "later": 5.0}


def test_late_packets_are_those_that_reach_a_layer_at_its_t_min() -> None:
    net = layered()
    for service, late, overrun in ((0.25, 0, -0.5), (0.5, 1, 0.0), (0.75, 1, 0.5)):
        run = simulate(net, SpikeTimes([[[0.0], [0.0]]]), transport=Bus(service), engine="reference")
        found = run.latency()
        layer = found.layer("input")
        assert (layer.late, layer.overrun) == (late, overrun)
        assert run.counters["by_population"]["layer"]["late"] == 2 * late  # at two synapses each
        assert found.late_by_sample is not None
        assert found.late_by_sample[0].tolist()[0] == late
        assert found.first_late == ("input" if late else None)


def test_own_delays_count_with_their_longest() -> None:
    net = Network()
    net.source(1, "input")
    net.population("ttfs_b1", 2, "layer", window=(0.0, 1.0, 4.0), threshold=[0.5, 1.0])
    net.connect("input", "layer", Sparse([0, 0], [0, 1], [0.25, 0.25], [0.125, 0.75]))
    run = simulate(net, SpikeTimes([[[0.0]]]), transport=Bus(0.25), engine="reference")
    layer = run.latency().layer("input")
    assert (layer.late, layer.overrun) == (1, 0.0)
    assert run.counters["late"] == 1


def test_the_longest_delay_to_a_core_is_of_the_synapses_there() -> None:
    """Three cores, of which nothing came to the middle one."""
    net = Network()
    net.source(2, "input")
    net.population("lif_delta", 4, "cells", tau_mem=10.0)
    net.connect("input", "cells", Sparse([0, 0, 0, 1, 1], [0, 1, 3, 2, 3], np.ones(5), [0.5, 2.0, 1.0, 4.0, 0.25]))
    core = np.array([0, 0, 1, 2])
    found = longest_delays(net.projections[0], core, np.array([0, 2]))
    assert found.tolist() == [[2.0, 1.0], [0.0, 0.25]]
    assert longest_delays(net.projections[0], core, np.array([1])).tolist() == [[0.0], [4.0]]
    net.connect("input", "cells", Dense(np.ones((4, 2))), delay=0.75)
    assert longest_delays(net.projections[1], core, np.array([0, 2])).tolist() == [[0.75, 0.75]] * 2


class Bus(AerBus):
    """A bus with a log."""

    name = "logged_bus"

    def fabric(self, net: Network) -> Any:
        made = super().fabric(net)
        return type(made)(made.stations, made.routes, made.route_of, log=True)


# -- as a value --------------------------------------------------------------------------------------------------------


def test_a_run_from_a_file_has_the_same_latency(tmp_path: Path) -> None:
    net = layered()
    run = simulate(net, SpikeTimes([[[0.0], [0.25]], [[0.5], [math.inf]]]), transport=Bus(0.5), engine="reference")
    run.save(tmp_path / "run.npz")
    found = run.latency()
    assert eventsim.load_run(tmp_path / "run.npz", net).latency().to_json() == found.to_json()
    alone = eventsim.load_run(tmp_path / "run.npz").latency()
    assert alone.layer("input").late is None
    assert alone.late_by_sample is None
    assert [one.delivered for one in alone.layers] == [one.delivered for one in found.layers]
    assert "?" in str(alone.table())


def test_json_has_all_that_the_tables_have() -> None:
    found = two_stations().latency()
    content = json.loads(found.to_json())
    assert [one["population"] for one in content["layers"]] == ["input", "sink"]
    assert content["layers"][0]["delay"]["last"] == 9.5
    assert content["stations"][1]["depths"] == [0.95, 0.05]
    assert str(found).count("station 0") == 1
    assert repr(found) == "Latency: 4 packets delivered over 2 stations"
    assert len(found.station_table(1)) == 1
    assert "the 1 busiest of 2" in found.station_table(1)


def test_samples_without_an_end_have_no_utilisation() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=10.0)
    net.connect("input", "cell", Dense([[2.0]]))
    silent = simulate(net, SpikeTimes([[[math.inf]]]), transport=Bus(0.5), engine="reference").latency()
    assert silent.station("bus").utilisation is None
    assert silent.layer("input").emitted is None
    assert "bus" in str(silent)
    ended = simulate(net, SpikeTimes([[[1.0]]]), transport=Bus(0.5), engine="reference").latency()
    assert ended.durations.tolist() == [1.5]  # the last packet
    assert ended.station("bus").utilisation == pytest.approx(1 / 3)


def test_what_waits_at_the_end_of_a_run_waits_until_then() -> None:
    route = (Stop(0, leaf=0),)
    plain = Fabric([Station(service=4.0)], [route] * 3, [Injection(0.0, 0, k, 0) for k in range(3)])
    found = run_of(plain, until=2.0).latency()
    assert found.station("station 0").depth == 2.0
    assert found.counted["delivered"] == 0


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("ideal", "run.latency: the run has no transport; must have one, whose packets are looked at. Simulate with"),
        ("no log", "run.latency: the transport of the run kept no log; must have one. Simulate with a transport that"),
        ("earlier", "run.latency: the run was saved by an eventsim that did not say what its stations are; must be"),
    ],
)
def test_runs_without_packets_are_refused(what: str, message: str) -> None:
    transport = {"ideal": None, "no log": AerBus(0.5), "earlier": Bus(0.5)}[what]
    run = simulate(layered(), SpikeTimes([[[0.0], [0.25]]]), transport=transport, engine="reference")
    if what == "earlier":
        del run.provenance["fabric"]
    with pytest.raises(InputError, match=message):
        run.latency()


def test_unknown_names_are_answered_with_the_nearest() -> None:
    found = two_stations().latency()
    with pytest.raises(InputError, match="latency: population = 'imput', did you mean 'input'"):
        found.layer("imput")
    with pytest.raises(InputError, match="latency: station = 3; must be one of station 0, station 1"):
        found.station(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("stations", ["bus", "bus"]), ("stations", None), ("fabric", 3), ("fabric", {"parts": ["link"]}),
        ("fabric", {"parts": ["link"], "latencies": [-1.0], "deadline": None, "tick": 0.0}),
        ("fabric", {"parts": ["link"], "latencies": [0.0], "deadline": "x", "tick": 0.0}),
        ("fabric", {"parts": [1], "latencies": [0.0], "deadline": None, "tick": 0.0}),
    ],
)  # fmt: skip
def test_files_that_do_not_say_what_stations_are_are_refused(tmp_path: Path, entry: str, value: Any) -> None:
    run = simulate(layered(), SpikeTimes([[[0.0], [0.25]]]), transport=Bus(0.5), engine="reference")
    run.provenance[entry] = value
    run.save(tmp_path / "run.npz")
    with pytest.raises(FileFormatError, match=r"provenance\['stations'\]"):
        eventsim.load_run(tmp_path / "run.npz")


def test_hops_whose_times_are_not_in_order_are_refused(tmp_path: Path) -> None:
    run = simulate(layered(), SpikeTimes([[[0.0], [0.25]]]), transport=Bus(0.5), engine="reference")
    assert run.records.hops is not None
    run.records.hops["left"][0] = math.nan
    run.save(tmp_path / "run.npz")
    with pytest.raises(FileFormatError, match="the times of a record of array 'hops' are not in order"):
        eventsim.load_run(tmp_path / "run.npz")


def test_a_part_that_a_chip_does_not_have_is_refused() -> None:
    net = layered()
    senders = {projection.pre.name: projection.pre.size for projection in net.projections}
    made = eventsim.fabric.Fabric(
        (eventsim.fabric.Station("one", part="lnk"),), ((Hop(0, core=0),),),
        {name: np.zeros(size, dtype=np.int64) for name, size in senders.items()},
    )  # fmt: skip
    with pytest.raises(eventsim.FaultError, match="fabric: station 'one': part = 'lnk'"):
        simulate(net, SpikeTimes([[[0.0], [0.0]]]), transport=Given(made), engine="reference")
