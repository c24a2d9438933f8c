"""A trained network as a graph of operations, as readers of ONNX, PyTorch and Keras hand it to `graph_walk`.

A reader says in these words what its framework's nodes do; which of them make a ReLU network, and which are refused, is
decided once, by the walk. The settings of an operation are those of its function in `graph_operations`,
`graph_activations`, `graph_joins` or `graph_views`. Relies on nothing. Used by the readers and by `graph_walk`.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError, MappingError

Array = np.ndarray[Any, Any]
Confirm = Callable[[Any, "Array | None", int], None]
UNSUPPORTED = "unsupported"
MOST_OUTPUTS = 100


@dataclass(frozen=True)
class Node:
    """An operation of a network.

    Attributes
    ----------
    label
        What messages call it, such as "conv1 (Conv)".
    operation
        A key of `graph_walk.OPERATIONS`, or `UNSUPPORTED`.
    inputs
        Names of values, the data first; None for one that is left out.
    outputs
        Names of values; of all but the first it is only known that they are not read.
    settings
        Settings of the operation, in the words of its function.
    """

    label: str
    operation: str
    inputs: tuple[str | None, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """Nodes in any order, and the values that they begin with.

    Attributes
    ----------
    place
        How messages begin before a node's label, such as "read_relu: ONNX node ".
    constants
        Values that are known, of any shape, by name. The data come in as `input` and leave as the last of `outputs`.
    shape
        Shape of one sample; None where it is that of a first dense layer.
    batch
        How many samples values of the graph hold in their first axis; 1 where it leaves that open.
    confirm
        Called with the network that was read, the places of its inputs among the graph's (None: as they are) and the
        number of the output; raises where the framework computes something else.
    dropped
        Labels of what was left out behind the outputs.
    noted
        Entries for the provenance.
    source
        What it was read from.
    supported
        What its framework's reader takes, for messages.
    """

    place: str
    nodes: Sequence[Node]
    constants: Mapping[str, Array]
    input: str
    outputs: Sequence[str]
    source: str
    supported: str
    shape: tuple[int, ...] | None = None
    batch: int = 1
    confirm: Confirm | None = None
    dropped: Sequence[str] = ()
    noted: Mapping[str, Any] = field(default_factory=dict)


def needed_nodes(graph: Graph) -> tuple[list[Node], str, list[str]]:
    """Return the nodes that the network's output needs, in an order in which they can be computed.

    The second is the name of that output, from which all others can be seen as steps on the way; these are the third.

    Raises
    ------
    FileFormatError
        Values that nothing makes or two nodes make, cycles.
    MappingError
        Outputs none of which comes after all the others; nodes that are not supported.
    """
    makers: dict[str, Node] = {}
    for node in graph.nodes:
        for name in filter(None, node.outputs):
            if name in makers or name in graph.constants or name == graph.input:
                raise FileFormatError(
                    f"{graph.place}{node.label} makes value {name!r}, which there is already; each value must have one "
                    "origin; export the model again"
                )
            makers[name] = node
    if len(graph.outputs) > MOST_OUTPUTS:
        raise MappingError(
            f"read_relu: the {graph.source} has {len(graph.outputs):,} outputs; must be at most {MOST_OUTPUTS}; export "
            "the one that is wanted"
        )
    best, ahead = max(
        ((name, _ancestors(graph, name, makers)) for name in graph.outputs), key=lambda found: len(found[1])
    )
    others = [name for name in graph.outputs if name != best]
    for name in others:
        maker = makers.get(name)
        if maker is not None and id(maker) not in ahead:
            raise MappingError(
                f"{graph.place}{maker.label} makes output {name!r}, and {makers[best].label} makes {best!r}, neither "
                "on the way to the other; a ReLU network has one output; export one of them"
            )
    nodes = _in_order(graph, list(ahead.values()), makers)
    for node in nodes:
        if node.operation == UNSUPPORTED:
            reason = node.settings.get("reason", "is not read")
            raise MappingError(f"{graph.place}{node.label} {reason}; supported are {graph.supported}")
    return nodes, best, others


def _ancestors(graph: Graph, name: str, makers: Mapping[str, Node]) -> dict[int, Node]:
    """Nodes that a value is made from, by their identity, since labels of a foreign file may be used twice."""
    found: dict[int, Node] = {}
    waiting = deque([(name, "its outputs")])
    while waiting:
        value, user = waiting.popleft()
        node = makers.get(value)
        if node is None:
            if value not in graph.constants and value != graph.input:
                raise FileFormatError(
                    f"{graph.place}{user} needs value {value!r}, which no node makes and no weight holds; export the "
                    "model again"
                )
        elif id(node) not in found:
            found[id(node)] = node
            waiting.extend((given, node.label) for given in node.inputs if given is not None)
    return found


def _in_order(graph: Graph, nodes: Sequence[Node], makers: Mapping[str, Node]) -> list[Node]:
    """The nodes, each behind those that it needs; where that leaves a choice, in the order of the graph."""
    rank = {id(node): i for i, node in enumerate(graph.nodes)}
    missing = {
        id(node): {id(makers[name]) for name in node.inputs if name is not None and name in makers} for node in nodes
    }
    users: dict[int, list[Node]] = {id(node): [] for node in nodes}
    for node in nodes:
        for maker in missing[id(node)]:
            users[maker].append(node)
    ready = deque(sorted((node for node in nodes if not missing[id(node)]), key=lambda node: rank[id(node)]))
    found: list[Node] = []
    while ready:
        node = ready.popleft()
        found.append(node)
        for user in users[id(node)]:
            missing[id(user)].discard(id(node))
            if not missing[id(user)]:
                ready.append(user)
    if len(found) < len(nodes):
        stuck = next(node for node in nodes if missing[id(node)])
        raise FileFormatError(f"{graph.place}{stuck.label} needs its own output; cycles are not read; export it again")
    return found
