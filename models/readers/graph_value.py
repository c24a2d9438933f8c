"""The layers read so far, and of a value of the graph which of them gives it and what has happened to it since.

Relies on `eventsim.models.relu.relu_network`. Used by the operations of `graph_walk`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from eventsim.errors import InputError, MappingError
from eventsim.models.readers.layer_graph import Array, Graph, Node
from eventsim.models.relu.input_order import described
from eventsim.models.relu.layer_names import layer_names
from eventsim.models.relu.quantizer import Quantizer
from eventsim.models.relu.relu_network import (
    INPUT,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Flatten,
    Layer,
    ReluNetwork,
)

Shape = tuple[int, ...]
# Values of a sample, of which a layer may have so many; a file can name any number without holding any.
MOST_VALUES = 1 << 25
INPUTS = -1  # the place of the network's inputs among its layers


@dataclass
class Built:
    """What all values of a graph have in common.

    Attributes
    ----------
    layers
        The layers so far, named after their nodes, for messages, until all are read.
    taken
        Whose outputs each layer takes.
    shared
        Layers, or the inputs, whose outputs are taken by several nodes, and must stay what they are.
    dropped
        Labels of what is left out at the end.
    quantized
        Of layers, or the inputs, how their values are rounded, and the node that says so.
    input_shape
        The shape as it was given, or as the first layers need it.
    model_shape
        The shape of the graph's own inputs, where that is known.
    flat
        Whether the inputs of the graph are in one axis.
    input_order : array (n_in,)
        For each place of the inputs, that among the graph's; None where they are the same.
    fixed
        Whether a layer has taken the inputs, so that they stay as they are.
    """

    input_shape: Shape | None
    model_shape: Shape | None = None
    flat: bool = False
    input_order: Array | None = None
    fixed: bool = False
    layers: list[Layer] = field(default_factory=list)
    taken: list[tuple[int, ...]] = field(default_factory=list)
    shared: set[int] = field(default_factory=set)
    dropped: list[str] = field(default_factory=list)
    quantized: dict[int, tuple[Quantizer, Node]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Value:
    """A value of the graph that depends on the inputs, and which of the layers gives it.

    Attributes
    ----------
    graph
        The graph that it is a value of.
    built
        The layers of the whole network.
    at
        The place of the last layer that made this value, or `INPUTS`.
    layer_shape
        The shape of what that layer gives, or of the input; None while that is not known.
    shape
        The shape of the same values as the graph sees them.
    order : array (size,)
        For each of these values its place in the layer's; None where they are the same.
    raw
        Whether `order` is about the graph's inputs, and not about those of the network, which may be turned.
    zeros
        Padding that waits for the next convolution or pool: the node, and a pair (before, after) an axis.
    positive
        Whether no value can be negative, since they went through a ReLU.
    output
        The word for what was left out at the end.
    codes
        Of integers that stand for values: how these were rounded.
    """

    graph: Graph
    built: Built
    at: int
    layer_shape: Shape | None
    shape: Shape | None
    order: Array | None = None
    raw: bool = True
    zeros: tuple[Node, list[tuple[int, int]]] | None = None
    positive: bool = False
    output: str = "identity"
    codes: Quantizer | None = None

    def taken(self, shared: bool) -> "Value":
        """Return the same value for a node that goes on from it; `shared`: others take it, too."""
        if shared:
            self.built.shared.add(self.at)
        return self._found() if self.at == INPUTS and self.raw and self.built.fixed else self

    def _found(self) -> "Value":
        """Say where this view of the graph's inputs finds its values among the network's, which are fixed."""
        order, layer_shape = self.built.input_order, self.built.input_shape
        shape = layer_shape if self.shape is None else self.shape
        found = replace(self, layer_shape=layer_shape, shape=shape, raw=False)
        if order is None or shape is None:
            return found
        places = np.empty_like(order)
        places[order] = np.arange(order.size)
        return found.view(shape, places if self.order is None else places[self.order.ravel()])

    @property
    def last(self) -> Layer | None:
        """The layer that made this value; None for the inputs."""
        return None if self.at == INPUTS else self.built.layers[self.at]

    def check_zeros(self, node: Node) -> None:
        """Refuse a node that padding before it is not read with."""
        if self.zeros is not None:
            raise MappingError(
                f"{self.graph.place}{self.zeros[0].label} comes before {node.label}; padding is read before a "
                "convolution of as many axes, or a pool of what a ReLU has cut, only; use the padding= of these"
            )

    def refusal(self, node: Node, text: str) -> MappingError:
        """Return the error that names a node: "read_relu: ONNX node conv1 (Conv) ", and `text`."""
        return MappingError(f"{self.graph.place}{node.label} {text}")

    def known_shape(self, node: Node) -> Shape:
        """Return the shape as the graph sees it; InputError where nobody has said it."""
        if self.shape is None:
            raise InputError(
                f"{self.graph.place}{node.label} comes first; give input_shape, as (channels, height, width)"
            )
        return self.shape

    def append(self, layer: Layer) -> "Value":
        """Return what a new layer makes of this value, to which nothing has happened since the last one."""
        shape = self.layer_shape
        if shape is None and isinstance(layer, Dense):
            shape = (layer.weight.shape[1],)
            self.built.input_shape = self.built.input_shape or shape
        assert shape is not None
        positive = layer.relu or (self.positive and not isinstance(layer, BatchNorm | Conv | Dense))
        return replace(self._added(layer, layer.output_shape(shape), (self.at,)), positive=positive)

    def append_alike(self, layer: Layer) -> "Value":
        """Return what a new layer makes of each number by itself: the graph sees it in shape and order as before."""
        return replace(self.append(layer), shape=self.shape, order=self.order)

    def _added(self, layer: Layer, shape: Shape, taken: tuple[int, ...]) -> "Value":
        if math.prod(shape) > MOST_VALUES:
            raise MappingError(
                f"{self.graph.place}{layer.name} gives {math.prod(shape):,} values of shape {shape}; must be at most "
                f"{MOST_VALUES:,}; give smaller inputs"
            )
        self.built.fixed |= INPUTS in taken
        self.built.layers.append(layer)
        self.built.taken.append(taken)
        return replace(self, at=len(self.built.layers) - 1, shape=shape, layer_shape=shape, order=None)

    @property
    def can_change(self) -> bool:
        """Does nobody else take what the last layer gives?"""
        return self.at not in self.built.shared

    def replace_last(self, **fields: Any) -> None:
        """Change fields of the last layer, and nothing that has happened since."""
        assert self.last is not None
        self.built.layers[self.at] = type(self.last)(**{**vars(self.last), **fields})

    def cut(self, node: Node) -> "Value":
        """Let negative values become 0: by the last layer, or by one of its own where others take what that gives."""
        if self.last is None or not self.can_change:
            return self.append_alike(Add(node.label, True))
        self.replace_last(relu=True)
        return replace(self, positive=True)

    def flattened(self, node: Node) -> "Value":
        """Give the layer's values one axis, in the order that they have."""
        if self.layer_shape is None or len(self.layer_shape) == 1:
            return self
        return self.append_alike(Flatten(node.label))

    def join(
        self, node: Node, others: Sequence["Value"], layer: Add | Concat, shape: Shape, order: Array | None
    ) -> "Value":
        """Add a layer behind this value and others; the graph sees what it gives in `shape` and `order`."""
        every = [self, *others]
        apart = {(one.layer_shape or ())[1:] for one in every} if isinstance(layer, Concat) else set()
        if len({len(one.layer_shape or ()) for one in every}) > 1 or len(apart) > 1:
            every = [one.flattened(node) for one in every]
        shapes = [one.layer_shape for one in every if one.layer_shape is not None]
        found = self._added(layer, layer.joined_shape(shapes), tuple(one.at for one in every))
        return replace(found, positive=all(one.positive for one in every)).view(shape, order)

    def view(self, shape: Shape, order: Array | None) -> "Value":
        """The graph sees the same values in another shape and order; `order` of None is that of the layer."""
        shape = shape or (1,)  # one value a sample may have no axis of its own
        order = None if order is None or _in_place(order) else order.reshape(shape)
        return replace(self, shape=shape, order=order)

    def channels_first(self, node: Node, n_axes: int | None = None) -> "Value":
        """Return the values in the shape (channels, *positions) for a layer that needs them so.

        The shape of the network's inputs may still be chosen so that they are; later only `Flatten` changes a shape.
        """
        shape = self.known_shape(node)
        if n_axes is not None and len(shape) != 1 + n_axes:
            axes = ("", "length", "height, width")[n_axes] if n_axes < 3 else "positions"
            raise self.refusal(
                node, f"takes values of shape (channels, {axes}), but what precedes it has shape {shape}"
            )
        if self.order is None and shape == self.layer_shape:
            return self
        if self.order is None and len(shape) == 1:
            return self.append(Flatten(node.label))
        if self.at == INPUTS and not self.built.fixed:
            if self.order is not None and self.built.flat:
                raise self.refusal(
                    node,
                    f"takes inputs in one axis as {shape}, in another order; a ReluNetwork would take them in its own, "
                    f"(channels, *positions); export the model with inputs of the shape before the transposition",
                )
            if self.order is not None:
                self.built.input_order = self.order.ravel()
            self.built.input_shape, self.built.fixed = shape, True
            return replace(self, layer_shape=shape, order=None, raw=False)
        raise self.refusal(
            node,
            f"takes values of shape {shape}, which the nodes before it made of {self.layer_shape} by reshaping or "
            "transposing; that is read before dense layers and at the input only; leave it out",
        )

    def by_channel(self, values: Array) -> Array | None:
        """Return (channels,) of an array that the graph sees in `shape`: for the layer's channels; None if it differs.

        `values` broadcasts to `shape`.
        """
        assert self.shape is not None
        assert self.layer_shape is not None
        by_first = values.ndim == len(self.shape) and math.prod(values.shape[1:]) == 1
        if self.order is None and self.shape == self.layer_shape and (by_first or values.size == 1):
            return np.array(np.broadcast_to(values.ravel(), self.shape[:1]))
        full = self.by_value(values)
        rows = full.reshape(len(full), -1)
        return rows[:, 0].copy() if (rows == rows[:, :1]).all() else None

    def by_value(self, values: Array) -> Array:
        """Return an array that the graph sees in `shape`, to which `values` broadcasts, as the layer has its values."""
        assert self.shape is not None
        assert self.layer_shape is not None
        full = np.array(np.broadcast_to(values, self.shape)).ravel()
        if self.order is not None:
            ordered = np.empty_like(full)
            ordered[self.order.ravel()] = full
            full = ordered
        return full.reshape(self.layer_shape)

    def network(self, others: Sequence[str]) -> ReluNetwork:
        """Return the network that gives this value, now that all is read; `others` are outputs that are left out."""
        if self.zeros is not None:
            raise MappingError(
                f"{self.graph.place}{self.zeros[0].label} comes last; padding is read before a convolution or a pool; "
                "remove it"
            )
        if self.codes is not None:
            raise MappingError(
                f"{self.graph.place}{self.last.name if self.last else 'the input'} gives integers as outputs; must end "
                "in a DequantizeLinear; export the network in the QDQ format"
            )
        if self.order is not None:
            raise MappingError(
                f"{self.graph.place}{self.last.name if self.last else 'the network'} gives outputs in another order "
                "than the model does, which transposes them; end it in a dense layer or a global pool, which need no "
                "order"
            )
        if self.last is not None and self.shape != self.layer_shape and len(self.shape or ()) == 1:
            self.append(Flatten("flatten"))
        built, graph = self.built, self.graph
        names = layer_names(built.layers, [""] * len(built.layers))
        layers = [layer.named(name) for layer, name in zip(built.layers, names, strict=True)]
        inputs = {
            name: [INPUT if k == INPUTS else names[k] for k in taken]
            for name, taken in zip(names, built.taken, strict=True)
        }
        provenance: dict[str, Any] = {"source": graph.source, "output": self.output, **graph.noted}
        if built.model_shape is not None and built.input_shape is not None:
            provenance |= described(built.model_shape, built.input_shape, built.input_order)
        dropped = [*built.dropped, *graph.dropped, *(f"output {name}" for name in others)]
        provenance |= {"dropped": dropped} if dropped else {}
        return ReluNetwork(layers, built.input_shape, provenance, inputs, self._quantizers(names))

    def _quantizers(self, names: Sequence[str]) -> dict[str, Quantizer]:
        """How values are rounded, by name; those below 0 are read at the inputs and at the end only."""
        found = {}
        for at, (quantizer, node) in self.built.quantized.items():
            if at != INPUTS and self.built.layers[at].relu:  # it rounds 0 to 0, so that a ReLU may come before it
                found[names[at]] = quantizer.positive()
                continue
            if at not in (INPUTS, self.at) and not quantizer.cuts:
                raise self.refusal(
                    node,
                    f"rounds values below 0 between two layers (zero point {quantizer.zero_point} of integers from "
                    f"{quantizer.lowest}), which no population carries by itself; must cut them, with the zero point "
                    "at the lowest integer behind each ReLU; quantize activations behind ReLUs only",
                )
            found[INPUT if at == INPUTS else names[at]] = quantizer
        return found


def inputs_of(graph: Graph, input_shape: Sequence[int] | None) -> Value:
    """Return the inputs of a graph, of the shape that is given, or else of its own.

    Raises
    ------
    InputError
        Shapes of different numbers of values, or of too many.
    """
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
    built = Built(given, graph.shape or given, len(graph.shape or given or ()) == 1)
    return Value(graph, built, INPUTS, given, graph.shape or given)


def _in_place(order: Array) -> bool:
    flat = order.ravel()
    return bool((flat == np.arange(flat.size)).all())
