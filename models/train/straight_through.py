"""Straight-through gradients: what a fault does counts going forward, and not going backward, by one rule a fault.

======================  ===============================================================================================
emission fault          gradients with respect to the time t of a spike
======================  ===============================================================================================
Jitter                  1 where the spike leaves in its window; 0 where an end of the window holds it, where it leaves
                        at t_max or later (a value of 0), and for silent neurons that it lets fire
Clock, TimeBits         1 for every spike that comes in its window, also where it is rounded to t_max and lost: so does
                        TensorFlow's fake quantization, and small values can grow again; 0 before t_min
SpikeLoss, Dead,        1 where the spike stays as it is, 0 where it is lost, held or set
AlwaysOn, Synchronised
any other               as Jitter
======================  ===============================================================================================

======================  ===============================================================================================
device fault            gradients with respect to the weight W
======================  ===============================================================================================
FakeQuantization        1 from the lowest to the highest level, 0 outside (TensorFlow's fake_quant)
WeightQuantization      1 to `largest` in size, 0 beyond (PyTorch's fake_quantize); 1 where there is no `largest`
StuckAt                 1 where the weight stays as it is, 0 where a stuck device changes it
any other               1: noise, drift and programming errors are added to W, PowerOfTwo rounds it
======================  ===============================================================================================

Errors of thresholds are added to them: 1. Of several faults the factors multiply. Relies on the faults. Used by `chip`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.faults.contract import DeviceFault, EmissionFault
from eventsim.faults.device.fake_quantization import FakeQuantization
from eventsim.faults.device.stuck_at import StuckAt
from eventsim.faults.device.weight_quantization import WeightQuantization
from eventsim.faults.emission.clock import Clock
from eventsim.faults.emission.defects import AlwaysOn, Dead
from eventsim.faults.emission.jitter import Jitter
from eventsim.faults.emission.loss import SpikeLoss
from eventsim.faults.emission.synchronised import Synchronised
from eventsim.faults.emission.time_bits import TimeBits
from eventsim.faults.emission.window_end import JUST_BELOW

Array = np.ndarray[Any, Any]
Window = tuple[float, float]


def through_time(fault: EmissionFault, before: Array, after: Array, window: Window) -> Array:
    """Return where gradients pass a fault that moved spikes from `before` to `after`; inf is no spike."""
    rule: Any = next((EMISSION[kind] for kind in type(fault).__mro__ if kind in EMISSION), _moved)
    found: Array = rule(before, after, window)
    return found


def through_weight(fault: DeviceFault, before: Array, after: Array) -> Array | None:
    """Return where gradients pass a fault that made weights `after` of `before`; None is everywhere."""
    rule: Any = next((DEVICE[kind] for kind in type(fault).__mro__ if kind in DEVICE), None)
    return None if rule is None else rule(fault, before, after)


def _moved(before: Array, after: Array, window: Window) -> Array:
    t_min, t_max = window
    inside: Array = (after == before) | ((after > t_min) & (after < t_max * JUST_BELOW))
    return inside & (before < t_max)


def _rounded(before: Array, after: Array, window: Window) -> Array:  # noqa: ARG001 - where to does not matter
    t_min, t_max = window
    found: Array = (before >= t_min) & (before < t_max)
    return found


def _kept(before: Array, after: Array, window: Window) -> Array:  # noqa: ARG001
    found: Array = (after == before) & (before < math.inf)
    return found


EMISSION: dict[type[EmissionFault], Callable[[Array, Array, Window], Array]] = {
    Jitter: _moved,
    Clock: _rounded,
    TimeBits: _rounded,
    SpikeLoss: _kept,
    Dead: _kept,
    AlwaysOn: _kept,
    Synchronised: _kept,
}


def _in_levels(fault: FakeQuantization, before: Array, after: Array) -> Array:  # noqa: ARG001
    most, z = 2**fault.bits - 1, fault.zero_point
    step = (fault.high - fault.low) / most
    found: Array = (before >= -z * step) & (before <= (most - z) * step)
    return found


def _to_largest(fault: WeightQuantization, before: Array, after: Array) -> Array | None:  # noqa: ARG001
    return None if fault.largest is None else np.abs(before) <= fault.largest


def _not_stuck(fault: StuckAt, before: Array, after: Array) -> Array:  # noqa: ARG001
    found: Array = after == before
    return found


DEVICE: dict[type[DeviceFault], Callable[..., Array | None]] = {
    FakeQuantization: _in_levels,
    WeightQuantization: _to_largest,
    StuckAt: _not_stuck,
}
