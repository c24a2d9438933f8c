"""The way of one packet, station by station: how long it waited and for whom, was served, was blocked, was under way.

Relies on the log of a run and on its fabric. Used by figures.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import integer, shown
from eventsim.engines.fabric_records import ARRIVED, NO_ROOM, OUTCOMES, PASSED_ON, TOO_LATE
from eventsim.errors import InputError, listed
from eventsim.fabric.contract import Hop
from eventsim.fabric.ticks import next_tick
from eventsim.inspection.packets import Carried, hops_of
from eventsim.run.run import Run
from eventsim.wording import name_text

Array = np.ndarray[Any, Any]
UNDER_WAY = "under way"


class Leg(NamedTuple):
    """A packet at one station.

    Attributes
    ----------
    station
        Its number.
    sent
        When the packet left the station before; at the first one its emission.
    entered, started, ended
        When it came into a port, when its service began, when that ended; the last two are NaN where it found no room.
    left
        When it left: this copy of it, where several go different ways.
    ahead : array (n_ahead,)
        The records of the packets that were served there while it waited, in this order.
    """

    station: int
    sent: float
    entered: float
    started: float
    ended: float
    left: float
    ahead: Array


class PacketChain(NamedTuple):
    """The way of one packet.

    Attributes
    ----------
    emitted
        When its spike was emitted.
    legs
        The stations, in order. One that still held another copy when the run ended has no record and is left out.
    outcome
        "delivered", "no room", "too late" or "under way".
    core
        The core that it came to; -1: off the chip, or none.
    arrived, delivered
        When it was behind the latency of its last station, and when its spike went on to the synapses, at a tick if
        there are ticks; NaN where it was not delivered.
    """

    emitted: float
    legs: tuple[Leg, ...]
    outcome: str
    core: int
    arrived: float
    delivered: float


def packet_chain(
    where: str, run: Run, on: Carried, sample: int, population: str, neuron: int, number: int = 0,
    core: int | None = None,
) -> PacketChain:  # fmt: skip
    """Return the way of the packet of one spike, to the core that it came to last or to a given one.

    Parameters
    ----------
    where
        Begins the messages of errors.
    on
        The fabric of the run.
    number
        Which of the neuron's spikes, counted from 0.
    core
        The core that it goes to; -1: off the chip. None: where it came last, or was lost where it came nowhere.

    Raises
    ------
    InputError
        No log; a spike that there is not, that needed no packet, or that did not come to this core.
    """
    hops = hops_of(where, run, sample)
    order, _ = run._index(population)
    sent = hops[(hops["population"] == order) & (hops["neuron"] == neuron)]
    mine = sent[sent["number"] == integer(where, "number", number, low=0)]
    if not mine.size:
        _refuse_without_packet(where, run, sample, population, neuron, number, sent)
    last = _last(where, mine, core)
    route = on.fabric.routes[int(np.asarray(on.fabric.route_of[population])[neuron])]
    path = _way(route, int(last["station"]), int(last["core"]) if last["outcome"] in (ARRIVED, TOO_LATE) else None)
    legs = _legs(on, hops, mine, last, path or [int(last["station"])])
    arrived = float(last["left"]) + on.latencies[last["station"]] if last["outcome"] == ARRIVED else math.nan
    return PacketChain(
        float(last["emitted"]), legs, OUTCOMES[last["outcome"]] if last["outcome"] != PASSED_ON else UNDER_WAY,
        int(last["core"]), arrived, float(next_tick(arrived, float(on.fabric.tick))) if arrived == arrived else arrived,
    )  # fmt: skip


def _refuse_without_packet(
    where: str, run: Run, sample: int, population: str, neuron: int, number: int, sent: Array
) -> None:
    who = f"{where}: neuron {neuron} of {name_text(population)}"
    if sent.size:
        raise InputError(
            f"{who} has no packet of a spike {number} in sample {sample}; must be in 0..{int(sent['number'].max())}. "
            "Choose its number."
        )
    known = run.records.first is not None
    silent = known and not math.isfinite(float(run.spike_times(population)[sample, neuron]))
    why = "it is silent" if silent else "its spikes need none, or none has left a station"
    raise InputError(
        f"{who} sent no packet in sample {sample}: {why}; must have sent one. run.records.hops has the packets of the "
        "run."
    )


def _last(where: str, mine: Array, core: int | None) -> Any:
    """The record at which the packet's way ends."""
    ends = mine[mine["outcome"] != PASSED_ON]
    at = np.fmax(ends["left"], ends["entered"])
    if core is not None:
        there = (ends["core"] == core) & (ends["outcome"] != NO_ROOM)
        if not there.any():
            cores = sorted({*ends["core"][ends["outcome"] != NO_ROOM].tolist()})
            raise InputError(
                f"{where}: core = {shown(core)}; must be one that the spike came to: {listed(cores) or 'none'}. Leave "
                "it out for the last one."
            )
        ends, at = ends[there], at[there]
    if not ends.size:
        return mine[int(np.argmax(mine["left"]))]
    came = ends["outcome"] == ARRIVED
    return ends[int(np.argmax(np.where(came, at, -math.inf) if came.any() else at))]


def _way(hops: Sequence[Hop], station: int, core: int | None) -> list[int]:
    """The stations of a route up to one, which is its end at `core` where that is not None; [] if there is none."""
    for hop in hops:
        if hop.station == station and (core is None or (not hop.children and hop.core == core)):
            return [hop.station]
        behind = _way(hop.children, station, core)
        if behind:
            return [hop.station, *behind]
    return []


def _legs(on: Carried, hops: Array, mine: Array, last: Any, path: Sequence[int]) -> tuple[Leg, ...]:
    """The stations of the way, found from its end: each was left when the next one was entered, less the latency."""
    found: list[Leg] = []
    record, left = last, float(last["left"])
    for station in reversed(path):
        if station != record["station"]:
            latency = float(on.latencies[station])
            before = _before(mine[mine["station"] == station], float(record["entered"]), latency)
            if before is None:
                continue
            exact = before["left"] + latency == record["entered"]
            left = float(before["left"]) if exact else float(record["entered"]) - latency
            found[-1] = found[-1]._replace(sent=left)
            record = before
        entered, started, ended = (float(record[name]) for name in ("entered", "started", "ended"))
        emitted, ahead = float(record["emitted"]), _ahead(hops, record)
        found.append(Leg(int(record["station"]), emitted, entered, started, ended, left, ahead))
    return tuple(reversed(found))


def _before(candidates: Array, entered: float, latency: float) -> Any:
    """The record of the packet that entered the next station then; where several did, that whose last copy it was."""
    candidates = candidates[candidates["outcome"] == PASSED_ON]
    exact = candidates[candidates["left"] + latency == entered]
    if exact.size:
        return exact[0]
    within = candidates[(candidates["ended"] + latency <= entered) & (candidates["left"] + latency >= entered)]
    return within[0] if within.size else None


def _ahead(hops: Array, record: Any) -> Array:
    """The packets that the station served, or held, while this one waited; in the order in which it served them."""
    there = hops[(hops["station"] == record["station"]) & (hops["outcome"] != NO_ROOM)]
    during = there[(there["started"] < record["started"]) & (there["left"] > record["entered"])]
    return during[np.argsort(during["started"], kind="stable")]
