"""Arrival: which packets are folded into their targets in a micro-step, and which of those behind it with them.

Relies on the machine's arrays, the queue and the models' dynamics. Used by the loop.
"""

import functools
import math
from typing import Any

from eventsim._jit import kernel_part, whole
from eventsim.engines.compiled.delivery import make_spike
from eventsim.engines.compiled.keys import lane_key
from eventsim.engines.compiled.lookahead import TOGETHER
from eventsim.engines.compiled.queue import requeue, second_key, sort_numbers, sort_pairs
from eventsim.engines.compiled.sources import refill, write_stimulus
from eventsim.engines.tables import (
    CLOSED,
    CONV,
    DENSE,
    OPEN,
    RECORD_SOURCES,
    SPARSE,
    SPREAD,
    Machine,
    Output,
    Stimulus,
    packet_at,
)

ULP = 2.0**-53
# A source's lane is filled again where fewer packets are left: lookahead wants to see several.
LOW = 2 * TOGETHER


@functools.cache
def make_arrive(delivers: tuple[Any, ...], receptors: bool, dense: Any, conv: Any, row: Any) -> Any:
    """Stage 3: fold all packets of this micro-step into their targets, in the published order.

    Where packets in the lanes are all that is under way (``control.lookahead``), those that follow alone may be taken
    at once: each is a micro-step of its own in which nothing else happens, so none of the other stages is gone through.
    Returns the time reached. `take` is called in one place, since all of the models' code is compiled into it.
    """
    take, sort = _make_take(make_spike(delivers, receptors), dense, conv, row), _make_sort(len(delivers) > 0)

    @kernel_part
    def arrive(m: Machine, stimulus: Stimulus, output: Output, begun: float, sample: Any) -> float:
        control = m.control[0]
        if control.packets == 0:
            return begun
        sort(m)
        control.events += control.packets
        t, limit, j, k, neuron, number = begun, -math.inf, 0, 0, 0, 0
        while True:
            if j < control.packets:
                code = m.work[control.packets_at + j]
                k, neuron = code & 0xFFFF, (code >> 16) & 0x7FFFFFFF
                number = m.work[control.numbers_at + j]
            else:
                if control.lookahead == 0 or control.touched > 0 or control.fired > 0 or control.due > 0:
                    break
                if j == control.packets:
                    limit = _alone_until(m, k)
                neuron = _next_alone(m, stimulus, output, k, limit)
                if neuron < 0:
                    break
                t, number = control.now, 0  # nobody asks for it: where a fault does, packets are never taken so
            j += 1
            take(m, k, neuron, number, t, sample)
        control.packets = 0
        if t > begun:
            lane_state = m.lane_states[k]
            control.micro = 0
            key = m.ring[packet_at(lane_state, 0)].t if lane_state.head < lane_state.tail else math.inf
            requeue(m.queue, lane_key(m, k), key)
            control.queue_operations += 1
        return t

    return arrive


@functools.cache
def _make_sort(numbered: bool) -> Any:
    """Put the packets of this micro-step into the order of events: (population, neuron, lane), then spike number.

    The last tells two spikes of one neuron apart that rounding made arrive at one time; without arrival faults they
    are alike.
    """

    @kernel_part
    def sort(m: Machine) -> None:
        control = m.control[0]
        if control.packets > 1:
            codes = m.work[control.packets_at : control.packets_at + control.packets]
            if numbered:
                numbers = m.work[control.numbers_at : control.numbers_at + control.packets]
                sort_pairs(codes, numbers, control.packets)
            else:
                sort_numbers(codes, control.packets)

    return sort


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
    return whole(first.neuron)


@kernel_part
def _synapses(m: Machine, k: int, neuron: int, number: int) -> tuple[int, int, int, int]:
    """How many synapses a packet of lane k reaches; of a sparse lane also the first, and the one behind the last.

    Last the number of its spike, which in a lane of synapses with own delays is kept with them.
    """
    lane, lane_state = m.lanes[k], m.lane_states[k]
    if lane.kind == DENSE:
        return m.nodes[lane.post].n_neurons, 0, 0, number
    if lane.kind == SPARSE:
        first, last = m.links[lane.rows + neuron], m.links[lane.rows + neuron + 1]
        return last - first, first, last, number
    if lane.kind == CONV:
        row = lane.rows + neuron % lane.positions
        return (m.links[row + 1] - m.links[row]) * lane.group_out, 0, 0, number
    if lane.kind == SPREAD:
        reached = m.travel[lane_state.offset + lane_state.mask + 1 + lane_state.taken]
        lane_state.taken += 1
        if lane_state.taken == lane_state.arrived:
            lane_state.taken = lane_state.arrived = 0
        return reached.end - reached.place, reached.place, reached.end, whole(reached.number)
    return 1, 0, 0, number


@functools.cache
def _make_take(spike: Any, dense: Any, conv: Any, row: Any) -> Any:
    """Fold the packet of one neuron that lane k brings at t into its targets, and count it."""

    @kernel_part
    def take(m: Machine, k: int, neuron: int, sent: int, t: float, sample: Any) -> None:
        lane = m.lanes[k]
        n = lane.post
        node = m.nodes[n]
        count, first, last, number = _synapses(m, k, neuron, sent)
        m.node_states[n].visited += count
        if m.node_states[n].phase >= OPEN:
            m.node_states[n].late += count
            if node.deaf == 1 or m.node_states[n].phase == CLOSED:
                return
        error = m.neuron_states[m.nodes[lane.pre].first + neuron].error_network
        if lane.delay > 0.0:
            error += ULP * t  # t is the rounded sum of the spike's time and the delay
        one = spike(m, k, number, sample)
        if node.shared == 1 and lane.kind == CONV:
            conv(node.dynamics, m, n, k, neuron, one, t, error)
        elif node.shared == 1:
            dense(node.dynamics, m, n, k, neuron, one, t, error)
        else:
            row(node.dynamics, m, n, lane, neuron, first, last, one, t, error)

    return take
