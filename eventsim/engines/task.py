"""The task: one call of `simulate`, checked, with what the engines fill and how far they are.

Relies on the network, the inputs, the options and the outputs. Made by `simulate`; used by both engines and by
`provenance`.
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim._jit import compile_report
from eventsim.engines.devices import Devices
from eventsim.engines.interruption import asked
from eventsim.engines.options import Options
from eventsim.engines.outputs import Outputs, new_outputs
from eventsim.engines.resumption import Resumption
from eventsim.engines.run_state import digest_of_spikes
from eventsim.engines.sample_state import Frame, SampleState
from eventsim.engines.stimulus import Inputs, Stimulus
from eventsim.network.network import Network, Source
from eventsim.network.projections import own_delays
from eventsim.progress import Progress


@dataclass(eq=False)
class Task:
    """One call of `simulate`: what both engines are given, and what they fill.

    Attributes
    ----------
    net
        The network, or the device that was made of it: where samples have devices of their own, that of the first.
    devices
        The networks of all samples.
    acting
        The network that engines simulate: `net`, or with the parameters that it had before where it takes the place of
        another (`succession`). Where samples have devices of their own `acting_of` says which.
    earlier_networks, earlier
        Those that the run to go on with was simulated on before, each until when in each sample; and these themselves,
        None where they are not known.
    resumption
        The run that this one goes on with, or None.
    events
        Events so far; budgets count from `events_before`, those of the run that this one goes on with.
    events_of
        Events of each batch, by its first sample.
    failed
        The first batch that ended in an error; those behind it are forgotten.
    done
        How many samples are done.
    deadline, started, compiled_before, ready_before
        Times on the clocks, in seconds.
    """

    devices: Devices
    inputs: Inputs
    options: Options
    net: Network = field(init=False)
    acting: Network = field(init=False)
    outputs: Outputs = field(init=False)
    exact: bool = field(init=False)
    deadline: float | None = field(init=False)
    earlier_networks: list[dict[str, Any]] = field(default_factory=list)
    earlier: list[Network | None] = field(default_factory=list)
    resumption: Resumption | None = None
    events: int = 0
    events_before: int = 0
    events_of: dict[int, int] = field(default_factory=dict)
    queue_operations: int = 0
    done: int = 0
    started: float = field(default_factory=time.perf_counter)
    compiled_before: float = field(default_factory=lambda: compile_report().seconds)
    ready_before: float = field(default_factory=lambda: compile_report().ready_seconds)
    progress: Progress | None = None
    interrupted: bool = False
    failed: float = math.inf

    def __post_init__(self) -> None:
        n, self.net = self.inputs.n_samples, self.devices.first
        self.acting = self.net
        self.exact = self.net.exact or self.inputs.exact
        self.outputs = new_outputs(self.net, self.options, n, self.exact)
        self.deadline = None if self.options.max_time is None else self.started + self.options.max_time

    def begin_with(self, resumption: Resumption) -> None:
        """Begin where an earlier run ended: with what it found, and the state of each of its samples."""
        self.resumption = resumption
        resumption.restore(self.outputs, 0)
        self.events, self.queue_operations = resumption.events, resumption.queue_operations
        self.events_before = self.events

    def acting_of(self, sample: int) -> Network:
        """The network that engines simulate in a sample."""
        return self.devices.of(sample) if self.devices.several else self.acting

    @property
    def succeeds(self) -> bool:
        """Does the network take the place of one with other parameters?"""
        return self.acting is not self.net

    def since(self, sample: int) -> Any:
        """The time from which the network holds, of a sample that is taken up."""
        return -math.inf if self.resumption is None else self.resumption.since(sample)[0]

    def taken_up(self, sample: int) -> SampleState | None:
        """Where an earlier run left a sample; None where none has begun it."""
        return None if self.resumption is None else self.resumption.sample(sample)

    @property
    def fed(self) -> bool:
        """Do source spikes go straight into their lanes?

        They do not where a transport or delays of their synapses decide on when they arrive, or a fault asks for their
        numbers.
        """
        spread = (p for p in self.net.projections if isinstance(p.pre, Source) and own_delays(p.kind) is not None)
        return self.options.transport is None and not self.options.numbered and not any(spread)

    def frame(self, sample: int) -> Frame:
        """What a state of this sample is held against."""
        net = self.acting_of(sample)
        return Frame(
            net=net,
            models={p.order: p.model.with_bounds(self.options.error_bounds) for p in net.populations},
            fed=self.fed,
            times=np.asarray(self.inputs.batch(sample, sample + 1).time),
            lanes=self.options.lanes,
            fabric=self.options.fabric,
            n_probes=sum(map(len, self.options.probes.values())),
        )

    def keep_state(self, sample: int, state: SampleState, stimulus: Stimulus) -> None:
        """Keep where a sample stands; `stimulus` has its source spikes, first those that it was sent."""
        sent = int(state.stimulus[0])
        self.outputs.states[sample] = state
        self.outputs.sent[sample] = digest_of_spikes(stimulus.time[:sent], stimulus.neuron[:sent])

    def carry_records(self, sample: int) -> None:
        """Keep what the earlier run recorded of a sample that is taken up."""
        assert self.resumption is not None
        self.resumption.carry_records(self.outputs, sample)

    def carry_over(self, row: int) -> None:
        """Keep what the earlier run did of samples from `row` on: this one has ended before it came to them."""
        if self.resumption is None:
            return
        self.resumption.restore(self.outputs, row)
        for sample in range(row, self.inputs.n_samples):
            self.resumption.carry_over(self.outputs, sample, bool(self.options.stop), self.options.keep_state)

    def start_clock(self) -> None:
        """From here on time counts as simulation: what came before was importing and lowering."""
        self.started, self.ready_before = time.perf_counter(), compile_report().ready_seconds

    def forget_after(self, batch: int, row: int) -> None:
        """Keep samples up to the batch at which the run ended, so that a partial run does not depend on threads."""
        self.events -= sum(events for later, events in self.events_of.items() if later > batch)
        self.outputs.forget_after(batch, row)

    def check_budget(self, events: int) -> str | None:
        """Why the run must stop now, or None; `events` are those done so far."""
        most = self.options.max_events
        if self.interrupted or asked() is not None:
            return "interrupted"
        if self.outputs.full:
            return self.outputs.full
        if most is not None and events - self.events_before >= most:
            return f"max_events = {most:,} reached"
        if self.deadline is not None and time.perf_counter() > self.deadline:
            return "max_time reached"
        return None
