"""What a time step costs: a crossing that a stepped simulation misses, and its error as the step becomes shorter."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import eventsim
from eventsim.viz.palette import FALLING, GRID, INK, RISING, SILENT

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "stepped.png"
TAU_MEM, TAU_SYN = 10.0, 3.0
Array = np.ndarray[Any, Any]
# One neuron that hears two inputs in one step of 1.
TIMES, WEIGHTS, END = (1.2, 1.75), (26.0, -27.0), 6.0
# Many neurons, each with inputs of its own.
N, N_INPUTS, UNTIL = 400, 40, 50.0
STEPS = tuple(2.0**-k for k in range(1, 11))


def main() -> None:
    """Draw both panels."""
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_missed(left)
    draw_convergence(right)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def simulated(trains: list[list[float]], weights: Array, until: float, **options: Any) -> eventsim.Run:
    """Neurons that each hear their own inputs, with exact spike times; `weights` (neurons, inputs)."""
    n, n_inputs = weights.shape
    net = eventsim.Network(time_unit=1e-3)
    source = net.source(n * n_inputs, "input")
    cells = net.population("lif_exp", n, "cells", tau_mem=TAU_MEM, tau_syn=TAU_SYN)
    senders = np.arange(n * n_inputs)
    net.connect(source, cells, eventsim.Sparse(senders, senders // n_inputs, weights.ravel()))
    return eventsim.simulate(net, eventsim.SpikeTimes([trains]), until=until, **options)


def stepped(times: Array, weights: Array, dt: float, until: float) -> tuple[Array, Array]:
    """First spikes (inf = silent) and potentials (steps, neurons) of the same neurons on a grid of `dt`.

    Between two points of the grid V and I are advanced exactly; inputs count from the next point on, and V is compared
    with its threshold of 1 at points only. That is how clock-driven simulators work.
    """
    left, kept = np.exp(-dt / TAU_MEM), np.exp(-dt / TAU_SYN)
    gain = (left - kept) / (1 / TAU_SYN - 1 / TAU_MEM) / TAU_MEM
    arrivals = np.ceil(times / dt).astype(int)
    v, i = np.zeros(len(times)), np.zeros(len(times))
    first, potentials = np.full(len(times), np.inf), [v.copy()]
    for k in range(1, int(until / dt) + 1):
        v, i = v * left + gain * i, i * kept
        i += np.where(arrivals == k, weights, 0.0).sum(axis=1)
        fires = v >= 1.0
        first[fires & np.isinf(first)] = k * dt
        v = np.where(fires, 0.0, v)
        potentials.append(v.copy())
    return first, np.array(potentials)


def draw_missed(ax: Axes) -> None:
    """V with its exact crossing, and the points of a grid at which nothing is to be seen of it."""
    run = simulated([[t] for t in TIMES], np.array([WEIGHTS]), END, record={"cells": [0]}, engine="reference")
    spike = float(run.spike_times("cells")[0, 0])
    fine = np.sort(np.append(np.linspace(0.0, END, 601), [spike - 1e-9, spike]))
    _, values = run.membrane("cells", 0, times=fine)
    ax.plot(fine, values, color=RISING, linewidth=1.4, label="exact")
    first, grid = stepped(np.array([TIMES]), np.array([WEIGHTS]), 1.0, END)
    assert np.isinf(first[0])
    ax.plot(np.arange(len(grid)), grid[:, 0], "o", color=FALLING, markerfacecolor="white", label="stepped, $dt$ = 1 ms")
    ax.axhline(1.0, color=SILENT, linestyle=(0, (4, 3)), linewidth=1.0)
    ax.annotate("threshold", (END, 1.0), xytext=(0, 3), textcoords="offset points", ha="right", fontsize="small")
    ax.plot(spike, 1.0, marker="*", markersize=12, color=RISING, zorder=4)
    ax.annotate(
        f"spike at {spike:.6f} ms", (spike, 1.0), xytext=(30, 12), textcoords="offset points", color=RISING,
        fontsize="small", arrowprops={"arrowstyle": "-", "color": SILENT, "linewidth": 0.7},
    )  # fmt: skip
    for t, weight in zip(TIMES, WEIGHTS, strict=True):
        ax.annotate(
            "", (t, -0.25 if weight > 0 else -0.48), xytext=(t, -0.48 if weight > 0 else -0.25),
            arrowprops={"arrowstyle": "simple", "color": RISING if weight > 0 else FALLING, "mutation_scale": 11},
        )  # fmt: skip
    ax.text(TIMES[0] - 0.15, -0.365, "inputs", ha="right", va="center", fontsize="small", color=INK)
    ax.set(xlabel="time (ms)", ylabel="membrane potential", ylim=(-0.9, 1.25), xlim=(0, END))
    ax.set_title("A crossing between two steps", loc="left", fontsize="medium")
    ax.legend(frameon=False, fontsize="small", loc=(0.5, 0.6))


def draw_convergence(ax: Axes) -> None:
    """Error of first spike times against the step."""
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0.0, 0.8 * UNTIL, (N, N_INPUTS)), axis=1)
    weights = rng.normal(0.25, 2.0, (N, N_INPUTS))
    run = simulated([[t] for t in times.ravel().tolist()], weights, UNTIL)
    exact = run.spike_times("cells")[0]
    median, largest = [], []
    for dt in STEPS:
        first, _ = stepped(times, weights, dt, UNTIL)
        both = np.isfinite(first) & np.isfinite(exact)
        error = np.abs(first[both] - exact[both])
        median.append(np.median(error))
        largest.append(error.max())
    ax.loglog(STEPS, largest, "v-", color=FALLING, label="largest")
    ax.loglog(STEPS, median, "o-", color=RISING, label="median")
    ax.loglog(STEPS, np.array(STEPS) / 2, color=GRID, zorder=0, label="$dt$ / 2")
    ax.annotate(
        "first spikes missed:\nanother one comes first", (STEPS[1], largest[1]), xytext=(-24, 4),
        textcoords="offset points", ha="right", va="center", fontsize="small", color=INK,
    )  # fmt: skip
    ax.set(xlabel="time step (ms)", ylabel="error of first spike times (ms)", ylim=(3e-4, 100))
    ax.set_title(f"The first spikes of {N} neurons", loc="left", fontsize="medium")
    ax.legend(frameon=False, fontsize="small", loc="lower right")


if __name__ == "__main__":
    main()
