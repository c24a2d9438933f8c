"""Read noise: each delivery reads its weight anew, with noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim._jit import jitable
from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import ArrivalFault, check_projections
from eventsim.randomness import normal


@jitable
def read(p: Any, key: Any, sample: Any, synapse: Any, number: Any, w: Any) -> Any:
    """The weight w + (p[0] |w| + p[1]) noise, one draw a delivery; strengths of 0 leave w as it is, bit for bit."""
    relative, absolute = p[0], p[1]
    if relative == 0.0 and absolute == 0.0:
        return w
    noise = normal(key, sample, synapse, number)
    return w + (relative * abs(w) + absolute) * noise


@dataclass(frozen=True, repr=False)
class ReadNoise(ArrivalFault):
    """Each delivery of a spike reads its weight with Gaussian noise of its own.

    Parameters
    ----------
    relative
        Standard deviation by the size of the weight.
    absolute
        Standard deviation in the unit of the weights, added to the relative one.
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        Strengths that are negative or not finite, projections that are no pairs of names.
    """

    relative: float = 0.0
    absolute: float = 0.0
    projections: Sequence[tuple[str, str]] | None = None

    name = "read_noise"
    equation = "w -> w + (relative |w| + absolute) xi, xi Gaussian, one draw a delivery"
    source = "read noise of analog memories"
    deliver = staticmethod(read)

    def __post_init__(self) -> None:
        for name in ("relative", "absolute"):
            remedy = "It is a standard deviation."
            number(self.name, name, getattr(self, name), FaultError, low=0, remedy=remedy)
        check_projections(self)

    def numbers(self) -> tuple[float, ...]:
        """(relative, absolute)."""
        return (float(self.relative), float(self.absolute))
