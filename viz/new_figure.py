"""New figures: pyplot's own where the user looks at figures, and nobody's where they are only saved.

Whoever has imported pyplot, or works in a notebook, sees a figure that pyplot knows: as the output of a cell, or in a
window after ``plt.show()``. Everybody else has one that needs no display, costs no import of pyplot and is gone with
its last name, so that a script may draw a thousand. Size and fonts are those of ``matplotlib.rcParams``. Used by every
figure.
"""

import sys
from typing import Any

from matplotlib import rcParams
from matplotlib.figure import Figure


def is_seen() -> bool:
    """Has pyplot been imported, or is this process the kernel of a notebook?"""
    if "matplotlib.pyplot" in sys.modules:
        return True
    ipython = sys.modules.get("IPython")
    return getattr(getattr(ipython, "get_ipython", lambda: None)(), "kernel", None) is not None


def figure_size() -> tuple[float, float]:
    """Return the width and height, in inches, that figures of this user have."""
    width, height = rcParams["figure.figsize"]
    return float(width), float(height)


def new_figure(height: float | None = None) -> Figure:
    """Return an empty figure of the user's width, and of the user's height where `height` (inches) is None."""
    width, usual = figure_size()
    shape: dict[str, Any] = {"figsize": (width, usual if height is None else height), "layout": "constrained"}
    if not is_seen():
        return Figure(**shape)
    from matplotlib import pyplot as plt  # here alone: whoever only saves pictures does not pay for it

    return plt.figure(**shape)


def new_axes(height: float | None = None, **grid: Any) -> Any:
    """Return the axes of a new figure, or an array of them as `Figure.subplots` has it."""
    return new_figure(height).subplots(**grid)
