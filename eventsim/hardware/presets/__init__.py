"""Chips that come with eventsim: TOML files, each value with its source and grade. docs/reference/chips.md shows them.

Relies on nothing. Used by `eventsim.hardware.chip` and its reference page.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the chips, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def path(name: str) -> Path:
    """Return the TOML file of a chip."""
    return FOLDER / f"{name}.toml"
