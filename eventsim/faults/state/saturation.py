"""Saturation: the membrane potential of a circuit has a range."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import StateFault, check_populations
from eventsim.faults.draws import Draws
from eventsim.faults.state.variants import lives, needed_variant, value_of

REMEDY = "Of others V may turn between events. Name other populations with populations=."


@dataclass(frozen=True, repr=False)
class Saturation(StateFault):
    """V stays in a range: at a limit it waits until the drive turns.

    What an input would add beyond the limit is lost, input by input in the order of arrival. A threshold above the
    range is never reached. Exact where V moves one way between events: ramps, neurons with delta synapses, clocked
    neurons.

    Parameters
    ----------
    low, high
        Limits of V; -inf and inf are none. Neurons that integrate from V = 0 on take low <= 0 <= high.
    populations
        Names of the populations that it acts on; None takes all but relays.

    Raises
    ------
    FaultError
        Limits that leave no range, populations that are no names; when it is applied, neurons whose V may turn between
        events.
    """

    low: float = -math.inf
    high: float = math.inf
    populations: Sequence[str] | str | None = None

    name = "saturation"
    equation: ClassVar[str] = "V := min(max(V, low), high)"
    source: ClassVar[str] = "range of a membrane circuit"

    def __post_init__(self) -> None:
        number(self.name, "low", self.low, FaultError, low=-math.inf, infinite=True, remedy="-inf is no limit.")
        number(self.name, "high", self.high, FaultError, infinite=True, remedy="inf is no limit.")
        if not self.low < self.high:
            raise FaultError(f"{self.name}: low = {self.low}, high = {self.high}; must be low < high. Give V a range.")
        check_populations(self)

    def acts_on(self, part: Any) -> bool:
        """On all that has a membrane."""
        return lives(part)

    def alter(self, part: Any, draws: Draws) -> Mapping[str, Any]:
        """Its model with a range: what is left of its own."""
        model = needed_variant(self, part, "circuit", "v_low", REMEDY)
        if self.low == -math.inf and self.high == math.inf:
            return {}
        low = np.maximum(value_of(part, "v_low", -math.inf), self.low)
        high = np.minimum(value_of(part, "v_high", math.inf), self.high)
        return {"model": model, "v_low": low, "v_high": high}
