"""An .npz file with inputs x and labels y, as anybody writes it with `numpy.savez`.

Relies on `archive`, which reads such files without trust. Used by `load`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError, listed
from eventsim.files.archive import HEADER, read_arrays
from eventsim.models.data.labelled_values import LabelledValues, Parts, is_name, labelled, numbered_classes

Array = np.ndarray[Any, Any]
PAIRS = (("x", "y"), ("x_train", "y_train"), ("x_test", "y_test"))
CLASSES = "classes"
OPTIONS = ("held_out", "seed")


def read_npz(path: Path) -> Parts:
    """Return what an .npz file holds: x and y, or x_train and y_train; x_test and y_test; and classes, their names.

    Inputs are bytes (255 is 1) or numbers in [0, 1], (n, *shape); images (n, channels, height, width), or
    (n, height, width) of one channel. Labels are whole numbers from 0, (n,).

    Raises
    ------
    FileFormatError
        No such file, a damaged one, or arrays that are none of these.
    """
    arrays = read_arrays(path)
    if HEADER in arrays:
        raise FileFormatError(f"{path}: this is a file of eventsim, not data; must have arrays x and y. Give another")
    pairs = {pair: _pair(path, arrays, pair) for pair in PAIRS if {*pair} & arrays.keys()}
    train = [pairs[pair] for pair in PAIRS[:2] if pair in pairs]
    if len(train) != 1:
        raise FileFormatError(
            f"{path}: there are the arrays {listed(arrays) or 'none'} in it; must be x and y, or x_train and y_train, "
            "with x_test and y_test where there is a test part. Save it with these names"
        )
    test = pairs.get(PAIRS[2])
    known = [part.labels for part in (*train, test) if part is not None]
    return Parts(train[0], test, _classes(path, arrays.get(CLASSES)) or numbered_classes(str(path), *known))


def _pair(path: Path, arrays: Mapping[str, Array], names: tuple[str, str]) -> LabelledValues:
    for name in names:
        if name not in arrays:
            raise FileFormatError(f"{path}: there is no array {name!r} beside the other; must be there. Save both")
    values, labels = (arrays[name] for name in names)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        remedy = (
            "Give .argmax(axis=1)" if labels.ndim == 2 and labels.shape[1] > 1 else "Give .ravel(), of whole numbers"
        )
        raise FileFormatError(
            f"{path}: {names[1]} is {labels.dtype} of shape {labels.shape}; must be whole numbers, one for each input. "
            f"{remedy}"
        )
    if labels.size and (labels.min() < 0 or labels.max() > np.iinfo(np.int64).max):
        raise FileFormatError(f"{path}: {names[1]} has labels below 0 or above 2**63; number the classes from 0")
    white = 255.0 if values.dtype == np.uint8 else 1.0
    return labelled(f"{path}: {names[0]}", _inputs(path, names[0], values), labels, white)


def _inputs(path: Path, name: str, values: Array) -> Array:
    """Bytes or numbers in [0, 1], (n, *shape), with an axis of channels where it was left out."""
    if values.ndim not in (2, 3, 4) or (values.dtype != np.uint8 and values.dtype.kind != "f"):
        raise FileFormatError(
            f"{path}: {name} is {values.dtype} of shape {values.shape}; must be uint8 or numbers in [0, 1], of shape "
            "(n, inputs), (n, height, width) or (n, channels, height, width). Convert it"
        )
    if values.ndim == 4 and values.shape[-1] in (1, 3, 4) and values.shape[1] not in (1, 3, 4):
        raise FileFormatError(
            f"{path}: {name} has shape {values.shape}, its channels last; must have them first. Save "
            f"np.moveaxis({name}, -1, 1)"
        )
    if values.dtype.kind == "f":
        outside = ~((values >= 0) & (values <= 1))  # NaN, too
        if outside.any():
            place = np.unravel_index(int(np.argmax(outside)), values.shape)
            raise FileFormatError(
                f"{path}: {name}[{', '.join(map(str, map(int, place)))}] = {values[place]}; must be in [0, 1]. Divide "
                "by the largest value, or save bytes"
            )
    return values[:, np.newaxis] if values.ndim == 3 else values


def _classes(path: Path, names: Array | None) -> tuple[str, ...]:
    if names is None:
        return ()
    if names.ndim != 1 or names.dtype.kind != "U" or not all(map(is_name, names.tolist())):
        raise FileFormatError(
            f"{path}: {CLASSES} is {names.dtype} of shape {names.shape}; must be names, (n,). Save texts"
        )
    return tuple(names.tolist())
