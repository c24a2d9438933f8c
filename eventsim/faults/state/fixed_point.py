"""Fixed point: weights, times and membranes are integers, as a digital chip holds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from eventsim.checks import choice, integer
from eventsim.errors import FaultError
from eventsim.faults.contract import StageFault, StateFault, has_weights
from eventsim.faults.draws import Draws
from eventsim.faults.emission.clock import Clock
from eventsim.faults.state.number_format import (
    DEEPEST,
    WIDEST,
    NumberFormat,
    number_format,
    to_quanta,
)
from eventsim.faults.state.variants import needed_variant
from eventsim.network.nodes import Population, Projection, Source
from eventsim.network.projections import own_delays
from eventsim.rounding import OVERFLOW, REGISTER_RULES

REMEDY = "Convert the network to one of these, and put faults that change states behind fixed_point."
MOST_BITS = 52  # of what is computed on the way: whole numbers below 2^53 are exact


@dataclass(frozen=True, repr=False)
class FixedPoint(StateFault):
    """A digital chip: all that it holds is a whole number of quanta 2^-fraction, and V moves once a tick.

    Times (windows, delays, spikes of sources) are multiples of the tick. At each tick V := V + step, where step is the
    slope times a tick, rounded to the fraction of the membrane; a neuron fires at the first tick with V >= threshold;
    then each input of the tick adds its weight to the slope. Weights, alpha and slopes are rounded to the fraction of
    the weights, thresholds to that of the membrane. So are simulations of integers that visit each tick, to the bit.

    An addition that leaves the range of its register saturates or wraps (two's complement), and is counted
    (``run.counters["overflows"]``): additions to the slope, one an input, and to V, one a tick, from t_start to the
    spike; of a neuron that stays silent at all ticks before t_max, of a read-out until t_min, before the end of the run
    in any case; without a window or an end, until the last input. With "error", a parameter out of range is refused,
    and an addition that leaves its range saturates and ends the run after its sample.

    Parameters
    ----------
    weights, membrane
        Pairs (bits, bits behind the point) of weights and of V; 2 to 32 bits, the sign included.
    time
        Bits behind the point of times: a tick is 2^-time.
    slope
        Bits of the slope's register; its fraction is that of the weights.
    rounding
        "half_even", "floor", "half_up" or "toward_zero": of parameters, times, spikes of sources, and steps of V.
    overflow
        "saturate", "wrap" or "error".

    Raises
    ------
    FaultError
        Settings out of range; when it is applied, neurons that are no ramps, windows that the tick does not resolve,
        and numbers out of range where overflow is "error".
    """

    weights: tuple[int, int]
    membrane: tuple[int, int]
    time: int
    slope: int = 32
    rounding: str = "half_even"
    overflow: str = "saturate"

    name = "fixed_point"
    equation: ClassVar[str] = (
        "V := V + round(S tick) at each tick, S := S + w at each input; V, S, w multiples of 2^-fraction in range"
    )
    source: ClassVar[str] = "two's complement arithmetic of digital chips"

    def __post_init__(self) -> None:
        for name in ("weights", "membrane"):
            made = number_format(self.name, name, getattr(self, name))
            object.__setattr__(self, name, (made.bits, made.fraction))
        tick = "A tick is 2^-time."
        integer(self.name, "time", self.time, FaultError, low=-DEEPEST, high=DEEPEST, remedy=tick)
        integer(self.name, "slope", self.slope, FaultError, low=2, high=WIDEST, remedy="It counts bits.")
        choice(self.name, "rounding", self.rounding, REGISTER_RULES, FaultError)
        choice(self.name, "overflow", self.overflow, OVERFLOW, FaultError)
        shift = self._v.fraction - self._w.fraction - self.time
        if self.slope + max(shift, 0) > MOST_BITS:
            raise FaultError(
                f"{self.name}: a step of V has {self.slope} bits of slope and {shift} zeros behind them; must be "
                f"{MOST_BITS} at most together. Give the membrane fewer bits behind the point, or the slope fewer bits."
            )

    @property
    def tick(self) -> float:
        """The unit of all times."""
        return float(2.0**-self.time)

    @property
    def _v(self) -> NumberFormat:
        return NumberFormat(*self.membrane)

    @property
    def _w(self) -> NumberFormat:
        return NumberFormat(*self.weights)

    def acts_on(self, part: Any) -> bool:
        """On all parts of a network."""
        return isinstance(part, Source | Population | Projection)

    def alter(self, part: Any, draws: Draws) -> Mapping[str, Any]:
        """Its numbers as the chip holds them, and the model that counts in them."""
        if isinstance(part, Projection):
            return self._projection(part)
        changes: dict[str, Any] = {} if part.window is None else {"window": self._window(part)}
        if isinstance(part, Population) and not part.model.relay:
            changes |= self._neurons(part)
        return changes

    def brings(self, net: Any) -> tuple[StageFault, ...]:
        """Sources of data send at ticks; what is rounded to the end of a window that others wait for is 0.

        Times are >= 0, where to round towards zero is to round down.
        """
        rounding = "floor" if self.rounding == "toward_zero" else self.rounding
        clocks = []
        for past, windowed in ("drop", True), ("carry", False):
            names = tuple(
                source.name
                for source in net.sources
                if source.generator is None and _is_awaited(net, source) == windowed
            )
            if names:
                clocks.append(Clock(self.tick, rounding=rounding, past=past, populations=names))
        return tuple(clocks)

    def _neurons(self, part: Population) -> dict[str, Any]:
        where = f"{self.name} on {part.name!r}"
        model = needed_variant(self, part, "fixed_point", "t_fraction", REMEDY)
        slopes = NumberFormat(self.slope, self._w.fraction)
        changes: dict[str, Any] = {}
        for name, values in part.parameters.items():
            unit = part.model.parameter(name).unit
            if unit in ("V", "V/time"):
                held = self._v if unit == "V" else slopes
                changes[name] = held.held(f"{where}: {name}", values, self.rounding, self.overflow)
        return changes | {
            "model": model, "v_bits": self._v.bits, "v_fraction": self._v.fraction, "s_bits": slopes.bits,
            "s_fraction": slopes.fraction, "t_fraction": self.time, "rounding": self.rounding,
            "overflow": self.overflow,
        }  # fmt: skip

    def _window(self, part: Any) -> tuple[float, ...]:
        """The window in whole ticks."""
        given = np.array(part.window, dtype=np.float64)
        finite = np.isfinite(given)
        made = given.copy()
        made[finite] = to_quanta(given[finite], self.tick, self.rounding)
        # A relay of a source has no t_start of its own.
        shared = int(isinstance(part, Population) and part.model.relay and given[0] == given[1])
        if not all(a < b for a, b in zip(made[shared:-1], made[shared + 1 :], strict=True)):
            raise FaultError(
                f"{self.name} on {part.name!r}: its window {tuple(given.tolist())} becomes {tuple(made.tolist())} with "
                f"a tick of {self.tick:g}; must increase. Give time more bits, or the network longer windows."
            )
        return tuple(made.tolist())

    def _projection(self, part: Projection) -> dict[str, Any]:
        where = f"{self.name} on {part.label}"
        changes: dict[str, Any] = {}
        if has_weights(part) and not part.post.model.relay:
            kind: Any = part.kind
            changes["weights"] = self._w.held(f"{where}: weight", kind.weights, self.rounding, self.overflow)
        own = own_delays(part.kind)
        delays = part.delay if own is None else own
        if np.any(np.asarray(delays) != 0):
            made = to_quanta(delays, self.tick, self.rounding)
            changes["delay" if own is None else "delays"] = float(made) if own is None else made
        return changes


def _is_awaited(net: Any, source: Source) -> bool:
    """Do neurons with windows wait for the end of its own?"""
    return any(one.pre is source and (one.post.model.windowed or one.post.model.relay) for one in net.projections)
