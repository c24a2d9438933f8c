"""How many samples a second a chip takes, one behind the other, each layer busy with another sample.

Relies on windows, on the log of packets and on the counters of stations. Used by `chip_report`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engines.fabric_records import BLOCKED, BUSY
from eventsim.run.latency import Latency
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Throughput:
    """How often a new sample can begin, with layers pipelined.

    A sample occupies a layer from its t_start (a source from its t_min) until its t_max (a read-out until it is read)
    or, where that is later, until the last packet of its spikes was delivered; a layer without a window as long as the
    sample takes. It occupies a station while that serves, or is blocked by, its packets. A new sample can begin when
    the one before has left each of them: the longest occupation, over all samples, is the period.

    Attributes
    ----------
    stages
        How long at most one sample occupies each layer and each station, in the unit of the network, by name. A layer
        is called by its name, a station by "station " and its name.
    """

    stages: dict[str, float]

    @property
    def bottleneck(self) -> str:
        """The stage with the longest occupation, the first of several."""
        return max(self.stages, key=lambda name: self.stages[name])

    @property
    def period(self) -> float:
        """How long that is, in the unit of the network."""
        return self.stages[self.bottleneck]

    def per_second(self, seconds_a_unit: float | None) -> float | None:
        """Samples a second; None where a unit of time is not known, or the period is 0."""
        return None if seconds_a_unit is None or self.period == 0 else 1.0 / (self.period * seconds_a_unit)


def throughput(run: Run, latency: Latency) -> Throughput | None:
    """Return how often a new sample can begin; None where a layer has no window and samples have no end."""
    lasted = latency.durations[~np.isnan(latency.durations)]
    stages = {}
    for k, name in enumerate(run.populations):
        window = run.windows.get(name)
        if window is None:
            stages[name] = float(lasted.max(initial=0.0))
            continue
        end = max(float(t) for t in window if math.isfinite(t))
        mine = latency.deliveries["delivered"][latency.deliveries["population"] == k]
        stages[name] = max(end, float(mine.max(initial=-math.inf))) - float(window[0])
    if not stages or max(stages.values()) == math.inf:
        return None
    assert run.records.stations is not None
    held = (run.records.stations[..., BUSY] + run.records.stations[..., BLOCKED]).max(axis=0, initial=0.0)
    for name, time in zip(run.provenance["stations"], held.tolist(), strict=True):
        stages[f"station {name}"] = time
    return Throughput(stages)
