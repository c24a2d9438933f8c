"""NIR graphs: opened, freed of subgraphs, checked, and put into an order that their files keep.

Nodes are known by the names of their classes, so that the nir package is needed for files only. Relies on the errors.
Used by `nir_read` and the modules that it consists of.
"""

import importlib
import inspect
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import finite_array, shown
from eventsim.errors import FileFormatError, InputError, NetworkError, nearest
from eventsim.network.nodes import MAX_NEURONS

Array = np.ndarray[Any, Any]
Edge = tuple[str, str]
SPIKING = ("IF", "LIF", "CubaLIF")
GRADED = ("I", "LI", "CubaLI")
LINEAR = ("Linear", "Affine", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "Delay")
ENDS = ("Input", "Output")
SUPPORTED = (
    f"supported are {', '.join((*ENDS, 'NIRGraph', *LINEAR, *SPIKING))}, and {', '.join(GRADED)} before an Output"
)
DEEPEST = 50  # subgraphs within each other
SINCE = "1.0.6"  # v_reset, CubaLI, data of spikes
LARGEST_PORT = 2**24  # neurons of an Input or Output: a file of some bytes may ask for any number
# What nir and h5py raise at files that are damaged, or hold something else.
BROKEN = (OSError, KeyError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError, IndexError)


MARK = "eventsim"  # among the metadata of a graph that `write_nir` made


class NodeError(NetworkError):
    """A node that is not what NIR says, or that eventsim cannot represent; ``error.node`` is its name."""

    def __init__(self, node: str, kind: str, reason: str) -> None:
        super().__init__(f"read_nir: node {node!r} ({kind}): {reason}")
        self.node = node


@dataclass
class Graph:
    """A NIR graph without subgraphs.

    Attributes
    ----------
    nodes
        The nodes by name; those of a subgraph are called ``subgraph.node``.
    edges
        Pairs (from, to), those of a subgraph before what leaves it.
    ports
        Inputs and outputs of subgraphs, which pass on what they get.
    ours
        Whether `write_nir` made it, as its metadata say.
    """

    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    ports: set[str] = field(default_factory=set)
    ours: bool = False

    def kind(self, name: str) -> str:
        """Name of a node's class."""
        return type(self.nodes[name]).__name__

    def error(self, name: str, reason: str) -> NodeError:
        """The error of a node."""
        return NodeError(name, self.kind(name), reason)

    def before(self, name: str) -> list[str]:
        """The nodes from which edges lead to one."""
        return [first for first, second in self.edges if second == name]

    def in_order(self, kinds: Sequence[str]) -> list[str]:
        """The nodes of some kinds, ports left out, by how many edges they are away from an Input, then by name.

        Where edges are `in_our_order`, in the order in which edges first leave them, the rest at the end.
        """
        if self.in_our_order:
            order = list(dict.fromkeys([edge[0] for edge in self.edges] + list(self.nodes)))
        else:
            away = self._away()
            order = sorted(self.nodes, key=lambda name: (away.get(name, math.inf), name))
        return [name for name in order if name not in self.ports and self.kind(name) in kinds]

    @property
    def in_our_order(self) -> bool:
        """Do edges tell in which order inputs and neurons were created, as `write_nir` lists them?

        Edges that leave these come before all others then: a file sorts its nodes by name, but keeps that of its edges.
        Other programs keep edges in no order, so that theirs say nothing.
        """
        if not self.ours:
            return False
        leaves = [self.kind(first) in (*ENDS, *SPIKING, *GRADED) and first not in self.ports for first, _ in self.edges]
        return leaves == sorted(leaves, reverse=True)

    def _away(self) -> dict[str, int]:
        """How many edges each node is away from an Input; those that none reaches are left out."""
        behind: dict[str, list[str]] = {name: [] for name in self.nodes}
        for first, second in self.edges:
            behind[first].append(second)
        away: dict[str, int] = {}
        front, steps = [name for name in self.nodes if self.kind(name) == "Input" and name not in self.ports], 0
        while front:
            away |= dict.fromkeys(front, steps)
            further = dict.fromkeys(second for first in front for second in behind[first])
            front, steps = [name for name in further if name not in away], steps + 1
        return away


def open_graph(source: Any) -> Graph:
    """The graph of a file or of a `nir.NIRGraph`, flat and whole.

    Raises
    ------
    FileFormatError
        A file that is missing, damaged or no NIR.
    InputError
        Anything else than a path or a graph; the nir package is missing.
    NetworkError
        Edges to nodes that do not exist, edges given twice, subgraphs with more than one way in or out.
    """
    if isinstance(source, str | os.PathLike):
        source = _from_file(Path(source))
    if type(source).__name__ != "NIRGraph":
        raise InputError(
            f"read_nir: source is a {type(source).__name__}; must be the path of a NIR file or a nir.NIRGraph. Write "
            "the graph with nir.write, or give it as it is."
        )
    graph = Graph(ours=_is_ours(source))
    _flatten(graph, source, "", 0)
    if not graph.nodes:
        raise NetworkError("read_nir: the graph has no nodes; must have at least an Input and a neuron. Add them.")
    return graph


def _is_ours(source: Any) -> bool:
    """Do its metadata say that `write_nir` made it?"""
    metadata = getattr(source, "metadata", None)
    return isinstance(metadata, dict) and MARK in metadata


def nir_package(where: str) -> Any:
    """The nir package; InputError that names the extra to install where it is missing."""
    try:
        return importlib.import_module("nir")
    except ImportError as error:
        raise InputError(
            f"{where} needs nir, which is not installed ({error}); must be there. Install it with "
            "pip install 'eventsim[nir]'."
        ) from error


def _from_file(path: Path) -> Any:
    nir = nir_package("read_nir: a file")
    try:
        return nir.read(path, **unchecked(nir.read))
    except BROKEN as error:
        remedy = "Write it again with nir.write."
        if is_old(nir):
            remedy = f"nir {nir.version} does not read files of newer ones: install nir>={SINCE}, or write it again."
        raise FileFormatError(
            f"read_nir: {path} is not read by nir ({type(error).__name__}: "
            f"{str(error)[:200]}); must be a whole NIR file (HDF5). {remedy}"
        ) from error


def is_old(nir: Any) -> bool:
    """Is this a nir whose neurons have no v_reset, and which has no data of spikes (nir <= 1.0.4)?"""
    return not hasattr(nir.LIF, "v_reset")


def unchecked(function: Any) -> dict[str, bool]:
    """What keeps nir from inferring shapes, which takes kernels for squares, and groups for one; old ones never do."""
    return {"type_check": False} if "type_check" in inspect.signature(function).parameters else {}


def _flatten(graph: Graph, part: Any, prefix: str, depth: int) -> None:
    """Add the nodes of a graph or subgraph, its edges, and its subgraphs."""
    where = f"read_nir: {f'subgraph {prefix[:-1]!r}' if prefix else 'the graph'}"
    if depth > DEEPEST:
        raise NetworkError(f"{where}: lies in more than {DEEPEST} others; must be in fewer. Does it hold itself?")
    nodes, edges = getattr(part, "nodes", None), getattr(part, "edges", None)
    if not isinstance(nodes, dict) or not isinstance(edges, Sequence) or not all(isinstance(n, str) for n in nodes):
        raise NetworkError(
            f"{where}: nodes = {shown(nodes)}, edges = {shown(edges)}; must be a dict of nodes by name and a list of "
            "pairs of names. Make the graph with nir.NIRGraph(nodes, edges)."
        )
    inner = {name: node for name, node in nodes.items() if type(node).__name__ == "NIRGraph"}
    for name, node in nodes.items():
        if name not in inner:
            if prefix + name in graph.nodes:
                raise NetworkError(f"{where}: there are two nodes {prefix + name!r}; must be one. Rename one.")
            graph.nodes[prefix + name] = node
            if prefix and type(node).__name__ in ENDS:
                graph.ports.add(prefix + name)
    ways = dict(inner)
    for edge in edges:
        first, second = _ends(where, edge, nodes)
        if first in inner:  # what is in a subgraph comes before what it leads to
            _flatten(graph, inner.pop(first), f"{prefix}{first}.", depth + 1)
        ends = (
            f"{prefix}{first}{_way(where, ways, first, 'Output')}",
            f"{prefix}{second}{_way(where, ways, second, 'Input')}",
        )
        if ends in graph.edges:
            raise NetworkError(f"{where}: the edge {ends} is there twice; must be once. Double the weights instead.")
        graph.edges.append(ends)
    for name, node in inner.items():
        _flatten(graph, node, f"{prefix}{name}.", depth + 1)


def _ends(where: str, edge: Any, nodes: dict[str, Any]) -> Edge:
    """The names of an edge, which exist."""
    if not isinstance(edge, Sequence) or len(edge) != 2:
        raise NetworkError(f"{where}: edge {shown(edge)}; must be a pair of names of nodes. Give (from, to).")
    for name in edge:
        if name not in nodes:
            raise NetworkError(
                f"{where}: edge {shown(tuple(edge))}: there is no node {name!r}{nearest(name, nodes)}; must be one of "
                f"{', '.join(map(repr, nodes))[:200]}. Add the node, or remove the edge."
            )
    return edge[0], edge[1]


def _way(where: str, inner: dict[str, Any], name: str, kind: str) -> str:
    """The end of a name that leads into a subgraph, or out of it; "" for other nodes."""
    if name not in inner:
        return ""
    found = [key for key, node in dict(getattr(inner[name], "nodes", {})).items() if type(node).__name__ == kind]
    if len(found) != 1:
        raise NetworkError(
            f"{where}: subgraph {name!r} has {len(found)} {kind} nodes; must have one where an edge "
            f"{'enters' if kind == 'Input' else 'leaves'} it. Split the subgraph, or take its nodes out of it."
        )
    return f".{found[0]}"


def values(graph: Graph, name: str, parameter: str, ndim: Sequence[int] | None = None) -> Array:
    """A parameter of a node as finite float64, with one of so many axes."""
    kind = graph.kind(name)
    node = graph.nodes[name]
    if parameter == "v_reset" and not hasattr(node, "v_reset") and hasattr(node, "v_threshold"):
        return np.zeros(np.shape(node.v_threshold))  # nir <= 1.0.4 has none; newer ones read its files so
    try:
        given = getattr(node, parameter)
        array = finite_array(f"read_nir: node {name!r} ({kind})", parameter, given, NetworkError)
    except AttributeError as error:
        raise graph.error(name, f"has no {parameter}; must have one. Write the graph again with nir.") from error
    except NetworkError as error:
        raise NodeError(name, kind, str(error).partition("): ")[2]) from error
    array = array.astype(np.float64)
    if ndim is not None and array.ndim not in ndim:
        allowed = " or ".join(map(str, ndim))
        raise graph.error(
            name, f"{parameter} has shape {array.shape}; must have {allowed} axes. NIR's other shapes are not read."
        )
    return array


def whole(graph: Graph, name: str, parameter: str, n: int, low: int) -> tuple[int, ...]:
    """A parameter of a node that is `n` whole numbers >= low, or one for all."""
    numbers = np.atleast_1d(values(graph, name, parameter, (0, 1)))
    if numbers.size not in (1, n) or (numbers < low).any() or (numbers != np.floor(numbers)).any():
        raise graph.error(
            name, f"{parameter} = {shown(numbers.tolist())}; must be {n} whole numbers >= {low}, or one. Correct it."
        )
    return tuple(int(number) for number in np.broadcast_to(numbers, (n,)))


def shape_of_end(graph: Graph, name: str) -> tuple[int, ...]:
    """The shape of an Input or Output."""
    node, key = graph.nodes[name], graph.kind(name).lower()
    given = getattr(node, f"{key}_type", None)
    given = given.get(key) if isinstance(given, dict) else given
    try:
        shape = np.asarray([] if given is None else given)
    except ValueError:
        shape = np.empty(0)
    whole_numbers = shape.dtype.kind in "iu" or (shape.dtype.kind == "f" and (shape == np.floor(shape)).all())
    if (
        shape.ndim > 1
        or not shape.size
        or not whole_numbers
        or (shape < 1).any()
        or (shape > MAX_NEURONS).any()
        or shape.astype(np.float64).prod() > LARGEST_PORT
    ):
        raise graph.error(
            name,
            f"has the shape {shown(given)}; must be whole numbers from 1 on, of at most {LARGEST_PORT:,} neurons. Give "
            f"nir.{graph.kind(name)} a shape.",
        )
    return tuple(int(n) for n in np.atleast_1d(shape))
