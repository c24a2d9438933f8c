"""Fine-tuning brings back most of what a chip costs: trained digits networks, judged by the event simulator with the
faults."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from eventsim import faults
from eventsim.models import digits
from eventsim.models.train.converted import trainable_from
from eventsim.models.train.hardware_aware import HardwareAware
from eventsim.models.train.loop import fit
from eventsim.models.train.network import TrainableNetwork
from eventsim.models.train.optimizers import Adam
from eventsim.models.train.spiking import spiking_network
from eventsim.models.train.training import Training, accuracy
from eventsim.models.train.windows import Fixed
from eventsim.simulate import simulate

SEEDS = (1, 2, 3)


def chip_of(sigma: float = 0.0, bits: int = 52, weights: Any = ()) -> list[Any]:
    """Synchronised layers, jitter, times of few bits, and weights: always the same kinds, so that one loop serves."""
    return [*weights, faults.CompleteSum(), faults.Jitter(sigma), faults.TimeBits(bits)]


class Case(NamedTuple):
    """A network, its chip, windows of `length` times a quantile of its values, and what fine-tuning must bring."""

    network: str
    chip: list[Any]
    length: float
    gain: float
    quantile: float = 1.0
    rate: float = 2e-3
    epochs: int = 4


DENSE = "dense_network"
CASES = {
    "weights of 3 bits": Case("network", chip_of(weights=[faults.FakeQuantization(3)]), 1.5, 0.15),
    "weights of 2 bits": Case(DENSE, chip_of(weights=[faults.WeightQuantization(2)]), 1.5, 0.3),
    "times of 4 bits": Case(DENSE, chip_of(bits=4), 12.0, 0.15),
    "jitter": Case(DENSE, chip_of(sigma=1.0), 1.5, 0.09, rate=4e-3, epochs=9),
    "short windows": Case(DENSE, chip_of(), 1.0, 0.15, quantile=0.2),
    "several": Case(
        DENSE, chip_of(0.3, 3, [faults.WeightQuantization(2), faults.WeightNoise(of_largest=0.05)]), 1.5, 0.3
    ),
}


def converted(name: str, length: float, quantile: float) -> TrainableNetwork:
    """A trained network in windows that are `length` times a quantile of the values that its layers send."""
    network = trainable_from(getattr(digits, name)())
    for layer, sent in network.sent(digits.training_images()[0]):
        if layer in network.windows:
            network.windows[layer] = length * float(np.quantile(np.abs(sent[sent != 0]), quantile))
    return network


def judged(network: TrainableNetwork, given: list[Any], seed: int) -> float:
    """Accuracy on the test images, spike by spike."""
    x, labels = digits.test_images()
    run = simulate(spiking_network(network), x, faults=given, seed=seed, record="readout")
    return float(np.mean(run.readout.argmax(axis=1) == labels))


@pytest.mark.parametrize("what", CASES)
def test_fine_tuning_recovers_most_of_what_the_chip_costs(what: str) -> None:
    """Over three seeds of order, draws and chips: by a margin that is stated for each case, and half of the loss."""
    case = CASES[what]
    x, labels = digits.training_images()
    ideal = accuracy(converted(case.network, case.length, 1.0), *digits.test_images())
    shares = []
    for seed in SEEDS:
        network = converted(case.network, case.length, case.quantile)
        before = judged(network, case.chip, 1000 + seed)
        hardware = HardwareAware(case.chip, seed=seed)
        training = Training(network, Adam(case.rate), seed=seed, windows=Fixed(), hardware=hardware)
        fit(training, x, labels, case.epochs)
        after = judged(network, case.chip, 1000 + seed)
        assert after - before > case.gain, (seed, before, after)
        shares.append((after - before) / (ideal - before))
    assert np.mean(shares) > 0.5
