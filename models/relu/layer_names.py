"""What layers, and the populations that they become, are called.

Relies on `relu_layers` and on `carriers`. Used by `eventsim.models.relu.relu_network`, `streams` and `fusion`.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from eventsim.errors import NetworkError
from eventsim.models.relu.carriers import Called
from eventsim.models.relu.relu_layers import Layer

INPUT = "input"
OUTPUT = "output"


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


def population_names(
    called: Sequence[Called], cut: Sequence[int], reserved: Collection[str], read_out: int | None
) -> list[str]:
    """Return a name for each layer that was made of those of a network; "" for its kind and number.

    Parameters
    ----------
    called
        What each is called after. Several that are called alike, as two ReLUs make them of one layer's values, are told
        apart by a number.
    cut
        Places of those that have a ReLU, which choose first, in this order.
    reserved
        Names of the network's layers, of which each is its own layer's.
    read_out
        The place of one that was added to be the output, whose name no other may have then; None for none.
    """
    names, used = [".".join(words) for words in called], Counter[str]()
    for i in cut:
        names[i] = unused(names[i], used, reserved) if names[i] else ""
    if read_out is not None:
        names = ["" if name == OUTPUT and i != read_out else name for i, name in enumerate(names)]
    taken = {names[i] for i in cut}
    for i in sorted({*range(len(names))} - {*cut}):
        if names[i] in taken and names[i]:
            used[names[i]] += 1
            names[i] = unused(names[i], used, {*reserved, *taken})
        taken.add(names[i])
    return names


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
