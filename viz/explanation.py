"""Why a neuron fired: its potential on the way to the threshold, the inputs that moved it, and what each of them did.

Relies on an `Explanation` alone, whose potential between two inputs is the exact one, not an interpolation.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from eventsim.checks import integer
from eventsim.errors import InputError
from eventsim.inspection.explanation import Explanation, Input
from eventsim.viz.frame import Array, given_axes, left_title, mark_window, note_size, quieten, time_label
from eventsim.viz.new_figure import new_axes
from eventsim.viz.palette import FALLING, GRID, INK, RISING, SILENT, layer_colour
from eventsim.viz.selection import panel_titles

POINTS = 600  # of the line, besides the times at which it bends
NEAREST = 0.05  # of the width of the axes: arrows that are nearer to each other stand on different levels
THINNEST, THICKEST = 1.0, 4.0
LEVEL_HEIGHT = 0.3  # inches
MOST_NAMED_MISSING = 3


class Arrow(NamedTuple):
    """An input in the middle panel; one without a rank had not arrived when it was needed."""

    one: Input
    level: int
    rank: int | None


class Bar(NamedTuple):
    """One row of the sum: from where to where it takes the potential."""

    label: str
    start: float
    change: float
    colour: str
    gid: str


def explanation(explained: Explanation, ax: Any = None, inputs: int = 6, *, title: str | None = None) -> Array:
    """Draw why a neuron fired when it did, as `eventsim.explain` found it: three panels, one below the other.

    Above, the membrane potential up to the explained time, with the threshold (dashed), the window, and a star at the
    spike, grey ones at those before it; a silent neuron or a read-out ends in a circle. In the middle, the inputs: the
    most important ones as numbered arrows at their arrival, up where the weight is positive and as thick as it is
    large, the others as ticks; grey crosses came too late, grey arrows are what a premature spike did not wait for.
    Below, the sum: what the potential would be without inputs, then what each input added or took.

    Parameters
    ----------
    explained
        What `eventsim.explain` returned for a neuron of a population.
    ax : array (3,)
        Three axes; None makes a figure, which is ``explanation(...)[0].figure``.
    inputs
        How many inputs have an arrow and a row of their own.
    title
        In place of the usual one, which says why the neuron fired; "" for none.

    Returns
    -------
    array (3,)
        The axes of the potential, the inputs and the sum.

    Raises
    ------
    InputError
        Not an explanation, one of a source, inputs < 1, not three axes.
    """
    if not isinstance(explained, Explanation):
        raise InputError(
            f"explanation: explained is a {type(explained).__name__}; must be an Explanation. Give what "
            "eventsim.explain returned."
        )
    if explained.is_source:
        raise InputError(
            f"explanation: {explained.population!r} is a source, which has no potential; must be a population. Explain "
            "one of its targets."
        )
    inputs = integer("explanation", "inputs", inputs, low=1, remedy="Six are easy to read.")
    (own_title,) = panel_titles("explanation", title, 1)
    bars = _bars(explained, inputs)
    chosen, span = explained.inputs[:inputs], _span(explained)
    arrows = _arrows(explained, chosen, span)
    if ax is None:
        ratios = [
            3.0,
            0.25 + LEVEL_HEIGHT * (1 + max((one.level for one in arrows), default=0)),
            0.24 * (len(bars) + 1),
        ]
        axes = new_axes(sum(ratios) + 1.6, nrows=3, gridspec_kw={"height_ratios": ratios})
    else:
        axes = given_axes("explanation", ax, (3,))
    _draw_potential(axes[0], explained, chosen, span)
    left_title(axes[0], explained.headline, own_title, lines=float(bool(explained.window)))
    _draw_inputs(axes[1], explained, arrows, span)
    _draw_sum(axes[2], explained, bars)
    return axes


def _span(explained: Explanation) -> tuple[float, float]:
    """The times that are shown: the window up to the end of the fire window, and all that counted."""
    times = [float(one.arrived) for one in (*explained.inputs, *explained.missing)]
    times += [float(explained.at), float(explained.time if explained.fired else explained.at)]
    times += [float(t) for t in explained.window or (0.0,) if t < math.inf]
    low, high = min(times), max(times)
    margin = 0.02 * ((high - low) or 1.0)
    return low - margin, high + margin


def _colour(one: Input) -> str:
    return RISING if one.weight > 0 else FALLING


# -- the potential ----------------------------------------------------------------------------------------------------


def _draw_potential(ax: Axes, explained: Explanation, chosen: tuple[Input, ...], span: tuple[float, float]) -> None:
    order = explained.run.populations.index(explained.population)
    end = float(explained.at)
    times, values = _line(explained, end)
    ax.plot(times, values, color=INK, linewidth=1.8, zorder=3, gid="membrane")
    for rank, one in enumerate(chosen, 1):
        at = float(one.arrived)
        if span[0] <= at <= end:
            value = explained.membrane([at])[1][0]
            ax.plot(
                at, value, marker="o", markersize=5, color=_colour(one), markeredgecolor="white", markeredgewidth=0.6,
                zorder=4, gid=f"arrival {rank}",
            )  # fmt: skip
    if explained.residual is not None:
        threshold = float(explained.threshold)
        ax.axhline(threshold, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=2, gid="threshold")
        ax.annotate(
            "threshold", (times[0], threshold), xytext=(4, -3), textcoords="offset points", va="top",
            fontsize=note_size(), color=INK,
        )  # fmt: skip
        ax.plot(
            [float(t) for t in explained.earlier], [threshold] * len(explained.earlier), linestyle="none", marker="*",
            markersize=8, color=SILENT, zorder=4, gid="earlier spikes",
        )  # fmt: skip
    mark: dict[str, Any] = {"marker": "o", "markersize": 7, "markerfacecolor": "white"}
    if explained.fired:
        mark = {"marker": "*", "markersize": 13, "markeredgecolor": "white", "markeredgewidth": 0.6}
    ax.plot(end, values[-1], color=layer_colour(order), zorder=5, clip_on=False, gid="end", **mark)
    window = [float(t) for t in explained.window or ()]
    fires = (window[1], window[2]) if window and explained.residual is not None else None
    mark_window(ax, fires, window, order)
    if explained.premature:
        _mark_premature(ax, explained)
    quieten(ax)
    ax.set_xlim(span)
    ax.margins(y=0.12)
    ax.tick_params(labelbottom=False)
    ax.set_ylabel("membrane potential" if explained.fan_in is None else "inputs counted", fontsize=note_size())


def _line(explained: Explanation, end: float) -> tuple[Array, Array]:
    """V at a grid of times and wherever the state changed, just before it too: there it may jump."""
    bends, _ = explained.membrane()
    begin = float(explained.window[0]) if explained.window else float(bends[0])
    begin = min(begin, end)
    times = np.unique(np.concatenate([np.linspace(begin, end, POINTS), bends, np.nextafter(bends, -math.inf)]))
    return explained.membrane(times[(times >= begin) & (times <= end)])


def _mark_premature(ax: Axes, explained: Explanation) -> None:
    """How long before t_min it fired."""
    assert explained.window is not None
    height = float(explained.potential)
    ax.annotate(
        "", (float(explained.window[1]), height), (float(explained.time), height), zorder=4,
        arrowprops={"arrowstyle": "<->", "color": FALLING, "shrinkA": 7, "shrinkB": 0},
    )  # fmt: skip
    middle = (float(explained.window[1]) + float(explained.time)) / 2
    ax.annotate(
        f"{float(explained.premature):.4g} too early", (middle, height), xytext=(0, 4), textcoords="offset points",
        ha="center", va="bottom", fontsize=note_size(), color=FALLING, gid="premature",
    )  # fmt: skip


# -- the inputs -------------------------------------------------------------------------------------------------------


def levels_of(places: list[float], nearest: float) -> list[int]:
    """Return a level for each place, the lowest on which nothing is nearer to it than `nearest`.

    >>> levels_of([0.0, 0.1, 1.0, 0.2], 0.15)
    [0, 1, 0, 0]
    """
    taken: list[list[float]] = []
    levels = []
    for place in places:
        free = (k for k, row in enumerate(taken) if all(abs(place - other) >= nearest for other in row))
        level = next(free, len(taken))
        if level == len(taken):
            taken.append([])
        taken[level].append(place)
        levels.append(level)
    return levels


def _arrows(explained: Explanation, chosen: tuple[Input, ...], span: tuple[float, float]) -> list[Arrow]:
    missing = sorted(explained.missing, key=lambda one: -abs(one.weight))[:MOST_NAMED_MISSING]
    drawn = [*chosen, *missing]
    levels = levels_of([float(one.arrived) for one in drawn], NEAREST * (span[1] - span[0]))
    ranks = [*range(1, len(chosen) + 1), *[None] * len(missing)]
    return [Arrow(*arrow) for arrow in zip(drawn, levels, ranks, strict=True)]


def _draw_inputs(ax: Axes, explained: Explanation, arrows: list[Arrow], span: tuple[float, float]) -> None:
    heaviest = max((abs(float(one.weight)) for one, _, _ in arrows), default=1.0) or 1.0
    for one, level, rank in arrows:
        thickness = THINNEST + (THICKEST - THINNEST) * abs(float(one.weight)) / heaviest
        tail, head = (level + 0.08, level + 0.92) if one.weight > 0 else (level + 0.92, level + 0.08)
        at, colour = float(one.arrived), SILENT if rank is None else _colour(one)
        ax.annotate(
            "", (at, head), (at, tail), zorder=3, gid=f"missing {one.sender}" if rank is None else f"input {rank}",
            arrowprops={
                "arrowstyle": "-|>", "color": colour, "linewidth": thickness, "mutation_scale": 5 + 1.5 * thickness,
                "shrinkA": 0, "shrinkB": 0, "joinstyle": "miter", "capstyle": "butt",
            },
        )  # fmt: skip
        ax.annotate(
            one.sender if rank is None else str(rank), (at, level + 0.5), xytext=(4 + thickness, 0),
            textcoords="offset points", va="center", fontsize=note_size(), color=INK if rank is None else colour,
            parse_math=False,
        )  # fmt: skip
    _draw_others(ax, explained, arrows, span)
    ax.set_ylim(-0.6, 1.05 + max((level for _, level, _ in arrows), default=0))
    ax.set_yticks([])
    ax.set_xlim(span)
    quieten(ax)
    ax.spines["left"].set_visible(False)
    ax.set_ylabel("inputs", fontsize=note_size())
    ax.set_xlabel(time_label(explained.run), fontsize=note_size())


def _draw_others(ax: Axes, explained: Explanation, arrows: list[Arrow], span: tuple[float, float]) -> None:
    """Ticks for the inputs that counted less, crosses for those that came too late."""
    named = {one for one, _, _ in arrows}
    others = [float(one.arrived) for one in explained.inputs if one not in named]
    late = [float(one.arrived) for one in explained.late if one not in named and one.arrived <= span[1]]
    style: dict[str, Any] = {"linestyle": "none", "color": SILENT}
    ax.plot(others, [-0.3] * len(others), marker="|", markersize=7, gid="other inputs", **style)
    ax.plot(late, [-0.3] * len(late), marker="x", markersize=5, gid="late inputs", **style)


# -- the sum ----------------------------------------------------------------------------------------------------------


def _bars(explained: Explanation, inputs: int) -> list[Bar]:
    chosen, rest = explained.inputs[:inputs], explained.inputs[inputs:]
    changes = [("without inputs", float(explained.base), SILENT, "base")] if explained.base or not chosen else []
    changes += [
        (f"{rank}   {one.sender}", float(one.contribution), _colour(one), f"contribution {rank}")
        for rank, one in enumerate(chosen, 1)
    ]
    if rest:
        plural = "s" if len(rest) != 1 else ""
        changes.append((f"{len(rest)} more input{plural}", float(sum(one.contribution for one in rest)), GRID, "rest"))
    found, total = [], 0.0
    for label, change, colour, gid in changes:
        found.append(Bar(label, total, change, colour, gid))
        total += change
    return found


def _draw_sum(ax: Axes, explained: Explanation, bars: list[Bar]) -> None:
    for row, bar in enumerate(bars):
        (patch,) = ax.barh(row, bar.change, left=bar.start, height=0.62, color=bar.colour, zorder=3)
        patch.set_gid(bar.gid)
        end = bar.start + bar.change
        ax.plot([end, end], [row, row + 1], color=SILENT, linewidth=0.8, zorder=2)
        ax.annotate(
            f"{bar.change:+.3g}", (max(bar.start, end), row), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=note_size(), color=INK, zorder=4, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
    total = float(explained.potential)
    what = "potential" if explained.fan_in is None else "count"
    ax.plot(total, len(bars), marker="D", markersize=5, color=INK, zorder=4, clip_on=False, gid="potential")
    ax.annotate(
        f"{total:.4g}", (total, len(bars)), xytext=(7, 0), textcoords="offset points", va="center",
        fontsize=note_size(), color=INK, zorder=4, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )  # fmt: skip
    if explained.residual is not None:
        ax.axvline(
            float(explained.threshold), color=INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1, gid="threshold sum"
        )  # fmt: skip
    ax.axvline(0.0, color=GRID, linewidth=0.8, zorder=1)
    ax.set_yticks(range(len(bars) + 1), [*(bar.label for bar in bars), what], fontsize=note_size(), parse_math=False)
    ax.set_ylim(len(bars) + 0.6, -0.6)
    low, high = ax.get_xlim()
    ax.set_xlim(low, high + 0.08 * (high - low))
    quieten(ax)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    dashed = "" if explained.residual is None else " (dashed: threshold)"
    ax.set_xlabel(f"{what} at t = {float(explained.at):.5g}{dashed}", fontsize=note_size())
