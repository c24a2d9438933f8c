"""The way of spikes through a fabric, worked out again without an engine, from when they were emitted.

Relies on the fabric of the reference engine. Used where a run is checked or explained.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from eventsim.engines.fabric_plan import FabricPlan
from eventsim.engines.fabric_records import ARRIVED, NO_ROOM, TOO_LATE
from eventsim.engines.packet_way import Visit, Way, legs_to
from eventsim.engines.reference.fabric import Delivery, FabricState
from eventsim.fabric.contract import NOWHERE


class Emission(NamedTuple):
    """A spike as it is emitted; sorted, emissions are in the order in which a fabric takes them.

    Spikes of populations at one time are taken to be of one micro-step, as those of neurons with windows are.
    """

    t: Any
    inside: bool  # by a population, not by a source
    neuron: int  # over all sources and populations
    number: int


def replay(
    plan: FabricPlan, number: Any, key: int, sample_id: Any, emissions: Sequence[Emission]
) -> dict[tuple[int, int, int], Any]:
    """When each spike leaves for its synapses, by neuron, number of the spike, and core; lost ones are left out.

    Parameters
    ----------
    number
        The type of the run's numbers.
    key, sample_id
        The stream of random arbitration, and the sample.
    emissions
        Those of one sample, sorted.
    """
    delivered = _carry(FabricState(plan, number, key, sample_id, logs=False), emissions)
    return {(one.neuron, one.number, plan.hops[one.hop].core): left for one, _, left in delivered}


def follow(
    plan: FabricPlan, number: Any, key: int, sample_id: Any, emissions: Sequence[Emission]
) -> dict[tuple[int, int, int], Way]:
    """Return the ways of spikes, by neuron, number of the spike, and core: those of `replay` and those that were lost.

    Whether or not the fabric keeps a log.
    """
    fabric = FabricState(plan, number, key, sample_id, logs=True)
    delivered = _carry(fabric, emissions)
    visits: dict[tuple[int, int], dict[int, Visit]] = defaultdict(dict)
    for one in fabric.log:
        visits[one.neuron, one.number][one.hop] = one
    found: dict[tuple[int, int, int], Way] = {}
    for packet, _, left in delivered:
        who, hop = (packet.neuron, packet.number), plan.hops[packet.hop]
        legs = () if hop.station == NOWHERE else legs_to(plan, visits[who], packet.hop)
        arrived = legs[-1].left + fabric.latency[hop.station] if legs else packet.emitted
        found[*who, hop.core] = Way(packet.emitted, legs, ARRIVED, hop.core, arrived, left)
    for lost in (one for one in fabric.log if one.outcome in (NO_ROOM, TOO_LATE)):
        who, cores = (lost.neuron, lost.number), plan.cores_behind(lost.hop)
        way = Way(lost.emitted, legs_to(plan, visits[who], lost.hop), lost.outcome, plan.hops[lost.hop].core)
        found |= {(*who, core): way for core in cores}
    return found


def _carry(fabric: FabricState, emissions: Sequence[Emission]) -> list[Delivery]:
    """Put all emissions of a sample in when it is time; return what was delivered."""
    found: list[Delivery] = []
    k = 0
    while True:
        due = [t for t in (fabric.next_time(), emissions[k].t if k < len(emissions) else None) if t is not None]
        if not due:
            return found
        t = min(due)
        for inside in (False, True):  # what comes from outside is there before anything else happens
            while k < len(emissions) and emissions[k].t == t and emissions[k].inside == inside:
                fabric.inject(t, emissions[k].neuron, emissions[k].number)
                k += 1
            found += fabric.settle(t)
