"""What the equations of the trainer are written on: a handful of operations, offered by each backend.

Linear ones, and those that go over all values of a batch, forward and backward; everything else in these equations is
arithmetic of arrays, which numpy's and PyTorch's write alike. Used by the layers; `numpy_operations` and
`torch_operations` implement it.
"""

from typing import Any, Protocol

from eventsim.models.relu.sliding import Sliding

Array = Any
"""An array of the backend: numpy's, or a tensor."""


class Operations(Protocol):
    """The operations of one backend.

    Shapes: inputs (n, n_in) or (n, c_in, *positions), outputs (n, n_out) or (n, c_out, *output positions), weights
    (n_out, n_in) or (c_out, c_in / groups, *kernel). A unit is one of n_out, or of c_out.
    """

    def matmul(self, a: Array, b: Array) -> Array:
        """Return the product of two matrices."""

    def conv(self, x: Array, weight: Array, sliding: Sliding, groups: int) -> tuple[Array, Any]:
        """Return the cross-correlation, zeros outside, and what `conv_to_weight` needs of `x`."""

    def conv_to_input(self, grad: Array, weight: Array, sliding: Sliding, groups: int, shape: Any) -> Array:
        """Return the transpose of `conv` in its inputs: the sum, over what each input reached, of weight times grad.

        `shape` is that of the inputs.
        """

    def conv_to_weight(self, kept: Any, grad: Array, weight: Array, sliding: Sliding, groups: int) -> Array:
        """Return the transpose of `conv` in its weights: for each weight the sum of input times grad.

        `kept` is what `conv` gave; of `weight` only the shape counts.
        """

    def largest(self, x: Array, sliding: Sliding, signs: Any) -> tuple[Array, Any]:
        """Return the input of each window with the largest signs * x, nothing counting outside, and which it was.

        It is the first of equals. `signs` are 1 or -1: one number, or an array that broadcasts over (c, *positions).
        """

    def largest_to_input(self, grad: Array, which: Any, sliding: Sliding, shape: Any) -> Array:
        """Return `grad` where `largest` found its inputs, and 0 elsewhere; shape (n, c, *positions)."""

    def rectify(self, x: Array, sign: int) -> tuple[Array, Any]:
        """Return max(x, 0), or min(x, 0) where `sign` is -1, and what `rectify_back` needs; `x` may be overwritten."""

    def rectify_back(self, grad: Array, kept: Any) -> Array:
        """Return `grad` where `rectify` gave anything but 0, and 0 elsewhere; `grad` may be overwritten."""

    def normalise(self, sums: Array, gamma: Array, shift: Array, epsilon: float) -> tuple[Array, Array, Array, Any]:
        """Return gamma (sums - mean) / sqrt(variance + epsilon) + shift, mean, unbiased variance, and a tape.

        Statistics are those of each unit over samples and positions, (n_units,); the variance that divides is the
        biased one. Of a single value the unbiased variance is 0. `sums` may be overwritten.
        """

    def normalise_back(self, grad: Array, gamma: Array, tape: Any) -> tuple[Array, Array, Array]:
        """Return the gradients of `normalise` with respect to the sums, on which statistics depend, gamma and shift.

        `grad` may be overwritten.
        """

    def totals(self, grad: Array) -> Array:
        """Return the sum over samples and positions of each unit, (n_units,)."""

    def zeros(self, shape: Any, like: Array) -> Array:
        """Return zeros of the numbers of `like`, on its device."""

    def root(self, x: Array) -> Array:
        """Return the square root."""
