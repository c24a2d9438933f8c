"""Each layer, module and function that the readers list is read once by itself, and computes what its framework does.

Random networks over all of them are in the tests of each reader; here none can be forgotten: the tables are compared.
"""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from eventsim import simulate
from eventsim.models import read_relu, to_ttfs
from eventsim.models.readers.keras_layers import KERAS_LAYERS, KERAS_OPERATIONS
from eventsim.models.readers.read_onnx import ONNX_OPERATIONS, ONNX_OUTPUTS
from eventsim.models.readers.torch_functions import TORCH_FUNCTIONS, TORCH_JOINS
from eventsim.models.readers.torch_modules import TORCH_MODULES

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
pytest.importorskip("h5py")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras", exc_type=ImportError)
from keras import layers as L  # noqa: E402, N812
from onnx_networks import Builder, onnx_models, run_by_runtime, saved  # noqa: E402
from test_onnx_cases import AT_LEAST  # noqa: E402
from torch import nn  # noqa: E402
from torch_networks import outputs_of, randomised  # noqa: E402

pytestmark = pytest.mark.references
F = nn.functional
Array = np.ndarray[Any, Any]
ROW, LINE, IMAGE = (6,), (2, 6), (2, 6, 6)
SINGLE = 1e-5  # Keras computes in float32
OUTPUT_FUNCTIONS = ("softmax", "log_softmax", "sigmoid", "Softmax", "LogSoftmax", "Sigmoid")


def without_output(name: str, theirs: Array) -> Array:
    """Logits, from what a function behind them made of them, but for a constant."""
    if name.lower() == "sigmoid":
        return np.log(theirs / (1 - theirs))
    logits = theirs if "og" in name else np.log(theirs)
    return logits - logits.mean(axis=1, keepdims=True)


def ended(name: str, module: Any, shape: tuple[int, ...]) -> Any:
    """The module and a dense layer behind it, unless it ends in a function of the outputs."""
    module = module.double()
    if name in OUTPUT_FUNCTIONS:
        return module
    n = outputs_of(module, np.zeros((2, *shape)))[0].size
    return randomised(nn.Sequential(module, nn.Flatten(), nn.Linear(n, 3)), 2)


def check(name: str, source: Any, x: Array, theirs: Array, shape: Any = None, tolerance: float = 1e-12) -> None:
    """Forward pass and read-out of the spikes against what a framework gives."""
    network = read_relu(source, shape)
    ours = network.forward(x)
    theirs = theirs.reshape(ours.shape)
    if name in OUTPUT_FUNCTIONS:
        assert network.provenance["dropped"]
        theirs = without_output(name, theirs)
        ours = ours if name.lower() == "sigmoid" else ours - ours.mean(axis=1, keepdims=True)
    assert np.abs(ours - theirs).max() <= tolerance * max(1.0, np.abs(theirs).max()), name
    net = to_ttfs(network, x, margin=30, input_range=(-1, 1))
    run = simulate(net, x, engine="reference")
    assert np.abs(run.readout - network.forward(x)).max() <= 1e-11 * max(1.0, np.abs(theirs).max()), name


class Calling(nn.Module):  # type: ignore[misc]
    """A module that calls a function of itself and its input, with some weights to take."""

    def __init__(self, call: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.call = call
        for name, shape in {
            "line": (3, 2, 3), "image": (3, 2, 3, 3), "matrix": (4, 6), "three": (3,), "four": (4,), "two": (2,),
            "six": (6,), "square": (6, 6),
        }.items():  # fmt: skip
            self.register_buffer(name, torch.rand(shape, generator=generator) + 0.25)

    def forward(self, x: Any) -> Any:
        return self.call(self, x)


Call = Callable[[Any, Any], Any]
FUNCTIONS: dict[str, tuple[tuple[int, ...], Call]] = {
    "linear": (ROW, lambda m, x: F.linear(x, m.matrix, m.four)),
    "batch_norm": (LINE, lambda m, x: F.batch_norm(x, m.two, m.two, m.two, m.two)),
    "matmul": (ROW, lambda m, x: x @ m.matrix.T),
    "mm": (ROW, lambda m, x: torch.mm(x, m.square)),
    "addmm": (ROW, lambda m, x: torch.addmm(m.four, x, m.matrix.t(), beta=0.5, alpha=2.0)),
    "t": (ROW, lambda m, x: torch.matmul(x, torch.t(m.matrix))),
    "to": (ROW, lambda m, x: x.to(m.six.dtype).to("cpu").to(dtype=torch.float64)),
    "relu": (ROW, lambda m, x: F.relu(F.linear(x, m.matrix))),
    "relu6": (ROW, lambda m, x: F.relu6(20 * x)),
    "hardtanh": (ROW, lambda m, x: F.hardtanh(x, -0.25, 0.5)),
    "clamp": (ROW, lambda m, x: x.clamp(max=0.25)),
    "clamp_min": (ROW, lambda m, x: torch.clamp_min(x, -0.25)),
    "clamp_max": (ROW, lambda m, x: x.clamp_max(0.25)),
    "maximum": (LINE, lambda m, x: torch.maximum(x, m.two[:, None] - 0.75)),
    "minimum": (ROW, lambda m, x: torch.minimum(torch.maximum(x, torch.zeros(())), m.six)),
    "leaky_relu": (ROW, lambda m, x: F.leaky_relu(x, 0.25)),
    "prelu": (LINE, lambda m, x: F.prelu(x, m.two)),
    "abs": (ROW, lambda m, x: torch.abs(x)),
    "mean": (IMAGE, lambda m, x: x.mean((2, 3))),
    "flatten": (LINE, lambda m, x: torch.flatten(x, 1)),
    "view": (LINE, lambda m, x: x.view(-1, 12)),
    "reshape": (LINE, lambda m, x: torch.reshape(x, (-1, 12))),
    "permute": (LINE, lambda m, x: x.permute(0, 2, 1)),
    "transpose": (LINE, lambda m, x: torch.transpose(x, 1, 2).flatten(1)),
    "squeeze": (ROW, lambda m, x: torch.relu(x).unsqueeze(1).squeeze(1)),
    "unsqueeze": (ROW, lambda m, x: F.max_pool1d(x.unsqueeze(1), 2).flatten(1)),
    "pad": (LINE, lambda m, x: F.conv1d(F.pad(x, (1, 2)), m.line)),
    "neg": (ROW, lambda m, x: torch.neg(x)),
    "softmax": (ROW, lambda m, x: F.softmax(F.linear(x, m.matrix), 1)),
    "log_softmax": (ROW, lambda m, x: F.log_softmax(F.linear(x, m.matrix), dim=-1)),
    "sigmoid": (ROW, lambda m, x: torch.sigmoid(F.linear(x, m.matrix))),
    "conv1d": (LINE, lambda m, x: F.conv1d(x, m.line, m.three, 2, 1)),
    "conv2d": (IMAGE, lambda m, x: F.conv2d(x, m.image, m.three, 1, "same", 2)),
    "max_pool1d": (LINE, lambda m, x: F.max_pool1d(x, 3, 2, 1, 1, True)),
    "max_pool2d": (IMAGE, lambda m, x: F.max_pool2d(x, (3, 2), 2)),
    "avg_pool1d": (LINE, lambda m, x: F.avg_pool1d(x, 3, 2, 1, False, False)),
    "avg_pool2d": (IMAGE, lambda m, x: F.avg_pool2d(x, (3, 2), 2, (1, 0))),
    "adaptive_avg_pool1d": (LINE, lambda m, x: F.adaptive_avg_pool1d(x, 2)),
    "adaptive_avg_pool2d": (IMAGE, lambda m, x: F.adaptive_avg_pool2d(x, (3, 1))),
    "adaptive_max_pool1d": (LINE, lambda m, x: F.adaptive_max_pool1d(x, 2)),
    "adaptive_max_pool2d": (IMAGE, lambda m, x: F.adaptive_max_pool2d(x, 2)),
    "dropout": (ROW, lambda m, x: F.dropout(x, 0.5, False)),
    "dropout1d": (LINE, lambda m, x: F.dropout1d(x, 0.5, training=False)),
    "dropout2d": (IMAGE, lambda m, x: F.dropout2d(x, 0.5, False)),
    "alpha_dropout": (ROW, lambda m, x: F.alpha_dropout(x, 0.5, False)),
    "feature_alpha_dropout": (LINE, lambda m, x: F.feature_alpha_dropout(x, 0.5, False)),
    "contiguous": (ROW, lambda m, x: x.contiguous()),
    "clone": (ROW, lambda m, x: x.clone()),
    "detach": (ROW, lambda m, x: x.detach()),
    "double": (ROW, lambda m, x: x.double()),
    "add": (ROW, lambda m, x: torch.add(x, m.six)),
    "sub": (ROW, lambda m, x: x - m.six),
    "subtract": (LINE, lambda m, x: torch.subtract(x, 1.5)),
    "mul": (ROW, lambda m, x: x * m.six),
    "multiply": (ROW, lambda m, x: torch.multiply(x, 0.5)),
    "truediv": (ROW, lambda m, x: x / m.six),
    "div": (ROW, lambda m, x: x.div(4.0)),
    "divide": (ROW, lambda m, x: torch.divide(x, m.six)),
    "cat": (ROW, lambda m, x: torch.cat([x, torch.abs(x)], 1)),
    "concat": (LINE, lambda m, x: torch.concat([x, F.relu(x)], 1)),
    "concatenate": (ROW, lambda m, x: torch.concatenate((x, x), dim=-1)),
}  # fmt: skip
# Of constants alone, and what changes the width of floats.
NOT_CALLED = {"floordiv", "floor_divide", "float", "iadd", "isub", "imul", "itruediv"}


def test_no_function_of_torch_is_forgotten() -> None:
    assert set(FUNCTIONS) == {*TORCH_FUNCTIONS, *TORCH_JOINS} - NOT_CALLED


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_torch(name: str) -> None:
    shape, call = FUNCTIONS[name]
    module = ended(name, Calling(call), shape)
    x = np.random.default_rng(0).uniform(-1, 1, (3, *shape))
    check(name, module, x, outputs_of(module, x), shape)


MODULES: dict[str, tuple[tuple[int, ...], list[Any]]] = {
    "Linear": (ROW, [nn.Linear(6, 4)]),
    "Conv1d": (LINE, [nn.Conv1d(2, 4, 3, 2, 1, groups=2)]),
    "Conv2d": (IMAGE, [nn.Conv2d(2, 3, (3, 1), padding=1, dilation=2)]),
    "BatchNorm1d": (ROW, [nn.BatchNorm1d(6)]),
    "BatchNorm2d": (IMAGE, [nn.BatchNorm2d(2)]),
    "ReLU": (ROW, [nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)]),
    "LeakyReLU": (ROW, [nn.LeakyReLU(0.2)]),
    "PReLU": (LINE, [nn.PReLU(2, 0.3)]),
    "ReLU6": (ROW, [nn.ReLU6()]),
    "Hardtanh": (ROW, [nn.Hardtanh(-0.25, 0.5)]),
    "MaxPool1d": (LINE, [nn.MaxPool1d(3, 1, 1)]),
    "MaxPool2d": (IMAGE, [nn.MaxPool2d(2, dilation=2)]),
    "AvgPool1d": (LINE, [nn.AvgPool1d(2)]),
    "AvgPool2d": (IMAGE, [nn.AvgPool2d(3, 1, 1)]),
    "AdaptiveAvgPool1d": (LINE, [nn.AdaptiveAvgPool1d(3)]),
    "AdaptiveAvgPool2d": (IMAGE, [nn.AdaptiveAvgPool2d(2)]),
    "AdaptiveMaxPool1d": (LINE, [nn.AdaptiveMaxPool1d(3)]),
    "AdaptiveMaxPool2d": (IMAGE, [nn.AdaptiveMaxPool2d((1, 2))]),
    "ZeroPad1d": (LINE, [nn.ZeroPad1d((0, 2)), nn.Conv1d(2, 2, 3)]),
    "ZeroPad2d": (IMAGE, [nn.ZeroPad2d((0, 2, 1, 0)), nn.Conv2d(2, 2, 3)]),
    "ConstantPad1d": (LINE, [nn.ConstantPad1d(1, 0.0), nn.Conv1d(2, 2, 3)]),
    "ConstantPad2d": (IMAGE, [nn.ConstantPad2d((1, 0, 0, 1), 0.0), nn.Conv2d(2, 2, 3)]),
    **{  # which are read where they pad nothing
        f"{name}Pad{n}d": (shape, [getattr(nn, f"{name}Pad{n}d")(0), conv(2, 2, 3, padding_mode="reflect")])
        for name in ("Reflection", "Replication", "Circular")
        for n, shape, conv in ((1, LINE, nn.Conv1d), (2, IMAGE, nn.Conv2d))
    },
    "Flatten": (IMAGE, [nn.Flatten()]),
    "Identity": (ROW, [nn.Identity()]),
    **{
        name: (IMAGE, [getattr(nn, name)()]) for name in ("Dropout", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout")
    },
    "Dropout1d": (LINE, [nn.Dropout1d()]),
    "Dropout3d": (IMAGE, [nn.Dropout3d()]),
    "Softmax": (ROW, [nn.Linear(6, 4), nn.Softmax(1)]),
    "LogSoftmax": (ROW, [nn.Linear(6, 4), nn.LogSoftmax(-1)]),
    "Sigmoid": (ROW, [nn.Linear(6, 4), nn.Sigmoid()]),
}


def test_no_module_of_torch_is_forgotten() -> None:
    assert set(MODULES) == set(TORCH_MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_modules_of_torch(name: str) -> None:
    shape, listed = MODULES[name]
    module = ended(name, randomised(nn.Sequential(*listed), 2), shape)
    x = np.random.default_rng(0).uniform(-1, 1, (3, *shape))
    check(name, module, x, outputs_of(module, x), shape)


Making = Callable[[], list[Any]]
KERAS: dict[str, tuple[tuple[int, ...], Making]] = {
    "Dense": (ROW, lambda: [L.Dense(4)]),
    "Conv1D": ((6, 2), lambda: [L.Conv1D(3, 3, padding="same", dilation_rate=2)]),
    "Conv2D": ((6, 6, 2), lambda: [L.Conv2D(4, (3, 2), 2, "same", groups=2)]),
    "DepthwiseConv1D": ((6, 2), lambda: [L.DepthwiseConv1D(3, depth_multiplier=2)]),
    "DepthwiseConv2D": ((6, 6, 2), lambda: [L.DepthwiseConv2D(3, padding="same")]),
    "SeparableConv1D": ((6, 2), lambda: [L.SeparableConv1D(3, 3, padding="same", dilation_rate=2)]),
    "SeparableConv2D": ((6, 6, 2), lambda: [L.SeparableConv2D(3, 3, 2, "same", depth_multiplier=2, use_bias=False)]),
    "BatchNormalization": ((6, 2), lambda: [L.BatchNormalization()]),
    "Normalization": ((6, 2), lambda: [L.Normalization(mean=[0.5, -0.5], variance=[1.0, 2.0])]),
    "Rescaling": ((6, 2), lambda: [L.Rescaling(0.5, -0.25)]),
    "ReLU": (ROW, lambda: [L.Dense(4), L.ReLU(0.5)]),
    "LeakyReLU": (ROW, lambda: [L.LeakyReLU()]),
    "PReLU": (ROW, lambda: [L.Dense(4), L.PReLU("random_normal")]),
    "Activation": (ROW, lambda: [L.Dense(4), L.Activation("relu6"), L.Dense(2)]),
    "MaxPooling1D": ((6, 2), lambda: [L.MaxPooling1D(3, 2, "same")]),
    "MaxPooling2D": ((6, 6, 2), lambda: [L.MaxPooling2D((2, 3))]),
    "AveragePooling1D": ((6, 2), lambda: [L.AveragePooling1D(3, 1, "same")]),
    "AveragePooling2D": ((6, 6, 2), lambda: [L.AveragePooling2D(2)]),
    "GlobalMaxPooling1D": ((6, 2), lambda: [L.GlobalMaxPooling1D()]),
    "GlobalMaxPooling2D": ((6, 6, 2), lambda: [L.GlobalMaxPooling2D(keepdims=True)]),
    "GlobalAveragePooling1D": ((6, 2), lambda: [L.GlobalAveragePooling1D()]),
    "GlobalAveragePooling2D": ((6, 6, 2), lambda: [L.GlobalAveragePooling2D()]),
    "ZeroPadding1D": ((6, 2), lambda: [L.ZeroPadding1D((1, 2)), L.Conv1D(2, 3)]),
    "ZeroPadding2D": ((6, 6, 2), lambda: [L.ZeroPadding2D(((0, 1), (2, 0))), L.Conv2D(2, 3)]),
    "Flatten": ((6, 6, 2), lambda: [L.Flatten(), L.Dense(3)]),
    "Reshape": ((3, 2, 2), lambda: [L.Reshape((6, 2)), L.Conv1D(2, 3)]),
    "Permute": ((6, 2), lambda: [L.Permute((2, 1)), L.Flatten(), L.Dense(3)]),
    "Softmax": (ROW, lambda: [L.Dense(4), L.Softmax()]),
    "Dropout": (ROW, lambda: [L.Dense(4), L.Dropout(0.5)]),
    "SpatialDropout1D": ((6, 2), lambda: [L.SpatialDropout1D(0.5), L.Flatten(), L.Dense(3)]),
    "SpatialDropout2D": ((6, 6, 2), lambda: [L.SpatialDropout2D(0.5), L.Flatten(), L.Dense(3)]),
    "AlphaDropout": (ROW, lambda: [L.AlphaDropout(0.5), L.Dense(3)]),
    "GaussianDropout": (ROW, lambda: [L.GaussianDropout(0.5), L.Dense(3)]),
    "GaussianNoise": (ROW, lambda: [L.GaussianNoise(0.5), L.Dense(3)]),
    "ActivityRegularization": (ROW, lambda: [L.ActivityRegularization(), L.Dense(3)]),
    "Identity": (ROW, lambda: [L.Identity(), L.Dense(3)]),
}
JOINED = {"Add", "Subtract", "Concatenate"}


def test_no_layer_of_keras_is_forgotten() -> None:
    assert {*KERAS, *JOINED, "InputLayer"} == set(KERAS_LAYERS)


@pytest.mark.parametrize("name", [*KERAS, *sorted(JOINED)])
def test_layers_of_keras(tmp_path: Path, name: str) -> None:
    shape, made = KERAS.get(name, (ROW, list))
    given = L.Input(shape)
    held = given
    for layer in made():
        held = layer(held)
    if name in JOINED:
        held = getattr(L, name)()([given, L.Dense(6)(given)])
    if len(held.shape) > 2:  # or the outputs would be in the order of Keras
        held = L.Dense(3)(L.Flatten()(held))
    model = keras.Model(given, held)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(0.25, 1, weight.shape))
    x = rng.uniform(-1, 1, (3, *shape))
    theirs = model(x, training=False).detach().numpy()
    model.save(tmp_path / "net.keras")
    x = x.reshape(3, 6, 2) if name == "Reshape" else x
    turned = np.moveaxis(x, -1, 1)  # not by a network that begins with a flattening
    x = turned if read_relu(tmp_path / "net.keras").input_shape == turned.shape[1:] else x
    check(name, tmp_path / "net.keras", x, theirs, tolerance=SINGLE)


OPERATIONS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "Relu": ((6, 6, 2), lambda x: keras.ops.relu(L.Conv2D(3, 3)(x))),
    "Relu6": (ROW, lambda x: keras.ops.relu6(20 * L.Dense(4)(x))),
    "Clip": (ROW, lambda x: keras.ops.clip(x, -0.25, 0.5)),
    "LeakyRelu": ((6, 2), lambda x: keras.ops.leaky_relu(L.Conv1D(3, 3)(x), 0.1)),
    "Absolute": (ROW, keras.ops.absolute),
    "Maximum": (ROW, lambda x: keras.ops.maximum(x, 0.25)),
    "Minimum": (ROW, lambda x: keras.ops.minimum(0.25, x)),
    "Add": (ROW, lambda x: 1.5 + x),
    "Subtract": (ROW, lambda x: 1 - (x - L.Dense(6)(x))),
    "Multiply": (ROW, lambda x: 2 * x),
    "Divide": (ROW, lambda x: keras.ops.divide(x, 4)),
    "TrueDivide": (ROW, lambda x: keras.ops.true_divide(x, 4)),
    "Concatenate": ((6, 2), lambda x: keras.ops.concatenate([x, keras.ops.relu(L.Conv1D(3, 1)(x))], axis=-1)),
    "Reshape": ((3, 2), lambda x: keras.ops.reshape(L.ReLU()(x), (-1, 6))),
    "Transpose": ((3, 2), lambda x: keras.ops.transpose(L.Conv1D(3, 1)(x), (0, 2, 1))),
    "Softmax": (ROW, lambda x: keras.ops.softmax(L.Dense(3)(x))),
    "LogSoftmax": (ROW, lambda x: keras.ops.log_softmax(L.Dense(3)(x), axis=-1)),
    "Sigmoid": (ROW, lambda x: keras.ops.sigmoid(L.Dense(3)(x))),
}


def test_no_function_of_keras_is_forgotten() -> None:
    assert set(OPERATIONS) == set(KERAS_OPERATIONS)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_functions_of_keras(tmp_path: Path, name: str, suffix: str) -> None:
    shape, call = OPERATIONS[name]
    given = L.Input(shape)
    held = call(given)
    if name not in OUTPUT_FUNCTIONS:
        held = L.Dense(3)(L.Flatten()(held) if len(held.shape) > 2 else held)
    model = keras.Model(given, held)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(-0.5, 1, weight.shape))
    path = tmp_path / f"net{suffix}"
    model.save(path)
    if suffix == ".keras":  # the file names the class, unless Keras has another for the function
        assert name == "TrueDivide" or f'"class_name": "{name}"' in zipfile.ZipFile(path).read("config.json").decode()
    x = rng.uniform(-1, 1, (3, *shape))
    theirs = model(x, training=False).detach().numpy()
    turned = np.moveaxis(x, -1, 1)
    x = turned if read_relu(path).input_shape == turned.shape[1:] else x
    check(name, path, x, theirs, tolerance=SINGLE)


def constants(made: Builder) -> None:
    """Shapes computed by nodes: [n, 2, 36] = [shape[0:1], 2 of ConstantOfShape, -1], in integers that are cast."""
    start = made.last
    size = made.node("Shape", [start])
    whole = [made.weight(np.array([number], np.int64)) for number in (0, 1, 0)]
    samples = made.node("Slice", [size, *whole])
    length = made.weight(np.array([1], np.int64))
    two = made.node("ConstantOfShape", [length])
    two = made.node("Cast", [made.node("Add", [two, made.weight(np.array([2.0], np.float32))])], to=7)
    rest = made.weight(np.array([-1], np.int64))
    made.last = made.node("Reshape", [start, made.node("Concat", [samples, two, rest], axis=0)])


def from_a_node(made: Builder) -> None:
    """A constant that a node holds, and no initializer."""
    start = made.last
    held = made.node("Constant", [], value_float=0.5)
    made.last = made.node("Mul", [start, held])


def stored(made: Builder) -> None:
    """Weights that are kept as integers."""
    kernel = made.weight(made.rng.integers(-128, 128, (2, 2, 1, 1)), np.int8)
    held = made.node("DequantizeLinear", [kernel, made.weight(np.array([0.01, 0.02]))], axis=0)
    made.node("Conv", ["x", held])


ONNX: dict[str, Callable[[Builder], Any]] = {
    "Constant": from_a_node,
    "Identity": lambda made: made.add("Identity"),
    "Sum": lambda made: joined(made, "Sum", 3),
    "Add": lambda made: joined(made, "Add", 2),
    "Sub": lambda made: joined(made, "Sub", 2),
    "Concat": lambda made: joined(made, "Concat", 2, axis=1),
    "Mul": lambda made: made.add("Mul", made.weight(made.rng.uniform(0.5, 1, (2, 1, 1)))),
    "Div": lambda made: made.add("Div", made.weight(np.array(0.5))),
    "ConstantOfShape": constants,
    "DequantizeLinear": stored,
    "Max": lambda made: made.add("Max", made.weight(made.rng.uniform(-0.5, 0.5, (2, 1, 1)))),
    "Min": lambda made: made.add("Min", made.weight(np.array(0.25)), made.weight(np.array(0.5))),
    "LeakyRelu": lambda made: made.add("LeakyRelu"),
    "Abs": lambda made: made.add("Abs"),
}


def joined(made: Builder, operation: str, n: int, **attributes: Any) -> None:
    """Several functions of the last value, joined."""
    start = made.last
    parts = [start, made.node("Relu", [start]), made.node("Abs", [start])][:n]
    made.last = made.node(operation, parts, **attributes)


def made_of(name: str) -> Builder:
    """A network with the operation, a flattening and a dense layer."""
    made = Builder(IMAGE, 13, 0)
    ONNX[name](made)
    made.add("Flatten")
    made.dense("gemm", 144 if name == "Concat" else 72, 3)
    return made


@pytest.mark.parametrize("name", ONNX)
def test_operations_of_onnx(tmp_path: Path, name: str) -> None:
    made = made_of(name)
    x = np.random.default_rng(0).uniform(-1, 1, (3, *IMAGE)).astype(np.float32)
    (theirs,) = run_by_runtime(made.model(), x)
    network = read_relu(saved(made.model(), tmp_path))
    assert np.abs(network.forward(x.reshape(3, *network.input_shape)) - theirs).max() <= 1e-5


def test_no_operation_of_onnx_is_forgotten() -> None:
    """Each is computed here, in the random models that are held against ONNX Runtime, or in the cases of onnx."""
    computed = set(AT_LEAST) | {node.op_type for name in ONNX for node in made_of(name).model().graph.node}

    @settings(max_examples=200, derandomize=True, database=None)
    @given(onnx_models())
    def gather(drawn: tuple[Builder, Any]) -> None:
        computed.update(node.op_type for node in drawn[0].model().graph.node)

    gather()
    # The scalers of skl2onnx are in test_onnx_exporters.py, with what made them; quantized models in
    # test_quantized_onnx.py, with the quantizer of ONNX Runtime.
    assert {*ONNX_OPERATIONS, *ONNX_OUTPUTS} - computed == {"Scaler", "QuantizeLinear"}
