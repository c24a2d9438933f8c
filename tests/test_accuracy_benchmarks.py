"""The benchmarks of accuracy run in their smallest versions, and say what is wrong where something is."""

import numpy as np
import pytest
import rare_spikes
import trained_networks

from eventsim import models
from eventsim.models.data import load
from eventsim.models.train import relu_network


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_an_image_that_is_decided_otherwise_is_named_with_its_lead() -> None:
    ours, theirs = np.array([[0.0, 1.0], [2.0, 1.0]]), np.array([[0.0, 1.0], [2.0, 2.5]])
    assert trained_networks.decided_otherwise(theirs, theirs) == []
    [found] = trained_networks.decided_otherwise(ours, theirs)
    assert found == "image 1: the largest output leads by 2.0e-01 of the spread of outputs"


def test_a_trained_network_decides_all_digits_as_its_trainer_does(capsys: pytest.CaptureFixture[str]) -> None:
    """The table has a line, whose numbers are asserted by the script itself."""
    trained_networks.main(["--quick", "--network", "dense"])
    head, rule, line = capsys.readouterr().out.splitlines()
    assert len(cells(head.replace("\\|", ""))) == len(rule.strip("|").split("|")) == len(cells(line))
    data, network, trainer, simulator, alike, *_ = cells(line)
    assert (data, network, trainer, alike) == ("digits", "dense", simulator, "100.00 % of 400")


def test_spikes_of_another_network_are_not_those_of_the_closed_form() -> None:
    """What is asserted can fail: one weight is off by a millionth."""
    data = load("digits")
    recipe = trained_networks.QUICK["dense"]._replace(epochs=1)
    network = trained_networks.trained(recipe, data)
    net = trained_networks.spiking(network, data)
    x = data.test.values(range(10))
    assert trained_networks.certified(net, network, x).worst <= 1
    network.parameters["dense1.bias"] += 1e-6
    assert models.verify(net, relu_network(network), x).ok is False
    assert trained_networks.certified(net, network, x).worst > 1


def test_spikes_are_counted_of_neurons_and_not_of_pools() -> None:
    data = load("digits")
    network = trained_networks.trained(trained_networks.QUICK["lenet5"]._replace(epochs=1), data)
    x = data.test.values(range(20))
    run = trained_networks.simulated(trained_networks.spiking(network, data), network, x)
    sent = [values != 0 for name, values in network.sent(x.astype(np.float32)) if name in network.windows]
    spikes, neurons = sum(int(one.sum()) for one in sent), sum(one.size for one in sent)
    assert run.spikes_per_neuron == spikes / neurons


@pytest.mark.slow
def test_a_cost_makes_spikes_rare(capsys: pytest.CaptureFixture[str]) -> None:
    rare_spikes.main(["--quick"])
    _, _, usual, rare = capsys.readouterr().out.splitlines()
    assert float(cells(usual)[2]) > 0.5
    assert float(cells(rare)[2]) < rare_spikes.RARE


@pytest.mark.references
def test_pairs_begin_alike_and_see_the_same_batches() -> None:
    """A training without a step leaves B1 and PyTorch's network with the same outputs; one of an epoch nearly so."""
    pytest.importorskip("torch")
    import paired_accuracy

    data = load("digits")
    x = data.test.values(dtype=np.float32)
    for epochs, near in ((0, 1e-5), (1, 1e-3)):
        recipe = paired_accuracy.RECIPES["digits"]._replace(epochs=epochs)
        ours = paired_accuracy.trained(recipe, data, "b1", 3).outputs(x)
        theirs = paired_accuracy.in_torch(recipe, data, 3)(x)
        assert np.abs(ours - theirs).max() <= near * np.ptp(theirs)
    assert paired_accuracy.difference([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 1.0, 1.0, 1.0, 1.0]) == "+2.00 ± 1.96"


@pytest.mark.references
def test_vgg_of_spike_times_follows_its_relu_twin() -> None:
    pytest.importorskip("torch")
    import vgg11_fine_tuning

    found = vgg11_fine_tuning.measured(vgg11_fine_tuning.Case(0.125, 5, 8, "float64"))
    assert found["apart"][5] <= 1e-11
    assert found["loss"] <= 1e-11
    assert found["held_out"]["relu"] == found["held_out"]["b1"]
