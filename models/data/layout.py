"""A published form of a data set: which files lie in its folder, and what reads them.

Relies on the parts of a data set. Used by the readers, each of which states its layouts, and by `load`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsim.errors import listed
from eventsim.models.data.labelled_values import Parts


@dataclass(frozen=True)
class Layout:
    """What lies in a folder.

    Attributes
    ----------
    title
        Which form it is, for messages.
    files
        Names of each file that must be there; several names where any of them is taken.
    read
        Takes the folder, the name of the data set ("" of a folder that was given), and the options that were given.
    options
        Those that it takes.
    """

    title: str
    files: tuple[tuple[str, ...], ...]
    read: Callable[[Path, str, Mapping[str, Any]], Parts]
    options: tuple[str, ...] = ()

    def n_there(self, folder: Path) -> int:
        """Return how many of the files are in a folder."""
        return sum(any((folder / name).is_file() for name in names) for names in self.files)

    def is_whole(self, folder: Path) -> bool:
        """Are all of the files in a folder?"""
        return self.n_there(folder) == len(self.files)

    def described(self) -> str:
        """Return the form and its files in a few words."""
        return f"{self.title}: {listed(names[0] for names in self.files)}"
