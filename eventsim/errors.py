"""The errors that eventsim raises on purpose, and how their messages are built.

Relies on nothing. Used by every room. A message has four parts: where, what (name and value), what is
allowed, and what to do. All errors are `EventsimError`; those about arguments are also `ValueError`, so that
``except ValueError`` does what a user expects.
"""

import difflib
from collections.abc import Iterable
from typing import Any


class EventsimError(Exception):
    """Base of every error that eventsim raises on purpose."""


class NetworkError(EventsimError, ValueError):
    """A network that cannot be built as described: names, shapes, weights, delays, windows."""


class ModelError(EventsimError, ValueError):
    """A neuron model or one of its parameters is not what the model needs."""


class InputError(EventsimError, ValueError):
    """Data handed to a simulation, a mapping or a check does not fit."""


class MappingError(EventsimError, ValueError):
    """A trained network that cannot be mapped to spikes exactly."""


class FileFormatError(EventsimError, ValueError):
    """A file that is corrupt, truncated, foreign, or of a version that this release does not read."""


class FaultError(EventsimError, ValueError):
    """A fault or transport that cannot act on this network as described."""


class SimulationError(EventsimError, RuntimeError):
    """The run itself went wrong: a neuron firing twice at one time, a delay lost by rounding.

    ``error.run`` holds the `Run` recorded up to that point, or None.
    """

    def __init__(self, message: str, run: Any = None) -> None:
        super().__init__(message)
        self.run = run


class BudgetError(SimulationError):
    """`max_events` or `max_time` was reached; ``error.run`` holds what was done until then."""


class PrematureSpikeWarning(UserWarning):
    """Neurons of a mapped network fired before all of their inputs were there: what they carry is wrong."""


def nearest(name: object, allowed: Iterable[object]) -> str:
    """Return ", did you mean 'x'?" for the closest allowed name, or "" where none is close.

    >>> nearest("hiden1", ["input", "hidden1"])
    ", did you mean 'hidden1'?"
    """
    close = difflib.get_close_matches(str(name), [str(other) for other in allowed], n=1)
    return f", did you mean {close[0]!r}?" if close else ""
