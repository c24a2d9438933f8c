"""The compiled engine: one event loop, made for exactly the models and stages that a network uses.

Relies on the machine's arrays, the queue, the dynamics of each model and the stages' scalar functions. Used by
`simulate`. The loop walks the same stages in the same order as `reference`, and gives the same bits. It can stop
between two micro-steps (a buffer is full, a lane must grow, a budget is used up) and go on where it was.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

from eventsim._jit import borrowed, jitable, kernel, kernel_part
from eventsim.compiled.alternatives import choice
from eventsim.compiled.arrival import make_deliver, make_gather
from eventsim.compiled.dynamics import make_dynamics
from eventsim.compiled.emission import (
    find_lost,
    gather_pending,
    make_decide,
    make_emit,
    make_send,
    note_lost,
    refill,
    write_stimulus,
    write_until_lost,
)
from eventsim.compiled.horizon import touch
from eventsim.compiled.queue import clear, requeue, sort_numbers
from eventsim.neuron_model import Model
from eventsim.records import (
    BEFORE,
    DONE,
    GOING,
    GROW,
    LOST_DELAY,
    NO_LIMIT,
    OUT_OF_ROOM,
    PAUSE,
    RECORD_SPIKES,
    SPIKES_FULL,
    STARTING,
    TAKEN_UP,
    TRACE_ROWS,
    TRACES_FULL,
    Machine,
    Output,
    Stimulus,
    slot_of,
)


@dataclass(frozen=True)
class Stages:
    """What a loop is made for: the scalar functions of models, faults and a transport. What is absent costs nothing.

    All else that a network may or may not have (probes, clocks, delays of synapses, rounding bounds) is in every loop,
    behind a number that is looked at once a micro-step: fewer loops have to be compiled.
    """

    models: tuple[Model, ...]
    perturbs: tuple[Any, ...] = ()
    carry: Any = None


@jitable
def note_traces(m: Machine, output: Output, t: float) -> None:
    """Record each chosen neuron that has begun to integrate, changed its state or crossed in this micro-step."""
    for k in range(m.probes.size):
        g = m.probes[k].neuron
        node = m.nodes[m.neurons[g].node]
        crossed = m.neurons[g].probed == 2
        m.neurons[g].probed = 1
        if t < node.t_start or (m.neurons[g].done == 1 and not crossed):
            continue
        changed = crossed or m.probes[k].noted == 0
        m.probes[k].noted = 1
        first, step = node.state + slot_of(node, g - node.first), node.n_neurons
        for r in range(min(node.n_state, TRACE_ROWS)):
            changed |= m.numbers[first + r * step] != m.probes[k].state[r]
        if changed:
            for r in range(min(node.n_state, TRACE_ROWS)):
                gone = r > 0 and m.neurons[g].done == 1  # of a neuron that spikes once, V = -inf is left
                m.probes[k].state[r] = 0.0 if gone else m.numbers[first + r * step]
            _write_trace(m, output, k, t)


@jitable
def _write_trace(m: Machine, output: Output, k: int, t: float) -> None:
    control = m.control[0]
    if control.traces >= output.traces.size:  # the loop returns before that (TRACES_FULL): as in `lists`
        control.full = 1
        return
    trace = output.traces[control.traces]
    trace.sample = control.sample
    trace.neuron = m.probes[k].neuron
    trace.time = t
    for r in range(TRACE_ROWS):
        trace.state[r] = m.probes[k].state[r]
    control.traces += 1


@jitable
def start_sample(m: Machine, stimulus: Stimulus, k: int) -> None:
    """Fresh state for sample k of the batch; without a transport source spikes go straight into their lanes."""
    control = m.control[0]
    prefill = control.feeds == 0
    clear(m.queue)
    for g in range(m.neurons.size):
        m.neurons[g].done = 0
        m.neurons[g].last_spike = -math.inf
        m.neurons[g].spike_number = 0
        m.neurons[g].error = m.neurons[g].error_network = 0.0
        m.neurons[g].probed = min(m.neurons[g].probed, 1)
    for k_probe in range(m.probes.size):
        m.probes[k_probe].noted = 0
        for r in range(TRACE_ROWS):
            m.probes[k_probe].state[r] = 0.0
    for j in range(m.stages.shape[1]):
        m.stages[m.stages.shape[0] - 1, j] = 0.0
    base = m.cohorts.size + m.lanes.size
    for n in range(m.nodes.size):
        node = m.nodes[n]
        node.phase = 0 if node.windowed == 1 else 1
        node.spikes = node.premature = node.late = node.clipped = 0
        node.params, node.piece = node.first_params, 0
        node.visited = node.synaptic_events = node.delayed = node.tangent = node.tick = 0
        if node.clocked == 1:
            requeue(m.queue, base + 1 + n, 0.0)
        if node.dynamics >= 0:
            for j in range(node.n_state * node.n_neurons):
                m.numbers[node.state + j] = m.numbers[node.initial + j]
            for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
                cohort = m.cohorts[c]
                m.since[c] = node.t_start
                cohort.stamp = -1
                cohort.aimed = -1
                cohort.flagged = 1
                cohort.candidates = cohort.alone = 0
                cohort.mode = cohort.queued = 0
                cohort.fresh = 0
    for k_lane in range(m.lanes.size):
        m.lanes[k_lane].head = 0
        m.lanes[k_lane].tail = m.lanes[k_lane].arrived = m.lanes[k_lane].taken = 0
        from_stimulus = prefill and m.nodes[m.lanes[k_lane].pre].dynamics < 0
        m.lanes[k_lane].cursor = stimulus.start[k] if from_stimulus else NO_LIMIT
    control.switch = control.micro = 0
    control.stamp = 0
    control.enough = control.full = 0
    control.now, control.lost = -math.inf, math.inf
    control.touched = control.fired = control.packets = control.due = control.pending = 0
    control.stimulus = control.written = stimulus.start[k]
    control.stimulus_end = stimulus.start[k + 1]
    requeue(m.queue, base, m.switches[0].t)
    if prefill:
        fill_lanes(m, stimulus)


@jitable
def fill_lanes(m: Machine, stimulus: Stimulus) -> None:
    """Put the next packets of sources into their lanes."""
    for k in range(m.lanes.size):
        refill(m, stimulus, k)


@functools.cache
def event_loop(stages: Stages) -> Any:
    """Return the loop compiled for `stages`: ``run(machine, stimulus, output, first, last, budget)`` -> status.

    It simulates samples `first` (resumed where control.busy) to `last` and stops at a full buffer or after `budget`
    events. The second call with the same stages, or with the same models in another network, costs nothing.
    """
    decide, wish = make_decide(stages.perturbs)
    parts = [make_dynamics(model, decide, wish, len(stages.perturbs) > 0) for model in stages.models]
    fold = {name: choice(tuple(getattr(part, name) for part in parts)) for name in parts[0]._fields}
    send = make_send(stages.carry)
    gather = make_gather(fold["cross"], fold["readout"], fold["open_window"])
    deliver = make_deliver(fold["dense"], fold["conv"], fold["row"])
    events = _make_events(len(stages.perturbs) > 0, gather, deliver, fold["tick"])
    micro_step = _make_micro_step(_make_feed(send), events, fold["settle"], make_emit(send))

    @kernel
    def run(
        machine: Machine, stimulus_in: Stimulus, output_in: Output, first_row: int, last_row: int, budget: int
    ) -> int:
        m, stimulus, output = borrowed(machine), borrowed(stimulus_in), borrowed(output_in)
        control = m.control[0]
        control.stop = control.events + budget
        while control.sample < last_row:
            k = control.sample - first_row
            if control.busy == BEFORE:
                start_sample(m, stimulus, k)
                control.busy = STARTING
            elif control.busy == TAKEN_UP:
                if control.feeds == 0:
                    fill_lanes(m, stimulus)
                control.busy = GOING
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
            finish_sample(m, output)
            control.busy = BEFORE
            control.sample += 1
        return DONE

    return run


@jitable
def finish_sample(m: Machine, output: Output) -> None:
    """Copy what was counted into the sample's row."""
    control = m.control[0]
    row = control.sample
    for n in range(m.nodes.size):
        node = m.nodes[n]
        counters = output.counters[row, n]
        counters[0], counters[1], counters[2], counters[3] = node.spikes, node.premature, node.late, node.clipped
        counters[4], counters[5], counters[6] = node.visited, node.synaptic_events, node.delayed
        counters[7] = node.tangent
    if control.enough == 1:
        output.stopped[row] = control.now
    for j in range(output.transport.shape[1]):
        output.transport[row, j] = m.stages[m.stages.shape[0] - 1, j]


@kernel_part
def _next_time(m: Machine, stimulus: Stimulus) -> float:
    """When the next micro-step 0 is due; inf where nothing is to come, or where the sample has ended."""
    control = m.control[0]
    if control.enough == 1:
        return math.inf
    t = m.queue[0].key
    if control.feeds == 1 and control.stimulus < control.stimulus_end:
        t = min(t, stimulus.time[control.stimulus])
    if control.pending > 0:
        t = min(t, m.waiting[m.neurons.size].t)
    return t


@jitable
def _touch_all(m: Machine) -> None:
    """Before the first event: neurons whose drive alone may make them spike are to be predicted, from t = 0 on."""
    for n in range(m.nodes.size):
        node = m.nodes[n]
        if node.dynamics >= 0 and node.windowed == 0 and node.clocked == 0:
            for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
                touch(m, c, node.t_start)


def _make_feed(send: Any) -> Any:
    """Sources whose spikes are sent at their time send those of t; one whose delay is lost is noted, and ends it."""

    @kernel_part
    def feed(m: Machine, stimulus: Stimulus, t: float) -> None:
        control = m.control[0]
        while control.stimulus < control.stimulus_end and stimulus.time[control.stimulus] == t:
            g = stimulus.neuron[control.stimulus]
            n = m.neurons[g].node
            if send(m, n, g - m.nodes[n].first, t) != DONE:
                note_lost(m, t, g)
                break
            control.stimulus += 1

    return feed


def _make_events(pending: bool, gather: Any, deliver: Any, tick: Any) -> Any:
    """Stages 1 to 3 of a micro-step: all that is due at t, and what arrives. Returns the time reached."""

    @jitable
    def ticks(m: Machine, rank: int, t: float, sample: Any) -> None:
        control = m.control[0]
        kept = 0
        sort_numbers(m.work[control.due_at : control.due_at + control.due], control.due)
        for j in range(control.due):
            n = m.work[control.due_at + j]
            if m.nodes[n].rank == rank:
                tick(m.nodes[n].dynamics, m, n, t, sample)
                control.events += 1
            else:
                m.work[control.due_at + kept] = m.work[control.due_at + j]
                kept += 1
        control.due = kept

    @kernel_part
    def events(m: Machine, stimulus: Stimulus, output: Output, t: float, sample: Any) -> float:
        control = m.control[0]
        gather(m, stimulus, output, t, sample)
        if pending:
            gather_pending(m, t)
        if control.due > 0 and control.micro == 0:
            ticks(m, -1, t, sample)
        reached = deliver(m, stimulus, output, t)
        if control.due > 0:
            ticks(m, control.micro, reached, sample)
        return float(reached)

    return events


def _make_micro_step(feed: Any, events: Any, settle: Any, emit: Any) -> Any:
    """One micro-step (t, n): the five stages of the event order. Returns a status; DONE leaves control ready.

    The first of a sample, before any event, only predicts.
    """

    @kernel_part
    def micro_step(m: Machine, stimulus: Stimulus, output: Output, begun: float, sample: Any) -> int:
        t = begun
        control = m.control[0]
        starting = control.busy == STARTING
        if control.grow == 1 or control.pending + 3 * m.neurons.size > m.waiting.size:
            return GROW
        sends = control.feeds == 1 and control.micro == 0 and not starting
        if sends and control.stimulus < control.stimulus_end and stimulus.time[control.stimulus] == t:
            feed(m, stimulus, t)
            if control.lost <= t:
                return LOST_DELAY if write_until_lost(m, stimulus, output) else SPIKES_FULL
        if control.record & RECORD_SPIKES and not write_stimulus(m, stimulus, output, t):
            return SPIKES_FULL
        if control.traces + m.probes.size > output.traces.size:
            return TRACES_FULL
        control.stamp += 1
        control.touched = control.fired = 0
        control.again = NO_LIMIT
        if starting:
            t = 0.0
            _touch_all(m)
        else:
            t = events(m, stimulus, output, begun, sample)
        for j in range(control.touched):
            c = m.work[j]
            n = m.cohorts[c].node
            settle(m.nodes[n].dynamics, m, n, c, t, sample)
        if m.probes.size > 0:
            note_traces(m, output, t)
        control.events += control.fired
        status = emit(m, output, t)
        if control.full == 1:
            return OUT_OF_ROOM
        control.micro += 1
        if starting or (m.queue[0].key != t and control.due == 0):
            control.micro = 0
        if starting:
            control.busy = GOING
        return status

    return micro_step
