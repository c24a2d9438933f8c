"""Networks at their beginning, for the tests of initial weights and of their spectra."""

from typing import Any

from eventsim.models.train.initialise import initialise
from eventsim.models.train.network import TrainableNetwork, trainable

SIGMAS = 4  # of a statistic with a normal law: one test in 16,000 would fail by chance, and seeds are fixed


def started(architecture: str, shape: tuple[int, ...], slope: Any, **options: Any) -> TrainableNetwork:
    """A network with weights drawn."""
    network = trainable(architecture, shape, slope)
    initialise(network, **options)
    return network
