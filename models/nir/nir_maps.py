"""Linear maps between spikes and neurons: what stands between two neurons of a NIR graph, joined into one projection.

A convolution stays a convolution, also behind a pool or with a factor for each channel; what no convolution is becomes
a list of synapses, or a matrix where one was in it. Sums are taken in float64. Relies on the projections. Used by
`nir_linear` and `nir_read`.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eventsim.errors import NetworkError
from eventsim.network.convolution import Conv, Pool, output_size
from eventsim.network.projections import Dense, OneToOne, ProjectionKind, Sparse

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
LARGEST = 2**27  # synapses of a convolution that has to be unrolled, entries of a matrix
CHUNK = 2**16  # synapses that are added to a matrix at once
SPARSE = 0.25  # a matrix with no larger share of weights that are not zero is a list of synapses


@dataclass(frozen=True, eq=False)
class Map:
    """A linear map of flat arrays. Convolutions and pools are bound to the shape that they were made for.

    Attributes
    ----------
    pre, post
        Shapes of what goes in and comes out.
    kind
        Its synapses; None stands for the identity.
    """

    pre: Shape
    post: Shape
    kind: ProjectionKind | None = None

    def apply(self, values: Array) -> Array:
        """The map of an array (size of pre,), flat."""
        if self.kind is None:
            return values
        if isinstance(self.kind, Dense):
            return np.asarray(self.kind.weights @ values)
        if isinstance(self.kind, Conv | Pool):
            return _convolved(self.kind, values)
        sources, targets, weights = synapses(self.kind)
        return np.bincount(targets, weights * values[sources], minlength=math.prod(self.post))

    def then(self, second: "Map") -> "Map":
        """The map of `second` after this one."""
        return Map(self.pre, second.post, _joined(self.kind, second.kind, math.prod(self.pre), math.prod(second.post)))

    def times(self, gain: Array) -> "Map":
        """With a factor for each of its outputs, an array (size of post,)."""
        return self if (gain == 1.0).all() else self.then(Map(self.post, self.post, OneToOne(gain)))

    def projection(self) -> ProjectionKind:
        """What connects a node of shape `pre` to one of shape `post`."""
        if self.kind is None:
            return OneToOne(np.ones(math.prod(self.pre)))
        if isinstance(self.kind, Conv | Pool):
            fits = self.kind.shape == self.pre and self.kind.output_shape(self.kind.shape) == self.post
            return self.kind if fits else Sparse(*synapses(self.kind))
        if isinstance(self.kind, Dense) and np.count_nonzero(self.kind.weights) <= SPARSE * self.kind.weights.size:
            targets, sources = np.nonzero(self.kind.weights)
            return Sparse(sources, targets, self.kind.weights[targets, sources])
        return self.kind


def conv_map(kind: Conv | Pool, pre: Shape) -> Map:
    """The map of a convolution or pool over a source of shape (channels, *positions)."""
    post = kind.output_shape(pre)
    if min(post) < 1:
        raise NetworkError(f"its kernel {kind.kernel} does not fit into {pre}. Pad, or take a smaller kernel.")
    return Map(pre, post, kind.fitted("", pre, post))


def synapses(kind: ProjectionKind) -> tuple[Array, Array, Array]:
    """Arrays (n_synapses,): sources, targets and weights."""
    if isinstance(kind, Sparse):
        return kind.sources, kind.targets, kind.weights
    if isinstance(kind, OneToOne):
        return np.arange(kind.weights.size), np.arange(kind.weights.size), kind.weights
    if isinstance(kind, Dense):
        targets, sources = np.indices(kind.weights.shape)
        return sources.ravel(), targets.ravel(), kind.weights.ravel()
    if kind.n_synapses > LARGEST:
        raise NetworkError(
            f"makes {kind.n_synapses:,} synapses, since it is no convolution together with what is next to it; at most "
            f"{LARGEST:,} are allowed. Put a neuron between the two, or give all neurons of a channel one gain."
        )
    taps, groups, weights = kind.taps, kind.groups, kind.weights
    places = np.repeat(np.arange(math.prod(kind.shape[1:])), np.diff(taps.start))
    n_in, n_out = math.prod(kind.shape[1:]), math.prod(kind.output_shape(kind.shape)[1:])
    width, within = weights.shape[0] // groups, weights.shape[1]
    each = weights.reshape(groups, width, within, -1)[..., taps.tap]
    group, out, channel, _ = np.ogrid[:groups, :width, :within, :1]
    sources = (group * within + channel) * n_in + places
    targets = (group * width + out) * n_out + taps.target
    return tuple(np.broadcast_to(part, each.shape).ravel() for part in (sources, targets, each))  # type: ignore[return-value]


def _convolved(kind: Conv | Pool, values: Array) -> Array:
    """The convolution of a flat array, tap by tap."""
    taps, weights = kind.taps, kind.weights
    places = np.repeat(np.arange(math.prod(kind.shape[1:])), np.diff(taps.start))
    weights = weights.reshape(kind.groups, -1, weights.shape[1], math.prod(kind.kernel))
    given = values.reshape(kind.groups, weights.shape[2], -1)
    found = np.zeros((kind.groups, weights.shape[1], math.prod(kind.output_shape(kind.shape)[1:])))
    for tap in range(weights.shape[3]):
        at = taps.tap == tap  # each target once
        found[:, :, taps.target[at]] += weights[..., tap] @ given[:, :, places[at]]
    return found.ravel()


def _joined(first: Any, second: Any, n_in: int, n_out: int) -> Any:
    """The synapses of two maps, one behind the other."""
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, OneToOne) and isinstance(second, OneToOne):
        return OneToOne(second.weights * first.weights)
    if isinstance(second, OneToOne) or isinstance(first, OneToOne):
        return _scaled(first, second)
    if isinstance(first, Conv | Pool) and isinstance(second, Conv | Pool):
        merged = _merged(first, second)
        if merged is not None:
            return merged
    if isinstance(first, Dense) or isinstance(second, Dense):
        return _matrix(first, second, n_in, n_out)
    return _chained(synapses(first), synapses(second), n_in)


def _scaled(first: Any, second: Any) -> Any:
    """Synapses with a factor for each source (the first is OneToOne), or each target (the second is)."""
    kind, factor, of_target = (
        (second, first.weights, False) if isinstance(first, OneToOne) else (first, second.weights, True)
    )
    if isinstance(kind, Dense):
        return Dense(kind.weights * (factor[:, None] if of_target else factor))
    if isinstance(kind, Conv | Pool):
        channels = factor.reshape(kind.channels[1 if of_target else 0], -1)
        if (channels == channels[:, :1]).all():
            return _by_channel(_as_conv(kind), channels[:, 0], of_target)
    sources, targets, weights = synapses(kind)
    return Sparse(sources, targets, weights * factor[targets if of_target else sources])


def _by_channel(conv: Conv, factor: Array, of_target: bool) -> Conv:
    """A convolution with a factor for each channel that comes out, or goes in."""
    lift = (...,) + (None,) * len(conv.kernel)
    if of_target:
        weights = conv.weights * factor[:, None][lift]
    else:
        per_group = factor.reshape(conv.groups, -1)
        weights = conv.weights * np.repeat(per_group, conv.channels[1] // conv.groups, axis=0)[lift]
    return _bound(replace(conv, weights=weights), conv.shape)


def _bound(conv: Conv, shape: Shape) -> Conv:
    """A convolution that knows the shape of its source."""
    return conv.fitted("", shape, conv.output_shape(shape))


def _as_conv(kind: Conv | Pool) -> Conv:
    if isinstance(kind, Conv):
        return kind
    return _bound(Conv(kind.weights, kind.stride, kind.padding, kind.dilation, kind.groups), kind.shape)


def _merged(one: Conv | Pool, two: Conv | Pool) -> Conv | None:
    """Two convolutions as one, where that is exact: not where the second sees zeros that the first would not make."""
    first, second = _as_conv(one), _as_conv(two)
    between = first.output_shape(first.shape)
    if second.shape != between:
        return None
    padding = []
    axes = zip(first.shape[1:], between[1:], second.output_shape(between)[1:], range(len(first.kernel)), strict=True)
    for size, n_between, n_out, axis in axes:
        stride, before = first.stride[axis], first.padding[axis][0]
        reach = first.dilation[axis] * (first.kernel[axis] - 1)
        outside = second.padding[axis]
        # Beyond its own positions the first one must see nothing but zeros, as the padding of the second has it.
        if (outside[0] and reach >= stride + before) or (outside[1] and n_between * stride - before < size):
            return None
        extent = reach + stride * second.dilation[axis] * (second.kernel[axis] - 1) + 1
        before += stride * outside[0]
        step = stride * second.stride[axis]
        after = max(0, (n_out - 1) * step + extent - size - before)
        if output_size(size, extent, step, (before, after), 1) != n_out:
            return None
        padding.append((before, after))
    weights = _kernel(first, second)
    if weights is None:
        return None
    strides = tuple(a * b for a, b in zip(first.stride, second.stride, strict=True))
    groups = first.groups if second.groups == second.channels[0] and first.groups < second.groups else second.groups
    return _bound(Conv(weights, strides, padding, 1, groups), first.shape)


def _kernel(first: Conv, second: Conv) -> Array | None:
    """The kernel of two convolutions, one behind the other; None where their groups do not go together."""
    n_in, n_between = first.channels
    if first.groups == n_in == n_between:  # a pool: channel by channel
        width = second.channels[1] // second.groups
        group = np.arange(second.channels[1]) // width * second.weights.shape[1]
        mine = first.weights[group[:, None] + np.arange(second.weights.shape[1]), 0]  # (c_out, c_in / groups, *kernel)
        products = second.weights[(...,) + (None,) * len(first.kernel)] * mine[_between(first, second)]
    elif second.groups == second.channels[0] == second.channels[1]:
        taps = second.weights[(...,) + (None,) * len(first.kernel)]
        products = taps * first.weights[_between(first, second)]
    elif first.groups == second.groups == 1:
        products = np.tensordot(second.weights, first.weights, axes=(1, 0))
        products = np.moveaxis(products, 1 + len(first.kernel), 1)
    else:
        return None
    extent = [
        first.dilation[a] * (k - 1) + first.stride[a] * second.dilation[a] * (second.kernel[a] - 1) + 1
        for a, k in enumerate(first.kernel)
    ]
    weights = np.zeros((*products.shape[:2], *extent))
    for place in np.ndindex(*products.shape[2:]):
        outer, inner = place[: len(extent)], place[len(extent) :]
        at = tuple(
            first.stride[a] * second.dilation[a] * outer[a] + first.dilation[a] * inner[a] for a in range(len(extent))
        )
        weights[(..., *at)] += products[(..., *place)]
    return weights


def _between(first: Conv, second: Conv) -> tuple[Any, ...]:
    """An index that makes room for the axes of the second kernel before those of the first."""
    return (slice(None), slice(None), *(None,) * len(second.kernel), *(slice(None),) * len(first.kernel))


def _matrix(first: Any, second: Any, n_in: int, n_out: int) -> Dense:
    """Two maps of which one is a matrix."""
    if n_in * n_out > LARGEST:
        raise NetworkError(
            f"makes a matrix of {n_out:,} × {n_in:,} with what is next to it; at most {LARGEST:,} weights are "
            "allowed. Put a neuron between the two."
        )
    if isinstance(first, Dense) and isinstance(second, Dense):
        return Dense(second.weights @ first.weights)
    matrix = np.zeros((n_out, n_in))
    if isinstance(second, Dense):
        sources, targets, weights = synapses(first)
        for k in range(0, weights.size, CHUNK):
            part = slice(k, k + CHUNK)
            np.add.at(matrix.T, sources[part], second.weights.T[targets[part]] * weights[part, None])
    else:
        sources, targets, weights = synapses(second)
        for k in range(0, weights.size, CHUNK):
            part = slice(k, k + CHUNK)
            np.add.at(matrix, targets[part], first.weights[sources[part]] * weights[part, None])
    return Dense(matrix)


def _chained(first: tuple[Array, ...], second: tuple[Array, ...], n_in: int) -> Sparse:
    """Two lists of synapses: each of the second goes on from all of the first that end where it begins."""
    order = np.argsort(first[1], kind="stable")
    sources, middle, weights = (part[order] for part in first)
    low, high = np.searchsorted(middle, second[0]), np.searchsorted(middle, second[0], side="right")
    counts = high - low
    if counts.sum() > LARGEST:
        raise NetworkError(
            f"makes {counts.sum():,} synapses with what is next to it; at most {LARGEST:,} are allowed. Put a neuron "
            "between the two."
        )
    from_second = np.repeat(np.arange(counts.size), counts)
    from_first = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + low[from_second]
    products = second[2][from_second] * weights[from_first]
    keys, inverse = np.unique(second[1][from_second] * n_in + sources[from_first], return_inverse=True)
    return Sparse(keys % n_in, keys // n_in, np.bincount(inverse, products, minlength=keys.size))
