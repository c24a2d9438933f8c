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
from eventsim.viz.frame import drawable, left_title, plain_text, quieten, rate_label, time_label
from eventsim.viz.key import key_above
from eventsim.viz.layers import Array, Layer, check_sample, ended, layers, spikes_of
from eventsim.viz.new_figure import new_axes
from eventsim.viz.selection import Stretch, checked_stretch, panel_titles

MOST_BINS = 100_000
HEADROOM = 1.08  # of the highest rate of a population


def rates(
    run: Run,
    sample: int = 0,
    ax: Axes | None = None,
    populations: Iterable[str] | None = None,
    bins: int = 100,
    *,
    time: Stretch | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the firing rates of one sample's populations, a line for each, in spikes a second and neuron.

    Without a time unit, in spikes a unit of time and neuron. The key above the curves has the mean over the time that
    is shown. The scale is that of the populations: a source with a higher rate leaves it, and the key says so.

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
        spike; or in the stretch that is shown.
    time
        (begin, end) of the stretch [begin, end) that is shown, in the run's unit.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        Unknown population or sample, a sample that never began, spikes not recorded, bins < 1, a stretch that was not
        simulated.
    """
    chosen = layers("rates", run, populations, recorded=True)
    if populations is None:
        chosen = [layer for layer in chosen if not layer.is_readout] or chosen
    check_sample("rates", run, sample)
    bins = integer("rates", "bins", bins, low=1, high=MOST_BINS, remedy="100 suit most runs.")
    (own_title,) = panel_titles("rates", title, 1)
    _ = run.spikes  # first spikes alone have no rate
    low, high = _simulated(run, sample, checked_stretch("rates", time))
    edges = np.linspace(low, high, bins + 1)
    spikes = spikes_of(run, sample)
    inside = (spikes.time >= low) & (spikes.time < high)
    ax = new_axes() if ax is None else drawable("rates", ax)
    unit = run.provenance.get("time_unit")
    curves = [
        _rate(layer, spikes.time[inside & (spikes.population == layer.order)], edges, 1.0 if unit is None else unit)
        for layer in chosen
    ]
    top = _top(chosen, curves)
    for layer, curve in zip(chosen, curves, strict=True):
        _draw(ax, layer, curve, edges, top)
    ax.set_ylim(0.0, top)
    ax.set_xlim(edges[0], edges[-1])
    quieten(ax)
    ax.set_xlabel(time_label(run))
    ax.set_ylabel(rate_label(run))
    left_title(ax, f"sample {sample}: rates in {bins} bins{ended(run, sample)}", own_title, lines=key_above(ax))
    return ax


def _simulated(run: Run, sample: int, stretch: Stretch | None) -> Stretch:
    """The stretch that is shown, all of which must have been simulated: what was not would look silent."""
    high = recording_end(run, sample)
    if math.isnan(high):
        raise InputError(
            f"rates: sample {sample} was never simulated, since the run ended before; must have been, or it would look "
            "silent. Choose another, or resume the run."
        )
    if stretch is None:
        return 0.0, high
    if stretch[0] < 0.0 or stretch[1] > high:
        raise InputError(
            f"rates: time = {stretch}, but sample {sample} was recorded from 0 to {high:g}; must lie within, since "
            "what was not simulated would look silent. Choose a stretch of it."
        )
    return stretch


def _rate(layer: Layer, times: Array, edges: Array, unit: float) -> tuple[Array, float]:
    """Rates in the bins, and their mean."""
    counts, _ = np.histogram(times, edges)
    mean = times.size / (layer.size * (edges[-1] - edges[0]) * float(unit))
    return counts / (layer.size * np.diff(edges) * float(unit)), mean


def _top(chosen: list[Layer], curves: list[tuple[Array, float]]) -> float:
    """The end of the scale: above all rates of populations or, where none fires, of sources."""
    highest = {False: 0.0, True: 0.0}
    for layer, (rate, _) in zip(chosen, curves, strict=True):
        highest[layer.is_source] = max(highest[layer.is_source], float(rate.max()))
    return HEADROOM * (highest[False] or highest[True] or 1.0)


def _draw(ax: Axes, layer: Layer, curve: tuple[Array, float], edges: Array, top: float) -> None:
    """One population's rate as steps; sources stand behind."""
    rate, mean = curve
    beyond = ", off scale" if rate.max() > top else ""
    ax.stairs(
        rate, edges, baseline=None, color=layer.colour, linewidth=0.9 if layer.is_source else 1.3,
        zorder=1.5 if layer.is_source else 2.5, gid=f"rate {layer.name}",
        label=f"{plain_text(layer.name)}: {mean:.3g}{beyond}",
    )  # fmt: skip
