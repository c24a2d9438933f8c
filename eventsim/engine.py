"""The Python side of the compiled engine: prepare it for a task, run batches of samples, mend what stopped it.

Relies on the machine and the loop. Used by `simulate`, one `Worker` a thread.
"""

import math
import threading
import weakref
from typing import Any, NamedTuple

import numpy as np

from eventsim import compiled, problems
from eventsim.checkpoint import freeze, thaw
from eventsim.errors import BudgetError, SimulationError
from eventsim.machine import dynamics_of, fork, new_machine, resize
from eventsim.network import Network
from eventsim.records import (
    COUNTERS,
    DONE,
    GROW,
    LOST_DELAY,
    PROBE,
    RECORD_FIRST,
    RECORD_SPIKES,
    SPIKE,
    TRACE,
    TWICE,
    Machine,
    Output,
    Stimulus,
)
from eventsim.task import Task

Problem = tuple[type[SimulationError], str]
_LOCK = threading.Lock()
PAUSE_EVENTS = 200_000


class Prepared(NamedTuple):
    """A lowered network and the loop that runs it."""

    machine: Machine
    loop: Any


_MACHINES: weakref.WeakKeyDictionary[Network, tuple[tuple[bool, int], Machine]] = weakref.WeakKeyDictionary()


def _lowered(net: Network, error_bounds: bool, room: int) -> Machine:
    """The machine of a network, kept for the next call as long as the network lives."""
    key, machine = _MACHINES.get(net, (None, None))
    if machine is None or key != (error_bounds, room):
        machine = new_machine(net, error_bounds, room)
        _MACHINES[net] = (error_bounds, room), machine
    return machine


def prepare(task: Task) -> Prepared:
    """Lower the task's network (kept for the next call) and get its loop."""
    room = task.inputs.room()
    machine = _lowered(task.net, task.error_bounds, room)
    machine = machine._replace(neurons=machine.neurons.copy(), stages=_stage_numbers(task))
    if task.probes:
        chosen = [int(machine.nodes.first[task.net.node(name).order]) + index for name, index in task.probes.items()]
        probes = np.zeros(sum(map(len, chosen)), dtype=PROBE).view(np.recarray)
        probes.neuron = np.sort(np.concatenate(chosen))
        machine.neurons.probed[probes.neuron] = 1
        machine = machine._replace(probes=probes)
    if task.faults:
        machine = machine._replace(fault_keys=task.fault_keys)
    if task.stop:
        machine = machine._replace(nodes=machine.nodes.copy())
        for name, count in task.stop.items():
            machine.nodes.limit[task.net.node(name).order] = count
    carried = task.transport
    stages = compiled.Stages(
        models=tuple(dynamics_of(task.net, task.error_bounds)),
        perturbs=tuple(fault.perturb for fault in task.faults),
        early=any(not fault.causal for fault in task.faults),
        carry=carried.carry if carried else None,
        probes=bool(task.probes),
        clocked=any(population.model.clocked for population in task.net.populations),
        bounded=task.error_bounds,
    )
    return Prepared(machine, compiled.event_loop(stages))


def _stage_numbers(task: Task) -> Any:
    """One row of numbers a fault, then the transport's numbers, then its state."""
    rows = [fault.numbers() for fault in task.faults]
    rows.append(task.transport.numbers() if task.transport else (0.0,))
    width = max([task.transport.n_state if task.transport else 1, *map(len, rows)])
    numbers = np.zeros((len(rows) + 1, width))
    for k, row in enumerate(rows):
        numbers[k, : len(row)] = row
    return numbers


class Worker:
    """Runs batches of samples of one task, one at a time; owns the state of its thread."""

    def __init__(self, task: Task, prepared: Prepared) -> None:
        self.task, self.loop = task, prepared.loop
        self.machine = fork(prepared.machine)
        total = self.machine.neurons.size
        self._spikes = np.empty(max(1 << 12, 4 * total) if task.record == "spikes" else 1, dtype=SPIKE)
        self._traces = np.empty(max(1 << 10, 4 * self.machine.probes.size), dtype=TRACE)
        self._flags = {"readout": 0, "first_spikes": RECORD_FIRST}.get(task.record, RECORD_FIRST | RECORD_SPIKES)

    def run(self, low: int, high: int) -> Problem | None:
        """Simulate samples low..high-1; return what went wrong, or None."""
        task = self.task
        stimulus = task.inputs.batch(low, high)
        self._make_room(int(np.diff(stimulus.start).max()))
        begun = self._take_up(low, int(stimulus.start[1]))
        control = self.machine.control
        control.sample, control.until = low, math.inf if task.until is None else task.until
        control.busy, control.stimulus_end = (2 if begun else 0), stimulus.start[1]
        control.record, control.events, control.queue_operations, control.grow = self._flags, 0, 0, 0
        control.spikes = control.traces = 0
        inputs = Stimulus(*stimulus)
        while True:
            done = int(control.events[0])
            budget = PAUSE_EVENTS
            if task.max_events is not None:
                budget = max(1, min(PAUSE_EVENTS, task.max_events + task.events_before - task.events))
            output = self._output()
            with np.errstate(all="ignore"):  # interpreted, 0 * inf is as silent as it is compiled
                status = self.loop(self.machine, inputs, output, low, high, budget)
            with _LOCK:
                task.events += int(control.events[0]) - done
                over = task.check_budget(task.events)
                if task.progress is not None:
                    task.progress.reached(task.events, float(control.now[0]))
            self._drain(low)
            if status == GROW:
                control = self._grow()
            problem = self._problem(status)
            if problem is None and over is not None and status != DONE:
                problem = BudgetError, problems.budget_used_up(int(control.sample[0]), over)
            if problem is not None or status == DONE:
                if problem is not None:
                    at = int(control.sample[0]) - low
                    compiled.finish_sample(self.machine, inputs, output, int(stimulus.start[at]), True)
                if task.keep_state and (problem is None or problem[0] is BudgetError):
                    task.states[low] = freeze(self.machine)
                end = math.inf if task.until is None else float(task.until)
                task.reached[low:high] = np.minimum(end, task.stopped[low:high])
                if problem is not None:
                    task.reached[int(control.sample[0])] = float(control.now[0])
                    task.reached[int(control.sample[0]) + 1 : high] = 0.0
                self._note_source_spikes(stimulus, low, complete=problem is None)
                with _LOCK:
                    task.queue_operations += int(control.queue_operations[0])
                    task.done += high - low
                return problem

    def _output(self) -> Output:
        task = self.task
        return Output(
            self._spikes.view(np.recarray), self._traces.view(np.recarray), _rows(task.first), task.readout,
            task.counters, _errors(task.errors), task.transport_state, task.stopped,
        )  # fmt: skip

    def carry_over(self, sample: int) -> None:
        """Keep what an earlier run did of a sample that this one, which has ended, did not come to."""
        task = self.task
        if task.earlier[sample] is None:
            return
        task.keep_stop(sample)
        stimulus = task.inputs.batch(sample, sample + 1)
        self._make_room(int(stimulus.start[1]))
        self._take_up(sample, int(stimulus.start[1]))
        control = self.machine.control
        control.sample, control.now, control.enough = sample, task.reached[sample], 0
        compiled.finish_sample(self.machine, Stimulus(*stimulus), self._output(), 0, True)
        self._note_source_spikes(stimulus, sample, complete=False)
        self._drain(sample)
        if task.keep_state:
            task.states[sample] = task.earlier[sample]

    def _take_up(self, sample: int, n_stimulus: int) -> bool:
        """Put the machine where an earlier run left the sample; False where none has begun it."""
        state = self.task.earlier[sample]
        if state is None:
            return False
        self.machine = thaw(self.machine, state, n_stimulus)
        nodes = self.machine.nodes
        self.machine.control.enough = bool((nodes.spikes >= nodes.limit).any())
        before = self.task.resumed
        assert before is not None
        for recorder, records in ((self.task.spikes, before._spikes), (self.task.traces, before._traces)):
            if records is not None:
                low, high = np.searchsorted(records["sample"], [sample, sample + 1])
                recorder.add(sample, records[low:high])
        return True

    def _note_source_spikes(self, stimulus: Any, low: int, complete: bool) -> None:
        """Count the source spikes that were sent, and put the first of each neuron into the matrix.

        A batch that ended early ended at control.now of control.sample.
        """
        task = self.task
        rows = np.repeat(np.arange(low, low + len(stimulus.start) - 1), np.diff(stimulus.start))
        times, neurons = stimulus.time, stimulus.neuron
        sent = times <= task.stopped[rows]
        if not complete:
            last, now = int(self.machine.control.sample[0]), float(self.machine.control.now[0])
            sent &= (rows < last) | ((rows == last) & (times <= now))
        if not sent.all():
            rows, times, neurons = rows[sent], times[sent], neurons[sent]
        nodes, n = self.machine.neurons.node[neurons], len(task.net.nodes)
        counts = np.bincount((rows - low) * n + nodes, minlength=(len(stimulus.start) - 1) * n).reshape(-1, n)
        task.counters[low : low + len(counts), :, COUNTERS.index("spikes")] += counts
        if task.record == "readout":
            return
        if task.inputs.room():  # one spike a neuron
            task.first[rows, neurons] = times
        else:
            np.minimum.at(task.first, (rows, neurons), times)

    def _make_room(self, spikes: int) -> None:
        """Lanes of sources hold all source spikes of a sample."""
        lanes, from_source = self.machine.lanes, self.machine.nodes.dynamics[self.machine.lanes.pre] < 0
        if (lanes.mask[from_source] < spikes).any():
            lanes.head = lanes.tail = 0
            self.machine = resize(self.machine, np.where(from_source, spikes, 0))

    def _grow(self) -> Any:
        """Make room for what is in flight or pending; return the control record.

        Lanes of populations are doubled, if they asked for it; those of sources hold all they ever will.
        """
        lanes, control, total = self.machine.lanes, self.machine.control, self.machine.neurons.size
        room = np.where(self.machine.nodes.dynamics[lanes.pre] < 0, 0, 2 * lanes.mask + 1) * int(control.grow[0])
        pending = 2 * (int(control.pending[0]) + 2 * total)
        self.machine = resize(self.machine, room, pending)
        if self._flags & RECORD_SPIKES and self._spikes.size < pending + 2 * total:
            self._spikes = np.empty(pending + 2 * total, dtype=SPIKE)  # drained before
        control = self.machine.control
        control.grow = 0
        return control

    def _drain(self, batch: int) -> None:
        control = self.machine.control
        self.task.spikes.add(batch, self._spikes[: int(control.spikes[0])])
        self.task.traces.add(batch, self._traces[: int(control.traces[0])])
        control.spikes = control.traces = 0

    def _problem(self, status: int) -> Problem | None:
        if status == TWICE:
            return SimulationError, problems.fires_twice(*self._spike())
        if status == LOST_DELAY:
            return SimulationError, problems.delay_lost(*self._spike())
        return None

    def _spike(self) -> tuple[int, int, str, float]:
        """Sample, neuron, population and time of the spike that stopped the loop."""
        control = self.machine.control
        g = int(control.neuron[0])
        n = int(self.machine.neurons.node[g])
        neuron = g - int(self.machine.nodes.first[n])
        return int(control.sample[0]), neuron, self.task.net.nodes[n].name, float(control.now[0])


def _rows(first: Any) -> Any:
    return np.asarray(first) if first.size else np.empty((1, 1))


def _errors(errors: Any) -> Any:
    return np.asarray(errors) if errors.size else np.empty((1, 1, 2))
