"""The log of a fabric, read: when each packet was delivered, where it waited, and which overtook which.

Relies on what was recorded. Used by `latency`, by reports and by figures. The log has a record for each packet and
station, made when the packet left it; those that a run's end finds in the fabric are not in it, nor are spikes that
need no packet.
"""

from typing import Any

import numpy as np

from eventsim.engines.fabric_records import ARRIVED, NO_ROOM, STATION_COUNTERS
from eventsim.errors import InputError
from eventsim.fabric.ticks import COUNTABLE
from eventsim.run.recorded import RecordedRun

Array = np.ndarray[Any, Any]
DELIVERY = np.dtype(
    [
        ("sample", "i4"),
        ("population", "u2"),
        ("neuron", "i4"),
        ("number", "u4"),
        ("core", "i4"),
        ("emitted", "f8"),
        ("delivered", "f8"),
    ]
)


def log_of(where: str, run: Any, some: bool = False) -> Array:
    """Return the records of `HOP_RECORD`, (n_hops,); `some`: there must be one.

    Raises
    ------
    InputError
        Not a run; one without a transport, or whose file does not say of which stations; one that kept no log.
    """
    if not isinstance(run, RecordedRun):
        raise InputError(
            f"{where}: run is a {type(run).__name__}; must be a Run. Give what eventsim.simulate returned."
        )
    if run.records.stations is None:
        raise InputError(
            f"{where}: the run has no transport; must have one, whose packets are looked at. Simulate with "
            "transport=hardware.chip(…).place(net)."
        )
    if run.provenance.get("fabric") is None:
        raise InputError(
            f"{where}: the run was saved by an eventsim that did not say what its stations are; must be known. "
            "Simulate it again."
        )
    hops = run.records.hops
    if hops is None:
        raise InputError(
            f"{where}: the transport of the run kept no log; must have one. Simulate with a transport that does, such "
            "as chip.place(net, log=True)."
        )
    if some and not len(hops):
        raise InputError(
            f"{where}: no packet of the run has left a station; must have some. Give inputs that spike, and simulate "
            "until they have come somewhere."
        )
    return hops


def behind_stations(run: RecordedRun, records: Array) -> Array:
    """Return when packets were behind the latency of the stations that they left, (n,)."""
    there: Array = records["left"] + np.array(run.provenance["fabric"]["latencies"])[records["station"]]
    return there


def deliveries(run: RecordedRun, log: Array) -> Array:
    """Return each packet that came to the end of its route, (n,) records of `DELIVERY`, in the order of the log.

    `delivered` is when its spike goes on to its synapses: after the latency of the last station, at a tick if there are
    any; their projections' delays begin then.
    """
    came = log[log["outcome"] == ARRIVED]
    found = np.empty(len(came), DELIVERY)
    for name in ("sample", "population", "neuron", "number", "core", "emitted"):
        found[name] = came[name]
    found["delivered"] = on_ticks(behind_stations(run, came), run.provenance["fabric"]["tick"])
    return found


def on_ticks(times: Array, tick: float) -> Array:
    """Return the first multiple of a tick that is not before each of some times, as `fabric.ticks.next_tick` does."""
    if tick == 0.0:
        return times
    with np.errstate(over="ignore"):  # of a tick that is too short to be counted
        countable = times / tick < COUNTABLE
    k = np.ceil(np.where(countable, times, 0.0) / tick)
    while (low := k * tick < np.where(countable, times, -np.inf)).any():
        k[low] += 1
    while (high := (k - 1) * tick >= np.where(countable, times, np.inf)).any():
        k[high] -= 1
    return np.where(countable, k * tick, times)


def spikes_in(log: Array) -> Array:
    """Return a record of the log for each spike that sent packets, (n_spikes,), in no order that means anything."""
    keys = log[["sample", "population", "neuron", "number"]]
    order = np.lexsort([keys[name] for name in ("number", "neuron", "population", "sample")])
    keys = keys[order]
    new = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
    return log[order[new]]


def out_of_order(came: Array) -> tuple[int, int]:
    """Return how many pairs of packets to one core in one sample overtook each other, and how many pairs there are.

    `came` (n_packets,) has records of `DELIVERY`.
    """
    group = came["sample"].astype(np.int64) * (int(came["core"].max(initial=0)) + 2) + came["core"]
    counts = np.unique(group, return_counts=True)[1]
    return inversions(group, came["emitted"], came["delivered"]), int((counts * (counts - 1) // 2).sum())


def inversions(group: Array, first: Array, second: Array) -> int:
    """Return how many pairs of one group are in one order by `first` and in the other by `second`.

    Arrays (n,) each; what is equal in one of both is in no order. Exact, O(n log n): ranks by `second`, in the order of
    `first`, are parted bit by bit from the highest one; where two ranks part, one with the bit that comes before one
    without it is an inversion.
    """
    if len(group) < 2:
        return 0
    order = np.lexsort((second, first, group))
    new = np.append(False, (np.diff(second[np.lexsort((second, group))]) != 0) | (np.diff(np.sort(group)) != 0))
    rank = np.empty(len(group), dtype=np.int64)
    rank[np.lexsort((second, group))] = np.cumsum(new)  # equal ones have equal ranks, groups follow each other
    rank, total = rank[order], 0
    for bit in range(int(rank.max()).bit_length() - 1, -1, -1):
        bucket, high = rank >> (bit + 1), (rank >> bit) & 1
        begins = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
        lengths = np.diff(np.append(begins, len(rank)))
        begin, n_low = (np.repeat(one, lengths) for one in (begins, lengths - np.add.reduceat(high, begins)))
        ones = np.cumsum(high) - high
        ones -= ones[begin]  # with the bit, before each, of the same bucket
        total += int(ones[high == 0].sum())
        place = np.where(high == 1, begin + n_low + ones, np.arange(len(rank)) - ones)
        parted = np.empty_like(rank)
        parted[place] = rank
        rank = parted
    return total


def depth_times(log: Array, n_stations: int, durations: Array) -> list[Array]:
    """Return of each station for how long how many packets waited in front of it, over all samples.

    Arrays (deepest + 1,): the time at depth 0, 1, …. `durations` (n_samples,) is how long each sample took. Waiting is
    from when a packet entered a port to when its service began.
    """
    served = log[log["outcome"] != NO_ROOM]
    found = []
    order = np.argsort(served["station"], kind="stable")
    borders = np.searchsorted(served["station"][order], np.arange(n_stations + 1))
    for k in range(n_stations):
        mine = served[order[borders[k] : borders[k + 1]]]
        sample = np.concatenate([mine["sample"], mine["sample"]])
        time = np.concatenate([mine["entered"], mine["started"]])
        change = np.repeat([1, -1], len(mine))
        in_time = np.lexsort((-change, time, sample))
        depth = np.cumsum(change[in_time])
        lasts = np.diff(time[in_time], append=0.0)
        at = np.bincount(depth, weights=lasts, minlength=1).astype(np.float64)  # of no packet numpy makes integers
        at[0] = max(0.0, float(durations.sum()) - at[1:].sum())
        found.append(at[: int(np.flatnonzero(at).max(initial=0)) + 1])
    return found


def station_counters(run: RecordedRun) -> dict[str, Array]:
    """Return what was counted at each station, by name arrays (n_samples, n_stations)."""
    assert run.records.stations is not None
    return {name: run.records.stations[..., k] for k, name in enumerate(STATION_COUNTERS)}
