"""Emission and transport: when the spike of a crossing leaves, how it is recorded, and into which lanes it goes.

Relies on the machine's arrays and on the scalar functions of faults (`eventsim.faults`) and transports
(`eventsim.transport`). Used by `dynamics` (a crossing hands over to `emit_or_wait`), `arrival` and `compiled`.
"""

import math
from typing import Any

from eventsim._jit import jitable, kernel_part
from eventsim.engines.compiled.alternatives import choice
from eventsim.engines.compiled.keys import lane_key
from eventsim.engines.compiled.lists import append, push_waiting
from eventsim.engines.compiled.queue import pop, requeue, sort_numbers
from eventsim.engines.compiled.synaptic_delays import set_out
from eventsim.engines.tables import (
    DONE,
    LOST_DELAY,
    NO_LIMIT,
    RECORD_ERRORS,
    RECORD_FIRST,
    RECORD_SOURCES,
    RECORD_SPIKES,
    SPREAD,
    TWICE,
    Machine,
    Output,
    Stimulus,
)


def make_departure(perturbs: tuple[Any, ...]) -> tuple[Any, Any]:
    """The emission stage: (emit_or_wait, earliest_departure).

    ``earliest_departure(m, n, g, i, t_cross, now, sample)``: when the spike of a crossing at t_cross would leave, as it
    stands at `now`, never before now; ``emit_or_wait`` puts it on the list of this micro-step's emissions, or among the
    pending ones.
    """
    leave = _make_leave(perturbs)

    @kernel_part
    def earliest_departure(m: Machine, n: int, g: int, i: int, t_cross: float, now: float, sample: Any) -> float:
        return min(t_cross, leave(m, n, g, i, t_cross, now, sample)[0])

    @kernel_part
    def emit_or_wait(m: Machine, n: int, g: int, i: int, t_cross: float, now: float, t: float, sample: Any) -> None:
        control = m.control[0]
        wanted, clipped = leave(m, n, g, i, t_cross, now, sample)
        m.neuron_states[g].spike_number += 1
        if m.neuron_states[g].probed > 0:
            m.neuron_states[g].probed = 2
        m.node_states[n].clipped += clipped
        if wanted > t:
            control.pending = push_waiting(m, m.neurons.size, m.waiting.size, control.pending, wanted, g)
            m.node_states[n].delayed += 1
            control.events += 1  # else no budget would end a neuron whose spikes all wait
        else:
            control.fired = append(m, control.fired_at, control.due_at, control.fired, g)

    return emit_or_wait, earliest_departure


def _make_leave(perturbs: tuple[Any, ...]) -> Any:
    """When a spike would leave, and whether a fault had to be clipped: the faults one after another, each causal."""
    if not perturbs:

        @kernel_part
        def at_once(m: Machine, n: int, g: int, i: int, t_cross: float, now: float, sample: Any) -> tuple[float, int]:  # noqa: ARG001 - absent stage
            return t_cross, 0

        return at_once
    perturb = choice(perturbs)

    @kernel_part
    def leave(m: Machine, n: int, g: int, i: int, t_cross: float, now: float, sample: Any) -> tuple[float, int]:
        t, clipped = t_cross, 0
        for f in range(m.fault_keys.shape[0]):
            if m.fault_keys[f, n, 1] == 1:
                kind, number = int(m.fault_keys[f, n, 2]), m.neuron_states[g].spike_number
                t = perturb(kind, m.stages[f], m.fault_keys[f, n, 0], sample, i, number, t)
                if t < now:
                    t = now
                    clipped = 1
        return t, clipped

    return leave


@kernel_part
def push_packet(m: Machine, k: int, t: float, neuron: int) -> None:
    """Put a packet into lane k; its queue key changes only where the lane was empty."""
    lane_state = m.lane_states[k]
    if lane_state.tail - lane_state.head > lane_state.mask:
        m.control[0].full = 1
        return
    place = lane_state.offset + (lane_state.tail & lane_state.mask)
    m.ring[place].t = t
    m.ring[place].neuron = neuron
    if lane_state.head == lane_state.tail:
        requeue(m.queue, lane_key(m, k), t)
        m.control[0].queue_operations += 1
    lane_state.tail += 1


@kernel_part
def refill(m: Machine, stimulus: Stimulus, k: int) -> None:
    """Fill the lane of a source with the spikes that it sends next; afterwards it is empty only if there are none."""
    control, lane, lane_state = m.control[0], m.lanes[k], m.lane_states[k]
    node = m.nodes[lane.pre]
    while lane_state.cursor < control.stimulus_end and lane_state.tail - lane_state.head <= lane_state.mask:
        i, t = stimulus.neuron[lane_state.cursor] - node.first, stimulus.time[lane_state.cursor]
        lane_state.cursor += 1
        if 0 <= i < node.n_neurons:
            arrival = t + lane.delay
            if lane.delay > 0.0 and arrival == t:
                note_lost(m, t, node.first + i)
            push_packet(m, k, arrival, i)


@kernel_part
def note_lost(m: Machine, t: float, g: int) -> None:
    """Source neuron g sends a spike at t whose delay rounding loses: the first by time and neuron ends it."""
    control = m.control[0]
    if t < control.lost or (t == control.lost and g < control.lost_neuron):
        control.lost = t
        control.lost_neuron = g


@jitable
def find_lost(m: Machine, stimulus: Stimulus) -> None:
    """Which spike is the first whose delay is lost? Lanes that are full may not have come to it yet."""
    control = m.control[0]
    for k in range(m.lanes.size):
        lane, lane_state = m.lanes[k], m.lane_states[k]
        node = m.nodes[lane.pre]
        j = lane_state.cursor
        while lane.delay > 0.0 and j < control.stimulus_end and stimulus.time[j] <= control.lost:
            i, t = stimulus.neuron[j] - node.first, stimulus.time[j]
            if 0 <= i < node.n_neurons and t + lane.delay == t:
                note_lost(m, t, node.first + i)
            j += 1


def make_send(carry: Any) -> Any:
    """Transport and delay: from emission at t to packets in the lanes. Returns a status.

    Inlined, twice: a call hands over all arrays of the machine, which took a tenth of the dense benchmark.
    """
    if carry is None:

        @kernel_part
        def depart(m: Machine, t: float) -> float:  # noqa: ARG001 - absent stage
            return t
    else:

        @kernel_part
        def depart(m: Machine, t: float) -> float:
            return carry(m.stages[m.stages.shape[0] - 1], m.transport_state, t)

    @kernel_part
    def send(m: Machine, n: int, neuron: int, t: float) -> int:
        node = m.nodes[n]
        control = m.control[0]
        if node.first_out == node.last_out:
            return DONE
        left = depart(m, t)
        for o in range(node.first_out, node.last_out):
            k = m.links[o]
            lane, lane_state = m.lanes[k], m.lane_states[k]
            if lane.kind == SPREAD:
                if not set_out(m, k, left, neuron):
                    control.neuron = node.first + neuron
                    return LOST_DELAY
            else:
                arrival = left + lane.delay
                if lane.delay > 0.0:
                    if arrival == left:
                        control.neuron = node.first + neuron
                        return LOST_DELAY
                    if lane.ticks > 0:
                        tick = math.floor(t / node.period + 0.5)
                        if left == t and tick * node.period == t:
                            arrival = (tick + lane.ticks) * node.period
                push_packet(m, k, arrival, neuron)
            if lane_state.tail - lane_state.head + node.n_neurons + control.pending > lane_state.mask:
                control.grow = 1
        return DONE

    return send


@kernel_part
def write_stimulus(m: Machine, stimulus: Stimulus, output: Output, t: float) -> bool:
    """Record source spikes up to and including t, where wanted; False where the buffer is full before that.

    Room is left for all spikes that the network may send in the micro-step.
    """
    control = m.control[0]
    room = output.spikes.size - 2 * m.neurons.size - control.pending
    if control.record & RECORD_SOURCES:
        while control.written < control.stimulus_end and stimulus.time[control.written] <= t:
            if control.spikes >= room:
                return False
            _write_spike(m, output, stimulus.neuron[control.written], stimulus.time[control.written])
            control.written += 1
    return control.spikes <= room


@kernel_part
def write_until_lost(m: Machine, stimulus: Stimulus, output: Output) -> bool:
    """Record source spikes up to the one whose delay is lost; False where the buffer is full before that."""
    control = m.control[0]
    while control.record & RECORD_SOURCES and control.written < control.stimulus_end:
        t, g = stimulus.time[control.written], stimulus.neuron[control.written]
        if t > control.lost or (t == control.lost and g > control.lost_neuron):
            break
        if control.spikes >= output.spikes.size:
            return False
        _write_spike(m, output, g, t)
        control.written += 1
    return True


@kernel_part
def _write_spike(m: Machine, output: Output, g: int, t: float) -> None:
    control = m.control[0]
    n = m.neurons[g].node
    if m.nodes[n].recorded == 0:
        return
    if control.spikes >= output.spikes.size:
        m.control[0].full = 1
        return
    spike = output.spikes[control.spikes]
    spike.sample = control.sample
    spike.population = n
    spike.neuron = g - m.nodes[n].first
    spike.time = t
    control.spikes += 1


def make_emit(send: Any) -> Any:
    """Stage 5: record, count and send all spikes of this micro-step, in (population, neuron) order."""

    @kernel_part
    def emit(m: Machine, output: Output, t: float) -> int:
        control = m.control[0]
        sort_numbers(m.work[control.fired_at : control.fired_at + control.fired], control.fired)
        for k in range(control.fired):
            g = m.work[control.fired_at + k]
            n = m.neurons[g].node
            node = m.nodes[n]
            if m.neuron_states[g].last_spike == t:
                control.neuron = g
                return TWICE
            m.node_states[n].spikes += 1
            if m.node_states[n].spikes >= node.limit:
                control.enough = 1
            if node.windowed == 1 and t < node.t_min:
                m.node_states[n].premature += 1
            if control.record & RECORD_SPIKES:
                _write_spike(m, output, g, t)
            if control.record & RECORD_FIRST and m.neuron_states[g].last_spike == -math.inf:
                output.first[control.sample, g] = t
                if control.record & RECORD_ERRORS:
                    output.errors[control.sample, g, 0] = m.neuron_states[g].error
                    output.errors[control.sample, g, 1] = m.neuron_states[g].error_network
            m.neuron_states[g].last_spike = t
            m.node_states[n].synaptic_events += m.neurons[g].fan_out
            status = send(m, n, g - node.first, t)
            if status != DONE:
                return status
        if control.again < NO_LIMIT:
            control.neuron = control.again
            return TWICE
        return DONE

    return emit


@kernel_part
def gather_pending(m: Machine, t: float) -> None:
    """Spikes that crossed earlier and leave now join this micro-step's emissions."""
    control = m.control[0]
    while control.pending > 0 and m.waiting[m.neurons.size].t == t:
        who = m.waiting[m.neurons.size].who
        control.fired = append(m, control.fired_at, control.due_at, control.fired, who)
        control.pending = pop(m.waiting, m.neurons.size, control.pending)
