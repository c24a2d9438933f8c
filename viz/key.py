"""The key of a figure of curves: above them, in room that the axes give up for it.

The axes are as much lower as the key is high, whenever they are laid out, so that neither a curve nor a neighbour is
below it, with and without a layout engine. Relies on matplotlib's legends. Used by the figures that have curves.
"""

from collections.abc import Callable
from typing import Any

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox, ScaledTranslation

from eventsim.viz.frame import axes_points, line_height, text_points

GAP = 3.0  # points between the key and what is below it
SMALLER = (1.0, 0.85, 0.7)  # sizes of its text that are tried, in units of the user's
WANTED_HEIGHT = 0.25  # of the axes, with which no smaller text is tried
MOST_HEIGHT = 0.6


def key_above(ax: Axes, lines: float = 0.0) -> float:
    """Set the legend of what has a label above the axes, `lines` lines of notes higher; return its height in lines."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    points = 72.0 / figure.dpi
    room = axes_points(ax)
    raised = ScaledTranslation(0.0, (GAP + lines * line_height()) / 72.0, figure.dpi_scale_trans)
    for smaller in SMALLER:
        style: dict[str, Any] = {
            "loc": "lower left",
            "bbox_to_anchor": (0.0, 1.0),
            "bbox_transform": ax.transAxes + raised,
            "frameon": False,
            "fontsize": smaller * text_points(rcParams["legend.fontsize"]),
            "borderaxespad": 0.0,
            "borderpad": 0.0,
            "handlelength": 1.4,
            "handletextpad": 0.5,
            "columnspacing": 1.2,
            "labelspacing": 0.25,
        }
        legend = ax.legend(**style)
        n, gap = len(legend.get_texts()), style["columnspacing"] * style["fontsize"]
        columns = int((room[0] + gap) // (legend.get_window_extent().width * points + gap))
        rows = -(-n // max(columns, 1))
        legend = ax.legend(ncols=-(-n // rows), **style)
        height = legend.get_window_extent().height * points
        if height <= WANTED_HEIGHT * room[1]:
            break
    height += GAP + lines * line_height()
    place = ax.get_axes_locator()
    ax.set_axes_locator(RoomAbove(ax, place.place if isinstance(place, RoomAbove) else place, height))
    return height / line_height()


class RoomAbove:
    """A locator of axes that leaves `height` points above them free, of where `place` has them or else the layout."""

    def __init__(self, ax: Axes, place: Callable[..., Any] | None, height: float) -> None:
        self.ax, self.place, self.height = ax, place, height

    def get_subplotspec(self) -> Any:
        """Return the cell of the axes, which `tight_layout` asks their locator for."""
        return self.ax.get_subplotspec()

    def __call__(self, ax: Any, renderer: Any) -> Bbox:
        """Return where the axes are in their figure."""
        box = ax.get_position(original=True) if self.place is None else self.place(ax, renderer)
        if ax.get_legend() is None:  # the user took it away
            return box
        share = self.height / 72.0 * ax.get_figure(root=True).dpi / ax.get_figure(root=False).bbox.height
        return Bbox.from_extents(box.x0, box.y0, box.x1, box.y1 - min(share, MOST_HEIGHT * box.height))
