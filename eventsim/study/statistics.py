"""What counts and their repetitions say: Wilson intervals, McNemar's exact test, bands over seeds.

Relies on nothing but Python. Used by `Results` and by figures; held against exact rationals by tests.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from eventsim.checks import integer, number
from eventsim.errors import InputError

CONFIDENCE = 0.95


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval of Wilson (1927) for a share: the p with |k/n - p| <= z sqrt(p (1 - p) / n).

    Unlike k/n ± z s it stays in [0, 1], and says something of 0 and of n successes.

    Parameters
    ----------
    successes, n
        The k of n independent trials.
    confidence
        Between 0 and 1; z is the normal quantile of (1 + confidence) / 2.

    Raises
    ------
    InputError
        No trials, more successes than trials, a confidence outside (0, 1).
    """
    n = integer("wilson", "n", n, low=1, remedy="It is the number of trials.")
    k = integer("wilson", "successes", successes, low=0, high=n, remedy="There are n trials.")
    return wilson_of_share(k / n, n, confidence)


def wilson_of_share(share: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return `wilson` of a share of n trials, which may be a mean, and so no whole number of successes."""
    confidence = number("wilson", "confidence", confidence, low=0, open_low=True, high=1, remedy="0.95 is usual.")
    if confidence == 1:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    centre = (share * n + z * z / 2.0) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(n * share * (1.0 - share) + z * z / 4.0)
    # At the ends the roots are 0 and 1, which rounding misses.
    return 0.0 if share == 0 else max(0.0, centre - half), 1.0 if share == 1 else min(1.0, centre + half)


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the p-value, two-sided and exact, of McNemar's test (1947) of two classifiers on the same samples.

    Where both are equally good, each of the samples that one alone gets right is as likely to be that of a as of b:
    binomial with 1/2. The p-value is min(1, 2 P(X <= min(only_a, only_b))).

    Parameters
    ----------
    only_a, only_b
        Number of samples that a alone, and b alone, has right.
    """
    a = integer("mcnemar", "only_a", only_a, low=0, remedy="It is a number of samples.")
    b = integer("mcnemar", "only_b", only_b, low=0, remedy="It is a number of samples.")
    n = a + b
    term = total = 1  # binomial coefficients as integers: no rounding before the one division
    for k in range(min(a, b)):
        term = term * (n - k) // (k + 1)
        total += term
    return 1.0 if 2 * total >= 2**n else 2 * total / 2**n


@dataclass(frozen=True)
class Band:
    """Values of one quantity over seeds.

    Attributes
    ----------
    n
        How many there are.
    mean, deviation
        Their mean, and the standard deviation of one of them (with n - 1; 0 of a single one).
    low, high
        The smallest and the largest.
    """

    n: int
    mean: float
    deviation: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.deviation / math.sqrt(self.n)


def band(values: Sequence[float]) -> Band:
    """Return what values over seeds have in common; sums are correctly rounded (`math.fsum`).

    Raises
    ------
    InputError
        No value at all.
    """
    found = [float(value) for value in values]
    if not found:
        raise InputError("band: no values; must be one at least. Give the values of the seeds that ran.")
    n, low, high = len(found), min(found), max(found)
    mean = min(max(math.fsum(found) / n, low), high)
    square = math.fsum((value - mean) * (value - mean) for value in found)
    return Band(n, mean, math.sqrt(square / (n - 1)) if n > 1 else 0.0, low, high)
