"""Spikes whose synapses have delays of their own: one entry a spike travels from delay to delay.

Relies on the machine's arrays. Used by `sending`, `gathering`, `standing`, only where a network has such delays. The
spikes under way in a lane are a heap by (next arrival, neuron, place, spike number), where a place is a synapse in the
canonical order (source, delay, target, weight). A spike that has arrived at the synapses of one delay, or of several
that round to one arrival, goes on to the next one.
"""

import math
from typing import Any

import numpy as np

from eventsim._jit import jitable, kernel_part, whole
from eventsim.engines.compiled.keys import lane_key
from eventsim.engines.compiled.lanes import note_packet
from eventsim.engines.compiled.queue import requeue
from eventsim.engines.sample_state import SampleState
from eventsim.engines.tables import SPREAD, Machine

Array = np.ndarray[Any, Any]


@jitable
def _earlier(a: Any, b: Any) -> bool:
    """Does a come out of the heap before b?"""
    if a.t != b.t:
        return a.t < b.t
    if a.neuron != b.neuron:
        return a.neuron < b.neuron
    if a.place != b.place:
        return a.place < b.place
    return a.number < b.number


@kernel_part
def _move(m: Machine, to: int, origin: int) -> None:
    here, there = m.travel[to], m.travel[origin]
    here.t, here.sent, here.place = there.t, there.sent, there.place
    here.neuron, here.number = there.neuron, there.number


@kernel_part
def add_traveller(m: Machine, k: int, t: float, sent: float, neuron: int, number: int, place: int) -> None:
    """Put a spike into the heap of lane k; the place behind the lane's last one is free."""
    lane_state = m.lane_states[k]
    if lane_state.tail >= lane_state.mask:
        m.control[0].full = 1
        return
    base, hole = lane_state.offset, lane_state.offset + lane_state.tail
    new = m.travel[lane_state.offset + lane_state.mask]
    new.t, new.sent, new.neuron, new.number, new.place = t, sent, neuron, number, place
    while hole > base:
        parent = base + ((hole - base - 1) >> 1)
        if not _earlier(new, m.travel[parent]):
            break
        _move(m, hole, parent)
        hole = parent
    _move(m, hole, base + lane_state.mask)
    lane_state.tail += 1


@kernel_part
def _drop_first(m: Machine, k: int) -> None:
    """Take the first spike out of the heap of lane k."""
    lane_state = m.lane_states[k]
    lane_state.tail -= 1
    base, size = lane_state.offset, lane_state.tail
    last = m.travel[base + size]
    hole = 0
    child = 1
    while child < size:
        if child + 1 < size and _earlier(m.travel[base + child + 1], m.travel[base + child]):
            child += 1
        if not _earlier(m.travel[base + child], last):
            break
        _move(m, base + hole, base + child)
        hole = child
        child = 2 * hole + 1
    _move(m, base + hole, base + size)


@kernel_part
def _key(m: Machine, k: int) -> float:
    """When the next spike of lane k arrives; inf: none is under way."""
    lane_state = m.lane_states[k]
    return m.travel[lane_state.offset].t if lane_state.tail > 0 else math.inf


@kernel_part
def go_to(m: Machine, k: int, sent: float, neuron: int, number: int, place: int) -> None:
    """Let a spike that came out at `sent` travel to a synapse, if it has one there."""
    lane = m.lanes[k]
    if place < m.links[lane.rows + neuron + 1]:
        add_traveller(m, k, sent + m.delays[lane.delays + place], sent, neuron, number, place)


@kernel_part
def set_out(m: Machine, k: int, sent: float, neuron: int, number: int) -> bool:
    """Send a spike into lane k; False where rounding loses a delay."""
    lane = m.lanes[k]
    first, end = m.links[lane.rows + neuron], m.links[lane.rows + neuron + 1]
    for place in range(first, end):  # in the order of delays: one that is not lost ends the search
        delay = m.delays[lane.delays + place]
        if delay > 0.0:
            if sent + delay == sent:
                return False
            break
    before = _key(m, k)
    go_to(m, k, sent, neuron, number, first)
    key = _key(m, k)
    if key < before:
        requeue(m.queue, lane_key(m, k), key)
        m.control[0].queue_operations += 1
    return True


@kernel_part
def gather_travellers(m: Machine, k: int, t: float) -> None:
    """Take the synapses of lane k that are reached at t, in canonical order, and let their spikes go on.

    Each is a packet in the list of the micro-step; which synapses it reaches stands in the lane's second half.
    """
    control, lane, lane_state = m.control[0], m.lanes[k], m.lane_states[k]
    while _key(m, k) == t:
        first = m.travel[lane_state.offset]
        sent, neuron, number, place = first.sent, whole(first.neuron), whole(first.number), first.place
        end = m.links[lane.rows + neuron + 1]
        if lane_state.arrived > lane_state.mask:
            control.full = 1
            break
        reached = m.travel[lane_state.offset + lane_state.mask + 1 + lane_state.arrived]
        reached.neuron, reached.number, reached.place = neuron, number, place
        while place < end and sent + m.delays[lane.delays + place] == t:
            place += 1
        reached.end = place
        lane_state.arrived += 1
        _drop_first(m, k)
        go_to(m, k, sent, neuron, number, place)
        note_packet(m, k, neuron, 0)  # its number stands with the synapses that it reaches
    requeue(m.queue, lane_key(m, k), _key(m, k))


def spikes_under_way(machine: Machine) -> tuple[Array, Array, Array, Array, Array]:
    """Lane, time of leaving, neuron, number and next synapse of the spikes under way, (n_travellers,) each.

    Synapses are counted from the neuron's first.
    """
    nothing = np.empty(0, dtype=np.int64)
    parts = [(nothing, np.empty(0), nothing, nothing, nothing)]
    for k in np.flatnonzero(machine.lanes.kind == SPREAD).tolist():
        lane = machine.lane_states[k]
        inside = machine.travel[int(lane.offset) : int(lane.offset) + int(lane.tail)]
        begin = machine.links[machine.lanes.rows[k] + inside.neuron]
        parts.append((np.full(len(inside), k), inside.sent, inside.neuron, inside.number, inside.place - begin))
    lanes, left, neurons, numbers, places = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return lanes, left, neurons, numbers, places


def place_travellers(machine: Machine, state: SampleState) -> None:
    """Put the spikes of a state on their way, into lanes that are empty."""
    travel = (state.travel_lane, state.travel_sent, state.travel_neuron, state.travel_number, state.travel_place)
    for k, sent, neuron, number, place in zip(*(column.tolist() for column in travel), strict=True):
        lane = machine.lanes[k]
        synapse = int(machine.links[lane.rows + neuron]) + place
        arrival = sent + float(machine.delays[lane.delays + synapse])
        add_traveller(machine, k, arrival, sent, neuron, number, synapse)
    for k in np.unique(state.travel_lane).tolist():
        requeue(machine.queue, lane_key(machine, k), float(machine.travel.t[machine.lane_states.offset[k]]))
