"""The floor plan of a chip: which populations live on which core, how full cores are, and what was measured there.

Relies on placements. A core is a square at its place; what is said of each core and link is given as arrays, so that
any report may use it.
"""

import math
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.patches import FancyArrowPatch

from eventsim.checks import integer_array, real_array
from eventsim.errors import InputError, listed
from eventsim.hardware.placement import PlacedNode, Placement
from eventsim.viz.fitted import FittedText
from eventsim.viz.frame import drawable, left_title, note_size, plain_text
from eventsim.viz.key import key_above
from eventsim.viz.new_figure import figure_size, new_axes
from eventsim.viz.palette import INK, SILENT, layer_colour

Array = np.ndarray[Any, Any]
SIDE, NARROW_SIDE = 0.9, 0.66  # of a square, in steps of the mesh; narrow where links are drawn between
WITHIN = 0.94  # of a core's room, where a tile has several
HEAD = 0.26  # of a square, for its numbers
FOOT = 0.16  # of a square, for the colours of its populations where the rest is a shade
STRIP = 0.09  # of a square, for the pools that are at their receivers there
MOST_NUMBERS = 400  # cores that are written into
BESIDE = 0.07  # how far a link is from the line between its cores, so that both directions are seen
STUB = 0.24  # of a step: what is seen of a link that leads round a torus
SHADES = "cividis"
LINK_SHADES = ListedColormap(colormaps["plasma_r"](np.linspace(0.15, 1.0, 256)))  # without what is pale on white
NOTHING = "#F4F4F4"


def floor_plan(
    placement: Placement,
    ax: Axes | None = None,
    *,
    values: Any = None,
    label: str = "",
    links: Any = None,
    link_values: Any = None,
    link_label: str = "",
    title: str | None = None,
) -> Axes:
    """Draw the cores of a chip where they are, coloured by what lives on them.

    A square is filled as far as its core is: of the neurons that it can hold or, where that is unknown, of those that
    the fullest one holds. Above stand the core's number and how many neurons it holds. Pools at their receivers, which
    take no place, are a hatched strip at the right. Cores at one place, those of a tile, stand beside each other there,
    row by row from below.

    Parameters
    ----------
    placement
        What `place` returned.
    ax
        Axes to draw into; None makes a figure.
    values : array (n_cores,)
        A number for each core, in whose shade its square is drawn, such as its utilisation; then the populations are a
        strip at the foot, and the number stands above. NaN: none is known. None: how full cores are.
    label
        What `values` are, beside their scale.
    links : array (n_links, 2)
        Pairs of cores (from, to) that links lead between, drawn as arrows from place to place.
    link_values : array (n_links,)
        A number for each link: its shade and width; NaN is left out.
    link_label
        What `link_values` are.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        No placement, arrays of other lengths, links between cores that there are not.
    """
    if not isinstance(placement, Placement):
        raise InputError(f"floor_plan: placement is a {type(placement).__name__}; must be what place returned. Place.")
    tiles = np.array(placement.positions)
    step = _step(tiles)
    shades = None if values is None else _numbers("values", values, placement.n_cores)
    ends, widths = _links(links, link_values, placement.n_cores)
    tile_side = step * (SIDE if ends is None else NARROW_SIDE)
    corners, side = _squares(tiles, tile_side)
    if ax is None:
        ax = new_axes(_height(tiles, step, (shades is not None) + bool(link_label)))
    drawable("floor_plan", ax)
    _ground(ax, corners, side)
    scale = None if shades is None else _shade(ax, corners, side, shades, label)
    for node in placement.nodes:
        _population(ax, placement, node, corners, side, scale is not None)
    if ends is not None:
        assert widths is not None
        _arrows(ax, tiles, ends, widths, (tile_side, step), link_label)
    if placement.n_cores <= MOST_NUMBERS:
        width = float(np.ptp(tiles[:, 0])) + 1.2 * step
        _written(ax, placement, corners, side, width, shades)
    _frame(ax, placement, tiles, step, corners + side / 2)
    lines = key_above(ax)
    usual = f"{int(placement.loads.neurons.sum()):,} neurons on {placement.used.size} of {placement.n_cores} cores"
    left_title(ax, f"{usual} ({placement.strategy})", title, lines)
    return ax


# -- what is given ----------------------------------------------------------------------------------------------------


def _step(where: Array) -> float:
    """The shortest way between two places along an axis, and so the room of each; 1 of a single one."""
    least = math.inf
    for axis in (0, 1):
        different = np.unique(where[:, axis])
        if different.size > 1:
            least = min(least, float(np.diff(different).min()))
    return least if math.isfinite(least) else 1.0


def _squares(tiles: Array, tile_side: float) -> tuple[Array, float]:
    """The lower left corner of each core's square, (n_cores, 2), and their side; cores at one place share its room."""
    _, tile, count = np.unique(tiles, axis=0, return_inverse=True, return_counts=True)
    tile = tile.ravel()
    order = np.argsort(tile, kind="stable")
    before = np.concatenate(([0], np.cumsum(count)))[tile[order]]
    place = np.empty(len(tiles), dtype=np.int64)
    place[order] = np.arange(len(tiles)) - before
    n = math.ceil(math.sqrt(int(count.max())))
    row, column = np.divmod(place, n)
    room = tile_side / n
    side = room if n == 1 else room * WITHIN
    corner = tiles - tile_side / 2 + room * np.stack([column, row], axis=1) + (room - side) / 2
    return corner, side


def _numbers(name: str, values: Any, n: int) -> Array:
    found = np.asarray(real_array("floor_plan", name, values), dtype=np.float64)
    if found.shape != (n,) or np.isinf(found).any():
        raise InputError(
            f"floor_plan: {name} have shape {found.shape}; must be ({n},) numbers, NaN where none is known. Give one "
            "for each."
        )
    return found


def _links(links: Any, values: Any, n_cores: int) -> tuple[Array | None, Array | None]:
    """The ends of links (n_links, 2), and their numbers (n_links,)."""
    if links is None:
        if values is not None:
            raise InputError("floor_plan: link_values without links; must have both. Give pairs of cores as links.")
        return None, None
    ends = integer_array("floor_plan", "links", links, low=0, high=n_cores - 1, remedy=f"There are {n_cores} cores.")
    if ends.ndim != 2 or ends.shape[1] != 2:
        raise InputError(f"floor_plan: links have shape {ends.shape}; must be (n_links, 2). Give pairs (from, to).")
    return ends, np.ones(len(ends)) if values is None else _numbers("link_values", values, len(ends))


# -- what is drawn ----------------------------------------------------------------------------------------------------


def _boxes(left: Array, low: Array, width: Any, height: Any) -> Any:
    """The corners of rectangles, (n, 4, 2)."""
    right, high = left + width, low + height
    sides = ((left, low), (right, low), (right, high), (left, high))
    return np.stack([np.stack(np.broadcast_arrays(*corner), axis=-1) for corner in sides], axis=1)


def _ground(ax: Axes, corners: Array, side: float) -> None:
    """The square of each core, and a line below its head."""
    boxes = _boxes(corners[:, 0], corners[:, 1], side, side)
    ax.add_collection(PolyCollection(boxes, facecolor=NOTHING, edgecolor="none", zorder=1, gid="cores"))
    outline: dict[str, Any] = {"facecolor": "none", "edgecolor": SILENT, "linewidth": 0.7}
    ax.add_collection(PolyCollection(boxes, zorder=4, **outline))


def _shade(ax: Axes, corners: Array, side: float, values: Array, label: str) -> ScalarMappable:
    """Squares in the shade of their number, and the scale; those without a number stay pale."""
    known = np.isfinite(values)
    boxes = _boxes(corners[known, 0], corners[known, 1] + FOOT * side, side, (1 - HEAD - FOOT) * side)
    shade = PolyCollection(boxes, cmap=SHADES, edgecolor="none", zorder=2, gid="values")
    shade.set_array(values[known])
    if known.any() and np.ptp(values[known]) == 0.0:
        shade.set_clim(min(values[known][0], 0.0), max(values[known][0], 0.0) or 1.0)
    ax.add_collection(shade)
    _scale(ax, shade, label)
    return shade


def _scale(ax: Axes, shades: ScalarMappable, label: str) -> None:
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(shades, ax=ax, label=plain_text(label), shrink=0.8, pad=0.02)
    bar.outline.set_visible(False)


def _population(ax: Axes, placement: Placement, node: PlacedNode, corners: Array, side: float, shaded: bool) -> None:
    """What one population fills of each core, above the populations before it; pools at receivers at the right."""
    inside = node.kind == "relay"
    total = _counted(placement, inside)
    before, here = _stacked(placement, node, inside)
    cores = np.flatnonzero(here)
    if not cores.size:
        return
    if inside:
        most = np.maximum(total[cores], 1)
        room = FOOT if shaded else 1 - HEAD
        left, width, foot = corners[cores, 0] + (1 - STRIP) * side, STRIP * side, room * side
    else:
        limit = placement.limits.neurons
        most = total[cores] if shaded else np.full(cores.size, limit or max(int(total.max()), 1))
        left, width, foot = corners[cores, 0], side, (FOOT if shaded else 1 - HEAD) * side
    low = corners[cores, 1] + foot * before[cores] / most
    boxes = _boxes(left, low, width, foot * here[cores] / most)
    order = placement.nodes.index(node)
    look: dict[str, Any] = {"facecolor": layer_colour(order), "edgecolor": "white", "linewidth": 0.4, "zorder": 2.5}
    if inside:
        look |= {"hatch": "/////", "linewidth": 0.0, "zorder": 3}
    label = plain_text(f"{node.name} (pool)" if inside else node.name)
    ax.add_collection(PolyCollection(boxes, label=label, gid=f"population {node.name}", **look))


def _counted(placement: Placement, inside: bool) -> Array:
    counts: Array = placement.loads.relays if inside else placement.loads.neurons
    return counts


def _stacked(placement: Placement, node: PlacedNode, inside: bool) -> tuple[Array, Array]:
    """Of each core how many neurons of the populations before this one, and of this one, it holds."""
    before, here = (np.zeros(placement.n_cores, dtype=np.int64) for _ in range(2))
    for other in placement.nodes:
        if (other.kind == "relay") != inside:
            continue
        cores = placement.cores(other.name)
        count = np.bincount(cores[cores >= 0], minlength=placement.n_cores)
        if other is node:
            return before, count
        before += count
    return before, here


def _written(ax: Axes, placement: Placement, corners: Array, side: float, width: float, values: Array | None) -> None:
    """In the head of each square its number, and how many neurons it holds or the value that is shown."""
    for core, (x, y) in enumerate(corners.tolist()):
        said = f"{placement.loads.neurons[core]:,}" if placement.loads.neurons[core] else ""
        if values is not None:
            said = value_text(values[core])
        for words, at, look in (
            (str(core), 0.05, {"color": SILENT, "ha": "left"}),
            (said, 0.95, {"color": INK, "ha": "right"}),
        ):
            text = _Number(
                x + at * side, y + (1 - HEAD / 2) * side, words, HEAD * side, 0.55 * side / width, va="center",
                fontsize=note_size(), zorder=5, **look,
            )  # fmt: skip
            ax.add_artist(text)


class _Number(FittedText):
    """A number in a square; nothing where the square is too small for one that can be read."""

    LEAST = 4.0  # points

    def draw(self, renderer: Any) -> None:
        """Draw it if it can be read."""
        self._fit(renderer)
        if float(self.get_fontsize()) >= self.LEAST:
            super().draw(renderer)


def value_text(value: float) -> str:
    """Return a number in few letters; "" where none is known.

    >>> value_text(0.1234), value_text(1234.5), value_text(float("nan"))
    ('0.12', '1,234', '')
    """
    if not math.isfinite(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:.2g}"


def _arrows(ax: Axes, where: Array, ends: Array, values: Array, sizes: tuple[float, float], label: str) -> None:
    """Links as arrows from square to square, beside the line between them."""
    side, step = sizes
    known = np.isfinite(values)
    scale = Normalize(values[known].min(initial=0.0), values[known].max(initial=0.0) or 1.0)
    shades = ScalarMappable(scale, LINK_SHADES)
    for (start, end), value in zip(ends[known].tolist(), values[known].tolist(), strict=True):
        look: dict[str, Any] = {"color": shades.to_rgba(value), "linewidth": 0.6 + 2.4 * float(scale(value))}
        for tail, tip, bent in _ways(where, start, end, side, step):
            arrow = FancyArrowPatch(
                tail, tip, arrowstyle="-|>,head_length=0.35,head_width=0.2", connectionstyle=f"arc3,rad={bent}",
                shrinkA=0, shrinkB=0, mutation_scale=9, zorder=3.5, gid=f"link {start} {end}", **look,
            )  # fmt: skip
            ax.add_patch(arrow)
    if label:
        _scale(ax, shades, label)


def _ways(where: Array, start: int, end: int, side: float, step: float) -> list[tuple[Any, Any, float]]:
    """The arrows of a link, each its tail, tip and bend: one, or two where a torus joins opposite borders."""
    along = where[end] - where[start]
    length = float(np.hypot(*along))
    if not length:
        return []
    along = along / length
    beside = np.array([along[1], -along[0]]) * BESIDE * step
    reach = side / 2 / max(abs(along[0]), abs(along[1])) * along
    borders = [{float(where[:, axis].min()), float(where[:, axis].max())} for axis in (0, 1)]
    if length > 1.5 * step and any(
        abs(along[axis]) == 1.0 and {where[start, axis], where[end, axis]} == borders[axis] for axis in (0, 1)
    ):
        out = STUB * step * along
        left, entered = where[start] - reach - beside, where[end] + reach - beside  # the way round is the other way
        return [(tuple(left), tuple(left - out), 0.0), (tuple(entered + out), tuple(entered), 0.0)]
    tail, tip = where[start] + reach + beside, where[end] - reach + beside
    return [(tuple(tail), tuple(tip), 0.0 if length <= 1.5 * step else 0.25)]


def _frame(ax: Axes, placement: Placement, where: Array, step: float, middles: Array) -> None:
    """Squares that are square, no axes; what is off the chip is said below; under the pointer, what a core holds."""
    (left, low), (right, high) = where.min(axis=0), where.max(axis=0)
    ax.set(xlim=(left - 0.6 * step, right + 0.6 * step), ylim=(low - 0.6 * step, high + 0.6 * step), aspect="equal")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    off = [node.name for node in placement.nodes if (placement.cores(node.name) < 0).any()]
    if off:
        ax.set_xlabel(f"off the chip: {plain_text(listed(off))}", loc="left", fontsize=note_size(), color=INK)

    def under_pointer(x: float, y: float) -> str:
        near = int(np.argmin(np.abs(middles - (x, y)).max(axis=1)))
        held = [f"{one.population} {one.first}..{one.last}" for one in placement.on_core(near)]
        return f"core {near}: {listed(held, 4) or 'free'}"

    ax.format_coord = under_pointer  # type: ignore[method-assign]


def _height(where: Array, step: float, n_scales: int) -> float:
    """Of a new figure, in inches: as much as the squares ask for at the width that scales leave of the user's."""
    width, usual = figure_size()
    columns, rows = (float(np.ptp(where[:, axis])) / step + 1.2 for axis in (0, 1))
    return min(max((0.96 - 0.15 * n_scales) * width * rows / columns + 0.9, 0.45 * usual), 2.0 * width)
