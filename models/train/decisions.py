"""What outputs of a trainable network decide: the largest potential, or the neuron that fires first.

The rule is that of runs (`eventsim.run.decisions`). Relies on it. Used by the training loop and its judge.
"""

from typing import Any

import numpy as np

from eventsim.models.train.network import TrainableNetwork
from eventsim.run.decisions import UNDECIDED

Array = np.ndarray[Any, Any]


def decided(network: TrainableNetwork, outputs: Array) -> Array:
    """Return the class of each sample, (n,), or of each position, (n, *positions).

    Of several equal ones it is the lowest; where no output fires, `UNDECIDED`, which is no class.
    """
    if not network.fires:
        return np.asarray(outputs.argmax(axis=1))
    return np.where(outputs.min(axis=1) < 0, outputs.argmin(axis=1), UNDECIDED)
