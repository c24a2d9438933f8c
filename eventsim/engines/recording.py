"""Where recorded spikes and traces are kept: in memory up to a bound, past it on disk; nothing is ever dropped.

Relies on numpy. Used by `simulate`. Chunks of a batch of samples come in event order; batches are put together in the
order of samples. A file is mapped only once all of its bytes are on disk: to write through a map for which the disk has
no room ends the process. Where there is no room, what was recorded stays in memory, and `Recorder.full` says so, which
ends the run as a budget does.
"""

import contextlib
import errno
import math
import os
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import StorageError
from eventsim.files.leftovers import FOLDER, clear, mark

Array = np.ndarray[Any, Any]
BLOCK = 1 << 22  # bytes that are written at a time
NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


FEWER = 'simulate fewer samples at a time, or with record="readout"'
LESS = 'record less (record="first_spikes", or a list of populations)'


class Recorder:
    """Collects chunks of one record type from several threads.

    Parameters
    ----------
    dtype
        Type of a record.
    limit
        Bytes kept in memory, shared by all batches; what is more goes to disk.

    Attributes
    ----------
    full
        Why nothing more can be recorded, or None.
    """

    def __init__(self, dtype: np.dtype[Any], limit: int) -> None:
        self._dtype, self._limit = dtype, limit
        self._lock = threading.Lock()
        self._chunks: dict[int, list[Array | Path]] = {}
        self._bytes = 0
        self._folder: Path | None = None
        self.full: str | None = None
        with contextlib.suppress(OSError):
            clear(tempfile.gettempdir())

    @property
    def spilled(self) -> bool:
        """Has anything gone to disk?"""
        return self._folder is not None

    def add(self, batch: int, chunk: Array) -> None:
        """Keep a copy of `chunk`, the next records of `batch`."""
        if not chunk.size:
            return
        with self._lock:
            chunks = self._chunks.setdefault(batch, [])
            if self.full is None and self._bytes + chunk.nbytes > self._limit:
                try:
                    chunks.append(self._spilled(f"{batch}-{len(chunks)}.npy", chunk))
                except OSError as error:
                    self.full = no_room("recorded events", chunk.nbytes, self._folder, error)
                else:
                    return
            self._bytes += chunk.nbytes
            chunks.append(_joined([chunk], self._dtype))

    def _spilled(self, name: str, chunk: Array) -> Path:
        """Write a chunk to a file. The first one also sees to it that what is in memory can follow in the end."""
        if self._folder is None:
            self._folder = _new_folder()
            weakref.finalize(self, _remove, self._folder, os.getpid())
            _reserve(self._folder / "all.npy", self._bytes)
        path = self._folder / name
        try:
            with path.open("xb") as stream:
                _write(stream, chunk)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path

    def forget_after(self, batch: int) -> None:
        """Drop what later batches recorded: a run that ends early ends at one sample, whatever the threads did."""
        self._chunks = {number: chunks for number, chunks in self._chunks.items() if number <= batch}

    def collect(self) -> Array:
        """All records in order: an array, or a read-only memory map where the bound was passed.

        Where the disk has no room for the whole, an array, and `full` says so.
        """
        ordered = [chunk for batch in sorted(self._chunks) for chunk in self._chunks[batch]]
        self._chunks = {}
        if not any(isinstance(chunk, Path) for chunk in ordered):
            return _joined([self._read(chunk) for chunk in ordered], self._dtype)
        assert self._folder is not None
        total = sum(len(self._read(chunk)) for chunk in ordered)
        path, done = self._folder / "all.npy", 0
        try:
            with path.open("r+b" if path.exists() else "xb") as stream:
                described = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False}
                np.lib.format.write_array_header_1_0(stream, {**described, "shape": (total,)})
                first = stream.tell()
                while ordered:
                    _write(stream, self._read(ordered[0]))
                    stream.flush()
                    done += len(self._read(ordered[0]))
                    chunk = ordered.pop(0)
                    if isinstance(chunk, Path):  # its room is that of the next one
                        chunk.unlink()
                stream.truncate()
        except OSError as error:
            self.full = self.full or no_room("recorded events", total * self._dtype.itemsize, self._folder, error)
            begin = np.fromfile(path, self._dtype, done, offset=first) if done else np.empty(0, self._dtype)
            return _joined([begin, *(self._read(chunk) for chunk in ordered)], self._dtype)
        return np.lib.format.open_memmap(path, mode="r")

    def _read(self, chunk: Array | Path) -> Array:
        return np.memmap(chunk, self._dtype, mode="r") if isinstance(chunk, Path) else chunk


def _joined(chunks: list[Array], dtype: np.dtype[Any]) -> Array:
    """A copy of records, one chunk after another; as bytes, which takes a quarter of the time of field by field."""
    flat = np.concatenate([np.empty(0, np.uint8), *(chunk.view(np.uint8) for chunk in chunks)])
    return flat.view(dtype)


def matrix(what: str, shape: tuple[int, ...], value: float, dtype: Any, limit: int) -> Array:
    """An array full of `value`: in memory if it takes up to `limit` bytes, else mapped to a temporary file.

    Raises
    ------
    StorageError
        The disk has no room for `what` this is.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if np.dtype(dtype) == object or size <= limit:
        return np.full(shape, value, dtype=dtype)
    folder = None
    try:
        folder = _new_folder()
        block = np.full(max(1, BLOCK // np.dtype(dtype).itemsize), value, dtype)
        with (folder / "matrix").open("xb") as stream:
            for first in range(0, math.prod(shape), len(block)):
                _write(stream, block[: math.prod(shape) - first])
        mapped: Array = np.memmap(folder / "matrix", dtype, mode="r+", shape=shape)
    except OSError as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise StorageError(f"simulate: {no_room(what, size, folder, error, FEWER)}.") from error
    weakref.finalize(mapped, _remove, folder, os.getpid())
    return mapped


def no_room(what: str, size: int, folder: Path | None, error: OSError, less: str = LESS) -> str:
    """What is missing, where, and what helps; without a full stop."""
    place = folder.parent if folder is not None else os.environ.get("TMPDIR", "none can be written to")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"the folder for temporary files ({place}) has no room for {_bytes(size)} more of {what} ({reason}). Free "
        f"some, set the environment variable TMPDIR to another folder, or {less}"
    )


def _bytes(size: int) -> str:
    """1234567 is "1.2 MB"."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def _new_folder() -> Path:
    """A folder for temporary files."""
    clear(tempfile.gettempdir())
    return Path(tempfile.mkdtemp(prefix=f"{FOLDER}{mark()}"))


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in a child that was forked while the folder was there
        shutil.rmtree(folder, ignore_errors=True)


def _reserve(path: Path, size: int) -> None:
    """Take room on disk, where the system can; OSError where there is none."""
    with path.open("xb") as stream:
        if size and hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(stream.fileno(), 0, size)
            except OSError as error:
                if error.errno in NO_ROOM:
                    raise


def _write(stream: Any, array: Array) -> None:
    """Write the bytes of an array; unlike numpy's own way, a full disk raises an OSError with its number."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    for first in range(0, flat.size, BLOCK):
        stream.write(flat[first : first + BLOCK].data)
