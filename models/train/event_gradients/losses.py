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
from eventsim.models.train.losses import Loss, checked_labels
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
        `EarliestWins`, `TargetTimes`, `MeanSquare`, or another that returns a value and its gradient with respect to
        the times.
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
