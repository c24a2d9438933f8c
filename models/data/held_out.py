"""Data without a test part of their own: a share of each class is held out, the same for a seed on every machine.

Relies on the drawn order of the batches. Used by `load`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import checks
from eventsim.models.data.epoch_order import drawn_order

SHARE = 0.2
PURPOSE = "held out"


def split(labels: NDArray[np.int64], share: Any, seed: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of what is trained on and of what is held out, both ascending.

    Of n inputs of a class, the first ``floor(share n + 1/2)`` in the drawn order are held out.

    >>> train, test = split(np.repeat([0, 1], 50), 0.2, 0)
    >>> len(train), len(test), np.bincount(np.repeat([0, 1], 50)[test]).tolist()
    (80, 20, [10, 10])
    """
    share = checks.number("load", "held_out", share, low=0.0, high=1.0, remedy="Give the share of inputs to test with.")
    seed = checks.integer("load", "seed", seed, low=0, high=checks.LARGEST_SEED)
    order = drawn_order(len(labels), seed, PURPOSE, 0)
    is_held = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        is_held[of_class[: int(share * len(of_class) + 0.5)]] = True
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)
