"""A raster of emitted and delivered spikes: for each a line from when it was emitted until it came to its last target.

Relies on the raster's rows and on what the run's packets delivered. Of many spikes an image is drawn, as in a raster.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from eventsim.checks import integer
from eventsim.engines.fabric_records import ARRIVED, PASSED_ON
from eventsim.inspection.packets import carried, deliveries, hops_of
from eventsim.run.packets import log_of
from eventsim.run.run import Run
from eventsim.viz.density import COLUMNS, ROWS, Density, common_scale, draw_density, draw_scale
from eventsim.viz.durations import suiting
from eventsim.viz.fitted import FittedMarks, Mark, Scale
from eventsim.viz.frame import Array, axes_points, drawable, left_title, line_height, time_label
from eventsim.viz.layers import layers
from eventsim.viz.new_figure import figure_size, new_axes
from eventsim.viz.palette import INK
from eventsim.viz.raster import AROUND, LEAST_BAND, SCALE_LINES, frame_rows, shade_rows, time_span
from eventsim.viz.raster_marks import draw_header, draw_spikes, strokes
from eventsim.viz.raster_rows import MOST_HEADERS, Band, Rows, rows_of, stack
from eventsim.viz.selection import Stretch, checked_stretch, chosen_neurons, chosen_samples


class Journeys(NamedTuple):
    """What became of one layer's spikes, in parallel arrays.

    Attributes
    ----------
    rows
        The layer, and its spikes.
    emitted, delivered, row : array (n_deliveries,)
        Each delivery to a core: when the spike was emitted, when it came there, and the row of its neuron.
    lost, lost_row : array (n_lost,)
        When packets were lost, and the row of their neurons.
    """

    rows: Rows
    emitted: Array
    delivered: Array
    row: Array
    lost: Array
    lost_row: Array

    def lines(self) -> tuple[Array, Array, Array]:
        """Of each spike that was delivered when it was emitted, when it came to its last core, and its row."""
        order = np.lexsort([self.emitted, self.row])
        emitted, row = self.emitted[order], self.row[order]
        new = np.ones(order.size, dtype=bool)
        new[1:] = (np.diff(row) != 0) | (np.diff(emitted) != 0)
        first = np.flatnonzero(new)
        last = np.maximum.reduceat(self.delivered[order], first) if first.size else self.delivered
        return emitted[first], last, row[first]


def delivered_raster(
    run: Run,
    sample: int = 0,
    ax: Axes | None = None,
    max_points: int = 20_000,
    populations: Iterable[str] | None = None,
    *,
    neurons: Mapping[str, Any] | Iterable[int] | slice | int | None = None,
    time: tuple[float, float] | None = None,
    title: str | None = None,
) -> Axes:
    """Draw spikes as a raster does, and from each a line until it was delivered to the last of its targets' cores.

    A stroke is an emission, a dot a delivery to a core, a cross a packet that was lost. What needs no packet, since
    sender and targets are on one core, is delivered as it is emitted. Journeys are short beside windows: `time` shows
    a stretch of them.

    Parameters
    ----------
    run
        A run with spikes, or first spikes, on a chip or another transport that records hops.
    sample
        Which sample, counted from 0.
    ax
        Axes to draw into; None makes a figure.
    max_points
        How many deliveries are drawn at most. The layers with the most become images, whose shade is the share of
        neurons with a spike under way, by a scale below them.
    populations
        Names in the order wanted; None draws all.
    neurons
        Which neurons are shown, as `raster` takes them.
    time
        (begin, end) of the stretch [begin, end) that is shown, in the run's unit: spikes emitted or lost, and
        deliveries, in it.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        Unknown population, sample or neuron, no spikes or no hops recorded, max_points < 0, a run from a file without
        its network.
    """
    log_of("delivered_raster", run, some=True)
    chosen = layers("delivered_raster", run, populations, recorded=True)
    wanted = chosen_samples("delivered_raster", run, sample, None)
    shown = chosen_neurons("delivered_raster", neurons, chosen)
    stretch = checked_stretch("delivered_raster", time)
    integer("delivered_raster", "max_points", max_points, low=0, remedy="0 always draws images.")
    everything = rows_of(run, chosen, shown, wanted, stretch)
    journeys = _journeys(run, wanted[0], everything, stretch)
    imaged = _drawn_as_images(journeys, max_points)
    span = stretch or _span(run, wanted, journeys)
    if ax is None:
        least = (len(chosen) * (LEAST_BAND + line_height()) + AROUND) / 72.0
        ax = new_axes(max(figure_size()[1], least))
    drawable("delivered_raster", ax)
    line = min(line_height() / axes_points(ax)[1], MOST_HEADERS / len(chosen))
    below = SCALE_LINES * line if imaged else 0.0
    bands = stack(everything, line, below)
    images = []
    for one, band in zip(journeys, bands, strict=True):
        shade_rows(ax, run, one.rows, band, span)
        if one.rows.layer.order in imaged:
            images.append(_under_way(one, band, span))
        elif not one.rows.layer.is_readout:
            _draw(ax, one, band)
        _draw_lost(ax, one, band)
        draw_header(ax, one.rows.layer.name, one.rows.layer.colour, band, line, _note(run, one))
    if images:
        scale = common_scale(images)
        for image in images:
            draw_density(ax, image, span, scale)
        draw_scale(ax, scale, 1.0 - below, below, "spikes under way a neuron")
    frame_rows(ax, everything, bands, span, margin=0.0 if stretch else 0.01)
    ax.set_xlabel(time_label(run))
    n = sum(one.delivered.size for one in journeys)
    n_lost = sum(one.lost.size for one in journeys)
    left_title(ax, f"sample {sample}: {n:,} deliveries{f', {n_lost:,} lost' if n_lost else ''}", title)
    return ax


def _journeys(run: Run, sample: int, everything: Sequence[Rows], stretch: Stretch | None) -> list[Journeys]:
    """What became of the spikes of each layer: deliveries, and losses, of those whose line is in the stretch."""
    came = deliveries("delivered_raster", run, sample, carried("delivered_raster", run))
    hops = hops_of("delivered_raster", run, sample)
    lost = hops[(hops["outcome"] != ARRIVED) & (hops["outcome"] != PASSED_ON)]
    lost_at = np.fmax(lost["left"], lost["entered"])  # what found no room has never left
    low, high = stretch or (-math.inf, math.inf)
    found = []
    for rows in everything:
        place = np.full(rows.layer.size, -1)
        place[rows.neurons] = np.arange(rows.neurons.size)
        mine = (came["population"] == rows.layer.order) & (came["emitted"] < high) & (came["delivered"] >= low)
        mine[mine] = place[came["neuron"][mine]] >= 0
        gone = (lost["population"] == rows.layer.order) & (lost_at >= low) & (lost_at < high)
        gone[gone] = place[lost["neuron"][gone]] >= 0
        found.append(
            Journeys(
                rows, came["emitted"][mine], came["delivered"][mine], place[came["neuron"][mine]], lost_at[gone],
                place[lost["neuron"][gone]],
            )
        )  # fmt: skip
    return found


def _drawn_as_images(journeys: Sequence[Journeys], max_points: int) -> set[int]:
    """All but the layers with fewest deliveries, as many as have no more than max_points in all."""
    images, total = set(), 0
    for one in sorted(journeys, key=lambda one: max(one.delivered.size, one.rows.times.size)):
        total += max(one.delivered.size, one.rows.times.size)
        if total > max_points:
            images.add(one.rows.layer.order)
    return images


def _span(run: Run, samples: Sequence[int], journeys: Sequence[Journeys]) -> Stretch:
    low, high = time_span(run, samples, [one.rows for one in journeys])
    return low, max([high, *(float(one.delivered.max()) for one in journeys if one.delivered.size)])


def _draw(ax: Axes, one: Journeys, band: Band) -> None:
    """A stroke for each emission, a line until the last delivery, a dot for each delivery."""
    rows, n = one.rows, one.rows.n_rows
    emitted, last, row = one.lines()
    under_way = last > emitted
    y = band.middle(row[under_way], n)
    many = one.delivered.size > 5_000
    segments = np.stack([np.stack([emitted[under_way], y], axis=1), np.stack([last[under_way], y], axis=1)], axis=1)
    lines = LineCollection(
        [*segments], colors=rows.layer.colour, linewidths=0.7, alpha=0.6, zorder=1.5, rasterized=many,
        gid=f"journeys {rows.layer.name}",
    )  # fmt: skip
    ax.add_collection(lines, autolim=False)
    draw_spikes(ax, rows, band)
    fit = strokes(band, n, one.delivered.size)

    def dot(scale: Scale) -> Mark:
        return Mark(min(max(0.4 * fit(scale).size, 1.0), 3.0), 0.0)

    travelled = one.delivered > one.emitted
    ax.add_line(
        FittedMarks(
            one.delivered[travelled], band.middle(one.row[travelled], n), dot, marker="o", color=INK, rasterized=many,
            zorder=2.5, gid=f"deliveries {rows.layer.name}",
        )
    )  # fmt: skip


def _draw_lost(ax: Axes, one: Journeys, band: Band) -> None:
    """A cross where a packet was lost."""
    if one.lost.size:
        fit = strokes(band, one.rows.n_rows, one.lost.size)

        def cross(scale: Scale) -> Mark:
            return Mark(min(max(fit(scale).size, 4.0), 9.0), 1.0)

        y = band.middle(one.lost_row, one.rows.n_rows)
        many = one.lost.size > 5_000
        ax.add_line(
            FittedMarks(
                one.lost, y, cross, marker="x", color=INK, zorder=3, rasterized=many,
                gid=f"lost {one.rows.layer.name}",
            )
        )  # fmt: skip


def _under_way(one: Journeys, band: Band, span: Stretch) -> Density:
    """How many spikes are under way in each cell of time and rows, by neuron; one column at least for each."""
    rows, (low, high) = one.rows, span
    n_cells = max(1, min(rows.n_rows, round(ROWS * (band.bottom - band.top))))
    emitted, last, row = one.lines()
    first, end = (
        np.clip(np.floor((t - low) * (COLUMNS / (high - low))), 0, COLUMNS - 1).astype(np.int64)
        for t in (emitted, last)
    )
    cell = row.astype(np.int64) * n_cells // rows.n_rows
    change = np.zeros((n_cells, COLUMNS + 1), dtype=np.int64)
    np.add.at(change, (cell, first), 1)
    np.add.at(change, (cell, end + 1), -1)
    inside = np.bincount(np.arange(rows.n_rows) * n_cells // rows.n_rows, minlength=n_cells)
    return Density(rows, band, change.cumsum(axis=1)[:, :-1] / inside[:, np.newaxis])


def _note(run: Run, one: Journeys) -> str:
    if one.rows.layer.is_readout:
        return ""
    said = f"{one.rows.times.size:,} spikes"
    if one.delivered.size:
        longest = float((one.delivered - one.emitted).max())
        after = f"after {suiting(run, longest).text(longest)} at most" if longest else "at once"
        said += f", {one.delivered.size:,} deliveries {after}"
    return said + (f", {one.lost.size:,} lost" if one.lost.size else "")
