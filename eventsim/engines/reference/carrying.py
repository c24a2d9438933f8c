"""A sample of the reference engine and the fabric that carries its spikes.

Relies on the fabric of this engine. Used by `sample` and `standing`.
"""

import math
from typing import Any

import numpy as np

from eventsim.engines import problems
from eventsim.engines.fabric_records import ARRIVED, HOP_RECORD, TOO_LATE, UNDER_WAY
from eventsim.engines.reference.agenda import FABRIC
from eventsim.engines.reference.fabric import CircleError, FabricState
from eventsim.errors import DeadlockError
from eventsim.fabric.contract import NOWHERE
from eventsim.faults.acting import NUMBERS


def begin(sample: Any) -> None:
    """The fabric of a sample, without packets."""
    if sample.plan.fabric is not None:
        options = sample.task.options
        sample.fabric = FabricState(sample.plan.fabric, sample.plan.number, options.arbitration_key, sample.sample_id)


def expect(sample: Any, t: Any) -> None:
    """Its one entry in the agenda is now at t; None: nothing is under way."""
    if sample.fabric_entry is not None:
        sample.agenda.discard(sample.fabric_entry)
    sample.fabric_entry = None if t is None else (t, FABRIC)
    if sample.fabric_entry is not None:
        sample.agenda.add(sample.fabric_entry)


def carry(sample: Any, t: Any) -> None:
    """All that happens between stations at t; what comes out goes on to its synapses."""
    fabric, plan = sample.fabric, sample.plan
    if fabric is None:
        return
    before = fabric.served
    try:
        delivered = fabric.settle(t)
    except CircleError as found:
        names = [fabric.plan.stations[k].name for k in found.stations]
        raise DeadlockError(problems.deadlock(sample.row, names, t)) from None
    finally:
        sample.task.events += fabric.served - before
    for packet, lanes, left in delivered:
        index = packet.neuron - plan.first[_node(sample, packet.neuron)]
        for lane in lanes:
            sample.travel(left, lane, index, packet.number, 0, packet.emitted)
    expect(sample, fabric.next_time())


def _node(sample: Any, neuron: int) -> int:
    """The source or population of a neuron, counted over all."""
    return int(np.searchsorted(sample.plan.first, neuron, side="right")) - 1


def keep(sample: Any) -> None:
    """Hand over what was counted, and recorded of hops."""
    outputs, found = sample.task.outputs, []
    sample.fabric.counters[UNDER_WAY] = sample.fabric.under_way()
    outputs.fabric[sample.row] = sample.fabric.counters
    for k, one in enumerate(sample.fabric.stations):
        outputs.stations[sample.row, k] = [float(x) for x in one.counters]
    for hop, g, number, outcome, *times in sample.fabric.log:
        node, place = _node(sample, g), sample.fabric.plan.hops[hop]
        seen = (math.nan if t is None else float(t) for t in times)
        who = node, g - sample.plan.first[node], number % NUMBERS
        core = place.core if outcome in (ARRIVED, TOO_LATE) else NOWHERE
        found.append((sample.row, place.station, *who, outcome, core, hop, *seen))
    outputs.hops.add(sample.row, np.array(found, dtype=HOP_RECORD))
