"""`verify` of trains of spikes: each neuron, of any model, is held against what it does with what it received."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import SpikeTimes, models
from eventsim.errors import InputError
from eventsim.models import train

INPUTS = SpikeTimes([[[0.0, 3.0, 9.0], [1.0, 4.5], [2.0, 6.25]], [[5.0], [0.5, 0.75, 7.0], []]])
UNTIL = 30.0


def mixed() -> eventsim.Network:
    """Leaky, integrating and delta neurons, with delays, inhibition, and projections that lead back."""
    draws = np.random.default_rng(3)
    net = eventsim.Network()
    net.source(3, "input")
    net.population("lif_exp", 4, "cells", tau_mem=10.0, tau_syn=5.0)
    net.population("if_exp", 3, "others", tau_syn=4.0)
    net.population("lif_delta", 2, "last", tau_mem=8.0)
    net.connect("input", "cells", eventsim.Dense(draws.uniform(1, 5, (4, 3))))
    net.connect("cells", "cells", eventsim.Dense(draws.uniform(-1, 1, (4, 4))), delay=1.5)
    net.connect("cells", "others", eventsim.Dense(draws.uniform(0.2, 0.6, (3, 4))), delay=0.25)
    net.connect("others", "last", eventsim.Dense(draws.uniform(0.3, 0.9, (2, 3))), delay=0.5)
    net.connect("last", "cells", eventsim.Dense(draws.uniform(-1, 0, (4, 2))), delay=2.0)
    return net


def trains_of(run: Any, names: tuple[str, ...] = ("cells", "others", "last")) -> dict[str, list[list[list[float]]]]:
    """All spikes of a run by population, sample and neuron."""
    found = {}
    for name in names:
        index = run.populations.index(name)
        mine = run.spikes[run.spikes["population"] == index]
        found[name] = [
            [
                mine["time"][(mine["sample"] == sample) & (mine["neuron"] == neuron)].tolist()
                for neuron in range(run.sizes[index])
            ]
            for sample in range(run.n_samples)
        ]
    return found


def given(trains: Any) -> dict[str, SpikeTimes]:
    return {name: SpikeTimes(one) for name, one in trains.items()}


def verified(trains: Any, **settings: Any) -> Any:
    return models.verify(mixed(), x=INPUTS, times=given(trains), until=UNTIL, engine="reference", **settings)


def ran() -> Any:
    return eventsim.simulate(mixed(), INPUTS, until=UNTIL, engine="reference")


def test_a_network_agrees_with_itself_to_the_last_bit() -> None:
    """Three models, recurrent: what each neuron does with what it received is what it did."""
    run = ran()
    trains = trains_of(run)
    assert all(len(spikes) for spikes in trains["cells"][0])
    found = verified(trains)
    assert found.ok
    assert found.same
    assert found.n_spikes[0] == sum(len(spikes) for one in trains.values() for rows in one for spikes in rows)
    assert "each neuron received the spikes of b" in found.notes


def test_a_wrong_spike_is_blamed_on_its_neuron_alone_though_all_behind_it_follows() -> None:
    """A trainer whose cell 2 fires late once: what that moves elsewhere is right, given what was received."""
    trains = trains_of(ran())
    late = trains["cells"][0][2][0] + 0.2
    # What the others do then, by a network in which cell 2 says so: its spikes come from a source.
    trains["cells"][0][2][0] = late
    for _ in range(60):  # each round is right up to a later time
        run = eventsim.simulate(driven(trains), {"input": INPUTS, **named(trains)}, until=UNTIL, engine="reference")
        now = trains_of(run)
        now["cells"][0][2][0] = late
        if now == trains:
            break
        trains = now
    else:
        pytest.fail("the rounds do not settle")
    found = verified(trains)
    assert not found.ok
    assert found.differences[["population", "neuron", "sample"]].tolist() == [("cells", 2, 0)]
    assert found.differences["time_b"].tolist() == [late]
    blamed = eventsim.compare(ran(), given(trains)).differences
    assert len(blamed) > 4  # a run of its own blames what follows, too
    assert verified(trains, within=0.25).ok
    assert not verified(trains, within=0.1).ok


def driven(trains: Any) -> eventsim.Network:
    """The network by hand, each population driven by a source of given spikes."""
    net, by_hand = mixed(), eventsim.Network()
    by_hand.source(3, "input")
    for population in net.populations:
        by_hand.source(population.shape, f"of {population.name}")
        by_hand.population(population.model, population.shape, population.name, **population.parameters)
    for one in net.projections:
        pre = one.pre.name if one.pre.name == "input" else f"of {one.pre.name}"
        by_hand.connect(pre, one.post.name, one.kind, one.delay)
    return by_hand


def named(trains: Any) -> dict[str, SpikeTimes]:
    return {f"of {name}": SpikeTimes(one) for name, one in trains.items()}


def test_what_is_missed_and_what_is_invented_is_counted_by_population() -> None:
    trains = trains_of(ran())
    trains["last"][0][1] = trains["last"][0][1][:-1]
    trains["others"][1][0] = sorted([*trains["others"][1][0], 29.5])
    found = verified(trains, within=1e-9)
    assert not found.ok
    assert found.by_population["last"]["only_a"] == 1
    assert found.by_population["others"]["only_b"] == 1
    assert found.by_population["cells"]["different"] == 0  # a spike that comes 2 later, or not before the end


def test_fractions_are_held_to_fractions() -> None:
    """Exactly, by the reference engine whatever is asked for."""
    net = eventsim.Network()
    net.source(1, "input")
    net.population("linear_psp", 1, "a", threshold=Fraction(1))
    net.population("linear_psp", 1, "b", threshold=Fraction(1))
    net.connect("input", "a", eventsim.Dense([[Fraction(3)]]))
    net.connect("a", "b", eventsim.Dense([[Fraction(7)]]), delay=Fraction(1, 5))
    inputs = SpikeTimes([[[Fraction(1, 7)]]])
    run = eventsim.simulate(net, inputs, engine="reference", until=2)
    times = {name: run.spike_times(name) for name in ("a", "b")}
    assert times["a"].tolist() == [[Fraction(1, 7) + Fraction(1, 3)]]
    given = {name: SpikeTimes([[[one] for one in row] for row in array.tolist()]) for name, array in times.items()}
    assert models.verify(net, x=inputs, times=given, until=Fraction(2)).same
    given["b"] = SpikeTimes([[[times["b"][0, 0] + Fraction(1, 10**40)]]])
    found = models.verify(net, x=inputs, times=given, until=Fraction(2))
    assert found.differences["population"].tolist() == ["b"]


def test_first_spikes_of_time_to_first_spike_networks_are_trains_too_and_pools_may_be_left_out() -> None:
    network, images = train.trainable("conv2x3-pool2-3-2", (1, 4, 4)), np.random.default_rng(2).random((2, 1, 4, 4))
    train.initialise(network, 1)
    net = train.spiking_network(network, images)
    run = eventsim.simulate(net, images, engine="reference")
    times = {name: SpikeTimes(run.spike_times(name)) for name in ("conv1", "dense1")}
    found = models.verify(net, x=images, times=times, engine="reference")
    assert found.ok
    assert found.n_spikes[0] > 10


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"cell": []}, {}, "times has 'cell', did you mean 'cells'"),
        ({"last": None}, {}, "times lacks 'last', which sends to 'cells'"),
        ({"last": [[[1.0]]]}, {}, "times of 'last' is a list, and others are SpikeTimes"),
        ({}, {"x": None}, "neither times nor x has anything of source 'input'"),
        ({}, {"run": "a run"}, "relu or run with trains"),
        ({}, {"within": -1.0}, "within = -1"),
    ],
)
def test_what_is_refused(change: Any, settings: Any, message: str) -> None:
    times = given(trains_of(ran())) | change
    times = {name: one for name, one in times.items() if one is not None}
    with pytest.raises(InputError, match=message):
        models.verify(mixed(), **({"x": INPUTS, "times": times, "engine": "reference"} | settings))


def test_distances_are_of_trains_alone_and_other_models_are_told_of_them() -> None:
    with pytest.raises(InputError, match="within or until without trains"):
        models.verify(mixed(), x=INPUTS, within=1.0)
    with pytest.raises(InputError, match=r"population 'cells' is of model lif_exp.*eventsim\.SpikeTimes"):
        models.verify(mixed(), x=INPUTS)
