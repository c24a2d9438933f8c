"""What can be computed from the weights and shapes of a graph before any data are there, in numpy.

Exporters write a flattening as "take the shape, its first number, -1, join them, reshape", and scale weights in nodes
of their own. Relies on `layer_graph`. Used by `graph_walk` and `graph_views`.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError, MappingError
from eventsim.models.readers.layer_graph import Array, Node

Shape = tuple[int, ...]
# What numpy raises for shapes, axes and types that do not fit.
MISFITS = (ValueError, TypeError, IndexError, OverflowError, ArithmeticError)


def computed(place: str, node: Node, given: Sequence[Any], budget: int) -> Array:
    """Return the value of a node whose inputs are all known.

    Raises
    ------
    MappingError
        An operation that is not computed here, a result of more than `budget` values.
    FileFormatError
        Inputs that do not fit.
    """
    if node.operation not in CONSTANT_OPERATIONS:
        raise MappingError(
            f"{place}{node.label} takes only constants; {node.operation} is read of activations; compute it before "
            "the export"
        )
    arrays = [None if value is None else np.asarray(value) for value in given]
    try:
        if _n_values(node, [array for array in arrays if array is not None]) > budget:
            raise MappingError(
                f"{place}{node.label} makes constants of more than {budget:,} values in all; must be less than that, "
                "about as many as the weights; compute it before the export"
            )
        with np.errstate(all="ignore"):  # weights that become infinite are refused by the layer's name
            return np.asarray(CONSTANT_OPERATIONS[node.operation](node, *arrays))
    except MISFITS as error:
        if isinstance(error, MappingError):
            raise
        raise FileFormatError(
            f"{place}{node.label} has constants that do not fit ({error}); export it again"
        ) from error


def _n_values(node: Node, arrays: Sequence[Array]) -> int:
    """How many values the result has, at most."""
    if node.operation == "fill":
        return math.prod(max(int(n), 0) for n in arrays[0].ravel())
    if node.operation == "gather":
        return arrays[0].size * arrays[1].size
    if node.operation in ("add", "subtract", "multiply", "divide", "maximum", "minimum"):
        return math.prod(np.broadcast_shapes(*(array.shape for array in arrays)))
    return sum(array.size for array in arrays)


def resolved(shape: Shape, wanted: Any, zero_is_zero: bool = False) -> Shape | None:
    """Return the shape that values of `shape` are given, -1 and 0 replaced; None where it has not as many values."""
    if wanted is None:
        return None
    sizes = [int(n) for n in wanted]
    if not zero_is_zero:
        sizes = [shape[i] if n == 0 and i < len(shape) else n for i, n in enumerate(sizes)]
    if sizes.count(-1) == 1:
        rest = math.prod(n for n in sizes if n != -1)
        if rest <= 0 or math.prod(shape) % rest:
            return None
        sizes[sizes.index(-1)] = math.prod(shape) // rest
    return tuple(sizes) if math.prod(sizes) == math.prod(shape) and min(sizes, default=1) >= 0 else None


def squeezed(shape: Shape, axes: Sequence[int]) -> Shape | None:
    """Return the shape without `axes`; None where they are not of length 1."""
    found = {axis + len(shape) if axis < 0 else axis for axis in axes}
    if any(not 0 <= axis < len(shape) or shape[axis] != 1 for axis in found):
        return None
    return tuple(n for axis, n in enumerate(shape) if axis not in found)


def unsqueezed(shape: Shape, axes: Sequence[int]) -> Shape | None:
    """Return the shape with axes of length 1 at the places `axes` of the result; None where there are none such."""
    n = len(shape) + len(axes)
    found = {axis + n if axis < 0 else axis for axis in axes}
    if len(found) != len(axes) or any(not 0 <= axis < n for axis in found):
        return None
    rest = iter(shape)
    return tuple(1 if axis in found else next(rest) for axis in range(n))


def _reshaped(array: Array, shape: Shape | None) -> Array:
    if shape is None:
        raise ValueError(f"shape {array.shape}")
    return array.reshape(shape)


def _reshape(node: Node, array: Array, shape: Array | None = None) -> Array:
    wanted = node.settings.get("shape") if shape is None else shape.ravel()
    return _reshaped(array, resolved(array.shape, wanted, bool(node.settings.get("zero_is_zero"))))


def _axes(node: Node, given: Array | None) -> list[int]:
    return [int(axis) for axis in (node.settings.get("axes") or () if given is None else given.ravel())]


def _squeeze(node: Node, array: Array, axes: Array | None = None) -> Array:
    if axes is None and node.settings.get("axes") is None:
        return array.squeeze()
    return _reshaped(array, squeezed(array.shape, _axes(node, axes)))


def _unsqueeze(node: Node, array: Array, axes: Array | None = None) -> Array:
    return _reshaped(array, unsqueezed(array.shape, _axes(node, axes)))


def _transpose(node: Node, array: Array) -> Array:
    if "swap" in node.settings:
        return array.swapaxes(*node.settings["swap"])
    return array.transpose(node.settings.get("axes"))


def _gather(node: Node, array: Array, places: Array) -> Array:
    return np.take(array, places.astype(np.int64), axis=int(node.settings.get("axis", 0)))


def _concat(node: Node, *arrays: Array) -> Array:
    return np.concatenate([np.atleast_1d(array) for array in arrays], axis=int(node.settings.get("axis", 0)))


def _cast(node: Node, array: Array) -> Array:
    kind = node.settings.get("kind")
    if kind not in ("f", "i") or array.dtype.kind not in "iufb":
        raise TypeError("must be numbers")
    return array.astype(np.float64 if kind == "f" else np.int64)


def _divide(_node: Node, array: Array, divisor: Array) -> Array:
    if array.dtype.kind in "iu" and divisor.dtype.kind in "iu":
        return array // divisor if divisor.all() and (array >= 0).all() and (divisor > 0).all() else np.full((), np.nan)
    return array / divisor


def _fill(node: Node, shape: Array) -> Array:
    """One number at all places, which takes no memory until a layer takes it as its weight."""
    value = np.asarray(node.settings.get("value", np.zeros(1, np.float32))).ravel()[0]
    return np.broadcast_to(value, tuple(int(n) for n in shape.ravel()))


def _dequantize(node: Node, array: Array, scale: Array, zero: Array | None = None) -> Array:
    """``(x - zero point) scale`` as ONNX computes it, in the type of the scale; one scale, one a place of an axis, or
    one a block along it.
    """
    if array.dtype.kind not in "iu" or scale.dtype.kind != "f":
        raise TypeError(f"{array.dtype} with scales of {scale.dtype}; must be integers, and floats")
    start = np.zeros_like(scale, np.int64) if zero is None else zero.astype(np.int64)
    if scale.size > 1 or scale.ndim > 1:
        axis, block = int(node.settings.get("axis", 1)), int(node.settings.get("block", 0))
        if block:
            scale, start = (
                np.take(np.repeat(one, block, axis), range(array.shape[axis]), axis) for one in (scale, start)
            )
        elif scale.shape != (array.shape[axis],):
            raise ValueError(f"{scale.shape} scales along axis {axis} of {array.shape}")
        else:
            shape = [1] * array.ndim
            shape[axis] = -1
            scale, start = scale.reshape(shape), start.reshape(shape)
    else:
        scale, start = scale.reshape(()), start.reshape(())
    return (array.astype(np.int64) - start).astype(scale.dtype) * scale


def _quantize(node: Node, array: Array, scale: Array, zero: Array | None = None) -> Array:
    """``x / scale`` rounded to integers, half to even, plus the zero point, whose type says the range."""
    start = np.zeros(scale.shape, np.uint8) if zero is None else zero
    if array.dtype.kind != "f" or start.dtype.kind not in "iu":
        raise TypeError(f"{array.dtype} to {start.dtype}; must be floats, and integers")
    shape = [1] * array.ndim
    if scale.size > 1:
        shape[int(node.settings.get("axis", 1))] = -1
    places = scale.reshape(shape) if scale.size > 1 else scale.reshape(())
    points = start.astype(np.int64).reshape(shape) if start.size > 1 else start.astype(np.int64).reshape(())
    limits = np.iinfo(start.dtype)
    return np.clip(np.rint(array / places) + points, limits.min, limits.max).astype(start.dtype)


def _slice(node: Node, array: Array, *given: Array | None) -> Array:
    """Inputs or settings: starts, ends, axes, steps; "to the end" is a number beyond it."""
    names = ("starts", "ends", "axes", "steps")
    parts = [node.settings.get(name) for name in names]
    for place, value in enumerate(given):
        parts[place] = parts[place] if value is None else value.ravel()
    starts, ends, axes, steps = ([int(n) for n in part] if part is not None else None for part in parts)
    if starts is None or ends is None:
        raise ValueError("no starts or ends")
    found: list[slice] = [slice(None)] * array.ndim
    for i, axis in enumerate(range(len(starts)) if axes is None else axes):
        found[axis] = slice(starts[i], ends[i] if ends[i] > -(1 << 62) else None, 1 if steps is None else steps[i])
    return array[tuple(found)]


CONSTANT_OPERATIONS: Mapping[str, Callable[..., Array]] = MappingProxyType(
    {
        "identity": lambda _node, array, *_rest: array,
        "reshape": _reshape,
        "squeeze": _squeeze,
        "unsqueeze": _unsqueeze,
        "transpose": _transpose,
        "gather": _gather,
        "concat": _concat,
        "fill": _fill,
        "slice": _slice,
        "cast": _cast,
        "shape": lambda _node, array: np.array(array.shape, np.int64),
        "add": lambda _node, *arrays: functools.reduce(np.add, arrays),
        "subtract": lambda _node, a, b: a - b,
        "multiply": lambda _node, a, b: a * b,
        "maximum": lambda _node, *arrays: functools.reduce(np.maximum, arrays),
        "minimum": lambda _node, *arrays: functools.reduce(np.minimum, arrays),
        "dequantize": _dequantize,
        "quantize": _quantize,
        "divide": _divide,
        "floor_divide": _divide,
    }
)
