"""Histograms of how long packets waited, for each kind of station.

Relies on the log of a run's packets.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from eventsim.checks import integer, names
from eventsim.engines.fabric_records import NO_ROOM
from eventsim.errors import InputError, listed, nearest
from eventsim.inspection.packets import carried, hops_of
from eventsim.run.packets import log_of
from eventsim.run.run import Run
from eventsim.viz.chip_parts import parts_of
from eventsim.viz.durations import Unit, duration_label, suiting
from eventsim.viz.frame import Array, even_titles, left_title, quieten
from eventsim.viz.layers import check_sample
from eventsim.viz.palette import LAYERS, SILENT
from eventsim.viz.panels import panels
from eventsim.viz.selection import panel_titles

MOST_BINS = 10_000
MOST_KINDS = 9  # panels where nobody chose stations; a fabric with more kinds is drawn in one
ROUNDING = 4.0  # ulps of the time: what is not longer comes from rounding and is no wait
MOST_DECADES = 3  # that are named along an axis
COLOURS = {"core": LAYERS[1], "axon_out": LAYERS[2]}
OTHER_COLOUR = LAYERS[3]


class Waits(NamedTuple):
    """The waits of some stations' packets.

    Attributes
    ----------
    name
        What the panel is called.
    kind
        The kind of the stations.
    waits : array (n_packets,)
        From when each entered a port until its service began.
    """

    name: str
    kind: str
    waits: Array


def waiting_histogram(
    run: Run,
    ax: Any = None,
    stations: Iterable[str] | None = None,
    bins: int = 40,
    *,
    sample: int | None = None,
    title: str | Iterable[str | None] | None = None,
) -> Array:
    """Draw how long packets waited until their service began, a panel for each kind of station, on logarithmic axes.

    Packets that were served at once are the grey bar above 0, also those that differ from it by the rounding of their
    times. All panels have the same bins. Titles give the share of packets that waited, and the mean and the longest of
    their waits.

    Parameters
    ----------
    run
        A run on a chip or another transport that records hops.
    ax
        As many axes as panels, in any shape; None makes a figure.
    stations
        Names of stations, ``run.provenance["stations"]``: a panel each, in the order wanted. None: one for each part of
        a chip (cores, links along x, …); of another fabric one for each station or, of more than nine, one for all.
    bins
        How many bins there are from the shortest to the longest wait.
    sample
        Which sample; None takes all.
    title
        In place of the usual ones: a list with one a panel; "" for none.

    Returns
    -------
    array (n_panels,)
        The axes.

    Raises
    ------
    InputError
        An unknown station or sample, no log, bins < 1, as many axes or titles as there are not panels.
    """
    log_of("waiting_histogram", run, some=True)
    if sample is not None:
        check_sample("waiting_histogram", run, sample)
    bins = integer("waiting_histogram", "bins", bins, low=1, high=MOST_BINS, remedy="40 suit most fabrics.")
    found = _waits(run, sample, stations)
    titles = panel_titles("waiting_histogram", title, len(found))
    axes = panels("waiting_histogram", ax, len(found))
    longest = max((float(one.waits.max(initial=0.0)) for one in found), default=0.0)
    unit = suiting(run, longest)
    edges = _edges(np.concatenate([one.waits for one in found]) * unit.factor, bins)
    for panel, one in zip(axes, found, strict=True):
        _draw(panel, one, edges, unit)
        panel.set_xlabel(duration_label("waiting", unit))
    heads = zip(axes, found, titles, strict=True)
    even_titles([left_title(panel, _usual_title(run, one), own, small=True) for panel, one, own in heads])
    most = max(panel.get_ylim()[1] for panel in axes)
    for panel in axes:
        panel.set_ylim(0.5, most)
    axes[0].set_ylabel("packets per bin")
    return axes


def _waits(run: Run, sample: int | None, stations: Any) -> list[Waits]:
    """The waits of each panel."""
    hops = log_of("waiting_histogram", run, some=True) if sample is None else hops_of("waiting_histogram", run, sample)
    served = hops[hops["outcome"] != NO_ROOM]
    waits = served["started"] - served["entered"]
    waits = np.where(waits <= ROUNDING * np.spacing(served["started"]), 0.0, waits)
    known: list[str] = run.provenance["stations"]
    if stations is not None:
        chosen = names("waiting_histogram", "stations", stations)
        for name in chosen:
            if name not in known:
                raise InputError(
                    f"waiting_histogram: stations has {name!r}{nearest(name, known)}; must be among "
                    f"{listed(known, 6)}. Choose among run.provenance['stations']."
                )
        if not chosen:
            raise InputError(
                "waiting_histogram: stations = []; must name one or more. Leave it out for one panel a kind."
            )
        return [Waits(name, name, waits[served["station"] == known.index(name)]) for name in chosen]
    kinds = [part.kind for part in parts_of(carried("waiting_histogram", run))]
    if len({*kinds}) > MOST_KINDS:
        return [Waits(f"all {len(kinds)} stations", "", waits)]
    place = {kind: k for k, kind in enumerate(dict.fromkeys(kinds))}
    code = np.array([place[kind] for kind in kinds])[served["station"]]
    return [Waits(_panel_name(kind, kinds.count(kind)), kind, waits[code == k]) for kind, k in place.items()]


def _panel_name(kind: str, n: int) -> str:
    return f"{kind} ({n} stations)" if n > 1 else kind


def _edges(waits: Array, bins: int) -> Array:
    """Borders of bins of one width on a logarithmic axis; of a single wait, or none, a decade around it."""
    some = waits[waits > 0]
    low, high = (float(some.min()), float(some.max())) if some.size else (0.1, 1.0)
    if high < low * 1.001:
        low, high = low / math.sqrt(10.0), high * math.sqrt(10.0)
    edges: Array = np.geomspace(low, high, bins + 1)
    edges[0], edges[-1] = low, high  # which geomspace may miss by an ulp
    return edges


def _draw(ax: Axes, one: Waits, edges: Array, unit: Unit) -> None:
    """The bar of those that did not wait, left of the bins of those that did."""
    waits = one.waits * unit.factor
    counts, _ = np.histogram(waits[waits > 0], edges)
    n_none = int(np.count_nonzero(waits == 0))
    ax.set(xscale="log", yscale="log")
    width = (edges[-1] / edges[0]) ** 0.08
    none = edges[0] / width**1.5, edges[0] / width**0.5
    ax.stairs([n_none], none, baseline=0.5, fill=True, color=SILENT, gid="none")
    colour = COLOURS.get(one.kind, OTHER_COLOUR)
    ax.stairs(counts, edges, baseline=0.5, fill=True, color=colour, alpha=0.85, gid="histogram")
    ax.set_xlim(edges[0] / width**2, edges[-1] * width**0.3)
    ax.set_ylim(0.5, 2.0 * max(int(counts.max()), n_none, 1))
    _ticks(ax, math.sqrt(none[0] * none[1]), edges)
    ax.yaxis.set_major_locator(LogLocator(numticks=5))
    ax.yaxis.set_minor_formatter(NullFormatter())
    quieten(ax)


def _ticks(ax: Axes, middle: float, edges: Array) -> None:
    """A 0 below the bar of those that did not wait, and a few decades."""
    first, last = math.ceil(math.log10(edges[0] * 1.5)), math.floor(math.log10(edges[-1]))
    step = max(-(-(last - first + 1) // MOST_DECADES), 1)
    decades = {10.0**k: f"{10.0**k:g}" if -3 < k < 4 else f"$10^{{{k}}}$" for k in range(last, first - 1, -step)}
    ax.xaxis.set_major_locator(FixedLocator([middle, *sorted(decades)]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: "0" if x == middle else decades.get(x, "")))
    ax.xaxis.set_minor_locator(NullLocator())


def _usual_title(run: Run, one: Waits) -> str:
    if not one.waits.size:
        return f"{one.name}\nno packets\n"
    waited = one.waits[one.waits > 0]
    unit = suiting(run, float(waited.max(initial=0.0)))
    mean = f"mean {unit.text(waited.mean())}, longest {unit.text(waited.max())}" if waited.size else ""
    return f"{one.name}\n{waited.size / one.waits.size:.1%} of {one.waits.size:,} wait\n{mean}"
