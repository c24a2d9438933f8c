"""Small networks of leaky neurons with exponential currents, their inputs, and their exact spikes.

tau_mem dV/dt = -V + I and tau_syn dI/dt = -I, a spike moves I by its weight, V >= 1 fires. Nothing but numpy and
eventsim: what published trainers make of these networks is in `trainers_torch` and `trainers_jax`.
"""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

import eventsim
import eventsim.models  # registers lif_exp
from eventsim import Dense, Network, Run, SpikeTimes

Array = np.ndarray[Any, Any]
UNTIL = 40.0
NEAR = 1.0  # spikes of a neuron that fires often are one if they are no farther apart
LADDER = tuple(10.0**-k for k in range(1, 10))  # how far a peak is above the threshold, or below it
WIDTHS = tuple(2.0**-k for k in range(-1, 10))  # how long a potential is above its threshold


class Case(NamedTuple):
    """A network and its inputs.

    Attributes
    ----------
    weights : a matrix (n_targets, n_sources) for each layer.
    back : weights (n, n) from the only layer to itself, with a delay of 1; None in most.
    trains : for each sample and input an increasing list of times.
    once : may a neuron fire once only?
    """

    name: str
    tau_mem: float
    tau_syn: float
    weights: tuple[Array, ...]
    trains: list[list[list[float]]]
    once: bool = True
    back: Array | None = None

    @property
    def names(self) -> list[str]:
        """Those of the layers."""
        return [f"layer{k + 1}" for k in range(len(self.weights))]

    @property
    def n_inputs(self) -> int:
        """How many inputs there are."""
        return int(self.weights[0].shape[1])


def response(tau_mem: float, tau_syn: float, t: Any) -> Any:
    """V at t > 0 after a spike of weight 1 at 0."""
    if tau_mem == tau_syn:
        return t / tau_mem * np.exp(-t / tau_mem)
    return tau_syn / (tau_mem - tau_syn) * (np.exp(-t / tau_mem) - np.exp(-t / tau_syn))


def peak_lag(tau_mem: float, tau_syn: float) -> float:
    """The time from a spike to the peak of its response."""
    if tau_mem == tau_syn:
        return tau_mem
    return tau_mem * tau_syn / (tau_mem - tau_syn) * math.log(tau_mem / tau_syn)


def chain(name: str, tau_mem: float, tau_syn: float) -> Case:
    """Three dense layers in which a neuron fires once."""
    rng = np.random.default_rng(1)
    height = response(tau_mem, tau_syn, peak_lag(tau_mem, tau_syn))
    sizes = (8, 10, 8, 6)
    weights = tuple(
        rng.normal(0.25, 0.6, (n_out, n_in)) / height / math.sqrt(n_in / 8) for n_in, n_out in itertools.pairwise(sizes)
    )
    trains = [[[float(t)] for t in rng.uniform(0.0, 15.0, 8)] for _ in range(12)]
    return Case(name, tau_mem, tau_syn, weights, trains)


def ties() -> Case:
    """The first layer of the chain with each neuron twice, driven at equal times."""
    rng = np.random.default_rng(2)
    height = response(10.0, 5.0, peak_lag(10.0, 5.0))
    first = np.repeat(rng.normal(0.3, 0.5, (5, 8)) / height, 2, axis=0)
    second = np.repeat(rng.normal(0.25, 0.4, (4, 10)) / height, 2, axis=0)
    trains = [[[float(t)] for t in rng.integers(0, 8, 8)] for _ in range(12)]
    return Case("ties", 10.0, 5.0, (first, second), trains)


def grazing() -> Case:
    """A peak that is above or below the threshold by a part of it: the ladder upwards, then downwards."""
    height = response(10.0, 5.0, peak_lag(10.0, 5.0))
    peaks = [1.0 + sign * part for sign in (1.0, -1.0) for part in LADDER]
    return Case("grazing", 10.0, 5.0, (np.array(peaks)[:, None] / height,), [[[1.0]], [[math.pi]]])


def early() -> Case:
    """A neuron is above its threshold for a short time, until inhibition comes: all inputs together keep it silent."""
    tau_mem, tau_syn, start = 10.0, 5.0, 1.0
    weight = 4.0 / response(tau_mem, tau_syn, peak_lag(tau_mem, tau_syn))
    low, high = 0.0, peak_lag(tau_mem, tau_syn)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if weight * response(tau_mem, tau_syn, middle) < 1.0 else (low, middle)
    n = len(WIDTHS)
    trains = [[[start], *([[start + high + width] for width in WIDTHS])]]
    return Case("early", tau_mem, tau_syn, (np.hstack((np.full((n, 1), weight), -6.0 * weight * np.eye(n))),), trains)


def between() -> Case:
    """Two inputs with a common peak at neither's own lag: in sample k it is just above the threshold of neuron k."""
    tau_mem, tau_syn = 10.0, 5.0
    gaps = np.linspace(0.5, 6.0, 12)
    grid = np.linspace(0.0, 30.0, 300_001)
    alone = response(tau_mem, tau_syn, grid)
    peaks = []
    for gap in gaps:
        second = np.where(grid > gap, response(tau_mem, tau_syn, np.maximum(grid - gap, 0.0)), 0.0)
        peaks.append((alone + second).max())
    weights = np.repeat(1.005 / np.array(peaks)[:, None], 2, axis=1)
    return Case("between", tau_mem, tau_syn, (weights,), [[[1.0], [1.0 + float(gap)]] for gap in gaps])


def busy(tau_mem: float = 10.0, tau_syn: float = 5.0) -> Case:
    """One layer that fires often; V := 0 after a spike, the current goes on."""
    rng = np.random.default_rng(4)
    weights = rng.normal(1.4, 1.0, (6, 5))
    trains = [[sorted(rng.uniform(0.0, 35.0, 12).tolist()) for _ in range(5)] for _ in range(4)]
    return Case("busy", tau_mem, tau_syn, (weights,), trains, once=False)


def recurrent() -> Case:
    """The same with weights from each neuron to each, a delay of 1."""
    rng = np.random.default_rng(5)
    weights, back = rng.normal(1.4, 1.0, (8, 5)), rng.normal(0.0, 0.8, (8, 8))
    trains = [[sorted(rng.uniform(0.0, 35.0, 8).tolist()) for _ in range(5)] for _ in range(4)]
    return Case("recurrent", 10.0, 5.0, (weights,), trains, once=False, back=back)


def cases() -> dict[str, Case]:
    """All networks by name."""
    made = [
        chain("chain", 10.0, 5.0), chain("chain, equal", 8.0, 8.0), chain("chain, 15 and 4", 15.0, 4.0),
        ties(), grazing(), early(), between(), busy(), recurrent(),
    ]  # fmt: skip
    return {case.name: case for case in made}


def exact(case: Case) -> Run:
    """The run of eventsim in float64, held against 50 digits in tests/test_trainers_networks.py."""
    net = Network()
    net.source(case.n_inputs, "input")
    before = "input"
    often = "once" if case.once else "many"
    for name, weights in zip(case.names, case.weights, strict=True):
        net.population("lif_exp", weights.shape[0], name, tau_mem=case.tau_mem, tau_syn=case.tau_syn, spikes=often)
        net.connect(before, name, Dense(weights))
        before = name
    if case.back is not None:
        net.connect(before, before, Dense(case.back), delay=1.0)
    return eventsim.simulate(net, SpikeTimes(case.trains), until=UNTIL, engine="reference")


Found = dict[str, list[list[list[float]]]]  # by layer: for each sample and neuron its spikes


def held(case: Case, found: Found, run: Run | None = None) -> eventsim.Comparison:
    """The exact run (a) against what a trainer found (b)."""
    trains = {name: SpikeTimes(samples) for name, samples in found.items()}
    return eventsim.compare(run or exact(case), trains, within=None if case.once else NEAR)
