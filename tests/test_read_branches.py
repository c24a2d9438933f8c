"""Networks with branches, of PyTorch, ONNX files and Keras files, compute what these compute, as spikes too."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import models

os.environ.setdefault("KERAS_BACKEND", "torch")
torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional

pytestmark = [pytest.mark.references, pytest.mark.filterwarnings("ignore")]

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-13  # of the largest value: sums of some dozen products
SINGLE = 1e-5  # of frameworks that round to float32


class Block(nn.Module):  # type: ignore[name-defined,misc]
    """Of He et al. 2016: two convolutions, and the way past them, with a convolution where sizes change."""

    def __init__(self, n_in: int, n_out: int, stride: int = 1) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out)
        self.second, self.norm2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False), nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU(inplace=True)
        past = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))
        self.past = past if stride > 1 or n_in != n_out else None

    def forward(self, x: Any) -> Any:
        found = self.norm2(self.second(self.relu(self.norm(self.first(x)))))
        found += x if self.past is None else self.past(x)
        return self.relu(found)


class Residual(nn.Module):  # type: ignore[name-defined,misc]
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.pool = nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.MaxPool2d(2)
        self.blocks = nn.Sequential(Block(4, 4), Block(4, 6, 2), Block(6, 6))
        self.last = nn.Linear(6, 5)

    def forward(self, x: Any) -> Any:
        x = self.blocks(self.pool(functional.relu(self.norm(self.first(x)))))
        return self.last(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class PreActivated(nn.Module):  # type: ignore[name-defined,misc]
    """Sums that no ReLU cuts, which each block takes behind a batch norm of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(4) for _ in range(5)])
        self.convolutions = nn.ModuleList([nn.Conv2d(4, 4, 3, padding=1) for _ in range(4)])
        self.last = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        for i in (0, 2):
            y = self.convolutions[i](functional.relu(self.norms[i](x)))
            x = x + self.convolutions[i + 1](functional.relu(self.norms[i + 1](y)))
        return self.last(functional.relu(self.norms[4](x)).mean((2, 3)))


class Dense(nn.Module):  # type: ignore[name-defined,misc]
    """Of Huang et al. 2017: each layer takes all before it."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList([nn.Conv2d(n, m, 3, padding=1) for n, m in ((3, 4), (4, 3), (7, 3))])
        self.norms = nn.ModuleList([nn.BatchNorm2d(n) for n in (4, 7, 10)])
        self.last = nn.Linear(10 * 9, 3)

    def forward(self, x: Any) -> Any:
        x = self.convolutions[0](x)
        for i in (0, 1):
            x = torch.cat([x, self.convolutions[i + 1](functional.relu(self.norms[i](x)))], 1)
        return self.last(functional.max_pool2d(functional.relu(self.norms[2](x)), 2).flatten(1))


class Inception(nn.Module):  # type: ignore[name-defined,misc]
    """Convolutions of several widths side by side, and behind them one in groups that are not theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = nn.ModuleList([nn.Conv2d(3, m, k, padding=k // 2) for m, k in ((2, 1), (3, 3), (2, 5))])
        self.grouped, self.last = nn.Conv2d(10, 4, 3, groups=2), nn.Linear(64, 3)

    def forward(self, x: Any) -> Any:
        sides = [functional.relu(side(x)) for side in self.sides]
        joined = torch.cat([*sides, functional.max_pool2d(x, 3, 1, 1)], dim=1)
        return self.last(functional.relu(self.grouped(joined)).flatten(1))


class Differences(nn.Module):  # type: ignore[name-defined,misc]
    """Dense layers: a difference of values that no ReLU has cut, which another takes, too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(16, 4)

    def forward(self, x: Any) -> Any:
        held = self.first(x)
        cut = functional.relu(held)
        return self.last(torch.cat((cut, functional.relu(self.second(cut) - held)), -1))


class Mobile(nn.Module):  # type: ignore[name-defined,misc]
    """Of Sandler et al. 2018: ReLU6, depthwise convolutions, and sums that no ReLU has cut."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU6())
        self.blocks = nn.ModuleList([self.block(4, 4), self.block(4, 4), self.block(4, 4)])
        self.last = nn.Linear(4, 3)

    def block(self, n_in: int, n_out: int) -> Any:
        n = 2 * n_in
        return nn.Sequential(
            nn.Conv2d(n_in, n, 1, bias=False), nn.BatchNorm2d(n), nn.ReLU6(),
            nn.Conv2d(n, n, 3, 1, 1, groups=n, bias=False), nn.BatchNorm2d(n), nn.ReLU6(),
            nn.Conv2d(n, n_out, 1, bias=False), nn.BatchNorm2d(n_out),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        x = self.blocks[0](self.first(x))
        for block in (self.blocks[1], self.blocks[2]):
            x = x + block(x)
        return self.last(functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Scales(nn.Module):  # type: ignore[name-defined,misc]
    """Leaky ReLUs and max pools, one in ceil mode; features of two sizes, flattened side by side; an integer mean."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(1))
        self.first, self.norm = nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.second, self.third = nn.Conv2d(4, 3, 3), nn.Conv2d(4, 2, 2)
        self.leaky, self.last = nn.LeakyReLU(0.1), nn.Linear(30, 3)

    def forward(self, x: Any) -> Any:
        x = functional.max_pool2d(self.leaky(self.norm(self.first(x - self.mean))), 3, 2, ceil_mode=True)
        y = self.third(x)  # without any activation
        return self.last(torch.cat([self.leaky(self.second(x)).flatten(1), y.flatten(1)], 1))


MADE = [
    (Residual, (3, 12, 12)),
    (PreActivated, (3, 6, 6)),
    (Dense, (3, 6, 6)),
    (Inception, (3, 6, 6)),
    (Differences, (6,)),
    (Mobile, (3, 8, 8)),
    (Scales, (3, 8, 8)),
]


def trained(kind: Any) -> Any:
    """The module in float64, with statistics as after training, negative scales included."""
    torch.manual_seed(7)
    module = kind().double()
    for one in module.modules():
        if isinstance(one, nn.BatchNorm2d):
            one.running_mean.normal_(0, 0.3)
            one.running_var.uniform_(0.5, 2)
            one.weight.data.normal_(0.2, 1)
            one.bias.data.normal_(0, 0.3)
    return module.eval()


def wanted(module: Any, x: Array) -> Array:
    with torch.no_grad():
        found: Array = module(torch.tensor(x)).numpy()
    return found


@pytest.mark.parametrize(("kind", "shape"), MADE)
@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_branches_of_torch_are_exact_as_spikes(kind: Any, shape: Any, slope: str) -> None:
    module = trained(kind)
    x = np.random.default_rng(1).random((4, *shape))
    relu = models.read_relu(module, shape)
    expected = wanted(module, x)
    assert np.abs(relu.forward(x) - expected).max() <= TOLERANCE * np.abs(expected).max()
    net = models.to_ttfs(relu, x, slope, windows="certified")
    assert models.certify(net, x).ok
    run = eventsim.simulate(net, x, engine="reference", error_bounds=True)
    report = models.verify(net, relu, x, run)
    assert report.ok, str(report)
    assert np.abs(run.readout - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize(("kind", "shape"), MADE)
def test_branches_of_onnx_files_are_those_of_onnx_runtime(kind: Any, shape: Any, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    module = trained(kind).float()
    x = np.random.default_rng(2).random((3, *shape)).astype(np.float32)
    path = tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (torch.from_numpy(x),), path, input_names=["x"], dynamic_axes={"x": {0: "n"}}, opset_version=13,
            dynamo=False, training=torch.onnx.TrainingMode.PRESERVE,
        )  # fmt: skip
    relu = models.read_relu(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": x})
    assert np.abs(relu.forward(x) - expected).max() <= SINGLE * np.abs(expected).max()
    assert any(len(taken) > 1 for taken in relu.inputs.values())


def test_branches_of_keras_files_are_those_of_keras(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", exc_type=ImportError)
    pytest.importorskip("h5py")
    L = keras.layers
    given = L.Input((6, 7, 3))
    held = L.Conv2D(4, 3, padding="same", activation="relu")(given)
    held = L.Concatenate()([held, L.Conv2D(2, 1, activation="relu")(given)])
    block = L.Conv2D(6, 3, padding="same")(held)
    block = L.BatchNormalization()(block)
    held = L.ReLU()(L.Add()([block, held]))
    side = L.MaxPooling2D(2, padding="same")(held)
    other = L.Conv2D(3, 3, strides=2, padding="same", activation="relu")(held)
    held = L.Concatenate()([side, other])
    held = L.Conv2D(3, 1)(held)
    held = L.ReLU()(L.Subtract()([held, L.Conv2D(3, 1)(side)]))
    last = L.Dense(4, activation="softmax")(L.Flatten()(held))
    model = keras.Model(given, last)
    rng = np.random.default_rng(3)
    for layer in model.layers:
        made = [rng.normal(size=one.shape) / np.sqrt(np.prod(one.shape[:-1]) or 1) for one in layer.get_weights()]
        if isinstance(layer, L.BatchNormalization):
            made[-1] = rng.uniform(0.25, 4, made[-1].shape)
        layer.set_weights(made)
    x = rng.random((3, 6, 7, 3)).astype(np.float32)
    logits = keras.Model(given, model.layers[-1].input)  # what the last layer takes
    kernel, bias = model.layers[-1].get_weights()
    expected = logits(x, training=False).detach().numpy() @ kernel + bias
    for name in ("net.keras", "net.h5"):
        model.save(tmp_path / name)
        relu = models.read_relu(tmp_path / name)
        ours = np.moveaxis(x, -1, 1)
        assert np.abs(relu.forward(ours) - expected).max() <= SINGLE * np.abs(expected).max()
        net = models.to_ttfs(relu, ours, windows="certified")
        run = eventsim.simulate(net, ours, engine="reference", error_bounds=True)
        assert models.verify(net, relu, ours, run).ok
