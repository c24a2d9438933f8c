"""Training: batches, gradients, steps, windows, and what is kept of it, so that it can go on bit for bit.

Relies on the trainable network, optimizers, schedules, window rules, chips and the judge. Used by `fit` and the
command line.
"""

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.checks import integer, number
from eventsim.errors import TrainingError
from eventsim.models.data.epoch_order import batches
from eventsim.models.train.chip import Chip
from eventsim.models.train.decisions import decided
from eventsim.models.train.epoch import Epoch
from eventsim.models.train.hardware_aware import HardwareAware
from eventsim.models.train.inputs import BATCH, Inputs, as_inputs, checked_range, in_batches, taken
from eventsim.models.train.judge import Judge
from eventsim.models.train.losses import CrossEntropy, Loss, shall_fire
from eventsim.models.train.network import Pass, TrainableNetwork
from eventsim.models.train.optimizers import Adam, Optimizer
from eventsim.models.train.schedules import Constant, Schedule
from eventsim.models.train.training_checks import (
    check_outputs,
    check_parts,
    checked_pair,
    checked_targets,
    checked_validation,
)
from eventsim.models.train.windows import Growth, WindowRule

Array = np.ndarray[Any, Any]


@dataclass
class Training:
    """A network in training. `epoch` goes through the data once; `save` and `load` keep all of it.

    Parameters
    ----------
    network
        Changed in place.
    optimizer, schedule, loss
        How parameters follow the gradients.
    batch
        Samples of a step; the last batch of an epoch may be smaller.
    seed
        Of the order of samples; from 0 to 2**64 - 1.
    windows
        What the windows become.
    activity
        What a value that a hidden neuron sends costs (L1).
    silent
        Of outputs that fire: what a unit of time costs by which the one that shall fire, that of the label, would fire
        behind t_max, if it went on climbing; there it is silent, and nothing else leads out.
    judge
        Asked after each epoch, of the validation data or, without any, of the training data; None asks nobody.
    hardware
        The faults that the network is trained to bear; None trains the ideal network. Validation, and the judge, then
        show the chip of the seed of `hardware`, with samples numbered from 0.
    about
        What else another training must share to go on with this one's checkpoints, such as its data, in words.

    Attributes
    ----------
    steps, epochs
        How many were taken.
    moments
        What the optimizer keeps of earlier gradients, arrays of the shapes of parameters.
    history
        What each epoch came to.

    Raises
    ------
    InputError
        Parts that are none; numbers out of range; a loss of spike times for potentials, or the other way round.
    """

    network: TrainableNetwork
    optimizer: Optimizer = field(default_factory=Adam)
    schedule: Schedule = field(default_factory=Constant)
    loss: Loss = field(default_factory=CrossEntropy)
    batch: int = 32
    seed: int = 0
    windows: WindowRule = field(default_factory=Growth)
    activity: float = 0.0
    silent: float = 0.0
    judge: Judge | None = None
    hardware: HardwareAware | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    steps: int = field(default=0, init=False)
    epochs: int = field(default=0, init=False)
    moments: dict[str, Array] = field(default_factory=dict, init=False)
    history: list[Epoch] = field(default_factory=list, init=False)
    _reached: Any = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        check_parts(self)
        integer("training", "batch", self.batch, low=1)
        integer("training", "seed", self.seed, low=0, high=2**64 - 1)
        number("training", "activity", self.activity, low=0)
        number("training", "silent", self.silent, low=0)
        check_outputs(self.network, self.loss, self.silent)
        self._chip = None if self.hardware is None else Chip(self.network, self.hardware)

    def step(self, x: Array, targets: Array, sample_ids: Array | None = None) -> tuple[float, Array]:
        """Take one step on a batch; return its loss and its outputs, both from before the step.

        `sample_ids` (n,) say which draws of `hardware` the samples have; None counts from 0.

        Raises
        ------
        InputError
            Inputs outside of [0, 1] or of another shape, targets that the loss does not take.
        TrainingError
            The loss is no finite number, or a gradient, or the learning rate; the network is as it was before.
        """
        x = checked_range("training", as_inputs("training", x), sample_ids)
        rate = self._rate_of(self.steps)
        if not math.isfinite(rate):
            raise TrainingError(
                f"training: step {self.steps + 1}: the learning rate is {rate}, by {self.schedule!r}; must be a finite "
                "number; take another schedule. The network is as it was before this step."
            )
        before = dict(self.network.state)
        disturbance = None
        if self._chip is not None:
            ids = np.arange(len(x)) if sample_ids is None else sample_ids
            disturbance = self._chip.draw(self._chip.hardware.run_seed(self.epochs, self.steps), ids)
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is told below
            found = self.network.gradients(x, self.loss, targets, self.activity, disturbance, self.silent)
            wrong = "the loss" if not math.isfinite(found.loss) else _not_finite(found.gradients)
            if wrong:
                self.network.state = before
                raise TrainingError(self._no_number(wrong, found))
        self.steps += 1
        with np.errstate(over="ignore", invalid="ignore"):  # told at the end of the epoch, or in the next step
            self.optimizer.step(self.network.parameters, found.gradients, self.moments, self.steps, rate)
        self.windows.after_step(self.network, found.largest)
        if self.network.fires:
            bias = found.gradients[f"{self.network.layers[-1].name}.bias"]
            self._reached |= (found.outputs < 0).any(axis=0) | (bias != 0)
        return found.loss, found.outputs

    @property
    def rate(self) -> float:
        """The learning rate of the step that was taken last, or of the first one."""
        return self._rate_of(max(self.steps - 1, 0))

    def _rate_of(self, step: int) -> float:
        return float(self.optimizer.rate) * float(self.schedule.factor(self.epochs, step))

    def epoch(self, x: Inputs, targets: Array, validation: tuple[Inputs, Array] | None = None) -> Epoch:
        """Go through the data once, in an order drawn from the seed and the number of the epoch.

        Parameters
        ----------
        x
            Inputs in [0, 1], (n, *input_shape) or (n, n_in): an array, or what gives a batch when it is asked for it
            (`eventsim.models.train.inputs.Inputs`).
        targets
            Labels (n,), or of a convolution that is read out (n, *positions); or what the loss takes, (n, n_out).
        validation
            Inputs (m, *input_shape) and labels (m,) that are not trained on.

        Raises
        ------
        InputError
            Labels out of range, or that the loss does not take, also of `validation`; what `step` refuses.
        TrainingError
            As for `step`; a parameter that has become no finite number; what the judge stops.

        Warns
        -----
        UserWarning
            An output neuron that shall fire has done so for no sample, and no gradient has reached it: it stays silent.
        """
        x = as_inputs("training", x)
        targets, labelled = checked_targets(self.network, self.loss, targets, len(x))
        validation = checked_validation(self.network, validation)
        self._reached = np.zeros(self.network.n_out, dtype=bool)
        started = time.perf_counter()
        losses, right = [], 0
        for chosen in batches(len(x), self.batch, self.seed, self.epochs):
            loss, outputs = self.step(taken(x, chosen), targets[chosen], chosen)
            losses.append(loss * len(chosen))
            right += int(np.count_nonzero(decided(self.network, outputs) == targets[chosen])) if labelled else 0
        rate = self.rate
        self._check_parameters()
        self.windows.after_epoch(self.network, x)
        self.epochs += 1
        seconds = time.perf_counter() - started
        held = math.nan if validation is None else accuracy(self.network, *validation, chip=self._chip)
        verdict = None
        if self.judge is not None:
            verdict = self.judge(self.network, x if validation is None else validation[0], self._chip)
        done = Epoch(
            self.epochs, sum(losses) / len(x), right / targets.size if labelled else math.nan, held, rate, seconds,
            dict(self.network.windows), verdict,
        )  # fmt: skip
        self.history.append(done)
        if self.network.fires:
            lost = shall_fire(targets, (len(x), self.network.n_out)).any(axis=0) & ~self._reached
            if lost.any():
                warnings.warn(self._stays_silent(lost), UserWarning, stacklevel=2)
        return done

    def _check_parameters(self) -> None:
        """What the last step has made no number is kept by no checkpoint."""
        for name, values in (self.network.parameters | self.network.state).items():
            if not np.isfinite(values).all():
                raise TrainingError(
                    f"training: step {self.steps}: {name} has become no finite number; must be one; take a smaller "
                    f"learning rate than {self.rate:.3g}"
                )

    def _stays_silent(self, lost: Array) -> str:
        who = ", ".join(map(str, np.flatnonzero(lost).tolist()))
        climbs = "give it other first weights" if self.silent else "give silent= what it costs, or other first weights"
        return (
            f"training: epoch {self.epochs}: output neurons {who} have fired for no sample, and no gradient has "
            f"reached them; must fire to be trained; {climbs}."
        )

    def _no_number(self, wrong: str, found: Pass) -> str:
        """The first layer that sends no finite number, and the largest values before it."""
        said = []
        for name, largest in (found.largest | {"output": float(np.abs(found.outputs).max())}).items():
            if not math.isfinite(largest):
                said.append(f"layer {name!r} sends no finite number")
                break
            said.append(f"{name} up to {largest:.3g}")
        name, values = max(self.network.parameters.items(), key=lambda item: float(np.abs(item[1]).max()))
        return (
            f"training: step {self.steps + 1}: {wrong} is no finite number (loss {found.loss:.3g}); must be one; "
            f"{', '.join(said)}; the largest parameter is {float(np.abs(values).max()):.3g}, in {name}; take a smaller "
            "learning rate, or other initial weights. The network is as it was before this step."
        )


def _not_finite(gradients: Mapping[str, Array]) -> str:
    """Which gradient has an entry that is no finite number, "" where none has; a sum costs less than a look at each."""
    for name, values in gradients.items():
        if not np.isfinite(values.sum()) and not np.isfinite(values).all():
            return f"the gradient of {name}"
    return ""


def accuracy(
    network: TrainableNetwork, x: Inputs, labels: Array, batch: int = BATCH, chip: Chip | None = None
) -> float:
    """Return the share of samples that are decided as their label says, on a chip where one is given.

    The largest potential decides, or the neuron that fires first; of equal ones the lowest; where none fires, nothing.
    Of a convolution that is read out each position counts. `x` may be anything that `Training.epoch` takes.

    Samples are numbered from 0, and the seed is that of the chip's hardware, as in
    ``simulate(net, x, faults=hardware.faults, seed=hardware.seed)``.

    Raises
    ------
    InputError
        No inputs, or outside of [0, 1]; labels that no output has, or not as many.
    """
    integer("accuracy", "batch", batch, low=1)
    x, labels = checked_pair(network, "accuracy", x, labels)
    right = 0
    for places, part in in_batches(x, batch):
        given = checked_range("accuracy", part, places)
        disturbance = None if chip is None else chip.draw(chip.hardware.seed, places)
        outputs = network.outputs(given, disturbance)
        right += int(np.count_nonzero(decided(network, outputs) == labels[places]))
    return right / np.size(labels)
