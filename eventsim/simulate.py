"""`simulate`: the one entry to both engines.

Relies on every room of the engine. It checks the arguments, prepares the stages, hands batches of samples to threads
(compiled) or runs them one by one (reference), and puts the `Run` together.
"""

import math
import os
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from eventsim._jit import compile_report
from eventsim.checks import LARGEST_SEED, choice, flag, integer, integer_array, names, number, shown
from eventsim.engines.interruption import at_work
from eventsim.engines.recording import Recorder
from eventsim.engines.resumption import check_resumed
from eventsim.engines.run_state import RunState, digest_of
from eventsim.engines.stimulus import Inputs
from eventsim.engines.tables import COUNTERS, SPIKE, TRACE
from eventsim.engines.task import Task
from eventsim.errors import (
    BudgetError,
    FaultError,
    InputError,
    NetworkError,
    PrematureSpikeWarning,
    SimulationError,
    StorageError,
)
from eventsim.faults.contract import EmissionFault, applies_to
from eventsim.network import order
from eventsim.network.network import Network, Population, Source
from eventsim.network.network_difference import part_digests
from eventsim.progress import Progress
from eventsim.randomness import stream_key
from eventsim.run.provenance import provenance
from eventsim.run.run import Run
from eventsim.transport.contract import Transport

Array = np.ndarray[Any, Any]
ENGINES = ("compiled", "reference")
LEVELS = ("readout", "first_spikes", "spikes")
MEMORY = 2 * 1024**3
LARGEST_COUNT = 2**53


def simulate(
    net: Network,
    x: Any = None,
    engine: str = "compiled",
    record: Any = "spikes",
    until: Any = None,
    clip: bool = False,
    max_events: int | None = None,
    max_time: float | None = None,
    faults: Sequence[EmissionFault] = (),
    transport: Transport | None = None,
    seed: int = 0,
    sample_ids: Any = None,
    threads: int | None = None,
    error_bounds: bool = False,
    progress: bool = False,
    memory: int = MEMORY,
    stop: Mapping[str, int] | None = None,
    keep_state: bool = False,
    resume: Run | None = None,
) -> Run:
    """Simulate samples spike by spike and return the `Run`.

    Parameters
    ----------
    net : the network; it is frozen by its first use.
    x : values (n, *input shape), coded by the source; or `SpikeTimes`; a dict by source name if there are several.
    engine : "compiled", or "reference" (plain Python, also exact on Fractions). Both give the same bits.
    record : "readout" | "first_spikes" | "spikes"; a list of names: all spikes of these sources and populations, first
        spikes of all; or a dict {population: [neurons]}: spikes, and the membrane potential of these neurons.
    until : events at t < until are simulated. Needed with clocks and generators; None runs until nothing is left.
    clip : clip values outside the coded range (counted) instead of refusing them.
    max_events, max_time : budgets (events over all samples; seconds of wall time); `BudgetError` with the partial run.
    faults : emission faults, applied in their order. transport : how spikes travel, e.g. ``AerBus``.
    seed, sample_ids : randomness is a function of (seed, purpose, sample id, population, neuron, spike number).
    threads : samples run in parallel on this many threads (None: all cores); the result does not depend on it.
    error_bounds : carry a bound on the rounding error of each spike time (linear-PSP models).
    progress : show a progress bar.
    memory : bytes that recorded spikes, traces, first spikes and error bounds may each take in memory; what is more
        goes to a temporary file.
    stop : a dict {population: n}: a sample ends with the time at which one of these populations has sent n spikes in
        all; ``run.stop_times`` says when.
    keep_state : keep where each sample stands, packets in flight included, so that another call can go on.
    resume : a run with its state, on the same network, data, stages and seed: go on where it ended, and return a run
        of both parts, to the last bit that of one call (but for the number of queue operations).

    Raises
    ------
    InputError, NetworkError, FaultError
        Before anything runs.
    SimulationError
        A neuron firing twice at one time, a delay lost by rounding; ``error.run`` holds what was done.
    BudgetError
        A budget was used up; ``error.run`` holds what was done.
    StorageError
        A `BudgetError`: the disk has no room for what is recorded. ``error.run`` is None where nothing had begun.

    Warns
    -----
    PrematureSpikeWarning
        Once, where neurons of a mapped network (`eventsim.models.to_ttfs`, `ttfs_network`) fired before their window.
    """
    engine = choice("simulate", "engine", engine, ENGINES)
    progress = flag("simulate", "progress", progress)
    if threads is not None:
        threads = integer("simulate", "threads", threads, low=1, remedy="None uses all cores.")
    task = _check(
        net, x, record, until, clip, max_events, max_time, faults, transport, seed, sample_ids, error_bounds, memory
    )
    _check_parts(task, engine, stop, keep_state, resume)
    bar = task.progress = Progress(task.inputs.n_samples, task.until, progress)
    problem: tuple[type[SimulationError], str] | None
    if task.exact and engine == "compiled":
        raise InputError(
            "simulate: this network or its input holds Fractions, which the compiled engine cannot; allowed: float64. "
            'Use engine="reference".'
        )
    try:
        with at_work():
            if engine == "reference":
                from eventsim.engines.reference.engine import run_reference

                problem = run_reference(task, bar)
            else:
                problem = _run_compiled(task, _threads(threads, task), bar)
    finally:
        bar.close()
    run = _finish(task, engine, complete=problem is None)
    _warn_of_premature_spikes(run)
    if problem is not None:
        kind, message = problem
        raise (StorageError if kind is BudgetError and task.full else kind)(message, run)
    if task.full:  # only when all was done
        warnings.warn(f"simulate: {task.full}. All of this run is in memory now.", RuntimeWarning, stacklevel=2)
    return run


def _check(
    net: Network, x: Any, record: Any, until: Any, clip: bool, max_events: int | None, max_time: float | None,
    faults: Sequence[EmissionFault], transport: Transport | None, seed: int, sample_ids: Any, error_bounds: bool,
    memory: int,
) -> Task:  # fmt: skip
    if not isinstance(net, Network):
        raise InputError(f"simulate: net is a {type(net).__name__}; must be an eventsim.Network. Convert it first.")
    net.hash()
    if until is not None:
        remedy = "Events at t < until are simulated."
        until = number("simulate", "until", until, low=0, open_low=True, infinite=True, remedy=remedy)
    order.check_until(net, until)
    until = None if until == math.inf else until
    probes: dict[str, Array] = {}
    if isinstance(record, Mapping):
        probes, record = dict(_probe(net, name, chosen) for name, chosen in record.items()), "spikes"
    record, recorded = _recorded(net, record)
    none = "Leave it out for no budget."
    if max_events is not None:
        max_events = integer("simulate", "max_events", max_events, low=1, remedy=none)
    if max_time is not None:
        max_time = number("simulate", "max_time", max_time, low=0, open_low=True, infinite=True, remedy=none)
    seed = integer("simulate", "seed", seed, low=0, high=LARGEST_SEED, remedy="Equal seeds give equal draws.")
    memory = integer("simulate", "memory", memory, low=0, remedy="It is a number of bytes.")
    clip, error_bounds = flag("simulate", "clip", clip), flag("simulate", "error_bounds", error_bounds)
    faults = _check_stages(net, faults, transport, error_bounds)
    if until is None and transport is not None and transport.stations():
        raise NetworkError(
            f"simulate: until=None, but station {transport.stations()[0].name!r} of the transport wakes itself. Give "
            "until=, a time in the network's unit."
        )
    keys = np.zeros((len(faults), len(net.nodes), 2), dtype=np.uint64)
    for k, fault in enumerate(faults):
        for population in applies_to(fault, net):
            keys[k, population.order] = stream_key(seed, fault.name, k, population.name), 1
    inputs = Inputs(net, x, until, seed, sample_ids, clip)
    deadline = None if max_time is None else time.perf_counter() + max_time
    return Task(
        net, inputs, until, record, probes, faults, transport, seed, error_bounds, max_events, deadline,
        Recorder(SPIKE, memory), Recorder(TRACE, memory), keys, memory, recorded=recorded,
    )  # fmt: skip


def _recorded(net: Network, record: Any) -> tuple[str, tuple[str, ...]]:
    """The level of recording, and the sources and populations all of whose spikes are kept."""
    if isinstance(record, list | tuple):
        chosen = {net.node(name).name for name in names("simulate", "record", record)}
        if not chosen:
            raise InputError(
                'simulate: record = []; must name sources or populations. Give "first_spikes" or "readout" to keep '
                "less."
            )
        return "spikes", tuple(node.name for node in net.nodes if node.name in chosen)
    also = ", a list of populations, or a dict {population: [neurons]}"
    level = choice("simulate", "record", record, LEVELS, also=also)
    return level, tuple(node.name for node in net.nodes) if level == "spikes" else ()


def _check_parts(task: Task, engine: str, stop: Any, keep_state: Any, resume: Any) -> None:
    """When samples end early, and whether they go on from an earlier run or may be gone on with."""
    if stop is not None and not isinstance(stop, Mapping):
        raise InputError(
            f"simulate: stop = {shown(stop)}; must be a dict {{population: spikes}}, or None. Give e.g. "
            "{'output': 1}."
        )
    for name, count in (stop or {}).items():
        node = task.net.node(name)
        if not isinstance(node, Population) or not node.model.spiking:
            raise InputError(
                f"simulate: stop[{node.name!r}]: {node.name!r} is a source or does not spike; must be a spiking "
                "population. Name another."
            )
        task.stop[node.name] = integer(
            "simulate", f"stop[{node.name!r}]", count, low=1, high=LARGEST_COUNT, remedy="1 is the first spike."
        )
    task.keep_state = flag("simulate", "keep_state", keep_state)
    if resume is None:
        return
    if not isinstance(resume, Run):
        raise InputError(
            f"simulate: resume is a {type(resume).__name__}; must be a Run that was simulated with keep_state=True, or "
            "None."
        )
    check_resumed(resume, provenance(task, engine, 0.0, 0.0), task)
    task.begin_with(resume)


def _check_stages(
    net: Network, faults: Sequence[EmissionFault], transport: Transport | None, error_bounds: bool
) -> tuple[EmissionFault, ...]:
    """The faults as a tuple, once all stages are what they must be."""
    if not isinstance(faults, list | tuple):
        raise FaultError(
            f"simulate: faults = {shown(faults)}; must be a list of emission faults. Give e.g. "
            "faults=[eventsim.faults.Jitter(sigma)], or [] for none."
        )
    for fault in faults:
        if not isinstance(fault, EmissionFault):
            raise FaultError(
                f"simulate: {shown(fault)} is no emission fault; must be a value of one. Give e.g. "
                "eventsim.faults.Jitter(sigma)."
            )
    if transport is not None and not isinstance(transport, Transport):
        raise FaultError(
            f"simulate: {shown(transport)} is no transport; must be a value of one, or None. Give e.g. "
            "eventsim.transport.AerBus(service_time)."
        )
    if error_bounds:
        for population in net.populations:
            if population.model.bounded is None:
                raise InputError(
                    f"simulate: error_bounds=True, but {population.model.name} ({population.name!r}) carries no "
                    "rounding bound; available for ttfs_b1, ttfs_alpha1, linear_psp, integrator. Leave it False."
                )
        if net.exact:
            raise InputError(
                "simulate: error_bounds=True on a network of Fractions, which does not round. Leave it False."
            )
    return tuple(faults)


def _probe(net: Network, name: str, chosen: Any) -> tuple[str, Array]:
    """The population's name, and the neurons of it that are to be recorded, each once."""
    node = net.node(name)
    what = f"record[{node.name!r}]"
    if not isinstance(node, Population):
        raise InputError(
            f"simulate: {what} = {shown(chosen)}; must be neurons of a population (sources have no membrane). Choose "
            "others."
        )
    remedy = f"Give neuron indices of {node.name!r}."
    index = np.unique(integer_array("simulate", what, chosen, low=0, high=node.size - 1, remedy=remedy))
    if not index.size:
        raise InputError(f"simulate: {what} = {shown(chosen)}; must name at least one neuron. {remedy}")
    return node.name, index.astype(np.int64)


def _threads(threads: int | None, task: Task) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores if threads is None else threads, task.inputs.n_samples)


def _run_compiled(task: Task, threads: int, bar: Any) -> tuple[type[SimulationError], str] | None:
    """Hand batches of samples to threads; the first problem in the order of samples ends the run."""
    from eventsim.engines.compiled.engine import Worker, prepare

    prepared = prepare(task)
    task.start_clock()
    if task.max_events is not None:
        threads = 1  # a budget is used up in the order of samples
    n = task.inputs.n_samples
    batch = 1 if task.keep_state or task.resumed else max(1, min(64, n // (2 * threads)))
    ranges = [(low, min(low + batch, n)) for low in range(0, n, batch)]
    if threads == 1:
        worker = Worker(task, prepared)
        for low, high in ranges:
            problem = worker.run(low, high)
            bar.update(high - low)
            if problem:
                _carry_over(task, high)
                return problem
        return None
    problems: dict[int, tuple[type[SimulationError], str]] = {}
    lock, remaining = threading.Lock(), iter(ranges)

    def work(worker: Worker) -> None:
        while not problems and not task.interrupted:
            with lock:
                low, high = next(remaining, (n, n))
            if low == n:
                return
            problem = worker.run(low, high)
            bar.update(high - low)
            if problem:
                with lock:
                    problems[low] = problem
                    task.failed = min(problems)

    with ThreadPoolExecutor(threads - 1) as pool:  # this thread works too: schedulers spread those that are busy
        workers = [Worker(task, prepared) for _ in range(threads)]
        futures = [pool.submit(work, worker) for worker in workers[1:]]
        try:
            work(workers[0])
            for future in futures:
                future.result()
        except BaseException:
            task.interrupted = True  # the pool waits for its threads, which look here at every pause of the loop
            raise
    if not problems:
        return None
    first = min(problems)
    task.forget_after(first, first + batch)
    _carry_over(task, first + batch)
    return problems[first]


def _carry_over(task: Task, row: int) -> None:
    """Keep what the run that this one goes on with did of samples from `row` on, which this one did not come to."""
    if task.resumed is not None:
        task.restore(row)
        for sample in range(row, task.inputs.n_samples):
            task.carry_over(sample)


def _state_of(task: Task) -> RunState:
    return RunState(digest_of(task.inputs), task.states, task.reached, part_digests(task.net))


def _finish(task: Task, engine: str, complete: bool) -> Run:
    net = task.net
    totals = task.counters.sum(axis=0)
    by_population = {
        node.name: {name: int(totals[node.order, k]) for k, name in enumerate(COUNTERS)} for node in net.nodes
    }
    for source in net.sources:
        by_population[source.name]["clipped"] += task.inputs.clipped[source.name]
    counters: dict[str, Any] = {name: int(sum(c[name] for c in by_population.values())) for name in COUNTERS}
    for source in net.sources:  # their own spikes are told apart: the total counts what the network did
        counters["spikes"] -= by_population[source.name]["spikes"]
    counters |= {"events": task.events, "queue_operations": task.queue_operations, "by_population": by_population}
    if task.transport is not None:
        counters["transport"] = task.transport.report(task.transport_state)
    spikes = task.spikes.collect() if task.record == "spikes" else None
    waited = compile_report().ready_seconds - task.ready_before
    compiling = compile_report().seconds - task.compiled_before
    return Run(
        populations=[node.name for node in net.nodes],
        shapes=[node.shape for node in net.nodes],
        n_samples=task.inputs.n_samples,
        counters=counters,
        provenance=provenance(task, engine, time.perf_counter() - task.started - waited, compiling),
        windows={
            node.name: None if isinstance(node, Source) and node.generator is not None else node.window
            for node in net.nodes
        },
        complete=complete,
        _spikes=spikes,
        _first=task.first if task.record != "readout" else None,
        _errors=task.errors if task.error_bounds and task.record != "readout" else None,
        _traces=task.traces.collect() if task.probes else None,
        _readout=task.readout if task.readout.shape[1] else None,
        _exact=task.exact_times if task.exact else None,
        _recorder=(task.spikes, task.traces),
        _stopped=task.stopped if task.stop else None,
        _reached=np.where((task.reached > 0) | task.counters.any(axis=(1, 2)), task.reached, math.nan),
        _state=_state_of(task) if task.keep_state else None,
        _network=net,
    )


def _warn_of_premature_spikes(run: Run) -> None:
    """Say that a network that stands for values has carried wrong ones; whoever made it says how its outputs decide."""
    found = {name: counted["premature"] for name, counted in run.counters["by_population"].items()}
    found = {name: count for name, count in found.items() if count}
    if found and run.provenance["decision"] is not None:
        where = ", ".join(f"{count:,} in {name!r}" for name, count in found.items())
        spikes = "spike" if sum(found.values()) == 1 else "spikes"
        warnings.warn(
            f"simulate: {sum(found.values()):,} premature {spikes} ({where}): neurons fired before all of their inputs "
            "were there, so that they and what follows them carry wrong values; windows must be long enough for the "
            'data. Convert again with windows="calibrated" and these data among the calibration data, or with a '
            "larger margin; models.certify(net, x).safe_windows says how long windows must be.",
            PrematureSpikeWarning,
            stacklevel=3,
        )


__all__ = ["BudgetError", "simulate"]
