"""The networks, inputs and exact references that the benchmarks share.

W1 is a dense time-to-first-spike network in which every neuron spikes once, W2 a recurrent network of leaky
integrate-and-fire neurons driven by Poisson noise, W3 the hold model of an event queue. All parameters and seeds are
constants below, so that another simulator can be given the same numbers. Used by w1.py, w2.py and hold.py.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import eventsim

Array = np.ndarray[Any, Any]

# -- W1: dense, one spike a neuron ------------------------------------------------------------------------------------

W1_LAYERS = (784, 512, 512, 10)
W1_WEIGHT_MEANS = (0.0060, 0.0056, 0.0056)
W1_WEIGHT_DEVIATION = 0.020
W1_THRESHOLD = 1.0
W1_DELAY = 0.01
W1_HORIZON = 2.0  # spikes at t <= horizon count
W1_SAMPLES = 32
W1_WEIGHT_SEED, W1_INPUT_SEED = 20240601, 20240602


def w1_weights() -> list[Array]:
    """Gaussian weights (n_out, n_in) of each layer, drawn one layer after another."""
    random = np.random.default_rng(W1_WEIGHT_SEED)
    shapes = zip(W1_LAYERS[1:], W1_LAYERS[:-1], strict=True)
    return [
        mean + W1_WEIGHT_DEVIATION * random.standard_normal(shape)
        for mean, shape in zip(W1_WEIGHT_MEANS, shapes, strict=True)
    ]


def w1_inputs() -> Array:
    """Input spike times (n_samples, n_in), uniform in [0, 1)."""
    return np.random.default_rng(W1_INPUT_SEED).random((W1_SAMPLES, W1_LAYERS[0]))


def w1_network() -> eventsim.Network:
    """Source `input`, then populations `layer1`, `layer2`, … of linear-PSP neurons."""
    net = eventsim.Network()
    before: Any = net.source(W1_LAYERS[0], name="input")
    for number, weights in enumerate(w1_weights(), start=1):
        layer = net.population("linear_psp", len(weights), name=f"layer{number}", threshold=W1_THRESHOLD)
        net.connect(before, layer, eventsim.Dense(weights), delay=W1_DELAY)
        before = layer
    return net


def first_crossings(weights: Array, arrivals: Array) -> Array:
    """First t at which V(t) = sum_j w_ij max(0, t - arrival_j) reaches the threshold, for each row i; inf = never.

    V is linear between arrivals, so it is summed up to each of them; the crossing lies in the first stretch at whose
    end V is at or above the threshold. O(n_out n_in), exact but for rounding.
    """
    heard = np.flatnonzero(arrivals < math.inf)
    order = heard[np.argsort(arrivals[heard], kind="stable")]
    t = arrivals[order]
    slope = np.cumsum(weights[:, order], axis=1)
    potential = np.zeros_like(slope)
    potential[:, 1:] = np.cumsum(slope[:, :-1] * np.diff(t), axis=1)
    reached = np.empty(slope.shape, dtype=bool)
    reached[:, :-1] = potential[:, 1:] >= W1_THRESHOLD
    reached[:, -1] = slope[:, -1] > 0
    rows, stretch = np.arange(len(weights)), np.argmax(reached, axis=1)
    with np.errstate(divide="ignore"):
        crossing = t[stretch] + (W1_THRESHOLD - potential[rows, stretch]) / slope[rows, stretch]
    return np.where(reached.any(axis=1), crossing, math.inf)


def w1_reference(inputs: Array) -> list[Array]:
    """Spike times of every layer for one sample, by closed form; inf = silent."""
    times, layers = inputs, []
    for weights in w1_weights():
        times = first_crossings(weights, times + W1_DELAY)
        times = np.where(times <= W1_HORIZON, times, math.inf)
        layers.append(times)
    return layers


def w1_counts(inputs: Array, layers: list[Array]) -> tuple[int, int]:
    """Synaptic events of one sample: (nominal: every spike times its fan-out; visited: those that arrive in time)."""
    nominal = visited = 0
    for times, n_out in zip([inputs, *layers[:-1]], W1_LAYERS[1:], strict=True):
        nominal += n_out * int(np.count_nonzero(times < math.inf))
        visited += n_out * int(np.count_nonzero(times + W1_DELAY <= W1_HORIZON))
    return nominal, visited


# -- W2: recurrent, driven by noise; times in ms, potentials in mV ----------------------------------------------------

W2_EXCITATORY_SHARE = 0.8
W2_FROM_EXCITATORY, W2_FROM_INHIBITORY = 80, 20
W2_TAU, W2_THRESHOLD, W2_REFRACTORY = 20.0, 20.0, 2.0
W2_DELAY = 1.5
W2_WEIGHT, W2_INHIBITION, W2_EXTERNAL_WEIGHT = 0.5, 5.0, 2.0
W2_EXTERNAL_RATE = 0.6
W2_DURATION = 1000.0
W2_NETWORK_SEED, W2_EXTERNAL_SEED = 777, 778


@dataclass(frozen=True)
class Recurrent:
    """W2 with n neurons: synapse k goes from sources[k] to targets[k] with weights[k]."""

    n: int
    sources: Array
    targets: Array
    weights: Array

    @property
    def fan_out(self) -> Array:
        """Synapses from each neuron to others, (n,)."""
        return np.bincount(self.sources, minlength=self.n)


def w2_synapses(n: int) -> Recurrent:
    """Every neuron listens to 80 excitatory and 20 inhibitory neurons, drawn with replacement."""
    random = np.random.default_rng([W2_NETWORK_SEED, n])
    n_excitatory = int(n * W2_EXCITATORY_SHARE)
    excitatory = random.integers(0, n_excitatory, (n, W2_FROM_EXCITATORY))
    inhibitory = random.integers(n_excitatory, n, (n, W2_FROM_INHIBITORY))
    sources = np.hstack([excitatory, inhibitory]).ravel()
    in_degree = W2_FROM_EXCITATORY + W2_FROM_INHIBITORY
    weights = np.where(sources < n_excitatory, W2_WEIGHT, -W2_INHIBITION * W2_WEIGHT)
    return Recurrent(n, sources, np.repeat(np.arange(n), in_degree), weights)


def w2_trains(n: int, duration: float = W2_DURATION) -> list[Array]:
    """External spike times of each neuron, drawn once, for runs in which every simulator hears the same noise."""
    random = np.random.default_rng([W2_EXTERNAL_SEED, n])
    counts = random.poisson(W2_EXTERNAL_RATE * duration, n)
    return [np.sort(random.random(count) * duration) for count in counts]


def w2_network(synapses: Recurrent, poisson: bool = True, refractory: float = W2_REFRACTORY) -> eventsim.Network:
    """Source `noise` (a Poisson generator, or given trains), population `cells`, recurrent synapses."""
    n = synapses.n
    net = eventsim.Network(time_unit=1e-3)
    noise = net.source(n, name="noise", generator=eventsim.Poisson(W2_EXTERNAL_RATE) if poisson else None)
    cells = net.population("lif_delta", n, name="cells", tau_mem=W2_TAU, v_threshold=W2_THRESHOLD, t_ref=refractory)
    net.connect(noise, cells, eventsim.OneToOne(np.full(n, W2_EXTERNAL_WEIGHT)), delay=W2_DELAY)
    recurrent = eventsim.Sparse(synapses.sources, synapses.targets, synapses.weights)
    net.connect(cells, cells, recurrent, delay=W2_DELAY)
    return net


def w2_counts(synapses: Recurrent, spikes: Array, until: float) -> tuple[int, int]:
    """(nominal, visited) synaptic events of a run that recorded all spikes: noise is population 0, cells are 1."""
    fan_out = np.where(spikes["population"] == 0, 1, synapses.fan_out[spikes["neuron"]])
    return int(fan_out.sum()), int(fan_out[spikes["time"] + W2_DELAY < until].sum())


def rate_and_variation(neurons: Array, times: Array, n: int, duration: float) -> tuple[float, float]:
    """Spikes a neuron and second (times in ms), and the mean coefficient of variation of intervals.

    Only neurons with at least five intervals count for the second.
    """
    order = np.lexsort((times, neurons))
    who, when = neurons[order], times[order]
    same = who[1:] == who[:-1]
    intervals, owner = np.diff(when)[same], who[1:][same]
    count = np.bincount(owner, minlength=n)
    many = count >= 5
    mean = np.bincount(owner, intervals, n)[many] / count[many]
    square = np.bincount(owner, intervals * intervals, n)[many] / count[many]
    variation = np.sqrt(np.maximum(square - mean * mean, 0.0)) / mean
    return len(times) / n / duration * 1e3, float(variation.mean()) if many.any() else math.nan


# -- W3: hold model of an event queue ---------------------------------------------------------------------------------

W3_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
W3_SEED = 5
W3_INCREMENTS = 1 << 20


def w3_times(size: int) -> tuple[Array, Array]:
    """First times of the `size` entries, and a table of increments that is gone through in a circle."""
    random = np.random.default_rng(W3_SEED)
    return random.exponential(size=size), random.exponential(size=W3_INCREMENTS)
