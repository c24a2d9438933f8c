"""A trained feed-forward ReLU network: what `read_relu` returns and what spiking networks are made from.

`ReluNetwork` is a list of layers, of the kinds in `eventsim.models.relu.layer_kinds`, each behind the one before it or
behind those that are named. Its forward pass is the reference that event simulations are compared with: float64 by
BLAS, extended precision, or exact rational numbers.

Relies on `wiring` for who takes what, on `relu_file` for files, and on `streams` and `fusion` for what populations
carry. Used by the readers, the mapping to spikes and the checks.
"""

import copy
import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from eventsim.checks import shown
from eventsim.errors import EventsimError, FileFormatError, InputError, NetworkError, nearest
from eventsim.files.archive import read_archive, write_archive
from eventsim.models.relu.batch_norm import BatchNorm
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.cut_layers import Clip, LeakyReLU
from eventsim.models.relu.fused_layer import FusedLayer
from eventsim.models.relu.fusion import fuse
from eventsim.models.relu.input_order import Turn, flat_hint, shape_hint, turn_of
from eventsim.models.relu.join_layers import Add, Concat, Join
from eventsim.models.relu.layer_names import INPUT, OUTPUT, layer_names
from eventsim.models.relu.pool_layers import AveragePool, Flatten, MaxPool
from eventsim.models.relu.quantizer import Quantizer
from eventsim.models.relu.real_numbers import EXACT, as_numbers, real_array
from eventsim.models.relu.relu_file import FORMAT, VERSION, described, layers_from
from eventsim.models.relu.relu_layers import Dense, Layer, parameter
from eventsim.models.relu.streams import Streams, streams
from eventsim.models.relu.wiring import all_inputs, shape_of_inputs
from eventsim.wording import several

__all__ = [
    "INPUT",
    "OUTPUT",
    "Add",
    "AveragePool",
    "BatchNorm",
    "Clip",
    "Concat",
    "Conv",
    "Dense",
    "Flatten",
    "Layer",
    "LeakyReLU",
    "MaxPool",
    "Quantizer",
    "ReluNetwork",
    "parameter_hash",
]


class ReluNetwork:
    """A trained feed-forward ReLU network; immutable.

    Parameters
    ----------
    layers
        In order. One named "" is called by its kind and number, ``conv1``, ``pool1``, ``dense1``, …, and the last
        that becomes a population ``output``.
    input_shape
        Shape of one input, (channels, *positions) before a convolution; None takes the inputs of a first dense layer
        as flat.
    provenance
        Where the network comes from, as JSON values; kept in its file.
    inputs
        By a layer's name the names of the layers whose outputs it takes, or "input"; without an entry it takes those
        of the layer before it. Only `Add` and `Concat` take several.
    quantizers
        By a layer's name, or "input", how its values are rounded before anybody takes them.

    Attributes
    ----------
    layers
        The layers in order.
    inputs
        For each layer, the names of those whose outputs it takes.
    input_shape, output_shape
        The shapes of one input and of one output.
    n_in, n_out, n_parameters
        How many values an input and an output have, and how many weights and biases there are.
    provenance
        Where the network comes from, as its maker wrote it.

    Raises
    ------
    NetworkError
        No layers, shapes that do not chain (the message names the layer), a name used twice; inputs that come later
        or do not exist, outputs that nobody takes.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        input_shape: Sequence[int] | None = None,
        provenance: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Sequence[str]] | None = None,
        quantizers: Mapping[str, Quantizer] | None = None,
    ) -> None:
        if not isinstance(layers, Iterable):
            raise NetworkError(f"ReluNetwork: layers = {shown(layers)}; must be a list of layers; give them in order")
        layers = tuple(layers)
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise NetworkError(f"ReluNetwork: layers[{i}] is a {type(layer).__name__}; must be a Layer, as Dense")
        names = layer_names(layers, [layer.name for layer in layers])
        self._layers = tuple(layer.named(name) for layer, name in zip(layers, names, strict=True))
        self._inputs = all_inputs(self._layers, inputs)
        self._shapes = {INPUT: shape_of_inputs(self._layers[0], input_shape)}
        for layer in self._layers:
            shapes = [self._shapes[name] for name in self._inputs[layer.name]]
            joined = layer.joined_shape(shapes) if isinstance(layer, Join) else layer.output_shape(shapes[0])
            self._shapes[layer.name] = joined
        if not isinstance(provenance, Mapping | None):
            raise NetworkError(f"ReluNetwork: provenance = {shown(provenance)}; must be a dict of JSON values, or None")
        self._provenance = copy.deepcopy(dict(provenance or {}))
        self._quantizers = dict(quantizers or {})
        for name in self._quantizers:
            self.shape_of(name)

    @classmethod
    def from_weights(
        cls,
        weights: Sequence[ArrayLike],
        biases: Sequence[ArrayLike | None] | None = None,
        input_shape: Sequence[int] | None = None,
        names: Sequence[str] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the network of dense layers with a ReLU behind each but the last.

        Parameters
        ----------
        weights
            For each layer an array (n_out, n_in).
        biases
            For each layer an array (n_out,) or None for zeros; None for zeros everywhere.
        input_shape
            As for the class.
        names
            For each layer a name, or "" for the usual one.
        provenance
            As for the class.

        Raises
        ------
        NetworkError
            Lists of different lengths, and what `Dense` and the class refuse.
        """
        for what, listed in (("weights", weights), ("biases", biases), ("names", names)):
            if isinstance(listed, str) or not (isinstance(listed, Sequence | np.ndarray) or listed is None):
                raise NetworkError(f"ReLU network: {what} = {shown(listed)}; must be a list, one entry for each layer")
        n_layers = len(weights)
        biases = [None] * n_layers if biases is None else biases
        names = [""] * n_layers if names is None else names
        for what, given in (("biases", biases), ("names", names)):
            if len(given) != n_layers:
                raise NetworkError(f"ReLU network: {len(given)} {what} for {n_layers} weights; give one for each layer")
        layers = []
        for i, name in enumerate(layer_names([Dense] * n_layers, names)):
            weight = parameter(f"layer {name!r}: weight", weights[i], "(n_out, n_in)")
            bias = np.zeros(len(weight)) if biases[i] is None else np.asarray(biases[i])
            layers.append(Dense(name, weight, bias, relu=i < n_layers - 1))
        return cls(layers, input_shape, provenance)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the network that `save` wrote.

        Raises
        ------
        FileFormatError
            The file is missing, damaged or another one, or its layers make no network.
        """
        header, arrays = read_archive(path, FORMAT, VERSION)
        try:
            return cls(
                layers_from(header, arrays), header["input_shape"], header.get("provenance"), header.get("inputs"),
                {name: Quantizer(*numbers) for name, numbers in header.get("quantizers", {}).items()},
            )  # fmt: skip
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            reason = error if isinstance(error, EventsimError) else repr(error)
            raise FileFormatError(
                f"{path}: this is no network of {FORMAT} version {VERSION} ({reason}); save it again with eventsim"
            ) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to `path`, an .npz file in eventsim's own format, at once or not at all.

        Raises
        ------
        InputError
            Weights are Fractions, which the format does not hold, or `path` is no place for a file.
        """
        entries, arrays = described(str(path), self._layers)
        header = {
            "format": FORMAT,
            "version": VERSION,
            "input_shape": list(self.input_shape),
            "layers": entries,
            "inputs": {name: list(taken) for name, taken in self._inputs.items()},
            "provenance": self._provenance,
        }
        if self._quantizers:
            header["quantizers"] = {name: one.describe() for name, one in self._quantizers.items()}
        write_archive(path, header, arrays)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in order."""
        return self._layers

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """By each layer's name, whose outputs it takes: names of layers, or "input"."""
        return MappingProxyType(self._inputs)

    @property
    def quantizers(self) -> Mapping[str, Quantizer]:
        """By a layer's name, or "input", how its values are rounded; empty for a network in floats."""
        return MappingProxyType(self._quantizers)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self._shapes[INPUT]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one output."""
        return self._shapes[self._layers[-1].name]

    def shape_of(self, name: str) -> tuple[int, ...]:
        """Return the shape of what a layer gives, or of "input"; InputError for another name."""
        if name not in self._shapes:
            raise InputError(
                f"ReLU network: there is no layer {shown(name)}{nearest(str(name), self._shapes)}; must be one of "
                f"{', '.join(self._shapes)}"
            )
        return self._shapes[name]

    @property
    def n_in(self) -> int:
        """How many values one input has."""
        return math.prod(self.input_shape)

    @property
    def n_out(self) -> int:
        """How many values one output has."""
        return math.prod(self.output_shape)

    @property
    def n_parameters(self) -> int:
        """How many weights and biases there are."""
        return sum(layer.n_parameters for layer in self._layers)

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where the network comes from, as its maker wrote it."""
        return MappingProxyType(self._provenance)

    @property
    def turn(self) -> Turn | None:
        """How the inputs differ from those of the model that was read; None where they do not."""
        found = turn_of(self._provenance)
        return found if found is not None and found.network == self.input_shape else None

    def __repr__(self) -> str:
        stages = [f"{name} {shape}" for name, shape in self._shapes.items()]
        if self.turn is not None:
            stages[0] += f" {self.turn}"
        return f"ReluNetwork({several(stages)}; {self.n_parameters} parameters)"

    def forward(self, x: ArrayLike, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Return the outputs before any softmax or sigmoid, through the quantizers.

        Parameters
        ----------
        x
            Shape (n, *input_shape) or (n, n_in).
        dtype
            The numbers to compute with: a floating type (float64 goes to BLAS; ``np.longdouble`` is slow), or
            ``object`` for exact `Fraction` arithmetic, into which every float is converted exactly.

        Returns
        -------
        ndarray
            Shape (n, n_out).

        Raises
        ------
        InputError
            Another shape, NaN or infinite values, values that are not real numbers, another dtype.
        """
        for _, values in self._outputs(x, dtype, self._layers, self._inputs):
            output = values  # of the last
        return output.reshape(len(output), self.n_out)

    def activations(self, x: ArrayLike, dtype: DTypeLike = np.float64) -> list[tuple[str, NDArray[Any]]]:
        """Return what the populations of a spiking network carry, as pairs of a name and an array (n, *shape).

        That is what comes out of each ReLU and each pool, in order, under the names of the populations. The ReLU behind
        a batch norm is that of the convolution, dense layer, sum or pool before it, that behind a max pool or a
        flattening comes before these, and a pool behind a batch norm pools what comes before that. Where a leaky ReLU,
        or no ReLU at all, comes before the next layer, values below 0 are a population of their own, with their sign
        changed: ``conv1.negative`` beside ``conv1``. What pools or normalises a concatenation has its number behind a
        dot, ``pool1.2``. The output layer is among them only where it has a ReLU or pools what went through one.
        Neurons that the range of inputs needs, when it is not [0, 1], are not. Parameters and errors are those of
        `forward`.
        """
        carried, x = self.streams(), self._checked(x, dtype)
        layers = fuse(carried, x.dtype if x.dtype == EXACT else np.dtype(np.float64))
        wanted = {one.carries.layer for one in layers.values() if one.carries is not None}
        outputs = {
            layer.name: given
            for layer, given in self._outputs(x, dtype, carried.layers, carried.inputs)
            if layer.name in wanted
        }
        values: dict[FusedLayer | None, NDArray[Any]] = {None: x}
        for one in layers.values():
            if one.carries is not None:
                values[one] = outputs[one.carries.layer][:, one.carries.channels]
            else:  # pools, and what a batch norm and a ReLU behind them would have cut there
                values[one] = one.apply(values)
        return [(name, values[one]) for name, one in layers.items() if one.is_population]

    def streams(self, read_out: bool = True) -> Streams:
        """Return layers that compute the same, between which values are such that spikes can carry them."""
        return streams(self._layers, self._inputs, self._shapes, read_out)

    def _outputs(
        self, x: ArrayLike, dtype: DTypeLike, layers: Sequence[Layer], inputs: Mapping[str, tuple[str, ...]]
    ) -> Iterator[tuple[Layer, NDArray[Any]]]:
        """Each of the layers with its outputs, in order."""
        values = self._checked(x, dtype)
        zero = np.array(Fraction(0) if values.dtype == EXACT else 0, values.dtype)
        last_use = {name: layer.name for layer in layers for name in inputs[layer.name]}
        if INPUT in self._quantizers:
            values = self._quantizers[INPUT].apply(values)
        outputs = {INPUT: values}
        for layer in layers:
            taken = [outputs[name] for name in inputs[layer.name]]
            values = layer.join(taken) if isinstance(layer, Join) else layer.apply(taken[0])
            values = np.maximum(values, zero) if layer.relu else values
            if layer.name in self._quantizers:
                values = self._quantizers[layer.name].apply(values)
            outputs[layer.name] = values
            for name in inputs[layer.name]:
                if last_use[name] == layer.name:
                    outputs.pop(name, None)
            yield layer, values

    def _checked(self, x: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
        """The inputs as (n, *input_shape) in numbers to compute with."""
        try:
            number = np.dtype(dtype)
        except TypeError as error:
            raise InputError(
                f"ReLU network: dtype = {shown(dtype)}; must be a floating type, or object for Fractions"
            ) from error
        if number != EXACT and number.kind != "f":
            raise InputError(f"ReLU network: dtype = {number}; must be a floating type, or object for Fractions")
        values = real_array("ReLU network: x", x, InputError)
        if values.ndim == 0 or values.shape[1:] not in (self.input_shape, (self.n_in,)):
            raise InputError(
                f"ReLU network: x has shape {values.shape}; must be (n, {', '.join(map(str, self.input_shape))})"
                f"{flat_hint(self.input_shape)}{shape_hint(values.shape, self.input_shape, self.turn)}"
            )
        return as_numbers(values.reshape(len(values), *self.input_shape), number)


def parameter_hash(relu: ReluNetwork) -> str:
    """Return the SHA-256 of a ReLU network's layers (64 hex digits): kinds, names, inputs, ReLUs, weights, biases."""
    digest = hashlib.sha256(repr((relu.input_shape, list(relu.inputs.values()))).encode())
    if relu.quantizers:
        digest.update(repr([(name, one.describe()) for name, one in relu.quantizers.items()]).encode())
    for layer in relu.layers:
        digest.update(layer.kind.encode())
        for field, value in sorted(vars(layer).items()):
            digest.update(f"\x1f{field}\x1f".encode())
            if isinstance(value, np.ndarray) and value.dtype != EXACT:
                digest.update(repr(value.shape).encode() + value.astype("<f8").tobytes())
            else:
                digest.update(repr(value.tolist() if isinstance(value, np.ndarray) else value).encode())
    return digest.hexdigest()
