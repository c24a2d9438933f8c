"""One sample on the reference engine: plain Python, one neuron at a time, on any kind of number.

Relies on `neuron` (one neuron), the plan, and the scalar functions of models, faults and transports. Used by `engine`.
It walks the same stages as the compiled loop and gives the same bits; on Fractions it is exact.

All that is still to come is in one sorted list, the agenda: entries (time, kind, …). The kinds are numbered so that
the order of the list is the published order of events: a micro-step takes entry after entry.
"""

import functools
import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
from sortedcontainers import SortedList

from eventsim.checks import HEAVIEST
from eventsim.engines import problems
from eventsim.engines.departures import departs_before
from eventsim.engines.reference import carrying, standing
from eventsim.engines.reference.agenda import (
    ARRIVAL,
    CROSSING,
    EARLY_TICK,
    FABRIC,
    LEAVING,
    RELEASE,
    SOURCE,
    T_MIN,
    T_START,
    T_STEP,
    TICK,
    WINDOW,
)
from eventsim.engines.reference.fabric import FabricState
from eventsim.engines.reference.neuron import Neuron
from eventsim.engines.reference.overflows import count_overflows
from eventsim.engines.reference.plan import Plan
from eventsim.engines.tables import COUNTERS, SPIKE, TRACE, TRACE_ROWS
from eventsim.engines.task import Task
from eventsim.errors import BudgetError, SimulationError
from eventsim.faults.acting import EMISSION
from eventsim.network.projections import own_delays


class Sample:
    """One sample: its neurons, its agenda, and what has been recorded."""

    def __init__(self, task: Task, plan: Plan, row: int) -> None:
        self.task, self.plan, self.row = task, plan, row
        self.members = {n: [Neuron(layer, i) for i in range(len(layer.p))] for n, layer in plan.layers.items()}
        self.agenda = SortedList()
        self.counts: list[Counter[str]] = [Counter() for _ in task.net.nodes]
        self.spikes: list[tuple[int, int, int, Any]] = []
        self.traces: list[tuple[int, int, Any, tuple[Any, ...]]] = []
        probes = task.options.probes.items()
        probed = sorted((task.net.node(name).order, i) for name, chosen in probes for i in chosen.tolist())
        self.noted: dict[tuple[int, int], Any] = dict.fromkeys(probed)  # the state that was noted last
        self.fabric: FabricState | None = None  # made where the sample starts, or is taken up
        self.fabric_entry: tuple[Any, int] | None = None
        self.sent: Counter[tuple[int, int]] = Counter()  # spikes that each neuron has sent
        self.n, self.given = 0, -1  # micro-step to come; source spikes that are in the agenda, -1 before the start
        self.spikes_sent = 0  # … and that are out of it again
        self.now: Any = -math.inf
        self.fired: list[tuple[int, int]] = []
        self.again: list[tuple[int, int]] = []  # at their threshold still, after the reset
        self.touched: dict[tuple[int, Neuron], bool] = {}  # to be tested: was it initialised in this micro-step?
        self.crossed: set[tuple[int, int]] = set()
        self.astray: int | None = None  # the projection over which a fault gave no weight
        self.handlers: dict[int, Any] = {
            SOURCE: self.emit_source, CROSSING: self.stored_crossing, LEAVING: self.leave, WINDOW: self.switch,
            RELEASE: self.release,
            FABRIC: functools.partial(carrying.carry, self), EARLY_TICK: self.tick,
            ARRIVAL: self.arrive, TICK: self.tick,
        }  # fmt: skip

    # -- time -------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """What is known beforehand: source spikes, windows, first ticks, neurons that spike without input."""
        self.given = 0
        self.stimulate()
        carrying.begin(self)
        for n, layer in self.plan.layers.items():
            if layer.model.clocked:
                self.agenda.add((0 * layer.period, EARLY_TICK if layer.rank < 0 else TICK, layer.rank, n, 0))
            elif layer.model.windowed:
                for what, t in enumerate((layer.t_start, layer.t_min, layer.t_max)):
                    self.agenda.add((t, WINDOW, n, what))
            else:
                for neuron in self.members[n]:
                    self.expect(n, neuron, neuron.predict(layer.t_start))
            for piece, (t, _) in enumerate(layer.pieces):
                self.agenda.add((t, WINDOW, n, T_STEP - piece))

    def stimulate(self) -> None:
        """Put the source spikes into the agenda that are not in it yet."""
        stimulus = self.task.inputs.batch(self.row, self.row + 1)
        self.sample_id = stimulus.sample_id[0]
        for t, g in list(zip(stimulus.time.tolist(), stimulus.neuron.tolist(), strict=True))[self.given :]:
            node = int(np.searchsorted(self.plan.first, g, side="right")) - 1
            self.agenda.add((self.plan.number(t), SOURCE, node, g - self.plan.first[node]))
        self.spikes_sent, self.given = self.given, len(stimulus.time)

    def send_again(self, now: Any) -> None:
        """What was sent by sources, and is still under way at `now`."""
        stimulus = self.task.inputs.batch(self.row, self.row + 1)
        for t, g in list(zip(stimulus.time.tolist(), stimulus.neuron.tolist(), strict=True))[: self.given]:
            node = int(np.searchsorted(self.plan.first, g, side="right")) - 1
            for lane in self.plan.outgoing[node]:
                index, left = g - self.plan.first[node], self.plan.number(t)
                if left + self.plan.number(self.plan.projection(lane).delay) > now:
                    self.travel(left, lane, index, 0, 0)

    def run(self) -> None:
        """All events at t < until, in the event order."""
        if self.given < 0:
            self.start()
            self.trace(0)
        until = math.inf if self.task.options.until is None else self.task.options.until
        while self.agenda and self.agenda[0][0] < until and (self.n > 0 or not self.enough()):
            t = self.now = self.agenda[0][0]
            self.micro_step(t, self.n)
            self.n = self.n + 1 if self.agenda and self.agenda[0][0] == t else 0
            over = self.task.check_budget(self.task.events)
            if over:
                self.task.outputs.reached[self.row] = t
                raise BudgetError(problems.budget_used_up(self.row, over))
        self.task.outputs.reached[self.row] = until
        if self.enough():
            self.task.outputs.stopped[self.row] = self.task.outputs.reached[self.row] = self.now
        count_overflows(self, self.now if self.enough() else until)

    def standing(self) -> tuple[int, Any, int]:
        """Sample, time, and events that the task does not know of."""
        return self.row, self.now, 0

    def enough(self) -> bool:
        """Has a population sent the spikes that end the sample?"""
        stop = self.task.options.stop.items()
        return any(self.counts[self.task.net.node(name).order]["spikes"] >= n for name, n in stop)

    def micro_step(self, t: Any, n: int) -> None:
        """Stages 1 to 3 in the order of the agenda, then the test of all that they touched, then emission.

        What this emits without delay comes back to the agenda at t, for micro-step n + 1.
        """
        self.fired, self.again, self.touched, self.crossed = [], [], {}, set()
        while self.agenda and self.agenda[0] < (t, TICK, n + 1):
            _, kind, *rest = self.agenda.pop(0)
            self.handlers[kind](t, *rest)
        if self.astray is not None:
            raise SimulationError(problems.no_weight(self.row, self.plan.net.projections[self.astray].label, t))
        for (node, neuron), initialised in self.touched.items():
            self.settle(t, node, neuron, initialised)
        self.trace(t)
        self.task.events += len(self.fired)
        for node, index in sorted(self.fired):
            self.emit(t, node, index)
        for node, index in sorted(self.again):
            raise SimulationError(problems.fires_twice(self.row, index, self.plan.net.nodes[node], t))
        carrying.carry(self, t)

    def expect(self, node: int, neuron: Neuron, t: Any, kind: int = CROSSING) -> None:
        """Re-key the neuron: its one entry in the agenda is now at t (inf = none)."""
        if neuron.entry is not None:
            self.agenda.discard(neuron.entry)
        neuron.entry = (t, kind, node, neuron.index) if t < math.inf else None
        if neuron.entry is not None:
            self.agenda.add(neuron.entry)
        self.task.queue_operations += 1

    # -- what the agenda holds --------------------------------------------------------------------------------------

    def stored_crossing(self, t: Any, node: int, index: int) -> None:
        """What was certain before t happens before what arrives at t."""
        self.cross(t, node, self.members[node][index])

    def leave(self, _t: Any, node: int, index: int) -> None:
        """A spike that crossed earlier is emitted with those of this micro-step."""
        self.fired.append((node, index))

    def switch(self, t: Any, node: int, what: int) -> None:
        """A window's t_start, t_min or t_max (from which on `next_crossing` and `receive` say no), or a new drive."""
        self.task.events += 1
        for neuron in self.members[node]:
            if what <= T_STEP:
                if neuron.change(t, T_STEP - what):
                    self.touched.setdefault((node, neuron), False)
            elif what == T_START:
                self.touched[node, neuron] = True
            elif what == T_MIN and not neuron.done:
                neuron.open_window(t)
                self.touched.setdefault((node, neuron), False)
                if not neuron.layer.model.spiking:
                    self.task.outputs.readout[self.row, neuron.layer.readout + neuron.index] = neuron.s[0]

    def release(self, _t: Any, node: int, index: int) -> None:
        """The end of refractoriness: the state is that after the reset, at t."""
        self.touched.setdefault((node, self.members[node][index]), False)

    def tick(self, t: Any, rank: int, node: int, tick: int) -> None:
        """A clocked population takes tick `tick`; ticks are counted, never accumulated."""
        self.task.events += 1
        layer = self.plan.layers[node]
        self.agenda.add(((tick + 1) * layer.period, EARLY_TICK if rank < 0 else TICK, rank, node, tick + 1))
        for neuron in self.members[node]:
            if neuron.tick():
                neuron.crossing = neuron.certain = t
                self.emit_or_wait(t, node, neuron)

    def arrive(self, t: Any, node: int, index: int, lane: int, first: int, number: int, last: int, _left: Any) -> None:
        """One spike reaches its targets in one lane, or those of one delay."""
        self.task.events += 1
        one = self.plan.projection(lane)
        projection, post = one.order, one.post.order
        synapses = self.plan.synapses(lane, index)[first:last]
        self.counts[post]["visited"] += len(synapses)
        if t >= self.plan.layers[post].t_min:
            self.counts[post]["late"] += len(synapses)
        error = self.members[node][index].error[1] if node in self.members else 0.0
        if self.task.options.error_bounds and self.plan.delayed[projection]:
            error += 2.0**-53 * t  # t is the rounded sum of the spike's time and the delay
        if t >= self.plan.layers[post].closed_from:
            return
        receptor = one.receptor_number
        for place, target, weight in synapses:
            neuron = self.members[post][target]
            arrived = self.plan.deliveries.weight(projection, index, place, number, self.sample_id, weight)
            if not abs(arrived) <= HEAVIEST and self.astray is None:
                self.astray = projection
            if neuron.receive(t, arrived, error, receptor):
                self.touched.setdefault((post, neuron), False)

    # -- from the threshold to the agenda ---------------------------------------------------------------------------

    def settle(self, t: Any, node: int, neuron: Neuron, initialised: bool, certain: Any = None) -> None:
        """The jump test and the next prediction of a neuron that was touched at t; or before, at `certain`."""
        layer = neuron.layer
        if neuron.done or t < neuron.t or not layer.model.spiking:
            return
        when = neuron.predict(t, initialised)
        if self.plan.early and t >= layer.t_min:
            neuron.certain = t if certain is None else certain
            when = departs_before(when, self.leaving(node, neuron)[0], layer.t_max)
        if when <= t:
            self.cross(t, node, neuron)
        else:
            self.expect(node, neuron, when)

    def cross(self, t: Any, node: int, neuron: Neuron) -> None:
        """The neuron crosses its threshold at t: decide when its spike leaves, reset it, predict its next crossing."""
        self.emit_or_wait(t, node, neuron)
        self.counts[node]["tangent"] += neuron.touches()
        neuron.fire(t)
        if neuron.done:
            self.expect(node, neuron, math.inf)
        elif neuron.t > t:
            self.expect(node, neuron, neuron.t, RELEASE)
        else:
            when = neuron.predict(t)
            if when <= t:
                self.again.append((node, neuron.index))
            else:
                self.expect(node, neuron, when)

    def leaving(self, node: int, neuron: Neuron) -> tuple[Any, bool]:
        """When the spike of the stored crossing leaves, never before it is certain; was it clipped?"""
        t, clipped = neuron.crossing, False
        for f, fault in enumerate(self.task.options.faults):
            key, acts = self.task.options.fault_keys[f, node]
            if acts == EMISSION:
                window, number = (neuron.layer.t_min, neuron.layer.t_max), neuron.number
                t = fault.function(self.plan.faults[f], window, key, self.sample_id, neuron.index, number, t)
                if t < neuron.certain:
                    t, clipped = neuron.certain, True
        return t, clipped

    def emit_or_wait(self, t: Any, node: int, neuron: Neuron) -> None:
        """The spike of a crossing is emitted in this micro-step, or waits in the agenda."""
        leaves, clipped = self.leaving(node, neuron)
        neuron.number += 1
        self.crossed.add((node, neuron.index))
        self.counts[node]["clipped"] += clipped
        if leaves == math.inf:
            self.counts[node]["lost"] += 1
            self.task.events += 1  # else no budget would end a neuron whose spikes are all lost
        elif leaves > t:
            self.counts[node]["delayed"] += 1
            self.task.events += 1  # else no budget would end a neuron whose spikes all wait
            self.agenda.add((leaves, LEAVING, node, neuron.index))
        else:
            self.fired.append((node, neuron.index))

    # -- from emission to arrival -----------------------------------------------------------------------------------

    def emit_source(self, t: Any, node: int, index: int) -> None:
        """A spike from outside is sent."""
        self.spikes_sent += 1
        self.emit(t, node, index)

    def emit(self, t: Any, node: int, index: int) -> None:
        """Record a spike of a source or a population, and send it."""
        errors = (math.nan, math.nan)
        if node in self.members:
            neuron = self.members[node][index]
            if neuron.last_spike == t:
                raise SimulationError(problems.fires_twice(self.row, index, self.plan.net.nodes[node], t))
            neuron.last_spike, errors = t, neuron.error
            if neuron.layer.model.windowed and t < neuron.layer.t_min:
                self.counts[node]["premature"] += 1
        self.counts[node]["spikes"] += 1
        g = self.plan.first[node] + index
        if self.plan.net.nodes[node].name in self.task.options.recorded:
            self.spikes.append((self.row, node, index, t))
        if self.task.options.record != "readout" and self.task.outputs.first[self.row, g] == math.inf:
            self.task.outputs.first[self.row, g] = t
            if self.task.options.error_bounds:
                self.task.outputs.errors[self.row, g] = errors
        self.send(t, node, index)

    def send(self, t: Any, node: int, index: int) -> None:
        """Fabric and delay: from emission at t to arrivals."""
        if self.fabric is None and not self.plan.outgoing[node]:
            return
        for lane in self.plan.outgoing[node]:
            self.counts[node]["synaptic_events"] += len(self.plan.synapses(lane, index))
        number = self.sent[node, index]
        self.sent[node, index] += 1
        if self.fabric is not None:
            self.fabric.inject(t, self.plan.first[node] + index, number)
            carrying.expect(self, t)
            return
        for lane in self.plan.outgoing[node]:
            self.travel(t, lane, index, number, 0, t)

    def travel(self, left: Any, lane: int, index: int, number: int, place: int, t: Any = None) -> None:
        """Spike `number` of a neuron, emitted at t, leaves at `left` for the synapses of a lane from `place` on."""
        projection, first, count = self.plan.projection(lane), place, len(self.plan.synapses(lane, index))
        arrivals = [self.arrival(t, left, projection, index, delay) for delay in self.plan.delays(lane, index)[place:]]
        for arrival, synapses in itertools.groupby(arrivals):
            last = first + sum(1 for _ in synapses) if own_delays(projection.kind) is not None else count
            self.agenda.add((arrival, ARRIVAL, projection.pre.order, index, lane, first, number, last, left))
            first = last

    def arrival(self, t: Any, left: Any, projection: Any, index: int, delay: Any) -> Any:
        """When a spike that was emitted at t and came out of the transport at `left` arrives."""
        arrival, ticks = left + delay, self.plan.ticks[projection.order]
        if delay > 0 and arrival == left:
            raise SimulationError(problems.delay_lost(self.row, index, projection.pre, left))
        if ticks:
            period = self.plan.layers[projection.pre.order].period
            tick = round(t / period)
            if left == t and tick * period == t:
                return (tick + ticks) * period
        return arrival

    # -- recording --------------------------------------------------------------------------------------------------

    def trace(self, t: Any) -> None:
        """Note each chosen neuron that has begun to integrate, changed its state or crossed in this micro-step."""
        for (node, index), noted in self.noted.items():
            neuron, crossed = self.members[node][index], (node, index) in self.crossed
            if t < neuron.layer.t_start or (neuron.done and not crossed):
                continue
            if crossed or neuron.s != noted:
                self.noted[node, index] = neuron.s
                kept = neuron.s[:1] if neuron.done else neuron.s  # of a neuron that spikes once, V = -inf is left
                state = (*kept, *[0.0] * TRACE_ROWS)[:TRACE_ROWS]
                self.traces.append((self.row, self.plan.first[node] + index, t, state))

    def keep(self) -> None:
        """Hand over what was counted and recorded, also where the sample ended early."""
        task = self.task
        task.outputs.counters[self.row] = [[counts[name] for name in COUNTERS] for counts in self.counts]
        if self.fabric is not None:
            carrying.keep(self)
        if task.options.record == "spikes":
            task.outputs.spikes.add(self.row, np.array(self.spikes, dtype=SPIKE))
            task.outputs.exact_times += [t for *_, t in self.spikes] if task.exact else []
        task.outputs.traces.add(self.row, np.array(self.traces, dtype=TRACE))
        task.done += 1
        if task.options.keep_state:
            task.keep_state(self.row, standing.freeze(self, task.fed), task.inputs.batch(self.row, self.row + 1))
