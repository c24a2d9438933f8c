"""A chip as a table: every value with its grade and sources, what is unknown, who the sources are.

Relies on the facts. Used by `Chip` and by the page of all chips.
"""

import textwrap
from collections.abc import Iterable, Mapping

from eventsim.hardware.facts import Fact
from eventsim.hardware.keys import OPERATIONS
from eventsim.table import Column, Table

WIDTH = 100  # characters of a line of text


def chip_table(
    title: str, note: str, facts: Mapping[str, Fact], unknown: Iterable[str], sources: Mapping[str, str]
) -> Table:
    """Return a row for each value; title and note above, what is unknown and the sources below."""
    columns = tuple(Column(name, text=True) for name in ("key", "value", "grade", "source", "note"))
    rows = [(key, fact.text, fact.grade, ", ".join(fact.sources), remark(key, fact)) for key, fact in facts.items()]
    above = [title, *textwrap.wrap(note, WIDTH), ""]
    below = ["", *_wrapped("unknown", by_section(unknown) or "nothing"), ""]
    below += [line for name, text in sources.items() for line in _wrapped(name, text)]
    return Table(columns, tuple(rows), tuple(above), tuple(below))


def remark(key: str, fact: Fact) -> str:
    """Return what is to be known about a value, beside its grade and sources."""
    others = {*OPERATIONS} - {key.removeprefix("prices.")}
    contained = "everything else" if {*fact.contains} == others else ", ".join(fact.contains)
    return "; ".join(filter(None, (f"all-in: contains {contained}" if contained else "", fact.note)))


def by_section(keys: Iterable[str]) -> str:
    """Return keys in few words, section by section.

    >>> by_section(["core.latency", "core.full", "limits.fan_in"])
    'core (latency, full), limits (fan_in)'
    """
    found: dict[str, list[str]] = {}
    for key in keys:
        section, _, name = key.partition(".")
        found.setdefault(section, []).append(name)
    return ", ".join(f"{section} ({', '.join(names)})" for section, names in found.items())


def _wrapped(name: str, text: str) -> list[str]:
    return textwrap.wrap(f"{name}: {text}", WIDTH, subsequent_indent="  ")
