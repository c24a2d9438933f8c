"""When a cohort must be looked at again: which cohorts changed, how far ahead crossings are stored, the queue's key.

Relies on the machine's arrays and the queue. Used by the parts of the loop that change a cohort: `folding`,
`lookahead`, `parts`, `arrival`.
"""

import math
from typing import Any

from eventsim._jit import jitable, kernel_part
from eventsim.engines.compiled.lists import append
from eventsim.engines.compiled.queue import requeue
from eventsim.engines.tables import OPEN, Machine, packet_at

# Widens the horizon of the cheap check by more than the rounding of t + time_to_spike, so that it errs towards yes.
PAD = 8.0 * 2.0**-52


@jitable
def reach(t: float, horizon: float) -> float:
    """How far a crossing may lie behind t to be looked at: up to the horizon, and a little further for rounding."""
    return horizon - t + PAD * (abs(horizon) + abs(t))


@kernel_part
def touch(m: Machine, c: int, t: float) -> None:
    """Note that cohort c changes in this micro-step, so that it is settled once its arrivals are in."""
    control = m.control[0]
    cohort = m.cohort_states[c]
    if cohort.stamp != control.stamp:
        cohort.stamp = control.stamp
        cohort.touched_at = t
        control.touched = append(m, 0, control.fired_at, control.touched, c)


@kernel_part
def aim(m: Machine, n: int, c: int, t: float) -> None:
    """Set how far ahead the crossings of cohort c are stored, once a micro-step and after all of t was gathered.

    The horizon is the earliest time at which something is sure or able to reach the cohort: its next window change,
    the head of a lane, or t + delay of a lane that is empty (a bound: the cohort is looked at again then). Where
    what arrives may miss the cohort, it looks as far as the next window change. The longer nothing has come, the
    further it looks: a delay may be a millionth of a window, and a stored crossing does not keep inputs away.
    """
    cohort = m.cohort_states[c]
    if cohort.aimed == m.control[0].stamp:
        return
    cohort.aimed = m.control[0].stamp
    node, node_state = m.nodes[n], m.node_states[n]
    cohort.bound = math.inf
    horizon = node.t_min if node_state.phase < OPEN else node.t_max
    if node.patchy == 1:
        cohort.horizon = horizon
        return
    # Arrivals that are not let in (deaf, from t_min on) touch nobody: they are no reason to look again.
    last = node.first_in if node.deaf == 1 and node_state.phase == OPEN else node.last_in
    for k in range(node.first_in, last):
        lane, lane_state = m.lanes[m.links[k]], m.lane_states[m.links[k]]
        if lane_state.head < lane_state.tail:
            arrival = m.ring[packet_at(lane_state, 0)].t
            if arrival < horizon:
                horizon = arrival
                cohort.bound = math.inf
        elif lane.delay > 0.0 and m.nodes[lane.pre].dynamics >= 0:
            ahead = t + max(lane.delay, t - m.since[c], PAD * abs(t))
            if ahead < horizon:
                horizon = ahead
                cohort.bound = horizon
    cohort.horizon = horizon


@kernel_part
def rekey(m: Machine, c: int, key: float) -> None:
    """Set the time at which cohort c must be looked at; inf: never."""
    requeue(m.queue, c, key)
    m.cohort_states[c].queued = key < math.inf


@kernel_part
def heap_of(node: Any, c: int) -> int:
    """Where the heap of stored crossings of cohort c begins."""
    return node.first + (c - node.cohort) * node.cohort_size


@kernel_part
def schedule(m: Machine, node: Any, c: int) -> None:
    """Queue the cohort at its first stored crossing, else at the time when it must be looked at again."""
    cohort = m.cohort_states[c]
    key = cohort.bound
    if cohort.candidates > 0:
        key = min(key, m.waiting[heap_of(node, c)].t)
    if key < math.inf or cohort.queued == 1:
        rekey(m, c, key)
        m.control[0].queue_operations += 1
