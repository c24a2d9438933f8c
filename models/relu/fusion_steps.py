"""The steps of the fusion that need no more than one layer in the making, or one term of it.

They change nothing and make new ones. Relies on `fused_layer`. Used by `fusion`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.errors import MappingError
from eventsim.models.relu.carriers import Called
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.fused_layer import (
    Affine,
    Array,
    Diagonal,
    FusedLayer,
    Part,
    Shape,
    Term,
    by_channel,
    check_identity,
)
from eventsim.models.relu.join_layers import Add
from eventsim.models.relu.pool_layers import AveragePool, Flatten, MaxPool
from eventsim.models.relu.real_numbers import EXACT, as_numbers
from eventsim.models.relu.relu_layers import Dense, Layer

MOST_TERMS = 1000


def path_to(giver: FusedLayer | None, first: FusedLayer) -> list[FusedLayer]:
    """The pools and flattenings that lead from `first` to a layer, which comes last."""
    path: list[FusedLayer] = []
    while giver is not None and giver is not first:
        path.append(giver)
        giver = giver.source
    return path[::-1]


def own_copy(giver: FusedLayer | None) -> tuple[FusedLayer | None, list[FusedLayer]]:
    """Return the same values from layers of their own, as far as no ReLU has cut them yet; and these layers."""
    first = None if giver is None else giver.uncut
    if first is None:
        return giver, []
    copies = [replace(first)]
    for one in path_to(giver, first):
        copies.append(replace(one, source=copies[-1]))
    return copies[-1], copies


def linear_before(part: Part, relu: bool) -> FusedLayer | None:
    """The layer without a ReLU that a batch norm can scale, and whose ReLU its own can be: with pools between."""
    giver = part.giver
    while giver is not None and not giver.relu:
        layer = giver.layer
        if giver.terms:
            return giver
        if isinstance(layer, AveragePool):
            if relu or (layer.count_include_pad and any(map(any, layer.padding))):
                return None  # no ReLU and no shift can go past a mean, or past zeros that join it
        elif giver.shape[0] != giver.source_shape[0]:  # a flattening of more than one position
            return None
        giver = giver.source
    return None


def normed(giver: FusedLayer, scale: Array, mean: Array, beta: Array, relu: bool, by_value: bool) -> FusedLayer:
    """A layer without a ReLU that does what the batch norm behind it does: ``scale (x - mean) + beta``."""
    assert giver.bias is not None
    bias = giver.bias
    if by_value and bias.ndim == 1:
        bias = np.broadcast_to(bias.reshape(-1, *[1] * (len(giver.shape) - 1)), giver.shape)
    bias = by_channel(scale, bias) * (bias - by_channel(mean, bias))
    terms = tuple(replace(term, weight=by_channel(scale, term.weight) * term.weight) for term in giver.terms)
    return replace(giver, terms=terms, bias=bias + by_channel(beta, bias), relu=relu)


def absorbed(layer: Conv | Dense, weight: Array, bias: Array, pending: Affine | None) -> tuple[Array, Array]:
    """Return weight and bias that do what is pending: W' = W scale, b' = b + W * shift over inputs that there are."""
    if pending is None:
        return weight, bias
    scale, shift = pending.scale, pending.shift
    if isinstance(layer, Conv):
        moved = layer.linear(shift[None])[0]
        width = layer.c_out // layer.groups
        seen = scale.reshape(layer.groups, 1, -1).repeat(width, axis=1).reshape(layer.weight.shape[:2])
        bias = by_channel(bias, moved) + moved if bias.ndim == 1 else bias + moved
        return seen.reshape(*seen.shape, *[1] * len(layer.kernel)) * weight, bias
    bias = bias + weight @ shift.ravel()
    return weight * np.broadcast_to(by_channel(scale, shift), shift.shape).ravel(), bias


def moved_past(layer: Layer, pending: Affine, shape: Shape) -> Affine:
    """What is pending behind a pool or a flattening of values of `shape`, which come before it then."""
    scale, shift = pending.scale, pending.shift
    if isinstance(layer, MaxPool):
        return Affine(pending.called, scale, np.broadcast_to(shift, layer.output_shape(shape)))
    if isinstance(layer, Flatten):
        scale = np.broadcast_to(by_channel(scale, shift), shift.shape).ravel()
    return Affine(pending.called, scale, layer.apply(shift[None])[0])


def averaged(pool: AveragePool, called: Called, part: Part, dtype: np.dtype[Any]) -> FusedLayer | None:
    """One convolution made of one without a ReLU and a pool behind it: means of sums are sums. None where it is none.

    Not with padding in the pool, which is no value of the convolution: windows at the border would need kernels of
    their own.
    """
    giver = part.giver
    if giver is None or giver.relu or not giver.terms or giver.bias is None or any(map(any, pool.padding)):
        return None
    matrices = giver.matrices(".".join(giver.called))
    if not all(isinstance(term.layer, Conv) for term in matrices):
        return None
    terms = tuple(_averaged_term(pool, term, dtype) for term in matrices)
    bias = giver.bias if giver.bias.ndim == 1 else pool.apply(giver.bias[None])[0]
    return FusedLayer(terms[0].layer, called, pool.relu, pool.output_shape(giver.shape), terms, bias)


def _averaged_term(pool: AveragePool, term: Term, dtype: np.dtype[Any]) -> Term:
    conv = term.layer
    assert isinstance(conv, Conv)
    apart = [  # steps between taps that are seen, which the new kernel need not look between
        math.gcd(stride if n > 1 else 0, dilation if k > 1 else 0) or 1
        for n, k, stride, dilation in zip(pool.kernel, conv.kernel, conv.stride, conv.dilation, strict=True)
    ]
    starts = [stride // step for stride, step in zip(conv.stride, apart, strict=True)]
    steps = [dilation // step or 1 for dilation, step in zip(conv.dilation, apart, strict=True)]
    ends = [(k - 1) * step + 1 for k, step in zip(conv.kernel, steps, strict=True)]
    kernel = [(n - 1) * start + end for n, start, end in zip(pool.kernel, starts, ends, strict=True)]
    weight = as_numbers(np.zeros((*term.weight.shape[:2], *kernel)), dtype)
    for tap in np.ndindex(*pool.kernel):
        first = [i * start for i, start in zip(tap, starts, strict=True)]
        seen = [slice(i, i + end, step) for i, end, step in zip(first, ends, steps, strict=True)]
        weight[:, :, *seen] += term.weight
    stride = [a * b for a, b in zip(conv.stride, pool.stride, strict=True)]
    joined = Conv(
        pool.name, np.ones(weight.shape), np.zeros(len(weight)), pool.relu, stride, conv.padding, apart, conv.groups
    )
    divisor = as_numbers(np.array(pool.sliding.n_taps), dtype)
    return Term(joined, weight / divisor, term.source, term.source_shape)


def identity_term(name: str, part: Part, rows: slice, shape: Shape, dtype: np.dtype[Any]) -> Term | Diagonal:
    """The part's own values, scaled by what is pending, as a term of some rows of a layer of `shape`."""
    n, n_axes = part.shape[0], len(part.shape) - 1
    scale = as_numbers(np.ones(n), dtype) if part.pending is None else part.pending.scale
    if n == shape[0]:
        return Diagonal(scale, part.giver, part.shape)
    check_identity(name, shape[0], n)
    weight = as_numbers(np.zeros((shape[0], n)), dtype)
    weight[np.arange(rows.start, rows.stop), np.arange(n)] = scale
    weight = weight.reshape(*weight.shape, *[1] * n_axes)
    kind = Conv if n_axes else Dense
    return Term(kind(name, np.ones(weight.shape), np.zeros(shape[0]), False), weight, part.giver, part.shape)


def addends(part: Part) -> list[Part]:
    """What a convolution or dense layer takes in place of a part: of a sum, the values that it adds up."""
    giver = part.giver
    if giver is None or not giver.is_sum or giver.bias is None or part.pending is not None:
        return [part]
    bias = by_channel(giver.bias, np.empty(giver.shape))
    shift = np.broadcast_to(bias, giver.shape)
    found = []
    for term in giver.terms:
        found.append(Part(term.source, term.source_shape, Affine((), term.weight, shift)))
        shift = np.broadcast_to(0 * term.weight.ravel()[0], giver.shape)
    return found


def flattened_sum(
    layer: Flatten, called: Called, giver: FusedLayer, dtype: np.dtype[Any]
) -> tuple[FusedLayer, list[FusedLayer]]:
    """The sum of what a sum adds up, in one axis each; and the flattenings that it needs."""
    assert giver.bias is not None
    n = math.prod(giver.shape)
    each = [
        FusedLayer(layer, called, False, (n,), source=one.source, source_shape=one.source_shape) for one in giver.terms
    ]
    weights = [term.weight.repeat(n // len(term.weight)) for term in giver.terms]
    terms = tuple(Diagonal(weight, one, (n,)) for weight, one in zip(weights, each, strict=True))
    bias = by_channel(giver.bias, np.empty(giver.shape))
    flat = as_numbers(np.broadcast_to(bias, giver.shape).ravel().copy(), dtype)
    return FusedLayer(Add(), called, False, (n,), terms, flat), each


def rows_of(term: Term | Diagonal, rows: slice, shape: Shape, dtype: np.dtype[Any]) -> Term | Diagonal:
    """A term as one of some rows of a layer of `shape`: the others have weights of 0."""
    if rows == slice(0, shape[0]):
        return term
    if isinstance(term, Diagonal):
        term = term.expanded("")
    layer, own = term.layer, term.weight
    fields = {**vars(term.layer), "relu": False}
    if isinstance(layer, Conv):
        own, fields["groups"] = ungrouped(own, layer.groups), 1
    weight = as_numbers(np.zeros((shape[0], *own.shape[1:])), dtype)
    weight[rows] = own
    fields |= {"weight": np.ones(weight.shape), "bias": np.zeros(shape[0])}
    return Term(type(layer)(**fields), weight, term.source, term.source_shape)


def merged(name: str, terms: Sequence[Term | Diagonal]) -> tuple[Term | Diagonal, ...]:
    """Terms of one source and one geometry as one, with the sum of their weights; refuse more than `MOST_TERMS`."""
    found: dict[Any, Term | Diagonal] = {}
    dense = {(term.source, term.weight.shape) for term in terms if isinstance(term, Term) and term.weight.ndim == 2}
    for term in terms:
        beside = (term.source, term.source_shape * 2) in dense
        one = term.expanded(name) if isinstance(term, Diagonal) and beside else term
        layer = None if isinstance(one, Diagonal) else one.layer
        sliding = (layer.stride, layer.padding, layer.dilation, layer.groups) if isinstance(layer, Conv) else ()
        key = (one.source, one.source_shape, one.weight.shape, sliding)
        if key in found:
            found[key] = replace(found[key], weight=found[key].weight + one.weight)
        else:
            found[key] = one
    if len(found) > MOST_TERMS:
        raise MappingError(
            f"to_ttfs: layer {name!r} adds up {len(found):,} terms that no ReLU has cut; must be at most "
            f"{MOST_TERMS:,}; put a ReLU behind sums"
        )
    return tuple(found.values())


def columns_of(layer: Conv | Dense, columns: slice) -> Conv | Dense:
    """A layer that sees some channels of its input, or of a dense layer's some values, alone; in one group."""
    fields = {**vars(layer), "relu": False}
    if isinstance(layer, Conv):
        fields |= {"weight": ungrouped(layer.weight, layer.groups)[:, columns], "groups": 1}
    else:
        fields["weight"] = layer.weight[:, columns]
    return type(layer)(**fields)


def ungrouped(weight: Array, groups: int) -> Array:
    """The kernels of a convolution in groups as those of one without: weights of 0 for the channels of other groups."""
    if groups == 1:
        return weight
    c_out, seen = weight.shape[:2]
    found = np.zeros((c_out, seen * groups, *weight.shape[2:]), dtype=weight.dtype)
    if weight.dtype == EXACT:
        found[...] = Fraction(0)
    for group, rows in enumerate(np.split(np.arange(c_out), groups)):
        found[rows, group * seen : (group + 1) * seen] = weight[rows]
    return found


def negative(scale: Array) -> frozenset[int]:
    """Channels with a negative scale: the largest input is the smallest output there."""
    return frozenset(np.flatnonzero(scale < 0).tolist())
