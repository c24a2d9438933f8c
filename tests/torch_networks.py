"""Random modules of PyTorch over the layers that are read, and what PyTorch makes of them, for the tests of readers."""

import math
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

Array = np.ndarray[Any, Any]
Draw = Any
# "pool" stands for one between; blocks may have another at their end.
ORDERS = ("norm relu", "relu norm", "relu", "relu dropout", "pool relu", "norm pool relu", "pool norm relu")


def outputs_of(module: Any, x: Array) -> Array:
    """What a module gives in evaluation."""
    with torch.no_grad():
        return module.eval()(torch.from_numpy(x)).numpy()


def shown_by(modules: Any, x: Array) -> tuple[list[Array], Array]:
    """Outputs of the ReLUs, and of the pools of what went through one, among a flat list of modules; and of the last.

    A pool behind a batch norm pools the ReLUs before that, the smallest of them where it turns signs. A max pool before
    a batch norm and a ReLU pools what these would have made of its inputs, which neurons carry, too.

    A ReLU behind a max pool is taken before it, which is the same. A ReLU in place changes what was given to it, so
    each is copied.
    """
    found: list[Array] = []
    modules, cut = list(modules), True
    for i, module in enumerate(modules[1:]):
        if isinstance(module, nn.ReLU) and "MaxPool" in type(modules[i]).__name__:
            modules[i : i + 2] = modules[i + 1], modules[i]
    given: list[Array] = []
    for i, module in enumerate(modules):
        given.append(x)
        x = outputs_of(module, x.copy())
        kind = type(module).__name__
        kinds = [type(one).__name__ for one in modules[max(i - 2, 0) : i]]
        if kind == "ReLU" and len(kinds) == 2 and "MaxPool" in kinds[0] and "Norm" in kinds[1]:
            found.append(np.maximum(outputs_of(modules[i - 1], given[i - 2]), 0))
        cut = kind == "ReLU" or (cut and "Conv" not in kind and "Linear" not in kind)
        if kind == "ReLU" or ("Pool" in kind and cut):
            behind = kind != "ReLU" and i > 1 and "Norm" in type(modules[i - 1]).__name__
            behind &= isinstance(modules[i - 2], nn.ReLU)
            found.append(pooled(module, modules[i - 1], found[-1]) if behind else x)
    return found, x


def pooled(pool: Any, norm: Any, x: Array) -> Array:
    """What a pool behind a batch norm makes of what comes before that: of negative scales the smallest."""
    found = outputs_of(pool, x)
    if "Max" in type(pool).__name__ and norm.affine:
        turned = (norm.weight < 0).numpy()
        found[:, turned] = -outputs_of(pool, -x)[:, turned]
    return found


def randomised(module: Any, seed: int) -> Any:
    """The module in float64, with weights and statistics as after training, negative scales included."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double()
    for one in module.modules():
        if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d):
            one.running_mean.normal_(generator=generator)
            one.running_var.uniform_(0.25, 4, generator=generator)
            for parameter in one.parameters():
                parameter.data.normal_(generator=generator)
        elif isinstance(one, nn.Linear | nn.Conv1d | nn.Conv2d):  # as torch does it, but the same in every run
            bound = 1 / math.sqrt(one.weight[0].numel())
            for parameter in one.parameters():
                parameter.data.uniform_(-bound, bound, generator=generator)
    return module


@st.composite
def blocks(draw: Draw, channels: int, positions: Any, orders: Any = ORDERS) -> tuple[list[Any], int, Any]:
    """Convolution, batch norm before, behind or without a ReLU, pool; and the shape that they make."""
    n = len(positions)
    groups = draw(st.sampled_from([g for g in (1, 2) if channels % g == 0]))
    c_out = groups * draw(st.integers(1, 4))
    kernel = [draw(st.integers(1, min(4, p))) for p in positions]
    dilation = [draw(st.integers(1, 2)) if 2 * (k - 1) < p else 1 for k, p in zip(kernel, positions, strict=True)]
    padding: Any = draw(st.sampled_from(["same", "valid", "numbers"]))
    stride = [1] * n if padding == "same" else [draw(st.integers(1, 2)) for _ in range(n)]
    if padding == "numbers":
        padding = [draw(st.integers(0, 3)) for _ in range(n)]
    conv_kind, norm_kind = (nn.Conv1d, nn.BatchNorm1d) if n == 1 else (nn.Conv2d, nn.BatchNorm2d)
    settings: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    conv = conv_kind(channels, c_out, kernel, bias=draw(st.booleans()), **settings)
    norm = norm_kind(c_out, eps=draw(st.sampled_from([1e-5, 1e-3])), affine=draw(st.booleans()))
    order = draw(st.sampled_from(orders))
    parts = {"norm": norm, "relu": nn.ReLU(inplace=draw(st.booleans())), "dropout": nn.Dropout(0.5)}
    modules = [conv]
    zeros = draw(st.sampled_from([None, None, 0, 1, 2]))
    if zeros is not None:
        modules.insert(
            0, (nn.ZeroPad1d if n == 1 else nn.ZeroPad2d)([draw(st.integers(0, zeros)) for _ in range(2 * n)])
        )
    positions = tuple(outputs_of(nn.Sequential(*modules).double(), np.zeros((1, channels, *positions))).shape[2:])
    for part in [*order.split(), *draw(st.sampled_from([[], ["end"]]))]:
        if part in parts:
            modules.append(parts[part])
        else:  # means of values that no ReLU has cut are mapped without padding only
            modules.append(draw(pools(positions, padded=part == "end")))
            positions = tuple(outputs_of(modules[-1], np.zeros((1, 1, *positions))).shape[2:])
    return modules, c_out, positions


@st.composite
def pools(draw: Draw, positions: Any, padded: bool) -> Any:
    n = len(positions)
    kernel = [draw(st.integers(1, min(3, p))) for p in positions]
    settings: dict[str, Any] = {
        "stride": draw(st.sampled_from([None, 1, 2])),
        "padding": [draw(st.integers(0, k // 2)) if padded else 0 for k in kernel],
    }
    ceil = padded and draw(st.booleans())
    kind = draw(st.sampled_from(["max", "average", "global", "global max"]))
    if kind == "max":
        return (nn.MaxPool1d if n == 1 else nn.MaxPool2d)(kernel if n == 2 else kernel[0], ceil_mode=ceil, **settings)
    if kind == "average":
        return (nn.AvgPool1d if n == 1 else nn.AvgPool2d)(
            kernel, ceil_mode=ceil, count_include_pad=not ceil and draw(st.booleans()),
            **settings | {"stride": settings["stride"] or kernel},
        )  # fmt: skip
    if kind == "global max":
        return (nn.AdaptiveMaxPool1d if n == 1 else nn.AdaptiveMaxPool2d)(1)
    return (nn.AdaptiveAvgPool1d if n == 1 else nn.AdaptiveAvgPool2d)(1)


@st.composite
def networks(draw: Draw) -> tuple[Any, tuple[int, ...]]:
    """One to three blocks, nested at random, then dense layers with and without batch norms."""
    input_shape = shape = (draw(st.integers(1, 4)), *draw(st.lists(st.integers(3, 9), min_size=1, max_size=2)))
    modules: list[Any] = []
    for _ in range(draw(st.integers(1, 3))):
        made, channels, positions = draw(blocks(shape[0], shape[1:]))
        shape = (channels, *positions)
        modules += [nn.Sequential(*made)] if draw(st.booleans()) else made
    head = [nn.Linear(math.prod(shape), 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3)]
    if draw(st.booleans()):
        del head[1]
    modules += [nn.Flatten(), *head, *draw(st.sampled_from([[], [nn.Softmax(1)], [nn.LogSoftmax(dim=-1)]]))]
    return randomised(nn.Sequential(*modules), draw(st.integers(0, 2**32 - 1))), input_shape


def flat(module: Any) -> list[Any]:
    if not isinstance(module, nn.Sequential):
        return [module]
    return [one for child in module for one in flat(child)]


__all__ = ["ORDERS", "Draw", "blocks", "flat", "networks", "outputs_of", "pools", "randomised", "shown_by", "torch"]
