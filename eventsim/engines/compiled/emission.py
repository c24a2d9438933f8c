"""Emission: when the spike of a crossing leaves, and how it is recorded.

Relies on the machine's arrays and on the scalar functions of faults (`eventsim.faults`). Used by `parts` (a crossing
hands over to `emit_or_wait`), `gathering` and the loop.
"""

import functools
import math
from typing import Any

from eventsim._jit import kernel_part, whole
from eventsim.engines.compiled.alternatives import choice
from eventsim.engines.compiled.lists import append, push_waiting
from eventsim.engines.compiled.queue import pop, sort_numbers
from eventsim.engines.compiled.spike_records import write_spike
from eventsim.engines.departures import departs_before
from eventsim.engines.tables import (
    DONE,
    NO_LIMIT,
    RECORD_ERRORS,
    RECORD_FIRST,
    RECORD_SPIKES,
    TWICE,
    Machine,
    Output,
)
from eventsim.faults.acting import EMISSION


@functools.cache
def make_departure(perturbs: tuple[Any, ...]) -> tuple[Any, Any]:
    """The emission stage: (emit_or_wait, earliest_departure).

    ``earliest_departure(m, n, g, i, t_cross, now, sample)``: when the spike of a crossing at t_cross would leave, as it
    stands at `now`, never before now; ``emit_or_wait`` puts it on the list of this micro-step's emissions, or among the
    pending ones.
    """
    leave = _make_leave(perturbs)
    decided = _make_decided(leave) if perturbs else leave

    @kernel_part
    def earliest_departure(m: Machine, n: int, g: int, i: int, t_cross: float, now: float, sample: Any) -> float:
        departs, clipped = leave(m, n, g, i, t_cross, now, sample)
        decision = m.decisions[g]
        decision.t_cross, decision.now, decision.sample = t_cross, now, m.control[0].sample
        decision.departs, decision.clipped = departs, clipped
        return departs_before(t_cross, departs, m.nodes[n].t_max)

    @kernel_part
    def emit_or_wait(m: Machine, n: int, g: int, i: int, t_cross: float, now: float, t: float, sample: Any) -> None:
        control = m.control[0]
        wanted, clipped = decided(m, n, g, i, t_cross, now, sample)
        m.neuron_states[g].spike_number += 1
        if m.neuron_states[g].probed > 0:
            m.neuron_states[g].probed = 2
        m.node_states[n].clipped += clipped
        if wanted == math.inf:
            m.node_states[n].lost += 1
            control.events += 1  # else no budget would end a neuron whose spikes are all lost
        elif wanted > t:
            control.pending = push_waiting(m, m.neurons.size, m.waiting.size, control.pending, wanted, g)
            m.node_states[n].delayed += 1
            control.events += 1  # else no budget would end a neuron whose spikes all wait
        else:
            control.fired = append(m, control.fired_at, control.due_at, control.fired, g)

    return emit_or_wait, earliest_departure


@functools.cache
def _make_decided(leave: Any) -> Any:
    """What `leave` returns, without drawing again where it was asked when the neuron was settled."""

    @kernel_part
    def decided(m: Machine, n: int, g: int, i: int, t_cross: float, now: float, sample: Any) -> tuple[float, int]:
        if m.control[0].early == 1:
            decision = m.decisions[g]
            if decision.now == now and decision.t_cross == t_cross and decision.sample == m.control[0].sample:
                return decision.departs, whole(decision.clipped)
        return leave(m, n, g, i, t_cross, now, sample)

    return decided


@functools.cache
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
        t, clipped, window = t_cross, 0, (m.nodes[n].t_min, m.nodes[n].t_max)
        for f in range(m.fault_keys.shape[0]):
            if m.fault_keys[f, n, 1] == EMISSION:
                kind, number = int(m.fault_keys[f, n, 2]), m.neuron_states[g].spike_number
                t = perturb(kind, m.stages[f], window, m.fault_keys[f, n, 0], sample, i, number, t)
                if t < now:
                    t = now
                    clipped = 1
        return t, clipped

    return leave


@functools.cache
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
                write_spike(m, output, g, t)
            if control.record & RECORD_FIRST and m.neuron_states[g].last_spike == -math.inf:
                output.first[control.sample, g] = t
                if control.record & RECORD_ERRORS:
                    output.errors[control.sample, g, 0] = m.neuron_states[g].error
                    output.errors[control.sample, g, 1] = m.neuron_states[g].error_network
            m.neuron_states[g].last_spike = t
            m.node_states[n].synaptic_events += m.neurons[g].fan_out
            status = send(m, output, n, g - node.first, t)
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
