"""Verification: what happened against what was to be expected, and the difference in units of the error bound.

Relies on the report of `eventsim.models.verify`, of which it reads times, potentials, bounds and causes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.axes import Axes

from eventsim.checks import choice
from eventsim.errors import InputError
from eventsim.viz.frame import Array, even_titles, given_axes, left_title, note_size, quieten
from eventsim.viz.layers import chosen_names
from eventsim.viz.new_figure import figure_size, new_figure
from eventsim.viz.palette import GRID, INK, SILENT, cause_style
from eventsim.viz.panels import columns_for
from eventsim.viz.selection import panel_titles

CELLS = 300  # points that fall into one of 300 × 300 cells of a panel cannot be told apart
MARGIN = 0.06  # of a panel: where silent neurons are drawn
SCALE = 2.0  # bounds; a difference beyond is drawn in a row of its own, however large
OFF_SCALE = 2.4
MARKS = {"ok": 2.0, "rounding": 2.0, "inherited": 3.0}  # sizes of what there is much of
FEW = 200  # points of a panel that may all be as large as those of other causes


class Report(Protocol):
    """What this figure reads of a verification report.

    Arrays are (n_samples, n_neurons) by population; inf = silent; causes are places in CAUSES, of which the first is
    agreement. Only what is drawn against the ideal network needs the four entries of that name.
    """

    @property
    def populations(self) -> Sequence[str]:
        """Names of what spikes, in creation order."""

    @property
    def readouts(self) -> Sequence[str]:
        """Names of what has potentials instead of spikes."""

    @property
    def event_times(self) -> Mapping[str, Array]:
        """First spike times of the simulation."""

    @property
    def potentials(self) -> Mapping[str, Array]:
        """Potentials of read-outs."""

    @property
    def causes(self) -> Mapping[str, Array]:
        """Why the two differ: small integers."""

    @property
    def CAUSES(self) -> Sequence[str]:  # noqa: N802 - a constant of the report
        """Names of the causes, "ok" first."""


class Against(NamedTuple):
    """What the simulation is held against: names of what a report has of it, and what it is called in the figure."""

    times: str
    potentials: str
    differences: str  # what happened minus what was expected, silence counted as the end of the window
    bounds: str  # on the rounding error of the difference
    word: str


AGAINST = {
    "received": Against("expected_times", "expected_potentials", "differences", "bounds", "expected"),
    "ideal": Against("ideal_times", "ideal_potentials", "ideal_differences", "ideal_bounds", "ideal"),
}


class Points(NamedTuple):
    """The neurons of one population, over all samples, that fire in one of the two at least; of a read-out all."""

    event: Array
    expected: Array
    ratio: Array  # difference in units of the bound; infinite where one of the two is silent
    cause: Array
    n_silent: int  # in both


def verification(
    report: Report,
    ax: Any = None,
    populations: Iterable[str] | None = None,
    *,
    against: str = "received",
    title: str | Iterable[str | None] | None = None,
) -> Array:
    """Draw, for each layer, event time against expected time, and below it the difference over its error bound.

    Expected is what the closed form gives for the inputs that a neuron received, so that a neuron is not blamed for
    what others sent it; against the ideal it is what the ReLU network gives, so that it is seen what became of the
    whole. For a read-out, potentials take the place of times. Agreement is on the line above and inside the shaded band
    [-1, 1] below, where differences of more than two bounds are in the rows named "> 2" and "< −2". Colour and marker
    give the cause that the report found. A neuron that is silent in one of the two is at the border named "silent".

    Parameters
    ----------
    report
        What `eventsim.models.verify` returned.
    ax : array (2, n_layers)
        As many axes, in any shape; None makes a figure.
    populations
        Names in the order wanted; None draws all, read-outs last.
    against
        "received": what the closed form makes of what each neuron received; "ideal": what the ReLU network gives or,
        where the report was made without one, the closed form from the inputs on.
    title
        In place of the usual ones: a list with one a layer; "" for none.

    Returns
    -------
    array (2, n_layers)
        The axes: event time against expected time above, differences over bounds below.

    Raises
    ------
    InputError
        Unknown population, as many axes or titles as there are not panels, no report that has what it is held against.
    """
    reference = AGAINST[choice("verification", "against", against, [*AGAINST])]
    needed = ("event_times", "causes", *reference[:4])
    missing = [name for name in needed if not hasattr(report, name)]
    if missing:
        raise InputError(
            f"verification: report is a {type(report).__name__}, which has no {missing[0]}; must be a verification "
            "report. Give what eventsim.models.verify returned."
        )
    names = chosen_names("verification", [*report.populations, *report.readouts], populations)
    titles = panel_titles("verification", title, len(names))
    axes = _new_axes(len(names)) if ax is None else given_axes("verification", ax, (2, len(names)))
    counts: dict[int, int] = {}
    heads = []
    for column, (name, own) in enumerate(zip(names, titles, strict=True)):
        points = _points(report, name, reference)
        for cause in np.unique(np.asarray(report.causes[name])).tolist():
            counts[cause] = counts.get(cause, 0) + int(np.count_nonzero(report.causes[name] == cause))
        edge = _draw_values(axes[0, column], points, report.CAUSES)
        _draw_differences(axes[1, column], points, edge, report.CAUSES)
        spikes = name in report.populations
        below = f"{points.n_silent:,} silent in both" if spikes else "potentials"
        heads.append(left_title(axes[0, column], f"{name}\n{below}", own, small=True))
        what = f"{reference.word} {'time' if spikes else 'potential'}"
        axes[1, column].set_xlabel(what, fontsize=note_size())
    even_titles(heads)
    for column in range(0, len(names), columns_for(len(names)) if ax is None else len(names)):
        axes[0, column].set_ylabel("simulated", fontsize=note_size())
        axes[1, column].set_ylabel("error / bound", fontsize=note_size())
    _legend(axes, report, counts, outside=ax is None)
    return axes


def _new_axes(n: int) -> Array:
    """Pairs of axes, (2, n): as many pairs in a row as the user's width has room for."""
    columns = columns_for(n)
    rows = -(-n // columns)
    figure = new_figure(max(figure_size()[1], 3.4) if rows == 1 else 3.6 * rows)
    grid = figure.add_gridspec(rows, columns)
    axes = np.empty((2, n), dtype=object)
    for k in range(n):
        pair = grid[k // columns, k % columns].subgridspec(2, 1, height_ratios=(1.6, 1.0))
        axes[0, k] = figure.add_subplot(pair[0])
        axes[1, k] = figure.add_subplot(pair[1], sharex=axes[0, k])
        axes[0, k].tick_params(labelbottom=False)
    return axes


def _points(report: Report, name: str, reference: Against) -> Points:
    spikes = name in report.populations
    parts = (
        report.event_times if spikes else report.potentials,
        getattr(report, reference.times if spikes else reference.potentials),
        getattr(report, reference.differences),
        getattr(report, reference.bounds),
    )
    event, expected, difference, bound = (np.asarray(part[name]).astype(np.float64).ravel() for part in parts)
    fires = (event < math.inf) | (expected < math.inf)
    event, expected, difference, bound = event[fires], expected[fires], difference[fires], bound[fires]
    ratio = np.zeros(event.size)  # equal times agree whatever the bound, also where it is 0
    differs = difference != 0
    one_silent = (event == math.inf) | (expected == math.inf)
    ratio[one_silent] = np.where(event == math.inf, math.inf, -math.inf)[one_silent]
    measured = differs & ~one_silent
    with np.errstate(divide="ignore", over="ignore"):
        ratio[measured] = difference[measured] / np.nan_to_num(bound[measured], nan=0.0)
    cause = np.asarray(report.causes[name]).ravel()[fires]
    return Points(event, expected, ratio, cause, int(np.count_nonzero(~fires)))


def _draw_values(ax: Axes, points: Points, names: Sequence[str]) -> float:
    """The identity and the points; return the time at which silent neurons are drawn."""
    quieten(ax)
    values = np.concatenate([points.event, points.expected])
    values = values[values < math.inf]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    high = high if high > low else low + 1.0
    edge = high + MARGIN * (high - low)
    ax.plot([low, high], [low, high], color=SILENT, linewidth=0.8, zorder=1, gid="identity")
    silent = (points.event == math.inf) | (points.expected == math.inf)
    if silent.any():
        ax.axvline(edge, color=GRID, linewidth=0.8, linestyle=":", zorder=0)
        ax.axhline(edge, color=GRID, linewidth=0.8, linestyle=":", zorder=0)
        ax.annotate(
            "silent", (low, edge), xytext=(0, -2), textcoords="offset points", va="top", fontsize=0.85 * note_size(),
            color=INK,
        )  # fmt: skip
    _scatter(ax, np.minimum(points.expected, edge), np.minimum(points.event, edge), points.cause, names)
    return edge


def _draw_differences(ax: Axes, points: Points, edge: float, names: Sequence[str]) -> None:
    """Differences over their bounds; what is beyond the scale is above or below it, in a row that says so."""
    quieten(ax)
    ax.axhspan(-1.0, 1.0, facecolor="#EEEEEE", edgecolor="none", zorder=0, gid="bound")
    ax.axhline(0.0, color=SILENT, linewidth=0.8, zorder=1)
    beyond = np.abs(points.ratio) > SCALE
    shown = np.where(beyond, np.copysign(OFF_SCALE, points.ratio), points.ratio)
    ticks, limits = {-1.0: "\N{MINUS SIGN}1", 0.0: "0", 1.0: "1"}, []
    for sign in (-1.0, 1.0):
        furthest = float((sign * shown).max(initial=0.0))
        limits.append(sign * (1.25 if furthest <= 1.0 else SCALE))
        if furthest == OFF_SCALE:
            limits[-1] = sign * (OFF_SCALE + 0.35)
            ax.axhline(sign * SCALE, color=GRID, linewidth=0.8, linestyle=":", zorder=0)
            ticks[sign * OFF_SCALE] = f"{'<>'[sign > 0]} {sign * SCALE:g}".replace("-", "\N{MINUS SIGN}")
    ax.set_yticks([*ticks], [*ticks.values()])
    ax.set_ylim(*limits)
    _scatter(ax, np.minimum(points.expected, edge), shown, points.cause, names)


def _scatter(ax: Axes, x: Array, y: Array, cause: Array, names: Sequence[str]) -> None:
    """Points by cause, agreement small and below all others; of points that fall on one another one is drawn."""
    for index in np.unique(cause).tolist():
        colour, marker = cause_style(names[index])
        here = np.flatnonzero(cause == index)
        here = here[one_per_cell(x[here], y[here])]
        size = 5.0 if x.size <= FEW else MARKS.get(names[index], 5.0)
        ax.plot(
            x[here], y[here], linestyle="none", marker=marker, color=colour, markersize=size,
            markeredgecolor="none" if marker not in "+x" else colour, markeredgewidth=0.7,
            zorder=2 + 0.1 * index, gid=names[index], rasterized=here.size > 2_000,
        )  # fmt: skip


def one_per_cell(x: Array, y: Array) -> Array:
    """Return the places of points such that no two share a cell of a fine grid and every occupied cell keeps one."""
    cell = np.zeros(x.size, dtype=np.int64)
    for values in (x, y):
        if values.size:
            low, high = float(values.min()), float(values.max())
            width = (high - low) / CELLS if high > low else 1.0
            cell = cell * (CELLS + 1) + ((values - low) / width).astype(np.int64)
    return np.unique(cell, return_index=True)[1]


def _legend(axes: Array, report: Report, counts: dict[int, int], outside: bool) -> None:
    """Causes that occur, with how many neurons and samples each has.

    Below the panels of a figure made here; else in the corner of the last panel above that has fewer points.
    """
    ax = axes[0, -1]
    for cause, count in sorted(counts.items()):
        colour, marker = cause_style(report.CAUSES[cause])
        label = f"{report.CAUSES[cause]}: {count:,}"
        ax.plot([], [], linestyle="none", marker=marker, color=colour, markersize=5.0, label=label)
    if outside:
        style = {"loc": "outside lower center", "frameon": False, "columnspacing": 1.0, "handletextpad": 0.2}
        for columns in range(len(counts), 0, -1):
            legend = ax.figure.legend(*ax.get_legend_handles_labels(), ncols=columns, **style)
            if columns == 1 or legend.get_window_extent().width <= ax.figure.bbox.width:
                return
            legend.remove()
    points = np.concatenate([np.reshape(line.get_xydata(), (-1, 2)) for line in ax.lines])
    late = np.count_nonzero(points[:, 1] > points[:, 0])
    corner = "upper left" if 2 * late <= np.count_nonzero(points[:, 1] != points[:, 0]) else "lower right"
    ax.legend(loc=corner, fontsize=0.85 * note_size(), handletextpad=0.2, borderpad=0.3, framealpha=0.8)
