"""The frame of a figure: new axes where none are given, few lines, and a time axis that names its unit.

Relies on matplotlib's objects alone: pyplot and rcParams, which belong to the user, are left as they are. Used by
every figure.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eventsim.errors import InputError
from eventsim.run.run import Run
from eventsim.viz.palette import INK, SILENT, window_colour

Array = np.ndarray[Any, Any]
BORDERS = ("$t_\\mathrm{start}$", "$t_\\mathrm{min}$", "$t_\\mathrm{max}$")
# Seconds and their names, where a network says what its unit of time is.
UNITS = {1.0: "s", 1e-3: "ms", 1e-6: "µs", 1e-9: "ns"}


def new_axes(width: float, height: float, **grid: Any) -> Any:
    """Return the axes of a new figure of width × height inches, or an array of them as `Figure.subplots` has it."""
    return Figure(figsize=(width, height), layout="constrained").subplots(**grid)


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
    ax.tick_params(labelsize="small")


def left_title(ax: Axes, text: str, above_borders: bool = False) -> None:
    """Set a title that begins where the axes begin; higher where the borders of a window are named above the axes."""
    ax.set_title(text, loc="left", fontsize="medium", color=INK, pad=17.0 if above_borders else None)


def mark_window(ax: Axes, fire_window: tuple[float, float] | None, borders: Iterable[float], order: int) -> None:
    """Shade the fire window of the layer in place `order`, and draw and name the borders of the whole window.

    Borders are (t_min, t_max), or (t_start, t_min, t_max); what never comes is not drawn.
    """
    if fire_window is not None:
        ax.axvspan(*fire_window, facecolor=window_colour(order), edgecolor="none", zorder=0, gid="window")
    times = [*borders]
    for t, name in zip(times, BORDERS[len(BORDERS) - len(times) :], strict=True):
        if t < math.inf and not (name == BORDERS[0] and t == times[1]):  # relays begin with their window
            ax.axvline(t, color=SILENT, linewidth=0.8, zorder=1, gid="border")
            ax.annotate(
                name, (t, 1.0), xycoords=ax.get_xaxis_transform(), xytext=(0, 2), textcoords="offset points",
                ha="center", va="bottom", fontsize="small", color=INK,
            )  # fmt: skip


def time_label(run: Run) -> str:
    """Return "time" with its unit: seconds where the network has a time unit, else that of its windows."""
    unit = run.provenance.get("time_unit")
    if unit is not None:
        return f"time ({UNITS.get(float(unit), f'{float(unit):g} s')})"
    windowed = any(window is not None and len(window) == 3 for window in run.windows.values())
    return "time (window units)" if windowed else "time (network units)"
