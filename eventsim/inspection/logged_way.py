"""The way of one packet as the log of its run tells it, and for which others it waited.

Relies on the log of a run and on its fabric. Used by figures and by `explain`.
"""

import math
from typing import Any

import numpy as np

from eventsim.checks import integer, shown
from eventsim.engines.fabric_plan import FabricPlan
from eventsim.engines.fabric_records import ARRIVED, NO_ROOM, PASSED_ON
from eventsim.engines.packet_way import Leg, Visit, Way, legs_to, ways_of
from eventsim.errors import InputError, listed
from eventsim.inspection.packets import Carried, check_log, hops_of
from eventsim.inspection.trains import first_neurons
from eventsim.run.packets import behind_stations, deliveries
from eventsim.run.run import Run
from eventsim.wording import name_text

Array = np.ndarray[Any, Any]


def logged_way(
    where: str, run: Run, on: Carried, sample: int, population: str, neuron: int, number: int = 0,
    core: int | None = None,
) -> Way:  # fmt: skip
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
    visits = {one.hop: one for one in (Visit(*row) for row in mine[[*Visit._fields]].tolist())}
    end = _end(where, run, mine, core)
    last = end[0]
    way = Way(
        float(last["emitted"]), legs_to(on.plan, visits, int(last["hop"])), int(last["outcome"]), int(last["core"])
    )
    if way.outcome != ARRIVED:
        return way
    return way._replace(
        arrived=float(behind_stations(run, end)[0]), delivered=float(deliveries(run, end)["delivered"][0])
    )


def logged_ways(where: str, run: Run, plan: FabricPlan, sample: int) -> dict[tuple[int, int, int], Way]:
    """Return the ways of all packets of a sample that came to their ends, or were lost, as the log has them.

    By neuron, over all sources and populations, number of the spike and core.

    Raises
    ------
    InputError
        A log that is not one of this fabric.
    """
    hops = run.records.hops
    assert hops is not None
    low, high = np.searchsorted(hops["sample"], [sample, sample + 1])
    mine = hops[low:high].copy()
    check_log(where, mine, plan)
    mine["neuron"] += first_neurons(run)[mine["population"]].astype(mine["neuron"].dtype)
    log = (Visit(*row) for row in mine[[*Visit._fields]].tolist())
    return ways_of(plan, log, [float(station.latency) for station in plan.stations], float(plan.fabric.tick))


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


def _end(where: str, run: Run, mine: Array, core: int | None) -> Array:
    """The record at which the packet's way ends, (1,)."""
    ends = mine[mine["outcome"] != PASSED_ON]
    if core is not None:
        there = (ends["core"] == core) & (ends["outcome"] != NO_ROOM)
        if not there.any():
            cores = sorted({*ends["core"][ends["outcome"] != NO_ROOM].tolist()})
            raise InputError(
                f"{where}: core = {shown(core)}; must be one that the spike came to: {listed(cores) or 'none'}. Leave "
                "it out for the last one."
            )
        ends = ends[there]
    came = ends[ends["outcome"] == ARRIVED]
    best = came if came.size else ends if ends.size else mine
    last = int(np.argmax(np.fmax(behind_stations(run, best), best["entered"])))
    return best[last : last + 1]


def served_before(hops: Array, station: int, leg: Leg) -> Array:
    """Return the packets that a station served, or held, while one waited, in this order; records of its sample.

    `leg` is that of the one that waited, `station` the number of the station there.
    """
    there = hops[(hops["station"] == station) & (hops["outcome"] != NO_ROOM)]
    if leg.started is None:
        return there[:0]
    during = there[(there["started"] < leg.started) & (there["left"] > leg.entered)]
    return during[np.argsort(during["started"], kind="stable")]
