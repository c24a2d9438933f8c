"""One model's part of the compiled loop: arrival, cohort update, prediction and reset.

Relies on the machine's arrays and on a model's scalar functions, which it closes over. `compiled` makes one `Dynamics`
for each distinct model of a network and chooses between them by the population's number. Contracts (t is now):

``dense(m, n, k, neuron, t, error)`` fold one packet into a population that is one cohort ·
``row(m, n, lane, neuron, t, error)`` fold one packet into neurons that are cohorts of their own ·
``settle(m, n, c, t, sample)`` after the arrivals of a micro-step: fire what is at threshold, store what will cross ·
``cross(m, n, c, i, t, sample)`` neuron i crosses now: reset it, decide when its spike leaves ·
``open_window(m, n, t)`` t_min · ``tick(m, n, t, sample)`` a clock tick · ``readout(m, n, t, values)``.
"""

import math
from typing import Any, NamedTuple

from eventsim._jit import jitable, kernel_part
from eventsim.lookahead import alone, make_together, reach
from eventsim.machine import Machine
from eventsim.neuron_model import Model
from eventsim.queue import push, requeue
from eventsim.rows import BLOCKS, LOAD, SLICES, STORE

# Members of a cohort that are looked at together when some may cross: long enough to vectorise.
BLOCK = 64


class Dynamics(NamedTuple):
    """The compiled parts of one model; see the module's first lines."""

    dense: Any
    row: Any
    settle: Any
    cross: Any
    open_window: Any
    tick: Any
    readout: Any


@kernel_part
def touch(m: Machine, c: int, t: float) -> None:
    """Note that cohort c changes in this micro-step, so that it is settled once its arrivals are in."""
    control = m.control[0]
    cohort = m.cohorts[c]
    if cohort.stamp != control.stamp:
        cohort.stamp = control.stamp
        cohort.touched_at = t
        m.work[control.touched] = c
        control.touched += 1


@kernel_part
def aim(m: Machine, n: int, c: int, t: float) -> None:
    """Set how far ahead the crossings of cohort c are stored, once a micro-step and after all of t was gathered.

    The horizon is the earliest time at which something is sure or able to reach the cohort: its next window change,
    the head of a lane, or t + delay of a lane that is empty (a bound: the cohort is looked at again then).
    """
    cohort = m.cohorts[c]
    if cohort.aimed == m.control[0].stamp:
        return
    cohort.aimed = m.control[0].stamp
    node = m.nodes[n]
    cohort.bound = math.inf
    horizon = node.t_min if m.nodes[n].phase < 2 else node.t_max
    # Arrivals that are not let in (deaf, from t_min on) touch nobody: they are no reason to look again.
    last = node.first_in if node.deaf == 1 and node.phase == 2 else node.last_in
    for k in range(node.first_in, last):
        lane = m.lanes[m.links[k]]
        if lane.head < lane.tail:
            arrival = m.ring[lane.offset + (lane.head & lane.mask)].t
            if arrival < horizon:
                horizon = arrival
                cohort.bound = math.inf
        elif lane.delay > 0.0 and m.nodes[lane.pre].dynamics >= 0 and t + lane.delay < horizon:
            horizon = t + lane.delay
            cohort.bound = horizon
    cohort.horizon = horizon


def make_dynamics(model: Model, decide: Any, wish: Any, early: bool, ahead: bool) -> Dynamics:
    """Return the parts of the loop for `model`.

    `decide` and `wish` are the emission stage (`make_decide`). `early`: a fault may let windowed neurons emit before
    their crossing. `ahead`: packets in the lanes are all that is under way, so several may be taken together.
    """
    dense = _make_dense(model, ahead and model.time_error is None and not model.jumps and not model.clocked)
    row = _make_row(model)
    cross = _make_cross(model, decide, early)
    settle = _make_settle(model, wish, cross, early)
    open_window, tick, readout = _make_switches(model, decide)
    return Dynamics(dense, row, settle, cross, open_window, tick, readout)


def _make_receive(model: Model) -> Any:
    """The model's `receive`; where it carries rounding bounds, with the error of the input's time."""
    receive = model.receive
    if model.time_error is not None:

        @jitable
        def receive_with_error(s: Any, w: float, error: float) -> Any:
            return receive(s, w, error)

        return receive_with_error

    @jitable
    def receive_plain(s: Any, w: float, error: float) -> Any:  # noqa: ARG001 - one contract with and without bounds
        return receive(s, w)

    return receive_plain


def _make_dense(model: Model, ahead: bool) -> Any:
    """Fold a packet into a whole population: one propagator, then a loop over contiguous arrays."""
    n_state, n_rows = len(model.state), len(model.rows)
    slices, load, store, part, rows = SLICES[n_state], LOAD[n_state], STORE[n_state], LOAD[n_rows], SLICES[n_rows]
    propagator, advance, may_spike = model.propagator, model.advance, model.may_spike
    receive, together = _make_receive(model), make_together(model) if ahead else alone

    @kernel_part
    def sweep(st: Any, pr: Any, w: Any, c: Any, pad: float, error: float) -> int:
        count = 0
        for i in range(w.size):
            s = receive(advance(c, load(st, i)), w[i], error)
            store(st, i, s)
            if may_spike(part(pr, i), s, pad):
                count += 1
        return count

    @kernel_part
    def fold(st: Any, pr: Any, w: Any, pad: float, error: float) -> int:
        count = 0
        for i in range(w.size):
            s = receive(load(st, i), w[i], error)
            store(st, i, s)
            if may_spike(part(pr, i), s, pad):
                count += 1
        return count

    @kernel_part
    def dense(m: Machine, n: int, k: int, neuron: int, t: float, error: float) -> None:
        node, lane = m.nodes[n], m.lanes[k]
        size = node.n_neurons
        st = slices(m.numbers, node.state, size)
        pr = rows(m.numbers, node.params, size)
        first = lane.weights + neuron * size
        w = m.weights[first : first + size]
        cohort = m.cohorts[node.cohort]
        if m.nodes[n].phase == 0 or node.clocked:
            fold(st, pr, w, 0.0, error)
            return
        if together(m, n, k, neuron, t):
            return
        touch(m, node.cohort, t)
        aim(m, n, node.cohort, t)
        horizon = cohort.horizon
        pad = reach(t, horizon)
        dt = t - cohort.t
        if dt > 0.0:
            cohort.t = t
            cohort.flagged = sweep(st, pr, w, propagator(part(pr, 0), dt), pad, error)
        else:
            cohort.flagged = fold(st, pr, w, pad, error)

    return dense


def _make_row(model: Model) -> Any:
    """Fold a packet into neurons that are updated one by one; a refractory neuron takes no input."""
    n_state, n_rows = len(model.state), len(model.rows)
    slices, load, store, part, rows = SLICES[n_state], LOAD[n_state], STORE[n_state], LOAD[n_rows], SLICES[n_rows]
    propagator, advance, above, may_spike = model.propagator, model.advance, model.above, model.may_spike
    receive = _make_receive(model)

    @kernel_part
    def row(m: Machine, n: int, lane: Any, neuron: int, t: float, error: float) -> None:
        node = m.nodes[n]
        st = slices(m.numbers, node.state, node.n_neurons)
        pr = rows(m.numbers, node.params, node.n_neurons)
        low, high = 0, node.n_neurons
        first = lane.weights + neuron * node.n_neurons
        if lane.kind == 1:
            low, high = m.links[lane.rows + neuron], m.links[lane.rows + neuron + 1]
            first = lane.weights
        elif lane.kind == 2:
            low, high = neuron, neuron + 1
            first = lane.weights
        quiet = m.nodes[n].phase == 0 or node.clocked
        for k in range(low, high):
            i = m.targets[lane.targets + k] if lane.kind == 1 else k
            w = m.weights[first + k]
            cohort = m.cohorts[node.cohort + i]
            if quiet:
                store(st, i, receive(load(st, i), w, error))
            elif t >= cohort.t and m.neurons[node.first + i].done == 0:
                s = load(st, i)
                if t > cohort.t:
                    s = advance(propagator(part(pr, i), t - cohort.t), s)
                    cohort.t = t
                s = receive(s, w, error)
                store(st, i, s)
                p = part(pr, i)
                # Whoever is below the threshold, cannot rise to it, and has nothing stored need not be settled.
                if above(p, s) or may_spike(p, s, math.inf) or m.queue[node.cohort + i].place >= 0:
                    cohort.flagged = 1
                    touch(m, node.cohort + i, t)

    return row


def _make_note_error(model: Model) -> Any:
    """Keep the rounding bounds of a spike at t, where the model has them."""
    time_error = model.time_error
    if time_error is None:

        @jitable
        def no_error(m: Machine, g: int, p: Any, s: Any, t: float) -> None:
            pass

        return no_error

    @jitable
    def note_error(m: Machine, g: int, p: Any, s: Any, t: float) -> None:
        m.neurons[g].error, m.neurons[g].error_network = time_error(p, s, t)

    return note_error


def _make_cross(model: Model, decide: Any, early: bool) -> Any:
    """Neuron i of node n (in cohort c) crosses at t: stage 1 of the spine, handing over to emission."""
    n_state, n_rows = len(model.state), len(model.rows)
    slices, load, store, part, rows = SLICES[n_state], LOAD[n_state], STORE[n_state], LOAD[n_rows], SLICES[n_rows]
    propagator, advance, reset, retire = model.propagator, model.advance, model.reset, model.retire
    time_to_spike, note_error = model.time_to_spike, _make_note_error(model)

    @kernel_part
    def cross(m: Machine, n: int, c: int, i: int, t: float, sample: Any) -> None:
        node = m.nodes[n]
        cohort = m.cohorts[c]
        st = slices(m.numbers, node.state, node.n_neurons)
        p = part(rows(m.numbers, node.params, node.n_neurons), i)
        s = load(st, i)
        g = node.first + i
        note_error(m, g, p, s, t)
        t_cross, now = t, t
        if early and m.nodes[n].phase == 2:
            t_cross = cohort.t + time_to_spike(p, s)
            if cohort.touched_at < t:
                now = cohort.touched_at
        if node.single:
            m.neurons[g].done = 1
            store(st, i, retire(s))
        else:
            if t > cohort.t:
                s = advance(propagator(p, t - cohort.t), s)
            s = reset(p, s)
            store(st, i, s)
            held = t + m.neurons[g].refractory
            cohort.t = held
            cohort.mode = 1 if held > t else 0
            requeue(m.queue, c, held if held > t else t + time_to_spike(p, s))
            m.control[0].queue_operations += 1
        decide(m, n, g, i, t_cross, now, t, sample)

    return cross


def _make_settle(model: Model, wish: Any, cross: Any, early: bool) -> Any:
    """After the arrivals of a micro-step: jump test, then prediction, then the cohort's key in the queue."""
    settle_whole = _make_settle_whole(model, wish, cross, early)
    settle_alone = _make_settle_alone(model, wish, cross, early)

    @kernel_part
    def settle(m: Machine, n: int, c: int, t: float, sample: Any) -> None:
        node, cohort = m.nodes[n], m.cohorts[c]
        if t < cohort.t or node.phase == 3 or cohort.mode == 1:
            return
        if node.whole == 1:
            aim(m, n, c, t)
            settle_whole(m, n, c, t, sample)
        else:
            settle_alone(m, n, c, t, sample)

    return settle


def _make_settle_whole(model: Model, wish: Any, cross: Any, early: bool) -> Any:
    """Settle a population that is one cohort: nothing to do where nobody can cross before the horizon."""
    n_state, n_rows = len(model.state), len(model.rows)
    slices, load, part, rows = SLICES[n_state], LOAD[n_state], LOAD[n_rows], SLICES[n_rows]
    block, limit_block = BLOCKS[n_state], BLOCKS[n_rows]
    may_spike, above, time_to_spike = model.may_spike, model.above, model.time_to_spike

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
        """Members low… of the cohort: fire who is at threshold, store who crosses up to the horizon."""
        node, cohort = m.nodes[n], m.cohorts[c]
        soon = early and node.phase == 2
        for i in range(near[0].size):
            p, s = part(limits, i), load(near, i)
            if not (everyone or may_spike(p, s, pad)):
                continue
            g = node.first + low + i
            if m.neurons[g].done == 1:
                continue
            key = cohort.t + time_to_spike(p, s)
            if key >= node.t_max:
                key = math.inf
            elif soon:
                key = wish(m, n, g, low + i, key, t, sample)
            if key <= t or (cohort.fresh == 1 and above(p, s)) or (node.jumps == 1 and above(p, s)):
                cross(m, n, c, low + i, t, sample)
            elif key < math.inf and (key <= cohort.horizon or soon):
                cohort.candidates = push(m.waiting, node.first, cohort.candidates, key, low + i)

    @kernel_part
    def settle_whole(m: Machine, n: int, c: int, t: float, sample: Any) -> None:
        node, cohort = m.nodes[n], m.cohorts[c]
        soon = early and node.phase == 2
        if soon:
            cohort.bound = math.inf
        everyone = cohort.fresh == 1 or node.jumps == 1 or soon
        cohort.candidates = 0
        if everyone or cohort.flagged > 0:
            pad = reach(cohort.t, cohort.horizon)
            st = slices(m.numbers, node.state, node.n_neurons)
            pr = rows(m.numbers, node.params, node.n_neurons)
            for low in range(0, node.n_neurons, BLOCK):
                size = min(BLOCK, node.n_neurons - low)
                near, limits = block(st, low, size), limit_block(pr, low, size)
                if everyone or count(near, limits, pad) > 0:
                    settle_block(m, n, c, low, near, limits, pad, everyone, t, sample)
        cohort.fresh = 0
        schedule(m, node, c)

    return settle_whole


def _make_settle_alone(model: Model, wish: Any, cross: Any, early: bool) -> Any:
    """Settle a neuron that is a cohort of its own."""
    n_state, n_rows = len(model.state), len(model.rows)
    slices, load, part, rows = SLICES[n_state], LOAD[n_state], LOAD[n_rows], SLICES[n_rows]
    time_to_spike, above = model.time_to_spike, model.above

    @kernel_part
    def settle_alone(m: Machine, n: int, c: int, t: float, sample: Any) -> None:
        """A neuron that is a cohort of its own: its crossing is the cohort's key."""
        node, cohort = m.nodes[n], m.cohorts[c]
        i = c - node.cohort
        key = math.inf
        test = cohort.fresh == 1 or node.jumps == 1
        cohort.fresh = 0
        if m.neurons[node.first + i].done == 0:
            p = part(rows(m.numbers, node.params, node.n_neurons), i)
            s = load(slices(m.numbers, node.state, node.n_neurons), i)
            key = cohort.t + time_to_spike(p, s)
            if key >= node.t_max:
                key = math.inf
            elif early and node.phase == 2:
                key = wish(m, n, node.first + i, i, key, t, sample)
            if key <= t or (test and above(p, s)):
                cross(m, n, c, i, t, sample)
                return
        if key < math.inf or m.queue[c].place >= 0:
            requeue(m.queue, c, key)
            m.control[0].queue_operations += 1

    return settle_alone


@kernel_part
def schedule(m: Machine, node: Any, c: int) -> None:
    """Queue the cohort at its first stored crossing, else at the time when it must be looked at again."""
    cohort = m.cohorts[c]
    key = cohort.bound
    if cohort.candidates > 0:
        key = min(key, m.waiting[node.first].t)
    if key < math.inf or m.queue[c].place >= 0:
        requeue(m.queue, c, key)
        m.control[0].queue_operations += 1


def _make_switches(model: Model, decide: Any) -> tuple[Any, Any, Any]:
    """t_min, clock ticks and the read-out."""
    n_state, n_rows = len(model.state), len(model.rows)
    slices, load, store, part, rows = SLICES[n_state], LOAD[n_state], STORE[n_state], LOAD[n_rows], SLICES[n_rows]
    propagator, advance, open_state = model.propagator, model.advance, model.open_window
    tick_state, above, reset = model.tick, model.above, model.reset
    clocked = model.clocked

    @jitable
    def open_window(m: Machine, n: int, t: float) -> None:
        node = m.nodes[n]
        st = slices(m.numbers, node.state, node.n_neurons)
        pr = rows(m.numbers, node.params, node.n_neurons)
        for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
            cohort = m.cohorts[c]
            low = (c - node.cohort) * node.cohort_size
            dt = t - cohort.t
            coefficients = propagator(part(pr, low), dt)
            for i in range(low, low + node.cohort_size):
                if m.neurons[node.first + i].done == 1:
                    continue
                s = load(st, i)
                if dt > 0.0:
                    s = advance(coefficients, s)
                store(st, i, open_state(part(pr, i), s))
            cohort.t = t
            cohort.flagged = 1
            touch(m, c, t)

    @jitable
    def tick(m: Machine, n: int, t: float, sample: Any) -> None:
        if clocked:
            node = m.nodes[n]
            st = slices(m.numbers, node.state, node.n_neurons)
            pr = rows(m.numbers, node.params, node.n_neurons)
            for i in range(node.n_neurons):
                p = part(pr, i)
                s = tick_state(p, load(st, i))
                if above(p, s):
                    s = reset(p, s)
                    decide(m, n, node.first + i, i, t, t, t, sample)
                store(st, i, s)

    @jitable
    def readout(m: Machine, n: int, values: Any) -> None:
        node = m.nodes[n]
        st = slices(m.numbers, node.state, node.n_neurons)
        for i in range(node.n_neurons):
            values[node.readout + i] = st[0][i]

    return open_window, tick, readout
