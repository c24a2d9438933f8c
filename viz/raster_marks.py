"""What a raster draws of a layer besides its density: spikes as strokes, rings, the silent, read-outs, the header.

Relies on the rows of a raster. Sizes of marks follow from the room that they have. Used by the raster.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from eventsim.run.run import Run
from eventsim.viz.fitted import FittedMarks, FittedText, Mark, Scale
from eventsim.viz.frame import note_size
from eventsim.viz.palette import INK, SILENT
from eventsim.viz.raster_rows import Band, Rows, counted_indices

MOST_RINGS = 1_000
MOST_CELLS = 240  # of the strip of silent neurons
STRIP = (1.006, 1.022)  # left and right border of that strip, in widths of the axes
INKED = 0.3  # of a band, by strokes, at most: more would be a black field
MOST_NAMED = 6
LONGEST_NAME = 32


def strokes(band: Band, n_rows: int, n_spikes: int) -> Callable[[Scale], Mark]:
    """Return how large a stroke is: about as high as its row, and never so large that strokes run together.

    A few spikes may be drawn higher than their rows, which leaves them apart and makes them easier to see.
    """

    def fit(scale: Scale) -> Mark:
        height = (band.bottom - band.top) * scale.unit
        room = scale.width * height / max(n_spikes, 1)  # of one spike, in square points
        apart = min(4.5, 0.4 * room**0.5, 0.12 * height)
        size = min(max(0.85 * height / n_rows, apart, 1.0), 14.0)
        return Mark(size, max(min(max(0.3 * size, 0.7), 1.4, INKED * room / size), 0.2))

    return fit


def rings(band: Band, n_rows: int, n_spikes: int) -> Callable[[Scale], Mark]:
    """Return how large a ring around a stroke is."""
    stroke = strokes(band, n_rows, n_spikes)

    def fit(scale: Scale) -> Mark:
        return Mark(min(max(1.6 * stroke(scale).size, 5.0), 14.0), 0.9)

    return fit


def draw_spikes(ax: Axes, rows: Rows, band: Band) -> None:
    """One stroke a spike."""
    ax.add_line(
        FittedMarks(
            rows.times, band.middle(rows.row, rows.n_rows), strokes(band, rows.n_rows, rows.times.size), marker="|",
            color=rows.layer.colour, rasterized=rows.times.size > 5_000, gid=f"spikes {rows.layer.name}",
        )
    )  # fmt: skip


def draw_premature(ax: Axes, rows: Rows, band: Band) -> int:
    """A ring around each spike before t_min; return how many there are. Thousands are counted only."""
    window = rows.layer.fire_window(rows.times)
    early = np.flatnonzero(rows.times < window[0]) if window is not None else np.empty(0, dtype=np.int64)
    if 0 < early.size <= MOST_RINGS:
        ax.add_line(
            FittedMarks(
                rows.times[early], band.middle(rows.row[early], rows.n_rows),
                rings(band, rows.n_rows, rows.times.size), marker="o", markerfacecolor="none", color=INK, zorder=3,
                gid=f"premature {rows.layer.name}",
            )
        )  # fmt: skip
    return int(early.size)


def draw_silent(ax: Axes, rows: Rows, band: Band) -> int:
    """The strip right of the axes, grey at the rows without a spike; return how many these are."""
    silent = rows.silent
    cells = min(rows.n_rows, MOST_CELLS)
    place = np.arange(rows.n_rows) * cells // rows.n_rows
    share = np.bincount(place, weights=silent, minlength=cells) / np.bincount(place, minlength=cells)
    # The square root, since one silent neuron among many must be seen too.
    shade = np.sqrt(share)[:, np.newaxis]
    edges = np.linspace(band.top, band.bottom, cells + 1)
    ax.pcolormesh(
        np.array(STRIP), edges, shade, cmap=LinearSegmentedColormap.from_list("", ["#F7F7F7", SILENT]),
        vmin=0.0, vmax=1.0, transform=ax.get_yaxis_transform(), clip_on=False, rasterized=True,
        gid=f"silent {rows.layer.name}",
    )  # fmt: skip
    return int(np.count_nonzero(silent))


def draw_readout(ax: Axes, run: Run, rows: Rows, band: Band) -> str:
    """A line at the read-out time, in each sample's block a star at the largest potential; return what they say."""
    assert rows.layer.window is not None
    t = rows.layer.window[1]
    gid = f"read-out {rows.layer.name}"
    ax.plot([t, t], [band.top, band.bottom], color=rows.layer.colour, linewidth=1.5, gid=gid)
    best = []
    for block, sample in enumerate(rows.samples):
        potentials = run.readout[sample]
        if potentials.size != rows.layer.size or any(v != v for v in potentials):
            return "read-out"
        best.append(max(range(rows.layer.size), key=potentials.__getitem__))
        shown = np.flatnonzero(rows.neurons == best[-1])
        height = band.middle(block * rows.neurons.size + shown, rows.n_rows)
        size = 0.8 * (band.bottom - band.top) / len(rows.samples)

        def star(scale: Scale, size: float = size) -> Mark:
            return Mark(min(max(size * scale.unit, 5.0), 11.0), 0.6)

        ax.add_line(
            FittedMarks(
                np.full(shown.size, t), height, star, marker="*", color=rows.layer.colour, markeredgecolor="white",
                clip_on=False, zorder=4, gid=f"largest {rows.layer.name}",
            )
        )  # fmt: skip
    if len(best) > MOST_NAMED:
        return "read-out"
    return f"read-out: neuron{'s' if len(best) > 1 else ''} {', '.join(map(str, best))}"


def note(rows: Rows, n_silent: int | None, n_premature: int, readout: str) -> str:
    """Return what a header says at its right end: which neurons are shown, how many are silent, how many early."""
    parts = []
    if rows.neurons.size < rows.layer.size:
        which = counted_indices(rows.neurons)
        plural = "s" if rows.neurons.size > 1 else ""
        parts.append(f"neuron{plural} {which}" if which else f"{rows.neurons.size:,} of {rows.layer.size:,} neurons")
    if readout:
        parts.append(readout)
    if n_silent is not None:
        n, times = rows.neurons.size, len(rows.samples)
        all_rows = f"{n:,}" if times == 1 else f"{times:,} × {n:,}"
        in_samples = n == 1 and times > 1
        parts.append(f"silent in {n_silent:,} of {times:,}" if in_samples else f"{n_silent:,} of {all_rows} silent")
    if n_premature:
        parts.append(f"{n_premature:,} premature")
    return ", ".join(parts)


def draw_header(ax: Axes, whole: str, colour: str, band: Band, height: float, text: str) -> None:
    """The name of a layer, or of what has a band, above it at the left, and a note at the right: inside the axes."""
    name = whole
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME // 2]}…{name[-LONGEST_NAME // 2 + 1 :]}"
    length = len(name) * 1.1 + len(text) + 2  # bold letters are wider
    style: dict[str, Any] = {
        "transform": ax.get_yaxis_transform(),
        "verticalalignment": "bottom",
        "fontsize": note_size(),
        "parse_math": False,
        "clip_on": True,
    }
    for x, side, words, share, look in (
        (0.0, "left", name, len(name) * 1.1 / length, {"color": colour, "fontweight": "bold"}),
        (1.0, "right", text, len(text) / length, {"color": INK}),
    ):
        label = FittedText(x, band.top, words, height, share, horizontalalignment=side, **look, **style)
        label.set_gid(f"{'name' if side == 'left' else 'note'} {whole}")
        ax.add_artist(label)
