"""The way of one packet: station by station when it was under way, waited and for whom, was served, was blocked.

Relies on the chain of the packet, which the log of its run tells.
"""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from eventsim.inspection.packet_chain import Leg, PacketChain, packet_chain
from eventsim.inspection.packets import Carried, carried, check_log
from eventsim.network.network import Population
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
    row is the delivery; a dashed line is the t_min of a layer on the core that it came to, where it is in sight: what
    comes behind it is late.

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
    check_log("packet_path", run)
    check_sample("packet_path", run, sample)
    neuron = run._neuron("packet_path", population, neuron)
    on = carried("packet_path", run)
    chain = packet_chain("packet_path", run, on, int(sample), population, neuron, number, core)
    end = _end(chain)
    unit = suiting(run, end - chain.emitted)
    n_rows = len(chain.legs) + 1
    if ax is None:
        height = (n_rows * (LEAST_ROW + line_height()) + AROUND) / 72.0
        ax = new_axes(max(height, 0.6 * figure_size()[1]))
    drawable("packet_path", ax)
    line = min(line_height() / axes_points(ax)[1], MOST_HEADERS / n_rows)
    seen: set[str] = set()
    for k, leg in enumerate(chain.legs):
        band = Band(k / n_rows + line, (k + 0.96) / n_rows)
        seen |= _bars(ax, band, leg, chain.emitted, unit)
        name = on.fabric.stations[leg.station].name
        draw_header(ax, name, INK, band, line, _note(run, leg))
    band = Band((n_rows - 1) / n_rows + line, (n_rows - 0.04) / n_rows)
    seen |= _delivery(ax, band, chain, unit)
    draw_header(ax, _whither(chain), INK, band, line, "")
    _frame(ax, (end - chain.emitted) * unit.factor, unit)
    _deadlines(ax, run, on, chain, unit, line)
    lines = _key(ax, seen)
    left_title(ax, _usual_title(chain, population, neuron, sample, unit), title, lines)
    return ax


def _end(chain: PacketChain) -> float:
    """The last time at which something is known of the packet."""
    last = chain.legs[-1]
    return max(t for t in (last.entered, last.left, chain.delivered) if t == t)


def pieces(leg: Leg) -> list[tuple[str, float, float]]:
    """Return what a packet did at a station, from when to when, in order; what took no time is left out."""
    found = [(FLIGHT, leg.sent, leg.entered), (WAITING, leg.entered, leg.started)]
    found += [(SERVICE, leg.started, leg.ended), (BLOCKED, leg.ended, leg.left)]
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


def _delivery(ax: Axes, band: Band, chain: PacketChain, unit: Unit) -> set[str]:
    """The last row: the latency of the last station, the wait for a tick, a star at the delivery or a cross."""
    last, found = chain.legs[-1], set()
    end = _end(chain)
    for what, begin, stop in ((FLIGHT, last.left, chain.arrived), (WAITING, chain.arrived, chain.delivered)):
        if stop > begin:
            _bar(ax, band, what, (begin - chain.emitted) * unit.factor, (stop - chain.emitted) * unit.factor)
            found.add(what)
    marker = {"delivered": "*", "under way": ">"}.get(chain.outcome, "x")
    look: dict[str, Any] = {"color": INK, "markersize": 9, "clip_on": False, "zorder": 3, "gid": "end"}
    ax.plot([(end - chain.emitted) * unit.factor], [(band.top + band.bottom) / 2], marker=marker, **look)
    return found


def _note(run: Run, leg: Leg) -> str:
    """What a row says: for how long and whom it waited, for how long it was served and blocked."""
    said = []
    waited, blocked = leg.started - leg.entered, leg.left - leg.ended
    if leg.started != leg.started:
        return "no room: lost"
    if waited > 0:
        said.append(f"waits {suiting(run, waited).text(waited)}{_named(run, leg.ahead)}")
    served = leg.ended - leg.started
    said.append(f"served {suiting(run, served).text(served)}")
    if blocked > 0:
        said.append(f"blocked {suiting(run, blocked).text(blocked)}")
    return "; ".join(said)


def _named(run: Run, ahead: Array) -> str:
    """The packets that were served in the meantime, the last ones by name."""
    if not ahead.size:
        return ""
    pairs = list(zip(ahead["population"].tolist(), ahead["neuron"].tolist(), strict=True))
    names = [f"{run.populations[population]} {neuron}" for population, neuron in pairs[-MOST_NAMED:]]
    more = "… " if len(pairs) > MOST_NAMED else ""
    return f" for {len(pairs):,} ({more}{', '.join(names)})"


def _whither(chain: PacketChain) -> str:
    if chain.outcome == "delivered":
        return "delivered to " + (f"core {chain.core}" if chain.core >= 0 else "what is off the chip")
    return {"no room": "lost: no room", "too late": "lost: too late"}.get(chain.outcome, chain.outcome)


def _deadlines(ax: Axes, run: Run, on: Carried, chain: PacketChain, unit: Unit, line: float) -> None:
    """The t_min of layers on the core that it came to, where it is in sight; not through the names of stations."""
    if chain.outcome != "delivered":
        return
    low, high = ax.get_xlim()
    for node in on.net.populations:
        window = run.windows.get(node.name)
        cores = np.asarray(on.fabric.cores.get(node.name, np.zeros(1)))
        if window is None or not isinstance(node, Population) or node.model.relay or chain.core not in cores:
            continue
        x = (float(window[-2]) - chain.emitted) * unit.factor
        if low <= x <= high:
            n_rows = len(chain.legs) + 1
            tops, ends = zip(*((k / n_rows + line, (k + 1) / n_rows) for k in range(n_rows)), strict=True)
            style: dict[str, Any] = {"linewidth": 0.9, "linestyle": (0, (4, 2)), "zorder": 1}
            ax.vlines([x] * n_rows, tops, ends, color=INK, gid=f"t_min {node.name}", **style)
            ax.annotate(
                f"$t_\\mathrm{{min}}$ of {plain_text(node.name)}", (x, 0.0), xycoords=ax.get_xaxis_transform(),
                xytext=(2, 2), textcoords="offset points", fontsize=note_size(), color=INK,
                ha="left" if x < (low + high) / 2 else "right",
            )  # fmt: skip


def _key(ax: Axes, seen: set[str]) -> float:
    for what, (colour, hatch, _) in LOOKS.items():
        if what in seen:
            ax.bar([math.nan], [0], color=colour, hatch=hatch, edgecolor="white" if hatch else None, label=what)
    return key_above(ax) if seen else 0.0


def _usual_title(chain: PacketChain, population: str, neuron: int, sample: int, unit: Unit) -> str:
    total = _end(chain) - chain.emitted
    waited = sum(end - begin for leg in chain.legs for what, begin, end in pieces(leg) if what in (WAITING, BLOCKED))
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
