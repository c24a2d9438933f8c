"""A plan: what is trained, on which data, and how, in values that a file or a command line can hold.

Relies on the text forms, the data and the training. Used by `carry_out`, files of plans and the command line.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from eventsim.checks import choice, integer, number, shown
from eventsim.errors import InputError, listed, nearest
from eventsim.models.data import DataSet, load
from eventsim.models.data.held_out import split
from eventsim.models.train.architecture import fires, layers_of, parts_of
from eventsim.models.train.hardware_aware import HardwareAware
from eventsim.models.train.initialise import initialise
from eventsim.models.train.inputs import Inputs
from eventsim.models.train.losses import checked_labels
from eventsim.models.train.network import TrainableNetwork, trainable
from eventsim.models.train.parameterisations import parameterisation
from eventsim.models.train.text import made
from eventsim.models.train.training import Training

Array = np.ndarray[Any, Any]
DTYPES = ("float64", "float32")
SPIKING = ("calibrated", "trained")
OF_DATA = ("source", "folder", "held_out", "seed", "sizes", "labels", "variant")


@dataclass(frozen=True)
class Plan:
    """How a network is trained. Everything but the data and the files that they are in is checked at once.

    Parameters
    ----------
    data
        What `eventsim.models.data.load` takes: a name or a path, or a mapping with that under "source" and its options.
    architecture
        In one line, as ``"conv8x3-bn-relu-pool2-10"`` (`eventsim.models.train.trainable`).
    slope
        "b1", "alpha1" (or with another number > 0, as "b0.5"), or "relu" for the ReLU twin.
    initial
        The first weights: a rule of `eventsim.models.train.initialise`, with its settings.
    dtype
        "float64" or "float32".
    batch, seed, activity, silent
        As for `Training`; the seed is also that of the first weights, unless they have one, and of what is held out.
    optimizer, schedule, loss, windows
        Text forms, as "sgd:momentum=0.9": a rule, or its name with settings, or a mapping with its name under "rule".
    judge
        "events", with the settings of `Judge`, or "none".
    epochs
        How many.
    validation
        Share of each class of the training part that is not trained on, but judged, from 0 to below 1.
    spiking
        Windows of the spiking network that comes out: "calibrated" by training data (`to_ttfs`), or as "trained"; ""
        stands for the first, but for the second of neurons of another slope than 1, of which windows are a part.
    calibration
        How many training inputs calibrate, the first ones.
    faults
        Text forms of `eventsim.faults`, as studies have them, that the network is trained to bear (`HardwareAware`).
    redraw
        How often their draws are made anew: each "step", each "epoch", or never, "chip".

    Raises
    ------
    InputError, NetworkError, FaultError
        Values that are none, with what is allowed.
    """

    data: Any
    architecture: str
    slope: str = "b1"
    initial: Any = "he_normal"
    dtype: str = "float64"
    batch: int = 32
    seed: int = 0
    epochs: int = 10
    optimizer: Any = "adam"
    schedule: Any = "constant"
    loss: Any = "cross_entropy"
    activity: float = 0.0
    silent: float = 0.0
    windows: Any = "growth"
    judge: Any = "events"
    validation: float = 0.1
    spiking: str = ""
    calibration: int = 1000
    faults: Any = ()
    redraw: str = "step"

    def __post_init__(self) -> None:
        _options(self.data)
        if not isinstance(self.architecture, str) or not isinstance(self.slope, str):
            raise InputError(
                f"plan: architecture = {shown(self.architecture)}, slope = {shown(self.slope)}; must be text, as "
                '"64-10" and "b1". Write them so.'
            )
        parts_of(self.architecture)
        choice("plan", "dtype", self.dtype, DTYPES)
        integer("plan", "epochs", self.epochs, low=0)
        integer("plan", "calibration", self.calibration, low=1)
        number("plan", "validation", self.validation, low=0, high=1)
        if self.spiking != "":
            choice("plan", "spiking", self.spiking, SPIKING)
        if self.spiking == "calibrated" and not self.calibrates:
            raise InputError(
                f"plan: spiking = 'calibrated' with slope = {self.slope!r}; must be 'trained', since the thresholds of "
                "such neurons go with their slopes. Leave it out."
            )
        object.__setattr__(self, "faults", tuple(self.faults) if isinstance(self.faults, list) else self.faults)
        self.hardware()
        self.training(trainable("2-relu" if fires(self.architecture) else "2", (1,), self.slope, self.dtype))

    @property
    def calibrates(self) -> bool:
        """Whether training data set the windows of the spiking network: of neurons of slope 1, unless as trained."""
        return self.spiking != "trained" and parameterisation(self.slope).name in ("b1", "relu")

    def data_set(self) -> DataSet:
        """Return the data; what `load` refuses is refused."""
        return load(**_options(self.data))

    def network(self, shape: tuple[int, ...]) -> TrainableNetwork:
        """Return the network for inputs of a shape, with its first weights."""
        network = trainable(self.architecture, shape, self.slope, self.dtype)
        given = made("initial", self.initial)
        initialise(network, **given | {"seed": self.seed if given["seed"] is None else given["seed"]})
        return network

    def hardware(self) -> HardwareAware | None:
        """Return what the network is trained to bear; None for nothing."""
        given = HardwareAware(self.faults, self.seed, self.redraw)
        return given if given.faults else None

    def training(self, network: TrainableNetwork, data: DataSet | None = None) -> Training:
        """Return the training of a network; `data` are those that a checkpoint must share to be gone on with."""
        parts = {key: made(key, getattr(self, key)) for key in ("optimizer", "schedule", "loss", "windows", "judge")}
        about = {} if data is None else {"data": digest(data), "validation": repr(float(self.validation))}
        return Training(
            network, **parts, batch=self.batch, seed=self.seed, activity=self.activity, silent=self.silent,
            about=about | {"initial": repr(made("initial", self.initial))},
            hardware=None if data is None else self.hardware(),
        )  # fmt: skip

    def parts(self, data: DataSet) -> tuple[Inputs, Array, tuple[Inputs, Array] | None]:
        """Return inputs and labels to train on, and those that are held out, None without.

        Pictures that are read when they are taken stay in their files.

        Raises
        ------
        InputError
            Nothing is left to train on; labels that no output of the architecture has, or one for each sample where
            outputs have positions.
        """
        labels, last = data.train.labels, layers_of(self.architecture, data.shape)[-1]
        checked_labels(f"plan: data {data.name}", labels, len(labels), last.shape[0], last.shape[1:])
        kept, held = split(labels, self.validation, self.seed)
        if not len(kept):
            raise InputError(
                f"plan: validation = {self.validation} of {len(labels)} inputs; must leave some to train on. Give less."
            )
        in_memory = isinstance(data.train.stored, np.ndarray)
        inputs = data.train.values if in_memory else data.train.view
        x, rest = inputs(kept, self.dtype), inputs(held, self.dtype)
        return x, labels[kept], (rest, labels[held]) if len(held) else None

    def replaced(self, changes: Mapping[str, Any]) -> "Plan":
        """Return the plan with other values."""
        return plan_of({one.name: getattr(self, one.name) for one in fields(self)} | dict(changes))


KEYS = tuple(one.name for one in fields(Plan))


def plan_of(content: Mapping[str, Any], where: str = "plan") -> Plan:
    """Return the plan of values by name.

    Raises
    ------
    InputError
        Unknown keys, with the nearest name; data or architecture missing; what `Plan` refuses.
    """
    for key in content:
        if key not in KEYS:
            raise InputError(
                f"{where}: unknown key {key!r}{nearest(key, KEYS)}; must be one of {listed(KEYS, 40)}. Choose one of "
                "them."
            )
    missing = [key for key in ("data", "architecture") if not content.get(key)]
    if missing:
        raise InputError(
            f'{where}: {listed(missing)} missing; must be given. Give e.g. data = "digits" and architecture = "64-10".'
        )
    return Plan(**content)


def digest(data: DataSet) -> str:
    """Return the name of the training data and a digest of their values and labels, the same for the same data.

    Of pictures that are read when they are taken, only the labels count.
    """
    found = hashlib.sha256()
    if isinstance(data.train.stored, np.ndarray):
        found.update(np.ascontiguousarray(data.train.stored).tobytes())
    found.update(data.train.labels.tobytes())
    return f"{data.name}, {len(data.train)} inputs, {found.hexdigest()[:16]}"


def _options(data: Any) -> dict[str, Any]:
    """The arguments of `load`."""
    given = dict(data) if isinstance(data, Mapping) else {"source": data}
    for key in given:
        if key not in OF_DATA:
            raise InputError(
                f"plan: data: unknown key {key!r}{nearest(key, OF_DATA)}; must be one of {listed(OF_DATA)}. Choose one "
                "of them."
            )
    if not given.get("source"):
        raise InputError(
            f'plan: data = {shown(data)}; must be a name, a path, or a table with "source". Give e.g. data = "digits".'
        )
    return given
