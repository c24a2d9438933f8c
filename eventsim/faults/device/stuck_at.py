"""Devices that are stuck: they hold one value, whatever was written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import integer, number, real, shown
from eventsim.errors import FaultError, nearest
from eventsim.faults.contract import check_projections, keep
from eventsim.faults.device.weights import WeightFault, largest_of, weights_of
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Projection

Array = np.ndarray[Any, Any]
ENDS = ("max", "min")


@dataclass(frozen=True, repr=False)
class StuckAt(WeightFault):
    """Each device is stuck with a probability; which ones is drawn once, for all samples.

    With two devices a weight is a differential pair, W = G+ - G-, of which one device holds |W| and the other 0, and
    each may be stuck: at 0 the one that holds 0 does no harm.

    Parameters
    ----------
    probability
        That of a device to be stuck, from 0 to 1.
    value
        What it then holds, in the unit of the weights, or "max" or "min". With one device a weight these are the
        largest and the smallest weight of the projection; with two, the largest |W| of the projection and 0.
    devices
        How many devices are a weight: 1 or 2.
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        A probability or number of devices out of range, a value that is none or, of a pair, negative; projections
        that are no pairs of names.
    """

    probability: float
    value: float | str = 0.0
    devices: int = 1
    projections: Sequence[tuple[str, str]] | None = None

    name = "stuck_at"
    equation = (
        "one device: W <- value with the probability\n"
        "two: G+ = max(W, 0), G- = max(-W, 0), each <- value with the probability; W <- G+ - G-"
    )
    source = "stuck-at faults of memory devices"

    def __post_init__(self) -> None:
        remedy = "It is the share of devices that are stuck."
        keep(
            self,
            probability=number(self.name, "probability", self.probability, FaultError, low=0, high=1, remedy=remedy),
            devices=integer(self.name, "devices", self.devices, FaultError, low=1, high=2),
        )
        if self.value not in ENDS if isinstance(self.value, str) else real(self.value) is None:
            close = nearest(self.value, ENDS) if isinstance(self.value, str) else ""
            raise FaultError(
                f'{self.name}: value = {shown(self.value)}{close}; must be a number, "max" or "min". Give 0.0 for '
                "devices that conduct nothing."
            )
        if not isinstance(self.value, str):
            low = 0 if self.devices == 2 else -np.inf
            remedy = "A conductance is not negative." if self.devices == 2 else ""
            keep(self, value=number(self.name, "value", self.value, FaultError, low=low, remedy=remedy))
        check_projections(self)

    def remade(self, part: Projection, draws: Draws) -> Array | None:
        """The weights with their stuck devices."""
        weights = weights_of(part)
        if not weights.size:
            return None
        stuck = [draws.uniform(part, device) < self.probability for device in range(self.devices)]
        if self.devices == 1:
            held = {"max": weights.max(), "min": weights.min()}
            return np.where(stuck[0], _value(self.value, held, weights), weights)
        held = {"max": largest_of(part), "min": largest_of(part) * 0}
        value, zero = _value(self.value, held, weights), largest_of(part) * 0
        plus, minus = np.maximum(weights, zero), np.maximum(-weights, zero)
        made: Array = np.where(stuck[0], value, plus) - np.where(stuck[1], value, minus)
        return made


def _value(value: Any, ends: dict[str, Any], weights: Array) -> Any:
    """The value as a number of the weights' type."""
    if isinstance(value, str):
        return ends[value]
    return type(weights.flat[0])(value) if weights.dtype == object else value
