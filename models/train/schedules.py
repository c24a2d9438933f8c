"""How the learning rate changes while training: by PyTorch's formulas, or the published staircase.

Used by the training loop.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from eventsim.checks import choice, integer, number

UNITS = ("epoch", "step")


class Schedule(Protocol):
    """A factor on the learning rate."""

    def factor(self, epoch: int, step: int) -> float:
        """Return it for a step in an epoch, both counted from 0."""


@dataclass(frozen=True)
class Constant:
    """The learning rate stays."""

    def factor(self, epoch: int, step: int) -> float:  # noqa: ARG002
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Steps:
    """The rate is multiplied by `by` every `every` epochs, or steps (Stanojevic et al.: 0.9 every 5,000 steps).

    Parameters
    ----------
    every
        A whole number >= 1.
    by
        > 0.
    unit
        "epoch", as PyTorch's StepLR called once an epoch, or "step".

    Raises
    ------
    InputError
        Numbers out of these ranges.
    """

    every: int
    by: float = 0.9
    unit: str = "epoch"

    def __post_init__(self) -> None:
        integer("Steps", "every", self.every, low=1)
        number("Steps", "by", self.by, low=0, open_low=True)
        choice("Steps", "unit", self.unit, UNITS)

    def factor(self, epoch: int, step: int) -> float:
        """Return by ** (how many times it has been multiplied), inf beyond the range of float64."""
        try:
            return float(float(self.by) ** ((epoch if self.unit == "epoch" else step) // self.every))
        except OverflowError:
            return math.inf


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from 1 to `lowest` over `epochs` epochs, and `lowest` behind them.

    PyTorch's CosineAnnealingLR has the same values up to its T_max, and rises again behind it.

    Parameters
    ----------
    epochs
        A whole number >= 1.
    lowest
        The last factor, from 0 to 1.

    Raises
    ------
    InputError
        Numbers out of these ranges.
    """

    epochs: int
    lowest: float = 0.0

    def __post_init__(self) -> None:
        integer("Cosine", "epochs", self.epochs, low=1)
        number("Cosine", "lowest", self.lowest, low=0, high=1)

    def factor(self, epoch: int, step: int) -> float:  # noqa: ARG002
        """Return lowest + (1 - lowest) (1 + cos(pi epoch / epochs)) / 2."""
        share = min(epoch, self.epochs) / self.epochs
        return self.lowest + (1 - self.lowest) * (1 + math.cos(math.pi * share)) / 2
