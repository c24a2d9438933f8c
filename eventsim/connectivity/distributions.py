"""Distributions of weights and delays, drawn by number: normal, uniform, lognormal and exponential.

Relies on the draws and on elementary functions. Public as `eventsim.Normal` and so on; used by `synapse_values`. What
may lie outside of limits is drawn again or set to the limit, and which of the two is always said.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from eventsim.checks import choice, number
from eventsim.connectivity.draws import uniforms
from eventsim.connectivity.elementary import cosine_of_turns, exp, log
from eventsim.errors import NetworkError

Array = np.ndarray[Any, Any]
LIMITED = ("redraw", "clip")
RAREST = 0.01  # share of draws within the limits, below which drawing again takes too long


class Distribution(ABC):
    """What every distribution offers: draws by number, and the share below a number."""

    @abstractmethod
    def values(self, key: int, synapses: Array, numbers: Array) -> Array:
        """A value for each synapse and number, arrays of one shape (n,)."""

    @abstractmethod
    def share_below(self, x: float) -> float:
        """The probability of a value <= x, limits left out of account."""


class _Limited(Distribution):
    """A distribution that may have limits, low <= value <= high."""

    low: Any
    high: Any
    outside: Any

    def __post_init__(self) -> None:
        where = type(self).__name__
        for field in fields(self):  # type: ignore[arg-type] # all that inherit are dataclasses
            if field.name != "outside":
                self._check_number(where, field.name)
        if not self.low < self.high:
            raise NetworkError(
                f"{where}: low = {self.low:g}, high = {self.high:g}; low must be below high. Give them the other way "
                "round, or leave one out."
            )
        if (self.low, self.high) == (-math.inf, math.inf) and self.outside is None:
            return
        choice(where, "outside", self.outside, LIMITED, NetworkError, also=" where there is a limit")
        within = self.share_below(self.high) - self.share_below(self.low)
        if self.outside == "redraw" and within < RAREST:
            raise NetworkError(
                f"{where}: of all draws {within:.2g} lie in [{self.low:g}, {self.high:g}]; must be {RAREST:g} at least "
                "for outside='redraw'. Give wider limits, or another mean."
            )

    def __repr__(self) -> str:
        """As it was given: without limits where there are none."""
        given = [field for field in fields(self) if getattr(self, field.name) != field.default]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(f'{field.name}={getattr(self, field.name)!r}' for field in given)})"

    def _check_number(self, where: str, name: str) -> None:
        """Refuse what is no number, and a width that is not positive."""
        given, limit = getattr(self, name), name in ("low", "high")
        width = name in ("sd", "sigma") or (name == "mean" and isinstance(self, Exponential))
        low = 0.0 if width else -math.inf
        remedy = "Give a number." if not width else "For one value, give the number itself."
        plain = number(where, name, given, NetworkError, low=low, open_low=width, infinite=limit, remedy=remedy)
        object.__setattr__(self, name, float(plain))

    @abstractmethod
    def _drawn(self, first: Array, second: Array) -> Array:
        """Values made of two uniforms in (0, 1) each."""

    def values(self, key: int, synapses: Array, numbers: Array) -> Array:
        """A value for each synapse and number, arrays of one shape (n,)."""
        made = self._drawn(*uniforms(key, 0, synapses, numbers))
        if self.outside == "clip":
            return np.minimum(np.maximum(made, self.low), self.high)
        attempt = 0
        again = np.flatnonzero((made < self.low) | (made > self.high))
        while again.size:
            attempt += 1
            made[again] = self._drawn(*uniforms(key, attempt, synapses[again], numbers[again]))
            again = again[(made[again] < self.low) | (made[again] > self.high)]
        return made


def _normal(first: Array, second: Array) -> Array:
    """Standard normal numbers (Box and Muller 1958)."""
    made: Array = np.sqrt(-2.0 * log(first)) * cosine_of_turns(second)
    return made


def _normal_share(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@dataclass(frozen=True, repr=False)
class Normal(_Limited):
    """Normal numbers, within limits if there are any.

    Parameters
    ----------
    mean, sd
        Mean and standard deviation (> 0), limits left out of account.
    low, high
        Limits, which belong to the values.
    outside
        What becomes of values beyond a limit: "redraw" (another is drawn, until one is within: a truncated normal
        distribution) or "clip" (the limit itself). Must be said where there is a limit.

    Raises
    ------
    NetworkError
        Numbers that are none, limits without `outside`, limits that nearly nothing lies within.

    Examples
    --------
    >>> import eventsim
    >>> delays = eventsim.Normal(1.5, 0.5, low=0.1, outside="redraw")
    >>> synapses = eventsim.Sparse.fixed_indegree(2, 10, 10, weights=0.5, delays=delays, seed=1)
    >>> bool(synapses.delays.min() >= 0.1)
    True
    """

    mean: Any
    sd: Any
    low: Any = -math.inf
    high: Any = math.inf
    outside: Any = None

    def _drawn(self, first: Array, second: Array) -> Array:
        return self.mean + self.sd * _normal(first, second)

    def share_below(self, x: float) -> float:
        """The probability of a value <= x, limits left out of account."""
        return _normal_share((x - self.mean) / self.sd)


@dataclass(frozen=True, repr=False)
class Lognormal(_Limited):
    """Numbers whose logarithm is normal, within limits if there are any.

    Parameters
    ----------
    mu, sigma
        Mean and standard deviation (> 0) of the logarithm: the median is exp(mu), the mean exp(mu + sigma^2 / 2).
    low, high, outside
        As for `Normal`.

    Raises
    ------
    NetworkError
        As for `Normal`.
    """

    mu: Any
    sigma: Any
    low: Any = -math.inf
    high: Any = math.inf
    outside: Any = None

    def _drawn(self, first: Array, second: Array) -> Array:
        return exp(self.mu + self.sigma * _normal(first, second))

    def share_below(self, x: float) -> float:
        """The probability of a value <= x, limits left out of account."""
        return _normal_share((math.log(x) - self.mu) / self.sigma) if x > 0 else 0.0


@dataclass(frozen=True, repr=False)
class Exponential(_Limited):
    """Exponentially distributed numbers, within limits if there are any.

    Parameters
    ----------
    mean
        Mean, > 0, limits left out of account.
    low, high, outside
        As for `Normal`.

    Raises
    ------
    NetworkError
        As for `Normal`.
    """

    mean: Any
    low: Any = -math.inf
    high: Any = math.inf
    outside: Any = None

    def _drawn(self, first: Array, second: Array) -> Array:  # noqa: ARG002 - one is enough
        return -self.mean * log(first)

    def share_below(self, x: float) -> float:
        """The probability of a value <= x, limits left out of account."""
        return -math.expm1(-x / self.mean) if x > 0 else 0.0


@dataclass(frozen=True)
class Uniform(Distribution):
    """Numbers that lie anywhere in [low, high] with the same probability.

    Parameters
    ----------
    low, high
        The limits, low < high.

    Raises
    ------
    NetworkError
        Numbers that are none, or in another order.
    """

    low: Any
    high: Any

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            given = number("Uniform", name, getattr(self, name), NetworkError, remedy="Give a number.")
            object.__setattr__(self, name, float(given))
        if not self.low < self.high:
            raise NetworkError(
                f"Uniform: low = {self.low:g}, high = {self.high:g}; low must be below high. Give them the other way "
                "round."
            )
        if self.high - self.low == math.inf:
            raise NetworkError(
                f"Uniform: low = {self.low:g}, high = {self.high:g}; must lie nearer to each other than float64 "
                "reaches. Give another unit."
            )

    def values(self, key: int, synapses: Array, numbers: Array) -> Array:
        """A value for each synapse and number, arrays of one shape (n,)."""
        first, _ = uniforms(key, 0, synapses, numbers)
        return np.minimum(self.low + (self.high - self.low) * first, self.high)  # rounding may leave the interval

    def share_below(self, x: float) -> float:
        """The probability of a value <= x."""
        return min(max((x - self.low) / (self.high - self.low), 0.0), 1.0)
