"""What the equations of the trainer are written on: a handful of linear operations, offered by each backend.

Everything else in these equations is arithmetic of arrays, which numpy's and PyTorch's write alike. Used by the layers;
`numpy_operations` and `torch_operations` implement it.
"""

from typing import Any, Protocol

from eventsim.models.relu.sliding import Sliding

Array = Any
"""An array of the backend: numpy's, or a tensor."""


class Operations(Protocol):
    """The linear operations of one backend.

    Shapes: inputs (n, n_in) or (n, c_in, *positions), outputs (n, n_out) or (n, c_out, *output positions), weights
    (n_out, n_in) or (c_out, c_in / groups, *kernel).
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

    def largest(self, x: Array, sliding: Sliding) -> tuple[Array, Any]:
        """Return the largest input of each window, nothing counting outside, and which it was: the first of equals."""

    def largest_to_input(self, grad: Array, which: Any, sliding: Sliding, shape: Any) -> Array:
        """Return `grad` where the largest inputs were, and 0 elsewhere; shape (n, c, *positions)."""

    def at_most_zero(self, x: Array) -> Array:
        """Return min(x, 0), in place of `x` where the backend can."""

    def at_least_zero(self, x: Array) -> Array:
        """Return max(x, 0), in place of `x` where the backend can."""

    def zeros(self, shape: Any, like: Array) -> Array:
        """Return zeros of the numbers of `like`, on its device."""

    def root(self, x: Array) -> Array:
        """Return the square root."""
