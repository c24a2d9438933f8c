"""The command line, called in this process: what is printed, what is written, and the exit code."""

# mypy: disable-error-code="arg-type"

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import eventsim
import eventsim.engines.compiled.preparing
from eventsim import _jit, cli, models
from eventsim._jit import compile_report
from eventsim.cli.command import FAILED, INTERRUPTED, OK, REFUSED, Command
from eventsim.cli.files import save_figure
from eventsim.cli.run import recorded
from eventsim.errors import InputError
from eventsim.models.relu.relu_network import (
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Flatten,
    LeakyReLU,
    MaxPool,
    ReluNetwork,
)

# Needs no compiler; for options that would compile one more loop, of which each takes seconds.
REFERENCE = ("--engine", "reference")
EXAMPLES = [line for command in cli.COMMANDS.values() for line, _ in command.examples]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Commands write into the current folder: give each test its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small ReLU network, data for it, the spiking network, and a run with error bounds."""
    folder = tmp_path_factory.mktemp("made")
    random = np.random.default_rng(7)
    weights = [random.normal(size=(6, 4)) / 2, random.normal(size=(5, 6)) / 2, random.normal(size=(3, 5))]
    relu = models.read_relu({"weights": weights, "biases": [random.normal(size=len(w)) / 10 for w in weights]})
    relu.save(folder / "relu.npz")
    x = random.random((40, 4))
    np.save(folder / "x.npy", x)
    net = models.to_ttfs(relu, x)
    net.save(folder / "net.npz")
    eventsim.simulate(net, x, error_bounds=True, threads=1).save(folder / "run.npz")
    return folder


def called(capsys, *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line."""
    code = cli.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys, *words: object) -> str:
    """The message of a command line that is refused: exit code 2, one line on stderr, nothing on stdout."""
    code, out, err = called(capsys, *words)
    assert (code, out) == (REFUSED, ""), (code, out, err)
    assert err.startswith("eventsim: error: ")
    assert err.count("\n") == 1
    return err


def json_of(capsys, *words: object) -> dict:
    """What `--json` printed: stdout is one JSON object, without NaN and infinities; stderr is empty."""
    code, out, err = called(capsys, *words, "--json")
    assert (code, err) == (OK, ""), err
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


# -- help and wrong use ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_help_of_every_command_has_examples_of_it(command, capsys):
    code, out, err = called(capsys, command, "--help")
    assert (code, err) == (OK, "")
    assert f"\nexamples:\n  eventsim {command}" in out
    assert "exit codes:" in out


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_examples_of_the_help_are_accepted_by_the_parser(line):
    program, *words = shlex.split(line.partition(" > ")[0])
    assert program == "eventsim"
    assert isinstance(cli.build_parser().parse_args(words), argparse.Namespace)


def test_the_help_lists_every_command(capsys):
    code, out, _ = called(capsys, "--help")
    assert code == OK
    assert all(f"    {name} " in out for name in cli.COMMANDS)


def test_without_a_command_the_help_is_shown_and_refused(capsys):
    code, out, _ = called(capsys)
    assert code == REFUSED
    assert out.startswith("usage: eventsim")


def test_the_version_is_that_of_the_package(capsys):
    assert called(capsys, "--version")[:2] == (OK, f"eventsim {eventsim.__version__}\n")


def test_a_typo_in_a_command_is_answered_with_the_nearest_one(capsys):
    assert "unknown command 'dmeo', did you mean 'demo'?" in refused(capsys, "dmeo")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("run", "the following arguments are required: NET.npz; see eventsim run --help"),
        ("run net.npz x.npy --threads 0", "'0' is not a whole number >= 1"),
        ("run net.npz x.npy --max-time -1", "'-1' is not > 0"),
        ("run net.npz x.npy --until soon", "'soon' is not a finite number"),
        ("run net.npz x.npy --engine fast", "invalid choice: 'fast'"),
        ("convert relu.npz", "the following arguments are required: --calibrate"),
        (
            "convert relu.npz --calibrate x.npy --out net.npz --windows 1,wide",
            "must be calibrated, published, certified, or",
        ),
        ("plot run.npz --neurons 1,b", "'b' is not a whole number >= 0"),
        ("info --frobnicate", "unrecognized arguments: --frobnicate"),
    ],
)
def test_wrong_use_is_refused_in_one_line(words, message, capsys):
    assert message in refused(capsys, *words.split())


def test_interruption_leaves_no_traceback(capsys, monkeypatch):
    def interrupt(options):
        raise KeyboardInterrupt

    changed = Command("info", "interrupt", (), cli.COMMANDS["info"].add_arguments, interrupt)
    monkeypatch.setitem(cli.COMMANDS, "info", changed)
    assert called(capsys, "info") == (INTERRUPTED, "", "\neventsim: interrupted\n")


def test_a_reader_that_leaves_early_leaves_no_traceback(made):
    code = "import sys; from eventsim.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "info", "--json"]
    reading, writing = os.pipe()
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, text=True) as process:
        os.close(reading)
        os.close(writing)
        assert process.communicate()[1] == ""


def test_help_does_not_wait_for_matplotlib():
    code = (
        "import sys\nfrom eventsim.cli import main\ntry:\n    main(['run', '--help'])\nfinally:\n"
        "    print(sorted({'matplotlib', 'eventsim.models', 'eventsim.viz'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# -- convert, run, verify, plot, info ----------------------------------------------------------------------------------


def test_convert_saves_the_network_that_to_ttfs_makes(made, capsys):
    out = json_of(capsys, "convert", made / "relu.npz", "--calibrate", made / "x.npy", "--out", "n.npz")
    assert out["hash"] == eventsim.load_network(made / "net.npz").hash() == eventsim.load_network("n.npz").hash()
    assert [(row["layer"], row["neurons"], row["synapses"]) for row in out["layers"]] == [
        ("input", 4, 0),
        ("dense1", 6, 24),
        ("dense2", 5, 30),
        ("output", 3, 15),
    ]


def test_convert_prints_the_spikes_that_the_simulation_then_counts(made, capsys):
    layers = json_of(capsys, "convert", made / "relu.npz", "--calibrate", made / "x.npy", "--out", "n.npz")["layers"]
    run = eventsim.load_run(made / "run.npz")
    for row in layers[1:3]:
        assert row["spikes_per_neuron"] == run.n_spikes(row["layer"]) / (row["neurons"] * run.n_samples)


def test_convert_estimates_the_events_and_gives_the_safe_windows_of_certify(made, capsys):
    out = json_of(capsys, "convert", made / "relu.npz", "--calibrate", made / "x.npy", "--out", "n.npz")
    run = eventsim.load_run(made / "run.npz")
    x = np.load(made / "x.npy")
    for row in out["layers"][1:]:
        # Dense: every spike before reaches all neurons, so the estimate is exact.
        events = run.counters["by_population"][row["layer"]]["visited"] / run.n_samples
        assert row["events_per_sample"] == pytest.approx(events, rel=1e-12)
    certificates = models.certify(eventsim.load_network("n.npz"), x)
    safe = {row["layer"]: row["safe_window"] for row in out["layers"] if row["safe_window"] is not None}
    assert safe == certificates.safe_windows
    assert (out["certified_samples"], out["folded"], out["dropped"]) == (len(x), [], [])


def test_convert_says_what_was_folded(here, capsys):
    rng = np.random.default_rng(0)
    layers = [
        Conv("first", rng.normal(size=(2, 1, 3)), np.zeros(2), True, padding=1),
        Conv("second", rng.normal(size=(2, 2, 3)), np.zeros(2), False, padding=1),
        BatchNorm("norm", np.ones(2), np.zeros(2), np.zeros(2), np.ones(2)),
        Add("sum", True), Concat("both"), MaxPool("pool", (2,)), Flatten("flat"),
        Dense("output", rng.normal(size=(2, 16)), np.zeros(2), False),
    ]  # fmt: skip
    inputs = {"sum": ["norm", "first"], "both": ["first", "sum"]}
    ReluNetwork(layers, (1, 8), inputs=inputs).save("branches.npz")
    np.save("x.npy", rng.random((4, 1, 8)))
    words = ("convert", "branches.npz", "--calibrate", "x.npy", "--out", "n.npz")
    out = json_of(capsys, *words)
    assert out["folded"] == ["second", "norm"]
    assert [row["layer"] for row in out["layers"]] == ["input", "first", "sum", "pool.1", "pool.2", "output"]
    assert "folded into their neighbours: second, norm\n" in called(capsys, *words)[1]
    assert "sum" in called(capsys, "info", "branches.npz")[1]
    assert called(capsys, "verify", "n.npz", "branches.npz", "x.npy")[0] == OK


def test_convert_says_whose_values_two_populations_carry(here, capsys):
    rng = np.random.default_rng(0)
    layers = [
        Conv("first", rng.normal(size=(2, 1, 3)), np.zeros(2), False, padding=1), LeakyReLU("leaky", [0.1, 0.2]),
        Conv("linear", rng.normal(size=(2, 2, 3)), np.zeros(2), False), Flatten("flat"),
        Dense("output", rng.normal(size=(2, 12)), np.zeros(2), False),
    ]  # fmt: skip
    ReluNetwork(layers, (1, 8)).save("signed.npz")
    np.save("x.npy", rng.random((4, 1, 8)))
    words = ("convert", "signed.npz", "--calibrate", "x.npy", "--out", "n.npz")
    out = json_of(capsys, *words)
    split = {"leaky": ["first", "first.negative"], "linear": ["linear", "linear.negative"]}
    assert (out["split"], out["folded"]) == (split, [])
    names = ["input", "first", "first.negative", "linear", "linear.negative", "output"]
    assert [row["layer"] for row in out["layers"]] == names
    assert None not in [row["spikes_per_neuron"] for row in out["layers"][:-1]]
    both = "above and below 0: leaky (first, first.negative), linear (linear, linear.negative)\n"
    assert both in called(capsys, *words)[1]
    run = eventsim.simulate(eventsim.load_network("n.npz"), np.load("x.npy"))
    for row in out["layers"][1:-1]:
        assert row["spikes_per_neuron"] == run.n_spikes(row["layer"]) / (row["neurons"] * run.n_samples)
    assert called(capsys, *words[:-2])[1].endswith("not saved: give --out NET.npz\n")
    assert called(capsys, "verify", "n.npz", "signed.npz", "x.npy")[0] == OK


def test_convert_passes_its_options_on(made, capsys):
    words = ["convert", made / "relu.npz", "--calibrate", made / "x.npy", "--out", "n.npz"]
    alpha = json_of(capsys, *words, "--slope", "alpha1")["layers"]
    assert [row["kind"] for row in alpha] == ["source", "ttfs_alpha1", "ttfs_alpha1", "integrator"]
    given = json_of(capsys, *words, "--windows", "10,20")["layers"]
    assert [row["window"] for row in given[1:3]] == [[0, 1, 11], [1, 11, 31]]
    wide = json_of(capsys, *words, "--margin", "1", "--input-range", "-1", "2")
    assert eventsim.load_network("n.npz").hash() == wide["hash"]
    assert eventsim.load_network("n.npz").sources[0].value_range == (-1, 2)


def test_the_table_of_convert_is_aligned(made, capsys):
    code, out, err = called(capsys, "convert", made / "relu.npz", "--calibrate", made / "x.npy", "--out", "n.npz")
    table = out.splitlines()[:5]
    assert (code, err) == (OK, "")
    heads = "layer kind neurons synapses window safe window spikes per neuron events per sample"
    assert table[0].split() == heads.split()
    assert len({len(line) for line in table}) == 1


def test_a_run_of_the_command_line_is_that_of_python(made, capsys):
    out = json_of(capsys, "run", made / "net.npz", made / "x.npy", "--out", "r.npz", "--error-bounds")
    run, expected = eventsim.load_run("r.npz"), eventsim.load_run(made / "run.npz")
    assert np.array_equal(run.spikes, expected.spikes)
    assert out["counters"]["spikes"] == expected.counters["spikes"]
    assert out["predictions"] == expected.predictions.tolist()
    assert out["complete"]
    assert out["error"] is None


def test_the_stages_of_hardware_are_passed_on(made, capsys):
    words = ["run", made / "net.npz", made / "x.npy", "--jitter", "0.01", "--clock", "0.05", "--bus", "1e-4"]
    first = json_of(capsys, *words, *REFERENCE, "--seed", "3")["provenance"]
    assert [fault["fault"] for fault in first["faults"]] == ["jitter", "clock"]
    assert (first["seed"], first["transport"]["service_time"]) == (3, 1e-4)


def test_a_bus_is_reported(made, capsys):
    code, out, _ = called(capsys, "run", made / "net.npz", made / "x.npy", "--bus", "0.01", *REFERENCE)
    assert code == OK
    assert "spikes, waiting mean" in out


def test_membranes_are_recorded_and_drawn(made, capsys):
    words = ["run", made / "net.npz", made / "x.npy", *REFERENCE, "--out", "r.npz"]
    json_of(capsys, *words, "--record", "dense1:0,2", "--record", "dense2:1")
    assert eventsim.load_run("r.npz").recorded("dense1") == [0, 2]
    assert eventsim.load_run("r.npz").recorded("dense2") == [1]
    draw = ["plot", "r.npz", "--kind", "membrane", "--network", made / "net.npz"]
    assert called(capsys, *draw, "--population", "dense1")[:2] == (OK, "written: membrane.png\n")
    assert Path("membrane.png").read_bytes().startswith(b"\x89PNG")
    assert "draws one layer; recorded are dense1, dense2" in refused(capsys, *draw)


def test_record_is_a_level_or_neurons():
    where = Path("net.npz")
    assert recorded(None, where) == "spikes"
    assert recorded(["readout"], where) == "readout"
    assert recorded(["spikes", "a:0,1", "b:2", "a:5"], where) == {"a": [0, 1, 5], "b": [2]}
    with pytest.raises(InputError, match="must be one of readout, first_spikes, spikes"):
        recorded(["readout", "a:0"], where)
    with pytest.raises(InputError, match="must be POPULATION:0,1,2"):
        recorded(["a:x"], where)


def test_a_run_that_ends_early_keeps_what_was_done_and_fails(made, capsys):
    code, out, err = called(
        capsys,
        "run",
        made / "net.npz",
        made / "x.npy",
        "--max-events",
        "20",
        "--threads",
        "1",
        "--out",
        "r.npz",
        "--json",
    )
    assert code == FAILED
    assert err.startswith("eventsim: error: simulate: sample ")
    assert json.loads(out)["complete"] is False
    assert "max_events = 20 reached" in json.loads(out)["error"]
    assert not eventsim.load_run("r.npz").complete
    assert "INCOMPLETE" in called(capsys, "info", "r.npz")[1]


def test_a_network_that_drives_itself_needs_no_data(capsys):
    net = eventsim.Network()
    noise = net.source(5, name="noise", generator=eventsim.Poisson(1.0))
    cells = net.population("lif_delta", 3, name="cells", tau_mem=10.0, v_threshold=1.0)
    net.connect(noise, cells, eventsim.Dense(np.full((3, 5), 0.6)))
    net.save("net.npz")
    out = json_of(capsys, "run", "net.npz", "--until", "20", *REFERENCE)
    assert out["counters"]["spikes"] > 0
    assert "predictions" not in out
    assert json_of(capsys, "run", "net.npz", "--until", "20", "--trials", "3", *REFERENCE)["samples"] == 3


def test_spike_times_can_be_data(capsys):
    net = eventsim.Network()
    pixels = net.source(2, name="input")
    cell = net.population("linear_psp", 1, name="cell", threshold=1.0)
    net.connect(pixels, cell, eventsim.Dense([[2.0, 1.0]]))
    net.save("net.npz")
    np.savez("data.npz", spike_times=np.array([[0.0, 0.25]]))
    json_of(capsys, "run", "net.npz", "data.npz", "--out", "r.npz", *REFERENCE)
    assert eventsim.load_run("r.npz").spike_times("cell").tolist() == [[0.41666666666666663]]


def test_verify_accepts_what_convert_makes(made, capsys):
    files = [made / "net.npz", made / "relu.npz", made / "x.npy"]
    assert json_of(capsys, "verify", *files)["ok"] is True
    assert json_of(capsys, "verify", *files, "--run", made / "run.npz")["ok"] is True
    code, out, err = called(capsys, "verify", *files)
    assert (code, err) == (OK, "")
    assert "dense1" in out


def test_verify_fails_where_the_network_is_not_that_of_the_relu_network(made, capsys):
    layers = [vars(layer) for layer in models.read_relu(made / "relu.npz").layers]
    weights = [layer["weight"].copy() for layer in layers]
    weights[1][0, 0] += 1e-6
    models.read_relu({"weights": weights, "biases": [layer["bias"] for layer in layers]}).save("other.npz")
    code, out, _ = called(capsys, "verify", made / "net.npz", "other.npz", made / "x.npy", "--json")
    assert code == FAILED
    assert json.loads(out)["ok"] is False


def test_verify_needs_no_relu_network(made, capsys):
    assert json_of(capsys, "verify", made / "net.npz", made / "x.npy")["ok"] is True
    message = refused(capsys, "verify", made / "net.npz", made / "relu.npz")
    assert "relu.npz: this is a file of eventsim" in message


def test_verify_checks_the_times_of_another_program(made, capsys):
    run = eventsim.load_run(made / "run.npz")
    times = {name: run.spike_times(name) for name in ("dense1", "dense2")}
    np.savez("times.npz", **times, output=run.readout)
    words = ("verify", made / "net.npz", made / "x.npy", "--times", "times.npz")
    code, out, err = called(capsys, *words)
    assert (code, err) == (OK, "")
    assert "OK: 40 samples" in out
    assert json_of(capsys, "verify", made / "net.npz", made / "relu.npz", *words[2:])["ok"] is True
    assert json_of(capsys, *words, "--certify")["certificates"]["ok"] is True
    sample, neuron = np.argwhere(np.isfinite(times["dense2"]))[0]
    times["dense2"][sample, neuron] += 1e-6
    np.savez("times.npz", **times)
    code, out, _ = called(capsys, *words, "--json")
    assert code == FAILED
    (found,) = [one for one in json.loads(out)["divergences"] if one["cause"] == "structural"]
    assert (found["population"], found["sample"], found["neuron"]) == ("dense2", sample, neuron)


def test_times_in_wrong_files_are_refused(made, capsys):
    run = eventsim.load_run(made / "run.npz")
    times = {name: run.spike_times(name) for name in ("dense1", "dense2")}
    words = ("verify", made / "net.npz", made / "x.npy", "--times")
    assert "there is no such file" in refused(capsys, *words, "nothing.npz")
    assert "not spike times of another program" in refused(capsys, *words, made / "run.npz")
    assert "this is one array, and nothing says of which population" in refused(capsys, *words, made / "x.npy")
    for content, message in (
        ({"dense1": times["dense1"]}, "times lacks 'dense2'"),
        (times | {"dense3": times["dense2"]}, "times has 'dense3', did you mean"),
        (times | {"dense2": times["dense2"][:, :3]}, "times of 'dense2' have shape (40, 3)"),
        ({name: held[:7] for name, held in times.items()}, "different numbers of samples"),
        (times | {"dense2": np.full((40, 5), np.nan)}, "times of 'dense2'[0, 0] = nan"),
        ({}, "times lacks 'dense1'"),
    ):
        np.savez("times.npz", **content)
        assert message in refused(capsys, *words, "times.npz")
    np.savez("times.npz", **times | {"dense2": np.array([{}], dtype=object)}, allow_pickle=True)
    assert "pickles are never loaded" in refused(capsys, *words, "times.npz")
    Path("times.npz").write_bytes(b"PK no zip")
    assert "it is damaged" in refused(capsys, *words, "times.npz")
    np.savez("times.npz", **times)
    assert "not allowed with argument" in refused(capsys, *words, "times.npz", "--run", made / "run.npz")


@pytest.mark.parametrize("kind", ["raster", "histogram"])
def test_plot_writes_a_picture_and_nothing_else(kind, made, capsys, here):
    assert called(capsys, "plot", made / "run.npz", "--kind", kind, "--out", "p.png") == (OK, "written: p.png\n", "")
    assert [path.name for path in here.iterdir()] == ["p.png"]
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("more", [(), ("--relu", "relu.npz"), ("--population", "dense1")])
def test_a_verification_is_drawn_of_a_saved_run_and_its_network(more, made, capsys, here):
    more = [made / word if word.endswith(".npz") else word for word in more]
    words = ("plot", made / "run.npz", "--kind", "verification", "--network", made / "net.npz", *more)
    assert called(capsys, *words) == (OK, "written: verification.png\n", "")
    assert "needs --network" in refused(capsys, "plot", made / "run.npz", "--kind", "verification")
    assert called(capsys, *words[:3], "windows", *words[4:6]) == (OK, "written: windows.png\n", "")
    assert "needs --network" in refused(capsys, "plot", made / "run.npz", "--kind", "windows")


def test_verify_certifies_on_request_and_fails_where_a_neuron_is_premature(made, capsys):
    words = ("verify", made / "net.npz", made / "relu.npz", made / "x.npy", "--certify")
    code, out, _ = called(capsys, *words)
    assert code == OK
    assert "certified: every neuron waits for its inputs" in out
    assert json_of(capsys, *words)["certificates"]["ok"] is True
    convert = ("convert", made / "relu.npz", "--calibrate", made / "x.npy", "--windows", "published")
    called(capsys, *convert, "--margin", "-0.7", "--out", "short.npz")
    code, out, _ = called(capsys, "verify", "short.npz", *words[2:])
    assert code == FAILED
    assert "% certified; first not: neuron" in out


def test_no_command_writes_over_what_it_reads(made, capsys):
    shutil.copy(made / "relu.npz", "relu.npz")
    shutil.copy(made / "net.npz", "net.npz")
    message = "this is a file that the command reads; give --out another name"
    convert = ("convert", "relu.npz", "--calibrate", made / "x.npy")
    assert message in refused(capsys, *convert, "--out", "relu.npz")
    assert message in refused(capsys, "run", "net.npz", made / "x.npy", "--out", "net.npz")
    assert models.read_relu("relu.npz").n_in == models.read_relu(made / "relu.npz").n_in


def test_convert_certifies_windows(made, capsys):
    words = ("convert", made / "relu.npz", "--calibrate", made / "x.npy", "--out", "safe.npz", "--windows", "certified")
    assert called(capsys, *words, "--margin", "0")[0] == OK
    assert eventsim.load_network("safe.npz").provenance["mapping"]["windows_from"] == "certified"
    assert called(capsys, "verify", "safe.npz", made / "relu.npz", made / "x.npy", "--certify")[0] == OK


def test_convert_says_what_windows_given_by_hand_make_of_the_calibration(made, capsys):
    words = ("convert", made / "relu.npz", "--calibrate", made / "x.npy", "--out", "n.npz", "--windows")
    code, out, _ = called(capsys, *words, "0.01,0.01")
    assert code == OK
    assert "% certified; first not: neuron" in out
    assert "in these windows: certified: every neuron waits" in called(capsys, *words, "50,50")[1]
    assert json_of(capsys, *words, "50,50")["certified_share"] == 1.0
    assert "did you mean 'certified'?; must be calibrated, published, certified, or lengths > 0" in refused(
        capsys, *words, "certifed"
    )


def test_a_picture_that_fails_leaves_the_old_one(here):
    class Canvas:
        @staticmethod
        def get_supported_filetypes():
            return {"png": ""}

    class Figure:
        canvas = Canvas()

        @staticmethod
        def savefig(path, **options):
            path.write_text("half of it")
            raise OSError("disk full")

    Path("p.png").write_text("old")
    with pytest.raises(OSError, match="disk full"):
        save_figure(Figure(), Path("p.png"))
    assert [(path.name, path.read_text()) for path in here.iterdir()] == [("p.png", "old")]


def test_info_knows_every_kind_of_file(made, capsys):
    assert json_of(capsys, "info", made / "net.npz")["format"] == "eventsim-network"
    assert json_of(capsys, "info", made / "relu.npz")["parameters"] == 83
    assert json_of(capsys, "info", made / "run.npz")["samples"] == 40
    assert json_of(capsys, "info", made / "x.npy")["arrays"]["array"]["shape"] == [40, 4]
    for name in ("net.npz", "relu.npz", "run.npz", "x.npy"):
        code, out, err = called(capsys, "info", made / name)
        assert (code, err) == (OK, "")
        assert out.startswith(f"{made / name}: ")
    np.savez(made / "nothing.npz")
    assert called(capsys, "info", made / "nothing.npz")[1].endswith("nothing.npz: arrays\n  no array in it\n")


def test_info_lists_versions_and_neuron_models(capsys):
    content = json_of(capsys, "info")
    assert content["versions"]["eventsim"] == eventsim.__version__
    assert {"ttfs_b1", "ttfs_alpha1", "lif_delta"} <= set(content["neuron_models"])
    lines = [line.split() for line in called(capsys, "info")[1].splitlines()]
    assert ["ttfs_alpha1", "threshold,", "alpha,", "slope"] in lines


# -- refused input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04\x95\x00", "pickles are never loaded"),
        (b"", "no .npy or .npz file of numbers"),
        (b"x,y\n1,2\n", "no .npy or .npz file of numbers"),
    ],
)
def test_data_of_another_kind_are_refused(content, message, made, capsys):
    Path("x.npy").write_bytes(content)
    assert message in refused(capsys, "run", made / "net.npz", "x.npy")


def test_arrays_of_objects_are_refused(made, capsys):
    np.save("x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "pickles are never loaded" in refused(capsys, "run", made / "net.npz", "x.npy")


def test_of_several_arrays_the_one_named_x_is_taken(made, capsys):
    x = np.load(made / "x.npy")
    np.savez("two.npz", x=x, y=np.zeros(40))
    assert json_of(capsys, "run", made / "net.npz", "two.npz")["samples"] == 40
    np.savez("two.npz", images=x, labels=np.zeros(40))
    assert "there are 2 arrays in it (images, labels)" in refused(capsys, "run", made / "net.npz", "two.npz")
    np.savez("one.npz", images=x)
    assert json_of(capsys, "run", made / "net.npz", "one.npz")["samples"] == 40


def test_files_in_the_wrong_place_are_refused_by_their_kind(made, capsys, here):
    assert "there is no such file" in refused(capsys, "run", "nothing.npz", made / "x.npy")
    assert "'eventsim-network' is needed here" in refused(capsys, "run", made / "relu.npz", made / "x.npy")
    assert "this is a file of eventsim" in refused(capsys, "run", made / "net.npz", made / "relu.npz")
    assert "there is no such file" in refused(capsys, "run", made / "net.npz", "nothing.npy")
    assert "this is a folder" in refused(capsys, "info", here)
    np.savez("times.npz", spike_times=np.zeros((1, 4)))
    message = refused(capsys, "verify", made / "net.npz", made / "relu.npz", "times.npz")
    assert "holds spike times, but values are needed" in message


def test_values_outside_the_range_are_refused_unless_clipped(made, capsys):
    np.save("x.npy", np.full((2, 4), 1.5))
    assert "8 values outside the coded range [0, 1]" in refused(capsys, "run", made / "net.npz", "x.npy")
    assert json_of(capsys, "run", made / "net.npz", "x.npy", "--clip")["counters"]["clipped"] == 8


def test_a_place_that_cannot_be_written_is_refused_before_the_work(made, capsys, here):
    for words in (
        ["run", made / "net.npz", made / "x.npy"],
        ["convert", made / "relu.npz", "--calibrate", made / "x.npy"],
        ["plot", made / "run.npz"],
    ):
        assert "does not exist; create it first" in refused(capsys, *words, "--out", "no/where.npz")
        assert "this is a folder" in refused(capsys, *words, "--out", here)


def test_a_picture_of_an_unknown_kind_or_sample_is_refused(made, capsys):
    assert "pictures of kind 'xyz' cannot be written" in refused(capsys, "plot", made / "run.npz", "--out", "p.xyz")
    assert "sample = 99" in refused(capsys, "plot", made / "run.npz", "--sample", "99")
    assert "membrane traces not recorded" in refused(capsys, "plot", made / "run.npz", "--kind", "membrane")


def test_a_run_of_another_network_is_refused(made, capsys):
    json_of(capsys, "convert", made / "relu.npz", "--calibrate", made / "x.npy", "--out", "n.npz", "--margin", "2")
    refused(capsys, "verify", "n.npz", made / "relu.npz", made / "x.npy", "--run", made / "run.npz")
    with pytest.raises(InputError, match="a run of another network"):
        eventsim.load_run(made / "run.npz", eventsim.load_network("n.npz"))


# -- the demo and its seconds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_the_demo_verifies_and_draws(slope, capsys, here):
    out = json_of(capsys, "demo", "--images", "20", "--slope", slope)
    assert out["ok"] is True
    assert out["check"]["same_spikes"] is True
    assert out["run"]["accuracy"] == out["relu"]["accuracy"]
    assert out["verify"]["agreement"] == 1.0
    assert out["run"]["counters"]["premature"] == out["run"]["counters"]["late"] == 0
    names = {path.name for path in (here / "demo").iterdir()}
    assert names >= {
        "raster.png",
        "membrane.png",
        "histogram.png",
        "verification.png",
        "windows.png",
        "net.npz",
        "relu.npz",
    }


def test_what_the_demo_proposes_works(capsys):
    code, out, _ = called(capsys, "demo", "--images", "5", "--out", "d")
    assert code == OK
    assert all(f"\n{step}  " in out for step in range(1, 7))
    proposed = [line.strip() for line in out.partition("What next")[2].splitlines() if line.startswith("  eventsim")]
    assert len(proposed) >= 4
    for line in proposed:
        words = shlex.split(line)[1:]
        assert called(capsys, *words, *(REFERENCE if words[0] == "run" else ()))[0] == OK, line


def test_the_demo_has_no_more_images_than_there_are(capsys):
    assert "must be 1 to 400" in refused(capsys, "demo", "--images", "401")


def test_the_time_until_a_loop_can_run_is_counted_once_for_all_threads_that_wait():
    before, meet = compile_report().ready_seconds, threading.Barrier(2)

    def get_code():
        meet.wait()
        time.sleep(0.05)

    ready = _jit.report.made_ready(get_code)
    started = time.perf_counter()
    threads = [threading.Thread(target=ready) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.05 <= compile_report().ready_seconds - before <= time.perf_counter() - started


def test_the_seconds_of_a_run_are_without_the_time_until_its_loop_can_run(made, monkeypatch):
    net, x = eventsim.load_network(made / "net.npz"), np.load(made / "x.npy")
    prepare = eventsim.engines.compiled.preparing.prepare

    def slow(task, sample):
        time.sleep(0.2)
        return prepare(task, sample)

    monkeypatch.setattr(eventsim.engines.compiled.preparing, "prepare", slow)
    started = time.perf_counter()
    run = eventsim.simulate(net, x, error_bounds=True, threads=1)
    assert run.provenance["seconds"] <= time.perf_counter() - started - 0.2
