"""Weight noise: each weight is off by a draw, once a chip or anew for each sample or batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import check_per, check_projections, keep
from eventsim.faults.device.weights import WeightFault, in_floats, largest_of, weights_of
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Projection

Array = np.ndarray[Any, Any]
STRENGTHS = ("relative", "absolute", "of_largest")


@dataclass(frozen=True, repr=False)
class WeightNoise(WeightFault):
    """Each weight has a Gaussian error, multiplicative, additive or both: the standard deviations add up.

    Parameters
    ----------
    relative
        Standard deviation by the size of the weight.
    absolute
        Standard deviation in the unit of the weights.
    of_largest
        Standard deviation by the size of the largest weight of the projection.
    per
        How often it is drawn: "chip" is once for all samples, "sample" or "batch" anew for each.
    batch_size
        How many sample ids are a batch.
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        Strengths that are negative or not finite, a `per` that is none, projections that are no pairs of names.
    """

    relative: float = 0.0
    absolute: float = 0.0
    of_largest: float = 0.0
    per: str = "chip"
    batch_size: int = 1
    projections: Sequence[tuple[str, str]] | None = None

    name = "weight_noise"
    equation = "W <- W + (relative |W| + absolute + of_largest max|W|) xi, xi ~ N(0, 1)"
    source = "additive and multiplicative Gaussian weight errors, as in noise studies of analog hardware"

    def __post_init__(self) -> None:
        for name in STRENGTHS:
            remedy = "It is a standard deviation."
            keep(self, **{name: number(self.name, name, getattr(self, name), FaultError, low=0, remedy=remedy)})
        check_per(self)
        check_projections(self)

    def remade(self, part: Projection, draws: Draws) -> Array | None:
        """The weights with their errors."""
        if not any(getattr(self, name) for name in STRENGTHS):
            return None
        weights = in_floats(weights_of(part))
        sigma = self.relative * np.abs(weights) + self.absolute + self.of_largest * float(largest_of(part))
        made: Array = weights + sigma * draws.normal(part)
        return made
