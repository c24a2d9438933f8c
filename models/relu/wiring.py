"""Which layers of a ReLU network take the outputs of which, and the shape of the inputs, as they are given or implied.

Relies on the kinds of layers. Used by `eventsim.models.relu.relu_network`, in whose name it refuses what it refuses.
"""

import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eventsim.checks import shown
from eventsim.errors import NetworkError, nearest
from eventsim.models.relu.join_layers import Join
from eventsim.models.relu.layer_names import INPUT
from eventsim.models.relu.relu_layers import Dense, Layer


def all_inputs(layers: Sequence[Layer], given: Any) -> dict[str, tuple[str, ...]]:
    """Return of each layer whose outputs it takes: as given, or those of the layer before it."""
    if not isinstance(given, Mapping | None):
        raise NetworkError(f"ReluNetwork: inputs = {shown(given)}; must be a dict of lists of names, or None")
    given = given or {}
    names = [layer.name for layer in layers]
    for name in given:
        if name not in names:
            raise NetworkError(
                f"ReluNetwork: inputs names layer {shown(name)}{nearest(str(name), names)}; there is none"
            )
    found: dict[str, tuple[str, ...]] = {}
    before = INPUT
    for layer in layers:
        taken = given.get(layer.name, (before,))
        place, before = f"ReluNetwork: inputs of {layer.name!r}", layer.name
        if isinstance(taken, str) or not isinstance(taken, Sequence) or not taken:
            raise NetworkError(f"{place} = {shown(taken)}; must be a list of names")
        if len(taken) > 1 and not isinstance(layer, Join):
            raise NetworkError(
                f"{place}: {len(taken)} for a {layer.kind} layer; must be one; Add and Concat take several"
            )
        for name in taken:
            if not isinstance(name, str) or (name not in found and name != INPUT):
                raise NetworkError(
                    f"{place}: {shown(name)} is no layer before it; give names of earlier layers, or {INPUT!r}"
                )
        found[layer.name] = tuple(taken)
    used = {name for taken in found.values() for name in taken}
    for name in names[:-1]:
        if name not in used:
            raise NetworkError(f"ReluNetwork: nobody takes the outputs of layer {name!r}; remove it")
    return found


def shape_of_inputs(first: Layer, given: Sequence[int] | None) -> tuple[int, ...]:
    """Return the shape of one input: as given, or flat for a first dense layer."""
    if given is None:
        if not isinstance(first, Dense):
            raise NetworkError(
                f"ReLU network: input_shape is needed before layer {first.name!r}; give it, as (channels, height, "
                "width)"
            )
        return (first.weight.shape[1],)
    shape = tuple(given) if isinstance(given, Iterable) else ()
    if not shape or not all(isinstance(n, numbers.Integral) and not isinstance(n, bool) and n > 0 for n in shape):
        raise NetworkError(f"ReLU network: input_shape = {given!r}; must be whole numbers from 1, as (28, 28)")
    return tuple(int(n) for n in shape)
