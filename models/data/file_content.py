"""The bytes of a file that somebody else wrote, unpacked where they are gzip: never more than the file can be good for.

Relies on the limits of `archive`. Used by the readers of data sets.
"""

import gzip
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from eventsim.errors import FileFormatError, listed
from eventsim.files.archive import GREATEST_RATIO, LEAST_LIMIT, PIECE

GZIP = b"\x1f\x8b"  # browsers unpack a file and leave its name, so that names say nothing
REMEDY = "fetch it again"


def content(path: Path) -> bytearray:
    """Return all bytes of a file, unpacked where they are gzip.

    Raises
    ------
    FileFormatError
        There is no such file, it is none, it may not be read, or its gzip is damaged, cut, or unpacks to more than 64
        MiB and more than 20 times its size.
    """
    try:
        if path.exists() and not path.is_file():
            raise FileFormatError(f"{path}: this is a folder or a device; must be a file. Give its path")
        with path.open("rb") as stream:
            is_packed = stream.read(len(GZIP)) == GZIP
            stream.seek(0)
            if is_packed:
                return _unpacked(path, stream)
            return bytearray(stream.read())
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: there is no such file; check the path") from error
    except PermissionError as error:
        raise FileFormatError(f"{path}: this file may not be read; change its permissions") from error
    except (OSError, EOFError, zlib.error) as error:  # the first: gzip's own, too
        raise FileFormatError(f"{path}: the file is truncated or damaged ({error}); {REMEDY}") from error


def file_of(folder: Path, names: Sequence[str]) -> Path:
    """Return the file of a folder that has one of these names, the first that is there; FileFormatError without one."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    others = f" (or {listed(names[1:])})" if names[1:] else ""
    raise FileFormatError(f"{folder}: there is no {names[0]}{others} in it; must be beside the others. Fetch it, too")


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text file that hold something."""
    try:
        text = content(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: this is no text ({error}); must be one name a line. {REMEDY}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _unpacked(path: Path, stream: IO[bytes]) -> bytearray:
    """All that a gzip holds, its checksum tested at its end; read piece by piece, so that a bomb fills no memory."""
    size = os.fstat(stream.fileno()).st_size
    most = max(LEAST_LIMIT, GREATEST_RATIO * size)
    held = bytearray()
    with gzip.GzipFile(fileobj=stream) as unpacking:
        while piece := unpacking.read(PIECE):
            held += piece
            if len(held) > most:
                raise FileFormatError(
                    f"{path}: {size} bytes unpack to more than {most}; must be at most {GREATEST_RATIO} times as many. "
                    f"This is no data set: {REMEDY}"
                )
    return held
