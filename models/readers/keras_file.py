"""Keras files: the description of a model and its weights by layer, none of it trusted before it is checked.

A ``.keras`` file is a zip of JSON and of an HDF5 file of weights; an ``.h5`` file of a whole model holds the same JSON
as an attribute. Keras itself is not needed. The files are opened by a program of its own, `keras_weights`, since the
HDF5 library is C code, which some damaged files crash or keep busy for ever. Used by `read_keras`.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError, InputError
from eventsim.files.leftovers import FOLDER, mark
from eventsim.models.readers import keras_weights

Array = np.ndarray[Any, Any]
# What is read from a file may be 64 MiB, or 20 times the file where that is more.
LEAST_LIMIT = 1 << 26
GREATEST_RATIO = 20
# Seconds that reading may take: to start Python on a slow machine, and for each byte of the file.
START_SECONDS, SECONDS_A_BYTE = 20.0, 1e-6


@dataclass(frozen=True)
class KerasModel:
    """What a file holds.

    Attributes
    ----------
    config
        Description of the model, as Keras writes it.
    weights
        Arrays of any shape by layer, in the order in which the layer has them.
    """

    config: Mapping[str, Any]
    weights: Mapping[str, list[Array]]


def open_keras(path: Path) -> KerasModel:
    """Return what the ``.keras`` or ``.h5`` file at `path` holds.

    Raises
    ------
    FileFormatError
        A file that is missing, damaged, of weights alone, or none of Keras; one that takes the HDF5 library too long.
    InputError
        The package h5py is not installed.
    """
    if importlib.util.find_spec("h5py") is None:
        raise InputError(
            "read_relu: reading Keras models needs the package h5py; install it with: pip install 'eventsim[keras]'"
        )
    if not path.is_file():
        raise FileFormatError(f"{path}: there is no such file; check the path")
    size = path.stat().st_size
    patience = START_SECONDS + size * SECONDS_A_BYTE
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{mark()}") as folder:
        out = Path(folder) / "weights.npz"
        limit = max(LEAST_LIMIT, GREATEST_RATIO * size)
        # -P: the program's folder has modules of this package, which are not to be taken for others.
        command = [sys.executable, "-P", keras_weights.__file__, str(path), str(out), str(limit)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=patience, check=False)
        except subprocess.TimeoutExpired as error:
            raise FileFormatError(
                f"{path}: the HDF5 library was not done with it after {patience:.0f} s: it is damaged; save it again "
                "with model.save"
            ) from error
        found = _said(done.stdout)
        if "unread" in found:
            raise FileFormatError(f"{path}: {found['unread']}")
        if "config" not in found:
            reason = found.get("damage") or f"the HDF5 library ended with exit code {done.returncode}"
            raise FileFormatError(
                f"{path}: this is no Keras model, or it is damaged ({reason}); save it again with model.save"
            )
        with np.load(out, allow_pickle=False) as arrays:
            listed = sorted(arrays.files, key=lambda name: tuple(map(int, name.split("/"))))
            weights: dict[str, list[Array]] = {name: [] for name in found["layers"]}
            for name in listed:
                weights[found["layers"][int(name.split("/")[0])]].append(arrays[name])
    return KerasModel(found["config"], weights)


def _said(output: bytes) -> Any:
    """What the program printed; nothing where it was ended."""
    try:
        return json.loads(output)
    except ValueError:
        return {}
