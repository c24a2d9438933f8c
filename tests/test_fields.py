"""Neurons with the inputs that they see: together they are the weights of all projections, and no larger than these."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import models
from eventsim.models.checking.fields import fields_of, projections_to
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)


def kinds(channels: int, length: int) -> dict[str, Any]:
    size = channels * length
    sources = np.repeat(np.arange(size), 3)
    targets = RNG.integers(0, size, len(sources))
    return {
        "conv": eventsim.Conv(RNG.normal(size=(channels, channels, 3)), padding=1),
        "groups of 2": eventsim.Conv(RNG.normal(size=(channels, 2, 3)), padding=(2,), dilation=2, groups=channels // 2),
        "groups of 3": eventsim.Conv(RNG.normal(size=(channels, 3, 1)), groups=channels // 3),
        "in place": eventsim.Conv(RNG.normal(size=(channels, 1, 1)), groups=channels),
        "one to one": eventsim.OneToOne(RNG.normal(size=size)),
        "sparse": eventsim.Sparse(sources, targets, RNG.normal(size=len(sources))),
        "dense": eventsim.Dense(RNG.normal(size=(size, size))),
    }


def network(*names: str, channels: int = 6, length: int = 5) -> Network:
    net = eventsim.Network()
    sources = [net.source((channels, length), f"in{i}", (0.0, 1.0)) for i in range(len(names))]
    neurons = net.population("ttfs_b1", (channels, length), "neurons", (0.0, 1.0, 4.0), threshold=2.5)
    for source, name in zip(sources, names, strict=True):
        net.connect(source, neurons, kinds(channels, length)[name])
    return net


@pytest.mark.parametrize(
    "names",
    [
        ("conv", "conv"),
        ("conv", "one to one"),
        ("conv", "in place"),
        ("in place",),
        ("in place", "groups of 2", "in place"),
        ("groups of 2", "groups of 3"),
        ("one to one", "groups of 3", "dense", "conv"),
        ("sparse", "conv"),
        ("sparse",),
        ("one to one",),
        ("dense", "dense"),
        ("sparse", "one to one"),
    ],
)
@pytest.mark.parametrize("length", [5, 50])
def test_fields_hold_every_synapse_once(names: tuple[str, ...], length: int) -> None:
    net = network(*names, length=length)
    neurons = net.populations[0]
    sizes = [projection.pre.size for projection in projections_to(net, neurons)]
    expected = np.zeros((neurons.size, sum(sizes)))
    for i, projection in enumerate(projections_to(net, neurons)):
        for source in range(projection.pre.size):
            targets, weights = projection.kind.synapses(source)
            np.add.at(expected[:, sum(sizes[:i]) + source], targets, weights)
    found = np.zeros_like(expected)
    seen = np.zeros(neurons.size, dtype=int)
    for field in fields_of(net, neurons):
        assert field.weights.dtype == np.longdouble
        assert len(set(field.inputs.tolist())) == len(field.inputs)
        found[np.ix_(field.neurons, field.inputs)] = field.weights
        seen[field.neurons] += 1
    assert (seen == 1).all()
    assert np.allclose(found, expected, rtol=0, atol=1e-15)


def test_two_convolutions_that_end_at_one_population_are_not_unrolled() -> None:
    """Each neuron sees 80 inputs; a matrix of all would have 8,192 × 16,384 numbers, 2 GB."""
    net = eventsim.Network()
    source = net.source((8, 32, 32), "in", (0.0, 1.0))
    neurons = net.population("ttfs_b1", (8, 32, 32), "neurons", (0.0, 1.0, 4.0), threshold=2.5)
    net.connect(source, neurons, eventsim.Conv(RNG.normal(0, 0.05, (8, 8, 3, 3)), padding=1))
    net.connect(source, neurons, eventsim.OneToOne(RNG.normal(size=neurons.size)))
    x = RNG.random((2, 8, 32, 32))
    tracemalloc.start()
    certificates = models.certify(net, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    run = eventsim.simulate(net, x)
    premature = run.spike_times("neurons") < 1.0
    assert (certificates.layers["neurons"].premature == premature).all()
