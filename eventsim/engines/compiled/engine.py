"""The Python side of the compiled engine: prepare it for a task, run batches of samples, mend what stopped it.

Relies on the machine and the loop. Used by `simulate`, one `Worker` a thread.
"""

import math
import threading
from typing import Any

import numpy as np

from eventsim.engines import problems
from eventsim.engines.compiled import event_loop
from eventsim.engines.compiled.fabric import finish_fabric
from eventsim.engines.compiled.fabric_tables import with_room
from eventsim.engines.compiled.machine import fork, resize
from eventsim.engines.compiled.overflows import overflow_problem
from eventsim.engines.compiled.preparing import Prepared, prepare
from eventsim.engines.compiled.sources import count_sent, most_at_once
from eventsim.engines.compiled.standing import freeze, thaw
from eventsim.engines.fabric_records import HOP_RECORD
from eventsim.engines.tables import (
    ASTRAY,
    BEFORE,
    COUNTERS,
    DEADLOCK,
    DONE,
    GROW,
    LOST_DELAY,
    OUT_OF_ROOM,
    OVERFLOW,
    RECORD_ERRORS,
    RECORD_FIRST,
    RECORD_SOURCES,
    RECORD_SPIKES,
    SPIKE,
    TAKEN_UP,
    TRACE,
    TWICE,
    Machine,
    Output,
    Stimulus,
)
from eventsim.engines.task import Task
from eventsim.errors import BudgetError, DeadlockError, SimulationError
from eventsim.network.network import Population, Source

Problem = tuple[type[SimulationError], str]
_LOCK = threading.Lock()
PAUSE_EVENTS = 200_000


class Worker:
    """Runs batches of samples of one task, one at a time; owns the state of its thread."""

    def __init__(self, task: Task, prepared: Prepared) -> None:
        self.task, self.net, self.loop = task, prepared.net, prepared.loop
        self.lowered = fork(prepared.lowered)
        total = self.machine.neurons.size
        self._spikes = np.empty(max(1 << 12, 4 * total) if task.options.record == "spikes" else 1, dtype=SPIKE)
        self._hops = np.empty(self._hops_needed(), dtype=HOP_RECORD)
        self._traces = np.empty(max(1 << 10, 4 * self.machine.probes.size), dtype=TRACE)
        self._status = DONE
        self._counted = 0  # events of this batch that the task knows of
        self._flags = {"readout": 0, "first_spikes": RECORD_FIRST}.get(
            task.options.record, RECORD_FIRST | RECORD_SPIKES
        )
        if task.options.record == "spikes" and any(node.name in task.options.recorded for node in task.net.sources):
            self._flags |= RECORD_SOURCES
        if task.options.error_bounds:
            self._flags |= RECORD_ERRORS

    def serving(self, sample: int) -> "Worker":
        """Itself, or another worker where the sample has a device of its own."""
        if self.task.acting_of(sample) is self.net:
            return self
        return Worker(self.task, prepare(self.task, sample))

    def _hops_needed(self) -> int:
        """Records of hops that one micro-step may add."""
        if not self.task.options.logs:
            return 1
        control, parcels = self.machine.fabric.control[0], self.machine.fabric.parcels
        return max(1 << 12, int((parcels.size + control.worst) * control.depth))

    @property
    def machine(self) -> Machine:
        """Its arrays as they are now: rings grow."""
        return self.lowered.machine

    def run(self, low: int, high: int) -> Problem | None:
        """Simulate samples low..high-1; return what went wrong, or None."""
        task = self.task
        stimulus = task.inputs.batch(low, high)
        self._make_room(stimulus)
        begun = self._take_up(low, stimulus)
        control = self.machine.control
        control.sample, control.until = low, math.inf if task.options.until is None else task.options.until
        control.busy, control.stimulus_end = (TAKEN_UP if begun else BEFORE), stimulus.start[1]
        control.record, control.events, control.queue_operations = self._flags, 0, 0
        control.grow = control.full = control.astray = 0
        control.limited = bool(task.options.stop) or task.options.max_events is not None
        control.sends_sources, control.early = not task.fed, task.options.early
        control.lookahead = not (control.sends_sources[0] or task.options.probes or task.succeeds)
        control.spikes = control.traces = 0
        inputs = Stimulus(*stimulus)
        self._counted = 0
        if task.progress is not None:
            task.progress.watch(low, self._standing)
        while True:
            done = int(control.events[0])
            budget = PAUSE_EVENTS
            if task.options.max_events is not None:
                budget = max(1, min(PAUSE_EVENTS, task.options.max_events + task.events_before - task.events))
            output = self._output()
            with np.errstate(all="ignore"):  # interpreted, 0 * inf is as silent as it is compiled
                status = self.loop(self.lowered, inputs, output, low, high, budget)
            with _LOCK:
                more = int(control.events[0]) - done
                task.events, self._counted = task.events + more, done + more
                task.events_of[low] = task.events_of.get(low, 0) + more
                over = task.check_budget(task.events)
            self._drain(low)
            if task.failed < low:  # another thread: this batch is forgotten, and might go on without end
                return None
            self._status = int(status)
            if status == GROW:
                control = self._grow()
            problem = self._problem(status)
            if problem is None and over is not None and status != DONE:
                problem = BudgetError, problems.budget_used_up(int(control.sample[0]), over)
            if problem is not None or status == DONE:
                if problem is not None:
                    event_loop.finish_sample(self.machine, output)
                    if task.options.fabric is not None:
                        finish_fabric(self.machine, output)
                end = math.inf if task.options.until is None else float(task.options.until)
                task.outputs.reached[low:high] = np.minimum(end, task.outputs.stopped[low:high])
                if problem is not None:
                    task.outputs.reached[int(control.sample[0])] = float(control.now[0])
                    task.outputs.reached[int(control.sample[0]) + 1 : high] = 0.0
                sent = self._note_source_spikes(stimulus, low, complete=problem is None)
                if task.options.keep_state and (problem is None or problem[0] is BudgetError):
                    task.keep_state(low, freeze(self.machine, sent, task.outputs.counters[low]), stimulus)
                with _LOCK:
                    task.queue_operations += int(control.queue_operations[0])
                    task.done += high - low
                return problem

    def make_ready(self, stimulus: Any) -> None:
        """Call all that `run` calls, on no sample: what is not compiled yet is compiled, or loaded."""
        self._make_room(stimulus)
        self.machine.control.sample = 0
        self.loop(self.lowered, Stimulus(*stimulus), self._output(), 0, 0, 1)
        self._note_source_spikes(stimulus, 0, complete=True)

    def _standing(self) -> tuple[int, float, int]:
        """Sample, time, and events since the last pause; another thread reads it while the loop runs."""
        control = self.machine.control
        return int(control.sample[0]), float(control.now[0]), int(control.events[0]) - self._counted

    def _output(self) -> Output:
        outputs = self.task.outputs
        return Output(
            self._spikes.view(np.recarray), self._traces.view(np.recarray), _rows(outputs.first), outputs.readout,
            outputs.counters, _errors(outputs.errors), self._hops.view(np.recarray), outputs.fabric, outputs.stations,
            outputs.stopped,
        )  # fmt: skip

    def _take_up(self, sample: int, stimulus: Any) -> bool:
        """Put the machine where an earlier run left the sample; False where none has begun it."""
        state = self.task.taken_up(sample)
        if state is None:
            return False
        senders = stimulus.neuron[: int(stimulus.start[1])]
        self.lowered = thaw(self.lowered, state, self.task.frame(sample), senders, self.task.since(sample))
        self._fit_spikes()
        spikes = self.machine.node_states.spikes
        self.machine.control.enough = bool((spikes >= self.machine.nodes.limit).any())
        self.task.carry_records(sample)
        return True

    def _note_source_spikes(self, stimulus: Any, low: int, complete: bool) -> int:
        """Count the source spikes that were sent, and put the first of each neuron into the matrix.

        A batch that ended early ended in control.sample. Returns how many of the first sample were sent.
        """
        task, machine = self.task, self.machine
        ends = task.outputs.stopped[low : low + len(stimulus.start) - 1]
        sent = stimulus.start[1:].copy()
        for row in np.flatnonzero(ends < math.inf).tolist():
            sent[row] = self._sent_by(stimulus, row, float(ends[row]))
        if not complete:
            last = int(machine.control.sample[0]) - low
            sent[last] = min(sent[last], self._sent_by(stimulus, last, float(machine.control.now[0])))
            sent[last + 1 :] = stimulus.start[last + 1 : -1]
        rows = task.outputs.counters[low : low + len(ends)]
        spikes, events = (rows[:, :, COUNTERS.index(name)] for name in ("spikes", "synaptic_events"))
        for node in task.net.sources:
            spikes[:, node.order] = events[:, node.order] = 0
        first = np.asarray(task.outputs.first[low : low + len(ends)])
        times, neurons, start, _ = stimulus
        count_sent(times, neurons, start, sent, machine.neurons.node, machine.neurons.fan_out, spikes, events, first)
        return int(sent[0])

    def _sent_by(self, stimulus: Any, row: int, t: float) -> int:
        """Where the stimulus stands when a sample has ended at t: behind the spike that was lost, or all those at t."""
        control = self.machine.control
        times = stimulus.time[: stimulus.start[row + 1]]
        begin, end = (int(np.searchsorted(times[stimulus.start[row] :], t, side)) for side in ("left", "right"))
        lost = self._lost()
        if lost is not None and t == float(control.now[0]):
            first = int(stimulus.start[row])
            end = begin + int(np.searchsorted(stimulus.neuron[first + begin : first + end], lost, side="right"))
        return int(stimulus.start[row]) + end

    def _lost(self) -> int | None:
        """The source neuron whose spike lost its delay, where that ended the run."""
        control = self.machine.control
        if self._status != LOST_DELAY:
            return None
        return int(control.lost_neuron[0]) if float(control.lost[0]) <= float(control.now[0]) else None

    def _make_room(self, stimulus: Any) -> None:
        """Lanes of sources hold all that arrives at one time."""
        lanes, states, fed = self.machine.lanes, self.machine.lane_states, self._fed()
        room = np.zeros(len(lanes), dtype=np.int64)
        for k in np.flatnonzero(fed & (states.mask < np.diff(stimulus.start).max())):
            room[k] = most_at_once(stimulus.time, stimulus.start, float(lanes.delay[k]))
        if (states.mask < room).any():
            states.head = states.tail = 0
            self.lowered = resize(self.lowered, room)

    def _fed(self) -> Any:
        """Which lanes take their packets straight from the stimulus?"""
        from_source = self.machine.nodes.dynamics[self.machine.lanes.pre] < 0
        return from_source & self.task.fed

    def _grow(self) -> Any:
        """Make room for what is in flight or pending; return the control record.

        Lanes are doubled, if one asked for it; those that the stimulus fills never do.
        """
        states, control, total = self.machine.lane_states, self.machine.control, self.machine.neurons.size
        room = np.where(self._fed(), 0, 2 * states.mask + 1) * int(control.grow[0])
        pending = 2 * (int(control.pending[0]) + 2 * total)
        self.lowered = resize(self.lowered, room, pending)
        self._fit_spikes()  # drained before
        if self.task.options.fabric is not None:
            fabric = self.machine.fabric
            needed = int(fabric.control.used[0] + fabric.control.worst[0])
            if needed > fabric.parcels.size:
                larger = self.machine._replace(fabric=with_room(fabric, 2 * needed))
                self.lowered = self.lowered._replace(machine=larger)
                self._hops = np.empty(max(self._hops.size, self._hops_needed()), dtype=HOP_RECORD)
        control = self.machine.control
        control.grow = 0
        return control

    def _fit_spikes(self) -> None:
        """Room for all spikes that may leave in one micro-step: those that may be pending, and two of each neuron."""
        needed = self.machine.waiting.size + 3 * self.machine.neurons.size
        if self._flags & RECORD_SPIKES and self._spikes.size < needed:
            self._spikes = np.empty(needed, dtype=SPIKE)

    def _drain(self, batch: int) -> None:
        control = self.machine.control
        self.task.outputs.spikes.add(batch, self._spikes[: int(control.spikes[0])])
        self.task.outputs.traces.add(batch, self._traces[: int(control.traces[0])])
        control.spikes = control.traces = 0
        if self.task.options.logs:
            records = self.machine.fabric.control.records
            self.task.outputs.hops.add(batch, self._hops[: int(records[0])])
            records[0] = 0

    def _circle(self) -> list[str]:
        """The stations that wait for each other."""
        fabric, plan = self.machine.fabric, self.task.options.fabric
        assert plan is not None
        first = station = int(fabric.control.deadlock[0]) - 1
        found: list[str] = []
        while not found or station != first:
            found.append(plan.stations[station].name)
            station = int(fabric.ports.station[fabric.station_states.blocked_at[station]])
        return found

    def _problem(self, status: int) -> Problem | None:
        control = self.machine.control
        if status == TWICE:
            return SimulationError, problems.fires_twice(*self._spike())
        if status == LOST_DELAY:
            return SimulationError, problems.delay_lost(*self._spike())
        if status == DEADLOCK:
            return DeadlockError, problems.deadlock(int(control.sample[0]), self._circle(), float(control.now[0]))
        if status == ASTRAY:
            projection = self.task.net.projections[int(control.astray[0]) - 1].label
            return SimulationError, problems.no_weight(int(control.sample[0]), projection, float(control.now[0]))
        if status == OVERFLOW:
            return SimulationError, overflow_problem(self.machine, self.task.net)
        if status == OUT_OF_ROOM:
            return SimulationError, problems.out_of_room(int(control.sample[0]), float(control.now[0]))
        return None

    def _spike(self) -> tuple[int, int, Source | Population, float]:
        """Sample, neuron, population and time of the spike that stopped the loop."""
        control = self.machine.control
        lost = self._lost()
        g = int(control.neuron[0]) if lost is None else lost
        n = int(self.machine.neurons.node[g])
        neuron = g - int(self.machine.nodes.first[n])
        return int(control.sample[0]), neuron, self.task.net.nodes[n], float(control.now[0])


def _rows(first: Any) -> Any:
    return np.asarray(first) if first.size else np.empty((1, 1))


def _errors(errors: Any) -> Any:
    return np.asarray(errors) if errors.size else np.empty((1, 1, 2))
