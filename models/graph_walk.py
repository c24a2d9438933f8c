"""From a graph of operations to the layers of a ReLU network: one walk for every reader.

A ReLU network is a chain. Along it goes one array a sample, of which the walk keeps the shape and, where the graph has
re-ordered the values since the last layer, the order: nothing is moved, the next dense layer takes its columns in it.
What is not part of the chain must be known: weights, and what can be computed from them and from shapes.

Relies on `layer_graph`, `graph_operations`, `graph_views` and `graph_constants`. Used by the readers.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from eventsim.errors import MappingError
from eventsim.models import graph_operations as layers
from eventsim.models import graph_views as views
from eventsim.models.chain import Chain
from eventsim.models.graph_constants import computed
from eventsim.models.layer_graph import Array, Graph, Node, needed_nodes
from eventsim.models.relu_network import ReluNetwork

# What an operation does to the chain: (chain, node, values of the inputs, of which that of the chain is None).
Operation = Callable[[Chain, Node, list[Array | None]], None]
OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "dense": layers.dense,
        "conv": layers.conv,
        "batch_norm": layers.batch_norm,
        "relu": layers.relu,
        "clip": layers.clip,
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
        "softmax": layers.output_function,
        "sigmoid": layers.output_function,
        "flatten": views.flatten,
        "reshape": views.reshape,
        "transpose": views.transpose,
        "squeeze": views.squeeze,
        "unsqueeze": views.unsqueeze,
        "identity": views.identity,
        "cast": views.cast,
    }
)

LEAST_BUDGET = 1 << 22  # values that may be computed from constants, and four times as many as these have


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
    chain = Chain(graph, input_shape)
    values: dict[str, Array | int] = {**graph.constants, graph.input: chain.step}  # steps are those of the chain
    budget = LEAST_BUDGET + 4 * sum(array.size for array in graph.constants.values())
    for node in nodes:
        given = [None if name is None else values.get(name) for name in node.inputs]
        for name, value in zip(node.inputs, given, strict=True):
            if name is not None and value is None:
                raise chain.refusal(
                    node, f"needs {name!r}, which is not the first output of its node; only first ones are read"
                )
        steps = [value for value in given if isinstance(value, int)]
        if node.operation == "shape" and steps:
            values[node.outputs[0]] = views.shape_of(chain, node, steps[0])
        elif not steps:
            made = values[node.outputs[0]] = computed(graph.place, node, given, budget)
            budget -= made.size
        else:
            _check_chain(chain, node, given, steps)
            OPERATIONS[node.operation](chain, node, [None if isinstance(value, int) else value for value in given])
            values[node.outputs[0]] = chain.next_step()
    found = values.get(output)
    if not isinstance(found, int) or found != chain.step:
        raise MappingError(
            f"read_relu: the output {output!r} of the {graph.source} is no first output of a node that takes the "
            "activations; must come from the input; export the model again"
        )
    return chain.network(others)


def _check_chain(chain: Chain, node: Node, given: Sequence[Array | int | None], steps: Sequence[int]) -> None:
    """Refuse what joins or leaves the chain."""
    if len(steps) > 1:
        raise chain.refusal(
            node,
            "joins two branches of the network; what is read is a chain of layers, without residual or concatenated "
            "branches",
        )
    if node.operation not in OPERATIONS:
        raise chain.refusal(node, f"computes with activations; that is read of constants only, as {node.operation}")
    if steps[0] != chain.step:
        raise chain.refusal(
            node, "leaves the chain of layers, since what it takes is used by another node, too; that is not read yet"
        )
    if not isinstance(given[0], int) and node.operation not in layers.SYMMETRIC:
        raise chain.refusal(node, "takes the activations as another than its first input; that is not read")
    if node.operation not in layers.AFTER_ZEROS:
        chain.check_zeros(node)
    if chain.output != "identity" and node.operation not in views.AFTER_OUTPUT:
        raise chain.refusal(
            node, f"comes after a {chain.output}; that is read as the last {chain.word} only; remove one"
        )
