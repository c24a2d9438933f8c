"""`train.gradients` of ramps and pools, in Fractions: held against differences of exact rational runs.

Between events all is linear in thresholds, drifts, delays and input times, so that gradients by these *are* the
differences, digit by digit, as long as the order of events stays. By weights a spike time is a rational function, and a
central difference over 2^-55 is right to 30 digits.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from moved_networks import Direction, difference, given

import eventsim
from eventsim import Conv, Dense, Network, OneToOne, Pool, Run, Sparse
from eventsim.models import train

N_NETWORKS = 60
UNTIL = 100.0
TINY = Fraction(1, 10**28)


def fractions(random: np.random.Generator, low: float, high: float, shape: Any) -> np.ndarray:
    """Numbers over 997, which no sum of a few makes equal."""
    found = random.integers(round(low * 997), round(high * 997) + 1, shape)
    return np.array([Fraction(int(k), 997) for k in found.ravel()], dtype=object).reshape(found.shape)


def recurrent(seed: int) -> tuple[Network, list[list[Fraction]]]:
    """linear_psp neurons that reach each other over every kind of synapses and delays, and a pool behind them."""
    random = np.random.default_rng(seed)
    net, n, k = Network(), int(random.integers(3, 6)), 6
    source = net.source(3, "in")
    cells = net.population("linear_psp", n, "cells", threshold=fractions(random, 0.2, 2.0, n))
    last = net.population("linear_psp", n, "last", threshold=fractions(random, 0.2, 2.0, n))
    relays = net.population("relay", 2, "relays", count=[1, 2])
    net.connect(source, cells, Dense(fractions(random, -0.75, 1.5, (n, 3))), delay=Fraction(1, 3))
    ends, delays = random.integers(0, n, (2, k)), fractions(random, 0.1, 2.0, k)
    net.connect(cells, cells, Sparse(ends[0], ends[1], fractions(random, -1.0, 1.0, k), delays))
    net.connect(cells, last, Dense(fractions(random, -0.5, 1.0, (n, n))))
    net.connect(last, last, OneToOne(fractions(random, -1.0, 1.0, n)), delay=Fraction(2, 7))
    net.connect(last, relays, Dense(np.array([[Fraction(1)] * n] * 2, dtype=object)), delay=Fraction(1, 5))
    net.connect(relays, cells, Dense(fractions(random, -0.5, 0.5, (n, 2))), delay=Fraction(1, 7))
    return net, [[t] for t in fractions(random, 0.0, 2.0, 3).tolist()]


def windowed(seed: int) -> tuple[Network, list[list[Fraction]]]:
    """Convolution, pool, dense layer and read-out, in windows that are partly too short."""
    random = np.random.default_rng(seed)
    net = Network()
    source = net.source((2, 4, 4), "in", window=(0, 1))
    model = ("ttfs_b1", "ttfs_alpha1")[seed % 2]
    conv = Conv(fractions(random, -0.5, 0.6, (4, 1, 3, 3)), padding=(1, 0), stride=(2, 1), groups=2)
    shape = (4, 2, 2)
    slopes: dict[str, Any] = {}
    if model == "ttfs_alpha1":
        slopes = {"slope": 1 + np.repeat(conv.weights.reshape(4, -1).sum(axis=1), 4)}
    threshold = fractions(random, 0.1, 3.0, 16)
    threshold[0] = Fraction(-1, 3)  # fires at once
    hidden = net.population(model, shape, "hidden", window=(0, 1, 3), threshold=threshold, **slopes)
    pool = net.population("relay", (4, 1, 1), "pool", window=(0, 1, 3), count=int(1 + 3 * (seed % 3 == 0)))
    dense = fractions(random, -0.5, 0.75, (5, 4))
    if model == "ttfs_alpha1":
        slopes = {"slope": 1 + dense.sum(axis=1) + Fraction(1, 4)}  # of another synapse, below
    last = net.population(model, 5, "last", window=(1, 3, 6), threshold=fractions(random, 0.5, 5.0, 5), **slopes)
    out = net.population("integrator", 3, "out", window=(3, 6), drift=fractions(random, -1.0, 1.0, 3))
    net.connect(source, hidden, conv)
    net.connect(hidden, pool, Pool((2, 2)))
    net.connect(pool, last, Dense(dense))
    net.connect(source, last, Sparse([3] * 5, range(5), [Fraction(1, 4)] * 5), delay=Fraction(2, 3))
    net.connect(last, out, Dense(fractions(random, -1.0, 1.0, (3, 5))))
    net.connect(hidden, out, Dense(fractions(random, -1.0, 1.0, (3, 16))), delay=Fraction(5, 2))
    return net, [[t] if t < 1 else [] for t in fractions(random, 0.01, 1.2, 32).tolist()]


class Weighted:
    """A sum of first spike times and potentials times given numbers, of a run and of the oracle."""

    def __init__(self, run: Run, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.names = [name for name in run.populations if name not in ("in", "out")]
        fired = {name: (run.spike_times(name)[0] < math.inf).astype(bool) for name in self.names}
        self.by_times = {name: fractions(random, -1.0, 1.0, yes.shape) * yes for name, yes in fired.items()}
        self.by_readout = None if run.records.readout is None else fractions(random, -1.0, 1.0, run.readout.shape)

    def __call__(self, run: Run) -> train.Cotangents:
        times = {name: by[np.newaxis] for name, by in self.by_times.items()}
        return train.Cotangents(0.0, times, self.by_readout)

    def of_oracle(self, result: Any) -> Fraction:
        total = Fraction(0)
        for name, by in self.by_times.items():
            first = result.first(name)
            assert [t < math.inf for t in first] == [t < math.inf for t in self.times[name]]
            total += sum(w * t for w, t in zip(by.tolist(), first, strict=True) if t < math.inf)
        if self.by_readout is not None:
            total += sum(w * v for w, v in zip(self.by_readout[0].tolist(), result.readout["out"], strict=True))
        return total

    times: dict[str, list[Any]]


def simulated(net: Network, times: list[list[Any]], **options: Any) -> Run:
    all_options: dict[str, Any] = {"engine": "reference", "until": UNTIL, "progress": False} | options
    return eventsim.simulate(net, given(times), **all_options)


def compared(net: Network, times: list[list[Fraction]], seed: int, held: tuple[str, ...] = ()) -> tuple[Any, Any, Any]:
    """The derivative in a random direction by gradients and by the oracle, and the sizes of its terms."""
    run = simulated(net, times)
    loss, direction = Weighted(run, seed), Direction(net, times, seed, held)
    loss.times = {name: run.spike_times(name)[0].tolist() for name in loss.names}
    direction.read(run)
    got, size = direction.derivative(train.gradients(run, loss))
    return got, difference(net, times, UNTIL, direction, loss.of_oracle), size


@pytest.mark.parametrize("make", [recurrent, windowed])
@pytest.mark.parametrize("seed", range(N_NETWORKS))
def test_gradients_by_thresholds_delays_and_times_are_differences_of_exact_runs(make, seed):
    net, times = make(seed)
    got, wanted, _ = compared(net, times, seed, held=("weights",))
    assert isinstance(got, Fraction | int)
    assert got == wanted


@pytest.mark.parametrize("make", [recurrent, windowed])
@pytest.mark.parametrize("seed", range(N_NETWORKS))
def test_gradients_by_weights_are_differences_of_exact_runs(make, seed):
    net, times = make(seed)
    got, wanted, size = compared(net, times, seed)
    assert abs(got - wanted) <= TINY * size


@pytest.mark.parametrize("make", [recurrent, windowed])
def test_the_random_networks_have_neurons_that_spike_and_silent_ones(make):
    fired = np.concatenate([
        np.isfinite(simulated(*make(seed)).spike_times(name).astype(float)).ravel()
        for seed in range(N_NETWORKS) for name in (("cells", "last") if make is recurrent else ("hidden", "last"))
    ])  # fmt: skip
    assert 0.1 < fired.mean() < 0.9


def test_the_windows_hold_premature_forced_and_usual_spikes():
    runs = [simulated(*windowed(seed)) for seed in range(N_NETWORKS)]
    premature = sum(run.counters["premature"] for run in runs)
    assert premature > N_NETWORKS
    assert sum(run.counters["spikes"] for run in runs) > 2 * premature
    run = runs[0]
    assert train.gradients(run, Weighted(run, 0)).forced == 1


@pytest.mark.parametrize("make", [recurrent, windowed])
@pytest.mark.parametrize("seed", range(20))
def test_gradients_of_float64_runs_are_those_of_exact_ones(make, seed):
    net, times = make(seed)
    run = simulated(net, times)
    exact = train.gradients(run, Weighted(run, seed))
    plain = Network()
    for node in net.nodes:
        if isinstance(node, eventsim.Source):
            plain.source(node.shape, node.name, window=(float(node.window[0]), float(node.window[1])))
            continue
        given = {name: np.asarray(values, dtype=float) for name, values in node.given.items()}
        plain.population(node.model, node.shape, node.name, node.window and tuple(map(float, node.window)), **given)
    for one in net.projections:
        arrays = {name: getattr(one.kind, name) for name in ("weights", "delays") if hasattr(one.kind, name)}
        kind = one.kind
        if not isinstance(kind, Pool):
            floats = {name: None if a is None else a.astype(float) for name, a in arrays.items()}
            kind = type(kind)(kind.sources, kind.targets, **floats) if isinstance(kind, Sparse) else (
                Conv(floats["weights"], kind.stride, kind.padding, kind.dilation, kind.groups)
                if isinstance(kind, Conv) else type(kind)(floats["weights"])
            )  # fmt: skip
        own = getattr(kind, "delays", None) is not None
        plain.connect(one.pre.name, one.post.name, kind, delay=0.0 if own else float(one.delay))
    rounded = [[float(t) for t in train] for train in times]
    run = simulated(plain, rounded)
    found = train.gradients(run, Weighted(run, seed))
    for what in ("weights", "thresholds", "drifts", "inputs"):
        for name, values in getattr(exact, what).items():
            wanted = values.astype(float)
            nothing = 1e-12 * (1.0 + np.abs(wanted).max())
            assert getattr(found, what)[name] == pytest.approx(wanted, rel=1e-10, abs=nothing)


@pytest.mark.engine_small
@pytest.mark.parametrize("model", ["ttfs_b1", "linear_psp"])
def test_both_engines_have_the_same_gradients_bit_for_bit(model):
    random = np.random.default_rng(3)
    net = Network()
    window: dict[str, Any] = {"window": (0, 1, 4)} if model == "ttfs_b1" else {}
    source = net.source(6, "in")
    cells = net.population(model, 5, "cells", threshold=random.uniform(0.5, 5.0, 5), **window)
    net.connect(source, cells, Dense(random.normal(0.1, 0.5, (5, 6))), delay=0.125)
    times = [[t] for t in random.uniform(0.0, 0.9, 6).tolist()]
    runs = [simulated(net, times, engine=engine) for engine in ("reference", "compiled")]
    fired = np.isfinite(runs[0].spike_times("cells"))
    assert 0 < fired.sum() < fired.size
    one, two = (train.gradients(run, lambda _: train.Cotangents(0.0, {"cells": fired * 1.5})) for run in runs)
    assert one.weights["in -> cells"].tobytes() == two.weights["in -> cells"].tobytes()
    assert one.inputs["in"].tobytes() == two.inputs["in"].tobytes()
