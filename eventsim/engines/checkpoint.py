"""Runs that go on where another one ended: what is kept of each sample, and whether it may be gone on with.

Relies on the machine's arrays. Used by `simulate` and `engine`. A state is what the sample is, not how the engine lays
it out: times, states of neurons, packets in flight, what waits in the queue. It is kept and taken up again between two
micro-steps, and nothing is advanced for it, so that a run in pieces has the bits of one in one piece. What a state must
be to be taken up is in `sample_state`.
"""

import copy
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engines.compiled.horizon import heap_of
from eventsim.engines.compiled.machine import resize
from eventsim.engines.compiled.queue import WAITING, clear, requeue
from eventsim.engines.compiled.travel import add_traveller
from eventsim.engines.sample_state import (
    FLIGHT,
    KINDS,
    OF_TRAVELLER,
    QUEUED,
    TABLES,
    TRAVELLING,
    check_state,
    places_of,
    refuse,
    state_rows,
)
from eventsim.engines.stimulus import Inputs
from eventsim.engines.tables import NO_LIMIT, TRAVELLED, Machine
from eventsim.engines.task import Task
from eventsim.errors import InputError

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]


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

    def __getstate__(self) -> dict[str, Any]:
        """What another process is sent: samples of the reference engine without the task that they belonged to."""
        samples = [_sent(sample) for sample in self.samples] if self.engine == "reference" else self.samples
        return vars(self) | {"samples": samples}

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
        reached, begun = arrays.pop("state.reached"), entry["begun"]
        if reached.shape != (n_samples,) or reached.dtype != np.float64 or not (reached >= 0).all():
            raise ValueError("times that are none")
        if not all(isinstance(k, int) and 0 <= k < n_samples for k in begun) or entry["engine"] != "compiled":
            raise ValueError("samples that are none")
        samples: list[Any] = [None] * n_samples
        for k in begun:
            samples[k] = {name: arrays.pop(f"state{k}.{name}") for name in KINDS}
            if any(array.ndim != 1 or array.dtype != KINDS[name] for name, array in samples[k].items()):
                raise ValueError("arrays of other types")
        if [_digest(samples[k]) for k in begun] != entry["digests"]:
            raise ValueError("arrays that were changed")
        parts = {str(name): str(digest) for name, digest in dict(entry.get("parts") or {}).items()}
        return cls(entry["engine"], str(entry["inputs"]), samples, reached, parts)


class _Elsewhere:
    """Stands for the task of a sample that was sent to another process; going on puts another in its place."""


def _sent(sample: Any) -> Any:
    """A sample of the reference engine that belongs to no task: that has locks, and all that was recorded."""
    if sample is None:
        return None
    sent = copy.copy(sample)
    sent.task = _Elsewhere()
    sent.handlers = {kind: getattr(sent, method.__name__) for kind, method in sample.handlers.items()}
    return sent


def _digest(state: Arrays) -> str:
    digest = hashlib.sha256()
    for name in KINDS:
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
            said = run.network_difference(task.net) if name == "net" else f"{before!r:.200}, not {given!r:.200}"
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
            refuse(f"comes with {name[1:]} of shape {before.shape}, not {held.shape}")
    for name, needed in wanted.items():
        if needed and getattr(run, name) is None:
            refuse(f"comes without its {name[1:]}")


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
                sent = int(sample["nodes"]["spikes"][order : order + 1].sum())
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
    state["since"], state["numbers"] = machine.since.copy(), machine.numbers[state_rows(machine)]
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
    check_state(machine, state, sent, fed)
    underway = np.concatenate([state["flight"]["lane"], state["travel"]["lane"]])
    in_flight = np.bincount(underway, minlength=len(machine.lanes))
    machine.lanes.head = machine.lanes.tail = 0
    machine.lanes.cursor = NO_LIMIT
    machine.control.pending = machine.control.due = 0
    machine = resize(machine, 2 * in_flight, len(state["pending"]) + 4 * machine.neurons.size)
    for name, columns in TABLES.items():
        for field in columns:
            getattr(machine, name)[field] = state[name][field]
    machine.nodes.params = machine.nodes.first_params + machine.nodes.piece * machine.nodes.params_size
    machine.numbers[state_rows(machine)], machine.since[:] = state["numbers"], state["since"]
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
        own = places_of(machine, lane.pre, sent) if fed else None
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
