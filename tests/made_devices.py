"""Networks that tests of device faults make devices of, and what they look at; no tests."""

import math
from fractions import Fraction
from typing import Any

import numpy as np

import eventsim
from eventsim import faults

N = 100_000  # draws; with fixed seeds, within four standard errors
WEIGHTS = np.random.default_rng(16).normal(size=(3, 4)).round(3)

manufacture: Any = faults.manufacture  # tests know which parts of a network are there


def net_of(kind: Any = None, delay: Any = 0.5, exact: bool = False) -> Any:
    """Four sources, three neurons of Rel-PSP, two of B1 behind them."""
    number = Fraction if exact else float
    weights = np.vectorize(number, otypes=[object if exact else float])(WEIGHTS)
    net = eventsim.Network()
    net.source(4, "input")
    net.population("linear_psp", 3, "hidden", threshold=number(1.0))
    net.population("ttfs_b1", 2, "late", (1.0, 2.0, 4.0), threshold=number(1.0))
    net.connect("input", "hidden", eventsim.Dense(weights) if kind is None else kind, delay)
    net.connect("hidden", "late", eventsim.Dense(weights[:2, :3]), delay)
    return net


def alone(weights: Any, **of_population: Any) -> Any:
    """One neuron that receives all these weights."""
    net = eventsim.Network()
    net.source(len(weights), "input")
    net.population("linear_psp", 1, "cell", **{"threshold": 1.0, **of_population})
    net.connect("input", "cell", eventsim.Dense([weights]))
    return net


def weights_after(fault: Any, weights: Any, seed: int = 1, sample_id: int = 0) -> Any:
    return manufacture(alone(weights), fault, seed, sample_id).projections[0].kind.weights[0]


def assert_moments(values: np.ndarray, mean: float, sd: float) -> None:
    """Mean and standard deviation of normal numbers, within four standard errors."""
    n = len(values)
    assert abs(values.mean() - mean) <= 4 * sd / math.sqrt(n)
    assert abs(values.std() - sd) <= 4 * sd / math.sqrt(2 * n)
