"""What is read from PyTorch computes what PyTorch computes, and what cannot be read is refused by name."""

# Lists, and what is no such number, are given on purpose.
# mypy: disable-error-code="arg-type"

import math
import sys
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from eventsim import simulate
from eventsim.errors import EventsimError, InputError, MappingError, NetworkError
from eventsim.models import certify, read_relu, to_ttfs, verify
from eventsim.models.readers.torch_modules import SUPPORTED_MODULES
from eventsim.models.relu.coded_layers import coded_layers
from eventsim.models.relu.folded import fused
from eventsim.models.relu.relu_network import AveragePool, BatchNorm, Conv, Dense, Flatten, MaxPool, ReluNetwork

torch = pytest.importorskip("torch")
nn = torch.nn
from torch_networks import ORDERS, Draw, blocks, flat, networks, outputs_of, randomised, shown_by  # noqa: E402

pytestmark = [
    pytest.mark.references,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]

Array = np.ndarray[Any, Any]
# Of the largest value: sums of some hundred products round to 1e-14, layers magnify that a little.
TOLERANCE = 1e-11
MARGIN = 100


def close(ours: Array, theirs: Array) -> bool:
    return ours.shape == theirs.shape and bool(
        np.abs(ours - theirs).max() <= TOLERANCE * max(np.abs(theirs).max(), 1e-9)
    )


@given(networks(), st.integers(0, 2**32 - 1))
def test_logits_and_activations_are_those_of_torch(drawn: Any, seed: int) -> None:
    module, input_shape = drawn
    x = np.random.default_rng(seed).uniform(-1, 1, (4, *input_shape))
    network = read_relu(module, input_shape)
    modules = [one for one in flat(module) if not isinstance(one, nn.Softmax | nn.LogSoftmax)]
    shown, logits = shown_by(modules, x)
    assert close(network.forward(x), logits)
    for (name, ours), theirs in zip(network.activations(x), shown, strict=True):
        assert close(ours, theirs), name
    folded = fused(network)
    assert {type(layer) for layer in folded.layers} <= {Conv, Dense, MaxPool, AveragePool, Flatten}
    assert close(folded.forward(x), logits)


@st.composite
def spiking(draw: Draw) -> tuple[Any, tuple[int, ...]]:
    """Convolutions, each with a ReLU and a batch norm before or behind it or none, pools; dense layers."""
    input_shape = shape = (draw(st.integers(1, 3)), *draw(st.lists(st.integers(4, 9), min_size=1, max_size=2)))
    modules: list[Any] = []
    for _ in range(draw(st.integers(1, 3))):
        made, channels, positions = draw(blocks(shape[0], shape[1:], [order for order in ORDERS if "relu" in order]))
        shape = (channels, *positions)
        modules += made
    if draw(st.booleans()):  # a last convolution whose means are the outputs
        kind, pool = (nn.Conv1d, nn.AdaptiveAvgPool1d) if len(shape) == 2 else (nn.Conv2d, nn.AdaptiveAvgPool2d)
        modules += [kind(shape[0], 3, 1), pool(1), nn.Flatten()]
    else:
        modules += [nn.Flatten(), nn.Linear(math.prod(shape), 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3)]
    return randomised(nn.Sequential(*modules), draw(st.integers(0, 2**32 - 1))), input_shape


@settings(max_examples=200)
@given(spiking(), st.integers(0, 2**32 - 1), st.sampled_from(["b1", "alpha1"]), st.booleans())
def test_spike_times_and_readouts_are_the_activations_and_logits_of_torch(
    drawn: Any, seed: int, slope: str, signed: bool
) -> None:
    module, input_shape = drawn
    low = -1.0 if signed else 0.0
    x = np.random.default_rng(seed).uniform(low, 1, (3, *input_shape))
    network = read_relu(module, input_shape)
    # Windows so wide that no neuron of these untrained networks fires before it has heard all.
    net = to_ttfs(network, x, slope, margin=MARGIN, input_range=(low, 1.0))
    run = simulate(net, x)
    assert run.counters["late"] == 0
    if run.counters["premature"]:  # a layer that is all but dead has a short window, however wide
        assert not certify(net, x).ok
        reject()
    shown, logits = shown_by(flat(module), x)
    layers = {layer.name: layer for layer in coded_layers(network.streams(), np.float64, (low, 1.0), slope == "alpha1")}
    for (name, _), theirs in zip(network.activations(x), shown, strict=True):
        layer, t_window = layers[name], net.node(name).window
        assert t_window is not None
        values = float(t_window[-1]) - np.minimum(run.spike_times(name), float(t_window[-1]))
        by_channel = theirs.reshape(len(x), len(layer.factor), -1) * layer.factor[:, None]
        wrong = np.abs(values - by_channel.reshape(len(x), -1)).max()
        # Of the window that the calibration alone would give, not of the wide one; and times are rounded.
        rounding = np.spacing(float(t_window[-1]))
        assert wrong <= TOLERANCE * float(t_window[-1] - t_window[-2]) / MARGIN + rounding, (name, wrong)
    assert np.abs(run.readout - logits).max() <= TOLERANCE * np.abs(logits).max()


def test_what_changes_a_module_from_outside_is_refused() -> None:
    def net() -> Any:
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)).double()

    hooked, before, pruned = net(), net(), net()
    hooked[0].register_forward_hook(lambda _module, _inputs, output: output * 5)
    before.register_forward_pre_hook(lambda _module, inputs: inputs)
    prune = pytest.importorskip("torch.nn.utils.prune")
    prune.l1_unstructured(pruned[0], "weight", 3)
    for module, message in (
        (hooked, r"0 \(Conv2d\) has hooks"),
        (before, "has hooks"),
        (pruned, r"0 \(Conv2d\) has hooks"),
    ):
        with pytest.raises(MappingError, match=message):
            read_relu(module, (1, 4, 4))


class Louder(nn.Conv2d):  # type: ignore[misc,name-defined]
    def _conv_forward(self, *arguments: Any) -> Any:
        return 2 * super()._conv_forward(*arguments)


def test_code_of_their_own_is_read_in_modules_of_known_classes() -> None:
    subclassed = nn.Sequential(Louder(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)).double()
    overridden = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(16, 2), OwnSequential(nn.ReLU())).double()
    overridden[0].forward = lambda x: x
    x = np.random.default_rng(7).normal(size=(3, 1, 4, 4))
    for module in (subclassed, overridden):
        assert close(read_relu(module, (1, 4, 4)).forward(x), outputs_of(module, x))


def test_the_shape_of_inputs_may_come_from_the_calibration_data() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)).double()
    x = np.random.default_rng(0).random((3, 1, 4, 4))
    net = to_ttfs(module, x, margin=MARGIN)
    assert verify(net, module, x).ok


def test_a_module_in_training_is_read_as_it_evaluates() -> None:
    module = randomised(nn.Sequential(nn.Conv1d(2, 3, 2), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(0.9)), 0)
    module.train()
    x = np.random.default_rng(1).normal(size=(3, 2, 6))
    network = read_relu(module, (2, 6))
    assert module.training
    assert close(network.forward(x), outputs_of(module, x).reshape(3, -1))
    assert network.provenance == {"source": "torch.nn.Sequential", "output": "identity"}


def test_a_relu_that_stands_at_two_places_is_read_twice() -> None:
    relu = nn.ReLU()
    network = read_relu(nn.Sequential(nn.Linear(2, 3), relu, nn.Linear(3, 3), relu, nn.Linear(3, 1)))
    assert [layer.relu for layer in network.layers] == [True, True, False]
    assert network.input_shape == (2,)


def test_named_nested_and_single_modules_are_read() -> None:
    inner = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), act=nn.ReLU()))
    module = nn.Sequential(OrderedDict(body=inner, rest=nn.Identity(), last=nn.Linear(3, 2), out=nn.Sigmoid()))
    network = read_relu(module)
    assert [layer.name for layer in network.layers] == ["dense1", "output"]
    assert network.provenance["output"] == "logistic"
    assert read_relu(nn.Linear(4, 2)).n_in == 4
    assert read_relu(nn.Conv1d(1, 2, 3), (1, 5)).output_shape == (2, 3)


def test_single_precision_is_read_exactly() -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        linear = nn.Linear(5, 4).to(dtype)
        [layer] = read_relu(linear).layers
        assert isinstance(layer, Dense)
        assert np.array_equal(layer.weight, linear.weight.detach().double().numpy())


def test_adaptive_pools_that_divide_the_positions_are_average_pools() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((2, None)))
    x = np.random.default_rng(2).normal(size=(2, 1, 6, 5))
    assert close(read_relu(module.double(), (1, 6, 5)).forward(x), outputs_of(module, x).reshape(2, -1))


class Clamped(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self, low: float | None, high: float | None) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x: Any) -> Any:
        return torch.clamp(x, self.low, self.high)


@pytest.mark.parametrize("bounds", [(0, 1e10), (0, 1e14), (0, 1e30), (-0.5, 1e20), (None, 1e15), (-0.25, None)])
def test_clips_with_bounds_that_nothing_reaches_change_nothing(bounds: Any) -> None:
    module = randomised(nn.Sequential(nn.Linear(5, 6), Clamped(*bounds), nn.Linear(6, 3)), 2)
    x = np.random.default_rng(0).random((6, 5))
    assert close(read_relu(module).forward(x), outputs_of(module, x))
    net = to_ttfs(module, x, margin=20)
    assert np.abs(simulate(net, x, engine="reference").readout - outputs_of(module, x)).max() <= 1e-13
    assert verify(net, module, x).ok


@pytest.mark.parametrize("size", [4, 5, 6, 7, 8, 9])
def test_pools_in_ceil_mode_have_windows_that_the_border_cuts(size: int) -> None:
    x = np.random.default_rng(5).normal(size=(2, 3, size, 9))
    for pool in (
        nn.MaxPool2d(3, 2, ceil_mode=True), nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.MaxPool2d(2, 3, ceil_mode=True),
        nn.MaxPool2d(2, 2, dilation=2, ceil_mode=True), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.AvgPool2d(2, 3, ceil_mode=True), nn.AvgPool2d(3, 3, 1, True, False), nn.AvgPool2d(2, 1, 1, True),
    ):  # fmt: skip
        assert close(read_relu(nn.Sequential(pool), (3, size, 9)).forward(x), outputs_of(pool, x).reshape(2, -1)), pool


def test_paddings_before_one_convolution_add_up() -> None:
    pads = [nn.ZeroPad2d((1, 0, 2, 3)), nn.ConstantPad2d((0, 4, 0, 1), 0.0)]
    module = nn.Sequential(*pads, nn.Conv2d(2, 3, 3, padding=(1, 0)), nn.ReLU()).double()
    [layer] = read_relu(module, (2, 5, 4)).layers
    assert isinstance(layer, Conv)
    assert layer.padding == ((3, 5), (1, 4))
    x = np.random.default_rng(6).normal(size=(2, 2, 5, 4))
    assert close(read_relu(module, (2, 5, 4)).forward(x), outputs_of(module, x).reshape(2, -1))


def test_batch_norms_before_any_layer_are_read_and_folded() -> None:
    module = randomised(nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3, padding=1), nn.ReLU()), 3)
    network = read_relu(module, (2, 5, 5))
    assert isinstance(network.layers[0], BatchNorm)
    x = np.random.default_rng(4).normal(size=(2, 2, 5, 5))
    assert close(fused(network).forward(x), outputs_of(module, x).reshape(2, -1))
    assert len(fused(network).layers) == 1


class OwnCode(nn.Module):  # type: ignore[name-defined,misc]
    def forward(self, x: Any) -> Any:
        return x


class OwnSequential(nn.Sequential):  # type: ignore[name-defined,misc]
    def forward(self, x: Any) -> Any:
        return super().forward(x) + 1


class Changing(nn.Module):  # type: ignore[name-defined,misc]
    """What is changed in place is seen by another, in one of several ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.a, self.b = how, nn.Linear(6, 6), nn.Linear(6, 6)
        self.last = nn.Linear(12, 3)
        self.cut, self.dropout = nn.ReLU(inplace=True), nn.Dropout()

    def forward(self, x: Any) -> Any:
        y = self.a(x)
        if self.how == "+=":
            y = torch.relu(y)
            skip = y
            y += torch.relu(self.b(y))
        elif self.how == "dropout":
            skip, y = y, self.cut(self.dropout(y))
            skip = torch.relu(-skip)
        elif self.how == "view":
            skip = nn.functional.relu(y.reshape(-1, 2, 3).flatten(1), inplace=True)
        else:
            skip = y.contiguous().relu_()
        return self.last(torch.cat([y, skip], axis=1))  # torch takes `axis` for `dim`


@pytest.mark.parametrize("how", ["+=", "dropout", "view", "relu_"])
def test_a_module_that_computes_something_else_than_its_graph_is_refused(how: str) -> None:
    torch.manual_seed(3)
    with pytest.raises(MappingError, match=r"Changing computes other outputs than its graph as torch\.fx records it"):
        read_relu(Changing(how), (6,))


class LastChannels(nn.Module):  # type: ignore[name-defined,misc]
    """Branches that begin at inputs which have their channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.last = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 3, padding=1), nn.Linear(4 * 20 + 60, 2)

    def forward(self, x: Any) -> Any:
        y = x.permute(0, 3, 1, 2)
        joined = torch.cat([torch.relu(self.one(y)), torch.relu(self.two(x.transpose(1, 3).transpose(2, 3)))], 1)
        return self.last(torch.cat([joined.flatten(1), x.flatten(1)], 1))


def test_inputs_in_one_axis_whose_order_changes_are_refused() -> None:
    class Turning(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(2, 2, 3)

        def forward(self, x: Any) -> Any:
            return self.conv(x.view(-1, 6, 2).permute(0, 2, 1)).flatten(1)

    with pytest.raises(MappingError, match=r"conv \(Conv1d\) takes inputs in one axis as \(2, 6\), in another order"):
        read_relu(Turning(), (12,))


def test_branches_at_inputs_with_the_channels_last_are_read() -> None:
    torch.manual_seed(4)
    module = LastChannels().double()
    network = read_relu(module, (4, 5, 3))
    assert network.input_shape == (3, 4, 5)
    x = np.random.default_rng(5).random((3, 4, 5, 3))
    assert close(network.forward(np.moveaxis(x, -1, 1)), outputs_of(module, x))


class Single(nn.Module):  # type: ignore[name-defined,misc]
    """Code that asks for float32, and gives something besides."""

    def __init__(self, last: Any) -> None:
        super().__init__()
        self.first, self.last = nn.Conv1d(1, 2, 3), last

    def forward(self, x: Any) -> Any:
        y = x.view(-1, 1, 6)
        both = torch.cat([torch.relu(self.first(y.float())), torch.relu(self.first(x.reshape(-1, 1, 6).float()))], 1)
        return 3, self.last(both.flatten(1))


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("kind", [nn.Softmax, nn.LogSoftmax, nn.Sigmoid, nn.Identity])
def test_modules_in_float32_with_any_last_function_are_what_they_are_read_as(kind: Any, width: int) -> None:
    torch.manual_seed(8)
    function = kind(1) if kind in (nn.Softmax, nn.LogSoftmax) else kind()
    linear = nn.Linear(16, width)
    with torch.no_grad():
        linear.weight *= 4000.0  # probabilities that float64 does not hold
    module = Single(nn.Sequential(linear, function))
    network = read_relu(module, (6,))
    assert network.input_shape == (1, 6)
    x = np.random.default_rng(9).uniform(-1, 1, (3, 6))
    cut = torch.relu(module.first(torch.tensor(x[:, None]).float()))
    expected = linear(torch.cat([cut, cut], 1).flatten(1)).detach().numpy()
    assert np.abs(network.forward(x) - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_concatenation_may_be_the_output() -> None:
    class Sides(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            h = torch.relu(self.a(x))
            return torch.cat([self.b(h), torch.cat([torch.relu(self.b(h))], 1)], 1)

    torch.manual_seed(6)
    module = Sides().double()
    network = read_relu(module, (3,))
    x = np.random.default_rng(6).random((5, 3))
    net = to_ttfs(network, x, windows="certified")
    assert close(simulate(net, x, engine="reference").readout, outputs_of(module, x))


def test_a_relu_on_the_inputs_is_a_layer_of_neurons() -> None:
    torch.manual_seed(1)
    module = nn.Sequential(nn.ReLU(), nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)).double()
    x = np.random.default_rng(4).uniform(-1, 1, (4, 2, 4, 4))
    network = read_relu(module, (2, 4, 4))
    assert close(network.forward(x), outputs_of(module, x))
    for slope in ("b1", "alpha1"):
        net = to_ttfs(network, x, slope, input_range=(-1, 1), windows="certified")
        run = simulate(net, x, engine="reference", error_bounds=True)
        assert verify(net, network, x, run).ok
        assert np.abs(run.readout - outputs_of(module, x)).max() <= 1e-12
    assert [name for name, _ in network.activations(x)] == [p.name for p in net.populations[:-1]]


class Branches(nn.Module):  # type: ignore[name-defined,misc]
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(2, 2, 1)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.inner(x)) * x


class Bent(Branches):
    def forward(self, x: Any) -> Any:
        return torch.tanh(self.inner(x))


class Rounding(Branches):
    def forward(self, x: Any) -> Any:
        return self.inner(x) // 2


class Deciding(Branches):
    def forward(self, x: Any) -> Any:
        return self.inner(x) if x.sum() > 0 else x


class InPlace(Branches):
    def forward(self, x: Any) -> Any:
        y = self.inner(x)
        torch.relu_(y)
        return self.inner(y)


class Dropping(Branches):
    def forward(self, x: Any) -> Any:
        return nn.functional.dropout(self.inner(x))


class Joining(Branches):
    def forward(self, x: Any) -> Any:
        return self.inner(x).view(-1, 36)


class Functional(nn.Module):  # type: ignore[name-defined,misc]
    """The same operations by functions and methods, as many write them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 6, 3)
        self.hidden, self.last = nn.Linear(12, 10), nn.Linear(10, 3)
        self.register_buffer("mean", torch.rand(2, 1, 1))
        self.scale = nn.Parameter(torch.randn(10))

    def forward(self, x: Any) -> Any:
        functional = nn.functional
        x = (x - self.mean) / 0.7
        x = functional.max_pool2d(functional.relu(self.norm(self.first(x))), 2)
        x = functional.pad(x, (1, 0, 0, 2))
        x = functional.relu6(functional.conv2d(x, self.second.weight, bias=self.second.bias, stride=2))
        x = x.permute(0, 2, 3, 1).reshape(x.size(0), x.shape[1] * x.shape[2] * x.shape[3])
        x = functional.dropout(self.hidden(x).relu() * self.scale, training=self.training)
        return functional.log_softmax(self.last(x), dim=1)


def test_functions_and_methods_are_read_as_modules_are() -> None:
    module = randomised(Functional(), 0)
    for parameter in module.parameters():
        parameter.data *= 4  # so that the ReLU6 cuts
    x = np.random.default_rng(8).normal(size=(4, 2, 6, 6))
    network = read_relu(module, (2, 6, 6))
    assert network.provenance == {
        "source": "torch module Functional",
        "output": "softmax",
        "dropped": ["log_softmax (log_softmax)"],
    }
    logits = network.forward(x)
    normalised = logits - np.log(np.exp(logits - logits.max(1)[:, None]).sum(1))[:, None] - logits.max(1)[:, None]
    assert close(normalised, outputs_of(module, x))
    assert close(fused(network).forward(x), logits)
    kinds = [layer.kind for layer in network.layers]
    assert kinds.count("batch_norm") == 4  # two for the inputs, that of the module, the scale
    assert kinds.count("clip") == 1
    cut = network.activations(x)[2][1]
    assert (cut == 0).any()


def test_a_relu6_is_two_relus_and_computed_exactly_by_spikes() -> None:
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU6(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2))
    module = randomised(module, 1)
    module[0].weight.data *= 20
    x = np.random.default_rng(9).random((5, 1, 6, 6))
    net = to_ttfs(module, x, margin=MARGIN)
    assert verify(net, module, x).ok
    theirs = outputs_of(module, x)
    assert (outputs_of(module[:2], x) == 6).any()
    assert np.abs(simulate(net, x).readout - theirs).max() <= TOLERANCE * np.abs(theirs).max()


class OwnLinear(nn.Linear):  # type: ignore[name-defined,misc]
    pass


def test_a_subclass_that_evaluates_as_its_parent_is_read() -> None:
    assert read_relu(nn.Sequential(OwnLinear(2, 2))).n_in == 2


SHAPE = (2, 6, 6)


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (OwnCode(), NetworkError, "there are no layers"),
        (OwnSequential(nn.Tanh()), MappingError, r"torch module 0 \(Tanh\) is not read"),
        (Branches(), MappingError, r"torch module mul \(mul\) joins two branches of the network; branches are read"),
        (Rounding(), MappingError, r"torch module floordiv\w* \(floordiv\) computes with activations; .* floor_divide"),
        (Bent(), MappingError, r"tanh \(tanh\) is not read; supported are Linear,.* functions linear, "),
        (Deciding(), MappingError, r"torch module Deciding cannot be traced by torch.fx \(TraceError"),
        (InPlace(), MappingError, r"torch module relu_ \(relu_\) changes in place what others see, too"),
        (Dropping(), MappingError, r"torch module dropout \(dropout\) is in training"),
        (Joining(), MappingError, r"view \(view\) gives values of shape \(1, 2, 6, 6\) the shape \(-1, 36\); must"),
        (nn.Tanh(), MappingError, r"torch module 0 \(Tanh\) is not read"),
        (
            nn.Sequential(nn.Conv2d(2, 2, 1), nn.Sequential(nn.GELU())),
            MappingError,
            r"torch module 1\.0 \(GELU\) is not",
        ),
        (nn.Sequential(nn.Conv3d(2, 2, 1)), MappingError, r"0 \(Conv3d\) is not read; supported are Linear, Conv1d"),
        (
            nn.Sequential(nn.AvgPool2d(4, 3, padding=1, ceil_mode=True)),
            MappingError,
            r"ceil_mode = True, padding \[\(1, 1\), \(1, 1\)\] and count_include_pad = True for inputs",
        ),
        (
            nn.Sequential(nn.ReLU(), nn.ZeroPad2d(1), nn.MaxPool2d(3, 2, ceil_mode=True)),
            MappingError,
            r"2 \(MaxPool2d\) has ceil_mode = True behind a padding, for inputs of shape \(2, 6, 6\)",
        ),
        (nn.Sequential(nn.AdaptiveMaxPool2d(3, return_indices=True)), MappingError, "return_indices = True"),
        (nn.Sequential(nn.AdaptiveMaxPool2d(4)), MappingError, "output_size = 4"),
        (
            nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(2)),
            MappingError,
            r"0 \(ZeroPad2d\) comes before 1 \(MaxPool2d\)",
        ),
        (nn.Sequential(nn.Conv2d(2, 2, 1), nn.ZeroPad2d(1)), MappingError, r"1 \(ZeroPad2d\) comes last"),
        (nn.Sequential(nn.ZeroPad2d((-1, 0, 0, 0)), nn.Conv2d(2, 2, 1)), MappingError, "must be zeros, and pad >= 0"),
        (nn.Sequential(nn.ConstantPad2d(1, 0.5), nn.Conv2d(2, 2, 1)), MappingError, r"value = 0\.5"),
        (nn.Sequential(nn.AvgPool2d(2, divisor_override=3)), MappingError, "divisor_override = 3; must be None"),
        (nn.Sequential(nn.MaxPool2d(2, return_indices=True)), MappingError, "return_indices = True; must be False"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(4)), MappingError, r"output_size = 4 for inputs of shape \(2, 6, 6\)"),
        (nn.Sequential(nn.AdaptiveAvgPool1d(1)), MappingError, "output_size = 1 for inputs"),
        (
            nn.Sequential(nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect")),
            MappingError,
            "padding_mode = 'reflect'",
        ),
        (nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False)), MappingError, "track_running_stats = False"),
        (nn.Sequential(nn.BatchNorm1d(2)), MappingError, r"inputs of shape \(2, 6, 6\); must have 1 or 2 axes"),
        (nn.Sequential(nn.Flatten(), nn.BatchNorm2d(72)), MappingError, r"inputs of shape \(72,\); must have 3 axes"),
        (nn.Sequential(nn.Conv2d(2, 2, 1), nn.Softmax(1)), MappingError, "put a Flatten before it"),
        (nn.Sequential(nn.Flatten(0)), MappingError, "start_dim = 0, end_dim = -1; must be 1 and -1"),
        (nn.Sequential(nn.Flatten(1, 2)), MappingError, "start_dim = 1, end_dim = 2"),
        (
            nn.Sequential(nn.Flatten(), nn.Softmax(1), nn.Linear(2, 2)),
            MappingError,
            r"1 \(Softmax\) is a softmax inside the network, before 2 \(Linear\); that is read",
        ),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(72, 2), nn.Softmax(0)),
            MappingError,
            "dim = 0; inputs of .*; must be 1",
        ),
        (
            nn.Linear(72, 2),
            MappingError,
            r"0 \(Linear\) multiplies values of shape \(2, 6, 6\); must be 72 in one axis",
        ),
        (nn.Linear(6, 2), MappingError, r"0 \(Linear\) multiplies each row of \(2, 6, 6\) by itself"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(71, 2)),
            NetworkError,
            r"layer '1 \(Linear\)': weight of shape \(2, 71\)",
        ),
        (nn.Sequential(nn.Conv2d(3, 2, 1)), NetworkError, r"layer '0 \(Conv2d\)': weight .* needs 3 channels"),
        (
            nn.Sequential(nn.Conv1d(2, 2, 1)),
            MappingError,
            r"0 \(Conv1d\) takes values of shape \(channels, length\), but what precedes it has shape \(2, 6, 6\)",
        ),
        (nn.Sequential(nn.LazyLinear(2)), InputError, r"0 \(LazyLinear\): weight has no values"),
        (nn.Sequential(nn.Linear(72, 2, device="meta")), InputError, r"0 \(Linear\): weight has no values"),
        (nn.Sequential(nn.Linear(72, 2, dtype=torch.complex64)), MappingError, "weight has type torch.complex64"),
        (nn.Sequential(), NetworkError, "there are no layers"),
    ],
)
def test_what_torch_has_and_a_relu_network_has_not_is_refused_by_name(
    module: Any, error: type[EventsimError], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_relu(module, SHAPE)


def test_every_supported_module_is_listed() -> None:
    for name in ("Conv2d", "BatchNorm1d", "AdaptiveAvgPool2d", "Flatten", "Dropout", "LogSoftmax"):
        assert name in SUPPORTED_MODULES
        assert hasattr(nn, name)


def test_a_network_that_does_not_begin_with_linear_needs_its_input_shape() -> None:
    message = r"torch module 0 \(Conv2d\) comes first; give input_shape, as \(channels, height, width\)"
    with pytest.raises(InputError, match=message):
        read_relu(nn.Sequential(nn.Conv2d(1, 1, 1)))
    with pytest.raises(NetworkError, match="must be whole numbers from 1"):
        read_relu(nn.Sequential(nn.Conv2d(1, 1, 1)), (1, 0))


def test_the_reader_itself_imports_no_torch() -> None:
    reader = sys.modules["eventsim.models.readers.read_torch"]
    assert "torch" not in vars(reader)
    assert isinstance(read_relu(nn.Linear(1, 1)), ReluNetwork)
