"""What the activation functions of a graph are as layers of a ReLU network.

Functions are as in `graph_operations`. Used by `graph_walk`.
"""

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.models.readers.graph_operations import Values, fits, for_channels, numbers, scaling
from eventsim.models.readers.graph_value import Value
from eventsim.models.readers.layer_graph import Node
from eventsim.models.relu.relu_network import Clip, LeakyReLU

INFINITE = 3e38  # from here on a bound of float32 is none


def relu(x: Value, node: Node, given: Values) -> Value:
    """Negative values become 0."""
    if x.shape is None:
        x.known_shape(node)
    return x.cut(node)


def clip(x: Value, node: Node, given: Values) -> Value:
    """Values cut at one end or both; settings or inputs: low, high."""
    low, high = (_bound(x, node, given, place) for place in (0, 1))
    if not low < high:
        raise x.refusal(node, f"cuts values to [{low:g}, {high:g}]; must be from a number to a larger one")
    if low == 0 and high == math.inf:
        return relu(x, node, given)
    x.known_shape(node)
    lowest, highest = (None if math.isinf(bound) else bound for bound in (low, high))
    return replace(x.append_alike(Clip(node.label, lowest, highest)), positive=low >= 0)


def extreme(x: Value, node: Node, given: Values) -> Value:
    """The larger (maximum) or smaller (minimum) of the values and constants.

    One number is a clip. Others are ``c + relu(x - c)`` and ``c - relu(c - x)``, each for its value.
    """
    shape, larger = x.known_shape(node), node.operation == "maximum"
    bounds = [numbers(x, node, "constant", value) for value in given if value is not None]
    if not bounds:
        return x
    try:
        constant = functools.reduce(np.maximum if larger else np.minimum, bounds)
    except ValueError as error:
        raise x.refusal(node, "has constants whose shapes do not broadcast") from error
    while constant.ndim > len(shape) and constant.shape[0] == 1:
        constant = constant[0]
    if not fits(constant.shape, shape):
        raise x.refusal(node, f"has a constant of shape {constant.shape} for values of shape {shape}; must broadcast")
    if constant.size == 1:
        number = constant.reshape(())
        return clip(x, node, [None, number, None] if larger else [None, None, number])
    x = for_channels(x, node)
    values = x.by_channel(constant)
    values = x.by_value(constant) if values is None else values
    sign = np.full(len(values), 1.0 if larger else -1.0)
    x = x.append_alike(scaling(node, sign, np.zeros(len(sign)), values))
    x.replace_last(relu=True)
    return replace(x.append_alike(scaling(node, sign, values)), positive=False)


def leaky_relu(x: Value, node: Node, given: Values) -> Value:
    """Negative values times a slope; setting or second input: slope; by_channel: its one axis is that of channels."""
    shape = x.known_shape(node)
    slope = numbers(x, node, "slope", node.settings.get("slope") if len(given) < 2 else given[1])
    if node.settings.get("by_channel") and slope.ndim == 1:
        slope = slope.reshape(-1, *[1] * (len(shape) - 1))
    while slope.ndim > len(shape) and slope.shape[0] == 1:
        slope = slope[0]
    if not fits(slope.shape, shape):
        raise x.refusal(node, f"has slopes of shape {slope.shape} for values of shape {shape}; must broadcast")
    x = for_channels(x, node)
    values = x.by_channel(slope)
    if values is None:
        raise x.refusal(
            node, f"has slopes that differ between positions of a channel (shape {shape}); must be one number "
            "a channel; share them along the positions"
        )  # fmt: skip
    return x.append_alike(LeakyReLU(node.label, values))


def _bound(x: Value, node: Node, given: Values, place: int) -> float:
    """The lower (0) or upper (1) bound of a clip; those that float32 cannot pass are none."""
    value: Any = node.settings.get(("low", "high")[place])
    if len(given) > 1 + place and given[1 + place] is not None:
        value = given[1 + place]
    if value is None:
        return (-math.inf, math.inf)[place]
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iuf" or array.ravel()[0] != array.ravel()[0]:
        raise x.refusal(node, f"has a bound of {array.size} values of type {array.dtype}; must be one number")
    bound = float(array.ravel()[0])
    return math.copysign(math.inf, bound) if abs(bound) >= INFINITE else bound


def output_function(x: Value, node: Node, given: Values) -> Value:
    """A softmax or sigmoid behind the last layer, which is left out; settings: axis (None: all values of a sample)."""
    shape, word = x.shape, "logistic" if node.operation == "sigmoid" else "softmax"
    if word == "softmax" and shape is not None:
        axis = node.settings.get("axis")
        place = len(shape) if axis is None or axis == -1 else axis
        inside = 1 <= place <= len(shape)
        if axis is not None and (not inside or shape[place - 1] != math.prod(shape)):
            remedy = "put a Flatten before it" if len(shape) > 1 else "must be 1, the outputs of a sample; use that"
            raise x.refusal(
                node, f"dim = {axis}; inputs of shape {shape}; must be the outputs of a sample in one axis; {remedy}"
            )
    x.built.dropped.append(node.label)
    return replace(x, output=word)
