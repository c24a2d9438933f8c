"""The marks of compiled functions: `jitable`, `separate`, `kernel_part`, `kernel`.

`jitable` marks a plain function that kernels may call and that stays a plain Python function; `kernel` compiles a
loop at its first call. Relies on `lowering`, on `kept_loops` and on the `fingerprint` of what a loop is made of.
"""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.extending import register_jitable

from eventsim._jit.kept_loops import SETTING, KeptLoops, NoFolderError
from eventsim._jit.lowering import LoopCompiler, PartCompiler
from eventsim._jit.report import made_ready
from eventsim._jit.sources import fingerprint

F = TypeVar("F", bound=Callable[..., Any])

INTERPRETED = bool(numba.config.DISABLE_JIT)
CACHE = SETTING != "0" and not INTERPRETED


def jitable(function: F) -> F:
    """Mark a plain scalar function as callable from kernels; it stays a plain function."""
    return cast(F, register_jitable(pipeline_class=PartCompiler)(function))


def separate(function: F) -> F:
    """Mark a long scalar function: like `jitable`, but called where it is used, so that its code is there once.

    Without the word, numba lets whatever a part of a loop calls be inlined by force, as that part is.
    """
    return cast(F, register_jitable(forceinline=False, pipeline_class=PartCompiler)(function))


def kernel_part(function: F) -> F:
    """Mark a part of a loop: like `jitable`, but always inlined, and never made into machine code of its own."""
    return cast(F, register_jitable(forceinline=True, pipeline_class=PartCompiler)(function))


@jitable
def whole(number: Any) -> int:
    """A whole number out of a record, as 64 bits: a part is compiled for each type of its arguments."""
    return np.int64(number)  # type: ignore[return-value] # one, as far as its users go


def kernel(function: F) -> F:
    """Compile a loop at its first call; it releases the interpreter lock and divides as numpy does."""
    # numba's cache looks at the file of the loop alone, and trips over types that another version pickled.
    function.__qualname__ += f"_{fingerprint(function):016x}"
    compiled = numba.njit(nogil=True, error_model="numpy", pipeline_class=LoopCompiler)(function)
    if CACHE:
        with contextlib.suppress(NoFolderError):
            compiled._cache = KeptLoops(function)
    if not INTERPRETED:
        # The dispatcher asks for machine code by this name, and calls it only then.
        compiled._compile_for_args = made_ready(compiled._compile_for_args)
    return cast(F, compiled)


# All marks: what a checker of sources must know a compiled function by.
MARKS = (jitable, separate, kernel_part, kernel)


def cache_folder(compiled: Any) -> str | None:
    """Return the folder in which a compiled loop is kept on disk; None where it is not."""
    return compiled.stats.cache_path if CACHE else None
