"""Raster: who fired when, layer by layer, and who did not fire.

Relies on the run's spikes and windows. A few spikes are drawn as marks, many as one image a layer, so that neither
time nor file size grows with their number.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Rectangle

from eventsim.checks import integer
from eventsim.run.run import Run
from eventsim.viz.frame import drawable, left_title, new_axes, quieten, time_label
from eventsim.viz.layers import Array, Layer, check_sample, ended, layers, spikes_of
from eventsim.viz.palette import GRID, INK, SILENT, window_colour

GAP = 0.18  # between two layers, in mean layer heights
LEAST_SHARE = 0.35  # a layer is at least this much of the mean layer height, so that ten outputs can be seen
COLUMNS, ROWS = 480, 240  # cells of the image; finer would be noise on paper and swell the file
MOST_RINGS = 1_000
SHADES = 6  # as few as the eye needs: an image of few shades is a small file
STRIP = (1.006, 1.022)  # left and right border of the strip of silent neurons, in widths of the axes


class Band(NamedTuple):
    """Where a layer's rows are, from top (neuron 0) to bottom; y grows downwards."""

    top: float
    bottom: float

    def row(self, neuron: Array, size: int) -> Array:
        """Return the height of the middle of a neuron's row."""
        return self.top + (neuron + 0.5) / size * (self.bottom - self.top)


def raster(
    run: Run,
    sample: int = 0,
    ax: Axes | None = None,
    max_points: int = 20_000,
    populations: Iterable[str] | None = None,
) -> Axes:
    """Draw one sample's spikes, a row for each neuron, the first layer on top.

    Each layer's rows are coloured, and its fire window [t_min, t_max] is shaded. The strip at the right edge is grey
    at the rows of silent neurons, and says how many there are. Spikes before t_min, which are premature, have a ring.
    A layer's height is proportional to the square root of its size. Read-outs never fire: their read-out time is drawn,
    and the neuron with the largest potential.

    Parameters
    ----------
    run
        A run recorded with "spikes"; of one recorded with "first_spikes" the first spikes are drawn, and of one that
        recorded some populations only these.
    sample
        Which sample, counted from 0.
    ax
        Axes to draw into; None makes a figure, which is ``raster(run).figure``.
    max_points
        How many spikes are drawn as marks at most. The layers with the most spikes become images, darker where there
        are more.
    populations
        Names in the order wanted; None draws all.

    Raises
    ------
    InputError
        Unknown population or sample, spikes not recorded, max_points < 0.
    """
    chosen = layers("raster", run, populations, recorded=True)
    check_sample("raster", run, sample)
    integer("raster", "max_points", max_points, low=0, remedy="0 always draws images.")
    spikes = spikes_of(run, sample)
    mine = [spikes.population == layer.order for layer in chosen]
    times = [spikes.time[here] for here in mine]
    neurons = [spikes.neuron[here] for here in mine]
    n_spikes = sum(t.size for t in times)
    marked = _drawn_as_marks(chosen, times, max_points)

    ax = new_axes(8.0, 3.2 + 0.35 * len(chosen)) if ax is None else drawable("raster", ax)
    bands = stack([layer.size for layer in chosen])
    span = time_span(run, sample, chosen, times)
    for layer, band, t, neuron in zip(chosen, bands, times, neurons, strict=True):
        _shade(ax, layer, band, t, span)
        if layer.is_readout:
            _draw_readout(ax, run, sample, layer, band)
            continue
        if layer.order in marked:
            _draw_marks(ax, layer, band, t, neuron)
        else:
            _draw_image(ax, layer, band, t, neuron, span)
        _draw_silent(ax, layer, band, neuron, _draw_premature(ax, layer, band, t, neuron))
    _label(ax, chosen, bands, span)
    if not all(layer.is_readout for layer in chosen):
        ax.annotate(
            "grey: silent", (STRIP[0], 0.0), xycoords=ax.get_yaxis_transform(), xytext=(0, 4),
            textcoords="offset points", va="bottom", fontsize="x-small", color=INK, gid="caption",
        )  # fmt: skip
    ax.set_xlabel(time_label(run))
    left_title(ax, f"sample {sample}: {n_spikes:,} spikes{ended(run, sample)}")
    return ax


def stack(sizes: list[int]) -> list[Band]:
    """Share the heights 0 to 1 among layers of these sizes, one below the other with gaps."""
    heights = np.sqrt(np.asarray(sizes, dtype=np.float64))
    heights = np.maximum(heights, LEAST_SHARE * heights.mean())
    gap = GAP * heights.mean()
    bottoms = np.cumsum(heights + gap) - gap
    return [
        Band(float(bottom - height) / bottoms[-1], float(bottom) / bottoms[-1])
        for bottom, height in zip(bottoms, heights, strict=True)
    ]


def _drawn_as_marks(chosen: list[Layer], times: list[Array], max_points: int) -> set[int]:
    """The layers with fewest spikes, as many as have no more than max_points in all."""
    marked, total = set(), 0
    for layer, t in sorted(zip(chosen, times, strict=True), key=lambda pair: pair[1].size):
        total += t.size
        if total <= max_points:
            marked.add(layer.order)
    return marked


def time_span(run: Run, sample: int, chosen: list[Layer], times: list[Array]) -> tuple[float, float]:
    """From the first to the last time that any of these layers has something to show, or was simulated."""
    marks = [0.0] if all(layer.window is None for layer in chosen) else []
    done = float(run.reached[sample])
    marks += [done] if math.isfinite(done) else []
    for layer, t in zip(chosen, times, strict=True):
        marks += layer.fire_window(t) or ()
        marks += [layer.window[1]] if layer.is_readout and layer.window else []
        marks += [float(t.min()), float(t.max())] if t.size else []
    low, high = min(marks, default=0.0), max(marks, default=1.0)
    return low, high if high > low else max(low + 1.0, 2.0 * low)


def _shade(ax: Axes, layer: Layer, band: Band, times: Array, span: tuple[float, float]) -> None:
    """A pale ground for the rows, darker inside the fire window."""
    height = band.bottom - band.top
    low, high = span
    ground = Rectangle((low, band.top), high - low, height, facecolor="#F7F7F7", edgecolor="none", zorder=0)
    ax.add_patch(ground)
    window = layer.fire_window(times)
    if window is not None:
        shade = Rectangle(
            (window[0], band.top), window[1] - window[0], height, facecolor=window_colour(layer.order),
            edgecolor="none", zorder=0.5,
        )  # fmt: skip
        shade.set_gid(f"window {layer.name}")
        ax.add_patch(shade)


def _draw_marks(ax: Axes, layer: Layer, band: Band, times: Array, neurons: Array) -> None:
    """One mark a spike, about as high as its row."""
    row = (band.bottom - band.top) / layer.size * ax.bbox.height * 72.0 / ax.figure.dpi
    # A few spikes may be drawn higher than their rows, which leaves them apart and makes them easier to see.
    height = max(row, min(4.5, 60.0 / max(times.size, 1) ** 0.5))
    ax.plot(
        times, band.row(neurons, layer.size), linestyle="none", marker="|", color=layer.colour,
        markersize=min(max(0.9 * height, 2.0), 9.0), markeredgewidth=min(max(0.3 * height, 0.7), 1.4),
        rasterized=times.size > 5_000, gid=f"spikes {layer.name}",
    )  # fmt: skip


def _draw_image(ax: Axes, layer: Layer, band: Band, times: Array, neurons: Array, span: tuple[float, float]) -> None:
    """Counts of spikes in cells of time and rows; the shade grows with the logarithm of the count."""
    rows = max(1, min(layer.size, round(ROWS * (band.bottom - band.top))))
    low, high = span
    column = np.minimum(((times - low) * (COLUMNS / (high - low))).astype(np.int64), COLUMNS - 1)
    row = neurons.astype(np.int64) * rows // layer.size
    counts = np.bincount(row * COLUMNS + column, minlength=rows * COLUMNS).reshape(rows, COLUMNS)
    strength = np.log1p(counts) / np.log1p(max(counts.max(), 1))
    pixels = np.zeros((rows, COLUMNS, 4))
    pixels[..., :3] = to_rgb(layer.colour)
    pixels[..., 3] = np.ceil(strength * SHADES) / SHADES
    ax.imshow(
        pixels, extent=(low, high, band.bottom, band.top), origin="upper", aspect="auto", interpolation="nearest",
        zorder=2, gid=f"spikes {layer.name}",
    )  # fmt: skip


def _draw_premature(ax: Axes, layer: Layer, band: Band, times: Array, neurons: Array) -> int:
    """A ring around each spike before t_min; return how many there are. Thousands are counted only."""
    window = layer.fire_window(times)
    early = np.flatnonzero(times < window[0]) if window is not None else np.empty(0, dtype=np.int64)
    if 0 < early.size <= MOST_RINGS:
        ax.plot(
            times[early], band.row(neurons[early], layer.size), linestyle="none", marker="o", markersize=8,
            markerfacecolor="none", color=INK, markeredgewidth=0.9, zorder=3, clip_on=False,
            gid=f"premature {layer.name}",
        )  # fmt: skip
    return int(early.size)


def _draw_silent(ax: Axes, layer: Layer, band: Band, neurons: Array, n_premature: int) -> None:
    """The strip right of the axes: grey where neurons are silent; beside it how many they are, and how many early."""
    silent = np.ones(layer.size, dtype=bool)
    silent[neurons] = False
    cells = min(layer.size, ROWS)
    place = np.arange(layer.size) * cells // layer.size
    share = np.bincount(place, weights=silent, minlength=cells) / np.bincount(place, minlength=cells)
    # The square root, since one silent neuron among many must be seen too.
    shade = np.sqrt(share)[:, np.newaxis]
    edges = np.linspace(band.top, band.bottom, cells + 1)
    ax.pcolormesh(
        np.array(STRIP), edges, shade, cmap=LinearSegmentedColormap.from_list("", ["#F7F7F7", SILENT]),
        vmin=0.0, vmax=1.0, transform=ax.get_yaxis_transform(), clip_on=False, rasterized=True,
        gid=f"silent {layer.name}",
    )  # fmt: skip
    early = f"\n{n_premature:,} premature" if n_premature else ""
    _note(ax, band, f"{np.count_nonzero(silent):,} of {layer.size:,} silent{early}")


def _draw_readout(ax: Axes, run: Run, sample: int, layer: Layer, band: Band) -> None:
    """A line at the read-out time, and the neuron with the largest potential."""
    assert layer.window is not None
    t = layer.window[1]
    ax.plot([t, t], [band.top, band.bottom], color=layer.colour, linewidth=1.5, gid=f"read-out {layer.name}")
    potentials = run.readout[sample]
    if potentials.size != layer.size or any(v != v for v in potentials):
        _note(ax, band, "read-out")
        return
    best = max(range(layer.size), key=potentials.__getitem__)
    ax.plot(
        t, band.row(np.array(best), layer.size), marker="*", markersize=11, color=layer.colour,
        markeredgecolor="white", clip_on=False, zorder=4,
    )  # fmt: skip
    _note(ax, band, f"read-out: neuron {best}")


def _note(ax: Axes, band: Band, text: str) -> None:
    ax.text(
        STRIP[1] + 0.01, (band.top + band.bottom) / 2, text, transform=ax.get_yaxis_transform(), va="center",
        fontsize="small", color=INK,
    )  # fmt: skip


def _label(ax: Axes, chosen: list[Layer], bands: list[Band], span: tuple[float, float]) -> None:
    """Layer names instead of heights; under the pointer, which layer and neuron it is."""
    quieten(ax)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_yticks([(band.top + band.bottom) / 2 for band in bands], [layer.name for layer in chosen])
    for label, layer in zip(ax.get_yticklabels(), chosen, strict=True):
        label.set_color(layer.colour)
        label.set_fontweight("bold")
    margin = 0.01 * (span[1] - span[0])
    ax.set_xlim(span[0] - margin, span[1] + margin)
    ax.set_ylim(1.01, -0.01)
    ax.set_aspect("auto")
    ax.spines["bottom"].set_color(GRID)

    def under_pointer(x: float, y: float) -> str:
        for layer, band in zip(chosen, bands, strict=True):
            if band.top <= y < band.bottom:
                return f"{layer.name}, neuron {int((y - band.top) / (band.bottom - band.top) * layer.size)}, t = {x:g}"
        return f"t = {x:g}"

    ax.format_coord = under_pointer  # type: ignore[method-assign]
