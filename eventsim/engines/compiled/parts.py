"""One model's parts of the compiled loop: arrival, cohort update, prediction and reset.

Relies on the machine's arrays and on a model's scalar functions, which it closes over. The loop has one `ModelParts`
for each distinct model of a network and chooses between them by the population's number. Contracts (t is now):

``dense(m, n, k, neuron, spike, t, error)`` fold one packet into a population that is one cohort (`spike`: see
`delivery`) · ``conv(m, n, k, neuron, spike, t, error)`` … into the cohorts of a population that it reaches ·
``row(m, n, lane, neuron, begin, end, spike, t, error)`` … into neurons that are cohorts of their own (a sparse packet:
by these synapses) ·
``settle(m, n, c, t, sample)`` after the arrivals of a micro-step: fire what is at threshold, store what will cross;
before the first event store only, also what crosses at once ·
``cross(m, n, c, i, t, sample)`` neuron i crosses now: reset it, decide when its spike leaves ·
``open_window(m, n, t, opens)`` t_min, or the drive changes · ``tick(m, n, t, sample)`` a clock tick ·
``readout(m, n, values)`` V of its neurons at t_min, into the row of the read-out, (n_out,) ·
``overflows(m, n, end)`` how many additions of a population left their range until `end`.
"""

import functools
import math
from typing import Any, NamedTuple

from eventsim._jit import jitable, kernel_part
from eventsim.engines.compiled.alternatives import LoopModel
from eventsim.engines.compiled.folding import make_conv, make_dense, make_row
from eventsim.engines.compiled.horizon import aim, heap_of, reach, rekey, schedule, touch
from eventsim.engines.compiled.lists import push_waiting
from eventsim.engines.compiled.overflows import make_overflows
from eventsim.engines.compiled.rows import BLOCKS, LOAD, SLICES, STORE
from eventsim.engines.tables import CLOSED, GOING, OPEN, Machine, neuron_of
from eventsim.network.dynamics import Dynamics

# Members of a cohort that are looked at together when some may cross: long enough to vectorise.
BLOCK = 64


class ModelParts(NamedTuple):
    """The compiled parts of one model; see the module's first lines."""

    dense: Any
    conv: Any
    row: Any
    settle: Any
    cross: Any
    open_window: Any
    tick: Any
    readout: Any
    overflows: Any


@functools.cache
def make_parts(
    model: LoopModel, delivers: tuple[Any, ...], emit_or_wait: Any, earliest_departure: Any, early: bool
) -> ModelParts:
    """Return the parts of the loop for `model`; `delivers` are the functions of arrival faults.

    `emit_or_wait` and `earliest_departure` are the emission stage (`make_departure`). `early`: there are faults, and
    one may let windowed neurons emit before their crossing (``control.early``).
    """
    dynamics = model.dynamics
    cross = _make_cross(dynamics, emit_or_wait, early)
    shared = _make_settle_shared(dynamics, earliest_departure, cross, early) if model.in_cohorts else _never
    open_window, readout = _make_switches(dynamics)
    ahead = dynamics.time_error is None and not model.clocked
    return ModelParts(
        dense=make_dense(dynamics, delivers, ahead) if model.in_cohorts else _never,
        conv=make_conv(dynamics, delivers) if model.in_cohorts and not model.clocked else _never,
        row=make_row(dynamics, delivers),
        settle=_make_settle(model.in_cohorts, shared, _make_settle_single(dynamics, earliest_departure, cross, early)),
        cross=cross,
        open_window=open_window,
        tick=_make_tick(dynamics, emit_or_wait) if model.clocked else _never,
        readout=readout,
        overflows=make_overflows(dynamics),
    )


@jitable
def _never(*_arguments: Any) -> None:
    """Stands in for a part that this model cannot need."""


@functools.cache
def _make_note_error(dynamics: Dynamics) -> Any:
    """Keep the rounding bounds of a spike at t, where the model has them."""
    time_error = dynamics.time_error
    if time_error is None:

        @jitable
        def no_error(m: Machine, g: int, p: Any, s: Any, t: float) -> None:
            pass

        return no_error

    @kernel_part
    def note_error(m: Machine, g: int, p: Any, s: Any, t: float) -> None:
        m.neuron_states[g].error, m.neuron_states[g].error_network = time_error(p, s, t)

    return note_error


@functools.cache
def _make_note_tangent(dynamics: Dynamics) -> Any:
    """Count a spike whose existence rounding decided, where the model can tell."""
    touching = dynamics.touching
    if touching is None:

        @jitable
        def no_tangent(m: Machine, n: int, p: Any, s: Any) -> None:
            pass

        return no_tangent

    @kernel_part
    def note_tangent(m: Machine, n: int, p: Any, s: Any) -> None:
        if touching(p, s):
            m.node_states[n].tangent += 1

    return note_tangent


@functools.cache
def _make_cross(dynamics: Dynamics, emit_or_wait: Any, early: bool) -> Any:
    """Neuron i of node n (in cohort c) crosses at t: stage 1 of the spine, handing over to emission."""
    n_state, n_rows = len(dynamics.state), len(dynamics.rows)
    slices, load, store, part, rows = SLICES[n_state], LOAD[n_state], STORE[n_state], LOAD[n_rows], SLICES[n_rows]
    propagator, advance, reset, retire = dynamics.propagator, dynamics.advance, dynamics.reset, dynamics.retire
    time_to_spike = dynamics.time_to_spike
    note_error, note_tangent = _make_note_error(dynamics), _make_note_tangent(dynamics)

    @kernel_part
    def cross(m: Machine, n: int, c: int, i: int, t: float, sample: Any) -> None:
        node, node_state = m.nodes[n], m.node_states[n]
        cohort = m.cohort_states[c]
        st = slices(m.values, node_state.state, node.n_neurons)
        p = part(rows(m.params, node_state.params, node.n_neurons), i)
        s = load(st, i)
        neuron = neuron_of(node, i)
        g = node.first + neuron
        note_error(m, g, p, s, t)
        note_tangent(m, n, p, s)
        t_cross, now = t, t
        if early and m.control[0].early == 1 and node_state.phase == OPEN:
            t_cross = m.since[c] + time_to_spike(p, s)
            if t_cross >= node.t_max:  # a silent neuron that a fault wakes
                t_cross = math.inf
            if cohort.touched_at < t:
                now = cohort.touched_at
        if node.single:
            m.neuron_states[g].done = 1
            store(st, i, retire(p, s))
            if node.shared == 0:
                rekey(m, c, math.inf)  # also of a crossing that was stored before
        else:
            if t > m.since[c]:
                s = advance(propagator(p, t - m.since[c]), s)
            s = reset(p, s)
            store(st, i, s)
            key = t + m.neurons[g].refractory
            m.since[c] = key
            cohort.refractory = 1 if key > t else 0
            if cohort.refractory == 0:
                key = t + time_to_spike(p, s)
                if key <= t:  # it would fire at t for ever; the emission stage ends the run
                    m.control[0].again = min(m.control[0].again, g)
                    key = math.inf
            rekey(m, c, key)
            m.control[0].queue_operations += 1
        emit_or_wait(m, n, g, neuron, t_cross, now, t, sample)

    return cross


@functools.cache
def _make_settle(in_cohorts: bool, settle_shared: Any, settle_single: Any) -> Any:
    """After the arrivals of a micro-step: jump test, then prediction, then the cohort's key in the queue."""

    @kernel_part
    def settle(m: Machine, n: int, c: int, t: float, sample: Any) -> None:
        node, node_state, cohort = m.nodes[n], m.node_states[n], m.cohort_states[c]
        if t < m.since[c] or node_state.phase == CLOSED or cohort.refractory == 1:
            return
        if in_cohorts and node.shared == 1:
            aim(m, n, c, t)
            settle_shared(m, n, c, t, sample)
        else:
            settle_single(m, n, c, t, sample)

    return settle


@functools.cache
def _make_settle_block(dynamics: Dynamics, earliest_departure: Any, cross: Any, early: bool) -> tuple[Any, Any]:
    """(count, settle_block) of neighbours: how many may cross within `pad`; fire them, or store when they will."""
    load, part = LOAD[len(dynamics.state)], LOAD[len(dynamics.rows)]
    may_spike, above, time_to_spike = dynamics.may_spike, dynamics.above, dynamics.time_to_spike

    @kernel_part
    def count(st: Any, pr: Any, pad: float) -> int:
        found = 0
        for i in range(st[0].size):
            if may_spike(part(pr, i), load(st, i), pad):
                found += 1
        return found

    @kernel_part
    def settle_block(
        m: Machine, n: int, c: int, low: int, near: Any, limits: Any, pad: float, everyone: bool, t: float, sample: Any
    ) -> None:
        """Members low… of the cohort: fire who is at threshold, store who crosses up to the horizon.

        `near` and `limits` are tuples of rows (n_members,) of states and parameters.
        """
        node, node_state, cohort = m.nodes[n], m.node_states[n], m.cohort_states[c]
        soon = early and m.control[0].early == 1 and node_state.phase == OPEN
        for i in range(near[0].size):
            p, s = part(limits, i), load(near, i)
            if not (everyone or may_spike(p, s, pad)):
                continue
            neuron = neuron_of(node, low + i)
            g = node.first + neuron
            if m.neuron_states[g].done == 1 or node.readout >= 0:  # a read-out never fires
                continue
            key = m.since[c] + time_to_spike(p, s)
            if key >= node.t_max:
                key = math.inf
            if soon:
                key = earliest_departure(m, n, g, neuron, key, cohort.touched_at, sample)
            if key <= t or (cohort.fresh == 1 and above(p, s)) or (node.jumps == 1 and above(p, s)):
                if m.control[0].busy == GOING:
                    cross(m, n, c, low + i, t, sample)
                    continue
                key = t
            if key < math.inf and (key <= cohort.horizon or soon):
                heap = heap_of(node, c)
                cohort.candidates = push_waiting(m, heap, heap + node.cohort_size, cohort.candidates, key, low + i)

    return count, settle_block


@functools.cache
def _make_settle_shared(dynamics: Dynamics, earliest_departure: Any, cross: Any, early: bool) -> Any:
    """Settle a cohort of several neurons: nothing to do where nobody can cross before the horizon."""
    n_state, n_rows = len(dynamics.state), len(dynamics.rows)
    slices, rows, block, limit_block = SLICES[n_state], SLICES[n_rows], BLOCKS[n_state], BLOCKS[n_rows]
    count, settle_block = _make_settle_block(dynamics, earliest_departure, cross, early)

    @kernel_part
    def settle_shared(m: Machine, n: int, c: int, t: float, sample: Any) -> None:
        node, node_state, cohort = m.nodes[n], m.node_states[n], m.cohort_states[c]
        soon = early and m.control[0].early == 1 and node_state.phase == OPEN
        if soon:
            cohort.bound = math.inf
        everyone = cohort.fresh == 1 or node.jumps == 1 or soon
        cohort.candidates = 0
        if everyone or cohort.flagged > 0:
            pad = reach(m.since[c], cohort.horizon)
            st = slices(m.values, node_state.state, node.n_neurons)
            pr = rows(m.params, node_state.params, node.n_neurons)
            begin = (c - node.cohort) * node.cohort_size
            end = begin + node.cohort_size
            for low in range(begin, end, BLOCK):
                size = min(BLOCK, end - low)
                near, limits = block(st, low, size), limit_block(pr, low, size)
                if everyone or count(near, limits, pad) > 0:
                    settle_block(m, n, c, low, near, limits, pad, everyone, t, sample)
        cohort.fresh = 0
        schedule(m, node, c)

    return settle_shared


@functools.cache
def _make_settle_single(dynamics: Dynamics, earliest_departure: Any, cross: Any, early: bool) -> Any:
    """Settle a neuron that is a cohort of its own."""
    n_state, n_rows = len(dynamics.state), len(dynamics.rows)
    slices, load, part, rows = SLICES[n_state], LOAD[n_state], LOAD[n_rows], SLICES[n_rows]
    time_to_spike, above = dynamics.time_to_spike, dynamics.above

    @kernel_part
    def settle_single(m: Machine, n: int, c: int, t: float, sample: Any) -> None:
        """A neuron that is a cohort of its own: its crossing is the cohort's key."""
        node, node_state, cohort = m.nodes[n], m.node_states[n], m.cohort_states[c]
        i = c - node.cohort
        key = math.inf
        test = cohort.fresh == 1 or node.jumps == 1
        cohort.fresh = 0
        if m.neuron_states[node.first + i].done == 0 and node.readout < 0:  # a read-out never fires
            p = part(rows(m.params, node_state.params, node.n_neurons), i)
            s = load(slices(m.values, node_state.state, node.n_neurons), i)
            key = m.since[c] + time_to_spike(p, s)
            if key >= node.t_max:
                key = math.inf
            if early and m.control[0].early == 1 and node_state.phase == OPEN:
                key = earliest_departure(m, n, node.first + i, i, key, cohort.touched_at, sample)
            if key <= t or (test and above(p, s)):
                if m.control[0].busy == GOING:
                    cross(m, n, c, i, t, sample)
                    return
                key = t
        if key < math.inf or cohort.queued == 1:
            rekey(m, c, key)
            m.control[0].queue_operations += 1

    return settle_single


@functools.cache
def _make_switches(dynamics: Dynamics) -> tuple[Any, Any]:
    """t_min, a change of the drive, and the read-out."""
    n_state, n_rows = len(dynamics.state), len(dynamics.rows)
    slices, load, store, part, rows = SLICES[n_state], LOAD[n_state], STORE[n_state], LOAD[n_rows], SLICES[n_rows]
    propagator, advance, open_state = dynamics.propagator, dynamics.advance, dynamics.open_window

    @kernel_part
    def open_window(m: Machine, n: int, t: float, opens: bool) -> None:
        node, node_state = m.nodes[n], m.node_states[n]
        st = slices(m.values, node_state.state, node.n_neurons)
        pr = rows(m.params, node_state.params, node.n_neurons)
        for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
            cohort = m.cohort_states[c]
            low = (c - node.cohort) * node.cohort_size
            if t < m.since[c]:  # refractory
                continue
            dt = t - m.since[c]
            coefficients = propagator(part(pr, low), dt)
            for i in range(low, low + node.cohort_size):
                if m.neuron_states[node.first + neuron_of(node, i)].done == 1:
                    continue
                s = load(st, i)
                if dt > 0.0:
                    s = advance(coefficients, s)
                store(st, i, open_state(part(pr, i), s) if opens else s)
            m.since[c] = t
            cohort.flagged = 1
            touch(m, c, t)

    @kernel_part
    def readout(m: Machine, n: int, values: Any) -> None:
        node, node_state = m.nodes[n], m.node_states[n]
        st = slices(m.values, node_state.state, node.n_neurons)
        for i in range(node.n_neurons):
            values[node.readout + neuron_of(node, i)] = st[0][i]

    return open_window, readout


@functools.cache
def _make_tick(dynamics: Dynamics, emit_or_wait: Any) -> Any:
    """A clocked population takes a tick: leak, buffered input, test, reset."""
    n_state, n_rows = len(dynamics.state), len(dynamics.rows)
    slices, load, store, part, rows = SLICES[n_state], LOAD[n_state], STORE[n_state], LOAD[n_rows], SLICES[n_rows]
    tick_state, above, reset = dynamics.tick, dynamics.above, dynamics.reset

    @kernel_part
    def tick(m: Machine, n: int, t: float, sample: Any) -> None:
        node, node_state = m.nodes[n], m.node_states[n]
        st = slices(m.values, node_state.state, node.n_neurons)
        pr = rows(m.params, node_state.params, node.n_neurons)
        for i in range(node.n_neurons):
            p = part(pr, i)
            s = tick_state(p, load(st, i))
            if above(p, s):
                s = reset(p, s)
                neuron = neuron_of(node, i)
                emit_or_wait(m, n, node.first + neuron, neuron, t, t, t, sample)
            store(st, i, s)

    return tick
