"""What a study found, along one knob: a result with bands, a line for each value of the other knobs.

Relies on the results of studies.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from eventsim.checks import choice, shown
from eventsim.checks import names as checked_names
from eventsim.errors import InputError, listed, nearest
from eventsim.study.bisection import IDEAL
from eventsim.study.results import Results
from eventsim.study.statistics import band, wilson_of_share
from eventsim.viz.frame import drawable, left_title, plain_text, quieten
from eventsim.viz.new_figure import new_axes
from eventsim.viz.palette import INK, layer_colour

BANDS = ("wilson", "seeds", "none")
MOST_LINES = 12
SPAN_OF_LOG = 30.0  # a knob whose positive values span more has a logarithmic axis
STYLES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P")


def study_curve(
    results: Results,
    knob: str | None = None,
    ax: Axes | None = None,
    of: str = "accuracy",
    *,
    spread: str = "wilson",
    over: Iterable[str] = (),
    title: str | None = None,
) -> Axes:
    """Draw the mean of a result over the seeds against a knob, with a band, and the ideal run as a thin line.

    Parameters
    ----------
    results
        Of a study.
    knob
        Which one is along the axis; None takes the only one. Each setting of the others is a line.
    ax
        Axes to draw into; None makes a figure.
    of
        The result, as `Results.summary` takes it.
    spread
        What the band is: "wilson", the interval of 95 % of the mean for the samples of one seed (accuracy and agreement
        alone), "seeds", from the smallest to the largest of the seeds, or "none".
    over
        Knobs whose values count as seeds do: the mean and the band are over them, too.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        No results, an unknown knob or result, more than 12 lines.
    """
    if not isinstance(results, Results):
        raise InputError(
            f"study_curve: results is a {type(results).__name__}; must be what Study.run or load_results returned"
        )
    spread = choice("study_curve", "spread", spread, BANDS)
    if spread == "wilson" and of not in IDEAL:
        spread = "seeds"
    alike = [one_knob("study_curve", results, name) for name in checked_names("study_curve", "over", over)]
    knob = one_knob("study_curve", results, knob, tuple(alike))
    lines = _lines(results, knob, of, alike)
    if ax is None:
        ax = new_axes()
    drawable("study_curve", ax)
    places, labels = axis_values([value for line in lines.values() for value, _, _ in line])
    for k, (name, line) in enumerate(lines.items()):
        found = [(places[_key(value)], band(values), n) for value, values, n in line if values]
        found.sort(key=lambda one: one[0])
        x, mean = np.array([one[0] for one in found]), np.array([one[1].mean for one in found])
        style: dict[str, Any] = {"color": layer_colour(k + 1), "linestyle": STYLES[k % len(STYLES)]}
        mark: dict[str, Any] = {"marker": MARKERS[k % len(MARKERS)], "markersize": 4}
        ax.plot(x, mean, label=plain_text(name), gid=f"line {k}", **style, **mark)
        if spread != "none" and found:
            pairs = [wilson_of_share(b.mean, n) if spread == "wilson" else (b.low, b.high) for _, b, n in found]
            low, high = np.array(pairs).T
            ax.fill_between(x, low, high, color=style["color"], alpha=0.18, linewidth=0, gid=f"band {k}")
    _ideal(ax, results, of)
    set_axis(ax, "x", labels, list(places.values()))
    ax.set_xlabel(plain_text(knob))
    ax.set_ylabel(of)
    if len(lines) > 1:
        ax.legend(frameon=False, fontsize="small")
    quieten(ax)
    said = {"wilson": "95 % interval (Wilson)", "seeds": "smallest to largest seed", "none": ""}[spread]
    n_seeds = len(results.about["seeds"])
    left_title(ax, f"{of}, {n_seeds} seed{'s' if n_seeds != 1 else ''}{said and '; band: ' + said}", title)
    return ax


def one_knob(where: str, results: Results, knob: str | None, others: tuple[str, ...] = ()) -> str:
    """Return a knob that a study has, the only one of them that is not among `others` where none is named."""
    known = [name for name in results.knobs if name not in others]
    if knob is None and len(known) == 1:
        return known[0]
    if knob not in known:
        there = listed(known) or "none"
        raise InputError(f"{where}: knob = {shown(knob)}{nearest(knob, known)}; must be one of {there}. Choose it.")
    return str(knob)


def axis_values(values: list[Any]) -> tuple[dict[str, float], list[str] | None]:
    """Return where values of a knob stand on an axis, by `_key`, and their labels where they are no numbers."""
    found = {_key(value): value for value in values}
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in found.values())
    if numbers:
        return {key: float(value) for key, value in found.items()}, None
    return {key: float(k) for k, key in enumerate(found)}, [value_text(value) for value in found.values()]


def set_axis(ax: Axes, which: str, labels: list[str] | None, places: list[float]) -> None:
    """Label an axis of words, or make it logarithmic where the numbers span decades; 0 then has a linear part."""
    if labels is not None:
        ax.set(**{f"{which}ticks": range(len(labels)), f"{which}ticklabels": labels})
        return
    positive = [value for value in places if value > 0]
    if min(places, default=0) >= 0 and positive and max(positive) / min(positive) > SPAN_OF_LOG:
        set_scale, set_limits = (ax.set_xscale, ax.set_xlim) if which == "x" else (ax.set_yscale, ax.set_ylim)
        if len(positive) == len(places):
            set_scale("log")
        else:
            set_scale("symlog", linthresh=min(positive))
            set_limits(-0.3 * min(positive), 1.5 * max(positive))  # below 0 is nothing
            first, last = math.ceil(math.log10(min(positive))), math.floor(math.log10(max(positive)))
            ax.set(**{f"{which}ticks": [0.0, *(10.0**k for k in range(first, last + 1))]})


def _key(value: Any) -> str:
    return repr(value)


def _lines(results: Results, knob: str, of: str, alike: Sequence[str]) -> dict[str, list[tuple[Any, list[float], int]]]:
    """For each setting of the other knobs, in words, the values of the knob with results and numbers of samples."""
    results.summary(of)  # which refuses unknown results
    named = [other for other in results.knobs if other != knob and other not in alike]
    lines: dict[str, dict[str, tuple[Any, list[float], int]]] = {}
    for settings, entries in results.by_settings():
        name = ", ".join(f"{other} = {value_text(settings[other])}" for other in named)
        n = next((entry.result["samples"] for entry in entries if entry.result), 0)
        _, values, _ = lines.setdefault(name, {}).setdefault(_key(settings[knob]), (settings[knob], [], n))
        values += [entry.result[of] for entry in entries if entry.result and entry.result.get(of) is not None]
    if len(lines) > MOST_LINES:
        raise InputError(
            f"study_curve: {len(lines)} settings of the other knobs; must be {MOST_LINES} lines at most. Draw a map: "
            "viz.study_map."
        )
    return {name: list(line.values()) for name, line in lines.items()}


def _ideal(ax: Axes, results: Results, of: str) -> None:
    """The ideal run: what accuracy it has."""
    rows: list[Mapping[str, Any]] = [entry.result for entry in results.entries if entry.result]
    known = {row["ideal_correct"] / row["samples"] for row in rows if row.get("ideal_correct") is not None}
    if of == "accuracy" and len(known) == 1:
        (share,) = known
        ax.axhline(share, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), gid="ideal", zorder=0)


def value_text(value: Any) -> str:
    """Return a value of a knob in few letters.

    >>> value_text(0.123456), value_text(("dense1", "dense2")), value_text(None)
    ('0.1235', 'dense1 dense2', 'None')
    """
    if isinstance(value, tuple):
        return " ".join(map(value_text, value))
    return plain_text(f"{value:.4g}" if isinstance(value, float) else str(value))
