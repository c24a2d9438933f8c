"""What the loop records of spikes: one record each, of the sources and populations that are to be kept.

Relies on the machine's arrays. Used by `emission` and `sources`, which leave room for what a micro-step may send.
"""

from eventsim._jit import kernel_part
from eventsim.engines.tables import Machine, Output


@kernel_part
def write_spike(m: Machine, output: Output, g: int, t: float) -> None:
    """Record the spike of neuron g at t, if its population is recorded."""
    control = m.control[0]
    n = m.neurons[g].node
    if m.nodes[n].recorded == 0:
        return
    if control.spikes >= output.spikes.size:
        m.control[0].full = 1
        return
    spike = output.spikes[control.spikes]
    spike.sample = control.sample
    spike.population = n
    spike.neuron = g - m.nodes[n].first
    spike.time = t
    control.spikes += 1
