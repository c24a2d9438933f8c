"""Layers of spike times as the papers define them, neuron by neuron in absolute time, for the tests of the trainer.

Imports nothing of eventsim. Numbers may be floats or Fractions.
"""

import math
from collections.abc import Sequence
from typing import Any


def b1_times(times: Sequence[Any], weights: Any, d: Sequence[Any], t_min: Any, t_max: Any, slope: Any = 1) -> list[Any]:
    """Spike times, t_max for none, of neurons with a constant slope from t_min on (Stanojevic et al. 2024)."""
    found = []
    for row, offset in zip(weights, d, strict=True):
        potential = sum(w * (t_min - t) for w, t in zip(row, times, strict=True))
        threshold = slope * (t_max - t_min) - offset
        t = t_min + (threshold - potential) / slope
        found.append(min(t, t_max))
    return found


def alpha_times(
    times: Sequence[Any], weights: Any, d: Sequence[Any], t_start: Any, t_min: Any, t_max: Any, alpha: Any = 1
) -> list[Any]:
    """The same for neurons whose slope is alpha + the weights, inputs without a spike counting from t_min on."""
    found = []
    for row, offset in zip(weights, d, strict=True):
        slope = alpha + sum(row)
        if slope <= 0:
            found.append(t_max)
            continue
        potential = alpha * (t_min - t_start) + sum(w * (t_min - t) for w, t in zip(row, times, strict=True))
        threshold = alpha * (t_min - t_start) + slope * (t_max - t_min) - offset
        found.append(min(t_min + (threshold - potential) / slope, t_max))
    return found


def outputs(times: Sequence[Any], weights: Any, d: Sequence[Any], t_min: Any) -> list[Any]:
    """Potentials of the read-out at t_min."""
    return [
        sum(w * (t_min - t) for w, t in zip(row, times, strict=True)) + offset
        for row, offset in zip(weights, d, strict=True)
    ]


def patches(x: Any, kernel: int, stride: int, padding: int, fill: Any) -> list[list[Any]]:
    """The inputs of each position of a square convolution over x[channel][row][column], positions in C order."""
    rows, columns = len(x[0]), len(x[0][0])
    found = []
    for top in range(-padding, rows + padding - kernel + 1, stride):
        for left in range(-padding, columns + padding - kernel + 1, stride):
            taps = [(plane, r, c) for plane in x for r in range(top, top + kernel) for c in range(left, left + kernel)]
            found += [[plane[r][c] if 0 <= r < rows and 0 <= c < columns else fill for plane, r, c in taps]]
    return found


def cross_entropy(potentials: Sequence[float], label: int) -> float:
    """-log softmax."""
    return math.log(sum(math.exp(v - potentials[label]) for v in potentials))
