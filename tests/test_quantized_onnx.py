"""QDQ-quantised models: their integers as ONNX Runtime has them, in the forward pass and in spikes."""

import functools
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import eventsim
from eventsim import models
from eventsim.errors import MappingError
from eventsim.models import digits
from eventsim.models.relu.folded import fused
from eventsim.models.relu.relu_network import AveragePool, Conv, Dense, Flatten, ReluNetwork

pytestmark = pytest.mark.references
pytest.importorskip("onnxruntime")


def dense() -> tuple[ReluNetwork, Any, Any]:
    return digits.dense_network(), digits.calibration_images()[0], digits.test_images()[0][:60]


def conv() -> tuple[ReluNetwork, Any, Any]:
    shape = (-1, 1, 8, 8)
    calibration, test = digits.calibration_images()[0], digits.test_images()[0][:60]
    return fused(digits.network()), calibration.reshape(shape), test.reshape(shape)


def averaged() -> tuple[ReluNetwork, Any, Any]:
    """A convolution of signed inputs, means of 3 x 3 positions, of which none is a tie, and a dense layer."""
    draws = np.random.default_rng(1)
    layers = [
        Conv("", draws.normal(0, 0.4, (6, 1, 3, 3)), draws.normal(0, 0.1, 6), relu=True),
        AveragePool("", (3, 3)), Flatten(""),
        Dense("", draws.normal(0, 0.3, (4, 24)), draws.normal(0, 0.1, 4), relu=False),
    ]  # fmt: skip
    return ReluNetwork(layers, (1, 8, 8)), draws.uniform(-1, 1, (100, 1, 8, 8)), draws.uniform(-1, 1, (60, 1, 8, 8))


NETWORKS = {"dense": dense, "conv": conv, "averaged": averaged}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("dense", {}), ("dense", {"per_channel": True}), ("conv", {}), ("conv", {"per_channel": True}),
    ("conv", {"extra_options": {"ActivationSymmetric": True}}), ("dense", {"activation_type": "QUInt8"}),
    ("averaged", {}),
]  # fmt: skip


@functools.cache
def case(place: int, folder: Path) -> Any:
    """The network that was read, data, and what ONNX Runtime makes of them."""
    from onnxruntime.quantization import QuantType
    from quantized_onnx import quantized, run_unoptimised

    kind, settings = SETTINGS[place]
    network, calibration, x = NETWORKS[kind]()
    settings = {**settings}
    if "activation_type" in settings:
        settings["activation_type"] = QuantType[settings["activation_type"]]
    path = quantized(folder, network, calibration, **settings)
    return models.read_relu(path), calibration, x, *run_unoptimised(path, x)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    return Path(tmp_path_factory.mktemp("quantized"))


@pytest.fixture(params=range(len(SETTINGS)), ids=[f"{kind} {settings}" for kind, settings in SETTINGS])
def given(request: Any, folder: Path) -> Any:
    own = folder / str(request.param)
    own.mkdir(exist_ok=True)
    return case(request.param, own)


def test_the_forward_pass_has_the_integers_of_the_runtime(given: Any) -> None:
    relu, _, x, output, codes = given
    last = relu.quantizers[relu.layers[-1].name]
    assert (relu.quantizers["input"].codes(x.astype(np.float32)) == codes[next(iter(codes))]).all()
    found = relu.forward(x.astype(np.float32))
    different = last.codes(found) != np.rint(output / last.scale) + last.zero_point
    assert different.mean() < 2e-3
    assert np.abs(found - output)[~different].max() < 1e-5
    assert np.abs(found - output).max() < 1.001 * last.scale


def test_hidden_layers_have_the_integers_of_the_runtime(given: Any) -> None:
    """But for sums within float32 rounding of the middle between two integers: 3 of some ten thousand at most."""
    relu, _, x, _, codes = given
    every = dict(relu.activations(x.astype(np.float32)))
    hidden = [name for name in relu.quantizers if name in every and name != relu.layers[-1].name]
    listed = list(codes.values())
    assert hidden
    total = 0
    for name in hidden:
        quantizer = relu.quantizers[name]
        mine = quantizer.codes(every[name]).reshape(len(x), -1)
        matches = [array for array in listed if array.reshape(len(x), -1).shape == mine.shape]
        assert matches
        total += min(int((array.reshape(len(x), -1) != mine).sum()) for array in matches)
    assert total <= 3


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_spikes_carry_the_integers(given: Any, engine: str) -> None:
    relu, calibration, x, output, _ = given
    x = x[: 3 if engine == "reference" else 40].astype(np.float32).astype(np.float64)
    low, high = relu.quantizers["input"].range
    x = np.clip(x, low, high)
    net = models.to_ttfs(
        relu, np.clip(calibration, low, high), windows="quantized", input_range=relu.quantizers["input"].range
    )
    run = eventsim.simulate(net, x, faults=models.quantization_of(relu, net), engine=engine)
    expected = dict(relu.activations(x))
    for population in net.populations:
        name, window = population.name, cast("Any", population.window)
        if name in relu.quantizers and name in expected and population.model.spiking:
            quantizer, times = relu.quantizers[name], run.spike_times(name)
            values = np.where(np.isfinite(times), window[2] - times, 0.0)
            steps = np.rint(values / quantizer.scale)
            assert np.abs(values - steps * quantizer.scale).max() < 1e-12 * window[2] + 1e-13
            assert (steps == np.rint(expected[name] / quantizer.scale).reshape(steps.shape)).all()
    last = relu.quantizers[relu.layers[-1].name]
    assert (last.codes(run.readout) == last.codes(relu.forward(x))).all()
    assert (last.codes(run.readout) != np.rint(output[: len(x)] / last.scale) + last.zero_point).sum() <= 1
    assert run.counters["premature"] == 0


def test_means_of_integers_differ_where_float32_decides_a_tie(tmp_path: Path) -> None:
    """Means of 4 integers are often in the middle between two, where the rounding of float32 decides; nowhere else."""
    from quantized_onnx import quantized, run_unoptimised

    network, calibration, x = averaged()
    layers = [
        network.layers[0],
        AveragePool("", (2, 2)),
        Flatten(""),
        Dense("", np.full((2, 54), 0.1), np.zeros(2), False),
    ]
    path = quantized(tmp_path, ReluNetwork(layers, (1, 8, 8)), calibration)
    relu, codes = models.read_relu(path), list(run_unoptimised(path, x)[1].values())
    every = dict(relu.activations(x.astype(np.float32)))
    mine = [relu.quantizers[name].codes(every[name]) for name in ("conv1", "pool1")]
    assert (mine[0] == codes[1]).all()
    sums = (mine[0] + 128).reshape(len(x), 6, 3, 2, 3, 2).sum(axis=(3, 5))
    different = mine[1] != codes[2]
    assert 0 < different.sum() < 0.1 * different.size
    assert (sums[different] % 4 == 2).all()


def test_a_quantized_network_is_saved_with_its_quantizers(folder: Path, tmp_path: Path) -> None:
    relu = case(0, _own(folder, 0))[0]
    relu.save(tmp_path / "network.npz")
    again = ReluNetwork.load(tmp_path / "network.npz")
    assert again.quantizers == relu.quantizers
    x = digits.test_images()[0][:5]
    assert (again.forward(x) == relu.forward(x)).all()
    assert (relu.forward(x) != ReluNetwork(relu.layers, relu.input_shape).forward(x)).any()


def test_networks_that_do_not_fit_are_refused(folder: Path) -> None:
    relu, calibration, *_ = case(0, _own(folder, 0))
    with pytest.raises(MappingError, match="windows = 'quantized' with slope = 'alpha1'"):
        models.to_ttfs(relu, calibration, slope="alpha1", windows="quantized")
    with pytest.raises(MappingError, match="and 0 quantizers"):
        models.to_ttfs(digits.dense_network(), calibration, windows="quantized")
    with pytest.raises(MappingError, match=r"the window of 'dense1' is .* long; must be .*windows='quantized'"):
        models.quantization_of(relu, models.to_ttfs(relu, calibration))
    with pytest.raises(MappingError, match="has no quantizers"):
        models.quantization_of(digits.dense_network(), models.to_ttfs(digits.dense_network(), calibration))


def _own(folder: Path, place: int) -> Path:
    own = folder / str(place)
    own.mkdir(exist_ok=True)
    return own


def _qdq(b: Any, value: str, scale: float, zero: Any) -> str:
    held = b.weight(np.float32(scale)), b.weight(zero, zero.dtype)
    return b.node("DequantizeLinear", [b.node("QuantizeLinear", [value, *held]), *held])


def test_what_no_population_carries_is_refused_by_name(tmp_path: Path) -> None:
    """A branch with values below 0 that is rounded before it is added; integers of another scale; integers in a sum."""
    import onnx
    from onnx_networks import Builder

    b = Builder([4], 17)
    b.dense("gemm", 4, 4)
    b.relu()
    cut = b.last
    b.dense("gemm", 4, 4)
    b.node("Add", [_qdq(b, b.last, 0.1, np.array(3, np.int8)), cut])
    b.relu()
    b.dense("gemm", 4, 2)
    onnx.save(b.model(), tmp_path / "branch.onnx")
    with pytest.raises(MappingError, match=r"QuantizeLinear\) rounds values below 0 between two layers"):
        models.read_relu(tmp_path / "branch.onnx")

    b = Builder([4], 17)
    b.dense("gemm", 4, 4)
    one = b.node("QuantizeLinear", [b.last, b.weight(np.float32(0.5)), b.weight(np.int8(-128), np.int8)])
    b.node("DequantizeLinear", [one, b.weight(np.float32(0.25)), b.weight(np.int8(-128), np.int8)])
    b.dense("gemm", 4, 2)
    onnx.save(b.model(), tmp_path / "scales.onnx")
    with pytest.raises(MappingError, match=r"takes integers of scale 0.5 .* as such of 0.25"):
        models.read_relu(tmp_path / "scales.onnx")

    b = Builder([4], 17)
    b.dense("gemm", 4, 4)
    scales = b.weight(np.full(4, 0.5, np.float32)), b.weight(np.full(4, -128, np.int8), np.int8)
    b.add("QuantizeLinear", *scales)
    onnx.save(b.model(), tmp_path / "axis.onnx")
    with pytest.raises(MappingError, match="has 4 scales for activations; must be one"):
        models.read_relu(tmp_path / "axis.onnx")


def test_a_network_that_ends_in_integers_is_refused(tmp_path: Path) -> None:
    import onnx
    from onnx_networks import Builder

    b = Builder([4], 17)
    b.dense("gemm", 4, 2)
    b.add("QuantizeLinear", b.weight(np.float32(0.5)), b.weight(np.int8(3), np.int8))
    onnx.save(b.model(), tmp_path / "integers.onnx")
    with pytest.raises(MappingError, match="gives integers as outputs; must end in a DequantizeLinear"):
        models.read_relu(tmp_path / "integers.onnx")
