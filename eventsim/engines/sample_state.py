"""Where a sample stands between two micro-steps, in words that both engines know: kept by one, gone on with by either.

Relies on the network. Used by `run_state`, which holds the states of a run, and by both engines, each of which has a
module `standing` that keeps a sample so and takes it up again. What can be worked out again is not in it: predicted
crossings, ends of refractory periods, changes of windows and drives, source spikes. An engine predicts anew, from the
same states at the same times, and so gets the same bits.

A state may come from a file that anybody has written. Every number in it that is used as an index, a length, or the
time of an event is held against the network before anything runs: a damaged state is refused, and never leads a loop
out of its arrays, round for ever, or back in time.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engines.destinations import EVERYWHERE, Lane, core_of, part_of
from eventsim.engines.fabric_plan import FabricPlan
from eventsim.engines.fabric_standing import check_fabric, refuse, sizes_of_fabric
from eventsim.engines.tables import COUNTERS
from eventsim.faults.acting import NUMBERS
from eventsim.network import order
from eventsim.network.network import Network, Population, Source
from eventsim.network.neuron_model import Model
from eventsim.network.nodes import Projection
from eventsim.network.projections import own_delays

Array = np.ndarray[Any, Any]
LARGEST_COUNT = 2**53


@dataclass(eq=False)
class SampleState:
    """Where one sample stands. Neurons are numbered over all sources and populations, in creation order.

    Attributes
    ----------
    now, micro : array (1,)
        The time of the last micro-step, -inf before the first, and the number of the next one at this time; 0 where
        none is left.
    stimulus : array (1,)
        How many of its source spikes have been sent.
    counts : array (n_nodes * n_counters,)
        What was counted, node by node, in the order of `COUNTERS`.
    ticks : array (n_nodes,)
        The next tick of each clock that is to be taken; 0 of a node without a clock.
    values : array (n_values,)
        States of all populations: for each, row after row of its state variables, one number a neuron.
    since : array (n_neurons,)
        The time of each neuron's state: ahead of `now` before t_start and while it is refractory.
    last_spike : array (n_neurons,)
        Time of the last spike; -inf without one.
    spike_number : array (n_neurons,)
        Crossings so far, those whose spikes wait included.
    sent : array (n_neurons,)
        Spikes sent so far; counted for sources only where their packets are here.
    error, error_network : array (n_neurons,)
        Rounding bounds of the last spike, in time: on its own inputs, on the whole network's.
    done : array (n_neurons,)
        Whether it has fired its one spike.
    certain : array (n_neurons,)
        When each neuron's next departure was decided; no fault lets it leave before that time.
    packet_lane, packet_t, packet_neuron, packet_number : array (n_packets,)
        Spikes under way, by lane (projection) and time of arrival, and which of the spikes of its neuron each is,
        modulo 2**32. Those of sources are here only where a stage asks for them.
    travel_lane, travel_sent, travel_neuron, travel_number, travel_place : array (n_travellers,)
        Spikes under way to synapses that have delays of their own: when each left, and the first of its synapses, in
        canonical order, that it has not reached.
    pending_t, pending_neuron : array (n_pending,)
        Spikes that have crossed and leave later: the time at which each leaves, and its neuron.
    noted : array (n_probes,)
        Whether the membrane of each recorded neuron has been noted.
    fabric : array (n_counters,)
        What was counted of packets (`FABRIC_COUNTERS`); of no entries without a fabric, as all that follows.
    stations : array (n_stations * n_counters,)
        What was counted at its stations (`STATION_COUNTERS`), one after another.
    arbiters : array (n_arbiters,)
        States of their arbiters, one after another.
    station_child, station_blocked, station_since : array (n_stations,)
        To which child of its hop each passes its packet on next; the port at which it is blocked, -1: none; since when.
    parcel_place, parcel_hop, parcel_child, parcel_neuron, parcel_number : array (n_parcels,)
        Packets in the fabric, station after station: the one that it serves or holds (place 0), those in flight behind
        it (1), in the order of their landing, those that wait at its ports (2), port after port. Where in its route
        each is; of one in flight the child that it flies to; its neuron, over all; which of its spikes it is.
    parcel_emitted, parcel_sent, parcel_entered, parcel_started, parcel_t : array (n_parcels,)
        When its spike was emitted, when it left the station before, when it came to where it is; of the one that is
        served when that began, and when it ends; of one in flight when it lands; else 0.
    """

    now: Array
    micro: Array
    stimulus: Array
    counts: Array
    ticks: Array
    values: Array
    since: Array
    last_spike: Array
    spike_number: Array
    sent: Array
    error: Array
    error_network: Array
    done: Array
    certain: Array
    packet_lane: Array
    packet_t: Array
    packet_neuron: Array
    packet_number: Array
    travel_lane: Array
    travel_sent: Array
    travel_neuron: Array
    travel_number: Array
    travel_place: Array
    pending_t: Array
    pending_neuron: Array
    noted: Array
    fabric: Array
    stations: Array
    arbiters: Array
    station_child: Array
    station_blocked: Array
    station_since: Array
    parcel_place: Array
    parcel_hop: Array
    parcel_child: Array
    parcel_neuron: Array
    parcel_number: Array
    parcel_emitted: Array
    parcel_sent: Array
    parcel_entered: Array
    parcel_started: Array
    parcel_t: Array

    def arrays(self) -> dict[str, Array]:
        """Every array by its name, in one order."""
        return {name: getattr(self, name) for name in NAMES}

    def count(self, node: int, counter: str) -> int:
        """One counter of a source or population."""
        return int(self.counts[node * len(COUNTERS) + COUNTERS.index(counter)])


NAMES = tuple(field.name for field in dataclasses.fields(SampleState))
WHOLE = frozenset(
    ("micro", "stimulus", "counts", "ticks", "spike_number", "sent", "packet_lane", "packet_neuron", "packet_number",
     "travel_lane", "travel_neuron", "travel_number", "travel_place", "pending_neuron", "fabric", "station_child",
     "station_blocked", "parcel_place", "parcel_hop", "parcel_child", "parcel_neuron", "parcel_number")
)  # fmt: skip
FLAGS = frozenset(("done", "noted"))


def kind_of(name: str) -> np.dtype[Any]:
    """The type of an array of a state that a file can hold; Fractions stay in memory."""
    return np.dtype("i8" if name in WHOLE else "u1" if name in FLAGS else "f8")


@dataclass(frozen=True)
class Frame:
    """What a state is held against.

    Attributes
    ----------
    models
        The model of each population by its order, with rounding bounds where they are asked for.
    fed
        Whether source spikes go straight into their lanes, since no stage asks for them.
    times : array (n_spikes,)
        The time at which each source spike that the sample has now is sent, sorted.
    lanes
        What packets are delivered to.
    fabric
        The fabric that carries them, or None.
    n_probes
        Length of `noted` of its state.
    """

    net: Network
    models: dict[int, Model]
    fed: bool
    times: Array
    lanes: tuple[Lane, ...]
    fabric: FabricPlan | None
    n_probes: int

    def projection(self, lane: int) -> Projection:
        """The projection that a lane is of."""
        return self.net.projections[self.lanes[lane].projection]


def check_state(state: SampleState, frame: Frame) -> None:
    """Refuse what is no state of this network; O(entries of the state).

    Raises
    ------
    InputError
        Arrays of other sizes, or numbers that no sample can have between two micro-steps.
    """
    _check_sizes(state, frame)
    _check_clock(state, frame)
    for name in ("counts", "spike_number", "sent"):
        _need("a count", (getattr(state, name) >= 0) & (getattr(state, name) <= LARGEST_COUNT))
    for name in ("packet_number", "travel_number", "parcel_number"):
        _need("the number of a spike", (getattr(state, name) >= 0) & (getattr(state, name) < NUMBERS))
    for name in ("done", "noted"):
        _need("a flag", getattr(state, name) <= 1)
    for name in ("error", "error_network"):
        _need("a bound on rounding", getattr(state, name) >= 0)
    _need("a departure", (state.certain >= 0) & (state.certain <= max(state.now[0], 0)))
    _need("a potential", state.values == state.values)
    _need("a last spike", (state.last_spike == -math.inf) | _times(state.last_spike))
    _check_neurons(state, frame)
    _check_packets(state, frame)
    _check_travel(state, frame)
    check_fabric(state, frame.fabric)
    first, spiking = 0, [np.empty(0, dtype=np.int64)]
    for node in frame.net.nodes:
        if isinstance(node, Population) and node.model.spiking:
            spiking.append(np.arange(first, first + node.size))
        first += node.size
    waits = np.isin(state.pending_neuron, np.concatenate(spiking)) & _times(state.pending_t)
    _need("a spike", waits & (state.pending_t > state.now[0]))


def _check_sizes(state: SampleState, frame: Frame) -> None:
    nodes, n = frame.net.nodes, sum(node.size for node in frame.net.nodes)
    values = sum(p.size * len(frame.models[p.order].dynamics.state) for p in frame.net.populations)
    sizes = {"now": 1, "micro": 1, "stimulus": 1, "counts": len(nodes) * len(COUNTERS), "ticks": len(nodes)}
    sizes |= dict.fromkeys(
        ("since", "last_spike", "spike_number", "sent", "error", "error_network", "done", "certain"), n
    )
    sizes |= {"values": values, "noted": frame.n_probes, **sizes_of_fabric(frame.fabric)}
    for group in ("packet_t", "travel_sent", "pending_t", "parcel_t"):
        prefix = group.partition("_")[0]
        sizes |= {name: len(getattr(state, group)) for name in NAMES if name.startswith(prefix)}
    for name, array in state.arrays().items():
        exact = array.dtype == object and name not in WHOLE | FLAGS
        if array.ndim != 1 or (array.dtype != kind_of(name) and not exact) or len(array) != sizes[name]:
            refuse(f"has {name} of shape {array.shape} of {array.dtype}")


def _check_clock(state: SampleState, frame: Frame) -> None:
    """Time, micro-step, source spikes and ticks fit together."""
    now, micro, sent = state.now[0], state.micro[0], state.stimulus[0]
    _need("its time", _times(now) if now != -math.inf else micro == 0)
    _need("its micro-step", 0 <= micro <= LARGEST_COUNT)
    _need("its source spikes", 0 <= sent <= len(frame.times))
    _need("its source spikes", np.count_nonzero(frame.times <= now) <= sent)
    ranks = order.clocked_ranks(frame.net)
    for node, tick in zip(frame.net.nodes, state.ticks.tolist(), strict=True):
        if not isinstance(node, Population) or not node.model.clocked:
            _need("a tick", tick == 0)
            continue
        period = order.period(node)
        due = micro > 0 and ranks[node.name] >= micro and tick * period == now
        _need("a tick", 0 <= tick <= LARGEST_COUNT and (due or tick * period > now))
        _need("a tick", tick == 0 or (tick - 1) * period <= now)


def _check_neurons(state: SampleState, frame: Frame) -> None:
    """Times of states are behind, but where a window has not begun or a spike has just been."""
    _need("a neuron", state.since >= 0)
    first = 0
    for node in frame.net.nodes:
        since = state.since[first : first + node.size]
        if isinstance(node, Population):
            model = frame.models[node.order]
            start = node.window[0] if model.windowed and node.window is not None else 0
            refractory = model.held(node.parameters)
            latest = (
                state.now[0] if refractory is None else np.maximum(state.now[0], 0) + refractory
            )  # for ever, if it spikes once
            spiked = state.spike_number[first : first + node.size] > 0
            _need("a neuron", (since <= state.now[0]) | (since == start) | (spiked & (since <= latest)))
            _need("a neuron", since >= start)
        first += node.size


def arrived(t: Array, now: Any, micro: Any) -> Array:
    """Which of these arrivals have been, where `micro` is the next micro-step at `now`?"""
    return np.asarray((t < now) | ((t == now) & (micro == 0)))


def _check_packets(state: SampleState, frame: Frame) -> None:
    """Packets are in lanes that keep packets, in the order of their arrival, which is to come."""
    lane, t, what = state.packet_lane, state.packet_t, "a packet"
    projections = [frame.projection(k) for k in range(len(frame.lanes))]
    _need(what, (lane >= 0) & (lane < len(projections)) & _times(t) & ~arrived(t, state.now[0], state.micro[0]))
    known = [own_delays(p.kind) is not None or (frame.fed and isinstance(p.pre, Source)) for p in projections]
    sizes = np.array([p.pre.size for p in projections] or [0])
    _need(what, ~np.array(known or [False])[lane])
    _need(what, (state.packet_neuron >= 0) & (state.packet_neuron < sizes[lane]))
    _need(what, (lane[1:] > lane[:-1]) | ((lane[1:] == lane[:-1]) & (t[1:] >= t[:-1])))


def _check_travel(state: SampleState, frame: Frame) -> None:
    """Spikes under way are those of a lane whose synapses have delays of their own, on the way to one of these."""
    what, n_lanes = "a spike under way", len(frame.lanes)
    _need(what, (state.travel_lane >= 0) & (state.travel_lane < n_lanes) & _times(state.travel_sent))
    for k in np.unique(state.travel_lane).tolist():
        mine = state.travel_lane == k
        neuron, place = state.travel_neuron[mine], state.travel_place[mine]
        kind: Any = frame.projection(k).kind
        if own_delays(kind) is None:
            refuse(f"{what} is none that this network can have")
        _need(what, (neuron >= 0) & (neuron < frame.projection(k).pre.size))
        if frame.lanes[k].core != EVERYWHERE:
            assert frame.fabric is not None
            post = frame.projection(k).post.order
            there = core_of(frame.net, frame.fabric.fabric.cores, post) == frame.lanes[k].core
            kind = part_of(frame.projection(k), there)[0]
        begin = np.searchsorted(kind.sources, neuron)
        _need(what, (place >= 0) & (begin + place < np.searchsorted(kind.sources, neuron, side="right")))
        arrival = state.travel_sent[mine] + own_delays(kind)[begin + place]
        _need(what, ~arrived(arrival, state.now[0], state.micro[0]))


def _times(t: Any) -> Any:
    return (t >= 0) & (t < math.inf)


def _need(what: str, good: Any) -> None:
    if not np.all(good):
        refuse(f"{what} is none that this network can have")
