"""The run that a call goes on with: what it found, and where its samples stand.

Relies on the records of a run. Made by `resumable`; used by `task` and by both engines.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.engines.outputs import Outputs
from eventsim.engines.records import RunRecords
from eventsim.engines.run_state import RunState
from eventsim.engines.sample_state import SampleState


@dataclass(eq=False)
class Resumption:
    """An earlier run, as the next one sees it.

    Attributes
    ----------
    records
        What it recorded, its state included.
    events, queue_operations
        What it counted, which is counted on.
    """

    records: RunRecords
    events: int
    queue_operations: int
    state: RunState = field(init=False)

    def __post_init__(self) -> None:
        assert self.records.state is not None
        self.state = self.records.state

    def sample(self, k: int) -> SampleState | None:
        """Where sample k stands; None: not begun."""
        return self.state.samples[k]

    def since(self, k: int) -> tuple[Any, bool]:
        """The time from which something new may hold in sample k, and whether what happens at that time has been.

        It is where the sample ended before an `until`. A sample that a spike or a budget has ended, or in which nothing
        was left to happen, stands at its last event; 0 where it has had none, or has not begun.
        """
        state, reached = self.sample(k), float(self.state.reached[k])
        if state is None or len(state.now) != 1:  # damaged: refused before it is taken up
            return 0.0, False
        now = state.now[0]
        if now < reached < math.inf:
            return reached, False
        return (now, True) if now >= 0 else (0.0, False)

    def restore(self, outputs: Outputs, row: int) -> None:
        """Put back what was found of samples from `row` on."""
        mine = (outputs.first, outputs.errors, outputs.readout)
        before = (self.records.first, self.records.errors, self.records.readout)
        for array, earlier in zip(mine, before, strict=True):
            if earlier is not None and array.size:
                array[row:] = earlier[row:]
        outputs.reached[row:] = self.state.reached[row:]

    def carry_records(self, outputs: Outputs, sample: int) -> None:
        """Keep what was recorded of a sample."""
        spikes, traces, exact = self.records.spikes, self.records.traces, self.records.exact_times
        if spikes is not None:
            low, high = np.searchsorted(spikes["sample"], [sample, sample + 1])
            outputs.spikes.add(sample, spikes[low:high])
            if exact is not None:
                outputs.exact_times += exact[low:high]
        if traces is not None:
            low, high = np.searchsorted(traces["sample"], [sample, sample + 1])
            outputs.traces.add(sample, traces[low:high])
        if self.records.hops is not None:
            low, high = np.searchsorted(self.records.hops["sample"], [sample, sample + 1])
            outputs.hops.add(sample, self.records.hops[low:high])

    def carry_over(self, outputs: Outputs, sample: int, stops: bool, keeps_state: bool) -> None:
        """Keep all of a sample that the next call, which has ended, did not come to.

        `stops`: its samples end with the spikes of a population. `keeps_state`: so does it keep where samples stand.
        """
        state = self.sample(sample)
        if state is None:
            return
        if stops and self.records.stopped is not None:  # it stays ended where it was
            outputs.stopped[sample] = self.records.stopped[sample]
        self.carry_records(outputs, sample)
        outputs.counters[sample] = state.counts.reshape(outputs.counters[sample].shape)
        if len(outputs.fabric):
            outputs.fabric[sample] = state.fabric
            outputs.stations[sample] = state.stations.reshape(outputs.stations[sample].shape)
        if keeps_state:
            outputs.states[sample] = state
            outputs.sent[sample] = self.state.sent[sample] if self.state.sent else ""
