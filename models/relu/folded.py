"""A ReLU network without batch norms that computes the same: what `fuse` makes, as layers again.

Relies on `eventsim.models.relu.fusion`. Used to look at folded weights, and by tests.
"""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from eventsim.errors import InputError
from eventsim.models.relu.fused_layer import FusedLayer
from eventsim.models.relu.fusion import fuse
from eventsim.models.relu.join_layers import Add, Concat
from eventsim.models.relu.layer_names import INPUT, unused
from eventsim.models.relu.real_numbers import EXACT, as_numbers
from eventsim.models.relu.relu_network import AveragePool, BatchNorm, Conv, Layer, MaxPool, ReluNetwork


def fused(network: ReluNetwork, number: type = float) -> ReluNetwork:
    """Return a network without batch norms that computes the same from inputs >= 0: the layers of `fuse`.

    Parameters
    ----------
    network
        Any ReLU network; returned as it is where there is nothing to do.
    number
        Float rounds each new weight once from extended precision; Fraction is exact and turns all weights into
        Fractions.

    Raises
    ------
    InputError
        Another `number`; a quantised network.
    """
    if network.quantizers:
        raise InputError("fused: the network is quantised; must be in floats, since values are rounded between layers")
    if number not in (float, Fraction):
        raise InputError(f"fused: number = {number!r}; must be float or Fraction")
    unchanged = list(network.streams(False).layers) == list(network.layers)
    if number is float and unchanged and not _anything_to_fuse(network):
        return network
    every = fuse(network.streams(False), EXACT if number is Fraction else np.dtype(np.longdouble))
    made = _Made(number, every)
    for name, fused_layer in every.items():
        made.add(name, fused_layer)
    return ReluNetwork(made.layers, network.input_shape, network.provenance, made.inputs)


class _Made:
    """Layers in their final numbers; what has several terms is a layer for each and their sum."""

    def __init__(self, number: type, every: Mapping[str, FusedLayer]) -> None:
        self.names = Counter(every)
        self.name_of: dict[FusedLayer | None, str] = {None: INPUT} | {
            fused_layer: name for name, fused_layer in every.items()
        }
        self.dtype = EXACT if number is Fraction else np.dtype(np.float64)
        self.layers: list[Layer] = []
        self.inputs: dict[str, list[str]] = {}

    def add(self, name: str, fused_layer: FusedLayer) -> None:
        if not fused_layer.terms:
            fields = {**vars(fused_layer.layer), "name": name, "relu": fused_layer.relu}
            if isinstance(fused_layer.layer, MaxPool):
                fields["smallest"] = tuple(fused_layer.smallest)
            self._append(type(fused_layer.layer)(**fields), fused_layer.source)
            return
        assert fused_layer.bias is not None
        names = [name]
        if len(fused_layer.terms) > 1:
            names = [unused(f"{name}+{k + 1}", self.names, ()) for k in range(len(fused_layer.terms))]
        for k, (term, own) in enumerate(zip(fused_layer.matrices(name), names, strict=True)):
            with np.errstate(over="ignore"):  # the layer refuses infinities by name
                weight = as_numbers(term.weight, self.dtype)
                bias = as_numbers(fused_layer.bias if k == 0 else np.zeros(len(weight)), self.dtype)
            rows = bias.reshape(len(bias), -1)
            if (rows == rows[:, :1]).all():  # the same at all positions
                bias = rows[:, 0]
            relu = fused_layer.relu and len(names) == 1
            fields = {**vars(term.layer), "name": own, "weight": weight, "bias": bias, "relu": relu}
            self._append(type(term.layer)(**fields), term.source)
        if len(names) > 1:
            self.layers.append(Add(name, fused_layer.relu))
            self.inputs[name] = names

    def _append(self, layer: Layer, source: FusedLayer | None) -> None:
        self.layers.append(layer)
        self.inputs[layer.name] = [self.name_of[source]]


def _anything_to_fuse(network: ReluNetwork) -> bool:
    kinds: dict[str, Layer | None] = {layer.name: layer for layer in network.layers}
    for layer in network.layers:
        before = kinds.get(network.inputs[layer.name][0])
        if isinstance(layer, AveragePool) and isinstance(before, Conv) and not before.relu:
            return True
        if isinstance(layer, BatchNorm | Concat | Add):
            return True
    return False
