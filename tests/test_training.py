"""Training goes on bit for bit, follows the ReLU twin bit for bit, keeps its windows, is judged event by event."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim.errors import FileFormatError, InputError, PrematureSpikeWarning, TrainingError
from eventsim.models import certify, data
from eventsim.models.train import (
    SGD,
    Adam,
    Certified,
    CrossEntropy,
    Growth,
    Judge,
    MeanSquare,
    Quantile,
    Steps,
    TrainableNetwork,
    Training,
    accuracy,
    fit,
    initialise,
    load_training,
    safe_windows,
    save_training,
    spiking_network,
    trainable,
)
from eventsim.models.train.network import PUBLISHED_START
from eventsim.progress import Progress

Array = np.ndarray[Any, Any]
# The smallest networks that fire before their inputs are there: a B1 neuron at 0.19, an alpha1 neuron at 20/101.
PREMATURE = {"b1": ([10.0, -28.0], 0.19, 6.0), "alpha1": ([100.0, -280.0, 189.0], 20 / 101, None)}


def some_data(shape: tuple[int, ...], n: int = 40, seed: int = 0) -> tuple[Array, Array]:
    draws = np.random.default_rng(seed)
    return draws.random((n, *shape)), draws.integers(0, 3, n)


def begun(architecture: str, shape: tuple[int, ...], dtype: Any = np.float64, **settings: Any) -> Training:
    network = trainable(architecture, shape, "b1", dtype)
    initialise(network, seed=3)
    return Training(network, batch=16, seed=5, **settings)


def held(training: Training) -> dict[str, Any]:
    """All that a training is, but for the seconds of its epochs."""
    network = training.network
    arrays = {**network.parameters, **network.state, **training.moments}
    history = [epoch.entries() | {"seconds": 0} for epoch in training.history]
    return {name: values.tobytes() for name, values in arrays.items()} | {
        "windows": network.windows, "counts": (training.steps, training.epochs), "history": history,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("architecture", "shape", "settings"),
    [
        ("9-7-3", (6,), {"optimizer": Adam(1e-2), "windows": Quantile(0.9, 2.0, "keep")}),
        ("conv3x3-bn-relu-pool2-3", (1, 6, 6), {"optimizer": SGD(0.1, 0.9, nesterov=True), "schedule": Steps(2, 0.5)}),
        ("conv3x3-bn-relu-avg2-3", (1, 6, 6), {"dtype": np.float32, "optimizer": Adam(1e-2, decoupled=True)}),
        ("5-3", (6,), {"windows": Certified(0.2, 8), "loss": MeanSquare(), "activity": 0.01}),
    ],
)
def test_what_goes_on_from_a_file_is_what_was_never_stopped_bit_for_bit(
    architecture: str, shape: tuple[int, ...], settings: dict[str, Any], tmp_path: Path
) -> None:
    x, labels = some_data(shape)
    judge = Judge(3, engine="reference")
    parts: dict[str, Any] = {"validation": (x[:5], labels[:5])}
    whole = begun(architecture, shape, judge=judge, **settings)
    fit(whole, x, labels, 4, **parts)
    for epochs in (1, 3):
        first, second = (begun(architecture, shape, judge=judge, **settings) for _ in range(2))
        fit(first, x, labels, epochs, checkpoint=tmp_path / "a.npz", **parts)
        load_training(second, tmp_path / "a.npz")
        assert held(second) == held(first)
        done = fit(second, x, labels, 4, **parts)
        assert held(second) == held(whole)
        assert [epoch.number for epoch in done] == list(range(epochs + 1, 5))


def test_a_checkpoint_of_another_training_is_refused_with_what_differs(tmp_path: Path) -> None:
    x, labels = some_data((6,))
    fit(begun("5-3", (6,), about={"data": "these"}), x, labels, 1, checkpoint=tmp_path / "a.npz")
    for changed, message in (
        ({"optimizer": Adam(0.1)}, r"optimizer is 'Adam\(rate=0\.001.* there and 'Adam\(rate=0\.1"),
        ({"windows": Growth(3)}, r"windows is 'Growth\(factor=10"),
        ({"about": {"data": "those"}}, "data is 'these' there and 'those' here"),
        ({"judge": Judge(3)}, "judge is 'None' there"),
    ):
        other = begun("5-3", (6,), **{"about": {"data": "these"}} | changed)
        with pytest.raises(FileFormatError, match=message):
            load_training(other, tmp_path / "a.npz")
        assert (other.steps, other.history) == (0, [])
    with pytest.raises(FileFormatError, match="layers is"):
        load_training(begun("4-3", (6,), about={"data": "these"}), tmp_path / "a.npz")


def test_b1_trains_to_the_bits_of_its_relu_twin_and_reads_digits() -> None:
    """Over 5 seeds: the difference of accuracies is 0, since all parameters are the same."""
    digits = data.load("digits")
    x, test = digits.train.values(), digits.test.values()
    for architecture in ("64-10", "conv8x3-bn-relu-pool2-10"):
        found = []
        for seed in range(5):
            networks = []
            for slope in ("b1", "relu"):
                network = trainable(architecture, digits.shape, slope)
                initialise(network, seed)
                training = Training(network, Adam(5e-3), seed=seed)
                fit(training, x, digits.train.labels, 10)
                networks.append(network)
            spiking, values = networks
            assert all(np.array_equal(spiking.parameters[name], values.parameters[name]) for name in values.parameters)
            assert spiking.windows == values.windows
            same = [accuracy(network, test, digits.test.labels) for network in networks]
            assert same[0] == same[1]
            found.append(same[0])
        assert np.mean(found) >= 0.95, (architecture, found)


def test_the_published_rule_of_windows_on_a_scripted_batch() -> None:
    """Each is at least ten times the largest value of the batch, and never becomes shorter."""
    network = trainable("1-1-1", (1,))
    assert network.windows == {"dense1": PUBLISHED_START, "dense2": PUBLISHED_START}
    network.windows = {"dense1": 20.0, "dense2": 1.0}
    seen = []
    for largest in ((1.0, 0.05), (3.0, 0.2), (2.0, 0.0), (2.5, 0.7)):
        Growth().after_step(network, dict(zip(network.windows, largest, strict=True)))
        Growth().after_epoch(network, np.zeros((1, 1)))
        seen.append(tuple(network.windows.values()))
    assert seen == [(20.0, 1.0), (30.0, 2.0), (30.0, 2.0), (30.0, 7.0)]


def test_windows_grow_by_the_batch_before_its_step() -> None:
    training = begun("4-3", (6,), optimizer=SGD(1.0), windows=Growth(2.0))
    training.network.windows["dense1"] = 1e-3
    x, labels = some_data((6,), 16)
    largest = -float(next(training.network.sent(x))[1].min())
    training.step(x, labels)
    assert training.network.windows["dense1"] == 2 * largest


def premature(slope: str) -> tuple[TrainableNetwork, Array]:
    """One neuron that is early in the window that 1.5 times its value gives, and its input."""
    weights, _, _ = PREMATURE[slope]
    network = trainable("1-2", (len(weights),), slope)
    network.parameters["dense1.weight"][...] = weights
    network.parameters["output.weight"][...] = [[1.0], [-1.0]]
    network.windows["dense1"] = 0.9
    return network, np.array([[0.9, 0.3, 0.0][: len(weights)]])


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_the_judge_sees_a_neuron_that_the_closed_form_takes_for_right(slope: str) -> None:
    network, x = premature(slope)
    closed = next(network.sent(x))[1]
    assert closed.item() == pytest.approx(-0.6, abs=1e-15)  # at 1.3 in absolute time
    run = eventsim.simulate(spiking_network(network), x, engine="reference", progress=False)
    assert run.spike_times("dense1").item() == pytest.approx(PREMATURE[slope][1], abs=1e-15)
    verdict = Judge(engine="reference")(network, x)
    assert (verdict.samples, verdict.premature, verdict.grown) == (1, {"dense1": 1}, {})
    assert "premature: dense1 1" in str(verdict)
    with pytest.raises(TrainingError, match="1 neurons of layer 'dense1' fire before their window begins"):
        Judge(on_premature="stop", engine="reference")(network, x)
    assert network.windows == {"dense1": 0.9}
    grown = Judge(on_premature="grow", engine="reference")(network, x).grown
    assert grown == network.windows
    if slope == "b1":  # (x - u)+ weighs 10 until the second input is there: 10 * 0.6
        assert grown["dense1"] == pytest.approx(6.0, rel=1e-13)
        assert grown["dense1"] >= 6.0
    assert Judge(on_premature="stop", engine="reference")(network, x).premature == {"dense1": 0}
    network.windows["dense1"] *= 1 - 1e-9
    assert Judge(engine="reference")(network, x).premature == {"dense1": 1}


def test_a_judge_that_stops_ends_the_training_and_leaves_the_checkpoint(tmp_path: Path) -> None:
    network, x = premature("b1")
    training = Training(network, SGD(0.0), windows=Quantile(1.0, 100.0))
    fit(training, x, np.array([0]), 2, checkpoint=tmp_path / "a.npz", validation=(x, np.array([0])))
    training.windows, training.judge = Quantile(1.0, 0.0, "warn"), Judge(on_premature="stop", engine="reference")
    kept = (tmp_path / "a.npz").read_bytes()
    with pytest.warns(PrematureSpikeWarning), pytest.raises(TrainingError, match="fire before") as caught:
        fit(training, x, np.array([0]), 3, checkpoint=tmp_path / "a.npz", validation=(x, np.array([0])))
    assert caught.value.__notes__ == [
        f"training: epoch 2 is kept in {tmp_path / 'a.npz'}: go on from there with load_training."
    ]
    assert (tmp_path / "a.npz").read_bytes() == kept


def test_a_window_below_the_safe_one_is_warned_of_refused_or_kept_longer() -> None:
    network, x = premature("b1")
    message = r"'dense1' becomes 0\.6 long, and 6 is safe: neurons fire before"
    with pytest.warns(PrematureSpikeWarning, match=message):
        Quantile(1.0).after_epoch(network, x)
    assert network.windows["dense1"] == pytest.approx(0.6)
    network.windows["dense1"] = 7.0
    with pytest.raises(TrainingError, match=message):
        Quantile(1.0, below_safe="refuse").after_epoch(network, x)
    assert network.windows["dense1"] == 7.0
    Quantile(1.0, below_safe="keep").after_epoch(network, x)
    assert network.windows["dense1"] == pytest.approx(6.0)
    Quantile(1.0, margin=10.0).after_epoch(network, x)  # no warning: 6.6 is long enough
    assert network.windows["dense1"] == pytest.approx(6.6)


@pytest.mark.parametrize("architecture", ["30-20-10", "conv4x3-bn-relu-pool2-conv6x3-avg2-10"])
def test_certified_windows_are_certified_after_each_epoch_and_no_longer_than_they_say(architecture: str) -> None:
    digits = data.load("digits")
    x, labels = digits.train.values(slice(200)), digits.train.labels[:200]
    network = trainable(architecture, digits.shape)
    initialise(network, 1)
    training = Training(network, Adam(5e-3), windows=Certified(0.25, 20))
    for _ in range(2):
        training.epoch(x, labels)
        assert certify(spiking_network(network), x[:20].reshape(20, -1)).ok
        for name, safe in safe_windows(network, x[:20]).items():
            assert network.windows[name] == pytest.approx(1.25 * safe, rel=1e-6)
    assert sum(Judge(4, engine="reference")(network, x).premature.values()) == 0


def test_alpha_neurons_that_do_not_climb_have_no_certified_windows() -> None:
    network = trainable("2-1", (1,), "alpha1")
    network.parameters["dense1.weight"][...] = [[0.5], [-2.0]]
    x, before = np.array([[0.5]]), dict(network.windows)
    for rule in (Certified(), Quantile(1.0, below_safe="refuse"), Quantile(1.0, below_safe="keep")):
        with pytest.raises(TrainingError, match=r"no windows of this network are certified.*slope = 'b1'"):
            rule.after_epoch(network, x)
        assert network.windows == before
    with pytest.warns(PrematureSpikeWarning, match="no windows of this network are certified"):
        Quantile(1.0).after_epoch(network, x)


@pytest.mark.parametrize("what", ["weights", "gradients"])
def test_a_loss_that_is_no_number_leaves_the_network_as_it_was(what: str) -> None:
    training = begun("conv2x3-bn-relu-4-3", (1, 4, 4))
    x, labels = some_data((1, 4, 4), 16)
    training.step(x, labels)
    message = r"step 2: the loss is no finite number \(loss nan\); must be one; conv1 up to .*layer 'dense1' sends no"
    if what == "weights":
        training.network.parameters["dense1.weight"][...] = 1e308
    else:
        training.loss, message = (
            Steep(),
            r"step 2: the gradient of \w+\.\w+ is no finite number \(loss 1\).*the largest",
        )
    before = held(training)
    with pytest.raises(TrainingError, match=message):
        training.step(x, labels)
    assert held(training) == before


class Steep(CrossEntropy):
    """A loss whose gradient overflows while it is 1."""

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return 1, and a gradient beyond float64."""
        return 1.0, np.full_like(outputs, np.inf)


def test_labels_out_of_range_are_refused_before_any_step() -> None:
    training = begun("4-3", (6,))
    with pytest.raises(InputError, match=r"labels\[2\] = 3; must be from 0 to 2"):
        training.epoch(np.zeros((3, 6)), np.array([0, 1, 3]))
    assert training.steps == 0


def test_what_interrupts_a_training_says_which_epoch_is_kept(tmp_path: Path) -> None:
    x, labels = some_data((6,))
    place = tmp_path / "a.npz"

    def stop(epoch: Any) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        fit(begun("4-3", (6,)), x, labels, 5, checkpoint=place, watch=stop)
    assert caught.value.__notes__ == [f"training: epoch 2 is kept in {place}: go on from there with load_training."]
    again = begun("4-3", (6,))
    load_training(again, place)
    assert again.epochs == 2


def test_progress_is_that_of_the_epochs_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked from within an epoch, as the thread that draws does."""
    bars, seen = [], []

    class Bar(Progress):
        def __init__(self, *words: Any) -> None:
            super().__init__(*words)
            bars.append(self)

    monkeypatch.setattr("eventsim.models.train.loop.Progress", Bar)
    x, labels = some_data((6,), 40)
    training = begun("4-3", (6,))
    fit(training, x, labels, 1)

    class Watched(CrossEntropy):
        def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
            seen.append(bars[-1].text(2.0))
            return super().__call__(outputs, targets)

    training.loss = Watched()
    fit(training, x, labels, 3, watch=lambda _: seen.append(bars[-1].text(2.0)))
    assert [one[1] for one in seen] == pytest.approx([0, 1 / 3, 2 / 3, 1, 1, 4 / 3, 5 / 3, 2])
    assert seen[2] == ("0 of 2 epochs, 1 steps/s", 2 / 3, 2.0)


FULL = """
import resource, sys
sys.path.insert(0, {tests!r})
from test_training import *
training = begun("40-30-3", (6,))
x, labels = some_data((6,))
fit(training, x, labels, 1, checkpoint={path!r})
before = Path({path!r}).read_bytes()
resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, len(before) // 2))
try:
    fit(training, x, labels, 2, checkpoint={path!r})
except OSError as error:
    print(error.filename == {path!r}, Path({path!r}).read_bytes() == before, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the sizes of files")
def test_a_disk_that_is_full_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    program = FULL.format(tests=str(Path(__file__).parent), path=str(path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True True ")
    again = begun("40-30-3", (6,))
    load_training(again, path)
    assert again.epochs == 1
    assert [one.name for one in tmp_path.iterdir()] == ["a.npz"]


def test_a_damaged_history_is_refused(tmp_path: Path) -> None:
    from eventsim.files.archive import read_archive, write_archive

    x, labels = some_data((6,))
    training = begun("4-3", (6,))
    fit(training, x, labels, 1)
    save_training(training, tmp_path / "a.npz")
    header, arrays = read_archive(tmp_path / "a.npz", "eventsim-training", 1)
    breaks: list[dict[str, Any]] = [{"history": [{}]}, {"windows": {}}, {"steps": "many"}, {"history": None}]
    for broken in breaks:
        write_archive(tmp_path / "b.npz", header | broken, arrays)
        again = begun("4-3", (6,))
        with pytest.raises(FileFormatError, match=r"b\.npz: windows, counts or history are no such"):
            load_training(again, tmp_path / "b.npz")
        assert (again.steps, again.history) == (0, [])
