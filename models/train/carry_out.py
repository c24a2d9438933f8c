"""`carry_out`: a plan from its data to a folder with the trained networks, the log and the checkpoint.

Relies on plans, the loop and the spiking network. Used by the command line and by people.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.files.output import check_place, path_of
from eventsim.models.data import DataSet
from eventsim.models.relu.relu_network import ReluNetwork
from eventsim.models.train.checkpoint import load_training
from eventsim.models.train.epoch import Epoch, write_log
from eventsim.models.train.inputs import first
from eventsim.models.train.loop import fit
from eventsim.models.train.losses import checked_labels
from eventsim.models.train.plan import Plan
from eventsim.models.train.plan_file import write_plan
from eventsim.models.train.spiking import relu_network, spiking_network
from eventsim.models.train.training import Training, accuracy
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class TrainingFolder:
    """The files of a training.

    Attributes
    ----------
    path
        The folder.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """What was asked for, with which it can be repeated."""
        return self.path / "plan.toml"

    @property
    def checkpoint(self) -> Path:
        """Where it goes on, behind the last epoch."""
        return self.path / "checkpoint.npz"

    @property
    def log(self) -> Path:
        """A row an epoch."""
        return self.path / "log.csv"

    @property
    def relu(self) -> Path:
        """The ReLU network."""
        return self.path / "relu.npz"

    @property
    def spiking(self) -> Path:
        """The spiking network."""
        return self.path / "spiking.npz"


@dataclass(frozen=True)
class Outcome:
    """What came out of a plan.

    Attributes
    ----------
    training
        The training, with its network and the history of all epochs.
    relu, spiking
        The network as values and as spikes.
    test
        Accuracy on the test part of the data, NaN without one.
    folder
        Where the files are, None where none were asked for.
    """

    training: Training
    relu: ReluNetwork
    spiking: Network
    test: float
    folder: TrainingFolder | None


def carry_out(
    plan: Plan,
    folder: str | os.PathLike[str] | None = None,
    *,
    resume: bool = False,
    watch: Callable[[Epoch], None] | None = None,
    progress: bool | None = False,
) -> Outcome:
    """Train what a plan says.

    Parameters
    ----------
    plan
        What is trained, and how.
    folder
        Where the files go; it is made where it is not there. None writes none.
    resume
        Whether the training goes on with the checkpoint of the folder, if there is one, bit for bit. It must be of the
        same plan but for `epochs`, `spiking` and `calibration`.
    watch
        Called after each epoch.
    progress
        As for `fit`.

    Raises
    ------
    InputError
        The folder has a training, and `resume` is False; a file of the training is that of the data, or a folder;
        labels that no output has; what `Plan` refuses of data.
    FileFormatError
        A checkpoint of another plan, or a damaged one.
    TrainingError
        As for `fit`; the checkpoint of the last epoch stays.
    OSError
        The disk is full; the files of before stay as they were.
    """
    place = None if folder is None else _opened(folder, resume)
    if place is not None:
        _check_files(place, plan.data)
    data = plan.data_set()
    network = plan.network(data.shape)
    training = plan.training(network, data)
    x, labels, validation = plan.parts(data)
    checked_labels(f"plan: test part of {data.name}", data.test.labels, len(data.test), network.n_out)
    if place is not None:
        if place.checkpoint.exists():
            load_training(training, place.checkpoint)
        write_plan(plan, place.plan)

    def watched(epoch: Epoch) -> None:
        if place is not None:
            write_log(place.log, training.history)
        if watch is not None:
            watch(epoch)

    checkpoint = None if place is None else place.checkpoint
    fit(
        training, x, labels, plan.epochs, validation=validation, checkpoint=checkpoint, watch=watched, progress=progress
    )
    relu = relu_network(network)
    spiking = spiking_network(network, first(x, plan.calibration).astype(np.float64) if plan.calibrates else None)
    if place is not None:
        write_log(place.log, training.history)
        relu.save(place.relu)
        spiking.save(place.spiking)
    return Outcome(training, relu, spiking, _tested(training, data), place)


def _opened(folder: str | os.PathLike[str], resume: bool) -> TrainingFolder:
    """The folder, made where it is not there.

    Raises
    ------
    InputError
        No place for a folder, or one with a training that is not gone on with.
    """
    path = path_of("train", folder)
    try:
        path.mkdir(exist_ok=True)
    except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise InputError(
            f"train: {path}: no folder can be made there ({error.strerror}); must be one, or a name in one. Give "
            "another path"
        ) from error
    place = TrainingFolder(path)
    if place.checkpoint.exists() and not resume:
        raise InputError(
            f"train: {path}: a training is there already; must be gone on with, or another folder. Give resume=True "
            "(--resume), or another name"
        )
    return place


def _check_files(place: TrainingFolder, data: Any) -> None:
    """Refuse, before the work, files that cannot be written, and data that one of them would take the place of.

    Raises
    ------
    InputError
        It is one.
    """
    source = data.get("source") if isinstance(data, Mapping) else data
    given = path_of("train", source) if isinstance(source, str | os.PathLike) else None
    for file in (place.plan, place.checkpoint, place.log, place.relu, place.spiking):
        check_place("train", file)
        if given is not None and file.exists() and given.exists() and file.samefile(given):
            raise InputError(
                f"train: {file}: this is the file of the data, and the training writes one of this name; must be "
                "another. Give another folder."
            )


def _tested(training: Training, data: DataSet) -> float:
    if not len(data.test):
        return math.nan
    return accuracy(training.network, data.test.view(dtype=training.network.dtype), data.test.labels)
