"""eventsim's .npz files: the one place that writes and reads them.

A file is an uncompressed zip of .npy arrays, as `numpy.load` opens it, with one JSON header stored as the
uint8 array ``header``. The header's ``format`` and ``version`` say what the file is; its ``arrays`` lists the
array names, so that a lost member is noticed. Equal content gives equal bytes. Nothing in a file is trusted
before it is checked: no pickle is ever loaded, and no more memory is claimed than the file can fill.

Relies on `eventsim.errors`. Used by everything that has a ``save`` or a ``load``.
"""

import contextlib
import io
import json
import math
import os
import stat
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import recfunctions
from numpy.typing import NDArray

from eventsim.errors import FileFormatError, InputError
from eventsim.files.output import path_of, replacing

HEADER = "header"
SUFFIX = ".npy"
RESERVED = "arrays"
# Arrays may fill 64 MiB, or 20 times the file where that is more; stored ones, as written here, fill once the file.
LEAST_LIMIT = 1 << 26
GREATEST_RATIO = 20
PIECE = 1 << 22
LONGEST_LAYOUT = 1 << 14
REMEDY = "give a file that eventsim saved, or save it again"

# What zipfile, zlib, json and numpy raise on damaged bytes; the tests flip and cut bytes to hold this list.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    tokenize.TokenError,
    ValueError,
)


def write_archive(path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `header` and `arrays` to one .npz file, completely or not at all.

    A reader sees the old file or the new one (`eventsim.output`). Equal headers and arrays give equal bytes, whatever
    the order of the keys, the byte order or the memory layout.

    Parameters
    ----------
    path
        Where to write, used as given (no suffix is added). The folder must exist.
    header
        JSON values under string keys: ``format`` (str) and ``version`` (int, from 1) are required, ``arrays``
        is reserved. NaN and infinities are not JSON; the order of keys is not kept.
    arrays
        Arrays by name, of any shape and any dtype without objects.

    Raises
    ------
    InputError
        A header or an array that such a file cannot hold, or a path that is no place for a file.
    OSError
        The disk is full; it names `path`.
    """
    path = path_of("", path)
    stored = {name: _storable(path, name, array) for name, array in arrays.items()}
    names = sorted(stored)
    members = {HEADER: _packed_header(path, header, names)} | {name: stored[name] for name in names}
    with replacing("", path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, array in members.items():
            _write_member(archive, name, array)


def read_archive(
    path: str | os.PathLike[str], format: str, version: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a file of `write_archive`, or one made with `numpy.savez` to the same rules.

    Parameters
    ----------
    path
        The file, used as given.
    format
        What the header's ``format`` must be.
    version
        The newest version that the caller reads; an older one is returned, for the caller to look at.

    Returns
    -------
    header : dict
        The header without ``arrays``.
    arrays : dict
        C-ordered arrays by name, in the machine's byte order, of the shapes that the file has.

    Raises
    ------
    FileFormatError
        The file is missing, is no .npz, is a pickle or holds one, is truncated or damaged, has no header,
        is of another format or a newer version, lacks an array, or claims more data than it has.
    InputError
        `path` is no path.
    """
    path = path_of("", path)
    with _members(path) as (archive, members):
        if HEADER not in members:
            raise FileFormatError(f"{path}: there is no eventsim header in it, so it is another program's; {REMEDY}")
        header = _unpacked_header(path, _read_member(path, archive, members.pop(HEADER)), format, version)
        return header, _read_listed(path, archive, members, header.pop(RESERVED, None))


def read_arrays(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read all arrays of any .npz file, in the order in which they are stored; errors are those of `read_archive`."""
    path = path_of("", path)
    with _members(path) as (archive, members):
        return {name: _read_member(path, archive, member) for name, member in members.items()}


@contextlib.contextmanager
def _members(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """Open a zip of arrays; whatever is wrong with it inside is a `FileFormatError`."""
    try:
        if path.exists() and not path.is_file():
            raise FileFormatError(f"{path}: this is a folder or a device; give the path of a file")
        with path.open("rb") as stream:
            _refuse_other_kinds(path, stream)
            with zipfile.ZipFile(stream) as archive:
                yield archive, _checked_members(path, archive, path.stat().st_size)
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: there is no such file; check the path") from error
    except PermissionError as error:
        raise FileFormatError(f"{path}: this file may not be read; change its permissions") from error
    except FileFormatError:
        raise
    except DAMAGE as error:
        raise FileFormatError(f"{path}: the file is truncated or damaged ({error}); {REMEDY}") from error


def _packed_header(path: Path, header: Mapping[str, Any], names: list[str]) -> NDArray[np.uint8]:
    """Return the header as UTF-8 JSON bytes with sorted keys."""
    if not isinstance(header.get("format"), str) or not header["format"]:
        raise InputError(f"{path}: header['format'] = {header.get('format')!r}; must be a name, the kind of file")
    if not _is_version(header.get("version")):
        raise InputError(f"{path}: header['version'] = {header.get('version')!r}; must be a whole number from 1")
    if RESERVED in header:
        raise InputError(f"{path}: header[{RESERVED!r}] is written by eventsim itself; use another key")
    try:
        content = dict(header) | {RESERVED: names}
        text = json.dumps(content, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: the header is not JSON ({error}); use str, int, finite float, bool, None, lists and "
            "dicts with str keys, and put numpy values into the arrays"
        ) from error
    return np.frombuffer(text.encode("ascii"), np.uint8)


def _storable(path: Path, name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return `array` in the one layout that equal content has: C order, little endian, no padding."""
    if not _is_name(name):
        raise InputError(f"{path}: array name {name!r}; must be printable, not {HEADER!r}, without a backslash")
    dtype = np.asarray(array).dtype
    if dtype.hasobject:
        raise InputError(f"{path}: array {name!r} holds Python objects; convert it to numbers or strings first")
    if dtype.itemsize == 0:
        raise InputError(f"{path}: array {name!r} has dtype {dtype}, of no bytes; leave it out")
    if dtype.names is not None:
        dtype = recfunctions.repack_fields(dtype, recurse=True)
    return np.asarray(array, dtype=dtype.newbyteorder("<"), order="C")


def _write_member(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    member = zipfile.ZipInfo(name + SUFFIX, date_time=(1980, 1, 1, 0, 0, 0))
    member.create_system = 3
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    with archive.open(member, "w", force_zip64=array.nbytes >= 1 << 31) as stream:
        np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and "\\" not in value and value not in ("", HEADER)


def _is_version(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _refuse_other_kinds(path: Path, stream: IO[bytes]) -> None:
    """Refuse by its first bytes what is no zip; leave the stream at its start."""
    start = stream.read(8)
    stream.seek(0)
    if start.startswith(b"PK"):
        return
    if not start:
        kind = "the file is empty"
    elif start[0] == 0x80 and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        kind = "this is a pickle, which eventsim never loads, since loading one runs the code in it"
    elif start.startswith(b"\x93NUMPY"):
        kind = "this is a single .npy array, not an .npz file"
    elif start.startswith(b"\x89HDF"):
        kind = "this is an HDF5 file, not an .npz file"
    else:
        kind = "this is not an .npz file (a zip of arrays)"
    raise FileFormatError(f"{path}: {kind}; {REMEDY}")


def _read_listed(
    path: Path, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], listed: Any
) -> dict[str, NDArray[Any]]:
    """Return all arrays, once they are those that the header lists, where it lists any."""
    if listed is not None:
        if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
            raise FileFormatError(f"{path}: header[{RESERVED!r}] is not a list of names; {REMEDY}")
        for name in sorted(set(listed) ^ set(members)):
            fault = "is missing" if name in listed else "is not one that the header lists"
            raise FileFormatError(f"{path}: array {name!r} {fault}; {REMEDY}")
    return {name: _read_member(path, archive, members[name]) for name in sorted(members)}


def _checked_members(path: Path, archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Return the members by array name, once names, methods and sizes are believable for a file of `held` bytes."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if any(name.endswith(".pkl") for name in names):
        raise FileFormatError(f"{path}: this zip holds a pickle, which eventsim never loads; {REMEDY}")
    for entry in entries:
        if not entry.filename.endswith(SUFFIX):
            raise FileFormatError(f"{path}: member {entry.filename!r} is not a {SUFFIX} array; {REMEDY}")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileFormatError(f"{path}: member {entry.filename!r} is neither stored nor deflated; {REMEDY}")
    if len(set(names)) < len(names):
        raise FileFormatError(f"{path}: two arrays have one name; {REMEDY}")
    claimed = sum(entry.file_size for entry in entries)
    if claimed > max(LEAST_LIMIT, GREATEST_RATIO * size):
        raise FileFormatError(f"{path}: {size} bytes claim to hold {claimed} bytes of arrays; {REMEDY}")
    return {entry.filename.removesuffix(SUFFIX): entry for entry in entries}


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Return one array; its .npy header must account for every byte of the member."""
    place = f"{path}: member {member.filename!r}"
    data = _checksummed_bytes(place, archive, member)
    start = io.BytesIO(data[:LONGEST_LAYOUT].tobytes())
    layout = np.lib.format.read_magic(start)
    if layout == (1, 0):
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(start)
    elif layout == (2, 0):
        shape, fortran_order, dtype = np.lib.format.read_array_header_2_0(start)
    else:
        raise FileFormatError(f"{place} has .npy layout {layout}; 1.0 and 2.0 are read; {REMEDY}")
    if dtype.hasobject:
        raise FileFormatError(f"{place} holds pickled objects, which eventsim never loads; save plain arrays")
    n_bytes = data.size - start.tell()
    if dtype.itemsize == 0 or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != n_bytes:
        raise FileFormatError(f"{place} claims shape {shape} of {dtype}, but has {n_bytes} bytes of data; {REMEDY}")
    flat = data[start.tell() :].view(dtype)
    array = flat.reshape(shape[::-1]).T if fortran_order else flat.reshape(shape)
    return np.require(array, dtype=dtype.newbyteorder("="), requirements=["C", "A"])


def _checksummed_bytes(place: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[np.uint8]:
    """Return all bytes of `member`, of which zipfile tests the checksum when the last one is read.

    Read piece by piece into untouched pages: a false claim of size costs address space, not memory.
    """
    data = np.empty(member.file_size, np.uint8)
    room = data.data
    done = 0
    with archive.open(member) as stream:
        while done < len(room):
            piece = stream.read(min(PIECE, len(room) - done))
            if not piece:
                raise FileFormatError(f"{place} ends after {done} of {len(room)} bytes; {REMEDY}")
            room[done : done + len(piece)] = piece
            done += len(piece)
    return data


def _unpacked_header(path: Path, packed: NDArray[Any], format: str, version: int) -> dict[str, Any]:
    if packed.dtype != np.uint8 or packed.ndim != 1:
        raise FileFormatError(f"{path}: the header is {packed.dtype} of shape {packed.shape}, not bytes; {REMEDY}")
    try:
        header = json.loads(packed.tobytes().decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: the header is not JSON ({error}); {REMEDY}") from error
    if not isinstance(header, dict) or "format" not in header or "version" not in header:
        raise FileFormatError(f"{path}: the header lacks 'format' or 'version'; {REMEDY}")
    if header["format"] != format:
        raise FileFormatError(f"{path}: the file is of format {header['format']!r}; {format!r} is needed here")
    if not _is_version(header["version"]):
        raise FileFormatError(f"{path}: version {header['version']!r} is not a whole number from 1; {REMEDY}")
    if header["version"] > version:
        raise FileFormatError(
            f"{path}: {format} version {header['version']} is newer than this release reads (1 to {version}); "
            "upgrade eventsim"
        )
    return header
