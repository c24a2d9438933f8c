"""How the inputs of a ReLU network lie, where the model that it was read from has them in another shape or order.

A `ReluNetwork` has its channels first; models that have them last are read as what comes behind the turn. The
description is an entry of the provenance, ``"inputs"``, so that it stays with the network in files. Relies on the
checks. Used by the readers, `relu_network`, the mapping and the command line.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import channels_last

Array = np.ndarray[Any, Any]
KEY = "inputs"
MOST_AXES = 4


class Turn(NamedTuple):
    """The shape that the model has its inputs in, that of the network, and the Python that makes one of the other."""

    model: tuple[int, ...]
    network: tuple[int, ...]
    how: str
    turned: bool

    @property
    def ambiguous(self) -> bool:
        """Are the shapes equal though the order is not, so that nobody can tell which inputs are which?"""
        return self.turned and self.model == self.network

    def __str__(self) -> str:
        return f"{'turned' if self.turned else 'reshaped'} from {self.model}"


def described(model: Sequence[int], network: Sequence[int], order: Array | None) -> dict[str, Any]:
    """Return the entry of a provenance; empty where inputs are as the model has them.

    Parameters
    ----------
    model, network
        Shapes of one input.
    order : array (n_in,)
        For each place of the network's inputs, in C order, that among the model's; None where both are the same.
    """
    if order is None and tuple(model) == tuple(network):
        return {}
    entry: dict[str, Any] = {"model": list(model), "network": list(network), "turned": order is not None}
    sizes = ", ".join(map(str, network))
    axes = None if order is None else _axes(model, network, order)
    if order is None:
        how = f"x.reshape(len(x), {sizes})"
    elif axes is not None:
        how = f"np.transpose(x, (0, {', '.join(str(1 + axis) for axis in axes)}))"
    else:
        entry["order"] = order.tolist()
        how = f'x.reshape(len(x), -1)[:, provenance["{KEY}"]["order"]].reshape(len(x), {sizes})'
    return {KEY: entry | {"from_model": how}}


def turn_of(provenance: Mapping[str, Any]) -> Turn | None:
    """Return what a provenance says of the inputs; None where it says nothing, or what no reader has written."""
    entry = provenance.get(KEY)
    try:
        model, network = (tuple(map(int, entry[name])) for name in ("model", "network"))  # type: ignore[index]
        return Turn(model, network, str(entry["from_model"]), bool(entry["turned"]))  # type: ignore[index]
    except (TypeError, ValueError, LookupError):
        return None


def flat_hint(shape: tuple[int, ...]) -> str:
    """Return the other form that inputs may have, " or (n, 48), …"; of one axis there is no other."""
    return f" or (n, {math.prod(shape)}), the same values in this order (C order)" if len(shape) > 1 else ""


def shape_hint(given: tuple[int, ...], shape: tuple[int, ...], turn: Turn | None = None) -> str:
    """Return what to do about inputs of shape `given` for a network that takes (n, *shape), or ""."""
    if given in (shape, (math.prod(shape),)):
        return "; one sample needs a leading axis: x[None]"
    if turn is not None and given[1:] == turn.model:
        return f"; this network is {turn} of the model: {turn.how}"
    last = channels_last(given, shape)
    return f"; the {last}" if last else ""


def _axes(model: Sequence[int], network: Sequence[int], order: Array) -> tuple[int, ...] | None:
    """The order of the model's axes that gives the network's, if it is one."""
    if len(model) != len(network) or len(model) > MOST_AXES:
        return None
    places = np.arange(math.prod(model)).reshape(tuple(model))
    for axes in itertools.permutations(range(len(model))):
        moved = places.transpose(axes)
        if moved.shape == tuple(network) and np.array_equal(moved.ravel(), order):
            return axes
    return None
