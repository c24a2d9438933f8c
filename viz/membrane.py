"""Membrane potentials: the exact V(t) of a few neurons, their thresholds, windows and spikes.

Relies on `Run.membrane`, which advances the recorded states with the neuron model's own equations: between two events
the line is the solution, not an interpolation.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from eventsim.checks import integer_array, shown
from eventsim.errors import InputError
from eventsim.run.run import Run
from eventsim.viz.frame import drawable, left_title, mark_window, new_axes, quieten, time_label
from eventsim.viz.layers import Array, Layer, check_sample, layers, spikes_of
from eventsim.viz.palette import SILENT, layer_colour

POINTS = 600  # of a line, besides the events; more than a figure is wide in dots


def membrane(run: Run, population: str, neurons: int | Iterable[int], sample: int = 0, ax: Axes | None = None) -> Axes:
    """Draw V(t) of recorded neurons, each with its threshold (dashed) and a star at every spike.

    A neuron that fires once is drawn up to its spike, one that resets jumps down at it; one that is silent to the end
    of its window ends in an open circle. Dashes of thresholds that coincide take turns. Vertical lines are t_start,
    t_min and t_max of the population's window, between the last two of which it is shaded.

    Parameters
    ----------
    run
        A run simulated with ``record={population: neurons}``; one that was loaded from a file with its network,
        ``load_run(path, network)``.
    population
        Name of the population.
    neurons
        One index or several; four or fewer are easy to read.
    sample
        Which sample, counted from 0.
    ax
        Axes to draw into; None makes a figure, which is ``membrane(...).figure``.

    Raises
    ------
    InputError
        Unknown population or sample, a neuron that was not recorded, a run without its network.
    """
    (layer,) = layers("membrane", run, [population])
    check_sample("membrane", run, sample)
    remedy = f"Give indices of neurons of {population!r} that were recorded."
    chosen = integer_array("membrane", "neurons", neurons, low=0, high=layer.size - 1, remedy=remedy).ravel().tolist()
    if not chosen:
        raise InputError(f"membrane: neurons = {shown(neurons)}; must be one at least. {remedy}")
    ax = new_axes(8.0, 4.0) if ax is None else drawable("membrane", ax)
    for place, neuron in enumerate(chosen):
        _draw_neuron(ax, run, layer, neuron, sample, layer_colour(place + 1), dashes(place, len(chosen)))
    quieten(ax)
    ax.margins(x=0.01)
    mark_window(ax, layer.fire_window(np.empty(0)), layer.window or (), layer.order)
    ax.set_xlabel(time_label(run))
    ax.set_ylabel("membrane potential")
    left_title(ax, f"{population}, sample {sample}", above_borders=layer.window is not None)
    _explain_marks(ax)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small", borderaxespad=0.0)
    return ax


def _draw_neuron(
    ax: Axes, run: Run, layer: Layer, neuron: int, sample: int, colour: str, dashes: tuple[float, tuple[float, float]]
) -> None:
    events, _ = run.membrane(layer.name, neuron, sample)
    threshold = run.threshold(layer.name, neuron)
    spikes = _train(run, layer, neuron, sample)
    end = _end(run, layer, events, sample)
    times, values = _line(run, layer, neuron, sample, events, end)
    # At a spike V is on the threshold, between its left limit and what the reset makes of it.
    place = np.searchsorted(times, spikes)
    times = np.insert(times, place, spikes)
    values = np.insert(values, place, threshold)
    ax.plot(times, values, color=colour, linewidth=1.5, gid=f"membrane {neuron}", label=_legend(neuron, layer, spikes))
    if layer.is_readout:
        ax.plot(
            times[-1:], values[-1:], marker="o", markersize=5, color=colour, clip_on=False, gid=f"read-out {neuron}"
        )
    if threshold < math.inf:
        borders = layer.window if layer.window is not None else (times[0], end)
        ax.plot(
            [borders[0], borders[-1]], [threshold] * 2, color=colour, linewidth=1.2, linestyle=dashes,
            gid=f"threshold {neuron}",
        )  # fmt: skip
    if layer.fire_window(spikes) is not None and not spikes.size:
        ax.plot(
            times[-1:], values[-1:], marker="o", markersize=6, markerfacecolor="white", color=colour, clip_on=False,
            zorder=4, gid=f"silent {neuron}",
        )  # fmt: skip
    ax.plot(
        spikes, np.full(spikes.size, threshold), linestyle="none", marker="*", markersize=11, color=colour,
        markeredgecolor="white", markeredgewidth=0.6, zorder=4, gid=f"spike {neuron}",
    )  # fmt: skip


def dashes(place: int, n: int) -> tuple[float, tuple[float, float]]:
    """Offset and pattern of the dashes of one of n thresholds, such that lines on each other show all colours."""
    return 4.0 * place, (4.0, max(4.0 * (n - 1), 3.0))


def _explain_marks(ax: Axes) -> None:
    """Say in the legend what dashes, stars and circles are, where there are any."""
    marks: dict[str, dict[str, Any]] = {
        "threshold": {"linestyle": "--", "linewidth": 1.2},
        "spike": {"marker": "*", "markersize": 9},
        "silent": {"marker": "o", "markerfacecolor": "white"},
    }
    for name, style in marks.items():
        drawn = [line for line in ax.lines if str(line.get_gid()).startswith(f"{name} ")]
        if any(np.size(line.get_xdata()) for line in drawn):
            label = "silent at $t_\\mathrm{max}$" if name == "silent" else name
            ax.plot([], [], **({"linestyle": "none", "color": SILENT, "label": label} | style))


def _train(run: Run, layer: Layer, neuron: int, sample: int) -> Array:
    spikes = spikes_of(run, sample)
    return np.sort(spikes.time[(spikes.population == layer.order) & (spikes.neuron == neuron)])


def _end(run: Run, layer: Layer, events: Array, sample: int) -> float:
    """When the line ends: with the window, at the read-out time, where the simulation ended, or with the last spike."""
    done = float(run.reached[sample])
    if layer.window is not None:
        end = layer.window[1] if layer.is_readout else max(layer.window[-1], float(events[-1]))
        return max(min(end, done), float(events[-1]))
    if math.isfinite(done):
        return done
    return max(float(events[-1]), float(spikes_of(run, sample).time.max(initial=0.0)))


def _line(run: Run, layer: Layer, neuron: int, sample: int, events: Array, end: float) -> tuple[Array, Array]:
    """V at a grid of times, at each event and just before it, where it may jump or bend."""
    grid = np.linspace(events[0], end, POINTS)
    times = np.unique(np.concatenate([grid, events, np.nextafter(events[1:], -math.inf)]))
    return run.membrane(layer.name, neuron, sample, times[times <= end])


def _legend(neuron: int, layer: Layer, spikes: Array) -> str:
    if layer.is_readout:
        return f"neuron {neuron}"
    if spikes.size == 1:
        return f"neuron {neuron}, t = {spikes[0]:.4g}"
    return f"neuron {neuron}, " + (f"{spikes.size} spikes" if spikes.size else "silent")
