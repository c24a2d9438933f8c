"""The arrays of a fabric in the compiled engine: its plan, and where the packets of a sample are.

Relies on the plan of the fabric. Used by `fabric`, by `engine`, which makes them for a run, and by `standing`. Packets
(here: parcels) lie in one pool; those of a port, and those in flight behind a station, are chains in it.
"""

from typing import Any, NamedTuple

import numpy as np

from eventsim.engines.compiled.alternatives import BROAD
from eventsim.engines.compiled.queue import new_queue
from eventsim.engines.fabric_plan import FROM_NEURONS, NO_ROUTE, FabricPlan
from eventsim.engines.fabric_records import FABRIC_COUNTERS, STATION_COUNTERS
from eventsim.fabric.arbiter import Arbiter
from eventsim.fabric.contract import DROP, NOWHERE
from eventsim.kinds import loaded_kinds

Array = Any  # plain arrays and record arrays, whose fields are read as attributes
NONE = -1

STATION = np.dtype(
    [
        ("service", "f8"),
        ("latency", "f8"),
        ("arbiter", "i8"),  # index into the loop's arbiters
        ("numbers", "i8"),  # its row in `numbers`
        ("state", "i8"),  # where its state begins in `arbiters`
        ("n_state", "i8"),
        ("first_port", "i8"),
        ("last_port", "i8"),
    ],
    align=True,
)
PORT = np.dtype([("station", "i8"), ("sender", "i8"), ("places", "i8"), ("drops", "i8")], align=True)
HOP = np.dtype(
    [
        ("station", "i8"),
        ("port", "i8"),
        ("first_child", "i8"),
        ("n_children", "i8"),
        ("first_lane", "i8"),  # what is behind it: lists[first_lane:last_lane], at the end of a route those it brings
        ("last_lane", "i8"),
        ("leaves", "i8"),
        ("work", "i8"),
        ("core", "i8"),
        ("root", "i8"),
    ],
    align=True,
)
ROUTE = np.dtype([("first_root", "i8"), ("last_root", "i8"), ("leaves", "i8")], align=True)  # roots: of `lists`

STATION_STATE = np.dtype(
    [
        ("ends", "f8"),  # its service
        ("started", "f8"),
        ("blocked_since", "f8"),
        ("parcel", "i8"),  # that it serves, or holds since; NONE
        ("child", "i8"),  # to which it is passed on next
        ("blocked_at", "i8"),  # a port, or NONE
        ("flight", "i8"),  # the first parcel in flight behind it, and the last; NONE
        ("last_flight", "i8"),
        ("listed", "i8"),  # in the list of stations that may begin to serve
    ],
    align=True,
)
PORT_STATE = np.dtype([("head", "i8"), ("tail", "i8"), ("taken", "i8")], align=True)
PARCEL = np.dtype(
    [
        ("t", "f8"),  # in flight: when it lands
        ("emitted", "f8"),
        ("sent", "f8"),  # when it left the station before
        ("entered", "f8"),
        ("hop", "i8"),
        ("child", "i8"),  # in flight: to which child of its hop
        ("neuron", "i4"),  # over all sources and populations
        ("number", "u4"),
        ("next", "i8"),
    ],
    align=True,
)
FABRIC_CONTROL = np.dtype(
    [
        ("key", "u8"),  # of arbiters' draws
        ("tick", "f8"),
        ("deadline", "f8"),
        ("drops_late", "i8"),
        ("logs", "i8"),
        ("worst", "i8"),  # parcels that one micro-step may add
        ("depth", "i8"),  # hops of the longest route
        ("free", "i8"),  # the first parcel that is not used
        ("used", "i8"),
        ("ready", "i8"),  # stations that may begin to serve: work[:ready]
        ("records", "i8"),  # hops recorded since the buffer was emptied
        ("deadlock", "i8"),  # a station in a circle of such that wait, counted from 1; 0: none
    ],
    align=True,
)


class FabricArrays(NamedTuple):
    """What the loop works on. The first part is the plan, which threads share; the rest is the state of one."""

    stations: Array
    ports: Array
    hops: Array
    routes: Array
    route_of: Array  # (n_neurons,) a route, or NO_ROUTE
    lists: Array  # lanes of hops, roots of routes
    work: Array  # services at the ends of routes
    numbers: Array  # of arbiters, a row a station

    control: Array
    station_states: Array
    port_states: Array
    parcels: Array
    arbiters: Array  # states of arbiters
    queue: Array  # one key a station
    lists_now: Array  # stations: that may begin, that are due, that begin
    counters: Array  # (n_counters,)
    station_counters: Array  # (n_stations, n_counters)


def no_fabric() -> FabricArrays:
    """The arrays of no fabric: empty ones, so that the parts of a loop are of one type whether it has one or not."""
    records = {
        "stations": STATION, "ports": PORT, "hops": HOP, "routes": ROUTE, "control": FABRIC_CONTROL,
        "station_states": STATION_STATE, "port_states": PORT_STATE, "parcels": PARCEL,
    }  # fmt: skip
    whole, none = np.zeros(0, dtype=np.int64), np.zeros(0)
    return FabricArrays(
        **{name: np.zeros(0, dtype=kind).view(np.recarray) for name, kind in records.items()},
        route_of=whole, lists=whole, work=none, numbers=np.zeros((0, 0)), arbiters=none, queue=new_queue(0),
        lists_now=whole, counters=whole, station_counters=np.zeros((0, 0)),
    )  # fmt: skip


PLAN = ("stations", "ports", "hops", "routes", "route_of", "lists", "work", "numbers")


def arbiters_of(plan: FabricPlan | None) -> tuple[tuple[Any, Any], ...]:
    """The functions (rank, served) of the arbiters that a loop is made with, each pair once; () without a fabric."""
    if plan is None:
        return ()
    used = dict.fromkeys((one.arbiter.rank, one.arbiter.served) for one in plan.stations)
    if BROAD or not used:
        shipped = [kind for kind in loaded_kinds(Arbiter) if kind.__module__.startswith("eventsim.")]
        used |= dict.fromkeys((kind.rank, kind.served) for kind in (shipped if BROAD else shipped[:1]))
    return tuple(sorted(used, key=lambda pair: [f"{one.__module__}.{one.__qualname__}" for one in pair]))


def fabric_arrays(plan: FabricPlan, key: int) -> FabricArrays:
    """A fabric as arrays, without packets; `key`: the stream of arbiters' draws."""
    n = len(plan.stations)
    functions = arbiters_of(plan)
    stations = np.zeros(n, dtype=STATION).view(np.recarray)
    numbers = [one.arbiter.numbers(plan.n_ports(k)) for k, one in enumerate(plan.stations)]
    rows = np.zeros((max(n, 1), max(map(len, numbers), default=1)))
    state = 0
    for k, one in enumerate(plan.stations):
        rows[k, : len(numbers[k])] = numbers[k]
        n_state = one.arbiter.n_state(plan.n_ports(k))
        arbiter = functions.index((one.arbiter.rank, one.arbiter.served))
        ports = plan.first_port[k], plan.first_port[k + 1]
        stations[k] = (float(one.service), float(one.latency), arbiter, k, state, n_state, *ports)
        state += n_state
    hops, lists = _hops(plan)
    routes = np.zeros(len(plan.roots), dtype=ROUTE).view(np.recarray)
    for r, roots in enumerate(plan.roots):
        routes[r] = (len(lists), len(lists) + len(roots), plan.leaves(r))
        lists += roots
    leaves = np.append(routes.leaves, 0)[plan.route_of]  # NO_ROUTE, -1, finds the 0
    control = np.zeros(1, dtype=FABRIC_CONTROL).view(np.recarray)
    fabric = plan.fabric
    control.key, control.tick = key, float(fabric.tick)
    control.deadline = np.inf if fabric.deadline is None else float(fabric.deadline)
    control.drops_late, control.logs, control.worst = fabric.late == DROP, fabric.log, int(leaves.sum())
    control.depth = _depth(plan)
    return FabricArrays(
        stations=stations,
        ports=np.array([tuple(port) for port in plan.ports], dtype=PORT).view(np.recarray),
        hops=hops,
        routes=routes,
        route_of=plan.route_of,
        lists=np.array(lists, dtype=np.int64),
        work=np.array([float(value) for value in plan.work]),
        numbers=rows,
        control=control,
        station_states=np.zeros(n, dtype=STATION_STATE).view(np.recarray),
        port_states=np.zeros(len(plan.ports), dtype=PORT_STATE).view(np.recarray),
        parcels=np.zeros(64 + int(leaves.sum()), dtype=PARCEL).view(np.recarray),
        arbiters=np.zeros(state),
        queue=new_queue(n),
        lists_now=np.zeros(3 * n + 1, dtype=np.int64),
        counters=np.zeros(len(FABRIC_COUNTERS), dtype=np.int64),
        station_counters=np.zeros((n, len(STATION_COUNTERS))),
    )


def _hops(plan: FabricPlan) -> tuple[Array, list[int]]:
    """Hops as records, and the lanes behind each: those that it brings, or all that its children bring."""
    hops = np.zeros(len(plan.hops), dtype=HOP).view(np.recarray)
    lanes: list[tuple[int, ...]] = [()] * len(plan.hops)
    for h in reversed(range(len(plan.hops))):  # children come behind
        hop = plan.hops[h]
        children = range(hop.first_child, hop.first_child + hop.n_children)
        lanes[h] = hop.lanes if not hop.n_children else tuple(lane for child in children for lane in lanes[child])
    found: list[int] = []
    for h, hop in enumerate(plan.hops):
        hops[h] = (
            hop.station, hop.port, hop.first_child, hop.n_children, len(found), len(found) + len(lanes[h]), hop.leaves,
            hop.work, hop.core, hop.root,
        )  # fmt: skip
        found += lanes[h]
    return hops, found


def with_room(arrays: FabricArrays, room: int) -> FabricArrays:
    """The same with a pool of at least `room` parcels; chains stay as they are."""
    if room <= arrays.parcels.size:
        return arrays
    parcels = np.zeros(room, dtype=PARCEL).view(np.recarray)
    parcels[: arrays.parcels.size] = arrays.parcels
    before = arrays.parcels.size
    parcels.next[before:] = np.arange(before + 1, room + 1)
    parcels.next[-1] = arrays.control.free[0]
    control = arrays.control.copy()
    control.free = before
    return arrays._replace(parcels=parcels, control=control)


def _depth(plan: FabricPlan) -> int:
    """How many stations lie one behind another, at most."""
    depths: list[int] = []
    for hop in plan.hops:  # each comes after that before it
        depths.append(1 if hop.before == FROM_NEURONS else depths[hop.before] + 1)
    return max(depths, default=0)


assert NO_ROUTE == NONE == NOWHERE
