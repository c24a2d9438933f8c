"""The weights of a Keras file, by layer: a program of its own, ``keras_weights.py FILE OUT LIMIT``.

HDF5 is read by a C library, which a damaged or hostile file may crash or keep busy for ever. So this runs in a process
of its own, with limits, and imports nothing of eventsim. It writes an .npz file of arrays "layer/number", and prints
JSON: the description of the model, or what is wrong with the file. Started by `keras_file`.
"""

import io
import json
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
MODELS = ("Sequential", "Functional", "Model")
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
SPARE_MEMORY = 2 << 30  # what Python, numpy and h5py take, and more


class UnreadError(Exception):
    """The file is not read; the message says why."""


def read(path: Path, limit: int) -> tuple[Mapping[str, Any], dict[str, list[Array]]]:
    """Return the description of a model and its weights by layer, of at most `limit` bytes."""
    import h5py

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, CONFIG, limit))
            stored = io.BytesIO(_member(archive, WEIGHTS, limit))
        with h5py.File(stored, "r") as file:
            return config, _by_order(_Weights(file, limit), config)
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise UnreadError(
                "this HDF5 file describes no Keras model; must be of a whole model: model.save, not model.save_weights"
            )
        config = json.loads(file.attrs["model_config"])
        found = _Weights(file, limit).at("model_weights")
        return config, _by_name(_Weights(found, limit), config)


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as stream:
        found = stream.read(limit + 1)
    if len(found) > limit:
        raise ValueError(f"{name} unpacks to more than {limit} bytes")
    return found


class _Weights:
    """Arrays in a group of an HDF5 file, of which nothing outside of the file is followed."""

    def __init__(self, group: Any, limit: int) -> None:
        self.group, self.left = group, limit

    def at(self, place: str) -> Any:
        """Return what lies at a path below the group; None where nothing does, or a link leads away."""
        import h5py

        found = self.group
        for part in place.strip("/").split("/"):
            if not isinstance(found, h5py.Group) or not isinstance(found.get(part, getlink=True), h5py.HardLink):
                return None
            found = found[part]
        return found

    def array(self, place: str) -> Array:
        """Return the array at a path below the group."""
        import h5py

        found = self.at(place)
        if found is None:
            raise UnreadError(f"there are no weights {place!r} in it; save the model again")
        if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual or found.dtype.kind not in "fiub":
            raise UnreadError(f"weights {place!r} are no numbers in this file; save the model again")
        self.left -= found.size * max(found.dtype.itemsize, 8)
        if self.left < 0:
            raise UnreadError(
                f"weights {place!r} of shape {found.shape} are more than the file can hold; save the model again"
            )
        return np.asarray(found[()])

    def names(self, place: str) -> list[str]:
        """Names of what lies in a group below, none where there is no such group."""
        found = self.at(place)
        return list(found) if hasattr(found, "keys") else []


def is_model(layer: Mapping[str, Any]) -> bool:
    """Is a layer, from its description, a model of layers itself?"""
    return layer.get("class_name") in MODELS and isinstance(layer.get("config"), Mapping | list)


def layers_of(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the descriptions of a model's layers, in order."""
    listed = config["config"]["layers"] if isinstance(config["config"], Mapping) else config["config"]
    return [layer for layer in listed if isinstance(layer, Mapping)]


def layer_name(layer: Mapping[str, Any]) -> str:
    """Return the name of a layer from its description."""
    config = layer["config"]
    return str((config.get("name") if isinstance(config, Mapping) else None) or layer.get("name"))


def _by_order(weights: _Weights, config: Mapping[str, Any], root: str = "", path: str = "") -> dict[str, list[Array]]:
    """Weights of a ``.keras`` file: its groups are called by the class and number of layers, "conv2d_1"."""
    numbers: Counter[str] = Counter()
    found: dict[str, list[Array]] = {}
    for layer in layers_of(config):
        stem = _snake_case(str(layer["class_name"]))
        place = f"{root}layers/{stem}_{numbers[stem]}" if numbers[stem] else f"{root}layers/{stem}"
        numbers[stem] += 1
        name = path + layer_name(layer)
        if is_model(layer):
            found |= _by_order(weights, layer, f"{place}/", f"{name}/")
        listed = sorted(weights.names(f"{place}/vars"), key=lambda name: (len(name), name))
        found[name] = [weights.array(f"{place}/vars/{number}") for number in listed]
    return found


def _by_name(weights: _Weights, config: Mapping[str, Any]) -> dict[str, list[Array]]:
    """Weights of an ``.h5`` file: each layer's group says their names."""
    found: dict[str, list[Array]] = {}
    for layer in layers_of(config):
        name = layer_name(layer)
        group = weights.at(name)
        inside = _leaves(layer, f"{name}/") if is_model(layer) else []
        found |= {leaf: [] for leaf in (name, *inside)}
        if group is None:
            continue
        listed = [text.decode() if isinstance(text, bytes) else str(text) for text in _listed(group.attrs)]
        for place in listed:
            owner = _owner(place, inside) if inside else name
            found[owner].append(weights.array(f"{name}/{place}"))
    return found


def _leaves(model: Mapping[str, Any], path: str) -> list[str]:
    """Paths of the layers of a model within a model, those of its own models among them."""
    found: list[str] = []
    for layer in layers_of(model):
        name = path + layer_name(layer)
        found += _leaves(layer, f"{name}/") if is_model(layer) else [name]
    return found


def _owner(place: str, leaves: list[str]) -> str:
    """The layer that a weight of a nested model belongs to: whose path ends as that of the weight does."""
    parts = place.split("/")[:-1]
    for n in range(len(parts), 0, -1):
        ending = parts[-n:]
        found = [leaf for leaf in leaves if leaf.split("/")[-n:] == ending]
        if len(found) == 1:
            return found[0]
        if found:
            break
    raise UnreadError(
        f"weights {place!r} belong to none or to several of the layers of a nested model; save the model as a .keras "
        "file"
    )


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


def main(path: str, out: str, limit: int) -> int:
    """Read, write and print; 1 where the file is not read."""
    try:
        import resource
    except ImportError:  # not on every system
        pass
    else:
        most, hard = SPARE_MEMORY + 4 * limit, resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    try:
        config, weights = read(Path(path), limit)
        names = list(weights)
        arrays = {f"{i}/{k}": array for i, name in enumerate(names) for k, array in enumerate(weights[name])}
        np.savez(out, **arrays)  # type: ignore[arg-type]  # the stubs take them for its options
        found = {"config": config, "layers": names}
    except UnreadError as error:
        found = {"unread": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever a damaged file leads to, its name is what is said of it
        found = {"damage": type(error).__name__}
    sys.stdout.write(json.dumps(found))
    return 0 if "config" in found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
