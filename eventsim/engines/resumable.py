"""Runs that go on where another one ended: may this one be gone on with, by this call?

Relies on the state of a run and on the task. Used by `simulate`.
"""

import json
import math
from typing import Any

import numpy as np

from eventsim.engines.run_state import digest_of
from eventsim.engines.sample_state import refuse
from eventsim.engines.tables import COUNTERS
from eventsim.engines.task import Task
from eventsim.errors import InputError

# What must be as it was: entries of the provenance, and how a caller calls them.
SAME = {
    "network_hash": "net", "seed": "seed", "sample_ids": "sample_ids", "record": "record",
    "membranes": "record", "faults": "faults", "transport": "transport", "error_bounds": "error_bounds",
}  # fmt: skip


def check_resumed(run: Any, now: dict[str, Any], task: Task) -> None:
    """Refuse to go on with a run that another call made; `now` is the provenance that this call would have."""
    state = run.records.state
    if state is None:
        raise InputError(
            "simulate: resume = a run without its state; must have been simulated with keep_state=True. Simulate "
            "it so from the beginning."
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
    outputs, options = task.outputs, task.options
    wanted = {
        "spikes": options.record == "spikes", "traces": bool(options.probes),
        "stopped": run.provenance.get("stop") is not None,
    }  # fmt: skip
    for name, mine in (("first", outputs.first), ("readout", outputs.readout), ("errors", outputs.errors)):
        before = getattr(run.records, name)
        wanted[name] = mine.size > 0
        if before is not None and mine.size and before.shape != mine.shape:
            refuse(f"comes with {name} of shape {before.shape}, not {mine.shape}")
    for name, needed in wanted.items():
        if needed and getattr(run.records, name) is None:
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
