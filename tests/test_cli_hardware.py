"""``eventsim hardware``: what it prints is the report of the same runs, and its exit codes say what happened."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import cli, hardware, models
from eventsim.cli.command import FAILED, OK, REFUSED
from eventsim.cli.files import network_of

REFERENCE = ("--engine", "reference")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands write into the current folder: give each test its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spiking network without a unit of time, and data."""
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(5)
    weights = [rng.normal(size=(12, 6)) / 2, rng.normal(size=(3, 12)) / 2]
    relu = models.read_relu({"weights": weights, "biases": [rng.normal(size=len(w)) / 10 for w in weights]})
    x = rng.random((20, 6))
    np.save(folder / "x.npy", x)
    models.to_ttfs(relu, x).save(folder / "net.npz")
    return folder


def called(capsys: Any, *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line."""
    code = cli.main(["hardware", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_prints_the_report_of_the_same_runs(capsys: Any, made: Path) -> None:
    words = (made / "net.npz", made / "x.npy", "--target", "mesh", "--time-unit", "1e-7", *REFERENCE)
    code, out, err = called(capsys, *words, "--set", "limits.neurons_per_core=5", "--strategy", "linear")
    assert (code, err) == (OK, "")
    relu = eventsim.load_network(made / "net.npz")
    net = cli.hardware.timed(relu, 1e-7)
    placed = hardware.chip("mesh").replace({"limits.neurons_per_core": 5}).place(net, "linear")
    x = np.load(made / "x.npy")
    ideal, run = (eventsim.simulate(net, x, engine="reference", transport=one) for one in (None, placed))
    assert out == f"{placed.placement}\n\n{hardware.report(run, ideal)}\n"
    code, out, _ = called(capsys, *words, "--json", "--prices", "loihi", "--out", "run.npz")
    content = json.loads(out)
    assert (code, content["passed"], content["saved"]) == (OK, True, "run.npz")
    assert content["energy"]["chip"] == "loihi"
    assert content["placement"]["strategy"] == "by_layer"
    assert eventsim.load_run("run.npz", net).latency().counted == content["latency"]["packets"]


def test_a_picture_of_the_load_is_drawn(capsys: Any, made: Path, here: Path) -> None:
    words = (made / "net.npz", made / "x.npy", "--target", "mesh", "--time-unit", "1e-7", *REFERENCE)
    code, out, _ = called(capsys, *words, "--plot", "load.png")
    assert code == OK
    assert out.endswith("\nwritten: load.png\n")
    assert (here / "load.png").read_bytes().startswith(b"\x89PNG")


ON_CHIP: dict[str, tuple[str, ...]] = {
    "timeline": ("--population", "dense1"), "load": (), "waits": (), "deliveries": ("--sample", "3"),
    "path": ("--population", "input", "--neurons", "2"),
}  # fmt: skip


def test_every_picture_of_a_chip_is_drawn_of_a_saved_run(capsys: Any, made: Path, here: Path) -> None:
    """The file of the network has no unit of time: the run says which one it had there."""
    words = (made / "net.npz", made / "x.npy", "--target", "mesh", "--time-unit", "1e-7", *REFERENCE)
    assert called(capsys, *words, "--out", "run.npz")[0] == OK
    plots = {name for name in cli.plot.KINDS if name in cli.plot.ON_CHIP}
    assert {*ON_CHIP} == plots
    for kind, more in ON_CHIP.items():
        draw = ["plot", "run.npz", "--kind", kind, *more]
        assert cli.main([*draw, "--network", str(made / "net.npz")]) == OK
        assert (here / f"{kind}.png").read_bytes().startswith(b"\x89PNG")
        capsys.readouterr()
        assert cli.main(draw) == REFUSED
        assert "needs --network NET.npz" in capsys.readouterr().err
    assert cli.main([*draw[:6], "--network", str(made / "net.npz")]) == REFUSED
    assert "path of 1 populations and 0 neurons; must be one of each" in capsys.readouterr().err


def test_a_run_on_a_chip_is_verified_whose_network_had_its_unit_of_time_there(capsys: Any, made: Path) -> None:
    words = (made / "net.npz", made / "x.npy", "--target", "mesh", "--time-unit", "1e-6", *REFERENCE)
    assert called(capsys, *words, "--out", "run.npz")[0] == OK
    assert cli.main(["verify", str(made / "net.npz"), str(made / "x.npy"), "--run", "run.npz"]) == OK
    assert network_of(made / "net.npz", Path("run.npz")).time_unit == 1e-6
    assert network_of(made / "net.npz", None).time_unit is None
    eventsim.simulate(eventsim.load_network(made / "net.npz"), np.load(made / "x.npy"), engine="reference").save(
        "own.npz"
    )
    assert network_of(made / "net.npz", Path("own.npz")).time_unit is None


def test_too_many_flips_are_a_check_that_failed(capsys: Any, made: Path) -> None:
    words = (made / "net.npz", made / "x.npy", "--target", "mesh", "--json", *REFERENCE)
    code, out, err = called(capsys, *words, "--time-unit", "1e-8", "--max-flips", "0.1")
    share = json.loads(out)["flips"]["share"]
    assert (code, json.loads(out)["passed"]) == (FAILED, False)
    assert err.startswith(f"eventsim: error: {share:.3%} of decisions flip; must be at most 10.000% (--max-flips).")
    code, out, err = called(capsys, *words, "--time-unit", "1e-3", "--max-flips", "0")
    assert (code, json.loads(out)["flips"]["share"], err) == (OK, 0, "")


def test_a_check_of_decisions_needs_some(capsys: Any, tmp_path: Path) -> None:
    net = eventsim.Network(time_unit=1e-6)
    net.source(2, "input")
    net.population("if_delta", 2, "cells", v_threshold=0.5)
    net.connect("input", "cells", eventsim.OneToOne([1.0, 1.0]))
    net.save(tmp_path / "plain.npz")
    np.savez(tmp_path / "times.npz", times=np.array([[0.0, 1.0]]))
    words = (tmp_path / "plain.npz", tmp_path / "times.npz", "--target", "mesh", *REFERENCE)
    code, out, err = called(capsys, *words, "--max-flips", "0")
    assert (code, out) == (REFUSED, "")
    assert "--max-flips of a network in which nothing decides; must have a read-out of several values" in err
    assert called(capsys, *words, "--max-flips", "0", "--output", "cells")[0] == OK
    assert called(capsys, *words)[0] == OK


def test_a_network_keeps_all_but_its_unit_of_time(made: Path) -> None:
    net = eventsim.load_network(made / "net.npz")
    other = cli.hardware.timed(net, 1e-6)
    assert (net.time_unit, other.time_unit) == (None, 1e-6)
    assert cli.hardware.timed(other, None) is other
    assert other.provenance == net.provenance
    x = np.load(made / "x.npy")
    assert eventsim.compare(*(eventsim.simulate(one, x, engine="reference") for one in (net, other))).same


def test_values_of_the_chip_are_words_numbers_and_lists(made: Path) -> None:
    parser = cli.build_parser()
    words = ["hardware", "net.npz", "x.npy", "--target", "mesh"]
    for given in ("topology.size=[2, 3]", "core.buffer=7", "core.full=drop", "core.axon_in = 3 ns"):
        words += ["--set", given]
    found = cli.hardware.chip_of(parser.parse_args(words))
    assert (found.n_cores, found.need("core.buffer"), found.need("core.full")) == (6, 7, "drop")
    assert found.need("core.axon_in") == 3e-9


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "hardware: the network does not say how long its unit of time is; must be known"),
        (("--time-unit", "0"), "argument --time-unit: '0' is not > 0; see eventsim hardware --help"),
        (("--time-unit", "1e-6", "--max-flips", "2"), "hardware: --max-flips 2; must be a share, 0 to 1"),
        (("--time-unit", "1e-6", "--set", "core.buffer"), "hardware: --set core.buffer; must be KEY=VALUE"),
        (("--time-unit", "1e-6", "--set", "core.bufer=3"), "key = 'core.bufer', did you mean 'core.buffer'?"),
        (("--time-unit", "1e-6", "--set", "core.axon_in=" + "[" * 5000), "core.axon_in = '[[["),
        (("--time-unit", "1e-320"), "in_units: 5e-09 s with a time_unit of 9.99989e-321 s; must be a number"),
        (("--time-unit", "1e-6", "--target", "mehs"), "'mehs', did you mean 'mesh'"),
        (("--time-unit", "1e-6", "--target", "loihi"), "loihi has steps that end at a barrier"),
        (("--time-unit", "1e-6", "--strategy", "lineal"), "strategy = 'lineal', did you mean 'linear'"),
        (("--time-unit", "1e-6", "--output", "dense2"), "report: output = 'dense2'"),
        (("--time-unit", "1e-6", "--out", "no/run.npz"), "no/run.npz"),
    ],
)
def test_what_cannot_be_put_on_a_chip_is_refused_in_one_line(
    capsys: Any, made: Path, words: tuple[str, ...], message: str
) -> None:
    code, out, err = called(capsys, made / "net.npz", made / "x.npy", "--target", "mesh", *REFERENCE, *words)
    assert (code, out, err.count("\n")) == (REFUSED, "", 1)
    assert message in err


def test_every_option_comes_to_the_run(capsys: Any, made: Path) -> None:
    """What a run's own file says of how it was made."""
    x = np.load(made / "x.npy")
    x[0, 0] = 1.5
    np.save("beyond.npy", x)
    words = (made / "net.npz", "beyond.npy", "--target", "mesh", "--time-unit", "1e-6", *REFERENCE)
    code, _, err = called(capsys, *words)
    assert code == REFUSED
    assert "1.5" in err
    more = ("--clip", "--seed", "7", "--until", "2.5", "--pools", "neurons", "--strategy", "spiral", "--out", "r.npz")
    code, out, _ = called(capsys, *words, *more, "--json", "--set", "core.arbiter=random")
    assert code == OK
    run = eventsim.load_run("r.npz")
    assert run.counters["clipped"] == 1
    assert run.provenance["seed"] == 7
    assert run.reached.tolist() == [2.5] * len(x)
    assert run.provenance["transport"]["placement"]["pools"] == json.loads(out)["pools"] == "neurons"
    assert run.provenance["transport"]["placement"]["strategy"] == "spiral"
    assert run.provenance["transport"]["chip"]["facts"]["core.arbiter"]["low"] == "random"
