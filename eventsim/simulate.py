"""`simulate`: the one entry to both engines.

Relies on every room of the engine. It checks the arguments, prepares the stages, hands batches of samples to threads
(compiled) or runs them one by one (reference), and puts the `Run` together.
"""

import os
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from eventsim._jit import compile_report
from eventsim.checks import choice, flag, integer
from eventsim.engines.devices import Devices
from eventsim.engines.fabric_records import carried, unaccounted
from eventsim.engines.interruption import at_work
from eventsim.engines.options import Options, checked_faults, checked_options, checked_seed, checked_transport
from eventsim.engines.problems import packets_unaccounted
from eventsim.engines.resumable import checked_changes, take_up
from eventsim.engines.run_state import RunState, digest_of
from eventsim.engines.stimulus import Inputs
from eventsim.engines.tables import COUNTERS
from eventsim.engines.task import Task
from eventsim.errors import (
    BudgetError,
    InputError,
    PrematureSpikeWarning,
    SimulationError,
    StorageError,
)
from eventsim.fabric.contract import Transport
from eventsim.faults.contract import Fault
from eventsim.faults.making import with_brought
from eventsim.network.network import Network, Source
from eventsim.network.network_difference import part_digests
from eventsim.progress import Progress
from eventsim.run.provenance import provenance
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]
ENGINES = ("compiled", "reference")
Problem = tuple[type[SimulationError], str]  # what ended a run
MEMORY = 2 * 1024**3
LARGEST_TRIALS = 2**31 - 1


def simulate(
    net: Network,
    x: Any = None,
    engine: str = "compiled",
    record: Any = "spikes",
    until: Any = None,
    clip: bool = False,
    max_events: int | None = None,
    max_time: float | None = None,
    faults: Fault | Mapping[str, Any] | str | Sequence[Fault | Mapping[str, Any] | str] = (),
    transport: Transport | None = None,
    seed: int = 0,
    sample_ids: Any = None,
    threads: int | None = None,
    error_bounds: bool = False,
    progress: bool | None = None,
    memory: int = MEMORY,
    stop: Mapping[str, int] | None = None,
    keep_state: bool = False,
    resume: Run | None = None,
    changes: str | Sequence[str] = (),
    trials: int | None = None,
) -> Run:
    """Simulate samples spike by spike and return the `Run`.

    Parameters
    ----------
    net
        The network; it is frozen by its first use.
    x
        Values, an array (n_samples, *input shape), coded by the source; or `SpikeTimes`; a dict of these by source name
        if there are several sources.
    engine
        Which engine runs: "compiled", or "reference" (plain Python, also exact on Fractions). Both give the same bits.
    record
        What is kept: "readout", "first_spikes" or "spikes"; a name or a list of names: all spikes of these sources and
        populations, first spikes of all; or a dict {population: neurons}: spikes, and the states of these neurons, with
        `neurons` a list, a slice or "all". Such a dict in the list, ``["E", {"I": [0, 1]}]``, keeps all spikes of E
        and I alone, and the states of two neurons of I.
    until
        Events at t < until are simulated. Needed with clocks and generators; None runs until nothing is left.
    clip
        Whether values outside the coded range are clipped (and counted) instead of refused.
    max_events, max_time
        Budgets: events over all samples, seconds of wall time. Where one is used up, `BudgetError` has the partial run.
    faults
        Faults, one or several, or their text forms, or the name of a preset (`eventsim.faults`). Those of devices and
        states make another network of the given one before anything runs; the others act in their order, where spikes
        leave and arrive.
    transport
        How spikes travel, e.g. ``AerBus``.
    seed, sample_ids
        Randomness is a function of (seed, purpose, sample id, population, neuron, spike number); `sample_ids` has the
        shape (n_samples,), None counts from 0.
    threads
        How many threads run samples in parallel (None: all cores); the result does not depend on it.
    error_bounds
        Whether a bound on the rounding error of each spike time is carried along (linear-PSP models).
    progress
        Whether it is shown how far the call is, on stderr or in the notebook, from half a second on; None: in terminals
        and notebooks.
    memory
        Bytes that recorded spikes, traces, first spikes and error bounds may each take in memory; what is more goes to
        a temporary file.
    stop
        A dict {population: n}: a sample ends with the time at which one of these populations has sent n spikes in all;
        ``run.stop_times`` says when.
    keep_state
        Whether the run keeps where each sample stands, packets in flight included, so that another call can go on.
    resume
        A run with its state, on the same network, data, stages and seed. The call goes on where that run ended, and
        returns a run of both parts, to the last bit that of one call (but for the number of queue operations).
    changes
        What may differ from the run to go on with, a name or several: "net", parameters and weights, which hold from
        where each sample stands on (``run.reached``); "x", source spikes from there on; "record", less than before,
        and membranes from there on.
    trials
        How many times one sample is simulated, each time with draws of its own: those of sample ids 0 to trials - 1, or
        of `sample_ids`. `x` has one sample or, where all sources are generators, none.

    Raises
    ------
    InputError, NetworkError, FaultError
        Before anything runs.
    SimulationError
        A neuron firing twice at one time, a delay lost by rounding; ``error.run`` holds what was done.
    DeadlockError
        A `SimulationError`: stations of the transport wait for each other, all of them full.
    BudgetError
        A budget was used up; ``error.run`` holds what was done.
    StorageError
        A `BudgetError`: the disk has no room for what is recorded. ``error.run`` is None where nothing had begun.

    Warns
    -----
    PrematureSpikeWarning
        Once, where neurons of a mapped network (`eventsim.models.to_ttfs`, `ttfs_network`) fired before their window.
    """
    with Progress(progress) as bar:
        engine, threads = checked_engine(engine, threads)
        net = checked_network(net)
        transport = checked_transport(transport, net)
        faults = with_brought(checked_faults(faults), net)
        devices = Devices(net, faults, checked_seed(seed))
        options = checked_options(
            devices.first, until=until, record=record, max_events=max_events, max_time=max_time, faults=faults,
            transport=transport, seed=seed, error_bounds=error_bounds, stop=stop, keep_state=keep_state, memory=memory,
        )  # fmt: skip
        may_differ = checked_changes(changes, resume)
        inputs = checked_inputs(devices.first, x, options, sample_ids, clip, trials)
        task = checked_task(devices, inputs, options, engine)
        if resume is not None:
            _go_on(task, engine, resume, may_differ)
        begun = float(np.min(resume.reached)) if resume is not None else 0.0
        bar.expect(task.inputs.n_samples, options.until, lambda: task.events, begun)
        task.progress = bar
        with at_work():
            problem = _run_reference(task, bar) if engine == "reference" else _run_compiled(task, threads, bar)
        problem = _unaccounted(task) or problem
        run = _finish(task, engine, complete=problem is None)
    _warn_of_premature_spikes(run)
    if problem is not None:
        kind, message = problem
        raise (StorageError if kind is BudgetError and task.outputs.full else kind)(message, run)
    if task.outputs.full:  # only when all was done
        warnings.warn(f"simulate: {task.outputs.full}. All of this run is in memory now.", RuntimeWarning, stacklevel=2)
    return run


def checked_engine(engine: Any, threads: Any) -> tuple[str, int | None]:
    """The engine and the number of threads, checked."""
    engine = choice("simulate", "engine", engine, ENGINES)
    if threads is not None:
        threads = integer("simulate", "threads", threads, low=1, remedy="None uses all cores.")
    return engine, threads


def checked_network(net: Any) -> Network:
    """A network, frozen from here on."""
    if not isinstance(net, Network):
        raise InputError(f"simulate: net is a {type(net).__name__}; must be an eventsim.Network. Convert it first.")
    net.hash()
    return net


def checked_inputs(net: Network, x: Any, options: Options, sample_ids: Any, clip: Any, trials: Any) -> Inputs:
    """The data of a call, checked."""
    clip = flag("simulate", "clip", clip)
    if trials is not None:
        trials = integer("simulate", "trials", trials, low=1, high=LARGEST_TRIALS, remedy="None is one of each sample.")
    inputs = Inputs(net, x, options.until, options.seed, sample_ids, clip, trials)
    inputs.move(options)
    return inputs


def checked_task(devices: Devices, inputs: Inputs, options: Options, engine: str) -> Task:
    """All of it as one call, where the engine can do it."""
    devices.share(inputs.sample_ids)
    task = Task(devices, inputs, options)
    if task.exact and engine == "compiled":
        raise InputError(
            "simulate: this network or its input holds Fractions, which the compiled engine cannot; allowed: float64. "
            'Use engine="reference".'
        )
    return task


def _go_on(task: Task, engine: str, resume: Any, changes: frozenset[str]) -> None:
    """Begin where an earlier run ended."""
    if not isinstance(resume, Run):
        raise InputError(
            f"simulate: resume is a {type(resume).__name__}; must be a Run that was simulated with keep_state=True, or "
            "None."
        )
    if task.devices.several and "net" in changes:
        raise InputError(
            "simulate: changes = 'net' with faults that make a device for each sample; must be faults of one chip. "
            'Give per="chip", or go on with the same network.'
        )
    take_up(resume, provenance(task, engine, 0.0, 0.0), task, changes)


def _threads(threads: int | None, task: Task) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores if threads is None else threads, task.inputs.n_samples)


def _run_reference(task: Task, bar: Any) -> Problem | None:
    from eventsim.engines.reference.engine import run_reference

    return run_reference(task, bar)


def _run_compiled(task: Task, most_threads: int | None, bar: Any) -> Problem | None:
    """Hand batches of samples to threads; the first problem in the order of samples ends the run."""
    from eventsim.engines.compiled.engine import Worker
    from eventsim.engines.compiled.preparing import prepare

    prepared, threads = prepare(task, 0), _threads(most_threads, task)
    task.start_clock()
    if task.options.max_events is not None:
        threads = 1  # a budget is used up in the order of samples
    n = task.inputs.n_samples
    batch = 1 if task.options.keep_state or task.resumption else max(1, min(64, n // (2 * threads)))
    ranges = task.devices.ranges(n, batch)
    if threads == 1:
        worker = Worker(task, prepared)
        for low, high in ranges:
            worker = worker.serving(low)
            problem = worker.run(low, high)
            bar.finished(low, high - low)
            if problem:
                task.carry_over(high)
                return problem
        return None
    problems: dict[int, Problem] = {}
    lock, remaining = threading.Lock(), iter(ranges)

    def work(worker: Worker) -> None:
        while not problems and not task.interrupted:
            with lock:
                low, high = next(remaining, (n, n))
            if low == n:
                return
            worker = worker.serving(low)
            problem = worker.run(low, high)
            bar.finished(low, high - low)
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
    last = next(high for low, high in task.devices.ranges(n, batch) if low == first)
    task.forget_after(first, last)
    task.carry_over(last)
    return problems[first]


def _unaccounted(task: Task) -> Problem | None:
    """Packets are conserved in every sample, however it ended; where they are not, that is what must be known first."""
    wrong = np.flatnonzero(unaccounted(task.outputs.fabric)).tolist()
    if not wrong:
        return None
    return SimulationError, packets_unaccounted(wrong[0], task.outputs.fabric[wrong[0]].tolist())


def _keeps_state(task: Task, complete: bool) -> bool:
    """Can another call go on? Not where parameters were to change and a sample has ended before."""
    return task.options.keep_state and (complete or not task.succeeds)


def _state_of(task: Task) -> RunState:
    return RunState(
        digest_of(task.inputs), task.outputs.states, task.outputs.reached, part_digests(task.net), task.outputs.sent
    )


def _finish(task: Task, engine: str, complete: bool) -> Run:
    net, options, outputs = task.net, task.options, task.outputs
    totals = outputs.counters.sum(axis=0)
    by_population = {
        node.name: {name: int(totals[node.order, k]) for k, name in enumerate(COUNTERS)} for node in net.nodes
    }
    for source in net.sources:
        by_population[source.name]["clipped"] += task.inputs.clipped[source.name]
        by_population[source.name]["lost"] += task.inputs.lost[source.name]
    counters: dict[str, Any] = {name: int(sum(c[name] for c in by_population.values())) for name in COUNTERS}
    for source in net.sources:  # their own spikes are told apart: the total counts what the network did
        counters["spikes"] -= by_population[source.name]["spikes"]
    counters |= {"events": task.events, "queue_operations": task.queue_operations, "by_population": by_population}
    if options.transport is not None:
        counters["transport"] = carried(outputs.fabric, outputs.stations)
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
        records=outputs.records(options, task.exact, _state_of(task) if _keeps_state(task, complete) else None),
        _recorder=(outputs.spikes, outputs.traces),
        _network=None if task.devices.several else net,
        _earlier=task.earlier,
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
