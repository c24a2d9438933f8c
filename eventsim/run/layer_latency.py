"""What happens to the packets of one layer: when they are emitted and delivered, how late, in which order.

Relies on the log of the fabric and, for what they reach, on the network. Used by `latency`.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from eventsim.engines.fabric_records import ARRIVED, NO_ROOM, TOO_LATE
from eventsim.run.due import Arrivals
from eventsim.run.packets import behind_stations, out_of_order
from eventsim.run.recorded import RecordedRun
from eventsim.run.spread import Spread

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LayerLatency:
    """The packets of the spikes of one source or population, over all samples. Times in the unit of the network.

    Attributes
    ----------
    population
        Its name.
    spikes
        How many of its spikes became packets.
    without
        How many needed none: all their targets were where they are, or they have none. None where nobody counted.
    emitted
        When those that became packets left their neurons, a `Spread`; None without one.
    delivered
        When packets came to the end of their routes, one each.
    delay
        From emission to delivery.
    packets
        How many were delivered.
    lost
        At how many places packets were lost, each with what it would have become behind it: for want of room, and as
        late ones.
    missed
        How many packets were delivered, or lost, older than the deadline of the fabric; None without a deadline.
    t_min
        When its own window opens; None without one.
    late
        How many packets reached a layer at or after its t_min (of a pool that of the layer behind it; of a read-out
        when it was read), counted once a projection; None where the network is not known, or no target has a window.
    overrun
        The latest arrival less that t_min: at 0 or above something was late, below it is the time to spare.
    inversions, pairs
        Pairs of its packets to one core in one sample that were delivered in another order than they were emitted in;
        and all pairs. Equal times are in no order.
    waiting, longest
        Time that its packets waited at stations: mean of a delivered packet, with all copies on their ways, and the
        longest at one station.
    blocked
        Time for which its packets held stations that could not pass them on, in all.
    hops
        Services of stations for its packets, in all.
    """

    population: str
    spikes: int
    without: int | None
    emitted: Spread | None
    delivered: Spread | None
    delay: Spread | None
    packets: int
    lost: int
    missed: int | None
    t_min: float | None
    late: int | None
    overrun: float | None
    inversions: int
    pairs: int
    waiting: float
    longest: float
    blocked: float
    hops: int


class Log(NamedTuple):
    """What is looked at, for all layers.

    Attributes
    ----------
    hops, age : array (n_hops,)
        All records, and how old each delivered or late packet was; NaN of others.
    came : array (n_packets,)
        The deliveries.
    sent : array (n_spikes,)
        A record for each spike that sent packets.
    arrivals
        By population what its packets reach; None where the network is not known.
    """

    hops: Array
    came: Array
    sent: Array
    age: Array
    arrivals: list[list[Arrivals]] | None


def layer_latency(run: RecordedRun, log: Log, population: int) -> LayerLatency:
    """Return what happened to the packets of one source or population, by its number."""
    name = run.populations[population]
    hops = log.hops[log.hops["population"] == population]
    came = log.came[log.came["population"] == population]
    sent = log.sent[log.sent["population"] == population]
    served = hops[hops["outcome"] != NO_ROOM]
    waited, window = served["started"] - served["entered"], run.windows.get(name)
    deadline = run.provenance["fabric"]["deadline"]
    old = log.age[log.hops["population"] == population]
    late, overrun = _late(log, population)
    overtaken, pairs = out_of_order(came)
    return LayerLatency(
        population=name,
        spikes=len(sent),
        without=int(run.counters["by_population"][name]["spikes"]) - len(sent) if run.complete else None,
        emitted=Spread.of(sent["emitted"]),
        delivered=Spread.of(came["delivered"]),
        delay=Spread.of(came["delivered"] - came["emitted"]),
        packets=len(came),
        lost=int(np.isin(hops["outcome"], (NO_ROOM, TOO_LATE)).sum()),
        missed=None if deadline is None else int((old > deadline).sum()),
        t_min=None if window is None else float(window[-2]),
        late=late,
        overrun=overrun,
        inversions=overtaken,
        pairs=pairs,
        waiting=float(waited.sum()) / len(came) if len(came) else 0.0,
        longest=float(waited.max(initial=0.0)),
        blocked=float((served["left"] - served["ended"]).sum()),
        hops=len(served),
    )


def ages(run: RecordedRun, hops: Array) -> Array:
    """Return how old packets were when they came behind their last stations, (n_hops,); NaN on their ways."""
    last = np.isin(hops["outcome"], (ARRIVED, TOO_LATE))
    age: Array = np.where(last, behind_stations(run, hops) - hops["emitted"], np.nan)
    return age


def late_by_sample(run: RecordedRun, came: Array, arrivals: list[list[Arrivals]]) -> Array:
    """Return how many packets of each were too late in each sample, (n_samples, n_populations)."""
    found = np.zeros((run.n_samples, len(arrivals)), dtype=np.int64)
    for population, several in enumerate(arrivals):
        for one in several:
            late = came["sample"][one.which[one.times >= one.due]]
            found[:, population] += np.bincount(late, minlength=run.n_samples)
    return found


def lost_by_sample(run: RecordedRun, hops: Array) -> Array:
    """Return at how many places packets of each were lost in each sample, (n_samples, n_populations)."""
    found = np.zeros((run.n_samples, len(run.populations)), dtype=np.int64)
    lost = hops[np.isin(hops["outcome"], (NO_ROOM, TOO_LATE))]
    np.add.at(found, (lost["sample"], lost["population"]), 1)
    return found


def _late(log: Log, population: int) -> tuple[int | None, float | None]:
    """How many packets came at or after the t_min of what they reach, and by how much at most."""
    found = [] if log.arrivals is None else [one for one in log.arrivals[population] if one.due < math.inf]
    if not found:
        return None, None
    behind = [float((one.times - one.due).max()) for one in found if len(one.times)]
    return sum(int((one.times >= one.due).sum()) for one in found), max(behind, default=None)
