"""Many spikes as an image: the rate in each cell of time and rows, and the scale of its shades.

One scale serves all layers of a raster. Relies on the rows of a raster. Used by the raster.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm, to_rgb
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from eventsim.viz.frame import note_size
from eventsim.viz.layers import Array
from eventsim.viz.palette import INK
from eventsim.viz.raster_rows import Band, Rows
from eventsim.viz.selection import Stretch

COLUMNS, ROWS = 480, 240  # cells of the image; finer would be noise on paper and swell the file
SHADES = 6  # as few as the eye needs: an image of few shades is a small file


class Density(NamedTuple):
    """The rates of a layer's cells, (rows, COLUMNS): spikes a unit of time and neuron."""

    rows: Rows
    band: Band
    rates: Array


def density(rows: Rows, band: Band, span: Stretch, unit: float) -> Density:
    """Count the spikes in cells of time and rows; `unit` is the number of seconds in a unit of time, or 1."""
    n_cells = max(1, min(rows.n_rows, round(ROWS * (band.bottom - band.top))))
    low, high = span
    column = np.minimum(((rows.times - low) * (COLUMNS / (high - low))).astype(np.int64), COLUMNS - 1)
    cell = rows.row.astype(np.int64) * n_cells // rows.n_rows
    counts = np.bincount(cell * COLUMNS + column, minlength=n_cells * COLUMNS).reshape(n_cells, COLUMNS)
    inside = np.bincount(np.arange(rows.n_rows) * n_cells // rows.n_rows, minlength=n_cells)
    return Density(rows, band, counts / (inside[:, np.newaxis] * ((high - low) / COLUMNS * unit)))


def common_scale(found: Sequence[Density]) -> LogNorm:
    """Return the scale of the rates of all populations; sources, which may be far above it, have its ends."""
    some = [one for one in found if not one.rows.layer.is_source] or found
    rates = np.concatenate([one.rates[one.rates > 0] for one in some])
    low, high = (float(rates.min()), float(rates.max())) if rates.size else (1.0, 10.0)
    return LogNorm(low, max(high, 1.001 * low), clip=True)


def shades(colour: str) -> Colormap:
    """Return shades of one colour, the first pale; where there is no spike, nothing is drawn."""
    return ListedColormap([(*to_rgb(colour), (k + 1) / SHADES) for k in range(SHADES)]).with_extremes(bad=(0, 0, 0, 0))


def draw_density(ax: Axes, one: Density, span: Stretch, scale: LogNorm) -> None:
    """The image of one layer."""
    ax.imshow(
        np.ma.masked_equal(one.rates, 0.0), extent=(*span, one.band.bottom, one.band.top), origin="upper",
        aspect="auto", interpolation="nearest", cmap=shades(one.rows.layer.colour), norm=scale, zorder=2,
        gid=f"spikes {one.rows.layer.name}",
    )  # fmt: skip


def draw_scale(ax: Axes, scale: LogNorm, top: float, height: float, label: str) -> None:
    """The scale of the shades, in a strip of this height inside the axes, with what it is a scale of left of it."""
    x, width = 0.62, 0.36
    bar = ax.inset_axes((x, top + 0.3 * height, width, 0.24 * height), transform=ax.get_yaxis_transform())
    bar.set_gid("scale")
    mappable = ScalarMappable(scale, shades(INK))
    figure = ax.get_figure(root=True)
    assert figure is not None
    assert scale.vmin is not None
    assert scale.vmax is not None
    figure.colorbar(mappable, cax=bar, orientation="horizontal")
    decades = math.log10(scale.vmax / scale.vmin)
    bar.xaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > 1 else (1.0, 2.0, 5.0), numticks=5))
    bar.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    bar.xaxis.set_minor_locator(NullLocator())
    bar.tick_params(labelsize=0.85 * note_size(), length=2, pad=1.5)
    ax.text(
        x - 0.02, top + 0.42 * height, label, transform=ax.get_yaxis_transform(), ha="right", va="center",
        fontsize=note_size(), color=INK, gid="scale label",
    )  # fmt: skip
