"""Operations of a graph that move no value: they give the same numbers another shape or order, or do nothing.

Relies on `graph_value`. Used by `graph_walk`.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eventsim.models.readers.graph_constants import resolved, squeezed, unsqueezed
from eventsim.models.readers.graph_value import MOST_VALUES, Shape, Value
from eventsim.models.readers.layer_graph import Array, Node

Values = list[Array | None]
# What may stand behind the function that is left out at the end.
AFTER_OUTPUT = ("flatten", "reshape", "squeeze", "unsqueeze", "identity", "cast")


def identity(x: Value, node: Node, given: Values) -> Value:
    """Nothing, as a dropout in evaluation; a third input says whether it is in training."""
    if len(given) > 2 and given[2] is not None and np.any(given[2]):
        raise x.refusal(node, "is in training, and drops values at random; export the model for inference")
    return x


def cast(x: Value, node: Node, given: Values) -> Value:
    """Other floats, of which float64 holds all; settings: kind, "f" for them."""
    if node.settings.get("kind") != "f":
        raise x.refusal(node, "turns activations into other numbers than floats, which rounds them; must be floats")
    return x


def shape_of(x: Value, node: Node) -> Array:
    """Return the shape of the values, samples included; settings: start, end of its axes."""
    found = x.shape
    if found is None or x.zeros is not None:
        raise x.refusal(node, "asks for the shape of values that is not known here; give input_shape, or constants")
    shape = (x.graph.batch, *found)
    return np.array(shape[slice(node.settings.get("start"), node.settings.get("end"))], np.int64)


def flatten(x: Value, node: Node, given: Values) -> Value:
    """All axes of a sample in one; settings: start, end."""
    shape = x.known_shape(node)
    n = 1 + len(shape)
    start, end = node.settings.get("start", 1), node.settings.get("end", -1)
    if start not in (1, 1 - n) or end not in (-1, n - 1, max(n - 1, 1)):
        raise x.refusal(
            node, f"start_dim = {start}, end_dim = {end}; must be 1 and -1, all axes of a sample; flatten these"
        )
    return x.view((math.prod(shape),), x.order)


def reshape(x: Value, node: Node, given: Values) -> Value:
    """Another shape; settings or second input: shape, with the samples first, -1 once and 0 for an axis as it was."""
    wanted = node.settings.get("shape") if len(given) < 2 or given[1] is None else np.asarray(given[1]).ravel()
    shape = (x.graph.batch, *x.known_shape(node))
    found = resolved(shape, wanted, bool(node.settings.get("zero_is_zero")))
    if found is None or found[:1] != shape[:1]:
        text = "?" if wanted is None else tuple(int(n) for n in wanted)
        raise x.refusal(
            node, f"gives values of shape {shape} the shape {text}; must keep the samples, the first axis, apart"
        )
    return x.view(found[1:], None if x.order is None else x.order.reshape(found[1:]))


def transpose(x: Value, node: Node, given: Values) -> Value:
    """Axes in another order; settings: axes, the samples' first, swap, two of them, or
    front or back, one that moves to the place of channels or from there.
    """
    shape = x.known_shape(node)
    n = 1 + len(shape)
    axes = node.settings.get("axes")
    if "swap" in node.settings:
        swapped, (a, b) = list(range(n)), node.settings["swap"]
        if not (-n <= a < n and -n <= b < n):
            raise x.refusal(node, f"swaps axes {a} and {b} of (samples, *{shape}); there are {n}")
        swapped[a], swapped[b] = swapped[b], swapped[a]
        axes = swapped
    for way in ("front", "back"):
        if way in node.settings:
            axes = _moved(x, node, n, node.settings[way], way)
    axes = tuple(reversed(range(n))) if axes is None else tuple(axis + n if axis < 0 else axis for axis in axes)
    if sorted(axes) != list(range(n)) or axes[:1] != (0,):
        raise x.refusal(
            node, f"transposes axes of (samples, *{shape}) to {axes}; must hold each once, the samples first"
        )
    if axes == tuple(range(n)):
        return x
    if math.prod(shape) > MOST_VALUES:
        raise x.refusal(node, f"transposes {math.prod(shape):,} values; must be at most {MOST_VALUES:,}")
    order = np.arange(math.prod(shape)).reshape(shape) if x.order is None else x.order
    moved = order.transpose([axis - 1 for axis in axes[1:]])
    return x.view(moved.shape, moved)


def _moved(x: Value, node: Node, n: int, axis: Any, way: str) -> list[int]:
    """Axes such that one comes behind that of the samples, or goes back from there."""
    if not isinstance(axis, int) or not (-n < axis < 0 or 0 < axis < n):
        raise x.refusal(node, f"has axis = {axis!r} for {n} axes; must be one of a sample's")
    axis %= n
    rest = [i for i in range(1, n) if i != axis]
    forth = [0, axis, *rest]
    return forth if way == "front" else [forth.index(i) for i in range(n)]


def squeeze(x: Value, node: Node, given: Values) -> Value:
    """Without axes of length 1; settings or second input: axes (None: all)."""
    shape = (x.graph.batch, *x.known_shape(node))
    axes = _axes(node, given)
    found = squeezed(shape, axes) if axes is not None else (shape[0], *(n for n in shape[1:] if n != 1))
    return _reshaped(x, node, found, f"squeezes axes {axes}")


def unsqueeze(x: Value, node: Node, given: Values) -> Value:
    """With more axes of length 1; settings or second input: axes."""
    shape = (x.graph.batch, *x.known_shape(node))
    axes = _axes(node, given)
    return _reshaped(x, node, None if axes is None else unsqueezed(shape, axes), f"unsqueezes axes {axes}")


def _axes(node: Node, given: Values) -> Sequence[int] | None:
    if len(given) > 1 and given[1] is not None:
        return [int(n) for n in np.asarray(given[1]).ravel()]
    axes: Sequence[int] | None = node.settings.get("axes")
    return axes


def _reshaped(x: Value, node: Node, found: Shape | None, what: str) -> Value:
    if found is None or found[:1] != (x.graph.batch,) or (len(found) < 2 and x.graph.batch > 1 and x.shape != (1,)):
        raise x.refusal(
            node, f"{what} of values of shape {(x.graph.batch, *(x.shape or ()))}; must leave the samples, the first"
        )
    return x.view(found[1:], None if x.order is None else x.order.reshape(found[1:]))
