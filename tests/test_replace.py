"""Networks with one part replaced, and networks built again from the parts that they show."""

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import random_networks
import strategies
from hypothesis import given
from hypothesis import strategies as st

import eventsim
from eventsim import Conv, Dense, Network, OneToOne, Pool, Sparse, Steps
from eventsim.errors import ModelError, NetworkError
from eventsim.network.network_difference import network_parts
from eventsim.network.nodes import Source


def network():
    net = Network(time_unit=1e-3)
    net.source(4, name="input", value_range=(-1.0, 1.0))
    net.source(4, name="noise", generator=eventsim.Poisson(0.5))
    net.population("lif_delta", 4, name="E", tau_mem=20.0, reset="soft", current=Steps([0.0, 5.0], [0.0, 1.0]))
    net.population("lif_clocked", 4, name="clocked", period=0.5, decay=0.5, sees="next_step", comparator="strict")
    net.connect("input", "E", Dense(np.arange(16.0).reshape(4, 4)), delay=0.5)
    net.connect("noise", "E", OneToOne(0.5))
    net.connect("E", "E", Sparse([2, 0, 1], [1, 3, 0], [1.0, 2.0, 3.0], [1.5, 2.5, 0.5]))
    net.connect("E", "E", Sparse([0, 1], [1, 2], [0.1, 0.2]), delay=2.0)
    net.connect("E", "clocked", Dense(np.eye(4)))
    net.provenance["from"] = {"what": ["a test"]}
    return net


def rebuilt(net):
    """The network again, from nothing but what its parts show."""
    again = Network(net.time_unit)
    for node in net.nodes:
        if isinstance(node, Source):
            again.source(node.shape, node.name, node.window, node.value_range, node.generator)
        else:
            again.population(node.model, node.shape, node.name, node.window, **node.given)
    for one in net.projections:
        own = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
        placed = [own.pop(name) for name in ("order", "pre", "post", "kind", "delay")]
        again.connect(placed[1].name, placed[2].name, *placed[3:], **own)
    return again


def changed(before, after):
    """Which parts differ."""
    one, other = network_parts(before), network_parts(after)
    assert one.keys() == other.keys()
    return {name for name in one if not np.array_equal(one[name], other[name])}


FAMILIES = ("dense_ttfs", "recurrent_lif", "travelling", "recurrent_exponential", "clocked", "jumping", "mixed",
            "recurrent_glif", "convolutional")  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_a_network_is_built_again_from_what_it_shows(family, data):
    net = data.draw(getattr(strategies, family)()).net
    assert rebuilt(net).hash() == net.hash()


@pytest.mark.parametrize("number", range(60))
def test_nasty_networks_are_built_again_from_what_they_show(number):
    net = random_networks.case(number).net
    assert rebuilt(net).hash() == net.hash()
    parts: list[Any] = [*net.populations[:1], *net.projections[-1:]]
    for part in parts:
        same = {"window": part.window} if part in net.populations else {"projection": part.kind}
        assert net.replace(part, **same).hash() == net.hash()


def test_choices_are_taken_as_they_are_shown():
    clocked = network().node("clocked")
    assert clocked.given["sees"] == "next_step"
    again = Network().population("lif_clocked", 4, **clocked.parameters)
    assert {name: array.tolist() for name, array in again.parameters.items()} == {
        name: array.tolist() for name, array in clocked.parameters.items()
    }
    for wrong in (np.array([0.0, 1.0, 0.0, 0.0]), np.full(4, 7.0), np.full(4, 0.5), 1.0):
        with pytest.raises(ModelError, match=r"sees = .* must be one of same_step, next_step for the whole population"):
            Network().population("lif_clocked", 4, **{**clocked.parameters, "sees": wrong})


CHANGES: dict[str, Any] = {
    "E": [
        ({"v_threshold": 12.0}, {"v_threshold of 'E'"}),
        ({"v_threshold": [1.0, 2.0, 3.0, 4.0], "t_ref": 0.5}, {"v_threshold of 'E'", "t_ref of 'E'"}),
        ({"reset": "hard"}, {"reset of 'E'"}),
        ({"current": Steps([0.0, 7.0], [0.0, 1.0])}, {"current.times of 'E'"}),
    ],
    "input": [({"window": (0.0, 2.0)}, {"window of 'input'"}), ({"value_range": (0, 1)}, {"value_range of 'input'"})],
    "noise": [({"generator": eventsim.Poisson(2.0)}, {"rate of 'noise'"})],
    "input -> E": [
        ({"weights": np.ones((4, 4))}, {"weights of input -> E"}),
        ({"weights": 0.5, "delay": 3}, {"weights of input -> E", "delay of input -> E"}),
        ({"delay": Fraction(1, 3)}, {"delay of input -> E"}),
    ],
    "noise -> E": [({"weights": 0.25}, {"weights of noise -> E"})],
    "E -> E #1": [
        ({"weights": [7.0, 8.0, 9.0]}, {"weights of E -> E (projection 2)"}),
        ({"delays": [2.5, 1.25, 1.0]}, {"delays of E -> E (projection 2)"}),
        ({"delays": 0.75}, {"delays of E -> E (projection 2)"}),
    ],
    "E -> E #2": [
        ({"delay": 0.25}, {"delay of E -> E (projection 3)"}),
        ({"projection": Sparse([0, 1], [3, 2], [0.1, 0.2])}, {"targets of E -> E (projection 3)"}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "parts"), [(name, *one) for name, them in CHANGES.items() for one in them])
def test_one_part_is_replaced_and_nothing_else(name, changes, parts):
    net = network()
    new = net.replace(name, **changes)
    assert changed(net, new) == parts
    assert net.hash() == network().hash() != new.hash()
    assert new.provenance["from"] == {"what": ["a test"]}
    assert new.provenance["notes"] == [f"{name}: replaced {', '.join(changes)}"]
    assert "notes" not in net.provenance
    new.provenance["from"]["what"].append("changed")
    assert net.provenance["from"] == {"what": ["a test"]}


def test_the_parts_themselves_are_names_too_and_the_old_network_stays_open():
    net = network()
    new = net.replace(net.projections[3], weights=1.0).replace("E", t_ref=1.0)
    assert new.provenance["notes"] == ["E -> E #2: replaced weights", "E: replaced t_ref"]
    assert not net.frozen
    assert not new.frozen
    new.population("linear_psp", 1, name="more", threshold=1.0)


def test_delays_of_synapses_become_one_delay_and_the_other_way_round():
    net = network()
    one = net.replace("E -> E #1", delay=1.0).projections[2]
    assert one.kind.delays is None
    assert one.delay == 1.0
    own = net.replace("E -> E #2", delays=[1.0, 3.0]).projections[3]
    assert own.kind.delays.tolist() == [1.0, 3.0]
    dense = net.replace("E -> E #1", projection=Dense(np.eye(4)), delay=2.0).projections[2]
    assert (dense.delay, dense.kind.kind) == (2.0, "dense")


def test_another_model_keeps_the_parameters_that_both_have():
    new = network().replace("E", model="lif_exp", tau_syn=5.0, current=0.0)
    before, after = network().node("E"), new.node("E")
    assert after.model.name == "lif_exp"
    assert after.parameters["tau_mem"].tolist() == before.parameters["tau_mem"].tolist()
    assert new.provenance["notes"] == [
        "E: replaced model, tau_syn, current; left out, which the new model does not have: reset"
    ]


def test_parameters_of_receptors_are_replaced_as_they_were_given():
    net = Network()
    net.population("lif_exp", 2, "E", tau_mem=20.0, tau_syn={"ampa": 2.0, "gaba": 8.0})
    net.connect("E", "E", OneToOne(0.5), receptor="ampa", delay=1.0)
    new = net.replace("E", tau_syn={"ampa": 3.0, "gaba": 8.0})
    assert changed(net, new) == {"tau_syn_ampa of 'E'"}
    assert new.hash() == net.replace("E", tau_syn={"ampa": 3.0}).hash() == net.replace("E", tau_syn_ampa=3.0).hash()
    assert changed(net, net.replace("E", i_init={"gaba": 1.0})) == {"i_init_gaba of 'E'"}
    assert changed(net, net.replace("E -> E", receptor="gaba")) == {"receptor of E -> E"}
    with pytest.raises(ModelError, match="replace: E: tau_syn has an entry for 'nmda'; must be one of the receptors"):
        net.replace("E", tau_syn={"nmda": 3.0})


def test_a_plain_neuron_gets_receptors():
    net = Network()
    net.population("lif_exp", 2, "E", tau_mem=20.0, tau_syn=2.0)
    new = net.replace("E", tau_syn={"ampa": 2.0, "gaba": 8.0})
    assert new.populations[0].model.receptors == ("ampa", "gaba")
    assert new.provenance["notes"] == ["E: replaced tau_syn; left out, which the new model does not have: i_init"]


def test_weights_of_a_convolution_are_replaced_and_a_pool_has_none():
    net = Network()
    net.source((1, 5), name="input")
    net.population("ttfs_b1", (2, 4), "conv1", (0.0, 1.0, 2.0), threshold=1.0)
    net.population("relay", (2, 2), "pool1", (0.0, 1.0, 2.0))
    net.connect("input", "conv1", Conv(np.ones((2, 1, 2))))
    net.connect("conv1", "pool1", Pool(2))
    new = net.replace("input -> conv1", weights=np.full((2, 1, 2), 0.5))
    assert changed(net, new) == {"weights of input -> conv1"}
    with pytest.raises(NetworkError, match="conv1 -> pool1: Pool has no weights; must be something it has"):
        net.replace("conv1 -> pool1", weights=1.0)


REFUSED: dict[str, Any] = {
    "unknown": ("F", {"t_ref": 1.0}, r"unknown part 'F'.*; this network has input, noise, E, clocked, input -> E"),
    "near": ("input -> e", {"weights": 1.0}, "did you mean 'input -> E'"),
    "several": ("E -> E", {"weights": 1.0}, r"2 projections have these ends; .* 'E -> E #1', 'E -> E #2', numbered in"),
    "empty": ("", {"weights": 1.0}, "unknown part ''; this network has input, noise"),
    "no name": (3, {"weights": 1.0}, "3 is no part of this network"),
    "nothing": ("E", {}, "E: nothing to replace; must be given by name"),
    "of a population": ("E", {"v_th": 1.0}, "unknown parameter 'v_th', did you mean 'v_threshold'"),
    "a shape": ("E", {"shape": 5}, "lif_delta: unknown parameter 'shape'"),
    "a name": ("E", {"name": "F"}, "lif_delta: unknown parameter 'name'"),
    "of a source": ("noise", {"rate": 1.0}, "noise: rate.* is nothing it has; must be one of window, value_range, gen"),
    "of a projection": ("input -> E", {"weight": 1.0}, "weight, did you mean 'weights'. is nothing it has; must be"),
    "shape": ("input -> E", {"weights": [1.0, 2.0]}, r"weights have shape \(2,\); must be \(4, 4\), in the order"),
    "delays": ("input -> E", {"delays": 1.0}, "Dense has no delays; must be something it has"),
    "value": ("E", {"tau_mem": -1.0}, r"tau_mem\[0\] = -1.0; must be"),
    "lost": ("E -> E #1", {"projection": Dense(np.eye(4))}, "its synapses lose their own delays; must have one that"),
    "none": ("E -> E #1", {"delays": None}, "its synapses lose their own delays; must have one that is for all"),
    "no delay": ("input -> E", {"delay": None}, "delay = None; must be >= 0, a finite number"),
    "twice": (
        "E -> E #2",
        {"projection": Sparse([0], [0], [1.0], [1.0]), "delay": 2.0},
        "of their own; must be given once",
    ),
    "both": ("E -> E #1", {"delay": 0.7, "delays": [1.0, 2.0, 3.0]}, "delays of their own; must be given once"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_replaced_is_refused_in_words(what):
    name, changes, message = REFUSED[what]
    with pytest.raises((NetworkError, ModelError), match=message):
        network().replace(name, **changes)
