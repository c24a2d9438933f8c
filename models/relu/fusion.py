"""Batch norms folded into the convolutions and dense layers around them: same function, other weights.

Preprocessing of Stanojevic et al. 2023. A batch norm before a ReLU goes into the layer before it. One behind a ReLU
waits, through pools and flattening, for the next layer: its scale multiplies that layer's weights, and its shift, which
zero padding does not have, becomes a bias for each position. A max pool becomes a min pool where a negative scale moves
past it. The range of the inputs is a batch norm on them. ReLUs behind max pools and flattening move before them. An
average pool behind a convolution without a ReLU is one convolution with it.

A layer adds up terms, one a source: several where its input is a concatenation, or where it is a sum, whose terms are
those of what it adds, or the values of a population as they are. Values that no ReLU has cut are no population: whoever
takes them has their terms for himself.

Layers in the making are values: where a batch norm goes into one, another takes its place. Relies on `streams` for the
layers, on `fused_layer` and on `fusion_steps`. Used by `relu_network`, `coded_layers` and `folded`.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.models.relu.batch_norm import BatchNorm
from eventsim.models.relu.carriers import BELOW, Called, Carrier, numbered
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.fused_layer import Affine, Array, Diagonal, FusedLayer, Part, Shape, Term, by_channel
from eventsim.models.relu.fusion_steps import (
    absorbed,
    addends,
    averaged,
    columns_of,
    flattened_sum,
    identity_term,
    linear_before,
    merged,
    moved_past,
    negative,
    normed,
    own_copy,
    path_to,
    rows_of,
)
from eventsim.models.relu.join_layers import Add, Concat
from eventsim.models.relu.layer_names import INPUT, OUTPUT, layer_names, population_names
from eventsim.models.relu.pool_layers import AveragePool, Flatten, MaxPool
from eventsim.models.relu.real_numbers import as_numbers
from eventsim.models.relu.relu_layers import Dense, Layer
from eventsim.models.relu.streams import Streams


def fuse(
    carried: Streams,
    dtype: np.dtype[Any],
    value_range: tuple[Any, Any] = (0, 1),
    levels: Collection[str] | None = None,
) -> dict[str, FusedLayer]:
    """Return what computes the same from inputs in [0, 1]: sums of convolutions and dense layers, pools, flattenings.

    They are called after the layers that they were; a batch norm that has no layer to go into becomes one of its own, a
    convolution of kernel 1 with a group for each channel (after dense layers, a diagonal dense layer). Each stands
    under its name, behind its sources.

    Parameters
    ----------
    dtype
        Numbers to compute with; float64 and extended precision round on the way, object for Fractions does not.
    value_range
        The (low, high) of the inputs that 0 and 1 stand for.
    levels
        Max pools that have neurons before them which level what differs between positions, as `FusedLayer.level` gives
        them; None finds them.
    """
    fusion = _Fusion(carried, dtype, value_range, levels)
    for layer in carried.layers:
        fusion.add(layer, carried.inputs[layer.name])
    return fusion.finish()


class _Fusion:
    """The layers so far, and of each layer of the network what holds its outputs: one part, or several side by side.

    layers : in the order in which they will stand. cut : those that have a ReLU, in the order in which they got it.
    """

    def __init__(
        self,
        carried: Streams,
        dtype: np.dtype[Any],
        value_range: tuple[Any, Any],
        levels: Collection[str] | None,
    ) -> None:
        self.dtype = dtype
        self.levels = levels
        self.carried = carried
        self.layers: list[FusedLayer] = []
        self.cut: list[FusedLayer] = []
        self.users = Counter(name for taken in carried.inputs.values() for name in taken)
        shape = carried.shapes[INPUT]
        pending = None
        if tuple(value_range) != (0, 1):
            low, high = (as_numbers(np.array([value]), dtype) for value in value_range)
            shift = np.broadcast_to(low, shape).copy()
            pending = Affine(("input_range",), np.broadcast_to(high - low, shape[:1]).copy(), shift)
        self.parts = {INPUT: [Part(None, shape, pending)]}
        self.last: list[Part] = []

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
                called = numbered(self.carried.called[layer.name], k, len(before))
                found.append(self._by_channel(layer, part, called, channels))
                first += part.shape[0]
        self.parts[layer.name] = self.last = found

    def finish(self) -> dict[str, FusedLayer]:
        """Return the layers that the output needs; what is still pending is done by neurons that are the output."""
        last, added = self.last[0], len(self.last) > 1 or self.last[0].pending is not None
        if added:
            last = self._sum(Add(), (), [self.last]) if len(self.last) > 1 else self._own_layer(last, ())
            assert last.giver is not None
            last = self._replaced(last.giver, replace(last.giver, called=(OUTPUT,)))
        ahead, needed = [last.giver], set()
        while ahead:
            giver = ahead.pop()
            if giver is not None and giver not in needed:
                needed.add(giver)
                ahead += giver.sources
        found = [giver for giver in self.layers if giver in needed]
        places = {giver: i for i, giver in enumerate(found)}
        cut = [places[giver] for giver in self.cut if giver in needed]
        read_out = places[last.giver] if added and last.giver is not None else None
        names = population_names([giver.called for giver in found], cut, set(self.carried.inputs), read_out)
        return dict(zip(layer_names([giver.layer for giver in found], names), found, strict=True))

    def _taken(self, name: str) -> list[Part]:
        """The parts of a layer's outputs, for one who takes them: with layers of his own where none is cut yet."""
        parts = self.parts[name]
        if self.users[name] == 1:
            return parts
        found = []
        for part in parts:
            giver, copies = own_copy(part.giver)
            self.layers += copies
            found.append(replace(part, giver=giver))
        return found

    def _append(self, giver: FusedLayer) -> Part:
        """Add a layer behind all others."""
        self.layers.append(giver)
        if giver.relu:
            self.cut.append(giver)
        return Part(giver, giver.shape)

    def _replaced(self, old: FusedLayer, new: FusedLayer) -> Part:
        """Let a layer stand where the one stood that it was made of; with a ReLU of late it is the last to be cut."""
        self.layers[self.layers.index(old)] = new
        if new.relu and not old.relu:
            self.cut.append(new)
        return Part(new, new.shape)

    def _carrier(self, name: str, channels: slice) -> Carrier:
        """Some channels of what a layer of the network gives."""
        return self.carried.carriers[name].narrowed(channels)

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
                terms.append(Term(own, weight, one.giver, one.shape))
        shape = layer.output_shape((sum(part.shape[0] for part in before), *before[0].shape[1:]))
        return self._append(self._computed(layer, self.carried.called[layer.name], shape, terms, bias))

    def _computed(
        self, layer: Layer, called: Called, shape: Shape, terms: Sequence[Term | Diagonal], bias: Array
    ) -> FusedLayer:
        """What adds up terms; with a ReLU it carries what the layer gives."""
        carries = self.carried.carriers[layer.name] if layer.relu else None
        terms = merged(".".join(called), terms)
        return FusedLayer(layer, called, layer.relu, shape, terms, bias, carries=carries)

    def _sums(self, layer: Add, taken: Sequence[Sequence[Part]]) -> list[Part]:
        """A sum; of values that are side by side in the same way, and that no ReLU cuts here, the sums of each part."""
        called = self.carried.called[layer.name]
        shapes = {tuple(part.shape for part in parts) for parts in taken}
        if layer.relu or len(shapes) > 1 or len(taken[0]) == 1:
            return [self._sum(layer, called, taken)]
        return [
            self._sum(layer, numbered(called, k, len(taken[0])), [[part] for part in parts])
            for k, parts in enumerate(zip(*taken, strict=True))
        ]

    def _sum(self, layer: Add, called: Called, taken: Sequence[Sequence[Part]]) -> Part:
        """A sum: the terms of what it adds, where no ReLU has cut that, or the values themselves."""
        shape = (sum(part.shape[0] for part in taken[0]), *taken[0][0].shape[1:])
        bias = self._numbers(np.zeros(shape))
        terms: list[Term | Diagonal] = []
        for parts in taken:
            first = 0
            for part in parts:
                rows = slice(first, first + part.shape[0])
                giver = part.giver
                if giver is not None and giver.terms and not giver.relu and part.pending is None:
                    terms += [rows_of(term, rows, shape, self.dtype) for term in giver.terms]
                    assert giver.bias is not None
                    bias[rows] += by_channel(giver.bias, bias)
                else:
                    terms.append(identity_term(".".join(called), part, rows, shape, self.dtype))
                    if part.pending is not None:
                        bias[rows] += part.pending.shift
                first = rows.stop
        return self._append(self._computed(layer, called, shape, terms, bias))

    def _by_channel(self, layer: Layer, part: Part, called: Called, channels: slice) -> Part:
        """What treats each channel by itself, on one part: batch norms, pools, flattening."""
        if isinstance(layer, BatchNorm):
            return self._batch_norm(layer, part, called, channels)
        if isinstance(layer, Flatten):
            return self._flatten(layer, part, called)
        carries = self._carrier(layer.name, channels)
        if isinstance(layer, MaxPool):
            return self._max_pool(layer, part, called, carries)
        if isinstance(layer, AveragePool) and part.pending is None:
            joined = averaged(layer, called, part, self.dtype)
            if joined is not None:
                return self._append(replace(joined, carries=carries if joined.relu else None))
        return self._passed(layer, part, called, carries)

    def _flatten(self, layer: Flatten, part: Part, called: Called) -> Part:
        if len(part.shape) == 1:
            return part
        if part.giver is not None and part.giver.is_sum and part.pending is None:
            total, flat = flattened_sum(layer, called, part.giver, self.dtype)
            self.layers += flat
            return self._append(total)
        return self._passed(layer, part, called, None)

    def _max_pool(self, layer: MaxPool, part: Part, called: Called, carries: Carrier) -> Part:
        """A max pool, of which a negative scale that moves past it makes a min pool."""
        first = carries.channels.start
        chosen = frozenset(c - first for c in layer.smallest if first <= c < carries.channels.stop)
        layer = MaxPool(**{**vars(layer), "smallest": tuple(chosen)})
        if part.pending is None:
            return self._passed(layer, part, called, carries, chosen)
        place = f"{layer.name} {first}"
        levelled = self._level(part, place)
        assert levelled.pending is not None
        chosen ^= negative(levelled.pending.scale)
        level = "" if levelled.giver is part.giver else place
        return self._passed(layer, levelled, called, carries, chosen, level)

    def _passed(
        self,
        layer: Layer,
        part: Part,
        called: Called,
        carries: Carrier | None,
        smallest: frozenset[int] = frozenset(),
        level: str = "",
    ) -> Part:
        """A pool or a flattening of values that somebody else computes, and what is pending, behind it."""
        whole = part.pending is None and (part.giver is None or part.giver.uncut is None)
        made = FusedLayer(
            layer, called, layer.relu, layer.output_shape(part.shape), source=part.giver, source_shape=part.shape,
            smallest=smallest, carries=carries if whole else None, level=level,
        )  # fmt: skip
        self.layers.append(made)
        pending = None if part.pending is None else moved_past(layer, part.pending, part.shape)
        return Part(made, made.shape, pending)

    def _batch_norm(self, norm: BatchNorm, part: Part, called: Called, channels: slice) -> Part:
        """A batch norm: in the layer before it, or else pending, and with a ReLU then a layer of its own."""
        scale, carries = norm.scale(self.dtype)[channels], self._carrier(norm.name, channels) if norm.relu else None
        mean, beta = self._numbers(norm.mean)[channels], self._numbers(norm.beta)[channels]
        giver = linear_before(part, norm.relu) if part.pending is None else None
        if giver is not None and giver.bias is not None and (giver is part.giver or not norm.by_value):
            new = normed(giver, scale, mean, beta, norm.relu, norm.by_value)
            return self._normed(part, giver, new, negative(scale), carries)
        zero, one = (np.broadcast_to(self._numbers(np.array([value])), part.shape) for value in (0, 1))
        old = part.pending or Affine(called, one.reshape(len(one), -1)[:, 0], zero)
        shift = by_channel(scale, zero) * (old.shift - by_channel(mean, zero)) + by_channel(beta, zero)
        part = replace(part, pending=Affine(called, scale * old.scale, shift))
        return self._own_layer(part, called, True, carries) if norm.relu else part

    def _normed(
        self, part: Part, giver: FusedLayer, new: FusedLayer, turned: frozenset[int], carries: Carrier | None
    ) -> Part:
        """The part with a layer in place of one before its pools, whose `turned` channels pass on the other extreme.

        `carries` : of what has a ReLU now; its population, and those of the pools, are called so if it is below 0.
        """
        path = path_to(part.giver, giver)
        word = ("negative",) if carries is not None and carries.part == BELOW else ()
        new = replace(new, called=(*giver.called, *word), carries=None if path else carries)
        self._replaced(giver, new)
        for pool in path:
            smallest = pool.smallest ^ turned if isinstance(pool.layer, MaxPool) else pool.smallest
            own = carries if pool is path[-1] else None
            new = replace(pool, called=(*pool.called, *word), source=new, smallest=smallest, carries=own)
            self._replaced(pool, new)
        return replace(part, giver=new)

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
            own = Affine(part.pending.called, scale * sign, moved)
            levelled = self._own_layer(replace(part, pending=own), own.called, relu=True)
            return replace(levelled, pending=Affine((), sign, level))
        return replace(part, pending=Affine(part.pending.called, scale, level))

    def _own_layer(self, part: Part, called: Called, relu: bool = False, carries: Carrier | None = None) -> Part:
        """Do what is pending, or nothing, by a layer of its own, one weight for each channel."""
        name = "" if part.pending is None else ".".join(part.pending.called)
        term = identity_term(name, part, slice(0, part.shape[0]), part.shape, self.dtype)
        shift = self._numbers(np.zeros(part.shape)) if part.pending is None else part.pending.shift
        return self._append(FusedLayer(Add(), called, relu, part.shape, (term,), shift, carries=carries))
