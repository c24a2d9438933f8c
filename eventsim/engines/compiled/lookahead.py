"""Several packets in one sweep, where nothing can happen to their targets in between: conservative lookahead.

Relies on the machine's arrays and on a model's scalar functions. Used by `folding` for populations that are one
cohort. Each neuron still sees its inputs one by one, in the published order, with the same operations, so the bits are
those of packets taken one by one; only the loops over packets and over neurons change places, and the state stays in
registers. If anybody may spike before the last of the packets, the state is put back and they are taken one by one.
"""

import functools
import math
from typing import Any

from eventsim._jit import kernel_part
from eventsim.engines.compiled.delivery import make_receive
from eventsim.engines.compiled.horizon import reach, rekey
from eventsim.engines.compiled.keys import lane_key
from eventsim.engines.compiled.queue import requeue
from eventsim.engines.compiled.rows import LOAD, SLICES, STORE
from eventsim.engines.tables import INTEGRATING, OPEN, Machine, packet_at
from eventsim.network.dynamics import Dynamics

# Packets a sweep. More save little, since the weights are then the larger part of what is read.
TOGETHER = 4
# After a sweep in vain, as many packets are taken one by one: neurons that spike rarely come alone.
CAUTION = 8


@kernel_part
def undisturbed(m: Machine, n: int, k: int, t: float) -> float:
    """Nothing but packets of lane k, and members' own crossings, can reach population n before this time."""
    node, node_state = m.nodes[n], m.node_states[n]
    earliest = min(m.control[0].until, m.control[0].lost, node.t_min if node_state.phase < OPEN else node.t_max)
    for j in range(node.first_in, node.last_in):
        if m.links[j] != k:
            other, other_state = m.lanes[m.links[j]], m.lane_states[m.links[j]]
            if other_state.head < other_state.tail:
                earliest = min(earliest, m.ring[packet_at(other_state, 0)].t)
            elif m.nodes[other.pre].dynamics >= 0:
                earliest = min(earliest, t + other.delay)
    return earliest


@kernel_part
def several(m: Machine, n: int, k: int, t: float) -> bool:
    """May the packet of lane k that arrives at t be taken together with those behind it?

    They must arrive one after another, before anything else can reach population n, with one more behind them: up to
    that one the sweep looks for crossings. The answer is no where the sample may end at any event, since other
    populations may be behind then.
    """
    control, lane_state, node, node_state = m.control[0], m.lane_states[k], m.nodes[n], m.node_states[n]
    cohort = m.cohort_states[node.cohort]
    if (
        control.lookahead == 0
        or control.limited == 1
        or control.packets > 1
        or lane_state.tail - lane_state.head < TOGETHER
        or control.events + TOGETHER > control.stop
    ):
        return False
    if cohort.flagged > 0 or cohort.fresh == 1 or node_state.phase != INTEGRATING:
        return False
    if cohort.singly > 0:
        cohort.singly -= 1
        return False
    before = t
    for j in range(TOGETHER):
        arrival = m.ring[packet_at(lane_state, j)].t
        if not before < arrival:
            return False
        before = arrival
    last = m.ring[packet_at(lane_state, TOGETHER - 2)].t
    return last < undisturbed(m, n, k, t)


@kernel_part
def take_singly(m: Machine, n: int, k: int, neuron: int, spike: Any, t: float) -> bool:  # noqa: ARG001 - for `together`
    """Take every packet on its own."""
    return False


@functools.cache
def _make_sweep(dynamics: Dynamics) -> Any:
    """``sweep(spike, st, tried, pr, w, c, near)``: see there."""
    load, store, part = LOAD[len(dynamics.state)], STORE[len(dynamics.state)], LOAD[len(dynamics.rows)]
    advance, may_spike = dynamics.advance, dynamics.may_spike
    receive = make_receive(dynamics, ())

    @kernel_part
    def step(spike: Any, p: Any, s: Any, c: Any, w: float, near: float) -> Any:
        """The state behind one of the packets, and whether the neuron may spike before the next."""
        behind = receive(spike, 0, advance(c, s), w, 0.0)
        return behind, may_spike(p, behind, near)

    @kernel_part
    def sweep(spike: Any, st: Any, tried: Any, pr: Any, w: Any, c: Any, near: Any) -> int:
        """Advance and receive TOGETHER times, from `st` into `tried`; count who may spike on the way.

        `st`, `tried` and `pr` are tuples of rows (n_neurons,), `w` has the weights (n_neurons,) of each packet.
        """
        count = 0
        for i in range(st[0].size):
            p = part(pr, i)
            s, first = step(spike, p, load(st, i), c[0], w[0][i], near[0])
            s, second = step(spike, p, s, c[1], w[1][i], near[1])
            s, third = step(spike, p, s, c[2], w[2][i], near[2])
            s, fourth = step(spike, p, s, c[3], w[3][i], near[3])
            store(tried, i, s)
            count += first | second | third | fourth
        return count

    return sweep


@functools.cache
def make_together(dynamics: Dynamics) -> Any:
    """``together(m, n, k, neuron, spike, t)``: fold a packet and those behind it; False: they must be taken alone."""
    n_state, n_rows = len(dynamics.state), len(dynamics.rows)
    slices, part, rows, propagator = SLICES[n_state], LOAD[n_rows], SLICES[n_rows], dynamics.propagator
    sweep = _make_sweep(dynamics)

    @kernel_part
    def weights(m: Machine, k: int, size: int, j: int) -> Any:
        """Weights of the j-th packet from the head of lane k on, (size,)."""
        first = m.lanes[k].weights + m.ring[packet_at(m.lane_states[k], j)].neuron * size
        return m.weights[first : first + size]

    @kernel_part
    def together(m: Machine, n: int, k: int, neuron: int, spike: Any, t: float) -> bool:
        if not several(m, n, k, t):
            return False
        control, lane, lane_state = m.control[0], m.lanes[k], m.lane_states[k]
        node, node_state = m.nodes[n], m.node_states[n]
        cohort, size = m.cohort_states[node.cohort], node.n_neurons
        st = slices(m.values, node_state.state, size)
        pr = rows(m.params, node_state.params, size)
        t1 = m.ring[packet_at(lane_state, 0)].t
        t2 = m.ring[packet_at(lane_state, 1)].t
        t3 = m.ring[packet_at(lane_state, 2)].t
        after = m.ring[packet_at(lane_state, 3)].t
        first, p = lane.weights + neuron * size, part(pr, 0)
        w = (
            m.weights[first : first + size],
            weights(m, k, size, 0),
            weights(m, k, size, 1),
            weights(m, k, size, 2),
        )
        since = m.since[node.cohort]
        c = (propagator(p, t - since), propagator(p, t1 - t), propagator(p, t2 - t1), propagator(p, t3 - t2))
        near = (reach(t, t1), reach(t1, t2), reach(t2, t3), reach(t3, after))
        if sweep(spike, st, slices(m.values, node_state.spare, size), pr, w, c, near) > 0:
            cohort.singly = CAUTION
            return False
        node_state.state, node_state.spare = node_state.spare, node_state.state
        m.since[node.cohort] = control.now = t3
        lane_state.head += TOGETHER - 1
        node_state.visited += (TOGETHER - 1) * size
        control.events += TOGETHER - 1
        requeue(m.queue, lane_key(m, k), after)
        if cohort.queued == 1:
            rekey(m, node.cohort, math.inf)
        return True

    return together
