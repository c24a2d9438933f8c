"""What a training refuses, before it counts: inputs, targets, parts, shapes; what no checkpoint keeps or gives back.

Each of these was a traceback of numpy, or a result that looked right, before.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim.errors import EventsimError, FileFormatError, InputError, NetworkError, TrainingError
from eventsim.files.archive import read_archive, write_archive
from eventsim.models.relu.sliding import Sliding
from eventsim.models.train import (
    SGD,
    Adam,
    CrossEntropy,
    EarliestWins,
    Judge,
    MeanSquare,
    Steps,
    TargetTimes,
    Training,
    accuracy,
    fit,
    initialise,
    load_training,
    save_training,
    spiking_network,
    trainable,
)
from eventsim.models.train.linear_maps import ConvMap, DenseMap
from eventsim.models.train.numpy_operations import NumpyOperations

Array = np.ndarray[Any, Any]
X = np.random.default_rng(0).random((12, 5))
Y = np.arange(12) % 3


def begun(architecture: str = "4-3", shape: tuple[int, ...] = (5,), **settings: Any) -> Training:
    network = trainable(architecture, shape)
    initialise(network, seed=1)
    return Training(network, **{"batch": 4} | settings)


def changed(place: tuple[int, ...], value: float) -> Array:
    x = X.copy()
    x[place] = value
    return x


INPUTS: dict[str, tuple[Any, str]] = {
    "nan": (changed((7, 2), math.nan), r"x\[7, 2\] = nan; must be in \[0, 1\].*Replace it"),
    "negative": (changed((7, 2), -0.5), r"x\[7, 2\] = -0.5; must be in \[0, 1\].*\(x - low\)"),
    "infinite": (changed((7, 2), math.inf), r"x\[7, 2\] = inf; must be in"),
    "bytes": ((X * 255).astype(np.uint8), r"must be in \[0, 1\].*Divide bytes by 255"),
    "texts": (X.astype(str), "must be real numbers"),
    "complex": (X + 1j, "must be real numbers"),
    "nothing": (np.array([[None] * 5] * 12), r"must be a real number"),
    "masked": (np.ma.masked_array(X, X > 0.5), "masked array"),
    "short": (X[:, :4], r"x has shape \(4, 4\); must be \(n, 5\)"),
    "none": (None, "x = None; must be an array"),
    "empty": (X[:0], "no inputs in x; must be one at least"),
}


@pytest.mark.parametrize("what", INPUTS)
def test_inputs_that_no_spike_stands_for_are_refused_by_name(what: str) -> None:
    x, message = INPUTS[what]
    for judged in (lambda: begun().epoch(x, Y), lambda: accuracy(begun().network, x, Y)):
        with pytest.raises(InputError, match=message if what != "short" else "must be .n, 5."):
            judged()


def test_inputs_whose_channels_come_last_are_not_taken_in_another_order() -> None:
    training = begun("conv2x3-3", (3, 4, 4))
    with pytest.raises(InputError, match=r"x has shape \(2, 4, 4, 3\).*channels come first: np.moveaxis"):
        training.network.outputs(np.zeros((2, 4, 4, 3)))


@pytest.mark.parametrize("form", [np.asfortranarray, lambda x: x.astype(object), lambda x: x.tolist(), lambda x: x])
def test_inputs_of_any_form_train_to_the_same_bits(form: Callable[[Array], Any]) -> None:
    usual, other = begun(), begun()
    usual.epoch(X, Y)
    other.epoch(form(X), Y.astype(np.uint8))
    for name, values in usual.network.parameters.items():
        assert np.array_equal(values, other.network.parameters[name]), name


TARGETS: dict[str, tuple[Any, Any, str]] = {
    "one-hot": (CrossEntropy(), np.eye(3)[Y], r"shape \(12, 3\); must be \(12,\).*argmax"),
    "a column of labels": (CrossEntropy(), Y[:, None], r"shape \(12, 1\); must be \(12,\).*reshape\(12,\)"),
    "ragged": (CrossEntropy(), [[1], [1, 2]], "not an array"),
    "none": (CrossEntropy(), None, r"shape \(\); must be \(12,\)"),
    "a column": (MeanSquare(), Y[:, None] * 1.0, r"shape \(12, 1\); must be \(12, 3\)"),
    "too many": (MeanSquare(), np.zeros((24, 3)), r"shape \(24, 3\); must be \(12, 3\)"),
    "no numbers": (MeanSquare(), np.full((12, 3), math.nan), r"targets\[0, 0\] = nan; must be finite"),
    "texts": (MeanSquare(), np.eye(3)[Y].astype(str), "must be real numbers"),
}


@pytest.mark.parametrize("what", TARGETS)
def test_targets_that_the_loss_does_not_take_are_refused_before_any_step(what: str) -> None:
    loss, targets, message = TARGETS[what]
    training = begun(loss=loss)
    with pytest.raises(InputError, match=message):
        training.epoch(X, targets)
    assert training.steps == 0


def test_a_step_and_a_loss_by_itself_refuse_labels_as_an_epoch_does() -> None:
    for loss in (CrossEntropy(), MeanSquare()):
        for labels in (Y - 1, Y + 1, Y[:5]):
            with pytest.raises(InputError, match="labels"):
                begun(loss=loss).step(X, labels)
    with pytest.raises(InputError, match=r"targets of shape \(12, 1\); must be \(12, 3\)"):
        MeanSquare()(np.zeros((12, 3)), np.zeros((12, 1)))


@pytest.mark.parametrize(
    "validation",
    [(X, Y - 1), (X, Y + 1), (X, Y[:5]), (X, np.r_[Y, Y]), (X, Y[:, None]), (X, Y + 0.5), (X[:0], Y[:0]), (X, Y, Y), X],
)
def test_what_is_judged_is_checked_before_the_first_step(validation: Any) -> None:
    training = begun()
    with pytest.raises(InputError, match="validation"):
        training.epoch(X, Y, validation)
    assert training.steps == 0


PARTS: list[tuple[Callable[[], Any], str]] = [
    (lambda: begun(optimizer="adam"), "optimizer = 'adam'; must be an object with rate, step"),
    (lambda: begun(loss=CrossEntropy), "loss = .*must be an object"),
    (lambda: begun(windows=None), "windows = None; must be an object with after_step"),
    (lambda: begun(judge=True), "judge = True; must be"),
    (lambda: begun(hardware="jitter:sigma=1"), "hardware = .*HardwareAware"),
    (lambda: Adam(betas=0.9), r"betas = 0.9; must be two numbers from 0 to below 1"),  # type: ignore[arg-type]
    (lambda: Adam(betas=(0.9, 1.0)), r"betas = \(0.9, 1.0\); must be two"),
    (lambda: Adam(epsilon=0), "epsilon = 0; must be > 0"),
    (lambda: Adam(decoupled="yes"), "decoupled = 'yes'; must be True or False"),  # type: ignore[arg-type]
    (lambda: SGD(momentum=0.9, nesterov=1), "nesterov = 1; must be True or False"),  # type: ignore[arg-type]
    (lambda: SGD(nesterov=True), "nesterov = True with momentum = 0"),
    (lambda: EarliestWins(tau="1"), "tau = '1'; must be > 0"),  # type: ignore[arg-type]
    (lambda: TargetTimes(early=None), "early = None; must be a finite number"),  # type: ignore[arg-type]
    (lambda: TargetTimes(early=1), "must be early < late"),
    (lambda: Judge(engine="jit"), "engine = 'jit'; must be one of compiled, reference"),
    (lambda: trainable("4-3", ()), r"input_shape = \(\); must be whole numbers >= 1"),
    (lambda: trainable("4-3", (0,)), r"input_shape = \(0,\)"),
    (lambda: trainable("4-3", 5), "input_shape = 5"),  # type: ignore[arg-type]
    (lambda: trainable("4-3", (5,), dtype="foo"), "dtype = 'foo'; must be float64 or float32"),
    (lambda: trainable("999999999-3", (64,)), "more than 2,147,483,648"),
    (lambda: trainable("9" * 5000 + "-3", (5,)), "is unknown"),
    (lambda: DenseMap(0, 3), "n_out = 0; must be an integer >= 1"),
    (lambda: ConvMap(3, 2, Sliding("", (3, 3)), 2), "groups = 2 of 2 channels in and 3 out; must divide both"),
    (lambda: accuracy(begun().network, X, Y, batch=0), "batch = 0; must be"),
]


@pytest.mark.parametrize(("make", "message"), PARTS, ids=[message[:30] for _, message in PARTS])
def test_parts_that_are_none_are_refused_at_once(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(EventsimError, match=message):
        make()


def test_a_rate_that_overflows_stops_the_training_and_leaves_the_network() -> None:
    training = begun(schedule=Steps(every=1, by=1e200, unit="step"))
    with pytest.raises(TrainingError, match=r"step 3: the learning rate is inf, by Steps\(.*must be a finite number"):
        training.epoch(X, Y)
    assert training.steps == 2


def test_parameters_that_overflow_in_the_last_step_of_an_epoch_are_kept_by_no_checkpoint(tmp_path: Path) -> None:
    training = begun(optimizer=SGD(rate=1e-3), batch=12)
    fit(training, X, Y, 1, checkpoint=tmp_path / "a.npz")
    training.optimizer = SGD(rate=1e308, weight_decay=1e308)
    with pytest.raises(
        TrainingError, match=r"step 2: dense1.weight has become no finite number.*smaller learning rate"
    ):
        fit(training, X, Y, 2, checkpoint=tmp_path / "a.npz")
    again = begun(optimizer=SGD(rate=1e-3), batch=12)
    load_training(again, tmp_path / "a.npz")
    assert again.epochs == 1


def test_a_checkpoint_whose_numbers_are_none_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    training = begun(judge=Judge(samples=2, engine="reference"))
    fit(training, X, Y, 2)
    save_training(training, tmp_path / "a.npz")
    header, arrays = read_archive(tmp_path / "a.npz", "eventsim-training", 1)
    moment = "moments/dense1.bias.mean"
    verdict = header["history"][0]["verdict"]
    one = header["history"][0]
    breaks: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {moment: None}),
        ({}, {moment: np.zeros(5)}),
        ({}, {moment: np.zeros(4, np.float32)}),
        ({}, {moment + "x": np.zeros(4)}),
        ({}, {"parameters/dense1.bias": np.full(4, math.nan)}),
        ({}, {"parameters/other": np.zeros(4)}),
        ({"epochs": -1}, {}),
        ({"epochs": 1}, {}),
        ({"steps": 1.5}, {}),
        ({"steps": 1}, {}),
        ({"windows": {"dense1": -1}}, {}),
        ({"history": [one, one]}, {}),
        ({"history": [one | {"windows": {"dense1": "x"}}, one]}, {}),
        ({"history": [one | {"verdict": verdict | {"grown": 3}}, one]}, {}),
    ]
    for of_header, of_arrays in breaks:
        broken = {name: values for name, values in (arrays | of_arrays).items() if values is not None}
        write_archive(tmp_path / "b.npz", header | of_header, broken)
        again = begun(judge=Judge(samples=2, engine="reference"))
        before = again.network.parameters["dense1.weight"].copy()
        with pytest.raises(FileFormatError, match=r"b\.npz: "):
            load_training(again, tmp_path / "b.npz")
        assert (again.epochs, again.moments) == (0, {})
        assert np.array_equal(again.network.parameters["dense1.weight"], before)


@pytest.mark.parametrize("architecture", ["3", "pool2-3", "conv2x3", "avg2-3"])
def test_a_network_without_hidden_neurons_is_simulated_as_it_is_trained(architecture: str) -> None:
    network = begun(architecture, (1, 4, 4)).network
    x = np.random.default_rng(1).random((5, 1, 4, 4))
    run = eventsim.simulate(spiking_network(network), x, engine="reference", progress=False)
    assert np.allclose(run.readout.reshape(5, -1), network.outputs(x).reshape(5, -1), rtol=0, atol=1e-12)
    assert Judge(engine="reference")(network, x).agreement == 1


def test_a_pool_over_more_than_65536_positions_finds_the_largest() -> None:
    ops, x = NumpyOperations(), np.zeros((1, 1, 257, 257))
    x[0, 0, 256, 255] = 1
    sliding = Sliding("", (257, 257))
    found, which = ops.largest(x, sliding, 1)
    assert found.item() == 1
    assert np.array_equal(ops.largest_to_input(np.ones((1, 1, 1, 1)), which, sliding, x.shape), x)


def test_network_errors_are_those_of_networks() -> None:
    with pytest.raises(NetworkError):
        trainable("4-3", (math.nan,))  # type: ignore[arg-type]
