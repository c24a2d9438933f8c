"""Packets between stations, in the loop of the compiled engine.

Relies on the arrays of the fabric, on the lanes, and on the arbiters' scalar functions. Used by `sending` (a spike is
injected) and by the loop, which lets all happen that is due at a time. The rounds are those of docs/event-order.md.
"""

import functools
import math
from typing import Any

import numpy as np

from eventsim._jit import kernel_part
from eventsim.engines.compiled.alternatives import choice
from eventsim.engines.compiled.fabric_tables import NONE
from eventsim.engines.compiled.keys import fabric_key
from eventsim.engines.compiled.parcels import (
    count_waiting,
    drop_parcel,
    enter,
    fly,
    forget,
    is_full,
    new_parcel,
    note_ready,
    record,
    rekey,
    send,
)
from eventsim.engines.compiled.queue import clear, requeue, sort_numbers
from eventsim.engines.fabric_records import (
    ARRIVED,
    BLOCKED,
    BLOCKINGS,
    BUSY,
    DELIVERED,
    LATE,
    LONGEST,
    LOST_LATE,
    PACKETS,
    PASSED_ON,
    SERVED,
    SPIKES,
    TOO_LATE,
    UNDER_WAY,
    WAITED,
)
from eventsim.engines.tables import DEADLOCK, DONE, Machine, Output
from eventsim.fabric.ticks import next_tick
from eventsim.randomness import uniforms


@kernel_part
def begin_fabric(m: Machine) -> None:
    """At the beginning of a sample nothing is under way."""
    f = m.fabric
    control = f.control[0]
    clear(f.queue)
    for k in range(f.station_states.size):
        state = f.station_states[k]
        state.ends, state.started, state.blocked_since = math.inf, 0.0, 0.0
        state.parcel, state.child, state.blocked_at, state.flight, state.last_flight = NONE, 0, NONE, NONE, NONE
        state.listed = 0
        for j in range(f.station_counters.shape[1]):
            f.station_counters[k, j] = 0.0
    for k in range(f.port_states.size):
        f.port_states[k].head, f.port_states[k].tail, f.port_states[k].taken = NONE, NONE, 0
    for k in range(f.parcels.size):
        f.parcels[k].next = k + 1
    f.parcels[f.parcels.size - 1].next = NONE
    for j in range(f.arbiters.size):
        f.arbiters[j] = 0.0
    for j in range(f.counters.size):
        f.counters[j] = 0
    control.free = 0
    control.used = control.ready = control.deadlock = 0


@kernel_part
def finish_fabric(m: Machine, output: Output) -> None:
    """Count what is under way, and copy all counters into the sample's row."""
    f, row = m.fabric, m.control[0].sample
    f.counters[UNDER_WAY] = _under_way(m)
    for j in range(f.counters.size):
        output.fabric[row, j] = f.counters[j]
    for k in range(f.stations.size):
        for j in range(f.station_counters.shape[1]):
            output.stations[row, k, j] = f.station_counters[k, j]


@kernel_part
def _under_way(m: Machine) -> int:
    """How many ends of routes the parcels that are in the fabric have still before them."""
    f, found = m.fabric, 0
    for k in range(f.stations.size):
        state = f.station_states[k]
        if state.parcel != NONE:
            hop = f.hops[f.parcels[state.parcel].hop]
            found += 1 if hop.n_children == 0 else 0
            for child in range(state.child, hop.n_children):
                found += f.hops[hop.first_child + child].leaves
        i = state.flight
        while i != NONE:
            hop = f.hops[f.parcels[i].hop]
            found += 1 if hop.n_children == 0 else f.hops[hop.first_child + f.parcels[i].child].leaves
            i = f.parcels[i].next
        for port in range(f.stations[k].first_port, f.stations[k].last_port):
            i = f.port_states[port].head
            while i != NONE:
                found += f.hops[f.parcels[i].hop].leaves
                i = f.parcels[i].next
    return found


@kernel_part
def lacks_parcels(m: Machine) -> bool:
    """Might a micro-step need more parcels than there are?"""
    f = m.fabric
    return f.control[0].used + f.control[0].worst > f.parcels.size


@kernel_part
def lacks_records(m: Machine, output: Output) -> bool:
    """Might a micro-step record more hops than there is room for?"""
    control = m.fabric.control[0]
    return control.logs == 1 and control.records + (control.used + control.worst) * control.depth > output.hops.size


@functools.cache
def make_fabric(arbiters: tuple[tuple[Any, Any], ...], bring: Any) -> tuple[Any, Any]:
    """The stages ``inject(m, output, g, number, t)`` and ``settle(m, output, t)``; both return a status.

    ``bring(m, k, left, t, neuron, number)`` lets a spike that was emitted at t leave for the synapses of lane k.
    """
    rank, served = (choice(tuple(one[j] for one in arbiters)) for j in range(2))
    deliver = _make_deliver(bring)
    pass_on = _make_pass_on(deliver)
    start = _make_start(rank, served, pass_on)

    return _make_inject(deliver), _make_settle(deliver, pass_on, start)


def _make_inject(deliver: Any) -> Any:
    """A spike becomes packets, one for each beginning of its route."""

    @kernel_part
    def inject(m: Machine, output: Output, g: int, number: int, t: float) -> int:
        f = m.fabric
        r = f.route_of[g]
        if r < 0:
            return DONE
        route = f.routes[r]
        f.counters[SPIKES] += 1
        pending = m.control[0].pending
        for j in range(route.first_root, route.last_root):
            root = f.lists[j]
            hop = f.hops[root]
            for a in range(hop.first_lane, hop.last_lane):
                k = f.lists[a]
                lane = m.lane_states[k]
                lane.coming += 1
                if lane.tail - lane.head + lane.coming + m.nodes[m.lanes[k].pre].n_neurons + pending > lane.mask:
                    m.control[0].grow = 1
            i = new_parcel(m, root, g, number, t)
            if i == NONE:
                return DONE
            f.counters[PACKETS] += hop.leaves
            if hop.station == NONE:
                status = deliver(m, i, t)
                if status != DONE:
                    return status
            else:
                send(m, output, i, root, 0.0, t, NONE)
        return DONE

    return inject


def _make_settle(deliver: Any, pass_on: Any, start: Any) -> Any:
    """All that happens at t, round after round: what lands, whose service ends, who begins to serve."""

    @kernel_part
    def settle(m: Machine, output: Output, t: float) -> int:
        f = m.fabric
        control, n = f.control[0], f.stations.size
        while True:
            due = 0
            while f.queue[0].key == t:
                f.lists_now[n + due] = f.queue[0].node
                due += 1
                requeue(f.queue, f.queue[0].node, math.inf)
            if due > 1:
                sort_numbers(f.lists_now[n : n + due], due)
            for j in range(due):
                k = f.lists_now[n + j]
                state = f.station_states[k]
                while state.flight != NONE and f.parcels[state.flight].t == t:
                    i = state.flight
                    state.flight = f.parcels[i].next
                    hop = f.parcels[i].hop
                    if f.hops[hop].n_children == 0:
                        status = deliver(m, i, t)
                        if status != DONE:
                            return status
                    else:
                        enter(m, i, f.hops[hop].first_child + f.parcels[i].child, t)
            for j in range(due):
                k = f.lists_now[n + j]
                state = f.station_states[k]
                if state.parcel != NONE and state.blocked_at == NONE and state.ends == t:
                    status = pass_on(m, output, k, t)
                    if status != DONE:
                        return status
                rekey(m, k)
            free = 0
            for j in range(control.ready):
                k = f.lists_now[j]
                f.station_states[k].listed = 0
                if f.station_states[k].parcel == NONE:
                    f.lists_now[2 * n + free] = k
                    free += 1
            control.ready = 0
            if free > 1:
                sort_numbers(f.lists_now[2 * n : 2 * n + free], free)
            for j in range(free):
                status = start(m, output, f.lists_now[2 * n + j], t)
                if status != DONE:
                    return status
            if due == 0 and free == 0:
                break
        requeue(m.queue, fabric_key(m), f.queue[0].key)
        return DONE

    return settle


def _make_deliver(bring: Any) -> Any:
    """A parcel has come to the end of its route: its spike leaves for the synapses of the lanes there."""

    @kernel_part
    def deliver(m: Machine, i: int, t: float) -> int:
        f = m.fabric
        parcel = f.parcels[i]
        hop, left = f.hops[parcel.hop], next_tick(t, f.control[0].tick)
        first = m.nodes[m.neurons[parcel.neuron].node].first
        f.counters[DELIVERED] += 1
        for j in range(hop.first_lane, hop.last_lane):
            k = f.lists[j]
            m.lane_states[k].coming -= 1
            status = bring(m, k, left, parcel.emitted, parcel.neuron - first, parcel.number)
            if status != DONE:
                return status
        drop_parcel(m, i)
        return DONE

    return deliver


def _make_pass_on(deliver: Any) -> Any:
    """The packet of a station leaves it: copy after copy, until one finds no room."""

    @kernel_part
    def leave_for_targets(m: Machine, output: Output, k: int, t: float) -> int:
        f = m.fabric
        control, state, latency = f.control[0], f.station_states[k], f.stations[k].latency
        i = state.parcel
        parcel = f.parcels[i]
        if t + latency - parcel.emitted > control.deadline:
            f.station_counters[k, LATE] += 1.0
            if control.drops_late == 1:
                f.station_counters[k, LOST_LATE] += 1.0
                record(m, output, i, parcel.hop, state.started, state.ends, t, TOO_LATE)
                forget(m, parcel.hop)
                drop_parcel(m, i)
                return DONE
        record(m, output, i, parcel.hop, state.started, state.ends, t, ARRIVED)
        if latency > 0.0:
            fly(m, k, i, 0, t + latency)
            return DONE
        return deliver(m, i, t)

    @kernel_part
    def pass_on(m: Machine, output: Output, k: int, t: float) -> int:
        f = m.fabric
        state, latency = f.station_states[k], f.stations[k].latency
        i = state.parcel
        parcel = f.parcels[i]
        hop = f.hops[parcel.hop]
        if hop.n_children == 0:
            status = leave_for_targets(m, output, k, t)
            if status != DONE:
                state.parcel = NONE  # it has left all the same
                return status
        while state.child < hop.n_children:
            child = hop.first_child + state.child
            port = f.hops[child].port
            if f.ports[port].drops == 0 and is_full(m, port):
                state.blocked_at, state.blocked_since = port, t
                f.station_counters[k, BLOCKINGS] += 1.0
                return _look_for_a_deadlock(m, k)
            copy = i
            if state.child + 1 < hop.n_children:
                copy = new_parcel(m, parcel.hop, parcel.neuron, parcel.number, parcel.emitted)
                if copy == NONE:
                    return DONE
            else:
                record(m, output, i, parcel.hop, state.started, state.ends, t, PASSED_ON)
            state.child += 1
            send(m, output, copy, child, latency, t, k)
        state.parcel, state.ends, state.child = NONE, math.inf, 0
        note_ready(m, k)
        return DONE

    return pass_on


@kernel_part
def _look_for_a_deadlock(m: Machine, k: int) -> int:
    """Each blocked station waits for one other: does that lead back?"""
    f = m.fabric
    station = k
    for _ in range(f.stations.size):
        if f.station_states[station].blocked_at == NONE:
            return DONE
        station = f.ports[f.station_states[station].blocked_at].station
        if station == k:
            f.control[0].deadlock = k + 1
            return DEADLOCK
    return DONE


def _make_start(rank: Any, served: Any, pass_on: Any) -> Any:
    """A free station takes the packet that its arbiter chooses."""

    @kernel_part
    def chosen(m: Machine, k: int) -> int:
        f = m.fabric
        station, best, least, several = f.stations[k], NONE, 0.0, 0
        for port in range(station.first_port, station.last_port):
            if f.port_states[port].head != NONE:
                best = port if several == 0 else best
                several += 1
        if several > 1:
            best = NONE
            p = f.numbers[station.numbers]
            state = f.arbiters[station.state : station.state + station.n_state]
            key = f.control[0].key + np.uint64(k)
            for port in range(station.first_port, station.last_port):
                i = f.port_states[port].head
                if i != NONE:
                    head = f.parcels[i]
                    who = head.neuron + (f.hops[head.hop].root << 32)
                    draw = uniforms(key, m.control[0].sample_id, who, head.number)[0]
                    place = rank(station.arbiter, p, state, port - station.first_port, head.entered, draw)
                    if best == NONE or place < least:
                        best, least = port, place
        return best

    @kernel_part
    def start(m: Machine, output: Output, k: int, t: float) -> int:
        f = m.fabric
        station, state = f.stations[k], f.station_states[k]
        port = chosen(m, k)
        if port == NONE:
            return DONE
        served(
            station.arbiter, f.numbers[station.numbers],
            f.arbiters[station.state : station.state + station.n_state], port - station.first_port,
        )  # fmt: skip
        queue = f.port_states[port]
        i = queue.head
        parcel = f.parcels[i]
        queue.head = parcel.next
        queue.taken -= 1
        count_waiting(m, k, -1.0, t)
        service, work = station.service, f.hops[parcel.hop].work
        if work != NONE:
            service = f.work[work + parcel.neuron - m.nodes[m.neurons[parcel.neuron].node].first]
        waited, counters = t - parcel.entered, f.station_counters[k]
        counters[SERVED] += 1.0
        counters[BUSY] += service
        counters[WAITED] += waited
        counters[LONGEST] = max(counters[LONGEST], waited)
        state.parcel, state.ends, state.child, state.started = i, t + service, 0, t
        m.control[0].events += 1
        rekey(m, k)
        sender = f.ports[port].sender
        if sender >= 0 and f.station_states[sender].blocked_at == port:
            blocked = f.station_states[sender]
            f.station_counters[sender, BLOCKED] += t - blocked.blocked_since
            blocked.blocked_at = NONE
            status = pass_on(m, output, sender, t)
            rekey(m, sender)
            return status
        return DONE

    return start
