"""Where decisions went wrong first: for each layer, how many flipped whose first spike of another time it has.

Relies on the results of studies.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from eventsim.errors import InputError
from eventsim.study.results import Results
from eventsim.viz.frame import drawable, left_title, plain_text, quieten
from eventsim.viz.new_figure import new_axes
from eventsim.viz.palette import layer_colour
from eventsim.viz.study_curve import value_text

MOST_BARS = 40


def flips_by_layer(results: Results, ax: Axes | None = None, *, title: str | None = None) -> Axes:
    """Draw a bar for each setting: the share of decisions that flipped, by the layer that was the first to differ.

    Parameters
    ----------
    results
        Of a study that compares times (``times=True``).
    ax
        Axes to draw into; None makes a figure.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        No results, none that knows about layers, more than 40 settings.
    """
    if not isinstance(results, Results):
        raise InputError(
            f"flips_by_layer: results is a {type(results).__name__}; must be what Study.run or load_results returned"
        )
    settings = results.by_settings()
    rows = [[entry.result for entry in entries if entry.result] for _, entries in settings]
    names = list(dict.fromkeys(layer["layer"] for row in rows for one in row for layer in one["layers"]))
    if not names or any(layer["flips_begun"] is None for row in rows for one in row for layer in one["layers"]):
        raise InputError(
            "flips_by_layer: no point knows in which layer its flips began; must be a study with times=True and "
            "decisions. Run it so."
        )
    if len(settings) > MOST_BARS:
        raise InputError(f"flips_by_layer: {len(settings)} settings; must be {MOST_BARS} bars at most. Run fewer.")
    if ax is None:
        ax = new_axes()
    drawable("flips_by_layer", ax)
    base = np.zeros(len(settings))
    for k, name in enumerate(names):
        height = np.array([_share(row, name) for row in rows])
        if height.any():
            label = plain_text(name)
            ax.bar(np.arange(len(settings)), height, 0.7, base, color=layer_colour(k), label=label, gid=f"flips {name}")
        base += height
    labels = [", ".join(value_text(value) for value in setting.values()) for setting, _ in settings]
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right"} if max(map(len, labels), default=0) > 5 else {}
    ax.set_xticks(range(len(settings)), labels, **slanted)
    ax.set_xlabel(plain_text(", ".join(results.knobs)))
    ax.set_ylabel("share of decisions that flipped")
    if base.any():
        ax.legend(title="first to differ", frameon=False, fontsize="small")
    quieten(ax)
    left_title(ax, "flips, by the layer whose spikes moved first", title)
    return ax


def _share(rows: list[dict[str, Any]], name: str) -> float:
    """Flips that began in a layer, of all samples of all seeds."""
    begun = sum(layer["flips_begun"] for row in rows for layer in row["layers"] if layer["layer"] == name)
    return begun / max(sum(row["samples"] for row in rows), 1)
