"""The way of spikes through a fabric, worked out again without an engine, from when they were emitted.

Relies on the fabric of the reference engine. Used where a run is checked or explained.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from eventsim.engines.fabric_plan import FabricPlan
from eventsim.engines.packet_way import Way, ways_of, ways_without_stations
from eventsim.engines.reference.fabric import Delivery, FabricState


class Emission(NamedTuple):
    """A spike as it is emitted.

    Those of one time are in the order in which they were emitted, what comes from outside first; sorted, they are that
    of one micro-step. A new one is taken to begin where the neurons do not rise, since within one they do.
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
        Those of one sample, in the order of time.
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
    _carry(fabric, emissions)
    local = ways_without_stations(plan, ((one.t, one.neuron, one.number) for one in emissions), fabric.tick)
    return local | ways_of(plan, fabric.log, fabric.latency, fabric.tick)


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
            last = -1
            while k < len(emissions) and emissions[k].t == t and emissions[k].inside == inside:
                if emissions[k].neuron <= last:
                    found += fabric.settle(t)
                fabric.inject(t, emissions[k].neuron, emissions[k].number)
                last = emissions[k].neuron
                k += 1
            found += fabric.settle(t)
