"""Networks with branches: residual sums and concatenations are what they say, and their spikes are exactly so.

Networks are random: chains, sums, concatenations, batch norms and pools over values that a ReLU has cut or not. The
forward pass is held against plain Fractions, the folded network against the forward pass, spikes against both.
"""

# Lists, and what is no such number, are given on purpose.
# mypy: disable-error-code="arg-type"

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim
from eventsim import models
from eventsim.errors import MappingError, NetworkError
from eventsim.models.coded_layers import coded_layers
from eventsim.models.fusion import fused
from eventsim.models.join_layers import Add, Concat
from eventsim.models.relu_network import (
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
SLOPES = ("b1", "alpha1")
WIDE = 60  # no neuron of these networks is premature


def numbers(rng: np.random.Generator, shape: Any) -> Array:
    """Eighths in [-1, 1]: exact as Fractions, short in denominators."""
    return rng.integers(-8, 9, shape) / 8


class Growing:
    """A network in the making: values that may be taken, with their shapes, and whether a ReLU has cut them."""

    def __init__(self, draw: Draw, shape: tuple[int, ...]) -> None:
        self.draw, self.rng = draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.layers: list[Layer] = []
        self.inputs: dict[str, list[str]] = {}
        self.shapes = {"input": shape}
        self.cut = {"input": True}

    def put(self, layer: Layer, *taken: str) -> str:
        name = f"layer{len(self.layers)}"
        layer = layer.named(name)
        shapes = [self.shapes[one] for one in taken]
        self.shapes[name] = (
            layer.joined_shape(shapes) if isinstance(layer, Add | Concat) else layer.output_shape(shapes[0])
        )
        kept = all(self.cut[one] for one in taken) and not isinstance(layer, Conv | Dense | BatchNorm)
        self.cut[name] = layer.relu or kept
        self.layers.append(layer)
        self.inputs[name] = list(taken)
        return name

    def any(self, *, cut: bool) -> str:
        """The name of a value, one of the last three."""
        return self.draw(st.sampled_from([name for name in self.shapes if self.cut[name] or not cut][-3:]))

    def conv(self, source: str, relu: bool) -> str:
        c = self.shapes[source][0]
        n = self.draw(st.integers(1, 2))
        kernel = tuple(self.draw(st.sampled_from([1, 3])) for _ in self.shapes[source][1:])
        bias = numbers(self.rng, n)
        return self.put(
            Conv("", numbers(self.rng, (n, c, *kernel)), bias, relu, padding=[k // 2 for k in kernel]), source
        )

    def norm(self, source: str, relu: bool) -> str:
        c = self.shapes[source][0]
        gamma, beta, mean = (numbers(self.rng, c) for _ in range(3))
        return self.put(BatchNorm("", gamma, beta, mean, self.rng.integers(1, 4, c) ** 2.0, 0.0, relu), source)

    def grow(self) -> None:
        """One more layer, or several that make sense together."""
        what = self.draw(st.sampled_from(["conv", "norm", "block", "add", "concat", "pool", "relu"]))
        if what == "conv":
            self.conv(self.any(cut=True), True)
        elif what == "norm":
            self.norm(self.any(cut=False), self.draw(st.booleans()))
        elif what == "relu":
            self.put(Add("", True), self.any(cut=False))
        elif what == "block":  # residual: what is added back has the shape that it began with
            start = self.any(cut=True)
            linear = self.put(
                Conv("", numbers(self.rng, (self.shapes[start][0], self.shapes[start][0], *[1] * (len(self.shapes[start]) - 1))),
                     numbers(self.rng, self.shapes[start][0]), False), start,
            )  # fmt: skip
            if self.draw(st.booleans()):
                linear = self.norm(linear, False)
            self.put(Add("", self.draw(st.booleans())), *self.draw(st.permutations([start, linear])))
        elif what == "add":
            first = self.any(cut=False)
            same = [name for name in self.shapes if self.shapes[name] == self.shapes[first]]
            taken = [first, *self.draw(st.lists(st.sampled_from(same), min_size=1, max_size=2))]
            self.put(Add("", self.draw(st.booleans())), *taken)
        elif what == "concat":
            first = self.any(cut=False)
            same = [name for name in self.shapes if self.shapes[name][1:] == self.shapes[first][1:]]
            taken = [first, *self.draw(st.lists(st.sampled_from(same), min_size=1, max_size=2))]
            if sum(self.shapes[name][0] for name in taken) <= 6:
                self.put(Concat("", self.draw(st.booleans())), *taken)
        else:
            kind = self.draw(st.sampled_from([MaxPool, AveragePool]))
            source = self.any(cut=True)
            widest = self.draw(st.integers(1, 2))
            self.put(kind("", tuple(min(widest, n) for n in self.shapes[source][1:]), 1), source)

    def finished(self) -> ReluNetwork:
        """With a read-out of what nobody takes."""
        used = {name for taken in self.inputs.values() for name in taken}
        for name in [name for name in self.shapes if name not in used and not self.cut[name]]:
            self.put(Add("", True), name)
        used = {name for taken in self.inputs.values() for name in taken}
        ends = [name for name in self.shapes if name not in used and name != "input"] or ["input"]
        flat = [self.put(Flatten(), name) for name in ends]
        joined = self.put(Concat(), *flat) if len(flat) > 1 else flat[0]
        n = self.shapes[joined][0]
        self.put(Dense("", numbers(self.rng, (2, n)), numbers(self.rng, 2), False), joined)
        last = self.layers[-1]
        self.inputs["output"] = self.inputs.pop(last.name)
        self.layers[-1] = last.named("output")
        return ReluNetwork(self.layers, self.shapes["input"], inputs=self.inputs)


@st.composite
def networks(draw: Draw) -> ReluNetwork:
    shape = (draw(st.integers(1, 2)), *draw(st.lists(st.integers(2, 4), min_size=1, max_size=2)))
    growing = Growing(draw, shape)
    for _ in range(draw(st.integers(1, 6))):
        growing.grow()
    return growing.finished()


def plain_forward(network: ReluNetwork, x: Array) -> Array:
    """One recursive function of Fractions, layer by layer, which asks each layer for its linear part alone."""
    held: dict[str, Array] = {}

    def value(name: str) -> Array:
        if name == "input":
            return x
        if name not in held:
            layer = next(layer for layer in network.layers if layer.name == name)
            taken = [value(one) for one in network.inputs[name]]
            if isinstance(layer, Add):
                found = sum(taken[1:], taken[0])
            elif isinstance(layer, Concat):
                found = np.array([[channel for one in taken for channel in one[k]] for k in range(len(x))], dtype=object)
            else:
                found = layer.apply(taken[0])
            held[name] = np.maximum(found, Fraction(0)) if layer.relu else found
        return held[name]

    return value(network.layers[-1].name)


def fractions(rng: np.random.Generator, network: ReluNetwork, span: Any = (0, 1)) -> Array:
    x = np.array([Fraction(int(v), 8) for v in rng.integers(0, 9, 2 * network.n_in)], dtype=object)
    return (x * (span[1] - span[0]) + span[0]).reshape(2, *network.input_shape)


@given(networks(), st.integers(0, 2**32 - 1))
def test_the_forward_pass_is_that_of_the_graph_and_folding_changes_nothing(network: ReluNetwork, seed: int) -> None:
    x = fractions(np.random.default_rng(seed), network, (Fraction(-1), Fraction(1)))
    expected = plain_forward(network, x)
    assert (network.forward(x, dtype=object) == expected).all()
    folded = fused(network, Fraction)
    assert not any(isinstance(layer, BatchNorm) for layer in folded.layers)
    assert (folded.forward(x, dtype=object) == expected).all()


@settings(max_examples=60)
@given(
    networks(),
    st.sampled_from(SLOPES),
    st.sampled_from([(0, 1), (Fraction(-1, 2), Fraction(3, 2))]),
    st.integers(0, 99),
)
def test_spikes_are_exactly_at_t_max_minus_the_activation(
    network: ReluNetwork, slope: str, span: Any, seed: int
) -> None:
    x = fractions(np.random.default_rng(seed), network, span)
    try:
        net = models.to_ttfs(network, x, slope, margin=WIDE, input_range=span, number=Fraction)
    except MappingError as error:
        assert "has no ReLU" in str(error)  # noqa: PT017 - values that are taken although no ReLU has cut them
        return
    run = eventsim.simulate(net, x, engine="reference")
    assert (run.counters["premature"], run.counters["late"]) == (0, 0)
    factors = {layer.name: layer.factor for layer in coded_layers(network, object, span, slope == "alpha1")}
    pools = {layer.name for layer in network.layers if isinstance(layer, MaxPool | AveragePool)}
    for name, values in network.activations(x, dtype=object):
        population = net.node(name)
        if name.split(".")[0] in pools:  # what is to be done to their inputs may wait for the next layer
            continue
        factor = factors[name].reshape(-1, *[1] * (values.ndim - 2))
        times = run.spike_times(name).reshape(values.shape)
        expected = np.where(values > 0, population.window[-1] - values * factor, np.inf)
        assert (times == expected).all(), name
    assert (run.readout == network.forward(x, dtype=object)).all()
    assert set(factors) >= {name for name, _ in network.activations(x)}


@settings(max_examples=40)
@given(networks(), st.sampled_from(SLOPES), st.integers(0, 99))
def test_networks_of_floats_are_verified(network: ReluNetwork, slope: str, seed: int) -> None:
    x = np.random.default_rng(seed).random((2, *network.input_shape))
    try:
        net = models.to_ttfs(network, x, slope, margin=WIDE)
    except MappingError as error:
        assert "has no ReLU" in str(error)  # noqa: PT017
        return
    run = eventsim.simulate(net, x, error_bounds=True, engine="reference")
    report = models.verify(net, network, x, run)
    assert report.ok, str(report)
    assert models.certify(net, x).ok
