"""The compiled engine: one event loop, made for exactly the models and stages that a network uses.

Relies on the machine's arrays, the queue, the dynamics of each model and the stages' scalar functions. Used by
`engine`. The loop walks the same stages in the same order as `reference`, and gives the same bits. It can stop
between two micro-steps (a buffer is full, a lane must grow, a budget is used up) and go on where it was.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

from eventsim._jit import borrowed, kernel, kernel_part
from eventsim.engines.compiled import fabric
from eventsim.engines.compiled.alternatives import LoopModel, choice
from eventsim.engines.compiled.arrival import make_arrive
from eventsim.engines.compiled.clocks import make_ticks
from eventsim.engines.compiled.emission import gather_pending, make_departure, make_emit
from eventsim.engines.compiled.gathering import make_gather
from eventsim.engines.compiled.horizon import touch
from eventsim.engines.compiled.keys import clock_key, switch_key
from eventsim.engines.compiled.overflows import make_check
from eventsim.engines.compiled.parts import make_parts
from eventsim.engines.compiled.probes import note_traces
from eventsim.engines.compiled.queue import clear, requeue
from eventsim.engines.compiled.sending import make_send
from eventsim.engines.compiled.sources import fill_lanes, find_lost, make_feed, write_stimulus, write_until_lost
from eventsim.engines.tables import (
    ASTRAY,
    BEFORE,
    DONE,
    GOING,
    GROW,
    INTEGRATING,
    LOST_DELAY,
    NO_LIMIT,
    OPEN,
    OUT_OF_ROOM,
    OVERFLOW,
    PAUSE,
    RECORD_SPIKES,
    SPIKES_FULL,
    STARTING,
    TAKEN_UP,
    TRACE_ROWS,
    TRACES_FULL,
    Initial,
    Lowered,
    Machine,
    Output,
    Stimulus,
)


@dataclass(frozen=True)
class Stages:
    """What a loop is made for: the scalar functions of models, faults and arbiters. What is absent costs nothing.

    All else that a network may or may not have (probes, clocks, delays of synapses, rounding bounds) is in every loop,
    behind a number that is looked at once a micro-step: fewer loops have to be compiled.
    """

    models: tuple[LoopModel, ...]
    perturbs: tuple[Any, ...] = ()
    delivers: tuple[Any, ...] = ()
    arbiters: tuple[tuple[Any, Any], ...] = ()  # of the fabric; () without one


@kernel_part
def start_sample(m: Machine, initial: Initial, stimulus: Stimulus, k: int) -> None:
    """Sample k of the batch begins; lanes that sources fill look at its first spike."""
    control = m.control[0]
    restore(m, initial)
    clear(m.queue)
    requeue(m.queue, switch_key(m), m.switches[0].t)
    for n in range(m.nodes.size):
        if m.nodes[n].clocked == 1:
            requeue(m.queue, clock_key(m, n), 0.0)
    control.switch = control.micro = 0
    control.stamp = 0
    control.enough = control.full = control.astray = 0
    control.now, control.lost = -math.inf, math.inf
    control.touched = control.fired = control.packets = control.due = control.pending = 0
    control.stimulus = control.written = stimulus.start[k]
    control.stimulus_end = stimulus.start[k + 1]
    if control.sends_sources == 0:
        for j in range(m.lanes.size):
            if m.nodes[m.lanes[j].pre].dynamics < 0:
                m.lane_states[j].cursor = stimulus.start[k]


@kernel_part
def restore(m: Machine, initial: Initial) -> None:
    """Put back the state in which every sample begins."""
    for n in range(m.node_states.size):
        m.node_states[n] = initial.node_states[n]
    for k in range(m.lane_states.size):
        m.lane_states[k] = initial.lane_states[k]
    for c in range(m.cohort_states.size):
        m.cohort_states[c] = initial.cohort_states[c]
        m.since[c] = initial.since[c]
    for g in range(m.neuron_states.size):
        m.neuron_states[g] = initial.neuron_states[g]
    for j in range(initial.values.size):
        m.values[j] = initial.values[j]
    for k in range(m.probe_states.size):
        m.probe_states[k].noted = 0
        for r in range(TRACE_ROWS):
            m.probe_states[k].state[r] = 0.0


@functools.cache
def event_loop(stages: Stages) -> Any:
    """Return the loop compiled for `stages`: ``run(lowered, stimulus, output, first, last, budget)`` -> status.

    It simulates samples `first` (resumed where control.busy) to `last` and stops at a full buffer or after `budget`
    events. The second call with the same stages, or with the same models in another network, costs nothing.
    """
    emit_or_wait, earliest_departure = make_departure(stages.perturbs)
    early = len(stages.perturbs) > 0
    parts = [make_parts(m, stages.delivers, emit_or_wait, earliest_departure, early) for m in stages.models]
    fold = {name: choice(tuple(getattr(part, name) for part in parts)) for name in parts[0]._fields}
    send, settle_fabric = make_send(stages.arbiters)
    carries = settle_fabric is not None
    gather = make_gather(fold["cross"], fold["readout"], fold["open_window"])
    several = any(model.dynamics.n_receptors > 1 for model in stages.models)
    arrive = make_arrive(stages.delivers, several, fold["dense"], fold["conv"], fold["row"])
    events = _make_events(early, gather, arrive, make_ticks(fold["tick"]))
    micro_step = _make_micro_step(carries, make_feed(send), settle_fabric, events, fold["settle"], make_emit(send))
    counts = any(model.dynamics.overflows is not None for model in stages.models)
    check_overflows = make_check(fold["overflows"] if counts else None)

    @kernel
    def run(
        lowered: Lowered, stimulus_in: Stimulus, output_in: Output, first_row: int, last_row: int, budget: int
    ) -> int:
        m, initial = borrowed(lowered.machine), borrowed(lowered.initial)
        stimulus, output = borrowed(stimulus_in), borrowed(output_in)
        control = m.control[0]
        control.stop = control.events + budget
        while control.sample < last_row:
            k = control.sample - first_row
            control.sample_id = stimulus.sample_id[k]
            fresh = control.busy == BEFORE
            if fresh:
                start_sample(m, initial, stimulus, k)
                if carries:
                    fabric.begin_fabric(m)
                control.busy = STARTING
            if (fresh or control.busy == TAKEN_UP) and control.sends_sources == 0:
                fill_lanes(m, stimulus)
            while True:
                if control.micro == 0 and control.busy == GOING:
                    t = _next_time(m, stimulus)
                    if not t < control.until or t == math.inf:
                        break
                    control.now = t
                    if t >= control.lost:
                        find_lost(m, stimulus)
                        control.now = control.lost
                        return LOST_DELAY if write_until_lost(m, stimulus, output) else SPIKES_FULL
                status = micro_step(m, stimulus, output, control.now, stimulus.sample_id[k])
                if status != DONE:
                    return status
                if control.events >= control.stop:
                    return PAUSE
            end = control.now if control.enough == 1 else control.until
            if control.record & RECORD_SPIKES and not write_stimulus(m, stimulus, output, end):
                return SPIKES_FULL
            ended = check_overflows(m, end)
            finish_sample(m, output)
            if carries:
                fabric.finish_fabric(m, output)
            if ended:
                return OVERFLOW
            control.busy = BEFORE
            control.sample += 1
        return DONE

    return run


@kernel_part
def finish_sample(m: Machine, output: Output) -> None:
    """Copy what was counted into the sample's row."""
    control = m.control[0]
    row = control.sample
    for n in range(m.nodes.size):
        counters, state = output.counters[row, n], m.node_states[n]
        counters[0], counters[1], counters[2], counters[3] = state.spikes, state.premature, state.late, state.clipped
        counters[4], counters[5], counters[6] = state.lost, state.visited, state.synaptic_events
        counters[7], counters[8], counters[9] = state.delayed, state.tangent, state.overflows
    if control.enough == 1:
        output.stopped[row] = control.now


@kernel_part
def _next_time(m: Machine, stimulus: Stimulus) -> float:
    """When the next micro-step 0 is due; inf where nothing is to come, or where the sample has ended."""
    control = m.control[0]
    if control.enough == 1:
        return math.inf
    t = m.queue[0].key
    if control.sends_sources == 1 and control.stimulus < control.stimulus_end:
        t = min(t, stimulus.time[control.stimulus])
    if control.pending > 0:
        t = min(t, m.waiting[m.neurons.size].t)
    return t


@kernel_part
def _touch_all(m: Machine, t: float) -> None:
    """Before the first event, or where a sample is taken up: all that is not on a clock is predicted from its state."""
    for n in range(m.nodes.size):
        node, phase = m.nodes[n], m.node_states[n].phase
        if node.dynamics >= 0 and node.clocked == 0 and INTEGRATING <= phase <= OPEN:
            for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
                before = m.cohort_states[c].touched_at
                touch(m, c, t)
                if m.control[0].busy == TAKEN_UP:
                    m.cohort_states[c].touched_at = before


@functools.cache
def _make_events(pending: bool, gather: Any, arrive: Any, ticks: Any) -> Any:
    """Stages 1 to 3 of a micro-step: all that is due at t, and what arrives. Returns the time reached."""

    @kernel_part
    def events(m: Machine, stimulus: Stimulus, output: Output, t: float, sample: Any) -> float:
        control = m.control[0]
        gather(m, stimulus, output, t, sample)
        if pending:
            gather_pending(m, t)
        if control.due > 0 and control.micro == 0:
            ticks(m, -1, t, sample)
        reached = arrive(m, stimulus, output, t, sample)
        if control.due > 0:
            ticks(m, control.micro, reached, sample)
        return float(reached)

    return events


@functools.cache
def _make_carry(carries: bool, settle_fabric: Any) -> tuple[Any, Any, Any]:
    """All that the fabric does at a time, and whether it has room for what a micro-step may add."""
    if carries:
        return settle_fabric, fabric.lacks_parcels, fabric.lacks_records

    @kernel_part
    def carry(m: Machine, output: Output, t: float) -> int:  # noqa: ARG001 - absent stage
        return DONE

    @kernel_part
    def never(*_arguments: Any) -> bool:
        return False

    return carry, never, never


@functools.cache
def _make_micro_step(carries: bool, feed: Any, settle_fabric: Any, events: Any, settle: Any, emit: Any) -> Any:
    """One micro-step (t, n): the five stages of the event order. Returns a status; DONE leaves control ready.

    The first of a sample, before any event or where it is taken up, only predicts.
    """
    carry, lacks_parcels, lacks_records = _make_carry(carries, settle_fabric)

    @kernel_part
    def micro_step(m: Machine, stimulus: Stimulus, output: Output, begun: float, sample: Any) -> int:
        t = begun
        control = m.control[0]
        starting = control.busy != GOING
        if control.grow == 1 or control.pending + 3 * m.neurons.size > m.waiting.size or lacks_parcels(m):
            return GROW
        sends = control.sends_sources == 1 and control.micro == 0 and not starting
        if sends and control.stimulus < control.stimulus_end and stimulus.time[control.stimulus] == t:
            feed(m, stimulus, output, t)
            if control.lost <= t:
                return LOST_DELAY if write_until_lost(m, stimulus, output) else SPIKES_FULL
        if control.record & RECORD_SPIKES and not write_stimulus(m, stimulus, output, t):
            return SPIKES_FULL
        if control.traces + m.probes.size > output.traces.size or lacks_records(m, output):
            return TRACES_FULL
        if control.micro == 0 and not starting:
            status = carry(m, output, t)
            if status != DONE:
                return status
        control.stamp += 1
        control.touched = control.fired = 0
        control.again = NO_LIMIT
        if starting:
            t = max(control.now, 0.0)
            _touch_all(m, t)
        else:
            t = events(m, stimulus, output, begun, sample)
            if control.astray > 0:
                return ASTRAY
        for j in range(control.touched):
            c = m.work[j]
            n = m.cohorts[c].node
            settle(m.nodes[n].dynamics, m, n, c, t, sample)
        if m.probes.size > 0:
            note_traces(m, output, t)
        control.events += control.fired
        status = emit(m, output, t)
        if status == DONE:
            status = carry(m, output, t)
        if control.full == 1:
            return OUT_OF_ROOM
        if starting:
            control.busy = GOING
            return status
        control.micro += 1
        if m.queue[0].key != t and control.due == 0:
            control.micro = 0
        return status

    return micro_step
