"""The trainer against PyTorch's own ReLU networks, and against its own matrix products, on one thread and on two.

    python benchmarks/trainer.py [--quick | --large] [--json]

An epoch of each network is trained in turn by the numpy backend, by the torch layers and by PyTorch's ReLU network,
from the same weights and in the same order, batch 128, float32, Adam; forward and backward passes alone in turn with
the matrix products that they contain, whose outputs are there already. Asserts that all have the same losses. Without
PyTorch (``make references`` installs it) only passes against products can be measured.

A process of its own measures each number of threads, which BLAS, PyTorch and eventsim are given alike. One thread is
measured in processor time; for two, nothing else should run on the machine.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from report import MARK, Row, in_turn, ratio, run_script

from eventsim.models.data.epoch_order import batches
from eventsim.models.train.initialise import initialise
from eventsim.models.train.losses import CrossEntropy
from eventsim.models.train.network import TrainableNetwork, trainable
from eventsim.models.train.optimizers import Adam
from eventsim.models.train.training import Training

Array = np.ndarray[Any, Any]
BATCH, RATE = 128, 1e-3
SHAPE = (1, 28, 28)
DENSE, CONV, DEEP = "340-10", "conv8x3-bn-relu-pool2-conv16x3-bn-relu-pool2-10", "512-512-10"
STEPS = {DENSE: 100, CONV: 10}  # of an epoch: the first ones find cold caches behind the pause
ROUNDS = {"quick": 1, "usual": 9, "large": 31}
NAMES = ("numpy", "torch layers")
PAUSE = 0.1  # OpenBLAS has its threads look for work for 2^26 cycles
# Float32: sums in another order, over the steps of an epoch.
NEAR = 1e-4


def have_torch() -> bool:
    """Can PyTorch be imported?"""
    return importlib.util.find_spec("torch") is not None


def data(n: int, dtype: Any) -> tuple[Array, Array]:
    """`n` images of noise (n, 1, 28, 28) and labels (n,): what is in them takes no time."""
    draws = np.random.default_rng(0)
    return draws.random((n, *SHAPE)).astype(dtype), draws.integers(0, 10, n)


def network(architecture: str, dtype: Any) -> TrainableNetwork:
    """A B1 network, whose weights are those of its ReLU network."""
    made = trainable(architecture, SHAPE, "b1", dtype)
    initialise(made, seed=1)
    return made


def torch_networks(ours: TrainableNetwork) -> dict[str, Any]:
    """The same network of torch layers, and of PyTorch's own layers."""
    import torch
    from torch import nn

    from eventsim.models.train import torch_layers

    spiking: list[Any] = [torch_layers.TTFSEncoder()]
    values: list[Any] = []
    if "conv" in next(iter(ours.parameters)):
        for c_in, c_out in ((1, 8), (8, 16)):
            spiking += [torch_layers.TTFSConv2d(c_in, c_out, 3, padding=1, batch_norm=True)]
            spiking += [torch_layers.EarliestPool2d(2)]
            values += [nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]
            values += [nn.MaxPool2d(2)]
        spiking, values = [*spiking, torch_layers.TTFSReadOut(784, 10)], [*values, nn.Flatten(), nn.Linear(784, 10)]
    else:
        spiking += [torch_layers.TTFSLinear(784, 340), torch_layers.TTFSReadOut(340, 10)]
        values += [nn.Flatten(), nn.Linear(784, 340), nn.ReLU(), nn.Linear(340, 10)]
    found = {"torch layers": nn.Sequential(*spiking), "PyTorch": nn.Sequential(*values)}
    weights = [array for name, array in ours.parameters.items() if name.endswith("weight")]
    with torch.no_grad():
        for module in found.values():
            given = iter(weights)
            for name, parameter in module.named_parameters():
                # Those of PyTorch's batch norms are 1, as gamma is.
                parameter.fill_(float(name.endswith("gamma") or (parameter.ndim == 1 and name.endswith("weight"))))
                if parameter.ndim > 1:
                    parameter.copy_(torch.from_numpy(next(given)))
    return found


def torch_epochs(module: Any, x: Array, labels: Array) -> Callable[[], float]:
    """A function that trains a module for one epoch, as `Training.epoch` does, and returns its mean loss."""
    import torch
    from torch import nn

    optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(labels)
    done = 0

    def epoch() -> float:
        nonlocal done
        losses, right = [], 0
        for chosen in batches(len(inputs), BATCH, 0, done):
            picked = torch.from_numpy(chosen)
            wanted = targets[picked]
            optimizer.zero_grad()
            outputs = module(inputs[picked])
            loss = nn.functional.cross_entropy(outputs, wanted)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            right += int((outputs.argmax(1) == wanted).sum())
        done += 1
        return sum(losses) / len(losses)

    return epoch


def against_torch(
    architecture: str, rounds: int, clock: Callable[[], float]
) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds of epochs of ours and of PyTorch's network in turn, by who we are; their losses must be the same."""
    x, labels = data(STEPS[architecture] * BATCH, np.float32)
    found = {}
    for name in reversed(NAMES):  # nothing of numpy's before PyTorch is measured alone
        ours = network(architecture, np.float32)
        modules = torch_networks(ours)
        training = Training(ours, optimizer=Adam(RATE), batch=BATCH)
        epochs: list[Callable[[], float]] = [
            torch_epochs(modules[name], x, labels) if name in modules else lambda: training.epoch(x, labels).loss,  # noqa: B023
            torch_epochs(modules["PyTorch"], x, labels),
        ]
        loss, wanted = (epoch() for epoch in epochs)
        assert abs(loss - wanted) <= NEAR * wanted, (name, loss, wanted)
        mine, theirs = in_turn(epochs, rounds, clock, PAUSE)
        found[name] = mine, theirs
    return found


def products(ours: TrainableNetwork, n: int) -> Callable[[], None]:
    """The matrix products alone of a forward and backward pass of dense layers, but those with respect to inputs."""
    draws = np.random.default_rng(1)
    weights = [array for name, array in ours.parameters.items() if name.endswith("weight")]
    calls: list[tuple[Array, Array, Array]] = []
    for place, weight in enumerate(weights):
        x = draws.random((n, weight.shape[1])).astype(weight.dtype)
        grad = draws.random((n, len(weight))).astype(weight.dtype)
        pairs = [(x, weight.T), (grad.T, x), *([(grad, weight)] if place else [])]
        calls += [(a, b, np.empty((len(a), b.shape[1]), weight.dtype)) for a, b in pairs]

    def multiply() -> None:
        for a, b, out in calls:
            np.matmul(a, b, out=out)

    return multiply


def measured_here(size: str) -> list[Row]:
    """The rows of this process, whose threads are counted already."""
    threads = int(os.environ["OMP_NUM_THREADS"])
    rounds, clock = ROUNDS[size], time.process_time if threads == 1 else time.perf_counter
    told = "1 thread" if threads == 1 else f"{threads} threads"
    return (_against_torch(rounds, clock, threads, told) if have_torch() else []) + _against_products(
        rounds, clock, told
    )


def _against_torch(rounds: int, clock: Callable[[], float], threads: int, told: str) -> list[Row]:
    import torch

    torch.set_num_threads(threads)
    bounds = {(DENSE, "numpy"): "<= 1", (CONV, "numpy"): "<= 2", (CONV, "torch layers"): "<= 1.3"}
    rows = []
    for architecture, steps in STEPS.items():
        title = f"training, 28 x 28, {architecture}, batch {BATCH}, float32, {told}"
        for name, (mine, theirs) in against_torch(architecture, rounds, clock).items():
            rows.append(Row(title, f"a step, {name}", 1e3 * min(mine) / steps, "ms"))
            bound = bounds.get((architecture, name), "")
            rows.append(Row(title, f"{name} / PyTorch's ReLU network", ratio(mine, theirs), "x", bound))
    return rows


def _against_products(rounds: int, clock: Callable[[], float], told: str) -> list[Row]:
    rows = []
    for dtype in (np.float32, np.float64):
        ours, loss, (x, labels) = network(DEEP, dtype), CrossEntropy(), data(256, dtype)
        title = f"forward and backward, 784 inputs, {DEEP}, batch 256, {np.dtype(dtype)}, {told}"
        calls: list[Callable[[], object]] = [lambda: ours.gradients(x, loss, labels), products(ours, 256)]  # noqa: B023
        both, alone = in_turn(calls, 3 * rounds, clock)
        rows.append(Row(title, "all / matrix products", ratio(both, alone), "x", "<= 1.3"))
    return rows


def measure(size: str) -> list[Row]:
    """The rows of one process with one thread, and of one with two where there are as many processors."""
    rows: list[Row] = []
    for threads in range(1, min(2, os.cpu_count() or 1) + 1):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, str(threads))
        command = [sys.executable, __file__, "--work", size]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
        (line,) = [line for line in output.splitlines() if line.startswith(MARK)]
        rows += [Row(**fields) for fields in json.loads(line.removeprefix(MARK))]
    if not have_torch():
        print("PyTorch is not installed (make references): no ratios to it.", file=sys.stderr)
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        print(MARK + json.dumps([asdict(row) for row in measured_here(sys.argv[2])]))
    else:
        run_script(measure, __doc__)
