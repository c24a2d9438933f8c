"""What is the slowest clock, narrowest link, smallest window, fewest cores? Searches against scans of plain runs."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_studies import timed, timed_data

import eventsim
from eventsim import InputError, PlacementError, hardware, simulate
from eventsim.cli import main
from eventsim.hardware import Chip, PlacedChip, UnplacedChip
from eventsim.hardware.keys import KEYS
from eventsim.study import Bisection, Study, read_study

ON_MESH = {"transport": "chip", "chip": "mesh", "strategy": "by_layer"}
MESH = hardware.chip("mesh")
WITH_CLOCK = MESH.replace({"time.clock": "200 MHz"})
SMALL = MESH.replace({"limits.neurons_per_core": 12, "core.per_synapse": "50 ns"})


def agreement(chip: Chip, net: Any = None, strategy: str = "by_layer") -> float:
    """The share of decisions that are those of the ideal run of `timed()`: one plain run on a chip."""
    net, x = net or timed(), timed_data()
    ideal = simulate(timed(), x, engine="reference").predictions
    run = simulate(net, x, engine="reference", transport=chip.place(net, strategy))
    return float((run.predictions == ideal).mean())


def border_of(design: Bisection, transport: Any, network: Any = None, **more: Any) -> Any:
    """The border that a study finds."""
    study = Study(network or timed(), timed_data(), design, transport=transport, engine="reference", **more)
    return study.run(jobs=1).border


def fits(n: int) -> bool:
    """Whether the 25 neurons are on so few cores of 12, spread over them: 12, 10 and 3 in equal parts."""
    return all(sum((k + 1) * size // n - k * size // n for size in (12, 10, 3)) <= 12 for k in range(n))


# -- the four questions ------------------------------------------------------------------------------------------------


def test_the_slowest_clock_is_that_of_a_scan() -> None:
    design = Bisection("chip.clock[MHz]", 20, 120, at_least=0.9, of="agreement", find="smallest")
    border = border_of(design, UnplacedChip(WITH_CLOCK, "by_layer"))
    scan = {clock: agreement(WITH_CLOCK.at_clock(f"{clock} MHz")) for clock in range(20, 121, 4)}
    scan |= {clock: agreement(WITH_CLOCK.at_clock(f"{clock} MHz")) for clock in (border.fails, border.holds)}
    assert border.holds == border.fails + 1
    assert scan[border.fails] < 0.9 <= scan[border.holds]
    assert all((share >= 0.9) == (clock >= border.holds) for clock, share in scan.items())
    assert border.monotone
    assert {value: mean for value, mean, _ in border.tried}.items() <= scan.items() | {
        (value, agreement(WITH_CLOCK.at_clock(f"{value} MHz"))) for value, _, _ in border.tried
    }


def test_the_narrowest_link_is_that_of_a_scan() -> None:
    design = Bisection("chip.link.service[MHz]", 1, 40, at_least=0.9, of="agreement", find="smallest")
    border = border_of(design, ON_MESH)
    scan = {rate: agreement(MESH.replace({"link.service": f"{rate} MHz"})) for rate in range(1, 41)}
    assert [(value, mean) for value, mean, _ in border.tried] == [(v, scan[v]) for v, _, _ in border.tried]
    assert (border.holds, border.fails) == (
        min(r for r in scan if scan[r] >= 0.9),
        max(r for r in scan if scan[r] < 0.9),
    )


@pytest.mark.filterwarnings("ignore::eventsim.PrematureSpikeWarning")
def test_the_smallest_windows_are_those_of_a_scan() -> None:
    """Each point has a network of its own, and it is placed anew."""
    design = Bisection("network.margin", -0.95, 0.0, at_least=0.9, of="agreement", find="smallest", within=0.05)
    border = border_of(design, ON_MESH | {"slower": 3}, timed)
    assert len(border.tried) >= 6
    for margin, mean, _ in border.tried:
        assert mean == agreement(MESH.slower(3), timed(margin))
    assert border.holds - border.fails <= 0.05
    assert agreement(MESH.slower(3), timed(border.fails)) < 0.9 <= agreement(MESH.slower(3), timed(border.holds))


def test_the_fewest_cores_are_those_of_a_scan_and_what_does_not_fit_fails() -> None:
    design = Bisection("chip.topology.cores", 1, 16, at_least=0.7, of="agreement", find="smallest")
    border = border_of(design, UnplacedChip(SMALL, "spread"))
    scan: dict[int, float] = {}
    for n in range(1, 17):
        try:
            scan[n] = agreement(SMALL.replace({"topology.cores": n}), strategy="spread")
        except PlacementError:
            scan[n] = -math.inf
    assert [n for n in scan if scan[n] == -math.inf] == [n for n in scan if not fits(n)] == [1, 2]
    assert (border.holds, border.fails) == (4, 3)
    assert min(n for n in scan if scan[n] >= 0.7) == 4
    assert {value: mean for value, mean, _ in border.tried}.items() <= scan.items()
    assert border.complete
    assert [n for n, _ in border.refused] == [1, 2]
    shown = str(border.table())
    assert shown.count("cannot run") == 2
    for _, reason in border.refused:
        assert "must be <= 12" in reason
        assert reason in shown


def test_where_more_cores_are_worse_the_border_says_so() -> None:
    """A scan has 0.9 or less at 9 to 11 cores, between 8 and 12 that meet it."""
    scan = {n: agreement(SMALL.replace({"topology.cores": n}), strategy="spread") for n in range(3, 13)}
    assert scan[8] >= 0.95 > max(scan[10], scan[11])
    assert scan[12] >= 0.95
    design = Bisection("chip.topology.cores", 3, 12, at_least=0.95, of="agreement", find="smallest")
    border = border_of(design, UnplacedChip(SMALL, "spread"))
    assert scan[border.fails] < 0.95 <= scan[border.holds]
    points = [n for n, _, _ in border.tried]
    verdicts = [scan[n] >= 0.95 for n in points]
    assert border.monotone == (verdicts == sorted(verdicts))
    assert ("look at the whole range with a grid" in str(border)) == (not border.monotone)


def test_a_chip_that_deadlocks_fails_with_its_reason() -> None:
    """A point that ended so, in place of one that was run: which chips do is for tests/test_fabric_order.py."""
    errors = {1: "DeadlockError: simulate: sample 0: the fabric is deadlocked at t = 1.0: 'a' waits for 'a'."}
    design = Bisection("chip.link.buffer", 1, 2, at_least=0.5, of="agreement", find="smallest")
    study = Study(timed(), timed_data(), design, transport=ON_MESH, engine="reference")
    results = study.run(jobs=1)
    entries = [
        type(entry)(entry.number, entry.point, "failed", errors[1], None, None)
        if entry.point.settings["chip.link.buffer"] == 1
        else entry
        for entry in results.entries
    ]
    border = design.border(type(results)(results.knobs, tuple(entries), results.labels, results.about))
    assert (border.holds, border.fails) == (2, 1)
    assert border.refused == ((1, errors[1].removeprefix("DeadlockError: ")),)


# -- clocks ------------------------------------------------------------------------------------------------------------


def test_a_slower_chip_is_the_same_chip_in_a_shorter_unit_of_time() -> None:
    x = timed_data()[:5]
    for factor in (0.25, 1.0, 4.0):
        slow, short = timed(), timed(time_unit=1e-6 / factor)
        runs = [
            simulate(net, x, engine="reference", transport=chip.place(net, "by_layer"))
            for net, chip in ((slow, MESH.slower(factor)), (short, MESH))
        ]
        assert runs[0].spikes.tolist() == runs[1].spikes.tolist()
        np.testing.assert_array_equal(runs[0].readout, runs[1].readout)
        hops: list[Any] = [run.records.hops for run in runs]
        assert hops[0].tolist() == hops[1].tolist()


@pytest.mark.parametrize("name", hardware.chips())
def test_slower_multiplies_all_that_circuits_do_and_nothing_else(name: str) -> None:
    chip = hardware.chip(name).replace({"time.deadline": "3 ms", "time.clock": "1 MHz"})
    slow = chip.slower(2.5)
    assert list(slow.facts) == list(chip.facts)
    for key, fact in chip.facts.items():
        kind = "time" if "barrier_by" in key else KEYS[key].kind
        if kind == "time" and key not in ("time.tick", "time.deadline"):
            assert (slow.facts[key].low, slow.facts[key].high) == pytest.approx((2.5 * fact.low, 2.5 * fact.high))
            assert slow.facts[key].grade == "assumed"
            assert fact.text in slow.facts[key].note
        else:
            assert slow.facts[key] == fact
    assert chip.slower(1) == chip


def test_another_clock_multiplies_by_the_ratio() -> None:
    fast = WITH_CLOCK.at_clock("250 MHz")
    assert (fast.need("time.clock"), fast.need("core.axon_in"), fast.need("link_y.latency")) == (4e-9, 8e-9, 8e-10)
    assert fast.facts["time.clock"].text == "250 MHz"  # as it was asked for, not as it was reckoned
    assert WITH_CLOCK.at_clock("200 MHz").facts["core.axon_in"] == WITH_CLOCK.facts["core.axon_in"]
    assert fast.at_clock("5 ns").need("core.axon_in") == 1e-8
    assert WITH_CLOCK.slower(2).need("time.clock") == 1e-8
    turned = PlacedChip.of_settings(
        {"chip": WITH_CLOCK, "placement": WITH_CLOCK.place(timed()).placement, "clock[MHz]": 250, "slower": 2}
    )
    assert turned.chip == fast.slower(2)
    with pytest.raises(
        InputError, match=r"time.clock is unknown; must be known for another clock, .* or a factor: slo"
    ):
        MESH.at_clock("100 MHz")
    with pytest.raises(InputError, match=r"Chip mesh: slower = 0; must be > 0"):
        MESH.slower(0)
    for clock in ("0 s", "0 ns"):
        with pytest.raises(InputError, match=r"time.clock = 0 n?s; must be longer than 0, .* Give a frequency"):
            WITH_CLOCK.at_clock(clock)
        with pytest.raises(InputError, match=r"time.clock = 0 n?s; must be longer than 0"):
            MESH.replace({"time.clock": clock}).at_clock("100 MHz")


@pytest.mark.parametrize("factor", [1e308, 1e-320, 5e-324])
def test_times_that_float64_would_not_hold_are_refused(factor: float) -> None:
    chip = MESH.replace({"core.latency": "100 s" if factor > 1 else "1 ns"})
    with pytest.raises(InputError, match=r"Chip mesh: [a-z_.]+: .* as long; must be a time that float64 holds\. Give"):
        chip.slower(factor)


@pytest.mark.parametrize("name", ["link.servce[ns]", "link.service[ns", "link.service[]", "[ns]", "slow"])
def test_a_setting_that_there_is_not_is_never_passed_over(name: str) -> None:
    with pytest.raises(InputError, match=r"Chip mesh: setting = .*; must be a value of a chip, slower or clock"):
        UnplacedChip.of_settings({"chip": "mesh", name: 5})
    assert not UnplacedChip.takes(name)


def test_what_is_said_of_one_axis_holds_whatever_is_said_of_both_before_or_after() -> None:
    for order in (("link.service", "link_x.service"), ("link_x.service", "link.service")):
        chip = MESH.replace({key: {"link.service": "3 ns", "link_x.service": "4 ns"}[key] for key in order})
        assert (chip.need("link_x.service"), chip.need("link_y.service")) == (4e-9, 3e-9)


# -- a chip that is placed anew ----------------------------------------------------------------------------------------


def test_an_unplaced_chip_is_the_placed_one_of_each_network() -> None:
    x = timed_data()[:3]
    for net in (timed(), timed(0.0)):
        unplaced = UnplacedChip(SMALL, "spread", log=True)
        runs = [simulate(net, x, engine="reference", transport=one) for one in (unplaced, SMALL.place(net, "spread"))]
        assert runs[0].spikes.tolist() == runs[1].spikes.tolist()
        assert runs[0].provenance["transport"] == runs[1].provenance["transport"]
        assert hardware.report(runs[0]).target == "mesh"
    again = UnplacedChip.of_settings({k: v for k, v in unplaced.describe().items() if k != "transport"})
    assert again.describe() == unplaced.describe()


@pytest.mark.parametrize("kind", [PlacedChip, UnplacedChip])
def test_a_description_has_every_setting_of_a_chip(kind: type[Any]) -> None:
    """Studies make a transport again of nothing but that."""
    steps = SMALL.replace({"time.discipline": "barrier", "core.per_synapse": None})
    placed = steps.place(timed(), "spread", log=False, step=0.25)
    made: Any = placed if kind is PlacedChip else UnplacedChip(steps, "spread", "neurons", "cores", True, 0.25)
    told = made.describe()
    assert told.pop("transport") == kind.name
    assert {*told} == {one.name for one in dataclasses.fields(kind)}
    again = kind.of_settings(json.loads(json.dumps(told)))
    assert again.describe() == made.describe()
    assert again.on(timed()).step == 0.25


def test_a_study_keeps_the_steps_of_a_chip_that_is_placed_anew() -> None:
    steps = MESH.replace({"time.discipline": "barrier"})
    for transport in (UnplacedChip(steps, "by_layer", step=0.25), steps.place(timed(), "by_layer", step=0.25)):
        study = Study(timed(), timed_data()[:2], {"until": [9.0]}, transport=transport, engine="reference")
        assert study.setup.transport is not None
        assert study.setup.transport["step"] == 0.25


def test_a_network_is_placed_before_faults_change_it() -> None:
    net, fault = timed(), {"fault": "weight_quantization", "bits": 2}
    run = simulate(net, timed_data()[:1], engine="reference", faults=fault, transport=UnplacedChip(SMALL, "by_layer"))
    assert run.provenance["transport"]["placement"] == SMALL.place(net, "by_layer").describe()["placement"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chip": "mash"}, "name = 'mash', did you mean 'mesh'"),
        ({"chip": "mesh", "strategy": "spred"}, "strategy = 'spred', did you mean 'spread'"),
        ({"chip": "mesh", "pools": "x"}, "pools = 'x'; must be one of receiver, neurons"),
        ({"chip": "mesh", "sources": "x"}, "sources = 'x'; must be one of off-chip, cores"),
        (
            {"chip": "mesh", "link.service[ns]": 5, "link.service": "3 ns"},
            "link.service is given twice, with a unit and",
        ),
        ({"chip": "mesh", "strateg": "linear"}, "unknown setting 'strateg', did you mean 'strategy'"),
        ({"chip": "mesh", "link.service[ns]": "x"}, "link"),
        ({}, "chip missing; must be given"),
    ],
)
def test_what_is_no_chip_is_refused_before_anything_runs(settings: dict[str, Any], message: str) -> None:
    with pytest.raises((InputError, eventsim.FaultError), match=message):
        Study(timed(), timed_data(), {"until": [3.0]}, transport={"transport": "chip"} | settings, engine="reference")


def test_what_a_chip_lacks_is_said_before_anything_runs() -> None:
    with pytest.raises(InputError, match="time_unit is None; must be the seconds"):
        Study(eventsim.Network.replace(untimed(), "dense1", window=(0.0, 1.0, 3.0)), timed_data(), {"until": [9.0]},
              transport=ON_MESH)  # fmt: skip
    with pytest.raises(InputError, match=r"unknown setting 'lin.service.ns.', did you mean 'link.service'"):
        Study(timed(), timed_data(), {"chip.lin.service[ns]": [3.0]}, transport=ON_MESH)
    with pytest.raises(InputError, match=r"topology.cores: 17 are more than 16 tiles have"):
        Study(timed(), timed_data(), {"chip.topology.cores": [17]}, transport=ON_MESH)


def untimed() -> eventsim.Network:
    net = eventsim.Network()
    net.source(6, "input")
    net.population("ttfs_b1", 3, "dense1", (0.0, 1.0, 4.0), threshold=3.0)
    net.connect("input", "dense1", eventsim.Dense(np.ones((3, 6))))
    return net


# -- study files -------------------------------------------------------------------------------------------------------

CHIP = """
name = "ours"
title = "A small mesh"
grade = "assumed"
source = "us"
[sources]
us = "We chose it"
"""
STUDY = """
network = "net.npz"
time_unit = 1e-6
data = "x.npy"
engine = "reference"
[transport]
transport = "chip"
chip = "{chip}"
strategy = "spread"
"limits.neurons_per_core" = 12
"core.per_synapse" = "50 ns"
[bisection]
knob = "chip.topology.cores"
low = 1
high = 16
at_least = 0.7
of = "agreement"
find = "smallest"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network file without a unit of time, data, and a chip in a file of its own."""
    timed(time_unit=None).save(tmp_path / "net.npz")  # type: ignore[arg-type]
    np.save(tmp_path / "x.npy", timed_data())
    text = hardware.presets.path("mesh").read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(CHIP + text[text.index("[time]") :], encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("chip", ["mesh", "ours.toml"])
def test_a_study_file_names_a_chip_and_a_strategy(folder: Path, chip: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cores.toml").write_text(STUDY.replace("{chip}", chip))
    assert main(["study", str(folder / "cores.toml"), "--jobs", "1", "--json"]) == 0  # what does not fit is an answer
    found = json.loads(capsys.readouterr().out)["border"]
    assert (found["holds"], found["fails"], found["monotone"], list(found["refused"])) == (4, 3, True, ["1", "2"])
    assert main(["study", str(folder / "cores.toml"), "--jobs", "1", "--resume"]) == 0
    shown = capsys.readouterr().out
    assert "chip.topology.cores = 4 meets the target, 3 does not" in shown
    assert "chip.topology.cores = 1: placement: core 0 (dense1 all, dense2 all, output all) needs 25 neurons" in shown


def test_workers_know_chips_without_their_files(folder: Path) -> None:
    (folder / "cores.toml").write_text(STUDY.replace("{chip}", "ours.toml"))
    study = read_study(folder / "cores.toml").study
    (folder / "ours.toml").unlink()
    assert study.run(jobs=2).border.holds == 4


def test_a_unit_of_time_is_of_a_network_file(folder: Path) -> None:
    (folder / "x.toml").write_text(STUDY.replace("{chip}", "mesh").replace("net.npz", "small_studies:timed"))
    with pytest.raises(InputError, match=r"time_unit = 1e-06 of a recipe; must be of the file of a network"):
        read_study(folder / "x.toml")
    (folder / "x.toml").write_text(STUDY.replace("{chip}", "mesh").replace("time_unit = 1e-6\n", ""))
    with pytest.raises(InputError, match="time_unit is None; must be the seconds"):
        read_study(folder / "x.toml")


def test_a_grid_with_points_that_do_not_fit_has_exit_code_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = STUDY.replace("{chip}", "mesh").partition("[bisection]")[0]
    (folder / "x.toml").write_text(f'{head}[grid]\n"chip.topology.cores" = [1, 4]\n')
    assert main(["study", str(folder / "x.toml"), "--jobs", "1"]) == 1
    assert "1 failed: PlacementError: placement: core 0" in capsys.readouterr().out
