"""Conductive-metal-oxide ReRAM: one device a weight, which relaxes after it was programmed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import number, real, shown
from eventsim.connectivity.elementary import log
from eventsim.errors import FaultError
from eventsim.faults.contract import check_per, check_projections, keep
from eventsim.faults.device.conductances import log_of_time, polynomial
from eventsim.faults.device.weights import WeightFault, in_floats, weights_of
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Projection

Array = np.ndarray[Any, Any]
G_MIN, G_MAX = 9.0, 88.2  # microsiemens
# Standard deviations of programming in microsiemens, constant and slope, by the width in percent that is accepted.
ACCEPTED = {0.2: (0.00081107, 0.00106879), 2.0: (0.0112185391, 0.01129027418)}
SHIFT = -0.08900206  # of the mean, in microsiemens by ln t
SPREAD = (0.41183342, 0.04201137)  # standard deviation in microsiemens, constant and by ln t
READ_SIZE, READ_TIME = 0.0277316483, 1e-6
EARLIEST = 1e-4  # seconds: before, the line through the measured spreads would be below 0
PROGRAM, RELAX, READ = range(3)


@dataclass(frozen=True, repr=False)
class CmoReRAM(WeightFault):
    """Each weight is held by one CMO/HfOx device: programmed until it is near enough, relaxed, read, in this order.

    The smallest weight of a projection is programmed to 9 µS and the largest to 88.2 µS, and what is read lies between
    these. A projection whose weights are all equal stays as it is. Conductances relax downwards from one second on, and
    lie above what was programmed before.

    Parameters
    ----------
    t_inf
        Seconds after programming: 0, where nothing has relaxed and nothing is read, or at least 0.0001.
    acceptance
        How near is near enough, in percent of the target: 0.2 or 2.
    programming, drift, read
        By what the published strength of each is multiplied: 1 is as published, 0 leaves it out.
    per
        How often weights are read: once ("chip"), for each "sample", or for each "batch". They are programmed once.
    batch_size
        How many sample ids are a batch.
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        Times or strengths that are negative, too early or not finite, another acceptance, projections that are no
        pairs of names.
    """

    t_inf: float = 0.0
    acceptance: float = 0.2
    programming: float = 1.0
    drift: float = 1.0
    read: float = 1.0
    per: str = "chip"
    batch_size: int = 1
    projections: Sequence[tuple[str, str]] | None = None

    name = "cmo_reram"
    equation = (
        "g in µS; xi ~ N(0, 1) of its own for each stage\n"
        "program: g_p = g + (0.00081 + 0.00107 g) xi for 0.2 %, g + (0.0112 + 0.0113 g) xi for 2 %\n"
        "relax: g_d = g_p - 0.0890 ln t + (0.412 + 0.0420 ln t) xi\n"
        "read: g_d + 0.0277 log10(g_d) sqrt(ln((t + 1 µs) / 2 µs)) xi, clipped to 9 … 88.2"
    )
    source = "D. Falcone et al. (IBM Research Zurich), as in aihwkit 1.1.0 (ReRamCMONoiseModel)"

    def __post_init__(self) -> None:
        remedy = f"It is 0, or at least {EARLIEST:g} seconds."
        keep(self, t_inf=number(self.name, "t_inf", self.t_inf, FaultError, low=0, remedy=remedy))
        if 0 < self.t_inf < EARLIEST:
            raise FaultError(
                f"{self.name}: t_inf = {shown(self.t_inf)}; must be 0 or >= {EARLIEST:g}, since nothing is known of "
                "earlier times. Give a time in seconds."
            )
        if real(self.acceptance) not in ACCEPTED:
            raise FaultError(
                f"{self.name}: acceptance = {shown(self.acceptance)}; must be 0.2 or 2, in percent, with which devices "
                "were measured. Choose one of them."
            )
        keep(self, acceptance=float(self.acceptance))
        for stage in ("programming", "drift", "read"):
            remedy = "It multiplies the published strength; 0 leaves it out."
            keep(self, **{stage: number(self.name, stage, getattr(self, stage), FaultError, low=0, remedy=remedy)})
        check_per(self)
        check_projections(self)

    def remade(self, part: Projection, draws: Draws) -> Array | None:
        """The weights as they are read at `t_inf`."""
        weights, later = in_floats(weights_of(part)), self.t_inf > 0 and (self.drift > 0 or self.read > 0)
        if not weights.size or weights.min() == weights.max() or not (self.programming > 0 or later):
            return None
        least, unit = weights.min(), (weights.max() - weights.min()) / (G_MAX - G_MIN)
        g = G_MIN + (weights - least) / unit
        chip = draws.of_chip()
        if self.programming > 0:
            sigma = polynomial(ACCEPTED[self.acceptance], g)
            g = g + self.programming * sigma * chip.normal(part, PROGRAM)
        if self.t_inf > 0:
            g = self._later(g, chip, draws, part)
        made: Array = least + (g - G_MIN) * unit
        return made

    def _later(self, g: Array, chip: Draws, draws: Draws, part: Projection) -> Array:
        """Conductances as they are read `t_inf` seconds later."""
        if self.drift > 0:
            ln = log_of_time(self.t_inf)
            spread = SPREAD[0] + SPREAD[1] * ln
            g = g + self.drift * (SHIFT * ln + spread * chip.normal(part, RELAX))
        if self.read > 0:
            growth = math.sqrt(log_of_time((self.t_inf + READ_TIME) / (2.0 * READ_TIME)))
            size = READ_SIZE * log(np.maximum(g, 1.0)) / math.log(10.0) * growth
            g = g + self.read * size * draws.normal(part, READ)
        return np.clip(g, G_MIN, G_MAX)
