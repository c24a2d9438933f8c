"""Additions that left the range of a register, counted when a sample ends.

Relies on the machine's arrays and on the dynamics that count them. Used by `parts`, `event_loop` and `engine`.
"""

import functools
from typing import Any

import numpy as np

from eventsim._jit import jitable, kernel_part
from eventsim.engines import problems
from eventsim.engines.compiled.rows import LOAD, SLICES
from eventsim.engines.tables import BETWEEN_TICKS, Machine
from eventsim.network.dynamics import Dynamics
from eventsim.network.network import Network


@functools.cache
def make_overflows(dynamics: Dynamics) -> Any:
    """Sum what the neurons of a population counted, those to come until the end included."""
    n_state, n_rows, counted = len(dynamics.state), len(dynamics.rows), dynamics.overflows
    slices, load, part, rows = SLICES[n_state], LOAD[n_state], LOAD[n_rows], SLICES[n_rows]
    if counted is None:

        @jitable
        def none(m: Machine, n: int, end: float) -> int:  # noqa: ARG001 - for `overflows`
            return 0

        return none

    @kernel_part
    def overflows(m: Machine, n: int, end: float) -> int:
        node, node_state = m.nodes[n], m.node_states[n]
        st = slices(m.values, node_state.state, node.n_neurons)
        pr = rows(m.params, node_state.params, node.n_neurons)
        last, total = min(end, node.t_min if node.readout >= 0 else node.t_max), 0
        for i in range(node.n_neurons):
            since = m.since[node.cohort + i // node.cohort_size]
            found = counted(part(pr, i), load(st, i), last - since)
            if found != found:
                return BETWEEN_TICKS
            total += int(found)
        return total

    return overflows


@functools.cache
def make_check(overflows: Any) -> Any:
    """Count what left the range of a register in a sample that ends; does it end the run?"""
    if overflows is None:

        @kernel_part
        def nothing(m: Machine, end: float) -> bool:  # noqa: ARG001 - for `check`
            return False

        return nothing

    @kernel_part
    def check(m: Machine, end: float) -> bool:
        ends = False
        for n in range(m.nodes.size):
            if m.nodes[n].dynamics >= 0:
                count = overflows(m.nodes[n].dynamics, m, n, end)
                m.node_states[n].overflows = count
                ends = ends or count < 0 or (count > 0 and m.nodes[n].exact == 1)
        return ends

    return check


def overflow_problem(m: Machine, net: Network) -> str:
    """What ended a run that `check` ends, in words."""
    counts = m.node_states.overflows
    n = int(np.flatnonzero((counts < 0) | ((counts > 0) & (m.nodes.exact == 1)))[0])
    return problems.overflowed(int(m.control.sample[0]), net.nodes[n], int(counts[n]))
