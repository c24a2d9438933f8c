"""Files of numbers: .npy and .npz as numpy writes them, never a pickle.

Relies on numpy's formats. Used by the command line and by studies, which read data that others have saved.
"""

from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError, listed
from eventsim.files.archive import DAMAGE, HEADER

Array = np.ndarray[Any, Any]
VALUES, TIMES = "x", "spike_times"


def arrays_of(path: Path) -> dict[str, Array]:
    """Return all arrays of a .npy (under the name "") or .npz file."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise FileFormatError(f"{path}: this is a folder; give the path of a file") from error
    except PermissionError as error:
        raise FileFormatError(f"{path}: this file may not be read; change its permissions") from error
    except DAMAGE as error:
        raise FileFormatError(
            f"{path}: this is no .npy or .npz file of numbers, or it is damaged; save the array with numpy.save "
            "(pickles are never loaded)"
        ) from error


def chosen_array(path: Path, arrays: dict[str, Array]) -> tuple[str, Array]:
    """Return the array of a file that is data, and its name: "x", "spike_times", or that of the only one.

    Raises
    ------
    FileFormatError
        A file of eventsim itself; several arrays of which none has such a name.
    """
    if HEADER in arrays:
        raise FileFormatError(
            f"{path}: this is a file of eventsim (`eventsim info {path}` says which), not data; give a .npy array"
        )
    for name in (VALUES, TIMES):
        if name in arrays:
            return name, arrays[name]
    if len(arrays) == 1:
        return next(iter(arrays.items()))
    raise FileFormatError(
        f"{path}: there are {len(arrays)} arrays in it ({listed(arrays) or 'none'}); give a file with one, or name "
        f"it {VALUES!r}"
    )
