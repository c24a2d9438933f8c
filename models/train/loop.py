"""`fit`: epoch after epoch, with a checkpoint behind each.

Relies on the training and its files. Used by the command line.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.models.train.checkpoint import save_training
from eventsim.models.train.training import Epoch, Training

Array = np.ndarray[Any, Any]


def fit(
    training: Training,
    x: Array,
    targets: Array,
    epochs: int,
    *,
    validation: tuple[Array, Array] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    watch: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Train until `epochs` epochs are done, those of before included; return what each of the new ones came to.

    Parameters
    ----------
    training
        What is trained, and how.
    x
        Inputs in [0, 1], (n, *input_shape) or (n, n_in).
    targets
        Labels (n,), or what the loss takes, (n, n_out).
    validation
        Inputs (m, *input_shape) and labels (m,) that are not trained on.
    epochs
        How many in all.
    checkpoint
        A file that is written after each epoch, from which `load_training` goes on bit for bit.
    watch
        Called after each epoch.
    """
    done = []
    while training.epochs < epochs:
        done.append(training.epoch(x, targets, validation))
        if checkpoint is not None:
            save_training(training, checkpoint)
        if watch is not None:
            watch(done[-1])
    return done
