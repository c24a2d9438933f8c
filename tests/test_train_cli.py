"""``eventsim train`` and the plans behind it: files and flags, what is written, what stops it, and how it goes on."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import cli, models
from eventsim.cli.command import FAILED, INTERRUPTED, OK, REFUSED
from eventsim.errors import InputError, NetworkError
from eventsim.files.archive import read_archive
from eventsim.models.train.carry_out import carry_out
from eventsim.models.train.optimizers import SGD, Adam
from eventsim.models.train.plan import KEYS, Plan, plan_of
from eventsim.models.train.plan_file import read_plan, write_plan
from eventsim.models.train.spiking import spiking_network
from eventsim.models.train.text import CHOICES, EXAMPLES, made
from eventsim.models.train.training import accuracy
from eventsim.models.train.windows import Certified

FILES = ["checkpoint.npz", "curves.png", "log.csv", "plan.toml", "relu.npz", "spiking.npz"]
JUDGE = "events:samples=2,engine=reference"
CONFIG = """
data = "points.npz"
architecture = "8-3"
epochs = 2
optimizer = {rule = "adam", rate = 0.01}

[judge]
rule = "events"
samples = 2
engine = "reference"

[windows]
rule = "quantile"
q = 1.0
margin = 9.0
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, with data of three classes and a plan."""
    monkeypatch.chdir(tmp_path)
    draws = np.random.default_rng(0)
    x = draws.random((90, 5))
    np.savez(tmp_path / "points.npz", x=x, y=x[:, :3].argmax(axis=1))
    (tmp_path / "my.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def called(capsys: Any, *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line."""
    code = cli.main(["train", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def arrays(folder: Path) -> dict[str, bytes]:
    """Whatever a checkpoint holds but for its history, which has the seconds of epochs."""
    header, found = read_archive(folder / "checkpoint.npz", "eventsim-training", 1)
    return {name: values.tobytes() for name, values in found.items()} | {"windows": repr(header["windows"]).encode()}


def logged(folder: Path) -> list[dict[str, str]]:
    """The rows of the log."""
    with (folder / "log.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_plan_in_a_file_is_trained_and_all_files_are_written(capsys: Any, here: Path) -> None:
    code, out, err = called(capsys, "my.toml")
    assert (code, err) == (OK, "")
    assert sorted(one.name for one in (here / "my").iterdir()) == FILES
    assert "epoch 2: loss " in out
    assert "judge: 100.00% of 2 decided alike, premature: none" in out
    outcome = carry_out(read_plan("my.toml"))
    network = outcome.training.network
    test = models.data.load("points.npz").test
    relu, net = models.ReluNetwork.load("my/relu.npz"), eventsim.load_network("my/spiking.npz")
    assert net.hash() == outcome.spiking.hash()
    x = test.values()
    assert np.array_equal(relu.forward(x), outcome.relu.forward(x))
    right = float((network.outputs(x).argmax(axis=1) == test.labels).mean())
    assert f"test accuracy {100 * right:.2f} %" in out
    run = eventsim.simulate(net, x, engine="reference", progress=False)
    assert np.array_equal(run.predictions, network.outputs(x).argmax(axis=1))
    rows = logged(here / "my")
    assert list(rows[0]) == [
        "epoch", "loss", "accuracy", "validation", "rate", "seconds", "window.dense1", "samples", "agreement",
        "spikes_per_neuron", "premature.dense1",
    ]  # fmt: skip
    for row, epoch in zip(rows, outcome.training.history, strict=True):
        assert float(row["loss"]) == epoch.loss
        assert float(row["window.dense1"]) == epoch.windows["dense1"]
        assert (row["premature.dense1"], row["agreement"], row["rate"]) == ("0", "1.0", "0.01")


def test_flags_take_the_place_of_the_file_and_a_program_reads_json(capsys: Any) -> None:
    words = ("my.toml", "--slope", "alpha1", "--epochs", 1, "--judge", "none", "--windows", "growth", "--json")
    code, out, err = called(capsys, *words, "--out", "other")
    assert (code, err) == (OK, "")
    content = json.loads(out)
    assert [epoch["number"] for epoch in content["epochs"]] == [1]
    assert content["epochs"][0]["verdict"] is None
    assert content["files"]["spiking"] == "other/spiking.npz"
    plan = read_plan("other/plan.toml")
    assert (plan.slope, plan.epochs, plan.judge, plan.architecture) == ("alpha1", 1, "none", "8-3")
    (dense, _) = eventsim.load_network("other/spiking.npz").populations
    assert dense.model.name == "ttfs_alpha1"


def test_outputs_that_fire_are_trained_by_flags_and_by_files_alike(capsys: Any) -> None:
    """The first that fires decides, on the test data too; without a loss of spike times it is said which there are."""
    words = ("my.toml", "--architecture", "8-3-relu", "--silent", 0.5, "--epochs", 2)
    code, out, err = called(capsys, *words, "--loss", "first_spike:tau=0.5", "--out", "fires")
    assert (code, err) == (OK, "")
    outcome = carry_out(read_plan("fires/plan.toml"))
    network, test = outcome.training.network, models.data.load("points.npz").test
    assert outcome.training.silent == 0.5
    assert f"test accuracy {100 * accuracy(network, test.values(), test.labels):.2f} %" in out
    assert [one.name for one in eventsim.load_network("fires/spiking.npz").populations] == [
        "dense1",
        "dense2",
        "output",
    ]
    code, _, err = called(capsys, *words, "--out", "none")
    assert code == REFUSED
    assert "loss CrossEntropy is of potentials, and the outputs are spike times" in err


def test_a_plan_that_is_written_is_the_plan_that_is_read(here: Path) -> None:
    for plan in (
        read_plan("my.toml"),
        Plan("digits", "conv2x3-bn-relu-10", initial={"rule": "torch", "start": "naive", "seed": 2**64 - 1}),
        Plan({"source": "yin-yang", "sizes": [20, 5]}, "4-3", slope="b0.5", schedule="steps:every=2", activity=1e-7),
    ):
        write_plan(plan, here / "written.toml")
        again = read_plan(here / "written.toml")
        assert {key: getattr(again, key) for key in KEYS} == {key: getattr(plan, key) for key in KEYS}


def test_without_a_file_all_is_in_flags(capsys: Any) -> None:
    words = ("--data", "yin-yang", "--architecture", "6-3", "--validation", 0, "--epochs", 1, "--spiking", "trained")
    code, out, err = called(capsys, *words, "--judge", JUDGE)
    assert (code, err) == (OK, "")
    assert "held out" not in out
    assert "judge: 100.00% of 2 decided alike" in out  # of what it was trained on
    (dense, _) = eventsim.load_network("trained/spiking.npz").populations
    assert dense.window == (0, 1, 1501)


def test_the_windows_of_the_spiking_network_are_calibrated_or_as_trained() -> None:
    calibrated, trained = (carry_out(read_plan("my.toml", {"spiking": one})) for one in ("calibrated", "trained"))
    network = trained.training.network
    assert trained.spiking.hash() == spiking_network(network).hash()
    x: Any = read_plan("my.toml").parts(models.data.load("points.npz"))[0]
    assert calibrated.spiking.hash() == models.to_ttfs(calibrated.relu, x).hash()
    with pytest.raises(InputError, match="spiking = 'calibrated' with slope = 'alpha1'; must be 'trained'"):
        read_plan("my.toml", {"spiking": "calibrated", "slope": "alpha1"})


def test_the_text_forms_are_those_of_the_values() -> None:
    assert made("optimizer", "sgd:rate=0.1,momentum=0.9,nesterov=true") == SGD(0.1, 0.9, nesterov=True)
    assert made("optimizer", {"rule": "adamw", "betas": [0.8, 0.99]}) == Adam(betas=(0.8, 0.99), decoupled=True)
    assert made("windows", "certified:margin=0.1") == Certified(0.1)
    assert made("judge", "none") is None
    assert set(EXAMPLES) == set(CHOICES)
    for key, word in EXAMPLES.items():
        made(key, word)


REFUSED_PLANS: dict[str, dict[str, Any]] = {
    "unknown key 'epoch', did you mean 'epochs'": {"epoch": 3},
    "optimizer = 'adma', did you mean 'adam'": {"optimizer": "adma"},
    "sgd: unknown setting 'momentun', did you mean 'momentum'": {"optimizer": "sgd:momentun=0.9"},
    "optimizer = 'sgd:0.9': '0.9' is no setting; must be name=value": {"optimizer": "sgd:0.9"},
    "windows: quantile: q missing": {"windows": "quantile"},
    "windows = 3; must be a name": {"windows": 3},
    "judge: events: unknown setting 'sample', did you mean 'samples'": {"judge": "events:sample=3"},
    "adamw: unknown setting 'decoupled'": {"optimizer": "adamw:decoupled=false"},
    "SGD: momentum = 2; must be >= 0, <= 1": {"optimizer": "sgd:momentum=2"},
    "slope = 'b-1'": {"slope": "b-1"},
    "batch = 0; must be an integer >= 1": {"batch": 0},
    "dtype = 'float16', did you mean 'float": {"dtype": "float16"},
    "data: unknown key 'foldr', did you mean 'folder'": {"data": {"source": "mnist", "foldr": "x"}},
    "architecture missing; must be given": {"architecture": ""},
    "plan: loss = 'entropy'": {"loss": "entropy"},
    "faults = 'jiter:sigma=0.1', did you mean 'jitter'": {"faults": ["jiter:sigma=0.1"]},
}


@pytest.mark.parametrize("message", REFUSED_PLANS)
def test_plans_that_are_none_are_refused_with_what_is_allowed(message: str) -> None:
    content = {"data": "digits", "architecture": "4-10"} | REFUSED_PLANS[message]
    with pytest.raises((InputError, NetworkError, eventsim.FaultError), match=message):
        plan_of(content)


def test_an_unknown_key_of_a_file_is_told_with_its_line(capsys: Any, here: Path) -> None:
    (here / "wrong.toml").write_text('data = "digits"\narchitecture = "4-10"\nslop = "b1"\n', encoding="utf-8")
    code, out, err = called(capsys, "wrong.toml")
    assert (code, out) == (REFUSED, "")
    assert "wrong.toml, line 3: unknown key 'slop', did you mean 'slope'?" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.toml",), "none.toml: there is no such file; must be a TOML file of a training"),
        (("--architecture", "4-3"), "data missing; must be given"),
        (("--data", "digts", "--architecture", "4-3"), "did you mean 'digits'"),
        (("my.toml", "--architecture", "4-2"), "; must be from 0 to 1, for the network has 2 outputs"),
        (("my.toml", "--architecture", "4-bn-3"), "is followed by no relu; write bn-relu"),
        (("my.toml", "--out", "points.npz"), "no folder can be made there"),
        (("my.toml", "--out", "no/where"), "no folder can be made there"),
        (("my.toml", "--validation", 1), "validation = 1.0 of 73 inputs; must leave some to train on"),
        (("my.toml", "--data-folder", "x"), "--data-folder without --data"),
        (("my.toml", "--epochs", "few"), "'few' is not a whole number >= 0"),
    ],
)
def test_what_is_refused_is_one_line(words: tuple[object, ...], message: str, capsys: Any) -> None:
    code, _, err = called(capsys, *words)
    assert code == REFUSED
    assert err.startswith("eventsim: error: ")
    assert err.count("\n") == 1
    assert message in err


def test_a_folder_with_a_training_is_gone_on_with_or_left_alone(capsys: Any, here: Path) -> None:
    called(capsys, "my.toml", "--out", "one")
    before = arrays(here / "one")
    code, _, err = called(capsys, "my.toml", "--out", "one")
    assert code == REFUSED
    assert "one: a training is there already" in err
    code, out, _ = called(capsys, "--out", "one", "--resume", "--epochs", 4)
    assert code == OK
    assert "epoch 3: " in out
    assert "epoch 2: " not in out
    called(capsys, "my.toml", "--out", "whole", "--epochs", 4)
    assert arrays(here / "one") == arrays(here / "whole") != before
    logs = [logged(here / name) for name in ("one", "whole")]
    assert [row | {"seconds": ""} for row in logs[0]] == [row | {"seconds": ""} for row in logs[1]]
    for other, message in (
        (("--seed", 1), "seed is '0' there and '1' here"),
        (("--initial", "torch"), "initial is "),
        (("--validation", 0.2), "validation is '0.1' there and '0.2' here"),
        (("--architecture", "9-3"), "layers is "),
        (("--data", "digits", "--architecture", "8-10"), "data is 'points.npz, 73 inputs, "),
    ):
        code, _, err = called(capsys, "--out", "one", "--resume", *other)
        assert code == REFUSED
        assert message in err
    x = np.load(here / "points.npz")
    np.savez(here / "points.npz", x=x["x"][::-1], y=x["y"][::-1])
    code, _, err = called(capsys, "--out", "one", "--resume")
    assert code == REFUSED
    assert "data is 'points.npz, 73 inputs, " in err
    assert arrays(here / "one") == arrays(here / "whole")


def started(*words: object) -> "subprocess.Popen[str]":
    """A training in a process of its own."""
    program = [sys.executable, "-m", "eventsim", "train", *map(str, words)]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def after_two_epochs(process: "subprocess.Popen[str]") -> None:
    """Wait until the second epoch is told of."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 2:"):
            return
    pytest.fail(f"ended before: {process.stderr.read() if process.stderr else ''}")


def test_what_was_killed_goes_on_bit_for_bit(capsys: Any, here: Path) -> None:
    process = started("my.toml", "--epochs", 100_000, "--out", "killed")
    after_two_epochs(process)
    time.sleep(0.05)
    process.kill()
    process.communicate()
    header, _ = read_archive(here / "killed" / "checkpoint.npz", "eventsim-training", 1)
    more = header["epochs"] + 3
    assert called(capsys, "--out", "killed", "--resume", "--epochs", more)[0] == OK
    assert called(capsys, "my.toml", "--out", "whole", "--epochs", more)[0] == OK
    assert arrays(here / "killed") == arrays(here / "whole")
    assert sorted(one.name for one in (here / "killed").iterdir() if not one.name.startswith(".")) == FILES


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_keeps_the_last_checkpoint_and_says_how_to_go_on(here: Path) -> None:
    process = started("my.toml", "--epochs", 100_000, "--judge", "none")
    after_two_epochs(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    header, _ = read_archive(here / "my" / "checkpoint.npz", "eventsim-training", 1)
    kept = Path("my") / "checkpoint.npz"
    assert f"training: epoch {header['epochs']} is kept in {kept}: go on from there with --resume.\n" in err


def test_a_loss_that_is_no_number_is_a_training_that_failed(capsys: Any, here: Path) -> None:
    """Diverging squares, slowly enough for checkpoints, which stay."""
    words = ("my.toml", "--judge", "none", "--windows", "growth", "--loss", "mean_square", "--batch", 100)
    code, out, err = called(capsys, *words, "--optimizer", "sgd:rate=1e30", "--epochs", 9)
    assert code == FAILED
    assert "is no finite number" in err
    assert "take a smaller learning rate" in err
    assert "Warning" not in err
    kept = out.count("epoch ")
    header, _ = read_archive(here / "my" / "checkpoint.npz", "eventsim-training", 1)
    assert header["epochs"] == kept > 0
    assert f"training: epoch {kept} is kept in" in err


def test_neurons_that_are_early_stop_a_training_that_asks_for_it(capsys: Any, here: Path) -> None:
    words = ("my.toml", "--windows", "quantile:q=0.5", "--judge", f"{JUDGE},on_premature=stop")
    code, _, err = called(capsys, *words)
    assert code == FAILED
    assert "eventsim: warning: Quantile: windows shorter than is safe for 64 training samples" in err
    assert "fire before their window begins" in err
    assert not (here / "my" / "checkpoint.npz").exists()
    code, _, err = called(capsys, "my.toml", "--windows", "quantile:q=0.5,below_safe=refuse", "--out", "refused")
    assert code == FAILED
    assert "Quantile: windows shorter than is safe" in err
    code, out, err = called(capsys, "my.toml", "--windows", "quantile:q=0.5", "--judge", f"{JUDGE},on_premature=grow",
                            "--out", "grown")  # fmt: skip
    assert code == OK
    assert "; window of dense1 now " in out


def test_a_full_disk_leaves_the_files_of_before(capsys: Any, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called(capsys, "my.toml")
    before = {one.name: one.read_bytes() for one in (here / "my").iterdir()}

    written = []

    def full(*_: Any) -> None:
        written.append(1)
        if len(written) > 1:  # behind the plan
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("eventsim.files.output.os.fsync", full)
    code, _, err = called(capsys, "my.toml", "--resume", "--epochs", 3)
    assert code == REFUSED
    assert f"{Path('my') / 'checkpoint.npz'}: No space left on device; nothing was written" in err
    after = {one.name: one.read_bytes() for one in (here / "my").iterdir()}
    assert {name for name in FILES if after[name] != before[name]} == {"plan.toml"}
    assert sorted(after) == FILES


def test_faults_are_trained_to_be_borne(tmp_path: Path, capsys: Any) -> None:
    """The plan in the folder has them; training goes on with them, and its checkpoint is of such a training."""
    out = tmp_path / "out"
    words = ["train", "--data", "digits", "--architecture", "12-10", "--epochs", "1", "--judge", "none"]
    assert (
        cli.main([*words, "--fault", "time_bits:bits=5", "--fault", "weight_noise:absolute=0.01", "--out", str(out)])
        == OK
    )
    text = (out / "plan.toml").read_text(encoding="utf-8")
    assert "time_bits:bits=5" in text
    ideal = tmp_path / "ideal"
    assert cli.main([*words, "--out", str(ideal)]) == OK
    assert (out / "relu.npz").read_bytes() != (ideal / "relu.npz").read_bytes()
    assert cli.main(["train", "--epochs", "2", "--resume", "--out", str(out)]) == OK
    assert cli.main(["train", "--epochs", "3", "--fault", "jitter:sigma=0.1", "--resume", "--out", str(out)]) == REFUSED
    assert "hardware is" in capsys.readouterr().err
