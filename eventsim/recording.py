"""Where recorded spikes and traces are kept: in memory up to a bound, past it on disk; nothing is ever dropped.

Relies on numpy. Used by `simulate`. Chunks of a batch of samples come in event order; batches are put together in the
order of samples.
"""

import math
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Recorder:
    """Collects chunks of one record type from several threads.

    Parameters
    ----------
    dtype : type of a record. limit : bytes kept in memory, shared by all batches; what is more goes to disk.
    """

    def __init__(self, dtype: np.dtype[Any], limit: int) -> None:
        self._dtype, self._limit = dtype, limit
        self._lock = threading.Lock()
        self._chunks: dict[int, list[Array | Path]] = {}
        self._bytes = 0
        self._folder: Path | None = None

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
            if self._bytes + chunk.nbytes <= self._limit:
                self._bytes += chunk.nbytes
                chunks.append(chunk.copy())
                return
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="eventsim-recording-"))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            path = self._folder / f"{batch}-{len(chunks)}.npy"
            np.save(path, chunk)
            chunks.append(path)

    def forget_after(self, batch: int) -> None:
        """Drop what later batches recorded: a run that ends early ends at one sample, whatever the threads did."""
        self._chunks = {number: chunks for number, chunks in self._chunks.items() if number <= batch}

    def collect(self) -> Array:
        """All records in order: an array, or a read-only memory map where the bound was passed."""
        ordered = [chunk for batch in sorted(self._chunks) for chunk in self._chunks[batch]]
        if not self.spilled:
            arrays = [chunk for chunk in ordered if isinstance(chunk, np.ndarray)]
            return np.concatenate(arrays) if arrays else np.empty(0, dtype=self._dtype)
        assert self._folder is not None
        total = sum(len(_read(chunk)) for chunk in ordered)
        path = self._folder / "all.npy"
        whole: Array = np.lib.format.open_memmap(path, mode="w+", dtype=self._dtype, shape=(total,))
        place = 0
        for chunk in ordered:
            part = _read(chunk)
            whole[place : place + len(part)] = part
            place += len(part)
            if isinstance(chunk, Path):
                chunk.unlink()
        del whole  # written to the file
        self._chunks.clear()
        return np.lib.format.open_memmap(path, mode="r")


def matrix(shape: tuple[int, ...], value: float, dtype: Any, limit: int) -> Array:
    """An array full of `value`: in memory if it takes up to `limit` bytes, else mapped to a temporary file."""
    if np.dtype(dtype) == object or math.prod(shape) * np.dtype(dtype).itemsize <= limit:
        return np.full(shape, value, dtype=dtype)
    folder = Path(tempfile.mkdtemp(prefix="eventsim-recording-"))
    mapped = np.lib.format.open_memmap(folder / "matrix.npy", mode="w+", dtype=dtype, shape=shape)
    weakref.finalize(mapped, shutil.rmtree, folder, ignore_errors=True)
    mapped[...] = value
    return mapped


def _read(chunk: Array | Path) -> Array:
    return np.load(chunk, mmap_mode="r") if isinstance(chunk, Path) else chunk
