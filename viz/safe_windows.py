"""How much window each neuron needs: histograms of smallest safe windows, against the window that a layer has.

Relies on certificates, as `eventsim.models.certify` returns them.
"""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, NullFormatter

from eventsim.checks import integer
from eventsim.checks import names as checked_names
from eventsim.errors import InputError, nearest
from eventsim.models.checking.certificates import Certificates, Layer
from eventsim.viz.frame import Array, even_titles, left_title, note_size, quieten
from eventsim.viz.palette import CAUSES, INK
from eventsim.viz.panels import panels
from eventsim.viz.selection import panel_titles

MOST_BINS = 10_000


def safe_windows(
    certificates: Certificates,
    ax: Any = None,
    populations: Iterable[str] | None = None,
    bins: int = 50,
    *,
    title: str | Iterable[str | None] | None = None,
) -> Array:
    """Draw for each layer how many neurons, over all samples, need how long a window; counts are logarithmic.

    A neuron needs the window in which it just waits for all of its inputs. The line is the window that the layer has;
    what lies to the right of it fires prematurely. Neurons that any window is long enough for are counted in the title.

    Parameters
    ----------
    certificates
        What `eventsim.models.certify` returned.
    ax
        As many axes as layers, in any shape; None makes a figure.
    populations
        Names in the order wanted; None draws all.
    bins
        About how many bins there are from 0 to the longest window of a panel: one ends where the window does, the last
        at the longest.
    title
        In place of the usual ones: a list with one a panel; "" for none.

    Returns
    -------
    array (n_layers,)
        The axes, one a layer.

    Raises
    ------
    InputError
        No certificates, or none of a spiking layer; an unknown population, bins < 1, as many axes or titles as
        there are not layers.
    """
    if not isinstance(certificates, Certificates):
        raise InputError(
            f"safe_windows: certificates is a {type(certificates).__name__}; must be what eventsim.models.certify "
            "returned"
        )
    names = (
        list(certificates.layers) if populations is None else checked_names("safe_windows", "populations", populations)
    )
    for name in names:
        if name not in certificates.layers:
            known = ", ".join(certificates.layers) or "none"
            raise InputError(
                f"safe_windows: unknown population {name!r}{nearest(name, list(certificates.layers))}; certified are "
                f"{known}"
            )
    if not names:
        raise InputError("safe_windows: there is no spiking layer to draw; certify a network with hidden layers")
    bins = integer("safe_windows", "bins", bins, low=1, high=MOST_BINS, remedy="50 suit most windows.")
    titles = panel_titles("safe_windows", title, len(names))
    axes = panels("safe_windows", ax, len(names))
    layers = certificates.layers
    heads = zip(axes, names, titles, strict=True)
    even_titles([_draw(panel, name, own, layers[name], bins) for panel, name, own in heads])
    axes[0].set_ylabel("neurons and samples")
    return axes


def _draw(ax: Axes, name: str, title: str | None, layer: Layer, bins: int) -> Text:
    """Draw one panel, and return its title."""
    needed = (layer.window - layer.margin).ravel()
    some = needed[needed > 0]
    end = 1.05 * max(layer.window, some.max(initial=0.0))
    edges = _edges(layer.window, float(some.max(initial=0.0)), end / bins)
    counts, _ = np.histogram(some, edges)
    safe = edges[:-1] < layer.window
    for chosen, shade, what in ((safe, CAUSES["ok"][0], "safe"), (~safe, CAUSES["premature"][0], "premature")):
        ax.bar(
            edges[:-1][chosen], counts[chosen], np.diff(edges)[chosen], align="edge", color=shade, alpha=0.85,
            label=what,
        )  # fmt: skip
    ax.axvline(layer.window, color=INK, linewidth=1.2, gid="window")
    ax.annotate(
        f"window {layer.window:.3g}", (layer.window, 1.0), xycoords=ax.get_xaxis_transform(), xytext=(0, 2),
        textcoords="offset points", ha="right", va="bottom", fontsize=0.85 * note_size(), color=INK,
    )  # fmt: skip
    if counts[~safe].any():
        ax.annotate(
            "premature", (1.0, 0.62), xycoords="axes fraction", ha="right", va="top", fontsize=0.85 * note_size(),
            color=CAUSES["premature"][0],
        )  # fmt: skip
    if layer.safe_window > 0:
        ax.axvline(layer.safe_window, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), gid="safe window")
        ax.annotate(
            f"smallest\nsafe {layer.safe_window:.3g}", (layer.safe_window, 0.97), xycoords=ax.get_xaxis_transform(),
            xytext=(-3, 0), textcoords="offset points", ha="right", va="top", fontsize=0.85 * note_size(), color=INK,
        )  # fmt: skip
    ax.set_ylim(0.5, 8.0 * max(int(counts.max(initial=0)), 1))  # before the scale, which warns of empty panels
    ax.set_yscale("log")
    ax.set_xlim(0.0, end)
    ax.yaxis.set_major_locator(LogLocator(numticks=5))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("window needed")
    quieten(ax)
    early = int(np.count_nonzero(layer.premature))
    rest = f"{early:,} premature" if early else "none premature"
    usual = f"{name}\n{rest}, {1 - some.size / needed.size:.0%} need none"
    return left_title(ax, usual, title, lines=1.0, small=True)


def _edges(window: float, longest: float, width: float) -> Array:
    """Bins of about `width` up to the longest need; none holds both safe and premature neurons."""
    ends = [0.0, window, longest] if longest > window else [0.0, longest or window]
    parts = [
        np.linspace(low, high, max(round((high - low) / width), 1), endpoint=False)
        for low, high in itertools.pairwise(ends)
    ]
    return np.concatenate([*parts, ends[-1:]])
