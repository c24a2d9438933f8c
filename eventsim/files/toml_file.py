"""TOML files that people write, and in which line a key stands.

Relies on `tomllib` and `eventsim.errors`. Used for chips and studies. `tomllib` says where a file is no TOML, but not
where a value that it read stood. That is found by reading the statements of a file one after another, each on its own.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsim.errors import EventsimError, FileFormatError

MOST_BYTES = 1 << 20  # of a file that somebody writes
MOST_DEEP = 50  # tables and lists within each other
TOO_DEEP = "tables or lists within too many others"
MOST_ENDS = 1000  # lines with a bracket or quotation marks in one statement
LINE_END = b"\n"
ENDING = re.compile("[\\]\"'}]")  # without one of these no statement of several lines ends


@dataclass(frozen=True)
class TomlFile:
    """What a file says, and where.

    Attributes
    ----------
    path
        The file, for messages.
    text
        All of it.
    content
        The same as `tomllib` reads it.
    """

    path: str
    text: str
    content: dict[str, Any]

    def line(self, *keys: Any) -> int:
        """Return the line, from 1, in which a key begins, or else the table that it belongs to; 1 of the whole file."""
        found = places(self.text)
        names = tuple(str(key) for key in keys)
        return next((found[names[:n]] for n in range(len(names), 0, -1) if names[:n] in found), 1)


def read_toml(path: str | Path, what: str) -> TomlFile:
    """Return a file of TOML.

    Parameters
    ----------
    path
        The file.
    what
        What it should be, for messages: "a study".

    Raises
    ------
    FileFormatError
        There is no such file; it cannot be read; it is longer than 1 MiB; it is no TOML, with the line; its
        tables lie more than 50 deep.
    """
    place, text = Path(path), ""
    allowed = f"must be a TOML file of {what}"
    try:
        if place.is_file() and place.stat().st_size > MOST_BYTES:
            raise FileFormatError(f"{place}: this file is larger than 1 MiB; {allowed}. Check the path.")
        text = place.read_bytes().decode()
        content = tomllib.loads(text)
        if _is_deep(content):
            raise FileFormatError(f"{place}: this is no TOML ({TOO_DEEP}); {allowed}. Mend it.")
    except FileNotFoundError as error:
        raise FileFormatError(f"{place}: there is no such file; {allowed}. Check the path.") from error
    except EventsimError:
        raise
    except (ValueError, RecursionError) as error:  # of tomllib, of the encoding, and of numbers with too many digits
        reason = TOO_DEEP if isinstance(error, RecursionError) else str(error)
        raise FileFormatError(
            f"{place}{_line_of(error, text)}: this is no TOML ({reason}); {allowed}. Mend it."
        ) from error
    except OSError as error:
        raise FileFormatError(f"{place}: this file cannot be read ({error.strerror}); {allowed}.") from error
    return TomlFile(str(place), text, content)


def _is_deep(content: Any) -> bool:
    """Are there more tables and lists within each other than anybody means? What reads them goes from one to the next.

    `tomllib` itself reads a key of thousands of names, "a.a.a.…", without a word.
    """
    layer = [content]
    for _ in range(MOST_DEEP):
        layer = [
            inner
            for one in layer
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, dict | list) for one in layer)


def _line_of(error: Exception, text: str) -> str:
    """Where a file ceases to be text, or TOML; at its end, the statement that has none, or the last one."""
    if isinstance(error, UnicodeDecodeError):
        before = error.object[: error.start]
        return f", line {before.count(LINE_END) + 1}"
    reason = str(error)
    found = re.search(r"at line (\d+)", reason)
    if found:
        return f", line {found[1]}"
    if "end of document" not in reason:
        return ""
    whole = sum(statement.count("\n") + 1 for _, statement in _statements(text))
    return f", line {min(whole, text.count(chr(10))) + 1}"


def places(text: str) -> dict[tuple[str, ...], int]:
    """Return the line, from 1, of each key of a file of TOML, with the names of the tables that it is in."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for line, statement in _statements(text):
        content = tomllib.loads(statement)
        paths = list(_paths(content))
        if statement.lstrip().startswith("["):
            table = max(paths, key=len, default=())
            paths = [table[:n] for n in range(1, len(table) + 1)]
        else:
            paths = [(*table, *path) for path in paths]
        for path in paths:
            found.setdefault(path, line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Every statement of a file that `tomllib` could read, and its first line; ends early at one that is endless."""
    lines = text.replace("\r\n", "\n").split("\n")
    first, tries = 0, 0
    for k, line in enumerate(lines):
        if k > first and not ENDING.search(line):
            continue
        statement = "\n".join(lines[first : k + 1])
        try:
            tomllib.loads(statement)
        except (ValueError, RecursionError):
            tries += 1
            if tries > MOST_ENDS:
                return
            continue
        yield first + 1, statement
        first, tries = k + 1, 0


def _paths(content: Any) -> Iterator[tuple[str, ...]]:
    """The names that lead to each key of a table, tables before what is in them; into lists of tables, too."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield (key,)
            yield from ((key, *path) for path in _paths(value))
    elif isinstance(content, Sequence) and not isinstance(content, str | bytes):
        for value in content:
            yield from _paths(value)
