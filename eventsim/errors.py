"""The errors that eventsim raises on purpose, and how their messages are built.

Relies on nothing. Used by every room. A message has four parts: where, what (name and value), what is
allowed, and what to do. All errors are `EventsimError`; those about arguments are also `ValueError`, so that
``except ValueError`` does what a user expects.
"""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

SHORTEST = 3  # letters that stand for the one name that begins with them
MOST_OFFERED = 6


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


def nearest(name: object, allowed: Iterable[object]) -> str:
    """Return ", did you mean 'x'?" for the closest allowed name, or "" where none is close.

    Case does not count. The beginning of one name, or of a family "name_…", stands for all that begin so.

    >>> nearest("hiden1", ["input", "hidden1"])
    ", did you mean 'hidden1'?"
    >>> nearest("LIF_exp", ["if_exp", "lif_exp"])
    ", did you mean 'lif_exp'?"
    >>> nearest("lif", ["glif", "lif_alpha", "lif_delta", "lif_exp"])
    ", did you mean 'lif_alpha', 'lif_delta' or 'lif_exp'?"
    """
    given, known = str(name).lower(), {str(other).lower(): str(other) for other in allowed}
    begun = [key for key in known if given and key.startswith(given)]
    family = [key for key in known if given and key.startswith(f"{given}_")]
    if given in known:
        close = [given]
    elif family:
        close = family[:MOST_OFFERED]
    else:
        close = difflib.get_close_matches(given, known, n=1)
        if not close and len(begun) == 1 and len(given) >= SHORTEST:
            close = begun
    return did_you_mean([known[key] for key in close])


def did_you_mean(names: Sequence[str]) -> str:
    """Return ", did you mean 'x', 'y' or 'z'?"; "" without a name."""
    *first, last = ["", *map(repr, names)] if names else ["", ""]
    listed = ", ".join(filter(None, first))
    return f", did you mean {listed} or {last}?" if listed else f", did you mean {last}?" if last else ""
