"""The order in which inputs are trained on: a function of the seed and the epoch alone, the same on every machine.

Input i of an epoch draws the i-th 64-bit number of Philox4x64-10 (Salmon et al. 2011, as numpy's `Philox` counts it,
from 1) under the key (`stream_key(seed, purpose)`, number); the inputs stand in the order of their draws, and equal
draws in the order of the inputs. The purpose is "batches" and the number the epoch. An order needs no state and no
earlier epoch, and does not change with the size of the batches; numpy promises the bits of `Philox`, not those of its
shuffles.

Relies on `eventsim.randomness`. Used by the data sets and the training loop.
"""

import numpy as np
from numpy.typing import NDArray

from eventsim import checks
from eventsim.errors import InputError
from eventsim.randomness import stream_key

LAST = ("keep", "drop")
MOST_INPUTS = 1 << 40


def drawn_order(n: int, seed: int, purpose: str, number: int) -> NDArray[np.int64]:
    """Return the numbers 0 … n - 1 in the order of their draws, (n,). O(n log n)."""
    key = np.array([stream_key(seed, purpose), number], np.uint64)
    return np.argsort(np.random.Philox(key=key).random_raw(n), kind="stable").astype(np.int64, copy=False)


def batches(n: int, size: int, seed: int = 0, epoch: int = 0, *, last: str = "keep") -> list[NDArray[np.int64]]:
    """Return which inputs stand in which batch of an epoch.

    Each input is in one batch. The order is a function of `seed`, `epoch` and `n`, the same on every machine; the first
    lines of this module say which. O(n log n).

    Parameters
    ----------
    n
        Number of inputs.
    size
        Inputs in a batch.
    seed
        Of all epochs of a training, 0 to 2**64 - 1.
    epoch
        Number of the epoch, from 0.
    last
        What becomes of the last batch where it is shorter: "keep", or "drop", after which its inputs are in no batch of
        this epoch.

    Returns
    -------
    list of array (size,)
        Places of inputs, batch by batch.

    Raises
    ------
    InputError
        A number that is none of these, or no batch at all.

    Examples
    --------
    >>> [chosen.tolist() for chosen in batches(5, 2, seed=1)]
    [[2, 1], [3, 0], [4]]
    """
    n = checks.integer("batches", "n", n, low=1, high=MOST_INPUTS)
    size = checks.integer("batches", "size", size, low=1)
    seed = checks.integer("batches", "seed", seed, low=0, high=checks.LARGEST_SEED)
    epoch = checks.integer("batches", "epoch", epoch, low=0, high=checks.LARGEST_SEED)
    last = checks.choice("batches", "last", last, LAST)
    if last == "drop" and size > n:
        raise InputError(
            f"batches: size = {size} of {n} inputs with last = 'drop'; must leave a batch. Take a size up to {n}, or "
            "keep the last batch."
        )
    order = drawn_order(n, seed, "batches", epoch)
    end = n if last == "keep" else n - n % size
    return [order[start : start + size] for start in range(0, end, size)]
