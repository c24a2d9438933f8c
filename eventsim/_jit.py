"""The module that names numba, with `_jit_cache`: how scalar functions and loops become machine code.

`jitable` marks a plain function that kernels may call and that stays a plain Python function; `kernel` compiles a
loop at its first call. ``NUMBA_DISABLE_JIT=1`` makes both run as ordinary Python, with the same bits: kernels use
`math` only, no ``**`` and no fastmath. Used by the compiled engine, the neuron models, faults and transports.

Compiled loops are kept on disk unless ``EVENTSIM_CACHE=0``, under a name that holds the `fingerprint` of all sources
that they are made of: an edited source, or another version, is compiled anew and never meets old machine code. Where
no folder can be written to, or a kept file is damaged, loops are compiled again, and a warning says so, once each.
"""

import contextlib
import functools
import gc
import hashlib
import inspect
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event as numba_event
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.funcdesc import default_mangler
from numba.core.typed_passes import NativeLowering
from numba.cpython import slicing
from numba.extending import register_jitable

from eventsim._jit_cache import SETTING, KeptLoops, NoFolderError

F = TypeVar("F", bound=Callable[..., Any])

CACHE = SETTING != "0" and not numba.config.DISABLE_JIT
INTERPRETED = bool(numba.config.DISABLE_JIT)


# numba numbers functions from 1 in each process. A process that loads one loop from disk and compiles another would
# have two different functions of one name, and the linker would take the first for both: names hold the process.
_PROCESS = secrets.token_hex(8)


def _short_name(name: str, types: Any, *, abi_tags: Any = (), uid: int | None = None) -> str:
    """A symbol for a part. numba's own spells out every field of every record, which makes kilobytes of each name."""
    digest = hashlib.sha256(repr((name, types, abi_tags)).encode()).hexdigest()[:16]
    return f"eventsim_{name.rsplit('.', 1)[-1]}_{digest}_{_PROCESS}_{uid}".replace("<", "").replace(">", "")


def _unique_name(name: str, types: Any, *, abi_tags: Any = (), uid: int | None = None) -> str:
    """Numba's symbol for a loop, with the process in it."""
    return str(default_mangler(f"{name}_{_PROCESS}", types, abi_tags=abi_tags, uid=uid))


@contextlib.contextmanager
def _indices_from_the_front() -> Iterator[None]:
    """Lower array accesses without Python's rule for negative indices, which no kernel uses: it costs at each of them.

    numba lowers under one lock for all threads, so nobody else's code is lowered meanwhile.
    """
    from_either_end = slicing.fix_index
    slicing.fix_index = lambda builder, index, size: index  # noqa: ARG005 - numba's signature
    try:
        yield
    finally:
        slicing.fix_index = from_either_end


class _PartLibrary(JITCodeLibrary):
    """Code of a part: kept as it is for linking; optimised and made into machine code once, inside its loop."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerPart(NativeLowering):
    """Lowering that stops before machine code: a part of a loop is only ever linked into the loop."""

    _name = "eventsim_lower_part"

    def run_pass(self, state: Any) -> bool:
        state.flags.no_compile = True
        state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        state.library.__class__ = _PartLibrary
        state.targetctx.mangler = _short_name
        # A part owns no array and makes none (that would not compile): without references to count it is shorter.
        state.targetctx.enable_nrt = False
        try:
            with _indices_from_the_front():
                super().run_pass(state)
        finally:
            del state.targetctx.mangler
        # numba's tables know a compiled function by a builtin of its own; this one is a name and is never called.
        name: Any = [].append
        state.targetctx.insert_user_function(name, state["cr"].fndesc, [state.library])
        state["cr"] = state["cr"]._replace(cfunc=name)
        return True


class _LoopLibrary(JITCodeLibrary):
    """Code of a whole loop: optimised once. numba's usual cheap pass before that is for counting references."""

    def _optimize_final_module(self) -> None:
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerLoop(NativeLowering):
    """Lowering into a `_LoopLibrary`."""

    _name = "eventsim_lower_loop"

    def run_pass(self, state: Any) -> bool:
        state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        state.library.__class__ = _LoopLibrary
        state.library.enable_object_caching()
        state.targetctx.mangler = _unique_name
        try:
            with _indices_from_the_front():
                super().run_pass(state)
        finally:
            del state.targetctx.mangler
        return True


def _pipeline(state: Any, lowering: Any) -> Any:
    """Numba's usual pipeline with another lowering at its end."""
    pipeline = DefaultPassBuilder.define_nopython_pipeline(state)
    pipeline.add_pass_after(lowering, NativeLowering)
    pipeline.passes = [entry for entry in pipeline.passes if entry[0] is not NativeLowering]
    pipeline.finalize()
    return pipeline


class _LoopCompiler(CompilerBase):
    """The pipeline of a whole loop."""

    def define_pipelines(self) -> list[Any]:
        self.state.flags.no_cfunc_wrapper = True
        return [_pipeline(self.state, _LowerLoop)]


class _PartCompiler(CompilerBase):
    """The pipeline of a part: no machine code of its own."""

    def define_pipelines(self) -> list[Any]:
        self.state.flags.no_cpython_wrapper = True
        self.state.flags.no_cfunc_wrapper = True
        return [_pipeline(self.state, _LowerPart)]


def jitable(function: F) -> F:
    """Mark a plain scalar function as callable from kernels; it stays a plain function."""
    return cast(F, register_jitable(pipeline_class=_PartCompiler)(function))


def separate(function: F) -> F:
    """Mark a long scalar function: like `jitable`, but called where it is used, so that its code is there once.

    Without the word, numba lets whatever a part of a loop calls be inlined by force, as that part is.
    """
    return cast(F, register_jitable(forceinline=False, pipeline_class=_PartCompiler)(function))


def kernel_part(function: F) -> F:
    """Mark a part of a loop: like `jitable`, but always inlined, and never made into machine code of its own."""
    return cast(F, register_jitable(forceinline=True, pipeline_class=_PartCompiler)(function))


def kernel(function: F) -> F:
    """Compile a loop at its first call; it releases the interpreter lock and divides as numpy does."""
    # numba's cache looks at the file of the loop alone, and trips over types that another version pickled.
    function.__qualname__ += f"_{fingerprint(function):016x}"
    compiled = numba.njit(nogil=True, error_model="numpy", pipeline_class=_LoopCompiler)(function)
    if CACHE:
        with contextlib.suppress(NoFolderError):
            compiled._cache = KeptLoops(function)
    if not INTERPRETED:
        # The dispatcher asks for machine code by this name, and calls it only then.
        compiled._compile_for_args = _made_ready(compiled._compile_for_args)
    return cast(F, compiled)


# All marks: what a checker of sources must know a compiled function by.
MARKS = (jitable, separate, kernel_part, kernel)


def _made_ready(get_code: Callable[..., Any]) -> Callable[..., Any]:
    """Add to the report how long a loop takes until it can run, compiled or loaded from disk."""

    def timed(*arguments: Any, **named: Any) -> Any:
        _WAITING.enter()
        try:
            return get_code(*arguments, **named)
        finally:
            _WAITING.leave()

    return timed


@numba.extending.intrinsic
def _borrowed(_typing_context: Any, machine: Any) -> Any:
    """The same tuple with every array's owner cleared, so that no reference is counted inside the loop."""

    def clear(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        if isinstance(kind, numba.types.Array):
            array = context.make_array(kind)(context, builder, value)
            array.meminfo = context.get_constant_null(numba.types.voidptr)
            array.parent = context.get_constant_null(numba.types.voidptr)
            return array._getvalue()
        for k, part in enumerate(getattr(kind, "types", ())):
            changed = clear(context, builder, part, builder.extract_value(value, k))
            value = builder.insert_value(value, changed, k)
        return value

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return clear(context, builder, signature.args[0], arguments[0])

    return machine(machine), codegen


def borrowed(machine):
    """Interpreted twin of `_borrowed`: the tuple itself (unannotated: numba compares the signatures' texts)."""
    return machine


@numba.extending.overload(borrowed)
def _borrowed_overload(machine):
    return lambda machine: _borrowed(machine)  # noqa: PLW0108 - numba compares argument names


@dataclass
class CompileReport:
    """What was compiled in this process: number of loops and seconds (nested compilations counted once).

    ``active``: is something being compiled now? ``ready_seconds``: in which somebody waited for a loop to be
    compiled or loaded from disk.
    """

    loops: int = 0
    seconds: float = 0.0
    ready_seconds: float = 0.0
    active: bool = False


_REPORT = CompileReport()


class _Waiting:
    """Adds up the time in which at least one thread waits for machine code.

    Garbage is not collected meanwhile: a compiler makes millions of objects and keeps them, and looking through these
    again and again took a quarter of the time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._since = 0.0
        self._collects = False

    def enter(self) -> None:
        with self._lock:
            self._threads += 1
            if self._threads == 1:
                self._since = time.perf_counter()
                self._collects = gc.isenabled()
                gc.disable()

    def leave(self) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                _REPORT.ready_seconds += time.perf_counter() - self._since
                if self._collects:
                    gc.enable()


_WAITING = _Waiting()


class _Stopwatch(numba_event.Listener):
    """Adds up the time of outermost compilations."""

    def __init__(self) -> None:
        self._depth = 0
        self._recorder = numba_event.TimingListener()

    def on_start(self, event: Any) -> None:
        self._depth += 1
        _REPORT.active = True
        if self._depth == 1:
            self._recorder = numba_event.TimingListener()
        self._recorder.on_start(event)

    def on_end(self, event: Any) -> None:
        self._depth -= 1
        self._recorder.on_end(event)
        if self._depth == 0:
            _REPORT.active = False
            _REPORT.loops += 1
            _REPORT.seconds += self._recorder.duration


numba_event.register("numba:compile", _Stopwatch())


def compile_report() -> CompileReport:
    """Return how many loops this process has compiled and how long that took, in seconds."""
    return _REPORT


def cache_folder(compiled: Any) -> str | None:
    """Return the folder in which a compiled loop is kept on disk; None where it is not."""
    return compiled.stats.cache_path if CACHE else None


@functools.cache
def _package_sources() -> bytes:
    """Digest of every source file of the engine (models and viz are reached by `fingerprint` arguments)."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for path in (
        sorted(root.glob("*.py"))
        + sorted(root.glob("compiled/*.py"))
        + sorted(root.glob("faults/*.py"))
        + sorted(root.glob("transport/*.py"))
    ):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.digest()


@functools.cache
def fingerprint(*functions: Callable[..., Any]) -> int:
    """Return 64 bits of a digest of the sources of the engine and of the files that define `functions`.

    Those that they close over, and those that they call by a name of their module, are covered.
    """
    digest = hashlib.sha256(_package_sources())
    files = {inspect.getsourcefile(function) for function in _closed_over(functions)}
    for name in sorted(file for file in files if file is not None):
        digest.update(Path(name).read_bytes())
    return int.from_bytes(digest.digest()[:8], "little")


def _closed_over(functions: Iterable[Any]) -> set[Any]:
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
