"""Losses of runs: what `gradients` differentiates.

A loss is a function of a run. It returns its value and how that moves with the spike times and the potentials that it
looked at (`Cotangents`); ready ones take the losses of the trainer. Relies on runs and on `losses`. Used by whoever
trains or judges a simulated network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.train.losses import CrossEntropy, Loss, checked_labels
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Cotangents:
    """The value of a loss, and its derivatives by what it looked at.

    Attributes
    ----------
    value
        The loss.
    spikes : dict of arrays
        By name of a source or population, the derivatives by its spike times: (n_samples, size) by the first spikes,
        0 where a neuron is silent; or (n_spikes,) by all its recorded spikes, in the order of `Run.spikes`.
    readout : array (n_samples, n_out)
        The derivatives by `Run.readout`; None where the loss does not look at it.
    """

    value: float
    spikes: Mapping[str, Any] = field(default_factory=dict)
    readout: Any = None


# Any function of a run that returns its loss, and the derivatives by what it looked at.
RunLoss = Callable[[Run], Cotangents]


class OnReadout:
    """A loss of the potentials of the read-out.

    Parameters
    ----------
    loss
        `CrossEntropy`, `MeanSquare`, or another that returns a value and its gradient with respect to the outputs.
    targets : array (n_samples,) or (n_samples, n_out)
        Labels, or what the loss compares with.
    """

    def __init__(self, loss: Loss, targets: Any) -> None:
        self.loss, self.targets = loss, np.asarray(targets)

    def __call__(self, run: Run) -> Cotangents:
        """Return the loss of `Run.readout`.

        Raises
        ------
        InputError
            Labels that do not fit.
        """
        outputs = run.readout.astype(np.float64)
        value, gradient = self.loss(outputs, fitting("OnReadout", self.targets, outputs))
        return Cotangents(value, readout=gradient)


class OnFirstSpikes:
    """A loss of the first spike times of a population.

    Parameters
    ----------
    population
        Its name.
    loss
        `EarliestWins`, `MeanSquare`, or another that returns a value and its gradient with respect to the times.
    targets : array (n_samples,) or (n_samples, size)
        Labels, or the times that the loss compares with.
    silent_at
        The time at which silent neurons count, with the derivative 0; None leaves them at inf.
    """

    def __init__(self, population: str, loss: Loss, targets: Any, silent_at: float | None = None) -> None:
        self.population, self.loss, self.targets, self.silent_at = population, loss, np.asarray(targets), silent_at

    def __call__(self, run: Run) -> Cotangents:
        """Return the loss of `Run.spike_times`.

        Raises
        ------
        InputError
            Labels that do not fit.
        """
        times = run.spike_times(self.population).astype(np.float64)
        silent = np.isinf(times)
        if self.silent_at is not None:
            times[silent] = self.silent_at
        value, gradient = self.loss(times, fitting("OnFirstSpikes", self.targets, times))
        return Cotangents(value, {self.population: np.where(silent, 0.0, gradient)})


class EarliestWins:
    """Softmax cross-entropy of -t / tau and labels (n,): the neuron of the label shall fire first.

    A neuron that is silent, at inf, has the probability 0. Sources: I. Comsa et al. 2020 (tau = 1); J. Göltz et al.
    2021, whose tau is xi tau_syn.

    Parameters
    ----------
    tau
        Differences of spike times of this size count, in the network's unit of time.

    Raises
    ------
    InputError
        A tau that is not > 0 and finite.
    """

    def __init__(self, tau: float = 1.0) -> None:
        if not 0 < tau < np.inf:
            raise InputError(f"EarliestWins: tau = {tau}; must be > 0 and finite. It is a time, such as tau_syn / 5.")
        self.tau = float(tau)

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss of spike times (n, size), inf = silent, and its gradient with respect to them."""
        labels = checked_labels("EarliestWins", targets, *outputs.shape)
        lost = np.flatnonzero(np.isinf(outputs[np.arange(len(labels)), labels]))
        if len(lost):
            raise InputError(
                f"EarliestWins: neuron {labels[lost[0]]}, which shall fire first in sample {lost[0]}, is silent, and "
                "the loss infinite; must fire. Give OnFirstSpikes a time silent_at= at which silent neurons count."
            )
        value, gradient = CrossEntropy()(-outputs / self.tau, labels)
        return value, -gradient / self.tau


def fitting(place: str, targets: Array, outputs: Array) -> Array:
    """Return targets as a loss of `outputs` (n, n_out) takes them.

    Raises
    ------
    InputError
        Targets that are neither labels (n,) nor numbers (n, n_out).
    """
    if targets.ndim != 2:
        return checked_labels(place, targets, *outputs.shape)
    if targets.shape != outputs.shape:
        raise InputError(
            f"{place}: targets of shape {targets.shape}; must be {outputs.shape}, or labels ({len(outputs)},). "
            "Give one for each sample."
        )
    return targets
