"""Which kinds of a stage are loaded, those of users among them, and what files and words have of their settings.

Relies on `checks`. Used where the text form of a fault, of a transport, of a point or of a training is read.
"""

import importlib
import json
import re
from typing import Any

from eventsim.checks import shown
from eventsim.errors import EventsimError

# Kinds of rooms that are imported when they are first used: their modules, by the kinds' names.
_ANNOUNCED: dict[str, str] = {}


def announce(kind: str, module: str) -> None:
    """Say which module defines a kind, so that it is found before anybody has used that module.

    Parameters
    ----------
    kind
        The name by which files know it.
    module
        Where it is defined.
    """
    _ANNOUNCED[kind] = module


def load_announced(kind: Any) -> None:
    """Import the module that was announced for a kind, if there is one; a file never names a module."""
    if kind in _ANNOUNCED:
        importlib.import_module(_ANNOUNCED[kind])


def loaded_kinds(base: type[Any]) -> list[type[Any]]:
    """All subclasses of `base` that are loaded, direct ones first, in the order of their definition."""
    found: list[type[Any]] = []
    waiting = base.__subclasses__()
    while waiting:
        found += waiting
        waiting = [kind for one in waiting for kind in type.__subclasses__(one)]
    return found


def named_kinds(base: type[Any]) -> dict[str, type[Any]]:
    """Those of the subclasses of `base` that have a name, by it; of two of one name the one that was defined later."""
    names = {kind: getattr(kind, "name", None) for kind in loaded_kinds(base)}
    return {name: kind for kind, name in names.items() if isinstance(name, str)}


def with_tuples(value: Any) -> Any:
    """Lists of a file, those within lists too, as the tuples that they were."""
    return tuple(map(with_tuples, value)) if isinstance(value, list) else value


def add_settings(found: dict[str, Any], text: str, place: str, example: str, error: type[EventsimError]) -> None:
    """Add the settings of a word, ``name=value`` with commas between them, to what is known of it already.

    Values are those of JSON, inf and -inf; what is none is a string.

    >>> found = {"fault": "jitter"}
    >>> add_settings(found, "sigma=0.01,past=drop", "faults", "jitter:sigma=0.01", EventsimError)
    >>> found
    {'fault': 'jitter', 'sigma': 0.01, 'past': 'drop'}
    """
    for part in re.split(r",(?![^\[]*\])", text) if text else ():  # no comma within brackets
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key in found:
            raise error(f"{place}: {key} = {value} is there already; must be given once. Leave one out.")
        if not equals or not key:
            raise error(
                f"{place}: {shown(part)} is no setting; must be name=value, with commas between. Give e.g. {example}."
            )
        try:
            found[key] = float(value) if value in ("inf", "-inf") else json.loads(value)
        except (ValueError, RecursionError):
            found[key] = value
