"""Convolutional networks as spikes: exact on Fractions, verified on floats, and refused where no spike time codes them.

Expected values are those of the ReLU network without batch norms, which tests/test_relu_conv.py holds against
plain loops.
"""

# Lists are given on purpose.
# mypy: disable-error-code="arg-type,misc"

import math
import tracemalloc
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim
from eventsim import models
from eventsim.errors import InputError, MappingError
from eventsim.models.relu.coded_layers import coded_layers
from eventsim.models.relu.folded import fused
from eventsim.models.relu.relu_network import (
    AveragePool,
    BatchNorm,
    Clip,
    Conv,
    Dense,
    Flatten,
    Layer,
    LeakyReLU,
    MaxPool,
    ReluNetwork,
)
from eventsim.network.network import Network, Population

Array = np.ndarray[Any, Any]
Draw = Any
SLOPES = ("b1", "alpha1")
# Wide enough that no neuron of these networks is premature; what happens when one is, other tests show.
WIDE = 40


def numbers(rng: np.random.Generator, shape: Any) -> Array:
    """Sixteenths in [-1, 1]: exact as Fractions, short in denominators."""
    return rng.integers(-16, 17, shape) / 16


def geometry(draw: Draw, positions: Any, widest: int, pads: Any) -> dict[str, Any]:
    kernel = tuple(draw(st.integers(1, min(widest, n))) for n in positions)
    return {
        "kernel": kernel,
        "stride": tuple(draw(st.integers(1, 2)) for _ in kernel),
        "padding": tuple((draw(st.integers(0, pads(k))), draw(st.integers(0, pads(k)))) for k in kernel),
    }


@st.composite
def pools(draw: Draw, positions: Any, padded: bool = True) -> Layer:
    chosen = geometry(draw, positions, 3, lambda k: k // 2 if padded else 0)
    if draw(st.booleans()):
        return MaxPool("", **chosen)
    return AveragePool("", **chosen, count_include_pad=draw(st.booleans()))


@st.composite
def blocks(draw: Draw, shape: Any, rng: np.random.Generator) -> list[Layer]:
    """A convolution with its ReLU, a batch norm and pools before or behind it or none."""
    groups = draw(st.sampled_from([g for g in (1, 2) if shape[0] % g == 0]))
    c_out = groups * draw(st.integers(1, 2))
    chosen = geometry(draw, shape[1:], 3, lambda k: 1)
    dilation = [
        draw(st.integers(1, 2)) if 2 * (k - 1) < n else 1 for k, n in zip(chosen["kernel"], shape[1:], strict=True)
    ]
    weight = numbers(rng, (c_out, shape[0] // groups, *chosen.pop("kernel")))
    orders = ["conv relu", "conv norm relu", "conv relu norm", "conv pool norm relu", "conv norm pool relu"]
    order = draw(st.sampled_from(orders)).split() + draw(st.sampled_from([[], ["pool"], ["pool", "norm", "pool"]]))
    layers: list[Layer] = []
    for i, part in enumerate(order):
        relu = order[i + 1 : i + 2] == ["relu"]
        if part == "conv":
            layers.append(Conv("", weight, numbers(rng, c_out), relu, groups=groups, dilation=dilation, **chosen))
        elif part == "norm":
            variance = rng.integers(1, 4, c_out) ** 2.0
            gamma, beta, mean = (numbers(rng, c_out) for _ in range(3))
            layers.append(BatchNorm("", gamma, beta, mean, variance, 0.0, relu))
        elif part == "pool":
            drawn = draw(pools(_shape(layers, shape)[1:], padded="relu" in order[:i]))
            layers.append(type(drawn)(**{**vars(drawn), "relu": relu}))
    return layers


@st.composite
def networks(draw: Draw) -> tuple[ReluNetwork, np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = input_shape = (draw(st.integers(1, 2)), *draw(st.lists(st.integers(2, 5), min_size=1, max_size=2)))
    layers: list[Layer] = [draw(pools(shape[1:]))] if draw(st.integers(0, 3)) == 0 else []
    for _ in range(draw(st.integers(1, 2))):
        layers += draw(blocks(_shape(layers, input_shape), rng))
    shape = _shape(layers, input_shape)
    if draw(st.booleans()):
        layers.append(Flatten())
    if draw(st.booleans()):
        layers.append(Dense("", numbers(rng, (3, math.prod(shape))), numbers(rng, 3), True))
    shape = _shape(layers, input_shape)
    layers.append(Dense("", numbers(rng, (2, math.prod(shape))), numbers(rng, 2), False))
    return ReluNetwork(layers, input_shape), rng


def _shape(layers: list[Layer], shape: tuple[int, ...]) -> tuple[int, ...]:
    for layer in layers:
        shape = layer.output_shape(shape)
    return shape


def factors(network: ReluNetwork, slope: str, value_range: Any, dtype: Any) -> dict[str, Array]:
    layers = coded_layers(network.streams(), dtype, value_range, slope == "alpha1")
    return {layer.name: layer.factor.reshape(-1, *[1] * (len(layer.shape) - 1)) for layer in layers}


@settings(max_examples=60)
@given(networks(), st.sampled_from(SLOPES), st.sampled_from([(0, 1), (Fraction(-1, 2), Fraction(3, 2))]))
def test_networks_of_fractions_fire_exactly_at_t_max_minus_the_activation(drawn: Any, slope: str, span: Any) -> None:
    network, rng = drawn
    x = np.array([Fraction(int(v), 8) for v in rng.integers(0, 9, 2 * network.n_in)], dtype=object)
    x = (x * (span[1] - span[0]) + span[0]).reshape(2, *network.input_shape)
    net = models.to_ttfs(network, x, slope, margin=WIDE, input_range=span, number=Fraction)
    run = eventsim.simulate(net, x, engine="reference")
    assert (run.counters["premature"], run.counters["late"]) == (0, 0)
    scale = factors(network, slope, span, object)
    for name, held in coded(network, x, span):
        values = (held * scale[name]).reshape(len(x), -1)
        t_max = window(net, name)[-1]
        assert (run.spike_times(name) == np.where(values > 0, t_max - values, math.inf)).all(), name
    assert (run.readout == network.forward(x, object)).all()


def coded(network: ReluNetwork, x: Array, span: Any) -> list[tuple[str, Array]]:
    """What each population ought to carry, but for the scaling: the network without batch norms, as to its layers.

    Pools of inputs of another range, which carry codes and not values, are left out.
    """
    folded = fused(network, Fraction)
    computing = [not isinstance(layer, MaxPool | AveragePool) for layer in folded.layers]
    left_out = {layer.name for layer in folded.layers[: computing.index(True)]} if span != (0, 1) else set()
    return [(name, values) for name, values in folded.activations(x, object) if name not in left_out]


def window(net: Network, name: str) -> tuple[Any, ...]:
    found = net.node(name).window
    assert found is not None
    return found


@settings(max_examples=40)
@given(networks(), st.sampled_from(SLOPES), st.sampled_from([None, (-1.0, 2.0)]))
def test_networks_of_floats_are_verified_on_both_engines(drawn: Any, slope: str, span: Any) -> None:
    network, rng = drawn
    low, high = span or (0.0, 1.0)
    x = rng.uniform(low, high, (3, *network.input_shape))
    net = models.to_ttfs(network, x, slope, margin=WIDE, input_range=span)
    run = eventsim.simulate(net, x, engine="reference", error_bounds=True)
    report = models.verify(net, network, x, run)
    assert report.ok, report.table()
    assert report.agreement == 1.0
    assert report.logit_error is not None
    assert report.logit_error <= 1e-11
    compiled = eventsim.simulate(net, x, error_bounds=True)
    assert compiled.spikes.tobytes() == run.spikes.tobytes()
    assert compiled.readout.tobytes() == run.readout.tobytes()
    assert models.verify(net, None, x, compiled).ok


def small(slope: str = "b1", seed: int = 0) -> tuple[Network, ReluNetwork, Array]:
    rng = np.random.default_rng(seed)
    layers = [
        Conv("", rng.normal(0, 0.5, (3, 1, 3, 3)), rng.normal(0, 0.1, 3), False, padding=1),
        BatchNorm(
            "", [1.0, -1.0, 0.5], rng.normal(0, 0.2, 3), rng.normal(0, 0.2, 3), rng.uniform(0.5, 2, 3), relu=True
        ),
        MaxPool("", (2, 2)),
        Conv("", rng.normal(0, 0.3, (4, 3, 2, 2)), rng.normal(0, 0.1, 4), True),
        Dense("", rng.normal(0, 0.3, (3, 16)), rng.normal(0, 0.1, 3), False),
    ]
    network = ReluNetwork(layers, (1, 6, 6))
    x = rng.uniform(size=(6, 1, 6, 6))
    return models.to_ttfs(network, x, slope, margin=2.0), network, x


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("which", [0, 2, 3])
def test_a_changed_weight_of_a_kernel_is_found_in_its_channel(slope: str, which: int) -> None:
    net, network, x = small(slope)
    assert models.verify(net, network, x).ok
    weights = np.array(net.projections[which].kind.arrays()["weights"])
    weights[(1, *[0] * (weights.ndim - 1))] *= 1 + 2.0**-46
    bent = Network()
    for node in net.nodes:
        if node is net.nodes[0]:
            bent.source(node.shape, node.name)
        elif isinstance(node, Population):
            bent.population(node.model.name, node.shape, node.name, node.window, **node.parameters)
    for k, projection in enumerate(net.projections):
        kind = projection.kind
        if k == which:
            kind = type(kind)(
                weights, **{key: getattr(kind, key) for key in ("stride", "padding") if hasattr(kind, key)}
            )
        bent.connect(projection.pre.name, projection.post.name, kind)
    bent.provenance |= net.provenance
    report = models.verify(bent, network, x)
    assert not report.ok
    named = report.divergences[report.divergences["cause"] == "structural"]
    population = net.projections[which].post
    assert set(named["population"]) == {population.name}
    size = population.size // weights.shape[0]
    assert set(named["neuron"]) == set(range(size, 2 * size))


def test_a_pool_that_is_not_that_of_the_relu_network_is_refused_or_found() -> None:
    net, network, x = small()
    layers = list(network.layers)
    layers[1] = BatchNorm("", *(vars(layers[1])[name] for name in ("gamma", "beta", "mean", "variance")), relu=True)
    other = ReluNetwork([*layers[:2], AveragePool("", (2, 2)), *(one.named("") for one in layers[3:])], (1, 6, 6))
    with pytest.raises(InputError, match=r"relu has layers input 1×6×6, conv1 3×6×6, pool1 3×3×3, .* same kinds"):
        models.verify(net, other, x)
    times = {node.name: np.array(eventsim.simulate(net, x).spike_times(node.name)) for node in net.nodes[:-1]}
    times["pool1"][2, 5] = 1.5
    report = models.verify(net, network, x, times=times)
    first = report.divergences[0]
    assert (first["population"], first["neuron"], first["sample"], first["cause"]) == ("pool1", 5, 2, "structural")


@pytest.mark.parametrize("wrong", [1e-9, 0.1, 0.9])
def test_a_spike_of_a_neuron_of_value_0_is_no_tie_however_near_its_threshold_is(wrong: float) -> None:
    """Nothing reaches the neurons and their biases are 0: V(t_max) is the threshold to the last bit."""
    conv = Conv("", np.ones((1, 1, 2, 2)), [0.0], True)
    network = ReluNetwork([conv, AveragePool("", (2, 2)), Dense("", [[1.0]], [0.0], False)], (1, 3, 3))
    x = np.zeros((1, 1, 3, 3))
    for slope in SLOPES:
        net = models.to_ttfs(network, x, slope, windows=[1.0, 1.0])
        assert models.verify(net, network, x).ok
        for name, neuron in (("conv1", 3), ("pool1", 0)):
            times = {node.name: np.full((1, node.size), np.inf) for node in net.nodes[:-1]}
            times[name][0, neuron] = float(window(net, name)[-1]) - wrong
            report = models.verify(net, network, x, times=times)
            first = report.divergences[0]
            assert (report.ok, first["population"], first["neuron"], first["cause"]) == (
                False,
                name,
                neuron,
                "structural",
            )


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("silence", ["inf", "end"])
def test_times_of_a_trainer_with_short_floats_are_held_to_their_own_rounding(dtype: Any, silence: str) -> None:
    net, _, x = small()
    run = eventsim.simulate(net, x)
    times = {}
    for node in net.nodes[:-1]:
        exact = run.spike_times(node.name)
        end = np.inf if silence == "inf" else float(window(net, node.name)[-1])
        times[node.name] = np.where(np.isinf(exact), end, exact).astype(dtype)
    # Each layer from the rounded times of the one before, as such a trainer computes it.
    report = models.verify(net, None, times=times)
    assert report.counts["input"]["structural"] == 0
    silent = np.isinf(run.spike_times("conv1"))
    assert (report.causes["conv1"][silent] != models.VerificationReport.CAUSES.index("structural")).mean() > 0.95


def test_pools_may_be_left_out_of_times_and_potentials_put_in() -> None:
    net, network, x = small()
    run = eventsim.simulate(net, x)
    times = {name: run.spike_times(name) for name in ("input", "conv1", "conv2")}
    assert models.verify(net, network, x, times=times).ok
    assert models.verify(net, network, x, times=times | {"output": run.readout}).ok
    wrong = run.readout.copy()
    wrong[1, 2] += 1e-6
    report = models.verify(net, network, x, times=times | {"output": wrong})
    assert [(d["population"], d["neuron"], d["sample"]) for d in report.divergences] == [("output", 2, 1)]
    masked = times | {"conv1": np.ma.masked_array(times["conv1"], np.isinf(times["conv1"]))}
    with pytest.raises(InputError, match="times of 'conv1' is a masked array"):
        models.verify(net, network, x, times=masked)


def test_what_a_pool_passes_on_of_a_wrong_neuron_is_inherited_behind_it() -> None:
    one = np.ones((1, 1, 1, 1))
    layers = [
        Conv("", one, [1.0], True),
        MaxPool("", (1, 2)),
        Conv("", one, [0.1], True),
        Dense("", [[1.0]], [0.0], False),
    ]
    network = ReluNetwork(layers, (1, 1, 2))
    x = np.array([[[[0.5, 0.25]]]])
    for slope in SLOPES:
        report = models.verify(models.to_ttfs(network, x, slope, windows=[1.2, 4.0]), network, x)
        assert report.summary["structural"] == 0, report.table()
        assert report.counts["pool1"]["inherited"] == report.counts["conv2"]["inherited"] == 1


def test_a_pool_whose_window_is_not_that_of_what_it_pools_is_refused() -> None:
    net = Network()
    net.source((1, 4), "input")
    net.population("ttfs_b1", (1, 4), "cells", (0.0, 1.0, 4.0), threshold=2.5)
    net.population("relay", (1, 2), "pool", (0.0, 1.0, 4.0))
    net.connect("input", "cells", eventsim.Conv(np.ones((1, 1, 1))))
    net.connect("cells", "pool", eventsim.Pool(2), delay=0.5)
    with pytest.raises(InputError, match=r"'pool' has the window \[1, 4\], but what it pools arrives in \[1.5, 4.5\]"):
        models.verify(net, x=np.ones((1, 4)))


def test_windows_in_which_float64_loses_the_values_are_refused() -> None:
    _, network, x = small()
    with pytest.raises(MappingError, match=r"layer 'conv1' ends at t = 1e\+12, where float64 has steps of 0.000122"):
        models.to_ttfs(network, x, windows=[1e12, 1.0])
    heavy = [Conv("", np.full((1, 1, 1), 1e101), [0.0], True), Dense("", [[1.0]], [0.0], False)]
    with pytest.raises(MappingError, match=r"layer 'conv1' has weights beyond 1e\+100"):
        models.to_ttfs(ReluNetwork(heavy, (1, 1)), [[[0.5]]])


def test_a_large_pool_takes_memory_for_its_synapses_alone() -> None:
    net = Network()
    net.source((1, 200, 200), "input")
    net.population("relay", (1, 1, 1), "pool", (0.0, 1.0))
    tracemalloc.start()
    kind = net.connect("input", "pool", eventsim.Pool((200, 200))).kind
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kind.n_synapses == 40_000
    assert peak < 40_000 * 400


def test_negative_scales_make_min_pools_silent_when_one_input_is() -> None:
    conv = Conv("", np.ones((2, 1, 1)), [0.0, 0.0], relu=True)
    norm = BatchNorm("", [1.0, -1.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0], 0.0)
    network = ReluNetwork([conv, norm, MaxPool("", (2,)), Dense("", np.ones((1, 4)), [0.0], False)], (1, 4))
    x = np.array([[[0.5, 0.0, 0.25, 0.75]]])
    net = models.to_ttfs(network, x, windows=[1.0])
    assert net.node("pool1").parameters["count"].tolist() == [1, 1, 2, 2]  # type: ignore[union-attr]
    run = eventsim.simulate(net, x)
    assert run.spike_times("pool1").tolist() == [[1.5, 1.25, math.inf, 1.75]]
    assert run.readout.tolist() == network.forward(x).tolist() == [[0.5 + 0.75 + 0 - 0.25]]


def test_dead_layers_get_a_window_all_the_same() -> None:
    dead = Conv("", -np.ones((1, 1, 1)), [-1.0], relu=True)
    network = ReluNetwork([dead, MaxPool("", (2,)), Dense("", np.ones((1, 2)), [0.5], False)], (1, 4))
    x = np.ones((1, 1, 4))
    net = models.to_ttfs(network, x)
    assert window(net, "conv1") == (0, 1, 2.5)
    run = eventsim.simulate(net, x)
    assert (run.n_spikes("conv1"), run.n_spikes("pool1"), run.readout.tolist()) == (0, 0, [[0.5]])
    assert models.verify(net, network, x, run).ok


def test_averages_and_global_pools_may_be_the_last_layer() -> None:
    rng = np.random.default_rng(3)
    conv = Conv("", rng.normal(0, 1, (3, 1, 3, 3)), rng.normal(0, 1, 3), True, padding=1)
    for kernel in ((4, 4), (2, 4)):
        network = ReluNetwork([conv.named(""), AveragePool("", kernel)], (1, 4, 4))
        x = rng.uniform(size=(4, 1, 4, 4))
        for slope in SLOPES:
            net = models.to_ttfs(network, x, slope, margin=WIDE)
            run = eventsim.simulate(net, x, error_bounds=True)
            assert np.abs(run.readout - network.forward(x)).max() <= 1e-13 * np.abs(run.readout).max() * WIDE
            assert models.verify(net, network, x, run).ok


def test_a_last_convolution_and_its_global_mean_are_one_read_out() -> None:
    rng = np.random.default_rng(8)
    layers = [
        Conv("", rng.normal(0, 1, (3, 1, 3, 3)), rng.normal(0, 1, 3), True, padding=1),
        Conv("", rng.normal(0, 1, (2, 3, 3, 3)), rng.normal(0, 1, 2), False, stride=2, padding=((1, 0), (0, 1))),
        AveragePool("", (2, 2)),
    ]
    network = ReluNetwork(layers, (1, 4, 4))
    x = rng.uniform(size=(4, 1, 4, 4))
    for slope in SLOPES:
        net = models.to_ttfs(network, x, slope, margin=WIDE)
        assert [population.name for population in net.populations] == ["conv1", "output"]
        run = eventsim.simulate(net, x, error_bounds=True)
        assert np.abs(run.readout - network.forward(x)).max() <= 1e-13 * np.abs(run.readout).max() * WIDE
        assert models.verify(net, network, x, run).ok


@pytest.mark.parametrize("scale", [-1.0, 1.0])
def test_a_max_pool_of_what_a_mean_with_padding_shifted_unevenly(scale: float) -> None:
    """Of the shifts at the border less is left; neurons before the max pool hold what is different, all positive."""
    rng = np.random.default_rng(9)
    norm = BatchNorm("", scale * rng.uniform(1, 2, 2), [3.0, -2.0], [0.5, 0.25], np.ones(2), 0.0)
    layers = [
        norm,
        AveragePool("", (3,), 1, 1),
        MaxPool("", (2,)),
        Dense("", rng.normal(size=(2, 6)), [0.0, 1.0], False),
    ]
    network = ReluNetwork(layers, (2, 6))
    x = np.array([Fraction(int(v), 8) for v in rng.integers(-4, 9, 36)], dtype=object).reshape(3, 2, 6)
    net = models.to_ttfs(network, x, margin=WIDE, number=Fraction, input_range=(Fraction(-1, 2), 1))
    assert [population.name for population in net.populations] == ["pool1", "batch_norm1", "pool2", "output"]
    run = eventsim.simulate(net, x, engine="reference")
    assert (run.readout == network.forward(x, object)).all()
    floats = models.to_ttfs(network, x.astype(float), margin=WIDE, input_range=(-0.5, 1))
    assert models.verify(floats, network, x.astype(float)).ok


LINEAR = {"weight": np.ones((1, 1, 1)), "bias": np.zeros(1)}


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("conv relu", ["conv1"]),
        ("conv norm relu", ["conv1"]),
        ("conv pool relu", ["conv1", "pool1"]),
        ("conv pool norm relu", ["conv1", "pool1"]),
        ("conv norm pool relu", ["conv1", "pool1"]),
        ("conv mean relu", ["pool1"]),
        ("conv mean norm relu", ["pool1"]),
        ("conv relu norm pool", ["conv1", "pool1"]),
        ("conv relu norm pool relu", ["conv1", "batch_norm1", "pool1"]),
        ("conv relu norm norm relu", ["conv1", "batch_norm2"]),
        ("conv norm norm relu mean", ["conv1", "pool1"]),
        ("conv relu flatten relu", ["conv1"]),
        ("conv pool norm flatten relu", ["conv1", "pool1"]),
        ("pool conv relu", ["pool1", "conv1"]),
    ],
)
def test_activations_go_by_the_names_of_the_populations_that_carry_them(order: str, names: list[str]) -> None:
    kinds = {
        "conv": lambda relu: Conv("", **LINEAR, relu=relu),
        "norm": lambda relu: BatchNorm("", [-1.5], [0.5], [0.25], [1.0], 0.0, relu),
        "pool": lambda relu: MaxPool("", (2,), relu=relu),
        "mean": lambda relu: AveragePool("", (2,), relu=relu),
        "flatten": lambda relu: Flatten("", relu),
    }
    parts = order.split()
    layers = [kinds[part](parts[i + 1 : i + 2] == ["relu"]) for i, part in enumerate(parts) if part != "relu"]
    n = math.prod(_shape(layers, (1, 8)))
    network = ReluNetwork([*layers, Flatten(), Dense("", np.ones((1, n)), [0.0], False)], (1, 8))
    x = np.random.default_rng(10).uniform(size=(3, 1, 8))
    assert [name for name, _ in network.activations(x)] == names
    net = models.to_ttfs(network, x)
    assert [population.name for population in net.populations][:-1] == names


def numbered(*layers: Layer) -> ReluNetwork:
    return ReluNetwork(layers, (2, 4))


CONV = Conv("", [[[0.75], [-1.5]], [[-0.5], [1.25]]], [0.25, -0.5], relu=False)
NORM = BatchNorm("", [0.5, -1.5], [0.25, 0.5], [0.5, 0.125], [1.0, 4.0], 0.0, relu=True)
READ_OUT = Dense("", np.arange(8.0).reshape(2, 4) - 3, [0.5, 0.0], False)
SIGNED = {
    "a max pool at the end": (numbered(CONV, NORM, MaxPool("", (2,))), ["conv1", "pool1", "output"]),
    "a ReLU at the end": (numbered(CONV, NORM), ["conv1", "output"]),
    "a mean of unequal windows at the end": (
        numbered(Conv("", CONV.weight, CONV.bias, True), AveragePool("", (2,), 1, 1, count_include_pad=False)),
        ["conv1", "pool1", "output"],
    ),
    "a max pool of signed values at the end": (
        numbered(CONV, MaxPool("", (2,))), ["conv1", "pool1", "conv1.negative", "pool1.negative", "output"],
    ),
    "a mean that no ReLU has cut": (
        numbered(CONV, AveragePool("", (2,)), READ_OUT), ["pool1", "pool1.negative", "output"],
    ),
    "a mean with padding that no ReLU has cut": (
        numbered(CONV, AveragePool("", (2,), 1, 1), MaxPool("", (2,)), READ_OUT),
        ["conv1", "conv1.negative", "pool1.3", "pool1.negative.3", "pool1", "pool2", "pool1.negative", "pool2.negative",
         "output"],
    ),
    "two convolutions": (
        numbered(CONV, CONV, NORM, MaxPool("", (2,)), READ_OUT),
        ["conv1", "conv1.negative", "conv2", "pool1", "output"],
    ),
    "leaky": (
        numbered(CONV, LeakyReLU("", [0.25, 0.5]), MaxPool("", (2,)), READ_OUT),
        ["conv1", "conv1.negative", "pool1", "pool1.negative", "output"],
    ),
    "a max of absolute values": (
        numbered(CONV, LeakyReLU("", [-1.0, -0.5]), MaxPool("", (2,)), READ_OUT),
        ["conv1", "conv1.negative", "leaky1", "pool1", "leaky1.negative", "pool1.negative", "output"],
    ),
    "a clip": (
        numbered(CONV, Clip("", -0.25, 0.5), MaxPool("", (2,)), READ_OUT),
        ["conv1", "conv1.2", "pool1", "pool1.high", "output"],
    ),
    "a clip with a ReLU": (
        numbered(CONV, Clip("", -0.25, 0.5, True), MaxPool("", (2,)), READ_OUT),
        ["conv1", "conv1.2", "clip1", "pool1", "output"],
    ),
    "a leaky ReLU with a ReLU": (
        numbered(CONV, LeakyReLU("", [0.25, -0.5], True), MaxPool("", (2,)), READ_OUT),
        ["conv1", "conv1.negative", "leaky1", "pool1", "output"],
    ),
    "a clip from above": (numbered(CONV, Clip("", None, 0.25)), ["conv1", "output"]),
    "a clip from below, and a far one": (
        numbered(CONV, Clip("", -0.125), Clip("", 0, 1e30), MaxPool("", (2,)), READ_OUT),
        ["conv1", "clip2.low", "clip2.high", "pool1", "pool1.high", "output"],
    ),
    "an image before a max pool of linear values": (
        numbered(
            CONV, MaxPool("", (2,)), BatchNorm("", np.ones(2), [[0.5, -0.5], [0.25, -1]], np.zeros(2), np.ones(2))
        ),
        ["conv1", "pool1", "conv1.negative", "pool1.negative", "output"],
    ),
    "a max pool of inputs minus an image": (
        numbered(
            BatchNorm("", np.ones(2), np.zeros(2), [[0.5, -0.5, 0.25, -1], [0, 1, 0, -1]], np.ones(2)),
            MaxPool("", (2,)), READ_OUT,
        ),
        ["batch_norm1", "pool1", "output"],
    ),
    "leaky at the end": (numbered(CONV, LeakyReLU("", [0.25, -0.5])), ["conv1", "conv1.negative", "output"]),
}  # fmt: skip


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
@pytest.mark.parametrize("what", SIGNED)
def test_values_that_may_be_negative_are_carried_by_two_streams(what: str, slope: str) -> None:
    network, names = SIGNED[what]
    x = np.random.default_rng(3).random((4, 2, 4))
    net = models.to_ttfs(network, x, slope, margin=20)
    assert [node.name for node in net.populations] == names
    run = eventsim.simulate(net, x, error_bounds=True, engine="reference")
    report = models.verify(net, network, x, run)
    assert report.ok, str(report)
    assert np.abs(run.readout - network.forward(x)).max() <= 1e-13
    exact = models.to_ttfs(network, x, slope, margin=20, number=Fraction)
    eighths = np.array([[Fraction(int(8 * v), 8) for v in row.ravel()] for row in x], dtype=object).reshape(x.shape)
    found = eventsim.simulate(exact, eighths, engine="reference").readout
    assert (found == network.forward(eighths, dtype=object)).all()
