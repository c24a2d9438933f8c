"""Convolutional ReLU networks: layers compute what plain loops compute, and folding batch norms changes nothing."""

# Lists, and what is no such number, are given on purpose.
# mypy: disable-error-code="arg-type"

import itertools
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim
from eventsim.errors import EventsimError, FileFormatError, InputError, NetworkError
from eventsim.files.archive import read_archive, write_archive
from eventsim.models import read_relu
from eventsim.models.relu import conv_layer
from eventsim.models.relu.folded import fused
from eventsim.models.relu.relu_network import (
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    ReluNetwork,
    parameter_hash,
)

Array = np.ndarray[Any, Any]
Draw = Any

# ---- plain loops


def real_taps(shape: Any, place: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """(tap, position) of each tap of a kernel that meets a position, for one position of the output."""
    for tap in itertools.product(*map(range, kernel)):
        at = tuple(
            p * s - before + k * d
            for p, s, (before, _), k, d in zip(place, stride, padding, tap, dilation, strict=True)
        )
        if all(0 <= a < n for a, n in zip(at, shape, strict=True)):
            yield tap, at


def places(shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> list[Any]:
    """Every position of the output, found by trying."""
    axes = []
    for n, k, s, (before, after), d in zip(shape, kernel, stride, padding, dilation, strict=True):
        last = n + after - 1  # the last position that a tap may stand on
        axes.append([p for p in range(n + before + after) if p * s - before + (k - 1) * d <= last])
    return list(itertools.product(*axes))


def naive_conv(layer: Conv, x: Array) -> dict[Any, Fraction]:
    """One sample, (channels, *positions) of Fractions."""
    sliding = (layer.kernel, layer.stride, layer.padding, layer.dilation)
    found = {}
    per_group = len(layer.weight) // layer.groups
    for c_out in range(len(layer.weight)):
        for place in places(x.shape[1:], *sliding):
            bias = layer.bias[c_out] if layer.bias.ndim == 1 else layer.bias[(c_out, *place)]
            total = Fraction(bias)
            for tap, at in real_taps(x.shape[1:], place, *sliding):
                for c in range(layer.weight.shape[1]):
                    source = c_out // per_group * layer.weight.shape[1] + c
                    total += Fraction(layer.weight[(c_out, c, *tap)]) * x[(source, *at)]
            found[(c_out, *place)] = total
    return found


def naive_pool(layer: MaxPool | AveragePool, x: Array) -> dict[Any, Fraction]:
    dilation = layer.dilation if isinstance(layer, MaxPool) else (1,) * len(layer.kernel)
    sliding = (layer.kernel, layer.stride, layer.padding, dilation)
    found = {}
    for c in range(len(x)):
        for place in places(x.shape[1:], *sliding):
            seen = [x[(c, *at)] for _, at in real_taps(x.shape[1:], place, *sliding)]
            if isinstance(layer, MaxPool):
                found[(c, *place)] = max(seen)
            else:
                n = math.prod(layer.kernel) if layer.count_include_pad else len(seen)
                found[(c, *place)] = sum(seen, Fraction(0)) / n
    return found


# ---- random layers and networks


@st.composite
def integers(draw: Draw, shape: Any, low: int = -4, high: int = 4) -> Array:
    """Small integers: sums of their products are exact in float64."""
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).integers(low, high + 1, shape).astype(np.float64)


@st.composite
def geometries(draw: Draw, n_axes: int) -> dict[str, Any]:
    sides = st.tuples(*[st.integers(0, 2)] * 2)
    return {
        "stride": draw(st.tuples(*[st.integers(1, 3)] * n_axes)),
        "padding": draw(st.tuples(*[sides] * n_axes)),
        "dilation": draw(st.tuples(*[st.integers(1, 2)] * n_axes)),
    }


@st.composite
def convolutions(draw: Draw, shape: Any, relu: bool = False) -> Conv:
    """A convolution that fits on inputs of `shape`, with a bias for each channel or each position."""
    n_axes = len(shape) - 1
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if shape[0] % g == 0]))
    c_out = groups * draw(st.integers(1, 3))
    settings = draw(geometries(n_axes))
    kernel = []
    for n, pads, d in zip(shape[1:], settings["padding"], settings["dilation"], strict=True):
        kernel.append(draw(st.integers(1, max(1, min(3, (n + sum(pads) - 1) // d + 1)))))
    weight = draw(integers((c_out, shape[0] // groups, *kernel)))
    layer = Conv("", weight, draw(integers(c_out)), relu, groups=groups, **settings)
    if draw(st.booleans()):
        return layer
    return Conv("", weight, draw(integers(layer.output_shape(shape))), relu, groups=groups, **settings)


@st.composite
def pools(draw: Draw, shape: Any, kinds: Any = (MaxPool, AveragePool)) -> MaxPool | AveragePool:
    n_axes = len(shape) - 1
    kind = draw(st.sampled_from(kinds))
    kernel = tuple(draw(st.integers(1, min(3, n))) for n in shape[1:])
    settings: dict[str, Any] = {
        "stride": draw(st.tuples(*[st.integers(1, 3)] * n_axes)),
        "padding": tuple((draw(st.integers(0, k // 2)), draw(st.integers(0, k // 2))) for k in kernel),
    }
    if kind is AveragePool:
        return AveragePool("", kernel, count_include_pad=draw(st.booleans()), **settings)
    widest = [2 if 2 * (k - 1) < n else 1 for k, n in zip(kernel, shape[1:], strict=True)]
    dilation = tuple(draw(st.integers(1, most)) for most in widest)
    return MaxPool("", kernel, dilation=dilation, **settings)


@st.composite
def shapes(draw: Draw) -> tuple[int, ...]:
    return (draw(st.integers(1, 4)), *draw(st.lists(st.integers(1, 6), min_size=1, max_size=2)))


@st.composite
def norms(draw: Draw, n: int, relu: bool, low: int) -> BatchNorm:
    """A batch norm whose square roots are rational."""
    variance = draw(integers(n, 1, 4)) ** 2
    gamma = draw(integers(n, low, 4))
    return BatchNorm("", gamma, draw(integers(n)), draw(integers(n)), variance, 0.0, relu)


@st.composite
def networks(draw: Draw, low: int) -> ReluNetwork:
    """Convolutions, batch norms at any place with gamma >= `low`, pools; then dense layers."""
    shape = input_shape = draw(shapes())
    layers: list[Layer] = []
    flat = False
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["conv", "norm", "pool", "flatten", "dense"]))
        relu = draw(st.booleans())
        layer: Layer
        if kind == "norm":
            layer = draw(norms(shape[0], relu, low))
        elif kind == "dense" or (flat and kind != "flatten"):
            layer = Dense("", draw(integers((3, math.prod(shape)), -2, 2)), draw(integers(3)), relu)
        elif kind == "flatten":
            layer = Flatten("", relu)
        elif kind == "pool":
            layer = draw(pools(shape))
            layer = type(layer)(**{**vars(layer), "relu": relu})
        else:
            layer = draw(convolutions(shape, relu))
        layers.append(layer)
        try:
            shape = layer.output_shape(shape)
        except NetworkError:  # windows without inputs
            layers.pop()
        flat = len(shape) == 1
    return ReluNetwork(
        [*layers, Dense("", draw(integers((2, math.prod(shape)), -2, 2)), np.ones(2), False)], input_shape
    )


def fractions(x: Array) -> Array:
    return np.array([Fraction(v) for v in x.ravel()], dtype=object).reshape(x.shape)


# ---- layers


@given(st.data())
def test_a_convolution_is_what_plain_loops_make_of_it(data: Any) -> None:
    shape = data.draw(shapes())
    layer = data.draw(convolutions(shape))
    x = data.draw(integers((2, *shape)))
    for dtype in (np.float64, np.longdouble, object):
        output = layer.apply(fractions(x) if dtype is object else x.astype(dtype))
        assert output.dtype == dtype
        assert output.shape == (2, *layer.output_shape(shape))
        for sample, given_ in zip(output, fractions(x), strict=True):
            exact = sample if dtype is object else sample.astype(np.float64)  # which holds these integers
            assert dict(np.ndenumerate(exact)) == naive_conv(layer, given_)
    assert all(type(value) is Fraction for value in output.flat)


@given(st.data())
def test_pools_are_what_plain_loops_make_of_them(data: Any) -> None:
    shape = data.draw(shapes())
    layer = data.draw(pools(shape))
    x = data.draw(integers((2, *shape)))
    try:
        out = layer.output_shape(shape)
    except NetworkError as error:
        assert "hold no input" in str(error)  # noqa: PT017 — the geometry is drawn, most have inputs
        return
    exact = layer.apply(fractions(x))
    assert all(type(value) is Fraction for value in exact.flat)
    for sample, given_ in zip(exact, fractions(x), strict=True):
        assert dict(np.ndenumerate(sample)) == naive_pool(layer, given_)
    assert layer.apply(x).shape == (2, *out)
    assert np.array_equal(layer.apply(x), exact.astype(np.float64))  # sums of integers; the division rounds once


@given(st.data())
def test_a_convolution_has_the_synapses_of_the_projection_of_that_name(data: Any) -> None:
    shape = data.draw(shapes())
    layer = data.draw(convolutions(shape))
    out = layer.output_shape(shape)
    projection = eventsim.Conv(layer.weight, layer.stride, layer.padding, layer.dilation, layer.groups)
    bound = projection.fitted("here", shape, out)
    n = math.prod(shape)
    matrix = np.zeros((n, math.prod(out)))
    for source in range(n):
        targets, weights = bound.synapses(source)
        np.add.at(matrix[source], targets, weights)
    assert np.array_equal(layer.linear(np.eye(n).reshape(n, *shape)).reshape(n, -1), matrix)


def test_samples_do_not_depend_on_how_many_are_unfolded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    layer = Conv("", draw.normal(size=(6, 2, 3, 3)), draw.normal(size=6), relu=True, groups=2, padding=1)
    x = draw.normal(size=(7, 4, 9, 8))
    together = layer.apply(x)
    monkeypatch.setattr(conv_layer, "UNFOLDED", 1)
    assert layer.apply(x).tobytes() == together.tobytes()
    assert layer.apply(x[3:4]).tobytes() == together[3:4].tobytes()
    assert layer.apply(x[:0]).shape == (0, 6, 9, 8)


def test_a_batch_norm_is_one_function_in_every_number_type() -> None:
    draw = np.random.default_rng(1)
    gamma, beta, mean = draw.normal(size=(3, 4))
    layer = BatchNorm("", gamma, beta, mean, draw.uniform(size=4), 1e-3)
    x = draw.normal(size=(2, 4, 3))
    exact = layer.apply(fractions(x)).astype(np.float64)
    roots = np.sqrt(layer.variance + 1e-3)
    by_hand = (x - mean[:, None]) / roots[:, None] * gamma[:, None] + beta[:, None]
    # Five roundings of numbers of order 10.
    assert np.allclose(layer.apply(x), exact, rtol=0, atol=1e-14)
    assert np.allclose(by_hand, exact, rtol=0, atol=1e-14)
    rational = BatchNorm("", [1], [0], [0], fractions(np.array([2.25])), 0.0)
    assert rational.apply(fractions(np.array([[1.0]])))[0, 0] == Fraction(2, 3)


# ---- networks


def small(relu_before_norm: bool = True) -> ReluNetwork:
    """Convolution, batch norm behind or before the ReLU, pools, dense."""
    draw = np.random.default_rng(2)
    norm = BatchNorm(
        "", [1.0, 2.0, 0.5], [0.5, 1.0, -1.0], [1.0, 0.0, 2.0], [1.0, 4.0, 0.25], 0.0, not relu_before_norm
    )
    layers = [
        Conv("", draw.normal(size=(3, 2, 3, 3)), draw.normal(size=3), relu_before_norm, padding=1),
        norm,
        MaxPool("", (2, 2)),
        Conv("", draw.normal(size=(4, 3, 3, 3)), draw.normal(size=4), True, padding=1),
        AveragePool("", (3, 4)),
        Flatten(),
        Dense("", draw.normal(size=(2, 4)), draw.normal(size=2), False),
    ]
    return ReluNetwork(layers, (2, 6, 8), {"seed": 2})


def test_layers_are_numbered_by_kind_and_activations_go_by_the_layer_with_the_neurons() -> None:
    network = small(relu_before_norm=False)
    names = ["conv1", "batch_norm1", "pool1", "conv2", "pool2", "flatten1", "output"]
    assert [layer.name for layer in network.layers] == names
    x = np.random.default_rng(3).normal(size=(5, 2, 6, 8))
    shapes_of = {name: array.shape for name, array in network.activations(x)}
    assert shapes_of == {"conv1": (5, 3, 6, 8), "pool1": (5, 3, 3, 4), "conv2": (5, 4, 3, 4), "pool2": (5, 4, 1, 1)}
    assert dict(network.activations(x))["conv1"].min() == 0
    folded = fused(network)
    assert [name for name, _ in folded.activations(x)] == list(shapes_of)
    for (_, ours), (_, theirs) in zip(folded.activations(x), network.activations(x), strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=1e-13)
    assert repr(network.layers[:3]) == (
        "(Conv('conv1', 2 to 3, kernel 3×3), BatchNorm('batch_norm1', 3 channels, relu), MaxPool('pool1', kernel 2×2))"
    )
    assert repr(network.layers[3:6]) == (
        "(Conv('conv2', 3 to 4, kernel 3×3, relu), AveragePool('pool2', kernel 3×4), Flatten('flatten1'))"
    )


def test_a_batch_norm_behind_the_last_layer_leaves_it_the_output() -> None:
    dense = Dense("", np.eye(2), np.zeros(2), relu=False)
    network = ReluNetwork([dense, BatchNorm("", [2, 2], [1, 1], [0, 0], [1, 1], 0)])
    assert [layer.name for layer in network.layers] == ["output", "batch_norm1"]
    assert np.array_equal(fused(network).forward([[1.0, 3.0]]), [[3.0, 7.0]])
    assert repr(fused(network).layers) == "(Dense('output', 2 to 2),)"
    behind_relu = fused(ReluNetwork([Dense("", np.eye(2), np.zeros(2), relu=True), network.layers[1].named("")]))
    assert repr(behind_relu.layers) == "(Dense('dense1', 2 to 2, relu), Dense('output', 2 to 2))"
    assert np.array_equal(behind_relu.forward([[-1.0, 3.0]]), [[1.0, 7.0]])


def test_a_saved_convolutional_network_is_read_back_to_the_bit(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    network = ReluNetwork(
        [
            Conv("", draw.normal(size=(4, 1, 2)), draw.normal(size=(4, 6)), True, 2, [(1, 2)], 2, 2),
            MaxPool("", [2], 1, [(1, 0)], 2, relu=True),
        ],
        (2, 10),
    )
    for i, one in enumerate((network, small(), fused(small()))):
        one.save(tmp_path / f"{i}.npz")
        again = read_relu(tmp_path / f"{i}.npz")
        assert repr(again.layers) == repr(one.layers)
        assert parameter_hash(again) == parameter_hash(one)
        assert again.provenance == one.provenance
        x = draw.normal(size=(3, *one.input_shape))
        assert again.forward(x).tobytes() == one.forward(x).tobytes()


def test_every_setting_counts_in_the_hash() -> None:
    def hashed(**settings: Any) -> str:
        return parameter_hash(ReluNetwork([Conv("", np.ones((1, 1, 3)), np.ones(1), True, **settings)], (1, 9)))

    different = [{}, {"stride": 2}, {"padding": 1}, {"padding": [(1, 0)]}, {"dilation": 2}]
    assert len({hashed(**settings) for settings in different}) == len(different)
    assert hashed() == hashed(stride=(1,), padding=[(0, 0)], groups=np.int64(1))


def test_nothing_of_a_layer_can_be_changed() -> None:
    weight = np.ones((1, 1, 2))
    layer = Conv("", weight, [0.0], relu=False)
    weight[:] = 5
    assert layer.apply(np.ones((1, 1, 2))) == 2
    for array in (layer.weight, layer.bias, BatchNorm("", [1], [1], [1], [1]).mean):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(AttributeError):
        layer.stride = 2  # type: ignore[misc]


# ---- batch norms folded


@given(networks(low=0), st.data())
def test_folding_batch_norms_is_exact_on_fractions(network: ReluNetwork, data: Any) -> None:
    x = data.draw(integers((2, *network.input_shape)))
    folded = fused(network, Fraction)
    assert not any(isinstance(layer, BatchNorm) for layer in folded.layers)
    assert (folded.forward(x, dtype=object) == network.forward(x, dtype=object)).all()
    rounded = fused(network)
    assert not any(isinstance(layer, BatchNorm) for layer in rounded.layers)
    logits = network.forward(x, dtype=object).astype(np.float64)
    sizes = [abs(held).max(initial=1) for _, held in network._outputs(x, np.float64, network.layers, network.inputs)]
    # Roundings are relative to the largest numbers on the way, which weights up to 4 multiply again.
    assert np.allclose(rounded.forward(x), logits, rtol=0, atol=1e-11 * max(sizes))


@given(networks(low=-4), st.data())
def test_negative_scales_are_folded_and_turn_max_pools_into_min_pools(network: ReluNetwork, data: Any) -> None:
    x = data.draw(integers((2, *network.input_shape)))
    folded = fused(network, Fraction)
    assert (folded.forward(x, dtype=object) == network.forward(x, dtype=object)).all()


def test_borders_have_biases_of_their_own() -> None:
    conv = folded_conv(padding=1)
    interior = conv.bias[0, 1:-1, 1:-1]
    assert conv.bias.shape == (1, 4, 5)
    assert (interior == interior[0, 0]).all()
    corners, edges = conv.bias[0, [0, 0, -1, -1], [0, -1, 0, -1]], conv.bias[0, [0, 1, -1, 1], [1, -1, 1, 0]]
    assert len({*corners.tolist(), *edges.tolist(), interior[0, 0]}) == 9
    assert folded_conv(padding=0).bias.shape == (1,)


def folded_conv(padding: int) -> Conv:
    first = Conv("", [[[[1.0]]]], [0.0], relu=True)
    norm = BatchNorm("", [2.0], [1.0], [0.0], [1.0], 0.0)
    second = Conv("", 2.0 ** np.arange(9).reshape(1, 1, 3, 3), [0.0], relu=True, padding=padding)
    conv = fused(ReluNetwork([first, norm, second], (1, 4, 5))).layers[-1]
    assert isinstance(conv, Conv)
    assert np.array_equal(conv.weight, 2 * second.weight)
    return conv


def test_a_network_without_batch_norms_is_returned_as_it_is() -> None:
    network = ReluNetwork(
        [Conv("", np.ones((1, 1, 2)), [0.0], True), Flatten(), Dense("", [[1.0]], [0.0], False)], (1, 2)
    )
    assert fused(network) is network
    exact = fused(network, Fraction).layers[0]
    assert isinstance(exact, Conv)
    assert exact.weight.dtype == object


def test_a_relu_behind_a_max_pool_goes_to_the_convolution() -> None:
    conv = Conv("", np.ones((1, 1, 1)), [0.0], relu=False)
    for layers in ([conv, MaxPool("", (2,), relu=True)], [conv, MaxPool("", (2,)), Flatten("", relu=True)]):
        found = fused(ReluNetwork([*layers, Dense("", np.ones((1, 2)), [0.0], False)], (1, 4))).layers
        assert [layer.relu for layer in found] == [True, *[False] * len(layers)]


def test_a_max_pool_behind_a_negative_scale_passes_on_the_smallest() -> None:
    conv = Conv("", np.ones((2, 1, 1)), [0.0, 0.0], relu=True)
    norm = BatchNorm("", [1.0, -1.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0])
    pool = MaxPool("", (2,))
    found = fused(ReluNetwork([conv, norm, pool], (1, 4))).layers
    assert isinstance(found[1], MaxPool)
    assert found[1].smallest == (1,)
    assert np.array_equal(found[1].apply(np.array([[[1.0, 2, 3, 4], [1, 2, 3, 4]]])), [[[2, 4], [1, 3]]])
    linear = Conv("", np.ones((2, 1, 1)), [0.0, 0.0], relu=False)
    (first, second) = fused(ReluNetwork([linear, pool, norm], (1, 4))).layers
    assert isinstance(second, MaxPool)
    assert (first.relu, second.smallest) == (False, (1,))
    with pytest.raises(NetworkError, match=r"smallest names channel 2, but what precedes it has shape \(2, 4\)"):
        ReluNetwork([MaxPool("", (2,), smallest=[2])], (2, 4))


def test_a_relu_behind_a_mean_of_signed_values_stays_behind_it() -> None:
    linear = Conv("", np.ones((1, 1, 1)), [0.0], relu=False)
    norm = BatchNorm("", [1.0], [0.0], [0.0], [1.0], relu=True)
    network = ReluNetwork([linear, AveragePool("", (2,)), norm], (1, 2))
    assert np.array_equal(fused(network).forward([[[-3.0, 1.0]]]), network.forward([[[-3.0, 1.0]]]))


def test_only_floats_and_fractions_are_folded_into() -> None:
    conv = Conv("", np.ones((2, 1, 1)), [0.0, 0.0], relu=True)
    norm = BatchNorm("", [1.0, -1.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0])
    pool = MaxPool("", (2,))
    assert isinstance(fused(ReluNetwork([conv, pool, norm], (1, 4))).layers[-1], Conv)
    with pytest.raises(InputError, match="fused: number = <class 'int'>; must be float or Fraction"):
        fused(ReluNetwork([conv, norm], (1, 4)), int)


# ---- what is refused


W = np.ones((4, 2, 3, 3))
B = np.zeros(4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Conv("c", W[0, 0], B, True), r"layer 'c': weight has shape \(3, 3\); must be \(c_out, c_in / groups"),
        (lambda: Conv("c", W * np.nan, B, True), r"layer 'c': weight\[0, 0, 0, 0\] = nan"),
        (lambda: Conv("c", W[:, :0], B, True), "must not be empty"),
        (lambda: Conv("c", W, B[:3], True), r"bias of shape \(3,\) for a weight of shape \(4, 2, 3, 3\); must be"),
        (lambda: Conv("c", W, B[None], True), r"bias has shape \(1, 4\); must be \(c_out,\) or \(c_out, \*positions\)"),
        (lambda: Conv("c", W, B, 1), "relu = 1; must be True or False"),
        (lambda: Conv("c", W, B, True, stride=0), "layer 'c': stride = 0; must be a whole number >= 1, or 2 such"),
        (lambda: Conv("c", W, B, True, stride=(1, 2, 3)), r"stride = \(1, 2, 3\)"),
        (lambda: Conv("c", W, B, True, stride=1.0), "stride = 1.0"),
        (lambda: Conv("c", W, B, True, padding="same"), "padding = 'same'; must be a whole number >= 0"),
        (lambda: Conv("c", W, B, True, padding=[(1, 2), 3]), "padding = "),
        (lambda: Conv("c", W, B, True, padding=[(1, 2), (0, -1)]), r"padding = \(0, -1\)"),
        (lambda: Conv("c", W, B, True, dilation=True), "dilation = True"),
        (lambda: Conv("c", W, B, True, groups=0), "layer 'c': groups = 0; must be an integer >= 1"),
        (lambda: Conv("c", W, B, True, groups=3), "layer 'c': 4 output channels in 3 groups; must divide evenly"),
        (lambda: MaxPool("p", 2), r"layer 'p': kernel = 2; must be one number an axis, as \(2, 2\)"),
        (lambda: MaxPool("p", (2, 2, 2)), "one number an axis"),
        (lambda: MaxPool("p", (0, 2)), r"kernel = \(0, 2\); must be a whole number >= 1"),
        (
            lambda: MaxPool("p", (2, 2), padding=2),
            r"padding = \(\(2, 2\), \(2, 2\)\) for a kernel \(2, 2\) positions wide",
        ),
        (lambda: AveragePool("p", (2,), count_include_pad=None), "count_include_pad = None; must be True or False"),
        (lambda: AveragePool("p", (2,), relu=None), "relu = None; must be True or False"),
        (lambda: BatchNorm("b", B, B, B[:3], B), r"layer 'b': mean of shape \(3,\) for a gamma of shape \(4,\)"),
        (lambda: BatchNorm("b", B, B, B, B - 1), r"layer 'b': variance\[0\] = -1.0 with epsilon = 1e-05; the sum"),
        (lambda: BatchNorm("b", B, B, B, B, 0), r"variance\[0\] = 0.0 with epsilon = 0.0; the sum must be > 0"),
        (lambda: BatchNorm("b", B, B, B, B, -1), "layer 'b': epsilon = -1; must be >= 0, a finite number"),
        (lambda: BatchNorm("b", B[None], B, B, B), r"gamma has shape \(1, 4\); must be \(channels,\)"),
    ],
)
def test_layers_that_cannot_be_are_refused_by_name(build: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        build()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Conv("", W, B, True),
            (3, 8, 8),
            r"'output': weight of shape \(4, 2, 3, 3\) needs 2 channels, but what precedes",
        ),
        (Conv("", W, B, True, groups=2), (2, 8, 8), r"in 2 groups needs 4 channels"),
        (Conv("", W, B, True), (2, 8), r"kernel \(3, 3\) needs an input of shape \(channels, height, width\)"),
        (Conv("", W[..., 0], B, True), (2, 8, 8), r"kernel \(3,\) needs an input of shape \(channels, length\)"),
        (
            Conv("", W, B, True),
            (2, 2, 8),
            r"kernel \(3, 3\), \(3, 3\) positions wide, fits nowhere on positions \(2, 8\)",
        ),
        (
            Conv("", W, np.zeros((4, 6, 5)), True),
            (2, 8, 8),
            r"bias of shape \(4, 6, 5\) for outputs of shape \(4, 6, 6\)",
        ),
        (MaxPool("", (2, 2)), (2, 1, 8), r"layer 'output': kernel \(2, 2\), \(2, 2\) positions wide, fits nowhere"),
        (MaxPool("", (2,), 5, [(1, 1)], 3), (2, 2), "some windows on positions"),
        (AveragePool("", (2,)), (2, 8, 8), r"needs an input of shape \(channels, length\)"),
        (
            BatchNorm("", B, B, B, B),
            (3, 8),
            r"layer 'batch_norm1': 4 channels are normalised, but what precedes it has",
        ),
        (Conv("", W, B, True), None, r"input_shape is needed before layer 'output'; give it, as \(channels, height"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_layer(layer: Layer, shape: Any, message: str) -> None:
    layers = [layer, Dense("", np.ones((1, 1)), [0.0], False)][: 2 if layer.kind == "batch_norm" else 1]
    with pytest.raises(NetworkError, match=message):
        ReluNetwork(layers, shape)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stride": 0}, "stride = 0"),
        ({"padding": [[1, 1], [1]]}, "padding = "),
        ({"groups": 2}, "needs 4 channels"),
        ({"kernel": [3, 3]}, "unexpected keyword argument 'kernel'"),
        ({"kind": "convolution"}, "this release reads dense, conv, max_pool, average_pool, flatten, batch_norm"),
        ({"padding": [[10**9, 0], [0, 0]]}, "must be at most 2,147,483,647 values"),
    ],
)
def test_files_of_layers_that_cannot_be_are_refused(tmp_path: Path, changes: Any, message: str) -> None:
    ReluNetwork([Conv("", W, np.zeros((4, 6, 6)), True)], (2, 8, 8)).save(tmp_path / "good.npz")
    header, arrays = read_archive(tmp_path / "good.npz", "eventsim-relu", 1)
    header.pop("arrays", None)
    header["layers"][0] |= changes
    write_archive(tmp_path / "bad.npz", header, arrays)
    with pytest.raises(FileFormatError, match=message):
        read_relu(tmp_path / "bad.npz")


def test_networks_of_fractions_are_not_saved_but_computed_with(tmp_path: Path) -> None:
    network = ReluNetwork([Conv("", fractions(np.ones((1, 1, 2))) / 3, [0.5], True)], (1, 2))
    assert network.forward([[[1, 1]]], dtype=object)[0, 0] == Fraction(7, 6)
    with pytest.raises(EventsimError, match="holds Fractions"):
        network.save(tmp_path / "net.npz")
