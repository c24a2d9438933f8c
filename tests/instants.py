"""A simpy clock that puts what happens at one time in the order of a fabric's rounds.

Every event has a slot, and simpy's own queue goes by it: (phase, round, step, station).

- Phase 0 is before micro-step 0 of a time, phase n + 1 after stage 5 of its micro-step n.
- Round 0 are the injections; in the rounds 1, 2, ... the steps are 1 landings, 2 ends of service, 3 starts.
- What has taken time comes in round 1 of phase 0; what takes none, in the next round.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import simpy

Number = Any  # float or Fraction
INJECTIONS, LANDINGS, ENDS, STARTS = range(4)


class Slot(NamedTuple):
    """Where something stands among all that happens at one time; `nth` orders what one station does in one step."""

    phase: int
    round: int
    step: int
    station: int = 0
    nth: int = 0

    def start(self, station: int) -> "Slot":
        """The next slot in which a station that becomes free, or gets its first packet, in this one can start.

        Who starts in a step of starts was free and had a packet at its beginning, so that no number comes too late.
        """
        return Slot(self.phase, max(self.round, 1) + (self.step == STARTS), STARTS, station)

    def next_round(self, step: int, station: int, nth: int = 0) -> "Slot":
        return Slot(self.phase, self.round + 1, step, station, nth)


AT_ONCE = Slot(-1, 0, 0)  # of what simpy schedules for itself: it goes before all slots, and is in none


class At:
    """A delay that ends at a given time to the bit: simpy adds it to its clock."""

    def __init__(self, time: Number) -> None:
        self.time = time

    def __radd__(self, now: Number) -> Number:
        return self.time


class Instants(simpy.Environment):
    """A clock whose simultaneous events happen in the order of their slots; `slot` is the one that it is in."""

    slot = AT_ONCE

    def schedule(self, event: simpy.Event, priority: Any = AT_ONCE, delay: Any = 0) -> None:
        """Schedule an event in a slot."""
        slot = priority if isinstance(priority, Slot) else AT_ONCE
        if slot != AT_ONCE:
            event.callbacks.insert(0, lambda _: setattr(self, "slot", slot))
        super().schedule(event, slot, delay)  # type: ignore[arg-type]  # any order will do for the queue

    def after(self, delay: Number, step: int, station: int, nth: int = 0) -> "Moment":
        """A moment `delay` from now, or in the next round where that is now."""
        time = self.now + delay
        slot = Slot(0, 1, step, station, nth) if time > self.now else self.slot.next_round(step, station, nth)
        return Moment(self, time, slot)


class Moment(simpy.Event):
    """What happens by itself in a slot of a time (a simpy.Timeout knows no slots)."""

    def __init__(self, env: Instants, time: Number, slot: Slot) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        env.schedule(self, slot, At(time))

    def then(self, action: Callable[[], Any]) -> "Moment":
        self.callbacks.append(lambda _: action())
        return self
