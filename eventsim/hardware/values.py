"""From the description of a chip, as a TOML file has it, to its facts.

Relies on the schema, the units and the facts. Used where a chip is read from a file or changed. The schema says what a
value must look like; here it is read, with the grade and the sources that it or its table has.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import shown
from eventsim.errors import listed, nearest
from eventsim.hardware import quantities
from eventsim.hardware.consistency import inconsistency
from eventsim.hardware.facts import Fact
from eventsim.hardware.keys import ON_GRID, OPERATIONS, SECTIONS, Key
from eventsim.hardware.problems import Problem, RefusedError, schema_problems, value_problem
from eventsim.hardware.schema import EVERYTHING, UNLIMITED

SAID = ("grade", "source")
Path = tuple[str, ...]


class Said(NamedTuple):
    """What holds for all values of a table that do not say it themselves."""

    grade: str = ""
    source: tuple[str, ...] = ()

    def within(self, table: Mapping[str, Any]) -> "Said":
        """The same with what a table in it says."""
        source = table.get("source", self.source)
        return Said(table.get("grade", self.grade), (source,) if isinstance(source, str) else tuple(source))


def facts_of(content: Mapping[str, Any], sources: Mapping[str, str], whole: bool = True) -> dict[str, Fact]:
    """Return every value that a description has, by its key; keys by count end with the count.

    Parameters
    ----------
    content
        The description, as a file has it.
    sources
        Names of the sources that it may name, and what they are.
    whole
        Whether it describes a whole chip, or some values of one.

    Raises
    ------
    RefusedError
        It is none, with all problems where the schema finds them, else with the first one.
    """
    found = schema_problems(content, whole)
    if found:
        raise RefusedError(found)
    facts = dict(_facts(content, sources))
    if whole:
        _spread_links(facts)
        problem = inconsistency(facts)
        if problem:
            raise RefusedError([problem])
    return facts


def tables_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by key, ``{"core.axon_in": "5 ns"}``, as the tables of a file; without those that are None.

    Raises
    ------
    RefusedError
        A key that lies within another one.
    """
    content: dict[str, Any] = {}
    for key, given in values.items():
        within = [other for other in values if key.startswith(f"{other}.")]
        if within:
            _refuse((key,), f"{key}: {within[0]} is given, too; must be one of them. Take one out.")
        *tables, last = key.split(".")
        table = content
        for name in tables:
            table = table.setdefault(name, {})
        if given is not None:
            table[last] = _plain(given)
    return content


def _plain(given: Any) -> Any:
    """A value of Python as TOML would have it."""
    if isinstance(given, Mapping):
        return {str(key): _plain(value) for key, value in given.items()}
    if isinstance(given, list | tuple | np.ndarray):
        return [_plain(value) for value in given]
    return given.item() if isinstance(given, np.generic) else given


def _facts(content: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[tuple[str, Fact]]:
    of_file = _listed((), Said().within(content), sources)
    for section, keys in SECTIONS.items():
        table = content.get(section, {})
        of_table = _listed((section,), of_file.within(table), sources)
        for name, given in table.items():
            if name in SAID:
                continue
            path, key = (section, name), keys[name]
            if key.kind != "by count":
                yield ".".join(path), _fact(path, key, given, of_table, sources)
                continue
            of_counts = _listed(path, of_table.within(given), sources)
            for count, one in given.items():
                if count not in SAID:
                    of_one = (*path, count)
                    yield ".".join(of_one), _fact(of_one, key._replace(kind="time"), one, of_counts, sources)


def _fact(path: Path, key: Key, given: Any, said: Said, sources: Mapping[str, str]) -> Fact:
    """One value, which the schema has passed."""
    whole = given if isinstance(given, Mapping) else {"value": given}
    said = _listed(path, said.within(whole), sources)
    name = ".".join(path)
    for what, has in (("grade", said.grade), ("source", said.source)):
        if not has:
            _refuse(
                path, f"{name} has no {what}; must have one, of its own, of its table or of the file. Write "
                f'{path[-1]} = {{value = …, grade = "text", source = "name"}}, or {what} = … first in [{path[0]}].',
            )  # fmt: skip
    given_ends = whole.get("range", [whole.get("value")])
    ends = [_value(path, key, one) for one in given_ends]
    _check_range(path, "range" in whole, ends, said)
    contains = whole.get("contains", ())
    if contains == EVERYTHING:
        contains = [operation for operation in OPERATIONS if operation != path[-1]]
    text = " to ".join(_text(key, one) for one in given_ends)
    return Fact(text, ends[0], ends[-1], said.grade, said.source, whole.get("note", ""), tuple(contains))


def _value(path: Path, key: Key, given: Any) -> Any:
    """A value as a number, a word, or a tuple of numbers."""
    if key.kind in quantities.QUANTITIES:
        try:
            return quantities.parse(given, key.kind)
        except ValueError:
            raise RefusedError([value_problem(path, key, given)]) from None
    if key.kind == "choice":
        return given
    if given == UNLIMITED:
        return math.inf
    places = given if isinstance(given, list) else [given]
    numbers = [number for place in places for number in (place if isinstance(place, list) else [place])]
    # A schema takes 2.0 for an integer, and passes NaN.
    if not all(math.isfinite(number) and (key.kind == "ratio" or isinstance(number, int)) for number in numbers):
        raise RefusedError([value_problem(path, key, given)])
    if isinstance(given, list):
        return tuple(tuple(place) if isinstance(place, list) else place for place in given)
    return given


def _check_range(path: Path, is_range: bool, ends: list[Any], said: Said) -> None:
    """Does a range rise, and does a conflict have two sides?"""
    name = ".".join(path)
    if is_range and not ends[0] < ends[1]:
        _refuse(path, f"{name}: its range does not rise; must be from low to high. Exchange the ends, and the sources.")
    if said.grade == "conflicting" and not (is_range and len(said.source) == 2):
        what = "a range" if is_range else "one value"
        _refuse(
            path, f"{name}: grade 'conflicting' of {what} with {len(said.source)} source(s); must be a range with the "
            'sources of its two ends. Write range = ["…", "…"], source = ["of low", "of high"].',
        )  # fmt: skip


def _listed(path: Path, said: Said, sources: Mapping[str, str]) -> Said:
    """What is said, where all sources of it are in the list."""
    for name in said.source:
        if name not in sources:
            there = listed(sources) or "there is none"
            _refuse(
                (*path, "source"), f"{'.'.join((*path, 'source'))} = {shown(name)}{nearest(name, sources)}; must be "
                f'one of [sources]: {there}. Add {shown(name)[1:-1]} = "who, where, when" there.',
            )  # fmt: skip
    return said


def _spread_links(facts: dict[str, Fact]) -> None:
    """On a grid, what is said of links holds along x and along y where nothing else is said of these."""
    kind = facts.get("topology.kind")
    if kind is None or kind.value not in ON_GRID:
        return
    for key in [key for key in facts if key.startswith("link.")]:
        fact = facts.pop(key)
        for axis in "xy":
            facts.setdefault(f"link_{axis}.{key.removeprefix('link.')}", fact)


def _text(key: Key, given: Any) -> str:
    return f"{given[0]} x {given[1]}" if key.kind == "size" else str(given)


def _refuse(path: Path, text: str) -> None:
    raise RefusedError([Problem(path, text)])
