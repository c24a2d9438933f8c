"""Hardware-aware training: which faults a network is trained to bear, and how often they are drawn anew.

The faults are those of `eventsim.faults`, the one definition that the event simulator runs, too: for the same seed and
sample ids the trainer sees the spike times and weights of ``simulate(net, x, faults=…, seed=…)``. Relies on the
faults. Used by `Training`, by its judge, and by people who evaluate.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import LARGEST_SEED, choice, integer
from eventsim.errors import FaultError
from eventsim.faults.contract import ArrivalFault, EmissionFault, Fault, NetworkFault, StateFault
from eventsim.faults.device.mismatch import Mismatch
from eventsim.faults.device.weights import WeightFault
from eventsim.faults.emission.spurious import Spurious
from eventsim.faults.state.complete_sum import CompleteSum
from eventsim.faults.text import read
from eventsim.randomness import stream_key

Array = np.ndarray[Any, Any]
REDRAW = ("step", "epoch", "chip")
TAKEN = (
    "emission faults but Spurious, faults of weights, Mismatch of thresholds and CompleteSum, those of devices drawn "
    "once a chip"
)


@dataclass(frozen=True)
class HardwareAware:
    """What goes wrong while a network is trained.

    Parameters
    ----------
    faults
        As `simulate` takes them: one or several, values, text forms, names of presets.
    seed
        From 0 to 2**64 - 1.
    redraw
        When all draws are made anew: each "step"; each "epoch", in which a sample and a weight have one draw; or never,
        "chip": the network is trained for the one chip of `seed`.

    Raises
    ------
    FaultError
        A fault that the closed form of the trainer cannot see; the message says which can be seen.
    InputError
        A seed or a choice that is none.
    """

    faults: Any
    seed: int = 0
    redraw: str = "step"

    def __post_init__(self) -> None:
        integer("HardwareAware", "seed", self.seed, low=0, high=LARGEST_SEED)
        choice("HardwareAware", "redraw", self.redraw, REDRAW)
        given = tuple(read(self.faults, "HardwareAware"))
        for fault in given:
            check_seen(fault)
        object.__setattr__(self, "faults", given)

    def run_seed(self, epoch: int, step: int) -> int:
        """Return the seed of the run that has the draws of a step; both are counted from 0.

        ``simulate(net, x, faults=hardware.faults, seed=hardware.run_seed(epoch, step), sample_ids=places)`` shows each
        sample of the training data, by its place among them, as the trainer saw it.
        """
        if self.redraw == "chip":
            return self.seed
        return stream_key(self.seed, "hardware_aware", self.redraw, step if self.redraw == "step" else epoch)


def check_seen(fault: Fault) -> None:
    """Refuse a fault that no closed form of spike times sees.

    Raises
    ------
    FaultError
        It is one: the message says why, and what is possible.
    """
    why = ""
    if isinstance(fault, ArrivalFault):
        why = "acts on each delivery of a spike, and the trainer adds up weights that all samples share"
    elif isinstance(fault, Spurious):
        why = "adds sources of spikes, which the trainer's layers do not have"
    elif isinstance(fault, StateFault) and not isinstance(fault, CompleteSum):
        why = "changes how potentials live in time, and the trainer's times are those of ideal potentials"
    elif isinstance(fault, NetworkFault) and getattr(fault, "per", "chip") != "chip":
        why = "makes a device for each sample or batch of samples, and the trainer has one for each step"
    elif isinstance(fault, Mismatch) and fault.parameter != "threshold":
        why = f"changes {fault.parameter!r}, and the trainer's neurons differ in thresholds alone"
    elif not isinstance(fault, EmissionFault | WeightFault | Mismatch | CompleteSum):
        why = "changes what the trainer does not have"
    if why:
        remedy = 'give per="chip" with redraw="step"' if "for each sample" in why else "judge it with eventsim.simulate"
        raise FaultError(f"HardwareAware: {fault!r}: {why}; must be {TAKEN}; {remedy}")
