"""Batch norms folded into the convolutions and dense layers around them: same function, other weights.

Preprocessing of Stanojevic et al. 2023. A batch norm before a ReLU goes into the layer before it. One behind a ReLU
waits, through pools and flattening, for the next layer: its scale multiplies that layer's weights, and its shift, which
zero padding does not have, becomes a bias for each position. A max pool becomes a min pool where a negative scale moves
past it. The range of the inputs is a batch norm on them. ReLUs behind max pools and flattening move before them. An
average pool behind a convolution without a ReLU is one convolution with it.

A layer adds up terms, one a source: several where its input is a concatenation, or where it is a sum, whose terms are
those of what it adds, or the values of a population as they are. Values that no ReLU has cut are no population: whoever
takes them has their terms for himself.

Relies on `streams` for the layers and on `fusion_steps`. Used by `relu_network`, `coded_layers` and `folded`.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.models.relu.batch_norm import BatchNorm
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.fusion_steps import (
    Affine,
    Array,
    Diagonal,
    FusedLayer,
    Part,
    Term,
    Values,
    absorbed,
    addends,
    averaged,
    by_channel,
    columns_of,
    flattened_sum,
    identity_term,
    linear_before,
    merged,
    moved_past,
    negative,
    own_copy,
    rows_of,
)
from eventsim.models.relu.join_layers import Add, Concat
from eventsim.models.relu.layer_names import INPUT, OUTPUT, layer_names, numbered, unused
from eventsim.models.relu.pool_layers import AveragePool, Flatten, MaxPool
from eventsim.models.relu.real_numbers import as_numbers
from eventsim.models.relu.relu_layers import Dense, Layer
from eventsim.models.relu.streams import Streams


def fuse(
    carried: Streams,
    dtype: np.dtype[Any],
    value_range: tuple[Any, Any] = (0, 1),
    levels: Collection[str] | None = None,
) -> list[FusedLayer]:
    """Return what computes the same from inputs in [0, 1]: sums of convolutions and dense layers, pools, flattenings.

    They keep their names; a batch norm that has no layer to go into becomes one of its own, a convolution of kernel 1
    with a group for each channel (after dense layers, a diagonal dense layer). Each comes behind its sources.

    Parameters
    ----------
    dtype : numbers to compute with; float64 and extended precision round on the way, object for Fractions does not.
    value_range : (low, high) of the inputs, that 0 and 1 stand for.
    levels : max pools that have neurons before them which level what differs between positions, as `FusedLayer.level`
        gives them; None finds them.
    """
    fusion = _Fusion(carried, dtype, value_range, levels)
    for layer in carried.layers:
        fusion.add(layer, carried.inputs[layer.name])
    held = fusion.finish()
    names = layer_names([one.layer for one in held], [one.layer.name for one in held])
    for one, name in zip(held, names, strict=True):
        one.layer = one.layer.named(name)
    return held


class _Fusion:
    """The layers so far, and of each layer of the network what holds its outputs: one part, or several side by side."""

    def __init__(
        self,
        carried: Streams,
        dtype: np.dtype[Any],
        value_range: tuple[Any, Any],
        levels: Collection[str] | None,
    ) -> None:
        self.dtype = dtype
        self.levels = levels
        self.layers: list[FusedLayer] = []
        self.names: Counter[str] = Counter()
        self.reserved = set(carried.inputs)  # names of the network's layers
        self.users = Counter(name for taken in carried.inputs.values() for name in taken)
        shape = carried.shapes[INPUT]
        pending = None
        if tuple(value_range) != (0, 1):
            low, high = (as_numbers(np.array([value]), dtype) for value in value_range)
            shift = np.broadcast_to(low, shape).copy()
            pending = Affine("input_range", np.broadcast_to(high - low, shape[:1]).copy(), shift)
        self.parts = {INPUT: [Part(None, shape, pending)]}
        self.last: list[Part] = []
        self.below, self.called = carried.below, carried.called

    def add(self, layer: Layer, inputs: Sequence[str]) -> None:
        """Add a layer of the network behind those of the given names."""
        taken = [self._taken(name) for name in inputs]
        before = [part for parts in taken for part in parts]
        if isinstance(layer, Add):
            found = self._sums(layer, taken)
        elif isinstance(layer, Conv | Dense):
            found = [self._linear(layer, before)]
        elif isinstance(layer, Concat):
            found = before
        else:
            found, first = [], 0
            for k, part in enumerate(before):
                channels = slice(first, first + part.shape[0])
                name = numbered(self.called.get(layer.name, layer.name), k, before)
                found.append(self._by_channel(layer, part, name, channels))
                first += part.shape[0]
        self.parts[layer.name] = self.last = found

    def finish(self) -> list[FusedLayer]:
        """Return the layers that the output needs; what is still pending is done by neurons that are the output."""
        last = self.last[0]
        if len(self.last) > 1 or last.pending is not None:
            last = self._sum(Add(), [self.last]) if len(self.last) > 1 else self._own_layer(last, relu=False)
            assert last.held is not None
            last.held.layer = last.held.layer.named(OUTPUT)
            for other in self.layers:  # whose default name that was, when it was the last to compute
                if other is not last.held and other.layer.name == OUTPUT:
                    other.layer = other.layer.named("")
        ahead, needed = [last.held], set()
        while ahead:
            held = ahead.pop()
            if held is not None and id(held) not in needed:
                needed.add(id(held))
                ahead += held.sources
        found = [held for held in self.layers if id(held) in needed]
        names = {held.layer.name for held in found if held.relu}
        for held in found:
            if not held.relu and held.layer.name:  # pools, flattenings, and copies of what no ReLU has cut
                if held.layer.name in names:
                    self.names[held.layer.name] += 1
                    held.layer = held.layer.named(unused(held.layer.name, self.names, self.reserved | names))
                names.add(held.layer.name)
        return found

    def _taken(self, name: str) -> list[Part]:
        """The parts of a layer's outputs, for one who takes them: with layers of his own where none is cut yet."""
        parts = self.parts[name]
        if self.users[name] == 1:
            return parts
        found = []
        for part in parts:
            held, copies = own_copy(part.held)
            self.layers += copies
            found.append(replace(part, held=held))
        return found

    def _append(self, held: FusedLayer, values: Values | None = None) -> Part:
        """Add a layer; `values`: of which layer's, and in which channels, those that it carries if it has a ReLU."""
        self.layers.append(held)
        if held.relu:
            self._named(held)
            held.values = values
        return Part(held, held.shape)

    def _named(self, held: FusedLayer) -> None:
        """Tell the populations apart that several ReLUs make of one layer's values."""
        if held.layer.name:
            held.layer = held.layer.named(unused(held.layer.name, self.names, self.reserved))

    def _numbers(self, array: Array) -> Array:
        return as_numbers(array, self.dtype)

    def _linear(self, layer: Conv | Dense, before: Sequence[Part]) -> Part:
        """A convolution or dense layer: a term for each part."""
        bias = self._numbers(layer.bias)
        terms, first = [], 0
        for part in before:
            own = layer
            if len(before) > 1:
                width = part.shape[0] if isinstance(layer, Conv) else math.prod(part.shape)
                own = columns_of(layer, slice(first, first + width))
                first += width
            given = self._numbers(own.weight)
            for one in addends(part):
                weight, bias = absorbed(own, given, bias, one.pending)
                terms.append(Term(own, weight, one.held, one.shape))
        shape = layer.output_shape((sum(part.shape[0] for part in before), *before[0].shape[1:]))
        held = FusedLayer(layer, layer.relu, shape, merged(layer.name, terms), bias)
        return self._append(held, (layer.name, slice(None)))

    def _sums(self, layer: Add, taken: Sequence[Sequence[Part]]) -> list[Part]:
        """A sum; of values that are side by side in the same way, and that no ReLU cuts here, the sums of each part."""
        shapes = {tuple(part.shape for part in parts) for parts in taken}
        if layer.relu or len(shapes) > 1 or len(taken[0]) == 1:
            return [self._sum(layer, taken)]
        return [
            self._sum(Add(numbered(layer.name, k, taken[0])), [[part] for part in parts])
            for k, parts in enumerate(zip(*taken, strict=True))
        ]

    def _sum(self, layer: Add, taken: Sequence[Sequence[Part]]) -> Part:
        """A sum: the terms of what it adds, where no ReLU has cut that, or the values themselves."""
        shape = (sum(part.shape[0] for part in taken[0]), *taken[0][0].shape[1:])
        bias = self._numbers(np.zeros(shape))
        terms: list[Term | Diagonal] = []
        for parts in taken:
            first = 0
            for part in parts:
                rows = slice(first, first + part.shape[0])
                held = part.held
                if held is not None and held.terms and not held.relu and part.pending is None:
                    terms += [rows_of(term, rows, shape, self.dtype) for term in held.terms]
                    assert held.bias is not None
                    bias[rows] += by_channel(held.bias, bias)
                else:
                    terms.append(identity_term(layer.name, part, rows, shape, self.dtype))
                    if part.pending is not None:
                        bias[rows] += part.pending.shift
                first = rows.stop
        held = FusedLayer(layer, layer.relu, shape, merged(layer.name, terms), bias)
        return self._append(held, (layer.name, slice(None)))

    def _by_channel(self, layer: Layer, part: Part, name: str, channels: slice) -> Part:
        """What treats each channel by itself, on one part: batch norms, pools, flattening."""
        if isinstance(layer, BatchNorm):
            return self._batch_norm(layer, part, name, channels)
        if isinstance(layer, Flatten) and len(part.shape) == 1:
            return part
        if isinstance(layer, MaxPool) and layer.smallest:
            chosen = [c - channels.start for c in layer.smallest if channels.start <= c < channels.stop]
            layer = MaxPool(**{**vars(layer), "smallest": tuple(chosen)})
        layer, pool_of = layer.named(name), layer.name
        if isinstance(layer, Flatten) and part.held is not None and part.held.is_sum and part.pending is None:
            total, flat = flattened_sum(layer, part.held, self.dtype)
            self.layers += flat
            return self._append(total)
        turned: frozenset[int] = frozenset()
        level = ""
        pending = part.pending
        if pending is not None:
            if isinstance(layer, MaxPool):
                place = f"{pool_of} {channels.start}"
                levelled = self._level(part, place)
                level, part = "" if levelled.held is part.held else place, levelled
                assert part.pending is not None
                turned = negative(part.pending.scale)
            pending = None if part.pending is None else moved_past(layer, part.pending, part.shape)
        if isinstance(layer, AveragePool) and part.pending is None:
            joined = averaged(layer, part, self.dtype)
            if joined is not None:
                return self._append(joined, (pool_of, channels))
        made = FusedLayer(layer, layer.relu, layer.output_shape(part.shape), source=part.held, source_shape=part.shape)
        if isinstance(layer, MaxPool):
            made.smallest = frozenset(layer.smallest) ^ turned
            made.level = level
        self.layers.append(made)
        return Part(made, made.shape, pending)

    def _batch_norm(self, norm: BatchNorm, part: Part, name: str, channels: slice) -> Part:
        scale, norm_of = norm.scale(self.dtype)[channels], norm.name
        mean, beta = self._numbers(norm.mean)[channels], self._numbers(norm.beta)[channels]
        held = linear_before(part, norm.relu) if part.pending is None else None
        if held is not part.held and norm.by_value:
            held = None
        if held is not None and held.bias is not None:
            later = part.held
            while later is not None and later is not held:
                if isinstance(later.layer, MaxPool):
                    later.smallest ^= negative(scale)
                later = later.source
            for term in held.terms:
                term.weight = by_channel(scale, term.weight) * term.weight
            if norm.by_value and held.bias.ndim == 1:
                held.bias = np.broadcast_to(held.bias.reshape(-1, *[1] * (len(held.shape) - 1)), held.shape)
            held.bias = by_channel(scale, held.bias) * (held.bias - by_channel(mean, held.bias))
            held.bias = held.bias + by_channel(beta, held.bias)
            held.relu = norm.relu
            if norm.relu and part.held is not None:
                later = part.held if norm_of in self.below else held
                while later is not held and later is not None:  # pools, and then what they pool
                    later.layer = later.layer.named(f"{later.layer.name}.negative")
                    later = later.source
                if norm_of in self.below:
                    held.layer = held.layer.named(f"{held.layer.name}.negative")
                self._named(held)
                part.held.values = norm_of, channels
            return part
        zero, one = (np.broadcast_to(self._numbers(np.array([value])), part.shape) for value in (0, 1))
        old = part.pending or Affine(name, one.reshape(len(one), -1)[:, 0], zero)
        shift = by_channel(scale, zero) * (old.shift - by_channel(mean, zero)) + by_channel(beta, zero)
        part = replace(part, pending=Affine(name, scale * old.scale, shift))
        return self._own_layer(part, relu=True, values=(norm_of, channels)) if norm.relu else part

    def _level(self, part: Part, place: str) -> Part:
        """The part before a max pool, with a shift (channels, 1, …): what differs between positions neurons do.

        These hold values >= 0, the distances from the smallest shift of a channel, or from the largest where the scale
        is negative.
        """
        assert part.pending is not None
        scale, shift = part.pending.scale, part.pending.shift
        rows = shift.reshape(len(scale), -1)
        lowest = rows.min(axis=1) if self.levels is None else rows.max(axis=1)  # of absolute values, a bound
        base = np.where(scale < 0, rows.max(axis=1), lowest)
        level = by_channel(base, shift)
        if (shift != level).any() if self.levels is None else place in self.levels:
            sign = self._numbers(np.where(scale < 0, -1.0, 1.0))
            moved = by_channel(sign, shift) * (shift - level)
            own = Affine(part.pending.name, scale * sign, moved)
            return replace(self._own_layer(replace(part, pending=own), relu=True), pending=Affine("", sign, level))
        return replace(part, pending=Affine(part.pending.name, scale, level))

    def _own_layer(self, part: Part, relu: bool, values: Values | None = None) -> Part:
        """Do what is pending, or nothing, by a layer of its own, one weight for each channel."""
        name = "" if part.pending is None else part.pending.name
        term = identity_term(name, part, slice(0, part.shape[0]), part.shape, self.dtype)
        shift = self._numbers(np.zeros(part.shape)) if part.pending is None else part.pending.shift
        return self._append(FusedLayer(Add(name), relu, part.shape, [term], shift), values)
