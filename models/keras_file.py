"""Keras files: the description of a model and its weights by layer, none of it trusted before it is checked.

A ``.keras`` file is a zip of JSON and of an HDF5 file of weights; an ``.h5`` file of a whole model holds the same JSON
as an attribute. Keras itself is not needed. The HDF5 library is C code, which some damaged ``.h5`` files keep busy for
ever (the check sums of a zip find such damage first). Relies on `h5py`. Used by `read_keras`.
"""

import io
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import shown
from eventsim.errors import EventsimError, FileFormatError, InputError

Array = np.ndarray[Any, Any]
# What is read from a file may be 64 MiB, or 20 times the file where that is more.
LEAST_LIMIT = 1 << 26
GREATEST_RATIO = 20
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
# What zipfile, zlib, json and h5py raise on damaged bytes.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class KerasModel:
    """What a file holds.

    Attributes
    ----------
    config : description of the model, as Keras writes it.
    weights : by layer, in the order in which the layer has them.
    """

    config: Mapping[str, Any]
    weights: Mapping[str, list[Array]]


def open_keras(path: Path) -> KerasModel:
    """Return what the ``.keras`` or ``.h5`` file at `path` holds.

    Raises
    ------
    FileFormatError
        A file that is missing, damaged, of weights alone, or none of Keras.
    InputError
        The package h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            "read_relu: reading Keras models needs the package h5py; install it with: pip install 'eventsim[keras]'"
        ) from error
    with _damage(path):
        limit = max(LEAST_LIMIT, GREATEST_RATIO * path.stat().st_size)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                config = json.loads(_member(archive, CONFIG, limit))
                stored = io.BytesIO(_member(archive, WEIGHTS, limit))
            with h5py.File(stored, "r") as file:
                return KerasModel(config, _by_order(_Weights(file, path, limit), config))
        with h5py.File(path, "r") as file:
            if "model_config" not in file.attrs:
                raise FileFormatError(
                    f"{path}: this HDF5 file describes no Keras model; must be of a whole model: model.save, not "
                    "model.save_weights"
                )
            config = json.loads(file.attrs["model_config"])
            held = _Weights(file, path, limit).at("model_weights")
            return KerasModel(config, _by_name(_Weights(held, path, limit), config))


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: there is no such file; check the path") from error
    except DAMAGE as error:
        if isinstance(error, EventsimError):
            raise
        raise FileFormatError(
            f"{path}: this is no Keras model, or it is damaged ({type(error).__name__}); save it again with model.save"
        ) from error


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as stream:
        found = stream.read(limit + 1)
    if len(found) > limit:
        raise ValueError(f"{name} unpacks to more than {limit} bytes")
    return found


class _Weights:
    """Arrays in a group of an HDF5 file, of which nothing outside of the file is followed."""

    def __init__(self, group: Any, path: Path, limit: int) -> None:
        self.group, self.path, self.left = group, path, limit

    def at(self, place: str) -> Any:
        """Return what lies at a path below the group; None where nothing does, or a link leads away."""
        import h5py

        held = self.group
        for part in place.strip("/").split("/"):
            if not isinstance(held, h5py.Group) or not isinstance(held.get(part, getlink=True), h5py.HardLink):
                return None
            held = held[part]
        return held

    def array(self, place: str) -> Array:
        """Return the array at a path below the group."""
        import h5py

        held = self.at(place)
        if held is None:
            raise FileFormatError(f"{self.path}: there are no weights {shown(place)} in it; save the model again")
        if not isinstance(held, h5py.Dataset) or held.external or held.is_virtual or held.dtype.kind not in "fiub":
            raise FileFormatError(
                f"{self.path}: weights {shown(place)} are no numbers in this file; save the model again"
            )
        self.left -= held.size * max(held.dtype.itemsize, 8)
        if self.left < 0:
            raise FileFormatError(
                f"{self.path}: weights {shown(place)} of shape {held.shape} are more than the file can hold; save the "
                "model again"
            )
        return np.asarray(held[()])

    def names(self, place: str) -> list[str]:
        """Names of what lies in a group below, none where there is no such group."""
        held = self.at(place)
        return list(held) if hasattr(held, "keys") else []


def layers_of(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the descriptions of a model's layers, in order."""
    listed = config["config"]["layers"] if isinstance(config["config"], Mapping) else config["config"]
    return [layer for layer in listed if isinstance(layer, Mapping)]


def layer_name(layer: Mapping[str, Any]) -> str:
    """Return the name of a layer from its description."""
    return str(layer["config"].get("name") or layer.get("name"))


def _by_order(weights: _Weights, config: Mapping[str, Any]) -> dict[str, list[Array]]:
    """Weights of a ``.keras`` file: its groups are called by the class and number of layers, "conv2d_1"."""
    numbers: Counter[str] = Counter()
    found: dict[str, list[Array]] = {}
    for layer in layers_of(config):
        stem = _snake_case(str(layer["class_name"]))
        place = f"layers/{stem}_{numbers[stem]}" if numbers[stem] else f"layers/{stem}"
        numbers[stem] += 1
        listed = sorted(weights.names(f"{place}/vars"), key=lambda name: (len(name), name))
        found[layer_name(layer)] = [weights.array(f"{place}/vars/{name}") for name in listed]
    return found


def _by_name(weights: _Weights, config: Mapping[str, Any]) -> dict[str, list[Array]]:
    """Weights of an ``.h5`` file: each layer's group says their names."""
    found: dict[str, list[Array]] = {}
    for layer in layers_of(config):
        name = layer_name(layer)
        group = weights.at(name)
        if group is None:
            found[name] = []
            continue
        listed = [text.decode() if isinstance(text, bytes) else str(text) for text in _listed(group.attrs)]
        found[name] = [weights.array(f"{name}/{place}") for place in listed]
    return found


def _listed(attributes: Any) -> list[Any]:
    """Names of a layer's weights; Keras splits a long list into weight_names0, weight_names1, …"""
    if "weight_names" in attributes:
        return list(attributes["weight_names"])
    parts = sorted((key for key in attributes if re.fullmatch(r"weight_names\d+", key)), key=lambda key: int(key[12:]))
    return [text for key in parts for text in attributes[key]]


def _snake_case(name: str) -> str:
    """As Keras makes group names of classes: "Conv2D" to "conv2d", "BatchNormalization" to "batch_normalization"."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
