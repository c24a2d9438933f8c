"""PyTorch modules around others, which change how these are run and not what they compute; and what rounds inside.

torch is not imported: modules are known by the names of their classes. Used by `read_torch`.
"""

import copy
from typing import Any

from eventsim.errors import MappingError
from eventsim.models.readers.torch_modules import WHERE
from eventsim.models.readers.torch_programs import BEFORE, ROUNDS, is_script

COMPILED = "torch._dynamo.eval_frame"
QUANTIZED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.nn.quantized")


def unwrapped(module: Any) -> Any:
    """Return the module that `torch.compile` was given, those within it likewise; a copy where some are.

    What ``module.compile()`` made of a module in place is left away, too.
    """
    while _is_compiled(module):
        module = module._orig_mod
    inside = [one for one in module.modules() if _is_compiled(one) or _compiled_call(one)]
    if not inside or is_script(module):
        return module
    own = _copied(module)
    for one in list(own.modules()):
        for name, child in list(one._modules.items()):
            if _is_compiled(child):
                one._modules[name] = unwrapped(child)
        if _compiled_call(one):
            one._compiled_call_impl = None
    return own


def of_values(module: Any) -> Any:
    """Return a copy in which layers of spike times (`eventsim.models.train.torch_layers`) compute values; or itself."""
    if not any(hasattr(one, "as_values") for one in module.modules()):
        return module
    if hasattr(module, "as_values"):
        return module.as_values()
    own = _copied(module)
    for one in list(own.modules()):
        for name, child in list(one._modules.items()):
            if hasattr(child, "as_values"):
                one._modules[name] = child.as_values()
    return own


def _copied(module: Any) -> Any:
    """A copy with the same parameters, none of which is changed."""
    kept = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, kept)


def _is_compiled(module: Any) -> bool:
    return type(module).__module__ == COMPILED and hasattr(module, "_orig_mod")


def _compiled_call(module: Any) -> bool:
    return getattr(module, "_compiled_call_impl", None) is not None


def check_parts(module: Any) -> None:
    """Refuse modules whose weights and activations are rounded to integers, and TorchScript within other code."""
    for path, one in module.named_modules():
        label = f"{WHERE}{path or '0'} ({type(one).__name__})"
        kind = type(one).__module__
        if kind.startswith(QUANTIZED):
            how = "dynamically quantized" if ".dynamic" in kind else "quantized"
            raise MappingError(f"{label} is {how}: it {ROUNDS}; must be of floating-point modules; {BEFORE}")
        if is_script(one):
            raise MappingError(
                f"{label} is TorchScript within a module of Python; must be all of one kind; hand over "
                "torch.jit.script(module) or torch.jit.trace of the whole, or the module that it was made from"
            )
