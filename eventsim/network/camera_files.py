"""Files of event cameras, as structured arrays that `SpikeTimes.from_events` takes.

The decoders of what is more than a list of records are those of faery (https://github.com/aestream/faery), which is
optional and imported when it is used. Relies on `event_words`, against which its times are held, and on
`event_records`. Used by `SpikeTimes.from_recording`.
"""

import importlib
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import shown
from eventsim.errors import FileFormatError, InputError, listed
from eventsim.network.camera_events import CAMERA, Array
from eventsim.network.event_records import read_dat, read_nmnist
from eventsim.network.event_words import LARGEST, read_words

WHERE = "SpikeTimes.from_recording"
RECORDS = {".dat": read_dat, ".bin": read_nmnist}
SUFFIXES = (".aedat4", ".es", ".raw", *RECORDS)


def read_recording(path: str | Path) -> tuple[Array, tuple[int, int] | None]:
    """The events (t in µs, x, y, p) of a file, and (height, width) of its camera, or None where it does not say.

    The first stream of events is read where an AEDAT4 file has several. Rows count from above, also those of Event
    Stream files, which count from below: faery turns them.

    Raises
    ------
    InputError
        No path, a file of another kind, faery is not installed.
    FileFormatError
        A file that is missing or damaged. An Event Stream does not say how long it is: cut off, it is a shorter one.

    Warns
    -----
    RuntimeWarning
        A .raw file begins with events that have no time, since none was given before them: they are left out.
    """
    suffix = Path(path).suffix.lower() if isinstance(path, str | os.PathLike) else ""
    if suffix not in SUFFIXES:
        raise InputError(
            f"{WHERE}: path = {shown(path)}; must be the path of a file that ends in {listed(SUFFIXES)}. Of other "
            "files read the events yourself and give them to SpikeTimes.from_events."
        )
    if suffix in (".aedat4", ".es"):
        return _decoded(path)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise FileFormatError(f"{WHERE}: {path} cannot be read ({error}); must be a file. Look at the path.") from error
    where = f"{WHERE}: {path}"
    return RECORDS[suffix](where, raw) if suffix in RECORDS else _read_raw(where, path, raw)


def _read_raw(where: str, path: str | Path, raw: bytes) -> tuple[Array, tuple[int, int] | None]:
    """The events of a .raw file, as faery decodes them with all that the header says, at the times of the file."""
    words = read_words(where, raw)
    height, width = words.sizes or (LARGEST, LARGEST)
    found, _ = _decoded(path, dimensions_fallback=(width, height), version_fallback=words.encoding)
    same = len(found) == len(words.times) and bool((found["t"] == words.times).all())
    if not same:
        n = min(len(found), len(words.times))
        differ = found["t"][:n] != words.times[:n]
        first = int(np.argmax(differ)) if differ.any() else n
        raise FileFormatError(
            f"{where}: time goes back, or leaps, before event {first} of {len(words.times)}; must never go back. The "
            "file is damaged: copy it again, or cut it with the tools of the camera's maker."
        )
    if words.n_untimed:
        warnings.warn(
            f"{where}: the first {words.n_untimed} of {len(found)} events come before the first word that gives the "
            "time, so that nobody knows when they happened; they are left out.",
            RuntimeWarning,
            stacklevel=4,
        )
    return found[words.n_untimed :], words.sizes


def _decoded(path: str | Path, **options: Any) -> tuple[Array, tuple[int, int]]:
    """The events of a file by faery, and (height, width) of its camera."""
    try:
        faery = importlib.import_module("faery")
    except ImportError as error:
        raise InputError(
            f"{WHERE} needs faery, which is not installed ({error}); must be there. Install it with "
            "pip install 'eventsim[events]'."
        ) from error
    try:
        stream = faery.events_stream_from_file(Path(path), **options)
        width, height = stream.dimensions()
        events = stream.to_array()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # the decoders are of Rust, whose panics are no Exception
        raise FileFormatError(
            f"{WHERE}: {path} is not read by faery ({str(error)[:200]}); must be a whole recording. Copy it again."
        ) from error
    found = np.zeros(len(events), CAMERA)
    for name, column in (("t", "t"), ("x", "x"), ("y", "y"), ("p", "on")):
        found[name] = events[column]
    return found, (int(height), int(width))
