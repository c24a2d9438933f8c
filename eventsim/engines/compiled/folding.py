"""Arrival at the targets: how one packet is folded into the neurons that its projection reaches.

Relies on the machine's arrays and on the delivery of an input to a neuron. Used by `parts`. Neurons that
share a time of last update are folded in one loop over contiguous arrays; others one by one, each with a propagator of
its own.
"""

import functools
import math
from typing import Any, NamedTuple

from eventsim._jit import kernel_part
from eventsim.engines.compiled.delivery import make_sweeps, make_take, make_weigh
from eventsim.engines.compiled.horizon import aim, reach, touch
from eventsim.engines.compiled.lookahead import make_together, take_singly
from eventsim.engines.compiled.rows import BLOCKS, LOAD, SLICES, STORE
from eventsim.engines.tables import BY_ORDER, CONV, DENSE, NOT_BEGUN, ONE_TO_ONE, OPEN, Machine, split_tap
from eventsim.network.dynamics import Dynamics


@functools.cache
def make_dense(dynamics: Dynamics, delivers: tuple[Any, ...], ahead: bool) -> Any:
    """Fold a packet into a whole population: one propagator, then a loop over contiguous arrays."""
    n_state, n_rows = len(dynamics.state), len(dynamics.rows)
    slices, part, rows, propagator = SLICES[n_state], LOAD[n_rows], SLICES[n_rows], dynamics.propagator
    sweep, fold = make_sweeps(dynamics, delivers)
    together = make_together(dynamics) if ahead and not delivers else take_singly

    @kernel_part
    def dense(m: Machine, n: int, k: int, neuron: int, spike: Any, t: float, error: float) -> None:
        node, node_state, lane = m.nodes[n], m.node_states[n], m.lanes[k]
        size = node.n_neurons
        st = slices(m.values, node_state.state, size)
        pr = rows(m.params, node_state.params, size)
        first = neuron * size
        w = m.weights[lane.weights + first : lane.weights + first + size]
        cohort = m.cohort_states[node.cohort]
        if node_state.phase == NOT_BEGUN or node.clocked:
            fold(spike, first, 1, st, pr, w, 0.0, error)
            return
        if together(m, n, k, neuron, spike, t):
            return
        touch(m, node.cohort, t)
        aim(m, n, node.cohort, t)
        horizon = cohort.horizon
        pad = reach(t, horizon)
        dt = t - m.since[node.cohort]
        if dt > 0.0:
            m.since[node.cohort] = t
            cohort.flagged = sweep(spike, first, 1, st, pr, w, propagator(part(pr, 0), dt), pad, error)
        else:
            cohort.flagged = fold(spike, first, 1, st, pr, w, pad, error)

    return dense


@functools.cache
def make_conv(dynamics: Dynamics, delivers: tuple[Any, ...]) -> Any:
    """Fold a packet into the channels of each position that a kernel reaches: a cohort, or several, a position."""
    n_state, n_rows = len(dynamics.state), len(dynamics.rows)
    slices, part, rows, propagator = SLICES[n_state], LOAD[n_rows], SLICES[n_rows], dynamics.propagator
    block, limits = BLOCKS[n_state], BLOCKS[n_rows]
    sweep, fold = make_sweeps(dynamics, delivers)

    @kernel_part
    def conv(m: Machine, n: int, k: int, neuron: int, spike: Any, t: float, error: float) -> None:
        node, node_state, lane = m.nodes[n], m.node_states[n], m.lanes[k]
        st = slices(m.values, node_state.state, node.n_neurons)
        pr = rows(m.params, node_state.params, node.n_neurons)
        # Numbers of records are read once: what the loop stores might, for all that the compiler knows, change them.
        bits, groups, out, width, size = lane.tap_bits, lane.groups, lane.out, lane.group_out, node.cohort_size
        channel, source = neuron // lane.positions, lane.rows + neuron % lane.positions
        group, weights, targets = channel // lane.group_in, lane.weights + channel * lane.taps * width, lane.targets
        first_cohort, synapse = node.cohort + group, neuron * node.n_neurons + group * width * out
        held, jumps = node_state.phase == NOT_BEGUN, node.jumps == 1
        pad = reach(t, node.t_min if node_state.phase < OPEN else node.t_max)
        for j in range(m.links[source], m.links[source + 1]):
            target, tap = split_tap(m.targets[targets + j], bits)
            c = first_cohort + target * groups
            low = (group + target * groups) * size
            first = weights + tap * width
            near, near_limits, w = block(st, low, width), limits(pr, low, width), m.weights[first : first + width]
            cohort, dt = m.cohort_states[c], 0.0 if held else t - m.since[c]
            if dt > 0.0:
                m.since[c] = t
                ahead = propagator(part(pr, low), dt)
                flagged = sweep(spike, synapse + target, out, near, near_limits, w, ahead, pad, error)
            else:
                flagged = fold(spike, synapse + target, out, near, near_limits, w, pad, error)
            if held:
                continue
            cohort.flagged = flagged
            if flagged > 0 or cohort.queued == 1 or jumps or cohort.fresh == 1:
                touch(m, c, t)

    return conv


class Member(NamedTuple):
    """What the neurons of a population that are updated one by one have in common, read once a packet."""

    first: int
    cohort: int
    apart: int  # from the parameters of a neuron to those of the next
    held: bool
    single: bool


@functools.cache
def _make_fold(dynamics: Dynamics, delivers: tuple[Any, ...]) -> Any:
    """Fold one input into a neuron that is updated alone; a refractory one takes none."""
    load, store, part = LOAD[len(dynamics.state)], STORE[len(dynamics.state)], LOAD[len(dynamics.rows)]
    propagator, advance, above = dynamics.propagator, dynamics.advance, dynamics.above
    may_spike, weigh, take = dynamics.may_spike, make_weigh(delivers), make_take(dynamics, delivers)

    @kernel_part
    def fold(
        m: Machine, member: Any, st: Any, pr: Any, i: int, spike: Any, synapse: int, w: float, t: float, error: float
    ) -> None:
        arrived = weigh(spike, synapse, w)
        if member.held:
            store(st, i, take(spike, load(st, i), arrived, error))
            return
        c = member.cohort + i
        since = m.since[c]
        if t < since or (member.single and m.neuron_states[member.first + i].done == 1):
            return
        p, before = part(pr, i * member.apart), load(st, i)
        s = before
        if t > since:
            s = advance(propagator(p, t - since), s)
            m.since[c] = t
        s = take(spike, s, arrived, error)
        store(st, i, s)
        # Who is below the threshold, cannot rise to it, and could not before, has nothing stored: no need to settle it.
        if above(p, s) or may_spike(p, s, math.inf) or may_spike(p, before, math.inf):
            m.cohort_states[c].flagged = 1
            touch(m, c, t)

    return fold


@functools.cache
def make_row(dynamics: Dynamics, delivers: tuple[Any, ...]) -> Any:
    """Fold a packet into neurons that are updated one by one."""
    slices, rows, fold = SLICES[len(dynamics.state)], SLICES[len(dynamics.rows)], _make_fold(dynamics, delivers)

    @kernel_part
    def row(
        m: Machine, n: int, lane: Any, neuron: int, begin: int, end: int, spike: Any, t: float, error: float
    ) -> None:
        node, node_state = m.nodes[n], m.node_states[n]
        st = slices(m.values, node_state.state, node.n_neurons)
        pr = rows(m.params, node_state.params, node.n_neurons)
        held = node_state.phase == NOT_BEGUN or node.clocked == 1
        member = Member(node.first, node.cohort, node.apart, held, node.single == 1)
        synapse = neuron * node.n_neurons  # of target 0
        if lane.kind == DENSE:
            for i in range(node.n_neurons):
                fold(m, member, st, pr, i, spike, synapse + i, m.weights[lane.weights + synapse + i], t, error)
        elif lane.kind == ONE_TO_ONE:
            fold(m, member, st, pr, neuron, spike, synapse + neuron, m.weights[lane.weights + neuron], t, error)
        elif lane.kind != CONV:
            place = lane.weights + (neuron if lane.alike == 1 else begin)
            above_pairs = m.nodes[lane.pre].n_neurons * node.n_neurons
            for k in range(begin, end):
                i = m.targets[lane.targets + k]
                number = synapse + i
                if lane.parallel == 1:
                    number = above_pairs + (k if lane.places == BY_ORDER else m.links[lane.places + k])
                fold(m, member, st, pr, i, spike, number, m.weights[place], t, error)
                place += 1 - lane.alike
        else:
            channel, source = neuron // lane.positions, lane.rows + neuron % lane.positions
            for k in range(m.links[source], m.links[source + 1]):
                target, tap = split_tap(m.targets[lane.targets + k], lane.tap_bits)
                first = lane.weights + (channel * lane.taps + tap) * lane.group_out
                for j in range(lane.group_out):
                    i = (channel // lane.group_in * lane.group_out + j) * lane.out + target
                    fold(m, member, st, pr, i, spike, synapse + i, m.weights[first + j], t, error)

    return row
