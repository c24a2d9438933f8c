"""What `ttfs_network` is given, a list, a dict or a file, as a list of layers with their names and fields.

Relies on `eventsim.files.archive`. Used by `ttfs_network`, in whose name it refuses what it refuses.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eventsim.checks import plain_array, shown
from eventsim.errors import MappingError
from eventsim.files.archive import read_arrays
from eventsim.models.relu.relu_network import OUTPUT


def named_entries(parameters: Any, input_shape: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the fields of each layer with its name, or its kind and number; those that are None are left out.

    Parameters
    ----------
    parameters
        As for `ttfs_network`.
    input_shape
        As for `ttfs_network`; its first number is that of the channels.

    Raises
    ------
    MappingError
        Something else than layers, each with its fields.
    FileFormatError
        A file that cannot be read as .npz without pickles.
    """
    layers = _listed(parameters, input_shape)
    counts: dict[str, int] = {}
    found = []
    for n, given in enumerate(layers):
        layer = {field: value for field, value in given.items() if value is not None}
        weights = plain_array("ttfs_network: weights", layer.get("W", layer.get("J", ())), MappingError)
        kind = "pool" if "pool" in layer else "conv" if weights.ndim > 2 else "dense"
        counts[kind] = counts.get(kind, 0) + 1
        sends = n < len(layers) - 1 or "t_max" in layer
        name = layer.get("name", f"{kind}{counts[kind]}" if sends else OUTPUT)
        found.append((name.item() if isinstance(name, np.ndarray) and name.ndim == 0 else name, layer))
    return found


def _listed(parameters: Any, input_shape: Any) -> list[Any]:
    """The layers as a list of dicts with names where they have some."""
    if isinstance(parameters, str | os.PathLike):
        parameters = _read(parameters)
    if hasattr(parameters, "named_modules"):
        parameters = _of_module(parameters, input_shape)
    if isinstance(parameters, Mapping):
        parameters = [
            {"name": name, **entry} if isinstance(entry, Mapping) else entry for name, entry in parameters.items()
        ]
    if not isinstance(parameters, Sequence) or isinstance(parameters, str | bytes) or not parameters:
        raise MappingError(
            f"ttfs_network: parameters = {shown(parameters)}; must be a list of dicts, one for each layer, a dict of "
            "these by name, the path of an .npz file, or a torch module of eventsim's layers"
        )
    for n, entry in enumerate(parameters):
        if not isinstance(entry, Mapping):
            raise MappingError(f"ttfs_network: layer {n} is {shown(entry)}; must be a dict of its fields")
    return list(parameters)


def _of_module(module: Any, input_shape: Any) -> list[dict[str, Any]]:
    """Layers of a PyTorch module of spike times, in the order in which it has them, by their paths."""
    given = plain_array("ttfs_network: input_shape", () if input_shape is None else input_shape, MappingError).ravel()
    channels = int(given[0]) if given.size and given.dtype.kind in "iu" else 1
    times, layers = (0.0, 1.0), []
    for path, one in module.named_modules():
        if not hasattr(one, "ttfs_fields"):
            if next(iter(one.parameters(recurse=False)), None) is not None:
                raise MappingError(
                    f"ttfs_network: module {path!r} is a {type(one).__name__}, which sends no spike times; must be of "
                    "eventsim.models.train.torch_layers. Read other networks with to_ttfs."
                )
            continue
        fields = one.ttfs_fields(times, channels)
        layers.append(fields)
        channels = len(fields.get("W", fields.get("J", ()))) or channels
        if "t_max" in fields:
            times = times[1], fields["t_max"]
    return layers


def _read(path: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    """Layers by name, from entries ``name.field`` in the order of the file."""
    layers: dict[str, dict[str, Any]] = {}
    for entry, array in read_arrays(path).items():
        name, dot, field = entry.rpartition(".")
        if not dot:
            raise MappingError(f"ttfs_network: {path} has an entry {entry!r}; must be named layer.field, as 'dense1.W'")
        layers.setdefault(name, {})[field] = array
    return layers
