"""Weights that are powers of two, so that a product is a shift."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import integer
from eventsim.errors import FaultError
from eventsim.faults.contract import check_projections, keep
from eventsim.faults.device.weights import WeightFault, in_floats, in_numbers_of, weights_of
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Projection

Array = np.ndarray[Any, Any]
MOST_BITS = 12  # beyond, exponents are all those of float64
ROOT_HALF = math.sqrt(0.5)  # the float64 just above it: no float64 lies in between


@dataclass(frozen=True, repr=False)
class PowerOfTwo(WeightFault):
    """Weights become powers of two with a sign, or 0: the nearest one on a logarithmic scale.

    One bit is the sign and one code is the 0, which leaves 2^(bits - 1) - 1 exponents, down from that of the largest
    weight of the projection; a weight whose exponent would be smaller becomes 0. There are no ties, since no number of
    float64 lies on sqrt(2) times a power of two. More bits do not bring the levels closer together, only further down.

    Parameters
    ----------
    bits
        The sign among them, from 2 to 12.
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        Bits that are no integer from 2 to 12, projections that are no pairs of names.
    """

    bits: int
    projections: Sequence[tuple[str, str]] | None = None

    name = "power_of_two"
    equation = (
        "e = round(log2|W|), e_max = round(log2 max|W|)\nW <- sign(W) * 2^e, or 0 where e < e_max - 2^(bits - 1) + 2"
    )
    source = "logarithmic weights as D. Miyashita et al. 2016 (arXiv 1603.01025) round them"

    def __post_init__(self) -> None:
        remedy = "It is the width of a weight, with its sign."
        keep(self, bits=integer(self.name, "bits", self.bits, FaultError, low=2, high=MOST_BITS, remedy=remedy))
        check_projections(self)

    def remade(self, part: Projection, draws: Draws) -> Array | None:
        """The nearest powers."""
        given = weights_of(part)
        weights = in_floats(given)
        if not weights.any():
            return None
        mantissas, exponents = np.frexp(np.abs(weights))
        exponents = exponents - (mantissas < ROOT_HALF)
        least = exponents[weights != 0].max() - 2 ** (self.bits - 1) + 2
        made = np.where((weights == 0) | (exponents < least), 0.0, np.copysign(np.ldexp(1.0, exponents), weights))
        return in_numbers_of(given, made)
