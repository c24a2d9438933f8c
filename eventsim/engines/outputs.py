"""What the engines fill while they run: recordings, and arrays with a row a sample.

Relies on the options. Made for a task; `simulate` makes a `Run` of them.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.engines.fabric_records import FABRIC_COUNTERS, HOP_RECORD, STATION_COUNTERS
from eventsim.engines.options import Options
from eventsim.engines.recording import Recorder, matrix
from eventsim.engines.records import RunRecords
from eventsim.engines.run_state import RunState
from eventsim.engines.sample_state import SampleState
from eventsim.engines.tables import COUNTERS, SPIKE, TRACE
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Outputs:
    """Where results go.

    Attributes
    ----------
    spikes, traces
        Records of spikes and of membrane potentials.
    exact_times
        Times of the recorded spikes, in their order, where numbers are Fractions.
    first : array (n_samples, n_neurons)
        First spikes, in time; inf = silent. No rows where they are not recorded.
    errors : array (n_samples, n_neurons, 2)
        Rounding bounds of the first spikes, in time. No rows where they are not asked for.
    readout : array (n_samples, n_out)
        Potentials that were read out; NaN until then.
    counters : array (n_samples, n_nodes, n_counters)
        What was counted, in the order of `COUNTERS`.
    fabric : array (n_samples, n_counters)
        What was counted of packets, in the order of `FABRIC_COUNTERS`; no rows without a fabric.
    stations : array (n_samples, n_stations, n)
        What was counted at its stations, in the order of `STATION_COUNTERS`.
    hops
        Records of the hops of packets.
    stopped, reached : array (n_samples,)
        The time at which a stop condition ended a sample (else inf), and the time up to which it was simulated.
    states
        The state of each sample at the end, where it is to be kept.
    sent
        Digest of the source spikes that each of these was sent.
    """

    spikes: Recorder
    traces: Recorder
    first: Array
    readout: Array
    counters: Array
    errors: Array
    fabric: Array
    stations: Array
    hops: Recorder
    stopped: Array
    reached: Array
    states: list[SampleState | None]
    sent: list[str]
    exact_times: list[Any] = field(default_factory=list)

    @property
    def full(self) -> str | None:
        """Why nothing more can be recorded, or None."""
        return self.spikes.full or self.traces.full or self.hops.full

    def forget_after(self, batch: int, row: int) -> None:
        """Keep samples up to the batch at which the run ended, so that a partial run does not depend on threads."""
        self.spikes.forget_after(batch)
        self.traces.forget_after(batch)
        self.hops.forget_after(batch)
        self.first[row:], self.readout[row:], self.errors[row:] = math.inf, math.nan, math.nan
        self.counters[row:], self.stopped[row:] = 0, math.inf
        self.fabric[row:], self.stations[row:] = 0, 0.0
        self.states[row:], self.reached[row:] = [None] * (len(self.states) - row), 0.0

    def records(self, options: Options, exact: bool, state: RunState | None) -> RunRecords:
        """What a run keeps of them."""
        first, bounds = options.record != "readout", options.error_bounds
        return RunRecords(
            spikes=self.spikes.collect() if options.record == "spikes" else None,
            exact_times=self.exact_times if exact else None,
            first=self.first if first else None,
            errors=self.errors if bounds and first else None,
            traces=self.traces.collect() if options.probes else None,
            hops=self.hops.collect() if options.logs else None,
            fabric=self.fabric if options.fabric else None,
            stations=self.stations if options.fabric else None,
            readout=self.readout if self.readout.shape[1] else None,
            stopped=self.stopped if options.stop else None,
            reached=np.where((self.reached > 0) | self.counters.any(axis=(1, 2)), self.reached, math.nan),
            state=state,
        )


def new_outputs(net: Network, options: Options, n: int, exact: bool) -> Outputs:
    """Empty outputs for n samples; `exact`: numbers are Fractions."""
    total = sum(node.size for node in net.nodes)
    n_out = sum(p.size for p in net.populations if not p.model.spiking)
    rows = n if options.record != "readout" else 0
    number: Any = object if exact else np.float64
    bounded = rows if options.error_bounds else 0
    stations = 0 if options.fabric is None else len(options.fabric.stations)
    return Outputs(
        spikes=Recorder(SPIKE, options.memory),
        traces=Recorder(TRACE, options.memory),
        first=matrix("first spikes", (rows, total), math.inf, number, options.memory),
        readout=np.full((n, n_out), math.nan, dtype=number),
        counters=np.zeros((n, len(net.nodes), len(COUNTERS)), dtype=np.int64),
        errors=matrix("error bounds", (bounded, total, 2), math.nan, np.float64, options.memory),
        fabric=np.zeros((n if options.fabric else 0, len(FABRIC_COUNTERS)), dtype=np.int64),
        stations=np.zeros((n if options.fabric else 0, stations, len(STATION_COUNTERS))),
        hops=Recorder(HOP_RECORD, options.memory),
        stopped=np.full(n, math.inf),
        reached=np.zeros(n),
        states=[None] * n,
        sent=[""] * n,
    )
