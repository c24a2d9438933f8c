"""ONNX files: what is in them as plain arrays, numbers and names, none of it trusted before it is checked.

Relies on the package `onnx` for the protobuf messages alone. Used by `read_onnx`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import shown
from eventsim.errors import FileFormatError, InputError

Array = np.ndarray[Any, Any]
OLDEST_OPSET = 9
OLDEST_RAISED = 7  # from here on onnx's version converter raises them to that
LARGEST_FILE = 1 << 31  # of a protobuf
# Element types of tensors by ONNX's number: the type of the bytes, and the field that holds single values.
ELEMENTS = {
    1: ("<f4", "float_data"),
    2: ("u1", "int32_data"),
    3: ("i1", "int32_data"),
    4: ("<u2", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
    12: ("<u4", "uint64_data"),
    13: ("<u8", "uint64_data"),
}
FLOATS, INTEGERS = (1, 10, 11, 16), (2, 3, 5, 6, 7, 12, 13)
EXTERNAL = 1
STRING = 8


@dataclass(frozen=True)
class OnnxNode:
    """A node of the file, before anybody knows what it does."""

    label: str
    operation: str
    domain: str
    inputs: tuple[str | None, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class OnnxModel:
    """What a file holds. Shapes have None where the file leaves a size open.

    `raised` is the opset of the file, where its operations were raised to those of `opset`.
    """

    path: Path
    producer: str
    opset: int
    raised: int | None
    nodes: list[OnnxNode]
    constants: dict[str, Array]
    inputs: dict[str, tuple[int | None, ...]]
    outputs: list[str]


def open_onnx(path: Path) -> OnnxModel:
    """Return what the ONNX file at `path` holds.

    Raises
    ------
    FileFormatError
        A file that is missing, damaged, not ONNX, of operations older than opset 7 or newer than the package knows.
    InputError
        The package onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError(
            "read_relu: reading ONNX models needs the package onnx; install it with: pip install 'eventsim[onnx]'"
        ) from error
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        if path.stat().st_size >= LARGEST_FILE:
            raise FileFormatError(f"{path}: larger than 2 GiB, which no ONNX file is; give the model itself")
        model.ParseFromString(path.read_bytes())
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: there is no such file; check the path") from error
    except OSError as error:
        raise FileFormatError(f"{path}: this file cannot be read ({error.strerror}); check the path") from error
    except (DecodeError, RecursionError, ValueError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path}: this is no ONNX model, or it is damaged; export it again") from error
    opset, newest = _opset(path, model), onnx.defs.onnx_opset_version()
    if not OLDEST_RAISED <= opset <= newest:
        raise FileFormatError(
            f"{path}: opset {opset}; must be from {OLDEST_RAISED} to {newest}, which the installed onnx knows; export "
            "it with one of these, or install a newer onnx"
        )
    _check_text(path, model.graph)
    if opset < OLDEST_OPSET:
        return _held(path, _raised(path, model, opset), OLDEST_OPSET, opset)
    return _held(path, model, opset, None)


def _opset(path: Path, model: Any) -> int:
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    opset = opsets.get("", opsets.get("ai.onnx"))
    if not model.HasField("graph") or opset is None:
        raise FileFormatError(f"{path}: this is no ONNX model, since it names no graph or no opset; export it again")
    return int(opset)


def _raised(path: Path, model: Any, opset: int) -> Any:
    """The same model in operations of the oldest opset that is read, as onnx itself converts it."""
    from onnx import shape_inference, version_converter

    if any(tensor.data_location == EXTERNAL for tensor in model.graph.initializer):
        raise FileFormatError(
            f"{path}: opset {opset} with weights in other files; must hold them, or be of opset {OLDEST_OPSET} or "
            "later, since onnx's converter needs them; load it with onnx.load and save it again"
        )
    failures = (version_converter.ConvertError, shape_inference.InferenceError)
    try:
        return version_converter.convert_version(model, OLDEST_OPSET)
    except (*failures, RuntimeError, ValueError, TypeError, IndexError) as error:
        reason = str(error).strip().splitlines()
        raise FileFormatError(
            f"{path}: opset {opset}, which onnx.version_converter could not raise to {OLDEST_OPSET} "
            f"({reason[-1] if reason else type(error).__name__}); must be of opset {OLDEST_OPSET} or later; export it "
            "again"
        ) from error


def _held(path: Path, model: Any, opset: int, raised: int | None) -> OnnxModel:
    """What a model holds, as plain arrays, numbers and names."""
    graph = model.graph
    found = OnnxModel(path, _producer(model), opset, raised, [], {}, {}, [])
    _check_text(path, graph)
    for tensor in graph.initializer:
        if tensor.name in found.constants:
            raise FileFormatError(f"{path}: two initializers are named {shown(tensor.name)}; export the model again")
        found.constants[tensor.name] = tensor_values(path, tensor.name, tensor)
    if graph.sparse_initializer:
        raise FileFormatError(f"{path}: sparse initializers are not read; make them dense")
    for value in graph.input:
        if value.name not in found.constants:
            found.inputs[value.name] = _shape(path, value)
    found.outputs.extend(value.name for value in graph.output)
    for i, node in enumerate(graph.node):
        found.nodes.append(_node(path, i, node))
    return found


def _producer(model: Any) -> str:
    """Who wrote the file, as far as it is text."""
    words = [word for word in (model.producer_name, model.producer_version) if isinstance(word, str)]
    return " ".join(words).strip()[:80]


def _check_text(path: Path, graph: Any) -> None:
    """Refuse names that are no text, which protobuf hands over as bytes."""
    named = (*graph.initializer, *graph.input, *graph.output, *graph.node)
    texts = [one.name for one in named]
    for node in graph.node:
        texts += [node.op_type, node.domain, *node.input, *node.output, *(entry.name for entry in node.attribute)]
    if not all(isinstance(text, str) for text in texts):
        raise FileFormatError(f"{path}: some names are no text, so the file is damaged; export the model again")


def _shape(path: Path, value: Any) -> tuple[int | None, ...]:
    """Sizes of an input; None for one that has a name, or no size, or that nobody can have."""
    tensor = value.type.tensor_type
    if tensor.elem_type not in FLOATS:
        raise FileFormatError(
            f"{path}: input {value.name!r} holds no floats (element type {tensor.elem_type}); must hold floats; export "
            "the model with them"
        )
    if not tensor.HasField("shape"):
        return ()
    return tuple(axis.dim_value if axis.dim_value > 0 else None for axis in tensor.shape.dim)


def _node(path: Path, place: int, node: Any) -> OnnxNode:
    name = node.name or (node.output[0] if node.output else f"number {place}")
    label = f"{name if name.isprintable() else repr(name)} ({node.op_type if node.op_type.isprintable() else '?'})"
    attributes = {entry.name: _attribute(path, label, entry) for entry in node.attribute}
    inputs = tuple(given or None for given in node.input)
    if not node.output:
        raise FileFormatError(f"{path}: node {label} has no output; export the model again")
    return OnnxNode(label, node.op_type, node.domain, inputs, tuple(node.output), attributes)


def _attribute(path: Path, label: str, entry: Any) -> Any:
    """The value of an attribute; of a kind that is not read, such as a graph, its name."""
    if entry.type == entry.FLOAT:
        return entry.f
    if entry.type == entry.INT:
        return entry.i
    if entry.type == entry.STRING:
        return entry.s.decode("utf-8", "replace")
    if entry.type == entry.INTS:
        return tuple(entry.ints)
    if entry.type == entry.FLOATS:
        return tuple(entry.floats)
    if entry.type == entry.TENSOR:
        return tensor_values(path, f"attribute {entry.name} of {label}", entry.t)
    return None


def tensor_values(path: Path, name: str, tensor: Any) -> Array:
    """Return the array that a tensor of the file holds, as many values as its sizes say, and of a type that is read.

    bfloat16 becomes float32, which holds it. Values in other files are read from the folder of the model only.
    """
    dims = tuple(tensor.dims)
    if tensor.data_type == STRING:  # labels of classes, which only what follows the outputs takes
        texts = [text.decode("utf-8", "replace") for text in tensor.string_data]
        if dims != (len(texts),):
            raise FileFormatError(_wrong_size(path, name, dims, len(texts), "texts"))
        return np.array(texts, dtype=np.str_)
    if any(n < 0 for n in dims):
        raise FileFormatError(f"{path}: {name} has shape {shown(dims)}; sizes must be >= 0; export the model again")
    n = math.prod(dims)
    bfloat = tensor.data_type == 16
    if tensor.data_type not in ELEMENTS and not bfloat:
        raise FileFormatError(
            f"{path}: {name} has element type {tensor.data_type}; must be numbers of float16, float32, float64, "
            "bfloat16 or integers; convert the model"
        )
    dtype, listed = ("<u2", "int32_data") if bfloat else ELEMENTS[tensor.data_type]
    n_bytes = n * np.dtype(dtype).itemsize
    if tensor.data_location == EXTERNAL:
        values = np.frombuffer(_external(path, name, tensor, n_bytes), dtype)
    elif tensor.HasField("raw_data"):
        if len(tensor.raw_data) != n_bytes:
            raise FileFormatError(_wrong_size(path, name, dims, len(tensor.raw_data), "bytes"))
        values = np.frombuffer(tensor.raw_data, dtype)
    else:
        given = getattr(tensor, listed)
        if len(given) != n:
            raise FileFormatError(_wrong_size(path, name, dims, len(given), "values"))
        wide = np.array(given, np.dtype({"f": "f8", "i": "i8", "u": "u8", "b": "i8"}[np.dtype(dtype).kind]))
        in_bits = listed == "int32_data" and np.dtype(dtype) in (np.dtype("<f2"), np.dtype("<u2"))
        values = wide.astype("<u2").view(dtype) if in_bits else wide.astype(dtype)
    if bfloat:
        values = (values.astype("<u4") << 16).view("<f4")
    try:
        return values.reshape(dims)
    except ValueError as error:  # too many axes, or sizes beside a 0 that no array has
        raise FileFormatError(f"{path}: {name} has shape {shown(dims)}, which no array has; export it again") from error


def _wrong_size(path: Path, name: str, dims: tuple[int, ...], n: int, unit: str) -> str:
    return f"{path}: {name} has shape {shown(dims)} and holds {n:,} {unit}; must fit; export the model again"


def _external(path: Path, name: str, tensor: Any, n_bytes: int) -> bytes:
    """Bytes of another file, which must lie in the folder of the model, links followed."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    place = str(said.get("location", ""))
    folder = path.parent.resolve()
    try:
        beside = (folder / place).resolve()
        inside = bool(place) and "\0" not in place and beside.is_relative_to(folder) and not Path(place).is_absolute()
        offset, length = int(said.get("offset", 0)), int(said.get("length", n_bytes))
        size = beside.stat().st_size if inside and beside.is_file() else -1
    except (ValueError, OSError, RuntimeError) as error:
        raise FileFormatError(
            f"{path}: {name} lies in {place!r}, which cannot be read; put it beside the model"
        ) from error
    if size < 0:
        raise FileFormatError(
            f"{path}: {name} lies in {place!r}, which is no file in the model's folder; put the model's files together"
        )
    if length != n_bytes or offset < 0 or offset + length > size:
        raise FileFormatError(
            f"{path}: {name} needs {n_bytes:,} bytes, but {place!r} has {size:,} and is to be read from {offset} for "
            f"{length}; must fit; export the model again"
        )
    with beside.open("rb") as stream:
        stream.seek(offset)
        return stream.read(n_bytes)
