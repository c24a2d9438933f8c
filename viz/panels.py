"""Panels of one kind below and beside each other, as many in a row as the user's width has room for.

Used by the figures that have a panel for each layer.
"""

from typing import Any

from eventsim.viz.frame import Array, given_axes
from eventsim.viz.new_figure import figure_size, new_axes

NARROWEST = 1.9  # inches of a panel with its numbers
LOWEST = 2.1  # … with its title


def columns_for(n: int) -> int:
    """Return how many of n panels stand in a row."""
    return max(1, min(n, int(figure_size()[0] // NARROWEST)))


def panels(where: str, ax: Any, n: int) -> Array:
    """Return n axes, (n,): those given or, where that is None, of a new figure."""
    if ax is not None:
        return given_axes(where, ax, (n,))
    n_columns = columns_for(n)
    n_rows = -(-n // n_columns)
    width, height = figure_size()
    panel = max(0.8 * width / n_columns, LOWEST) if n_rows * n_columns > 1 else height
    grid = new_axes(min(panel, height) * n_rows, nrows=n_rows, ncols=n_columns, squeeze=False).ravel()
    for spare in grid[n:]:
        spare.remove()
    return grid[:n]
