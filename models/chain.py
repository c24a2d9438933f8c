"""The layers read so far, and what has happened since to the values that the last of them gives.

Relies on `eventsim.models.relu_network`. Used by the operations of `graph_walk`.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eventsim.errors import InputError, MappingError
from eventsim.models.layer_graph import Array, Graph, Node
from eventsim.models.relu_network import Conv, Dense, Flatten, Layer, ReluNetwork

Shape = tuple[int, ...]
# Values of a sample, of which a layer may have so many; a file can name any number without holding any.
MOST_VALUES = 1 << 25


class Chain:
    """The layers so far. They are named after their nodes, for messages, until all are read.

    Attributes
    ----------
    layers : list of Layer
    layer_shape : of what the last layer gives, or of the input; None while that is not known.
    shape : of the same values as the graph sees them. order : None, or for each of them its place in the layer's.
    zeros : padding that waits for the next convolution or pool: the node, and a pair (before, after) an axis.
    positive : can no value be negative, since they went through a ReLU?
    output : the word for what was left out at the end. dropped : labels of that.
    batch : samples that arrays of the graph hold. step : how many operations have been read.
    """

    def __init__(self, graph: Graph, input_shape: Sequence[int] | None) -> None:
        self.place, self.source, self.batch = graph.place, graph.source, graph.batch
        self.word = graph.place.split()[-1]
        self.layers: list[Layer] = []
        given = graph.shape if input_shape is None else ReluNetwork([Flatten()], input_shape).input_shape
        if given is not None and graph.shape is not None and math.prod(given) != math.prod(graph.shape):
            raise InputError(
                f"read_relu: the {graph.source} takes inputs of shape {graph.shape}, but input_shape = "
                f"{given}; must have as many values; leave it out"
            )
        if given is not None and math.prod(given) > MOST_VALUES:
            raise InputError(
                f"read_relu: inputs of shape {given} have {math.prod(given):,} values; must be at most "
                f"{MOST_VALUES:,}; give a smaller input_shape"
            )
        self.input_shape = self.layer_shape = given
        self.shape: Shape | None = graph.shape or given
        self.order: Array | None = None
        self.zeros: tuple[Node, list[tuple[int, int]]] | None = None
        self.positive = False
        self.output = "identity"
        self.dropped: list[str] = []
        self.step = 0
        self.shapes: list[Shape | None] = [self.shape]  # at each step; None where it is not known

    def next_step(self) -> int:
        """Note that an operation has been read, and return its number."""
        self.step += 1
        self.shapes.append(None if self.zeros is not None else self.shape)
        return self.step

    def check_zeros(self, node: Node) -> None:
        """Refuse a node that padding before it is not read with."""
        if self.zeros is not None:
            raise MappingError(
                f"{self.place}{self.zeros[0].label} comes before {node.label}; padding is read before a convolution of "
                "as many axes, or a pool of what a ReLU has cut, only; use the padding= of these"
            )

    def refusal(self, node: Node, text: str) -> MappingError:
        """Return the error that names a node: "read_relu: ONNX node conv1 (Conv) ", and `text`."""
        return MappingError(f"{self.place}{node.label} {text}")

    def known_shape(self, node: Node) -> Shape:
        """Return the shape as the graph sees it; InputError where nobody has said it."""
        if self.shape is None:
            raise InputError(f"{self.place}{node.label} comes first; give input_shape, as (channels, height, width)")
        return self.shape

    def append(self, layer: Layer) -> None:
        """Add a layer behind the others, whose values nothing has happened to."""
        if self.layer_shape is None and isinstance(layer, Dense):
            self.layer_shape = (layer.weight.shape[1],)
        assert self.layer_shape is not None
        shape = layer.output_shape(self.layer_shape)
        if math.prod(shape) > MOST_VALUES:
            raise MappingError(
                f"{self.place}{layer.name} gives {math.prod(shape):,} values of shape {shape}; must be at most "
                f"{MOST_VALUES:,}; give smaller inputs"
            )
        self.layers.append(layer)
        self.shape = self.layer_shape = shape
        self.order = None
        self.positive = layer.relu or (self.positive and not isinstance(layer, Conv | Dense))

    def replace_last(self, **fields: Any) -> None:
        """Change fields of the last layer, and nothing that has happened since."""
        last = self.layers[-1]
        self.layers[-1] = type(last)(**{**vars(last), **fields})

    def view(self, shape: Shape, order: Array | None) -> None:
        """The graph sees the same values in another shape and order; `order` of None is that of the layer."""
        self.shape = shape or (1,)  # one value a sample may have no axis of its own
        self.order = None if order is None or _in_place(order) else order.reshape(self.shape)

    def take_channels_first(self, node: Node, n_axes: int | None = None) -> Shape:
        """Return the shape (channels, *positions) of the values for a layer that needs them so.

        The shape of the network's inputs may still be chosen so that they are; later only `Flatten` changes a shape.
        """
        shape = self.known_shape(node)
        if n_axes is not None and len(shape) != 1 + n_axes:
            axes = ("", "length", "height, width")[n_axes] if n_axes < 3 else "positions"
            raise self.refusal(
                node, f"takes values of shape (channels, {axes}), but what precedes it has shape {shape}"
            )
        if self.order is None and shape == self.layer_shape:
            return shape
        if not self.layers:
            self.input_shape = self.layer_shape = shape
            self.order = None
        elif self.order is None and len(shape) == 1:
            self.append(Flatten(node.label))
        else:
            raise self.refusal(
                node,
                f"takes values of shape {shape}, which the nodes before it made of {self.layer_shape} by reshaping or "
                "transposing; that is read before dense layers and at the input only; leave it out",
            )
        return shape

    def by_channel(self, values: Array) -> Array | None:
        """Return (channels,) of an array that the graph sees in `shape`: for the layer's channels; None if it differs.

        `values` broadcasts to `shape`.
        """
        assert self.shape is not None
        assert self.layer_shape is not None
        by_first = values.ndim == len(self.shape) and math.prod(values.shape[1:]) == 1
        if self.order is None and self.shape == self.layer_shape and (by_first or values.size == 1):
            return np.array(np.broadcast_to(values.ravel(), self.shape[:1]))
        full = np.array(np.broadcast_to(values, self.shape)).ravel()
        if self.order is not None:
            ordered = np.empty_like(full)
            ordered[self.order.ravel()] = full
            full = ordered
        rows = full.reshape(self.layer_shape[0], -1)
        return rows[:, 0].copy() if (rows == rows[:, :1]).all() else None

    def network(self, others: Sequence[str]) -> ReluNetwork:
        """Return the network, now that all is read; `others` are outputs of the graph that are left out."""
        if self.zeros is not None:
            raise MappingError(
                f"{self.place}{self.zeros[0].label} comes last; padding is read before a convolution or a pool; remove "
                "it"
            )
        if self.order is not None:
            raise MappingError(
                f"{self.place}{self.layers[-1].name if self.layers else 'the network'} gives outputs in another order "
                "than the model does, which transposes them; leave that out"
            )
        if self.layers and self.shape != self.layer_shape and len(self.shape or ()) == 1:
            self.append(Flatten("flatten"))
        layers = [layer.named("") for layer in self.layers]
        provenance: dict[str, Any] = {"source": self.source, "output": self.output}
        dropped = [*self.dropped, *(f"output {name}" for name in others)]
        return ReluNetwork(layers, self.input_shape, provenance | ({"dropped": dropped} if dropped else {}))


def _in_place(order: Array) -> bool:
    flat = order.ravel()
    return bool((flat == np.arange(flat.size)).all())
