"""The packets of a fabric in the state of a sample: how many numbers there are, and what no sample can have.

Relies on the plan of the fabric. Used by `sample_state`.
"""

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from eventsim.engines.fabric_plan import NO_LIMIT, FabricPlan
from eventsim.engines.fabric_records import FABRIC_COUNTERS, STATION_COUNTERS, UNDER_WAY, unaccounted
from eventsim.errors import InputError
from eventsim.fabric.contract import NOWHERE

SERVED, FLYING, WAITING = range(3)  # places of packets
NO_PORT = -1


def refuse(what: str) -> NoReturn:
    """Say that a state is damaged."""
    raise InputError(f"simulate: resume = a run whose state {what}; it is damaged. Simulate from the beginning.")


def sizes_of_fabric(plan: FabricPlan | None) -> dict[str, int]:
    """The lengths of the arrays of a state that do not depend on what is under way."""
    n = 0 if plan is None else len(plan.stations)
    arbiters = 0 if plan is None else sum(
        one.arbiter.n_state(plan.n_ports(k)) for k, one in enumerate(plan.stations)
    )  # fmt: skip
    return {
        "fabric": 0 if plan is None else len(FABRIC_COUNTERS), "stations": n * len(STATION_COUNTERS),
        "arbiters": arbiters, "station_child": n, "station_blocked": n, "station_since": n,
    }  # fmt: skip


def check_fabric(state: Any, plan: FabricPlan | None) -> None:
    """Refuse packets that are on no route of theirs, or where none can be between two micro-steps.

    Raises
    ------
    InputError
        Says what is damaged.
    """
    if plan is None:
        _need(len(state.parcel_t) == 0)
        return
    now, n = state.now[0], len(state.parcel_t)
    _need((state.fabric >= 0) & (state.fabric <= 2**53))
    _need((state.stations >= 0) & (state.stations < np.inf))
    _need((state.arbiters >= 0) & (state.arbiters <= len(plan.ports)))
    hop, neuron, place = state.parcel_hop, state.parcel_neuron, state.parcel_place
    _need((place >= SERVED) & (place <= WAITING) & (hop >= 0) & (hop < len(plan.hops)))
    _need((neuron >= 0) & (neuron < len(plan.route_of)))
    _need(np.array([plan.hops[h].route for h in hop.tolist()], dtype=np.int64) == plan.route_of[neuron])
    for name in ("parcel_emitted", "parcel_sent", "parcel_entered", "parcel_started"):
        _need((getattr(state, name) >= 0) & (getattr(state, name) <= max(now, 0)))
    _need((state.parcel_t >= 0) & (state.parcel_t < np.inf))
    stations = np.array([plan.hops[h].station for h in hop.tolist()], dtype=np.int64)
    _need(stations != NOWHERE)
    _need(n == 0 or bool((np.diff(stations) >= 0).all()))
    for k in range(len(plan.stations)):
        mine = np.flatnonzero(stations == k)
        _need(bool((np.diff(place[mine]) >= 0).all()))
        _check_station(state, plan, k, mine)
    taken = taken_places(state, plan)
    _need([port.places == NO_LIMIT or taken[j] <= port.places for j, port in enumerate(plan.ports)])
    for port in state.station_blocked[state.station_blocked != NO_PORT].tolist():
        _need(not plan.ports[port].drops and taken[port] == plan.ports[port].places)
    under_way = sum(plan.hops[h].leaves for h in hops_to_come(state, plan))
    _need(state.fabric[UNDER_WAY] == under_way and not unaccounted(state.fabric))


def _check_station(state: Any, plan: FabricPlan, k: int, mine: Any) -> None:
    """One station: it serves one packet at most, and is idle only where none waits."""
    now, place, hop = state.now[0], state.parcel_place[mine], state.parcel_hop[mine]
    served, flying, waiting = ((place == one).nonzero()[0] for one in (SERVED, FLYING, WAITING))
    child, blocked = int(state.station_child[k]), int(state.station_blocked[k])
    _need(len(served) <= 1 and (len(served) == 1 or len(waiting) == 0))
    t = state.parcel_t[mine]
    if len(served):
        one = plan.hops[int(hop[served[0]])]
        _need(0 <= child < max(one.n_children, 1))
        if blocked == NO_PORT:
            _need(child == 0 and t[served[0]] > now)
        else:
            _need(one.n_children > 0 and blocked == plan.hops[one.first_child + child].port and t[served[0]] <= now)
            _need(0 <= state.station_since[k] <= now)
    else:
        _need(child == 0 and blocked == NO_PORT)
    _need(bool((t[flying] > now).all()) and bool((np.diff(t[flying]) >= 0).all()))
    for h, to in zip(hop[flying].tolist(), state.parcel_child[mine][flying].tolist(), strict=True):
        _need(0 <= to < max(plan.hops[h].n_children, 1))
    ports = np.array([plan.hops[h].port for h in hop[waiting].tolist()], dtype=np.int64)
    _need(bool((np.diff(ports) >= 0).all()))


def taken_places(state: Any, plan: FabricPlan) -> list[int]:
    """How many places of each port are taken: by packets that wait there, and by those in flight to it."""
    taken = [0] * len(plan.ports)
    for place, h, child in zip(
        state.parcel_place.tolist(), state.parcel_hop.tolist(), state.parcel_child.tolist(), strict=True
    ):
        hop = plan.hops[h]
        if place == WAITING:
            taken[hop.port] += 1
        elif place == FLYING and hop.n_children:
            taken[plan.hops[hop.first_child + child].port] += 1
    return taken


def hops_to_come(state: Any, plan: FabricPlan) -> Iterator[int]:
    """The hops that packets of a state are going to come to next, or are at: all ends of routes behind are to come."""
    for place, h, child in zip(
        state.parcel_place.tolist(), state.parcel_hop.tolist(), state.parcel_child.tolist(), strict=True
    ):
        hop = plan.hops[h]
        if not hop.n_children or place == WAITING:
            yield h
        elif place == FLYING:
            yield hop.first_child + child
        else:
            yield from range(hop.first_child + int(state.station_child[hop.station]), hop.first_child + hop.n_children)


def _need(good: Any) -> None:
    if not np.all(good):
        refuse("a packet of the fabric is none that this network can have")
