"""How few spikes read digits: accuracy against spikes a neuron, for several costs of a spike's value in the loss.

    python benchmarks/rare_spikes.py [--folder DATA] [--quick]

Trains 784-340-10 on MNIST (B1, float32, Adam, 5 epochs) with each ``activity`` of `eventsim.models.train.Training`, and
simulates the 10,000 test images event by event, which counts the spikes and decides. Prints a Markdown table; asserts
that a network with less than 0.3 spikes a neuron is no more than half a point worse than the one without a cost.
``--quick`` takes the digits that come with eventsim.
"""

import argparse
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from trained_networks import decided_otherwise, in_float64, outputs, simulated, spiking

from eventsim import models
from eventsim.models.data import DataSet
from eventsim.models.train import Adam, Cosine, Fixed, TrainableNetwork, Training, fit, initialise, trainable

Array = np.ndarray[Any, Any]
COSTS = (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
EPOCHS, RATE = 5, 1e-3
RARE, LOSS = 0.3, 0.005  # spikes a neuron; share of the test images that may be lost for it


def trained(data: DataSet, architecture: str, activity: float, epochs: int, rate: float) -> TrainableNetwork:
    """The network of one cost."""
    network = trainable(architecture, data.shape, "b1", np.float32)
    initialise(network, seed=0)
    training = Training(network, Adam(rate), Cosine(epochs), batch=128, windows=Fixed(), activity=activity)
    fit(training, data.train.values(dtype=np.float32), data.train.labels, epochs)
    return network


def judged(data: DataSet, network: TrainableNetwork) -> tuple[float, float, int]:
    """Accuracy, spikes a neuron and premature neurons of the simulation of all test images."""
    x = data.test.values()
    run = simulated(spiking(network, data), network, x)
    assert not decided_otherwise(run.readout, outputs(in_float64(network), x))
    right = float((run.readout.argmax(axis=1) == data.test.labels).mean())
    return right, run.spikes_per_neuron, run.premature


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default=os.environ.get("EVENTSIM_DATA"), help="of the data; EVENTSIM_DATA")
    parser.add_argument("--quick", action="store_true", help="a small network on the digits of eventsim")
    chosen = parser.parse_args(arguments)
    data = models.data.load("digits") if chosen.quick else models.data.load("mnist", folder=chosen.folder)
    settings: tuple[str, int, float] = ("64-10", 40, 5e-3) if chosen.quick else ("340-10", EPOCHS, RATE)
    print("| activity | accuracy | spikes a neuron | premature |\n|---|---|---|---|", flush=True)
    found = {}
    for activity in (0.0, 1e-2) if chosen.quick else COSTS:
        with threadpool_limits(1):
            architecture, epochs, rate = settings
            found[activity] = judged(data, trained(data, architecture, activity, epochs, rate))
        right, spikes, premature = found[activity]
        print(f"| {activity:g} | {100 * right:.2f} % | {spikes:.3f} | {premature:,} |", flush=True)
    rare = [right for right, spikes, _ in found.values() if spikes < RARE]
    assert rare, f"no network has less than {RARE} spikes a neuron"
    assert max(rare) >= found[0.0][0] - LOSS, "few spikes cost more"


if __name__ == "__main__":
    main()
