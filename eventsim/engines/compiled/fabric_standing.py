"""The packets of a machine's fabric as part of a state that both engines know, and the way back.

Relies on the arrays of the fabric. Used by `standing`.
"""

import math
from typing import Any

import numpy as np

from eventsim.engines.compiled.fabric import begin_fabric
from eventsim.engines.compiled.fabric_tables import NONE, FabricArrays, with_room
from eventsim.engines.compiled.keys import fabric_key
from eventsim.engines.compiled.queue import requeue
from eventsim.engines.fabric_plan import FabricPlan
from eventsim.engines.fabric_standing import FLYING, SERVED, WAITING, hops_to_come, taken_places
from eventsim.engines.sample_state import SampleState
from eventsim.engines.tables import Machine

Array = np.ndarray[Any, Any]


def parcels_under_way(machine: Machine) -> dict[str, Any]:
    """Arrays of a state, by name; of a machine without a fabric empty ones."""
    names = ("place", "hop", "child", "neuron", "number", "emitted", "sent", "entered", "started", "t")
    columns: dict[str, list[Any]] = {f"parcel_{name}": [] for name in names}
    f = machine.fabric

    def note(i: int, place: int, child: int, started: float, t: float) -> None:
        parcel = f.parcels[i]
        entered = 0.0 if place == FLYING and not parcel.entered >= 0 else parcel.entered
        who = parcel.neuron, parcel.number
        values = (place, parcel.hop, child, *who, parcel.emitted, parcel.sent, entered, started, t)
        for name, value in zip(names, values, strict=True):
            columns[f"parcel_{name}"].append(value)

    for k, state in enumerate(f.station_states):
        if state.parcel != NONE:
            note(int(state.parcel), SERVED, 0, state.started, state.ends)
        for i in _chain(f, int(state.flight)):
            note(i, FLYING, int(f.parcels[i].child), 0.0, f.parcels[i].t)
        for port in range(int(f.stations[k].first_port), int(f.stations[k].last_port)):
            for i in _chain(f, int(f.port_states[port].head)):
                note(i, WAITING, 0, 0.0, 0.0)
    blocked = f.station_states.blocked_at != NONE
    return columns | {
        "fabric": f.counters, "stations": f.station_counters.ravel(), "arbiters": f.arbiters,
        "station_child": f.station_states.child, "station_blocked": f.station_states.blocked_at,
        "station_since": np.where(blocked, f.station_states.blocked_since, 0.0),
    }  # fmt: skip


def _chain(f: FabricArrays, first: int) -> list[int]:
    found = []
    while first != NONE:
        found.append(first)
        first = int(f.parcels[first].next)
    return found


def lanes_to_come(state: SampleState, plan: FabricPlan | None, n_lanes: int) -> Array:
    """How many spikes the packets of a state are going to bring to each lane, (n_lanes,)."""
    found = np.zeros(n_lanes, dtype=np.int64)
    if plan is None:
        return found
    for hop in hops_to_come(state, plan):
        _add_lanes(plan, hop, found)
    return found


def _add_lanes(plan: FabricPlan, hop: int, found: Array) -> None:
    one = plan.hops[hop]
    for lane in one.lanes:
        found[lane] += 1
    for child in range(one.first_child, one.first_child + one.n_children):
        _add_lanes(plan, child, found)


def place_parcels(machine: Machine, state: SampleState, plan: FabricPlan) -> FabricArrays:
    """The fabric of a machine with the packets of a state, which it has room for."""
    f = with_room(machine.fabric, len(state.parcel_t) + int(machine.fabric.control.worst[0]))
    machine = machine._replace(fabric=f)
    begin_fabric(machine)
    f.counters[:], f.arbiters[:] = state.fabric, state.arbiters
    f.station_counters[...] = state.stations.reshape(f.station_counters.shape)
    f.station_states.child, f.station_states.blocked_at = state.station_child, state.station_blocked
    f.station_states.blocked_since = state.station_since
    f.port_states.taken = taken_places(state, plan)
    machine.lane_states.coming = lanes_to_come(state, plan, len(machine.lanes))
    n = len(state.parcel_t)
    for name in ("hop", "child", "neuron", "number", "emitted", "sent", "entered", "t"):
        f.parcels[name][:n] = getattr(state, f"parcel_{name}")
    f.parcels.next[:n] = NONE
    f.control.free, f.control.used = (n if n < len(f.parcels) else NONE), n
    for i, (place, hop) in enumerate(zip(state.parcel_place.tolist(), state.parcel_hop.tolist(), strict=True)):
        one = f.station_states[plan.hops[hop].station]
        if place == SERVED:
            one.parcel, one.started, one.ends = i, state.parcel_started[i], state.parcel_t[i]
        elif place == FLYING:
            if one.flight == NONE:
                one.flight = i
            else:
                f.parcels.next[one.last_flight] = i
            one.last_flight = i
        else:
            port = f.port_states[plan.hops[hop].port]
            if port.head == NONE:
                port.head = i
            else:
                f.parcels.next[port.tail] = i
            port.tail = i
    for k, one in enumerate(f.station_states):
        t = one.ends if one.parcel != NONE and one.blocked_at == NONE else math.inf
        requeue(f.queue, k, min(t, f.parcels.t[one.flight]) if one.flight != NONE else t)
    requeue(machine.queue, fabric_key(machine), float(f.queue.key[0]))
    return f
