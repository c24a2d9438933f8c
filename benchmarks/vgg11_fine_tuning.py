"""VGG-11 with batch norm at 3 x 32 x 32: torch layers of spike times beside PyTorch's own ReLU network, step by step.

    python benchmarks/vgg11_fine_tuning.py [--width 1] [--steps 200] [--batch 8] [--dtype float64] [--control] [--quick]

A ReLU VGG-11 (Simonyan and Zisserman 2015, configuration A; batch norms behind all convolutions, one dense layer) is
trained for some steps, and mapped to `eventsim.models.train.torch_layers` of B1. Both are then fine-tuned on the same
batches with SGD and momentum, a step of one and a step of the other in turn. Prints a Markdown table: how far weights
and losses are apart, seconds of a step, and what a process of each needs at most. CIFAR-10 is not fetched: images are
made, ten classes of smooth patterns that are moved about, with noise; a number draws them. Needs PyTorch.
"""

import argparse
import copy
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from eventsim.models.train.torch_layers import EarliestPool2d, TTFSConv2d, TTFSEncoder, TTFSReadOut

Tensor = Any
CHANNELS = (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0)  # 0: a pool of 2 x 2
CLASSES, SIZE = 10, 32
RATE, MOMENTUM = 0.01, 0.9
BEFORE = 30  # steps of the ReLU network before it is mapped


class Case(NamedTuple):
    """What is measured."""

    width: float
    steps: int
    batch: int
    dtype: str
    control: bool = False


def images(seed: int, n: int, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Images (n, 3, 32, 32) in [0, 1] and labels (n,): the pattern of a class, moved about, with noise."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (n,), generator=draws)
    moves = torch.randint(SIZE, (n, 2), generator=draws).tolist()
    moved = torch.stack(
        [torch.roll(classes[label], move, (1, 2)) for label, move in zip(labels.tolist(), moves, strict=True)]
    )
    return (moved + 0.1 * torch.randn(moved.shape, generator=draws, dtype=moved.dtype)).clamp(0, 1), labels


def patterns(seed: int, dtype: torch.dtype) -> Tensor:
    """One smooth pattern a class, (10, 3, 32, 32), of waves of few periods."""
    draws = torch.Generator().manual_seed(seed)
    coarse = torch.rand((CLASSES, 3, 6, 6), generator=draws, dtype=dtype)
    return nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bicubic").clamp(0, 1)


def relu_network(width: float, dtype: torch.dtype) -> nn.Sequential:
    """PyTorch's own layers."""
    torch.manual_seed(0)
    modules: list[nn.Module] = []
    c_in = 3
    for channels in CHANNELS:
        if not channels:
            modules.append(nn.MaxPool2d(2))
            continue
        c_out = int(channels * width)
        conv = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(conv.weight)
        modules += [conv, nn.BatchNorm2d(c_out), nn.ReLU()]
        c_in = c_out
    return nn.Sequential(*modules, nn.Flatten(), nn.Linear(c_in, CLASSES)).to(dtype)


def spiking_network(relu: nn.Sequential, dtype: torch.dtype) -> nn.Sequential:
    """The same network in spike times, of B1: layer by layer it has the same weights."""
    modules: list[nn.Module] = [TTFSEncoder()]
    for k, module in enumerate(relu):
        if isinstance(module, nn.MaxPool2d):
            modules.append(EarliestPool2d(2))
        elif isinstance(module, nn.Conv2d):
            made: Any = TTFSConv2d(
                module.in_channels, module.out_channels, 3, padding=1, batch_norm=True, dtype=dtype
            )  # fmt: skip
            norm = relu[k + 1]
            own = {"weight": module.weight, "gamma": norm.weight, "bias": norm.bias}
            own |= {"running_mean": norm.running_mean, "running_variance": norm.running_var}
            modules.append(loaded(made, own))
        elif isinstance(module, nn.Linear):
            made = TTFSReadOut(module.in_features, module.out_features, dtype=dtype)
            modules.append(loaded(made, {"weight": module.weight, "bias": module.bias}))
    return nn.Sequential(*modules)


def second(relu: nn.Sequential, case: Case) -> nn.Sequential:
    """What is trained beside the ReLU network: spike times, or as a control itself, with sums in another order."""
    if case.control:
        return copy.deepcopy(relu).to(memory_format=torch.channels_last)
    return spiking_network(relu, getattr(torch, case.dtype))


def loaded(module: Any, own: dict[str, Any]) -> Any:
    """A layer with the numbers of another."""
    with torch.no_grad():
        for name, values in own.items():
            getattr(module, name).copy_(values)
    return module


def step(module: nn.Module, optimizer: Any, x: Tensor, labels: Tensor) -> tuple[float, float]:
    """Take one; return its loss and seconds of processor time."""
    began = time.process_time()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(module(x), labels)
    loss.backward()
    optimizer.step()
    return loss.item(), time.process_time() - began


def begun(case: Case) -> tuple[nn.Sequential, Tensor]:
    """The ReLU network that has been trained, and the patterns of the classes."""
    dtype = getattr(torch, case.dtype)
    classes = patterns(0, dtype)
    relu = relu_network(case.width, dtype)
    optimizer = torch.optim.SGD(relu.parameters(), lr=RATE, momentum=MOMENTUM)
    for number in range(BEFORE):
        step(relu, optimizer, *images(number, case.batch, classes))
    return relu, classes


def measured(case: Case) -> dict[str, Any]:
    """Fine-tune both; how far apart they are, and how long a step takes."""
    relu, classes = begun(case)
    both = {"relu": relu, "b1": second(relu, case)}
    optimizers = {
        name: torch.optim.SGD(module.parameters(), lr=RATE, momentum=MOMENTUM) for name, module in both.items()
    }
    losses: dict[str, list[float]] = {name: [] for name in both}
    seconds: dict[str, list[float]] = {name: [] for name in both}
    apart_after = {}
    for number in range(1, case.steps + 1):
        x, labels = images(1000 + number, case.batch, classes)
        for name in ("relu", "b1") if number % 2 else ("b1", "relu"):
            loss, took = step(both[name], optimizers[name], x, labels)
            losses[name].append(loss)
            seconds[name].append(took)
        if number in (1, 10, 50, case.steps):
            apart_after[number] = apart(both["relu"], both["b1"])
    per_step = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    ratio = statistics.median(a / b for a, b in zip(seconds["b1"][1:], seconds["relu"][1:], strict=True))
    loss_apart = max(abs(a - b) for a, b in zip(losses["b1"], losses["relu"], strict=True))
    x, labels = images(10**6, 256, classes)
    held = {name: held_out(module, x, labels) for name, module in both.items()}
    return {
        "apart": apart_after, "loss": loss_apart, "first": losses["relu"][0], "last": losses["relu"][-1],
        "seconds": per_step, "ratio": ratio, "held_out": held, "parameters": sum(p.numel() for p in relu.parameters()),
    }  # fmt: skip


def apart(relu: nn.Sequential, spiking: nn.Sequential) -> float:
    """The largest distance of a tensor from its twin's, by the norm of that."""
    theirs = [p for module in relu for p in module.parameters()]
    ours: list[Any] = []
    for module in spiking:
        if isinstance(module, TTFSConv2d):
            ours += [module.weight, module.gamma, module.bias]  # as convolution and batch norm have them
        else:
            ours += list(module.parameters())
    with torch.no_grad():
        return max(float((a - b).norm() / b.norm()) for a, b in zip(ours, theirs, strict=True))


def held_out(module: nn.Module, x: Tensor, labels: Tensor) -> float:
    """Share of new images that are decided rightly."""
    module.eval()
    with torch.no_grad():
        found = float((module(x).argmax(dim=1) == labels).double().mean())
    module.train()
    return found


def resident(what: str) -> int:
    """Memory of this process in bytes, as Linux counts it: VmRSS is that of now, VmHWM the most of it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split(f"{what}:")[1].split()[0])


def show_memory(case: Case, which: str) -> None:
    """Print what three steps of one network add to a process that has neither, at most, in bytes."""
    dtype = getattr(torch, case.dtype)
    classes = patterns(0, dtype)
    x, labels = images(0, case.batch, classes)
    small = relu_network(1 / 64, dtype)  # what PyTorch itself needs for a first step
    step(small, torch.optim.SGD(small.parameters()), x, labels)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # from here on counts the most
    before = resident("VmRSS")
    module = relu_network(case.width, dtype)
    if which == "b1":
        module = spiking_network(module, dtype)
    optimizer = torch.optim.SGD(module.parameters(), lr=RATE, momentum=MOMENTUM)
    for _ in range(3):
        step(module, optimizer, x, labels)
    print(json.dumps(resident("VmHWM") - before))


def memory(case: Case) -> dict[str, float]:
    """What each network needs, in a process of its own."""
    found = {}
    for which in ("relu", "b1"):
        options = [f"--{name}={getattr(case, name)}" for name in ("width", "steps", "batch", "dtype")]
        child = [sys.executable, str(Path(__file__)), *options, "--memory", which]
        said = subprocess.run(child, check=True, capture_output=True, text=True).stdout
        found[which] = float(json.loads(said.splitlines()[-1]))
    return found


def row(case: Case) -> str:
    """One line of the table."""
    found, needed = measured(case), None if case.control else memory(case)
    seconds = found["seconds"]
    far = ", ".join(f"{value:.1e} ({number})" for number, value in found["apart"].items())
    cells = [
        f"{case.width:g}", f"{found['parameters'] / 1e6:.2f} M", case.dtype, f"{case.steps} of {case.batch}", far,
        f"{found['loss']:.1e}", f"{found['first']:.2f} to {found['last']:.2f}",
        f"{found['held_out']['relu']:.1%}, {found['held_out']['b1']:.1%}".replace("%", " %"),
        f"{1e3 * seconds['relu']:.0f}, {1e3 * seconds['b1']:.0f} ms ({found['ratio']:.2f} ×)",
        "–"
        if needed is None
        else f"{needed['relu'] / 1e6:.0f}, {needed['b1'] / 1e6:.0f} MB ({needed['b1'] / needed['relu']:.2f} ×)",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| width | parameters | type | steps | weights apart (after steps) | losses apart | loss "
    "| held out: ReLU, B1 | a step: ReLU, B1 | memory: ReLU, B1 |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fine-tune, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=float, default=1.0, help="times the channels of VGG-11")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--dtype", action="append", choices=["float64", "float32"], help="both without it")
    parser.add_argument("--control", action="store_true", help="PyTorch's network beside itself, channels last")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="an eighth of the width, five steps")
    parser.add_argument("--memory", choices=["relu", "b1"], help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    width, steps = (0.125, 5) if chosen.quick else (chosen.width, chosen.steps)
    dtypes = chosen.dtype or ["float64", "float32"]
    cases = [Case(width, steps, chosen.batch, dtype, chosen.control) for dtype in dtypes]
    if chosen.memory:
        show_memory(cases[0], chosen.memory)
        return
    print(HEAD.replace("B1", "control") if chosen.control else HEAD, flush=True)
    for case in cases:
        print(row(case), flush=True)


if __name__ == "__main__":
    main()
