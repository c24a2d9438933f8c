"""The linear operations of the trainer on PyTorch's tensors, on whatever device they are.

Relies on torch (extra `torch`) and `sliding`. Used by the torch layers.
"""

from typing import Any

import torch
from torch.nn import functional

from eventsim.models.relu.sliding import Sliding

Tensor = Any


class TorchOperations:
    """The operations of `eventsim.models.train.operations.Operations` on tensors."""

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the product of two matrices."""
        return a @ b

    def conv(self, x: Tensor, weight: Tensor, sliding: Sliding, groups: int) -> tuple[Tensor, Tensor]:
        """Return the cross-correlation and the padded inputs."""
        padded, padding = _padded(x, sliding, 0.0)
        convolve = functional.conv1d if len(sliding.kernel) == 1 else functional.conv2d
        settings: Any = (sliding.stride, padding, sliding.dilation, groups)
        return convolve(padded, weight, None, *settings), padded

    def conv_to_input(self, grad: Tensor, weight: Tensor, sliding: Sliding, groups: int, shape: Any) -> Tensor:
        """Return the transpose of `conv` in its inputs, (n, c_in, *positions)."""
        even = _even(sliding)
        sizes = shape[2:] if even else [n + sum(pair) for n, pair in zip(shape[2:], sliding.padding, strict=True)]
        like = grad.new_empty(1).expand(*shape[:2], *sizes)
        found = _convolution_back(grad, like, weight, sliding, groups, (True, False))[0]
        if even:
            return found
        middle = [slice(pair[0], pair[0] + n) for n, pair in zip(shape[2:], sliding.padding, strict=True)]
        return found[(slice(None), slice(None), *middle)]

    def conv_to_weight(self, kept: Tensor, grad: Tensor, weight: Tensor, sliding: Sliding, groups: int) -> Tensor:
        """Return the transpose of `conv` in its weights, of the shape of `weight`."""
        return _convolution_back(grad, kept, weight, sliding, groups, (False, True))[1]

    def largest(self, x: Tensor, sliding: Sliding) -> tuple[Tensor, Tensor]:
        """Return the largest input of each window, and where among the padded inputs it was."""
        padded = functional.pad(x, _pairs(sliding), value=-float("inf"))
        pool = functional.max_pool1d if len(sliding.kernel) == 1 else functional.max_pool2d
        found, which = pool(padded, sliding.kernel, sliding.stride, 0, sliding.dilation, return_indices=True)
        return found, which

    def largest_to_input(self, grad: Tensor, which: Tensor, sliding: Sliding, shape: Any) -> Tensor:
        """Return `grad` where the largest inputs were, and 0 elsewhere."""
        sizes = [n + sum(pair) for n, pair in zip(shape[2:], sliding.padding, strict=True)]
        flat = grad.new_zeros(*shape[:2], torch.Size(sizes).numel())
        flat.scatter_add_(2, which.flatten(2), grad.flatten(2))
        middle = [slice(pair[0], pair[0] + n) for n, pair in zip(shape[2:], sliding.padding, strict=True)]
        return flat.view(*shape[:2], *sizes)[(slice(None), slice(None), *middle)]

    def at_most_zero(self, x: Tensor) -> Tensor:
        """Return min(x, 0), written over `x`."""
        return x.clamp_(max=0)

    def at_least_zero(self, x: Tensor) -> Tensor:
        """Return max(x, 0), written over `x`."""
        return x.clamp_(min=0)

    def zeros(self, shape: Any, like: Tensor) -> Tensor:
        """Return zeros of the dtype and device of `like`."""
        return like.new_zeros(shape)

    def root(self, x: Tensor) -> Tensor:
        """Return the square root."""
        return x.sqrt()


def _even(sliding: Sliding) -> bool:
    return all(before == after for before, after in sliding.padding)


def _pairs(sliding: Sliding) -> list[int]:
    """The padding as torch's `pad` takes it: of the last axis first."""
    return [n for pair in reversed(sliding.padding) for n in pair]


def _padded(x: Tensor, sliding: Sliding, fill: float) -> tuple[Tensor, list[int]]:
    """Inputs with what padding torch's convolutions do not do themselves, and the rest of it."""
    if _even(sliding):
        return x, [pair[0] for pair in sliding.padding]
    return functional.pad(x, _pairs(sliding), value=fill), [0] * len(sliding.padding)


def _convolution_back(
    grad: Tensor, x: Tensor, weight: Tensor, sliding: Sliding, groups: int, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor, Tensor]:
    padding = [pair[0] for pair in sliding.padding] if _even(sliding) else [0] * len(sliding.padding)
    found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        grad, x, weight, None, sliding.stride, padding, sliding.dilation, False, [0] * len(padding), groups,
        (*wanted, False),
    )  # fmt: skip
    return found
