"""What is kept of a sample that may be gone on with, and what it must be to be taken up again.

Relies on the record types and the machine's arrays. Used by `checkpoint`. A state may come from a file that anybody has
written. Every number in it that the loop uses as an index, a length or the next step of a walk is held against the
arrays of the network before anything runs: a damaged state is refused, and never leads a loop out of its arrays or
round for ever.
"""

import math
from typing import Any, NoReturn

import numpy as np

from eventsim.engines.compiled.horizon import heap_of
from eventsim.engines.compiled.queue import WAITING
from eventsim.engines.tables import (
    COHORT,
    CONTROL,
    LANE,
    NEURON,
    NO_LIMIT,
    NODE,
    PROBE,
    T_MAX,
    T_MIN,
    T_START,
    T_STEP,
    TRAVEL,
    TRAVELLED,
    Machine,
)
from eventsim.errors import InputError

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]

COUNTED = ("tick", "spikes", "premature", "late", "clipped", "visited", "synaptic_events", "delayed", "tangent")
NODE_FIELDS = ("phase", "piece", *COUNTED)
COHORT_FIELDS = ("horizon", "bound", "touched_at", "flagged", "candidates", "alone", "mode", "fresh")
NEURON_FIELDS = ("last_spike", "spike_number", "error", "error_network", "done")
CONTROL_FIELDS = ("now", "stimulus", "written", "switch", "micro")
# Fields of the machine's records by its array.
TABLES = {
    "nodes": NODE_FIELDS, "cohorts": COHORT_FIELDS, "neurons": NEURON_FIELDS, "control": CONTROL_FIELDS,
    "probes": ("noted", "state"), "lanes": ("head",),
}  # fmt: skip
RECORDS = {"nodes": NODE, "cohorts": COHORT, "neurons": NEURON, "control": CONTROL, "probes": PROBE, "lanes": LANE}
FLIGHT = np.dtype([("lane", "i8"), ("t", "f8"), ("neuron", "i8")])
OF_TRAVELLER = ("t", "sent", "neuron", "place")
TRAVELLING = np.dtype([("lane", "i8"), *((name, TRAVEL[name]) for name in OF_TRAVELLER)])
QUEUED = np.dtype([("node", "i8"), ("key", "f8")])
# Every array of a state, in the order of its digest.
KINDS: dict[str, np.dtype[Any]] = {
    **{name: np.dtype([(field, RECORDS[name][field]) for field in fields]) for name, fields in TABLES.items()},
    "since": np.dtype("f8"), "numbers": np.dtype("f8"), "queue": QUEUED, "flight": FLIGHT, "travel": TRAVELLING,
    "crossings": WAITING, "pending": WAITING, "due": np.dtype("i8"), "stages": np.dtype("f8"),
}  # fmt: skip
LARGEST_COUNT = 2**53


def state_rows(machine: Machine) -> Array:
    """Where the states of all populations are in `numbers` now: a lookahead changes places with their spare rooms."""
    own = [node for node in machine.nodes if node.dynamics >= 0]
    places = [np.arange(int(node.state), int(node.state) + int(node.n_state * node.n_neurons)) for node in own]
    return np.concatenate([np.empty(0, dtype=np.int64), *places])


def places_of(machine: Machine, node: int, sent: Array) -> Array | None:
    """Where in the stimulus the spikes of a source are; None of a population."""
    if machine.nodes.dynamics[node] >= 0:
        return None
    return np.flatnonzero(machine.neurons.node[sent] == node)


def check_state(machine: Machine, state: Arrays, sent: Array, fed: bool) -> None:
    """Refuse what is no state of this network; O(entries of the state).

    `sent`: which neuron sent each source spike that the sample has now. `fed`: from there they go into the lanes.

    Raises
    ------
    InputError
        Arrays of other sizes, or numbers that the machine cannot have between two micro-steps.
    """
    _check_sizes(machine, state)
    _check_numbers(state)
    _check_nodes(machine, state)
    _check_crossings(machine, state)
    _check_flight(machine, state["flight"], state["lanes"]["head"], sent, fed)
    _check_travel(machine, state["travel"])
    _check_queue(machine, state, fed)
    control, pending = state["control"], state["pending"]
    of_population = np.flatnonzero(machine.nodes.dynamics[machine.neurons.node] >= 0)
    _need("a spike", np.isin(pending["who"], of_population) & _times(pending["t"]) & _heap(pending, 0))
    for name in ("written", "stimulus"):
        _need("its stimulus", (control[name] >= 0) & (control[name] <= len(sent)))


def _check_sizes(machine: Machine, state: Arrays) -> None:
    sizes = {name: len(getattr(machine, name)) for name in TABLES}
    sizes |= {"since": len(machine.since), "numbers": len(state_rows(machine)), "stages": machine.stages.shape[1]}
    for name, kind in KINDS.items():
        array = state[name]
        if array.ndim != 1 or array.dtype != kind or len(array) != sizes.get(name, len(array)):
            refuse(f"array {name!r} has shape {array.shape} of {array.dtype}")


def _check_numbers(state: Arrays) -> None:
    """Refuse NaN where times are, negative counts, and flags that are none."""
    for name, fields in TABLES.items():
        for field in fields:
            if state[name][field].dtype.kind == "f" and np.isnan(state[name][field]).any():
                refuse(f"{field} of {name} holds NaN")
    if np.isnan(state["since"]).any():
        refuse("since holds NaN")
    counts = [*(state["nodes"][name] for name in COUNTED), state["neurons"]["spike_number"], state["control"]["micro"]]
    _need("a count", all(((held >= 0) & (held <= LARGEST_COUNT)).all() for held in counts))
    flags = (state["cohorts"]["mode"], state["cohorts"]["fresh"], state["neurons"]["done"], state["probes"]["noted"])
    _need("a flag", all(((held == 0) | (held == 1)).all() for held in flags))
    now = state["control"]["now"]
    _need("its time", _times(now) | ((now == -math.inf) & (state["control"]["micro"] == 0)))


def _check_nodes(machine: Machine, state: Arrays) -> None:
    """Windows and drives are where the changes that have happened have put them; ticks that are due are yet to come."""
    nodes, due, control = machine.nodes, state["due"], state["control"][0]
    _need("a window", 0 <= control["switch"] < len(machine.switches))
    phase, piece = (nodes.windowed == 0).astype(np.int64), np.zeros(len(nodes), dtype=np.int64)
    behind = {T_START: np.ones(len(nodes)), T_MIN: np.where(nodes.readout >= 0, 3, 2), T_MAX: np.full(len(nodes), 3)}
    for change in machine.switches[: int(control["switch"])]:
        if change.what == T_STEP:
            piece[change.node] += 1
        else:
            phase[change.node] = behind[int(change.what)][change.node]
    _need("a population", state["nodes"]["phase"] == phase)
    _need("a drive", state["nodes"]["piece"] == piece)
    _need("a cohort", (state["cohorts"]["flagged"] >= 0) & (state["cohorts"]["flagged"] <= _members(machine)))
    if len(np.unique(due)) != len(due) or not np.isin(due, np.flatnonzero(nodes.clocked)).all():
        refuse("a tick is none")
    later = state["nodes"]["tick"][due] * nodes.period[due] > control["now"]
    _need("a tick", (nodes.rank[due] >= max(1, control["micro"])) & (control["micro"] > 0) & later)


def _members(machine: Machine) -> Array:
    """How many neurons each cohort has."""
    return np.asarray(np.maximum(machine.nodes.cohort_size[machine.cohorts.node], 1))


def _check_crossings(machine: Machine, state: Arrays) -> None:
    """Each cohort's heap of crossings holds members of it, each once, the earliest first."""
    crossings, candidates = state["crossings"], state["cohorts"]["candidates"]
    shared = machine.nodes.shared[machine.cohorts.node] == 1
    room = np.where(shared, machine.nodes.cohort_size[machine.cohorts.node], 0)
    _need("a cohort", (candidates >= 0) & (candidates <= room))
    if len(crossings) != candidates.sum():
        refuse("array 'crossings' has another length than cohorts say")
    owner = np.repeat(np.arange(len(candidates)), candidates)
    begin = (owner - machine.nodes.cohort[machine.cohorts.node[owner]]) * machine.nodes.cohort_size[
        machine.cohorts.node[owner]
    ]
    who = crossings["who"]
    _need("a crossing", (who >= begin) & (who < begin + room[owner]) & _times(crossings["t"]))
    first = np.repeat(np.cumsum(candidates) - candidates, candidates)
    _need("a crossing", _heap(crossings, first))
    heaps = np.array([heap_of(machine.nodes[machine.cohorts[c].node], c) for c in owner.tolist()], dtype=np.int64)
    if len(np.unique(heaps + who - begin)) != len(who):
        refuse("holds a crossing twice")


def _heap(items: Array, first: Any) -> Any:
    """Is each item of heaps, which begin at `first`, none before its parent, by time and then by neuron?"""
    place = np.arange(len(items)) - first
    parent = items[np.maximum(place - 1, 0) // 2 + first]
    same = (parent["t"] == items["t"]) & (parent["who"] <= items["who"])
    return (place == 0) | (parent["t"] < items["t"]) | same


def _check_flight(machine: Machine, flight: Array, head: Array, sent: Array, fed: bool) -> None:
    """Packets are in lanes that keep packets, in the order of their arrival; heads are within what was sent."""
    lanes, nodes, what = machine.lanes, machine.nodes, "a packet"
    _need(what, (flight["lane"] >= 0) & (flight["lane"] < len(lanes)) & _times(flight["t"]))
    _need(what, lanes.kind[flight["lane"]] != TRAVELLED)
    _need(what, (flight["neuron"] >= 0) & (flight["neuron"] < nodes.n_neurons[lanes.pre[flight["lane"]]]))
    behind = flight["lane"][1:] == flight["lane"][:-1]
    _need(what, np.where(behind, flight["t"][1:] >= flight["t"][:-1], flight["lane"][1:] > flight["lane"][:-1]))
    for k, lane in enumerate(lanes):
        places = places_of(machine, lane.pre, sent) if fed else None
        if lane.kind == TRAVELLED:  # its tail counts a heap, which has no head
            _need(what, head[k] == 0)
        else:
            _need(what, 0 <= head[k] <= (NO_LIMIT if places is None else len(places)))
        _need(what, places is None or not (flight["lane"] == k).any())


def _check_travel(machine: Machine, travel: Array) -> None:
    """Spikes under way are those of a lane whose synapses have delays of their own, on the way to one of these."""
    lanes, what = machine.lanes, "a spike under way"
    _need(what, (travel["lane"] >= 0) & (travel["lane"] < len(lanes)) & (travel["neuron"] >= 0))
    mine = lanes[travel["lane"]]
    _need(what, (mine.kind == TRAVELLED) & (travel["neuron"] < machine.nodes.n_neurons[mine.pre]))
    row = mine.rows + travel["neuron"]
    _need(what, (travel["place"] >= machine.links[row]) & (travel["place"] < machine.links[row + 1]))
    arrival = travel["sent"] + machine.delays[mine.delays + travel["place"]]
    _need(what, _times(travel["sent"]) & (travel["t"] == arrival))


def _check_queue(machine: Machine, state: Arrays, fed: bool) -> None:
    """Each event is in the queue once, at the time of what it stands for.

    Cohorts come when they like. A lane comes with its first packet (those that the stimulus fills are set when it
    does), the changes of windows and drives with the next of them, a clock with its next tick.
    """
    queue, nodes, n_cohorts, n_lanes = state["queue"], machine.nodes, len(machine.cohorts), len(machine.lanes)
    _need("a queued event", (queue["node"] >= 0) & (queue["node"] < len(machine.queue) - 1) & _times(queue["key"]))
    if len(np.unique(queue["node"])) != len(queue):
        refuse("holds an event twice")
    found, due = np.full(len(machine.queue) - 1, math.inf), np.full(len(machine.queue) - 1, math.inf)
    found[queue["node"]] = queue["key"]
    for name in ("flight", "travel"):
        np.minimum.at(due, n_cohorts + state[name]["lane"], state[name]["t"])
    due[n_cohorts + n_lanes] = machine.switches.t[state["control"]["switch"][0]]
    due[n_cohorts + n_lanes + 1 :] = np.where(nodes.clocked == 1, state["nodes"]["tick"] * nodes.period, math.inf)
    from_source = nodes.dynamics[machine.lanes.pre] < 0
    known = np.concatenate([np.zeros(n_cohorts, dtype=bool), ~(from_source & fed), np.ones(1 + len(nodes), dtype=bool)])
    _need("a queued event", found[known] == due[known])


def _times(t: Array) -> Any:
    return (t >= 0) & (t < np.inf)


def _need(what: str, good: Any) -> None:
    if not np.all(good):
        refuse(f"{what} is none that this network can have")


def refuse(what: str) -> NoReturn:
    """Say that a state is damaged."""
    raise InputError(f"simulate: resume = a run whose state {what}; it is damaged. Simulate from the beginning.")
