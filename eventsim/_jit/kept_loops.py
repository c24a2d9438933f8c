"""How compiled loops are kept on disk, so that neither a folder nor a file of it can stop a run.

numba's own cache raises where no folder can be written to, and runs whatever machine code a damaged file holds. Here
files carry a digest, and what cannot be read or kept costs time only; a warning says so, once of each kind. Used by
`marks` alone. The environment variable ``EVENTSIM_CACHE`` is 1 (the default: numba's folders), 0 (nothing is kept), or
a folder, which has a separator in its name; anything else is the default, with a warning.
"""

import contextlib
import hashlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

from eventsim.errors import InputError
from eventsim.files.output import replacing
from eventsim.settings import names_folder, setting

SETTING = setting("EVENTSIM_CACHE", ("1", "0"), folder=True)
FOLDER = str(Path(SETTING).expanduser().absolute()) if names_folder(SETTING) else None
_LOCATING = threading.Lock()
_REMEDY = (
    "Loops are compiled again in each process, which takes 10 to 60 s. Set the environment variable EVENTSIM_CACHE to "
    "a folder that can be written to, such as /tmp/eventsim-cache, or to 0, which keeps nothing and says nothing."
)


class NoFolderError(Exception):
    """Nothing can be kept on disk."""


class _DamagedError(Exception):
    """A file of kept loops that is not what was written."""


_SAID: set[str] = set()


def _say_once(what: str, message: str) -> None:
    if what not in _SAID:
        _SAID.add(what)
        warnings.warn(f"eventsim: {message}", RuntimeWarning, stacklevel=2)


class _CheckedFile(IndexDataCacheFile):
    """numba's files with a digest at their end, which its reader does not look at: other machine code is never run."""

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        content = io.BytesIO()
        yield content
        with replacing("", filepath) as temporary:
            temporary.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())

    def _load_index(self) -> Any:
        _check_digest(self._index_path)
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        _check_digest(self._data_path(name))
        return super()._load_data(name)


def _check_digest(path: str) -> None:
    """Refuse a file that does not end with the digest of the rest; one that is missing is numba's business."""
    with contextlib.suppress(FileNotFoundError):
        content = Path(path).read_bytes()
        if hashlib.sha256(content[:-32]).digest() != content[-32:]:
            raise _DamagedError(path)


class KeptLoops(FunctionCache):
    """Machine code of one loop on disk. A file that cannot be read or kept costs time, never a run.

    Raises
    ------
    NoFolderError
        No folder can be written to; a warning has said so.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        with _LOCATING:  # numba has one folder for all that is compiled with it
            before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, FOLDER or numba.config.CACHE_DIR
            try:
                super().__init__(function)
            except (RuntimeError, OSError) as error:
                _say_once("folder", f"no folder for compiled loops can be written to ({error}). {_REMEDY}")
                raise NoFolderError from error
            finally:
                numba.config.CACHE_DIR = before
        if FOLDER and not Path(self._cache_path).is_relative_to(FOLDER):
            _say_once(
                "setting",
                f"EVENTSIM_CACHE = {SETTING}, a folder that cannot be made or written to; compiled loops are kept in "
                f"{self._cache_path} instead. Set it to another folder.",
            )
        self._cache_file = _CheckedFile(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The machine code for these types; None, and a warning, where its file is damaged."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # noqa: BLE001 - of damaged bytes, anything that pickle and LLVM raise
            _say_once(
                "damage",
                f"a file of compiled loops in {self._cache_path} is damaged or cannot be read ({error!r:.300}); the "
                "loop is compiled again and takes its place.",
            )
            with contextlib.suppress(OSError, InputError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep machine code, if that can be."""
        try:
            super().save_overload(sig, data)
        except (OSError, InputError, _DamagedError) as error:
            _say_once("save", f"a compiled loop could not be kept in {self._cache_path} ({error}). {_REMEDY}")
