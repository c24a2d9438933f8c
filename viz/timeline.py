"""Timeline: when each layer's inputs came and its spikes left, against its window; what came late is marked.

Relies on the run's spikes and windows, and on what its packets delivered.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from eventsim.inspection.packets import Carried, carried, deliveries, emissions
from eventsim.network.network import Population
from eventsim.run.due import arrivals
from eventsim.run.packets import log_of
from eventsim.run.run import Run
from eventsim.viz.frame import Array, axes_points, drawable, left_title, line_height, quieten, time_label
from eventsim.viz.key import key_above
from eventsim.viz.layers import Layer, check_sample, ended, layers
from eventsim.viz.new_figure import figure_size, new_axes
from eventsim.viz.palette import GRID, INK, SILENT, window_colour
from eventsim.viz.raster_marks import draw_header
from eventsim.viz.raster_rows import MOST_HEADERS, Band
from eventsim.viz.selection import Stretch, checked_stretch

GATHERING = "#EFEFEF"  # the ground of a window before t_min
LANES = (0.06, 0.46, 0.54, 0.94)  # of a row: from where to where its inputs and its spikes are
OVER = 0.05  # of a row, by which the strokes of late inputs are higher than the bar
LATE = "#000000"  # no layer has it
LEAST_ROW = 26.0  # points of height that a figure made here has for each layer
AROUND = 110.0  # points of height for title, key and time axis
CELLS = 400  # late inputs that fall into one of so many cells of the axis cannot be told apart


class Traffic(NamedTuple):
    """What one layer received and sent in a sample.

    Attributes
    ----------
    inputs : array (n_inputs,)
        When spikes reached its neurons, once for each spike and core.
    late : array (n_late,)
        Those of `inputs` that came at or after t_min.
    n_synapses, n_late
        How many synapses they reached, and how many of these late.
    spikes : array (n_spikes,)
        When its own spikes were emitted.
    waits
        Does it wait for its inputs, so that they may be late?
    """

    layer: Layer
    inputs: Array
    late: Array
    n_synapses: int
    n_late: int
    spikes: Array
    waits: bool


def timeline(
    run: Run,
    sample: int = 0,
    ax: Axes | None = None,
    populations: Iterable[str] | None = None,
    *,
    time: tuple[float, float] | None = None,
    title: str | None = None,
) -> Axes:
    """Draw a row for each layer: its window, above in it when its inputs came, below when its spikes left.

    A bar reaches from the first input to the last, or from the first spike to the last, with a white stroke at the
    median. The ground is grey from t_start to t_min, and in the colour of the layer from t_min to t_max. Inputs at or
    after t_min are late and have a stroke each, of those that fall on one another one; how many synapses they reached
    stands above the row and is what the run counts as late. A pool waits for nothing, and so nothing is late there.

    Parameters
    ----------
    run
        A run with spikes, or first spikes, on a chip or another transport that records hops.
    sample
        Which sample, counted from 0.
    ax
        Axes to draw into; None makes a figure.
    populations
        Names in the order wanted; None draws all.
    time
        (begin, end) of the stretch that is shown, in the run's unit.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        Unknown population or sample, no spikes or no hops recorded, a run from a file without its network.
    """
    log_of("timeline", run, some=True)
    chosen = layers("timeline", run, populations)
    check_sample("timeline", run, sample)
    stretch = checked_stretch("timeline", time)
    everything = traffic_of("timeline", run, int(sample), chosen, carried("timeline", run))
    low, high = stretch or _span(run, int(sample), everything)
    if ax is None:
        ax = new_axes(max((len(chosen) * (LEAST_ROW + line_height()) + AROUND) / 72.0, 0.6 * figure_size()[1]))
    drawable("timeline", ax)
    line = min(line_height() / axes_points(ax)[1], MOST_HEADERS / len(chosen))
    for k, row in enumerate(everything):
        band = Band(k / len(everything) + line, (k + 0.96) / len(everything))
        _shade(ax, row.layer, band, high)
        _bars(ax, row, band)
        draw_header(ax, row.layer.name, row.layer.colour, band, line, _note(row))
    _frame(ax, run, (low, high), margin=0.0 if stretch else 0.01)
    lines = _key(ax, everything)
    n_late = sum(row.n_late for row in everything)
    usual = f"sample {sample}: {n_late:,} inputs late{ended(run, int(sample))}"
    left_title(ax, usual, title, lines)
    return ax


def traffic_of(where: str, run: Run, sample: int, chosen: Sequence[Layer], on: Carried) -> list[Traffic]:
    """Return what each of these layers received and sent. O(n) in the packets of the sample, for each layer."""
    came = deliveries(where, run, sample, on)
    found = []
    for layer in chosen:
        node = on.net.node(layer.name)
        got = arrivals(on.net, on.fabric, came, [one for one in on.net.projections if one.post is node])
        times = np.concatenate([np.empty(0), *(one.times for one in got)])
        synapses = np.concatenate([np.empty(0, dtype=np.int64), *(one.synapses for one in got)])
        waits = isinstance(node, Population) and not node.model.relay and layer.window is not None
        late = times >= (layer.window[-2] if waits and layer.window else math.inf)
        found.append(
            Traffic(
                layer, times, times[late], int(synapses.sum()), int(synapses[late].sum()),
                emissions(run, sample, layer.name)[1], waits,
            )
        )  # fmt: skip
    return found


def _span(run: Run, sample: int, everything: Sequence[Traffic]) -> Stretch:
    """From the first to the last of all windows, inputs and spikes."""
    marks = [float(run.reached[sample])]
    for row in everything:
        marks += [*(row.layer.window or ()), *_ends(row.inputs), *_ends(row.spikes)]
    marks = [t for t in marks if math.isfinite(t)]
    low, high = min(marks, default=0.0), max(marks, default=1.0)
    return low, high if high > low else low + 1.0


def _ends(times: Array) -> tuple[float, ...]:
    return (float(times.min()), float(times.max())) if times.size else ()


def _shade(ax: Axes, layer: Layer, band: Band, high: float) -> None:
    """The ground of a row: until t_min, until t_max, and the borders."""
    if layer.window is None:
        return
    times = [min(t, high) for t in layer.window]
    fire = window_colour(layer.order) if not layer.is_readout else "none"
    for begin, end, colour, gid in (
        (times[0], times[-2], GATHERING, "gathering"), (times[-2], times[-1], fire, "window"),
    ):  # fmt: skip
        if end > begin and colour != "none":
            box = Rectangle((begin, band.top), end - begin, band.bottom - band.top, facecolor=colour, edgecolor="none")
            box.set(zorder=0.5, gid=f"{gid} {layer.name}")
            ax.add_patch(box)
    borders = [t for t in layer.window if math.isfinite(t)]
    ax.vlines(borders, band.top, band.bottom, color=SILENT, linewidth=0.8, zorder=1, gid=f"borders {layer.name}")


def _bars(ax: Axes, row: Traffic, band: Band) -> None:
    """From the first input to the last, from the first spike to the last; late inputs."""
    height = band.bottom - band.top
    for times, lane, colour, gid in (
        (row.inputs, LANES[:2], SILENT, "inputs"), (row.spikes, LANES[2:], row.layer.colour, "spikes"),
    ):  # fmt: skip
        if not times.size:
            continue
        first, last = _ends(times)
        top, tall = band.top + lane[0] * height, (lane[1] - lane[0]) * height
        bar = Rectangle((first, top), last - first, tall, facecolor=colour, edgecolor=colour, linewidth=1.2)
        bar.set(zorder=2, gid=f"{gid} {row.layer.name}")
        ax.add_patch(bar)
        look: dict[str, Any] = {
            "color": "white",
            "linewidth": 1.2,
            "zorder": 3.5,
            "gid": f"median {gid} {row.layer.name}",
        }
        ax.vlines([float(np.median(times))], top, top + tall, **look)
    if row.late.size:
        top, bottom = (band.top + lane * height for lane in (LANES[0] - OVER, LANES[1] + OVER))
        ax.vlines(_apart(row.late), top, bottom, color=LATE, linewidth=0.9, zorder=3, gid=f"late {row.layer.name}")


def _apart(times: Array) -> Array:
    """The first of those that fall into one cell between the first and the last; sorted."""
    times = np.unique(times)
    width = float(times[-1] - times[0])
    if times.size <= CELLS or not width:
        return times
    cell = np.floor((times - times[0]) / width * CELLS).astype(np.int64)
    return times[np.unique(cell, return_index=True)[1]]


def _note(row: Traffic) -> str:
    said = [] if row.layer.is_readout else [_counted(row.spikes.size, "spike")]
    if row.n_synapses:
        inputs = _counted(row.n_synapses, "input")
        said.insert(0, f"{row.n_late:,} of {inputs} late" if row.waits else inputs)
    return ", ".join(said)


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' if n != 1 else ''}"


def _key(ax: Axes, everything: Sequence[Traffic]) -> float:
    """What the marks mean, above; return its height in lines."""
    ax.bar([0], [0], color=SILENT, label="inputs come")
    ax.bar([0], [0], color=INK, label="spikes leave")
    if any(row.late.size for row in everything):
        ax.plot([], [], linestyle="none", marker="|", markersize=9, color=LATE, label="late")
    if any(row.layer.window for row in everything):
        ax.bar([0], [0], color=GATHERING, label="until $t_\\mathrm{min}$")
        ax.bar([0], [0], color=window_colour(1), label="until $t_\\mathrm{max}$")
    return key_above(ax)


def _frame(ax: Axes, run: Run, span: Stretch, margin: float) -> None:
    quieten(ax)
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_color(GRID)
    ax.set_yticks([])
    width = span[1] - span[0]
    ax.set_xlim(span[0] - margin * width, span[1] + margin * width)
    ax.set_ylim(1.01, 0.0)
    ax.set_xlabel(time_label(run))
