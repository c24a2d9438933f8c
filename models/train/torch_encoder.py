"""From values to spike times of the input, as a module of PyTorch.

Relies on torch (extra `torch`). Users import it from `torch_layers`, whose modules take its times.
"""

import math
from typing import Any

from torch import nn

from eventsim.checks import reals, shown
from eventsim.errors import InputError

Tensor = Any


class TTFSEncoder(nn.Module):
    """Values as spike times of the input: the largest value spikes first, the smallest not at all.

    Parameters
    ----------
    low, high
        The range of the values; what is outside is cut to it.

    Raises
    ------
    InputError
        Numbers that are no range.
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__()
        ends = reals((low, high))
        if not (ends and math.isfinite(ends[0]) and math.isfinite(ends[1]) and ends[0] < ends[1]):
            raise InputError(
                f"TTFSEncoder: low, high = {shown(low)}, {shown(high)}; must be finite numbers, low < high. Give the "
                "range of the values."
            )
        self.low, self.high = ends

    def forward(self, values: Tensor) -> Tensor:
        """Return times from -1 to 0 of values, of any shape."""
        return (self.low - values.clamp(self.low, self.high)) / (self.high - self.low)

    def as_values(self) -> nn.Module:
        """Return a module that gives values from 0 to 1 in place of times."""
        return nn.Identity() if (self.low, self.high) == (0.0, 1.0) else _Scaled(self.low, self.high)


class _Scaled(nn.Module):
    """Values of a range as values from 0 to 1."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, values: Tensor) -> Tensor:
        """Return (values - low) / (high - low)."""
        return (values - self.low) / (self.high - self.low)
