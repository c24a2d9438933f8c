"""Files of a training: all that its next step depends on, written at once or not at all.

Relies on eventsim's archives. Used by the loop.
"""

import math
import os
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError
from eventsim.files.archive import REMEDY, read_archive, write_archive
from eventsim.models.train.epoch import Epoch, epoch_of
from eventsim.models.train.training import Training

FORMAT = "eventsim-training"
VERSION = 1
PARTS = ("parameters", "state", "moments")


def save_training(training: Training, path: str | os.PathLike[str]) -> None:
    """Write parameters, running statistics, moments, windows, counts and history to `path`, or leave the old file.

    Raises
    ------
    InputError
        `path` is no place for a file.
    OSError
        The disk is full; the old file is as it was.
    """
    header = {
        "format": FORMAT,
        "version": VERSION,
        "settings": _settings(training),
        "steps": training.steps,
        "epochs": training.epochs,
        "windows": training.network.windows,
        "history": [epoch.entries() for epoch in training.history],
    }
    arrays = {f"{part}/{name}": values for part, held in _held(training).items() for name, values in held.items()}
    write_archive(path, header, arrays)


def load_training(training: Training, path: str | os.PathLike[str]) -> None:
    """Bring a training of the same settings to where the one of `path` was; what it does next is the same, bit for bit.

    Raises
    ------
    FileFormatError
        The file is missing or damaged, or of a training with other settings; the message says which.
    """
    header, arrays = read_archive(path, FORMAT, VERSION)
    settings, found = _settings(training), header.get("settings")
    if not isinstance(found, dict):
        raise FileFormatError(f"{path}: its settings are missing; must be as `save_training` wrote it; save it again")
    for name in sorted(settings.keys() | found.keys()):
        if settings.get(name) != found.get(name):
            raise FileFormatError(
                f"{path}: {name} is {found.get(name)!r} there and {settings.get(name)!r} here; must be equal to go on; "
                "make the training as that one was made"
            )
    held: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for name, values in arrays.items():
        part, _, own = name.partition("/")
        if part not in held:
            raise FileFormatError(f"{path}: {name!r} is no part of a training; must begin with {', '.join(PARTS)}")
        held[part][own] = values
    _check_arrays(path, training, held)
    try:
        windows = {name: float(header["windows"][name]) for name in training.network.windows}
        steps, epochs = header["steps"], header["epochs"]
        history = [epoch_of(entries) for entries in header["history"]]
        _check_counts(windows, steps, epochs, history)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise FileFormatError(
            f"{path}: windows, counts or history are no such ({error!r}); must be as `save_training` wrote them; give "
            "another file"
        ) from error
    training.network.parameters = {name: held["parameters"][name] for name in training.network.parameters}
    training.network.state = {name: held["state"][name] for name in training.network.state}
    training.network.windows = windows
    training.moments = held["moments"]
    training.steps, training.epochs, training.history = steps, epochs, history


def _check_arrays(path: Any, training: Training, held: dict[str, dict[str, Any]]) -> None:
    """Refuse arrays that are missing, of another shape or dtype, or too many; parameters that are no numbers."""
    network = training.network
    # What an optimizer keeps, it keeps of each parameter, in arrays as these are.
    kinds = {name.rpartition(".")[2] for name in held["moments"]}
    moments = {f"{name}.{kind}": values for name, values in network.parameters.items() for kind in kinds}
    for part, now in (_held(training) | {"moments": moments}).items():
        for name in now.keys() | held[part].keys():
            given, values = held[part].get(name), now.get(name)
            if values is None:
                raise FileFormatError(f"{path}: {part}/{name} is no part of this training; {REMEDY}")
            if given is None or given.shape != values.shape or given.dtype != values.dtype:
                what = "is missing" if given is None else f"is {given.dtype} {given.shape}"
                raise FileFormatError(f"{path}: {part}/{name} {what}; must be {values.dtype} {values.shape}; {REMEDY}")
            if part != "moments" and not np.isfinite(given).all():  # squares of gradients may have overflown
                raise FileFormatError(f"{path}: {part}/{name} has values that are no finite numbers; {REMEDY}")


def _check_counts(windows: dict[str, float], steps: Any, epochs: Any, history: list[Epoch]) -> None:
    """Refuse, with a ValueError, windows and counts that no training has."""
    for name, window in windows.items():
        if not 0 < window < math.inf:
            raise ValueError(f"a window of {name} of {window}")
    whole = all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in (steps, epochs))
    if not whole or steps < epochs or [one.number for one in history] != list(range(1, len(history) + 1)):
        raise ValueError(f"{steps} steps and {epochs} epochs")
    if len(history) != epochs:
        raise ValueError(f"{len(history)} of {epochs} epochs in the history")


def _held(training: Training) -> dict[str, dict[str, Any]]:
    return {
        "parameters": training.network.parameters,
        "state": training.network.state,
        "moments": training.moments,
    }


def _settings(training: Training) -> dict[str, str]:
    """What two trainings must share to go on alike, in words."""
    network = training.network
    return {
        "layers": repr(network.layers),
        "input_shape": repr(network.input_shape),
        "slope": network.code.name,
        "dtype": network.dtype.name,
        "saturates": repr(network.saturates),
        "optimizer": repr(training.optimizer),
        "schedule": repr(training.schedule),
        "loss": repr(training.loss) if is_dataclass(training.loss) else type(training.loss).__name__,
        "batch": str(training.batch),
        "seed": str(training.seed),
        "windows": repr(training.windows),
        "activity": repr(training.activity),
        "silent": repr(training.silent),
        "hardware": repr(training.hardware),
        "judge": repr(training.judge),
    } | {str(name): str(value) for name, value in training.about.items()}
