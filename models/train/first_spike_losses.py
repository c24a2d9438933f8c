"""Losses of first spike times, of runs and of networks whose outputs are neurons, with their gradients.

Times are as they are given: of a run absolute, with inf for silence; of a trained network relative to t_max of the
outputs, with 0 for silence, which is t_max. What is silent passes no gradient on, whatever a loss says of it. Relies on
`losses`. Used by the training loop, and by losses of simulated runs.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from eventsim.checks import number
from eventsim.errors import InputError
from eventsim.models.train.losses import SPIKE_TIMES, CrossEntropy, MeanSquare, checked_labels

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class EarliestWins:
    """Softmax cross-entropy of -t / tau and labels (n,): the neuron of the label shall fire first.

    A neuron that is silent, at inf, has the probability 0; at t_max, that of its time. Sources: I. Comsa et al. 2020
    (tau = 1); J. Göltz et al. 2021, whose tau is xi tau_syn, and who add early exp(t / early_tau) of the label's
    neuron, so that it fires early, too (there alpha and beta tau_syn; times from the beginning, which is another
    `early`).

    Parameters
    ----------
    tau
        Differences of spike times of this size count, in the network's unit of time.
    early
        What a late spike of the label's neuron costs, as above.
    early_tau
        The time over which that cost grows by e.

    Raises
    ------
    InputError
        A tau that is not > 0 and finite, an `early` below 0.

    Notes
    -----
    Held by tests/test_train_first_spikes.py and tests/test_event_gradients_edges.py.
    """

    tau: float = 1.0
    early: float = 0.0
    early_tau: float = 1.0
    of: ClassVar[str] = SPIKE_TIMES
    of_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("tau", "early_tau"):
            remedy = "It is a time, such as tau_syn / 5."
            number("EarliestWins", name, getattr(self, name), low=0, open_low=True, remedy=remedy)
        number("EarliestWins", "early", self.early, low=0)

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss of spike times (n, size), and its gradient with respect to them."""
        labels = checked_labels("EarliestWins", targets, *outputs.shape)
        rows = np.arange(len(labels))
        own = outputs[rows, labels]
        lost = np.flatnonzero(np.isinf(own))
        if len(lost):
            raise InputError(
                f"EarliestWins: neuron {labels[lost[0]]}, which shall fire first in sample {lost[0]}, is silent, and "
                "the loss infinite; must fire. Give OnFirstSpikes a time silent_at= at which silent neurons count."
            )
        value, gradient = CrossEntropy()(-outputs / self.tau, labels)
        gradient = -gradient / self.tau
        if self.early:
            cost = self.early / len(labels) * np.exp(own / self.early_tau)
            value += float(cost.sum())
            gradient[rows, labels] += cost / self.early_tau
        return value, gradient


@dataclass(frozen=True)
class TargetTimes:
    """Mean square of the difference from target times: `early` of the label's neuron, `late` of the others.

    The mean is over samples and neurons. Source: J. Göltz et al. 2021, whose published code has half of the square.

    Parameters
    ----------
    early, late
        Times, as those that the loss is given: of a network that is trained, before t_max of its outputs, such as -1
        and 0, at which a silent neuron is right.

    Raises
    ------
    InputError
        Times that are not finite, or not early < late.
    """

    early: float
    late: float = 0.0
    of: ClassVar[str] = SPIKE_TIMES
    of_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("early", "late"):
            number("TargetTimes", name, getattr(self, name), remedy="It is a time, such as -1.")
        if not self.early < self.late:
            raise InputError(
                f"TargetTimes: early, late = {self.early}, {self.late}; must be early < late. Give e.g. -1 and "
                "0, the end of the window of the outputs."
            )

    def __call__(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss of spike times (n, size) and labels (n,), and its gradient with respect to the times."""
        labels = checked_labels("TargetTimes", targets, *outputs.shape)
        wanted = np.full(outputs.shape, self.late, dtype=outputs.dtype)
        wanted[np.arange(len(labels)), labels] = self.early
        return MeanSquare()(outputs, wanted)
