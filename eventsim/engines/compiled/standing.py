"""A machine's sample as a state that both engines know, and the way back.

Relies on the machine's arrays. Used by `engine`. Nothing is advanced for it, so that a run in pieces has the bits of
one in one piece; what the loop has stored ahead (crossings up to a horizon) is left out and found again.
"""

import math
from typing import Any

import numpy as np

from eventsim.engines.compiled.clocks import place_clocks, ticks_to_take
from eventsim.engines.compiled.fabric_standing import lanes_to_come, parcels_under_way, place_parcels
from eventsim.engines.compiled.lanes import packets_in_flight, place_packets
from eventsim.engines.compiled.layout import cohorts_of, populations, slots, values_of
from eventsim.engines.compiled.machine import resize
from eventsim.engines.compiled.probes import place_probes
from eventsim.engines.compiled.queue import clear, push, requeue
from eventsim.engines.compiled.sources import place_stimulus
from eventsim.engines.compiled.synaptic_delays import place_travellers, spikes_under_way
from eventsim.engines.compiled.windows import new_switches, place_switches
from eventsim.engines.fabric_standing import refuse
from eventsim.engines.sample_state import FLAGS, WHOLE, Frame, SampleState, check_state
from eventsim.engines.tables import COUNTERS, Lowered, Machine
from eventsim.network.succession import Standing

Array = np.ndarray[Any, Any]
OF_NEURON = ("last_spike", "spike_number", "sent", "error", "error_network", "done")


def freeze(machine: Machine, sent: int, counts: Array) -> SampleState:
    """Where the sample at work stands, between two micro-steps.

    Parameters
    ----------
    sent
        How many of its source spikes have been sent.
    counts : array (n_nodes, n_counters)
        What was counted so far, for sources too.
    """
    control, nodes = machine.control[0], machine.nodes
    waiting = machine.waiting[machine.neurons.size : machine.neurons.size + int(control.pending)]
    packets, travel = packets_in_flight(machine), spikes_under_way(machine)
    arrays: dict[str, Any] = {
        "now": [control.now], "micro": [control.micro], "stimulus": [sent], "counts": counts.ravel(),
        "ticks": ticks_to_take(machine),
        "values": np.concatenate([np.empty(0), *(values_of(machine, n).ravel() for n in populations(machine))]),
        "since": np.zeros(machine.neurons.size),
        "certain": np.zeros(machine.neurons.size),
        **{name: machine.neuron_states[name] for name in OF_NEURON},
        "packet_lane": packets[0], "packet_t": packets[1], "packet_neuron": packets[2], "packet_number": packets[3],
        "travel_lane": travel[0], "travel_sent": travel[1], "travel_neuron": travel[2], "travel_number": travel[3],
        "travel_place": travel[4],
        "pending_t": waiting.t, "pending_neuron": waiting.who,
        "noted": machine.probe_states.noted, **parcels_under_way(machine),
    }  # fmt: skip
    for n in populations(machine):
        node = nodes[n]
        arrays["since"][node.first : node.first + node.n_neurons] = machine.since[cohorts_of(node)]
        touched = machine.cohort_states.touched_at[cohorts_of(node)]
        arrays["certain"][node.first : node.first + node.n_neurons] = touched
    return SampleState(**{name: np.array(array, dtype=_kind(name)) for name, array in arrays.items()})


def _kind(name: str) -> Any:
    return np.int64 if name in WHOLE else np.uint8 if name in FLAGS else np.float64


def thaw(lowered: Lowered, state: SampleState, frame: Frame, senders: Array, since: float) -> Lowered:
    """The machine with the state taken up; it must be lowered from the same network.

    Parameters
    ----------
    lowered, state, frame
        The machine, the state, and what the state is held against.
    senders : array (n_spikes,)
        Which neuron sends each source spike that the sample has now.
    since
        The time from which another network holds, where the machine is one of two (`succession`).

    Raises
    ------
    InputError
        Arrays that are no state of this network.
    """
    check_state(state, frame)
    machine = lowered.machine
    in_flight = np.bincount(np.concatenate([state.packet_lane, state.travel_lane]), minlength=len(machine.lanes))
    in_flight += lanes_to_come(state, frame.fabric, len(machine.lanes))
    machine.lane_states.head = machine.lane_states.tail = 0
    machine.control.pending = machine.control.due = 0
    lowered = resize(lowered, 2 * in_flight, len(state.pending_t) + 4 * machine.neurons.size)
    machine = lowered.machine
    for name, begin in lowered.initial._asdict().items():
        getattr(machine, name)[: len(begin)] = begin
    machine.decisions.now = math.nan  # they were of another sample
    clear(machine.queue)
    switches, n_made = new_switches(
        frame.net, lowered.initial.node_states.params, machine.nodes.params_size, Standing(float(state.now[0]), since)
    )
    machine = machine._replace(switches=switches)
    lowered = Lowered(machine, lowered.initial)
    _place_time(machine, state, n_made)
    for name in OF_NEURON:
        machine.neuron_states[name] = getattr(state, name)
    place = 0
    for n in populations(machine):
        place = _place_population(machine, n, state, place)
    if frame.fed:
        place_stimulus(machine, frame.times, senders, float(state.now[0]))
    place_packets(machine, state)
    place_travellers(machine, state)
    waiting = machine.neurons.size
    for k, (t, g) in enumerate(zip(state.pending_t.tolist(), state.pending_neuron.tolist(), strict=True)):
        push(machine.waiting, waiting, k, t, g)
    machine.control.pending = len(state.pending_t)
    machine.probe_states.noted = state.noted
    place_probes(machine)
    if frame.fabric is not None:
        machine = machine._replace(fabric=place_parcels(machine, state, frame.fabric))
    return Lowered(machine, lowered.initial)


def _place_time(machine: Machine, state: SampleState, n_made: int) -> None:
    """Where the sample is in time: windows and drives, clocks, and the stimulus."""
    control, now = machine.control, float(state.now[0])
    control.now, control.micro = now, state.micro[0]
    control.stamp = control.touched = control.fired = control.packets = 0
    control.lost, control.lost_neuron = math.inf, 0
    control.written = control.stimulus = state.stimulus[0]
    place_switches(machine, n_made)
    counts = state.counts.reshape(len(machine.nodes), -1)
    for column, name in enumerate(COUNTERS):
        machine.node_states[name] = counts[:, column]
    place_clocks(machine, state)


def _place_population(machine: Machine, n: int, state: SampleState, place: int) -> int:
    """The states of population n, of which `place` is the first number; return where those of the next begin."""
    node, first = machine.nodes[n], int(machine.node_states.state[n])
    size = int(node.n_state * node.n_neurons)
    place_of, cohorts = slots(node), cohorts_of(node)
    rows = machine.values[first : first + size].reshape(node.n_state, node.n_neurons)
    rows[:, place_of] = state.values[place : place + size].reshape(node.n_state, node.n_neurons)
    mine = slice(int(node.first), int(node.first + node.n_neurons))
    since, active = state.since[mine], state.done[mine] == 0
    machine.since[cohorts] = since
    machine.since[cohorts[active]] = since[active]  # nobody looks at the state of those that have spiked once
    if (machine.since[cohorts[active]] != since[active]).any():
        refuse("has neurons that receive the same inputs and stand at different times")
    np.maximum.at(machine.cohort_states.touched_at, cohorts[active], state.certain[mine][active])
    if node.refracts:
        for c in cohorts[(since > state.now[0]) & (state.now[0] >= 0)].tolist():
            machine.cohort_states.refractory[c] = 1
            machine.cohort_states.queued[c] = machine.since[c] < math.inf
            requeue(machine.queue, c, float(machine.since[c]))
    return place + size
