"""Shapes that modules for PyTorch take: refused where gradients would be wrong, or a window would hold no input.

Relies on `sliding` and the layers. Used by the torch layers.
"""

import functools
import math
from typing import Any

from eventsim.errors import InputError
from eventsim.models.relu.sliding import Sliding
from eventsim.models.train.layers import EarliestPool, MeanPool, TrainableLayer
from eventsim.models.train.linear_maps import ConvMap, DenseMap


def check_takes_shape(place: str, layer: TrainableLayer, given: tuple[int, ...]) -> None:
    """Refuse times of a shape for which a layer's gradients would be wrong, such as those of one sample alone.

    Raises
    ------
    InputError
        They are of one.
    """
    linear: Any = getattr(layer, "linear", None)
    if isinstance(linear, DenseMap):
        right, wanted = len(given) > 1 and math.prod(given[1:]) == linear.n_in, f"(n, {linear.n_in})"
    else:
        channels = linear.c_in if isinstance(linear, ConvMap) else None
        slid: Any = layer if linear is None else linear
        n_axes = len(slid.sliding.kernel)
        right = len(given) == 2 + n_axes and channels in (None, given[1])
        wanted = f"(n, {'channels' if channels is None else channels}, {'height, width' if n_axes == 2 else 'length'})"
    if not right:
        raise InputError(
            f"{place}: times of shape {given}; must be {wanted}. One sample needs a leading axis: times[None]."
        )
    if isinstance(layer, EarliestPool | MeanPool) and not _windows_hold(layer.sliding, given[1:]):
        where = layer.sliding
        raise InputError(
            f"{where.place}: with kernel {where.kernel} and padding {where.padding} some windows "
            f"on positions {given[2:]} hold no input; must hold one. Use less padding."
        )


@functools.lru_cache(maxsize=256)
def _windows_hold(sliding: Sliding, shape: tuple[int, ...]) -> bool:
    sliding.positions(shape)
    return sliding.fewest_inside(shape) > 0
