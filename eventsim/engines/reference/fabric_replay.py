"""The way of spikes through a fabric, worked out again without an engine, from when they were emitted.

Relies on the fabric of the reference engine. Used where a run is checked or explained.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from eventsim.engines.fabric_plan import FabricPlan
from eventsim.engines.fabric_records import ARRIVED, NO_ROOM, TOO_LATE
from eventsim.engines.reference.fabric import Delivery, FabricState, Packet
from eventsim.fabric.contract import NOWHERE


class Emission(NamedTuple):
    """A spike as it is emitted; sorted, emissions are in the order in which a fabric takes them.

    Spikes of populations at one time are taken to be of one micro-step, as those of neurons with windows are.
    """

    t: Any
    inside: bool  # by a population, not by a source
    neuron: int  # over all sources and populations
    number: int


class Leg(NamedTuple):
    """A packet at one station.

    Attributes
    ----------
    station
        Its number.
    entered, started, ended
        When it came to a port, when its service began, and when that ended.
    left
        When this copy of it left: later than it ended where it was blocked, or where others went before it.
    """

    station: int
    entered: Any
    started: Any
    ended: Any
    left: Any


class Way(NamedTuple):
    """The way of a spike to one core.

    Attributes
    ----------
    legs
        The stations that served it, in order.
    left
        When it goes on to its synapses there; None where it was lost.
    outcome
        Of `fabric_records.OUTCOMES`: delivered, or why it was lost.
    lost_at
        The station that had no room for it, or that it left too late; -1 where it was delivered.
    """

    legs: tuple[Leg, ...]
    left: Any
    outcome: int = ARRIVED
    lost_at: int = -1


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
    delivered = _carry(FabricState(plan, number, key, sample_id), emissions)
    return {(one.neuron, one.number, plan.hops[one.hop].core): left for one, _, left in delivered}


def follow(
    plan: FabricPlan, number: Any, key: int, sample_id: Any, emissions: Sequence[Emission]
) -> dict[tuple[int, int, int], Way]:
    """Return the ways of spikes, by neuron, number of the spike, and core: those of `replay` and those that were lost.

    Whether or not the fabric keeps a log.
    """
    fabric = _Followed(plan, number, key, sample_id)
    found = {}
    for packet, _, left in _carry(fabric, emissions):
        who = packet.neuron, packet.number
        found[*who, plan.hops[packet.hop].core] = Way(fabric.legs(packet.hop, *who), left)
    for hop, neuron, spike, outcome in fabric.lost:
        last = hop if outcome == TOO_LATE else fabric.before[hop]
        way = Way(fabric.legs(last, neuron, spike), None, outcome, plan.hops[hop].station)
        found |= {(neuron, spike, core): way for core in _cores_behind(plan, hop)}
    return found


class _Followed(FabricState):
    """A fabric that remembers where each packet was: by hop, neuron and number of the spike, which name it."""

    def __init__(self, plan: FabricPlan, number: Any, key: int, sample_id: Any) -> None:
        super().__init__(plan, number, key, sample_id)
        self.kept: dict[tuple[int, int, int], tuple[Any, ...]] = {}
        self.departed: dict[tuple[int, int, int], Any] = {}  # for a hop, from the one before it
        self.lost: list[tuple[int, int, int, int]] = []  # hop, neuron, number of the spike, why
        self.before = [NOWHERE] * len(plan.hops)
        for k, hop in enumerate(plan.hops):
            for child in range(hop.first_child, hop.first_child + hop.n_children):
                self.before[child] = k

    def _send(self, packet: Packet, hop: int, latency: Any, t: Any, sender: int = -1) -> None:
        self.departed[hop, packet.neuron, packet.number] = t
        if self._is_full(self.plan.hops[hop].port):
            self.lost.append((hop, packet.neuron, packet.number, NO_ROOM))
        super()._send(packet, hop, latency, t, sender)

    def _record(self, station: int, packet: Packet, started: Any, ended: Any, left: Any, outcome: int) -> None:
        if outcome != NO_ROOM:
            self.kept[packet.hop, packet.neuron, packet.number] = packet.entered, started, ended, left
        if outcome == TOO_LATE:
            self.lost.append((packet.hop, packet.neuron, packet.number, TOO_LATE))
        super()._record(station, packet, started, ended, left, outcome)

    def legs(self, hop: int, neuron: int, number: int) -> tuple[Leg, ...]:
        """The stations up to that of a hop, `NOWHERE` for none."""
        found: list[Leg] = []
        behind = None
        while hop != NOWHERE and self.plan.hops[hop].station != NOWHERE:
            entered, started, ended, left = self.kept[hop, neuron, number]
            if behind is not None:
                left = self.departed[behind, neuron, number]
            found.append(Leg(self.plan.hops[hop].station, entered, started, ended, left))
            hop, behind = self.before[hop], hop
        return tuple(reversed(found))


def _cores_behind(plan: FabricPlan, hop: int) -> list[int]:
    """The cores at which the routes through a hop end."""
    one = plan.hops[hop]
    if not one.n_children:
        return [one.core]
    children = range(one.first_child, one.first_child + one.n_children)
    return [core for child in children for core in _cores_behind(plan, child)]


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
