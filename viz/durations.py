"""Durations in a unit that suits them: nanoseconds beside windows of milliseconds.

Relies on `time_unit` of a run's network. Used by the figures of packets, whose waits are short beside windows.
"""

import math
from typing import Any, NamedTuple

from eventsim.run.run import Run

PREFIXES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"), (1e-12, "ps"))


class Unit(NamedTuple):
    """A unit of durations.

    Attributes
    ----------
    factor
        How many of it a unit of the run is.
    name
        What it is called.
    """

    factor: float
    name: str

    def text(self, duration: Any) -> str:
        """Return a duration of the run in three digits, with the unit.

        >>> Unit(1000.0, "ns").text(0.0123), Unit(1.0, "").text(2)
        ('12.3 ns', '2')
        """
        value = float(duration) * self.factor
        return f"{value:.3g} {self.name}".rstrip()


def suiting(run: Run, longest: float) -> Unit:
    """Return the unit in which the longest of some durations is at least 1; without a `time_unit` that of the run."""
    given = run.provenance.get("time_unit")
    if given is None:
        return Unit(1.0, "")
    seconds = float(given) * float(longest)
    if not 0.0 < seconds < math.inf:
        seconds = float(given)
    size, name = next((one for one in PREFIXES if seconds >= 0.9995 * one[0]), PREFIXES[-1])
    return Unit(float(given) / size, name)


def duration_label(what: str, unit: Unit) -> str:
    """Return the label of an axis of durations."""
    return f"{what} ({unit.name or 'network units'})"
