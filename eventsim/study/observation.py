"""What a study keeps of one run: decisions, first spikes, counters, latencies.

Relies on runs. Used by `evaluate`, for the run of a point and for the ideal run.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.run.decisions import decisions_of
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Observation:
    """One run, as a study looks at it.

    Attributes
    ----------
    decisions : array (n_samples,) or (n_samples, n_out)
        Int64, `UNDECIDED` where a sample says nothing; None where the network has nothing that decides.
    decided : array (n_samples,)
        When: the read-out time, or the first spike of the deciding population; inf where nothing is decided.
    times
        First spike times by population, arrays (n_samples, n_neurons); empty where they are not asked for.
    windows
        Of each population, as a run has them.
    sources
        Names of the sources among the populations.
    counters
        As a run has them.
    seconds
        Of the samples, without the compiling.
    """

    n_samples: int
    decisions: Array | None
    decided: Array
    times: dict[str, Array]
    windows: dict[str, Any]
    sources: list[str]
    counters: dict[str, Any]
    seconds: float

    @property
    def last(self) -> Array:
        """When the last neuron of a sample fired for the first time, (n_samples,); inf where none did."""
        if not self.times:
            return np.full(self.n_samples, math.inf)
        latest = np.full(self.n_samples, -math.inf)
        for name, times in self.times.items():
            if name not in self.sources and times.size:
                latest = np.maximum(latest, np.where(np.isfinite(times), times, -math.inf).max(axis=1))
        return np.where(np.isfinite(latest), latest, math.inf)


def observed(run: Run, output: str | None, times: bool) -> Observation:
    """Return what a study keeps of a run.

    Parameters
    ----------
    output
        The population whose earliest spike decides, the lowest index of several at one time; None: the read-out does.
        Of the network, which `decision_of` has seen.
    times
        Whether first spikes are kept.
    """
    decisions, decided = decisions_of(run, output)
    kept = {name: run.spike_times(name).astype(np.float64) for name in run.populations} if times else {}
    return Observation(
        run.n_samples, decisions, decided, kept, dict(run.windows), run.sources, dict(run.counters),
        float(run.provenance["seconds"]),
    )  # fmt: skip
