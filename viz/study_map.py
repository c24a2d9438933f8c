"""What a study found over two knobs: a cell for each pair of values, its shade the mean over seeds.

Relies on the results of studies. Every cell says its number, so that no shade has to be read.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from eventsim.errors import InputError
from eventsim.study.results import Results
from eventsim.viz.frame import drawable, left_title, note_size, plain_text
from eventsim.viz.new_figure import new_axes
from eventsim.viz.palette import INK
from eventsim.viz.study_curve import one_knob, value_text

MOST_NUMBERS = 400  # cells that are written into
DARK = 0.55  # of the range of shades, below which numbers are white


def study_map(
    results: Results,
    x: str | None = None,
    y: str | None = None,
    ax: Axes | None = None,
    of: str = "accuracy",
    *,
    title: str | None = None,
) -> Axes:
    """Draw the mean of a result over the seeds for each pair of values of two knobs.

    Parameters
    ----------
    results
        Of a study with two knobs, or with others that have one value each.
    x, y
        Which knobs are along the axes; None takes the last and the first one. Values stand in order, equally far apart.
    ax
        Axes to draw into; None makes a figure.
    of
        The result, as `Results.summary` takes it.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        No results, unknown knobs or results, several settings for one cell.
    """
    if not isinstance(results, Results):
        raise InputError(
            f"study_map: results is a {type(results).__name__}; must be what Study.run or load_results returned"
        )
    if len(results.knobs) < 2:
        raise InputError("study_map: the study has one knob; must have two. Draw a curve: viz.study_curve.")
    x = one_knob("study_map", results, results.knobs[-1] if x is None else x)
    y = one_knob("study_map", results, results.knobs[0] if y is None else y, (x,))
    across, up, cells = _cells(results, x, y, of)
    if ax is None:
        ax = new_axes()
    drawable("study_map", ax)
    image = ax.imshow(cells, cmap="cividis", origin="lower", aspect="auto", gid="cells")
    ax.set(
        xticks=range(len(across)),
        xticklabels=map(value_text, across),
        yticks=range(len(up)),
        yticklabels=map(value_text, up),
    )
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if cells.size <= MOST_NUMBERS:
        _numbers(ax, cells)
    ax.set_xlabel(plain_text(x))
    ax.set_ylabel(plain_text(y))
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.colorbar(image, ax=ax, label=of)
    n_seeds = len(results.about["seeds"])
    left_title(ax, f"{of}, mean of {n_seeds} seed{'s' if n_seeds != 1 else ''}", title)
    return ax


def _cells(results: Results, x: str, y: str, of: str) -> tuple[list[Any], list[Any], "np.ndarray[Any, Any]"]:
    """The values of both knobs, sorted where they are numbers, and the means (n_y, n_x); NaN where nothing is known."""
    values = results.values(of)
    across, up = (_ordered([settings[knob] for settings, _ in values]) for knob in (x, y))
    cells = np.full((len(up), len(across)), np.nan)
    seen = set()
    for settings, found in values:
        place = up.index(settings[y]), across.index(settings[x])
        if place in seen:
            raise InputError(
                f"study_map: several settings have {x} = {settings[x]} and {y} = {settings[y]}; must be one a cell. "
                "Draw a study of two knobs."
            )
        seen.add(place)
        if found is not None:
            cells[place] = found.mean
    return across, up, cells


def _ordered(values: list[Any]) -> list[Any]:
    different = list(dict.fromkeys(values))
    numbers = all(isinstance(value, int | float) for value in different)
    return sorted(different) if numbers else different


def _numbers(ax: Axes, cells: "np.ndarray[Any, Any]") -> None:
    low, high = np.nanmin(cells), np.nanmax(cells)
    for (row, column), value in np.ndenumerate(cells):
        if np.isfinite(value):
            dark = high > low and (value - low) / (high - low) < DARK
            ax.text(
                column, row, f"{value:.3g}", ha="center", va="center",
                fontsize=0.85 * note_size(), color="white" if dark else INK,
            )  # fmt: skip
