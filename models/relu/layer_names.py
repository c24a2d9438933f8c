"""What layers, and the populations that they become, are called.

Relies on `relu_layers`. Used by `eventsim.models.relu.relu_network`, `streams` and `fusion`.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from eventsim.errors import NetworkError
from eventsim.models.relu.relu_layers import Layer

INPUT = "input"
OUTPUT = "output"


def numbered(name: str, k: int, parts: Sequence[object]) -> str:
    """Return the name of what a layer makes of the k-th of several parts of its input."""
    return name if len(parts) == 1 else f"{name}.{k + 1}"


def unused(name: str, used: Counter[str], reserved: Collection[str]) -> str:
    """Return the name, or where a population has it already, with a number behind a dot that makes it new; count it.

    `reserved` are the names of layers, of which each is its own layer's.
    """
    used[name] += 1
    if used[name] == 1:
        return name
    while f"{name}.{used[name]}" in reserved or used[f"{name}.{used[name]}"]:
        used[name] += 1
    return f"{name}.{used[name]}"


def layer_names(layers: Sequence[Layer | type[Layer]], given: Sequence[str]) -> list[str]:
    """Return a name for each layer: the given one, or where that is "" its kind and number, or ``output``.

    ``output`` is the last layer that makes a population: a batch norm or a flattening behind it does not. Behind it is
    no concatenation, of which the output would be a sum.

    >>> from eventsim.models.relu.relu_network import Conv, Dense, Flatten, MaxPool
    >>> layer_names([Conv, MaxPool, Flatten, Dense, Dense], ["", "", "", "hidden", ""])
    ['conv1', 'pool1', 'flatten1', 'hidden', 'output']
    """
    if not layers:
        raise NetworkError("ReLU network: there are no layers; give at least one")
    stems = [layer.stem or layer.kind for layer in layers]
    usual = [f"{stem}{stems[:i].count(stem) + 1}" for i, stem in enumerate(stems)]
    last = max((i for i, layer in enumerate(layers) if layer.makes_population), default=-1)
    if not any(layer.kind == "concat" for layer in layers[last:]):
        usual[last] = OUTPUT
    names = [name or usual[i] for i, name in enumerate(given)]
    for i, name in enumerate(names):
        if not _is_name(name):
            raise NetworkError(
                f"ReLU network: layer {i} has name {name!r}; must be printable, without a backslash, and not {INPUT!r}"
            )
        if name in names[:i]:
            raise NetworkError(f"ReLU network: two layers are named {name!r}; give each its own name")
    return names


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and "\\" not in value and value != INPUT
