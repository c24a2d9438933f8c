"""Random ONNX models over the operations that are read, built node by node for the tests of the reader.

They are in float32, in which ONNX Runtime has all operations.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
Draw = Any
OPSETS = (9, 11, 13, 17, 21)
IR_VERSION = 8


class Builder:
    """Nodes in a row, each taking what the last one gave, with weights as initializers."""

    def __init__(self, shape: Sequence[int | str], opset: int, seed: int = 0, dtype: Any = np.float32) -> None:
        self.shape: list[Any] = ["n", *shape]
        self.opset, self.dtype = opset, dtype
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.last = "x"
        self.cut: list[str] = []  # values that neurons carry: behind each ReLU, and behind pools of these

    def weight(self, values: Any, dtype: Any = None) -> str:
        name = f"w{len(self.weights)}"
        array = np.asarray(values)
        floats = self.dtype if dtype is None and array.dtype.kind == "f" else dtype or array.dtype
        self.weights.append(numpy_helper.from_array(np.array(array, floats, order="C"), name))
        return name

    def random(self, *shape: int) -> str:
        bound = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 1.0
        return self.weight(self.rng.uniform(-bound, bound, shape))

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Append a node that takes the last value, and `inputs`."""
        return self.node(operation, [self.last, *inputs], **attributes)

    def node(self, operation: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        attributes = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(operation, inputs, [name], name=f"node{len(self.nodes)}", **attributes))
        self.last = name
        return name

    def model(self, outputs: Sequence[str] | None = None) -> Any:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        given = [helper.make_tensor_value_info("x", kind, self.shape)]
        made = [helper.make_tensor_value_info(name, kind, None) for name in outputs or [self.last]]
        graph = helper.make_graph(self.nodes, "made", given, made, self.weights)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tests")

    def relu(self) -> None:
        self.cut.append(self.add("Relu"))

    def batch_norm(self, n: int) -> None:
        values = [self.rng.normal(size=n) for _ in range(3)] + [self.rng.uniform(0.25, 4, n)]
        self.add("BatchNormalization", *(self.weight(value) for value in values), epsilon=1e-3)

    def pad(self, pairs: Sequence[tuple[int, int]]) -> None:
        flat = [0, 0, *(a for a, _ in pairs), 0, 0, *(b for _, b in pairs)]
        if self.opset < 11:
            self.add("Pad", pads=flat, mode="constant")
        else:
            self.add("Pad", self.weight(np.array(flat, np.int64)))

    def clip(self, low: float, high: float) -> None:
        if self.opset < 11:
            self.add("Clip", min=low, max=high)
        else:
            self.add("Clip", self.weight(np.array(low)), self.weight(np.array(high)))

    def unsqueeze(self, value: str, axis: int) -> str:
        if self.opset < 13:
            return self.node("Unsqueeze", [value], axes=[axis])
        return self.node("Unsqueeze", [value, self.weight(np.array([axis], np.int64))])

    def flatten(self, how: str, n_axes: int) -> None:
        if how == "flatten":
            self.add("Flatten")
        elif how == "reshape":
            self.add("Reshape", self.weight(np.array([0, -1], np.int64)))
        elif how == "channels last":
            self.add("Transpose", perm=[0, *range(2, 2 + n_axes), 1])
            self.add("Flatten")
        else:  # as exporters write x.view(x.size(0), -1)
            given = self.last
            size = self.node("Shape", [given])
            first = self.node("Gather", [size, self.weight(np.array(0, np.int64))], axis=0)
            parts = [self.unsqueeze(first, 0), self.weight(np.array([-1], np.int64))]
            self.last = self.node("Reshape", [given, self.node("Concat", parts, axis=0)])

    def dense(self, how: str, n_in: int, n_out: int) -> None:
        if how == "gemm":
            self.add("Gemm", self.random(n_out, n_in), self.random(n_out), transB=1)
        elif how == "scaled gemm":
            self.add("Gemm", self.random(n_in, n_out), self.random(1, n_out), alpha=0.5, beta=2.0)
        else:
            self.add("MatMul", self.random(n_in, n_out))
            if how == "matmul add":
                self.add("Add", self.random(n_out))


def run_by_runtime(model: Any, x: Array) -> list[Array]:
    """The outputs as ONNX Runtime computes them."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: list[Array] = session.run(None, {"x": x})
    return found


def sizes_of(builder: Builder) -> tuple[int, ...]:
    """Channels and positions of the last value."""
    zeros = np.zeros([1, *builder.shape[1:]], builder.dtype)
    return tuple(run_by_runtime(builder.model(), zeros)[0].shape[1:])


@st.composite
def sliding(draw: Draw, positions: Sequence[int], strides: bool = True, dilations: bool = True) -> dict[str, Any]:
    """Attributes that convolutions and max pools share, such that the kernel fits."""
    n = len(positions)
    kernel = [draw(st.integers(1, min(3, size))) for size in positions]
    found: dict[str, Any] = {"kernel_shape": kernel}
    if strides and draw(st.booleans()):
        found["strides"] = [draw(st.integers(1, 2)) for _ in range(n)]
    if dilations and draw(st.booleans()):
        found["dilations"] = [
            draw(st.integers(1, 2)) if 2 * (k - 1) < size else 1 for k, size in zip(kernel, positions, strict=True)
        ]
    padding = draw(st.sampled_from(["none", "pads", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    if padding == "pads":
        most = [(k - 1) * d for k, d in zip(kernel, found.get("dilations", [1] * n), strict=True)]
        found["pads"] = [draw(st.integers(0, m)) for m in most * 2]
    elif padding != "none" and "dilations" not in found:
        found["auto_pad"] = padding
    return found


@st.composite
def onnx_models(draw: Draw, opsets: Sequence[int] = OPSETS) -> tuple[Builder, tuple[int, ...]]:
    """A whole classifier: steps on the input, one to three blocks of a convolution, a flattening, dense layers."""
    shape = input_shape = (draw(st.integers(1, 3)), *draw(st.lists(st.integers(3, 7), min_size=1, max_size=2)))
    made = Builder(shape, draw(st.sampled_from(opsets)), draw(st.integers(0, 2**32 - 1)))
    n_axes = len(shape) - 1
    if draw(st.booleans()):
        made.add("Sub", made.weight(made.rng.random((1, shape[0], *[1] * n_axes))))
        made.add("Div", made.weight(made.rng.uniform(0.5, 2, ())))
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            made.pad([(draw(st.integers(0, 1)), draw(st.integers(0, 2))) for _ in range(n_axes)])
            shape = sizes_of(made)
        groups = draw(st.sampled_from([g for g in (1, 2, 3) if shape[0] % g == 0]))
        c_out = groups * draw(st.integers(1, 3))
        settings = draw(sliding(shape[1:]))
        weights = [made.random(c_out, shape[0] // groups, *settings["kernel_shape"])]
        weights += [made.random(c_out)] if draw(st.booleans()) else []
        made.add("Conv", *weights, group=groups, **settings)
        for part in draw(
            st.sampled_from([
                "norm relu", "relu norm", "relu", "relu dropout", "scale relu", "relu6", "clip", "leaky", "norm prelu",
                "norm", "absolute",
            ])
        ).split():  # fmt: skip
            if part == "norm":
                made.batch_norm(c_out)
            elif part == "relu":
                made.relu()
            elif part in ("relu6", "clip"):
                made.clip(0.0 if part == "relu6" else -0.125, 0.25)
            elif part == "leaky":
                made.add("LeakyRelu", alpha=draw(st.sampled_from([0.1, -0.5])))
            elif part == "prelu":
                made.add("PRelu", made.weight(made.rng.normal(size=(c_out, *[1] * n_axes))))
            elif part == "absolute":
                made.add("Abs")
            elif part == "dropout":
                made.add("Dropout")
            else:
                made.add("Mul", made.weight(made.rng.normal(size=(c_out, *[1] * n_axes))))
        shape = sizes_of(made)
        draw_pool(draw, made, shape)
        shape = sizes_of(made)
    made.flatten(draw(st.sampled_from(["flatten", "reshape", "channels last", "sizes"])), n_axes)
    made.dense(draw(st.sampled_from(["gemm", "matmul add", "matmul"])), int(np.prod(shape)), 6)
    if draw(st.booleans()):
        made.batch_norm(6)
    made.relu()
    made.dense(draw(st.sampled_from(["gemm", "scaled gemm", "matmul add"])), 6, 3)
    return made, input_shape


def draw_pool(draw: Draw, made: Builder, shape: Sequence[int]) -> None:
    """One of the pools, or none; the windows of averages are not dilated."""
    kind = draw(st.sampled_from(["", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "ReduceMean"]))
    if kind in ("MaxPool", "AveragePool"):
        settings = draw(sliding(shape[1:], dilations=kind == "MaxPool" and made.opset >= 10))
        if kind == "AveragePool":
            settings["count_include_pad"] = draw(st.integers(0, 1))
        made.add(kind, **settings)
    elif kind == "ReduceMean":
        axes = list(range(2, 1 + len(shape)))
        if made.opset < 18:
            made.add(kind, axes=axes)
        else:
            made.add(kind, made.weight(np.array(axes, np.int64)))
    elif kind:
        made.add(kind)


def saved(model: Any, folder: Any, name: str = "net.onnx") -> Any:
    """The path of a model, written."""
    path = folder / name
    onnx.save(model, path)
    return path


__all__ = ["OPSETS", "Builder", "TensorProto", "onnx_models", "run_by_runtime", "saved", "sizes_of"]
