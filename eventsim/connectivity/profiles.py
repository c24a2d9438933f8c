"""Functions of distance for rules, weights and delays, with the same bits on every machine.

Relies on the elementary functions. Public as `eventsim.profiles`; any other function of an array does, too.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.checks import number
from eventsim.connectivity.elementary import exp
from eventsim.errors import NetworkError

__all__ = ["exponential", "gaussian", "linear"]

Array = np.ndarray[Any, Any]
Profile = Callable[[Array], Array]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)


def gaussian(peak: float, sd: float) -> Profile:
    """Return the function peak exp(-(d / sd)^2 / 2) of distances d.

    Parameters
    ----------
    peak
        Its value at distance 0.
    sd
        Standard deviation, > 0, in the unit of distances.
    """
    peak, sd = _number("gaussian", "peak", peak), _length("gaussian", "sd", sd)
    return lambda d: peak * exp(-0.5 * (d / sd) * (d / sd))


def exponential(peak: float, length: float) -> Profile:
    """Return the function peak exp(-d / length) of distances d.

    Parameters
    ----------
    peak
        Its value at distance 0.
    length
        The distance over which it falls to 1/e, > 0.
    """
    peak, length = _number("exponential", "peak", peak), _length("exponential", "length", length)
    return lambda d: peak * exp(-(d / length))


def linear(offset: float, slope: float) -> Profile:
    """Return the function offset + slope d of distances d, such as a delay by conduction.

    Parameters
    ----------
    offset
        Its value at distance 0.
    slope
        Its change with distance: of a delay, one over the velocity.
    """
    offset, slope = _number("linear", "offset", offset), _number("linear", "slope", slope)
    return lambda d: offset + slope * d


def _number(where: str, name: str, given: Any) -> float:
    return float(number(f"profiles.{where}", name, given, NetworkError, remedy="Give a number."))


def _length(where: str, name: str, given: Any) -> float:
    remedy = "Give it in the unit of distances."
    return float(number(f"profiles.{where}", name, given, NetworkError, low=0, open_low=True, remedy=remedy))
