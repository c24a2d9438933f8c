"""Marks and texts that are fitted to their axes each time they are drawn, however large these have become.

A size in points that was right when a figure was made is wrong once it is resized, saved smaller, or zoomed into. So
sizes are worked out when an artist is drawn or measured. Relies on matplotlib's artists alone; used by the raster.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from matplotlib.artist import allow_rasterization
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox


class Scale(NamedTuple):
    """How large axes are.

    Attributes
    ----------
    width
        Of the axes, in points.
    unit
        Points that a difference of 1 on the y axis has.
    """

    width: float
    unit: float


class Mark(NamedTuple):
    """Size and thickness of a mark, in points."""

    size: float
    edge: float


def scale_of(artist: Any) -> Scale:
    """Return the scale of the axes that an artist is drawn on, as they are now."""
    axes = artist.axes
    points = 72.0 / axes.get_figure(root=True).dpi
    low, high = axes.get_ylim()
    return Scale(axes.bbox.width * points, axes.bbox.height * points / abs(high - low))


class FittedMarks(Line2D):
    """Marks whose size follows from the scale of their axes: `fit(scale)` says it."""

    def __init__(self, x: Any, y: Any, fit: Callable[[Scale], Mark], **style: Any) -> None:
        super().__init__(x, y, linestyle="none", **style)
        self._fit_to = fit

    def _fit(self) -> None:
        mark = self._fit_to(scale_of(self))
        # Only what differs is set: a change asks windows to draw again.
        if (self.get_markersize(), self.get_markeredgewidth()) != mark:
            self.set_markersize(mark.size)
            self.set_markeredgewidth(mark.edge)

    @allow_rasterization  # type: ignore[untyped-decorator]  # as matplotlib has it
    def draw(self, renderer: Any) -> None:
        """Draw the marks in the size that the axes ask for."""
        self._fit()
        super().draw(renderer)

    def get_window_extent(self, renderer: Any = None) -> Bbox:
        """Return what the marks cover, in pixels."""
        self._fit()
        return super().get_window_extent(renderer)


class FittedText(Text):
    """A line of text in `height` units of the y axis and, at most, a share of the width; never larger than its font."""

    SMALLEST = 1.0  # points, of axes that are too small for any text
    TRIES = 4  # letters are drawn on whole pixels: half the size is not half the width

    def __init__(self, x: float, y: float, text: str, height: float, share: float, **style: Any) -> None:
        super().__init__(x, y, text, **style)
        self._largest, self._height, self._share = float(self.get_fontsize()), height, share

    def _fit(self, renderer: Any) -> None:
        scale = scale_of(self)
        size = min(self._largest, 0.72 * self._height * scale.unit)
        self._set_size(size)
        room = self._share * scale.width / 72.0 * self.axes.get_figure(root=True).dpi  # type: ignore[union-attr]
        for _ in range(self.TRIES):
            width = super().get_window_extent(renderer).width
            if width <= room:
                break
            size *= 0.98 * room / width
            self._set_size(size)

    def _set_size(self, size: float) -> None:
        size = max(size, self.SMALLEST)
        if abs(size - float(self.get_fontsize())) > 1e-3:
            self.set_fontsize(size)

    def draw(self, renderer: Any) -> None:
        """Draw the text in the size that the axes leave for it."""
        self._fit(renderer)
        super().draw(renderer)

    def get_window_extent(self, renderer: Any = None, dpi: float | None = None) -> Bbox:
        """Return what the text covers, in pixels."""
        if dpi is None:
            self._fit(renderer)
        return super().get_window_extent(renderer, dpi)
