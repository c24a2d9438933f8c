"""The one-operation cases that ship with the package onnx: each is read and computed right, or refused by name.

Inputs behind the first become weights. A product with 1 comes before the operation, so that one without a layer of its
own has one to act on.
"""

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventsim.errors import EventsimError
from eventsim.models import read_relu
from eventsim.models.readers.read_onnx import ONNX_OPERATIONS, ONNX_OUTPUTS

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.references

Array = np.ndarray[Any, Any]
# What cases hold is in float32.
TOLERANCE = 1e-5
FOUR_DIGITS = 1e-4  # as the outputs of one case are written
# Cases of an operation that must be computed, not refused. The others show what is refused, such as a ReLU of an axis
# that is none of positions, or bounds, axes and constants that no ReLU network has.
AT_LEAST = {
    "AveragePool": 14, "BatchNormalization": 7, "Conv": 26, "Gemm": 10, "GlobalAveragePool": 2, "GlobalMaxPool": 2,
    "MaxPool": 17, "Relu": 2, "Flatten": 4, "Reshape": 6, "Add": 5, "Clip": 4, "Dropout": 5, "MatMul": 2,
    "Unsqueeze": 6, "Squeeze": 1, "Transpose": 3, "Softmax": 4, "LogSoftmax": 4, "Sigmoid": 2, "LeakyRelu": 4,
    "PRelu": 3, "Abs": 1, "Sub": 1,
}  # fmt: skip


def node_cases() -> list[tuple[str, Any, list[tuple[list[Array], list[Array]]]]]:
    """Name, model, and (inputs, outputs) of the cases of which this reader knows the operation."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [(case.name, case.model, case.data_sets) for case in collect_testcases(None)]
    for folder in sorted((Path(onnx.__file__).parent / "backend" / "test" / "data").glob("pytorch-*/*/")):
        model = onnx.load(folder / "model.onnx")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:  # they are of opset 6
                model = onnx.version_converter.convert_version(model, 9)
            except (RuntimeError, ValueError, onnx.version_converter.ConvertError):
                continue
        sets = [[arrays(one, kind) for kind in ("input", "output")] for one in sorted(folder.glob("test_data_set_*"))]
        cases.append((folder.name, model, sets))
    known = {*ONNX_OPERATIONS, *ONNX_OUTPUTS} - {"Shape", "QuantizeLinear"}  # whose outputs are no activations
    return [case for case in cases if {node.op_type for node in case[1].graph.node} <= known]


def arrays(folder: Path, kind: str) -> list[Array]:
    found = []
    for place in range(len(list(folder.glob(f"{kind}_*.pb")))):
        tensor = onnx.TensorProto()
        tensor.ParseFromString((folder / f"{kind}_{place}.pb").read_bytes())
        found.append(onnx.numpy_helper.to_array(tensor))
    return found


def prepared(model: Any, inputs: list[Array]) -> Any:
    """The model with the first input as its only one, times 1."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    held = {tensor.name for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in held]
    for value, array in list(zip(given, inputs, strict=True))[1:]:
        graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
        graph.input.remove(value)
    graph.initializer.append(onnx.numpy_helper.from_array(np.ones((), inputs[0].dtype), "unity"))
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == given[0].name:
                node.input[place] = "first"
    graph.node.insert(0, onnx.helper.make_node("Mul", [given[0].name, "unity"], ["first"], name="first"))
    return made


def test_the_cases_of_onnx_are_computed_or_refused_by_name(tmp_path: Path) -> None:
    computed, refused = Counter[str](), Counter[str]()
    path = tmp_path / "case.onnx"
    for name, model, sets in node_cases():
        for inputs, outputs in sets[:1]:
            operations = {node.op_type for node in model.graph.node if node.op_type != "Constant"}
            if not inputs or not isinstance(inputs[0], np.ndarray) or inputs[0].dtype.kind != "f":
                continue
            onnx.save(prepared(model, list(inputs)), path)
            try:
                network = read_relu(path)
            except EventsimError as error:
                named = [f"({operation})" in str(error) for operation in operations | {"Mul"}]
                if not any(named) and str(path) not in str(error):
                    pytest.fail(f"{name}: {error}")
                refused.update(operations)
                continue
            if network.provenance["output"] != "identity":
                computed.update(operations)
                continue
            ours = network.forward(inputs[0])
            theirs = np.asarray(outputs[0]).reshape(ours.shape)
            tolerance = FOUR_DIGITS if name.endswith("last_window_starts_on_pad") else TOLERANCE
            assert np.abs(ours - theirs).max() <= tolerance * max(1, np.abs(theirs).max()), name
            computed.update(operations)
    assert {operation: n for operation, n in AT_LEAST.items() if computed[operation] < n} == {}, (computed, refused)
