"""What compiled code is made of: a digest of sources, so that an edited one never meets old machine code.

Relies on the folder of the package. Used by `kernel`, whose loops are kept under it, and by the provenance of runs.
"""

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
# Nothing in these rooms is part of a loop, but for functions of models, which `fingerprint` is given.
APART = ("cli", "hardware", "models", "study", "viz")


def engine_sources() -> list[Path]:
    """Return every source file of the engine, sorted: all of eventsim but what stands apart."""
    inside = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")]
    return [PACKAGE / path for path in sorted(inside) if path.parts[0] not in APART]


@functools.cache
def _package_sources() -> bytes:
    """Digest of every source file of the engine, and of where it stands."""
    digest = hashlib.sha256()
    for path in engine_sources():
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.digest()


@functools.cache
def fingerprint(*functions: Callable[..., Any]) -> int:
    """Return 64 bits of a digest of the sources of the engine and of the files that define `functions`.

    Those that they close over, numbers too, and those that they call by a name of their module, are covered.
    """
    digest = hashlib.sha256(_package_sources())
    found = closed_over(functions)
    files = {inspect.getsourcefile(function) for function in found}
    for name in sorted(file for file in files if file is not None):
        digest.update(Path(name).read_bytes())
    digest.update("\n".join(sorted(_constants(found))).encode())
    return int.from_bytes(digest.digest()[:8], "little")


def _constants(functions: Iterable[Any]) -> set[str]:
    """The numbers that these functions close over, such as how many currents a neuron has."""
    found = set()
    for function in functions:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if isinstance(cell.cell_contents, bool | int | float | str):
                found.add(f"{function.__module__}.{function.__qualname__}.{name} = {cell.cell_contents!r}")
    return found


def closed_over(functions: Iterable[Any]) -> set[Any]:
    """Plain functions among the values, and those that they close over, also in tuples, or call by a global name."""
    found: set[Any] = set()
    ahead = list(functions)
    while ahead:
        value = ahead.pop()
        if isinstance(value, tuple):
            ahead += value
        elif inspect.isfunction(value) and value not in found:
            found.add(value)
            ahead += [cell.cell_contents for cell in value.__closure__ or ()]
            ahead += [value.__globals__.get(name) for name in value.__code__.co_names]
    return found
