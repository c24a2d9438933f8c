"""What became of a converted network: a layer stands in the table or under what was folded, however it is named."""

from typing import Any

import numpy as np
import pytest

from eventsim import models
from eventsim.models.mapping.conversion import conversion
from eventsim.models.relu.carriers import ABOVE, BELOW
from eventsim.models.relu.coded_layers import coded_layers
from eventsim.models.relu.relu_network import AveragePool, BatchNorm, Conv, Dense, LeakyReLU, MaxPool, ReluNetwork

X = np.random.default_rng(0).random((5, 2, 4))
WEIGHT = np.array([[[0.75], [-1.5]], [[-0.5], [1.25]]])
ONE = np.ones(2)


def of(*layers: Any) -> Any:
    relu = ReluNetwork(layers, (2, 4))
    net = models.to_ttfs(relu, X)
    return net, relu, conversion(net, relu, X)


@pytest.mark.parametrize("name", ["conv", "block.0.conv", "block.0"])
def test_a_layer_that_is_a_population_is_not_folded_whatever_its_name_is(name: str) -> None:
    _, _, found = of(
        Conv(name, WEIGHT, ONE, False),
        BatchNorm("block.0.norm", ONE, 0 * ONE, ONE / 8, ONE, 0.0, True),
        Dense("last.one", np.ones((2, 8)), ONE, False),
    )
    assert [row.layer for row in found.rows] == ["input", name, "output"]
    assert found.folded == ["block.0.norm"]


def test_a_folded_layer_is_not_hidden_by_a_population_whose_name_begins_like_its_own() -> None:
    layers = (
        Conv("a", WEIGHT, ONE, False),
        AveragePool("a.mean", (2,), relu=True),
        Dense("", np.ones((2, 4)), ONE, False),
    )
    assert of(*layers)[2].folded == ["a"]


def test_rows_say_what_the_network_has() -> None:
    net, _, found = of(Conv("first", WEIGHT, ONE, True), MaxPool("", (2,)), Dense("", np.ones((2, 4)), ONE, False))
    assert [(row.layer, row.kind, row.neurons, row.synapses) for row in found.rows] == [
        ("input", "source", 8, 0), ("first", "ttfs_b1", 8, 16), ("pool1", "relay", 4, 8),
        ("output", "integrator", 2, 8),
    ]  # fmt: skip
    assert [row.window for row in found.rows] == [[float(t) for t in node.window or ()] for node in net.nodes]
    assert [row.spikes_per_neuron is None for row in found.rows] == [False, False, False, True]
    assert (found.calibration_samples, found.certified_samples) == (len(X), len(X))
    assert {row.layer: row.safe_window for row in found.rows if row.safe_window is not None} == models.certify(
        net, X
    ).safe_windows


def test_a_pool_of_each_stream_carries_a_part_of_the_pool_of_their_difference() -> None:
    net, relu, found = of(
        Conv("conv", WEIGHT, ONE / 4, False), LeakyReLU("leaky", np.array([0.25, 0.5])), MaxPool("pool", (2,)),
        Dense("", np.ones((2, 4)), ONE, False),
    )  # fmt: skip
    assert found.split == {"leaky": ["conv", "conv.negative"], "pool": ["pool", "pool.negative"]}
    layers = coded_layers(relu.streams(), np.float64)
    carriers = [layer.carries for layer in layers if layer.carries is not None]
    assert [(one.of, one.part) for one in carriers] == [
        ("leaky", ABOVE), ("leaky", BELOW), ("pool", ABOVE), ("pool", BELOW),
    ]  # fmt: skip
    assert [layer.after for layer in layers] == ["conv", "conv", "pool", "pool", "output"]
    assert [node.name for node in net.populations] == [layer.name for layer in layers]


def test_a_pool_carries_what_its_layer_gives_unless_a_batch_norm_was_before_it() -> None:
    norm = BatchNorm("norm", -ONE, ONE, ONE / 8, ONE)
    conv, pool, last = Conv("conv", WEIGHT, ONE, True), MaxPool("pool", (2,)), Dense("", np.ones((2, 4)), ONE, False)
    for layers, carried in (((conv, pool, last), "pool"), ((conv, norm, pool, last), None)):
        _, found, _ = coded_layers(ReluNetwork(layers, (2, 4)).streams(), np.float64)
        assert (None if found.carries is None else found.carries.layer) == carried
