"""What is read from ONNX files computes what ONNX's own evaluation, ONNX Runtime and PyTorch compute."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from eventsim import simulate
from eventsim.errors import MappingError
from eventsim.models import read_relu, to_ttfs, verify
from eventsim.models.relu.folded import fused
from eventsim.models.relu.relu_network import BatchNorm, Conv, Dense

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = [
    pytest.mark.references,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]

from onnx_networks import (  # noqa: E402 - what imports onnx comes behind its test
    OPSETS,
    Builder,
    onnx_models,
    run_by_runtime,
    saved,
)

Array = np.ndarray[Any, Any]
# Of the largest value: sums of some hundred products round to 1e-14, layers magnify that a little.
TOLERANCE = 1e-11
# ONNX Runtime has convolutions and average pools in float32 only. A wrong border is a thousand times that.
SINGLE = 2e-4


def close(ours: Array, theirs: Array, tolerance: float = TOLERANCE) -> bool:
    ours = ours.reshape(theirs.shape)
    return bool(np.abs(ours - theirs).max() <= tolerance * max(np.abs(theirs).max(), 1e-9))


@given(onnx_models(), st.integers(0, 2**32 - 1))
def test_logits_and_activations_are_those_of_onnx_runtime(tmp_path_factory: Any, drawn: Any, seed: int) -> None:
    made, input_shape = drawn
    x = np.random.default_rng(seed).uniform(-1, 1, (3, *input_shape)).astype(np.float32)
    network = read_relu(saved(made.model(), tmp_path_factory.mktemp("onnx")))
    *cut, logits = run_by_runtime(made.model([*made.cut, made.last]), x)
    assert network.input_shape == input_shape
    assert close(network.forward(x), logits, SINGLE)
    assert close(fused(network).forward(x), network.forward(x))
    # Among the activations there are those of pools and of ReLU6, too, which stand for two ReLUs.
    shown = iter(network.activations(x))
    for theirs in cut:
        assert any(values.shape == theirs.shape and close(values, theirs, SINGLE) for _, values in shown)


def exported(module: Any, x: Array, path: Path, opset: int) -> None:
    """Write the model that PyTorch makes of a module: no operation joined with another, so that all are seen."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():  # the exporter by tracing is on its way out; it is what most files come from
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), (torch.from_numpy(x),), path, input_names=["x"], dynamic_axes={"x": {0: "n"}},
            opset_version=opset, dynamo=False, training=torch.onnx.TrainingMode.PRESERVE,
        )  # fmt: skip


@settings(max_examples=40)
@given(st.data(), st.integers(0, 2**32 - 1), st.sampled_from(OPSETS[:4]))
def test_exported_modules_are_those_of_torch_in_float64(
    tmp_path_factory: Any, data: Any, seed: int, opset: int
) -> None:
    pytest.importorskip("torch")
    from torch_networks import flat, networks, shown_by, torch

    module, input_shape = data.draw(networks())
    x = np.random.default_rng(seed).uniform(-1, 1, (2, *input_shape))
    for one in flat(module):  # a file has this number in float32
        if "Norm" in type(one).__name__:
            one.eps = float(np.float32(one.eps))
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    try:
        exported(module, x, path, opset)
    except torch.onnx.errors.OnnxExporterError:  # not every pool has an operation in every opset
        reject()
    network = read_relu(path)
    modules = [one for one in flat(module) if "Softmax" not in type(one).__name__]
    shown, logits = shown_by(modules, x)
    assert close(network.forward(x), logits)
    assert close(read_relu(module, input_shape).forward(x), logits)
    assert "Softmax" not in type(module[-1]).__name__ or network.provenance["output"] == "softmax"
    for (name, ours), theirs in zip(network.activations(x), shown, strict=True):
        assert close(ours, theirs), name


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["gemm", "scaled gemm", "matmul add", "matmul"]), st.booleans())
def test_dense_networks_are_those_of_onnx_runtime_in_float64(
    tmp_path_factory: Any, seed: int, how: str, norm: bool
) -> None:
    made = Builder([5], 13, seed, np.float64)
    made.add("Mul", made.weight(np.array([2.0])))
    for n_in, n_out in ((5, 7), (7, 4)):
        made.dense(how, n_in, n_out)
        if norm:
            made.batch_norm(n_out)
        made.relu()
    made.dense(how, 4, 3)
    x = np.random.default_rng(seed).normal(size=(6, 5))
    path = saved(made.model(), tmp_path_factory.mktemp("onnx"))
    assert close(read_relu(path).forward(x), run_by_runtime(made.model(), x)[0])


@pytest.mark.parametrize("opset", [*OPSETS, onnx.defs.onnx_opset_version()])
def test_spikes_of_a_read_model_carry_what_onnx_computes(tmp_path: Path, opset: int) -> None:
    made = Builder([2, 6, 6], opset, 3)
    made.add("Sub", made.weight(np.array([0.25])))
    made.pad([(1, 0), (0, 1)])
    made.add("Conv", made.random(4, 2, 3, 3), made.random(4), auto_pad="SAME_LOWER", strides=[2, 1])
    made.batch_norm(4)
    made.relu()
    made.add("MaxPool", kernel_shape=[2, 2], strides=[1, 2])
    made.flatten("channels last", 2)
    made.dense("gemm", 4 * 3 * 3, 5)
    made.relu()
    made.dense("matmul add", 5, 3)
    logits = made.last
    made.add("Softmax", axis=1)
    x = np.random.default_rng(1).random((4, 2, 6, 6)).astype(np.float32)
    path = saved(made.model(), tmp_path)
    network = read_relu(path)
    assert network.provenance["dropped"] == [f"node{len(made.nodes) - 1} (Softmax)"]
    assert network.provenance["output"] == "softmax"
    net = to_ttfs(path, x, margin=100)
    assert verify(net, network, x).ok
    assert close(simulate(net, x).readout, run_by_runtime(made.model([logits]), x)[0], SINGLE)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_weights_of_every_width_are_read_exactly(tmp_path: Path, dtype: Any) -> None:
    made = Builder([3], 13, dtype=dtype)
    made.dense("gemm", 3, 4)
    [layer] = read_relu(saved(made.model(), tmp_path)).layers
    assert isinstance(layer, Dense)
    assert np.array_equal(layer.weight, onnx.numpy_helper.to_array(made.weights[0]).astype(np.float64))


@pytest.mark.parametrize("code", [onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE])
def test_weights_that_are_listed_number_by_number_are_read(tmp_path: Path, code: int) -> None:
    made = Builder([2], 13)
    values = [0.5, -1.25, 3.0, 0.0078125]
    made.weights.append(onnx.helper.make_tensor("listed", code, [2, 2], values))
    made.add("MatMul", "listed")
    [layer] = read_relu(saved(made.model(), tmp_path)).layers
    assert isinstance(layer, Dense)
    assert layer.weight.T.ravel().tolist() == values


def test_weights_in_a_file_beside_the_model_are_read(tmp_path: Path) -> None:
    made = Builder([30], 13)
    made.dense("gemm", 30, 4)
    model = made.model()
    inside = read_relu(saved(model, tmp_path, "inside.onnx"))
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    assert (tmp_path / "net.onnx").stat().st_size < (tmp_path / "inside.onnx").stat().st_size
    outside = read_relu(tmp_path / "net.onnx")
    for ours, theirs in zip(outside.layers, inside.layers, strict=True):
        assert isinstance(ours, Dense)
        assert isinstance(theirs, Dense)
        assert np.array_equal(ours.weight, theirs.weight)


def test_what_does_not_lead_to_the_last_output_is_left_out(tmp_path: Path) -> None:
    made = Builder([4], 13)
    made.dense("gemm", 4, 3)
    made.relu()
    middle = made.last
    made.dense("gemm", 3, 2)
    last = made.last
    made.nodes.append(onnx.helper.make_node("Tanh", [middle], ["unused"]))
    network = read_relu(saved(made.model([middle, last]), tmp_path))
    assert network.n_out == 2
    assert network.provenance["dropped"] == [f"output {middle}"]


def test_a_bias_that_is_added_behind_goes_into_its_layer(tmp_path: Path) -> None:
    made = Builder([1, 4, 4], 13)
    made.add("Conv", made.random(2, 1, 3, 3))
    made.add("Add", made.random(1, 2, 1, 1))
    made.add("Add", made.random(2, 1, 1))
    conv, norm = read_relu(saved(made.model(), tmp_path)).layers
    assert isinstance(conv, Conv)
    assert isinstance(norm, BatchNorm)
    assert np.array_equal(conv.bias, onnx.numpy_helper.to_array(made.weights[1]).ravel())


def test_inputs_that_are_reshaped_or_transposed_first_are_taken_as_the_convolution_has_them(tmp_path: Path) -> None:
    made = Builder([12], 13)
    made.add("Reshape", made.weight(np.array([-1, 1, 3, 4], np.int64)))
    made.add("Conv", made.random(2, 1, 3, 3))
    x = np.random.default_rng(0).normal(size=(3, 12)).astype(np.float32)
    network = read_relu(saved(made.model(), tmp_path))
    assert network.input_shape == (1, 3, 4)
    assert close(network.forward(x), run_by_runtime(made.model(), x)[0], SINGLE)
    last = Builder([5, 4, 3], 13)
    last.add("Transpose", perm=[0, 3, 1, 2])
    last.add("Conv", last.random(2, 3, 3, 3))
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    network = read_relu(saved(last.model(), tmp_path))
    assert network.input_shape == (3, 5, 4)
    assert close(network.forward(x.transpose(0, 3, 1, 2)), run_by_runtime(last.model(), x)[0], SINGLE)


def test_sizes_that_the_model_leaves_open_are_given(tmp_path: Path) -> None:
    made = Builder([1, "height", "width"], 13)
    made.add("Conv", made.random(2, 1, 3, 3))
    made.add("GlobalAveragePool")
    made.add("Flatten")
    path = saved(made.model(), tmp_path)
    x = np.random.default_rng(0).normal(size=(2, 1, 6, 5)).astype(np.float32)
    assert close(read_relu(path, (1, 6, 5)).forward(x), run_by_runtime(made.model(), x)[0], SINGLE)


def test_convert_takes_an_onnx_file(tmp_path: Path) -> None:
    made = Builder([1, 6, 6], 17, 5)
    made.add("Conv", made.random(3, 1, 3, 3), made.random(3))
    made.relu()
    made.add("Flatten")
    made.dense("gemm", 48, 2)
    made.add("Softmax", axis=-1)
    path = saved(made.model(), tmp_path)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((20, 1, 6, 6)))
    words = ["convert", path, "--calibrate", tmp_path / "x.npy", "--out", tmp_path / "net.npz"]
    ended = subprocess.run(
        [sys.executable, "-m", "eventsim", *map(str, words)],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "left out: node" in ended.stdout
    assert (tmp_path / "net.npz").exists()


@pytest.mark.parametrize("pool", ["AveragePool", "MaxPool"])
def test_zeros_before_a_pool_are_values_of_it(tmp_path: Path, pool: str) -> None:
    made = Builder([2, 5, 5], 13, 6)
    made.add("Conv", made.random(3, 2, 2, 2), made.random(3))
    made.relu()
    made.pad([(1, 0), (0, 1)])
    made.add(pool, kernel_shape=[2, 2])
    x = np.random.default_rng(0).normal(size=(3, 2, 5, 5)).astype(np.float32)
    assert close(read_relu(saved(made.model(), tmp_path)).forward(x), run_by_runtime(made.model(), x)[0], SINGLE)


@pytest.mark.filterwarnings("ignore:read_relu. the model takes inputs of shape .4, 4, 4. in another order")
@pytest.mark.parametrize("sizes", [(4, 4, 4), (4, 5, 3)])
@pytest.mark.parametrize("turned_first", [True, False])
def test_branches_that_see_the_inputs_turned_and_as_they_are(tmp_path: Path, sizes: Any, turned_first: bool) -> None:
    """Also where the turned inputs have the shape that they had."""
    height, width, channels = sizes
    made = Builder(list(sizes), 13, 3)

    def turned() -> str:
        made.node("Transpose", ["x"], perm=[0, 3, 1, 2])
        made.add("Conv", made.random(3, channels, 1, 1))
        made.add("Relu")
        return made.add("Flatten")

    def plain() -> str:
        made.node("Flatten", ["x"])
        made.add("Gemm", made.random(height * width * channels, 5))
        return made.add("Relu")

    ends = [made_by() for made_by in ((turned, plain) if turned_first else (plain, turned))]
    made.node("Concat", ends, axis=1)
    made.add("Gemm", made.random(3 * height * width + 5, 2))
    x = np.random.default_rng(0).random((3, *sizes)).astype(np.float32)
    (expected,) = run_by_runtime(made.model(), x)
    try:
        network = read_relu(saved(made.model(), tmp_path))
    except MappingError as error:  # the inputs are as the first branch has them
        assert not turned_first
        assert "reshaping or transposing" in str(error)  # noqa: PT017
        return
    assert turned_first
    assert close(network.forward(np.moveaxis(x, -1, 1)), expected, SINGLE)
