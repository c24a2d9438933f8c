"""Clocks: populations that take ticks at whole multiples of their period; one queue key a clock.

Relies on the machine's arrays. Used by `gathering`, by the loop and by `standing`. A tick that is due waits in a list
of the micro-step for that of its rank. Ticks are counted, never added up.
"""

import functools
from typing import Any

import numpy as np

from eventsim._jit import kernel_part
from eventsim.engines.compiled.keys import clock_key
from eventsim.engines.compiled.lists import append
from eventsim.engines.compiled.queue import requeue, sort_numbers
from eventsim.engines.sample_state import SampleState
from eventsim.engines.tables import Machine

Array = np.ndarray[Any, Any]


@kernel_part
def gather_clock(m: Machine, n: int) -> None:
    """The tick of population n is due."""
    control = m.control[0]
    control.due = append(m, control.due_at, control.packets_at, control.due, n)
    m.node_states[n].tick += 1
    requeue(m.queue, clock_key(m, n), m.node_states[n].tick * m.nodes[n].period)


@functools.cache
def make_ticks(tick: Any) -> Any:
    """``ticks(m, rank, t, sample)``: take those of this rank, in the order of populations."""

    @kernel_part
    def ticks(m: Machine, rank: int, t: float, sample: Any) -> None:
        control = m.control[0]
        kept = 0
        sort_numbers(m.work[control.due_at : control.due_at + control.due], control.due)
        for j in range(control.due):
            n = m.work[control.due_at + j]
            if m.nodes[n].rank == rank:
                tick(m.nodes[n].dynamics, m, n, t, sample)
                control.events += 1
            else:
                m.work[control.due_at + kept] = m.work[control.due_at + j]
                kept += 1
        control.due = kept

    return ticks


def ticks_to_take(machine: Machine) -> Array:
    """The next tick of each clock that has not been taken, (n_nodes,); 0 of a node without a clock."""
    control, ticks = machine.control[0], np.array(machine.node_states.tick)
    ticks[machine.work[int(control.due_at) : int(control.due_at) + int(control.due)]] -= 1
    return ticks


def place_clocks(machine: Machine, state: SampleState) -> None:
    """Let clocks go on from the ticks of a state; one that is due at its time is on the list."""
    control, nodes, states = machine.control, machine.nodes, machine.node_states
    states.tick = state.ticks
    for n in np.flatnonzero(nodes.clocked).tolist():
        if state.micro[0] > 0 and states.tick[n] * nodes.period[n] == state.now[0]:
            machine.work[int(control.due_at[0]) + int(control.due[0])] = n
            control.due += 1
            states.tick[n] += 1
        requeue(machine.queue, clock_key(machine, n), float(states.tick[n] * nodes.period[n]))
