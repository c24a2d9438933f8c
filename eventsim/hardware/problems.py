"""What is wrong with the description of a chip, in words: which value, what is allowed, what to do.

Relies on `jsonschema` (an extra), the schema and the units. Used where a chip is read from a file or changed.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from eventsim.checks import shown
from eventsim.errors import listed, nearest
from eventsim.extras import package
from eventsim.hardware import quantities
from eventsim.hardware.facts import GRADES
from eventsim.hardware.keys import OPERATIONS, SECTIONS, Key
from eventsim.hardware.schema import EVERYTHING, allowed, schema

ABOUT = ("grade", "source", "note", "contains")


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes
    ----------
    path
        The names that lead to it, of tables and keys.
    text
        What is wrong, what is allowed, what to do.
    """

    path: tuple[Any, ...]
    text: str


class RefusedError(Exception):
    """A description that is none of a chip; whoever knows where it is from says so, in an error of eventsim."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return self.problems[0].text


def schema_problems(content: Any, whole: bool = True) -> list[Problem]:
    """Return everything that the schema has against a description; where it is not `whole`, name and title may lack.

    Raises
    ------
    InputError
        `jsonschema` is not installed.
    """
    rules = schema() if whole else schema() | {"required": []}
    validator = package("jsonschema", "eventsim.hardware").Draft202012Validator(rules)
    return [problem for error in validator.iter_errors(content) for problem in _in_words(error)]


def value_problem(path: tuple[Any, ...], key: Key, given: Any) -> Problem:
    """Return what is wrong with a value, which is not of its kind."""
    reason = ""
    if key.kind in quantities.QUANTITIES:
        try:
            quantities.parse(given if isinstance(given, str) else str(given), key.kind)
        except ValueError as error:
            reason = f": {error}"
    elif isinstance(given, str) and given in key.absent:
        return Problem(path, f"{_dotted(path)} = {shown(given)}; {allowed(key)}: {key.absent[given]}.")
    elif key.kind == "choice" and isinstance(given, str):
        reason = nearest(given, key.choices)
    return Problem(path, f"{_dotted(path)} = {shown(given)}{reason}; {allowed(key)}. Mend it.")


def _in_words(error: Any) -> list[Problem]:
    """What one error of jsonschema means; of unknown keys one each."""
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        return [_unknown(path, name, error) for name in error.instance if not _is_known(name, error.schema)]
    if error.validator == "required" and not path:
        (missing,) = (name for name in error.validator_value if f"'{name}'" in error.message)
        return [Problem((), f'{missing} is missing; must be given. Write {missing} = "…" in the first lines.')]
    if error.validator == "oneOf":
        words = "one of value and range"
        return [Problem(path, f'{_dotted(path)} = {shown(error.instance)}; must have {words}. Write value = "…".')]
    about = [name for name in path[1:] if name in ABOUT] or [name for name in path[:1] if name in ABOUT]
    if about:
        return [_about(path, about[0], error.instance)]
    if path and path[0] == "sources":
        return [_of_sources(path, error)]
    if path and path[0] in ("name", "title"):
        form = "letters a to z, digits and _, a letter first" if path[0] == "name" else "a text"
        return [Problem(path, f"{path[0]} = {shown(error.instance)}; must be {form}. Write it so.")]
    if len(path) < 2:
        return [Problem(path, f"{_dotted(path)} = {shown(error.instance)}; must be a table. Write [{_dotted(path)}].")]
    key = SECTIONS[path[0]][path[1]]
    if key.kind == "by count" and len(path) > 2:
        key = key._replace(kind="time")
    whole = next((n for n, name in enumerate(path) if name in ("value", "range") or isinstance(name, int)), len(path))
    return [value_problem(path[:whole], key, error.instance)]


def _unknown(path: tuple[Any, ...], name: Any, error: Any) -> Problem:
    known = list(error.schema.get("properties", {}))
    numbers = " or a number of cores or tiles" if "patternProperties" in error.schema else ""
    close = nearest(name, known)
    text = f"{_dotted((*path, name))}: unknown key{close}; must be one of {listed(known, 40)}{numbers}. Choose another."
    return Problem((*path, name), text)


def _is_known(name: Any, rules: Mapping[str, Any]) -> bool:
    by_number = any(re.search(form, str(name)) for form in rules.get("patternProperties", {}))
    return name in rules.get("properties", {}) or by_number


def _about(path: tuple[Any, ...], name: str, given: Any) -> Problem:
    """What is wrong with something that is said of a value."""
    path = path[: path.index(name) + 1]
    if name == "grade":
        close = nearest(given, GRADES) if isinstance(given, str) else ""
        words = f"{close}; must be one of {listed(GRADES)}. Choose one of them."
    elif name == "source":
        words = "; must be a name of [sources], or a list of different ones. Write it so."
    elif name == "contains":
        close = nearest(given, OPERATIONS) if isinstance(given, str) else ""
        words = f'{close}; must be "{EVERYTHING}" or a list of {listed(OPERATIONS, 20)}. Write it so.'
    else:
        words = "; must be a text. Write it so."
    return Problem(path, f"{_dotted(path)} = {shown(given)}{words}")


def _of_sources(path: tuple[Any, ...], error: Any) -> Problem:
    if error.validator == "pattern" and len(path) == 1:
        words = "a name of a source must be letters a to z, digits and _, a letter first. Rename it."
        return Problem((*path, error.instance), f"sources: {shown(error.instance)}; {words}")
    words = 'must be a text. Write name = "who, where, when".' if path[1:] else "must be a table. Write [sources]."
    return Problem(path, f"{_dotted(path)} = {shown(error.instance)}; {words}")


def _dotted(path: Iterable[Any]) -> str:
    return ".".join(map(str, path))
