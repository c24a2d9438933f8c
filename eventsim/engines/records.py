"""The arrays of a run, as both engines left them.

Relies on the state of a run. Made from the outputs of a call; used by `Run`, which answers questions about them, and by
whatever works on runs as a whole: resumption, comparison, explanation, files.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engines.run_state import RunState

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class RunRecords:
    """What was recorded of a run; None where it was not.

    Attributes
    ----------
    spikes
        Records of `SPIKE`, (n_spikes,), by sample, each in event order.
    exact_times
        Their times, where they are Fractions.
    first
        First spikes, (n_samples, n_neurons), sources counted; inf without one.
    errors
        Bounds on the rounding of first spikes, (n_samples, n_neurons, 2): on what a neuron received, on the network.
    traces
        Records of `TRACE`, (n_traces,), by sample.
    fabric, stations
        What was counted of packets, (n_samples, n_counters), and at the stations of the fabric, (n_samples, n_stations,
        n_counters): `FABRIC_COUNTERS`, `STATION_COUNTERS`.
    hops
        Records of `HOP_RECORD`, (n_hops,), by sample, in the order in which packets left stations.
    readout
        Potentials, (n_samples, n_out); NaN where not reached.
    stopped
        When the spikes of a population ended each sample, (n_samples,); inf where they did not.
    reached
        Up to when each was simulated, (n_samples,); NaN where it never began.
    state
        Where each sample stands, where that was kept.
    """

    spikes: Array | None = None
    exact_times: list[Any] | None = None
    first: Array | None = None
    errors: Array | None = None
    traces: Array | None = None
    fabric: Array | None = None
    stations: Array | None = None
    hops: Array | None = None
    readout: Array | None = None
    stopped: Array | None = None
    reached: Array | None = None
    state: RunState | None = None
