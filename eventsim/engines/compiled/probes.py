"""Recorded membranes: the state of chosen neurons, noted after each micro-step that changed it.

Relies on the machine's arrays. Used by the loop and by `standing`.
"""

from eventsim._jit import kernel_part
from eventsim.engines.compiled.layout import values_of
from eventsim.engines.tables import TRACE_ROWS, Machine, Output, slot_of


@kernel_part
def note_traces(m: Machine, output: Output, t: float) -> None:
    """Record each chosen neuron that has begun to integrate, changed its state or crossed in this micro-step."""
    for k in range(m.probes.size):
        g = m.probes[k].neuron
        node, node_state = m.nodes[m.neurons[g].node], m.node_states[m.neurons[g].node]
        crossed = m.neuron_states[g].probed == 2
        m.neuron_states[g].probed = 1
        if t < node.t_start or (m.neuron_states[g].done == 1 and not crossed):
            continue
        changed = crossed or m.probe_states[k].noted == 0
        m.probe_states[k].noted = 1
        first, step = node_state.state + slot_of(node, g - node.first), node.n_neurons
        for r in range(min(node.n_state, TRACE_ROWS)):
            changed |= m.values[first + r * step] != m.probe_states[k].state[r]
        if changed:
            for r in range(min(node.n_state, TRACE_ROWS)):
                gone = r > 0 and m.neuron_states[g].done == 1  # of a neuron that spikes once, V = -inf is left
                m.probe_states[k].state[r] = 0.0 if gone else m.values[first + r * step]
            _write_trace(m, output, k, t)


@kernel_part
def _write_trace(m: Machine, output: Output, k: int, t: float) -> None:
    control = m.control[0]
    if control.traces >= output.traces.size:  # the loop returns before that (TRACES_FULL): as in `lists`
        control.full = 1
        return
    trace = output.traces[control.traces]
    trace.sample = control.sample
    trace.neuron = m.probes[k].neuron
    trace.time = t
    for r in range(TRACE_ROWS):
        trace.state[r] = m.probe_states[k].state[r]
    control.traces += 1


def place_probes(machine: Machine) -> None:
    """What was noted last of a recorded neuron is its state: else it would have been noted again."""
    for k, g in enumerate(machine.probes.neuron.tolist()):
        node = machine.nodes[machine.neurons.node[g]]
        values = values_of(machine, int(machine.neurons.node[g]))[:, g - int(node.first)]
        n_rows = min(len(values), machine.probe_states.state.shape[1])
        machine.probe_states.state[k, :n_rows] = values[:n_rows] if machine.probe_states.noted[k] else 0.0
