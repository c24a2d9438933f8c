"""Counter-based randomness: published known answers, moments at 4 standard errors (fixed seeds), reproducibility."""

import math

import numpy as np
import pytest

import eventsim
from eventsim.randomness import exponential, normal, philox, stream_key, uniforms

N = 20_000


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers_of_its_authors(counter, key, expected):
    words = [np.uint64(word) for word in (*counter, *key)]
    assert tuple(int(word) for word in philox(*words)) == expected


def draws(sampler):
    key = np.uint64(stream_key(1, "test"))
    return np.array([sampler(key, np.uint64(k % 7), k % 11, k) for k in range(N)])


@pytest.mark.parametrize(
    ("sampler", "mean", "variance", "fourth"),
    [
        (lambda *a: uniforms(*a)[0], 1 / 2, 1 / 12, 1 / 80),
        (lambda *a: uniforms(*a)[1], 1 / 2, 1 / 12, 1 / 80),
        (normal, 0.0, 1.0, 3.0),
        (exponential, 1.0, 1.0, 9.0),
    ],
)
def test_moments_are_those_of_the_distribution(sampler, mean, variance, fourth):
    values = draws(sampler)
    assert abs(values.mean() - mean) < 4 * math.sqrt(variance / N)
    assert abs(((values - mean) ** 2).mean() - variance) < 4 * math.sqrt((fourth - variance**2) / N)


def test_streams_samples_neurons_and_numbers_are_independent_draws():
    key, other = np.uint64(stream_key(1, "a")), np.uint64(stream_key(1, "b"))
    base = uniforms(key, np.uint64(0), 0, 0)[0]
    others = [
        uniforms(other, np.uint64(0), 0, 0)[0], uniforms(key, np.uint64(1), 0, 0)[0],
        uniforms(key, np.uint64(0), 1, 0)[0], uniforms(key, np.uint64(0), 0, 1)[0],
    ]  # fmt: skip
    assert base == uniforms(key, np.uint64(0), 0, 0)[0]
    assert len({base, *others}) == 5


def test_a_poisson_source_does_not_depend_on_batches_or_threads():
    def run(**arguments):
        net = eventsim.Network()
        source = net.source(3, name="noise", generator=eventsim.Poisson([0.5, 1.0, 2.0]))
        net.connect(source, net.population("lif_delta", 3, name="cells", tau_mem=5.0), eventsim.OneToOne([0.6] * 3))
        return eventsim.simulate(net, until=50.0, **arguments).spikes

    together = run(sample_ids=[4, 5, 6], threads=2)
    alone = run(sample_ids=[5])
    mine = together[together["sample"] == 1]
    assert mine["time"].tolist() == alone["time"].tolist()
    assert mine["neuron"].tolist() == alone["neuron"].tolist()
    assert run(sample_ids=[5], seed=1)["time"].tolist() != alone["time"].tolist()
