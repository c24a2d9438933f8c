"""A run that goes on with another recording: what its first part recorded, as the next one records.

Relies on the records of a run and on the options of the call. Used by `resumable`. A run never looks as if something
had been silent that was not recorded: less may be kept than before, and membranes from here on, but no spikes that the
first part did not keep.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.engines.record_option import LEVELS
from eventsim.engines.records import RunRecords
from eventsim.engines.sample_state import SampleState
from eventsim.engines.tables import TRACE, TRACE_ROWS
from eventsim.engines.task import Task
from eventsim.errors import InputError, listed
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]


def check_record(run: Any, task: Task) -> None:
    """Refuse to record spikes or first spikes that the run did not record."""
    given, wanted, options = run.provenance["record"], task.options.record, task.options
    level = given if isinstance(given, str) else "spikes"
    remedy = "Record less, or simulate from the beginning with this recording."
    if level not in LEVELS or LEVELS.index(wanted) > LEVELS.index(level):
        raise InputError(
            f"simulate: changes = 'record', and the call records {wanted}, but the run to go on with has "
            f"record={given!r}, and neurons would seem silent until now; must record as much or less. {remedy}"
        )
    lacking = [name for name in options.recorded if name not in run.recorded_populations]
    if wanted == "spikes" and lacking:
        raise InputError(
            f"simulate: changes = 'record', and the call records spikes of {listed(lacking)}, but the run "
            f"recorded those of {listed(run.recorded_populations)} alone; must be some of these. {remedy}"
        )


def with_other_records(run: Any, task: Task) -> RunRecords:
    """Return what a run recorded, cut down to what the call records, with the states that it goes on from."""
    records, options, net = run.records, task.options, task.net
    spikes, exact = records.spikes, records.exact_times
    if options.record != "spikes":
        spikes = exact = None
    elif spikes is not None and len(options.recorded) < len(run.recorded_populations):
        kept = np.isin(spikes["population"], [net.node(name).order for name in options.recorded])
        spikes = spikes[kept]
        exact = None if exact is None else [t for t, stays in zip(exact, kept.tolist(), strict=True) if stays]
    before, now = _probed(net, run.provenance["membranes"]), _probed(net, options.probes)
    samples = [None if one is None else _noted(one, before, now) for one in records.state.samples]
    traces = records.traces if len(now) else None
    if traces is not None and not np.isin(before, now).all():
        traces = traces[np.isin(traces["neuron"], now)]
    return replace(
        records, spikes=spikes, exact_times=exact, traces=traces, state=replace(records.state, samples=samples)
    )


def begin_traces(records: RunRecords, task: Task) -> RunRecords:
    """Return records in which each neuron whose membrane is recorded from here on has its state, once for a sample."""
    assert records.state is not None
    if not task.options.probes:
        return records
    probed, rows, samples = _probed(task.net, task.options.probes), [], [*records.state.samples]
    for k, sample in enumerate(samples):
        if sample is None:
            continue
        noted = sample.noted.copy()
        for place, g in enumerate(probed.tolist()):
            row = None if noted[place] else _state_of(task.net, sample, g)
            if row is not None:
                rows.append((k, g, *row))
                noted[place] = 1
        samples[k] = replace(sample, noted=noted)
    traces = np.concatenate([np.empty(0, TRACE) if records.traces is None else records.traces, np.array(rows, TRACE)])
    traces = traces[np.argsort(traces["sample"], kind="stable")]
    return replace(records, traces=traces, state=replace(records.state, samples=samples))


def _probed(net: Network, probes: Mapping[str, Sequence[int] | Array]) -> Array:
    """The global index of each neuron whose membrane is recorded, sorted, as states number them."""
    first = np.cumsum([0, *(node.size for node in net.nodes)])
    chosen = [first[net.node(name).order] + np.asarray(neurons, dtype=np.int64) for name, neurons in probes.items()]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *chosen]))


def _noted(sample: SampleState, before: Array, now: Array) -> SampleState:
    """The state of a sample for other neurons whose membranes are recorded; those that are new have not been noted."""
    if len(sample.noted) != len(before):
        return sample  # damaged, which is said where all of it is looked at
    noted = dict(zip(before.tolist(), sample.noted.tolist(), strict=True))
    return replace(sample, noted=np.array([noted.get(g, 0) for g in now.tolist()], dtype=np.uint8))


def _state_of(net: Network, sample: SampleState, g: int) -> tuple[float, tuple[float, ...]] | None:
    """When the state of neuron g was its last one, and that; None before its window.

    A neuron is not advanced for it. Of one that spikes once V = -inf is left, of one that is refractory the state is
    that at its spike.
    """
    first = place = 0
    for node in net.populations:
        first = sum(one.size for one in net.nodes[: node.order])
        if g < first + node.size:
            break
        place += node.size * len(node.model.dynamics.state)
    now, since = max(float(sample.now[0]), 0.0), float(sample.since[g])
    n_rows = len(node.model.dynamics.state)
    state = sample.values[place : place + n_rows * node.size].reshape(n_rows, node.size)[:, g - first].tolist()
    if node.model.windowed and node.window is not None and now < node.window[0]:
        return None
    if sample.done[g]:
        since, state = now, state[:1]
    elif node.model.clocked:
        since = now
    elif since > now:
        since = float(sample.last_spike[g])
    return since, (*state, *[0.0] * TRACE_ROWS)[:TRACE_ROWS]
