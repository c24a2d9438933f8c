"""Parcels of a fabric in the compiled engine: new ones, into ports and out of them, in flight, lost, recorded.

Relies on the arrays of the fabric. Used by `fabric`, which says when.
"""

import math

from eventsim._jit import kernel_part
from eventsim.engines.compiled.fabric_tables import NONE
from eventsim.engines.compiled.queue import requeue
from eventsim.engines.fabric_records import (
    AREA,
    ARRIVED,
    DEEPEST,
    DROPPED,
    LOST,
    NO_ROOM,
    SINCE,
    TOO_LATE,
    WAITING_NOW,
)
from eventsim.engines.tables import Machine, Output


@kernel_part
def count_waiting(m: Machine, k: int, change: float, t: float) -> None:
    """One packet more, or less, waits at station k from t on."""
    counters = m.fabric.station_counters[k]
    counters[AREA] += counters[WAITING_NOW] * (t - counters[SINCE])
    counters[SINCE] = t
    counters[WAITING_NOW] += change
    counters[DEEPEST] = max(counters[DEEPEST], counters[WAITING_NOW])


@kernel_part
def note_ready(m: Machine, k: int) -> None:
    """Station k may begin to serve."""
    f = m.fabric
    if f.station_states[k].listed == 0:
        f.station_states[k].listed = 1
        f.lists_now[f.control[0].ready] = k
        f.control[0].ready += 1


@kernel_part
def rekey(m: Machine, k: int) -> None:
    """When something happens at station k next: its service ends, or the first packet behind it lands."""
    f = m.fabric
    state = f.station_states[k]
    t = state.ends if state.parcel != NONE and state.blocked_at == NONE else math.inf
    if state.flight != NONE:
        t = min(t, f.parcels[state.flight].t)
    requeue(f.queue, k, t)


@kernel_part
def new_parcel(m: Machine, hop: int, neuron: int, number: int, emitted: float) -> int:
    """Take a parcel from the pool; NONE where there is none, which is noted."""
    f = m.fabric
    control = f.control[0]
    i = control.free
    if i == NONE:
        m.control[0].full = 1
        return NONE
    parcel = f.parcels[i]
    control.free = parcel.next
    control.used += 1
    parcel.hop, parcel.neuron, parcel.number, parcel.emitted, parcel.next = hop, neuron, number, emitted, NONE
    return i


@kernel_part
def drop_parcel(m: Machine, i: int) -> None:
    """Give a parcel back to the pool."""
    control = m.fabric.control[0]
    m.fabric.parcels[i].next = control.free
    control.free = i
    control.used -= 1


@kernel_part
def record(
    m: Machine, output: Output, i: int, hop: int, started: float, ended: float, left: float, outcome: int
) -> None:
    """Record a hop, where that is wanted; there is room for all that a micro-step may add (`lacks_records`)."""
    f = m.fabric
    control = f.control[0]
    if control.logs == 0:
        return
    if control.records >= output.hops.size:
        m.control[0].full = 1
        return
    record, parcel, place = output.hops[control.records], f.parcels[i], f.hops[hop]
    n = m.neurons[parcel.neuron].node
    record.sample, record.station, record.population = m.control[0].sample, place.station, n
    record.neuron, record.number, record.outcome = parcel.neuron - m.nodes[n].first, parcel.number, outcome
    record.core = place.core if outcome in (ARRIVED, TOO_LATE) else NONE
    record.hop, record.emitted, record.sent, record.entered = hop, parcel.emitted, parcel.sent, parcel.entered
    record.started, record.ended, record.left = started, ended, left
    control.records += 1


@kernel_part
def is_full(m: Machine, port: int) -> bool:
    """Has a port no place left?"""
    places = m.fabric.ports[port].places
    return places != NONE and m.fabric.port_states[port].taken >= places


@kernel_part
def forget(m: Machine, hop: int) -> None:
    """What was to come to the lanes behind a hop will not."""
    f = m.fabric
    for j in range(f.hops[hop].first_lane, f.hops[hop].last_lane):
        m.lane_states[f.lists[j]].coming -= 1
    f.counters[LOST] += f.hops[hop].leaves


@kernel_part
def enter(m: Machine, i: int, hop: int, t: float) -> None:
    """A parcel enters the port of a hop, where it has taken a place before."""
    f = m.fabric
    parcel, port = f.parcels[i], f.hops[hop].port
    parcel.hop, parcel.entered, parcel.next = hop, t, NONE
    state = f.port_states[port]
    if state.head == NONE:
        state.head = i
    else:
        f.parcels[state.tail].next = i
    state.tail = i
    station = f.ports[port].station
    count_waiting(m, station, 1.0, t)
    note_ready(m, station)


@kernel_part
def fly(m: Machine, k: int, i: int, child: int, t: float) -> None:
    """A parcel is in flight behind station k and lands at t; that it is the last follows from one latency."""
    f = m.fabric
    state, parcel = f.station_states[k], f.parcels[i]
    parcel.t, parcel.child, parcel.next = t, child, NONE
    if state.flight == NONE:
        state.flight = i
    else:
        f.parcels[state.last_flight].next = i
    state.last_flight = i


@kernel_part
def send(m: Machine, output: Output, i: int, hop: int, latency: float, t: float, sender: int) -> None:
    """A parcel goes to the port of a hop: it takes a place there now, and is there after the latency."""
    f = m.fabric
    parcel, port = f.parcels[i], f.hops[hop].port
    parcel.sent = t
    if is_full(m, port):
        parcel.entered = t
        f.station_counters[f.ports[port].station, DROPPED] += 1.0
        record(m, output, i, hop, math.nan, math.nan, math.nan, NO_ROOM)
        forget(m, hop)
        drop_parcel(m, i)
        return
    f.port_states[port].taken += 1
    if latency > 0.0:
        fly(m, sender, i, hop - f.hops[parcel.hop].first_child, t + latency)
    else:
        enter(m, i, hop, t)
