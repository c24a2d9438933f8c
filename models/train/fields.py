"""The fields of a trained layer as `eventsim.models.ttfs_network` takes them: weights, D or thresholds, windows.

Relies on the layers and the parameterisations. Used by `spiking` and by the torch layers.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.constant_slope import ConstantSlope
from eventsim.models.train.layers import EarliestPool, MeanPool, Neurons, ReadOut, TrainableLayer
from eventsim.models.train.linear_maps import ConvMap, DenseMap, per_row
from eventsim.models.train.parameterisation import Parameterisation

Array = np.ndarray[Any, Any]


def folded(layer: TrainableLayer, own: Mapping[str, Array], state: Mapping[str, Array]) -> tuple[Array, Array]:
    """Return the weights and biases of a layer in float64, with its batch norm folded into them.

    Parameters
    ----------
    layer
        Neurons, or a read-out.
    own, state
        Its parameters and running statistics by name, arrays (n_units,) and (n_units, n_in).
    """
    weight, bias = own["weight"].astype(np.float64), own["bias"].astype(np.float64)
    norm = getattr(layer, "norm", None)
    if norm is not None:
        kappa = own["gamma"].astype(np.float64) / np.sqrt(state["variance"].astype(np.float64) + norm.epsilon)
        weight, bias = weight * per_row(kappa, weight), bias - kappa * state["mean"]
    return weight, bias


def fields_of(
    layer: TrainableLayer,
    code: Parameterisation,
    own: Mapping[str, Array],
    state: Mapping[str, Array],
    window: float,
    times: tuple[float, float],
    channels: int,
) -> dict[str, Any]:
    """Return the fields of one layer.

    Parameters
    ----------
    layer, code
        The layer, and how its neurons answer.
    own, state
        Its parameters and running statistics by name, arrays (n_units,) and (n_units, n_in).
    window
        How long its window is.
    times
        Its t_start and t_min: the window before it.
    channels
        How many channels it takes.
    """
    t_start, t_min = times
    if isinstance(layer, EarliestPool):
        sliding = layer.sliding
        return {
            "pool": sliding.kernel, "stride": sliding.stride, "padding": sliding.padding, "dilation": sliding.dilation,
            "smallest": layer.smallest,
        }  # fmt: skip
    if isinstance(layer, ReadOut):
        weight, bias = folded(layer, own, state)
        return {"W": weight, "D": bias, "t_min": t_min} | _geometry(layer.linear)
    t_max = t_min + window
    timing = {"t_min": t_min, "t_max": t_max}
    if isinstance(layer, MeanPool):
        return timing | _means(layer, channels)
    assert isinstance(layer, Neurons)
    weight, bias = folded(layer, own, state)
    timing |= _geometry(layer.linear)
    if isinstance(code, AlphaSlope):
        slopes = code.slopes(weight).reshape(-1, *[1] * (bias.ndim - 1))
        threshold = code.alpha * (t_min - t_start) + slopes * (t_max - t_min) - bias
        return timing | {"J": weight, "alpha": code.alpha, "threshold": threshold}
    assert isinstance(code, ConstantSlope)
    return timing | {"W": weight, "slope": code.slope, "threshold": code.slope * (t_max - t_min) - bias}


def _geometry(linear: DenseMap | ConvMap) -> dict[str, Any]:
    if isinstance(linear, DenseMap):
        return {}
    sliding = linear.sliding
    return {
        "stride": sliding.stride, "padding": sliding.padding, "dilation": sliding.dilation, "groups": linear.groups,
    }  # fmt: skip


def _means(layer: MeanPool, channels: int) -> dict[str, Any]:
    """An average pool as neurons of slope 1, with equal weights."""
    sliding = layer.sliding
    weight = np.full((channels, 1, *sliding.kernel), 1 / math.prod(sliding.kernel))
    return {
        "W": weight, "D": 0.0, "groups": channels, "stride": sliding.stride, "padding": sliding.padding,
    }  # fmt: skip
