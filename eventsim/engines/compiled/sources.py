"""Spikes from outside: lanes are filled with them as far ahead as there is room.

Where a transport or delays of synapses decide on their order, they are sent at their time. A spike whose delay is lost
by rounding ends the run where it is sent. Relies on the lanes. Used by the loop and by `gathering`.
"""

from typing import Any

import numpy as np

from eventsim._jit import kernel, kernel_part
from eventsim.engines.compiled.lanes import push_packet
from eventsim.engines.compiled.spike_records import write_spike
from eventsim.engines.tables import DONE, RECORD_SOURCES, Machine, Output, Stimulus

Array = np.ndarray[Any, Any]


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
            push_packet(m, k, arrival, i, 0)


@kernel_part
def fill_lanes(m: Machine, stimulus: Stimulus) -> None:
    """Put the next packets of sources into their lanes."""
    for k in range(m.lanes.size):
        refill(m, stimulus, k)


def make_feed(send: Any) -> Any:
    """Sources whose spikes are sent at their time send those of t; one whose delay is lost is noted, and ends it."""

    @kernel_part
    def feed(m: Machine, stimulus: Stimulus, output: Output, t: float) -> None:
        control = m.control[0]
        while control.stimulus < control.stimulus_end and stimulus.time[control.stimulus] == t:
            g = stimulus.neuron[control.stimulus]
            n = m.neurons[g].node
            if send(m, output, n, g - m.nodes[n].first, t) != DONE:
                note_lost(m, t, g)
                break
            control.stimulus += 1

    return feed


@kernel_part
def note_lost(m: Machine, t: float, g: int) -> None:
    """Source neuron g sends a spike at t whose delay rounding loses: the first by time and neuron ends it."""
    control = m.control[0]
    if t < control.lost or (t == control.lost and g < control.lost_neuron):
        control.lost = t
        control.lost_neuron = g


@kernel_part
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
            write_spike(m, output, stimulus.neuron[control.written], stimulus.time[control.written])
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
        write_spike(m, output, g, t)
        control.written += 1
    return True


def place_stimulus(machine: Machine, times: Array, senders: Array, now: float) -> None:
    """Let lanes that take their packets from the stimulus go on behind those that have arrived at `now`.

    `times` and `senders` are those of the source spikes of the sample, (n_spikes,).
    """
    for k, lane in enumerate(machine.lane_states):
        pre = machine.lanes.pre[k]
        if machine.nodes.dynamics[pre] < 0:
            own = np.flatnonzero(machine.neurons.node[senders] == pre)
            came = int(np.count_nonzero(times[own] + machine.lanes.delay[k] <= now))
            lane.cursor = own[came] if came < len(own) else len(senders)
            lane.head = lane.tail = came


@kernel
def most_at_once(times: Any, start: Any, delay: float) -> int:
    """The largest number of spikes of one sample that arrive at one time.

    `times` has the shape (n_spikes,); entries start[row]:start[row + 1] are those of one sample, (n_samples + 1,).
    """
    most = 0
    for row in range(start.size - 1):
        first = start[row]
        for j in range(start[row], start[row + 1]):
            if times[j] + delay > times[first] + delay:
                first = j
            most = max(most, j - first + 1)
    return most


@kernel
def count_sent(
    times: Any, neurons: Any, start: Any, sent: Any, node: Any, fan_out: Any, spikes: Any, events: Any, first: Any
) -> None:
    """Add up the source spikes of each sample, from start[row] to sent[row], and note the first ones.

    `times` and `neurons` have the shape (n_spikes,), `start` and `sent` a number a sample, `node` and `fan_out` one a
    neuron. `spikes` and `events` have a row a sample and a column a node, `first` a column a neuron, or no rows.
    """
    for row in range(sent.size):
        for j in range(start[row], sent[row]):
            t, g = times[j], neurons[j]
            spikes[row, node[g]] += 1
            events[row, node[g]] += fan_out[g]
            if first.shape[0] > 0 and t < first[row, g]:
                first[row, g] = t
