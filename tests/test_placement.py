"""Placements: every neuron on one core, within limits counted synapse by synapse; what does not fit is said how."""

# mypy: disable-error-code="arg-type, list-item"

import copy
import dataclasses
import itertools
import json
import random
from typing import Any

import numpy as np
import pytest
from placed_networks import cells, core_map, counted, hops, line, random_network, relay_core, synapses

import eventsim
from eventsim import Conv, Dense, Network, Pool, Sparse
from eventsim.errors import PlacementError
from eventsim.hardware import reach
from eventsim.hardware.distances import manhattan, mesh, torus
from eventsim.hardware.expected_spikes import expected_spikes
from eventsim.hardware.greedy import core_traffic, expected_hops
from eventsim.hardware.limits import CoreLimits
from eventsim.hardware.placement import Slice
from eventsim.hardware.placing import place, place_as, place_by_hand
from eventsim.hardware.strategies import STRATEGIES, assigned, spiral_order, strategy

SEEDS = range(25)
MANY = mesh(20, 20)  # more cores than any of the random networks has neurons on
OPTIONS = [(pools, sources) for pools in ("receiver", "neurons") for sources in ("off-chip", "cores")]


def relays(net: Network, pools: str) -> set[str]:
    return {one.name for one in net.populations if one.model.relay} if pools == "receiver" else set()


def random_slices(net: Network, n_cores: int, seed: int, pools: str) -> list[Slice]:
    """Each neuron on some core, whatever that means."""
    draw = random.Random(seed)
    nodes = [node for node in net.populations if node.name not in relays(net, pools)]
    return [Slice(node.name, k, k, draw.randrange(n_cores)) for node in nodes for k in range(node.size)]


# -- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_fan_in_and_inputs_are_those_of_the_listed_synapses(seed):
    net, draw = random_network(seed), random.Random(seed)
    listed = synapses(net)
    for projection in net.projections:
        mine = [one for one in listed if one.projection == projection.order]
        n_sources, n_targets = projection.pre.size, projection.post.size
        ins = np.bincount([one.post[1] for one in mine], minlength=n_targets)
        assert reach.fan_in(projection).tolist() == ins.tolist()
        for _ in range(5):
            first = draw.randrange(n_targets)
            last = draw.randrange(first, n_targets)
            inputs = sorted({one.pre[1] for one in mine if first <= one.post[1] <= last})
            assert reach.Inputs(projection).of(first, last).tolist() == inputs
            assert reach.Inputs(projection).count(first, last) == len(inputs)
        allowed = np.array([draw.random() < 0.6 for _ in range(n_sources)])
        lowest = [
            min((one.pre[1] for one in mine if one.post[1] == k and allowed[one.pre[1]]), default=n_sources)
            for k in range(n_targets)
        ]
        assert reach.first_input(projection, allowed).tolist() == lowest


@pytest.mark.parametrize("seed", SEEDS)
def test_reached_cores_have_the_synapses_and_neurons_that_are_listed(seed):
    net, draw = random_network(seed), random.Random(seed)
    listed = synapses(net)
    for projection in net.projections:
        together = draw.choice((1, projection.post.size // projection.post.shape[0], projection.post.size))
        cores = np.array([draw.randrange(4) for _ in range(projection.post.size // together)]).repeat(together)
        found = reach.reached(projection, cores)
        mine = [one for one in listed if one.projection == projection.order]
        pairs = sorted({(one.pre[1], int(cores[one.post[1]])) for one in mine})
        there = [[one for one in mine if (one.pre[1], cores[one.post[1]]) == pair] for pair in pairs]
        assert list(zip(found.source.tolist(), found.core.tolist(), strict=True)) == pairs
        assert found.synapses.tolist() == [len(some) for some in there]
        assert found.neurons.tolist() == [len({one.post for one in some}) for some in there]


@pytest.mark.parametrize("pools", ["receiver", "neurons"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_loads_are_those_of_the_listed_synapses(seed, shared, pools):
    net = random_network(seed)
    limits = CoreLimits(weight_bits=5, shared_kernels=shared)
    placement = place_by_hand(net, random_slices(net, 5, seed, pools), mesh(5, 1), limits, pools=pools)
    expected = counted(net, core_map(placement, net), 5, relays(net, pools), shared)
    found = placement.loads
    assert {name: getattr(found, name).tolist() for name in expected} == expected
    assert found.memory is not None
    assert found.memory.tolist() == [5 * n for n in expected["synapses"]]


# -- pools ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pool_is_at_its_receivers_or_where_its_input_comes_from(seed):
    net = random_network(seed)
    for n_cores in (2, 4):
        placement = place_by_hand(net, random_slices(net, n_cores, seed, "receiver"), mesh(n_cores, 1))
        on = core_map(placement, net)
        inside, listed = relays(net, "receiver"), synapses(net)
        for neuron in on:
            if neuron[0] in inside:
                assert on[neuron] == relay_core(net, listed, on, neuron), neuron


@pytest.mark.parametrize("pools", ["receiver", "neurons"])
@pytest.mark.parametrize("seed", SEEDS[:20])
def test_packets_are_needed_where_a_target_is_on_another_core(seed, pools):
    net = random_network(seed)
    placement = place_by_hand(net, random_slices(net, 3, seed, pools), mesh(3, 1), pools=pools)
    on = core_map(placement, net)
    senders = {one.pre for one in synapses(net) if on[one.pre] != on[one.post]}
    for node in net.nodes:
        assert placement.packets(node.name).tolist() == [(node.name, k) in senders for k in range(node.size)]


def pooled(n_receivers: int = 1, delay: float = 0.0) -> Network:
    """Eight cells in one row, pools of two, pools of two of these, and cells that all of them reach."""
    net = Network()
    net.source((1, 8), "input")
    cells(net, (1, 8), "conv")
    net.population("relay", (1, 4), "first")
    net.population("relay", (1, 2), "second")
    cells(net, n_receivers, "output")
    net.connect("input", "conv", Conv(np.ones((1, 1, 1))))
    net.connect("conv", "first", Pool(2))
    net.connect("first", "second", Pool(2))
    net.connect("second", "output", Dense(np.ones((n_receivers, 2))), delay=delay)
    return net


def test_pools_of_pools_are_together_at_the_receiver():
    placement = place(pooled(), mesh(3, 1), CoreLimits(neurons=4))
    assert placement.cores("conv").tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert placement.cores("first").tolist() == [2, 2, 2, 2]
    assert placement.cores("second").tolist() == [2, 2]
    assert placement.packets("conv").all()
    assert not placement.packets("first").any()
    assert not placement.packets("second").any()
    assert placement.loads.neurons.tolist() == [4, 4, 1]
    assert placement.loads.relays.tolist() == [0, 0, 6]
    assert placement.loads.axons.tolist() == [4, 4, 8]  # of the pools only what feeds them


def test_pools_with_receivers_on_several_cores_are_where_their_input_comes_from():
    net = pooled(2)
    slices = [("conv", 0, 3, 0), ("conv", 4, 7, 1), ("output", 0, 0, 2), ("output", 1, 1, 3)]
    placement = place_by_hand(net, slices, mesh(4, 1))
    assert placement.cores("second").tolist() == [0, 1]
    assert placement.cores("first").tolist() == [0, 0, 1, 1]  # all targets of each are there
    assert placement.packets("second").all()
    assert not placement.packets("first").any()
    assert not placement.packets("conv").any()


def test_pools_as_neurons_take_places_and_their_fields_are_synapses():
    placement = place(pooled(), mesh(4, 1), CoreLimits(neurons=4), pools="neurons")
    assert placement.cores("first").tolist() == [2, 2, 2, 2]
    assert placement.cores("second").tolist() == [3, 3]
    assert placement.loads.neurons.tolist() == [4, 4, 4, 3]
    assert placement.loads.synapses.tolist() == [4, 4, 8, 6]
    assert [node.kind for node in placement.nodes] == ["source", "neurons", "pool", "pool", "neurons"]


def test_a_pool_that_only_sources_off_the_chip_feed_is_at_its_first_target():
    net = Network()
    net.source((1, 4), "input")
    net.population("relay", (1, 2), "pool")
    net.population("relay", (1, 1), "alone")
    cells(net, 2, "output")
    net.connect("input", "pool", Pool(2))
    net.connect("pool", "output", Dense(np.ones((2, 2))))
    net.connect("input", "alone", Pool(4))
    placement = place_by_hand(net, [("output", 0, 0, 2), ("output", 1, 1, 1)], mesh(3, 1))
    assert placement.cores("pool").tolist() == [2, 2]
    assert placement.packets("pool").tolist() == [True, True]
    assert placement.cores("alone").tolist() == [2]  # which leads nowhere: with the first neuron on the chip
    assert not placement.packets("alone").any()


def test_pools_in_a_circle_have_no_receiver():
    net = Network()
    for name in ("a", "b"):
        net.population("relay", 2, name)
    cells(net, 1, "cell")
    net.connect("a", "b", Dense(np.ones((2, 2))))
    net.connect("b", "a", Dense(np.ones((2, 2))), delay=1.0)
    with pytest.raises(PlacementError, match=r"relays a, b feed each other in a circle; must .* pools='neurons'"):
        place(net, mesh(2, 2))
    assert place(net, mesh(2, 2), pools="neurons").cores("b").tolist() == [0, 0]


# -- what a strategy cuts ---------------------------------------------------------------------------------------------


def random_limits(seed: int) -> CoreLimits:
    draw = random.Random(seed)
    given: dict[str, Any] = {"shared_kernels": draw.random() < 0.5, "weight_bits": 4}
    for name, low, high in (("neurons", 1, 30), ("synapses", 60, 300), ("memory", 240, 1200), ("axons", 55, 90)):
        if draw.random() < 0.5:
            given[name] = draw.randint(low, high)
    return CoreLimits(**given)


@pytest.mark.parametrize(("pools", "sources"), OPTIONS)
def test_spread_gives_every_core_an_equal_part_of_each_population(pools, sources):
    for seed in SEEDS:
        net = random_network(seed, pools=pools == "neurons")
        for n in (1, 2, 5, 16):
            placement = place(net, mesh(n, 1), CoreLimits(), "spread", pools=pools, sources=sources)
            for node in net.nodes:
                if node.name in relays(net, pools) or (isinstance(node, eventsim.Source) and sources == "off-chip"):
                    continue
                cores = placement.cores(node.name).tolist()
                unit = node.size // node.shape[0] if len(node.shape) > 1 and node.shape[0] >= n else 1
                assert cores == sorted(cores)
                assert all(len({*cores[k : k + unit]}) == 1 for k in range(0, node.size, unit))
                parts = [cores.count(core) // unit for core in range(n)]
                assert max(parts) - min(parts) <= 1


def test_spread_refuses_what_a_core_cannot_hold():
    with pytest.raises(PlacementError, match=r"core 1 .* needs 3 neurons; must be <= 2"):
        place(line(1, 5), mesh(2, 1), CoreLimits(neurons=2), "spread")


@pytest.mark.parametrize("name", ["linear", "by_layer", "spiral", "greedy"])
@pytest.mark.parametrize(("pools", "sources"), OPTIONS)
def test_what_strategies_find_is_whole_contiguous_and_within_limits(name, pools, sources):
    placed = 0
    for seed in SEEDS:
        net, limits = random_network(seed, pools=pools == "neurons"), random_limits(seed)
        try:
            placement = place(net, MANY, limits, name, pools=pools, sources=sources)
        except PlacementError as refused:
            assert "alone needs" in str(refused)  # noqa: PT017 - of a random limit, both may happen
            continue
        placed += 1
        inside = relays(net, pools)
        found = counted(net, core_map(placement, net), len(MANY), inside, limits.shared_kernels)
        for resource in ("neurons", "synapses", "axons"):
            assert max(found[resource]) <= (getattr(limits, resource) or 10**9)
        assert 4 * max(found["synapses"]) <= (limits.memory or 10**9)
        for node in net.nodes:
            cores = placement.cores(node.name)
            off = isinstance(node, eventsim.Source) and sources == "off-chip"
            assert ((cores == -1) if off else (cores >= 0)).all()
            if node.name not in inside:
                assert len({*cores.tolist()}) == 1 + np.count_nonzero(np.diff(cores))  # one slice a core
    assert placed > 10


def test_whole_channels_stay_together_where_a_core_holds_one():
    net = Network()
    net.source((1, 4), "input")
    cells(net, (5, 4), "conv")
    net.connect("input", "conv", Conv(np.ones((5, 1, 1))))
    cells(net, 3, "output")
    net.connect("conv", "output", Dense(np.ones((3, 20))))
    cores = place(net, mesh(3, 1), CoreLimits(neurons=11)).cores("conv")
    assert cores.reshape(5, 4)[:, 0].tolist() == [0, 0, 1, 1, 2]
    assert (cores.reshape(5, 4) == cores.reshape(5, 4)[:, :1]).all()
    # The first ones of `output` have room beside channel 4.
    assert place(net, mesh(3, 1), CoreLimits(neurons=11)).cores("output").tolist() == [2, 2, 2]


def test_a_channel_that_no_core_holds_is_cut_where_a_core_is_full():
    net = Network()
    net.source((1, 4), "input")
    cells(net, (2, 4), "conv")
    net.connect("input", "conv", Conv(np.ones((2, 1, 1))))
    assert place(net, mesh(3, 1), CoreLimits(neurons=3)).cores("conv").tolist() == [0, 0, 0, 1, 1, 1, 2, 2]


def test_by_layer_begins_each_population_on_a_core_of_its_own():
    net = line(2, 3, 3, 1)
    assert place(net, mesh(3, 1), CoreLimits(neurons=4), "by_layer").used.tolist() == [0, 1, 2]
    assert place(net, mesh(3, 1), CoreLimits(neurons=4)).cores("layer2").tolist() == [0, 1, 1]
    assert place(net, mesh(3, 1), CoreLimits(neurons=4), "by_layer").cores("layer2").tolist() == [1, 1, 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_core_is_left_only_when_the_next_part_has_no_room(seed):
    net = random_network(seed, pools=False)
    neurons = random.Random(seed).randint(2, 20)
    placement = place(net, MANY, CoreLimits(neurons=neurons))
    flat = [(core, node, k) for node in net.populations for k, core in enumerate(placement.cores(node.name).tolist())]
    for (core, _, _), (following, node, k) in itertools.pairwise(flat):
        if following != core:
            assert following == core + 1
            unit = node.size // node.shape[0]
            part = unit if k % unit == 0 and unit <= neurons else 1
            assert placement.loads.neurons[core] + part > neurons


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "needed"),
    [
        ({"neurons": 6}, "neurons"),
        ({"synapses": 4 * 4 + 2 * 4}, "synapses"),
        ({"memory": (4 * 4 + 2 * 4) * 3, "weight_bits": 3}, "memory"),
        ({"axons": 8}, "axons"),
    ],
)
def test_what_just_fits_on_one_core_fits_and_one_less_does_not(limits, needed):
    net = line(4, 4, 2)
    assert place(net, mesh(1, 1), CoreLimits(**limits)).used.tolist() == [0]
    less = {**limits, needed: limits[needed] - 1}
    with pytest.raises(PlacementError, match="Would do: 1 core more · cores of"):
        place(net, mesh(1, 1), CoreLimits(**less))
    with pytest.raises(PlacementError, match=r"placement: core 0 \(layer1 all, layer2 all\) needs"):
        place_by_hand(net, [("layer1", 0, 3, 0), ("layer2", 0, 1, 0)], mesh(1, 1), CoreLimits(**less))


def test_a_fan_in_at_the_limit_fits_and_one_more_does_not():
    assert place(line(4, 3, 2), mesh(1, 1), CoreLimits(fan_in=4)).used.tolist() == [0]
    with pytest.raises(PlacementError) as refused:
        place(line(4, 3, 2), mesh(1, 1), CoreLimits(fan_in=3))
    assert str(refused.value) == (
        "place: 'layer1': neuron 0 has a fan-in of 4 synapses; must be <= 3 (CoreLimits.fan_in). A limit of 4 would "
        "do, or split its inputs over 2 neurons."
    )


def test_a_refusal_for_cores_says_the_limit_the_layer_the_numbers_and_the_least_that_would_do():
    with pytest.raises(PlacementError) as refused:
        place(line(4, 10, 7), mesh(2, 1), CoreLimits(neurons=6, synapses=1000))
    assert str(refused.value) == (
        "place: 'layer2': 5 of its 7 neurons find no core: the network needs 3 cores of 6 neurons and 1,000 synapses, "
        "and there are 2; must fit. Would do: 1 core more · cores of 9 neurons."
    )
    with pytest.raises(PlacementError) as refused:
        place(line(4, 3, 3, 2), mesh(2, 1), CoreLimits(neurons=8), "by_layer")
    assert str(refused.value) == (
        "place: 'layer3': 2 of its 2 neurons find no core: the network needs 3 cores of 8 neurons, and there are 2; "
        "must fit. Would do: 1 core more · strategy='linear', which needs 1."
    )
    with pytest.raises(PlacementError, match="needs 3 cores for its populations, and there are 2"):
        place(line(4, 3, 3, 2), mesh(2, 1), strategy="by_layer")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            {"synapses": 3},
            (
                "place: 'layer1': neuron 0 alone needs 4 synapses; a core has 3 (CoreLimits.synapses), must "
                "hold it. Cores of 4 would do for it."
            ),
        ),
        (
            {"memory": 31, "weight_bits": 8},
            (
                "place: 'layer1': neuron 0 alone needs 32 bits of weights; a core has 31 "
                "(CoreLimits.memory), must hold it. Cores of 32 would do for it."
            ),
        ),
        (
            {"axons": 2},
            (
                "place: 'layer1': neuron 0 alone needs 4 axons; a core has 2 (CoreLimits.axons), must hold it. "
                "Cores of 4 would do for it."
            ),
        ),
    ],
)
def test_a_neuron_that_no_core_holds_is_named(limits, message):
    with pytest.raises(PlacementError) as refused:
        place(line(4, 3, 2), MANY, CoreLimits(**limits))
    assert str(refused.value) == message


@pytest.mark.parametrize("name", ["linear", "by_layer"])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_said_to_do_does_and_less_does_not(seed, name):
    net, draw = random_network(seed, pools=False), random.Random(seed)
    given = {"neurons": draw.randint(1, 8)} if seed % 2 else {"synapses": draw.randint(70, 100)}
    ((resource, limit),) = given.items()
    try:
        cores = place(net, MANY, CoreLimits(**given), name).used.size
    except PlacementError as refused:
        assert "alone needs" in str(refused)  # noqa: PT017
        return
    n = draw.randint(1, cores)
    if n == cores:
        assert place(net, mesh(n, 1), CoreLimits(**given), name).used.size == n
        return
    with pytest.raises(PlacementError) as error:
        place(net, mesh(n, 1), CoreLimits(**given), name)
    text = str(error.value)
    more = f"Would do: {cores - n} core{'s' if cores - n > 1 else ''} more"
    assert more in text
    place(net, mesh(cores, 1), CoreLimits(**given), name)
    with pytest.raises(PlacementError):
        place(net, mesh(cores - 1, 1), CoreLimits(**given), name)
    fitting = []
    for other in range(limit, 1000):
        try:
            place(net, mesh(n, 1), CoreLimits(**{resource: other}), name)
        except PlacementError:
            continue
        fitting.append(other)
        break
    if not fitting:
        assert "cores of" not in text.partition("Would do")[2]
    else:
        assert f"cores of {fitting[0]:,} {resource}" in text


def test_of_channels_of_any_size_the_limit_that_would_do_is_the_least_of_all():
    """It is found by halving, as if larger cores were never more; where channels are whole, that is not plain."""
    refused = 0
    for seed in range(300):
        draw, net = random.Random(seed), Network()
        for k in range(draw.randint(1, 4)):
            cells(net, (draw.randint(1, 6), draw.randint(1, 7)), f"layer{k}")
        given = draw.randint(1, 6)
        n = draw.randint(1, place(net, MANY, CoreLimits(neurons=given)).used.size)
        texts = []
        for neurons in itertools.count(given):
            try:
                place(net, mesh(n, 1), CoreLimits(neurons=neurons))
            except PlacementError as error:
                texts.append(str(error))
            else:
                break
        refused += bool(texts)
        assert all(f" cores of {neurons} neurons" in text.partition("Would do")[2] for text in texts)
    assert refused > 150


def test_kernels_that_are_shared_are_counted_once_a_core():
    net = Network()
    net.source((2, 6), "input")
    cells(net, (3, 4), "conv")
    net.connect("input", "conv", Conv(np.ones((3, 2, 3))))
    assert place(net, mesh(1, 1)).loads.synapses.tolist() == [3 * 4 * 6]
    assert place(net, mesh(1, 1), CoreLimits(shared_kernels=True)).loads.synapses.tolist() == [3 * 6]
    halves = place(net, mesh(6, 1), CoreLimits(neurons=2, shared_kernels=True))
    assert halves.loads.synapses.tolist() == [6] * 6
    assert place(net, mesh(1, 1), CoreLimits(synapses=18, shared_kernels=True)).used.size == 1
    with pytest.raises(PlacementError, match=r"needs 2 cores of 17 synapses.* cores of 18 synapses"):
        place(net, mesh(1, 1), CoreLimits(synapses=17, shared_kernels=True))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"neurons": 0}, "CoreLimits: neurons = 0; must be an integer >= 1. None is unlimited."),
        ({"fan_in": 2.0}, "CoreLimits: fan_in = 2.0; must be an integer >= 1."),
        ({"memory": 100}, "CoreLimits: memory = 100 bits without weight_bits; must know"),
        ({"shared_kernels": 1}, "CoreLimits: shared_kernels = 1; must be True or False"),
    ],
)
def test_limits_that_are_none_are_refused(given, message):
    with pytest.raises(PlacementError) as refused:
        CoreLimits(**given)
    assert message in str(refused.value)


def test_limits_say_what_is_not_the_default_and_are_read_back():
    limits = CoreLimits(neurons=256, memory=2**20, weight_bits=8, shared_kernels=True)
    assert repr(limits) == "CoreLimits(neurons=256, memory=1048576, weight_bits=8, shared_kernels=True)"
    assert CoreLimits.from_description(json.loads(json.dumps(limits.describe()))) == limits
    with pytest.raises(PlacementError, match="unknown limit 'neuron', did you mean 'neurons'"):
        CoreLimits.from_description({"neuron": 3})
    with pytest.raises(PlacementError, match=r"limits = 3; must be a dict of neurons"):
        CoreLimits.from_description(3)


def test_pools_at_receivers_bring_their_inputs_to_the_axons_of_a_core():
    net = pooled()
    slices = [("conv", 0, 7, 0), ("output", 0, 0, 1)]
    assert place_by_hand(net, slices, mesh(2, 1), CoreLimits(axons=8)).loads.axons.tolist() == [8, 8]
    with pytest.raises(PlacementError, match=r"needs 8 axons; must be <= 7 .*pools='neurons' may need fewer"):
        place_by_hand(net, slices, mesh(2, 1), CoreLimits(axons=7))


# -- where on the chip ------------------------------------------------------------------------------------------------


def test_the_spiral_goes_round_the_middle():
    assert spiral_order(mesh(3, 3)) == [4, 5, 8, 7, 6, 3, 0, 1, 2]
    # 0 1 2 3 is the lowest row; of the four in the middle the first is taken
    assert spiral_order(mesh(4, 4)) == [5, 6, 10, 9, 8, 4, 0, 1, 2, 3, 7, 11, 15, 14, 13, 12]
    assert spiral_order(mesh(1, 1)) == [0]
    assert spiral_order(mesh(5, 1)) == [2, 3, 1, 4, 0]


@pytest.mark.parametrize("n", [3, 5, 7])
def test_each_core_of_the_spiral_is_beside_the_one_before(n):
    where = mesh(n, n)[spiral_order(mesh(n, n))]
    assert np.abs(np.diff(where, axis=0)).sum(axis=1).tolist() == [1.0] * (n * n - 1)


def test_the_spiral_fills_from_the_middle():
    placement = place(line(1, 5), mesh(3, 3), CoreLimits(neurons=1), "spiral")
    assert placement.cores("layer1").tolist() == [4, 5, 8, 7, 6]


def test_distances_on_a_mesh_and_round_a_torus():
    a, b = np.array([0.0, 0.0]), np.array([[1.0, 0.0], [4.0, 0.0], [3.0, 2.0], [0.0, 0.0]])
    assert manhattan(a, b).tolist() == [1.0, 4.0, 5.0, 0.0]
    assert torus(5, 4)(a, b).tolist() == [1.0, 1.0, 4.0, 0.0]
    assert torus(5, 4)(b[1], a[None]).tolist() == [1.0]
    with pytest.raises(PlacementError, match="torus: width = 0; must be > 0"):
        torus(0, 4)


@pytest.mark.parametrize("chip", ["mesh", "torus", "row"])
@pytest.mark.parametrize("pools", ["receiver", "neurons"])
@pytest.mark.parametrize("seed", SEEDS)
def test_greedy_is_never_worse_than_linear_by_its_own_measure(seed, pools, chip):
    net, draw = random_network(seed), random.Random(seed)
    spikes = {node.name: np.array([draw.random() for _ in range(node.size)]) for node in net.nodes}
    limits = CoreLimits(neurons=draw.randint(2, 9))
    where = mesh(16, 16)
    if chip == "row":  # with no core to spare, where filling it in order is often best
        where = mesh(place(net, where, limits, pools=pools).used.size, 1)
    distance = torus(16, 16) if chip == "torus" else manhattan

    def apart(a: int, b: int) -> float:
        return float(distance(where[a], where[b][None])[0])

    cost = {}
    for name in ("linear", "greedy"):
        placement = place(net, where, limits, name, distance=distance, pools=pools, traffic=spikes)
        cores = {node.name: placement.cores(node.name) for node in net.nodes}
        cost[name] = expected_hops(net, cores, spikes, where, distance)
        assert cost[name] == pytest.approx(hops(net, core_map(placement, net), spikes, apart), rel=1e-12)
    assert cost["greedy"] <= cost["linear"] * (1 + 1e-12)


def test_greedy_puts_what_talks_side_by_side():
    net = Network()
    for name in ("a", "b", "c", "d"):
        cells(net, 1, name)
    for pre, post in (("a", "d"), ("d", "a"), ("b", "c")):
        net.connect(pre, post, Dense([[1.0]]), delay=1.0)
    placement = place(net, mesh(2, 2), CoreLimits(neurons=1), "greedy")
    core = {name: int(placement.cores(name)[0]) for name in "abcd"}
    where = mesh(2, 2)
    assert manhattan(where[core["a"]], where[core["d"]]) == 1.0
    assert manhattan(where[core["b"]], where[core["c"]]) == 1.0
    loud = place(net, mesh(4, 1), CoreLimits(neurons=1), "greedy", traffic={"b": 9.0})
    assert abs(int(loud.cores("b")[0]) - int(loud.cores("c")[0])) == 1


def test_traffic_counts_a_packet_for_each_other_core_and_nothing_off_the_chip():
    net = line(2, 2, 3)
    placement = place_by_hand(
        net, [("layer1", 0, 1, 0), ("layer2", 0, 1, 1), ("layer2", 2, 2, 2)], mesh(3, 1), pools="neurons"
    )
    cores = {node.name: placement.cores(node.name) for node in net.nodes}
    traffic = core_traffic(net, cores, expected_spikes(net, {"layer1": [2.0, 3.0]}), 3)
    assert traffic.tolist() == [[0.0, 5.0, 5.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_expected_spikes_are_those_of_a_run():
    net = Network()
    net.source(2, "input")
    cells(net, 2, "layer1")
    net.connect("input", "layer1", Dense(np.eye(2) * 100.0))
    x = eventsim.SpikeTimes([[[1.0], []], [[1.0], [2.0]]])
    run = eventsim.simulate(net, x, engine="reference")
    found = expected_spikes(net, run)
    assert {name: array.tolist() for name, array in found.items()} == {"input": [1.0, 0.5], "layer1": [1.0, 0.5]}
    first = expected_spikes(net, eventsim.simulate(net, x, engine="reference", record="first_spikes"))
    assert {name: array.tolist() for name, array in first.items()} == {"input": [0.75] * 2, "layer1": [0.75] * 2}
    assert place(net, mesh(2, 1), CoreLimits(neurons=1), "greedy", traffic=run).used.tolist() == [0, 1]
    with pytest.raises(PlacementError, match="traffic is a run of another network, with input, layer1"):
        expected_spikes(line(2, 3), run)


@pytest.mark.parametrize(
    ("traffic", "message"),
    [
        ({"layer": 1.0}, "traffic of unknown 'layer', did you mean 'layer2'"),
        ({"layer1": -1.0}, r"traffic\['layer1'\] has shape \(\), lowest -1.0; must be one number >= 0, or 3 of them"),
        ({"layer1": [1.0]}, r"traffic\['layer1'\] has shape \(1,\)"),
        (3, "traffic is a int; must be a Run or a dict"),
    ],
)
def test_traffic_that_is_none_is_refused(traffic, message):
    with pytest.raises(PlacementError, match=message):
        place(line(2, 3, 2), mesh(2, 2), traffic=traffic)


# -- strategies of others, placements by hand, and descriptions -------------------------------------------------------


def test_a_strategy_is_a_function_with_a_name_and_is_checked_like_any_other():
    @strategy("backwards")
    def backwards(job):
        return assigned(job.loads(), range(len(job.positions))[::-1])

    try:
        assert place(line(2, 2), mesh(2, 2), CoreLimits(neurons=1), "backwards").cores("layer1").tolist() == [3, 2]
    finally:
        del STRATEGIES["backwards"]
    named = place(line(2, 2), mesh(2, 2), CoreLimits(neurons=1), backwards)
    assert named.strategy == "backwards"
    with pytest.raises(PlacementError, match=r"core 0 \(layer1 all\) needs 2 neurons; must be <= 1"):
        place(line(2, 2), mesh(2, 2), CoreLimits(neurons=1), lambda job: [Slice("layer1", 0, 1, 0)])


@pytest.mark.parametrize(
    ("slices", "message"),
    [
        ([("layer1", 0, 2, 0)], "placement: 'layer1': neuron 3 has no core (1 of 4 have none); each must have one."),
        ([("layer1", 0, 3, 0), ("layer1", 2, 3, 1)], "placement: 'layer1': neuron 2 is on core 0 and on core 1; must"),
        ([("layer1", 0, 4, 0)], "placement: 'layer1': last = 4; must be an integer in 0..3."),
        ([("layer1", 0, 3, 2)], "placement: 'layer1': core = 2; must be an integer in 0..1. There are 2 cores."),
        ([("layer1", 0, 3, -1)], "placement: 'layer1': core = -1; must be an integer in 0..1. There are 2 cores."),
        ([("layer", 0, 3, 0)], "placement: unknown population 'layer', did you mean 'layer1'?; must be one of input"),
        ([("layer1", 0, 3)], "place_by_hand: ('layer1', 0, 3) is no slice; must be a Slice or (population, first,"),
        (
            [("layer1", 0, 3, 0), ("input", 0, 0, -2)],
            ("'input': core = -2; must be an integer in -1..1. There are 2 cores, and -1 is off the chip."),
        ),
        ([("layer1", 0, 3, 0), ("input", 0, 0, 1)], "placement: 'input': neuron 1 has no core (1 of 2 have none)"),
    ],
)
def test_placements_by_hand_that_are_none_are_refused(slices, message):
    with pytest.raises(PlacementError) as refused:
        place_by_hand(line(2, 4), slices, mesh(2, 1))
    assert message in str(refused.value)


@pytest.mark.parametrize("seed", SEEDS[:10])
@pytest.mark.parametrize(("pools", "sources"), OPTIONS)
def test_a_placement_is_what_its_description_says(seed, pools, sources):
    net = random_network(seed)
    placement = place(net, MANY, CoreLimits(neurons=5, weight_bits=3), "greedy", pools=pools, sources=sources)
    text = json.dumps(placement.describe())
    again = place_as(net, text)
    assert again == placement
    assert hash(again) == hash(placement)
    assert (str(again), again.strategy) == (str(placement), "greedy")
    assert all((again.packets(node.name) == placement.packets(node.name)).all() for node in net.nodes)
    assert copy.deepcopy(placement) == placement
    assert placement != place(net, MANY, CoreLimits(neurons=6, weight_bits=3), pools=pools, sources=sources)


def test_a_placement_holds_for_devices_of_its_network_and_for_no_other():
    net = line(3, 4, 2)
    placement = place(net, mesh(2, 1), CoreLimits(neurons=4))
    device = net.replace("input -> layer1", weights=np.full((4, 3), 0.5))
    placement.check(device)
    assert place_as(device, placement.describe()) == placement
    with pytest.raises(PlacementError, match=r"another network: this one has layer2 3, it lacks layer2 2; names"):
        placement.check(line(3, 4, 3))


def test_descriptions_that_are_none_are_refused():
    net = pooled()
    good = place(net, mesh(3, 1), CoreLimits(neurons=4)).describe()
    cases: list[tuple[Any, str]] = [
        ("{", r"is no JSON"),
        ([], "place_as: list; must be a dict of strategy, pools, limits"),
        ({"pools": "receiver"}, "place_as: pools; must be a dict of strategy"),
        ({**good, "populations": {"conv": [[0, 7]]}}, r"must be lists of \[first, last, core\] by name"),
        ({**good, "strategy": 3}, r"strategy = 3; must be"),
        ({**good, "pools": "receivers"}, "pools = 'receivers', did you mean 'receiver'"),
        ({**good, "positions": [[0, 0, 0]]}, r"positions have shape \(1, 3\); must be \(n_cores, 2\)"),
        ({**good, "positions": [[0, float("nan")]]}, r"positions\[0, 1\] = nan; must be finite"),
        ({**good, "limits": {"neurons": 3}}, r"core 0 \(conv 0..3\) needs 4 neurons; must be <= 3"),
        (
            {**good, "populations": good["populations"] | {"first": [[0, 3, 0]]}},
            (
                r"'first' is a pool, and its neuron 0 "
                "is said to be on core 0; with pools='receiver' it must be on core 2"
            ),
        ),
    ]
    for description, message in cases:
        with pytest.raises(PlacementError, match=message):
            place_as(net, description)
    without = {name: runs for name, runs in good["populations"].items() if name not in ("first", "second", "input")}
    assert place_as(net, {**good, "populations": without}).describe() == good  # what follows may be left out


def test_a_placement_cannot_be_written_to():
    placement = place(line(2, 3), mesh(2, 1))
    arrays = (placement.cores("layer1"), placement.packets("layer1"), placement.loads.neurons, placement.loads.axons)
    assert not any(array.flags.writeable for array in arrays)
    with pytest.raises(dataclasses.FrozenInstanceError):
        placement.pools = "neurons"  # type: ignore[misc]


def test_wrong_options_are_refused():
    net = line(2, 2)
    with pytest.raises(PlacementError, match="strategy = 'liner', did you mean 'linear'"):
        place(net, mesh(2, 2), strategy="liner")
    with pytest.raises(PlacementError, match=r"limits = \{'neurons': 3\}; must be CoreLimits. Give e.g."):
        place(net, mesh(2, 2), {"neurons": 3})
    with pytest.raises(PlacementError, match="distance = 3; must be a function of positions"):
        place(net, mesh(2, 2), distance=3)
    with pytest.raises(PlacementError, match="3 is no slice; must be a Slice or"):
        place(net, mesh(2, 2), strategy=lambda _: [3])
    with pytest.raises(PlacementError, match="mesh: height = 0; must be an integer >= 1"):
        mesh(2, 0)
    with pytest.raises(PlacementError, match="pools = 'none'; must be one of receiver, neurons"):
        place(net, mesh(2, 2), pools="none")
    with pytest.raises(PlacementError, match="sources = 'on'; must be one of off-chip, cores"):
        place(net, mesh(2, 2), sources="on")
    with pytest.raises(PlacementError, match="net is a network without populations; must be"):
        place(Network(), mesh(2, 2))
    with pytest.raises(PlacementError, match="net is a int"):
        place(3, mesh(2, 2))
    with pytest.raises(PlacementError, match="unknown population 'layer', did you mean 'layer1'"):
        place(net, mesh(2, 2)).cores("layer")


def test_sources_may_live_on_cores():
    placement = place(line(3, 2), mesh(2, 1), CoreLimits(neurons=4), sources="cores")
    assert placement.cores("input").tolist() == [0, 0, 0]
    assert placement.cores("layer1").tolist() == [0, 1]
    assert placement.loads.synapses.tolist() == [3, 3]
    assert placement.packets("input").tolist() == [True, True, True]


def test_the_table_says_where_everything_is():
    placement = place(pooled(), mesh(3, 1), CoreLimits(neurons=4, memory=64, weight_bits=2))
    assert repr(placement) == "Placement: 9 neurons on 3 of 3 cores (linear); off the chip: input"
    assert str(placement) == (
        "Placement: 9 neurons on 3 of 3 cores (linear); off the chip: input\n"
        "  core  x  y  neurons  synapses  memory  axons  pools  holds\n"
        "     0  0  0        4         4       8      4      ·  conv 0..3\n"
        "     1  1  0        4         4       8      4      ·  conv 4..7\n"
        "     2  2  0        1         2       4      8      6  output all; first (4); second (2)\n"
        "  of 4 neurons a core: core 0 has 4\n"
        "  of 64 bits of weights a core: core 0 has 8\n"
        "  first: 4 of 4 pools are at their receivers and need no packets\n"
        "  second: 2 of 2 pools are at their receivers and need no packets"
    )
    assert [row["neurons"] for row in placement.table()] == [4, 4, 1]
    assert placement.on_core(1) == [Slice("conv", 4, 7, 1)]


def test_synapses_of_a_sparse_projection_without_any_are_none():
    net = Network()
    cells(net, 3, "a")
    net.connect("a", "a", Sparse([], [], []))
    placement = place(net, mesh(2, 1), CoreLimits(neurons=2, axons=1, synapses=1))
    assert placement.cores("a").tolist() == [0, 0, 1]
    assert not placement.packets("a").any()
