"""Quantized weights: the rules of rounding, tie by tie, against exact rationals and against other programs."""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from made_devices import alone, manufacture, net_of, weights_after

import eventsim
from eventsim import faults, models
from eventsim.errors import FaultError
from eventsim.rounding import QUANTIZERS, REGISTER_RULES, rounded

RNG = np.random.default_rng(61)
STEP = 0.007
HALVES = np.arange(-120, 120) + 0.5


def by_rule(x: Fraction, rule: str) -> int:
    """The nearest integer: of the two neighbours the nearer one, else the one that the rule names."""
    low = math.floor(x)
    if rule in ("floor", "toward_zero"):
        return low + 1 if rule == "toward_zero" and low < 0 and low != x else low
    if x - low != Fraction(1, 2):
        return low if x - low < Fraction(1, 2) else low + 1
    if rule == "half_even":
        return low if low % 2 == 0 else low + 1
    return low + 1 if rule == "half_up" or x > 0 else low


def awkward() -> list[float]:
    """Ties, their neighbours, what 0.5 added in float64 would take over an edge, and large numbers."""
    ties = [k + 0.5 for k in range(-6, 6)]
    near = [math.nextafter(tie, side) for tie in ties for side in (-math.inf, math.inf)]
    large = [sign * (2.0**e + d) for e in (50, 51, 52, 53) for d in (-1, -0.5, 0, 0.5, 1) for sign in (-1, 1)]
    return [*ties, *near, *large, 0.0, 0.49999999999999994, -0.49999999999999994, 5e-324, *RNG.normal(size=50) * 10]


@pytest.mark.parametrize("rule", dict.fromkeys((*QUANTIZERS, *REGISTER_RULES)))
def test_rounding_is_exact_for_every_float_and_fraction(rule):
    x = np.array(awkward())
    expected = [by_rule(Fraction(one), rule) for one in x.tolist()]
    assert rounded(x, rule).tolist() == expected
    single = x.astype(np.float32)
    assert rounded(single, rule).tolist() == [by_rule(Fraction(one), rule) for one in single.tolist()]
    exact = np.array([Fraction(one) for one in x.tolist()], dtype=object)
    assert rounded(exact, rule).tolist() == expected


@pytest.mark.parametrize("rule", QUANTIZERS)
@pytest.mark.parametrize("bits", [2, 3, 4, 8, 12])
def test_symmetric_levels_are_those_of_exact_rationals_tie_by_tie(bits, rule):
    """A step that is a power of two, so that quotients are exact: all ties between levels, and what is between them."""
    n = 2 ** (bits - 1) - 1
    quotients = np.concatenate([np.arange(-n, n) + 0.5, RNG.uniform(-n, n, 200), [n]])
    made = weights_after(faults.WeightQuantization(bits, rounding=rule), quotients / 64)
    expected = [float(Fraction(by_rule(Fraction(q), rule), 64)) for q in quotients.tolist()]
    assert made.tolist() == expected


def test_quotients_are_rounded_to_float64_first_and_fractions_are_not():
    """x = (k + 1/2) step, rounded: the quotient is a tie in float64 for most k, and lies beside it in exact numbers."""
    weights = np.append(HALVES * STEP, 127 * STEP)
    step = weights.max() / 127
    made = weights_after(faults.WeightQuantization(8), weights)
    expected = [by_rule(Fraction(w / step), "half_even") * step for w in weights.tolist()]
    assert made.tolist() == expected
    exact = np.array([Fraction(w) for w in weights.tolist()], dtype=object)
    exactly = weights_after(faults.WeightQuantization(8), exact).tolist()
    largest = Fraction(weights.max())
    assert exactly == [by_rule(w * 127 / largest, "half_even") * largest / 127 for w in exact.tolist()]
    differ = [float(e / largest * 127) != m / step for e, m in zip(exactly, made.tolist(), strict=True)]
    assert 0 < sum(differ) < len(differ) / 2


def test_each_output_channel_has_its_step():
    rows = RNG.normal(size=(3, 5)) * [[1.0], [10.0], [0.1]]
    net = eventsim.Network()
    net.source(5, "input")
    net.population("linear_psp", 3, "cells", threshold=1.0)
    net.connect("input", "cells", eventsim.Dense(rows))
    made = manufacture(net, faults.WeightQuantization(4, per_channel=True)).projections[0].kind.weights
    for row, found in zip(rows, made, strict=True):
        assert found.tolist() == weights_after(faults.WeightQuantization(4), row).tolist()


def test_the_channels_of_a_convolution_are_its_filters():
    kernel = RNG.normal(size=(2, 3, 2, 2)) * np.array([1.0, 50.0]).reshape(2, 1, 1, 1)
    net = eventsim.Network()
    net.source((3, 4, 4), "input")
    net.population("linear_psp", (2, 3, 3), "cells", threshold=1.0)
    net.connect("input", "cells", eventsim.Conv(kernel))
    made = manufacture(net, faults.WeightQuantization(3, per_channel=True)).projections[0].kind.weights
    for one, found in zip(kernel, made, strict=True):
        expected = weights_after(faults.WeightQuantization(3), one.ravel())
        assert found.ravel().tolist() == expected.tolist()


def test_with_many_bits_the_ideal_weights_come_back():
    weights = RNG.normal(size=500)
    kinds: tuple[Any, ...] = (
        (faults.WeightQuantization, {}), (faults.FakeQuantization, {"low": -8.0, "high": 8.0}),
    )  # fmt: skip
    for kind, settings in kinds:
        for bits in (8, 16, 32, 48, 52):
            step = (16.0 if settings else 2 * np.abs(weights).max()) / (2**bits - 2)
            error = np.abs(weights_after(kind(bits, **settings), weights) - weights).max()
            assert error <= step / 2 + 1e-15 * 8
    errors = [np.abs(weights_after(faults.WeightQuantization(b), weights) - weights).max() for b in range(2, 30)]
    assert all(after < 0.75 * before for before, after in itertools.pairwise(errors))


def test_a_fixed_range_clips_and_zeros_stay():
    made = weights_after(faults.WeightQuantization(3, largest=1.5), np.array([9.0, -9.0, 0.7, 0.0, 0.26, 0.25]))
    assert made.tolist() == [1.5, -1.5, 0.5, 0.0, 0.5, 0.0]
    assert weights_after(faults.WeightQuantization(3), np.zeros(3)).tolist() == [0.0, 0.0, 0.0]
    assert not np.signbit(weights_after(faults.WeightQuantization(3), np.array([1.0, -0.01]))).any()


def test_weights_beyond_float32_are_refused_where_that_is_asked_for():
    net = alone([1e39, 1.0])
    with pytest.raises(FaultError, match=r"beyond the range of float32; must be within 3\.4e38"):
        manufacture(net, faults.WeightQuantization(8, arithmetic="float32"))


# Measured on TensorFlow 2.21, fake_quant_with_min_max_args from -1 to 1: how many levels lie below 0, by bits.
BELOW_ZERO = {
    2: 2, 3: 3, 4: 7, 5: 16, 6: 31, 7: 64, 8: 127, 9: 256, 10: 512, 11: 1024, 12: 2047, 13: 4096, 14: 8192, 15: 16384,
    16: 32768,
}  # fmt: skip


def test_the_zero_of_the_published_fake_quantization_is_where_tensorflow_has_it():
    assert {bits: faults.FakeQuantization(bits).zero_point for bits in BELOW_ZERO} == BELOW_ZERO
    assert all(faults.FakeQuantization(bits, nudge="exact").zero_point == 2 ** (bits - 1) for bits in BELOW_ZERO)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("nudge", ["float32", "exact"])
def test_fake_quantization_has_two_to_the_bits_levels_and_a_zero(bits, nudge):
    fault = faults.FakeQuantization(bits, nudge=nudge)
    levels = np.unique(weights_after(fault, np.append(np.linspace(-2, 2, 5001), 0.0)))
    step = 2 / (2**bits - 1)
    assert len(levels) == 2**bits
    assert 0.0 in levels
    assert levels[0] == -fault.zero_point * step
    np.testing.assert_allclose(np.diff(levels), step, rtol=1e-12)
    assert abs(levels[0] + levels[-1]) == pytest.approx(step)  # asymmetric by half a step at each end


def test_a_tie_of_fake_quantization_goes_to_the_larger_level():
    fault = faults.FakeQuantization(4, low=-8.0, high=7.0)
    x = np.concatenate([np.arange(-10, 10) + 0.5, RNG.uniform(-9, 8, 50)])
    expected = [float(min(max(by_rule(Fraction(one), "half_up"), -8), 7)) for one in x.tolist()]
    assert weights_after(fault, x).tolist() == expected


@pytest.mark.parametrize(
    ("low", "high", "below"), [(0.0, 15.0, 0), (3.0, 18.0, 0), (-18.0, -3.0, 15), (-5.4, 9.6, 5), (-5.5, 9.5, 6)]
)
def test_a_range_is_moved_until_it_has_a_zero(low, high, below):
    assert faults.FakeQuantization(4, low=low, high=high).zero_point == below


def test_powers_of_two_are_the_nearest_ones_in_the_logarithm():
    weights = np.concatenate([RNG.normal(size=300), [1.0, -0.25, 0.0, 2.0**0.5, math.nextafter(2.0**0.5, 0), 4.0]])
    made = weights_after(faults.PowerOfTwo(12), weights)
    for given, found in zip(weights.tolist(), made.tolist(), strict=True):
        if given == 0:
            assert found == 0
            continue
        assert math.frexp(abs(found))[0] == 0.5
        assert (found > 0) == (given > 0)
        # found / sqrt 2 < |given| < found sqrt 2, in exact numbers: their squares
        assert Fraction(found) ** 2 < 2 * Fraction(given) ** 2 < 4 * Fraction(found) ** 2


def test_exponents_end_where_the_bits_do():
    weights = 2.0 ** np.arange(3, -8, -1)
    for bits in (2, 3, 4):
        kept = 2 ** (bits - 1) - 1
        made = weights_after(faults.PowerOfTwo(bits), weights)
        assert made.tolist() == [w if k < kept else 0.0 for k, w in enumerate(weights.tolist())]
    zeros = alone([0.0, 0.0])
    assert manufacture(zeros, faults.PowerOfTwo(4)).hash() == zeros.hash()


def test_a_quantized_network_computes_what_its_weights_say():
    """B1 with weights of 4 bits: the values that its spikes code are those of the ReLU network with these weights."""
    relu = models.read_relu({"weights": [[[1.0, -0.5], [0.3, 0.9]], [[1.0, -1.0], [0.2, 0.7]]]})
    x = np.array([[0.75, 0.25], [0.5, 1.0], [1.0, 0.125]])
    net = models.to_ttfs(relu, x, margin=1.0)
    fault = faults.WeightQuantization(4)
    made = manufacture(net, fault)
    run = eventsim.simulate(net, x, faults=fault, engine="reference")
    first, second = (projection.kind.weights for projection in made.projections)
    np.testing.assert_allclose(run.readout, np.maximum(x @ first.T, 0) @ second.T, rtol=0, atol=1e-14)


def test_a_network_of_quantized_weights_is_quantized_already():
    net = net_of()
    once = manufacture(net, faults.WeightQuantization(4, largest=8.0))
    again = manufacture(once, faults.WeightQuantization(4, largest=8.0))
    assert once.hash() == again.hash()


# -- other programs ----------------------------------------------------------------------------------------------------


def singles(step: Any) -> np.ndarray:
    """Weights in float32, on both sides of every tie of 8 bits, as near as float32 comes; the last sets the step."""
    single = np.float32(step)
    return np.append((HALVES * np.float64(single)).astype(np.float32), np.float32(127) * single)


def quantized(weights: np.ndarray, arithmetic: str) -> np.ndarray:
    return weights_after(faults.WeightQuantization(8, arithmetic=arithmetic), weights.astype(np.float64))


STEPS = (0.007, 0.013, 0.1, 0.25, 1 / 127)


@pytest.mark.references
@pytest.mark.parametrize("step", STEPS)
def test_torch_multiplies_by_the_reciprocal(step):
    torch = pytest.importorskip("torch")
    weights = singles(step)
    scale = float(weights.max() / np.float32(127))
    theirs = torch.fake_quantize_per_tensor_affine(torch.from_numpy(weights), scale, 0, -127, 127).numpy()
    assert np.array_equal(quantized(weights, "float32_reciprocal"), theirs)


@pytest.mark.references
def test_torch_takes_ties_of_the_quotient_elsewhere_and_nothing_else():
    """At a step of 0.007: where division in float32 gives a tie that multiplication with the reciprocal does not."""
    torch = pytest.importorskip("torch")
    weights = singles(STEP)
    scale = weights.max() / np.float32(127)
    theirs = torch.fake_quantize_per_tensor_affine(torch.from_numpy(weights), float(scale), 0, -127, 127).numpy()
    by_division = quantized(weights, "float32")
    differ = np.flatnonzero(theirs != by_division)
    quotients, products = weights / scale, weights * (np.float32(1) / scale)
    assert len(differ) > 50
    assert (quotients[differ] != products[differ]).all()
    np.testing.assert_allclose(np.abs(theirs - by_division)[differ], scale, rtol=1e-5)  # the neighbouring level
    np.testing.assert_allclose(quotients[differ] % 1, 0.5, atol=1e-5)


@pytest.mark.references
def test_torch_per_channel_has_the_rule_of_torch_per_tensor():
    torch = pytest.importorskip("torch")
    rows = np.stack([singles(step) for step in STEPS])
    scales = rows.max(axis=1) / np.float32(127)
    zeros = torch.zeros(len(STEPS), dtype=torch.int32)
    theirs = torch.fake_quantize_per_channel_affine(
        torch.from_numpy(rows), torch.from_numpy(scales), zeros, 0, -127, 127
    ).numpy()
    net = eventsim.Network()
    net.source(rows.shape[1], "input")
    net.population("linear_psp", len(rows), "cells", threshold=1.0)
    net.connect("input", "cells", eventsim.Dense(rows.astype(np.float64)))
    fault = faults.WeightQuantization(8, per_channel=True, arithmetic="float32_reciprocal")
    assert np.array_equal(manufacture(net, fault).projections[0].kind.weights, theirs)


@pytest.mark.references
@pytest.mark.parametrize("step", STEPS)
def test_onnx_runtime_divides(step):
    weights = singles(step)
    scale = weights.max() / np.float32(127)
    assert np.array_equal(quantized(weights, "float32"), by_onnx_runtime(weights, scale))


def by_onnx_runtime(weights: np.ndarray, scale: Any) -> np.ndarray:
    """QuantizeLinear to int8 and DequantizeLinear."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    make, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        make.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        make.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    ends = [make.make_tensor_value_info(name, kinds.FLOAT, [len(weights)]) for name in "xy"]
    constants = [
        make.make_tensor("scale", kinds.FLOAT, [], [float(scale)]),
        make.make_tensor("zero", kinds.INT8, [], [0]),
    ]
    graph = make.make_graph(nodes, "quantize", ends[:1], ends[1:], constants)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)])
    model.ir_version = 9
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": weights})[0])
