"""What the operations of a graph are as layers of a ReLU network.

Each function takes a value x, the node and the arrays of its inputs, of which that of x is None, adds layers or changes
the last one, and returns what comes of x. Relies on `graph_value` and the layers. Used by `graph_walk`.
"""

import math
from dataclasses import replace
from typing import Any, cast

import numpy as np

from eventsim.errors import InputError
from eventsim.models.readers.graph_value import INPUTS, Shape, Value
from eventsim.models.readers.layer_graph import Array, Node
from eventsim.models.relu.relu_network import AveragePool, BatchNorm, Conv, Dense, MaxPool
from eventsim.models.relu.sliding import Sliding

Values = list[Array | None]
Pairs = list[tuple[int, int]]
# The data may be their second input.
SYMMETRIC = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
# What may come between a padding and the convolution or pool that takes it.
AFTER_ZEROS = ("pad", "conv", "max_pool", "average_pool", "transpose", "identity", "cast")


def dense(x: Value, node: Node, given: Values) -> Value:
    """``alpha x W^T + beta b``; settings: transposed (W is (n_in, n_out)), alpha, beta."""
    weight = numbers(x, node, "weight", given[1])
    if weight.ndim != 2:
        raise x.refusal(node, f"has a weight of shape {weight.shape}; must be a matrix")
    weight = weight.T if node.settings.get("transposed") else weight
    n_out, n_in = weight.shape
    alpha, beta = node.settings.get("alpha", 1.0), node.settings.get("beta", 1.0)
    weight = weight * alpha if alpha != 1 else weight
    bias = np.zeros(n_out)
    if len(given) > 2 and given[2] is not None:
        row = numbers(x, node, "bias", given[2])
        if row.size not in (1, n_out) or row.shape[-1:] not in ((), (1,), (n_out,)):
            raise x.refusal(node, f"has a bias of shape {row.shape}; must be one number for each of {n_out} outputs")
        bias = np.broadcast_to(row.ravel() * beta if beta != 1 else row.ravel(), (n_out,))
    shape = x.shape
    if shape is not None and math.prod(shape) == n_in and shape[-1:] != (n_in,):
        raise x.refusal(node, f"multiplies values of shape {shape}; must be {n_in} in one axis; flatten them first")
    if shape is not None and shape[-1:] == (n_in,) and math.prod(shape) != n_in:
        raise x.refusal(
            node, f"multiplies each row of {shape} by itself; that is read of the values of a sample in one axis only"
        )
    if x.order is not None and math.prod(shape or ()) == n_in:
        moved = np.empty_like(weight)
        moved[:, x.order.ravel()] = weight
        weight = moved
    x = x.flattened(node) if len(shape or ()) == 1 else x
    x = x.append(Dense(node.label, weight, bias, relu=False))
    return x.view((*shape[:-1], n_out), None) if shape is not None and len(shape) > 1 else x


def conv(x: Value, node: Node, given: Values) -> Value:
    """A convolution; settings: stride, padding (see `paddings`), dilation, groups, kernel (that of the weight)."""
    weight = numbers(x, node, "weight", given[1])
    if weight.ndim not in (3, 4):
        raise x.refusal(
            node, f"has a weight of shape {weight.shape}; must be (c_out, c_in / groups, *kernel) over one or two axes"
        )
    kernel = weight.shape[2:]
    if tuple(node.settings.get("kernel") or kernel) != kernel:
        raise x.refusal(node, f"has kernel {tuple(node.settings['kernel'])} and a weight of shape {weight.shape}")
    bias = np.zeros(len(weight))
    if len(given) > 2 and given[2] is not None:
        bias = numbers(x, node, "bias", given[2])
    stride, dilation = node.settings.get("stride", 1), node.settings.get("dilation", 1)
    x = x.channels_first(node, len(kernel))
    padding = paddings(x, node, Sliding(f"layer {node.label!r}", kernel, stride, 0, dilation))
    if x.zeros is not None:
        if len(x.zeros[1]) != len(kernel):
            x.check_zeros(node)
        padding = [(a + c, b + d) for (a, b), (c, d) in zip(padding, x.zeros[1], strict=True)]
    groups = node.settings.get("groups", 1)
    return replace(x, zeros=None).append(Conv(node.label, weight, bias, False, stride, padding, dilation, groups))


def batch_norm(x: Value, node: Node, given: Values) -> Value:
    """A normalisation of channels; settings: epsilon, axes (how many positions may have, for frameworks that say),
    optional (constants may be None, for 1 and 0, and one number for all channels).
    """
    shape = x.known_shape(node)
    axes = node.settings.get("axes")
    if axes and len(shape) not in axes:
        raise x.refusal(
            node,
            f"inputs of shape {shape}; must have {' or '.join(map(str, axes))} axes, as in torch; use the batch norm "
            "of the other dimension",
        )
    found: list[Array] = []
    for name, value in zip(("gamma", "beta", "mean", "variance"), given[1:5], strict=True):
        if value is None and node.settings.get("optional"):
            value = np.full(shape[:1], float(name in ("gamma", "variance")))  # noqa: PLW2901 - what stands for none
        values = numbers(x, node, name, value)
        if node.settings.get("optional") and values.size == 1:
            values = np.full(shape[:1], values.ravel()[0])
        if values.shape != shape[:1]:
            raise x.refusal(node, f"has a {name} of shape {values.shape} for values of shape {shape}; must be (c,)")
        found.append(values)
    if x.order is not None or shape != x.layer_shape:
        x = for_channels(x, node)
        rows = x.by_channel(np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1)))
        if rows is None:
            raise x.refusal(node, f"normalises an axis of {shape} that is not that of the channels before it")
        found = [values[rows] for values in found]
    gamma, beta, centre, variance = found
    return x.append_alike(BatchNorm(node.label, gamma, beta, centre, variance, node.settings.get("epsilon", 1e-5)))


def max_pool(x: Value, node: Node, given: Values) -> Value:
    """A max pool; settings: kernel, stride, padding, dilation, ceil."""
    _check_axes(x, node)
    x = x.channels_first(node, len(node.settings["kernel"]))
    sliding = _sliding_of(node)
    padding = paddings(x, node, sliding)
    if x.zeros is not None:
        if not x.positive or len(x.zeros[1]) != len(padding):  # a zero is the largest of negative values
            x.check_zeros(node)
        padding = [(a + c, b + d) for (a, b), (c, d) in zip(padding, x.zeros[1], strict=True)]
    padding = _with_cut_windows(x, node, sliding, padding)
    return replace(x, zeros=None).append(MaxPool(node.label, sliding.kernel, sliding.stride, padding, sliding.dilation))


def average_pool(x: Value, node: Node, given: Values) -> Value:
    """An average pool; settings: kernel, stride, padding, ceil, count_include_pad."""
    _check_axes(x, node)
    x = x.channels_first(node, len(node.settings["kernel"]))
    sliding = _sliding_of(node)
    if max(sliding.dilation) > 1:
        raise x.refusal(node, f"has dilation {sliding.dilation}; must be 1")
    padding = paddings(x, node, sliding)
    counted = node.settings.get("count_include_pad", True)
    if x.zeros is not None:
        if len(x.zeros[1]) != len(padding) or (any(map(any, padding)) and not counted):
            x.check_zeros(node)
        padding = [(a + c, b + d) for (a, b), (c, d) in zip(padding, x.zeros[1], strict=True)]
        counted = True
    whole = _with_cut_windows(x, node, sliding, padding)
    if whole != padding and counted and any(map(any, padding)):
        raise x.refusal(
            node, f"has ceil_mode = True, padding {padding} and count_include_pad = True for inputs of shape "
            f"{x.shape}, which count some of the zeros at the border; must be without one of them; pad the inputs"
        )  # fmt: skip
    counted = bool(counted and whole == padding)
    return replace(x, zeros=None).append(AveragePool(node.label, sliding.kernel, sliding.stride, whole, counted))


def global_pool(x: Value, node: Node, given: Values) -> Value:
    """The largest or the mean value of all positions of a channel."""
    x = x.channels_first(node)
    shape = x.known_shape(node)
    if len(shape) not in (2, 3):
        raise x.refusal(node, f"pools values of shape {shape}; must be (channels, *positions), one or two axes")
    kind = MaxPool if "max" in node.operation else AveragePool
    return x.append(kind(node.label, shape[1:]))


def adaptive_pool(x: Value, node: Node, given: Values) -> Value:
    """A pool of windows of equal size; settings: size (a number or None an axis)."""
    wanted, n_axes = node.settings["size"], node.settings["n_axes"]
    shape = x.known_shape(node)
    positions = shape[1:]
    wanted = [wanted] * n_axes if isinstance(wanted, int) or wanted is None else list(wanted)
    sizes = [have if size is None else size for have, size in zip(positions, wanted, strict=False)]
    fit = len(positions) == n_axes == len(sizes) and min(sizes) >= 1
    if not fit or any(have % size for have, size in zip(positions, sizes, strict=True)):
        raise x.refusal(
            node,
            f"output_size = {node.settings['size']!r} for inputs of shape {shape}; must be 1 or divide the positions; "
            "use a pool with a kernel instead",
        )
    x = x.channels_first(node, n_axes)
    kernel = tuple(have // size for have, size in zip(positions, sizes, strict=True))
    kind = MaxPool if "max" in node.operation else AveragePool
    return x.append(kind(node.label, kernel))


def mean(x: Value, node: Node, given: Values) -> Value:
    """The mean over all positions; settings or second input: axes (the sample's is 0), keep."""
    shape = x.known_shape(node)
    axes = node.settings.get("axes")
    if len(given) > 1 and given[1] is not None:
        axes = [int(axis) for axis in np.asarray(given[1]).ravel()]
    n = 1 + len(shape)
    found = sorted({axis + n if axis < 0 else axis for axis in axes or ()})
    if len(shape) not in (2, 3) or found != list(range(2, n)):
        raise x.refusal(
            node,
            f"averages axes {list(axes or ())} of (samples, {', '.join(map(str, shape))}); must be those of all "
            "positions, from 2",
        )
    x = global_pool(x, node, given)
    return x if node.settings.get("keep", True) else x.view(shape[:1], None)


def pad(x: Value, node: Node, given: Values) -> Value:
    """Zeros around the positions; settings: pairs (before, after), value, mode; or inputs, as ONNX has them.

    The pairs are for each axis behind the channels, or for these, too, and the samples. Where all are 0 nothing is
    padded, whatever with.
    """
    value = node.settings.get("value", 0)
    if len(given) > 2 and given[2] is not None:
        value = np.asarray(given[2]).ravel()[0].item() if np.asarray(given[2]).size == 1 else given[2]
    shape = x.known_shape(node)
    pairs = _pairs_of(node, given, len(shape))
    mode = node.settings.get("mode", "constant")
    if not any(map(any, pairs)):
        return x
    if mode != "constant":
        raise x.refusal(
            node, f"has mode = {mode!r}, padding = {pairs!r}; must be 'constant', zeros, or pad nothing; train it with "
            "that"
        )  # fmt: skip
    if len(pairs) == 1 + len(shape):
        if any(map(any, pairs[:2])):
            raise x.refusal(node, f"pads samples or channels, by {pairs[:2]}; must pad positions only")
        pairs = pairs[2:]
    if len(pairs) != len(shape) - 1 or not pairs:
        raise x.refusal(node, f"pads {len(pairs)} axes of values of shape {shape}; must be those behind the channels")
    if np.ndim(value) or value != 0 or min(min(pair) for pair in pairs) < 0:
        raise x.refusal(
            node, f"value = {value!r}, padding = {pairs!r}; must be zeros, and pad >= 0 positions; train it with that"
        )
    if x.zeros is not None:
        if len(x.zeros[1]) != len(pairs):
            x.check_zeros(node)
        pairs = [(a + c, b + d) for (a, b), (c, d) in zip(x.zeros[1], pairs, strict=True)]
    return replace(x.channels_first(node), zeros=(node, pairs))


def _pairs_of(node: Node, given: Values, n_axes: int) -> Pairs:
    """The pairs of a padding; as an input, a list of what is before, then behind each axis or each of `axes`."""
    if len(given) < 2 or given[1] is None:
        return list(node.settings.get("pairs") or ())
    flat = [int(n) for n in np.asarray(given[1]).ravel()]
    pairs = list(zip(flat[: len(flat) // 2], flat[len(flat) // 2 :], strict=False))
    if len(given) < 4 or given[3] is None:
        return pairs
    axes = [int(n) % (1 + n_axes) for n in np.asarray(given[3]).ravel()]
    placed = dict(zip(axes, pairs, strict=False))
    return [placed.get(axis, (0, 0)) for axis in range(1 + n_axes)]


def affine(x: Value, node: Node, given: Values) -> Value:
    """The sum, difference, product or quotient of the values and a constant.

    A factor must be the same at all positions of a channel; a summand, such as a mean image, need not.
    """
    shape = x.known_shape(node)
    if len(given) != 2:
        raise x.refusal(node, f"takes {len(given)} values, constants among them; must take two; add constants first")
    first = given[0] is None
    constant = numbers(x, node, "constant", given[1] if first else given[0])
    while constant.ndim > len(shape) and constant.shape[0] == 1:
        constant = constant[0]
    if not fits(constant.shape, shape):
        raise x.refusal(node, f"has a constant of shape {constant.shape} for values of shape {shape}; must broadcast")
    if node.operation == "divide" and (not first or not constant.all()):
        raise x.refusal(node, "divides by activations or by 0; must divide by a constant other than 0")
    x = for_channels(x, node)
    values = x.by_channel(constant)
    last = x.last
    linear = isinstance(last, Dense | Conv) and not last.relu and x.can_change
    if values is None and node.operation in ("multiply", "divide"):
        raise x.refusal(
            node,
            f"has a factor of shape {constant.shape} that differs between positions of a channel (values of shape "
            f"{shape}); must be one number a channel",
        )
    if values is None:
        values = x.by_value(constant)
    n = len(values)
    if node.operation == "add" and linear and values.ndim == 1 and not cast("Dense | Conv", last).bias.any():
        x.replace_last(bias=values)
        return x
    scale, shift, centre = np.ones(n), np.zeros(n), np.zeros(n)
    if node.operation == "multiply":
        scale = values
    elif node.operation == "divide":
        scale = 1 / values
    elif node.operation == "add":
        shift = values
    elif first:
        centre = values
    else:
        scale, shift = -scale, values
    return x.append_alike(scaling(node, scale, shift, centre))


def numbers(x: Value, node: Node, name: str, value: Any) -> Array:
    """Return a parameter in float64, which holds all values of the types that networks are trained in."""
    if value is None:
        raise x.refusal(node, f"takes its {name} from the activations; must be a constant, as an initializer")
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        raise x.refusal(node, f"{name} has type {array.dtype}; must be floating; convert the model first")
    with np.errstate(invalid="ignore"):  # NaN is refused by the layer's name
        return array.astype(np.float64)


def paddings(x: Value, node: Node, sliding: Sliding) -> Pairs:
    """Padding in pairs (before, after); settings: padding, numbers or pairs or "same_upper", "same_lower", "valid".

    "same" is as many outputs as inputs a stride; what cannot be halved goes behind (upper) or before (lower).
    """
    wanted = node.settings.get("padding", 0)
    n = len(sliding.kernel)
    if wanted == "valid":
        return [(0, 0)] * n
    if wanted not in ("same_upper", "same_lower"):
        return list(Sliding(sliding.place, sliding.kernel, sliding.stride, wanted, sliding.dilation).padding)
    assert x.shape is not None
    around = x.zeros[1] if x.zeros is not None and len(x.zeros[1]) == n else [(0, 0)] * n
    sizes = [size + sum(pair) for size, pair in zip(x.shape[1:], around, strict=True)]
    pairs = []
    for size, step, extent in zip(sizes, sliding.stride, sliding.extent, strict=True):
        total = max((-(-size // step) - 1) * step + extent - size, 0)
        half = total // 2
        pairs.append((half, total - half) if wanted == "same_upper" else (total - half, half))
    return pairs


def _check_axes(x: Value, node: Node) -> None:
    n_axes = len(node.settings["kernel"])
    if n_axes > 2:
        raise x.refusal(node, f"pools over {n_axes} axes; must be one or two")


def _sliding_of(node: Node) -> Sliding:
    settings = node.settings
    kernel = settings["kernel"]
    stride = settings.get("stride")
    return Sliding(
        f"layer {node.label!r}", kernel, kernel if stride is None else stride, 0, settings.get("dilation", 1)
    )


def _with_cut_windows(x: Value, node: Node, sliding: Sliding, padding: Pairs) -> Pairs:
    """The padding with what a last window reaches beyond the border, where the number of windows is rounded up.

    A window that would begin behind the positions is none, as torch and ONNX have it. Where a node of its own has made
    padding, no window may be cut, since positions are among that.
    """
    if not node.settings.get("ceil"):
        return padding
    shape, found = x.known_shape(node), []
    for size, extent, step, (before, after) in zip(shape[1:], sliding.extent, sliding.stride, padding, strict=True):
        beyond = -(size + before + after - extent) % step
        start = size + before + after + beyond - extent
        found.append((before, after + beyond) if start < size + before else (before, after))
        if beyond and x.zeros is not None:
            raise x.refusal(
                node, f"has ceil_mode = True behind a padding, for inputs of shape {shape}, and a window is cut at the "
                "border; must be padded by the pool itself"
            )  # fmt: skip
    return found


def scaling(node: Node, scale: Array, shift: Array, centre: Array | None = None) -> BatchNorm:
    """``scale (x - centre) + shift`` in each channel."""
    one = np.ones(len(scale))
    return BatchNorm(node.label, scale, shift, 0 * one if centre is None else centre, one, 0.0)


def for_channels(x: Value, node: Node) -> Value:
    """The values with channels that the graph sees: the shape of the inputs is free, values may be flattened."""
    if x.layer_shape is None:
        raise InputError(f"{x.graph.place}{node.label} comes first; give input_shape, as (channels, height, width)")
    if x.at == INPUTS and (x.order is not None or x.shape != x.layer_shape):
        return x.channels_first(node)
    return x.flattened(node) if x.shape is not None and len(x.shape) == 1 else x


def fits(shape: Shape, onto: Shape) -> bool:
    """Does an array of the first shape broadcast to the second?"""
    return len(shape) <= len(onto) and all(n in (1, m) for n, m in zip(shape[::-1], onto[::-1], strict=False))
