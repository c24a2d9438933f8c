"""Changes that are known beforehand: windows that begin, open and close, and drives that change; one queue key for all.

Relies on the machine's arrays. Used by `machine`, which lays them out, by `gathering` and by `standing`.
"""

import functools
import math
from typing import Any

import numpy as np

from eventsim._jit import kernel_part
from eventsim.engines.compiled.horizon import rekey, touch
from eventsim.engines.compiled.keys import switch_key
from eventsim.engines.compiled.queue import requeue
from eventsim.engines.tables import CLOSED, INTEGRATING, OPEN, SWITCH, T_MAX, T_MIN, T_START, T_STEP, Machine, Output
from eventsim.network.network import Network
from eventsim.network.succession import BEGINNING, Standing, timeline

Array = np.ndarray[Any, Any]


def new_switches(net: Network, first: Array, sizes: Array, standing: Standing = BEGINNING) -> tuple[Array, int]:
    """Changes of windows and parameters, and how many of them have been made where the sample stands.

    Parameters
    ----------
    first, sizes : arrays (n_nodes,)
        Where the rows of parameters of each node begin, and how many numbers they have in one piece of time.
    standing
        Where the sample is taken up.

    Returns
    -------
    switches : array (n_changes + 1,)
        Those that have been made, then the others, each by time and population; the last one never comes.
    n_made
        How many have been made.
    """
    made: list[tuple[float, int, int, int]] = []
    to_come = [(math.inf, 0, 0, 0)]
    for population in net.populations:
        n = population.order
        for what, t in enumerate((population.model.windowed and population.window) or (), T_START):
            if t < math.inf:
                (made if t <= standing.now else to_come).append((float(t), n, what, 0))
        for entries, times in zip((made, to_come), timeline(population, standing), strict=True):
            entries += [(float(t), n, T_STEP, int(first[n] + (piece + 1) * sizes[n])) for t, piece in times]
    return np.array(sorted(made) + sorted(to_come), dtype=SWITCH).view(np.recarray), len(made)


@functools.cache
def make_switch(readout: Any, open_window: Any) -> Any:
    """Stage 2, switch j: a node begins to integrate, opens (t_min) or closes (t_max), or its drive changes."""

    @kernel_part
    def switch_node(m: Machine, output: Output, t: float, j: int) -> None:
        n, what = m.switches[j].node, m.switches[j].what
        node = m.nodes[n]
        if what == T_START:
            m.node_states[n].phase = INTEGRATING
            for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
                touch(m, c, t)
                m.cohort_states[c].fresh = 1
                m.cohort_states[c].flagged = 1
        elif what != T_MAX:
            # In one place, since all of the models' code is compiled into it.
            if what == T_MIN or (node.clocked == 0 and m.node_states[n].phase != CLOSED):
                open_window(node.dynamics, m, n, t, what == T_MIN)
            if what == T_STEP:
                m.node_states[n].params = m.switches[j].params
            elif node.readout >= 0:
                readout(node.dynamics, m, n, output.readout[m.control[0].sample])
                m.node_states[n].phase = CLOSED
            else:
                m.node_states[n].phase = OPEN
        else:
            m.node_states[n].phase = CLOSED
        if m.node_states[n].phase == CLOSED:
            for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
                rekey(m, c, math.inf)

    return switch_node


@kernel_part
def gather_switches(m: Machine, t: float) -> None:
    """The changes at t have come; they are made behind the crossings, which saw the state before."""
    control = m.control[0]
    while m.switches[control.switch].t == t:
        control.switch += 1
    requeue(m.queue, switch_key(m), m.switches[control.switch].t)


def place_switches(machine: Machine, n_made: int) -> None:
    """Windows and drives as they are once the first `n_made` changes have been made."""
    behind = {T_START: INTEGRATING, T_MIN: OPEN, T_MAX: CLOSED}
    nodes, states = machine.nodes, machine.node_states
    machine.control.switch = n_made
    for change in machine.switches[:n_made]:
        n = change.node
        if change.what == T_STEP:
            states.params[n] = change.params
        else:
            closes = change.what == T_MIN and nodes.readout[n] >= 0
            states.phase[n] = CLOSED if closes else behind[int(change.what)]
    requeue(machine.queue, switch_key(machine), float(machine.switches.t[n_made]))
