"""The task: one call of `simulate`, checked, and the arrays that the engines fill.

Relies on the network, the inputs and the recording. Made by `simulate`; used by both engines and by `provenance`.
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim._jit import compile_report
from eventsim.engines.interruption import asked
from eventsim.engines.recording import Recorder, matrix
from eventsim.engines.sample_state import Frame, SampleState
from eventsim.engines.stimulus import Inputs
from eventsim.engines.tables import COUNTERS
from eventsim.faults.contract import EmissionFault
from eventsim.network.network import Network, Source
from eventsim.network.projections import own_delays
from eventsim.progress import Progress
from eventsim.transport.contract import Station, Transport

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Task:
    """One call of `simulate`, checked: what both engines are given, and the arrays that they fill."""

    net: Network
    inputs: Inputs
    until: Any
    record: str
    probes: dict[str, Array]
    faults: tuple[EmissionFault, ...]
    transport: Transport | None
    seed: int
    error_bounds: bool
    max_events: int | None
    deadline: float | None
    spikes: Recorder
    traces: Recorder
    fault_keys: Array
    memory: int
    exact: bool = field(init=False)
    first: Array = field(init=False)
    readout: Array = field(init=False)
    counters: Array = field(init=False)
    errors: Array = field(init=False)
    stations: tuple[Station, ...] = field(init=False)
    transport_state: Array = field(init=False)  # … and that of its stations behind it
    stopped: Array = field(init=False)
    reached: Array = field(init=False)  # the time up to which each sample was simulated
    earlier: list[SampleState | None] = field(
        init=False
    )  # state of each sample to go on with, None where it has not begun
    states: list[SampleState | None] = field(init=False)  # … at the end of this run, where it is to be kept
    exact_times: list[Any] = field(default_factory=list)  # of the recorded spikes, in their order, where `exact`
    events: int = 0
    events_before: int = 0  # of the run that this one goes on with; budgets count from here
    events_of: dict[int, int] = field(default_factory=dict)  # of each batch, by its first sample
    queue_operations: int = 0
    done: int = 0
    started: float = field(default_factory=time.perf_counter)
    compiled_before: float = field(default_factory=lambda: compile_report().seconds)
    ready_before: float = field(default_factory=lambda: compile_report().ready_seconds)
    progress: Progress | None = None
    interrupted: bool = False
    failed: float = math.inf  # the first batch that ended in an error; those behind it are forgotten
    stop: dict[str, int] = field(default_factory=dict)  # spikes of a population that end a sample
    keep_state: bool = False
    recorded: tuple[str, ...] = ()  # sources and populations all of whose spikes are kept, where record = "spikes"
    resumed: Any = None  # the run that this one goes on with

    def __post_init__(self) -> None:
        n, nodes = self.inputs.n_samples, self.net.nodes
        total = sum(node.size for node in nodes)
        n_out = sum(p.size for p in self.net.populations if not p.model.spiking)
        rows = n if self.record != "readout" else 0
        self.exact = self.net.exact or self.inputs.exact
        number: Any = object if self.exact else np.float64
        self.first = matrix("first spikes", (rows, total), math.inf, number, self.memory)
        self.readout = np.full((n, n_out), math.nan, dtype=number)
        self.counters = np.zeros((n, len(nodes), len(COUNTERS)), dtype=np.int64)
        self.errors = matrix(
            "error bounds", (rows if self.error_bounds else 0, total, 2), math.nan, np.float64, self.memory
        )
        self.stations = () if self.transport is None else self.transport.stations()
        own = max(1, 0 if self.transport is None else self.transport.n_state)
        self.transport_state = np.zeros((n, own + sum(station.n_state for station in self.stations)))
        self.stopped, self.reached = np.full(n, math.inf), np.zeros(n)
        self.earlier, self.states = [None] * n, [None] * n

    def begin_with(self, run: Any) -> None:
        """Begin where `run` ended: what it found, and the state of each of its samples."""
        self.resumed = run
        self.earlier = list(run._state.samples)
        self.reached[:] = run._state.reached
        self.restore(0)
        self.events, self.queue_operations = run.counters["events"], run.counters["queue_operations"]
        self.events_before = self.events

    @property
    def fed(self) -> bool:
        """Is it known when source spikes arrive? Not where a transport or delays of their synapses decide on it."""
        spread = (p for p in self.net.projections if isinstance(p.pre, Source) and own_delays(p.kind) is not None)
        return self.transport is None and not any(spread)

    def frame(self, sample: int) -> Frame:
        """What a state of this sample is held against."""
        bounded = {p.order: p.model.bounded for p in self.net.populations if self.error_bounds}
        return Frame(
            net=self.net,
            models={p.order: bounded.get(p.order) or p.model for p in self.net.populations},
            fed=self.fed,
            times=np.asarray(self.inputs.batch(sample, sample + 1).time),
            n_probes=sum(map(len, self.probes.values())),
            n_transport=self.transport_state.shape[1],
            n_wakes=sum(station.n_keys for station in self.stations),
        )

    def carry_records(self, sample: int) -> None:
        """Keep what the earlier run recorded of a sample."""
        before = self.resumed
        for recorder, records in ((self.spikes, before._spikes), (self.traces, before._traces)):
            if records is not None:
                low, high = np.searchsorted(records["sample"], [sample, sample + 1])
                recorder.add(sample, records[low:high])
                if records is before._spikes and before._exact is not None:
                    self.exact_times += before._exact[low:high]

    def carry_over(self, sample: int) -> None:
        """Keep all that the earlier run did of a sample that this one, which has ended, did not come to."""
        state = self.earlier[sample]
        if state is None:
            return
        self.keep_stop(sample)
        self.carry_records(sample)
        self.counters[sample] = state.counts.reshape(self.counters[sample].shape)
        self.transport_state[sample] = state.transport
        if self.keep_state:
            self.states[sample] = state

    def restore(self, row: int) -> None:
        """Put back what the earlier run found of samples from `row` on."""
        run = self.resumed
        for mine, before in ((self.first, run._first), (self.errors, run._errors), (self.readout, run._readout)):
            if before is not None and mine.size:
                mine[row:] = before[row:]
        self.reached[row:] = run._state.reached[row:]

    def keep_stop(self, sample: int) -> None:
        """A sample that is not gone on with stays ended where it was."""
        if self.stop and self.resumed is not None and self.resumed._stopped is not None:
            self.stopped[sample] = self.resumed._stopped[sample]

    def start_clock(self) -> None:
        """From here on time counts as simulation: what came before was importing and lowering."""
        self.started, self.ready_before = time.perf_counter(), compile_report().ready_seconds

    def forget_after(self, batch: int, row: int) -> None:
        """Keep samples up to the batch at which the run ended, so that a partial run does not depend on threads."""
        self.events -= sum(events for later, events in self.events_of.items() if later > batch)
        self.spikes.forget_after(batch)
        self.traces.forget_after(batch)
        self.first[row:], self.readout[row:], self.errors[row:] = math.inf, math.nan, math.nan
        self.counters[row:], self.transport_state[row:], self.stopped[row:] = 0, 0.0, math.inf
        self.states[row:], self.reached[row:] = [None] * (len(self.states) - row), 0.0

    @property
    def full(self) -> str | None:
        """Why nothing more can be recorded, or None."""
        return self.spikes.full or self.traces.full

    def check_budget(self, events: int) -> str | None:
        """Why the run must stop now, or None; `events` are those done so far."""
        if self.interrupted or asked() is not None:
            return "interrupted"
        if self.full:
            return self.full
        if self.max_events is not None and events - self.events_before >= self.max_events:
            return f"max_events = {self.max_events:,} reached"
        if self.deadline is not None and time.perf_counter() > self.deadline:
            return "max_time reached"
        return None
