"""What numba's compiler need not do for a part of a loop, and what it is spared while a loop is compiled.

Relies on numba's internals, as `lowering` does. Used by `lowering`. A part is a function of numbers and of borrowed
arrays: it has no closures of its own, no ``with``, no arrays to be added up and no generator, so passes that look for
these find nothing. All of this is Python, once for each part and type: most of the time that a loop takes to compile.
"""

import contextlib
from collections.abc import Iterator
from types import CodeType
from typing import Any

from numba.core import event, postproc, transforms, typed_passes, untyped_passes
from numba.core.typing import templates

# Passes that change nothing in a function without functions inside.
IDLE = (
    untyped_passes.WithLifting,
    untyped_passes.InlineClosureLikes,
    untyped_passes.RewriteDynamicRaises,
    untyped_passes.MakeFunctionToJitFunction,
    untyped_passes.InlineInlinables,
    untyped_passes.FindLiterallyCalls,
    untyped_passes.LiteralUnroll,
    untyped_passes.LiteralPropagationSubPipelinePass,
    typed_passes.InlineOverloads,
    typed_passes.NopythonRewrites,
    typed_passes.NoPythonSupportedFeatureValidation,
    typed_passes.IRLegalization,  # says where variables are let go, of which `LeanLower` makes nothing
    typed_passes.AnnotateTypes,
    typed_passes.DumpParforDiagnostics,
)


def without_idle_passes(passes: list[Any], function: Any) -> list[Any]:
    """The passes that a part needs."""
    if any(isinstance(constant, CodeType) for constant in function.__code__.co_consts):
        return [entry for entry in passes if entry[0] not in IDLE[-4:]]
    return [entry for entry in passes if entry[0] not in IDLE]


def _canonicalized(self: Any, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
    """Between passes the blocks are put into their usual form, as numba does; how long variables live nobody asks."""
    if emit_dels or self.func_ir.is_generator:
        _process(self, emit_dels, extend_lifetimes)
        return
    self.func_ir.blocks = transforms.canonicalize_cfg(self.func_ir.blocks)
    self.func_ir.variable_lifetime = postproc.VariableLifetime(self.func_ir.blocks)
    self.func_ir.generator_info = None


_process = postproc.PostProcessor.run


class _NoOptions:
    """What numba's table of compiled functions asks for the options that hold where a function is called."""

    class ConfigStack:
        """None are told."""

        @staticmethod
        def top_or_none() -> None:
            """Nothing, in the place of options."""


@contextlib.contextmanager
def spared() -> Iterator[None]:
    """Spare numba what nobody looks at, until the end of a compilation; it compiles under one lock for all threads.

    How long variables live, between any two passes; the seconds that each part took, which each part around it counted
    too; and the options under which a function is compiled, which are the same for all parts, but were part of what it
    was looked up by, at each call of it.
    """
    kept = event.install_timer, templates.targetconfig
    event.install_timer = lambda *_: contextlib.nullcontext()
    templates.targetconfig = _NoOptions
    postproc.PostProcessor.run = _canonicalized
    try:
        yield
    finally:
        event.install_timer, templates.targetconfig = kept
        postproc.PostProcessor.run = _process
