"""How a training went, epoch by epoch: the loss, accuracies, and what the event simulator said meanwhile.

Relies on what `eventsim.models.train` says of each epoch.
"""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import MaxNLocator

from eventsim.errors import InputError
from eventsim.models.train.epoch import Epoch
from eventsim.viz.frame import Array, left_title, plain_text, quieten
from eventsim.viz.palette import INK, layer_colour
from eventsim.viz.panels import panels

STYLES = ("-", "--", ":", "-.")
MOST_MARKS = 30  # epochs up to which each has a mark


def training_curves(epochs: Sequence[Epoch], ax: Any = None, *, title: str | None = None) -> Array:
    """Draw the loss and the accuracies of each epoch and, where a judge was asked, premature neurons by layer.

    Parameters
    ----------
    epochs
        Such as ``training.history``, or what `eventsim.models.train.fit` returned.
    ax
        Two axes, or three where epochs have a verdict; None makes a figure.
    title
        Of the first panel, in place of the usual one; "" for none.

    Returns
    -------
    array (n,)
        The axes: loss, accuracy and, where there is a verdict, premature neurons.

    Raises
    ------
    InputError
        No epochs; axes that are too many or too few.
    """
    found = [*epochs] if isinstance(epochs, Sequence) else []
    if not found or not all(isinstance(one, Epoch) for one in found):
        raise InputError(
            f"training_curves: epochs = {type(epochs).__name__} without epochs; must be one or more, as "
            "`training.history`. Train first."
        )
    judged = [one for one in found if one.verdict is not None]
    axes = panels("training_curves", ax, 3 if judged else 2)
    marker: dict[str, Any] = {"marker": "o", "markersize": 3.5} if len(found) <= MOST_MARKS else {}
    numbers = [one.number for one in found]
    axes[0].plot(numbers, [one.loss for one in found], color=INK, gid="loss", **marker)
    for k, (name, label) in enumerate((("accuracy", "training"), ("validation", "held out"))):
        values = [getattr(one, name) for one in found]
        if not all(map(math.isnan, values)):
            style: dict[str, Any] = {"color": layer_colour(k + 1), "linestyle": STYLES[1 - k], "label": label}
            axes[1].plot(numbers, values, gid=name, **style, **marker)
    if judged:
        _premature(axes[2], judged, marker)
    titles = ("loss", "accuracy", "neurons too early")
    for k, one in enumerate(axes):
        one.set_xlabel("epoch")
        one.xaxis.set_major_locator(MaxNLocator(integer=True))
        if one.get_legend_handles_labels()[1]:
            one.legend(frameon=False, fontsize="small")
        quieten(one)
        left_title(one, titles[k], title if k == 0 else None, small=True)
    axes[0].set_ylim(bottom=0.0)
    return axes


def _premature(ax: Any, judged: Sequence[Epoch], marker: dict[str, Any]) -> None:
    """How many neurons of each layer fired before their window, over all samples of an epoch's verdict."""
    names = list(dict.fromkeys(name for one in judged for name in one.verdict.premature))  # type: ignore[union-attr]
    for k, name in enumerate(names):
        counts = [one.verdict.premature.get(name, 0) for one in judged]  # type: ignore[union-attr]
        style: dict[str, Any] = {"color": layer_colour(k + 1), "linestyle": STYLES[k % len(STYLES)]}
        ax.plot(
            [one.number for one in judged], counts, label=plain_text(name), gid=f"premature {name}", **style, **marker
        )
    ax.set_ylim(0.0, max(ax.get_ylim()[1], 1.0))  # of none at all there is still one
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
