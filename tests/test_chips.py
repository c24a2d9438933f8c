"""Chips as data: the presets against the numbers that their sources have, and what a file must not say."""

import json
import pickle  # noqa: TID251 - a chip travels to the processes of a study
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzed_reader import damaged

from eventsim import hardware
from eventsim.cli import main
from eventsim.errors import FileFormatError, InputError
from eventsim.fabric.topologies import Tree
from eventsim.faults.presets import PRESETS
from eventsim.faults.text import kinds
from eventsim.hardware import presets
from eventsim.hardware.chip_text import chip_from, described
from eventsim.hardware.facts import GRADES
from eventsim.hardware.keys import KEYS, OPERATIONS, STATIONS
from eventsim.network.neuron_model import model_names

N_MUTATED = 300
every_chip = pytest.mark.parametrize("name", hardware.chips())
# Seconds, joules, watts, numbers; by the tables of the sources, written down apart from the files.
PUBLISHED: dict[tuple[str, str], tuple[Any, Any, str]] = {
    ("loihi", "prices.synaptic_operations"): (23.6e-12, 23.6e-12, "pre-silicon"),
    ("loihi", "prices.neuron_updates_driven"): (81e-12, 81e-12, "pre-silicon"),
    ("loihi", "prices.neuron_updates_idle"): (52e-12, 52e-12, "pre-silicon"),
    ("loihi", "prices.packets"): (1.7e-12, 1.7e-12, "pre-silicon"),
    ("loihi", "prices.hops_x"): (3e-12, 3e-12, "pre-silicon"),
    ("loihi", "prices.hops_y"): (4e-12, 4e-12, "pre-silicon"),
    ("loihi", "link_x.service"): (4.1e-9, 4.1e-9, "fitted"),
    ("loihi", "link_y.service"): (6.5e-9, 6.5e-9, "fitted"),
    ("loihi", "link_y.buffer"): (16, 16, "fitted"),
    ("loihi", "core.axon_in"): (16e-9, 16e-9, "fitted"),
    ("loihi", "axon_out.service"): (5.1e-9, 5.1e-9, "fitted"),
    ("loihi", "time.barrier_by_tiles.29"): (1.8e-6, 1.8e-6, "fitted"),
    ("loihi_sanafe", "prices.axon_out"): (111e-12, 111e-12, "fitted"),
    ("loihi_sanafe", "prices.synaptic_operations"): (35.5e-12, 35.5e-12, "fitted"),
    ("loihi_sanafe", "prices.neuron_updates_idle"): (51.2e-12, 51.2e-12, "fitted"),
    ("loihi_sanafe", "prices.neuron_updates_driven"): (51.2e-12 + 21.6e-12, 72.8e-12, "fitted"),
    ("loihi_sanafe", "prices.hops_y"): (4.2e-12, 4.2e-12, "fitted"),
    ("loihi2", "limits.neurons_per_core"): (8192, 8192, "text"),
    ("loihi2", "topology.cores"): (128, 128, "text"),
    ("loihi2", "topology.size"): ((8, 16), (8, 16), "assumed"),
    ("loihi2", "time.step_min"): (200e-9, 200e-9, "recalled"),
    ("truenorth", "prices.synaptic_operations"): (2.5e-12, 26e-12, "conflicting"),
    ("truenorth", "time.tick"): (1e-3, 1e-3, "measured"),
    ("truenorth", "limits.fan_in"): (256, 256, "measured"),
    ("spinnaker", "prices.synaptic_operations"): (13.3e-9, 13.3e-9, "text"),
    ("spinnaker", "prices.neuron_updates_idle"): (26e-9, 26e-9, "text"),
    ("spinnaker", "link.latency"): (0.1e-6, 0.2e-6, "recalled"),
    ("spinnaker2", "prices.synaptic_operations"): (10e-12, 450e-12, "conflicting"),
    ("brainscales2", "prices.seconds"): (0.2, 0.27, "recalled"),
    ("brainscales2", "time.tick"): (8e-9, 8e-9, "recalled"),
    ("odin", "prices.synaptic_operations"): (12.7e-12, 12.7e-12, "measured"),
    ("cmos_45nm", "prices.synaptic_operations"): (0.9e-12, 0.9e-12, "text"),
    ("cmos_45nm", "prices.read_bits"): (5e-12 / 32, 5e-12 / 32, "text"),
    ("aer_bus", "link.service"): (20e-9, 20e-9, "text"),
}
MESH = presets.path("mesh").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", PUBLISHED, ids=" ".join)
def test_a_preset_has_the_number_and_the_grade_of_its_source(place: tuple[str, str]) -> None:
    fact = hardware.chip(place[0]).fact(place[1])
    low, high, grade = PUBLISHED[place]
    assert fact is not None
    assert (fact.low, fact.high) == (pytest.approx(low, rel=1e-15), pytest.approx(high, rel=1e-15))
    assert fact.grade == grade


@every_chip
def test_each_value_of_a_preset_says_who_says_so(name: str) -> None:
    chip = hardware.chip(name)
    assert chip.name == name
    assert chip.facts
    for key, fact in chip.facts.items():
        assert fact.grade in GRADES
        assert set(fact.sources) <= set(chip.sources), key
        assert (fact.grade == "conflicting") == (fact.is_range and len(fact.sources) == 2), key
        # A 0 is a choice: nobody measures one, and what is unknown is left out.
        assert fact.low != 0 or fact.grade == "assumed", key
    assert {source for fact in chip.facts.values() for source in fact.sources} == set(chip.sources)


@every_chip
def test_what_is_unknown_is_said_and_never_answered(name: str) -> None:
    chip = hardware.chip(name)
    assert not {*chip.unknown} & {*chip.facts}
    assert {*chip.unknown} <= {*KEYS}
    for key in chip.unknown:
        assert chip.fact(key) is None
        assert chip.known(key) is None
        with pytest.raises(InputError, match=f"{key} is unknown; must be known here"):
            chip.need(key)
    shown = str(chip)
    assert all(key in shown for key in chip.facts)
    listed = " ".join(shown.partition("\nunknown: ")[2].partition("\n\n")[0].split())
    sections = dict(re.findall(r"(\w+) \(([^)]*)\)", listed))
    assert [f"{section}.{name}" for section, names in sections.items() for name in names.split(", ")] == [*chip.unknown]
    assert all(grade in shown for grade in {fact.grade for fact in chip.facts.values()})


@pytest.mark.parametrize("name", ["aer_bus", "mesh", "loihi", "loihi_sanafe"])
def test_a_fabric_can_be_made_of_these(name: str) -> None:
    chip = hardware.chip(name)
    links = ("link",) if chip.need("topology.kind") == "bus" else ("link_x", "link_y")
    for station in ("axon_out", *links, "core"):
        assert chip.station(station).service >= 0
        assert chip.station(station).full in ("stall", "drop")
    assert chip.work(3, 1) == pytest.approx(chip.need("core.axon_in") + 3 * chip.need("core.per_synapse"))


def test_tiles_of_loihi_are_numbered_along_y_as_sanafe_does() -> None:
    loihi = hardware.chip("loihi_sanafe")
    assert (loihi.n_cores, loihi.n_tiles, loihi.cores_per_tile) == (128, 32, 4)
    assert [loihi.position(4 * tile) for tile in (0, 1, 4)] == [(0, 0), (0, 1), (1, 0)]
    assert loihi.position(3) == (0, 0)
    mesh = hardware.chip("mesh")
    assert [mesh.position(core) for core in (0, 1, 4)] == [(0, 0), (1, 0), (0, 1)]
    with pytest.raises(InputError, match=r"core = 16; must be an integer in 0\.\.15"):
        mesh.position(16)
    assert (hardware.chip("spinnaker2").n_cores, hardware.chip("spinnaker2").n_tiles) == (152, 38)
    assert hardware.chip("spinnaker").n_cores == hardware.chip("spinnaker").n_tiles == 16
    assert mesh.replace({"topology.cores": 15}).n_cores == 15
    nowhere = mesh.replace({"topology.size": None})
    with pytest.raises(InputError, match=r"topology\.size is unknown"):
        _ = nowhere.n_cores
    assert "topology.size" in nowhere.unknown
    assert "topology.cores" not in nowhere.unknown
    with pytest.raises(InputError, match=r"topology\.kind is unknown"):
        _ = hardware.chip("cmos_45nm").n_cores
    with pytest.raises(InputError, match=r"topology\.numbering is unknown"):
        hardware.chip("aer_bus").position(0)
    moved = mesh.replace({"topology.positions": [[3, 3], [0, 0]]})
    assert (moved.n_cores, moved.position(0), moved.position(1)) == (2, (3, 3), (0, 0))


@every_chip
def test_a_chip_is_described_in_json_and_made_again(name: str) -> None:
    chip = hardware.chip(name)
    again = chip_from(json.loads(json.dumps(described(chip), allow_nan=False)))
    assert again.facts == chip.facts
    assert str(again) == str(chip)


def test_a_barrier_is_as_long_as_the_largest_count_that_is_in_use() -> None:
    loihi = hardware.chip("loihi")
    lengths = [loihi.barrier_length(cores=4 * tiles, tiles=tiles) for tiles in (1, 2, 3, 4, 28, 29, 32)]
    assert lengths == [0.6e-6, 1e-6, 1e-6, 1.4e-6, 1.4e-6, 1.8e-6, 1.8e-6]
    fixed = loihi.replace({"time.barrier": "2 us"})
    assert fixed.barrier_length(128, 32) == 2e-6
    assert not [key for key in fixed.facts if key.startswith("time.barrier_by")]
    by_cores = loihi.replace({"time.barrier_by_cores": {1: "1 us", 3: "5 us"}})
    assert [by_cores.barrier_length(cores, 1) for cores in (2, 3)] == [1e-6, 5e-6]
    with pytest.raises(InputError, match=r"time\.barrier is unknown"):
        hardware.chip("mesh").barrier_length(1, 1)


def test_a_range_is_decided_by_whoever_needs_one_value() -> None:
    spinnaker = hardware.chip("spinnaker")
    assert spinnaker.ranges == ("link.latency",)
    with pytest.raises(InputError, match=r"link\.latency is a range, 0\.1 us to 0\.2 us \(recalled\)"):
        spinnaker.need("link.latency")
    assert [spinnaker.at(end).need("link.latency") for end in ("low", "high")] == [0.1e-6, 0.2e-6]
    assert "high end of 0.1 us to 0.2 us" in spinnaker.at("high").facts["link.latency"].note
    assert spinnaker.replace({"link.latency": "0.15 us"}).need("link.latency") == 0.15e-6
    with pytest.raises(InputError, match=r"end = 'hi', did you mean 'high'\?; must be one of low, high"):
        spinnaker.at("hi")


def test_values_are_replaced_and_say_so() -> None:
    mesh = hardware.chip("mesh")
    fast = mesh.replace({"link.service": "1 ns", "core.buffer": 7, "limits.fan_in": 64, "core.latency": None})
    assert (fast.need("link_x.service"), fast.need("link_y.service"), fast.need("core.buffer")) == (1e-9, 1e-9, 7)
    assert (fast.facts["limits.fan_in"].grade, fast.facts["limits.fan_in"].sources) == ("assumed", ("chosen",))
    assert "core.latency" in fast.unknown
    assert mesh.need("link_x.service") == 5e-9
    sourced = mesh.replace({"core.axon_in": {"value": "3 ns", "note": "n"}}, grade="measured", source="our_lab")
    assert sourced.sources["our_lab"] == "our_lab"
    assert sourced.fact("core.axon_in") == hardware.Fact("3 ns", 3e-9, 3e-9, "measured", ("our_lab",), "n")
    assert mesh.replace({"topology.size": (2, 3)}).n_cores == 6
    assert mesh.replace({}) == mesh


REFUSED_VALUES: list[tuple[str, Any, str]] = [
    ("link_x.service", 5, "replace: link_x.service = 5: it has no unit; must be a time such as"),
    ("link_x.buffer", 2.5, 'link_x.buffer = 2.5; must be an integer >= 1, or "unlimited"'),
    ("link_x.bufer", 3, "key = 'link_x.bufer', did you mean 'link_x.buffer'?"),
    ("axon_in", "3 ns", "must be a value of a chip: core.axon_in, prices.axon_in"),
    ("topology.branching", 2, "topology.branching: this is no part of a mesh"),
    ("core.axon_in", {"value": "3 ns", "grade": "guessed"}, "core.axon_in.grade = 'guessed'; must be one of measured"),
    ("topology.positions", [[4, 0]], "topology.positions: [4, 0] is outside 4 x 4 tiles"),
    ("topology.gate", [4, 0], "topology.gate: [4, 0] is outside 4 x 4 tiles; must lie inside"),
    ("topology.gate", [0, -1], "topology.gate = -1; must be two integers >= 0, x and y: [0, 0]"),
    ("topology.gate", 3, "topology.gate = 3; must be two integers >= 0, x and y: [0, 0]"),
    ("topology.cores", 17, "topology.cores: 17 are more than 16 tiles have"),
    ("topology.size", [2000, 2000], "more than 1,000,000 tiles"),
    ("time.barrier_by_tiles", {2: "1 us"}, "there is no length for 1"),
    ("core.axon_in", True, "core.axon_in = True: it is no number with a unit"),
    ("core.axon_in", float("nan"), "core.axon_in = nan: it is no number with a unit"),
    ("time.speedup", float("nan"), "time.speedup = nan; must be a number > 0"),
    ("core", {"axon_in": "1 ns"}, "key = 'core'"),
    ("prices.spikes", {"value": "1 pJ", "contains": "everything"}, "prices.packets"),
]


@pytest.mark.parametrize(("key", "value", "message"), REFUSED_VALUES, ids=lambda part: str(part)[:40])
def test_what_a_chip_cannot_have_is_refused(key: str, value: Any, message: str) -> None:
    priced = hardware.chip("mesh").replace({"prices.packets": "2 pJ"})
    with pytest.raises(InputError) as error:
        priced.replace({key: value})
    assert message in str(error.value)


def test_a_tree_needs_a_root() -> None:
    """One child a node would never come to one."""
    bus = hardware.chip("aer_bus")
    assert bus.replace({"topology.kind": "tree", "topology.branching": 2}).need("topology.branching") == 2
    with pytest.raises(InputError, match=r"topology\.branching = 1; must be an integer >= 2\. Mend it"):
        bus.replace({"topology.kind": "tree", "topology.branching": 1})


def test_what_is_said_of_one_axis_holds_there_and_what_is_said_of_links_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MESH.replace("[core]", '[link_x]\nservice = "7 ns"\nbuffer = 9\n\n[core]', 1), encoding="utf-8")
    chip = hardware.chip(path)
    assert [chip.need(f"link_{axis}.service") for axis in "xy"] == [7e-9, 5e-9]
    assert [chip.need(f"link_{axis}.buffer") for axis in "xy"] == [9, 4]
    assert [chip.need(f"link_{axis}.latency") for axis in "xy"] == [1e-9, 1e-9]
    assert not [key for key in chip.facts if key.startswith("link.")]


def test_a_range_of_cores_contradicts_tiles_where_no_value_of_it_fits() -> None:
    mesh = hardware.chip("mesh")
    assert mesh.replace({"topology.cores": {"range": [8, 32]}}).at("low").n_cores == 8
    with pytest.raises(InputError, match=r"topology\.cores: 17 to 32 are more than 16 tiles have"):
        mesh.replace({"topology.cores": {"range": [17, 32]}})


def test_replace_takes_values_of_numpy_and_refuses_what_is_no_value() -> None:
    mesh = hardware.chip("mesh")
    made = mesh.replace({"topology.size": np.array([2, 3]), "core.buffer": np.int64(3)})
    assert (made.n_cores, made.need("core.buffer")) == (6, 3)
    for values, message in (
        ([1], "replace: values = [1]; must be a dict of values by key"),
        ({3: 4}, "key = 3; must be a value of a chip"),
        ({"core.axon_in": {"value": "1 ns", "source": 3}}, "core.axon_in.source = 3; must be a name of [sources]"),
        ({"core.axon_in": {"value": "1 ns", "source": "Our Lab"}}, "core.axon_in.source = 'Our Lab'; must be a name"),
        (
            {"time.barrier_by_tiles": {1: "1 s"}, "time.barrier_by_tiles.1": "1 s"},
            "time.barrier_by_tiles is given, too",
        ),
    ):
        with pytest.raises(InputError) as error:
            mesh.replace(values)  # type: ignore[arg-type]
        assert message in str(error.value)
    with pytest.raises(InputError, match="replace: grade = 'good'; must be one of measured"):
        mesh.replace({"core.axon_in": "1 ns"}, grade="good")
    with pytest.raises(InputError, match=r"Chip x: key = 'core\.axon', did you mean 'core\.axon_in'"):
        hardware.Chip("x", "y", facts={"core.axon": mesh.facts["core.axon_in"]})


def test_an_all_in_price_stands_alone_with_what_it_contains() -> None:
    odin = hardware.chip("odin")
    assert odin.prices["synaptic_operations"].scope == "all-in"
    assert set(odin.prices) == {"synaptic_operations"}
    assert "prices.spikes" not in odin.unknown
    for name in odin.prices["synaptic_operations"].contains:
        with pytest.raises(
            InputError, match=f"all-in and contains {name}, and there is prices.{name}; must be charged"
        ):
            odin.replace({f"prices.{name}": "1 nW" if name == "seconds" else "1 pJ"})
    with pytest.raises(
        InputError, match=r"prices\.hops: .*, and there is prices\.synaptic_operations contains it, too"
    ):
        odin.replace({"prices.hops": {"value": "1 pJ", "contains": ["spikes"]}})
    assert hardware.chip("loihi2").prices["seconds"].contains == tuple(OPERATIONS)[:-1]


TWO_BARRIERS = '[time.barrier_by_tiles]\n1 = "1 s"\n[time.barrier_by_cores]\n1 = "1 s"\n[limits]'
# What is written in place of what, and the line and the key that the answer names.
MALFORMED: list[tuple[str, str, str]] = [
    ('per_synapse = "2 ns"', 'per_synapse = "2 Ns"', "34: core.per_synapse = '2 Ns': 'Ns' is no unit of time, did you"),
    ('per_synapse = "2 ns"', "per_synapse = 2", "34: core.per_synapse = 2: it has no unit; must be a time such as"),
    ('per_synapse = "2 ns"', 'per_synapse = "-2 ns"', "34: core.per_synapse = '-2 ns': it is no number with a unit"),
    ('per_synapse = "2 ns"', 'per_synapse = "2 pJ"', "34: core.per_synapse = '2 pJ': 'pJ' is no unit of time"),
    ("per_synapse =", "per_synapses =", "34: core.per_synapses: unknown key, did you mean 'per_synapse'?"),
    ("[core]", "[cores]", "32: cores: unknown key, did you mean 'core'?"),
    ('kind = "mesh"', 'kind = "mash"', "14: topology.kind = 'mash', did you mean 'mesh'?; must be one of bus, mesh"),
    ("size = [4, 4]", "size = [4, 0]", "15: topology.size = 0; must be two integers >= 1"),
    ("size = [4, 4]", "size = [4.0, 4]", "15: topology.size = [4.0, 4]; must be two integers >= 1"),
    ("size = [4, 4]", "size = 4", "15: topology.size = 4; must be two integers >= 1"),
    ("buffer = 4\n", "buffer = 0\n", '28: link.buffer = 0; must be an integer >= 1, or "unlimited"'),
    ("buffer = 4\n", 'buffer = "none"\n', "28: link.buffer = 'none'; must be an integer >= 1"),
    ("[link]", '[link]\nintake = 4', "26: link.intake: unknown key; must be one of grade, source, service"),
    ('intake = "unlimited"', "buffer = 4", "23: axon_out.buffer: unknown key; must be one of grade, source, service"),
    ('grade = "assumed"', 'grade = "asumed"', "4: grade = 'asumed', did you mean 'assumed'?"),
    ('grade = "assumed"', "", "11: time.discipline has no grade; must have one"),
    ('source = "eventsim"', "", "11: time.discipline has no source; must have one"),
    ('source = "eventsim"', 'source = "evensim"', "5: source = 'evensim', did you mean 'eventsim'?"),
    ('[core]', '[core]\nsource = "me"', "33: core.source = 'me'; must be one of [sources]: eventsim"),
    ('eventsim = "Chosen', 'Eventsim = "Chosen', "8: sources: 'Eventsim'; a name of a source must be letters a to z"),
    ('name = "mesh"', "", "1: name is missing; must be given"),
    ('name = "mesh"', 'name = "My chip"', "1: name = 'My chip'; must be letters a to z"),
    ('axon_in = "10 ns"', 'axon_in = {value = "1 ns", range = ["1 ns", "2 ns"]}', "33: core.axon_in = {"),
    ('axon_in = "10 ns"', 'axon_in = {range = ["3 ns", "2 ns"]}', "33: core.axon_in: its range does not rise"),
    ('axon_in = "10 ns"', 'axon_in = {range = ["1 ns", "2"]}', "33: core.axon_in = '2': it has no unit"),
    ('axon_in = "10 ns"', 'axon_in = {value = "1 ns", grade = "conflicting"}', "33: core.axon_in: grade 'conflicting'"),
    ('axon_in = "10 ns"', 'axon_in = {value = "1 ns", sorce = "x"}', "33: core.axon_in.sorce: unknown key, did"),
    ('axon_in = "10 ns"', 'axon_in = {value = "1 ns", note = 3}', "33: core.axon_in.note = 3; must be a text"),
    ('axon_in = "10 ns"', "axon_in = 2026-01-01", "33: core.axon_in = datetime.date(2026, 1, 1)"),
    ("weight_bits = 8", "weight_bits = nan", "55: limits.weight_bits = nan; must be an integer >= 1"),
    ("[limits]", '[prices]\nhops = "1 pJ"\n[limits]', "54: prices.hops: this is no part of a mesh"),
    ("[limits]", '[time.barrier_by_tiles]\n0 = "1 us"\n[limits]', "54: time.barrier_by_tiles.0: unknown key"),
    ("[limits]", '[time.barrier_by_tiles]\n1 = "1"\n[limits]', "54: time.barrier_by_tiles.1 = '1': it has no unit"),
    ("[limits]", TWO_BARRIERS, "54: time.barrier_by_tiles.1: time.barrier_by_cores is there, too"),
    ("[time]", '[time]\nlate = "clamp"', "11: time.late = 'clamp'; must be one of deliver, drop: what is late cannot"),
    ("[time]", '[time]\nlate = "dorp"', "11: time.late = 'dorp', did you mean 'drop'?; must be one of deliver, drop"),
    ("[time]", "[time", "10: this is no TOML"),
    ('name = "mesh"', 'name = "mesh\\n"', "1: name = 'mesh\\n'; must be letters a to z"),
    ("[limits]", '[time.barrier_by_cores]\n1 = "1 s"\n"٢" = "2 s"\n[limits]', "55: time.barrier_by_cores.٢: unk"),
    ("[limits]", '[time.barrier_by_cores]\n1 = "1 s"\n"2\\n" = "2 s"\n[limits]', "55: time.barrier_by_cores.2\n: unkn"),
    ("size = [4, 4]", f"positions = [[{10**400}, 0]]", "15: topology.positions = "),
    ("size = [4, 4]", "positions = [[1000001, 0]]", "15: topology.positions = 1000001; must be different places"),
    ("size = [4, 4]", "size = [4, 4]\ncores = {range = [17, 20]}", "16: topology.cores: 17 to 20 are more than 16 "),
    ("size = [4, 4]", f"size = [4, 4]\ncores = {2**53}", f"16: topology.cores: {2**53} are more than 1,000,000 cores"),
    ("size = [4, 4]", f"size = [4, 4]\ncores_per_tile = {2**53}", "16: topology.cores_per_tile: 900719925474"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "instead", "message"), MALFORMED)
def test_a_malformed_file_is_refused_with_line_and_key(
    written: str, instead: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "my.toml"
    assert written in MESH
    path.write_text(MESH.replace(written, instead, 1), encoding="utf-8")
    with pytest.raises(FileFormatError) as error:
        hardware.chip(path)
    assert f"my.toml, line {message}" in str(error.value)
    assert "must " in str(error.value)


def test_a_number_of_cores_may_be_a_range_until_somebody_needs_it() -> None:
    mesh = hardware.chip("mesh").replace({"topology.cores": {"range": [8, 17]}, "topology.cores_per_tile": 2})
    assert [mesh.at(end).n_cores for end in ("low", "high")] == [8, 17]
    with pytest.raises(InputError, match=r"topology\.cores is a range, 8 to 17"):
        _ = mesh.n_cores


@pytest.mark.parametrize("count", [10**6 + 1, 2**53])
@pytest.mark.parametrize("name", ["mesh", "aer_bus"])
def test_more_cores_than_can_be_listed_are_refused_at_once(name: str, count: int) -> None:
    for key in ("topology.cores", "topology.cores_per_tile"):
        with pytest.raises(InputError, match=rf"{key}: {count} .*are more than 1,000,000 cores; must be fewer"):
            hardware.chip(name).replace({key: count})


DAMAGES: list[tuple[str, str, Any]] = [
    ("core.axon_in", "grade", "good"), ("core.axon_in", "grade", ["text"]), ("core.axon_in", "sources", 0),
    ("core.axon_in", "sources", [1]), ("core.axon_in", "note", 3), ("core.axon_in", "contains", -1),
    ("core.axon_in", "text", None), ("core.axon_in", "low", "1 ns"), ("core.axon_in", "low", float("nan")),
    ("core.axon_in", "high", -1.0), ("core.axon_in", "low", True), ("core.full", "low", "wait"),
    ("topology.size", "high", [1, 1]), ("topology.size", "low", 4), ("core.buffer", "low", []),
]  # fmt: skip


@pytest.mark.parametrize(("key", "part", "value"), DAMAGES)
def test_a_damaged_description_of_a_chip_is_refused(key: str, part: str, value: Any) -> None:
    said = described(hardware.chip("mesh"))
    assert chip_from(said).facts == hardware.chip("mesh").facts
    said["facts"][key][part] = value
    with pytest.raises(InputError, match="a description of a chip is damaged"):
        chip_from(said)


@every_chip
def test_a_chip_is_what_its_description_describes(name: str) -> None:
    chip = hardware.chip(name)
    again = chip_from(json.loads(json.dumps(described(chip))))
    assert (again.facts, again.sources, str(again)) == (chip.facts, chip.sources, str(chip))


def test_a_tree_branches() -> None:
    tree = {"topology.kind": "tree", "topology.cores": 4, "topology.branching": 1}
    with pytest.raises(InputError, match=r"topology\.branching = 1; must be an integer >= 2\. Mend it"):
        hardware.chip("aer_bus").replace(tree)
    with pytest.raises(InputError, match=r"Tree: branching = 1; must be an integer >= 2"):
        Tree(4, 1)


def lines_cut(whole: str, rng: random.Random) -> str:
    lines = whole.splitlines()
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def lines_exchanged(whole: str, rng: random.Random) -> str:
    lines = whole.splitlines()
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return "\n".join(lines)


def word_replaced(whole: str, rng: random.Random) -> str:
    """A word, number, name or mark of the file in place of another one, from it or from what TOML has."""
    words = re.findall(r"\w+|\S", whole)
    strange = [
        "nan",
        "-inf",
        "[",
        "{",
        "}",
        '"',
        "1979-05-27",
        "true",
        "[]",
        "{}",
        "1e400",
        "-1",
        "0",
        '"1e-400 s"',
        "''",
    ]
    place = rng.choice(list(re.finditer(r"\w+|\S", whole)))
    return whole[: place.start()] + rng.choice([*words, *strange]) + whole[place.end() :]


def bytes_damaged(whole: str, rng: random.Random) -> bytes:
    return damaged(whole.encode(), rng)


MUTATIONS: list[Callable[[str, random.Random], str | bytes]] = [
    lines_cut,
    lines_exchanged,
    word_replaced,
    bytes_damaged,
]


def read_or_refused(path: Path) -> hardware.Chip | str:
    """The chip, or the message; any other error is a failure."""
    try:
        return hardware.chip(path)
    except FileFormatError as error:
        return str(error)


def test_mutated_files_are_read_or_refused_in_words(tmp_path: Path) -> None:
    rng = random.Random(0)
    texts = [presets.path(name).read_text(encoding="utf-8") for name in hardware.chips()]
    path = tmp_path / "my.toml"
    n_read = n_with_line = 0
    for number in range(N_MUTATED):
        mutated = MUTATIONS[number % len(MUTATIONS)](texts[number % len(texts)], rng)
        path.write_bytes(mutated if isinstance(mutated, bytes) else mutated.encode())
        answer = read_or_refused(path)
        if isinstance(answer, hardware.Chip):
            n_read += 1
            assert str(answer)
            assert pickle.loads(pickle.dumps(answer)) == answer
        else:
            assert "must be" in answer or "must have" in answer
            assert len(answer) < 1600
            n_with_line += "my.toml, line " in answer
    assert N_MUTATED - n_read > 0.5 * N_MUTATED
    assert n_read > 0.1 * N_MUTATED
    assert n_with_line == N_MUTATED - n_read


def test_without_jsonschema_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(InputError, match=r"eventsim\.hardware needs jsonschema, .* pip install 'eventsim\[hardware\]'"):
        hardware.chip("mesh")


def test_chips_go_by_name_or_by_file(tmp_path: Path) -> None:
    path = tmp_path / "mesh2.toml"
    path.write_text(MESH, encoding="utf-8")
    assert hardware.chip(path) == hardware.chip(str(path)) == hardware.chip("mesh")
    assert hardware.chips() == sorted(hardware.chips())
    with pytest.raises(InputError, match=r"name = 'lohi', did you mean 'loihi'\?; must be one of aer_bus, .*\.toml"):
        hardware.chip("lohi")
    with pytest.raises(FileFormatError, match="there is no such file; must be a TOML file of a chip"):
        hardware.chip(tmp_path / "none.toml")


def test_a_chip_is_a_value() -> None:
    loihi = hardware.chip("loihi")
    assert pickle.loads(pickle.dumps(loihi)) == loihi == hardware.chip("loihi")
    assert hash(loihi) == hash(hardware.chip("loihi"))
    assert loihi != hardware.chip("loihi").replace({"core.axon_in": "1 ns"})
    assert loihi.grade == "assumed"
    assert repr(loihi) == "Chip('loihi': 44 values, 16 unknown, weakest grade 'assumed')"
    with pytest.raises(InputError, match=r"station = 'links', did you mean 'link'"):
        loihi.station("links")
    assert {row["key"] for row in loihi.table()} == {*loihi.facts}


def test_the_command_line_shows_each_chip(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "chips"]) == 0
    listed = capsys.readouterr().out
    for name in hardware.chips():
        assert f"\n{name} " in listed
        assert main(["info", name]) == 0
        assert capsys.readouterr().out == f"{hardware.chip(name)}\n"
        assert main(["info", name, "--json"]) == 0
        about = json.loads(capsys.readouterr().out)
        assert set(about["values"]) == set(hardware.chip(name).facts)
        assert tuple(about["unknown"]) == hardware.chip(name).unknown


def test_a_name_is_that_of_one_thing() -> None:
    taken = {*model_names(), *PRESETS, *kinds()}
    assert not taken & {*hardware.chips(), "chips"}


def test_every_key_has_a_place_in_the_schema_and_a_meaning() -> None:
    rules = hardware.schema()
    for name, key in KEYS.items():
        section, _, last = name.partition(".")
        assert rules["properties"][section]["properties"][last]["description"] == key.meaning
        assert len(key.meaning) > 10
    assert all(f"{station}.latency" in KEYS for station in STATIONS)
