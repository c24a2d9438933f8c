"""Damaged copies of small files of each published form: each is refused in words, or read as another reader has it.

Forms without checksums cannot tell a changed pixel from a pixel. So what is read is held against a second, naive
decoding of the same damaged bytes; `FUZZED_COPIES` says how many copies of each file.
"""

import gzip
import io
import math
import os
import pickle  # noqa: TID251 - what is read as data is held against what loading gives
import random
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import data_files
import numpy as np
import pytest
from fuzzed_reader import damaged

from eventsim.errors import EventsimError
from eventsim.models import data

Array = np.ndarray[Any, Any]
N_COPIES = int(os.environ.get("FUZZED_COPIES", "300"))
MOST_SECONDS = 10.0  # that one copy may take


def naive_idx(held: bytes, n_axes: int) -> Array:
    shape = [int.from_bytes(held[4 + 4 * k : 8 + 4 * k], "big") for k in range(n_axes)]
    assert held[:4] == bytes([0, 0, 8, n_axes])
    assert len(held) == 4 + 4 * n_axes + math.prod(shape)
    return np.array(list(held[4 + 4 * n_axes :]), np.uint8).reshape(shape)


def naive_images(held: bytes, found: data.DataSet) -> None:
    np.testing.assert_array_equal(found.train.stored[:][:, 0], naive_idx(held, 3))


def naive_labels(held: bytes, found: data.DataSet) -> None:
    np.testing.assert_array_equal(found.train.labels, naive_idx(held, 1))


def naive_packed_images(held: bytes, found: data.DataSet) -> None:
    naive_images(gzip.decompress(held), found)


def naive_batch(held: bytes, found: data.DataSet) -> None:
    rows = [held[start : start + 3073] for start in range(0, len(held), 3073)]
    assert [row[0] for row in rows] == found.train.labels[: len(rows)].tolist()
    assert [row[1:] for row in rows] == [image.tobytes() for image in found.train.stored[: len(rows)]]


def naive_train(held: bytes, found: data.DataSet) -> None:
    rows = [held[start : start + 3074] for start in range(0, len(held), 3074)]
    assert [row[1] for row in rows] == found.train.labels.tolist()
    assert [row[2:] for row in rows] == [image.tobytes() for image in found.train.stored[:]]


class OnlyArrays(pickle.Unpickler):
    """Loads what names arrays of numpy alone, as the reader claims of what it has read."""

    def find_class(self, module: str, name: str) -> Any:
        assert module.partition(".")[0] in ("numpy", "_codecs"), (module, name)
        return super().find_class(module, name)


def loaded(held: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's own, of the old names of its modules
        return OnlyArrays(io.BytesIO(held), encoding="latin1").load()


def naive_pickled_batch(held: bytes, found: data.DataSet) -> None:
    theirs = loaded(held)
    n = len(theirs["labels"])
    assert theirs["labels"] == found.train.labels[:n].tolist()
    np.testing.assert_array_equal(theirs["data"].reshape(-1, 3, 32, 32), found.train.stored[:n])


def naive_pickled_names(held: bytes, found: data.DataSet) -> None:
    assert tuple(loaded(held)["label_names"]) == found.classes


def naive_names(held: bytes, found: data.DataSet) -> None:
    lines = held.decode("utf-8").splitlines()
    assert [line.strip() for line in lines if line.strip()] == list(found.classes)


def naive_lines(held: bytes, found: data.DataSet) -> None:
    rows = [[int(one) for one in line.split(",")] for line in held.decode("ascii").splitlines() if line]
    stored = np.concatenate([found.train.stored[:], found.test.stored[:]]).reshape(-1, 784)
    labels = np.concatenate([found.train.labels, found.test.labels])
    assert sorted(rows) == sorted([*image.tolist(), int(label)] for image, label in zip(stored, labels, strict=True))


def naive_packed_lines(held: bytes, found: data.DataSet) -> None:
    naive_lines(gzip.decompress(held), found)


def naive_npz(held: bytes, found: data.DataSet) -> None:
    with np.load(io.BytesIO(held)) as arrays:
        np.testing.assert_array_equal(arrays["x_train"], found.train.values())
        np.testing.assert_array_equal(arrays["y_train"], found.train.labels)
        if "x_test" in arrays.files:
            np.testing.assert_array_equal(arrays["x_test"], found.test.values())


def naive_list(held: bytes, found: data.DataSet) -> None:
    lines = held.decode("ascii").split("\n")
    pairs = [line.rstrip("\r").split(" ") for line in lines if line]
    assert [int(number) for _, number in pairs] == found.train.labels.tolist()
    names = found.train.stored.names.tolist()  # type: ignore[attr-defined]
    assert [name.removeprefix("/").encode() for name, _ in pairs] == names


def naive_picture(held: bytes, found: data.DataSet) -> None:
    from PIL import Image

    (stored,) = found.test.stored[[0]]
    with Image.open(io.BytesIO(held)) as image:
        np.testing.assert_array_equal(np.moveaxis(stored, 0, -1), np.asarray(image.convert("RGB")))


def write_npz(folder: Path) -> None:
    x = np.random.default_rng(0).random((6, 4))
    y = np.array([0, 1, 2, 0, 1, 2])
    np.savez_compressed(folder / "d.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])


def write_packed_idx(folder: Path) -> None:
    data_files.write_idx(folder, packed=True)


def write_raw_lines(folder: Path) -> None:
    data_files.write_mnist_5k(folder, packed=False, n=5)


CASES: dict[str, tuple[Callable[[Path], Any], str, Callable[[bytes, data.DataSet], None]]] = {
    "IDX images": (data_files.write_idx, data_files.IDX[0], naive_images),
    "IDX labels": (data_files.write_idx, data_files.IDX[1], naive_labels),
    "IDX images, gz": (write_packed_idx, f"{data_files.IDX[0]}.gz", naive_packed_images),
    "CIFAR-10": (data_files.write_cifar_10, "data_batch_1.bin", naive_batch),
    "CIFAR-10 names": (data_files.write_cifar_10, "batches.meta.txt", naive_names),
    "CIFAR-10 Python": (data_files.write_cifar_10_python, "data_batch_1", naive_pickled_batch),
    "CIFAR-10 Python names": (data_files.write_cifar_10_python, "batches.meta", naive_pickled_names),
    "CIFAR-100": (data_files.write_cifar_100, "train.bin", naive_train),
    "MNIST 5k": (write_raw_lines, "mnist_5k.csv", naive_lines),
    "MNIST 5k, gz": (data_files.write_mnist_5k, "mnist_5k.csv.gz", naive_packed_lines),
    "npz": (write_npz, "d.npz", naive_npz),
    "Places365 list": (data_files.write_places, "places365_train_standard.txt", naive_list),
    "Places365 picture": (data_files.write_places, "val_256/Places365_val_00000001.jpg", naive_picture),
}


def heads(whole: bytes, rng: random.Random) -> bytes:
    """A copy with its damages among the first bytes, where forms keep what they claim."""
    return damaged(whole[:200], rng) + whole[200:]


@pytest.mark.parametrize("form", CASES)
def test_damaged_copies_are_refused_in_words_or_read_as_they_are(tmp_path: Path, form: str) -> None:
    write, name, compare = CASES[form]
    if form.startswith("Places365"):
        pytest.importorskip("PIL")
    write(tmp_path)
    whole, rng = (tmp_path / name).read_bytes(), random.Random(form)
    source = tmp_path / name if name.endswith(".npz") else tmp_path
    n_read = 0
    for number in range(N_COPIES):
        held = (damaged if number % 2 else heads)(whole, rng)
        (tmp_path / name).write_bytes(held)
        start = time.perf_counter()
        message = ""
        try:
            found = data.load(source)
            found.test.values()
        except EventsimError as error:
            message = str(error)
        if message:
            assert ": " in message
            assert 20 < len(message) <= 1500
        else:
            compare(held, found)
            n_read += 1
        assert time.perf_counter() - start < MOST_SECONDS, f"copy {number}"
    assert n_read < N_COPIES
    (tmp_path / name).write_bytes(whole)
    compare(whole, data.load(source))
    shutil.rmtree(tmp_path)
