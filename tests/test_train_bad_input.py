"""What the trainer is given and cannot use is refused before any step, with what is allowed and what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventsim.errors import InputError, NetworkError
from eventsim.models.train import (
    SGD,
    Adam,
    CrossEntropy,
    EarliestWins,
    Growth,
    Judge,
    MeanSquare,
    Quantile,
    TargetTimes,
    TrainableNetwork,
    Training,
    accuracy,
    fit,
    initialise,
    plan_of,
    safe_windows,
    trainable,
)

Array = np.ndarray[Any, Any]
X = np.random.default_rng(0).random((20, 2, 3))
LABELS = np.arange(20) % 3


def network() -> TrainableNetwork:
    made = trainable("5-3", (2, 3))
    initialise(made)
    return made


def training(**parts: Any) -> Training:
    return Training(network(), **parts)


def changed(place: Any, value: float) -> Array:
    x = X.copy()
    x[place] = value
    return x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[:, :, :2], r"x has shape \(20, 2, 2\); must be \(n, 2, 3\) or \(n, 6\)"),
        (X[0, 0], r"x has shape \(3,\); must be \(n, 2, 3\) or \(n, 6\)"),
        (changed((3, 1, 2), np.nan), r"x\[3, 1, 2\] = nan; must be in \[0, 1\]"),
        (changed((3, 0, 2), 1.5), r"x\[3, 0, 2\] = 1.5; must be in \[0, 1\].*\(x - low\) / \(high - low\)"),
        (changed((3, 0, 0), -1e-9), r"x\[3, 0, 0\] = -1e-09; must be in"),
        (X.astype(str), "must be real numbers"),
    ],
    ids=["width", "one", "nan", "above", "below", "text"],
)
def test_inputs_without_a_spike_time_are_refused(x: Array, message: str) -> None:
    """By training, by outputs, and by what asks for safe windows; nothing is cut, and nothing trains on them."""
    begun = training(batch=20)
    first = {name: values.copy() for name, values in begun.network.parameters.items()}
    with pytest.raises(InputError, match=message):
        begun.step(x, LABELS[: len(x)])
    assert begun.steps == 0
    assert all((first[name] == values).all() for name, values in begun.network.parameters.items())
    for ask in (begun.network.outputs, lambda x: safe_windows(begun.network, x)):
        with pytest.raises(InputError, match=message):
            ask(x)


def test_inputs_at_both_ends_and_of_other_numbers_are_taken() -> None:
    whole = (X > 0.5).astype(np.uint8)
    assert (network().outputs(whole) == network().outputs(whole.astype(float))).all()
    assert (network().outputs(X) == network().outputs(X.reshape(20, 6))).all()


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        (CrossEntropy(), np.eye(3)[LABELS], r"labels of shape \(20, 3\); must be \(20,\).*argmax"),
        (CrossEntropy(), np.eye(3, dtype=int)[LABELS], r"labels of shape \(20, 3\); must be \(20,\)"),
        (MeanSquare(), np.ones((20, 1)), r"targets of shape \(20, 1\); must be \(20, 3\), a value for each output"),
        (MeanSquare(), np.full((20, 3), np.nan), r"targets\[0, 0\] = nan; must be finite"),
        (MeanSquare(), np.ones((10, 3)), r"targets of shape \(10, 3\); must be \(20, 3\)"),
    ],
    ids=["rows", "whole rows", "one column", "nan", "too few"],
)
def test_targets_that_the_loss_does_not_take_are_refused(loss: Any, targets: Array, message: str) -> None:
    begun = training(loss=loss)
    with pytest.raises(InputError, match=message):
        begun.epoch(X, targets)
    assert begun.steps == 0


def test_validation_is_looked_at_before_the_epoch() -> None:
    for x, labels, message in (
        (X[:5], LABELS, r"training: validation: labels of shape \(20,\); must be \(5,\)"),
        (X[:5], LABELS[:5] + 9, r"training: validation: labels\[0\] = 9; must be from 0 to 2"),
        (X[:0], LABELS[:0], "training: validation: there are no inputs in x; must be one at least"),
    ):
        begun = training()
        with pytest.raises(InputError, match=message):
            begun.epoch(X, LABELS, (x, labels))
        assert begun.steps == 0


def test_nothing_has_no_accuracy_no_verdict_and_no_quantile() -> None:
    asks: tuple[Callable[[], Any], ...] = (
        lambda: accuracy(network(), X[:0], LABELS[:0]),
        lambda: Judge(engine="reference")(network(), X[:0]),
        lambda: Quantile(0.9).after_epoch(network(), X[:0]),
    )
    for ask in asks:
        with pytest.raises(InputError, match=r"there is none; must be 1 or more|there are no inputs in x"):
            ask()
    with pytest.raises(InputError, match=r"accuracy: labels of shape \(20,\); must be \(5,\)"):
        accuracy(network(), X[:5], LABELS)


def test_a_checkpoint_that_has_no_place_is_refused_before_the_first_epoch(tmp_path: Path) -> None:
    for place, message in ((tmp_path / "no" / "a.npz", "does not exist; create it first"), (tmp_path, "a folder")):
        begun = training()
        with pytest.raises(InputError, match=message):
            fit(begun, X, LABELS, 1, checkpoint=place)
        assert begun.steps == 0


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"optimizer": "adam"}, r"training: optimizer = 'adam'; must be an object with rate, step"),
        ({"schedule": "cosine"}, r"training: schedule = 'cosine'; must be an object with factor"),
        ({"loss": CrossEntropy}, r"training: loss = <class .*must be an object with __call__"),
        ({"windows": Growth}, r"training: windows = <class .*must be an object with after_step"),
        ({"judge": True}, r"training: judge = True; must be an object with __call__"),
        ({"judge": Judge}, "training: judge = <class"),
        ({"hardware": "jitter:sigma=0.1"}, "training: hardware = 'jitter:sigma=0.1'; must be an object with faults"),
    ],
)
def test_parts_of_a_training_that_are_none_are_refused_when_it_is_made(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        training(**parts)


def test_text_is_no_network() -> None:
    with pytest.raises(InputError, match="training: network = '64-10'; must be an object with parameters"):
        Training("64-10")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(betas=(0.9, 1.0)), r"Adam: betas = \(0.9, 1.0\); must be two numbers from 0 to below 1"),
        (lambda: Adam(betas=(0.9,)), "must be two numbers"),  # type: ignore[arg-type]
        (lambda: Adam(betas=0.9), "must be two numbers"),  # type: ignore[arg-type]
        (lambda: Adam(epsilon=0.0), "Adam: epsilon = 0.0; must be > 0"),
        (lambda: Adam(decoupled="no"), "Adam: decoupled = 'no'; must be True or False"),  # type: ignore[arg-type]
        (lambda: SGD(nesterov=True), "SGD: nesterov = True with momentum = 0; must have momentum > 0"),
        (lambda: SGD(momentum=0.9, nesterov=1), "SGD: nesterov = 1; must be True or False"),  # type: ignore[arg-type]
        (lambda: Judge(engine="fast"), "Judge: engine = 'fast'; must be one of compiled, reference"),
        (lambda: EarliestWins(tau="short"), "EarliestWins: tau = 'short'; must be > 0"),  # type: ignore[arg-type]
        (lambda: TargetTimes("soon"), "TargetTimes: early = 'soon'; must be"),  # type: ignore[arg-type]
    ],
)
def test_settings_that_are_none_are_refused_when_they_are_given(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("shape", [6, (0,), (-2, 3), (2.0,), (), "66", (True,)])
def test_shapes_of_inputs_that_are_none_are_refused(shape: Any) -> None:
    with pytest.raises(NetworkError, match=r"input_shape = .*; must be whole numbers >= 1"):
        trainable("5-3", shape)


def test_types_and_digits_that_are_none_are_refused() -> None:
    with pytest.raises(NetworkError, match="trainable: dtype = 'half a number'; must be float64 or float32"):
        trainable("5-3", (6,), dtype="half a number")
    with pytest.raises(NetworkError, match="part 1, '٣': is unknown"):
        trainable("٣-3", (6,))


def test_a_plan_refuses_an_unknown_part_of_its_architecture_before_it_has_data() -> None:
    with pytest.raises(NetworkError, match="architecture '5-cnv3x3-10': part 2, 'cnv3x3': is unknown; must be"):
        plan_of({"data": "nowhere", "architecture": "5-cnv3x3-10"})
