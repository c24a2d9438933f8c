"""Arrival: what the queue holds for a time, and how packets are folded into their targets.

Relies on the machine's arrays, the queue and the models' dynamics. Used by `compiled`.
"""

import math
from typing import Any

from eventsim._jit import jitable, kernel_part
from eventsim.engines.compiled.emission import refill, write_stimulus
from eventsim.engines.compiled.horizon import heap_of, rekey, schedule, touch
from eventsim.engines.compiled.keys import clock_key, lane_key, switch_key
from eventsim.engines.compiled.lists import append
from eventsim.engines.compiled.lookahead import TOGETHER
from eventsim.engines.compiled.queue import pop, requeue, second_key, sort_numbers
from eventsim.engines.compiled.synaptic_delays import gather_travellers
from eventsim.engines.tables import (
    CLOSED,
    CONV,
    DENSE,
    INTEGRATING,
    OPEN,
    RECORD_SOURCES,
    SPARSE,
    SPREAD,
    T_MAX,
    T_MIN,
    T_START,
    T_STEP,
    Machine,
    Output,
    Stimulus,
    packet_at,
)

ULP = 2.0**-53
# A source's lane is filled again where fewer packets are left: lookahead wants to see several.
LOW = 2 * TOGETHER


def _make_switch(readout: Any, open_window: Any) -> Any:
    """Stage 2: node n begins to integrate (t_start), opens (t_min) or closes (t_max), or its drive changes."""

    @jitable
    def switch_node(m: Machine, output: Output, t: float, n: int, what: int) -> None:
        node = m.nodes[n]
        if what == T_START:
            m.node_states[n].phase = INTEGRATING
            for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
                touch(m, c, t)
                m.cohort_states[c].fresh = 1
                m.cohort_states[c].flagged = 1
        elif what != T_MAX:
            open_window(node.dynamics, m, n, t, what == T_MIN)
            if what == T_STEP:
                m.node_states[n].params += node.params_size
                m.node_states[n].piece += 1
            elif node.readout >= 0:
                readout(node.dynamics, m, n, output.readout[m.control[0].sample])
                m.node_states[n].phase = CLOSED
            else:
                m.node_states[n].phase = OPEN
        else:
            m.node_states[n].phase = CLOSED
        if m.node_states[n].phase == CLOSED:
            for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
                rekey(m, c, math.inf)

    return switch_node


def _make_gather_cohort(cross: Any) -> Any:
    """A cohort's time has come: a stored crossing fires (stage 1), a refractory end or a bound is looked at."""

    @kernel_part
    def gather_cohort(m: Machine, c: int, t: float, sample: Any) -> None:
        n = m.cohorts[c].node
        node = m.nodes[n]
        cohort = m.cohort_states[c]
        if cohort.refractory == 1:
            cohort.refractory = 0
            cohort.flagged = 1
            rekey(m, c, math.inf)
            touch(m, c, t)
            return
        if node.shared == 1 and cohort.candidates == 0:
            cohort.flagged = 1
            rekey(m, c, math.inf)
            touch(m, c, t)
            return
        rekey(m, c, math.inf)
        crossing = True
        while crossing:
            i, heap = c - node.cohort, heap_of(node, c)
            if node.shared == 1:
                i = m.waiting[heap].who
                cohort.candidates = pop(m.waiting, heap, cohort.candidates)
            crossing = cohort.candidates > 0 and m.waiting[heap].t == t
            cross(node.dynamics, m, n, c, i, t, sample)
        if node.shared == 1:
            schedule(m, node, c)

    return gather_cohort


@kernel_part
def gather_lane(m: Machine, stimulus: Stimulus, k: int, t: float) -> None:
    """Take all packets of lane k that arrive at t."""
    control = m.control[0]
    lane, lane_state = m.lanes[k], m.lane_states[k]
    while True:
        if lane_state.tail - lane_state.head < LOW and lane_state.cursor < control.stimulus_end:
            refill(m, stimulus, k)
        if lane_state.head == lane_state.tail:
            break
        place = packet_at(lane_state, 0)
        if m.ring[place].t != t:
            break
        code = (((lane.pre << 31) + m.ring[place].neuron) << 16) + k
        control.packets = append(m, control.packets_at, m.work.size, control.packets, code)
        lane_state.head += 1
    key = math.inf
    if lane_state.head < lane_state.tail:
        key = m.ring[packet_at(lane_state, 0)].t
    requeue(m.queue, lane_key(m, k), key)


def make_gather(cross: Any, readout: Any, open_window: Any) -> Any:
    """Take everything that the queue holds for time t: crossings fire (stage 1), intervals end (stage 2)."""
    switch_node, gather_cohort = _make_switch(readout, open_window), _make_gather_cohort(cross)

    @kernel_part
    def gather(m: Machine, stimulus: Stimulus, output: Output, t: float, sample: Any) -> None:
        control = m.control[0]
        first_switch = control.switch
        while m.queue[0].key == t:
            node = m.queue[0].node
            control.queue_operations += 1
            if node < m.cohorts.size:
                gather_cohort(m, node, t, sample)
            elif node < switch_key(m):
                k = node - lane_key(m, 0)
                if m.lanes[k].kind == SPREAD:
                    gather_travellers(m, k, t)
                else:
                    gather_lane(m, stimulus, k, t)
            elif node == switch_key(m):
                while m.switches[control.switch].t == t:
                    control.switch += 1
                requeue(m.queue, node, m.switches[control.switch].t)
            else:
                clock = node - clock_key(m, 0)
                control.due = append(m, control.due_at, control.packets_at, control.due, clock)
                m.node_states[clock].tick += 1
                requeue(m.queue, node, m.node_states[clock].tick * m.nodes[clock].period)
        for j in range(first_switch, control.switch):  # after the crossings: they saw the state before the change
            switch_node(m, output, t, m.switches[j].node, m.switches[j].what)
            control.events += 1

    return gather


def make_deliver(dense: Any, conv: Any, row: Any) -> Any:
    """Stage 3: fold all packets of this micro-step into their targets, in the published order.

    Where packets in the lanes are all that is under way (``control.lookahead``), those that follow alone may be taken
    at once: each is a micro-step of its own in which nothing else happens, so none of the other stages is gone through.
    Returns the time reached. `take` is called in one place, since all of the models' code is compiled into it.
    """
    take = _make_take(dense, conv, row)

    @kernel_part
    def deliver(m: Machine, stimulus: Stimulus, output: Output, begun: float) -> float:
        control = m.control[0]
        if control.packets == 0:
            return begun
        if control.packets > 1:
            sort_numbers(m.work[control.packets_at : control.packets_at + control.packets], control.packets)
        control.events += control.packets
        t, limit, j, k, neuron = begun, -math.inf, 0, 0, 0
        while True:
            if j < control.packets:
                code = m.work[control.packets_at + j]
                k, neuron = code & 0xFFFF, (code >> 16) & 0x7FFFFFFF
            else:
                if control.lookahead == 0 or control.touched > 0 or control.fired > 0 or control.due > 0:
                    break
                if j == control.packets:
                    limit = _alone_until(m, k)
                neuron = _next_alone(m, stimulus, output, k, limit)
                if neuron < 0:
                    break
                t = control.now
            j += 1
            take(m, k, neuron, t)
        control.packets = 0
        if t > begun:
            lane_state = m.lane_states[k]
            control.micro = 0
            key = m.ring[packet_at(lane_state, 0)].t if lane_state.head < lane_state.tail else math.inf
            requeue(m.queue, lane_key(m, k), key)
            control.queue_operations += 1
        return t

    return deliver


@kernel_part
def _alone_until(m: Machine, k: int) -> float:
    """Nothing but packets of lane k happens before this time; -inf where something else comes first."""
    if m.queue[0].node != lane_key(m, k) or m.lanes[k].kind == SPREAD:
        return -math.inf
    control = m.control[0]
    limit = min(control.until, second_key(m.queue))
    if control.pending > 0:
        limit = min(limit, m.waiting[m.neurons.size].t)
    return limit


@kernel_part
def _next_alone(m: Machine, stimulus: Stimulus, output: Output, k: int, limit: float) -> int:
    """Go on to the next packet of lane k and return its neuron; -1 where it does not come alone and before `limit`."""
    control, lane_state = m.control[0], m.lane_states[k]
    if limit == -math.inf or control.events + 1 >= control.stop:
        return -1
    if lane_state.tail - lane_state.head < LOW and lane_state.cursor < control.stimulus_end:
        refill(m, stimulus, k)
    if lane_state.head == lane_state.tail:
        return -1
    first = m.ring[packet_at(lane_state, 0)]
    if not first.t < min(limit, control.lost):  # the last refill may have met a spike whose delay is lost
        return -1
    if lane_state.head + 1 < lane_state.tail and m.ring[packet_at(lane_state, 1)].t == first.t:
        return -1
    if control.record & RECORD_SOURCES and not write_stimulus(m, stimulus, output, first.t):
        return -1
    lane_state.head += 1
    control.events += 1
    control.now = first.t
    return int(first.neuron)


@kernel_part
def _synapses(m: Machine, k: int, neuron: int) -> tuple[int, int, int]:
    """How many synapses a packet of lane k reaches; of a sparse lane also the first, and the one behind the last."""
    lane, lane_state = m.lanes[k], m.lane_states[k]
    if lane.kind == DENSE:
        return m.nodes[lane.post].n_neurons, 0, 0
    if lane.kind == SPARSE:
        first, last = m.links[lane.rows + neuron], m.links[lane.rows + neuron + 1]
        return last - first, first, last
    if lane.kind == CONV:
        row = lane.rows + neuron % lane.positions
        return (m.links[row + 1] - m.links[row]) * lane.group_out, 0, 0
    if lane.kind == SPREAD:
        reached = m.travel[lane_state.offset + lane_state.mask + 1 + lane_state.taken]
        lane_state.taken += 1
        if lane_state.taken == lane_state.arrived:
            lane_state.taken = lane_state.arrived = 0
        return reached.end - reached.place, reached.place, reached.end
    return 1, 0, 0


def _make_take(dense: Any, conv: Any, row: Any) -> Any:
    """Fold the packet of one neuron that lane k brings at t into its targets, and count it."""

    @kernel_part
    def take(m: Machine, k: int, neuron: int, t: float) -> None:
        lane = m.lanes[k]
        n = lane.post
        node = m.nodes[n]
        count, first, last = _synapses(m, k, neuron)
        m.node_states[n].visited += count
        if m.node_states[n].phase >= OPEN:
            m.node_states[n].late += count
            if node.deaf == 1 or m.node_states[n].phase == CLOSED:
                return
        error = m.neuron_states[m.nodes[lane.pre].first + neuron].error_network
        if lane.delay > 0.0:
            error += ULP * t  # t is the rounded sum of the spike's time and the delay
        if node.shared == 1 and lane.kind == CONV:
            conv(node.dynamics, m, n, k, neuron, t, error)
        elif node.shared == 1:
            dense(node.dynamics, m, n, k, neuron, t, error)
        else:
            row(node.dynamics, m, n, lane, neuron, first, last, t, error)

    return take
