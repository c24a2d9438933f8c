"""Plans as TOML files: read, with paths relative to the file, and written, so that a training can be repeated.

Relies on `read_toml` and on `Plan`. Used by `carry_out` and the command line.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from eventsim.checks import shown
from eventsim.errors import InputError, listed, nearest
from eventsim.files.output import replacing
from eventsim.files.toml_file import read_toml
from eventsim.models.data.catalogue import CATALOGUE
from eventsim.models.train.plan import KEYS, Plan, plan_of


def read_plan(path: str | os.PathLike[str], changes: Mapping[str, Any] | None = None) -> Plan:
    """Return the plan of a TOML file; nothing is trained yet.

    Parameters
    ----------
    path
        The file, whose keys are the names of `Plan`'s values.
    changes
        Values in place of the file's.

    Raises
    ------
    FileFormatError
        No such file, no TOML.
    InputError, NetworkError, FaultError
        Unknown keys, with the nearest name and the line; values that are none.
    """
    place = Path(path)
    file = read_toml(place, "a training")
    for key in file.content:
        if key not in KEYS:
            raise InputError(
                f"{place}, line {file.line(key)}: unknown key {key!r}{nearest(key, KEYS)}; must be one of "
                f"{listed(KEYS, 40)}. Choose one of them."
            )
    content = dict(file.content)
    if "data" in content:
        content["data"] = _beside(place, content["data"])
    return plan_of(content | dict(changes or {}), str(place))


def write_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Write a plan as a TOML file, which `read_plan` reads; paths of data become absolute.

    Raises
    ------
    InputError
        A text that no file of TOML holds, such as a path that is no UTF-8; `path` is no place for a file.
    OSError
        The disk is full; the old file is as it was.
    """
    lines = []
    for one in fields(plan):
        value = getattr(plan, one.name)
        if one.name == "data":
            value = _beside(Path.cwd() / "plan.toml", value)
        lines.append(f"{one.name} = {_toml(value)}\n")
    try:
        text = "".join(lines).encode()
    except UnicodeEncodeError as error:
        strange = error.object[max(error.start - 20, 0) : error.end]
        raise InputError(
            f"{path}: {shown(strange)} is no text in UTF-8; must be, to be written in a plan. Rename the file."
        ) from error
    with replacing("", path) as temporary:
        temporary.write_bytes(text)


def _beside(place: Path, data: Any) -> Any:
    """Data whose paths are relative to a file; a name stays a name."""
    if isinstance(data, str):
        return data if data in CATALOGUE else str((place.parent / data).absolute())
    if not isinstance(data, Mapping):
        return data
    given = dict(data)
    if isinstance(given.get("source"), str):
        given["source"] = _beside(place, given["source"])
    if isinstance(given.get("folder"), str):
        given["folder"] = str((place.parent / given["folder"]).absolute())
    return given


def _toml(value: Any) -> str:
    """A value as TOML has it: of numbers, texts and lists as JSON has it, but for what JSON does not have."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(key))} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(float(value))  # inf and nan, too
    return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML has no such character


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)
