"""The way of one packet: station by station when it was under way, waited and for whom, was served, was blocked.

Relies on the way of the packet, as the log of its run tells it.
"""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from eventsim.engines.fabric_records import ARRIVED, OUTCOMES, PASSED_ON
from eventsim.engines.packet_way import Leg, Way
from eventsim.inspection.logged_way import logged_way, served_before
from eventsim.inspection.packets import Carried, carried, hops_of
from eventsim.network.network import Population
from eventsim.run.due import arrivals
from eventsim.run.packets import DELIVERY, log_of
from eventsim.run.run import Run
from eventsim.viz.durations import Unit, duration_label, suiting
from eventsim.viz.frame import Array, axes_points, drawable, left_title, line_height, note_size, plain_text, quieten
from eventsim.viz.key import key_above
from eventsim.viz.layers import check_sample
from eventsim.viz.new_figure import figure_size, new_axes
from eventsim.viz.palette import GRID, INK, LAYERS, SILENT
from eventsim.viz.raster_marks import draw_header
from eventsim.viz.raster_rows import MOST_HEADERS, Band

# What a packet does: colour, hatch, and how high its bar is, so that no colour is needed to tell them apart.
FLIGHT, WAITING, SERVICE, BLOCKED = "under way", "waiting", "service", "blocked"
LOOKS: dict[str, tuple[str, str, float]] = {
    FLIGHT: (SILENT, "", 0.14),
    WAITING: (LAYERS[4], "", 0.5),
    SERVICE: (LAYERS[1], "", 0.9),
    BLOCKED: (LAYERS[2], "////", 0.5),
}
MOST_NAMED = 3  # packets that it waited for, by name
LEAST_ROW = 16.0  # points of height that a figure made here has for each station's bars
AROUND = 110.0  # points of height for title, key and time axis


def packet_path(
    run: Run,
    sample: int,
    population: str,
    neuron: int,
    ax: Axes | None = None,
    *,
    number: int = 0,
    core: int | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the way of one spike's packet, a row for each station, in the order in which it came to them.

    Thin bars: under way; of half height: waiting, then, hatched, blocked since a station behind had no room; high ones:
    service. Above each row stand the station and the packets that it served, or held, while this one waited. The last
    row is the delivery; a dashed line is the t_min of a layer that it reaches there, less the delay on the way, where
    it is in sight: what comes behind it is late. That of a pool is the one of the layer behind it.

    Parameters
    ----------
    run
        A run on a chip or another transport that records hops.
    sample, population, neuron
        Which neuron's spike, in which sample.
    ax
        Axes to draw into; None makes a figure.
    number
        Which of its spikes, counted from 0.
    core
        The core to which it goes, where it goes to several; -1: off the chip. None: where it came last.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        No log; an unknown sample, population or neuron; one that sent no packet, or none to this core; a run from a
        file without its network.
    """
    log_of("packet_path", run, some=True)
    check_sample("packet_path", run, sample)
    neuron = run._neuron("packet_path", population, neuron)
    on = carried("packet_path", run)
    way = logged_way("packet_path", run, on, int(sample), population, neuron, number, core)
    hops = hops_of("packet_path", run, int(sample))
    end = _end(way)
    unit = suiting(run, end - way.emitted)
    n_rows = len(way.legs) + 1
    if ax is None:
        height = (n_rows * (LEAST_ROW + line_height()) + AROUND) / 72.0
        ax = new_axes(max(height, 0.6 * figure_size()[1]))
    drawable("packet_path", ax)
    line = min(line_height() / axes_points(ax)[1], MOST_HEADERS / n_rows)
    seen: set[str] = set()
    for k, leg in enumerate(way.legs):
        band = Band(k / n_rows + line, (k + 0.96) / n_rows)
        seen |= _bars(ax, band, leg, way.emitted, unit)
        ahead = served_before(hops, run.provenance["stations"].index(leg.station), leg)
        draw_header(ax, leg.station, INK, band, line, _note(run, leg, ahead))
    band = Band((n_rows - 1) / n_rows + line, (n_rows - 0.04) / n_rows)
    seen |= _delivery(ax, band, way, unit)
    draw_header(ax, _whither(way), INK, band, line, "")
    _frame(ax, (end - way.emitted) * unit.factor, unit)
    _deadlines(ax, run, on, way, (population, neuron), unit, line)
    lines = _key(ax, seen)
    left_title(ax, _usual_title(way, population, neuron, sample, unit), title, lines)
    return ax


def _end(way: Way) -> float:
    """The last time at which something is known of the packet."""
    last = way.legs[-1]
    return max(t for t in (last.entered, last.left, way.delivered) if t is not None)


def pieces(leg: Leg) -> list[tuple[str, float, float]]:
    """Return what a packet did at a station, from when to when, in order; what took no time is left out."""
    found = [(FLIGHT, leg.sent, leg.entered)]
    if leg.started is not None:
        found += [
            (WAITING, leg.entered, leg.started),
            (SERVICE, leg.started, leg.ended),
            (BLOCKED, leg.ended, leg.left),
        ]
    return [(what, begin, end) for what, begin, end in found if end > begin]


def _bars(ax: Axes, band: Band, leg: Leg, emitted: float, unit: Unit) -> set[str]:
    """The bars of one row; return what they are."""
    for what, begin, end in pieces(leg):
        _bar(ax, band, what, (begin - emitted) * unit.factor, (end - emitted) * unit.factor)
    return {what for what, _, _ in pieces(leg)}


def _bar(ax: Axes, band: Band, what: str, begin: float, end: float) -> None:
    colour, hatch, height = LOOKS[what]
    look: dict[str, Any] = {"color": colour, "linewidth": 1.0, "zorder": 2.2 if what == SERVICE else 2, "gid": what}
    if hatch:
        look |= {"hatch": hatch, "edgecolor": "white", "linewidth": 0.0}
    ax.barh((band.top + band.bottom) / 2, end - begin, height * (band.bottom - band.top), left=begin, **look)


def _delivery(ax: Axes, band: Band, way: Way, unit: Unit) -> set[str]:
    """The last row: the latency of the last station, the wait for a tick, a star at the delivery or a cross."""
    last, found = way.legs[-1], set()
    for what, begin, stop in ((FLIGHT, last.left, way.arrived), (WAITING, way.arrived, way.delivered)):
        if way.delivered is not None and stop > begin:
            _bar(ax, band, what, (begin - way.emitted) * unit.factor, (stop - way.emitted) * unit.factor)
            found.add(what)
    marker = {ARRIVED: "*", PASSED_ON: ">"}.get(way.outcome, "x")
    look: dict[str, Any] = {"color": INK, "markersize": 9, "clip_on": False, "zorder": 3, "gid": "end"}
    ax.plot([(_end(way) - way.emitted) * unit.factor], [(band.top + band.bottom) / 2], marker=marker, **look)
    return found


def _note(run: Run, leg: Leg, ahead: Array) -> str:
    """What a row says: for how long and whom it waited, for how long it was served and blocked."""
    said = []
    if leg.started is None:
        return "no room: lost"
    if leg.waited > 0:
        said.append(f"waits {suiting(run, leg.waited).text(leg.waited)}{_named(run, ahead)}")
    said.append(f"served {suiting(run, leg.served).text(leg.served)}")
    if leg.blocked > 0:
        said.append(f"blocked {suiting(run, leg.blocked).text(leg.blocked)}")
    return "; ".join(said)


def _named(run: Run, ahead: Array) -> str:
    """The packets that were served in the meantime, the last ones by name."""
    if not ahead.size:
        return ""
    pairs = list(zip(ahead["population"].tolist(), ahead["neuron"].tolist(), strict=True))
    names = [f"{run.populations[population]} {neuron}" for population, neuron in pairs[-MOST_NAMED:]]
    more = "… " if len(pairs) > MOST_NAMED else ""
    return f" for {len(pairs):,} ({more}{', '.join(names)})"


def _whither(way: Way) -> str:
    if way.outcome == ARRIVED:
        return "delivered to " + (f"core {way.core}" if way.core >= 0 else "what is off the chip")
    return FLIGHT if way.outcome == PASSED_ON else f"lost: {OUTCOMES[way.outcome]}"


def _deadlines(ax: Axes, run: Run, on: Carried, way: Way, who: tuple[str, int], unit: Unit, line: float) -> None:
    """Until when it is in time for the layers that it reaches there, where that is in sight; not through names."""
    low, high = ax.get_xlim()
    n_rows = len(way.legs) + 1
    for name, due in _due(run, on, way, *who).items():
        x = (due - way.emitted) * unit.factor
        if low <= x <= high:
            tops, ends = zip(*((k / n_rows + line, (k + 1) / n_rows) for k in range(n_rows)), strict=True)
            style: dict[str, Any] = {"linewidth": 0.9, "linestyle": (0, (4, 2)), "zorder": 1}
            ax.vlines([x] * n_rows, tops, ends, color=INK, gid=f"t_min {name}", **style)
            node = on.net.node(name)
            whose = "behind" if isinstance(node, Population) and node.model.relay else "of"
            ax.annotate(
                f"$t_\\mathrm{{min}}$ {whose} {plain_text(name)}", (x, 0.0), xycoords=ax.get_xaxis_transform(),
                xytext=(2, 2), textcoords="offset points", fontsize=note_size(), color=INK,
                ha="left" if x < (low + high) / 2 else "right",
            )  # fmt: skip


def _due(run: Run, on: Carried, way: Way, population: str, neuron: int) -> dict[str, float]:
    """Until when the packet must be delivered for each population that it reaches: its t_min, less the delay there."""
    if way.outcome != ARRIVED:
        return {}
    came = np.zeros(1, dtype=DELIVERY)
    came["population"], came["neuron"], came["core"] = run.populations.index(population), neuron, way.core
    came["delivered"] = way.delivered
    found: dict[str, float] = {}
    for one in arrivals(on.net, on.fabric, came, [one for one in on.net.projections if one.pre.name == population]):
        for arrives in one.times.tolist():
            due = one.due - (arrives - way.delivered)
            found[one.target] = min(due, found.get(one.target, math.inf))
    return found


def _key(ax: Axes, seen: set[str]) -> float:
    for what, (colour, hatch, _) in LOOKS.items():
        if what in seen:
            ax.bar([math.nan], [0], color=colour, hatch=hatch, edgecolor="white" if hatch else None, label=what)
    return key_above(ax) if seen else 0.0


def _usual_title(way: Way, population: str, neuron: int, sample: int, unit: Unit) -> str:
    total = _end(way) - way.emitted
    waited = sum(leg.waited + leg.blocked for leg in way.legs)
    share = f", {waited / total:.0%} of it waiting or blocked" if total > 0 else ""
    return f"{population} neuron {neuron}, sample {sample}: {unit.text(total)}{share}"


def _frame(ax: Axes, length: float, unit: Unit) -> None:
    quieten(ax)
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_color(GRID)
    ax.set_yticks([])
    length = length or 1.0
    ax.set_xlim(-0.01 * length, 1.03 * length)
    ax.set_ylim(1.01, 0.0)
    ax.set_xlabel(duration_label("since emission", unit))
