"""Reader of ONNX models: what its operations mean, in the words of `layer_graph`.

Relies on `onnx_file` for the file and on `graph_walk` for what becomes of the graph. Used by `read_relu`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError, InputError
from eventsim.models.readers.graph_walk import read_graph
from eventsim.models.readers.layer_graph import UNSUPPORTED, Array, Graph, Node
from eventsim.models.readers.onnx_decisions import without_decisions
from eventsim.models.readers.onnx_file import FLOATS, INTEGERS, OnnxModel, OnnxNode, open_onnx
from eventsim.models.relu.relu_network import ReluNetwork

Settings = dict[str, Any]
# Settings of an operation from its attributes and the opset.
Reader = Callable[[OnnxNode, int], Settings]


class _UnreadError(Exception):
    """An attribute that is not read; the message goes behind the node's label."""


def read_onnx(path: Path, input_shape: Sequence[int] | None) -> ReluNetwork:
    """Return the ReLU network of an ONNX file; parameters and errors are those of `read_relu`."""
    model = open_onnx(path)
    if len(model.inputs) != 1:
        raise FileFormatError(
            f"{path}: the model has inputs {', '.join(map(repr, model.inputs)) or 'of no kind'} besides its "
            "weights; must have one; store weights as initializers"
        )
    if not model.outputs:
        raise FileFormatError(f"{path}: the model has no output; export it again")
    [(name, sizes)] = model.inputs.items()
    if len(sizes) == 1:
        raise FileFormatError(
            f"{path}: input {name!r} has one axis; must have samples in the first, and at least another; export the "
            "model with a batch"
        )
    shape: tuple[int, ...] | None = None
    if all(n is not None for n in sizes[1:]) and sizes:
        shape = tuple(n for n in sizes[1:] if n is not None)
    elif input_shape is None:
        raise InputError(
            f"{path}: the model leaves the shape of its input {name!r} open: {sizes}; give input_shape, as (channels, "
            "height, width)"
        )
    constants = dict(model.constants)
    translated = _constants_of(model, constants)
    listed, outputs, dropped = without_decisions(translated, model.outputs, constants)
    nodes = [_translated(node, model.opset, constants) for node in listed]
    return read_graph(
        Graph(
            place="read_relu: ONNX node ",
            nodes=nodes,
            constants=constants,
            input=name,
            outputs=outputs,
            dropped=dropped,
            noted={} if model.raised is None else {"opset": _raised_by(model)},
            source=_source(model),
            supported=f"{', '.join(ONNX_OPERATIONS)}, and {', '.join(ONNX_OUTPUTS)} at the end",
            shape=shape,
            batch=(sizes[0] if sizes else None) or 1,
        ),
        input_shape,
    )


def _source(model: OnnxModel) -> str:
    return f"ONNX model of {model.producer}" if model.producer.isprintable() and model.producer else "ONNX model"


def _raised_by(model: OnnxModel) -> str:
    return f"{model.raised}, raised to {model.opset} by onnx.version_converter"


def _constants_of(model: OnnxModel, constants: dict[str, Array]) -> list[OnnxNode]:
    """The nodes but for those that only hold a constant, which are added to these."""
    found = []
    for node in model.nodes:
        if node.operation != "Constant" or node.domain not in PLAIN:
            found.append(node)
            continue
        if node.outputs[0] in constants:
            raise FileFormatError(f"read_relu: ONNX node {node.label} makes {node.outputs[0]!r} a second time")
        constants[node.outputs[0]] = _constant(node)
    return found


def _translated(node: OnnxNode, opset: int, constants: dict[str, Array]) -> Node:
    """The node in the words of `layer_graph`; what it has as attributes and other nodes as inputs is a constant."""
    known = {**ONNX_OPERATIONS, **ONNX_OUTPUTS}
    operation, settings = UNSUPPORTED, Settings()
    inputs = node.inputs
    try:
        if _is_quantized(node.operation):
            raise _UnreadError(QUANTIZED)
        if node.domain not in PLAIN and (node.domain, node.operation) not in OTHER_DOMAINS:
            raise _UnreadError(f"is of the domain {node.domain!r}, which is not read")
        if node.operation == "Scaler":
            inputs = (*inputs[:1], *_scaler(node, constants))
            return Node(node.label, "batch_norm", inputs, node.outputs, {"epsilon": 0.0, "optional": True})
        if node.operation in known:
            made, reader = known[node.operation]
            settings = reader(node, opset)
            operation = made
            least, most = (1, 1000) if node.operation in SEVERAL else INPUTS.get(made, (1, 9))
            if node.operation in SEVERAL and len(inputs) == 1:
                operation = "identity"
            if not least <= len(inputs) <= most or inputs[0] is None:
                raise _UnreadError(f"has {len(inputs)} inputs; must have from {least} to {most}")
    except _UnreadError as error:
        operation, settings = UNSUPPORTED, {"reason": str(error)}
    except (TypeError, ValueError, OverflowError) as error:  # an attribute of another type than its name has
        if isinstance(error, FileFormatError):
            raise
        operation, settings = UNSUPPORTED, {"reason": f"has attributes that are not as ONNX has them ({error})"}
    return Node(node.label, operation, inputs, node.outputs, settings)


PLAIN = ("", "ai.onnx")
# Operations of other domains that are read.
OTHER_DOMAINS = (("ai.onnx.ml", "Scaler"),)
SEVERAL = ("Sum", "Max", "Min")
QUANTIZED = (
    "computes with activations that are integers; they are read as floats between QuantizeLinear and DequantizeLinear; "
    "quantize the network in the QDQ format"
)


def _is_quantized(operation: str) -> bool:
    """Does an operation compute with activations that are integers?"""
    return operation.startswith("QLinear") or operation in (
        "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "DynamicQuantizeMatMul", "QGemm",
    )  # fmt: skip


def _scaler(node: OnnxNode, constants: dict[str, Array]) -> list[str | None]:
    """Constants of ``(x - offset) scale`` as a batch norm has them: gamma, beta, mean, variance."""
    found: list[str | None] = []
    for part in ("scale", None, "offset", None):
        name = None if part is None else f"{node.outputs[0]} {part}"
        if name is not None:
            constants[name] = np.array(node.attributes.get(str(part)) or [float(part == "scale")], np.float64)
        found.append(name)
    return found


# How many inputs operations have.
INPUTS = {
    "dense": (2, 3),
    "conv": (2, 3),
    "batch_norm": (5, 5),
    "relu": (1, 1),
    "clip": (1, 3),
    "leaky_relu": (1, 2),
    "pad": (1, 4),
    "add": (2, 2),
    "subtract": (2, 2),
    "multiply": (2, 2),
    "divide": (2, 2),
    "reshape": (2, 2),
    "gather": (2, 2),
    "transpose": (1, 1),
    "shape": (1, 1),
    "cast": (1, 1),
    "squeeze": (1, 2),
    "unsqueeze": (1, 2),
    "mean": (1, 2),
    "concat": (1, 1000),
    "slice": (1, 5),
    "fill": (1, 1),
    "dequantize": (2, 3),
    "quantize": (2, 3),
}


def _require(node: OnnxNode, **allowed: Any) -> None:
    for name, value in allowed.items():
        given = node.attributes.get(name, value)
        if given != value:
            raise _UnreadError(f"has {name} = {given!r}; must be {value!r}")


def _constant(node: OnnxNode) -> Array:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        value = node.attributes.get(name)
        if value is not None:
            return np.asarray(value)
    raise FileFormatError(
        f"read_relu: ONNX node {node.label} holds no numbers ({', '.join(node.attributes) or 'nothing'}); must hold a "
        "tensor; export the model again"
    )


def _plain(_node: OnnxNode, _opset: int) -> Settings:
    return {}


def _gemm(node: OnnxNode, _opset: int) -> Settings:
    _require(node, transA=0)
    given = node.attributes
    return {
        "transposed": not given.get("transB", 0),
        "alpha": float(given.get("alpha", 1.0)),
        "beta": float(given.get("beta", 1.0)),
    }


def _sliding(node: OnnxNode) -> Settings:
    """What convolutions and pools share; ONNX lists all that is before, then all behind."""
    given = node.attributes
    kernel = given.get("kernel_shape")
    n = len(kernel) if kernel else len(given.get("strides") or given.get("dilations") or ())
    padding: Any = 0
    auto = given.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        padding = auto.lower()
    elif auto not in ("NOTSET", ""):
        raise _UnreadError(f"has auto_pad = {auto!r}; must be NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    elif given.get("pads"):
        pads = given["pads"]
        n = len(pads) // 2
        padding = list(zip(pads[:n], pads[n:], strict=True))
    return {
        "kernel": kernel,
        "stride": given.get("strides") or 1,
        "padding": padding,
        "dilation": given.get("dilations") or 1,
    }


def _conv(node: OnnxNode, _opset: int) -> Settings:
    return {**_sliding(node), "groups": node.attributes.get("group", 1)}


def _pool(node: OnnxNode, _opset: int) -> Settings:
    _require(node, storage_order=0)
    settings = _sliding(node)
    if not settings["kernel"]:
        raise _UnreadError("has no kernel_shape")
    counted = bool(node.attributes.get("count_include_pad", 0))
    ceil = bool(node.attributes.get("ceil_mode", 0))
    return {**settings, "kernel": tuple(settings["kernel"]), "ceil": ceil, "count_include_pad": counted}


def _batch_norm(node: OnnxNode, opset: int) -> Settings:
    _require(node, training_mode=0)
    if opset < 14 and len([name for name in node.outputs if name]) > 1:
        raise _UnreadError("has outputs of training; export the model for inference")
    return {"epsilon": float(node.attributes.get("epsilon", 1e-5))}


def _clip(node: OnnxNode, opset: int) -> Settings:
    return {"low": node.attributes.get("min"), "high": node.attributes.get("max")} if opset < 11 else {}


def _leaky(node: OnnxNode, _opset: int) -> Settings:
    return {"slope": float(node.attributes.get("alpha", 0.01))}


def _flatten(node: OnnxNode, _opset: int) -> Settings:
    return {"start": node.attributes.get("axis", 1)}


def _reshape(node: OnnxNode, _opset: int) -> Settings:
    return {"zero_is_zero": bool(node.attributes.get("allowzero", 0))}


def _transpose(node: OnnxNode, _opset: int) -> Settings:
    return {"axes": node.attributes.get("perm")}


def _axes(node: OnnxNode, _opset: int) -> Settings:
    return {"axes": node.attributes.get("axes")}


def _mean(node: OnnxNode, _opset: int) -> Settings:
    _require(node, noop_with_empty_axes=0)
    return {"axes": node.attributes.get("axes"), "keep": bool(node.attributes.get("keepdims", 1))}


def _pad(node: OnnxNode, opset: int) -> Settings:
    pads = node.attributes.get("pads", ()) if opset < 11 else ()
    half = len(pads) // 2
    pairs = list(zip(pads[:half], pads[half:], strict=True))
    mode = node.attributes.get("mode", "constant")
    return {"pairs": pairs, "value": node.attributes.get("value", 0), "mode": mode}


def _cast(node: OnnxNode, _opset: int) -> Settings:
    to = node.attributes.get("to")
    return {"kind": "f" if to in FLOATS else "i" if to in INTEGERS else None}


def _shape(node: OnnxNode, _opset: int) -> Settings:
    return {"start": node.attributes.get("start"), "end": node.attributes.get("end")}


def _axis(node: OnnxNode, _opset: int) -> Settings:
    return {"axis": int(node.attributes.get("axis", 0))}


def _slice(node: OnnxNode, opset: int) -> Settings:
    return {name: node.attributes.get(name) for name in ("starts", "ends", "axes")} if opset < 10 else {}


def _fill(node: OnnxNode, _opset: int) -> Settings:
    return {"value": node.attributes["value"]} if "value" in node.attributes else {}


def _dequantize(node: OnnxNode, _opset: int) -> Settings:
    return {"axis": int(node.attributes.get("axis", 1)), "block": int(node.attributes.get("block_size", 0))}


def _quantize(node: OnnxNode, opset: int) -> Settings:
    _require(node, saturate=1, output_dtype=0, precision=0)
    return _dequantize(node, opset)


def _softmax(node: OnnxNode, opset: int) -> Settings:
    if opset < 13:  # over all axes from this one on
        axis = int(node.attributes.get("axis", 1))
        return {"axis": None if axis == 1 else axis}
    return {"axis": int(node.attributes.get("axis", -1))}


# By the operation of ONNX: the word of `layer_graph` for it, and the reader of its attributes.
ONNX_OPERATIONS: Mapping[str, tuple[str, Reader]] = MappingProxyType(
    {
        "Gemm": ("dense", _gemm),
        "MatMul": ("dense", lambda _node, _opset: {"transposed": True}),
        "Conv": ("conv", _conv),
        "BatchNormalization": ("batch_norm", _batch_norm),
        "Scaler": ("batch_norm", _plain),
        "Relu": ("relu", _plain),
        "Clip": ("clip", _clip),
        "LeakyRelu": ("leaky_relu", _leaky),
        "PRelu": ("leaky_relu", _plain),
        "Abs": ("leaky_relu", lambda _node, _opset: {"slope": -1.0}),
        "Max": ("maximum", _plain),
        "Min": ("minimum", _plain),
        "MaxPool": ("max_pool", _pool),
        "AveragePool": ("average_pool", _pool),
        "GlobalMaxPool": ("global_max_pool", _plain),
        "GlobalAveragePool": ("global_average_pool", _plain),
        "ReduceMean": ("mean", _mean),
        "Add": ("add", _plain),
        "Sub": ("subtract", _plain),
        "Mul": ("multiply", _plain),
        "Div": ("divide", _plain),
        "Pad": ("pad", _pad),
        "Flatten": ("flatten", _flatten),
        "Reshape": ("reshape", _reshape),
        "Transpose": ("transpose", _transpose),
        "Squeeze": ("squeeze", _axes),
        "Unsqueeze": ("unsqueeze", _axes),
        "Dropout": ("identity", _plain),
        "Identity": ("identity", _plain),
        "Cast": ("cast", _cast),
        "Constant": ("constant", _plain),
        "Shape": ("shape", _shape),
        "Gather": ("gather", _axis),
        "Sum": ("add", _plain),
        "Concat": ("concat", _axis),
        "Slice": ("slice", _slice),
        "ConstantOfShape": ("fill", _fill),
        "DequantizeLinear": ("dequantize", _dequantize),
        "QuantizeLinear": ("quantize", _quantize),
    }
)
# What may stand at the end, and is left out.
ONNX_OUTPUTS: Mapping[str, tuple[str, Reader]] = MappingProxyType(
    {
        "Softmax": ("softmax", _softmax),
        "LogSoftmax": ("softmax", _softmax),
        "Sigmoid": ("sigmoid", _plain),
    }
)
