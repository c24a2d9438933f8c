"""The trainer against PyTorch: gradients, trajectories, losses, optimizers, and the modules of spike times."""

import weakref
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import eventsim  # noqa: E402
from eventsim import models  # noqa: E402
from eventsim.errors import InputError, MappingError, NetworkError  # noqa: E402
from eventsim.models import digits  # noqa: E402
from eventsim.models.relu.sliding import Sliding  # noqa: E402
from eventsim.models.train.first_spike_losses import EarliestWins  # noqa: E402
from eventsim.models.train.initialise import initialise  # noqa: E402
from eventsim.models.train.layers import EarliestPool, MeanPool, Neurons, ReadOut  # noqa: E402
from eventsim.models.train.linear_maps import ConvMap  # noqa: E402
from eventsim.models.train.losses import CrossEntropy, MeanSquare  # noqa: E402
from eventsim.models.train.network import TrainableNetwork, trainable  # noqa: E402
from eventsim.models.train.numpy_operations import NumpyOperations  # noqa: E402
from eventsim.models.train.optimizers import BLOCK, SGD, Adam  # noqa: E402
from eventsim.models.train.parameterisations import parameterisation  # noqa: E402
from eventsim.models.train.schedules import Cosine, Steps  # noqa: E402
from eventsim.models.train.torch_layers import (  # noqa: E402
    EarliestPool2d,
    MeanPool2d,
    TTFSConv2d,
    TTFSEncoder,
    TTFSLinear,
    TTFSReadOut,
    TTFSReadOutConv2d,
)
from eventsim.models.train.torch_losses import EarliestWinsLoss  # noqa: E402
from eventsim.models.train.torch_operations import TorchOperations  # noqa: E402

pytestmark = pytest.mark.references

DENSE, CONV = "96-64-10", "conv8x3-bn-relu-pool2-conv16x3-relu-avg2-10"
SHAPES = {DENSE: (64,), CONV: (1, 8, 8)}
# Sums of so many terms in another order than torch's: norm-wise, of each tensor. Batch norm subtracts means.
NEAR = 1e-12


def relu_module(network: TrainableNetwork) -> tuple[Any, dict[str, Any]]:
    """PyTorch's own ReLU network with the parameters of `network`, and these by their names there."""
    modules: list[Any] = []
    named: dict[str, Any] = {}
    for layer in network.layers:
        if isinstance(layer, EarliestPool):
            modules.append(nn.MaxPool2d(layer.sliding.kernel, layer.sliding.stride))
            continue
        if isinstance(layer, MeanPool):
            modules.append(nn.AvgPool2d(layer.sliding.kernel, layer.sliding.stride))
            continue
        assert isinstance(layer, Neurons | ReadOut)
        own, norm = network.of(layer), getattr(layer, "norm", None)
        if isinstance(layer.linear, ConvMap):
            sliding = layer.linear.sliding
            padding = [pair[0] for pair in sliding.padding]
            module: Any = nn.Conv2d(
                layer.linear.c_in, layer.linear.c_out, sliding.kernel, sliding.stride, padding, bias=norm is None
            )
        else:
            modules.append(nn.Flatten())
            module = nn.Linear(layer.linear.n_in, layer.linear.n_out)
        modules.append(module)
        named[f"{layer.name}.weight"] = module.weight
        if norm is not None:
            modules.append(nn.BatchNorm2d(layer.shape[0]))
            named[f"{layer.name}.gamma"] = modules[-1].weight
        named[f"{layer.name}.bias"] = modules[-1].bias
        if isinstance(layer, Neurons):
            modules.append(nn.ReLU())
        own = {f"{layer.name}.{name}": values for name, values in own.items()}
    whole = nn.Sequential(*modules).double()
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(torch.from_numpy(network.parameters[name].astype(np.float64)))
    return whole, named


def b1_network(architecture: str, seed: int = 3) -> TrainableNetwork:
    """A B1 network with weights by He's rule, and biases that are not 0."""
    network = trainable(architecture, SHAPES[architecture], parameterisation("b1"))
    initialise(network, seed)
    draws = np.random.default_rng(seed)
    for name, values in network.parameters.items():
        if name.endswith("bias"):
            network.parameters[name] = values + draws.normal(size=values.shape) / 10
    return network


@pytest.mark.parametrize("architecture", [DENSE, CONV])
def test_gradients_are_those_of_autograd(architecture: str) -> None:
    """Norm-wise, tensor by tensor."""
    network = b1_network(architecture)
    module, named = relu_module(network)
    images, labels = digits.training_images()
    x, y = images[:64], labels[:64]
    found = network.gradients(x, CrossEntropy(), y)
    loss = nn.functional.cross_entropy(
        module(torch.from_numpy(x.reshape(64, *network.input_shape))), torch.from_numpy(y)
    )
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), rel=1e-14)
    for name, parameter in named.items():
        theirs = parameter.grad.numpy()
        assert np.linalg.norm(found.gradients[name] - theirs) <= NEAR * np.linalg.norm(theirs), name


@pytest.mark.parametrize("architecture", [DENSE, CONV])
def test_the_trajectory_is_that_of_the_relu_network(architecture: str) -> None:
    """All weights, over 200 steps of Adam on the digits; the windows are the published 1,500."""
    network = b1_network(architecture)
    assert set(network.windows.values()) == {1500.0}
    module, named = relu_module(network)
    images, labels = digits.training_images()
    ours, theirs = Adam(1e-3), torch.optim.Adam(module.parameters(), lr=1e-3)
    moments: dict[str, Any] = {}
    draws = np.random.default_rng(0)
    for step in range(1, 201):
        chosen = draws.integers(0, len(images), 32)
        found = network.gradients(images[chosen], CrossEntropy(), labels[chosen])
        ours.step(network.parameters, found.gradients, moments, step, ours.rate)
        theirs.zero_grad()
        x = torch.from_numpy(images[chosen].reshape(32, *network.input_shape))
        nn.functional.cross_entropy(module(x), torch.from_numpy(labels[chosen])).backward()
        theirs.step()
        for name, parameter in named.items():
            assert np.abs(network.parameters[name] - parameter.detach().numpy()).max() <= 1e-11, (step, name)
    for layer in network.layers:
        for name, values in network.state_of(layer).items():
            norm = next(one for one in module if isinstance(one, nn.BatchNorm2d))
            theirs_now = norm.running_mean if name == "mean" else norm.running_var
            assert np.allclose(values, theirs_now.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
        (SGD(0.1, 0.9, 0.01), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)),
        (SGD(0.1, 0.9, nesterov=True), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
        (Adam(1e-2), lambda p: torch.optim.Adam(p, lr=1e-2)),
        (Adam(1e-2, weight_decay=0.1), lambda p: torch.optim.Adam(p, lr=1e-2, weight_decay=0.1)),
        (
            Adam(1e-2, weight_decay=0.1, decoupled=True),
            lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1),
        ),
    ],
    ids=lambda one: repr(one) if not callable(one) else "",
)
def test_optimizers(ours: Any, theirs: Any) -> None:
    """Over 100 steps on a quadratic of several scales, to some roundings."""
    draws = np.random.default_rng(1)
    scales, start = 10.0 ** np.linspace(-3, 1, 20), draws.normal(size=20)
    parameters = {"p": start.copy()}
    moments: dict[str, Any] = {}
    p = nn.Parameter(torch.from_numpy(start.copy()))
    optimizer = theirs([p])
    for step in range(1, 101):
        ours.step(parameters, {"p": scales * parameters["p"]}, moments, step, ours.rate)
        optimizer.zero_grad()
        (torch.from_numpy(scales) * p * p / 2).sum().backward()
        optimizer.step()
        assert np.allclose(parameters["p"], p.detach().numpy(), rtol=1e-13, atol=1e-15)


def test_a_large_parameter_is_changed_to_its_end() -> None:
    """Adam goes through it block by block."""
    draws = np.random.default_rng(2)
    start, gradient = draws.normal(size=(2, 2 * BLOCK + 7))
    parameters: dict[str, Any] = {"p": start.copy()}
    moments: dict[str, Any] = {}
    p = nn.Parameter(torch.from_numpy(start.copy()))
    p.grad = torch.from_numpy(gradient)
    Adam(1e-2).step(parameters, {"p": gradient}, moments, 1, 1e-2)
    torch.optim.Adam([p], lr=1e-2).step()
    assert np.allclose(parameters["p"], p.detach().numpy(), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("ours", "theirs", "epochs"),
    [
        (Steps(3, 0.5), lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5), 10),
        (Cosine(7, 0.25), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 7, eta_min=0.25 * 0.4), 8),
    ],
    ids=["steps", "cosine"],
)
def test_schedules(ours: Any, theirs: Any, epochs: int) -> None:
    """Called once an epoch; of the cosine up to its end, behind which PyTorch's rises again."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.4)
    schedule = theirs(optimizer)
    for epoch in range(epochs):
        assert 0.4 * ours.factor(epoch, 99) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-13)
        optimizer.step()
        schedule.step()


def test_losses() -> None:
    """Values and gradients, with outputs far apart, too."""
    draws = np.random.default_rng(2)
    outputs, labels = draws.normal(size=(7, 5)) * 300, draws.integers(0, 5, 7)
    given = torch.from_numpy(outputs).requires_grad_()
    loss = nn.functional.cross_entropy(given, torch.from_numpy(labels))
    loss.backward()
    value, gradient = CrossEntropy()(outputs, labels)
    assert value == pytest.approx(loss.item(), rel=1e-14)
    assert np.allclose(gradient, given.grad.numpy(), atol=1e-16)
    wanted = draws.normal(size=(7, 5))
    given.grad = None
    loss = nn.functional.mse_loss(given, torch.from_numpy(wanted))
    loss.backward()
    value, gradient = MeanSquare()(outputs, wanted)
    assert value == pytest.approx(loss.item(), rel=1e-14)
    assert np.allclose(gradient, given.grad.numpy(), rtol=1e-14)


def ttfs_module(slope: str, batch_norm: bool, dtype: Any = torch.float64) -> Any:
    """A network of this package's modules, after the line of `CONV`."""
    kind: Any = {"slope": slope, "dtype": dtype}
    return nn.Sequential(
        TTFSEncoder() if slope != "relu" else nn.Identity(),
        TTFSConv2d(1, 8, 3, padding=1, batch_norm=batch_norm, **kind),
        EarliestPool2d(2, slope=slope),
        TTFSConv2d(8, 16, 3, padding=1, **kind),
        MeanPool2d(2, slope=slope),
        TTFSLinear(64, 12, **kind),
        TTFSReadOut(12, 10, **kind),
    )


@pytest.mark.parametrize(
    ("slope", "batch_norm"), [("b1", False), ("alpha1", False), ("relu", False), ("b1", True), ("relu", True)]
)
def test_modules_and_numpy_have_the_same_gradients(slope: str, batch_norm: bool) -> None:
    """The equations are the same code; the linear operations are not."""
    torch.manual_seed(0)
    module = ttfs_module(slope, batch_norm)
    line = f"conv8x3-{'bn-' if batch_norm else ''}relu-pool2-conv16x3-relu-avg2-12-10"
    network = trainable(line, (1, 8, 8), parameterisation(slope))
    layers = [one for one in module if hasattr(one, "parameter_names")]
    named = {
        f"{own.name}.{name}": getattr(layer, name)
        for own, layer in zip(network.layers, layers, strict=True)
        for name in layer.parameter_names
    }
    with torch.no_grad():
        for name, parameter in named.items():
            network.parameters[name] = parameter.add_(0.01).numpy().copy()
    images, labels = digits.training_images()
    found = network.gradients(images[:32], CrossEntropy(), labels[:32])
    x = torch.from_numpy(images[:32].reshape(32, 1, 8, 8))
    nn.functional.cross_entropy(module(x), torch.from_numpy(labels[:32])).backward()
    for name, parameter in named.items():
        theirs = parameter.grad.numpy()
        assert np.linalg.norm(found.gradients[name] - theirs) <= NEAR * np.linalg.norm(theirs), name
    module.eval()
    with torch.no_grad():
        assert np.allclose(network.outputs(images[:32]), module(x).numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_modules_against_gradcheck(slope: str) -> None:
    """PyTorch's own finite differences, parameters and times alike; statistics frozen where it evaluates."""
    torch.manual_seed(1)
    for layer in (
        TTFSLinear(4, 3, slope, dtype=torch.float64),
        TTFSConv2d(2, 3, 3, padding=1, slope=slope, dtype=torch.float64),
        TTFSConv2d(2, 3, (3, 2), (2, 1), (1, 0), slope=slope, dtype=torch.float64),
        EarliestPool2d(2, 1, slope=slope),
        MeanPool2d(2, slope=slope),
    ):
        shape = (2, 4) if isinstance(layer, TTFSLinear) else (2, 2, 4, 4)
        times = (-torch.rand(shape, dtype=torch.float64)).requires_grad_()
        assert torch.autograd.gradcheck(layer, (times,), atol=1e-6)
    norm = TTFSConv2d(2, 3, 3, batch_norm=True, dtype=torch.float64).eval()
    norm.running_mean.add_(0.3)
    assert torch.autograd.gradcheck(norm, (-torch.rand(2, 2, 4, 4, dtype=torch.float64).requires_grad_(),), atol=1e-6)


@pytest.mark.parametrize(
    ("positions", "sliding"),
    [
        ((6, 5), Sliding("here", (2, 3), (2, 1), [(0, 1), (2, 0)])),
        ((7, 7), Sliding("here", (2, 2), 1, 0, (3, 2))),
        ((9,), Sliding("here", (3,), 2, 1)),
    ],
    ids=["uneven padding", "dilation", "one axis"],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_both_backends_pool_alike(positions: tuple[int, ...], sliding: Sliding, sign: int) -> None:
    """With as much padding as there may be; of equal inputs the first is chosen."""
    draws = np.random.default_rng(3)
    x = draws.integers(-2, 3, (4, 3, *positions)).astype(np.float64)
    ours, theirs = NumpyOperations(), TorchOperations()
    found, which = ours.largest(x, sliding, sign)
    given, kept = theirs.largest(torch.from_numpy(x), sliding, sign)
    assert np.array_equal(found, given.numpy())
    grad: Any = draws.integers(1, 100, found.shape).astype(np.float64)
    back = theirs.largest_to_input(torch.from_numpy(grad), kept, sliding, x.shape)
    assert np.array_equal(ours.largest_to_input(grad, which, sliding, x.shape), back.numpy())


def test_a_batch_norm_of_one_value() -> None:
    """Its variance is 0, where PyTorch's operation says 0 / 0."""
    for ops, kind in ((NumpyOperations(), np.array), (TorchOperations(), torch.tensor)):
        given, mean, variance, _ = ops.normalise(kind([[3.0]]), kind([1.0]), kind([0.5]), 1e-5)
        assert (mean.item(), variance.item()) == (3.0, 0.0)
        assert given.item() == pytest.approx(0.5, abs=1e-4)  # float32, and PyTorch scales before it subtracts the mean


def test_times_that_are_changed_in_place_have_no_gradients() -> None:
    """As PyTorch's own layers say it, in place of wrong ones; and times that are kept are freed without a collector."""
    layer = TTFSLinear(4, 3)
    sent = layer(-torch.rand(2, 4))
    sent.mul_(0.5)
    with pytest.raises(RuntimeError, match=r"of shape \(2, 3\), was changed in place"):
        sent.sum().backward()
    kept = weakref.ref(layer(-torch.rand(2, 4)))
    assert kept() is None


def test_autocast_takes_no_bits_from_times() -> None:
    """Outputs under bfloat16 autocast are those without it."""
    torch.manual_seed(2)
    layer = TTFSLinear(64, 8)
    times = -torch.rand(3, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = layer(times)
    assert torch.equal(inside, layer(times))
    assert layer(times.bfloat16()).dtype is torch.float32


def test_state_dicts_and_copies() -> None:
    """Saved, loaded and moved as any module."""
    torch.manual_seed(3)
    module, other = ttfs_module("b1", True), ttfs_module("b1", True)
    module(torch.rand(4, 1, 8, 8, dtype=torch.float64))  # running statistics move
    other.load_state_dict(module.state_dict())
    x = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    assert torch.equal(module.eval()(x), other.eval()(x))
    assert {"1.weight", "1.bias", "1.gamma", "1.running_mean", "1.running_variance"} <= set(module.state_dict())
    assert module.float()(x.float()).dtype is torch.float32


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
@pytest.mark.parametrize("reach", [(0.0, 1.0), (-1.0, 2.0)])
def test_a_module_is_read_and_simulated_as_it_is(slope: str, reach: tuple[float, float]) -> None:
    """By `read_relu`, `to_ttfs` and, with its own weights, thresholds and windows, `ttfs_network`."""
    torch.manual_seed(4)
    module = ttfs_module(slope, slope == "b1")
    module[0] = TTFSEncoder(*reach)
    module(torch.rand(20, 1, 8, 8, dtype=torch.float64))  # running statistics and windows move
    module.eval()
    images = digits.test_images()[0][:8]
    with torch.no_grad():
        theirs = module(torch.from_numpy(images.reshape(8, 1, 8, 8))).numpy()
    assert np.allclose(models.read_relu(module, (1, 8, 8)).forward(images), theirs, rtol=0, atol=1e-13)
    for layer in module:
        if hasattr(layer, "window"):
            layer.window.fill_(20.0)
    own = models.ttfs_network(module, (1, 8, 8), value_range=reach)
    mapped = models.to_ttfs(module, images.reshape(8, 1, 8, 8), input_range=reach)
    for net in (own, mapped):
        # Slopes of alpha neurons as small as 0.2 at each layer magnify what rounding leaves of times up to 100.
        found = eventsim.simulate(net, images, engine="reference").readout
        assert np.allclose(found, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_first_spikes_decide_and_their_gradients_are_those_of_the_trainer_and_of_autograd(slope: str) -> None:
    """Modules and numpy against each other, and both against a loss written down in PyTorch alone; read and simulated.

    Some outputs are silent, some of these those of their label.
    """
    torch.manual_seed(7)
    kind: Any = {"slope": slope, "dtype": torch.float64}
    module = nn.Sequential(TTFSEncoder(), TTFSLinear(4, 6, **kind), TTFSLinear(6, 3, last=True, **kind))
    network = trainable("6-3-relu", (4,), slope)
    named = {f"dense{k}.{name}": getattr(module[k], name) for k in (1, 2) for name in ("weight", "bias")}
    with torch.no_grad():
        module[2].bias.copy_(torch.tensor([0.3, 1.5, -1.5]))
        for name, parameter in named.items():
            network.parameters[name] = parameter.numpy().copy()
    draws = np.random.default_rng(2)
    x, labels = draws.random((16, 4)), np.arange(16) % 3
    times = network.outputs(x)
    own = times[np.arange(16), labels]
    assert (own == 0).any()
    assert (own < 0).any()
    found = network.gradients(x, EarliestWins(0.4, 0.2, 3.0), labels, silent=0.7)
    loss = EarliestWinsLoss(0.4, 0.2, 3.0, silent=0.7)
    value = loss(module(torch.from_numpy(x)), torch.from_numpy(labels))
    value.backward()
    late = module(torch.from_numpy(x)).detach().numpy()[np.arange(16), labels].clip(min=0)
    assert found.loss + 0.7 * late.mean() == pytest.approx(value.item(), rel=1e-13)
    alone = {name: torch.from_numpy(values.copy()).requires_grad_() for name, values in network.parameters.items()}
    given = -torch.from_numpy(x)
    for k in (1, 2):
        weight, bias = alone[f"dense{k}.weight"], alone[f"dense{k}.bias"]
        slopes = 1 + weight.sum(1) if slope == "alpha1" else torch.ones(len(weight), dtype=torch.float64)
        reached = (given @ weight.T - bias) / slopes
        given = torch.clamp(reached, max=0)
    rows, chosen = torch.arange(16), torch.from_numpy(labels)
    entropy = torch.logsumexp(-given / 0.4, 1) + given[rows, chosen] / 0.4
    early = 0.2 * torch.exp(given[rows, chosen] / 3.0)
    (entropy + early + 0.7 * torch.clamp(reached[rows, chosen], min=0)).mean().backward()
    for name, parameter in named.items():
        for theirs in (parameter.grad.numpy(), alone[name].grad.numpy()):
            assert np.linalg.norm(found.gradients[name] - theirs) <= NEAR * np.linalg.norm(theirs), name
    net = models.ttfs_network(module, (4,))
    run = eventsim.simulate(net, x, engine="reference", record="first_spikes")
    fired = run.spike_times("dense2")
    window: Any = net.node("dense2").window
    assert np.allclose(np.where(np.isfinite(fired), fired - window[2], 0), times, atol=1e-9)


def test_a_convolution_is_read_out_at_each_position() -> None:
    """As in numpy, gradients included; its modules of values and its spiking network do the same."""
    torch.manual_seed(8)
    kind: Any = {"dtype": torch.float64}
    module = nn.Sequential(
        TTFSEncoder(), TTFSConv2d(1, 3, 3, padding=1, **kind), TTFSReadOutConv2d(3, 2, 3, 2, 1, **kind)
    )
    network = trainable("conv3x3-relu-conv2x3s2", (1, 4, 4))
    named = {
        f"{name}.{own}": getattr(module[k], own)
        for k, name in ((1, "conv1"), (2, "output"))
        for own in ("weight", "bias")
    }
    with torch.no_grad():
        for name, parameter in named.items():
            network.parameters[name] = parameter.add_(0.05).numpy().copy()
    draws = np.random.default_rng(2)
    x, labels = draws.random((5, 1, 4, 4)), draws.integers(0, 2, (5, 2, 2))
    found = network.gradients(x, CrossEntropy(), labels)
    loss = nn.functional.cross_entropy(module(torch.from_numpy(x)), torch.from_numpy(labels))
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), rel=1e-13)
    for name, parameter in named.items():
        theirs = parameter.grad.numpy()
        assert np.linalg.norm(found.gradients[name] - theirs) <= NEAR * np.linalg.norm(theirs), name
    outputs = network.outputs(x)
    values = nn.Sequential(*[layer.as_values() for layer in module])(torch.from_numpy(x)).detach().numpy()
    assert np.allclose(values, outputs, rtol=0, atol=1e-13)
    net = models.ttfs_network(module, (1, 4, 4))
    run = eventsim.simulate(net, x, engine="reference", record="first_spikes")
    assert np.allclose(run.readout.reshape(outputs.shape), outputs, rtol=0, atol=1e-9)


def test_other_modules_are_no_spiking_network() -> None:
    """The module is named."""
    module = nn.Sequential(TTFSLinear(4, 3), nn.Linear(3, 2))
    with pytest.raises(MappingError, match="module '1' is a Linear, which sends no spike times"):
        models.ttfs_network(module)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TTFSLinear(0, 3), "TTFSLinear: in_features = 0; must be an integer >= 1"),
        (lambda: TTFSReadOut(3, 2.0), "TTFSReadOut: out_features = 2.0; must be an integer >= 1"),  # type: ignore[arg-type]
        (lambda: TTFSConv2d(3, 4, 3, groups=2), "TTFSConv2d: in_channels = 3 in groups = 2; must be a multiple"),
        (lambda: TTFSReadOutConv2d(2, 3, 3, groups=2), "out_channels = 3 in groups = 2; must be a multiple"),
        (lambda: TTFSConv2d(1, 2, 3, padding=((1, 0), (1, 0))), "the same before and behind"),  # type: ignore[arg-type]
        (lambda: EarliestPool2d(2, padding=2), "EarliestPool2d: padding = 2 for a kernel 2 wide; must be at most half"),
        (lambda: MeanPool2d(3, padding=2), "MeanPool2d: padding = 2 for a kernel 3 wide; must be at most half"),
    ],
)
def test_sizes_that_are_none_are_refused(make: Any, message: str) -> None:
    """When a module is made: uneven padding would be another one in `as_values`, a window of padding has no spike."""
    with pytest.raises(NetworkError, match=message):
        make()


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (0.0, float("inf")), ("black", 1.0)])
def test_a_range_of_values_that_is_none_is_refused(low: Any, high: Any) -> None:
    with pytest.raises(InputError, match=r"TTFSEncoder: low, high = .*must be finite numbers, low < high"):
        TTFSEncoder(low, high)


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_weights_begin_by_the_rule_of_he_and_sums_of_alpha_neurons_below_one(slope: str) -> None:
    """Of the ReLU weights that they stand for."""
    torch.manual_seed(0)
    layer = TTFSLinear(400, 300, slope, dtype=torch.float64)
    with torch.no_grad():
        weight, bias = layer.code.to_relu(layer.weight, layer.bias)
    assert float(weight.var() * 400) == pytest.approx(2.0, abs=0.05)  # of 120,000 draws: 0.008 is one deviation
    assert not bias.any()
    sums = weight.sum(dim=1)
    if slope == "alpha1":
        assert float(sums.max()) == pytest.approx(0.99)
        assert 0.15 < float((sums > 0.98).double().mean()) < 0.35  # 24 % are lowered
    else:
        assert float(sums.max()) > 2


def test_windows_of_modules_grow_in_training_alone() -> None:
    """To ten times the largest value of a batch."""
    layer = TTFSLinear(2, 1, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.fill_(200.0)
        layer.eval()(torch.tensor([[-1.0, -1.0]], dtype=torch.float64))
        assert layer.window.item() == 1500.0
        layer.train()(torch.tensor([[-1.0, -1.0]], dtype=torch.float64))
        assert layer.window.item() == 4000.0
