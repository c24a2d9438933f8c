"""Files that are written completely or not at all: the one way in which a result reaches the disk.

The bytes go to a temporary file in the same folder, which then takes the place of the old one; a reader sees the old
file or the new one. Devices, pipes and folders are never replaced. Used by everything that writes a file.
"""

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from eventsim.checks import shown
from eventsim.errors import InputError
from eventsim.files.leftovers import clear, mark


def path_of(where: str, path: Any) -> Path:
    """Return what the user gave as a `Path`; InputError where it is none."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str) or "\0" in os.fspath(path):
        place = where and f"{where}: "
        raise InputError(
            f"{place}path = {shown(path)}; must be the path of a file, as text or a pathlib.Path. Give one."
        )
    return Path(path)


def check_place(where: str, path: str | os.PathLike[str]) -> Path:
    """Return the file that `path` stands for, links followed; InputError where no file can be put there."""
    given = path_of(where, path)
    place = f"{where and where + ': '}{given}"
    try:
        target = given.resolve()
        is_folder, taken = target.parent.is_dir(), target.exists() and not target.is_file()
    except (OSError, RuntimeError) as error:  # too long a name, a loop of links, a folder that may not be looked into
        raise InputError(f"{place}: this is no place for a file ({error}); give another path") from error
    if not is_folder:
        raise InputError(f"{place}: the folder {str(target.parent)!r} does not exist; create it first")
    if taken:
        kind = "a folder, not a regular file" if target.is_dir() else "not a regular file"
        raise InputError(f"{place}: this is {kind}; give the name of a file to write")
    return target


@contextlib.contextmanager
def replacing(where: str, path: str | os.PathLike[str], suffix: str = "") -> Iterator[Path]:
    """Give a temporary path to write to, with this suffix; at the end the file takes the place of `path`.

    Raises
    ------
    InputError
        No path, no such folder, or a folder or device in its place: before anything is written.
    OSError
        The disk is full, or fails. It names `path`, and what was there before still is.
    """
    target = check_place(where, path)
    clear(target.parent)
    start = target.name.encode(errors="surrogateescape")[:100].decode(errors="ignore")  # names end at 255 bytes
    temporary = target.with_name(f".{start}.{mark()}.tmp{suffix}")
    place = f"{where and where + ': '}{path}"
    try:
        temporary.open("xb").close()
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise InputError(
            f"{place}: no file can be made in the folder {str(target.parent)!r} ({error.strerror}); give another path"
        ) from error
    except OSError as error:
        raise named(error, path) from error
    try:
        yield temporary
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
    except OSError as error:
        raise named(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def named(error: OSError, path: str | os.PathLike[str]) -> OSError:
    """The same error about the file that the user knows."""
    number, words = error.errno, error.strerror
    if number is None:  # libraries keep the words, and numpy only how much it could write
        full = re.search(r"errno = 28|No space left|requested and \d+ written", str(error))
        number, words = (errno.ENOSPC, None) if full else (errno.EIO, str(error))
    return OSError(number, f"{words or os.strerror(number)}; nothing was written", str(path))


def replaced(where: str, path: str | os.PathLike[str], write: Callable[[str], None]) -> None:
    """Write a file with a function that takes its path, whose suffix it may go by."""
    with replacing(where, path, path_of(where, path).suffix) as temporary:
        write(str(temporary))
