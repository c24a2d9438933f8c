"""W4: one convolution of 3 x 3 kernels, 64 to 512 channels, every position of VGG-16 at 32 x 32, one thread.

Timed: `simulate` of images of which half is silent, with encoding, sorting, prediction and recording of first spikes;
not building and compiling. Event counts are held against the geometry, spike times against im2col by numpy.
"""

import statistics
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from report import Row, in_turn, run_script

import eventsim

Array = np.ndarray[Any, Any]
LAYERS = ((64, 32), (128, 16), (256, 8), (512, 4))  # channels, positions an axis
SEED, SAMPLES, WINDOW = 20261123, 4, (0.0, 1.0, 5.0)


def network(channels: int, extent: int) -> tuple[eventsim.Network, Array]:
    """A source and one layer of B1 neurons; the weights."""
    random = np.random.default_rng(SEED)
    weights = random.standard_normal((channels, channels, 3, 3)) / np.sqrt(9 * channels)
    net = eventsim.Network()
    shape = (channels, extent, extent)
    net.source(shape, "input")
    net.population("ttfs_b1", shape, "conv", WINDOW, threshold=WINDOW[2] - WINDOW[1])
    net.connect("input", "conv", eventsim.Conv(weights, padding=1))
    return net, weights


def images(channels: int, extent: int) -> Array:
    """Values in [0, 1], about half of them 0."""
    random = np.random.default_rng(SEED + 1)
    return np.clip(random.standard_normal((SAMPLES, channels, extent, extent)) / 2.0, 0.0, 1.0)


def check(run: eventsim.Run, x: Array, weights: Array) -> int:
    """Hold a run against numpy's convolution; return its synaptic events."""
    fields = sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3))
    values = np.einsum("ncyxij,ocij->noyx", fields, weights, optimize=True)
    expected = np.where(values > 0.0, WINDOW[2] - values, np.inf).reshape(len(x), -1)
    found = run.spike_times("conv")
    clear = np.abs(values.reshape(len(x), -1)) > 1e-12  # a value of 0 fires at t_max or not at all
    assert ((found < np.inf) == (expected < np.inf))[clear].all(), "other neurons fire"
    both = (found < np.inf) & (expected < np.inf)
    assert np.abs(found[both] - expected[both]).max() <= 1e-12
    reached = sliding_window_view(np.pad(np.ones(x.shape[2:]), 1), (3, 3)).sum(axis=(2, 3))
    visited = int(((x > 0.0) * reached).sum()) * weights.shape[0]
    assert run.counters["visited"] == run.counters["synaptic_events"] == visited
    assert run.counters["premature"] == 0
    return visited


def measure_layer(channels: int, extent: int, rounds: int) -> Row:
    """Synaptic events a second of one layer."""
    net, weights = network(channels, extent)
    x = images(channels, extent)

    def run() -> eventsim.Run:
        return eventsim.simulate(net, x, record="first_spikes", threads=1)

    events = check(run(), x, weights)
    (seconds,) = in_turn([run], rounds)
    name = f"W4 convolution, {channels} x {extent} x {extent}"
    return Row(name, "synaptic events a second", events / statistics.median(seconds) / 1e9, "10^9/s", ">= 0.5")


def measure(size: str = "usual") -> list[Row]:
    """Each layer; only the last one if quick."""
    if size == "quick":
        return [measure_layer(*LAYERS[-1], rounds=2)]
    return [measure_layer(*layer, rounds=7) for layer in LAYERS]


if __name__ == "__main__":
    run_script(measure, __doc__)
