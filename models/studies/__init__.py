"""Studies that come with eventsim: TOML files about the digits networks, at sizes that run in a minute or two.

They look at what the papers look at: spike-time noise, mismatch, windows, bits (Stanojevic et al. 2023 and 2024), and
at one thing that these do not: how large the sample must be that sets the windows. Relies on `recipes`, which the files
name. Used by ``eventsim study NAME``, examples and tests.
"""

import tomllib
from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the studies, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def path(name: str) -> Path:
    """Return the TOML file of a study."""
    return FOLDER / f"{name}.toml"


def title(name: str) -> str:
    """Return what a study is about, in one line."""
    return str(tomllib.loads(path(name).read_text(encoding="utf-8"))["title"])
