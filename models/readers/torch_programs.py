"""Programs of PyTorch without Python code: what `torch.export` and TorchScript make, as a graph of aten operations.

torch is imported only where a caller already has such a program. Relies on the errors alone. Used by `read_torch`.
"""

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any

from eventsim.errors import MappingError
from eventsim.models.readers.torch_modules import WHERE

# Operations that have another name than the function of PyTorch that does the same.
ATEN_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "convolution": "conv",
        "_convolution": "conv",
        "_convolution_mode": "conv",
        "_native_batch_norm_legit_no_training": "batch_norm",
        "max_pool2d_with_indices": "max_pool2d",
        "_adaptive_avg_pool2d": "adaptive_avg_pool2d",
        "adaptive_max_pool2d": "adaptive_max_pool2d",
        "_softmax": "softmax",
        "_log_softmax": "log_softmax",
        "_unsafe_view": "view",
        "_prelu_kernel": "prelu",
        "_to_copy": "to",
        "alias": "detach",
        "lift_fresh_copy": "clone",
        "feature_dropout": "dropout2d",
        "constant_pad_nd": "pad",
        "sym_size": "size",
    }
)
# Arguments that have another name than those of the functions.
ATEN_ARGUMENTS: Mapping[str, str] = MappingProxyType(
    {"train": "training", "mat2": "other", "b": "other", "size": "shape"}
)
# What only hands a number of the shape on.
NUMBERS = ("aten::Int", "aten::ScalarImplicit", "prim::NumToTensor")
GUARDS = "_guards_fn"
# What is wrong with quantized modules, and what to do.
ROUNDS = "rounds its weights and, when it runs, its activations to integers, which no ReLU network does"
BEFORE = "hand over the network as it was before torch.ao.quantization (quantize_dynamic, convert)"


@dataclass(frozen=True)
class Program:
    """A graph of `torch.fx` and what is needed to read it.

    Attributes
    ----------
    graph
        The graph, whose calls are of aten operations, or of other functions.
    holder
        The module that has the tensors of its get_attr nodes.
    module
        The module that computes what the graph says.
    kind
        What it is, for messages and the provenance.
    shape
        Shape of one sample; None where that is open.
    batch
        How many samples it is made for; 1 where that is open.
    fixed
        Whether the shape is the only one that the program takes.
    """

    graph: Any
    holder: Any
    module: Any
    kind: str
    shape: tuple[int, ...] | None = None
    batch: int = 1
    fixed: bool = False

    @property
    def name(self) -> str:
        """What messages call it, behind "torch module "."""
        plain = self.kind.removeprefix("torch module ").removeprefix("TorchScript module ")
        return plain.replace("torch.export program", "of torch.export")


class AtenCall:
    """Stands in a graph for an operation of TorchScript, as `torch._ops.OpOverload` does in those of exports."""

    def __init__(self, schema: Any, name: str) -> None:
        self._schema, self.__name__, self.__module__ = schema, name, "torch"

    def __call__(self) -> None:
        """Never called: graphs are read."""


def is_exported(source: Any) -> bool:
    """Is it a `torch.export.ExportedProgram`?"""
    return any(
        cls.__module__ == "torch.export.exported_program" and cls.__qualname__ == "ExportedProgram"
        for cls in type(source).__mro__
    )


def is_script(module: Any) -> bool:
    """Is it a module of TorchScript?"""
    return any(
        cls.__module__ == "torch.jit._script" and cls.__qualname__ == "ScriptModule" for cls in type(module).__mro__
    )


def program_of(module: Any) -> Program | None:
    """Return the program that a module of TorchScript, or one that `ExportedProgram.module` made, holds; or None."""
    if is_script(module):
        return _of_script(module)
    nodes = getattr(getattr(module, "graph", None), "nodes", ())
    if any(hasattr(getattr(node, "target", None), "_schema") for node in nodes):
        return _of_export(module)
    return None


def aten_call(target: Any, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    """Return what an aten operation is called as a function, its data, and the other arguments by the function's names.

    >>> from types import SimpleNamespace as Of
    >>> schema = Of(name="aten::dropout", arguments=[Of(name="input"), Of(name="p"), Of(name="train")])
    >>> aten_call(Of(_schema=schema), ("x", 0.5, False), {})
    ('dropout', 'x', {'p': 0.5, 'training': False})
    """
    schema = target._schema
    name = str(schema.name).partition("::")[2]
    given = dict(zip((argument.name for argument in schema.arguments), args, strict=False)) | dict(keywords)
    if name.startswith("addmm"):  # the bias comes first
        bias, data = given.pop("self"), given.pop("mat1")
        return name, data, {"bias": bias, **{ATEN_ARGUMENTS.get(key, key): value for key, value in given.items()}}
    data = given.pop(schema.arguments[0].name, None) if schema.arguments else None
    if name == "rsub":
        return "sub", given["other"], {**given, "other": data}
    plain = name.removesuffix("_")
    if ATEN_NAMES.get(plain) == "conv":
        if given.pop("transposed", False):
            return name, data, given
        plain = f"conv{len(given['stride'])}d"
        given.pop("output_padding", None)
        one = [key for key in ("stride", "padding", "dilation") if isinstance(given.get(key), list | tuple)]
        given |= {key: given[key][0] for key in one if len(given[key]) == 1}  # which counts for all axes
    called = ATEN_NAMES.get(plain, plain) + ("_" if name.endswith("_") else "")
    return called, data, {ATEN_ARGUMENTS.get(key, key): value for key, value in given.items()}


def _of_export(module: Any) -> Program:
    """The program without what checks its inputs: hooks, and a call of a function of guards."""
    from torch import fx

    graph = fx.Graph()
    kept: dict[Any, Any] = {}
    for node in module.graph.nodes:
        if node.op != "call_module" or node.target != GUARDS:
            kept[node] = graph.node_copy(node, lambda one: kept[one])
    own = fx.GraphModule(module, graph)
    given = next((node for node in graph.nodes if node.op == "placeholder"), None)
    sizes = tuple(getattr(getattr(given, "meta", {}).get("val"), "shape", ()))
    shape = sizes[1:] if len(sizes) > 1 and all(type(n) is int for n in sizes[1:]) else None
    batch = sizes[0] if sizes and type(sizes[0]) is int else 1
    return Program(graph, own, own, "torch.export program", shape, batch, True)


def _of_script(module: Any) -> Program:
    """The program as it evaluates, its weights as constants, loops and branches that are known resolved."""
    import torch

    name = _script_name(module)
    own = copy.deepcopy(module).eval()
    try:
        with warnings.catch_warnings():  # that it will go one day, which is for those who made the module
            warnings.simplefilter("ignore", DeprecationWarning)
            frozen = torch.jit.freeze(own, optimize_numerics=False)
    except RuntimeError as error:
        raise MappingError(
            f"{WHERE}{name} cannot be frozen by torch.jit.freeze ({str(error).strip().splitlines()[-1]}); must be a "
            "module without code for training; hand over the module that it was made from"
        ) from error
    graph = _Conversion(name, frozen.graph).graph()
    sizes = next((one.type().sizes() for one in list(module.graph.inputs())[1:] if hasattr(one.type(), "sizes")), None)
    shape = tuple(sizes[1:]) if sizes and all(isinstance(n, int) for n in sizes[1:]) else None
    return Program(graph[0], graph[1], module, f"TorchScript module {name}", shape or None)


def _script_name(module: Any) -> str:
    return str(getattr(module, "original_name", None) or type(module).__name__)


class _Conversion:
    """A graph of TorchScript on its way to one of `torch.fx`."""

    def __init__(self, name: str, script: Any) -> None:
        from torch import fx

        self.name, self.script = name, script
        self.made = fx.Graph()
        self.holder = SimpleNamespace()
        self.values: dict[str, Any] = {}
        self.kinds: Mapping[str, Callable[[Any], Any]] = {
            "prim::Constant": self._constant,
            "prim::ListConstruct": self._inputs,
            "prim::TupleConstruct": lambda node: tuple(self._inputs(node)),
        }

    def graph(self) -> tuple[Any, Any]:
        """The graph, and what holds its tensors."""
        for given in list(self.script.inputs())[1:]:  # the first is the module itself
            self.values[given.debugName()] = self.made.placeholder(given.debugName())
        for node in self.script.nodes():
            self._add(node)
        outputs = self._inputs(self.script.return_node())
        self.made.output(outputs[0] if len(outputs) == 1 else tuple(outputs))
        return self.made, self.holder

    def _inputs(self, node: Any) -> list[Any]:
        found = [self.values[one.debugName()] for one in node.inputs()]
        for one in found:
            if isinstance(one, _Unread):
                raise self._refusal(one.node)
        return found

    def _constant(self, node: Any) -> Any:
        value = node.output().toIValue()
        if not hasattr(value, "layout"):
            return value
        place = f"c{len(vars(self.holder))}"
        setattr(self.holder, place, value)
        return self.made.get_attr(place)

    def _add(self, node: Any) -> None:
        """Add what a node gives to the values."""
        kind = node.kind()
        outputs = [one.debugName() for one in node.outputs()]
        if kind in self.kinds:
            self.values[outputs[0]] = self.kinds[kind](node)
        elif kind in NUMBERS:
            self.values[outputs[0]] = self._inputs(node)[0]
        elif kind in ("prim::ListUnpack", "prim::TupleUnpack") and isinstance(
            self._inputs(node)[0], list | tuple
        ):  # of what was joined in this graph
            self.values.update(zip(outputs, self._inputs(node)[0], strict=True))
        elif kind.startswith("aten::") and outputs:
            import torch

            schema = torch._C.parse_schema(node.schema())
            call = AtenCall(schema, kind.removeprefix("aten::"))
            made = self.made.call_function(call, tuple(self._inputs(node)))
            made.meta["module"] = node.scopeName().split("/")[-1].removeprefix("__module.")
            self.values[outputs[0]] = made
            # Others are such as the places of maxima, which nobody may take.
            self.values |= dict.fromkeys(outputs[1:], _Unread(node))
        elif outputs:  # wrong only if anybody takes it
            self.values |= dict.fromkeys(outputs, _Unread(node))
        elif not _only_checks(node):
            raise self._refusal(node)

    def _refusal(self, node: Any) -> MappingError:
        """The error for a node that is no operation of tensors."""
        kind = node.kind()
        if "quantized::" in kind:
            return MappingError(
                f"{WHERE}{self.name}: {kind} is quantized: it {ROUNDS}; must be of floating-point modules; {BEFORE}"
            )
        what, remedy = "is not read", "use torch.jit.trace"
        if list(node.blocks()):
            what = "does not do the same whatever the data are"
        elif kind in ("prim::GetAttr", "prim::SetAttr"):
            what, remedy = "is of a module that changes itself, as in training", "call eval() before it is traced"
        place = str(node.sourceRange()).strip().splitlines()
        return MappingError(
            f"{WHERE}{self.name}: {kind}{f' ({place[0].strip()})' if place else ''} {what}; must be operations of "
            f"tensors alone; {remedy}, or hand over the module that it was made from"
        )


@dataclass(frozen=True)
class _Unread:
    """Stands for a value that no operation of tensors makes."""

    node: Any


def _only_checks(node: Any) -> bool:
    """Does a node of TorchScript do nothing but raise an error on inputs that the module does not take?"""
    if node.kind() != "prim::If":
        return False
    blocks = [[one.kind() for one in block.nodes()] for block in node.blocks()]
    return any("prim::RaiseException" in kinds for kinds in blocks) and [] in blocks
