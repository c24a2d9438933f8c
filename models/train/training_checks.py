"""What a training is given: parts that are such, targets that fit the outputs, labels that an output has.

Relies on `checks`, the losses and the inputs. Used by `Training`, before its first step.
"""

from typing import Any

import numpy as np

from eventsim.checks import plain_array, shown
from eventsim.errors import InputError
from eventsim.models.train.inputs import Inputs, as_inputs
from eventsim.models.train.losses import POTENTIALS, SPIKE_TIMES, Loss, MeanSquare, checked_labels, checked_values
from eventsim.models.train.network import TrainableNetwork

Array = np.ndarray[Any, Any]
# What each part of a training must offer, and an example of one.
PARTS: dict[str, tuple[tuple[str, ...], str]] = {
    "network": (("parameters", "gradients"), "trainable('64-10', (64,))"),
    "optimizer": (("rate", "step"), "Adam(rate=1e-3)"),
    "schedule": (("factor",), "Constant()"),
    "loss": (("__call__",), "CrossEntropy()"),
    "windows": (("after_step", "after_epoch"), "Growth()"),
    "judge": (("__call__",), "Judge(), or None"),
    "hardware": (("faults", "run_seed"), "HardwareAware(faults), or None"),
    "about": (("items",), "{'data': 'digits'}"),
}
OPTIONAL = ("judge", "hardware")


def check_parts(training: Any) -> None:
    """Refuse parts of a training that are none, such as their names, or classes in place of what these make.

    Raises
    ------
    InputError
        One is none.
    """
    for name, (offered, example) in PARTS.items():
        part = getattr(training, name)
        if part is None and name in OPTIONAL:
            continue
        if isinstance(part, type) or not all(hasattr(part, one) for one in offered):
            raise InputError(
                f"training: {name} = {shown(part)}; must be an object with {', '.join(offered)}. Give e.g. {example}."
            )


def check_outputs(network: TrainableNetwork, loss: Loss, silent: float) -> None:
    """Refuse a loss of other outputs than a network has, and a cost of silence where none is silent.

    Raises
    ------
    InputError
        It is one.
    """
    what = SPIKE_TIMES if network.fires else POTENTIALS
    of = getattr(loss, "of", what)
    if of != what:
        raise InputError(
            f"training: loss {type(loss).__name__} is of {of}, and the outputs are {what}; must be of these. "
            + ("Take EarliestWins or TargetTimes." if network.fires else "End the architecture with '-relu'.")
        )
    if silent and not network.fires:
        raise InputError(
            f"training: silent = {silent} for outputs that are potentials; must be 0, since these are never "
            "silent. End the architecture with '-relu', or leave it out."
        )


def checked_targets(network: TrainableNetwork, loss: Loss, targets: Any, n_samples: int) -> tuple[Array, bool]:
    """Return the targets of all samples, and whether they are labels.

    Raises
    ------
    InputError
        Labels out of range, or as many as there are no samples; what the loss does not take.
    """
    given, shape = plain_array("training: targets", targets, InputError), network.layers[-1].shape
    positions = shape[1:]
    if given.ndim == 1 and positions:
        raise InputError(
            f"training: labels of shape {given.shape} for outputs at each of {positions} positions; must be "
            f"{(n_samples, *positions)}. End the architecture with 'avg' and a number for one label a sample."
        )
    if given.ndim == 1 + len(positions) or getattr(loss, "of_labels", False):
        if network.fires and isinstance(loss, MeanSquare):
            raise InputError(
                "training: labels for the mean square of spike times; must be a time for each neuron, (n, n_out). "
                "Take TargetTimes, or EarliestWins, which have labels."
            )
        return checked_labels("training", given, n_samples, network.n_out, positions), True
    if isinstance(loss, MeanSquare):
        return checked_values("training", given, (n_samples, *shape)), False
    if given.shape[:1] != (n_samples,):
        raise InputError(
            f"training: targets of shape {given.shape}; must be of {n_samples} samples. Give as many as inputs."
        )
    return given, False


def checked_pair(network: TrainableNetwork, where: str, x: Any, labels: Any) -> tuple[Inputs, Array]:
    """Return inputs and their labels, which an accuracy is of.

    Raises
    ------
    InputError
        No inputs; labels that no output has, or of another number.
    """
    inputs = as_inputs(where, x)
    return inputs, checked_labels(where, labels, len(inputs), network.n_out, network.layers[-1].shape[1:])


def checked_validation(network: TrainableNetwork, validation: Any) -> tuple[Inputs, Array] | None:
    """Return inputs and labels that are not trained on, None without.

    Raises
    ------
    InputError
        No pair of these.
    """
    if validation is None:
        return None
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise InputError(
            f"training: validation = {shown(validation)}; must be a pair, inputs and labels. Give (x, labels), or None."
        )
    return checked_pair(network, "training: validation", *validation)
