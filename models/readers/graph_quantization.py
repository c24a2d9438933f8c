"""What QuantizeLinear and DequantizeLinear around activations are in a ReLU network: the rounding of a layer's values.

Functions are as in `graph_operations`. Used by `graph_walk`. Quantisers of ONNX Runtime leave a ReLU out where the
integers begin at the zero point, since what is below 0 saturates there.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.models.readers.graph_operations import Values, numbers
from eventsim.models.readers.graph_value import INPUTS, Value
from eventsim.models.readers.layer_graph import Node
from eventsim.models.relu.quantizer import Quantizer, same_steps
from eventsim.models.relu.relu_network import Add, Flatten, MaxPool

# What may take integers that stand for activations.
OF_CODES = ("dequantize", "identity", "reshape", "flatten", "squeeze", "unsqueeze", "transpose", "shape")


def quantize(x: Value, node: Node, given: Values) -> Value:
    """The values before it as integers; they are rounded for all who take them."""
    x.known_shape(node)
    made = _quantizer(x, node, given)
    if x.at == INPUTS:
        x.built.quantized.setdefault(INPUTS, (made, node))
        _check_same(x, node, x.built.quantized[INPUTS][0], made)
        return replace(x, codes=made)
    if made.cuts and not x.positive:
        x = x.cut(node)
    steps = made.positive() if x.positive else made
    at = _maker(x)
    before = x.built.quantized.get(_origin(x))
    if before is not None and same_steps(before[0], steps):
        return replace(x, codes=made)
    if at in x.built.quantized or isinstance(x.built.layers[at], MaxPool):
        x = x.append_alike(Add(node.label, True)) if x.positive else x
        at = x.at
    x.built.quantized[at] = (steps, node)
    return replace(x, codes=made)


def dequantize(x: Value, node: Node, given: Values) -> Value:
    """The values that the integers before it stand for."""
    if x.codes is None:
        raise x.refusal(node, "takes activations that are no integers; must be behind a QuantizeLinear")
    _check_same(x, node, x.codes, _quantizer(x, node, given))
    return replace(x, codes=None)


def _quantizer(x: Value, node: Node, given: Values) -> Quantizer:
    """One scale and one zero point, whose type says the range of the integers."""
    scale = numbers(x, node, "scale", given[1])
    zero: Any = np.zeros((), np.uint8) if len(given) < 3 or given[2] is None else np.asarray(given[2])
    if scale.size != 1 or zero.size != 1:
        raise x.refusal(node, f"has {scale.size} scales for activations; must be one; quantize activations per tensor")
    if zero.dtype.kind not in "iu" or zero.dtype.itemsize > 2:
        raise x.refusal(node, f"makes {zero.dtype} of activations; must be integers of 8 or 16 bits; quantize to these")
    limits = np.iinfo(zero.dtype)
    return Quantizer(float(scale.ravel()[0]), int(zero.ravel()[0]), int(limits.min), int(limits.max))


def _check_same(x: Value, node: Node, one: Quantizer, other: Quantizer) -> None:
    if one != other:
        raise x.refusal(
            node, f"takes integers of scale {one.scale:g} and zero point {one.zero_point} as such of {other.scale:g} "
            f"and {other.zero_point}; must be the same; export the network again"
        )  # fmt: skip


def _maker(x: Value) -> int:
    """The layer whose values these are, in another shape."""
    at = x.at
    while isinstance(x.built.layers[at], Flatten) and x.built.taken[at][0] != INPUTS:
        at = x.built.taken[at][0]
    return at


def _origin(x: Value) -> int:
    """The layer of whose values these are some: pools choose, and change none."""
    at = x.at
    while at != INPUTS and isinstance(x.built.layers[at], Flatten | MaxPool) and at not in x.built.quantized:
        at = x.built.taken[at][0]
    return at
