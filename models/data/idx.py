"""The IDX format of the MNIST database: one array of bytes with its shape before it, raw or as gzip.

Two zero bytes, the code of a type (8: unsigned bytes), the number of axes, and the length of each axis as four bytes,
the most significant first; then the array in C order (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of
handwritten digits"). Fashion-MNIST and others use the same four files.

Relies on `file_content`. Used by the catalogue.
"""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.models.data.file_content import REMEDY, content, file_of
from eventsim.models.data.labelled_values import LabelledValues, Parts, labelled, numbered_classes
from eventsim.models.data.layout import Layout

BYTES = 8  # the code of unsigned bytes
AXES = {1: "labels", 3: "images"}
WHITE = 255.0
CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
}  # fmt: skip
# SHA-256 of the test labels, as bytes: both data sets have files of the same names and shapes.
KNOWN = {
    "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5": "mnist",
    "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9": "fashion-mnist",
}


def read_idx(path: Path, n_axes: int) -> NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes, raw or as gzip.

    Parameters
    ----------
    path
        The file.
    n_axes
        How many axes it must have: 1 of labels, 3 of images.

    Raises
    ------
    FileFormatError
        No such file; another format, type or number of axes; not as many bytes as its shape asks for, which is compared
        before anything is made of that shape.
    """
    held = content(path)
    start = 4 + 4 * n_axes
    if len(held) < start or held[:2] != b"\0\0":
        raise FileFormatError(
            f"{path}: this is no IDX file (it begins with {bytes(held[:4]).hex(' ') or 'nothing'}); must begin with "
            f"00 00 08 {n_axes:02x}. {REMEDY}"
        )
    if (held[2], held[3]) != (BYTES, n_axes):
        raise FileFormatError(
            f"{path}: IDX of type {held[2]} with {held[3]} axes; must be type {BYTES}, unsigned bytes, with {n_axes} "
            f"axes, as {AXES[n_axes]} are. Give that file, or {REMEDY}"
        )
    shape = tuple(int.from_bytes(held[4 + 4 * k : 8 + 4 * k], "big") for k in range(n_axes))
    if math.prod(shape) != len(held) - start:
        raise FileFormatError(
            f"{path}: its shape {shape} needs {math.prod(shape):,} bytes, and there are {len(held) - start:,}; must be "
            f"as many. The file is truncated or damaged: {REMEDY}"
        )
    return np.frombuffer(held, np.uint8, offset=start).reshape(shape)


def known_name(labels: NDArray[np.int64]) -> str:
    """Return the data set whose test labels these are, "" of others."""
    return KNOWN.get(hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest(), "")


def _names(start: str, n_axes: int) -> tuple[str, ...]:
    """The names under which a file is published, and those that some programs unpack it to."""
    kind = f"{start}-{AXES[n_axes]}"
    return tuple(f"{kind}{dash}idx{n_axes}-ubyte{end}" for dash in "-." for end in ("", ".gz"))


FILES = tuple(_names(start, n_axes) for start in ("train", "t10k") for n_axes in (3, 1))


def _part(folder: Path, images: tuple[str, ...], labels: tuple[str, ...]) -> LabelledValues:
    stored = read_idx(file_of(folder, images), 3)
    known = read_idx(file_of(folder, labels), 1)
    return labelled(str(folder / images[0]), stored[:, np.newaxis], known, WHITE)


def _read(folder: Path, name: str, _options: Mapping[str, Any]) -> Parts:
    """Both parts; they must not be another data set than that of this name."""
    train, test = _part(folder, *FILES[:2]), _part(folder, *FILES[2:])
    found = known_name(test.labels)
    if name and found and found != name:
        raise FileFormatError(
            f"{folder}: these are the files of {found}, by their test labels; must be those of {name}, which have "
            f"the same names. Ask for {found!r}, or keep each in a folder of its own"
        )
    classes = CLASSES.get(name or found) or numbered_classes(str(folder), train.labels, test.labels)
    return Parts(train, test, classes)


LAYOUT = Layout("IDX, raw or .gz", FILES, _read)
