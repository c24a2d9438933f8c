"""QDQ-quantised ONNX models of the digits' networks, made by ONNX Runtime's quantizer, for tests.

Importing needs onnx and onnxruntime.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from eventsim.models.relu.relu_network import AveragePool, Conv, Dense, Flatten, MaxPool, ReluNetwork

Array = np.ndarray[Any, Any]


class Batches(CalibrationDataReader):  # type: ignore[misc]
    """Calibration data in batches of 50."""

    def __init__(self, x: Array) -> None:
        self.ahead = iter([{"x": x[i : i + 50].astype(np.float32)} for i in range(0, len(x), 50)])

    def get_next(self) -> Any:
        return next(self.ahead, None)


def float_model(network: ReluNetwork) -> Any:
    """An ONNX model, in float32, of convolutions, dense layers, pools and flattenings."""
    nodes: list[Any] = []
    weights: list[Any] = []
    last = "x"

    def node(operation: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(operation, [last, *inputs], [name], name=f"node{len(nodes)}", **attributes))
        return name

    for i, layer in enumerate(network.layers):
        if isinstance(layer, Conv | Dense):
            held = [(name, getattr(layer, name).astype(np.float32)) for name in ("weight", "bias")]
            weights += [numpy_helper.from_array(values, f"{name}{i}") for name, values in held]
        if isinstance(layer, Conv):
            pads = [a for a, _ in layer.padding] + [b for _, b in layer.padding]
            last = node("Conv", f"weight{i}", f"bias{i}", strides=layer.stride, pads=pads)
        elif isinstance(layer, Dense):
            last = node("Gemm", f"weight{i}", f"bias{i}", transB=1)
        elif isinstance(layer, MaxPool | AveragePool):
            word = "MaxPool" if isinstance(layer, MaxPool) else "AveragePool"
            last = node(word, kernel_shape=layer.kernel, strides=layer.stride)
        elif isinstance(layer, Flatten):
            last = node("Flatten")
        else:
            raise NotImplementedError(layer)
        if layer.relu:
            last = node("Relu")
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *network.input_shape])]
    made = [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["n", network.n_out])]
    graph = helper.make_graph(nodes, "digits", given, made, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def quantized(folder: Path, network: ReluNetwork, calibration: Array, **settings: Any) -> Path:
    """The path of a model that was quantised on these data."""
    onnx.save(float_model(network), folder / "float.onnx")
    path = folder / "quantized.onnx"
    quantize_static(
        folder / "float.onnx", path, Batches(calibration), quant_format=QuantFormat.QDQ, **settings
    )  # fmt: skip
    return path


def run_unoptimised(path: Path, x: Array) -> tuple[Array, dict[str, Array]]:
    """Outputs as ONNX Runtime computes them node by node, and the integers of all activations by their value's name."""
    model = onnx.load(path)
    constants = {one.name for one in model.graph.initializer}
    codes = [
        one.output[0] for one in model.graph.node if one.op_type == "QuantizeLinear" and one.input[0] not in constants
    ]
    output = model.graph.output[0].name
    for name in codes:
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.INT8, None))
    for one in model.graph.output[1:]:
        one.ClearField("type")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = session.run([output, *codes], {"x": x.astype(np.float32)})
    return found[0], dict(zip(codes, found[1:], strict=True))
