"""What training makes small: losses of outputs, with their gradients.

Used by the training loop.
"""

from typing import Any, Protocol

import numpy as np

from eventsim.errors import InputError

Array = np.ndarray[Any, Any]


class Loss(Protocol):
    """A loss, the mean over samples."""

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss and its gradient with respect to `outputs`, (n, n_out)."""


class CrossEntropy:
    """Softmax cross-entropy of output potentials and labels (n,), as PyTorch's; nothing overflows."""

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss and (softmax - one-hot) / n."""
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        rows = np.arange(len(outputs))
        loss = float(np.mean(np.log(sums[:, 0]) - shifted[rows, targets]))
        gradient = exponentials / sums
        gradient[rows, targets] -= 1
        gradient /= len(outputs)
        return loss, gradient


class MeanSquare:
    """Mean over samples and outputs of the squared difference, as PyTorch's; targets (n, n_out), or labels (n,)."""

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss and 2 (outputs - targets) / (n n_out)."""
        wanted = np.eye(outputs.shape[1], dtype=outputs.dtype)[targets] if targets.ndim == 1 else targets
        difference = outputs - wanted
        return float(np.mean(difference * difference)), difference * (2 / difference.size)


def checked_labels(place: str, labels: Any, n_samples: int, n_classes: int) -> Array:
    """Return labels as int64 (n_samples,); InputError where one is no whole number from 0 to n_classes - 1."""
    given = np.asarray(labels)
    if given.shape != (n_samples,):
        raise InputError(f"{place}: labels of shape {given.shape}; must be ({n_samples},), one for each sample")
    if given.dtype.kind not in "iu" and not (given.dtype.kind == "f" and np.all(given == np.floor(given))):
        raise InputError(f"{place}: labels of dtype {given.dtype}; must be whole numbers from 0 to {n_classes - 1}")
    wrong = np.flatnonzero((given < 0) | (given >= n_classes))
    if len(wrong):
        raise InputError(
            f"{place}: labels[{wrong[0]}] = {given[wrong[0]]}; must be from 0 to {n_classes - 1}, for the network has "
            f"{n_classes} outputs; number the classes from 0"
        )
    return given.astype(np.int64)
