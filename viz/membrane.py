"""Membrane potentials: the exact V(t) of a few neurons, their thresholds, windows and spikes.

Relies on `Run.membrane`, which advances the recorded states with the neuron model's own equations: between two events
the line is the solution, not an interpolation.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from eventsim.errors import InputError
from eventsim.run.run import Run
from eventsim.viz.frame import drawable, left_title, mark_window, quieten, time_label
from eventsim.viz.key import key_above
from eventsim.viz.layers import Array, Layer, check_sample, layers, spikes_of
from eventsim.viz.new_figure import new_axes
from eventsim.viz.palette import SILENT, layer_colour
from eventsim.viz.selection import Stretch, checked_stretch, chosen_indices, panel_titles

POINTS = 600  # of a line, besides the events; more than a figure is wide in dots
EVER: Stretch = (-math.inf, math.inf)


def membrane(
    run: Run,
    population: str,
    neurons: int | Iterable[int] | slice | str,
    sample: int = 0,
    ax: Axes | None = None,
    *,
    time: Stretch | None = None,
    title: str | None = None,
) -> Axes:
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
        One index or several, a slice, or "all"; four or fewer are easy to read.
    sample
        Which sample, counted from 0.
    ax
        Axes to draw into; None makes a figure, which is ``membrane(...).figure``.
    time
        (begin, end) of the stretch [begin, end) that is shown, in the run's unit; the key counts the spikes in it.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        Unknown population or sample, a neuron that was not recorded, a run without its network, a stretch in which
        nothing was recorded.
    """
    (layer,) = layers("membrane", run, [population])
    check_sample("membrane", run, sample)
    remedy = f"Give indices of neurons of {population!r} that were recorded."
    chosen = chosen_indices("membrane", "neurons", neurons, layer.size, remedy).tolist()
    stretch = checked_stretch("membrane", time)
    (own_title,) = panel_titles("membrane", title, 1)
    lines = [_line(run, layer, neuron, sample, stretch) for neuron in chosen]
    ax = new_axes() if ax is None else drawable("membrane", ax)
    for place, (neuron, line) in enumerate(zip(chosen, lines, strict=True)):
        _draw_neuron(ax, run, layer, neuron, line, layer_colour(place + 1), dashes(place, len(chosen)))
    quieten(ax)
    ax.margins(x=0.0 if stretch else 0.01)
    mark_window(ax, layer.fire_window(np.empty(0)), layer.window or (), layer.order, stretch or EVER)
    if stretch:
        ax.set_xlim(stretch)
    ax.set_xlabel(time_label(run))
    ax.set_ylabel("membrane potential")
    _explain_marks(ax)
    named = float(layer.window is not None)  # the borders of the window have names above the axes
    left_title(ax, f"{population}, sample {sample}", own_title, lines=key_above(ax, named))
    return ax


class Line(NamedTuple):
    """What is drawn of one neuron.

    Attributes
    ----------
    times, values : arrays (n,)
        The potential, with a point on the threshold at each spike.
    spikes : array (n_spikes,)
        The spikes in the stretch that is shown.
    borders
        From where to where the threshold is drawn.
    whole
        Is the end of the line the end of what was recorded?
    """

    times: Array
    values: Array
    spikes: Array
    borders: Stretch
    whole: bool


def _draw_neuron(
    ax: Axes, run: Run, layer: Layer, neuron: int, line: Line, colour: str, dashes: tuple[float, tuple[float, float]]
) -> None:
    times, values, spikes = line.times, line.values, line.spikes
    threshold = run.threshold(layer.name, neuron)
    ax.plot(times, values, color=colour, linewidth=1.5, gid=f"membrane {neuron}", label=_legend(neuron, layer, line))
    if layer.is_readout and line.whole:
        ax.plot(
            times[-1:], values[-1:], marker="o", markersize=5, color=colour, clip_on=False, gid=f"read-out {neuron}"
        )
    if threshold < math.inf and line.borders[0] <= line.borders[1]:
        ax.plot(line.borders, [threshold] * 2, color=colour, linewidth=1.2, linestyle=dashes, gid=f"threshold {neuron}")
    if layer.fire_window(spikes) is not None and not spikes.size and line.whole:
        ax.plot(
            times[-1:], values[-1:], marker="o", markersize=6, markerfacecolor="white", color=colour, clip_on=False,
            zorder=4, gid=f"silent {neuron}",
        )  # fmt: skip
    size = min(11.0, max(5.0, 60.0 / max(spikes.size, 1) ** 0.5))
    ax.plot(
        spikes, np.full(spikes.size, threshold), linestyle="none", marker="*", markersize=size, color=colour,
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


def _line(run: Run, layer: Layer, neuron: int, sample: int, stretch: Stretch | None) -> Line:
    """V at a grid of times, at each event and just before it, where it may jump or bend, and at each spike."""
    events, _ = run.membrane(layer.name, neuron, sample)
    end = _end(run, layer, events, sample)
    begin, until = max(float(events[0]), (stretch or EVER)[0]), min(end, (stretch or EVER)[1])
    if begin > until:
        raise InputError(
            f"membrane: time = {stretch}, but neuron {neuron} of {layer.name!r} was recorded from {events[0]:g} to "
            f"{end:g} in sample {sample}; must have a part of it. Choose another stretch."
        )
    grid = np.linspace(begin, until, POINTS)
    times = np.unique(np.concatenate([grid, events, np.nextafter(events[1:], -math.inf)]))
    times, values = run.membrane(layer.name, neuron, sample, times[(times >= begin) & (times <= until)])
    spikes = _train(run, layer, neuron, sample)
    spikes = spikes[(spikes >= begin) & ((spikes < until) | (until == end))]
    # At a spike V is on the threshold, between its left limit and what the reset makes of it.
    place = np.searchsorted(times, spikes)
    values = np.insert(values, place, run.threshold(layer.name, neuron))
    borders = (begin, until)
    if layer.window is not None:
        low, high = stretch or EVER
        borders = (max(layer.window[0], low), min(layer.window[-1], high))
    return Line(np.insert(times, place, spikes), values, spikes, borders, until == end)


def _legend(neuron: int, layer: Layer, line: Line) -> str:
    n = line.spikes.size
    if layer.is_readout or not (n or line.whole):
        return f"neuron {neuron}"
    return f"neuron {neuron}: " + (f"{line.spikes[0]:.4g}" if n == 1 else f"{n} spikes" if n else "silent")
