"""W2: recurrent integrate-and-fire network with delta synapses and Poisson noise, 1 s, exact spike times, one thread.

Against NEST's `iaf_psc_delta_ps` where it is installed (`make peers`, or ``pip install nest-simulator==3.10.0``): the
ratio of synaptic events a second, external ones included, both simulators in turn; and spike for spike on one shared
replay. Timed: `simulate` with noise, sorting, and recording of all spikes of the cells; not building and compiling.
"""

import functools
import statistics
from typing import Any

import numpy as np
import workloads
from nest_peer import FAITHFUL, FASTEST, REFRACTORY, NestPeer, available
from report import Row, in_turn, ratio, run_script

import eventsim

Array = np.ndarray[Any, Any]
CELLS = 1  # position of the population `cells`
TARGETS = {1_000: ">= 2", 4_000: "", 10_000: ">= 5"}


def check(run: eventsim.Run, synapses: workloads.Recurrent, duration: float) -> int:
    """Hold the counters of a run against its own spikes; return its synaptic events."""
    nominal, visited = workloads.w2_counts(synapses, run.spikes, duration)
    counted = run.counters["by_population"]["cells"]["synaptic_events"]
    assert counted == nominal, (counted, nominal)
    noise = run.counters["synaptic_events"] - counted
    assert noise == run.n_spikes("noise"), (noise, run.n_spikes("noise"))
    late = (
        run.counters["synaptic_events"] - run.counters["visited"] - (nominal - visited)
    )  # noise, on its way at the end
    assert 0 <= late < 2 * workloads.W2_EXTERNAL_RATE * workloads.W2_DELAY * synapses.n + 100, late
    assert run.n_spikes("cells") == len(run.spikes)
    return int(run.counters["visited"])


def cell_spikes(run: eventsim.Run) -> tuple[Array, Array]:
    """Neurons and times of the spikes of `cells`."""
    spikes = run.spikes[run.spikes["population"] == CELLS]
    return spikes["neuron"], spikes["time"]


def by_neuron(neurons: Array, times: Array) -> tuple[Array, Array]:
    """Sorted by neuron, then by time."""
    order = np.lexsort((times, neurons))
    return neurons[order], times[order]


def replay(n: int, resolution: float, duration: float = workloads.W2_DURATION) -> tuple[int, float]:
    """Both simulators hear the same noise: number of spikes, and the largest difference of a spike time in ms.

    eventsim is given the refractory period that NEST has at this resolution.
    """
    synapses, trains = workloads.w2_synapses(n), workloads.w2_trains(n, duration)
    net = workloads.w2_network(synapses, poisson=False, refractory=REFRACTORY[resolution])
    run = eventsim.simulate(net, eventsim.SpikeTimes([trains]), until=duration, threads=1, record=["cells"])
    check(run, synapses, duration)
    peer = NestPeer(synapses, resolution, trains)
    peer.simulate(peer.steps(duration))
    neurons, times = peer.spikes()
    found, expected = by_neuron(*cell_spikes(run)), by_neuron(neurons[times < duration], times[times < duration])
    assert len(found[0]) == len(expected[0]), f"{len(found[0])} spikes, NEST has {len(expected[0])}"
    assert (found[0] == expected[0]).all(), "other neurons fire in NEST"
    difference = float(np.abs(found[1] - expected[1]).max(initial=0.0))
    # NEST keeps a time as a step and an offset, which rounds otherwise than one number.
    assert difference <= 1e-9, f"spike times differ by {difference} ms"
    return len(found[0]), difference


def compare_statistics(n: int, run: eventsim.Run, peer: NestPeer, duration: float) -> None:
    """Rate and variation agree within what another noise makes of them (several times the spread over seeds)."""
    ours = workloads.rate_and_variation(*cell_spikes(run), n, workloads.W2_DURATION)
    theirs = workloads.rate_and_variation(*peer.spikes(), n, duration)
    assert abs(ours[0] / theirs[0] - 1.0) < 0.1, f"{ours[0]} spikes a second and neuron, NEST {theirs[0]}"
    assert abs(ours[1] / theirs[1] - 1.0) < 0.1, f"coefficient of variation {ours[1]}, NEST {theirs[1]}"


def measure_size(n: int, rounds: int) -> list[Row]:
    """Figures of one network size."""
    name = f"W2 recurrent, N = {n:,}"
    synapses = workloads.w2_synapses(n)
    net = workloads.w2_network(synapses)

    def run() -> eventsim.Run:
        return eventsim.simulate(net, until=workloads.W2_DURATION, threads=1, record=["cells"])

    once = run()
    events = check(once, synapses, workloads.W2_DURATION)
    if not available():
        (seconds,) = in_turn([run], rounds)
        return [Row(name, "synaptic events a second", events / statistics.median(seconds) / 1e6, "10^6/s")]
    rows = []
    for resolution in (FASTEST, FAITHFUL):
        peer = NestPeer(synapses, resolution)
        duration = peer.steps(workloads.W2_DURATION)
        seconds, theirs = in_turn([run, functools.partial(peer.simulate, duration)], rounds)
        compare_statistics(n, once, peer, duration)
        per_event = [s / events for s in seconds], [s / peer.events(duration) for s in theirs]
        if resolution == FASTEST:
            rows.append(Row(name, "synaptic events a second", 1e-6 / statistics.median(per_event[0]), "10^6/s"))
        at = f"NEST at {resolution} ms"
        rows.append(Row(name, f"{at}: synaptic events a second", 1e-6 / statistics.median(per_event[1]), "10^6/s"))
        target = TARGETS[n] if resolution == FASTEST else ""
        rows.append(Row(name, f"events a second / {at}", ratio(per_event[1], per_event[0]), "x", target))
    return rows


def measure(size: str = "usual") -> list[Row]:
    """Networks of 1,000 and 4,000 neurons, if large also 10,000; then the shared replay."""
    rounds = {"quick": {1_000: 2}, "usual": {1_000: 9, 4_000: 5}, "large": {1_000: 9, 4_000: 5, 10_000: 3}}[size]
    rows = [row for n in rounds for row in measure_size(n, rounds[n])]
    for resolution in (FAITHFUL, FASTEST) if available() else ():
        spikes, difference = replay(1_000, resolution)
        what = f"replay: all {spikes:,} spikes as NEST at {resolution} ms; largest difference"
        rows.append(Row("W2 recurrent, N = 1,000", what, difference, "ms", "<= 1e-9"))
    return rows


if __name__ == "__main__":
    run_script(measure, __doc__)
