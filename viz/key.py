"""The key of a figure of curves: above them, in room that the axes give up for it.

The axes are as much lower as the key is high, whenever they are laid out, so that neither a curve nor a neighbour is
below it, with and without a layout engine. Relies on matplotlib's legends. Used by the figures that have curves.
"""

from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.transforms import Bbox, ScaledTranslation

from eventsim.viz.frame import line_height

GAP = 3.0  # points between the key and what is below it
MOST_HEIGHT = 0.4  # of the axes


def key_above(ax: Axes, lines: float = 0.0) -> float:
    """Set the legend of what has a label above the axes, `lines` lines of notes higher; return its height in lines."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    points = 72.0 / figure.dpi
    lift = ScaledTranslation(0.0, (GAP + lines * line_height()) / 72.0, figure.dpi_scale_trans)
    style: dict[str, Any] = {
        "loc": "lower left",
        "bbox_to_anchor": (0.0, 1.0),
        "bbox_transform": ax.transAxes + lift,
        "frameon": False,
        "borderaxespad": 0.0,
        "borderpad": 0.0,
        "handlelength": 1.4,
        "handletextpad": 0.5,
        "columnspacing": 1.2,
        "labelspacing": 0.25,
    }
    legend = ax.legend(**style)
    n = len(legend.get_texts())
    width = legend.get_window_extent().width * points
    columns = min(max(int(ax.bbox.width * points // (width + 0.5 * line_height())), 1), n)
    legend = ax.legend(ncols=-(-n // -(-n // columns)), **style)
    height = legend.get_window_extent().height * points + GAP + lines * line_height()
    ax.set_axes_locator(room_above(ax.get_axes_locator(), height))
    return height / line_height()


def room_above(place: Callable[..., Any] | None, height: float) -> Callable[..., Any]:
    """Return a locator that leaves `height` points above the axes free, of where `place` has them or the layout."""

    def locator(ax: Any, renderer: Any) -> Bbox:
        box = ax.get_position(original=True) if place is None else place(ax, renderer)
        figure = ax.get_figure(root=False)
        share = height / 72.0 * ax.get_figure(root=True).dpi / figure.bbox.height
        return Bbox.from_extents(box.x0, box.y0, box.x1, box.y1 - min(share, MOST_HEIGHT * box.height))

    return locator
