"""Figures of packets: every mark is what the log of the run says, and what cannot be drawn is refused."""

# mypy: disable-error-code="arg-type, index, union-attr"

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fabric_networks import Given
from figures_by_hand import note_of, one, png_size, small_run, with_gid
from matplotlib.figure import Figure

import eventsim
from eventsim import InputError, fabric, hardware, models, viz
from eventsim.engines.fabric_records import (
    ARRIVED,
    BLOCKED,
    BUSY,
    DEEPEST,
    DROPPED,
    LONGEST,
    SERVED,
    WAITED,
)
from eventsim.fabric import Fabric, Hop, Station
from eventsim.inspection.logged_way import logged_way, served_before
from eventsim.inspection.packets import carried, deliveries, hops_of
from eventsim.models import digits
from eventsim.run.spans import durations
from eventsim.run.station_load import station_loads
from eventsim.viz.packet_path import pieces
from eventsim.viz.station_load import MOST_BELOW, WHICH, station_values

Run = eventsim.Run
FIGURES: dict[str, Any] = {
    "timeline": viz.timeline,
    "station_load": viz.station_load,
    "waiting_histogram": viz.waiting_histogram,
    "delivered_raster": viz.delivered_raster,
    "packet_path": lambda run: viz.packet_path(run, 0, "input", 0),
}


def on_mesh(packets: str) -> Run:
    """Two images on 13 cores of a mesh, in windows so short that packets queue and come too late."""
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0], windows="certified", time_unit=3e-6)
    images = digits.test_images()[0][:2]
    return eventsim.simulate(net, images, transport=on_mesh_chip(packets).place(net), engine="reference")


def on_mesh_chip(packets: str = "multicast") -> hardware.Chip:
    return hardware.chip("mesh").replace({"limits.neurons_per_core": 144, "topology.packets": packets})


@pytest.fixture(scope="module")
def run() -> Run:
    return on_mesh("multicast")


def by_hand(
    first: Station, second: Station, times: list[float], tick: float = 0.0, until: Any = None, **late: Any
) -> Run:
    """A source whose spikes take two stations, one behind the other, to a cell that hears them a unit later."""
    net = eventsim.Network(time_unit=1e-9)
    net.source(len(times), "input")
    net.population("if_delta", 1, "cell", v_threshold=10.0)
    net.connect("input", "cell", eventsim.Dense(np.ones((1, len(times)))), delay=1.0)
    route_of = {"input": np.zeros(len(times), int)}
    made = Fabric((first, second), ((Hop(0, (Hop(1, core=0),)),),), route_of, tick=tick, log=True, **late)
    trains = eventsim.SpikeTimes([[[t] for t in times]])
    return eventsim.simulate(net, trains, transport=Given(made), engine="reference", until=until)


@pytest.fixture(scope="module")
def queue() -> Run:
    """Spikes at 0: the second waits for the first; the third is blocked until the second has left its place."""
    return by_hand(Station("a", service=1.0, latency=0.5), Station("b", service=2.0, buffer=1), [0.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def losing() -> Run:
    """Of three spikes at 0 and one at 5 two find no room."""
    return by_hand(Station("a", service=1.0, intake=1), Station("b", service=0.5, latency=0.25), [0.0, 0.0, 0.0, 5.0])


def found(ax: Any, gid: str) -> list[Any]:
    return [artist for artist in ax.findobj() if artist.get_gid() == gid]


def hops(run: Run, sample: int = 0) -> list[Any]:
    return [record for record in run.records.hops if record["sample"] == sample]


def latency(run: Run, record: Any) -> float:
    """Links of the mesh have one of 1 ns; no other station has any."""
    return 1e-9 / 3e-6 if " to " in run.provenance["stations"][record["station"]] else 0.0


def heard(run: Run, population: str, sample: int = 0) -> list[tuple[float, int]]:
    """When spikes reach a population, and how many synapses at once: packets, and pools that are at their receivers."""
    net = run._network
    placement = placement_of(run)
    came = [
        (run.populations[one["population"]], int(one["neuron"]), int(one["core"]), one["left"] + latency(run, one))
        for one in hops(run, sample)
        if one["outcome"] == ARRIVED
    ]
    for name in ("pool1", "pool2"):
        for neuron, t in enumerate(run.spike_times(name)[sample].tolist()):
            if t < math.inf and not placement.packets(name)[neuron]:
                came.append((name, neuron, int(placement.cores(name)[neuron]), t))
    arrivals = []
    for projection in net.projections:
        if projection.post.name == population:
            for sender, neuron, core, t in came:
                if sender == projection.pre.name:
                    targets = projection.kind.synapses(neuron)[0]
                    n = int(np.count_nonzero(placement.cores(population)[targets] == core))
                    arrivals += [(t, n)] if n else []
    return arrivals


def placement_of(run: Run) -> Any:
    return on_mesh_chip().place(run._network).placement


# -- the timeline -----------------------------------------------------------------------------------------------------


def ends(bar: Any) -> tuple[float, float]:
    return bar.get_x(), bar.get_x() + bar.get_width()


@pytest.mark.parametrize("sample", [0, 1])
def test_a_timeline_has_the_first_and_last_input_and_spike_of_each_layer(run: Run, sample: int) -> None:
    ax = viz.timeline(run, sample)
    for name in run.populations:
        spikes = run.spike_times(name)[sample]
        spikes = spikes[spikes < math.inf]
        if spikes.size:
            assert ends(one(ax, f"spikes {name}")) == pytest.approx((spikes.min(), spikes.max()), abs=1e-12)
        arrivals = [t for t, _ in heard(run, name, sample)]
        if arrivals:
            assert ends(one(ax, f"inputs {name}")) == pytest.approx((min(arrivals), max(arrivals)), abs=1e-9)
        assert bool(arrivals) == (name != "input")


def test_late_inputs_are_marked_and_counted_as_the_run_counts_them(run: Run) -> None:
    drawn = [viz.timeline(run, sample) for sample in range(run.n_samples)]
    assert run.counters["late"] > 0
    for name in run.populations[1:]:
        t_min = run.windows[name][1]
        notes = [note_of(ax, name) for ax in drawn]
        if name.startswith("pool"):
            assert all("late" not in note for note in notes)
            continue
        counted = [int(note.partition(" of ")[0].replace(",", "")) for note in notes]
        assert sum(counted) == run.counters["by_population"][name]["late"]
        for sample, ax in enumerate(drawn):
            late = sorted({t for t, _ in heard(run, name, sample) if t >= t_min})
            marks = [float(segment[0, 0]) for found in with_gid(ax, f"late {name}") for segment in found.get_segments()]
            assert bool(marks) == bool(late)
            if late:
                assert marks[0] == pytest.approx(late[0], abs=1e-9)
                assert {round(t, 6) for t in marks} <= {round(t, 6) for t in late}
    first = [note_of(drawn[0], name) for name in ("conv1", "conv2", "output")]
    total = sum(int(note.partition(" of ")[0].replace(",", "")) for note in first)
    assert drawn[0].get_title(loc="left") == f"sample 0: {total:,} inputs late"


def test_the_ground_of_a_row_is_the_window_of_its_layer(run: Run) -> None:
    ax = viz.timeline(run)
    for name, window in run.windows.items():
        assert window is not None
        t_min, t_max = window[-2:]
        if t_max < math.inf:
            assert ends(one(ax, f"window {name}")) == (t_min, t_max)
        if len(window) == 3:
            assert ends(one(ax, f"gathering {name}")) == (window[0], t_min)
    assert not with_gid(ax, "window output")


def test_a_delay_counts_when_inputs_come(queue: Run) -> None:
    bar = one(viz.timeline(queue), "inputs cell")
    assert ends(bar) == (4.5, 8.5)  # delivered at 3.5, 5.5 and 7.5


def test_the_white_stroke_is_at_the_median() -> None:
    run = by_hand(Station("a"), Station("b"), [0.0, 1.0, 6.0])
    ax = viz.timeline(run)
    at = {what: one(ax, f"median {what}").get_segments()[0][0, 0] for what in ("inputs cell", "spikes input")}
    assert at == {"inputs cell": 2.0, "spikes input": 1.0}


def test_a_spike_is_an_input_of_the_populations_with_synapses_of_its_neuron_alone() -> None:
    net = eventsim.Network()
    net.source(2, "input")
    for name, neuron in (("a", 0), ("b", 1)):
        net.population("if_delta", 1, name, v_threshold=10.0)
        net.connect("input", name, eventsim.Sparse([neuron], [0], [1.0]))
    made = Fabric((Station("bus", service=1.0),), ((Hop(0, core=0),),), {"input": np.zeros(2, int)}, log=True)
    run = eventsim.simulate(net, eventsim.SpikeTimes([[[0.0], [5.0]]]), transport=Given(made), engine="reference")
    ax = viz.timeline(run)
    assert ends(one(ax, "inputs a")) == (1.0, 1.0)
    assert ends(one(ax, "inputs b")) == (6.0, 6.0)
    assert note_of(ax, "a") == "1 input, 0 spikes"


# -- the load of stations ---------------------------------------------------------------------------------------------


def test_a_core_and_a_link_have_the_numbers_of_their_stations(run: Run) -> None:
    counters, names = run.records.stations, run.provenance["stations"]
    end = max(t for window in run.windows.values() for t in window or () if t < math.inf)
    lasted = [max(end, *(one["left"] + latency(run, one) for one in hops(run, sample))) for sample in (0, 1)]
    expected = {
        "utilisation": counters[:, :, BUSY].sum(axis=0) / sum(lasted),
        "blocked": counters[:, :, BLOCKED].sum(axis=0) / sum(lasted),
        "waiting": counters[:, :, WAITED].sum(axis=0) / counters[:, :, SERVED].sum(axis=0) * 3.0,
        "longest": counters[:, :, LONGEST].max(axis=0) * 3.0,
        "packets": counters[:, :, SERVED].sum(axis=0) / 2,
        "dropped": counters[:, :, DROPPED].sum(axis=0) / 2,
        "deepest": counters[:, :, DEEPEST].max(axis=0),
    }
    assert {*expected} == {*WHICH}
    for which, values in expected.items():
        for cores, pattern in (("core", "core {}"), ("axon_out", "core {} out")):
            ax = viz.station_load(run, which=which, cores=cores)
            used = [k for k in range(16) if pattern.format(k) in names]
            (shades,) = found(ax, "values")
            there = np.array([values[names.index(pattern.format(k))] for k in used])
            assert shades.get_array().tolist() == pytest.approx(there.tolist(), abs=1e-9)
        widths = {}
        for k, name in enumerate(names):
            if " to " in name:
                start, end_ = (eval(tile) for tile in name.split(" to "))  # noqa: S307 - a pair of numbers
                (arrow,) = found(ax, f"link {start[0] + 4 * start[1]} {end_[0] + 4 * end_[1]}")
                widths[values[k]] = arrow.get_linewidth()
        assert [width for _, width in sorted(widths.items())] == sorted(widths.values())
    assert "not on the plan: input: " in ax.get_xlabel()


def test_the_load_of_one_sample_is_its_own(run: Run) -> None:
    counted = run.records.stations[1, :, SERVED]
    ax = viz.station_load(run, which="packets", sample=1, title="mine")
    (shades,) = found(ax, "values")
    names = run.provenance["stations"]
    assert shades.get_array().tolist() == [counted[names.index(f"core {k}")] for k in range(16) if f"core {k}" in names]
    assert ax.get_title(loc="left") == "mine"
    assert viz.station_load(run, which="packets", sample=1).get_title(loc="left") == "packets a sample, sample 1"


def test_the_load_of_one_sample_is_that_of_a_run_of_it_alone(run: Run) -> None:
    net = run._network
    x, placed = digits.test_images()[0][1:2], on_mesh_chip().place(net)
    alone = eventsim.simulate(net, x, transport=placed, engine="reference", sample_ids=[1])
    assert station_loads(run, durations(run), 1) == station_loads(alone, durations(alone))
    for which in WHICH:
        np.testing.assert_array_equal(station_values(run, which, 1), station_values(alone, which))


def test_a_wait_of_roundings_is_none_whatever_is_asked() -> None:
    """As of times that are no dyadic numbers: here of some ulps of the time of the run."""
    run = by_hand(Station("a", service=1.0), Station("b", service=0.5), [0.0, 0.0, 0.0])
    run.records.stations[:, 1, [WAITED, LONGEST]] = 1e-15
    assert station_values(run, "waiting").tolist() == [1.0, 0.0]
    assert station_values(run, "longest").tolist() == [2.0, 0.0]


def test_links_that_lead_to_no_core_are_said_below_the_plan() -> None:
    net = eventsim.Network(time_unit=1e-6)
    net.source(8, "input")
    net.population("if_delta", 8, "a", v_threshold=0.5)
    net.population("if_delta", 8, "b", v_threshold=0.5)
    net.connect("input", "a", eventsim.OneToOne(np.ones(8)))
    net.connect("a", "b", eventsim.Dense(np.ones((8, 8))))
    given = {"input.service": "5 ns", "output.service": "5 ns"}
    chip = hardware.chip("aer_bus").replace(
        {"topology.kind": "star", "topology.cores": 8, "limits.neurons_per_core": 2, **given}
    )
    spikes = eventsim.SpikeTimes([[[float(k)] for k in range(8)]])
    star = eventsim.simulate(net, spikes, transport=chip.place(net), engine="reference", until=50.0)
    ax = viz.station_load(star, which="packets")
    said = " ".join(ax.get_xlabel().split())
    off = [name for name in star.provenance["stations"] if not name.startswith("core")]
    assert said.count(":") == 2 + MOST_BELOW
    assert f"{len(off) - MOST_BELOW} more with less" in said
    assert not [artist for artist in ax.findobj() if str(artist.get_gid()).startswith("link")]


# -- waits ------------------------------------------------------------------------------------------------------------


def test_every_packet_is_in_the_histogram_of_its_kind_of_station(run: Run) -> None:
    names = run.provenance["stations"]
    axes = viz.waiting_histogram(run)
    kinds = {"input": ["input"], "axon_out": [name for name in names if name.endswith("out")]}
    drawn = {ax.get_title(loc="left").partition(" ")[0].partition("\n")[0]: ax for ax in axes}
    assert {*drawn} == {"input", "axon_out", "link_x", "link_y", "core"}
    for kind, stations in kinds.items():
        counted(run, drawn[kind], [names.index(name) for name in stations])
    links = [k for k, name in enumerate(names) if " to " in name]
    along_x = [k for k in links if names[k].split(" to ")[0].split(", ")[1] == names[k].split(" to ")[1].split(", ")[1]]
    counted(run, drawn["link_x"], along_x)
    counted(run, drawn["link_y"], [k for k in links if k not in along_x])


def counted(run: Run, ax: Any, stations: list[int]) -> None:
    waits = [one["started"] - one["entered"] for one in run.records.hops if one["station"] in stations]
    waited = sum(wait > 1e-12 for wait in waits)
    assert found(ax, "histogram")[0].get_data().values.sum() == waited
    assert found(ax, "none")[0].get_data().values.tolist() == [len(waits) - waited]
    assert f"{waited / len(waits):.1%} of {len(waits):,} wait" in ax.get_title(loc="left")


def test_waits_are_in_the_bins_that_they_belong_to(queue: Run) -> None:
    a, b = viz.waiting_histogram(queue, stations=["a", "b"], bins=4)
    for ax, waits in ((a, [1.0, 2.0]), (b, [1.0, 1.5])):
        data = found(ax, "histogram")[0].get_data()
        assert data.edges == pytest.approx(np.geomspace(1.0, 2.0, 5))
        assert data.values.tolist() == np.histogram(waits, data.edges)[0].tolist()
        assert found(ax, "none")[0].get_data().values.tolist() == [1]
        assert ax.get_xlabel() == "waiting (ns)"
    assert a.get_title(loc="left") == "a\n66.7% of 3 wait\nmean 1.5 ns, longest 2 ns"
    assert [ax.get_title(loc="left").partition("\n")[0] for ax in viz.waiting_histogram(queue)] == ["a", "b"]


def test_what_found_no_room_has_not_waited(losing: Run) -> None:
    (a,) = viz.waiting_histogram(losing, stations="a")
    assert found(a, "none")[0].get_data().values.tolist() == [2]
    assert a.get_title(loc="left") == "a\n0.0% of 2 wait\n"


# -- journeys ---------------------------------------------------------------------------------------------------------


def test_a_line_leads_from_each_emission_to_the_last_delivery_and_each_delivery_is_a_dot(run: Run) -> None:
    ax = viz.delivered_raster(run)
    for order, name in enumerate(run.populations[:-1]):
        came = [one for one in hops(run) if one["outcome"] == ARRIVED and one["population"] == order]
        times = sorted(one["left"] + latency(run, one) for one in came)
        assert sorted(one(ax, f"deliveries {name}").get_xdata().tolist()) == pytest.approx(times)
        last: dict[tuple[float, int], float] = {}
        for packet in came:
            key = float(packet["emitted"]), int(packet["neuron"])
            last[key] = max(last.get(key, 0.0), packet["left"] + latency(run, packet))
        lines = one(ax, f"journeys {name}").get_segments()
        drawn = sorted((float(line[0, 0]), float(line[1, 0])) for line in lines)
        assert drawn == [pytest.approx(pair) for pair in sorted((emitted, end) for (emitted, _), end in last.items())]
        assert all(line[0, 1] == line[1, 1] for line in lines)
        spikes = run.spike_times(name)[0]
        assert sorted(one(ax, f"spikes {name}").get_xdata()) == sorted(spikes[spikes < math.inf])


def test_many_journeys_are_an_image_of_how_many_are_under_way(queue: Run) -> None:
    ax = viz.delivered_raster(queue, max_points=0, populations=["input"], time=(0.0, 10.0))
    image = one(ax, "spikes input").get_array()
    # Each of the three is under way in the columns from 0 until it is delivered, at 3.5, 5.5 and 7.5 of 10.
    columns = np.ma.filled(image, 0.0).sum(axis=0)
    for t in (0.05, 3.4, 3.6, 5.4, 5.6, 7.4, 7.6, 9.9):
        at = int(t / 10.0 * columns.size)
        assert round(columns[at] * 3 / image.shape[0]) == sum(t < end for end in (3.5, 5.5, 7.5))
    last = 3.5 / 10.0 * columns.size  # where a border of columns is
    assert [round(columns[int(last) + k] * 3 / image.shape[0]) for k in (0, 1)] == [3, 2]
    assert not with_gid(ax, "journeys input")


def test_a_stretch_shows_what_is_under_way_in_it(queue: Run) -> None:
    ax = viz.delivered_raster(queue, time=(4.0, 6.0))
    assert one(ax, "deliveries input").get_xdata().tolist() == [5.5, 7.5]
    assert ax.get_xlim() == (4.0, 6.0)
    ax = viz.delivered_raster(queue, neurons={"input": [2]})
    assert one(ax, "deliveries input").get_xdata().tolist() == [7.5]


@pytest.fixture(scope="module")
def too_late() -> Run:
    """Of three spikes at 0 the first is in time; the others are lost behind the second station, for which they wait."""
    late = {"deadline": 3.0, "late": "drop"}
    return by_hand(Station("a"), Station("b", service=2.0, latency=0.5), [0.0, 0.0, 0.0], **late)


def test_what_is_lost_as_late_is_lost_when_it_leaves(too_late: Run) -> None:
    assert one(viz.delivered_raster(too_late), "lost input").get_xdata().tolist() == [4.0, 6.0]
    assert station_values(too_late, "dropped").tolist() == [0.0, 2.0]


def test_lost_packets_are_crosses(losing: Run) -> None:
    ax = viz.delivered_raster(losing)
    assert one(ax, "lost input").get_xdata().tolist() == [0.0, 0.0]
    assert one(ax, "deliveries input").get_xdata().tolist() == [1.75, 6.75]
    assert note_of(ax, "input") == "4 spikes, 2 deliveries after 1.75 ns at most, 2 lost"
    assert ax.get_title(loc="left") == "sample 0: 2 deliveries, 2 lost"


# -- the way of one packet --------------------------------------------------------------------------------------------


def bars(ax: Any) -> list[tuple[str, float, float]]:
    """What stands in the bars, from when to when, in the order of their rows and times."""
    names = ("under way", "waiting", "service", "blocked")
    there = [(bar, gid) for gid in names for bar in found(ax, gid)]
    there.sort(key=lambda one: (round(one[0].get_y() + one[0].get_height() / 2, 6), one[0].get_x()))
    return [(gid, *ends(bar)) for bar, gid in there]


def test_a_path_has_the_waits_services_and_blocks_of_its_packet(queue: Run) -> None:
    ax = viz.packet_path(queue, 0, "input", 2)
    assert bars(ax) == [
        ("waiting", 0.0, 2.0), ("service", 2.0, 3.0), ("blocked", 3.0, 3.5),
        ("under way", 3.5, 4.0), ("waiting", 4.0, 5.5), ("service", 5.5, 7.5),
    ]  # fmt: skip
    assert note_of(ax, "a") == "waits 2 ns for 2 (input 0, input 1); served 1 ns; blocked 500 ps"
    assert note_of(ax, "b") == "waits 1.5 ns for 1 (input 1); served 2 ns"
    assert found(ax, "end")[0].get_xdata()[0] == 7.5
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["under way", "waiting", "service", "blocked"]
    assert ax.get_title(loc="left") == "input neuron 2, sample 0: 7.5 ns, 53% of it waiting or blocked"
    assert ax.get_xlabel() == "since emission (ns)"


def test_a_packet_that_is_delivered_waits_for_the_tick() -> None:
    ticking = by_hand(Station("a", service=0.5), Station("b", service=1.0, latency=0.25), [0.0, 0.0], tick=2.0)
    ax = viz.packet_path(ticking, 0, "input", 0)
    assert bars(ax) == [
        ("service", 0.0, 0.5), ("service", 0.5, 1.5), ("under way", 1.5, 1.75), ("waiting", 1.75, 2.0),
    ]  # fmt: skip
    assert found(ax, "end")[0].get_xdata()[0] == 2.0
    assert one(viz.delivered_raster(ticking), "deliveries input").get_xdata().tolist() == [2.0, 4.0]
    assert ends(one(viz.timeline(ticking), "inputs cell")) == (3.0, 5.0)


def test_a_packet_waits_for_those_that_a_blocked_station_holds() -> None:
    """It comes to a at 3.5, when a has served the packet before it, and holds it until 4."""
    run = by_hand(Station("a", service=1.0), Station("b", service=3.0, buffer=1), [0.0, 0.0, 0.0, 3.5])
    assert run.records.hops["left"][run.records.hops["station"] == 0].tolist() == [1.0, 2.0, 4.0, 7.0]
    for neuron, before in ((3, [2]), (2, [0, 1]), (1, [0]), (0, [])):
        way = logged_way("test", run, carried("test", run), 0, "input", neuron)
        found = served_before(hops_of("test", run, 0), 0, way.legs[0])
        assert found["neuron"].tolist() == before
        plain = [
            int(one["neuron"])
            for one in hops(run)
            if one["station"] == 0 and one["started"] < way.legs[0].started and one["left"] > way.legs[0].entered
        ]
        assert sorted(found["neuron"].tolist()) == sorted(plain)


def test_what_needs_no_packet_goes_on_at_ticks_too() -> None:
    """A pool at its receivers: what it receives comes at a tick and, over a delay, a quarter of one later."""
    net = eventsim.Network(time_unit=1e-6)
    net.source(2, "input")
    net.population("relay", 2, "pool")
    net.population("if_delta", 2, "cells", v_threshold=0.5)
    net.connect("input", "pool", eventsim.OneToOne([1.0, 1.0]), delay=0.25)
    net.connect("pool", "cells", eventsim.OneToOne([1.0, 1.0]))
    placed = hardware.chip("mesh").replace({"time.tick": "1 us"}).place(net)
    spikes = eventsim.SpikeTimes([[[0.5], [2.0]]])
    run = eventsim.simulate(net, spikes, transport=placed, engine="reference", until=9.0)
    assert run.spike_times("cells")[0].tolist() == [2.0, 4.0]
    came = deliveries("test", run, 0, carried("test", run))
    local = came[came["population"] == net.node("pool").order]
    assert local[["emitted", "delivered"]].tolist() == [(1.25, 2.0), (3.25, 4.0)]


def test_a_lost_packet_ends_where_it_found_no_room(losing: Run) -> None:
    ax = viz.packet_path(losing, 0, "input", 1)
    assert bars(ax) == []
    assert note_of(ax, "a") == "no room: lost"
    assert one(ax, "name lost: no room")
    assert found(ax, "end")[0].get_marker() == "x"


def test_of_several_ways_the_one_is_drawn_whose_packet_came_last() -> None:
    """It left its last station first, but was under way longer behind it."""
    net = eventsim.Network(time_unit=1e-9)
    net.source(1, "input")
    net.population("if_delta", 2, "cells", v_threshold=10.0)
    net.connect("input", "cells", eventsim.Dense(np.ones((2, 1))))
    stations = Station("far", service=1.0, latency=5.0), Station("near", service=3.0)
    routes = ((Hop(0, core=0), Hop(1, core=1)),)
    made = Fabric(stations, routes, {"input": np.zeros(1, int)}, {"cells": np.array([0, 1])}, log=True)
    run = eventsim.simulate(net, eventsim.SpikeTimes([[[0.0]]]), transport=Given(made), engine="reference")
    way = logged_way("test", run, carried("test", run), 0, "input", 0)
    assert (way.core, way.delivered) == (0, 6.0)


def test_a_packet_that_the_end_of_the_run_finds_under_way_has_the_stations_that_it_has_left() -> None:
    early = by_hand(Station("a", service=1.0), Station("b", service=2.0), [0.0, 0.0], until=2.5)
    ax = viz.packet_path(early, 0, "input", 1)
    assert bars(ax) == [("waiting", 0.0, 1.0), ("service", 1.0, 2.0)]
    assert found(ax, "end")[0].get_marker() == ">"
    assert one(ax, "name under way")


def test_of_populations_that_were_not_recorded_the_first_spikes_are_shown(run: Run) -> None:
    net = run._network
    assert net is not None
    chip = hardware.chip("mesh").replace({"limits.neurons_per_core": 144}).place(net)
    x = digits.test_images()[0][:1]
    some = eventsim.simulate(net, x, transport=chip, engine="reference", record=["conv1"])
    mine, all_of_them = viz.timeline(some), viz.timeline(run)
    for name in run.populations:
        assert note_of(mine, name) == note_of(all_of_them, name)


@pytest.mark.parametrize("packets", ["multicast", "unicast"])
def test_the_legs_of_every_packet_join(packets: str) -> None:
    run = on_mesh(packets)
    stations, on = run.provenance["stations"], carried("test", run)
    placement = placement_of(run)
    served: dict[int, list[tuple[float, float]]] = {}
    for hop in hops(run, 1):
        served.setdefault(int(hop["station"]), []).append((float(hop["started"]), float(hop["left"])))
    ends_of_routes = [one for one in hops(run, 1) if one["outcome"] == ARRIVED]
    for packet in ends_of_routes[:: max(len(ends_of_routes) // 150, 1)]:
        name = run.populations[packet["population"]]
        core = int(packet["core"])
        chain = logged_way("test", run, on, 1, name, int(packet["neuron"]), core=core)
        start = int(placement.cores(name)[packet["neuron"]])
        names = [leg.station for leg in chain.legs]
        assert names[0] == ("input" if start < 0 else f"core {start} out")
        assert names[1:] == [*way(max(start, 0), core), f"core {core}"]
        assert chain.legs[0].sent == chain.emitted == packet["emitted"]
        for before, leg in zip(chain.legs, chain.legs[1:], strict=False):
            assert leg.sent == before.left
            assert leg.entered >= leg.sent
        assert chain.delivered == packet["left"] + latency(run, packet)
        total = sum(end - begin for leg in chain.legs for _, begin, end in pieces(leg))
        assert total + latency(run, packet) == pytest.approx(chain.delivered - chain.emitted)
        for leg in chain.legs:
            station = stations.index(leg.station)
            ahead = sum(s < leg.started and left > leg.entered for s, left in served[station])
            assert len(served_before(hops_of("test", run, 1), station, leg)) == ahead
            assert bool(ahead) or leg.started == pytest.approx(leg.entered, abs=1e-12)


def way(start: int, end: int) -> list[str]:
    """The links from one core of a mesh of four by four to another, along x first."""
    (x, y), (to_x, to_y), names = (start % 4, start // 4), (end % 4, end // 4), []
    while (x, y) != (to_x, to_y):
        step = (x + (1 if to_x > x else -1), y) if x != to_x else (x, y + (1 if to_y > y else -1))
        names.append(f"({x}, {y}) to ({step[0]}, {step[1]})")
        x, y = step
    return names


def test_the_t_min_of_a_receiver_is_where_it_is_since_the_emission(run: Run) -> None:
    t_min = run.windows["conv2"][1]
    pool = run.populations.index("pool1")
    came = [one for one in hops(run) if one["outcome"] == ARRIVED and one["population"] == pool]
    late = max((one for one in came if one["emitted"] < t_min), key=lambda one: one["left"])
    neuron, core = int(late["neuron"]), int(late["core"])
    ax = viz.packet_path(run, 0, "pool1", neuron, core=core)
    (line,) = with_gid(ax, "t_min conv2")
    emitted = float(late["emitted"])
    assert line.get_segments()[0][0, 0] == pytest.approx((t_min - emitted) * 3.0)
    assert one(ax, f"name delivered to core {core}")


# -- all of them ------------------------------------------------------------------------------------------------------


def test_the_t_min_of_layers_on_a_core_that_a_packet_does_not_reach_is_no_concern_of_it() -> None:
    """Three layers on one core, of which the packet reaches one over a delay, and one behind a pool."""
    net = eventsim.Network(time_unit=1e-6)
    net.source(1, "input")
    for name, t_min in (("a", 2.0), ("b", 3.0), ("c", 4.0)):
        net.population("ttfs_b1", 1, name, (0.0, t_min, 9.0), threshold=5.0)
    net.population("relay", 1, "pool", (0.0, 4.0, 9.0))
    net.connect("input", "a", eventsim.Dense([[1.0]]), delay=0.5)
    net.connect("input", "pool", eventsim.Dense([[1.0]]))
    net.connect("pool", "c", eventsim.Dense([[1.0]]))
    net.connect("a", "b", eventsim.Dense([[1.0]]))
    chip = hardware.chip("mesh").replace({"core.axon_in": "6 us"})
    run = eventsim.simulate(net, eventsim.SpikeTimes([[[0.25]]]), transport=chip.place(net), engine="reference")
    ax = viz.packet_path(run, 0, "input", 0)
    lines = {name: with_gid(ax, f"t_min {name}") for name in run.populations}
    assert {name for name, found in lines.items() if found} == {"a", "pool"}
    at = {name: lines[name][0].get_segments()[0][0, 0] for name in ("a", "pool")}
    assert at == pytest.approx({"a": 2.0 - 0.5 - 0.25, "pool": 4.0 - 0.25})  # in us, since the emission
    texts = [text.get_text() for text in ax.texts]
    assert {r"$t_\mathrm{min}$ of a", r"$t_\mathrm{min}$ behind pool"} <= {*texts}


@pytest.mark.parametrize("name", FIGURES)
def test_a_run_from_a_file_gives_the_same_figure(name: str, tmp_path: Path) -> None:
    net = eventsim.Network(time_unit=1e-6)
    net.source(4, "input")
    net.population("if_delta", 4, "cells", v_threshold=0.5)
    net.connect("input", "cells", eventsim.Dense(np.ones((4, 4))))
    placed = hardware.chip("mesh").place(net)
    run = eventsim.simulate(net, eventsim.SpikeTimes([[[0.0]] * 4]), transport=placed, engine="reference")
    run.save(tmp_path / "run.npz")
    drawn, again = FIGURES[name](run), FIGURES[name](eventsim.load_run(tmp_path / "run.npz", net))
    pairs = zip(np.atleast_1d(drawn), np.atleast_1d(again), strict=True)
    assert all(a.get_title(loc="left") == b.get_title(loc="left") for a, b in pairs)
    assert png_size(np.atleast_1d(drawn)[0]) == png_size(np.atleast_1d(again)[0])
    with pytest.raises(InputError, match=rf"{name}: run does not have its network.*load_run\(path, net\)"):
        FIGURES[name](eventsim.load_run(tmp_path / "run.npz"))


def test_figures_draw_into_the_axes_they_are_given(run: Run) -> None:
    axes = Figure(figsize=(3.0, 3.0)).subplots(3, 3)
    assert viz.timeline(run, ax=axes[0, 0]) is axes[0, 0]
    assert viz.station_load(run, axes[0, 1]) is axes[0, 1]
    assert viz.delivered_raster(run, ax=axes[0, 2]) is axes[0, 2]
    assert viz.packet_path(run, 0, "input", int(hops(run)[0]["neuron"]), axes[1, 0]) is axes[1, 0]
    assert list(viz.waiting_histogram(run, axes.ravel()[4:])) == list(axes.ravel()[4:])
    assert png_size(axes[0, 0]) > 0
    with pytest.raises(InputError, match="waiting_histogram: ax holds 2 axes; must be 5"):
        viz.waiting_histogram(run, axes[0, :2])


def test_a_stretch_of_time_and_other_titles(run: Run) -> None:
    ax = viz.timeline(run, time=(5.0, 9.0), populations=["conv2"], title="mine")
    assert (ax.get_xlim(), ax.get_title(loc="left")) == ((5.0, 9.0), "mine")
    assert not with_gid(ax, "inputs conv1")
    assert viz.timeline(run, title="").get_title(loc="left") == ""
    assert [one.get_title(loc="left") for one in viz.waiting_histogram(run, title="")] == [""] * 5


@pytest.mark.parametrize("name", FIGURES)
def test_runs_without_packets_are_refused_with_the_way_to_get_some(name: str) -> None:
    net = eventsim.Network()
    net.source(2, "input")
    net.population("if_delta", 2, "cells", v_threshold=0.5)
    net.connect("input", "cells", eventsim.OneToOne([1.0, 1.0]))
    spikes = eventsim.SpikeTimes([[[0.0], [1.0]]])
    bus = eventsim.simulate(net, spikes, transport=fabric.AerBus(0.5), engine="reference")
    made = Fabric((Station("a"),), ((Hop(0, core=0),),), {"input": np.zeros(2, int)}, log=True)
    silent = eventsim.simulate(net, eventsim.SpikeTimes([[[], []]]), transport=Given(made), engine="reference")
    for given, message in (
        (3, "run is a int; must be a Run"),
        (small_run(), r"the run has no transport.*transport=hardware\.chip\(…\)\.place\(net\)"),
        (bus, r"the transport of the run kept no log; must have one.*log=True"),
        (silent, "no packet of the run has left a station; must have some. Give inputs that spike"),
    ):
        with pytest.raises(InputError, match=f"{name}: {message}"):
            FIGURES[name](given)


@pytest.mark.parametrize("wrong", [1, 10**6])
def test_a_log_of_another_fabric_is_refused(wrong: int) -> None:
    damaged = by_hand(Station("a", service=1.0), Station("b", service=2.0), [0.0])
    damaged.records.hops["hop"][0] += wrong
    with pytest.raises(InputError, match="packet_path: run has packets where no route of its network leads; must be"):
        viz.packet_path(damaged, 0, "input", 0)


def test_what_cannot_be_drawn_is_refused(run: Run, queue: Run) -> None:
    silent = int(np.flatnonzero(np.isinf(run.spike_times("conv1")[0]))[0])
    for draw, message in (
        (lambda: viz.timeline(run, 2), r"sample = 2; must be an integer in 0\.\.1"),
        (lambda: viz.timeline(run, populations=["conf1"]), "did you mean 'conv1'"),
        (lambda: viz.station_load(run, which="utilization"), "which = 'utilization', did you mean 'utilisation'"),
        (lambda: viz.station_load(run, cores="link"), "cores = 'link'"),
        (lambda: viz.station_load(queue), "run is on the transport 'given', which has no floor plan"),
        (lambda: viz.waiting_histogram(run, stations=["core 99"]), "stations has 'core 99', did you mean"),
        (lambda: viz.waiting_histogram(run, stations=[]), r"stations = \[\]; must name one or more"),
        (lambda: viz.waiting_histogram(run, bins=0), "bins = 0"),
        (lambda: viz.delivered_raster(run, max_points=-1), "max_points = -1"),
        (lambda: viz.packet_path(run, 0, "conv1", silent), f"neuron {silent} of 'conv1' sent no packet.*it is silent"),
        (lambda: viz.packet_path(run, 0, "output", 0), "neuron 0 of 'output' sent no packet"),
        (lambda: viz.packet_path(queue, 0, "input", 0, number=1), r"no packet of a spike 1 in sample 0.*in 0\.\.0"),
        (lambda: viz.packet_path(queue, 0, "input", 0, core=7), "core = 7; must be one that the spike came to: 0"),
        (lambda: viz.packet_path(run, 0, "conv1", 9999), "neuron = 9999"),
        (lambda: viz.packet_path(run, 0, "conf1", 0), "did you mean 'conv1'"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            draw()
