"""Data that are larger than memory: nobody asks for more than a batch, and what comes out is the same, bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventsim.models import train
from eventsim.models.data.labelled_values import labelled
from eventsim.models.train.inputs import BATCH, first, in_batches, taken
from eventsim.models.train.running_quantile import RunningQuantile

Array = np.ndarray[Any, Any]


class Stored:
    """Inputs in a file, as HDF5 has them: places are increasing, and no more than `most` come at once."""

    def __init__(self, values: Array, most: int) -> None:
        self.values, self.most, self.largest = values, most, 0

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, chosen: Any) -> Array:
        places = np.asarray(chosen)
        assert places.ndim == 1
        assert places.dtype.kind == "i"
        assert len(places) <= self.most
        assert (np.diff(places) > 0).all()
        self.largest = max(self.largest, len(places))
        return self.values[places]


def some(n: int) -> tuple[Array, Array]:
    draws = np.random.default_rng(3)
    return draws.random((n, 1, 4, 4)), draws.integers(0, 3, n)


def trained(x: Any, labels: Array, validation: Any, windows: Any) -> train.Training:
    network = train.trainable("conv2x3-bn-relu-avg-3", (1, 4, 4))
    train.initialise(network, 2)
    training = train.Training(network, batch=16, windows=windows, judge=train.Judge(4, "grow", engine="reference"))
    train.fit(training, x, labels, 2, validation=validation)
    return training


@pytest.mark.parametrize(
    "windows", [train.Growth(), train.Quantile(0.9, below_safe="keep"), train.Certified(samples=4)], ids=repr
)
def test_windows_judge_and_accuracy_ask_for_a_batch_at_a_time(windows: Any) -> None:
    """As an array in memory has it: parameters, windows, and the verdict on what is held out."""
    x, labels = some(70)
    stored, held = Stored(x, 70 if isinstance(windows, train.Quantile) else 16), Stored(x[:20], 20)
    one, other = (
        trained(x, labels, (x[:20], labels[:20]), windows),
        trained(stored, labels, (held, labels[:20]), windows),
    )
    assert stored.largest >= 16
    assert all(
        (one.network.parameters[name] == other.network.parameters[name]).all() for name in one.network.parameters
    )
    assert one.network.windows == other.network.windows
    entries = [[epoch.entries() | {"seconds": 0} for epoch in training.history] for training in (one, other)]
    assert entries[0] == entries[1]


def test_what_is_looked_at_as_a_whole_comes_in_parts() -> None:
    """More inputs than the largest part: in order, each once, none of them together with too many others."""
    stored = Stored(np.arange(2 * BATCH + 3.0)[:, None], BATCH)
    parts = list(in_batches(stored))
    assert np.concatenate([places for places, _ in parts]).tolist() == list(range(len(stored)))
    assert np.concatenate([part for _, part in parts]).tolist() == stored.values.tolist()
    scaled = Stored(stored.values / len(stored), BATCH)
    assert train.accuracy(train.trainable("2", (1,)), scaled, np.zeros(len(stored), int)) == 1.0
    assert taken(stored, np.array([5, 2, 9])).ravel().tolist() == [5, 2, 9]
    assert len(first(stored, 3)) == 3


def test_a_memory_map_and_a_part_of_a_data_set_are_trained_on(tmp_path: Path) -> None:
    """Both give the weights of the array; the part divides its bytes only when they are taken."""
    x, labels = some(40)
    whole = (x * 255).astype(np.uint8)
    np.save(tmp_path / "x.npy", whole / 255)
    part = labelled("test", whole, labels, 255)
    view = part.view(np.arange(39, -1, -1))
    assert len(view) == 40
    assert view.shape == (40, 1, 4, 4)
    assert (view[np.array([0, 3])] == whole[[39, 36]] / 255).all()
    assert part.view(dtype=np.float32)[:2].dtype == np.float32
    found = [
        trained(given, labels, None, train.Growth()).network.parameters
        for given in (whole / 255, np.load(tmp_path / "x.npy", mmap_mode="r"), part.view())
    ]
    assert all((found[0][name] == one[name]).all() for one in found[1:] for name in one)


@pytest.mark.parametrize("q", [0.0, 0.3, 0.5, 0.9, 0.99, 1.0])
def test_a_quantile_of_parts_is_that_of_numpy_bit_for_bit(q: float) -> None:
    """Whatever the parts are, and whether all that may come does."""
    draws = np.random.default_rng(8)
    for n, most in ((1, 1), (2, 40), (997, 997), (1000, 5000)):
        values = draws.normal(size=n)
        values = np.round(values, 2) if n == 997 else values  # many equal ones, and none
        found = RunningQuantile(q, most)
        for part in np.array_split(values, 13):
            found.add(part)
        assert found.n == n
        assert found.value() == np.quantile(values, q)
