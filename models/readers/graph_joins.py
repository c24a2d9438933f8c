"""Operations of a graph that join branches: residual sums and concatenations.

Relies on `graph_value` and the layers. Used by `graph_walk`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eventsim.models.readers.graph_operations import scaling
from eventsim.models.readers.graph_value import MOST_VALUES, Shape, Value
from eventsim.models.readers.layer_graph import Array, Node
from eventsim.models.relu.relu_network import Add, Concat


def add(values: list[Value], node: Node) -> Value:
    """The sum of values of one shape."""
    first, *others = values
    shape = first.known_shape(node)
    for other in others:
        if other.known_shape(node) != shape:
            raise first.refusal(
                node, f"joins branches of shapes {shape} and {other.shape}; must be equal; expand the smaller one"
            )
        if not _same_order(first.order, other.order):
            raise first.refusal(node, "joins branches whose values are in different orders; transpose one of them")
    return first.join(node, others, Add(node.label), shape, first.order)


def subtract(values: list[Value], node: Node) -> Value:
    """The first values minus the second, which change their sign for that."""
    first, second = values
    shape = second.layer_shape
    if shape is not None:
        one = np.ones(shape[0])
        second = replace(second.append_alike(scaling(node, -one, 0 * one)), positive=False)
    return add([first, second], node)


def concat(values: list[Value], node: Node) -> Value:
    """Values side by side; settings: axis, of which 0 is the samples'. In the layers they are so by channels."""
    first, *others = values
    shapes = [x.known_shape(node) for x in values]
    n = 1 + len(shapes[0])
    axis = int(node.settings.get("axis", 1))
    axis += n if axis < 0 else 0
    rest = {(*shape[: axis - 1], *shape[axis:]) for shape in shapes}
    if not 1 <= axis < n or len(rest) > 1 or any(len(shape) != len(shapes[0]) for shape in shapes):
        raise first.refusal(
            node, f"joins branches of shapes {', '.join(map(str, shapes))} along axis {axis}; must be an axis of a "
            "sample, and all others equal",
        )  # fmt: skip
    total = sum(map(math.prod, shapes))
    if total > MOST_VALUES:
        raise first.refusal(node, f"joins {total:,} values; must be at most {MOST_VALUES:,}; give smaller inputs")
    order = np.concatenate(_orders(values, shapes), axis=axis - 1)
    return first.join(node, others, Concat(node.label), order.shape, order)


def _orders(values: Sequence[Value], shapes: Sequence[Shape]) -> list[Array]:
    """Where the values of each branch are in a layer that has them one behind the other."""
    start, found = 0, []
    for x, shape in zip(values, shapes, strict=True):
        own = np.arange(math.prod(shape)).reshape(shape) if x.order is None else x.order
        found.append(start + own)
        start += math.prod(shape)
    return found


def _same_order(one: Array | None, other: Array | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))
