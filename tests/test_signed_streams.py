"""Values below 0 between layers, against PyTorch: leaky ReLUs, clips, absolute values, layers without any ReLU.

Modules are random lists of layers in any order that fits. What the network's populations carry are, by PyTorch, the
positive or the negative parts of what some module gives.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim import simulate
from eventsim.models import certify, read_relu, to_ttfs, verify
from eventsim.models.relu.coded_layers import coded_layers

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch_networks import outputs_of, randomised  # noqa: E402

pytestmark = pytest.mark.references

Array = np.ndarray[Any, Any]
Draw = Any


class Absolute(nn.Module):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return x.abs()


class Clamped(nn.Module):  # type: ignore[misc]
    def __init__(self, low: float | None, high: float | None) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x: Any) -> Any:
        return torch.clamp(x, self.low, self.high)


class Shifted(nn.Module):  # type: ignore[misc]
    """Minus an image, of which each position has its own value."""

    def __init__(self, image: Any) -> None:
        super().__init__()
        self.register_buffer("image", image)

    def forward(self, x: Any) -> Any:
        return x - self.image


# Means are of each stream, what is behind a batch norm or a shift waits for the next layer, a clip has steps inside.
INSIDE = ("mean", "norm", "shift", "clamp")


@st.composite
def modules(draw: Draw, without: tuple[str, ...] = ()) -> tuple[Any, tuple[int, ...]]:
    shape = start = (draw(st.integers(1, 3)), *draw(st.lists(st.integers(3, 6), min_size=1, max_size=2)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    found: list[Any] = []
    for _ in range(draw(st.integers(1, 7))):
        found.append(one_of(draw, shape, generator, without))
        shape = tuple(outputs_of(nn.Sequential(*found).double(), np.zeros((1, *start))).shape[1:])
    if len(shape) > 1:
        found.append(nn.Flatten())
    found.append(nn.Linear(int(np.prod(shape)), 3))
    return randomised(nn.Sequential(*found), draw(st.integers(0, 2**32 - 1))), start


def one_of(draw: Draw, shape: tuple[int, ...], generator: Any, without: tuple[str, ...]) -> Any:
    """A layer that can follow values of this shape."""
    c, n_axes = shape[0], len(shape) - 1
    kinds = ["leaky", "prelu", "absolute", "clamp", "relu", "norm", "shift", "computed", "computed"]
    kinds += ["max", "mean", "flatten"] * (n_axes > 0)
    what = draw(st.sampled_from([kind for kind in kinds if kind not in without]))
    if what == "leaky":
        return nn.LeakyReLU(draw(st.sampled_from([0.01, 0.3, -0.5])))
    if what == "prelu":
        made = nn.PReLU(draw(st.sampled_from([1, c])))
        made.weight.data.uniform_(-0.5, 0.5, generator=generator)
        return made
    if what == "clamp":
        return Clamped(*draw(st.sampled_from([(-0.5, 0.5), (0.0, 0.75), (-0.25, None), (None, 0.5), (0.25, 0.5)])))
    if what == "computed":
        padding = draw(st.integers(0, 1))
        made = (nn.Conv1d, nn.Conv2d)[n_axes - 1](c, draw(st.integers(1, 4)), 2, padding=padding) if n_axes else None
        fits = n_axes and min(shape[1:]) >= 2
        return made if fits else nn.Linear(c, draw(st.integers(1, 4))) if not n_axes else nn.Flatten()
    if what in ("max", "mean"):
        kernel = min(2, *shape[1:])
        padding = draw(st.integers(0, kernel // 2))
        name = f"{'Max' if what == 'max' else 'Avg'}Pool{n_axes}d"
        return getattr(nn, name)(kernel, draw(st.integers(1, 2)), padding)
    if what == "norm":
        return (nn.BatchNorm2d if n_axes == 2 else nn.BatchNorm1d)(c)
    if what == "shift":
        return Shifted(torch.rand(shape, generator=generator, dtype=torch.float64) - 0.5)
    return {"absolute": Absolute, "relu": nn.ReLU, "flatten": nn.Flatten}[what]()


@settings(max_examples=150)
@given(modules(), st.integers(0, 2**32 - 1), st.sampled_from(["b1", "alpha1"]))
def test_logits_and_spikes_are_those_of_torch(drawn: Any, seed: int, slope: str) -> None:
    module, shape = drawn
    x = np.random.default_rng(seed).random((4, *shape))
    network = read_relu(module, shape)
    theirs = outputs_of(module, x)
    size = max(np.abs(outputs_of(module[: k + 1], x)).max() for k in range(len(module)))
    assert np.abs(network.forward(x) - theirs).max() <= 1e-12 * max(1, size)
    net = to_ttfs(network, x, slope, margin=30)
    run = simulate(net, x, error_bounds=True, engine="reference")
    assert run.counters["premature"] == 0
    report = verify(net, network, x, run)
    assert report.ok, str(report)
    layers = {layer.name: layer for layer in coded_layers(network.streams(), np.float64, (0, 1), slope == "alpha1")}
    heard = [net.node(p.pre).window for p in net.projections if p.post is net.populations[-1]]
    length = max(window[-1] - window[-2] for window in heard if window is not None)
    assert np.abs(run.readout - theirs).max() <= 1e-11 * max(1, size, length)
    for name, values in network.activations(x):
        if net.node(name) is net.populations[-1]:
            continue
        window = net.node(name).window
        assert window is not None
        carried = window[-1] - np.minimum(run.spike_times(name), window[-1]).reshape(values.shape)
        coded = values * layers[name].factor.reshape(-1, *[1] * (values.ndim - 2))
        # Of the window; and the time itself, which later windows have rounded.
        assert np.abs(carried - coded).max() <= 1e-11 * (window[-1] - window[-2]) + 4 * np.spacing(window[-1]), name
    assert len({name for name, _ in network.activations(x)}) >= len(net.populations) - 1


@settings(max_examples=100)
@given(modules(without=INSIDE), st.integers(0, 2**32 - 1))
def test_populations_carry_the_parts_above_and_below_0_of_what_modules_give(drawn: Any, seed: int) -> None:
    module, shape = drawn
    x = np.random.default_rng(seed).random((3, *shape))
    given = [outputs_of(module[: k + 1], x) for k in range(len(module))]
    parts = [np.maximum(sign * one, 0).reshape(3, -1) for one in (x, *given) for sign in (1, -1)]
    for name, values in read_relu(module, shape).activations(x):
        flat = values.reshape(3, -1)
        alike = (part for part in parts if part.shape == flat.shape)
        assert any(np.allclose(flat, part, rtol=0, atol=1e-12) for part in alike), name


def test_windows_of_leaky_networks_are_certified() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.LeakyReLU(0.1), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2), nn.PReLU(4),
        nn.Flatten(), nn.Linear(36, 10),
    )  # fmt: skip
    module = randomised(module, 3)
    x = np.random.default_rng(0).random((40, 1, 10, 10))
    net = to_ttfs(read_relu(module, (1, 10, 10)), x, windows="certified")
    names = ["conv1", "conv1.negative", "pool1", "pool1.negative", "conv2", "conv2.negative", "output"]
    assert [node.name for node in net.populations] == names
    run = simulate(net, x)
    assert run.counters["premature"] == 0
    assert certify(net, run=run).ok
    assert np.abs(run.readout - outputs_of(module, x)).max() <= 1e-12
