"""`fit`: epoch after epoch, with a checkpoint behind each.

Relies on the training and its files. Used by plans and by people.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.checks import integer
from eventsim.errors import EventsimError
from eventsim.files.output import check_place
from eventsim.models.train.checkpoint import save_training
from eventsim.models.train.epoch import Epoch
from eventsim.models.train.inputs import Inputs, as_inputs
from eventsim.models.train.training import Training
from eventsim.progress import Progress

Array = np.ndarray[Any, Any]


def fit(
    training: Training,
    x: Inputs,
    targets: Array,
    epochs: int,
    *,
    validation: tuple[Inputs, Array] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    watch: Callable[[Epoch], None] | None = None,
    progress: bool | None = False,
) -> list[Epoch]:
    """Train until `epochs` epochs are done, those of before included; return what each of the new ones came to.

    Parameters
    ----------
    training
        What is trained, and how.
    x
        Inputs in [0, 1], (n, *input_shape) or (n, n_in): an array, or anything with a length that gives those at
        increasing places (k,), such as a `numpy.memmap`, a dataset of an HDF5 file or `LabelledValues.view`. No more
        than a batch, or 512 where batches have no meaning, is asked for at once.
    targets
        Labels (n,), or of a convolution that is read out (n, *positions); or what the loss takes, (n, n_out).
    validation
        Inputs (m, *input_shape) and labels (m,) that are not trained on.
    epochs
        How many in all.
    checkpoint
        A file that is written after each epoch, from which `load_training` goes on bit for bit.
    watch
        Called after each epoch, when its checkpoint is written.
    progress
        Whether it is shown how far the training is, with the time that remains; None: in terminals and notebooks.

    Raises
    ------
    InputError
        A number of epochs that is none, no place for a checkpoint; what `Training.epoch` refuses.
    TrainingError
        The loss is no number, or the judge or a rule of windows ends the training; a note says what is kept.
    """
    epochs = integer("fit", "epochs", epochs, low=0)
    if checkpoint is not None:
        check_place("fit: checkpoint", checkpoint)  # before an epoch has been waited for
    x = as_inputs("fit", x)
    n_steps = -(-len(x) // training.batch)
    done: list[Epoch] = []
    kept = training.epochs
    with Progress(progress, "fit", "epochs", "steps") as bar:
        bar.expect(max(epochs - training.epochs, 0), n_steps, lambda: training.steps)
        try:
            while training.epochs < epochs:
                begun, at = training.steps, len(done)
                bar.watch(at, lambda begun=begun, at=at: (at, training.steps - begun, 0))  # type: ignore[misc]
                done.append(training.epoch(x, targets, validation))
                bar.finished(at, 1)
                if checkpoint is not None:
                    save_training(training, checkpoint)
                    kept = training.epochs
                if watch is not None:
                    with bar.aside():
                        watch(done[-1])
        except (KeyboardInterrupt, EventsimError) as error:
            if checkpoint is not None and kept:
                error.add_note(f"training: epoch {kept} is kept in {checkpoint}: go on from there with load_training.")
            raise
    return done
