"""The loss of first spike times for PyTorch, of modules of `torch_layers` whose last has ``last=True``.

The equations are those of `EarliestWins`, and of what silence costs in a `Training`. Relies on torch (extra `torch`).
"""

from typing import Any

import torch
from torch import nn

from eventsim.checks import number
from eventsim.models.train.first_spike_losses import EarliestWins

Tensor = Any


class EarliestWinsLoss(nn.Module):
    """Softmax cross-entropy of -t / tau, a silent neuron counting at t_max: the neuron of the label shall fire first.

    Parameters
    ----------
    tau, early, early_tau
        As for `EarliestWins`.
    silent
        What a unit of time costs by which the neuron of the label would be too late; nothing else reaches a silent one.

    Raises
    ------
    InputError
        Numbers out of range.
    """

    def __init__(self, tau: float = 1.0, early: float = 0.0, early_tau: float = 1.0, silent: float = 0.0) -> None:
        super().__init__()
        self.of_times = EarliestWins(tau, early, early_tau)  # checks them
        self.silent = number("EarliestWinsLoss", "silent", silent, low=0)

    def forward(self, times: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over samples, of times (n, size), > 0 for silent neurons, and labels (n,)."""
        sent, own = times.clamp(max=0), times.gather(1, labels[:, None])[:, 0]
        sent = torch.where(times < 0, sent, torch.zeros_like(sent))  # nothing goes back at 0, as in the trainer
        found: Tensor = nn.functional.cross_entropy(-sent / self.of_times.tau, labels)
        if self.of_times.early:
            fired = sent.gather(1, labels[:, None])[:, 0]
            found = found + self.of_times.early * torch.exp(fired / self.of_times.early_tau).mean()
        return found + self.silent * own.clamp(min=0).mean() if self.silent else found

    def extra_repr(self) -> str:
        """What it is, for `print`."""
        return f"{self.of_times}, silent={self.silent}"
