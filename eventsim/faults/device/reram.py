"""Resistive memory: weights that are written into ReRAM devices, and what they are some time later."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import choice, number, real, shown
from eventsim.errors import FaultError
from eventsim.faults.contract import check_projections, keep
from eventsim.faults.device.conductances import PATHS, ideal_of, pair_of, polynomial
from eventsim.faults.device.weights import WeightFault
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Projection

Array = np.ndarray[Any, Any]
DAY = 86400.0
# Standard deviations in microsiemens as polynomials in r = g / g_max, the constant first, by seconds after programming.
MEASURED = {
    1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
    DAY: (0.701, 22.086, -50.773, 47.095, -16.458),
    2 * DAY: (0.782, 20.274, -43.507, 37.062, -11.934),
}
PROGRAMMED, LATER, STAGES = range(3)


@dataclass(frozen=True, repr=False)
class ReRAM(WeightFault):
    """Weights are held by differential pairs of ReRAM devices, measured at three times after programming.

    Conductances are relative, r = g / g_max; the largest weight of a projection is programmed to g_max, and a
    conductance below 0 is 0. A projection whose weights are all 0 stays as it is. There is no drift: what is measured
    later was spread anew around the target. Nothing is known of other times, which are refused.

    Parameters
    ----------
    t_inf
        Seconds after programming: 1, 86400 (a day) or 172800 (two days).
    g_max
        The largest conductance, in microsiemens. Errors are in microsiemens, so a larger one makes them relatively
        smaller: measured was up to 40; aihwkit takes 25 and scales nothing.
    path
        "pair": the devices hold what was measured at `t_inf`. "collapsed": in two steps, as aihwkit's modules do it,
        where the pair is scaled by the largest weight that was programmed, error included: all weights grow by that.
    strength
        By what the published errors are multiplied; 0 leaves weights as they are.
    projections
        Pairs (pre, post) of the projections that it acts on; None takes all.

    Raises
    ------
    FaultError
        A time that was not measured, numbers out of range, a path that is none, projections that are no pairs.
    """

    t_inf: float = 1.0
    g_max: float = 25.0
    path: str = "pair"
    strength: float = 1.0
    projections: Sequence[tuple[str, str]] | None = None

    name = "reram"
    equation = (
        "r = g / g_max <- max(0, r + sigma(r) xi / g_max), xi ~ N(0, 1) for each device; sigma in µS:\n"
        "1 s: 0.348 + 16.030 r - 43.853 r^2 + 45.393 r^3 - 16.815 r^4\n"
        "1 day: 0.701 + 22.086 r - 50.773 r^2 + 47.095 r^3 - 16.458 r^4\n"
        "2 days: 0.782 + 20.274 r - 43.507 r^2 + 37.062 r^3 - 11.934 r^4"
    )
    source = "W. Wan et al., Nature 608 (2022), as in aihwkit 1.1.0 (ReRamWan2022NoiseModel)"

    def __post_init__(self) -> None:
        if real(self.t_inf) not in MEASURED:
            raise FaultError(
                f"{self.name}: t_inf = {shown(self.t_inf)}; must be 1, {DAY:g} or {2 * DAY:g} seconds (1 s, a day, two "
                "days), when the devices were measured. Choose one of them."
            )
        remedy = "It multiplies the published errors."
        keep(
            self,
            t_inf=float(self.t_inf),
            g_max=number(self.name, "g_max", self.g_max, FaultError, low=0, open_low=True, remedy="Give it in µS."),
            strength=number(self.name, "strength", self.strength, FaultError, low=0, remedy=remedy),
        )
        choice(self.name, "path", self.path, PATHS, FaultError)
        check_projections(self)

    def remade(self, part: Projection, draws: Draws) -> Array | None:
        """The weights at `t_inf`."""
        weights, largest = ideal_of(part)
        if largest == 0 or self.strength == 0:
            return None
        targets, scale = pair_of(weights, largest), largest
        if self.path == "collapsed":
            plus, minus = self._held(targets, 1.0, draws, part, PROGRAMMED)
            scale = float(np.abs(plus - minus).max()) * largest
        plus, minus = self._held(targets, self.t_inf, draws, part, LATER)
        made: Array = (plus - minus) * scale
        return made

    def _held(
        self, targets: tuple[Array, Array], t: float, draws: Draws, part: Projection, stage: int
    ) -> tuple[Array, Array]:
        plus, minus = (
            np.maximum(
                r + self.strength * polynomial(MEASURED[t], r) / self.g_max * draws.normal(part, STAGES * k + stage),
                0.0,
            )
            for k, r in enumerate(targets)
        )
        return plus, minus
