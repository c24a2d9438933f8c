"""Weights as differential pairs of conductances, and what memristive devices make of them.

A weight is g+ - g-, of which one device is programmed to |W| and the other to 0; the largest weight of a projection is
the largest conductance. All is in units of that conductance, r = g / g_max, in which no result depends on its size in
microsiemens. Relies on the draws and on functions with the same bits on every machine. Used by the memristive faults.
"""

import math
from typing import Any

import numpy as np

from eventsim.connectivity.elementary import exp, log
from eventsim.faults.device.weights import in_floats, largest_of, output_channels, weights_of
from eventsim.network.nodes import Projection

Array = np.ndarray[Any, Any]
PATHS = ("pair", "collapsed")
COMPENSATIONS = ("global", "column")
SMALLEST = 1e-7  # relative conductance of which logarithms are taken


def pair_of(weights: Array, largest: float) -> tuple[Array, Array]:
    """The relative conductances of both devices, in the shape of the weights; `largest` is 1."""
    relative = weights / largest
    return np.maximum(relative, 0.0), np.maximum(-relative, 0.0)


def polynomial(coefficients: tuple[float, ...], r: Array) -> Array:
    """The polynomial with these coefficients, the constant one first."""
    total = np.full_like(r, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * r + coefficient
    return total


def log_of(r: Array) -> Array:
    """Its natural logarithm, that of `SMALLEST` below that."""
    return log(np.maximum(r, SMALLEST))


def power(base: Array, exponent: Any) -> Array:
    """Powers of positive numbers."""
    return exp(exponent * log(base))


def log_of_time(t: float) -> float:
    """The logarithm of a time in seconds, > 0, with the same bits on every machine."""
    return float(log(np.array([t]))[0])


def ideal_of(part: Projection) -> tuple[Array, float]:
    """The weights of a projection as float64, and the size of the largest."""
    return in_floats(weights_of(part)), float(largest_of(part))


def compensation(part: Projection, how: str | None, programmed: Array, now: Array) -> Any:
    """By what the weights of a projection are multiplied so that their mean size is again what was programmed.

    "global": one number, the ratio of the mean |output| on one-hot inputs then and now, over all outputs; "column":
    that of each output, in the shape of the weights. The sums are correctly rounded, whatever the storage.
    """
    if how is None:
        return 1.0
    if how == "global":
        return _ratio(programmed.ravel(), now.ravel())
    channels, n = output_channels(part)
    order = np.argsort(channels.ravel(), kind="stable")
    starts = np.searchsorted(channels.ravel()[order], np.arange(1, n))
    before, after = (np.split(one.ravel()[order], starts) for one in (programmed, now))
    return np.array([_ratio(*both) for both in zip(before, after, strict=True)])[channels]


def _ratio(before: Array, after: Array) -> float:
    """Where nothing is left to multiply, nothing is multiplied."""
    now = math.fsum(np.abs(after).tolist())
    return math.fsum(np.abs(before).tolist()) / now if now > 0 else 1.0
