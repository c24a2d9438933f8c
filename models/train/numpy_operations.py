"""The operations of the trainer on numpy's arrays: BLAS, windows that are unfolded, and slices that stay in the cache.

Relies on `sliding` and `slices`. Used by the trainable network.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from eventsim.models.relu.sliding import Sliding
from eventsim.models.train.slices import in_slices

Array = np.ndarray[Any, Any]


class NumpyOperations:
    """The operations of `eventsim.models.train.operations.Operations` on float64 or float32 arrays."""

    def matmul(self, a: Array, b: Array) -> Array:
        """Return the product of two matrices."""
        product: Array = a @ b
        return product

    def conv(self, x: Array, weight: Array, sliding: Sliding, groups: int) -> tuple[Array, Array]:
        """Return the cross-correlation and the unfolded inputs, (n, groups, c_in / groups * taps, positions)."""
        n, c_in, n_axes = len(x), x.shape[1], len(sliding.kernel)
        positions, by_group = sliding.positions(x.shape[1:]), _by_group(weight, groups)
        unfolded = np.empty((n, c_in, *sliding.kernel, *positions), x.dtype)
        flat = unfolded.reshape(n, groups, by_group.shape[2], math.prod(positions))
        found = np.empty((n, groups, by_group.shape[1], math.prod(positions)), np.result_type(x, weight))

        def work(some: slice) -> None:
            windows: Any = sliding.windows(x[some], 0)
            taps_first = (0, 1, *range(2 + n_axes, 2 + 2 * n_axes), *range(2, 2 + n_axes))
            unfolded[some] = windows.transpose(taps_first)
            np.matmul(by_group, flat[some], out=found[some])

        in_slices(work, n, flat[:1].size)
        return found.reshape(n, len(weight), *positions), flat

    def conv_to_input(self, grad: Array, weight: Array, sliding: Sliding, groups: int, shape: Any) -> Array:
        """Return the transpose of `conv` in its inputs, (n, c_in, *positions)."""
        by_group = grad.reshape(len(grad), groups, len(weight) // groups, -1)
        transposed, taps = _by_group(weight, groups).swapaxes(1, 2), list(_taps(sliding, grad.shape[2:]))
        found = np.empty(shape, np.result_type(grad, weight))

        def work(some: slice) -> None:
            here = grad[some]
            unfolded: Any = (transposed @ by_group[some]).reshape(len(here), shape[1], *sliding.kernel, *here.shape[2:])
            padded: Any = _padded_zeros(sliding, (len(here), *shape[1:]), found.dtype)
            for tap, where in taps:
                padded[where] += unfolded[(slice(None), slice(None), *tap)]
            found[some] = _inside(padded, sliding, shape)

        in_slices(work, len(grad), shape[1] * len(taps) * by_group.shape[3])
        return found

    def conv_to_weight(
        self,
        kept: Array,
        grad: Array,
        weight: Array,
        sliding: Sliding,  # noqa: ARG002
        groups: int,
    ) -> Array:
        """Return the transpose of `conv` in its weights, of the shape of `weight`."""
        by_group = grad.reshape(len(grad), groups, len(weight) // groups, -1)

        def work(some: slice) -> Array:
            found: Array = (by_group[some] @ kept[some].swapaxes(2, 3)).sum(axis=0)
            return found

        return _added(in_slices(work, len(grad), kept[:1].size)).reshape(weight.shape)

    def largest(self, x: Array, sliding: Sliding, signs: Any) -> tuple[Array, Array]:
        """Return the input of each window with the largest signs * x, and the number of its tap in C order."""
        found = np.empty((*x.shape[:2], *sliding.positions(x.shape[1:])), x.dtype)
        which = np.zeros(found.shape, np.uint8 if sliding.n_taps <= 256 else np.uint16)
        first, *others = np.ndindex(*sliding.kernel)

        def work(some: slice) -> None:
            windows: Any = sliding.windows(signs * x[some], -math.inf)
            best, number_of = found[some], which[some]
            best[...] = windows[(..., *first)]
            for number, tap in enumerate(others, 1):
                candidate = windows[(..., *tap)]
                # Later taps have larger numbers. A masked copy would branch at each value.
                np.maximum(number_of, np.multiply(candidate > best, number, dtype=which.dtype), out=number_of)
                np.maximum(best, candidate, out=best)
            best *= signs

        in_slices(work, *_extent(x))
        return found, which

    def largest_to_input(self, grad: Array, which: Array, sliding: Sliding, shape: Any) -> Array:
        """Return `grad` where the chosen inputs were, and 0 elsewhere."""
        padded: Any = _padded_zeros(sliding, shape, grad.dtype)
        apart = all(step >= extent for step, extent in zip(sliding.stride, sliding.extent, strict=True))
        taps = list(_taps(sliding, grad.shape[2:]))

        def work(some: slice) -> None:
            for number, (_, where) in enumerate(taps):
                if apart:  # each input is in one window at most
                    np.multiply(grad[some], which[some] == number, out=padded[some][where])
                else:
                    padded[some][where] += grad[some] * (which[some] == number)

        in_slices(work, len(grad), padded[:1].size)
        return _inside(padded, sliding, shape)

    def rectify(self, x: Array, shift: Any, sign: int) -> tuple[Array, Array]:
        """Return max(x + shift, 0) or min(x + shift, 0), written over `x`, and where that is not 0."""
        kept = np.empty(x.shape, bool)
        cut: Any = np.maximum if sign > 0 else np.minimum

        def work(some: slice) -> None:
            here = x[some]
            here += shift
            cut(here, 0, out=here)
            np.not_equal(here, 0, out=kept[some])

        in_slices(work, *_extent(x))
        return x, kept

    def rectify_back(self, grad: Array, kept: Array) -> Array:
        """Return `grad` where `kept`, and 0 elsewhere, written over `grad`."""
        in_slices(lambda some: np.multiply(grad[some], kept[some], out=grad[some]), *_extent(grad))
        return grad

    def normalise(self, sums: Array, gamma: Array, epsilon: float) -> tuple[Array, Array, Array, Any]:
        """Return what it says there; `sums` less their means are written over them, and kept."""
        centred, n = _by_unit(sums), math.prod(sums.shape) // sums.shape[1]
        mean = self.totals(sums) / n
        variance = _added(in_slices(lambda some: _centre(centred[some], mean), *_extent(centred))) / n
        inverse = 1 / np.sqrt(variance + epsilon)
        scale, found = (inverse * gamma)[:, None], np.empty_like(centred)
        in_slices(lambda some: np.multiply(centred[some], scale, out=found[some]), *_extent(centred))
        return found.reshape(sums.shape), mean, variance * (n / max(n - 1, 1)), (centred, inverse, n)

    def normalise_back(self, grad: Array, gamma: Array, tape: Any) -> tuple[Array, Array]:
        """Return the gradients with respect to the sums, written over `grad`, and to gamma."""
        centred, inverse, n = tape
        given = _by_unit(grad)
        to_gamma = inverse * _added(in_slices(lambda some: _products(given[some], centred[some]), *_extent(given)))
        shift, share = (self.totals(grad) / n)[:, None], (to_gamma * inverse / n)[:, None]
        scale = (inverse * gamma)[:, None]

        def work(some: slice) -> None:
            here = given[some]
            here -= shift
            here -= centred[some] * share
            here *= scale

        in_slices(work, *_extent(given))
        return given.reshape(grad.shape), to_gamma

    def totals(self, grad: Array) -> Array:
        """Return the sum over samples and positions of each unit, (n_units,)."""
        given = _by_unit(grad)
        return _added(in_slices(lambda some: given[some].sum((0, 2)), *_extent(given)))

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


def _extent(x: Array) -> tuple[int, int]:
    """How many samples there are, of how many values."""
    return len(x), x[:1].size


def _added(parts: list[Array]) -> Array:
    """The sum of what slices gave, in their order."""
    found: Array = np.add.reduce(parts)
    return found


def _products(a: Array, b: Array) -> Array:
    """The sum of products of each unit, over samples and positions."""
    found: Array = np.einsum("nup,nup->u", a, b)
    return found


def _centre(values: Array, mean: Array) -> Array:
    """Subtract the mean of each unit, in place; return the sum of squares that is left, (n_units,)."""
    values -= mean[:, None]
    return _products(values, values)


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


def _taps(sliding: Sliding, positions: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Each tap of the kernel, in C order, with where its inputs are among the padded ones."""
    for tap in np.ndindex(*sliding.kernel):
        starts = [t * d for t, d in zip(tap, sliding.dilation, strict=True)]
        where = [
            slice(start, start + step * (n - 1) + 1, step)
            for start, step, n in zip(starts, sliding.stride, positions, strict=True)
        ]
        yield tap, (slice(None), slice(None), *where)
