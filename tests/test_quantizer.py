"""Quantizers: ONNX's rounding, tie by tie; networks that have them."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from eventsim import models
from eventsim.errors import InputError, MappingError, NetworkError
from eventsim.faults import Clock, CompleteSum
from eventsim.models.relu.relu_network import Dense, Quantizer, ReluNetwork
from eventsim.simulate import simulate

HALF = Quantizer(0.5, -128, -128, 127)


def layer(weight: Any, bias: Any, relu: bool) -> Dense:
    return Dense("", np.array(weight), np.array(bias), relu)


def test_ties_go_to_even_and_what_is_beyond_saturates() -> None:
    given = [-1.0, 0.0, 0.25, 0.75, 1.25, 127.3, 127.6, 400.0]
    assert (HALF.codes(given) + 128).tolist() == [0, 0, 0, 2, 2, 255, 255, 255]
    assert HALF.range == (0.0, 127.5)
    assert HALF.cuts
    assert Quantizer(0.5, 3, -128, 127).codes([-70.0, -1.0, 70.0]).tolist() == [-128, 1, 127]


def test_exact_numbers_are_rounded_exactly() -> None:
    x = np.array([Fraction(1, 4), Fraction(3, 4), Fraction(3, 4) - Fraction(1, 10**30)], dtype=object)
    assert (HALF.codes(x) + 128).tolist() == [0, 2, 1]
    assert HALF.apply(x).tolist() == [0, 1, Fraction(1, 2)]


def test_a_quantizer_that_is_none_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"scale = 0\.0"):
        Quantizer(0.0, 0, -128, 127)
    with pytest.raises(NetworkError, match="must be a range with the zero point in it"):
        Quantizer(1.0, 200, -128, 127)
    with pytest.raises(InputError, match="no layer 'other'"):
        ReluNetwork([layer([[1.0]], [0.0], False)], quantizers={"other": HALF})


def network() -> ReluNetwork:
    """Two layers by hand: what the first gives is rounded to halves, up to 1.5; the inputs to quarters."""
    layers = [layer([[1.0, 1.0], [2.0, -1.0]], [0.0, 0.25], True), layer([[1.0, -1.0]], [0.0], False)]
    steps = {"input": Quantizer(0.25, 0, 0, 4), "dense1": Quantizer(0.5, 0, 0, 3)}
    return ReluNetwork(layers, quantizers=steps)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_spikes_are_rounded_as_the_forward_pass_is(engine: str) -> None:
    """Inputs (0.6, 0.3) are (0.5, 0.25); 0.75 is a tie and goes to 2 steps, 1.0; all by hand."""
    relu = network()
    x = [[0.6, 0.3], [1.0, 1.0], [0.1, 0.9], [1.0, 0.0]]
    assert dict(relu.activations(x))["dense1"].tolist() == [[1.0, 1.0], [1.5, 1.0], [1.0, 0.0], [1.0, 1.5]]
    assert relu.forward(x).tolist() == [[0.0], [0.5], [1.0], [-0.5]]
    net = models.to_ttfs(relu, x, windows="quantized")
    assert net.node("dense1").window == (0.0, 1.0, 2.5)
    faults = models.quantization_of(relu, net)
    assert faults[0] == CompleteSum(("dense1",))
    assert faults[1] == Clock(0.25, 0.0, "half_even", origin="t_max", past="drop", populations=("input",))
    run = simulate(net, x, faults=faults, engine=engine)
    assert run.spike_times("dense1").tolist() == [[1.5, 1.5], [1.0, 1.5], [1.5, np.inf], [1.5, 1.0]]
    assert run.readout.tolist() == relu.forward(x).tolist()


def test_quantizers_belong_to_the_hash_and_are_not_folded_away() -> None:
    from eventsim.models.relu.folded import fused
    from eventsim.models.relu.relu_network import parameter_hash

    relu = network()
    assert parameter_hash(relu) != parameter_hash(ReluNetwork(relu.layers))
    with pytest.raises(InputError, match="the network is quantised"):
        fused(relu)


def test_values_below_0_that_are_rounded_have_no_population() -> None:
    layers = [layer([[1.0]], [0.0], False), layer([[1.0]], [0.0], True), layer([[1.0]], [0.0], False)]
    relu = ReluNetwork(layers, quantizers={"dense1": Quantizer(0.5, 3, 0, 7)})
    with pytest.raises(MappingError, match="quantized layer"):
        models.to_ttfs(relu, [[0.5]], windows="quantized")
