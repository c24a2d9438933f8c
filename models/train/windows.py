"""How long the windows of the layers are while a network is trained.

The length of a window changes no value: the threshold follows it. It says how early a spike may come, and so how large
a value may be. Relies on the trainable network and on certificates. Used by the training loop.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from eventsim.checks import choice, integer, number
from eventsim.errors import PrematureSpikeWarning, TrainingError
from eventsim.models.train.inputs import Inputs, first, in_batches
from eventsim.models.train.network import TrainableNetwork
from eventsim.models.train.running_quantile import RunningQuantile
from eventsim.models.train.safe_windows import certified_windows, too_short

Array = np.ndarray[Any, Any]
BELOW_SAFE = ("warn", "refuse", "keep")
SAMPLES = 64  # that certificates are for, unless others are given


class WindowRule(Protocol):
    """What the windows of a network become while it is trained."""

    def after_step(self, network: TrainableNetwork, largest: Mapping[str, float]) -> None:
        """Change `network.windows` by the largest value that each layer sent for the batch of this step."""

    def after_epoch(self, network: TrainableNetwork, x: Inputs) -> None:
        """Change `network.windows` by what the network does with the training inputs `x`, (n, *input_shape).

        They may be more than memory holds: ask for some at a time (`eventsim.models.train.inputs`).
        """


@dataclass(frozen=True)
class Fixed:
    """Windows stay as they are."""

    def after_step(self, network: TrainableNetwork, largest: Mapping[str, float]) -> None:
        """Nothing."""

    def after_epoch(self, network: TrainableNetwork, x: Inputs) -> None:
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

    def after_epoch(self, network: TrainableNetwork, x: Inputs) -> None:
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
    below_safe
        What to do where a window would become shorter than is safe (`eventsim.models.certify`): "warn"; "refuse": end
        the training, with the windows of before; "keep" it as long as is safe.
    samples
        How many training inputs this is asked of, the first ones.

    Raises
    ------
    InputError
        Numbers out of range, an unknown choice.
    """

    q: float
    margin: float = 0.0
    below_safe: str = "warn"
    samples: int = SAMPLES

    def __post_init__(self) -> None:
        number("Quantile", "q", self.q, low=0, high=1)
        number("Quantile", "margin", self.margin, low=0)
        choice("Quantile", "below_safe", self.below_safe, BELOW_SAFE)
        integer("Quantile", "samples", self.samples, low=1)

    def after_step(self, network: TrainableNetwork, largest: Mapping[str, float]) -> None:
        """Nothing."""

    def after_epoch(self, network: TrainableNetwork, x: Inputs) -> None:
        """Set the windows by the values that the layers would send for `x` uncut; a silent layer keeps its own.

        Raises
        ------
        TrainingError
            One would be shorter than is safe, and `below_safe` is "refuse"; or it is not "warn", and nobody can say.

        Warns
        -----
        PrematureSpikeWarning
            One is shorter than is safe, or nobody can say (alpha neurons that do not climb), and it is "warn".
        """
        before, uncut = dict(network.windows), network.copy()
        uncut.saturates = False  # or windows could only become shorter
        values: dict[str, RunningQuantile] = {}
        for _, part in in_batches(x):
            for name, sent in uncut.sent(part):
                if name in network.windows:
                    known = values.setdefault(name, RunningQuantile(self.q, len(x) * sent[0].size))
                    known.add(np.abs(sent[sent != 0]))
        for name, known in values.items():
            if known.n:
                network.windows[name] = (1 + self.margin) * known.value()
        try:
            short = too_short(network, first(x, self.samples))
            message = _shorter_than_safe(short, network.windows, min(self.samples, len(x))) if short else ""
            if self.below_safe == "keep":
                network.windows |= short
            elif message and self.below_safe == "refuse":
                raise TrainingError(message)
        except TrainingError as error:
            if self.below_safe != "warn":
                network.windows = before
                raise TrainingError(f"{error}. The windows are those of before.") from error
            message = str(error)
        if message and self.below_safe == "warn":
            warnings.warn(message, PrematureSpikeWarning, stacklevel=2)


@dataclass(frozen=True)
class Certified:
    """After each epoch, windows are as long as is certified (`eventsim.models.certify`) for some training inputs.

    Parameters
    ----------
    margin
        How much longer than the smallest safe window, as a share.
    samples
        How many training inputs, the first ones.

    Raises
    ------
    InputError
        Numbers out of range.
    """

    margin: float = 0.5
    samples: int = SAMPLES

    def __post_init__(self) -> None:
        number("Certified", "margin", self.margin, low=0)
        integer("Certified", "samples", self.samples, low=1)

    def after_step(self, network: TrainableNetwork, largest: Mapping[str, float]) -> None:
        """Nothing: where values are not cut to their window, its length changes none of them."""

    def after_epoch(self, network: TrainableNetwork, x: Inputs) -> None:
        """Set the windows; a layer for which any is safe keeps its own.

        Raises
        ------
        TrainingError
            No windows are certified.
        """
        network.windows |= certified_windows(network, first(x, self.samples), self.margin)


def _shorter_than_safe(short: Mapping[str, float], windows: Mapping[str, float], n: int) -> str:
    found = "; ".join(
        f"{name!r} becomes {windows[name]:.4g} long, and {safe:.4g} is safe" for name, safe in short.items()
    )
    return (
        f"Quantile: windows shorter than is safe for {n} training samples: {found}: neurons fire before all of their "
        "inputs are there; must be as long as is safe for the closed form to hold. Take a larger q or margin, "
        "below_safe = 'keep', or windows = 'certified'"
    )
