"""Synchronised layers: what a neuron fires before its window opens is held until then."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.faults.contract import EmissionFault, check_populations


@jitable
def hold(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """t, or t_min where that is later; without a window t."""
    if t < window[0] and window[1] < math.inf:
        return window[0]
    return t


@dataclass(frozen=True, repr=False)
class Synchronised(EmissionFault):
    """Layers take turns: a premature spike is latched, and leaves when the window of its layer opens.

    Without it layers are cascaded: a neuron that crosses its threshold early fires early, and what follows it may do
    so, too. A latched spike codes the largest value of the window.

    Parameters
    ----------
    populations
        Names of the populations that it acts on; None takes all spiking populations.

    Raises
    ------
    FaultError
        Populations that are no names.
    """

    populations: Sequence[str] | str | None = None

    name = "synchronised"
    equation = "t -> max(t, t_min)"
    source = "layers that take turns, against cascaded ones"
    causal = True
    perturb = staticmethod(hold)

    def __post_init__(self) -> None:
        check_populations(self)

    def numbers(self) -> tuple[float, ...]:
        """()."""
        return ()
