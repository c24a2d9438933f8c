"""Complete sums: a neuron looks at its threshold when all of its inputs are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from eventsim.faults.contract import StateFault, check_populations
from eventsim.faults.draws import Draws
from eventsim.faults.state.variants import lives, needed_variant

REMEDY = "A window says when all inputs are there. Name other populations with populations=."


@dataclass(frozen=True, repr=False)
class CompleteSum(StateFault):
    """The threshold is not looked at before t_min: V may pass it and come back without a spike.

    Synchronised layers of time-stepped chips are built so: the sum is complete when the window opens, and V is compared
    then for the first time. One that is at its threshold or above fires at t_min. No spike is premature.

    Parameters
    ----------
    populations
        Names of the windowed populations that it acts on; None takes all with a window that spike.

    Raises
    ------
    FaultError
        Populations that are no names; when it is applied, neurons without a window.
    """

    populations: Sequence[str] | str | None = None

    name = "complete_sum"
    equation: ClassVar[str] = "V >= threshold fires from t_min on alone"
    source: ClassVar[str] = (
        "time-stepped chips with two phases a layer (A. Stanojevic et al. 2024, eq. 2, never premature)"
    )

    def __post_init__(self) -> None:
        check_populations(self)

    def acts_on(self, part: Any) -> bool:
        """On windowed populations that spike."""
        return lives(part) and part.model.windowed and part.model.spiking

    def alter(self, part: Any, draws: Draws) -> Mapping[str, Any]:
        """Its model, which waits for its window."""
        return {"model": needed_variant(self, part, "circuit", "looks", REMEDY), "looks": "in_window"}
