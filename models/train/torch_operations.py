"""The linear operations of the trainer on PyTorch's tensors, on whatever device they are.

Relies on torch (extra `torch`) and `sliding`. Used by the torch layers.
"""

import math
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
        like = grad.new_empty((*shape[:2], *sizes))  # only its shape counts; one that is expanded would be copied
        found = _convolution_back(grad, like, weight, sliding, groups, (True, False))[0]
        if even:
            return found
        middle = [slice(pair[0], pair[0] + n) for n, pair in zip(shape[2:], sliding.padding, strict=True)]
        return found[(slice(None), slice(None), *middle)]

    def conv_to_weight(self, kept: Tensor, grad: Tensor, weight: Tensor, sliding: Sliding, groups: int) -> Tensor:
        """Return the transpose of `conv` in its weights, of the shape of `weight`."""
        return _convolution_back(grad, kept, weight, sliding, groups, (False, True))[1]

    def largest(self, x: Tensor, sliding: Sliding, signs: Any) -> tuple[Tensor, Any]:
        """Return the input of each window with the largest signs * x, and where among the padded inputs it was."""
        changed = not isinstance(signs, int) or signs != 1
        signed = signs * x if changed else x
        padded = functional.pad(signed, _pairs(sliding), value=-math.inf) if any(_pairs(sliding)) else signed
        plane = padded if len(sliding.kernel) == 2 else padded.unsqueeze(2)
        found, which = torch.ops.aten.max_pool2d_with_indices(plane, *_pooling(sliding))
        found = found if len(sliding.kernel) == 2 else found.squeeze(2)
        return found.mul_(signs) if changed else found, (which, plane.shape)

    def largest_to_input(self, grad: Tensor, which: Any, sliding: Sliding, shape: Any) -> Tensor:
        """Return `grad` where the chosen inputs were, and 0 elsewhere."""
        where, plane = which
        like = grad.new_empty(plane)  # only its shape counts
        found = torch.ops.aten.max_pool2d_with_indices_backward(
            grad.reshape(where.shape), like, *_pooling(sliding), False, where
        )
        found = found if len(sliding.kernel) == 2 else found.squeeze(2)
        middle = [slice(pair[0], pair[0] + n) for n, pair in zip(shape[2:], sliding.padding, strict=True)]
        return found[(slice(None), slice(None), *middle)]

    def rectify(self, x: Tensor, sign: int) -> tuple[Tensor, Any]:
        """Return max(x, 0) or min(x, 0), written over `x`, and itself with the sign."""
        found = x.clamp_(min=0) if sign > 0 else x.clamp_(max=0)
        # Another tensor of the same numbers: one that is returned, and kept for the way back, would never be freed.
        kept = found.detach()
        return found, (kept, kept._version, sign)

    def rectify_back(self, grad: Tensor, kept: Any) -> Tensor:
        """Return `grad` where `rectify` gave anything but 0, and 0 elsewhere.

        Raises
        ------
        RuntimeError
            What it gave was changed in place meanwhile, as PyTorch's own layers say.
        """
        found, version, sign = kept
        if found._version != version:
            raise RuntimeError(
                f"what a layer has sent, of shape {tuple(found.shape)}, was changed in place; must be as it was sent "
                "until gradients are computed; change a copy"
            )
        if sign > 0:
            return torch.ops.aten.threshold_backward(grad, found, 0)
        return torch.ops.aten.hardtanh_backward(grad, found, -math.inf, 0)

    def normalise(
        self, sums: Tensor, gamma: Tensor, shift: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor, Any]:
        """Return what it says there: with a momentum of 1, running statistics become those of the batch."""
        mean, variance = torch.zeros_like(gamma), torch.zeros_like(gamma)
        found, *kept = torch.native_batch_norm(sums, gamma, shift, mean, variance, True, 1.0, epsilon)
        if sums.numel() == len(gamma):
            variance.zero_()  # 0 / 0 there
        return found, mean, variance, (sums, kept, epsilon)

    def normalise_back(self, grad: Tensor, gamma: Tensor, tape: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients with respect to the sums, gamma and shift."""
        sums, kept, epsilon = tape
        found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.native_batch_norm_backward(
            grad, sums, gamma, None, None, *kept, True, epsilon, [True, True, True]
        )
        return found

    def totals(self, grad: Tensor) -> Tensor:
        """Return the sum over samples and positions of each unit, (n_units,)."""
        return grad.flatten(2).sum((0, 2))

    def zeros(self, shape: Any, like: Tensor) -> Tensor:
        """Return zeros of the dtype and device of `like`."""
        return like.new_zeros(shape)

    def root(self, x: Tensor) -> Tensor:
        """Return the square root."""
        return x.sqrt()


def _even(sliding: Sliding) -> bool:
    return all(before == after for before, after in sliding.padding)


def _pooling(sliding: Sliding) -> list[tuple[int, ...]]:
    """Kernel, stride, padding and dilation of a pool over two axes; over one, it is the second."""
    first = () if len(sliding.kernel) == 2 else (1,)
    return [(*first, *sliding.kernel), (*first, *sliding.stride), (0, 0), (*first, *sliding.dilation)]


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
