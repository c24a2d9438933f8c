"""The errors that eventsim raises on purpose, and how their messages are built.

Relies on nothing. Used by every room. A message has four parts: where, what (name and value), what is
allowed, and what to do. All errors are `EventsimError`; those about arguments are also `ValueError`, so that
``except ValueError`` does what a user expects. Names in a message may come from a file that anybody has written: no
message is longer than a screen, whatever they are.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

SHORTEST = 3  # letters that stand for the one name that begins with them
MOST_OFFERED = 6
LONGEST = 1500  # characters of a message
LONGEST_WORD = 300  # … of a word, which may be a path
LONGEST_NAME = 80  # … of a name in a list
MOST_NAMES = 12


def shortened(message: str, longest: int = LONGEST) -> str:
    """Return a message whose words and whole have bounded lengths; what is left out is in the middle.

    >>> shortened("x" * 1000 + ": must be a number. Give one.", 100)
    'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx … xxx: must be a number. Give one.'
    """
    message = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: _cut(word[0], LONGEST_WORD), message)
    return _cut(message, longest)


def _cut(text: str, longest: int) -> str:
    """Two thirds of what is allowed from the beginning, the rest from the end, and a mark between them."""
    if len(text) <= longest:
        return text
    end = (longest - 3) // 3
    return f"{text[: longest - 3 - end]} … {text[-end:]}"


def listed(names: Iterable[object], most: int = MOST_NAMES) -> str:
    """Return names for a message, separated by commas: the first ones where they are many, each cut where it is long.

    >>> listed((f"layer{k}" for k in range(1000)), 3)
    'layer0, layer1, layer2 and 997 more'
    """
    found = [_cut(str(name), LONGEST_NAME) for name in names]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return f"{', '.join(found[:most])}{more}"


def _sent(kind: "type[EventsimError]", *args: object) -> "EventsimError":
    """An error as it was, from another process: made without its `__init__`, which may take something else."""
    return kind.__new__(kind, *args)


class EventsimError(Exception):
    """Base of every error that eventsim raises on purpose; a message that is too long is cut in the middle."""

    def __init__(self, message: object = "", *details: object) -> None:
        super().__init__(shortened(str(message)), *details)

    def __reduce__(self) -> tuple[Any, ...]:
        return _sent, (type(self), *self.args), vars(self)


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


class PlacementError(EventsimError, ValueError):
    """A network that does not fit on the cores of a chip, or a placement that is none."""


class SimulationError(EventsimError, RuntimeError):
    """The run itself went wrong: a neuron firing twice at one time, a delay lost by rounding.

    ``error.run`` holds the `Run` recorded up to that point, or None.
    """

    def __init__(self, message: str, run: Any = None) -> None:
        super().__init__(message)
        self.run = run


class BudgetError(SimulationError):
    """`max_events` or `max_time` was reached; ``error.run`` holds what was done until then."""


class DeadlockError(SimulationError):
    """Stations of a fabric wait for each other, and no packet can go on; ``error.run`` holds what was done."""


class StorageError(BudgetError):
    """The disk has no room for what is recorded; ``error.run`` holds what was done until then."""


class TrainingError(EventsimError, RuntimeError):
    """Training cannot go on: a loss that is no number, windows in which neurons fire too early."""


class PrematureSpikeWarning(UserWarning):
    """Neurons of a mapped network fired before all of their inputs were there: what they carry is wrong."""


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
    if len(str(name)) > LONGEST_WORD:  # a comparison takes the product of the lengths
        return ""
    known = {text.lower(): text for text in map(str, allowed) if len(text) <= LONGEST_WORD}
    given = str(name).lower()
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
    before = ", ".join(filter(None, first))
    return f", did you mean {before} or {last}?" if before else f", did you mean {last}?" if last else ""
