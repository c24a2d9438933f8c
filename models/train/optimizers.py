"""How gradients change parameters: SGD with momentum, and Adam, by exactly PyTorch's formulas.

Used by the training loop. State is kept by parameter name, so that checkpoints can hold it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from eventsim.checks import flag, number, real, shown
from eventsim.errors import InputError

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
BLOCK = 1 << 15  # of a parameter, so that a block of all its arrays stays in the cache between operations


class Optimizer(Protocol):
    """A rule that changes parameters in place."""

    @property
    def rate(self) -> float:
        """The learning rate, before any schedule."""

    def step(self, parameters: Arrays, gradients: Mapping[str, Array], state: Arrays, number: int, rate: float) -> None:
        """Change `parameters` by `gradients` in step `number` (from 1) at `rate`; `state` is the rule's own."""


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: v <- m v + g, p <- p - rate v; g has weight_decay p added.

    Parameters
    ----------
    rate
        Learning rate, >= 0.
    momentum
        The m, from 0 to 1; > 0 with `nesterov`.
    weight_decay
        >= 0.
    nesterov
        Whether g + m v takes the place of v; only with a momentum.

    Raises
    ------
    InputError
        Numbers out of these ranges, `nesterov` without a momentum.
    """

    rate: float = 1e-2
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        number("SGD", "rate", self.rate, low=0)
        number("SGD", "momentum", self.momentum, low=0, high=1)
        number("SGD", "weight_decay", self.weight_decay, low=0)
        if flag("SGD", "nesterov", self.nesterov) and not self.momentum:
            raise InputError("SGD: nesterov = True with momentum = 0; must have momentum > 0. Give one, such as 0.9.")

    def step(self, parameters: Arrays, gradients: Mapping[str, Array], state: Arrays, number: int, rate: float) -> None:
        """Change `parameters` in place."""
        for name, p in parameters.items():
            g = gradients[name]
            if self.weight_decay:
                g = g + self.weight_decay * p
            if self.momentum:
                if number == 1 or f"{name}.velocity" not in state:
                    state[f"{name}.velocity"] = g.copy()
                else:
                    state[f"{name}.velocity"] *= self.momentum
                    state[f"{name}.velocity"] += g
                velocity = state[f"{name}.velocity"]
                g = g + self.momentum * velocity if self.nesterov else velocity
            np.subtract(p, rate * g, out=p)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015) in PyTorch's form: epsilon is added to the corrected root.

    Parameters
    ----------
    rate
        Learning rate, >= 0.
    betas
        How much of the running means of g and g² is kept, from 0 to below 1.
    epsilon
        > 0.
    weight_decay
        >= 0.
    decoupled
        Whether weights decay by rate × weight_decay by themselves (AdamW), and not through g.

    Raises
    ------
    InputError
        Numbers out of these ranges.
    """

    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        number("Adam", "rate", self.rate, low=0)
        betas = self.betas if isinstance(self.betas, tuple | list) else ()
        plain = [real(beta) for beta in betas]
        if len(plain) != 2 or any(beta is None or not 0 <= beta < 1 for beta in plain):
            raise InputError(
                f"Adam: betas = {shown(self.betas)}; must be two numbers from 0 to below 1. Give e.g. (0.9, 0.999)."
            )
        number("Adam", "epsilon", self.epsilon, low=0, open_low=True)
        number("Adam", "weight_decay", self.weight_decay, low=0)
        flag("Adam", "decoupled", self.decoupled)

    def step(self, parameters: Arrays, gradients: Mapping[str, Array], state: Arrays, number: int, rate: float) -> None:
        """Change `parameters` in place."""
        first, second = self.betas
        size = rate / (1 - first**number)
        correction = math.sqrt(1 - second**number)
        scratch = {char: np.empty(BLOCK, char) for char in {p.dtype.char for p in parameters.values()}}
        for name, p in parameters.items():
            g = gradients[name]
            if self.weight_decay and self.decoupled:
                np.multiply(p, 1 - rate * self.weight_decay, out=p)
            elif self.weight_decay:
                g = g + self.weight_decay * p
            for kept in (f"{name}.mean", f"{name}.square"):
                if kept not in state:
                    state[kept] = np.zeros_like(p)
            assert p.flags.c_contiguous, "a flat view of it is changed"
            flat = [one.reshape(-1) for one in (p, g, state[f"{name}.mean"], state[f"{name}.square"])]
            for begin in range(0, p.size, BLOCK):
                values, slope, mean, square = (one[begin : begin + BLOCK] for one in flat)
                spare = scratch[p.dtype.char][: len(values)]
                np.subtract(slope, mean, out=spare)
                spare *= 1 - first
                mean += spare
                np.multiply(slope, slope, out=spare)
                spare *= 1 - second
                square *= second
                square += spare
                np.sqrt(square, out=spare)  # size mean / (root / correction + epsilon), with one division
                spare += self.epsilon * correction
                np.divide(mean, spare, out=spare)
                spare *= size * correction
                values -= spare
