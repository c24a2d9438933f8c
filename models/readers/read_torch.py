"""Reader of PyTorch networks: `torch.fx` follows the data through a module, and its graph is read as others are.

Programs of `torch.export` and TorchScript are graphs already (`torch_programs`).

A module is read as it evaluates: what it does in training (dropout, the statistics of each batch) is not read. torch is
imported only where a caller already has a module of it. Relies on `torch_modules` and `torch_functions` for what calls
mean, and on `graph_walk` for what becomes of them. Used by `read_relu`.
"""

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from eventsim.errors import MappingError
from eventsim.models.readers.graph_walk import read_graph
from eventsim.models.readers.layer_graph import UNSUPPORTED, Array, Graph, Node
from eventsim.models.readers.torch_functions import IN_PLACE, TORCH_FUNCTIONS, TORCH_JOINS, bound
from eventsim.models.readers.torch_modules import (
    EVALUATION,
    SUPPORTED_MODULES,
    WHERE,
    kind_of,
    meaning_of,
    values_of,
)
from eventsim.models.readers.torch_programs import Program, aten_call, is_exported, is_script, program_of
from eventsim.models.readers.torch_wrappers import check_parts, of_values, unwrapped
from eventsim.models.relu.relu_network import ReluNetwork

INPUT = "input"
# Of the largest output: what a module that computes in float32 may differ by.
SAME = 1e-3


def is_torch(source: Any) -> bool:
    """Whether an object is a PyTorch module, or a program that `torch.export` made."""
    return is_exported(source) or (
        hasattr(source, "named_modules")
        and any(
            cls.__module__ == "torch.nn.modules.module" and cls.__qualname__ == "Module" for cls in type(source).__mro__
        )
    )


def read_torch(source: Any, input_shape: Sequence[int] | None) -> ReluNetwork:
    """Return the network of a module that `torch.fx` can trace, or of a program of `torch.export` or TorchScript.

    Parameters and errors are those of `read_relu`.
    """
    module = source.module() if is_exported(source) else of_values(unwrapped(source))
    for path, one in module.named_modules():
        _check_hooks(path, one)
    program = program_of(module)
    if program is None:
        check_parts(module)
        graph, holder = _trace(module)
        plain = kind_of(module) is not None
        program = Program(
            graph, holder, module, "torch.nn.Sequential" if plain else f"torch module {type(module).__qualname__}"
        )
    reading = _Reading(program)
    nodes, output = reading.nodes()
    if input_shape is None and not program.fixed:
        input_shape = program.shape

    def confirm(network: ReluNetwork, order: Array | None, output: int) -> None:
        shape = input_shape or (program.shape if program.fixed else None) or network.input_shape
        _check_outputs(program, shape, network, order, output)

    return read_graph(
        Graph(
            place=WHERE,
            nodes=nodes,
            constants=reading.constants,
            input=INPUT,
            outputs=output,
            source=program.kind,
            supported=f"{SUPPORTED_MODULES}, in a torch.nn.Sequential or a module that torch.fx can trace, and the "
            f"functions {', '.join(TORCH_FUNCTIONS)}",
            shape=program.shape if program.fixed else None,
            batch=program.batch,
            confirm=confirm,
        ),
        input_shape,
    )


def _check_outputs(
    program: Program, shape: Sequence[int], network: ReluNetwork, order: Array | None, output: int
) -> None:
    """Refuse a network that computes something else than its module: what changes in place what others see, above all.

    A graph does not say whether two of its values are one tensor, and so not what a change in place means.
    """
    import torch

    n = program.batch if program.batch > 1 or program.fixed else 2
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (n, *shape))
    module = program.module

    # In float64, or else in the numbers that its weights are in, or its code asks for.
    numbers = [torch.float64, next((p.dtype for p in module.parameters()), torch.float32), torch.float32]
    theirs: Any = None
    for number in numbers:
        try:
            theirs, failure = _run(module, torch.from_numpy(x), number), None
            break
        except Exception as error:  # noqa: BLE001 - whatever its code raises
            failure = error
            if not isinstance(error, RuntimeError):
                break
    if failure is not None:
        raise MappingError(
            f"{WHERE}{program.name} does not run on inputs of shape {x.shape} ({type(failure).__name__}: "
            f"{str(failure).splitlines()[0] if str(failure) else 'no message'}); must run; give the input_shape that "
            "it takes"
        ) from failure
    if isinstance(theirs, tuple | list):
        theirs = [one for one in theirs if isinstance(one, torch.Tensor)][output]
    flat = x.reshape(n, -1)
    ours = network.forward(flat if order is None else flat[:, order])
    there = theirs.double().numpy().reshape(n, -1)
    ours, there = _before_output(network.provenance["output"], ours, there)
    least = 0.0 if network.provenance["output"] == "identity" else 1.0  # probabilities, which may all be next to 0
    size = max(float(np.abs(there).max()), float(np.abs(ours).max()), least)
    if ours.shape != there.shape or not np.abs(ours - there).max() <= SAME * size:
        raise MappingError(
            f"{WHERE}{program.name} computes other outputs than its graph as torch.fx records it; must not "
            "change in place (+=, relu_, inplace=True) what is used elsewhere; write y = y + x, and inplace=False"
        )


def _run(module: Any, x: Any, number: Any) -> Any:
    """What a copy of a module gives in evaluation, on the processor and in one type of numbers."""
    import torch

    # Not all operations, copying among them, have an implementation for sparse tensors.
    dense: dict[int, Any] = {
        id(tensor): torch.nn.Parameter(tensor.detach().to_dense(), requires_grad=False)
        for tensor in (*module.parameters(), *module.buffers())
        if tensor.layout != torch.strided
    }
    own = copy.deepcopy(module, dense) if dense else copy.deepcopy(module)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a copy, which nobody trains
        own = own.to(device="cpu", dtype=number)
        if is_script(own):
            return own.eval()(x.to(number))
        with _evaluating(own):
            return own(x.to(number))


def _before_output(word: str, ours: Array, theirs: Array) -> tuple[Array, Array]:
    """Logits, and outputs behind the function that was left out, in a form that can be compared."""
    if word == "logistic":
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-ours)), theirs
    if word == "softmax":
        lead = ours - ours.max(axis=1, keepdims=True)
        if (theirs >= 0).all() and np.allclose(theirs.sum(axis=1), 1, atol=SAME):
            return np.exp(lead) / np.exp(lead).sum(axis=1, keepdims=True), theirs
        return lead, theirs - theirs.max(axis=1, keepdims=True)  # a log-softmax
    return ours, theirs


def _check_hooks(path: str, module: Any) -> None:
    """Hooks change what a module computes; old-style weight and spectral norms and pruning are hooks.

    Those of `torch.export` only look at the inputs, and are let be.
    """
    for kind in ("_forward_pre_hooks", "_forward_hooks"):
        hooks = () if is_script(module) else (getattr(module, kind, None) or {}).values()
        hooks = [hook for hook in hooks if not str(getattr(hook, "__module__", "")).startswith("torch.export.")]
        found = {getattr(hook, "__name__", type(hook).__name__) for hook in hooks}
        if found - {"_infer_parameters"}:  # that of lazy modules, whose missing weights are refused later
            names = ", ".join(sorted(found))
            raise MappingError(
                f"{WHERE}{path or '0'} ({type(module).__name__}) has hooks ({names}), which change what it computes; "
                "remove them (as torch.nn.utils.remove_weight_norm or torch.nn.utils.prune.remove do)"
            )


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """The module in evaluation for a while; each of its modules is put back as it was."""
    before = [(one, one.training) for one in module.modules()]
    try:
        for one, _ in before:
            one.training = False
        yield
    finally:
        for one, training in before:
            one.training = training


def _trace(module: Any) -> tuple[Any, Any]:
    """The fx graph of a module, and the module that holds it, under the path "0"."""
    from torch import fx, nn

    class Tracer(fx.Tracer):  # type: ignore[misc]  # torch is Any here
        """Looks into modules that have code of their own, and into no other."""

        def is_leaf_module(self, one: Any, _path: str) -> bool:
            own_code = bool(set(EVALUATION) & set(vars(one)))
            own_code |= kind_of(one) is None and not type(one).__module__.startswith("torch.nn.modules.")
            return not own_code and not isinstance(one, nn.Sequential)

    holder = nn.Sequential(module)
    with _evaluating(holder):
        try:
            return Tracer().trace(holder), holder
        except Exception as error:
            raise MappingError(
                f"{WHERE}{type(module).__name__} cannot be traced by torch.fx ({type(error).__name__}: "
                f"{str(error).splitlines()[0] if str(error) else 'no message'}); must do the same whatever the data "
                "are; write it as a torch.nn.Sequential"
            ) from error


class _Reading:
    """A traced module on its way to a graph of `layer_graph`."""

    def __init__(self, program: Program) -> None:
        self.constants: dict[str, Array] = {}
        self.made: list[Node] = []
        self.graph, self.holder, self.name = program.graph, program.holder, program.name
        given = [node for node in self.graph.nodes if node.op == "placeholder"]
        self.inputs = [node for node in given if node.users] or given
        if len(self.inputs) != 1:
            names = ", ".join(str(node.name) for node in self.inputs) or "none"
            raise MappingError(
                f"{WHERE}{self.name} takes {len(self.inputs)} inputs ({names}); must take "
                "one; join them, or wrap it in a module that gives the others"
            )

    def nodes(self) -> tuple[list[Node], list[str]]:
        """The nodes, and the names of the outputs."""
        outputs: list[str] = []
        for node in self.graph.nodes:
            self._check_in_place(node)
            if node.op == "get_attr":
                tensor = self.holder
                for part in node.target.split("."):
                    tensor = getattr(tensor, part)
                self.constants[node.name] = values_of(_label(node.target, node.target), "value", tensor)
            elif node.op == "call_module":
                self._module(node)
            elif node.op in ("call_function", "call_method"):
                self._call(node)
            elif node.op == "output":
                given = node.args[0] if isinstance(node.args[0], tuple | list) else [node.args[0]]
                outputs = [self._name(one) for one in given if hasattr(one, "op")]
        if not outputs:
            raise MappingError(f"{WHERE}{self.name} returns no tensor; must return its outputs")
        return self.made, outputs

    def _name(self, node: Any) -> str:
        return INPUT if node is self.inputs[0] else str(node.name)

    def _given(self, node: Any, place: int, value: Any) -> str | None:
        """Name of an input, which is made a constant where it is a number."""
        if value is None or hasattr(value, "op"):
            return None if value is None else self._name(value)
        name = f"{node.name} {place}"
        self.constants[name] = np.asarray(value)
        return name

    def _append(self, node: Any, label: str, operation: str, given: Sequence[Any], settings: Any) -> None:
        names = tuple(self._given(node, place, value) for place, value in enumerate(given))
        self.made.append(Node(label, operation, names, (str(node.name),), settings))

    def _check_in_place(self, node: Any) -> None:
        """Refuse what changes values that others see too: a graph does not say who of them comes first."""
        module = self.holder.get_submodule(node.target) if node.op == "call_module" else None
        named = str(node.target).endswith("_") and node.op == "call_method"
        name = getattr(node.target, "__name__", "").partition(".")[0]
        named |= name.endswith("_") and not name.startswith("__")
        named |= getattr(node.target, "__name__", "") in IN_PLACE
        if getattr(module, "inplace", False) or node.kwargs.get("inplace") or named:
            given = node.args[0] if node.args else None
            if str(getattr(given, "target", "")).endswith("num_batches_tracked"):  # which only training looks at
                return
            if len(getattr(given, "users", ())) > 1 or not node.users:
                raise MappingError(
                    f"{WHERE}{_label(node.name, node.target)} changes in place what others see, too; must give a new "
                    "tensor; use inplace=False and its result"
                )

    def _module(self, node: Any) -> None:
        module = self.holder.get_submodule(node.target)
        label = _label(node.target.removeprefix("0."), type(module).__name__)
        meaning = meaning_of(label, module)
        if len(node.args) != 1 or node.kwargs:
            meaning = None
        if meaning is None:
            self._append(node, label, UNSUPPORTED, node.args[:1], {})
        else:
            self._append(node, label, meaning.operation, [node.args[0], *meaning.constants], meaning.settings)

    def _call(self, node: Any) -> None:
        """A function or a method; sizes become the nodes that ONNX has for them."""
        name = str(getattr(node.target, "__name__", node.target))
        foreign = node.op == "call_function" and not _known_origin(node.target)
        keywords = dict(node.kwargs)
        if hasattr(node.target, "_schema"):
            name, first, keywords = aten_call(node.target, tuple(node.args), keywords)
            rest: tuple[Any, ...] = ()
        else:
            positional: tuple[Any, ...] = tuple(node.args) or (keywords.pop("input", None),)
            first, rest = positional[0], positional[1:]
        if name == "__getitem__":  # of TorchScript
            name, rest = "getitem", (keywords["idx"],)
        name = name.removesuffix("_")
        label = _label(_module_of(node) or node.name, name)
        if name == "addmm" and rest:
            first, rest = rest[0], (*rest[1:], first)
        if name == "getattr" and rest == ("T",):
            self._append(node, label, "transpose", [first], {"swap": (0, 1)})
            return
        if name in ("size", "getattr") and (name == "size" or rest == ("shape",)):
            axis = keywords.get("dim", rest[0] if rest else None) if name == "size" else None
            self._sizes(node, label, first, axis)
            return
        if name == "getitem" and isinstance(rest[0], int):
            several = len(getattr(getattr(first.target, "_schema", None), "returns", ())) > 1
            if several and rest[0] == 0:  # of an operation that gives what training needs, too
                self._append(node, label, "identity", [first], {})
            else:
                self._append(node, label, UNSUPPORTED if several else "gather", [first, rest[0]], {})
            return
        if name in TORCH_JOINS and not foreign and isinstance(first or keywords.get("tensors"), list | tuple):
            axis = keywords.get("dim", keywords.get("axis", rest[0] if rest else 0))
            self._append(node, label, "concat", first or keywords["tensors"], {"axis": axis})
            return
        if name in ("max", "min") and hasattr(keywords.get("other", rest[0] if rest else None), "op"):
            name = f"{name}imum"  # of two tensors, and not along an axis
        known = TORCH_FUNCTIONS.get(name)
        given = None if known is None or foreign else bound(known[1], rest, keywords)
        if known is None or given is None:
            self._append(node, label, UNSUPPORTED, [first], {})
            return
        operation, _, reader = known
        try:
            inputs, settings = reader(label, name, given)
        except (KeyError, TypeError) as error:
            raise MappingError(
                f"{WHERE}{label} has arguments that are not read ({error}); give them by name"
            ) from error
        if operation == "reshape":
            inputs = [self._shape(node, label, given["shape"])]
        self._append(node, label, operation, [first, *inputs], settings)

    def _sizes(self, node: Any, label: str, first: Any, axis: int | None) -> None:
        if axis is None:
            self._append(node, label, "shape", [first], {})
            return
        whole = f"{node.name} all"
        self.made.append(Node(label, "shape", (self._given(node, 0, first),), (whole,)))
        self.constants[f"{node.name} axis"] = np.array(axis)
        self.made.append(Node(label, "gather", (whole, f"{node.name} axis"), (str(node.name),)))

    def _shape(self, node: Any, label: str, sizes: tuple[Any, ...]) -> Any:
        """The shape of a view: numbers, or joined from numbers and values of the graph."""
        if all(isinstance(size, int) for size in sizes):
            return np.array(sizes, np.int64)
        name = f"{node.name} shape"
        parts = tuple(self._given(node, 100 + place, size) for place, size in enumerate(sizes))
        self.made.append(Node(label, "concat", parts, (name,)))
        return _Named(name)


class _Named:
    """A value of the graph that is no node of torch.fx."""

    op = "made here"

    def __init__(self, name: str) -> None:
        self.name = name


def _module_of(node: Any) -> str:
    """Path of the module that a call of a program was in; "" where that is not known, or the module itself is read."""
    if not hasattr(node.target, "_schema"):
        return ""
    stack = node.meta.get("nn_module_stack") or {}
    path, _ = next(reversed(stack.values()), ("", None))
    return str(node.meta.get("module") or ("" if str(path).startswith("_empty") else path))


def _known_origin(function: Any) -> bool:
    origin = getattr(function, "__module__", None) or "torch"
    return origin.split(".")[0] in ("torch", "_operator", "builtins", "math")


def _label(path: str, kind: Any) -> str:
    return f"{path} ({kind if isinstance(kind, str) else getattr(kind, '__name__', kind)})"
