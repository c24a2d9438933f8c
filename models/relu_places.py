"""Where the ReLUs of a network are, once each stands at the layer whose values it cuts, and what is named after whom.

Relies on the kinds of layers. Used by `eventsim.models.relu_network` and `fusion`, which must agree on names.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from eventsim.models.batch_norm import BatchNorm
from eventsim.models.conv_layer import Conv
from eventsim.models.join_layers import Add, Concat
from eventsim.models.pool_layers import AveragePool, Flatten, MaxPool, Pool
from eventsim.models.relu_layers import Dense, Layer

Inputs = Mapping[str, Sequence[str]]
INPUT = "input"


def relus_before_pools(layers: Sequence[Layer], inputs: Inputs) -> list[Layer]:
    """Return layers that compute the same, with each ReLU at the one whose values it cuts.

    A max, a choice of order and a ReLU commute, and means of positive values are positive. A ReLU on the input itself
    stays where it is, and so does one behind a layer whose values somebody else takes without it.
    """
    places = {layer.name: i for i, layer in enumerate(layers)}
    users = Counter(name for taken in inputs.values() for name in taken)
    layers = list(layers)
    for i in range(len(layers) - 1, 0, -1):
        before = [places.get(name, -1) for name in inputs[layers[i].name]]
        alone = all(k >= 0 and (layers[k].relu or users[layers[k].name] == 1) for k in before)
        if layers[i].relu and isinstance(layers[i], MaxPool | Flatten | Concat) and alone:
            layers[i] = _with_relu(layers[i], False)
            for k in before:
                layers[k] = _with_relu(layers[k], True)
    positive: dict[str, bool] = {}
    for i, layer in enumerate(layers):
        kept = all(positive.get(name, False) for name in inputs[layer.name])
        if kept and layer.relu and isinstance(layer, AveragePool | Concat):
            layers[i] = _with_relu(layer, False)
        if kept and isinstance(layer, Add) and i < len(layers) - 1:
            layers[i] = _with_relu(layer, True)
        positive[layer.name] = layer.relu or (kept and isinstance(layer, Pool | Flatten | Add | Concat))
    return layers


@dataclass(frozen=True)
class _Part:
    """Channels that one population carries: its name, and whether they went through a ReLU; inputs did."""

    carrier: str
    is_cut: bool
    channels: int
    norm: str = ""  # the batch norm that values that were cut have been through since


def relu_outputs(
    layers: Sequence[Layer], inputs: Inputs, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, list[tuple[str, slice]]]:
    """Return for each layer the populations that carry its outputs from there on: names and channels.

    `layers` are those of `relus_before_pools`. Two ReLUs of one layer's values are told apart as "conv1", "conv1.2".
    """
    parts = {INPUT: [_Part("", True, shapes[INPUT][0])]}
    found: dict[str, list[tuple[str, slice]]] = {}
    used: Counter[str] = Counter()
    for layer in layers:
        before = [part for name in inputs[layer.name] for part in parts[name]]
        mine = [_carried(layer, part, numbered(layer.name, k, before)) for k, part in enumerate(before)]
        alike = {tuple(part.channels for part in parts[name]) for name in inputs[layer.name]}
        if isinstance(layer, Add) and not layer.relu and len(alike) == 1:
            mine = parts[inputs[layer.name][0]]
            mine = [_Part(numbered(layer.name, k, mine), False, part.channels) for k, part in enumerate(mine)]
        elif isinstance(layer, Conv | Dense | Add):
            mine = [_Part(layer.name, False, shapes[layer.name][0])]
        elif isinstance(layer, Flatten):
            positions = math.prod(shapes[inputs[layer.name][0]][1:])
            mine = [replace(part, channels=part.channels * positions) for part in mine]
        found[layer.name] = []
        first = 0
        for k, part in enumerate(mine):
            already = part.is_cut and not part.norm and isinstance(layer, Concat)
            if (layer.relu and not already) or (isinstance(layer, Pool) and part.is_cut):
                name = part.norm if layer.relu and part.norm else part.carrier or layer.name
                carrier = unused(name, used, inputs)
                found[layer.name].append((carrier, slice(first, first + part.channels)))
                mine[k] = replace(part, carrier=carrier, is_cut=True, norm="" if layer.relu else part.norm)
            first += part.channels
        parts[layer.name] = mine
    return found


def _carried(layer: Layer, part: _Part, name: str) -> _Part:
    """Who carries a part behind a layer of the given name that keeps parts apart."""
    if isinstance(layer, Pool):
        return replace(part, carrier=name)
    if isinstance(layer, BatchNorm) and part.is_cut:
        return replace(part, carrier=name, is_cut=False, norm="") if layer.relu else replace(part, norm=name)
    return part


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


def _with_relu(layer: Layer, relu: bool) -> Layer:
    return layer if layer.relu is relu else type(layer)(**{**vars(layer), "relu": relu})
