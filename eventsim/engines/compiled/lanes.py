"""Lanes: the packets under way in a projection, first in, first out, since they have one delay; one queue key a lane.

Relies on the machine's arrays. Used by `sending`, `sources` and `gathering`, and by `standing`, which keeps what is in
them and puts it back.
"""

from typing import Any

import numpy as np

from eventsim._jit import kernel_part
from eventsim.engines.compiled.keys import lane_key
from eventsim.engines.compiled.lists import append
from eventsim.engines.compiled.queue import requeue
from eventsim.engines.sample_state import SampleState
from eventsim.engines.tables import NO_LIMIT, SPREAD, Machine

Array = np.ndarray[Any, Any]


@kernel_part
def push_packet(m: Machine, k: int, t: float, neuron: int, number: int) -> None:
    """Put a packet into lane k, spike `number` of a neuron; its queue key changes only where the lane was empty."""
    lane_state = m.lane_states[k]
    if lane_state.tail - lane_state.head > lane_state.mask:
        m.control[0].full = 1
        return
    place = lane_state.offset + (lane_state.tail & lane_state.mask)
    m.ring[place].t = t
    m.ring[place].neuron = neuron
    m.ring[place].number = number
    if lane_state.head == lane_state.tail:
        requeue(m.queue, lane_key(m, k), t)
        m.control[0].queue_operations += 1
    lane_state.tail += 1


@kernel_part
def note_packet(m: Machine, k: int, neuron: int, number: int) -> None:
    """Note a packet of lane k for this micro-step: its place in the order of events, and the number of its spike."""
    control = m.control[0]
    code, before = (((m.lanes[k].pre << 31) + neuron) << 16) + k, control.packets
    control.packets = append(m, control.packets_at, control.numbers_at, before, code)
    if control.packets > before:  # there is room for as many numbers
        m.work[control.numbers_at + before] = number


def packets_in_flight(machine: Machine) -> tuple[Array, Array, Array, Array]:
    """Lane, time, neuron and spike number of the packets in flight, (n_packets,) each.

    Packets that lanes take from the stimulus are left out.
    """
    nothing = np.empty(0, dtype=np.int64)
    parts = [(nothing, np.empty(0), nothing, nothing)]
    for k, lane in enumerate(machine.lane_states):
        if lane.cursor == NO_LIMIT and machine.lanes.kind[k] != SPREAD:
            inside = machine.ring[int(lane.offset) + (np.arange(int(lane.head), int(lane.tail)) & int(lane.mask))]
            parts.append((np.full(len(inside), k), inside.t, inside.neuron, inside.number))
    lanes, times, neurons, numbers = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return lanes, times, neurons, numbers


def place_packets(machine: Machine, state: SampleState) -> None:
    """Put the packets of a state into lanes that are empty."""
    for k in np.unique(state.packet_lane).tolist():
        mine, lane = state.packet_lane == k, machine.lane_states[k]
        begin, count = int(lane.offset), int(np.count_nonzero(mine))
        machine.ring.t[begin : begin + count] = state.packet_t[mine]
        machine.ring.neuron[begin : begin + count] = state.packet_neuron[mine]
        machine.ring.number[begin : begin + count] = state.packet_number[mine]
        lane.tail = count
        requeue(machine.queue, lane_key(machine, k), float(state.packet_t[mine][0]))
