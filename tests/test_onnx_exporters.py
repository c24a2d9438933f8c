"""What exporters of today and of yesterday write: old opsets, maxima with constants, stored integers, classifiers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim import simulate
from eventsim.errors import EventsimError, FileFormatError, MappingError
from eventsim.models import read_relu, to_ttfs, verify
from eventsim.models.relu.relu_network import Clip, Dense

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.references

from onnx_networks import Builder, onnx_models, run_by_runtime, saved  # noqa: E402

Array = np.ndarray[Any, Any]
SINGLE = 2e-4  # ONNX Runtime computes in float32, of the largest value
TensorProto, helper = onnx.TensorProto, onnx.helper


def close(ours: Array, theirs: Array, tolerance: float = SINGLE) -> bool:
    ours = ours.reshape(theirs.shape)
    return bool(np.abs(ours - theirs).max() <= tolerance * max(np.abs(theirs).max(), 1e-9))


def unoptimised(model: Any, x: Array) -> list[Array]:
    """As ONNX Runtime computes the nodes that there are: optimised, it rounds more, even of integers in weights alone.

    By a thousandth of the outputs (1.32, a matrix of uint8 with a scale a row).
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: list[Array] = session.run(None, {session.get_inputs()[0].name: x})
    return found


def classifier(opset: int) -> Builder:
    made = Builder([2, 6, 6], opset, 3)
    made.add("Sub", made.weight(np.array([0.25])))
    made.pad([(1, 0), (0, 1)])
    made.add("Conv", made.random(4, 2, 3, 3), made.random(4), auto_pad="SAME_LOWER", strides=[2, 1])
    made.batch_norm(4)
    made.relu()
    made.add("Dropout")
    made.add("MaxPool", kernel_shape=[2, 2], strides=[1, 2])
    made.flatten("channels last", 2)
    made.dense("gemm", 36, 5)
    made.add("Clip", min=0.0, max=0.5) if opset < 11 else made.clip(0.0, 0.5)
    made.dense("matmul add", 5, 3)
    return made


# -- opsets 7 and 8 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", [7, 8])
@pytest.mark.parametrize("ir_version", [3, 8])
def test_opsets_7_and_8_are_raised_by_onnx_and_that_is_said(tmp_path: Path, opset: int, ir_version: int) -> None:
    made = classifier(opset)
    model = made.model()
    model.ir_version = ir_version
    if ir_version == 3:  # whose weights are inputs, too
        for tensor in model.graph.initializer:
            model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    path = saved(model, tmp_path)
    x = np.random.default_rng(0).random((4, 2, 6, 6)).astype(np.float32)
    network = read_relu(path)
    assert network.provenance["opset"] == f"{opset}, raised to 9 by onnx.version_converter"
    assert close(network.forward(x), run_by_runtime(made.model(), x)[0])
    net = to_ttfs(network, x, margin=20)
    assert verify(net, network, x).ok
    assert close(simulate(net, x, engine="reference").readout, run_by_runtime(made.model(), x)[0])
    assert "opset" not in read_relu(saved(classifier(9).model(), tmp_path)).provenance


@settings(max_examples=40)
@given(onnx_models((7, 8)), st.integers(0, 2**32 - 1))
def test_random_models_of_old_opsets_are_those_of_onnx_runtime(tmp_path_factory: Any, drawn: Any, seed: int) -> None:
    made, input_shape = drawn
    x = np.random.default_rng(seed).uniform(-1, 1, (3, *input_shape)).astype(np.float32)
    network = read_relu(saved(made.model(), tmp_path_factory.mktemp("onnx")))
    assert close(network.forward(x), run_by_runtime(made.model(), x)[0])


def test_old_models_that_onnx_cannot_raise_are_refused_in_words(tmp_path: Path) -> None:
    made = Builder([4], 8)
    made.add("Upsample", mode="nearest", scales=[1.0, 2.0])
    model = made.model()
    model.graph.node[0].op_type = "NoSuchOperation"
    with pytest.raises(EventsimError, match=r"opset 8, which onnx.version_converter could not raise|is not read"):
        read_relu(saved(model, tmp_path))
    model = classifier(8).model()
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    with pytest.raises(FileFormatError, match="opset 8 with weights in other files; must hold them"):
        read_relu(tmp_path / "net.onnx")


def test_damaged_old_models_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    from fuzzed_reader import read_copies

    read_copies(saved(classifier(8).model(), tmp_path))


# -- maxima and minima, paddings of nothing ----------------------------------------------------------------------------


def extremes(made: Builder, operation: str, *values: Any, first: bool = True) -> None:
    names = [made.weight(np.asarray(value, np.float32)) for value in values]
    made.node(operation, [made.last, *names] if first else [*names, made.last])


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("operation", "values"),
    [
        ("Max", (0.0,)), ("Max", (-0.25,)), ("Min", (0.25,)), ("Max", ([[[0.0]]],)), ("Max", ()), ("Min", (0.5, 0.25)),
        ("Max", (np.linspace(-0.5, 0.5, 3).reshape(3, 1, 1),)), ("Min", (np.linspace(-0.5, 0.5, 3).reshape(3, 1, 1),)),
        ("Max", (np.linspace(-1, 1, 48).reshape(3, 4, 4), 0.125)), ("Min", (np.linspace(-1, 1, 4),)),
    ],
)  # fmt: skip
def test_maxima_and_minima_with_constants_are_read(tmp_path: Path, operation: str, values: Any, first: bool) -> None:
    made = Builder([1, 6, 6], 13, 4)
    made.add("Conv", made.random(3, 1, 3, 3), made.random(3))
    extremes(made, operation, *values, first=first)
    made.add("Flatten")
    made.dense("gemm", 48, 3)
    x = np.random.default_rng(0).uniform(0, 1, (5, 1, 6, 6)).astype(np.float32)
    network = read_relu(saved(made.model(), tmp_path))
    assert close(network.forward(x), run_by_runtime(made.model(), x)[0])
    net = to_ttfs(network, x, margin=20)
    assert verify(net, network, x).ok
    assert close(simulate(net, x, engine="reference").readout, run_by_runtime(made.model(), x)[0])


def test_a_maximum_with_0_is_the_relu_of_the_layer_before_it(tmp_path: Path) -> None:
    made = Builder([4], 13)
    made.dense("gemm", 4, 3)
    extremes(made, "Max", 0.0)
    made.dense("gemm", 3, 2)
    assert [(type(layer), layer.relu) for layer in read_relu(saved(made.model(), tmp_path)).layers] == [
        (Dense, True),
        (Dense, False),
    ]
    made = Builder([4], 13)
    made.dense("gemm", 4, 3)
    extremes(made, "Min", 6.0)
    assert isinstance(read_relu(saved(made.model(), tmp_path)).layers[-1], Clip)


def test_maxima_of_branches_are_refused(tmp_path: Path) -> None:
    made = Builder([4], 13)
    made.dense("gemm", 4, 4)
    made.node("Max", [made.last, "x"])
    with pytest.raises(MappingError, match=r"node1 \(Max\) joins two branches of the network; branches are read that"):
        read_relu(saved(made.model(), tmp_path))
    made = Builder([4], 13)
    extremes(made, "Max", np.zeros(3))
    with pytest.raises(MappingError, match=r"node0 \(Max\) has a constant of shape \(3,\) for values of shape \(4,\)"):
        read_relu(saved(made.model(), tmp_path))


@pytest.mark.parametrize("mode", ["reflect", "edge", "constant", "wrap"])
def test_a_padding_of_nothing_is_nothing_in_every_mode(tmp_path: Path, mode: str) -> None:
    made = Builder([2, 5, 5], 19, 6)
    made.add("Pad", made.weight(np.zeros(8, np.int64)), made.weight(np.array(3.0)), mode=mode)
    made.add("Conv", made.random(3, 2, 2, 2), made.random(3))
    made.add("Pad", made.weight(np.zeros(8, np.int64)), mode=mode)
    x = np.random.default_rng(0).normal(size=(3, 2, 5, 5)).astype(np.float32)
    assert close(read_relu(saved(made.model(), tmp_path)).forward(x), run_by_runtime(made.model(), x)[0])
    made.add("Pad", made.weight(np.array([0, 0, 1, 0, 0, 0, 0, 0])), mode=mode)
    made.add("Conv", made.random(3, 3, 2, 2))
    if mode != "constant":
        with pytest.raises(MappingError, match=rf"node3 \(Pad\) has mode = '{mode}', padding = .*; must be 'constant'"):
            read_relu(saved(made.model(), tmp_path))


# -- constants ---------------------------------------------------------------------------------------------------------


def filled(n_in: int, n_out: int, value: float) -> Any:
    made = Builder([n_in], 13, 1)
    shape = made.weight(np.array([n_in, n_out], np.int64))
    name = made.node(
        "ConstantOfShape", [shape], value=onnx.numpy_helper.from_array(np.array([value], np.float32), "value")
    )
    made.node("MatMul", ["x", name])
    made.relu()
    return made


def test_weights_of_one_number_may_be_as_large_as_weights_are(tmp_path: Path) -> None:
    """Files of shapes alone, as the light models of onnx, are of a few kilobytes, and have the weights of a VGG."""
    made = filled(4096, 2048, 0.5)
    x = np.random.default_rng(0).random((2, 4096)).astype(np.float32)
    assert saved(made.model(), tmp_path).stat().st_size < 1000
    assert close(read_relu(saved(made.model(), tmp_path)).forward(x), run_by_runtime(made.model(), x)[0])
    with pytest.raises(
        MappingError, match=r"node0 \(ConstantOfShape\) makes constants of more than 268,435,456 values"
    ):
        read_relu(saved(filled(1 << 14, 1 << 15, 0.5).model(), tmp_path))


@pytest.mark.parametrize(
    ("name", "n_parameters"), [("squeezenet", 1_235_496), ("resnet50", 25_636_712), ("densenet121", 8_407_336)]
)
def test_the_light_models_of_onnx_are_read(name: str, n_parameters: int) -> None:
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    network = read_relu(folder / f"light_{name}.onnx")
    assert network.n_parameters == n_parameters
    assert network.input_shape == (3, 224, 224)


# -- weights that are stored as integers -------------------------------------------------------------------------------


def stored(made: Builder, array: Array, kind: Any, axis: int | None, zero: bool, scale: Any = np.float32) -> str:
    """A weight in integers, with one scale or one a place of an axis, as a node makes floats of it."""
    info = np.iinfo(kind)
    held = made.rng.integers(info.min // 2, info.max // 2, array.shape).astype(kind)
    n = () if axis is None else (array.shape[axis],)
    scales = (made.rng.uniform(0.5, 1, n) * 2 / info.max).astype(scale)
    inputs = [made.weight(held, kind), made.weight(scales, scale)]
    if zero:
        inputs.append(made.weight(made.rng.integers(0, 5, n).astype(kind), kind))
    return made.node("DequantizeLinear", inputs, axis=axis)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int32])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_weights_in_integers_are_those_that_onnx_runtime_makes_of_them(tmp_path: Path, kind: Any, axis: Any) -> None:
    """To the last bit: the identity of 7 inputs shows the weights."""
    made = Builder([7], 21, 5)
    made.node("MatMul", ["x", stored(made, np.empty((7, 4)), kind, axis, kind != np.int32)])
    [layer] = read_relu(saved(made.model(), tmp_path)).layers
    assert isinstance(layer, Dense)
    assert np.array_equal(layer.weight.T, unoptimised(made.model(), np.eye(7, dtype=np.float32))[0].astype(np.float64))


def test_networks_whose_weights_alone_are_integers_are_read(tmp_path: Path) -> None:
    made = Builder([2, 6, 6], 21, 8)
    kernel = stored(made, np.empty((4, 2, 3, 3)), np.int8, 0, True)
    bias = stored(made, np.empty(4), np.int32, None, False)
    made.node("Conv", ["x", kernel, bias])
    made.relu()
    flat = made.add("Flatten")
    weight = stored(made, np.empty((3, 64)), np.uint8, 0, True)
    turned = made.node("Transpose", [weight], perm=[1, 0])
    made.node("MatMul", [flat, turned])
    x = np.random.default_rng(0).random((4, 2, 6, 6)).astype(np.float32)
    network = read_relu(saved(made.model(), tmp_path))
    (theirs,) = unoptimised(made.model(), x)
    assert close(network.forward(x), theirs)
    net = to_ttfs(network, x, margin=20)
    assert verify(net, network, x).ok
    assert close(simulate(net, x, engine="reference").readout, theirs)


def test_blocks_of_weights_have_scales_of_their_own(tmp_path: Path) -> None:
    made = Builder([7], 21, 5)
    held = made.rng.integers(-100, 100, (7, 4)).astype(np.int8)
    scales = made.rng.uniform(0.01, 0.02, (3, 4)).astype(np.float32)
    inputs = [made.weight(held, np.int8), made.weight(scales)]
    made.node("MatMul", ["x", made.node("DequantizeLinear", inputs, axis=0, block_size=3)])
    [layer] = read_relu(saved(made.model(), tmp_path)).layers
    assert isinstance(layer, Dense)
    by_hand = held.astype(np.float32) * scales[[0, 0, 0, 1, 1, 1, 2]]
    assert np.array_equal(layer.weight.T, by_hand.astype(np.float64))


def quantized_by_runtime(tmp_path: Path) -> Any:
    """What ONNX Runtime's own quantizer makes of a network: activations in integers, the Relu gone."""
    quantization = pytest.importorskip("onnxruntime.quantization")
    made = Builder([4], 13, 2)
    made.dense("gemm", 4, 5)
    made.relu()
    made.dense("gemm", 5, 3)
    saved(made.model(), tmp_path, "float.onnx")

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            self.left = [{"x": np.random.default_rng(k).random((8, 4)).astype(np.float32)} for k in range(3)]

        def get_next(self) -> Any:
            return self.left.pop() if self.left else None

    quantization.quantize_static(tmp_path / "float.onnx", tmp_path / "net.onnx", Reader())
    return tmp_path / "net.onnx"


@pytest.mark.filterwarnings("ignore")  # of the quantizer
def test_operations_on_integers_are_refused_by_name(tmp_path: Path) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization")
    made = Builder([4], 13, 2)
    made.node("MatMul", ["x", made.random(4, 3)])
    path = tmp_path / "net.onnx"
    quantization.quantize_dynamic(saved(made.model(), tmp_path, "float.onnx"), path)
    with pytest.raises(
        MappingError,
        match=r"\((DynamicQuantizeLinear|MatMulInteger)\) computes with activations that are integers; they are read "
        r"as floats between QuantizeLinear and DequantizeLinear; quantize the network in the QDQ format",
    ):
        read_relu(path)


@pytest.mark.filterwarnings("ignore")  # of the quantizer
def test_integers_between_layers_are_quantizers(tmp_path: Path) -> None:
    """What `quantize_static` makes; tests/test_quantized_onnx.py holds such networks against the runtime."""
    relu = read_relu(quantized_by_runtime(tmp_path))
    assert set(relu.quantizers) == {"input", "dense1", "output"}
    assert relu.quantizers["dense1"].cuts


def test_stored_integers_that_do_not_fit_their_scales_are_refused(tmp_path: Path) -> None:
    made = Builder([7], 21, 5)
    inputs = [made.weight(np.ones((7, 4), np.int8), np.int8), made.weight(np.ones(3, np.float32))]
    made.node("MatMul", ["x", made.node("DequantizeLinear", inputs)])
    with pytest.raises(
        FileFormatError, match=r"node0 \(DequantizeLinear\) has constants that do not fit \(\(3,\) scal"
    ):
        read_relu(saved(made.model(), tmp_path))


# -- classifiers -------------------------------------------------------------------------------------------------------


def test_a_model_that_ends_in_the_largest_output_is_read_up_to_that(tmp_path: Path) -> None:
    made = classifier(13)
    logits = made.last
    made.add("ArgMax", axis=1)
    network = read_relu(saved(made.model(), tmp_path))
    x = np.random.default_rng(0).random((4, 2, 6, 6)).astype(np.float32)
    assert close(network.forward(x), run_by_runtime(made.model([logits]), x)[0])
    assert network.provenance["dropped"] == [f"node{len(made.nodes) - 1} (ArgMax)"]
    assert network.provenance["output"] == "identity"


def test_a_decision_about_constants_is_no_output(tmp_path: Path) -> None:
    made = Builder([4], 13)
    made.node("ArgMax", [made.weight(np.eye(3))], axis=1)
    with pytest.raises(MappingError, match=r"ArgMax|the output 'v0' of the ONNX model"):
        read_relu(saved(made.model(), tmp_path))


def fitted(kind: str, scaler: Any = None, clip: bool = False) -> tuple[Any, Array, Array]:
    from sklearn import neural_network, pipeline, preprocessing

    rng = np.random.default_rng(0)
    x, k = rng.normal(2, 3, (60, 4)).astype(np.float32), np.arange(60)
    y: Any = {
        "three": k % 3, "two": k % 2, "text": np.array(["a", "b", "c"])[k % 3],
        "labels": np.stack([k % 2, k // 2 % 2]).T, "number": x[:, 0], "numbers": x[:, :2],
    }[kind]  # fmt: skip
    name = "MLPRegressor" if kind.startswith("number") else "MLPClassifier"
    made = getattr(neural_network, name)(hidden_layer_sizes=(6, 5), max_iter=3, random_state=1)
    if scaler is not None:
        options = {"clip": True} if clip else {}
        made = pipeline.make_pipeline(getattr(preprocessing, scaler)(**options), made)
    return made.fit(x, y), x, y


KINDS = ["three", "two", "text", "labels", "number"]


@pytest.mark.filterwarnings("ignore")  # of the three steps of training
@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_classifiers_of_skl2onnx_are_what_scikit_learn_computes(tmp_path: Path, kind: str, zipmap: bool) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    estimator, x, _ = fitted(kind)
    options = {"zipmap": zipmap} if not kind.startswith("number") else {}
    model = skl2onnx.to_onnx(estimator, x[:1], options=options or None)
    network = read_relu(saved(model, tmp_path))
    assert close(network.forward(x), read_relu(estimator).forward(x), 1e-5)
    assert network.provenance["output"] == read_relu(estimator).provenance["output"]
    dropped = network.provenance.get("dropped", [])
    assert bool(dropped) is not kind.startswith("number")


@pytest.mark.filterwarnings("ignore")
def test_a_reshaping_that_joins_samples_is_refused(tmp_path: Path) -> None:
    """As skl2onnx 1.20 writes it behind regressors of several outputs: (n, 2) becomes (2 n, 1)."""
    skl2onnx = pytest.importorskip("skl2onnx")
    estimator, x, _ = fitted("numbers")
    with pytest.raises(
        MappingError, match=r"\(Reshape\) gives values of shape \(1, 2\) the shape \(-1, 1\); must keep"
    ):
        read_relu(saved(skl2onnx.to_onnx(estimator, x[:1]), tmp_path))


SCALERS = ["StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("scaler", "clip"), [*((one, False) for one in SCALERS), ("MinMaxScaler", True)])
@pytest.mark.parametrize("kind", ["three", "two", "number"])
def test_scalers_of_skl2onnx_are_read(tmp_path: Path, scaler: str, clip: bool, kind: str) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    estimator, x, _ = fitted(kind, scaler, clip)
    x = np.vstack([x, 1.5 * x]).astype(np.float32)  # beyond what was seen, where clips act
    network = read_relu(saved(skl2onnx.to_onnx(estimator, x[:1]), tmp_path))
    scaled = estimator[:-1].transform(x)
    assert close(network.forward(x), read_relu(estimator[-1]).forward(scaled), 1e-5)
    net = to_ttfs(network, x, windows="certified", input_range=(float(x.min()), float(x.max())))
    assert verify(net, network, x).ok


@pytest.mark.filterwarnings("ignore")
def test_other_steps_of_skl2onnx_are_refused_by_name(tmp_path: Path) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    estimator, x, _ = fitted("three", "Normalizer")
    with pytest.raises(MappingError, match=r"\(Normalizer\) is of the domain 'ai.onnx.ml', which is not read; support"):
        read_relu(saved(skl2onnx.to_onnx(estimator, x[:1]), tmp_path))


def test_labels_of_text_do_not_have_to_be_numbers(tmp_path: Path) -> None:
    made = Builder([4], 13)
    made.dense("gemm", 4, 3)
    model = made.model()
    model.graph.initializer.append(helper.make_tensor("labels", TensorProto.STRING, [2], ["a", "b"]))
    assert read_relu(saved(model, tmp_path)).n_out == 3
    model.graph.initializer[-1].dims[0] = 3
    with pytest.raises(FileFormatError, match=r"labels has shape \(3,\) and holds 2 texts; must fit"):
        read_relu(saved(model, tmp_path))
    with_text = Builder([4], 13)
    with_text.add("Add", "labels")
    model = with_text.model()
    model.graph.initializer.append(helper.make_tensor("labels", TensorProto.STRING, [4], list("abcd")))
    with pytest.raises(MappingError, match=r"node0 \(Add\) constant has type <U1; must be floating"):
        read_relu(saved(model, tmp_path))


def test_convert_says_that_a_model_was_raised(tmp_path: Path) -> None:
    path = saved(classifier(8).model(), tmp_path)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((20, 2, 6, 6)))
    words = ["convert", str(path), "--calibrate", str(tmp_path / "x.npy")]
    command = [sys.executable, "-m", "eventsim", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "opset: 8, raised to 9 by onnx.version_converter" in ended.stdout
    told = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert told["provenance"]["opset"] == "8, raised to 9 by onnx.version_converter"
