"""Spike-time histograms: when the neurons of each layer fire, over all samples, and how many fire at all.

Relies on the run's spikes and windows.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, NullFormatter

from eventsim.checks import integer
from eventsim.run.run import Run
from eventsim.run.spans import began
from eventsim.viz.frame import Array, even_titles, left_title, mark_window, quieten, time_label
from eventsim.viz.layers import Layer, layers, spikes_of
from eventsim.viz.panels import panels
from eventsim.viz.selection import Stretch, checked_stretch, panel_titles

MOST_BINS = 10_000


def spike_histogram(
    run: Run,
    ax: Any = None,
    populations: Iterable[str] | None = None,
    bins: int = 50,
    *,
    time: Stretch | None = None,
    title: str | Iterable[str | None] | None = None,
) -> Array:
    """Draw a histogram of each layer's spike times, one panel a layer, counts on a logarithmic axis.

    The fire window [t_min, t_max] is shaded and bordered. The title gives the share of neurons, over all samples, that
    fire at least once in the whole run, and says where all spikes fall on a few times.

    Parameters
    ----------
    run
        A run recorded with "spikes" (all spikes count) or "first_spikes" (the first of each neuron).
    ax
        As many axes as layers, in any shape; None makes a figure.
    populations
        Names in the order wanted; None draws all but read-outs, which never fire.
    bins
        How many bins there are from the first to the last time of a panel (window and spikes), or in the stretch that
        is shown.
    time
        (begin, end) of the stretch [begin, end) that is shown, in the run's unit.
    title
        In place of the usual ones: a list with one a panel; "" for none.

    Returns
    -------
    array (n_layers,)
        The axes, one a layer.

    Raises
    ------
    InputError
        Unknown population, spikes not recorded, bins < 1, as many axes or titles as there are not layers.
    """
    chosen = layers("spike_histogram", run, populations, recorded=True)
    if populations is None:
        chosen = [layer for layer in chosen if not layer.is_readout] or chosen
    bins = integer("spike_histogram", "bins", bins, low=1, high=MOST_BINS, remedy="50 suit most windows.")
    stretch = checked_stretch("spike_histogram", time)
    titles = panel_titles("spike_histogram", title, len(chosen))
    spikes = spikes_of(run)
    axes = panels("spike_histogram", ax, len(chosen))
    heads = []
    for panel, layer, own in zip(axes, chosen, titles, strict=True):
        times = spikes.time[spikes.population == layer.order]
        heads.append(_draw_layer(panel, run, layer, times, bins, stretch, own))
        panel.set_xlabel(time_label(run))
    even_titles(heads)
    axes[0].set_ylabel("spikes per bin")
    return axes


def _draw_layer(
    ax: Axes, run: Run, layer: Layer, times: Array, bins: int, stretch: Stretch | None, title: str | None
) -> Text:
    """Draw one panel, and return its title."""
    window = layer.fire_window(times)
    usual = f"{layer.name}\n{_share_that_fires(run, layer):.1%} fire{_levels(times, bins)}"
    if stretch is not None:
        times = times[(times >= stretch[0]) & (times < stretch[1])]
    mark_window(ax, window, window or (), layer.order, stretch or (-np.inf, np.inf))
    if times.size or window is not None or stretch is not None:
        counts, edges = np.histogram(times, bins, stretch or _span(np.concatenate([times, window or ()]), bins))
        ax.stairs(counts, edges, baseline=0.5, fill=True, color=layer.colour, alpha=0.85, gid="histogram")
        ax.set_ylim(0.5, 2.0 * max(counts.max(), 1))
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(numticks=5))
    ax.yaxis.set_minor_formatter(NullFormatter())
    if stretch is not None:
        ax.set_xlim(stretch)
    quieten(ax)
    return left_title(ax, usual, title, lines=float(window is not None), small=True)


def _span(marks: Array, bins: int) -> tuple[float, float]:
    """From the first to the last mark, and so far apart that the borders of the bins are different numbers."""
    low, high = float(marks.min()), float(marks.max())
    least = 2.0 * bins * float(np.spacing(max(abs(low), abs(high))))
    return (low, high) if high - low > least else (low - max(0.5, least), high + max(0.5, least))


def _levels(times: Array, bins: int) -> str:
    """Where spikes fall on few times, as those of pixels with few grey levels do, the histogram is a comb: say so."""
    n = np.unique(times).size
    return f", at {n} times" if 0 < n <= bins and times.size > 4 * n else ""


def _share_that_fires(run: Run, layer: Layer) -> float:
    first = run.spike_times(layer.name)[began(run)].astype(np.float64)
    return float(np.count_nonzero(first < np.inf) / max(first.size, 1))
