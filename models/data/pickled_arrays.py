"""What a pickle of plain data holds, found without unpickling: nothing in the file is imported, called or trusted.

`pickletools` cuts the file into its instructions, of which the few that build lists, dicts, tuples, numbers and texts
are followed here. What a pickle calls is only written down; the two calls that make an array of bytes are recognised by
their names and carried out by this module. All else is refused, so that a file from elsewhere cannot run code, and
claims no more memory than it has bytes.

Relies on Python's `pickletools`. Used for the Python version of CIFAR, which is published as pickles alone.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError

ARRAY = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
ENCODE = "_codecs encode"  # how Python 3 writes bytes for Python 2
NAMES = (*ARRAY, ENCODE, "numpy ndarray", "numpy dtype")
# What numpy writes of the type of unsigned bytes: how it is called, and its state, of a type without fields.
UNSIGNED_BYTES = (("u1", 0, 1), ("|u1", 0, 1))
LAYOUT = (3, "|", None, None, None, -1, -1, 0)
EMPTY = (0,)  # the shape with which an array is begun
REMEDY = "fetch it again, or fetch the binary version, which holds the same"


@dataclass
class Call:
    """What a pickle would call, with the arguments and the state that it would give."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


MARK = object()  # where a list of things begins on the stack


class _Follower:
    """The stack and the memory that a pickle's instructions work on."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> None:
        """Carry out one instruction; LookupError, TypeError or ValueError where the stack does not fit it."""
        if name in VALUES:
            self.stack.append(argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name]())
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memory[int(argument)] = self.stack[-1]
        elif name == "MEMOIZE":
            self.memory[len(self.memory)] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self.stack.append(self.memory[int(argument)])
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            self.stack.append(tuple(reversed([self.stack.pop() for _ in range(int(name[-1]))])))
        elif name == "TUPLE":
            self.stack.append(tuple(self._marked()))
        elif name == "APPEND":
            self._extend([self.stack.pop()])
        elif name == "APPENDS":
            self._extend(self._marked())
        elif name == "SETITEM":
            value = self.stack.pop()
            self._set([self.stack.pop(), value])
        elif name == "SETITEMS":
            self._set(self._marked())
        elif name == "REDUCE":
            arguments, called = self.stack.pop(), self.stack.pop()
            if not isinstance(called, Call) or called.arguments or not isinstance(arguments, tuple):
                raise TypeError("what is called is no name")
            self.stack.append(Call(called.name, arguments))
        elif name == "BUILD":
            state = self.stack.pop()
            if not isinstance(self.stack[-1], Call):
                raise TypeError("a state of what has none")
            self.stack[-1].state = state

    def _marked(self) -> list[Any]:
        """Take all that stands above the last mark, and the mark."""
        place = next(k for k in range(len(self.stack) - 1, -1, -1) if self.stack[k] is MARK)
        found = self.stack[place + 1 :]
        del self.stack[place:]
        return found

    def _extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise TypeError("what is appended to is no list")
        self.stack[-1].extend(values)

    def _set(self, keys_and_values: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise TypeError("what gets an item is no dict")
        keys, values = keys_and_values[::2], keys_and_values[1::2]
        if not all(isinstance(key, str) for key in keys):
            raise TypeError("a key is no text")
        self.stack[-1].update(zip(keys, values, strict=True))


VALUES = (
    "SHORT_BINSTRING", "BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES",
    "BININT", "BININT1", "BININT2", "LONG1",
)  # fmt: skip
CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "MARK": lambda: MARK,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
FOLLOWED = (
    *VALUES, *CONSTANTS, "BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE", "BINGET", "LONG_BINGET", "GET", "TUPLE", "TUPLE1",
    "TUPLE2", "TUPLE3", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "REDUCE", "BUILD",
)  # fmt: skip
LAST_PROTOCOL = 3


def plain_dict(path: Path, data: bytes | bytearray) -> dict[str, Any]:
    """Return the dict of plain data that a pickle is; texts of Python 2 as Latin-1, arrays as `Call`.

    Raises
    ------
    FileFormatError
        No pickle, a damaged one, one that names anything but arrays of numpy, or one that is no dict of texts.
    """
    follower = _Follower()
    try:
        for instruction, argument, _ in pickletools.genops(bytes(data)):
            if instruction.name == "GLOBAL":
                follower.stack.append(Call(_known(path, argument), ()))
            elif instruction.name in FOLLOWED:
                follower.follow(instruction.name, argument)
            elif instruction.name != "STOP" and (instruction.name != "PROTO" or (argument or 0) > LAST_PROTOCOL):
                kind = f"of protocol {argument}" if instruction.name == "PROTO" else f"with a {instruction.name}"
                raise FileFormatError(
                    f"{path}: a pickle {kind}; must be of plain data, of protocol {LAST_PROTOCOL} at most. {REMEDY}"
                )
        (found,) = follower.stack
    except FileFormatError:
        raise
    except (ValueError, LookupError, TypeError, StopIteration, RuntimeError) as error:
        raise FileFormatError(
            f"{path}: this is no pickle, or it is truncated or damaged ({error}). {REMEDY}"
        ) from error
    if not isinstance(found, dict):
        raise FileFormatError(f"{path}: a pickle of {type(found).__name__}; must be a dict. {REMEDY}")
    return found


def bytes_array(path: Path, value: Any) -> NDArray[np.uint8]:
    """Return the array of unsigned bytes that a pickle would build; FileFormatError where it is anything else."""
    version, shape, kind, is_fortran, raw = _state(value, 5)
    raw = _raw(raw)
    right = (
        (version, type(is_fortran)) == (1, bool)
        and isinstance(kind, Call)
        and (kind.name, kind.state) == ("numpy dtype", LAYOUT)
        and kind.arguments in UNSIGNED_BYTES
        and isinstance(shape, tuple)
        and all(type(n) is int and n >= 0 for n in shape)
    )
    if not right or raw is None:
        raise FileFormatError(f"{path}: its data are no array of unsigned bytes; must be one. {REMEDY}")
    flat = np.frombuffer(raw, np.uint8)
    if _product(shape) != flat.size:
        raise FileFormatError(f"{path}: an array of shape {shape} with {flat.size} bytes; must be as many. {REMEDY}")
    return flat.reshape(shape, order="F" if is_fortran else "C")


def _known(path: Path, name: Any) -> str:
    if name not in NAMES:
        raise FileFormatError(
            f"{path}: this pickle calls {name!r}, which is never done, since it would run code; must name arrays of "
            f"numpy alone. Do not trust the file: {REMEDY}"
        )
    return str(name)


def _state(value: Any, n: int) -> tuple[Any, ...]:
    """The state of an array; of what is none, that of no array."""
    if isinstance(value, Call) and value.name in ARRAY and isinstance(value.state, tuple) and len(value.state) == n:
        begun = value.arguments
        if len(begun) == 3 and begun[0] == Call("numpy ndarray", ()) and begun[1] == EMPTY and _raw(begun[2]) == b"b":
            return value.state
    return (None,) * n


def _raw(value: Any) -> bytes | None:
    """The bytes of a pickle: Python 2's texts, Python 3's bytes, and its bytes for Python 2, which are a call."""
    if isinstance(value, Call) and value.name == ENCODE and value.arguments[1:] == ("latin1",):
        value = value.arguments[0]
    if isinstance(value, str):
        try:
            return value.encode("latin-1")
        except UnicodeEncodeError:
            return None
    return value if isinstance(value, bytes) else None


def _product(shape: tuple[int, ...]) -> int:
    found = 1
    for n in shape:
        found *= n
    return found
