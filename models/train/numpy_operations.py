"""The operations of the trainer on numpy's arrays: BLAS, unfolded windows, and slices that stay in the cache.

Relies on `sliding` and `slices`. Used by the trainable network.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from eventsim.models.relu.sliding import Sliding
from eventsim.models.train.slices import slices, slices_of

Array = np.ndarray[Any, Any]

# glibc gives memory back as soon as twice as much is free as its largest block had, and to be given cleared pages again
# took a sixth of a step. A block that is freed at once, and never written to, lets it keep 62 MB.
np.empty(31 << 20, np.uint8)


class NumpyOperations:
    """The operations of `eventsim.models.train.operations.Operations` on float64 or float32 arrays."""

    def matmul(self, a: Array, b: Array) -> Array:
        """Return the product of two matrices."""
        product: Array = a @ b
        return product

    def conv(self, x: Array, weight: Array, sliding: Sliding, groups: int) -> tuple[Array, Array]:
        """Return the cross-correlation, and `x` itself."""
        positions, by_group = sliding.positions(x.shape[1:]), _by_group(weight, groups)
        found = np.empty((len(x), groups, by_group.shape[1], math.prod(positions)), np.result_type(x, weight))
        for some, unfolded in _unfolded(x, sliding, groups, positions):
            np.matmul(by_group, unfolded, out=found[some])
        return found.reshape(len(x), len(weight), *positions), x

    def conv_to_input(self, grad: Array, weight: Array, sliding: Sliding, groups: int, shape: Any) -> Array:
        """Return the transpose of `conv` in its inputs, (n, c_in, *positions)."""
        by_group = grad.reshape(len(grad), groups, len(weight) // groups, -1)
        transposed, taps = _by_group(weight, groups).swapaxes(1, 2), _taps(sliding, grad.shape[2:])
        found = np.empty(shape, np.result_type(grad, weight))
        size = (groups, transposed.shape[1], by_group.shape[3])
        parts = slices(len(grad), size, found.dtype)
        room = np.empty((_longest(parts), *size), found.dtype)
        padded = _padded_zeros(sliding, (len(room), *shape[1:]), found.dtype)
        for some in parts:
            here = room[: some.stop - some.start]
            np.matmul(transposed, by_group[some], out=here)
            taps_first: Any = here.reshape(len(here), shape[1], *sliding.kernel, *grad.shape[2:])
            sums: Any = padded[: len(here)]
            sums[...] = 0
            for tap, where in taps:
                sums[where] += taps_first[(slice(None), slice(None), *tap)]
            found[some] = _inside(sums, sliding, shape)
        return found

    def conv_to_weight(self, kept: Array, grad: Array, weight: Array, sliding: Sliding, groups: int) -> Array:
        """Return the transpose of `conv` in its weights, of the shape of `weight`."""
        by_group = grad.reshape(len(grad), groups, len(weight) // groups, -1)
        found = np.zeros_like(_by_group(weight, groups))
        for some, unfolded in _unfolded(kept, sliding, groups, grad.shape[2:]):
            found += (by_group[some] @ unfolded.swapaxes(2, 3)).sum(axis=0)
        return found.reshape(weight.shape)

    def largest(self, x: Array, sliding: Sliding, signs: Any) -> tuple[Array, Array]:
        """Return the input of each window with the largest signs * x, and the number of its tap in C order."""
        found = np.empty((*x.shape[:2], *sliding.positions(x.shape[1:])), x.dtype)
        which = np.zeros(found.shape, np.min_scalar_type(sliding.n_taps - 1))
        first, *others = np.ndindex(*sliding.kernel)
        parts = slices_of(x)
        room = np.empty((_longest(parts), *x.shape[1:]), x.dtype)
        for some in parts:
            signed = np.multiply(signs, x[some], out=room[: some.stop - some.start])
            windows: Any = sliding.windows(signed, -math.inf)
            best, number_of = found[some], which[some]
            best[...] = windows[(..., *first)]
            for number, tap in enumerate(others, 1):
                candidate = windows[(..., *tap)]
                # Later taps have larger numbers. A masked copy would branch at each value.
                np.maximum(number_of, np.multiply(candidate > best, number, dtype=which.dtype), out=number_of)
                np.maximum(best, candidate, out=best)
            best *= signs
        return found, which

    def largest_to_input(self, grad: Array, which: Array, sliding: Sliding, shape: Any) -> Array:
        """Return `grad` where the chosen inputs were, and 0 elsewhere."""
        padded: Any = _padded_zeros(sliding, shape, grad.dtype)
        apart = all(step >= extent for step, extent in zip(sliding.stride, sliding.extent, strict=True))
        taps = _taps(sliding, grad.shape[2:])
        for some in slices_of(padded):
            for number, (_, where) in enumerate(taps):
                if apart:  # each input is in one window at most
                    np.multiply(grad[some], which[some] == number, out=padded[some][where])
                else:
                    padded[some][where] += grad[some] * (which[some] == number)
        return _inside(padded, sliding, shape)

    def rectify(self, x: Array, sign: int) -> tuple[Array, Array]:
        """Return max(x, 0) or min(x, 0), written over `x`, and where that is not 0."""
        kept = np.empty(x.shape, bool)
        cut: Any = np.maximum if sign > 0 else np.minimum
        for some in slices_of(x):
            here = x[some]
            cut(here, 0, out=here)
            np.not_equal(here, 0, out=kept[some])
        return x, kept

    def rectify_back(self, grad: Array, kept: Array) -> Array:
        """Return `grad` where `kept`, and 0 elsewhere, written over `grad`."""
        return np.multiply(grad, kept, out=grad)

    def normalise(self, sums: Array, gamma: Array, shift: Array, epsilon: float) -> tuple[Array, Array, Array, Any]:
        """Return what it says there; `sums` less their means are written over them, and kept."""
        centred, n = _by_unit(sums), math.prod(sums.shape) // sums.shape[1]
        mean, squares = self.totals(sums) / n, np.zeros_like(gamma)
        for some in slices_of(centred):
            here = centred[some]
            here -= mean[:, None]
            squares += _products(here, here)
        variance = squares / n
        inverse = 1 / np.sqrt(variance + epsilon)
        found = np.empty_like(centred)
        for some in slices_of(centred):
            here = np.multiply(centred[some], (inverse * gamma)[:, None], out=found[some])
            here += shift[:, None]
        return found.reshape(sums.shape), mean, variance * (n / max(n - 1, 1)), (centred, inverse, n)

    def normalise_back(self, grad: Array, gamma: Array, tape: Any) -> tuple[Array, Array, Array]:
        """Return the gradients with respect to the sums, written over `grad`, gamma and shift."""
        centred, inverse, n = tape
        given = _by_unit(grad)
        to_gamma = inverse * _products(given, centred)
        to_shift = self.totals(grad)
        mean, share = (to_shift / n)[:, None], (to_gamma * inverse / n)[:, None]
        scale = (inverse * gamma)[:, None]
        for some in slices_of(given):
            here = given[some]
            here -= mean
            here -= centred[some] * share
            here *= scale
        return given.reshape(grad.shape), to_gamma, to_shift

    def totals(self, grad: Array) -> Array:
        """Return the sum over samples and positions of each unit, (n_units,)."""
        found: Array = _by_unit(grad).sum((0, 2))
        return found

    def zeros(self, shape: Any, like: Array) -> Array:
        """Return zeros of the dtype of `like`."""
        return np.zeros(shape, like.dtype)

    def root(self, x: Array) -> Array:
        """Return the square root."""
        found: Array = np.sqrt(x)
        return found


def _by_unit(x: Array) -> Array:
    """A view (n, n_units, positions) of (n, n_units, *positions)."""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _products(a: Array, b: Array) -> Array:
    """The sum of products of each unit, over samples and positions."""
    found: Array = np.einsum("nup,nup->u", a, b)
    return found


def _unfolded(x: Array, sliding: Sliding, groups: int, positions: Any) -> Iterator[tuple[slice, Array]]:
    """Slices with their unfolded inputs, (n, groups, c_in / groups * taps, positions), until the next is asked for.

    To unfold a slice again on the way back costs less than to write all of them to memory outside the cache.
    """
    n_axes, shape = len(sliding.kernel), (x.shape[1], *sliding.kernel, *positions)
    parts = slices(len(x), shape, x.dtype)
    room = np.empty((_longest(parts), *shape), x.dtype)
    taps_first = (0, 1, *range(2 + n_axes, 2 + 2 * n_axes), *range(2, 2 + n_axes))
    for some in parts:
        here: Any = room[: some.stop - some.start]
        here[...] = sliding.windows(x[some], 0).transpose(taps_first)
        yield some, here.reshape(len(here), groups, -1, math.prod(positions))


def _longest(parts: list[slice]) -> int:
    return max(some.stop - some.start for some in parts)


def _by_group(weight: Array, groups: int) -> Array:
    return weight.reshape(groups, len(weight) // groups, -1)


def _padded_zeros(sliding: Sliding, shape: Any, dtype: Any) -> Array:
    """Zeros for inputs of `shape` with their padding around them."""
    sizes = [n + sum(pair) for n, pair in zip(shape[2:], sliding.padding, strict=True)]
    return np.zeros((*shape[:2], *sizes), dtype)


def _inside(padded: Array, sliding: Sliding, shape: Any) -> Array:
    """What lies inside the padding."""
    middle = [slice(pair[0], pair[0] + n) for n, pair in zip(shape[2:], sliding.padding, strict=True)]
    return padded[(slice(None), slice(None), *middle)]


def _taps(sliding: Sliding, positions: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Each tap of the kernel, in C order, with where its inputs are among the padded ones."""
    found = []
    for tap in np.ndindex(*sliding.kernel):
        starts = [t * d for t, d in zip(tap, sliding.dilation, strict=True)]
        where = [
            slice(start, start + step * (n - 1) + 1, step)
            for start, step, n in zip(starts, sliding.stride, positions, strict=True)
        ]
        found.append((tap, (slice(None), slice(None), *where)))
    return found
