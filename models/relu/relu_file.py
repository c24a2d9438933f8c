"""The layers of a ReLU network as its file holds them: arrays beside a header of JSON values.

Relies on `layer_kinds`. Used by `eventsim.models.relu.relu_network`, and by all who ask which file is one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import InputError, NetworkError, nearest
from eventsim.models.relu.layer_kinds import LAYER_KINDS
from eventsim.models.relu.real_numbers import EXACT
from eventsim.models.relu.relu_layers import Layer

FORMAT = "eventsim-relu"
VERSION = 1


def described(path: str, layers: Sequence[Layer]) -> tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]:
    """Return the entries of layers in the header, and their arrays by the names ``layer.field``.

    Raises
    ------
    InputError
        Fractions, which the format does not hold.
    """
    entries = []
    arrays: dict[str, NDArray[Any]] = {}
    for layer in layers:
        own = {field: value for field, value in vars(layer).items() if isinstance(value, np.ndarray)}
        if any(array.dtype == EXACT for array in own.values()):
            raise InputError(f"{path}: layer {layer.name!r} holds Fractions; a file holds float64, convert it first")
        arrays |= {f"{layer.name}.{field}": array for field, array in own.items()}
        entries.append({"kind": layer.kind} | {k: v for k, v in vars(layer).items() if k not in own})
    return entries, arrays


def layers_from(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> list[Layer]:
    """Return the layers of a file; NetworkError for kinds that this release does not know, and what layers refuse."""
    return [_layer_from(entry, arrays) for entry in header["layers"]]


def _layer_from(entry: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Layer:
    """Return the layer that the header's `entry` describes, with its share of the arrays."""
    settings = dict(entry)
    kind = settings.pop("kind")
    if kind not in LAYER_KINDS:
        raise NetworkError(
            f"layer {entry.get('name')!r} is of kind {kind!r}{nearest(kind, LAYER_KINDS)}; "
            f"this release reads {', '.join(LAYER_KINDS)}"
        )
    prefix = f"{settings['name']}."
    own = {key.removeprefix(prefix): array for key, array in arrays.items() if key.rpartition(".")[0] + "." == prefix}
    return LAYER_KINDS[kind](**settings, **own)
