"""The JSON schema of the files of chips, made of the table of their keys.

Relies on `keys` and `quantities`. Used where such a file is read; editors that know schemas of TOML take it, too. A
value may stand alone, ``"4.1 ns"``, where its table says grade and source for all, or be a table of its own. What a
schema cannot say, such as that a source is listed, is asked behind it (`values`).
"""

from typing import Any

from eventsim.hardware import quantities
from eventsim.hardware.facts import GRADES
from eventsim.hardware.keys import OPERATIONS, SECTIONS, Key

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# In Python, "$" is before a last line break, too; in the expressions of JSON schemas, which know no "\Z", it is not.
END = "$(?!\\n)"
NAME = f"^[a-z][a-z0-9_]*{END}"
NUMBER = f"^[1-9][0-9]{{0,5}}{END}"
FARTHEST = 10**6  # from the corner, of a tile
COUNT = {"type": "integer", "minimum": 1, "maximum": 2**53}
UNLIMITED = "unlimited"
EVERYTHING = "everything"


def schema() -> dict[str, Any]:
    """Return the schema, draft 2020-12, as JSON has it."""
    given: dict[str, Any] = {
        "name": {"type": "string", "pattern": NAME},
        "title": {"type": "string", "minLength": 1},
        "note": {"type": "string"},
        "sources": {
            "type": "object",
            "propertyNames": {"pattern": NAME},
            "additionalProperties": {"type": "string", "minLength": 1},
        },
        **_said(),
    }
    for section, keys in SECTIONS.items():
        entries = {name: entry(key, section == "prices") for name, key in keys.items()}
        given[section] = {
            "type": "object",
            "properties": {**_said(), **entries},
            "additionalProperties": False,
        }
    return {
        "$schema": DIALECT,
        "title": "A chip of eventsim.hardware",
        "type": "object",
        "properties": given,
        "required": ["name", "title"],
        "additionalProperties": False,
    }


def entry(key: Key, priced: bool = False) -> dict[str, Any]:
    """Return the schema of one value, alone or as a table with its grade and sources."""
    if key.kind == "by count":
        table = {
            "type": "object",
            "properties": _said(),
            "patternProperties": {NUMBER: entry(key._replace(kind="time"))},
            "additionalProperties": False,
        }
        return {"description": key.meaning, **table}
    value = alone(key)
    parts: dict[str, Any] = {"value": value, **_said(), "note": {"type": "string"}}
    if key.kind not in ("choice", "size", "place", "positions"):
        parts["range"] = {"type": "array", "items": value, "minItems": 2, "maxItems": 2}
    if priced:
        names = {"type": "array", "items": {"enum": list(OPERATIONS)}, "minItems": 1, "uniqueItems": True}
        parts["contains"] = {"if": {"type": "string"}, "then": {"const": EVERYTHING}, "else": names}
    table = {
        "properties": parts,
        "additionalProperties": False,
        "oneOf": [{"required": [name]} for name in ("value", "range") if name in parts],
    }
    return {"description": key.meaning, "if": {"type": "object"}, "then": table, "else": value}


def alone(key: Key) -> dict[str, Any]:
    """Return the schema of a value without anything about it."""
    if key.kind in quantities.QUANTITIES:
        return {"type": "string", "pattern": quantities.pattern(key.kind), "maxLength": quantities.LONGEST}
    if key.kind == "choice":
        return {"enum": list(key.choices)}
    if key.kind == "ratio":
        return {"type": "number", "exclusiveMinimum": 0, "maximum": 1e100}
    if key.kind == "capacity":
        return {"if": {"type": "string"}, "then": {"const": UNLIMITED}, "else": COUNT}
    if key.kind == "size":
        return {"type": "array", "items": COUNT | {"maximum": 10**6}, "minItems": 2, "maxItems": 2}
    if key.kind == "place":
        coordinate = {"type": "integer", "minimum": 0, "maximum": FARTHEST}
        return {"type": "array", "items": coordinate, "minItems": 2, "maxItems": 2}
    if key.kind == "positions":
        coordinate = {"type": "integer", "minimum": -FARTHEST, "maximum": FARTHEST}
        place = {"type": "array", "items": coordinate, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": place, "minItems": 1, "uniqueItems": True}
    return COUNT | {"minimum": 2} if key.kind == "several" else dict(COUNT)


def allowed(key: Key) -> str:
    """Return what a value must be, for messages."""
    if key.kind in quantities.QUANTITIES:
        quantity = quantities.QUANTITIES[key.kind]
        article = "an" if key.kind[0] in "aeiou" else "a"
        return f'must be {article} {key.kind} such as "{quantity.example}" ({quantity.shown})'
    if key.kind == "choice":
        return f"must be one of {', '.join(key.choices)}"
    return {
        "ratio": "must be a number > 0",
        "count": "must be an integer >= 1",
        "several": "must be an integer >= 2",
        "capacity": f'must be an integer >= 1, or "{UNLIMITED}"',
        "size": "must be two integers >= 1, along x and along y: [8, 4]",
        "place": "must be two integers >= 0, x and y: [0, 0]",
        "positions": f"must be different places, [x, y] in integers up to {FARTHEST:,}: [[0, 0], [1, 0]]",
        "by count": 'must be a table of times by number: {1 = "0.6 us", 2 = "1.0 us"}',
    }[key.kind]


def _said() -> dict[str, Any]:
    """What may be said of a value, or of all values of a table: how good it is, and who says so."""
    source = {"type": "string", "pattern": NAME}
    several = {"type": "array", "items": source, "minItems": 1, "uniqueItems": True}
    return {
        "grade": {"enum": list(GRADES)},
        "source": {"if": {"type": "string"}, "then": source, "else": several},
    }
