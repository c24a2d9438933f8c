"""How busy each station of a fabric was, and how packets waited in front of it.

Relies on the counters of stations and, where it is there, on the log. Used by `latency`, by steps and by figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engines.fabric_records import NO_ROOM
from eventsim.run.packets import depth_times, station_counters
from eventsim.run.recorded import RecordedRun
from eventsim.table import Column, Table, dotted

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class StationLoad:
    """One station, over all samples or in one. Times in the unit of the network.

    Attributes
    ----------
    station
        Its name.
    part
        What of a chip it is, such as "link_x"; "" where nothing is said.
    packets
        How many it served.
    busy
        For how long it served, in all.
    utilisation
        That, by how long the samples took; None where that is not known.
    waiting, waiting_p95, longest
        Time from when a packet came to a port until its service began: mean, 95th percentile (None without a log), and
        the longest.
    depth, deepest
        Packets that waited at one time: mean over time (None where that is not known), and the most, those among them
        that began to be served at once.
    depths
        The share of time at which 0, 1, … packets waited that were served in the end, which a log tells of: those that
        the end of a run finds waiting are in `depth` alone. () without a log, or where the time is not known.
    blocked, blockings
        For how long it held a packet that it could not pass on, and how often.
    dropped
        Packets that found no room at its ports, and were lost.
    late, lost_late
        Packets that it let go older than the deadline, and those of them that were lost for that.
    """

    station: str
    part: str
    packets: int
    busy: float
    utilisation: float | None
    waiting: float
    waiting_p95: float | None
    longest: float
    depth: float | None
    deepest: int
    depths: tuple[float, ...]
    blocked: float
    blockings: int
    dropped: int
    late: int
    lost_late: int


def station_loads(run: RecordedRun, durations: Array, sample: int | None = None) -> list[StationLoad]:
    """Return how busy each station was, over all samples or in one.

    `durations` (n_samples,) has how long each sample took, inf where that is not known.
    """
    chosen = slice(None) if sample is None else slice(sample, sample + 1)
    counted = {name: values[chosen] for name, values in station_counters(run).items()}
    durations, hops = durations[chosen], run.records.hops
    if hops is not None and sample is not None:
        hops = hops[hops["sample"] == sample]
    began = ~np.isnan(durations)
    total = float(durations[began].sum())
    known = 0.0 < total < np.inf
    n = counted["served"].shape[1]
    # What waits at the end of a run waits until then.
    still = np.where(counted["waiting"] > 0, np.nan_to_num(durations)[:, None] - counted["since"], 0.0)
    area = counted["area"] + (counted["waiting"] * still if known else 0.0)
    depths = depth_times(hops, n, durations[began]) if hops is not None and known else None
    p95 = None if hops is None else _waiting_p95(hops, n)
    names, parts = run.provenance["stations"], run.provenance["fabric"]["parts"]
    found = []
    for k in range(n):
        one = {name: float(values[:, k].sum()) for name, values in counted.items()}
        found.append(
            StationLoad(
                station=names[k],
                part=parts[k],
                packets=int(one["served"]),
                busy=one["busy"],
                utilisation=one["busy"] / total if known else None,
                waiting=one["waited"] / one["served"] if one["served"] else 0.0,
                waiting_p95=None if p95 is None else p95[k],
                longest=float(counted["longest"][:, k].max(initial=0.0)),
                depth=float(area[:, k].sum()) / total if known else None,
                deepest=int(counted["deepest"][:, k].max(initial=0.0)),
                depths=() if depths is None else tuple((depths[k] / total).tolist()),
                blocked=one["blocked"],
                blockings=int(one["blockings"]),
                dropped=int(one["dropped"]),
                late=int(one["late"]),
                lost_late=int(one["lost_late"]),
            )
        )
    return found


def station_table(stations: Sequence[StationLoad], rows: int | None = None) -> Table:
    """Return a row for each station, or for the `rows` that served longest."""
    columns = (
        Column("station", text=True), Column("packets", ","), Column("utilisation", ".1%", missing="?"),
        Column("waiting", _time), Column("p95", _time, missing="?"), Column("most", _time),
        Column("depth", ".3g", missing="?"), Column("deepest", dotted), Column("blocked", _time),
        Column("times", dotted), Column("dropped", dotted),
    )  # fmt: skip
    chosen = tuple(stations)
    if rows is not None and len(chosen) > rows:
        chosen = tuple(sorted(chosen, key=lambda one: -one.busy)[:rows])
    below = () if len(chosen) == len(stations) else (f"the {len(chosen)} busiest of {len(stations)}",)
    found = tuple(
        (
            one.station, one.packets, one.utilisation, one.waiting, one.waiting_p95, one.longest, one.depth,
            one.deepest, one.blocked, one.blockings, one.dropped,
        )
        for one in chosen
    )  # fmt: skip
    return Table(columns, found, below=below)


def _time(t: float) -> str:
    return f"{t:.4g}"


def _waiting_p95(hops: Array, n_stations: int) -> list[float]:
    served = hops[hops["outcome"] != NO_ROOM]
    served = served[np.argsort(served["station"], kind="stable")]
    borders = np.searchsorted(served["station"], np.arange(n_stations + 1))
    waited = served["started"] - served["entered"]
    parts = [waited[borders[k] : borders[k + 1]] for k in range(n_stations)]
    return [float(np.percentile(part, 95)) if len(part) else 0.0 for part in parts]
