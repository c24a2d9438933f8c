"""Refractoriness: after a spike a circuit needs a time before it can fire again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import StateFault, check_populations
from eventsim.faults.draws import Draws
from eventsim.faults.state.variants import lives


@dataclass(frozen=True, repr=False)
class Refractory(StateFault):
    """No neuron fires again within t_ref of its last spike; what reaches it meanwhile is lost, or kept in its currents.

    A neuron that has a longer refractory period keeps it.

    Parameters
    ----------
    t_ref
        In units of time; 0 changes nothing.
    populations
        Names of the populations that it acts on; None takes all that spike, but relays.

    Raises
    ------
    FaultError
        A t_ref that is negative or not finite, populations that are no names; when it is applied, neurons that are
        never refractory, such as those that fire once.
    """

    t_ref: float
    populations: Sequence[str] | str | None = None

    name = "refractory"
    equation: ClassVar[str] = "t_ref := max(t_ref of the neuron, t_ref)"
    source: ClassVar[str] = "as the neuron models have it"

    def __post_init__(self) -> None:
        number(self.name, "t_ref", self.t_ref, FaultError, low=0, remedy="It is a time.")
        check_populations(self)

    def acts_on(self, part: Any) -> bool:
        """On all that fires."""
        return lives(part) and part.model.spiking

    def alter(self, part: Any, draws: Draws) -> Mapping[str, Any]:
        """Its refractory period, if that is longer than its own."""
        own = part.parameters.get("t_ref")
        if own is None:
            raise FaultError(
                f"{self.name} on {part.name!r}: neurons of {part.model.name} are never refractory; must be of a model "
                "with t_ref, such as lif_delta. Name others with populations=."
            )
        return {"t_ref": np.maximum(own, self.t_ref)} if (own < self.t_ref).any() else {}
