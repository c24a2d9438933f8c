"""W2: recurrent integrate-and-fire network with delta synapses and Poisson noise, 1 s, exact spike times, one thread.

Against NEST's `iaf_psc_delta_ps` where it is installed (`make peers`, or ``pip install nest-simulator==3.10.0``): the
ratio of synaptic events a second, external ones included, both simulators in turn; against NEST and Brian2 on a grid,
where they are installed, which is no exact simulation; and spike for spike on one shared
replay. Timed: `simulate` with noise, sorting, and recording of all spikes of the cells; not building and compiling.
"""

import functools
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import brian_peer
import nest_peer
import numpy as np
import workloads
from nest_peer import FAITHFUL, FASTEST, REFRACTORY, NestPeer, available
from report import Row, in_turn, ratio, run_script

import eventsim

Array = np.ndarray[Any, Any]
CELLS = 1  # position of the population `cells`
TARGETS = {1_000: ">= 2", 4_000: "", 10_000: ">= 5"}


def check(run: eventsim.Run, synapses: workloads.Recurrent, duration: float) -> int:
    """Hold the counters of a run that recorded every spike against these; return its synaptic events."""
    nominal, visited = workloads.w2_counts(synapses, run.spikes, duration)
    assert run.counters["synaptic_events"] == nominal, (run.counters["synaptic_events"], nominal)
    assert run.counters["visited"] == visited, (run.counters["visited"], visited)
    assert run.n_spikes("cells") == np.count_nonzero(run.spikes["population"] == CELLS)
    return visited


def cells_alone(net: eventsim.Network) -> eventsim.Run:
    """What is timed: the spikes of the noise are not recorded, nor are they by the other simulators."""
    return eventsim.simulate(net, until=workloads.W2_DURATION, threads=1, record=["cells"])


def checked(net: eventsim.Network, synapses: workloads.Recurrent) -> tuple[eventsim.Run, int]:
    """A run as it is timed, held against one that recorded every spike, and its synaptic events."""
    timed, every = cells_alone(net), eventsim.simulate(net, until=workloads.W2_DURATION, threads=1)
    events = check(every, synapses, workloads.W2_DURATION)
    for name in ("spikes", "synaptic_events", "visited"):
        assert timed.counters[name] == every.counters[name], (name, timed.counters[name], every.counters[name])
    assert timed.spikes.tobytes() == every.spikes[every.spikes["population"] == CELLS].tobytes()
    return timed, events


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
    run = eventsim.simulate(net, eventsim.SpikeTimes([trains]), until=duration, threads=1)
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
    run = functools.partial(cells_alone, net)
    once, events = checked(net, synapses)
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


def measure_grid(n: int, rounds: int) -> list[Row]:
    """Against simulators that move every spike to a grid of 0.1 ms, which is not exact."""
    name = f"W2 recurrent, N = {n:,}"
    synapses = workloads.w2_synapses(n)
    net = workloads.w2_network(synapses)
    run = functools.partial(cells_alone, net)
    rows = []
    _, events = checked(net, synapses)
    if nest_peer.available():
        peer = NestPeer(synapses, brian_peer.GRID, precise=False)
        seconds, theirs = in_turn([run, functools.partial(peer.simulate, workloads.W2_DURATION)], rounds)
        found = ratio([s / peer.events(workloads.W2_DURATION) for s in theirs], [s / events for s in seconds])
        rows.append(Row(name, "events a second / NEST on a grid of 0.1 ms", found, "x", ">= 1" if n >= 10_000 else ""))
    if brian_peer.available():
        brian = brian_peer.BrianPeer(synapses, workloads.W2_DURATION)
        ours, others = [], []
        for _ in range(rounds):  # Brian2 measures itself, in wall time
            brian.simulate()
            others.append(brian.seconds / brian.events(workloads.W2_DURATION))
            (mine,) = in_turn([run], 1, time.perf_counter)
            ours.append(mine[0] / events)
        found = ratio(others, ours)
        what = "events a second / Brian2 (C++) on a grid of 0.1 ms"
        rows.append(Row(name, what, found, "x", ">= 1" if n >= 10_000 else ""))
    return rows


def measure_memory(n: int, duration: float = 100.0) -> list[Row]:
    """Resident memory of a network of n neurons that has run, in a process of its own, and the most it ever took."""
    child = [sys.executable, __file__, "--memory", str(n), str(duration)]
    found = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    name = f"W2 recurrent, N = {n:,}"
    return [
        Row(name, f"bytes a synapse, all in ({found['synapses']:,} synapses)", found["bytes_a_synapse"], "B", "<= 40"),
        Row(name, "most memory of the process", found["peak"] / 1e9, "GB", "<= 4"),
        Row(name, "synaptic events a second", found["events_a_second"] / 1e6, "10^6/s"),
    ]


def show_memory(n: int, duration: float) -> None:
    """What `measure_memory` reads: all that a network of n neurons adds to a process that has run a small one."""

    def resident() -> int:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return 1024 * int(status.split("VmRSS:")[1].split()[0])

    eventsim.simulate(workloads.w2_network(workloads.w2_synapses(100)), until=duration, threads=1, record=["cells"])
    before = resident()
    net = workloads.w2_network(workloads.w2_synapses(n))
    run = eventsim.simulate(net, until=duration, threads=1, record=["cells"])
    found = {
        "synapses": net.n_synapses,
        "bytes_a_synapse": (resident() - before) / net.n_synapses,
        "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "events_a_second": run.counters["visited"] / run.provenance["seconds"],
    }
    print(json.dumps(found))


def measure(size: str = "usual") -> list[Row]:
    """Networks of 1,000 and 4,000 neurons, if large also 10,000, and the memory of 100,000; then the shared replay."""
    rounds = {"quick": {1_000: 2}, "usual": {1_000: 9, 4_000: 5}, "large": {1_000: 9, 4_000: 5, 10_000: 3}}[size]
    rows = [row for n in rounds for row in measure_size(n, rounds[n])]
    rows += [row for n in rounds for row in measure_grid(n, rounds[n])] if size != "quick" else []
    rows += measure_memory(100_000) if size == "large" else []
    for resolution in (FAITHFUL, FASTEST) if available() else ():
        spikes, difference = replay(1_000, resolution)
        what = f"replay: all {spikes:,} spikes as NEST at {resolution} ms; largest difference"
        rows.append(Row("W2 recurrent, N = 1,000", what, difference, "ms", "<= 1e-9"))
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        show_memory(int(sys.argv[2]), float(sys.argv[3]))
    else:
        run_script(measure, __doc__)
