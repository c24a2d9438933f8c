"""W1: dense time-to-first-spike network 784-512-512-10, every neuron spikes, against numpy's matrix-vector products.

The reference is the least that any simulator of this network must do: read every weight once (``h = W @ h``, float64,
one thread). A bare loop shows what event order alone costs: it is given all spike times, updates every potential at
every spike, in order, and does nothing else.
Timed: `simulate` on one thread, samples one after another, with encoding, sorting and read-out; not building and
compiling. Counts and spike times are held against the closed form before anything is printed.
"""

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import workloads
from report import Row, in_turn, ratio, run_script
from threadpoolctl import threadpool_limits

import eventsim
from eventsim._jit import kernel

Array = np.ndarray[Any, Any]
UNTIL = math.nextafter(workloads.W1_HORIZON, math.inf)  # until is exclusive, the horizon belongs to the run


def simulate(net: eventsim.Network, inputs: Array, threads: int = 1) -> eventsim.Run:
    """First spikes of every neuron, for input spike times (n_samples, n_in)."""
    times = eventsim.SpikeTimes(inputs)
    return eventsim.simulate(net, times, until=UNTIL, record="first_spikes", threads=threads)


def check(run: eventsim.Run, inputs: Array, copies: int = 1) -> int:
    """Hold a run on `copies` times `inputs` against the closed form; return its synaptic events."""
    nominal = visited = 0
    for sample, times in enumerate(inputs):
        layers = workloads.w1_reference(times)
        counts = workloads.w1_counts(times, layers)
        nominal, visited = nominal + counts[0], visited + counts[1]
        for number, expected in enumerate(layers, start=1):
            for found in run.spike_times(f"layer{number}")[sample :: len(inputs)]:
                both = expected < math.inf
                assert ((found < math.inf) == both).all(), f"sample {sample}, layer {number}: other neurons fire"
                error = np.abs(found[both] - expected[both]).max(initial=0.0)
                assert error <= 1e-12, f"sample {sample}, layer {number}: {error}"
    assert run.counters["synaptic_events"] == nominal * copies, (run.counters["synaptic_events"], nominal)
    assert run.counters["visited"] == visited * copies, (run.counters["visited"], visited)
    return visited * copies


def forward(inputs: Array) -> Callable[[], None]:
    """Numpy's forward pass, sample by sample, through the same weights."""
    weights = workloads.w1_weights()

    def call() -> None:
        for h in inputs:
            for matrix in weights:
                h = matrix @ h  # noqa: PLW2901 - the layers' chain

    return call


@kernel
def sweep(rows: Array, times: Array, order: Array, potential: Array, slope: Array, threshold: float) -> int:
    """Fold spikes in their order, row by row; count the potentials at threshold, so that nothing can be left out."""
    count = 0
    last = 0.0
    for spike in order:
        dt = times[spike] - last
        last = times[spike]
        for i in range(potential.size):
            potential[i] += slope[i] * dt
            slope[i] += rows[spike, i]
            count += potential[i] >= threshold
    return count


def bare_loop(inputs: Array) -> Callable[[], None]:
    """The same weights in event order, without an engine."""
    rows = [np.ascontiguousarray(weights.T) for weights in workloads.w1_weights()]
    spikes = [[times, *workloads.w1_reference(times)[:-1]] for times in inputs]

    def call() -> None:
        for layers in spikes:
            for row, times in zip(rows, layers, strict=True):
                state = np.zeros((2, row.shape[1]))
                sweep(row, times, np.argsort(times), state[0], state[1], workloads.W1_THRESHOLD)

    return call


def measure(size: str = "usual") -> list[Row]:
    """Events a second, time a sample, ratios to numpy and of two threads to one."""
    quick = size == "quick"
    inputs = workloads.w1_inputs()[: 4 if quick else None]
    copies = 2 if quick else 8
    many = np.tile(inputs, (copies, 1))
    net = workloads.w1_network()
    events = check(simulate(net, inputs), inputs)
    check(simulate(net, many, threads=2), inputs, copies)
    calls = [
        forward(inputs),
        lambda: simulate(net, inputs),
        lambda: [simulate(net, inputs[k : k + 1]) for k in range(len(inputs))],
        bare_loop(inputs),
    ]
    scaling = [lambda: simulate(net, many), lambda: simulate(net, many, threads=2)]
    rounds = 2 if quick else 9
    with threadpool_limits(1):
        numpy_forward, one_call, a_call_each, bare = in_turn(calls, rounds)
        one_thread, two_threads = in_turn(scaling, rounds, clock=time.perf_counter)
    per_sample = statistics.median(one_call) / len(inputs)
    least = statistics.median(numpy_forward) / len(inputs)
    name = "W1 dense"
    return [
        Row(name, "synaptic events a second", events / len(inputs) / per_sample / 1e9, "10^9/s", ">= 1.0"),
        Row(name, "time a sample", per_sample * 1e3, "ms"),
        Row(name, "numpy matrix-vector forward a sample", least * 1e3, "ms"),
        Row(name, "time / numpy", ratio(one_call, numpy_forward), "x", "<= 2.8"),
        Row(name, "time / numpy, one call a sample", ratio(a_call_each, numpy_forward), "x"),
        Row(name, "time / bare loop in event order", ratio(one_call, bare), "x"),
        Row(name, "bare loop / numpy", ratio(bare, numpy_forward), "x"),
        Row(name, "two threads / one", ratio(one_thread, two_threads), "x", ">= 1.8"),
    ]


if __name__ == "__main__":
    run_script(measure, __doc__)
