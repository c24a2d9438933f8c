"""A chip as what JSON knows, and the way back: provenances hold it.

Relies on the chip and its facts.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from eventsim.errors import InputError
from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.facts import Fact

UNLIMITED = "unlimited"


def described(chip: ChipDescription) -> dict[str, Any]:
    """Return all that a chip is, in dicts, lists, words and numbers."""
    facts = {
        key: {name: _plain(value) for name, value in dataclasses.asdict(fact).items()}
        for key, fact in chip.facts.items()
    }
    return {
        "name": chip.name, "title": chip.title, "note": chip.note, "facts": facts, "sources": dict(chip.sources),
    }  # fmt: skip


def chip_from(description: Mapping[str, Any]) -> ChipDescription:
    """Return the chip that `described` described.

    Raises
    ------
    InputError
        No such description.
    """
    try:
        facts = {
            str(key): Fact(**{name: _back(value, name in ("low", "high")) for name, value in fact.items()})
            for key, fact in description["facts"].items()
        }
        return ChipDescription(
            description["name"], description["title"], description["note"], facts, dict(description["sources"])
        )
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise InputError(
            f"hardware: a description of a chip is damaged ({problem!r}); must be what was written."
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return UNLIMITED if value == math.inf else value


def _back(value: Any, is_end: bool) -> Any:
    """Lists as tuples; "unlimited" as infinity where it is the end of a range, and no word."""
    if isinstance(value, list | tuple):
        return tuple(_back(one, is_end) for one in value)
    return math.inf if is_end and value == UNLIMITED else value
