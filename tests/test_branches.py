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
from eventsim.errors import InputError, MappingError, NetworkError
from eventsim.files.archive import read_archive, write_archive
from eventsim.models.relu.coded_layers import INPUTS, coded_layers
from eventsim.models.relu.folded import fused
from eventsim.models.relu.join_layers import Add, Concat
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
    """A network in the making: values that may be taken, cut by a ReLU or not, with their shapes."""

    def __init__(self, draw: Draw, shape: tuple[int, ...]) -> None:
        self.draw, self.rng = draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.layers: list[Layer] = []
        self.inputs: dict[str, list[str]] = {}
        self.shapes = {"input": shape}

    def put(self, layer: Layer, *taken: str) -> str:
        name = f"layer{len(self.layers)}"
        layer = layer.named(name)
        shapes = [self.shapes[one] for one in taken]
        self.shapes[name] = (
            layer.joined_shape(shapes) if isinstance(layer, Add | Concat) else layer.output_shape(shapes[0])
        )
        self.layers.append(layer)
        self.inputs[name] = list(taken)
        return name

    def any(self, *, positions: bool = False) -> str:
        """The name of a value, one of the last three; `positions`: that has some."""
        return self.draw(st.sampled_from([name for name in self.shapes if self.shapes[name][1:] or not positions][-3:]))

    def computed(self, source: str, relu: bool) -> str:
        c = self.shapes[source][0]
        n = self.draw(st.integers(1, 2))
        if len(self.shapes[source]) == 1:
            return self.put(Dense("", numbers(self.rng, (n, c)), numbers(self.rng, n), relu), source)
        kernel = tuple(self.draw(st.sampled_from([1, 3])) for _ in self.shapes[source][1:])
        bias = numbers(self.rng, n)
        return self.put(
            Conv("", numbers(self.rng, (n, c, *kernel)), bias, relu, padding=[k // 2 for k in kernel]), source
        )

    def norm(self, source: str, relu: bool) -> str:
        c = self.shapes[source][0]
        gamma, beta, mean = (numbers(self.rng, c) for _ in range(3))
        own = self.draw(st.sampled_from(["", "beta", "mean"]))  # which of them each position has for itself
        beta = numbers(self.rng, self.shapes[source]) if own == "beta" else beta
        mean = numbers(self.rng, self.shapes[source]) if own == "mean" else mean
        return self.put(BatchNorm("", gamma, beta, mean, self.rng.integers(1, 4, c) ** 2.0, 0.0, relu), source)

    def grow(self) -> None:
        """One more layer, or several that make sense together."""
        kinds = [
            "computed",
            "computed",
            "norm",
            "block",
            "add",
            "concat",
            "pool",
            "pool",
            "relu",
            "leaky",
            "clip",
            "flatten",
        ]
        what = self.draw(st.sampled_from(kinds))
        if what == "computed":
            self.computed(self.any(), self.draw(st.booleans()))
        elif what == "norm":
            self.norm(self.any(), self.draw(st.booleans()))
        elif what == "relu":
            self.put(Add("", True), self.any())
        elif what == "leaky":
            source = self.any()
            slope = abs(numbers(self.rng, self.shapes[source][0])) * self.draw(st.sampled_from([1, 1, -1]))
            self.put(LeakyReLU("", slope, self.draw(st.integers(0, 9)) == 0), source)
        elif what == "clip":
            bounds = self.draw(st.sampled_from([(-0.25, 0.5), (0.0, 0.75), (None, 0.25), (-0.5, None), (0.125, 0.5)]))
            self.put(Clip("", bounds[0], bounds[1], self.draw(st.integers(0, 4)) == 0), self.any())
        elif what == "flatten":
            self.put(Flatten("", self.draw(st.booleans())), self.any())
        elif what == "block":  # residual: what is added back has the shape that it began with
            start = self.any(positions=True)
            c, n_axes = self.shapes[start][0], len(self.shapes[start]) - 1
            weight, bias = numbers(self.rng, (c, c, *[1] * n_axes)), numbers(self.rng, c)
            linear = self.put(Conv("", weight, bias, False), start)
            if self.draw(st.booleans()):
                linear = self.norm(linear, False)
            self.put(Add("", self.draw(st.booleans())), *self.draw(st.permutations([start, linear])))
        elif what == "add":
            first = self.any()
            same = [name for name in self.shapes if self.shapes[name] == self.shapes[first]]
            taken = [first, *self.draw(st.lists(st.sampled_from(same), min_size=1, max_size=2))]
            self.put(Add("", self.draw(st.booleans())), *taken)
        elif what == "concat":
            first = self.any()
            same = [name for name in self.shapes if self.shapes[name][1:] == self.shapes[first][1:]]
            taken = [first, *self.draw(st.lists(st.sampled_from(same), min_size=1, max_size=2))]
            if sum(self.shapes[name][0] for name in taken) <= 6:
                self.put(Concat("", self.draw(st.booleans())), *taken)
        else:
            kind = self.draw(st.sampled_from([MaxPool, AveragePool]))
            source = self.any(positions=True)
            widest = self.draw(st.integers(1, 2))
            kernel = tuple(min(widest, n) for n in self.shapes[source][1:])
            padding = [self.draw(st.integers(0, 1)) if n > 1 else 0 for n in kernel]
            self.put(kind("", kernel, 1, padding, relu=self.draw(st.booleans())), source)

    def finished(self) -> ReluNetwork:
        """With a read-out of what nobody takes."""
        used = {name for taken in self.inputs.values() for name in taken}
        ends = [name for name in self.shapes if name not in used and name != "input"] or ["input"]
        flat = [self.put(Flatten(), name) for name in ends]
        joined = self.put(Concat(), *flat) if len(flat) > 1 else flat[0]
        n = self.shapes[joined][0]
        if self.draw(st.integers(0, 3)):
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
            elif isinstance(layer, LeakyReLU):
                slope = np.array([Fraction(value) for value in layer.slope], dtype=object)
                below = taken[0] < 0
                found = taken[0] * (1 - below) + slope.reshape(-1, *[1] * (taken[0].ndim - 2)) * taken[0] * below
            elif isinstance(layer, Clip):
                lowest, highest = (None if one is None else Fraction(one) for one in (layer.low, layer.high))
                flat = [v if lowest is None else max(v, lowest) for v in taken[0].ravel()]
                flat = [v if highest is None else min(v, highest) for v in flat]
                found = np.array(flat, dtype=object).reshape(taken[0].shape)
            elif isinstance(layer, Concat):
                found = np.array(
                    [[channel for one in taken for channel in one[k]] for k in range(len(x))], dtype=object
                )
            else:
                found = layer.apply(taken[0])
            held[name] = found * (found > 0) if layer.relu else found
        return held[name]

    return value(network.layers[-1].name)


def fractions(rng: np.random.Generator, network: ReluNetwork, span: Any = (0, 1)) -> Array:
    x = np.array([Fraction(int(v), 8) for v in rng.integers(0, 9, 2 * network.n_in)], dtype=object)
    return (x * (span[1] - span[0]) + span[0]).reshape(2, *network.input_shape)


@given(networks(), st.integers(0, 2**32 - 1))
def test_the_forward_pass_is_that_of_the_graph_and_folding_changes_nothing(network: ReluNetwork, seed: int) -> None:
    own = any(isinstance(layer, BatchNorm) and layer.by_value for layer in network.layers)
    x = fractions(np.random.default_rng(seed), network, (Fraction(0 if own else -1), Fraction(1)))
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
    net = models.to_ttfs(network, x, slope, margin=WIDE, input_range=span, number=Fraction)
    run = eventsim.simulate(net, x, engine="reference")
    assert (run.counters["premature"], run.counters["late"]) == (0, 0)
    coded = coded_layers(network.streams(), object, span, slope == "alpha1")
    factors = {layer.name: layer.factor for layer in coded}
    of_inputs = {INPUTS}  # pools of the inputs, which are coded in their own range
    for i, layer in enumerate(coded):
        if (layer.pools or layer.divisor is not None) and of_inputs.issuperset(layer.sources):
            of_inputs.add(i)
    scaled = {coded[i].name for i in of_inputs - {INPUTS}}
    for name, values in network.activations(x, dtype=object):
        population = net.node(name)
        factor = factors[name].reshape(-1, *[1] * (values.ndim - 2))
        times = run.spike_times(name).reshape(values.shape)
        assert population.window is not None
        expected = np.where(values > 0, population.window[-1] - values * factor, np.inf)
        assert (times == expected).all() or (span != (0, 1) and name in scaled), name
    assert (run.readout == network.forward(x, dtype=object)).all()
    listed = [name for name, _ in network.activations(x)]
    assert len(set(listed)) == len(listed)
    assert set(factors) >= set(listed)
    if span == (0, 1):  # else inputs may need neurons of their own
        assert [population.name for population in net.populations][:-1] == [name for name in listed if name != "output"]


@settings(max_examples=40)
@given(networks(), st.sampled_from(SLOPES), st.integers(0, 99))
def test_networks_of_floats_are_verified(network: ReluNetwork, slope: str, seed: int) -> None:
    x = np.random.default_rng(seed).random((2, *network.input_shape))
    net = models.to_ttfs(network, x, slope, margin=WIDE)
    run = eventsim.simulate(net, x, error_bounds=True, engine="reference")
    report = models.verify(net, network, x, run)
    assert report.ok, str(report)
    assert models.certify(net, x).ok


# ---- by hand


def residual() -> ReluNetwork:
    """Two residual blocks, the second with a batch norm, and a concatenation of both before the read-out."""
    rng = np.random.default_rng(5)

    def conv(name: str, relu: bool) -> Conv:
        return Conv(name, rng.normal(0, 0.4, (3, 3, 3)), rng.normal(0, 0.1, 3), relu, padding=1)

    gamma, beta, mean = rng.normal(0.3, 0.3, (3, 3))
    layers = [
        Conv("first", rng.normal(0, 0.6, (3, 1, 3)), rng.normal(0, 0.1, 3), True, padding=1),
        conv("a1", True), conv("a2", False), Add("a", True),
        conv("b1", True), conv("b2", False),
        BatchNorm("norm", gamma, beta, mean, rng.uniform(0.5, 2, 3)), Add("b", True),
        Concat("both"), MaxPool("pool", (2,)), Flatten("flat"),
        Dense("output", rng.normal(0, 0.3, (4, 24)), rng.normal(0, 0.1, 4), False),
    ]  # fmt: skip
    inputs = {"a": ["first", "a2"], "b": ["a", "norm"], "both": ["a", "b"], "pool": ["both"]}
    return ReluNetwork(layers, (1, 8), inputs=inputs)


def test_a_skip_is_delayed_by_the_windows_that_it_jumps() -> None:
    network = residual()
    net = models.to_ttfs(network, np.random.default_rng(0).random((20, 1, 8)), windows=[2.0, 3.0, 4.0, 5.0, 6.0])
    found = {(p.pre.name, p.post.name): p.delay for p in net.projections}
    assert found == pytest.approx({
        ("input", "first"): 0.0, ("first", "a1"): 0.0, ("a1", "a"): 0.0, ("first", "a"): 3.0, ("a", "b1"): 0.0,
        ("b1", "b"): 0.0, ("a", "b"): 5.0, ("a", "pool.1"): 0.0, ("b", "pool.2"): 0.0, ("pool.1", "output"): 11.0,
        ("pool.2", "output"): 0.0,
    }, rel=1e-15)  # fmt: skip
    for projection in net.projections:  # what leaves last before the window ends arrives before the next one begins
        begins, ends = projection.post.window[-2], projection.pre.window[-1]  # type: ignore[index]
        opened = projection.post.window[1]  # type: ignore[index]
        assert begins is not None
        if projection.post.model.name != "relay":
            assert np.nextafter(ends, 0.0) + projection.delay < opened
    windows = {node.name: node.window for node in net.populations}
    assert windows["a"] == (3.0, 6.0, 10.0)  # the window of a1, and its own
    assert windows["pool.1"] == windows["a"]
    assert windows["output"] == (15.0, 21.0, np.inf)


@pytest.mark.parametrize("slope", SLOPES)
def test_both_engines_give_the_bits_of_each_other_and_the_logits(slope: str) -> None:
    network, x = residual(), np.random.default_rng(1).random((30, 1, 8))
    net = models.to_ttfs(network, x, slope, windows="certified")
    runs = [eventsim.simulate(net, x, engine=engine, error_bounds=True) for engine in ("compiled", "reference")]
    assert runs[0].spikes.tobytes() == runs[1].spikes.tobytes()
    assert runs[0].readout.tobytes() == runs[1].readout.tobytes()
    report = models.verify(net, network, x, runs[0])
    assert report.ok
    assert report.agreement == 1.0
    assert np.abs(runs[0].readout - network.forward(x)).max() <= 1e-12
    assert models.certify(net, run=runs[0]).ok


def test_a_planted_delay_and_a_planted_weight_of_a_skip_are_found() -> None:
    network, x = residual(), np.random.default_rng(2).random((10, 1, 8))
    net = models.to_ttfs(network, x, windows="certified")
    for what in ("delay", "weight"):
        bent = eventsim.Network()
        for node in net.nodes:
            if node is net.nodes[0]:
                bent.source(node.shape, node.name)
            else:
                assert isinstance(node, eventsim.Population)
                bent.population(node.model.name, node.shape, node.name, node.window, **node.parameters)
        for projection in net.projections:
            kind, delay = projection.kind, projection.delay
            if (projection.pre.name, projection.post.name) == ("first", "a"):
                delay = delay * 0.999 if what == "delay" else delay
                if what == "weight":
                    kind = eventsim.Conv(kind.arrays()["weights"] * (1 + 1e-9), groups=3)
            bent.connect(projection.pre.name, projection.post.name, kind, delay)
        report = models.verify(bent, network, x)
        assert not report.ok
        wrong = {name for name, causes in report.counts.items() if causes["structural"]}
        assert wrong == {"a"}, str(report)


def test_a_file_keeps_who_takes_what(tmp_path: Path) -> None:
    network = residual()
    network.save(tmp_path / "net.npz")
    back = ReluNetwork.load(tmp_path / "net.npz")
    assert dict(back.inputs) == dict(network.inputs)
    assert parameter_hash(back) == parameter_hash(network)
    x = np.random.default_rng(3).random((4, 1, 8))
    assert back.forward(x).tobytes() == network.forward(x).tobytes()
    other = ReluNetwork(network.layers, (1, 8), inputs={**network.inputs, "b": ["norm", "a"]})
    assert parameter_hash(other) != parameter_hash(network)


ONE = np.ones((2, 2))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"c": ["input", "a"]}, "inputs of 'c': 2 for a dense layer; must be one; Add and Concat take several"),
        ({"b": ["c"]}, "inputs of 'b': 'c' is no layer before it; give names of earlier layers, or 'input'"),
        ({"b": ["b"]}, "inputs of 'b': 'b' is no layer before it"),
        ({"b": []}, r"inputs of 'b' = \[\]; must be a list of names"),
        ({"b": "a"}, "inputs of 'b' = 'a'; must be a list of names"),
        ({"bb": ["a"]}, "inputs names layer 'bb', did you mean 'b'"),
        ({"c": ["input"]}, "nobody takes the outputs of layer 'b'; remove it"),
        (["a"], r"inputs = \['a'\]; must be a dict of lists of names, or None"),
        ({"b": [7]}, "7 is no layer before it"),
        ({"b": [["a"]]}, r"\['a'\] is no layer before it"),
    ],
)
def test_inputs_that_make_no_network_are_refused(inputs: Any, message: str) -> None:
    layers = [Dense("a", ONE, np.zeros(2), True), Add("b"), Dense("c", ONE, np.zeros(2), False)]
    with pytest.raises(NetworkError, match=message):
        ReluNetwork(layers, (2,), inputs=inputs)


def test_values_that_do_not_fit_together_are_refused() -> None:
    wide = Dense("wide", np.ones((3, 2)), np.zeros(3), True)
    last = Dense("last", np.ones((1, 2)), np.zeros(1), False)
    with pytest.raises(NetworkError, match=r"layer 'sum': adds values of shapes \(3,\), \(2,\); must be equal"):
        ReluNetwork([wide, Add("sum"), last], (2,), inputs={"sum": ["wide", "input"]})
    flat = Flatten("flat")
    with pytest.raises(NetworkError, match=r"layer 'all': joins values of shapes \(1, 4\), \(4,\); all but the first"):
        ReluNetwork([flat, Concat("all"), last], (1, 4), inputs={"all": ["input", "flat"]})
    with pytest.raises(NetworkError, match="relu = 1; must be True or False"):
        Add("sum", 1)


def test_a_sum_that_no_relu_has_cut_is_carried_by_two_streams_or_by_its_terms() -> None:
    rng = np.random.default_rng(0)
    layers = [
        Dense("a", rng.normal(size=(3, 3)), np.zeros(3), True), Dense("b", rng.normal(size=(3, 3)), np.zeros(3), False),
        Add("sum"), Dense("last", rng.normal(size=(2, 3)), np.zeros(2), False),
    ]  # fmt: skip
    network = ReluNetwork(layers, (3,), inputs={"sum": ["a", "b"]})
    x = rng.random((2, 3))
    net = models.to_ttfs(network, x, margin=WIDE)
    assert [node.name for node in net.populations] == ["a", "sum", "sum.negative", "output"]
    total = network.activations(x)[0][1] + network.layers[1].apply(network.activations(x)[0][1])
    for (name, values), sign in zip(network.activations(x)[1:], (1, -1), strict=True):
        assert np.array_equal(values, np.maximum(sign * total, 0)), name
    of_cut = {**network.inputs, "sum": ["a", "c"], "c": ["b"]}
    layers[2:2] = [Add("c", True)]
    network = ReluNetwork(layers, (3,), inputs=of_cut)  # known to be positive: neurons of its own
    assert [node.name for node in models.to_ttfs(network, x).populations] == ["a", "c", "sum", "output"]
    layers[3] = BatchNorm("norm", -np.ones(3), np.zeros(3), np.zeros(3), np.ones(3), 0.0)
    layers[4:4] = [Add("sum")]
    network = ReluNetwork(layers, (3,), inputs={**network.inputs, "norm": ["c"], "sum": ["a", "norm"]})
    net = models.to_ttfs(network, x)  # of two populations, channel by channel: two projections
    assert [(p.pre.name, p.post.name) for p in net.projections][-2:] == [("a", "output"), ("c", "output")]
    assert np.abs(eventsim.simulate(net, x, engine="reference").readout - network.forward(x)).max() <= 1e-13


@pytest.mark.parametrize("seed", [10, 18])
def test_a_spike_at_the_very_end_of_a_window_is_not_late_behind_a_delay(seed: int) -> None:
    """Averages of silence have it: with a delay that is rounded to nearest it would arrive at t_min."""
    rng = np.random.default_rng(seed)

    def conv(name: str, n_in: int, bias: float) -> Conv:
        weight = rng.normal(0, 0.6, (3, n_in, 3))
        return Conv(name, weight, rng.normal(0, bias, 3) if bias else np.zeros(3), True, padding=1)

    layers = [
        conv("stem", 1, 0), conv("stem2", 3, 0), AveragePool("avg", (3,), 1, 1), conv("a1", 3, 0.1),
        conv("a2", 3, 0.1), Concat("both"), Flatten("flat"),
        Dense("output", rng.normal(0, 0.1, (3, 72)), np.zeros(3), False),
    ]  # fmt: skip
    network = ReluNetwork(layers, (1, 12), inputs={"a1": ["stem2"], "both": ["avg", "a2"]})
    x = rng.random((8, 1, 12))
    x[:, :, :8] = 0
    for slope in SLOPES:
        net = models.to_ttfs(network, x, slope, windows="certified")
        run = eventsim.simulate(net, x, error_bounds=True, engine="reference")
        assert run.counters["late"] == 0
        assert models.verify(net, network, x, run).ok
        assert models.certify(net, x).ok


def dense(name: str, n_out: int, n_in: int, relu: bool) -> Dense:
    rng = np.random.default_rng(n_out + 7 * n_in)
    return Dense(name, rng.normal(size=(n_out, n_in)), rng.normal(size=n_out), relu)


def norm(name: str, n: int, relu: bool = False) -> BatchNorm:
    one = np.ones(n)
    return BatchNorm(name, -one / 2, one / 4, one / 8, one, 0.0, relu)


NAMED = {
    "a concatenation is the output": (
        [dense("h", 3, 3, True), dense("p", 2, 3, False), dense("", 2, 3, True), Concat("all")],
        {"p": ["h"], "dense3": ["h"], "all": ["p", "dense3"]},
    ),
    "a batch norm is the output": ([dense("mine", 3, 3, True), norm("last", 3)], {}),
    "one layer, two ReLUs, and a name that would be the second's": (
        [dense("a", 3, 3, False), norm("p", 3, True), norm("q", 3, True), dense("a.2", 3, 3, True), Concat("all"),
         dense("o", 2, 9, False)],
        {"p": ["a"], "q": ["a"], "a.2": ["q"], "all": ["p", "q", "a.2"]},
    ),
    "a ReLU behind a concatenation with a batch norm in it": (
        [dense("a", 3, 3, True), norm("n", 3), Concat("all", True), dense("o", 2, 6, False)], {"all": ["a", "n"]},
    ),
    "a ReLU on inputs of another range": ([Flatten("f", True), dense("o", 2, 3, False)], {}),
    "a sum of what nobody else takes, named as a term would be": (
        [dense("s+1", 3, 3, True), dense("b", 3, 3, False), Add("s", True), dense("o", 2, 3, False)],
        {"s": ["s+1", "b"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NAMED)
def test_activations_go_by_the_names_of_populations(what: str) -> None:
    layers, inputs = NAMED[what]
    network = ReluNetwork(layers, (3,), inputs=inputs)
    x = np.random.default_rng(1).uniform(-1, 1, (4, 3))
    net = models.to_ttfs(network, x, margin=WIDE, input_range=(-1, 1))
    names = [node.name for node in net.populations]
    assert [name for name, _ in network.activations(x) if name in names[:-1]] == names[:-1]
    assert names[-1] == "output"
    run = eventsim.simulate(net, x, error_bounds=True, engine="reference")
    assert models.verify(net, network, x, run).ok
    for name, values in network.activations(x):
        if name in names[:-1]:
            window = net.node(name).window
            assert window is not None
            carried = window[-1] - np.minimum(run.spike_times(name), window[-1])
            assert np.abs(carried - values.reshape(len(x), -1)).max() <= 1e-11, name
    assert np.abs(run.readout - network.forward(x)).max() <= 1e-11
    assert np.abs(fused(network).forward(x) - network.forward(x)).max() <= 1e-12


def test_a_value_that_is_added_to_itself_again_and_again_stays_one_term() -> None:
    layers = [dense("a", 3, 3, False), *(Add(f"s{k}") for k in range(40)), Add("cut", True), dense("o", 2, 3, False)]
    inputs = {f"s{k}": [f"s{k - 1}" if k else "a"] * 2 for k in range(40)}
    network = ReluNetwork(layers, (3,), inputs=inputs)
    x = np.random.default_rng(0).random((2, 3))
    net = models.to_ttfs(network, x)
    assert len(net.projections) == 2
    assert np.abs(eventsim.simulate(net, x, engine="reference").readout / network.forward(x) - 1).max() < 1e-12


def test_windows_are_set_for_fractions_that_neurons_take_each_by_itself() -> None:
    layers = [dense("a", 2, 2, True), Add("s", True), dense("", 2, 2, False)]
    x = np.array([[Fraction(1, 2), Fraction(1, 4)]], dtype=object)
    network = ReluNetwork(layers, (2,), inputs={"s": ["a", "a"]})
    net = models.to_ttfs(network, x, number=Fraction)
    run = eventsim.simulate(net, x, engine="reference")
    assert (run.readout == network.forward(x, dtype=object)).all()


def test_what_would_take_too_much_memory_or_depth_is_refused_or_works() -> None:
    pools = [Conv("c", np.ones((1, 1, 1)), np.zeros(1), False), *(MaxPool(f"p{k}", (1,)) for k in range(1100))]
    last = [Add("a", True), Add("b", True), Concat("ab"), dense("o", 1, 4, False)]
    inputs = {"a": ["p1099"], "b": ["p1099"], "ab": ["a", "b"]}
    deep = ReluNetwork([*pools, *last], (1, 2), inputs=inputs)
    x = np.random.default_rng(0).random((2, 1, 2))
    assert np.abs(fused(deep).forward(x) - deep.forward(x)).max() <= 1e-12
    n = 6000
    wide = ReluNetwork(
        [Flatten("flat"), Add("sum", True), Dense("o", np.ones((1, n)), np.zeros(1), False)], (n, 1),
        inputs={"sum": ["flat", "flat"]},
    )  # fmt: skip
    x = np.random.default_rng(1).random((1, n, 1))
    net = models.to_ttfs(wide, x)
    assert [p.kind.kind for p in net.projections] == ["one_to_one", "dense"]
    assert models.verify(net, wide, x).ok
    assert models.certify(net, x).ok
    both = ReluNetwork(
        [Flatten("flat"), Concat("both"), Add("sum", True), Dense("o", np.ones((1, 2 * n)), [0.0], False)], (n, 1),
        inputs={"both": ["flat", "flat"], "sum": ["both"]},
    )  # fmt: skip
    with pytest.raises(MappingError, match=r"'sum' takes 6,000 values as they are by 12,000 x 6,000 weights; must be"):
        models.to_ttfs(both, x)


def test_a_file_without_inputs_is_a_chain(tmp_path: Path) -> None:
    network = ReluNetwork([dense("a", 3, 3, True), dense("o", 2, 3, False)])
    network.save(tmp_path / "net.npz")
    header, arrays = read_archive(tmp_path / "net.npz", "eventsim-relu", 1)
    del header["inputs"]
    write_archive(tmp_path / "old.npz", header, arrays)
    assert dict(ReluNetwork.load(tmp_path / "old.npz").inputs) == dict(network.inputs)
    with pytest.raises(InputError, match="there is no layer 'b'"):
        network.shape_of("b")
