"""Checkpoints of trainings: those of another training, and damaged ones, are refused, and change nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_training import begun, held, some_data

from eventsim.errors import FileFormatError
from eventsim.files.archive import read_archive, write_archive
from eventsim.models.train import (
    Adam,
    EarliestWins,
    Growth,
    HardwareAware,
    Judge,
    MeanSquare,
    Quantile,
    Steps,
    Training,
    fit,
    load_training,
    save_training,
    trainable,
)
from eventsim.models.train.checkpoint import FORMAT, VERSION


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


@pytest.mark.parametrize(
    "changed",
    [
        {"schedule": Steps(3)}, {"loss": MeanSquare()}, {"activity": 0.5}, {"windows": Quantile(0.5)},
        {"hardware": HardwareAware("jitter:sigma=0.1")}, {"batch": 8}, {"seed": 6}, {"slope": "alpha1"},
        {"dtype": np.float32}, {"input_shape": (1, 2, 3)}, {"saturates": True},
    ],
    ids=lambda one: next(iter(one)),
)  # fmt: skip
def test_whatever_the_next_step_depends_on_is_compared(changed: dict[str, Any], tmp_path: Path) -> None:
    """What two trainings differ in is named, and the second stays as it was."""

    def made(input_shape: Any = (6,), slope: str = "b1", dtype: Any = np.float64, **settings: Any) -> Training:
        saturates = settings.pop("saturates", False)
        network = trainable("5-3", input_shape, slope, dtype)
        network.saturates = saturates
        return Training(network, **{"batch": 16, "seed": 5} | settings)

    save_training(made(), tmp_path / "a.npz")
    load_training(made(), tmp_path / "a.npz")
    with pytest.raises(FileFormatError, match=rf"a.npz: {next(iter(changed))} is .* there and .* here; must be equal"):
        load_training(made(**changed), tmp_path / "a.npz")


def test_the_cost_of_silence_is_compared_too(tmp_path: Path) -> None:
    one, other = (
        Training(trainable("5-3-relu", (6,)), loss=EarliestWins(), silent=cost, windows=Growth()) for cost in (0.0, 1.0)
    )
    save_training(one, tmp_path / "a.npz")
    with pytest.raises(FileFormatError, match=r"silent is '0\.0' there and '1\.0' here"):
        load_training(other, tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("parameters/dense1.bias"), r"dense1.bias is missing; must be float64 \(5,\)"),
        (lambda arrays: arrays.update({"state/dense1.mean": np.zeros(4)}), r"dense1.mean is float64 \(4,\); must be"),
        (
            lambda arrays: arrays.update({"parameters/dense1.bias": np.zeros(5, np.float32)}),
            r"parameters/dense1.bias is float32 \(5,\); must be float64 \(5,\)",
        ),
        (lambda arrays: arrays.update({"secrets/a": np.zeros(4)}), "'secrets/a' is no part of a training"),
    ],
    ids=["missing", "shape", "dtype", "part"],
)
def test_a_checkpoint_with_other_arrays_is_refused(change: Any, message: str, tmp_path: Path) -> None:
    place = tmp_path / "a.npz"
    save_training(begun("5-bn-relu-3", (6,)), place)
    header, arrays = read_archive(place, FORMAT, VERSION)
    change(arrays)
    write_archive(place, header, arrays)
    other = begun("5-bn-relu-3", (6,))
    before = held(other)
    with pytest.raises(FileFormatError, match=message):
        load_training(other, place)
    assert held(other) == before


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
