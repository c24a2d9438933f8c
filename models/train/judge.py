"""The event simulator as the judge of a trainer: does the network do, spike by spike, what the closed form says?

The closed form looks at all inputs of a neuron; a membrane may reach its threshold before they are there. Relies on
`spiking` and on the simulator. Used by the training loop.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import choice, integer
from eventsim.errors import PrematureSpikeWarning, TrainingError
from eventsim.models.train.chip import Chip
from eventsim.models.train.decisions import decided
from eventsim.models.train.inputs import Inputs, first
from eventsim.models.train.network import TrainableNetwork
from eventsim.models.train.safe_windows import too_short
from eventsim.models.train.spiking import spiking_network
from eventsim.run.decisions import UNDECIDED
from eventsim.run.run import Run
from eventsim.simulate import ENGINES, simulate

Array = np.ndarray[Any, Any]
ON_PREMATURE = ("report", "grow", "stop")


@dataclass(frozen=True)
class Verdict:
    """What the event simulator says of a network, over the samples that it was shown.

    Attributes
    ----------
    samples
        How many.
    agreement
        The share of them that it decides as the closed form does.
    premature
        By layer, how many neurons, over all samples, fired before their window began.
    spikes_per_neuron
        Spikes of hidden neurons, a neuron and sample.
    grown
        By layer, to what length its window was lengthened.
    """

    samples: int
    agreement: float
    premature: Mapping[str, int]
    spikes_per_neuron: float
    grown: Mapping[str, float]

    def __str__(self) -> str:
        early = ", ".join(f"{name} {count}" for name, count in self.premature.items() if count)
        longer = "".join(f"; window of {name} now {length:.4g}" for name, length in self.grown.items())
        return (
            f"{self.agreement:.2%} of {self.samples} decided alike, premature: {early or 'none'}{longer}; "
            f"{self.spikes_per_neuron:.3f} spikes a neuron"
        )


@dataclass(frozen=True)
class Judge:
    """Simulate some samples after each epoch, event by event: of the validation data, or else of the training data.

    Parameters
    ----------
    samples
        How many, the first ones.
    on_premature
        What to do about neurons that fire before their window: "report" only; "grow": lengthen the windows of their
        layers to the smallest in which none of these samples has such a neuron; "stop": end the training.
    engine
        As for `eventsim.simulate`.

    Raises
    ------
    InputError
        A number or a choice that is none.
    """

    samples: int = 64
    on_premature: str = "report"
    engine: str = "compiled"

    def __post_init__(self) -> None:
        integer("Judge", "samples", self.samples, low=1)
        choice("Judge", "on_premature", self.on_premature, ON_PREMATURE)
        choice("Judge", "engine", self.engine, ENGINES)

    def __call__(self, network: TrainableNetwork, x: Inputs, chip: Chip | None = None) -> Verdict:
        """Return the verdict on `network` for inputs `x` in [0, 1]; windows of `network` may be lengthened.

        Both sides decide on the `chip` where one is given, with the seed of its hardware, and samples numbered from 0.

        Raises
        ------
        TrainingError
            A neuron fired early, and `on_premature` is "stop".
        """
        shown = first(x, self.samples)
        net = spiking_network(network)
        flat = shown.reshape(len(shown), -1)
        faults, seed = ((), 0) if chip is None else (chip.hardware.faults, chip.hardware.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PrematureSpikeWarning)  # they are counted
            run = simulate(
                net, flat, record="first_spikes", engine=self.engine, faults=faults, seed=seed, progress=False
            )
        disturbance = None if chip is None else chip.draw(seed, np.arange(len(shown)))
        closed = decided(network, network.outputs(shown, disturbance))
        premature, n_spikes, n_neurons = {}, 0, 0
        for layer in network.layers:
            if layer.name not in network.windows:
                continue
            times = run.spike_times(layer.name)
            window = net.node(layer.name).window
            assert window is not None
            premature[layer.name] = int(np.count_nonzero(times < float(window[1])))
            n_spikes += int(np.count_nonzero(np.isfinite(times)))
            n_neurons += times.size
        grown: dict[str, float] = {}
        if any(premature.values()):
            if self.on_premature == "stop":
                name = next(name for name, count in premature.items() if count)
                raise TrainingError(
                    f"judge: {premature[name]} neurons of layer {name!r} fire before their window begins, over "
                    f"{len(shown)} samples; must be none with on_premature = 'stop'; lengthen its window, or take "
                    "'grow'"
                )
            if self.on_premature == "grow":
                grown = too_short(network, shown)
                network.windows |= grown
        agreement = float(np.mean(_of_run(network, run) == closed))
        return Verdict(len(shown), agreement, premature, n_spikes / max(n_neurons, 1), grown)


def _of_run(network: TrainableNetwork, run: Run) -> Array:
    """What the samples of a run decide, as `decided` has it: what leaves at t_max or later is no spike."""
    last = network.layers[-1]
    if not network.fires:
        return decided(network, run.readout.reshape(-1, *last.shape))
    times, window = run.spike_times(last.name), run.windows[last.name]
    assert window is not None
    before = np.where(times < float(window[2]), times, np.inf)
    return np.where(np.isfinite(before.min(axis=1)), before.argmin(axis=1), UNDECIDED)
