"""Surgery on numba: how parts and loops are lowered, so that machine code is made once and stays small.

Relies on numba's internals, those of the release that pyproject.toml pins. Used by `marks`.
"""

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

from numba.core.callconv import MinimalCallConv
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.funcdesc import default_mangler
from numba.core.typed_passes import NativeLowering
from numba.cpython import slicing

from eventsim._jit.borrowing import say_unchanged
from eventsim._jit.lean_lowering import LeanLower
from eventsim._jit.sparing import spared, without_idle_passes

# numba numbers functions from 1 in each process. A process that loads one loop from disk and compiles another would
# have two different functions of one name, and the linker would take the first for both: names hold the process.
_PROCESS = secrets.token_hex(8)
PREFIX = "eventsim_"  # of the symbols of parts


def short_name(name: str, types: Any, *, abi_tags: Any = (), uid: int | None = None) -> str:
    """A symbol for a part. numba's own spells out every field of every record, which makes kilobytes of each name."""
    digest = hashlib.sha256(repr((name, types, abi_tags)).encode()).hexdigest()[:16]
    return f"{PREFIX}{name.rsplit('.', 1)[-1]}_{digest}_{_PROCESS}_{uid}".replace("<", "").replace(">", "")


def _unique_name(name: str, types: Any, *, abi_tags: Any = (), uid: int | None = None) -> str:
    """Numba's symbol for a loop, with the process in it."""
    return str(default_mangler(f"{name}_{_PROCESS}", types, abi_tags=abi_tags, uid=uid))


@contextlib.contextmanager
def _our_rules() -> Iterator[None]:
    """Lower array accesses without Python's rule for negative indices, which no kernel uses: it costs at each of them.

    Borrowed arguments are marked as unchanged, too. numba lowers under one lock for all threads, so nobody else's
    code is lowered meanwhile.
    """
    from_either_end, decorate = slicing.fix_index, MinimalCallConv.decorate_function

    def decorate_function(self: Any, function: Any, names: Any, types: Any, noalias: bool = False) -> None:
        decorate(self, function, names, types, noalias)
        say_unchanged(function)

    slicing.fix_index = lambda builder, index, size: index  # noqa: ARG005 - numba's signature
    MinimalCallConv.decorate_function = decorate_function
    try:
        yield
    finally:
        slicing.fix_index, MinimalCallConv.decorate_function = from_either_end, decorate


class _PartLibrary(JITCodeLibrary):
    """Code of a part: linked, optimised and made into machine code once, inside its loop."""

    def finalize(self) -> None:
        """Nothing is linked before the loop links each of its parts, once."""
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True

    def defined(self) -> set[str]:
        """The names of its functions."""
        return {function.name for function in self.get_defined_functions()}


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerPart(NativeLowering):
    """Lowering that stops before machine code: a part of a loop is only ever linked into the loop."""

    _name = "eventsim_lower_part"

    @property
    def lowering_class(self) -> Any:
        """What lowers the statements of a part."""
        return LeanLower

    def run_pass(self, state: Any) -> bool:
        state.flags.no_compile = True
        state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        state.library.__class__ = _PartLibrary
        state.targetctx.mangler = short_name
        # A part owns no array and makes none (that would not compile): without references to count it is shorter.
        state.targetctx.enable_nrt = False
        try:
            with _our_rules():
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

    def finalize(self) -> None:
        """Link all parts, those of parts too, each once and behind one that calls it: LLVM takes what is called."""
        for library in self._linking_libraries:  # it grows meanwhile
            if isinstance(library, _PartLibrary):
                known = set(map(id, self._linking_libraries))
                self._linking_libraries += [one for one in library._linking_libraries if id(one) not in known]
        super().finalize()

    def _optimize_final_module(self) -> None:
        self._link_late()
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)

    def _link_late(self) -> None:
        """Link parts again that were not called by those linked before them, but are by those linked behind."""
        while missing := {
            function.name
            for function in self._final_module.functions
            if function.is_declaration and function.name.startswith(PREFIX)
        }:
            for library in self._linking_libraries:
                if isinstance(library, _PartLibrary) and library.defined() & missing:
                    self._final_module.link_in(library._get_module_for_linking(), preserve=True)


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
            with _our_rules():
                super().run_pass(state)
        finally:
            del state.targetctx.mangler
        return True


def _pipeline(state: Any, lowering: Any, part: bool) -> Any:
    """Numba's usual pipeline with another lowering at its end."""
    pipeline = DefaultPassBuilder.define_nopython_pipeline(state)
    pipeline.add_pass_after(lowering, NativeLowering)
    pipeline.passes = [entry for entry in pipeline.passes if entry[0] is not NativeLowering]
    if part:
        pipeline.passes = without_idle_passes(pipeline.passes, state.func_id.func)
        state.type_annotation = ""
    pipeline.finalize()
    return pipeline


class LoopCompiler(CompilerBase):
    """The pipeline of a whole loop."""

    def define_pipelines(self) -> list[Any]:
        self.state.flags.no_cfunc_wrapper = True
        return [_pipeline(self.state, _LowerLoop, part=False)]

    def compile_extra(self, function: Any) -> Any:
        """Compile a loop and all of its parts."""
        with spared():
            return super().compile_extra(function)


class PartCompiler(CompilerBase):
    """The pipeline of a part: no machine code of its own."""

    def define_pipelines(self) -> list[Any]:
        self.state.flags.no_cpython_wrapper = True
        self.state.flags.no_cfunc_wrapper = True
        return [_pipeline(self.state, _LowerPart, part=True)]
