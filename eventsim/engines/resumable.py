"""Runs that go on where another one ended: may this one be gone on with, by this call?

Relies on the state of a run and on the task. Used by `simulate`.
"""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.checks import names, shown
from eventsim.engines.fabric_standing import refuse
from eventsim.engines.records import RunRecords
from eventsim.engines.resumed_network import check_network, succeed
from eventsim.engines.resumed_records import begin_traces, check_record, with_other_records
from eventsim.engines.resumption import Resumption
from eventsim.engines.run_state import digest_of, digest_of_spikes
from eventsim.engines.sample_state import check_state
from eventsim.engines.tables import COUNTERS
from eventsim.engines.task import Task
from eventsim.errors import InputError, nearest

Array = np.ndarray[Any, Any]

# What must be as it was: entries of the provenance, and how a caller calls them.
SAME = {
    "network_hash": "net", "seed": "seed", "sample_ids": "sample_ids", "record": "record",
    "membranes": "record", "faults": "faults", "transport": "transport", "error_bounds": "error_bounds",
}  # fmt: skip


CHANGES = ("net", "x", "record")


def checked_changes(changes: Any, resume: Any) -> frozenset[str]:
    """What the call says may differ from the run that it goes on with; a name or several of `CHANGES`."""
    given = names("simulate", "changes", changes)
    unknown = [name for name in given if name not in CHANGES]
    if unknown:
        raise InputError(
            f"simulate: changes = {shown(changes)}{nearest(unknown[0], CHANGES)}; may name {', '.join(CHANGES)}: what "
            "differs from the run to go on with. Choose among these."
        )
    if given and resume is None:
        raise InputError(
            f"simulate: changes = {shown(changes)} without resume; must say what differs from the run to go on with. "
            "Give resume= a run that was simulated with keep_state=True, or leave changes out."
        )
    return frozenset(given)


def take_up(run: Any, now: dict[str, Any], task: Task, changes: frozenset[str]) -> None:
    """Let the task begin where a run ended.

    Parameters
    ----------
    now
        The provenance that this call would have.
    changes
        What may differ from the run, of `CHANGES`.

    Raises
    ------
    InputError
        A run that another call made, or one without its state; a change with which it could not go on.
    """
    state = run.records.state
    if state is None:
        raise InputError(
            "simulate: resume = a run without its state; must have been simulated with keep_state=True, and not have "
            "ended early while parameters of its network changed. Simulate it so from the beginning."
        )
    _check_same(run, now, task, changes)
    populations, sources = check_network(run, task) if "net" in changes else (set(), set())
    if "record" in changes:
        check_record(run, task)
    records = with_other_records(run, task) if "record" in changes else run.records
    resumption = Resumption(records, run.counters["events"], run.counters["queue_operations"])
    if "x" not in changes and state.inputs != digest_of(task.inputs):
        raise InputError(
            "simulate: resume = a run on other data; must be the same x. Give what the first part was given, or "
            "changes='x' where it is another only from where the run ended."
        )
    if "x" in changes or sources:
        _check_sent(run, resumption, task, "x" if "x" in changes else "net")
    _check_records(records, run.provenance, task)
    _check_end(run, math.inf if now["until"] is None else now["until"])
    _check_stop(run, task)
    if changes:
        for k, sample in enumerate(resumption.state.samples):
            if sample is not None:
                check_state(sample, task.frame(k))
    if "record" in changes:
        resumption = replace(resumption, records=begin_traces(records, task))
    task.earlier_networks, task.earlier = [*run.provenance.get("earlier_networks", ())], [*run._earlier]
    if run.provenance["network_hash"] != now["network_hash"]:
        since = [resumption.since(k)[0] for k in range(task.inputs.n_samples)]
        task.earlier += [*[None] * (len(task.earlier_networks) - len(task.earlier)), run._network]
        task.earlier_networks.append({"network_hash": run.provenance["network_hash"], "until": [*map(float, since)]})
    if populations:
        succeed(task, resumption, run._network, populations)
    task.begin_with(resumption)


def _check_same(run: Any, now: dict[str, Any], task: Task, changes: frozenset[str]) -> None:
    """Refuse what is another in the call, unless it may be."""
    for key, name in SAME.items():
        before, given = plain_json(run.provenance.get(key)), plain_json(now[key])
        if before != given and name not in changes:
            said = run.network_difference(task.net) if name == "net" else f"{before!r:.200}, not {given!r:.200}"
            wanted = f", or changes={name!r} where it is to be another from here on" if name in CHANGES else ""
            raise InputError(
                f"simulate: resume = a run with another {name} ({said}); must be the "
                f"same. Give what the first part was given{wanted}."
            )


def _check_sent(run: Any, resumption: Resumption, task: Task, what: str) -> None:
    """Refuse source spikes that are others up to where a sample stands; `what` may be another from there on."""
    if not resumption.state.sent:
        raise InputError(
            f"simulate: changes = {what!r}, but resume = a run whose file does not say what its samples were sent, "
            "since it is of an earlier eventsim; must be known. Simulate it again."
        )
    for k, sample in enumerate(resumption.state.samples):
        if sample is None:
            continue
        if len(sample.stimulus) != 1:
            refuse(f"has stimulus of shape {sample.stimulus.shape}")
        sent, (since, inclusive) = int(sample.stimulus[0]), resumption.since(k)
        stimulus = task.inputs.batch(k, k + 1)
        past = int(np.searchsorted(stimulus.time, since, "right" if inclusive else "left"))
        digest = digest_of_spikes(stimulus.time[:past], stimulus.neuron[:past])
        if past == sent and digest == resumption.state.sent[k]:
            continue
        where = _first_other(run, task, k, stimulus.time[:past], stimulus.neuron[:past])
        whose = "settings of a generator that give" if what == "net" else "an input that gives"
        raise InputError(
            f"simulate: changes = {what!r}, but {whose} sample {k} other spikes {'up to' if inclusive else 'before'} t "
            f"= {since}, where the run to go on with stands{where}; must be the same until then. Change what is sent "
            "later."
        )


def _first_other(run: Any, task: Task, k: int, times: Array, neurons: Array) -> str:
    """The time of the first source spike that is another, in words; "" where the run recorded no source spikes."""
    sources = task.net.sources
    if run.records.spikes is None or not {one.name for one in sources} <= {*run.recorded_populations}:
        return ""
    first = np.cumsum([0, *(node.size for node in task.net.nodes)])
    spikes = run.records.spikes[run.records.spikes["sample"] == k]
    spikes = spikes[np.isin(spikes["population"], [one.order for one in sources])]
    then = sorted(zip(spikes["time"].tolist(), (first[spikes["population"]] + spikes["neuron"]).tolist(), strict=True))
    now = list(zip(map(float, times.tolist()), neurons.tolist(), strict=True))
    other = next((min(a, b) for a, b in zip(then, now, strict=False) if a != b), None)
    longer = max(then, now, key=len)
    other = other or (longer[min(len(then), len(now))] if len(then) != len(now) else None)
    return "" if other is None else f" (the first that is another is at {other[0]})"


def plain_json(value: Any) -> Any:
    """A value as it comes back from a file: tuples as lists, numpy's numbers as Python's."""
    return json.loads(json.dumps(value, default=lambda one: one.item() if isinstance(one, np.generic) else str(one)))


def _check_records(records: RunRecords, provenance: dict[str, Any], task: Task) -> None:
    """Refuse runs, read from files, that lack what they recorded."""
    outputs, options = task.outputs, task.options
    wanted = {
        "spikes": options.record == "spikes", "traces": bool(options.probes) and bool(provenance.get("membranes")),
        "stopped": provenance.get("stop") is not None,
    }  # fmt: skip
    for name, mine in (("first", outputs.first), ("readout", outputs.readout), ("errors", outputs.errors)):
        before = getattr(records, name)
        wanted[name] = mine.size > 0
        if before is not None and mine.size and before.shape != mine.shape:
            refuse(f"comes with {name} of shape {before.shape}, not {mine.shape}")
    for name, needed in wanted.items():
        if needed and getattr(records, name) is None:
            refuse(f"comes without its {name}")


def _check_end(run: Any, until: float) -> None:
    """Refuse an end that the run is beyond."""
    before = run.provenance.get("until")
    stopped = np.full(run.n_samples, math.inf) if run.records.stopped is None else run.records.stopped
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
    for name, count in task.options.stop.items():
        order = task.net.node(name).order
        for k, sample in enumerate(run.records.state.samples):
            if sample is None or before.get(name) == count:
                continue
            sent = sample.count(order, "spikes") if order * len(COUNTERS) < len(sample.counts) else 0
            if sent >= count:
                raise InputError(
                    f"simulate: stop[{name!r}] = {count}, but sample {k} of the run to go on with has sent {sent} "
                    "spikes already; must be more. Give a larger number, which counts from the beginning."
                )
