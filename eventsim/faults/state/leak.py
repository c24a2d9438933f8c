"""A leak: the membrane potential of a neuron that should integrate decays."""

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

REMEDY = "Neurons with a tau_mem leak by it: net.replace(name, tau_mem=…). Or name other populations with populations=."


@dataclass(frozen=True, repr=False)
class Leak(StateFault):
    """V' = S - V / tau in place of V' = S, in all phases of a neuron, read-outs included.

    Spike times are closed forms, and near those without a leak as tau grows. A threshold above S tau is never reached.
    Several leaks add up: 1/tau is the sum of theirs.

    Parameters
    ----------
    tau
        Time constant, in units of time; inf is no leak.
    populations
        Names of the populations that it acts on; None takes all but relays.

    Raises
    ------
    FaultError
        A tau that is not positive, populations that are no names; when it is applied, neurons that have a leak of their
        own, or none.
    """

    tau: float
    populations: Sequence[str] | str | None = None

    name = "leak"
    equation: ClassVar[str] = (
        "dV/dt = S - V / tau; V reaches the threshold in tau ln((S tau - V) / (S tau - threshold))"
    )
    source: ClassVar[str] = "closed form of the linear PSP of A. Stanojevic et al. 2024, eq. 2, with a leak"

    def __post_init__(self) -> None:
        number(self.name, "tau", self.tau, FaultError, low=1e-50, infinite=True, remedy="It is a time; inf: no leak.")
        check_populations(self)

    def acts_on(self, part: Any) -> bool:
        """On all that has a membrane."""
        return lives(part)

    def alter(self, part: Any, draws: Draws) -> Mapping[str, Any]:
        """Its model with a leak."""
        model = needed_variant(self, part, "circuit", "tau_leak", REMEDY)
        if self.tau == math.inf:
            return {}
        own = np.asarray(value_of(part, "tau_leak", math.inf))
        return {"model": model, "tau_leak": np.where(own == math.inf, self.tau, 1.0 / (1.0 / own + 1.0 / self.tau))}
