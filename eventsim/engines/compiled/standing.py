"""A machine's sample as a state that both engines know, and the way back.

Relies on the machine's arrays. Used by `engine`. Nothing is advanced for it, so that a run in pieces has the bits of
one in one piece; what the loop has stored ahead (crossings up to a horizon) is left out and found again.
"""

import math
from typing import Any

import numpy as np

from eventsim.engines.compiled.keys import clock_key, lane_key, switch_key
from eventsim.engines.compiled.machine import resize
from eventsim.engines.compiled.queue import clear, push, requeue
from eventsim.engines.compiled.synaptic_delays import add_traveller
from eventsim.engines.sample_state import FLAGS, WHOLE, Frame, SampleState, arrived, check_state, refuse
from eventsim.engines.tables import (
    CLOSED,
    COUNTERS,
    INTEGRATING,
    NO_LIMIT,
    OPEN,
    SPREAD,
    T_MAX,
    T_MIN,
    T_START,
    T_STEP,
    Machine,
)

Array = np.ndarray[Any, Any]
OF_NEURON = ("last_spike", "spike_number", "error", "error_network", "done")


def freeze(machine: Machine, sent: int, counts: Array) -> SampleState:
    """Where the sample at work stands, between two micro-steps.

    `sent`: of its source spikes. `counts`: what was counted so far, of sources too, (n_nodes, n_counters).
    """
    control, nodes = machine.control[0], machine.nodes
    ticks = machine.node_states.tick.copy()
    ticks[machine.work[int(control.due_at) : int(control.due_at) + int(control.due)]] -= 1
    waiting = machine.waiting[machine.neurons.size : machine.neurons.size + int(control.pending)]
    packets, travel = _packets(machine), _travel(machine)
    held: dict[str, Any] = {
        "now": [control.now], "micro": [control.micro], "sent": [sent], "counts": counts.ravel(), "ticks": ticks,
        "values": np.concatenate([np.empty(0), *(_values(machine, n).ravel() for n in _populations(machine))]),
        "since": np.zeros(machine.neurons.size),
        **{name: machine.neuron_states[name] for name in OF_NEURON},
        "packet_lane": packets[0], "packet_t": packets[1], "packet_neuron": packets[2],
        "travel_lane": travel[0], "travel_sent": travel[1], "travel_neuron": travel[2], "travel_place": travel[3],
        "pending_t": waiting.t, "pending_neuron": waiting.who,
        "noted": machine.probe_states.noted, "transport": machine.transport_state,
    }  # fmt: skip
    for n in _populations(machine):
        node = nodes[n]
        held["since"][node.first : node.first + node.n_neurons] = machine.since[_cohorts_of(node)]
    return SampleState(**{name: np.array(array, dtype=_kind(name)) for name, array in held.items()})


def _kind(name: str) -> Any:
    return np.int64 if name in WHOLE else np.uint8 if name in FLAGS else np.float64


def _populations(machine: Machine) -> list[int]:
    found: list[int] = np.flatnonzero(machine.nodes.dynamics >= 0).tolist()
    return found


def _slots(node: Any) -> Array:
    """Where each neuron's state is kept (`slot_of`)."""
    neurons = np.arange(node.n_neurons)
    channels = node.n_neurons // node.positions
    return np.asarray((neurons % node.positions) * channels + neurons // node.positions)


def _cohorts_of(node: Any) -> Array:
    """The cohort of each neuron of a population."""
    return np.asarray(node.cohort + _slots(node) // node.cohort_size)


def _values(machine: Machine, n: int) -> Array:
    """The states of population n, (n_state, n_neurons), by neuron."""
    node, first = machine.nodes[n], int(machine.node_states.state[n])
    rows = machine.values[first : first + int(node.n_state * node.n_neurons)]
    return np.asarray(rows.reshape(node.n_state, node.n_neurons)[:, _slots(node)])


def _packets(machine: Machine) -> tuple[Array, Array, Array]:
    """Lane, time and neuron of the packets in flight; what sources send is known, where it goes straight into lanes."""
    parts = [(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64))]
    for k, lane in enumerate(machine.lane_states):
        if lane.cursor == NO_LIMIT and machine.lanes.kind[k] != SPREAD:
            places = int(lane.offset) + (np.arange(int(lane.head), int(lane.tail)) & int(lane.mask))
            parts.append((np.full(len(places), k), machine.ring.t[places], machine.ring.neuron[places]))
    lanes, times, neurons = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return lanes, times, neurons


def _travel(machine: Machine) -> tuple[Array, Array, Array, Array]:
    """Lane, time of leaving, neuron and next synapse, counted from the neuron's first, of the spikes under way."""
    nothing = np.empty(0, dtype=np.int64)
    parts = [(nothing, np.empty(0), nothing, nothing)]
    for k in np.flatnonzero(machine.lanes.kind == SPREAD).tolist():
        lane = machine.lane_states[k]
        inside = machine.travel[int(lane.offset) : int(lane.offset) + int(lane.tail)]
        begin = machine.links[machine.lanes.rows[k] + inside.neuron]
        parts.append((np.full(len(inside), k), inside.sent, inside.neuron, inside.place - begin))
    lanes, left, neurons, places = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return lanes, left, neurons, places


def thaw(machine: Machine, state: SampleState, frame: Frame, senders: Array) -> Machine:
    """The machine with the state taken up; it must be lowered from the same network.

    `senders`: which neuron sends each source spike that the sample has now.

    Raises
    ------
    InputError
        Arrays that are no state of this network.
    """
    check_state(state, frame)
    in_flight = np.bincount(np.concatenate([state.packet_lane, state.travel_lane]), minlength=len(machine.lanes))
    machine.lane_states.head = machine.lane_states.tail = 0
    machine.control.pending = machine.control.due = 0
    machine = resize(machine, 2 * in_flight, len(state.pending_t) + 4 * machine.neurons.size)
    for name, begin in machine.initial._asdict().items():
        getattr(machine, name)[: len(begin)] = begin
    clear(machine.queue)
    _place_time(machine, state)
    for name in OF_NEURON:
        machine.neuron_states[name] = getattr(state, name)
    place = 0
    for n in _populations(machine):
        place = _place_population(machine, n, state, place)
    _place_packets(machine, state, frame, senders)
    waiting = machine.neurons.size
    for k, (t, g) in enumerate(zip(state.pending_t.tolist(), state.pending_neuron.tolist(), strict=True)):
        push(machine.waiting, waiting, k, t, g)
    machine.control.pending = len(state.pending_t)
    machine.probe_states.noted, machine.transport_state[:] = state.noted, state.transport
    _place_probes(machine)
    return machine


def _place_time(machine: Machine, state: SampleState) -> None:
    """Where the sample is in time: windows and drives, clocks, and the stimulus."""
    control, now = machine.control, float(state.now[0])
    control.now, control.micro = now, state.micro[0]
    control.stamp = control.touched = control.fired = control.packets = 0
    control.lost, control.lost_neuron = math.inf, 0
    control.written = control.stimulus = state.sent[0]
    behind = {T_START: INTEGRATING, T_MIN: OPEN, T_MAX: CLOSED}
    nodes, states = machine.nodes, machine.node_states
    done = machine.switches[: np.searchsorted(machine.switches.t, now, side="right")]
    control.switch = len(done)
    for change in done:
        n = change.node
        if change.what == T_STEP:
            states.piece[n] += 1
            states.params[n] += nodes.params_size[n]
        else:
            closes = change.what == T_MIN and nodes.readout[n] >= 0
            states.phase[n] = CLOSED if closes else behind[int(change.what)]
    requeue(machine.queue, switch_key(machine), float(machine.switches.t[len(done)]))
    counts = state.counts.reshape(len(nodes), -1)
    for column, name in enumerate(COUNTERS):
        states[name] = counts[:, column]
    states.tick = state.ticks
    for n in np.flatnonzero(nodes.clocked).tolist():
        if state.micro[0] > 0 and states.tick[n] * nodes.period[n] == now:
            machine.work[int(control.due_at[0]) + int(control.due[0])] = n
            control.due += 1
            states.tick[n] += 1
        requeue(machine.queue, clock_key(machine, n), float(states.tick[n] * nodes.period[n]))


def _place_population(machine: Machine, n: int, state: SampleState, place: int) -> int:
    """The states of population n, of which `place` is the first number; return where those of the next begin."""
    node, first = machine.nodes[n], int(machine.node_states.state[n])
    size = int(node.n_state * node.n_neurons)
    slots, cohorts = _slots(node), _cohorts_of(node)
    rows = machine.values[first : first + size].reshape(node.n_state, node.n_neurons)
    rows[:, slots] = state.values[place : place + size].reshape(node.n_state, node.n_neurons)
    mine = slice(int(node.first), int(node.first + node.n_neurons))
    since, active = state.since[mine], state.done[mine] == 0
    machine.since[cohorts] = since
    machine.since[cohorts[active]] = since[active]  # nobody looks at the state of those that have spiked once
    if (machine.since[cohorts[active]] != since[active]).any():
        refuse("has neurons that receive the same inputs and stand at different times")
    if node.refracts:
        for c in cohorts[(since > state.now[0]) & (state.now[0] >= 0)].tolist():
            machine.cohort_states.refractory[c] = machine.cohort_states.queued[c] = 1
            requeue(machine.queue, c, float(machine.since[c]))
    return place + size


def _place_packets(machine: Machine, state: SampleState, frame: Frame, senders: Array) -> None:
    """What is under way, and how far lanes are that take their packets from the stimulus."""
    for k, lane in enumerate(machine.lane_states):
        pre, delay = machine.lanes.pre[k], machine.lanes.delay[k]
        if frame.fed and machine.nodes.dynamics[pre] < 0:
            own = np.flatnonzero(machine.neurons.node[senders] == pre)
            came = int(np.count_nonzero(arrived(frame.times[own] + delay, state.now[0], 0)))
            lane.cursor = own[came] if came < len(own) else len(senders)
            lane.head = lane.tail = came
            continue
        mine = state.packet_lane == k
        count = int(np.count_nonzero(mine))
        machine.ring.t[int(lane.offset) : int(lane.offset) + count] = state.packet_t[mine]
        machine.ring.neuron[int(lane.offset) : int(lane.offset) + count] = state.packet_neuron[mine]
        lane.tail = count
        if count:
            requeue(machine.queue, lane_key(machine, k), float(state.packet_t[mine][0]))
    travel = (state.travel_lane, state.travel_sent, state.travel_neuron, state.travel_place)
    for k, sent, neuron, place in zip(*(column.tolist() for column in travel), strict=True):
        lane = machine.lanes[k]
        synapse = int(machine.links[lane.rows + neuron]) + place
        add_traveller(machine, k, sent + float(machine.delays[lane.delays + synapse]), sent, neuron, synapse)
    for k in np.flatnonzero((machine.lanes.kind == SPREAD) & (machine.lane_states.tail > 0)).tolist():
        requeue(machine.queue, lane_key(machine, k), float(machine.travel.t[machine.lane_states.offset[k]]))


def _place_probes(machine: Machine) -> None:
    """What was noted last of a recorded neuron is its state: else it would have been noted again."""
    for k, g in enumerate(machine.probes.neuron.tolist()):
        node = machine.nodes[machine.neurons.node[g]]
        values = _values(machine, int(machine.neurons.node[g]))[:, g - int(node.first)]
        n_rows = min(len(values), machine.probe_states.state.shape[1])
        machine.probe_states.state[k, :n_rows] = values[:n_rows] if machine.probe_states.noted[k] else 0.0
