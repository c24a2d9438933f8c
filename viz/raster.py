"""Raster: who fired when, layer by layer, and who did not fire.

Relies on the run's spikes and windows. A few spikes are drawn as strokes, many as one image a layer, so that neither
time nor file size grows with their number. All that is written stands inside the axes.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from eventsim.checks import flag, integer
from eventsim.run.run import Run
from eventsim.viz.density import common_scale, density, draw_density, draw_scale
from eventsim.viz.frame import (
    axes_points,
    drawable,
    left_title,
    line_height,
    note_size,
    quieten,
    rate_label,
    time_label,
)
from eventsim.viz.layers import ended, layers
from eventsim.viz.new_figure import figure_size, new_axes
from eventsim.viz.palette import GRID, window_colour
from eventsim.viz.raster_marks import draw_header, draw_premature, draw_readout, draw_silent, draw_spikes, note
from eventsim.viz.raster_rows import MOST_HEADERS, Band, Rows, counted_indices, rows_of, stack
from eventsim.viz.selection import Stretch, checked_stretch, chosen_neurons, chosen_samples, panel_titles

LEAST_BAND = 26.0  # points of height that a figure made here has for the rows of each layer, at least
AROUND = 80.0  # points of height for title and time axis
SCALE_LINES = 2.2  # lines that the scale of shades takes


def raster(
    run: Run,
    sample: int = 0,
    ax: Axes | None = None,
    max_points: int = 20_000,
    populations: Iterable[str] | None = None,
    *,
    samples: Iterable[int] | slice | None = None,
    neurons: Mapping[str, Any] | Iterable[int] | slice | int | None = None,
    time: tuple[float, float] | None = None,
    silent: bool = True,
    title: str | None = None,
) -> Axes:
    """Draw spikes, a row for each neuron, the first layer on top.

    Each layer's rows are coloured, and its fire window [t_min, t_max] is shaded. The strip at the right edge is grey
    at the rows of silent neurons; above the rows stands how many they are. Spikes before t_min, which are premature,
    have a ring. A layer's height is proportional to the square root of its rows, that of a source no more than the mean
    of the populations. Read-outs never fire: their read-out time is drawn, and the neuron with the largest potential.

    Of several samples each is a block of rows, below each other within each layer, so that all have one time axis: of
    one neuron, the usual raster of its trials. For samples beside each other, draw each into axes of its own.

    Parameters
    ----------
    run
        A run recorded with "spikes"; of one recorded with "first_spikes" the first spikes are drawn, and of one that
        recorded some populations only these.
    sample
        Which sample, counted from 0.
    ax
        Axes to draw into; None makes a figure, which is ``raster(run).figure``.
    max_points
        How many spikes are drawn as strokes at most. The layers with the most spikes become images, whose shade is the
        rate in a cell of time and rows, by a scale below them that is that of the populations.
    populations
        Names in the order wanted; None draws all.
    samples
        Several samples in place of `sample`: indices in the order wanted, or a slice.
    neurons
        Which neurons are shown, in the order wanted: a dict from names to indices or slices, others are shown whole;
        where one population is drawn also its indices or a slice.
    time
        (begin, end) of the stretch [begin, end) that is shown, in the run's unit; silent are those who do not fire in
        it.
    silent
        Whether silent neurons are marked and counted.
    title
        In place of the usual one, which says how many spikes are shown; "" for none.

    Raises
    ------
    InputError
        Unknown population, sample or neuron, one that is named twice, spikes not recorded, max_points < 0, a stretch
        that does not end behind its begin.
    """
    chosen = layers("raster", run, populations, recorded=True)
    wanted = chosen_samples("raster", run, sample, samples)
    shown = chosen_neurons("raster", neurons, chosen)
    stretch = checked_stretch("raster", time)
    integer("raster", "max_points", max_points, low=0, remedy="0 always draws images.")
    flag("raster", "silent", silent)
    (own_title,) = panel_titles("raster", title, 1)
    everything = rows_of(run, chosen, shown, wanted, stretch)
    imaged = _drawn_as_images(everything, max_points)
    span = stretch or time_span(run, wanted, everything)

    if ax is None:
        least = (len(chosen) * (LEAST_BAND + line_height()) + AROUND) / 72.0
        ax = new_axes(max(figure_size()[1], least))
    drawable("raster", ax)
    line = min(line_height() / axes_points(ax)[1], MOST_HEADERS / len(chosen))
    below = SCALE_LINES * line if imaged else 0.0
    bands = stack(everything, line, below)
    for rows, band in zip(everything, bands, strict=True):
        shade_rows(ax, run, rows, band, span)
        n_silent, n_premature, readout = None, 0, ""
        if rows.layer.is_readout:
            readout = draw_readout(ax, run, rows, band)
        else:
            if rows.layer.order not in imaged:
                draw_spikes(ax, rows, band)
            n_premature = draw_premature(ax, rows, band)
            n_silent = draw_silent(ax, rows, band) if silent else None
        draw_header(ax, rows.layer.name, rows.layer.colour, band, line, note(rows, n_silent, n_premature, readout))
    if imaged:
        unit = run.provenance.get("time_unit")
        pairs = [(rows, band) for rows, band in zip(everything, bands, strict=True) if rows.layer.order in imaged]
        found = [density(rows, band, span, 1.0 if unit is None else float(unit)) for rows, band in pairs]
        scale = common_scale(found)
        for one in found:
            draw_density(ax, one, span, scale)
        draw_scale(ax, scale, 1.0 - below, below, rate_label(run))
    frame_rows(ax, everything, bands, span, margin=0.0 if stretch else 0.01)
    ax.set_xlabel(time_label(run))
    left_title(ax, _usual_title(run, everything), own_title)
    return ax


def _drawn_as_images(everything: Sequence[Rows], max_points: int) -> set[int]:
    """All but the layers with fewest spikes, as many as have no more than max_points in all."""
    images, total = set(), 0
    for rows in sorted(everything, key=lambda rows: rows.times.size):
        total += rows.times.size
        if total > max_points:
            images.add(rows.layer.order)
    return images


def _usual_title(run: Run, everything: Sequence[Rows]) -> str:
    samples = everything[0].samples
    which = counted_indices(np.array(samples)) or ", ".join(map(str, samples))
    if len(which) > 12:
        which = f"{len(samples)} samples"
    else:
        which = f"sample{'s' if len(samples) > 1 else ''} {which}"
    n_spikes = sum(rows.times.size for rows in everything)
    return f"{which}: {n_spikes:,} spikes{ended(run, samples[0]) if len(samples) == 1 else ''}"


def time_span(run: Run, samples: Sequence[int], everything: Sequence[Rows]) -> Stretch:
    """From the first to the last time that any of these layers has something to show, or was simulated."""
    marks = [0.0] if all(rows.layer.window is None for rows in everything) else []
    marks += [float(t) for t in run.reached[list(samples)] if math.isfinite(t)]
    for layer, t in ((rows.layer, rows.times) for rows in everything):
        marks += layer.fire_window(t) or ()
        marks += [layer.window[1]] if layer.is_readout and layer.window else []
        marks += [float(t.min()), float(t.max())] if t.size else []
    low, high = min(marks, default=0.0), max(marks, default=1.0)
    return low, high if high > low else max(low + 1.0, 2.0 * low)


def shade_rows(ax: Axes, run: Run, rows: Rows, band: Band, span: Stretch) -> None:
    """Draw a pale ground where each sample was simulated, darker inside the fire window; a line between samples."""
    low, high = span
    reached = np.nan_to_num(run.reached[rows.samples].astype(np.float64), nan=-math.inf, posinf=math.inf)
    ends = np.clip(reached, low, high).tolist()
    first = 0
    for end, same in itertools.groupby(ends):
        last = first + len([*same])
        part = band.part(first, last, len(ends))
        ground = Rectangle(
            (low, part.top), end - low, part.bottom - part.top, facecolor="#F7F7F7", edgecolor="none", zorder=0
        )
        ax.add_patch(ground)
        first = last
    window = rows.layer.fire_window(rows.times)
    begin, end = np.clip(window, low, high).tolist() if window else (0.0, 0.0)
    if end > begin:
        shade = Rectangle(
            (begin, band.top), end - begin, band.bottom - band.top, facecolor=window_colour(rows.layer.order),
            edgecolor="none", zorder=0.5,
        )  # fmt: skip
        shade.set_gid(f"window {rows.layer.name}")
        ax.add_patch(shade)
    borders = [band.part(0, k, len(ends)).bottom for k in range(1, len(ends))]
    if borders:
        ax.hlines(borders, low, high, color=GRID, linewidth=0.6, zorder=1, gid=f"samples {rows.layer.name}")


def frame_rows(ax: Axes, everything: Sequence[Rows], bands: Sequence[Band], span: Stretch, margin: float) -> None:
    """Set sample numbers in place of heights; under the pointer, which layer, neuron and sample it is."""
    quieten(ax)
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_color(GRID)
    ax.tick_params(axis="y", length=0)
    ticks = _sample_ticks(everything, bands, note_size() / axes_points(ax)[1])
    ax.set_yticks([*ticks], [*ticks.values()])
    if ticks:
        ax.set_ylabel("sample")
    width = span[1] - span[0]
    ax.set_xlim(span[0] - margin * width, span[1] + margin * width)
    ax.set_ylim(1.01, 0.0)
    ax.set_aspect("auto")

    def under_pointer(x: float, y: float) -> str:
        for rows, band in zip(everything, bands, strict=True):
            if band.top <= y < band.bottom:
                row = int((y - band.top) / (band.bottom - band.top) * rows.n_rows)
                sample, neuron = rows.place(min(row, rows.n_rows - 1))
                which = f", sample {sample}" if len(rows.samples) > 1 else ""
                return f"{rows.layer.name}, neuron {neuron}{which}, t = {x:g}"
        return f"t = {x:g}"

    ax.format_coord = under_pointer  # type: ignore[method-assign]


def _sample_ticks(everything: Sequence[Rows], bands: Sequence[Band], line: float) -> dict[float, str]:
    """Where blocks of samples are and which they are, as far apart as a line is high; none of a single sample."""
    ticks: dict[float, str] = {}
    for rows, band in zip(everything, bands, strict=True):
        n = len(rows.samples)
        step = math.ceil(1.1 * line * n / (band.bottom - band.top))
        if n > 1:
            ticks |= {sum(band.part(k, k + 1, n)) / 2: str(rows.samples[k]) for k in range(0, n, max(step, 1))}
    return ticks
