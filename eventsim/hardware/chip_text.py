"""A chip as what JSON knows, and the way back: provenances hold it.

Relies on the chip and its facts.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from eventsim.checks import real
from eventsim.errors import InputError
from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.facts import GRADES, Fact
from eventsim.hardware.keys import KEYS

UNLIMITED = "unlimited"
ENDS = ("low", "high")  # of a fact: where infinity is "unlimited", as it is in its text anyway


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
            str(key): Fact(**{name: _back(value, name in ENDS) for name, value in fact.items()})
            for key, fact in description["facts"].items()
        }
        for key, fact in facts.items():
            _check(key, fact)
        name, title, note = (str(description[entry]) for entry in ("name", "title", "note"))
        sources = {str(source): str(text) for source, text in dict(description["sources"]).items()}
        return ChipDescription(name, title, note, facts, sources)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise InputError(
            f"hardware: a description of a chip is damaged ({problem!r}); must be what was written."
        ) from None


def _check(key: str, fact: Fact) -> None:
    """Refuse, by a ValueError, what is none of the values that `described` writes."""
    said = isinstance(fact.text, str) and isinstance(fact.note, str) and fact.grade in [*GRADES]
    named = all(isinstance(several, tuple) for several in (fact.sources, fact.contains)) and all(
        isinstance(one, str) for one in (*fact.sources, *fact.contains)
    )
    known = KEYS.get(key)
    if known is not None and known.kind == "choice":
        there = fact.low == fact.high and fact.low in known.choices
    elif known is not None and known.kind in ("size", "positions"):
        there = isinstance(fact.low, tuple) and fact.low == fact.high
    else:
        ends = [real(end) for end in (fact.low, fact.high)]
        there = None not in ends and 0 <= ends[0] <= ends[1]
    if not (said and named and there):
        raise ValueError(f"{key}: {fact}")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return UNLIMITED if value == math.inf else value


def _back(value: Any, is_end: bool) -> Any:
    """Lists as tuples; "unlimited" as infinity where it is the end of a range, and no word."""
    if isinstance(value, list | tuple):
        return tuple(_back(one, is_end) for one in value)
    return math.inf if is_end and value == UNLIMITED else value
