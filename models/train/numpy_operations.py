"""The linear operations of the trainer on numpy's arrays: BLAS, and windows that are unfolded.

Relies on `sliding`. Used by the trainable network.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from eventsim.models.relu.sliding import Sliding

Array = np.ndarray[Any, Any]


class NumpyOperations:
    """The operations of `eventsim.models.train.operations.Operations` on float64 or float32 arrays."""

    def matmul(self, a: Array, b: Array) -> Array:
        """Return the product of two matrices."""
        product: Array = a @ b
        return product

    def conv(self, x: Array, weight: Array, sliding: Sliding, groups: int) -> tuple[Array, Array]:
        """Return the cross-correlation and the unfolded inputs, (n, groups, c_in / groups * taps, positions)."""
        n_axes = len(sliding.kernel)
        windows: Any = sliding.windows(x, 0)
        positions = windows.shape[2 : 2 + n_axes]
        taps_first = windows.transpose(0, 1, *range(2 + n_axes, 2 + 2 * n_axes), *range(2, 2 + n_axes))
        unfolded = taps_first.reshape(len(x), groups, math.prod(weight.shape[1:]), math.prod(positions))
        product: Array = _by_group(weight, groups) @ unfolded
        return product.reshape(len(x), len(weight), *positions), unfolded

    def conv_to_input(self, grad: Array, weight: Array, sliding: Sliding, groups: int, shape: Any) -> Array:
        """Return the transpose of `conv` in its inputs, (n, c_in, *positions)."""
        by_group = grad.reshape(len(grad), groups, len(weight) // groups, -1)
        unfolded = _by_group(weight, groups).swapaxes(1, 2) @ by_group
        taps: Any = unfolded.reshape(len(grad), shape[1], *sliding.kernel, *grad.shape[2:])
        padded: Any = _padded_zeros(sliding, shape, grad.dtype)
        for tap, where in _taps(sliding, grad.shape[2:]):
            padded[where] += taps[(slice(None), slice(None), *tap)]
        return _inside(padded, sliding, shape)

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
        found: Array = (by_group @ kept.swapaxes(2, 3)).sum(axis=0)
        return found.reshape(weight.shape)

    def largest(self, x: Array, sliding: Sliding) -> tuple[Array, Array]:
        """Return the largest input of each window, and the number of its tap in C order."""
        windows: Any = sliding.windows(x, -math.inf)
        first, *others = np.ndindex(*sliding.kernel)
        found = windows[(..., *first)].copy()
        which = np.zeros(found.shape, np.uint8 if sliding.n_taps <= 256 else np.uint16)
        for number, tap in enumerate(others, 1):
            candidate = windows[(..., *tap)]
            np.copyto(which, number, where=candidate > found)
            np.maximum(found, candidate, out=found)
        return found, which

    def largest_to_input(self, grad: Array, which: Array, sliding: Sliding, shape: Any) -> Array:
        """Return `grad` where the largest inputs were, and 0 elsewhere."""
        padded: Any = _padded_zeros(sliding, shape, grad.dtype)
        apart = all(step >= extent for step, extent in zip(sliding.stride, sliding.extent, strict=True))
        for number, (_, where) in enumerate(_taps(sliding, grad.shape[2:])):
            if apart:  # each input is in one window at most
                np.multiply(grad, which == number, out=padded[where])
            else:
                padded[where] += grad * (which == number)
        return _inside(padded, sliding, shape)

    def at_most_zero(self, x: Array) -> Array:
        """Return min(x, 0), written over `x`."""
        return np.minimum(x, 0, out=x)

    def at_least_zero(self, x: Array) -> Array:
        """Return max(x, 0), written over `x`."""
        return np.maximum(x, 0, out=x)

    def zeros(self, shape: Any, like: Array) -> Array:
        """Return zeros of the dtype of `like`."""
        return np.zeros(shape, like.dtype)

    def root(self, x: Array) -> Array:
        """Return the square root."""
        found: Array = np.sqrt(x)
        return found


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
