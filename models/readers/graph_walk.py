"""From a graph of operations to the layers of a ReLU network: one walk for every reader.

For each value that depends on the inputs, the walk keeps the layers that lead to it, the shape and, where the graph has
re-ordered the values since the last layer, the order. Nothing is moved: the next dense layer takes its columns in that
order. All else must be known: weights, and what can be computed from them and from shapes.

Relies on `layer_graph`, `graph_operations`, `graph_activations`, `graph_joins`, `graph_views` and `graph_constants`.
Used by the readers.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from eventsim.errors import MappingError
from eventsim.models.readers import graph_activations as activations
from eventsim.models.readers import graph_joins as joins
from eventsim.models.readers import graph_operations as layers
from eventsim.models.readers import graph_quantization as quantization
from eventsim.models.readers import graph_views as views
from eventsim.models.readers.graph_constants import computed
from eventsim.models.readers.graph_value import Value, inputs_of
from eventsim.models.readers.layer_graph import Array, Graph, Node, needed_nodes
from eventsim.models.relu.relu_network import ReluNetwork

# What an operation makes of a value: (value, node, arrays of the inputs, of which that of the value is None).
Operation = Callable[[Value, Node, list[Array | None]], Value]
OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "dense": layers.dense,
        "conv": layers.conv,
        "batch_norm": layers.batch_norm,
        "relu": activations.relu,
        "clip": activations.clip,
        "leaky_relu": activations.leaky_relu,
        "maximum": activations.extreme,
        "minimum": activations.extreme,
        "max_pool": layers.max_pool,
        "average_pool": layers.average_pool,
        "global_max_pool": layers.global_pool,
        "global_average_pool": layers.global_pool,
        "adaptive_max_pool": layers.adaptive_pool,
        "adaptive_average_pool": layers.adaptive_pool,
        "mean": layers.mean,
        "pad": layers.pad,
        "add": layers.affine,
        "subtract": layers.affine,
        "multiply": layers.affine,
        "divide": layers.affine,
        "softmax": activations.output_function,
        "sigmoid": activations.output_function,
        "flatten": views.flatten,
        "reshape": views.reshape,
        "transpose": views.transpose,
        "squeeze": views.squeeze,
        "unsqueeze": views.unsqueeze,
        "identity": views.identity,
        "cast": views.cast,
        "quantize": quantization.quantize,
        "dequantize": quantization.dequantize,
    }
)

# What an operation makes of several values.
JOINS: Mapping[str, Callable[[list[Value], Node], Value]] = MappingProxyType(
    {"add": joins.add, "subtract": joins.subtract, "concat": joins.concat}
)

LEAST_BUDGET = 1 << 22  # values that may be computed from constants, and four times as many as these have
MOST_FILLED = 1 << 28  # values that may be one number at all places: about twice the weights of a VGG-19


def read_graph(graph: Graph, input_shape: Sequence[int] | None) -> ReluNetwork:
    """Return the ReLU network of a graph.

    Parameters
    ----------
    graph
        As a reader made it.
    input_shape
        Shape of one input, which goes before that of the graph.

    Raises
    ------
    MappingError
        An operation, a setting or a form of graph that no ReLU network has; the message names the node.
    FileFormatError
        Values that nothing makes, cycles.
    NetworkError
        Weights that make no network.
    InputError
        A shape of inputs is needed and not given.
    """
    nodes, output, others = needed_nodes(graph)
    start = inputs_of(graph, input_shape)
    values: dict[str, Array | Value] = {**graph.constants, graph.input: start}
    users = Counter(name for node in nodes if node.operation != "shape" for name in node.inputs if name is not None)
    budget, filled = LEAST_BUDGET + 4 * sum(array.size for array in graph.constants.values()), MOST_FILLED
    for node in nodes:
        given = [None if name is None else values.get(name) for name in node.inputs]
        for name, value in zip(node.inputs, given, strict=True):
            if name is not None and value is None:
                raise start.refusal(
                    node, f"needs {name!r}, which is not the first output of its node; only first ones are read"
                )
        first = next((value for value in given if isinstance(value, Value)), None)
        if node.operation == "shape" and first is not None:
            values[node.outputs[0]] = views.shape_of(first, node)
        elif first is None:
            fills = node.operation == "fill"
            made = values[node.outputs[0]] = computed(graph.place, node, given, filled if fills else budget)
            filled, budget = (filled - made.size, budget) if fills else (filled, budget - made.size)
        else:
            mine = [
                value.taken(users[name] > 1)
                for name, value in zip(node.inputs, given, strict=True)
                if name is not None and isinstance(value, Value)
            ]
            _check(node, given, mine)
            if len(mine) > 1 or node.operation not in OPERATIONS:
                values[node.outputs[0]] = JOINS[node.operation](mine, node)
            else:
                constants = [None if isinstance(value, Value) else value for value in given]
                values[node.outputs[0]] = OPERATIONS[node.operation](mine[0], node, constants)
    found = values.get(output)
    if not isinstance(found, Value):
        raise MappingError(
            f"read_relu: the output {output!r} of the {graph.source} is no first output of a node that takes the "
            "activations; must come from the input; export the model again"
        )
    network = found.network(others)
    if graph.confirm is not None:
        graph.confirm(network, found.built.input_order, list(graph.outputs).index(output))
    return network


def _check(node: Node, given: Sequence[Array | Value | None], mine: Sequence[Value]) -> None:
    """Refuse operations that are not read of activations, and what stands where nothing may."""
    first = mine[0]
    if len(mine) > 1 and node.operation not in JOINS:
        raise first.refusal(
            node, f"joins two branches of the network; branches are read that end in {', '.join(JOINS)}; use these"
        )
    constant = len(mine) < sum(value is not None for value in given)
    if node.operation not in OPERATIONS and (node.operation not in JOINS or (constant and len(mine) == 1)):
        if constant and node.operation in JOINS:
            raise first.refusal(node, "joins activations and constants; must join activations only; pad with zeros")
        raise first.refusal(node, f"computes with activations; that is read of constants only, as {node.operation}")
    if len(mine) > 1 and constant:
        raise first.refusal(node, "joins activations and constants; must join activations only; pad with zeros")
    if len(mine) > 1 and None in node.inputs:
        raise first.refusal(node, "leaves out one of the values that it joins; must name them all; export it again")
    if not isinstance(given[0], Value) and node.operation not in layers.SYMMETRIC:
        raise first.refusal(node, "takes the activations as another than its first input; that is not read")
    for one in mine:
        if one.codes is not None and node.operation not in quantization.OF_CODES:
            raise one.refusal(
                node, "computes with integers that stand for activations; that is read of values behind a "
                "DequantizeLinear only; export the network in the QDQ format"
            )  # fmt: skip
        if node.operation not in layers.AFTER_ZEROS:
            one.check_zeros(node)
        if one.output != "identity" and node.operation not in views.AFTER_OUTPUT:
            word = one.graph.place.split()[-1]
            raise MappingError(
                f"{one.graph.place}{one.built.dropped[-1]} is a {one.output} inside the network, before {node.label}; "
                f"that is read as the last {word} only; remove one of them, or use one of {one.graph.supported}"
            )
