"""Files of event cameras, as structured arrays that `SpikeTimes.from_events` takes.

The decoders are those of faery (https://github.com/aestream/faery), which is optional and imported when it is used.
Relies on the errors. Used by `SpikeTimes.from_recording`.
"""

import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import shown
from eventsim.errors import FileFormatError, InputError

Array = np.ndarray[Any, Any]
CAMERA = np.dtype([("t", "i8"), ("x", "u2"), ("y", "u2"), ("p", "?")])
SUFFIXES = (".aedat4", ".es")


def read_recording(path: str | Path) -> tuple[Array, tuple[int, int, int]]:
    """The events (t in µs, x, y, p) of an AEDAT4 or Event Stream file, and (2, height, width) of its camera.

    The first stream of events is read where an AEDAT4 file has several. Rows count from above, also those of Event
    Stream files, which count from below: faery turns them.

    Raises
    ------
    InputError
        No path, a file of another kind, faery is not installed.
    FileFormatError
        A file that is missing or damaged. An Event Stream does not say how long it is: cut off, it is a shorter one.
    """
    where = "SpikeTimes.from_recording"
    if not isinstance(path, str | os.PathLike) or Path(path).suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{where}: path = {shown(path)}; must be the path of a file that ends in {' or '.join(SUFFIXES)}. Of other "
            "files read the events yourself and give them to SpikeTimes.from_events."
        )
    try:
        faery = importlib.import_module("faery")
    except ImportError as error:
        raise InputError(
            f"{where} needs faery, which is not installed ({error}); must be there. Install it with "
            "pip install 'eventsim[events]'."
        ) from error
    try:
        stream = faery.events_stream_from_file(Path(path))
        width, height = stream.dimensions()
        events = stream.to_array()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # the decoders are of Rust, whose panics are no Exception
        raise FileFormatError(
            f"{where}: {path} is not read by faery ({str(error)[:200]}); must be a whole recording. Copy it again."
        ) from error
    found = np.zeros(len(events), CAMERA)
    for name, column in (("t", "t"), ("x", "x"), ("y", "y"), ("p", "on")):
        found[name] = events[column]
    return found, (2, int(height), int(width))
