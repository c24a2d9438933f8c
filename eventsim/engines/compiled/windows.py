"""Changes that are known beforehand: windows that begin, open and close, and drives that change; one queue key for all.

Relies on the machine's arrays. Used by `machine`, which lays them out, by `gathering` and by `standing`.
"""

import math
from typing import Any

import numpy as np

from eventsim._jit import kernel_part
from eventsim.engines.compiled.horizon import rekey, touch
from eventsim.engines.compiled.keys import switch_key
from eventsim.engines.compiled.queue import requeue
from eventsim.engines.tables import CLOSED, INTEGRATING, OPEN, SWITCH, T_MAX, T_MIN, T_START, T_STEP, Machine, Output
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]


def new_switches(net: Network) -> Array:
    """Changes of windows and parameters, (n_changes + 1,) records by time and population; the last one never comes."""
    steps = [(t, population.order, T_STEP) for population in net.populations for t, _ in population.pieces()]
    entries = [
        *steps,
        *[
            (float(t), population.order, what)
            for population in net.populations
            if population.model.windowed
            for what, t in enumerate(population.window or ())
            if t < math.inf
        ],
    ]
    return np.array([*sorted(entries), (math.inf, 0, 0)], dtype=SWITCH)


def make_switch(readout: Any, open_window: Any) -> Any:
    """Stage 2: node n begins to integrate (t_start), opens (t_min) or closes (t_max), or its drive changes."""

    @kernel_part
    def switch_node(m: Machine, output: Output, t: float, n: int, what: int) -> None:
        node = m.nodes[n]
        if what == T_START:
            m.node_states[n].phase = INTEGRATING
            for c in range(node.cohort, node.cohort + node.n_neurons // node.cohort_size):
                touch(m, c, t)
                m.cohort_states[c].fresh = 1
                m.cohort_states[c].flagged = 1
        elif what != T_MAX:
            open_window(node.dynamics, m, n, t, what == T_MIN)
            if what == T_STEP:
                m.node_states[n].params += node.params_size
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


def place_switches(machine: Machine, now: float) -> None:
    """Windows and drives as they are once the changes up to `now` have been made."""
    behind = {T_START: INTEGRATING, T_MIN: OPEN, T_MAX: CLOSED}
    nodes, states = machine.nodes, machine.node_states
    done = machine.switches[: np.searchsorted(machine.switches.t, now, side="right")]
    machine.control.switch = len(done)
    for change in done:
        n = change.node
        if change.what == T_STEP:
            states.params[n] += nodes.params_size[n]
        else:
            closes = change.what == T_MIN and nodes.readout[n] >= 0
            states.phase[n] = CLOSED if closes else behind[int(change.what)]
    requeue(machine.queue, switch_key(machine), float(machine.switches.t[len(done)]))
