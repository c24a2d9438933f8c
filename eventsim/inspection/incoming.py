"""What reached one neuron in a recorded run: every spike of its presynaptic neurons, when it arrived, with what weight.

Relies on the spike trains of a run, on projections and transports. Used by `explain`. Arrivals are worked out as the
engines do: in the arithmetic of the run, after the transport, delays of clocked populations counted in ticks.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim.engines.destinations import core_of
from eventsim.engines.fabric_plan import FabricPlan, plan_fabric
from eventsim.engines.fabric_records import OUTCOMES
from eventsim.engines.options import ARBITRATION
from eventsim.engines.packet_way import Leg, Way, ways_without_stations
from eventsim.engines.reference.fabric_replay import Emission, follow
from eventsim.errors import InputError
from eventsim.faults.acting import Deliveries, fault_keys
from eventsim.faults.contract import AT_ARRIVAL, ArrivalFault
from eventsim.inspection.logged_way import logged_ways
from eventsim.inspection.trains import Trains, first_neurons, has_all_spikes, numbers_of, trains
from eventsim.network import order
from eventsim.network.network import Network, Population, Projection, Source
from eventsim.network.projections import Sparse
from eventsim.network.sources import exactly
from eventsim.randomness import stream_key
from eventsim.run.due import fabric_of
from eventsim.run.provenance import stage_described
from eventsim.run.run import Run
from eventsim.wording import numbered


class Arrival(NamedTuple):
    """One spike at one synapse; sorted, arrivals are in the order of events.

    Attributes
    ----------
    micro
        Micro-step of its time, as far as a run tells: 0 from outside and over a delay, else 1, or what follows from the
        rank of a clocked sender.
    node, neuron, number
        Whose spike it is, and which of its spikes.
    place
        Place of that spike in the sample.
    core
        The core that it was delivered to; 0 without a fabric.
    """

    time: Any
    micro: int
    node: int
    neuron: int
    projection: int
    delay: Any
    weight: Any
    number: int
    emitted: Any
    place: int
    receptor: int = 0
    core: int = 0


class Heard:
    """The spikes of one sample, and what of them reaches a neuron.

    Attributes
    ----------
    end
        The time up to which the sample was simulated.
    until
        Events before this time were simulated.

    Raises
    ------
    InputError
        A run that recorded too few spikes to tell what a neuron received, or that ended before the sample began.
    """

    def __init__(self, net: Network, run: Run, sample: int) -> None:
        self.net, self.run, self.sample = net, run, sample
        self.number: Any = float if run.records.exact_times is None else exactly
        self.first = first_neurons(run)
        every = has_all_spikes(run)
        found = trains("explain", "run", run, every, sample)
        node = np.searchsorted(self.first, found.neuron, side="right") - 1
        if not every:  # in event order, as far as times tell
            fed_first = np.array([isinstance(n, Population) for n in net.nodes])[node]
            rows = zip(found.time.tolist(), fed_first.tolist(), found.neuron.tolist(), strict=True)
            inside = [k for k, _ in sorted(enumerate(rows), key=lambda entry: entry[1])]
            found, node = Trains(*(part[inside] for part in found)), node[inside]
        self.node, self.neuron = node, found.neuron - self.first[node]
        self.sample_id = np.uint64(run.provenance["sample_ids"][sample])
        self.times = found.time.tolist()
        self.numbers = numbers_of(found.neuron)
        self.plan = self._fabric()
        self._carried = self._departures(every)
        self.deliveries = self._deliveries()
        self.ranks = order.clocked_ranks(net)
        until = run.provenance.get("until")
        self.until: Any = math.inf if until is None else until
        self.end: Any = self.until
        done = float(run.reached[sample])
        if math.isnan(done):
            raise InputError(
                f"explain: sample {sample} was never simulated, since the run ended before; must have been. Choose "
                "another, or resume the run."
            )
        if done < self.until:  # where a stop condition or a budget ended it, with what happened at that time
            self.until, self.end = math.nextafter(done, math.inf), self.number(done)

    def train(self, node: int, neuron: int) -> list[int]:
        """Places of a neuron's spikes in the sample."""
        return np.flatnonzero((self.node == node) & (self.neuron == neuron)).tolist()

    def arrivals(self, population: Population, neuron: int) -> list[Arrival]:
        """All spikes that reached a neuron in the run, in the order of events."""
        found = []
        for projection in self.net.projections:
            if projection.post is population:
                self._check_trains(projection.pre)
                found += self._over(projection, neuron)
        return sorted(one for one in found if one.time < self.until)

    def _over(self, projection: Projection, neuron: int) -> list[Arrival]:
        """The arrivals over one projection."""
        pre, found = projection.pre, []
        places = np.flatnonzero(self.node == pre.order)
        senders = self.neuron[places]
        inside = isinstance(pre, Population)
        rank = max(self.ranks.get(pre.name, 0), 0) + 1
        core = 0 if self.plan is None else int(core_of(self.net, self.plan.fabric.cores, projection.post.order)[neuron])
        for sender in np.unique(senders).tolist():
            mine = _synapses(projection, sender, neuron)
            for place in places[senders == sender].tolist() if mine else ():
                left = self.left(place, core)
                if left is None:
                    continue
                at_once = inside and left == self.times[place]
                found += [
                    Arrival(
                        self._arrival(projection, place, left, delay), rank if delay == 0 and at_once else 0, pre.order,
                        sender, projection.order, delay, self._weight(projection, sender, place, synapse, weight),
                        int(self.numbers[place]), self.times[place], place, projection.receptor_number, core,
                    )
                    for synapse, weight, delay in mine
                ]  # fmt: skip
        return found

    def _weight(self, projection: Projection, sender: int, place: int, synapse: int, weight: Any) -> Any:
        number = int(self.numbers[place])
        return self.deliveries.weight(projection.order, sender, synapse, number, self.sample_id, self.number(weight))

    def _deliveries(self) -> Deliveries:
        described = self.run.provenance.get("faults") or ()
        faults = [
            stage_described("explain", ArrivalFault, "fault", entry) if entry.get("acts") == AT_ARRIVAL else None
            for entry in described
        ]
        seed = int(self.run.provenance.get("seed") or 0)
        return Deliveries(self.net, faults, fault_keys(self.net, faults, seed), self.number)

    def _arrival(self, projection: Projection, place: int, left: Any, delay: Any) -> Any:
        emitted = self.times[place]
        ticks = order.delay_in_ticks(projection)
        if ticks and left == emitted:
            assert isinstance(projection.pre, Population)
            period = self.number(order.period(projection.pre))
            tick = round(emitted / period)
            if tick * period == emitted:
                return (tick + ticks) * period
        return left + self.number(delay)

    def _fabric(self) -> FabricPlan | None:
        if self.run.provenance.get("transport") is None:
            return None
        return plan_fabric(self.net, fabric_of(self.run, self.net, "explain"))

    def _departures(self, every: bool) -> dict[tuple[int, int, int], Way]:
        """The ways of spikes over the fabric to their synapses, by neuron, number of the spike and core.

        As the log has them; without one, and of Fractions, which a log has rounded, the fabric carries all spikes once
        more. That is the same but where spikes of one time are of several micro-steps, which a run does not tell.
        """
        if self.plan is None:
            return {}
        if not every:
            raise InputError(
                "explain: run did not record all spikes, and its transport carries them in the order of all spikes; "
                'must hold all spikes. Simulate with record="spikes".'
            )
        emissions = [
            Emission(t, isinstance(self.net.nodes[node], Population), int(self.first[node]) + neuron, number)
            for t, node, neuron, number in zip(
                self.times, self.node.tolist(), self.neuron.tolist(), self.numbers.tolist(), strict=True
            )
        ]
        if self.run.records.hops is not None and self.run.records.exact_times is None:
            local = ways_without_stations(
                self.plan, ((one.t, one.neuron, one.number) for one in emissions), float(self.plan.fabric.tick)
            )
            return local | logged_ways("explain", self.run, self.plan, self.sample)
        key = stream_key(int(self.run.provenance.get("seed") or 0), ARBITRATION)
        in_order = sorted(emissions, key=lambda one: (one.t, one.inside))  # stable: those of one time as they were
        return follow(self.plan, self.number, key, self.sample_id, in_order)

    def left(self, place: int, core: int) -> Any:
        """When a spike left for its synapses on a core: as it was emitted, or out of the fabric; None: it was lost."""
        if self.plan is None:
            return self.times[place]
        way = self._way(place, core)
        return None if way is None else way.delivered

    def _way(self, place: int, core: int) -> Way | None:
        g = int(self.first[self.node[place]] + self.neuron[place])
        return self._carried.get((g, int(self.numbers[place]), core))

    def stops(self, one: Arrival) -> tuple[Leg, ...]:
        """The stations that an arrival's spike went through; () without a fabric, and where it needed no packet."""
        way = self._way(one.place, one.core)
        return () if way is None else way.legs

    def lost(self, population: Population, neuron: int) -> list[str]:
        """The spikes that would have reached a neuron and were lost on their ways, in words: whose, where and why."""
        if self.plan is None:
            return []
        core = int(core_of(self.net, self.plan.fabric.cores, population.order)[neuron])
        found = []
        for projection in self.net.projections:
            if projection.post is not population:
                continue
            for place in np.flatnonzero(self.node == projection.pre.order).tolist():
                way, sender = self._way(place, core), int(self.neuron[place])
                if way is not None and way.delivered is None and _synapses(projection, sender, neuron):
                    who = f"{projection.pre.name} {numbered(sender, projection.pre.shape)}"
                    found.append(f"{who} at {way.legs[-1].station} ({OUTCOMES[way.outcome]})")
        return found

    def _check_trains(self, pre: Source | Population) -> None:
        """Are the first spikes of these neurons all their spikes, where only those were recorded?"""
        if has_all_spikes(self.run):
            return
        recorded = np.count_nonzero((self.run.spike_times(pre.name) < math.inf).astype(bool))
        if recorded < self.run.n_spikes(pre.name):
            raise InputError(
                f"explain: run recorded first spikes of {pre.name!r} only, where neurons fired more often; must hold "
                'all spikes. Simulate with record="spikes".'
            )


def _synapses(projection: Projection, sender: int, neuron: int) -> list[tuple[int, Any, Any]]:
    """Places, weights and delays of the synapses between two neurons."""
    kind = projection.kind
    targets, weights = kind.synapses(sender)
    delays = np.full(len(weights), projection.delay, dtype=object)
    if isinstance(kind, Sparse) and kind.delays is not None:
        delays = kind.delays_of(sender)
    mine = np.flatnonzero(targets == neuron)
    return list(zip(mine.tolist(), weights[mine].tolist(), delays[mine].tolist(), strict=True))
