"""The linear nodes of NIR: each is a map, a constant that it adds, and for delays a time.

Relies on `nir_graph` and `nir_maps`. Used by `nir_read`.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import NetworkError
from eventsim.models.nir.nir_graph import Graph, values, whole
from eventsim.models.nir.nir_maps import Map, Shape, conv_map
from eventsim.network.convolution import Conv, Pool
from eventsim.network.projections import Dense, OneToOne

Array = np.ndarray[Any, Any]


class Linear(NamedTuple):
    """What a linear node does: y(t) = map x(t - delay) + bias, with bias flat, or None.

    `delay` is one number or, where they differ, one a neuron, flat; the map is then the identity.
    """

    map: Map
    bias: Array | None = None
    delay: Any = 0.0


def read_linear(graph: Graph, name: str, shape: Shape) -> Linear:
    """The linear node of this name, into which arrays of `shape` go.

    Raises
    ------
    NodeError
        Shapes that do not fit, settings that are no such numbers.
    """
    kind = graph.kind(name)
    try:
        if kind in ("Linear", "Affine"):
            return _matrix(graph, name, shape)
        if kind == "Scale":
            return _scale(graph, name, shape)
        if kind in ("Conv1d", "Conv2d"):
            return _conv(graph, name, shape, 1 if kind == "Conv1d" else 2)
        if kind in ("SumPool2d", "AvgPool2d"):
            return _pool(graph, name, shape)
        if kind == "Flatten":
            return Linear(Map(shape, _flattened(graph, name, shape)))
        return Linear(Map(shape, shape), None, _delay(graph, name, shape))
    except NetworkError as error:
        raise error if hasattr(error, "node") else graph.error(name, str(error)) from error


def _needs(graph: Graph, name: str, shape: Shape, needed: Any) -> None:
    """Refuse what does not fit."""
    if shape != needed:
        advice = "Put a Flatten before it." if math.prod(shape) == math.prod(needed) else "Check what leads into it."
        advice = leading_axes(shape, len(needed), tuple(needed)) or advice
        raise graph.error(name, f"what leads into it has shape {shape}; must have {needed}. {advice}")


def leading_axes(shape: Shape, n: int, needed: Shape | None = None) -> str:
    """A hint where a shape has axes of time or of the batch before the `n` that it should have, or ""."""
    more = shape[: max(len(shape) - n, 0)]
    if not 1 <= len(more) <= 2 or (needed is not None and shape[len(more) :] != needed):
        return ""
    if more == (1,):
        return "A NIR shape has no batch axis: export the graph with data without one."
    what = f"an axis of time, {more[0]} steps" if len(more) == 1 else f"axes of time and batch, {more[0]} and {more[1]}"
    return (
        f"If it begins with {what}, like the data that the graph was exported with: a NIR shape has neither. Export it "
        "with the data of one step of one sample, or correct the shape of its Input."
    )


def _matrix(graph: Graph, name: str, shape: Shape) -> Linear:
    weight = values(graph, name, "weight", (2,))
    _needs(graph, name, shape, weight.shape[1:])
    bias = None
    if graph.kind(name) == "Affine":
        bias = values(graph, name, "bias", (1,))
        if bias.shape != weight.shape[:1]:
            raise graph.error(name, f"bias has shape {bias.shape}; must have {weight.shape[:1]}, one for each row.")
    return Linear(Map(shape, weight.shape[:1], Dense(weight)), bias)


def _scale(graph: Graph, name: str, shape: Shape) -> Linear:
    scale = values(graph, name, "scale")
    if scale.size != 1:
        _needs(graph, name, shape, scale.shape)
    return Linear(Map(shape, shape, OneToOne(np.broadcast_to(scale.ravel(), (math.prod(shape),)))))


def _conv(graph: Graph, name: str, shape: Shape, n: int) -> Linear:
    weight = values(graph, name, "weight", (n + 2,))
    stride, dilation = whole(graph, name, "stride", n, 1), whole(graph, name, "dilation", n, 1)
    (groups,) = whole(graph, name, "groups", 1, 1)
    given = getattr(graph.nodes[name], "padding", 0)
    given = given.decode("utf-8", "replace") if isinstance(given, bytes) else given
    if isinstance(given, str):
        padding = _named_padding(graph, name, given, weight.shape[2:], stride, dilation)
    else:
        padding = [(p, p) for p in whole(graph, name, "padding", n, 0)]
    if len(shape) != n + 1 or shape[0] != weight.shape[1] * groups:
        sizes = ", ".join(["n"] * n)
        raise graph.error(
            name,
            f"what leads into it has shape {shape}; must have ({weight.shape[1] * groups}, {sizes}), as its weight "
            f"{weight.shape} in {groups} group(s) has it. {leading_axes(shape, n + 1) or 'Check what leads into it.'}",
        )
    if getattr(graph.nodes[name], "input_shape", None) is not None:
        _needs(graph, name, shape, (shape[0], *whole(graph, name, "input_shape", n, 1)))
    found = conv_map(Conv(weight, stride, padding, dilation, groups), shape)
    bias = values(graph, name, "bias", (0, 1))
    if bias.size not in (1, weight.shape[0]):
        raise graph.error(name, f"bias has shape {bias.shape}; must have ({weight.shape[0]},), one for each channel.")
    channels = np.broadcast_to(bias, weight.shape[:1])
    return Linear(found, np.repeat(channels, math.prod(found.post[1:])))


def _named_padding(
    graph: Graph, name: str, given: str, kernel: Shape, stride: Shape, dilation: Shape
) -> list[tuple[int, int]]:
    """Pairs (before, after); of an odd sum PyTorch puts the larger half behind."""
    if given == "valid":
        return [(0, 0)] * len(kernel)
    if given != "same" or set(stride) != {1}:
        raise graph.error(
            name, f"padding = {given!r} with stride {stride}; must be numbers, 'valid', or 'same' with a stride of 1."
        )
    totals = [spread * (k - 1) for spread, k in zip(dilation, kernel, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def _pool(graph: Graph, name: str, shape: Shape) -> Linear:
    if len(shape) != 3:
        raise graph.error(
            name,
            f"what leads into it has shape {shape}; must have (channels, height, width). "
            f"{leading_axes(shape, 3) or 'Check what leads into it.'}",
        )
    kernel, stride = whole(graph, name, "kernel_size", 2, 1), whole(graph, name, "stride", 2, 1)
    padding = whole(graph, name, "padding", 2, 0)
    if graph.kind(name) == "SumPool2d":
        return Linear(conv_map(Pool(kernel, stride, padding), shape))
    share = np.full((shape[0], 1, *kernel), 1.0 / math.prod(kernel))
    return Linear(conv_map(Conv(share, stride, padding, 1, shape[0]), shape))


def _flattened(graph: Graph, name: str, shape: Shape) -> Shape:
    node = graph.nodes[name]
    given = getattr(node, "input_type", None)
    given = given.get("input") if isinstance(given, dict) else given
    if given is not None:
        _needs(graph, name, shape, tuple(int(n) for n in np.atleast_1d(given)))
    ends = []
    for parameter in ("start_dim", "end_dim"):
        (end,) = np.atleast_1d(values(graph, name, parameter, (0,))).tolist()
        axis = end + len(shape) if end < 0 else end
        if axis not in range(len(shape)):
            raise graph.error(
                name, f"{parameter} = {end:g}; must be an axis of {shape}, from 0 on (a NIR shape has no batch axis)."
            )
        ends.append(int(axis))
    first, last = ends
    if first > last:
        raise graph.error(name, f"start_dim = {first} is behind end_dim = {last}; must not be. Swap them.")
    return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


def _delay(graph: Graph, name: str, shape: Shape) -> Any:
    delay = values(graph, name, "delay")
    if delay.size != 1:
        _needs(graph, name, shape, delay.shape)
    if (delay < 0).any():
        raise graph.error(name, f"delay = {delay.min()}; must be >= 0. Nothing arrives before it was sent.")
    first = float(delay.flat[0]) if delay.size else 0.0
    return first if (delay == first).all() else delay.ravel().astype(np.float64)
