"""The frame of a figure: the user's axes, few lines, titles, and a time axis that names its unit.

Relies on matplotlib's objects; sizes of texts are those of the user's rcParams. Used by every figure.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

from eventsim.errors import InputError
from eventsim.run.run import Run
from eventsim.viz.palette import INK, SILENT, window_colour

Array = np.ndarray[Any, Any]
BORDERS = ("$t_\\mathrm{start}$", "$t_\\mathrm{min}$", "$t_\\mathrm{max}$")
LETTER = 0.58  # mean width of a letter, in sizes of its font
SMALLEST_TITLE = 6.0  # points
SHORTEST_TITLE = 24  # letters: titles of panels beside each other have one size unless one is longer
# Seconds and their names, where a network says what its unit of time is.
UNITS = {1.0: "s", 1e-3: "ms", 1e-6: "µs", 1e-9: "ns"}


def given_axes(where: str, ax: Any, shape: tuple[int, ...]) -> Array:
    """Return the user's axes as an array of this shape.

    Raises
    ------
    InputError
        There are not as many axes as the figure has panels.
    """
    axes = np.asarray(ax, dtype=object)
    for one in axes.ravel():
        drawable(where, one)
    if axes.size != np.prod(shape):
        raise InputError(
            f"{where}: ax holds {axes.size} axes; must be {' x '.join(map(str, shape))}, one a panel. Make them with "
            f"plt.subplots, choose fewer populations, or leave ax out."
        )
    return axes.reshape(shape)


def drawable(where: str, ax: Any) -> Axes:
    """Return `ax`, which must be matplotlib axes."""
    if not isinstance(ax, Axes):
        raise InputError(
            f"{where}: ax is a {type(ax).__name__}; must be matplotlib Axes. Make them with plt.subplots, or leave ax "
            "out."
        )
    return ax


def quieten(ax: Axes) -> None:
    """Take away the lines that carry nothing: the upper and right spine."""
    ax.spines[["top", "right"]].set_visible(False)


def text_points(size: Any) -> float:
    """Return a size of text as rcParams has it, such as "small", in points."""
    return float(FontProperties(size=size).get_size_in_points())


def note_size() -> float:
    """Return the size of names and notes inside axes, in points: that of the numbers along them."""
    return text_points(rcParams["xtick.labelsize"])


def line_height() -> float:
    """Return the height of a line of notes, in points."""
    return 1.45 * note_size()


def plain_text(text: str) -> str:
    """Return a text as matplotlib shows it letter by letter: a name with dollars is no formula."""
    return text.replace("$", r"\$")


def left_title(ax: Axes, usual: str, title: str | None = None, lines: float = 0.0, small: bool = False) -> Text:
    """Set and return a title that begins where the axes begin: the user's, or the usual one where that is None.

    The usual one is about as wide as the axes at most. `lines`: how many lines of notes stand between the axes and it.
    `small`: it is one of several panels'.
    """
    size = text_points(rcParams["axes.labelsize" if small else "axes.titlesize"])
    if title is None:
        longest = max(*map(len, usual.split("\n")), SHORTEST_TITLE)
        room = axes_points(ax)[0] * (1.15 if small else 1.0)  # it may reach into the gap between panels
        size = max(min(size, room / (LETTER * longest)), SMALLEST_TITLE)
    pad = float(rcParams["axes.titlepad"]) + lines * line_height()
    # Names of populations are no formulas, whatever they hold; what the user writes may be one.
    style: dict[str, Any] = {"loc": "left", "fontsize": size, "color": INK, "pad": pad}
    return ax.set_title(usual if title is None else title, parse_math=title is not None, **style)


def even_titles(titles: Sequence[Text]) -> None:
    """Give the titles of panels beside each other one size, the smallest that `left_title` gave any of them."""
    size = min(float(title.get_fontsize()) for title in titles)
    for title in titles:
        title.set_fontsize(size)


def axes_points(ax: Axes) -> tuple[float, float]:
    """Return the width and height of axes as they are now, in points."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    points = 72.0 / figure.dpi
    return float(ax.bbox.width) * points, float(ax.bbox.height) * points


def mark_window(
    ax: Axes,
    fire_window: tuple[float, float] | None,
    borders: Iterable[float],
    order: int,
    stretch: tuple[float, float] = (-math.inf, math.inf),
) -> None:
    """Shade the fire window of the layer in place `order`, and draw and name the borders of the whole window.

    Borders are (t_min, t_max), or (t_start, t_min, t_max); what never comes, or not in this stretch of time, is not
    drawn.
    """
    if fire_window is not None:
        ax.axvspan(*fire_window, facecolor=window_colour(order), edgecolor="none", zorder=0, gid="window")
    times = [*borders]
    for t, name in zip(times, BORDERS[len(BORDERS) - len(times) :], strict=True):
        if (
            t < math.inf and stretch[0] <= t <= stretch[1] and not (name == BORDERS[0] and t == times[1])
        ):  # relays begin with their window
            ax.axvline(t, color=SILENT, linewidth=0.8, zorder=1, gid="border")
            ax.annotate(
                name, (t, 1.0), xycoords=ax.get_xaxis_transform(), xytext=(0, 2), textcoords="offset points",
                ha="center", va="bottom", fontsize=note_size(), color=INK,
            )  # fmt: skip


def time_label(run: Run) -> str:
    """Return "time" with its unit: seconds where the network has a time unit, else that of its windows."""
    unit = run.provenance.get("time_unit")
    if unit is not None:
        return f"time ({UNITS.get(float(unit)) or _units_of(float(unit))})"
    windowed = any(window is not None and len(window) == 3 for window in run.windows.values())
    return "time (window units)" if windowed else "time (network units)"


def _units_of(seconds: float) -> str:
    """The unit of a network whose own is none of `UNITS`, by the next smaller one.

    >>> _units_of(2e-3), _units_of(1e-5)
    ('units of 2 ms', 'units of 10 µs')
    """
    size = next((size for size in UNITS if seconds >= size), min(UNITS))
    return f"units of {seconds / size:g} {UNITS[size]}"


def rate_label(run: Run) -> str:
    """Return what a rate is measured in, as `Run.summary` says it: Hz where the network has a time unit."""
    return "rate (per unit of time)" if run.provenance.get("time_unit") is None else "rate (Hz)"
