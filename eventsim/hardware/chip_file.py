"""Chips by name, and from TOML files.

Relies on `read_toml`, `jsonschema` (an extra) and `values`. Used by everybody who has a chip. What is wrong with a file
is said with its line; the first one, where it is several things.
"""

from pathlib import Path

from eventsim.errors import FileFormatError, InputError, listed, nearest
from eventsim.files.toml_file import TomlFile, read_toml
from eventsim.hardware import presets
from eventsim.hardware.chip import Chip
from eventsim.hardware.problems import RefusedError
from eventsim.hardware.values import facts_of


def chip(name: str | Path) -> Chip:
    """Return a chip that comes with eventsim, by its name, or the chip of a TOML file.

    Parameters
    ----------
    name
        One of `chips`, or the path of a file, which ends with ".toml" (docs/how-to/describe-a-chip.md).

    Raises
    ------
    InputError
        No such chip, with the nearest name; `jsonschema` is not installed.
    FileFormatError
        No such file, no TOML; unknown keys, values of another kind, unit or range, or without a grade or a listed
        source: with the line and the key.

    Examples
    --------
    >>> from eventsim import hardware
    >>> hardware.chip("loihi").need("core.axon_in")
    1.6e-08
    """
    if isinstance(name, Path) or (isinstance(name, str) and is_file_of_chip(name)):
        return read_chip(name)
    if not isinstance(name, str) or name not in chips():
        raise InputError(
            f"hardware.chip: name = {name!r:.80}{nearest(name, chips())}; must be one of {listed(chips(), 20)}, or a "
            "file that ends with .toml. Choose one of them."
        )
    return read_chip(presets.path(name))


def is_file_of_chip(name: str) -> bool:
    """Whether a name is that of a file, and not of a chip that comes with eventsim."""
    return name.endswith(".toml") or "/" in name or "\\" in name


def chips() -> list[str]:
    """Return the names of the chips that come with eventsim, sorted."""
    return presets.names()


def read_chip(path: str | Path) -> Chip:
    """Return the chip of a TOML file; `chip` says what is refused."""
    file = read_toml(path, "a chip")
    content = file.content
    sources = content.get("sources", {})
    try:
        facts = facts_of(content, sources if isinstance(sources, dict) else {})
    except RefusedError as refused:
        raise FileFormatError(_message(file, refused)) from None
    return Chip(content["name"], content["title"], content.get("note", ""), facts, sources)


def _message(file: TomlFile, refused: RefusedError) -> str:
    lines = [file.line(*problem.path) for problem in refused.problems]
    line, problem = min(zip(lines, refused.problems, strict=True), key=lambda pair: pair[0])
    more = f" ({len(lines) - 1} more in this file)" if len(lines) > 1 else ""
    return f"{file.path}, line {line}: {problem.text}{more}"
