"""Runs that go on where another one ended: what is kept of each sample, and whether it may be gone on with.

Relies on the machine's arrays. Used by `simulate` and `engine`. A state is what the sample is, not how the engine lays
it out: times, states of neurons, packets in flight, what waits in the queue. It is kept and taken up again between two
micro-steps, and nothing is advanced for it, so that a run in pieces has the bits of one in one piece. All indices in a
state are checked when it is taken up: a state from a damaged file is refused, not run.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from eventsim.compiled.horizon import heap_of
from eventsim.compiled.machine import resize
from eventsim.compiled.queue import WAITING, clear, requeue
from eventsim.compiled.travel import add_traveller
from eventsim.errors import InputError
from eventsim.network_difference import difference
from eventsim.records import NO_LIMIT, TRAVEL, TRAVELLED, Machine
from eventsim.stimulus import Inputs
from eventsim.task import Task

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]

NODE_FIELDS = (
    "phase", "piece", "tick", "spikes", "premature", "late", "clipped", "visited", "synaptic_events", "delayed",
    "tangent",
)  # fmt: skip
COHORT_FIELDS = ("horizon", "bound", "touched_at", "flagged", "candidates", "alone", "mode", "fresh")
NEURON_FIELDS = ("last_spike", "spike_number", "error", "error_network", "done")
CONTROL_FIELDS = ("now", "stimulus", "written", "switch", "micro")
TABLES = {
    "nodes": NODE_FIELDS, "cohorts": COHORT_FIELDS, "neurons": NEURON_FIELDS, "control": CONTROL_FIELDS,
    "probes": ("noted", "state"), "lanes": ("head",),
}  # fmt: skip
STORED = (*TABLES, "since", "numbers", "queue", "flight", "travel", "crossings", "pending", "due", "stages")
FLIGHT = np.dtype([("lane", "i8"), ("t", "f8"), ("neuron", "i8")])
OF_TRAVELLER = ("t", "sent", "neuron", "place")
TRAVELLING = np.dtype([("lane", "i8"), *((name, TRAVEL[name]) for name in OF_TRAVELLER)])
QUEUED = np.dtype([("node", "i8"), ("key", "f8")])


@dataclass(eq=False)
class RunState:
    """Where the samples of a run stand.

    Attributes
    ----------
    engine : that made it; only this one can go on with it. inputs : digest of the data, which must be given again.
    samples : of each its arrays by name (compiled engine), or what the reference engine holds; None: not begun.
    reached : (n_samples,), the time up to which each was simulated.
    parts : digests of the parts of its network, for messages; none from files of earlier versions.
    """

    engine: str
    inputs: str
    samples: list[Any]
    reached: Array
    parts: Mapping[str, str]

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """What a file holds: an entry of its header, and arrays.

        Raises
        ------
        InputError
            Samples of the reference engine, which hold Python's objects.
        """
        if self.engine != "compiled":
            raise InputError(
                f"run.save: the state of a run on the {self.engine} engine stays in memory; must be of the compiled "
                "engine. Simulate with that, or without keep_state."
            )
        begun = [k for k, sample in enumerate(self.samples) if sample is not None]
        arrays = {f"state{k}.{name}": array for k in begun for name, array in self.samples[k].items()}
        arrays["state.reached"] = self.reached
        digest = [_digest(self.samples[k]) for k in begun]
        entry = {"engine": self.engine, "inputs": self.inputs, "begun": begun, "digests": digest}
        return entry | {"parts": dict(self.parts)}, arrays

    @classmethod
    def unpacked(cls, n_samples: int, entry: dict[str, Any], arrays: Arrays) -> "RunState":
        """The state in a file's header and arrays; ValueError where they do not fit together."""
        begun = entry["begun"]
        if not all(isinstance(k, int) and 0 <= k < n_samples for k in begun) or entry["engine"] != "compiled":
            raise ValueError("samples that are none")
        samples: list[Any] = [None] * n_samples
        for k in begun:
            samples[k] = {name: arrays.pop(f"state{k}.{name}") for name in STORED}
        if [_digest(samples[k]) for k in begun] != entry["digests"]:
            raise ValueError("arrays that were changed")
        reached = arrays.pop("state.reached")
        if reached.shape != (n_samples,) or reached.dtype != np.float64 or not (reached >= 0).all():
            raise ValueError("times that are none")
        parts = {str(name): str(digest) for name, digest in dict(entry.get("parts") or {}).items()}
        return cls(entry["engine"], str(entry["inputs"]), samples, reached, parts)


def _digest(state: Arrays) -> str:
    digest = hashlib.sha256()
    for name in STORED:
        digest.update(f"{name}\x1f{state[name].shape}".encode() + state[name].tobytes())
    return digest.hexdigest()


def digest_of(inputs: Inputs) -> str:
    """A SHA-256 (64 hex digits) of the data that a run was given; generators are known by their network and seed."""
    digest = hashlib.sha256()
    for name, data in sorted(inputs.data.items()):
        digest.update(f"{name}\x1f".encode())
        for part in [data] if isinstance(data, np.ndarray) else [array for train in data for array in train]:
            exact = repr(part.tolist()).encode() if part.dtype == object else part.tobytes()
            digest.update(f"{part.shape}\x1f".encode() + exact)
    return digest.hexdigest()


# What must be as it was: entries of the provenance, and how a caller calls them.
SAME = {
    "network_hash": "net", "engine": "engine", "seed": "seed", "sample_ids": "sample_ids", "record": "record",
    "membranes": "record", "faults": "faults", "transport": "transport", "error_bounds": "error_bounds",
}  # fmt: skip


def check_resumed(run: Any, now: dict[str, Any], task: Task) -> None:
    """Refuse to go on with a run that another call made; `now` is the provenance that this call would have."""
    state = run._state
    if state is None:
        raise InputError(
            "simulate: resume = a run without its state; must have been simulated with keep_state=True, by the "
            "reference engine in this process. Simulate it so from the beginning."
        )
    for key, name in SAME.items():
        before, given = plain_json(run.provenance.get(key)), plain_json(now[key])
        if before != given:
            said = difference(run, task.net) if name == "net" else f"{before!r:.200}, not {given!r:.200}"
            raise InputError(
                f"simulate: resume = a run with another {name} ({said}); must be the "
                "same. Give what the first part was given."
            )
    if state.inputs != digest_of(task.inputs):
        raise InputError(
            "simulate: resume = a run on other data; must be the same x. Give what the first part was given."
        )
    _check_records(run, task)
    _check_end(run, math.inf if now["until"] is None else now["until"])
    _check_stop(run, task)


def plain_json(value: Any) -> Any:
    """A value as it comes back from a file: tuples as lists, numpy's numbers as Python's."""
    return json.loads(json.dumps(value, default=lambda one: one.item() if isinstance(one, np.generic) else str(one)))


def _check_records(run: Any, task: Task) -> None:
    """Refuse runs, read from files, that lack what they recorded."""
    wanted = {"_spikes": task.record == "spikes", "_traces": bool(task.probes)}
    wanted["_stopped"] = run.provenance.get("stop") is not None
    arrays = {"_first": task.first, "_readout": task.readout, "_errors": task.errors}
    for name, held in arrays.items():
        before = getattr(run, name)
        wanted[name] = held.size > 0
        if before is not None and held.size and before.shape != held.shape:
            _refuse(f"comes with {name[1:]} of shape {before.shape}, not {held.shape}")
    for name, needed in wanted.items():
        if needed and getattr(run, name) is None:
            _refuse(f"comes without its {name[1:]}")


def _check_end(run: Any, until: float) -> None:
    """Refuse an end that the run is beyond."""
    before = run.provenance.get("until")
    stopped = np.full(run.n_samples, math.inf) if run._stopped is None else run._stopped
    went_on = stopped == math.inf
    beyond = (until <= stopped[~went_on]).any() or (went_on.any() and until < (math.inf if before is None else before))
    if beyond:
        last = stopped[~went_on].max(initial=0.0) if not went_on.any() else before
        raise InputError(
            f"simulate: until = {until} for a run that went to {'its end' if last is None else last}; must be later. "
            "Give a later time."
        )


def _check_stop(run: Any, task: Task) -> None:
    """Refuse to end a sample with a spike that it has sent already, unless that is where it stands."""
    before = run.provenance.get("stop") or {}
    for name, count in task.stop.items():
        order = task.net.node(name).order
        for k, sample in enumerate(run._state.samples):
            if sample is None or before.get(name) == count:
                continue
            if isinstance(sample, dict):
                sent = int(sample["nodes"]["spikes"][order : order + 1].sum())  # sizes are checked later
            else:
                sent = sample.counts[order]["spikes"]
            if sent >= count:
                raise InputError(
                    f"simulate: stop[{name!r}] = {count}, but sample {k} of the run to go on with has sent {sent} "
                    "spikes already; must be more. Give a larger number, which counts from the beginning."
                )


# -- between a machine and its state -----------------------------------------------------------------------------------


def freeze(machine: Machine) -> Arrays:
    """The state of the sample at work, between two micro-steps."""
    state: Arrays = {name: _columns(getattr(machine, name), fields) for name, fields in TABLES.items()}
    control = machine.control[0]
    state["since"], state["numbers"] = machine.since.copy(), machine.numbers[_state_rows(machine)]
    in_queue = int(machine.queue.place[-1])
    state["queue"] = np.array(
        list(zip(machine.queue.node[:in_queue].tolist(), machine.queue.key[:in_queue].tolist(), strict=True)), QUEUED
    )
    state["flight"], state["travel"] = _flight(machine), _travel(machine)
    state["crossings"] = np.concatenate([np.empty(0, WAITING), *(_crossings(machine, c) for c in _heaps(machine))])
    first = machine.neurons.size
    state["pending"] = np.asarray(machine.waiting[first : first + int(control.pending)]).copy()
    state["due"] = machine.work[int(control.due_at) : int(control.due_at) + int(control.due)].copy()
    state["stages"] = machine.stages[-1].copy()
    return state


def _columns(table: Any, fields: tuple[str, ...]) -> Array:
    held = np.empty(len(table), [(name, table.dtype[name]) for name in fields])
    for name in fields:
        held[name] = table[name]
    return held


def _state_rows(machine: Machine) -> Array:
    """Where the states of all populations are in `numbers` now: a lookahead changes places with their spare rooms."""
    own = [node for node in machine.nodes if node.dynamics >= 0]
    places = [np.arange(int(node.state), int(node.state) + int(node.n_state * node.n_neurons)) for node in own]
    return np.concatenate([np.empty(0, dtype=np.int64), *places])


def _heaps(machine: Machine) -> list[int]:
    """Cohorts with stored crossings."""
    found: list[int] = np.flatnonzero(machine.cohorts.candidates > 0).tolist()
    return found


def _crossings(machine: Machine, c: int) -> Array:
    cohort = machine.cohorts[c]
    first = heap_of(machine.nodes[cohort.node], c)
    return np.asarray(machine.waiting[first : first + cohort.candidates])


def _flight(machine: Machine) -> Array:
    parts = [np.empty(0, FLIGHT)]
    for k, lane in enumerate(machine.lanes):
        packets = lane.cursor == NO_LIMIT and lane.kind != TRAVELLED  # what sources send is known
        end = lane.tail if packets else lane.head
        places = int(lane.offset) + (np.arange(int(lane.head), int(end)) & int(lane.mask))
        held = np.empty(len(places), FLIGHT)
        held["lane"], held["t"], held["neuron"] = k, machine.ring.t[places], machine.ring.neuron[places]
        parts.append(held)
    return np.concatenate(parts)


def _travel(machine: Machine) -> Array:
    parts = [np.empty(0, TRAVELLING)]
    for k in np.flatnonzero(machine.lanes.kind == TRAVELLED).tolist():
        lane = machine.lanes[k]
        inside = machine.travel[int(lane.offset) : int(lane.offset) + int(lane.tail)]
        held = np.empty(len(inside), TRAVELLING)
        for name in OF_TRAVELLER:
            held[name] = inside[name]
        held["lane"] = k
        parts.append(held)
    return np.concatenate(parts)


def thaw(machine: Machine, state: Arrays, sent: Array, fed: bool) -> Machine:
    """The machine with the state taken up; it must be lowered from the same network.

    `sent`: which neuron sent each source spike that the sample has now. `fed`: from there they go into the lanes.

    Raises
    ------
    InputError
        Arrays that are no state of this network.
    """
    _check(machine, state, sent, fed)
    underway = np.concatenate([state["flight"]["lane"], state["travel"]["lane"]])
    in_flight = np.bincount(underway, minlength=len(machine.lanes))
    machine.lanes.head = machine.lanes.tail = 0
    machine.lanes.cursor = NO_LIMIT
    machine.control.pending = machine.control.due = 0
    machine = resize(machine, 2 * in_flight, len(state["pending"]) + 4 * machine.neurons.size)
    for name, fields in TABLES.items():
        for field in fields:
            getattr(machine, name)[field] = state[name][field]
    machine.nodes.params = machine.nodes.first_params + machine.nodes.piece * machine.nodes.params_size
    machine.numbers[_state_rows(machine)], machine.since[:] = state["numbers"], state["since"]
    clear(machine.queue)
    for node, key in state["queue"].tolist():
        requeue(machine.queue, node, key)
    machine.cohorts.queued = machine.queue.place[: machine.cohorts.size] >= 0
    machine.cohorts.stamp = machine.cohorts.aimed = -1
    for k, lane in enumerate(machine.lanes):
        mine = state["flight"][state["flight"]["lane"] == k]
        places = int(lane.offset) + (np.arange(int(lane.head), int(lane.head) + len(mine)) & int(lane.mask))
        machine.ring.t[places], machine.ring.neuron[places] = mine["t"], mine["neuron"]
        lane.tail = lane.head + len(mine)
        own = _places(machine, lane.pre, sent) if fed else None
        if own is not None:
            lane.cursor = own[int(lane.head)] if lane.head < len(own) else len(sent)
    for k, *spike in state["travel"].tolist():
        add_traveller(machine, k, *spike)
    place = 0
    for c in _heaps(machine):
        count = int(machine.cohorts[c].candidates)
        first = heap_of(machine.nodes[machine.cohorts[c].node], c)
        machine.waiting[first : first + count] = state["crossings"][place : place + count]
        place += count
    control, first = machine.control, machine.neurons.size
    machine.waiting[first : first + len(state["pending"])] = state["pending"]
    machine.work[int(control.due_at[0]) : int(control.due_at[0]) + len(state["due"])] = state["due"]
    control.pending, control.due = len(state["pending"]), len(state["due"])
    control.lost, control.lost_neuron = math.inf, 0
    control.stamp = control.touched = control.fired = control.packets = 0
    machine.stages[-1] = state["stages"]
    return machine


def _places(machine: Machine, node: int, sent: Array) -> Array | None:
    """Where in the stimulus the spikes of a source are; None of a population."""
    if machine.nodes.dynamics[node] >= 0:
        return None
    return np.flatnonzero(machine.neurons.node[sent] == node)


def _check(machine: Machine, state: Arrays, sent: Array, fed: bool) -> None:
    """Refuse arrays of other sizes, and numbers that are no index into what this network has."""
    sizes = {name: len(getattr(machine, name)) for name in TABLES}
    sizes |= {"since": len(machine.since), "numbers": len(_state_rows(machine)), "stages": machine.stages.shape[1]}
    kinds: dict[str, Any] = {
        **{name: _columns(getattr(machine, name), fields).dtype for name, fields in TABLES.items()},
        "since": np.dtype("f8"), "numbers": np.dtype("f8"), "queue": QUEUED, "flight": FLIGHT, "travel": TRAVELLING,
        "crossings": WAITING, "pending": WAITING,
        "due": np.dtype("i8"), "stages": np.dtype("f8"),
    }  # fmt: skip
    for name, kind in kinds.items():
        array = state[name]
        if array.ndim != 1 or array.dtype != kind or len(array) != sizes.get(name, len(array)):
            _refuse(f"array {name!r} has shape {array.shape} of {array.dtype}")
    lanes, nodes, flight, queue = machine.lanes, machine.nodes, state["flight"], state["queue"]
    candidates, shared = state["cohorts"]["candidates"], nodes.shared[machine.cohorts.node] == 1
    room = np.where(shared, nodes.cohort_size[machine.cohorts.node], 0)
    _need("a cohort", (candidates >= 0) & (candidates <= room))
    if len(state["crossings"]) != candidates.sum():
        _refuse("array 'crossings' has another length than cohorts say")
    owner = np.repeat(np.arange(len(candidates)), candidates)
    begin = (owner - nodes.cohort[machine.cohorts.node[owner]]) * nodes.cohort_size[machine.cohorts.node[owner]]
    who = state["crossings"]["who"]
    _need("a crossing", (who >= begin) & (who < begin + room[owner]) & _times(state["crossings"]["t"]))
    _need("a queued event", (queue["node"] >= 0) & (queue["node"] < len(machine.queue) - 1) & _times(queue["key"]))
    if len(np.unique(queue["node"])) != len(queue):
        _refuse("holds an event twice")
    _need("a packet", (flight["lane"] >= 0) & (flight["lane"] < len(lanes)) & _times(flight["t"]))
    _need("a packet", (flight["neuron"] >= 0) & (flight["neuron"] < nodes.n_neurons[lanes.pre[flight["lane"]]]))
    behind = flight["lane"][1:] == flight["lane"][:-1]
    _need("a packet", np.where(behind, flight["t"][1:] >= flight["t"][:-1], flight["lane"][1:] > flight["lane"][:-1]))
    _check_travel(machine, state["travel"])
    pending, due, control = state["pending"], state["due"], state["control"]
    _need("a spike", (pending["who"] >= 0) & (pending["who"] < len(machine.neurons)) & _times(pending["t"]))
    clocks = np.flatnonzero(nodes.clocked)
    if len(np.unique(due)) != len(due) or not np.isin(due, clocks).all():
        _refuse("a tick is none")
    head = state["lanes"]["head"]
    for k, lane in enumerate(lanes):
        places = _places(machine, lane.pre, sent) if fed else None
        _need("a packet", 0 <= head[k] <= (NO_LIMIT if places is None else len(places)))
        _need("a packet", places is None or not (flight["lane"] == k).any())
    for name in ("written", "stimulus"):
        _need("its stimulus", (control[name] >= 0) & (control[name] <= len(sent)))
    _need("a window", (control["switch"] >= 0) & (control["switch"] < len(machine.switches)))
    _need("a population", (state["nodes"]["phase"] >= 0) & (state["nodes"]["phase"] <= 3))
    _need("a drive", (state["nodes"]["piece"] >= 0) & (state["nodes"]["piece"] < np.maximum(nodes.pieces, 1)))
    for name, fields in TABLES.items():
        for field in fields:
            if state[name][field].dtype.kind == "f" and np.isnan(state[name][field]).any():
                _refuse(f"{field} of {name} holds NaN")
    if np.isnan(state["since"]).any():
        _refuse("since holds NaN")


def _check_travel(machine: Machine, travel: Array) -> None:
    """Refuse spikes under way that are none of a lane whose synapses have delays of their own."""
    lanes, what = machine.lanes, "a spike under way"
    _need(what, (travel["lane"] >= 0) & (travel["lane"] < len(lanes)) & (travel["neuron"] >= 0))
    mine = lanes[travel["lane"]]
    _need(what, (mine.kind == TRAVELLED) & (travel["neuron"] < machine.nodes.n_neurons[mine.pre]))
    row = mine.rows + travel["neuron"]
    _need(what, (travel["place"] >= machine.links[row]) & (travel["place"] < machine.links[row + 1]))
    arrival = travel["sent"] + machine.delays[mine.delays + travel["place"]]
    _need(what, _times(travel["sent"]) & (travel["t"] == arrival))


def _times(t: Array) -> Any:
    return (t >= 0) & (t < np.inf)


def _need(what: str, good: Any) -> None:
    if not np.all(good):
        _refuse(f"{what} is none that this network can have")


def _refuse(what: str) -> NoReturn:
    raise InputError(f"simulate: resume = a run whose state {what}; it is damaged. Simulate from the beginning.")
