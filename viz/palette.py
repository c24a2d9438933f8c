"""Colours: one for each layer, in the order of populations, and one for each cause of a difference.

Relies on matplotlib's colour conversion. Used by every figure, so that a layer has the same colour in all of them.
The hues are those of M. Okabe and K. Ito (Color Universal Design, 2008), which readers with any kind of colour
blindness can tell apart; `tests/test_viz.py` holds that. No figure relies on colour alone.
"""

from matplotlib.colors import to_hex, to_rgb

INK = "#333333"
SILENT = "#8C8C8C"
GRID = "#D0D0D0"
# What lifts a potential and what lowers it; arrows and bars say it too, by where they point.
RISING, FALLING = "#0072B2", "#D55E00"
# The first is for what is mostly the input. After the last the colours begin again, so that neighbours always differ.
LAYERS = ("#4D4D4D", "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7")
# Colour and marker of a cause. Agreement is pale, what comes from elsewhere is grey, a neuron's own failure is bright.
CAUSES = {
    "ok": ("#8FA9BF", "o"),
    "rounding": ("#4D6B85", "o"),
    "tie": ("#4D4D4D", "D"),
    "inherited": ("#7A7A7A", "+"),
    "transport": ("#56B4E9", ">"),
    "fault": ("#009E73", "s"),
    "late": ("#0072B2", "^"),
    "premature": ("#D55E00", "v"),
    "clamped": ("#CC79A7", "P"),
    "structural": ("#E69F00", "*"),
}
OTHER = ("#000000", "x")


def layer_colour(order: int) -> str:
    """Return the colour of the population in place `order` (sources counted), as a hex string.

    >>> layer_colour(1), layer_colour(1) == layer_colour(1 + len(LAYERS))
    ('#0072B2', True)
    """
    return LAYERS[order % len(LAYERS)]


def window_colour(order: int) -> str:
    """Return the opaque shade of a layer's fire window: its colour mixed into seven times as much white."""
    red, green, blue = (1.0 - (1.0 - part) / 8.0 for part in to_rgb(layer_colour(order)))
    return to_hex((red, green, blue))


def cause_style(cause: str) -> tuple[str, str]:
    """Return colour and marker of a cause, by its name."""
    return CAUSES.get(cause, OTHER)
