"""Rates: how often the neurons of each population fire, in the course of time.

Relies on the run's spikes alone. Counts in bins, divided by the neurons and the length of a bin: nothing is smoothed.
"""

import math
from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes

from eventsim.checks import integer
from eventsim.errors import InputError
from eventsim.run.run import Run
from eventsim.run.spans import recording_end
from eventsim.viz.frame import drawable, left_title, new_axes, quieten, time_label
from eventsim.viz.layers import Array, Layer, check_sample, ended, layers, spikes_of

MOST_BINS = 100_000


def rates(
    run: Run, sample: int = 0, ax: Axes | None = None, populations: Iterable[str] | None = None, bins: int = 100
) -> Axes:
    """Draw the firing rates of one sample's populations, a line for each, in spikes a second and neuron.

    Without a time unit, in spikes a unit of time and neuron. The legend has the mean over the whole time.

    Parameters
    ----------
    run
        A run recorded with "spikes", or with the names of the populations to be drawn.
    sample
        Which sample, counted from 0.
    ax
        Axes to draw into; None makes a figure, which is ``rates(run).figure``.
    populations
        Names in the order wanted; None draws all that were recorded, but read-outs, which never fire.
    bins
        How many bins there are from 0 to the time up to which the sample was simulated, or behind its last window and
        spike.

    Raises
    ------
    InputError
        Unknown population or sample, a sample that never began, spikes not recorded, bins < 1.
    """
    chosen = layers("rates", run, populations, recorded=True)
    if populations is None:
        chosen = [layer for layer in chosen if not layer.is_readout] or chosen
    check_sample("rates", run, sample)
    bins = integer("rates", "bins", bins, low=1, high=MOST_BINS, remedy="100 suit most runs.")
    _ = run.spikes  # first spikes alone have no rate
    spikes = spikes_of(run, sample)
    times = [spikes.time[spikes.population == layer.order] for layer in chosen]
    high = recording_end(run, sample)
    if math.isnan(high):
        raise InputError(
            f"rates: sample {sample} was never simulated, since the run ended before; must have been, or it would look "
            "silent. Choose another, or resume the run."
        )
    edges = np.linspace(0.0, high, bins + 1)
    ax = new_axes(8.0, 2.6) if ax is None else drawable("rates", ax)
    unit = run.provenance.get("time_unit")
    for layer, mine in zip(chosen, times, strict=True):
        _draw(ax, layer, mine, edges, 1.0 if unit is None else float(unit))
    ax.set_ylim(bottom=0.0)
    ax.set_xlim(edges[0], edges[-1])
    quieten(ax)
    ax.legend(loc="upper right", fontsize="small", frameon=False)
    ax.set_xlabel(time_label(run))
    ax.set_ylabel("spikes / time / neuron" if unit is None else "rate (1/s)")
    left_title(ax, f"sample {sample}: rates in {bins} bins{ended(run, sample)}")
    return ax


def _draw(ax: Axes, layer: Layer, times: Array, edges: Array, unit: float) -> None:
    """One population's rate as steps."""
    counts, _ = np.histogram(times, edges)
    per_bin = layer.size * np.diff(edges) * unit
    mean = times.size / (layer.size * (edges[-1] - edges[0]) * unit)
    name = f"{layer.name}: {mean:.3g}"
    ax.stairs(counts / per_bin, edges, color=layer.colour, linewidth=1.2, label=name, gid=f"rate {layer.name}")
