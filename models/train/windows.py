"""How long the windows of the layers are while a network is trained.

The length of a window changes no value: the threshold follows it. It says how early a spike may come, and so how large
a value may be. Relies on the trainable network. Used by the training loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from eventsim.checks import number
from eventsim.models.train.network import TrainableNetwork

Array = np.ndarray[Any, Any]


class WindowRule(Protocol):
    """What the windows of a network become while it is trained."""

    def after_step(self, network: TrainableNetwork, largest: Mapping[str, float]) -> None:
        """Change `network.windows` by the largest value that each layer sent for the batch of this step."""

    def after_epoch(self, network: TrainableNetwork, x: Array) -> None:
        """Change `network.windows` by what the network does with the training inputs `x`, (n, *input_shape)."""


@dataclass(frozen=True)
class Fixed:
    """Windows stay as they are."""

    def after_step(self, network: TrainableNetwork, largest: Mapping[str, float]) -> None:
        """Nothing."""

    def after_epoch(self, network: TrainableNetwork, x: Array) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Growth:
    """Windows only grow: at least `factor` times the largest value of each batch (Stanojevic et al. 2024, eq. 2.5).

    Parameters
    ----------
    factor
        > 0; 10 is the published value.

    Raises
    ------
    InputError
        A factor that is no such number.
    """

    factor: float = 10.0

    def __post_init__(self) -> None:
        number("Growth", "factor", self.factor, low=0, open_low=True)

    def after_step(self, network: TrainableNetwork, largest: Mapping[str, float]) -> None:
        """Lengthen the windows that are too short for this batch."""
        for name, value in largest.items():
            network.windows[name] = max(network.windows[name], self.factor * value)

    def after_epoch(self, network: TrainableNetwork, x: Array) -> None:
        """Nothing: each batch has had its say."""


@dataclass(frozen=True)
class Quantile:
    """After each epoch, windows reach the `q` quantile of the values above 0 that each layer sends; larger ones do not.

    What happens to larger values is said elsewhere: `TrainableNetwork.saturates` cuts them, as the fault `CompleteSum`
    of a `HardwareAware` training does, and as chips do whose layers take turns.

    Parameters
    ----------
    q
        From 0 to 1; 1 is the largest value.
    margin
        How much longer, as a share.

    Raises
    ------
    InputError
        Numbers out of range.
    """

    q: float
    margin: float = 0.0

    def __post_init__(self) -> None:
        number("Quantile", "q", self.q, low=0, high=1)
        number("Quantile", "margin", self.margin, low=0)

    def after_step(self, network: TrainableNetwork, largest: Mapping[str, float]) -> None:
        """Nothing."""

    def after_epoch(self, network: TrainableNetwork, x: Array) -> None:
        """Set the windows by the values that the layers would send for `x` uncut; a silent layer keeps its own."""
        uncut = network.copy()
        uncut.saturates = False  # or windows could only become shorter
        for name, sent in uncut.sent(x):
            if name in network.windows:
                values = np.abs(sent[sent != 0])
                if values.size:
                    network.windows[name] = (1 + self.margin) * float(np.quantile(values, self.q))
