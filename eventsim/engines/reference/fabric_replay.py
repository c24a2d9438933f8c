"""The way of spikes through a fabric, worked out again without an engine, from when they were emitted.

Relies on the fabric of the reference engine. Used where a run is checked or explained.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from eventsim.engines.fabric_plan import FabricPlan
from eventsim.engines.reference.fabric import Delivery, FabricState


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
    fabric, found, k = FabricState(plan, number, key, sample_id), {}, 0

    def note(delivered: list[Delivery]) -> None:
        for packet, _, left in delivered:
            found[packet.neuron, packet.number, plan.hops[packet.hop].core] = left

    while True:
        due = [t for t in (fabric.next_time(), emissions[k].t if k < len(emissions) else None) if t is not None]
        if not due:
            return found
        t = min(due)
        for inside in (False, True):  # what comes from outside is there before anything else happens
            while k < len(emissions) and emissions[k].t == t and emissions[k].inside == inside:
                fabric.inject(t, emissions[k].neuron, emissions[k].number)
                k += 1
            note(fabric.settle(t))
