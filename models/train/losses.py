"""What training makes small: losses of outputs, potentials or spike times, with their gradients.

`first_spike_losses` has more of the latter. Used by the training loop, and by losses of simulated runs.
"""

import math
from typing import Any, ClassVar, Protocol

import numpy as np

from eventsim.checks import finite_array, plain_array
from eventsim.errors import InputError

Array = np.ndarray[Any, Any]
POTENTIALS, SPIKE_TIMES = "potentials", "spike times"


class Loss(Protocol):
    """A loss, the mean over samples.

    Its attribute `of`, where it has one, says of which outputs it is: `POTENTIALS` or `SPIKE_TIMES`; `of_labels`
    whether it takes labels alone.
    """

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss and its gradient with respect to `outputs`, (n, n_out)."""


class CrossEntropy:
    """Softmax cross-entropy of output potentials and labels (n,), as PyTorch's; nothing overflows.

    Of a convolution that is read out, (n, n_out, *positions), each position has a label, (n, *positions).
    """

    of: ClassVar[str] = POTENTIALS
    of_labels: ClassVar[bool] = True

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss and (softmax - one-hot) / n, n counting positions."""
        n_samples, n_classes, *positions = outputs.shape
        labels = checked_labels("CrossEntropy", targets, n_samples, n_classes, tuple(positions))
        if not positions:
            return self._of_rows(outputs, labels)
        last = np.moveaxis(outputs, 1, -1)
        loss, gradient = self._of_rows(last.reshape(-1, n_classes), labels.reshape(-1))
        return loss, np.moveaxis(gradient.reshape(last.shape), -1, 1)

    def _of_rows(self, outputs: Array, labels: Array) -> tuple[float, Array]:
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        rows = np.arange(len(outputs))
        loss = float(np.mean(np.log(sums[:, 0]) - shifted[rows, labels]))
        gradient = exponentials / sums
        gradient[rows, labels] -= 1
        gradient /= len(outputs)
        return loss, gradient


class MeanSquare:
    """Mean over samples and outputs of the squared difference, as PyTorch's; targets as outputs, or labels.

    Labels stand for potentials, 1 of the label and 0 of the others; spike times need targets of their own.
    """

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss and 2 (outputs - targets) / (n n_out)."""
        wanted = targets
        if np.ndim(targets) < outputs.ndim:
            n_samples, n_classes, *positions = outputs.shape
            labels = checked_labels("MeanSquare", targets, n_samples, n_classes, tuple(positions))
            wanted = np.moveaxis(np.eye(n_classes, dtype=outputs.dtype)[labels], -1, 1)
        elif np.shape(targets) != outputs.shape:
            raise _shaped("MeanSquare", np.shape(targets), outputs.shape)
        difference = outputs - wanted
        return float(np.mean(difference * difference)), difference * (2 / difference.size)


def shall_fire(targets: Array, shape: tuple[int, ...]) -> Array:
    """Which neurons of outputs that fire shall do so: that of the label, or those with a target before t_max, < 0."""
    if targets.ndim > 1:
        return np.asarray(targets < 0)
    found = np.zeros(shape, dtype=bool)
    found[np.arange(len(found)), targets] = True
    return found


def checked_values(where: str, targets: Any, shape: tuple[int, ...]) -> Array:
    """Return targets that are values, (n, *outputs), as an array of finite numbers; InputError where they are none."""
    found = finite_array(where, "targets", targets)
    if found.shape != shape:
        raise _shaped(where, found.shape, shape)
    return found


def _shaped(where: str, given: tuple[int, ...], shape: tuple[int, ...]) -> InputError:
    return InputError(
        f"{where}: targets of shape {given}; must be {shape}, a value for each output of each sample, or a label for "
        "each sample. Reshape them."
    )


def checked_labels(place: str, labels: Any, n_samples: int, n_classes: int, positions: tuple[int, ...] = ()) -> Array:
    """Return labels as int64 (n_samples, *positions); InputError where one is no whole number below n_classes."""
    given = plain_array(f"{place}: labels", labels, InputError)
    shape = (n_samples, *positions)
    if given.shape != shape:
        each = "position of each sample" if positions else "sample"
        remedy = "Give .argmax(axis=1) of them." if given.shape == (n_samples, n_classes) else "Give as many of both."
        if given.size == math.prod(shape):
            remedy = f"Give .reshape{shape}."
        raise InputError(f"{place}: labels of shape {given.shape}; must be {shape}, one for each {each}. {remedy}")
    if given.dtype.kind not in "iu" and not (given.dtype.kind == "f" and np.all(given == np.floor(given))):
        raise InputError(
            f"{place}: labels of dtype {given.dtype}; must be whole numbers from 0 to {n_classes - 1}. Number "
            "the classes."
        )
    wrong = np.argwhere((given < 0) | (given >= n_classes))
    if len(wrong):
        first = tuple(wrong[0].tolist())
        raise InputError(
            f"{place}: labels[{', '.join(map(str, first))}] = {given[first]}; must be from 0 to "
            f"{n_classes - 1}, for the network has {n_classes} outputs; number the classes from 0"
        )
    return given.astype(np.int64)
