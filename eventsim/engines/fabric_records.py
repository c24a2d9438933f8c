"""What a fabric counts, station by station, and what it records of each hop of a packet.

Relies on numpy. Used by both engines, and by those who read runs.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Of each station: packets served; time for which it served; time that packets waited before, and the longest; time for
# which it was blocked, and how often; packets lost at its ports; most packets that waited at one time; the integral of
# how many waited, over time, until `since`; how many wait since then; packets that it let go late, and lost so.
STATION_COUNTERS = (
    "served", "busy", "waited", "longest", "blocked", "blockings", "dropped", "deepest", "area", "waiting", "since",
    "late", "lost_late",
)  # fmt: skip
SERVED, BUSY, WAITED, LONGEST, BLOCKED, BLOCKINGS, DROPPED, DEEPEST, AREA, WAITING_NOW, SINCE, LATE, LOST_LATE = range(
    len(STATION_COUNTERS)
)
# Of the whole fabric: packets that spikes became (the ends of their routes), those that came there, those lost, and
# those that the end of a sample found in the fabric.
FABRIC_COUNTERS = ("spikes", "packets", "delivered", "lost", "under_way")
SPIKES, PACKETS, DELIVERED, LOST, UNDER_WAY = range(len(FABRIC_COUNTERS))

PASSED_ON, ARRIVED, NO_ROOM, TOO_LATE = range(4)
OUTCOMES = ("passed on", "delivered", "no room", "too late")
HOP_RECORD = np.dtype(
    [
        ("sample", "i4"),
        ("station", "i4"),
        ("population", "u2"),
        ("neuron", "i4"),
        ("number", "u4"),  # of the spikes of its neuron
        ("outcome", "u1"),
        ("core", "i4"),  # where its route ends here: the core that it reaches; else -1
        ("hop", "i4"),  # the place in its route, as `fabric_plan.FabricPlan` numbers them
        ("emitted", "f8"),
        ("sent", "f8"),  # when it left the station before; at the first one that of its emission
        ("entered", "f8"),
        ("started", "f8"),
        ("ended", "f8"),  # its service
        ("left", "f8"),  # later where the station was blocked
    ]
)


def unaccounted(packets: Array) -> Array:
    """Return how many packets are neither delivered nor lost nor under way, of counters (…, n_counters): 0, always."""
    known: Array = packets[..., DELIVERED] + packets[..., LOST] + packets[..., UNDER_WAY]
    missing: Array = packets[..., PACKETS] - known
    return missing


def carried(packets: Array, stations: Array) -> dict[str, float]:
    """What a run says of its fabric in short, over all samples and stations.

    `packets` (n_samples, n_counters) has the counters of the fabric, `stations` (n_samples, n_stations, n_counters)
    those of the stations.
    """
    totals = dict(zip(FABRIC_COUNTERS, packets.sum(axis=0).tolist(), strict=True))
    served = float(stations[..., SERVED].sum())
    return totals | {
        "late": int(stations[..., LATE].sum()),
        "mean_waiting": float(stations[..., WAITED].sum()) / served if served else 0.0,
        "max_waiting": float(stations[..., LONGEST].max(initial=0.0)),
        "blocked": float(stations[..., BLOCKED].sum()),
    }
