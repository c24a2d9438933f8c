"""CIFAR-10 and CIFAR-100 as they are published: the binary version, and the Python version, which is read as data.

Binary: one or two bytes of labels and 3,072 of an image, red, green and blue planes of 32 × 32, image after image.
Python: a pickle of a dict with the images in an array (n, 3072) and their labels in lists. Both hold the same images in
the same order (A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009).

Relies on `pickled_arrays`, which runs no code of a file. Used by the catalogue.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import checks
from eventsim.errors import FileFormatError
from eventsim.models.data.file_content import REMEDY, content, file_of, lines_of
from eventsim.models.data.labelled_values import LabelledValues, Parts, is_name, labelled
from eventsim.models.data.layout import Layout
from eventsim.models.data.pickled_arrays import bytes_array, plain_dict

Array = np.ndarray[Any, Any]
SHAPE = (3, 32, 32)
PIXELS = 3072
WHITE = 255.0
KINDS = ("fine", "coarse")  # the two labels of an image of CIFAR-100, in the order of Python's keys
IN_THE_FILE = {"fine": 1, "coarse": 0}
TRAINING = tuple(f"data_batch_{k}" for k in range(1, 6))


def read_binary(path: Path, n_labels: int, chosen: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the images (n, 3, 32, 32) and one of the labels (n,) of a file of the binary version.

    Raises
    ------
    FileFormatError
        No such file, or not a whole number of images.
    """
    held = content(path)
    size = n_labels + PIXELS
    if not held or len(held) % size:
        raise FileFormatError(
            f"{path}: {len(held):,} bytes; must be a multiple of {size:,}, {n_labels} for labels and {PIXELS:,} for "
            f"pixels of each image. The file is truncated, or of another version: {REMEDY}"
        )
    rows = np.frombuffer(held, np.uint8).reshape(-1, size)
    return rows[:, n_labels:].reshape(-1, *SHAPE), rows[:, chosen]


def read_python(path: Path, key: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images (n, 3, 32, 32) and the labels of this key, (n,), of a file of the Python version.

    Raises
    ------
    FileFormatError
        No such file, no pickle of plain data, or not what such a file holds.
    """
    found = plain_dict(path, content(path))
    images = bytes_array(path, found.get("data"))
    if images.ndim != 2 or images.shape[1] != PIXELS:
        raise FileFormatError(f"{path}: data of shape {images.shape}; must be (n, {PIXELS}), as CIFAR's are. {REMEDY}")
    labels = found.get(key)
    if not isinstance(labels, list) or not all(type(one) is int and 0 <= one < 256 for one in labels):
        raise FileFormatError(f"{path}: there is no list {key!r} of labels in it; must be there. {REMEDY}")
    return images.reshape(-1, *SHAPE), np.array(labels, np.int64)


def _part(folder: Path, files: tuple[str, ...], read: Callable[[Path], tuple[Array, Array]]) -> list[LabelledValues]:
    found = []
    for name in files:
        path = file_of(folder, (name,))
        images, labels = read(path)
        found.append(labelled(str(path), images, labels, WHITE))
    return found


def _joined(parts: list[LabelledValues]) -> LabelledValues:
    if len(parts) == 1:
        return parts[0]
    images = np.concatenate([part.stored[:] for part in parts])
    return labelled("", images, np.concatenate([part.labels for part in parts]), WHITE)


def _check_ten(folder: Path, files: tuple[str, ...], parts: list[LabelledValues]) -> None:
    """All six files have as many images: one that was cut between two images is noticed."""
    for name, part in zip(files, parts, strict=True):
        if len(part) != len(parts[0]):
            raise FileFormatError(
                f"{folder / name}: {len(part)} images, and {len(parts[0])} in {files[0]}; must be as many in each of "
                f"the six files (10,000 as published). One is truncated: {REMEDY}"
            )


def _read_ten(folder: Path, _name: str, _options: Mapping[str, Any], is_binary: bool) -> Parts:
    end = ".bin" if is_binary else ""
    files = tuple(f"{name}{end}" for name in (*TRAINING, "test_batch"))
    read = functools.partial(read_binary, n_labels=1, chosen=0) if is_binary else _python_reader("labels")
    parts = _part(folder, files, read)
    _check_ten(folder, files, parts)
    meta = folder / ("batches.meta.txt" if is_binary else "batches.meta")
    return Parts(_joined(parts[:-1]), parts[-1], _class_names(meta, "label_names", 10, is_binary))


def _read_hundred(folder: Path, _name: str, options: Mapping[str, Any], is_binary: bool) -> Parts:
    kind = checks.choice("load", "labels", options.get("labels", KINDS[0]), KINDS)
    files = ("train.bin", "test.bin") if is_binary else ("train", "test")
    binary = functools.partial(read_binary, n_labels=2, chosen=IN_THE_FILE[kind])
    train, test = _part(folder, files, binary if is_binary else _python_reader(f"{kind}_labels"))
    if len(train) != 5 * len(test):
        raise FileFormatError(
            f"{folder}: {len(train)} training images and {len(test)} test images; must be 5 to train on for each to "
            f"test with (50,000 and 10,000 as published). One file is truncated: {REMEDY}"
        )
    meta = folder / (f"{kind}_label_names.txt" if is_binary else "meta")
    names = _class_names(meta, f"{kind}_label_names", 100 if kind == "fine" else 20, is_binary)
    return Parts(train, test, names)


def _python_reader(key: str) -> Callable[[Path], tuple[Array, Array]]:
    return functools.partial(read_python, key=key)


def _class_names(path: Path, key: str, n: int, is_binary: bool) -> tuple[str, ...]:
    """The names of the classes, a line each or a list in a pickle."""
    file_of(path.parent, (path.name,))
    names = lines_of(path) if is_binary else plain_dict(path, content(path)).get(key)
    if not isinstance(names, list) or len(names) != n or not all(map(is_name, names)):
        raise FileFormatError(f"{path}: there are not {n} names of classes in it; must be as published. {REMEDY}")
    return tuple(names)


def _layout(title: str, files: tuple[str, ...], read: Any, is_binary: bool, options: tuple[str, ...] = ()) -> Layout:
    version = "binary version" if is_binary else "Python version"
    reader = functools.partial(read, is_binary=is_binary)
    return Layout(f"{title}, {version}", tuple((name,) for name in files), reader, options)


_TEN = (*TRAINING, "test_batch")
TEN = (
    _layout("CIFAR-10", (*(f"{name}.bin" for name in _TEN), "batches.meta.txt"), _read_ten, True),
    _layout("CIFAR-10", (*_TEN, "batches.meta"), _read_ten, False),
)
HUNDRED = (
    _layout("CIFAR-100", ("train.bin", "test.bin", "fine_label_names.txt"), _read_hundred, True, ("labels",)),
    _layout("CIFAR-100", ("train", "test", "meta"), _read_hundred, False, ("labels",)),
)
